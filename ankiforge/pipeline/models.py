"""The language model of a workspace: its server, its prompt, and the budget that is left."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from ankiforge.config import is_loopback
from ankiforge.errors import ConfigError
from ankiforge.model import (
    Draft,
    Highlight,
    Severity,
    Strings,
)
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import Prompt
    from ankiforge.ledger import Replies

SMALL_MODEL = 14.0
"""The size, in billions of parameters, up to which a model gets the short prompt."""
_SIZE = regex(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED = regex(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)|-cloud$")


def language_model(
    folder: WorkspaceFolder,
    replies: Replies,
    notice: Callable[[str], None],
    *,
    offline: bool = False,
    jobs: int = 0,
    fresh: bool = False,
    spent: float = 0.0,
) -> Model:
    """Return the configured language model.

    Args:
        folder: provides the settings and the prompts.
        replies: a cache of what the model answered.
        notice: receives what a person should know while the model is asked.
        offline: nothing is sent over the network.
        jobs: the number of concurrent requests; 0 = as in the settings.
        fresh: it is asked again, even if it has answered the same before.
        spent: the part of the budget that is already spent, in dollars.

    Raises:
        ConfigError: the settings are invalid; with file, line and key.
    """
    from msgspec.structs import asdict

    from ankiforge.draft.cascade_prompt import load_cascade
    from ankiforge.draft.llm import Model
    from ankiforge.draft.server import ServerSettings

    # the server
    llm = folder.config.llm
    is_small = is_small_model(llm.base_url, llm.model)
    options = asdict(llm)
    for name in ("prompt", "way"):
        del options[name]
    options["concurrency"] = jobs or llm.concurrency
    if llm.budget_usd is not None:
        options["budget_usd"] = max(llm.budget_usd - spent, 0.0)
    if not folder.is_default:
        options["workspace"] = shlex.quote(str(folder.root))
    if is_small:
        options["per_request"] = 1  # a small model confuses several highlights
    given_options = {}
    for name, value in options.items():
        if value is not None:
            given_options[name] = value
    try:
        server = ServerSettings(**given_options)
    except ConfigError as error:
        key, _, message = error.message.removeprefix("llm.").partition(": ")
        where = folder.config.where.at("llm", key)
        raise where.error(message, error.hint) from error

    # a small model works in readable steps, if the settings say nothing else
    by_size = "cascade" if is_small and not llm.prompt else "one"
    in_steps = (llm.way or by_size) == "cascade"
    return Model(
        server,
        replies,
        load_prompt(folder),
        repair=repair_hints(),
        notice=notice,
        offline=offline,
        fresh=fresh,
        cascade=load_cascade(folder.root) if in_steps else None,
    )


def load_prompt(folder: WorkspaceFolder, *, chat: bool = False) -> Prompt:
    """Load the prompt that the settings name, from the workspace or as shipped.

    With `chat`, the prompt is for a chat in a browser: never the short one for small models.

    Raises:
        ConfigError: the prompt is missing or invalid.
    """
    from ankiforge.draft.prompt import NoPromptError, load

    config = folder.config
    llm = config.llm
    is_small = not chat and is_small_model(llm.base_url, llm.model)
    default = "cards-small" if is_small else "cards"
    try:
        return load(config.llm.prompt or default, folder.root)
    except NoPromptError as error:
        where = config.where.at("llm", "prompt")
        raise where.error(error.message, error.hint) from error


def is_small_model(base_url: str, model: str) -> bool:
    """Return whether a model needs the short prompt, judged by the size in its name.

    `qwen3:8b`, `gemma3n:e4b`, `llama-3.2-1B` are small; `qwen3:32b`, `mixtral-8x7b`,
    `gpt-oss-120b` are not. A model without a size in its name counts as small if the server runs on
    this machine, unless the name is that of a hosted service.
    """
    name = model.casefold()
    sizes: list[float] = []
    for experts, size, unit in _SIZE.findall(name):
        billions = float(size)
        if unit == "m":
            billions /= 1000
        sizes.append(int(experts or 1) * billions)
    if sizes:
        return max(sizes) <= SMALL_MODEL
    return is_loopback(base_url) and _HOSTED.search(name) is None


def repair_hints() -> Callable[[Draft, Highlight], Strings]:
    """Return a function that lists the findings that block a draft, for the model to repair it."""
    from ankiforge import check

    def listed(draft: Draft, highlight: Highlight) -> Strings:
        context = check.Context(highlight, check.DuplicateIndex())
        findings = check.check(draft, context)
        chosen = [finding for finding in findings if finding.severity is Severity.BLOCK]
        return tuple(finding.message for finding in chosen)

    return listed
