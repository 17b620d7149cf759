"""How a card will look: our templates filled in as Anki fills them in.

Only what our templates use: fields, conditions, `{{FrontSide}}`, and the cloze filter, without
its special case of a cloze inside a formula, which `render` never makes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ankiforge.anki.cards import cloze_signs, is_empty
from ankiforge.anki.notetypes import note_type
from ankiforge.model import Family

_CONDITION = re.compile(r"\{\{#(\w+)\}\}(.*?)\{\{/\1\}\}", re.DOTALL)
_HOLE = re.compile(r"\{\{(cloze:)?(\w+)\}\}")


def sides(family: Family, fields: Sequence[str], ordinal: int = 0) -> tuple[str, str]:
    """(question, answer) of one card as HTML, without the style.

    Args:
        family: the note type.
        fields: all fields as HTML, in note type order.
        ordinal: which card, from 0; of a cloze note the cloze number less one.
    """
    kind = note_type(family)
    template = kind.templates[0 if family is Family.CLOZE else ordinal]
    texts = dict(zip(kind.fields, fields, strict=True))
    question = _fill(template.question, texts, ordinal + 1, reveal=False)
    return question, _fill(
        template.answer, {**texts, "FrontSide": question}, ordinal + 1, reveal=True
    )


def _fill(template: str, texts: Mapping[str, str], number: int, *, reveal: bool) -> str:
    while (
        simpler := _CONDITION.sub(lambda m: "" if is_empty(texts[m[1]]) else m[2], template)
    ) != template:
        template = simpler
    return _HOLE.sub(
        lambda hole: cloze(texts[hole[2]], number, reveal=reveal) if hole[1] else texts[hole[2]],
        template,
    )


@dataclass(slots=True)
class _Open:
    numbers: tuple[int, ...] = ()
    parts: list[str] = field(default_factory=list)
    hint: str | None = None
    """"" where a `::` stands and nothing after it: Anki then shows empty brackets."""

    def add(self, text: str) -> None:
        if self.numbers and "::" in text:
            text, _, self.hint = text.partition("::")
        self.parts.append(text)


def cloze(text: str, number: int, *, reveal: bool) -> str:
    """A field under Anki's cloze filter: the gaps of one number hidden or revealed."""
    stack, at = [_Open()], 0
    for sign in cloze_signs(text):
        stack[-1].add(text[at : sign.start])
        if sign.numbers:
            stack.append(_Open(sign.numbers))
        else:
            closed = stack.pop()
            stack[-1].parts.append(_span(closed, number, reveal=reveal))
        at = sign.end
    stack[-1].add(text[at:])
    return "".join(stack[0].parts)


def _span(gap: _Open, number: int, *, reveal: bool) -> str:
    active = number in gap.numbers
    shown = (
        "".join(gap.parts)
        if reveal or not active
        else f"[{'...' if gap.hint is None else gap.hint}]"
    )
    name = "cloze" if active else "cloze-inactive"
    marks = ",".join(map(str, gap.numbers))
    return f'<span class="{name}" data-ordinal="{marks}">{shown}</span>'
