"""A stand-in for AnkiConnect that drives a real collection: what it answers is Anki's own doing.

It has the actions that the program uses, and keeps the add-on's rules (the last public source, on
Anki 26.9.3): a key where none is set is a wrong key, an import tells nothing but `true`, web pages
are shut out.

    with serving(folder) as fake:
        ...                                # against fake.address
        with fake.collection() as col:     # what the person does in Anki meanwhile
            ...
    fake.actions                           # what was asked, in order
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import anki.utils
from anki.collection import Collection
from anki.errors import NotFoundError
from anki.lang import set_lang

from tests.fakes import loopback
from tests.fakes.loopback import Handler

API_VERSION = 6
WITHOUT_KEY = "requestPermission"


@dataclass
class AnkiConnectServer:
    """The switches may be turned at any time."""

    folder: Path
    profile: str = ""
    """The open profile, by default the name of the folder."""
    no_collection: bool = False
    """Anki stands at its list of profiles."""
    lacks: tuple[str, ...] = ()
    """Actions this release does not know."""
    refuses: dict[str, str] = field(default_factory=dict)
    """action: what it fails with."""
    meanwhile: dict[str, Callable[[Collection], object]] = field(default_factory=dict)
    """action: what the person does in Anki just before it."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    browsed: list[str] = field(default_factory=list)
    """What the browser shows, query after query."""
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)
    _collection: Collection | None = None
    address: str = ""

    @property
    def actions(self) -> list[str]:
        """What was asked, in order."""
        return [request["action"] for request in self.requests]

    @contextmanager
    def collection(self) -> Iterator[Collection]:
        """The open collection, for as long as nothing is asked."""
        with self._one_at_a_time:
            if self._collection is None or self.no_collection:
                raise LookupError("collection is not available")
            yield self._collection

    @contextmanager
    def running(self) -> Iterator[AnkiConnectServer]:
        self.folder.mkdir(parents=True, exist_ok=True)
        set_lang("en")  # as Anki does when it starts; the older importers need it
        # older exporters use one folder for all processes, and delete it when they end
        temporary = self.folder / "temporary"
        temporary.mkdir(exist_ok=True)
        anki.utils._tmpdir = str(temporary)
        self._collection = Collection(str(self.folder / "collection.anki2"))
        handler = type("Handler", (_Handler,), {"fake": self})
        try:
            # Anki answers one request after the other
            with loopback.serving(handler, HTTPServer) as self.address:
                yield self
        finally:
            self._collection.close()

    def answer(self, request: dict[str, Any]) -> Any:
        """What one request gives."""
        name = request.get("action", "")
        try:
            if request.get("key") is not None and name != WITHOUT_KEY:
                raise ValueError("valid api key must be provided")
            return {"result": self._done(name, request.get("params", {})), "error": None}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in Anki is an answer
            return {"result": None, "error": str(error)}

    def _done(self, name: str, params: dict[str, Any]) -> Any:
        if name not in self.known():
            raise ValueError("unsupported action")
        if name in self.meanwhile:
            with self.collection() as col:
                self.meanwhile[name](col)
        if name in self.refuses:
            raise ValueError(self.refuses[name])
        with self._one_at_a_time:
            return getattr(AnkiConnect(self), name)(**params)

    def known(self) -> list[str]:
        return [n for n in vars(AnkiConnect) if n[0] != "_" and n not in self.lacks]


@contextmanager
def serving(collection_folder: Path, **switches: Any) -> Iterator[AnkiConnectServer]:
    """AnkiConnect in front of `collection.anki2` in a folder, which is made if it is missing."""
    with AnkiConnectServer(collection_folder, **switches).running() as fake:
        yield fake


class AnkiConnect:
    """The actions, by their names; a name with `_` is none."""

    def __init__(self, fake: AnkiConnectServer) -> None:
        self._fake = fake

    @property
    def _col(self) -> Any:
        with self._fake.collection() as col:
            return col

    # --- the add-on itself

    def requestPermission(self):
        return {"permission": "granted", "requireApikey": False, "version": API_VERSION}

    def version(self):
        return API_VERSION

    def getActiveProfile(self):
        if self._fake.no_collection:
            return None
        return self._fake.profile or self._fake.folder.name

    def sync(self):
        return None

    # --- packages

    # by Anki's shims for old add-ons, as the add-on does it; they print that they are deprecated

    def importPackage(self, path):
        from anki.importing import AnkiPackageImporter

        AnkiPackageImporter(self._col, path).run()
        self._col.models._clear_cache()
        return True

    # --- notes and cards

    def findNotes(self, query=None):
        return [] if query is None else list(self._col.find_notes(query))

    def findCards(self, query=None):
        return [] if query is None else list(self._col.find_cards(query))

    def guiBrowse(self, query=None, reorderCards=None):
        self._fake.browsed.append(query)
        return self.findCards(query)

    def suspended(self, card):
        try:
            return self._col.get_card(card).queue == -1
        except NotFoundError:
            raise LookupError(f"Card was not found: {card}") from None

    def suspend(self, cards):
        return self._turned(cards, True)

    def unsuspend(self, cards):
        self._turned(cards, False)

    def setSpecificValueOfCard(self, card, keys, newValues):
        there = self._col.get_card(card)
        for key, value in zip(keys, newValues, strict=True):
            setattr(there, key, value)
        self._col.update_card(there)
        return [True] * len(keys)

    def forgetCards(self, cards):
        self._col.sched.schedule_cards_as_new(list(cards))

    def _turned(self, cards, suspend):
        """False if all were so before; of several that were, the add-on overlooks every other."""
        already = [self.suspended(card) == suspend for card in cards]
        if all(already) and len(cards) < 2:
            return False
        scheduler = self._col.sched
        (scheduler.suspend_cards if suspend else scheduler.unsuspend_cards)(cards)
        return True


class _Handler(Handler):
    fake: AnkiConnectServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        request = json.loads(body)
        self.fake.requests.append(request)
        answer = (
            b""
            if "origin" in self.headers
            else json.dumps(self.fake.answer(request)).encode()
        )
        self.send_response(200 if answer else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
