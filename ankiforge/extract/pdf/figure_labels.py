"""Find the labels of a figure: the short texts in a frame that the user drew on a page.

Only text that runs along the lines of the page is read, so the upright name of an axis is no label.
Numbers, single letters and captions are no labels either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median

from ankiforge.extract.pdf.blocks import CAPTION
from ankiforge.extract.pdf.chars import CJK, HYPHENS, LINE_GAP, NO_GAP, PrintedChar
from ankiforge.extract.pdf.cleaning import to_one_line
from ankiforge.extract.pdf.letters import CharReader
from ankiforge.extract.pdf.messages import Box
from ankiforge.extract.pdf.page_text import PageText
from ankiforge.model import Value

# All lengths are relative to the font size.
_MAX_WORD_GAP = 0.61
"""The maximum gap between two words of a label."""
_MAX_SHIFT = 0.45
"""The maximum vertical distance between two letters of a line."""
_MAX_LINE_STEP = 1.38
"""The maximum distance between two lines of a label."""
_MAX_EDGE_DISTANCE = 0.4
"""The maximum distance between the edges or middles of aligned lines."""
_MAX_SIZE_RATIO = 1.15
"""The maximum ratio between the font sizes of two lines in a label."""
_MIN_LETTERS = 2
MAX_LABEL_WORDS = 20
"""The maximum number of words in a label. Longer texts are sentences. In scripts without spaces,
three characters count as a word.
"""
_MAX_LABELS = 200
"""The maximum number of labels in a figure. A frame with more of them is a page of text."""
_MAX_MASKED_FRACTION = 0.6
"""The maximum fraction of the frame covered by labels, for the same reason."""


class DetectedLabel(Value):
    """A label found in a figure, with the box of the mask that covers it."""

    text: str
    box: Box


class _Line:
    """A line of a label: words of a printed line that are close together.

    Its `box` is turned so that the text of the page runs from left to right.
    """

    def __init__(
        self, chars: list[PrintedChar], boxes: list[Box], letters: CharReader
    ) -> None:
        text = ""
        for char in chars:
            text += " " if text and char.gap is not NO_GAP else ""
            text += char.printed_text
        self.text = to_one_line(text)
        self.box = _surround(boxes)
        height = median(top - bottom for _, bottom, _, top in boxes)
        self.size = letters.get_font_size(chars[0].char_index, height)
        self.y = median((bottom + top) / 2 for _, bottom, _, top in boxes)

    def continues(self, above: _Line) -> bool:
        """Return whether this is the next line of the label that ends with the line `above`."""
        size = min(self.size, above.size)
        left, right = self.box[0] - above.box[0], self.box[2] - above.box[2]
        return (
            max(self.size, above.size) <= _MAX_SIZE_RATIO * size
            and 0.5 * size <= above.y - self.y <= _MAX_LINE_STEP * size
            and min(abs(left), abs(right), abs(left + right) / 2)
            < _MAX_EDGE_DISTANCE * size
        )


def _surround(boxes: Iterable[Box]) -> Box:
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return (min(lefts), min(bottoms), max(rights), max(tops))


def _turn(box: Box, direction: tuple[float, float]) -> Box:
    """Turn a box so that text in this direction runs from left to right."""
    x, y = direction
    left, right = sorted((box[0] * x + box[1] * y, box[2] * x + box[3] * y))
    bottom, top = sorted((box[1] * x - box[0] * y, box[3] * x - box[2] * y))
    return (left, bottom, right, top)


def find_figure_labels(
    page: PageText, letters: CharReader, frame: Box
) -> tuple[DetectedLabel, ...]:
    """Return the labels inside a frame on a page, from top to bottom.

    Returns () if the frame seems to contain running text rather than a figure.
    """
    labels: list[list[_Line]] = []
    for line in sorted(_iter_lines(page, letters, frame), key=lambda line: -line.y):
        for label in reversed(labels):
            if line.continues(label[-1]):
                label.append(line)
                break
        else:
            labels.append([line])
        if len(labels) > _MAX_LABELS:
            return ()
    found = []
    masked_area = 0.0
    for lines in labels:
        text = _join_lines(lines)
        word_count = len(text.split())
        if CJK.search(text):
            word_count = max(word_count, len(text) // 3)
        if word_count > MAX_LABEL_WORDS or CAPTION.match(text):
            continue
        x, y = page.direction
        box = _turn(_surround(line.box for line in lines), (x, -y))
        left, bottom = max(box[0], frame[0]), max(box[1], frame[1])
        right, top = min(box[2], frame[2]), min(box[3], frame[3])
        masked_area += (right - left) * (top - bottom)
        found.append(DetectedLabel(text, (left, bottom, right, top)))
    area = (frame[2] - frame[0]) * (frame[3] - frame[1])
    return tuple(found) if masked_area <= _MAX_MASKED_FRACTION * area else ()


def _iter_lines(page: PageText, letters: CharReader, frame: Box) -> Iterator[_Line]:
    """Yield the texts of which at least half is in the frame."""
    chunks: list[list[PrintedChar]] = []
    boxes: list[list[Box]] = []
    for char in page.chars:
        box = _turn((char.left, char.bottom, char.right, char.top), page.direction)
        previous = boxes[-1][-1] if boxes else box
        size = letters.get_font_size(char.char_index, box[3] - box[1])
        is_beside = (
            -size < box[0] - previous[2] < _MAX_WORD_GAP * size
            and abs(box[1] - previous[1]) < _MAX_SHIFT * size
        )
        if not chunks or char.gap is LINE_GAP or not is_beside:
            chunks.append([])
            boxes.append([])
        chunks[-1].append(char)
        boxes[-1].append(box)
    left, bottom, right, top = frame
    for chunk, chunk_boxes in zip(chunks, boxes, strict=True):
        inside = [left <= char.x <= right and bottom <= char.y <= top for char in chunk]
        letter_count = sum(char.text.isalpha() for char in chunk)
        if 2 * sum(inside) >= len(chunk) and letter_count >= _MIN_LETTERS:
            yield _Line(chunk, chunk_boxes, letters)


def _join_lines(lines: list[_Line]) -> str:
    """Join the lines of a label with spaces, and drop a hyphen before a small letter."""
    text = lines[0].text
    for line in lines[1:]:
        if text[-1] in HYPHENS and line.text[0].islower():
            text = text[:-1] + line.text
        elif text[-1] in HYPHENS or (CJK.match(text[-1]) and CJK.match(line.text[0])):
            text += line.text
        else:
            text += f" {line.text}"
    return text
