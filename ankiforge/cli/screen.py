"""Text on a terminal: lines that fit its width, and colours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click

from ankiforge.text import regex

LEAST_WIDTH = 40
"""On a narrower terminal nothing is wrapped."""
# A command that a message names, up to the next stop: it is copied, so it never breaks.
_COMMAND = regex(r"ankiforge (?:[^\s,;:.()“”·]|[,;:.](?=\S)| (?=[^\s(·]))+|\S+")
# The label of a detail, such as "  model      ", "source    " or "ok    ".
_LABEL = regex(r"  [A-Za-z ]{9}  (?=\S)|[a-z][a-z0-9 ]{7}  (?=\S)|(?:ok|warn|fail) +")
# A line of a list: id, state and kind of a card.
_LISTED = regex(r"(?:af|dr)[a-z0-9]{8}  \w+ +[a-z-]+ +")
_COLUMNS = "   "

_COLOURS: dict[re.Pattern[str], dict[str, Any]] = {
    regex(r"^✓"): {"fg": "green", "bold": True},
    regex(r"^!"): {"fg": "yellow", "bold": True},
    regex(r"(?:(?<=^[✓!] )|(?<=^  )|(?<=   ))\d[\d,]*(?= [a-z])"): {"bold": True},
    regex(r"(?<=^  next  )ankiforge.*?(?=   |$)"): {"fg": "cyan", "bold": True},
    regex(r"^  next(?=  )|^  →|^  [A-Za-z][A-Za-z ]{8}(?=  \S)"): {"dim": True},
    regex(r"^ankiforge(?: [a-z]+)*:"): {"fg": "red", "bold": True},
    regex(r"^failed:"): {"fg": "red", "bold": True},
    regex(r"^note:"): {"fg": "yellow"},
    regex(r"^hint:"): {"fg": "cyan"},
    regex(r"^(?:af|dr)[a-z0-9]{8}(?=  )"): {"dim": True},
    regex(r"(?<=^[ad][fr][a-z0-9]{8}  )accepted"): {"fg": "green"},
    regex(r"(?<=^[ad][fr][a-z0-9]{8}  )waiting"): {"fg": "yellow"},
    regex(r"(?<=^[ad][fr][a-z0-9]{8}  )(?:blocked|rejected|retired)"): {"fg": "red"},
}
"""The words with a colour: beginnings of lines, numbers of a block, the next command."""


def painted(text: str) -> str:
    """Return lines with colours."""
    lines = []
    for line in text.split("\n"):
        spans: list[tuple[int, int, dict[str, Any]]] = []
        for pattern, style in _COLOURS.items():
            for match in pattern.finditer(line):
                spans.append((*match.span(), style))
        # from the end, so that the places of the others stay
        for start, end, style in sorted(spans, key=lambda span: -span[0]):
            line = line[:start] + click.style(line[start:end], **style) + line[end:]
        lines.append(line)
    return "\n".join(lines)


def fitted(text: str, width: int) -> str:
    """Break lines that are longer than `width`, at blanks and never inside a command."""
    if width < LEAST_WIDTH:
        return text
    lines: list[str] = []
    for line in text.split("\n"):
        lines += _fitted_line(line, width)
    return "\n".join(lines)


def _fitted_line(line: str, width: int) -> Iterator[str]:
    if _cells(line) <= width:
        yield line
        return
    if _LISTED.match(line):
        # its beginning, with a sign that more follows
        while _cells(line) >= width:
            line = line[: -max(1, (_cells(line) - width) // 2)]
        yield f"{line.rstrip()}…"
        return
    # what follows is set below the text of the line, not below its label
    body = line.lstrip(" ")
    indent = line[: len(line) - len(body)]
    label = _LABEL.match(line)
    if label is not None:
        indent, body = line[: label.end()], line[label.end() :]
    following = " " * (len(indent) if label else len(indent) + 2)

    current = indent
    is_empty = True
    for gap, unit in _units(body, width - len(following)):
        if not is_empty and _cells(current) + len(gap) + _cells(unit) > width:
            yield current
            current = following
            is_empty = True
        current += unit if is_empty else gap + unit
        is_empty = False
    yield current


def _units(body: str, room: int) -> Iterator[tuple[str, str]]:
    """Yield the pieces that stay together, with the blanks before: columns, commands, words."""
    for number, column in enumerate(body.split(_COLUMNS)):
        gap = _COLUMNS if number else ""
        if _COLUMNS in body and _cells(column) <= room:
            yield gap, column
            continue
        for match in _COMMAND.finditer(column):
            # a sentence that begins like a command may be long
            words = [match[0]] if _cells(match[0]) <= room else match[0].split()
            for word in words:
                yield gap or " ", word
                gap = ""


def _cells(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
