"""Hints: secondary ids by which a highlight or document is recognized in another source.

A hint about a highlight is a text `<scheme>:<name>` (in `Highlight.hints`). A hint about a
document is a pair of a scheme and a value (in `Document.identifiers`). Sources build hints
with the functions of this module, and the ledger parses them. Hints are stored and compared
as text, so their spelling must never change. Plug-ins may use further schemes. The module
also parses the schedules of other flash-card tools.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import NamedTuple, NewType

Hint = NewType("Hint", str)
"""A hint about a mark, as stored: `<scheme>:<name>`."""

_ZOTERO = "zotero"  # `zotero:ABCD2345`, `zotero:user/ABCD2345`: an annotation in Zotero
_PDF_NAME = "nm"  # `nm:<name>`: the name (/NM) of an annotation in a PDF
_POSITION = "at"  # `at:<page> <left> <bottom> <right> <top>`: a position in a PDF
_ANKI_NOTE = "anki"  # `anki:<id>`: a note in Anki that another tool made
_CHOSEN = "mark"  # `mark:<id>`: the journal event that chose a passage without a mark
_BLOCK = "b."  # `b.<id>`: a block in a note; not a hint, since it may become the key
_LOCATION_PREFIXES = (_BLOCK, f"{_POSITION}:", f"{_ANKI_NOTE}:")

# `doi-hint`, `arxiv-hint`: printed on the first page, where another work may be cited
_PRINTED = "-hint"
_QUOTED = "quoted-"  # `quoted-zotero`, `quoted-file`: a work that a note quotes


class HintParts(NamedTuple):
    """The two parts of a hint about a highlight.

    The scheme is also the first part of a key's namespace. E.g., `zotero:ABCD2345` is a hint
    about the highlight with the key `zotero:user/ABCD2345` or `zotero:group.12/ABCD2345`.
    """

    scheme: str
    name: str


# --- hints about a highlight ------------------------------------------------------------


def make_zotero_hint(annotation_key: str) -> Hint:
    """Build the hint that a highlight is the Zotero annotation with this key.

    The key, such as `ABCD2345`, may include the library, as in `user/ABCD2345`.
    """
    return Hint(f"{_ZOTERO}:{annotation_key}")


def make_pdf_name_hint(name: str) -> Hint:
    """Build the hint that a highlight is the PDF annotation with this name (`/NM`)."""
    return Hint(f"{_PDF_NAME}:{name}")


def make_position_hint(page: int, box: Iterable[float]) -> Hint:
    """Build the hint that a highlight is at this position in a PDF.

    Args:
        page: The index of the page, from 0.
        box: The left, bottom, right and top edges of the highlight, in points.
    """
    numbers = (page, *(round(edge) for edge in box))
    text = " ".join(str(number) for number in numbers)
    return Hint(f"{_POSITION}:{text}")


def make_anki_note_hint(note_id: str) -> Hint:
    """Build the hint that another tool has already made an Anki note from a highlight.

    `note_id` is the id that the other tool wrote next to the highlight.
    """
    return Hint(f"{_ANKI_NOTE}:{note_id}")


def make_choice_hint(event_id: str) -> Hint:
    """Build the hint that a passage was chosen in ankiforge rather than marked in its source.

    `event_id` is the id of the journal event that recorded the choice.
    """
    return Hint(f"{_CHOSEN}:{event_id}")


def find_choice_event_id(hints: Iterable[Hint]) -> str | None:
    """Return the id of the event that recorded the choice of a passage.

    Returns None if the passage wasn't chosen in ankiforge, but marked in its source.
    """
    for hint in hints:
        scheme, event_id = split_hint(hint)
        if scheme == _CHOSEN:
            return event_id
    return None


def make_block_id(name: str) -> str:
    """Build the `Highlight.source_id` of the only highlight in the block `^name`."""
    return f"{_BLOCK}{name}"


def split_hint(hint: Hint) -> HintParts:
    """Split a hint into its scheme and name."""
    scheme, _, name = hint.partition(":")
    return HintParts(scheme, name)


def find_anki_note_id(hints: Iterable[Hint]) -> str | None:
    """Return the id that another tool wrote next to the highlight, or None if there is none."""
    for hint in hints:
        scheme, note_id = split_hint(hint)
        if scheme == _ANKI_NOTE:
            return note_id
    return None


def find_position(
    hints: Iterable[Hint],
) -> tuple[int, tuple[float, float, float, float]] | None:
    """Return the page and the box of the first position hint, or None if there is none.

    The edges of the box are rounded to whole points.
    """
    for hint in hints:
        scheme, name = split_hint(hint)
        if scheme == _POSITION:
            with suppress(ValueError):
                page, *edges = name.split(" ")
                left, bottom, right, top = map(float, edges)
                return int(page), (left, bottom, right, top)
    return None


def is_location_only(id_or_hint: str) -> bool:
    """Return whether an id or hint identifies a location instead of the highlight found there.

    Block ids, positions in a PDF and ids written by another tool are of this kind, because they
    may stay in place when the highlight moves.
    """
    return id_or_hint.startswith(_LOCATION_PREFIXES)


# --- identifiers of a document ----------------------------------------------------------


def make_printed_scheme(scheme: str) -> str:
    """Build the scheme for identifiers that are printed in a work but may belong to another work.

    For example, a DOI that is printed in a PDF has the scheme `doi-hint`.
    """
    return f"{scheme}{_PRINTED}"


def make_quoted_scheme(scheme: str) -> str:
    """Build the scheme for identifiers of a work that a note quotes.

    For example, a Zotero link in a note has the scheme `quoted-zotero`.
    """
    return f"{_QUOTED}{scheme}"


def strip_printed_suffix(scheme: str) -> str:
    """Undo `make_printed_scheme`, e.g. convert `doi-hint` to `doi`. Other schemes are unchanged."""
    return scheme.removesuffix(_PRINTED)


def is_quoted_scheme(scheme: str) -> bool:
    """Return whether a scheme is for identifiers of a work that a note quotes."""
    return scheme.startswith(_QUOTED)


# --- schedules of other tools -----------------------------------------------------------

TOOL_NAMES = {
    "osr": "obsidian-spaced-repetition",
    "o2a": "Obsidian_to_Anki",
    "flashcards": "flashcards-obsidian",
}
"""The names of other tools, by the name of each tool's card syntax in the settings."""


class CardSchedule(NamedTuple):
    """A card's due date, interval and ease, and its memory state in FSRS.

    Events store a card without FSRS as its first three values.
    """

    due: str
    """The due date in ISO 8601, with the time if FSRS set it, or "" if never reviewed."""
    interval: int
    """The interval in days."""
    ease: int
    """The ease in percent."""
    stability: float = 0
    """The stability of FSRS in days, or 0 if the card isn't scheduled by FSRS."""
    difficulty: float = 0
    state: int = 2
    """1 for a card in learning, 2 for review and 3 for relearning, as in FSRS and Anki."""
    reviews: int = 1
    lapses: int = 0
    last_review: str = ""
    """The time of the last review in ISO 8601, or "" if unknown."""

    def to_json(self) -> tuple[str | float, ...]:
        """Return the values that an event stores for the card."""
        return self if self.stability else self[:3]


Schedule = tuple[CardSchedule, ...]
"""The schedule of each card of a note."""

# The due date that obsidian-spaced-repetition writes for a card that was never reviewed.
_UNREVIEWED_DATE = "2000-01-01"
_UNREVIEWED = CardSchedule(due="", interval=0, ease=0)
_DEFAULT_EASE = 250
_FSRS_PREFIX = "fsrs,"


def parse_schedule(schedule: str) -> Schedule:
    """Parse the schedule that obsidian-spaced-repetition wrote for a note's cards.

    Returns () if no card was ever reviewed. Each card is written as `!2027-03-01,150,270`, i.e. due
    date, interval in days and ease in percent. Since version 1.15, it may also be written as
    `!fsrs,`, followed by the due time, interval, stability, difficulty, state, number of reviews
    and lapses, learning step and time of the last review. If a value after the interval is missing
    or invalid, the card gets the default ease and no memory state.
    """
    texts = [text.strip() for text in schedule.split("!")]
    cards = [_parse_card_schedule(text) for text in texts if text]
    return tuple(cards) if any(card.due for card in cards) else ()


def _parse_card_schedule(text: str) -> CardSchedule:
    """Parse the schedule of a card, such as `2027-03-01,150,270`, for which see `parse_schedule`.

    A card that was never reviewed, or has no valid date and interval, is `_UNREVIEWED`.
    """
    is_fsrs = text.startswith(_FSRS_PREFIX)
    values = text.removeprefix(_FSRS_PREFIX).split(",")
    try:
        day = date.fromisoformat(values[0][:10]).isoformat()
        interval = max(1, round(float(values[1])))
        ease = _DEFAULT_EASE if is_fsrs else int(values[2])
    except (ValueError, IndexError, OverflowError):
        return _UNREVIEWED
    if day == _UNREVIEWED_DATE:
        return _UNREVIEWED
    if is_fsrs:
        # without a valid memory state, the card has only its date and interval
        with suppress(ValueError, IndexError, OverflowError):
            return _parse_fsrs(values, interval)
    return CardSchedule(day, interval, ease)


def _parse_fsrs(values: Sequence[str], interval: int) -> CardSchedule:
    """Parse the FSRS values of a card, whose interval has already been parsed.

    The values are the due time, interval, stability, difficulty, state, numbers of reviews and
    lapses, learning step and time of the last review.

    Raises:
        ValueError: A value is invalid.
        OverflowError: A number or date is too large.
        IndexError: A value is missing.
    """
    due, last_review = values[0], values[8]
    stability, difficulty = float(values[2]), float(values[3])
    state, reviews, lapses = int(values[4]), int(values[5]), int(values[6])
    if not (0 < stability < _MAX_STABILITY and 1 <= difficulty <= 10 and 1 <= state <= 3):
        raise ValueError
    if state == 3:  # the interval after relearning, which the plug-in does not store
        interval = max(1, round(stability))
    for time in (due, last_review):
        datetime.fromisoformat(time).timestamp()
    return CardSchedule(
        due=due,
        interval=interval,
        ease=_DEFAULT_EASE,
        stability=stability,
        difficulty=difficulty,
        state=state,
        reviews=max(reviews, 1),
        lapses=max(lapses, 0),
        last_review=last_review,
    )


_MAX_STABILITY = 36_500
"""The maximum stability in Anki, in days."""
