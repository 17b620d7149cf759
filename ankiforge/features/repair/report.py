"""Tell which cards fail, and which of a deck are faulty."""

from __future__ import annotations

from ankiforge.features.repair.work import RepairEntry
from ankiforge.model import Json
from ankiforge.reports.cards import Text, quoted_in
from ankiforge.text import counted, on_one_line, shortened
from ankiforge.text.cloze import plain

_SIDE = 300
"""The number of characters of a side or a passage in a list."""


def entry_json(entry: RepairEntry) -> Json:
    """Return a line of `repair --json`."""
    history = entry.history
    return {
        "nid": entry.note.nid,
        "guid": entry.note.guid,
        "deck": entry.note.deck,
        "notetype": entry.note.notetype,
        "card": entry.guid if entry.is_ours else None,
        "fields": entry.card.fields,
        "fails": entry.fails is not None,
        "why": entry.why,
        "history": history.in_one_line,
        "answers": history.asked,
        "seconds": round(history.seconds),
        "lapses": history.lapses,
        "findings": entry.findings,
        "near": entry.near.note.nid if entry.near else None,
        "passage": entry.passage,
        "quote": entry.quote,
    }


def entry_text(entry: RepairEntry) -> Text:
    """Yield a card of the list: its words, its history, why it is here, and its passage."""
    yield f"{entry.note.nid}  {shortened(entry.note.deck, 50)}"
    for name, text in entry.card.fields.items():
        yield f"  {name.lower()}: {shortened(on_one_line(plain(text)), _SIDE)}"
    if entry.fails:
        history = entry.history
        minutes = f"{history.seconds / 60:.0f} min"
        yield f"  {history.in_one_line} | {counted(history.asked, 'answer')}, {minutes}"
    for reason in entry.why:
        yield f"  {reason}"
    if entry.near:
        yield f"  mixed up with: {shortened(entry.near.note.front, _SIDE)}"
    if entry.passage:
        yield f"  {quoted_in(entry.passage, entry.quote)}"
