"""What is drafted, when; slots, revisions, policy, merges."""

from dataclasses import replace

from ankiforge.ledger import placing as policy
from ankiforge.model import (
    Batch,
    CardKind,
    Checked,
    NoCard,
    Standing,
    Task,
    Verdict,
)

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."


def only(bench, *marks):
    run, _ = bench.read({"a.md": list(marks)})
    return run, next(iter(bench.ledger.highlights.seen_in(run)))


def cloze(bench, highlight, text, answer):
    return bench.draft(
        highlight, kind=CardKind.CLOZE, fields=(("Text", text),), answer=answer, by_hand=False
    )


def test_a_reason_that_holds_only_for_now_leaves_the_highlight_pending(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    task = Task(highlight.document, (highlight,))
    none = NoCard(highlight.key, "kept on this machine", passing=True)
    bench.ledger.recorder.record(run, Batch(task, "qwen3", no_cards=(none,)))
    assert bench.ledger.queries.funnel(run).reasons == {"kept on this machine": 1}
    for drafter in ("rules", "qwen3"):
        assert [t.highlights for t in bench.ledger.queries.to_draft(run, drafter)] == [(highlight,)]


def test_slots_follow_the_order_of_the_evidence(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    late = bench.draft(highlight, start=40, answer="solute", intent=0)
    early = bench.draft(highlight, start=3, answer="water", intent=1)
    bench.record(run, highlight, Checked(late), Checked(early))
    cards = bench.ledger.cards.of_highlight(highlight.key)
    assert [(card.slot, card.leading.draft.answer) for card in cards] == [
        (1, "water"),
        (2, "solute"),
    ]


def test_policy_is_silent_where_a_person_has_decided(bench):
    from ankiforge import review

    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement")]})
    [guid] = bench.forge(run)
    review.reject(bench.ledger, [review.Target(bench.ledger.cards.get(guid))])
    review.undo(bench.ledger)
    assert bench.ledger.cards.get(guid).verdict is Verdict.ACCEPTED
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "a slow movement")]})
    bench.forge(run)
    assert bench.ledger.cards.get(guid).verdict is Verdict.ACCEPTED


def test_a_flood_waits_for_a_person_and_goes_on_waiting(bench, monkeypatch):
    monkeypatch.setattr(policy, "FLOOD", 3)
    notes = {"a.md": [bench.qa(f"What is the name of thing {n}?", f"it is {n}") for n in "abcde"]}
    run, _ = bench.read(notes)
    guids = bench.forge(run)
    verdicts = [bench.ledger.cards.get(guid).verdict for guid in guids]
    assert verdicts == [Verdict.ACCEPTED] * 3 + [Verdict.PENDING] * 2
    notes["a.md"][4] = bench.qa("What is the name of thing e?", "it is called e")
    run, _ = bench.read(notes)
    bench.forge(run)
    assert bench.ledger.cards.get(guids[4]).verdict is Verdict.PENDING


def test_an_old_card_nothing_is_drawn_from_any_more_stays_with_a_finding(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    first = bench.draft(highlight, answer="water", quote="water", by_hand=False)
    second = bench.draft(highlight, answer="a membrane", quote="membrane", by_hand=False)
    bench.record(run, highlight, Checked(first, accept=True), Checked(replace(second, intent=1)))
    bench.record(run, highlight, Checked(first, accept=True))
    kept = bench.ledger.cards.of_highlight(highlight.key)[1]
    assert kept.standing is Standing.LIVE
    assert [finding.check for finding in kept.leading.findings] == ["source_changed"]


def test_a_result_for_words_that_changed_meanwhile_is_not_recorded(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    bench.read({"a.md": [bench.mark(f"{WORDS} Indeed.")]})
    bench.record(run, highlight, Checked(bench.draft(highlight)))
    assert bench.ledger.cards.of_highlight(highlight.key) == []


def test_a_revision_of_what_may_be_another_highlight_waits_for_a_person(bench):
    before = "Enzymes lower the activation energy of a reaction in the cell."
    after = "Enzymes lower the energy of a reaction in a living cell by far."
    run, highlight = only(bench, bench.mark(before))
    bench.record(run, highlight, Checked(bench.draft(highlight, by_hand=False), accept=True))
    run, again = only(bench, bench.mark(after))
    assert again.key == highlight.key
    bench.record(run, again, Checked(bench.draft(again, by_hand=False), accept=True))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    [waiting] = card.open
    assert [finding.check for finding in waiting.findings] == ["same_highlight"]
    assert dict(card.fields)["Back"] == before
