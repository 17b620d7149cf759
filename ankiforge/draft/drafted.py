"""The results for highlights that a model or a chat was asked about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from ankiforge.draft.sendable import SendableTask
from ankiforge.draft.server import BUDGET, BudgetError
from ankiforge.errors import ForgeError
from ankiforge.model import (
    Document,
    Draft,
    Drafted,
    Highlight,
    Problem,
    Strings,
)

Repair = Callable[[Draft, Highlight], Strings]
"""Returns the findings that block a draft, as text; called from several threads."""
BlockedDraft = tuple[Draft, Strings]
"""A draft with the findings that block it."""


def all_failed(chunk: SendableTask, error: ForgeError) -> list[Drafted]:
    """Return the problem of a request for each of its highlights."""
    problem = not_drafted(chunk.task.document, error.message, error.hint)
    if isinstance(error, BudgetError):
        problem = Problem(BUDGET, error.message, error.hint)
    return [
        Drafted(highlight, reason=error.message, problem=problem)
        for highlight in chunk.highlights
    ]


def not_drafted(
    document: Document, what: str, hint: str, *, once: bool = False
) -> Problem:
    """Return the problem of highlights of a document; `once`: no later run reports it again."""
    title = document.title or document.key
    return Problem(title, f"not drafted: {what}", hint, once=once)


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
