"""Cards written by hand within one block: `front::back` and `Term: definition`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ankiforge.extract.obsidian.inline import Inline
from ankiforge.model import Form, Span
from ankiforge.text.sentences import trimmed

_COLONS = re.compile(r"(?<!:):{2,3}(?!:)")
FIELD = re.compile(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}"
)
"""Inline fields of Dataview, `[due:: 2026-01-01]`, and names of templates: never a card."""
_VERB = re.compile(
    r"\S+\s+(?:is|are|was|were|has|have|had|can|does|do|will|should|must|may|returns?|takes?)\b"
)
_NAMESPACES_WORDS = "std boost absl tbb folly tokio serde crate chrono this_thread cv glm fmt alloc"
_NAMESPACES = frozenset(_NAMESPACES_WORDS.split())
"""What stands before `::` in programs, not before an answer."""
_NAME = re.compile(r"[A-Za-z_]\w*(?:[<:]\S*)?|[\dA-Fa-f]*:[\dA-Fa-f:]*", re.ASCII)
"""What may stand before `::` in programs and addresses of machines."""
_NO_NAMES_WORDS = (
    "a an the to it its this that these those they he she we you there what which who how when"
    " where why der die das den dem ein eine le la les un une el los las una il lo gli um uma"
)
_NO_NAMES = frozenset(_NO_NAMES_WORDS.split())
"""What begins an answer, and is no name in a program."""
_MOST_TRIED = 20
"""Separators that are looked at."""
_CALL = re.compile(r"\w+(?:_\w|[(<])")
_CAMEL = re.compile(r"\w+[a-z][A-Z]")
_ACTS = re.compile(r"\S+\s+[a-z]+(?:s|ed)\b")
"""`Vec::new creates a vector` tells of a program, `Osmosis::movement of water` of a term."""


@dataclass(frozen=True, slots=True)
class Sides:
    """A card on one line: its two sides as spans of the block's plain text."""

    front: Span
    back: Span
    form: Form
    two_way: bool = False
    clarity: int = 0
    """How sure it is that the colons join no names: 2 = a blank beside them, 1 = three of them,
    or `?` before."""


def inline_card(inline: Inline) -> Sides | None:
    """The card `front::back` or `term:::definition` that a line is, if it is one.

    Not in code, maths, addresses and fields in brackets; not where `::` joins the names of a
    program (`std::vector is a container`, `Foo::bar()`, `a::b::c`), nor after a `{{` that is
    never closed. Of several `::` the clearest counts; if that is no single one, a person looks.
    """
    words = inline.open_words()
    if "::" not in words:
        return None
    found = list(_separated(inline, words))
    if not found:
        return None
    best = max(found, key=lambda sides: sides.clarity)
    rivals = [sides for sides in found if sides.clarity or not best.clarity]
    return best if len(rivals) == 1 else replace(best, form=Form.INLINE_FIELD)


def _separated(inline: Inline, words: str) -> Iterator[Sides]:
    """The ways to read the line as a card."""
    fields = [match.span() for match in FIELD.finditer(words)]
    for colons in islice(_COLONS.finditer(words), _MOST_TRIED):
        if any(start < colons.start() < end for start, end in fields):
            continue
        front, back = trimmed(words, 0, colons.start()), trimmed(words, colons.end(), len(words))
        if words.rfind("{{", 0, front[1]) > words.rfind("}}", 0, front[1]):
            continue
        form = _form(words, colons) if _shows(inline, front) and _shows(inline, back) else None
        if form:
            two_way = len(colons[0]) == 3
            asked = two_way or words[front[1] - 1 : front[1]] == "?"
            clarity = 2 if (front[1], back[0]) != colons.span() else int(asked)
            yield Sides(front, back, form, two_way, clarity)


def _shows(inline: Inline, side: Span) -> bool:
    """Whether there is something on a side: words, or a picture alone."""
    return side[0] < side[1] or bool(inline.markdown(*side)[0])


def _form(words: str, colons: re.Match[str]) -> Form | None:
    front, back = words[: colons.start()], words[colons.end() :]
    if not front.strip() or not back.strip():
        return Form.INLINE
    single = len(front.split()) == 1
    if len(colons[0]) == 3:
        return Form.INLINE
    if front[-1].isspace() or back[0].isspace():
        field = single and not front[-1].isspace()
        return Form.INLINE_FIELD if field else Form.INLINE
    left, right = front.split()[-1], back.split()[0]
    if not _NAME.fullmatch(left) or not right.isascii() or right.casefold() in _NO_NAMES:
        return Form.INLINE
    if left in _NAMESPACES or "::" in f"{left} {right}" or _CALL.match(right):
        return None
    if _VERB.match(back):
        return None if single else Form.INLINE_FIELD
    unsure = _CAMEL.match(right) or (single and _ACTS.match(back))
    return Form.INLINE_FIELD if unsure else Form.INLINE


_COLON = re.compile(r":(?=\s+\S)|：(?=\s*\S)")
_LONGEST_TERM = 5
"""Words of a term."""


def bold_term(inline: Inline) -> Sides | None:
    """`**Term**: text` or `**Term:** text`."""
    first = next((p for p in inline.phrases() if p.sign == "bold" and p.span[0] == 0), None)
    sides = plain_term(inline)
    if first is None or sides is None or sides.front[1] not in (first.span[1], first.span[1] - 1):
        return None
    return sides


def plain_term(inline: Inline) -> Sides | None:
    """`Term: definition`, bold or not."""
    words = inline.open_words()
    colon = _COLON.search(words)
    if colon is None:
        return None
    front, back = trimmed(words, 0, colon.start()), trimmed(words, colon.end(), len(words))
    if not 1 <= len(words[slice(*front)].split()) <= _LONGEST_TERM:
        return None
    return Sides(front, back, Form.TERM)


def runs_of_three(places: list[tuple[int, int, int]]) -> Iterator[int]:
    """Of (list, item, index) in order, the indices that stand in three items in a row or more."""
    run: list[tuple[int, int, int]] = []
    for place in [*places, (-1, -1, -1)]:
        if run and (place[0] != run[-1][0] or place[1] != run[-1][1] + 1):
            if len(run) >= 3:
                yield from (index for _, _, index in run)
            run = []
        run.append(place)
