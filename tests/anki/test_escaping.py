"""Thousands of texts in and around clozes: the reader sees in Anki exactly what was written.

A case is a tree of words, code, formulas and clozes within one another. It is written as our
Markdown, rendered by us, shown by the real Anki, and read back as MathJax finds formulas in it.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.anki.cards import cloze_numbers
from ankiforge.anki.render import render
from ankiforge.model import Family
from ankiforge.text import cloze
from ankiforge.text.markdown import literal
from tests.examples import examples

# --- what is written ------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    text: str


@dataclass(frozen=True)
class Code:
    text: str
    fence: bool = False


@dataclass(frozen=True)
class Tex:
    tex: str
    display: bool = False


@dataclass(frozen=True)
class Gap:
    number: int
    inner: tuple[Part, ...]
    hint: tuple[Part, ...] = ()


Part = Words | Code | Tex | Gap
Blocks = tuple[tuple[Part, ...], ...]
"""Paragraphs of parts."""


def markdown(blocks: Blocks) -> str:
    return "\n\n".join(_line(block, False) for block in blocks)


def _line(parts: Sequence[Part], inside: bool) -> str:
    written = ""
    for before, part in zip((None, *parts), parts, strict=False):
        touching = isinstance(before, Gap) or (before and isinstance(part, Gap))
        written += ("" if touching or not before else " ") + _written(part, inside)
    return written


def _written(part: Part, inside: bool) -> str:
    match part:
        case Words(text):
            return _guarded(literal(text)) if inside else cloze.escape_signs(literal(text))
        case Code(text, fence):
            return _coded(text, fence)
        case Tex(tex, display):
            return f"$${tex}$$" if display else f"${tex}$"
        case Gap(number, inner, hint):
            asked = f"::{_line(hint, True)}" if hint else ""
            return f"{{{{c{number}::{_line(inner, True)}{asked}}}}}"


def _guarded(text: str) -> str:
    return cloze.make(1, text).removeprefix("{{c1::").removesuffix("}}")


def _coded(text: str, fence: bool) -> str:
    ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    if fence:
        return f"{max(ticks, '```', key=len)}\n{text}\n{max(ticks, '```', key=len)}"
    padded = f" {text} " if text[0] in "` " or text[-1] in "` " else text
    return f"{ticks}{padded}{ticks}"


# --- what must be seen ----------------------------------------------------------------------

Seen = list[tuple[str, str]]
"""("text" or "math", what it says)."""


def numbers(parts: Sequence[Part]) -> set[int]:
    gaps = [part for part in parts if isinstance(part, Gap)]
    return {gap.number for gap in gaps}.union(*(numbers(gap.inner) for gap in gaps))


def expected(blocks: Blocks, card: int, *, reveal: bool) -> Seen:
    return joined(token for block in blocks for token in _shown(block, card, reveal))


def _shown(parts: Sequence[Part], card: int, reveal: bool) -> Iterator[tuple[str, str]]:
    for part in parts:
        match part:
            case Words(text) | Code(text):
                yield "text", text
            case Tex(tex, display):
                ends = "$$" if display else "$"
                yield ("math", tex) if _balanced(tex) else ("text", f"{ends}{tex}{ends}")
            case Gap(number, inner, hint) if number == card and not reveal:
                yield "text", "["
                yield from _shown(hint, card, True) if hint else [("text", "...")]
                yield "text", "]"
            case Gap(_, inner):
                yield from _shown(inner, card, reveal)


def _balanced(tex: str) -> bool:
    """Whether braces pair and no backslash takes the end; MathJax would read on beyond it."""
    braces = re.sub(r"\\.|[^{}\\]", "", tex)
    while "{}" in braces:
        braces = braces.replace("{}", "")
    return not braces


def answers(parts: Sequence[Part], card: int) -> list[Seen]:
    """What each gap of a card hides, outer ones first."""
    found = []
    for gap in parts:
        if isinstance(gap, Gap):
            shown = joined(_shown(gap.inner, card, True))
            found += [shown] * (gap.number == card) + answers(gap.inner, card)
    return found


def joined(tokens: Iterator[tuple[str, str]]) -> Seen:
    """Neighbouring text as one; blanks of text do not count, those of TeX only after a brace."""
    found: Seen = []
    for kind, text in tokens:
        text = unicodedata.normalize("NFC", text)
        said = _tex(text) if kind == "math" else re.sub(r"\s", "", text)
        if kind == "text" and found and found[-1][0] == "text":
            found[-1] = (kind, found[-1][1] + said)
        elif said:
            found.append((kind, said))
    return found


def _tex(tex: str) -> str:
    """A formula without what may be added so that Anki leaves it alone."""
    return re.sub(r"(?<=[{}\[])\s+", "", re.sub(r"(?<=:)\{\}(?=:)", "", tex)).strip()


# --- what is seen ---------------------------------------------------------------------------


class Page(HTMLParser):
    """The strings of a page as MathJax cuts them, and those of every active cloze."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.strings: list[tuple[str, str]] = []
        self.clozes: list[list[tuple[str, str]]] = []
        self._open: list[list[tuple[str, str]] | None] = []
        self._code = 0
        self._cut = True
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "wbr"):
            if tag == "br":
                self.handle_data("\n")
            return
        self._cut, self._code = True, self._code + (tag in ("code", "pre"))
        if tag == "span":
            active = dict(attrs).get("class") == "cloze"
            self._open.append([] if active else None)
            self.clozes += [self._open[-1]] if self._open[-1] is not None else []

    def handle_endtag(self, tag: str) -> None:
        self._cut, self._code = True, self._code - (tag in ("code", "pre"))
        if tag == "span":
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for found in (self.strings, *(inner for inner in self._open if inner is not None)):
            if self._cut or not found:
                found.append(("code" if self._code else "text", data))
            else:
                found[-1] = (found[-1][0], found[-1][1] + data)
        self._cut = False


def seen(strings: list[tuple[str, str]]) -> Seen:
    return joined(
        token
        for kind, text in strings
        for token in (_found(text) if kind == "text" else [("text", text)])
    )


_DELIMITERS = {"\\(": "\\)", "\\[": "\\]"}


def _found(text: str) -> Iterator[tuple[str, str]]:
    """Formulas and the text around them; a delimiter within braces ends none (as MathJax)."""
    at = 0
    for start in re.finditer(r"\\[(\[]", text):
        if start.start() >= at and (end := _end(text, start.end(), _DELIMITERS[start[0]])):
            yield "text", text[at : start.start()]
            yield "math", text[start.end() : end - 2]
            at = end
    yield "text", text[at:]


def _end(text: str, start: int, close: str) -> int:
    depth = 0
    for sign in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        if sign[0] == close and depth == 0:
            return sign.end()
        depth = max(0, depth + {"{": 1, "}": -1}.get(sign[0], 0))
    return 0


_TEXT = re.compile(r'class="af-question"[^>]*>(.*?)</div>(?=\s*$|\s*<)', re.DOTALL)


def page(side: str) -> Page:
    found = _TEXT.search(side)
    assert found is not None, side
    return Page(found[1])


def assert_right(viewer: Any, blocks: Blocks) -> None:
    """Both sides of every card of a text show what was written, and hide what was hidden."""
    text = markdown(blocks)
    html = render(text, cloze=True)
    flat = [part for block in blocks for part in block]
    wanted = tuple(sorted(numbers(flat)))
    note = viewer.col.new_note(viewer.note_type(Family.CLOZE))
    note["Text"] = html
    assert tuple(sorted(note.cloze_numbers_in_fields())) == wanted, (text, html)
    assert cloze_numbers(html) == cloze.numbers(text) == wanted, (text, html)
    for card in wanted:
        asked, told = map(page, viewer.show(Family.CLOZE, card - 1, Text=html))
        assert seen(asked.strings) == expected(blocks, card, reveal=False), (text, html)
        assert seen(told.strings) == expected(blocks, card, reveal=True), (text, html)
        assert list(map(seen, told.clozes)) == answers(flat, card), (text, html)


# --- the cases ------------------------------------------------------------------------------

TEX_ATOMS = (
    "x", "12", "a<b", "a>b", "a & b", r"\alpha", r"\alpha ", ":", "::", ":::", "a::b", r"\{", r"\}",
    r"\\", r"\\[2pt]", r"\left[", r"\right]", r"\lbrace", r"\,", r"\:", "{}", "{{}}", "{{c1::x}}",
    "{{c2::", "{", "}", "}}", "c1::", "[sound:a.mp3]", "[latex]", "[/latex]", "sound:", "latex]", "/x]", "[/", "&lt;", "&amp;", "<b>",
    "</span>", "<br>", "<!--", "'", '"', "^2", "_i", "*", "~", "#", "%", "∑", "é", "\u00a0", "`", "|",
    r"\text{a b}", r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
)  # fmt: skip
TEX_SHAPES = (
    r"\frac{%s}{%s}", r"\sqrt{%s%s}", r"\sqrt[%s]{%s}", "{%s%s}", "{{%s}%s}", r"\text{%s%s}",
    r"{\bf %s} %s", "%s%s", "%s %s", "%s_{%s}", "%s^{{%s}}", r"\mathrm{\text{%s}%s}", r"\{%s\}%s",
)  # fmt: skip
CODE = (
    "std::vector", "a::b::c", "::", ":", "{{ x }}", "}}", "{{", "{", "}", "}}}", "{{{", "{{c1::x}}",
    "{{c3::", "c1::", "<b>", "</code>", "</span>", "a < b && c > d", "&lt;", "&amp;amp;", "<!--", "-->",
    r"\(", r"\)", r"\[x\]", r"\\(", "[sound:a.mp3]", "[latex]x[/latex]", "[$]x[/$]", "[$$]", "[/$$]",
    "[anki:play:q:0]", "${x}", "$x$", "$$", "`", "``", "#include <map>", "map<int, set<T>>", "=>", "**p",
    "_x_", "==", "x  y", "{{FrontSide}}", "{{#Front}}", "\\", "\\\\", "a\\", "<wbr>", "%s", "\t.",
)  # fmt: skip
WORDS = (
    *(text for text in CODE if not text.startswith("\t")), "word", "two words", "- a", "1. b", "# c",
    "> d", "*a*", "a_b_c", "~~s~~", "==m==", "[a](b)", "![a](b)", "<https://a.org>", "https://a.org::b",
    "&copy;", "&#123;", "|a|b|", "---", "***", "5$ and 6$", "$5", "a:", ":a", "a::", "::a", "a}", "{a",
    "\u00a0", "é", "e\u0301", "日本::語", "😀", "\u202eabc", "\u200b:\u200b:", "[", "]", "[[a]]", "(",
    "line\nbreak", "a\n- b", "\\(x\\)", "\\[", "'", '"', "=", "+", "a\\::b", "\\{", "\\}}", "[sound:",
)  # fmt: skip


def tex(chance: random.Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(TEX_ATOMS)
    return chance.choice(TEX_SHAPES) % (tex(chance, depth - 1), tex(chance, depth - 1))


def formula(chance: random.Random) -> Tex:
    inner = chance.choice(("%s", "a%sb", "a%s", "%sb")) % tex(chance, chance.randint(0, 5))
    if chance.random() < 0.8:
        return Tex(inner.strip() or "x")
    return Tex(chance.choice(("%s", "%s\\", "\n%s\n")) % (inner.strip() or "x"), display=True)


def part(chance: random.Random, depth: int) -> Part:
    way = chance.random()
    if way < 0.25 and depth:
        return gap(chance, depth)
    if way < 0.5:
        return formula(chance)
    if way < 0.7:
        return Code(runs(chance, CODE))
    return Words(runs(chance, WORDS))


def runs(chance: random.Random, pieces: Sequence[str]) -> str:
    glue = chance.choice(("", "", " "))
    return glue.join(chance.choice(pieces) for _ in range(chance.randint(1, 3))).strip() or "x"


def gap(chance: random.Random, depth: int) -> Gap:
    hint = _parts(chance, 0) if chance.random() < 0.3 else ()
    return Gap(chance.choice((1, 1, 2, 3, 12)), _parts(chance, depth - 1), hint)


def _parts(chance: random.Random, depth: int) -> tuple[Part, ...]:
    return tuple(part(chance, depth) for _ in range(chance.randint(1, 3)))


def case(chance: random.Random) -> Blocks:
    blocks = _blocks(chance)
    return blocks if not re.search("^```.*`", markdown(blocks), re.MULTILINE) else case(chance)


def _blocks(chance: random.Random) -> Blocks:
    blocks: list[tuple[Part, ...]] = [(*_parts(chance, 2), gap(chance, 3), *_parts(chance, 1))]
    if chance.random() < 0.2:
        blocks.append((Code(runs(chance, CODE), fence=True),))
    if chance.random() < 0.2:
        blocks.append(_parts(chance, 2))
    return tuple(blocks)


GAP = Gap(1, (Tex("b"), Words("c")))
SMALLEST: dict[str, tuple[Part, ...]] = {
    "the bracket of a display and its first letters make no sound": (
        Tex("sound:a.mp3]", display=True), GAP,
    ),
    "nor LaTeX, in an answer": (Gap(1, (Tex("latex]x", display=True), Tex("/latex]", display=True))),),
    "a brace left open takes nothing along": (Tex("a{"), GAP, Tex("x")),
    "a brace too many is text": (Gap(1, (Tex("a}"),)), Tex("x")),
    "a backslash takes no delimiter": (Tex("a\\", display=True), GAP),
    "an escaped brace needs no partner": (Gap(1, (Tex(r"\{a"),)), Tex(r"b\}")),
}  # fmt: skip


@pytest.mark.core
@pytest.mark.parametrize("parts", SMALLEST.values(), ids=SMALLEST)
def test_what_once_went_wrong_is_seen_as_it_was_written(viewer, parts):
    assert_right(viewer, (parts,))


SEEDS, CASES = range(2), 300


@pytest.mark.parametrize("seed", SEEDS)
def test_hundreds_of_texts_are_seen_as_they_were_written(viewer, seed):
    chance = random.Random(seed)
    for _ in range(CASES):
        assert_right(viewer, case(chance))


@examples(80)
@given(chance=st.randoms(use_true_random=False))
def test_any_text_is_seen_as_it_was_written(viewer, chance):
    assert_right(viewer, case(chance))
