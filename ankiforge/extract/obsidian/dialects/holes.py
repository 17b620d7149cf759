"""Clozes of other tools, turned into ours."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ankiforge.extract.obsidian.dialects.page import Page
from ankiforge.extract.obsidian.rich import rich
from ankiforge.extract.obsidian.tokens import MASK
from ankiforge.model import Span


@dataclass(frozen=True, slots=True)
class Hole:
    """What is hidden, in a source."""

    start: int
    end: int
    """[start, end) of it with its signs."""
    answer: Span
    hint: Span = (0, 0)
    """(0, 0) without one."""
    numbers: str = ""
    """`1` or `1,3`; "" = to be given."""


def holes(mask: str, patterns: Iterable[re.Pattern[str]]) -> list[Hole]:
    """What patterns with the groups answer, hint and numbers find; the first of overlapping."""
    found: list[Hole] = []
    for pattern in patterns:
        for match in pattern.finditer(mask):
            groups = match.re.groupindex
            hint = match.span("hint") if "hint" in groups and match["hint"] else (0, 0)
            numbers = (match["numbers"] or "") if "numbers" in groups else ""
            hole = Hole(match.start(), match.end(), match.span("answer"), hint, numbers)
            at = bisect_left(found, hole.start, key=lambda one: one.start)
            after_others = at == 0 or found[at - 1].end <= hole.start
            before_others = at == len(found) or hole.end <= found[at].start
            if after_others and before_others and match["answer"].strip():
                found.insert(at, hole)
    return found


def counted(found: Iterable[Hole]) -> Iterator[Hole]:
    """With numbers for those that have none: 1, 2 … among themselves."""
    free = 0
    for hole in found:
        free += not hole.numbers
        yield hole if hole.numbers else replace(hole, numbers=str(free))


def clozed(page: Page, source: str, mask: str, found: Iterable[Hole]) -> str:
    """The Markdown of a text with these holes, each of them numbered."""
    parts, at = [], 0
    for hole in found:
        hint = f"::{_guarded(source, mask, hole.hint)}" if hole.hint[1] else ""
        answer = _guarded(source, mask, hole.answer)
        parts += [
            _plainly(source, mask, (at, hole.start)),
            f"{{{{c{hole.numbers}::{answer}{hint}}}}}",
        ]
        at = hole.end
    text = "".join([*parts, _plainly(source, mask, (at, len(source)))])
    return rich(text, page.blocks.around, gaps=True)


_PAIRED = re.compile(r"(?<=\{)\{|(?<=\})\}")
_INSIDE = re.compile(r"[{}]|(?<=:):|^:|:$")


def _plainly(source: str, mask: str, span: Span) -> str:
    """A stretch outside clozes: no cloze begins or ends there."""
    return _escaped(_PAIRED, source, mask, span)


def _guarded(source: str, mask: str, span: Span) -> str:
    """An answer or a hint, without blanks around: nothing in it ends it."""
    text = source[slice(*span)]
    start = span[0] + len(text) - len(text.lstrip())
    return _escaped(_INSIDE, source, mask, (start, start + len(text.strip())))


def _escaped(signs: re.Pattern[str], source: str, mask: str, span: Span) -> str:
    places = {span[0] + match.start() for match in signs.finditer(mask[slice(*span)])}
    return "".join(
        "\\" + source[at] if at in places and mask[at] != MASK else source[at]
        for at in range(*span)
    )
