"""What a person decides: applied, refused, taken back."""

import pytest

from ankiforge import review
from ankiforge.errors import RefusedError, UsageError
from ankiforge.model import (
    CandidateState,
    CardKind,
    Checked,
    Finding,
    Severity,
    Standing,
    Verdict,
)
from ankiforge.review import Target
from ankiforge.review.select import find

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."
BLOCK = (Finding("yes_no", Severity.BLOCK, "a yes/no question"),)


@pytest.fixture
def pending(bench):
    """A bench with one pending card, and ways to look at it."""
    bench.accept = False
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [bench.guid] = bench.forge(run)
    bench.card = lambda: bench.ledger.cards.get(bench.guid)
    bench.choice = lambda letter="": Target(bench.card(), letter)
    return bench


def make_choice(bench, count=3):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [highlight] = bench.ledger.highlights.seen_in(run)
    drafts = [
        bench.draft(highlight, fields=(("Front", f"q{n}"), ("Back", f"a{n}")), answer=f"a{n}")
        for n in range(count)
    ]
    bench.record(run, highlight, *(Checked(draft, accept=True) for draft in drafts))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    return card


def test_accept_reject_and_undo_restore_each_other(pending):
    review.accept(pending.ledger, [pending.choice()])
    assert pending.card().ready
    review.reject(pending.ledger, [pending.choice()], "dull")
    assert (pending.card().verdict, pending.card().reason) == (Verdict.REJECTED, "dull")
    review.undo(pending.ledger)
    assert pending.card().ready
    review.undo(pending.ledger)
    assert pending.card().verdict is Verdict.PENDING
    with pytest.raises(RefusedError, match="nothing to undo"):
        review.undo(pending.ledger)


def test_undo_works_after_a_restart(pending):
    review.accept(pending.ledger, [pending.choice()])
    pending.reopen()
    review.undo(pending.ledger)
    assert pending.card().verdict is Verdict.PENDING


def test_one_undo_takes_back_a_whole_action(bench):
    bench.accept = False
    run, _ = bench.read({"a.md": [bench.mark(WORDS), bench.mark(f"Once more: {WORDS}")]})
    guids = bench.forge(run)
    review.accept(bench.ledger, [Target(bench.ledger.cards.get(guid)) for guid in guids])
    taken_back = review.undo(bench.ledger)
    assert len(taken_back) == 2
    assert {bench.ledger.cards.get(guid).verdict for guid in guids} == {Verdict.PENDING}


def test_undo_by_id_refuses_what_later_decisions_stand_on(pending):
    review.accept(pending.ledger, [pending.choice()])
    accepted = pending.ledger.decisions.of(pending.guid)[-1]
    review.reject(pending.ledger, [pending.choice()])
    with pytest.raises(RefusedError, match="was changed since"):
        review.undo(pending.ledger, accepted.id)
    with pytest.raises(UsageError, match="no decision"):
        review.undo(pending.ledger, "nonsense")


def test_an_action_is_taken_back_once(pending):
    review.accept(pending.ledger, [pending.choice()])
    accepted = pending.ledger.decisions.of(pending.guid)[-1]
    review.undo(pending.ledger, accepted.id)
    with pytest.raises(RefusedError, match="taken back already"):
        review.undo(pending.ledger, accepted.id)


def test_a_blocked_card_is_accepted_only_by_force(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [highlight] = bench.ledger.highlights.seen_in(run)
    bench.record(run, highlight, Checked(bench.draft(highlight), BLOCK))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    [done] = review.accept(bench.ledger, [Target(card)])
    assert "yes/no" in done.refused
    assert not bench.ledger.cards.get(card.guid).ready
    [done] = review.accept(bench.ledger, [Target(card)], force=True)
    assert not done.refused
    assert bench.ledger.cards.get(card.guid).ready


def test_a_refusal_in_bulk_leaves_the_others_standing(pending):
    review.reject(pending.ledger, [pending.choice()])
    run, _ = pending.read(
        {"a.md": [pending.mark(WORDS), pending.mark("Another one, quite other.")]}
    )
    [other] = pending.forge(run)
    cards = [pending.card(), pending.ledger.cards.get(other)]
    first, second = review.accept(pending.ledger, [Target(card) for card in cards])
    assert (first.refused != "", second.refused) == (True, "")
    assert pending.ledger.cards.get(other).ready


def test_an_open_choice_wants_a_pick(bench):
    card = make_choice(bench)
    assert card.picked is None
    assert not card.ready
    [done] = review.accept(bench.ledger, [Target(card)])
    assert "several candidates" in done.refused


def test_a_pick_makes_the_card_and_passes_the_others_over(bench):
    card = make_choice(bench)
    review.pick(bench.ledger, [Target(card, "b")])
    card = bench.ledger.cards.get(card.guid)
    assert dict(card.fields) == {"Front": "q1", "Back": "a1"}
    assert [c.state for c in card.candidates] == [
        CandidateState.PASSED,
        CandidateState.PICKED,
        CandidateState.PASSED,
    ]
    assert card.ready
    review.undo(bench.ledger)
    card = bench.ledger.cards.get(card.guid)
    assert {c.state for c in card.candidates} == {CandidateState.OPEN}
    assert card.verdict is Verdict.PENDING


def test_a_passed_candidate_can_be_picked_later(bench):
    card = make_choice(bench)
    review.pick(bench.ledger, [Target(card, "b")])
    review.pick(bench.ledger, [Target(bench.ledger.cards.get(card.guid), "c")])
    card = bench.ledger.cards.get(card.guid)
    assert dict(card.fields)["Front"] == "q2"
    assert card.picked.id == f"{card.guid}.c"


def test_restore_brings_back_what_was_rejected(pending):
    review.reject(pending.ledger, [pending.choice()])
    review.restore(pending.ledger, [pending.choice()])
    assert pending.card().verdict is Verdict.PENDING
    [done] = review.restore(pending.ledger, [pending.choice()])
    assert "neither" in done.refused


def test_restore_brings_back_what_was_retired(pending):
    pending.read({"a.md": [pending.mark(WORDS, skip="skip")]})
    assert pending.card().standing is Standing.RETIRED
    [refused] = review.accept(pending.ledger, [pending.choice()])
    assert "retired" in refused.refused
    review.restore(pending.ledger, [pending.choice()])
    assert pending.card().standing is Standing.LIVE


def test_an_edit_is_judged_and_undone_like_any_decision(pending):
    before = pending.card()
    mine = (("Front", "Is it so?"), ("Back", "yes"))
    review.edit(pending.ledger, pending.choice(), mine, lambda *_: BLOCK)
    card = pending.card()
    assert (card.fields, card.edited, card.blocked) == (mine, True, True)
    assert card.picked.draft.origin.drafter == "person"
    review.undo(pending.ledger)
    card = pending.card()
    assert (card.fields, card.edited, card.blocked) == (before.fields, False, False)
    assert card.picked.id == before.picked.id


def test_an_edit_of_what_changed_meanwhile_is_refused(pending):
    stale = pending.choice()
    review.reject(pending.ledger, [pending.choice()])
    review.restore(pending.ledger, [pending.choice()])
    review.accept(pending.ledger, [pending.choice()])
    with pytest.raises(RefusedError, match="changed meanwhile"):
        review.edit(pending.ledger, stale, (("Front", "x"), ("Back", "y")), lambda *_: ())


def test_a_rejected_card_cannot_be_edited(pending):
    review.reject(pending.ledger, [pending.choice()])
    with pytest.raises(RefusedError, match="rejected"):
        review.edit(pending.ledger, pending.choice(), (("Front", "x"),), lambda *_: ())


def test_rejecting_a_revision_keeps_the_card(pending):
    review.accept(pending.ledger, [pending.choice()])
    run, _ = pending.read({"a.md": [pending.mark(f"{WORDS} Indeed.")]})
    pending.forge(run)
    [waiting] = pending.card().open
    letter = waiting.id.partition(".")[2]
    review.reject(pending.ledger, [pending.choice(letter)])
    card = pending.card()
    assert (card.verdict, card.open) == (Verdict.ACCEPTED, ())


def test_ids_are_found_by_their_beginning(pending):
    guid = pending.guid
    assert find(pending.ledger, guid[:8]).card.guid == guid
    assert find(pending.ledger, f"{guid}.a").letter == "a"
    for word, said in [
        (guid[:6], "no id"),
        ("afzzzzzzzz", "no card"),
        (f"{guid}.q", "no candidate"),
    ]:
        with pytest.raises(UsageError, match=said):
            find(pending.ledger, word)


def test_the_first_accepted_card_settles_the_documents_deck(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    bench.forge(run)
    run, _ = bench.read({"a.md": [bench.mark(WORDS), bench.mark("Another one, quite other.")]})
    [task] = bench.ledger.queries.to_draft(run, "rules")
    draft = bench.draft(task.highlights[0], kind=CardKind.BASIC)
    bench.record(run, task.highlights[0], Checked(draft, deck="Elsewhere"))
    [card] = bench.ledger.cards.of_highlight(task.highlights[0].key)
    assert card.deck == "Deck"


def test_what_was_forced_once_forces_nothing_later(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [highlight] = bench.ledger.highlights.seen_in(run)
    bench.record(run, highlight, Checked(bench.draft(highlight), BLOCK))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    review.accept(bench.ledger, [Target(card)], force=True)
    forced = bench.ledger.cards.get(card.guid)
    other = (Finding("empty_side", Severity.BLOCK, "one side is empty"),)
    review.edit(bench.ledger, Target(forced), (("Front", "x"),), lambda *_: other)
    edited = bench.ledger.cards.get(card.guid)
    assert (edited.blocked, edited.ready) == (True, False)
    [done] = review.accept(bench.ledger, [Target(edited)])
    assert "one side is empty" in done.refused


def test_a_decision_on_a_card_that_changed_meanwhile_is_refused(pending):
    stale = pending.choice()
    review.reject(pending.ledger, [pending.choice()])
    review.restore(pending.ledger, [pending.choice()])
    review.accept(pending.ledger, [pending.choice()])
    [done] = review.reject(pending.ledger, [stale])
    assert "changed meanwhile" in done.refused
    assert pending.card().verdict is Verdict.ACCEPTED


def test_a_card_named_twice_is_decided_once(pending):
    review.reject(pending.ledger, [pending.choice()])
    done = review.restore(pending.ledger, [pending.choice(), pending.choice()])
    assert [one.refused for one in done] == [""]


def test_an_undo_can_be_undone(bench):
    card = make_choice(bench)
    review.pick(bench.ledger, [Target(card, "b")])
    picked = bench.ledger.cards.get(card.guid)
    review.undo(bench.ledger)
    undo = bench.ledger.decisions.of(card.guid)[-1]
    review.undo(bench.ledger, undo.id)
    assert bench.ledger.cards.get(card.guid) == picked
