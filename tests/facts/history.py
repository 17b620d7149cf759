"""A random history of one passage: a person who edits and decides, and an oracle that knows the facts."""

from __future__ import annotations

import random
import re
import shutil
import tempfile
import traceback
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.facts.edits import Author, Sentence, texts_in
from tests.facts.program import Fact, Made, Program, Reading, exact, share
from tests.life.program import without_waits

"""The facts of a passage that are offered."""
VIOLATIONS = {
    "exchanged": "a card has words of another fact, though nobody gave it them",
    "twice": "a model's draft of a decided fact waits without a remark, in a sentence with half of the words",
    "lost": "a decided sentence stands, and is not decided",
    "hidden": "a new fact is not offered, or counts as decided",
    "closed": "a passage is closed that nobody closed, or the opposite",
    "silent": "no draft waits for an offered fact, or one does for a decided fact",
    "forgotten": "after a lost database something else is shown",
    "error": "the program failed",
}
"""What must never happen; each counts once for a sentence of a history."""
COUNTED = {
    "reworded": "as `twice`, in a sentence with fewer of the words",
    "astray": "a card whose fact is worth a card in other words, and nothing says so",
    "second": "a remark without a way to give the card the new words",
    "asks": "questions and remarks, per 100 edits",
    "needless": "those of them about another fact",
    "offers": "all other offers, per 100 edits",
}
PER_EDITS = ("asks", "needless", "offers")


def worth_by(tables: int, sentence: str) -> float:
    """A stand-in for the learnt worth, by the static tables 1 or 2."""
    count = len(words(sentence))
    leans = sentence.split()[0] in ("It", "They", "This", "These", "He", "She")
    if not 4 <= count <= 45 or sentence.endswith("?") or leans:
        return 0.0
    noise = zlib.crc32(f"{tables}{sentence}".encode()) % 100 / 100
    names = 0.5 * bool(re.search(r"\s[A-Z]", sentence))
    if tables == 1:
        numbers = bool(re.search(r"\d", sentence))
        return max(0.0, 0.5 + numbers + names - abs(count - 14) / 20 + 0.2 * noise)
    return max(0.0, noise - 0.1 + names - abs(count - 10) / 25)


def words(sentence: str) -> Counter[str]:
    bare = (word.strip("\"'“”‘’«»()[],;:.!?…") for word in sentence.casefold().split())
    return Counter(word for word in bare if word)


def shares_half(sentence: str, other: str) -> bool:
    """Whether half of the words of the shorter sentence stand in the other one."""
    ours, theirs = words(sentence), words(other)
    return 2 * (ours & theirs).total() >= min(ours.total(), theirs.total())


@dataclass
class Decision:
    """What a person decided, and what is true of it."""

    action: str
    machine: str
    facts: frozenset[int]
    sentences: frozenset[str]
    passage: frozenset[str]
    """The sentences then."""
    shown: frozenset[str] | None
    """The facts that were shown; None if the passage was closed."""
    closes: bool = False
    """Whether it closes the passage."""


@dataclass
class Machine:
    program: Program
    sentences: list[Sentence] = field(default_factory=list)
    decisions: dict[str, Decision] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)

    @property
    def by_text(self) -> dict[str, Sentence]:
        return {exact(sentence.text): sentence for sentence in self.sentences}


class History:
    """One passage on one or two computers, read after every edit and judged."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder = seed, folder
        self.dice = dice = random.Random(seed)
        self.author = Author(dice)
        self.has_two, self.loses = seed % 2 == 1, seed % 4 in (1, 2) and seed % 8 < 4
        self.source = "hypothesis" if seed % 3 else "obsidian"
        self.core: dict[str, int] = {}
        """By card: the fact that it asks for."""
        self.quotes: dict[str, set[frozenset[str]]] = defaultdict(set)
        """By card: the sentences that it may quote, as a person decided."""
        self.count: Counter[str] = Counter()
        self.seen: set[tuple[object, ...]] = set()
        self.failures: list[str] = []
        self.log: list[str] = []
        self.worth = partial(worth_by, 1)
        self.machines = [self.machine("a")]

    def machine(self, name: str) -> Machine:
        return Machine(Program(self.folder, name, self.source, self.worth))

    def say(self, *told: object) -> None:
        self.log.append(" ".join(map(str, told)))

    # --- the steps

    def play(self) -> None:
        dice = self.dice
        steps = dice.randint(5, 12)
        fork, changes = dice.randint(0, 4), dice.randint(1, steps)
        union = fork + dice.randint(2, 4)
        has_new_tables = dice.random() < 0.2
        one = self.machines[0]
        self.write(one, self.author.passage())
        if dice.random() < 0.08:
            self.decide_before_this_edition(one)
        for step in range(steps):
            if self.has_two and step == fork:
                self.say("a second machine")
                self.machines.append(self.machine("b"))
                self.share()
                self.write(self.machines[1], one.sentences)
            if self.has_two and step == union:
                self.say("the journals meet")
                self.share()
                self.machines.pop().program.close()
            if has_new_tables and step == changes:
                self.say("other tables")
                self.worth = partial(worth_by, 2)
                for machine in self.machines:
                    machine.program.take_tables(self.worth)
            if step:
                self.edit()
            for machine in self.machines:
                for _ in range(dice.choice([0, 1, 1, 2])):
                    self.decide(machine)
                if self.loses and dice.random() < 0.3:
                    self.lose(machine)
                self.judge(machine)

    def write(self, machine: Machine, sentences: list[Sentence]) -> None:
        machine.sentences = sentences
        machine.program.write([sentence.text for sentence in sentences])

    def share(self) -> None:
        share([machine.program for machine in self.machines])
        undone = {action for machine in self.machines for action in machine.undone}
        known = {}
        for machine in self.machines:
            known |= machine.decisions
        for machine in self.machines:
            machine.undone = set(undone)
            machine.decisions = {
                action: known[action] for action in known if action not in undone
            }

    def lose(self, machine: Machine) -> None:
        before = machine.program.reading()
        machine.program.lose_database()
        after = machine.program.reading()
        if before != after:
            self.fail("forgotten", f"{before}\n  {after}")

    def edit(self) -> None:
        one, *others = self.machines
        for _ in range(self.dice.choice([1, 1, 1, 2])):
            edits = (self.author.edit(one.sentences) for _ in range(20))
            edit = next((edit for edit in edits if edit), None)
            if edit is None:
                break
            kind, sentences = edit
            self.count["edits"] += 1
            self.say(kind, [sentence.text for sentence in sentences])
            self.write(one, sentences)
            for other in others:
                if self.dice.random() >= 0.3:
                    self.write(other, sentences)
        for machine in self.machines:
            self.judge(machine)

    # --- decisions

    def note(
        self, machine: Machine, before: Reading, made: Made, facts: Iterable[int], sentences: Iterable[str], *, closes: bool = False,
    ) -> None:  # fmt: skip
        """Write down what is true of a decision."""
        texts = frozenset(machine.by_text)
        shown = None if before.closed else frozenset(f.sentence for f in before.facts)
        quoted = frozenset(map(exact, sentences))
        name = machine.program.machine
        machine.decisions[made.action] = Decision(
            made.action, name, frozenset(facts), quoted, texts, shown, closes
        )
        self.say(name, made, sorted(quoted))
        self.count["decisions"] += 1

    def note_card(
        self, machine: Machine, before: Reading, made: Made, chosen: list[Sentence]
    ) -> None:
        parts = [part for sentence in chosen for part in sentence.parts]
        asked = [
            fact for fact, said in parts if made.answer.casefold() in said.casefold()
        ]
        self.core.setdefault(made.card, [*asked, parts[0][0]][0])
        facts, texts = [fact for fact, _ in parts], [each.text for each in chosen]
        # the words of another sentence take the place of one, and leave the card's others
        quoted = frozenset(texts_in(exact(" ".join(texts))))
        revised = {
            known - {text} | quoted for known in self.quotes[made.card] for text in known
        }
        self.quotes[made.card] |= {quoted, *revised}
        self.note(machine, before, made, facts, texts)

    def decide(self, machine: Machine) -> None:
        dice, program = self.dice, machine.program
        shown, live = program.reading(), program.live()
        chance = dice.random()
        own = [
            each for each in machine.decisions.values() if each.machine == program.machine
        ]
        if chance < 0.04 and own:
            decision = dice.choice(own)
            if program.undo(decision.action):
                self.say(program.machine, "undoes", decision.action)
                machine.undone.add(decision.action)
                del machine.decisions[decision.action]
            return
        if chance < 0.08 and live:
            card = dice.choice(sorted(live))
            made, quoted = program.reject(card), texts_in(live[card])
            self.note(machine, shown, made, [self.core[card]], quoted)
            return
        states = {fact.sentence: fact for fact in shown.facts}
        if (
            chance < 0.13
        ):  # by hand, on any sentence that is neither decided nor asked about
            free = []
            for text, sentence in machine.by_text.items():
                if text not in states or not (states[text].decided or states[text].card):
                    free.append(sentence)
            if free:
                sentence = dice.choice(free)
                self.note_card(
                    machine, shown, program.write_card(sentence.text), [sentence]
                )
                return
        offered = [fact for fact in shown.facts if fact.waits]
        if offered:
            self.decide_on(machine, shown, dice.choice(offered))

    def decide_on(self, machine: Machine, shown: Reading, fact: Fact) -> None:
        dice, program = self.dice, machine.program
        sentence = machine.by_text[fact.sentence]
        facts = [each for each, _ in sentence.parts]
        if fact.card and self.core[fact.card] in self.author.facts_in(sentence):
            if dice.random() < 0.7:
                made = program.accept(fact.sentence)
                self.note_card(machine, shown, made, [sentence])
            else:
                made = program.reject(fact.sentence)
                self.note(machine, shown, made, facts, [fact.sentence])
            return
        chance = dice.random()
        if chance < 0.45:
            made = program.accept(fact.sentence)
            self.note_card(machine, shown, made, [sentence])
        elif chance < 0.55:
            made = program.edit(fact.sentence)
            self.note_card(machine, shown, made, [sentence])
        elif chance < 0.63:  # a model's card, perhaps over two sentences
            decided = {each.sentence for each in shown.facts if each.decided}
            at = machine.sentences.index(sentence)
            chosen = [sentence]
            for after in machine.sentences[at + 1 : at + 2]:
                if exact(after.text) not in decided and dice.random() < 0.5:
                    chosen.append(after)
            made = program.take_from_model([each.text for each in chosen])
            self.note_card(machine, shown, made, chosen)
        elif chance < 0.69:
            made = program.skip()
            self.note(machine, shown, made, [], [], closes=True)
        else:
            self.note(
                machine, shown, program.reject(fact.sentence), facts, [fact.sentence]
            )

    def decide_before_this_edition(self, machine: Machine) -> None:
        """A journal in which decisions name no facts."""
        program = machine.program
        shown = program.reading()
        if not shown.facts:
            return
        sentence = machine.by_text[self.dice.choice(shown.facts).sentence]
        made = program.accept(exact(sentence.text))
        program.forget_facts()
        self.note_card(machine, shown, made, [sentence])
        decision = machine.decisions[made.action]
        decision.sentences, decision.closes = frozenset(), True

    # --- the oracle

    def fail(self, kind: str, sentence: str, *more: object) -> None:
        """Count what is wrong, once for a sentence; what is only counted fails nothing."""
        if (kind, sentence, *more) in self.seen:
            return
        self.seen.add((kind, sentence, *more))
        self.count[kind] += 1
        self.failures.append(f"{kind}: {sentence} {' '.join(map(str, more))}")
        self.say("!!!", kind, sentence, *more)

    def judge(self, machine: Machine) -> None:
        shown, live = machine.program.reading(), machine.program.live()
        decisions = list(machine.decisions.values())
        decided = {fact for each in decisions for fact in each.facts}
        quoted = {text for each in decisions for text in each.sentences}
        skipped: set[str] = set()  # what closes a passage names all its sentences
        for each in decisions:
            if each.closes:
                skipped |= each.passage
        facts_in = {
            text: self.author.facts_in(each) for text, each in machine.by_text.items()
        }
        states = {fact.sentence: fact for fact in shown.facts}
        if shown.closed != any(each.closes for each in decisions):
            self.fail("closed", str(shown.closed))

        def is_undecided(text: str) -> bool:
            """Whether one of the facts of a sentence is not decided."""
            parts = [fact for fact, _ in machine.by_text[text].parts]
            return any(not decided & set(self.author.with_whole(fact)) for fact in parts)

        # what is shown
        for fact in shown.facts:
            text, facts = fact.sentence, facts_in[fact.sentence]
            if not fact.waits and not fact.decided:
                if self.worth(text) > 0:
                    self.fail("silent", text)
                continue
            state = ("shown", fact.decided, bool(fact.near), text)
            is_new = state not in self.seen
            self.seen.add(state)
            if fact.decided:
                if fact.waits:
                    self.fail("silent", text)
                if text not in quoted | skipped:
                    self.fail("hidden", text, "as if decided")
            elif fact.near:
                self.count["asks"] += is_new
                is_about = {self.core[fact.card]} if fact.card else set()
                if not facts & (decided | is_about):
                    self.fail("needless", text, fact.near)
                if not fact.card and any(self.core[card] in facts for card in live):
                    self.fail("second", text, fact.near)
            else:
                self.count["offers"] += is_new
                if facts & decided and fact.by_model:
                    alike = [each for each in quoted if shares_half(text, each)]
                    same = [
                        each for each in alike if self.stated(decisions, each) & facts
                    ]
                    self.fail("twice" if same else "reworded", text, *same)

        # what is not
        for text in facts_in:
            state_of = states.get(text)
            # a model may draft the sentence of a proposal that was rejected
            is_told = state_of and (state_of.decided or state_of.by_model)
            if text in quoted and not is_told:
                self.fail("lost", text)
            is_open = not shown.closed and self.worth(text) > 0
            if state_of is None and is_open and is_undecided(text):
                self.fail("hidden", text)

        # cards: of which fact they are, and whether a correction reaches them
        for card, quote in live.items():
            if frozenset(texts_in(quote)) not in self.quotes[card]:
                self.fail("exchanged", quote, card)
            if all(text in facts_in for text in texts_in(quote)):
                continue
            said = []
            for text, facts in facts_in.items():
                if self.core[card] in facts and self.worth(text) > 0:
                    said.append(text)
            is_answered = any(text in quoted for text in said)
            is_told = any(text in states and states[text].near for text in said)
            if said and not is_answered and not is_told:
                self.fail("astray", said[0], card)

    def stated(self, decisions: list[Decision], text: str) -> set[int]:
        """Return the facts that were decided with a sentence."""
        return {
            fact for each in decisions if text in each.sentences for fact in each.facts
        }


class Report(NamedTuple):
    """What came of a history."""

    count: Counter[str]
    failures: list[str]
    log: list[str]


def played(seed: int) -> Report:
    """Play one history in memory."""
    folder = Path(tempfile.mkdtemp(prefix="facts")).resolve()
    try:
        with without_waits():
            history = History(seed, folder)
            try:
                history.play()
            except Exception:  # noqa: BLE001 - one history must not end all
                history.fail("error", traceback.format_exc(limit=-4))
            for machine in history.machines:
                machine.program.close()
            return Report(history.count, history.failures, history.log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rates(total: Counter[str]) -> dict[str, float]:
    """Return all that is counted."""
    found: dict[str, float] = {}
    for name in (*VIOLATIONS, *COUNTED):
        found[name] = total[name]
        if name in PER_EDITS:
            found[name] = round(100 * total[name] / max(total["edits"], 1), 1)
    return found
