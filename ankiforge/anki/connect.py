"""A running Anki, through its add-on AnkiConnect: JSON over HTTP.

    ServiceError         it answers, and will not or cannot; the hint says what to do
      ├── AbsentError        nobody answers: Anki is closed, or has no AnkiConnect
      └── UnsupportedError   the add-on is too old for this action

Nothing is tried twice. Files are read and written by Anki itself, so both must see the same
folders. What the other side says is cut short, made fit to print, and freed of the key before
anybody sees it.
"""

from __future__ import annotations

import json
import pickletools
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import msgspec

from ankiforge.anki.notetypes import note_type
from ankiforge.errors import ServiceError
from ankiforge.model import Family

_T = TypeVar("_T")
_API_VERSION = 6
_CONNECT_SECONDS = 3.0
_LONG_SECONDS = 600.0
"""For an import, an export, a synchronisation: Anki may be at it for minutes."""
_BATCH = 2000
"""Ids in one request: the add-on takes it in by the kilobyte, and Anki's window stands still."""
MAX_ANSWER = 64_000_000
"""Bytes of one answer: the ids of four million cards."""
_MAX_WORDS = 300
_ADD_ON = "its add-on AnkiConnect (Tools › Add-ons › Get Add-ons…, code 2055492159)"
_CONFIG = "Tools › Add-ons › AnkiConnect › Config"
_SAME_FOLDERS = (
    "Anki must see the same folders as ankiforge: on this computer, and not shut in a sandbox"
    " (Flatpak, Snap)"
)


class AbsentError(ServiceError):
    """Nobody answers: Anki is closed, or lacks the add-on."""


class UnsupportedError(ServiceError):
    """The add-on does not know this action."""


class AnkiConnect:
    """AnkiConnect at an address; `key` is its API key, never shown, from the variable `key_env`.

    `timeout` is the seconds one action may take; imports, exports and `sync` have ten minutes.

    Every method raises ServiceError when it does not get what it is here for.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        timeout: float = 30.0,
        *,
        key_env: str = "ANKICONNECT_KEY",
    ) -> None:
        self.address = address
        self._key = key
        self._key_env = key_env
        self._timeout = timeout
        # no proxy, no redirect, no `Origin` (only web pages have one)
        self._http = httpx2.Client(
            trust_env=False,
            verify=address.startswith("https:"),  # reading certificates takes longer than a request
            headers={"Connection": "close"},
        )

    # --- actions ------------------------------------------------------------------------------

    def check(self) -> None:
        """Make sure that AnkiConnect lets us in and is new enough.

        Whether a profile is open is not known yet: the first search shows it.
        """
        permission = "granted"
        with suppress(UnsupportedError):
            answer = self._ask("requestPermission", dict[str, Any])
            permission = answer.get("permission", "")
        if permission != "granted":
            raise ServiceError(
                f"AnkiConnect at {self.address} denied permission",
                hint="in Anki: Tools › Add-ons › AnkiConnect › Config, look at ignoreOriginList"
                " and webCorsOriginList",
            )
        version = self._ask("version", int)
        if version < _API_VERSION:
            raise ServiceError(
                f"AnkiConnect at {self.address} speaks version {version} of its API,"
                f" {_API_VERSION} is needed",
                hint="in Anki: Tools › Add-ons › Check for Updates",
            )

    def active_profile(self) -> str:
        """Return the name of the open profile, "" if the add-on is too old to tell."""
        try:
            return self._ask("getActiveProfile", str)
        except UnsupportedError:
            return ""

    def sync(self) -> None:
        """Have Anki begin to synchronise; without a login its window asks for one.

        The answer may come before it is done.
        """
        self._ask("sync", object, seconds=_LONG_SECONDS)

    def import_package(self, path: Path) -> None:
        """Import a package, with the add-on's own options (merged note types, scheduling).

        That it says so proves nothing: look at what Anki has afterwards.
        """
        given = {"path": str(path.absolute())}
        if not self._ask("importPackage", bool, given, _LONG_SECONDS, _SAME_FOLDERS):
            raise ServiceError(f"Anki did not import {path}", hint=_SAME_FOLDERS)

    def export_package(self, deck: str, path: Path) -> None:
        """Export a deck with its subdecks to an `.apkg`, with scheduling.

        A note comes with all its cards, also those in other decks; a card that is in a filtered
        deck now comes only with that one.
        """
        given = {"deck": deck, "path": str(path.absolute()), "includeSched": True}
        if not self._ask("exportPackage", bool, given, _LONG_SECONDS, _SAME_FOLDERS):
            raise ServiceError(
                f"Anki did not export the deck {deck}", hint="was it renamed just now? try again"
            )
        if not path.is_file():
            what = f"Anki exported to {path}, but nothing is there"
            raise ServiceError(what, hint=_SAME_FOLDERS)

    def suspend(self, cards: Iterable[int]) -> None:
        """Suspend cards; fails if one of them does not exist."""
        for batch in _batches(cards):
            self._ask("suspend", object, {"cards": batch})

    def unsuspend(self, cards: Iterable[int]) -> None:
        """Unsuspend those of these cards that exist and are suspended."""
        for batch in _batches(cards):
            if suspended := self.find_cards(f"cid:{','.join(map(str, batch))} is:suspended"):
                self._ask("unsuspend", object, {"cards": suspended})

    def find_notes(self, query: str) -> tuple[int, ...]:
        """Return the ids of the notes that an Anki search finds."""
        return self._ask("findNotes", tuple[int, ...], {"query": query})

    def find_cards(self, query: str) -> tuple[int, ...]:
        """Return the ids of the cards that an Anki search finds."""
        return self._ask("findCards", tuple[int, ...], {"query": query})

    def decks_of(self, query: str) -> tuple[str, ...]:
        """Return the decks in which the cards found are now, filtered ones too."""
        decks: set[str] = set()
        for batch in _batches(self.find_cards(query)):
            decks |= self._ask("getDecks", dict[str, Any], {"cards": batch}).keys()
        return tuple(sorted(decks))

    # --- one request --------------------------------------------------------------------------

    def _ask(
        self,
        action: str,
        shape: type[_T],
        params: dict[str, Any] | None = None,
        seconds: float = 0.0,
        hint: str = "",
    ) -> _T:
        """Return the result of one action; `hint` is for refusals in Anki's own words."""
        request = {"action": action, "version": _API_VERSION, "params": params or {}}
        if self._key:
            request["key"] = self._key
        status, raw = self._post(request, action, seconds or self._timeout)
        if status == httpx2.codes.FORBIDDEN:
            raise ServiceError(
                f"{self.address} refused access (HTTP {status})",
                hint="AnkiConnect shuts out web pages only: does a proxy or another program answer"
                f" there? see webBindPort and webCorsOriginList in {_CONFIG}",
            )
        if status != httpx2.codes.OK:
            raise self._stranger(f"HTTP {status}")
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self._stranger("not JSON") from error
        if not isinstance(answer, dict) or not {"result", "error"} <= answer.keys():
            raise self._stranger("an answer of another shape")
        if answer["error"] is not None:
            raise self._refusal(action, self._plain(answer["error"]), hint)
        try:
            result: _T = msgspec.convert(answer["result"], shape)
        except msgspec.ValidationError as error:
            raise ServiceError(
                f"AnkiConnect at {self.address} gave an unusable answer to {action}",
                hint="is a profile open in Anki? then update the add-on: Tools › Add-ons",
            ) from error
        return result

    def _post(self, request: dict[str, Any], action: str, seconds: float) -> tuple[int, bytes]:
        deadline = time.monotonic() + seconds
        timeout = httpx2.Timeout(seconds, connect=_CONNECT_SECONDS)
        answer = bytearray()
        try:
            with self._http.stream("POST", self.address, json=request, timeout=timeout) as response:
                for part in response.iter_bytes():
                    answer += part
                    if len(answer) > MAX_ANSWER:
                        raise self._stranger("an endless answer")
                    if time.monotonic() > deadline:
                        raise httpx2.ReadTimeout("too slow")
        except (
            httpx2.ConnectError,
            httpx2.ConnectTimeout,
            httpx2.InvalidURL,
            httpx2.UnsupportedProtocol,
            httpx2.LocalProtocolError,
        ) as error:
            raise AbsentError(
                f"no Anki answers at {self.address} ({self._plain(error)})",
                hint=f"open Anki; it needs {_ADD_ON}",
            ) from error
        except httpx2.TimeoutException as error:
            raise ServiceError(
                f"Anki at {self.address} did not finish {action} within {seconds:g} s",
                hint="it is busy or shows a dialog: check its window, then try again",
            ) from error
        except httpx2.HTTPError as error:
            closed = re.search("disconnected|closed", str(error))
            if isinstance(error, httpx2.NetworkError) or closed:
                raise ServiceError(
                    f"Anki at {self.address} closed the connection during {action}",
                    hint="was it closed? open it and try again; or another program answers there:"
                    f" see webBindPort in {_CONFIG}",
                ) from error
            raise self._stranger("not HTTP") from error
        return response.status_code, bytes(answer)

    def _refusal(self, action: str, words: str, hint: str) -> ServiceError:
        lower = words.lower()
        if "unsupported action" in lower:
            return UnsupportedError(
                f"AnkiConnect at {self.address} is too old: it does not know {action}",
                hint="in Anki: Tools › Add-ons › Check for Updates",
            )
        if "not available" in lower:
            return ServiceError(
                f"no profile is open in Anki at {self.address}",
                hint="open your profile in Anki's window, close its dialogs, and try again",
            )
        if "valid api key" not in lower:
            return ServiceError(f"Anki refuses {action}: {words}", hint=hint)
        if self._key:
            return ServiceError(
                f"the key in {self._key_env} is not that of AnkiConnect at {self.address}",
                hint=f"set it to the apiKey of {_CONFIG}, or to nothing if apiKey is null",
            )
        hint = f"put the apiKey of {_CONFIG} into the environment variable {self._key_env}"
        if not self._key_env:
            hint = (
                f"put the apiKey of {_CONFIG} into an environment variable NAME, write"
                " `key_env: NAME` under `anki:` in ankiforge.yaml, then: ankiforge init --trust DIR"
            )
        return ServiceError(f"AnkiConnect at {self.address} requires its key", hint=hint)

    def _stranger(self, what: str) -> ServiceError:
        return ServiceError(
            f"the server at {self.address} is not AnkiConnect ({what})",
            hint=f"set anki.connect in ankiforge.yaml to the address of AnkiConnect; its port is"
            f" webBindPort in {_CONFIG}",
        )

    def _plain(self, words: object) -> str:
        """Return what others said as one short line without the key."""
        text = str(words).replace(self._key, "…") if self._key else str(words)
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line[:_MAX_WORDS]


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    every = list(numbers)
    return (every[at : at + _BATCH] for at in range(0, len(every), _BATCH))


# --- exporting all that is ours -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export_all` brought; the same note may stand in several packages."""

    paths: tuple[Path, ...]
    decks: tuple[str, ...]
    """What each package was exported from."""
    notes: frozenset[int]
    """The ids of all notes that look like ours, read after the exports.

    A view is complete only if the packages hold every one: a note without cards is in none, a
    card may have moved or come while the exports were made.
    """


def ours() -> str:
    """Return the Anki search for notes that may be ours: by field, by type, by its id."""
    types = [note_type(family) for family in Family]
    by_type = [f'"note:{one.name}*" OR mid:{one.id}' for one in types]
    return " OR ".join(["AnkiforgeId:af1*", *by_type])


def export_all(connect: AnkiConnect, folder: Path) -> Exported:
    """Export every deck with notes of ours, with scheduling, by as few packages as will do.

    Several decks below one parent are exported with the parent, if at least half of the cards
    there are ours: each export takes Anki a moment, and takes the pictures of all its cards along.
    """
    holding = frozenset(connect.decks_of(ours()))
    children = Counter(parent for deck in holding for parent in _parents(deck))
    decks: list[str] = []
    for deck in sorted({*holding, *children}):  # a parent comes before what is below it
        if not set(decks).isdisjoint(_parents(deck)):
            continue
        if deck in holding or (children[deck] > 1 and _is_mostly_ours(connect, deck)):
            decks.append(deck)
    paths = tuple(folder / f"deck-{number}.apkg" for number in range(1, len(decks) + 1))
    for deck, path in zip(decks, paths, strict=True):
        connect.export_package(deck, path)
    return Exported(paths, tuple(decks), frozenset(connect.find_notes(ours())))


def _parents(deck: str) -> Iterator[str]:
    parts = deck.split("::")
    return ("::".join(parts[:end]) for end in range(1, len(parts)))


def _is_mostly_ours(connect: AnkiConnect, deck: str) -> bool:
    pattern = re.sub(r'(["*_\\])', r"\\\1", deck)  # these mean more than themselves in a search
    inside = f'"deck:{pattern}"'
    found = connect.find_cards(f"{inside} ({ours()})")
    return len(connect.find_cards(inside)) <= 2 * len(found)


# --- sync accounts --------------------------------------------------------------------------


def has_account(collections: Iterable[Path], profile: str = "") -> bool | None:
    """Return whether a profile is logged in to a sync server; None if that is unknown.

    Read from Anki's preferences: pickles, which are parsed but never run; the key itself is
    neither kept nor shown. Without this, a sync without an account leaves a dialog open in Anki.

    Args:
        collections: of the profiles on this machine.
        profile: its name; "" if that is not known.
    """
    found: set[bool] = set()
    for base in {path.parent.parent for path in collections}:
        preferences = base / "prefs21.db"
        rows: list[tuple[object, object]] = []
        with suppress(sqlite3.Error, OSError):
            address = f"{preferences.resolve(strict=True).as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, uri=True)) as database:
                rows = database.execute("SELECT name, data FROM profiles").fetchall()
        for name, data in rows:
            if name != "_global" and profile in ("", str(name)) and isinstance(data, bytes):
                with suppress(ValueError):  # no pickle
                    found.add(_has_sync_key(data))
    return found.pop() if len(found) == 1 else None


def _has_sync_key(pickled: bytes) -> bool:
    follows = False
    for code, value, _ in pickletools.genops(pickled):
        if follows and not ("PUT" in code.name or code.name == "MEMOIZE"):
            return bool(value) and "UNICODE" in code.name
        follows = follows or value == "syncKey"
    return False
