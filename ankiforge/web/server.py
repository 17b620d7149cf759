"""The HTTP server of the page: who may come in, what may be asked for, and how it ends.

Only the browser that first opens the printed address is let in, only on this machine, and
only from the page itself. The token of the address works once; then a cookie with another
secret counts. Cookies ignore ports, so another program's page on this machine may send
ours along: therefore `Sec-Fetch-Site` and `Origin` are checked, too. A card is drawn in a
frame in which no script runs.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from html import escape
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from importlib.resources.abc import Traversable
from operator import attrgetter
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.wasyncore import close_all

from ankiforge.anki.notetypes import our_note_type
from ankiforge.errors import ForgeError, traceback_of
from ankiforge.model import Family, Json, Pair, Texts, Value, is_highlight_key
from ankiforge.pipeline.decide import BlockedError
from ankiforge.review import Decision, StaleError
from ankiforge.review.items import sentence
from ankiforge.web.session import ReviewSession, Several
from ankiforge.web.unmarked import SelectedWords

HOST = "127.0.0.1"
LARGEST = 8 * 1024 * 1024
"""The maximum size of a request in bytes: the answer of a chat may be long."""
_IDLE_SECONDS = 60
# The kinds of files in the folder `static` that a browser may ask for, by their endings.
_STATIC_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "svg": "image/svg+xml",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "pdf": "application/pdf",
}
_HTML = "text/html; charset=utf-8"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self';"
    " connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
# For pictures: an SVG may contain scripts.
_INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# For the browser's PDF viewer, which a sandbox would forbid.
_VIEWER = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_CLOSED = (
    "This page belongs to one browser: open the address that `ankiforge review` printed."
)
_USED = (
    "This address was opened before, and it works only once. For a new one press Ctrl-C in the"
    " terminal where the page was started, then: ankiforge review"
)
_NOTHING_HERE = "There is nothing here."
_FAILED = "The page failed. Your decisions are stored; the terminal shows the details."

_ONWARDS = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>ankiforge</title>'
_REFUSED = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>ankiforge</title>'
    '<meta name="viewport" content="width=device-width">'
    "<h1>ankiforge review</h1><p>{reason}</p></html>"
)
MOST_WAITING = 100
"""The number of connections without a complete request, above which the oldest gives way."""

_IN_TERMINAL = re.compile("ankiforge|--")
"""Parts of a hint that are of use in the terminal alone: a command, or an option of it."""
_log = logging.getLogger(__name__)
_secret = partial(secrets.token_urlsafe, 32)


class HttpError(Exception):
    """An answer with the status of a failure."""

    def __init__(self, status: str, message: str) -> None:
        self.status = status
        self.message = message


class Response(Value):
    """An answer to a request."""

    body: bytes = b""
    type: str = "text/plain; charset=utf-8"
    status: str = "200 OK"
    headers: tuple[Pair, ...] = ()
    policy: str = _PAGE
    kept: bool = False
    """Whether the browser may keep it: the port, and so the address, is another one next time."""


@dataclass(frozen=True, slots=True)
class PageServer:
    """The page as a WSGI program."""

    port: int
    open_session: Callable[[], ReviewSession]
    """Returns the session, in the one thread that answers."""
    scripts: Mapping[str, Traversable]
    """The scripts of features, by the names that the page asks for."""
    token: str = field(default_factory=_secret)
    cookie_value: str = field(default_factory=_secret, repr=False)
    # Acquired by the first use of the token, and never released.
    _used: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def address(self) -> str:
        """The address to open in the browser."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def __call__(self, environ: Json, start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        try:
            answer = self._admitted(environ) or self._answer(environ)
        except HttpError as error:
            answer = _json({"message": error.message}, error.status)
            if environ.get("PATH_INFO", "/") == "/":  # a person reads it
                page = _REFUSED.format(reason=escape(error.message))
                answer = Response(page.encode(), _HTML, error.status)
        except StaleError as error:
            face = error.face or self.open_session().face_of(error.item)
            shown = {"message": error.message, "item": face, "sitting": error.sitting}
            answer = _json(shown, "409 Conflict")
        except ForgeError as error:
            answer = _refusal(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the page
            _log.error("the review page failed:\n%s", traceback_of(error))
            answer = _json({"message": _FAILED}, "500 Internal Server Error")
        headers = [
            ("Content-Type", answer.type),
            ("Content-Length", str(len(answer.body))),
            ("Cache-Control", "private, max-age=3600" if answer.kept else "no-store"),
            ("Content-Security-Policy", answer.policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *answer.headers,
        ]
        start(answer.status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    # --- who may come in ----------------------------------------------------------------

    def _admitted(self, environ: Json) -> Response | None:
        """Let a request in, or answer the first one, which brings the token.

        Raises:
            HttpError: it does not come from the page, or not from its browser.
        """
        self._check_sender(environ)
        path = environ.get("PATH_INFO", "/")
        token = _query_of(environ).get("token", "")
        sent = None
        with suppress(CookieError):
            sent = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(self._cookie)
        has_cookie = sent is not None and _same(sent.value, self.cookie_value)
        if path == "/" and _same(token, self.token):
            return self._first(environ, has_cookie=has_cookie)
        if has_cookie:
            return None
        raise HttpError("403 Forbidden", _CLOSED)

    def _check_sender(self, environ: Json) -> None:
        """Refuse a request that a page of another program may have sent, perhaps with our cookie.

        Raises:
            HttpError: it does not come from the page.
        """
        host = environ.get("HTTP_HOST", "")
        if host not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            # another name of this machine
            raise HttpError("421 Misdirected Request", _CLOSED)
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError("405 Method Not Allowed", "This cannot be done here.")
        sent = (environ.get("HTTP_ORIGIN"), environ.get("CONTENT_TYPE"))
        if method == "POST" and sent != (f"http://{host}", "application/json"):
            raise HttpError("403 Forbidden", _CLOSED)
        # the address itself may be opened from anywhere
        site = environ.get("HTTP_SEC_FETCH_SITE", "same-origin")
        if environ.get("PATH_INFO", "/") != "/" and site not in ("same-origin", "none"):
            raise HttpError("403 Forbidden", _CLOSED)

    def _first(self, environ: Json, *, has_cookie: bool) -> Response:
        """Answer a request that brings the token: the first browser gets the cookie.

        Raises:
            HttpError: another browser has it already.
        """
        # a prefetch of the page does not use up the token
        purpose = environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE", "")
        if environ["REQUEST_METHOD"] != "GET" or "prefetch" in purpose:
            return Response(status="204 No Content")
        headers = []
        if not has_cookie:
            if not self._used.acquire(blocking=False):
                raise HttpError("403 Forbidden", _USED)
            cookie = (
                f"{self._cookie}={self.cookie_value}; HttpOnly; SameSite=Strict; Path=/"
            )
            headers.append(("Set-Cookie", cookie))
        if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
            # The file that opens the page is another site, whose redirects bring no
            # strict cookie. What this answer opens comes from the page itself.
            return Response(_ONWARDS, _HTML, headers=tuple(headers))
        return Response(status="303 See Other", headers=(("Location", "/"), *headers))

    @property
    def _cookie(self) -> str:
        """The name of the cookie, with the port: pages on other ports have their own."""
        return f"ankiforge_{self.port}"

    # --- what may be asked for ----------------------------------------------------------

    def _answer(self, environ: Json) -> Response:
        """Answer a request that was let in."""
        path = environ.get("PATH_INFO", "/")
        if environ["REQUEST_METHOD"] == "POST":
            return self._post(path, environ["wsgi.input"].read(LARGEST))
        answer = None
        name = path.rpartition("/")[2]
        match path.split("/")[1:-1]:
            case [] if not name:
                answer = Response(self._index().encode(), _HTML)
            case ["static"]:
                found = _static_files() | dict(self.scripts)
                # `card.css` is the style of our cards in Anki, and some more
                kind = _STATIC_TYPES.get(Path(name).suffix)
                if name == "card.css":
                    style = our_note_type(Family.BASIC).css + found[name].read_text(
                        "utf-8"
                    )
                    media_type = "text/css; charset=utf-8"
                    answer = Response(style.encode(), media_type, kept=True)
                elif kind is not None and name in found:
                    media_type = f"{kind}; charset=utf-8"
                    answer = Response(found[name].read_bytes(), media_type, kept=True)
            case ["picture" | "paper" as shown_as]:
                # a picture or paper that the page has shown
                policy = _VIEWER if shown_as == "paper" else _INERT
                shown = self.open_session().file(name)
                if shown is not None and shown.is_file():
                    ending = name.rpartition(".")[2]
                    media_type = _TYPES.get(ending, "application/octet-stream")
                    answer = Response(shown.read_bytes(), media_type, policy=policy)
            case ["page"]:
                # the picture of a page that was drawn; its name changes with the file
                drawn = self.open_session().documents.pages.picture(
                    name.removesuffix(".png")
                )
                if drawn:
                    answer = Response(drawn, "image/png", policy=_INERT, kept=True)
            case ["api"]:
                answer = self._api(name, _query_of(environ))
        if answer is None:
            raise HttpError("404 Not Found", _NOTHING_HERE)
        return answer

    def _index(self) -> str:
        """Return the page, which asks for all scripts at once, not one after the other."""
        names = sorted(name for name in _static_files() if name.endswith(".js"))
        lines = [
            f'<link rel="modulepreload" href="/static/{name}">\n'
            for name in (*names, *self.scripts)
        ]
        for name in self.scripts:
            lines.append(f'<script type="module" src="/static/{name}"></script>\n')
        # those of features run before that of the page
        first = '<script type="module"'
        page = _static_files()["index.html"].read_text("utf-8")
        return page.replace(first, f"{''.join(lines)}{first}", 1)

    def _api(self, name: str, query: Texts) -> Response | None:
        """Answer a request of the script that changes nothing."""
        session = self.open_session()
        value = None
        if name in _READS:
            value = _READS[name](session, query)
        elif name in session.reads:
            value = session.reads[name](query)
        return None if value is None else _json(value)

    def _post(self, path: str, body: bytes) -> Response:
        """Carry out a request of the script."""
        session = self.open_session()
        name = path.removeprefix("/api/")
        carry_out: Callable[[Any], Json]
        if name in _WRITES:
            kind, does = _WRITES[name]
            carry_out = partial(does, session)
        elif name in session.writes:
            kind, carry_out = session.writes[name]
        else:
            raise HttpError("404 Not Found", _NOTHING_HERE)
        try:
            value = msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise HttpError("400 Bad Request", "This was not understood.") from error
        return _json(carry_out(value))


def _query_of(environ: Json) -> defaultdict[str, str]:
    """Return the query of an address; "" for each name that it lacks."""
    return defaultdict(str, parse_qsl(environ.get("QUERY_STRING", "")))


def _number(text: str) -> int:
    """Return a number of a query; 0 for anything else."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _listed(session: ReviewSession, query: Texts) -> Json:
    return session.listed(query["id"], query["words"][:500], _number(query["start"]))


def _page_of(session: ReviewSession, query: Texts) -> Json | None:
    number, width = query["page"][:6], query["width"][:6]
    if not (number.isdecimal() and width.isdecimal()):
        return None
    return session.documents.page(query["id"], int(number), int(width))


def _item(session: ReviewSession, query: Texts) -> Json:
    id = query["id"]
    if is_highlight_key(id):
        return session.at(id, _number(query["sitting"]))
    return {"item": session.item(id)}


def _ending(session: ReviewSession, query: Texts) -> Json | None:
    return session.ending(_number(query["sitting"]))


_READS: dict[str, Callable[[ReviewSession, Texts], Json | None]] = {
    "state": lambda session, _: session.state(),
    "list": _listed,
    "shelf": lambda session, _: session.shelf(),
    "sitting": lambda session, query: session.sitting(query["key"]),
    "ending": _ending,
    "cover": lambda session, query: session.documents.cover(query["key"]),
    "chat": lambda session, query: session.ask_chat(query["key"]),
    "document": lambda session, query: session.documents.document(query["key"]),
    "states": lambda session, query: session.documents.states(query["key"]),
    "page": _page_of,
    "placement": lambda session, query: session.placement(query["id"]),
    "words": lambda session, query: session.words(query["key"]),
    "item": _item,
}
"""The requests of the script that change nothing. None: there is no such thing."""


_WRITES: dict[str, tuple[Any, Callable[[ReviewSession, Any], Json]]] = {
    "decide": (Decision, ReviewSession.decide),
    "decide-several": (Several, ReviewSession.decide_several),
    "preview": (Decision, ReviewSession.preview),
    "undo": (str, ReviewSession.undo),
    "mark": (SelectedWords, ReviewSession.mark),
    "unmark": (str, ReviewSession.unmark),
    "chat": (str, ReviewSession.take_chat),
    "send": (None, lambda session, _: session.send()),
}
"""The requests of the script that change something, each with the type of its body."""


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode())


def _json(value: Json, status: str = "200 OK") -> Response:
    """Encode an answer to the script; whatever cannot be sent is an error of types."""
    return Response(json.dumps(value).encode(), "application/json", status)


def _refusal(error: ForgeError) -> Response:
    """Return an error in sentences, without its id and without advice for a terminal."""
    said = sentence(re.sub(r"^(dr|af|qu)[0-9a-z]+:? ", "", error.message))
    if error.hint and not _IN_TERMINAL.search(error.hint):
        said += f" {sentence(error.hint)}"
    refused = {"message": said, "insist": isinstance(error, BlockedError)}
    return _json(refused, "422 Unprocessable")


@cache
def _static_files() -> dict[str, Traversable]:
    """Return the files of the folder `static`, by their names."""
    return {
        file.name: file for file in files("ankiforge.web").joinpath("static").iterdir()
    }


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection. If too many wait for a request, a new one takes the place of the oldest.

    `waitress` ends a silent connection after a while, but not one that sends a byte now
    and then, and takes no new ones above a limit. So another program of this machine
    could block the page.
    """

    def __init__(self, server: Any, *given: Any, **options: Any) -> None:
        channels = server.active_channels.values()
        waiting = [channel for channel in channels if channel.is_waiting]
        if len(waiting) >= MOST_WAITING:
            oldest = min(waiting, key=attrgetter("has_asked", "creation_time"))
            oldest.will_close = True
        self.has_asked = False
        super().__init__(server, *given, **options)

    @property
    def is_waiting(self) -> bool:
        """Whether no request is being answered, and none is complete."""
        return not (self.requests or self.total_outbufs_len or self.will_close)

    def received(self, data: bytes) -> bool:
        """Take the bytes that have arrived."""
        going_on: bool = super().received(data)
        self.has_asked |= bool(self.requests)
        return going_on


def serve(
    open_session: Callable[[], ReviewSession],
    started: Callable[[str], None],
    scripts: Mapping[str, Traversable],
) -> None:
    """Serve the page until Ctrl-C; a request that has begun is answered.

    Args:
        open_session: opens the session, in the thread that will use it.
        started: called with the address once the server answers.
        scripts: those of features, by the names that the page asks for.
    """
    listening = socket.create_server((HOST, 0))
    page = PageServer(listening.getsockname()[1], cache(open_session), scripts)
    connections: dict[int, Any] = {}
    server = create_server(
        page,
        map=connections,
        sockets=[listening],
        threads=1,
        channel_timeout=_IDLE_SECONDS,
        max_request_body_size=LARGEST,
        ident=None,
        connection_limit=2 * MOST_WAITING,
    )
    server.channel_class = _Channel
    # a browser sends many requests at once, of which waitress would warn
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    def prepare() -> None:
        """Open the session, and read the shelf, which is shown first, while the browser starts."""
        with suppress(Exception):  # the first request fails with it, too, and tells of it
            page.open_session().shelf()

    try:
        started(page.address)
        server.add_task(SimpleNamespace(service=prepare, cancel=lambda: None))
        server.run()
    finally:
        close_all(connections)
