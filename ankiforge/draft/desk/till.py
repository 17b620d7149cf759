"""The till: what a run used and what it may still spend.

No request goes out that could overdraw the budget, however many threads ask. Where there is a
budget, each request says how long its reply may be; what it may cost at most is held back until
its real cost is known, and who does not fit beside the others waits for them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ankiforge.draft.desk.faults import UnansweredError
from ankiforge.draft.desk.prices import Price
from ankiforge.draft.desk.settings import ServerSettings
from ankiforge.errors import ItemError

EACH = 250
"""Tokens out that a highlight is given at the least: two cards and some air."""
BUDGET = "llm.budget_usd"
"""Where a budget is used up: it is no fault of a document."""
THOUGHTS = 8_000
"""Tokens out that a request is given for thinking, where the budget has room."""
_AIR = 1.25
"""So many times the longest reply so far is what the next may need."""


class BudgetError(ItemError):
    """The request was not sent: it could cost more than is left."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run used. Dollars are None where the price is unknown."""

    requests: int = 0
    """Replies that came from the server."""
    cached: int = 0
    """Replies that were remembered."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = 0.0
    saved_tokens: int = 0
    """What the remembered replies used when they were new, in and out."""
    saved_usd: float | None = 0.0
    """What they would cost today."""

    def plus(self, more: Usage) -> Usage:
        """Both together."""
        return Usage(
            self.requests + more.requests,
            self.cached + more.cached,
            self.tokens_in + more.tokens_in,
            self.tokens_out + more.tokens_out,
            _sum(self.cost_usd, more.cost_usd),
            self.saved_tokens + more.saved_tokens,
            _sum(self.saved_usd, more.saved_usd),
        )


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


class Till:
    """Shared by all threads of a run."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._changed = threading.Condition()
        self._held = 0.0
        self._longest = 0.0
        self._closed = False
        known = None if settings.price is None else 0.0
        self.usage = Usage(cost_usd=known, saved_usd=known)

    @contextmanager
    def held(self, tokens_in: int, highlights: int, given: int | None) -> Iterator[int | None]:
        """Hold back what a request may cost while it is under way.

        Args:
            tokens_in: what is sent, rather too many.
            highlights: how many it asks about.
            given: the limit of the reply that the person set; None if they set none.

        Yields:
            The limit of the reply in tokens; None if there is no budget to keep.

        Raises:
            BudgetError: not enough is left.
        """
        price, budget = self._settings.price, self._settings.budget_usd
        if budget is None or price is None or price == Price(0.0, 0.0, price.again):
            yield None
            return
        limit, cost = self._fitting(price, budget, tokens_in, highlights, given)
        try:
            yield limit
        finally:
            with self._changed:
                self._held -= cost
                self._changed.notify_all()

    def _fitting(
        self, price: Price, budget: float, tokens_in: int, highlights: int, given: int | None
    ) -> tuple[int, float]:
        """The limit of a reply, and what the request may cost with it; waits for its turn."""
        with self._changed:
            while True:
                each = max(EACH, 80 * self._settings.candidates, _AIR * self._longest)
                least = given or math.ceil(each * highlights)
                most = given or least + THOUGHTS
                left = budget - (self.usage.cost_usd or 0.0)
                if self._closed:
                    raise UnansweredError("stopped before it was sent")
                if price.cost(tokens_in, least) > left:
                    raise BudgetError(
                        f"the budget of ${budget:g} is used up",
                        hint="raise llm.budget_usd, or just run again: only the rest is sent",
                    )
                room = left - self._held - price.cost(tokens_in, 0)
                fits = most if not price.out else min(most, int(room * 1e6 / price.out))
                if room >= 0 and fits >= least:
                    cost = price.cost(tokens_in, fits)
                    self._held += cost
                    return fits, cost
                self._changed.wait()

    def paid(self, tokens_in: int, tokens_out: int, again: int, highlights: int) -> None:
        """A reply has come."""
        with self._changed:
            self._longest = max(self._longest, tokens_out / max(highlights, 1))
            price = self._settings.price
            cost = None if price is None else price.cost(tokens_in, tokens_out, again)
            self._add(Usage(requests=1, tokens_in=tokens_in, tokens_out=tokens_out, cost_usd=cost))

    def saved(self, tokens_in: int, tokens_out: int) -> None:
        """A reply was remembered."""
        with self._changed:
            cost = self._settings.cost(tokens_in, tokens_out)
            self._add(Usage(cached=1, saved_tokens=tokens_in + tokens_out, saved_usd=cost))

    def _add(self, more: Usage) -> None:
        unknown = self.usage.cost_usd is None
        self.usage = self.usage.plus(replace(more, cost_usd=None) if unknown else more)

    def close(self) -> None:
        """Whoever waits goes home."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
