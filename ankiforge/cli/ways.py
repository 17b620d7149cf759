"""The ways out of "no card": a chat, a model, one's own hand, each as the command to type."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.cli.session import Session
from ankiforge.config import DrafterName
from ankiforge.ledger.queries import Funnel, WithoutCard
from ankiforge.model import Fate
from ankiforge.pending import unwritten
from ankiforge.reports.summary import Summary

_SETTLED = ("deleted in Anki", "rejected", "retired", "skip")
"""Why there is no card, where a person has said so."""


def is_open(without: WithoutCard) -> bool:
    """Whether a passage has no card, and nobody wanted it so."""
    return without.fate is Fate.NO_CARD and not without.reason.startswith(_SETTLED)


def ways_out(now: Session, funnel: Funnel, *, model: bool) -> Iterator[tuple[str, str]]:
    """(command, what it does) for passages without a card; `model`: one was asked already."""
    first = next(filter(is_open, funnel.without), None)
    if first is None:
        return
    yield "draft export ask.md", "passages without a card, to paste into any chat"
    if not model:
        yield "run --drafter llm", f"or let a model draft them{_model_here(now)}"
    yield "review", "or make cards by hand, beside the passages, in the browser"
    yield f"edit {first.key}", "or one in the terminal; keys: list --no-card"


def to_decide(now: Session, summary: Summary) -> Iterator[tuple[str, str]]:
    """(command, what it does) for cards that want a person."""
    if summary.cards["waiting"] or summary.cards["revisions"]:
        yield "review", "what waits for you, in the browser, one key a decision"
        yield "list verdict:pending -v", "or in the terminal; then accept, pick, edit, reject"
    if summary.cards["blocked"]:
        yield "list finding:block -v", "why cards are blocked"
    yield from to_work_on(now)


def to_work_on(now: Session) -> Iterator[tuple[str, str]]:
    """The command that shows the cards that keep failing in Anki, with how many there are."""
    if failing := len(now.ledger.queries.problem_cards.all()):
        many = "1 card needs" if failing == 1 else f"{failing} cards need"
        yield "list --view work", f"{many} work: forgotten too often, or you wrote something there"


def to_go_on(now: Session, summary: Summary, drafter: str) -> Iterator[tuple[str, str]]:
    """The command that asks a model what it was not asked, or did not answer, in this run."""
    if summary.usage is None or next(unwritten(now.ledger, None, drafter), None) is None:
        return
    asked = now.workspace.config.drafter is DrafterName.LLM
    yield f"draft{'' if asked else ' --drafter llm'}", "goes on with what is left for the model"


def laid_out(now: Session, commands: Iterator[tuple[str, str]]) -> Iterator[str]:
    """One line a command, what it does first in a column."""
    told: dict[str, str] = {}
    for command, says in commands:
        told.setdefault(f"{now.call.program} {command}", says)
    width = max(map(len, told), default=0)
    return (f"  {command:{width}}   {says}" for command, says in told.items())


def _model_here(now: Session) -> str:
    """The model server that runs on this machine, if one does."""
    from ankiforge.reports.discover import Machine, model_servers

    found = next(iter(model_servers(Machine.this())), None)
    if found is not None:
        return f": {found.program} runs at {found.base_url}"
    return " (llm: in ankiforge.yaml; ankiforge init makes one)" if now.workspace.is_default else ""
