"""What the server answers: the shell, items and counts as JSON, decisions, cards' frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request, send_from_directory

from ankiforge.anki.notetypes import style
from ankiforge.anki.render import is_media_name
from ankiforge.review.page.decisions.asking import Asking
from ankiforge.review.page.decisions.deciding import decide
from ankiforge.review.page.decisions.redrafting import model_named
from ankiforge.review.page.decisions.writing import add_writing
from ankiforge.review.page.guard import Guard
from ankiforge.review.page.lists.browsing import Browsing
from ankiforge.review.page.refusals import tell_refusals
from ankiforge.review.page.remembering import add_remembering
from ankiforge.review.page.shown.drawing import draw
from ankiforge.review.page.shown.media import Shown
from ankiforge.review.page.shown.papers import serve_papers
from ankiforge.review.page.views import VIEWS
from ankiforge.review.service import Service

LARGEST = 512 * 1024
"""Bytes of a request."""
MATHJAX = Path(__file__).parent / "mathjax"
"""MathJax's script and fonts; the build puts them there (`hatch_build.py`)."""


def make_app(
    desks: Callable[[], Service], guard: Guard, query: str = "", asking: Asking | None = None
) -> Flask:
    """The page as a WSGI program."""
    app = Flask("ankiforge.review.page", static_folder="static")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST
    guard.watch(app)
    tell_refusals(app)
    browsing, shown = Browsing(desks, query), Shown()
    _pages(app, desks, guard, browsing)
    _data(app, desks, browsing, shown, asking or Asking())
    _frames(app, guard, shown)
    serve_papers(app, desks, shown)
    add_writing(app, desks, shown)
    add_remembering(app, desks)
    return app


def _pages(app: Flask, desks: Callable[[], Service], guard: Guard, browsing: Browsing) -> None:
    @app.get("/")
    def shell() -> str:
        model = model_named(desks().workspace)
        frame = f"/frame/{guard.frames}/"
        return draw("shell.html", views=VIEWS, frame=frame, query=browsing.query, model=model)

    @app.get("/mathjax/<path:name>")
    def mathjax(name: str) -> Response:
        answer = send_from_directory(MATHJAX, name)
        answer.headers["Cache-Control"] = "max-age=86400"
        return answer


def _data(
    app: Flask, desks: Callable[[], Service], browsing: Browsing, shown: Shown, asking: Asking
) -> None:
    @app.get("/api/views")
    def views() -> Any:
        """How much each view holds, and what may be filtered by."""
        return jsonify(browsing.overview(request.args))

    @app.get("/api/item")
    def item() -> Any:
        """The item to look at: the one at `at`, or the one `step` leads to from there."""
        return jsonify(browsing.look(request.args, shown))

    @app.post("/api/decide")
    def decided() -> Any:
        """One decision; it is in the ledger before the answer leaves, which holds the next item."""
        said = request.get_json()
        told = decide(desks(), browsing, said, asking)
        return jsonify({**told, **browsing.after(said, told, shown)})


def _frames(app: Flask, guard: Guard, shown: Shown) -> None:
    @app.get(f"/frame/{guard.frames}/")
    def frame() -> Response:
        """An empty card; what it shows is handed to it by the page."""
        answer = Response(draw("frame.html", style=style()), mimetype="text/html")
        answer.headers["Content-Security-Policy"] = guard.frame_policy()
        return answer

    @app.get(f"/frame/{guard.frames}/<name>")
    def media(name: str) -> Response:
        """A picture of a card that was shown; no path comes from the request."""
        path = shown.path_of(name) if is_media_name(name) else None
        if path is None:
            return Response(status=404)
        answer = send_from_directory(path.parent, path.name)
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; sandbox"  # an SVG has scripts
        )
        return answer
