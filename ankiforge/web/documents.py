"""Render source documents and their highlights as JSON for the page.

A background thread renders one document at a time, and the page polls until a result is ready. The
guarded process that reads PDFs (`extract.pdf.worker`) measures and draws their pages.
`DocumentRenderer.render_document` describes the JSON.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from ankiforge.anki.render import render_field
from ankiforge.extract.files import stamp_file
from ankiforge.extract.markdown.placeholders import (
    replace_unclosed_markers,
    restore_unclosed_markers,
)
from ankiforge.extract.pdf.messages import DrawPageReply, MeasurePagesReply, PageMark
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.language.detection import detect_language
from ankiforge.ledger import Ledger, pending_items
from ankiforge.model import (
    Document,
    Highlight,
    HighlightKind,
    Json,
    Media,
    SourceKind,
    Value,
    hash16,
    hints,
)
from ankiforge.pipeline.media import find_document_file, load_source_directories
from ankiforge.text import regex, to_one_line
from ankiforge.text.cloze import (
    find_image_paths,
    parse_image_label,
    reveal_answers,
    to_plain_text,
)
from ankiforge.web.card_view import FindPicture, adapt_html_to_page, render_highlight_list

DRAW_TIMEOUT = 20.0
"""The time limit for drawing a page, in seconds."""
MAX_CACHED = 40
"""The maximum number of cached results (drawn pages, rendered notes, page sizes)."""
MAX_QUEUED = 4
"""The maximum number of queued jobs. Beyond it, the oldest is cancelled."""

_T = TypeVar("_T")

_PAGE_IN_URL = regex(r"[?&]page=(\d{1,6})(?!\d)")
_ZOTERO_STORAGE = "storage"
_PDF_KINDS = {SourceKind.PDF, SourceKind.ZOTERO}


def find_pdf(ledger: Ledger, highlight: Highlight) -> Path | None:
    """Find the PDF that contains a highlight, or return None if it isn't on this computer.

    For Zotero, only PDFs in its storage are found, not linked files.
    """
    document = highlight.document
    kind = highlight.source_kind
    if kind not in _PDF_KINDS:
        return None
    root = load_source_directories(ledger).get(f"{kind}:{document.source}")
    if root is None:
        return None
    path = document.path
    if kind is SourceKind.ZOTERO:
        # find the PDF that Zotero stores under the attachment's key, if there is just one
        file_key = highlight.block
        if not (file_key.isascii() and file_key.isalnum()):
            return None
        folder = Path(root)
        if folder.is_file():
            folder = folder.parent
        root = str(folder)
        try:
            entries = [*(folder / _ZOTERO_STORAGE / file_key).iterdir()]
        except OSError:
            return None
        pdf_names = [entry.name for entry in entries if entry.suffix.lower() == ".pdf"]
        if len(pdf_names) != 1:
            return None
        path = f"{_ZOTERO_STORAGE}/{file_key}/{pdf_names[0]}"
    pdf_path = find_document_file(root, path)
    return pdf_path if pdf_path and pdf_path.suffix.lower() == ".pdf" else None


def find_page_and_mark(highlight: Highlight) -> tuple[int, PageMark] | None:
    """Return the index of the PDF page with a highlight, and what to mark on that page.

    Returns None if the page is unknown, or if the highlight has neither text nor a box.
    """
    page, box = hints.find_position(highlight.hints) or (None, None)
    if highlight.source_kind is SourceKind.PDF and highlight.block.isdecimal():
        page = int(highlight.block)
    match = _PAGE_IN_URL.search(highlight.uri)
    if page is None and match:
        page = int(match[1]) - 1
    if page is None or not (highlight.exact or box):
        return None
    return page, PageMark(highlight.exact, box)


def guess_document_kind(highlight: Highlight) -> str:
    """Guess which `kind` `render_document` would return for a highlight's document.

    Assumes that the file is available, because checking thousands of documents on the shelf
    would be slow.
    """
    if highlight.source_kind in _PDF_KINDS and find_page_and_mark(highlight) is not None:
        return "sheets"
    return "text" if highlight.document.path.lower().endswith(NOTE_SUFFIXES) else "list"


# --- pages ------------------------------------------------------------------------------


class PagePicture(Value):
    """A picture of a PDF page at a given width, with highlights marked."""

    path: Path
    page: int
    """The index of the page."""
    marks: tuple[PageMark, ...]
    width: int
    """The width of the picture in pixels."""

    @property
    def name(self) -> str:
        """A name for the picture that changes when the file or the highlights do."""
        return hash16("page", str(self.path), repr(stamp_file(self.path)), repr(self))


class PageRenderer:
    """Renders PDF pages and notes in a single background thread, and caches the results."""

    def __init__(self) -> None:
        """Set up the thread and the PDF worker process, without starting either."""
        self._futures: OrderedDict[str, Future[Any]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="page")
        self._worker = PdfWorker(DRAW_TIMEOUT)

    def start(self, ledger: Ledger) -> None:
        """Start the PDF worker process if any source may have PDFs.

        Must be called before any other thread starts.
        """
        kinds = {name.partition(":")[0] for name in load_source_directories(ledger)}
        if kinds & _PDF_KINDS:
            self._worker.start_idle_process()

    def _run_in_background(self, name: str, job: Callable[[], _T]) -> _T | None:
        """Return the result of a background job, or None if it hasn't finished.

        The job is queued the first time that it is requested by `name`.
        """
        future = self._futures.get(name)
        if future is None or future.cancelled():
            # cancel the oldest queued job, which the user has probably scrolled past
            pending = [queued for queued in self._futures.values() if not queued.done()]
            if len(pending) > MAX_QUEUED:
                pending[1].cancel()  # the first job is running
            while len(self._futures) >= MAX_CACHED:
                self._futures.popitem(last=False)
            future = self._futures[name] = self._thread.submit(job)
        self._futures.move_to_end(name)
        return future.result() if future.done() else None

    def measure_pages(self, path: Path) -> MeasurePagesReply | None:
        """Return the page sizes of a PDF, or None until they have been measured.

        The result has no pages if the file can't be read.
        """
        name = hash16("sizes", str(path), repr(stamp_file(path)))
        return self._run_in_background(name, lambda: self._worker.measure_pages(path))

    def render_note(self, text: str, pictures: Mapping[str, Media]) -> str | None:
        """Render a note's Markdown as HTML, returning None until it is ready."""
        files = chain.from_iterable((path, file.name) for path, file in pictures.items())
        return self._run_in_background(
            hash16("note", text, *files), lambda: markdown_to_html(text, pictures)
        )

    def draw_page(self, page_picture: PagePicture) -> DrawPageReply | None:
        """Draw a PDF page, returning None until the picture is ready."""
        arguments = (
            page_picture.path,
            page_picture.page,
            page_picture.marks,
            page_picture.width,
        )
        return self._run_in_background(
            page_picture.name, lambda: self._worker.draw_page(*arguments)
        )

    def get_picture(self, name: str) -> bytes:
        """Return a rendered page as PNG, or b"" if it isn't in the cache."""
        future = self._futures.get(name)
        if future is None or future.cancelled() or not future.done():
            return b""
        drawn: DrawPageReply = future.result()
        return drawn.picture


# --- documents --------------------------------------------------------------------------

NOTE_SUFFIXES = (".md", ".markdown", ".txt")
COVER_WIDTH = 240
"""The width of cover pictures on the shelf, in pixels."""
MAX_COVER_CHARS = 400
MAX_PAGE_WIDTH = 3_000
"""The maximum width of a page, in pixels."""
MAX_LABEL_CHARS = 80
"""The maximum length of a highlight's label, in characters."""
MAX_NOTE_BYTES = 200_000
"""The maximum size of a displayed note, in bytes. Larger notes are shown as a list of highlights.
"""
# The parts of a note that note-taking programs hide or show differently.
_HIDDEN = regex(r"(?s)\A---\n.*?\n---(?:\n|\Z)|%%.*?%%|<!--.*?-->")
_BLOCK_ID = regex(r"(?m)[ \t]+\^[\w-]+[ \t]*$|^\^[\w-]+[ \t]*$")
_CALLOUT = regex(r"(?m)^((?:>[ \t]?)+)\[!([\w-]+)\][+-]?[ \t]*(.*)$")
_TABLE_AND_FORMULA_SYNTAX = regex(r"\|(?:[-:| ]+\|)?|\$+|\\[A-Za-z]+")
"""Matches table and formula syntax, which covers leave out."""
# The link's text must not contain brackets, so that each `[` in `[[[[[[` is tried only once.
_WIKILINK = regex(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]*))?\]\]")


def build_document_id(document: Document) -> str:
    """Build the ID that identifies a document on the page."""
    return hash16("document", document.source, document.key, document.path)


class _RegisteredPdf(Value):
    path: Path
    marks: tuple[tuple[int, Highlight], ...]
    """The highlights in the PDF, each with the index of its page."""


class DocumentRenderer:
    """Renders documents that have highlights in the ledger, as well as their covers."""

    def __init__(
        self, ledger: Ledger, find_picture: FindPicture, pages: PageRenderer
    ) -> None:
        """Create a renderer.

        Args:
            ledger: where to look up highlights and their states.
            find_picture: looks up the pictures in notes.
            pages: draws PDF pages and renders notes.
        """
        self._ledger = ledger
        self.find_picture = find_picture
        self.pages = pages
        self._pdfs: dict[str, _RegisteredPdf] = {}
        self.render_unmarked: Callable[[str], Json | None] = lambda key: None
        """Renders a document without highlights, given the name that the page uses for it. Returns
        None if there is no such document. Set by `UnmarkedDocuments`."""
        self.render_web_page_or_book: Callable[[Highlight], str] = lambda highlight: ""
        """Renders the web page or book that contains a highlight as HTML, or returns "" if the
        document is of another kind. Set by `UnmarkedDocuments`."""

    def prepare(self, highlight: Highlight) -> str:
        """Return the ID of a highlight's document, and start measuring its pages if it's a PDF."""
        path = find_pdf(self._ledger, highlight)
        if path is not None:
            self.pages.measure_pages(path)
        return build_document_id(highlight.document)

    def get_highlight_states(self, key: str) -> Json:
        """Return the states of all highlights in a document, keyed by highlight key.

        `key` is the key of any one of them.
        """
        marks = pending_items.load_passage_states(self._ledger, key)
        return {highlight.key: state for highlight, state in marks}

    def render_document(self, key: str) -> Json | None:
        """Render a document as JSON, returning {} until it is ready.

            document = {id, kind, title, lang, marks, sheets?, html?}

        `key` is the key of a highlight in the document, or the page's name for a document without
        highlights. Returns None if there is no such document.

        `kind` is `sheets` for a PDF, with each page in `sheets` as [width, height, page label];
        `text` for a note, web page, or book, with its text in `html`; or `list` for anything
        else, with `html` listing the highlights and the text around them.

        `marks` has one entry per highlight: its `key`, its `state` (`asks`, `card`, or `none`), a
        label (`words`), and whether it's a `frame` around a figure. In a PDF, it also has the
        `page`, and the distance from the top of the page as a fraction of the height (`at`).
        """
        marks = pending_items.load_passage_states(self._ledger, key)
        if not marks:
            return self.render_unmarked(key)
        highlights = [highlight for highlight, _ in marks]
        matching = [highlight for highlight in highlights if highlight.key == key]
        shown_highlight = matching[0] if matching else highlights[0]
        path = find_pdf(self._ledger, shown_highlight)
        if path is not None:
            measured = self.pages.measure_pages(path)
            if measured is None:
                return {}
            if measured.pages:
                return self._render_sheets(
                    path, marks, measured.pages, _build_header(marks, "sheets")
                )
        text = self.read_note_markdown(shown_highlight)
        html = (
            self._render_note(shown_highlight, text)
            if text
            else self.render_web_page_or_book(shown_highlight)
        )
        if html is None:
            return {}
        if html:
            entries = []
            for highlight, state in marks:
                entries.append(
                    {**highlight_to_json(highlight, state), "exact": highlight.exact}
                )
            return {**_build_header(marks, "text"), "html": html, "marks": entries}
        entries = [highlight_to_json(highlight, state) for highlight, state in marks]
        book = render_highlight_list(shown_highlight.document.title, highlights)
        return {**_build_header(marks, "list"), "html": book, "marks": entries}

    def read_note_markdown(self, highlight: Highlight) -> str:
        """Read the note that contains a highlight, as Obsidian's reading view would show it.

        Returns "" if the note can't be shown.
        """
        return to_reading_view(self._read_note(highlight).replace("\r\n", "\n"))

    def _find_note(self, highlight: Highlight) -> Path | None:
        document = highlight.document
        if not document.path.lower().endswith(NOTE_SUFFIXES):
            return None
        root_paths = load_source_directories(self._ledger)
        for kind in ("obsidian", "markdown"):
            root = root_paths.get(f"{kind}:{document.source}")
            file = find_document_file(root, document.path) if root else None
            try:
                if file is not None and file.stat().st_size <= MAX_NOTE_BYTES:
                    return file
            except OSError:
                return None
        return None

    def _read_note(self, highlight: Highlight) -> str:
        file = self._find_note(highlight)
        if file is None:
            return ""
        try:
            return file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return ""

    def render_cover(self, key: str) -> Json | None:
        """Render a document's cover: a thumbnail of its first page, or its opening words.

        `key` is the key of any highlight in the document. Returns {} until the page is drawn, or
        None if there is no such document.
        """
        highlight = next(
            (
                highlight
                for highlight, _ in pending_items.load_passage_states(self._ledger, key)
            ),
            None,
        )
        if highlight is None:
            return None
        path = find_pdf(self._ledger, highlight)
        if path is not None:
            page_picture = PagePicture(path, 0, (), COVER_WIDTH)
            drawn = self.pages.draw_page(page_picture)
            if drawn is None:
                return {}
            if drawn.picture:
                return {"src": f"/page/{page_picture.name}.png"}
        beginning = self.read_note_markdown(highlight)[: 10 * MAX_COVER_CHARS]
        return {
            "words": to_plain_text(_TABLE_AND_FORMULA_SYNTAX.sub(" ", beginning))[
                :MAX_COVER_CHARS
            ]
        }

    def _render_note(self, highlight: Highlight, text: str) -> str | None:
        media_by_path = {}
        folder = PurePosixPath(highlight.document.path).parent
        for path in find_image_paths(text):
            media = self.find_picture(highlight, str(folder / path)) or self.find_picture(
                highlight, path
            )
            if media:
                media_by_path[path] = media
        return self.pages.render_note(text, media_by_path)

    def _render_sheets(
        self,
        path: Path,
        marks: Sequence[tuple[Highlight, str]],
        sizes: Sequence[tuple[float, float, str]],
        header: Json,
    ) -> Json:
        """Render a PDF as JSON: its header, page sizes, and highlights.

        Also registers the PDF, so that `render_page` can draw its pages.
        """
        entries = []
        placed_highlights = []
        for highlight, state in marks:
            position = find_page_and_mark(highlight)
            if position is None or position[0] >= len(sizes):
                continue
            page, marked = position
            _, height, _ = sizes[page]
            top = marked.box[3] if marked.box else height
            position_from_top = min(max(1 - top / height, 0.0), 1.0)
            entry = highlight_to_json(highlight, state)
            entries.append({**entry, "page": page, "at": round(position_from_top, 3)})
            placed_highlights.append((page, highlight))
        self._pdfs[header["id"]] = _RegisteredPdf(path, tuple(placed_highlights))
        return {**header, "sheets": sizes, "marks": entries}

    def render_unmarked_pdf(self, path: Path, header: Json) -> Json:
        """Render a PDF without highlights as JSON, returning {} until its pages are measured."""
        measured = self.pages.measure_pages(path)
        return (
            {}
            if measured is None
            else self._render_sheets(path, (), measured.pages, header)
        )

    def render_page(self, id: str, number: int, width: int) -> Json | None:
        """Draw a page of a PDF that was returned by `render_document`.

        Args:
            id: the ID of the document.
            number: the index of the page.
            width: the width of the picture in pixels.

        Returns:
            {} until the page is drawn, then `src`, the URL of the picture, or "" if the page
                can't be drawn; its `width` and `height`; the positions of its `marks`, keyed by
                highlight; its `lines` of text; and whether it is `dark`. None if there is no
                document with this ID.
        """
        pdf = self._pdfs.get(id)
        if pdf is None:
            return None
        keys = []
        positions = []
        for page, highlight in pdf.marks:
            position = find_page_and_mark(highlight)
            if page == number and position is not None:
                keys.append(highlight.key)
                positions.append(position[1])
        page_picture = PagePicture(
            pdf.path, number, tuple(positions), min(width, MAX_PAGE_WIDTH)
        )
        drawn = self.pages.draw_page(page_picture)
        if drawn is None:
            return {}
        return {
            "src": f"/page/{page_picture.name}.png" if drawn.picture else "",
            "width": drawn.width,
            "height": drawn.height,
            "marks": dict(zip(keys, drawn.marks, strict=False)),
            "lines": drawn.lines,
            "dark": drawn.is_dark,
        }


def markdown_to_html(markdown: str, pictures: Mapping[str, Media]) -> str:
    """Render a note's Markdown as HTML for the page."""
    return adapt_html_to_page(render_field(markdown, pictures=pictures)).replace(
        "<wbr>", ""
    )


def to_reading_view(text: str) -> str:
    """Convert a note's Markdown to what Obsidian shows in its reading view."""
    text = restore_unclosed_markers(_HIDDEN.sub("", replace_unclosed_markers(text)))
    text = _BLOCK_ID.sub("", reveal_answers(text))
    text = _CALLOUT.sub(
        lambda line: f"{line[1]}**{line[3] or line[2].capitalize()}**", text
    )
    return _WIKILINK.sub(_convert_wikilink, text)


def _convert_wikilink(link: re.Match[str]) -> str:
    embeds, target, label = link.groups()
    if embeds:
        alt, _ = parse_image_label(f"|{label}" if label else "")
        separator = "|" if label and not alt else ""  # the label is only a width
        return f"![{separator}{label or ''}](<{target.partition('#')[0].strip()}>)"
    return str(label or target.replace("#", " › ").strip(" ›"))


def _build_header(marks: Sequence[tuple[Highlight, str]], kind: str) -> Json:
    first_highlight, _ = marks[0]
    document = first_highlight.document
    return {
        "id": build_document_id(document),
        "kind": kind,
        "title": document.title,
        "lang": detect_language(
            "\n".join(highlight.exact for highlight, _ in marks[:_LANGUAGE_SAMPLE_SIZE])
        ),
    }


_LANGUAGE_SAMPLE_SIZE = 10
"""The number of highlights used to detect a document's language."""


_FRAMED_KINDS = (HighlightKind.IMAGE, HighlightKind.INK, HighlightKind.NOTE)
"""The kinds of highlights that don't lie on text. They are drawn as frames, because a filled
rectangle would hide what is underneath.
"""


def highlight_to_json(highlight: Highlight, state: str) -> Json:
    """Convert a highlight to JSON, with the fields common to all kinds of documents."""
    label = to_one_line(highlight.exact or highlight.comment or "A picture")
    return {
        "key": highlight.key,
        "state": state,
        "words": label[:MAX_LABEL_CHARS],
        "frame": highlight.kind in _FRAMED_KINDS,
    }
