"""The failing cards as text and JSON for the command `repair`, and as a tool for agents."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, to_builtins

from ankiforge.draft.privacy import PrivacyFilter
from ankiforge.features.repair.work import FailingNote, list_failing_cards
from ankiforge.hooks import agent_tool
from ankiforge.model import Json
from ankiforge.pipeline.workspace import Workspace
from ankiforge.reports.cards import TextLines, format_quote_in_passage
from ankiforge.text import format_count, to_one_line, truncate
from ankiforge.text.cloze import to_plain_text

_MAX_SIDE_CHARS = 300
"""The length to which a side of a card is truncated, in characters."""


def failing_note_to_json(failing_note: FailingNote) -> Json:
    """Convert a failing note to the JSON printed by `repair --json` and returned to agents."""
    history = failing_note.history
    near: Json | None = None
    if failing_note.similar_note is not None:
        near = {
            "nid": failing_note.similar_note.note_id,
            "fields": dict(failing_note.card.confused_fields),
        }
    return {
        "nid": failing_note.note.note_id,
        "guid": failing_note.note.guid,
        "deck": failing_note.note.deck,
        "notetype": failing_note.note.notetype,
        "card": failing_note.guid if failing_note.is_own_card else None,
        "fields": dict(failing_note.card.fields),
        "why": list(failing_note.reasons),
        "history": history.summary,
        "answers": history.answer_count,
        "seconds": round(history.total_seconds),
        "lapses": history.lapses,
        "findings": to_builtins(failing_note.findings),
        "near": near,
        "passage": failing_note.passage,
        "quote": failing_note.quote,
    }


def format_failing_note(failing_note: FailingNote) -> TextLines:
    """Format a failing note as lines of text, with its review history, reasons and passage."""
    yield f"{failing_note.note.note_id}  {truncate(failing_note.note.deck, 50)}"
    for name, text in failing_note.card.fields.items():
        yield f"  {name.lower()}: {truncate(to_one_line(to_plain_text(text)), _MAX_SIDE_CHARS)}"
    history = failing_note.history
    minutes = f"{history.total_seconds / 60:.0f} min"
    yield f"  {history.summary} | {format_count(history.answer_count, 'answer')}, {minutes}"
    for reason in failing_note.reasons:
        yield f"  {reason}"
    for front in [*failing_note.card.confused_fields.values()][:1]:
        front = to_one_line(to_plain_text(front))
        yield f"  mixed up with: {truncate(front, _MAX_SIDE_CHARS)}"
    if failing_note.passage:
        yield f"  {format_quote_in_passage(failing_note.passage, failing_note.quote)}"


@agent_tool()
def list_failing(
    workspace: Workspace,
    privacy: PrivacyFilter,
    *,
    limit: Annotated[int, Meta(ge=1, le=50)] = 20,
) -> Json:
    """List the cards that fail in Anki, the most costly first; nothing is changed.

    Each has why it is listed, its history (✗ forgotten, · remembered, days before), and what is
    wrong with it. The reader rewords them on the page: `ankiforge review`.
    """
    repairs = list_failing_cards(workspace)
    cards = []
    for failing_note in repairs.failing:
        if not failing_note.has_private_text(privacy):
            cards.append(failing_note_to_json(failing_note))
    return {"cards": cards[:limit], "total": len(cards)}


TOOLS = (list_failing,)
