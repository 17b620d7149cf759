"""Client of AnkiConnect, the add-on that controls a running Anki by JSON over HTTP.

Nothing is retried. Anki itself reads and writes the files, so both programs must see the
same folders. Foreign text in messages is shortened, made printable, and stripped of the
API key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import httpx2
import msgspec

from ankiforge.anki.notetypes import OUR_FAMILIES, our_note_type
from ankiforge.config.http import BoundedClient, TooLargeError, without_secret
from ankiforge.errors import ServiceError
from ankiforge.model import RETIRED, CardId, Json, NoteId

_T = TypeVar("_T")
_API_VERSION = 6
_CONNECT_SECONDS = 3.0
# The time limit for an import, an export or a sync, which can take Anki minutes.
_LONG_SECONDS = 600.0
# The ids of a million cards take 14 MB.
_LARGEST_ANSWER = 64_000_000
_MAX_MESSAGE = 300
_ADD_ON = "its add-on AnkiConnect (Tools › Add-ons › Get Add-ons…, code 2055492159)"
_CONFIG_MENU = "Tools › Add-ons › AnkiConnect › Config"
_SAME_FOLDERS = (
    "Anki must run on this computer and see the same folders as ankiforge, so not in a sandbox"
    " (Flatpak, Snap)"
)
_UNREACHED = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.InvalidURL,
    httpx2.UnsupportedProtocol,
    UnicodeError,  # a host with an empty or very long part
)


class UnsupportedError(ServiceError):
    """The add-on does not know this action."""


class AnkiConnect:
    """AnkiConnect at an address.

    `key` is its API key, which is never shown; `key_env` is the variable it was read
    from.
    `timeout` is the time limit of one action in seconds. Imports, exports and `sync` have
    ten minutes.

    Every method raises ServiceError if the action fails.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        timeout: float = 30.0,
        *,
        key_env: str = "",
    ) -> None:
        self.address = address
        self._key = key
        self._key_env = key_env
        self._timeout = timeout
        self._http = self._client()

    def _client(self) -> BoundedClient:
        """Return a client: no proxy, no redirects, no `Origin` (only web pages send one)."""
        return BoundedClient(
            trust_env=False,
            # loading certificates takes longer than a request
            verify=self.address.startswith("https:"),
            headers={"Connection": "close"},
        )

    # --- actions ------------------------------------------------------------------------

    def check(self) -> None:
        """Check that AnkiConnect grants access.

        This does not tell whether a profile is open. The first search does.
        """
        with suppress(UnsupportedError):
            answer = self._ask("requestPermission", Json)
            if answer.get("permission") != "granted":
                origins = "ignoreOriginList and webCorsOriginList"
                raise ServiceError(
                    f"AnkiConnect at {self.address} denied permission",
                    hint=f"in Anki: {_CONFIG_MENU}, look at {origins}",
                )

    def version(self) -> int:
        """Return the version of its interface, 6 since 2017; 0 if nothing answers there."""
        try:
            return self._ask("version", int)
        except ServiceError as error:
            if isinstance(error.__cause__, _UNREACHED):
                return 0
            raise

    def active_profile(self) -> str:
        """Return the name of the open profile, or "" if the add-on is too old to report it."""
        try:
            return self._ask("getActiveProfile", str)
        except UnsupportedError:
            return ""

    def sync(self) -> bool:
        """Start a sync, which may go on after the call. Return whether Anki is logged in.

        An old add-on shows the dialog to log in instead of telling.
        """
        try:
            self._ask("sync", object, seconds=_LONG_SECONDS)
        except ServiceError as error:
            if "auth" not in error.message.casefold():
                raise
            return False
        return True

    def import_package(self, path: Path) -> None:
        """Import a package with the add-on's own options (note types merged, scheduling included).

        A success reported by Anki proves nothing: check afterwards what the collection
        contains.
        """
        imported = self._ask(
            "importPackage",
            bool,
            {"path": str(path.absolute())},
            seconds=_LONG_SECONDS,
            hint=_SAME_FOLDERS,
        )
        if not imported:
            raise ServiceError(f"Anki did not import {path}", hint=_SAME_FOLDERS)

    def export(
        self,
        folder: Path,
        others: Iterable[NoteId] = (),
    ) -> tuple[tuple[Path, ...], frozenset[NoteId]]:
        """Export the decks that contain our notes, with scheduling, and their subdecks.

        A note is exported with all its cards, even those in other decks. A card that is
        currently in a filtered deck is exported only with that deck.

        Args:
            folder: where the packages are written.
            others: the ids of our notes in note types that are not ours.

        Returns:
            The packages, and the ids of all notes that look like ours, read after the
            exports. The packages are a complete view only if they contain every one of
            these: a note without cards is in no package, and a card may have been moved
            or added during the exports.
        """
        # notes that may be ours: by field, tag, name and id of the type, and those others
        conditions = ["AnkiforgeId:af1*", "tag:ankiforge::*"]
        for family in OUR_FAMILIES:
            kind = our_note_type(family)
            conditions.append(f'"note:{kind.name}*" OR mid:{kind.id}')
        ids = ",".join(map(str, others))
        conditions.append(f"nid:{ids or 0}")
        search = " OR ".join(conditions)
        cards = self._find("findCards", search)
        decks: set[str] = set()
        if cards:
            decks = set(self._ask("getDecks", Json, {"cards": cards}))
        packages: list[Path] = []
        for deck in sorted(decks):
            above = [deck[: colons.start()] for colons in re.finditer("::", deck)]
            if not decks.isdisjoint(above):
                continue
            path = folder / f"deck-{len(packages) + 1}.apkg"
            exported = self._ask(
                "exportPackage",
                bool,
                {"deck": deck, "path": str(path.absolute()), "includeSched": True},
                seconds=_LONG_SECONDS,
                hint=_SAME_FOLDERS,
            )
            if not exported:
                message = f"Anki did not export the deck {deck}"
                raise ServiceError(message, hint="was it just renamed? try again")
            if not path.is_file():
                message = f"Anki exported to {path}, but nothing is there"
                raise ServiceError(message, hint=_SAME_FOLDERS)
            packages.append(path)
        return tuple(packages), frozenset(self._find("findNotes", search))

    def retired_cards(self) -> tuple[CardId, ...]:
        """Return the ids of cards of retired notes that are not suspended."""
        return tuple(sorted(self._find("findCards", f"tag:{RETIRED} -is:suspended")))

    def suspend(self, cards: Iterable[CardId]) -> None:
        """Suspend cards. Fails if one of them does not exist."""
        self._ask("suspend", object, {"cards": list(cards)})

    def unsuspend(self, cards: Iterable[CardId]) -> None:
        """Unsuspend those of the given cards that exist and are suspended."""
        ids = ",".join(map(str, cards))
        if not ids:
            return
        suspended = self._find("findCards", f"cid:{ids} is:suspended")
        if suspended:
            self._ask("unsuspend", object, {"cards": suspended})

    def clear_flag(self, cards: Iterable[CardId]) -> None:
        """Take the flag from cards."""
        for card in cards:
            params = {"card": card, "keys": ["flags"], "newValues": [0]}
            self._ask("setSpecificValueOfCard", object, params)

    def forget(self, cards: Iterable[CardId]) -> None:
        """Make cards new again; their log stays."""
        self._ask("forgetCards", object, {"cards": list(cards)})

    # --- one request --------------------------------------------------------------------

    def _find(self, action: str, query: str) -> tuple[int, ...]:
        """Return the ids of the notes or cards that match an Anki search."""
        return self._ask(action, tuple[int, ...], {"query": query})

    def _ask(
        self,
        action: str,
        shape: type[_T],
        params: Json | None = None,
        seconds: float = 0.0,
        hint: str = "",
    ) -> _T:
        """Return the result of one action.

        Args:
            action: the name of the action in AnkiConnect.
            shape: the type that its result must have.
            params: its parameters.
            seconds: the time limit; 0 for the usual one.
            hint: what to do about a refusal in Anki's own words.
        """
        request = {"action": action, "version": _API_VERSION, "params": params or {}}
        if self._key:
            request["key"] = self._key
        seconds = seconds or self._timeout
        timeout = httpx2.Timeout(seconds, connect=_CONNECT_SECONDS)
        if self._http.is_closed:  # a request took too long
            self._http = self._client()

        # Anki may be missing, busy or closed
        try:
            post = self._http.build_request(
                "POST", self.address, json=request, timeout=timeout
            )
            response = self._http.fetched(post, seconds, _LARGEST_ANSWER)
        except _UNREACHED as error:
            raise ServiceError(
                f"no Anki answers at {self.address}: {self._one_line(error)}",
                hint=f"open Anki; it needs {_ADD_ON}",
            ) from error
        except httpx2.TimeoutException as error:
            raise ServiceError(
                f"Anki at {self.address} did not finish {action} within {seconds:g} s",
                hint="it is busy or shows a dialog: check its window, then try again",
            ) from error
        except TooLargeError as error:
            raise self._not_anki_connect(str(error)) from error
        except httpx2.HTTPError as error:
            raise ServiceError(
                f"Anki at {self.address} closed the connection during {action}",
                hint="was it closed? open it and try again; or another program answers there:"
                f" see webBindPort in {_CONFIG_MENU}",
            ) from error

        # the answer is an object with `result` and `error`
        if response.status_code != httpx2.codes.OK:
            raise self._not_anki_connect(f"HTTP {response.status_code}")
        try:
            answer = json.loads(response.content)
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

    def _refusal(self, action: str, words: str, hint: str) -> ServiceError:
        """Return the error for a refusal, which AnkiConnect states in words only."""
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
        if "valid api key" in lower:
            message = f"AnkiConnect at {self.address} requires its key"
            if self._key:
                message = (
                    f"the key in {self._key_env} is not that of AnkiConnect at"
                    f" {self.address}"
                )
            where = f"into the environment variable {self._key_env}"
            if not self._key_env:
                where = (
                    "into an environment variable NAME, write `key_env: NAME` under `anki:` in"
                    " ankiforge.yaml, then: ankiforge init --trust DIR"
                )
            put = f"put the apiKey of {_CONFIG_MENU} {where}"
            return ServiceError(message, hint=put)
        return ServiceError(f"Anki refuses {action}: {words}", hint=hint)

    def _not_anki_connect(self, message: str) -> ServiceError:
        return ServiceError(
            f"the server at {self.address} is not AnkiConnect ({message})",
            hint="set anki.connect in ankiforge.yaml to the address of AnkiConnect; its port is"
            f" webBindPort in {_CONFIG_MENU}",
        )

    def _one_line(self, words: object) -> str:
        """Return a foreign message as one short printable line without the key."""
        text = without_secret(str(words), self._key)
        if self._key:
            text = text.replace(self._key, "…")
        printable = "".join(char if char.isprintable() else " " for char in text)
        line = " ".join(printable.split())
        return re.sub(r"^\[Errno -?\d+\] ", "", line)[:_MAX_MESSAGE]
