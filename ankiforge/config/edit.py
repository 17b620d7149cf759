"""Set one value in the text of `ankiforge.yaml`, and leave everything else as a person wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from ankiforge.config.yamlfile import parse
from ankiforge.errors import ConfigError

_VALUE = r"""(?:"[^"\n]*"|'[^'\n]*'|[^,}#\n]*?(?=[ \t]*(?:[,}#\n]|\Z)))"""


def with_value(text: str, section: str, key: str, value: str) -> str | None:
    """Return a settings file with a text as the value of `section: {key: …}`.

    Comments, order and the style of the section stay. None if that cannot be done safely: what
    comes out is read again, and must differ in this value alone.
    """
    try:
        before, _ = parse(text, "before")
    except ConfigError:
        return None
    settings = {} if before is None else before
    if not isinstance(settings, dict):
        return None
    section_settings = settings.get(section) or {}
    if not isinstance(section_settings, dict):
        return None
    wanted = {**settings, section: {**section_settings, key: value}}
    for edited in _edits(text, section, key, scalar(value)):
        try:
            after, _ = parse(edited, "after")
        except ConfigError:
            continue
        if after == wanted:
            return edited
    return None


def scalar(text: str) -> str:
    """Return a YAML scalar, in quotes if necessary, also within braces."""
    written: str = yaml.safe_dump(
        [text],
        allow_unicode=True,
        width=2**20,
        default_flow_style=True,
    )
    return written.strip()[1:-1]


def _edits(text: str, section: str, key: str, written: str) -> Iterator[str]:
    """Yield texts of which one may be what is wanted, the most careful first."""
    lines = text.splitlines(keepends=True)
    start = _line_of(section, lines)
    if start is None:
        end = "" if not text or text.endswith("\n") else "\n"
        yield f"{text}{end}\n{section}:\n  {key}: {written}\n"
        return
    yield from _with_another_value(lines, start, key, written)
    yield from _with_a_new_key(lines, start, key, written)


def _line_of(section: str, lines: list[str]) -> int | None:
    """Return the number of the line where a section begins; None if there is none."""
    begins = re.compile(rf"{re.escape(section)}:(?!\S)")
    for number, line in enumerate(lines):
        if begins.match(line):
            return number
    return None


def _with_another_value(
    lines: list[str],
    start: int,
    key: str,
    written: str,
) -> Iterator[str]:
    """Yield texts in which the key, which the section has, has another value."""
    name = re.escape(key)
    on_its_own_line = re.compile(rf"([ \t]+{name}:)[ \t]*{_VALUE}")
    in_braces = re.compile(rf"((?<![\w-]){name}:[ \t]*){_VALUE}")
    inside = list(_inside(lines, start))
    for number in inside:
        line = on_its_own_line.sub(
            lambda match: f"{match[1]} {written}", lines[number], count=1
        )
        yield _replaced(lines, number, line)
    for number in (start, *inside):
        line = in_braces.sub(lambda match: f"{match[1]}{written}", lines[number], count=1)
        yield _replaced(lines, number, line)


def _with_a_new_key(
    lines: list[str],
    start: int,
    key: str,
    written: str,
) -> Iterator[str]:
    """Yield texts in which the section has one key more: in its braces, or in a line."""
    head = lines[start]
    # the section may be an empty `{}`, or have other keys
    for end in ("", ", "):
        with_key = head.replace("{", f"{{{key}: {written}{end}", 1)
        yield _replaced(lines, start, with_key)
    indent = "  "
    for number in _inside(lines, start):
        if _says_something(lines[number]):
            indent = _indent(lines[number])
            break
    line_end = "" if head.endswith("\n") else "\n"
    with_key = f"{head}{line_end}{indent}{key}: {written}\n"
    yield _replaced(lines, start, with_key)


def _inside(lines: list[str], start: int) -> Iterator[int]:
    """Yield the numbers of the lines of a section below its first one."""
    for number in range(start + 1, len(lines)):
        if _says_something(lines[number]) and not _indent(lines[number]):
            return
        yield number


def _replaced(lines: list[str], number: int, line: str) -> str:
    before = lines[:number]
    behind = lines[number + 1 :]
    return "".join([*before, line, *behind])


def _indent(line: str) -> str:
    width = len(line) - len(line.lstrip(" \t"))
    return line[:width]


def _says_something(line: str) -> bool:
    """Return whether a line is more than a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")
