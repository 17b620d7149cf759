"""What tokens cost: a table that ships with the program, and one that a person keeps.

A model is found by its whole name, else without its vendor, its date and its maturity:
`openai/gpt-5-mini-2025-08-07` is `gpt-5-mini`. The person's table comes first, either way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_DATED = re.compile(
    r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|preview(?:-\d{2}-\d{2,4})?|exp))+$"
)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    into: float
    """Of what is sent."""
    out: float
    """Of what comes back, thoughts included."""
    again: float | None = None
    """Of what is sent and the server still had in its cache; None = as `into`."""

    def cost(self, tokens_in: int, tokens_out: int, again: int = 0) -> float:
        """Dollars; `again` of the tokens in were in the server's cache."""
        cheaper = self.into if self.again is None else self.again
        fresh = max(tokens_in - again, 0)
        return (fresh * self.into + again * cheaper + tokens_out * self.out) / 1e6


FREE = Price(0.0, 0.0)


def known_price(model: str, own: Mapping[str, tuple[float, ...]] = {}) -> Price | None:
    """The price of a model, None if it is in neither table.

    Args:
        model: as the server calls it.
        own: the person's table: dollars per million tokens in, out, and (if given) in again.
    """
    name = model.strip().casefold()
    mine = {key.casefold(): value for key, value in own.items()}
    for table in (mine, _shipped()):
        for written in _names(name):
            if written in table:
                return Price(*table[written])
    return FREE if name.endswith(":free") else None


def _names(name: str) -> Iterator[str]:
    """The name, then ever less of it."""
    yield name
    bare = name.rpartition("/")[2]
    yield bare
    yield _DATED.sub("", name)
    yield _DATED.sub("", bare)


def known_models() -> list[str]:
    """The models of the shipped table."""
    return sorted(_shipped())


@cache
def _shipped() -> dict[str, tuple[float, ...]]:
    text = (files("ankiforge.draft.desk") / "prices.json").read_text(encoding="utf-8")
    return {name: tuple(price) for name, price in json.loads(text).items()}
