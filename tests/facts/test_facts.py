"""Golden histories of the facts of a passage, and a few random ones. `python -m tests.facts` plays as many as you like.

A golden history is a list of steps, `text | decisions | what is seen then`. The text lists sentences by
letter. What is seen: `A.` is decided, `A` offered, `A~B` offered with the remark that nearly the same words, B,
were decided, `A?x~B` the same, and asks whether these are new words for card x; `-x`: the source of card x
has changed; `closed`: nothing else is offered. `@b` decides on a second computer. `= A0`: new tables, by which
A deserves no card.
"""

import json
from pathlib import Path

import pytest

from tests.facts.history import VIOLATIONS, played
from tests.facts.program import Program, exact, share

DATA = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
SENTENCES, HISTORIES = DATA["sentences"], DATA["histories"]


def steps_of(name):
    """Yield the parts of each step: its text, decisions and what is seen, by letters; and the tables."""
    unworthy = None
    for step in HISTORIES[name]:
        if step.startswith("="):
            unworthy = step[1:].split()
            continue
        text, decisions, *seen = [part.strip() for part in step.split("|")]
        orders = [order.strip() for order in decisions.split(";") if order.strip()]
        yield text.split(), orders, " | ".join(part for part in seen if part), unworthy
        unworthy = None


class Golden:
    """One golden history, on as many computers as it names."""

    def __init__(self, folder, name):
        names = {
            order[-1]
            for _, orders, _, _ in steps_of(name)
            for order in orders
            if "@" in order
        }
        self.programs = {}
        for machine in sorted({"a", *names}):
            self.programs[machine] = Program(
                folder, machine, "obsidian", lambda text: 1.0
            )
        self.cards = {}
        """By letter: the guid."""
        self.made = []

    def play(self, letters, orders, unworthy):
        """Play one step; a second computer has the text of before if it decides on words that are gone."""
        for machine, program in self.programs.items():
            own = [
                order for order in orders if (order.partition("@")[2] or "a") == machine
            ]
            if unworthy is not None:
                refused = [exact(SENTENCES[word[:-1]]) for word in unworthy]
                program.take_tables(
                    lambda text, refused=refused: float(text not in refused)
                )
            if machine == "a" or {order.split()[1] for order in own} & set(letters):
                program.write([SENTENCES[letter] for letter in letters])
            for order in own:
                self.made.append(
                    (program, self.decide(program, order.partition(" @")[0]))
                )
        share(list(self.programs.values()))

    def decide(self, program, order):
        verb, *words = order.split()
        if order == "skip":
            return program.skip()
        if verb == "undo":
            at, made = self.made[int(words[0]) - 1]
            assert at.undo(made.action)
            return made
        sentences = [SENTENCES[letter] for letter in words[0].split("+")]
        first, card = exact(sentences[0]), words[1] if len(words) > 1 else ""
        if verb == "reject":
            return program.reject(first)
        if verb == "retire":
            return program.reject(self.cards[card])
        states = {fact.sentence: fact for fact in program.reading().facts}
        if len(sentences) > 1:
            made = program.take_from_model(sentences)
        elif first not in states:
            made = program.write_card(sentences[0])
        else:
            is_another = card not in self.cards
            # of two computers that accept one fact
            gap = 2 if "y" in card and program.offers()[first][0].gaps else 1
            made = program.accept(first, gap, another=is_another)
        if verb == "old":
            program.forget_facts()
        self.cards[card] = made.card
        return made

    def seen(self, machine):
        """Return what a computer shows, as the steps have it."""
        reading = self.programs[machine].reading()
        letter_of = {exact(text): letter for letter, text in reversed(SENTENCES.items())}
        name_of = {card: name for name, card in self.cards.items()}
        shown = []
        for fact in reading.facts:
            card = f"?{name_of[fact.card]}" if fact.card else ""
            near = f"~{letter_of[fact.near]}" if fact.near else ""
            shown.append(f"{letter_of[fact.sentence]}{card}{near}{'.' * fact.decided}")
            assert fact.waits != fact.decided, fact
        changed = [f"-{name_of[card]}" for card in reading.changed]
        rest = [*["closed"] * reading.closed, *sorted(changed)]
        return " | ".join(" ".join(part) for part in (shown, rest) if part)


@pytest.fixture
def golden(tmp_path, name):
    golden = Golden(tmp_path, name)
    yield golden
    for program in golden.programs.values():
        program.close()


@pytest.mark.parametrize("name", HISTORIES)
def test_facts_keep_their_decisions(golden, name):
    for letters, orders, expected, unworthy in steps_of(name):
        golden.play(letters, orders, unworthy)
        step = " ".join(letters), orders
        assert golden.seen("a") == expected, step
        golden.programs["a"].lose_database()
        assert golden.seen("a") == expected, (step, "after a lost database")


def wrong(seeds):
    """Return what no history may do, of all of them."""
    failures = []
    for seed in seeds:
        history = played(seed)
        for failure in history.failures:
            if failure.partition(":")[0] in VIOLATIONS:
                failures.append(f"seed {seed}: {failure}")
    return failures


def test_random_histories_exchange_lose_and_repeat_no_fact():
    assert not wrong(range(2))


@pytest.mark.slow
def test_many_random_histories_exchange_lose_and_repeat_no_fact():
    assert not wrong(range(2, 42))
