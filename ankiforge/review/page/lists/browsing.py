"""Going through a view: what is next, how much is left, and how long it will take."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ankiforge.review.page.lists.filters import facets_of, toggles_of
from ankiforge.review.page.lists.holding import Lists, Look, look_of
from ankiforge.review.page.lists.pace import Pace
from ankiforge.review.page.shown.items import Act, Item, as_json
from ankiforge.review.page.shown.media import Shown
from ankiforge.review.page.views import VIEWS
from ankiforge.review.service import Service

NOTHING_READ = (
    "Nothing was read yet. In a terminal: `ankiforge run PATH`, a vault, a folder of PDFs or"
    " zotero.sqlite; what comes of it appears here."
)
Asked = Mapping[str, str]
"""`view`, `query`, `unverified`, `numbers`, `at` (an id), `step` (1, -1, `skip` or `group`), `facets`."""
_STEPS = {"1": 1, "skip": 1, "-1": -1}


class Browsing:
    """What was shown and skipped in this visit; where in a list one is, the browser says."""

    def __init__(self, desks: Callable[[], Service], query: str) -> None:
        self._desks = desks
        self.query = query
        """What the page was started for; the filter it opens with."""
        self.pace = Pace()
        self._lists = Lists()
        self._lock = threading.Lock()
        self._skipped: set[str] = set()
        self._told: tuple[Any, dict[str, Any]] = (None, {})
        self._changes = 0
        self._current: dict[int, tuple[int, int]] = {}

    # --- how much there is ------------------------------------------------------------------

    def count(self, name: str, asked: Asked) -> int:
        """How much one view holds under the filter."""
        return len(self._lists.now(look_of(self._desks(), {**asked, "view": name})))

    def overview(self, asked: Asked) -> dict[str, Any]:
        """Each view with how much it holds under the filter; what this one may be narrowed by.

        `changed` is another one after anything of it is. With `facets` = `no` how much it is alone.
        """
        look = look_of(self._desks(), asked)
        if asked.get("facets") == "no":
            return {"views": _counts(self._held(look))}
        compared = self._lists.compare(look.desk)
        version = look.desk.ledger.queries.version()
        with self._lock:
            known = self._told[0] == look.named and self._current.get(id(look.desk)) == version
            fresh = known and not compared
        told = self._told if fresh else (look.named, self._overview(look))
        with self._lock:
            if told != self._told:
                self._told, self._current = told, {}
                self._changes += 1
            self._current[id(look.desk)] = version
            return {**told[1], "changed": self._changes}

    def _overview(self, look: Look) -> dict[str, Any]:
        lists = self._held(look)
        filed = self._lists.filed(look, lists[look.view.name])
        return {
            "views": _counts(lists),
            "facets": facets_of(look.wanted, filed),
            "toggles": toggles_of(look.wanted, filed),
        }

    def _held(self, look: Look) -> dict[str, tuple[str, ...]]:
        """The list of each view."""
        return {view.name: self._lists.now(replace(look, view=view)) for view in VIEWS}

    def clean(self, desk: Service, asked: Asked) -> tuple[str, ...]:
        """The guids of the list that may be accepted at once."""
        look = look_of(desk, asked)
        return self._lists.clean(look, self._lists.now(look))

    # --- going ----------------------------------------------------------------------------------

    def look(self, asked: Asked, shown: Shown) -> dict[str, Any]:
        """The item at `at`, or the one that `step` leads to from there."""
        look = look_of(self._desks(), asked)
        at, step = asked.get("at", ""), asked.get("step", "")
        ids = self._lists.as_shown(look) if step else self._lists.now(look)
        place = self._lists.place_of(look, at, ids)
        if step == "skip":
            self._skipped.add(at)
        if step == "group":
            place = self._next_group(look, ids, place)
        elif at in ids:
            place += _STEPS.get(step, 0)
        ways = _around(ids, place) if step in ("", "skip") else _onward(ids, place)
        return self._first(look, ids, ways, shown)

    def after(
        self, said: Mapping[str, Any], told: Mapping[str, Any], shown: Shown
    ) -> dict[str, Any]:
        """Where to go after a decision: to what it names, else on in the list as it was."""
        look = look_of(self._desks(), said)
        at, named = str(said.get("at", "")), str(told.get("show") or "")
        before = self._lists.as_shown(look)
        place = self._lists.place_of(look, at, before)
        if named or told.get("many"):
            left = self._lists.now(look)
        else:
            self._skipped.discard(at)
            left = self._lists.without_settled(look, at)
        if named in left:
            return self._first(look, left, _around(left, left.index(named)), shown)
        here = 0 if named or at not in before else 1
        there = frozenset(left)
        ways = [one for one in _around(before, place + here) if one in there]
        return self._first(look, left, ways, shown)

    def _next_group(self, look: Look, ids: Sequence[str], place: int) -> int:
        """Where the next highlight begins; the last of all, if there is none."""
        here = look.view.item(look.desk, ids[place]) if ids else None
        for then in range(place + 1, len(ids)):
            item = look.view.item(look.desk, ids[then])
            if item is not None and (here is None or item.group != here.group):
                return then
        return max(len(ids) - 1, 0)

    # --- telling --------------------------------------------------------------------------------

    def _first(
        self, look: Look, ids: Sequence[str], ways: Sequence[str], shown: Shown
    ) -> dict[str, Any]:
        """The first on the way that still belongs there, its place, and what is said beside it."""
        for identity in ways:
            item = self._lists.item(look, identity)
            if item is not None:
                shown.take(item)
                place = ids.index(identity)
                following = ids[place + 1] if place + 1 < len(ids) else ""
                item = self._with_bulk(look, ids, item)
                return {
                    **self._beside(look, ids),
                    "item": as_json(item),
                    "place": place + 1,
                    "next": following,
                }
        told = {**self._beside(look, ()), "item": None, "place": 0, "next": ""}
        return {**told, "empty": self._why_empty(look)}

    def _beside(self, look: Look, ids: Sequence[str]) -> dict[str, Any]:
        return {
            "view": look.view.name,
            "title": look.view.title,
            "empty": look.view.empty,
            "count": len(ids),
            "skipped": len(self._skipped.intersection(ids)),
            "pace": self.pace.told(len(ids)),
        }

    def _why_empty(self, look: Look) -> str:
        """That nothing is left, or fits; and where there is more."""
        if look.desk.ledger.queries.is_empty():
            return NOTHING_READ
        held = len(look.view.ids(look.desk)) if look.wanted.narrows else 0
        words = [f"None of the {held} here fits the filter." if held else look.view.empty]
        if held and look.view.name == "passages" and look.wanted.of_cards:
            words.append(f"Only a card can fit {', '.join(look.wanted.of_cards)}.")
        others = [replace(look, view=view) for view in VIEWS if view != look.view]
        counts = [(other.view.title, len(self._lists.now(other))) for other in others]
        more = ", ".join(f"{title} ({count})" for title, count in counts if count)
        return " ".join((*words, f"There is more: {more}.")) if more else " ".join(words)

    def _with_bulk(self, look: Look, ids: Sequence[str], item: Item) -> Item:
        """Within a filter, what no check warns of may be accepted at once."""
        count = len(self._lists.clean(look, ids))
        if count < 2:
            return item
        asks = f"{count} cards of this filter are clean. Type {count} to accept all of them."
        act = Act("A", f"Accept all {count} clean", "accept all", asks=asks, needs=True)
        return replace(item, acts=(*item.acts, act))


def _counts(lists: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {name: len(ids) for name, ids in lists.items()}


def _around(ids: Sequence[str], place: int) -> Sequence[str]:
    """From there on, then what is left before it."""
    return (*ids[place:], *ids[:place])


def _onward(ids: Sequence[str], place: int) -> Sequence[str]:
    """From there on, then back: at an end one stays."""
    place = min(max(place, 0), max(len(ids) - 1, 0))
    return (*ids[place:], *reversed(ids[:place]))
