"""Parse hand-written cards that cover several lines.

`CARD_FORMS` is the table of the ways to write such a card. Each form has a sign on the line where a
card begins or its question ends, something that separates the question from the answer, and a rule
for where the answer ends:

| form | sign | separator | end | written by |
|---|---|---|---|---|
| fields | `START` | the name of a field | `END` | Obsidian_to_Anki |
| fields on one line | `STARTI` | the name of a field | `ENDI` | Obsidian_to_Anki |
| tagged question | `#card` | the tag | the list item, or its text | Logseq, flashcards-obsidian |
| separated sides | `?` | the line `?` | an empty line | obsidian-spaced-repetition |
| labelled sides | `Q:` | `A:` | the next question | people and chats |

`parse_block_card` tries them at each line as a block rule of markdown-it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.extract.markdown.card_lines import (
    BLANK_CHARS,
    CALLOUT_MARKER,
    FENCE,
    HEADING_MARKER,
    LIST_MARKER,
    MAX_LINES,
    CardLines,
    get_heading_level,
)
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.placeholders import COMMENT_FILLER
from ankiforge.extract.markdown.syntaxes import (
    BOLD_MARKER,
    CARD_TAG,
    QUESTION_LABEL,
    FieldKeywords,
)
from ankiforge.model import LETTERED_QUESTION, Pair, Strings
from ankiforge.text import regex

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock


class BlockCard(NamedTuple):
    """The Markdown source of a multi-line card."""

    end_line: int
    """The number of the line after the card."""
    front: str
    back: str
    form_description: str
    """The markup that makes this a card, such as the separator line, as shown to the user."""
    two_way: bool = False
    is_cloze: bool = False
    tags: Strings = ()
    has_further_separators: bool = False
    """Whether the answer contains another separator line."""
    is_declared: bool = False
    """Whether the markup alone declares this a card, regardless of the settings."""
    labels: Pair | None = None
    """The labels of the two sides, such as `Q` and `A`. They are part of the plain text."""

    @property
    def is_complete(self) -> bool:
        """Whether both sides have text. The back of a cloze may be empty."""
        if not self.front.strip(BLANK_CHARS):
            return False
        return self.is_cloze or bool(self.back.strip(BLANK_CHARS))


# --- question, `?`, answer --------------------------------------------------------------


def _find_separator_signs(syntax: CardSyntax, text: str) -> Iterator[str]:
    for separator in syntax.block_separators:
        yield rf"{re.escape(separator)}[ \t]*$"


def _read_separated_card(lines: CardLines, start: int) -> BlockCard | None:
    """Read a card whose question and answer are separated by a line such as `?`."""
    separator_line = lines.find_question_end(start)
    if not start < separator_line < lines.end or not lines.is_separator(separator_line):
        return None
    if not _is_one_question(lines, start, separator_line):
        return None
    answer_start = separator_line + 1
    end_line = lines.syntax.answer_end_line
    if end_line:
        answer_end = lines.find_line(end_line, answer_start, lines.end)
        card_end = min(answer_end + 1, lines.end)
    else:
        answer_end = card_end = lines.find_text_end(answer_start)
    separator = lines.get_line(separator_line)
    answer_lines = lines.iter_lines_outside_fences(answer_start, answer_end)
    return BlockCard(
        card_end,
        _strip_block_marker(lines.get_lines(start, separator_line)),
        lines.get_lines(answer_start, answer_end),
        separator,
        two_way=lines.syntax.block_separators[separator],
        has_further_separators=any(map(lines.is_separator, answer_lines)),
    )


def _is_one_question(lines: CardLines, start: int, separator: int) -> bool:
    """Return whether all lines above a separator are its question.

    Otherwise, the card begins below, which markdown-it will try next.
    """
    if lines.is_item(start) and lines.is_deeper(separator, start):
        return False  # the separator is inside the list item, and so is the card
    if start + 1 == separator:
        return True
    if lines.begins_block(start):
        return False
    question_lines = map(lines.get_line, range(start, separator))
    return not any(map(lines.is_card, question_lines))


# --- question #card -----------------------------------------------------------------------

_CARD_TAG = regex(CARD_TAG)
# The tag at the end of a line, where further tags and the id that flashcards-obsidian writes
# may follow.
_TAG_AT_LINE_END = regex(
    rf"(?:(?<=[ \t])|^){CARD_TAG}(?=(?:[ \t]*#[\w/-]+)*[ \t]*(?:\^\d{{13}}[ \t]*)?$)"
)
_FLASHCARDS_ID = regex(r"(?:^|[ \t])\^\d{13}[ \t]*$")
_EMPTY_ITEMS = ("-", "*", "+")
# The properties that Logseq stores below a block, such as `collapsed:: true`.
_LOGSEQ_PROPERTY = regex(r"[\w-]+::(?:\s|$)")


def _find_tag_signs(syntax: CardSyntax, text: str) -> Iterator[str]:
    if syntax.reads_labels and ("#card" in text or "[[card]]" in text):
        yield rf".*{CARD_TAG}"


def _read_tagged_card(lines: CardLines, start: int) -> BlockCard | None:
    """Read a question tagged `#card`, with the answer below.

    In a list item, the tag may be anywhere, as in Logseq, and the nested items are the answer.
    Elsewhere, only tags may follow on its line, and the answer is the text below.
    """
    if not lines.syntax.reads_labels:
        return None
    if lines.is_item(start):
        return _read_tagged_item(lines, start)
    return _read_tagged_text(lines, start)


def _read_tagged_item(lines: CardLines, start: int) -> BlockCard | None:
    text = lines.get_line(start)
    tag = _CARD_TAG.search(text)
    if tag is None or "{{" in text:
        return None
    item = _read_item(lines, start)
    if item.nested_lines:
        question = "\n".join([_cut_out(text, tag), *item.own_lines])
        answer = "\n".join(item.nested_lines)
    else:
        question = _cut_out(text, tag)
        answer = "\n".join(item.own_lines)
    return _create_tagged_card(item.end, question, answer, tag)


class _ItemLines(NamedTuple):
    """The lines of a list item below its first one, without Logseq's properties."""

    own_lines: Sequence[str]
    """The lines above the first nested item."""
    nested_lines: Sequence[str]
    """The lines of the nested items."""
    end: int
    """The number of the line after the item."""


def _read_item(lines: CardLines, start: int) -> _ItemLines:
    """Read a list item up to the next item of the same level, or the next question in it."""
    own_lines: list[str] = []
    nested_lines: list[str] = []
    end = start + 1
    for line in range(start + 1, lines.end):
        text = lines.get_line(line).strip(BLANK_CHARS)
        if not text:
            continue
        begins_item = LIST_MARKER.match(text) is not None
        if begins_item and _CARD_TAG.search(text):
            break  # the next question
        if not lines.is_deeper(line, start):
            break
        end = line + 1
        if text in _EMPTY_ITEMS or _LOGSEQ_PROPERTY.match(text):
            continue
        if begins_item or nested_lines:
            nested_lines.append(lines.get_lines(line, line + 1))
        else:
            own_lines.append(text)
    return _ItemLines(own_lines, nested_lines, end)


def _read_tagged_text(lines: CardLines, start: int) -> BlockCard | None:
    """Read a question outside lists, whose last line ends with `#card`, with its answer below.

    The answer is the rest of the paragraph. If nothing is left, it is the next paragraph, or the
    section below a heading.
    """
    paragraph_end = lines.find_question_end(start)
    found = _find_question_tag(lines, start, paragraph_end)
    if found is None:
        return None
    tag_line, tag = found
    question = _cut_out(lines.get_line(tag_line), tag)
    if tag_line > start:
        question_lines = [lines.get_lines(start, tag_line), question]
        question = "\n".join(filter(None, question_lines))
    answer_start = tag_line + 1
    answer_end = paragraph_end
    if answer_start == paragraph_end:
        answer_start = lines.skip_empty_lines(answer_start)
        heading_level = get_heading_level(lines.get_line(start))
        if heading_level and tag_line == start:
            answer_end = lines.find_text_end(
                answer_start, max_heading_level=heading_level
            )
        else:
            answer_end = lines.find_text_end(answer_start)
    card_end = _find_tagged_answer_end(lines, answer_start, answer_end)
    answer = lines.get_lines(answer_start, card_end)
    return _create_tagged_card(card_end, question, answer, tag)


class _LineMatch(NamedTuple):
    """A match in a line."""

    line: int
    """The number of the line."""
    match: re.Match[str]


def _find_question_tag(lines: CardLines, start: int, end: int) -> _LineMatch | None:
    """Return the first tag `#card` at the end of one of some lines, unless its line has gaps.

    The tag must be above the first fence or list item.
    """
    for line in range(start, end):
        text = lines.get_line(line)
        if FENCE.match(text):
            return None
        if line > start and lines.is_item(line):
            return None
        tag = _TAG_AT_LINE_END.search(text)
        if tag:
            return None if "{{" in text else _LineMatch(line, tag)
    return None


def _find_tagged_answer_end(lines: CardLines, first: int, last: int) -> int:
    """Return where an answer ends: after its id, or before the next question."""
    for line in range(first, last):
        text = lines.get_line(line)
        if _FLASHCARDS_ID.search(text):
            return line + 1
        if _TAG_AT_LINE_END.search(text):
            return line
    return last


def _create_tagged_card(
    end_line: int, question: str, answer: str, tag: re.Match[str]
) -> BlockCard:
    return BlockCard(
        end_line,
        _strip_block_marker(question),
        dedent(answer),
        form_description=f"#card{tag['reverse'] or ''}",
        two_way=tag["reverse"] is not None,
    )


def _cut_out(text: str, part: re.Match[str]) -> str:
    return text[: part.start()].rstrip(" \t") + text[part.end() :]


def _strip_block_marker(source: str) -> str:
    """Strip the heading, callout or list marker from a one-line question."""
    if "\n" in source.strip():
        return source
    text = source.lstrip()
    for pattern in (HEADING_MARKER, CALLOUT_MARKER, LIST_MARKER):
        marker = pattern.match(text)
        if marker:
            return text[marker.end() :]
    return source


# --- Q: question A: answer ----------------------------------------------------------------

_QUESTION_LABEL = regex(QUESTION_LABEL)
# The label of an answer (`A:`) or of the back of a card (`B:`, or `Back:` as chats write it).
_ANSWER_LABEL = regex(
    rf"(?:(?<=[\s？])|^)(?:[-*+]\s+)?{BOLD_MARKER}(?P<label>(?:A|Answer|B|Back|Antwort|答)\s?\d{{0,4}})"
    rf"{BOLD_MARKER}(?::{BOLD_MARKER}(?:[ \t]+|$)|：{BOLD_MARKER}[ \t]*)"
)


def _find_label_signs(syntax: CardSyntax, text: str) -> Iterator[str]:
    if syntax.reads_labels:
        yield QUESTION_LABEL.replace("?P<label>", "?:")


def _read_labelled_card(lines: CardLines, start: int) -> BlockCard | None:
    """Read a card whose sides are labelled, e.g. `Q:` and `A:`."""
    if not lines.syntax.reads_labels:
        return None
    question_label = _QUESTION_LABEL.match(lines.get_line(start))
    if question_label is None:
        return None
    answer = _find_answer(lines, start, question_label["label"])
    if answer is None:
        return None
    card_end = _find_labelled_answer_end(lines, start, answer)
    answer_line, answer_label = answer
    line_text = lines.get_line(answer_line)
    # the answer may begin on the last line of the question: `Q: question A: answer`
    question_lines = [lines.get_line(line) for line in range(start, answer_line)]
    question_lines.append(line_text[: answer_label.start()])
    question = "\n".join(question_lines)[question_label.end() :]
    answer_parts = [
        line_text[answer_label.end() :],
        dedent(lines.get_lines(answer_line + 1, card_end)),
    ]
    return BlockCard(
        card_end,
        question.strip(),
        "\n".join(filter(None, answer_parts)),
        form_description=LETTERED_QUESTION,
        labels=(question_label["label"], answer_label["label"]),
    )


def _find_answer(lines: CardLines, start: int, question_label: str) -> _LineMatch | None:
    """Find the label of the answer to a question. Paragraphs above it belong to the question.

    Returns None if another question, or a list below the question, comes first.
    """
    paragraph = start
    while paragraph < lines.end and not lines.is_outside_container(paragraph):
        paragraph_end = lines.find_text_end(paragraph)
        for line in range(paragraph, paragraph_end):
            if line > start and _is_question_start(lines, line):
                return None
            label = _find_answer_label(lines.get_line(line), question_label)
            if label is None:
                continue
            if paragraph == start:
                begins_list = line > start and lines.is_item(line)
                if begins_list and not lines.is_item(start):
                    return None
                return _LineMatch(line, label)
            # below the first paragraph, the label must begin its line
            if label.start() == 0:
                return _LineMatch(line, label)
        paragraph = lines.skip_empty_lines(paragraph_end)
        is_text_end = paragraph == paragraph_end  # a heading or rule
        if is_text_end or paragraph - start > MAX_LINES:
            break
    return None


def _find_answer_label(line: str, question_label: str) -> re.Match[str] | None:
    """Find the label of an answer in a line. `B:` only answers questions labelled `F:`."""
    for label in _ANSWER_LABEL.finditer(line):
        if question_label.startswith("F") or not label["label"].startswith("B"):
            return label
    return None


def _find_labelled_answer_end(lines: CardLines, start: int, answer: _LineMatch) -> int:
    """Return where an answer ends: at the next question, or at the end of the list item."""
    next_line = answer.line + 1
    is_label_alone = answer.match.end() == len(lines.get_line(answer.line))
    if is_label_alone:  # the answer begins below
        next_line = lines.skip_empty_lines(next_line)
    end = max(next_line, lines.find_text_end(next_line))
    is_item = lines.is_item(start)
    for line in range(next_line, end):
        if is_item and not lines.is_deeper(line, start):
            return line
        if _is_question_start(lines, line):
            return line
    return end


def _is_question_start(lines: CardLines, line: int) -> bool:
    return _QUESTION_LABEL.match(lines.get_line(line)) is not None


# --- fields of Obsidian_to_Anki -----------------------------------------------------------


def _find_field_signs(syntax: CardSyntax, text: str) -> Iterator[str]:
    words = syntax.field_words
    if words and words.begin and f"\n{words.end}" in text:
        yield rf"{re.escape(words.begin)}[ \t]*$"


def _find_inline_field_signs(syntax: CardSyntax, text: str) -> Iterator[str]:
    words = syntax.field_words
    if words and words.begin_inline:
        yield rf"{re.escape(words.begin_inline)}[ \t]"


def _read_fields_card(lines: CardLines, start: int) -> BlockCard | None:
    """Read the card between `START` and `END`, whose first line is the note type."""
    words = lines.syntax.field_words
    if words is None or not words.begin or lines.get_line(start) != words.begin:
        return None
    search_end = min(lines.end, start + MAX_LINES)
    end_line = lines.find_line(words.end, start + 1, search_end)
    if end_line == search_end:
        return None
    source = lines.get_lines(start + 1, end_line).strip()
    note_type, _, text = source.partition("\n")
    return _parse_fields(note_type, text, end_line + 1, f"{words.begin} … {words.end}")


def _read_inline_fields_card(lines: CardLines, start: int) -> BlockCard | None:
    """Read a card on one line, such as `STARTI [Basic] front Back: back ENDI`."""
    words = lines.syntax.field_words
    if words is None:
        return None
    card = _compile_inline_fields(words).fullmatch(lines.get_line(start))
    if card is None:
        return None
    note_type, text = card.groups()
    return _parse_fields(note_type, text, start + 1, words.begin_inline)


_FIELD_NAME = regex(
    r"(?m)(?:^|(?<=\s)(?=(?:Back|Extra|Back Extra):))"
    r"([A-Z][\w ]{0,24}):[ \t]*"
)
_FIRST_FIELD = regex(r"\A(?:Front|Text):[ \t]*")
_SECOND_FIELD = regex(r"(?m)(?:^|(?<=\s))(?:Back Extra|Back|Extra):")
_TAGS_LABEL = regex(r"(?m)(?:^|(?<=[ \t]))Tags:[ \t]*(?=[^\n]*(?:\n\s*)?\Z)")
_ID_OR_COMMENT = regex(rf"(?m)^ID: \d+[ \t]*$|{COMMENT_FILLER}+")
# The field that adds a second card to a note whose type is Anki's "Basic (optional
# reversed card)".
_ADD_REVERSE_FIELD = "Add Reverse"


def _parse_fields(
    note_type: str, text: str, end_line: int, form_description: str
) -> BlockCard | None:
    """Parse the fields of a card, whose tags come last. Returns None if a side is missing."""
    text = _ID_OR_COMMENT.sub("", text)
    tags: list[str] = []
    tags_label = _TAGS_LABEL.search(text)
    if tags_label:
        tags = text[tags_label.end() :].split()
        text = text[: tags_label.start()]
    two_way = "reversed" in note_type and "optional" not in note_type
    values = []
    for name, value in _split_fields(text):
        if value and name == _ADD_REVERSE_FIELD:
            two_way = True
        elif value:
            values.append(value)
    is_cloze = "cloze" in note_type.casefold()
    min_values = 1 if is_cloze else 2
    if len(values) < min_values:
        return None
    return BlockCard(
        end_line,
        values[0],
        "\n".join(values[1:]),
        form_description,
        two_way=two_way,
        is_cloze=is_cloze,
        tags=tuple(tags),
        is_declared=True,
    )


def _split_fields(text: str) -> Iterator[Pair]:
    """Yield the (name, value) pairs of a card. The name of the first field may be omitted.

    For example, `front Back: back` are the fields ("", "front") and ("Back", "back").
    """
    second_field = _SECOND_FIELD.search(text)
    if second_field:
        # all before it is the front, also lines such as `In Java: what is null?`
        front = _FIRST_FIELD.sub("", text[: second_field.start()].strip())
        yield "", front.strip()
        text = text[second_field.start() :]
    # the text before the first name, then name and value of each field
    first_value, *names_and_values = _FIELD_NAME.split(text)
    if not second_field:
        yield "", first_value.strip()
    names, values = names_and_values[::2], names_and_values[1::2]
    for name, value in zip(names, values, strict=True):
        yield name, value.strip()


@lru_cache(maxsize=8)
def _compile_inline_fields(field_words: FieldKeywords) -> re.Pattern[str]:
    """Compile a pattern that matches one-line cards like `STARTI [Basic] front Back: back ENDI`."""
    if not (field_words.begin_inline and field_words.end_inline):
        return re.compile("(?!)")
    begin = re.escape(field_words.begin_inline)
    end = re.escape(field_words.end_inline)
    return re.compile(rf"{begin}[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*{end}")


# --- the table of forms -------------------------------------------------------------------


class CardForm(NamedTuple):
    """One way to write a card over several lines. See the table at the top of this module."""

    find_signs: Callable[[CardSyntax, str], Iterator[str]]
    """Yields patterns for the lines that show that a note may have such cards. The pattern begins
    at the first character of the line after block quote markers."""
    read: Callable[[CardLines, int], BlockCard | None]
    """Reads the card that begins at a line, or returns None if there is none."""


CARD_FORMS = (
    CardForm(_find_field_signs, _read_fields_card),
    CardForm(_find_inline_field_signs, _read_inline_fields_card),
    CardForm(_find_tag_signs, _read_tagged_card),
    CardForm(_find_separator_signs, _read_separated_card),
    CardForm(_find_label_signs, _read_labelled_card),
)
"""All forms, in the order in which they are tried at a line."""


def find_card_lines(text: str, syntax: CardSyntax) -> list[int]:
    """Return the numbers of the lines with a sign of a multi-line card, such as separators.

    A block is only a multi-line card if such a line is among the first `MAX_LINES` from its start.
    """
    patterns: list[str] = []
    for form in CARD_FORMS:
        patterns += form.find_signs(syntax, text)
    if not patterns:
        return []
    pattern = re.compile(rf"[ \t>]*(?:{'|'.join(patterns)})")
    lines = enumerate(text.split("\n"))
    return [number for number, line in lines if pattern.match(line)]


def read_card(lines: CardLines, start: int) -> BlockCard | None:
    """Read the card of any form that begins at a line, or return None if there is none."""
    for form in CARD_FORMS:
        card = form.read(lines, start)
        if card and card.is_complete:
            return card
    return None


# --- rules of markdown-it -----------------------------------------------------------------


def parse_block_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a multi-line card (a markdown-it block rule).

    `state.env` holds the note's `syntax`, the `card_lines` from `find_card_lines`, and a
    function `is_card` that returns whether a line is a card by itself. `_BlockParser.parse` sets
    them.
    """
    card_lines: list[int] = state.env.get("card_lines", [])  # sorted, may be long
    next_card_line = bisect_left(card_lines, start)
    search_end = min(end, start + MAX_LINES)
    if next_card_line == len(card_lines) or card_lines[next_card_line] >= search_end:
        return False
    lines = CardLines(state, state.env["syntax"], state.env["is_card"], end)
    card = read_card(lines, start)
    if card is None:
        return False
    if not silent:
        token = state.push("card", "", 0)
        token.map = [start, card.end_line]
        token.meta = {"card": card}
        state.line = card.end_line
    return True


def parse_list_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a multi-line card that begins with a list item (a markdown-it block rule)."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not LIST_MARKER.match(line):
        return False
    if not _CARD_TAG.search(line) and not _QUESTION_LABEL.match(line):
        return False
    return parse_block_card(state, start, end, silent)
