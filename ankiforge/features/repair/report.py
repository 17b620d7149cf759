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


def entry_to_json(entry: FailingNote) -> Json:
    """Convert an entry to the JSON printed by `repair --json` and returned to agents."""
    history = entry.history
    near: Json | None = None
    if entry.similar_note_id:
        near = {"nid": entry.similar_note_id, "fields": dict(entry.card.confused_fields)}
    return {
        "nid": entry.note.note_id,
        "guid": entry.note.guid,
        "deck": entry.note.deck,
        "notetype": entry.note.notetype,
        "card": entry.guid if entry.is_ours else None,
        "fields": dict(entry.card.fields),
        "why": list(entry.reasons),
        "history": history.summary,
        "answers": history.answer_count,
        "seconds": round(history.total_seconds),
        "lapses": history.lapses,
        "findings": to_builtins(entry.findings),
        "near": near,
        "passage": entry.passage,
        "quote": entry.quote,
    }


def format_entry(entry: FailingNote) -> TextLines:
    """Format an entry as lines of text, with its review history, reasons and passage."""
    yield f"{entry.note.note_id}  {truncate(entry.note.deck, 50)}"
    for name, text in entry.card.fields.items():
        yield f"  {name.lower()}: {truncate(to_one_line(to_plain_text(text)), _MAX_SIDE_CHARS)}"
    history = entry.history
    minutes = f"{history.total_seconds / 60:.0f} min"
    yield f"  {history.summary} | {format_count(history.answer_count, 'answer')}, {minutes}"
    for reason in entry.reasons:
        yield f"  {reason}"
    for front in [*entry.card.confused_fields.values()][:1]:
        front = to_one_line(to_plain_text(front))
        yield f"  mixed up with: {truncate(front, _MAX_SIDE_CHARS)}"
    if entry.passage:
        yield f"  {format_quote_in_passage(entry.passage, entry.quote)}"


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
    for entry in repairs.failing:
        if not entry.has_private_text(privacy):
            cards.append(entry_to_json(entry))
    return {"cards": cards[:limit], "total": len(cards)}


TOOLS = (list_failing,)
