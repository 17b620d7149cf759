"""Putting a card in its place: what was drawn, what a person makes, what only the journal has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ankiforge.errors import ForgeError
from ankiforge.ledger.cards.choices import Choices
from ankiforge.ledger.cards.forgotten import Forgotten
from ankiforge.ledger.cards.intents import Row, foremost, numbered_as_journalled
from ankiforge.ledger.cards.policy import Policy
from ankiforge.ledger.cards.remembering import Remembering
from ankiforge.ledger.cards.revising import Recorded
from ankiforge.ledger.cards.slots import Slots
from ankiforge.ledger.cards.values import Cards
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.passages.highlights import Highlights
from ankiforge.ledger.passages.keys import content_of
from ankiforge.ledger.writing import PERSON, SOURCE, Writer
from ankiforge.model import (
    CandidateState,
    Checked,
    Guid,
    Highlight,
    HighlightKey,
    RunId,
    guid_for,
)

DeckOf = Callable[[Highlight], str]
"""Where the cards of a highlight go, if nothing else tells."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a card is to be."""

    run: RunId
    highlight: Highlight
    """Of which it is."""
    key: HighlightKey
    """Of the highlight that it was drawn of first, which is in its guid."""
    slot: int
    alone: bool = True
    """Whether it is all there is to choose from."""


class Placer:
    """Makes cards; whether they are new, others have found out."""

    def __init__(
        self,
        connection: Connection,
        writer: Writer,
        decisions: Decisions,
        cards: Cards,
        policy: Policy,
        choices: Choices,
        slots: Slots,
    ) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions
        self._cards = cards
        self._policy = policy
        self._choices = choices
        self._slots = slots
        self._highlights = Highlights(connection, writer)
        self._remembering = Remembering(connection, decisions, cards)

    def put(self, place: Place, row: Row, recorded: Recorded) -> Guid:
        """The card of a slot, and whatever was decided about it before."""
        guid = guid_for(place.key, row[0].draft.kind.family, place.slot)
        self._refuse_equal(guid)
        history = self._decisions.of(guid)
        row = numbered_as_journalled(history, row)
        self._insert(place, guid, row)
        self._cards.link(guid, place.highlight.key, "origin")
        for checked in row:
            state = CandidateState.PICKED if place.alone else CandidateState.OPEN
            self._cards.add_candidate(guid, checked, state)
        self._tell_move(place, guid, foremost(row))
        recorded.guids.append(guid)
        self._remembering.take_up(guid)
        if place.alone and not history:
            home = place.highlight.key
            recorded.flooded += not self.accept(place.run, guid, home, foremost(row))
        return guid

    def _refuse_equal(self, guid: Guid) -> None:
        if self._db.execute("SELECT 1 FROM card WHERE guid = ?", (guid,)).fetchone():
            raise ForgeError(
                f"two cards would have the id {guid}; nothing was written",
                hint="this is a fault of ankiforge: please report it",
            )

    def _insert(self, place: Place, guid: Guid, row: Row) -> None:
        first = foremost(row)
        draft = first.draft
        asked = first.deck if first.deck_asked else ""
        deck = self._policy.deck_for(place.highlight, guid, asked) or first.deck
        lead = row.index(first)
        base = {"kind": draft.kind.value, "fields": to_json(draft.fields)} if lead else None
        self._cards.insert(
            guid, place.key, place.slot, draft, deck=deck, run=place.run, tags=draft.tags, base=base
        )

    def _tell_move(self, place: Place, guid: Guid, first: Checked) -> None:
        home = place.highlight.key
        if self._slots.home_of(guid, place.key) != home:
            family = first.draft.kind.family
            extra = {"from": place.key, "to": home, "family": family, "slot": place.slot}
            self._decisions.change(guid, "move", {}, by=SOURCE, extra=extra)

    def accept(self, run: RunId, guid: Guid, home: HighlightKey, checked: Checked) -> bool:
        """Let policy decide, unless a person decided anything about a card that lives here.

        False if it waits, as one of too many at once.
        """
        here = self._cards.of_highlight(home)
        keys = {card.key for card in here if card.highlight.key == home} - {home}
        if any(self._decisions.person_decided(key) for key in keys):
            return True
        return self._policy.accept(run, guid, home, checked)

    # --- by hand ------------------------------------------------------------------------------

    def make(self, run: RunId, highlight: Highlight, checked: Checked) -> Guid | None:
        """A card of a person's words, within a unit, beside all there are: it revises none.

        None if the highlight was changed meanwhile.
        """
        if not is_unchanged(self._db, highlight):
            return None
        self._leave_to_person(highlight)
        slot = self._slots.for_made(highlight.key, checked.draft)
        return self.put(Place(run, highlight, highlight.key, slot), [checked], Recorded())

    def _leave_to_person(self, highlight: Highlight) -> None:
        """Where there is no card yet, no drafter is to be asked for one any more."""
        self._db.execute(
            "UPDATE highlight SET failed = '', asked = '', drafted = ?, drafter = ?, no_card = ?"
            " WHERE key = ? AND NOT EXISTS (SELECT 1 FROM card_highlight l JOIN card c"
            " ON c.guid = l.guid WHERE l.key = highlight.key"
            " AND c.standing = 'live' AND c.verdict <> 'rejected')",
            (content_of(highlight), PERSON, "nothing was drafted", highlight.key),
        )

    # --- of a ledger that was lost --------------------------------------------------------------

    def bring_back(self, run: RunId, deck: DeckOf) -> int:
        """Cards that a person chose or wrote, and that nothing drawn for a new ledger is: how many."""
        with self._writer.unit():
            return sum(self._put_back(run, one, deck) for one in self._remembering.forgotten())

    def bring_back_made(self, run: RunId, deck: DeckOf) -> int:
        """The same, of what a person made by hand: before anything is drawn, which it is not."""
        with self._writer.unit():
            made = self._remembering.made()
            for key in dict.fromkeys(one.home for one in made):
                highlight = self._highlights.get(key)
                if highlight and self._remembering.is_left_to_person(key):
                    self._leave_to_person(highlight)
            return sum(self._put_back(run, one, deck) for one in made)

    def _put_back(self, run: RunId, one: Forgotten, deck: DeckOf) -> bool:
        highlight = self._highlights.get(one.home)
        if highlight is None:
            return False
        place = Place(run, highlight, one.key, one.slot)
        self._choices.rejoin(
            self.put(place, [Checked(one.draft, deck=deck(highlight))], Recorded())
        )
        return True


def is_unchanged(connection: Connection, highlight: Highlight) -> bool:
    """Whether a highlight says what it did when it was given to be drawn."""
    row = connection.execute("SELECT content FROM highlight WHERE key = ?", (highlight.key,))
    found = row.fetchone()
    return found is not None and found["content"] == content_of(highlight)
