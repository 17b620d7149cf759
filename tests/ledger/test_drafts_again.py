"""Pending drafts after a drafting is undone, and after decisions arrive from another device."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.check import compute_search_terms
from ankiforge.config import Config
from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.errors import RefusedError
from ankiforge.ledger import decide, draft_recording
from ankiforge.ledger.cards import load_highlight
from ankiforge.ledger.pending_items import iter_highlight_outcomes
from ankiforge.model import CardKind, DraftingResult, DraftingStatus
from ankiforge.pipeline.draft import draft_pending_highlights
from ankiforge.pipeline.run_result import RunParameters
from tests.ledger.world import World, by_rules, model_draft

KREBS = "The ==Krebs cycle== takes place in the matrix of the mitochondrion."
QUARTZ = "What is the quartz of Tunis?::The stone number 615"
PROOF = "What is the proof?::By counting the cosets of the subgroup, all of equal size."
YONEDA = (
    "What is the proof?::By naturality everything is fixed by one element of the set."
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def draft_again(world: World, key: str) -> None:
    folder = WorkspaceDirectory(world.root, Config(), world.root)
    job = RunParameters(
        by_rules, world.rules, folder.pictures_directory, redrafted=frozenset([key])
    )
    list(draft_pending_highlights(job, world["a"]))


def draft_model(
    world: World,
    result: DraftingResult,
    *,
    keeps_pending: bool = False,
    is_undoable: bool = False,
) -> None:
    """Record what a model drafts."""
    ledger = world["a"]
    drafting = draft_recording.make_drafting_id(ledger) if is_undoable else ""
    draft_recording.record_drafts(
        ledger,
        [result],
        compute_search_terms,
        by_model=True,
        keeps_pending=keeps_pending,
        drafting_id=drafting,
    )


def test_undoing_a_drafting_keeps_the_drafts_that_waited_before(world: World):
    world.note("n.md", KREBS, QUARTZ)
    world.run(accepts=lambda draft: False)
    before = world.waiting()
    key = next(draft.key for draft in before if "Krebs" in str(draft.fields))
    draft_again(world, key)
    assert world.waiting() == before
    with pytest.raises(RefusedError, match="nothing to undo"):
        decide.undo_decision(world["a"])
    assert world.waiting() == before


def test_a_drafting_without_a_new_draft_is_not_what_undo_takes_back(world: World):
    world.note("n.md", KREBS, QUARTZ)
    world.run(accepts=lambda draft: False)
    first, second = world.waiting()
    world["a"].accept(first.id)
    draft_again(world, second.key)
    decide.undo_decision(world["a"])
    assert [draft.id for draft in world.waiting()] == [first.id, second.id]


def test_a_drafting_without_a_new_draft_changes_no_reason(world: World):
    world.note("n.md", "==The Suez Canal was opened in 1869.==")
    world.run()
    [outcome] = iter_highlight_outcomes(world["a"])
    declined = DraftingResult(
        outcome.highlight,
        status=DraftingStatus.NO_CARD,
        reason="only a date",
        is_declined=True,
    )
    draft_model(world, declined)
    draft_again(world, outcome.highlight.key)
    assert [each.reason for each in iter_highlight_outcomes(world["a"])] == [
        "only a date"
    ]


def test_undoing_a_drafting_without_a_card_restores_the_reason_before(world: World):
    world.note("n.md", "==The Suez Canal was opened in 1869.==")
    world.run()
    reasons = []
    for reason in ("only a date", "only a canal"):
        [outcome] = iter_highlight_outcomes(world["a"])
        reasons.append(outcome.reason)
        result = DraftingResult(
            outcome.highlight,
            status=DraftingStatus.NO_CARD,
            reason=reason,
            is_declined=True,
        )
        draft_model(world, result, is_undoable=True)
    for reason in reversed(reasons):
        decide.undo_decision(world["a"])
        assert [each.reason for each in iter_highlight_outcomes(world["a"])] == [reason]


def test_an_answer_that_only_replaces_drafts_can_be_undone(world: World):
    world.note("n.md", "==The Suez Canal was opened in 1869.==")
    world.run(accepts=lambda draft: False)
    add_model_draft(world, "a", "1869", "The Suez Canal")
    first, second = world.waiting()
    world["a"].accept(first.id)
    add_model_draft(world, "a", "1869")
    assert not world.waiting()
    decide.undo_decision(world["a"])
    assert world.waiting() == [second]


def test_a_draft_that_was_asked_for_after_a_skip_follows_its_passage(world: World):
    world.note("n.md", "==The Suez Canal was opened in 1869.==")
    world.run()
    [outcome] = iter_highlight_outcomes(world["a"])
    highlight = outcome.highlight
    world["a"].reject(highlight.key)
    draft = model_draft(highlight.key, "What was opened?", "Suez Canal", highlight.exact)
    draft_model(world, DraftingResult(highlight, (draft,)), keeps_pending=True)
    world.note("n.md", "==The Suez Canal was opened in 1870.==")
    world.run(accepts=lambda draft: False)
    [draft] = world.waiting()
    assert ("1870" in draft.quote, "1869" in draft.drafted_quote) == (True, True)


def test_the_text_of_a_card_is_not_offered_for_the_new_words_of_its_passage(world: World):
    sentence = "==The Suez Canal was opened in 1869 by Eugénie.=="
    for place in ("a.md", "b.md"):
        world.note(place, sentence)
    world.run(accepts=lambda draft: False)
    [key] = [
        each.highlight.key
        for each in iter_highlight_outcomes(world["a"])
        if not each.reason.startswith("same")
    ]
    for words in (sentence, sentence.replace("1869", "1870")):
        world.note("a.md", words)
        world.run(accepts=lambda draft: False)
        highlight = load_highlight(world["a"], key)
        draft = model_draft(key, "Who opened the Suez Canal?", "Eugénie", highlight.exact)
        draft_model(world, DraftingResult(highlight, (draft,)))
        for waiting in world.waiting():
            assert words == sentence
            world["a"].accept(waiting.id)


def test_a_draft_from_before_a_change_is_new_text_of_no_card(world: World):
    old = "The Suez Canal was opened in 1869 by Eugénie."
    world.note("n.md", f"=={old}==")
    world.run(accepts=lambda draft: False)
    [outcome] = iter_highlight_outcomes(world["a"])
    key = outcome.highlight.key
    card = model_draft(key, "When was the Suez Canal opened?", "1869", old)
    other = model_draft(key, "What was opened in 1869?", "a canal", "The Suez Canal")
    draft_model(world, DraftingResult(outcome.highlight, (card, other)))
    first, second = world.waiting()
    guid = world["a"].accept(first.id)
    for _ in range(2):
        world.note("n.md", f"=={old.replace('1869', '1870')}==")
        world.run(accepts=lambda draft: False)
        draft, change = sorted(world.waiting(), key=lambda each: each.keeps_text)
        assert (draft.id, draft.revised_guid) == (second.id, None)
        assert (draft.quote, draft.drafted_quote) == ("The Suez Canal", old)
        assert (change.keeps_text, change.revised_guid) == (True, guid)
    world.note("n.md", f"=={old}==")
    world.run(accepts=lambda draft: False)
    [draft] = world.waiting()
    assert (draft.id, draft.drafted_quote) == (second.id, "")


def test_a_requested_draft_whose_acceptance_was_undone_is_in_a_rebuild(world: World):
    text = "The Suez Canal was opened in 1869."
    world.note("n.md", f"=={text}==")
    world.run(accepts=lambda draft: False)
    [outcome] = iter_highlight_outcomes(world["a"])
    for front in ("When was it opened?", "Since when is there a canal?"):
        draft = model_draft(outcome.highlight.key, front, "1869", text)
        draft_model(
            world, DraftingResult(outcome.highlight, (draft,)), keeps_pending=True
        )
        [waiting] = world.waiting()
        world["a"].accept(waiting.id)
    decide.undo_decision(world["a"])
    before = [draft.id for draft in world.waiting()]
    assert len(before) == 1
    world.lose("a")
    world.run(accepts=lambda draft: False)
    assert [draft.id for draft in world.waiting()] == before


def add_model_draft(world: World, name: str, *gaps: str) -> None:
    """Give the one highlight on a device a draft by a model for each gap, in one drafting."""
    ledger = world[name]
    [key] = {row["key"] for row in ledger.fetch_rows("SELECT key FROM highlight")}
    highlight = load_highlight(ledger, key)
    drafts = [
        replace(
            model_draft(key, "", "", highlight.exact),
            kind=CardKind.CLOZE,
            fields=(("Text", highlight.exact.replace(gap, f"{{{{c1::{gap}}}}}")),),
            answer=gap,
        )
        for gap in gaps
    ]
    draft_recording.record_drafts(
        ledger,
        [DraftingResult(highlight, tuple(drafts))],
        compute_search_terms,
        by_model=True,
        drafting_id=draft_recording.make_drafting_id(ledger),
    )


def test_new_text_accepted_on_one_device_waits_on_no_other(world: World):
    world.apart = True
    world.note("n.md", "==Nobody knows why the miller of Turin 48 kept beetles.==")
    for name in "ab":
        world.run(name, ship=False, accepts=lambda draft: False)
    add_model_draft(world, "a", "the miller of Turin")
    [draft] = [each for each in world.waiting() if each.origin.drafter == "llm"]
    world["a"].accept(draft.id)
    world.share("a", "b")
    world.run("b", ship=False)

    world.note("n.md", "==Nobody knows why the miller of Turin 72 kept beetles.==")
    for name in "ab":
        world.run(name, ship=False)
    assert [each.id for each in world.waiting("a")] == [
        each.id for each in world.waiting("b")
    ]
    [draft] = world.waiting("a")
    assert draft.revised_guid
    world["a"].accept(draft.id)
    world.share("a", "b")
    world.run("b", ship=False)
    assert not world.waiting("a")
    assert not world.waiting("b")
    assert world.state("a") == world.state("b")


def test_held_back_text_accepted_on_one_device_waits_on_no_other(world: World):
    world.apart = True
    world.note("n.md", QUARTZ)
    world.run("a", ship=False)
    world.share("a", "b")
    world.run("b", ship=False)
    world.note("n.md", QUARTZ.replace("615", "6\ufffd5 \ufffd\ufffd"))
    for name in "ab":
        world.run(name, ship=False)
    [draft] = world.waiting("a")
    assert [each.id for each in world.waiting("b")] == [draft.id]
    decide.accept_draft(world["a"], draft.id, forced=True)
    world.share("a", "b")
    world.run("b", ship=False)
    assert not world.waiting("b")


@pytest.mark.parametrize("act", ["reword", "reject", "edit"])
def test_a_draft_no_longer_waits_for_a_card_that_asks_something_else(
    world: World, act: str
):
    world.note("a.md", PROOF)
    world.note("b.md", YONEDA)
    world.run()
    assert len(world.waiting()) == 1
    card = world.only("cosets")
    if act == "reword":
        world.note("a.md", PROOF.replace("proof", "proof of Lagrange"))
    elif act == "reject":
        world["a"].reject(card.guid)
    else:
        fields = {"Front": "What is the proof of Lagrange?"}
        decide.edit_item(world["a"], card.guid, fields)
    world.run()
    assert not world.waiting()
    assert any("naturality" in text for text in world.words())


def test_a_draft_that_waits_for_a_card_names_the_answer_that_the_card_has_now(
    world: World,
):
    world.note("a.md", PROOF)
    world.note("b.md", YONEDA)
    world.run()
    world.note("a.md", PROOF.replace("By counting", "One counts"))
    world.run()
    [draft] = world.waiting()
    [finding] = draft.findings
    assert "One counts" in finding.message
    assert finding.duplicate == world.only("cosets").guid
