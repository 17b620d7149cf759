"""Zotero's local and web API: what it answers goes into the tables of Zotero's own database.

So the same queries read it. pyzotero (measured: 1.16.0) retries only after a 429, sleeps as long as
a server asks, and accepts the login page of a hotel as data. Therefore the client below it waits,
retries, and passes on only a 200 with JSON.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import httpx2
import msgspec
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.errors import ItemError
from ankiforge.extract.zotero import Address, Wanted
from ankiforge.extract.zotero.database import COLUMNS, Database, Library, add_missing, plain
from ankiforge.model import Memory

PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each retry."""
LONGEST_WAIT = 60.0
"""If a server asks to wait longer, reading is left to another run."""
AT_ONCE = 50
"""Keys in one request."""
LEVELS = 3
"""Annotation, attachment, paper. Libraries are not nested deeper."""
TRIES = 3
"""How often reading a library is restarted because it changes meanwhile."""
KINDS = "annotation || note"
_MARK_FIELDS = ("AuthorName", "Text", "Comment", "Color", "PageLabel", "SortIndex", "Position")
_MARK_KINDS = {"highlight": 1, "note": 2, "image": 3, "ink": 4, "underline": 5, "text": 6}
_NO_FIELDS = frozenset(
    {"key", "version", "itemType", "parentItem", "deleted", "tags", "collections", "creators"}
    | {"relations", "dateAdded", "dateModified", "note"}
)
_DATES = ("date", "dateDecided", "dateEnacted", "issueDate")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")
_LATER = "run again later; nothing was counted as deleted"
_ALLOW = (
    "start Zotero 8 or later, and tick there, under Settings, Advanced, “Allow other applications on"
    " this computer to communicate with Zotero”; or give `path:`, Zotero's data folder, without `api:`"
)
_KEY = "a key is made at zotero.org/settings/keys; it must be allowed to read this library"


class Rows(NamedTuple):
    """A library as the API gives it."""

    items: list[dict[str, Any]]
    """The annotations and notes, and the items that they belong to."""
    collections: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How to wait, and the time limit for a silent server. Tests replace them."""

    sleep: Callable[[float], None] = time.sleep
    silence: float = 30.0


Failed = list[tuple[Library, ItemError]]
"""The libraries that could not be read."""


@contextmanager
def opened(
    address: Address, wanted: Wanted, memory: Memory, pace: Pace
) -> Iterator[tuple[Database, Failed]]:
    """Read the selected libraries. The local API gives the user's own library only.

    Raises:
        ItemError: no library can be read.
    """
    with closing(sqlite3.connect(":memory:")) as connection, _Client(address, pace) as client:
        add_missing(connection)
        load, failed = _Loader(connection), Failed()
        user, names, groups = 0, [""], dict[int, str]()
        if not address.local:
            if not address.key:
                what = f"{address.host} needs a key, in {address.key_env or 'a `key_env`'}"
                raise ItemError(what, hint=_KEY)
            user, names, groups = client.account()
        load.account(user, names)
        chosen = {None, *groups} if wanted is None else wanted
        for number, group in enumerate(sorted(chosen, key=lambda one: one or 0)):
            library = Library(number, group, groups.get(group or 0, ""))
            try:
                if group is not None and address.local:
                    hint = "give `path:`, Zotero's data folder, or `api: web`"
                    raise ItemError("the local API gives your own library only", hint=hint)
                load.library(library, client.library(library, user, memory))
            except ItemError as error:
                failed.append((library, error))
        yield Database(connection, {}), failed


# --- requests -------------------------------------------------------------------------------


class _Client(httpx2.Client):
    """HTTP connections to one address."""

    def __init__(self, address: Address, pace: Pace) -> None:
        super().__init__(
            trust_env=not address.loopback,
            timeout=httpx2.Timeout(pace.silence, connect=min(pace.silence, 10.0)),
            verify=address.url.startswith("https:"),  # loading certificates takes a while
        )
        self._address = address
        self._pace = pace

    def request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Response:
        """Return a 200 response with JSON, after retries if necessary.

        Raises:
            ItemError: there was no such response.
        """
        options["timeout"] = self.timeout
        host, local = self._address.host, self._address.local
        for pause in (*PAUSES, None):
            wait = 0.0
            try:
                response = super().request(method, url, **options)
            except httpx2.HTTPError as error:
                stalled = isinstance(error, httpx2.TimeoutException)
                why = "no answer in time" if stalled else str(error) or type(error).__name__
                what = f"no Zotero answers at {host}" if local else f"{host} cannot be reached"
                fault = ItemError(f"{what} ({why})", hint=_ALLOW if local else _LATER)
                passes = not (local or stalled)
            else:
                status, wait = response.status_code, _asked_to_wait(response)
                if wait > LONGEST_WAIT:
                    raise ItemError(f"{host} asks to wait {wait:,.0f} s", hint=_LATER)
                old = response.headers.get("x-zotero-version", "").partition(".")[0]
                if local and old.isdecimal() and int(old) < 8:
                    raise ItemError("the API of Zotero 7 lists no annotations", hint=_ALLOW)
                if status == 200 and _is_json(response):
                    response.headers.pop("backoff", None)  # pyzotero would sleep
                    self._pace.sleep(wait) if wait else None
                    return response
                fault, passes = self._fault(response)
            if not passes or pause is None:
                raise fault
            self._pace.sleep(wait or pause)
        raise AssertionError

    def _fault(self, response: httpx2.Response) -> tuple[ItemError, bool]:
        """Return why a response is not usable, and whether another try may help."""
        host, status = self._address.host, response.status_code
        is_json = response.headers.get("content-type", "").startswith("application/json")
        if status == 200 and is_json:
            return ItemError(f"the answer of {host} cannot be read", hint=_LATER), True
        if status < 400:
            what = f"something else answered in place of Zotero at {host} (a login page?)"
            return ItemError(what, hint="log in to this network with a browser first"), False
        hint = _ALLOW if self._address.local else _LATER
        if status in (401, 403, 404) and not self._address.local:
            hint = f"check `library:` and the key in {self._address.key_env}; {_KEY}"
        return ItemError(f"{host} answers {status}", hint=hint), status >= 500 or status in (
            408,
            429,
        )

    def close(self) -> None:
        """Do nothing: pyzotero closes its client when it is collected, and this one is used on."""

    # --- what is asked

    def account(self) -> tuple[int, list[str], dict[int, str]]:
        """Return number and names of the account of the key, and its groups by number."""
        headers = {"Zotero-API-Version": "3", "Authorization": f"Bearer {self._address.key}"}
        answer = self.request("GET", f"{self._address.url}/keys/current", headers=headers)
        with self._understood():
            found = answer.json()
            user, names = int(found["userID"]), [found["username"], found.get("displayName") or ""]
            rows = self._all(self._zotero("user", user), "groups")
            return user, names, {int(row["id"]): plain(str(row["data"]["name"])) for row in rows}

    def library(self, library: Library, user: int, memory: Memory) -> Rows:
        """Return a library. The web's is kept, and fetched again only if it has changed.

        Raises:
            ItemError: it cannot be read, or keeps changing.
        """
        kind, number = ("user", user) if library.group is None else ("group", library.group)
        name, origin = f"web/{library.namespace}", f"{self._address.url}/{kind}s/{number}"
        zotero = self._zotero(kind, number)
        if self._address.local:
            return self._fetched(zotero)
        kept: tuple[str, str, Rows] = ("", "", Rows([], []))
        with suppress(zlib.error, ValueError, RecursionError):
            body = zlib.decompress(memory.recall(name) or b"")
            kept = msgspec.json.decode(body, type=tuple[str, str, Rows])
        for _ in range(TRIES):
            version = self._version(zotero)
            if kept[:2] == (origin, version):
                return kept[2]
            kept = (origin, version, self._fetched(zotero))
            if self._version(zotero) == version:
                memory.keep({name: zlib.compress(json.dumps(kept).encode(), 1)})
                return kept[2]
            kept = ("", "", kept[2])
        what = "the library kept changing while it was read"
        raise ItemError(what, hint="wait until Zotero has finished syncing, and run again")

    def _version(self, zotero: Zotero) -> str:
        with self._understood():
            return str(zotero.last_modified_version())

    def _fetched(self, zotero: Zotero) -> Rows:
        """Return the annotations and notes, the items that they belong to, and the collections."""
        found = {row["key"]: row for row in self._all(zotero, "items", itemType=KINDS)}
        for _ in range(LEVELS):
            above = {str(row["data"].get("parentItem") or "") for row in found.values()}
            keys = sorted(above - found.keys() - {""})
            for at in range(0, len(keys), AT_ONCE):
                rows = self._all(zotero, "items", itemKey=",".join(keys[at : at + AT_ONCE]))
                found |= {row["key"]: row for row in rows}
        return Rows(list(found.values()), self._all(zotero, "collections"))

    def _zotero(self, kind: str, number: int) -> Zotero:
        address = self._address
        zotero = Zotero(number, kind, address.key or None, local=address.local, client=self)
        zotero.endpoint = address.url
        return zotero

    def _all(self, zotero: Zotero, method: str, **params: Any) -> list[dict[str, Any]]:
        """Return all pages of a list, the trash included."""
        if method == "items":
            params["includeTrashed"] = 1
        rows: list[dict[str, Any]] = []
        with self._understood():
            while True:
                page = getattr(zotero, method)(**params, start=len(rows))
                rows += [row for row in page if isinstance(row["data"], dict)]
                assert zotero.request is not None
                total = int(zotero.request.headers["total-results"])
                if not page or len(rows) >= total:
                    break
        if total != len(rows):
            raise ItemError(f"{self._address.host} gave {len(rows)} of {total} items", hint=_LATER)
        return rows

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Say that an answer cannot be read where pyzotero or we stumble over it."""
        try:
            yield
        except (PyZoteroError, httpx2.InvalidURL, LookupError, ValueError) as error:
            why = " ".join(str(error).split())[:200]
        except (TypeError, AttributeError, RecursionError) as error:
            why = type(error).__name__
        else:
            return
        raise ItemError(f"the answer of {self._address.host} cannot be read: {why}", hint=_LATER)


def _is_json(response: httpx2.Response) -> bool:
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True


def _asked_to_wait(response: httpx2.Response) -> float:
    """Return the seconds that a server asks to wait before the next request."""
    asked = (response.headers.get(name, "").strip() for name in ("backoff", "retry-after"))
    return max((float(one) for one in asked if re.fullmatch(r"\d{1,9}(\.\d*)?", one)), default=0.0)


# --- into the tables ------------------------------------------------------------------------


class _Loader:
    """Writes what the API answers into the tables of an empty database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers = count(1)

    def _add(self, table: str, *values: object) -> None:
        names = COLUMNS[table][: len(values)]
        marks = ", ".join("?" * len(values))
        clean = [plain(value) if isinstance(value, str) else value for value in values]
        self._connection.execute(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", clean
        )

    def account(self, user: int, names: list[str]) -> None:
        """Write whose libraries these are."""
        if user:
            self._add("settings", "account", "userID", user)
            self._add("settings", "account", "username", names[0])
            self._add("users", user, names[1])

    def library(self, library: Library, rows: Rows) -> None:
        """Write a library.

        Raises:
            ItemError: an item is malformed.
        """
        numbers = {row["key"]: next(self._numbers) for row in (*rows.items, *rows.collections)}
        try:
            for row in rows.collections:
                self._collection(numbers[row["key"]], row["data"], numbers)
            for row in rows.items:
                self._item(library, numbers[row["key"]], row, numbers)
                self._describe(numbers[row["key"]], row, numbers)
        except (KeyError, TypeError, AttributeError, ValueError, sqlite3.Error) as error:
            what = f"an item of Zotero's API has an unexpected form: {error!r}"
            raise ItemError(what, hint="a newer version of this program may know it") from error
        self._add("libraries", library.id, "user" if library.group is None else "group")
        if library.group is not None:
            self._add("groups", library.group, library.id, library.name)

    def _collection(self, number: int, data: dict[str, Any], numbers: dict[str, int]) -> None:
        parent = data.get("parentCollection")
        above = numbers.get(parent, -1) if parent else None  # -1: it is in the trash
        self._add("collections", number, data["name"], above)
        if data.get("deleted"):
            self._add("deletedCollections", number)

    def _item(
        self, library: Library, item: int, row: dict[str, Any], numbers: dict[str, int]
    ) -> None:
        """Write an item, and what its kind adds."""
        data = row["data"]
        self._add("items", item, library.id, row["key"], data["dateAdded"], data["dateModified"], 1)
        by = (row.get("meta") or {}).get("createdByUser") or {}
        self._add("groupItems", item, by.get("id", 0))  # in a group, 0 is not the user
        if by.get("id"):
            self._add("users", by["id"], by.get("name") or by.get("username") or "")
        if data.get("deleted"):
            self._add("deletedItems", item)
        parent = numbers.get(data.get("parentItem") or "")
        if data["itemType"] == "annotation" and parent:
            values = (data.get(f"annotation{name}") for name in _MARK_FIELDS)
            kind = _MARK_KINDS.get(data["annotationType"], 0)
            self._add("itemAnnotations", item, parent, kind, *values)
        elif data["itemType"] == "note" and parent:
            self._add("itemNotes", item, parent, data["note"])
        elif data["itemType"] == "attachment":
            name = data.get("filename")
            path = f"storage:{name}" if name else data.get("path")
            self._add("itemAttachments", item, parent, path)

    def _describe(self, item: int, row: dict[str, Any], numbers: dict[str, int]) -> None:
        """Write fields, creators, tags and collections."""
        data = row["data"]
        for name, value in data.items():
            if isinstance(value, str) and value and name not in _NO_FIELDS:
                if name in _DATES:  # as in the database: the sortable form comes first
                    year = _YEAR.search(value)
                    first = (row.get("meta") or {}).get("parsedDate") or (year[0] if year else "")
                    value = f"{first} {value}".strip()
                number = next(self._numbers)
                self._add("fields", number, name)
                self._add("itemDataValues", number, value)
                self._add("itemData", item, number, number)
        for at, one in enumerate(data.get("creators") or ()):
            number, last = next(self._numbers), one.get("lastName") or one.get("name")
            self._add("creatorTypes", number, one["creatorType"])
            self._add("creators", number, one.get("firstName"), last)
            self._add("itemCreators", item, number, number, at)
        for one in data.get("tags") or ():
            number = next(self._numbers)
            self._add("tags", number, one["tag"])
            self._add("itemTags", item, number, one.get("type") or 0)
        for key in data.get("collections") or ():
            if key in numbers:
                self._add("collectionItems", item, numbers[key])
