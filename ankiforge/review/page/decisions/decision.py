"""What a decision of the page is: what the browser said, about what was shown, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger.cards import letter_of
from ankiforge.review import Result, Target
from ankiforge.review.page.decisions.asking import Asking
from ankiforge.review.page.shown.items import Item
from ankiforge.review.service import Service


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser says of a decision."""

    what: str
    at: str = ""
    """The id of the item."""
    stamp: str = ""
    view: str = ""
    query: str = ""
    unverified: str = ""
    numbers: str = ""
    """`yes`: only these are shown."""
    next: str = ""
    """The id of the item after it."""
    args: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided, about what, at which desk."""

    desk: Service
    said: Said
    item: Item
    asking: Asking
    """The models that may be asked."""
    clean: Callable[[], tuple[str, ...]] = tuple
    """The guids of what is shown and may be accepted at once."""

    @property
    def args(self) -> Mapping[str, str]:
        """What the button brings, and what was typed."""
        return self.said.args

    def target(self, slot: str = "") -> Target:
        """The card of the item, or the candidate of this id, as the ledger has it now."""
        return named(self.desk, slot or self.args.get("slot", "") or self.item.id)


def named(desk: Service, identity: str) -> Target:
    """The card of a guid, or the candidate of a draft id, as the ledger has it now.

    Raises:
        UsageError: there is none.
    """
    guid, _, letter = identity.partition(".")
    for card in desk.ledger.cards.several([guid]):
        if letter in ("", *(letter_of(one) for one in card.candidates)):
            return Target(card, letter)
    raise UsageError(f"there is no {identity!r}", hint="look again")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    told: str
    """For the person: `accepted`."""
    show: str = ""
    """The id of an item to show next; "" = the next one."""
    many: bool = False
    """Whether it was about more than the item."""
    count: int = 1
    """How many cards were decided about."""
    waits: bool = False
    """Nothing was done: what it needs is in use, and it is to be said once more."""


Decide = Callable[[Decision], Outcome]


def done(found: Iterable[Result], told: str) -> Outcome:
    """What came of a decision about one card.

    Raises:
        RefusedError: it was refused.
    """
    for one in found:
        if one.refused:
            raise RefusedError(one.refused, hint=one.hint)
    return Outcome(told)
