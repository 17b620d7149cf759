"""What each view holds under a filter, as it is now and as it was shown last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ankiforge.review.page.lists.catalogue import Catalogue
from ankiforge.review.page.lists.filters import Filed, Filter, filter_of
from ankiforge.review.page.shown.items import Item
from ankiforge.review.page.views import View, view_named
from ankiforge.review.page.views.recent import Recent
from ankiforge.review.page.views.twins import BETWEEN
from ankiforge.review.service import Service

IN_BULK = ("pending", "run")
"""The views in which many cards may be accepted at once."""
REMEMBERED = 32
"""Lists that are remembered as they were shown."""


@dataclass(frozen=True, slots=True)
class Look:
    """A view under a filter, looked at from a desk."""

    desk: Service
    view: View
    wanted: Filter

    @property
    def named(self) -> tuple[str, Filter]:
        """The list, by a name that does not change with who looks."""
        return self.view.name, self.wanted


def look_of(desk: Service, asked: Mapping[str, str]) -> Look:
    """What the browser asks for.

    Raises:
        UsageError: the query cannot be read.
    """
    return Look(desk, view_named(asked.get("view", "")), filter_of(asked))


class Shown(NamedTuple):
    """A list as it was shown."""

    ids: tuple[str, ...]
    followers: dict[str, str]
    """What was in it before, and what came after that."""


class Lists:
    """The lists of all views; one for all threads."""

    def __init__(self) -> None:
        self._catalogue = Catalogue()
        self._lock = threading.Lock()
        self._shown: OrderedDict[tuple[str, Filter], Shown] = OrderedDict()

    def now(self, look: Look) -> tuple[str, ...]:
        """What a view holds under the filter now."""
        ids = self._kept(look, tuple(look.view.ids(look.desk)))
        self._remember(look, ids)
        return ids

    def as_shown(self, look: Look) -> tuple[str, ...]:
        """The list as it was shown last: who goes through it must not lose his place."""
        with self._lock:
            shown = self._shown.get(look.named)
        return shown.ids if shown and shown.ids else self.now(look)

    def compare(self, desk: Service) -> bool:
        """Let filters see what changed otherwise than by decisions; whether it was time to look."""
        return self._catalogue.compare(desk)

    def place_of(self, look: Look, at: str, ids: Sequence[str]) -> int:
        """Where an item stands in the list; of one that is gone, what came after it."""
        with self._lock:
            shown = self._shown.get(look.named)
        following = shown.followers.get(at, "") if shown else ""
        named = next((one for one in (at, following) if one in ids), "")
        return ids.index(named) if named else 0

    def without_settled(self, look: Look, at: str) -> tuple[str, ...]:
        """The list as it was shown, without what a decision about an item has taken out of it."""
        ids = self.as_shown(look)
        touched = {one for name in at.split(BETWEEN) for one in ids if name and name in one}
        gone = {one for one in touched if self.item(look, one) is None}
        left = tuple(one for one in ids if one not in gone)
        self._remember(look, left)
        return left

    def item(self, look: Look, identity: str) -> Item | None:
        """An item, if it belongs there now, and is kept now."""
        item = look.view.item(look.desk, identity)
        return item if item and self._kept(look, (identity,)) else None

    def filed(self, look: Look, ids: Sequence[str]) -> tuple[Filed, ...]:
        """What the items are about, as a filter sees it."""
        about = _subjects(look, ids)
        named = [names[0] for names in about.values() if names]
        return tuple(self._catalogue.filed(look.desk, named).values())

    def clean(self, look: Look, ids: Sequence[str]) -> tuple[str, ...]:
        """The guids of those that may be accepted at once; () without a filter."""
        if look.view.name not in IN_BULK or not look.wanted.narrows:
            return ()
        filed = self._catalogue.filed(look.desk, ids)
        return tuple(one for one in ids if one in filed and filed[one].clean)

    def _kept(self, look: Look, ids: tuple[str, ...]) -> tuple[str, ...]:
        if not look.wanted.narrows:
            return ids
        about = _subjects(look, ids)
        subjects = (one for names in about.values() for one in names)
        filed = self._catalogue.filed(look.desk, subjects)
        kept = self._catalogue.kept(look.desk, look.wanted, filed)
        return tuple(one for one in ids if not kept.isdisjoint(about[one]))

    def _remember(self, look: Look, ids: tuple[str, ...]) -> None:
        with self._lock:
            before = self._shown.pop(look.named, Shown((), {}))
            if before.ids == ids:
                ids = before.ids
            followers = before.followers | _followers(before.ids, ids)
            self._shown[look.named] = Shown(ids, followers)
            while len(self._shown) > REMEMBERED:
                self._shown.popitem(last=False)


def _followers(before: Sequence[str], now: Iterable[str]) -> dict[str, str]:
    """Of all that is gone, what came after it and is still there."""
    left, following = frozenset(now), ""
    found: dict[str, str] = {}
    for one in reversed(before):
        if one in left:
            following = one
        else:
            found[one] = following
    return found


def _subjects(look: Look, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What each item is about: guids, or keys of passages."""
    if isinstance(look.view, Recent):
        decided = look.desk.ledger.queries.person_actions()
        return {one: decided.get(one, ()) for one in ids}
    return {one: tuple(one.split(BETWEEN)) for one in ids}
