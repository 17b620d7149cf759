"""What the tables of docs/states.md say is what the ledger does, cell by cell, and the code says the same."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ankiforge import review
from ankiforge.anki.notetypes import arranged
from ankiforge.ledger.events import Facts, fold
from ankiforge.ledger.states import (
    ANKI,
    AXES,
    BEFORE,
    CANDIDATE,
    PRESENCE,
    STANDING,
    VERDICT,
    Event,
    set_by,
)
from ankiforge.model import RunId, Standing, Verdict
from tests.unit.ledger import playing
from tests.unit.ledger.playing import check, outcomes, plays

DOC = (Path(__file__).parents[3] / "docs" / "states.md").read_text(encoding="utf-8")


def table_of(axis: str) -> dict[str, dict[str, str]]:
    section = DOC.split(f"\n## {axis}\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() or "·" for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    columns = rows[0][1:]
    told = {
        event: dict(zip(columns, row[1:], strict=True))
        for row in rows[2:]
        for event in row[0].split(", ")
    }
    assert set(told) <= {event.value for event in Event}
    if by_all := re.search(r"^Set by: (\w+)\.$", section, re.MULTILINE):
        told = {event: {**row, "set by": by_all[1]} for event, row in told.items()}
    unchanged = dict.fromkeys((*columns, "set by"), "·")
    return {event.value: told.get(event.value, unchanged) for event in Event}


@pytest.mark.parametrize("axis", AXES)
def test_document_and_code_agree_cell_by_cell(axis):
    expected = {
        event.value: {str(state): AXES[axis][state].get(event, "·") for state in AXES[axis]}
        | {"set by": set_by(axis, event)}
        for event in Event
    }
    assert table_of(axis) == expected


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


CANDIDATE_BY = {"open": ("edit", "edited"), "picked": ("accept",), "passed": ("edit",)}


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


# --- what sets a state ----------------------------------------------------------------------

REACH = {
    "card.verdict": playing.REACH,
    "card.standing": {"live": (), "retired": ("skip",)},
    "candidate": CANDIDATE_BY,
    "card.anki": ANKI_BY,
}
PLAYED = (*playing.PERSON, *playing.SOURCE, *playing.BACK, Event.BUILD, Event.UNDO)


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
    getattr(play, named(event))()
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
