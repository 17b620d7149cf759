"""The transport below pyzotero: it waits, tries again, and hands up none but sound answers.

pyzotero itself tries nothing again but a 429, sleeps as long as a server likes, and takes the
login page of a hotel for data. So what it gets from here is a 200 with JSON, or an ItemError;
headers that would make it sleep end here.
"""

from __future__ import annotations

import email.utils
import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

import httpx2

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.address import Address

PAUSES = (1.0, 2.0, 4.0)
"""Seconds before each further try, and up to half as much again."""
LONGEST_WAIT = 60.0
"""A server that asks for more is asked another day."""
LARGEST = 256 << 20
"""Bytes of one answer."""
SLOWEST = 90.0
"""Seconds for one whole answer, a letter now and then as well as none at all."""
ENOUGH = 180.0
"""Seconds of one run that may pass with faults and with the rests that a server asks for."""
_KEPT = re.compile(r"content-type|last-modified-version|total-results|(?:x-)?zotero-.*")


@dataclass(frozen=True, slots=True)
class Pace:
    """Time, as far as waiting needs it; tests bring their own."""

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random
    silence: float = 30.0
    """The longest silence of a server, in seconds."""
    slowest: float = SLOWEST
    """The longest that it may be answering."""


_Told = TypeVar("_Told")


class _PassingError(Exception):
    """A fault that may pass."""

    def __init__(
        self, told: ItemError, after: float | None = None, *, stalled: bool = False
    ) -> None:
        super().__init__(told.message)
        self.told = told
        self.after = after
        """The rest the server asks for."""
        self.stalled = stalled
        """It took long already: one more try is enough."""


class Wire(httpx2.Client):
    """Asks one address."""

    def __init__(self, address: Address, pace: Pace) -> None:
        super().__init__(
            follow_redirects=False,
            trust_env=not address.loopback,
            timeout=httpx2.Timeout(pace.silence, connect=min(pace.silence, 10.0)),
            verify=address.url.startswith("https:"),  # reading certificates takes a while
        )
        self._address = address
        self._pace = pace
        self._not_before = 0.0
        self._lost = 0.0
        """Seconds that faults and rests took."""
        self._patience = len(PAUSES)
        self._server = ""

    def request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Response:
        """A 200 with JSON, sooner or later.

        Raises:
            ItemError: there is none to be had.
        """
        options["timeout"] = self.timeout
        pauses = list(PAUSES[: self._patience])
        while True:
            self._wait_as_told()
            begun = self._pace.clock()
            try:
                return self._once(method, url, options)
            except _PassingError as fault:
                self._lost += self._pace.clock() - begun
                pause = pauses.pop(0) if pauses else None
                if pause is None or not self._rests(pause if fault.after is None else fault.after):
                    self._patience = 0  # the next library may fare better, but waits no more
                    raise fault.told from fault
                pauses = [] if fault.stalled else pauses

    def _rests(self, seconds: float) -> bool:
        """Rest as long; False if there was enough of it."""
        if self._lost + seconds > ENOUGH:
            return False
        wait = min(seconds + self._pace.jitter() * seconds / 2, LONGEST_WAIT)
        self._lost += wait
        self._pace.sleep(wait)
        return True

    # --- one try ----------------------------------------------------------------------------

    def _once(self, method: str, url: httpx2.URL | str, options: Any) -> httpx2.Response:
        try:
            response, body = self._in_time(lambda: self._answer(method, url, options))
        except httpx2.ConnectError as error:
            absent = self._address.absent(str(error) or "no connection")
            raise absent if self._address.local else _PassingError(absent) from error
        except httpx2.HTTPError as error:
            stalled = isinstance(error, httpx2.TimeoutException)
            why = "no answer in time" if stalled else str(error) or type(error).__name__
            raise _PassingError(self._address.absent(why), stalled=stalled) from error
        self._judge(response.status_code, response.headers, body)
        self._patience = len(PAUSES)
        headers = [(n, v) for n, v in response.headers.items() if _KEPT.fullmatch(n.lower())]
        return httpx2.Response(200, headers=headers, content=body, request=response.request)

    def _answer(
        self, method: str, url: httpx2.URL | str, options: Any
    ) -> tuple[httpx2.Response, bytes]:
        with self.stream(method, url, **options) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise self._address.broken(f"more than {LARGEST:,} bytes")
            return response, bytes(body)

    def _in_time(self, ask: Callable[[], _Told]) -> _Told:
        """What is told, if that is soon: a letter a second is never silence, and never an end.

        The thread that is left to itself ends with the connection, or with the program.
        """
        told: list[_Told] = []
        faults: list[Exception] = []

        def errand() -> None:
            try:
                told.append(ask())
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked for
                faults.append(error)

        thread = Thread(target=errand, daemon=True)
        thread.start()
        thread.join(self._pace.slowest)
        for fault in faults:
            raise fault
        if not told:
            slow = self._address.absent(f"not done after {self._pace.slowest:g} s")
            raise _PassingError(slow, stalled=True)
        return told[0]

    def _judge(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Pass what can be used.

        Raises:
            ItemError, _PassingError: it cannot.
        """
        wait = self._wait_of(headers)
        text = body[:1000].decode("utf-8", "replace")
        if status in (408, 429) or status >= 500:
            if wait is not None and wait > LONGEST_WAIT:
                raise self._address.busy(wait)
            raise _PassingError(self._address.failing(status, text), wait)
        if 300 <= status < 400 and status != 304:
            raise self._address.foreign("a redirect (a login page?)")
        if status != 200:
            raise self._address.refusal(status, text)
        if wait:
            self._not_before = self._pace.clock() + wait
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise self._address.foreign("something else (a login page?)")
        if self._address.local:
            self._check_zotero(headers)
        self._check_json(body)

    def _check_zotero(self, headers: Mapping[str, str]) -> None:
        """Whether the Zotero of this machine speaks, the same all the time."""
        if headers.get("zotero-api-version", "") != "3":
            raise self._address.foreign("a program that does not speak Zotero's API 3")
        server = headers.get("zotero-server-id", "")
        if self._server and server != self._server:
            raise self._address.restless()
        self._server = server

    def _check_json(self, body: bytes) -> None:
        try:
            json.loads(body)
        except ValueError as error:
            raise _PassingError(self._address.broken(str(error))) from error
        except RecursionError as error:
            raise self._address.broken("nested without end") from error

    # --- waiting ----------------------------------------------------------------------------

    def _wait_as_told(self) -> None:
        """The rest that the last good answer asked for."""
        wait = self._not_before - self._pace.clock()
        if wait > LONGEST_WAIT or self._lost + max(wait, 0.0) > ENOUGH:
            raise self._address.busy(wait) if wait > 0 else self._address.slow(self._lost)
        if wait > 0:
            self._lost += wait
            self._pace.sleep(wait)

    def _wait_of(self, headers: Mapping[str, str]) -> float | None:
        """Seconds of rest it asks for, as a number or as a date; None if it does not."""
        said = [headers.get(name, "").strip() for name in ("backoff", "retry-after")]
        waits = [self._seconds(one, headers.get("date", "")) for one in said if one]
        return max((wait for wait in waits if wait is not None), default=None)

    def _seconds(self, said: str, now: str) -> float | None:
        if re.fullmatch(r"\d{1,9}(?:\.\d*)?", said):
            return float(said)
        until, then = _moment(said), _moment(now)
        if until is None:
            return None
        return max(until - (self._pace.clock() if then is None else then), 0.0)


def _moment(said: str) -> float | None:
    """The time an HTTP date means."""
    try:
        return email.utils.parsedate_to_datetime(said).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
