"""The source of the review items in the ledger: pending drafts, questions and suggestions.

The items are cached. They are reloaded when another program has written to the ledger, and after
a decision that may have changed other items.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from ankiforge.ledger import PendingItems, pending_items, questions
from ankiforge.ledger.pending_items import PassageLocation, WaitingCounts
from ankiforge.ledger.tables.highlights import (
    DocumentPlace,
    find_highlight_row,
    find_looked_up_words,
    load_document_places,
)
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    Json,
    ShownCard,
    Strings,
    is_card_id,
    is_question_id,
)
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, DecisionOutcome, Review, StaleItemError, batches
from ankiforge.review.batches import DocumentItems
from ankiforge.review.decisions import Postpone, ShowInAnki
from ankiforge.review.items import find_next_item_of_passage
from ankiforge.review.queue import keep_new_cards_of, list_queue
from ankiforge.web.document_chat import DocumentChat
from ankiforge.web.documents import DocumentRenderer
from ankiforge.web.items import ItemRenderer
from ankiforge.web.page_part import ChatPrompt, ItemSource, ShelfList


class LedgerItems(ItemSource):
    """The pending items of the ledger, in four queues.

    The queues are new cards (`new`), changed cards and questions (`you`), questions about word
    lists and drafts about looked-up words (`words`), and passages without a card (`none`). `new`
    and `none` are shown document by document.
    """

    prefix = ""
    lists = {
        "you": ShelfList("Changed cards and questions", "", "?"),
        "words": ShelfList("Words", "with their meaning", "Aa"),
    }

    def __init__(
        self, workspace: Workspace, renderer: ItemRenderer, documents: DocumentRenderer
    ) -> None:
        """Create the source without reading the ledger yet."""
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        self._renderer = renderer
        self._chat = DocumentChat(workspace, documents, self.clear_cache)
        self._pending: PendingItems | None = None
        self._has_decided = False
        """Whether decisions were made since the items were loaded. The queues don't have the
        decided items then, but other items may have changed."""
        self.queues: dict[str, list[str]] = {}
        """The IDs of the items in each list, keyed by the ID of the list."""
        self._looked_up: Collection[str] = ()
        """The keys of the looked-up words among the new drafts."""
        self._skipped: dict[str, None] = {}
        """The IDs of postponed items, oldest first. These items are shown last."""

    def clear_cache(self) -> None:
        """Clear the cache, so that the items are reloaded on the next access."""
        self._pending = None

    def refresh(self) -> None:
        """Reload the items and rebuild the queues if another program has changed the ledger."""
        self._ledger.read_journal()
        # this returns the same object if nothing has changed since it was loaded
        pending = pending_items.load_pending_items(self._ledger, self._pending)
        if pending is self._pending:
            return
        self._pending = pending
        self._has_decided = False
        keys = [location.key for location in pending.drafts]
        self._looked_up = find_looked_up_words(self._ledger, keys)
        self._build_queues(pending)

    def _build_queues(self, pending: PendingItems) -> None:
        """Distribute the items among the queues, in which postponed items come last.

        Drafts about looked-up words are shown in the list of words, not under their book.
        """
        self.queues = {"new": [], "you": [], "words": [], "none": []}
        self._queue_questions(pending)
        for location in pending.drafts:
            list_id = "words" if location.key in self._looked_up else "new"
            self.queues[list_id].append(location.id)
        for location in pending.without_card:
            self.queues["none"].append(location.id)
        postponed_ranks = {id: rank for rank, id in enumerate(self._skipped, 1)}
        for queue in self.queues.values():
            queue.sort(key=lambda id: postponed_ranks.get(id, 0))

    def _queue_questions(self, pending: PendingItems) -> None:
        """Queue changed cards and questions for the user, but those about words with the words."""
        self.queues["you"] += pending.changed_cards
        word_question_ids = self._find_word_questions(pending)
        for id in pending.questions:
            list_id = "words" if id in word_question_ids else "you"
            self.queues[list_id].append(id)

    def _find_word_questions(self, pending: PendingItems) -> set[str]:
        """Return the IDs of the questions about words with a translation."""
        word_question_ids = set[str]()
        if pending.questions:
            for question in questions.find_open_questions(self._ledger):
                if question.old == WORD_AND_TRANSLATION:
                    word_question_ids.add(question.id)
        return word_question_ids

    def load_pending(self) -> PendingItems:
        """Return everything that waits, reloaded if decisions were made since it was loaded."""
        if self._has_decided:
            self.clear_cache()
        self.refresh()
        assert self._pending is not None
        return self._pending

    def count_pending_items(self) -> dict[str, int]:
        """Count the pending items of each list."""
        self.refresh()
        return {id: len(queue) for id, queue in self.queues.items()}

    def count_waiting(self) -> WaitingCounts:
        """Count the decisions that wait, as `ankiforge status` does."""
        return pending_items.count_waiting(self.load_pending())

    def count_waiting_in_list(self, list_id: str) -> int:
        """Count the decisions that wait in a list. Further facts of a passage count as well."""
        pending = self.load_pending()
        count = len(self.queues[list_id])
        if list_id == "words":
            for location in pending.drafts:
                if location.key in self._looked_up:
                    count += location.draft_count - 1
        return count

    def list_ids(self, list_id: str) -> Sequence[str]:
        """Return the IDs of a list's items, with postponed items last."""
        self.refresh()
        return tuple(self.queues[list_id])

    # --- documents ----------------------------------------------------------------------

    def list_documents(self) -> list[DocumentItems]:
        """Group pending drafts and undecided highlights by document, best document first."""
        pending = self.load_pending()
        drafts = []
        for location in pending.drafts:
            if location.key not in self._looked_up:
                drafts.append(location)
        return batches.group_by_document(drafts, pending.without_card)

    def find_document(self, key: str) -> DocumentItems | None:
        """Return what waits in the document that contains a highlight, or None if nothing does."""
        all_document_items = self.list_documents()
        row = find_highlight_row(self._ledger, key)
        if row is None:
            return None
        for document_items in all_document_items:
            if document_items.document == row["document"]:
                return document_items
        return None

    def load_document_places(self) -> dict[int, DocumentPlace]:
        """Return the source and path of each document."""
        return load_document_places(self._ledger)

    @property
    def passages_without_card(self) -> Sequence[PassageLocation]:
        """The passages without a card, best first."""
        return self._pending.without_card if self._pending else ()

    def select_best_ids(
        self, document_items: DocumentItems, *, more: bool = False
    ) -> list[str]:
        """Return the IDs of a document's ten best drafts and suggestions, in reading order.

        With `more`, the document's ten best less certain suggestions are returned instead.
        """
        items = document_items.select_best_items(
            self._review.load_item, self._skipped, more=more
        )
        return [item.id for item in items]

    def select_best_of_queue(self, documents: Collection[int] | None = None) -> Strings:
        """Return the IDs of the first ten items of the queue.

        Postponed items are only returned if nothing else is left.

        Args:
            documents: the documents of the new cards, or None for everything that waits.
        """
        pending = self.load_pending()
        if documents is not None:
            pending = keep_new_cards_of(pending, documents)
        ids = list_queue(pending)
        ids = [id for id in ids if id not in self._skipped] or ids
        return batches.select_first_items(ids, self._review.load_item)

    # --- one item -----------------------------------------------------------------------

    def render_item(self, id: str) -> Json | None:
        """Render an item as JSON. If its passage has another pending item, `then` has that item.

        If the item isn't pending any more, remove it from its list and return None.
        """
        item = self._review.load_item(id)
        if item is None:
            self._remove_from_list(id)
            return None
        item_json = self._renderer.render_item(item)
        if item_json.get("several") and item.highlight:
            next_item = find_next_item_of_passage(
                self._ledger, item.highlight, skipped_draft_id=id
            )
            if next_item:
                item_json["then"] = self._renderer.render_item(next_item)
        return item_json

    def decide(self, decision: Decision) -> DecisionOutcome:
        """Apply a decision and update the queues.

        If the same passage has another sentence to decide on, it becomes the first item of the
        list or, after a rejection, the last item.
        """
        if isinstance(decision, Postpone):
            return self._postpone(decision.id)
        try:
            done = self._review.decide(decision)
        except StaleItemError as error:
            if error.item:
                error.face = self._renderer.render_item(error.item)
            else:
                self._remove_from_list(decision.id)
            raise
        if not isinstance(decision, ShowInAnki):
            self._update_queues(decision, done)
        return done

    def _postpone(self, id: str) -> DecisionOutcome:
        list_id = self._remove_from_list(id)
        self._skipped[id] = None
        if list_id is not None:
            self.queues[list_id].append(id)
        return DecisionOutcome(partial(self._skipped.pop, id, None))

    def _update_queues(self, decision: Decision, done: DecisionOutcome) -> None:
        """Remove the decided item, and add the next sentence of its passage.

        The next sentence comes into the same list, or among the new cards if the user decided
        about an item that was in no list, such as a card.
        """
        self._has_decided = True
        list_id = self._remove_from_list(decision.id)
        queue = self.queues["new" if list_id is None else list_id]
        if done.next_id is not None:
            queue.insert(0, done.next_id)
        if done.postponed_id is not None:
            queue.append(done.postponed_id)
        is_about_draft = not (is_question_id(decision.id) or is_card_id(decision.id))
        if done.is_pending or not is_about_draft:
            self.clear_cache()  # other items may have changed

    def _remove_from_list(self, id: str) -> str | None:
        """Remove an item from its list. Return the list's ID, or None if no list has the item."""
        self._skipped.pop(id, None)
        for list_id, queue in self.queues.items():
            if id in queue:
                queue.remove(id)
                return list_id
        return None

    def preview(self, decision: Decision) -> ShownCard:
        """Build the card that a decision would create from edited fields or selected text."""
        return self._review.build_preview(decision)

    def build_chat_prompt(self, id: str) -> ChatPrompt:
        """Return a prompt about the document `id`, see `DocumentChat.build_prompt`."""
        return self._chat.build_prompt(id)
