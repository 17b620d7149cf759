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
    own = settings.get(section) or {}
    if not isinstance(own, dict):
        return None
    wanted = {**settings, section: {**own, key: value}}
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
    written: str = yaml.safe_dump([text], allow_unicode=True, width=2**20, default_flow_style=True)
    return written.strip()[1:-1]


def _edits(text: str, section: str, key: str, written: str) -> Iterator[str]:
    """Yield texts of which one may be what is wanted, the most careful first."""
    lines = text.splitlines(keepends=True)
    begins = re.compile(rf"{re.escape(section)}:(?!\S)")
    start = next((at for at, line in enumerate(lines) if begins.match(line)), None)
    if start is None:
        end = "" if not text or text.endswith("\n") else "\n"
        yield f"{text}{end}\n{section}:\n  {key}: {written}\n"
        return
    head = lines[start]
    inside = list(_inside(lines, start))

    # it is there already
    is_own = re.compile(rf"([ \t]+{re.escape(key)}:)[ \t]*{_VALUE}")
    for at in inside:
        yield _replaced(lines, at, is_own.sub(lambda found: f"{found[1]} {written}", lines[at], 1))
    in_braces = re.compile(rf"((?<![\w-]){re.escape(key)}:[ \t]*){_VALUE}")
    for at in (start, *inside):
        yield _replaced(
            lines, at, in_braces.sub(lambda found: f"{found[1]}{written}", lines[at], 1)
        )

    # it is new
    yield _replaced(lines, start, head.replace("{", f"{{{key}: {written}", 1))
    yield _replaced(lines, start, head.replace("{", f"{{{key}: {written}, ", 1))
    indent = next((_indent(lines[at]) for at in inside if _says_something(lines[at])), "  ")
    line_end = "" if head.endswith("\n") else "\n"
    yield _replaced(lines, start, f"{head}{line_end}{indent}{key}: {written}\n")


def _inside(lines: list[str], start: int) -> Iterator[int]:
    """Yield the numbers of the lines of a section below its first one."""
    for at in range(start + 1, len(lines)):
        if _says_something(lines[at]) and not _indent(lines[at]):
            return
        yield at


def _replaced(lines: list[str], at: int, line: str) -> str:
    return "".join([*lines[:at], line, *lines[at + 1 :]])


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _says_something(line: str) -> bool:
    """Return whether a line is more than a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")
