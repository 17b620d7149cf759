"""Who may speak to the page: this person's browser, on this machine, from the page itself.

The token in the address is good for one browser, once: it is exchanged for a cookie that holds
another secret. A cookie knows no ports: a page of another program on this machine may send it along, so the browser's word on who asks counts, too.
A card's frame has no origin, so no cookie goes with what it asks for: its addresses hold a secret
of their own.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request

PUBLIC = ("/static/", "/mathjax/")
"""Code that everybody may have; nothing of the person's is below these."""
_READING = ("GET", "HEAD")
_OWN = (None, "same-origin", "none")
"""`Sec-Fetch-Site` of the page itself, of a typed address, and of a browser that says nothing."""


USED = (
    "this address was opened before, and it works only once. For a new one press Ctrl-C in the"
    " terminal where the page was started, then: ankiforge review"
)
"""What a second use of the address is told."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Guard:
    """The secrets of one run of the page."""

    port: int
    token: str = field(default_factory=_secret)
    """In the address; worth nothing once it was used."""
    session: str = field(default_factory=_secret, repr=False)
    """In the cookie of the browser that used it."""
    _used: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    """Taken for ever by the first use."""
    frames: str = field(default_factory=_secret)

    @property
    def origin(self) -> str:
        """Where the page lives."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """What is opened in the browser."""
        return f"{self.origin}/?token={self.token}"

    @property
    def _hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def _cookie(self) -> str:
        """Another page of ours, on another port, must not take it away."""
        return f"ankiforge_{self.port}"

    @property
    def _frame(self) -> str:
        """What cards' frames ask for lies below this."""
        return f"/frame/{self.frames}/"

    def watch(self, app: Flask) -> None:
        """Let no request through that is not the person's own."""
        app.before_request(self._admit)
        app.after_request(self._armour)

    def _admit(self) -> Any:
        if request.headers.get("Host") not in self._hosts:
            abort(421)  # a name that was made to point here
        if request.method not in _READING:
            self._same_origin()
        if request.path.startswith((*PUBLIC, self._frame)):
            return None
        if request.path == "/" and self._is(request.args.get("token", ""), self.token):
            return self._welcome()
        if request.path != "/" and request.headers.get("Sec-Fetch-Site") not in _OWN:
            abort(403)  # another page asks, and the browser sends our cookie along
        if not self._known():
            abort(403)
        return None

    def _known(self) -> bool:
        """Whether the browser has the cookie."""
        return self._is(request.cookies.get(self._cookie, ""), self.session)

    def _same_origin(self) -> None:
        origin = urlsplit(request.headers.get("Origin", ""))
        mine = origin.scheme == "http" and origin.netloc == request.headers.get("Host")
        if not mine or request.mimetype != "application/json":
            abort(403)

    def _welcome(self) -> Any:
        """Let the first browser in; a look ahead, before anybody opens the page, uses nothing up."""
        ahead = request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
        if request.method == "HEAD" or "prefetch" in ahead:
            return Response(status=204)
        answer = redirect("/", code=303)
        if self._known():
            return answer
        if not self._used.acquire(blocking=False):
            abort(403, USED)
        answer.set_cookie(self._cookie, self.session, httponly=True, samesite="Strict", path="/")
        return answer

    @staticmethod
    def _is(given: str, secret: str) -> bool:
        return hmac.compare_digest(given.encode(), secret.encode())

    def _armour(self, response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _PAGE)
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.path.startswith(PUBLIC):
            headers["Access-Control-Allow-Origin"] = "*"  # fonts, asked for by a frame
        elif not request.path.startswith(self._frame):  # its pictures: a frame is of no origin
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    def frame_policy(self) -> str:
        """What a card's frame may do: our script and MathJax, and nothing that it holds itself."""
        host = f"http://{request.headers['Host']}"
        return (
            f"default-src 'none'; script-src {host}/static/ {host}/mathjax/;"
            f" style-src 'unsafe-inline' {host}/static/; font-src {host}/mathjax/;"
            f" img-src {host}/frame/{self.frames}/; base-uri 'none'; form-action 'none';"
            " frame-ancestors 'self'; sandbox allow-scripts"
        )


_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
