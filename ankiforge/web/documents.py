"""The documents that stand beside the cards, as the page shows them, with their marks.

Each is made beside the thread that answers the page, and within a limit: pages of PDFs are
measured and drawn by the guarded process that reads them (`extract.pdf.worker`), one at a time,
notes by a thread of their own.

    document = {id, kind, title, marks, sheets?, html?}

`kind` is `sheets`, the pages of a PDF, whose sizes are in `sheets` as [width, height, printed
number]; `text`, a note as `html`; or `list`, the marks with the words around them as `html`. A
mark has `key`, `state` (`asks`, `card` or `none`), `words`, and whether it is a `frame` around a
figure; besides its `page` and how far down it is there, `at`, from 0 to 1.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any, TypeVar

from ankiforge.anki.render import render
from ankiforge.extract.files import stamp_at
from ankiforge.extract.markdown.placeholders import with_open_signs, without_open_signs
from ankiforge.extract.pdf.messages import DrawnPage, Marked, Measured
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.language.detection import language_of
from ankiforge.ledger import Ledger, overview
from ankiforge.model import (
    Document,
    Highlight,
    HighlightKind,
    Json,
    Media,
    SourceKind,
    Value,
    h16,
    hints,
)
from ankiforge.pipeline.pictures import file_in, roots
from ankiforge.text import on_one_line, regex
from ankiforge.text.cloze import image_paths, plain, reveal
from ankiforge.web.card_view import Find, book_html, on_page

SECONDS = 20.0
"""The time limit for one picture of a page, and for one note."""
KEPT = 24
"""Pictures that are kept in memory."""
MOST_WAITING = 4
"""Pictures that wait to be drawn; of more, the oldest is given up."""

T = TypeVar("T")

_PAGE = regex(r"[?&]page=(\d{1,6})(?!\d)")
_STORAGE = "storage"
_KINDS = {SourceKind.PDF, SourceKind.ZOTERO}


def paper_of(ledger: Ledger, highlight: Highlight) -> Path | None:
    """Return the PDF in which a passage is marked, if it is on this machine.

    Zotero's own files are found, files that Zotero only links to are not.
    """
    document = highlight.document
    kind = highlight.source_kind
    if kind not in _KINDS:
        return None
    root = roots(ledger).get(f"{kind}:{document.source}")
    if root is None:
        return None
    path = document.path
    if kind is SourceKind.ZOTERO:
        # the only PDF that Zotero stores under the key of the file
        file_key = highlight.block
        if not (file_key.isascii() and file_key.isalnum()):
            return None
        folder = Path(root)
        if folder.is_file():
            folder = folder.parent
        root = str(folder)
        try:
            stored = [*(folder / _STORAGE / file_key).iterdir()]
        except OSError:
            return None
        names = [each.name for each in stored if each.suffix.lower() == ".pdf"]
        if len(names) != 1:
            return None
        path = f"{_STORAGE}/{file_key}/{names[0]}"
    file = file_in(root, path)
    return file if file and file.suffix.lower() == ".pdf" else None


def place_of(highlight: Highlight) -> tuple[int, Marked] | None:
    """Return the page of a PDF on which a passage is marked, from 0, and its marks."""
    page, box = hints.position_in(highlight.hints) or (None, None)
    if highlight.source_kind is SourceKind.PDF and highlight.block.isdecimal():
        page = int(highlight.block)
    match = _PAGE.search(highlight.uri)
    if page is None and match:
        page = int(match[1]) - 1
    if page is None or not (highlight.exact or box):
        return None
    return page, Marked(highlight.exact, box)


def kind_of(highlight: Highlight) -> str:
    """Return which kind of document holds a highlight, as `Documents` shows it if its file is here.

    No file is looked for: the shelf asks about thousands of documents.
    """
    if highlight.source_kind in _KINDS and place_of(highlight) is not None:
        return "sheets"
    return "text" if highlight.document.path.lower().endswith(NOTES) else "list"


# --- pages ------------------------------------------------------------------------------


class Sheet(Value):
    """A page as it is drawn: of a file, in a width, with its marks."""

    path: Path
    page: int
    """From 0."""
    marks: tuple[Marked, ...]
    width: int
    """In pixels."""

    @property
    def name(self) -> str:
        """A name that changes with the file and the marks."""
        return h16("page", str(self.path), repr(stamp_at(self.path)), repr(self))


class _Making:
    """A text that is made in a thread of its own."""

    def __init__(self, make: Callable[[], str]) -> None:
        """Start the thread."""
        self._made: Future[str] = Future()
        self._begun = time.monotonic()

        def run() -> None:
            try:
                self._made.set_result(make())
            except Exception as error:  # noqa: BLE001 - raised where the result is asked for
                self._made.set_exception(error)

        Thread(target=run, daemon=True, name="note").start()

    def result(self, seconds: float) -> str | None:
        """Return the result; None until it is made, "" if that takes longer than `seconds`."""
        if self._made.done():
            return self._made.result()
        return "" if time.monotonic() - self._begun > seconds else None


class Pages:
    """The pages of PDFs and the notes, made beside the thread that answers."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._drawn: OrderedDict[str, Future[DrawnPage]] = OrderedDict()
        self._of_files: dict[str, Future[Any]] = {}
        self._notes: OrderedDict[str, _Making] = OrderedDict()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="page")
        self._worker = PdfWorker(SECONDS)

    def start(self, ledger: Ledger) -> None:
        """Start the process that reads PDFs, if there may be some, before other threads."""
        kinds = {name.partition(":")[0] for name in roots(ledger)}
        if kinds & _KINDS:
            self._worker.start()

    def sizes(self, path: Path) -> Measured | None:
        """Return the sizes of all pages; none if it cannot be read, None until they are known."""
        return self._read("sizes", path, lambda: self._worker.measure(path))

    def _read(self, what: str, path: Path, read: Callable[[], T]) -> T | None:
        """Begin to read something of a whole file, or return it."""
        name = h16(what, str(path), repr(stamp_at(path)))
        if name not in self._of_files:
            self._of_files[name] = self._threads.submit(read)
        reading = self._of_files[name]
        return reading.result() if reading.done() else None

    def note(self, text: str, pictures: Mapping[str, Media]) -> str | None:
        """Return the Markdown of a note as HTML; None while it is being made.

        "" if it takes longer than its limit.
        """
        files = chain.from_iterable((path, file.name) for path, file in pictures.items())
        name = h16("note", text, *files)
        making = self._notes.get(name)
        if making is None:
            while len(self._notes) >= KEPT:
                self._notes.popitem(last=False)
            making = _Making(lambda: as_html(text, pictures))
            self._notes[name] = making
        self._notes.move_to_end(name)
        return making.result(SECONDS)

    def drawn(self, sheet: Sheet) -> DrawnPage | None:
        """Return a page; None while it is being drawn."""
        drawing = self._drawn.get(sheet.name)
        if drawing is None or drawing.cancelled():
            # of those that wait, the first of them are no longer looked at
            waiting = [each for each in self._drawn.values() if not each.done()]
            if len(waiting) > MOST_WAITING:
                waiting[1].cancel()  # the first one is being drawn
            while len(self._drawn) >= KEPT:
                self._drawn.popitem(last=False)
            drawing = self._threads.submit(
                lambda: self._worker.view(
                    sheet.path, sheet.page, sheet.marks, sheet.width
                )
            )
            self._drawn[sheet.name] = drawing
        self._drawn.move_to_end(sheet.name)
        return drawing.result() if drawing.done() else None

    def picture(self, name: str) -> bytes:
        """Return the PNG of a page that was drawn; b"" if there is none."""
        drawing = self._drawn.get(name)
        if drawing is None or drawing.cancelled() or not drawing.done():
            return b""
        return drawing.result().picture


# --- documents --------------------------------------------------------------------------

NOTES = (".md", ".markdown", ".txt")
COVER_WIDTH = 240
"""Pixels of the picture of a document on the shelf."""
COVER_WORDS = 400
WIDEST = 3_000
"""Pixels of the width of a page, at most."""
SHOWN_WORDS = 80
"""Characters of a mark by which it is named."""
LONGEST = 400_000
"""Bytes of a note, at most, that is shown whole."""
# What a program for notes doesn't show either, or shows otherwise.
_UNSEEN = regex(r"(?s)\A---\n.*?\n---(?:\n|\Z)|%%.*?%%|<!--.*?-->")
_BLOCK_ID = regex(r"(?m)[ \t]+\^[\w-]+[ \t]*$|^\^[\w-]+[ \t]*$")
_CALLOUT = regex(r"(?m)^((?:>[ \t]?)+)\[!([\w-]+)\][+-]?[ \t]*(.*)$")
_SIGNS = regex(r"\|(?:[-:| ]+\|)?|\$+|\\[A-Za-z]+")
"""Matches the signs of tables and formulas, of which a cover shows nothing."""
# A bracket within it would begin another link: of `[[[[[[` each is looked at once.
_LINK = regex(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]*))?\]\]")


def document_id(document: Document) -> str:
    """Return the name of a document for the page."""
    return h16("document", document.source, document.key, document.path)


class _Paper(Value):
    """A PDF that is shown, with the marks on each of its pages."""

    path: Path
    marks: tuple[tuple[int, Highlight], ...]


class Documents:
    """The documents that the page shows."""

    def __init__(self, ledger: Ledger, find: Find, pages: Pages) -> None:
        """Show documents of a ledger, with the pictures that `find` returns."""
        self._ledger = ledger
        self.find = find
        self.pages = pages
        self._papers: dict[str, _Paper] = {}
        self.other: Callable[[str], Json | None] = lambda key: None
        """Returns the document with another name than the key of a highlight; None if none has."""
        self.html_of: Callable[[Highlight], str] = lambda highlight: ""
        """Returns the text around a highlight in a web page or a book as HTML; "" for others."""

    def prepare(self, highlight: Highlight) -> str:
        """Make ready the pages that will be asked for first. Return the name of the document."""
        path = paper_of(self._ledger, highlight)
        if path is not None:
            self.pages.sizes(path)
        return document_id(highlight.document)

    def states(self, key: str) -> Json:
        """Return the states of all marks of the document of a highlight, by their keys."""
        marks = overview.marks(self._ledger, key)
        return {highlight.key: state for highlight, state in marks}

    def document(self, key: str) -> Json | None:
        """Return the document of a highlight; {} until it can be shown, None if there is none."""
        marks = overview.marks(self._ledger, key)
        if not marks:
            return self.other(key)
        highlights = [highlight for highlight, _ in marks]
        asked_for = [highlight for highlight in highlights if highlight.key == key]
        shown = asked_for[0] if asked_for else highlights[0]
        path = paper_of(self._ledger, shown)
        if path is not None:
            measured = self.pages.sizes(path)
            if measured is None:
                return {}
            if measured.pages:
                return self._sheets(path, marks, measured.pages, _head(marks, "sheets"))
        text = self.markdown_of(shown)
        html = self._html(shown, text) if text else self.html_of(shown)
        if html is None:
            return {}
        if html:
            entries = []
            for highlight, state in marks:
                entries.append({**entry_of(highlight, state), "exact": highlight.exact})
            return {**_head(marks, "text"), "html": html, "marks": entries}
        entries = [entry_of(highlight, state) for highlight, state in marks]
        book = book_html(shown.document.title, highlights)
        return {**_head(marks, "list"), "html": book, "marks": entries}

    def markdown_of(self, highlight: Highlight) -> str:
        """Return a note in which a passage is marked as Markdown; "" if it is in none."""
        return as_shown(self._text_of(highlight).replace("\r\n", "\n"))

    def _note_of(self, highlight: Highlight) -> Path | None:
        """Return the note in which a passage is marked; None if it is in none that can be shown."""
        document = highlight.document
        if not document.path.lower().endswith(NOTES):
            return None
        known = roots(self._ledger)
        for kind in ("obsidian", "markdown"):
            root = known.get(f"{kind}:{document.source}")
            file = file_in(root, document.path) if root else None
            try:
                if file is not None and file.stat().st_size <= LONGEST:
                    return file
            except OSError:
                return None
        return None

    def _text_of(self, highlight: Highlight) -> str:
        """Return the text of the note in which a passage is marked; "" if it is no note."""
        file = self._note_of(highlight)
        if file is None:
            return ""
        try:
            return file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return ""

    def cover(self, key: str) -> Json | None:
        """Return a small picture of the first page of a document, or its first words.

        {} while the page is being drawn; None if there is no document.
        """
        highlight = next(
            (highlight for highlight, _ in overview.marks(self._ledger, key)), None
        )
        if highlight is None:
            return None
        path = paper_of(self._ledger, highlight)
        if path is not None:
            sheet = Sheet(path, 0, (), COVER_WIDTH)
            drawn = self.pages.drawn(sheet)
            if drawn is None:
                return {}
            if drawn.picture:
                return {"src": f"/page/{sheet.name}.png"}
        beginning = self.markdown_of(highlight)[: 10 * COVER_WORDS]
        return {"words": plain(_SIGNS.sub(" ", beginning))[:COVER_WORDS]}

    def _html(self, highlight: Highlight, text: str) -> str | None:
        """Return the Markdown of a note as HTML, with its pictures; None while it is being made."""
        pictures = {}
        folder = PurePosixPath(highlight.document.path).parent
        for path in image_paths(text):
            media = self.find(highlight, str(folder / path)) or self.find(highlight, path)
            if media:
                pictures[path] = media
        return self.pages.note(text, pictures)

    def _sheets(
        self,
        path: Path,
        marks: Sequence[tuple[Highlight, str]],
        sizes: Sequence[tuple[float, float, str]],
        head: Json,
    ) -> Json:
        """Return the pages of a PDF with its marks."""
        entries = []
        placed = []
        for highlight, state in marks:
            place = place_of(highlight)
            if place is None or place[0] >= len(sizes):
                continue
            page, marked = place
            _, height, _ = sizes[page]
            top = marked.box[3] if marked.box else height
            at = min(max(1 - top / height, 0.0), 1.0)
            entry = entry_of(highlight, state)
            entries.append({**entry, "page": page, "at": round(at, 3)})
            placed.append((page, highlight))
        self._papers[head["id"]] = _Paper(path, tuple(placed))
        return {**head, "sheets": sizes, "marks": entries}

    def sheets_of(self, path: Path, head: Json) -> Json:
        """Return the pages of a PDF in which nothing is marked; {} until they are measured."""
        measured = self.pages.sizes(path)
        return {} if measured is None else self._sheets(path, (), measured.pages, head)

    def page(self, id: str, number: int, width: int) -> Json | None:
        """Begin to draw a page of a document, or return it.

        Returns:
            {} while it is being drawn; then `src`, `width`, `height`, the places of its `marks` by
            their keys, its `lines`, and whether it is `dark`; with an empty `src` if it cannot be
            drawn. None if no such document is shown.
        """
        paper = self._papers.get(id)
        if paper is None:
            return None
        keys = []
        marked = []
        for page, highlight in paper.marks:
            place = place_of(highlight)
            if page == number and place is not None:
                keys.append(highlight.key)
                marked.append(place[1])
        sheet = Sheet(paper.path, number, tuple(marked), min(width, WIDEST))
        drawn = self.pages.drawn(sheet)
        if drawn is None:
            return {}
        return {
            "src": f"/page/{sheet.name}.png" if drawn.picture else "",
            "width": drawn.width,
            "height": drawn.height,
            "marks": dict(zip(keys, drawn.marks, strict=False)),
            "lines": drawn.lines,
            "dark": drawn.is_dark,
        }


def as_html(markdown: str, pictures: Mapping[str, Media]) -> str:
    """Return the Markdown of a note as HTML for the page."""
    return on_page(render(markdown, pictures=pictures)).replace("<wbr>", "")


def as_shown(text: str) -> str:
    """Return the Markdown of a note as Obsidian shows it when it is read."""
    text = with_open_signs(_UNSEEN.sub("", without_open_signs(text)))
    text = _BLOCK_ID.sub("", reveal(text))
    text = _CALLOUT.sub(
        lambda line: f"{line[1]}**{line[3] or line[2].capitalize()}**", text
    )
    return _LINK.sub(_link_as_shown, text)


def _link_as_shown(link: re.Match[str]) -> str:
    """Return a link of Obsidian as Markdown: a picture, or the words that it shows."""
    embeds, target, label = link.groups()
    if embeds:
        return f"![{label or ''}](<{target.partition('#')[0].strip()}>)"
    return str(label or target.replace("#", " › ").strip(" ›"))


def _head(marks: Sequence[tuple[Highlight, str]], kind: str) -> Json:
    """Return the fields that every document has."""
    highlight, _ = marks[0]
    document = highlight.document
    return {
        "id": document_id(document),
        "kind": kind,
        "title": document.title,
        "lang": language_of("\n".join(each.exact for each, _ in marks[:_READ_FOR_LANG])),
    }


_READ_FOR_LANG = 10
"""The marks by which the language of a document is told."""


_WITHOUT_WORDS = (HighlightKind.IMAGE, HighlightKind.INK, HighlightKind.NOTE)
"""What does not lie on words: a fill would hide those that happen to be there."""


def entry_of(highlight: Highlight, state: str) -> Json:
    """Return the fields that every mark has."""
    words = on_one_line(highlight.exact or highlight.comment or "A picture")
    return {
        "key": highlight.key,
        "state": state,
        "words": words[:SHOWN_WORDS],
        "frame": highlight.kind in _WITHOUT_WORDS,
    }
