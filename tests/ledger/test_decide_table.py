"""What can be undone, counted and found after decisions, and decisions that no draft waits for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger, cards, decide
from ankiforge.ledger.events import USER, content_to_json
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    CardContent,
    CardKind,
    HighlightKey,
    Origin,
    Proposal,
)
from tests.cards import made
from tests.ledger.test_drafting_table import SENTENCES, Desk

KEY = HighlightKey("vault:v/n0")
TEXT = (("Text", SENTENCES["A"].replace("heart", "{{c1::heart}}")),)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Ledger(tmp_path / "ledger.db", tmp_path, "device") as ledger:
        yield Desk(ledger)


def play(desk: Desk, steps: str) -> None:
    for step in filter(None, steps.split(", ")):
        desk.play(step)


@pytest.mark.parametrize(
    ("before", "after", "is_last"),
    [
        ("n:A", "", True),
        ("n:A, rules A:heart", "", True),
        ("n:A, rules A:heart", "accept heart", False),
        ("n:A, rules A:heart, accept heart", "", True),
        ("n:A, rules A:heart, accept heart", "undo", True),
        ("n:A, rules A:heart", "policy", True),  # no decision of the user's
        ("n:A", "model A:heart", False),
        ("n:A", "model A:heart, undo", True),
        ("n:A, model A:heart", "", True),
        ("n:A, model A:heart", "more A:blood", False),
        ("n:A, model A:heart", "n:B", True),
    ],
)
def test_whether_anything_that_can_be_undone_has_happened_since(
    desk, before, after, is_last
):
    play(desk, before)
    action = decide.find_last_action(desk.ledger)
    play(desk, after)
    assert decide.is_last_action(desk.ledger, action) is is_last


@pytest.mark.parametrize(
    ("steps", "entries", "draft_count", "drafted_count"),
    [
        ("n:A, rules A:heart, accept heart", ["accept"], None, 0),
        ("n:A, rules A:heart, skip A", ["skip"], None, 0),
        ("n:A m:B, rules, model A:heart A:blood B:liver", [], 3, 2),
        ("n:A m:B, rules, model A:heart", [], 1, 2),
        ("n:A, rules, decline", [], 0, 1),
        ("n:A, rules, model A:heart, more A:blood", [], 1, 1),
    ],
)
def test_what_an_undo_tells(desk, steps, entries, draft_count, drafted_count):
    play(desk, steps)
    result = decide.undo_decision(desk.ledger)
    assert [entry.event.kind for entry in result.entries] == entries
    drafts = None if result.drafts is None else len(result.drafts)
    assert (drafts, result.drafted_count) == (draft_count, drafted_count)
    assert result.id.startswith("device." if entries else "drafting.")


def test_the_drafts_and_cards_of_decisions(desk):
    play(desk, "n:A m:C, rules A:heart C:kidneys, accept heart, reject kidneys")
    ledger = desk.ledger
    query = "SELECT id FROM made WHERE id NOT IN (SELECT id FROM draft) ORDER BY id"
    ids = [row["id"] for row in ledger.fetch_rows(query)]
    assert sorted(decide.find_decided_draft_ids(ledger, "dr")) == ids
    assert decide.find_decided_draft_ids(ledger, ids[0][:8]) == ids[:1]
    [rejection] = cards.iter_active_events(ledger, "reject")
    assert decide.find_decided_draft_ids(ledger, "af") == [rejection.body["guid"]]
    assert decide.find_decided_draft_ids(ledger, "x") == []
    [accept] = cards.iter_active_events(ledger, "accept")
    for action in (accept.action_id, rejection.action_id, "x"):
        assert decide.can_undo(ledger, action) is (action != "x")
    # by the GUID that its card would have had
    assert decide.undo_decision(ledger, rejection.body["guid"]).id == rejection.action_id
    assert desk.state().startswith("kidneys C/C")
    with pytest.raises(RefusedError):
        decide.undo_decision(ledger, rejection.body["guid"])


def test_a_proposal_that_was_rejected_closes_nothing_to_a_model(desk):
    play(desk, "n:AB, rules")
    values = {
        "key": KEY,
        "fields": TEXT,
        "quote": SENTENCES["A"],
        "origin": Origin(PROPOSAL_DRAFTER),
    }
    decide.reject_proposal(desk.ledger, made(Proposal, **values))
    passage = desk.ledger.get_passage(KEY)
    assert (passage.rejected_hashes, passage.has_active_decision) == (set(), False)
    play(desk, "model A:heart, accept heart")
    assert desk.state() == "card heart A live by person"
    play(desk, "undo, undo, undo")
    assert not passage.rejected_hashes
    assert not desk.ledger.get_passage(KEY).decisions


def test_when_notes_were_repaired(desk):
    play(desk, "n:A, rules A:heart, accept heart")
    ledger = desk.ledger
    with ledger.transaction():
        ledger.set_meta("anki state", "read")
    decide.record_repair(ledger, "split", 1, desk.find("heart", is_card=True))
    decide.record_repair(ledger, cards.LEFT_AS_IS, 2, "other")
    assert sorted(decide.load_repair_times(ledger)) == [1, 2]
    assert ledger.get_meta("anki state") == "read"
    keys = [event.key for event in cards.iter_active_events(ledger, "repair")]
    assert keys[0] == KEY
    assert keys[1].startswith("anki/")
    decide.undo_decision(ledger)
    assert list(decide.load_repair_times(ledger)) == [1]


def test_new_masks_are_new_text_of_a_figure(desk):
    play(desk, "n:A")
    ledger = desk.ledger
    old, new = (
        f"hide all 0123456789abcdef\n1 .1 .1 {width} .2" for width in (".2", ".3")
    )
    figure = made(
        CardContent, key=KEY, kind=CardKind.OCCLUSION, fields=(("Occlusion", old),)
    )
    with ledger.transaction():
        body = {"guid": "af1", "draft": content_to_json(figure)}
        ledger.record_event("accept", KEY, USER, body)
    for masks, count in ((old, 0), (new, 1), (new, 1)):
        decide.set_masks(ledger, "af1", masks)
        revisions = list(cards.iter_active_events(ledger, "revise"))
        assert len(revisions) == count
    assert cards.load_card(ledger, "af1").get_field("Occlusion") == new
    with pytest.raises(RefusedError):
        decide.set_masks(ledger, "af1", "hide all")
