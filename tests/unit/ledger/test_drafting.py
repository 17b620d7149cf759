"""What is drafted, when; slots, revisions, policy, merges."""

from dataclasses import replace

import pytest

from ankiforge.ledger import placing as policy
from ankiforge.model import (
    AcceptedBy,
    Batch,
    CardKind,
    Checked,
    Fate,
    Finding,
    NoCard,
    Severity,
    Shipment,
    Standing,
    Task,
    Verdict,
    guid_for,
)
from ankiforge.pipeline import EditJudge

WORDS = "Osmosis is the movement of water through a membrane that holds back the solute."


def only(bench, *marks):
    run, _ = bench.read({"a.md": list(marks)})
    return run, next(iter(bench.ledger.highlights.seen_in(run)))


def cloze(bench, highlight, text, answer):
    return bench.draft(
        highlight, kind=CardKind.CLOZE, fields=(("Text", text),), answer=answer, by_hand=False
    )


def test_a_drafted_highlight_is_not_drafted_again(bench):
    notes = {"a.md": [bench.mark(WORDS)]}
    run, _ = bench.read(notes)
    assert len(bench.forge(run)) == 1
    run, _ = bench.read(notes)
    assert not list(bench.ledger.queries.to_draft(run, "rules"))


def test_a_highlight_without_a_card_is_asked_again_only_of_another_drafter(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    bench.record(run, highlight)
    assert not list(bench.ledger.queries.to_draft(run, "rules"))
    assert [t.highlights for t in bench.ledger.queries.to_draft(run, "qwen3")] == [(highlight,)]


def test_what_failed_is_tried_again(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    failed = ((highlight.key, "the server hung up"),)
    bench.ledger.recorder.record(
        run,
        Batch(Task(highlight.document, (highlight,)), "rules", failed=failed),
        EditJudge(bench.ledger),
    )
    assert bench.ledger.queries.funnel(run).fates == {Fate.FAILED: 1}
    assert len(list(bench.ledger.queries.to_draft(run, "rules"))) == 1


def test_a_reason_that_holds_only_for_now_leaves_the_highlight_pending(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    task = Task(highlight.document, (highlight,))
    none = NoCard(highlight.key, "kept on this machine", passing=True)
    bench.ledger.recorder.record(
        run, Batch(task, "qwen3", no_cards=(none,)), EditJudge(bench.ledger)
    )
    assert bench.ledger.queries.funnel(run).reasons == {"kept on this machine": 1}
    for drafter in ("rules", "qwen3"):
        assert [t.highlights for t in bench.ledger.queries.to_draft(run, drafter)] == [(highlight,)]


def test_guids_come_from_key_family_and_slot(bench):
    run, highlight = only(bench, bench.mark(WORDS))
    [guid] = bench.forge(run)
    assert guid == guid_for(highlight.key, CardKind.BASIC.family, 1)


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


def test_a_corrected_hand_written_card_is_updated_in_place(bench):
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of watter")]})
    [guid] = bench.forge(run)
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of water")]})
    assert bench.forge(run) == []
    card = bench.ledger.cards.get(guid)
    assert dict(card.fields)["Back"] == "movement of water"
    assert (card.verdict, card.accepted_by) == (Verdict.ACCEPTED, AcceptedBy.AUTHOR)


def test_a_correction_of_a_card_a_person_accepted_ships_and_other_words_wait(bench):
    from ankiforge import review

    bench.accept = False
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of watter")]})
    [guid] = bench.forge(run)
    review.accept(bench.ledger, [review.Target(bench.ledger.cards.get(guid))])
    bench.forge(bench.read({"a.md": [bench.qa("What is osmosis?", "movement of water")]})[0])
    assert dict(bench.ledger.cards.get(guid).fields)["Back"] == "movement of water"
    bench.forge(bench.read({"a.md": [bench.qa("What is osmosis?", "flow of liquids")]})[0])
    card = bench.ledger.cards.get(guid)
    assert dict(card.fields)["Back"] == "movement of water"
    assert [dict(c.draft.fields)["Back"] for c in card.open] == ["flow of liquids"]
    review.accept(bench.ledger, [review.Target(card)])
    assert dict(bench.ledger.cards.get(guid).fields)["Back"] == "flow of liquids"


def test_an_edit_by_a_person_outlives_a_change_of_the_source(bench):
    from ankiforge import review

    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of watter")]})
    [guid] = bench.forge(run)
    mine = (("Front", "What is osmosis?"), ("Back", "my own words"))
    review.edit(bench.ledger, review.Target(bench.ledger.cards.get(guid)), mine, lambda *_: ())
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of water")]})
    bench.forge(run)
    card = bench.ledger.cards.get(guid)
    assert card.fields == mine
    assert len(card.open) == 1


def test_a_revision_taken_back_in_the_source_no_longer_waits(bench):
    from ankiforge import review

    bench.accept = False
    first = bench.qa("What is osmosis?", "movement of water")
    run, _ = bench.read({"a.md": [first]})
    [guid] = bench.forge(run)
    review.accept(bench.ledger, [review.Target(bench.ledger.cards.get(guid))])
    run, _ = bench.read({"a.md": [bench.qa("What is osmosis?", "movement of waters")]})
    bench.forge(run)
    run, _ = bench.read({"a.md": [first]})
    bench.forge(run)
    card = bench.ledger.cards.get(guid)
    assert (card.open, dict(card.fields)["Back"]) == ((), "movement of water")


def test_a_rejected_answer_is_not_offered_again(bench):
    from ankiforge import review

    run, highlight = only(bench, bench.mark(WORDS))
    bench.record(run, highlight, Checked(bench.draft(highlight, answer="water")))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    review.reject(bench.ledger, [review.Target(card)], "dull")
    run, edited = only(bench, bench.mark(f"{WORDS} Mostly."))
    assert edited.key == highlight.key
    again = cloze(bench, edited, "the movement of {{c1::water}}", "Water")
    recorded = bench.record(run, edited, Checked(again, accept=True))
    assert recorded.drafted == 0
    assert len(bench.ledger.cards.of_highlight(highlight.key)) == 1


def test_another_answer_after_a_rejection_waits_for_the_person(bench):
    from ankiforge import review

    run, highlight = only(bench, bench.mark(WORDS))
    bench.record(run, highlight, Checked(bench.draft(highlight, answer="water")))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    review.reject(bench.ledger, [review.Target(card)])
    other = bench.draft(highlight, answer="a membrane that holds back the solute")
    bench.record(run, highlight, Checked(other, accept=True))
    cards = bench.ledger.cards.of_highlight(highlight.key)
    assert [c.verdict for c in cards] == [Verdict.REJECTED, Verdict.PENDING]
    assert cards[1].slot == 2


@pytest.mark.parametrize("shipped", [True, False])
def test_cloze_numbers_are_kept_over_a_revision_once_a_package_held_them(bench, shipped):
    run, highlight = only(bench, bench.mark(WORDS))
    before = cloze(bench, highlight, "{{c1::Osmosis}} moves {{c2::water}}", "Osmosis / water")
    [guid] = bench.record(run, highlight, Checked(before, accept=True)).guids
    if shipped:
        fields = bench.ledger.cards.get(guid).fields
        bench.ledger.packages.ship(run, "p", [Shipment(guid, 0, 1, fields, (), (), "Deck")])
    run, highlight = only(bench, bench.mark(f"{WORDS} Indeed."))
    after = cloze(bench, highlight, "A {{c1::membrane}} lets {{c2::water}} by {{c3::osmosis}}",
                  "membrane / water / osmosis")  # fmt: skip
    bench.record(run, highlight, Checked(after, accept=True))
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    kept = "A {{c3::membrane}} lets {{c2::water}} by {{c1::osmosis}}"
    assert dict(card.fields)["Text"] == (kept if shipped else after.field("Text"))


def test_a_hand_written_card_rewritten_as_another_kind_is_a_new_card(bench):
    run, highlight = only(bench, bench.qa("Osmosis moves", "water"))
    [old] = bench.forge(run)
    written = cloze(bench, highlight, "Osmosis moves {{c1::water}}", "water")
    bench.record(run, highlight, Checked(replace(written, by_hand=True), accept=True))
    basic, new = bench.ledger.cards.of_highlight(highlight.key)
    assert (basic.guid, basic.standing, basic.standing_why) == (old, Standing.RETIRED, "rewritten")
    assert (new.kind, new.standing) == (CardKind.CLOZE, Standing.LIVE)


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


def test_an_exact_repeat_is_merged_into_the_card_there_is(bench):
    notes = {"a.md": [bench.mark(WORDS), bench.mark("It moves water.", "so ")]}
    run, _ = bench.read(notes)
    one, other = bench.ledger.highlights.seen_in(run)
    bench.record(run, one, Checked(bench.draft(one), accept=True))
    [card] = bench.ledger.cards.of_highlight(one.key)
    recorded = bench.record(run, other, Checked(bench.draft(other), repeats=card.guid))
    assert (recorded.merged, recorded.drafted) == (1, 0)
    assert bench.ledger.queries.funnel(run).fates == {Fate.CARDED: 2}
    run, _ = bench.read(notes)
    assert not list(bench.ledger.queries.to_draft(run, "rules"))


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


def test_findings_are_kept_with_the_draft(bench):
    finding = Finding("yes_no", Severity.BLOCK, "a yes/no question")
    run, highlight = only(bench, bench.mark(WORDS))
    bench.record(run, highlight, Checked(bench.draft(highlight), (finding,)))
    bench.reopen()
    [card] = bench.ledger.cards.of_highlight(highlight.key)
    assert card.leading.findings == (finding,)
    assert card.blocked
    assert bench.ledger.queries.funnel().fates == {Fate.BLOCKED: 1}


def test_fates_sum_to_what_was_seen(bench):
    marks = [bench.mark(f"{WORDS} Case {n}.") for n in "abcd"] + [bench.mark("x y", skip="skip")]
    run, settled = bench.read({"a.md": marks})
    found = list(bench.ledger.highlights.seen_in(run))
    bench.record(run, found[0], Checked(bench.draft(found[0]), accept=True))
    bench.record(run, found[1], Checked(bench.draft(found[1])))
    bench.record(run, found[2])
    funnel = bench.ledger.queries.funnel(run)
    assert funnel.fates.total() == funnel.seen == settled.seen == 5
    assert funnel.fates == {Fate.CARDED: 1, Fate.WAITING: 1, Fate.NO_CARD: 2, Fate.IGNORED: 1}


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
