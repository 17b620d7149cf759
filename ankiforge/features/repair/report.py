"""Format the list of failing cards for the command `repair`, as JSON and as text."""

from __future__ import annotations

from msgspec import to_builtins

from ankiforge.features.repair.work import RepairEntry
from ankiforge.model import Json
from ankiforge.reports.cards import TextLines, format_quote_in_passage
from ankiforge.text import format_count, to_one_line, truncate
from ankiforge.text.cloze import to_plain_text

_MAX_SIDE_CHARS = 300
"""The maximum length at which a side of a card is shown, in characters."""


def entry_to_json(entry: RepairEntry) -> Json:
    """Convert an entry to the JSON that `repair --json` prints."""
    history = entry.history
    near: Json | None = None
    if entry.confused_with:
        confused = entry.confused_with
        near = {"nid": confused.note.note_id, "fields": dict(confused.card.fields)}
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


def format_entry(entry: RepairEntry) -> TextLines:
    """Format an entry as lines of text, with its review history, reasons and passage."""
    yield f"{entry.note.note_id}  {truncate(entry.note.deck, 50)}"
    for name, text in entry.card.fields.items():
        yield f"  {name.lower()}: {truncate(to_one_line(to_plain_text(text)), _MAX_SIDE_CHARS)}"
    if entry.failing_card:
        history = entry.history
        minutes = f"{history.total_seconds / 60:.0f} min"
        yield f"  {history.summary} | {format_count(history.answer_count, 'answer')}, {minutes}"
    for reason in entry.reasons:
        yield f"  {reason}"
    if entry.confused_with:
        yield f"  mixed up with: {truncate(entry.confused_with.note.front, _MAX_SIDE_CHARS)}"
    if entry.passage:
        yield f"  {format_quote_in_passage(entry.passage, entry.quote)}"
