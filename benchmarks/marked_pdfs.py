"""Writes marked PDFs whose marks are known to the letter, since the layout put them there.

    python -m benchmarks.marked_pdfs FOLDER [--font "DejaVu Serif"] [--seed 0]

Beside each `variant-seed.pdf` comes `variant-seed.json` with the texts of its marks.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    RectangleObject,
    TextStringObject,
)

from benchmarks.looks import BENCH, MORE, Look
from benchmarks.type3 import as_type3
from benchmarks.typesetter import Piece, Sheet, font, lines_of

FAMILY = "DejaVu Serif"
SEEDS = 3
LEFT, TOP, GAP = 72.0, 700.0, 26.0
PAPER = Look(words=760, size=9, columns=2, room=500, marks=2)
PAPER_PAGES = 14
SUP = 0.65
"""The size of raised numbers, in letters."""


class Made(NamedTuple):
    """A mark: its words, and its quads as eight numbers each."""

    text: str
    quads: list[list[float]]


class Setting:
    """One page at work."""

    def __init__(self, path: Path, look: Look, dice: random.Random, family: str) -> None:
        self.look = look
        self.dice = dice
        self.words = look.script(dice, look.words)
        self.face = font(look.face or family)
        self.sheet = Sheet(path, look.blank, look.turn)
        self.start = (-look.room / 2, 200.0) if look.turn else (LEFT, TOP)
        if look.code:
            self.sheet.canvas._code.append(look.code)

    def made(self) -> list[Made]:
        """Print the page; its marks."""
        canvas = self.sheet.canvas
        if self.look.form:
            canvas.beginForm("all")
        self._print()
        made = [self._mark(first, last) for first, last in self._ranges()]
        made += self._names() if self.look.names else []
        if self.look.form:
            canvas.endForm()
            canvas.doForm("all")
        self.sheet.save()
        return made

    # --- printing ---------------------------------------------------------------------------

    def _print(self) -> None:
        look, size = self.look, self.look.size
        room = (look.room + GAP) / look.columns - GAP
        lines = lines_of(
            [self._drawn(word) for word in self.words],
            self._wide,
            room,
            hyphen=look.hyphen,
            blank=look.blank,
        )
        deep = -(-len(lines) // look.columns)
        columns = []
        for number in range(look.columns):
            start = (self.start[0] + number * (room + GAP), self.start[1])
            share = lines[number * deep : (number + 1) * deep]
            laid = self.sheet.lay(share, start, size * look.lead, self.face, size)
            columns.append([self._arranged(line, laid, start[0], room) for line in laid])
        self._around(columns)
        for line in self._order(columns):
            self.sheet.print(line, self.face, size, look.way)

    def _wide(self, text: str) -> float:
        return self.face.width(text, self.look.size) + self.look.spaced * len(text)

    def _drawn(self, word: str) -> str:
        word = self.look.shape(word) if self.look.shape else word
        for letters, glyph in self.look.glyphs:
            word = word.replace(letters, glyph)
        return word

    def _arranged(
        self, line: list[Piece], block: Sequence[list[Piece]], left: float, room: float
    ) -> list[Piece]:
        """A line filled or spaced, or turned round for a script from right to left."""
        if self.look.filled and line is not block[-1] and len(line) > 1:
            more = (left + room - line[-1].right) / (len(line) - 1)
            return [_moved(one, n * more) for n, one in enumerate(line)]
        if self.look.spaced:
            return self._spread(line)
        if not self.look.rtl:
            return line
        both = 2 * left + room
        return [
            one._replace(
                left=both - one.right, right=both - one.left, text=one.text[::-1]
            )
            for one in reversed(line)
        ]

    def _spread(self, line: list[Piece]) -> list[Piece]:
        """Every letter, blanks too, is followed by a little more room."""
        spread, before = [], 0
        for one in line:
            shift, more = (
                before * self.look.spaced,
                (len(one.text) - 1) * self.look.spaced,
            )
            spread.append(
                one._replace(left=one.left + shift, right=one.right + shift + more)
            )
            before += len(one.text) + 1
        return spread

    def _order(self, columns: list[list[list[Piece]]]) -> Iterator[list[Piece]]:
        """The lines as they come in the file."""
        if self.look.row_by_row:
            for row in range(max(map(len, columns))):
                yield from (column[row] for column in columns if row < len(column))
            return
        lines = [line for column in columns for line in column]
        if self.look.shuffled:
            self.dice.shuffle(lines)
        yield from lines

    def _around(self, columns: list[list[list[Piece]]]) -> None:
        """What else stands on the page: numbers of lines, heads, notes, calls of notes."""
        look, sheet, small = self.look, self.sheet, 0.7 * self.look.size
        lines = [line for column in columns for line in column]
        if look.heads:
            sheet.say(LEFT, 760, "JOURNAL OF MEMORY 12 (2026)", self.face, small)
            sheet.say(300, 30, "17", self.face, small)
        for number, line in enumerate(lines if look.numbers else ()):
            sheet.say(LEFT - 30, line[0].y, str(number + 1), self.face, small)
        for number in range(3 if look.notes else 0):
            said = f"{number + 1} See the review of {self.words[number]} for more of it."
            sheet.say(LEFT, 80 - 10 * number, said, self.face, small)

    # --- marks ------------------------------------------------------------------------------

    def _ranges(self) -> Iterator[tuple[int, int]]:
        """First and last word of every mark, each within its share of the page."""
        share = len(self.words) // self.look.marks
        for number in range(self.look.marks):
            first = number * share + self.dice.randrange(2, share // 2)
            last = first + self.dice.randrange(3, self.look.longest)
            last = min(last, (number + 1) * share - 2)
            yield (first, last) if self.look.quads else self._within_a_line(first)

    def _within_a_line(self, first: int) -> tuple[int, int]:
        lines = list(self.sheet.lines(0, len(self.words)))
        line = next(line for line in lines if line[-1].word > first and len(line) > 4)
        whole = [one.word for one in line[1:] if not one.end]
        return (whole[0], whole[min(2, len(whole) - 1)])

    def _mark(self, first: int, last: int) -> Made:
        text = self.look.blank.join(self.words[first : last + 1])
        quads = [
            quad for line in self.sheet.lines(first, last) for quad in self._quads(line)
        ]
        return Made(text, quads[::-1] if self.look.backwards else quads)

    def _quads(self, line: list[Piece]) -> list[list[float]]:
        parts = [[one] for one in line] if self.look.per == "word" else [line]
        quads = [self._quad(part) for part in parts]
        return quads * 2 if self.look.per == "twice" else quads

    def _quad(self, pieces: list[Piece]) -> list[float]:
        look, size = self.look, self.look.size
        beyond = look.slack + look.edge * size * 0.5
        left = min(one.left for one in pieces) - beyond
        right = max(one.right for one in pieces) + look.slack
        right += look.edge * size * 0.5 if look.edge > 0 else 0.0
        if look.cut and pieces[-1].end == "-":
            right -= self._wide(look.hyphen)
        y = pieces[0].y
        top, bottom = y + look.rise * size + look.slack, y - look.drop * size - look.slack
        return self._corners(left, bottom, right, top)

    def _corners(
        self, left: float, bottom: float, right: float, top: float
    ) -> list[float]:
        corners = [(left, top), (right, top), (left, bottom), (right, bottom)]
        points = [self.sheet.point(*corners[at]) for at in self.look.corners]
        return [edge for point in points for edge in point]

    def _names(self) -> list[Made]:
        """A line of names with raised numbers, marked whole: of `10⁵` nothing may be lost."""
        size, x, y = self.look.size, LEFT, 250.0
        for name in ("Eich", "Shaver", "Anderson"):
            x = self.sheet.say(x, y, name, self.face, size)
            x = self.sheet.say(x, y + 0.38 * size, "2", self.face, SUP * size)
            x = self.sheet.say(x, y, ", ", self.face, size)
        quad = self._corners(LEFT, y - 0.22 * size, x - 3, y + 0.85 * size)
        return [Made("Eich2, Shaver2, Anderson2,", [quad])]


def _moved(piece: Piece, by: float) -> Piece:
    return piece._replace(left=piece.left + by, right=piece.right + by)


# --- files ----------------------------------------------------------------------------------


def write(path: Path, look: Look, dice: random.Random, family: str) -> list[str]:
    """Write one PDF; the texts of its marks."""
    draft = path.with_suffix(".draft")
    made = Setting(draft, look, dice, family).made()
    writer = PdfWriter(clone_from=PdfReader(draft))
    page = writer.pages[0]
    for name, value in look.page:
        page[NameObject(name)] = (
            RectangleObject(value) if isinstance(value, tuple) else NumberObject(value)
        )
    for number, one in enumerate(made):
        entry = writer._add_object(_annotation(f"{path.stem}-{number}", one, look))
        page.setdefault(NameObject("/Annots"), ArrayObject()).append(entry)
    if look.type3:
        as_type3(writer)
    writer.write(path)
    draft.unlink()
    return [one.text for one in made]


def _annotation(name: str, made: Made, look: Look) -> DictionaryObject:
    xs = [x for quad in made.quads for x in quad[0::2]]
    ys = [y for quad in made.quads for y in quad[1::2]]
    entry = {
        "/Type": NameObject("/Annot"),
        "/Subtype": NameObject(look.kind),
        "/Rect": _numbers([min(xs), min(ys), max(xs), max(ys)]),
        "/C": _numbers(look.colour),
        "/T": TextStringObject("Reader"),
        "/NM": TextStringObject(name),
        "/M": TextStringObject("D:20260101120000+01'00'"),
        "/Contents": TextStringObject(f"note to {name}"),
    }
    if look.quads:
        entry["/QuadPoints"] = _numbers([edge for quad in made.quads for edge in quad])
    return DictionaryObject({NameObject(key): value for key, value in entry.items()})


def _numbers(values: Sequence[float]) -> ArrayObject:
    return ArrayObject([FloatObject(round(value, 3)) for value in values])


def write_all(
    folder: Path,
    looks: Mapping[str, Look],
    family: str = FAMILY,
    seed: int = 0,
    count: int = SEEDS,
) -> None:
    """Write `count` PDFs of every look."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, look in looks.items():
        for number in range(seed, seed + count):
            path = folder / f"{name}-{number}.pdf"
            texts = write(path, look, random.Random(f"{name}/{number}"), family)
            annots = [{"page": 0, "text": text} for text in texts]
            path.with_suffix(".json").write_text(json.dumps({"annots": annots}), "utf-8")


def write_papers(folder: Path, family: str, seed: int, count: int) -> None:
    """Papers of as many letters and marks as one reads: 14 pages in two columns, 28 marks."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(seed, seed + count):
        writer = PdfWriter()
        dice = random.Random(f"paper/{number}")
        for _ in range(PAPER_PAGES):
            page = folder / "page.pdf"
            write(page, PAPER, dice, family)
            writer.append(page)
            page.unlink()
        writer.write(folder / f"paper-{number}.pdf")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--font", default=FAMILY)
    asked.add_argument("--seed", type=int, default=0)
    said = asked.parse_args()
    write_all(said.folder, BENCH | MORE, said.font, said.seed)


if __name__ == "__main__":
    main()
