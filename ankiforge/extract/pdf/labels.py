"""The labels in a figure, from the pieces of text on and around it.

    pieces of lines ─▶ without captions, ticks … ─▶ labels of several lines

Left out is text that names nothing in the figure: its caption, running text, numbers along an
axis, letters of panels, signs. Leader lines are no text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ankiforge.model import Value
from ankiforge.text import regex

Box = tuple[float, float, float, float]
"""left, bottom, right, top; the vertical axis points upwards."""


class Placed(NamedTuple):
    """A letter or piece in the direction in which it is read."""

    start: float
    """Along the line."""
    end: float
    low: float
    """Across the line, upwards."""
    high: float
    base: float
    """The line on which its letters stand."""
    size: float
    """That of the font: the unit of all distances here."""


class Piece(Value):
    """Words on one line that belong together."""

    text: str
    at: Placed
    angle: int
    """0, 90, 180 or 270."""
    inside: float
    """The part of its letters that is inside the frame."""

    @property
    def box(self) -> Box:
        """The box around it, in user space."""
        start, end, low, high, _, _ = self.at
        if self.angle == 0:
            return (start, low, end, high)
        if self.angle == 90:
            return (-high, start, -low, end)
        if self.angle == 180:
            return (-end, -high, -start, -low)
        return (low, -end, high, -start)


class FoundLabel(Value):
    """A label with its box."""

    text: str
    box: Box


ACROSS = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}
"""The directions in which text is read; slanted words are no labels."""


def span(box: Box, direction: tuple[float, float]) -> tuple[float, float]:
    """Return where a box begins and ends in a direction."""
    left, bottom, right, top = box
    x, y = direction
    places = (
        x * left + y * bottom,
        x * right + y * bottom,
        x * left + y * top,
        x * right + y * top,
    )
    return min(places), max(places)


def union(boxes: Iterable[Box]) -> Box:
    """Return the box around boxes."""
    every = list(boxes)
    return (
        min(box[0] for box in every),
        min(box[1] for box in every),
        max(box[2] for box in every),
        max(box[3] for box in every),
    )


# --- captions, numbers along axes, letters of panels ----------------------------------

_MOST_CAPTIONS = 50
"""Captions in and around a frame that are looked for."""

_CAPTION = regex(
    r"(?i)(?:extended data |supplementary )?"
    r"(?:fig(?:ure|ura|\.)?|abb(?:ildung|\.)?|table|tab(?:elle|leau|la|\.)?|scheme|schema|chart|plate"
    r"|algorithm|diagram|рис(?:унок|\.)?|табл(?:ица|\.)?)\s*[A-Z]?\d+[a-z]?(?:[.:|–—\s]|$)|[図图表]\s*\d"
)
_NUMBER = regex(
    r"[-−–+]?\$?(?:\d{1,3}(?:[,\u2009\u202f ]\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][-+−]?\d+)?[%°kKM]?"
)
_PANEL = regex(r"\(?([A-Za-z])[).]?")
_FRACTION = regex(r"\d+/\d+")


def without_captions(pieces: list[Piece]) -> list[Piece]:
    """Leave out captions: a line that begins like one, and the lines below it."""
    captions = []
    for piece in pieces:
        if piece.angle == 0 and _CAPTION.match(piece.text):
            captions.append(piece)
    left_out: set[Piece] = set()
    by_depth = sorted(pieces, key=lambda piece: -piece.at.base)
    for caption in captions[:_MOST_CAPTIONS]:
        block = [caption]
        for piece in by_depth:
            if piece.angle != caption.angle or piece is caption:
                continue
            if _goes_on_caption(block, piece):
                block.append(piece)
        left_out.update(block)
    return [piece for piece in pieces if piece not in left_out]


def _goes_on_caption(block: Sequence[Piece], piece: Piece) -> bool:
    """Return whether a piece is on a line of a caption, or right below it."""
    size = block[0].at.size
    if abs(piece.at.size - size) >= 0.2 * size:
        return False
    last = block[-1].at
    left = min(part.at.start for part in block)
    right = max(part.at.end for part in block)
    lowest = min(part.at.base for part in block)
    if abs(piece.at.base - last.base) < 0.5 * size:
        gap_after = piece.at.start - last.end
        gap_before = last.start - piece.at.end
        # what ends before the caption begins is in the figure beside it
        return piece.at.end >= left - size and max(gap_after, gap_before) < 3 * size
    step = lowest - piece.at.base
    return 0 < step < 1.5 * size and piece.at.start < right and piece.at.end > left


def number_of(text: str) -> float | None:
    """Return the number that a text is, None if it is none."""
    if not any(map(str.isdigit, text)) or _NUMBER.fullmatch(text) is None:
        return None
    plain = text.strip("%°kKM$").replace("−", "-").replace("–", "-")
    for blank in ("\u2009", "\u202f", " "):
        plain = plain.replace(blank, "")
    if plain.count(",") == 1 and len(plain.rpartition(",")[2]) != 3:
        plain = plain.replace(",", ".")
    try:
        return float(plain.replace(",", "").replace("$", ""))
    except ValueError:
        return None


_LEAST_TICKS = 3
"""Numbers in a row that grow with their place, at least, to be those of an axis."""
_TICK_SLACK = 0.015
"""How far from even they are, at most, in parts of their range."""


def ticks(pieces: Sequence[Piece]) -> set[Piece]:
    """Return the numbers along axes, level or upright, that grow evenly."""
    numbers: list[Number] = []
    for piece in pieces:
        value = number_of(piece.text)
        if value is not None:
            numbers.append((piece, value))
    found: set[Piece] = set()
    # along x, those on one level; along y, those whose right edges or middles agree
    lines: list[tuple[Callable[[Box], float], Callable[[Box], float]]] = [
        (_middle_y, _middle_x),
        (lambda box: box[2], _middle_y),
        (_middle_x, _middle_y),
    ]
    for level, place in lines:
        for group in _on_one_line(numbers, level):
            ordered = sorted(group, key=lambda pair: place(pair[0].box))
            points = [(place(piece.box), value) for piece, value in ordered]
            # the longest runs that are even: of each axis in a row
            start = 0
            while start + _LEAST_TICKS <= len(points):
                end = start + _LEAST_TICKS
                if not _is_even(points[start:end]):
                    start += 1
                    continue
                while end < len(points) and _is_even(points[start : end + 1]):
                    end += 1
                found.update(piece for piece, _ in ordered[start:end])
                start = end
    return found


Number = tuple[Piece, float]
"""A piece that is a number, and its value."""


def _middle_x(box: Box) -> float:
    return (box[0] + box[2]) / 2


def _middle_y(box: Box) -> float:
    return (box[1] + box[3]) / 2


def _on_one_line(
    numbers: Sequence[Number], level: Callable[[Box], float]
) -> Iterator[list[Number]]:
    """Yield the numbers that share a level, which `level` tells of a box."""
    group: list[Number] = []
    last = 0.0
    for piece, value in sorted(numbers, key=lambda pair: level(pair[0].box)):
        own_level = level(piece.box)
        if group and own_level - last > 0.3 * piece.at.size:
            yield group
            group = []
        group.append((piece, value))
        last = own_level
    yield group


def _is_even(points: Sequence[tuple[float, float]]) -> bool:
    """Return whether values grow or fall evenly with their place."""
    first_place, first = points[0]
    last_place, last = points[-1]
    across = last_place - first_place
    along = last - first
    if not across or not along:
        return False
    for place, value in points:
        expected = first + along * (place - first_place) / across
        if abs(value - expected) > _TICK_SLACK * abs(along):
            return False
    return True


def panels(pieces: Sequence[Piece]) -> set[Piece]:
    """Return the letters that name panels: a, b, c …, also in brackets, once each."""
    letters: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        match = _PANEL.fullmatch(piece.text)
        if match is not None:
            letters[match[1]].append(piece)
    for first in "aA":
        run = [letters.get(chr(ord(first) + step), []) for step in range(len(letters))]
        if run and all(len(same) == 1 for same in run):
            return {same[0] for same in run}
    return set()


# --- the labels -----------------------------------------------------------------------


_MOST_LABELS = 200
"""Labels of one figure. With some of them hidden and others not, it would tell the answers."""
_MOST_HIDDEN = 0.6
"""Part of a frame; labels that take more of it are words that were framed, not a figure."""
_MOST_PIECES = 400
"""Pieces of text in a frame; one with more is no figure, but a page."""
MOST_WORDS = 20
"""More words than this are a sentence, no label; of a script without blanks, letters / 3."""
_ABOVE = 0.04
"""How much larger a mask is than its letters, above and below, in sizes of the font."""
BESIDE = 0.05
"""The same to the left and right, where a letter may be wider than its font says."""
CJK = regex("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
"""Text in this script is joined across lines without a blank."""


def labels_of(pieces: list[Piece], frame: Box) -> tuple[FoundLabel, ...]:
    """Return the labels inside a frame, in no particular order.

    Args:
        pieces: the text in and around the frame.
        frame: what a person framed.
    """
    pieces = [piece for piece in without_captions(pieces) if piece.inside >= 0.5]
    left_out = ticks(pieces) | panels(pieces)
    named = []
    for piece in pieces:
        if any(map(str.isalnum, piece.text)) and piece not in left_out:
            named.append(piece)
    if len(named) > _MOST_PIECES:
        return ()
    labels = []
    for lines in joined(named):
        text = _text_of_label(lines)
        words = len(text.split())
        if CJK.search(text):
            words = max(words, len(text) // 3)
        if words > MOST_WORDS:
            continue
        # A mask is a little larger than its letters, and ends where the frame does.
        size = lines[0].at.size
        left, bottom, right, top = union(line.box for line in lines)
        box = (
            max(left - BESIDE * size, frame[0]),
            max(bottom - _ABOVE * size, frame[1]),
            min(right + BESIDE * size, frame[2]),
            min(top + _ABOVE * size, frame[3]),
        )
        labels.append(FoundLabel(text, box))
    boxes = (frame, *(label.box for label in labels))
    size, *sizes = [(right - left) * (top - bottom) for left, bottom, right, top in boxes]
    is_figure = len(labels) <= _MOST_LABELS and sum(sizes) <= _MOST_HIDDEN * size
    return tuple(labels) if is_figure else ()


def _text_of_label(lines: Sequence[Piece]) -> str:
    """Return the text of the lines of a label; a word divided between two is whole again."""
    text = lines[0].text
    for line in lines[1:]:
        begins = line.text[:1]
        if text[-1:] in HYPHENS and begins.islower():
            text = text[:-1] + line.text
        elif text[-1:] in HYPHENS or (CJK.match(text[-1:]) and CJK.match(begins)):
            text += line.text
        else:
            text = f"{text} {line.text}"
    return text


# --- labels of several lines ----------------------------------------------------------


HYPHENS = "-\u2010\u00ad"

_SAME_SIZE = 1.15
"""Lines of one label differ in size by this factor, at most."""
_LINE_STEP = 1.38
"""From line to line of a label, at most, in sizes."""
EDGE = 0.4
"""Edges or middles of the lines of one label agree up to so many sizes."""


def joined(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the labels: pieces of one line, or of several that go on below one another."""
    by_angle: dict[int, list[Piece]] = defaultdict(list)
    for piece in dict.fromkeys(pieces):
        by_angle[piece.angle].append(piece)
    labels = []
    for lines in by_angle.values():
        lines.sort(key=lambda piece: (-piece.at.base, piece.at.start))
        # in which line below it each goes on
        below: dict[Piece, Piece] = {}
        for number, line in enumerate(lines):
            for other in lines[number + 1 :]:
                if line.at.base - other.at.base > _LINE_STEP * line.at.size:
                    break
                if _goes_on(line, other):
                    below[line] = other
                    break
        # chains of lines, each of which goes on in the next
        continues = set(below.values())
        taken: set[Piece] = set()
        for line in lines:
            if line in continues:
                continue
            following: Piece | None = line
            chain = []
            while following is not None and following not in taken:
                taken.add(following)
                chain.append(following)
                following = below.get(following)
            labels.append(chain)
    return labels


def _is_aligned(one: Piece, other: Piece) -> bool:
    """Return whether two pieces have an edge or their middles in one line."""
    starts_apart = one.at.start - other.at.start
    ends_apart = one.at.end - other.at.end
    middles_apart = (starts_apart + ends_apart) / 2
    slack = EDGE * min(one.at.size, other.at.size)
    return min(abs(starts_apart), abs(ends_apart), abs(middles_apart)) < slack


def _goes_on(upper: Piece, lower: Piece) -> bool:
    """Return whether a line may go on in one below it."""
    size = min(upper.at.size, lower.at.size)
    larger_size = max(upper.at.size, lower.at.size)
    step = upper.at.base - lower.at.base
    if larger_size > _SAME_SIZE * size or not 0.5 * size <= step <= _LINE_STEP * size:
        return False
    if not _is_aligned(upper, lower):
        return False
    return not (_is_number(upper) or _is_number(lower))


def _is_number(piece: Piece) -> bool:
    return (
        number_of(piece.text) is not None or _FRACTION.fullmatch(piece.text) is not None
    )
