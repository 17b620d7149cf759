"""List the cards, drafts, questions and highlights of a ledger, for the command `list`.

Each item is yielded as JSON, as lines of text, or as both. `reports.cards` formats the items.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import groupby, islice
from typing import Any, NamedTuple

from msgspec.structs import replace

from ankiforge.anki.render import field_to_markdown
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import UsageError
from ankiforge.ledger import (
    HighlightOutcome,
    Ledger,
    PassageStatus,
    PendingItems,
    QueryTerm,
    item_lists,
    pending_items,
)
from ankiforge.ledger.anki_views import iter_notes_without_card
from ankiforge.ledger.item_lists import FoundItem
from ankiforge.ledger.pending_items import PassageLocation
from ankiforge.ledger.questions import find_open_questions
from ankiforge.model import (
    HIGHLIGHT_PREFIX,
    CardKind,
    Document,
    Guid,
    Highlight,
    Json,
    ListRow,
    LocalCard,
    PendingDraft,
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
from ankiforge.reports.cards import DecisionKind, RowRole
from ankiforge.reports.highlights import format_location, highlight_to_json
from ankiforge.reports.view import view_card
from ankiforge.review import batches
from ankiforge.text import ROW_TAIL_MARK, mark_bold, to_one_line
from ankiforge.text.lines import make_label_line, make_noun_line

ListedRows = Iterator[tuple[Any, Iterable[str]]]
"""An iterator over pairs of an item's JSON and its lines of text. Only the requested form has to be
filled in.
"""
_SUGGESTED_ABOVE = "suggested above"
"""The reason why a list shows no suggestion for a highlight with the same sentence as another."""


class _ListedHighlight(Value):
    """A highlight without a card, as a list shows it."""

    outcome: HighlightOutcome
    """The highlight, with the reason why no card is suggested for it."""
    suggestion: Proposal | None

    def hide_suggestion(self, reason: str) -> _ListedHighlight:
        """Return the highlight with a reason in place of its suggestion."""
        return _ListedHighlight(replace(self.outcome, reason=reason), None)

    def to_json(self) -> Json:
        """Convert the highlight to the JSON that `list --no-card --json` prints."""
        outcome = self.outcome
        suggestion = None
        if self.suggestion:
            suggestion = cards.suggestion_to_json(self.suggestion)
        return {
            **highlight_to_json(outcome.highlight),
            "place": format_location(outcome.highlight),
            "fate": outcome.status,
            "reason": "" if suggestion else outcome.reason,
            "confidence": round(max(outcome.usefulness, 0.0), 2),
            "suggestion": suggestion,
        }

    def format(self, id_length: int | None = None, *, in_full: bool) -> list[str]:
        """Format the highlight as text.

        Args:
            id_length: how many characters of the id to show, or None for all.
            in_full: whether to give the whole reason.
        """
        id = make_highlight_id(self.outcome.highlight.key)[:id_length]
        return [
            *cards.format_highlight_without_card(
                self.outcome, self.suggestion, id, in_full=in_full
            )
        ]


class _Roles:
    """What each card and draft of a list is for a person who decides."""

    def __init__(self, ledger: Ledger, pending: PendingItems) -> None:
        """Initialize the roles from what waits in a ledger."""
        self._offered = {*pending.offered_drafts}
        self._changes = {*pending.revisions}
        self._asked = set[str]()
        for question in find_open_questions(ledger):
            if question.kind is not UserQuestionKind.CONFLICT:
                self._asked.update(question.drafts)

    def find_role(self, list_row: ListRow) -> RowRole:
        """Return the role of a row in a list."""
        if isinstance(list_row, LocalCard):
            return RowRole.CARD
        if list_row.id in self._offered or list_row.id in self._changes:
            return RowRole.DECISION
        if list_row.id in self._asked:
            return RowRole.IN_QUESTION
        return RowRole.OTHER_WORDS

    def find_decision(self, list_row: ListRow) -> DecisionKind | None:
        """Return the decision that a row waits for, if it waits by itself."""
        if list_row.id in self._offered:
            return DecisionKind.CARD
        if list_row.id in self._changes:
            return DecisionKind.CHANGE
        return None


class _ListedDocument(NamedTuple):
    """What a list shows of a document."""

    rows: Sequence[ListRow]
    suggestions: Sequence[Proposal]
    """The suggested cards that are shown without asking, most useful first."""
    more: Sequence[Proposal]
    """The suggested cards that are less certain, or () if the user hasn't asked for them."""


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
        self,
        query: Strings,
        view: str | None,
        *,
        everything: bool,
        more: bool = False,
    ) -> ListedRows:
        """Yield the items in a view that match a query.

        Args:
            query: the search query.
            view: the name of the view, or None for all that waits and all cards.
            everything: whether to include rejected and retired cards.
            more: whether to include less certain suggestions.

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
                yield from self._list_documents(query, everything=everything, more=more)

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

    def _list_documents(
        self, query: Strings, *, everything: bool, more: bool
    ) -> ListedRows:
        """Yield the questions, and then what waits and the cards of each document.

        Documents are in the order of the review. In each of them, what waits comes first, followed
        by all other rows in reading order. With `everything`, new drafts are in reading order too.

        Args:
            query: the search query. Questions are only listed without one.
            everything: whether to include rejected and retired cards.
            more: whether to include less certain suggestions.
        """
        pending = pending_items.load_pending_items(self._ledger)
        if not query:
            yield from self._list_questions(pending)
        roles = _Roles(self._ledger, pending)
        is_first = bool(query) or not (pending.conflicts or pending.questions)
        id_length = item_lists.compute_min_id_length(
            [
                *item_lists.load_card_and_draft_ids(self._ledger),
                *item_lists.load_highlight_ids(self._ledger),
            ]
        )
        for document in self._iter_documents(query, pending, everything, more):
            if self._as_json:
                yield from self._document_to_json(document, roles)
                continue
            shown_rows = _drop_changing_cards(document.rows, roles)
            if self._verbose:
                yield from self._list_rows(shown_rows)
                for suggestion in (*document.suggestions, *document.more):
                    yield None, cards.format_suggestion_in_full(suggestion)
                continue
            document = document._replace(rows=shown_rows)
            heading, *lines = _format_document(document, roles, id_length) or [""]
            for index, line in enumerate(lines):
                if index > 0:
                    yield None, [line]
                elif is_first:
                    yield None, [heading, line]
                else:
                    yield None, ["", heading, line]
                is_first = False

    def _list_questions(self, pending: PendingItems) -> ListedRows:
        """Yield the conflicts and then the other open questions, each with a heading."""
        questions_by_id = {each.id: each for each in find_open_questions(self._ledger)}
        groups = (
            ("Changed cards", pending.conflicts),
            ("Questions", pending.questions),
        )
        above: Strings = ()
        for title, ids in groups:
            heading = f"{mark_bold(title)}{ROW_TAIL_MARK}{len(ids):,} waiting"
            for index, id in enumerate(ids):
                data, lines = _format_question(questions_by_id[id], in_full=self._verbose)
                if index == 0 and not self._verbose:
                    lines = [*above, heading, *lines]
                    above = ("",)
                yield data, lines

    def _iter_documents(
        self, query: Strings, pending: PendingItems, everything: bool, more: bool
    ) -> Iterator[_ListedDocument]:
        """Yield what a list shows of each document, generating its suggestions on demand."""
        ledger = self._ledger
        terms = queries.parse_query(queries.join_arguments(query))
        rows = item_lists.find_rows(ledger, terms, everything=everything)
        suggestions = pending_items.split_suggestions(pending.without_card)
        certain = _group_by_document(suggestions.certain)
        less_certain = _group_by_document(suggestions.more if more else ())
        rows_by_document = defaultdict[int | None, list[FoundItem]](list)
        for row in rows:
            rows_by_document[row.document].append(row)
        documents = [*dict.fromkeys((*rows_by_document, *certain, *less_certain))]
        if not everything:
            self._sort_for_review(documents, rows_by_document)
        ids = [row.id for each in documents for row in rows_by_document[each]]
        list_rows = apply_anki_edits_to_rows(ledger, item_lists.load_items(ledger, ids))
        for document in documents:
            row_count = len(rows_by_document[document])
            yield _ListedDocument(
                [*islice(list_rows, row_count)],
                [*self._load_suggestions(certain.get(document, ()), terms)],
                [*self._load_suggestions(less_certain.get(document, ()), terms)],
            )

    def _sort_for_review(
        self,
        documents: list[int | None],
        rows_by_document: Mapping[int | None, list[FoundItem]],
    ) -> None:
        """Sort documents, and the rows of each, as in the review. Others come last."""
        draft_ranks = {}
        for rank, draft in enumerate(batches.iter_drafts_for_review(self._ledger)):
            draft_ranks[draft.id] = rank
        last = len(draft_ranks)
        for rows in rows_by_document.values():
            rows.sort(key=lambda row: draft_ranks.get(row.id, last))
        document_ranks = self._rank_documents()
        last_rank = len(document_ranks)
        documents.sort(
            key=lambda each: (
                last_rank if each is None else document_ranks.get(each, last_rank)
            )
        )

    def _load_suggestions(
        self, locations: Iterable[PassageLocation], terms: Sequence[QueryTerm]
    ) -> Iterator[Proposal]:
        """Yield the suggestions for highlights that match all terms of a query."""
        for location in locations:
            outcomes = pending_items.iter_highlight_outcomes(self._ledger, location.key)
            for outcome in outcomes:
                if not all(_matches(term, outcome.highlight) for term in terms):
                    continue
                suggestion = find_proposal(self._ledger, outcome)
                if isinstance(suggestion, Proposal):
                    yield suggestion

    def _document_to_json(self, document: _ListedDocument, roles: _Roles) -> ListedRows:
        for list_row in document.rows:
            decision = roles.find_decision(list_row)
            data = cards.list_row_to_json(self._ledger, list_row, self._decks, decision)
            yield data, ()
        for suggestion in document.suggestions:
            data = cards.suggestion_row_to_json(suggestion, self._decks)
            yield {**data, "certain": True}, ()
        for suggestion in document.more:
            data = cards.suggestion_row_to_json(suggestion, self._decks)
            yield {**data, "certain": False}, ()

    def _rank_documents(self) -> dict[int, int]:
        """Map the row id of each document with pending items to its position on the page."""
        order = pending_items.load_pending_items(self._ledger)
        groups = batches.group_by_document(order.drafts, order.without_card)
        return {group.document: rank for rank, group in enumerate(groups)}

    def _list_rows(self, list_rows: Iterable[ListRow]) -> ListedRows:
        """Yield cards and drafts as JSON or full text."""
        pending = pending_items.load_pending_items(self._ledger)
        roles = _Roles(self._ledger, pending)
        questions = find_open_questions(self._ledger)
        for list_row in list_rows:
            if self._as_json:
                decision = roles.find_decision(list_row)
                yield (
                    cards.list_row_to_json(self._ledger, list_row, self._decks, decision),
                    (),
                )
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
        roles = _Roles(ledger, pending_items.load_pending_items(ledger))
        for list_row in apply_anki_edits_to_rows(ledger, list_rows):
            decisions = []
            if self._verbose:
                is_card = isinstance(list_row, LocalCard)
                decisions = ledger.list_history(
                    list_row.id if is_card else list_row.highlight.key
                )
            if not self._as_json:
                text = cards.format_item_in_full(
                    ledger, list_row, questions, with_commands=True
                )
                yield None, [*text, *map(history.format_decision_line, decisions)]
                continue
            decision = roles.find_decision(list_row)
            data = cards.list_row_to_json(ledger, list_row, self._decks, decision)
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
        items = item_lists.load_items(ledger, revisions)
        yield from self._list_rows(apply_anki_edits_to_rows(ledger, items))
        for entry in ledger.list_history(changes_since=queries.get_notice_start_time()):
            if entry.guid in matching_ids:
                yield history.decision_to_json(entry), history.format_change(entry)

    # --- highlights without a card ------------------------------------------------------

    def list_without_card(
        self, query: Strings, *, everything: bool, more: bool = False
    ) -> ListedRows:
        """Yield highlights without a card or draft, with a suggestion or the reason for none.

        Highlights with a card are included if another sentence in them has a suggestion. They are
        grouped by document, in the order of the page, and the most useful highlights of a
        document come first. Suggestions are generated one document after another. In text, each
        sentence is suggested only once; further highlights with the same sentence show a reason
        instead. Unless `more` is set, highlights with a less certain suggestion show a reason as
        well.

        Args:
            query: words that must all occur in the highlight, the title or path of its document,
                or the reason.
            everything: whether to include highlights skipped by the user, a colour or a setting,
                and text that only looks like a highlight.
            more: whether to show less certain suggestions.
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
        suggested_sentences: set[str] = set()
        is_first = True
        for document, group in groupby(wanted, lambda each: each.highlight.document):
            rows = [*self._suggest_for_list(group, suggested_sentences, more)]
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

    def _suggest_for_list(
        self,
        outcomes: Iterable[HighlightOutcome],
        suggested_sentences: set[str],
        more: bool,
    ) -> Iterator[tuple[Json, _ListedHighlight]]:
        """Yield the JSON of highlights, and what a list in text shows of them.

        Highlights with a card are left out if nothing else in them is suggested. The sentences of
        the suggestions that are shown are added to `suggested_sentences`.
        """
        for outcome in outcomes:
            found = self._find_suggestion(outcome)
            shown = found
            if not self._as_json:
                shown = self._hide_needless_suggestion(found, suggested_sentences, more)
            if shown.suggestion or outcome.status != PassageStatus.CARDED:
                yield found.to_json(), shown
            if shown.suggestion:
                suggested_sentences.add(shown.suggestion.quote)

    def _find_suggestion(self, outcome: HighlightOutcome) -> _ListedHighlight:
        result = find_proposal(self._ledger, outcome)
        if isinstance(result, Proposal):
            return _ListedHighlight(outcome, result)
        if isinstance(result, str):
            outcome = replace(outcome, reason=result)
        return _ListedHighlight(outcome, None)

    def _hide_needless_suggestion(
        self, found: _ListedHighlight, suggested_sentences: set[str], more: bool
    ) -> _ListedHighlight:
        """Hide a suggestion that is less certain, unless `more`, or whose sentence is above."""
        suggestion = found.suggestion
        if suggestion is None:
            return found
        if not suggestion.is_certain and not more:
            # import this late, because it is slow, and making the suggestion has imported it
            from ankiforge.draft.propose import RejectionReason

            return found.hide_suggestion(RejectionReason.LESS_CERTAIN.value)
        if suggestion.quote in suggested_sentences:
            return found.hide_suggestion(_SUGGESTED_ABOVE)
        return found

    def _list_skipped_texts(self, query: Strings) -> ListedRows:
        for entry in cards.list_skipped(self._ledger):
            skipped = entry.skipped_text
            text = f"{skipped.apparent_syntax} {entry.location} {skipped.reason}"
            if _contains_terms(text, query):
                yield cards.skipped_to_json(entry), cards.format_skipped(entry)

    # --- selected items -----------------------------------------------------------------

    def list_selected_items(self, arguments: Strings) -> ListedRows:
        """Yield the items with certain ids in full, with the commands that decide on them.

        `arguments` are ids, or the key of a highlight, which selects the passage and all of its
        cards.
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
                found = self._find_suggestion(outcome)
                lines = found.format(in_full=True)
                if found.suggestion:
                    lines = [*cards.format_suggestion_in_full(found.suggestion)]
                yield found.to_json(), lines
                return
        if is_key and not others:
            yield cards.format_passage_sentences(ledger, first)
        if any(map(is_question_id, ids)):
            for question in find_open_questions(ledger):
                if question.id in ids:
                    yield _format_question(question)
        yield from self._list_rows_with_history(item_lists.load_items(ledger, ids))

    def _find_selected_ids(self, arguments: Strings) -> Sequence[str]:
        ledger = self._ledger
        if len(arguments) == 1 and queries.looks_like_key(arguments[0]):
            term = QueryTerm("key", arguments[0])
            return item_lists.find_items(ledger, [term], everything=True)
        return [queries.resolve_id(ledger, argument) for argument in arguments]


def _group_by_document(
    locations: Iterable[PassageLocation],
) -> dict[int | None, list[PassageLocation]]:
    locations_by_document = defaultdict[int | None, list[PassageLocation]](list)
    for location in locations:
        locations_by_document[location.document].append(location)
    return locations_by_document


def _contains_terms(text: str, terms: Strings) -> bool:
    return all(term.casefold() in text.casefold() for term in terms)


def _is_wanted(outcome: HighlightOutcome, query: Strings, everything: bool) -> bool:
    """Return whether a list of highlights without a card has a highlight."""
    is_skipped = everything and outcome.status == PassageStatus.LEFT_OUT
    if not outcome.has_open_sentence and not is_skipped:
        return False
    document = outcome.highlight.document
    path = f"{document.source}/{document.path}"
    text = f"{outcome.highlight.exact} {document.title} {path} {outcome.reason}"
    return _contains_terms(text, query)


def _matches(term: QueryTerm, highlight: Highlight) -> bool:
    """Return whether a highlight with a suggestion matches a term of a query.

    Fields of cards, such as `deck`, match no suggestion.
    """
    document = highlight.document
    path = f"{document.source}/{document.path}"
    match term.field:
        case "":
            is_match = _contains_terms(
                f"{highlight.exact} {document.title}", (term.value,)
            )
        case "folder":
            is_match = item_lists.is_in_folder(term.value, path)
        case "document":
            is_match = _contains_terms(f"{document.title} {path}", (term.value,))
        case "source":
            is_match = fnmatchcase(document.source, term.value)
        case "key":
            is_match = _contains_terms(highlight.key, (term.value,))
        case "verdict":
            is_match = fnmatchcase("waiting", term.value)
        case "kind":
            is_match = fnmatchcase(CardKind.CLOZE.value, term.value)
        case _:
            is_match = False
    return is_match != term.negated


def _drop_changing_cards(rows: Sequence[ListRow], roles: _Roles) -> list[ListRow]:
    """Leave out the cards that are shown with the change that waits for them."""
    changing_guids = set[Guid]()
    for list_row in rows:
        if isinstance(list_row, PendingDraft) and list_row.target_guid:
            if roles.find_role(list_row) is RowRole.DECISION:
                changing_guids.add(list_row.target_guid)
    return [list_row for list_row in rows if list_row.id not in changing_guids]


def _format_document(
    document: _ListedDocument, roles: _Roles, id_length: int
) -> list[str]:
    """Format the heading of a document, and its rows: what waits first, then all others."""
    waiting_count = 0
    count_by_verdict = Counter[str]()
    waiting_rows: list[str] = []
    other_rows: list[str] = []
    for list_row in document.rows:
        role = roles.find_role(list_row)
        row = cards.format_row(view_card(list_row), list_row.id[:id_length], role)
        if role is RowRole.DECISION:
            waiting_count += 1
        elif isinstance(list_row, LocalCard):
            count_by_verdict[list_row.verdict_name] += 1
        is_waiting = role in (RowRole.DECISION, RowRole.OTHER_WORDS)
        (waiting_rows if is_waiting else other_rows).append(row)
    for suggestion in document.suggestions:
        waiting_rows.append(_format_suggestion(suggestion, RowRole.DECISION, id_length))
    for suggestion in document.more:
        waiting_rows.append(_format_suggestion(suggestion, RowRole.MORE, id_length))
    shown = [*document.rows, *document.suggestions, *document.more]
    if not shown:
        return []
    waiting_count += len(document.suggestions)
    lines = [
        make_label_line("waiting", waiting_count, "waiting"),
        make_noun_line("accepted", count_by_verdict.pop("accepted", 0), "card"),
    ]
    for verdict, count in count_by_verdict.items():
        lines.append(make_label_line(verdict, count, verdict))
    lines.append(make_label_line("more", len(document.more), "more"))
    heading = cards.format_heading(shown[0].highlight.document, lines)
    return [heading, *waiting_rows, *other_rows]


def _format_suggestion(suggestion: Proposal, role: RowRole, id_length: int) -> str:
    id = make_highlight_id(suggestion.key)
    return cards.format_row(view_card(suggestion), id[:id_length], role)


def _format_heading(document: Document, shown: Sequence[_ListedHighlight]) -> str:
    suggestions = [each.suggestion for each in shown if each.suggestion]
    certain_count = sum(suggestion.is_certain for suggestion in suggestions)
    lines = [
        make_label_line("waiting", certain_count, "waiting"),
        make_noun_line("listed", len(shown), "highlight"),
        make_label_line("more", len(suggestions) - certain_count, "more"),
    ]
    return cards.format_heading(document, lines)


def _format_question(
    question: UserQuestion, *, in_full: bool = True
) -> tuple[Any, Iterable[str]]:
    data = cards.question_to_json(question)
    if in_full:
        return data, cards.format_question(question)
    return data, (cards.format_question_row(question),)
