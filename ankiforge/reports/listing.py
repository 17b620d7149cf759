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
    HistoryEntry,
    Ledger,
    QueryTerm,
    item_lists,
    pending_items,
)
from ankiforge.ledger.anki_views import iter_notes_without_card
from ankiforge.ledger.questions import find_open_questions
from ankiforge.ledger.store import Row
from ankiforge.model import (
    HIGHLIGHT_PREFIX,
    ListRow,
    LocalCard,
    Proposal,
    Strings,
    UserQuestion,
    UserQuestionKind,
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

    def list_view(self, query: Strings, view: str, *, everything: bool) -> ListedRows:
        """Yield the items in a view that match a query.

        Args:
            query: the search query.
            view: the name of the view, or "" for all cards and drafts.
            everything: whether to include rejected and retired cards.

        Raises:
            UsageError: the view doesn't take a query, or the query is invalid.
        """
        ledger = self._ledger
        if view in ("recent", "unknown", "questions") and query:
            raise UsageError(f"--view {view} takes no query", hint="ankiforge list QUERY")
        match view:
            case "questions":
                for question in find_open_questions(ledger):
                    yield _format_question(question, in_full=self._verbose)
            case "recent":
                for entry in ledger.list_history():
                    row = history.format_decision_row(entry)
                    if self._verbose:
                        row = history.format_decision_line(entry)
                    yield history.decision_to_json(entry), (row,)
            case "unknown":
                for note in iter_notes_without_card(ledger):
                    fields = [field_to_markdown(html) for html in note.fields[:2]]
                    first_field = to_one_line(" ".join(fields[:1]))
                    place = {"deck": note.deck, "tags": note.tags}
                    data = {"id": None, "guid": note.guid, **place, "fields": fields}
                    row = cards.build_list_row("", "?", first_field, note.deck)
                    yield data, (row,)
            case "changed":
                yield from self._list_changed_items(query)
            case _:
                yield from self._list_groups(query, everything=everything)

    def _list_groups(self, query: Strings, *, everything: bool = False) -> ListedRows:
        """Yield cards and drafts, grouped by document in the order of the review.

        In each document, new drafts come first, followed by cards and other drafts in reading
        order. With `everything`, new drafts are in reading order too.

        Args:
            query: the search query.
            everything: whether to include rejected and retired cards.
        """
        ledger = self._ledger
        terms = queries.parse_query(queries.join_arguments(query))
        rows = item_lists.find_rows(ledger, terms, everything=everything)
        if not rows:
            return
        drafts = enumerate(batches.iter_drafts_for_review(ledger))
        draft_ranks = {draft.id: rank for rank, draft in drafts}
        if not everything:
            document_ranks = self._rank_documents()
            last = len(document_ranks), len(draft_ranks)
            rows.sort(
                key=lambda row: (
                    document_ranks.get(row["document"], last[0]),
                    draft_ranks.get(row["id"], last[1]),
                )
            )
        counts = defaultdict[str, Counter[str]](Counter)
        documents = {row["id"]: str(row["document"]) for row in rows}
        asked_ids = self._find_drafts_in_questions(rows, draft_ranks)
        for row in rows:
            verdict = cards.ASKED_STATE if row["id"] in asked_ids else row["verdict"]
            counts[documents[row["id"]]][verdict] += 1
        items = item_lists.load_items(ledger, documents)
        if self._as_json or self._verbose:
            yield from self._list_rows(items)
            return
        id_length = item_lists.compute_min_id_length(
            item_lists.load_card_and_draft_ids(ledger)
        )
        last_document = ""
        for list_row in apply_anki_edits_to_rows(ledger, items):
            view = view_card(list_row)
            if list_row.id in asked_ids:
                view = replace(view, state=cards.ASKED_STATE)
            lines = [cards.format_row(view, list_row.id[:id_length])]
            document = documents[list_row.id]
            if document != last_document:
                title = list_row.highlight.document
                lines.insert(0, cards.format_heading(title, counts[document]))
                lines[:0] = [""] if last_document else []
            last_document = document
            yield None, lines

    def _find_drafts_in_questions(
        self, rows: Iterable[Row], draft_ranks: Container[str]
    ) -> set[str]:
        """Return the ids of the drafts on which the user decides by answering a question."""
        ids = {row["id"] for row in rows if row["verdict"] == "waiting"}
        ids = {id for id in ids if id not in draft_ranks}
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

    def _list_rows(
        self, list_rows: Iterable[ListRow], *, in_full: bool = False
    ) -> ListedRows:
        """Yield cards and drafts as JSON or as full text, with the user's edits in Anki applied.

        `in_full` adds the open questions to the JSON and, in a verbose listing, the history.
        """
        ledger = self._ledger
        questions = find_open_questions(ledger)
        for list_row in apply_anki_edits_to_rows(ledger, list_rows):
            decisions: list[HistoryEntry] = []
            if in_full and self._verbose:
                is_card = isinstance(list_row, LocalCard)
                subject = list_row.id if is_card else list_row.highlight.key
                decisions = ledger.list_history(subject)
            if self._as_json:
                data = cards.list_row_to_json(ledger, list_row, self._decks)
                if in_full:
                    data["questions"] = [
                        cards.question_to_json(question)
                        for question in questions
                        if list_row.id in question.guids
                    ]
                if in_full and self._verbose:
                    data["decisions"] = [*map(history.decision_to_json, decisions)]
                yield data, ()
            else:
                text = cards.format_item_in_full(ledger, list_row, questions)
                yield None, [*text, *map(history.format_decision_line, decisions)]

    def _list_changed_items(self, query: Strings) -> ListedRows:
        """Yield changes to sources that affect the text of the cards that match a query.

        These are conflicts, pending revisions, and recent changes to cards.
        """
        ledger = self._ledger
        matching_ids = queries.find_matching_ids(ledger, queries.join_arguments(query))
        pending = pending_items.load_pending_items(ledger)
        for question in find_open_questions(ledger):
            if question.kind is not UserQuestionKind.CONFLICT:
                continue
            if set(matching_ids).intersection(question.guids):
                yield _format_question(question)
        revisions = [id for id in pending.revisions if id in matching_ids]
        yield from self._list_rows(item_lists.load_items(ledger, revisions))
        for entry in ledger.list_history(changes_since=queries.get_notice_start_time()):
            if entry.guid in matching_ids:
                yield history.decision_to_json(entry), history.format_change(entry)

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

        def contains_terms(text: str) -> bool:
            return all(term.casefold() in text.casefold() for term in query)

        def is_wanted(outcome: HighlightOutcome) -> bool:
            document = outcome.highlight.document
            path = f"{document.source}/{document.path}"
            text = f"{outcome.highlight.exact} {document.title} {path} {outcome.reason}"
            is_skipped = everything and outcome.status == "left_out"
            return (outcome.has_open_sentence or is_skipped) and contains_terms(text)

        outcomes = pending_items.iter_highlight_outcomes(
            self._ledger, document_ranks=self._rank_documents()
        )
        id_length = item_lists.compute_min_id_length(
            item_lists.load_highlight_ids(self._ledger)
        )
        proposed_sentences: set[str] = set()
        separator: list[str] = []
        for document, group in groupby(
            filter(is_wanted, outcomes), lambda each: each.highlight.document
        ):
            rows = []
            counts = Counter[str]()
            for outcome in group:
                data, lines = self._format_highlight_without_card(
                    outcome, proposed_sentences, id_length, in_full=self._verbose
                )
                if lines:
                    rows.append((data, lines))
                    counts["listed"] += 1
                    counts["proposed"] += lines[0].split()[1] == cards.PROPOSAL_SIGN
            heading = [*separator, cards.format_heading(document, counts)]
            for data, lines in rows:
                yield data, [*heading, *lines]
                heading, separator = [], [""]
        if not everything:
            return
        for entry in cards.list_skipped(self._ledger):
            skipped_text = entry.skipped_text
            text = (
                f"{skipped_text.apparent_syntax} {entry.location} {skipped_text.reason}"
            )
            if contains_terms(text):
                yield cards.skipped_to_json(entry), cards.format_skipped(entry)

    def _format_highlight_without_card(
        self,
        outcome: HighlightOutcome,
        proposed_sentences: set[str] | None = None,
        id_length: int | None = None,
        *,
        in_full: bool = True,
    ) -> tuple[Any, Sequence[str]]:
        """Format a highlight without a card, as JSON and text.

        Args:
            outcome: the highlight.
            proposed_sentences: the sentences proposed so far in a list, or None outside lists. The
                sentence of this proposal is added.
            id_length: how many characters of the id to show, or None for all.
            in_full: whether to add the key, and the score of the proposal.

        Returns:
            The JSON and the lines. In a list, there are no lines if the highlight has a card and no
            other sentence of the highlight is proposed.
        """
        result = find_proposal(self._ledger, outcome)
        proposal = result if isinstance(result, Proposal) else None
        if isinstance(result, str):
            outcome = replace(outcome, reason=result)
        data = {
            **highlight_to_json(outcome.highlight),
            "place": format_location(outcome.highlight),
            "fate": outcome.status,
            "reason": "" if proposal else outcome.reason,
            "confidence": round(max(outcome.usefulness, 0.0), 2),
            "proposal": cards.proposal_to_json(proposal) if proposal else None,
        }
        if proposal and not (proposal.is_certain or in_full or self._as_json):
            # import this late, because it is slow, and making the proposal has imported it
            from ankiforge.draft.propose import RejectionReason

            outcome = replace(outcome, reason=RejectionReason.LESS_CERTAIN.value)
            proposal = None
        if proposal and proposed_sentences is not None:
            if proposal.quote in proposed_sentences and not self._as_json:
                outcome = replace(outcome, reason="proposed above")
                proposal = None
            else:
                proposed_sentences.add(proposal.quote)
        if proposed_sentences is not None and not proposal and outcome.status == "carded":
            return data, ()
        id = make_highlight_id(outcome.highlight.key)[:id_length]
        return data, [
            *cards.format_highlight_without_card(outcome, proposal, id, in_full=in_full)
        ]

    def list_selected_items(self, arguments: Strings) -> ListedRows:
        """Yield the items selected by the arguments of `show`, in full.

        `arguments` are ids, the words of a query, or the key of a highlight. A key selects the
        passage and all of its cards.

        Raises:
            UsageError: nothing matches.
        """
        ledger = self._ledger
        if arguments[0].startswith(HIGHLIGHT_PREFIX) and queries.looks_like_id(
            arguments[0]
        ):
            arguments = (queries.resolve_id(ledger, arguments[0]), *arguments[1:])
        if all(map(queries.looks_like_id, arguments)):
            ids = [queries.resolve_id(ledger, argument) for argument in arguments]
        elif len(arguments) == 1 and queries.looks_like_key(arguments[0]):
            term = QueryTerm("key", arguments[0])
            ids = item_lists.find_items(ledger, [term], everything=True)
        else:
            ids = queries.find_matching_ids(ledger, queries.join_arguments(arguments))
        if not ids and queries.looks_like_key(arguments[0]):
            for outcome in pending_items.iter_highlight_outcomes(ledger, arguments[0]):
                yield self._format_highlight_without_card(outcome)
                return
        if not ids:
            query = " ".join(arguments)
            hint = f"ankiforge list --all {query}"
            raise UsageError(f"no card matches “{query}”", hint=hint)
        if len(arguments) == 1 and queries.looks_like_key(arguments[0]):
            yield cards.format_passage_sentences(ledger, arguments[0])
        if any(map(is_question_id, ids)):
            for question in find_open_questions(ledger):
                if question.id in ids:
                    yield _format_question(question)
        yield from self._list_rows(item_lists.load_items(ledger, ids), in_full=True)


def _format_question(
    question: UserQuestion, *, in_full: bool = True
) -> tuple[Any, Iterable[str]]:
    text = (
        cards.format_question(question)
        if in_full
        else (cards.format_question_row(question),)
    )
    return cards.question_to_json(question), text
