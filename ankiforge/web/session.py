"""The state of a review session: lists, items, decisions and undo, without HTTP or HTML.

The page starts with the shelf, a list of documents. The user then decides in sittings, batches of
at most ten items that come from the ledger (`ledger_items`) or a feature. Each decision includes
the `turn` of its item, a hash of what the user saw. If the item has changed since, the decision is
refused and the current item is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict, replace

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger import item_lists, pending_items
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.draft_groups import iter_draft_groups
from ankiforge.ledger.events import USER
from ankiforge.ledger.source_state import SourceState
from ankiforge.model import (
    CardKind,
    Highlight,
    HighlightKey,
    Json,
    ListRow,
    Media,
    Origin,
    Preview,
    ShownCard,
    SourceKind,
    Texts,
    hash16,
)
from ankiforge.pipeline.collection import apply_anki_edits_to_rows
from ankiforge.pipeline.decks import find_deck_and_tags, list_decks
from ankiforge.pipeline.deliver import open_package
from ankiforge.pipeline.media import load_highlight_media
from ankiforge.pipeline.query import parse_query, uses_query_syntax
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, Item, Review, StaleItemError, batches
from ankiforge.review.batches import DocumentItems, FolderItems, ReviewBatch
from ankiforge.review.decisions import DecisionOutcome, Edit, WriteCard
from ankiforge.review.items import iter_changed_cards
from ankiforge.text import format_as_sentence, format_count
from ankiforge.web.card_view import render_card, render_row
from ankiforge.web.documents import (
    CHOOSE_LABEL,
    DocumentRenderer,
    PageRenderer,
    TextSelection,
    find_file,
)
from ankiforge.web.items import ItemRenderer, selectable_text_to_json
from ankiforge.web.ledger_items import LedgerItems
from ankiforge.web.page_part import ChatPrompt, ItemSource, PagePart

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import RunResult

MAX_ROWS = 100
"""The maximum number of cards or documents that are sent to the page at once."""
RECENT_UNMARKED_COUNT = 10
"""The number of documents without highlights that come before those in which nothing is pending."""
MAX_CREATORS = 2
"""The maximum number of authors per document on the shelf."""
NO_HIGHLIGHTS_TEXT = "Nothing is marked here yet."
ASK_LABEL = "Ask my chat"
"""The label of the button that asks a chat about a document."""
CHOOSE_TEXT = (
    "Select words in the document and press Enter, or ask your chat for ten passages."
)
PagePartFactory = Callable[[Workspace, ItemRenderer], Iterable[PagePart]]


_WAITING_STATE = "Waiting"
"""The state that isn't shown in the list of all cards, because most of its rows have it."""
_BEST_LIST = "best"
"""The next ten of everything that waits, across documents. It is the first row of the shelf."""
_USER_LIST = "you"
"""The list of what only the user can answer. It comes first on the shelf."""
_WORDS_LIST = "words"
"""The list of new words. It comes after the other lists."""


class _UndoEntry(NamedTuple):
    revert: Callable[[], object]
    id: str = ""
    """The ID of the item decided on, or ""."""
    number: int = 0
    """The number of the decision's sitting, or 0."""
    sitting: ReviewBatch | None = None
    """The sitting before the decision."""


class ReviewSession:
    """A single user's review session.

    Most methods return JSON for the page's script. "The new counts" are the fields that
    `count_items` returns.
    """

    def __init__(
        self,
        workspace: Workspace,
        pages: PageRenderer,
        query: str = "",
        start_path: Path | None = None,
        get_parts: PagePartFactory = lambda workspace, renderer: (),
    ) -> None:
        """Start a session.

        Args:
            workspace: source of the pending items.
            pages: renders PDF pages.
            query: if not "", the page opens at the best document with a match.
            start_path: a file without highlights at which the page opens, or None.
            get_parts: returns the lists and handlers that features add to the page.
        """
        self._query = query
        self._start_path = start_path
        self._workspace = workspace
        self._ledger = workspace.ledger
        # The pictures and PDFs that the page has shown, keyed by their name in the URL.
        self._files: dict[str, Path] = {}
        self.documents = DocumentRenderer(workspace, self._find_picture, pages)
        uses_model = workspace.folder.config.drafter == "llm"
        self._renderer = ItemRenderer(
            self._ledger,
            find_pdf_link=self._find_pdf_link,
            documents=self.documents,
            uses_model=uses_model,
            can_show_in_anki=workspace.can_show_in_anki,
        )
        self._items = LedgerItems(workspace, self._renderer, self.documents)
        # The sources of items. The ledger comes last, because its prefix matches any ID.
        self._sources: list[ItemSource] = [self._items]
        self.get_handlers: dict[str, Callable[[Texts], Json]] = {}
        """The GET handlers added by features, keyed by name."""
        self.post_handlers: dict[str, tuple[Any, Callable[[Any], Json]]] = {}
        """The POST handlers added by features, each with its request body type, keyed by name."""
        for part in get_parts(workspace, self._renderer):
            self._sources[:0] = part.sources
            self.get_handlers |= part.get_handlers
            self.post_handlers |= part.post_handlers
        # The decisions of this session that can be undone, keyed by the ID that `undo` takes.
        self._undo_entries: dict[str, _UndoEntry] = {}
        self._undo_ids = count(1)
        # Every sitting so far, keyed by its number.
        self._sittings: dict[int, ReviewBatch] = {}
        # The number of the unfinished sitting of each document, most recent last.
        self._unfinished: dict[str, int] = {}
        self._chat: ChatPrompt | None = None
        # The rows of folders on the shelf, keyed by the ID of their list.
        self._folders: dict[str, FolderItems] = {}

    def _find_item_source(self, id: str) -> ItemSource:
        return next(source for source in self._sources if id.startswith(source.prefix))

    # --- lists --------------------------------------------------------------------------

    def count_items(self) -> Json:
        """Return the number of items `left` in each list, and of cards `ready` to send to Anki."""
        left: dict[str, int] = {}
        for source in self._sources:
            left.update(source.count_pending_items())
        return {"left": left, "ready": pending_items.count_unshipped_cards(self._ledger)}

    def render_list(self, list_id: str, words: str = "", start: int = 0) -> Json | None:
        """Render a list as JSON, with the new counts, or return None if it doesn't exist.

        The list of all cards is rendered as rows. For any other list, this starts a sitting.

        Args:
            list_id: the ID of the list, or `all` for all cards.
            words: a query that filters the list of all cards, or "".
            start: the number of cards or items to skip because the page already has them.

        Raises:
            UsageError: `words` isn't a valid query.
        """
        if list_id == "all":
            return {**self._list_all_cards(words.strip(), start), **self.count_items()}
        if list_id == _BEST_LIST:
            return {**self._start_best_sitting(), **self.count_items()}
        if list_id in self._folders:
            return {**self._start_folder_sitting(list_id), **self.count_items()}
        source = self._find_list_source(list_id)
        if source is None:
            return None
        items: list[Json] = []
        for id in source.list_ids(list_id)[start:]:
            if len(items) == batches.SITTING_SIZE:
                break
            item_json = source.render_item(id)
            if item_json is not None:
                items.append(item_json)
        sitting = self._start_sitting(items, list_id=list_id)
        count = len(source.list_ids(list_id))
        counts = self._count_list(source, list_id, count)
        return {**sitting, "waiting": counts["waiting"], **self.count_items()}

    def _find_list_source(self, list_id: str) -> ItemSource | None:
        for source in self._sources:
            if list_id in source.count_pending_items():
                return source
        return None

    def _start_best_sitting(self) -> Json:
        """Start a sitting with the first ten items of the queue, or continue it."""
        continued = self._continue_sitting(_BEST_LIST)
        if continued:
            return continued
        items = self._render_items(self._items.select_best_of_queue())
        return self._start_sitting(items, list_id=_BEST_LIST)

    def _start_folder_sitting(self, list_id: str) -> Json:
        """Start a sitting with the first ten new cards of a folder's documents, or continue it."""
        continued = self._continue_sitting(list_id)
        if continued:
            return continued
        folder = self._folders[list_id]
        documents = {each.document for each in folder.documents}
        ids = self._items.select_best_of_queue(documents)
        if ids:
            return self._start_sitting(self._render_items(ids), list_id=list_id)
        uncarded_ids = []
        for document_items in folder.documents:
            uncarded_ids += _select_uncarded_ids(document_items)
        items = self._render_items(uncarded_ids[: batches.SITTING_SIZE])
        return {**self._start_sitting(items, list_id=list_id), "without": True}

    # --- the shelf, and a sitting at one of its documents -------------------------------

    def render_documents(self, start: int = 0) -> Json:
        """Render the shelf, which lists the documents with undecided highlights, best first.

        Documents with an unfinished sitting come first, preceded only by the list of items that
        only the user can answer. The latest documents without highlights come before those in
        which nothing is pending, all others after them.

        Args:
            start: the number of rows to skip because the page already has them.

        Returns:
            The new counts; `counts`, how many decisions wait, by kind; `waiting`, a phrase with
                these numbers; `documents`, the next rows, at most `MAX_ROWS`; `more`, whether
                further rows follow; `begins`, the document or list that the page opens first, or ""
                for the shelf; `lost`, a line about cards whose passage is gone, or ""; and
                `without`, a line about highlights without a card, or "". The row of a document has
                the number of new cards that wait (`waiting`) and of less certain suggestions
                (`more`), whether anything waits (`is_open`), a phrase about the remaining
                highlights (`rest`), the label of the button that asks a chat (`chat`, "" for no
                button), and the position in an unfinished sitting, e.g. `8 of 10` (`left`, ""
                without a sitting). The numbers that wait in all rows add up to the total.
        """
        all_document_items = self._items.list_documents()
        entries = self._list_shelf_entries(all_document_items)
        rows = []
        for entry in entries[start : start + MAX_ROWS]:
            if isinstance(entry, DocumentItems):
                rows.append(self._render_document_row(entry))
            else:
                rows.append(entry)
        counts = self._items.count_waiting()
        return {
            **self.count_items(),
            "counts": asdict(counts),
            "waiting": batches.format_pending_counts(counts) or "",
            "documents": rows,
            "more": len(entries) > start + MAX_ROWS,
            "begins": self._find_start_location(all_document_items),
            "lost": self._describe_lost_cards(),
            "without": _describe_rest(all_document_items),
        }

    def _list_shelf_entries(
        self, all_document_items: Sequence[DocumentItems]
    ) -> list[DocumentItems | Json]:
        """List the rows of the shelf in their order. Those of documents aren't rendered yet."""
        unfinished = []
        for id in reversed(self._unfinished):
            document_items = self._find_document_items(id)
            if document_items:
                unfinished.append(document_items)
        unfinished_documents = {each.document for each in unfinished}
        pending, finished = [], []
        for document_items in all_document_items:
            if document_items.document in unfinished_documents:
                continue
            if document_items.waiting_count:
                pending.append(document_items)
            else:
                finished.append(document_items)
        lists = self._list_shelf_lists()
        unmarked = self.documents.list_unmarked()
        shown_rows: list[DocumentItems | Json] = []
        places = self._items.load_document_places()
        finished_rows: list[DocumentItems | Json] = []
        for documents, rows in ((pending, shown_rows), (finished, finished_rows)):
            for row in batches.group_small_documents(documents, places):
                if isinstance(row, FolderItems):
                    rows.append(self._render_folder_row(row))
                else:
                    rows.append(row)
        best_rows = []
        if len(unfinished) + len(pending) + len(lists) > 1:
            best_rows = self._render_best_row()
        return [
            *unfinished,
            *best_rows,
            *(row for row in lists if row["id"] == _USER_LIST),
            *shown_rows,
            *(row for row in lists if row["id"] != _USER_LIST),
            *unmarked[:RECENT_UNMARKED_COUNT],
            *finished_rows,
            *unmarked[RECENT_UNMARKED_COUNT:],
        ]

    def _render_folder_row(self, folder: FolderItems) -> Json:
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
            "left": self._format_position(id),
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
            "id": _BEST_LIST,
            "list": _BEST_LIST,
            "title": title,
            "by": "",
            "waiting": 0,
            "rest": "",
            "cover": str(min(total, batches.SITTING_SIZE)),
            "is_open": True,
            "left": self._format_position(_BEST_LIST),
        }
        return [row]

    def _list_shelf_lists(self) -> list[Json]:
        """Render the rows of the lists in which something waits, the list of words last."""
        rows: list[Json] = []
        for source in reversed(self._sources):
            counts = source.count_pending_items()
            for id, row in source.lists.items():
                if not counts[id]:
                    continue
                rows.append(
                    {
                        "id": id,
                        "list": id,
                        "title": row.title,
                        "by": row.description,
                        "cover": row.cover,
                        **self._count_list(source, id, counts[id]),
                        "is_open": True,
                    }
                )
        rows.sort(key=lambda row: row["id"] == _WORDS_LIST)
        return rows

    def _count_list(self, source: ItemSource, list_id: str, count: int) -> Json:
        """Return what the row of a list says. What a feature lists doesn't wait."""
        if source is self._items:
            return {"waiting": self._items.count_waiting_in_list(list_id), "rest": ""}
        return {"waiting": 0, "rest": format_count(count, "card")}

    def _describe_lost_cards(self) -> str:
        lost_items = pending_items.count_dependent_items(
            self._ledger,
            excluded_states=(
                SourceState.PRESENT,
                SourceState.MISSING,
                SourceState.UNSELECTED,
            ),
        )
        if not lost_items.cards:
            return ""
        from ankiforge.reports.summary import format_lost_cards

        return format_lost_cards(lost_items)

    def _find_start_location(self, all_document_items: Sequence[DocumentItems]) -> str:
        """Return the URL fragment of the document or list that the page opens first.

        Returns "" for the shelf, if neither a file nor a query was given or nothing matches.
        """
        if self._start_path:
            id = self.documents.find_document_id(self._start_path)
            if id:
                return f"paper={id}"
        if not self._query:
            return ""
        pending_ids = batches.list_pending_ids(self._ledger, self._query)
        if pending_ids:
            return self._locate_item(pending_ids[0], all_document_items)
        documents = batches.find_documents_with_suggestions(self._ledger, self._query)
        return self._locate_document(documents[0]) if documents else ""

    def _locate_item(self, id: str, all_document_items: Sequence[DocumentItems]) -> str:
        if id in self._items.queues[_USER_LIST]:
            return _USER_LIST
        for document_items in all_document_items:
            if id in {place.id for place in document_items.with_drafts}:
                return self._locate_document(document_items)
        return ""

    def _locate_document(self, document_items: DocumentItems) -> str:
        highlight = load_highlight(self._ledger, document_items.best_location.key)
        return f"paper={self.documents.register_document(highlight)}"

    def _render_document_row(self, document_items: DocumentItems) -> Json:
        highlight = load_highlight(self._ledger, document_items.best_location.key)
        id = self.documents.register_document(highlight)
        uses_model = self._workspace.folder.config.drafter == "llm"
        chat = ""
        if document_items.should_offer_chat and not uses_model:
            chat = ASK_LABEL
        rest = ""
        if not document_items.waiting_count:
            rest = f"{document_items.remaining_count:,} without a card"
        return {
            "id": id,
            "title": document_items.title,
            "by": ", ".join(highlight.document.creators[:MAX_CREATORS]),
            "waiting": document_items.waiting_count,
            "more": len(document_items.more),
            "rest": rest,
            "is_open": document_items.waiting_count > 0,
            "chat": chat,
            "left": self._format_position(id),
        }

    def _format_position(self, document: str) -> str:
        """Format the position in the unfinished sitting of a document, or return "" without one."""
        if document not in self._unfinished:
            return ""
        sitting = self._sittings[self._unfinished[document]]
        decided = len(sitting.results)
        return f"{decided + 1} of {decided + len(sitting.ids)}"

    def start_document_sitting(self, id: str) -> Json:
        """Start a sitting with a document's ten best drafts and suggestions, in reading order.

        An unfinished sitting is continued instead. Only the best fact of each highlight is
        included. If nothing waits in the document, the sitting consists of less certain
        suggestions, and `more` is true. Without those, it consists of ten highlights without a
        card, and `without` is true. `waiting` is the number of new cards of the document that wait.
        """
        document_items = self._find_document_items(id)
        if document_items is None:
            return {**self._start_sitting([], document=id), "waiting": 0}
        counts = {"waiting": document_items.waiting_count}
        continued = self._continue_sitting(id)
        if continued:
            return {**continued, **counts}
        ids = self._items.select_best_ids(document_items)
        if ids:
            sitting = self._start_sitting(self._render_items(ids), document=id)
            return {**sitting, **counts}
        ids = self._items.select_best_ids(document_items, more=True)
        if ids:
            sitting = self._start_sitting(self._render_items(ids), document=id)
            return {**sitting, **counts, "more": True}
        # no sentence has a suggestion, so let the user select the words to ask about
        ids = _select_uncarded_ids(document_items)
        sitting = self._start_sitting(self._render_items(ids), document=id)
        return {**sitting, **counts, "without": True}

    def _continue_sitting(self, document: str) -> Json | None:
        """Render the unfinished sitting of a document, or return None if nothing of it is left."""
        if document not in self._unfinished:
            return None
        number = self._unfinished[document]
        sitting = self._sittings[number]
        items = self._render_items(sitting.ids)
        if not items:
            return None
        ids = tuple(item_json["id"] for item_json in items)
        return self._store_sitting(number, replace(sitting, ids=ids), items)

    def _render_items(self, ids: Iterable[str]) -> list[Json]:
        """Render the items that are still pending."""
        return [*filter(None, map(self._items.render_item, ids))]

    def _start_sitting(
        self, items: Sequence[Json], document: str = "", list_id: str = ""
    ) -> Json:
        ids = tuple(item_json["id"] for item_json in items)
        sitting = ReviewBatch(ids, document=document, list_id=list_id)
        return self._store_sitting(len(self._sittings) + 1, sitting, items)

    def _store_sitting(
        self, number: int, sitting: ReviewBatch, items: Sequence[Json]
    ) -> Json:
        """Store a sitting and render it as JSON.

        `items` are the items that the page doesn't have yet. A sitting with both decided and
        remaining items becomes the unfinished sitting of its document.
        """
        self._sittings[number] = sitting
        name = sitting.document
        if sitting.list_id == _BEST_LIST or sitting.list_id in self._folders:
            name = sitting.list_id
        self._unfinished.pop(name, None)
        if name and sitting.ids and sitting.results:
            self._unfinished[name] = number
        return {
            "number": number,
            "ids": sitting.ids,
            "results": sitting.results,
            "items": items,
        }

    def _find_document_items(self, document: str) -> DocumentItems | None:
        """Return the pending drafts and undecided highlights of a document, or None without any."""
        key = self.documents.get_highlight_key(document)
        if not key:
            return None
        return self._items.find_document(key)

    def render_item(self, id: str) -> Json | None:
        """Render an item as JSON, or return None if it isn't pending any more."""
        return self._find_item_source(id).render_item(id)

    def render_highlight_item(self, key: str, sitting_number: int) -> Json:
        """Render the item of a highlight, e.g. after the user clicked on it in the document.

        Args:
            key: the highlight's key.
            sitting_number: the number of the document's current sitting, or 0.

        Returns:
            `item`, the highlight's pending draft or else its card, suggestion or passage.
                A draft or suggestion is also added to the sitting, which is returned as `sitting`.
        """
        item_json = self._render_best_item(HighlightKey(key))
        sitting = self._sittings.get(sitting_number)
        if item_json is None or sitting is None or not sitting.document:
            return {"item": item_json}
        id = item_json["id"]
        if id not in self._items.list_ids("new") and not item_json.get("suggested"):
            return {"item": item_json}
        extended = sitting.add_item(id, self._sort_by_position([*sitting.ids, id]))
        return {
            "item": item_json,
            "sitting": self._store_sitting(sitting_number, extended, [item_json]),
        }

    def _render_best_item(self, key: HighlightKey) -> Json | None:
        """Render a pending draft of a highlight, or else its card, suggestion or passage."""
        passage = self._ledger.get_passage(key)
        ids: list[str] = [group[0].id for group in iter_draft_groups(self._ledger, [key])]
        ids += [guid for guid, card in passage.cards.items() if card.is_live]
        for id in (*ids, key):
            item_json = self.render_item(id)
            if item_json:
                return item_json
        return None

    def _sort_by_position(self, ids: Sequence[str]) -> list[str]:
        """Sort drafts and passages in reading order."""
        places = pending_items.load_draft_locations(self._ledger, ids)
        for place in self._items.passages_without_card:
            if place.id in ids:
                places.append(place)
        places.sort(key=attrgetter("position"))
        return [place.id for place in places]

    def get_selectable_text(self, key: str) -> Json:
        """Render a passage's text so that the user can select words in it for a card."""
        return selectable_text_to_json(load_highlight(self._ledger, key))

    def _list_all_cards(self, query: str, start: int) -> Json:
        ids = self._find_matching_ids(query)
        items = item_lists.load_items(self._ledger, ids[start : start + MAX_ROWS])
        rows = [
            _render_card_row(list_row)
            for list_row in apply_anki_edits_to_rows(self._ledger, items)
        ]
        shown_count = start + len(rows)
        left_count = min(len(ids) - shown_count, MAX_ROWS)
        common_state = None
        if len(rows) == len(ids):
            common_state = _find_common_state(rows)
        for row in rows:
            if row["state"] in (_WAITING_STATE, common_state):
                row["state"] = ""
        summary = format_count(len(ids), "card")
        more = ""
        if not ids:
            summary = "No card contains these words."
        elif left_count > 0:
            summary += f"; the first {shown_count:,} are shown"
            more = f"Show {left_count} more"
        elif common_state is not None:
            summary = f"{len(ids)} {common_state[:1].lower()}{common_state[1:]}"
        return {"rows": rows, "total": len(ids), "told": summary, "more": more}

    def _find_matching_ids(self, query: str) -> list[str]:
        """Return the IDs of the items that a query matches.

        Text that isn't a query, for example with a colon or an unclosed quote, matches nothing.

        Raises:
            UsageError: the query is invalid.
        """
        try:
            terms = parse_query(query.strip())
            return item_lists.find_items(self._ledger, terms, everything=True)
        except UsageError:
            if uses_query_syntax(query):
                raise
            return []

    # --- decisions ----------------------------------------------------------------------

    def decide(self, decision: Decision) -> Json:
        """Apply a decision.

        Returns:
            The new counts; `said`, a message for the user; `undo`, an ID for undoing the decision,
                or ""; `sitting`, the updated sitting, if any; and `item`, the passage's next fact,
                or the same item if it is still pending, or None.

        Raises:
            StaleItemError: the item has changed since it was shown.
            ForgeError: the decision was refused; the message gives the reason.
        """
        sitting = self._sittings.get(decision.batch_number)
        source = self._find_item_source(decision.id)
        try:
            done = source.decide(decision)
        except StaleItemError as error:
            if sitting:
                error.sitting = self._replace_item_in_sitting(decision, error.face)
            raise
        if source is not self._items:
            self._items.clear_cache()
        item = source.render_item(done.next_id) if done.next_id else None
        reply = {"said": done.message, "item": item, "undo": ""}
        if done.undo:
            reply["undo"] = self._store_undo(
                _UndoEntry(done.undo, decision.id, decision.batch_number, sitting)
            )
        if sitting and done.is_pending:
            reply["sitting"] = self._replace_item_in_sitting(decision, item)
        elif sitting:
            reply["sitting"] = self._record_in_sitting(sitting, decision, done, item)
        return {**self.count_items(), **reply}

    def _store_undo(self, entry: _UndoEntry) -> str:
        """Store how to undo a decision, and return the ID to pass to `undo`."""
        id = str(next(self._undo_ids))
        self._undo_entries[id] = entry
        return id

    def _replace_item_in_sitting(
        self, decision: Decision, item_json: Json | None
    ) -> Json:
        """Replace the item of a decision in its sitting, and return the updated sitting as JSON.

        If `item_json` is None, the item is removed instead.
        """
        number = decision.batch_number
        sitting = self._sittings[number]
        if item_json is None:
            return self._store_sitting(number, sitting.replace_item(decision.id, ""), [])
        replaced = sitting.replace_item(decision.id, item_json["id"])
        return self._store_sitting(number, replaced, [item_json])

    def _record_in_sitting(
        self,
        sitting: ReviewBatch,
        decision: Decision,
        done: DecisionOutcome,
        next_item: Json | None,
    ) -> Json:
        """Record a decision in its sitting, and return the updated sitting as JSON.

        If the passage has another fact, `next_item` joins the sitting.
        """
        number = decision.batch_number
        if next_item is None:
            after = sitting.record_decision(decision.id, decision.kind, done.action, "")
            return self._store_sitting(number, after, [])
        after = sitting.record_decision(
            decision.id, decision.kind, done.action, next_item["id"]
        )
        return self._store_sitting(number, after, [next_item])

    def summarize_sitting(self, sitting_number: int) -> Json | None:
        """Summarize a sitting, or return None if there is no sitting with this number.

        The summary has a `heading`, further sentences (`told`), and the created or changed
        `cards`, each with its highlight's `key` and page label (`page`). For a document, the cards
        are in reading order. If a chat can be asked about the rest of a document, `chat` is the
        label of the button that does so.
        """
        sitting = self._sittings.get(sitting_number)
        if sitting is None:
            return None
        if self.documents.has_no_highlights(sitting.document):
            return {
                "heading": NO_HIGHLIGHTS_TEXT,
                "told": CHOOSE_TEXT,
                "cards": [],
                "chat": CHOOSE_LABEL,
            }
        cards = self._render_changed_cards(sitting)
        endings = []
        for source in self._sources:
            row = source.lists.get(sitting.list_id)
            if row and row.ending:
                endings.append(row.ending)
        if endings:
            outcome = _describe_decisions(sitting)
        else:
            outcome = _describe_outcome(sitting, cards)
        left = self._describe_left_items(sitting)
        return {
            "heading": _format_heading(sitting, outcome, left),
            "told": " ".join(endings),
            "cards": cards,
            "chat": self._label_chat_offer(sitting.document),
        }

    def _label_chat_offer(self, document: str) -> str:
        """Return the label of the button that asks a chat about the rest of a document, or ""."""
        document_items = self._find_document_items(document)
        if document_items is None or self._workspace.folder.config.drafter == "llm":
            return ""
        if not document_items.remaining_count:
            return ""
        return f"{document_items.remaining_count:,} more: {ASK_LABEL}"

    def _render_changed_cards(self, sitting: ReviewBatch) -> list[Json]:
        """Render the cards that a sitting has created or changed, in reading order if possible."""
        cards: list[Json] = []
        for card in iter_changed_cards(self._ledger, sitting.actions):
            view = render_card(card, self._find_picture)
            if "figure" in view:
                view["cards"] = format_count(_count_cards(view), "card")
            view["key"] = card.highlight.key
            view["page"] = card.highlight.page_label
            cards.append(view)
        if sitting.document:
            reading_order = [*self.documents.get_highlight_states(sitting.document)]
            cards.sort(key=lambda view: reading_order.index(view["key"]))
        return cards

    def _describe_left_items(self, sitting: ReviewBatch) -> str:
        """Describe what still waits in the document or list of a sitting, or return ""."""
        document_items = None
        if sitting.document:
            document_items = self._find_document_items(sitting.document)
        if document_items is None:
            left_count = self._count_left_in_list(sitting.list_id)
            return f"{left_count:,} waiting" if left_count else ""
        parts = []
        if document_items.waiting_count:
            parts.append(f"{document_items.waiting_count:,} waiting")
        if document_items.more:
            parts.append(f"{len(document_items.more):,} more")
        return ", ".join(parts)

    def _count_left_in_list(self, list_id: str) -> int:
        if list_id == _BEST_LIST:
            return self._items.count_waiting().total
        if list_id in self._folders:
            folder = {each.document for each in self._folders[list_id].documents}
            documents = self._items.list_documents()
            return sum(
                each.waiting_count for each in documents if each.document in folder
            )
        left: dict[str, int] = self.count_items()["left"]
        return left.get(list_id, 0)

    def preview(self, decision: Decision) -> Json:
        """Render the card that a decision would create, as it would look in Anki.

        For an edited cloze note, the card for cloze number `decision.gap` is rendered.

        Raises:
            StaleItemError: the item isn't pending any more.
            UsageError: the fields don't make a valid card.
        """
        card = self._find_item_source(decision.id).preview(decision)
        gap = decision.gap if isinstance(decision, Edit | WriteCard) else 1
        return render_card(card, self._find_picture, cloze_number=gap)

    def get_deck_and_tags(self, id: str) -> Json:
        """Return the `deck` and `tags` of the card being edited.

        `moves` and `tagged` are whether the user can change the deck and the tags, respectively.
        `decks` lists the available decks.
        """
        item = Review(self._workspace).load_item(id)
        card = _choose_edited_card(item) if item else None
        if card is None:
            return {"deck": "", "tags": [], "moves": False, "tagged": False, "decks": []}
        placement = find_deck_and_tags(self._ledger, card, self._workspace.decks)
        return {
            "deck": placement.deck,
            "tags": placement.tags,
            "moves": placement.can_change_deck,
            "tagged": placement.can_change_tags,
            "decks": list_decks(self._ledger),
        }

    def undo(self, action: str) -> Json:
        """Undo a decision.

        Returns:
            The new counts; `item`, the item that is pending again; and `sitting`, the sitting as it
                was before the decision. A bulk decision has neither `item` nor `sitting`.

        Raises:
            RefusedError: the decision can't be undone; the message gives the reason.
        """
        entry = self._undo_entries.get(action)
        if entry is None:
            raise RefusedError("This was undone before.")
        entry.revert()
        del self._undo_entries[action]
        self._items.clear_cache()
        if not entry.id:
            return self.count_items()
        item_json = self.render_item(entry.id)
        reply = {**self.count_items(), "item": item_json}
        if item_json and entry.sitting:
            reply["sitting"] = self._store_sitting(
                entry.number, entry.sitting, [item_json]
            )
        return reply

    def send_to_anki(self) -> Json:
        """Send all unsent cards to Anki. If Anki isn't running, write a package instead.

        The package is then opened with Anki if possible.

        Returns:
            The new counts; `said`, a message about the outcome; and `path`, the path of the package
                if the user has to import it, or "".
        """
        result = self._workspace.push()
        self._items.clear_cache()
        counts = self.count_items()
        packages = [package for package in result.published if package.notes]
        if result.pushed is not None or not packages:
            return {**counts, "said": _describe_push(result), "path": ""}
        [package] = packages
        notes = format_count(package.notes, "note")
        if open_package(package.path):
            message = f"Anki opens with {notes}: press Import there."
            return {**counts, "said": message, "path": ""}
        message = (
            f"{notes} to import: double-click this file, or choose File › Import in Anki."
        )
        return {**counts, "said": message, "path": str(package.path)}

    # --- highlights made on the page ------------------------------------------------------

    def add_highlight(self, selection: TextSelection) -> Json:
        """Create a highlight from the text that the user selected.

        Returns:
            The new counts; `key`, the key of the new highlight; and `undo`, an ID for deleting the
                highlight again.

        Raises:
            UsageError: the text isn't in the document.
        """
        key, delete = self.documents.add_highlight(selection)
        self._items.clear_cache()
        undo = self._store_undo(_UndoEntry(delete))
        return {**self.count_items(), "key": key, "undo": undo}

    def delete_highlight(self, key: str) -> Json:
        """Delete a highlight that was created on the page.

        Returns:
            The new counts, and `undo`, an ID for undoing the deletion, or "" if it's permanent.

        Raises:
            RefusedError: the highlight is part of the file.
        """
        restore = self.documents.delete_highlight(key)
        self._items.clear_cache()
        undo = self._store_undo(_UndoEntry(restore)) if restore else ""
        return {**self.count_items(), "undo": undo}

    # --- a chat window ------------------------------------------------------------------

    def build_chat_prompt(self, id: str = "") -> Json:
        """Return a prompt to paste into a chat (`text`), and a line describing the prompt (`said`).

        `id` is the subject of the prompt; see `ItemSource.build_chat_prompt`.
        """
        self._chat = self._find_item_source(id).build_chat_prompt(id)
        return _prompt_to_json(self._chat)

    def apply_chat_reply(self, answer: str) -> Json:
        """Apply a chat's reply to the last prompt, storing any cards in it.

        Returns:
            The new counts; `said`, a message about the outcome; `unused`, the reasons why cards
                weren't used; `brought`, whether anything in the reply was usable; `next`, the next
                prompt; and `second`, a prompt that asks the chat to check its own cards, or "".

        Raises:
            RefusedError: no prompt was built before.
        """
        if self._chat is None:
            raise RefusedError("Nothing was asked.")
        outcome = self._chat.apply_reply(answer)
        self._chat = outcome.next_prompt or self._chat
        if outcome.is_usable:
            self._unfinished.clear()  # so that the next ten include the new cards
        return {
            **self.count_items(),
            "said": format_as_sentence(outcome.message),
            "unused": outcome.unused,
            "brought": outcome.is_usable,
            "next": _prompt_to_json(outcome.next_prompt),
            "second": outcome.second_reading,
        }

    # --- files --------------------------------------------------------------------------

    def find_file(self, name: str) -> Path | None:
        """Return the path of the picture or PDF that has the given name in URLs.

        Returns None unless the page has already shown the file.
        """
        return self._files.get(name)

    def _find_picture(self, highlight: Highlight, path: str) -> Media | None:
        media = load_highlight_media(
            self._ledger, highlight, path, self._workspace.folder.pictures_directory
        )
        if not isinstance(media, Media):
            return None
        self._files[media.name] = Path(media.path)
        return media

    def _find_pdf_link(self, highlight: Highlight) -> list[Texts]:
        if highlight.source_kind is not SourceKind.PDF:  # Zotero opens its own PDFs
            return []
        path = find_file(self._ledger, highlight)
        if path is None:
            return []
        name = f"{hash16('paper', str(path))}.pdf"
        self._files[name] = path
        label = "Open the PDF"
        href = f"/paper/{name}"
        if highlight.block_id.isdecimal():
            href += f"#page={int(highlight.block_id) + 1}"
            if highlight.page_label:
                label = f"Open page {highlight.page_label}"
        return [{"label": label, "href": href}]


# --- texts ------------------------------------------------------------------------------


def _describe_rest(all_document_items: Iterable[DocumentItems]) -> str:
    """Describe the highlights without a card, or return "" if there are none."""
    count = sum(document_items.remaining_count for document_items in all_document_items)
    if not count:
        return ""
    return f"{format_count(count, 'highlight')} without a card."


def _select_uncarded_ids(document_items: DocumentItems) -> list[str]:
    """Return the ids of the first ten highlights without a card, in reading order."""
    places = [
        *document_items.suggestions,
        *document_items.more,
        *document_items.others,
    ]
    places.sort(key=attrgetter("position"))
    return [place.id for place in places[: batches.SITTING_SIZE]]


def _find_common_state(rows: Sequence[Json]) -> str | None:
    """Return the state that all of several cards have, which is then said only once."""
    states = {row["state"] for row in rows}
    if len(rows) < 2 or len(states) > 1:
        return None
    [state] = states
    return str(state)


def _render_card_row(list_row: ListRow) -> Json:
    return {**render_row(list_row), "place": list_row.highlight.document.title}


def _count_cards(view: Json) -> int:
    """Count the cards of a note, of which a figure has one for each mask."""
    if "figure" not in view:
        return 1
    return sum(mask["on"] for mask in view["figure"]["masks"])


def _describe_outcome(sitting: ReviewBatch, cards: Iterable[Json]) -> str:
    """Describe how many cards a sitting has made, or else how many items were decided."""
    card_count = sum(map(_count_cards, cards))
    if not card_count:
        return _describe_decisions(sitting)
    parts = [format_count(card_count, "card")]
    rejected_count = sitting.results.count("none")
    if sitting.document and rejected_count:
        parts.append(f"{rejected_count} rejected")
    return _join_with_later(parts, sitting)


def _describe_decisions(sitting: ReviewBatch) -> str:
    """Describe how many items of a sitting were decided. Deferring isn't deciding."""
    parts = []
    decided_count = len(sitting.results) - sitting.results.count("later")
    if decided_count:
        parts.append(f"{decided_count} decided")
    return _join_with_later(parts, sitting)


def _join_with_later(parts: list[str], sitting: ReviewBatch) -> str:
    later_count = sitting.results.count("later")
    if later_count:
        parts.append(f"{later_count} later")
    return ", ".join(parts)


def _format_heading(sitting: ReviewBatch, outcome: str, left: str) -> str:
    if left and not sitting.results:
        return "Everything was kept for later."
    if left:
        return f"{outcome}. Here: {left}."
    # beside a list, its last document may still have pending items
    nothing_left = "Nothing more is in this list."
    if sitting.document:
        nothing_left = "Nothing waits here."
    if not sitting.results:
        return nothing_left
    return f"{outcome}. {nothing_left}"


def _choose_edited_card(item: Item) -> ShownCard | None:
    """Return the card that the user edits if an item is shown, or None for a question.

    An item without a card has a new one.
    """
    if item.highlight is None:
        return None
    if item.card and not item.drafts:
        return item.card
    if item.card and item.drafts[0].revised_guid and item.drafts[0].is_user_text:
        return item.card
    if item.offered_drafts:
        return item.offered_drafts[0]
    key = item.highlight.key
    passages = (item.highlight,)
    return Preview(key, CardKind.BASIC, (), Origin(USER), passages=passages)


def _describe_push(result: RunResult) -> str:
    """Say what arrived in a running Anki, and what went wrong."""
    from ankiforge.reports.summary import format_delivery

    sentences = []
    if result.error is not None:
        sentences.append(result.error.message)
    sentences += format_delivery(result)
    if not sentences:
        sentences.append("Anki has every card")
    for problem in result.problems:
        if not problem.is_notice:
            sentences.append(f"{problem.location}: {problem.message}")
    return f"{'. '.join(sentences)}."


def _prompt_to_json(prompt: ChatPrompt | None) -> Json:
    if prompt is None:
        return {"said": "", "text": ""}
    return {"said": prompt.said, "text": prompt.text}
