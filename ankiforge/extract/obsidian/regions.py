"""Cards over several lines: a question, a line `?` or `??`, an answer.

They are told by lines, not by blocks, as the reader of such notes does: up and down to the
next empty line of the same quote or list item; a fence is taken whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ankiforge.extract.obsidian.covers import CARD, GONE, REST
from ankiforge.model import Span

_ASK = re.compile(r"((?:[ \t]*>)*)([ \t]*)(\?\??)[ \t]*$")
_BULLET = re.compile(r"([ \t]*)((?:[-*+]|\d{1,9}[.)])[ \t]+)(?:\[[^\[\]]\][ \t]+)?")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|$)")
_CALLOUT = re.compile(r"[ \t]*\[![^\[\]]+\][+-]?[ \t]*")
_SCHEDULE = re.compile(r"[ \t]*\[!sr\b", re.IGNORECASE)
"""The callout in which a scheduler keeps its data."""
_RULE = re.compile(r"[ ]{0,3}(?:-[ \t]*){3,}$")
_LONGEST = 400
"""Lines of an answer, or of a question."""
BLOCK_ID = re.compile(rf"(?:\A|(?<=[ \t\n]))\^([A-Za-z0-9-]+)[ \t\n{GONE}]*\Z")
"""`^id` at the end of a block."""


@dataclass(frozen=True, slots=True)
class Region:
    """The lines [first, last) of one such card, and what they say."""

    first: int
    last: int
    front: str
    back: str
    two_way: bool
    id: str
    before: str
    """The quote signs and the bullet before its first line."""
    indent: str
    """What stands before its further lines."""


def regions(text: str, fences: tuple[Span, ...]) -> list[Region]:
    """The cards of a covered note, in order."""
    if not re.search(r"^[ \t>]*\?", text, re.MULTILINE):
        return []
    finder = _Finder(text.split("\n"), fences)
    return list(finder.all())


class _Finder:
    def __init__(self, lines: list[str], fences: tuple[Span, ...]) -> None:
        self.lines = lines
        self.fence_at = {line: fence for fence in fences for line in range(*fence)}

    def all(self) -> Iterator[Region]:
        free = 0
        for at, line in enumerate(self.lines):
            ask = _ASK.match(line) if at >= free and at not in self.fence_at else None
            region = self.region(at, ask, free) if ask else None
            if region:
                free = region.last
                yield region

    def region(self, at: int, ask: re.Match[str], free: int) -> Region | None:
        depth = ask[1].count(">")
        indent = len(ask[2].expandtabs(4)) - (1 if depth and ask[2] else 0)
        first, bullet = self.up(at, depth, indent, free)
        if (indent > 3 and not bullet) or first == at:
            return None
        last = self.down(at + 1, depth, indent if bullet else 0)
        front = self.inside(first, at, depth, indent)
        if bullet or len(front) == 1:
            front[0] = _without(_HEADING, _without(_BULLET, front[0]))
            front[0] = _without(_CALLOUT, front[0]) if depth else front[0]
        back = "\n".join(self.inside(at + 1, last, depth, indent))
        found = BLOCK_ID.search(back)
        back = back[: found.start()] if found else back
        if not "\n".join(front).strip(f"{GONE} \t\n") or not back.strip(f"{GONE} \t\n"):
            return None
        quotes = "> " * depth
        return Region(
            first=first,
            last=last,
            front="\n".join(front),
            back=back,
            two_way=ask[3] == "??",
            id=found[1] if found else "",
            before=quotes + bullet,
            indent=quotes + " " * (indent if bullet else 0),
        )

    def up(self, at: int, depth: int, indent: int, free: int) -> tuple[int, str]:
        """(the first line of the question, the bullet before it if `?` stands in its item)."""
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

    def down(self, at: int, depth: int, indent: int) -> int:
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
        """A line without `depth` quote signs; None if it has not as many, or has more."""
        quotes = re.match(rf"(?:[ \t]*>){{{depth}}}[ ]?", self.lines[at]) if depth else None
        if depth and quotes is None:
            return None
        line = self.lines[at][quotes.end() if quotes else 0 :]
        return None if line.lstrip().startswith(">") and at not in self.fence_at else line

    def inside(self, first: int, last: int, depth: int, indent: int) -> list[str]:
        lines = [self.content(at, depth) or "" for at in range(first, last)]
        return [re.sub(rf"^[ \t]{{0,{indent}}}", "", line) for line in lines]


def structure(text: str, found: list[Region]) -> str:
    """The covered note with each card as one paragraph, comments on lines of their own blank."""
    lines = text.split("\n")
    for number, region in enumerate(found):
        lines[region.first] = f"{region.before}{CARD}{number}{CARD}"
        for at in range(region.first + 1, region.last):
            lines[at] = region.indent + REST
        if region.last < len(lines) and _RULE.match(lines[region.last]):
            lines[region.last] = ""
    return "\n".join(_footnotes_flat([_without_comment(line) for line in lines]))


_FOOTNOTE = re.compile(r"[ ]{0,3}\[\^[^\[\]\s]+\]:")
_FURTHER = re.compile(r"(?:[ ]{4}|[ ]{0,3}\t)(?=.*\S)")


def _footnotes_flat(lines: list[str]) -> Iterator[str]:
    """The further paragraphs of a footnote without their indent, which would make them code."""
    within = False
    for line in lines:
        further = _FURTHER.match(line) if within else None
        within = bool(further or _FOOTNOTE.match(line) or (within and not line.strip()))
        yield line[further.end() :] if further else line


def _without_comment(line: str) -> str:
    if GONE not in line or line.strip(f"{GONE} \t>"):
        return line
    return line.replace(GONE, "")


def _without(sign: re.Pattern[str], line: str) -> str:
    """The line without the sign it begins with; the same signs further on are text."""
    found = sign.match(line)
    return line[found.end() :] if found else line
