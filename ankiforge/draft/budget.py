"""Token prices, the usage of a run, and the budget that no request may exceed.

Prices come from a table that ships with the program and one that a person keeps. A model is found
by its whole name, else without its vendor, its date and its maturity:
`openai/gpt-5-mini-2025-08-07` is `gpt-5-mini`. The person's table comes first, either way.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

from ankiforge.errors import ItemError

# --- prices ---------------------------------------------------------------------------------

_DATED = re.compile(
    r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|preview(?:-\d{2}-\d{2,4})?|exp))+$"
)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    into: float
    """Of the request."""
    out: float
    """Of the reply, thoughts included."""
    again: float | None = None
    """Of input tokens that the server had in its cache; None = as `into`."""

    def cost(self, tokens_in: int, tokens_out: int, again: int = 0) -> float:
        """Return dollars; `again` of the tokens in were in the server's cache."""
        cheaper = self.into if self.again is None else self.again
        fresh = max(tokens_in - again, 0)
        return (fresh * self.into + again * cheaper + tokens_out * self.out) / 1e6


FREE = Price(0.0, 0.0)


def known_price(model: str, own: Mapping[str, tuple[float, ...]] = {}) -> Price | None:
    """Return the price of a model, None if it is in neither table.

    Args:
        model: as the server calls it.
        own: the person's table: dollars per million tokens in, out, and (if given) in again.
    """
    name = model.strip().casefold()
    bare = name.rpartition("/")[2]
    for table in ({key.casefold(): value for key, value in own.items()}, _shipped()):
        for written in (name, bare, _DATED.sub("", name), _DATED.sub("", bare)):
            if written in table:
                return Price(*table[written])
    return FREE if name.endswith(":free") else None


def known_models() -> list[str]:
    """Return the models of the shipped table."""
    return sorted(_shipped())


@cache
def _shipped() -> dict[str, tuple[float, ...]]:
    text = (files("ankiforge.draft") / "prices.json").read_text(encoding="utf-8")
    return {name: tuple(price) for name, price in json.loads(text).items()}


# --- usage ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used. Dollars are None where the price is unknown."""

    requests: int = 0
    """Replies from the server."""
    cached: int = 0
    """Replies from the cache."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = 0.0
    saved_tokens: int = 0
    """What the cached replies used when they were new, in and out."""
    saved_usd: float | None = 0.0
    """Their cost at today's prices."""

    def plus(self, more: Usage) -> Usage:
        """Return the sum of both."""
        sums: dict[str, Any] = {}
        for one in fields(Usage):
            pair = getattr(self, one.name), getattr(more, one.name)
            sums[one.name] = None if None in pair else sum(pair)
        return Usage(**sums)


# --- the budget -----------------------------------------------------------------------------

HIGHLIGHT_TOKENS = 250
"""Output tokens reserved for a highlight at least: two cards with some margin."""
THOUGHT_TOKENS = 8_000
"""Output tokens reserved for reasoning, if the budget has room."""
_MARGIN = 1.25
"""The next reply may be this many times as long as the longest so far."""
BUDGET = "llm.budget_usd"
"""The place named in a problem that concerns no document."""


class BudgetError(ItemError):
    """The request was not sent, because it could cost more than is left."""


class Budget:
    """The usage of a run and what it may still spend; shared by its threads.

    Where there is a budget, each request limits the length of its reply. What it may cost at most
    is reserved until its real cost is known; a request that does not fit beside the others waits.
    Several models may share it: each call names the price of the model that is asked.
    """

    def __init__(self, price: Price | None, usd: float | None, candidates: int) -> None:
        self._usd = usd
        self._each = max(HIGHLIGHT_TOKENS, 80 * candidates)
        self._changed = threading.Condition()
        self._reserved = 0.0
        self._longest = 0.0
        self._closed = False
        known = None if price is None else 0.0
        self.usage = Usage(cost_usd=known, saved_usd=known)

    @contextmanager
    def reserve(
        self, price: Price | None, tokens_in: int, highlights: int, limit: int
    ) -> Iterator[int]:
        """Reserve what a request may cost while it is under way.

        Args:
            price: of the model that is asked; None = unknown.
            tokens_in: what is sent, rather too many.
            highlights: how many it asks about.
            limit: the limit of the reply that the person set; 0 if they set none.

        Yields:
            The limit of the reply in tokens; 0 if there is no budget to keep.

        Raises:
            BudgetError: not enough is left.
        """
        budget = self._usd
        if budget is None or price is None or not (price.into or price.out):
            yield 0
            return
        with self._changed:
            while True:
                least = limit or math.ceil(max(self._each, _MARGIN * self._longest) * highlights)
                left = budget - (self.usage.cost_usd or 0.0)
                if self._closed:
                    raise ItemError("stopped before it was sent")
                if price.cost(tokens_in, least) > left:
                    raise BudgetError(
                        f"the budget of ${budget:g} is used up",
                        hint="raise llm.budget_usd, or just run again: only the rest is sent",
                    )
                most = limit or least + THOUGHT_TOKENS
                room = left - self._reserved - price.cost(tokens_in, 0)
                fits = min(most, int(room * 1e6 / price.out)) if price.out else most
                if room >= 0 and fits >= least:
                    break
                self._changed.wait()
            cost = price.cost(tokens_in, fits)
            self._reserved += cost
        try:
            yield fits
        finally:
            with self._changed:
                self._reserved -= cost
                self._changed.notify_all()

    def count_new(
        self, price: Price | None, tokens_in: int, tokens_out: int, again: int, highlights: int
    ) -> None:
        """Count a reply from the server, `again` of the tokens in read from the server's cache."""
        cost = None if price is None else price.cost(tokens_in, tokens_out, again)
        with self._changed:
            self._longest = max(self._longest, tokens_out / max(highlights, 1))
            new = Usage(requests=1, tokens_in=tokens_in, tokens_out=tokens_out, cost_usd=cost)
            self.usage = self.usage.plus(new)

    def count_cached(self, price: Price | None, tokens_in: int, tokens_out: int) -> None:
        """Count a reply from the cache."""
        cost = None if price is None else price.cost(tokens_in, tokens_out)
        with self._changed:
            saved = Usage(cached=1, saved_tokens=tokens_in + tokens_out, saved_usd=cost)
            self.usage = self.usage.plus(saved)

    def close(self) -> None:
        """Refuse all further requests, including those that wait for room."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
