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
    quotes = 0
    items: list[Span] = []
    """The columns where the text of each open item begins: as written, and as moved."""
    fence = ""  # the sign of the open one
    after_blank = True
    after_words = False
    lines = []
    for line in text.split("\n"):
        quote = _QUOTE.match(line)
        signs = quote[0] if quote else ""
        words = line[len(signs) :].lstrip(" \t")
        if signs.count(">") != quotes:
            quotes = signs.count(">")
            items.clear()
            fence = ""
            after_words = False
        if not words:
            after_blank = True
            lines.append(line)
            continue
        indent = len(line[: -len(words)].expandtabs(4)) - len(signs)

        # one blank behind the sign of an item instead of so many that make code
        narrow = words
        is_rule = _RULE.match(words) is not None
        wide = None if fence or is_rule else _WIDE_ITEM.match(words)
        if wide:
            sign = wide["sign"]
            if _width(indent, wide[0]) - indent - len(sign) > _MOST + 1:
                narrow = f"{sign} {words[wide.end() :]}"

        # a line that stands in an item that was moved is moved with it
        item = None if fence or is_rule else _ITEM.match(narrow)
        opened = _FENCE.match(narrow)
        ends_paragraph = opened or is_rule or _HEADING.match(narrow)
        if not fence and (item or ends_paragraph or after_blank):
            while items and indent < items[-1][0]:
                items.pop()
        column = indent
        container = 0
        if items:
            written, container = items[-1]
            if indent >= written:
                column = indent - (written - container)

        # an item that is too deep is moved into the one above, unless it is code
        is_too_deep = item is not None and column > container + _MOST
        is_code = is_too_deep and not items and (after_blank or not after_words)
        if is_too_deep and not is_code:
            column = container
        if item and not is_code:
            # and those that begin right behind its sign: `- - words`
            place: re.Match[str] | None = item
            while place:
                item_signs = narrow[: place.end()]
                items.append((_width(indent, item_signs), _width(column, item_signs)))
                place = _ITEM.match(narrow, place.end())
        if fence:
            is_end = not narrow.strip(f"{fence[0]} \t") and narrow.startswith(fence)
            fence = "" if is_end else fence
        elif not is_code:
            fence = opened["mark"] if opened else ""
            after_words = not ends_paragraph
        after_blank = False
        is_as_it_was = column == indent and narrow == words
        lines.append(line if is_as_it_was else f"{signs}{' ' * column}{narrow}")
    return "\n".join(lines)


def _width(column: int, signs: str) -> int:
    """Return the column behind signs that begin at a column; a tab leads to the next fourth."""
    return len((" " * column + signs).expandtabs(4))
