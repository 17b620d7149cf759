"""pyzotero behind one narrow door: few calls, each checked, and one kind of error.

Measured (1.16.0): a `Zotero` object keeps the parameters of a call that failed for the next one,
loses its place when anything is asked between two pages, and closes its client when it is thrown
away; and most faults come up as whatever happened below. So each question has an object of its
own, pages are asked for by number, and what is not as it must be is an ItemError.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

import httpx2
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.address import Address, RefusalError
from ankiforge.extract.zotero.wire import Pace, Wire

AT_ONCE = 50
"""Keys in one question."""
PAGE = 100
EVERYTHING = 10_000_000
"""Items on a page of the local API, which has no largest one."""
MOST = 1_000_000
"""Items of one list, page by page."""
TRIES = 3
"""So often a library is begun anew that changes while it is read."""


class Place(NamedTuple):
    """A library as the API calls it."""

    kind: Literal["user", "group"]
    id: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What came, and of which state of the library."""

    rows: list[dict[str, Any]]
    version: int
    """Last-Modified-Version, 0 where it does not say."""
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Versions:
    """Which items there are, and the version each was last changed in."""

    keys: dict[str, int]
    version: int
    headers: Mapping[str, str]


class Identity(NamedTuple):
    """Whose key it is."""

    id: int
    names: tuple[str, ...]
    """The name to log in with, and the name to be shown."""


class Service:
    """Questions to one address."""

    def __init__(self, address: Address, pace: Pace) -> None:
        self.address = address
        self._wire = Wire(address, pace)

    def close(self) -> None:
        """Drop the connections."""
        self._wire.close()

    # --- questions --------------------------------------------------------------------------

    def identity(self) -> Identity:
        """Whose key it is."""
        zotero = self._zotero(Place("user", 0))
        zotero.client = None
        headers = zotero.default_headers()
        found = self._wire.request("GET", f"{self.address.url}/keys/current", headers=headers)
        told = found.json()
        try:
            names = [str(told.get(name) or "") for name in ("username", "displayName")]
            return Identity(int(told["userID"]), tuple(filter(None, names)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.address.broken("keys/current tells no user") from error

    def groups(self, user: int) -> dict[int, str]:
        """The groups of a user by number, with their names."""
        answer, found = self._if_any(Place("user", user), "groups"), {}
        for row in answer.rows if answer else ():
            data = row.get("data")
            name = data.get("name") if isinstance(data, dict) else ""
            if not isinstance(row.get("id"), int):
                raise self.address.broken("a group without a number")
            found[row["id"]] = str(name or "")
        return found

    def versions(self, place: Place, since: int, kinds: str = "") -> Versions:
        """What was changed since a version, in the trash or not; one answer, of one state."""
        params = {"since": since, "includeTrashed": 1, **({"itemType": kinds} if kinds else {})}
        params |= {"limit": EVERYTHING} if self.address.local else {}
        zotero, found = self._asked(place, "item_versions", params)
        keys = self._numbers(found)
        self._complete(zotero, len(keys))
        return Versions(keys, self._version(zotero), self._headers(zotero))

    def items(self, place: Place, keys: Iterable[str]) -> Iterator[Answer]:
        """These items, in the trash or not, as far as they are there."""
        rest = iter(keys)
        while some := ",".join(islice(rest, AT_ONCE)):
            yield self._all(place, "items", itemKey=some, includeTrashed=1)

    def all_of(self, place: Place, kinds: str) -> Answer:
        """All items of these kinds at once: on this machine, no page is too long."""
        params = {"itemType": kinds, "includeTrashed": 1, "limit": EVERYTHING}
        zotero, rows = self._asked(place, "items", params)
        self._complete(zotero, len(self._rows(rows)))
        return Answer(self._rows(rows), self._version(zotero), self._headers(zotero))

    def collections(self, place: Place) -> Answer | None:
        """All collections; None from a server that does not know of such things."""
        return self._if_any(place, "collections")

    def deleted(self, place: Place, since: int) -> frozenset[str]:
        """The keys of items that were erased since a version."""
        _, found = self._asked(place, "deleted", {"since": since, "limit": None})
        keys = found.get("items") if isinstance(found, dict) else None
        if not isinstance(keys, list):
            raise self.address.broken("no list of what was deleted")
        return frozenset(map(str, keys))

    # --- pages ------------------------------------------------------------------------------

    def _all(self, place: Place, method: str, **params: Any) -> Answer:
        """Every page of an answer, all of one state of the library."""
        for _ in range(TRIES):
            if (answer := self._pages(place, method, params)) is not None:
                return answer
        raise self.address.restless()

    def _if_any(self, place: Place, method: str) -> Answer | None:
        """The same; None from a server that does not know of such things."""
        try:
            return self._all(place, method)
        except RefusalError as error:
            if error.status == 404:
                return None
            raise

    def _pages(self, place: Place, method: str, params: dict[str, Any]) -> Answer | None:
        """The same, None if the library changed between two pages."""
        page = EVERYTHING if self.address.local else PAGE
        zotero, found = self._asked(place, method, {**params, "limit": page})
        rows, version, total = self._rows(found), self._version(zotero), self._total(zotero)
        headers = self._headers(zotero)
        if (total or 0) > MOST:
            raise self.address.broken(f"a list of {total:,} items")
        while len(rows) < (len(rows) if total is None else total):
            asked = {**params, "limit": page, "start": len(rows)}
            zotero, found = self._asked(place, method, asked)
            if (self._version(zotero), self._total(zotero)) != (version, total):
                return None
            if not found:
                raise self.address.short(len(rows), total or 0)
            rows += self._rows(found)
        if total is not None and len(rows) != total:
            raise self.address.short(len(rows), total)
        return Answer(rows, version, headers)

    def _rows(self, found: Any) -> list[dict[str, Any]]:
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise self.address.broken("no list of items")
        return found

    def _numbers(self, found: Any) -> dict[str, int]:
        if isinstance(found, list) and not found:
            return {}  # PHP's empty map
        if not isinstance(found, dict) or not all(isinstance(n, int) for n in found.values()):
            raise self.address.broken("no list of versions")
        return found

    def _complete(self, zotero: Zotero, count: int) -> None:
        total = self._total(zotero)
        if total is not None and total != count:
            raise self.address.short(count, total)

    # --- one question -----------------------------------------------------------------------

    def _zotero(self, place: Place) -> Zotero:
        key = self.address.key or None
        zotero = Zotero(place.id, place.kind, key, local=self.address.local, client=self._wire)
        zotero.endpoint = self.address.url
        return zotero

    def _asked(self, place: Place, method: str, params: dict[str, Any]) -> tuple[Zotero, Any]:
        """The object that asked, for its headers, and what it was told."""
        zotero = self._zotero(place)
        try:
            return zotero, getattr(zotero, method)(**params)
        except ItemError:
            raise
        except (PyZoteroError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self.address.broken(str(error)) from error
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self.address.broken(repr(error)) from error
        finally:
            zotero.client = None  # or it is closed when the object goes

    def _headers(self, zotero: Zotero) -> Mapping[str, str]:
        return zotero.request.headers if zotero.request is not None else {}

    def _version(self, zotero: Zotero) -> int:
        return self._number(zotero, "last-modified-version") or 0

    def _total(self, zotero: Zotero) -> int | None:
        return self._number(zotero, "total-results")

    def _number(self, zotero: Zotero, name: str) -> int | None:
        said = self._headers(zotero).get(name, "")
        return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None
