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

from ankiforge.errors import RefusedError
from ankiforge.ledger import pending_items
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.draft_groups import iter_draft_groups
from ankiforge.ledger.events import USER
from ankiforge.model import (
    CardKind,
    HighlightKey,
    Json,
    Origin,
    Preview,
    ShownCard,
    Texts,
)
from ankiforge.pipeline.decks import find_deck_and_tags, list_decks
from ankiforge.pipeline.deliver import open_package
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import (
    Decision,
    DecisionOutcome,
    Item,
    Review,
    StaleItemError,
    batches,
)
from ankiforge.review.batches import DocumentItems, FolderItems
from ankiforge.review.decisions import Edit, WriteCard
from ankiforge.review.sitting import Sitting, SittingKind
from ankiforge.text import format_as_sentence, format_count
from ankiforge.web.all_cards import render_cards
from ankiforge.web.card_view import render_card
from ankiforge.web.documents import (
    CHOOSE_LABEL,
    DocumentRenderer,
    PageRenderer,
    TextSelection,
)
from ankiforge.web.endings import (
    describe_decisions,
    describe_left_items,
    describe_outcome,
    format_heading,
    render_changed_cards,
)
from ankiforge.web.files import ShownFiles
from ankiforge.web.items import ItemRenderer, selectable_text_to_json
from ankiforge.web.ledger_items import LedgerItems
from ankiforge.web.page_part import ChatPrompt, ItemSource, PagePart
from ankiforge.web.shelf import ASK_LABEL, BEST_LIST, USER_LIST, Shelf, describe_rest
from ankiforge.web.sittings import Sittings

if TYPE_CHECKING:
    from ankiforge.pipeline.run_result import RunResult

NO_HIGHLIGHTS_TEXT = "Nothing is marked here yet."
CHOOSE_TEXT = (
    "Select words in the document and press Enter, or ask your chat for ten passages."
)
PagePartFactory = Callable[[Workspace, ItemRenderer], Iterable[PagePart]]

# What the page is told if a sitting doesn't consist of the best items.
_LESS_CERTAIN: Json = {"more": True}
_WITHOUT_CARDS: Json = {"without": True}


class _UndoEntry(NamedTuple):
    revert: Callable[[], object]
    decision: Decision | None = None
    """The decision on an item, or None for a highlight that was made or deleted on the page."""
    sitting: Sitting | None = None
    """The sitting before the decision, or None for a decision outside a sitting."""


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
        self._files = ShownFiles(self._ledger, workspace.folder)
        self.documents = DocumentRenderer(workspace, self._files.find_picture, pages)
        self._uses_model = workspace.folder.config.drafter == "llm"
        self._renderer = ItemRenderer(
            self._ledger,
            find_pdf_link=self._files.find_pdf_link,
            documents=self.documents,
            uses_model=self._uses_model,
            can_show_in_anki=workspace.can_show_in_anki,
        )
        self._items = LedgerItems(workspace, self._renderer, self.documents)
        # The sources of items, of which `_find_item_source` takes the first whose prefix matches an
        # ID. The ledger comes last, because its prefix is "".
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
        self._sittings = Sittings()
        self._shelf = Shelf(
            workspace, self._items, self._sources, self.documents, self._sittings
        )
        self._chat: ChatPrompt | None = None

    def _find_item_source(self, id: str) -> ItemSource:
        return next(source for source in self._sources if id.startswith(source.prefix))

    # --- the shelf ----------------------------------------------------------------------

    def count_items(self) -> Json:
        """Return the number of items `left` in each list, and of cards `ready` to send to Anki."""
        left: dict[str, int] = {}
        for source in self._sources:
            left.update(source.count_pending_items())
        return {"left": left, "ready": pending_items.count_unshipped_cards(self._ledger)}

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
        shelf = self._shelf.render(all_document_items, start)
        return {
            **self.count_items(),
            **shelf,
            "begins": self._find_start_location(all_document_items) or "",
            "lost": self._shelf.describe_lost_cards() or "",
            "without": describe_rest(all_document_items) or "",
        }

    def _find_start_location(
        self, all_document_items: Sequence[DocumentItems]
    ) -> str | None:
        """Return the URL fragment of the document or list that the page opens first.

        Returns None for the shelf, if neither a file nor a query was given or nothing matches.
        """
        if self._start_path:
            id = self.documents.find_document_id(self._start_path)
            if id:
                return f"paper={id}"
        if not self._query:
            return None
        pending_ids = batches.list_pending_ids(self._ledger, self._query)
        if pending_ids:
            return self._locate_item(pending_ids[0], all_document_items)
        documents = batches.find_documents_with_suggestions(self._ledger, self._query)
        return self._locate_document(documents[0]) if documents else None

    def _locate_item(
        self, id: str, all_document_items: Sequence[DocumentItems]
    ) -> str | None:
        if id in self._items.list_ids(USER_LIST):
            return USER_LIST
        for document_items in all_document_items:
            if id in {place.id for place in document_items.with_drafts}:
                return self._locate_document(document_items)
        return None

    def _locate_document(self, document_items: DocumentItems) -> str:
        highlight = load_highlight(self._ledger, document_items.best_location.key)
        return f"paper={self.documents.register_document(highlight)}"

    # --- sittings -----------------------------------------------------------------------

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
        content = self._render_list_content(list_id, words.strip(), start)
        if content is None:
            return None
        return {**content, **self.count_items()}

    def _render_list_content(self, list_id: str, words: str, start: int) -> Json | None:
        if list_id == "all":
            return render_cards(self._ledger, words, start)
        if list_id == BEST_LIST:
            return self._start_best_sitting()
        folder = self._shelf.find_folder(list_id)
        if folder is not None:
            return self._start_folder_sitting(list_id, folder)
        source = self._find_list_source(list_id)
        if source is None:
            return None
        return self._start_list_sitting(source, list_id, start)

    def _find_list_source(self, list_id: str) -> ItemSource | None:
        for source in self._sources:
            if list_id in source.count_pending_items():
                return source
        return None

    def _start_list_sitting(self, source: ItemSource, list_id: str, start: int) -> Json:
        """Start a sitting with the next ten items of a list that still wait."""
        items: list[Json] = []
        for id in source.list_ids(list_id)[start:]:
            if len(items) == batches.SITTING_SIZE:
                break
            item_json = source.render_item(id)
            if item_json is not None:
                items.append(item_json)
        sitting = self._sittings.start(SittingKind.LIST, list_id, items)
        # count now, because rendering removes the items that don't wait any more from the list
        count = len(source.list_ids(list_id))
        counts = self._shelf.count_list(source, list_id, count)
        return {**sitting, "waiting": counts["waiting"]}

    def _start_best_sitting(self) -> Json:
        """Start a sitting with the first ten items of the queue, or continue it."""
        continued = self._continue_sitting(BEST_LIST)
        if continued:
            return continued
        ids = self._items.select_best_of_queue()
        return self._start_sitting(SittingKind.QUEUE, BEST_LIST, ids)

    def _start_folder_sitting(self, list_id: str, folder: FolderItems) -> Json:
        """Start a sitting with the first ten new cards of a folder's documents, or continue it.

        If no new card waits there, the sitting consists of ten highlights without a card.
        """
        continued = self._continue_sitting(list_id)
        if continued:
            return continued
        ids = self._items.select_best_of_queue(folder.document_ids)
        if ids:
            return self._start_sitting(SittingKind.QUEUE, list_id, ids)
        uncarded_ids: list[str] = []
        for document_items in folder.documents:
            uncarded_ids += _select_uncarded_ids(document_items)
        first_ids = uncarded_ids[: batches.SITTING_SIZE]
        sitting = self._start_sitting(SittingKind.QUEUE, list_id, first_ids)
        return {**sitting, **_WITHOUT_CARDS}

    def start_document_sitting(self, id: str) -> Json:
        """Start a sitting with a document's ten best drafts and suggestions, in reading order.

        An unfinished sitting is continued instead. Only the best fact of each highlight is
        included. If nothing waits in the document, the sitting consists of less certain
        suggestions, and `more` is true. Without those, it consists of ten highlights without a
        card, and `without` is true. `waiting` is the number of new cards of the document that wait.
        """
        document_items = self._shelf.find_document_items(id)
        if document_items is None:
            return {**self._start_sitting(SittingKind.DOCUMENT, id, ()), "waiting": 0}
        counts = {"waiting": document_items.waiting_count}
        continued = self._continue_sitting(id)
        if continued:
            return {**continued, **counts}
        ids = self._items.select_best_ids(document_items)
        contents: Json = {}
        if not ids:
            ids = self._items.select_best_ids(document_items, more=True)
            contents = _LESS_CERTAIN
        if not ids:
            # no sentence has a suggestion, so let the user select the words to ask about
            ids = _select_uncarded_ids(document_items)
            contents = _WITHOUT_CARDS
        sitting = self._start_sitting(SittingKind.DOCUMENT, id, ids)
        return {**sitting, **counts, **contents}

    def _start_sitting(self, kind: SittingKind, target: str, ids: Iterable[str]) -> Json:
        return self._sittings.start(kind, target, self._render_items(ids))

    def _continue_sitting(self, target: str) -> Json | None:
        """Render an unfinished sitting, or return None if nothing of it is left."""
        sitting = self._sittings.find_unfinished(target)
        if sitting is None:
            return None
        items = self._render_items(sitting.ids)
        if not items:
            return None
        return self._sittings.resume(sitting, items)

    def _render_items(self, ids: Iterable[str]) -> list[Json]:
        """Render the items that are still pending."""
        return [*filter(None, map(self._items.render_item, ids))]

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
        reply: Json = {"item": item_json}
        sitting = self._sittings.find(sitting_number)
        if item_json is None or sitting is None or sitting.document is None:
            return reply
        id = item_json["id"]
        is_draft = id in self._items.list_ids("new")
        is_suggestion = item_json.get("suggested", False)
        if is_draft or is_suggestion:
            extended = sitting.add_item(id, self._sort_by_position([*sitting.ids, id]))
            stored = self._sittings.store(sitting_number, extended, [item_json])
            reply["sitting"] = stored
        return reply

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
        sitting = self._sittings.find(decision.batch_number)
        source = self._find_item_source(decision.id)
        done = self._apply_decision(source, decision, sitting)
        item = None
        if done.next_id is not None:
            item = source.render_item(done.next_id)
        reply = {"said": done.message, "item": item, "undo": ""}
        if done.undo:
            reply["undo"] = self._store_undo(_UndoEntry(done.undo, decision, sitting))
        if sitting:
            after = sitting.record_decision(decision, done, _get_id(item))
            reply["sitting"] = self._store_sitting(decision, after, item)
        return {**self.count_items(), **reply}

    def _apply_decision(
        self, source: ItemSource, decision: Decision, sitting: Sitting | None
    ) -> DecisionOutcome:
        """Apply a decision to an item of a source.

        Raises:
            StaleItemError: the item has changed since it was shown. In the sitting, which the error
                has, the current item takes its place, or it is removed if none is left.
        """
        try:
            done = source.decide(decision)
        except StaleItemError as error:
            if sitting:
                after = sitting.replace_item(decision.id, _get_id(error.face))
                error.sitting = self._store_sitting(decision, after, error.face)
            raise
        if source is not self._items:
            # a decision of a feature may change the ledger's items
            self._items.clear_cache()
        return done

    def _store_sitting(
        self, decision: Decision, sitting: Sitting, item: Json | None
    ) -> Json:
        """Store the sitting of a decision, and render it with the item that joins it, if any."""
        new_items = [] if item is None else [item]
        return self._sittings.store(decision.batch_number, sitting, new_items)

    def _store_undo(self, entry: _UndoEntry) -> str:
        """Store how to undo a decision, and return the ID to pass to `undo`."""
        id = str(next(self._undo_ids))
        self._undo_entries[id] = entry
        return id

    def undo(self, action: str) -> Json:
        """Undo a decision.

        Returns:
            The new counts; `item`, the item that is pending again; and `sitting`, the sitting as it
                was before the decision. A highlight has neither `item` nor `sitting`.

        Raises:
            RefusedError: the decision can't be undone; the message gives the reason.
        """
        entry = self._undo_entries.get(action)
        if entry is None:
            raise RefusedError("This was undone before.")
        entry.revert()
        del self._undo_entries[action]
        self._items.clear_cache()
        decision = entry.decision
        if decision is None:
            return self.count_items()
        item_json = self.render_item(decision.id)
        reply = {**self.count_items(), "item": item_json}
        if item_json and entry.sitting:
            reply["sitting"] = self._store_sitting(decision, entry.sitting, item_json)
        return reply

    # --- the ending of a sitting ----------------------------------------------------------

    def summarize_sitting(self, sitting_number: int) -> Json | None:
        """Summarize a sitting, or return None if there is no sitting with this number.

        The summary has a `heading`, further sentences (`told`), and the created or changed
        `cards`, each with its highlight's `key` and page label (`page`). For a document, the cards
        are in reading order. If a chat can be asked about the rest of a document, `chat` is the
        label of the button that does so.
        """
        sitting = self._sittings.find(sitting_number)
        if sitting is None:
            return None
        if sitting.document is not None:
            return self._summarize_document_sitting(sitting, sitting.document)
        cards = render_changed_cards(self._ledger, sitting, self._files.find_picture)
        ending = self._find_ending(sitting)
        if ending is None:
            outcome = describe_outcome(sitting, cards)
        else:
            outcome = describe_decisions(sitting)
        left_count = self._count_left_in_list(sitting.target)
        left = f"{left_count:,} waiting" if left_count else None
        return {
            "heading": format_heading(sitting, outcome, left),
            "told": ending or "",
            "cards": cards,
            "chat": "",
        }

    def _summarize_document_sitting(self, sitting: Sitting, document: str) -> Json:
        if self.documents.has_no_highlights(document):
            return {
                "heading": NO_HIGHLIGHTS_TEXT,
                "told": CHOOSE_TEXT,
                "cards": [],
                "chat": CHOOSE_LABEL,
            }
        cards = render_changed_cards(self._ledger, sitting, self._files.find_picture)
        reading_order = [*self.documents.get_highlight_states(document)]
        cards.sort(key=lambda view: reading_order.index(view["key"]))
        left = None
        chat_label = None
        document_items = self._shelf.find_document_items(document)
        if document_items is not None:
            left = describe_left_items(document_items)
            chat_label = self._label_chat_offer(document_items)
        return {
            "heading": format_heading(sitting, describe_outcome(sitting, cards), left),
            "told": "",
            "cards": cards,
            "chat": chat_label or "",
        }

    def _find_ending(self, sitting: Sitting) -> str | None:
        """Return the sentence with which a feature ends the sittings of its list, or None."""
        for source in self._sources:
            shelf_list = source.lists.get(sitting.target)
            if shelf_list and shelf_list.ending:
                return shelf_list.ending
        return None

    def _label_chat_offer(self, document_items: DocumentItems) -> str | None:
        """Return the label of the button that asks a chat about the rest of a document.

        Returns None if a model drafts the cards, or if no highlight of the document is left.
        """
        if self._uses_model or not document_items.remaining_count:
            return None
        return f"{document_items.remaining_count:,} more: {ASK_LABEL}"

    def _count_left_in_list(self, list_id: str) -> int:
        """Count what waits now in the queue, in the documents of a folder or in another list."""
        if list_id == BEST_LIST:
            return self._items.count_waiting().total
        folder = self._shelf.find_folder(list_id)
        if folder is not None:
            return self._count_left_in_folder(folder)
        left: dict[str, int] = self.count_items()["left"]
        return left.get(list_id, 0)

    def _count_left_in_folder(self, folder: FolderItems) -> int:
        # `folder` itself has the counts from when its row was rendered
        left_count = 0
        for document_items in self._items.list_documents():
            if document_items.document in folder.document_ids:
                left_count += document_items.waiting_count
        return left_count

    # --- one card -------------------------------------------------------------------------

    def preview(self, decision: Decision) -> Json:
        """Render the card that a decision would create, as it would look in Anki.

        For an edited cloze note, the card for cloze number `decision.gap` is rendered.

        Raises:
            StaleItemError: the item isn't pending any more.
            UsageError: the fields don't make a valid card.
        """
        card = self._find_item_source(decision.id).preview(decision)
        gap = decision.gap if isinstance(decision, Edit | WriteCard) else 1
        return render_card(card, self._files.find_picture, cloze_number=gap)

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
            self._sittings.forget_unfinished()  # the next ten include the new cards
        return {
            **self.count_items(),
            "said": format_as_sentence(outcome.message),
            "unused": outcome.unused,
            "brought": outcome.is_usable,
            "next": _prompt_to_json(outcome.next_prompt),
            "second": outcome.second_reading or "",
        }

    # --- files --------------------------------------------------------------------------

    def find_file(self, name: str) -> Path | None:
        """Return the path of the picture or PDF that has the given name in URLs.

        Returns None unless the page has already shown the file.
        """
        return self._files.find_path(name)


def _get_id(item_json: Json | None) -> str | None:
    return None if item_json is None else item_json["id"]


# --- texts ------------------------------------------------------------------------------


def _select_uncarded_ids(document_items: DocumentItems) -> list[str]:
    """Return the ids of the first ten highlights without a card, in reading order."""
    places = [
        *document_items.suggestions,
        *document_items.more,
        *document_items.others,
    ]
    places.sort(key=attrgetter("position"))
    return [place.id for place in places[: batches.SITTING_SIZE]]


def _choose_edited_card(item: Item) -> ShownCard | None:
    """Return the card that the user edits if an item is shown, or None for a question.

    This is the accepted card of an item, the first of its drafts, or an empty card for a passage
    without any. If the item offers new text for the accepted card, the draft is edited, because
    the user starts from the new text; but if the user wrote that text, it is the card's.
    """
    if item.highlight is None:
        return None
    if item.card:
        if not item.drafts:
            return item.card
        draft = item.drafts[0]
        if draft.revised_guid and draft.is_user_text:
            return item.card
    if item.offered_drafts:
        return item.offered_drafts[0]
    passages = (item.highlight,)
    return Preview(
        item.highlight.key, CardKind.BASIC, (), Origin(USER), passages=passages
    )


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
    return {"said": prompt.said or "", "text": prompt.text or ""}
