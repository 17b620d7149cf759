"""What the tables of docs/states.md say of Anki is what the ledger does: every view is played."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from ankiforge import review
from ankiforge.anki.notetypes import arranged
from ankiforge.ledger.states import ANKI, BEFORE, CANDIDATE, PRESENCE, STANDING, VERDICT, Event
from ankiforge.model import RunId, Standing, Verdict


def _playing():
    """`playing.py`, which lies beside."""
    name = "ledger_playing"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("playing.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


playing = _playing()
check, outcomes, plays = playing.check, playing.outcomes, playing.plays


@pytest.fixture
def play(bench):
    return playing.Play(bench)


# --- Anki -----------------------------------------------------------------------------------


ANKI_BY = {
    "none": (),
    "written": ("build",),
    "seen": ("build", "view_same"),
    "held": ("build", "view_same", "held"),
    "missing": ("build", "view_same", "view_absent"),
    "tombstone": ("build", "view_same", "deleted"),
}


def play_anki(play, state: str) -> None:
    for step in ANKI_BY[state]:
        getattr(play, step)()
    assert play.card().anki == state


def named(event: Event) -> str:
    """The method that plays an event."""
    return event.value.replace(" ", "_").replace("-", "_")


@pytest.mark.parametrize(
    ("state", "event"), plays(ANKI, (*playing.PERSON, *playing.SOURCE, *playing.BACK, Event.BUILD))
)
def test_anki(play, state, event):
    play_anki(play, state)
    if event is Event.CONFIRM_DELETIONS and state != "missing":
        assert play.bench.ledger.views.deletions.confirm(0) == 0
    else:
        getattr(play, named(event))()
    check(ANKI[state].get(event), state, play.card().anki, None)


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        ("seen", "deleted", "tombstone"),
        ("seen", "view_absent", "missing"),
        ("seen", "bound_anew", "written"),
        ("held", "deleted", "tombstone"),
        ("held", "bound_anew", "written"),
        ("missing", "view_absent", "missing"),
        ("missing", "deleted", "tombstone"),
        ("missing", "later", "tombstone"),
        ("missing", "bound_anew", "written"),
    ],
)
def test_each_outcome_of_an_absence(play, state, event, after):
    play_anki(play, state)
    getattr(play, event)()
    assert play.card().anki == after
    assert after in outcomes(ANKI[state][Event.VIEW_ABSENT])


def test_what_lay_in_packages_with_a_note_that_was_seen_is_missing(play):
    play.build()
    play.sees()
    assert play.card().anki == "missing"


def test_what_nobody_imported_is_not_missing(play):
    """A note beside it was seen, but as a later package brought it, without this one."""
    play.build()
    ledger = play.bench.ledger
    ledger.packages.ship(RunId("s"), "q", [playing.shipped(ledger.cards.get(play.other), 2)])
    view = play.look()
    view.shown = [playing.in_anki(ledger.cards.get(play.other), 2)]
    ledger.views.record(view, lambda note: arranged(note, {one.id: one for one in view.types}))
    assert ledger.cards.get(play.other).anki == "seen"
    assert play.card().anki == "written"


def test_a_build_holds_what_is_not_to_be_changed_and_lets_go_again(play):
    for step in ("accept", "build", "view_same", "edit"):
        getattr(play, step)()
    play.sees(play.note(2, tags=("marked",), fields=play.first))
    play.build()
    assert (play.card().anki, play.card().anki_why.split()[3]) == ("held", "marked,")
    play.bench.ledger.views.hold(play.guid, "it was being edited")
    play.sees(play.note(3, fields=play.first))
    play.build()
    assert play.card().anki == "seen"
    assert outcomes(ANKI["seen"][Event.BUILD]) == {"held", "seen"}


@pytest.mark.parametrize(
    ("state", "step"),
    [("missing", "restore"), ("tombstone", "restore"), ("missing", "confirm_deletions"),
     ("held", "resolve")],
)  # fmt: skip
def test_undo_brings_back_what_was_known_of_anki(play, state, step):
    play_anki(play, state)
    getattr(play, step)()
    assert play.card().anki != state
    assert ANKI[play.card().anki][Event.UNDO] == BEFORE
    play.undo()
    assert play.card().anki == state


@pytest.mark.parametrize("state", ["missing", "tombstone"])
def test_what_a_view_decided_is_taken_back_by_its_id(play, state):
    play_anki(play, state)
    decided = next(d for d in play.bench.ledger.decisions.of(play.guid) if d.what == state)
    review.undo(play.bench.ledger, decided.action)
    assert play.card().anki == "seen"


# --- views and the other axes ---------------------------------------------------------------


@pytest.mark.parametrize(("state", "event"), plays(VERDICT, playing.VIEWS))
def test_a_view_and_the_verdict(play, state, event):
    for step in playing.REACH[state]:
        getattr(play, step)()
    getattr(play, named(event))()
    check(VERDICT[state].get(event), state, play.card().verdict, None)


def test_a_card_of_ours_that_is_in_anki_but_not_by_us_is_accepted(play):
    play.recover()
    assert play.card().verdict in outcomes(VERDICT[Verdict.PENDING][Event.RECOVER])


def test_a_card_that_was_shipped_from_here_waits_on(play):
    play.build()
    play.recover()
    assert (play.card().anki, play.card().verdict) == ("seen", "pending")


@pytest.mark.parametrize(
    ("state", "event"), plays((Standing.LIVE, Standing.RETIRED), (*playing.VIEWS, Event.RECOVER))
)
def test_a_view_and_the_standing(play, state, event):
    if state == Standing.RETIRED:
        play.skip()
    getattr(play, named(event))()
    check(STANDING[state].get(event), state, play.card().standing, None)


@pytest.mark.parametrize(("state", "event"), plays(PRESENCE, (*playing.VIEWS, Event.RECOVER)))
def test_a_view_and_the_presence(play, state, event):
    for step in playing.PRESENT_BY[state]:
        getattr(play, step)()
    getattr(play, named(event))()
    check(PRESENCE[state].get(event), state, play.presence(), None)


CANDIDATE_BY = {"open": ("accept", "edited"), "picked": ("accept",), "passed": ("edit",)}


@pytest.mark.parametrize(
    ("state", "event"),
    plays(CANDIDATE, (*playing.VIEWS, Event.RESOLVE, Event.RECOVER, Event.BUILD)),
)
def test_anki_and_the_candidate(play, state, event):
    for step in CANDIDATE_BY[state]:
        getattr(play, step)()
    if event is Event.RESOLVE:
        play_anki(play, "held")
    [at] = [n for n, one in enumerate(play.card().candidates) if one.state == state]
    getattr(play, named(event))()
    check(CANDIDATE[state].get(event), state, play.card().candidates[at].state, None)
