r"""Our Markdown: its clozes, such as `{{c1::answer::hint}}`, and its plain text.

Clozes may be nested, and one may have several numbers: `{{c1,2::…}}`.
There is no cloze markup within escapes, code and maths ("shields"). Elsewhere `\` makes
`{`, `}` and `:` literal, and single braces balance. Anki's grammar is different:
`anki.render` writes what Anki reads. Besides clozes there are paragraphs, emphasis,
`code`, fences, lists, tables, links, images, `$maths$` and `$$display$$`, the elements
`<b>`, `<i>`, `<u>`, `<s>`, `<sub>` and `<sup>`, and `<br>` in the cells of tables; a backslash
escapes ASCII punctuation. What
is written as an image may be a sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ankiforge.model import Pair, Span, Strings, Value
from ankiforge.text import regex
from ankiforge.text.fold import is_visible, outside, shields, with_dollars

# --- reading --------------------------------------------------------------------------

_SIGN = regex(r"\{\{c(\d+(?:,\d+)*)::|::|[{}]")
MAX_NUMBER = 500
"""The highest cloze number for which Anki makes a card."""


class Gap(Value):
    """One cloze: its numbers, answer and hint as Markdown, and its position."""

    numbers: tuple[int, ...]
    answer: str
    hint: str
    start: int
    end: int
    """[start, end) of the whole `{{…}}` in the text."""
    body: int
    """The start of the answer."""


# The maximum nesting of clozes; deeper ones are text.
_MAX_NESTING = 20


@lru_cache(maxsize=64)
def gaps(markdown: str) -> tuple[Gap, ...]:
    """Return all well-formed clozes, including nested ones, ordered by their start."""
    if "{{c" not in markdown:
        return ()
    closed, _ = _read(markdown)
    return tuple(sorted(closed, key=lambda gap: gap.start))


def numbers(markdown: str) -> tuple[int, ...]:
    """Return the card numbers of a text, ascending."""
    all_numbers: set[int] = set()
    for gap in gaps(markdown):
        all_numbers.update(gap.numbers)
    return tuple(sorted(all_numbers))


def problems(markdown: str) -> Iterator[str]:
    """Yield a description of each problem of a cloze text."""
    closed, unclosed = _read(markdown)
    if unclosed:
        yield f"a cloze opened at character {unclosed[0]} is never closed"
    elif not closed:
        yield "no cloze in the text"
    for gap in closed:
        if not is_visible(gap.answer):
            yield "a cloze is empty"
        if any(not 1 <= number <= MAX_NUMBER for number in gap.numbers):
            yield f"cloze numbers go from 1 to {MAX_NUMBER}"


@dataclass(slots=True)
class _Opened:
    """A cloze whose end was not yet read."""

    numbers: tuple[int, ...]
    start: int
    body: int
    """Where its answer begins."""
    depth: int = 0
    """The single braces that are open in it."""
    separator: int = -1
    """Where the `::` before its hint is, -1 = none yet."""


@lru_cache(
    maxsize=16
)  # a card is checked for its problems, and then for what its gaps say
def _read(markdown: str) -> tuple[tuple[Gap, ...], tuple[int, ...]]:
    """Return the well-formed clozes, by their ends, and the starts of the unclosed ones."""
    closed: list[Gap] = []
    unclosed: list[_Opened] = []  # the innermost last
    shielded = iter(shields(markdown))
    beyond = len(markdown) + 1
    shield_start = 0
    shield_end = 0
    position = 0
    while sign := _SIGN.search(markdown, position):
        start = sign.start()
        while shield_end <= start:
            shield_start, shield_end, _ = next(shielded, (beyond, beyond, ""))
        if shield_start <= start:  # within a shield
            position = shield_end
            continue
        if sign[1]:
            # as many digits as a number may have at all
            marks = tuple(int(number[:9]) for number in sign[1].split(","))
            unclosed.append(_Opened(marks, start, body=sign.end()))
            position = sign.end()
            continue
        position = start + 1
        if not unclosed:
            continue
        innermost = unclosed[-1]
        pair = markdown[start : start + 2]
        if pair == "::" and not innermost.depth:
            if innermost.separator < 0:
                innermost.separator = start
            position = start + 2
        elif pair == "}}" and not innermost.depth:
            unclosed.pop()
            position = start + 2
            if len(unclosed) >= _MAX_NESTING:
                continue
            answer_end = start if innermost.separator < 0 else innermost.separator
            gap = Gap(
                innermost.numbers,
                answer=markdown[innermost.body : answer_end],
                hint=markdown[answer_end + 2 : start],
                start=innermost.start,
                end=start + 2,
                body=innermost.body,
            )
            closed.append(gap)
        elif pair[0] == "{":
            innermost.depth += 1
        elif pair[0] == "}":  # at depth 0 a single brace is literal
            innermost.depth = max(innermost.depth - 1, 0)
    return tuple(closed), tuple(opened.start for opened in unclosed)


def reveal(markdown: str, depth: int = 0) -> str:
    """Return the text with every cloze replaced by its answer."""
    if depth == _MAX_NESTING:
        return markdown
    parts = []
    done = 0
    for gap in gaps(markdown):
        if gap.start < done:  # nested in the previous one
            continue
        parts.append(markdown[done : gap.start])
        parts.append(reveal(gap.answer, depth + 1))
        done = gap.end
    parts.append(markdown[done:])
    return "".join(parts)


def words_of(markdown: str) -> str:
    """Return the text of a cloze field and its hints, for the search index."""
    texts = [reveal(markdown)]
    texts += [gap.hint for gap in gaps(markdown)]
    return " ".join(filter(None, texts))


# --- writing --------------------------------------------------------------------------


_BREAKS_CLOZE = regex(r"(?<=:):|^:|:$|[{}]")
_SECOND_BRACE = regex(r"(?<=\{)\{|(?<=\})\}")


def make(number: int, answer: str, hint: str = "") -> str:
    """Return a cloze with this answer. Characters that would break it are escaped."""
    body = _guard(answer)
    if hint:
        body += f"::{_guard(hint)}"
    return f"{{{{c{number}::{body}}}}}"


def _guard(markdown: str) -> str:
    """Escape the signs that would end a cloze or its answer."""
    return outside(markdown, lambda words: _BREAKS_CLOZE.sub(r"\\\g<0>", words))


def wrap(markdown: str, spans: tuple[Span, ...]) -> str:
    """Return the text with a cloze around each span, numbered in order."""
    parts = []
    done = 0
    for number, (start, end) in enumerate(sorted(spans), start=1):
        parts.append(escape_signs(markdown[done:start]))
        parts.append(make(number, markdown[start:end]))
        done = end
    parts.append(escape_signs(markdown[done:]))
    return "".join(parts)


def escape_signs(markdown: str) -> str:
    """Escape literal `{{` and `}}` in a text, so that they do not make a cloze."""
    return outside(markdown, lambda words: _SECOND_BRACE.sub(r"\\\g<0>", words))


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
_ORDINAL = regex(r"(?m)^([ \t]*\d{1,9})([.)])(?=\s|$)")


# All signs that `_LITERAL` or `_ORDINAL` may escape: few texts have one.
_MAY_BE_MARKUP = regex(r"(?m)[\\`*<$\[\]{:=~_&]|^[ \t]*[>#+|\d}-]|\}\}")


def literal(text: str) -> str:
    """Escape a text, so that it reads as exactly this text in Markdown."""
    if not _MAY_BE_MARKUP.search(text):
        return text

    def escaped(match: re.Match[str]) -> str:
        # a sign with which a line would begin a block of Markdown, behind its blanks
        bare = match[0].lstrip()
        if bare.isdigit():  # its stop is escaped, by `_ORDINAL`
            return match[0]
        blanks = match[0][: len(match[0]) - len(bare)]
        return f"{blanks}\\{bare}"

    return _ORDINAL.sub(r"\1\\\2", _LITERAL.sub(escaped, text))


def passage(text: str) -> str:
    r"""Return the Markdown of a passage of plain text: its maths, `\(…\)`, and else its letters."""
    return with_dollars(text, literal)


# The width of a picture at the end of its label: `![alt|300](…)`, as Obsidian has it. In a
# table its bar has a backslash; a height, `|300x200`, follows from the picture itself.
_WIDTH = r"\\?\|(\d{1,4})(?:x\d{1,4})?"
_LABEL_END = regex(rf"{_WIDTH}$")
# What may begin at each sign of a text has an end: else a text of many `[` takes minutes.
_LABEL = r"[^\]\n]{0,1000}"
_ADDRESS = r"[^)\n]{0,2000}"
_IMAGE = regex(rf"!\[({_LABEL}?)(?:{_WIDTH})?\]\({_ADDRESS}\)")
_SOURCE = regex(rf"!\[{_LABEL}\]\(<?([^)\s>]+)")
_LINK = regex(rf"\[({_LABEL})\]\({_ADDRESS}\)")
_EMPHASIS = regex(r"(?s)(\*{1,3}|~~|==)(?=\S)(.{1,2000}?)(?<=\S)\1")
_UNDERSCORE = regex(r"(?s)(?<!\w)(_{1,3})(?=\S)(.{1,2000}?)(?<=\S)\1(?!\w)")
_MARKS = regex(r"[*_]|~~|==")
_LINE_END = regex(r"(?<!\\)<br>")
_AUTOLINK = regex(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:[^<>\s]*)>")
TAG = regex(r"(?s)</?[A-Za-z][^<>]*>|<!--.{0,5000}?-->")
_LINE_MARK = regex(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-+*][ \t]+)")
# Emphasis within emphasis that is removed.
_MOST_EMPHASIS = 3
_PRIVATE = range(0xE000, 0x110000)


_DELIMITER_ROW = regex(r"[ \t>]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*(?::?-+:?)?[ \t]*")


def table_rows(markdown: str) -> list[str]:
    """Return the rows of a table, their cells in a line; none if a text is no table."""
    return [" · ".join(filter(None, cells)) for cells in table_cells(markdown)]


def table_cells(markdown: str) -> list[Strings]:
    """Return the cells of the rows of a table; none if a text is no table."""
    lines = markdown.split("\n")
    if not any(map(_DELIMITER_ROW.fullmatch, lines)):
        return []
    rows = []
    for line in lines:
        if not _DELIMITER_ROW.fullmatch(line):
            cells = line.strip(" \t>|").split("|")
            rows.append(tuple(cell.strip() for cell in cells))
    return rows


@lru_cache(maxsize=64)
def plain(markdown: str, *, dollars: bool = False) -> str:
    """Return the text of a field without markup, escapes, clozes and delimiters.

    With `dollars`, formulas keep theirs.
    """
    text = reveal(markdown)
    if not _MAY_BE_MARKUP.search(text):
        return text.strip()
    letters = set(text)
    # a sign that the text does not contain; two of them enclose the number of a shield
    sign = next(sign for sign in map(chr, _PRIVATE) if sign not in letters)

    # without markup, except in shields, whose signs are no markup
    shielded = list[str]()
    parts = []
    position = 0
    for start, end, kind in shields(text):
        parts.append(text[position:start])
        parts.append(f"{sign}{len(shielded)}{sign}")
        shield = text[start:end]
        if kind == "escape":
            inside = shield[1:]
        elif kind == "fence":
            inside = "\n".join(shield.split("\n")[1:-1])
        elif dollars and kind in ("display", "math"):
            inside = shield
        else:
            length = len(shield) - len(shield.lstrip("`$"))
            inside = shield[length:-length].strip()
        shielded.append(inside)
        position = end
    parts.append(text[position:])
    words = "".join(parts)
    if "[" in words:
        words = _LINK.sub(r"\1", _IMAGE.sub(r"\1", words))
    if "<" in words:
        words = TAG.sub("", _LINE_END.sub("\n", _AUTOLINK.sub(r"\1", words)))
    words = _LINE_MARK.sub("", words)
    if _MARKS.search(words):
        for _ in range(_MOST_EMPHASIS):
            words = _UNDERSCORE.sub(r"\2", _EMPHASIS.sub(r"\2", words))

    if shielded:
        placeholder = re.compile(f"{sign}(\\d+){sign}")
        words = placeholder.sub(lambda number: shielded[int(number[1])], words)
    return words.strip()


# They enclose a gap while markup is removed; no text of a document contains them.
_OPENED = "\x02"
_CLOSED = "\x03"


def marked_gaps(markdown: str, *, dollars: bool = False) -> list[Pair]:
    """Return a text as plain parts, each with the answer of the gap after it; "" = no gap.

    With `dollars`, formulas keep theirs.
    """
    parts = []
    done = 0
    for gap in gaps(markdown):
        if gap.start < done:  # nested in the one before
            continue
        parts += [markdown[done : gap.start], _OPENED, reveal(gap.answer), _CLOSED]
        done = gap.end
    parts.append(markdown[done:])
    # markup may begin in one part and end in another
    in_plain = plain("".join(parts), dollars=dollars)
    pairs = []
    for part in in_plain.split(_CLOSED):
        before, _, answer = part.partition(_OPENED)
        pairs.append((before, answer))
    return pairs


def with_brackets(markdown: str, begins: str = "[", ends: str = "]") -> str:
    """Return a field for a terminal: plain but for its formulas, each answer between brackets."""
    parts = []
    for before, answer in marked_gaps(markdown, dollars=True):
        parts.append(before)
        if answer:
            parts.append(f"{begins}{answer}{ends}")
    return "".join(parts)


def image_paths(markdown: str) -> Strings:
    """Return the paths of `![…](path)` as written, without duplicates."""
    return tuple(dict.fromkeys(_SOURCE.findall(markdown)))


def alt_and_width(label: str) -> Pair:
    """Return the alt text and the width in the label of a picture, `![label](path)`.

    The width is in pixels; "" if there is none.
    """
    width = _LABEL_END.search(label)
    return (label[: width.start()], width[1]) if width else (label, "")


def cloze_answers(markdown: str) -> str:
    """Return the answers of a cloze text as plain text, joined by ` · `."""
    return " · ".join(plain(gap.answer) for gap in gaps(markdown))
