"""Hand-written cards: `front::back` and `Term: definition` on one line, `?` on several lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ankiforge.extract.markdown.inline import Inline
from ankiforge.extract.markdown.source import CARD, COMMENT, CONTINUED
from ankiforge.model import Form, Span
from ankiforge.text.sentences import trimmed

# --- cards on one line ----------------------------------------------------------------------

_COLONS = re.compile(r"(?<!:):{2,3}(?!:)")
FIELD = re.compile(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}"
)
"""Inline fields of Dataview, `[due:: 2026-01-01]`, and template variables: never a card."""
_VERB = re.compile(
    r"\S+\s+(?:is|are|was|were|has|have|had|can|does|do|will|should|must|may|returns?|takes?)\b"
)
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
_MOST_TRIED = 20
"""Separators of a line that are tried."""
_CALL = re.compile(r"\w+(?:_\w|[(<])")
_CAMEL = re.compile(r"\w+[a-z][A-Z]")
_ACTS = re.compile(r"\S+\s+[a-z]+(?:s|ed)\b")
"""`Vec::new creates a vector` describes program code, `Osmosis::movement of water` a term."""


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
    found = list(_candidates(inline, words))
    if not found:
        return None
    best = max(found, key=lambda sides: sides.clarity)
    rivals = [sides for sides in found if sides.clarity or not best.clarity]
    return best if len(rivals) == 1 else best._replace(form=Form.INLINE_FIELD)


def _candidates(inline: Inline, words: str) -> Iterator[Sides]:
    """Yield each way to read the line as a card."""
    fields = [match.span() for match in FIELD.finditer(words)]
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
            yield Sides(front, back, form, two_way, clarity)


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
    unsure = _CAMEL.match(right) or (single and _ACTS.match(back))
    return Form.INLINE_FIELD if unsure else Form.INLINE


_COLON = re.compile(r":(?=\s+\S)|：(?=\s*\S)")
_LONGEST_TERM = 5
"""Words in a term, at most."""


def plain_term(inline: Inline) -> Sides | None:
    """Return the sides of `Term: definition`, bold or not; None for any other text."""
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

_SEPARATOR = re.compile(r"((?:[ \t]*>)*)([ \t]*)(\?\??)[ \t]*$")
_ANY_SEPARATOR = re.compile(r"^[ \t>]*\?", re.MULTILINE)
_BULLET = re.compile(r"([ \t]*)((?:[-*+]|\d{1,9}[.)])[ \t]+)(?:\[[^\[\]]\][ \t]+)?")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|$)")
_CALLOUT = re.compile(r"[ \t]*\[![^\[\]]+\][+-]?[ \t]*")
_SCHEDULE = re.compile(r"[ \t]*\[!sr\b", re.IGNORECASE)
"""The callout that holds a scheduler's data."""
_RULE = re.compile(r"[ ]{0,3}(?:-[ \t]*){3,}$")
_LONGEST = 400
"""Lines of an answer or a question, at most."""
BLOCK_ID = re.compile(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{COMMENT}]*\Z")
"""`^id` at the end of a block."""
_BLANKS = f"{COMMENT} \t\n"


class Region(NamedTuple):
    """[first, last) lines of a multi-line card, and its content."""

    first: int
    last: int
    front: str
    back: str
    two_way: bool
    id: str
    before: str
    """The quote signs and the bullet of its first line."""
    indent: str
    """The prefix of its further lines."""


def regions(text: str, fences: tuple[Span, ...]) -> list[Region]:
    """Return the multi-line cards of a prepared note, in order.

    They are found by lines, not by blocks: a card extends from its `?` up and down to the next
    empty line of the same quote or list item. A fence is taken as a whole.
    """
    if not _ANY_SEPARATOR.search(text):
        return []
    finder = _Finder(text.split("\n"), fences)
    found: list[Region] = []
    for at, line in enumerate(finder.lines):
        free = found[-1].last if found else 0
        separator = _SEPARATOR.match(line) if at >= free and at not in finder.fence_at else None
        if separator and (region := finder.region(at, separator, free)):
            found.append(region)
    return found


class _Finder:
    def __init__(self, lines: list[str], fences: tuple[Span, ...]) -> None:
        self.lines = lines
        self.fence_at = {line: fence for fence in fences for line in range(*fence)}

    def region(self, at: int, separator: re.Match[str], free: int) -> Region | None:
        """Return the card whose sides the line at `at` separates, None if a side is empty."""
        depth = separator[1].count(">")
        indent = len(separator[2].expandtabs(4)) - (1 if depth and separator[2] else 0)
        first, bullet = self.begin(at, depth, indent, free)
        if (indent > 3 and not bullet) or first == at:
            return None
        last = self.end(at + 1, depth, indent if bullet else 0)
        front = self.inside(first, at, depth, indent)
        if bullet or len(front) == 1:
            for sign in (_BULLET, _HEADING, *([_CALLOUT] if depth else [])):
                found = sign.match(front[0])
                front[0] = front[0][found.end() :] if found else front[0]
        back = "\n".join(self.inside(at + 1, last, depth, indent))
        name = BLOCK_ID.search(back)
        back = back[: name.start()] if name else back
        if not "\n".join(front).strip(_BLANKS) or not back.strip(_BLANKS):
            return None
        quotes = "> " * depth
        return Region(
            first=first,
            last=last,
            front="\n".join(front),
            back=back,
            two_way=separator[3] == "??",
            id=name[1] if name else "",
            before=quotes + bullet,
            indent=quotes + " " * (indent if bullet else 0),
        )

    def begin(self, at: int, depth: int, indent: int, free: int) -> tuple[int, str]:
        """Return the first line of the question, and the bullet if `?` stands in a list item."""
        first = at
        while first > max(free, at - _LONGEST):
            line = self.content(first - 1, depth)
            if line is None or not line.strip() or _RULE.match(line):
                break
            if _HEADING.match(line) or (depth and _CALLOUT.match(line)):
                takes = first == at and not _SCHEDULE.match(line)
                return (first - 1 if takes else first), ""
            first = self.fence_at.get(first - 1, (first - 1, 0))[0]
            found = _BULLET.match(line)
            if indent and found and len(found[1]) < indent <= len(found[1] + found[2]):
                return first, found[1] + found[2]
        return max(first, free), ""

    def end(self, at: int, depth: int, indent: int) -> int:
        """Return the end of the answer that begins at line `at`."""
        start = last = at
        while at < min(len(self.lines), start + _LONGEST):
            line = self.content(at, depth)
            if line is None or not line.strip() or _HEADING.match(line) or _RULE.match(line):
                break
            if len(line) - len(line.lstrip()) < indent:
                break
            at = last = self.fence_at.get(at, (at, at + 1))[1]
        return last

    def content(self, at: int, depth: int) -> str | None:
        """Return a line without `depth` quote signs, None if it has fewer or more."""
        quotes = re.match(rf"(?:[ \t]*>){{{depth}}}[ ]?", self.lines[at]) if depth else None
        if depth and quotes is None:
            return None
        line = self.lines[at][quotes.end() if quotes else 0 :]
        return None if line.lstrip().startswith(">") and at not in self.fence_at else line

    def inside(self, first: int, last: int, depth: int, indent: int) -> list[str]:
        lines = [self.content(at, depth) or "" for at in range(first, last)]
        return [re.sub(rf"^[ \t]{{0,{indent}}}", "", line) for line in lines]


_FOOTNOTE = re.compile(r"[ ]{0,3}\[\^[^\[\]\s]+\]:")
_FURTHER = re.compile(r"(?:[ ]{4}|[ ]{0,3}\t)(?=.*\S)")


def structure(text: str, found: list[Region]) -> str:
    """Return the text of a prepared note for the block parser.

    Each multi-line card becomes one paragraph, lines with only comments become blank, and further
    paragraphs of a footnote lose their indent, which would make them code.
    """
    if not found and COMMENT not in text and "[^" not in text:
        return text
    lines = text.split("\n")
    for number, region in enumerate(found):
        lines[region.first] = f"{region.before}{CARD}{number}{CARD}"
        for at in range(region.first + 1, region.last):
            lines[at] = region.indent + CONTINUED
        if region.last < len(lines) and _RULE.match(lines[region.last]):
            # below a paragraph, `---` would make it a heading
            lines[region.last] = ""
    in_footnote = False
    for at, line in enumerate(lines):
        if COMMENT in line and not line.strip(f"{COMMENT} \t>"):
            line = line.replace(COMMENT, "")
        further = _FURTHER.match(line) if in_footnote else None
        in_footnote = bool(further or _FOOTNOTE.match(line) or (in_footnote and not line.strip()))
        lines[at] = line[further.end() :] if further else line
    return "\n".join(lines)
