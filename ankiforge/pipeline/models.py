"""The language model of a workspace: how it is named, its server, its prompt, and its cost."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from ankiforge.config import LlmSettings, is_loopback, origin
from ankiforge.draft.server import (
    DRAFTING,
    ENOUGH_FOR_CARDS,
    LONGEST_S,
    PROGRAMS,
    Provider,
    Purpose,
    ServerSettings,
    Unreachable,
    billions,
    handed_on,
    is_of_a_cloud,
    is_small_model,
    look,
    models,
    not_of_this_machine,
    openai_elsewhere,
    providers,
)
from ankiforge.errors import ConfigError, ForgeError, ServiceError, UsageError
from ankiforge.model import Draft, Highlight, Severity, Strings, Value
from ankiforge.text import dollars, first_of

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.draft.client import Client
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import Prompt


# --- a model that a person names --------------------------------------------------------


# The settings that name a model, in the order in which a file has them last.
_SETTINGS = ("price_usd", "key_env", "model", "base_url")
# The address is not repeated: it may hold the password.
_NO_ADDRESS = "give a web address, without user name, password and query"


class NamedModel(Value):
    """A model that a person named; nothing was sent to another machine yet."""

    llm: LlmSettings
    price_source: str = ""
    """The page with the price, and when it was read; "" if the price is not from our table."""
    others: Strings = ()
    """The models of its server on this machine, itself included, the best first."""

    @property
    def is_local(self) -> bool:
        """Whether nothing leaves this machine."""
        return is_loopback(self.llm.base_url)

    @property
    def title(self) -> str:
        """The model and its place, for display."""
        return f"{self.llm.model} at {self.llm.base_url.partition('://')[2]}"

    def in_use(self, folder: WorkspaceFolder) -> WorkspaceFolder:
        """Return a workspace in which this model drafts; nothing is written."""
        named = {name: getattr(self.llm, name) for name in _SETTINGS}
        llm = replace(folder.config.llm, **named)
        return replace(folder, config=replace(folder.config, drafter="llm", llm=llm))

    @property
    def settings(self) -> dict[Strings, object]:
        """The values for the settings, by place; the last stands first in its section."""
        values: dict[Strings, object] = {("drafter",): "llm"}
        for name in _SETTINGS:
            value = getattr(self.llm, name)
            values["llm", name] = list(value) if isinstance(value, tuple) else value
        return values


def of_provider(provider: Provider, model: str = "") -> NamedModel:
    """Return a model of a provider: the usual one with its price, or another one."""
    if model not in ("", provider.model):
        provider = replace(provider, model=model, price_usd=None, source="")
    llm = LlmSettings(
        base_url=provider.base_url,
        model=provider.model,
        key_env=provider.key_env,
        price_usd=provider.price_usd,
    )
    return NamedModel(llm, provider.source)


def choose(
    name: str, model: str = "", key_env: str = "", purpose: Purpose = DRAFTING
) -> NamedModel:
    """Return the model that a person names. Only servers on this machine are asked.

    Args:
        name: a provider, a program on this machine or one of its models, or the address of a
            server.
        model: the model of the server; "" = the best that is known there.
        key_env: the environment variable of the key for an address.
        purpose: what the model is to be for.

    Raises:
        UsageError: there is none with this name, or its key is missing.
        ConfigError: the server on this machine hands it on to another one.
        ServiceError: the server on this machine does not answer.
    """
    elsewhere = openai_elsewhere(os.environ)
    if name == "openai" and elsewhere and not any(origin(elsewhere)):
        raise UsageError(f"OPENAI_BASE_URL: {_NO_ADDRESS}")
    for provider in providers(os.environ):
        if provider.name == name:
            return _of_provider_here(provider, model, purpose)
    if "://" in name:
        return _at(name.rstrip("/"), name, model, key_env, purpose)
    for server in look(os.environ, purpose=purpose)(LONGEST_S):
        # Ollama knows a model by its name without `:latest`, too
        named = {name, f"{name}:latest"}.intersection(server.models)
        if name == server.name or named:
            own = model or "".join(named)
            return _at(server.base_url, name, own, key_env, purpose)
    raise _nothing_called(name, model, purpose)


def _of_provider_here(provider: Provider, model: str, purpose: Purpose) -> NamedModel:
    """Return a model of a provider, whose key is set; at an address on this machine, of a server.

    Raises:
        UsageError: the key is missing, or it has no usual model for this purpose.
    """
    name = provider.name
    model = model or purpose.usual.get(name, "")
    if not model and purpose is not DRAFTING:
        hint = f"ankiforge model use {name} --model MODEL --for {purpose.name}"
        raise UsageError(f"which model of {name} is for {purpose.name}?", hint=hint)
    choice = of_provider(provider, model)
    if choice.is_local:
        return _at(provider.base_url, name, model, provider.key_env, purpose)
    if not os.environ.get(provider.key_env, "").strip():
        hint = f"export {provider.key_env}=… in this terminal; it is stored nowhere"
        raise UsageError(f"the key, {provider.key_env}, is not set", hint=hint)
    return choice


def _nothing_called(name: str, model: str, purpose: Purpose) -> ForgeError:
    """Return the error that no model or server has a name, with the way to one."""
    if is_of_a_cloud(name):
        return not_of_this_machine(name)
    if name in PROGRAMS:
        hint = f"start {PROGRAMS[name]}'s server, load a model there, and try again"
        if name == "ollama":
            pulled = model or purpose.usual[name]
            hint = f"start it (ollama serve), then: ollama pull {pulled}"
        return ServiceError(f"{name} does not answer, or has no model", hint=hint)
    hint = "ankiforge model list"
    if "@" in name:  # an address without its scheme, perhaps with a password
        return UsageError("no model is called that", hint=f"{hint}; or {_NO_ADDRESS}")
    names = [*PROGRAMS, *(provider.name for provider in providers(os.environ))]
    for near in get_close_matches(name, names, n=1):
        hint = f"did you mean {near}? Or: {hint}"
    return UsageError(f"no model is called {name!r}", hint=hint)


def _at(
    base_url: str, name: str, model: str, key_env: str, purpose: Purpose
) -> NamedModel:
    """Return a model of the server at an address; one on this machine is asked for its models.

    Raises:
        UsageError: this is no address, or the server has no such model.
        ConfigError: the server on this machine hands the model on to another one.
        ServiceError: the server on this machine does not answer.
    """
    if not any(origin(base_url)):
        raise UsageError(_NO_ADDRESS)
    offered: Strings = ()
    if is_loopback(base_url):
        listed, run_elsewhere = _listed_at(base_url, model, key_env)
        offered = purpose.best_first(
            [each for each in listed if each not in run_elsewhere]
        )
        if model in run_elsewhere:
            raise not_of_this_machine(model)
        spellings = {model, f"{model}:latest"}
        if name == "ollama" and model and listed and spellings.isdisjoint(listed):
            here = f"; it has {first_of(offered)}"
            raise UsageError(
                f"Ollama has no model {model!r}{here}", hint=f"ollama pull {model}"
            )
    if not (model or offered):
        hint = f"ankiforge model use {name} --model MODEL [--key-env VARIABLE]"
        raise UsageError(f"which model of {base_url}?", hint=hint)
    llm = LlmSettings(base_url=base_url, model=model or offered[0], key_env=key_env)
    return NamedModel(llm, others=offered)


def _listed_at(base_url: str, model: str, key_env: str) -> tuple[Strings, Strings]:
    """Return the models of a server on this machine, and those of them that run elsewhere.

    None, if it lists no models and one is named.

    Raises:
        ServiceError: it does not answer.
    """
    try:
        listed = models(base_url, os.environ.get(key_env, "").strip())
        return listed, handed_on(base_url, listed)
    except Unreachable as error:
        if model and error.status in (404, 405, 501):
            return (), ()
        raise ServiceError(f"{base_url} {error}", hint="is it running?") from error


# --- the model of a workspace -----------------------------------------------------------


def require_chosen(folder: WorkspaceFolder) -> None:
    """Check that a person chose the model to which passages would be sent.

    Raises:
        UsageError: the settings name none.
    """
    if folder.config.drafter == "llm":
        return
    usual = LlmSettings()
    named = folder.config.llm
    if (named.base_url, named.model) == (usual.base_url, usual.model):
        raise UsageError(
            "no model is chosen",
            hint="ankiforge model list shows what there is, ankiforge model use NAME takes one;"
            " or let your chat ask: ankiforge draft",
        )


def server_of(
    folder: WorkspaceFolder, *, jobs: int = 0, spent: float = 0.0
) -> ServerSettings:
    """Return the server that the settings name.

    Args:
        folder: provides the settings.
        jobs: the number of concurrent requests; 0 = as in the settings.
        spent: the part of the budget that is already spent, in dollars.

    Raises:
        ConfigError: the settings are invalid; with file, line and key.
    """
    llm = folder.config.llm
    options = asdict(llm)
    del options["prompt"], options["second_reading"]
    options["concurrency"] = jobs or llm.concurrency
    if llm.budget_usd is not None:
        options["budget_usd"] = max(llm.budget_usd - spent, 0.0)
    if not folder.is_default:
        options["workspace"] = shlex.quote(str(folder.root))
    if is_small_model(llm.base_url, llm.model):
        options["per_request"] = 1  # it confuses several highlights
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return ServerSettings(**given)
    except ConfigError as error:
        key, _, message = error.message.removeprefix("llm.").partition(": ")
        where = folder.config.where.at("llm", key)
        raise where.error(message, error.hint) from error


def language_model(folder: WorkspaceFolder, client: Client) -> Model:
    """Return the language model of a workspace, which a client asks with its prompts."""
    from ankiforge.draft import second_reading
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import load

    reads_again = folder.config.llm.second_reading and can_read_again(folder.config.llm)
    return Model(
        client,
        load_prompt(folder),
        repair=repair_hints(),
        second=load(second_reading.PROMPT, folder.root) if reads_again else None,
    )


def can_read_again(llm: LlmSettings) -> bool:
    """Return whether a model is large enough to judge cards, as far as its name tells."""
    size = billions(llm.model)
    return size is None or size >= ENOUGH_FOR_CARDS


def model_in_use(folder: WorkspaceFolder) -> str:
    """Return the model that drafts, its place, and its cost so far at today's price.

    "" if none drafts. Nothing is made where there are no replies yet.
    """
    from ankiforge.ledger import REPLIES_FILE, Replies

    llm = folder.config.llm
    if folder.config.drafter != "llm":
        return ""
    choice = NamedModel(llm)
    file = folder.folder / REPLIES_FILE
    tokens_in = tokens_out = 0
    if file.is_there():
        kept = Replies(file)
        tokens_in, tokens_out = kept.tokens_of(llm.model)
        kept.close()
    if llm.price_usd is None:
        price = "free (local)" if choice.is_local else "price unknown (set llm.price_usd)"
        return f"{choice.title}, {price}"
    price_in, price_out = llm.price_usd
    cost = (tokens_in * price_in + tokens_out * price_out) / 1e6
    return f"{choice.title}, {dollars(cost)} so far"


def load_prompt(folder: WorkspaceFolder) -> Prompt:
    """Load the prompt that the settings name, from the workspace or as shipped.

    Raises:
        ConfigError: the prompt is missing or invalid.
    """
    from ankiforge.draft.prompt import NoPromptError, load

    config = folder.config
    try:
        return load(config.llm.prompt or "cards", folder.root)
    except NoPromptError as error:
        where = config.where.at("llm", "prompt")
        raise where.error(error.message, error.hint) from error


def repair_hints() -> Callable[[Draft, Highlight], Strings]:
    """Return a function that lists the findings that block a draft, for the model to repair it."""
    from ankiforge import check

    def listed(draft: Draft, highlight: Highlight) -> Strings:
        context = check.Context(highlight, check.DuplicateIndex())
        findings = check.check(draft, context)
        chosen = [finding for finding in findings if finding.severity is Severity.BLOCK]
        return tuple(finding.message for finding in chosen)

    return listed
