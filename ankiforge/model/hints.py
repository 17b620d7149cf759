"""Hints: what readers know about a mark or a work besides its key, and how it is spelled.

Readers write hints with the constructors here, and the ledger reads them with the
functions beside them. Hints are stored and compared as text, so their spelling must never
change.

Of a mark (`Highlight.hints`, each is `<scheme>:<name>`):

- `zotero:ABCD2345`, `zotero:user/ABCD2345`: it is this annotation in Zotero.
- `nm:<name>`: the name of an annotation in a PDF, its `/NM`.
- `at:<page> <left> <bottom> <right> <top>`: where a mark is in a PDF.
- `anki:<id>`: another tool made this note in Anki from it.
- `mark:<id>`: it is no mark in its file; this event of the journal chose it.

The id of a block in a note, `b.<id>`, is not a hint: it may become the key. A source of a
plug-in may use schemes of its own.

Of a work (`Document.identifiers`, each is a pair of scheme and value):

- `doi-hint`, `arxiv-hint`: printed on the first page, where another work may be cited.
- `quoted-zotero`, `quoted-file` and so on: a work that a note quotes.

Of another flashcard tool that keeps cards in notes: its name, and the schedule that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from typing import NamedTuple, NewType

Hint = NewType("Hint", str)
"""One hint about a mark, as it is stored: `<scheme>:<name>`."""

_ZOTERO = "zotero"
_PDF_NAME = "nm"
_POSITION = "at"
_ANKI_NOTE = "anki"
_CHOSEN = "mark"
_BLOCK = "b."
_LABELS = (_BLOCK, f"{_POSITION}:", f"{_ANKI_NOTE}:")

_PRINTED = "-hint"
_QUOTED = "quoted-"


class HintParts(NamedTuple):
    """A hint, taken apart.

    The scheme is how the namespace of a source begins: `zotero:ABCD2345` names the mark
    whose key is `zotero:user/ABCD2345` or `zotero:group.12/ABCD2345`.
    """

    scheme: str
    name: str


# --- of a mark ------------------------------------------------------------------------


def zotero_annotation(name: str) -> Hint:
    """Return the hint for an annotation in Zotero.

    Args:
        name: its key, `ABCD2345`, or the library and its key, `user/ABCD2345`.
    """
    return Hint(f"{_ZOTERO}:{name}")


def pdf_annotation(name: str) -> Hint:
    """Return the hint for an annotation in a PDF, by its unique name (`/NM`)."""
    return Hint(f"{_PDF_NAME}:{name}")


def position(page: int, box: Iterable[float]) -> Hint:
    """Return the hint for the place of a mark in a PDF.

    Args:
        page: the number of the page, counted from 0.
        box: the left, bottom, right and top edge in points.
    """
    numbers = (page, *(round(edge) for edge in box))
    words = " ".join(str(number) for number in numbers)
    return Hint(f"{_POSITION}:{words}")


def anki_note(note_id: str) -> Hint:
    """Return the hint for the note in Anki that another tool made, by the id it wrote."""
    return Hint(f"{_ANKI_NOTE}:{note_id}")


def chosen_by(event: str) -> Hint:
    """Return the hint for a passage that nobody marked in its file, by the event that chose it."""
    return Hint(f"{_CHOSEN}:{event}")


def chosen_in(hints: Iterable[Hint]) -> str:
    """Return the id of the event that chose a passage; "" of a mark in a file."""
    for hint in hints:
        scheme, event = split_hint(hint)
        if scheme == _CHOSEN:
            return event
    return ""


def block_id(name: str) -> str:
    """Return the id (`Highlight.own`) of the only mark of a block `^name`."""
    return f"{_BLOCK}{name}"


def split_hint(hint: Hint) -> HintParts:
    """Return the scheme and the name of a hint."""
    scheme, _, name = hint.partition(":")
    return HintParts(scheme, name)


def anki_note_in(hints: Iterable[Hint]) -> str:
    """Return the id that another tool wrote beside the mark, "" if none did."""
    for hint in hints:
        scheme, note_id = split_hint(hint)
        if scheme == _ANKI_NOTE:
            return note_id
    return ""


def position_in(
    hints: Iterable[Hint],
) -> tuple[int, tuple[float, float, float, float]] | None:
    """Return where a mark is in a PDF, as `position` takes it; None if that is unknown."""
    for hint in hints:
        scheme, name = split_hint(hint)
        if scheme == _POSITION:
            with suppress(ValueError):
                page, *edges = name.split(" ")
                left, bottom, right, top = map(float, edges)
                return int(page), (left, bottom, right, top)
    return None


def is_label(own_or_hint: str) -> bool:
    """Return whether an id says only where a mark is, not which mark it is.

    Labels are the id of its block, its place in a PDF, and another tool's id.
    """
    return own_or_hint.startswith(_LABELS)


# --- of a work ------------------------------------------------------------------------


def printed(scheme: str) -> str:
    """Return the scheme of an identifier that is only printed in a work: `doi-hint`."""
    return f"{scheme}{_PRINTED}"


def quoted(scheme: str) -> str:
    """Return the scheme for a work that a note quotes: `quoted-zotero`."""
    return f"{_QUOTED}{scheme}"


def unprinted(scheme: str) -> str:
    """Return the scheme of an identifier, also of one that is only printed: `doi`."""
    return scheme.removesuffix(_PRINTED)


def is_quoted(scheme: str) -> bool:
    """Return whether an identifier is one of a work that a note quotes."""
    return scheme.startswith(_QUOTED)


# --- of another tool ------------------------------------------------------------------

TITLES = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "Obsidian_to_Anki",
    "flashcards": "flashcards-obsidian",
}
"""By the names of the dialects in the settings."""

Schedule = tuple[tuple[str, int, int], ...]
"""For each card of a note: when it is due (ISO 8601, "" = it was never reviewed), its
interval in days, and its ease in per cent."""

# The date of a card that was never reviewed.
_NEW = "2000-01-01"
_NEVER = ("", 0, 0)
_EASE = 250


def schedule_of(written: str) -> Schedule:
    """Return the schedule that obsidian-spaced-repetition wrote.

    () if no card was reviewed.

    `!2027-03-01,150,270` has the ease in per cent; `!fsrs,` has a time, and difficulty
    for ease.
    """
    cards = []
    for part in filter(None, written.split("!")):
        card = part.strip()
        values = card.removeprefix("fsrs,").split(",")
        try:
            due = date.fromisoformat(values[0][:10]).isoformat()
            interval = max(1, round(float(values[1])))
            ease = _EASE if card.startswith("fsrs,") else int(values[2])
        except (ValueError, IndexError):
            cards.append(_NEVER)
        else:
            cards.append(_NEVER if due == _NEW else (due, interval, ease))
    return tuple(cards) if any(due for due, _, _ in cards) else ()
