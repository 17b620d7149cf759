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
    HistoryEntry,
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

ListedItem = tuple[Any, Iterable[str]]
"""An item's JSON and its lines of text. Only the requested form has to be filled in."""
ListedRows = Iterator[ListedItem]
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
        documents = self._iter_documents(query, pending, everything, more)
        if self._as_json:
            for document in documents:
                yield from self._document_to_json(document, roles)
        elif self._verbose:
            for document in documents:
                yield from self._list_document_in_full(document, roles)
        else:
            are_questions_above = not query and (pending.conflicts or pending.questions)
            yield from self._list_document_rows(
                documents, roles, is_first=not are_questions_above
            )

    def _list_document_in_full(
        self, document: _ListedDocument, roles: _Roles
    ) -> ListedRows:
        yield from self._list_rows(_drop_changing_cards(document.rows, roles))
        for suggestion in (*document.suggestions, *document.more):
            yield None, cards.format_suggestion_in_full(suggestion)

    def _list_document_rows(
        self, documents: Iterable[_ListedDocument], roles: _Roles, *, is_first: bool
    ) -> ListedRows:
        """Yield a line for each item, below the heading of its document.

        `is_first` is whether nothing is listed above the documents.
        """
        id_length = item_lists.compute_min_id_length(
            [
                *item_lists.load_card_and_draft_ids(self._ledger),
                *item_lists.load_highlight_ids(self._ledger),
            ]
        )
        for document in documents:
            rows = _drop_changing_cards(document.rows, roles)
            shown = document._replace(rows=rows)
            lines = _format_document_rows(shown, roles, id_length)
            if lines:
                heading = _format_document_heading(shown, roles)
                items: ListedRows = ((None, [line]) for line in lines)
                yield from _put_heading_above(heading, items, is_first=is_first)
                is_first = False

    def _list_questions(self, pending: PendingItems) -> ListedRows:
        """Yield the conflicts and then the other open questions.

        In a list of rows, both have a heading.
        """
        questions_by_id = {each.id: each for each in find_open_questions(self._ledger)}
        groups = (
            ("Changed cards", pending.conflicts),
            ("Questions", pending.questions),
        )
        is_first = True
        for title, ids in groups:
            questions = [questions_by_id[id] for id in ids]
            items = (_format_question(each, in_full=self._verbose) for each in questions)
            if self._verbose:
                yield from items
            elif questions:
                heading = f"{mark_bold(title)}{ROW_TAIL_MARK}{len(ids):,} waiting"
                yield from _put_heading_above(heading, items, is_first=is_first)
                is_first = False

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
            yield self._row_to_json(list_row, roles), ()
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

    def _row_to_json(self, list_row: ListRow, roles: _Roles) -> Json:
        decision = roles.find_decision(list_row)
        return cards.list_row_to_json(self._ledger, list_row, self._decks, decision)

    def _list_rows(self, list_rows: Iterable[ListRow]) -> ListedRows:
        """Yield cards and drafts as JSON or full text."""
        ledger = self._ledger
        roles = _Roles(ledger, pending_items.load_pending_items(ledger))
        questions = find_open_questions(ledger)
        for list_row in list_rows:
            if self._as_json:
                yield self._row_to_json(list_row, roles), ()
            else:
                yield None, cards.format_item_in_full(ledger, list_row, questions)

    def _list_rows_with_history(self, list_rows: Iterable[ListRow]) -> ListedRows:
        """Yield cards and drafts as `_list_rows` does.

        JSON also has the open questions. In a verbose listing, the decisions are added.
        """
        ledger = self._ledger
        questions = find_open_questions(ledger)
        roles = _Roles(ledger, pending_items.load_pending_items(ledger))
        for list_row in apply_anki_edits_to_rows(ledger, list_rows):
            decisions = self._load_decisions(list_row) if self._verbose else []
            if self._as_json:
                data = self._row_to_json(list_row, roles)
                data["questions"] = [
                    cards.question_to_json(question)
                    for question in questions
                    if list_row.id in question.guids
                ]
                if self._verbose:
                    data["decisions"] = [*map(history.decision_to_json, decisions)]
                yield data, ()
            else:
                text = cards.format_item_in_full(
                    ledger, list_row, questions, with_commands=True
                )
                yield None, [*text, *map(history.format_decision_line, decisions)]

    def _load_decisions(self, list_row: ListRow) -> list[HistoryEntry]:
        """Load the decisions about a card, or about the highlight of a draft."""
        if isinstance(list_row, LocalCard):
            return self._ledger.list_history(list_row.id)
        return self._ledger.list_history(list_row.highlight.key)

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

        They are grouped by document, in the order of the page, and the most useful highlights of a
        document come first. Suggestions are generated one document after another.
        `_suggest_for_list` chooses what is shown of each highlight.

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
            listed = [*self._suggest_for_list(group, suggested_sentences, more)]
            if listed:
                heading = _format_heading(document, listed)
                items: ListedRows = (
                    (each.to_json(), each.format(id_length, in_full=self._verbose))
                    for each in listed
                )
                yield from _put_heading_above(heading, items, is_first=is_first)
                is_first = False
        if everything:
            yield from self._list_skipped_texts(query)

    def _suggest_for_list(
        self,
        outcomes: Iterable[HighlightOutcome],
        suggested_sentences: set[str],
        more: bool,
    ) -> Iterator[_ListedHighlight]:
        """Yield what a list shows of highlights: a suggestion, or the reason for none.

        Highlights with a card are left out if nothing else in them is suggested. In text, a reason
        replaces a suggestion that is less certain, unless `more`, or whose sentence is suggested
        above. The sentences that are suggested are added to `suggested_sentences`.
        """
        for outcome in outcomes:
            listed = self._find_suggestion(outcome)
            if not self._as_json:
                listed = self._hide_needless_suggestion(listed, suggested_sentences, more)
            if listed.suggestion or outcome.status != PassageStatus.CARDED:
                yield listed
            if listed.suggestion:
                suggested_sentences.add(listed.suggestion.quote)

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
        """Replace a suggestion that a list in text doesn't show with the reason."""
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

        The id or key of a single highlight selects the passage and all of its cards.
        """
        ledger = self._ledger
        ids = [queries.resolve_id(ledger, argument) for argument in arguments]
        if len(ids) == 1 and queries.looks_like_key(ids[0]):
            yield from self._list_passage(ids[0])
            return
        if any(map(is_question_id, ids)):
            for question in find_open_questions(ledger):
                if question.id in ids:
                    yield _format_question(question)
        yield from self._list_rows_with_history(item_lists.load_items(ledger, ids))

    def _list_passage(self, key: str) -> ListedRows:
        """Yield a passage and its cards or, if it has none, its suggestion or the reason."""
        ledger = self._ledger
        ids = item_lists.find_items(ledger, [QueryTerm("key", key)], everything=True)
        if not ids:
            outcome = next(pending_items.iter_highlight_outcomes(ledger, key), None)
            if outcome is not None:
                yield self._format_without_card(outcome)
                return
        yield cards.format_passage_sentences(ledger, key)
        yield from self._list_rows_with_history(item_lists.load_items(ledger, ids))

    def _format_without_card(self, outcome: HighlightOutcome) -> ListedItem:
        listed = self._find_suggestion(outcome)
        if listed.suggestion is None:
            return listed.to_json(), listed.format(in_full=True)
        return listed.to_json(), cards.format_suggestion_in_full(listed.suggestion)


def _put_heading_above(heading: str, items: ListedRows, *, is_first: bool) -> ListedRows:
    """Yield the items of a group, the first with the group's heading above its lines.

    The heading belongs to that item because `--limit` counts items. An empty line separates the
    group from the one before, unless the group is the first.
    """
    lines_above = [heading] if is_first else ["", heading]
    for data, lines in items:
        yield data, [*lines_above, *lines]
        lines_above = []


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

    A suggestion is searched as the card that it would become: one that waits (`verdict`) with a
    gap (`kind`). Fields of cards, such as `deck`, match no suggestion.
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


def _format_document_rows(
    document: _ListedDocument, roles: _Roles, id_length: int
) -> list[str]:
    """Format the rows of a document: what waits first, then all others."""
    waiting_rows: list[str] = []
    other_rows: list[str] = []
    for list_row in document.rows:
        role = roles.find_role(list_row)
        row = cards.format_row(view_card(list_row), list_row.id[:id_length], role)
        if role in (RowRole.DECISION, RowRole.OTHER_WORDS):
            waiting_rows.append(row)
        else:
            other_rows.append(row)
    for suggestion in document.suggestions:
        waiting_rows.append(_format_suggestion(suggestion, RowRole.DECISION, id_length))
    for suggestion in document.more:
        waiting_rows.append(_format_suggestion(suggestion, RowRole.MORE, id_length))
    return [*waiting_rows, *other_rows]


def _format_document_heading(document: _ListedDocument, roles: _Roles) -> str:
    """Format the heading of a document that has rows.

    It counts what waits, the cards of each verdict, and less certain suggestions.
    """
    waiting_count = len(document.suggestions)
    count_by_verdict = Counter[str]()
    for list_row in document.rows:
        if roles.find_role(list_row) is RowRole.DECISION:
            waiting_count += 1
        elif isinstance(list_row, LocalCard):
            count_by_verdict[list_row.verdict_name] += 1
    lines = [
        make_label_line("waiting", waiting_count, "waiting"),
        make_noun_line("accepted", count_by_verdict["accepted"], "card"),
    ]
    for verdict, count in count_by_verdict.items():
        if verdict != "accepted":
            lines.append(make_label_line(verdict, count, verdict))
    lines.append(make_label_line("more", len(document.more), "more"))
    shown = [*document.rows, *document.suggestions, *document.more]
    return cards.format_heading(shown[0].highlight.document, lines)


def _format_suggestion(suggestion: Proposal, role: RowRole, id_length: int) -> str:
    id = make_highlight_id(suggestion.key)
    return cards.format_row(view_card(suggestion), id[:id_length], role)


def _format_heading(document: Document, listed: Sequence[_ListedHighlight]) -> str:
    suggestions = [each.suggestion for each in listed if each.suggestion]
    certain_count = sum(suggestion.is_certain for suggestion in suggestions)
    lines = [
        make_label_line("waiting", certain_count, "waiting"),
        make_noun_line("listed", len(listed), "highlight"),
        make_label_line("more", len(suggestions) - certain_count, "more"),
    ]
    return cards.format_heading(document, lines)


def _format_question(question: UserQuestion, *, in_full: bool = True) -> ListedItem:
    data = cards.question_to_json(question)
    if in_full:
        return data, cards.format_question(question)
    return data, (cards.format_question_row(question),)
