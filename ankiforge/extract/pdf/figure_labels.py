"""Find the labels of a figure among the chunks of text in and around the figure.

First, tick labels of axes and panel letters are excluded. Then, chunks on adjacent lines are
joined. Finally, captions and running text are excluded. `figure_text` reads the chunks from a page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from ankiforge.extract.pdf.blocks import CAPTION
from ankiforge.extract.pdf.boxes import Box, join_boxes
from ankiforge.extract.pdf.chars import CJK, HYPHENS
from ankiforge.model import Span, Value
from ankiforge.text import regex


class Position(NamedTuple):
    """The position of a letter or chunk of text, measured along and across its line.

    For horizontal text, along is x and across is y.
    """

    start: float
    """The start, along the line."""
    end: float
    """The end, along the line."""
    low: float
    """The lower edge, across the line."""
    high: float
    """The upper edge, across the line."""
    baseline: float
    """The baseline, across the line."""
    size: float
    """The font size. All thresholds in this module are relative to it."""


class Piece(Value):
    """A chunk of text within a line, made up of words that are close together."""

    text: str
    position: Position
    angle: int
    """The reading direction in degrees, counterclockwise: 0, 90, 180 or 270."""
    inside_fraction: float
    """The fraction of the letters that are inside the frame."""

    @property
    def box(self) -> Box:
        """The bounding box in the page's user space."""
        start, end, low, high, _, _ = self.position
        if self.angle == 0:
            return (start, low, end, high)
        if self.angle == 90:
            return (-high, start, -low, end)
        if self.angle == 180:
            return (-end, -high, -start, -low)
        return (low, -end, high, -start)


class DetectedLabel(Value):
    """A label found in a figure, with the box of the mask that covers it."""

    text: str
    box: Box


READING_DIRECTIONS = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}
"""Maps the angle of each reading direction to a unit vector. Slanted text is ignored."""


def project_box(box: Box, direction: tuple[float, float]) -> tuple[float, float]:
    """Project a box onto a unit vector, and return the (start, end) of the projection."""
    left, bottom, right, top = box
    x, y = direction
    projections = (
        x * left + y * bottom,
        x * right + y * bottom,
        x * left + y * top,
        x * right + y * top,
    )
    return min(projections), max(projections)


# --- captions, numbers along axes, panel letters --------------------------------------

_NUMBER = regex(
    r"[-−–+]?\$?(?:\d{1,3}(?:[,\u2009\u202f ]\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][-+−]?\d+)?[%°kKM]?"
)
_PANEL_LETTER = regex(r"\(?([A-Za-z])[).]?")
_FRACTION = regex(r"\d+/\d+")


def parse_number(text: str) -> float | None:
    """Parse a number as figures show it, e.g. `1,200` or `−5%`, or return None for other text.

    Percent signs, degree signs, dollar signs and the suffixes K and M are ignored.
    """
    if not any(map(str.isdigit, text)) or _NUMBER.fullmatch(text) is None:
        return None
    digits = text.strip("%°kKM$").replace("−", "-").replace("–", "-")
    for space in ("\u2009", "\u202f", " "):
        digits = digits.replace(space, "")
    if digits.count(",") == 1 and len(digits.rpartition(",")[2]) != 3:
        digits = digits.replace(",", ".")
    try:
        return float(digits.replace(",", "").replace("$", ""))
    except ValueError:
        return None


_MIN_TICKS = 3
"""The minimum number of evenly spaced numbers on an axis."""
_MAX_TICK_DEVIATION = 0.015
"""The maximum deviation of a tick label from even spacing, as a fraction of the range of the axis.
"""


def _get_right(piece: Piece) -> float:
    return piece.box[2]


def _get_middle_x(piece: Piece) -> float:
    return (piece.box[0] + piece.box[2]) / 2


def _get_middle_y(piece: Piece) -> float:
    return (piece.box[1] + piece.box[3]) / 2


def find_tick_labels(pieces: Sequence[Piece]) -> set[Piece]:
    """Return the pieces that are tick labels of a horizontal or vertical axis.

    Tick labels are numbers whose values increase or decrease evenly along the axis.
    """
    numbers: list[NumberPiece] = []
    for piece in pieces:
        value = parse_number(piece.text)
        if value is not None:
            numbers.append((piece, value))
    tick_pieces: set[Piece] = set()
    # on a horizontal axis, the numbers are at the same height; on a vertical axis, their right
    # edges or middles are aligned
    for get_level, get_position in (
        (_get_middle_y, _get_middle_x),
        (_get_right, _get_middle_y),
        (_get_middle_x, _get_middle_y),
    ):
        for group in _group_by_level(numbers, get_level):
            group.sort(key=lambda pair: get_position(pair[0]))
            points = [(get_position(piece), value) for piece, value in group]
            for start, end in _iter_even_runs(points):
                tick_pieces.update(piece for piece, _ in group[start:end])
    return tick_pieces


def _iter_even_runs(points: Sequence[tuple[float, float]]) -> Iterator[Span]:
    """Yield the longest runs of evenly spaced points, because there may be several axes."""
    start = 0
    while start + _MIN_TICKS <= len(points):
        end = start + _MIN_TICKS
        if not _is_evenly_spaced(points[start:end]):
            start += 1
            continue
        while end < len(points) and _is_evenly_spaced(points[start : end + 1]):
            end += 1
        yield start, end
        start = end


NumberPiece = tuple[Piece, float]
"""(piece of text, its numeric value)"""


def _group_by_level(
    numbers: Sequence[NumberPiece], get_level: Callable[[Piece], float]
) -> Iterator[list[NumberPiece]]:
    group: list[NumberPiece] = []
    previous_level = 0.0
    for piece, value in sorted(numbers, key=lambda pair: get_level(pair[0])):
        level = get_level(piece)
        if group and level - previous_level > 0.3 * piece.position.size:
            yield group
            group = []
        group.append((piece, value))
        previous_level = level
    yield group


def _is_evenly_spaced(points: Sequence[tuple[float, float]]) -> bool:
    """Return whether the values of (position, value) pairs change evenly with their positions."""
    first_position, first_value = points[0]
    last_position, last_value = points[-1]
    distance = last_position - first_position
    value_range = last_value - first_value
    if not distance or not value_range:
        return False
    for position, value in points:
        expected = first_value + value_range * (position - first_position) / distance
        if abs(value - expected) > _MAX_TICK_DEVIATION * abs(value_range):
            return False
    return True


def find_panel_letters(pieces: Sequence[Piece]) -> set[Piece]:
    """Return the pieces that label the panels of a figure, e.g. a, b, c or (A), (B), (C).

    The letters must form a series that begins with `a` or `A`, and in which each letter occurs
    exactly once.
    """
    pieces_by_letter: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        match = _PANEL_LETTER.fullmatch(piece.text)
        if match is not None:
            pieces_by_letter[match[1]].append(piece)
    for first_letter in "aA":
        letters = [chr(ord(first_letter) + step) for step in range(len(pieces_by_letter))]
        if all(len(pieces_by_letter.get(letter, ())) == 1 for letter in letters):
            return set(chain.from_iterable(pieces_by_letter.values()))
    return set()


# --- the labels -----------------------------------------------------------------------


_MAX_LABELS = 200
"""The maximum number of labels in a figure. With more labels, some would remain unmasked and give
away answers.
"""
_MAX_MASKED_FRACTION = 0.6
"""The maximum fraction of the frame covered by labels. If it is exceeded, the frame contains text
rather than a figure.
"""
_MAX_PIECES = 400
"""The maximum number of chunks of text in a figure. A frame with more chunks is a page of text."""
MAX_LABEL_WORDS = 20
"""The maximum number of words in a label. Longer texts are sentences. In scripts without spaces,
three characters count as a word.
"""
_VERTICAL_MASK_MARGIN = 0.04
"""The margin of a mask above and below its letters, relative to the font size."""
HORIZONTAL_MASK_MARGIN = 0.05
"""The margin of a mask to the left and right of its letters, relative to the font size. A letter
can be wider than its font reports.
"""


def find_labels_in_pieces(
    pieces: Iterable[Piece], frame: Box
) -> tuple[DetectedLabel, ...]:
    """Return the labels inside a frame, in no particular order.

    Returns () if the frame seems to contain running text rather than a figure.

    Args:
        pieces: The chunks of text in and around the frame.
        frame: The area that the user framed.
    """
    inner_pieces = [piece for piece in pieces if piece.inside_fraction >= 0.5]
    non_labels = find_tick_labels(inner_pieces) | find_panel_letters(inner_pieces)
    candidates = []
    for piece in inner_pieces:
        if piece not in non_labels and any(map(str.isalnum, piece.text)):
            candidates.append(piece)
    if len(candidates) > _MAX_PIECES:
        return ()
    labels = []
    for lines in group_label_lines(candidates):
        text = _join_lines(lines)
        if _count_words(text) <= MAX_LABEL_WORDS and not CAPTION.match(text):
            labels.append(DetectedLabel(text, _compute_mask(lines, frame)))
    if len(labels) > _MAX_LABELS:
        return ()
    masked_area = sum(_compute_area(label.box) for label in labels)
    if masked_area > _MAX_MASKED_FRACTION * _compute_area(frame):
        return ()
    return tuple(labels)


def _count_words(text: str) -> int:
    """Count the words of a label. In scripts without spaces, three characters are a word."""
    word_count = len(text.split())
    if CJK.search(text):
        return max(word_count, len(text) // 3)
    return word_count


def _compute_mask(lines: Sequence[Piece], frame: Box) -> Box:
    """Return the box of a label's mask, which is slightly larger than its letters.

    It doesn't extend beyond the frame.
    """
    size = lines[0].position.size
    left, bottom, right, top = join_boxes(line.box for line in lines)
    return (
        max(left - HORIZONTAL_MASK_MARGIN * size, frame[0]),
        max(bottom - _VERTICAL_MASK_MARGIN * size, frame[1]),
        min(right + HORIZONTAL_MASK_MARGIN * size, frame[2]),
        min(top + _VERTICAL_MASK_MARGIN * size, frame[3]),
    )


def _compute_area(box: Box) -> float:
    left, bottom, right, top = box
    return (right - left) * (top - bottom)


def _join_lines(lines: Sequence[Piece]) -> str:
    """Join the lines of a label with spaces.

    A hyphen before a small letter is dropped. Lines are joined without a space after any other
    hyphen, and between Chinese or Japanese characters.
    """
    text = lines[0].text
    for line in lines[1:]:
        first_char, last_char = line.text[:1], text[-1:]
        if last_char in HYPHENS and first_char.islower():
            text = text[:-1] + line.text
        elif last_char in HYPHENS or (CJK.match(last_char) and CJK.match(first_char)):
            text += line.text
        else:
            text = f"{text} {line.text}"
    return text


# --- labels of several lines ----------------------------------------------------------


_MAX_SIZE_RATIO = 1.15
"""The maximum ratio between the font sizes of two lines in a label."""
_MIN_LINE_STEP = 0.5
_MAX_LINE_STEP = 1.38
"""The minimum and maximum distance between the baselines of two lines in a label, relative to the
font size.
"""
MAX_EDGE_DISTANCE = 0.4
"""The maximum distance between the edges or middles of aligned lines, relative to the font size."""


def group_label_lines(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Group chunks of text into labels. Each label is a list of consecutive lines."""
    by_angle: dict[int, list[Piece]] = defaultdict(list)
    for piece in dict.fromkeys(pieces):
        by_angle[piece.angle].append(piece)
    labels: list[list[Piece]] = []
    for lines in by_angle.values():
        lines.sort(key=lambda piece: (-piece.position.baseline, piece.position.start))
        labels += _chain_lines(lines, _find_continuations(lines))
    return labels


def _find_continuations(lines: Sequence[Piece]) -> dict[Piece, Piece]:
    """Map each line to the line below that continues it, if there is one.

    The lines are sorted from top to bottom.
    """
    continuations: dict[Piece, Piece] = {}
    for number, line in enumerate(lines):
        max_step = _MAX_LINE_STEP * line.position.size
        for lower_line in lines[number + 1 :]:
            if line.position.baseline - lower_line.position.baseline > max_step:
                break
            if _can_continue(line, lower_line):
                continuations[line] = lower_line
                break
    return continuations


def _chain_lines(
    lines: Sequence[Piece], continuations: Mapping[Piece, Piece]
) -> Iterator[list[Piece]]:
    """Yield each line that continues no other one, followed by its continuations."""
    later_lines = set(continuations.values())
    chained_lines: set[Piece] = set()
    for line in lines:
        if line in later_lines:
            continue
        next_line: Piece | None = line
        label = []
        while next_line is not None and next_line not in chained_lines:
            chained_lines.add(next_line)
            label.append(next_line)
            next_line = continuations.get(next_line)
        yield label


def _can_continue(upper: Piece, lower: Piece) -> bool:
    """Return whether the lower of two lines continues the label in the upper one.

    The lines must have similar sizes and be close together. Their starts, ends or middles must be
    aligned, and neither may be a number.
    """
    above, below = upper.position, lower.position
    size, larger_size = sorted((above.size, below.size))
    if larger_size > _MAX_SIZE_RATIO * size:
        return False
    step = above.baseline - below.baseline
    if not _MIN_LINE_STEP * size <= step <= _MAX_LINE_STEP * size:
        return False
    starts_apart = above.start - below.start
    ends_apart = above.end - below.end
    middles_apart = (starts_apart + ends_apart) / 2
    edge_distance = min(abs(starts_apart), abs(ends_apart), abs(middles_apart))
    if edge_distance >= MAX_EDGE_DISTANCE * size:
        return False
    return not _is_number(upper) and not _is_number(lower)


def _is_number(piece: Piece) -> bool:
    if parse_number(piece.text) is not None:
        return True
    return _FRACTION.fullmatch(piece.text) is not None
