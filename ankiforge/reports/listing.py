"""List the cards, drafts, questions and highlights of a ledger, for the commands `list` and `show`.

Each item is yielded as JSON, as lines of text, or as both. `reports.cards` formats the items.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
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
from ankiforge.model import (
    ListRow,
    LocalCard,
    PendingDraft,
    Proposal,
    SourceChange,
    Strings,
    UserQuestion,
    UserQuestionKind,
    is_question_id,
)
from ankiforge.pipeline import query as queries
from ankiforge.pipeline.collection import iter_rows_as_in_anki
from ankiforge.pipeline.proposals import find_proposal
from ankiforge.reports import cards, history
from ankiforge.reports.highlights import format_location, highlight_to_json
from ankiforge.reports.view import view_card
from ankiforge.review import batches
from ankiforge.review.items import list_sentence_states
from ankiforge.text import RIGHT_ALIGN_MARK, to_one_line

SOURCELESS_TERM = f"finding:{SourceChange.SOURCE_GONE.finding_id}"
"""The term of a query that finds the cards whose passage is gone."""

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
                    yield _format_question(question, whole=self._verbose)
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
                    yield data, (f"? {first_field}{RIGHT_ALIGN_MARK}{note.deck}",)
            case "changed":
                yield from self._list_changed_items(query)
            case "gone":
                ids = self._find_matching_ids((*query, SOURCELESS_TERM))
                yield from self._list_rows(item_lists.load_items(ledger, ids))
            case "new":
                ids = self._find_matching_ids(query, everything=everything)
                drafts = self._list_new_drafts(ids)
                if self._as_json or self._verbose:
                    yield from self._list_rows(drafts)
                    return
                # show the first draft of each passage
                passages = groupby(drafts, lambda each: ledger.get_first_key(each.key))
                for _, group in passages:
                    draft = next(group)
                    facts = cards.format_fact_count(
                        list_sentence_states(ledger, draft.highlight)
                    )
                    yield None, (cards.format_row(view_card(draft), facts),)
            case _:
                ids = self._find_matching_ids(query, everything=everything)
                new_drafts: list[PendingDraft] = []
                if not everything:
                    # yield new drafts in the order of the review, then the rest in reading order
                    new_drafts = [*self._list_new_drafts(ids)]
                    new_ids = {draft.id for draft in new_drafts}
                    ids = [id for id in ids if id not in new_ids]
                others = item_lists.load_items(ledger, ids)
                yield from self._list_rows(chain(new_drafts, others))

    def _find_matching_ids(
        self, query: Strings, *, everything: bool = False
    ) -> list[str]:
        return queries.find_matching_ids(
            self._ledger, queries.join_arguments(query), everything=everything
        )

    def _list_new_drafts(self, ids: Iterable[str]) -> Iterator[PendingDraft]:
        wanted_ids = set(ids)
        drafts = batches.iter_drafts_for_review(self._ledger) if wanted_ids else ()
        return (draft for draft in drafts if draft.id in wanted_ids)

    def _list_rows(
        self, list_rows: Iterable[ListRow], *, whole: bool = False
    ) -> ListedRows:
        """Yield cards and drafts. Cards have the user's edits in Anki.

        With `whole`, or in a verbose listing, each is shown in full. `whole` also adds the
        open questions to JSON, and the history to a verbose listing.
        """
        ledger = self._ledger
        is_long = whole or self._verbose
        questions = find_open_questions(ledger) if is_long else []
        for list_row in iter_rows_as_in_anki(ledger, list_rows):
            decisions: list[HistoryEntry] = []
            if whole and self._verbose:
                is_card = isinstance(list_row, LocalCard)
                subject = list_row.id if is_card else list_row.highlight.key
                decisions = ledger.list_history(subject)
            if self._as_json:
                data = cards.list_row_to_json(ledger, list_row, self._decks)
                if whole:
                    data["questions"] = [
                        cards.question_to_json(question)
                        for question in questions
                        if list_row.id in question.guids
                    ]
                if whole and self._verbose:
                    data["decisions"] = [*map(history.decision_to_json, decisions)]
                yield data, ()
            elif is_long:
                text = cards.format_in_full(ledger, list_row, questions)
                yield None, [*text, *map(history.format_decision_line, decisions)]
            else:
                yield None, (cards.format_row(view_card(list_row)),)

    def _list_changed_items(self, query: Strings) -> ListedRows:
        """Yield what changed in the sources of the cards that match a query.

        These are conflicts, pending revisions, and recent changes of cards.
        """
        ledger = self._ledger
        matching_ids = self._find_matching_ids(query)
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
        """Yield highlights without a card or draft, each with its proposal or the reason why.

        Highlights with a card are included if another sentence in them has a proposal. The most
        useful highlights come first. Proposals are generated lazily. In text, each sentence is
        proposed only once; other highlights that contain the sentence have a reason instead, as
        have those whose proposal is less certain, unless the output is verbose.

        Args:
            query: words that must all occur in the highlight, its document's title, or the
                reason.
            everything: whether to include highlights skipped by the user, a colour or a setting,
                and text that only looks like a highlight.
        """

        def contains_terms(text: str) -> bool:
            return all(term.casefold() in text.casefold() for term in query)

        proposed_sentences: set[str] = set()
        for outcome in pending_items.iter_outcomes(self._ledger, best_first=True):
            highlight = outcome.highlight
            title = highlight.document.title
            text = f"{highlight.exact} {title} {outcome.reason}"
            is_wanted = outcome.has_open_sentence or (
                everything and outcome.status == "left_out"
            )
            if not is_wanted or not contains_terms(text):
                continue
            row = self._format_outcome(outcome, proposed_sentences, whole=self._verbose)
            if row[1]:
                yield row
        if not everything:
            return
        for entry in cards.list_skipped(self._ledger):
            text = f"{entry.lookalike.apparent_syntax} {entry.location} {entry.lookalike.reason}"
            if contains_terms(text):
                yield cards.skipped_to_json(entry), cards.format_skipped(entry)

    def _format_outcome(
        self,
        outcome: HighlightOutcome,
        proposed_sentences: set[str] | None = None,
        *,
        whole: bool = True,
    ) -> tuple[Any, Sequence[str]]:
        """Format a highlight without a card, as JSON and text.

        Args:
            outcome: the highlight.
            proposed_sentences: in a list, the sentences proposed so far, to which this one is
                added.
            whole: whether to add the key, and the score of the proposal.

        Returns:
            The JSON and the lines. In a list, there are no lines if the highlight has a card and
            nothing else is proposed for it.
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
        if proposal and not (proposal.is_certain or whole or self._as_json):
            # import this late, because it is slow, and making the proposal has imported it
            from ankiforge.draft.propose import RejectionReason

            outcome = replace(outcome, reason=RejectionReason.LESS_CERTAIN.value)
            proposal = None
        if proposal and proposed_sentences is not None:
            if proposal.quote in proposed_sentences and not self._as_json:
                outcome = replace(outcome, reason="its sentence is proposed above")
                proposal = None
            else:
                proposed_sentences.add(proposal.quote)
        if proposed_sentences is not None and not proposal and outcome.status == "carded":
            return data, ()
        return data, [*cards.format_outcome(outcome, proposal, whole=whole)]

    def show_rows(self, arguments: Strings) -> ListedRows:
        """Yield the items named by the arguments of `show`, in full.

        `arguments` are ids, words of a query, or the key of a highlight. The key shows the
        passage and all of its cards.

        Raises:
            UsageError: nothing matches.
        """
        ledger = self._ledger
        if all(map(queries.looks_like_id, arguments)):
            ids = [queries.resolve_id(ledger, argument) for argument in arguments]
        elif len(arguments) == 1 and queries.looks_like_key(arguments[0]):
            term = QueryTerm("key", arguments[0])
            ids = item_lists.find_items(ledger, [term], everything=True)
        else:
            ids = self._find_matching_ids(arguments)
        if not ids and queries.looks_like_key(arguments[0]):
            for outcome in pending_items.iter_outcomes(ledger, arguments[0]):
                yield self._format_outcome(outcome)
                return
        if not ids:
            query = " ".join(arguments)
            hint = f"ankiforge list --all {query}"
            raise UsageError(f"no card matches “{query}”", hint=hint)
        if len(arguments) == 1 and queries.looks_like_key(arguments[0]):
            yield cards.show_passage(ledger, arguments[0])
        if any(map(is_question_id, ids)):
            for question in find_open_questions(ledger):
                if question.id in ids:
                    yield _format_question(question)
        yield from self._list_rows(item_lists.load_items(ledger, ids), whole=True)


def _format_question(
    question: UserQuestion, *, whole: bool = True
) -> tuple[Any, Iterable[str]]:
    text = (
        cards.format_question(question)
        if whole
        else (cards.format_question_row(question),)
    )
    return cards.question_to_json(question), text
