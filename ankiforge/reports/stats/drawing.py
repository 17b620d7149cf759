"""Who draws cards that people keep, why others were turned down, and what a kept card cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ankiforge.config import LlmSettings, is_loopback
from ankiforge.draft.budget import FREE, Price, known_price
from ankiforge.ledger.looks.figures import CardRow, Drawn, Paid
from ankiforge.model import AcceptedBy, Standing, Verdict

Prices = Callable[[str], Price | None]
"""The price of a model, None if it is unknown."""


class Outcome(StrEnum):
    """What became of a card that was drawn."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WAITING = "waiting"
    BLOCKED = "blocked"
    DROPPED = "dropped"
    """Retired or replaced before anybody decided."""


def outcome(row: CardRow) -> Outcome:
    """What became of a card."""
    if row.verdict is Verdict.ACCEPTED:
        return Outcome.ACCEPTED
    if row.verdict is Verdict.REJECTED:
        return Outcome.REJECTED
    if row.standing is not Standing.LIVE:
        return Outcome.DROPPED
    return Outcome.WAITING if row.passable else Outcome.BLOCKED


@dataclass(slots=True)
class Cost:
    """What was paid, at today's list prices."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float | None = 0.0
    """None if the price of a model is unknown."""

    def add(self, paid: Paid, price: Price | None) -> None:
        """Take in what the replies of one model used."""
        self.requests += paid.requests
        self.tokens_in += paid.tokens_in
        self.tokens_out += paid.tokens_out
        if price is None or self.usd is None:
            self.usd = None
        else:
            self.usd += price.cost(paid.tokens_in, paid.tokens_out, paid.again)


@dataclass(slots=True)
class Drawing:
    """The cards of one drafter, model and prompt."""

    drawn: Drawn
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    by_policy: int = 0
    """Of those accepted: by the policy, no person looked."""
    edited: int = 0
    """Of those accepted: in a person's words."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why cards were rejected."""
    cost: Cost = field(default_factory=Cost)

    @property
    def cards(self) -> int:
        """All of them."""
        return self.outcomes.total()

    @property
    def accepted(self) -> int:
        """Those that were let through."""
        return self.outcomes[Outcome.ACCEPTED]

    @property
    def share(self) -> float | None:
        """The share accepted of what was decided; None while nothing was."""
        decided = self.accepted + self.outcomes[Outcome.REJECTED]
        return self.accepted / decided if decided else None

    @property
    def each_usd(self) -> float | None:
        """What an accepted card cost; None if that cannot be told."""
        return (
            self.cost.usd / self.accepted if self.cost.usd is not None and self.accepted else None
        )

    def add(self, row: CardRow) -> None:
        """Take a card in."""
        became = outcome(row)
        self.outcomes[became] += 1
        if became is Outcome.ACCEPTED:
            self.by_policy += row.accepted_by is AcceptedBy.POLICY
            self.edited += row.edited
        elif became is Outcome.REJECTED:
            self.reasons[row.reason] += 1


@dataclass(slots=True)
class Served:
    """How many cards came of each reply, and how many of them are counted."""

    cards: Counter[str] = field(default_factory=Counter)
    """By request."""
    held: Counter[str] = field(default_factory=Counter)

    def add(self, row: CardRow, *, held: bool) -> None:
        """Take a card in; a choice is one card."""
        if row.request and not row.behind:
            self.cards[row.request] += 1
            self.held[row.request] += held

    @property
    def shares(self) -> dict[str, float]:
        """The part of each reply that the cards counted bear: each card of a reply an equal one."""
        return {name: many / self.cards[name] for name, many in self.held.items() if many}


@dataclass(slots=True)
class Drawings:
    """All of them, and what could not be priced."""

    members: dict[Drawn, Drawing] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)
    unpriced: list[str] = field(default_factory=list)
    """Models of unknown price."""
    requests: dict[str, Drawn] = field(default_factory=dict)
    """Who drew the cards of a reply, by its request."""

    def add(self, row: CardRow) -> None:
        """Take a card in."""
        self._of(row.drawn).add(row)
        if row.request:
            self.requests[row.request] = row.drawn

    def pay(
        self, paid: Iterable[Paid], replies: Mapping[str, tuple[str, str]], prices: Prices
    ) -> None:
        """Take in what replies used; `replies`: the (model, prompt) of each, by its request."""
        drawn = {replies[name]: who for name, who in self.requests.items() if name in replies}
        for one in paid:
            whose = drawn.get((one.model, one.prompt)) or Drawn("llm", one.model, one.prompt)
            price = prices(whose.model) or prices(one.model)  # a server may call it otherwise
            if price is None and whose.model not in self.unpriced:
                self.unpriced.append(whose.model)
            self.cost.add(one, price)
            self._of(whose).cost.add(one, price)

    def _of(self, drawn: Drawn) -> Drawing:
        if drawn not in self.members:
            self.members[drawn] = Drawing(drawn)
        return self.members[drawn]

    @property
    def sorted(self) -> list[Drawing]:
        """Who drew most comes first."""
        return sorted(self.members.values(), key=lambda one: (-one.cards, one.drawn.drafter))

    @property
    def reasons(self) -> Counter[str]:
        """Of all."""
        return sum((one.reasons for one in self.members.values()), Counter())

    @property
    def each_usd(self) -> float | None:
        """What an accepted card that was paid for cost, the rejected ones paid, too."""
        kept = sum(one.accepted for one in self.members.values() if one.cost.requests)
        return self.cost.usd / kept if self.cost.usd is not None and kept else None


def prices_by(llm: LlmSettings, own: dict[str, tuple[float, ...]]) -> Prices:
    """The prices as a run reckons: of the settings' model theirs, else `prices.yaml`, else the list."""

    def price(model: str) -> Price | None:
        if model == llm.model or model.startswith(f"{llm.model}-"):
            if llm.price_usd is not None:
                return Price(*llm.price_usd)
            free = FREE if is_loopback(llm.base_url) else None
            return known_price(model, own) or free
        return known_price(model, own)

    return price
