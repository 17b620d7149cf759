r"""The grammar of clozes in our Markdown: `{{c1::answer::hint}}`, nested, `{{c1,2::…}}`.

Inside code and maths nothing is a sign; elsewhere `\` makes `{`, `}` and `:` literal, and
single braces balance. Anki knows none of this: `anki.render` makes the HTML it understands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz import fuzz

from ankiforge.model import Span
from ankiforge.text.fold import canonical
from ankiforge.text.shields import outside, shields
from ankiforge.text.stored import is_visible

_SIGN = re.compile(r"\{\{c(\d+(?:,\d+)*)::|::|[{}]")
MAX_NUMBER = 500
"""Anki makes no card beyond this."""


@dataclass(frozen=True, slots=True)
class Gap:
    """One cloze: its numbers, answer and hint as Markdown, and where it stands."""

    numbers: tuple[int, ...]
    answer: str
    hint: str
    start: int
    end: int
    """[start, end) of the whole `{{…}}` in the text."""
    body: int
    """Where the answer begins."""


@dataclass(slots=True)
class _Opened:
    numbers: tuple[int, ...]
    start: int
    body: int
    depth: int = 0
    separators: list[int] = field(default_factory=list)


@lru_cache(maxsize=64)
def gaps(markdown: str) -> tuple[Gap, ...]:
    """All well-formed clozes, nested ones too, by their start."""
    if "{{c" not in markdown:
        return ()
    found, _ = _read(markdown)
    return tuple(sorted(found, key=lambda gap: gap.start))


def numbers(markdown: str) -> tuple[int, ...]:
    """The card numbers a text makes, ascending."""
    return tuple(sorted({number for gap in gaps(markdown) for number in gap.numbers}))


def problems(markdown: str) -> Iterator[str]:
    """What is malformed, in words; nothing if the text is a good cloze text."""
    found, unclosed = _read(markdown)
    if unclosed:
        yield f"a cloze opened at character {unclosed[0]} is never closed"
    if not found and not unclosed:
        yield "no cloze in the text"
    for gap in found:
        if not is_visible(gap.answer):
            yield "a cloze is empty"
        if any(not 1 <= number <= MAX_NUMBER for number in gap.numbers):
            yield f"cloze numbers go from 1 to {MAX_NUMBER}"


def _read(markdown: str) -> tuple[list[Gap], list[int]]:
    """(well-formed gaps, starts of unclosed ones): one pass, one stack."""
    shielded, end = iter(shields(markdown)), 0
    start = 0
    found: list[Gap] = []
    stack: list[_Opened] = []
    at = 0
    while sign := _SIGN.search(markdown, at):
        while end <= sign.start():
            start, end, _ = next(shielded, (len(markdown), len(markdown) + 1, ""))
        if start <= sign.start():
            at = end
        elif sign[1]:
            marks = tuple(int(number[:9]) for number in sign[1].split(","))
            stack.append(_Opened(marks, sign.start(), sign.end()))
            at = sign.end()
        else:
            at = sign.start() + (_inside(markdown, sign.start(), stack, found) if stack else 1)
    return found, [opened.start for opened in stack]


def _inside(markdown: str, at: int, stack: list[_Opened], found: list[Gap]) -> int:
    """Read one sign within an open cloze; how far it reaches."""
    top, pair = stack[-1], markdown[at : at + 2]
    if pair == "}}" and top.depth == 0:
        found.append(_close(markdown, stack.pop(), at))
        return 2
    if pair == "::" and top.depth == 0:
        top.separators.append(at)
        return 2
    if markdown[at] == "{":
        top.depth += 1
    elif markdown[at] == "}" and top.depth:
        top.depth -= 1
    return 1


def _close(markdown: str, opened: _Opened, at: int) -> Gap:
    cut = opened.separators[0] if opened.separators else at
    answer, hint = markdown[opened.body : cut], markdown[cut + 2 : at]
    return Gap(opened.numbers, answer, hint, opened.start, at + 2, opened.body)


_DEEPEST = 20
"""Clozes within clozes that are looked into."""


def reveal(markdown: str, depth: int = 0) -> str:
    """The text with every cloze replaced by its answer."""
    parts, at = [], 0
    for gap in gaps(markdown) if depth < _DEEPEST else ():
        if gap.start >= at:  # else it stands in one that is dealt with
            parts += [markdown[at : gap.start], reveal(gap.answer, depth + 1)]
            at = gap.end
    return "".join([*parts, markdown[at:]])


def make(number: int, answer: str, hint: str = "") -> str:
    """A cloze around Markdown; signs of the answer that would break it are escaped."""
    body = _guard(answer) + (f"::{_guard(hint)}" if hint else "")
    return f"{{{{c{number}::{body}}}}}"


def _guard(markdown: str) -> str:
    return outside(markdown, lambda run: re.sub(r"(?<=:):|^:|:$|[{}]", r"\\\g<0>", run))


def wrap(markdown: str, spans: tuple[Span, ...], first: int = 1) -> str:
    """The text with a cloze around each span, numbered in order."""
    parts, at = [], 0
    for number, (start, end) in enumerate(sorted(spans), start=first):
        parts += [escape_signs(markdown[at:start]), make(number, markdown[start:end])]
        at = end
    return "".join([*parts, escape_signs(markdown[at:])])


def escape_signs(markdown: str) -> str:
    """The same text with literal `{{` and `}}` escaped, so that no cloze begins there."""
    return outside(markdown, lambda run: re.sub(r"(?<=\{)\{|(?<=\})\}", r"\\\g<0>", run))


_ALIKE = 75
"""Answers at least this similar (rapidfuzz ratio, 0 to 100) keep their number."""
_MANY = 200
"""More gaps than this are compared for equality only."""


def keep_numbers(old: str, new: str, used: tuple[int, ...] = ()) -> str:
    """`new` with the numbers its answers have in `old`: cloze numbers are identity.

    Equal answers first, then similar ones; a new gap takes the highest number ever used
    plus one (`used` = numbers of earlier revisions); a removed gap leaves a hole.
    """
    before = [(canonical(gap.answer), gap.numbers) for gap in gaps(old)]
    after = [(canonical(gap.answer), gap) for gap in gaps(new)]
    given: dict[int, tuple[int, ...]] = {}
    for alike in (str.__eq__, _similar):
        for answer, gap in after:
            twin = next((one for one in before if alike(one[0], answer)), None)
            if gap.start not in given and twin is not None:
                given[gap.start] = twin[1]
                before.remove(twin)
        if len(before) > _MANY:
            break
    fresh = max((*numbers(old), *used, 0)) + 1
    return _renumber(new, tuple(gap for _, gap in after), given, fresh)


def _similar(one: str, other: str) -> bool:
    return fuzz.ratio(one, other) >= _ALIKE


def _renumber(
    text: str, after: tuple[Gap, ...], given: dict[int, tuple[int, ...]], fresh: int
) -> str:
    for gap in after:
        if gap.start not in given:
            given[gap.start] = (fresh,)
            fresh += 1
    for gap in reversed(after):
        if given[gap.start] != gap.numbers:
            marks = ",".join(str(number) for number in given[gap.start])
            text = f"{text[: gap.start]}{{{{c{marks}::{text[gap.body :]}"
    return text
