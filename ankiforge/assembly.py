"""From settings to a `Job`: which drafter, which policy."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge import check
from ankiforge.config import AcceptPolicy, Config, DrafterName, RulesUsed, is_loopback
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.prices import load_prices
from ankiforge.config.workspace import Workspace
from ankiforge.draft import GUESSES
from ankiforge.draft.offline.rules import Rules
from ankiforge.errors import ConfigError
from ankiforge.ledger import Ledger
from ankiforge.model import Draft, Drafter, Highlight, Severity, Source
from ankiforge.pipeline import Job
from ankiforge.shipped import shipped

if TYPE_CHECKING:
    from ankiforge.config.yamlfile import Location
    from ankiforge.draft.desk.settings import ServerSettings
    from ankiforge.draft.llm import Model
    from ankiforge.draft.wording.prompt import Prompt, Prompts


def model_of(
    workspace: Workspace,
    ledger: Ledger,
    notice: Callable[[str], None],
    *,
    offline: bool = False,
    jobs: int = 0,
    fresh: bool = False,
    accept: str = "",
    spent: float = 0.0,
    repair: Callable[[Draft, Highlight], tuple[str, ...]] | None = None,
) -> Model:
    """The language model that the settings name, its replies remembered by the ledger.

    `accept`: the policy given by `--accept`, "" = that of the settings; `spent`: dollars of the
    budget that are gone.
    """
    from ankiforge.draft.llm import Model

    return Model(
        llm_settings(workspace, jobs, accept, spent),
        ledger.replies,
        prompts_of(workspace),
        repair=repair,
        notice=notice,
        offline=offline,
        fresh=fresh,
    )


def llm_settings(
    workspace: Workspace, jobs: int = 0, accept: str = "", spent: float = 0.0
) -> ServerSettings:
    """The server and its limits, as the settings have them; `jobs` requests at a time.

    `spent`: dollars of the budget that are gone.
    """
    from ankiforge.draft.desk.settings import ServerSettings

    given = msgspec.structs.asdict(workspace.config.llm)
    given["prices"] = load_prices(workspace.root)
    given["concurrency"] = jobs or given["concurrency"]
    if given["candidates"] is None:
        given["candidates"] = candidates_for(workspace.config, accept)
        given["candidates_before"] = 1  # without a file, clean drafts were accepted once
    if given["budget_usd"] is not None:
        given["budget_usd"] = max(given["budget_usd"] - spent, 0.0)
    del given["prompt"]
    if not workspace.is_default:
        given["workspace"] = shlex.quote(str(workspace.root))
    if is_small(given["base_url"], given["model"]):
        given["per_request"] = 1  # it mixes up what stands side by side
    try:
        return ServerSettings(**{name: value for name, value in given.items() if value is not None})
    except ConfigError as error:
        key, _, what = error.message.removeprefix("llm.").partition(": ")
        raise workspace.config.where.at("llm", key).error(what, error.hint) from error


TO_CHOOSE_FROM = 3
"""Candidates of one fact where a person picks."""


def candidates_for(config: Config, accept: str = "") -> int:
    """How many: a person sees at a glance which card will last, a policy cannot tell."""
    policy = AcceptPolicy(accept) if accept else config.accept.llm
    return TO_CHOOSE_FROM if policy is AcceptPolicy.REVIEW else 1


def prompt_of(workspace: Workspace, *, small: bool = False) -> Prompt:
    """The usual prompt; `small`: the short one, where the settings name none."""
    name = workspace.config.llm.prompt or ("cards-small" if small else "cards")
    return _prompt(workspace, name, workspace.config.where.at("llm", "prompt"))


def prompts_of(workspace: Workspace, *, chat: bool = False) -> Prompts:
    """All prompts a run may need, checked; the workspace's own before the shipped ones.

    Raises:
        ConfigError: one that the settings or a deck file name is not there, or is wrong.
    """
    from ankiforge.draft.wording.prompt import Prompts

    config = workspace.config
    small = not chat and is_small(config.llm.base_url, config.llm.model)
    named = {
        name: _prompt(workspace, name, config.where.at("decks"), f"the deck {rule.deck!r}: ")
        for rule in load_decks(workspace.root, config.decks, workspace.generation)
        for name in rule.prompts
    }
    return Prompts(prompt_of(workspace, small=small), named)


def _prompt(workspace: Workspace, name: str, where: Location, by: str = "") -> Prompt:
    from ankiforge.draft.wording.prompt import NoPromptError, load

    try:
        return load(name, (workspace.prompts, shipped("prompts")))
    except NoPromptError as error:
        raise where.error(f"{by}{error.message}", error.hint) from error


_SMALL_B = 14.0
"""Billions of parameters up to which a model gets the short prompt."""
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x|e)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_HOSTED = re.compile(r"(?:^|/)(?:gpt-\d|o\d|claude|gemini|grok)|-cloud$")


def is_small(base_url: str, model: str) -> bool:
    """Whether a model follows few rules better than many: by the size in its name.

    `qwen3:8b`, `gemma3n:e4b`, `llama-3.2-1B` are small; `qwen3:32b`, `mixtral-8x7b`,
    `gpt-oss-120b` are not. Where no size is named, what runs on this machine is small, unless the
    name is that of a service.
    """
    from ankiforge.draft.desk.prices import known_price

    name = model.casefold()
    sizes = [
        int(times or 1) * float(size) / (1000 if unit == "m" else 1)
        for times, size, unit in _SIZE.findall(name)
    ]
    if sizes:
        return max(sizes) <= _SMALL_B
    hosted = known_price(model) is not None or _HOSTED.search(name) is not None
    return is_loopback(base_url) and not hosted


def limits_of(config: Config) -> check.Limits:
    """The numbers and severities of the checks, as the settings have them.

    Raises:
        ConfigError: with file, line, key, and what was expected.
    """
    return check.limits_from(config.checks, config.where.at("checks"))


def repair_by(limits: check.Limits) -> Callable[[Draft, Highlight], tuple[str, ...]]:
    """Says what blocks a draft, in words a model can mend it by."""

    def repair(draft: Draft, highlight: Highlight) -> tuple[str, ...]:
        findings = check.check(
            draft, check.Context(highlight, check.DuplicateIndex(), limits=limits)
        )
        return tuple(found.message for found in findings if found.severity is Severity.BLOCK)

    return repair


RULES_ALL = "rules:all"
"""Who drafts where the rules may guess: what the trusted ones left is looked at again."""


def accepts_by(config: Config, override: str = "") -> Callable[[Draft], bool]:
    """Which clean drafts policy lets through; `override` (--accept) is for either drafter."""
    rules = AcceptPolicy(override) if override else config.accept.rules
    llm = AcceptPolicy(override) if override else config.accept.llm

    def accepts(draft: Draft) -> bool:
        policy = rules if draft.origin.drafter.startswith("rules") else llm
        return policy is AcceptPolicy.CLEAN and draft.origin.drafter not in GUESSES

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
    guessing = config.rules is RulesUsed.ALL
    rules = RULES_ALL if guessing else DrafterName.RULES.value  # passages without a card are new
    name = config.llm.model if drafter is not None else rules
    decks = load_decks(workspace.root, config.decks, workspace.generation)
    accept = options.pop("accept", "")
    options = {"limits": limits_of(config), **options}
    drafter = drafter or Rules(guessing=guessing)
    return Job(sources, drafter, name, accepts_by(config, accept), decks, **options)
