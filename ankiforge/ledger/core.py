"""The ledger: which passage is which, what a person decided, what Anki should get.

    ledger.unite()                                   what other machines decided
    ledger.ingest(sightings)                         what is new, changed, gone
    for one in ledger.to_draft(): ledger.record(one.key, proposals)
    ledger.accept_clean(allows); ledger.accept(id); ledger.reject(id); ledger.undo(id)
    ledger.see(notes); for card, note in ledger.to_plan(): …; ledger.shipped(notes)

Everything outside this package calls the methods of `Ledger` only. A draft has no identity but its
words; accepting it makes a card. What a person decides is an event of the journal (`events`, `store`);
all tables are computed from journal and sources (`ingest`, `match`, `drafts`). See docs/core.md.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ankiforge.ledger import cards, decide, drafts, lists, questions, search, views
from ankiforge.ledger.cards import Done, Fate
from ankiforge.ledger.drafts import Recorded
from ankiforge.ledger.duplicates import Duplicates
from ankiforge.ledger.events import Wording
from ankiforge.ledger.ingest import ingest
from ankiforge.ledger.lists import Line, Order, Term
from ankiforge.ledger.readings import Known, Report, hear
from ankiforge.ledger.search import Match
from ankiforge.ledger.store import JournalState, Store
from ankiforge.ledger.views import Viewed
from ankiforge.model import (
    Card,
    Conflict,
    Document,
    Guid,
    Highlight,
    Proposal,
    Question,
    Seen,
    SeenReview,
    Sighting,
    Waiting,
)


class Ledger:
    """Passages, decisions and cards of one workspace on one machine."""

    def __init__(
        self, database: Path, journal: Path, machine: str, *, read_only: bool = False
    ) -> None:
        """Open the database (or rebuild it), and read what is new in the journal.

        With `read_only`, everything happens in a copy in memory, and nothing is written.

        Raises:
            LedgerError: the database or the journal cannot be used.
        """
        self._store = Store(database, journal, machine, read_only=read_only)
        self.duplicates = Duplicates(self._store)
        """The search terms of cards and of other notes in Anki."""
        self.unite()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def __enter__(self) -> Ledger:
        """Return the ledger, which the end of the block closes."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database."""
        self.close()

    def action(self) -> AbstractContextManager[str]:
        """Write everything of a block in one transaction; one `undo` takes its decisions back.

        It yields the id that `undo` takes.
        """
        return self._store.action()

    @property
    def journal_state(self) -> JournalState:
        """The state in which the last `unite` found the journal."""
        return self._store.state

    # --- a run ----------------------------------------------------------------------------------

    def unite(self) -> int:
        """Read what other machines wrote into the journal. Return the number of new events."""
        events = self._store.unite()
        if events:
            hear(self._store, events)
            drafts.requeue(self._store, events)
        return len(events)

    @property
    def known(self) -> Known:
        """What sources may ask about documents that were read before."""
        return Known(self._store)

    def ingest(
        self,
        sightings: Iterable[Sighting],
        *,
        selections: Mapping[str, str] = {},
        in_use: frozenset[str] | None = None,
        in_progress: Callable[[str, str], bool] = lambda container, place: False,
    ) -> Report:
        """Ingest all that the sources of a run list; nothing is matched before all have listed.

        Args:
            sightings: what the sources yield.
            selections: by container, the settings that select highlights in it.
            in_use: the names of all sources that the workspace reads; None = unknown.
            in_progress: whether a person is still writing a document (container, place): nothing of
                it goes into the journal yet.
        """
        return ingest(
            self._store,
            sightings,
            selections=selections,
            in_use=in_use,
            in_progress=in_progress,
        )

    def to_draft(
        self,
        *,
        by_model: bool = False,
        within: frozenset[int] | None = None,
        in_progress: Callable[[str], bool] = lambda place: False,
    ) -> Iterator[Highlight]:
        """Yield the highlights that are new or changed since they were drafted last; see `drafts`."""
        return drafts.to_draft(
            self._store, by_model=by_model, within=within, in_progress=in_progress
        )

    def record(
        self,
        key: str,
        proposals: Sequence[Proposal],
        reason: str = "",
        fate: str = "",
        *,
        by_model: bool = False,
        beside: bool = False,
    ) -> Recorded:
        """Record the drafts of a highlight, or why there are none; see `drafts.record`."""
        return drafts.record(
            self._store, key, proposals, reason, fate, by_model=by_model, beside=beside
        )

    # --- decisions ------------------------------------------------------------------------------

    def accept_clean(self, allows: Callable[[Waiting], bool]) -> list[Guid]:
        """Accept, by policy, drafts that need no person. `allows` tells what the settings accept."""
        return decide.accept_clean(self._store, allows)

    def accept(
        self, id: str, *, forced: bool = False, without: Collection[str] = ()
    ) -> Guid | None:
        """Accept a draft and return its card, or answer a question with yes.

        `without`: drafts of the form that a question is about which are no cards; they are rejected.

        Raises:
            RefusedError: a check blocks it, its passage is in doubt, or it no longer waits.
        """
        if id.startswith("qu"):
            questions.answer(self._store, id, yes=True, without=without)
            return None
        return decide.accept(self._store, id, forced=forced)

    def reject(self, id: str, why: str = "") -> None:
        """Reject a draft or a card, or answer a question with no. Rejected words are not offered again.

        Raises:
            RefusedError: there is none, or it no longer waits.
        """
        if id.startswith("qu"):
            questions.answer(self._store, id, yes=False)
        else:
            decide.reject(self._store, id, why)

    def edit(self, id: str, fields: Mapping[str, str], *, forced: bool = False) -> Guid:
        """Change fields of a card, or accept a draft in other words. They are the person's from now on."""
        return decide.edit(self._store, id, fields, forced=forced)

    def propose(self, key: str, proposal: Proposal, *, accepted: bool = False) -> str:
        """Add a draft that waits, or with `accepted` the card that a person wrote for a passage.

        Returns:
            Its id; "" if the words of a draft were rejected or are a card.
        """
        if accepted:
            return decide.make(self._store, key, proposal)
        return decide.propose(self._store, key, proposal)

    def withdraw(self, id: str) -> None:
        """Drop a draft that waits, as if it had never been proposed."""
        decide.withdraw(self._store, id)

    def skip(self, key: str, why: str = "") -> None:
        """Draft nothing for a highlight any more."""
        decide.skip(self._store, key, why)

    def undo(self, target: str = "", *, as_new: bool = False) -> str:
        """Take back the last decision, an action, or the last decision about a card; see `decide.undo`."""
        return decide.undo(self._store, target, as_new=as_new)

    # --- lists ----------------------------------------------------------------------------------

    def card(self, guid: str) -> Card:
        """Return a card.

        Raises:
            RefusedError: there is none.
        """
        return cards.card_of(self._store, guid)

    def cards(self) -> Iterator[Card]:
        """Yield all cards, live or not."""
        return cards.cards_of(self._store)

    def waiting(self, of: str = "") -> list[Waiting]:
        """Return the drafts that wait, with what is to be said about each, in reading order.

        Args:
            of: the key of a highlight, or the id of a draft; "" = all.
        """
        column = "id" if of.startswith("dr") else "key"
        return drafts.waiting(self._store, *((f"d.{column} = ?", of) if of else ()))

    def questions(self) -> list[Question]:
        """Return what only a person can tell."""
        return questions.open_questions(self._store)

    def highlight(self, key: str) -> Highlight:
        """Return a highlight that was read here.

        Raises:
            RefusedError: there is none.
        """
        return cards.highlight_of(self._store, key)

    def highlights(self, *, of: str = "", saying: str = "") -> Iterator[Highlight]:
        """Yield highlights that were read here, present or not.

        Args:
            of: the key of a passage: all its places.
            saying: a word in them or in their document.
        """
        return cards.places(self._store, of) if of else cards.mentioning(self._store, saying)

    def fates(self, of: str = "") -> Iterator[Fate]:
        """Yield every highlight that is in its source, or the one with this key, with what became of it."""
        return lists.fates(self._store, of)

    def order(self, before: Order | None = None) -> Order:
        """Return what a person has to decide, most useful first; see `lists.Order`.

        `before` is returned if no other program has written since.
        """
        return lists.order(self._store, before)

    def unsent(self) -> int:
        """Return the number of live cards that no package contained yet."""
        return lists.unsent(self._store)

    def find(self, terms: Sequence[Term], *, everything: bool = False) -> list[str]:
        """Return the ids of the cards and drafts that a query means; see `lists.find`."""
        return lists.find(self._store, terms, everything=everything)

    def lines(self, ids: Iterable[str]) -> Iterator[Line]:
        """Yield cards and drafts with their state; an id that is no longer one is left out."""
        return lists.lines(self._store, ids)

    def counts(self) -> dict[str, Counter[str]]:
        """Return the numbers of fates, cards, drafts, and of live cards in Anki; see `lists.counts`."""
        return lists.counts(self._store)

    def search(self, query: str, documents: Sequence[Document] = ()) -> Iterator[Match]:
        """Yield the works that a query, or the document of a file, means; see `search.find`."""
        return search.find(self._store, query, documents, time.time())

    def history(self, of: str = "", *, changes_since: str | None = None) -> list[Done]:
        """Return decisions of the past.

        Args:
            of: a card or passage: all decisions about it, oldest first; "" = the newest decisions
                that stand, newest first.
            changes_since: only the changes of cards by the source, since a time in ISO 8601.
        """
        if changes_since is not None:
            return lists.changes(self._store, changes_since)
        return cards.history(self._store, of) if of else cards.recent(self._store)

    # --- Anki -----------------------------------------------------------------------------------

    def see(
        self,
        notes: Iterable[Seen],
        *,
        complete: bool,
        graves: frozenset[int] | None,
        reviews: Iterable[SeenReview] = (),
    ) -> Viewed:
        """Take note of what is in Anki; see `views.see`."""
        return views.see(self._store, notes, complete=complete, graves=graves, reviews=reviews)

    def to_plan(self, salt: str = "") -> Iterator[tuple[Card, Seen | None]]:
        """Yield the cards for which there may be something to write; see `views.to_plan`."""
        return views.to_plan(self._store, salt)

    def settle(self, guids: Iterable[Guid], salt: str, conflicts: Iterable[Conflict]) -> None:
        """Record for which notes there is nothing to write, and which fields are in conflict."""
        views.settle(self._store, guids, salt, conflicts)

    def shipped(
        self, sent: Iterable[tuple[Guid, int, Sequence[str], str, str, Mapping[str, str]]]
    ) -> int:
        """Record what a package contains, before it replaces the old one; see `views.shipped`."""
        return views.shipped(self._store, sent)

    def adopt(self, notes: Iterable[tuple[Seen, Wording, str, bool]]) -> list[Seen]:
        """Take over notes that no event knows, where their passage is found; return the others."""
        return views.adopt(self._store, notes)

    def notes(self, guid: str = "", *, known: bool = True) -> Iterator[Seen]:
        """Yield our notes as the newest view has them, or the one with this guid.

        With `known=False`, those that no event knows.
        """
        return views.notes(self._store, guid) if known else views.unknown(self._store)

    @property
    def looked(self) -> str:
        """When this machine's Anki was read last, in ISO 8601; "" if never."""
        return self._store.meta("looked")

    def reviews(self) -> Iterator[SeenReview]:
        """Yield the reviews of our cards that were seen."""
        return views.reviews(self._store)

    # --- what other packages store here ---------------------------------------------------------

    def remember(self, name: str, value: str) -> None:
        """Store a value by name: a fact about this database, not a decision."""
        with self._store.transaction():
            self._store.set_meta(f"app {name}", value)

    def recall(self, name: str) -> str:
        """Return the value stored by name; "" if there is none."""
        return self._store.meta(f"app {name}")
