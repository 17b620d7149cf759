"""The ledger: which passage is which, what a person decided, what Anki should get.

    ledger.ingest(sightings)                         what is new, changed, gone
    for highlight in ledger.to_draft():
        ledger.record([DraftResult(highlight.key, proposals)])
    ledger.accept_clean(allows)                      by policy
    ledger.accept(id), reject(id), undo(id)          by a person
    ledger.record_view(notes)                        what is in Anki
    for card, note in ledger.to_plan(settings): …
    ledger.planned(notes)                            what a package contains

Everything outside this package calls the methods of `Ledger` only. A draft has no
identity but its words; accepting it makes a card. What a person decides is an event of
the journal (`events`, `store`); all tables are computed from journal and sources
(`ingest`, `match`, `drafts`). See docs/core.md.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ankiforge.config.ownfiles import OwnPath
from ankiforge.errors import LedgerError, OwnFileError
from ankiforge.ledger import (
    belonging,
    cards,
    decide,
    dialects,
    drafts,
    lists,
    overview,
    private,
    questions,
    recording,
    views,
    waiting,
)
from ankiforge.ledger.cards import HighlightOutcome, HistoryEntry, LeftOutThere
from ankiforge.ledger.decide import Taken
from ankiforge.ledger.events import SOURCE
from ankiforge.ledger.ingest import ingest, unselect
from ankiforge.ledger.lists import Line, Match, QueryTerm
from ankiforge.ledger.overview import Order
from ankiforge.ledger.readings import (
    Known,
    Report,
    decode_highlight,
    record_journal_readings,
)
from ankiforge.ledger.recording import DraftResult, Recorded
from ankiforge.ledger.store import OF_ACTION, JournalState, Store
from ankiforge.ledger.undo import undo
from ankiforge.ledger.views import LostNote, Shipment, Viewed
from ankiforge.model import (
    Adopted,
    Card,
    Conflict,
    Document,
    Draft,
    Extracted,
    Finding,
    Guid,
    Highlight,
    NoteInAnki,
    Pair,
    PrivateText,
    Proposal,
    Question,
    SeenReview,
    Sighting,
    Strings,
    Texts,
    Waiting,
    is_highlight_key,
    is_question_id,
)

if TYPE_CHECKING:
    from ankiforge.ledger.duplicates import Duplicates


@contextmanager
def _ledger_errors() -> Iterator[None]:
    """Raise `LedgerError` where something else is in the place of database or journal."""
    try:
        yield
    except OwnFileError as error:
        raise LedgerError(error.message, hint=error.hint) from error


class Ledger:
    """Passages, decisions and cards of one workspace on one machine."""

    def __init__(
        self,
        database: OwnPath,
        journal: OwnPath,
        machine: str,
        *,
        read_only: bool = False,
    ) -> None:
        """Open the database (or rebuild it), and read what is new in the journal.

        With `read_only`, everything happens in a copy in memory, and nothing is written.

        Raises:
            LedgerError: the database or the journal cannot be used.
        """
        with _ledger_errors():
            self._store = Store(database, journal, machine, read_only=read_only)
        self._unite()

    def __enter__(self) -> Ledger:
        """Return the ledger, which the end of the block closes."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database."""
        self._store.close()

    @contextmanager
    def action(self) -> Iterator[str]:
        """Write everything of a block in one transaction.

        One `undo` takes its decisions back.

        It yields the id that `undo` takes. A block inside another one joins its action.
        """
        with self._store.action() as action:
            yield action.id

    def can_undo(self, action: str) -> bool:
        """Return whether an action recorded anything that `undo` takes back.

        The answer about a source that lost its documents is not recorded.
        """
        query = f"SELECT 1 FROM event WHERE {OF_ACTION}"
        return self._store.row(query, action) is not None

    @property
    def machine(self) -> str:
        """The id of this machine for this workspace."""
        return self._store.machine

    @property
    def journal_state(self) -> JournalState:
        """The state in which the journal was found when it was read last."""
        return self._store.state

    @property
    def duplicates(self) -> Duplicates:
        """The search terms of cards and of other notes in Anki."""
        from ankiforge.ledger.duplicates import Duplicates

        return Duplicates(self._store)

    # --- a run --------------------------------------------------------------------------

    def _unite(self) -> None:
        """Read what other machines wrote into the journal."""
        with _ledger_errors():
            events = self._store.unite()
        if events:
            record_journal_readings(self._store, events)
            drafts.requeue(self._store, events)

    def known(self, salt: str) -> Known:
        """Return what sources may ask about documents that were read before.

        See `Known`.
        """
        return Known(self._store, salt)

    def ingest(
        self,
        sightings: Iterable[Sighting],
        *,
        selections: Mapping[str, str] = {},
        in_use: frozenset[str] | None = None,
        in_progress: Callable[[str, str], bool] = lambda container, place: False,
    ) -> Report:
        """Ingest all that the sources of a run list.

        Nothing is matched before all have listed.

        What other machines wrote into the journal is read first.

        Args:
            sightings: what the sources yield.
            selections: by container, the settings that select highlights in it.
            in_use: the names of all sources that the workspace reads; None = unknown.
            in_progress: whether a person is still writing a document (container, place):
                nothing of it goes into the journal yet.
        """
        self._unite()
        return ingest(
            self._store,
            sightings,
            selections=selections,
            in_use=in_use,
            in_progress=in_progress,
        )

    def documents_of(self, source: str) -> list[tuple[int, str]]:
        """Return the documents that a source was read as: a number, and the place of each."""
        query = "SELECT id, place FROM document WHERE source = ? AND state = 'present'"
        return [(row["id"], row["place"]) for row in self._store.rows(query, source)]

    def unselect(self, documents: Iterable[int]) -> int:
        """Let documents go that nothing selects any more; return how many highlights these had.

        Their cards stay. If they are read again, they keep their keys.
        """
        with self._store.transaction():
            return unselect(self._store, documents)

    def dialects_of(self, container: str, on: Strings | None) -> Strings:
        """Return the plugins' dialects by which a vault is to be read.

        See `dialects.dialects_of`.
        """
        return dialects.dialects_of(self._store, container, on)

    def ask_about_dialects(
        self,
        container: str,
        on: Strings,
        stamp: str,
        read: Callable[[], Iterable[Extracted]],
    ) -> None:
        """Ask whether to read a vault by other dialects, if that would change anything.

        Args:
            container: the container of the vault.
            on: the dialects of the plugins that are switched on.
            stamp: of all files of the vault; "" = unknown. Equal ones are not read again.
            read: read all documents of the vault by these dialects.
        """
        if dialects.is_to_count(self._store, container, on, stamp):
            dialects.keep_count(self._store, container, on, stamp, read())

    def to_draft(
        self,
        *,
        by_model: bool = False,
        within: frozenset[int] | None = None,
        in_progress: Callable[[str], bool] = lambda place: False,
    ) -> Iterator[Highlight]:
        """Yield the highlights that are new or changed since they were drafted last.

        See `drafts`.
        """
        return drafts.to_draft(
            self._store,
            by_model=by_model,
            within=within,
            in_progress=in_progress,
        )

    def record(
        self,
        results: Sequence[DraftResult],
        *,
        by_model: bool = False,
        beside: bool = False,
    ) -> Recorded:
        """Record the drafts of highlights, or why there are none; see `recording.record`."""
        return recording.record(self._store, results, by_model=by_model, beside=beside)

    def standing(self, highlight_key: str, drafts: Sequence[Draft]) -> list[bool]:
        """Return for each draft whether it is a card already; see `recording.standing`."""
        return recording.standing(self._store, highlight_key, drafts)

    def leads_elsewhere(self, highlight: Highlight, phrase: str) -> bool:
        """Return whether a marked phrase begins another passage, in which it is marked, too."""
        return drafts.leads_elsewhere(self._store, highlight, phrase)

    def use_offline_drafts(self, version: str) -> None:
        """Draft undecided passages again if other offline drafts than before are to be made.

        `version`: of what they depend on, besides the passage.
        """
        drafts.use_offline_drafts(self._store, version)

    def add_findings(self, id: str, findings: Sequence[Finding]) -> None:
        """Add findings to a draft, if it still waits."""
        with self._store.transaction():
            waiting.add_findings(self._store, id, findings)

    # --- decisions ----------------------------------------------------------------------

    def read_ahead(self, ids: Iterable[str]) -> Iterator[str]:
        """Yield ids that will be decided on; what that needs is read many at a time."""
        return waiting.read_ahead(self._store, ids)

    def accept_clean(self, allows: Callable[[Waiting], bool]) -> list[Guid]:
        """Accept, by policy, drafts that need no person.

        `allows` says what the settings accept.
        """
        return decide.accept_clean(self._store, allows)

    def accept(
        self,
        id: str,
        *,
        gap: int = 1,
        masks: str = "",
        forced: bool = False,
        without: Collection[str] = (),
    ) -> Guid | None:
        """Accept a draft and return its card, or answer a question with yes.

        Args:
            id: of the draft or question.
            gap: the number of the gap of a proposal, from 1, the best one.
            masks: of a figure: its masks as the person wants them; "" = as they were read.
            forced: the person overrules a check that blocks.
            without: drafts of the form that a question is about which are no cards; they
                are rejected.

        Raises:
            RefusedError: a check blocks it, its passage is in doubt, it no longer waits,
                or has no such gap.
        """
        if is_question_id(id):
            questions.answer(self._store, id, yes=True, without=without)
            return None
        return decide.accept(self._store, id, gap=gap, masks=masks, forced=forced)

    def make(self, highlight_key: str, proposal: Proposal) -> Guid:
        """Make a card that a person wrote for a highlight."""
        return decide.make(self._store, highlight_key, proposal)

    def reject(self, id: str, why: str = "") -> None:
        """Reject a draft or a card, or answer a question with no.

        Rejected words are not offered again. With a proposal, all its gaps are rejected,
        and nothing else is proposed for its passage.

        If `id` is the key of a highlight, nothing is drafted for it any more; its cards
        stay.

        Raises:
            RefusedError: there is none, or it no longer waits.
        """
        if is_question_id(id):
            questions.answer(self._store, id, yes=False)
        elif is_highlight_key(id):
            decide.skip(self._store, id, why)
        else:
            decide.reject(self._store, id, why)

    def edit(
        self,
        id: str,
        fields: Texts,
        *,
        over: Mapping[str, Pair] | None = None,
        forced: bool = False,
    ) -> Guid:
        """Change fields of a card, or accept a draft in other words.

        They are the person's from now on.

        Args:
            id: of the card or draft.
            fields: the new Markdown by name.
            over: of the fields that a person changed in Anki and has in view: the hash of
                their HTML there, and their Markdown. The new words replace them there.
            forced: overrule a check.
        """
        return decide.edit(self._store, id, fields, over=over or {}, forced=forced)

    def shipped_numbers(self, guid: str) -> Texts:
        """Return what was ever shipped under each number of a card's gaps or masks."""
        state, _ = cards.state_of(self._store, guid)
        return state.numbers

    def set_masks(self, guid: str, masks: str) -> None:
        """Give the card of a figure the masks that a person wants."""
        decide.set_masks(self._store, guid, masks)

    def undo(self, target: str = "", *, as_new: bool = False) -> str:
        """Take back a decision, so that all is as it was before.

        Args:
            target: "" for the last decision on this machine; the id of one from
                `history`; a card or the key of a highlight, for the last decision about
                it; a draft that an agent proposed.
            as_new: what the source said last is another fact, which gets a card of its
                own.

        Returns:
            The id of what was taken back.

        Raises:
            RefusedError: there is nothing, or a later decision stands on it.
        """
        return undo(self._store, target, as_new=as_new)

    # --- lists --------------------------------------------------------------------------

    def cards(self, *guids: str) -> Iterator[Card]:
        """Yield these cards, or all there are, live or not.

        Raises:
            RefusedError: there is no card with one of the guids.
        """
        if guids:
            return (cards.card_of(self._store, guid) for guid in guids)
        return cards.cards_of(self._store)

    def questions(self) -> list[Question]:
        """Return what only a person can say."""
        return questions.open_questions(self._store)

    def highlight(self, key: str) -> Highlight:
        """Return a highlight that was read here.

        Raises:
            RefusedError: there is none.
        """
        return decode_highlight(cards.highlight_row(self._store, key))

    def places(self, key: str) -> Iterator[Highlight]:
        """Yield all places of a passage that were read here, present or not."""
        return cards.places(self._store, key)

    def sketch(self, container: str, place: str) -> str:
        """Return the sketch of a document as it was read last, "" if there is none."""
        query = "SELECT sketch FROM document WHERE container = ? AND place = ?"
        return self._store.value(query, container, place) or ""

    def private_texts(self) -> Iterator[PrivateText]:
        """Yield all texts of the workspace that must stay on this machine."""
        return private.texts(self._store)

    def fates(self, key: str = "") -> Iterator[HighlightOutcome]:
        """Yield what became of every highlight, or of the one with this key.

        Only those are meant that are in their source.
        """
        return overview.fates(self._store, key)

    def left_out(self) -> Iterator[LeftOutThere]:
        """Yield what looks like a mark or a card and is none, by document."""
        return overview.left_out(self._store)

    def order(self, before: Order | None = None) -> Order:
        """Return what a person has to decide, most useful first; see `overview.Order`.

        What other machines wrote into the journal is read first. `before` is returned if
        nothing else was written since.
        """
        self._unite()
        return overview.order(self._store, before)

    def find(self, terms: Sequence[QueryTerm], *, everything: bool = False) -> list[str]:
        """Return the ids of the cards and drafts that a query means; see `lists.find`."""
        return lists.find(self._store, terms, everything=everything)

    def lines(self, ids: Iterable[str]) -> Iterator[Line]:
        """Yield cards and drafts with their state.

        An id that is no longer one is left out.

        The key of a highlight stands for the drafts that wait for it.
        """
        return lists.lines(self._store, ids)

    def drafts(self, ids: Iterable[str]) -> Iterator[Waiting]:
        """Yield the drafts that wait among what `lines` yields."""
        return (line.waiting for line in self.lines(ids) if line.waiting)

    def counts(self, *names: str) -> dict[str, Counter[str]]:
        """Return the numbers of fates, of what waits, of cards and so on, or only these.

        See `overview.counts`.
        """
        return overview.counts(self._store, names)

    def accepted_since(self, since: str) -> list[str]:
        """Return when the live cards were accepted, since a time, newest first (ISO 8601)."""
        return overview.accepted_since(self._store, since)

    def search(self, query: str, documents: Sequence[Document] = ()) -> Iterator[Match]:
        """Yield the works that a query, or the document of a file, means.

        See `search.find`.
        """
        from ankiforge.ledger import search

        return search.find(self._store, query, documents, time.time())

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
            return cards.history(self._store, of)
        if changes_since is not None:
            entries = cards.changes(self._store, changes_since)
        else:
            entries = cards.recent(self._store)
        in_conflict = questions.in_conflict(self._store)

        def is_asked_about(entry: HistoryEntry) -> bool:
            is_change_by_source = entry.what == "revise" and entry.by == SOURCE
            return is_change_by_source and entry.guid in in_conflict

        return [entry for entry in entries if not is_asked_about(entry)]

    # --- Anki ---------------------------------------------------------------------------

    def record_view(
        self,
        notes: Iterable[NoteInAnki],
        *,
        complete: bool,
        graves: frozenset[int] | None,
        reviews: Iterable[SeenReview] = (),
    ) -> Viewed:
        """Take note of what is in Anki; see `views.record_view`."""
        return views.record_view(
            self._store,
            notes,
            complete=complete,
            graves=graves,
            reviews=reviews,
        )

    def to_plan(self, settings: str) -> Iterator[tuple[Card, NoteInAnki | None]]:
        """Yield the cards for which there may be something to write.

        See `views.to_plan`.
        """
        return views.to_plan(self._store, settings)

    def planned(
        self,
        sent: Iterable[Shipment] = (),
        *,
        settled: Iterable[Guid] = (),
        settings: str = "",
        conflicts: Iterable[Conflict] = (),
        taken: Mapping[Guid, int] | None = None,
    ) -> int:
        """Record the result of a plan, before its package replaces the old one.

        Args:
            sent: what is known about each note.
            settled: the notes for which there is nothing to write with these settings.
            settings: as given to `to_plan`.
            conflicts: fields that a person and the source changed.
            taken: the `mod` of the newest package that Anki has taken, by guid, of notes
                without AnkiforgeId.

        Returns:
            The number of notes that no package contained before.
        """
        views.settle(self._store, settled, settings, conflicts, taken or {})
        return views.shipped(self._store, sent)

    def in_learning_order(self, guids: Sequence[Guid]) -> list[Guid]:
        """Return cards in the order in which they are to be learnt: the best, documents mixed.

        See `views.in_learning_order`.
        """
        return views.in_learning_order(self._store, guids)

    def give_decks(self, deck_for: Callable[[Highlight, str], str]) -> None:
        """Give drafts that wait other decks. See `drafts.give_decks`."""
        drafts.give_decks(self._store, deck_for)

    def mapped_notes(self) -> list[int]:
        """Return the ids in Anki of our notes in note types that are not ours."""
        return views.mapped_notes(self._store)

    def places_of_deck(self, deck: str) -> list[tuple[str, str]]:
        """Return where the cards are in Anki that were made for a deck.

        See `views.places_of_deck`.
        """
        return views.places_of_deck(self._store, deck)

    def adopted(self) -> dict[str, Adopted]:
        """Return the notes that other tools made of our cards, by the cards' guids."""
        notes = {}
        for row in self._store.rows("SELECT guid, passage FROM card WHERE adopted != ''"):
            passage = self._store.passage(row["passage"])
            card = passage.cards[row["guid"]]
            if card.adopted:
                notes[row["guid"]] = card.adopted
        return notes

    def adopt_notes(self, chosen: Iterable[Taken]) -> str:
        """Make cards of what other tools made of passages; return what `undo` takes."""
        return decide.adopt_notes(self._store, chosen)

    def belonging(self) -> Counter[str]:
        """Return by tool the number of passages without a card that belong to it.

        See `belonging`.
        """
        return belonging.belonging(self._store)

    def decline(self, tools: Collection[str]) -> str:
        """Make passages that belong to these tools ordinary ones.

        Returns:
            What `undo` takes; "" if none of the tools has passages here.
        """
        return belonging.decline(self._store, tools)

    def adopt(
        self,
        notes: Iterable[LostNote],
        unreadable: Iterable[NoteInAnki] = (),
    ) -> list[NoteInAnki]:
        """Take over notes that no event knows, where their passage is found.

        Return the others, and the unreadable ones.
        """
        return views.adopt(self._store, notes, unreadable)

    def notes(self, guid: str = "", *, known: bool = True) -> Iterator[NoteInAnki]:
        """Yield our notes as the newest view has them, or the one with this guid.

        With `known=False`, those that no event knows.
        """
        if not known:
            return views.unknown(self._store)
        return views.notes(self._store, guid)

    def reviews(self) -> Iterator[SeenReview]:
        """Yield the reviews of our cards that were seen."""
        return views.reviews(self._store)

    # --- what other packages store here -------------------------------------------------

    def get_setting(self, name: str) -> str:
        """Return the value stored under a name, "" if there is none.

        It is a fact about this database, not a decision: it is lost with the database.
        `looked` is when Anki was read last, in ISO 8601.
        """
        return self._store.meta(f"app {name}")

    def set_setting(self, name: str, value: str) -> None:
        """Store a value under a name."""
        with self._store.transaction():
            self._store.set_meta(f"app {name}", value)
