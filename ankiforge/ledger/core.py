"""The ledger: which passage is which, what the user decided, and what Anki should get.

`ingest` finds new, changed and removed highlights, `draft_recording` stores their drafts, `decide`
records decisions, and `anki_views` records what is in Anki and in packages. A `Ledger` is a store
with the methods that need several of these modules. No other package contains SQL. Decisions are
events of the journal (`events`, `store`), and all tables are computed from the journal and the
sources. See docs/internals/core.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ankiforge.errors import LedgerError, OwnFileError
from ankiforge.ledger import cards, decide, decision_recording, questions
from ankiforge.ledger.cards import HistoryEntry
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.readings import record_journal_readings
from ankiforge.ledger.store import Store
from ankiforge.model import Guid, is_highlight_key, is_question_id


@contextmanager
def _wrap_file_errors() -> Iterator[None]:
    """Context manager that re-raises `OwnFileError` as `LedgerError`."""
    try:
        yield
    except OwnFileError as error:
        raise LedgerError(error.message, hint=error.hint) from error


class Ledger(Store):
    """The passages, decisions and cards of one workspace, as known on one device."""

    def __init__(
        self,
        database: Path,
        journal: Path,
        machine: str,
        *,
        read_only: bool = False,
    ) -> None:
        """Open the database, or rebuild it if it is damaged, and read the new lines of the journal.

        Args:
            database: the path of the database.
            journal: the directory of the journal.
            machine: the id of this device.
            read_only: whether to write nothing. Changes then go into a temporary copy.

        Raises:
            LedgerError: the database or the journal can't be used.
        """
        with _wrap_file_errors():
            super().__init__(database, journal, machine, read_only=read_only)
        self.read_journal()

    def __enter__(self) -> Ledger:
        """Return the ledger, which is closed at the end of the `with` block."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database."""
        self.close()

    def read_journal(self) -> None:
        """Read the new lines that other devices wrote, and draft again what they decided on."""
        with _wrap_file_errors():
            events = self.merge_journal()
        if events:
            record_journal_readings(self, events)
            decision_recording.redraft_foreign_decisions(self, events)

    def accept(
        self,
        id: str,
        *,
        gap: int = 1,
        forced: bool = False,
        another: bool = False,
    ) -> Guid | None:
        """Accept a draft, or answer a question with yes.

        Args:
            id: the id of the draft or question.
            gap: for a proposal, the number of the selected gap, from 1, which is the best one.
            forced: whether to override a check that blocks the draft.
            another: whether to make another card even if the draft may revise one.

        Returns:
            The GUID of the card, or None for a question.

        Raises:
            RefusedError: a check blocks the draft, the user must first answer whether its passage
                is a removed one, it is no longer pending, or it has no such gap.
        """
        if is_question_id(id):
            questions.answer_question(self, id, yes=True)
            return None
        return decide.accept_draft(self, id, gap=gap, forced=forced, another=another)

    def reject(self, id: str, why: str = "") -> None:
        """Reject a draft, card or highlight, or answer a question with no.

        If a draft is rejected, the fact that it is about isn't offered again. If a highlight is
        rejected, no new cards are offered for it, but its cards stay.

        Args:
            id: the id of the draft or question, the GUID of the card, or the key of the highlight.
            why: the reason that the user gave, or "".

        Raises:
            RefusedError: there is no such draft, card or question, or it is no longer pending.
        """
        if is_question_id(id):
            questions.answer_question(self, id, yes=False)
        elif is_highlight_key(id):
            decide.skip_highlight(self, id, why)
        else:
            decide.reject_item(self, id, why)

    def list_history(
        self,
        of: str = "",
        *,
        changes_since: str | None = None,
    ) -> list[HistoryEntry]:
        """Return past decisions: all those about a card or passage, or the most recent ones.

        Args:
            of: the GUID of a card or the key of a passage, whose decisions are returned, oldest
                first. If "", the most recent decisions that weren't undone are returned, newest
                first, except changes by a source about which a question is open.
            changes_since: a time in ISO 8601, to return all changes that sources made to cards
                since then instead of the most recent decisions.
        """
        if of:
            return cards.load_history(self, of)
        if changes_since is not None:
            entries = cards.load_source_changes(self, changes_since)
        else:
            entries = cards.load_recent_decisions(self)
        # leave out changes that a question asks about
        guids_in_conflict = questions.find_cards_in_conflict(self)
        shown_entries = []
        for entry in entries:
            if entry.what == "revise" and entry.by == SOURCE:
                if entry.guid in guids_in_conflict:
                    continue
            shown_entries.append(entry)
        return shown_entries
