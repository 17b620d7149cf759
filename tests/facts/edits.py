"""Sentences whose facts are known, and the edits that people make of them.

Half of the passages hold parallel sentences, which differ in a name or a number: the edits are
harsher than life.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ankiforge.text.sentences import find_sentence_spans

HERE = Path(__file__).parent
MATERIAL: dict[str, Any] = json.loads((HERE / "material.json").read_text("utf-8"))
TEMPLATES: dict[str, dict[str, list[Any]]] = MATERIAL["templates"]
"""By name: `forms` of a sentence, and `rows` of what stands in it. Two rows are two facts."""
SYNONYMS: dict[str, str] = MATERIAL["synonyms"]
ROOT = HERE.parents[1]
PARAGRAPHS = (
    ROOT / "benchmarks/blind/passages.jsonl",
    ROOT / "benchmarks/wording/passages.jsonl",
    ROOT / "tools/proposals/passages-dev.jsonl",
)
KINDS = {
    "typo": 14, "mark": 4, "light": 10, "heavy": 7, "number": 8, "insert": 10, "parallel": 8, "delete": 8,
    "swap": 5, "split": 5, "join": 5, "extend": 5, "cut": 5, "lengthen": 4, "replace": 10, "move": 3,
}  # fmt: skip
"""How often each kind of edit is made."""
MARKDOWN = re.compile(r"[`*_\[\]<>$\\^=|~#{}]")
CLAUSE = re.compile(
    r"(?<=\S{3})(?:, (?:and|but|which|because|und|et|y) |; |: | and )(?=\w)"
)
LONGEST = 10
"""The sentences of a passage."""


def texts_in(passage: str) -> list[str]:
    return [passage[start:end] for start, end in find_sentence_spans(passage)]


def real_passages() -> list[list[str]]:
    """Return the whole sentences of paragraphs in books."""
    passages = []
    lines = [line for path in PARAGRAPHS for line in path.read_text("utf-8").splitlines()]
    for line in lines:
        found = []
        paragraph = json.loads(line).get("paragraph", "")
        for text in texts_in(" ".join(paragraph.split())):
            is_whole = text[0].isupper() and text[-1] in ".!?”"
            if is_whole and 5 <= len(text.split()) <= 45 and not MARKDOWN.search(text):
                found.append(text)
        if found:
            passages.append(found)
    return passages


REAL = real_passages()
LONG = [found for found in REAL if len(found) >= 3]


@dataclass(frozen=True)
class Sentence:
    """A sentence with the facts that it states."""

    text: str
    parts: tuple[tuple[int, str], ...]
    """Each fact with its words."""
    forms: tuple[str, ...] = ()
    """How else it could be said."""
    template: str = ""

    def said(self, text: str) -> Sentence:
        """The same facts in other words."""
        parts = self.parts
        if len(parts) == 1:
            parts = ((parts[0][0], text),)
        return replace(self, text=text, parts=parts)


class Author:
    """Writes passages and edits them; knows which facts a sentence states."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.facts = 0
        self.used: set[tuple[str, int]] = set()
        """The rows of templates that have been used."""
        self.known: set[str] = set()
        """All sentences of facts."""
        self.whole: dict[int, int] = {}
        """By piece of a fact that was split: the fact. What decides it decides the piece."""

    def facts_in(self, sentence: Sentence) -> set[int]:
        """Return the facts of a sentence, and those that they are pieces of."""
        return {each for fact, _ in sentence.parts for each in self.with_whole(fact)}

    def with_whole(self, fact: int) -> list[int]:
        found = [fact]
        while found[-1] in self.whole:
            found.append(self.whole[found[-1]])
        return found

    # --- sentences

    def new(self, text: str, forms: Iterable[str] = (), template: str = "") -> Sentence:
        self.facts += 1
        self.known.add(text)
        return Sentence(text, ((self.facts, text),), tuple(forms), template)

    def real(self) -> Sentence:
        """Return a sentence of a book that was not used yet."""
        while (text := self.dice.choice(self.dice.choice(REAL))) in self.known:
            pass
        return self.new(text)

    def templated(self, name: str = "") -> Sentence:
        """Return a fact of a template that was not used yet."""
        free = []
        for each in [name] if name else TEMPLATES:
            rows = range(len(TEMPLATES[each]["rows"]))
            free += [(each, row) for row in rows if (each, row) not in self.used]
        if not free:
            return self.real()
        name, row = self.dice.choice(free)
        self.used.add((name, row))
        forms = []
        for form in TEMPLATES[name]["forms"]:
            said = form.format(*TEMPLATES[name]["rows"][row])
            forms.append(said[0].upper() + said[1:])
        text = forms[0] if self.dice.random() < 0.8 else self.dice.choice(forms)
        return self.new(text, forms, name)

    def any(self, templated: float = 0.5) -> Sentence:
        return self.templated() if self.dice.random() < templated else self.real()

    def sibling(self, sentence: Sentence) -> Sentence:
        """Return another fact, parallel where there is one."""
        if sentence.template and self.dice.random() < 0.8:
            return self.templated(sentence.template)
        names = re.findall(r"(?<=\s)[A-Z][a-z]{3,}", sentence.text)
        if names and self.dice.random() < 0.6:
            other = self.dice.choice(MATERIAL["names"])
            return self.new(sentence.text.replace(self.dice.choice(names), other))
        return self.any()

    def passage(self) -> list[Sentence]:
        while True:
            written = self._passage()
            if fits(written):
                return written

    def _passage(self) -> list[Sentence]:
        dice, kind = self.dice, self.dice.random()
        if kind < 0.35:
            found = dice.choice(LONG)
            start = dice.randrange(max(1, len(found) - 6))
            chosen = dict.fromkeys(found[start : start + dice.randint(2, 7)])
            return [self.new(text) for text in chosen]
        written: list[Sentence] = []
        if kind < 0.85:
            name = dice.choice(list(TEMPLATES))
            most = min(4, len(TEMPLATES[name]["rows"]))
            written = [self.templated(name) for _ in range(dice.randint(1, most))]
        while len(written) < dice.randint(2, 6):
            written.append(self.any())
        return written

    # --- edits

    def edit(self, passage: list[Sentence]) -> tuple[str, list[Sentence]] | None:
        """Return an edit and the passage after it; None if that edit cannot be made of it."""
        kind = self.dice.choices(list(KINDS), list(KINDS.values()))[0]
        at = self.dice.randrange(len(passage))
        edited = self._reworded(kind, passage, at) or self._moved(kind, passage, at)
        if not edited or edited == passage or not fits(edited):
            return None
        return kind, edited

    def _reworded(
        self, kind: str, passage: list[Sentence], at: int
    ) -> list[Sentence] | None:
        """Return the passage with one sentence in other words."""
        sentence, dice = passage[at], self.dice
        text = sentence.text
        match kind:
            case "typo":
                words = list(re.finditer(r"[^\W\d_]{5,}", text))
                if not words:
                    return None
                word = dice.choice(words)
                at_letter = dice.randrange(word.start() + 1, word.end() - 1)
                before, one, next_one = text[:at_letter], *text[at_letter : at_letter + 2]
                after = text[at_letter + 2 :]
                said = dice.choice([next_one + one, next_one, one + one + next_one])
                text = f"{before}{said}{after}"
            case "mark":  # punctuation
                end = f"{text[:-1]}!" if text[-1] == "." else f"{text[:-1]}."
                fewer, more = text.replace(", ", " ", 1), text.replace(" ", ", ", 1)
                text = dice.choice([end, fewer, more, f"“{text}”"])
            case "light":
                text = self._lightly(text)
            case "heavy":
                text = self._heavily(sentence)
            case "number":  # corrected: it stays the same fact
                digits = list(re.finditer(r"\d", text))
                if not digits:
                    return None
                digit = dice.choice(digits)
                others = [each for each in "123456789" if each != digit[0]]
                text = (
                    f"{text[: digit.start()]}{dice.choice(others)}{text[digit.end() :]}"
                )
            case "lengthen":
                text = f"{text.rstrip('.')}{dice.choice(MATERIAL['tails'])}."
            case _:
                return None
        return [*passage[:at], sentence.said(text), *passage[at + 1 :]]

    def _lightly(self, text: str) -> str:
        """One or two words by others, or some added."""
        known = [word for word in text.split() if word in SYNONYMS]
        if not known or self.dice.random() < 0.3:
            return self.dice.choice(MATERIAL["added"]).format(uncapped(text))
        for word in self.dice.sample(known, min(len(known), self.dice.randint(1, 2))):
            text = re.sub(
                rf"(?<!\S){re.escape(word)}(?!\S)", SYNONYMS[word], text, count=1
            )
        return text

    def _heavily(self, sentence: Sentence) -> str:
        """Another form, or most words by others and the clauses turned."""
        if len(sentence.forms) > 1 and len(sentence.parts) == 1:
            others = [form for form in sentence.forms if form != sentence.text]
            return self.dice.choice(others)
        text = " ".join(SYNONYMS.get(word, word) for word in sentence.text.split())
        head, comma, tail = text[:-1].partition(", ")
        if comma and tail:
            text = f"{capped(tail)}, {head[0].lower()}{head[1:]}{text[-1]}"
        return text

    def _moved(
        self, kind: str, passage: list[Sentence], at: int
    ) -> list[Sentence] | None:
        """Return the passage with other sentences, or the same elsewhere."""
        dice, edited = self.dice, list(passage)
        match kind:
            case "insert":
                edited.insert(dice.randint(0, len(edited)), self.any())
            case "parallel":
                edited.insert(dice.choice([at, at + 1]), self.sibling(passage[at]))
            case "replace":
                edited[at] = self.sibling(passage[at])
            case "extend":
                more = [self.any(0.4) for _ in range(dice.randint(1, 2))]
                edited = edited + more if dice.random() < 0.6 else more + edited
            case "split":
                pieces = self._split(passage[at])
                edited[at : at + 1] = pieces or [passage[at]]
            case _ if len(passage) == 1:
                return None
            case "delete":
                del edited[at]
            case "swap":
                other = dice.choice(
                    [place for place in range(len(edited)) if place != at]
                )
                edited[at], edited[other] = edited[other], edited[at]
            case "move":
                other = dice.choice(
                    [place for place in range(len(edited)) if place != at]
                )
                edited.insert(other, edited.pop(at))
            case "join" if at + 1 < len(passage):
                edited[at : at + 2] = self._joined(*passage[at : at + 2])
            case "cut" if dice.random() < 0.5:
                edited = edited[1:] if dice.random() < 0.5 else edited[:-1]
            case "cut":  # within the last sentence
                words = passage[-1].text.split()
                if len(words) >= 8 and len(passage[-1].parts) == 1:
                    kept = words[: dice.randint(len(words) // 2, len(words) - 2)]
                    edited[-1] = passage[-1].said(" ".join(kept))
        return edited

    def _split(self, sentence: Sentence) -> list[Sentence] | None:
        if len(sentence.parts) == 2 and ", and " in sentence.text:
            (first, _), (second, _) = sentence.parts
            head, _, tail = sentence.text.partition(", and ")
        elif (end := CLAUSE.search(sentence.text)) and len(sentence.parts) == 1:
            first, second = self.facts + 1, self.facts + 2
            self.facts += 2
            self.whole |= dict.fromkeys((first, second), sentence.parts[0][0])
            head, tail = sentence.text[: end.start()], sentence.text[end.end() :]
        else:
            return None
        pieces = ((first, f"{head}."), (second, capped(tail)))
        return [Sentence(text, ((fact, text),)) for fact, text in pieces]

    def _joined(self, first: Sentence, second: Sentence) -> list[Sentence]:
        if len(first.parts) + len(second.parts) > 2 or not first.text.endswith("."):
            return [first, second]
        text = f"{first.text[:-1]}, and {uncapped(second.text)}"
        return [Sentence(text, (*first.parts, *second.parts))]


def fits(passage: list[Sentence]) -> bool:
    """Return whether the program reads the same sentences, each once."""
    texts = [sentence.text for sentence in passage]
    is_short = 0 < len(texts) <= LONGEST and len(texts) == len(set(texts))
    return is_short and texts_in(" ".join(texts)) == texts


def capped(text: str) -> str:
    return text[0].upper() + text[1:]


def uncapped(text: str) -> str:
    begins = text.split()[0] in ("The", "A", "An", "In", "By", "For", "It")
    return text[0].lower() + text[1:] if begins else text
