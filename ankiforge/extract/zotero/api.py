"""Zotero's local and web API, by pyzotero.

pyzotero (measured: 1.16.0) retries only after a 429, sleeps as long as a server asks, and accepts
the login page of a hotel as data. Therefore the client below it waits, retries, and passes on only
a 200 with JSON.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx2
import msgspec
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.config import is_loopback
from ankiforge.config.http import Limit, bound, within
from ankiforge.errors import ItemError
from ankiforge.extract.zotero.items import Account, Address, Item, Library, Wanted, paths_of, plain
from ankiforge.model import Json, Memory
from ankiforge.text.secrets import without_secret

PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each retry."""
LONGEST_WAIT = 60.0
"""If a server asks to wait longer, reading is left to another run."""
AT_ONCE = 50
"""Keys in one request."""
_LATER = "run again later; nothing was counted as deleted"
_ALLOW = (
    "start Zotero 8 or later, and tick there, under Settings, Advanced, “Allow other applications on"
    " this computer to communicate with Zotero”; or give `path:`, Zotero's data folder, without `api:`"
)
_KEY = "a key is made at zotero.org/settings/keys; it must be allowed to read this library"
_STUMBLED = (PyZoteroError, httpx2.InvalidURL, LookupError, ValueError, TypeError, AttributeError,
    RecursionError)  # fmt: skip
Rows = list[Json]


@dataclass(frozen=True, slots=True)
class Pace:
    """How to wait, and the time limit for a silent server. Tests replace them."""

    sleep: Callable[[float], None] = time.sleep
    silence: float = 30.0
    whole: float = 300.0
    """The time limit in seconds for a request, from its start."""


class Client(httpx2.Client):
    """HTTP connections to one address; they give only 200 responses with JSON."""

    def __init__(self, address: Address, pace: Pace) -> None:
        secure = address.url.startswith("https:")  # loading certificates takes a while
        limits = httpx2.Timeout(pace.silence, connect=min(pace.silence, 10.0))
        super().__init__(trust_env=not is_loopback(address.url), timeout=limits, verify=secure)
        bound(self)
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
                with within(Limit(self._pace.whole)):
                    response = super().request(method, url, **options)
                asked = (response.headers.get(name, "") for name in ("backoff", "retry-after"))
                wait = max(float(one) if re.fullmatch(r"\d{1,9}", one) else 0.0 for one in asked)
                if wait > LONGEST_WAIT:
                    raise ItemError(f"{host} asks to wait {wait:,.0f} s", hint=_LATER)
                fault = self._fault(response)
                if fault is None:
                    response.headers.pop("backoff", None)  # pyzotero would sleep
                    self._pace.sleep(wait) if wait else None
                    return response
            except httpx2.HTTPError as error:
                why = without_secret(str(error), self._address.key) or type(error).__name__
                what = f"no Zotero answers at {host}" if local else f"{host} cannot be reached"
                fault = ItemError(f"{what} ({why})", hint=_ALLOW if local else _LATER)
                if isinstance(error, httpx2.TimeoutException):
                    pause = None
            if fault.hint != _LATER or pause is None:
                raise fault
            self._pace.sleep(wait or pause)
        raise AssertionError

    def _fault(self, response: httpx2.Response) -> ItemError | None:
        """Return why a response is not usable. None if it is."""
        host, status = self._address.host, response.status_code
        old = response.headers.get("x-zotero-version", "").partition(".")[0]
        if self._address.local and old.isdecimal() and int(old) < 8:
            return ItemError("the API of Zotero 7 lists no annotations", hint=_ALLOW)
        is_json = response.headers.get("content-type", "").startswith("application/json")
        if status == 200 and is_json:
            with suppress(ValueError, RecursionError):
                response.json()
                return None
            return ItemError(f"the answer of {host} cannot be read", hint=_LATER)
        if status < 400:
            what = f"something else answered in place of Zotero at {host} (a login page?)"
            return ItemError(what, hint="log in to this network with a browser first")
        hint = _ALLOW if self._address.local else _LATER
        if status in (401, 403, 404) and not self._address.local:
            hint = f"check `library:` and the key in {self._address.key_env}; {_KEY}"
        return ItemError(f"{host} answers {status}", hint=hint)

    def close(self) -> None:
        """Do nothing: pyzotero closes its client when it is collected, and this one is used on."""


@dataclass(frozen=True)
class Online:
    """The libraries by an API. The local one gives the user's own library only."""

    address: Address
    wanted: Wanted
    memory: Memory
    client: Client

    @cached_property
    def _owner(self) -> tuple[Account, dict[int, str]]:
        """The account of the key, and its groups by number."""
        address = self.address
        if address.local:
            return Account(None, ()), {}
        if not address.key:
            what = f"{address.host} needs a key, in {address.key_env or 'a `key_env`'}"
            raise ItemError(what, hint=_KEY)
        headers = {"Zotero-API-Version": "3", "Authorization": f"Bearer {address.key}"}
        answer = self.client.request("GET", f"{address.url}/keys/current", headers=headers)
        with self._understood():
            found = answer.json()
            number, names = int(found["userID"]), (found["username"], found.get("displayName"))
            rows = self._all(self._zotero("user", number), "groups")
            groups = {int(row["id"]): plain(str(row["data"]["name"])) for row in rows}
            return Account(number, tuple(filter(None, names))), groups

    @property
    def account(self) -> Account:
        """The owner."""
        return self._owner[0]

    @property
    def libraries(self) -> list[Library]:
        """The wanted libraries, also those that are not there."""
        groups = self._owner[1]
        chosen = {None, *groups} if self.wanted is None else self.wanted
        ordered = sorted(chosen, key=lambda one: one or 0)
        return [Library(group, groups.get(group or 0, "")) for group in ordered]

    def items(self, library: Library) -> list[Item]:
        """Return annotations, notes, and the items that they belong to, the trash included.

        A library of the web is kept, and fetched again only if it has changed.

        Raises:
            ItemError: it cannot be read, or changed meanwhile.
        """
        if self.address.local and library.group is not None:
            hint = "give `path:`, Zotero's data folder, or `api: web`"
            raise ItemError("the local API gives your own library only", hint=hint)
        kind = "user" if library.group is None else "group"
        zotero = self._zotero(kind, library.group or self.account.id or 0)
        if self.address.local:
            return self._parsed(*self._fetched(zotero))
        name = f"web/{library.namespace}"
        kept = ("", "", Rows(), Rows())
        with suppress(zlib.error, ValueError, RecursionError):
            body = zlib.decompress(self.memory.recall(name) or b"")
            kept = msgspec.json.decode(body, type=tuple[str, str, Rows, Rows])
        origin, version = f"{self.address.url}/{kind}s/{zotero.library_id}", self._version(zotero)
        if kept[:2] != (origin, version):
            kept = (origin, version, *self._fetched(zotero))
            if self._version(zotero) != version:
                hint = "wait until Zotero has finished syncing, and run again"
                raise ItemError("the library kept changing while it was read", hint=hint)
            self.memory.keep({name: zlib.compress(json.dumps(kept).encode(), 1)})
        return self._parsed(*kept[2:])

    def _version(self, zotero: Zotero) -> str:
        with self._understood():
            return str(zotero.last_modified_version())

    def _fetched(self, zotero: Zotero) -> tuple[Rows, Rows]:
        """Return the annotations and notes, with what they belong to, and the collections."""
        rows = self._all(zotero, "items", itemType="annotation || note")
        found = {row["key"]: row for row in rows}
        for _ in range(3):  # annotation, attachment, paper
            above = {str(row["data"].get("parentItem") or "") for row in found.values()}
            keys = sorted(above - found.keys() - {""})
            for at in range(0, len(keys), AT_ONCE):
                rows = self._all(zotero, "items", itemKey=",".join(keys[at : at + AT_ONCE]))
                found |= {row["key"]: row for row in rows}
        return list(found.values()), self._all(zotero, "collections")

    def _zotero(self, kind: str, number: int) -> Zotero:
        address = self.address
        zotero = Zotero(number, kind, address.key or None, local=address.local, client=self.client)
        zotero.endpoint = address.url
        return zotero

    def _all(self, zotero: Zotero, method: str, **params: Any) -> Rows:
        """Return all pages of a list, the trash included."""
        if method == "items":
            params["includeTrashed"] = 1
        rows = Rows()
        with self._understood():
            while True:
                page = getattr(zotero, method)(**params, start=len(rows))
                rows += [row for row in page if isinstance(row["data"], dict)]
                assert zotero.request is not None
                total = int(zotero.request.headers["total-results"])
                if not page or len(rows) >= total:
                    break
        if total != len(rows):
            raise ItemError(f"{self.address.host} gave {len(rows)} of {total} items", hint=_LATER)
        return rows

    def _parsed(self, rows: Rows, collections: Rows) -> list[Item]:
        """Return what an API answered as items."""
        items = []
        with self._understood():
            shelves = {
                key: (plain(data["name"]), data.get("parentCollection"), bool(data.get("deleted")))
                for key, data in {row["key"]: row["data"] for row in collections}.items()
            }
            for row in rows:
                data = {name: one for name, one in _clean(row["data"]).items() if one is not None}
                by = _clean(row.get("meta") or {}).get("createdByUser") or {}
                data["author"], data["maker"] = (
                    by.get("id", 0),
                    by.get("name") or by.get("username") or "",
                )
                if name := data.get("filename"):
                    data["path"] = f"storage:{name}"
                data["collections"] = paths_of(data.get("collections") or (), shelves)
                items.append(msgspec.convert({**data, "fields": data}, Item, strict=False))
        return items

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Say that an answer cannot be read where pyzotero or we stumble over it."""
        try:
            yield
        except _STUMBLED as error:
            said = without_secret(" ".join(str(error).split()), self.address.key)
            why = f"{type(error).__name__}: {said[:200]}"
            what = f"the answer of {self.address.host} cannot be read ({why})"
            raise ItemError(what, hint=_LATER) from error


def _clean(value: Any) -> Any:
    """Return a value of JSON without control characters in its texts."""
    if isinstance(value, dict):
        return {name: _clean(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return plain(value) if isinstance(value, str) else value
