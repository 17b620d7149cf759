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
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import httpx2
import msgspec
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.database import COLUMNS, Database, Library, add_missing, plain
from ankiforge.extract.zotero.settings import Address, Wanted
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


@dataclass(slots=True)
class Api:
    """The libraries at one address, as far as they could be read."""

    database: Database
    failed: list[tuple[Library, ItemError]] = field(default_factory=list)


@contextmanager
def opened(address: Address, wanted: Wanted, memory: Memory, pace: Pace) -> Iterator[Api]:
    """Read the selected libraries. The local API gives the user's own library only.

    Raises:
        ItemError: no library can be read.
    """
    with closing(sqlite3.connect(":memory:")) as connection, _Client(address, pace) as client:
        add_missing(connection)
        api, load = Api(Database(connection, {})), _Loader(connection)
        user, names, groups = 0, [""], dict[int, str]()
        if not address.local:
            if not address.key:
                lacks = f"the environment variable {address.key_env} is not set"
                lacks = lacks if address.key_env else "`key_env` names no environment variable"
                raise ItemError(f"{address.host} needs a key: {lacks}", hint=_KEY)
            user, names = client.account()
            if wanted is None or wanted - {None}:
                groups = client.groups(user)
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
                api.failed.append((library, error))
        yield api


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
        self._rest = 0.0
        """Seconds that the last answer asked to wait before the next request."""
        self._versions: set[str] = set()
        """The versions of the library that the last answers had."""

    def request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Response:
        """Return a 200 response with JSON, after retries if necessary.

        Raises:
            ItemError: there was no such response.
        """
        options["timeout"] = self.timeout
        for pause in (*PAUSES, None):
            rest, self._rest = self._rest, 0.0
            if rest > LONGEST_WAIT:
                raise ItemError(f"{self._address.host} asks to wait {rest:,.0f} s", hint=_LATER)
            if rest:
                self._pace.sleep(rest)
            fault: ItemError | None
            try:
                response = super().request(method, url, **options)
            except httpx2.HTTPError as error:
                fault = self._absent(error)
                passes = not (self._address.local or isinstance(error, httpx2.TimeoutException))
            else:
                self._rest = self._asked_to_wait(response)
                fault = self._fault(response)
                if fault is None:
                    self._versions.add(response.headers.get("last-modified-version", ""))
                    response.headers.pop("backoff", None)  # pyzotero would sleep
                    return response
                status = response.status_code
                passes = status in (200, 408, 429) or status >= 500
                passes &= "login" not in fault.message
            if not passes or pause is None:
                raise fault
            self._rest = self._rest or pause
        raise AssertionError

    def _absent(self, error: httpx2.HTTPError) -> ItemError:
        stalled = isinstance(error, httpx2.TimeoutException)
        why = "no answer in time" if stalled else str(error) or type(error).__name__
        if self._address.local:
            return ItemError(f"no Zotero answers at {self._address.host} ({why})", hint=_ALLOW)
        return ItemError(f"{self._address.host} cannot be reached ({why})", hint=_LATER)

    def _fault(self, response: httpx2.Response) -> ItemError | None:
        """Return why a response is not usable, None if it is."""
        address, headers, status = self._address, response.headers, response.status_code
        said = " ".join(response.content[:200].decode("utf-8", "replace").split())
        said = "" if "<" in said else said
        said = said.replace(address.key, "***") if address.key else said
        said = re.sub(r"[\x00-\x1f\x7f-\x9f]", "", said) or "no reason given"
        is_json = headers.get("content-type", "").startswith("application/json")
        if 300 <= status < 400 or (status == 200 and not is_json):
            what = f"something else answered in place of Zotero at {address.host} (a login page?)"
            return ItemError(what, hint="log in to this network with a browser first")
        if status != 200:
            if address.local:
                hint = _ALLOW
            elif status in (401, 403):
                hint = f"check the key in {address.key_env}; {_KEY}"
            else:
                hint = "is `library:` right, and may the key read it?" if status == 404 else _LATER
            return ItemError(f"{address.host} answers {status}: {said}", hint=hint)
        old = headers.get("x-zotero-version", "").partition(".")[0]
        if address.local and old.isdecimal() and int(old) < 8:
            what = "the local API of Zotero 7 and before lists no annotations"
            return ItemError(what, hint=_ALLOW)
        try:
            response.json()
        except (ValueError, RecursionError) as error:
            return self._broken(str(error))
        return None

    def _asked_to_wait(self, response: httpx2.Response) -> float:
        waits = [0.0]
        for name in ("backoff", "retry-after"):
            said = response.headers.get(name, "").strip()
            if re.fullmatch(r"\d{1,9}(?:\.\d*)?", said):
                waits.append(float(said))
        return max(waits)

    def _broken(self, why: str) -> ItemError:
        what = f"the answer of {self._address.host} cannot be read: {' '.join(why.split())[:200]}"
        return ItemError(what, hint=_LATER)

    def close(self) -> None:
        """Do nothing: pyzotero closes its client when it is collected, and this one is used on."""

    # --- what is asked

    def account(self) -> tuple[int, list[str]]:
        """Return number and names of the account of the key."""
        headers = {"Zotero-API-Version": "3", "Authorization": f"Bearer {self._address.key}"}
        found = self.request("GET", f"{self._address.url}/keys/current", headers=headers).json()
        try:
            return int(found["userID"]), [found["username"], found.get("displayName") or ""]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._broken("keys/current tells no user") from error

    def groups(self, user: int) -> dict[int, str]:
        """Return the names of a user's groups by number."""
        found = self._all(self._zotero("user", user), "groups")
        try:
            return {int(row["id"]): plain(str(row["data"]["name"])) for row in found}
        except (KeyError, TypeError, ValueError) as error:
            raise self._broken("a group without a name") from error

    def library(self, library: Library, user: int, memory: Memory) -> Rows:
        """Return a library. The web's is kept, and fetched again only if it has changed.

        Raises:
            ItemError: it cannot be read, or keeps changing.
        """
        kind, number = ("user", user) if library.group is None else ("group", library.group)
        name, origin = f"web/{library.namespace}", f"{self._address.url}/{kind}s/{number}"
        zotero = self._zotero(kind, number)
        kept: tuple[str, str, Rows] = ("", "", Rows([], []))
        try:
            body = zlib.decompress(memory.recall(name) or b"")
            kept = msgspec.convert(json.loads(body), tuple[str, str, Rows])
        except (zlib.error, ValueError, RecursionError):
            pass
        if kept[0] == origin and kept[1] == str(self._call(zotero.last_modified_version)):
            return kept[2]
        for _ in range(TRIES):
            self._versions.clear()
            rows = self._fetched(zotero)
            if self._address.local or len(self._versions) == 1:
                break
        else:
            what = "the library kept changing while it was read"
            raise ItemError(what, hint="wait until Zotero has finished syncing, and run again")
        if not self._address.local:
            whole = (origin, self._versions.pop(), rows)
            memory.keep({name: zlib.compress(json.dumps(whole).encode(), 1)})
        return rows

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
        while True:
            more = {"start": len(rows)} if rows else {}
            page = self._call(lambda: getattr(zotero, method)(**params, **more))  # noqa: B023
            if not isinstance(page, list) or not all(
                isinstance(row, dict) and isinstance(row.get("data"), dict) for row in page
            ):
                raise self._broken("no list of items")
            rows += page
            total = (zotero.request and zotero.request.headers.get("total-results")) or ""
            if not page or not total.isdecimal() or len(rows) >= int(total):
                break
        if total and total != str(len(rows)):
            what = f"{self._address.host} gave {len(rows)} of {total} items"
            raise ItemError(what, hint=_LATER)
        return rows

    def _call(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except (PyZoteroError, httpx2.InvalidURL, ValueError) as error:
            raise self._broken(str(error)) from error
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._broken(repr(error)) from error


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
        try:
            self._write(library, rows)
        except (KeyError, TypeError, AttributeError, ValueError, sqlite3.Error) as error:
            what = f"an item of Zotero's API has an unexpected form: {error!r}"
            raise ItemError(what, hint="a newer version of this program may know it") from error
        self._add("libraries", library.id, "user" if library.group is None else "group")
        if library.group is not None:
            self._add("groups", library.group, library.id, library.name)

    def _write(self, library: Library, rows: Rows) -> None:
        numbers = {row["key"]: next(self._numbers) for row in (*rows.items, *rows.collections)}
        for row in rows.collections:
            data = row["data"]
            parent = data.get("parentCollection")
            above = numbers.get(parent, -1) if parent else None  # -1: it is in the trash
            self._add("collections", numbers[row["key"]], data["name"], above)
            if data.get("deleted"):
                self._add("deletedCollections", numbers[row["key"]])
        for row in rows.items:
            data, item = row["data"], numbers[row["key"]]
            self._add("items", item, library.id, row["key"], data["dateAdded"], data["dateModified"], 1)  # fmt: skip
            by = (row.get("meta") or {}).get("createdByUser") or {}
            # an unknown author in a group is not the user
            self._add("groupItems", item, by.get("id", 0))
            if by.get("id"):
                self._add("users", by["id"], by.get("name") or by.get("username") or "")
            if data.get("deleted"):
                self._add("deletedItems", item)
            parent = numbers.get(data.get("parentItem") or "")
            if data["itemType"] == "annotation" and parent:
                kind = _MARK_KINDS.get(data["annotationType"], 0)
                names = (
                    "AuthorName",
                    "Text",
                    "Comment",
                    "Color",
                    "PageLabel",
                    "SortIndex",
                    "Position",
                )
                values = (data.get(f"annotation{name}") for name in names)
                self._add("itemAnnotations", item, parent, kind, *values)
            elif data["itemType"] == "note" and parent:
                self._add("itemNotes", item, parent, data["note"])
            elif data["itemType"] == "attachment":
                name = data.get("filename")
                self._add("itemAttachments", item, parent, f"storage:{name}" if name else data.get("path"))  # fmt: skip
            self._describe(item, row, numbers)

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
            number = next(self._numbers)
            self._add("creatorTypes", number, one["creatorType"])
            self._add("creators", number, one.get("firstName"), one.get("lastName") or one.get("name"))  # fmt: skip
            self._add("itemCreators", item, number, number, at)
        for one in data.get("tags") or ():
            number = next(self._numbers)
            self._add("tags", number, one["tag"])
            self._add("itemTags", item, number, one.get("type") or 0)
        for key in data.get("collections") or ():
            if key in numbers:
                self._add("collectionItems", item, numbers[key])
