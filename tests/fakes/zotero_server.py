"""Zotero's API on loopback, web or local, over an invented library: what it answers is coded from
the sources of Zotero (7.0.32 to 10.0.1) and of its server.

    with ZoteroServer([Library((paper,))], account=(123456, "ada")) as server:
        ...                                     # against server.url, with server.key
        server.show([Library((changed,))])      # somebody syncs: versions grow, keys are erased
        server.faults.append(status(503))       # what the next request gets
    server.asked                                # paths with their queries, in order

The same libraries go into a database by `tests.makers.zotero_writer.write_zotero`.
"""

import hashlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.fakes.loopback import Handler, serving
from tests.makers.zotero_writer import (
    LONG_AGO,
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
)

VERSIONS = {"local7": "7.0.32", "local8": "8.0.5", "local9": "9.0.6", "local10": "10.0.1"}
KEY = "SECRETkey0123456789abcde"
EMPTY_FIELDS = ("abstractNote", "volume", "shortTitle", "rights")
"""The web tells of fields that are not filled, too."""


@dataclass(frozen=True)
class Fault:
    """What a request gets in place of its answer; `cut` breaks the connection in the body."""

    status: int = 0
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False
    truncated: bool = False
    seconds: float = 0.0
    extra: tuple[tuple[str, str], ...] = ()
    """Headers beside an answer that is as it should be."""


def status(code: int, body: str = "", **headers: str) -> Fault:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Fault(code, body.encode(), named)


def portal(code: int = 200) -> Fault:
    page = (
        b"<!doctype html><html><body>Welcome to the hotel. Please log in.</body></html>"
    )
    return Fault(code, page, (("Content-Type", "text/html"), ("Location", "/login")))


DROP, TRUNCATED, FINE = Fault(drop=True), Fault(truncated=True), Fault()


def beside(**headers: str) -> Fault:
    """An answer with further headers."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Fault(extra=named)


# --- beside it ------------------------------------------------------------------------------


@dataclass
class Kept:
    """A memory; `times` counts how often something was kept."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    times: int = 0

    def load(self, name: str) -> bytes | None:
        return self.bodies.get(name)

    def update(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        self.times += 1
        self.bodies |= bodies


@dataclass
class Clock:
    """Time that passes only where somebody sleeps."""

    now: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    @property
    def pace(self) -> Any:
        from ankiforge.extract.zotero.api import RequestTiming

        return RequestTiming(self.sleep)


# --- an invented library as JSON ------------------------------------------------------------


@dataclass
class Shelf:
    """A library of the server, with its past."""

    name: str
    version: int = 0
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    collections: dict[str, dict[str, Any]] = field(default_factory=dict)

    def show(self, rows: dict[str, Any], collections: dict[str, Any]) -> None:
        """What there is from now on; one step of the version, if anything is new."""
        if (rows, collections) == (self.rows, self.collections):
            return
        self.version += 7
        self.rows, self.collections = rows, collections


def rows_of(library: Library, users: Mapping[int, str], *, web: bool) -> dict[str, Any]:
    """The items of a library by key."""
    made = _Rows(library, users, web)
    for work in library.works:
        made.work(work)
    for attachment in library.loose:
        made.attachment(attachment, "")
    for note in library.loose_notes:
        made.note(note, "")
    return made.rows


class _Rows:
    def __init__(self, library: Library, users: Mapping[int, str], web: bool) -> None:
        self.shared, self.users, self.web = library.group is not None, users, web
        self.rows: dict[str, dict[str, Any]] = {}

    def add(
        self, key: str, kind: str, data: Any, one: Any, parent: str = "", **meta: Any
    ) -> None:
        data = {"key": key, "itemType": kind, **data, "relations": {}}
        if parent:
            data["parentItem"] = parent
        if one.trashed:
            data["deleted"] = 1 if self.web else True
        self.rows[key] = {"key": key, "data": data, "meta": meta}

    def work(self, work: Work) -> None:
        fields = dict(work.fields)
        meta: dict[str, Any] = {"numChildren": len(work.attachments)}
        dated = next((n for n in fields if n.startswith("date") or n == "issueDate"), "")
        if found := re.match(
            r"(\d{4}-\d\d-\d\d) (.*)|(\d{4})", fields.get(dated, ""), re.DOTALL
        ):
            parsed = re.sub(r"(-00)+$", "", found[1] or found[3])
            fields[dated] = found[2] or fields[dated]
            meta |= {} if parsed == "0000" else {"parsedDate": parsed}
        data = {
            **(dict.fromkeys(EMPTY_FIELDS, "") if self.web else {}),
            **fields,
            "creators": [_creator(*one) for one in work.creators],
            "tags": _tags(work.tags, work.automatic_tags),
            "collections": [collection_key(path) for path in work.collections],
            **self.dates(work),
        }
        self.add(work.key, work.kind, data, work, **meta)
        for attachment in work.attachments:
            self.attachment(attachment, work.key)
        for note in work.notes:
            self.note(note, work.key)

    def attachment(self, one: Attachment, parent: str) -> None:
        linked = one.path and not one.path.startswith("storage:")
        name = one.path.removeprefix("storage:") or one.file_name
        data = {
            "title": one.title,
            "linkMode": "linked_file" if linked else "imported_file",
            "contentType": "application/pdf",
            **({"path": one.path} if linked else {"filename": name}),
            "tags": [],
            **(
                {}
                if parent
                else {"collections": [collection_key(p) for p in one.collections]}
            ),
            **self.dates(one),
        }
        self.add(one.key, "attachment", data, one, parent)
        for mark in one.annotations:
            if not (self.web and mark.external):
                self.annotation(mark, one.key)

    def annotation(self, mark: Annotation, parent: str) -> None:
        position = mark.position or json.dumps(
            {"pageIndex": mark.page, "rects": [[72, 700 - mark.top, 520, 712 - mark.top]]}
        )
        text = (
            {"annotationText": mark.text or ""}
            if mark.kind in ("highlight", "underline")
            else {}
        )
        data = {
            "annotationType": mark.kind,
            "annotationAuthorName": mark.author_name or "",
            **text,
            "annotationComment": mark.comment or "",
            "annotationColor": mark.colour,
            "annotationPageLabel": mark.page_label,
            "annotationSortIndex": mark.sort_index
            or f"{mark.page:05}|{mark.top:06}|{mark.top:05}",
            "annotationPosition": position,
            "tags": _tags(mark.tags, ()),
            **self.dates(mark),
        }
        self.add(mark.key, "annotation", data, mark, parent, **self.maker(mark.author))

    def note(self, note: Note, parent: str) -> None:
        data = {"note": note.html, "tags": _tags(note.tags, ()), **self.dates(note)}
        self.add(note.key, "note", data, note, parent, **self.maker(note.author))

    def maker(self, number: int | None) -> dict[str, Any]:
        """Only the web tells it."""
        if not (self.web and self.shared and number is not None):
            return {}
        name = self.users.get(number, "")
        return {
            "createdByUser": {"id": number, "username": f"user{number}", "name": name}
        }

    def dates(self, one: Any) -> dict[str, str]:
        """Not every kind of thing is given both."""
        added, modified = (getattr(one, name, LONG_AGO) for name in ("added", "modified"))
        return {"dateAdded": _iso(added), "dateModified": _iso(modified)}


def _iso(time_: str) -> str:
    return time_.replace(" ", "T") + "Z"


def _creator(role: str, first: str, last: str) -> dict[str, str]:
    named = {"firstName": first, "lastName": last} if first else {"name": last}
    return {"creatorType": role, **named}


def _tags(own: Iterable[str], automatic: Iterable[str]) -> list[dict[str, Any]]:
    return [{"tag": tag} for tag in own] + [{"tag": tag, "type": 1} for tag in automatic]


def collection_key(path: str) -> str:
    return "C" + hashlib.sha256(path.encode()).hexdigest()[:7].upper()


def collections_of(library: Library) -> dict[str, dict[str, Any]]:
    """Every collection that is named, with those around it."""
    attachments = [one for work in library.works for one in work.attachments]
    holders = (*library.works, *library.loose, *attachments)
    named = {path for one in holders for path in one.collections} | {
        *library.trashed_collections
    }
    paths = {
        "/".join(p.split("/")[:n]) for p in named for n in range(1, p.count("/") + 2)
    }
    rows = {}
    for path in sorted(paths):
        outer, _, name = path.rpartition("/")
        key = collection_key(path)
        data = {
            "key": key,
            "name": name,
            "parentCollection": collection_key(outer) if outer else False,
        }
        if path in library.trashed_collections:
            data["deleted"] = True
        rows[key] = {"key": key, "data": data, "meta": {}}
    return rows


# --- the server -----------------------------------------------------------------------------


class ZoteroServer:
    """`flavour` is web, or local7, local8, local9, local10."""

    def __init__(
        self,
        libraries: Iterable[Library],
        *,
        flavour: str = "web",
        account: tuple[int, str] = (123456, "ada"),
        users: Mapping[int, str] | None = None,
    ) -> None:
        self.flavour, self.account, self.users = flavour, account, dict(users or {})
        self.key = KEY
        self.shelves: dict[str, Shelf] = {}
        self.faults: deque[Fault] = deque()
        self.meanwhile: dict[int, Callable[[], object]] = {}
        """number of a request, from 1: what somebody does just before it."""
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.RLock()
        self._serving = ExitStack()
        self.show(libraries)

    @property
    def web(self) -> bool:
        return self.flavour == "web"

    @property
    def url(self) -> str:
        return self._address if self.web else f"{self._address}/api"

    def show(self, libraries: Iterable[Library]) -> None:
        """What its libraries hold from now on; one that is not among them is gone."""
        with self.lock:
            places = []
            for library in libraries:
                shared = library.group is not None
                place = (
                    f"groups/{library.group}" if shared else f"users/{self.account[0]}"
                )
                shelf = self.shelves.get(place) or Shelf(library.name)
                self.shelves[place] = shelf
                rows = rows_of(library, self.users, web=self.web)
                shelf.show(rows, collections_of(library))
                places.append(place)
            self.shelves = {place: self.shelves[place] for place in places}

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"fake": self})
        self._address = self._serving.enter_context(serving(handler))
        return self

    def __exit__(self, *_: object) -> None:
        self._serving.close()

    def forget_requests(self) -> None:
        self.asked.clear()
        self.headers.clear()
        self.meanwhile.clear()

    # --- answers ----------------------------------------------------------------------------

    def answer(
        self, path: str, query: dict[str, str], headers: Mapping[str, str]
    ) -> Fault:
        """The right answer, as a status with headers and body."""
        if not self.web:
            path = path.removeprefix("/api")
        elif headers.get("Authorization", f"Bearer {self.key}") != f"Bearer {self.key}":
            return status(403, "Invalid key")
        if self.web and path == "/keys/current":
            return self._key(headers)
        found = re.fullmatch(r"/(users|groups)/(\d+)/(groups|items|collections)", path)
        if not found:
            return status(404, "Not found" if self.web else "No endpoint found")
        return self._library(found[1], int(found[2]), found[3], query, headers)

    def _key(self, headers: Mapping[str, str]) -> Fault:
        if "Authorization" not in headers:
            return status(403, "Forbidden")
        everything = {"library": True, "files": True, "notes": True}
        number, name = self.account
        return _json(
            {
                "key": self.key,
                "userID": number,
                "username": name,
                "displayName": self.users.get(number, ""),
            }
            | {"access": {"user": everything, "groups": {"all": {"library": True}}}}
        )

    def _library(
        self,
        kind: str,
        number: int,
        what: str,
        query: dict[str, str],
        headers: Mapping[str, str],
    ) -> Fault:
        if kind == "users" and not self.web:
            if number not in (0, self.account[0]):
                return status(
                    400, "Only data for the logged-in user is available locally"
                )
            number = self.account[0]
        if kind == "users" and what == "groups":
            return self._paged(self._groups(), query, Shelf(""))
        shelf = self.shelves.get(f"{kind}/{number}")
        if shelf is None:
            return (
                status(404, "Not found") if kind == "groups" else status(403, "Forbidden")
            )
        if self.web and "Authorization" not in headers:
            return status(403, "Forbidden")
        rows = (
            self._collections(shelf)
            if what == "collections"
            else self._items(shelf, query)
        )
        if isinstance(rows, Fault):
            return rows
        return self._paged(rows, query, shelf)

    def _groups(self) -> list[dict[str, Any]]:
        groups = {p: s for p, s in self.shelves.items() if p.startswith("groups/")}
        return [
            {
                "id": (number := int(place.removeprefix("groups/"))),
                "version": 1,
                "meta": {},
            }
            | {"data": {"id": number, "name": shelf.name}}
            for place, shelf in groups.items()
        ]

    def _collections(self, shelf: Shelf) -> list[dict[str, Any]]:
        rows = shelf.collections.values()
        return [
            {**row, "version": shelf.version}
            for row in rows
            if "deleted" not in row["data"]
        ]

    def _items(self, shelf: Shelf, query: dict[str, str]) -> list[dict[str, Any]] | Fault:
        rows = list(shelf.rows.values())
        if query.get("includeTrashed") != "1":
            rows = [row for row in rows if "deleted" not in row["data"]]
        wanted = query.get("itemType", "")
        if wanted:
            kinds = [kind.strip() for kind in wanted.removeprefix("-").split("||")]
            negated = wanted.startswith("-")
            rows = [row for row in rows if (row["data"]["itemType"] in kinds) != negated]
        listed = "annotation" in wanted and not wanted.startswith("-")
        if self.flavour == "local7" or not (self.web or listed):
            rows = [row for row in rows if row["data"]["itemType"] != "annotation"]
        if "itemKey" in query:
            keys = query["itemKey"].split(",")
            if len(keys) > 50:
                return status(400, "itemKey: at most 50 keys")
            rows = [row for row in rows if row["key"] in keys]
        return [{**row, "version": shelf.version} for row in rows]

    def _paged(
        self,
        rows: list[dict[str, Any]],
        query: dict[str, str],
        shelf: Shelf,
    ) -> Fault:
        plain = query.get("format", "json") == "json"
        start = int(query.get("start", 0))
        unlimited = len(rows) - start
        limit = int(query.get("limit", 25 if self.web and plain else max(unlimited, 0)))
        if self.web and plain:
            limit = min(limit, 100)
        page = rows[start : start + limit]
        headers = {"Total_Results": str(len(rows))}
        if shelf.name or shelf.version:
            headers["Last_Modified_Version"] = str(shelf.version)
        if start + limit < len(rows):
            rest = urlencode({**query, "start": start + limit})
            headers["Link"] = f'<{self.url}/…?{rest}>; rel="next"'.replace("…", "items")
        return _json(page, **headers)


def _json(value: Any, **headers: str) -> Fault:
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Fault(
        200, json.dumps(value).encode(), (("Content-Type", "application/json"), *named)
    )


class _Handler(Handler):
    fake: ZoteroServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        fake = self.fake
        with fake.lock:
            fake.asked.append(self.path)
            fake.headers.append(dict(self.headers))
            fault = fake.faults.popleft() if fake.faults else FINE
            if act := fake.meanwhile.pop(len(fake.asked), None):
                act()
            parts = urlsplit(self.path)
            right = fake.answer(parts.path, dict(parse_qsl(parts.query)), self.headers)
        time.sleep(fault.seconds)
        if fault.drop:
            self.close_connection = True
            return
        self._send(fault if fault.status else right, fault)

    def _send(self, answer: Fault, fault: Fault) -> None:
        body = answer.body[: len(answer.body) // 2] if fault.truncated else answer.body
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string())
        given = {name.lower() for name, _ in answer.headers}
        usual = () if "content-type" in given else (("Content-Type", "text/plain"),)
        for name, value in (*usual, *answer.headers, *fault.extra, *self._own()):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _own(self) -> Iterator[tuple[str, str]]:
        if not self.fake.web:
            yield "X-Zotero-Version", VERSIONS[self.fake.flavour]
