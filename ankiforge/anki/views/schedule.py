"""How a card is scheduled, and what was answered: columns to select, and the values they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ankiforge.model import SeenCard

HOME = "iif(c.odid, c.odid, c.did)"
"""Of a card in a filtered deck: the deck it goes back to."""
_DUE = "iif(c.odid and c.odue, c.odue, c.due)"
SCHEDULE = ("c.queue", "c.type", _DUE, "c.ivl", "c.factor", "c.reps", "c.lapses", "c.flags & 7")
ANSWER = ("c.ord", "r.ease", "r.ivl", "r.lastIvl", "r.factor", "r.time", "r.type")
"""Of `revlog r` joined with `cards c`: what `SeenReview` has after its guid."""


def seen_card(row: tuple[Any, ...], decks: Mapping[int, str]) -> SeenCard:
    """The card of a row: c.id, c.ord, HOME, *SCHEDULE, c.data."""
    number, ordinal, deck, *schedule, data = row
    return SeenCard(number, ordinal, decks.get(deck, ""), *schedule, *_memory(data))


class _Memory(msgspec.Struct):
    """What FSRS knows of a card."""

    s: float | None = None
    d: float | None = None
    decay: float | None = None


_decoder = msgspec.json.Decoder(_Memory)


def _memory(data: str) -> tuple[Any, ...]:
    """(stability, difficulty, decay), or () without FSRS."""
    if '"s"' not in data:
        return ()
    try:
        memory = _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    return memory.s, memory.d, memory.decay
