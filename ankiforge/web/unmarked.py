"""Show documents without highlights on the review page, and create highlights there.

The page identifies a document by the key of any of its highlights. Without highlights, `unmarked:`
and a hash of its path identify it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

from ankiforge.draft.choose import DEFAULT_PASSAGE_COUNT
from ankiforge.errors import ItemError, RefusedError, UsageError
from ankiforge.extract.discover import UNMARKED_KINDS
from ankiforge.extract.files import stamp_file, title_from_file_name
from ankiforge.ledger import cards
from ankiforge.ledger.decide import undo_decision
from ankiforge.model import Highlight, HighlightKey, Json, Problem, Value, hash16, hints
from ankiforge.pipeline import unmarked
from ankiforge.pipeline.media import find_document_file, load_source_directories
from ankiforge.pipeline.sources import find_unmarked_paths
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text.located import PassageMatch
from ankiforge.web.documents import (
    NOTE_SUFFIXES,
    DocumentRenderer,
    find_pdf,
    to_reading_view,
)

UNMARKED_PREFIX = "unmarked:"
_MAX_CACHED = 2
"""The maximum number of cached documents, each with its whole text."""


class TextSelection(Value, forbid_unknown_fields=True):
    """Text in a document that the user selected for highlighting."""

    key: str
    """The key of a highlight in the document, or the name of a document without highlights."""
    text: str
    before: str = ""
    """Text before the selection on the same page, to distinguish identical passages."""
    page: int = -1
    """The index of the page, or -1 if the document has no pages."""


class UnmarkedDocuments:
    """Renders documents without highlights, and adds highlights to any document."""

    def __init__(self, workspace: Workspace, documents: DocumentRenderer) -> None:
        """Register as the renderer for documents that `documents` can't render itself."""
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._documents = documents
        self._paths: dict[str, Path] = {}
        self._cache: dict[str, unmarked.OpenDocument] = {}
        documents.render_unmarked = self._render
        documents.render_web_page_or_book = self._render_web_page_or_book

    def list_shelf_rows(self) -> list[Json]:
        """Build one shelf row per document without highlights."""
        entries = []
        for name in find_unmarked_paths(self._workspace.folder, self._ledger):
            path = Path(name)
            id = hash16("unmarked", name)
            self._paths[f"{UNMARKED_PREFIX}{id}"] = path
            entry: Json = {
                "id": id,
                "key": f"{UNMARKED_PREFIX}{id}",
                "title": title_from_file_name(path.stem),
                "by": "",
                "kind": "sheets" if path.suffix.casefold() == ".pdf" else "text",
                "waiting": 0,
                "proposed": 0,
                "rest": "no highlights yet",
                "is_open": False,
                "for_chat": True,
                "unmarked": True,
            }
            entries.append(entry)
        return entries

    def find_row_id(self, path: Path) -> str:
        """Return the ID of a file's shelf row, or "" if it has none."""
        for key, other in self._paths.items():
            if other == path:
                return key.removeprefix(UNMARKED_PREFIX)
        return ""

    def _render(self, key: str) -> Json | None:
        """Render a document without highlights as JSON.

        Returns {} until it is ready, or None if there is no such document.
        """
        path = self._paths.get(key)
        if path is None:
            return None
        kind = "sheets" if path.suffix.casefold() == ".pdf" else "text"
        title = title_from_file_name(path.stem)
        header = {
            "id": key.removeprefix(UNMARKED_PREFIX),
            "title": title,
            "kind": kind,
            "lang": "",
        }
        if kind == "sheets":
            return self._documents.render_unmarked_pdf(path, header)
        if path.suffix.casefold() in NOTE_SUFFIXES:
            text = path.read_text(encoding="utf-8-sig", errors="replace")
            html = self._documents.pages.render_note(to_reading_view(text), {})
        else:
            html = self.render_html(path)
        if html is None:
            return {}
        return {**header, "html": html, "marks": []}

    def _render_web_page_or_book(self, highlight: Highlight) -> str:
        file = self.find_file_of_highlight(highlight)
        if file is None or file.suffix.casefold() not in UNMARKED_KINDS:
            return ""
        return self.render_html(file)

    def render_html(self, path: Path) -> str:
        """Render the text of a web page or book as HTML headings and paragraphs."""
        document = self._open_document(path).whole_text
        parts = []
        for paragraph in document.paragraphs:
            tag = f"h{min(paragraph.level + 1, 6)}" if paragraph.level else "p"
            parts.append(
                f"<{tag}>{escape(document.get_paragraph_text(paragraph))}</{tag}>"
            )
        return "".join(parts)

    def _open_document(self, path: Path) -> unmarked.OpenDocument:
        """Open a document and extract its text, caching the result.

        Raises:
            ItemError: the document has no text or can't be read.
        """
        name = f"{path} {stamp_file(path)}"
        if name not in self._cache:
            for opened in unmarked.iter_documents(self._workspace, [path], private=True):
                if isinstance(opened, Problem):
                    raise ItemError(opened.what, hint=opened.hint)
                while len(self._cache) >= _MAX_CACHED:
                    del self._cache[next(iter(self._cache))]
                self._cache[name] = opened
        return self._cache[name]

    def _find_file(self, key: str) -> Path:
        """Find a document's file, given its name or the key of any highlight in it.

        Raises:
            UsageError: the file isn't on this computer.
        """
        if key in self._paths:
            return self._paths[key]
        highlight = cards.load_highlight(self._ledger, HighlightKey(key))
        file = self.find_file_of_highlight(highlight)
        if file is None:
            raise UsageError(
                "the file of this document is not here, so nothing is marked"
            )
        return file

    def find_file_of_highlight(self, highlight: Highlight) -> Path | None:
        """Find the file that contains a highlight, or return None if it isn't available here."""
        source, path = highlight.document.source, highlight.document.path
        for name, root in load_source_directories(self._ledger).items():
            if name.partition(":")[2] == source and path:
                file = find_document_file(root, path)
                if file is not None:
                    return file
        return find_pdf(self._ledger, highlight)

    # --- asking a chat for passages -----------------------------------------------------

    def request_passages(self, key: str) -> unmarked.DocumentRequest:
        """Prepare a request that asks a chat to choose ten passages, one chunk at a time.

        Raises:
            ItemError: no chunk of the document may be shown to a chat.
        """
        requests, _ = unmarked.prepare_requests(
            self._workspace, self._paths[key], DEFAULT_PASSAGE_COUNT
        )
        return requests[0]

    # --- highlighting -------------------------------------------------------------------

    def add_highlight(self, words: TextSelection) -> Json:
        """Create a highlight from the text that the user selected.

        Returns:
            `key`, the key of the highlight; and `undo`, an ID for undoing it.

        Raises:
            UsageError: the text isn't in the document.
        """
        opened = self._open_document(self._find_file(words.key))
        located = unmarked.locate_selection(opened, words.text, words.before, words.page)
        if located is None:
            raise UsageError("these words are not in the document as they are selected")
        return self._create_highlight_at(opened, located)

    def _create_highlight_at(
        self, opened: unmarked.OpenDocument, located: PassageMatch
    ) -> Json:
        with self._ledger.action() as action:
            key = unmarked.create_highlight(self._workspace, opened, located)
        return {"key": key, "undo": action}

    def delete_highlight(self, key: str) -> Callable[[], Json] | None:
        """Delete a highlight that was created on the page.

        Returns:
            A function that restores the highlight, or None if its text can no longer be found.

        Raises:
            RefusedError: the highlight is part of the file.
        """
        highlight = cards.load_highlight(self._ledger, HighlightKey(key))
        event = hints.find_chosen_event(highlight.hints)
        if not event:
            message = "this highlight is in the file: take it out there"
            raise RefusedError(message)
        opened = self._open_document(self._find_file(key))
        located = unmarked.locate_selection(opened, highlight.exact, highlight.prefix)
        undo_decision(self._ledger, event)
        return partial(self._create_highlight_at, opened, located) if located else None
