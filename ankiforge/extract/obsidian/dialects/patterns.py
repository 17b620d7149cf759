"""The patterns by which obsidian-spaced-repetition is told what a cloze is.

`==[123;;]answer[;;hint]==`: what stands in brackets may be left out; digits stand for the
number of the cloze, or for what it does on each card (`a` asked, `s` shown, `h` hidden).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ankiforge.extract.obsidian.dialects.holes import Hole, holes
from ankiforge.extract.obsidian.dialects.page import Page
from ankiforge.extract.obsidian.templates import is_template

_GROUP = re.compile(r"\[((?:\\[\[\]]|[^\]])+)\]")
_DIGITS = re.compile(r"\d+")
_HINT = "hint"
_ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Patterns:
    """All patterns of a vault, compiled."""

    numbered: tuple[re.Pattern[str], ...]
    acted: tuple[re.Pattern[str], ...]
    simple: tuple[re.Pattern[str], ...]
    signs: tuple[str, ...]
    """What each begins with: without any of these nothing is hidden."""

    @classmethod
    def of(cls, written: tuple[str, ...]) -> Patterns:
        """Compile them."""
        numbered, acted, simple = (
            tuple(_compiled(pattern, by) for pattern in written) for by in (r"\d+", "[ash]+", "")
        )
        signs = tuple(_before_groups(pattern) for pattern in written)
        return cls(numbered, acted, simple, signs)

    def may_hide(self, line: str) -> bool:
        """Whether it is worth looking."""
        return any(sign in line for sign in self.signs)

    def holes(self, page: Page, mask: str) -> list[Hole]:
        """What is hidden in a text: if some clozes are numbered, these; else all."""
        kinds = (self.numbered, self.acted, self.simple)
        return next(filter(None, (self._of_kind(page, mask, kind) for kind in kinds)), [])

    def _of_kind(self, page: Page, mask: str, kind: tuple[re.Pattern[str], ...]) -> list[Hole]:
        found = [
            hole
            for hole in holes(mask, kind)
            if not (mask.startswith("{{", hole.start) and is_template(mask[slice(*hole.answer)]))
        ]
        if kind is self.simple:
            return [replace(hole, numbers=str(n)) for n, hole in enumerate(found, start=1)]
        return list(_asked(found) if kind is self.acted else found)


def _asked(found: list[Hole]) -> Iterator[Hole]:
    """The numbers of the cards on which a cloze is asked."""
    for hole in found:
        cards = [str(n) for n, act in enumerate(hole.numbers, start=1) if act == "a"]
        if cards:
            yield replace(hole, numbers=",".join(cards))


def _before_groups(pattern: str) -> str:
    return re.split(r"[\[\]]", pattern.partition(_ANSWER)[0])[0]


def _compiled(pattern: str, numbers: str) -> re.Pattern[str]:
    """A pattern as an expression; `numbers` is what stands for its digits, "" = left out."""
    parts, at = [], 0
    for group in _GROUP.finditer(pattern):
        inside = group[1].replace("\\[", "[").replace("\\]", "]")
        parts.append(_plain(pattern[at : group.start()]))
        parts.append(_hint(inside) if _HINT in inside else _numbers(inside, numbers))
        at = group.end()
    return re.compile("".join([*parts, _plain(pattern[at:])]))


def _plain(text: str) -> str:
    return re.escape(text).replace(_ANSWER, r"(?P<answer>.{1,1000}?)")


def _hint(inside: str) -> str:
    before, _, after = inside.partition(_HINT)
    ends = rf"(?:(?!{re.escape(after)}).){{1,200}}?" if after else ".{1,200}?"
    return rf"(?:{re.escape(before)}(?P<hint>{ends}){re.escape(after)})?"


def _numbers(inside: str, numbers: str) -> str:
    if not numbers:
        return ""
    before, after = (re.escape(part) for part in _DIGITS.split(inside, maxsplit=1))
    return rf"{before}(?P<numbers>{numbers}){after}"
