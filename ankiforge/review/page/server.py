"""The server of the review page: its routes, its error messages, and how it ends.

It listens on loopback, on a free port, until Ctrl-C. Each thread has its own ledger.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request, send_from_directory
from flask.json.provider import DefaultJSONProvider
from waitress.server import create_server
from waitress.wasyncore import close_all
from werkzeug.exceptions import HTTPException

from ankiforge.anki.notetypes import style
from ankiforge.anki.render import address, is_media_name
from ankiforge.config.workspace import Workspace
from ankiforge.errors import ForgeError, LedgerError, RefusedError
from ankiforge.ledger import Ledger, open_ledger
from ankiforge.ledger.search import Match, WorkCard, WorkHighlight
from ankiforge.model import Problem
from ankiforge.review.page.decisions import (
    Models,
    Selected,
    Typed,
    decide,
    fields_of_selection,
    model_named,
    parse_body,
    preview,
)
from ankiforge.review.page.guard import Guard
from ankiforge.review.page.items import render
from ankiforge.review.page.lists import Lists
from ankiforge.review.page.source import Shown, add_sources
from ankiforge.review.page.views import VIEWS
from ankiforge.review.service import Service
from ankiforge.text.cloze import reveal
from ankiforge.text.display import counted
from ankiforge.text.fold import isolated

HOST = "127.0.0.1"
THREADS = 4
LARGEST = 512 * 1024
"""The maximum size of a request in bytes."""
MATHJAX = Path(__file__).parent / "mathjax"
"""MathJax's script and fonts; the build puts them there (`hatch_build.py`)."""
_IDLE_SECONDS = 30
"""A connection without a request, or with an incomplete one, is closed after this time."""
_GRACE_SECONDS = 1.0
"""How long to wait for a thread to end. The ledger of one that is still busy is not closed."""

_log = logging.getLogger(__name__)


Send = Callable[[], str]
"""Sends the cards that Anki lacks, and returns a message for the user."""


def serve(
    services: Services,
    query: str,
    started: Callable[[str], None],
    models: Models,
    send: Send | None = None,
) -> None:
    """Serve the page until Ctrl-C; pending requests are answered.

    Args:
        services: returns the service of the calling thread; closed at the end.
        query: selects the cards; "" = all.
        started: called with the address once the server answers.
        models: the models that may be asked; a reply that is pending at the end is stored.
        send: sends cards to Anki.
    """
    listening = socket.create_server((HOST, 0))
    guard = Guard(listening.getsockname()[1])
    app = make_app(services, guard, query, models, send)
    connections: dict[int, Any] = {}
    server = create_server(
        app,
        map=connections,
        sockets=[listening],
        threads=THREADS,
        channel_timeout=_IDLE_SECONDS,
        max_request_body_size=LARGEST,
        ident=None,
    )
    # browsers send many requests at once, which waitress would warn about
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with closing(services), closing(models):
        try:
            started(guard.address)
            server.run()
        finally:
            close_all(connections)


class Services:
    """Returns the service of each thread: connections are not shared between threads."""

    def __init__(self, workspace: Workspace, tell: Callable[[Iterable[Problem]], None]) -> None:
        """`tell` is called with journal lines that cannot be read."""
        self._workspace = workspace
        self._tell = tell
        self._here = threading.local()
        self._opened: list[tuple[threading.Thread, Ledger]] = []

    def __call__(self) -> Service:
        """Return the service of this thread, up to date with the journal."""
        service: Service | None = getattr(self._here, "service", None)
        if service is None:
            place = self._workspace
            ledger = open_ledger(place.ledger, place.journal, any_thread=True)
            self._opened.append((threading.current_thread(), ledger))
            self._tell(ledger.problems)
            service = self._here.service = Service(place, ledger)
        with suppress(LedgerError):  # a run is writing: next time
            self._tell(service.ledger.catch_up())
        return service

    def close(self) -> None:
        """Close the ledgers of all threads that have ended."""
        for thread, ledger in self._opened:
            if thread is not threading.current_thread():
                thread.join(_GRACE_SECONDS)
            if thread is threading.current_thread() or not thread.is_alive():
                ledger.close()


# --- routes -------------------------------------------------------------------------------------------


def make_app(
    services: Callable[[], Service],
    guard: Guard,
    query: str = "",
    models: Models | None = None,
    send: Send | None = None,
) -> Flask:
    """Return the page as a WSGI program."""
    app = Flask("ankiforge.review.page", static_folder="static")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    guard.watch(app)
    app.json = _Json(app)
    app.register_error_handler(ForgeError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failed)
    lists, shown = Lists(services, query), Shown()
    _add_pages(app, services, guard, query)
    _add_frames(app, guard, shown)
    _add_data(app, services, lists, shown, models or Models())
    add_sources(app, services, shown)
    sending = threading.Lock()

    @app.post("/api/send")
    def sent() -> Any:
        """Send the cards that Anki lacks."""
        if send is None or not sending.acquire(blocking=False):
            raise RefusedError("cards are being sent already", hint="wait for the answer")
        try:
            return jsonify(told=send())
        finally:
            sending.release()

    return app


def _add_pages(app: Flask, services: Callable[[], Service], guard: Guard, query: str) -> None:
    @app.get("/")
    def shell() -> str:
        model = model_named(services().workspace)
        frame = f"/frame/{guard.frames}/"
        return render("shell.html", views=VIEWS, frame=frame, query=query, model=model)

    @app.get("/mathjax/<path:name>")
    def mathjax(name: str) -> Response:
        answer = send_from_directory(MATHJAX, name)
        answer.headers["Cache-Control"] = "max-age=86400"
        return answer


def _add_data(
    app: Flask, services: Callable[[], Service], lists: Lists, shown: Shown, models: Models
) -> None:
    @app.get("/api/views")
    def views() -> Any:
        """Return the number of items of each view, and the filters that apply."""
        return jsonify(lists.overview(request.args))

    @app.get("/api/item")
    def item() -> Any:
        """Return the item at `at`, or the one that `step` leads to from there."""
        return jsonify(lists.show(request.args, shown))

    @app.post("/api/decide")
    def decided() -> Any:
        """Carry out a decision, which is stored before the answer with the next item is sent."""
        request_body = request.get_json()
        outcome = decide(services(), lists, request_body, models)
        return jsonify({**outcome, **lists.after(request_body, outcome, shown)})

    @app.post("/api/preview")
    def previewed() -> Any:
        """Return an unfinished card as Anki would show it, and the findings of the checks."""
        return jsonify(preview(services(), parse_body(request.get_json(), Typed), shown))

    @app.post("/api/chosen")
    def selected() -> Any:
        """Return the fields of a new card made from the selected words."""
        body = parse_body(request.get_json(), Selected)
        return jsonify(fields=fields_of_selection(services(), body))

    @app.get("/api/seen")
    def seen() -> Any:
        """Search the works, as `ankiforge seen` does."""
        asked = request.args.get("query", "").strip()[:_LONGEST_SEARCH]
        ledger = services().ledger
        found = list(islice(ledger.search.find(asked), _MOST_WORKS + 1)) if asked else []
        now = ledger.clock().timestamp()
        works = [_work(one, now) for one in found[:_MOST_WORKS]]
        more = "more than " if len(found) > _MOST_WORKS else ""
        told = f"{more}{counted(len(works), 'work')}"
        if not works:
            told = "Nothing here matches: not read, not marked, no card." if asked else ""
        return jsonify(html=render("seen.html", works=works), told=told)


def _add_frames(app: Flask, guard: Guard, shown: Shown) -> None:
    @app.get(f"/frame/{guard.frames}/")
    def frame() -> Response:
        """Return an empty card; the page's script fills it."""
        answer = Response(render("frame.html", style=style()), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = guard.frame_policy()
        return answer

    @app.get(f"/frame/{guard.frames}/<name>")
    def media(name: str) -> Response:
        """Return a picture of a card that was shown, by its name: requests contain no paths."""
        path = shown.path_of(name) if is_media_name(name) else None
        if path is None:
            return Response(status=404)
        answer = send_from_directory(path.parent, path.name)
        # an SVG may contain scripts
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return answer


# --- works that were read -----------------------------------------------------------------------------

_MOST_WORKS = 8
_MOST_OF_WORK = 12
"""The maximum number of highlights, and of cards, that are shown of a work."""
_LONGEST_SEARCH = 1_000
"""The maximum length of a search."""


def _work(match: Match, now: float) -> dict[str, Any]:
    work = match.work
    document = work.documents[0]
    year = f" ({document.issued[:4]})" if document.issued else ""
    links = (address(link) for link in work.links)
    cards = sorted(work.cards, key=lambda one: one.guid not in match.matched)
    return {
        "title": f"{isolated(work.title)}{year}",
        "people": ", ".join(map(isolated, document.creators)),
        "facts": list(_work_facts(match, now)),
        "links": list(dict.fromkeys(filter(None, links))),
        "marks": [_mark(match, one) for one in match.highlights[:_MOST_OF_WORK]],
        "cards": [_card(match, one, now) for one in cards[:_MOST_OF_WORK]],
    }


def _work_facts(match: Match, now: float) -> Iterator[tuple[str, str]]:
    work = match.work
    yield "Found by", f"{match.by}: {match.detail}" if match.detail else match.by.value
    first, last = work.read
    days = [f"{first} to {last}" if first != last else first, work.first_seen[:10]]
    yield "Read", " · first here ".join(filter(None, days)) if all(days) else "".join(days)
    counts, retention = work.counts, work.retention(now)
    names = ("highlights", "cards", "in_anki", "waiting", "rejected", "retired")
    parts = (f"{counts[name]} {name.replace('_', ' ')}" for name in names if counts[name])
    yield "There are", ", ".join(parts)
    if retention.now is not None:
        yield "Remembered now", f"{retention.now:.0%} of {retention.learnt} learnt cards"


def _mark(match: Match, one: WorkHighlight) -> dict[str, Any]:
    page = f"p. {one.text.page_label}" if one.text.page_label else ""
    comment = one.text.comment if one.text.exact else ""
    words = one.text.exact or one.text.comment or f"({one.text.kind})"
    return {"words": words, "beside": " · ".join(filter(None, (page, comment))),
            "hit": one.key in match.matched}  # fmt: skip


def _card(match: Match, one: WorkCard, now: float) -> dict[str, Any]:
    learnt = [chance for chance in one.recall(now) if chance is not None]
    state = one.verdict.value if one.standing == "live" else one.standing.value
    beside = [state, f"{min(learnt):.0%}" if learnt else ""]
    words = reveal(one.fields[0][1]) if one.fields else ""
    return {"words": words, "beside": " · ".join(filter(None, beside)),
            "hit": one.guid in match.matched}  # fmt: skip


# --- errors -------------------------------------------------------------------------------------------

_WORDS = {
    HTTPStatus.BAD_REQUEST: ("not understood", ""),
    HTTPStatus.FORBIDDEN: (
        "this page belongs to one browser",
        "open the address that `ankiforge review` printed",
    ),
    HTTPStatus.NOT_FOUND: ("there is nothing here", "the page is at /"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("that is too long", "shorten your text"),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "this is not the address of the page",
        "open the address that `ankiforge review` printed",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "the page failed",
        "your decisions are stored; the terminal shows the details",
    ),
}
"""The default message and hint for each status."""


class _Json(DefaultJSONProvider):
    """Reads JSON from the browser, which is untrusted."""

    sort_keys = False  # the order of fields matters

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse a value.

        Raises:
            ValueError: it is not JSON, or nested too deeply.
        """
        try:
            return super().loads(s, **kwargs)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _refused(error: ForgeError) -> Any:
    return _error(error.message, error.hint, HTTPStatus.CONFLICT)


def _http_error(error: HTTPException) -> Any:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    usual = error.description == type(error).description and status in _WORDS
    return _error(*_WORDS[status] if usual else (error.description or status.phrase, ""), status)


def _failed(error: Exception) -> Any:
    """Log a bug on the terminal; the browser does not get its details."""
    _log.error("%s %s failed", request.method, ascii(request.path), exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _error(*_WORDS[status], status)


def _error(message: str, hint: str, status: HTTPStatus) -> Any:
    if "text/html" in request.headers.get("Accept", ""):  # opened by the user, not by the script
        return Response(f"{message}; {hint}" if hint else message, status, mimetype="text/plain")
    return jsonify(error=message, hint=hint), status
