"""The results for highlights that a model or a chat was asked about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from ankiforge.draft.sendable import SendableTask
from ankiforge.draft.server import BUDGET, BudgetError
from ankiforge.errors import ItemError
from ankiforge.model import (
    Draft,
    Drafted,
    Highlight,
    HighlightKey,
    NoCard,
    Problem,
    Strings,
)

Repair = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text; called from several threads."""
BlockedDraft = tuple[Draft, Strings]
"""A draft with the findings that block it."""


class DraftedHighlight(msgspec.Struct):
    """The result of drafting one highlight.

    Drafts, a reason for none, a problem, or the last two of them.
    """

    drafts: tuple[Draft, ...] = ()
    no_card: NoCard | None = None
    problem: Problem | None = None
    """Why it was not drafted; `where` is a setting that is responsible, "" = the document."""


DraftedHighlights = dict[HighlightKey, DraftedHighlight]


def drafted(sendable: SendableTask, results: DraftedHighlights) -> Drafted:
    """Return the result of a task, in the order of its highlights, including those never sent."""
    document = sendable.task.document
    title = document.title or document.key
    drafts: list[Draft] = []
    no_cards: list[NoCard] = []
    problems: dict[Problem, None] = {}
    failed: list[tuple[HighlightKey, str]] = []
    for highlight in sendable.task.highlights:
        key = highlight.key
        if key in sendable.withheld:
            no_cards.append(sendable.withheld[key])
        if key not in results:
            continue
        result = results[key]
        drafts += result.drafts
        if result.no_card:
            no_cards.append(result.no_card)
        problem = result.problem
        if problem is None:
            continue
        if not problem.once:
            failed.append((key, problem.what))
        if not problem.where:  # it is the document's
            problem = replace(problem, where=title, what=f"not drafted: {problem.what}")
        problems[problem] = None
    return Drafted(
        task=sendable.task,
        drafts=tuple(drafts),
        no_cards=tuple(no_cards),
        failed=tuple(failed),
        problems=tuple(problems),
    )


def without_card(key: HighlightKey, reason: str) -> DraftedHighlight:
    """Return that a highlight gets no card, and why."""
    return DraftedHighlight(no_card=NoCard(key, reason))


def all_failed(chunk: SendableTask, error: ItemError) -> DraftedHighlights:
    """Return the problem of a request for each of its highlights."""
    where = BUDGET if isinstance(error, BudgetError) else ""
    problem = Problem(where, error.message, error.hint)
    failed = DraftedHighlight(problem=problem)
    return {highlight.key: failed for highlight in chunk.highlights}


def complaint(blocked: Iterable[BlockedDraft]) -> str:
    """Return the cards that a check blocks, each with the reasons, for the model."""
    lines = []
    for draft, faults in blocked:
        lines.append(f"{card_json(draft)}: {'; '.join(faults)}")
    return "\n".join(lines)


def card_json(draft: Draft) -> str:
    """Return a draft as a model writes it."""
    card = {"kind": draft.kind.value, **dict(draft.fields)}
    return json.dumps(card, ensure_ascii=False)
