"""Cards, drafts, questions and highlights for `list` and `show`, as JSON and as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Any

from msgspec.structs import replace

from ankiforge.anki.render import unrender
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import UsageError
from ankiforge.ledger import (
    HighlightOutcome,
    HistoryEntry,
    Ledger,
    QueryTerm,
    lists,
    overview,
)
from ankiforge.ledger.questions import open_questions
from ankiforge.ledger.views import unknown
from ankiforge.model import (
    CardHere,
    Line,
    Proposal,
    Question,
    QuestionKind,
    Strings,
    Waiting,
    is_question_id,
)
from ankiforge.pipeline.collection import lines_as_in_anki
from ankiforge.pipeline.proposals import proposal_of
from ankiforge.pipeline.query import find, is_id, is_key, joined, lately, matching
from ankiforge.reports.cards import (
    change_lines,
    done_json,
    done_line,
    done_row,
    facts_told,
    fate_lines,
    highlight_json,
    left_out,
    left_out_json,
    left_out_lines,
    line_json,
    line_text,
    one_line,
    passage_json,
    passage_text,
    place_of,
    proposal_json,
    question_json,
    question_line,
    question_text,
    why_proposed,
)
from ankiforge.review import shelf
from ankiforge.review.items import facts_seen
from ankiforge.text import AT_THE_RIGHT, on_one_line

Shown = Iterator[tuple[Any, Iterable[str]]]
"""Each item as JSON and as lines of text."""


class Listing:
    """The lists of a ledger."""

    def __init__(
        self,
        ledger: Ledger,
        decks: tuple[DeckRule, ...],
        *,
        as_json: bool,
        verbose: bool,
    ) -> None:
        """List the cards, drafts, questions and highlights of a ledger.

        Args:
            ledger: the ledger.
            decks: the rules of the deck files.
            as_json: whether only the JSON is wanted, else only the text.
            verbose: whether cards and drafts are shown in full, or with their history.
        """
        self._ledger = ledger
        self._decks = decks
        self._as_json = as_json
        self._verbose = verbose

    def listed(self, words: Strings, view: str, *, everything: bool) -> Shown:
        """Yield a view, or the matches of a query.

        Raises:
            UsageError: the view takes no query, or the query cannot be read.
        """
        ledger = self._ledger
        if view in ("recent", "unknown", "questions") and words:
            raise UsageError(f"--view {view} takes no query", hint="ankiforge list QUERY")
        match view:
            case "questions":
                for question in open_questions(ledger):
                    yield _question(question, whole=self._verbose)
            case "recent":
                for entry in ledger.history():
                    told = done_line(entry) if self._verbose else done_row(entry)
                    yield done_json(entry), (told,)
            case "unknown":
                yield from self._unknown()
            case "changed":
                yield from self._changed(words)
            case "new":
                waiting = self._new(self._matching(words, everything=everything))
                yield from self._by_passage(waiting)
            case _:
                ids = self._matching(words, everything=everything)
                new: list[Waiting] = []
                if not everything:
                    # the drafts of new cards as above, then the others in reading order
                    new = [*self._new(ids)]
                    new_ids = {line.id for line in new}
                    ids = [id for id in ids if id not in new_ids]
                yield from self._lines(chain(new, lists.lines(ledger, ids)))

    def _unknown(self) -> Shown:
        """Yield notes of ours in Anki whose passages were not found."""
        for note in unknown(self._ledger):
            fields = [unrender(html) for html in note.fields[:2]]
            first = on_one_line(" ".join(fields[:1]))
            data = {
                "id": None,
                "guid": note.guid,
                "deck": note.deck,
                "tags": note.tags,
                "fields": fields,
            }
            yield data, (f"? {first}{AT_THE_RIGHT}{note.deck}",)

    def _by_passage(self, waiting: Iterable[Waiting]) -> Shown:
        """Yield a line for each passage; in full, and as JSON, all its drafts."""
        if self._as_json or self._verbose:
            yield from self._lines(waiting)
            return

        def passage_of(line: Waiting) -> str:
            return self._ledger.first(line.highlight.key)

        for _, of_passage in groupby(waiting, passage_of):
            line = next(of_passage)
            facts = facts_told(facts_seen(self._ledger, line.highlight))
            yield None, (one_line(line, facts),)

    def _matching(self, words: Strings, *, everything: bool = False) -> list[str]:
        """Return the cards and drafts that the words of a query match."""
        return matching(self._ledger, joined(words), everything=everything)

    def _new(self, ids: Iterable[str]) -> Iterator[Waiting]:
        """Yield the drafts with these ids that are for new cards, in the order of the review."""
        wanted = set(ids)
        if not wanted:
            return
        for draft in shelf.drafts(self._ledger):
            if draft.id in wanted:
                yield draft

    def _lines(self, lines: Iterable[Line], *, whole: bool = False) -> Shown:
        """Yield cards and drafts, in full if `whole` or verbose.

        The whole has its questions; if it is verbose, also its history.
        """
        ledger = self._ledger
        verbose = self._verbose
        questions = open_questions(ledger) if whole or verbose else []
        for line in lines_as_in_anki(ledger, lines):
            decisions: list[HistoryEntry] = []
            if whole and verbose:
                is_card = isinstance(line, CardHere)
                decisions = ledger.history(line.id if is_card else line.highlight.key)
            if self._as_json:
                data = line_json(ledger, line, self._decks)
                if whole:
                    about = [each for each in questions if line.id in each.guids]
                    data["questions"] = [question_json(question) for question in about]
                if whole and verbose:
                    data["decisions"] = [done_json(entry) for entry in decisions]
                yield data, ()
                continue
            if not whole and not verbose:
                yield None, (one_line(line),)
                continue
            text = [*line_text(ledger, line, questions)]
            text += map(done_line, decisions)
            yield None, text

    def _changed(self, words: Strings) -> Shown:
        """Yield revisions and conflicts.

        Then follow what changed with its source lately, and what is gone there.
        """
        ledger = self._ledger
        chosen = self._matching(words)
        revisions = [id for id in overview.order(ledger).revisions if id in chosen]
        yield from self._lines(lists.lines(ledger, revisions))
        for question in open_questions(ledger):
            if question.kind is not QuestionKind.CONFLICT:
                continue
            if set(chosen).intersection(question.guids):
                yield _question(question)
        for entry in ledger.history(changes_since=lately()):
            if entry.guid in chosen:
                yield done_json(entry), change_lines(entry)
        without_source = set(lists.find(ledger, [QueryTerm("finding", "source_gone")]))
        chosen_without_source = [id for id in chosen if id in without_source]
        yield from self._lines(lists.lines(ledger, chosen_without_source))

    def without_card(self, query: Strings, *, everything: bool) -> Shown:
        """Yield the highlights without a card and a draft, each with its proposal or reason.

        And those with a card of which a further sentence has a proposal. Those most worth a card
        come first. A proposal is made when its highlight is shown.

        Args:
            query: words that the highlight, the title of its document or the reason contains.
            everything: those that a person, a colour or a setting left out, too, and what
                looks like a highlight and is none.
        """

        def says_all(words: str) -> bool:
            return all(word.casefold() in words.casefold() for word in query)

        for outcome in overview.fates(self._ledger, best_first=True):
            highlight = outcome.highlight
            title = highlight.document.title
            words = f"{highlight.exact} {title} {outcome.reason}"
            is_wanted = outcome.is_open or (everything and outcome.fate == "left_out")
            if not is_wanted or not says_all(words):
                continue
            data, lines = self._without_card(outcome, whole=self._verbose)
            if data["proposal"] or outcome.fate != "carded":
                yield data, lines
        if not everything:
            return
        for entry in left_out(self._ledger):
            words = f"{entry.left_out.kind} {entry.place} {entry.left_out.reason}"
            if says_all(words):
                yield left_out_json(entry), left_out_lines(entry)

    def _without_card(
        self, outcome: HighlightOutcome, *, whole: bool = True
    ) -> tuple[Any, Iterable[str]]:
        """Return a highlight without a card, with its proposal, made now, or the reason."""
        found = proposal_of(self._ledger, outcome)
        proposal = found if isinstance(found, Proposal) else None
        if isinstance(found, str):
            outcome = replace(outcome, reason=found)
        data = {
            **highlight_json(outcome.highlight),
            "place": place_of(outcome.highlight),
            "fate": outcome.fate,
            "reason": "" if proposal else outcome.reason,
            "sureness": round(max(outcome.worth, 0.0), 2),
            "proposal": proposal_json(proposal) if proposal else None,
        }
        lines = [*fate_lines(outcome, proposal, whole=whole)]
        if proposal and self._verbose and not self._as_json:
            lines.append(f"    because: {why_proposed(proposal)}")
        return data, lines

    def named(self, words: Strings) -> Shown:
        """Yield the owners of ids, or the matches of a key or query, in full.

        Raises:
            UsageError: there is none.
        """
        ledger = self._ledger
        if all(map(is_id, words)):
            ids = [find(ledger, word) for word in words]
        elif len(words) == 1 and is_key(words[0]):
            ids = lists.find(ledger, [QueryTerm("key", words[0])], everything=True)
        else:
            ids = self._matching(words)
        if not ids and is_key(words[0]):
            for outcome in overview.fates(ledger, words[0]):
                yield self._without_card(outcome)
                return
        if not ids:
            typed = " ".join(words)
            message = f"no card matches “{typed}”"
            raise UsageError(message, hint=f"ankiforge list --all {typed}")
        if len(words) == 1 and is_key(words[0]):
            yield passage_json(ledger, words[0]), passage_text(ledger, words[0])
        if any(map(is_question_id, ids)):
            for question in open_questions(ledger):
                if question.id in ids:
                    yield _question(question)
        yield from self._lines(lists.lines(ledger, ids), whole=True)


def _question(question: Question, *, whole: bool = True) -> tuple[Any, Iterable[str]]:
    text = question_text(question) if whole else (question_line(question),)
    return question_json(question), text
