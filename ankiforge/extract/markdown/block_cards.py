"""Parse hand-written cards that cover several lines.

Such cards have a line `?` between their sides, the tag `#card` after the question, the fields of
Obsidian_to_Anki, or the labels `Q:` and `A:`. `parse_block_card` parses these as a block rule of
markdown-it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

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
    def has_both_sides(self) -> bool:
        """Whether neither side is empty."""
        return all(side.strip(_BLANK_CHARS) for side in (self.front, self.back))


# --- where a card may begin -----------------------------------------------------------


def find_card_lines(text: str, syntax: CardSyntax) -> list[int]:
    """Return the numbers of the lines that indicate a multi-line card, such as separators.

    A block is only a multi-line card if such a line is among the first `_MAX_LINES` from its start.
    """
    patterns = list(_iter_card_line_patterns(text, syntax))
    if not patterns:
        return []
    pattern = re.compile(rf"[ \t>]*(?:{'|'.join(patterns)})")
    lines = enumerate(text.split("\n"))
    return [number for number, line in lines if pattern.match(line)]


def _iter_card_line_patterns(text: str, syntax: CardSyntax) -> Iterator[str]:
    for separator in syntax.block_separators:
        yield rf"{re.escape(separator)}[ \t]*$"
    words = syntax.field_words
    if words and words.begin and f"\n{words.end}" in text:
        yield rf"{re.escape(words.begin)}[ \t]*$"
    if words and words.begin_inline:
        yield rf"{re.escape(words.begin_inline)}[ \t]"
    if syntax.reads_labels:
        yield QUESTION_LABEL.replace("?P<label>", "?:")
        if "#card" in text or "[[card]]" in text:
            yield rf".*{CARD_TAG}"


def parse_block_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a multi-line card (a markdown-it block rule).

    `state.env` holds the note's `syntax`, the `card_lines` from `find_card_lines`, and a
    function `is_card` that returns whether a line is a card by itself.
    """
    card_lines: list[int] = state.env.get("card_lines", [])  # sorted, may be long
    next_card_line = bisect_left(card_lines, start)
    search_end = min(end, start + _MAX_LINES)
    if next_card_line == len(card_lines) or card_lines[next_card_line] >= search_end:
        return False
    reader = _CardReader(state, state.env["syntax"], state.env["is_card"], end)
    card = reader.read_card(start, may_have_label=card_lines[next_card_line] == start)
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
    if not _LIST_MARKER.match(line):
        return False
    if not (_CARD_TAG.search(line) or _QUESTION_LABEL.match(line)):
        return False
    return parse_block_card(state, start, end, silent)


# The labels of a question and its answer (`Q:` and `A:`) or of the front and back of a
# card (`F:` and `B:`, or `Front:` and `Back:` as chats write them).
_QUESTION_LABEL = regex(QUESTION_LABEL)
_ANSWER_LABEL = regex(
    rf"(?:(?<=[\s？])|^)(?:[-*+]\s+)?{BOLD_MARKER}(?P<label>(?:A|Answer|B|Back|Antwort|答)\s?\d{{0,4}})"
    rf"{BOLD_MARKER}(?::{BOLD_MARKER}(?:[ \t]+|$)|：{BOLD_MARKER}[ \t]*)"
)
# The tag of a question, and what may follow it on a line outside lists: tags and the id that
# flashcards-obsidian writes.
_CARD_TAG = regex(CARD_TAG)
_QUESTION_TAG = regex(
    rf"(?:(?<=[ \t])|^){CARD_TAG}(?=(?:[ \t]*#[\w/-]+)*[ \t]*(?:\^\d{{13}}[ \t]*)?$)"
)
# The properties that Logseq stores below a block.
_LOGSEQ_PROPERTY = regex(r"[\w-]+::(?:\s|$)")


# --- reading the lines of a card ------------------------------------------------------

_LIST_MARKER = regex(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[^\[\]]\][ \t]+)?")
_HEADING_MARKER = regex(r"#{1,6}(?:[ \t]+|$)")
_CALLOUT_MARKER = regex(r"\[![^\[\]]+\][+-]?[ \t]*")
_RULE = regex(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_HEADING_OR_RULE = regex(rf"{_HEADING_MARKER.pattern}|{_RULE.pattern}")
_BLOCK_START = regex(rf"{_HEADING_OR_RULE.pattern}|{_CALLOUT_MARKER.pattern}")
_FENCE = regex(r"`{3,}|~{3,}")
_BLANK_CHARS = f"{COMMENT_FILLER} \t\n"
# The most lines of a question or an answer.
_MAX_LINES = 400
_EMPTY_ITEMS = ("-", "*", "+")
_FLASHCARDS_ID = regex(r"(?:^|[ \t])\^\d{13}[ \t]*$")


@dataclass(slots=True)
class _CardReader:
    """Reads the card that begins at a given line of a markdown-it block state."""

    state: StateBlock
    syntax: CardSyntax
    is_card: Callable[[str], bool]
    end: int

    # --- lines

    def get_line(self, line: int) -> str:
        """Return a line without surrounding whitespace and the markers of enclosing containers."""
        state = self.state
        start = state.bMarks[line] + state.tShift[line]
        return state.src[start : state.eMarks[line]].rstrip()

    def get_lines(self, first: int, last: int) -> str:
        return self.state.getLines(first, last, self.state.blkIndent, False)

    def find_text_end(
        self, first: int, *, is_question: bool = False, max_heading_level: int = 6
    ) -> int:
        """Return the number of the line that ends the text beginning at `first`.

        Text ends at an empty line, a heading, a horizontal rule or the end of the container.

        Args:
            first: The line where the text begins.
            is_question: Whether the text is a question. A question also ends at a separator, and it
                may begin with a heading.
            max_heading_level: The level of the deepest headings at which the text ends.
        """
        last = min(self.end, first + _MAX_LINES)
        for line in self._iter_lines_outside_fences(first, last):
            if self.state.isEmpty(line) or self._is_outside_container(line):
                return line
            if is_question and self._is_separator(line):
                return line
            text = self.get_line(line)
            is_allowed_heading = _get_heading_level(text) > max_heading_level
            if is_question and line == first:
                is_allowed_heading = True
            if _HEADING_OR_RULE.match(text) and not is_allowed_heading:
                return line
        return last

    def _iter_lines_outside_fences(self, first: int, last: int) -> Iterator[int]:
        fence: str | None = None  # the start of the open fence
        for line in range(first, last):
            text = self.get_line(line)
            if fence:
                is_fence_end = text == text[:1] * len(text) and text.startswith(fence)
                fence = None if is_fence_end else fence
            elif fence_start := _FENCE.match(text):
                fence = fence_start[0]
            else:
                yield line

    def _is_outside_container(self, line: int) -> bool:
        return self.state.sCount[line] < self.state.blkIndent

    def _is_separator(self, line: int) -> bool:
        indent = self.state.sCount[line] - self.state.blkIndent
        return self.get_line(line) in self.syntax.block_separators and indent < 4

    def _is_item(self, line: int) -> bool:
        return _LIST_MARKER.match(self.get_line(line)) is not None

    def _is_deeper(self, line: int, other: int) -> bool:
        return self.state.sCount[line] > self.state.sCount[other]

    def _find_line(self, text: str, first: int, last: int) -> int:
        """Return the number of the first line in [first, last) that equals `text`, or `last`."""
        for line in range(first, last):
            if self.get_line(line) == text:
                return line
        return last

    # --- cards

    def read_card(self, start: int, *, may_have_label: bool) -> BlockCard | None:
        """Read the card that begins at line `start`, or return None if there is none."""
        words = self.syntax.field_words
        if words:
            card = self._read_fields_card(start, words)
            if card or self.get_line(start) == words.begin:
                return card
        card = self._read_tagged_card(start) or self._read_separated_card(start)
        if card is None and may_have_label:
            return self._read_labelled_card(start)
        return card

    # --- question, `?`, answer

    def _read_separated_card(self, start: int) -> BlockCard | None:
        """Read a card whose question and answer are separated by a line such as `?`."""
        middle = self.find_text_end(start, is_question=True)
        if not start < middle < self.end or not self._is_separator(middle):
            return None
        if not self._is_one_question(start, middle):
            return None
        answer_end = card_end = self.find_text_end(middle + 1)
        if self.syntax.answer_end_line:
            answer_end = self._find_line(
                self.syntax.answer_end_line, middle + 1, self.end
            )
            card_end = min(answer_end + 1, self.end)
        separator = self.get_line(middle)
        answer_lines = self._iter_lines_outside_fences(middle + 1, answer_end)
        card = BlockCard(
            card_end,
            _strip_block_marker(self.get_lines(start, middle)),
            self.get_lines(middle + 1, answer_end),
            separator,
            two_way=self.syntax.block_separators[separator],
            has_further_separators=any(map(self._is_separator, answer_lines)),
        )
        return card if card.has_both_sides else None

    def _is_one_question(self, start: int, separator: int) -> bool:
        """Return whether all lines above a separator are its question.

        Otherwise, the card begins below, which markdown-it will try next.
        """
        if self._is_item(start) and self._is_deeper(separator, start):
            return False  # the separator is inside the list item, and so is the card
        if start + 1 == separator:
            return True
        if _BLOCK_START.match(self.get_line(start)):
            return False
        lines = map(self.get_line, range(start, separator))
        return not any(map(self.is_card, lines))

    # --- question #card

    def _read_tagged_card(self, start: int) -> BlockCard | None:
        """Read a question tagged `#card`, with the answer below.

        In a list item, the tag may be anywhere, as in Logseq, and the nested items are the
        answer. Elsewhere, only tags may follow on its line, and the answer is the text below.
        """
        if not self.syntax.reads_labels:
            return None
        read = self._read_tagged_item if self._is_item(start) else self._read_tagged_text
        card = read(start)
        return card if card and card.has_both_sides else None

    def _read_tagged_item(self, start: int) -> BlockCard | None:
        text = self.get_line(start)
        tag = _CARD_TAG.search(text)
        if tag is None or "{{" in text:
            return None
        further_lines, answer, card_end = self._read_nested_lines(start)
        question = "\n".join([_cut_out(text, tag), *further_lines])
        return _create_tagged_card(card_end, question, answer, tag)

    def _read_tagged_text(self, start: int) -> BlockCard | None:
        text_end = self.find_text_end(start, is_question=True)
        tag_line = self._find_question_tag(start, text_end)
        if tag_line is None:
            return None
        line_text = self.get_line(tag_line)
        tag = _QUESTION_TAG.search(line_text)
        assert tag is not None
        question_parts = (self.get_lines(start, tag_line), _cut_out(line_text, tag))
        question = "\n".join(filter(None, question_parts))
        first = tag_line + 1
        if first == text_end:
            # the answer may be the next paragraph or, under a heading, its section
            level = _get_heading_level(line_text) if tag_line == start else 0
            first = self.state.skipEmptyLines(first)
            text_end = self.find_text_end(first, max_heading_level=level or 6)
        card_end = self._find_tagged_answer_end(first, text_end)
        return _create_tagged_card(
            card_end, question, self.get_lines(first, card_end), tag
        )

    def _find_question_tag(self, start: int, end: int) -> int | None:
        """Return the first of some lines that ends with `#card`, unless it has gaps."""
        for line in range(start, end):
            text = self.get_line(line)
            if _FENCE.match(text) or (line > start and self._is_item(line)):
                return None
            if _QUESTION_TAG.search(text):
                return None if "{{" in text else line
        return None

    def _find_tagged_answer_end(self, first: int, last: int) -> int:
        """Return where an answer ends: after its id, or before the next question."""
        for line in range(first, last):
            text = self.get_line(line)
            if _FLASHCARDS_ID.search(text):
                return line + 1
            if _QUESTION_TAG.search(text):
                return line
        return last

    def _read_nested_lines(self, start: int) -> tuple[list[str], str, int]:
        """Read the lines of a list item below the first one, without Logseq's properties.

        Returns:
            (further_lines, text, end): the item's own lines below the first, the text of its
                nested items, and the number of the line after the item. If there are no nested
                items, the item's own lines are the text instead, and `further_lines` is empty.
        """
        further_lines = list[str]()
        nested_lines = list[str]()
        end = start + 1
        for line in range(start + 1, self.end):
            text = self.get_line(line).strip(_BLANK_CHARS)
            if not text:
                continue
            begins_item = _LIST_MARKER.match(text)
            if not self._is_deeper(line, start) or (
                begins_item and _CARD_TAG.search(text)
            ):
                break
            end = line + 1
            if text in _EMPTY_ITEMS or _LOGSEQ_PROPERTY.match(text):
                continue
            if nested_lines or begins_item:
                nested_lines.append(self.get_lines(line, line + 1))
            else:
                further_lines.append(text)
        if not nested_lines:
            return [], "\n".join(further_lines), end
        return further_lines, "\n".join(nested_lines), end

    # --- Q: question A: answer

    def _read_labelled_card(self, start: int) -> BlockCard | None:
        """Read a card whose sides are labelled, e.g. `Q:` and `A:`."""
        question_label = _QUESTION_LABEL.match(self.get_line(start))
        if question_label is None:
            return None
        answer = self._find_answer(start, question_label["label"])
        if answer is None:
            return None
        answer_line, answer_label = answer
        answer_text = self.get_line(answer_line)
        card_end = self._find_labelled_answer_end(start, answer_line, answer_label)
        question_lines = [
            *map(self.get_line, range(start, answer_line)),
            answer_text[: answer_label.start()],
        ]
        question = "\n".join(question_lines)[question_label.end() :]
        answer_parts = [
            answer_text[answer_label.end() :],
            dedent(self.get_lines(answer_line + 1, card_end)),
        ]
        card = BlockCard(
            card_end,
            question.strip(),
            "\n".join(filter(None, answer_parts)),
            form_description=LETTERED_QUESTION,
            labels=(question_label["label"], answer_label["label"]),
        )
        return card if card.has_both_sides else None

    def _find_answer(
        self, start: int, question_label: str
    ) -> tuple[int, re.Match[str]] | None:
        """Find the answer to a question. Paragraphs above the answer belong to the question.

        Returns:
            (line number, match of the answer's label), or None if there is no answer.
        """
        paragraph = start
        while paragraph < self.end and not self._is_outside_container(paragraph):
            paragraph_end = self.find_text_end(paragraph)
            for line in range(paragraph, paragraph_end):
                if line > start and self._is_question_start(line):
                    return None
                label = self._find_answer_label(line, question_label)
                # below the first paragraph, the label must begin its line
                if label is None or (label.start() > 0 and paragraph > start):
                    continue
                is_in_list_below = paragraph == start < line and self._is_item(line)
                if is_in_list_below and not self._is_item(start):
                    return None
                return line, label
            paragraph = self.state.skipEmptyLines(paragraph_end)
            if paragraph == paragraph_end or paragraph - start > _MAX_LINES:
                break
        return None

    def _find_answer_label(self, line: int, question_label: str) -> re.Match[str] | None:
        """Find the label of an answer in a line. `B:` only answers questions labelled `F:`."""
        for label in _ANSWER_LABEL.finditer(self.get_line(line)):
            if question_label.startswith("F") or not label["label"].startswith("B"):
                return label
        return None

    def _find_labelled_answer_end(
        self, start: int, answer_line: int, answer_label: re.Match[str]
    ) -> int:
        """Return where an answer ends: at the next question, or at the end of the list item."""
        next_line = answer_line + 1
        if answer_label.end() == len(self.get_line(answer_line)):
            next_line = self.state.skipEmptyLines(next_line)  # the answer begins below
        end = max(next_line, self.find_text_end(next_line))
        is_item = self._is_item(start)
        for line in range(next_line, end):
            leaves_item = is_item and not self._is_deeper(line, start)
            if leaves_item or self._is_question_start(line):
                return line
        return end

    def _is_question_start(self, line: int) -> bool:
        return _QUESTION_LABEL.match(self.get_line(line)) is not None

    # --- fields of Obsidian_to_Anki

    def _read_fields_card(self, start: int, words: FieldKeywords) -> BlockCard | None:
        """Read the card that begins with `START` or `STARTI` at line `start`, or return None."""
        line_text = self.get_line(start)
        if words.begin and line_text == words.begin:
            # the card is between START and END, and its first line is the note type
            search_end = min(self.end, start + _MAX_LINES)
            end_line = self._find_line(words.end, start + 1, search_end)
            if end_line == search_end:
                return None
            source = self.get_lines(start + 1, end_line)
            note_type, _, text = source.strip().partition("\n")
            form = f"{words.begin} … {words.end}"
            return _parse_fields(note_type, text, end_line + 1, form)
        inline_card = _compile_inline_fields(words).fullmatch(line_text)
        if inline_card is None:
            return None
        note_type, text = inline_card.groups()
        return _parse_fields(note_type, text, start + 1, words.begin_inline)


def _create_tagged_card(
    end_line: int, question: str, answer: str, tag: re.Match[str]
) -> BlockCard:
    return BlockCard(
        end_line,
        _strip_block_marker(question),
        dedent(answer),
        form_description=f"#card{tag['reverse'] or ''}",
        two_way=bool(tag["reverse"]),
    )


def _cut_out(text: str, part: re.Match[str]) -> str:
    return text[: part.start()].rstrip(" \t") + text[part.end() :]


def _get_heading_level(line: str) -> int:
    return len(line) - len(line.lstrip("#")) if _HEADING_MARKER.match(line) else 0


def _strip_block_marker(source: str) -> str:
    """Strip the heading, callout or list marker from a one-line question."""
    if "\n" in source.strip():
        return source
    text = source.lstrip()
    for pattern in (_HEADING_MARKER, _CALLOUT_MARKER, _LIST_MARKER):
        marker = pattern.match(text)
        if marker:
            return text[marker.end() :]
    return source


# --- fields of Obsidian_to_Anki -------------------------------------------------------

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
    without_id = _ID_OR_COMMENT.sub("", text)
    text, _, tags = _TAGS_LABEL.sub("\0", without_id).partition("\0")
    two_way = "reversed" in note_type and "optional" not in note_type
    values = []
    for name, value in _split_fields(text):
        if value and name == _ADD_REVERSE_FIELD:
            two_way = True
        elif value:
            values.append(value)
    is_cloze = "cloze" in note_type.casefold()
    if len(values) < (1 if is_cloze else 2):
        return None
    return BlockCard(
        end_line,
        values[0],
        "\n".join(values[1:]),
        form_description,
        two_way=two_way,
        is_cloze=is_cloze,
        tags=tuple(tags.split()),
        is_declared=True,
    )


def _split_fields(text: str) -> Iterator[Pair]:
    """Yield the (name, value) pairs of a card. The name of the first field may be omitted."""
    second_field = _SECOND_FIELD.search(text)
    if second_field:
        # all before it is the front, also lines such as `In Java: what is null?`
        front = _FIRST_FIELD.sub("", text[: second_field.start()].strip())
        yield "", front.strip()
        text = text[second_field.start() :]
    first_value, *named = _FIELD_NAME.split(text)
    if not second_field:
        yield "", first_value.strip()
    for name, value in zip(named[::2], named[1::2], strict=True):
        yield name, value.strip()


@lru_cache(maxsize=8)
def _compile_inline_fields(field_words: FieldKeywords) -> re.Pattern[str]:
    """Compile a pattern that matches one-line cards like `STARTI [Basic] front Back: back ENDI`."""
    if not (field_words.begin_inline and field_words.end_inline):
        return re.compile("(?!)")
    begin = re.escape(field_words.begin_inline)
    end = re.escape(field_words.end_inline)
    return re.compile(rf"{begin}[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*{end}")
