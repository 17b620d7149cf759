"""Lines `front::back` as they are written, and the names that recur among them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ankiforge.model import Form, Highlight, HighlightKey
from ankiforge.text.fold import fold
from ankiforge.text.markdown import plain

_SEPARATOR = re.compile(r"(?<!:):{2,3}(?!:)")
_FORMS = (Form.INLINE, Form.INLINE_FIELD)


@dataclass(frozen=True, slots=True)
class Line:
    """A line with `::` or `:::`, as plain text."""

    front: str
    back: str
    blank_before: bool
    blank_after: bool
    three: bool
    """Whether it is `:::`."""

    @property
    def like_a_field(self) -> bool:
        """Whether it is spaced as Dataview spaces a field: `name:: value`."""
        return self.blank_after and not self.blank_before and not self.three

    @property
    def tight(self) -> bool:
        """`front::back`."""
        return not (self.blank_after or self.blank_before)


def line_of(highlight: Highlight) -> Line | None:
    """The line that a card was written on; None if it was not written on one."""
    if highlight.form not in _FORMS:
        return None
    exact, sides = highlight.exact, highlight.markdown
    found = list(_SEPARATOR.finditer(exact))
    fitting = [one for one in found if len(one[0]) == 2 + highlight.two_way] or found
    if not fitting:
        if len(sides) < 2:
            return None
        return Line(plain(sides[0]), plain(sides[1]), True, True, highlight.two_way)
    asked = _letters(plain(sides[0])) if len(sides) > 1 else None
    same = (one for one in fitting if _letters(exact[: one.start()]) == asked)
    colons = next(same, fitting[0])
    front, back = exact[: colons.start()], exact[colons.end() :]
    return Line(
        front.strip(), back.strip(), front[-1:].isspace(), back[:1].isspace(), len(colons[0]) == 3
    )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


class Names:
    """What stands before `::` in the lines of all notes, and how often."""

    def __init__(self, highlights: Iterable[Highlight] = ()) -> None:
        self._lines: dict[tuple[str, str], dict[HighlightKey, str]] = {}
        for highlight in highlights:
            if line := line_of(highlight):
                self._lines.setdefault(_name(highlight, line), {})[highlight.key] = fold(line.back)

    def recurs(self, highlight: Highlight, line: Line, *, asks: bool) -> int:
        """In how many places of its source the front of a line stands; 0 if that says nothing.

        The same answer once more is a card that was copied, and a question may have two answers.
        A name with several values, or one that stands everywhere, is a field.
        """
        lines = self._lines.get(_name(highlight, line), {}) | {highlight.key: fold(line.back)}
        values, places = len(set(lines.values())), len(lines)
        if asks:
            return places if values > _ANSWERS else 0
        copies = 1 if line.like_a_field else _COPIES
        return places if values > 1 or (places > copies and not line.three) else 0


_ANSWERS = 2
"""More than so many answers to one question are entries of a diary."""
_COPIES = 2
"""So often a card may stand in the notes, word by word."""


NO_NAMES = Names()


def _name(highlight: Highlight, line: Line) -> tuple[str, str]:
    return highlight.namespace, fold(line.front)
