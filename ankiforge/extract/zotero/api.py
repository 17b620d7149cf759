"""Client for Zotero's local and web API, on top of pyzotero.

pyzotero (measured: 1.16.0) retries only after a 429, sleeps as long as a server asks, accepts the
login page of a hotel as data, reuses the parameters of a failed call in the next one, loses its
position if another request is made between two pages, and closes its client when it is
garbage-collected. Therefore a transport below it waits, retries, and passes on only a 200 with
JSON. Above it, each request uses a new pyzotero object, and pages are requested by number.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from threading import Thread
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import httpx2
from pyzotero.errors import PyZoteroError
from pyzotero.zotero import Zotero

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.database import Account
from ankiforge.extract.zotero.settings import Address, RefusalError

PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each retry, plus up to half of that at random."""
LONGEST_WAIT = 60.0
"""If a server asks to wait longer, reading is left to another run."""
LARGEST = 256 << 20
"""The maximum size of a response in bytes."""
ENOUGH = 180.0
"""The maximum seconds per run that are spent on failures and on waiting for a server."""
AT_ONCE = 50
"""Keys in one request."""
PAGE = 100
EVERYTHING = 10_000_000
"""The page size for the local API, which has no maximum."""
MOST = 1_000_000
"""The maximum number of items in a list."""
TRIES = 3
"""How often reading a library is restarted because it changes meanwhile."""
_PASSED_HEADERS = re.compile(r"content-type|last-modified-version|total-results|(?:x-)?zotero-.*")
"""Response headers passed on to pyzotero. Others would make it sleep."""

# --- transport ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock and the time limits. Tests replace them."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    silence: float = 30.0
    """The time limit for a server that sends nothing, in seconds."""
    slowest: float = 90.0
    """The time limit for a whole response in seconds, against servers that send byte by byte."""


class _TemporaryError(Exception):
    """A fault that may be temporary."""

    def __init__(
        self, error: ItemError, after: float | None = None, *, stalled: bool = False
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.after = after
        """Seconds that the server asks to wait."""
        self.stalled = stalled
        """Whether the request already took long, so that one retry is enough."""


class _Transport(httpx2.Client):
    """HTTP connections to one address."""

    def __init__(self, address: Address, pace: Pace) -> None:
        super().__init__(
            follow_redirects=False,
            trust_env=not address.loopback,
            timeout=httpx2.Timeout(pace.silence, connect=min(pace.silence, 10.0)),
            verify=address.url.startswith("https:"),  # loading certificates takes a while
        )
        self._address = address
        self._pace = pace
        self._not_before = 0.0
        self._lost_seconds = 0.0
        """Seconds spent on failures and waiting."""
        self._retries = len(PAUSES)
        self._server = ""

    def request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Response:
        """Return a 200 response with JSON, after retries if necessary.

        Raises:
            ItemError: there was no such response.
        """
        options["timeout"] = self.timeout
        pauses = list(PAUSES[: self._retries])
        while True:
            # the wait that the last successful response asked for
            wait = self._not_before - self._pace.clock()
            if wait > LONGEST_WAIT or self._lost_seconds + max(wait, 0.0) > ENOUGH:
                fault = self._address.fault
                raise fault("busy", wait) if wait > 0 else fault("slow", self._lost_seconds)
            if wait > 0:
                self._lost_seconds += wait
                self._pace.sleep(wait)
            begun = self._pace.clock()
            try:
                return self._attempt(method, url, options)
            except _TemporaryError as temporary:
                self._lost_seconds += self._pace.clock() - begun
                pause = pauses.pop(0) if pauses else None
                if pause is not None and temporary.after is not None:
                    pause = temporary.after
                if pause is None or self._lost_seconds + pause > ENOUGH:
                    self._retries = 0  # try the next library, but without retries
                    raise temporary.error from temporary
                pause = min(pause + self._pace.jitter() * pause / 2, LONGEST_WAIT)
                self._lost_seconds += pause
                self._pace.sleep(pause)
                pauses = [] if temporary.stalled else pauses

    def _attempt(self, method: str, url: httpx2.URL | str, options: Any) -> httpx2.Response:
        address, result = self._address, Future[tuple[httpx2.Response, bytes]]()

        def ask() -> None:
            try:
                result.set_result(self._response(method, url, options))
            except Exception as error:  # noqa: BLE001 - it is raised below
                result.set_exception(error)

        # A server that sends single bytes never exceeds a read timeout. An abandoned thread ends
        # with the connection, or with the program.
        Thread(target=ask, daemon=True).start()
        try:
            response, body = result.result(self._pace.slowest)
        except TimeoutError as error:
            slow = address.fault("absent", f"not done after {self._pace.slowest:g} s")
            raise _TemporaryError(slow, stalled=True) from error
        except httpx2.ConnectError as error:
            absent = address.fault("absent", str(error) or "no connection")
            raise absent if address.local else _TemporaryError(absent) from error
        except httpx2.HTTPError as error:
            stalled = isinstance(error, httpx2.TimeoutException)
            why = "no answer in time" if stalled else str(error) or type(error).__name__
            raise _TemporaryError(address.fault("absent", why), stalled=stalled) from error
        self._check(response.status_code, response.headers, body)
        self._retries = len(PAUSES)
        headers = [
            (n, v) for n, v in response.headers.items() if _PASSED_HEADERS.fullmatch(n.lower())
        ]
        return httpx2.Response(200, headers=headers, content=body, request=response.request)

    def _response(
        self, method: str, url: httpx2.URL | str, options: Any
    ) -> tuple[httpx2.Response, bytes]:
        with self.stream(method, url, **options) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise self._address.broken(f"more than {LARGEST:,} bytes")
            return response, bytes(body)

    def _check(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Check that a response is usable.

        Raises:
            ItemError, _TemporaryError: it is not.
        """
        address = self._address
        wait = self._wait(headers)
        text = body[:1000].decode("utf-8", "replace")
        if status in (408, 429) or status >= 500:
            if wait is not None and wait > LONGEST_WAIT:
                raise address.fault("busy", wait)
            raise _TemporaryError(address.refusal(status, text), wait)
        if 300 <= status < 400 and status != 304:
            raise address.fault("foreign", "a redirect (a login page?)")
        if status != 200:
            raise address.refusal(status, text)
        if wait:
            self._not_before = self._pace.clock() + wait
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise address.fault("foreign", "something else (a login page?)")
        if address.local:  # check that it is Zotero, and always the same one
            if headers.get("zotero-api-version", "") != "3":
                raise address.fault("foreign", "a program that does not speak Zotero's API 3")
            server = headers.get("zotero-server-id", "")
            if self._server and server != self._server:
                raise address.fault("restless")
            self._server = server
        try:
            json.loads(body)
        except ValueError as error:
            raise _TemporaryError(address.broken(str(error))) from error
        except RecursionError as error:
            raise address.broken("nested without end") from error

    def _wait(self, headers: Mapping[str, str]) -> float | None:
        """Return how many seconds a server asks to wait, or None if it does not ask."""
        waits = []
        for name in ("backoff", "retry-after"):
            said = headers.get(name, "").strip()
            if re.fullmatch(r"\d{1,9}(?:\.\d*)?", said):
                waits.append(float(said))
            elif (until := _timestamp(said)) is not None:
                then = _timestamp(headers.get("date", ""))
                waits.append(max(until - (self._pace.clock() if then is None else then), 0.0))
        return max(waits, default=None)


def _timestamp(said: str) -> float | None:
    """Return the timestamp of an HTTP date."""
    try:
        return email.utils.parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


_VERSION, _TOTAL = _LIBRARY_STATE = ("last-modified-version", "total-results")

# --- requests -------------------------------------------------------------------------------


class Place(NamedTuple):
    """A library as the API names it."""

    kind: Literal["user", "group"]
    id: int


Rows = list[dict[str, Any]]
_Found = TypeVar("_Found", Rows, dict[str, int])


class Answer(NamedTuple, Generic[_Found]):
    """The content of a response, and the version of the library."""

    found: _Found
    """Rows, or the existing items with the version of their last change."""
    version: int
    """Last-Modified-Version, 0 if missing."""
    headers: Mapping[str, str]


class Service:
    """The requests to one address."""

    def __init__(self, address: Address, pace: Pace) -> None:
        self.address = address
        self._transport = _Transport(address, pace)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def account(self) -> Account:
        """Return the account of the key."""
        zotero = self._zotero(Place("user", 0))
        zotero.client = None
        url, headers = f"{self.address.url}/keys/current", zotero.default_headers()
        found = self._transport.request("GET", url, headers=headers).json()
        try:
            names = [str(found.get(name) or "") for name in ("username", "displayName")]
            return Account(int(found["userID"]), tuple(filter(None, names)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.address.broken("keys/current tells no user") from error

    def groups(self, user: int) -> dict[int, str]:
        """Return the names of a user's groups by number."""
        answer, found = self._all_if_known(Place("user", user), "groups"), {}
        for row in answer.found if answer else ():
            data = row.get("data")
            name = data.get("name") if isinstance(data, dict) else ""
            if not isinstance(row.get("id"), int):
                raise self.address.broken("a group without a number")
            found[row["id"]] = str(name or "")
        return found

    def versions(self, place: Place, since: int, kinds: str = "") -> Answer[dict[str, int]]:
        """Return what changed since a version, including the trash, in a single response."""
        params = {"since": since, "includeTrashed": 1, **({"itemType": kinds} if kinds else {})}
        params |= {"limit": EVERYTHING} if self.address.local else {}
        keys, headers = self._ask(place, "item_versions", params)
        if isinstance(keys, list) and not keys:
            keys = {}  # how PHP encodes an empty map
        if not isinstance(keys, dict) or not all(isinstance(n, int) for n in keys.values()):
            raise self.address.broken("no list of versions")
        self._check_total(headers, len(keys))
        return Answer(keys, _number(headers, _VERSION) or 0, headers)

    def items(self, place: Place, keys: Iterable[str]) -> Iterator[Answer[Rows]]:
        """Yield the existing items with these keys, including the trash."""
        rest = iter(keys)
        while some := ",".join(islice(rest, AT_ONCE)):
            yield self._all(place, "items", itemKey=some, includeTrashed=1)

    def all_of(self, place: Place, kinds: str) -> Answer[Rows]:
        """Return all items of these kinds, including the trash."""
        return self._all(place, "items", itemType=kinds, includeTrashed=1)

    def collections(self, place: Place) -> Answer[Rows] | None:
        """Return all collections. None if the server does not support them."""
        return self._all_if_known(place, "collections")

    def deleted(self, place: Place, since: int) -> frozenset[str]:
        """Return the keys of the items that were erased since a version."""
        found, _ = self._ask(place, "deleted", {"since": since, "limit": None})
        keys = found.get("items") if isinstance(found, dict) else None
        if not isinstance(keys, list):
            raise self.address.broken("no list of what was deleted")
        return frozenset(map(str, keys))

    def _all(self, place: Place, method: str, **params: Any) -> Answer[Rows]:
        """Return all pages of a list, all from one version of the library."""
        params["limit"] = EVERYTHING if self.address.local else PAGE
        for _ in range(TRIES):
            found, headers = self._ask(place, method, params)
            rows, total = self._rows(found), _number(headers, _TOTAL)
            if (total or 0) > MOST:
                raise self.address.broken(f"a list of {total:,} items")
            while total is not None and len(rows) < total and found:
                found, after = self._ask(place, method, {**params, "start": len(rows)})
                if any(_number(after, name) != _number(headers, name) for name in _LIBRARY_STATE):
                    break  # the library changed between two pages
                rows += self._rows(found)
            else:
                self._check_total(headers, len(rows))
                return Answer(rows, _number(headers, _VERSION) or 0, headers)
        raise self.address.fault("restless")

    def _all_if_known(self, place: Place, method: str) -> Answer[Rows] | None:
        """Like `_all`, but return None if the server does not know the resource."""
        try:
            return self._all(place, method)
        except RefusalError as error:
            if error.status == 404:
                return None
            raise

    def _rows(self, found: Any) -> Rows:
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise self.address.broken("no list of items")
        return found

    def _check_total(self, headers: Mapping[str, str], count: int) -> None:
        total = _number(headers, _TOTAL)
        if total is not None and total != count:
            raise self.address.fault("short", count, total)

    def _zotero(self, place: Place) -> Zotero:
        address = self.address
        key, client = address.key or None, self._transport
        zotero = Zotero(place.id, place.kind, key, local=address.local, client=client)
        zotero.endpoint = address.url
        return zotero

    def _ask(
        self, place: Place, method: str, params: dict[str, Any]
    ) -> tuple[Any, Mapping[str, str]]:
        """Return the decoded body of a response, and its headers."""
        zotero = self._zotero(place)
        try:
            found = getattr(zotero, method)(**params)
        except ItemError:
            raise
        except (PyZoteroError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise self.address.broken(str(error)) from error
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self.address.broken(repr(error)) from error
        finally:
            zotero.client = None  # otherwise pyzotero closes the client on deletion
        return found, zotero.request.headers if zotero.request is not None else {}


def _number(headers: Mapping[str, str], name: str) -> int | None:
    said = headers.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else None
