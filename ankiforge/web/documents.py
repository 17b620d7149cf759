"""Render documents and their highlights as JSON for the page, and create highlights.

A document is a file, with or without highlights, or a set of highlights whose file isn't on
this computer. Its id on the page doesn't change when it gets its first highlight.

PDF pages are measured and rendered by the processes that read PDFs (`extract.pdf.worker`). This may
take a second, so it is left to a function (`SlowJson`) that the server calls while other requests
use the session. `DocumentRenderer.render_document` describes the JSON.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace

from ankiforge.anki.render import render_field
from ankiforge.draft.choose_passages import DEFAULT_PASSAGE_COUNT
from ankiforge.errors import ItemError, RefusedError, UsageError
from ankiforge.extract.discover import UNMARKED_KINDS
from ankiforge.extract.files import NOTE_SUFFIXES, read_stamp, title_from_file_name
from ankiforge.extract.markdown.placeholders import (
    replace_unclosed_markers,
    restore_unclosed_markers,
)
from ankiforge.extract.pdf.boxes import Box
from ankiforge.extract.pdf.messages import (
    DrawPageReply,
    MeasurePagesReply,
    PageHighlight,
    RelativeBox,
)
from ankiforge.extract.pdf.worker import PdfWorkerPool
from ankiforge.language.detection import detect_language
from ankiforge.ledger import Ledger, pending_items
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.decide import undo_decision
from ankiforge.model import (
    Highlight,
    HighlightKey,
    HighlightKind,
    Json,
    Media,
    Problem,
    SourceKind,
    Value,
    hash16,
    hints,
)
from ankiforge.pipeline import unmarked_documents
from ankiforge.pipeline.media import find_document_file
from ankiforge.pipeline.sources import load_source_directories
from ankiforge.pipeline.stored_documents import find_unmarked_documents
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import regex, to_one_line
from ankiforge.text.cloze import (
    find_image_paths,
    parse_image_label,
    reveal_answers,
)
from ankiforge.text.located import PassageMatch, locate_selection
from ankiforge.web.card_view import FindPicture, adapt_html_to_page, render_highlight_list

DRAW_TIMEOUT = 20.0
"""The time limit for rendering a PDF page, in seconds."""
MAX_CACHED = 40
"""The maximum number of cached results, i.e. page images and lists of page sizes."""

_T = TypeVar("_T")

SlowJson = Callable[[], Json]
"""Returns JSON after work that takes a while and uses neither the ledger nor the session."""

_PAGE_IN_URL = regex(r"[?&]page=(\d{1,6})(?!\d)")
_ZOTERO_STORAGE = "storage"
_KINDS_BY_SCHEME = {
    "vault": ("obsidian", "markdown"),
    **{kind: (kind,) for kind in ("pdf", *UNMARKED_KINDS.values())},
}
"""Maps the scheme of a highlight's namespace to the source types that may have its file."""


def find_file(ledger: Ledger, highlight: Highlight) -> Path | None:
    """Find the PDF, note, web page or book that contains a highlight, if it's on this computer.

    For Zotero, only PDFs in its storage are found, not linked files.
    """
    document = highlight.document
    scheme = highlight.namespace.partition(":")[0]
    # the directory of each source, keyed by its type and name, e.g. `pdf:Papers`
    root_paths = load_source_directories(ledger)
    if scheme == SourceKind.ZOTERO:
        root = root_paths.get(f"{scheme}:{document.source}")
        if not root:
            return None
        return _find_in_zotero_storage(Path(root), highlight.block_id)
    for kind in _KINDS_BY_SCHEME.get(scheme, ()):
        root = root_paths.get(f"{kind}:{document.source}")
        if not root:
            continue
        file = find_document_file(root, document.path)
        if file is not None:
            return file
    return None


def _find_in_zotero_storage(folder: Path, file_key: str) -> Path | None:
    """Return the PDF that Zotero stores under an attachment's key.

    Returns None if the attachment's directory has no PDF or several.
    """
    if not (file_key.isascii() and file_key.isalnum()):
        return None
    if folder.is_file():
        folder = folder.parent
    try:
        entries = [*(folder / _ZOTERO_STORAGE / file_key).iterdir()]
    except OSError:
        return None
    pdf_names = [entry.name for entry in entries if _is_pdf(entry)]
    if len(pdf_names) != 1:
        return None
    return find_document_file(str(folder), f"{_ZOTERO_STORAGE}/{file_key}/{pdf_names[0]}")


def _is_pdf(file: Path | None) -> bool:
    return file is not None and file.suffix.casefold() == ".pdf"


def find_page_and_highlight(highlight: Highlight) -> tuple[int, PageHighlight] | None:
    """Return the index of the PDF page with a highlight, and the text or box to mark on it.

    Returns None if the page is unknown, or if the highlight has neither text nor a box.
    """
    position = hints.find_position(highlight.hints)
    box = position[1] if position else None
    if not highlight.exact and not box:
        return None
    page_in_url = _PAGE_IN_URL.search(highlight.uri)
    if highlight.source_kind is SourceKind.PDF and highlight.block_id.isdecimal():
        page = int(highlight.block_id)
    elif position:
        page = position[0]
    elif page_in_url:
        page = int(page_in_url[1]) - 1
    else:
        return None
    return page, PageHighlight(highlight.exact, box)


# --- pages ------------------------------------------------------------------------------


class PagePicture(Value):
    """A request for an image of a PDF page at a given width, with highlights marked."""

    path: Path
    page: int
    """The index of the page."""
    marks: tuple[PageHighlight, ...]
    width: int
    """The width of the picture in pixels."""

    @property
    def name(self) -> str:
        """The name of the image in its URL. It changes when the file or its highlights change."""
        return hash16("page", str(self.path), repr(read_stamp(self.path)), repr(self))


class PageRenderer:
    """Measures and renders PDF pages in worker processes, and caches the results.

    All methods are thread-safe.
    """

    def __init__(self) -> None:
        """Set up the PDF worker processes, without starting any."""
        self._lock = Lock()
        self._cache: OrderedDict[str, Any] = OrderedDict()
        self._worker = PdfWorkerPool(DRAW_TIMEOUT)

    def _get_cached(self, name: str, job: Callable[[], _T]) -> _T:
        with self._lock:
            cached: _T | None = self._cache.get(name)
        if cached is not None:
            return cached
        result = job()
        with self._lock:
            self._cache[name] = result
            while len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)
        return result

    def read_page_sizes(self, path: Path) -> MeasurePagesReply:
        """Return the size and label of each page of a PDF, or no pages if the PDF can't be read."""
        name = hash16("sizes", str(path), repr(read_stamp(path)))
        return self._get_cached(name, lambda: self._worker.read_page_sizes(path))

    def draw_page(self, page: PagePicture) -> DrawPageReply:
        """Return the image of a PDF page, and the positions of its highlights and lines."""
        arguments = (page.path, page.page, page.marks, page.width)
        return self._get_cached(page.name, lambda: self._worker.draw_page(*arguments))

    def get_picture(self, name: str) -> bytes | None:
        """Return the cached PNG of a page by its name in the URL, or None if it isn't cached."""
        with self._lock:
            drawn = self._cache.get(name)
        return drawn.picture if isinstance(drawn, DrawPageReply) else None


# --- documents --------------------------------------------------------------------------

MAX_PAGE_WIDTH = 3_000
"""The maximum width of a page, in pixels."""
MAX_LABEL_CHARS = 80
"""The maximum length of a highlight's label, in characters."""
MAX_NOTE_BYTES = 200_000
"""The maximum size of a displayed note, in bytes. Larger notes are shown as a list of highlights.
"""
# The parts of a note that Obsidian hides or shows differently in its reading view.
_HIDDEN = regex(r"(?s)\A---\n.*?\n---(?:\n|\Z)|%%.*?%%|<!--.*?-->")
_BLOCK_ID = regex(r"(?m)[ \t]+\^[\w-]+[ \t]*$|^\^[\w-]+[ \t]*$")
_CALLOUT = regex(r"(?m)^((?:>[ \t]?)+)\[!([\w-]+)\][+-]?[ \t]*(.*)$")
# The link's text must not contain brackets, so that each `[` in `[[[[[[` is tried only once.
_WIKILINK = regex(r"(!?)\[\[([^\[\]|\n]+)(?:\|([^\[\]\n]*))?\]\]")


class ShownDocument(Value):
    """A document that the page has shown, identified by its file, one of its highlights or both."""

    file: Path | None = None
    """The file, or None to look it up by the highlight."""
    key: str = ""
    """The key of any highlight in the document, or "" if it has none."""


class TextSelection(Value, forbid_unknown_fields=True):
    """Text in a document that the user selected for highlighting."""

    id: str
    """The ID of the document."""
    text: str
    before: str = ""
    """Text before the selection on the same page, to distinguish identical passages."""
    page: int = -1
    """The index of the page, or -1 if the document has no pages."""


class _PlacedMark(NamedTuple):
    """A highlight in a PDF, on the page with an index."""

    page: int
    key: HighlightKey
    mark: PageHighlight


class DocumentRenderer:
    """Renders documents and their covers, and adds highlights to them."""

    def __init__(
        self, workspace: Workspace, find_picture: FindPicture, pages: PageRenderer
    ) -> None:
        """Create a renderer.

        Args:
            workspace: source of the documents, highlights and their states.
            find_picture: looks up pictures in notes.
            pages: renders PDF pages.
        """
        self._workspace = workspace
        self._ledger = workspace.ledger
        self.find_picture = find_picture
        self.pages = pages
        self._documents: dict[str, ShownDocument] = {}
        """The documents that the page has shown, keyed by ID."""
        self._first_ids: dict[str, str] = {}
        """Maps the ID that `register_document` computes from a highlight to the ID that
        the document had before it got its first highlight on the page."""
        self._marks_by_pdf: dict[str, list[_PlacedMark]] = {}
        """The highlights in the PDFs that the page has shown, keyed by the ID of the document."""
        self._opened: dict[str, unmarked_documents.OpenDocument] = {}

    # --- IDs ----------------------------------------------------------------------------

    def register_document(self, highlight: Highlight) -> str:
        """Return the ID of a highlight's document, and allow the page to request the document."""
        document = highlight.document
        id = hash16("document", document.source, document.key, document.path)
        id = self._first_ids.get(id, id)
        known = self._documents.get(id, ShownDocument())
        self._documents[id] = replace(known, key=highlight.key)
        return id

    def reuse_document_id(self, id: str, key: HighlightKey) -> None:
        """Keep using a document's ID even if a new highlight would give it another ID.

        `key` is the key of the new highlight.
        """
        before = self._documents[id]
        usual_id = self.register_document(load_highlight(self._ledger, key))
        self._first_ids[usual_id] = id
        self._documents[id] = replace(before, key=before.key or key)

    def get_highlight_key(self, id: str) -> str:
        """Return the key of any highlight in a document, or "" if there is none."""
        return self._documents[id].key if id in self._documents else ""

    def find_document_id(self, file: Path) -> str | None:
        """Return the ID under which a file was shown, or None if the page hasn't shown the file."""
        for id, shown in self._documents.items():
            if shown.file == file:
                return id
        return None

    def has_no_highlights(self, id: str) -> bool:
        """Return whether a document that the page has shown has no highlights."""
        return id in self._documents and not self._documents[id].key

    def list_unmarked(self) -> list[Json]:
        """Return a row of the shelf for each file without highlights.

        The files of the latest day come first; see `get_recency_key`.
        If the files are in several folders, a row names the folder of its file.
        """
        files = find_unmarked_documents(self._workspace.folder, self._ledger)
        files.sort(key=get_recency_key)
        has_folders = len({file.parent for file in files}) > 1
        rows: list[Json] = []
        for file in files:
            id = hash16("unmarked", str(file))
            self._documents[id] = ShownDocument(file)
            rows.append(
                {
                    "id": id,
                    "title": title_from_file_name(file.stem),
                    "by": file.parent.name if has_folders else "",
                    "waiting": 0,
                    "more": 0,
                    "rest": UNMARKED_LABEL,
                    "is_open": False,
                    "chat": CHOOSE_LABEL,
                    "is_unmarked": True,
                }
            )
        return rows

    # --- rendering ----------------------------------------------------------------------

    def get_highlight_states(self, id: str) -> Json:
        """Return the state of each highlight in a document, keyed by highlight key."""
        marks = pending_items.load_passage_states(
            self._ledger, self.get_highlight_key(id)
        )
        return {highlight.key: state for highlight, state in marks}

    def render_document(self, id: str) -> Json | SlowJson | None:
        """Render a document as JSON.

            document = {id, key, kind, title, lang, marks, sheets?, html?}

        Returns None if the page hasn't shown a document with this ID, and a function for a PDF,
        because it takes a while to measure its pages.

        `kind` is `sheets` for a PDF, whose pages are listed in `sheets` as [width, height, page
        label]; `text` for a note, web page or book, with its text in `html`; or `list` for
        anything else, where `html` lists the highlights and the text around them.

        `marks` has one entry per highlight: its `key`, its `state` (see
        `load_passage_states`), a label (`words`), its text (`exact`), whether it is shown as a
        `frame`, and whether it was `made` on the page. In a PDF, an entry also has the index of
        the `page` and the `box`, if known, as fractions of the page's width and height. The outer
        `key` is the highlight to show first.
        """
        shown = self._documents.get(id)
        if shown is None:
            return None
        marks = pending_items.load_passage_states(self._ledger, shown.key)
        highlights = [highlight for highlight, _ in marks]
        first = _find_highlight(highlights, shown.key)
        file = shown.file
        if file is None and first:
            file = find_file(self._ledger, first)
        if file is None:
            file = self._find_zotero_file(highlights)
            # `_find_file`, which only knows the key, would not find this file again
            self._documents[id] = replace(shown, file=file)
        header = {
            "id": id,
            "key": shown.key,
            "title": _find_title(file, first),
            "lang": _detect_language(highlights),
        }
        if file is None:
            return _render_highlights(marks, header)
        if _is_pdf(file):
            return partial(self._render_sheets, file, marks, header)
        html = self._render_file_text(file, first)
        if not html:
            return _render_highlights(marks, header)
        return {**header, "kind": "text", "html": html, "marks": _marks_to_json(marks)}

    def _render_file_text(self, file: Path, first: Highlight | None) -> str:
        """Render the text of a note, web page or book as HTML, or return "" for any other file."""
        suffix = file.suffix.casefold()
        if suffix in NOTE_SUFFIXES:
            return self._render_note(file, first)
        return self._render_text(file) if suffix in UNMARKED_KINDS else ""

    def _find_file(self, id: str) -> Path | None:
        shown = self._documents[id]
        if shown.file or not shown.key:
            return shown.file
        return find_file(self._ledger, load_highlight(self._ledger, shown.key))

    def _find_zotero_file(self, highlights: Sequence[Highlight]) -> Path | None:
        """Find the PDF of a Zotero item by those of its highlights that are annotations.

        A note of the item is a highlight of the same document, but doesn't know the PDF.
        """
        highlight_by_attachment = {}
        for highlight in highlights:
            if highlight.source_kind is SourceKind.ZOTERO:
                highlight_by_attachment[highlight.block_id] = highlight
        for highlight in highlight_by_attachment.values():
            file = find_file(self._ledger, highlight)
            if file is not None:
                return file
        return None

    def _render_note(self, file: Path, highlight: Highlight | None) -> str:
        text = read_note(file)
        media_by_path = {}
        if highlight:
            for path in find_image_paths(text):
                media = self._find_note_picture(highlight, path)
                if media:
                    media_by_path[path] = media
        html = render_field(text, pictures=media_by_path)
        return adapt_html_to_page(html).replace("<wbr>", "")

    def _find_note_picture(self, highlight: Highlight, path: str) -> Media | None:
        """Look up a picture in a note, relative to the note and then to the vault."""
        folder = PurePosixPath(highlight.document.path).parent
        beside_note = self.find_picture(highlight, str(folder / path))
        return beside_note or self.find_picture(highlight, path)

    def _render_text(self, path: Path) -> str:
        """Render the text of a web page or book as HTML headings and paragraphs."""
        document = self._open_document(path).whole_text
        parts = []
        for paragraph in document.paragraphs:
            words = escape(document.get_paragraph_text(paragraph))
            if paragraph.level:
                level = min(paragraph.level + 1, 6)
                parts.append(f"<h{level}>{words}</h{level}>")
            else:
                parts.append(f"<p>{words}</p>")
        return "".join(parts)

    def _render_sheets(
        self, file: Path, marks: Sequence[tuple[Highlight, str]], header: Json
    ) -> Json:
        """Render a PDF as JSON, and store its highlights for `render_page`.

        Highlights without a known page are left out. A PDF that can't be read is a list of its
        highlights.
        """
        sizes = self.pages.read_page_sizes(file).pages
        if marks and not sizes:
            return _render_highlights(marks, header)
        entries = []
        placed_marks = []
        for highlight, state in marks:
            position = find_page_and_highlight(highlight)
            if position is None or position[0] >= len(sizes):
                continue
            page, marked = position
            box = _to_relative_box(marked.box, sizes[page]) if marked.box else None
            entry = highlight_to_json(highlight, state)
            entries.append({**entry, "page": page, "box": box})
            placed_marks.append(_PlacedMark(page, highlight.key, marked))
        self._marks_by_pdf[header["id"]] = placed_marks
        return {**header, "kind": "sheets", "sheets": sizes, "marks": entries}

    def render_page(self, id: str, number: int, width: int) -> SlowJson | None:
        """Return a function that renders a page of a PDF, or None if no such PDF was shown.

        The JSON has `src`, the URL of the image, or "" if the page can't be rendered; the `width`
        and `height` of the image; the positions of the `marks`, keyed by highlight; the page's
        `lines` of text; and whether the page is `dark`.

        Args:
            id: the ID of the document, for which `render_document` was called before.
            number: the index of the page.
            width: the width of the picture in pixels.
        """
        file = self._find_file(id) if id in self._marks_by_pdf else None
        if file is None:
            return None
        placed_marks = [mark for mark in self._marks_by_pdf[id] if mark.page == number]
        marks = tuple(placed.mark for placed in placed_marks)
        page = PagePicture(file, number, marks, min(width, MAX_PAGE_WIDTH))
        return partial(self._draw_page, page, [placed.key for placed in placed_marks])

    def _draw_page(self, page: PagePicture, keys: Sequence[HighlightKey]) -> Json:
        """Render a page of a PDF as `render_page` describes. `keys` belong to `page.marks`."""
        drawn = self.pages.draw_page(page)
        # a page that can't be rendered has no boxes, so there may be fewer boxes than keys
        boxes_by_key = dict(zip(keys, drawn.marks, strict=False))
        return {
            "src": f"/page/{page.name}.png" if drawn.picture else "",
            "width": drawn.width,
            "height": drawn.height,
            "marks": boxes_by_key,
            "lines": drawn.lines,
            "dark": drawn.is_dark,
        }

    # --- highlighting -------------------------------------------------------------------

    def _open_document(self, path: Path) -> unmarked_documents.OpenDocument:
        """Read a document and extract its text. The last few results are cached.

        Raises:
            ItemError: the document has no text or can't be read.
        """
        name = f"{path} {read_stamp(path)}"
        if name in self._opened:
            return self._opened[name]
        # more than one result is possible only if a plug-in reads the file, too
        *_, opened = unmarked_documents.open_documents(
            self._workspace, [path], include_private=True
        )
        if isinstance(opened, Problem):
            raise ItemError(opened.message, hint=opened.hint)
        if len(self._opened) >= _MAX_OPENED:
            oldest = next(iter(self._opened))
            del self._opened[oldest]
        self._opened[name] = opened
        return opened

    def request_passages(self, id: str) -> unmarked_documents.DocumentRequest:
        """Prepare a request for a chat to choose ten passages from each part of the text in turn.

        Raises:
            ItemError: no part of the document may be shown to a chat.
        """
        file = self._find_file(id)
        assert file is not None
        requests, _ = unmarked_documents.prepare_requests(
            self._workspace, file, DEFAULT_PASSAGE_COUNT
        )
        return requests[0]

    def add_highlight(self, selection: TextSelection) -> tuple[str, Callable[[], object]]:
        """Create a highlight from the text that the user selected.

        Returns:
            The key of the highlight, and a function that deletes the highlight.

        Raises:
            UsageError: the text isn't in the document, or its file isn't on this computer.
        """
        file = self._find_file(selection.id)
        if file is None:
            raise UsageError(
                "the file of this document is not on this computer; nothing was marked"
            )
        opened = self._open_document(file)
        located = locate_selection(
            opened.letters, selection.text, selection.before, selection.page
        )
        if located is None:
            raise UsageError("the document does not contain the selected words")
        return self._create_highlight(selection.id, opened, located)

    def _create_highlight(
        self, id: str, opened: unmarked_documents.OpenDocument, located: PassageMatch
    ) -> tuple[str, Callable[[], object]]:
        before = self._documents[id]
        with self._ledger.action() as action:
            key = unmarked_documents.create_highlight(self._workspace, opened, located)
        self.reuse_document_id(id, key)

        def delete() -> None:
            undo_decision(self._ledger, action)
            self._documents[id] = before

        return key, delete

    def delete_highlight(self, key: str) -> Callable[[], object] | None:
        """Delete a highlight that was created on the page.

        Returns:
            A function that restores the highlight, or None if the highlighted text is no longer
                in the document.

        Raises:
            RefusedError: the highlight is part of the file.
            UsageError: the document's file isn't on this computer.
        """
        highlight = load_highlight(self._ledger, key)
        event = hints.find_choice_event_id(highlight.hints)
        if not event:
            raise RefusedError("this highlight is in the file: take it out there")
        id = self.register_document(highlight)
        file = self._find_file(id)
        if file is None:
            raise UsageError("the file of this document is not on this computer")
        opened = self._open_document(file)
        located = locate_selection(opened.letters, highlight.exact, highlight.prefix)
        undo_decision(self._ledger, event)
        # the page goes on showing the document, which the deleted highlight no longer identifies
        self._documents[id] = ShownDocument(file, self._find_other_key(key))
        if located is None:
            return None
        return partial(self._create_highlight, id, opened, located)

    def _find_other_key(self, key: str) -> str:
        """Return the key of another highlight in the same document, or "" if there is none."""
        for other, _ in pending_items.load_passage_states(self._ledger, key):
            if other.key != key:
                return other.key
        return ""


def _find_highlight(highlights: Sequence[Highlight], key: str) -> Highlight | None:
    """Return the highlight with a key, or else the first highlight, if there is any."""
    for highlight in highlights:
        if highlight.key == key:
            return highlight
    return highlights[0] if highlights else None


def _render_highlights(marks: Sequence[tuple[Highlight, str]], header: Json) -> Json:
    """Render a document whose text can't be shown as a list of its highlights."""
    html = render_highlight_list(header["title"], [highlight for highlight, _ in marks])
    kind = "list" if marks else "text"
    return {**header, "kind": kind, "html": html, "marks": _marks_to_json(marks)}


def _marks_to_json(marks: Sequence[tuple[Highlight, str]]) -> list[Json]:
    return [highlight_to_json(highlight, state) for highlight, state in marks]


def _find_title(file: Path | None, highlight: Highlight | None) -> str:
    """Return the title of a document, which a file without highlights has from its name."""
    if highlight:
        return highlight.document.title
    return title_from_file_name(file.stem) if file else ""


def _detect_language(highlights: Sequence[Highlight]) -> str:
    """Detect the language of a document from its highlights. Returns "" without any."""
    if not highlights:
        return ""
    sample = highlights[:_LANGUAGE_SAMPLE_SIZE]
    return detect_language("\n".join(highlight.exact for highlight in sample))


def read_note(file: Path) -> str:
    """Return a note's text as in Obsidian's reading view, or "" if it can't be shown.

    Notes larger than `MAX_NOTE_BYTES` aren't shown.
    """
    if file.suffix.casefold() not in NOTE_SUFFIXES:
        return ""
    try:
        if file.stat().st_size > MAX_NOTE_BYTES:
            return ""
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""
    return to_reading_view(text.replace("\r\n", "\n"))


def to_reading_view(text: str) -> str:
    """Convert a note's Markdown to the text that Obsidian's reading view shows."""
    text = restore_unclosed_markers(_HIDDEN.sub("", replace_unclosed_markers(text)))
    text = _BLOCK_ID.sub("", reveal_answers(text))
    text = _CALLOUT.sub(
        lambda line: f"{line[1]}**{line[3] or line[2].capitalize()}**", text
    )
    return _WIKILINK.sub(_convert_wikilink, text)


def _convert_wikilink(link: re.Match[str]) -> str:
    embeds, target, label = link.groups()
    if not embeds:
        return str(label or target.replace("#", " › ").strip(" ›"))
    path = target.partition("#")[0].strip()
    if not label:
        return f"![](<{path}>)"
    alt, _ = parse_image_label(f"|{label}")
    if alt:
        return f"![{label}](<{path}>)"
    return f"![|{label}](<{path}>)"  # the label is only a width


_NUMBER = regex(r"\d+")


def get_recency_key(file: Path) -> tuple[int, str]:
    """Return a key that sorts files by the day on which they came or changed, latest first.

    Files of one day are sorted by path, in which numbers are compared by value. A missing file
    comes last.
    """
    stamp = read_stamp(file)
    day = stamp[1] // _NANOSECONDS_PER_DAY if stamp else 0
    return -day, _NUMBER.sub(lambda number: number[0].zfill(9), str(file).casefold())


_NANOSECONDS_PER_DAY = 86_400 * 10**9
_MAX_OPENED = 2
"""The maximum number of cached documents, each with its whole text."""
CHOOSE_LABEL = "Ask my chat for ten passages"
UNMARKED_LABEL = "nothing is marked; your chat can choose"
_LANGUAGE_SAMPLE_SIZE = 10
"""The number of highlights used to detect a document's language."""


def _to_relative_box(box: Box, size: tuple[float, float, str]) -> RelativeBox:
    """Convert a box in points to fractions of the page size, ignoring the page's rotation.

    The origin moves from the bottom left to the top left corner.
    """
    width, height, _ = size
    left, bottom, right, top = box
    edges = (left / width, 1 - top / height, right / width, 1 - bottom / height)
    left, top, right, bottom = (round(min(max(edge, 0.0), 1.0), 3) for edge in edges)
    return left, top, right, bottom


_FRAMED_KINDS = (HighlightKind.IMAGE, HighlightKind.INK, HighlightKind.NOTE)
"""The kinds of highlights that don't lie on text. They are drawn as frames, because a filled
rectangle would hide what is underneath.
"""


def highlight_to_json(highlight: Highlight, state: str) -> Json:
    """Convert a highlight to an entry of `marks`. Fields that only PDFs have are left out."""
    label = to_one_line(highlight.exact or highlight.comment or "A picture")
    return {
        "key": highlight.key,
        "state": state,
        "words": label[:MAX_LABEL_CHARS],
        "exact": highlight.exact,
        "frame": highlight.kind in _FRAMED_KINDS,
        "made": bool(hints.find_choice_event_id(highlight.hints)),
    }
