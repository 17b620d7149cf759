"""Decisions stand, can be undone in any sensible order, and are refused with a reason otherwise."""

import pytest

from ankiforge.check import compute_search_terms
from ankiforge.config import Config
from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.errors import RefusedError
from ankiforge.ledger import (
    Ledger,
    QueryTerm,
    anki_views,
    cards,
    draft_recording,
    item_lists,
)
from ankiforge.ledger.cards import iter_cards
from ankiforge.ledger.decide import (
    edit_item,
    make_card_without_draft,
    set_deck_and_tags,
    undo_decision,
)
from ankiforge.ledger.draft_groups import count_pending_reasons, iter_draft_groups
from ankiforge.ledger.pending_items import iter_highlight_outcomes
from ankiforge.ledger.questions import find_open_questions
from ankiforge.model import Draft, DraftingResult, HighlightKey, PendingDraft, RemarkKind
from ankiforge.pipeline.deliver import plan_cards
from tests.ledger.world import (
    FAUST,
    OSMOSIS,
    RHINE,
    World,
    model_draft,
    waiting,
    words_of,
)

BACK = "Back"
PLAIN = "Mitochondria produce ==most of the chemical energy== that a cell needs for its life and work."


MARKED = "most of the chemical energy"


def never(_: object) -> bool:
    return False


def record(
    ledger: Ledger, drafts: list[Draft], *, keeps_pending: bool = False
) -> draft_recording.RecordedDrafts:
    """Record a model's drafts of one passage."""
    highlight = cards.load_highlight(ledger, drafts[0].key)
    drafted = [DraftingResult(highlight, tuple(drafts))]
    return draft_recording.record_drafts(
        ledger, drafted, compute_search_terms, by_model=True, keeps_pending=keeps_pending
    )


@pytest.fixture
def card(world: World) -> str:
    """The guid of a card of the source's own, in Anki."""
    world.note("a.md", OSMOSIS, RHINE)
    world.run()
    return world.only("Rhine").guid


def back(world: World, guid: str) -> str:
    return dict(world.card(guid).fields)[BACK]


def verdict(world: World, guid: str) -> str:
    return world.card(guid).verdict.value


def test_a_card_is_listed_by_what_became_of_its_note(world: World):
    def places() -> dict[str, str]:
        found = {}
        for state in ("none", "written", "seen", "missing", "deleted"):
            for guid in item_lists.find_items(
                world["a"], [QueryTerm("anki", state)], everything=True
            ):
                if not guid.startswith("dr"):
                    found[words_of(world.card(guid)).split()[2]] = state
        return found

    names = ("iris", "cornea", "retina")
    meanings = ("a ring of muscle", "the front window", "the film at the back")
    cards = zip(names, meanings, strict=True)
    world.note("a.md", *(f"What is {name}? :: {meaning}" for name, meaning in cards))
    world.run(ship=False)
    assert places() == {"iris?": "none", "cornea?": "none", "retina?": "none"}
    world.run()
    iris, cornea, retina = (world.only(name).guid for name in names)
    world["a"].reject(iris)
    assert places() == {"iris?": "written", "cornea?": "written", "retina?": "written"}
    world.run()
    assert places() == {"iris?": "seen", "cornea?": "seen", "retina?": "seen"}
    world.delete_in_anki(cornea)
    world.delete_in_anki(retina, grave=False)
    world.run()
    assert places() == {"iris?": "seen", "cornea?": "deleted", "retina?": "missing"}


@pytest.mark.parametrize("edited", ["", "in Anki", "here"])
def test_a_note_that_anki_has_as_it_was_written_is_not_planned_again(
    world: World, card: str, edited: str
):
    ledger = world["a"]
    if edited == "in Anki":
        world.edit_in_anki(card, BACK, "mine")
    elif edited:
        edit_item(ledger, card, {BACK: "mine"})
    notes = list(world.anki.values())
    anki_views.record_anki_state(ledger, notes, complete=True, graves=frozenset())
    folder = WorkspaceDirectory(world.root, Config(), world.root)
    planned = plan_cards(folder, ledger, world.rules, {})
    assert [one.guid for one in planned] == [card] * bool(edited)


def test_a_note_that_was_deleted_in_anki_and_is_back_lives_again(world: World, card: str):
    world.run()
    note = world.anki[card]
    world.delete_in_anki(card)
    world.run()
    assert not world.card(card).is_live
    world.anki[card] = note
    notes = list(world.anki.values())
    viewed = anki_views.record_anki_state(
        world["a"], notes, complete=True, graves=frozenset()
    )
    assert (viewed.returned, world.card(card).is_live) == ([card], True)


# --- undo --------------------------------------------------------------------------------------


UNDONE = {
    "reject": (lambda ledger, guid: ledger.reject(guid), "rejected"),
    "edit": (lambda ledger, guid: edit_item(ledger, guid, {BACK: "mine"}), "live"),
    "place": (
        lambda ledger, guid: set_deck_and_tags(ledger, guid, deck="My", added=["x"]),
        "live",
    ),
    "skip": (
        lambda ledger, guid: ledger.reject(cards.load_card(ledger, guid).key),
        "live",
    ),
}


@pytest.mark.parametrize("what", UNDONE)
@pytest.mark.parametrize("by", ["last", "card", "id", "key"])
def test_each_decision_is_undone_by_each_name(
    world: World, card: str, what: str, by: str
):
    ledger, (decide, after) = world["a"], UNDONE[what]
    before = world.state()
    decide(ledger, card)
    assert verdict(world, card) == after
    key = world.card(card).key
    names = {"last": "", "card": card, "id": ledger.list_history()[0].id, "key": key}
    if (what, by) == ("skip", "card"):
        names["card"] = key
    undo_decision(ledger, names[by])
    assert world.state() == before
    world.run()
    assert world.state() == before


def test_a_decision_of_a_machine_named_like_a_card_is_undone_by_its_id(
    world: World, card: str
):
    ledger = world["afcdbefdbf67"]
    world.run("afcdbefdbf67")
    before = cards.load_card(ledger, card)
    ledger.reject(card)
    assert cards.load_card(ledger, card).verdict.value == "rejected"
    undo_decision(ledger, ledger.list_history()[0].id)
    assert cards.load_card(ledger, card) == before


def test_decisions_are_undone_one_after_the_other(world: World, card: str):
    ledger, states = world["a"], [world.state()]
    for decide in (
        lambda: edit_item(ledger, card, {BACK: "first"}),
        lambda: edit_item(ledger, world.only("water").guid, {"Extra": "other"}),
        lambda: edit_item(ledger, card, {"Extra": "more"}),
        lambda: ledger.reject(card),
    ):
        decide()
        states.append(world.state())
    for expected in reversed(states[:-1]):
        undo_decision(ledger)
        assert world.state() == expected
    with pytest.raises(RefusedError, match="nothing to undo"):
        undo_decision(ledger)


def test_an_older_edit_of_another_field_is_undone_and_of_the_same_field_refused(
    world, card
):
    ledger = world["a"]
    edit_item(ledger, card, {BACK: "first"})
    first = ledger.list_history()[0].id
    edit_item(ledger, card, {"Extra": "more"})
    undo_decision(ledger, first)
    assert dict(world.card(card).fields) | {} == {
        "Front": "How long is the Rhine?", BACK: "1230 km", "Extra": "more",
    }  # fmt: skip
    edit_item(ledger, card, {BACK: "second"})
    second = ledger.list_history()[0].id
    edit_item(ledger, card, {BACK: "third"})
    with pytest.raises(RefusedError, match="a later change") as refused:
        undo_decision(ledger, second)
    third = ledger.list_history()[0].id
    assert third in refused.value.hint
    assert back(world, card) == "third"
    undo_decision(ledger, third)
    undo_decision(ledger, second)
    assert back(world, card) == "1230 km"


# --- rejected, skipped, retired ----------------------------------------------------------------


def test_policy_leaves_alone_what_a_person_took_back(world: World, card: str):
    [accepted] = [
        one for one in world["a"].list_history(card) if one.event.kind == "accept"
    ]
    undo_decision(world["a"], accepted.id)
    for _ in range(2):
        world.run()
        assert verdict(world, card) == "undone"
        [draft] = world.waiting()
        world.lose("a")
    world.run()
    assert world["a"].accept(draft.id) == card
    assert verdict(world, card) == "live"


# --- drafts of a model -------------------------------------------------------------------------


@pytest.fixture
def passage(world: World) -> HighlightKey:
    """A passage of one fact, with the person's own form and three drafts of a model."""
    world.note("a.md", PLAIN)
    world.run(accepts=never)
    [one] = iter_highlight_outcomes(world["a"])
    key = one.highlight.key
    world["a"].reject(world.waiting()[0].id)
    undo_decision(world["a"])
    drafts = [
        model_draft(key, "What do mitochondria produce?", MARKED, "produce most"),
        model_draft(key, "What produces energy?", "mitochondria", "produce most"),
        model_draft(key, "For what is the energy?", "its life", "life and work"),
    ]
    record(world["a"], drafts)
    return key


def front_of(draft: Draft) -> str:
    return draft.get_field("Front")


def fronts(ledger: Ledger) -> list[str]:
    return [front_of(draft) for draft in waiting(ledger)]


def drafted(ledger: Ledger, front: str) -> str:
    [one] = [one.id for one in waiting(ledger) if dict(one.fields).get("Front") == front]
    return one


def test_an_offer_has_the_drafts_of_one_answer_the_person_s_own_form_first(
    world, passage
):
    ledger = world["a"]
    offer, *others = iter_draft_groups(ledger, [passage])
    assert [draft.is_user_text for draft in offer] == [True, False]
    assert front_of(offer[1]) == "What do mitochondria produce?"
    other_fronts = [[front_of(draft) for draft in each] for each in others]
    assert other_fronts == [["What produces energy?"], ["For what is the energy?"]]
    ledger.accept(offer[1].id)
    assert [*iter_draft_groups(ledger, [passage])] == others, (
        "only its own form is passed over"
    )
    world.lose("a")
    world.run(accepts=never)
    ledger = world["a"]
    assert not waiting(ledger)
    undo_decision(ledger)
    world.run(accepts=never)
    [offer] = iter_draft_groups(ledger, [passage])
    assert [draft.is_user_text for draft in offer] == [True, False]


def test_after_the_undo_of_an_edited_draft_all_of_its_offer_waits_at_once(world, passage):
    ledger = world["a"]
    waited = [draft.id for draft in waiting(ledger)]
    with ledger.action():
        card = ledger.accept(drafted(ledger, "What produces energy?"))
        edit_item(ledger, card, {BACK: "the mitochondria of a cell"})
    undo_decision(ledger)
    assert [draft.id for draft in waiting(ledger)] == waited


CHANGED = PLAIN.replace("life and work", "survival")


def find_draft(ledger: Ledger, front: str = "For what is the energy?") -> PendingDraft:
    [draft] = [each for each in waiting(ledger) if front_of(each) == front]
    return draft


def test_a_model_s_draft_follows_its_passage_whatever_the_passage_says(world, passage):
    ledger = world["a"]
    first = find_draft(ledger)
    world.note("a.md", PLAIN.replace("Mitochondria", "Mitochondria, however,"))
    world.run(accepts=never)
    assert find_draft(ledger).quote == first.quote
    assert "What do mitochondria produce?" in fronts(ledger)

    world.note("a.md", CHANGED)
    world.run(accepts=never)
    draft = find_draft(ledger)
    assert draft.id == first.id
    assert (draft.old_quote, draft.revised_guid) == (first.quote, None)
    assert "survival" in draft.quote
    assert RemarkKind.DRAFT_PASSAGE in [remark.kind for remark in draft.remarks]
    assert draft.is_blocked, "its answer, “its life and work”, is no longer there"
    world.note("a.md", CHANGED.replace("survival", "daily survival"))
    world.run(accepts=never)
    assert find_draft(ledger).old_quote == first.quote

    world.note("a.md", PLAIN)
    world.run(accepts=never)
    draft = find_draft(ledger)
    assert (draft.quote, draft.drafted_quote, draft.old_quote) == (first.quote, "", "")
    assert (draft.findings, draft.remarks) == (first.findings, first.remarks)


def test_a_model_s_draft_is_pending_again_when_its_passage_is_back(
    world, passage, no_waiting
):
    ledger = world["a"]
    first = find_draft(ledger)
    world.note("a.md")
    world.note("b.md", RHINE)
    for _ in range(3):
        world.run(accepts=never)
    assert "For what is the energy?" not in fronts(ledger)
    world.note("a.md", PLAIN)
    world.run(accepts=never)
    assert find_draft(ledger) == first


def test_a_draft_whose_quote_was_never_in_its_passage_follows_nothing(world, passage):
    ledger = world["a"]
    quote = "Cells were first seen by Robert Hooke."
    record(
        ledger,
        [model_draft(passage, "Who saw cells?", "Hooke", quote)],
        keeps_pending=True,
    )
    world.note("a.md", CHANGED)
    world.run(accepts=never)
    draft = find_draft(ledger, "Who saw cells?")
    assert (draft.quote, draft.drafted_quote) == (quote, "")


@pytest.mark.parametrize("is_lost", [False, True])
def test_the_undo_of_an_acceptance_leads_to_the_passage_as_it_is_now(
    world, passage, is_lost
):
    ledger = world["a"]
    quote = find_draft(ledger).quote
    ledger.accept(find_draft(ledger).id)
    world.note("a.md", CHANGED)
    world.run(accepts=never)
    if is_lost:  # what no journal has is asked of a chat again
        world.lose("a")
        world.run(accepts=never)
        ledger = world["a"]
    undo_decision(ledger)
    if is_lost:
        world.run(accepts=never)
    draft = find_draft(ledger)
    assert (draft.old_quote, draft.revised_guid) == (quote, None)
    world.run(accepts=never)
    assert find_draft(ledger).is_blocked


def test_a_draft_from_before_a_change_is_no_new_text_of_another_card(world, passage):
    ledger = world["a"]
    other = model_draft(passage, "Who needs it?", "a cell", "life and work")
    record(ledger, [other], keeps_pending=True)
    for front in ("What do mitochondria produce?", "What produces energy?"):
        ledger.reject(drafted(ledger, front))
    guid = ledger.accept(drafted(ledger, "For what is the energy?"))
    world.note("a.md", CHANGED)
    world.run(accepts=never)
    assert find_draft(ledger, "Who needs it?").revised_guid is None
    change = find_draft(ledger)
    assert (change.revised_guid, change.keeps_text) == (guid, True)


def test_new_text_for_a_drafted_card_waits_as_a_revision(world, passage):
    ledger = world["a"]
    guid = ledger.accept(drafted(ledger, "For what is the energy?"))
    world.note("a.md", PLAIN.replace("life and work", "survival"))
    world.run(accepts=never)
    assert world.card(guid).source_changes == ("source changed",)
    new = model_draft(passage, "For what is the energy?", "survival", "survival")
    record(ledger, [new])
    [revision] = [one for one in waiting(ledger) if one.revised_guid]
    assert revision.revised_guid == guid
    ledger.reject(revision.id)
    assert words_of(world.card(guid)).endswith("its life")
    undo_decision(ledger)
    record(ledger, [new])
    [revision] = [one for one in waiting(ledger) if one.revised_guid]
    ledger.accept(revision.id)
    assert words_of(world.card(guid)) == "For what is the energy? / survival"
    assert world.card(guid).source_changes == ()
    undo_decision(ledger)
    assert words_of(world.card(guid)).endswith("its life")


def proposed(world: World, draft: Draft) -> tuple[str, ...]:
    return record(world["a"], [draft], keeps_pending=True).new_draft_ids


@pytest.mark.parametrize(
    ("was", "now"),
    [("1.5 mg", "15 mg"), ("x < y", "x > y"), ("C", "C++"), ("n!", "n"), ("−5 °C", "5 °C"),
     ("a ≠ b", "a = b"), ("lead", "Lead")],
)  # fmt: skip
def test_drafts_that_only_fold_equal_are_two(world: World, was: str, now: str):
    world.note(
        "a.md", f"The value that was measured and noted here ==is exactly {was} today==."
    )
    world.run(accepts=never)
    [fate] = iter_highlight_outcomes(world["a"])
    key = fate.highlight.key
    [first] = proposed(world, model_draft(key, "What is the value?", was, was))
    world["a"].reject(first)
    assert not proposed(world, model_draft(key, "What is the value?", was, was))
    [second] = proposed(world, model_draft(key, "What is the value?", now, now))
    guid = world["a"].accept(second)
    assert words_of(world.card(guid)).endswith(now)


def test_another_form_is_another_note(world: World):
    asked = "The {} begins in Switzerland near the pass of Oberalp."
    world.note("a.md", asked.format("==Rhine=="), FAUST)
    world.run()
    old = world.only("Rhine").guid
    world.note("a.md", f"{asked.format('Rhine')} :: Switzerland", FAUST)
    for _ in range(2):
        world.run(accepts=lambda one: True)
    assert old in world.live()
    [draft] = world.waiting()
    assert draft.replaced_guid == old
    assert RemarkKind.REPLACEMENT in [remark.kind for remark in draft.remarks]
    new = world["a"].accept(draft.id)
    assert {old, new} & {*world.live()} == {new}
    undo_decision(world["a"])
    assert {old, new} & {*world.live()} == {old}


# --- questions ---------------------------------------------------------------------------------


def asked_to_be_the_same(world: World, old: str = "a.md", new: str = "b.md") -> str:
    world.note(old, OSMOSIS, RHINE)
    world.note(new, "Nothing here.")
    world.run()
    guid = world.only("water").guid
    world.note(old, RHINE)
    world.note(new, OSMOSIS.replace("across a membrane", "through a wall"))
    world.run()
    return guid


@pytest.mark.parametrize("notes", [("a.md", "b.md"), ("b.md", "a.md")])
def test_the_oldest_key_names_a_passage(world: World, notes: tuple[str, str]):
    key = world.card(asked_to_be_the_same(world, *notes)).key
    world["a"].accept(world.question("same").id)
    assert {card.key for card in iter_cards(world["a"]) if "water" in words_of(card)} == {
        key
    }


def test_only_changes_since_a_time_are_listed(world: World, card: str):
    world.note("a.md", OSMOSIS, RHINE.replace("1230", "1233"))
    world.run()
    assert [one.guid for one in world["a"].list_history(changes_since="2001")] == [card]
    assert world["a"].list_history(changes_since="9999") == []


def test_a_draft_in_doubt_is_neither_accepted_nor_rejected(world: World):
    asked_to_be_the_same(world)
    [draft] = world.waiting()
    for decide in (world["a"].accept, world["a"].reject):
        with pytest.raises(RefusedError, match="first answer whether"):
            decide(draft.id)
    with pytest.raises(RefusedError, match="first answer whether"):
        make_card_without_draft(world["a"], draft)
    [remark] = draft.remarks
    assert count_pending_reasons(world["a"], [draft.id]) == {remark.kind.value: 1}
    assert len(world.in_anki()) == 2


@pytest.mark.parametrize("same", [True, False])
def test_the_question_whether_it_is_the_same_card(world: World, same: bool):
    guid = asked_to_be_the_same(world)
    question = world.question("same")
    (world["a"].accept if same else world["a"].reject)(question.id)
    world.run()
    assert not find_open_questions(world["a"])
    assert ("through a wall" in world.live()[guid]) is same
    assert len(world.live()) + len(world.waiting()) == (2 if same else 3)
    with pytest.raises(RefusedError, match="no such open question"):
        world["a"].accept(question.id)
    undo_decision(world["a"])
    world.run()
    if same:  # taken apart again, and asked again
        assert "across a membrane" in world.live()[guid]
        assert world.question("same")


def test_the_question_lapses_if_the_old_passage_comes_back(world: World):
    guid = asked_to_be_the_same(world)
    world.note("a.md", OSMOSIS, RHINE)
    world.run()
    assert not find_open_questions(world["a"])
    assert "across a membrane" in world.live()[guid]
    assert any("through a wall" in text for text in world.live().values())


def test_an_own_card_that_was_taken_back_waits_in_other_words(world: World):
    world.note("a.md", "The capital of Mali is ==Bamako== today. ^it")
    world.run()
    [guid] = world.live()
    [accepted] = [
        each for each in world["a"].list_history(guid) if each.event.kind == "accept"
    ]
    undo_decision(world["a"], accepted.id)
    world.note("a.md", "Where a river bends, old markets sell ==salt== to caravans. ^it")
    for _ in range(2):
        world.run()
        assert world.live() == {}
        [draft] = world.waiting()
        remarks = [remark.kind for remark in draft.remarks]
        assert remarks == [RemarkKind.DECIDED_BEFORE]
