r"""Parse and write our Markdown, including cloze deletions such as `{{c1::answer::hint}}`.

Cloze deletions may be nested and may have several numbers (`{{c1,2::…}}`), but don't occur inside
escapes, code or maths. Elsewhere, `\` escapes `{`, `}` and `:`, and single braces must balance.
Anki's grammar differs; `anki.render` converts to it. Other markup: paragraphs, emphasis, code,
fences, lists, tables, links, images or sounds, `$maths$`, `$$display$$`, `<b>`, `<i>`, `<u>`,
`<s>`, `<sub>`, `<sup>`, and `<br>` in table cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.model import Pair, Span, Strings, Value
from ankiforge.text import regex
from ankiforge.text.normalize import (
    convert_to_dollar_math,
    find_literal_spans,
    has_visible_text,
    map_outside_literal_spans,
    split_at_literal_spans,
)

# --- parsing --------------------------------------------------------------------------

_CLOZE_TOKEN = regex(r"\{\{c(\d+(?:,\d+)*)::|::|[{}]")
MAX_CLOZE_NUMBER = 500
"""The highest cloze number for which Anki generates a card."""


class Cloze(Value):
    """A cloze deletion, e.g. `{{c1::answer::hint}}`."""

    numbers: tuple[int, ...]
    answer: str
    """The answer, in Markdown."""
    hint: str
    """The hint, in Markdown, or ""."""
    start: int
    """The offset of the opening `{{`."""
    end: int
    """The offset after the closing `}}`."""
    answer_start: int
    """The offset of the answer."""


# How deep cloze deletions may be nested. Deeper ones are literal text.
_MAX_CLOZE_DEPTH = 20


@lru_cache(maxsize=1024)  # for all steps of a batch of drafts
def find_clozes(markdown: str) -> tuple[Cloze, ...]:
    """Find all well-formed cloze deletions, including nested ones, ordered by start."""
    if "{{c" not in markdown:
        return ()
    closed, _ = _parse_clozes(markdown)
    return tuple(sorted(closed, key=lambda gap: gap.start))


def split_around_clozes(
    markdown: str, clozes: tuple[Cloze, ...]
) -> Iterator[tuple[str, Cloze | None]]:
    """Split a text around its outermost cloze deletions.

    Yields:
        (text before, cloze deletion) for each of them, and finally (remaining text, None).
    """
    position = 0
    for cloze in clozes:
        if cloze.start >= position:  # otherwise it is nested in the previous one
            yield markdown[position : cloze.start], cloze
            position = cloze.end
    yield markdown[position:], None


def find_cloze_numbers(markdown: str) -> tuple[int, ...]:
    """Return the distinct cloze numbers in `markdown`, in ascending order."""
    numbers: set[int] = set()
    for gap in find_clozes(markdown):
        numbers.update(gap.numbers)
    return tuple(sorted(numbers))


def find_cloze_problems(markdown: str) -> Iterator[str]:
    """Yield a message for each invalid cloze deletion.

    A text without any cloze deletion gets a message, too.
    """
    closed, unclosed = _parse_clozes(markdown)
    if unclosed:
        yield f"a cloze opened at character {unclosed[0]} is never closed"
    elif not closed:
        yield "no cloze in the text"
    for gap in closed:
        if not has_visible_text(gap.answer):
            yield "a cloze is empty"
        if min(gap.numbers) < 1 or max(gap.numbers) > MAX_CLOZE_NUMBER:
            yield f"cloze numbers go from 1 to {MAX_CLOZE_NUMBER}"


@dataclass(slots=True)
class _OpenCloze:
    """A cloze deletion whose end isn't found yet."""

    numbers: tuple[int, ...]
    start: int
    """The offset of the opening `{{`."""
    answer_start: int
    brace_depth: int = 0
    """The number of single braces still open inside the cloze deletion."""
    separator: int | None = None
    """The offset of the `::` before the hint, or None if there is none so far."""

    def read_sign(self, sign: str, offset: int) -> None:
        """Take note of a `{`, `}` or `::` inside the cloze deletion."""
        if sign == "{":
            self.brace_depth += 1
        elif sign == "}":  # at depth 0 a single brace is literal
            self.brace_depth = max(self.brace_depth - 1, 0)
        elif not self.brace_depth and self.separator is None:
            self.separator = offset

    def close(self, markdown: str, offset: int) -> Cloze:
        """Create the cloze deletion, given the offset of the `}}` at its end."""
        answer_end, hint = offset, ""
        if self.separator is not None:
            answer_end, hint = self.separator, markdown[self.separator + 2 : offset]
        return Cloze(
            self.numbers,
            answer=markdown[self.answer_start : answer_end],
            hint=hint,
            start=self.start,
            end=offset + 2,
            answer_start=self.answer_start,
        )


@lru_cache(maxsize=16)  # called for a card's problems, then for its gaps
def _parse_clozes(markdown: str) -> tuple[tuple[Cloze, ...], tuple[int, ...]]:
    """Parse the cloze deletions in `markdown`.

    Returns the well-formed cloze deletions, ordered by end, and the offsets of those that are
    never closed.
    """
    closed: list[Cloze] = []
    open_clozes: list[_OpenCloze] = []  # the innermost last
    previous_end = 0  # of the last cloze deletion
    for token in _iter_cloze_tokens(markdown):
        offset = token.start()
        if token[1]:
            # parse at most 9 digits, which is more than any valid number has
            numbers = tuple(int(number[:9]) for number in token[1].split(","))
            open_clozes.append(_OpenCloze(numbers, offset, answer_start=token.end()))
            continue
        if not open_clozes or offset < previous_end:
            continue  # outside cloze deletions, or the second brace of `}}`
        innermost = open_clozes[-1]
        if innermost.brace_depth or not markdown.startswith("}}", offset):
            innermost.read_sign(token[0], offset)
            continue
        open_clozes.pop()
        previous_end = offset + 2
        if len(open_clozes) < _MAX_CLOZE_DEPTH:
            closed.append(innermost.close(markdown, offset))
    return tuple(closed), tuple([cloze.start for cloze in open_clozes])


def _iter_cloze_tokens(markdown: str) -> Iterator[re.Match[str]]:
    """Yield each `{{c1::`, `::`, `{` and `}` outside escapes, code and maths."""
    text_start = 0
    for literal_start, literal_end, _ in find_literal_spans(markdown):
        yield from _CLOZE_TOKEN.finditer(markdown, text_start, literal_start)
        text_start = literal_end
    yield from _CLOZE_TOKEN.finditer(markdown, text_start)


def reveal_answers(markdown: str, depth: int = 0) -> str:
    """Replace each cloze deletion, including nested ones, with its answer.

    `depth` is the current nesting level, used to limit recursion.
    """
    if depth == _MAX_CLOZE_DEPTH:
        return markdown
    parts: list[str] = []
    for text_before, gap in split_around_clozes(markdown, find_clozes(markdown)):
        parts.append(text_before)
        if gap:
            parts.append(reveal_answers(gap.answer, depth + 1))
    return "".join(parts)


# --- writing --------------------------------------------------------------------------


_BREAKS_CLOZE = regex(r"(?<=:):|^:|:$|[{}]")
_SECOND_BRACE = regex(r"(?<=\{)\{|(?<=\})\}")


def format_cloze(number: int, answer: str, hint: str = "") -> str:
    """Format a cloze deletion, escaping characters that would break its syntax."""
    body = _escape_cloze_syntax(answer)
    if hint:
        body += f"::{_escape_cloze_syntax(hint)}"
    return f"{{{{c{number}::{body}}}}}"


def _escape_cloze_syntax(markdown: str) -> str:
    return map_outside_literal_spans(
        markdown, lambda text: _BREAKS_CLOZE.sub(r"\\\g<0>", text)
    )


def add_clozes(markdown: str, spans: tuple[Span, ...]) -> str:
    """Turn each span of a text into a cloze deletion. They are numbered from 1 in text order."""
    parts = []
    position = 0
    for number, (start, end) in enumerate(sorted(spans), start=1):
        parts.append(escape_cloze_braces(markdown[position:start]))
        parts.append(format_cloze(number, markdown[start:end]))
        position = end
    parts.append(escape_cloze_braces(markdown[position:]))
    return "".join(parts)


def escape_cloze_braces(markdown: str) -> str:
    """Escape `{{` and `}}` so that they aren't parsed as cloze deletions."""
    return map_outside_literal_spans(
        markdown, lambda text: _SECOND_BRACE.sub(r"\\\g<0>", text)
    )


# --- plain text of Markdown, and Markdown of plain text -------------------------------

_LITERAL = regex(
    r"""(?mx)
      \\(?=[!-/:-@\[-`{-~]|$) | [`*<$\[]
    | (?<=\{)\{ | (?<=\})\} | (?<=:): | (?<==)= | (?<=~)~
    | (?<![^\W_])_ | _(?![^\W_]) | \](?=[(\[:]) | &(?=\#?\w+;)
    | ^[ \t]*(?:>|(?:\#{1,6}|[+-])(?=\s|$)|\d{1,9}(?=[.)](?:\s|$)))
    | ^[ \t]*(?:=+[ \t]*|[|:-][-:|\ \t]*)$
    """
)
# The number of a list item, such as `1.` or `1)`. The full stop is escaped: `1\.`
_ORDINAL = regex(r"(?m)^([ \t]*\d{1,9})([.)])(?=\s|$)")


# Matches any text in which `_LITERAL` or `_ORDINAL` may find something to escape. Few texts match.
_MAY_BE_MARKUP = regex(r"(?m)[\\`*<$\[\]{:=~_&]|^[ \t]*[>#+|\d}-]|\}\}")


def escape_markdown(text: str) -> str:
    """Escape plain text so that Markdown renders it literally."""
    if not _MAY_BE_MARKUP.search(text):
        return text
    return _ORDINAL.sub(r"\1\\\2", _LITERAL.sub(_escape_match, text))


def _escape_match(match: re.Match[str]) -> str:
    """Put a backslash before a match of `_LITERAL`, but after the indentation of a block."""
    markup = match[0].lstrip()
    if markup.isdigit():
        return match[0]  # `_ORDINAL` escapes the full stop after it
    indentation = match[0][: len(match[0]) - len(markup)]
    return f"{indentation}\\{markup}"


def text_to_markdown(text: str) -> str:
    """Convert plain text to Markdown, converting LaTeX math and escaping everything else."""
    return convert_to_dollar_math(text, escape_markdown)


# The width of a picture at the end of its label, as in Obsidian's `![alt|300](…)`. In a table, the
# bar is escaped. The height in `|300x200` is ignored, because it follows from the width.
_WIDTH = r"\\?\|(\d{1,4})(?:x\d{1,4})?"
_LABEL_END = regex(rf"{_WIDTH}$")
# Lengths are limited, because otherwise a text with many `[` takes minutes.
_LABEL = r"[^\]\n]{0,1000}"
_URL = r"[^)\n]{0,2000}"
_IMAGE = regex(rf"!\[({_LABEL}?)(?:{_WIDTH})?\]\({_URL}\)")
_IMAGE_PATH = regex(rf"!\[{_LABEL}\]\(<?([^)\s>]+)")
_LINK = regex(rf"\[({_LABEL})\]\({_URL}\)")
_EMPHASIS = regex(r"(?s)(\*{1,3}|~~|==)(?=\S)(.{1,2000}?)(?<=\S)\1")
_UNDERSCORE = regex(r"(?s)(?<!\w)(_{1,3})(?=\S)(.{1,2000}?)(?<=\S)\1(?!\w)")
_EMPHASIS_MARKS = regex(r"[*_]|~~|==")
_LINE_END = regex(r"(?<!\\)<br>")
_AUTOLINK = regex(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^<>\s]*)>")
HTML_TAG = regex(r"(?s)</?[A-Za-z][^<>]*>|<!--.{0,5000}?-->")
_LINE_MARK = regex(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-+*][ \t]+)")
# How many levels of nested emphasis are removed.
_MAX_EMPHASIS_DEPTH = 3
_PRIVATE_CODE_POINTS = range(0xE000, 0x110000)


_DELIMITER_ROW = regex(r"[ \t>]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*(?::?-+:?)?[ \t]*")


def format_table_rows(markdown: str) -> list[str]:
    """Join the cells of each table row with ` · `, or return [] if the text isn't a table."""
    lines = markdown.split("\n")
    if not any(map(_DELIMITER_ROW.fullmatch, lines)):
        return []
    rows = []
    for line in lines:
        if not _DELIMITER_ROW.fullmatch(line):
            cells = map(str.strip, line.strip(" \t>|").split("|"))
            rows.append(" · ".join(filter(None, cells)))
    return rows


@lru_cache(maxsize=4096)  # for all steps of a batch of drafts
def to_plain_text(markdown: str, *, keep_dollars: bool = False) -> str:
    """Strip all markup from a field, and replace cloze deletions with their answers.

    If `keep_dollars` is true, formulas keep their dollar signs.
    """
    text = reveal_answers(markdown)
    if not _MAY_BE_MARKUP.search(text):
        return text.strip()
    delimiter = _find_unused_char(text)

    # replace literals with their numbers, so that their content isn't treated as markup
    literals: list[str] = []
    parts: list[str] = []
    for text_before, literal, kind in split_at_literal_spans(text):
        parts.append(text_before)
        if kind:  # otherwise, this is the remaining text
            parts.append(f"{delimiter}{len(literals)}{delimiter}")
            is_formula = kind in ("display", "math")
            if not (keep_dollars and is_formula):
                literal = _strip_delimiters(literal, kind)
            literals.append(literal)
    plain_text = _LINE_MARK.sub("", _strip_links_and_tags("".join(parts)))
    plain_text = _strip_emphasis(plain_text)
    if literals:
        placeholder = re.compile(f"{delimiter}(\\d+){delimiter}")
        plain_text = placeholder.sub(lambda match: literals[int(match[1])], plain_text)
    return plain_text.strip()


def _strip_emphasis(text: str) -> str:
    """Strip the marks of emphasis from the outside in, as in `**bold *and italic* text**`."""
    if _EMPHASIS_MARKS.search(text):
        for _ in range(_MAX_EMPHASIS_DEPTH):
            text = _UNDERSCORE.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    return text


def _find_unused_char(text: str) -> str:
    """Return the first private character that isn't in a text."""
    chars = set(text)
    for char in map(chr, _PRIVATE_CODE_POINTS):
        if char not in chars:
            return char
    raise ValueError("the text contains all private characters")


def _strip_links_and_tags(text: str) -> str:
    if "[" in text:
        text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    if "<" in text:
        text = HTML_TAG.sub("", _LINE_END.sub("\n", _AUTOLINK.sub(r"\1", text)))
    return text


def _strip_delimiters(literal: str, kind: str) -> str:
    """Return the content of a literal: code, a formula or an escaped character."""
    if kind == "escape":
        return literal[1:]
    if kind == "fence":
        return "\n".join(literal.split("\n")[1:-1])
    length = len(literal) - len(literal.lstrip("`$"))
    return literal[length:-length].strip()


# These enclose a gap's answer while markup is removed. Texts from documents never contain them.
_GAP_START = "\x02"
_GAP_END = "\x03"


def split_at_clozes(markdown: str, *, keep_dollars: bool = False) -> list[Pair]:
    """Convert a field to plain text, split at its cloze deletions.

    If `keep_dollars` is true, formulas keep their dollar signs.

    Returns:
        (text before, answer) for each outermost cloze deletion, and finally (remaining text, "").
    """
    parts = []
    for text_before, gap in split_around_clozes(markdown, find_clozes(markdown)):
        parts.append(text_before)
        if gap:
            parts.append(f"{_GAP_START}{reveal_answers(gap.answer)}{_GAP_END}")
    # remove markup from the joined text, because markup may begin in one part and end in another
    plain_text = to_plain_text("".join(parts), keep_dollars=keep_dollars)
    pairs = []
    for part in plain_text.split(_GAP_END):
        text_before, _, answer = part.partition(_GAP_START)
        pairs.append((text_before, answer))
    return pairs


def to_terminal_text(markdown: str, opening: str = "[", closing: str = "]") -> str:
    """Convert a field to text for the terminal.

    The answers of cloze deletions are enclosed in `opening` and `closing`. Formulas keep their
    dollar signs.
    """
    parts = []
    for text_before, answer in split_at_clozes(markdown, keep_dollars=True):
        parts.append(text_before)
        if answer:
            parts.append(f"{opening}{answer}{closing}")
    return "".join(parts)


def find_image_paths(markdown: str) -> Strings:
    """Return the distinct paths of all `![…](path)` images, as written."""
    return tuple(dict.fromkeys(_IMAGE_PATH.findall(markdown)))


def parse_image_label(label: str) -> Pair:
    """Split an image label, e.g. `alt|300`, into alt text and width in pixels ("" if none)."""
    width = _LABEL_END.search(label)
    if width is None:
        return label, ""
    return label[: width.start()], width[1]


def format_cloze_answers(markdown: str) -> str:
    """Return the answers of all cloze deletions as plain text, joined with ` · `."""
    return " · ".join([to_plain_text(gap.answer) for gap in find_clozes(markdown)])
