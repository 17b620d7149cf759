"""Sets words on a page and remembers where each of them lies: the truth comes from here."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from math import cos, radians, sin
from pathlib import Path
from typing import NamedTuple

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

PAGE = (612.0, 792.0)
LEAST_BROKEN = 7
"""Letters of a word that may be broken."""
STANDARD = ("Courier", "Helvetica", "Times-Roman")
ASIAN = ("STSong-Light", "HeiseiMin-W3")

Point = tuple[float, float]


class Font(NamedTuple):
    """A font by the name under which reportlab knows it."""

    name: str

    def width(self, text: str, size: float) -> float:
        return float(pdfmetrics.stringWidth(text, self.name, size))


@cache
def font(family: str) -> Font:
    """A font every reader has, or one of this machine; else the one that reportlab brings."""
    if family in STANDARD:
        return Font(family)
    if family in ASIAN:
        pdfmetrics.registerFont(UnicodeCIDFont(family))
        return Font(family)
    ask = ["fc-match", "--format=%{family}|%{file}", family]
    try:
        found = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        found = ""
    names, _, file = found.partition("|")
    if family not in names.split(",") or not file.endswith(".ttf"):
        file = str(Path(reportlab.__path__[0]) / "fonts" / "Vera.ttf")
    pdfmetrics.registerFont(TTFont(family.replace(" ", ""), file))
    return Font(family.replace(" ", ""))


# --- lines ----------------------------------------------------------------------------------


class Part(NamedTuple):
    """A word of a line, or as much of it as stands there."""

    text: str
    word: int
    end: str = ""
    """`-` where the layout put a hyphen at its end, `=` where it is the word's own."""


class Piece(NamedTuple):
    """The same on the page."""

    text: str
    word: int
    end: str
    left: float
    right: float
    y: float
    """The baseline."""
    line: int


def lines_of(
    words: Sequence[str],
    wide: Callable[[str], float],
    room: float,
    *,
    hyphen: str,
    blank: str,
) -> list[list[Part]]:
    """The words in lines that fill the room, long ones broken; without `hyphen` none is."""
    lines: list[list[Part]] = [[]]
    x = 0.0
    for number, word in enumerate(words):
        rest = word
        if x + wide(word) > room:
            head, end = _head(word, wide, room - x, hyphen)
            if head:
                lines[-1].append(Part(head, number, end))
                rest = word[len(head) - len(hyphen) * (end == "-") :]
            lines.append([])
            x = 0.0
        lines[-1].append(Part(rest, number))
        x += wide(rest) + wide(blank)
    return [line for line in lines if line]


def _head(
    word: str, wide: Callable[[str], float], room: float, hyphen: str
) -> tuple[str, str]:
    """As much of a word as has room, and how it ends; "" if it is not broken."""
    if not hyphen:
        return ("", "")
    own = [at + 1 for at in range(1, len(word) - 1) if word[at] == "-"]
    fitting = [at for at in own if wide(word[:at]) <= room]
    if own:
        return (word[: fitting[-1]], "=") if fitting else ("", "")
    for at in range(len(word) - 3, 2, -1) if len(word) >= LEAST_BROKEN else ():
        if wide(word[:at] + hyphen) <= room:
            return (word[:at] + hyphen, "-")
    return ("", "")


# --- pages ----------------------------------------------------------------------------------


class Sheet:
    """A page and the pieces on it."""

    def __init__(self, path: Path, blank: str = " ", turn: float = 0.0) -> None:
        self.canvas = Canvas(str(path), pagesize=PAGE, invariant=1)
        self.pieces: list[Piece] = []
        self.blank = blank
        """What is between words."""
        self._rows = 0
        self._turn = radians(turn)
        self._origin = (PAGE[0] / 2, PAGE[1] / 2) if turn else (0.0, 0.0)
        if turn:
            self.canvas.translate(*self._origin)
            self.canvas.rotate(turn)

    def point(self, x: float, y: float) -> Point:
        """Where on the page a point of the text is."""
        across, along = cos(self._turn), sin(self._turn)
        return (
            self._origin[0] + x * across - y * along,
            self._origin[1] + x * along + y * across,
        )

    def lay(
        self,
        lines: Iterable[Sequence[Part]],
        start: Point,
        lead: float,
        face: Font,
        size: float,
    ) -> list[list[Piece]]:
        """Give every part its place, without printing it."""
        laid = []
        for row, line in enumerate(lines):
            x, y = start[0], start[1] - row * lead
            pieces = []
            for text, word, end in line:
                right = x + face.width(text, size)
                pieces.append(Piece(text, word, end, x, right, y, self._rows))
                x = right + face.width(self.blank, size)
            laid.append(pieces)
            self._rows += 1
        return laid

    def print(
        self, line: Sequence[Piece], face: Font, size: float, way: str = "line"
    ) -> None:
        """Print a line: in one go, by words or letters, twice, or with its size in the matrix."""
        self.pieces += line
        self.canvas.setFont(face.name, size)
        if way == "line":
            self._say(
                line[0].left, line[0].y, self.blank.join(piece.text for piece in line)
            )
        elif way == "letter":
            for piece in line:
                self._letters(piece, face, size)
        elif way == "scaled":
            for piece in line:
                self._scaled(piece, face, size)
        else:
            for shift in (0.0, 0.3) if way == "twice" else (0.0,):
                for piece in line:
                    self._say(piece.left + shift, piece.y, piece.text)

    def say(self, x: float, y: float, text: str, face: Font, size: float) -> float:
        """Print words that are nobody's piece; where they end."""
        self.canvas.setFont(face.name, size)
        self._say(x, y, text)
        return x + face.width(text, size)

    def _say(self, x: float, y: float, text: str) -> None:
        self.canvas.drawString(x, y, text)

    def _letters(self, piece: Piece, face: Font, size: float) -> None:
        x = piece.left
        for letter in piece.text:
            self._say(x, piece.y, letter)
            x += face.width(letter, size)

    def _scaled(self, piece: Piece, face: Font, size: float) -> None:
        self.canvas.saveState()
        self.canvas.translate(piece.left, piece.y)
        self.canvas.scale(size, size)
        self.canvas.setFont(face.name, 1)
        self._say(0, 0, piece.text)
        self.canvas.restoreState()

    def lines(self, first: int, last: int) -> Iterator[list[Piece]]:
        """The pieces of these words, line by line, as they are read."""
        inside = [piece for piece in self.pieces if first <= piece.word <= last]
        inside.sort(key=lambda piece: (piece.line, piece.word))
        for _, line in groupby(inside, key=lambda piece: piece.line):
            yield list(line)

    def save(self) -> None:
        self.canvas.showPage()
        self.canvas.save()
