"""Ids as a person types them: a guid, a draft id (`guid.b`), or an unambiguous beginning."""

from __future__ import annotations

import re

from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import letter_of
from ankiforge.review import Choice

_ID = re.compile(r"(af[a-z2-7]{6,24})(?:\.([a-z]+))?")


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
        hint = "give more of the id" if guids else "ankiforge list shows the ids"
        raise UsageError(f"{what} {match[1]!r}", hint=hint)
    choice = Choice(ledger.cards.get(guids[0]), match[2] or "")
    if choice.letter not in ("", *(letter_of(c) for c in choice.card.candidates)):
        raise UsageError(
            f"{guids[0]} has no candidate {choice.letter!r}", hint=f"ankiforge show {guids[0]}"
        )
    return choice
