"""Find the language model that the user names, and set up the model in a workspace's settings."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import asdict, replace

from ankiforge.config import LlmSettings, is_loopback, parse_origin
from ankiforge.draft.server import (
    DRAFTING,
    LOCAL_DISCOVERY_TIMEOUT,
    LOCAL_SERVER_NAMES,
    MIN_BILLIONS_FOR_CARDS,
    ModelPurpose,
    Provider,
    ServerReplyError,
    ServerSettings,
    discover_servers,
    find_openai_base_url,
    find_remote_models,
    is_cloud_model,
    is_small_model,
    list_models,
    make_cloud_model_error,
    parse_model_size,
    read_providers,
)
from ankiforge.errors import ConfigError, ForgeError, ServiceError, UsageError
from ankiforge.model import Draft, Highlight, Severity, Strings, Value
from ankiforge.text import format_dollars, format_truncated_list

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.draft.client import ModelClient
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.draft.prompt import Prompt


# --- a model that the user names --------------------------------------------------------


# The hint for an invalid URL. It doesn't quote the URL, because that may contain a password.
_URL_HINT = "give a URL without user name, password or query"


class SelectedModel(Value):
    """A model that the user named, before it is used or stored in the settings."""

    llm: LlmSettings
    price_source: str = ""
    """The URL of the price and the date when it was read, or "" if the price isn't from our
    table.
    """
    server_models: Strings = ()
    """All models of the local server including this one, best first; () if the model isn't
    local.
    """

    @property
    def is_local(self) -> bool:
        """Whether the model runs on this computer."""
        return is_loopback(self.llm.base_url)

    @property
    def display_name(self) -> str:
        """The name of the model and its server for display."""
        return f"{self.llm.model} at {self.llm.base_url.partition('://')[2]}"

    def configure_workspace(self, folder: WorkspaceDirectory) -> WorkspaceDirectory:
        """Return a copy of the workspace with this model as its drafter.

        The settings file isn't changed.
        """
        llm = replace(
            folder.config.llm,
            base_url=self.llm.base_url,
            model=self.llm.model,
            key_env=self.llm.key_env,
            price_usd=self.llm.price_usd,
        )
        return replace(folder, config=replace(folder.config, drafter="llm", llm=llm))

    @property
    def settings_to_write(self) -> dict[Strings, object]:
        """The values to write to the settings file, by their path, such as `("llm", "model")`.

        Within a section, the last value of the file comes first.
        """
        price = None
        if self.llm.price_usd is not None:
            price = list(self.llm.price_usd)
        return {
            ("drafter",): "llm",
            ("llm", "price_usd"): price,
            ("llm", "key_env"): self.llm.key_env,
            ("llm", "model"): self.llm.model,
            ("llm", "base_url"): self.llm.base_url,
        }


def resolve_model(
    name: str,
    model: str | None = None,
    key_env: str | None = None,
    purpose: ModelPurpose = DRAFTING,
) -> SelectedModel:
    """Look up the model that the user named, contacting only servers on this computer.

    Args:
        name: The name of a provider, of a program on this computer or one of its models, or
            the URL of a server.
        model: The model of the provider or server, or None for the best one known.
        key_env: The environment variable with the API key, if `name` is a URL.
        purpose: What the model will be used for.

    Raises:
        UsageError: If the name is unknown or the key is missing.
        ConfigError: If the local server forwards the model to another server.
        ServiceError: If the local server does not answer.
    """
    if name == "openai":
        _check_openai_base_url()
    for provider in read_providers(os.environ):
        if provider.name == name:
            return _resolve_provider(provider, model, purpose)
    if "://" in name:
        return _resolve_server(name.rstrip("/"), name, model, key_env, purpose)
    for server in discover_servers(os.environ, purpose=purpose)(LOCAL_DISCOVERY_TIMEOUT):
        # Ollama also accepts a model's name without `:latest`
        matching_models = {name, f"{name}:latest"}.intersection(server.models)
        if name == server.name or matching_models:
            server_model = model or next(iter(matching_models), None)
            return _resolve_server(server.base_url, name, server_model, key_env, purpose)
    raise _make_unknown_name_error(name, model, purpose)


def _check_openai_base_url() -> None:
    url = find_openai_base_url(os.environ)
    if url and not any(parse_origin(url)):
        raise UsageError(f"OPENAI_BASE_URL: {_URL_HINT}")


def _resolve_provider(
    provider: Provider, model: str | None, purpose: ModelPurpose
) -> SelectedModel:
    """Select a model of a provider: `model`, or the default model for the purpose.

    The default model for drafting is the one in the table of providers.
    """
    name = provider.name
    named_model = model or purpose.default_models.get(name)
    if named_model is None and purpose is not DRAFTING:
        hint = f"ankiforge model use {name} --model MODEL --for {purpose.name}"
        raise UsageError(f"which model of {name} is for {purpose.name}?", hint=hint)
    if is_loopback(provider.base_url):  # OPENAI_BASE_URL is a server on this computer
        return _resolve_server(
            provider.base_url, name, named_model, provider.key_env, purpose
        )
    if not os.environ.get(provider.key_env, "").strip():
        hint = f"export {provider.key_env}=… in this terminal; it is stored nowhere"
        raise UsageError(f"the key, {provider.key_env}, is not set", hint=hint)
    if named_model is not None and named_model != provider.model:
        # the price in the table is that of the provider's own model
        provider = replace(provider, model=named_model, price_usd=None, source="")
    llm = LlmSettings(
        base_url=provider.base_url,
        model=provider.model,
        key_env=provider.key_env,
        price_usd=provider.price_usd,
    )
    return SelectedModel(llm, provider.source)


def _make_unknown_name_error(
    name: str, model: str | None, purpose: ModelPurpose
) -> ForgeError:
    if is_cloud_model(name):
        return make_cloud_model_error(name)
    if name in LOCAL_SERVER_NAMES:
        return _make_no_server_error(name, model, purpose)
    hint = "ankiforge model list"
    if "@" in name:  # a URL without scheme, perhaps with a password
        return UsageError(
            "there is no model of that name", hint=f"{hint}; or {_URL_HINT}"
        )
    names = [*LOCAL_SERVER_NAMES]
    names += [provider.name for provider in read_providers(os.environ)]
    for similar_name in get_close_matches(name, names, n=1):
        hint = f"did you mean {similar_name}? Or: {hint}"
    return UsageError(f"no model is called {name!r}", hint=hint)


def _make_no_server_error(
    name: str, model: str | None, purpose: ModelPurpose
) -> ServiceError:
    if name == "ollama":
        pulled_model = model or purpose.default_models[name]
        hint = f"start it (ollama serve), then: ollama pull {pulled_model}"
    else:
        program = LOCAL_SERVER_NAMES[name]
        hint = f"start {program}'s server, load a model there, and try again"
    return ServiceError(f"{name} does not answer, or has no model", hint=hint)


def _resolve_server(
    base_url: str,
    name: str,
    model: str | None,
    key_env: str | None,
    purpose: ModelPurpose,
) -> SelectedModel:
    """Find a model on a server. The models are only listed if the server is on this computer.

    Without `model`, this is the best model that the server lists.
    """
    if not any(parse_origin(base_url)):
        raise UsageError(_URL_HINT)
    local_models: Strings = ()
    if is_loopback(base_url):
        listed = list_server_models(base_url, model, key_env)
        local_models = purpose.rank_models(listed.local)
        if model in listed.remote:
            raise make_cloud_model_error(model)
        if name == "ollama" and model is not None:
            _check_is_pulled(model, listed.all, local_models)
    if model is None:
        if not local_models:
            hint = f"ankiforge model use {name} --model MODEL [--key-env VARIABLE]"
            raise UsageError(f"which model of {base_url}?", hint=hint)
        model = local_models[0]
    llm = LlmSettings(base_url=base_url, model=model, key_env=key_env or "")
    return SelectedModel(llm, server_models=local_models)


def _check_is_pulled(model: str, listed: Strings, offered_models: Strings) -> None:
    """Raise an error if Ollama lists its models, but not this one, with or without `:latest`."""
    if not listed or {model, f"{model}:latest"}.intersection(listed):
        return
    raise UsageError(
        f"Ollama has no model {model!r}; it has {format_truncated_list(offered_models)}",
        hint=f"ollama pull {model}",
    )


_CANNOT_LIST_STATUSES = (404, 405, 501)
_NO_KEY_STATUSES = (401, 403)


class ListedModels(NamedTuple):
    """The models that a local server lists."""

    all: Strings
    remote: Strings
    """Those that run on another computer."""

    @property
    def local(self) -> list[str]:
        """Those that run on this computer."""
        return [model for model in self.all if model not in self.remote]


def list_server_models(
    base_url: str, model: str | None, key_env: str | None
) -> ListedModels:
    """List the models of a local server.

    The list is empty if the server can't list its models and `model` is given.

    Raises:
        ServiceError: If the server does not answer, requires a key, or cannot list its
            models and `model` is None.
    """
    key = os.environ.get(key_env or "", "").strip()
    try:
        listed = list_models(base_url, key)
        return ListedModels(listed, find_remote_models(base_url, listed))
    except ServerReplyError as error:
        if error.status in _CANNOT_LIST_STATUSES and model is not None:
            return ListedModels((), ())
        if error.status in _NO_KEY_STATUSES and not key_env:
            hint = "name the environment variable of its key as llm.key_env"
        else:
            hint = "start it (ollama serve), or choose another: ankiforge model list"
        raise ServiceError(f"{base_url} {error}", hint=hint) from error


# --- the model of a workspace -----------------------------------------------------------


def require_model(folder: WorkspaceDirectory) -> None:
    """Raise an error unless the user has chosen a model.

    Thus, text is only sent to a service that the user has agreed to.

    Raises:
        UsageError: If no model is set.
    """
    if folder.config.drafter == "llm":
        return
    defaults = LlmSettings()
    settings = folder.config.llm
    if (settings.base_url, settings.model) == (defaults.base_url, defaults.model):
        raise UsageError(
            "no model is chosen",
            hint="ankiforge model list shows what there is, ankiforge model use NAME takes one;"
            " or let your chat ask: ankiforge draft",
        )


def load_server_settings(
    folder: WorkspaceDirectory, *, jobs: int = 0, spent: float = 0.0
) -> ServerSettings:
    """Load the settings for connecting to the workspace's model server.

    Args:
        folder: The workspace with the settings.
        jobs: The number of concurrent requests, or 0 to use the settings.
        spent: How much of the budget has already been spent, in dollars.

    Raises:
        ConfigError: If the settings are invalid. The message names the file, line and key.
    """
    llm = folder.config.llm
    options = {}
    for name, value in asdict(llm).items():
        if name not in _OTHER_LLM_SETTINGS and value is not None:
            options[name] = value
    if jobs:
        options["concurrency"] = jobs
    if llm.budget_usd is not None:
        options["budget_usd"] = max(llm.budget_usd - spent, 0.0)
    if is_small_model(llm.base_url, llm.model):
        options["per_request"] = 1  # small models confuse the highlights of one request
    try:
        return ServerSettings(**options)
    except ConfigError as error:
        # the message begins with the key, as in `llm.timeout: …`
        key, _, message = error.message.removeprefix("llm.").partition(": ")
        location = folder.config.location.locate_nested("llm", key)
        raise location.make_error(message, error.hint) from error


# The settings under `llm` that aren't about the server.
_OTHER_LLM_SETTINGS = frozenset(("prompt", "second_reading"))


def make_model_drafter(folder: WorkspaceDirectory, client: ModelClient) -> ModelDrafter:
    """Build the drafter that writes a workspace's cards with a language model."""
    from ankiforge.draft import second_reading
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.draft.prompt import load_prompt_file

    # a small model can't judge cards; a model whose name gives no size is assumed to be large
    llm = folder.config.llm
    size = parse_model_size(llm.model) or MIN_BILLIONS_FOR_CARDS
    prompt = None
    if llm.second_reading and size >= MIN_BILLIONS_FOR_CARDS:
        prompt = load_prompt_file(second_reading.PROMPT_NAME, folder.root)
    return ModelDrafter(client, load_prompt(folder), second_reading_prompt=prompt)


def describe_model(folder: WorkspaceDirectory) -> str:
    """Describe in one line the model, its server, and its cost so far at current prices.

    Returns "" if no model drafts cards. If there is no database of replies yet, none is created.
    """
    llm = folder.config.llm
    if folder.config.drafter != "llm":
        return ""
    model = SelectedModel(llm)
    if llm.price_usd is not None:
        price = f"{format_dollars(_compute_cost_so_far(folder, llm.price_usd))} so far"
    elif model.is_local:
        price = "free (local)"
    else:
        price = "price unknown (set llm.price_usd)"
    return f"{model.display_name}, {price}"


def _compute_cost_so_far(
    folder: WorkspaceDirectory, price_usd: tuple[float, float]
) -> float:
    """Return what all cached replies of the workspace's model cost, in dollars."""
    from ankiforge.config.caches import REPLIES_FILE, ReplyStore

    file = folder.state_directory / REPLIES_FILE
    if not file.is_file():
        return 0.0
    replies = ReplyStore(file)
    tokens_in, tokens_out = replies.count_tokens(folder.config.llm.model)
    replies.close()
    price_in, price_out = price_usd
    return (tokens_in * price_in + tokens_out * price_out) / 1e6


def load_prompt(folder: WorkspaceDirectory) -> Prompt:
    """Load the prompt that the settings name, or the built-in prompt of that name.

    Raises:
        ConfigError: If the prompt is missing or invalid.
    """
    from ankiforge.draft.prompt import NoPromptError, load_prompt_file

    config = folder.config
    try:
        return load_prompt_file(config.llm.prompt or "cards", folder.root)
    except NoPromptError as error:
        location = config.location.locate_nested("llm", "prompt")
        raise location.make_error(error.message, error.hint) from error


def find_blocking_messages(draft: Draft, highlight: Highlight) -> Strings:
    """Return the messages of the checks that block a draft. Duplicates aren't searched for."""
    from ankiforge import check

    context = check.CheckContext(highlight, check.DuplicateIndex())
    findings = check.check_draft(draft, context)
    blocking = [finding for finding in findings if finding.severity is Severity.BLOCK]
    return tuple(finding.message for finding in blocking)
