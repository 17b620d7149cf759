"""PDFs and pictures behind the source that is shown; no path ever comes from the browser."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from flask import Flask, Response, jsonify, request, send_file

from ankiforge.extract.pdf.worker import Drawn, Failed, PdfWorker, Sheet, absolute
from ankiforge.extract.zotero.files import STORAGE
from ankiforge.model import Highlight, Problem, Route
from ankiforge.review.page.shown.drawing import draw
from ankiforge.review.page.shown.media import Shown
from ankiforge.review.page.shown.passage import picture_paths
from ankiforge.review.service import Service
from ankiforge.sync import picture_at

SECONDS = 15.0
"""No page is given more."""
KEPT = 8
"""Pictures of pages that are remembered."""
_INERT = "default-src 'none'; sandbox"
_VIEWED = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""The browser's own viewer shows it; nothing is fetched, nothing of ours can be read."""


class Paper(NamedTuple):
    """A PDF on this machine, and the page of a mark in it."""

    path: Path
    page: int | None
    """From 0; None = nobody knows."""


def serve_papers(app: Flask, desks: Callable[[], Service], shown: Shown) -> None:
    """Pages drawn, PDFs and pictures, by the names of what was shown."""
    sheets = Sheets()

    def highlight_of(name: str) -> Highlight | None:
        return desks().ledger.highlights.get(shown.highlight_of(name))

    @app.get("/api/sheet")
    def sheet() -> Any:
        """The page of a mark, or why it cannot be shown."""
        name = request.args.get("of", "")
        highlight = highlight_of(name)
        if highlight is None:
            return Response(status=404)
        return jsonify(html=_html(desks(), sheets, highlight, name))

    @app.get("/sheet/<name>")
    def picture_of_sheet(name: str) -> Response:
        found = sheets.known(name)
        return _inert(Response(found, mimetype="image/png")) if found else Response(status=404)

    @app.get("/paper/<name>")
    def paper(name: str) -> Response:
        """The PDF itself, in the browser's viewer."""
        highlight = highlight_of(name)
        found = paper_of(desks(), highlight) if highlight else None
        if not isinstance(found, Paper):
            return Response(found, status=404, mimetype="text/plain")
        answer = send_file(found.path, mimetype="application/pdf", conditional=False)
        answer.headers["Content-Security-Policy"] = _VIEWED
        return answer

    @app.get("/source/<name>/<int:number>")
    def picture(name: str, number: int) -> Response:
        """A picture that the source shows."""
        highlight = highlight_of(name)
        path = _picture(desks(), highlight, number) if highlight else None
        return _inert(send_file(path)) if path else Response(status=404)


def _inert(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = _INERT  # an SVG has scripts
    return answer


def _html(desk: Service, sheets: Sheets, highlight: Highlight, name: str) -> str:
    paper = paper_of(desk, highlight)
    if isinstance(paper, str):
        return draw("sheet.html", drawn=None, told=paper, address="")
    at = "" if paper.page is None else f"#page={paper.page + 1}"
    drawn = sheets.drawn(name, _sheet(desk, highlight, paper), paper.path)
    told = (
        "" if isinstance(drawn, Drawn) else f"The page cannot be shown: {drawn.what}; {drawn.hint}."
    )
    return draw(
        "sheet.html",
        drawn=drawn if isinstance(drawn, Drawn) else None,
        told=told,
        words=highlight.exact,
        name=name,
        address=f"/paper/{name}{at}",
        label=f"PDF page {paper.page + 1}" if paper.page is not None else "Open the PDF",
    )


def _sheet(desk: Service, highlight: Highlight, paper: Paper) -> Sheet:
    return Sheet(
        absolute(paper.path),
        -1 if paper.page is None else paper.page,
        highlight.exact,
        highlight.prefix,
        highlight.comment,
        highlight.hints,
        _passwords(desk, highlight),
    )


def _passwords(desk: Service, highlight: Highlight) -> tuple[str, ...]:
    """Those that the settings have for the source."""
    if highlight.route is not Route.PDF:
        return ()
    sources = desk.workspace.config.sources
    named = (one for one in sources if (one.kind, one.name) == ("pdf", highlight.document.source))
    return next((tuple(one.options.get("passwords", ())) for one in named), ())


class Sheets:
    """Draws each page in a process of its own; the last few are remembered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[object, Drawn]] = OrderedDict()

    def drawn(self, name: str, sheet: Sheet, path: Path) -> Drawn | Failed:
        """A page, anew if the file was changed."""
        with self._lock:
            stamp = (sheet, path.stat().st_mtime_ns)
            kept = self._kept.get(name)
            if kept and kept[0] == stamp:
                return kept[1]
            with PdfWorker(SECONDS) as worker:
                found = worker.draw(sheet)
            if isinstance(found, Drawn):
                self._kept[name] = (stamp, found)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return found

    def known(self, name: str) -> bytes:
        """The picture of a page that was drawn, b"" if it is remembered no more."""
        with self._lock:
            kept = self._kept.get(name)
        return kept[1].picture if kept else b""


# --- where they are -----------------------------------------------------------------------------


def paper_of(desk: Service, highlight: Highlight) -> Paper | str:
    """The PDF of a highlight, or why there is none here."""
    if highlight.route is Route.PDF:
        return _loose(desk, highlight)
    if highlight.route is Route.ZOTERO:
        return _stored(desk, highlight)
    return "This source is no PDF."


def _loose(desk: Service, highlight: Highlight) -> Paper | str:
    """A PDF of a folder; or the one file that the source is."""
    document = highlight.document
    root = desk.ledger.roots.of("pdf").get(document.source)
    if root is None:
        return "The folder of this PDF is not known on this machine."
    path = root if root.suffix.lower() == ".pdf" else root / document.path
    if not _lies_in(path, root):
        return f"{document.path} is not in its folder any more: ankiforge run looks for it."
    page = int(highlight.block) if highlight.block.isdecimal() else None
    return Paper(path, page)


def _stored(desk: Service, highlight: Highlight) -> Paper | str:
    """The attachment that Zotero keeps; what it only links to is opened in Zotero."""
    root = desk.ledger.roots.of("zotero").get(highlight.document.source)
    key = highlight.block
    if root is None or not (key.isascii() and key.isalnum()):
        return "Zotero's folder is not known on this machine."
    folder = (root.parent if root.is_file() else root) / STORAGE / key
    found = [path for path in sorted(folder.glob("*.[pP][dD][fF]")) if _lies_in(path, folder)]
    if len(found) != 1:
        return "Zotero does not keep this PDF on this machine; its link opens it in Zotero."
    return Paper(found[0], _page_in(highlight.uri))


def _page_in(uri: str) -> int | None:
    number = parse_qs(urlsplit(uri).query).get("page", [""])[0]
    return int(number) - 1 if number.isdecimal() and int(number) > 0 else None


def _lies_in(path: Path, root: Path) -> bool:
    """Whether it is a file there, and no link leads out."""
    try:
        return path.is_file() and path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False


def _picture(desk: Service, highlight: Highlight, number: int) -> Path | None:
    paths = picture_paths(highlight)
    if number >= len(paths):
        return None
    found = picture_at(desk.ledger, highlight, paths[number])
    return None if isinstance(found, Problem) else Path(found.path)
