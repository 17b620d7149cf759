"""The items of each view under a filter, the next item, and an estimate of the time left."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from ankiforge.check import GROUNDS
from ankiforge.ledger.conditions import FACETS, Facets, ItemFacets, Term
from ankiforge.review.page.items import Act, Item, as_json
from ankiforge.review.page.source import Shown
from ankiforge.review.page.views import (
    BETWEEN,
    IN,
    VIEWS,
    PageView,
    place_of,
    subjects_of,
    view_named,
)
from ankiforge.review.query import Query, parse
from ankiforge.review.service import Service
from ankiforge.text.fold import canonical, isolated

NOTHING_READ = (
    "Nothing has been read yet. In a terminal: `ankiforge run PATH`, with a vault, a folder of PDFs or"
    " zotero.sqlite; the result appears here."
)
_IN_BULK = ("pending", "run", "all", "all-waiting")
"""The lists in which many cards may be accepted at once."""
_MOST_LISTS = 32
"""The number of lists that are kept as they were shown."""
_MOST_VALUES = 12
"""The number of values that are offered for a facet, the most frequent ones."""
_MOST_FILTERS = 4
"""The number of filters whose results are cached."""
_TRUSTED_SECONDS = 60.0
"""How long counts and facets may miss another program's change that coincides with decisions."""
_STEPS = {"1": 1, "skip": 1, "-1": -1}
Asked = Mapping[str, str]
"""`view`, `query`, `unverified`, `numbers`, `at` (an id), `step` (1, -1, `skip` or `group`), `facets`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for the items of a view."""

    query: Query
    unverified: bool = False
    """Only cards that a check could not verify in the source."""
    numbers: bool = False
    """Only items with a digit in their text or quote."""

    @property
    def narrows(self) -> bool:
        """Whether it excludes anything."""
        return bool(self.query.terms) or self.unverified or self.numbers


@dataclass(frozen=True, slots=True)
class FilteredView:
    """A view under a filter, as requested by one thread."""

    service: Service
    view: PageView
    filter: Filter
    cache: FilterCache

    @property
    def name(self) -> tuple[str, Filter]:
        """The key of the list, which is the same for all threads."""
        return self.view.name, self.filter

    def kept(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the items that match the filter."""
        if not self.filter.narrows or not ids:
            return tuple(ids)
        about = subjects_of(self.service, self.view, ids)
        found = self.fitting(one for names in about.values() for one in names)
        return tuple(one for one in ids if not found.isdisjoint(about[one]))

    def fitting(self, subjects: Iterable[str]) -> frozenset[str]:
        """Return the cards and highlights that match the filter."""
        return self.cache.fitting(self.service, self.filter, subjects)

    def item(self, identity: str) -> Item | None:
        """Return an item, if it belongs to the view and matches the filter now."""
        item = self.view.find(self.service, identity)
        return item if item and self.kept((identity,)) else None

    def holds(self, identity: str) -> bool:
        """Return whether an item belongs to the view and matches the filter now."""
        return self.view.has(self.service, identity) and bool(self.kept((identity,)))


@dataclass(slots=True)
class _List:
    """A list as it was last shown."""

    ids: tuple[str, ...] = ()
    next: dict[str, str] = field(default_factory=dict)
    """For each item that is gone, the next item that is still in the list."""


class FilterCache:
    """Caches the results of filters and the facets of each card and highlight, for all threads.

    After a decision, only its cards are queried again, because querying ten thousand cards takes
    noticeably long. After any other change, such as a run, everything is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Filter | None, dict[str, bool]] = OrderedDict()
        self._facets: dict[str, ItemFacets] = {}
        self._seen: dict[int, tuple[tuple[int, int], int]] = {}
        """For each service, the version of its ledger and the last event when they were last read."""
        self._sequence = 0
        self._runs = (0, 0)
        self._generation = 0
        self._emptied = 0.0

    def fitting(self, service: Service, wanted: Filter, names: Iterable[str]) -> frozenset[str]:
        """Return the cards and highlights that match a filter."""
        return self._kept_by(
            service,
            wanted,
            names,
            lambda missing: service.queries.filtered(
                missing,
                wanted.query.terms,
                doubts=GROUNDS if wanted.unverified else None,
                numbers=wanted.numbers,
            ),
        )

    def clean(self, service: Service, guids: Iterable[str]) -> frozenset[str]:
        """Return the cards that may be accepted together."""
        return self._kept_by(service, None, guids, service.queries.clean)

    def _kept_by(
        self,
        service: Service,
        wanted: Filter | None,
        names: Iterable[str],
        ask: Callable[[list[str]], frozenset[str]],
    ) -> frozenset[str]:
        names = dict.fromkeys(names)
        with self._lock:
            generation = self._bring_up_to_date(service)
            known = self._kept.setdefault(wanted, {})
            self._kept.move_to_end(wanted)
            while len(self._kept) > _MOST_FILTERS:
                self._kept.popitem(last=False)
            kept = {name: known[name] for name in names if name in known}
        if missing := [name for name in names if name not in kept]:
            found = ask(missing)
            new = {name: name in found for name in missing}
            kept |= new
            with self._lock:
                if generation == self._generation:
                    known.update(new)
        return frozenset(name for name, fits in kept.items() if fits)

    def facets(self, service: Service, subjects: Iterable[str]) -> Facets:
        """Count the facet values of these cards and highlights."""
        names = dict.fromkeys(subjects)
        with self._lock:
            generation = self._bring_up_to_date(service)
            found = {name: self._facets[name] for name in names if name in self._facets}
        if missing := [name for name in names if name not in found]:
            new = service.queries.facets(missing, GROUNDS)
            found |= new
            with self._lock:
                if generation == self._generation:
                    self._facets.update(new)
        return Facets.of(found.values())

    def _bring_up_to_date(self, service: Service) -> int:
        """Drop entries that may have changed; return a number that differs after each change."""
        queries = service.queries
        version, runs = queries.version(), queries.runs()
        before, last = self._seen.get(id(service), (None, 0))
        if before == version:
            return self._generation
        self._sequence, changed = queries.decided_after(self._sequence)
        self._seen[id(service)] = (version, self._sequence)
        self._generation += 1
        late = time.monotonic() - self._emptied > _TRUSTED_SECONDS
        if self._runs != runs or self._sequence == last or late:
            self._kept.clear()
            self._facets.clear()
            self._runs, self._emptied = runs, time.monotonic()
        for name in changed:
            self._facets.pop(name, None)
            for known in self._kept.values():
                known.pop(name, None)
        return self._generation


class Lists:
    """All lists of one visit; the browser sends the position in a list."""

    def __init__(self, services: Callable[[], Service], query: str) -> None:
        self._services = services
        self.query = query
        """The filter with which the page opens."""
        self.pace = Pace()
        self._cache = FilterCache()
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[str, Filter], _List] = OrderedDict()
        self._ordered: dict[str, dict[str, None]] = {}
        """The order of each list by worth; computed again when a new item is not in it."""
        self._skipped: set[str] = set()
        self._overview: tuple[Any, dict[str, Any]] = (None, {})
        self._changes = 0
        self._versions: dict[int, tuple[int, int]] = {}

    def _place(self, service: Service, asked: Asked) -> FilteredView:
        """Return the view and filter that the browser requests.

        Raises:
            UsageError: the query cannot be parsed.
        """
        wanted = Filter(
            parse(asked.get("query", "")),
            asked.get("unverified") == "yes",
            asked.get("numbers") == "yes",
        )
        return FilteredView(service, view_named(asked.get("view", "")), wanted, self._cache)

    # --- lists ----------------------------------------------------------------------------------

    def _now(self, place: FilteredView) -> tuple[str, ...]:
        """Return the current items of a view under the filter."""
        ids = place.kept(self._held(place.service, place.view))
        self._remember(place, ids)
        return ids

    def _held(self, service: Service, view: PageView) -> Sequence[str]:
        """Return all items of a list, in the order in which they are shown."""
        if view.joined:
            return [f"{one.name}{IN}{id}" for one in view.parts for id in self._held(service, one)]
        ids = view.ids(service)
        if not view.by_worth:
            return ids
        with self._lock:
            ordered = self._ordered.get(view.name, {})
            if not ordered.keys() >= set(ids):
                ordered = self._ordered[view.name] = dict.fromkeys(service.likeliest(ids))
        wanted = set(ids)
        return [one for one in ordered if one in wanted]

    def _as_shown(self, place: FilteredView) -> tuple[str, ...]:
        """Return the list as it was last shown, so that a person does not lose their place in it."""
        with self._lock:
            known = self._lists.get(place.name)
        return known.ids if known and known.ids else self._now(place)

    def _without_decided(self, place: FilteredView, at: str) -> tuple[str, ...]:
        """Return the list as it was shown, without the items that a decision has removed from it."""
        ids = self._as_shown(place)
        names = place.view.owner(at)[1].split(BETWEEN)
        touched = {one for name in names for one in ids if name and name in one}
        gone = {one for one in touched if not place.holds(one)}
        left = tuple(one for one in ids if one not in gone)
        self._remember(place, left)
        return left

    def _remember(self, place: FilteredView, ids: tuple[str, ...]) -> None:
        with self._lock:
            before = self._lists.pop(place.name, _List())
            left, following = frozenset(ids), ""
            for one in reversed(before.ids):
                if one in left:
                    following = one
                else:
                    before.next[one] = following
            self._lists[place.name] = _List(ids, before.next)
            while len(self._lists) > _MOST_LISTS:
                self._lists.popitem(last=False)

    def _index(self, place: FilteredView, at: str, ids: Sequence[str]) -> int:
        """Return the position of an item in a list, or of the next item if it is gone."""
        with self._lock:
            known = self._lists.get(place.name)
        following = known.next.get(at, "") if known else ""
        return next((ids.index(one) for one in (at, following) if one in ids), 0)

    def clean(self, service: Service, asked: Asked) -> tuple[str, ...]:
        """Return the cards of a list that may be accepted together."""
        place = self._place(service, asked)
        return self._clean(place, self._now(place))

    def _clean(self, place: FilteredView, ids: Sequence[str]) -> tuple[str, ...]:
        if not place.filter.narrows:
            return ()
        owners = map(place.view.owner, ids)
        guids = [guid for part, guid in owners if part.name in _IN_BULK]
        found = self._cache.clean(place.service, guids)
        return tuple(one for one in guids if one in found)

    # --- counts and facets ------------------------------------------------------------------------

    def count(self, name: str, asked: Asked) -> int:
        """Return the number of items of a view under the filter."""
        return len(self._now(self._place(self._services(), {**asked, "view": name})))

    def overview(self, asked: Asked) -> dict[str, Any]:
        """Return the number of items of each view under the filter, and the facets of this one.

        `changed` is a number that differs after any change; if `since` is that number, nothing else
        is returned. `stale`: the item `at` is no longer as it was shown. With `facets` = `no`, only
        the counts are returned.
        """
        place = self._place(self._services(), asked)
        if asked.get("facets") == "no":
            return {"views": self._counts(place)}
        version = place.service.ledger.queries.version()
        with self._lock:
            fresh = self._overview[0] == place.name
            fresh = fresh and self._versions.get(id(place.service)) == version
        found = self._overview if fresh else (place.name, self._narrowing(place))
        with self._lock:
            if found != self._overview:
                self._overview, self._versions = found, {}
                self._changes += 1
            self._versions[id(place.service)] = version
            changed = str(self._changes)
        if asked.get("since") == changed:
            return {"changed": changed}
        item = place.view.find(place.service, asked["at"]) if asked.get("at") else None
        stale = bool(asked.get("at")) and (item is None or item.stamp != asked.get("stamp"))
        return {**found[1], "changed": changed, "stale": stale}

    def _counts(self, place: FilteredView) -> dict[str, int]:
        """Count the items of each place, of each kind of decision, and of each part of the current place."""
        here = place_of(place.view)
        lists = [
            one
            for top in VIEWS
            for one in (*(top.parts if top.joined or top is here else ()), top)
            if not one.joined
        ]
        held = {view.name: tuple(self._held(place.service, view)) for view in lists}
        if place.filter.narrows:  # most cards are in several lists: filter each once
            about = {view.name: subjects_of(place.service, view, held[view.name]) for view in lists}
            found = place.fitting(
                one for items in about.values() for names in items.values() for one in names
            )
            for name, items in about.items():
                held[name] = tuple(one for one in held[name] if not found.isdisjoint(items[one]))
        for view in VIEWS:
            if view.joined:
                parts = ((part.name, held[part.name]) for part in view.parts)
                held[view.name] = tuple(f"{name}{IN}{one}" for name, ids in parts for one in ids)
                lists.append(view)
        for view in lists:
            self._remember(replace(place, view=view), held[view.name])
        return {name: len(ids) for name, ids in held.items()}

    def _narrowing(self, place: FilteredView) -> dict[str, Any]:
        wanted, counts = place.filter, self._counts(place)
        about = subjects_of(place.service, place.view, self._as_shown(place))
        subjects = (names[0] for names in about.values() if names)
        found = self._cache.facets(place.service, subjects)
        return {
            "views": counts,
            "unsent": place.service.ledger.queries.unsent(),
            "facets": [
                {"title": title, "values": _values(wanted.query, FACETS[title], values)}
                for title, values in found.values.items()
            ],
            "toggles": [
                {
                    "name": "unverified", "label": "Not verified in the source",
                    "on": wanted.unverified, "count": found.doubted,
                },
                {
                    "name": "numbers", "label": "With numbers", "on": wanted.numbers,
                    "count": found.numbers,
                },
            ],
        }  # fmt: skip

    # --- navigation -------------------------------------------------------------------------------

    def show(self, asked: Asked, shown: Shown) -> dict[str, Any]:
        """Return the item at `at`, or the one that `step` leads to from there."""
        place = self._place(self._services(), asked)
        at, step = asked.get("at", ""), asked.get("step", "")
        ids = self._as_shown(place) if step else self._now(place)
        index = self._index(place, at, ids)
        if step == "skip":
            self._skipped.add(at)
        if step == "group":
            index = _next_group(place, ids, index)
        elif at in ids:
            index += _STEPS.get(step, 0)
        if step in ("", "skip"):
            return self._first(place, ids, _around(ids, index), shown)
        index = min(max(index, 0), max(len(ids) - 1, 0))  # stay at the ends of the list
        return self._first(place, ids, (*ids[index:], *reversed(ids[:index])), shown)

    def after(
        self, request: Mapping[str, Any], outcome: Mapping[str, Any], shown: Shown
    ) -> dict[str, Any]:
        """Return the item to show after a decision: the one it names, else the next in the list."""
        place = self._place(self._services(), request)
        at, named = str(request.get("at", "")), str(outcome.get("show") or "")
        part, plain = place.view.owner(at)
        if plain != at and named and place.view.owner(named)[1] == named:
            named = f"{part.name}{IN}{named}"
        before = self._as_shown(place)
        index = self._index(place, at, before)
        if named or outcome.get("many"):
            left = self._now(place)
        else:
            self._skipped.discard(at)
            left = self._without_decided(place, at)
        if named in left:
            return self._first(place, left, _around(left, left.index(named)), shown)
        here = 0 if named or at not in before else 1
        there = frozenset(left)
        ways = [one for one in _around(before, index + here) if one in there]
        return self._first(place, left, ways, shown)

    def _first(
        self, place: FilteredView, ids: Sequence[str], ways: Sequence[str], shown: Shown
    ) -> dict[str, Any]:
        """Return the first of the items `ways` that still belongs to the view, with its position."""
        found = ((one, item) for one in ways if (item := place.item(one)))
        identity, item = next(found, ("", None))
        listed = ids if item else ()
        state = {
            "view": place.view.name,
            "top": place_of(place.view).name,
            "title": place.view.title,
            "empty": place.view.empty,
            "count": len(listed),
            "skipped": len(self._skipped.intersection(listed)),
            "pace": self.pace.summary(len(listed)),
        }
        if item is None:
            why, more = self._why_empty(place)
            return {**state, "item": None, "place": 0, "next": "", "empty": why, "more": more}
        count = len(self._clean(place, ids))
        if count > 1:
            asks = f"{count} matching cards have no findings. Type {count} to accept all of them."
            act = Act("A", f"Accept all {count} clean", "accept all", asks=asks, needs=True)
            item = replace(item, acts=(*item.acts, act))
        content = item.content()
        shown.take((one for slot in content.slots for one in slot.pictures), item.group)
        index = ids.index(identity)
        following = ids[index + 1] if index + 1 < len(ids) else ""
        as_shown = as_json(item, content, identity)
        return {**state, "item": as_shown, "place": index + 1, "next": following}

    def _why_empty(self, place: FilteredView) -> tuple[str, list[dict[str, Any]]]:
        """Return why the view is empty, and the places that have items."""
        if place.service.ledger.queries.is_empty():
            return NOTHING_READ, []
        wanted = place.filter
        held = len(place.view.ids(place.service)) if wanted.narrows else 0
        words = [f"None of the {held} here matches the filter." if held else place.view.empty]
        fields = [f"{term.field}:" for term in wanted.query.terms if term.only_of_cards]
        fields += ["unverified"] if wanted.unverified else []
        if held and place.view.name == "passages" and fields:
            words.append(f"Only a card can match {', '.join(fields)}.")
        counts = self._counts(place)
        more = [
            {"view": view.name, "title": view.title, "count": counts[view.name]}
            for view in VIEWS[:2]
            if view != place.view and counts[view.name]
        ]
        return " ".join(words), more


def _next_group(place: FilteredView, ids: Sequence[str], index: int) -> int:
    """Return the position of the next highlight's first item, or of the last item."""
    here = place.view.find(place.service, ids[index]) if ids else None
    for then in range(index + 1, len(ids)):
        item = place.view.find(place.service, ids[then])
        if item is not None and (here is None or item.group != here.group):
            return then
    return max(len(ids) - 1, 0)


def _around(ids: Sequence[str], index: int) -> Sequence[str]:
    """Return the items from a position on, then those before it."""
    return (*ids[index:], *ids[:index])


def _values(query: Query, name: str, counts: Counter[str]) -> list[dict[str, Any]]:
    """Return the values of a facet: first those in the query, then the most frequent others."""

    def value(label: str, count: int | None, terms: tuple[Term, ...], on: bool) -> dict[str, Any]:
        return {"label": isolated(label), "count": count, "query": str(Query(terms)), "on": on}

    on = [term for term in query.terms if term.field == name and not term.negated]
    taken = {canonical(term.value) for term in on}
    number = {canonical(label): count for label, count in counts.items()}
    found = [
        value(
            term.value,
            number.get(canonical(term.value)),
            tuple(one for one in query.terms if one != term),
            True,
        )
        for term in on
    ]
    free = counts.most_common(_MOST_VALUES + len(on))
    free = [one for one in free if canonical(one[0]) not in taken][:_MOST_VALUES]
    for label, count in free:
        found.append(value(label, count, (*query.terms, Term(name, label)), False))
    return found


# --- pace -----------------------------------------------------------------------------------------


class Pace:
    """Counts the decisions since the page was opened, and estimates the minutes left."""

    _ENOUGH = 10
    """The number of decisions from which the time is estimated."""
    _MOST_SECONDS = 60.0
    """The maximum time that counts for a decision: a person who takes longer was away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._took: deque[float] = deque(maxlen=50)
        self._before: float | None = None
        self._made: list[tuple[str, int]] = []
        """The decisions that were not undone, each with the number of its cards."""

    def decided(self, what: str, count: int = 1) -> None:
        """Count a decision about `count` cards."""
        with self._lock:
            self._tick()
            self._made.append((what, count))

    def undone(self) -> None:
        """Remove the last decision; count an undo if all decisions of this visit are undone."""
        with self._lock:
            self._tick()
            if any(what != "undo" for what, _ in self._made):
                self._made.pop()
            else:
                self._made.append(("undo", 1))

    def _tick(self) -> None:
        now = self._clock()
        if self._before is not None:
            self._took.append(min(now - self._before, self._MOST_SECONDS))
        self._before = now

    def summary(self, left: int) -> dict[str, Any]:
        """Return the decisions that were not undone, and the estimated minutes for `left` more."""
        with self._lock:
            known = len(self._took) >= self._ENOUGH
            seconds = median(self._took) if known else 0.0
            made: Counter[str] = Counter()
            for what, count in self._made:
                made[what] += count
            done = sum(count for what, count in made.items() if what != "undo")
            minutes = round(left * seconds / 60, 1) if known else None
            return {"made": dict(made), "done": done, "minutes": minutes}
