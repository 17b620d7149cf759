"""Client of AnkiConnect, the add-on that controls a running Anki by JSON over HTTP.

    ServiceError             Anki answered with a refusal or failed; the hint says what to do
      ├── AbsentError        no answer: Anki is closed, or the add-on is missing
      └── UnsupportedError   the add-on is too old for this action

Nothing is retried. Anki itself reads and writes the files, so both programs must see the same
folders. Foreign text in messages is shortened, made printable, and stripped of the API key.
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
"""The time limit for an import, an export or a sync, which can take Anki minutes."""
_BATCH_SIZE = 2000
"""Ids in one request. The add-on reads requests in small chunks, and blocks Anki's window
meanwhile."""
MAX_ANSWER = 64_000_000
"""The maximum size of a response in bytes: the ids of four million cards."""
_MAX_MESSAGE = 300
_ADD_ON = "its add-on AnkiConnect (Tools › Add-ons › Get Add-ons…, code 2055492159)"
_CONFIG_MENU = "Tools › Add-ons › AnkiConnect › Config"
_SAME_FOLDERS = (
    "Anki must run on this computer and see the same folders as ankiforge, so not in a sandbox"
    " (Flatpak, Snap)"
)


class AbsentError(ServiceError):
    """There is no answer: Anki is closed, or lacks the add-on."""


class UnsupportedError(ServiceError):
    """The add-on does not know this action."""


class AnkiConnect:
    """AnkiConnect at an address.

    `key` is its API key, which is never shown; `key_env` is the variable it was read from.
    `timeout` is the time limit of one action in seconds. Imports, exports and `sync` have ten
    minutes.

    Every method raises ServiceError if the action fails.
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
        # no proxy, no redirects, no `Origin` (only web pages send one)
        self._http = httpx2.Client(
            trust_env=False,
            verify=address.startswith("https:"),  # loading certificates takes longer than a request
            headers={"Connection": "close"},
        )

    # --- actions ------------------------------------------------------------------------------

    def check(self) -> None:
        """Check that AnkiConnect grants access and is new enough.

        This does not tell whether a profile is open. The first search does.
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
        """Return the name of the open profile, or "" if the add-on is too old to report it."""
        try:
            return self._ask("getActiveProfile", str)
        except UnsupportedError:
            return ""

    def sync(self) -> None:
        """Start a sync. Without a login, Anki asks for one in its window.

        The call may return before the sync has finished.
        """
        self._ask("sync", object, seconds=_LONG_SECONDS)

    def import_package(self, path: Path) -> None:
        """Import a package with the add-on's own options (note types merged, scheduling included).

        A success reported by Anki proves nothing: check afterwards what the collection contains.
        """
        given = {"path": str(path.absolute())}
        if not self._ask("importPackage", bool, given, _LONG_SECONDS, _SAME_FOLDERS):
            raise ServiceError(f"Anki did not import {path}", hint=_SAME_FOLDERS)

    def export_package(self, deck: str, path: Path) -> None:
        """Export a deck and its subdecks to an `.apkg`, with scheduling.

        A note is exported with all its cards, even those in other decks. A card that is currently
        in a filtered deck is exported only with that deck.
        """
        given = {"deck": deck, "path": str(path.absolute()), "includeSched": True}
        if not self._ask("exportPackage", bool, given, _LONG_SECONDS, _SAME_FOLDERS):
            raise ServiceError(
                f"Anki did not export the deck {deck}", hint="was it just renamed? try again"
            )
        if not path.is_file():
            what = f"Anki exported to {path}, but nothing is there"
            raise ServiceError(what, hint=_SAME_FOLDERS)

    def suspend(self, cards: Iterable[int]) -> None:
        """Suspend cards. Fails if one of them does not exist."""
        for batch in _batches(cards):
            self._ask("suspend", object, {"cards": batch})

    def unsuspend(self, cards: Iterable[int]) -> None:
        """Unsuspend those of the given cards that exist and are suspended."""
        for batch in _batches(cards):
            if suspended := self.find_cards(f"cid:{','.join(map(str, batch))} is:suspended"):
                self._ask("unsuspend", object, {"cards": suspended})

    def find_notes(self, query: str) -> tuple[int, ...]:
        """Return the ids of the notes that match an Anki search."""
        return self._ask("findNotes", tuple[int, ...], {"query": query})

    def find_cards(self, query: str) -> tuple[int, ...]:
        """Return the ids of the cards that match an Anki search."""
        return self._ask("findCards", tuple[int, ...], {"query": query})

    def decks_of(self, query: str) -> tuple[str, ...]:
        """Return the current decks of the cards that match, including filtered decks."""
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
        """Return the result of one action. `hint` is for refusals in Anki's own words."""
        request = {"action": action, "version": _API_VERSION, "params": params or {}}
        if self._key:
            request["key"] = self._key
        status, raw = self._post(request, action, seconds or self._timeout)
        if status == httpx2.codes.FORBIDDEN:
            raise ServiceError(
                f"{self.address} refused access (HTTP {status})",
                hint="AnkiConnect refuses only web pages: does a proxy or another program answer"
                f" there? see webBindPort and webCorsOriginList in {_CONFIG_MENU}",
            )
        if status != httpx2.codes.OK:
            raise self._not_anki_connect(f"HTTP {status}")
        try:
            answer = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise self._not_anki_connect("not JSON") from error
        if not isinstance(answer, dict) or not {"result", "error"} <= answer.keys():
            raise self._not_anki_connect("an answer of another shape")
        if answer["error"] is not None:
            raise self._refusal(action, self._one_line(answer["error"]), hint)
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
                        raise self._not_anki_connect("an endless answer")
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
                f"no Anki answers at {self.address}: {self._one_line(error)}",
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
                    f" see webBindPort in {_CONFIG_MENU}",
                ) from error
            raise self._not_anki_connect("not HTTP") from error
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
                hint=f"set it to the apiKey of {_CONFIG_MENU}, or to nothing if apiKey is null",
            )
        hint = f"put the apiKey of {_CONFIG_MENU} into the environment variable {self._key_env}"
        if not self._key_env:
            hint = (
                f"put the apiKey of {_CONFIG_MENU} into an environment variable NAME, write"
                " `key_env: NAME` under `anki:` in ankiforge.yaml, then: ankiforge init --trust DIR"
            )
        return ServiceError(f"AnkiConnect at {self.address} requires its key", hint=hint)

    def _not_anki_connect(self, what: str) -> ServiceError:
        return ServiceError(
            f"the server at {self.address} is not AnkiConnect ({what})",
            hint=f"set anki.connect in ankiforge.yaml to the address of AnkiConnect; its port is"
            f" webBindPort in {_CONFIG_MENU}",
        )

    def _one_line(self, words: object) -> str:
        """Return a foreign message as one short printable line without the key."""
        text = str(words).replace(self._key, "…") if self._key else str(words)
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return re.sub(r"^\[Errno -?\d+\] ", "", line)[:_MAX_MESSAGE]


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    every = list(numbers)
    return (every[at : at + _BATCH_SIZE] for at in range(0, len(every), _BATCH_SIZE))


# --- exporting all that is ours -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of `export_all`. A note may be in several packages."""

    paths: tuple[Path, ...]
    decks: tuple[str, ...]
    """The exported deck of each package."""
    notes: frozenset[int]
    """The ids of all notes that look like ours, read after the exports.

    The exports are a complete view only if they contain every one of these. A note without cards is
    in no package, and a card may have been moved or added during the exports.
    """


def ours() -> str:
    """Return the Anki search for notes that may be ours: by field, by type name, by type id."""
    types = [note_type(family) for family in Family]
    by_type = [f'"note:{kind.name}*" OR mid:{kind.id}' for kind in types]
    return " OR ".join(["AnkiforgeId:af1*", *by_type])


def export_all(connect: AnkiConnect, folder: Path) -> Exported:
    """Export all decks that contain our notes, with scheduling, in as few packages as reasonable.

    Several decks with a common parent are exported with the parent if at least half of the cards
    there are ours. Each export takes Anki a moment, and includes the media of all its cards.
    """
    holding = frozenset(connect.decks_of(ours()))
    children = Counter(parent for deck in holding for parent in _parents(deck))
    decks: list[str] = []
    for deck in sorted({*holding, *children}):  # a parent comes before its subdecks
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
    pattern = re.sub(r'(["*_\\])', r"\\\1", deck)  # special characters of a search
    inside = f'"deck:{pattern}"'
    found = connect.find_cards(f"{inside} ({ours()})")
    return len(connect.find_cards(inside)) <= 2 * len(found)


# --- sync accounts --------------------------------------------------------------------------


def has_account(collections: Iterable[Path], profile: str = "") -> bool | None:
    """Return whether a profile is logged in to a sync server, or None if that is unknown.

    This is read from Anki's preferences: pickles, which are parsed but never executed. The sync key
    itself is neither kept nor shown. Without this check, a sync without an account would leave a
    dialog open in Anki.

    Args:
        collections: the collections of the profiles on this computer.
        profile: the profile's name, or "" if it is not known.
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
                with suppress(ValueError):  # not a pickle
                    found.add(_has_sync_key(data))
    return found.pop() if len(found) == 1 else None


def _has_sync_key(pickled: bytes) -> bool:
    follows = False
    for code, value, _ in pickletools.genops(pickled):
        if follows and not ("PUT" in code.name or code.name == "MEMOIZE"):
            return bool(value) and "UNICODE" in code.name
        follows = follows or value == "syncKey"
    return False
