"""Golden histories of facts that move: marks that are joined, split, shifted, copied and reworded.

A step is `notes | decisions | marks | cards`. Notes: `A: [P Q] {R*} <V>; B: …`: `[ ]` a mark of whole sentences,
`{ }` sentences with a gap each, `< >` a line front::back. Decisions come after the reading: `accept P x` (card x),
`both P Q x` (one card of two sentences), `hand P x`, `same P x` (the card gets these words), `reject P`,
`retire x`, `skip P` (its mark), `undo`. What is seen then, for each mark: `P.` decided, `P`
offered, `P~Q` offered with the remark that Q was decided, `P?x~Q` the same, and asks whether these are new words of card
x; `(closed)`; and for each live card its sentences, the number of the mark where it is (`-`: nowhere), `changed`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ankiforge.ledger.events import USER
from tests.facts.program import Made, exact
from tests.facts.vault import GAPS, Vault, markdown_of

DATA = json.loads((Path(__file__).parent / "moves.json").read_text("utf-8"))
SENTENCES, HISTORIES = DATA["sentences"], DATA["histories"]
NAMES = {exact(text): name for name, text in SENTENCES.items()}


def worth(sentence: str) -> float:
    """Sentences deserve a card in the order of their letters; lines and gaps are the source's own."""
    return 1.0 - list(NAMES).index(sentence) / 100 if sentence in NAMES else 0.0


class Golden:
    """One golden history."""

    def __init__(self, folder: Path) -> None:
        self.vault = Vault(folder, "a", worth)
        self.name_of: dict[str, str] = {}
        """By guid of a card: its letter."""
        self.made: list[Made] = []

    def play(self, notes: str, decisions: str) -> None:
        written: dict[str, list[str]] = {"A": [], "B": []}
        for note in filter(str.strip, notes.split(";")):
            name, _, marks = note.strip().partition(":")
            for mark in re.findall(r"[\[{<][^\]}>]*[\]}>]", marks):
                texts = [
                    SENTENCES[letter] for letter in mark[1:-1].replace("*", "").split()
                ]
                written[name].append(markdown_of(GAPS[mark[0]], texts))
        self.vault.write_notes(written)
        for decision in filter(str.strip, decisions.split(";")):
            self.decide(*decision.split())

    def decide(self, verb: str, *names: str) -> None:
        vault = self.vault
        if verb == "undo":
            assert vault.undo(self.made.pop().action)
        elif verb == "retire":
            self.seen()
            self.made.append(vault.reject(self.guid_of(names[0])))
        else:
            texts = [exact(SENTENCES[name]) for name in names if name in SENTENCES]
            vault.choose(texts[0])
            made = {
                "skip": lambda: vault.skip(),
                "reject": lambda: vault.reject(texts[0]),
                "accept": lambda: vault.accept(texts[0]),
                "same": lambda: vault.accept(texts[0]),
                "hand": lambda: vault.write_card(texts[0]),
                "both": lambda: vault.take_from_model(texts),
            }[verb]()
            self.made.append(made)
            if verb == "same":
                assert made.card == self.guid_of(names[-1])
            elif made.card:
                self.name_of[made.card] = names[-1]

    def guid_of(self, name: str) -> str:
        return next(guid for guid, letter in self.name_of.items() if letter == name)

    def seen(self) -> str:
        """Return what is seen, as the steps have it."""
        highlights = self.vault.highlights()
        number_of = {each.key: number for number, each in enumerate(highlights, 1)}
        cards = sorted(
            self.vault.cards(), key=lambda card: (number_of.get(card[2], 0), card[1])
        )
        for guid, *_ in cards:
            own = sum(name.startswith("o") for name in self.name_of.values())
            self.name_of.setdefault(guid, f"o{own + 1}")
        shown = []
        for highlight in highlights:
            told = []
            facts, closed = self.vault.facts_of(highlight.key)
            for fact in facts:
                ask = f"?{self.name_of[fact.card]}" if fact.card else ""
                near = f"{ask}~{letters(fact.near)}" if fact.near else ""
                told.append(f"{letters(fact.sentence)}{'.' if fact.decided else near}")
                assert fact.waits != fact.decided, fact
            shown.append(f"[{' '.join(told)}]{' (closed)' * closed}")
        lines = []
        for guid, quote, where, changed in cards:
            at = number_of.get(where, "-")
            lines.append(
                f"{self.name_of[guid]}: {letters(quote)} @{at}{' changed' * changed}"
            )
        return " | ".join((" ".join(shown), "; ".join(sorted(lines)))).rstrip(" |")


def letters(text: str) -> str:
    """Return the letters of the sentences of a text."""
    plain = exact(text).replace("::", " ")
    found = {}
    for sentence, name in NAMES.items():
        place = plain.find(sentence.removesuffix("."))
        if place >= 0:
            found[place] = name
    return " ".join(found[place] for place in sorted(found))


def steps_of(name: str) -> Iterator[tuple[str, str, str]]:
    for step in HISTORIES[name]:
        notes, decisions, seen = step.split("|", 2)
        yield notes.strip(), decisions.strip(), seen.strip(" |")


@pytest.mark.parametrize("name", HISTORIES)
def test_facts_go_with_their_words(tmp_path, name):
    golden = Golden(tmp_path)
    try:
        for notes, decisions, expected in steps_of(name):
            golden.play(notes, decisions)
            assert golden.seen() == expected, (notes, decisions)
            golden.vault.lose_database()
            assert golden.seen() == expected, (notes, "after a lost database")
    finally:
        golden.vault.close()


def test_a_short_sentence_stands_where_its_passage_got_another_key(tmp_path):
    golden = Golden(tmp_path)
    try:
        golden.play("A: [H F]", "accept F x")
        golden.play("B: [G F]", "")
        ledger = golden.vault.ledger
        marks = ledger.fetch_rows(
            "SELECT key FROM highlight ORDER BY state"
        )  # "gone" first
        with ledger.action():
            ledger.record_event("same", marks[1]["key"], USER, {"old": marks[0]["key"]})
        golden.play("A: [C F]; B: [G F]", "")
        assert golden.seen() == "[C F] [G F.] | x: F @2"
    finally:
        golden.vault.close()
