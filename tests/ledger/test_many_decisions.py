"""Many decisions in one action, read ahead, come to the same as each alone."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from ankiforge.check import terms_of
from ankiforge.errors import RefusedError
from ankiforge.ledger import cards, decide, lists, recording
from ankiforge.ledger.events import Passage
from ankiforge.ledger.here import Ahead, PassageHere
from ankiforge.ledger.tables import journaled
from ankiforge.model import Drafted, Finding, Severity, note_id
from tests.ledger.world import World, model_draft

HEART = "The heart pumps blood through the vessels of the body, day and night."
LIVER = "The liver stores sugar and releases it into the blood in between meals."
LUNGS = "The lungs take oxygen from the air and give carbon dioxide to it."
NOTES = {"a.md": (f"=={HEART}==",), "b.md": (f"=={HEART} {LIVER}==",), "c.md": (f"=={LUNGS}==",)}  # fmt: skip
DRAFTS = {
    "pump": ("a", "What does the heart pump?", "blood", HEART),
    "through": ("a", "Through what does the heart pump blood?", "the vessels", HEART),
    "organ": ("b", "Which organ pumps blood?", "the heart", HEART),
    "sugar": ("b", "What does the liver store?", "sugar", LIVER),
    "air": ("c", "From what do the lungs take oxygen?", "the air", LUNGS),
    "oxygen": ("c", "What do the lungs take from the air?", "oxygen", LUNGS),
}


def opened(folder: Path) -> tuple[World, dict[str, str]]:
    """Return three passages, two with one sentence, and the ids of their drafts by name."""
    folder.mkdir()
    world = World(folder)
    world.notes(NOTES)
    world.run(ship=False)
    ledger = world["a"]
    by_note = {
        highlight.document.path[0]: highlight
        for highlight in recording.to_draft(ledger, by_model=True)
    }
    ids = {}
    for name, (note, *words) in DRAFTS.items():
        highlight = by_note[note]
        made = Drafted(highlight, (model_draft(highlight.key, *words),))
        made = recording.record(ledger, [made], terms_of, by_model=True, beside=True)
        [ids[name]] = made.new
    return world, ids


def seen(world: World) -> tuple[object, ...]:
    """Return all that was decided and that waits, and what the journal says of it."""
    ledger = world["a"]
    waiting = ledger.rows("SELECT id, revises, near FROM draft ORDER BY id")
    asked = ledger.rows("SELECT key, drafted = '' FROM highlight ORDER BY key")
    events = list(ledger.each_event("SELECT id, line FROM event ORDER BY n"))
    told = [(event.what, event.key, event.by) for event in events]
    return world.state(), list(map(tuple, waiting)), list(map(tuple, asked)), told


@pytest.mark.parametrize(
    "decisions",
    [
        "accept pump, accept organ, accept sugar, accept air",
        "accept pump, accept through",
        "reject pump, accept sugar, accept organ",
        "accept sugar, reject pump, reject organ, accept oxygen, reject air",
        "edit pump, edit sugar, edit organ, edit air, accept oxygen",
        "another pump, another organ, another through",
        "accept air, skip c, accept oxygen",
        "skip a, accept organ, accept sugar",
        "accept pump, undo pump, accept through, accept sugar",
        "accept pump, accept pump",
    ],
)
def test_in_one_go_as_one_by_one(tmp_path: Path, decisions: str):
    outcomes = []
    for is_ahead in (True, False):
        world, ids = opened(tmp_path / str(is_ahead))
        ledger = world["a"]
        keys = {row["path"][0]: row["key"] for row in ledger.rows(
            "SELECT key, json_extract(body, '$.document.path') AS path FROM highlight"
        )}  # fmt: skip
        chosen = [each.split() for each in decisions.split(", ")]
        names = [keys.get(name) or ids[name] for _, name in chosen]
        acts = iter(act for act, _ in chosen)
        told = []
        with ledger.action():
            each: Iterable[str] = decide.read_ahead(ledger, names) if is_ahead else names
            for id in each:
                try:
                    decided(ledger, next(acts), id)
                except RefusedError as error:
                    told.append(error.message)
        outcomes.append((told, seen(world)))
        world.close()
    assert outcomes[0] == outcomes[1]


def decided(ledger, act, id):
    if act == "accept":
        ledger.accept(id)
    elif act == "another":
        ledger.accept(id, another=True)
    elif act == "edit":
        decide.edit(ledger, id, {"Extra": "mine"})
    elif act == "undo":
        decide.undo(ledger)
    else:
        ledger.reject(id)


def test_what_a_decision_settles_elsewhere_no_longer_waits_in_the_same_go(tmp_path: Path):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    with ledger.action():
        names = ("pump", "organ", "sugar")
        pump, organ, sugar = decide.read_ahead(ledger, [ids[name] for name in names])
        ledger.accept(pump)
        with pytest.raises(RefusedError, match="no longer waits"):
            ledger.accept(organ)
        ledger.accept(sugar)
    assert len(world.live()) == 2
    world.close()


def test_what_waits_is_settled_before_it_is_read_and_before_an_action_ends(
    tmp_path: Path,
):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    with ledger.action():
        ledger.accept(ids["pump"])
        stored = {row["id"] for row in ledger.rows("SELECT id FROM draft")}
        assert stored == {ids[name] for name in ("sugar", "air", "oxygen")}
    world.close()

    world, ids = opened(tmp_path / "b")
    world["a"].accept(ids["pump"])
    world.close()
    database = sqlite3.connect(world.database("a"))  # as nobody asks
    stored = {id for (id,) in database.execute("SELECT id FROM draft")}
    assert stored == {ids[name] for name in ("sugar", "air", "oxygen")}
    database.close()


def test_what_a_person_asked_for_of_a_decided_sentence_waits_on(tmp_path: Path):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    ledger.accept(ids["organ"])
    [highlight] = [
        each for each in cards.highlights_of(ledger, keys_of(world)).values()
        if each.document.path == "b.md"
    ]  # fmt: skip
    again = model_draft(
        highlight.key, "When does the heart pump?", "day and night", HEART
    )
    made = Drafted(highlight, (again,))
    [asked] = recording.record(ledger, [made], terms_of, by_model=True, beside=True).new
    ledger.accept(ids["sugar"])
    assert asked in {draft.id for draft in world.waiting()}
    world.close()


def keys_of(world: World) -> list[str]:
    return [row["key"] for row in world["a"].rows("SELECT key FROM highlight")]


def test_a_note_that_was_deleted_in_anki_is_sent_again_in_one_go_too(tmp_path: Path):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    guids = []
    for name in ("air", "sugar"):
        guids.append(ledger.accept(ids[name]))
        decide.undo(ledger)
    ledger.write("INSERT INTO grave (id) VALUES (?)", note_id(guids[0]))
    with ledger.action():
        for id in decide.read_ahead(ledger, [ids["air"], ids["sugar"]]):
            ledger.accept(id)
    told = [event.body["guid"] for event in journaled.standing_kinds(ledger, "unseen")]
    assert told == guids[:1]
    world.close()


# --- what was read ahead --------------------------------------------------------------------


def ahead() -> Ahead:
    passages = [PassageHere(Passage((key, f"{key} too"))) for key in ("a", "b", "c")]
    names = {"a": {"heart"}, "b": {"heart", "liver"}, "c": {"lungs"}}
    return Ahead(passages, names, (), 5)


@pytest.mark.parametrize(
    ("keys", "names", "before", "after", "left"),
    [
        ((), (), 5, 7, "a b c"),
        (("a",), (), 5, 7, "b c"),
        (("a",), ("heart",), 5, 7, "c"),
        (("b",), ("liver", "lungs"), 5, 7, "a"),
        (("a",), ("kidney",), 5, 7, "b c"),
        # something else was recorded in between
        (("a",), (), 6, 7, ""),
        ((), (), 4, 7, ""),
    ],
)
def test_what_is_left_of_what_was_read_ahead(keys, names, before, after, left):
    read = ahead()
    read.leave_out(keys, names, before, after)
    here = [each for each in "abc" if read.passage_of(f"{each} too", after)]
    assert here == left.split()
    assert not any(read.passage_of(each, after + 1) for each in "abc")
    assert read.passage_of("x", after) is None


def test_what_is_found_later_stands_on_a_draft_until_it_is_found_no_more(tmp_path):
    world, ids = opened(tmp_path / "found")
    ledger, id = world["a"], ids["pump"]
    before = found_in(ledger, id)
    doubt = Finding("doubted", Severity.WARN, "the quote says another thing")
    recording.give_findings(ledger, "doubted", {id: doubt})
    assert found_in(ledger, id) == [*before, "doubted"]
    recording.give_findings(ledger, "doubted", {id: None})
    assert found_in(ledger, id) == before
    world.close()


def found_in(ledger, id: str) -> list[str]:
    """The checks that found something in a draft, as lists of what waits have them."""
    [waiting] = lists.waiting_among(ledger, [id])
    return [finding.check for finding in waiting.findings]


def test_a_highlight_without_a_card_is_drafted_while_its_note_is_written(world):
    world.notes(NOTES)
    world.run(ship=False)
    in_progress = {"in_progress": lambda _: True}
    drafted = list(recording.to_draft(world["a"], by_model=True, **in_progress))
    assert len(drafted) == len(NOTES)
