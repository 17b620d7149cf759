"""The HTTP server of the review page: access control, routing and shutdown.

Only the browser that first opens the printed URL, on this computer, has access, and only to
requests made by the page itself. The token in the URL works once; afterwards, a cookie with a
different secret identifies the browser. Since browsers send cookies to every port of a host, a
page served by another local program could make the browser send our cookie, so `Sec-Fetch-Site`
and `Origin` are checked as well. Cards are shown in a frame that runs no scripts.
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
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from html import escape
from http.cookies import CookieError, SimpleCookie
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from waitress.server import create_server
from waitress.wasyncore import close_all

from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.anki.render import MEDIA_TYPES
from ankiforge.config.log import log_lines
from ankiforge.errors import ForgeError, describe_error, format_traceback
from ankiforge.model import (
    Json,
    NoteType,
    Pair,
    Texts,
    Value,
    is_highlight_key,
)
from ankiforge.pipeline.decide import BlockedError
from ankiforge.review import AnyDecision, StaleItemError
from ankiforge.text import format_as_sentence
from ankiforge.web.documents import SlowJson, TextSelection
from ankiforge.web.joined_script import MAIN_SCRIPT, join_modules
from ankiforge.web.session import ReviewSession

HOST = "127.0.0.1"
MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""The maximum size of a request in bytes, large enough for a chat's reply."""
_IDLE_TIMEOUT = 60
_MAX_CONNECTIONS = 6
"""The number of server threads. Browsers open at most six connections to a host.
"""
# The types of files in `static` that a browser may request beside the joined script, by suffix.
_STATIC_TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_JAVASCRIPT = "text/javascript; charset=utf-8"
_FILE_TYPES = {**MEDIA_TYPES, "pdf": "application/pdf"}
_HTML = "text/html; charset=utf-8"
_PAGE_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " media-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
# The policy for pictures. It forbids scripts, because an SVG may contain some.
_SANDBOX_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
# The policy for PDFs. It has no sandbox, because that would block the browser's PDF viewer.
_PDF_CSP = (
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline';"
    " frame-ancestors 'none'"
)
_WRONG_BROWSER = (
    "This page belongs to one browser: open the address that `ankiforge review` printed."
)
_TOKEN_USED = (
    "This page is open in another browser, and its address works only once. To open it here,"
    " press Ctrl-C in the terminal where ankiforge runs, then: ankiforge review"
)
_NOT_FOUND = "There is nothing here."
_INTERNAL_ERROR = (
    "The page failed. Your decisions are stored; the terminal shows the details."
)

_RELOAD = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>ankiforge</title>'
_ERROR_HTML = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>ankiforge</title>'
    '<meta name="viewport" content="width=device-width">'
    "<h1>ankiforge review</h1><p>{reason}</p></html>"
)
_TERMINAL_ONLY = re.compile("ankiforge|--")
"""Matches hints that make sense only in a terminal, because they name a command or option."""
_log = logging.getLogger(__name__)
_generate_secret = partial(secrets.token_urlsafe, 32)


class HttpError(Exception):
    """An error that aborts a request with an HTTP status and a message for the user."""

    def __init__(self, status: str, message: str) -> None:
        self.status = status
        self.message = message


class Response(Value):
    """An HTTP response, without the headers common to all responses."""

    body: bytes = b""
    type: str = "text/plain; charset=utf-8"
    status: str = "200 OK"
    headers: tuple[Pair, ...] = ()
    policy: str = _PAGE_CSP
    is_cacheable: bool = False
    """Whether the browser may cache the body. The cache can't become stale, because each session
    has its own port and therefore its own URLs.
    """


SessionHandler = Callable[[ReviewSession], Response | SlowJson | None]


@dataclass(frozen=True, slots=True)
class PageServer:
    """WSGI application that serves the review page and handles its script's requests."""

    port: int
    use_session: Callable[[SessionHandler], Response | SlowJson | None]
    """Calls a handler with the review session, on the only thread that uses the session."""
    scripts: Mapping[str, Traversable]
    """The scripts that features add to the page, keyed by their name in the URL."""
    token: str = field(default_factory=_generate_secret)
    cookie_value: str = field(default_factory=_generate_secret, repr=False)
    # Acquired when the token is first used, and never released.
    _token_lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def url(self) -> str:
        """The URL for opening the page, including the access token."""
        return f"http://{HOST}:{self.port}/?token={self.token}"

    def __call__(
        self, environ: Json, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Handle a WSGI request, turning any error into a response."""
        try:
            response = self._check_access(environ) or self._route(environ)
        except HttpError as error:
            response = _json_response({"message": error.message}, error.status)
            if environ.get("PATH_INFO", "/") == "/":  # the browser shows the response
                page = _ERROR_HTML.format(reason=escape(error.message))
                response = Response(page.encode(), _HTML, error.status)
        except StaleItemError as error:
            body = {
                "message": error.message,
                "item": error.face,
                "sitting": error.sitting,
            }
            response = _json_response(body, "409 Conflict")
        except ForgeError as error:
            response = _error_response(error)
        except Exception as error:  # noqa: BLE001 - a bug must not stop the server
            _log.error("the review page failed:\n%s", format_traceback(error))
            log_lines([describe_error(error)])
            response = _json_response(
                {"message": _INTERNAL_ERROR}, "500 Internal Server Error"
            )
        headers = [
            ("Content-Type", response.type),
            ("Content-Length", str(len(response.body))),
            (
                "Cache-Control",
                "private, max-age=3600" if response.is_cacheable else "no-store",
            ),
            ("Content-Security-Policy", response.policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *response.headers,
        ]
        start_response(response.status, headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    # --- access control -----------------------------------------------------------------

    def _check_access(self, environ: Json) -> Response | None:
        """Check that a request is authorized. If its URL contains a token, redeem the token.

        Returns:
            None if access is granted, or the response to send if a token was redeemed.

        Raises:
            HttpError: the request doesn't come from the page, or comes from another browser.
        """
        self._check_sender(environ)
        path = environ.get("PATH_INFO", "/")
        token = _parse_query(environ).get("token", "")
        has_cookie = self._has_cookie(environ)
        # a browser that has the cookie opens the URL with the token again, e.g. from its history
        if path == "/" and _is_equal_in_constant_time(token, self.token):
            return self._redeem_token(environ, has_cookie=has_cookie)
        if has_cookie:
            return None
        raise HttpError("403 Forbidden", _WRONG_BROWSER)

    def _has_cookie(self, environ: Json) -> bool:
        """Return whether a request comes from the browser that redeemed the token."""
        try:
            cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        except CookieError:
            return False
        cookie = cookies.get(self._cookie_name)
        if cookie is None:
            return False
        return _is_equal_in_constant_time(cookie.value, self.cookie_value)

    def _check_sender(self, environ: Json) -> None:
        """Reject requests that may come from another site, even if they carry our cookie.

        Raises:
            HttpError: the request doesn't come from the page.
        """
        host = environ.get("HTTP_HOST", "")
        if host not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            # the request reached this computer by another name
            raise HttpError("421 Misdirected Request", _WRONG_BROWSER)
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError("405 Method Not Allowed", "This cannot be done here.")
        sender = (environ.get("HTTP_ORIGIN"), environ.get("CONTENT_TYPE"))
        if method == "POST" and sender != (f"http://{host}", "application/json"):
            raise HttpError("403 Forbidden", _WRONG_BROWSER)
        # only the URL of the page itself may be opened from another site
        site = environ.get("HTTP_SEC_FETCH_SITE", "same-origin")
        if environ.get("PATH_INFO", "/") != "/" and site not in ("same-origin", "none"):
            raise HttpError("403 Forbidden", _WRONG_BROWSER)

    def _redeem_token(self, environ: Json, *, has_cookie: bool) -> Response:
        """Open the page if the token is valid. The first browser to use the token gets the cookie.

        Raises:
            HttpError: the token was already used by another browser.
        """
        # a prefetch must not use up the token
        purpose = environ.get("HTTP_SEC_PURPOSE") or environ.get("HTTP_PURPOSE", "")
        if environ["REQUEST_METHOD"] != "GET" or "prefetch" in purpose:
            return Response(status="204 No Content")
        headers = []
        if not has_cookie:
            if not self._token_lock.acquire(blocking=False):
                raise HttpError("403 Forbidden", _TOKEN_USED)
            cookie = f"{self._cookie_name}={self.cookie_value}; HttpOnly; SameSite=Strict; Path=/"
            headers.append(("Set-Cookie", cookie))
        if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
            # The page is opened from a local file, which counts as another site, and a redirect
            # from another site doesn't send strict cookies. So respond with HTML that opens the
            # page, because that request counts as same-origin.
            return Response(_RELOAD, _HTML, headers=tuple(headers))
        return Response(status="303 See Other", headers=(("Location", "/"), *headers))

    @property
    def _cookie_name(self) -> str:
        """The cookie name, which includes the port because browsers share cookies across ports."""
        return f"ankiforge_{self.port}"

    # --- routing ------------------------------------------------------------------------

    def _route(self, environ: Json) -> Response:
        """Dispatch a request to its handler and return the response.

        Requests for the page, its scripts and styles are answered on this thread; any other
        request waits for the session's thread. The browser can thus load the page while the session
        is still being opened. `SlowJson` is made on this thread, too, so that nothing waits for it.

        Raises:
            HttpError: there is no handler or file for the path.
        """
        path = environ.get("PATH_INFO", "/")
        # `/api/shelf` is the name `shelf` in the folders ["api"], and `/` is no name in no folder
        name = path.rpartition("/")[2]
        folders = path.split("/")[1:-1]
        response: Response | SlowJson | None = None
        match environ["REQUEST_METHOD"], folders:
            case "POST", _:
                body = environ["wsgi.input"].read(MAX_REQUEST_BYTES)
                response = self.use_session(partial(_handle_post, path=path, body=body))
            case _, [] if not name:
                response = Response(_read_static_file("index.html"), _HTML)
            case _, ["static"]:
                response = self._serve_static_file(name)
            case _:
                query = _parse_query(environ)
                handler = partial(_handle_get, folders=folders, name=name, query=query)
                response = self.use_session(handler)
        if response is None:
            raise HttpError("404 Not Found", _NOT_FOUND)
        return response if isinstance(response, Response) else _json_response(response())

    def _serve_static_file(self, name: str) -> Response | None:
        """Serve a script, stylesheet or SVG of the page, or return None if there's no such file."""
        if name == MAIN_SCRIPT:
            script = _join_scripts(tuple(self.scripts.items()))
            return Response(script, _JAVASCRIPT, is_cacheable=True)
        media_type = _STATIC_TYPES.get(Path(name).suffix)
        if media_type is None or name not in _list_static_files():
            return None
        if name == "page.css":
            body = _read_static_file(name) + _read_static_file("maths.css")
        elif name == "card.css":
            # the CSS of our cards in Anki comes before the rules for the page
            css = get_our_note_type(NoteType.BASIC).css
            body = css.encode() + _read_static_file(name) + _read_static_file("maths.css")
        else:
            body = _read_static_file(name)
        return Response(body, media_type, is_cacheable=True)


@cache
def _join_scripts(feature_scripts: tuple[tuple[str, Traversable], ...]) -> bytes:
    """Join the page's own scripts and those of features, so that one request loads them all."""
    files_by_name = {**_list_static_files(), **dict(feature_scripts)}
    sources = {
        name: file.read_text("utf-8")
        for name, file in files_by_name.items()
        if name.endswith(".js")
    }
    return join_modules(sources).encode()


def _parse_query(environ: Json) -> defaultdict[str, str]:
    return defaultdict(str, parse_qsl(environ.get("QUERY_STRING", "")))


def _parse_number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _get_page(session: ReviewSession, query: Texts) -> SlowJson | None:
    number, width = query["page"][:6], query["width"][:6]
    if not (number.isdecimal() and width.isdecimal()):
        return None
    return session.documents.render_page(query["id"], int(number), int(width))


def _get_item(session: ReviewSession, query: Texts) -> Json:
    id = query["id"]
    if is_highlight_key(id):
        return session.render_highlight_item(id, _parse_number(query["sitting"]))
    return {"item": session.render_item(id)}


_GET_HANDLERS: dict[str, Callable[[ReviewSession, Texts], Json | SlowJson | None]] = {
    "state": lambda session, _: session.count_items(),
    "list": lambda session, query: session.render_list(
        query["id"], query["words"][:500], _parse_number(query["start"])
    ),
    "shelf": lambda session, query: session.render_documents(
        _parse_number(query["start"])
    ),
    "sitting": lambda session, query: session.start_document_sitting(query["id"]),
    "ending": lambda session, query: session.summarize_sitting(
        _parse_number(query["sitting"])
    ),
    "chat": lambda session, query: session.build_chat_prompt(query["id"]),
    "document": lambda session, query: session.documents.render_document(query["id"]),
    "states": lambda session, query: session.documents.get_highlight_states(query["id"]),
    "page": _get_page,
    "placement": lambda session, query: session.get_deck_and_tags(query["id"]),
    "words": lambda session, query: session.get_selectable_text(query["key"]),
    "item": _get_item,
}
"""Maps names to GET handlers, which return None for "not found"."""


_POST_HANDLERS: dict[str, tuple[Any, Callable[[ReviewSession, Any], Json]]] = {
    "decide": (AnyDecision, ReviewSession.decide),
    "preview": (AnyDecision, ReviewSession.preview),
    "undo": (str, ReviewSession.undo),
    "mark": (TextSelection, ReviewSession.add_highlight),
    "unmark": (str, ReviewSession.delete_highlight),
    "chat": (str, ReviewSession.apply_chat_reply),
    "send": (None, lambda session, _: session.send_to_anki()),
}
"""Maps names to POST handlers, each with the type of the request body."""


def _handle_get(
    session: ReviewSession, folders: list[str], name: str, query: Texts
) -> Response | SlowJson | None:
    """Handle a GET request that needs the session. Return None if nothing has this path."""
    match folders:
        case ["picture"]:
            return _serve_shown_file(session, name, policy=_SANDBOX_CSP)
        case ["paper"]:
            return _serve_shown_file(session, name, policy=_PDF_CSP)
        case ["page"]:
            # the picture of a PDF page, whose name changes with the file
            png = session.documents.pages.get_picture(name.removesuffix(".png"))
            if not png:
                return None
            return Response(png, "image/png", policy=_SANDBOX_CSP, is_cacheable=True)
        case ["api"] if name in _GET_HANDLERS:
            result = _GET_HANDLERS[name](session, query)
            return _json_response(result) if isinstance(result, dict) else result
        case ["api"] if name in session.get_handlers:
            return _json_response(session.get_handlers[name](query))
    return None


def _serve_shown_file(
    session: ReviewSession, name: str, *, policy: str
) -> Response | None:
    """Serve a picture or PDF, but only if the page has shown it."""
    file = session.find_file(name)
    if file is None or not file.is_file():
        return None
    suffix = name.rpartition(".")[2]
    media_type = _FILE_TYPES.get(suffix, "application/octet-stream")
    return Response(file.read_bytes(), media_type, policy=policy)


def _handle_post(session: ReviewSession, path: str, body: bytes) -> Response | None:
    """Handle a POST request from the page's script, or return None if no such handler exists.

    Raises:
        HttpError: the body is invalid.
    """
    name = path.removeprefix("/api/")
    handle: Callable[[Any], Json]
    if name in _POST_HANDLERS:
        body_type, handler = _POST_HANDLERS[name]
        handle = partial(handler, session)
    elif name in session.post_handlers:
        body_type, handle = session.post_handlers[name]
    else:
        return None
    try:
        value = msgspec.json.decode(body, type=body_type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HttpError("400 Bad Request", "The request was invalid.") from error
    return _json_response(handle(value))


def _is_equal_in_constant_time(value: str, secret: str) -> bool:
    return hmac.compare_digest(value.encode("utf-8", "replace"), secret.encode())


def _json_response(value: Json, status: str = "200 OK") -> Response:
    return Response(json.dumps(value).encode(), "application/json", status)


def _error_response(error: ForgeError) -> Response:
    """Convert an error to a response, without item IDs and without hints for the terminal.

    `insist` is whether the user can override the refusal with `forced`.
    """
    message = format_as_sentence(re.sub(r"^(dr|af|qu)[0-9a-z]+:? ", "", error.message))
    if error.hint and not _TERMINAL_ONLY.search(error.hint):
        message += f" {format_as_sentence(error.hint)}"
    body = {"message": message, "insist": isinstance(error, BlockedError)}
    return _json_response(body, "422 Unprocessable")


@cache
def _list_static_files() -> dict[str, Traversable]:
    return {
        file.name: file for file in files("ankiforge.web").joinpath("static").iterdir()
    }


@cache
def _read_static_file(name: str) -> bytes:
    return _list_static_files()[name].read_bytes()


def serve(
    open_session: Callable[[], ReviewSession],
    on_start: Callable[[str], None],
    scripts: Mapping[str, Traversable],
) -> None:
    """Serve the page until Ctrl-C is pressed, letting any request in progress finish.

    Args:
        open_session: opens the review session; called on the only thread that uses the session.
        on_start: called with the page's URL once the server is listening.
        scripts: scripts that features add to the page, keyed by their name in the URL.
    """
    listener = socket.create_server((HOST, 0))
    session_thread = ThreadPoolExecutor(1, thread_name_prefix="session")
    get_session = cache(open_session)  # opens the session in the first call

    def use_session(handler: SessionHandler) -> Response | SlowJson | None:
        return session_thread.submit(lambda: handler(get_session())).result()

    page = PageServer(listener.getsockname()[1], use_session, scripts)
    connections: dict[int, Any] = {}
    server = create_server(
        page,
        map=connections,
        sockets=[listener],
        threads=_MAX_CONNECTIONS,
        channel_timeout=_IDLE_TIMEOUT,
        max_request_body_size=MAX_REQUEST_BYTES,
        ident=None,
    )
    # a browser sends many requests at once, and waitress would warn that they are queued
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)

    def prepare() -> None:
        """Open the session and render the shelf while the browser is starting."""
        with suppress(Exception):  # the first request will report the same error
            get_session().render_documents()

    try:
        on_start(page.url)
        session_thread.submit(prepare)
        server.run()
    finally:
        close_all(connections)
        session_thread.shutdown(cancel_futures=True)
