"""Ids as a person types them: a guid, a draft id (`guid.b`), or an unambiguous beginning."""

from __future__ import annotations

import re

from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.values import letter_of
from ankiforge.review import Choice
from ankiforge.review.query import FIELDS

_ID = re.compile(r"(af[a-z2-7]{6,24})(?:\.([a-z]+))?")


_KEY = re.compile(r"([a-z]+):[^\s/]+/\S+")


def is_id(word: str) -> bool:
    """Whether a word has the form of a card's or a draft's id."""
    return _ID.fullmatch(word.strip().casefold()) is not None


def is_key(word: str) -> bool:
    """Whether a word has the form of a passage's key, and is no `field:value` of a query."""
    match = _KEY.fullmatch(word)
    return match is not None and match[1] not in FIELDS


def names_card(ledger: Ledger, word: str) -> bool:
    """Whether a word is the id of a card, or the beginning of some."""
    match = _ID.fullmatch(word.strip().casefold())
    return match is not None and bool(ledger.cards.starting_with(match[1]))


def find(ledger: Ledger, word: str) -> Choice:
    """The card (and candidate) that `word` names.

    Raises:
        UsageError: it names none, or several.
    """
    match = _ID.fullmatch(word.strip().casefold())
    if match is None:
        raise UsageError(
            f"{word!r} is no id of a card",
            hint="af and at least six characters more, as `ankiforge list` shows them",
        )
    guids = ledger.cards.starting_with(match[1])
    if len(guids) != 1:
        what = f"{len(guids)} cards begin with" if guids else "no card begins with"
        as_word = f"ankiforge list shows the ids; to search for the word: '\"{word}\"'"
        hint = "give more of the id" if guids else as_word
        raise UsageError(f"{what} {match[1]!r}", hint=hint)
    choice = Choice(ledger.cards.get(guids[0]), match[2] or "")
    if choice.letter not in ("", *(letter_of(c) for c in choice.card.candidates)):
        raise UsageError(
            f"{guids[0]} has no candidate {choice.letter!r}", hint=f"ankiforge show {guids[0]}"
        )
    return choice
