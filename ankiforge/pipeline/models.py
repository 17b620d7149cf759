"""Find the language model that the user names, and set up the model in a workspace's settings."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import TYPE_CHECKING

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


# The settings of a model, in the reverse of their order in the file.
_MODEL_SETTINGS = ("price_usd", "key_env", "model", "base_url")
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
    def title(self) -> str:
        """The name of the model and its server for display."""
        return f"{self.llm.model} at {self.llm.base_url.partition('://')[2]}"

    def configure_workspace(self, folder: WorkspaceDirectory) -> WorkspaceDirectory:
        """Return a copy of the workspace with this model as its drafter.

        The settings file isn't changed.
        """
        values = {name: getattr(self.llm, name) for name in _MODEL_SETTINGS}
        llm = replace(folder.config.llm, **values)
        return replace(folder, config=replace(folder.config, drafter="llm", llm=llm))

    @property
    def settings(self) -> dict[Strings, object]:
        """The values to write to the settings file, keyed by path of keys.

        Within a section, the value that comes last in the file is listed first.
        """
        values: dict[Strings, object] = {("drafter",): "llm"}
        for name in _MODEL_SETTINGS:
            value = getattr(self.llm, name)
            values["llm", name] = list(value) if isinstance(value, tuple) else value
        return values


def resolve_model(
    name: str, model: str = "", key_env: str = "", purpose: ModelPurpose = DRAFTING
) -> SelectedModel:
    """Look up the model that the user named, contacting only servers on this computer.

    Args:
        name: the name of a provider, of a program on this computer or one of its models, or
            the URL of a server.
        model: the model of the provider or server, or "" for the best one known.
        key_env: the environment variable with the API key, if `name` is a URL.
        purpose: what the model will be used for.

    Raises:
        UsageError: if the name is unknown or the key is missing.
        ConfigError: if the local server forwards the model to another server.
        ServiceError: if the local server doesn't answer.
    """
    other_openai_url = find_openai_base_url(os.environ)
    if name == "openai" and other_openai_url and not any(parse_origin(other_openai_url)):
        raise UsageError(f"OPENAI_BASE_URL: {_URL_HINT}")
    for provider in read_providers(os.environ):
        if provider.name == name:
            return _resolve_provider(provider, model, purpose)
    if "://" in name:
        return _resolve_server(name.rstrip("/"), name, model, key_env, purpose)
    for server in discover_servers(os.environ, purpose=purpose)(LOCAL_DISCOVERY_TIMEOUT):
        # Ollama also accepts a model's name without `:latest`
        matching_models = {name, f"{name}:latest"}.intersection(server.models)
        if name == server.name or matching_models:
            server_model = model or "".join(matching_models)
            return _resolve_server(server.base_url, name, server_model, key_env, purpose)
    raise _make_unknown_name_error(name, model, purpose)


def _resolve_provider(
    provider: Provider, model: str, purpose: ModelPurpose
) -> SelectedModel:
    name = provider.name
    model = model or purpose.default_models.get(name, "")
    if not model and purpose is not DRAFTING:
        hint = f"ankiforge model use {name} --model MODEL --for {purpose.name}"
        raise UsageError(f"which model of {name} is for {purpose.name}?", hint=hint)
    if model not in ("", provider.model):
        provider = replace(provider, model=model, price_usd=None, source="")
    llm = LlmSettings(**{name: getattr(provider, name) for name in _MODEL_SETTINGS})
    if is_loopback(llm.base_url):
        return _resolve_server(llm.base_url, name, model, llm.key_env, purpose)
    if not os.environ.get(provider.key_env, "").strip():
        hint = f"export {provider.key_env}=… in this terminal; it is stored nowhere"
        raise UsageError(f"the key, {provider.key_env}, is not set", hint=hint)
    return SelectedModel(llm, provider.source)


def _make_unknown_name_error(name: str, model: str, purpose: ModelPurpose) -> ForgeError:
    if is_cloud_model(name):
        return make_cloud_model_error(name)
    if name in LOCAL_SERVER_NAMES:
        hint = f"start {LOCAL_SERVER_NAMES[name]}'s server, load a model there, and try again"
        if name == "ollama":
            pulled_model = model or purpose.default_models[name]
            hint = f"start it (ollama serve), then: ollama pull {pulled_model}"
        return ServiceError(f"{name} does not answer, or has no model", hint=hint)
    hint = "ankiforge model list"
    if "@" in name:  # a URL without scheme, perhaps with a password
        return UsageError(
            "there is no model of that name", hint=f"{hint}; or {_URL_HINT}"
        )
    names = [
        *LOCAL_SERVER_NAMES,
        *(provider.name for provider in read_providers(os.environ)),
    ]
    for similar_name in get_close_matches(name, names, n=1):
        hint = f"did you mean {similar_name}? Or: {hint}"
    return UsageError(f"no model is called {name!r}", hint=hint)


def _resolve_server(
    base_url: str, name: str, model: str, key_env: str, purpose: ModelPurpose
) -> SelectedModel:
    """Find a model on a server, listing the server's models only if it is on this computer."""
    if not any(parse_origin(base_url)):
        raise UsageError(_URL_HINT)
    offered_models: Strings = ()
    if is_loopback(base_url):
        listed, run_elsewhere = list_server_models(base_url, model, key_env)
        offered_models = purpose.rank_models(
            [listed_model for listed_model in listed if listed_model not in run_elsewhere]
        )
        if model in run_elsewhere:
            raise make_cloud_model_error(model)
        spellings = {model, f"{model}:latest"}
        if name == "ollama" and model and listed and spellings.isdisjoint(listed):
            available = f"; it has {format_truncated_list(offered_models)}"
            raise UsageError(
                f"Ollama has no model {model!r}{available}", hint=f"ollama pull {model}"
            )
    if not (model or offered_models):
        hint = f"ankiforge model use {name} --model MODEL [--key-env VARIABLE]"
        raise UsageError(f"which model of {base_url}?", hint=hint)
    llm = LlmSettings(
        base_url=base_url, model=model or offered_models[0], key_env=key_env
    )
    return SelectedModel(llm, server_models=offered_models)


def list_server_models(
    base_url: str, model: str, key_env: str
) -> tuple[Strings, Strings]:
    """Return the models of a local server, and which of them run on another computer.

    If the server doesn't support listing its models and `model` is given, both are empty.

    Raises:
        ServiceError: if the server doesn't answer, requires a key, or can't list its models and
            `model` is "".
    """
    try:
        listed = list_models(base_url, os.environ.get(key_env, "").strip())
        return listed, find_remote_models(base_url, listed)
    except ServerReplyError as error:
        if model and error.status in (404, 405, 501):
            return (), ()
        hint = "start it (ollama serve), or choose another: ankiforge model list"
        if error.status in (401, 403) and not key_env:
            hint = "name the environment variable of its key as llm.key_env"
        raise ServiceError(f"{base_url} {error}", hint=hint) from error


# --- the model of a workspace -----------------------------------------------------------


def require_model(folder: WorkspaceDirectory) -> None:
    """Raise an error unless the user has chosen a model.

    This ensures that text is only sent to a service that the user has agreed to.

    Raises:
        UsageError: if no model is set.
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
        folder: the workspace with the settings.
        jobs: the number of concurrent requests, or 0 to use the settings.
        spent: how much of the budget has already been spent, in dollars.

    Raises:
        ConfigError: if the settings are invalid. The message names the file, line and key.
    """
    llm = folder.config.llm
    options = asdict(llm)
    del options["prompt"], options["second_reading"]
    options["concurrency"] = jobs or llm.concurrency
    if llm.budget_usd is not None:
        options["budget_usd"] = max(llm.budget_usd - spent, 0.0)
    if is_small_model(llm.base_url, llm.model):
        options["per_request"] = 1  # small models confuse the highlights of one request
    set_options = {name: value for name, value in options.items() if value is not None}
    try:
        return ServerSettings(**set_options)
    except ConfigError as error:
        key, _, message = error.message.removeprefix("llm.").partition(": ")
        location = folder.config.location.locate_nested("llm", key)
        raise location.make_error(message, error.hint) from error


def make_model_drafter(folder: WorkspaceDirectory, client: ModelClient) -> ModelDrafter:
    """Build the drafter that writes a workspace's cards with a language model."""
    from ankiforge.draft import second_reading
    from ankiforge.draft.llm import ModelDrafter
    from ankiforge.draft.prompt import load_prompt_file

    # a small model can't judge cards; a model whose name gives no size is assumed to be large
    llm = folder.config.llm
    size = parse_model_size(llm.model)
    prompt = None
    if llm.second_reading and (size is None or size >= MIN_BILLIONS_FOR_CARDS):
        prompt = load_prompt_file(second_reading.PROMPT_NAME, folder.root)
    return ModelDrafter(client, load_prompt(folder), second_reading_prompt=prompt)


def describe_model(folder: WorkspaceDirectory) -> str:
    """Describe the model, its server and its cost so far at current prices, in one line.

    Returns "" if no model drafts cards. The database of replies isn't created if it doesn't
    exist.
    """
    from ankiforge.config.caches import REPLIES_FILE, ReplyStore

    llm = folder.config.llm
    if folder.config.drafter != "llm":
        return ""
    choice = SelectedModel(llm)
    file = folder.state_directory / REPLIES_FILE
    tokens_in = tokens_out = 0
    if file.is_file():
        replies = ReplyStore(file)
        tokens_in, tokens_out = replies.count_tokens(llm.model)
        replies.close()
    if llm.price_usd is None:
        price = "free (local)" if choice.is_local else "price unknown (set llm.price_usd)"
        return f"{choice.title}, {price}"
    price_in, price_out = llm.price_usd
    cost = (tokens_in * price_in + tokens_out * price_out) / 1e6
    return f"{choice.title}, {format_dollars(cost)} so far"


def load_prompt(folder: WorkspaceDirectory) -> Prompt:
    """Load the prompt named in the settings, falling back to the built-in one of that name.

    Raises:
        ConfigError: if the prompt is missing or invalid.
    """
    from ankiforge.draft.prompt import NoPromptError, load_prompt_file

    config = folder.config
    try:
        return load_prompt_file(config.llm.prompt or "cards", folder.root)
    except NoPromptError as error:
        location = config.location.locate_nested("llm", "prompt")
        raise location.make_error(error.message, error.hint) from error


def find_blocking_messages(draft: Draft, highlight: Highlight) -> Strings:
    """Return the messages of the checks that block a draft, without comparing it to other cards."""
    from ankiforge import check

    context = check.CheckContext(highlight, check.DuplicateIndex())
    findings = check.check_draft(draft, context)
    blocking = [finding for finding in findings if finding.severity is Severity.BLOCK]
    return tuple(finding.message for finding in blocking)
