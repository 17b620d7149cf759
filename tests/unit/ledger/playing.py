"""One card that every event of docs/states.md can happen to; and the cells it is held against."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from ankiforge import review, sync
from ankiforge.anki.identity import parse_identity
from ankiforge.anki.merge import Conflict
from ankiforge.anki.notetypes import arranged, note_type, our_type
from ankiforge.config.deckfiles import DeckRule
from ankiforge.errors import RefusedError
from ankiforge.ledger.states import REFUSED, Event
from ankiforge.model import (
    Calendar,
    Card,
    Family,
    RunId,
    SeenCard,
    SeenNote,
    SeenReview,
    SeenType,
    Shipment,
    ViewKind,
    card_id,
    note_id,
)
from ankiforge.review import Target
from samples.anki_notes import note_for

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."


@dataclass
class Look:
    """What a look at the live collection shows."""

    shown: list[SeenNote]
    taken_at: float
    dead: frozenset[int] = frozenset()
    kind: ViewKind = ViewKind.COLLECTION
    path: str = "/anki/User 1/collection.anki2"
    profile: str = "User 1"
    complete: bool = True
    created: int = 1
    calendar: Calendar = field(default_factory=lambda: Calendar(1))
    newest_review: int = 0
    types: tuple[SeenType, ...] = field(default_factory=lambda: tuple(map(our_type, Family)))

    def notes(self) -> Iterator[SeenNote]:
        yield from sorted(self.shown, key=lambda note: note.guid)

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        yield from ()

    def review_ids(self, until: int) -> Iterator[int]:
        yield from ()

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        yield from ()

    def graves(self) -> frozenset[int]:
        return self.dead

    def note_ids(self) -> None:
        return None

    def foreign(self, known: Mapping[int, int]) -> None:
        return None

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        return frozenset()


def in_anki(card: Card, mod: int, **more: object) -> SeenNote:
    """A card's note as it stands in Anki."""
    note = note_for(card, "Deck", mod)
    there = SeenCard(card_id(card.guid, 0), 0, "Deck", 0, 0, 0, 0, 0, 0, 0, 0)
    identity = parse_identity(dict(zip(note_type(card.family).fields, note.fields, strict=True))
                              ["AnkiforgeId"])  # fmt: skip
    type_id = note_type(card.family).id
    base = SeenNote(
        card.guid, note_id(card.guid), mod, type_id, (), note.fields, (there,), identity
    )
    return replace(base, **more)


def shipped(card: Card, mod: int) -> Shipment:
    """A revision of a card that is new."""
    return Shipment(card.guid, 0, mod, card.fields, note_for(card, "Deck", mod).fields, (), "Deck")


class Play:
    """One highlight with one card, and every event that can happen to it.

    Beside it stands another card, to which nothing ever happens.
    """

    def __init__(self, bench) -> None:
        bench.accept = False
        self.bench = bench
        self.mark = bench.mark(WORDS)
        self.beside = bench.mark("Diffusion needs no membrane at all, and no energy of the cell.")
        run, _ = bench.read({"a.md": [self.mark], "b.md": [self.beside]})
        made = {
            self.bench.ledger.cards.get(guid).highlight.exact: guid for guid in bench.forge(run)
        }
        self.guid, self.other = made[WORDS], made[self.beside.exact]
        self.key = self.card().key
        self.first = note_for(self.card(), "Deck", 1).fields

    def card(self):
        return self.bench.ledger.cards.get(self.guid)

    def presence(self) -> str:
        return self.bench.ledger._db.execute(
            "SELECT presence FROM highlight WHERE key = ?", (self.key,)
        ).fetchone()["presence"]

    def reads(self, *marks) -> None:
        self.bench.clock.pass_seconds(6)
        notes = {"a.md": list(marks)} if marks else {}
        run, _ = self.bench.read({**notes, "b.md": [self.beside]})
        self.bench.forge(run)

    def decides(self, how, *more) -> str:
        """A decision on the card; what was refused."""
        [done] = how(self.bench.ledger, [Target(self.card())], *more)
        return done.refused

    # --- events -------------------------------------------------------------------------

    def same(self):
        self.reads(self.mark)

    def edited(self):
        self.reads(self.bench.mark(f"{WORDS} Indeed."))

    def gone(self):
        self.reads()

    back = same

    def skip(self):
        self.reads(self.bench.mark(WORDS, skip="skip"))

    unskip = same

    def accept(self):
        return self.decides(review.accept)

    def pick(self):
        return self.decides(review.pick)

    def reject(self):
        return self.decides(review.reject)

    def restore(self):
        return self.decides(review.restore)

    def edit(self):
        try:
            mine = (("Front", "mine"), ("Back", "too"))
            review.edit(self.bench.ledger, Target(self.card()), mine, lambda *_: ())
        except RefusedError as error:
            return error.message
        return ""

    def undo(self):
        try:
            review.undo(self.bench.ledger)
        except RefusedError as error:
            return error.message
        return ""

    def resolve(self):
        conflicts = (Conflict("Back", "a", "b", "c"),) if self.card().anki == "held" else ()
        choice = Target(self.card())
        found = {self.guid: conflicts}
        [done] = review.resolve(self.bench.ledger, [choice], found, mine=True)
        return done.refused

    def confirm_deletions(self):
        ledger = self.bench.ledger
        return ledger.views.deletions.confirm(ledger.views.count("missing")) and ""

    def build(self):
        """Into the first package; what Anki has is compared with it."""
        ledger = self.bench.ledger
        if self.card().anki != "none":
            sync.plan_cards(ledger, [self.card()], DECKS)
            return
        both = [shipped(ledger.cards.get(guid), 1) for guid in (self.guid, self.other)]
        ledger.packages.ship(RunId("r"), "p", both)

    # --- views --------------------------------------------------------------------------

    def look(self, *notes: SeenNote, seconds: float = 60, **more: object) -> Look:
        """A look at Anki, later; the other card's note is there if it was ever shipped."""
        self.bench.clock.pass_seconds(seconds)
        ledger = self.bench.ledger
        there = (
            [in_anki(ledger.cards.get(self.other), 1)] if ledger.packages.last(self.other) else []
        )
        return Look([*there, *notes], self.bench.clock().timestamp(), **more)

    def sees(self, *notes: SeenNote, bind: bool = False, **more: object) -> None:
        view = self.look(*notes, **more)
        types = {one.id: one for one in view.types}
        self.bench.ledger.views.record(view, lambda note: arranged(note, types), bind=bind)

    def note(self, mod: int = 1, **more: object) -> SeenNote:
        return in_anki(self.card(), mod, **more)

    def view_same(self):
        self.sees(self.note())

    view_back = view_same

    def view_edited(self):
        words = self.note().fields
        now = int(self.bench.clock().timestamp())
        self.sees(self.note(now, fields=("other words", *words[1:])))

    def view_retagged(self):
        now = int(self.bench.clock().timestamp())
        self.sees(self.note(now, tags=("mine",)))

    def view_moved(self):
        [card] = self.note().cards
        self.sees(self.note(cards=(replace(card, deck="Elsewhere"),)))

    def view_type_changed(self):
        self.sees(self.note(type_id=12345))

    def view_absent(self):
        self.sees()

    def deleted(self):
        """Absent, with a grave."""
        self.sees(dead=frozenset({note_id(self.guid)}))

    def bound_anew(self):
        """Absent, in what a person says is the present."""
        self.sees(bind=True)

    def later(self):
        """Absent, ten minutes on."""
        self.sees(seconds=600)

    def held(self):
        self.bench.ledger.views.hold(self.guid, "conflict: Back")

    def recover(self):
        view = self.look(self.note())
        sync.record_view(view, self.bench.ledger)


DECKS = (DeckRule(deck="Deck"),)


def outcomes(cell: str) -> set[str]:
    """Every outcome a cell allows, without its conditions and reasons."""
    parts = (part.split(" [")[0].split(" (")[0] for part in cell.split(" · "))
    return {part.strip() for part in parts}


def plays(table, events):
    return [
        pytest.param(str(state), event, id=f"{event.value}-{state}")
        for state in table
        for event in events
    ]


def check(cell: str | None, before: str, after: str, refused: str | None) -> None:
    if cell is None:
        assert after == before
        return
    allowed = outcomes(cell)
    if refused:
        assert REFUSED in allowed, refused
        assert after == before
    else:
        assert after in allowed - {REFUSED}


PERSON = (Event.ACCEPT, Event.PICK, Event.REJECT, Event.EDIT, Event.RESTORE)
SOURCE = (Event.SAME, Event.EDITED, Event.GONE, Event.SKIP)
VIEWS = tuple(event for event in Event if event.value.startswith("view "))
BACK = (*VIEWS, Event.RECOVER, Event.RESOLVE, Event.CONFIRM_DELETIONS)
REACH = {
    "pending": (),
    "accepted": ("accept",),
    "rejected": ("reject",),
}


PRESENT_BY = {
    "present": (),
    "missing-once": ("gone",),
    "gone": ("gone", "gone"),
    "ignored": ("skip",),
}
