"""List the cards, drafts, questions and highlights of a ledger, for the commands `list` and `show`.

Each item is yielded as JSON, as lines of text, or as both. `reports.cards` formats the items.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from ankiforge.anki.render import field_to_markdown
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import UsageError
from ankiforge.ledger import (
    HighlightOutcome,
    Ledger,
    QueryTerm,
    item_lists,
    pending_items,
)
from ankiforge.ledger.anki_views import iter_notes_without_card
from ankiforge.ledger.item_lists import FoundItem
from ankiforge.ledger.questions import find_open_questions
from ankiforge.model import (
    HIGHLIGHT_PREFIX,
    Document,
    Json,
    ListRow,
    LocalCard,
    Proposal,
    Strings,
    UserQuestion,
    UserQuestionKind,
    Value,
    is_question_id,
    make_highlight_id,
)
from ankiforge.pipeline import query as queries
from ankiforge.pipeline.collection import apply_anki_edits_to_rows
from ankiforge.pipeline.proposals import find_proposal
from ankiforge.reports import cards, history
from ankiforge.reports.highlights import format_location, highlight_to_json
from ankiforge.reports.view import view_card
from ankiforge.review import batches
from ankiforge.text import to_one_line

ListedRows = Iterator[tuple[Any, Iterable[str]]]
"""An iterator over pairs of an item's JSON and its lines of text. Only the requested form has to be
filled in.
"""
_PROPOSED_ABOVE = "proposed above"
"""The reason why a list shows no proposal for a highlight with the same sentence as another."""


class _ListedHighlight(Value):
    """A highlight without a card, as a list shows it."""

    outcome: HighlightOutcome
    """The highlight, with the reason why nothing is proposed for it."""
    proposal: Proposal | None

    def hide_proposal(self, reason: str) -> _ListedHighlight:
        """Return the highlight with a reason in place of its proposal."""
        return _ListedHighlight(replace(self.outcome, reason=reason), None)

    def to_json(self) -> Json:
        """Convert the highlight to the JSON that `list --no-card --json` prints."""
        outcome = self.outcome
        return {
            **highlight_to_json(outcome.highlight),
            "place": format_location(outcome.highlight),
            "fate": outcome.status,
            "reason": "" if self.proposal else outcome.reason,
            "confidence": round(max(outcome.usefulness, 0.0), 2),
            "proposal": cards.proposal_to_json(self.proposal) if self.proposal else None,
        }

    def format(self, id_length: int | None = None, *, in_full: bool) -> list[str]:
        """Format the highlight as text.

        Args:
            id_length: how many characters of the id to show, or None for all.
            in_full: whether to add the key, and the score of the proposal.
        """
        id = make_highlight_id(self.outcome.highlight.key)[:id_length]
        return [
            *cards.format_highlight_without_card(
                self.outcome, self.proposal, id, in_full=in_full
            )
        ]


class Listing:
    """Lists the contents of a ledger as JSON or text."""

    def __init__(
        self, ledger: Ledger, decks: tuple[DeckRule, ...], *, as_json: bool, verbose: bool
    ) -> None:
        """Initialize the listing.

        Args:
            ledger: the ledger to list items from.
            decks: the rules in the deck files.
            as_json: whether to produce JSON instead of text.
            verbose: whether to show items in full, with their history.
        """
        self._ledger = ledger
        self._decks = decks
        self._as_json = as_json
        self._verbose = verbose

    def list_view(
        self, query: Strings, view: str | None, *, everything: bool
    ) -> ListedRows:
        """Yield the items in a view that match a query.

        Args:
            query: the search query.
            view: the name of the view, or None for all cards and drafts.
            everything: whether to include rejected and retired cards.

        Raises:
            UsageError: the view doesn't take a query, or the query is invalid.
        """
        if view in ("recent", "unknown", "questions") and query:
            raise UsageError(f"--view {view} takes no query", hint="ankiforge list QUERY")
        match view:
            case "questions":
                for question in find_open_questions(self._ledger):
                    yield _format_question(question, in_full=self._verbose)
            case "recent":
                yield from self._list_decisions()
            case "unknown":
                yield from self._list_unknown_notes()
            case "changed":
                yield from self._list_changed_items(query)
            case _:
                yield from self._list_groups(query, everything=everything)

    def _list_decisions(self) -> ListedRows:
        format_entry = history.format_decision_row
        if self._verbose:
            format_entry = history.format_decision_line
        for entry in self._ledger.list_history():
            yield history.decision_to_json(entry), (format_entry(entry),)

    def _list_unknown_notes(self) -> ListedRows:
        """Yield the notes in Anki that no card belongs to."""
        for note in iter_notes_without_card(self._ledger):
            fields = [field_to_markdown(html) for html in note.fields[:2]]
            data = {
                "id": None,
                "guid": note.guid,
                "deck": note.deck,
                "tags": note.tags,
                "fields": fields,
            }
            first_field = to_one_line(fields[0]) if fields else ""
            yield data, (cards.build_list_row("", "?", first_field, note.deck),)

    # --- cards and drafts ---------------------------------------------------------------

    def _list_groups(self, query: Strings, *, everything: bool = False) -> ListedRows:
        """Yield cards and drafts, grouped by document in the order of the review.

        In each document, new drafts come first, followed by cards and other drafts in reading
        order. With `everything`, new drafts are in reading order too.

        Args:
            query: the search query.
            everything: whether to include rejected and retired cards.
        """
        terms = queries.parse_query(queries.join_arguments(query))
        rows = item_lists.find_rows(self._ledger, terms, everything=everything)
        if not rows:
            return
        draft_ranks = {}
        for rank, draft in enumerate(batches.iter_drafts_for_review(self._ledger)):
            draft_ranks[draft.id] = rank
        if not everything:
            self._sort_for_review(rows, draft_ranks)
        ids = [row.id for row in rows]
        if self._as_json or self._verbose:
            yield from self._list_rows(item_lists.load_items(self._ledger, ids))
        else:
            asked_ids = self._find_drafts_in_questions(rows, draft_ranks)
            yield from self._list_short_rows(rows, asked_ids)

    def _sort_for_review(
        self, rows: list[FoundItem], draft_ranks: dict[str, int]
    ) -> None:
        """Sort rows by the rank of their document, and then of their draft. Others come last."""
        document_ranks = self._rank_documents()

        def get_sort_key(row: FoundItem) -> tuple[int, int]:
            document_rank = len(document_ranks)
            if row.document is not None:
                document_rank = document_ranks.get(row.document, document_rank)
            return document_rank, draft_ranks.get(row.id, len(draft_ranks))

        rows.sort(key=get_sort_key)

    def _list_short_rows(
        self, rows: Sequence[FoundItem], asked_ids: set[str]
    ) -> ListedRows:
        """Yield a line for each card and draft, with a heading for each document."""
        documents: dict[str, int | None] = {}
        counts = defaultdict[int | None, Counter[str]](Counter)
        for row in rows:
            documents[row.id] = row.document
            is_asked = row.id in asked_ids
            state = cards.ASKED_STATE if is_asked else row.verdict
            counts[row.document][state] += 1
        id_length = item_lists.compute_min_id_length(
            item_lists.load_card_and_draft_ids(self._ledger)
        )
        items = item_lists.load_items(self._ledger, documents)
        last_document: int | None = None
        for list_row in apply_anki_edits_to_rows(self._ledger, items):
            lines = []
            document = documents[list_row.id]
            if document != last_document:
                if last_document is not None:
                    lines.append("")
                lines.append(
                    cards.format_heading(list_row.highlight.document, counts[document])
                )
            last_document = document
            view = view_card(list_row)
            if list_row.id in asked_ids:
                view = replace(view, state=cards.ASKED_STATE)
            lines.append(cards.format_row(view, list_row.id[:id_length]))
            yield None, lines

    def _find_drafts_in_questions(
        self, rows: Iterable[FoundItem], draft_ranks: Container[str]
    ) -> set[str]:
        """Return the ids of the drafts on which the user decides by answering a question.

        These are the drafts that wait, but neither for a decision on their own nor as new text
        of a card.
        """
        ids = set()
        for row in rows:
            if row.verdict == "waiting" and row.id not in draft_ranks:
                ids.add(row.id)
        if ids:
            ids.difference_update(
                pending_items.load_pending_items(self._ledger).revisions
            )
        return ids

    def _rank_documents(self) -> dict[int, int]:
        """Map the row id of each document with pending items to its position on the page."""
        order = pending_items.load_pending_items(self._ledger)
        groups = batches.group_by_document(order.drafts, order.without_card)
        return {group.document: rank for rank, group in enumerate(groups)}

    def _list_rows(self, list_rows: Iterable[ListRow]) -> ListedRows:
        """Yield cards and drafts as JSON or full text, with the user's edits in Anki applied."""
        questions = find_open_questions(self._ledger)
        for list_row in apply_anki_edits_to_rows(self._ledger, list_rows):
            if self._as_json:
                yield cards.list_row_to_json(self._ledger, list_row, self._decks), ()
            else:
                yield (
                    None,
                    cards.format_item_in_full(self._ledger, list_row, questions),
                )

    def _list_rows_with_history(self, list_rows: Iterable[ListRow]) -> ListedRows:
        """Yield cards and drafts as `_list_rows` does.

        JSON also has the open questions. In a verbose listing, the decisions are added.
        """
        ledger = self._ledger
        questions = find_open_questions(ledger)
        for list_row in apply_anki_edits_to_rows(ledger, list_rows):
            decisions = []
            if self._verbose:
                is_card = isinstance(list_row, LocalCard)
                decisions = ledger.list_history(
                    list_row.id if is_card else list_row.highlight.key
                )
            if not self._as_json:
                text = cards.format_item_in_full(ledger, list_row, questions)
                yield None, [*text, *map(history.format_decision_line, decisions)]
                continue
            data = cards.list_row_to_json(ledger, list_row, self._decks)
            data["questions"] = [
                cards.question_to_json(question)
                for question in questions
                if list_row.id in question.guids
            ]
            if self._verbose:
                data["decisions"] = [*map(history.decision_to_json, decisions)]
            yield data, ()

    def _list_changed_items(self, query: Strings) -> ListedRows:
        """Yield changes to sources that affect the text of the cards that match a query.

        These are conflicts, pending revisions, and recent changes to cards.
        """
        ledger = self._ledger
        matching_ids = queries.find_matching_ids(ledger, queries.join_arguments(query))
        for question in find_open_questions(ledger):
            is_conflict = question.kind is UserQuestionKind.CONFLICT
            if is_conflict and not set(question.guids).isdisjoint(matching_ids):
                yield _format_question(question)
        pending = pending_items.load_pending_items(ledger)
        revisions = [id for id in pending.revisions if id in matching_ids]
        yield from self._list_rows(item_lists.load_items(ledger, revisions))
        for entry in ledger.list_history(changes_since=queries.get_notice_start_time()):
            if entry.guid in matching_ids:
                yield history.decision_to_json(entry), history.format_change(entry)

    # --- highlights without a card ------------------------------------------------------

    def list_without_card(self, query: Strings, *, everything: bool) -> ListedRows:
        """Yield highlights without a card or draft, with a proposal or the reason there is none.

        Highlights with a card are included if another sentence in them has a proposal. They are
        grouped by document, in the order of the page, and the most useful highlights of a
        document come first. Proposals are generated one document after another. In text, each
        sentence is proposed only once; further highlights with the same sentence show a reason
        instead. Unless the output is verbose, highlights with a less certain proposal show a
        reason as well.

        Args:
            query: words that must all occur in the highlight, the title or path of its document,
                or the reason.
            everything: whether to include highlights skipped by the user, a colour or a setting,
                and text that only looks like a highlight.
        """
        outcomes = pending_items.iter_highlight_outcomes(
            self._ledger, document_ranks=self._rank_documents()
        )
        id_length = item_lists.compute_min_id_length(
            item_lists.load_highlight_ids(self._ledger)
        )
        wanted = (
            outcome for outcome in outcomes if _is_wanted(outcome, query, everything)
        )
        proposed_sentences: set[str] = set()
        is_first = True
        for document, group in groupby(wanted, lambda each: each.highlight.document):
            rows = [*self._propose_for_list(group, proposed_sentences)]
            heading = _format_heading(document, [shown for _, shown in rows])
            for index, (data, shown) in enumerate(rows):
                lines = shown.format(id_length, in_full=self._verbose)
                if index == 0:
                    lines.insert(0, heading)
                if index == 0 and not is_first:
                    lines.insert(0, "")
                is_first = False
                yield data, lines
        if everything:
            yield from self._list_skipped_texts(query)

    def _propose_for_list(
        self, outcomes: Iterable[HighlightOutcome], proposed_sentences: set[str]
    ) -> Iterator[tuple[Json, _ListedHighlight]]:
        """Yield the JSON of highlights, and what a list in text shows of them.

        Highlights with a card are left out if nothing else in them is proposed. The sentences of
        the proposals that are shown are added to `proposed_sentences`.
        """
        for outcome in outcomes:
            found = self._find_proposal(outcome)
            shown = found
            if not self._as_json:
                shown = self._hide_needless_proposal(found, proposed_sentences)
            if shown.proposal or outcome.status != "carded":
                yield found.to_json(), shown
            if shown.proposal:
                proposed_sentences.add(shown.proposal.quote)

    def _find_proposal(self, outcome: HighlightOutcome) -> _ListedHighlight:
        result = find_proposal(self._ledger, outcome)
        if isinstance(result, Proposal):
            return _ListedHighlight(outcome, result)
        if isinstance(result, str):
            outcome = replace(outcome, reason=result)
        return _ListedHighlight(outcome, None)

    def _hide_needless_proposal(
        self, found: _ListedHighlight, proposed_sentences: set[str]
    ) -> _ListedHighlight:
        """Hide a proposal that is less certain, unless verbose, or whose sentence is above."""
        proposal = found.proposal
        if proposal is None:
            return found
        if not proposal.is_certain and not self._verbose:
            # import this late, because it is slow, and making the proposal has imported it
            from ankiforge.draft.propose import RejectionReason

            return found.hide_proposal(RejectionReason.LESS_CERTAIN.value)
        if proposal.quote in proposed_sentences:
            return found.hide_proposal(_PROPOSED_ABOVE)
        return found

    def _list_skipped_texts(self, query: Strings) -> ListedRows:
        for entry in cards.list_skipped(self._ledger):
            skipped = entry.skipped_text
            text = f"{skipped.apparent_syntax} {entry.location} {skipped.reason}"
            if _contains_terms(text, query):
                yield cards.skipped_to_json(entry), cards.format_skipped(entry)

    # --- selected items -----------------------------------------------------------------

    def list_selected_items(self, arguments: Strings) -> ListedRows:
        """Yield the items selected by the arguments of `show`, in full.

        `arguments` are ids, the words of a query, or the key of a highlight. A key selects the
        passage and all of its cards.

        Raises:
            UsageError: nothing matches.
        """
        ledger = self._ledger
        first, *others = arguments
        if first.startswith(HIGHLIGHT_PREFIX) and queries.looks_like_id(first):
            first = queries.resolve_id(ledger, first)
            arguments = (first, *others)
        is_key = queries.looks_like_key(first)
        ids = self._find_selected_ids(arguments)
        if not ids and is_key:
            for outcome in pending_items.iter_highlight_outcomes(ledger, first):
                found = self._find_proposal(outcome)
                yield found.to_json(), found.format(in_full=True)
                return
        if not ids:
            query = " ".join(arguments)
            hint = f"ankiforge list --all {query}"
            raise UsageError(f"no card matches “{query}”", hint=hint)
        if is_key and not others:
            yield cards.format_passage_sentences(ledger, first)
        if any(map(is_question_id, ids)):
            for question in find_open_questions(ledger):
                if question.id in ids:
                    yield _format_question(question)
        yield from self._list_rows_with_history(item_lists.load_items(ledger, ids))

    def _find_selected_ids(self, arguments: Strings) -> Sequence[str]:
        ledger = self._ledger
        if all(map(queries.looks_like_id, arguments)):
            return [queries.resolve_id(ledger, argument) for argument in arguments]
        if len(arguments) == 1 and queries.looks_like_key(arguments[0]):
            term = QueryTerm("key", arguments[0])
            return item_lists.find_items(ledger, [term], everything=True)
        return queries.find_matching_ids(ledger, queries.join_arguments(arguments))


def _contains_terms(text: str, terms: Strings) -> bool:
    return all(term.casefold() in text.casefold() for term in terms)


def _is_wanted(outcome: HighlightOutcome, query: Strings, everything: bool) -> bool:
    """Return whether a list of highlights without a card has a highlight."""
    is_skipped = everything and outcome.status == "left_out"
    if not outcome.has_open_sentence and not is_skipped:
        return False
    document = outcome.highlight.document
    path = f"{document.source}/{document.path}"
    text = f"{outcome.highlight.exact} {document.title} {path} {outcome.reason}"
    return _contains_terms(text, query)


def _format_heading(document: Document, shown: Sequence[_ListedHighlight]) -> str:
    proposed_count = sum(each.proposal is not None for each in shown)
    return cards.format_heading(
        document, {"listed": len(shown), "proposed": proposed_count}
    )


def _format_question(
    question: UserQuestion, *, in_full: bool = True
) -> tuple[Any, Iterable[str]]:
    data = cards.question_to_json(question)
    if in_full:
        return data, cards.format_question(question)
    return data, (cards.format_question_row(question),)
