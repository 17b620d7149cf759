"""Where the blocks of a page begin: paragraphs, headings, items of lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from ankiforge.extract.pdf.chars import FontOf, Line, PrintedChar
from ankiforge.text import regex

_BLOCK_GAP = 1.5
"""A step down this many times the usual one begins a new block."""
_WIDEST_STEP = 2.2
"""Lines with a larger step, in heights of their letters, are blocks of their own."""
_BULLETS = frozenset("•‣▪◦●○■□▸►◆\uf0b7\uf0a7")
HEADING = 6
"""Letters of a heading, and of the line below it, at least; shorter lines are indices of maths."""
_SHORTER = 0.1
"""How much shorter a heading is than the line below, at least, in parts of that."""
_BOLD = regex(r"(?i)bold|black|heavy|demi|medi\b|cmb|-bd")
# The label of a caption, without blanks.
_CAPTION = regex(
    r"(?:Fig(?:ure|ura|\.)|Table|Tabelle|Tabla|Tableau|Tab\.|Abb(?:ildung|\.)|Scheme|Box)"
    r"(?:[A-Z]?\d{1,3}|[IVX]{1,4})[a-z]?([.:|])"
)


def block_starts(lines: Sequence[Line], font_of: FontOf) -> set[PrintedChar]:
    """Return the first characters of lines that do not continue the line before."""
    # the usual distance from line to line
    steps = []
    for above, line in pairwise(lines):
        step = line.depth - above.depth
        if 0.4 * above.height < step < 4 * above.height:
            steps.append(step)
    usual = median(steps) if steps else float("inf")

    starts = set()
    for above, line in pairwise(lines):
        first = line.chars[0]
        step = line.depth - above.depth
        if (
            step > _BLOCK_GAP * min(usual, _WIDEST_STEP * line.height)
            or first.text in _BULLETS
            or not line.is_of_size_of(above)
            or _is_heading(above, line, font_of)
            or _is_caption(line, above)
        ):
            starts.add(first)
    return starts


def _is_heading(line: Line, below: Line, font_of: FontOf) -> bool:
    """Return whether a line is a heading by its font: bold, or ending short of the one below."""
    if line.chars[0].text.islower() or line.letters < HEADING or below.letters < HEADING:
        return False
    fonts = line.fonts(font_of)
    if len(fonts) != 1 or fonts & below.fonts(font_of):
        return False
    [font] = fonts
    if _BOLD.search(font):
        return True
    width = below.chars[-1].right - below.chars[0].left
    return below.chars[-1].right - line.chars[-1].right > _SHORTER * width


def _is_caption(line: Line, above: Line) -> bool:
    """Return whether a line begins as a caption does: `Figure 2:`, `Table 1.` after a stop."""
    caption = _CAPTION.match("".join([char.text for char in line.chars[:20]]))
    if not caption:
        return False
    return caption[1] in ":|" or above.chars[-1].text in ".!?)]"


# --- items of lists -------------------------------------------------------------------

LABEL = regex(r"^(\(?)([a-zA-Z]|[ivx]{2,4}|\d{1,2})([.)])")
"""The letter or number of an item."""
ALIGNED = 2.0
"""How far two items of a list are apart from one margin, at most, in points."""
_MOST_BETWEEN = 30
"""Items of other lists between two of one, at most."""
_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")


class _Item:
    """A line that begins as an item of a list does."""

    def __init__(
        self, first: PrintedChar, text: PrintedChar, label: re.Match[str]
    ) -> None:
        self.first = first
        self.text = text
        """The first character behind its label."""
        before, sign, behind = label.groups()
        self.form = (before, sign.isupper(), behind)
        self.numbers: set[tuple[str, int]] = set()
        """What the label may count: `i` is the ninth letter, or one."""
        if sign.isdigit():
            self.numbers.add(("number", int(sign)))
        if len(sign) == 1 and sign.isalpha():
            self.numbers.add(("letter", ord(sign)))
        if sign in _ROMAN:
            self.numbers.add(("roman", _ROMAN.index(sign)))

    def comes_before(self, other: _Item) -> bool:
        """Return whether another one is the next item of its list."""
        if self.form != other.form:
            return False
        margins = (self.first.left - other.first.left, self.text.left - other.text.left)
        if min(map(abs, margins)) > ALIGNED:
            return False
        return any((kind, number + 1) in other.numbers for kind, number in self.numbers)


def list_items(lines: Iterable[Line]) -> set[PrintedChar]:
    """Return the first characters of the items of lists that have letters or numbers.

    A line counts if the item before or after it stands on the page, too. `A.` may be the
    initial of a name.
    """
    items: list[_Item] = []
    for line in lines:
        label = LABEL.match("".join([char.text for char in line.chars[:7]]))
        if not label or (label[0].isupper() and label[0].endswith(".")):
            continue
        behind = line.chars[len(label[0]) :]
        if behind and behind[0].gap:
            items.append(_Item(line.chars[0], behind[0], label))
    of_lists: set[PrintedChar] = set()
    for number, item in enumerate(items):
        for later in items[number + 1 : number + 1 + _MOST_BETWEEN]:
            if item.comes_before(later):
                of_lists |= {item.first, later.first}
                break
    return of_lists
