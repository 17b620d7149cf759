"""The state of a review session: lists, items, decisions and undo, without HTTP or HTML.

The page starts with the shelf, a list of documents. The user then decides in sittings of at most
ten items. Pending items are cached, and reread when another program has written to the ledger or a
decision may have changed other items. Each decision carries the `turn` of its item, a hash of what
the user saw. If the item has changed since, the decision is refused and the current item returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from ankiforge.errors import ForgeError, UsageError
from ankiforge.ledger import PendingItems, item_lists, pending_items, questions
from ankiforge.ledger.cards import load_highlight, load_highlights
from ankiforge.ledger.decide import undo_decision
from ankiforge.ledger.events import USER
from ankiforge.ledger.offers import iter_offers
from ankiforge.ledger.pending_items import PassageLocation
from ankiforge.ledger.tables.items import load_facets
from ankiforge.model import (
    WORD_AND_TRANSLATION,
    CardKind,
    Highlight,
    HighlightKey,
    Json,
    Media,
    Origin,
    Preview,
    ShownCard,
    SourceKind,
    Strings,
    Texts,
    Value,
    hash16,
    is_card_id,
    is_question_id,
)
from ankiforge.pipeline import chats
from ankiforge.pipeline import unmarked as choosing
from ankiforge.pipeline.collection import iter_rows_as_in_anki
from ankiforge.pipeline.decks import find_placement, list_decks
from ankiforge.pipeline.deliver import open_package
from ankiforge.pipeline.media import load_picture
from ankiforge.pipeline.query import has_field, parse_query
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, Item, Review, StaleItemError, sittings
from ankiforge.review.items import iter_changed_cards, to_sentence
from ankiforge.review.sittings import DocumentPile, Sitting, format_pending_counts
from ankiforge.text import format_count
from ankiforge.web.card_view import render_card, render_row
from ankiforge.web.documents import (
    DocumentRenderer,
    PageRenderer,
    build_document_id,
    find_pdf,
    guess_document_kind,
)
from ankiforge.web.items import ItemRenderer, selectable_text_to_json
from ankiforge.web.page_part import PageList, PagePart
from ankiforge.web.unmarked import UNMARKED_PREFIX, TextSelection, UnmarkedDocuments

MAX_ROWS = 100
MAX_CREATORS = 2
"""The maximum number of authors per document on the shelf."""
MAX_BULK_DECISIONS = 5_000
"""The maximum number of cards in a bulk decision."""
MAX_REASONS = 5
"""The maximum number of reasons listed for highlights without a proposal, or for unused chat cards.
"""
LIST_ROWS = {
    "you": ("Only you can answer", "changed cards, questions"),
    "words": ("Words", "with your translation"),
}
"""The title and description of each ledger list that is a row of the shelf while it has pending
items. Features' lists come after the first of these rows.
"""
NO_HIGHLIGHTS_TEXT = "Nothing is marked here yet."
CHOOSE_TEXT = "Select words in the document and press Enter, or let your chat choose ten."
STATE_QUERIES = {
    "Waiting": "verdict:waiting",
    "Accepted": "verdict:accepted -anki:seen",
    "In Anki": "verdict:accepted anki:seen",
    "Rejected": "verdict:rejected",
    "Retired": "verdict:retired",
    "Source gone": "finding:source_gone",
}
"""The states that filter the list of all cards, with their queries."""

FILTER_LABELS = {
    "document": "All documents",
    "deck": "All decks",
    "kind": "All kinds",
    "added": "Any date",
}
"""The fields that filter the list of all cards, with the labels of their unset filters."""
ADDED_DAYS = ("1", "7", "30", "365")
"""The options of the filter `added`, in days."""
VALUE_LABELS = {
    "cloze": "Gaps",
    "basic": "Question and answer",
    "two-way": "Both ways",
    "occlusion": "Figures",
    "1": "Added today",
    "7": "In the last 7 days",
    "30": "In the last 30 days",
    "365": "In the last year",
}
"""Maps filter values to the labels that the page shows instead."""


PagePartFactory = Callable[[Workspace, ItemRenderer], Iterable[PagePart]]


class BulkDecision(Value, forbid_unknown_fields=True):
    """A request to accept or reject several cards and drafts at once."""

    ids: Strings
    accepts: bool
    words: str | None = None
    """A query that selects cards and drafts, in place of `ids`."""


class _UndoEntry(NamedTuple):
    revert: Callable[[], object]
    id: str = ""
    """The ID of the item decided on, or ""."""
    number: int = 0
    """The number of the decision's sitting, or 0."""
    sitting: Sitting | None = None
    """The sitting before the decision."""


class ReviewSession:
    """A single user's review session.

    Most methods return JSON for the page's script. Where they return "the new counts", these
    are the fields of `count_items`.
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
            workspace: where to look up the pending items.
            pages: draws PDF pages.
            query: if given, open the page at the best document that has a match.
            start_path: if given, open the page at this file, which has no highlights.
            get_parts: returns the lists and handlers that features add to the page.
        """
        self._query = query
        self._start_path = start_path
        self._workspace = workspace
        self._ledger = workspace.ledger
        self._review = Review(workspace)
        # The pictures and PDFs that the page has shown, by their name in the URL.
        self._files: dict[str, Path] = {}
        self.documents = DocumentRenderer(self._ledger, self._find_picture, pages)
        self._unmarked = UnmarkedDocuments(workspace, self.documents)
        uses_model = workspace.folder.config.drafter == "llm"
        self._renderer = ItemRenderer(
            self._ledger,
            find_pdf_link=self._find_pdf_link,
            documents=self.documents,
            uses_model=uses_model,
        )
        self._feature_lists: dict[str, PageList] = {}
        """The lists that features add, by id."""
        self.get_handlers: dict[str, Callable[[Texts], Json]] = {}
        """The GET handlers that features add, by name."""
        self.post_handlers: dict[str, tuple[Any, Callable[[Any], Json]]] = {}
        """The POST handlers that features add, by name, each with the type of its request body."""
        for part in get_parts(workspace, self._renderer):
            self._feature_lists |= {page_list.id: page_list for page_list in part.lists}
            self.get_handlers |= part.get_handlers
            self.post_handlers |= part.post_handlers
        self._queues: dict[str, list[str]] = {}
        # Skipped items, oldest first; they are shown last.
        self._skipped: dict[str, None] = {}
        # The decisions of this session, by the action id that `undo` takes.
        self._undo_entries: dict[str, _UndoEntry] = {}
        # Every sitting so far, by its number.
        self._sittings: dict[int, Sitting] = {}
        self._pending: PendingItems | None = None
        # The highlights in the last question to the chat.
        self._asked_keys = frozenset[HighlightKey]()
        # The key of a highlight if the chat is asked about its document, or the id of the failing
        # card that the chat is to repair, or "".
        self._chat_target = ""
        # The parts of an unmarked document that the chat still has to read, or None if the chat is
        # asked about highlights.
        self._passage_request: choosing.DocumentRequest | None = None

    # --- lists --------------------------------------------------------------------------

    def count_items(self) -> Json:
        """Count the items `left` in each list, and the cards that are `ready` to send."""
        self._refresh()
        left = {id: len(queue) for id, queue in self._queues.items()}
        return {
            "left": left
            | {
                id: page_list.pending_count
                for id, page_list in self._feature_lists.items()
            },
            "ready": pending_items.count_everything(self._ledger, "unsent")[
                "unsent"
            ].total(),
        }

    def show_list(self, list_id: str, words: str = "", start: int = 0) -> Json:
        """Render a list. All cards are shown as rows to browse, any other list as a sitting.

        Args:
            list_id: the ID of the list, or `all` for all cards.
            words: a query for filtering the list of all cards.
            start: how many cards or items to skip because they're already on the page.

        Raises:
            UsageError: `words` isn't a valid query.
        """
        self._refresh()
        content: Json = {}
        if list_id == "all":
            content = self._list_all(words.strip(), start)
        elif list_id in self._feature_lists:
            page_list = self._feature_lists[list_id]
            page_list.refresh()
            content = self._start_sitting(
                page_list.render_items(start, sittings.SITTING_SIZE), list_id=list_id
            )
        else:
            # drop items that are no longer pending
            items: list[Json] = []
            for id in self._queues.get(list_id, [])[start:]:
                if len(items) == sittings.SITTING_SIZE:
                    break
                item_json = self.show_item(id)
                if item_json is None:
                    self._queues[list_id].remove(id)
                else:
                    items.append(item_json)
            content = self._start_sitting(items, list_id=list_id)
        return {**content, **self.count_items()}

    # --- the shelf, and a sitting at one of its documents -------------------------------

    def show_shelf(self) -> Json:
        """Render the shelf, which lists the documents with undecided highlights, best first.

        Each document has the number of its pending drafts (`waiting`), the number of its
        highlights with a proposal (`proposed`), whether it has any of either (`is_open`), and a
        line about its other highlights (`rest`). `for_chat` says whether to ask a chat about it,
        and `offer` is the text that offers this.

        For the whole shelf, `model` says whether a model is configured, `begins` names the
        document or list to open first ("" for the shelf itself), and `without` explains why some
        highlights have no proposal.
        """
        self._refresh()
        piles = self._find_piles()
        first_places = [
            (*pile.drafted_marks, *pile.proposal_marks, *pile.other_marks)[0]
            for pile in piles
        ]
        highlights = load_highlights(self._ledger, [first.key for first in first_places])
        matching_ids = (
            sittings.list_pending_ids(self._ledger, self._query) if self._query else []
        )
        begins = "you" if matching_ids and matching_ids[0] in self._queues["you"] else ""
        named_documents = set[int]()
        if self._query and not matching_ids:
            named_piles = sittings.find_documents_with_proposals(
                self._ledger, self._query
            )
            named_documents.update(pile.document for pile in named_piles[:1])
        entries = []
        for pile, first in zip(piles, first_places, strict=True):
            highlight = highlights[first.key]
            id = build_document_id(highlight.document)
            pending_ids = {place.id for place in pile.drafted_marks}
            if pile.document in named_documents or (
                matching_ids and matching_ids[0] in pending_ids
            ):
                begins = f"paper={id}"
            entries.append(
                {
                    "id": id,
                    "key": highlight.key,
                    "title": pile.title,
                    "by": ", ".join(highlight.document.creators[:MAX_CREATORS]),
                    "kind": guess_document_kind(highlight),
                    "waiting": len(pile.drafted_marks),
                    "proposed": pile.proposal_count,
                    "rest": f"{len(pile.other_marks):,} without a card",
                    "is_open": bool(pile.drafted_marks or pile.proposal_marks),
                    "for_chat": pile.is_for_chat,
                    "offer": pile.chat_offer,
                }
            )
        unmarked = self._unmarked.list_shelf_rows()
        if self._start_path:
            start_id = self._unmarked.find_row_id(self._start_path)
            begins = f"paper={start_id}" if start_id else begins
        rows = self._build_list_rows()
        open_count = sum(bool(entry["is_open"]) for entry in entries)
        pending_count = sum(len(pile.drafted_marks) for pile in piles)
        pending_count += sum(row["waiting"] for row in rows if row["id"] in LIST_ROWS)
        proposed = sum(pile.proposal_count for pile in piles)
        without_count = sum(len(pile.other_marks) for pile in piles)
        return {
            **self.count_items(),
            "waiting": pending_count,
            "proposed": proposed,
            "documents": [*entries[:open_count], *rows, *entries[open_count:], *unmarked],
            "model": self._workspace.folder.config.drafter == "llm",
            "begins": begins,
            "without": self._explain_missing_proposals(without_count)
            if without_count
            else "",
        }

    def _build_list_rows(self) -> list[Json]:
        rows = []
        left = self.count_items()["left"]
        titles = {
            id: (page_list.title, page_list.description)
            for id, page_list in self._feature_lists.items()
        }
        for id, (title, about) in {
            "you": LIST_ROWS["you"],
            **titles,
            **LIST_ROWS,
        }.items():
            if not left[id]:
                continue
            row: Json = {"id": id, "list": id, "key": "", "title": title, "by": about}
            row |= {"waiting": left[id], "proposed": 0, "is_open": True}
            if id in self._feature_lists:
                row |= {"cover": self._feature_lists[id].cover, "by_item": True}
            rows.append(row)
        return rows

    def _explain_missing_proposals(self, total: int) -> str:
        counts = pending_items.count_no_card_reasons(self._ledger)
        reasons = [
            (reason.partition(":")[0], number)
            for reason, number in counts.most_common(MAX_REASONS)
        ]
        other_count = total - sum(number for _, number in reasons)
        if other_count > 0:
            reasons.append(("for other reasons", other_count))
        if len(reasons) == 1:
            text = reasons[0][0]
        else:
            text = " · ".join(f"{reason} ({number:,})" for reason, number in reasons)
        return f"{format_count(total, 'highlight')} without a proposal: {text}"

    def start_document_sitting(self, key: str) -> Json:
        """Start a sitting with a document's ten best drafts and proposals, in reading order.

        `key` is the key of any highlight in the document. Only the best fact of each highlight is
        included. If the document has no drafts or proposals, the sitting consists of ten
        highlights without a card, and `without` is true.
        """
        self._refresh()
        pile = self._find_pile(key)
        best_items = (
            pile.select_best_items(self._review.load_item, self._skipped) if pile else []
        )
        items = [self._render_with_next(item) for item in best_items]
        if best_items or pile is None:
            return self._start_sitting(
                [item_json for item_json in items if item_json], key=key
            )
        # no sentence is a confident enough proposal, so let the user choose the words
        cardless_places = sorted(
            (*pile.proposal_marks, *pile.other_marks), key=attrgetter("position")
        )
        cardless_items = [
            self.show_item(place.id) for place in cardless_places[: sittings.SITTING_SIZE]
        ]
        sitting = self._start_sitting(
            [item_json for item_json in cardless_items if item_json], key=key
        )
        return {**sitting, "without": True}

    def _start_sitting(
        self, items: Sequence[Json], key: str = "", list_id: str = ""
    ) -> Json:
        ids = tuple(item_json["id"] for item_json in items)
        sitting = Sitting(ids, key=key, list_id=list_id)
        return self._store_sitting(len(self._sittings) + 1, sitting, items)

    def _store_sitting(
        self, number: int, sitting: Sitting, items: Sequence[Json]
    ) -> Json:
        """Store a sitting and render it as JSON, with any items that the page doesn't have yet."""
        self._sittings[number] = sitting
        stored = {"ids": sitting.ids, "results": sitting.results}
        return {"number": number, **stored, "items": items}

    def _find_pile(self, key: str) -> DocumentPile | None:
        """Find the pile for the document that contains a highlight, or return None.

        A pile is a document with its pending drafts, proposals, and other undecided highlights.
        """
        return next(iter(self._find_piles(key)), None)

    def _find_piles(self, key: str = "") -> list[DocumentPile]:
        """Return one pile per document with undecided highlights, best first.

        If `key` is given, only the document that contains this highlight is included.
        """
        undecided = set(self._queues["none"])
        places = [
            place for place in self._list_cardless_passages() if place.id in undecided
        ]
        return sittings.load_piles(self._ledger, self._queues["new"], places, key)

    def _list_cardless_passages(self) -> Sequence[PassageLocation]:
        return self._pending.uncarded if self._pending else ()

    def _render_with_next(self, item: Item) -> Json | None:
        """Render an item, adding the draft for the passage's next fact, if any, as `then`."""
        item_json = self.render_item(item)
        if item_json and item_json.get("several") and item.highlight:
            for offer in iter_offers(self._ledger, [item.highlight.key]):
                if offer[0].changed_card is None and item.id not in {
                    draft.id for draft in offer
                }:
                    next_item = self.show_item(offer[0].id)
                    if next_item:
                        item_json["then"] = next_item
                    break
        return item_json

    def render_item(self, item: Item | None) -> Json | None:
        """Render an item as JSON for the page, passing None through."""
        return self._renderer.render_item(item) if item else None

    def _find_feature_list(self, id: str) -> PageList | None:
        for page_list in self._feature_lists.values():
            if id.startswith(page_list.prefix):
                return page_list
        return None

    def show_item(self, id: str) -> Json | None:
        """Look up an item and render it as JSON, or return None if it is no longer pending."""
        page_list = self._find_feature_list(id)
        if page_list:
            return page_list.render_item(id)
        return self.render_item(self._review.load_item(id))

    def show_highlight_item(self, key: str, number: int) -> Json:
        """Render a highlight's draft or proposal, falling back to its card or the bare passage.

        The result is in `item`. If `number` is the sitting of a document, a draft or proposal is
        also added to that sitting, and the updated `sitting` is returned as well.
        """
        passage = self._ledger.get_passage(HighlightKey(key))
        ids: list[str] = [offer[0].id for offer in iter_offers(self._ledger, [key])]
        ids += [guid for guid, card in passage.cards.items() if card.is_live]
        item_json = next(filter(None, map(self.show_item, (*ids, key))), None)
        sitting = self._sittings.get(number)
        if not (item_json and sitting and sitting.key):
            return {"item": item_json}
        if item_json["id"] not in self._queues["new"] and not item_json.get("proposal"):
            return {"item": item_json}
        ids = [*sitting.ids, item_json["id"]]
        places = pending_items.load_draft_locations(self._ledger, ids)
        places += [place for place in self._list_cardless_passages() if place.id in ids]
        places.sort(key=attrgetter("position"))
        extended = sitting.add_item(item_json["id"], [place.id for place in places])
        return {
            "item": item_json,
            "sitting": self._store_sitting(number, extended, [item_json]),
        }

    def get_selectable_text(self, key: str) -> Json:
        """Render a passage's text so that the user can select words in it for a card."""
        return selectable_text_to_json(load_highlight(self._ledger, key))

    def _refresh(self) -> None:
        self._ledger.read_journal()
        pending = pending_items.load_pending_items(self._ledger, self._pending)
        if pending is self._pending:
            return
        self._pending = pending
        word_ids = set[str]()
        if pending.questions:
            open_questions = questions.find_open_questions(self._ledger)
            word_ids.update(
                question.id
                for question in open_questions
                if question.old == WORD_AND_TRANSLATION
            )
        other_ids = [id for id in pending.questions if id not in word_ids]
        self._queues = {
            "new": [*pending.new_drafts],
            "you": [*pending.changed_cards, *other_ids],
            "words": [id for id in pending.questions if id in word_ids],
            "none": [place.id for place in pending.uncarded],
        }
        skip_ranks = {id: rank for rank, id in enumerate(self._skipped, 1)}
        for queue in self._queues.values():
            queue.sort(key=lambda id: skip_ranks.get(id, 0))

    def _list_all(self, query: str, start: int) -> Json:
        try:
            ids = self._find_matching_ids(query)
        except UsageError:
            if has_field(query):
                raise
            ids = []  # the user searched for text with a colon or an unclosed quote, for example
        lines = iter_rows_as_in_anki(
            self._ledger,
            item_lists.load_items(self._ledger, ids[start : start + MAX_ROWS]),
        )
        rows = []
        for line in lines:
            places = (line.highlight.document.title, line.deck)
            rows.append({**render_row(line), "place": " · ".join(filter(None, places))})
        last = start + len(rows)
        summary = format_count(len(ids), "card")
        states = {row["state"] for row in rows}
        if 1 < len(ids) == len(rows) and len(states) == 1:  # name the common state once
            [state] = states
            summary = f"{len(ids)} {state[:1].lower()}{state[1:]}"
            rows = [{**row, "state": ""} for row in rows]
        if not ids:
            summary = "No card contains these words."
        elif len(ids) > last:
            summary += f"; the first {last:,} are shown"
        left = min(len(ids) - last, MAX_ROWS)
        return {
            "rows": rows,
            "total": len(ids),
            "told": summary,
            "more": f"Show {left} more" if left else "",
            "facets": self._build_filters(),
        }

    def _build_filters(self) -> list[Json]:
        values_by_field = {
            **load_facets(self._ledger),
            "added": [*ADDED_DAYS],
        }
        filters = [
            {
                "label": "Any state",
                "options": [
                    {"value": term, "name": value_label}
                    for value_label, term in STATE_QUERIES.items()
                ],
            }
        ]
        for field, label in FILTER_LABELS.items():
            options = []
            for value in values_by_field[field]:
                term = value.replace('"', "*")
                value_label = VALUE_LABELS.get(value, value)
                options.append({"value": f'{field}:"{term}"', "name": value_label})
            if len(options) > 1:
                filters.append({"label": label, "options": options})
        return filters

    def _find_matching_ids(self, query: str) -> list[str]:
        return item_lists.find_items(
            self._ledger, parse_query(query.strip()), everything=True
        )

    # --- decisions ----------------------------------------------------------------------

    def decide(self, decision: Decision) -> Json:
        """Apply a decision.

        Returns:
            The new counts; `undo`, an ID for undoing the decision; `sitting`, the updated
                sitting; and `item`, the passage's next fact, or the same item if it is still
                pending.

        Raises:
            StaleItemError: the item has changed since it was shown.
            ForgeError: the decision was refused, for the reason in the message.
        """
        before = self._sittings.get(decision.sitting)
        try:
            reply = self._apply_decision(decision)
        except StaleItemError as error:
            error.face = error.face or self.render_item(error.item)
            if error.face is None:
                self._remove_from_list(decision.id)
            if before:
                error.sitting = self._replace_item_in_sitting(decision, error.face)
            raise
        item = reply.get("item")
        if reply.get("undo"):
            revert = self._build_revert(decision, reply["undo"])
            entry = _UndoEntry(revert, decision.id, decision.sitting, before)
            self._undo_entries[reply["undo"]] = entry
        if before and "undo" not in reply:  # the item stays pending
            reply["sitting"] = self._replace_item_in_sitting(decision, item)
        elif before:
            next_id = item["id"] if item else ""
            after = before.record_decision(
                decision.id, decision.act, reply["undo"], next_id
            )
            reply["sitting"] = self._store_sitting(
                decision.sitting, after, [item] if item else []
            )
        return {**self.count_items(), **reply}

    def _build_revert(self, decision: Decision, action: str) -> Callable[[], object]:
        page_list = self._find_feature_list(decision.id)
        if page_list:
            return partial(page_list.undo, action)
        if decision.act == "later":
            return partial(self._skipped.pop, decision.id, None)
        return partial(undo_decision, self._ledger, action)

    def _replace_item_in_sitting(
        self, decision: Decision, item_json: Json | None
    ) -> Json:
        """Replace the item that was decided on, and return the updated sitting as JSON.

        If `item_json` is None, the item is removed instead.
        """
        sitting = self._sittings[decision.sitting]
        replaced = sitting.replace_item(decision.id, item_json["id"] if item_json else "")
        return self._store_sitting(
            decision.sitting, replaced, [item_json] if item_json else []
        )

    def _apply_decision(self, decision: Decision) -> Json:
        """Apply a decision, returning what `decide` does minus the counts and the sitting."""
        page_list = self._find_feature_list(decision.id)
        if page_list:
            self._pending = None
            return page_list.decide(decision)
        if decision.act == "later":  # move the item to the end of its list
            list_id = self._remove_from_list(decision.id)
            self._skipped[decision.id] = None
            if list_id:
                self._queues[list_id].append(decision.id)
            return {"undo": f"later {decision.id}"}
        if decision.act == "others":
            redrafted = self._review.draft_alternatives(
                self._review.load_current_item(decision)
            )
            self._pending = None
            item_json = self._renderer.render_item(redrafted)
            return {"item": item_json, "said": "The model has drafted others."}
        decided = self._review.decide(decision)

        # remove the item from its list, and put the rest of its passage first or last in the list
        queue = self._queues[self._remove_from_list(decision.id) or "new"]
        next_item = None
        rest_item = decided.next_item
        if rest_item is not None:
            queue.insert(0, rest_item.id)
            next_item = self._render_with_next(rest_item)
        if decided.postponed_item is not None:
            queue.append(decided.postponed_item.id)
        # these decisions may change other items
        if (
            decision.act == "none"
            or is_question_id(decision.id)
            or is_card_id(decision.id)
        ):
            self._pending = None
        return {"undo": decided.undo_id, "item": next_item}

    def decide_several(self, bulk_decision: BulkDecision) -> Json:
        """Accept or reject several cards and drafts as one action that can be undone at once.

        Returns:
            The new counts; `undo`, an ID for undoing the action; and `said`, a message saying how
                many were accepted or rejected, and why any others weren't.
        """
        ids: Sequence[str] = bulk_decision.ids
        if bulk_decision.words is not None:
            ids = self._find_matching_ids(bulk_decision.words)
        refusals = []
        decided = 0
        with self._ledger.action() as action:
            for id in ids[:MAX_BULK_DECISIONS]:
                try:
                    if bulk_decision.accepts:
                        self._ledger.accept(id)
                    else:
                        self._ledger.reject(id)
                except ForgeError as error:
                    refusals.append(error.message)
                else:
                    decided += 1
        self._pending = None
        decision = "Accepted" if bulk_decision.accepts else "Rejected"
        message = f"{decision} {format_count(decided, 'card')}."
        left = len(ids) - decided
        if left:
            as_before = "it was" if left == 1 else "they were"
            reason = (
                refusals[0]
                if refusals
                else f"{MAX_BULK_DECISIONS:,} are decided on at once."
            )
            message += f" {format_count(left, 'card')} left as {as_before}: {reason}"
        return {**self.count_items(), "undo": action if decided else "", "said": message}

    def summarize_sitting(self, number: int) -> Json | None:
        """Summarize a sitting, or return None if there is no sitting with this number.

        The summary has a `heading`, further sentences (`told`), and the new `cards`, each with
        its highlight's `key` and page label (`page`). For a document, the cards are in reading
        order.
        """
        sitting = self._sittings.get(number)
        if sitting is None:
            return None
        decided = len(sitting.results)
        cards = []
        count = 0
        for card in iter_changed_cards(self._ledger, sitting.actions):
            view = render_card(card, self._find_picture)
            if "figure" in view:
                number = sum(mask["on"] for mask in view["figure"]["masks"])
                view["cards"] = format_count(number, "card")
                count += number
            else:
                count += 1
            location = {"key": card.highlight.key, "page": card.highlight.page_label}
            cards.append({**view, **location})
        if sitting.key:
            marks = pending_items.load_passage_states(self._ledger, sitting.key)
            reading_order = [highlight.key for highlight, _ in marks]
            cards.sort(key=lambda entry: reading_order.index(entry["key"]))

        if sitting.key.startswith(UNMARKED_PREFIX):
            return {
                "heading": NO_HIGHLIGHTS_TEXT,
                "told": CHOOSE_TEXT,
                "cards": [],
                "chat": True,
            }
        left_text = self._describe_remaining(sitting)
        heading_start = format_count(count, "card") if count else "No card"
        rejected = sitting.results.count("none")
        if sitting.key and count and rejected:
            heading_start += f", {rejected} rejected"
        sentences: list[str] = []
        if sitting.list_id in self._feature_lists:
            heading_start = f"{decided} decided"
            sentences.append(self._feature_lists[sitting.list_id].ending)
        heading = f"{heading_start}. Nothing waits here."
        if left_text:
            heading = f"{heading_start}. Here: {left_text}."
        if not decided:
            heading = (
                "Everything was kept for later." if left_text else "Nothing waits here."
            )
        return {"heading": heading, "told": " ".join(sentences), "cards": cards}

    def _describe_remaining(self, sitting: Sitting) -> str:
        self._refresh()
        if sitting.key:
            pile = self._find_pile(sitting.key)
            return (
                format_pending_counts(len(pile.drafted_marks), pile.proposal_count)
                if pile
                else ""
            )
        return format_pending_counts(
            self.count_items()["left"].get(sitting.list_id, 0), 0
        )

    def preview(self, decision: Decision) -> Json:
        """Render the card from the fields in the editor, as it would look in Anki.

        For a cloze note, this is the card for cloze number `decision.gap`.

        Raises:
            StaleItemError: the item is no longer pending.
            UsageError: the fields don't make a valid card.
        """
        card = (self._find_feature_list(decision.id) or self._review).preview(decision)
        return render_card(card, self._find_picture, number=decision.gap)

    def get_placement(self, id: str) -> Json:
        """Return the deck and tags for the card being edited.

        `moves` and `tagged` say whether the user may change the deck and the tags, respectively.
        `decks` lists the available decks.

        Raises:
            StaleItemError: the item is no longer pending.
        """
        if self._find_feature_list(id):
            return {"deck": "", "tags": [], "moves": False, "tagged": False, "decks": []}
        item = self._review.load_item(id)
        if item is None or item.highlight is None:
            raise StaleItemError(item)
        first_draft = item.drafts[0] if item.drafts else None
        card: ShownCard
        if item.card and (
            first_draft is None or (first_draft.revises and first_draft.is_user_text)
        ):
            card = item.card
        elif item.offered_drafts:
            card = item.offered_drafts[0]
        else:
            card = Preview(
                item.highlight.key,
                CardKind.BASIC,
                (),
                Origin(USER),
                passages=(item.highlight,),
            )
        decks = self._workspace.decks
        placement = find_placement(self._ledger, card, decks)
        return {
            "deck": placement.deck,
            "tags": placement.tags,
            "moves": placement.can_move,
            "tagged": placement.can_tag,
            "decks": list_decks(self._ledger),
        }

    def _remove_from_list(self, id: str) -> str:
        """Remove an item from its list, and return the list's ID, or "" if it wasn't in any."""
        self._skipped.pop(id, None)
        for list_id, queue in self._queues.items():
            if id in queue:
                queue.remove(id)
                return list_id
        return ""

    def undo(self, action: str) -> Json:
        """Undo a decision.

        Returns:
            The new counts; `item`, which is pending again; and `sitting`, as it was before the
                decision.

        Raises:
            RefusedError: the decision can't be undone, for the reason in the message.
        """
        entry = self._undo_entries.get(action)
        entry = entry or _UndoEntry(partial(undo_decision, self._ledger, action))
        entry.revert()
        self._undo_entries.pop(action, None)
        self._pending = None
        if not entry.id:
            return self.count_items()
        item_json = self.show_item(entry.id)
        reply = {**self.count_items(), "item": item_json}
        if item_json and entry.sitting:
            reply["sitting"] = self._store_sitting(
                entry.number, entry.sitting, [item_json]
            )
        return reply

    def send(self) -> Json:
        """Send all unsent cards to Anki, falling back to a package if Anki isn't running.

        The package is opened with Anki if possible.

        Returns:
            The new counts; `said`, a message about the outcome; and `path`, the package if the
                user has to import it, or "".
        """
        from ankiforge.reports.summary import format_delivery

        result = self._workspace.push()
        self._pending = None
        packages = [published for published in result.published if published.notes]
        if result.pushed is not None or not packages:
            sentences = [result.error.message] if result.error is not None else []
            sentences += format_delivery(result)
            if not sentences:
                sentences.append("Anki has every card")
            for problem in result.problems:
                if not problem.notice:
                    sentences.append(f"{problem.where}: {problem.what}")
            return {**self.count_items(), "said": f"{'. '.join(sentences)}.", "path": ""}
        [package] = packages
        notes = format_count(package.notes, "note")
        if open_package(package.path):
            message = f"Anki opens with {notes}: press Import there."
            return {**self.count_items(), "said": message, "path": ""}
        path = str(package.path)
        message = (
            f"{notes} to import: double-click this file, or choose File › Import in Anki."
        )
        return {**self.count_items(), "said": message, "path": path}

    # --- highlights made on the page ------------------------------------------------------

    def add_highlight(self, words: TextSelection) -> Json:
        """Create a highlight from the text that the user selected.

        Returns:
            The new counts; `key`, the key of the highlight; and `undo`, an ID for undoing it.

        Raises:
            UsageError: the text isn't in the document.
        """
        reply = self._unmarked.add_highlight(words)
        self._pending = None
        for number, sitting in self._sittings.items():
            if sitting.key == words.key:  # the document now has a highlight to name it by
                self._sittings[number] = replace(sitting, key=reply["key"])
        return {**self.count_items(), **reply}

    def delete_highlight(self, key: str) -> Json:
        """Delete a highlight that was created on the page.

        Returns:
            The new counts, and `undo`, an ID for undoing the deletion, or "" if it's permanent.

        Raises:
            RefusedError: the highlight is part of the file.
        """
        restore = self._unmarked.delete_highlight(key)
        self._pending = None
        action = f"out {key}" if restore else ""
        if restore:
            self._undo_entries[action] = _UndoEntry(restore)
        return {**self.count_items(), "undo": action}

    # --- a chat window ------------------------------------------------------------------

    def ask_chat(self, key: str = "") -> Json:
        """Return a prompt to paste into a chat (`text`), and a line describing it (`said`).

        By default, the prompt asks for cards from the best highlights of all documents. If `key`
        is the key of a highlight, only that document is used. If it names a document without
        highlights, the chat is asked to choose passages, and if it is the ID of a failing card,
        to repair the card.
        """
        self._chat_target = key
        self._passage_request = (
            self._unmarked.request_passages(key)
            if key.startswith(UNMARKED_PREFIX)
            else None
        )
        return self._build_next_question()

    def _build_next_question(self) -> Json:
        key = self._chat_target
        if self._passage_request and not self._passage_request.remaining_parts:
            return {"said": "", "text": ""}
        if self._passage_request:
            part = self._passage_request.remaining_parts[0]
            text = choosing.build_chat_text(self._workspace, self._passage_request, part)
            return {
                "said": self._passage_request.describe_part_request(part),
                "text": text,
            }
        page_list = self._find_feature_list(key)
        if page_list:
            return page_list.chat_question(key)
        document = (
            load_highlight(self._ledger, HighlightKey(key)).document.key if key else ""
        )
        request = chats.export_chats(self._workspace, document=document)
        self._asked_keys = request.keys[0] if request.keys else frozenset()
        text = request.texts[0] if request.texts else ""
        return {"said": to_sentence(request.summary), "text": text}

    def apply_chat_reply(self, answer: str) -> Json:
        """Apply a chat's reply to the last prompt, storing any cards in it.

        Returns:
            The new counts; `said`, a message about the outcome; `unused`, reasons why cards
                weren't used; `brought`, whether anything was usable; `next`, the next prompt; and
                `second`, a follow-up that asks the chat to check its own cards, or "".
        """
        page_list = self._find_feature_list(self._chat_target)
        if page_list:
            message, is_usable = page_list.apply_chat_reply(self._chat_target, answer)
            outcome = {"said": message, "unused": [], "brought": is_usable}
            return {
                **self.count_items(),
                **outcome,
                "next": {"said": "", "text": ""},
                "second": "",
            }
        result = chats.record_answer(
            self._workspace, answer, asked=self._asked_keys, about=self._passage_request
        )
        self._pending = None
        return {
            **self.count_items(),
            "said": result.summary,
            "unused": [problem.what for problem in result.unused[:MAX_REASONS]],
            "brought": bool(result.drafted or result.read_again),
            "next": self._build_next_question(),
            "second": chats.build_second_reading_text(self._workspace, answer)
            if result.drafted
            else "",
        }

    # --- files --------------------------------------------------------------------------

    def find_file(self, name: str) -> Path | None:
        """Look up a picture or PDF by its name in the URL, or return None.

        Only files that have been shown on the page can be requested.
        """
        return self._files.get(name)

    def _find_picture(self, highlight: Highlight, path: str) -> Media | None:
        media = load_picture(
            self._ledger, highlight, path, self._workspace.folder.pictures
        )
        if not isinstance(media, Media):
            return None
        self._files[media.name] = Path(media.path)
        return media

    def _find_pdf_link(self, highlight: Highlight) -> list[Texts]:
        if highlight.source_kind is not SourceKind.PDF:  # Zotero opens its own PDFs
            return []
        path = find_pdf(self._ledger, highlight)
        if path is None:
            return []
        name = f"{hash16('paper', str(path))}.pdf"
        self._files[name] = path
        label = "Open the PDF"
        href = f"/paper/{name}"
        if highlight.block.isdecimal():
            href += f"#page={int(highlight.block) + 1}"
            if highlight.page_label:
                label = f"Open page {highlight.page_label}"
        return [{"label": label, "href": href}]
