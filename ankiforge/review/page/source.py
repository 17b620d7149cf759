"""The source of a card: its highlight in context, links to it, and its PDF page.

The browser requests pages and pictures by names that were sent with an item, never by paths.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from flask import Flask, Response, jsonify, request, send_file

from ankiforge.anki.render import address
from ankiforge.config.deckfiles import PALETTE, colour_name
from ankiforge.extract.pdf.worker import Drawn, Failed, PdfWorker, Sheet, absolute
from ankiforge.extract.zotero.files import STORAGE
from ankiforge.model import Highlight, HighlightKey, Media, Problem, Route, Span, h16
from ankiforge.review.page.items import render
from ankiforge.review.service import Service
from ankiforge.sync import picture_at
from ankiforge.text.anchors import AT_MOST, from_a_word, to_a_word
from ankiforge.text.display import shortened
from ankiforge.text.fold import isolated, same
from ankiforge.text.markdown import image_paths
from ankiforge.text.quotes import locate

EXACT, QUOTE, GAP, CUT = "exact", "quote", "gap", "cut"
"""The highlight; the card's quote; marked phrases; an ellipsis for text that is not shown."""
COLOURS = frozenset((*PALETTE, "gray"))
"""The colours that the page supports."""


class TextRun(NamedTuple):
    """A piece of the text around a highlight, with its marks."""

    text: str
    marks: tuple[str, ...] = ()


def source_html(highlight: Highlight, quote: str = "", also: Iterable[Highlight] = ()) -> str:
    """Return the source pane.

    Args:
        highlight: the highlight of the card.
        quote: the quote of the card, which is marked in the highlight, else in the text around it.
        also: further highlights of the card.
    """
    runs = runs_of(highlight, quote)
    colour = colour_name(highlight.colour)
    # without a first heading that repeats the title
    headings = highlight.heading.split(" › ")
    if same(headings[0], highlight.document.title):
        headings = headings[1:]
    # the source's Markdown, if it shows more than the plain text
    written = tuple(side for side in highlight.markdown if side.strip())
    only_pictures = not highlight.exact and picture_paths(highlight)
    if only_pictures or all(side in highlight.exact for side in written):
        written = ()
    return render(
        "source.html",
        highlight=highlight,
        where=" › ".join(map(isolated, headings)),
        runs=runs,
        colour=colour,
        known=colour in COLOURS,
        written=written,
        missing=quote if not any(QUOTE in run.marks for run in runs) else "",
        links=links_of(highlight),
        pictures=picture_paths(highlight),
        name=name_of(highlight.key),
        on_page=highlight.route in (Route.PDF, Route.ZOTERO),
        also=[(one, runs_of(one, ""), links_of(one)) for one in also],
    )


def picture_paths(highlight: Highlight) -> tuple[str, ...]:
    """Return the paths of the pictures in a highlight's Markdown."""
    return image_paths("\n".join(highlight.markdown))


# --- the highlight in its context -----------------------------------------------------------------


def runs_of(highlight: Highlight, quote: str) -> list[TextRun]:
    """Return the highlight and the text around it in pieces, in reading order."""
    before, after = _around(highlight)
    # the source may have cut the context, perhaps within a word
    begins_cut = before == highlight.prefix and len(before) in AT_MOST
    ends_cut = after == highlight.suffix and len(after) in AT_MOST
    before = from_a_word(before) if begins_cut else before
    after = to_a_word(after) if ends_cut else after
    # do not repeat lines that are shown above as headings
    above = {*highlight.heading.split(" › "), *highlight.above}
    *lines, last = before.split("\n")
    before = "\n".join((*(line for line in lines if line not in above or not line), last))
    runs = [
        TextRun("…" if begins_cut else "", (CUT,)),
        *_marked(before, highlight, after, quote),
        TextRun("…" if ends_cut else "", (CUT,)),
    ]
    return [run for run in runs if run.text]


def _marked(before: str, highlight: Highlight, after: str, quote: str) -> Iterator[TextRun]:
    """Split the text where the highlight, the quote or a marked phrase begins or ends."""
    text, length = before + highlight.exact + after, len(highlight.exact)
    mark = (len(before), len(before) + length)
    spans = [(EXACT, mark)]
    if quote.strip():
        if found := locate(quote, text[slice(*mark)]):
            spans.append((QUOTE, (found[0] + mark[0], found[1] + mark[0])))
        elif found := locate(quote, text):
            spans.append((QUOTE, found))
    for gap in highlight.gaps:
        start, end = (min(max(edge, 0), length) for edge in gap)
        spans.append((GAP, (start + mark[0], max(start, end) + mark[0])))
    edges = sorted({0, len(text), *(edge for _, span in spans for edge in span)})
    for start, end in pairwise(edges):
        on_it = (what for what, span in spans if span[0] <= start and end <= span[1])
        yield TextRun(text[start:end], tuple(dict.fromkeys(on_it)))


def _around(highlight: Highlight) -> tuple[str, str]:
    """Return the text before and after a highlight: its sentence, and the context in the source."""
    before, after, sentence = highlight.prefix, highlight.suffix, highlight.sentence
    if not highlight.exact:
        return ("\n".join(part for part in (before, sentence, after) if part), "")
    # if it occurs several times in the sentence, use the place with the same text before it
    places = list(_places(highlight.exact, sentence))
    fitting = (
        (start, end) for start, end in places
        if _ends_with(before, sentence[:start]) or _ends_with(sentence[:start], before)
    )  # fmt: skip
    found = next(fitting, places[0] if places else None)
    if found is None:
        return (_apart(sentence, before), after)
    near, far = sentence[: found[0]], sentence[found[1] :]
    return (_joined(before, near), _joined(after[::-1], far[::-1])[::-1])


def _places(words: str, text: str) -> Iterator[Span]:
    start = 0
    while found := locate(words, text[start:]):
        yield (start + found[0], start + found[1])
        start += found[0] + 1


def _joined(far: str, near: str) -> str:
    """Join two texts that end at the same place, without repeating what both contain."""
    if not near or _ends_with(far, near):
        return far
    if not far or _ends_with(near, far):
        return near
    return _apart(far, near)


def _apart(one: str, other: str) -> str:
    return f"{one}\n… {other}" if one and other else one or other


def _ends_with(text: str, end: str) -> bool:
    """Return whether a text has this end, ignoring white space and soft hyphens."""
    text, end = ("".join(one.replace("\u00ad", "").split()) for one in (text, end))
    return text.endswith(end)


# --- links ---------------------------------------------------------------------------------------

_PROGRAMS = {"zotero": "Open in Zotero", "obsidian": "Open in Obsidian"}
_MOST_SHOWN = 60
"""The number of characters of an address that are shown."""
_DOI = re.compile(r"10\.\d{4,9}/\S+")
_ARXIV = re.compile(r"(?:\d{4}\.\d{4,5}|[a-z.-]+/\d{7})(?:v\d+)?", re.IGNORECASE)


class Link(NamedTuple):
    """A link to a source."""

    label: str
    address: str
    """"" = text only."""


def links_of(highlight: Highlight) -> tuple[Link, ...]:
    """Return links to the mark in its source, then to the work, without duplicates."""
    document = highlight.document
    found = [highlight.uri or document.uri, *highlight.links]
    for scheme, value in document.identifiers:
        if scheme == "doi" and _DOI.fullmatch(value):
            found.append(f"https://doi.org/{value}")
        elif scheme == "arxiv" and _ARXIV.fullmatch(value):
            found.append(f"https://arxiv.org/abs/{value}")
        elif scheme == "url":
            found.append(value)
    links = {uri: _link(uri) for uri in found if uri.strip()}
    return tuple({link.address or link.label: link for link in links.values()}.values())


def _link(uri: str) -> Link:
    """Return a link labelled with its target; only known schemes can be opened."""
    known = address(uri)
    scheme = known.partition(":")[0].lower()
    if scheme in _PROGRAMS:
        return Link(_PROGRAMS[scheme], known)
    if scheme not in ("http", "https"):
        return Link(shortened(uri.strip(), _MOST_SHOWN), "")
    try:
        parts = urlsplit(known)
    except ValueError:
        return Link(shortened(known, _MOST_SHOWN), known)
    # without a user name, which could look like a host (`user@`)
    host = parts.netloc.rpartition("@")[2].removeprefix("www.")
    return Link(shortened(unquote(host + parts.path.rstrip("/")), _MOST_SHOWN), known)


# --- names sent to the browser -------------------------------------------------------------------

_MOST_NAMES = 4096
"""The number of pictures, and of highlights, whose names are kept; the oldest are dropped."""


def name_of(key: str) -> str:
    """Return the name of a highlight in addresses."""
    return h16("source", key)


class Shown:
    """Maps the names that were sent to the browser to pictures and highlights."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}
        self._highlights: dict[str, str] = {}
        self._lock = threading.Lock()

    def take(self, pictures: Iterable[Media], key: str = "") -> None:
        """Store the names of the pictures and the highlight of an item to show."""
        with self._lock:
            self._paths |= {media.name: media.path for media in pictures}
            self._highlights[name_of(key)] = key
            for known in (self._paths, self._highlights):
                while len(known) > _MOST_NAMES:
                    del known[next(iter(known))]

    def path_of(self, name: str) -> Path | None:
        """Return the picture of this name; None if no card with it was shown."""
        with self._lock:
            path = self._paths.get(name)
        return Path(path) if path else None

    def highlight_of(self, name: str) -> HighlightKey:
        """Return the key of the highlight of this name; "" if it was not shown."""
        with self._lock:
            return HighlightKey(self._highlights.get(name, ""))


# --- PDF pages and pictures ------------------------------------------------------------------------

_SECONDS = 15.0
"""The time limit for drawing a page."""
_MOST_PAGES = 8
"""The number of drawn pages that are cached."""
_INERT = "default-src 'none'; sandbox"
_VIEWED = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""For the browser's PDF viewer: nothing can be fetched, and the page cannot be read."""


class Paper(NamedTuple):
    """A PDF on this machine, and the page of a mark."""

    path: Path
    page: int | None
    """From 0; None = unknown."""


def add_sources(app: Flask, services: Callable[[], Service], shown: Shown) -> None:
    """Add the routes of PDF pages, PDFs and pictures."""
    pages = _Pages()

    def highlight_of(name: str) -> Highlight | None:
        return services().ledger.highlights.get(shown.highlight_of(name))

    def inert(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = _INERT  # an SVG may contain scripts
        return answer

    @app.get("/api/sheet")
    def sheet() -> Any:
        """Return the page of a mark, or why it cannot be shown."""
        name = request.args.get("of", "")
        highlight = highlight_of(name)
        if highlight is None:
            return Response(status=404)
        return jsonify(html=_page_html(services(), pages, highlight, name))

    @app.get("/sheet/<name>")
    def picture_of_sheet(name: str) -> Response:
        found = pages.picture(name)
        return inert(Response(found, mimetype="image/png")) if found else Response(status=404)

    @app.get("/paper/<name>")
    def paper(name: str) -> Response:
        """Return the PDF itself, for the browser's viewer."""
        highlight = highlight_of(name)
        found = paper_of(services(), highlight) if highlight else None
        if not isinstance(found, Paper):
            return Response(found, status=404, mimetype="text/plain")
        answer = send_file(found.path, mimetype="application/pdf", conditional=False)
        answer.headers["Content-Security-Policy"] = _VIEWED
        return answer

    @app.get("/source/<name>/<int:number>")
    def picture(name: str, number: int) -> Response:
        """Return a picture of the source."""
        highlight = highlight_of(name)
        paths = picture_paths(highlight) if highlight else ()
        if highlight is None or number >= len(paths):
            return Response(status=404)
        found = picture_at(services().ledger, highlight, paths[number])
        return (
            Response(status=404)
            if isinstance(found, Problem)
            else inert(send_file(Path(found.path)))
        )


def _page_html(service: Service, pages: _Pages, highlight: Highlight, name: str) -> str:
    paper = paper_of(service, highlight)
    if isinstance(paper, str):
        return render("sheet.html", drawn=None, message=paper, address="")
    passwords: tuple[str, ...] = ()
    if highlight.route is Route.PDF:
        named = ("pdf", highlight.document.source)
        for one in service.workspace.config.sources:
            if (one.kind, one.name) == named:
                passwords = tuple(one.options.get("passwords", ()))
                break
    sheet = Sheet(
        absolute(paper.path),
        -1 if paper.page is None else paper.page,
        highlight.exact,
        highlight.prefix,
        highlight.comment,
        highlight.hints,
        passwords,
    )
    drawn = pages.drawn(name, sheet, paper.path)
    failed = drawn if isinstance(drawn, Failed) else None
    at = "" if paper.page is None else f"#page={paper.page + 1}"
    return render(
        "sheet.html",
        drawn=None if failed else drawn,
        message=f"The page cannot be shown: {failed.what}; {failed.hint}." if failed else "",
        words=highlight.exact,
        name=name,
        address=f"/paper/{name}{at}",
        label=f"PDF page {paper.page + 1}" if paper.page is not None else "Open the PDF",
    )


class _Pages:
    """Draws each page in a process of its own, and caches the last few."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[object, Drawn]] = OrderedDict()

    def drawn(self, name: str, sheet: Sheet, path: Path) -> Drawn | Failed:
        """Return a page, which is drawn again if the file was changed."""
        with self._lock:
            fingerprint = (sheet, path.stat().st_mtime_ns)
            kept = self._kept.get(name)
            if kept and kept[0] == fingerprint:
                return kept[1]
            with PdfWorker(_SECONDS) as worker:
                found = worker.draw(sheet)
            if isinstance(found, Drawn):
                self._kept[name] = (fingerprint, found)
            while len(self._kept) > _MOST_PAGES:
                self._kept.popitem(last=False)
            return found

    def picture(self, name: str) -> bytes:
        """Return the picture of a drawn page; b"" if it is no longer cached."""
        with self._lock:
            kept = self._kept.get(name)
        return kept[1].picture if kept else b""


def paper_of(service: Service, highlight: Highlight) -> Paper | str:
    """Return the PDF of a highlight, or why it cannot be shown."""
    document, block = highlight.document, highlight.block
    if highlight.route is Route.PDF:
        root = service.ledger.roots.of("pdf").get(document.source)
        if root is None:
            return "The folder of this PDF is not known on this machine."
        path = root if root.suffix.lower() == ".pdf" else root / document.path
        if not _lies_in(path, root):
            return f"{document.path} is not in its folder any more: ankiforge run looks for it."
        return Paper(path, int(block) if block.isdecimal() else None)
    if highlight.route is not Route.ZOTERO:
        return "This source is not a PDF."
    root = service.ledger.roots.of("zotero").get(document.source)
    if root is None or not (block.isascii() and block.isalnum()):
        return "Zotero's folder is not known on this machine."
    folder = (root.parent if root.is_file() else root) / STORAGE / block
    found = [path for path in sorted(folder.glob("*.[pP][dD][fF]")) if _lies_in(path, folder)]
    if len(found) != 1:
        return "This PDF is not on this machine; its link opens it in Zotero."
    number = parse_qs(urlsplit(highlight.uri).query).get("page", [""])[0]
    return Paper(found[0], int(number) - 1 if number.isdecimal() and int(number) > 0 else None)


def _lies_in(path: Path, root: Path) -> bool:
    """Return whether a file exists and, symbolic links resolved, is in the folder."""
    try:
        return path.is_file() and path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
