"""The shelf: the rows of documents, folders and lists with which the page begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import asdict

from ankiforge.ledger import pending_items
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.source_state import SourceState
from ankiforge.model import Json
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import batches
from ankiforge.review.batches import DocumentItems, FolderItems
from ankiforge.text import format_count
from ankiforge.web.documents import DocumentRenderer
from ankiforge.web.ledger_items import LedgerItems
from ankiforge.web.page_part import ItemSource, ShelfList
from ankiforge.web.sittings import Sittings

MAX_ROWS = 100
"""The maximum number of rows that are sent to the page at once."""
RECENT_UNMARKED_COUNT = 10
"""The number of documents without highlights that come before those in which nothing is pending."""
_NOT_LOST = (SourceState.PRESENT, SourceState.MISSING, SourceState.UNSELECTED)
"""The states of a passage whose cards have or may regain their source. In any other state, the
passage is gone."""
MAX_CREATORS = 2
"""The maximum number of authors per document."""
ASK_LABEL = "Ask my chat"
"""The label of the button that asks a chat about a document."""
BEST_LIST = "best"
"""The next ten of everything that waits, across documents."""
USER_LIST = "you"
"""The list of what only the user can answer."""
WORDS_LIST = "words"
"""The list of new words."""


class Shelf:
    """Renders the rows of the shelf, and remembers which folders they stand for."""

    def __init__(
        self,
        workspace: Workspace,
        items: LedgerItems,
        sources: Sequence[ItemSource],
        documents: DocumentRenderer,
        sittings: Sittings,
    ) -> None:
        """Create a shelf without reading the ledger yet.

        Args:
            workspace: the settings, which say whether a model drafts instead of a chat.
            items: what waits in the ledger.
            sources: every source of items, whose lists become rows.
            documents: registers the documents and lists those without highlights.
            sittings: which sittings are unfinished.
        """
        self._ledger = workspace.ledger
        self._offers_chat = workspace.folder.config.drafter != "llm"
        self._items = items
        self._sources = sources
        self._documents = documents
        self._sittings = sittings
        self._folders: dict[str, FolderItems] = {}
        """The rows of folders shown so far, keyed by the ID of their list."""

    def find_folder(self, list_id: str) -> FolderItems | None:
        """Return the folder that the row of a list stood for, or None if the list is no folder."""
        return self._folders.get(list_id)

    def render(self, all_document_items: Sequence[DocumentItems], start: int = 0) -> Json:
        """Render the next rows, what waits in all of them, and two lines below them.

        `ReviewSession.render_documents` describes the JSON.

        Args:
            all_document_items: what is pending or undecided in each document, best first.
            start: the number of rows to skip because the page already has them.
        """
        rows = self._list_rows(all_document_items)
        counts = self._items.count_waiting()
        return {
            "counts": asdict(counts),
            "waiting": batches.format_pending_counts(counts) or "",
            "documents": [
                self._render_row(row) for row in rows[start : start + MAX_ROWS]
            ],
            "more": len(rows) > start + MAX_ROWS,
        }

    # --- the order of the rows ------------------------------------------------------------

    def _list_rows(
        self, all_document_items: Sequence[DocumentItems]
    ) -> list[DocumentItems | Json]:
        """List the rows in their order. Those of documents aren't rendered yet.

        First comes what the user has begun, then what waits, then files without highlights and
        what has nothing pending. `ReviewSession.render_documents` describes the order, too.
        """
        unfinished = self._list_unfinished_documents()
        unfinished_documents = {each.document for each in unfinished}
        others = [
            each
            for each in all_document_items
            if each.document not in unfinished_documents
        ]
        pending = [each for each in others if each.waiting_count]
        finished = [each for each in others if not each.waiting_count]

        lists = self._list_lists()
        user_lists = [row for row in lists if row["id"] == USER_LIST]
        other_lists = [row for row in lists if row["id"] != USER_LIST]
        best_rows: list[Json] = []
        if len(unfinished) + len(pending) + len(lists) > 1:
            best_rows = self._render_best_row()

        unmarked = self._documents.list_unmarked()
        return [
            *unfinished,
            *best_rows,
            *user_lists,
            *self._group_by_folder(pending),
            *other_lists,
            *unmarked[:RECENT_UNMARKED_COUNT],
            *self._group_by_folder(finished),
            *unmarked[RECENT_UNMARKED_COUNT:],
        ]

    def _list_unfinished_documents(self) -> list[DocumentItems]:
        """Return the documents with an unfinished sitting in which something is left."""
        unfinished = []
        for target in self._sittings.iter_unfinished_targets():
            document_items = self.find_document_items(target)
            if document_items:
                unfinished.append(document_items)
        return unfinished

    def find_document_items(self, document: str) -> DocumentItems | None:
        """Return the pending drafts and undecided highlights of a document, or None without any."""
        key = self._documents.get_highlight_key(document)
        if not key:
            return None
        return self._items.find_document(key)

    def _group_by_folder(
        self, documents: Iterable[DocumentItems]
    ) -> list[DocumentItems | Json]:
        """Replace documents in which little waits by a row for each of their folders."""
        places = self._items.load_document_places()
        rows: list[DocumentItems | Json] = []
        for row in batches.group_small_documents(documents, places):
            if isinstance(row, FolderItems):
                rows.append(self._render_folder(row))
            else:
                rows.append(row)
        return rows

    def _list_lists(self) -> list[Json]:
        """Render the rows of the lists in which something waits, the list of words last."""
        rows: list[Json] = []
        for source in reversed(self._sources):
            counts = source.count_pending_items()
            for id, shelf_list in source.lists.items():
                if counts[id]:
                    rows.append(self._render_list(source, id, shelf_list, counts[id]))
        rows.sort(key=lambda row: row["id"] == WORDS_LIST)
        return rows

    # --- one row --------------------------------------------------------------------------

    def _render_row(self, row: DocumentItems | Json) -> Json:
        if isinstance(row, DocumentItems):
            return self._render_document(row)
        return row

    def _render_document(self, document_items: DocumentItems) -> Json:
        highlight = load_highlight(self._ledger, document_items.best_location.key)
        id = self._documents.register_document(highlight)
        row = {
            "id": id,
            "title": document_items.title,
            "by": ", ".join(highlight.document.creators[:MAX_CREATORS]),
            "waiting": document_items.waiting_count,
            "more": len(document_items.more),
            "rest": "",
            "is_open": document_items.waiting_count > 0,
            "chat": "",
            "left": self._sittings.format_position(id),
        }
        if not document_items.waiting_count:
            row["rest"] = f"{document_items.remaining_count:,} without a card"
        if document_items.should_offer_chat and self._offers_chat:
            row["chat"] = ASK_LABEL
        return row

    def _render_folder(self, folder: FolderItems) -> Json:
        """Render the row of a folder, which says what waits in all its documents together.

        The row has another ID once nothing waits, because it then stands for a list of highlights
        without a card. `waiting` is 0, because `rest` has the number.
        """
        if folder.waiting_count:
            id = f"in {folder.id}"
            count = f"{folder.waiting_count:,}"
        else:
            id = f"rest of {folder.id}"
            count = f"{folder.remaining_count:,} without a card"
        self._folders[id] = folder
        documents = format_count(len(folder.documents), "document")
        return {
            "id": id,
            "list": id,
            "title": folder.title,
            "by": "",
            "waiting": 0,
            "rest": f"{count} in {documents}",
            "is_open": folder.waiting_count > 0,
            "left": self._sittings.format_position(id),
        }

    def _render_best_row(self) -> list[Json]:
        """Render the row of everything that waits, unless nothing does."""
        total = self._items.count_waiting().total
        if not total:
            return []
        title = f"All {total}"
        if total > batches.SITTING_SIZE:
            title = f"Best ten of {total:,}"
        row = {
            "id": BEST_LIST,
            "list": BEST_LIST,
            "title": title,
            "by": "",
            "waiting": 0,
            "rest": "",
            "cover": str(min(total, batches.SITTING_SIZE)),
            "is_open": True,
            "left": self._sittings.format_position(BEST_LIST),
        }
        return [row]

    def _render_list(
        self, source: ItemSource, id: str, shelf_list: ShelfList, count: int
    ) -> Json:
        return {
            "id": id,
            "list": id,
            "title": shelf_list.title,
            "by": shelf_list.description,
            "cover": shelf_list.cover,
            **self.count_list(source, id, count),
            "is_open": True,
        }

    def count_list(self, source: ItemSource, list_id: str, count: int) -> Json:
        """Return what the row of a list says. What a feature lists doesn't wait."""
        if source is self._items:
            return {"waiting": self._items.count_waiting_in_list(list_id), "rest": ""}
        return {"waiting": 0, "rest": format_count(count, "card")}

    # --- below the rows -------------------------------------------------------------------

    def describe_lost_cards(self) -> str | None:
        """Describe the cards whose passage is gone, or return None if there are none."""
        from ankiforge.reports.summary import format_lost_cards

        lost_items = pending_items.count_dependent_items(
            self._ledger, excluded_states=_NOT_LOST
        )
        if not lost_items.cards:
            return None
        return format_lost_cards(lost_items)


def describe_rest(all_document_items: Iterable[DocumentItems]) -> str | None:
    """Describe the highlights without a card, or return None if there are none."""
    count = sum(document_items.remaining_count for document_items in all_document_items)
    if not count:
        return None
    return f"{format_count(count, 'highlight')} without a card."
