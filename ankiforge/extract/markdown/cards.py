"""Hand-written cards: `front::back` and `Term: definition` on one line, `?` on several lines."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.extract.markdown.inline import Inline
from ankiforge.extract.markdown.source import COMMENT
from ankiforge.model import Form, Span
from ankiforge.text.passages import trimmed

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock

# --- cards on one line ----------------------------------------------------------------------

_COLONS = re.compile(r"(?<!:):{2,3}(?!:)")
FIELD = re.compile(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}"
)
"""Inline fields of Dataview, `[due:: 2026-01-01]`, and template variables: never a card."""
_NAMESPACES = frozenset(
    "std boost absl tbb folly tokio serde crate chrono this_thread cv glm fmt alloc".split()  # noqa: SIM905
)
"""Namespaces of C++ and Rust: program code precedes `::` with them, a question does not."""
_NAME = re.compile(r"[A-Za-z_]\w*(?:[<:]\S*)?|[\dA-Fa-f]*:[\dA-Fa-f:]*", re.ASCII)
"""What may precede `::` in program code and in IPv6 addresses."""
_NO_NAMES = frozenset(
    "a an the to it its this that these those they he she we you there what which who how when"  # noqa: SIM905
    " where why der die das den dem ein eine le la les un une el los las una il lo gli um uma"
    .split()
)  # fmt: skip
"""Words that begin an answer but are not names in a program."""
_VERB = re.compile(
    r"\S+\s+(?:is|are|was|were|has|have|had|can|does|do|will|should|must|may|returns?|takes?)\b"
)
_CALL = re.compile(r"\w+(?:_\w|[(<])")
_UNSURE = re.compile(r"\w+[a-z][A-Z]|\S+\s+[a-z]+(?:s|ed)\b")
"""`Vec::new creates a vector` describes program code, `Osmosis::movement of water` a term."""
_MOST_TRIED = 20
"""Separators of a line that are tried."""


class Sides(NamedTuple):
    """The sides of a card on one line, as spans of the block's plain text."""

    front: Span
    back: Span
    form: Form
    two_way: bool = False
    clarity: int = 0
    """Evidence that the colons separate sides and not names: 2 = a blank beside them, 1 = three,
    or `?` before them."""


def inline_card(inline: Inline) -> Sides | None:
    """Return the card `front::back` or `term:::definition` on a line, None if there is none.

    Colons do not count in code, maths, addresses and bracketed fields, between the names of a
    program (`std::vector is a container`, `Foo::bar()`, `a::b::c`), and after an unclosed `{{`.
    Of several `::` the clearest counts; if others are clear, too, a person decides on the card.
    """
    if "::" not in inline.plain or "::" not in (words := inline.unmarked_text()):
        return None
    fields = [match.span() for match in FIELD.finditer(words)]
    found: list[Sides] = []
    for colons in islice(_COLONS.finditer(words), _MOST_TRIED):
        if any(start < colons.start() < end for start, end in fields):
            continue
        front, back = trimmed(words, 0, colons.start()), trimmed(words, colons.end(), len(words))
        if words.rfind("{{", 0, front[1]) > words.rfind("}}", 0, front[1]):
            continue
        # a side may consist of a picture
        if not all(side[0] < side[1] or inline.markdown(*side)[0] for side in (front, back)):
            continue
        if form := _form(words[: colons.start()], colons[0], words[colons.end() :]):
            two_way = len(colons[0]) == 3
            clear = two_way or words[front[1] - 1 : front[1]] == "?"
            clarity = 2 if (front[1], back[0]) != colons.span() else int(clear)
            found.append(Sides(front, back, form, two_way, clarity))
    best = max(found, key=lambda sides: sides.clarity, default=None)
    rivals = sum(bool(best and (sides.clarity or not best.clarity)) for sides in found)
    return best._replace(form=Form.INLINE_FIELD) if best and rivals > 1 else best


def _form(front: str, colons: str, back: str) -> Form | None:
    """Return the form of `front::back`, None if the colons join names of a program."""
    if not front.strip() or not back.strip() or len(colons) == 3:
        return Form.INLINE
    single = len(front.split()) == 1
    if front[-1].isspace() or back[0].isspace():
        return Form.INLINE_FIELD if single and not front[-1].isspace() else Form.INLINE
    left, right = front.split()[-1], back.split()[0]
    if not _NAME.fullmatch(left) or not right.isascii() or right.casefold() in _NO_NAMES:
        return Form.INLINE
    if left in _NAMESPACES or "::" in f"{left} {right}" or _CALL.match(right):
        return None
    if _VERB.match(back):
        return None if single else Form.INLINE_FIELD
    return Form.INLINE_FIELD if single and _UNSURE.match(back) else Form.INLINE


_COLON = re.compile(r":(?=\s+\S)|：(?=\s*\S)")
_DASH = re.compile(r":(?=\s+\S)|：(?=\s*\S)|(?<=\s)[–—-](?=\s)")
_LONGEST_TERM = 5
"""Words in a term, at most."""


def plain_term(inline: Inline, marked: Span | None = None) -> Sides | None:
    """Return the sides of `Term: definition`, bold or not; None for any other text.

    `marked` is the one mark of the text, if any; it must cover all words. Then a dash counts, too.
    """
    words, colon = inline.plain, None
    if marked and not re.search(r"\w", words[: marked[0]] + words[marked[1] :]):
        colon = _DASH.search(words)
    elif not marked:
        words = inline.unmarked_text()
        colon = _COLON.search(words)
    if colon is None:
        return None
    front, back = trimmed(words, 0, colon.start()), trimmed(words, colon.end(), len(words))
    if not 1 <= len(words[slice(*front)].split()) <= _LONGEST_TERM:
        return None
    return Sides(front, back, Form.TERM)


def bold_term(inline: Inline) -> Sides | None:
    """Return the sides of `**Term**: text` or `**Term:** text`; None for any other text."""
    first = next((p for p in inline.phrases if p.sign == "bold" and p.span[0] == 0), None)
    sides = plain_term(inline) if first else None
    if first is None or sides is None or sides.front[1] not in (first.span[1], first.span[1] - 1):
        return None
    return sides


# --- multi-line cards -----------------------------------------------------------------------

SEPARATOR = re.compile(r"^[ \t>]*\?\??[ \t]*$", re.MULTILINE)
"""A line that separates question and answer."""
_BULLET = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?")
_HEADING = re.compile(r"#{1,6}(?:[ \t]+|$)")
_CALLOUT = re.compile(r"\[![^\[\]]+\][+-]?[ \t]*")
_SCHEDULE = re.compile(r">?[ \t]*\[!sr\b", re.IGNORECASE)
"""The callout that holds a scheduler's data."""
_RULE = re.compile(r"(?:-[ \t]*){3,}$")
_BREAK = re.compile(rf"{_HEADING.pattern}|{_RULE.pattern}|>[ \t]*\[!sr\b")
_FENCE = re.compile(r"`{3,}|~{3,}")
_BLANKS = f"{COMMENT} \t\n"
_LONGEST = 400
"""Lines of a question or an answer, at most."""


def multiline_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a question, a line `?` or `??`, and the answer, up to empty lines: a block rule.

    `env["separators"]` holds the numbers of the lines that may be separators.
    """
    separators: list[int] = state.env.get("separators", [])
    near = bisect_left(separators, start + 1)
    if near == len(separators) or separators[near] >= min(end, start + _LONGEST):
        return False

    def text(line: int) -> str:
        return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()

    def past(first: int, last: int, signs: tuple[str, ...] = ()) -> int:
        """Return the end of the lines from `first` on that belong together, before `signs`."""
        fence = ""
        for line in range(first, last):
            words, sign = text(line), _FENCE.match(text(line))
            if fence:
                fence = "" if words == words[:1] * len(words) and words.startswith(fence) else fence
            elif sign:
                fence = sign[0]
            elif (
                state.isEmpty(line)
                or state.sCount[line] < state.blkIndent
                or ((line > first or not signs) and _BREAK.match(words))
                or (words in signs and state.sCount[line] - state.blkIndent < 4)
            ):
                return line
        return last

    middle = past(start, min(end, start + _LONGEST), ("?", "??"))
    sign = text(middle) if middle < end else ""
    if sign not in ("?", "??") or middle == start or _SCHEDULE.match(text(start)):
        return False
    bullet = _BULLET.match(text(start))
    within = state.sCount[middle] > state.sCount[start]
    if bullet and within:
        return False  # the list item contains the card
    lead = _HEADING.match(text(start)) or _CALLOUT.match(text(start))
    if (lead or _RULE.match(text(start))) and start + 1 < middle:
        return False  # the question begins below it
    last = past(middle + 1, min(end, middle + _LONGEST))
    front = state.getLines(start, middle, state.blkIndent, False)
    back = state.getLines(middle + 1, last, state.blkIndent, False)
    for found in (_HEADING, _CALLOUT, _BULLET):
        if start + 1 == middle and (match := found.match(front.lstrip())):
            front = front.lstrip()[match.end() :]
            break
    if not front.strip(_BLANKS) or not back.strip(_BLANKS):
        return False
    if silent:
        return True
    token = state.push("card", "", 0)
    token.map, token.content, token.markup = [start, last], front, sign
    token.meta = {"back": back}
    state.line = last
    return True
