"""Texts in and around clozes, put together at random: Anki shows exactly what was written."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from ankiforge.anki.notetypes import cloze_numbers
from ankiforge.anki.render import render
from ankiforge.model import Family
from ankiforge.text import cloze
from ankiforge.text.cloze import literal

PIECES = (
    "std::vector :: : {{ }} { } }}} {{{ {{c1::x}} {{c3:: c1:: <b> </code> </span> a<b&&c>d &lt; &amp;amp; <!-- -->"
    r" \( \) \[x\] \\( [sound:a.mp3] [latex]x[/latex] [$]x[/$] [$$] [anki:play:q:0] ${x} $x$ $$ ` `` => **p _x_ =="
    r" {{FrontSide}} {{#Front}} \ \\ a\ <wbr> %s word - 1. # > *a* a_b_c ~~s~~ ==m== [a](b) ![a](b) &copy; &#123; |a|b|"
    r" --- *** 5$and6$ $5 a: :a a:: ::a a} {a é 日本::語 😀 [[a]] ' \" = + a\::b \{ \}} [sound: " + "\u202eabc \u200b:\u200b:"
).split(" ")  # fmt: skip
WRITTEN_TEX = (
    r"x 12 a<b a>b \alpha : :: ::: a::b \{ \} \\ \\[2pt] \left[x\right] \lbrace \, \: {} {{}} {{c1::x}} {{x}y}"
    r" [sound:a.mp3] [latex] [/latex] &lt; <b> </span> <!-- ' ^2 _i * ~ # % ∑ é | \frac{a}{\sqrt{b}} \text{ab}"
    r" \sqrt[n]{{x}} \mathrm{\text{a}b} \begin{pmatrix}a&b\\c&d\end{pmatrix} {\bf{x}} {{{x}}} a_{b^{{c}}}"
)
TEX = WRITTEN_TEX.split(" ")
OPEN = ("a{", "a}", "{{c2::", "}}", "x\\")
"""Formulas that would take along what follows: they stay text."""
DELIMITER, LITERAL, OF_TEX, EDGE = re.compile(r"\\(?=[()\[\]])"), "⧵", "\ue000", "\ue001"
"""A backslash before a bracket; how one that begins no formula is told; one of a formula; a tag."""


class Part(NamedTuple):
    """Something written; `gap` is the number of a cloze over `inner`."""

    written: str
    shown: str
    gap: int = 0
    inner: tuple[Part, ...] = ()


def part(chance: random.Random, depth: int) -> Part:
    way = chance.random()
    if way < 0.3 and depth:
        inner = tuple(part(chance, depth - 1) for _ in range(chance.randint(1, 3)))
        number, hint = chance.choice((1, 1, 2, 12)), chance.choice(("", "", "", "a:b", "x}"))
        asked = "::" + guarded(hint) if hint else ""
        words = "".join(one.written for one in inner)
        return Part(f"{{{{c{number}::{words}{asked}}}}}", hint, number, inner)
    if way < 0.5:
        tex = "".join(chance.choice(TEX) for _ in range(chance.randint(1, 4)))
        if chance.random() < 0.2:
            return Part(f" $${tex}$$ ", formula(f"[{tex}", "]"))
        tex = chance.choice(("y{}z", "y{}", "{}z")).format(tex)
        return Part(f" ${tex}$ ", formula(f"({tex}", ")"))
    if way < 0.55:
        tex = chance.choice(OPEN)
        return Part(f" $$y{tex}$$ ", f"$$y{tex}$$")
    text = chance.choice(("", " ")).join(chance.choice(PIECES) for _ in range(chance.randint(1, 3)))
    if way < 0.75:
        ticks = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
        return Part(f" {ticks} {text} {ticks} ", f"{EDGE}{text}{EDGE}")
    return Part(guarded(text), text)


def formula(start: str, end: str) -> str:
    return f"\\{start}\\{end}".replace("\\", OF_TEX)


def guarded(text: str) -> str:
    """Text as it is written within a cloze."""
    return cloze.make(1, literal(text)).removeprefix("{{c1::").removesuffix("}}")


def shown(parts: Sequence[Part], card: int) -> Iterator[str]:
    """What a side shows; the clozes of `card` are hidden, 0 = none."""
    for one in parts:
        if one.gap and one.gap == card:
            yield f"{EDGE}[{one.shown or '...'}]{EDGE}"
        elif one.gap:
            yield from (EDGE, *shown(one.inner, card), EDGE)
        else:
            yield one.shown


def numbers(parts: Sequence[Part]) -> set[int]:
    return {p.gap for p in parts if p.gap}.union(*(numbers(p.inner) for p in parts))


def plain(text: str) -> str:
    """Text without blanks, and without what may be put into a formula to guard it."""
    return re.sub(r"\s|(?<=:)\{\}(?=:)", "", unicodedata.normalize("NFC", text))


def assert_right(viewer: Any, backend: Any, parts: tuple[Part, ...]) -> None:
    """Both sides of every card show what was written, and hide what is to be hidden."""
    text = "".join(one.written for one in parts).strip()
    html = render(text, cloze=True)
    wanted = tuple(sorted(numbers(parts)))
    assert cloze_numbers(html) == cloze.numbers(text) == wanted, (text, html)
    for card in wanted:
        sides = viewer.show(Family.CLOZE, card - 1, Text=html)
        for side, hidden in zip(sides, (card, 0), strict=True):
            expected = DELIMITER.sub(LITERAL, "".join(shown(parts, hidden)))
            expected = plain(expected.replace(OF_TEX, "\\").replace(EDGE, ""))
            side = side.replace("\\<span></span>", LITERAL)
            assert plain(backend.words_of(side)) == expected, (text, html)


@pytest.mark.parametrize("seed", range(6))
def test_hundred_texts_are_seen_as_they_were_written(viewer, backend, seed):
    chance = random.Random(seed)
    for _ in range(100):
        parts = tuple(part(chance, 3) for _ in range(chance.randint(1, 4)))
        assert_right(viewer, backend, (*parts, Part(" {{c1::end}}", "", 1, (Part("end", "end"),))))
