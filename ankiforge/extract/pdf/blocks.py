"""Find the blocks of a page: paragraphs, headings, captions and list items.

`page_text` inserts a line break before each block, and joins the lines within a block with spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from ankiforge.extract.pdf.chars import NO_GAP, GetFont, Line, PrintedChar
from ankiforge.extract.pdf.letters import is_bold_font
from ankiforge.text import regex

_MIN_BLOCK_STEP = 1.5
"""The line distance above which a line starts a new block, relative to the usual line distance."""
_MAX_LINE_STEP = 2.2
"""The upper bound of the usual line distance, relative to the height of the letters."""
_BULLETS = frozenset("•‣▪◦●○■□▸►◆\uf0b7\uf0a7")
MIN_HEADING_LETTERS = 6
"""The minimum number of letters in a heading and in the line below it. Shorter lines may be
subscripts in a formula.
"""
_MIN_HEADING_GAP = 0.1
"""How much further left than the line below a heading must end, relative to that line's width."""
CAPTION = regex(
    r"(?i:extended data |supplementary )?"
    r"(?i:fig(?:ure|ura|\.)?|abb(?:ildung|\.)?|table|tab(?:elle|leau|la|\.)?|scheme|schema|chart|plate"
    r"|algorithm|box|diagram|рис(?:унок|\.)?|табл(?:ица|\.)?)"
    r"\s*(?:[A-Z]?\d{1,3}[a-z]?|[IVX]{1,4})(?P<end>[.:|–—\s]|$)|[図图表]\s*\d"
)
"""Matches the start of a caption. The group `end` is the character after the number, or ""."""


def find_block_starts(lines: Sequence[Line], get_font: GetFont) -> set[PrintedChar]:
    """Return the first character of every block on a page except the first block."""
    usual_step = _find_usual_step(lines)
    starts = set()
    for above, line in pairwise(lines):
        max_step = min(usual_step, _MAX_LINE_STEP * line.height)
        is_far_below = line.depth - above.depth > _MIN_BLOCK_STEP * max_step
        if is_far_below or _begins_block(line, above, get_font):
            starts.add(line.chars[0])
    return starts


def _find_usual_step(lines: Iterable[Line]) -> float:
    """Return the usual distance between two lines, or infinity if it is unknown."""
    steps = []
    for above, line in pairwise(lines):
        step = line.depth - above.depth
        if 0.4 * above.height < step < 4 * above.height:
            steps.append(step)
    return median(steps) if steps else float("inf")


def _begins_block(line: Line, above: Line, get_font: GetFont) -> bool:
    """Return whether a line begins a block although it closely follows the line above."""
    if line.chars[0].text in _BULLETS or not line.has_similar_size(above):
        return True
    return _is_heading(above, line, get_font) or _is_caption(line, above)


def _is_heading(line: Line, below: Line, get_font: GetFont) -> bool:
    """Return whether `line` is a heading of the line below, judging by their fonts.

    All sampled letters of a heading must have the same font, which the line below doesn't use. If
    that font isn't bold, the heading must also end further left than the line below.
    """
    if min(line.letter_count, below.letter_count) < MIN_HEADING_LETTERS:
        return False
    if line.chars[0].text.islower():
        return False
    fonts = line.sample_fonts(get_font)
    if len(fonts) != 1 or fonts & below.sample_fonts(get_font):
        return False
    [font] = fonts
    if is_bold_font(font):
        return True
    width = below.chars[-1].right - below.chars[0].left
    return below.chars[-1].right - line.chars[-1].right > _MIN_HEADING_GAP * width


def _is_caption(line: Line, above: Line) -> bool:
    """Return whether a line starts like a caption, e.g. `Figure 2:` or `Table 1.`.

    If the number is followed by a full stop, the line above must also end a sentence.
    """
    caption = CAPTION.match("".join([char.text for char in line.chars[:20]]))
    if caption is None or not line.chars[0].text.isupper():
        return False
    if caption["end"] == ".":
        return above.chars[-1].text in ".!?)]"
    return caption["end"] in (":", "|")


# --- list items -----------------------------------------------------------------------

ITEM_LABEL = regex(r"^(\(?)([a-zA-Z]|[ivx]{2,4}|\d{1,2})([.)])")
"""Matches the label of a list item: a letter, a number or a Roman numeral."""
_MAX_LABEL_CHARS = 7
"""The number of characters at the start of a line in which to look for a label such as `(viii)`."""
MAX_MARGIN_DIFFERENCE = 2.0
"""The maximum difference between the left margins of two items in the same list, in points."""
_MAX_ITEMS_BETWEEN = 30
"""The number of following items in which to look for the next item of the same list."""
_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")


class _ListItem:
    def __init__(
        self, first: PrintedChar, text: PrintedChar, label: re.Match[str]
    ) -> None:
        self.first = first
        self.text = text
        """The first character after the label."""
        opening, symbol, closing = label.groups()
        self.form = (opening, closing)
        self.numbers: set[tuple[str, int]] = set()
        """The possible values of the label as (kind, value), because `i` is both the ninth letter
        and the numeral 1.
        """
        if symbol.isdigit():
            self.numbers.add(("number", int(symbol)))
        if len(symbol) == 1 and symbol.isalpha():
            self.numbers.add(("letter", ord(symbol)))
        if symbol in _ROMAN:
            self.numbers.add(("roman", _ROMAN.index(symbol)))

    def is_followed_by(self, other: _ListItem) -> bool:
        if self.form != other.form:
            return False
        offsets = (self.first.left - other.first.left, self.text.left - other.text.left)
        if min(map(abs, offsets)) > MAX_MARGIN_DIFFERENCE:
            return False
        return any((kind, number + 1) in other.numbers for kind, number in self.numbers)


def _is_initial(label: str) -> bool:
    return label.isupper() and label.endswith(".")


def find_list_item_starts(lines: Iterable[Line]) -> set[PrintedChar]:
    """Return the first character of each list item that is labelled with a letter or number.

    A line only counts as an item if the previous or next item of the same list is on the page,
    too. A capital followed by a full stop is no label, because it may be an initial.
    """
    items: list[_ListItem] = []
    for line in lines:
        item = _read_list_item(line)
        if item is not None:
            items.append(item)
    item_starts: set[PrintedChar] = set()
    for index, item in enumerate(items):
        for later_item in items[index + 1 : index + 1 + _MAX_ITEMS_BETWEEN]:
            if item.is_followed_by(later_item):
                item_starts |= {item.first, later_item.first}
                break
    return item_starts


def _read_list_item(line: Line) -> _ListItem | None:
    """Return the list item that a line may begin, or None if it has no label and text."""
    beginning = line.chars[:_MAX_LABEL_CHARS]
    label = ITEM_LABEL.match("".join([char.text for char in beginning]))
    if label is None or _is_initial(label[0]):
        return None
    label_length = label.end()  # the text of each character is one letter or sign
    chars_after_label = line.chars[label_length:]
    if not chars_after_label or chars_after_label[0].gap is NO_GAP:
        return None
    return _ListItem(line.chars[0], chars_after_label[0], label)
