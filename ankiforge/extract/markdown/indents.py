"""List items with more blanks before or in them than CommonMark allows: two tabs below `- `.

Editors show them as items below the one above. CommonMark reads them as code after an empty
line, else as words of the item above. They are moved to where they count as items; the number
of lines stays.
"""

from __future__ import annotations

import re

from ankiforge.model import Span
from ankiforge.text import regex

# An item with at least four columns before it, or about five behind its sign.
_DEEP_ITEM = regex(
    r"""(?mx)
      ^(?=[ >]*+(?:\t|(?<=[ ]{4})))[ \t>]*+(?:[-*+]|\d{1,9}[.)])[ \t]
    | ^[ \t>]*+(?:[-*+]|\d{1,9}[.)])(?:[ ]{5}|[ ]{0,3}\t[ ]{0,3}\t)
    """
)
_QUOTE = regex(r"[ ]{0,3}>(?:[ ]{0,4}>)*[ ]?")
_BLANKS = regex(r"[ \t]*")
_ITEM = regex(r"(?:[-*+]|\d{1,9}[.)])(?:[ ]{1,4}(?=[^ \t])|[ \t])(?=[ \t]*\S)")
_WIDE_ITEM = regex(r"(?P<sign>[-*+]|\d{1,9}[.)])[ \t]{2,}(?=\S)")
_RULE = regex(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$")
_FENCE = regex(r"(?P<mark>`{3,}(?=[^`]*$)|~{3,})")
_HEADING = regex(r"#{1,6}(?:[ \t]|$)")
# Columns by which an item may be indented below the text of the one that contains it.
_MOST = 3


def with_fitting_indents(text: str) -> str:
    """Return a note in which each list item stands where it counts as one."""
    if not _DEEP_ITEM.search(text):
        return text
    indents = _Indents()
    return "\n".join(map(indents.fitted, text.split("\n")))


class _Indents:
    """The quotes, list items and fence that are open at a line of a note."""

    def __init__(self) -> None:
        self._quotes = 0
        self._items = list[Span]()
        """The columns where the text of each open item begins: as written, and as moved."""
        self._fence = ""
        self._after_blank = True
        self._after_words = False

    def fitted(self, line: str) -> str:
        """Return the next line, moved to the left if it is indented too far, or in such an item."""
        quote = _QUOTE.match(line)
        signs = quote[0] if quote else ""
        blanks = _BLANKS.match(line, len(signs))
        words = line[blanks.end() :] if blanks else ""
        if signs.count(">") != self._quotes:
            self._quotes = signs.count(">")
            self._items.clear()
            self._fence = ""
            self._after_words = False
        if not words:
            self._after_blank = True
            return line
        indent = len(line[: -len(words)].expandtabs(4)) - len(signs)
        narrow = words
        item = None
        if not (self._fence or _RULE.match(words)):
            item = _WIDE_ITEM.match(words)
        if item:
            # one blank behind its sign instead of so many that make code
            sign = item["sign"]
            if _width(indent, item[0]) - indent - len(sign) > _MOST + 1:
                narrow = f"{sign} {words[item.end() :]}"
        moved = self._fitting(indent, narrow)
        self._after_blank = False
        if moved == indent and narrow == words:
            return line
        return f"{signs}{' ' * moved}{narrow}"

    def _fitting(self, indent: int, words: str) -> int:
        """Return the column at which the words of a line have to begin."""
        fence = _FENCE.match(words)
        if self._fence:
            if words.startswith(self._fence) and not words.strip(f"{self._fence[0]} \t"):
                self._fence = ""
            return self._moved(indent)
        is_rule = _RULE.match(words) is not None
        item = None if is_rule else _ITEM.match(words)
        ends_paragraph = fence or is_rule or _HEADING.match(words)
        if item or ends_paragraph or self._after_blank:
            while self._items and indent < self._items[-1][0]:
                self._items.pop()
        moved = self._moved(indent)
        if item:
            _, container = self._items[-1] if self._items else (0, 0)
            is_too_deep = moved > container + _MOST
            is_code = not self._items and (self._after_blank or not self._after_words)
            if is_too_deep and is_code:
                return indent
            if is_too_deep:
                moved = container
            # and those that begin right behind its sign: `- - words`
            place: re.Match[str] | None = item
            while place:
                signs = words[: place.end()]
                self._items.append((_width(indent, signs), _width(moved, signs)))
                place = _ITEM.match(words, place.end())
        if fence:
            self._fence = fence["mark"]
        self._after_words = not ends_paragraph
        return moved

    def _moved(self, indent: int) -> int:
        """Return the column of a line that stands in an item that was moved."""
        if not self._items:
            return indent
        written, moved = self._items[-1]
        return indent - (written - moved) if indent >= written else indent


def _width(column: int, signs: str) -> int:
    """Return the column behind signs that begin at a column; a tab leads to the next fourth."""
    return len((" " * column + signs).expandtabs(4))
