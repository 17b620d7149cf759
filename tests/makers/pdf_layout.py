"""Sets text: blocks into lines of characters, each with its place on the page, in points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.makers.font_widths import SYMBOL, width

SOFT = "\u00ad"
RISE, DROP, SMALL = 0.36, -0.18, 0.68
"""Of raised and lowered text: how far, and how small, in font sizes."""
GUTTER = 24.0
"""Between columns."""

Box = tuple[float, float, float, float]
"""left, bottom, right, top in points"""

FAMILIES = {
    "Times": {"roman": "Times-Roman", "italic": "Times-Italic", "bold": "Times-Bold"},
    "Helvetica": {"roman": "Helvetica", "italic": "Helvetica", "bold": "Helvetica-Bold"},
    "Courier": {"roman": "Courier", "italic": "Courier", "bold": "Courier"},
}


@dataclass(frozen=True)
class Block:
    """A heading, paragraph or formula; lengths in points."""

    text: str
    size: float = 10.5
    family: str = "Times"
    style: str = "roman"
    align: str = "justify"
    """left, justify or centre"""
    leading: float = 1.25
    before: float = 6.0
    """Space above."""
    level: int | None = None
    """Of a heading: 0 = the title, 1 = a section."""


def heading(text: str, level: int = 1, family: str = "Times") -> Block:
    """A heading: 0 is the centred title of the page, 1 a section, 2 below it."""
    size, align = {0: (18.0, "centre"), 1: (13.0, "left")}.get(level, (11.5, "left"))
    return Block(
        text, size, family, "bold", align, before=14.0 if level else 0.0, level=level
    )


def paragraph(text: str, **settings: Any) -> Block:
    """Running text; `settings` are fields of `Block`."""
    return Block(text, **settings)


def formula(text: str, size: float = 11.0) -> Block:
    """A line of maths, centred, in italics."""
    return Block(text, size, style="italic", align="centre", before=9.0)


# --- layout ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Glyph:
    """One character, before and after it has its place."""

    character: str
    font: str
    size: float
    rise: float
    index: int
    """Which character of the page's text it shows."""
    x: float = 0.0
    y: float = 0.0
    block: int = 0
    base: float = 0.0
    """The font size of its line."""

    @property
    def width(self) -> float:
        return (
            0.0
            if self.character == SOFT
            else width(self.font, self.character) * self.size / 1000
        )


@dataclass(frozen=True)
class Placed:
    """The lines of a page, and the text they show."""

    lines: tuple[tuple[Glyph, ...], ...]
    spacing: tuple[float, ...]
    """Extra width of each blank, per line."""
    text: str


_MARKUP = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|\*(?P<italic>.+?)\*|\^\{(?P<up>.+?)\}|_\{(?P<down>.+?)\}"
)


def _runs(text: str, style: str) -> Iterable[tuple[str, str, float]]:
    """(text, style, rise in font sizes), markup signs removed."""
    at = 0
    for found in _MARKUP.finditer(text):
        yield text[at : found.start()], style, 0.0
        kind = found.lastgroup or ""
        rise = {"up": RISE, "down": DROP}.get(kind, 0.0)
        yield found[kind], kind if kind in ("bold", "italic") else style, rise
        at = found.end()
    yield text[at:], style, 0.0


def _glyphs(block: Block, start: int) -> list[Glyph]:
    glyphs, index = [], start
    for text, style, rise in _runs(block.text, block.style):
        size = block.size * SMALL if rise else block.size
        for character in text:
            font = "Symbol" if character in SYMBOL else FAMILIES[block.family][style]
            glyphs.append(
                Glyph(character, font, size, rise * block.size, index, base=block.size)
            )
            index += character != SOFT
    return glyphs


def _break(glyphs: list[Glyph], limit: float) -> list[list[Glyph]]:
    """Lines no wider than `limit`, as full as they can be."""
    lines, start = [], 0
    while start < len(glyphs):
        end = _line_end(glyphs, start, limit)
        line = [glyph for glyph in glyphs[start:end] if glyph.character != SOFT]
        if glyphs[end - 1].character == SOFT:
            line.append(replace(glyphs[end - 1], character="-"))
        while line and line[-1].character == " ":
            line.pop()
        lines.append(line)
        start = end
    return lines


def _line_end(glyphs: list[Glyph], start: int, limit: float) -> int:
    x, best = 0.0, 0
    for at in range(start, len(glyphs)):
        glyph = glyphs[at]
        x += glyph.width
        if x > limit and glyph.character != " ":
            return best or at
        hyphen = replace(glyph, character="-").width if glyph.character == SOFT else 0.0
        if glyph.character in (" ", "-", SOFT) and x + hyphen <= limit + glyph.width:
            best = at + 1 if x + hyphen <= limit or glyph.character == " " else best
    return len(glyphs)


def place(blocks: Sequence[Block], media: Box, margin: float, columns: int) -> Placed:
    """Set the blocks from the top, column after column.

    Raises:
        ValueError: they do not fit.
    """
    left, bottom, right, top = media
    wide = (right - left - 2 * margin - GUTTER * (columns - 1)) / columns
    lines: list[tuple[Glyph, ...]] = []
    spacing: list[float] = []
    text, column, y = "", 0, top - margin
    for number, block in enumerate(blocks):
        glyphs = _glyphs(block, len(text))
        text += "".join(g.character for g in glyphs if g.character != SOFT) + "\n"
        y -= block.before
        broken = _break(glyphs, wide)
        for line in broken:
            y -= block.size * block.leading
            if y < bottom + margin:
                column, y = column + 1, top - margin - block.size * block.leading
            if column >= columns:
                raise ValueError(f"does not fit the page: {block.text[:40]!r}")
            justified = block.align == "justify" and line is not broken[-1]
            extra = _extra(line, wide) if justified else 0.0
            x = left + margin + column * (wide + GUTTER)
            if block.align == "centre":
                x += (wide - sum(glyph.width for glyph in line)) / 2
            lines.append(tuple(_set(line, x, y, extra, number)))
            spacing.append(extra)
    return Placed(tuple(lines), tuple(spacing), text)


def _extra(line: list[Glyph], wide: float) -> float:
    blanks = sum(glyph.character == " " for glyph in line)
    return (
        round((wide - sum(glyph.width for glyph in line)) / blanks, 3) if blanks else 0.0
    )


def _set(
    line: list[Glyph], x: float, y: float, extra: float, block: int
) -> Iterable[Glyph]:
    for glyph in line:
        yield replace(glyph, x=x, y=y, block=block)
        x += glyph.width + (extra if glyph.character == " " else 0.0)
