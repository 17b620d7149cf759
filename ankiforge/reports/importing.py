"""Import of an export: add its decisions to a ledger, be it another machine's or a new one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.journal import Entry
from ankiforge.ledger.restore import Imported
from ankiforge.model import Problem
from ankiforge.reports.export import VERSION

MAX_LINE = 32 * 1024 * 1024
"""Bytes."""
_IGNORED = frozenset(("ankiforge", "document", "highlight", "card", "end"))
"""Types of lines that hold no decision: they are for people and other programs."""


def import_file(ledger: Ledger, path: Path) -> Imported:
    """Add the decisions of an export to a ledger.

    A damaged line becomes a problem, and so does a missing last line; the others are imported.

    Raises:
        UsageError: the file cannot be read, is no export, or was written by a newer version.
    """
    entries: list[Entry] = []
    problems: list[Problem] = []
    line_of: dict[str, int] = {}  # entry id -> its first line
    is_export, count, line = False, 0, b""
    for number, line in _lines(path):
        count += 1
        found = _parse(path, number, line)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        is_export = True
        if found is not None:
            entries.append(found)
            line_of.setdefault(found.id, number)
    if not is_export:
        raise UsageError(f"{path}: no export of ankiforge", hint="ankiforge export FILE.jsonl")
    imported = ledger.exchange.import_lines(entries)
    if not _is_end(line, count):
        what = "lines of the export are missing: it was cut short"
        hint = "what is there was taken in; export it anew for the rest"
        problems.append(Problem(str(path), what, hint))
    for problem in imported.problems:  # the ledger names the entry, a person needs the line
        at = line_of.get(problem.where.removeprefix("journal line "))
        problems.append(replace(problem, where=f"{path}:{at}") if at else problem)
    imported.problems = problems
    return imported


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, each with its number from 1, without a byte order mark."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE):
                number += 1
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror or error}"
        raise UsageError(what, hint="ankiforge import FILE.jsonl") from error


def _parse(path: Path, number: int, line: bytes) -> Entry | Problem | None:
    """Return the journal entry of a line, None if its type is ignored, or what is wrong with it."""
    try:
        content = msgspec.json.decode(line, type=dict[str, Any])
        kind = content.get("type")
        if kind == "ankiforge":
            version = content.get("version")
            if not isinstance(version, int) or version > VERSION:
                what = f"{path}: an export of version {version}"
                raise UsageError(what, hint="upgrade ankiforge")
        if kind in _IGNORED:
            return None
        if kind != "entry":
            raise ValueError("a line of a kind this program does not know")
        return Entry.of(msgspec.json.encode(content["entry"]))
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError) as error:
        return Problem(f"{path}:{number}", f"not a line of an export: {error}", "it was left out")


def _is_end(line: bytes, count: int) -> bool:
    """Tell whether a line is the last one of an export with at least this many lines in all."""
    try:
        content = msgspec.json.decode(line, type=dict[str, Any])
        return content.get("type") == "end" and count > content["lines"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return False
