"""Access control of the page: only the user's browser, on this machine, from the page itself.

The token in the address works once: the first browser to use it gets a cookie with another secret.
Cookies ignore ports, so the page of another program on this machine may send ours along; therefore
`Sec-Fetch-Site` is checked as well. The frame of a card has no origin and sends no cookie, so its
addresses contain a secret of their own.
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
"""Paths below which there is only code, which anybody may read."""
_READING = ("GET", "HEAD")
_OWN = (None, "same-origin", "none")
"""`Sec-Fetch-Site` of the page itself, of a typed address, and of a browser that does not send it."""


USED = (
    "this address was opened before, and it works only once. For a new one press Ctrl-C in the"
    " terminal where the page was started, then: ankiforge review"
)
"""The answer to a second use of the address."""


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Guard:
    """The secrets of one run of the page."""

    port: int
    token: str = field(default_factory=_secret)
    """The token in the address, which works only once."""
    session: str = field(default_factory=_secret, repr=False)
    """The secret in the cookie of the browser that used the token."""
    _used: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    """Acquired by the first use of the token, and never released."""
    frames: str = field(default_factory=_secret)

    @property
    def origin(self) -> str:
        """The origin of the page."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """The address to open in the browser."""
        return f"{self.origin}/?token={self.token}"

    @property
    def _hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    @property
    def _cookie(self) -> str:
        """The name of the cookie, with the port: pages on other ports have their own."""
        return f"ankiforge_{self.port}"

    @property
    def _frame(self) -> str:
        """The path of the frames of cards and of their pictures."""
        return f"/frame/{self.frames}/"

    def watch(self, app: Flask) -> None:
        """Check every request to the app, and add security headers to every answer."""
        app.before_request(self._admit)
        app.after_request(self._armour)

    def _admit(self) -> Any:
        if request.headers.get("Host") not in self._hosts:
            abort(421)  # another host name that resolves to this machine
        if request.method not in _READING:
            self._same_origin()
        if request.path.startswith((*PUBLIC, self._frame)):
            return None
        if request.path == "/" and self._is(request.args.get("token", ""), self.token):
            return self._welcome()
        if request.path != "/" and request.headers.get("Sec-Fetch-Site") not in _OWN:
            abort(403)  # a request by another page, with our cookie
        if not self._known():
            abort(403)
        return None

    def _known(self) -> bool:
        """Return whether the browser has the cookie."""
        return self._is(request.cookies.get(self._cookie, ""), self.session)

    def _same_origin(self) -> None:
        origin = urlsplit(request.headers.get("Origin", ""))
        mine = origin.scheme == "http" and origin.netloc == request.headers.get("Host")
        if not mine or request.mimetype != "application/json":
            abort(403)

    def _welcome(self) -> Any:
        """Give the cookie to the first browser; a prefetch of the page does not use up the token."""
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
            headers["Access-Control-Allow-Origin"] = "*"  # fonts, requested by a frame
        elif not request.path.startswith(self._frame):  # a frame has no origin
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    def frame_policy(self) -> str:
        """Return the policy of a card's frame: it may run our script and MathJax, but no script of the card."""
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
