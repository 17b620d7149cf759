"""The cards of a note: which ones Anki generates from its fields, and what they show.

Clozes are parsed exactly as Anki parses them. Templates support what ours use: fields, conditions,
`{{FrontSide}}`, and the cloze filter except its special case for a cloze inside a formula, which
`render` never produces.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ankiforge.model import Family
from ankiforge.text.cloze import MAX_NUMBER

MAX_OPEN = 10
"""The nesting depth up to which Anki parses clozes."""
_TOKEN = re.compile(r"\{\{c([0-9,]*)::|\}\}")
_EMPTY = re.compile(r"(?:[ \t\n\r\f\v]|</?(?:br|div) ?/?>)*", re.IGNORECASE)
_TAG_BUT_PICTURES = re.compile(r"<(?!img\b)[^>]*>", re.IGNORECASE)


def card_ordinals(family: Family, fields: Sequence[str]) -> tuple[int, ...]:
    """Return the ordinals (from 0) of a note's cards, ascending.

    Args:
        family: the note type.
        fields: its fields as HTML, in note type order.
    """
    if family is Family.CLOZE:
        return tuple(number - 1 for number in cloze_numbers(fields[0]))
    front, back, reverse = (not is_empty(text) for text in fields[:3])
    return tuple(ordinal for ordinal, made in enumerate((front, reverse and back)) if made)


def is_empty(text: str) -> bool:
    """Return whether Anki's `{{#Field}}` treats the field as empty."""
    return not text or (not text[0].isalnum() and _EMPTY.fullmatch(text) is not None)


def is_blank(text: str) -> bool:
    """Return whether a field shows neither text nor a picture."""
    if text[:1].isalnum():
        return False
    return not html.unescape(_TAG_BUT_PICTURES.sub("", text)).strip()


# --- clozes ---------------------------------------------------------------------------------


class Sign(NamedTuple):
    """The opening of a cloze (with its numbers) or its end (without numbers)."""

    start: int
    end: int
    numbers: tuple[int, ...] = ()


def cloze_signs(text: str) -> Iterator[Sign]:
    """Yield the cloze openings and ends that Anki recognises.

    Openings nested more than ten deep and unmatched `}}` are text.
    """
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[1] is None and depth:
            depth -= 1
            yield Sign(token.start(), token.end())
        elif token[1] is not None and depth < MAX_OPEN and (numbers := _numbers(token[1])):
            depth += 1
            yield Sign(token.start(), token.end(), numbers)


@lru_cache(maxsize=1024)
def _numbers(digits: str) -> tuple[int, ...]:
    """Return the cloze numbers that fit into 16 bits. An opening without any is text."""
    parts = (part.lstrip("0") or part[:1] for part in digits.split(","))
    return tuple(int(part) for part in parts if 0 < len(part) < 6 and int(part) < 2**16)


def cloze_numbers(text: str) -> tuple[int, ...]:
    """Return the distinct cloze numbers (1 to 500) of a field, ascending, including nested ones.

    As in Anki, a cloze that is never closed is ignored together with the clozes inside it.
    """
    levels: list[set[int]] = [set()]
    for sign in cloze_signs(text):
        if sign.numbers:
            levels.append(set(sign.numbers))
        else:
            closed = levels.pop()
            levels[-1] |= closed
    return tuple(sorted(number for number in levels[0] if 1 <= number <= MAX_NUMBER))


# --- what a card shows ----------------------------------------------------------------------
