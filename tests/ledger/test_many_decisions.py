"""Many decisions in one transaction come to the same as each alone."""

import sqlite3
from contextlib import nullcontext
from pathlib import Path

import pytest

from ankiforge.check import compute_search_terms
from ankiforge.errors import RefusedError
from ankiforge.ledger import (
    cards,
    database,
    decide,
    draft_recording,
    item_lists,
    questions,
)
from ankiforge.ledger.event_replay import replay_events
from ankiforge.model import (
    DraftingResult,
    Finding,
    RemarkKind,
    Severity,
    compute_note_id,
)
from tests.ledger.world import World, model_draft

HEART = "The heart pumps blood through the vessels of the body, day and night."
LIVER = "The liver stores sugar and releases it into the blood in between meals."
LUNGS = "The lungs take oxygen from the air and give carbon dioxide to it."
NOTES = {"a.md": (f"=={HEART}==",), "b.md": (f"=={HEART} {LIVER}==",), "c.md": (f"=={LUNGS}==",)}  # fmt: skip
DRAFTS = {
    "pump": ("a", "What does the heart pump?", "blood", HEART),
    "through": ("a", "Through what does the heart pump blood?", "the vessels", HEART),
    "organ": ("b", "What does this organ pump?", "blood", HEART),
    "sugar": ("b", "What does the liver store?", "sugar", LIVER),
    "air": ("c", "From what do the lungs take oxygen?", "the air", LUNGS),
    "oxygen": ("c", "What do the lungs take from the air?", "oxygen", LUNGS),
}


def opened(folder: Path, notes=NOTES, drafts=DRAFTS) -> tuple[World, dict[str, str]]:
    """Return three passages, two with one sentence, and the ids of their drafts by name."""
    folder.mkdir()
    world = World(folder)
    world.notes(notes)
    world.run(ship=False)
    ledger = world["a"]
    by_note = {
        highlight.document.path[0]: highlight
        for highlight in draft_recording.iter_highlights_to_draft(ledger, by_model=True)
    }
    ids = {}
    for name, (note, *words) in drafts.items():
        highlight = by_note[note]
        made = DraftingResult(highlight, (model_draft(highlight.key, *words),))
        made = draft_recording.record_drafts(
            ledger, [made], compute_search_terms, by_model=True, keeps_pending=True
        )
        [ids[name]] = made.new_draft_ids
    return world, ids


def seen(world: World) -> tuple[object, ...]:
    """Return all that was decided and that waits, and what the journal says of it."""
    ledger = world["a"]
    waiting = ledger.fetch_rows("SELECT id, revises, near FROM draft ORDER BY id")
    asked = ledger.fetch_rows("SELECT key, drafted = '' FROM highlight ORDER BY key")
    events = list(ledger.iter_events("SELECT id, line FROM event ORDER BY n"))
    told = [(event.kind, event.key, event.author) for event in events]
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
        "accept pump, accept air, accept organ, accept sugar, accept oxygen",
    ],
)
def test_in_one_go_as_one_by_one(tmp_path: Path, monkeypatch, decisions: str):
    monkeypatch.setattr(database, "BATCH_SIZE", 2)
    outcomes = []
    for at_once in (True, False):
        world, ids = opened(tmp_path / str(at_once))
        ledger = world["a"]
        keys = {row["path"][0]: row["key"] for row in ledger.fetch_rows(
            "SELECT key, json_extract(body, '$.document.path') AS path FROM highlight"
        )}  # fmt: skip
        chosen = [each.split() for each in decisions.split(", ")]
        names = [keys.get(name) or ids[name] for _, name in chosen]
        told = []
        with ledger.transaction() if at_once else nullcontext():
            batches = decide.DraftBatches(ledger, names) if at_once else None
            for (act, _), id in zip(chosen, names, strict=True):
                try:
                    decided(ledger, act, id, batches)
                except RefusedError as error:
                    told.append(error.message)
        for key in keys.values():
            events = ledger.load_events([key])
            assert ledger.get_passage(key) == replay_events((key,), events)
        outcomes.append((told, seen(world)))
        world.close()
    assert outcomes[0] == outcomes[1]


def decided(ledger, act, id, batches):
    if act == "accept":
        ledger.accept(id, batches=batches)
    elif act == "another":
        ledger.accept(id, another=True, batches=batches)
    elif act == "edit":
        decide.edit_item(ledger, id, {"Extra": "mine"})
    elif act == "undo":
        decide.undo_decision(ledger)
    else:
        ledger.reject(id)


def test_what_a_decision_settles_elsewhere_no_longer_waits_in_the_same_go(tmp_path: Path):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    with ledger.action():
        names = ("pump", "organ", "sugar")
        pump, organ, sugar = (ids[name] for name in names)
        ledger.accept(pump)
        with pytest.raises(RefusedError, match="is no longer waiting"):
            ledger.accept(organ)
        ledger.accept(sugar)
    assert len(world.live()) == 2
    world.close()


def test_a_draft_of_a_short_sentence_waits_no_longer_in_the_same_go_either(tmp_path):
    notes = {"d.md": ("==Ice floats.==",)}
    drafts = {
        "ice": ("d", "What floats?", "ice", "Ice floats."),
        "solid": ("d", "Which solid floats?", "ice", "Ice floats."),
    }
    world, ids = opened(tmp_path / "a", notes, drafts)
    ledger = world["a"]
    with ledger.action():
        batches = decide.DraftBatches(ledger, ids.values())
        ledger.accept(ids["ice"], batches=batches)
        with pytest.raises(RefusedError, match="is no longer waiting"):
            ledger.accept(ids["solid"], batches=batches)
    world.close()


def test_of_equal_cards_of_one_batch_the_policy_accepts_the_first(tmp_path):
    world = World(tmp_path)
    world.notes({"a.md": ("Katze:::cat",), "b.md": ("**Katze**:::cat",)})
    world.run(ship=False)
    assert len(world.live()) == 1
    [waiting] = world.waiting()
    assert [remark.kind for remark in waiting.remarks] == [RemarkKind.EQUAL_CARD]

    ledger = world["a"]
    ledger.accept(waiting.id)  # who accepts it knows that it is another card
    assert len(world.live()) == 2
    assert questions.find_open_questions(ledger) == []
    world.close()


def test_what_was_rejected_waits_although_the_policy_accepts_other_cards_before_it(
    tmp_path,
):
    world = World(tmp_path)
    world.notes({"a.md": ("Hund:::dog",)})
    world.run(ship=False)
    for card in world.live():
        world["a"].reject(card)
    insulin = "Insulin is made by the {}pancreas{} of the {}body{} each and every day."
    world.notes(
        {
            "a.md": ("Hund:::dog",),
            "b.md": (insulin.format("{{c1::", "}}", "", ""),),
            "c.md": (insulin.format("", "", "{{c1::", "}}"),),
            "d.md": ("**Hund**:::dog",),
        }
    )
    world.run(ship=False)
    assert "Hund" in str([dict(each.fields) for each in world.waiting()])
    world.close()


def test_what_waits_is_settled_before_it_is_read_and_before_an_action_ends(
    tmp_path: Path,
):
    waits_on = (
        "through",
        "sugar",
        "air",
        "oxygen",
    )  # of the decided sentence: another answer
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    with ledger.action():
        ledger.accept(ids["pump"])
        stored = {row["id"] for row in ledger.fetch_rows("SELECT id FROM draft")}
        assert stored == {ids[name] for name in waits_on}
    world.close()

    world, ids = opened(tmp_path / "b")
    world["a"].accept(ids["pump"])
    world.close()
    database = sqlite3.connect(world.database("a"))  # as nobody asks
    stored = {id for (id,) in database.execute("SELECT id FROM draft")}
    assert stored == {ids[name] for name in waits_on}
    database.close()


def test_what_a_person_asked_for_of_a_decided_sentence_waits_on(tmp_path: Path):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    ledger.accept(ids["organ"])
    [highlight] = [
        each for each in cards.load_highlights(ledger, keys_of(world)).values()
        if each.document.path == "b.md"
    ]  # fmt: skip
    again = model_draft(
        highlight.key, "When does the heart pump?", "day and night", HEART
    )
    made = DraftingResult(highlight, (again,))
    [asked] = draft_recording.record_drafts(
        ledger, [made], compute_search_terms, by_model=True, keeps_pending=True
    ).new_draft_ids
    ledger.accept(ids["sugar"])
    assert asked in {draft.id for draft in world.waiting()}
    world.close()


def keys_of(world: World) -> list[str]:
    return [row["key"] for row in world["a"].fetch_rows("SELECT key FROM highlight")]


def test_a_note_that_was_deleted_in_anki_is_sent_again_in_one_go_too(tmp_path: Path):
    world, ids = opened(tmp_path / "a")
    ledger = world["a"]
    guids = []
    for name in ("air", "sugar"):
        guids.append(ledger.accept(ids[name]))
        decide.undo_decision(ledger)
    ledger.execute("INSERT INTO grave (id) VALUES (?)", compute_note_id(guids[0]))
    with ledger.action():
        for name in ("air", "sugar"):
            ledger.accept(ids[name])
    told = [event.body["guid"] for event in cards.iter_active_events(ledger, "unseen")]
    assert told == guids[:1]
    world.close()


def test_what_is_found_later_stands_on_a_draft_until_it_is_found_no_more(tmp_path):
    world, ids = opened(tmp_path / "found")
    ledger, id = world["a"], ids["pump"]
    before = found_in(ledger, id)
    doubt = Finding("doubted", Severity.WARN, "the quote says another thing")
    draft_recording.replace_findings(ledger, "doubted", {id: doubt})
    assert found_in(ledger, id) == [*before, "doubted"]
    draft_recording.replace_findings(ledger, "doubted", {id: None})
    assert found_in(ledger, id) == before
    world.close()


def found_in(ledger, id: str) -> list[str]:
    """The checks that found something in a draft, as lists of what waits have them."""
    [waiting] = item_lists.load_pending_drafts(ledger, [id])
    return [finding.check for finding in waiting.findings]
