"""Candidates of one intent, of both note types: one choice, of which a person picks one."""

from dataclasses import replace
from random import Random

import pytest

from ankiforge import review
from ankiforge.errors import RefusedError
from ankiforge.model import (
    CandidateState,
    CardKind,
    Checked,
    Family,
    Fate,
    Finding,
    Severity,
    Standing,
    Verdict,
    guid_for,
)
from ankiforge.pipeline import EditJudge
from ankiforge.review import Target

WORDS = "The aperture of a lens lets in the light that the film needs."
BLOCK = (Finding("yes_no", Severity.BLOCK, "a yes/no question"),)
A, B, C = "ask", "turned", "gap"
WORDED = {
    A: (CardKind.BASIC, (("Front", "What lets in the light?"), ("Back", "the aperture"))),
    B: (CardKind.TWO_WAY, (("Front", "aperture"), ("Back", "an opening"), ("Reverse", "y"))),
    C: (CardKind.CLOZE, (("Text", "The {{c1::hole}} lets in the light."),)),
}
ANSWERS = {A: "the aperture", B: "an opening", C: "hole"}


class Story:
    """One highlight, whose passage is drawn as a choice again and again."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.ledger = bench.ledger
        self.reads(WORDS)

    def reads(self, words: str) -> None:
        self.bench.clock.pass_seconds(6)
        self.run, _ = self.bench.read({"a.md": [self.bench.mark(words)]})
        [self.highlight] = self.bench.ledger.highlights.seen_in(self.run)

    def draft(self, name: str, tail: str = "", **more):
        kind, fields = WORDED[name]
        fields = tuple((n, text + (tail if n in ("Front", "Text") else "")) for n, text in fields)
        more = {"answer": ANSWERS[name], "quote": "lets in the light", **more}
        return self.bench.draft(self.highlight, kind=kind, fields=fields, intent=0, **more)

    def draws(self, *names: str, tail: str = "", blocked: tuple[str, ...] = ()):
        drafts = (self.draft(name, tail) for name in names)
        checked = [
            Checked(draft, BLOCK if name in blocked else (), accept=True, label=name, deck="Deck")
            for name, draft in zip(names, drafts, strict=True)
        ]
        return self.bench.record(self.run, self.highlight, *checked, drafter="llm")

    def card(self, family: Family = Family.BASIC):
        return self.bench.ledger.cards.get(guid_for(self.highlight.key, family, 1))

    @property
    def basic(self):
        return self.card(Family.BASIC)

    @property
    def cloze(self):
        return self.card(Family.CLOZE)

    def cards(self):
        return self.bench.ledger.cards.of_highlight(self.highlight.key)

    def live(self):
        cards = (card for card in self.cards() if card.standing is Standing.LIVE)
        return [card for card in cards if card.verdict is not Verdict.REJECTED]

    def of(self, name: str) -> Target:
        """The newest candidate of these words."""
        card = self.cloze if name == C else self.basic
        [*_, found] = [c for c in card.candidates if c.draft.answer == ANSWERS[name]]
        return Target(card, found.id.partition(".")[2])

    def pick(self, name: str) -> str:
        self.bench.clock.pass_seconds(1)
        [done] = review.pick(self.bench.ledger, [self.of(name)])
        return done.refused


@pytest.fixture
def story(bench):
    return Story(bench)


def states(card):
    return [candidate.state.value for candidate in card.candidates]


def standing(card):
    return card.verdict.value, card.standing.value


# --- first stored ---------------------------------------------------------------------------


def test_a_choice_has_a_card_of_each_note_type_in_one_slot_and_waits(story):
    recorded = story.draws(A, C, B)
    assert recorded.drafted == 1
    assert [(card.family, card.slot) for card in story.cards()] == [("basic", 1), ("cloze", 1)]
    assert [states(card) for card in story.cards()] == [["open", "open"], ["open"]]
    ids = [f"{story.basic.guid}.a", f"{story.basic.guid}.b", f"{story.cloze.guid}.a"]
    assert [[one.id for one in card.to_choose] for card in story.cards()] == [ids, ids]
    assert story.ledger.queries.funnel().fates == {Fate.WAITING: 1}
    assert story.ledger.queries.card_counts()["waiting"] == 1


def test_the_shared_slot_is_one_that_neither_note_type_has(story):
    story.draws(A)
    story.ledger.recorder.record(
        story.run,
        replace_batch(
            story, (story.draft(A), 0), (story.draft(B, answer="x"), 1), (story.draft(C), 1)
        ),
        EditJudge(story.ledger),
    )
    assert sorted((card.family, card.slot) for card in story.cards()) == [
        ("basic", 1), ("basic", 2), ("cloze", 2),
    ]  # fmt: skip


def replace_batch(story, *drafts):
    from ankiforge.model import Batch, Task

    checked = tuple(Checked(replace(draft, intent=intent)) for draft, intent in drafts)
    return Batch(Task(story.highlight.document, (story.highlight,)), "llm", checked)


def test_the_note_type_of_the_first_that_may_be_leads(story):
    story.draws(A, C, blocked=(A,))
    assert story.basic.choice == story.cloze.choice == story.cloze.guid
    assert not story.basic.blocked  # the choice can be made
    assert (
        story.ledger.queries.card_counts() | {"waiting": 1, "blocked": 0}
        == story.ledger.queries.card_counts()
    )


def test_within_a_note_type_the_first_that_may_be_leads(story):
    story.draws(A, B, blocked=(A,))
    [card] = story.cards()
    assert dict(card.fields)["Front"] == "aperture"
    assert card.leading.id.endswith(".b")
    assert story.ledger.queries.funnel().fates == {Fate.WAITING: 1}


def test_a_choice_all_of_which_is_forbidden_is_one_blocked_card(story):
    story.draws(A, C, blocked=(A, C))
    counts = story.ledger.queries.card_counts()
    assert (counts["blocked"], counts["waiting"]) == (1, 0)


# --- chosen ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [review.pick, review.accept])
def test_the_picked_card_stands_and_the_other_gives_way_in_one_action(story, how):
    story.draws(A, B, C)
    before = story.cards()
    [done] = how(story.ledger, [story.of(C)])
    assert done.refused == ""
    assert standing(story.cloze) == ("accepted", "live")
    assert standing(story.basic) == ("pending", "superseded")
    assert story.basic.standing_why == story.cloze.guid
    assert states(story.basic) == ["passed", "passed"]
    assert story.ledger.queries.card_counts() == {
        "ready": 1, "waiting": 0, "blocked": 0, "retired": 0, "revisions": 0, "sourceless": 0,
    }  # fmt: skip
    review.undo(story.ledger)
    assert story.cards() == before


def test_a_pick_remembers_what_was_preferred_and_over_what(story):
    story.draws(A, B, C)
    story.pick(C)
    [decided] = [d for d in story.ledger.decisions.of(story.cloze.guid) if d.what == "pick"]
    assert decided.body["preferred"]["kind"] == "cloze"
    assert decided.body["preferred"]["fields"] == dict(WORDED[C][1])
    assert [one["answer"] for one in decided.body["over"]] == [ANSWERS[A], ANSWERS[B]]


def test_two_candidates_of_one_choice_at_once_are_refused(story):
    story.draws(A, B, C)
    done = review.pick(story.ledger, [story.of(A), story.of(C)])
    assert all("not the only candidate" in one.refused for one in done)
    assert {card.verdict for card in story.cards()} == {Verdict.PENDING}


def test_accepting_a_choice_names_the_pick(story):
    story.draws(A, C)
    [done] = review.accept(story.ledger, [Target(story.cloze)])
    assert "2 to choose from" in done.refused
    assert done.hint == f"ankiforge pick {story.basic.guid}.a"


def test_the_only_candidate_that_may_be_is_accepted_by_a_person_and_never_by_policy(story):
    story.draws(A, C, blocked=(C,))
    assert story.basic.verdict is Verdict.PENDING
    [done] = review.accept(story.ledger, [Target(story.basic)])
    assert done.refused == ""
    assert standing(story.cloze) == ("pending", "superseded")


@pytest.mark.parametrize(("first", "then"), [(A, C), (C, A), (A, B)])
def test_a_pick_can_be_changed_later_and_back(story, first, then):
    story.draws(A, B, C)
    story.pick(first)
    picked = story.cards()
    story.pick(then)
    [card] = story.live()
    assert card.leading.draft.answer == ANSWERS[then]
    assert card.ready
    review.undo(story.ledger)
    assert story.cards() == picked
    story.pick(then)
    story.pick(first)
    [card] = story.live()
    assert (card.leading.draft.answer, card.ready) == (ANSWERS[first], True)


def test_a_persons_words_for_a_candidate_are_the_card(story):
    story.draws(A, B, C)
    mine = (("Text", "My {{c1::hole}}."),)
    review.edit(story.ledger, story.of(C), mine, lambda *_: ())
    [card] = story.live()
    assert (card.fields, card.edited, card.to_choose) == (mine, True, ())
    review.undo(story.ledger)
    assert len(story.basic.to_choose) == 3


def test_an_edit_of_a_choice_wants_to_know_whose_words(story):
    story.draws(A, C)
    with pytest.raises(RefusedError, match="2 to choose from"):
        review.edit(story.ledger, Target(story.basic), (("Front", "x"),), lambda *_: ())


# --- turned down ----------------------------------------------------------------------------


def test_a_rejected_choice_is_rejected_and_restored_as_a_whole(story):
    story.draws(A, B, C)
    review.reject(story.ledger, [Target(story.cloze)], "dull")
    assert [card.verdict.value for card in story.cards()] == ["rejected"] * 2
    review.restore(story.ledger, [Target(story.basic)])
    assert len(story.basic.to_choose) == 3
    review.undo(story.ledger)
    review.undo(story.ledger)
    assert len(story.basic.to_choose) == 3


def test_the_answers_of_a_rejected_choice_are_never_offered_again(story):
    story.draws(A, B, C)
    review.reject(story.ledger, [Target(story.basic)])
    story.reads(f"{WORDS} Indeed.")
    other_kind = story.draft(C, answer=ANSWERS[B])
    drafts = [story.draft(A, " Say."), story.draft(B, " Say."), story.draft(C, " Say."), other_kind]
    for intent, draft in enumerate(drafts):
        drafts[intent] = replace(draft, intent=intent)
    recorded = story.bench.record(story.run, story.highlight, *map(Checked, drafts))
    assert (recorded.drafted, recorded.revised, story.live()) == (0, 0, [])
    assert len(story.cards()) == 2


def test_one_candidate_is_passed_over_by_its_id(story):
    story.draws(A, B, C)
    review.reject(story.ledger, [story.of(A)])
    assert dict(story.basic.fields)["Front"] == "aperture"
    assert [one.draft.answer for one in story.basic.to_choose] == [ANSWERS[B], ANSWERS[C]]
    review.reject(story.ledger, [story.of(B)])
    assert standing(story.basic) == ("pending", "superseded")
    assert [one.draft.answer for one in story.cloze.to_choose] == [ANSWERS[C]]
    review.accept(story.ledger, [Target(story.cloze)])
    for _ in range(3):
        review.undo(story.ledger)
    assert len(story.basic.to_choose) == 3


def test_two_of_three_are_passed_over_at_once(story):
    story.draws(A, B, C)
    done = review.reject(story.ledger, [story.of(A), story.of(C)])
    assert [one.refused for one in done] == ["", ""]
    assert [one.draft.answer for one in story.basic.to_choose] == [ANSWERS[B]]


def test_what_gave_way_lives_beside_the_pick_if_a_person_wants_it(story):
    story.draws(A, C)
    story.pick(A)
    review.restore(story.ledger, [Target(story.cloze)])
    review.accept(story.ledger, [Target(story.cloze)])
    assert [card.ready for card in story.cards()] == [True, True]
    story.reads(f"{WORDS} Indeed.")
    story.draws(A, C)
    assert [card.ready for card in story.cards()] == [True, True]
    story.bench.reopen(lose=True)
    story.reads(f"{WORDS} Indeed.")
    story.draws(A, C)
    assert [card.ready for card in story.cards()] == [True, True]


# --- drawn anew -----------------------------------------------------------------------------


def test_candidates_drawn_anew_take_the_place_of_open_ones(story):
    story.draws(A, B, C)
    story.reads(f"{WORDS} Indeed.")
    story.draws(A, C, tail=" Say.")
    assert len(story.cards()) == 2
    words = [dict(one.draft.fields) for one in story.basic.to_choose]
    assert [one.get("Front", one.get("Text"))[-4:] for one in words] == ["Say.", "Say."]
    assert dict(story.basic.fields)["Front"].endswith("Say.")


def test_the_same_candidates_drawn_again_change_nothing(story):
    story.draws(A, B, C)
    before = story.cards()
    recorded = story.draws(A, B, C)
    assert (story.cards(), recorded.revised) == (before, 0)


def test_a_note_type_that_is_drawn_no_more_gives_way_and_returns_under_its_id(story):
    story.draws(A, C)
    story.draws(A, B)
    assert standing(story.cloze) == ("pending", "superseded")
    assert [one.draft.answer for one in story.basic.to_choose] == [ANSWERS[A], ANSWERS[B]]
    story.draws(A, C)
    assert len(story.cards()) == 2
    assert [one.draft.answer for one in story.cloze.to_choose] == [ANSWERS[A], ANSWERS[C]]


def test_a_single_card_that_waits_becomes_a_choice(story):
    story.bench.accept = False
    story.ledger.recorder.record(
        story.run, replace_batch(story, (story.draft(A), 0)), EditJudge(story.ledger)
    )
    story.draws(A, C)
    assert len(story.basic.to_choose) == 2
    story.draws(C)
    [card] = story.live()
    assert (card.family, card.verdict) == (Family.CLOZE, Verdict.ACCEPTED)  # by policy: no choice


def test_after_a_pick_only_its_own_note_type_is_revised(story):
    story.draws(A, B, C)
    story.pick(A)
    story.reads(f"{WORDS} Indeed.")
    story.draws(A, B, C, tail=" Or rather the stop.")
    assert standing(story.cloze) == ("pending", "superseded")
    [waiting] = story.basic.open
    assert waiting.draft.answer == ANSWERS[A]
    assert [finding.check for finding in waiting.findings] == []


def test_after_a_pick_the_others_alone_are_not_offered_and_the_card_stays(story):
    story.draws(A, B, C)
    story.pick(A)
    picked = story.cards()
    story.draws(C)
    story.draws(B, tail=" Say.")
    assert story.cards() == picked


def test_the_picked_words_drawn_again_leave_the_card_alone(story):
    story.draws(A, B, C)
    story.pick(B)
    picked = story.cards()
    story.draws(A, B, C)
    assert story.cards() == picked


def test_a_new_answer_of_the_other_note_type_is_left_out_with_a_word(story):
    story.draws(A, C)
    story.pick(A)
    other = replace(story.draft(C), answer="a stop", fields=(("Text", "A {{c1::stop}} is it."),))
    both = replace_batch(story, (story.draft(A, " Say."), 0), (other, 0))
    story.ledger.recorder.record(story.run, both, EditJudge(story.ledger))
    [waiting] = story.basic.open
    assert [finding.message for finding in waiting.findings] == [
        "left out of an earlier choice: cloze"
    ]
    assert len(story.cards()) == 2


def test_words_of_a_person_that_wait_for_a_yes_outlive_what_is_drawn(story):
    story.draws(A, B)
    mine = (("Front", "mine"), ("Back", "the aperture"))
    review.edit(story.ledger, story.of(A), mine, lambda *_: ())
    story.reads(f"{WORDS} Indeed.")
    story.draws(A, tail=" Say.")
    assert (story.basic.fields, story.basic.picked.draft.fields) == (mine, mine)


# --- lost, and on two machines ----------------------------------------------------------------


@pytest.mark.parametrize("name", [A, B, C])
def test_a_lost_ledger_draws_the_same_choice_as_it_was_decided(story, name):
    story.draws(A, B, C)
    story.pick(name)
    before = [(card.guid, *standing(card), card.standing_why) for card in story.cards()]
    story.bench.reopen(lose=True)
    story.reads(WORDS)
    story.draws(C, B, A)  # in another order: letters are other ones
    after = [(card.guid, *standing(card), card.standing_why) for card in story.cards()]
    assert after == before
    [card] = story.live()
    assert card.picked.draft.answer == ANSWERS[name]


def test_a_lost_ledger_keeps_the_picked_words_where_others_are_drawn(story):
    story.draws(A, B)
    story.pick(B)
    story.bench.reopen(lose=True)
    story.reads(WORDS)
    story.draws(A, B, tail=" Say.")
    [card] = story.live()
    assert dict(card.fields) == dict(WORDED[B][1])
    assert card.picked.draft.fields == card.fields


def test_a_lost_ledger_keeps_a_rejected_choice_and_an_open_one(story):
    story.draws(A, B, C)
    story.draws(A, C)
    story.bench.reopen(lose=True)
    story.reads(WORDS)
    story.draws(A, C)
    assert [one.draft.answer for one in story.basic.to_choose] == [ANSWERS[A], ANSWERS[C]]
    review.reject(story.bench.ledger, [Target(story.basic)])
    story.bench.reopen(lose=True)
    story.reads(WORDS)
    assert story.bench.ledger.recorder.leave_rejected(story.highlight)


# --- whatever happens -------------------------------------------------------------------------


class Chance:
    """A person and a source that do anything, in any order."""

    def __init__(self, story: Story, seed: int) -> None:
        self.story, self.random = story, Random(seed)
        self.said = 0

    def step(self) -> None:
        do = self.random.choice((self.draw, self.draw, self.pick, self.pick, self.reject, self.undo,
                                 self.edit, self.lose, self.accept))  # fmt: skip
        do()

    def draw(self) -> None:
        self.said += self.random.random() < 0.5
        self.story.reads(f"{WORDS} {'So ' * self.said}")
        names = self.random.choice(((A, C), (C, A), (B, C), (A, B, C), (C, B, A), (B, A, C)))
        self.story.draws(*names, tail=f" {self.said}." if self.said else "")

    def _some(self) -> Target | None:
        cards = self.story.cards()
        if not cards:
            return None
        card = self.random.choice(cards)
        return Target(card, self.random.choice(card.candidates).id.partition(".")[2])

    def _decide(self, how) -> None:
        self.story.bench.clock.pass_seconds(1)
        if one := self._some():
            how(self.story.bench.ledger, [one])

    def pick(self) -> None:
        self._decide(review.pick)

    def accept(self) -> None:
        self._decide(review.accept)

    def reject(self) -> None:
        self._decide(review.reject)

    def undo(self) -> None:
        self.story.bench.clock.pass_seconds(1)
        try:
            review.undo(self.story.bench.ledger)
        except RefusedError:
            return

    def edit(self) -> None:
        one = self._some()
        self.story.bench.clock.pass_seconds(1)
        try:
            if one and self.random.random() < 0.3:
                fields = one.candidate.draft.fields
                mine = ((fields[0][0], f"mine {fields[0][1]}"), *fields[1:])
                review.edit(self.story.bench.ledger, one, mine, lambda *_: ())
        except RefusedError:
            return

    def lose(self) -> None:
        if self.random.random() < 0.3:
            self.story.bench.reopen(lose=True)
            self.draw()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_one_card_of_a_choice_lives_and_its_words_are_the_picked_ones(story, seed):
    chance = Chance(story, seed)
    story.draws(A, B, C)
    for _ in range(30):
        chance.step()
        ready = [card for card in story.live() if card.verdict is Verdict.ACCEPTED]
        assert len(ready) <= 1
        for card in story.live():
            if card.verdict is Verdict.ACCEPTED:
                assert card.picked.draft.fields == card.fields
                assert all(
                    c.state is CandidateState.PICKED or c != card.picked for c in card.candidates
                )
            elif card.to_choose:
                assert card.fields == card.leading.draft.fields
            assert card.picked or card.to_choose
        guids = [(card.family, card.slot) for card in story.cards()]
        assert len(guids) == len(set(guids))
