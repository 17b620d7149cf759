"""A draft as the checks read it, and whose words it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.check.lexical.normal import bare
from ankiforge.check.lexical.words import TERM
from ankiforge.model import Draft, Family, Form, Highlight, HighlightKind
from ankiforge.text import cloze
from ankiforge.text.cloze import Gap
from ankiforge.text.fold import same

_TEX = re.compile(r"\\[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a draft as plain text."""

    asked: str
    """The front; of a cloze the text with `[…]` for all gaps."""
    answers: tuple[str, ...]
    """The back; of a cloze the answer of each gap."""
    whole: str
    """All of it; of a cloze the text with its answers in place."""
    gaps: tuple[Gap, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """Acronyms and names with digits or inner capitals."""
        return tuple(TERM.findall(_TEX.sub(" ", self.whole)))


@lru_cache(maxsize=64)
def read(draft: Draft) -> Reading:
    """The plain words of a draft."""
    if draft.kind.family is Family.BASIC:
        front, back = bare(draft.field("Front")), bare(draft.field("Back"))
        return Reading(front, (back,), f"{front}\n{back}")
    text = draft.field("Text")
    gaps = cloze.gaps(text)
    answers = tuple(bare(gap.answer) for gap in gaps)
    return Reading(without(text, gaps), answers, bare(text), gaps)


GAP = "[…]"
_CLOZE_SIGN = re.compile(r"\{\{c\d+(?:,\d+)*::|\}\}")


def hidden_gaps(draft: Draft) -> Iterator[tuple[int, tuple[Gap, ...]]]:
    """Each card number with the gaps it hides."""
    gaps = read(draft).gaps
    for number in cloze.numbers(draft.field("Text")):
        yield number, tuple(gap for gap in gaps if number in gap.numbers)


@lru_cache(maxsize=256)
def without(text: str, gaps: tuple[Gap, ...]) -> str:
    """What the card shows while these gaps are hidden, the others answered, as plain text."""
    parts, at = [], 0
    for gap in gaps:
        if gap.start >= at:
            parts += [_run(text[at : gap.start]), GAP]
            at = gap.end
    return "".join([*parts, _run(text[at:])]).strip()


@lru_cache(maxsize=1024)
def _run(text: str) -> str:
    """The plain words of a run of Markdown, the blanks at its ends kept."""
    if not text.strip():
        return text
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{head}{_CLOZE_SIGN.sub('', bare(text))}{tail}"


# --- whose words they are -------------------------------------------------------------------


def authored(draft: Draft) -> bool:
    """Whether a person wrote the card: in the source, or in review."""
    return draft.by_hand or draft.origin.drafter == "person"


def asked_by_reader(draft: Draft) -> bool:
    """Whether the reader wrote the question, or named the gap, in a comment."""
    return draft.origin.drafter.startswith("rules:comment")


def chosen_by_reader(draft: Draft, highlight: Highlight) -> bool:
    """Whether a person chose what is asked: in a comment, or by marking the phrases."""
    return asked_by_reader(draft) or marked(draft, highlight)


def marked(draft: Draft, highlight: Highlight) -> bool:
    """Whether each answer is a phrase that the reader marked in the passage."""
    if highlight.form is not Form.PHRASE or draft.kind.family is not Family.CLOZE:
        return False
    phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
    answers = read(draft).answers
    return all(any(same(answer, phrase) for phrase in phrases) for answer in answers)


_PICTURES = (HighlightKind.IMAGE, HighlightKind.INK)


def pictured(draft: Draft, highlight: Highlight) -> bool:
    """Whether the whole answer is the picture of what the reader marked: a figure, a drawing."""
    if highlight.kind not in _PICTURES or draft.kind.family is not Family.BASIC:
        return False
    return asked_by_reader(draft) and (draft.field("Back"),) == highlight.markdown
