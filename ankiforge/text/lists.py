"""Split an answer into the items that it lists.

Multiple-choice options and code, which only look like lists, aren't split.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.text import regex
from ankiforge.text.cloze import to_plain_text

# The minimum number of items in a list without list markers.
_MIN_LIST_ITEMS = 3
# The maximum number of words in an item within a line, in an item on its own line, and in a whole
# line of items.
_MAX_ITEM_WORDS = 6
_MAX_LINE_WORDS = 8
_MAX_LIST_WORDS = 40

_LIST_MARKER = regex(
    r"(?m)^([ \t]*)(?:\\?[-*•+→]|\d{1,3}\\?[.)]|[a-z]\\?[.)])[ \t]+(?=\S)"
)
_OPTION = regex(r"(?m)(?:^|\s)\(?[A-Da-d1-4]\\?[.)]\s{1,4}\S")
_CODE = regex(
    r"""(?mx)
    ``` | `[^`\n]+` | \b\w[\w\\]*+\([^()\n]*+\)[;{.] | \w\.\w+\( | [{};]\s*$ | =\\?>
    | \b(?:var|let|const|def|function|import)\  | \bfor\ .*:\s*$ | \|\s*\w+\ '
    | \$[\d\[({]\w* | ^\$\  | \|\s*(?:grep|awk|sed|sort|xargs|head|tail|wc|less|cut)\b
    | ^(?:echo|sudo|export|cd|ls|git|npm|pip)\ \S
    """
)
_NUMBERS = (
    "two|three|four|five|six|seven|eight|nine|zwei|drei|vier|fünf|sechs|sieben|[2-9]"
)
_ASKS_FOR_SEVERAL = regex(
    rf"""(?xi)
    (?:^|[.?!:]\s)\W*(?:name|list|state|nenne\w*|z[äa]hl\w*|aufz[äa]hl\w*)\b
    | \b(?:what\ are\ (?:the|some|\d)|which|was\ sind\ die|welche
        |quels|quelles|cuáles|quali|types|kinds|steps|phases|phasen|arten)\b
    # a number of things, and not one within a sentence: the four; (3); 3 terms
    | \b(?:the|die|les|los|las|which|what|first)\ (?:\w+\ )?(?:{_NUMBERS})\b
    | [(\[](?:{_NUMBERS})\b | ^(?:{_NUMBERS})\b | [:+-]\ \W*(?:{_NUMBERS})\b
    """
)
_ITEM_SEPARATOR = regex(r"(?:[,;、，]\s*|\s(?:and|und|et|y|e|&)\s)(?![^()]*\))")
_STATEMENT_WORD = regex(
    r"(?i)\b(?:heißen|is|are|was|were|ist|sind|wird|werden|which|that|der|die|das)\b"
)


def split_answer_into_items(front: str, back: str) -> list[str]:
    """Split an answer into list items, or return [] if it isn't a list.

    Items with list markers always count. Plain lines, or the parts of a single line, only count
    if the front asks for several items. Items on separate lines are returned as Markdown, and
    parts of a single line as plain text.
    """
    if _CODE.search(front) or _CODE.search(back):
        return []
    if len(_OPTION.findall(front)) >= _MIN_LIST_ITEMS:
        return []
    # the text before the list, then the indentation and the text of each item
    _, *indents_and_items = _LIST_MARKER.split(back)
    items = indents_and_items[1::2]
    if len(items) > 1:
        return [item.strip() for item in items]
    if not _ASKS_FOR_SEVERAL.search(to_plain_text(front)):
        return []
    lines = list(filter(None, map(str.strip, back.split("\n"))))
    if _are_list_items(lines, _MAX_LINE_WORDS):
        return lines
    return _split_line_into_items(to_plain_text(back).strip().rstrip("."))


def _split_line_into_items(line: str) -> list[str]:
    """Split a line into the items that it lists, or return [] if the line is prose."""
    if _STATEMENT_WORD.search(line) or len(line.split()) > _MAX_LIST_WORDS:
        return []
    parts = list(filter(None, map(str.strip, _ITEM_SEPARATOR.split(line))))
    if not _are_list_items(parts, _MAX_ITEM_WORDS):
        return []
    return parts


def _are_list_items(texts: Sequence[str], max_words: int) -> bool:
    """Return whether there are enough texts for a list, and none of them is too long."""
    if len(texts) < _MIN_LIST_ITEMS:
        return False
    return all(len(text.split()) <= max_words for text in texts)
