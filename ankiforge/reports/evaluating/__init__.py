"""How good are the cards? A fixed set of passages, drawn, checked, rated blind, and counted.

    material ─▶ drawing ─▶ sheet (CSV or a page, and a key) ║ a person ║ ratings ─▶ figures

What a rater sees never says who drew a card; the key does, and stays beside the sheet. The
criteria, the tiers made of them and the order in which they are asked stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that is so or is not."""

    number: int
    name: str
    asks: str
    sourced: bool = False
    """Whether the passage is looked at to answer it."""

    @property
    def column(self) -> str:
        """Its head in a sheet."""
        return f"{self.number}_{self.name}"


CRITERIA = (
    Criterion(1, "self_contained", "Understandable in a year, without the source?"),
    Criterion(3, "one_answer", "One right answer: would two readers answer alike?"),
    Criterion(4, "atomic", "One fact only?"),
    Criterion(5, "short_not_leaked", "Answer short, and not to be guessed from the front?"),
    Criterion(7, "worth_keeping", "Worth keeping for years?"),
    Criterion(8, "well_formed", "Well-formed: grammar, markup, formulae?"),
    Criterion(2, "correct", "Correct, and supported by the passage?", sourced=True),
    Criterion(6, "on_target", "On target: what the reader marked, no side issue?", sourced=True),
)
"""In the order in which they are asked: what needs the passage comes last."""
NUMBERS = tuple(sorted(criterion.number for criterion in CRITERIA))
WANTED = "card_wanted"
"""Of a passage without a card: whether it should have had one."""
WANTED_ASKS = "Should this passage have had a card?"


class Tier(StrEnum):
    """What the eight answers come to."""

    READY = "T3"
    """Nothing is wrong."""
    POLISH = "T2"
    """Only the length of the answer (5) or the form (8) fails."""
    REWRITE = "T1"
    """On target and correct, but 1, 3, 4 or 7 fails."""
    OFF = "T0"
    """Off target (6) or not correct (2)."""


def tier_of(ratings: Mapping[int, bool]) -> Tier | None:
    """The tier of a card; None while too little of it is rated to tell."""
    if ratings.get(2) is False or ratings.get(6) is False:
        return Tier.OFF
    if any(number not in ratings for number in NUMBERS):
        return None
    if not all(ratings[number] for number in (1, 3, 4, 7)):
        return Tier.REWRITE
    return Tier.READY if ratings[5] and ratings[8] else Tier.POLISH
