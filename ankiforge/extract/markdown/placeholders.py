"""Prepare the source of a note to be split into blocks.

Comments, and maths of several lines, may contain anything, so they are replaced by
placeholders that the parser doesn't interpret. Placeholders are Unicode noncharacters, which
don't occur in normal text; if the note contains any, they are replaced first. Maths in other
notations is rewritten with dollar signs. The numbers of the lines don't change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from textwrap import indent
from typing import NamedTuple

from ankiforge.extract.markdown.front_matter import MIN_SENTENCE_WORDS
from ankiforge.extract.markdown.syntaxes import LIST_MARKERS
from ankiforge.model import Span, Strings, Texts
from ankiforge.text import contains_any, regex
from ankiforge.text.normalize import (
    MATH_PATTERN,
    OTHER_MATH_PATTERN,
    match_to_dollar_math,
)

COMMENT_FILLER = "\ufdd0"
"""Replaces each character of a comment."""

# --- placeholders --------------------------------------------------------------------------

MATHS_DELIMITER = "\ufdd1"
"""Encloses the number that replaces the first line of maths."""
MATHS_CONTINUATION = "\ufdd2"
"""Replaces each line of maths after the first."""
# Maps the placeholder for an unclosed `<!--` or `<%` to this marker and its closing marker.
_UNCLOSED_MARKERS = {"\ufdd3" * 4: ("<!--", "-->"), "\ufdd4" * 2: ("<%", "%>")}
PLACEHOLDER_CHARACTER = regex(f"[{COMMENT_FILLER}-\ufdef]")


_PREFIX = rf"(?:{LIST_MARKERS}>)*{LIST_MARKERS}"
_EMPTY_LINE = r"\n[ \t>]*(?:\n|\Z)"
# An id of Obsidian_to_Anki, which may have written it after the end of a fence.
_ID_COMMENT = r"<!--[ \t]*ID:[^\n>]*-->"
_FENCE_END = rf"[ \t>]*(?P=mark)[`~]*[ \t]*(?:{_ID_COMMENT}[ \t]*)?$"
FENCE_PATTERN = rf"""
(?P<signs>(?P<quote>[ \t]*>)?{_PREFIX})(?P<mark>`{{3,}}(?=[^`\n]*$)|~{{3,}})(?P<info>[^\n]*)
(?P<body>(?:\n(?(quote)(?=[ \t]*>))(?!{_FENCE_END})[^\n]*)*)(?:\n{_FENCE_END})?
"""
"""A fence at the start of a line. An unclosed fence extends to the end of its block quote or
of the text."""
# The name of a field is one word, unless Readwise or Logseq itself writes the field. At the
# start of a Logseq page, if any field there describes the page, no space is needed after the
# colons.
_FIELD = (
    r"(?P<field>(?P<item>[ \t>]{0,200}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,200})?)"
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
# The groups of `_FIELD`, which match nothing.
_NO_FIELD = "(?P<field>(?P<item>(?!)))"
# Cards of Obsidian_to_Anki, which are hidden if the plug-in doesn't read the note.
_FIELD_CARDS = (
    r"|[ \t>]*START[ \t]*\n(?:(?![ \t>]*(?:START|END)[ \t]*$)[^\n]*\n){1,400}[ \t>]*END[ \t]*$"
    r"|[ \t>]*(?:[-*+][ \t]+)?STARTI[ \t]*\[[^\n]*ENDI\b[^\n]*$"
)
_HIDDEN_TEMPLATE = rf"""
(?=[\\<%`$]|\{{[{{%]|^)  # the characters at which a match may begin, or a line start
(?:
  ^(?:
    (?P<fence>{FENCE_PATTERN})
    # of Obsidian_to_Anki, and the callout with a scheduler's data
    |(?P<data>TARGET[ ]DECK(?::[^\n]*|[ \t]*\n[^\n]*)$
      |(?P<outer>[ \t>]*)>[ \t]*\[!(?i:sr)\b[^\n]*(?:\n(?P=outer)>[^\n]*)*FIELD_CARDS)
    # the fence of a block of pandoc, Quarto or Docusaurus, such as `::: {{.callout-note}}`
    |(?P<before_fence>[ \t>]*)
      (?P<block_fence>:{{3,}}[ \t]*(?:\{{[^\n{{}}]*\}}|[\w-]*)(?:[ \t][^\n:]*)?$)
    # an empty item, which would turn a paragraph above into a heading
    |(?P<indent>[ \t>]*[ \t])(?P<empty>-[ \t]*$)
    # a link definition: [label]: https://… "title"
    |(?P<definition>[ ]{{0,3}}\[(?!\^|!)(?P<label>[^\[\]\n]+)\]:
      [ \t]*(?P<target>\S+)[ \t]*(?:"[^"\n]*")?[ \t]*$)
    # the word above or before a passage in the usual template of Zotero Integration
    |(?P<quote_label>[ \t]*(?:[-*+][ \t]+)?<mark\b[^<>\n]*>(?i:quote|highlight|note|comment)</mark>
      (?=[ \t]*\n[ \t]*>|[ \t]*["“„«][^\n]*\(zotero:))
    # a field of Dataview or Logseq
    |FIELD
    # maths that starts its line or begins with a TeX command may contain empty lines
    |(?P<start>{_PREFIX})(?P<display>\$\$(?!\$\$).+?\$\$))
  # maths in other notations, and an escape
  |(?P<other_maths>{OTHER_MATH_PATTERN})
  |\\[^\n]
  # code, which ends with its paragraph at the latest; backticks alone
  |(?P<ticks>`++)(?:[^`\n]++|(?!{_EMPTY_LINE})\n|(?!(?P=ticks)(?!`))`++)*+(?P=ticks)|`+
  # what Annotator writes around a highlight, commands of Templater over several lines, and of
  # GitBook, Jekyll or Hugo
  |(?P<program>%%(?:PREFIX%%[^\n]{{0,200}}?%%HIGHLIGHT%%|POSTFIX%%[^\n]*(?=\*$)|LINK%%\[\[[^\]\n]*\]\])
  |<%(?:(?!%>)[^\n])*\n.*?%>|\{{?\{{%-?[ ]?(?:/[ ]?)?[a-z][^\n{{}}%]{{0,200}}%\}}\}}?
  |\{{\{{<(?:[ ]|[ ]?/[ ]?)[a-z](?:(?!>\}}\}})[^\n]){{0,200}}>\}}\}})
  |(?P<comment><!--.*?-->|%%.*?%%)
  # inline maths
  |{MATH_PATTERN}
  |(?P<maths>\$\$(?:[\s>]*\\[A-Za-z].*?|(?:(?!{_EMPTY_LINE}|\$\$).)+)\$\$)
)"""
# The kinds of hidden parts that no reader of the rendered note sees.
_UNSEEN_KINDS = ("comment", "program", "field", "data", "quote_label", "definition")
# Strings of which every hidden part contains at least one.
_HIDDEN_PART_SIGNS = (
    *(*r"\<%`$~", "::", "]:", "[!", "TARGET DECK", ": <", ":LOGBOOK:", "#+"),
    *("START", "\t-\n", " -\n", "\t- \n", " - \n"),
)
_FLAGS = re.DOTALL | re.MULTILINE | re.VERBOSE


@lru_cache
def _compile_hidden_pattern(*, fields: bool, field_cards: bool) -> re.Pattern[str]:
    """Compile `_HIDDEN_TEMPLATE`. The options say whether it matches two of the hidden parts."""
    field_pattern = _FIELD if fields else _NO_FIELD
    card_pattern = _FIELD_CARDS if field_cards else ""
    # in this order, because the first word begins with the second
    pattern = _HIDDEN_TEMPLATE.replace("FIELD_CARDS", card_pattern)
    return re.compile(pattern.replace("FIELD", field_pattern), _FLAGS)


# A field that defines a term, because its value begins with at least four words, which aren't tags
# or links, or with ten characters of a script without spaces.
_DEFINITION_FIELD = regex(
    r"[^:\n]+::(?=[^\n]*\Z)(?:(?:[ \t]+(?!\w+:)[^\W\d]\S*){4}|[ \t]+[^\s\x00-\u2fff]{10})"
)
_MATHS_PLACEHOLDER = regex(f"{MATHS_DELIMITER}(\\d+){MATHS_DELIMITER}")
# The schedule that obsidian-spaced-repetition writes after a card, which may end with maths.
_SCHEDULE_COMMENT = regex(r"[ \t]*<!--SR:[^\n]*?-->")
_ID_AFTER_FENCE = regex(rf"(?<=[`~])[ \t]*{_ID_COMMENT}[ \t]*\Z")
# A comment that a program wrote, or that has too few words for a remark.
_PROGRAM_COMMENT = regex(
    r"(?i)(?:begin|end|start|stop|import|export|persist|updated?|created?|zotero|block|SR|ID)\b"
    r"|[\w-]+:[ ]?\S*\Z|(?![^\s\x00-\u2fff]{4})(?:\S+\s+){0,2}[^\s?？]*\Z"
)
_EMPTY_PLACEHOLDER = regex(f"\n?{MATHS_CONTINUATION}|{COMMENT_FILLER}")
# Unindented lines with comments or fields in the middle of a list. They would end the list, so
# they are indented like the line below.
_UNINDENTED_COMMENTS = regex(
    rf"(?m)^(?:{COMMENT_FILLER}+[ \t]*\n)+(?=(?P<indent>[ \t]+)\S)"
)


class HiddenRemark(NamedTuple):
    """A comment that the reader wrote, such as `%%…%%`."""

    lines: Span
    """The range of its lines in the note, as [first, end), counted from 0."""
    text: str


class MaskedSource(NamedTuple):
    """A note's source, with comments and multi-line maths replaced by placeholders."""

    text: str
    maths: Strings = ()
    """The replaced maths. The number in a placeholder is its index."""
    link_labels: Mapping[str, Texts] = {}
    """Maps each link label that the note defines to its URL and title, in markdown-it's format."""
    remarks: tuple[HiddenRemark, ...] = ()
    """The comments that the reader wrote, in order."""


def restore_placeholders(text: str, maths: Strings) -> str:
    """Replace each placeholder for maths with the maths, and remove all other placeholders."""
    if not PLACEHOLDER_CHARACTER.search(text):
        return text
    with_maths = _MATHS_PLACEHOLDER.sub(lambda number: maths[int(number[1])], text)
    return _EMPTY_PLACEHOLDER.sub("", with_maths)


def mask_comments_and_maths(
    text: str,
    *,
    mask_fields: bool = True,
    keep_field_cards: bool = False,
    mask_definitions: bool = True,
) -> MaskedSource:
    """Replace comments (`%%…%%` or `<!--…-->`) and multi-line maths with placeholders.

    Link definitions are masked, too. Code and unclosed markers are left unchanged.

    Args:
        text: The source of the note.
        mask_fields: Whether to mask fields of Dataview and Logseq, such as a line `key:: value`.
        keep_field_cards: Whether to keep cards of Obsidian_to_Anki, which are otherwise masked.
        mask_definitions: Whether to mask even those fields that define a term.
    """
    text = text.replace("\0", "\ufffd")
    if not text.isascii():
        text = PLACEHOLDER_CHARACTER.sub("\ufffd", text)
    if not contains_any(text, _HIDDEN_PART_SIGNS):
        return MaskedSource(text)
    masker = _Masker(mask_definitions=mask_definitions)
    pattern = _compile_hidden_pattern(
        fields=mask_fields, field_cards=not keep_field_cards
    )
    # an unclosed marker stays a placeholder only while the pattern searches for ends of markers
    masked = pattern.sub(masker.mask, replace_unclosed_markers(text))
    masked = restore_unclosed_markers(masked)
    masked = _UNINDENTED_COMMENTS.sub(
        lambda lines: indent(lines[0], lines["indent"]), masked
    )
    return MaskedSource(
        masked, tuple(masker.maths), masker.link_labels, tuple(masker.remarks)
    )


class _Masker:
    """Masks the hidden parts of a note, and collects their maths, link labels and remarks."""

    def __init__(self, *, mask_definitions: bool) -> None:
        self._mask_definitions = mask_definitions
        self.maths: list[str] = []
        self.link_labels: dict[str, Texts] = {}
        self.remarks: list[HiddenRemark] = []

    def mask(self, hidden: re.Match[str]) -> str:
        """Return the replacement for a match of `_HIDDEN_TEMPLATE`, with as many lines.

        The kinds of hidden parts are groups of the template, of which one has matched. Code,
        escapes and maths on one line are returned unchanged.
        """
        # those that begin a line
        if hidden["fence"]:
            return _ID_AFTER_FENCE.sub(lambda id: " " * len(id[0]), hidden[0])
        if hidden["block_fence"]:  # an empty line ends the paragraph, as the fence does
            return hidden["before_fence"]
        if hidden["empty"]:
            return hidden["indent"] + _fill(hidden["empty"])
        if hidden["definition"]:
            self._add_link_label(hidden["label"], hidden["target"])
            return _fill(hidden[0])
        if hidden["quote_label"]:
            list_marker, start, label = hidden[0].partition("<")
            return list_marker + _fill(start + label)
        if hidden["field"]:
            return self._mask_field(hidden)
        # comments, and markup of programs
        if hidden["comment"]:
            self._add_remark(hidden)
            return _fill(hidden[0])
        if hidden["program"] or hidden["data"]:
            return _fill(hidden[0])
        # maths
        line_count = hidden[0].count("\n") + 1
        if hidden["display"]:
            return hidden["start"] + self._mask_maths(hidden["display"], line_count)
        if hidden["other_maths"]:
            return self._mask_maths(match_to_dollar_math(hidden), line_count)
        if hidden["maths"]:
            return self._mask_maths(hidden["maths"], line_count)
        return hidden[0]

    def _add_remark(self, comment: re.Match[str]) -> None:
        """Collect a comment, unless it has no words or seems to be written by a program."""
        words = _strip_comment_signs(comment[0])
        if not words or _PROGRAM_COMMENT.match(words):
            return
        first_line = comment.string.count("\n", 0, comment.start())
        end_line = first_line + comment[0].count("\n") + 1
        self.remarks.append(HiddenRemark((first_line, end_line), words))

    def _add_link_label(self, label: str, target: str) -> None:
        from markdown_it.common.utils import normalizeReference

        link = {"href": target.strip("<>"), "title": ""}
        self.link_labels[normalizeReference(label)] = link

    def _mask_field(self, hidden: re.Match[str]) -> str:
        field = hidden[0]
        if not self._mask_definitions and _DEFINITION_FIELD.match(field):
            return field
        # a list marker stays, because further lines may belong to the item
        list_marker = hidden["item"] or ""
        return list_marker + _fill(field.removeprefix(list_marker))

    def _mask_maths(self, maths: str, line_count: int) -> str:
        """Replace maths of several lines by a number, and by a placeholder on each further line.

        `line_count` is that of the source, because `maths` may have fewer lines.
        """
        if "\n" not in maths:
            return maths
        without_schedule = _SCHEDULE_COMMENT.sub("", maths)
        lines = [line.strip(" \t>") for line in without_schedule.split("\n")]
        # undo `replace_unclosed_markers` in the maths, too
        text = restore_unclosed_markers("\n".join(filter(None, lines)))
        number = len(self.maths)
        self.maths.append(text)
        first_line = f"{MATHS_DELIMITER}{number}{MATHS_DELIMITER}"
        return first_line + f"\n{MATHS_CONTINUATION}" * (line_count - 1)


def _fill(text: str) -> str:
    """Replace each character of a text except line breaks by `COMMENT_FILLER`."""
    return "\n".join([COMMENT_FILLER * len(line) for line in text.split("\n")])


def replace_unclosed_markers(text: str) -> str:
    """Replace each unclosed `<!--` and `<%` with a placeholder of the same length.

    Otherwise, the regular expression would search the rest of the text for the end of each such
    marker. In total, this would take quadratic time.
    """
    for stand_in, (begin, end) in _UNCLOSED_MARKERS.items():
        last_end = text.rfind(end) + 1
        text = text[:last_end] + text[last_end:].replace(begin, stand_in)
    return text


def restore_unclosed_markers(text: str) -> str:
    """Undo the replacements made by `replace_unclosed_markers`."""
    for stand_in, (begin, _) in _UNCLOSED_MARKERS.items():
        text = text.replace(stand_in, begin)
    return text


def find_comment_sentences(text: str) -> Iterator[str]:
    """Yield the sentences that aren't in any block, such as those in comments."""
    if not contains_any(text, _HIDDEN_PART_SIGNS):
        return
    pattern = _compile_hidden_pattern(fields=True, field_cards=True)
    for hidden in pattern.finditer(replace_unclosed_markers(text)):
        if any(hidden[kind] for kind in _UNSEEN_KINDS):
            content = _strip_comment_signs(text[slice(*hidden.span())])
            if len(content.split()) >= MIN_SENTENCE_WORDS:
                yield content


def _strip_comment_signs(comment: str) -> str:
    return comment.strip("<>%!- \t\n")
