"""What a person decides: applied, refused, taken back."""

import pytest

from ankiforge import review
from ankiforge.errors import RefusedError, UsageError
from ankiforge.model import (
    CardKind,
    Checked,
    Finding,
    Severity,
    Verdict,
)
from ankiforge.review import Target

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


def test_undo_by_id_refuses_what_later_decisions_stand_on_and_what_was_undone(pending):
    review.accept(pending.ledger, [pending.choice()])
    accepted = pending.ledger.decisions.of(pending.guid)[-1]
    review.reject(pending.ledger, [pending.choice()])
    with pytest.raises(RefusedError, match="rejected"):
        review.edit(pending.ledger, pending.choice(), (("Front", "x"),), lambda *_: ())
    with pytest.raises(RefusedError, match="was changed since"):
        review.undo(pending.ledger, accepted.id)
    with pytest.raises(UsageError, match="no decision"):
        review.undo(pending.ledger, "nonsense")
    review.undo(pending.ledger)
    review.undo(pending.ledger, accepted.id)
    with pytest.raises(RefusedError, match="was already undone"):
        review.undo(pending.ledger, accepted.id)


def test_a_blocked_card_is_accepted_only_by_force_which_holds_for_no_later_words(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    [highlight] = bench.ledger.highlights.seen_in(run)
    bench.record(run, highlight, Checked(bench.draft(highlight), BLOCK))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    [done] = review.accept(bench.ledger, [Target(card)])
    assert "yes/no" in done.refused
    assert not bench.ledger.cards.get(card.guid).ready
    [done] = review.accept(bench.ledger, [Target(card)], force=True)
    assert not done.refused
    forced = bench.ledger.cards.get(card.guid)
    assert forced.ready

    other = (Finding("empty_side", Severity.BLOCK, "one side is empty"),)
    review.edit(bench.ledger, Target(forced), (("Front", "x"),), lambda *_: other)
    edited = bench.ledger.cards.get(card.guid)
    assert (edited.blocked, edited.ready) == (True, False)
    [done] = review.accept(bench.ledger, [Target(edited)])
    assert "one side is empty" in done.refused


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


def test_the_first_accepted_card_settles_the_documents_deck(bench):
    run, _ = bench.read({"a.md": [bench.mark(WORDS)]})
    bench.forge(run)
    run, _ = bench.read({"a.md": [bench.mark(WORDS), bench.mark("Another one, quite other.")]})
    [task] = bench.ledger.queries.to_draft(run, "rules")
    draft = bench.draft(task.highlights[0], kind=CardKind.BASIC)
    bench.record(run, task.highlights[0], Checked(draft, deck="Elsewhere"))
    [card] = bench.ledger.cards.of_highlight(task.highlights[0].key)
    assert card.deck == "Deck"


def test_a_decision_on_a_card_that_changed_meanwhile_is_refused(pending):
    stale = pending.choice()
    review.reject(pending.ledger, [pending.choice()])
    review.restore(pending.ledger, [pending.choice()])
    review.accept(pending.ledger, [pending.choice()])
    [done] = review.reject(pending.ledger, [stale])
    assert "changed in the meantime" in done.refused
    with pytest.raises(RefusedError, match="changed in the meantime"):
        review.edit(pending.ledger, stale, (("Front", "x"), ("Back", "y")), lambda *_: ())
    assert pending.card().verdict is Verdict.ACCEPTED


def test_a_card_named_twice_is_decided_once(pending):
    review.reject(pending.ledger, [pending.choice()])
    done = review.restore(pending.ledger, [pending.choice(), pending.choice()])
    assert [one.refused for one in done] == [""]
