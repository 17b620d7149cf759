"""The ledger: which passage is which, what a person decided, what Anki should get.

    ingest.ingest(ledger, sightings)                 what is new, changed, gone
    for highlight in recording.to_draft(ledger):
        recording.record(ledger, [Drafted(highlight, drafts)], terms_of)
    decide.accept_clean(ledger, allows)              by policy
    ledger.accept(id), reject(id), undo(ledger, id)  by a person
    views.record_view(ledger, notes)                 what is in Anki
    for card, note in views.to_plan(ledger, settings): …
    views.record_shipped(ledger, notes)              what a package contains

A `Ledger` is the open store with the verbs that need several modules; everything else is
a function of the module that does it. Outside this package nobody writes SQL. A draft has
no identity but its words; accepting it makes a card. What a person decides is an event of
the journal (`events`, `store`); all tables are computed from journal and sources
(`ingest`, `match`, `recording`). See docs/internals/core.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import LedgerError, OwnFileError
from ankiforge.ledger import cards, decide, questions, settling
from ankiforge.ledger.cards import HistoryEntry
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.readings import record_journal_readings
from ankiforge.ledger.store import Store
from ankiforge.model import Guid, is_highlight_key, is_question_id


@contextmanager
def _ledger_errors() -> Iterator[None]:
    """Raise `LedgerError` where something else is in the place of database or journal."""
    try:
        yield
    except OwnFileError as error:
        raise LedgerError(error.message, hint=error.hint) from error


class Ledger(Store):
    """Passages, decisions and cards of one workspace on one machine."""

    def __init__(
        self,
        database: OwnPath,
        journal: OwnPath,
        machine: str,
        *,
        read_only: bool = False,
    ) -> None:
        """Open the database (or rebuild it), and read the new lines of the journal.

        With `read_only`, nothing is written: changes go into a copy in memory.

        Raises:
            LedgerError: the database or the journal cannot be used.
        """
        with _ledger_errors():
            super().__init__(database, journal, machine, read_only=read_only)
        self.read_journal()

    def __enter__(self) -> Ledger:
        """Return the ledger, which the end of the block closes."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database."""
        self.close()

    def read_journal(self) -> None:
        """Read the lines that other machines wrote into the journal."""
        with _ledger_errors():
            events = self.unite()
        if events:
            record_journal_readings(self, events)
            settling.requeue(self, events)

    def settle(self) -> None:
        """Settle the drafts of other passages, once for all decisions since the last time.

        Drafts about a sentence that was decided elsewhere go, or ask about its card. This comes
        before anything is read, and before a transaction ends.
        """
        unsettled = self.take_unsettled()
        if unsettled.passages or unsettled.deciding:
            settling.settle(self, unsettled)

    def accept(
        self,
        id: str,
        *,
        gap: int = 1,
        forced: bool = False,
        another: bool = False,
    ) -> Guid | None:
        """Accept a draft and return its card, or answer a question with yes.

        Args:
            id: of the draft or question.
            gap: the number of the gap of a proposal, from 1, the best one.
            forced: the person overrules a check that blocks.
            another: it becomes another card, though it may be the new text of one.

        Raises:
            RefusedError: a check blocks it, its passage is in doubt, it no longer waits,
                has no such gap, or the card's words are a person's by now.
        """
        if is_question_id(id):
            questions.answer(self, id, yes=True)
            return None
        return decide.accept(self, id, gap=gap, forced=forced, another=another)

    def reject(self, id: str, why: str = "") -> None:
        """Reject a draft or a card, or answer a question with no.

        The fact that a draft is about is not offered again.

        If `id` is the key of a highlight, nothing of it is offered any more; its cards
        stay.

        Raises:
            RefusedError: there is none, or it no longer waits.
        """
        if is_question_id(id):
            questions.answer(self, id, yes=False)
        elif is_highlight_key(id):
            decide.skip(self, id, why)
        else:
            decide.reject(self, id, why)

    def history(
        self,
        of: str = "",
        *,
        changes_since: str | None = None,
    ) -> list[HistoryEntry]:
        """Return decisions of the past.

        Args:
            of: a card or passage: all decisions about it, oldest first; "" = the newest
                decisions that stand, newest first.
            changes_since: only the changes of cards by the source, since a time in ISO
                8601.

        What the source said about a card is not reported as done while a question asks whose
        words stay.
        """
        if of:
            return cards.history(self, of)
        if changes_since is not None:
            entries = cards.changes(self, changes_since)
        else:
            entries = cards.recent(self)
        # what a question is about is not told as a change
        in_conflict = questions.in_conflict(self)
        told = []
        for entry in entries:
            if entry.what == "revise" and entry.by == SOURCE:
                if entry.guid in in_conflict:
                    continue
            told.append(entry)
        return told
