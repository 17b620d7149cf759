"""From settings to a `Job`: which drafter, which policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge.config import AcceptPolicy, Config, DrafterName, is_loopback
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.workspace import Workspace
from ankiforge.domain import Draft, Drafter, Highlight, Source
from ankiforge.draft.rules import Rules
from ankiforge.errors import ConfigError
from ankiforge.ledger import Ledger
from ankiforge.pipeline import Job
from ankiforge.shipped import shipped

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import Prompt
    from ankiforge.draft.settings import ServerSettings


def model_of(
    workspace: Workspace,
    ledger: Ledger,
    notice: Callable[[str], None],
    *,
    offline: bool = False,
    jobs: int = 0,
    fresh: bool = False,
    repair: Callable[[Draft, Highlight], tuple[str, ...]] | None = None,
) -> Model:
    """The language model that the settings name, its replies remembered by the ledger."""
    from ankiforge.draft.llm import Model

    return Model(
        llm_settings(workspace, jobs),
        ledger.replies,
        prompt_of(workspace, small=is_loopback(workspace.config.llm.base_url)),
        repair=repair,
        notice=notice,
        offline=offline,
        fresh=fresh,
    )


def llm_settings(workspace: Workspace, jobs: int = 0) -> ServerSettings:
    """The server and its limits, as the settings have them; `jobs` requests at a time."""
    from ankiforge.draft.settings import ServerSettings

    given = msgspec.structs.asdict(workspace.config.llm)
    given["concurrency"] = jobs or given["concurrency"]
    try:
        return ServerSettings(**{name: value for name, value in given.items() if value is not None})
    except ConfigError as error:
        key, _, what = error.message.removeprefix("llm.").partition(": ")
        raise workspace.config.where.at("llm", key).error(what, error.hint) from error


def prompt_of(workspace: Workspace, *, small: bool = False) -> Prompt:
    """The prompt, the workspace's own before the shipped one.

    `small`: the short one, for a model on this machine: it follows few rules better than many,
    and reads them with every passage anew.
    """
    from ankiforge.draft.prompt import load

    return load("cards-small" if small else "cards", (workspace.prompts, shipped("prompts")))


def accepts_by(config: Config, override: str = "") -> Callable[[Draft], bool]:
    """Which clean drafts policy lets through; `override` (--accept) is for either drafter."""
    rules = AcceptPolicy(override) if override else config.accept.rules
    llm = AcceptPolicy(override) if override else config.accept.llm

    def accepts(draft: Draft) -> bool:
        policy = rules if draft.origin.drafter.startswith("rules") else llm
        return policy is AcceptPolicy.CLEAN

    return accepts


def job_of(
    workspace: Workspace,
    sources: tuple[Source, ...],
    drafter: Drafter | None,
    **options: Any,
) -> Job:
    """A job as the settings have it; `options` are fields of `Job`.

    `drafter` None = the offline rules.
    """
    config = workspace.config
    name = config.llm.model if drafter is not None else DrafterName.RULES.value
    decks = load_decks(workspace.root, config.decks)
    accept = options.pop("accept", "")
    return Job(sources, drafter or Rules(), name, accepts_by(config, accept), decks, **options)
