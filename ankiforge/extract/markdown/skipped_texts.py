"""Find text in a note that resembles a highlight or card but was skipped.

To find everything that the parser may have missed, `syntaxes.LOOKALIKE` searches the source
independently of the parser. Each match outside the highlights of its block is reported with a
reason. Cards of other tools are recognised by what the tool writes next to them, such as the
id of a note in Anki. The command `list --no-card --all` shows all of these.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from ankiforge.extract.markdown import KindsToRead
from ankiforge.extract.markdown.blocks import Block, BlockKind
from ankiforge.extract.markdown.hand_written import find_card_sides
from ankiforge.extract.markdown.placeholders import HiddenPart, find_hidden_parts
from ankiforge.extract.markdown.surroundings import PlacedHighlight
from ankiforge.extract.markdown.syntaxes import (
    FORM_BY_KEY,
    LOOKALIKE,
    MAX_INNER_CHARS,
    TOOL_FORMS,
    UNCLOSED_FORMS,
    NoteSyntax,
    may_contain_cards_of_other_tools,
    may_contain_skipped_texts,
)
from ankiforge.model import (
    CARD_IN_HEADING,
    CODE_AND_MATHS,
    Highlight,
    HighlightForm,
    HighlightKind,
    SkippedText,
)
from ankiforge.text import regex
from ankiforge.text.normalize import MATH_PATTERN

_TOOL_SIGNS = [(tool, regex(tool.sign)) for tool in TOOL_FORMS]

# --- marks and cards --------------------------------------------------------------------

# The first character of a candidate or separator. Line starts are tried too if
# `_LINE_LOOKALIKE` matches. Searching for these positions is much faster than trying all of
# `LOOKALIKE` at each character.
_START_CHARACTER = regex(r"[=＝<~{:：]")
_START_CHARACTER_OR_LINE = regex(r"(?m)[=＝<~{:：]|^")
_LINE_LOOKALIKE = regex(
    r"(?m)[?\[#QF:](?:(?<=\?)[ \t]*$|(?<=\[)!|(?<=\#)card|(?<=[QF]):|(?<=ls-type:):)"
)
# The forms with an opening and a closing marker.
_PAIRED_FORMS = ("mark", "html", "colour", "gap")
_GAP_NAME = regex(r"\A(?:[cC]\d{1,3}(?:,\d{1,3})*[ ]?::?|\d{1,3}::|cloze\s+)")
_HTML_TAG = regex(r"<[^<>\n]*>")
_MATHS = regex(MATH_PATTERN)
_WORD = regex(r"\w+")
_UNPAIRED_REASON = "its other half is missing in the paragraph"
_HEADING_REASON = "a heading cannot be a card: write it on a line of text, or in a list"
_UNDERLINED_REASON = (
    "the line below makes it a heading, which cannot be a card: put an empty line between"
)
_SEVERAL_SEPARATORS_REASON = (
    "its line has several `::`: for a card, put spaces around the one between its sides"
)
# The properties that Logseq itself writes below a block.
_LOGSEQ_OWN_PROPERTY = regex(r"(?<![^\s*_])(?:id|collapsed|logseq\.[\w.-]+)::\Z")
# Why a candidate isn't read in each kind of hidden part, as shown to the user.
_HIDDEN_PART_REASONS = {
    "comment": "it is in a comment, which readers of the note do not see",
    "program": "it is in a template command",
    "field": "`key:: value` alone on a line is a field, as Dataview and Logseq have them",
    "data": "a plug-in for flashcards keeps its own data there",
    "definition": "it is in the URL of a link",
}


class _Candidate(NamedTuple):
    """Text that resembles a highlight or card, and may be one."""

    form: NoteSyntax
    is_unclosed: bool
    """Whether the text is a marker without its other half."""
    line: int
    """The line number, counted from 0."""
    words: str
    """The casefolded letters and digits between the markers."""
    start: int
    """[start, end) is the span of the match in the note's source."""
    end: int


def is_note_of_other_tool(text: str) -> bool:
    """Return whether a note belongs entirely to another tool, so that none of it is read."""
    if not may_contain_cards_of_other_tools(text):
        return False
    return any(tool.covers_note and sign.search(text) for tool, sign in _TOOL_SIGNS)


class ParsedParts(NamedTuple):
    """What is known of a note that was parsed."""

    hidden_parts: Sequence[HiddenPart]
    """The parts of the note in which highlights are not read."""
    blocks: Sequence[Block] = ()
    highlights: Sequence[PlacedHighlight] = ()


def find_skipped_texts(
    text: str, front_lines: int, kinds: KindsToRead, parsed: ParsedParts | None = None
) -> tuple[SkippedText, ...]:
    """Find text that resembles a highlight or card but became neither, with the reason.

    Args:
        text: The note including its front matter.
        front_lines: The number of lines of front matter.
        kinds: The kinds of highlights and cards to read.
        parsed: The parts of the note, or None if it was not parsed.
    """
    if not may_contain_skipped_texts(text):
        return ()
    skipped_texts: list[SkippedText] = []
    if is_note_of_other_tool(text):
        return tuple(_iter_unread_tool_cards(text, ()))
    lines = text.split("\n")
    front = "\n".join(lines[:front_lines])
    lines_text = _format_line_numbers(range(front_lines))
    if front and LOOKALIKE.search(front):
        reason = "it describes the note, so no card is read there"
        skipped_texts.append(SkippedText("front matter", lines_text, reason))

    # replace the front matter by empty lines, so that line numbers stay the same
    body = "\n" * front_lines + "\n".join(lines[front_lines:])
    if parsed is None:
        parsed = ParsedParts(
            tuple(find_hidden_parts(body, include_fields=kinds.reads_fields))
        )
    hidden = list(parsed.hidden_parts)
    if "$" in body:
        hidden += [(*maths.span(), "code") for maths in _MATHS.finditer(body)]
    hidden.sort()
    highlight_index = _HighlightIndex(body, parsed.blocks, parsed.highlights)
    if may_contain_cards_of_other_tools(text):
        skipped_texts += _iter_unread_tool_cards(text, highlight_index.lines)
    code_lines = []
    unselected_lines = defaultdict[tuple[str, str], list[int]](list)
    """Maps each disabled kind, with the option that would enable it, to the lines it is on."""
    candidates = list(_iter_candidates(body))
    separator_counts = Counter(
        each.line for each in candidates if each.form.key == "line"
    )
    separator_lines = set[int]()
    """The lines for which a separator `::` was already reported. Only one per line is."""
    for candidate in candidates:
        hidden_kind = _find_hidden_kind(hidden, candidate.start)
        if hidden_kind == "code" or highlight_index.is_code_line(candidate.line):
            code_lines.append(candidate.line)
            continue
        if highlight_index.has_highlight_for(candidate):
            continue
        if hidden_kind == "quote_label":
            continue
        if hidden_kind == "field":
            begin = max(candidate.start - 80, 0)
            if _LOGSEQ_OWN_PROPERTY.search(body, begin, candidate.end):
                continue
        form = candidate.form
        name = form.name
        reason = ""
        if form.setting:
            reason = highlight_index.find_rejection_reason(candidate, hidden_kind)
        selected = {"marks": kinds.marks, "cards": kinds.cards}.get(form.setting, ())
        if form.setting and not reason and form.value not in selected:
            option = f"{form.setting}: […, {form.value}]"
            unselected_lines[name, option].append(candidate.line)
            continue
        if form.key == "line" and not reason:
            if candidate.line in separator_lines:
                continue
            separator_lines.add(candidate.line)
            heading_reason = highlight_index.explain_card_in_heading(candidate)
            if heading_reason:
                name, reason = CARD_IN_HEADING, heading_reason
            elif separator_counts[candidate.line] > 1:
                reason = _SEVERAL_SEPARATORS_REASON
        line_text = f"line {candidate.line + 1}"
        skipped_texts.append(SkippedText(name, line_text, reason or form.reason))

    skipped_texts += _explain_unselected(unselected_lines)
    if code_lines:
        reason = "marks and cards are not read in code and maths"
        lines_text = _format_line_numbers(code_lines)
        skipped_texts.append(SkippedText(CODE_AND_MATHS, lines_text, reason))
    return tuple(skipped_texts)


def _find_hidden_kind(hidden_parts: Sequence[HiddenPart], offset: int) -> str:
    """Return the kind of the hidden part at an offset, or "". The parts must be sorted."""
    kind = ""
    # inline maths may be inside another part, so check the last two before the offset
    index = bisect_right(hidden_parts, offset, key=itemgetter(0))
    for _, end, part_kind in hidden_parts[max(index - 2, 0) : index]:
        kind = part_kind if offset < end else kind
    return kind


def _explain_unselected(
    unselected_lines: Mapping[tuple[str, str], Sequence[int]],
) -> Iterator[SkippedText]:
    """Yield one entry for each kind that the settings disable, because a note may have hundreds.

    `unselected_lines` are the lines with each kind and the option that would enable it.
    """
    for (name, option), numbers in unselected_lines.items():
        reason = f"your settings do not read it; to read it: `{option}`"
        if len(numbers) > 1:
            count = f"{len(numbers):,} of them"
            reason = f"your settings do not read {count}; to read them: `{option}`"
        yield SkippedText(name, _format_line_numbers(numbers), reason)


def _iter_candidates(body: str) -> Iterator[_Candidate]:
    line = 0
    counted_until = 0
    position = 0
    gap_end = 0
    inner_end = 0
    pattern = _START_CHARACTER
    if _LINE_LOOKALIKE.search(body):
        pattern = _START_CHARACTER_OR_LINE
    while True:
        starts = pattern.finditer(body, position)
        matches = (LOOKALIKE.match(body, start.start()) for start in starts)
        match = next(filter(None, matches), None)
        if match is None:
            return
        group = str(match.lastgroup)
        position = match.end()
        if group == "line" and match.start() < gap_end:
            continue
        if group == "open" and match.start() < inner_end:
            continue
        if group == "gap":
            gap_end = match.end()
        # continue inside this match, because it may contain another one
        if group in _PAIRED_FORMS:
            inner_end = max(inner_end, match.end())
            position = match.start() + 2
        elif group == "tagged":
            position = match.start() + 1
        line += body.count("\n", counted_until, match.start())
        counted_until = match.start()
        key = UNCLOSED_FORMS[match[0][0]] if group == "open" else group
        words = _normalize_words(_GAP_NAME.sub("", match[group]))
        form = FORM_BY_KEY[key]
        yield _Candidate(form, group == "open", line, words, *match.span())


def _normalize_words(text: str) -> str:
    """Reduce a text to its letters and digits, casefolded and without HTML tags."""
    return "".join(_WORD.findall(_HTML_TAG.sub("", text).casefold()))


def _format_line_numbers(numbers: Iterable[int]) -> str:
    """Format zero-based line numbers for display, counting from 1, e.g. `lines 1-3, 7`."""
    distinct = sorted({number + 1 for number in numbers})
    spans = []
    # consecutive numbers have the same difference to their index
    for _, pairs in groupby(enumerate(distinct), lambda pair: pair[1] - pair[0]):
        run = [str(number) for _, number in pairs]
        spans.append(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}")
    return f"{'line' if len(distinct) == 1 else 'lines'} {', '.join(spans)}"


def _covers_candidate(
    placed_highlight: PlacedHighlight, candidate: _Candidate, block: Block
) -> bool:
    highlight = placed_highlight.highlight
    if block.kind is not BlockKind.CELL:
        if highlight.kind is HighlightKind.CARD:
            return True
        if (
            candidate.words
            and placed_highlight.start == 0
            and placed_highlight.end == len(block.plain_text)
        ):
            return True
    return bool(candidate.words) and candidate.words in _normalize_highlight(highlight)


@lru_cache(maxsize=64)  # called for each candidate of a block
def _normalize_highlight(highlight: Highlight) -> str:
    return _normalize_words(" ".join((highlight.exact, *highlight.markdown)))


def _is_on_two_sided_card(
    placed_highlight: PlacedHighlight, candidate: _Candidate
) -> bool:
    """Return whether a cloze deletion is on a two-sided card, where nothing is blanked out."""
    highlight = placed_highlight.highlight
    if candidate.form.key != "gap" or highlight.kind is not HighlightKind.CARD:
        return False
    has_gaps = "{{" in "".join(highlight.markdown)
    return highlight.form is not HighlightForm.CLOZE and not has_gaps


def _is_parsed_mark(candidate: _Candidate, block: Block) -> bool:
    for phrase in block.inline_text.marked_phrases:
        if candidate.is_unclosed:
            # an opening marker may begin a phrase that is too long for `LOOKALIKE` to match
            if 2 * (phrase.end - phrase.start) >= MAX_INNER_CHARS:
                return True
        elif candidate.form.key in _PAIRED_FORMS:
            text = _normalize_words(block.inline_text.plain[phrase.start : phrase.end])
            if text and (text in candidate.words or candidate.words in text):
                return True
    return False


class _HighlightIndex:
    """Index of the blocks on each line of a note, and of the highlights in each block."""

    def __init__(
        self, body: str, blocks: Sequence[Block], highlights: Iterable[PlacedHighlight]
    ) -> None:
        self._body = body
        self._blocks_at: dict[int, list[Block]] = defaultdict(list)
        """Maps each line to the blocks on it."""
        self._highlights_in: dict[Block, list[PlacedHighlight]] = defaultdict(list)
        """Maps each block to the highlights that include it."""
        for block in blocks:
            for line in range(*block.lines):
                self._blocks_at[line].append(block)
        for highlight in highlights:
            for block in highlight.get_blocks(blocks):
                self._highlights_in[block].append(highlight)
        self.lines: set[int] = set()
        """The lines of all highlights, and the line below each, where other tools write their
        ids."""
        for block in self._highlights_in:
            first, end = block.lines
            self.lines.update(range(first, end + 1))
        self._quotes = {quote for block in self._highlights_in for quote in block.quotes}
        """The block quotes that contain a highlight."""

    def is_code_line(self, line: int) -> bool:
        blocks = self._blocks_at[line]
        return bool(blocks) and all(block.kind is BlockKind.CODE for block in blocks)

    def has_highlight_for(self, candidate: _Candidate) -> bool:
        if candidate.form.key == "callout":
            # if the title has no text, the callout begins with the block on the next line
            line = candidate.line
            blocks = self._blocks_at[line] or self._blocks_at[line + 1]
            quotes = {block.quotes[-1] for block in blocks if block.quotes}
            if not quotes.isdisjoint(self._quotes):
                return True
        for block in self._blocks_at[candidate.line]:
            placed = self._highlights_in.get(block, ())
            if any(_is_on_two_sided_card(highlight, candidate) for highlight in placed):
                return False
            if any(
                _covers_candidate(highlight, candidate, block) for highlight in placed
            ):
                return True
            # the candidate may also mark a phrase in a block that has highlights
            if (
                placed
                and block.can_contain_highlights
                and _is_parsed_mark(candidate, block)
            ):
                return True
        return False

    def find_rejection_reason(self, candidate: _Candidate, hidden_kind: str) -> str:
        """Return why a candidate can't be a highlight or card at its position, or "" if it can.

        The position may be in a comment or field, or after a backslash. The candidate may also
        be an opening marker without a closing one.
        """
        if hidden_kind:
            return _HIDDEN_PART_REASONS[hidden_kind]
        if self._body[candidate.start - 1 : candidate.start] == "\\":
            return "a backslash before it makes it plain text"
        return _UNPAIRED_REASON if candidate.is_unclosed else ""

    def explain_card_in_heading(self, candidate: _Candidate) -> str:
        """Return why a card in a heading isn't read, or "" if the candidate isn't such a card."""
        blocks = self._blocks_at[candidate.line]
        headings = [block for block in blocks if block.kind is BlockKind.HEADING]
        if not any(
            find_card_sides(block.inline_text, block.syntax) for block in headings
        ):
            return ""
        line_start = self._body.rfind("\n", 0, candidate.start) + 1
        text = self._body[line_start : candidate.start].lstrip(" \t>-*+")
        return _HEADING_REASON if text.startswith("#") else _UNDERLINED_REASON


def _iter_unread_tool_cards(
    text: str, read_lines: Container[int]
) -> Iterator[SkippedText]:
    """Yield an entry for each card in another tool's format that didn't become a highlight.

    `read_lines` are the lines of all highlights, and the line below each of them.
    """
    padded = f"\n{text}"
    for tool, sign in _TOOL_SIGNS:
        if not any(part in padded for part in tool.literals):
            continue
        for match in sign.finditer(text):
            first = text.count("\n", 0, match.start())
            lines = range(first, first + match[0].count("\n") + 1)
            if not any(number in read_lines for number in lines):
                yield SkippedText(tool.name, f"line {first + 1}", tool.reason)
