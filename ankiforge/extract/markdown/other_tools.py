"""Cards that another tool keeps in notes, and that nothing here reads: named with their number.

A tool is told by what it writes beside each of its notes in Anki. If our readers made a card of
the place, or the settings name the tool's dialect, it is read; else a run says how many are not,
and docs/guides/coming-from.md how to go on.

Tested by `tests/pipeline/test_other_tools.py` and `tests/extract/test_texts.py`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple

from ankiforge.model import NOTE_OF, LeftOut, Strings
from ankiforge.text import AnyOf, regex
from ankiforge.text.tools import TITLES

GUIDE = "docs/guides/coming-from.md"


class OtherTool(NamedTuple):
    """A tool that makes notes in Anki of notes in Markdown."""

    name: str
    sign: re.Pattern[str]
    """Matches what it writes once for each of its cards."""
    parts: Strings
    """A note without any of these has none of its cards."""
    reason: str
    """Why a card of it is not read."""


_NOT_ON = f"its plug-in is not on, or does not read this place: {GUIDE}"
_UNKNOWN = f"this form is not read; what is in Anki can be taken over: {GUIDE}"
ANKIOPS = OtherTool(
    "AnkiOps",
    regex(r"(?m)^<!--\s*(?:note_key|note_id):"),
    ("note_key:", "note_id:"),
    _UNKNOWN,
)
TOOLS = (
    OtherTool(
        "yanki",
        regex(r"\A---\n(?:(?!---).*\n)*?noteId:[ \t]*[\"']?\d"),
        ("noteId:",),
        _UNKNOWN,
    ),
    ANKIOPS,
    OtherTool(
        "hashcards",
        regex(r"(?m)^C:[ \t][^\n]*\[[^\]\n]+\](?!\()"),
        ("\nC:",),
        _UNKNOWN,
    ),
    OtherTool(
        TITLES["o2a"],
        regex(
            r"(?m)^[ \t>]*START[ \t]*\n(?:(?![ \t>]*END[ \t]*$).*\n)*?[ \t>]*END[ \t]*$"
            r"|STARTI[ \t]*\[|<!--[ \t]*ID:[ \t]*\d{10}|^ID:[ \t]*\d{10}"
        ),
        ("START", "ID:"),
        _NOT_ON,
    ),
    OtherTool(
        "flashcards-obsidian",
        regex(r"(?m)(?:^|[ \t])\^\d{13}[ \t]*$"),
        ("^1",),
        _NOT_ON,
    ),
    OtherTool(
        "spaced repetition",
        regex(r"<!--SR:|^[ \t>]*>[ \t]*\[!sr\b"),
        ("<!--SR:", "[!sr"),
        _NOT_ON,
    ),
)
PARTS = AnyOf(*[part for tool in TOOLS for part in tool.parts])
"""A note without any of these has no card of these tools."""


def unread(text: str, read_lines: Container[int]) -> Iterator[LeftOut]:
    """Yield the cards of other tools in a note of which no highlight was made.

    Args:
        text: the note as it is written.
        read_lines: the numbers of the lines of its highlights, and of those right below them.
    """
    begun = f"\n{text}"
    if not PARTS.is_in(begun):
        return
    for tool in TOOLS:
        if not any(part in begun for part in tool.parts):
            continue
        for sign in tool.sign.finditer(text):
            first = text.count("\n", 0, sign.start())
            lines = range(first, first + sign[0].count("\n") + 1)
            if not any(number in read_lines for number in lines):
                yield LeftOut(f"{NOTE_OF}{tool.name}", f"line {first + 1}", tool.reason)
