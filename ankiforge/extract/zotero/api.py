"""Zotero's local and web API, by pyzotero.

pyzotero (measured: 1.16.0) retries only after a 429, sleeps as long as a server asks, and
accepts the login page of a hotel as data. Therefore the client below it waits, retries,
and passes on only a 200 with JSON.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx2
import msgspec
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.config import is_loopback
from ankiforge.config.http import BoundedClient, TooLargeError, without_secret
from ankiforge.errors import ItemError
from ankiforge.extract.zotero.database import (
    Account,
    Address,
    Collection,
    Collections,
    Library,
    Wanted,
    ZoteroItem,
    paths_of,
    plain,
)
from ankiforge.model import Json, Memory

_PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each retry."""
_LONGEST_WAIT = 60.0
"""If a server asks to wait longer, reading is left to another run."""
AT_ONCE = 50
"""Keys in one request."""
_LARGEST_PAGE = 64_000_000
"""In bytes: a hundred notes of the longest kind take half of it."""
_MOST_ROWS = 500_000
"""The maximum number of items, or of collections, of a library."""
_LEVELS = 3
"""How far up an item belongs to others: annotation, attachment, paper."""
_LATER = "run again later; nothing was counted as deleted"
_ALLOW = (
    "start Zotero 8 or later, and tick there, under Settings, Advanced, “Allow other"
    " applications on this computer to communicate with Zotero”; or give `path:`, Zotero's"
    " data folder, without `api:`"
)
_KEY = (
    "a key is made at zotero.org/settings/keys; it must be allowed to read this library"
)
# What pyzotero and the code below raise for answers that are not as documented.
_STUMBLED = (
    PyZoteroError,
    httpx2.InvalidURL,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
)
_OLDEST = 8
"""The first version of Zotero whose API lists annotations."""
Rows = list[Json]
Kept = tuple[str, str, Rows, Rows]
"""The address of a library, its version, its items and its collections."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How to wait, and the time limit for a silent server. Tests replace them."""

    sleep: Callable[[float], None] = time.sleep
    silence: float = 30.0
    whole: float = 300.0
    """The time limit in seconds for a request, from its start."""
    all: float = 3600.0
    """The time limit in seconds for all requests of a run."""


class Connections(BoundedClient):
    """HTTP connections to one address; they give only 200 responses with JSON."""

    def __init__(self, address: Address, pace: Pace) -> None:
        secure = address.url.startswith("https:")  # loading certificates takes a while
        limits = httpx2.Timeout(pace.silence, connect=min(pace.silence, 10.0))
        super().__init__(
            trust_env=not is_loopback(address.url),
            timeout=limits,
            verify=secure,
        )
        self._address = address
        self._pace = pace
        self._until = time.monotonic() + pace.all

    def request(
        self,
        method: str,
        url: httpx2.URL | str,
        **options: Any,
    ) -> httpx2.Response:
        """Return a 200 response with JSON, after retries if necessary.

        Raises:
            ItemError: there was no such response.
        """
        host = self._address.host
        if self.is_closed:
            raise ItemError(f"{host} took too long before", hint=_LATER)
        if time.monotonic() > self._until:
            minutes = self._pace.all / 60
            message = f"{host} gave not all items in {minutes:g} minutes"
            raise ItemError(message, hint=_LATER)
        options["timeout"] = self.timeout
        for pause in (*_PAUSES, None):
            wait = 0.0
            try:
                request = self.build_request(method, url, **options)
                response = self.fetched(request, self._pace.whole, _LARGEST_PAGE)
                for name in ("backoff", "retry-after"):
                    seconds = response.headers.get(name, "")
                    if re.fullmatch(r"\d{1,9}", seconds):
                        wait = max(wait, float(seconds))
                if wait > _LONGEST_WAIT:
                    message = f"{host} asks to wait {wait:,.0f} s"
                    raise ItemError(message, hint=_LATER)
                fault = self._fault(response)
                if fault is None:
                    response.headers.pop("backoff", None)  # pyzotero would sleep
                    if wait:
                        self._pace.sleep(wait)
                    return response
            except httpx2.HTTPError as error:
                # a connection that failed
                message = without_secret(str(error), self._address.key)
                reason = message or type(error).__name__
                fault = ItemError(f"{host} cannot be reached ({reason})", hint=_LATER)
                if self._address.local:
                    no_zotero = f"no Zotero answers at {host} ({reason})"
                    fault = ItemError(no_zotero, hint=_ALLOW)
                if isinstance(error, httpx2.TimeoutException | TooLargeError):
                    pause = None
            if fault.hint != _LATER or pause is None:
                raise fault
            self._pace.sleep(wait or pause)
        raise AssertionError

    def _fault(self, response: httpx2.Response) -> ItemError | None:
        """Return why a response is not usable. None if it is."""
        host = self._address.host
        local = self._address.local
        status = response.status_code
        version = response.headers.get("x-zotero-version", "").partition(".")[0]
        if local and version.isdecimal() and int(version) < _OLDEST:
            return ItemError("the API of Zotero 7 lists no annotations", hint=_ALLOW)
        if status == 200 and response.headers.get("content-type", "").startswith(
            "application/json"
        ):
            with suppress(ValueError, RecursionError):
                response.json()
                return None
            return ItemError(f"the answer of {host} cannot be read", hint=_LATER)
        if status < 400:
            message = (
                f"something else answered in place of Zotero at {host} (a login page?)"
            )
            return ItemError(message, hint="log in to this network with a browser first")
        hint = _LATER
        if local:
            hint = _ALLOW
        elif status in (401, 403, 404):
            hint = f"check `library:` and the key in {self._address.key_env}; {_KEY}"
        return ItemError(f"{host} answers {status}", hint=hint)

    def close(self) -> None:
        """Do nothing: pyzotero closes its client when collected, but it is used on."""


# --- libraries --------------------------------------------------------------------------


@dataclass(frozen=True)
class Online:
    """The libraries by an API. The local one gives the user's own library only."""

    address: Address
    wanted: Wanted
    memory: Memory
    client: Connections

    @cached_property
    def _owner(self) -> tuple[Account, dict[int, str]]:
        """The account of the key, and its groups by number."""
        address = self.address
        if address.local:
            return Account(None, ()), {}
        if not address.key:
            message = f"{address.host} needs a key, in {address.key_env or 'a `key_env`'}"
            raise ItemError(message, hint=_KEY)
        headers = {"Zotero-API-Version": "3", "Authorization": f"Bearer {address.key}"}
        url = f"{address.url}/keys/current"
        answer = self.client.request("GET", url, headers=headers)
        with self._understood():
            owner = answer.json()
            number = int(owner["userID"])
            names = (owner["username"], owner.get("displayName"))
            groups = {}
            for row in self._all(self._zotero("user", number), "groups"):
                group_name = str(row["data"]["name"])
                groups[int(row["id"])] = plain(group_name)
            return Account(number, tuple(filter(None, names))), groups

    @property
    def account(self) -> Account:
        """The owner."""
        account, _ = self._owner
        return account

    @property
    def libraries(self) -> list[Library]:
        """The wanted libraries, also those that are not there."""
        _, groups = self._owner
        wanted: Iterable[int | None] = {None, *groups}
        if self.wanted is not None:
            wanted = self.wanted
        libraries = []
        for group in sorted(wanted, key=lambda group: group or 0):  # the user's own first
            name = "" if group is None else groups.get(group, "")
            libraries.append(Library(group, name))
        return libraries

    def items(self, library: Library) -> list[ZoteroItem]:
        """Return annotations, notes, and the items they belong to, the trash included.

        A library of the web is kept, and fetched again only if it has changed.

        Raises:
            ItemError: it cannot be read, or changed meanwhile.
        """
        if self.address.local:
            if library.group is not None:
                hint = "give `path:`, Zotero's data folder, or `api: web`"
                raise ItemError("the local API gives your own library only", hint=hint)
            zotero = self._zotero("user", self.account.id or 0)
            return self._parsed(*self._fetched(zotero))
        return self._parsed(*self._fetched_or_kept(library))

    def _fetched_or_kept(self, library: Library) -> tuple[Rows, Rows]:
        """Return items and collections of a web library, kept until it changes."""
        kind = "user" if library.group is None else "group"
        zotero = self._zotero(kind, library.group or self.account.id or 0)
        origin = f"{self.address.url}/{kind}s/{zotero.library_id}"
        name = f"web/{library.namespace}"
        kept: Kept | None = None
        with suppress(zlib.error, ValueError, RecursionError):
            content = zlib.decompress(self.memory.recall(name) or b"")
            kept = msgspec.json.decode(content, type=Kept)
        version = self._version(zotero)
        if kept:
            kept_origin, kept_version, items, collections = kept
            if (kept_origin, kept_version) == (origin, version):
                return items, collections
        items, collections = self._fetched(zotero)
        if self._version(zotero) != version:
            hint = "wait until Zotero has finished syncing, and run again"
            raise ItemError("the library kept changing while it was read", hint=hint)
        written = json.dumps((origin, version, items, collections))
        self.memory.keep({name: zlib.compress(written.encode(), 1)})
        return items, collections

    def _version(self, zotero: Zotero) -> str:
        with self._understood():
            return str(zotero.last_modified_version())

    def _fetched(self, zotero: Zotero) -> tuple[Rows, Rows]:
        """Return annotations and notes with the items that they belong to, and collections."""
        marks = self._all(zotero, "items", itemType="annotation || note")
        with self._understood():  # a row may have no key
            by_key = {row["key"]: row for row in marks}
            for _ in range(_LEVELS):
                parents = {row["data"].get("parentItem") for row in by_key.values()}
                missing = sorted(map(str, filter(None, parents - by_key.keys())))
                for start in range(0, len(missing), AT_ONCE):
                    keys = missing[start : start + AT_ONCE]
                    for row in self._all(zotero, "items", itemKey=",".join(keys)):
                        by_key[row["key"]] = row
        collections = self._all(zotero, "collections")
        return list(by_key.values()), collections

    def _zotero(self, kind: str, number: int) -> Zotero:
        """Return pyzotero's client of one library."""
        address = self.address
        zotero = Zotero(
            number,
            kind,
            address.key or None,
            local=address.local,
            client=self.client,
        )
        zotero.endpoint = address.url
        return zotero

    def _all(self, zotero: Zotero, method: str, **params: Any) -> Rows:
        """Return all pages of a list, the trash included."""
        if method == "items":
            params["includeTrashed"] = 1
        rows = Rows()
        with self._understood():
            while True:
                before = len(rows)
                page = getattr(zotero, method)(**params, start=before)
                rows += [row for row in page if isinstance(row["data"], dict)]
                assert zotero.request is not None
                total = int(zotero.request.headers["total-results"])
                if total > _MOST_ROWS:
                    message = f"{self.address.host} has {total:,} {method}: too many"
                    raise ItemError(message, hint="narrow `library:`, or give `path:`")
                if len(rows) == before or len(rows) >= total:
                    break
        if total != len(rows):
            message = f"{self.address.host} gave {len(rows)} of {total} items"
            raise ItemError(message, hint=_LATER)
        return rows

    def _parsed(self, rows: Rows, collections: Rows) -> list[ZoteroItem]:
        """Return the rows of an answer as items."""
        with self._understood():
            by_key: Collections = {}
            for row in collections:
                data = row["data"]
                by_key[row["key"]] = Collection(
                    name=plain(data["name"]),
                    parent=data.get("parentCollection"),
                    deleted=bool(data.get("deleted")),
                )
            return [_item(row, by_key) for row in rows]

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Say that an answer cannot be read where pyzotero or we stumble over it."""
        try:
            yield
        except _STUMBLED as error:
            one_line = " ".join(str(error).split())
            message = without_secret(one_line, self.address.key)
            reason = f"{type(error).__name__}: {message[:200]}"
            problem = f"the answer of {self.address.host} cannot be read ({reason})"
            raise ItemError(problem, hint=_LATER) from error


# --- answers ----------------------------------------------------------------------------


def _item(row: Json, collections: Collections) -> ZoteroItem:
    """Return a row of an answer as an item."""
    cleaned = _clean(row["data"])
    data = {name: value for name, value in cleaned.items() if value is not None}
    meta = _clean(row.get("meta") or {})
    maker = meta.get("createdByUser") or {}
    data["author"] = maker.get("id", 0)
    data["maker"] = maker.get("name") or maker.get("username") or ""
    file_name = data.get("filename")
    if file_name:
        data["path"] = f"storage:{file_name}"
    data["collections"] = paths_of(data.get("collections") or (), collections)
    return msgspec.convert({**data, "fields": data}, ZoteroItem, strict=False)


def _clean(value: Any) -> Any:
    """Return a value of JSON without control characters in its texts."""
    if isinstance(value, dict):
        return {name: _clean(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_clean(member) for member in value]
    return plain(value) if isinstance(value, str) else value
