"""A running Anki, by its add-on AnkiConnect: what it is asked for here, in the words of the house.

    ServiceError         it answers, and will not or cannot; the hint says what to do
      ├── AbsentError        nobody answers: Anki is closed, or has no AnkiConnect
      └── UnsupportedError   the add-on is too old for this action

Nothing is tried twice. The way there, and what can go wrong on it, is `anki.connection`. Files
are read and written by Anki itself, so both must see the same folders.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ankiforge.anki.connection import API_VERSION, Connection, UnsupportedError
from ankiforge.anki.notetypes import note_type
from ankiforge.errors import ServiceError
from ankiforge.model import Family

_T = TypeVar("_T")
_Params = dict[str, Any]
_LONG = 600.0
"""Seconds for an import, an export, a synchronisation: Anki may be at it for minutes."""
_BATCH = 2000
"""Ids in one request: the add-on takes it in by the kilobyte, and Anki's window stands still."""
_SINCE_2021 = (
    "version multi sync requestPermission findNotes findCards getDecks suspend unsuspend"
    " areSuspended importPackage exportPackage"
)
"""What releases without `apiReflect` (before May 2022) know, back to May 2021."""
_ELSEWHERE = (
    "Anki must see the same folders as ankiforge: on this computer, and not shut in a sandbox"
    " (Flatpak, Snap)"
)


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
        self._timeout = timeout
        self._connection = Connection(address, key, key_env)

    # --- who is there -------------------------------------------------------------------------

    def version(self) -> int:
        """The version of the API."""
        return self._whole("version", self._ask("version"))

    def check(self) -> None:
        """Make sure that AnkiConnect lets us in and is new enough.

        That a profile is open is not known yet: the first search shows it.
        """
        try:
            answer = self._due("requestPermission", self._ask("requestPermission"), dict)
        except UnsupportedError:
            answer = {"permission": "granted"}
        if answer.get("permission") != "granted":
            raise ServiceError(
                f"AnkiConnect at {self.address} denies the permission",
                hint="in Anki: Tools › Add-ons › AnkiConnect › Config, look at ignoreOriginList"
                " and webCorsOriginList",
            )
        if (version := self.version()) < API_VERSION:
            raise ServiceError(
                f"AnkiConnect at {self.address} speaks version {version} of its API,"
                f" {API_VERSION} is needed",
                hint="in Anki: Tools › Add-ons › Check for Updates",
            )

    def supported(self, actions: Iterable[str]) -> frozenset[str]:
        """Which of these actions the add-on knows."""
        wanted = frozenset(actions)
        asked: _Params = {"scopes": ["actions"], "actions": sorted(wanted)}
        try:
            answer = self._due("apiReflect", self._ask("apiReflect", asked), dict)
        except UnsupportedError:
            return wanted & set(_SINCE_2021.split())
        return wanted & set(self._due("apiReflect", answer.get("actions"), list))

    def active_profile(self) -> str:
        """The name of the open profile, "" if the add-on is too old to tell."""
        try:
            answer = self._ask("getActiveProfile")
        except UnsupportedError:
            return ""
        return str(self._due("getActiveProfile", answer, str))

    def several(self, *asked: tuple[str, _Params]) -> tuple[Any, ...]:
        """The results of several (action, parameters), in one request; fails if one does."""
        return self._connection.ask_all(asked, self._timeout)

    # --- what it does -------------------------------------------------------------------------

    def sync(self) -> None:
        """Have Anki begin to synchronise; without a login its window asks for one.

        The answer may come before it is done.
        """
        self._ask("sync", {}, _LONG)

    def import_package(self, path: Path) -> None:
        """Import a package, with the add-on's own options (merged note types, scheduling).

        Its word that it did proves nothing: look at what Anki has afterwards.
        """
        named = {"path": str(path.absolute())}
        answer = self._ask("importPackage", named, _LONG, hint=_ELSEWHERE)
        if answer is not True:
            raise ServiceError(f"Anki did not import {path}", hint=_ELSEWHERE)

    def export_package(self, deck: str, path: Path, include_scheduling: bool = True) -> None:
        """Export a deck with its subdecks to an `.apkg`.

        A note comes with all its cards, also those in other decks; a card that is in a filtered
        deck now comes only with that one.
        """
        named = {"deck": deck, "path": str(path.absolute()), "includeSched": include_scheduling}
        answer = self._ask("exportPackage", named, _LONG, hint=_ELSEWHERE)
        if answer is not True:
            raise ServiceError(
                f"Anki did not export the deck {deck}", hint="was it renamed just now? try again"
            )
        if not path.is_file():
            raise ServiceError(f"Anki exported to {path}, but nothing is there", hint=_ELSEWHERE)

    def suspend(self, cards: Iterable[int]) -> None:
        """Take cards out of study; fails if one of them is not there."""
        for batch in _batches(cards):
            self._ask("suspend", {"cards": batch})

    def unsuspend(self, cards: Iterable[int]) -> None:
        """Put cards back into study; fails if one of them is not there."""
        for batch in _batches(cards):
            self._ask("unsuspend", {"cards": batch})

    # --- what it tells ------------------------------------------------------------------------

    def are_suspended(self, cards: Iterable[int]) -> tuple[bool | None, ...]:
        """For each card whether it is suspended; None where there is no such card.

        By searches: the add-on's own `areSuspended` takes a tenth of a second for a missing card.
        """
        every = tuple(cards)
        there: set[int] = set()
        suspended: set[int] = set()
        for batch in _batches(every):
            these = "cid:" + ",".join(map(str, batch))
            queries = (these, f"{these} is:suspended")
            found = self.several(*(("findCards", {"query": query}) for query in queries))
            there.update(self._numbers("findCards", found[0]))
            suspended.update(self._numbers("findCards", found[1]))
        return tuple(card in suspended if card in there else None for card in every)

    def find_notes(self, query: str) -> tuple[int, ...]:
        """The ids of the notes an Anki search finds."""
        return self._numbers("findNotes", self._ask("findNotes", {"query": query}))

    def find_cards(self, query: str) -> tuple[int, ...]:
        """The ids of the cards an Anki search finds."""
        return self._numbers("findCards", self._ask("findCards", {"query": query}))

    def decks_of(self, query: str) -> tuple[str, ...]:
        """The decks in which the cards are now that an Anki search finds, filtered ones too."""
        decks: set[str] = set()
        for batch in _batches(self.find_cards(query)):
            decks |= self._due("getDecks", self._ask("getDecks", {"cards": batch}), dict).keys()
        return tuple(sorted(decks))

    # --- asking -------------------------------------------------------------------------------

    def _ask(
        self, action: str, params: _Params | None = None, seconds: float = 0.0, hint: str = ""
    ) -> Any:
        return self._connection.ask(action, params or {}, seconds or self._timeout, hint=hint)

    def _numbers(self, action: str, answer: Any) -> tuple[int, ...]:
        return tuple(self._whole(action, number) for number in self._due(action, answer, list))

    def _whole(self, action: str, answer: Any) -> int:
        if type(answer) is not int:
            raise self._strange(action)
        return answer

    def _due(self, action: str, answer: Any, kind: type[_T]) -> _T:
        if not isinstance(answer, kind):
            raise self._strange(action)
        return answer

    def _strange(self, action: str) -> ServiceError:
        return ServiceError(
            f"AnkiConnect at {self.address} gave no usable answer to {action}",
            hint="is a profile open in Anki? then update the add-on: Tools › Add-ons",
        )


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    every = list(numbers)
    return (every[at : at + _BATCH] for at in range(0, len(every), _BATCH))


# --- all that is ours -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """What `export_all` brought; the same note may stand in several packages."""

    paths: tuple[Path, ...]
    decks: tuple[str, ...]
    """What each package was exported from."""
    notes: frozenset[int]
    """The ids of all notes that look like ours, taken after the exports.

    A view is complete only if the packages hold every one: a note without cards is in none, a
    card may have moved or come while the exports were made.
    """


def ours() -> str:
    """The Anki search for every note that may be ours: by field, by note type, by its id."""
    types = [note_type(family) for family in Family]
    by_type = [f'"note:{one.name}*" OR mid:{one.id}' for one in types]
    return " OR ".join(["AnkiforgeId:af1*", *by_type])


def export_all(connect: AnkiConnect, folder: Path) -> Exported:
    """Export every deck with notes of ours, with scheduling, by as few packages as will do."""
    decks = tuple(_fewest(connect, frozenset(connect.decks_of(ours()))))
    paths = tuple(folder / f"deck-{number}.apkg" for number in range(1, len(decks) + 1))
    for deck, path in zip(decks, paths, strict=True):
        connect.export_package(deck, path)
    return Exported(paths, decks, frozenset(connect.find_notes(ours())))


def _fewest(connect: AnkiConnect, holding: frozenset[str]) -> Iterator[str]:
    """Decks that with their subdecks are all of these and, for fewer exports, not much more."""
    parents = Counter(parent for deck in holding for parent in _parents(deck))
    taken: set[str] = set()
    for deck in sorted({*holding, *parents}):  # a parent comes before what is below it
        if taken.isdisjoint(_parents(deck)) and (
            deck in holding or (parents[deck] > 1 and _is_mostly_ours(connect, deck))
        ):
            taken.add(deck)
            yield deck


def _parents(deck: str) -> Iterator[str]:
    parts = deck.split("::")
    return ("::".join(parts[:end]) for end in range(1, len(parts)))


def _is_mostly_ours(connect: AnkiConnect, deck: str) -> bool:
    """Whether at least half of the cards in it are: an export takes the pictures along."""
    inside = f'"deck:{_SPECIAL.sub(_ESCAPED, deck)}"'
    found = connect.find_cards(f"{inside} ({ours()})")
    return len(connect.find_cards(inside)) <= 2 * len(found)


_SPECIAL, _ESCAPED = re.compile(r'(["*_\\])'), r"\\\1"
"""What means more than itself in a search."""
