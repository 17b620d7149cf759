"""Texts that name nothing in a figure: captions, numbers along axes, letters of panels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from math import log10

from ankiforge.extract.figures.pieces import Box, Piece
from ankiforge.text import regex

MOST_CAPTIONS = 50
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
FRACTION = regex(r"\d+/\d+")


def without_captions(pieces: list[Piece]) -> list[Piece]:
    """Leave out captions: a line that begins like one, and the lines below it."""
    captions = []
    for piece in pieces:
        if piece.angle == 0 and _CAPTION.match(piece.text):
            captions.append(piece)
    left_out: set[int] = set()
    by_depth = sorted(pieces, key=lambda piece: -piece.at.base)
    for caption in captions[:MOST_CAPTIONS]:
        block = [caption]
        for piece in by_depth:
            if piece.angle != caption.angle or piece is caption:
                continue
            if _goes_on_caption(block, piece):
                block.append(piece)
        left_out.update(map(id, block))
    return [piece for piece in pieces if id(piece) not in left_out]


def _goes_on_caption(block: Sequence[Piece], piece: Piece) -> bool:
    """Return whether a piece is on a line of a caption, or right below it."""
    size = block[0].at.size
    if abs(piece.at.size - size) >= 0.2 * size:
        return False
    last = block[-1].at
    left = min(part.at.start for part in block)
    right = max(part.at.end for part in block)
    lowest = min(part.at.base for part in block)
    is_on_its_line = abs(piece.at.base - last.base) < 0.5 * size
    if is_on_its_line:
        is_in_figure = piece.at.end < left - size  # beside the caption
        gap_after = piece.at.start - last.end
        gap_before = last.start - piece.at.end
        return not is_in_figure and max(gap_after, gap_before) < 3 * size
    step = lowest - piece.at.base
    is_next_line = 0 < step < 1.5 * size
    return is_next_line and piece.at.start < right and piece.at.end > left


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


LEAST_TICKS = 3
"""Numbers in a row that grow with their place, at least, to be those of an axis."""
TICK_SLACK = 0.015
"""How far from even they are, at most, in parts of their range."""
LOG_SLACK = 0.06
"""The same of a logarithmic axis."""


def ticks(pieces: Sequence[Piece]) -> set[int]:
    """Return the ids of the numbers along axes: level or upright, even or logarithmic."""
    numbers: list[Number] = []
    for piece in pieces:
        value = number_of(piece.text)
        if value is not None:
            numbers.append((piece, value))
    found: set[int] = set()
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
            while start + LEAST_TICKS <= len(points):
                end = start + LEAST_TICKS
                if not _grows_evenly(points[start:end]):
                    start += 1
                    continue
                while end < len(points) and _grows_evenly(points[start : end + 1]):
                    end += 1
                found.update(id(piece) for piece, _ in ordered[start:end])
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


def _grows_evenly(points: Sequence[tuple[float, float]]) -> bool:
    """Return whether values, or their logarithms, grow or fall evenly with their place."""
    places = [place for place, _ in points]
    values = [value for _, value in points]
    if _is_even(places, values):
        return True
    # Of three numbers of a table, one in a hundred triples is even by chance.
    if min(values) <= 0 or len(values) == LEAST_TICKS:
        return False
    return _is_even(places, [log10(value) for value in values], slack=LOG_SLACK)


def _is_even(
    places: Sequence[float], values: Sequence[float], slack: float = TICK_SLACK
) -> bool:
    """Return whether points lie on a line that is neither level nor upright."""
    across = places[-1] - places[0]
    along = values[-1] - values[0]
    if not across or not along:
        return False
    for place, value in zip(places, values, strict=True):
        expected = values[0] + along * (place - places[0]) / across
        if abs(value - expected) > slack * abs(along):
            return False
    return True


def panels(pieces: Sequence[Piece]) -> set[int]:
    """Return the ids of letters that name panels: a, b, c …, also in brackets, once each."""
    letters: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        match = _PANEL.fullmatch(piece.text)
        if match is not None:
            letters[match[1]].append(piece)
    for first in "aA":
        run = [letters.get(chr(ord(first) + step), []) for step in range(len(letters))]
        if run and all(len(same) == 1 for same in run):
            return {id(same[0]) for same in run}
    return set()


def says_something(text: str) -> bool:
    """Return whether a piece has a letter or a digit."""
    return any(map(str.isalnum, text))
