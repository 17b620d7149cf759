"""Words in styles, as plain text and as our Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from ankiforge.extract.markdown.inline import SCRIPTS, raised
from ankiforge.text.markdown import literal

MATHS = "$"
CITATION = "citation"
_CODE = "`"
_SIGNS = ("**", "*", "~~")
"""Outermost first."""
_DOLLARS = re.compile(r"\A\$+|\$+\Z")


class Run(NamedTuple):
    """Words that are shown alike. A line feed in them is meant, other white space is a blank."""

    text: str
    styles: frozenset[str]


def lines_of(runs: Iterable[Run]) -> tuple[str, str]:
    """(plain text, Markdown) of words, line by line; empty lines are left out."""
    texts = [(_plain(line), _markdown(line, _SIGNS)) for line in _lines(runs)]
    kept = [(plain.strip(), markdown.strip()) for plain, markdown in texts if plain.strip()]
    return "\n".join(plain for plain, _ in kept), "\n".join(markdown for _, markdown in kept)


def fenced(text: str) -> tuple[str, str]:
    """(plain text, Markdown) of code that has its own lines."""
    text = text.strip("\n")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return text, f"{fence}\n{text}\n{fence}"


def _lines(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Cut at line feeds; blanks that meet are one, neighbours of one style are one run."""
    line: list[Run] = []
    for run in runs:
        first, *rest = run.text.split("\n")
        _append(line, Run(first, run.styles))
        for part in rest:
            yield line
            line = []
            _append(line, Run(part, run.styles))
    yield line


def _append(line: list[Run], run: Run) -> None:
    if not line or line[-1].text.endswith(" "):
        run = run._replace(text=run.text.lstrip(" "))
    if line and run.text and line[-1].styles == run.styles:
        line[-1] = Run(line[-1].text + run.text, run.styles)
    elif run.text:
        line.append(run)


def _plain(line: list[Run]) -> str:
    return "".join(_shown(run) for run in line)


def _shown(run: Run) -> str:
    core = run.text.strip()
    if MATHS in run.styles:
        return run.text.replace(core, _maths(core)[0]) if core else run.text
    for name in SCRIPTS.keys() & run.styles:
        return run.text.replace(core, raised(core, name)) if core else run.text
    return run.text


def _markdown(line: list[Run], signs: tuple[str, ...]) -> str:
    """The outermost sign around as many words as it can be, then the next within."""
    if not signs:
        return "".join(map(_written, line))
    sign, *rest = signs
    parts = [
        (marked, _markdown(list(group), tuple(rest)))
        for marked, group in groupby(line, key=lambda run: sign in run.styles)
    ]
    return "".join(
        _wrapped(sign, text, parts[at - 1][1][-1:] if at else "", parts[at + 1 : at + 2])
        if marked
        else text
        for at, (marked, text) in enumerate(parts)
    )


def _wrapped(sign: str, text: str, before: str, after: list[tuple[bool, str]]) -> str:
    """In signs, if these would be read as signs: not beside a letter where a mark is inside."""
    core = text.strip()
    lead, _, trail = text.partition(core) if core else (text, "", "")
    following = after[0][1][:1] if after else ""
    opens = lead or not before.isalnum() or core[:1].isalnum()
    closes = trail or not following.isalnum() or core[-1:].isalnum()
    apart = lead or before not in ("*", "~")
    return f"{lead}{sign}{core}{sign}{trail}" if core and opens and closes and apart else text


def _written(run: Run) -> str:
    core = run.text.strip()
    if not core:
        return run.text
    lead, _, trail = run.text.partition(core)
    if MATHS in run.styles:
        return lead + _maths(core)[1] + trail
    if _CODE in run.styles:
        return lead + _code(core) + trail
    return lead + literal(_shown(Run(core, run.styles))) + trail


def _maths(text: str) -> tuple[str, str]:
    """(plain text, Markdown) of maths, with its signs; what cannot be written so is words."""
    inner = " ".join(_DOLLARS.sub("", text).split())
    if not inner or "$" in inner or inner.endswith("\\"):
        return text, literal(text)
    signs = "$$" if text.startswith("$$") else "$"
    return f"{signs}{inner}{signs}", f"{signs}{inner}{signs}"


def _code(text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * (longest + 1)
    blank = " " if "`" in (text[0], text[-1]) else ""
    return f"{ticks}{blank}{text}{blank}{ticks}"
