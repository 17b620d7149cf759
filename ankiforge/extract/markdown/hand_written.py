"""Parse hand-written flashcards in the syntaxes of common note-taking plug-ins.

`CardSyntax` holds the syntaxes that a note uses. One-line cards are written as `front::back`
(`find_card_sides`) or `Term: definition` (`parse_definition`). Cards that cover several lines have
a line `?` between their sides, the tag `#card` after the question, the fields of Obsidian_to_Anki,
or the labels `Q:` and `A:`. `parse_block_card` parses these as a block rule of markdown-it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from textwrap import dedent
from typing import TYPE_CHECKING, NamedTuple

from ankiforge.extract.markdown.inline import InlineText
from ankiforge.extract.markdown.placeholders import COMMENT_FILLER
from ankiforge.extract.markdown.syntaxes import (
    BOLD_MARKER,
    CARD_TAG,
    QUESTION_LABEL,
    FieldKeywords,
)
from ankiforge.model import LETTERED_QUESTION, HighlightForm, Span, Strings
from ankiforge.text import regex
from ankiforge.text.colons import ColonMeaning, classify_colons
from ankiforge.text.sentences import trim_span

if TYPE_CHECKING:
    from markdown_it.rules_block import StateBlock


class CardSyntax(NamedTuple):
    """The syntaxes of cards that a note may use, from the settings of its plug-ins."""

    line_separators: Mapping[str, bool] = {":::": True, "::": False}
    """Maps each separator between the sides of a one-line card to whether the card is two-way."""
    block_separators: Mapping[str, bool] = {
        "?": False,
        "？": False,
        "??": True,
        "？？": True,
    }
    """Maps each line that may separate question and answer to whether the card is two-way."""
    answer_end_line: str = ""
    """The line that ends an answer, or "" if an empty line does."""
    cloze_markers: frozenset[str] = frozenset()
    """The markup of cloze deletions, as in `InlineContext.cloze_markers`."""
    field_words: FieldKeywords | None = None
    """The keywords around Obsidian_to_Anki cards, or None if such cards aren't read."""
    field_cloze_markers: frozenset[str] | None = None
    """The markup of cloze deletions in Obsidian_to_Anki cards, or None to use `cloze_markers`."""
    is_declared: bool = False
    """Whether the settings declare that the note contains a plug-in's cards."""
    reads_labels: bool = True
    """Whether to read cards labelled `Q:` and `A:`, and questions tagged `#card`."""
    deck_tags: Strings = ()
    """Casefolded tags that name the deck of the cards below, as do their subtags such as
    `flashcards/anatomy`."""
    default_deck: str = ""
    """The deck of cards above the first deck tag, or ""."""

    def find_deck(self, tags: Iterable[str]) -> str:
        """Return the deck that the first deck tag names, e.g. `a::b` for `#a/b`, or ""."""
        for tag in filter(self.is_deck_tag, tags):
            return "::".join(filter(None, tag.strip("#").split("/")))
        return ""

    def is_deck_tag(self, tag: str) -> bool:
        """Return whether `tag` sets the deck for the cards below it."""
        path = tag.strip("#/").casefold()
        if path in self.deck_tags:
            # a single deck tag only marks the note as containing cards
            return len(self.deck_tags) > 1
        return any(path.startswith(f"{deck}/") for deck in self.deck_tags)


class CardSides(NamedTuple):
    """The two sides of a one-line card, as spans in the plain text of its block."""

    front: Span
    back: Span
    form: HighlightForm
    separator: str = ""
    two_way: bool = False


# --- front::back ----------------------------------------------------------------------

_COLON_SEPARATOR = regex(r"(?<!:):{2,3}(?!:)")
FIELD_OR_TEMPLATE = regex(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]"
    r"|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}|｛｛[^｛｝\n]{0,400}｝｝"
)
"""Text with `::` that isn't a card: bracketed Dataview fields, such as `[due:: 2026-01-01]`,
and template variables in double braces."""
# The most separators to try on a line.
_MAX_SEPARATORS = 20
# Takes the place of a picture, which has no plain text, so that the colons in
# `What is this? ![[a.png]]::a node` don't seem to follow a space. Also takes the place
# of the edge of an HTML block, which would otherwise count as whitespace.
_PICTURE_PLACEHOLDER = "\N{OBJECT REPLACEMENT CHARACTER}"


def find_card_sides(inline: InlineText, syntax: CardSyntax) -> CardSides | None:
    """Find the sides of a one-line card such as `front::back`, or return None.

    Colons don't count as a separator in code, maths, links and bracketed fields, between
    identifiers (`std::vector`, `Foo::bar()`, `a::b::c`), after an unclosed `{{`, before an
    unopened `}}`, or in a Dataview field (`key:: value`). If there are several possible
    separators, the form is `INLINE_FIELD`, which lets the user decide.
    """
    text = inline.mask_markup().replace("：：", "::")
    if not any(separator in text for separator in syntax.line_separators):
        return None
    text = FIELD_OR_TEMPLATE.sub(lambda field: "…" * len(field[0]), text)
    cards = list(_iter_colon_cards(inline, text, syntax))
    if cards:
        # three colons certainly separate two sides, and so do two colons next to a space
        certain = [
            card
            for card in cards
            if card.separator == ":::" or card.back[0] - card.front[1] > 2
        ]
        best = [*certain, *cards][0]
        if len(cards) == 1 or len(certain) == 1:
            return best
        return best._replace(form=HighlightForm.INLINE_FIELD)

    own_separators = syntax.line_separators.keys() - {"::", ":::"}
    for separator in sorted(own_separators, key=len, reverse=True):
        start = text.find(separator)
        sides = _split_at_separator(inline, text, start, start + len(separator))
        if start >= 0 and sides:
            two_way = syntax.line_separators[separator]
            return CardSides(*sides, HighlightForm.INLINE, separator, two_way)
    return None


def _iter_colon_cards(
    inline: InlineText, text: str, syntax: CardSyntax
) -> Iterator[CardSides]:
    for colons in islice(_COLON_SEPARATOR.finditer(text), _MAX_SEPARATORS):
        separator = colons[0]
        start, end = colons.span()
        sides = _split_at_separator(inline, text, start, end)
        if separator not in syntax.line_separators or sides is None:
            continue
        # template braces around the colons
        if text.rfind("{{", 0, start) > text.rfind("}}", 0, start):
            continue
        next_closer = text.find("}}", end)
        if next_closer >= 0 and text.find("{{", end, next_closer) < 0:
            continue
        if any(link[0] <= start < link[1] for link, _ in inline.link_targets):
            continue
        front = text[:start]
        if inline.has_picture_or_edge_at(start):
            front += _PICTURE_PLACEHOLDER
        back = text[end:]
        if inline.has_picture_or_edge_at(end):
            back = _PICTURE_PLACEHOLDER + back
        meaning = classify_colons(front, separator, back, declared=syntax.is_declared)
        if meaning is ColonMeaning.NO_CARD:
            continue
        form = HighlightForm.INLINE
        if meaning is ColonMeaning.DOUBTFUL:
            form = HighlightForm.INLINE_FIELD
        yield CardSides(*sides, form, separator, syntax.line_separators[separator])


def _split_at_separator(
    inline: InlineText, text: str, start: int, end: int
) -> tuple[Span, Span] | None:
    front = trim_span(text, 0, start)
    back = trim_span(text, end, len(text))
    for first, last in (front, back):
        # a side may be just a picture, which has no plain text
        if first == last and not inline.render_range(first, last)[0]:
            return None
    return front, back


# --- Term: definition -----------------------------------------------------------------

_TERM_COLON = regex(r":(?=\s+\S)|：(?=\s*\S)")
_TERM_COLON_OR_DASH = regex(r":(?=\s+\S)|：(?=\s*\S)|(?<=\s)[–—-](?=\s)")
# The most words in a term.
_MAX_TERM_WORDS = 5


def parse_definition(
    inline: InlineText, mark_span: Span | None = None
) -> CardSides | None:
    """Parse text of the form `Term: definition`, or return None.

    Args:
        inline: The text to parse.
        mark_span: The span of the only highlight, if any. It must cover every word in the
            text. If so, a dash is accepted in place of the colon.
    """
    text = inline.plain if mark_span else inline.mask_markup()
    pattern = _TERM_COLON_OR_DASH if mark_span else _TERM_COLON
    if mark_span and re.search(r"\w", text[: mark_span[0]] + text[mark_span[1] :]):
        return None
    separator = pattern.search(text)
    if separator is None:
        return None
    front = trim_span(text, 0, separator.start())
    back = trim_span(text, separator.end(), len(text))
    term = text[slice(*front)]
    if not 1 <= len(term.split()) <= _MAX_TERM_WORDS:
        return None
    # URLs and times of day aren't terms
    if "://" in term or not any(map(str.isalpha, term)):
        return None
    return CardSides(front, back, HighlightForm.TERM)


# A bullet character that the writer typed on a line outside a Markdown list.
_TERM_BULLET = regex(r"\s*[•‣◦·▪●■–—]\s*")


def parse_definition_lines(
    inline: InlineText, *, is_item: bool
) -> list[tuple[Span, CardSides]] | None:
    """Parse text where every line is a definition of the form `Term: meaning`.

    Returns the span and sides of each line, or None if any line isn't a definition. Unless
    the text is a list item (`is_item`), each line needs a bullet or a bold term, since it
    could be dialogue otherwise.
    """
    text = inline.mask_markup()
    lines = []
    for start, end in inline.find_lines():
        bullet = _TERM_BULLET.match(text, start, end)
        colon = _TERM_COLON.search(text, start, end)
        if colon is None:
            return None
        front = trim_span(text, bullet.end() if bullet else start, colon.start())
        back = trim_span(text, colon.end(), end)
        meaning = text[slice(*back)]
        if not (is_item or bullet or inline.is_bold(*front)):
            return None
        if not 1 <= len(text[slice(*front)].split()) <= _MAX_TERM_WORDS:
            return None
        if "://" in meaning or not any(map(str.isalpha, meaning)):
            return None
        lines.append(((start, end), CardSides(front, back, HighlightForm.GLOSSARY)))
    return lines


# --- cards over several lines -------------------------------------------------------------


class BlockCard(NamedTuple):
    """The Markdown source of a multi-line card."""

    end_line: int
    """The number of the line after the card."""
    front: str
    back: str
    form_description: str = ""
    """The markup that makes this a card, such as the separator line, as shown to the user."""
    two_way: bool = False
    is_cloze: bool = False
    tags: Strings = ()
    has_further_separators: bool = False
    """Whether the answer contains another separator line."""
    is_declared: bool = False
    """Whether the markup alone declares this a card, regardless of the settings."""
    labels: Strings = ()
    """The labels of the two sides, such as `Q` and `A`. They are part of the plain text."""


# --- where a card may begin -----------------------------------------------------------


def find_card_lines(text: str, syntax: CardSyntax) -> list[int]:
    """Return the numbers of the lines that indicate a multi-line card, such as separators.

    A block is only a multi-line card if such a line is among the first `_MAX_LINES` from its start.
    """
    patterns = [rf"{re.escape(each)}[ \t]*$" for each in syntax.block_separators]
    words = syntax.field_words
    if words and words.begin and f"\n{words.end}" in text:
        patterns.append(rf"{re.escape(words.begin)}[ \t]*$")
    if words and words.begin_inline:
        patterns.append(rf"{re.escape(words.begin_inline)}[ \t]")
    if syntax.reads_labels:
        patterns.append(QUESTION_LABEL.replace("?P<label>", "?:"))
        if "#card" in text or "[[card]]" in text:
            patterns.append(rf".*{CARD_TAG}")
    if not patterns:
        return []
    pattern = re.compile(rf"[ \t>]*(?:{'|'.join(patterns)})")
    lines = enumerate(text.split("\n"))
    return [number for number, line in lines if pattern.match(line)]


def parse_block_card(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a multi-line card (a markdown-it block rule).

    `state.env` holds the note's `syntax`, the `card_lines` from `find_card_lines`, and a
    function `is_card` that returns whether a line is a card by itself.
    """
    card_lines: list[int] = state.env.get("card_lines", [])
    next_card_line = bisect_left(card_lines, start)
    search_end = min(end, start + _MAX_LINES)
    if next_card_line == len(card_lines) or card_lines[next_card_line] >= search_end:
        return False
    parser = _CardParser(state, state.env["syntax"], state.env["is_card"], end)
    card = parser.parse_card(start)
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
    begins_card = _LIST_MARKER.match(line) and (
        _CARD_TAG.search(line) or _QUESTION_LABEL.match(line)
    )
    return bool(begins_card) and parse_block_card(state, start, end, silent)


# The labels of a question and its answer (`Q:` and `A:`) or of the front and back of a
# card (`F:` and `B:`).
_QUESTION_LABEL = regex(QUESTION_LABEL)
_ANSWER_LABEL = regex(
    rf"(?:(?<=[\s？])|^)(?:[-*+]\s+)?{BOLD_MARKER}(?P<label>(?:A|Answer|B|Antwort|答)\s?\d{{0,4}})"
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
_FLASHCARDS_ID = regex(r"(?:^|[ \t])\^\d{13}[ \t]*$")


@dataclass(slots=True)
class _CardParser:
    """Parses the card that begins at a given line of a markdown-it block state."""

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
            text = self.get_line(line)
            if self.state.isEmpty(line) or self._is_outside_container(line):
                return line
            may_be_heading = is_question and line == first
            may_be_heading |= _get_heading_level(text) > max_heading_level
            if not may_be_heading and _HEADING_OR_RULE.match(text):
                return line
            if is_question and self._is_separator(line):
                return line
        return last

    def _iter_lines_outside_fences(self, first: int, last: int) -> Iterator[int]:
        fence = ""
        for line in range(first, last):
            text = self.get_line(line)
            if fence:
                if text == text[:1] * len(text) and text.startswith(fence):
                    fence = ""
                continue
            fence_start = _FENCE.match(text)
            if fence_start:
                fence = fence_start[0]
                continue
            yield line

    def _is_outside_container(self, line: int) -> bool:
        return self.state.sCount[line] < self.state.blkIndent

    def _is_separator(self, line: int) -> bool:
        indent = self.state.sCount[line] - self.state.blkIndent
        return self.get_line(line) in self.syntax.block_separators and indent < 4

    # --- cards

    def parse_card(self, start: int) -> BlockCard | None:
        """Parse the card that begins at line `start`, or return None if there is none."""
        words = self.syntax.field_words
        card = self.parse_fields_card(start)
        if card or (words and self.get_line(start) == words.begin):
            return card
        card = self.parse_tagged_card(start) or self.parse_separated_card(start)
        card_lines: Sequence[int] = self.state.env["card_lines"]  # sorted, may be long
        if card or bisect_left(card_lines, start) == bisect_right(card_lines, start):
            return card
        return self.parse_labelled_card(start)

    def _has_line_card(self, lines: Iterable[int]) -> bool:
        return any(self.is_card(self.get_line(line)) for line in lines)

    def parse_separated_card(self, start: int) -> BlockCard | None:
        """Parse a card whose question and answer are separated by a line such as `?`."""
        middle = self.find_text_end(start, is_question=True)
        if not start < middle < self.end or not self._is_separator(middle):
            return None
        text = self.get_line(start)
        indents = self.state.sCount
        if _LIST_MARKER.match(text) and indents[middle] > indents[start]:
            return None  # the separator is inside the list item, and so is the card
        if start + 1 < middle:
            # the question may begin below the first line
            if _BLOCK_START.match(text) or self._has_line_card(range(start, middle)):
                return None
        answer_end = card_end = self.find_text_end(middle + 1)
        if self.syntax.answer_end_line:
            answer_end = self._find_line(
                self.syntax.answer_end_line, middle + 1, self.end
            )
            card_end = min(answer_end + 1, self.end)
        separator = self.get_line(middle)
        answer_lines = self._iter_lines_outside_fences(middle + 1, answer_end)
        return _require_both_sides(
            BlockCard(
                card_end,
                _strip_block_marker(self.get_lines(start, middle)),
                self.get_lines(middle + 1, answer_end),
                separator,
                two_way=self.syntax.block_separators[separator],
                has_further_separators=any(map(self._is_separator, answer_lines)),
            )
        )

    def _find_line(self, text: str, first: int, last: int) -> int:
        """Return the number of the first line in [first, last) that equals `text`, or `last`."""
        lines = range(first, last)
        return next((line for line in lines if self.get_line(line) == text), last)

    def parse_tagged_card(self, start: int) -> BlockCard | None:
        """Parse a question tagged `#card`, with the answer below.

        In a list item, the tag may be anywhere, as in Logseq, and the nested items are the
        answer. Elsewhere, only tags may follow on its line, and the answer is the text below.
        """
        if not self.syntax.reads_labels:
            return None
        is_item = bool(_LIST_MARKER.match(self.get_line(start)))
        last_line = start + 1 if is_item else self.find_text_end(start, is_question=True)
        for line in range(start, last_line):
            text = self.get_line(line)
            tag = (_CARD_TAG if is_item else _QUESTION_TAG).search(text)
            if tag and "{{" in text:
                return None  # the gaps alone make this a card
            if _FENCE.match(text) or (line > start and _LIST_MARKER.match(text)):
                return None
            if tag:
                break
        else:
            return None
        level = _get_heading_level(text) if line == start else 0
        without_tag = text[: tag.start()].rstrip(" \t") + text[tag.end() :]
        question = [self.get_lines(start, line), without_tag]
        if is_item:
            further_lines, answer, card_end = self._read_nested_lines(start)
            question += further_lines
        else:
            first = line + 1
            if first == last_line:
                # the answer may be the next paragraph or, under a heading, its section
                first = self.state.skipEmptyLines(first)
                last_line = self.find_text_end(first, max_heading_level=level or 6)
            card_end = last_line
            for line in range(first, last_line):
                # the answer ends after its id or before the next question
                if _FLASHCARDS_ID.search(self.get_line(line)):
                    card_end = line + 1
                    break
                if _QUESTION_TAG.search(self.get_line(line)):
                    card_end = line
                    break
            answer = self.get_lines(first, card_end)
        return _require_both_sides(
            BlockCard(
                card_end,
                _strip_block_marker("\n".join(filter(None, question))),
                dedent(answer),
                form_description=f"#card{tag['reverse'] or ''}",
                two_way=bool(tag["reverse"]),
            )
        )

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
            if self.state.sCount[line] <= self.state.sCount[start]:
                break
            if _LIST_MARKER.match(text) and _CARD_TAG.search(text):
                break
            end = line + 1
            if text in ("-", "*", "+") or _LOGSEQ_PROPERTY.match(text):
                continue
            if nested_lines or _LIST_MARKER.match(text):
                nested_lines.append(self.get_lines(line, line + 1))
            else:
                further_lines.append(text)
        if not nested_lines:
            return [], "\n".join(further_lines), end
        return further_lines, "\n".join(nested_lines), end

    def parse_labelled_card(self, start: int) -> BlockCard | None:
        """Parse a card whose sides are labelled, e.g. `Q:` and `A:`."""
        question_label = _QUESTION_LABEL.match(self.get_line(start))
        if question_label is None:
            return None
        answer = self._find_answer(start, question_label)
        if answer is None:
            return None
        answer_line, answer_label = answer
        answer_text = self.get_line(answer_line)

        # read up to the next question, or to the end of the list item
        next_line = answer_line + 1
        if answer_label.end() == len(answer_text):
            next_line = self.state.skipEmptyLines(next_line)  # the answer begins below
        card_end = max(next_line, self.find_text_end(next_line))
        indents = self.state.sCount
        is_item = _LIST_MARKER.match(self.get_line(start))
        for line in range(next_line, card_end):
            leaves_item = is_item and indents[line] <= indents[start]
            if leaves_item or self._is_question_start(line):
                card_end = line
                break
        question_parts = [
            *map(self.get_line, range(start, answer_line)),
            answer_text[: answer_label.start()],
        ]
        answer_parts = [
            answer_text[answer_label.end() :],
            dedent(self.get_lines(answer_line + 1, card_end)),
        ]
        return _require_both_sides(
            BlockCard(
                card_end,
                "\n".join(question_parts)[question_label.end() :].strip(),
                "\n".join(filter(None, answer_parts)),
                form_description=LETTERED_QUESTION,
                labels=(question_label["label"], answer_label["label"]),
            )
        )

    def _find_answer(
        self, start: int, question: re.Match[str]
    ) -> tuple[int, re.Match[str]] | None:
        """Find the answer to a question. Paragraphs above the answer belong to the question.

        Returns:
            (line number, match of the answer's label), or None if there is no answer.
        """
        is_item = _LIST_MARKER.match(self.get_line(start))
        first = start
        while first < self.end and not self._is_outside_container(first):
            last = self.find_text_end(first)
            for line in range(first, last):
                text = self.get_line(line)
                if line > start and self._is_question_start(line):
                    return None
                # `B:` only answers questions labelled `F:`
                labels = list(_ANSWER_LABEL.finditer(text))
                if not question["label"].startswith("F"):
                    labels = [each for each in labels if each["label"][0] != "B"]
                # below the first paragraph, the label must begin its line
                if not labels or (labels[0].start() > 0 and first > start):
                    continue
                if first == start < line and not is_item and _LIST_MARKER.match(text):
                    return None
                return line, labels[0]
            first = self.state.skipEmptyLines(last)
            if first == last or first - start > _MAX_LINES:
                break
        return None

    def _is_question_start(self, line: int) -> bool:
        return _QUESTION_LABEL.match(self.get_line(line)) is not None

    def parse_fields_card(self, start: int) -> BlockCard | None:
        """Parse the Obsidian_to_Anki card that begins at line `start`, or return None."""
        words = self.syntax.field_words
        if words is None:
            return None
        line_text = self.get_line(start)
        inline_card_match = _compile_inline_fields(words).fullmatch(line_text)
        end_line = start
        form_description = words.begin_inline
        if words.begin and line_text == words.begin:
            # the card is between START and END, and its first line is the note type
            search_end = min(self.end, start + _MAX_LINES)
            end_line = self._find_line(words.end, start + 1, search_end)
            if end_line == search_end:
                return None
            source = self.get_lines(start + 1, end_line)
            note_type, _, text = source.strip().partition("\n")
            form_description = f"{words.begin} … {words.end}"
        elif inline_card_match:
            note_type, text = inline_card_match.groups()
        else:
            return None

        # the name of the first field may be omitted
        without_id = _ID_OR_COMMENT.sub("", text)
        text, _, tags = _TAGS_LABEL.sub("\0", without_id).partition("\0")
        parts = ["", *_FIELD_NAME.split(text)]
        if second_field := _SECOND_FIELD.search(text):
            # all before it is the front, also lines such as `In Java: what is null?`
            start = second_field.start()
            front = _FIRST_FIELD.sub("", text[:start].strip())
            parts = ["", front, *_FIELD_NAME.split(text[start:])[1:]]
        two_way = "reversed" in note_type and "optional" not in note_type
        values = []
        for name, value in zip(parts[::2], map(str.strip, parts[1::2]), strict=True):
            if value and name == _ADD_REVERSE_FIELD:
                two_way = True
            elif value:
                values.append(value)
        is_cloze = "cloze" in note_type.casefold()
        if len(values) < (1 if is_cloze else 2):
            return None
        return BlockCard(
            end_line + 1,
            values[0],
            "\n".join(values[1:]),
            form_description,
            two_way=two_way,
            is_cloze=is_cloze,
            tags=tuple(tags.split()),
            is_declared=True,
        )


def _require_both_sides(card: BlockCard) -> BlockCard | None:
    has_both = card.front.strip(_BLANK_CHARS) and card.back.strip(_BLANK_CHARS)
    return card if has_both else None


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


@lru_cache(maxsize=8)
def _compile_inline_fields(field_words: FieldKeywords) -> re.Pattern[str]:
    """Compile a pattern that matches one-line cards like `STARTI [Basic] front Back: back ENDI`."""
    if not (field_words.begin_inline and field_words.end_inline):
        return re.compile("(?!)")
    begin = re.escape(field_words.begin_inline)
    end = re.escape(field_words.end_inline)
    return re.compile(rf"{begin}[ \t]*\[([^\[\]\n]+)\][ \t]*(.*?)[ \t]*{end}")
