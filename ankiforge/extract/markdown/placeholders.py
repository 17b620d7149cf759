"""Prepare the source of a note before it is cut into blocks; the number of its lines stays.

Comments and multi-line maths may contain anything, so placeholders hide them from the parser. The
placeholders are noncharacters of Unicode, which do not occur in text; those of a note that
contains them are replaced. Maths in other spellings is written with dollars.

List items with more blanks before or in them than CommonMark allows, two tabs below `- `, are
moved to where they count as items, as editors show them (`with_fitting_indents`). A comment or
field below a line of an item is moved into the item: it would end the list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ankiforge.extract.markdown.front_matter import SENTENCE
from ankiforge.model import Strings, Texts
from ankiforge.text import AnyOf, regex
from ankiforge.text.fold import MATH, OTHER_MATHS, in_dollars

COMMENT = "\ufdd0"
"""Replaces each character of a comment."""

# An item or a comment with at least four columns before it, or about five behind its sign.
_DEEP_ITEM = regex(
    rf"""(?mx)
      ^(?=[ >]*+(?:\t|(?<=[ ]{{4}})))[ \t>]*+(?:(?:[-*+]|\d{{1,9}}[.)])[ \t]|{COMMENT})
    | ^[ \t>]*+(?:[-*+]|\d{{1,9}}[.)])(?:[ ]{{5}}|[ ]{{0,3}}\t[ ]{{0,3}}\t)
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
    if not (("\t" in text or "    " in text) and _DEEP_ITEM.search(text)):
        return text
    return "\n".join(map(_Indents().fitting, text.split("\n")))


class _OpenItem(NamedTuple):
    """An item of a list that further lines may belong to."""

    written: int
    """The column where its text begins, as written."""
    moved: int
    """The same, after it was moved."""


class _Indents:
    """The indents of a note, line by line: the open blocks above, and where they were moved to."""

    def __init__(self) -> None:
        self._quotes = 0
        self._items: list[_OpenItem] = []
        self._fence = ""
        """The sign of the open fence."""
        self._after_blank = True
        self._after_words = False

    def fitting(self, line: str) -> str:
        """Return the next line, moved to where CommonMark reads it as editors show it."""
        quote = _QUOTE.match(line)
        signs = quote[0] if quote else ""
        if signs.count(">") != self._quotes:
            self._quotes = signs.count(">")
            self._items.clear()
            self._fence = ""
            self._after_words = False
        words = line[len(signs) :].lstrip(" \t")
        if not words:
            self._after_blank = True
            return line
        indent = len(line[: -len(words)].expandtabs(4)) - len(signs)
        if self._fence:
            narrow, column = words, self._moved(indent)
            if words.startswith(self._fence) and not words.strip(f"{self._fence[0]} \t"):
                self._fence = ""
        else:
            narrow, column = self._outside_fence(words, indent)
        self._after_blank = False
        if column == indent and narrow == words:
            return line
        return f"{signs}{' ' * column}{narrow}"

    def _outside_fence(self, words: str, indent: int) -> tuple[str, int]:
        """Return the words of a line, and the column to which it is moved."""
        is_rule = _RULE.match(words)
        narrow = words if is_rule else _with_one_blank(words, indent)
        item = None if is_rule else _ITEM.match(narrow)
        fence = _FENCE.match(narrow)
        ends_paragraph = fence or is_rule or _HEADING.match(narrow)
        if item or ends_paragraph or self._after_blank:
            while self._items and indent < self._items[-1].written:
                self._items.pop()
        column = self._moved(indent)
        container = self._items[-1].moved if self._items else 0
        if not words.strip(f"{COMMENT} \t"):
            column = container  # it ends a paragraph at any indent
        if item and column > container + _MOST:
            if not self._items and (self._after_blank or not self._after_words):
                return narrow, column  # it is code
            column = container  # too deep: it is moved into the one above
        while item:
            # and those that begin right behind its sign: `- - words`
            signs = narrow[: item.end()]
            self._items.append(_OpenItem(_width(indent, signs), _width(column, signs)))
            item = _ITEM.match(narrow, item.end())
        self._fence = fence["mark"] if fence else ""
        self._after_words = not ends_paragraph
        return narrow, column

    def _moved(self, indent: int) -> int:
        """Return the column of a line, which is moved with the item that it stands in."""
        if not self._items or indent < self._items[-1].written:
            return indent
        item = self._items[-1]
        return indent - (item.written - item.moved)


def _with_one_blank(words: str, indent: int) -> str:
    """Return a line with one blank behind the sign of an item instead of so many that make code."""
    wide = _WIDE_ITEM.match(words)
    if wide is None:
        return words
    sign = wide["sign"]
    if _width(indent, wide[0]) - indent - len(sign) <= _MOST + 1:
        return words
    return f"{sign} {words[wide.end() :]}"


def _width(column: int, signs: str) -> int:
    """Return the column behind signs that begin at a column; a tab leads to the next fourth."""
    return len((" " * column + signs).expandtabs(4))


# --- placeholders --------------------------------------------------------------------------

MATHS = "\ufdd1"
"""`MATHS 12 MATHS` replaces the maths with number 12."""
CONTINUED = "\ufdd2"
"""Replaces each further line of maths."""
# What stands for `<!--` and `<%` that nothing closes, and what would close them.
_OPEN = {"\ufdd3" * 4: ("<!--", "-->"), "\ufdd4" * 2: ("<%", "%>")}
PLACEHOLDERS = regex(f"[{COMMENT}-\ufdef]")


def may_quote(text: str) -> bool:
    """Return whether a text has the sign of a link to a paper, or of a citation."""
    return _QUOTING.is_in(text) or ("#" in text and ".pdf#" in text.casefold())


_QUOTING = AnyOf("zotero://", "[@")


PREFIX = r"(?:[ \t]*(?:[-*+]|\d{1,9}[.)])(?=[ \t]))*[ \t]*"
"""The signs of list items that may be before a line."""
_PREFIX = rf"(?:{PREFIX}>)*{PREFIX}"
_BLANK_LINE = r"\n[ \t>]*(?:\n|\Z)"
# Behind the end of a fence, Obsidian_to_Anki may have written its id.
_ID = r"<!--[ \t]*ID:[^\n>]*-->"
_FENCE_END = rf"[ \t>]*(?P=mark)[`~]*[ \t]*(?:{_ID}[ \t]*)?$"
FENCE = rf"""
(?P<signs>(?P<quote>[ \t]*>)?{_PREFIX})(?P<mark>`{{3,}}(?=[^`\n]*$)|~{{3,}})(?P<info>[^\n]*)
(?P<body>(?:\n(?(quote)(?=[ \t]*>))(?!{_FENCE_END})[^\n]*)*)(?:\n{_FENCE_END})?
"""
"""Matches a fence at the start of a line; one that is not closed ends with its quote or the
text."""
# A field has a name of one word, or is one of Readwise, or of Logseq itself. At the start of a
# page, as Logseq has them, no blank needs to follow the colons, if one says what the page is.
_FIELD = (
    r"(?P<field>(?P<item>[ \t>]{0,200}(?:[-*+][ \t]{1,200})?)"
    r"(?:[*_]{0,3}(?:[\w-]{1,200}|logseq\.[\w.-]{1,60}|[Ff]ull[ ][Tt]itle|Document[ ](?:Note|Tags))"
    r"[*_]{0,3}"
    r"::(?:[ \t][^\n]*)?$"
    # of Logseq: dates of tasks and their clock, queries, and the ends of its callouts
    r"|(?:SCHEDULED|DEADLINE):[ ]<\d{4}-[^\n]*$"
    r"|:LOGBOOK:[ \t]*\n(?:[^\n]*\n){0,99}?[ \t]*:END:[ \t]*$"
    r"|\#\+BEGIN_(?:QUERY|COMMENT)(?:[^\n]*\n){1,99}?[ \t]*\#\+END_\w+[ \t]*$"
    r"|\#\+(?:BEGIN|END)_(?!SRC|EXAMPLE|EXPORT)\w+[^\n]*$)"
    r"|\A(?=(?:[\w-]{1,40}::[^\n]*\n){0,20}(?:(?:full-)?title|author|alias|tags|category|url)::)"
    r"(?:[\w-]{1,40}::[^\n]*(?:\n|\Z))+)"
)
_HIDING = rf"""
(?=[\\<%`$]|^)  # the signs at which something may begin, or a line
(?:
  ^(?:
    (?P<fence>{FENCE})
    # of Obsidian_to_Anki, and the callout with a scheduler's data
    |(?P<data>TARGET[ ]DECK(?::[^\n]*|[ \t]*\n[^\n]*)$
      |(?P<outer>[ \t>]*)>[ \t]*\[!(?i:sr)\b[^\n]*(?:\n(?P=outer)>[^\n]*)*)
    # an item without words, which below a paragraph would make a heading of it
    |(?P<indent>[ \t>]*[ \t])(?P<empty>-[ \t]*$)
    # the address of a link: [label]: https://… "title"
    |(?P<definition>[ ]{{0,3}}\[(?!\^|!)(?P<label>[^\[\]\n]+)\]:
      [ \t]*(?P<target>\S+)[ \t]*(?:"[^"\n]*")?[ \t]*$)
    # a field of Dataview or Logseq
    |FIELD
    # maths that starts its line or begins with a TeX command may contain empty lines
    |(?P<start>{_PREFIX})(?P<display>\$\$(?!\$\$).+?\$\$))
  # maths in other spellings, and an escape
  |(?P<other_maths>{OTHER_MATHS})
  |\\[^\n]
  # code, which ends with its paragraph at the latest; ticks alone
  |(?P<ticks>`++)(?:[^`\n]++|(?!{_BLANK_LINE})\n|(?!(?P=ticks)(?!`))`++)*+(?P=ticks)|`+
  |(?P<comment><!--.*?-->|%%.*?%%)
  # commands of Templater over several lines
  |(?P<program><%(?:(?!%>)[^\n])*\n.*?%>)
  # maths within a line
  |{MATH}
  |(?P<maths>\$\$(?:[\s>]*\\[A-Za-z].*?|(?:(?!{_BLANK_LINE}|\$\$).)+)\$\$)
)"""
# The parts that a note has for programs, or for its writer alone.
_UNSEEN = ("comment", "program", "field", "data")
# Without any of these, a text has nothing to hide.
_SIGNS = AnyOf(
    *(*r"\<%`$~", "::", "]:", "[!", "TARGET DECK", ": <", ":LOGBOOK:", "#+"),
    *("\t-\n", " -\n", "\t- \n", " - \n"),
)
_FLAGS = re.DOTALL | re.MULTILINE | re.VERBOSE
_HIDDEN = regex(_HIDING.replace("FIELD", _FIELD), _FLAGS)
_HIDDEN_BUT_FIELDS = regex(_HIDING.replace("FIELD", "(?P<field>(?P<item>(?!)))"), _FLAGS)
_MATHS = regex(f"{MATHS}(\\d+){MATHS}")
# What GitHub and GitLab show as a formula.
_MATHS_FENCE = regex(r"[ \t]*math[ \t]*\Z")
# What obsidian-spaced-repetition writes after a card, which may end in maths.
_SCHEDULE = regex(r"[ \t]*<!--SR:[^\n]*?-->")
_ID_BEHIND = regex(rf"(?<=[`~])[ \t]*{_ID}[ \t]*\Z")
# The mark by which a chat cites, where the private signs around it were lost.
_CITED = regex(r"[ ]?(?<![\w\ue200])cite(?:turn\d{1,3}[a-z]{4,8}\d{1,3})+")
_NOTHING = regex(f"\n?{CONTINUED}|{COMMENT}")


class PreparedSource(NamedTuple):
    """The text of a note with placeholders."""

    text: str
    maths: Strings = ()
    """The multi-line maths, by number."""
    references: Mapping[str, Texts] = {}
    """The link labels that the note defines, as markdown-it has them."""


def restored(text: str, maths: Strings) -> str:
    """Put the maths back and drop the placeholders of comments."""
    if not PLACEHOLDERS.search(text):
        return text
    with_maths = _MATHS.sub(lambda number: maths[int(number[1])], text)
    return _NOTHING.sub("", with_maths)


def prepared(
    text: str,
    *,
    fields: bool = True,
    is_read: Callable[[str, int], bool] | None = None,
) -> PreparedSource:
    """Replace comments (`%%…%%`, `<!--…-->`) and multi-line maths by placeholders.

    Definitions of links count as comments, and so do `fields` of Dataview and Logseq
    (`key:: value` on a line). Fences and code contain no markup. What is never closed
    is plain text.

    `is_read` says of a comment and its place whether a plug-in reads the cards in it; of
    such a comment only the signs around it are hidden.
    """
    text = text.replace("\0", "\ufffd")
    if not text.isascii():
        text = PLACEHOLDERS.sub("\ufffd", text)
    if "citeturn" in text:
        text = _CITED.sub(lambda mark: COMMENT * len(mark[0]), text)
    if not _SIGNS.is_in(text):
        return PreparedSource(with_fitting_indents(text))
    text = without_open_signs(text)
    all_maths: list[str] = []
    references: dict[str, Texts] = {}

    def placeholder(hidden: re.Match[str]) -> str:
        """Return the text that stands for a match of `_HIDDEN`."""
        maths = hidden["maths"] or hidden["display"]
        start = hidden["start"] or ""
        if hidden["other_maths"]:
            maths = in_dollars(hidden)
        elif hidden["fence"] and _MATHS_FENCE.match(hidden["info"]):
            start = hidden["signs"]
            maths = f"$${hidden['body'] or ''}\n$$"
        if maths and "\n" in maths:
            shown = _SCHEDULE.sub("", maths)
            lines = (line.strip(" \t>") for line in shown.split("\n"))
            all_maths.append(with_open_signs("\n".join(filter(None, lines))))
            number = f"{MATHS}{len(all_maths) - 1}{MATHS}"
            further_lines = f"\n{CONTINUED}" * hidden[0].count("\n")
            return f"{start}{number}{further_lines}"
        if hidden["other_maths"]:
            return maths
        comment = hidden["comment"]
        if comment and is_read and is_read(comment, hidden.start()):
            begin, end = ("%%", "%%") if comment.startswith("%%") else ("<!--", "-->")
            inside = comment.removeprefix(begin).removesuffix(end)
            inside = pattern.sub(placeholder, inside)
            return f"{COMMENT * len(begin)}{inside}{COMMENT * len(end)}"
        if hidden["fence"]:
            return _ID_BEHIND.sub(lambda id: " " * len(id[0]), hidden[0])
        if hidden["definition"]:
            from markdown_it.common.utils import normalizeReference

            target = {"href": hidden["target"].strip("<>"), "title": ""}
            references[normalizeReference(hidden["label"])] = target
        elif maths or not any(map(hidden.group, (*_UNSEEN, "empty"))):
            return hidden[0]
        # an empty item leaves its place behind
        if hidden["empty"]:
            return hidden["indent"] + COMMENT * len(hidden["empty"])
        # a field leaves its item behind, to which further lines belong
        signs = hidden["item"] or ""
        unseen = hidden[0][len(signs) :].split("\n")
        return signs + "\n".join([COMMENT * len(line) for line in unseen])

    pattern = _HIDDEN if fields else _HIDDEN_BUT_FIELDS
    text = with_fitting_indents(with_open_signs(pattern.sub(placeholder, text)))
    return PreparedSource(text, tuple(all_maths), references)


def without_open_signs(text: str) -> str:
    """Replace each `<!--` and `<%` behind which none ends by as many other signs.

    A pattern that looked for the end of each would take time with the square of their number.
    """
    for stand_in, (begin, end) in _OPEN.items():
        last_end = text.rfind(end) + 1
        text = text[:last_end] + text[last_end:].replace(begin, stand_in)
    return text


def with_open_signs(text: str) -> str:
    """Put the opening signs back in place of their stand-ins."""
    for stand_in, (begin, _) in _OPEN.items():
        text = text.replace(stand_in, begin)
    return text


def hidden_parts(text: str, *, fields: bool = True) -> Iterator[tuple[int, int, str]]:
    """Yield the parts of a note in which no marks are read: (start, end, kind), in order.

    The kinds are code (with maths), definition, and those of `_UNSEEN`.
    """
    if not _SIGNS.is_in(text):
        return
    pattern = _HIDDEN if fields else _HIDDEN_BUT_FIELDS
    for hidden in pattern.finditer(without_open_signs(text)):
        kind = ""
        for name in (*_UNSEEN, "definition"):
            if hidden[name]:
                kind = name
        for name in ("fence", "ticks", "maths", "display", "other_maths"):
            if hidden[name]:
                kind = "code"
        if kind:
            yield (*hidden.span(), kind)


def texts_in_comments(text: str) -> Iterator[str]:
    """Yield the sentences of a note that are in no block: comments, fields, titles of links."""
    for start, end, kind in hidden_parts(text):
        if kind != "code":
            words = text[start:end].strip("<>%!- \t\n")
            if len(words.split()) >= SENTENCE:
                yield words
