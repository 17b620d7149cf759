"""The ledger: identifies passages, stores the user's decisions, and computes the cards.

`ingest` finds new, changed and removed highlights, `draft_recording` stores their drafts, `decide`
records decisions, and `anki_views` records the notes in Anki and in packages. A `Ledger` is a store
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
    try:
        yield
    except OwnFileError as error:
        raise LedgerError(error.message, hint=error.hint) from error


class Ledger(Store):
    """The passages, decisions and cards of a workspace, as known on one device."""

    def __init__(
        self, database: Path, journal: Path, machine: str, *, read_only: bool = False
    ) -> None:
        """Open the database, rebuilding it if damaged, and read new lines of the journal.

        Args:
            database: the path of the database.
            journal: the directory of the journal.
            machine: the id of this device.
            read_only: whether to leave the files untouched. Changes go to a temporary copy
                instead.

        Raises:
            LedgerError: the database or the journal can't be used.
        """
        with _wrap_file_errors():
            super().__init__(database, journal, machine, read_only=read_only)
        try:
            self.read_journal()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def read_journal(self) -> None:
        """Read new events from all devices' journals, and redraft the passages they decide on."""
        with _wrap_file_errors():
            events = self.merge_journal()
        if events:
            record_journal_readings(self, events)
            decision_recording.redraft_after_remote_decisions(self, events)

    def accept(
        self,
        id: str,
        *,
        gap: int = 1,
        forced: bool = False,
        another: bool = False,
        batches: decide.DraftBatches | None = None,
    ) -> Guid | None:
        """Accept a draft, or answer yes to a question.

        Args:
            id: the id of the draft or question.
            gap: for a proposal, the number of the selected gap, counting from 1 (the best one).
            forced: whether to override a check that blocks the draft.
            another: whether to create a new card even if the draft would revise an existing one.
            batches: see `decide.accept_draft`.

        Returns:
            The GUID of the card, or None for a question.

        Raises:
            RefusedError: a check blocks the draft, the draft isn't pending any more or has no such
                gap, or the user must first say whether its passage is the missing one of a card.
        """
        if is_question_id(id):
            questions.answer_question(self, id, yes=True)
            return None
        return decide.accept_draft(
            self, id, gap=gap, forced=forced, another=another, batches=batches
        )

    def reject(self, id: str, why: str = "") -> None:
        """Reject a draft, card or highlight, or answer no to a question.

        No further draft is offered for the sentence of a rejected draft. A rejected highlight
        gets no new cards but keeps its existing ones.

        Args:
            id: the id of a draft or question, the GUID of a card, or the key of a highlight.
            why: the user's reason, or "".

        Raises:
            RefusedError: no such draft, card or question exists, or it isn't pending any more.
        """
        if is_question_id(id):
            questions.answer_question(self, id, yes=False)
        elif is_highlight_key(id):
            decide.skip_highlight(self, id, why)
        else:
            decide.reject_item(self, id, why)

    def list_history(
        self, of: str = "", *, changes_since: str | None = None
    ) -> list[HistoryEntry]:
        """List all decisions about a card or passage, or else the latest decisions.

        Args:
            of: the GUID of a card or the key of a passage, whose decisions are listed oldest
                first. If "", lists the latest decisions that haven't been undone, newest first,
                without source changes that an open question is about.
            changes_since: a time in ISO 8601. If given, lists all changes that sources have made
                to cards since then instead of the latest decisions.
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
            if entry.event.kind == "revise" and entry.event.author == SOURCE:
                if entry.guid in guids_in_conflict:
                    continue
            shown_entries.append(entry)
        return shown_entries
