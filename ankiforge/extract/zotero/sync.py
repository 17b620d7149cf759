"""Fetching a library: from the web what changed since the last time, from this machine all of it.

Each answer is of one state of the library, and what is new after the first of them is fetched
again the next time. What a holding says is never taken from it because an answer lacks it: only
because the list of erased items names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.address import TOO_OLD, TOO_OLD_HINT
from ankiforge.extract.zotero.holding import (
    MARK,
    NOTE,
    Collection,
    Holding,
    Item,
    collections_of,
    items_of,
)
from ankiforge.extract.zotero.service import TRIES, Place, Service

KINDS = f"{MARK} || {NOTE}"
_LEVELS = 4
"""Paper, attachment, annotation; no library is deeper."""


class _ChangedError(Exception):
    """The library changed while it was read, and something asked for is gone."""


# --- the web --------------------------------------------------------------------------------


def synced(service: Service, place: Place, before: Holding) -> Holding:
    """The library as it is now; `before` itself if nothing changed.

    Raises:
        ItemError: it cannot be fetched whole; nothing is known then.
    """
    return _at_rest(service, lambda: _synced(service, place, before))


def _at_rest(service: Service, fetch: Callable[[], Holding]) -> Holding:
    """What is fetched while nothing is erased."""
    for _ in range(TRIES):
        try:
            return fetch()
        except _ChangedError:
            continue
    raise service.address.restless()


def _synced(service: Service, place: Place, before: Holding) -> Holding:
    known = before.version > 0
    changed = service.versions(place, before.version, "" if known else KINDS)
    if known and changed.version < before.version:  # another server, or one put back in time
        return _begun_anew(service, place, before)
    if known and changed.version == before.version and not changed.keys:
        return before
    if not known and not changed.keys:
        return Holding(before.origin, changed.version)
    items, erased = dict(before.items), frozenset[str]()
    wanted = set(changed.keys)
    if known:
        marks = service.versions(place, before.version, KINDS)
        _check_age(service, [marks.version], changed.version)
        wanted = {*marks.keys, *(wanted & items.keys())}
        erased = service.deleted(place, before.version) - changed.keys.keys()
    items = {key: item for key, item in items.items() if key not in erased}
    _fetch(service, place, items, wanted, changed.version)
    _drop_orphans(items, erased)
    _fetch_parents(service, place, items, changed.version)
    folders = _folders(service, place, before, changed.version)
    return _held(before.origin, changed.version, items, folders)


def _begun_anew(service: Service, place: Place, before: Holding) -> Holding:
    found = _synced(service, place, Holding(before.origin))
    if before.marks and not found.marks:
        raise service.address.emptied(before.marks)
    return found


def _drop_orphans(items: dict[str, Item], erased: frozenset[str]) -> None:
    """Drop what lay on something erased, and was not moved elsewhere before."""
    while orphans := {key for key, item in items.items() if item.parent in erased}:
        for key in orphans:
            del items[key]
        erased = frozenset(orphans)


def _folders(
    service: Service, place: Place, before: Holding, version: int
) -> dict[str, Collection]:
    """The collections; a server that had some has them still."""
    answer = service.collections(place)
    if answer is None and before.collections:
        raise service.address.emptied(len(before.collections), "collections")
    if answer is None:
        return {}
    _check_age(service, [answer.version], version)
    return collections_of(answer.rows)


def _fetch(
    service: Service, place: Place, items: dict[str, Item], keys: Iterable[str], version: int
) -> None:
    """Take in these items as they are now."""
    wanted = sorted(keys)
    answers = list(service.items(place, wanted))
    _check_age(service, [answer.version for answer in answers], version)
    found = {item.key: item for answer in answers for item in items_of(answer.rows)}
    if lost := [key for key in wanted if key not in found]:
        if any(answer.version != version for answer in answers):
            raise _ChangedError
        raise service.address.short(len(wanted) - len(lost), len(wanted))
    items |= {key: found[key] for key in wanted}


def _check_age(service: Service, versions: Iterable[int], first: int) -> None:
    """No answer is of an older state than the first; one that is was made up on the way."""
    if any(version < first for version in versions):
        raise service.address.broken("an answer is older than the one before")


def _fetch_parents(service: Service, place: Place, items: dict[str, Item], version: int) -> None:
    for _ in range(_LEVELS):
        parents = {item.parent for item in items.values() if item.parent} - items.keys()
        if not parents:
            return
        _fetch(service, place, items, parents, version)
    raise service.address.broken("items lie on items without end")


# --- this machine ---------------------------------------------------------------------------


def listed(service: Service, place: Place, origin: str) -> Holding:
    """The library as the running Zotero has it.

    Raises:
        ItemError: it cannot be read whole, or by a Zotero that lists no annotations.
    """
    return _at_rest(service, lambda: _listed(service, place, origin))


def _listed(service: Service, place: Place, origin: str) -> Holding:
    answer = service.all_of(place, KINDS)
    items = {item.key: item for item in items_of(answer.rows)}
    if not any(item.kind == MARK for item in items.values()):
        _believe_empty(service, place, answer.headers)
    _fetch_parents(service, place, items, answer.version)
    server = answer.headers.get("zotero-server-id", "")
    folders = _folders(service, place, Holding(origin), answer.version)
    return _held(f"{origin}#{server}", answer.version, items, folders)


def check_local(service: Service, place: Place) -> None:
    """See whether a Zotero runs that lists annotations.

    Raises:
        ItemError: it does not.
    """
    found = service.versions(place, 0, MARK)
    if not found.keys:
        _believe_empty(service, place, found.headers)


def _believe_empty(service: Service, place: Place, headers: Mapping[str, str]) -> None:
    """Zotero 7 answers 200 and an empty list, however many annotations there are."""
    major = headers.get("x-zotero-version", "").partition(".")[0]
    told = int(major) if major.isdecimal() else 0
    if told >= 8 or headers.get("zotero-server-id"):
        return
    if told or service.versions(place, 0, "attachment").keys:
        raise ItemError(TOO_OLD, hint=TOO_OLD_HINT)


# --- both -----------------------------------------------------------------------------------


def _held(
    origin: str, version: int, items: dict[str, Item], folders: dict[str, Collection]
) -> Holding:
    """Marks and notes on something, and what they lie on."""
    kept = {key: item for key, item in items.items() if item.kind in (MARK, NOTE) and item.parent}
    for _ in range(_LEVELS):
        parents = chain.from_iterable((item.parent,) for item in kept.values() if item.parent)
        kept |= {key: items[key] for key in set(parents) if key in items}
    return Holding(origin, version, kept, folders)
