"""Cards that a chat writes without JSON: tables, or questions and answers.

Of lines `name: value`, a name that comes again begins a new card.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ankiforge.model import Json
from ankiforge.text import regex

Names = Mapping[str, str]
"""Our name for each name of a part of a card, in small letters without blanks."""


def cards_in_lines(text: str, names: Names) -> list[Json]:
    """Return the cards that the lines of an answer give, by our names of their parts."""
    lines = text.strip("\ufeff").splitlines()
    return _rows(lines, names) or _named_parts(lines, names)


# --- tables ---------------------------------------------------------------------------

_CELL_ENDS = regex(r"\t|(?<!\\)\|")


def _rows(lines: Iterable[str], names: Names) -> list[Json]:
    """Return the cards of tables, with bars or tabs; a row that was cut off is none."""
    cards = []
    header: list[str] = []
    header_end = ""
    for line in map(str.strip, lines):
        cells = [cell.strip() for cell in _CELL_ENDS.split(line.strip("|"))]
        if not line:
            header = []
        elif not header:
            header = _header(cells, names)
            header_end = line[-1]
        elif len(cells) == len(header) and (line[-1] == "|") == (header_end == "|"):
            row = zip(header, cells, strict=True)
            card = {name: cell.replace("\\|", "|") for name, cell in row if name}
            if any(map(str.isalnum, line)):
                cards.append(card)
    return cards


def _header(cells: Iterable[str], names: Names) -> list[str]:
    """Return our name for each column of a table of cards; [] if it is none of cards."""
    header = [names.get(letters_of_name(cell), "") for cell in cells]
    is_of_cards = {"front", "back"} <= set(header) or {"h", "text"} <= set(header)
    return header if is_of_cards else []


# --- names and values -----------------------------------------------------------------

_LINE = regex(
    r"""(?x)
    (?P<sign> (?: [\s>#+•–-] | \*(?=\s) | \d{1,3}[.)] ){0,30} )
    (?P<emphasis> [*_`]{0,3} ) (?P<name> [^\W\d_]{1,20} (?: [ _] [^\W\d_]{1,20} )? ) \ ? \d{0,3}
    (?P=emphasis)? \s{0,9} (?: [:：] (?P=emphasis)? \s{0,9} (?P<value> .* ) )?
    """
)
_HEX_LABEL = regex(r"(?<![0-9a-zA-Z])[0-9a-f]{8}(?![0-9a-zA-Z])")
# A line with a label is a heading: it is no longer than that.
_HEADING = 80


def _named_parts(lines: Iterable[str], names: Names) -> list[Json]:
    """Return the cards of lines `name: value`, or `name` as a heading of lines."""
    cards: list[Json] = []
    card: Json = {}
    open_part = ""  # the part of the card that an unnamed line goes on with
    unnamed = ""  # the last line that belongs to no part
    before = ""  # the one before the card: the question, if the card has only an answer
    for line in lines:
        stripped = line.strip()
        if not stripped:
            if card.get(open_part):  # a value ends with its paragraph
                open_part = ""
            continue

        # the part that the line begins
        match = _LINE.fullmatch(line)
        name = value = ""
        if match:
            value = match["value"] or ""
            is_heading = bool(match["emphasis"]) or "#" in match["sign"]
            if is_heading or match["value"] is not None:
                name = names.get(letters_of_name(match["name"]), "")
        is_new = name in card
        label = _HEX_LABEL.search(line) if len(line) <= _HEADING else None
        if not name and stripped.startswith(">"):
            name = "quote"
            value = f"{card.get(name, '')} {stripped.lstrip('> ')}".strip()
        elif not name and label and not open_part:
            name = "h"
            value = label[0]
            is_new = "front" in card

        if not name and open_part:
            card[open_part] = f"{card[open_part]}\n{stripped}".strip()
        elif not name:
            unnamed = stripped.lstrip("#>*-0123456789.) ").strip("*_ ")
        else:
            if is_new or not card:
                cards.append(_with_question(card, before))
                card = {}
                before, unnamed = unnamed, ""
            card[name] = value
            open_part = name
    cards.append(_with_question(card, before))
    return list(filter(None, cards))


def _with_question(card: Json, question: str) -> Json:
    """Return a card with an answer and without a question with the question."""
    if question and "back" in card and "front" not in card:
        return {"front": question, **card}
    return card


def letters_of_name(text: str) -> str:
    """Return the small letters of the name of a part of a card."""
    return re.sub(r"[^a-zé]", "", text[:40].casefold())
