"""What docs/states.md says sets a card's state, does: the fold of new events, a view, or a build."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ankiforge.ledger.events import Facts, fold
from ankiforge.ledger.states import AXES, Event, set_by


def _playing():
    """`playing.py`, which lies beside."""
    name = "ledger_playing"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("playing.py"))
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


playing = _playing()
REACH = {
    "card.verdict": playing.REACH,
    "card.standing": {"live": (), "retired": ("skip",)},
    "candidate": {"open": ("accept", "edited"), "picked": ("accept",), "passed": ("edit",)},
    "card.anki": {
        "none": (),
        "written": ("build",),
        "seen": ("build", "view_same"),
        "held": ("build", "view_same", "held"),
        "missing": ("build", "view_same", "view_absent"),
        "tombstone": ("build", "view_same", "deleted"),
    },
}
PLAYED = (*playing.PERSON, *playing.SOURCE, *playing.BACK, Event.BUILD, Event.UNDO)


@pytest.fixture
def play(bench):
    return playing.Play(bench)


def facts_of(play) -> Facts:
    [facts] = [one for one in play.bench.ledger.cards.facts(play.guid) if one.guid == play.guid]
    return facts


def folded(facts: Facts, axis: str):
    state = fold([facts])[facts.guid]
    return state.letters if axis == "candidate" else state.columns[axis.partition(".")[2]]


@pytest.mark.parametrize(
    ("axis", "state", "event"),
    [
        pytest.param(axis, state, event, id=f"{axis}-{state}-{event.value}")
        for axis, reach in REACH.items()
        for state in reach
        for event in PLAYED
        if event in AXES[axis][state] and AXES[axis][state][event] != "refused"
    ],
)
def test_what_sets_the_state(play, axis, state, event):
    for step in REACH[axis][state]:
        getattr(play, step)()
    before = facts_of(play)
    getattr(play, event.value.replace(" ", "_").replace("-", "_"))()
    after = facts_of(play)
    now = folded(after, axis)
    assert axis == "candidate" or now == getattr(play.card(), axis.partition(".")[2])
    if now == folded(before, axis):
        return  # a cell with several outcomes, of which one is no change

    by_events = replace(after, seen=before.seen, seen_after=before.seen_after)
    by_what_was_seen = replace(before, seen=after.seen, seen_after=after.seen_after)
    setters = set()
    if folded(by_events, axis) == now:
        setters.add("fold")
    if folded(by_what_was_seen, axis) == now:
        setters |= {"view", "build"}
    assert setters & set(set_by(axis, event).split(" · ")), setters


def test_no_event_sets_a_presence_but_those_of_a_person(play):
    """Ingest stores it; a person's skip, and its undo, are events that ingest applies."""
    ledger = play.bench.ledger
    for step, presence in (("gone", "missing-once"), ("back", "present"), ("skip", "ignored")):
        getattr(play, step)()
        assert play.presence() == presence
        assert ledger.decisions.of(play.key) == []
    for event in Event:
        changes = any(event in row for row in AXES["highlight.presence"].values())
        assert set_by("highlight.presence", event) == ("presence" if changes else "·")
    assert all(set_by("card.verdict", event) in ("fold", "·") for event in Event)
