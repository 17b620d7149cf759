"""What the tables of docs/states.md say is what the ledger does, cell by cell: source, person."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from ankiforge.ledger.states import BEFORE, PRESENCE, STANDING, VERDICT, Event
from ankiforge.model import Standing, Verdict


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


@pytest.mark.parametrize(
    ("state", "event"), plays(VERDICT, (*playing.PERSON, *playing.SOURCE, Event.BUILD))
)
def test_verdict(play, state, event):
    for step in playing.REACH[state]:
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
    plays(
        (Standing.LIVE, Standing.RETIRED),
        (*playing.PERSON, *playing.SOURCE, Event.BACK, Event.UNSKIP),
    ),
)
def test_standing(play, state, event):
    if state == Standing.RETIRED:
        play.skip()
    refused = getattr(play, event.value)()
    if state == Standing.RETIRED and event in (Event.SAME, Event.EDITED):
        event = Event.UNSKIP  # a mark found without its skip
    check(STANDING[state].get(event), state, play.card().standing, refused)


@pytest.mark.parametrize(
    ("state", "event"), plays(PRESENCE, (Event.SAME, Event.EDITED, Event.GONE, Event.SKIP))
)
def test_presence(play, state, event):
    for step in playing.PRESENT_BY[state]:
        getattr(play, step)()
    assert play.presence() == state
    getattr(play, event.value)()
    if state == "ignored" and event in (Event.SAME, Event.EDITED):
        event = Event.UNSKIP
    check(PRESENCE[state].get(event), state, play.presence(), None)
