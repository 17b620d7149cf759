"""Comments and maths that span lines, covered before a note is cut into blocks.

Both may hold anything, so the block parser must not see inside. The number of lines stays.
Covers are noncharacters of Unicode, which no text holds; a note that does loses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ankiforge.model import Span

GONE = "\ufdd0"
"""Stands for each character of a comment."""
HELD = "\ufdd1"
"""`HELD 12 HELD` stands for maths number 12."""
REST = "\ufdd2"
"""The further lines of what is held."""
CARD = "\ufdd3"
"""`CARD 3 CARD` stands for card block number 3."""
COVERS = re.compile(f"[{GONE}-\ufdef]")

_PREFIX = r"(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*"
_START = re.compile(
    r"(?=[\\<%`$]|^[ \t>*+\-0-9.)]*(?:`{3}|~{3}))(?:"
    rf"(?P<fence>^{_PREFIX}(?P<mark>`{{3,}}(?=[^`\n]*$)|~{{3,}})[^\n]*$)"
    r"|(?P<escape>\\[^\n])|(?P<html><!--)|(?P<comment>%%)|(?P<code>`+)|(?P<maths>\$\$))",
    re.MULTILINE,
)
_BLANK = re.compile(r"\n[ \t>]*(?:\n|\Z)")
_COMMAND = re.compile(r"[\s>]*\\[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Covered:
    """A note without comments, its maths over several lines held apart."""

    text: str
    held: tuple[str, ...]
    quiet: str
    """The same with fences and code blanked, to see whether there is anything to read."""
    fences: tuple[Span, ...]
    """[first, last) lines of the fences that are closed."""


_HELD = re.compile(f"{HELD}(\\d+){HELD}")
_COVERED = re.compile(f"\n?{REST}|{GONE}")


def uncover(text: str, held: tuple[str, ...]) -> str:
    """The text with its maths back and without what stood for comments."""
    if not COVERS.search(text):
        return text
    return _COVERED.sub("", _HELD.sub(lambda match: held[int(match[1])], text))


@dataclass(slots=True)
class _Cover:
    text: str
    parts: list[str] = field(default_factory=list)
    quiet: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    fences: list[Span] = field(default_factory=list)
    line: int = 0
    """The line on which the next piece begins."""
    never: set[str] = field(default_factory=set)
    """Closing signs that do not come any more: each is looked for in vain once."""


def cover(text: str) -> Covered:
    """Take comments (`%%…%%`, `<!--…-->`) out and hold maths that spans lines.

    Inside fences and code nothing is a sign; what is never closed is plain text.
    """
    text = COVERS.sub("\ufffd", text)
    state, at = _Cover(text), 0
    ticks = Ticks(text)
    while match := _START.search(text, at):
        end, kind = _end(state, ticks, match)
        _put(state, "text", at, match.start())
        at = max(end, match.end())
        _put(state, kind, match.start(), at)
    _put(state, "text", at, len(text))
    shown, quiet = "".join(state.parts), "".join(state.quiet)
    return Covered(shown, tuple(state.held), quiet, tuple(state.fences))


def _put(state: _Cover, kind: str, start: int, end: int) -> None:
    run = state.text[start:end]
    shown, first = run, state.line
    state.line += run.count("\n")
    if kind == "fence":
        state.fences.append((first, state.line + 1))
    elif kind == "gone":
        shown = re.sub(r"[^\n]", GONE, run)
    elif kind == "maths" and "\n" in run:
        state.held.append(_bare_lines(run))
        shown = f"{HELD}{len(state.held) - 1}{HELD}" + f"\n{REST}" * run.count("\n")
    state.parts.append(shown)
    state.quiet.append("\n" * run.count("\n") if kind in ("fence", "code", "gone") else shown)


def _bare_lines(run: str) -> str:
    """Maths without the quote signs and blanks before its lines, and without empty lines."""
    lines = (line.strip(" \t>") for line in run.split("\n"))
    return "\n".join(line for line in lines if line)


def _end(state: _Cover, ticks: Ticks, match: re.Match[str]) -> tuple[int, str]:
    """(where what begins here ends, what it is); -1 and "text" if it never ends."""
    start, text = match.end(), state.text
    if match["fence"]:
        return _fence_end(text, match)
    if match["html"]:
        return _find(state, "-->", start)
    if match["comment"]:
        return _find(state, "%%", start)
    if match["code"]:
        end = ticks.partner(match.start(), start)
        return (end, "code") if end > 0 else (-1, "text")
    if match["maths"]:
        return _maths_end(state, start)
    return match.end(), "text"


def _find(state: _Cover, sign: str, start: int) -> tuple[int, str]:
    end = -1 if sign in state.never else state.text.find(sign, start)
    if end < 0:
        state.never.add(sign)
        return -1, "text"
    return end + len(sign), "gone"


def _maths_end(state: _Cover, start: int) -> tuple[int, str]:
    """Maths that opens its line or begins with a command of TeX may hold empty lines."""
    end, kind = _find(state, "$$", start)
    if kind == "text" or end == start + 2:
        return -1, "text"
    line = state.text.rfind("\n", 0, start) + 1
    opens = re.fullmatch(_PREFIX, state.text[line : start - 2])
    if not (opens or _COMMAND.match(state.text, start, end)) and _BLANK.search(
        state.text, start, end
    ):
        return -1, "text"
    return end, "maths"


def _fence_end(text: str, match: re.Match[str]) -> tuple[int, str]:
    """The end of the closing fence; without one, the fence ends with its quote or the note."""
    mark, at = match["mark"], match.end() + 1
    quotes = text[match.start() : match.start("mark")].count(">")
    close = re.compile(rf"[ \t>]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$", re.MULTILINE)
    for start, end in _lines(text, at):
        if text.count(">", start, start + 2 * quotes + 8) < quotes:
            return start, "text"
        if close.match(text, start, end):
            return end, "fence"
    return len(text), "text"


def _lines(text: str, at: int) -> Iterator[tuple[int, int]]:
    while 0 < at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield at, end
        at = end + 1


class Ticks:
    """Runs of backticks and their partners, each looked at once."""

    def __init__(self, text: str) -> None:
        self._runs: dict[int, list[int]] = {}
        self._text = text
        for match in re.finditer("`+", text) if "`" in text else ():
            self._runs.setdefault(len(match[0]), []).append(match.start())
        self._at = dict.fromkeys(self._runs, 0)

    def partner(self, start: int, end: int) -> int:
        """Where the code that opens at [start, end) ends, within the paragraph; else -1."""
        length = end - start
        runs = self._runs.get(length, [])
        at = self._at.get(length, 0)
        while at < len(runs) and runs[at] < end:
            at += 1
        self._at[length] = at
        if at == len(runs) or _BLANK.search(self._text, end, runs[at]):
            return -1
        return runs[at] + length
