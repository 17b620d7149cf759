"""Cards depend on the events alone: in any order, from any file, however often they arrive."""

import random
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ankiforge.errors import RefusedError
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import iter_cards, load_card_and_passage
from ankiforge.ledger.decide import edit_item, undo_decision
from ankiforge.ledger.event_replay import replay_events
from ankiforge.ledger.events import SOURCE, USER, Event, hash_question_and_answer
from ankiforge.ledger.questions import find_open_questions
from ankiforge.model import Verdict
from tests.examples import examples
from tests.ledger.world import FAUST, OSMOSIS, RHINE, World, waiting, words_of

LINES = [OSMOSIS, RHINE, FAUST, "front one :: back one", "front two :: back two"]
MACHINES = st.sampled_from("ab")
NUMBERS = st.integers(0, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("share")),
        st.tuples(st.just("run"), MACHINES),
        st.tuples(st.just("line"), NUMBERS, st.sampled_from(["1231", "in fact", "gone", "away"])),
        st.tuples(st.just("edit"), MACHINES, NUMBERS, st.sampled_from(["Mine", "Ours", ""])),
        st.tuples(st.sampled_from(["reject", "accept", "undo", "answer", "skip"]), MACHINES, NUMBERS),
    ),
    min_size=3,
    max_size=14,
)  # fmt: skip


def play(world: World, steps: list[tuple]) -> None:
    """Let two machines work, each on what it has heard of."""
    lines = list(LINES)
    world.note("a.md", *lines)
    world.run("a", ship=False)
    world.share("a", "b")
    world.run("b", ship=False)
    for what, *more in steps:
        if what == "share":
            world.share("a", "b")
        elif what == "run":
            world.run(*more, ship=False)
        elif what == "line":
            number, text = more
            at = number % len(lines)
            lines[at] = "" if text == "gone" else f"{lines[at]} {text}"
            world.note("a.md", *lines)
        else:
            with suppress(RefusedError):
                decide(world[more[0]], what, *more[1:])


def decide(ledger: Ledger, what: str, number: int, text: str = "") -> None:
    cards = sorted(iter_cards(ledger), key=lambda card: card.guid)
    drafts, questions = waiting(ledger), find_open_questions(ledger)
    if what == "accept" and drafts:
        ledger.accept(drafts[number % len(drafts)].id)
    elif what == "answer" and questions:
        answer = ledger.accept if number % 2 else ledger.reject
        answer(questions[number % len(questions)].id)
    elif what == "undo":
        done = ledger.list_history()
        undo_decision(ledger, done[number % len(done)].id if done and number % 2 else "")
    elif cards:
        card = cards[number % len(cards)]
        if what == "edit":
            edit_item(
                ledger,
                card.guid,
                {card.fields[number % len(card.fields)][0]: text or words_of(card)},
            )
        elif what == "reject":
            ledger.reject(card.guid)
        elif what == "skip":
            ledger.reject(card.key)


def state(ledger: Ledger) -> list[tuple[object, ...]]:
    return sorted(
        (
            card.guid,
            card.verdict.value,
            card.decided_by,
            card.fields,
            load_card_and_passage(ledger, card.guid)[0].edits.pinned,
            card.edits.source_texts_offered,
            card.key,
        )
        for card in iter_cards(ledger)
    )


@given(STEPS, st.randoms(use_true_random=False), st.integers(1, 4))
@settings(examples(10), phases=(Phase.explicit, Phase.generate))
def test_events_give_the_same_cards_in_any_order_and_twice(
    steps, dice: random.Random, parts: int
):
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.apart = True
        play(world, steps)
        world.share("a", "b")
        world["a"].read_journal()
        world["b"].read_journal()
        expected = state(world["a"])
        assert state(world["b"]) == expected

        lines = [
            line
            for path in sorted(world.journal_of("a").iterdir())
            for line in path.read_bytes().splitlines()
        ]
        lines += dice.sample(lines, k=len(lines) // 3)
        dice.shuffle(lines)
        journal = Path(folder, "other")
        journal.mkdir()
        with Ledger(Path(folder, "other.db"), journal, "c") as other:
            for part in range(parts):
                path = journal / f"{dice.choice('xyz')}{part}.jsonl"
                path.write_bytes(b"".join(line + b"\n" for line in lines[part::parts]))
                other.read_journal()
            assert state(other) == expected
            assert other.merge_journal() == []
        world.close()


@pytest.mark.parametrize("merged", [True, False])
def test_of_two_equal_cards_the_kept_one_stands_when_their_passages_are_found_to_be_one(
    merged,
):
    words = {
        "kind": "basic",
        "fields": {"Front": "What?", "Back": "that"},
        "quote": "that",
    }
    why = {"why": "one card with new"} if merged else {}
    events = [
        Event(n, "a", "", by, what, key, {"guid": key, **body}, "")
        for n, (by, what, key, body) in enumerate([
            ("policy", "accept", "old", {"draft": words}), ("policy", "accept", "new", {"draft": words}),
            ("person", "retire", "old", why),
        ])
    ]  # fmt: skip
    passage = replay_events(("old", "new"), events)
    assert [card.guid for card in passage.live_cards] == (["new"] if merged else [])


def test_what_a_person_rejects_on_one_machine_is_rejected_where_policy_accepts_it_later():
    words = {
        "kind": "basic",
        "fields": {"Front": "What?", "Back": "that"},
        "quote": "that",
    }
    accepted = Event(2, "a", "", "policy", "accept", "p", {"guid": "af1", "draft": words})
    card = next(iter(replay_events(("p",), [accepted]).cards.values()))
    rejected = Event(
        1,
        "b",
        "",
        "person",
        "reject",
        "p",
        {"content": hash_question_and_answer(card.fields)},
    )
    passage = replay_events(("p",), [rejected, accepted])
    assert list(passage.live_cards) == []
    assert passage.cards["af1"].verdict is Verdict.REJECTED


def test_new_events_of_all_keys_of_a_passage_count(tmp_path):
    with Ledger(tmp_path / "l.db", tmp_path, "a") as ledger, ledger.transaction():
        for key in "ab":
            ledger.record_event("key", key, SOURCE, {"exact": key})
        ledger.record_event("same", "b", USER, {"old": "a"})
        assert ledger.get_passage("a").keys == ("a", "b")
        for key in "ab":
            ledger.record_event("text", key, SOURCE, {"exact": f"new {key}"})
        texts = [text.exact for text in ledger.get_passage("a").readings]
        assert texts[:2] == ["new b", "new a"]
