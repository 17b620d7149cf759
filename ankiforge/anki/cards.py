"""Which cards a note makes: read from the field HTML exactly as Anki reads it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ankiforge.anki.notetypes import note_type
from ankiforge.model import Family
from ankiforge.text.cloze import MAX_NUMBER

_TOKEN = re.compile(r"\{\{c([0-9,]*)::|\}\}")
MAX_OPEN = 10
"""Clozes within one another that Anki reads."""
_EMPTY = re.compile(r"(?:[ \t\n\r\f\v]|</?(?:br|div) ?/?>)*", re.IGNORECASE)
_TAG_BUT_PICTURES = re.compile(r"<(?!img\b)[^>]*>", re.IGNORECASE)


def card_ordinals(family: Family, fields: Sequence[str]) -> tuple[int, ...]:
    """The ordinals (from 0) of the cards of a note, ascending; () if it makes none.

    Args:
        family: the note type.
        fields: its fields as HTML, in note type order.
    """
    if family is Family.CLOZE:
        return tuple(number - 1 for number in cloze_numbers(fields[0]))
    two_way = fields[note_type(family).fields.index("Reverse")]
    there = (not is_empty(fields[0]), not (is_empty(two_way) or is_empty(fields[1])))
    return tuple(ordinal for ordinal in (0, 1) if there[ordinal])


def cloze_numbers(text: str) -> tuple[int, ...]:
    """The numbers of the clozes in a field, nested ones too, ascending, 1 to 500.

    As Anki does: one that is never closed takes those within it along.
    """
    levels: list[set[int]] = [set()]
    for sign in cloze_signs(text):
        if sign.numbers:
            levels.append(set(sign.numbers))
        else:
            closed = levels.pop()
            levels[-1] |= closed
    return tuple(sorted(number for number in levels[0] if 1 <= number <= MAX_NUMBER))


class Sign(NamedTuple):
    """Where a cloze opens (with its numbers) or closes (without)."""

    start: int
    end: int
    numbers: tuple[int, ...] = ()


def cloze_signs(text: str) -> Iterator[Sign]:
    """What Anki takes for signs of clozes: not an opener within ten, nor a loose closer."""
    open_ones = 0
    for token in _TOKEN.finditer(text):
        if token[1] is None and open_ones:
            open_ones -= 1
            yield Sign(token.start(), token.end())
        elif token[1] is not None and open_ones < MAX_OPEN and (numbers := _numbers(token[1])):
            open_ones += 1
            yield Sign(token.start(), token.end(), numbers)


@lru_cache(maxsize=1024)
def _numbers(digits: str) -> tuple[int, ...]:
    """What fits into 16 bits; an opener without such a number is text."""
    parts = (part.lstrip("0") or part[:1] for part in digits.split(","))
    return tuple(int(part) for part in parts if 0 < len(part) < 6 and int(part) < 2**16)


def is_empty(text: str) -> bool:
    """Whether `{{#Field}}` takes a field for empty."""
    return not text or (not text[0].isalnum() and _EMPTY.fullmatch(text) is not None)


def is_blank(text: str) -> bool:
    """Whether a field shows nothing: no letter and no picture."""
    if text[:1].isalnum():
        return False
    return not html.unescape(_TAG_BUT_PICTURES.sub("", text)).strip()
