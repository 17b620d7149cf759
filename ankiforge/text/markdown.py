"""Our subset of Markdown: escape plain text, and extract plain text.

The subset: paragraphs, emphasis, `code`, fences, lists, tables, links, images, `$maths$`,
`$$display$$`, and clozes `{{c1::answer::hint}}`. A backslash escapes ASCII punctuation.
"""

from __future__ import annotations

import re
from functools import lru_cache

from ankiforge.text.cloze import gaps, reveal, shields

_LITERAL = re.compile(
    r"""
      \\(?=[!-/:-@\[-`{-~]|$) | [`*<$\[] | (?<=\{)\{ | (?<=\})\} | (?<=:): | (?<==)= | (?<=~)~
    | (?<![^\W_])_ | _(?![^\W_]) | \](?=[(\[:]) | &(?=\#?\w+;)
    | ^[ \t]*(?:>|(?:\#{1,6}|[+-])(?=\s|$)|\d{1,9}(?=[.)](?:\s|$)))
    | ^[ \t]*(?:=+[ \t]*|[|:-][-:|\ \t]*)$
    """,
    re.VERBOSE | re.MULTILINE,
)
_ORDINAL = re.compile(r"^([ \t]*\d{1,9})([.)])(?=\s|$)", re.MULTILINE)


def literal(text: str) -> str:
    """Escape a text, so that it reads as exactly this text in Markdown."""
    return _ORDINAL.sub(r"\1\\\2", _LITERAL.sub(_escape, text))


def _escape(match: re.Match[str]) -> str:
    found = match[0]
    if found.strip().isdigit():
        return found
    blanks = found[: len(found) - len(found.lstrip())]
    return f"{blanks}\\{found.lstrip()}"


_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_SOURCE = re.compile(r"!\[[^\]\n]*\]\(<?([^)\s>]+)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_EMPHASIS = re.compile(r"(\*{1,3}|~~|==)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_UNDERSCORE = re.compile(r"(?<!\w)(_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)", re.DOTALL)
_MARKS = re.compile(r"[*_]|~~|==")
TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-+*][ \t]+)", re.MULTILINE)
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


def image_paths(markdown: str) -> tuple[str, ...]:
    """Return the paths of `![…](path)` as written, without duplicates."""
    return tuple(dict.fromkeys(_SOURCE.findall(markdown)))


def cloze_answers(markdown: str) -> str:
    """Return the answers of a cloze text as plain text, joined by ` · `."""
    return " · ".join(plain(gap.answer) for gap in gaps(markdown))
