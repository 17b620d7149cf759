"""The ledger: identifies passages, stores the user's decisions, and computes the cards.

`ingest` finds new, changed and removed highlights, `draft_recording` stores their drafts, `decide`
records decisions, and `anki_views` records the notes in Anki and in packages. A `Ledger` is a store
with the methods that need several of these modules. No other package contains SQL. Decisions are
events of the journal (`events`, `store`), and all tables are computed from the journal and the
sources. See *The core* in CONTRIBUTING.md.
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
        """Open the database, rebuilding it if it is damaged, and read the journal's new lines.

        Args:
            database: The path of the database.
            journal: The directory of the journal.
            machine: The id of this device.
            read_only: Whether to leave the files untouched. Changes then go to a temporary copy
                of the database.

        Raises:
            LedgerError: The database or the journal can't be used.
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
        """Read new events from the journals of all devices.

        The passages that were decided on another device are redrafted in the next run.
        """
        with _wrap_file_errors():
            events = self.merge_journal()
        if events:
            record_journal_readings(self, events)
            decision_recording.redraft_after_remote_decisions(self, events)

    def _update_waiting_drafts(self) -> None:
        decision_recording.update_outdated_drafts(self)

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
            id: The id of the draft or question.
            gap: For a proposal, the number of the selected gap. Number 1 is the best gap.
            forced: Whether to override a check that blocks the draft.
            another: Whether to create a new card even if the draft would revise an existing one.
            batches: See `decide.accept_draft`.

        Returns:
            The GUID of the card, or None for a question.

        Raises:
            RefusedError: A check blocks the draft, the draft is no longer pending, it has no such
                gap, or it is still unanswered whether its passage is the missing one of a card.
        """
        if is_question_id(id):
            questions.answer_question(self, id, yes=True)
            return None
        return decide.accept_draft(
            self, id, gap=gap, forced=forced, another=another, batches=batches
        )

    def reject(self, id: str, why: str | None = None) -> None:
        """Reject a draft, card or highlight, or answer no to a question.

        No further draft is offered for the sentence of a rejected draft. A rejected highlight
        gets no new cards but keeps its existing ones.

        Args:
            id: The id of a draft or question, the GUID of a card, or the key of a highlight.
            why: The user's reason, if any.

        Raises:
            RefusedError: There is no such draft, card or question, or it is no longer pending.
        """
        if is_question_id(id):
            questions.answer_question(self, id, yes=False)
        elif is_highlight_key(id):
            decide.skip_highlight(self, id, why)
        else:
            decide.reject_item(self, id, why)

    def list_history(
        self, guid_or_key: str = "", *, changes_since: str | None = None
    ) -> list[HistoryEntry]:
        """List the decisions about a card or passage, or the latest decisions about anything.

        Args:
            guid_or_key: The GUID of a card or the key of a passage. Its decisions are listed
                oldest first. If "", the latest decisions that haven't been undone are listed,
                newest first. Source changes that an open question is about are left out.
            changes_since: A time in ISO 8601. If given, lists all changes that sources have made
                to cards since then instead of the latest decisions.
        """
        if guid_or_key:
            return cards.load_passage_history(self, guid_or_key)
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
