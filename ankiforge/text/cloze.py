r"""Our Markdown: clozes such as `{{c1::answer::hint}}`, nested, `{{c1,2::…}}`, and plain text.

There is no cloze markup within escapes, code and maths ("shields"). Elsewhere `\` makes `{`, `}`
and `:` literal, and single braces balance. Anki's grammar is different: `anki.render` writes what
Anki reads. Besides clozes there are paragraphs, emphasis, `code`, fences, lists, tables, links,
images, `$maths$` and `$$display$$`; a backslash escapes ASCII punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from ankiforge.model import Span, Strings, Value
from ankiforge.text import regex
from ankiforge.text.fold import is_visible
from ankiforge.text.shields import outside, shields

# --- reading -----------------------------------------------------------------------------------

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


class _Opened(msgspec.Struct):
    numbers: tuple[int, ...]
    start: int
    body: int
    depth: int = 0
    separators: list[int] = []


@lru_cache(maxsize=64)
def gaps(markdown: str) -> tuple[Gap, ...]:
    """Return all well-formed clozes, including nested ones, ordered by their start."""
    if "{{c" not in markdown:
        return ()
    return tuple(sorted(_read(markdown)[0], key=lambda gap: gap.start))


def numbers(markdown: str) -> tuple[int, ...]:
    """Return the card numbers of a text, ascending."""
    return tuple(sorted({number for gap in gaps(markdown) for number in gap.numbers}))


def problems(markdown: str) -> Iterator[str]:
    """Yield a description of each problem of a cloze text."""
    found, unclosed = _read(markdown)
    if unclosed:
        yield f"a cloze opened at character {unclosed[0]} is never closed"
    if not found and not unclosed:
        yield "no cloze in the text"
    for gap in found:
        if not is_visible(gap.answer):
            yield "a cloze is empty"
        if any(not 1 <= number <= MAX_NUMBER for number in gap.numbers):
            yield f"cloze numbers go from 1 to {MAX_NUMBER}"


def _read(markdown: str) -> tuple[list[Gap], list[int]]:
    """Return (well-formed gaps in order of their ends, starts of unclosed ones)."""
    shielded, start, end = iter(shields(markdown)), 0, 0
    found = []
    stack = []
    at = 0
    while sign := _SIGN.search(markdown, at):
        here = sign.start()
        while end <= here:
            start, end, _ = next(shielded, (len(markdown), len(markdown) + 1, ""))
        if start <= here:  # within a shield
            at = end
            continue
        at = here + 1
        if sign[1]:
            marks = tuple(int(number[:9]) for number in sign[1].split(","))
            at = sign.end()
            stack.append(_Opened(marks, here, at))
        elif stack:
            top = stack[-1]
            pair = markdown[here : here + 2]
            if pair in ("}}", "::") and not top.depth:
                at = here + 2
                if pair == "::":
                    top.separators.append(here)
                else:
                    stack.pop()
                    cut = top.separators[0] if top.separators else here
                    if len(stack) < _MAX_NESTING:
                        answer, hint = markdown[top.body : cut], markdown[cut + 2 : here]
                        found.append(Gap(top.numbers, answer, hint, top.start, at, top.body))
            elif pair[0] == "{":
                top.depth += 1
            elif pair[0] == "}":  # of a single brace: at depth 0 it is literal
                top.depth = max(top.depth - 1, 0)
    return found, [opened.start for opened in stack]


# The maximum nesting of clozes; deeper ones are text.
_MAX_NESTING = 20


def reveal(markdown: str, depth: int = 0) -> str:
    """Return the text with every cloze replaced by its answer."""
    if depth == _MAX_NESTING:
        return markdown
    parts, at = [], 0
    for gap in gaps(markdown):
        if gap.start >= at:  # otherwise nested in the previous one
            parts += [markdown[at : gap.start], reveal(gap.answer, depth + 1)]
            at = gap.end
    return "".join([*parts, markdown[at:]])


def words_of(markdown: str) -> str:
    """Return the text of a cloze field and its hints, for the search index."""
    return " ".join(filter(None, (reveal(markdown), *(gap.hint for gap in gaps(markdown)))))


# --- writing -----------------------------------------------------------------------------------


def make(number: int, answer: str, hint: str = "") -> str:
    """Return a cloze with this answer. Characters that would break it are escaped."""
    body = _guard(answer) + (f"::{_guard(hint)}" if hint else "")
    return f"{{{{c{number}::{body}}}}}"


def _guard(markdown: str) -> str:
    return outside(markdown, lambda run: re.sub(r"(?<=:):|^:|:$|[{}]", r"\\\g<0>", run))


def wrap(markdown: str, spans: tuple[Span, ...]) -> str:
    """Return the text with a cloze around each span, numbered in order."""
    parts, at = [], 0
    for number, (start, end) in enumerate(sorted(spans), start=1):
        parts += [escape_signs(markdown[at:start]), make(number, markdown[start:end])]
        at = end
    return "".join([*parts, escape_signs(markdown[at:])])


def escape_signs(markdown: str) -> str:
    """Return the text with literal `{{` and `}}` escaped, so that they do not make a cloze."""
    return outside(markdown, lambda run: re.sub(r"(?<=\{)\{|(?<=\})\}", r"\\\g<0>", run))


# --- plain text of Markdown, and Markdown of plain text ---------------------------------------

_LITERAL = regex(
    r"""(?mx)
      \\(?=[!-/:-@\[-`{-~]|$) | [`*<$\[] | (?<=\{)\{ | (?<=\})\} | (?<=:): | (?<==)= | (?<=~)~
    | (?<![^\W_])_ | _(?![^\W_]) | \](?=[(\[:]) | &(?=\#?\w+;)
    | ^[ \t]*(?:>|(?:\#{1,6}|[+-])(?=\s|$)|\d{1,9}(?=[.)](?:\s|$)))
    | ^[ \t]*(?:=+[ \t]*|[|:-][-:|\ \t]*)$
    """
)
_ORDINAL = regex(r"(?m)^([ \t]*\d{1,9})([.)])(?=\s|$)")


def literal(text: str) -> str:
    """Escape a text, so that it reads as exactly this text in Markdown."""
    return _ORDINAL.sub(r"\1\\\2", _LITERAL.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found.strip().isdigit():
        return found
    blanks = found[: len(found) - len(found.lstrip())]
    return f"{blanks}\\{found.lstrip()}"


_IMAGE = regex(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_SOURCE = regex(r"!\[[^\]\n]*\]\(<?([^)\s>]+)")
_LINK = regex(r"\[([^\]\n]*)\]\([^)\n]*\)")
_EMPHASIS = regex(r"(?s)(\*{1,3}|~~|==)(?=\S)(.+?)(?<=\S)\1")
_UNDERSCORE = regex(r"(?s)(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)")
_MARKS = regex(r"[*_]|~~|==")
TAG = regex(r"(?s)</?[A-Za-z][^<>]*>|<!--.*?-->")
_LINE_MARK = regex(r"(?m)^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-+*][ \t]+)")
_PRIVATE = range(0xE000, 0x110000)


@lru_cache(maxsize=64)
def plain(markdown: str) -> str:
    """Return the text of a field without markup, escapes, clozes and delimiters of code or maths."""
    shielded: list[str] = []
    parts, at, text = [], 0, reveal(markdown)
    letters = set(text)
    sign = next(sign for sign in map(chr, _PRIVATE) if sign not in letters)
    for start, end, kind in shields(text):
        parts += [text[at:start], f"{sign}{len(shielded)}{sign}"]
        shielded.append(_bare(text[start:end], kind))
        at = end
    bare = _strip_markup("".join([*parts, text[at:]]))
    if not shielded:
        return bare.strip()
    return re.sub(f"{sign}(\\d+){sign}", lambda match: shielded[int(match[1])], bare).strip()


def _bare(run: str, kind: str) -> str:
    if kind == "escape":
        return run[1:]
    if kind == "fence":
        return "\n".join(run.split("\n")[1:-1])
    ticks = len(run) - len(run.lstrip("`$"))
    return run[ticks:-ticks].strip()


def _strip_markup(text: str) -> str:
    if "[" in text:
        text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    if "<" in text:
        text = TAG.sub("", text)
    text = _LINE_MARK.sub("", text)
    for _ in range(3 if _MARKS.search(text) else 0):
        text = _UNDERSCORE.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    return text


def image_paths(markdown: str) -> Strings:
    """Return the paths of `![…](path)` as written, without duplicates."""
    return tuple(dict.fromkeys(_SOURCE.findall(markdown)))


def cloze_answers(markdown: str) -> str:
    """Return the answers of a cloze text as plain text, joined by ` · `."""
    return " · ".join(plain(gap.answer) for gap in gaps(markdown))
