"""A stand-in for AnkiConnect that drives a real collection: what it answers is Anki's own doing.

It keeps the add-on's rules (the last public source, on Anki 26.9.3), also the odd ones: a request
without a version gets its result bare, `multi` passes neither key nor version on, a key where
none is set is a wrong key, an import tells nothing but `true`. It deviates where the add-on would
open a window: `requestPermission` from a foreign web page is denied at once.

    with serving(folder, key="secret") as fake:
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
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from anki.collection import Collection
from anki.errors import NotFoundError

API_VERSION = 6
WITHOUT_KEY = "requestPermission"
SINCE_2022 = ("apiReflect",)
"""What `old` takes away."""
PAGE = b"<!doctype html><html><body><h1>It works!</h1></body></html>"


@dataclass
class AnkiConnectServer:
    """The switches may be turned at any time."""

    folder: Path
    key: str = ""
    profile: str = ""
    """If given, `getActiveProfile` is known and tells it."""
    wrong_profile: bool = False
    """Another profile is open: another name, and another, empty collection."""
    no_collection: bool = False
    """Anki stands at its list of profiles."""
    busy: bool = False
    """Connections are taken and never answered, as while Anki works or shows a dialog."""
    html: bool = False
    """Something else has the port: a web server."""
    port: int = 0
    """Where it listens; 0 = wherever there is room."""
    old: bool = False
    lacks: tuple[str, ...] = ()
    """Actions this release does not know."""
    refuses: dict[str, str] = field(default_factory=dict)
    """action: what it fails with."""
    meanwhile: dict[str, Callable[[Collection], object]] = field(default_factory=dict)
    """action: what the person does in Anki just before it."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)
    _collection: Collection | None = None
    _port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def actions(self) -> list[str]:
        """What was asked, in order; what stood in a `multi` after it."""
        return [name for request in self.requests for name in _names(request)]

    @contextmanager
    def collection(self) -> Iterator[Collection]:
        """The open collection, for as long as nothing is asked."""
        with self._one_at_a_time:
            if self._collection is None or self.no_collection:
                raise LookupError("collection is not available")
            yield self._collection

    @contextmanager
    def running(self) -> Iterator[AnkiConnectServer]:
        folder = self.folder / "somebody else" if self.wrong_profile else self.folder
        folder.mkdir(parents=True, exist_ok=True)
        self._collection = Collection(str(folder / "collection.anki2"))
        handler = type("Handler", (_Handler,), {"fake": self})
        with HTTPServer(("127.0.0.1", self.port), handler) as http:
            self._port = http.server_address[1]
            thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self.stopped.set()
                http.shutdown()
                thread.join()
                self._collection.close()

    def answer(self, request: dict[str, Any]) -> Any:
        """What one request gives; a part of `multi` comes here too."""
        name = request.get("action", "")
        version = request.get("version", 4)
        try:
            if request.get("key") != (self.key or None) and name != WITHOUT_KEY:
                raise ValueError("valid api key must be provided")
            result = self._done(name, request.get("params", {}))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in Anki is an answer
            return {"result": None, "error": str(error)}
        return result if version <= 4 else {"result": result, "error": None}

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
        missing = {*self.lacks, *(SINCE_2022 if self.old else ())}
        if not self.profile and not self.wrong_profile:
            missing.add("getActiveProfile")
        return [n for n in vars(AnkiConnect) if n[0] != "_" and n not in missing]


def _names(request: dict[str, Any]) -> list[str]:
    parts = request.get("params", {}).get("actions") or []
    inner = [part["action"] for part in parts if isinstance(part, dict)]
    return [request.get("action", ""), *inner]


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

    def version(self):
        return API_VERSION

    def requestPermission(self, origin, allowed):
        if not allowed:
            return {"permission": "denied"}
        wants_key = bool(self._fake.key)
        return {"permission": "granted", "requireApikey": wants_key, "version": API_VERSION}

    def apiReflect(self, scopes=None, actions=None):
        if not isinstance(scopes, list):
            raise ValueError("scopes has invalid value")
        if not (actions is None or isinstance(actions, list)):
            raise ValueError("actions has invalid value")
        known = self._fake.known()
        if "actions" not in scopes:
            return {"scopes": []}
        chosen = sorted(known) if actions is None else [name for name in actions if name in known]
        return {"scopes": ["actions"], "actions": chosen}

    def multi(self, actions):
        return [self._fake.answer(action) for action in actions]

    def getActiveProfile(self):
        if self._fake.no_collection:
            return None
        return "Somebody else" if self._fake.wrong_profile else self._fake.profile

    def sync(self):
        return None

    # --- packages

    # by Anki's shims for old add-ons, as the add-on does it; they print that they are deprecated

    def importPackage(self, path):
        from anki.importing import AnkiPackageImporter

        AnkiPackageImporter(self._col, path).run()
        self._col.models._clear_cache()
        return True

    def exportPackage(self, deck, path, includeSched=False):
        from anki.exporting import AnkiPackageExporter

        found = self._col.decks.by_name(deck)
        if found is None:
            return False
        exporter = AnkiPackageExporter(self._col)
        exporter.did = found["id"]
        exporter.includeSched = includeSched
        exporter.exportInto(path)
        return True

    # --- notes and cards

    def findNotes(self, query=None):
        return [] if query is None else list(self._col.find_notes(query))

    def findCards(self, query=None):
        return [] if query is None else list(self._col.find_cards(query))

    def notesInfo(self, notes):
        return [self._or_empty(self._note_info, number) for number in notes]

    def cardsInfo(self, cards):
        return [self._or_empty(self._card_info, number) for number in cards]

    def cardsToNotes(self, cards):
        listed = ",".join(str(int(card)) for card in cards)
        return self._col.db.list(f"select distinct nid from cards where id in ({listed})")

    def addNotes(self, notes):
        return [self._added(note) for note in notes]

    def suspended(self, card):
        try:
            return self._col.get_card(card).queue == -1
        except NotFoundError:
            raise LookupError(f"Card was not found: {card}") from None

    def areSuspended(self, cards):
        return [self._suspended_or_none(card) for card in cards]

    def suspend(self, cards):
        return self._turned(cards, True)

    def unsuspend(self, cards):
        self._turned(cards, False)

    # --- decks and note types

    def deckNames(self):
        return [deck.name for deck in self._col.decks.all_names_and_ids()]

    def getDecks(self, cards):
        decks: dict[str, list[int]] = {}
        for card in cards:
            did = self._col.db.scalar("select did from cards where id = ?", card)
            decks.setdefault(self._col.decks.get(did)["name"], []).append(card)
        return decks

    def modelNamesAndIds(self):
        return {found.name: found.id for found in self._col.models.all_names_and_ids()}

    # --- what the actions share

    def _or_empty(self, info, number):
        try:
            return info(number)
        except NotFoundError:
            return {}

    def _note_info(self, number):
        note = self._col.get_note(number)
        return {
            "noteId": note.id,
            "tags": note.tags,
            "fields": self._fields(note),
            "modelName": note.note_type()["name"],
            "cards": [card.id for card in note.cards()],
        }

    def _card_info(self, number):
        card = self._col.get_card(number)
        kept = ("ord", "factor", "type", "queue", "due", "reps", "lapses", "left", "mod")
        return {
            **{name: getattr(card, name) for name in kept},
            "cardId": card.id,
            "fieldOrder": card.ord,
            "interval": card.ivl,
            "note": card.nid,
            "deckName": self._col.decks.get(card.did)["name"],
            "modelName": card.note_type()["name"],
            "css": card.note_type()["css"],
            "question": card.question(),
            "answer": card.answer(),
            "fields": self._fields(card.note()),
        }

    def _fields(self, note):
        return {
            name: {"value": value, "order": order}
            for order, (name, value) in enumerate(note.items())
        }

    def _added(self, note):
        """The new note's id; None for one that is empty, doubled or goes nowhere."""
        kind = self._col.models.by_name(note["modelName"])
        deck = self._col.decks.id_for_name(note["deckName"])
        if kind is None or deck is None:
            return None
        fresh = self._col.new_note(kind)
        for name, value in note["fields"].items():
            fresh[name] = value
        if fresh.fields_check() in (1, 2):  # empty, duplicate
            return None
        self._col.add_note(fresh, deck)
        return fresh.id

    def _suspended_or_none(self, card):
        col = self._col
        return col.get_card(card).queue == -1 if col.find_cards(f"cid:{int(card)}") else None

    def _turned(self, cards, suspend):
        """False if all were so before; of several that were, the add-on overlooks every other."""
        already = [self.suspended(card) == suspend for card in cards]
        if all(already) and len(cards) < 2:
            return False
        scheduler = self._col.sched
        (scheduler.suspend_cards if suspend else scheduler.unsuspend_cards)(cards)
        return True


class _Handler(BaseHTTPRequestHandler):
    fake: AnkiConnectServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._send(200, b"")

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.fake.busy:
            self.fake.stopped.wait()
        elif self.fake.html:
            self._send(200, PAGE, "text/html")
        else:
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        allowed = _is_allowed(self.headers.get("origin"))
        try:
            request = _request(body)
        except ValueError as error:
            told = json.dumps({"result": None, "error": str(error)}) if body else "AnkiConnect v.6"
            self._send(200, told.encode()) if allowed else self._send(403, b"")
            return
        self.fake.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.fake.requests.append(request)
        if request["action"] == WITHOUT_KEY:
            who = {"allowed": allowed, "origin": self.headers.get("origin", "")}
            request = {**request, "params": {**request.get("params", {}), **who}}
        elif not allowed:
            self._send(403, b"")
            return
        self._send(200, json.dumps(self.fake.answer(request)).encode())

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Access-Control-Allow-Origin", "http://localhost")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _request(body: bytes) -> dict[str, Any]:
    request = json.loads(body)
    if not isinstance(request, dict):
        raise ValueError(f"{request} is not of type 'object'")
    if not isinstance(request.get("action"), str):
        raise ValueError("'action' is a required property")
    return request


def _is_allowed(origin: str | None) -> bool:
    """No Origin: a program. Else a page of this machine, or a browser's extension."""
    if origin is None or origin in ("http://localhost", "http://127.0.0.1", "https://127.0.0.1"):
        return True
    extensions = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
    return origin.startswith(("http://127.0.0.1:", *extensions))
