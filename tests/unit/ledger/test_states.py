"""What the tables of docs/states.md say is what the ledger does, cell by cell.

Played are the events that exist today: those of the source, the drafter, a person and a build.
A view of Anki has no player yet.
"""

from __future__ import annotations

import pytest

from ankiforge import review
from ankiforge.domain import RunId, Standing, Verdict
from ankiforge.errors import RefusedError
from ankiforge.ledger.packages import Shipment
from ankiforge.ledger.states import ANKI, BEFORE, PRESENCE, REFUSED, STANDING, VERDICT, Event
from ankiforge.review import Choice

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."


class Play:
    """One highlight with one card, and every event that can happen to it."""

    def __init__(self, bench) -> None:
        bench.accept = False
        self.bench = bench
        self.mark = bench.mark(WORDS)
        run, _ = bench.read({"a.md": [self.mark]})
        [self.guid] = bench.forge(run)
        self.key = self.card().key

    def card(self):
        return self.bench.ledger.cards.get(self.guid)

    def presence(self) -> str:
        return self.bench.ledger._db.execute(
            "SELECT presence FROM highlight WHERE key = ?", (self.key,)
        ).fetchone()["presence"]

    def reads(self, *marks) -> None:
        self.bench.clock.pass_seconds(6)
        run, _ = self.bench.read({"a.md": list(marks)} if marks else {})
        self.bench.forge(run)

    def decides(self, how, *more) -> str:
        """A decision on the card; what was refused."""
        [done] = how(self.bench.ledger, [Choice(self.card())], *more)
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
            review.edit(self.bench.ledger, Choice(self.card()), mine, lambda *_: ())
        except RefusedError as error:
            return error.message
        return ""

    def undo(self):
        try:
            review.undo(self.bench.ledger)
        except RefusedError as error:
            return error.message
        return ""

    def build(self):
        shipment = Shipment(self.guid, 0, 1, (), ("x",), (), "Deck")
        self.bench.ledger.packages.ship(RunId("r"), "p", [shipment])


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


@pytest.fixture
def play(bench) -> Play:
    return Play(bench)


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
REACH = {
    "pending": (),
    "accepted": ("accept",),
    "rejected": ("reject",),
}


@pytest.mark.parametrize(("state", "event"), plays(VERDICT, (*PERSON, *SOURCE, Event.BUILD)))
def test_verdict(play, state, event):
    for step in REACH[state]:
        getattr(play, step)()
    refused = getattr(play, event.value)()
    check(VERDICT[state].get(event), state, play.card().verdict, refused)


@pytest.mark.parametrize(
    ("steps", "before"),
    [(("reject", "restore"), "rejected"), (("accept",), "pending"), (("reject",), "pending")],
)
def test_undo_brings_the_verdict_back_that_was_before(play, steps, before):
    for step in steps:
        getattr(play, step)()
    assert VERDICT[play.card().verdict][Event.UNDO] == BEFORE
    play.undo()
    assert play.card().verdict == Verdict(before)


@pytest.mark.parametrize(
    ("state", "event"),
    plays((Standing.LIVE, Standing.RETIRED), (*PERSON, *SOURCE, Event.BACK, Event.UNSKIP)),
)
def test_standing(play, state, event):
    if state == Standing.RETIRED:
        play.skip()
    refused = getattr(play, event.value)()
    if state == Standing.RETIRED and event in (Event.SAME, Event.EDITED):
        event = Event.UNSKIP  # a mark found without its skip
    check(STANDING[state].get(event), state, play.card().standing, refused)


PRESENT_BY = {
    "present": (),
    "missing-once": ("gone",),
    "gone": ("gone", "gone"),
    "ignored": ("skip",),
}


@pytest.mark.parametrize(
    ("state", "event"), plays(PRESENCE, (Event.SAME, Event.EDITED, Event.GONE, Event.SKIP))
)
def test_presence(play, state, event):
    for step in PRESENT_BY[state]:
        getattr(play, step)()
    assert play.presence() == state
    getattr(play, event.value)()
    if state == "ignored" and event in (Event.SAME, Event.EDITED):
        event = Event.UNSKIP
    check(PRESENCE[state].get(event), state, play.presence(), None)


@pytest.mark.parametrize("event", [Event.BUILD, *PERSON, *SOURCE])
def test_anki_before_any_view(play, event):
    getattr(play, event.value)()
    check(ANKI["none"].get(event), "none", play.card().anki, None)
