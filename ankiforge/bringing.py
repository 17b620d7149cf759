"""Reading an export in: what was decided elsewhere, or by a ledger that was lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.errors import UsageError
from ankiforge.ledger import Ledger
from ankiforge.ledger.journal import Entry
from ankiforge.ledger.returning.carrying import Brought
from ankiforge.model import Problem

VERSION = 1
LONGEST = 32 * 1024 * 1024
"""Bytes of a line."""
_OTHERS = frozenset(("ankiforge", "document", "highlight", "card", "end"))
"""Lines for people and other programs."""


def bring(ledger: Ledger, path: Path) -> Brought:
    """Take in what an export says was decided; a damaged line is told, and the rest is taken.

    Raises:
        UsageError: it cannot be read, is no export, or is of a newer program.
    """
    found: dict[str, int] = {}
    entries, problems = [], []
    any_of_ours, there, line = False, 0, b""
    for number, line in _lines(path):
        there += 1
        read = _read(path, number, line)
        if isinstance(read, Problem):
            problems.append(read)
        elif isinstance(read, Entry):
            entries.append(read)
            found.setdefault(read.id, number)
        any_of_ours |= not isinstance(read, Problem)
    if not any_of_ours:
        raise UsageError(f"{path}: no export of ankiforge", hint="ankiforge export FILE.jsonl")
    brought = ledger.carrying.bring(entries)
    problems += _cut_short(path, there, line)
    brought.problems = [*problems, *(_placed(path, found, one) for one in brought.problems)]
    return brought


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST):
                number += 1
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except OSError as error:
        what = f"{path}: cannot be read: {error.strerror or error}"
        raise UsageError(what, hint="ankiforge import FILE.jsonl") from error


def _read(path: Path, number: int, line: bytes) -> Entry | Problem | None:
    """An entry; None of a line that brings nothing in."""
    try:
        said = msgspec.json.decode(line, type=dict[str, Any])
        kind = said.get("type")
        if kind == "ankiforge":
            _check_version(path, said.get("version"))
        if kind in _OTHERS:
            return None
        if kind != "entry":
            raise ValueError("a line of a kind this program does not know")
        return Entry.of(msgspec.json.encode(said["entry"]))
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError) as error:
        return Problem(f"{path}:{number}", f"not a line of an export: {error}", "it was left out")


def _cut_short(path: Path, there: int, last: bytes) -> Iterator[Problem]:
    """Whether lines are missing: the last one says how many stood before it."""
    try:
        said = msgspec.json.decode(last, type=dict[str, Any])
        whole = said.get("type") == "end" and there > said["lines"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        whole = False
    if not whole:
        what = "lines of the export are missing: it was cut short"
        yield Problem(str(path), what, "what is there was taken in; export it anew for the rest")


def _check_version(path: Path, version: object) -> None:
    if not isinstance(version, int) or version > VERSION:
        raise UsageError(f"{path}: an export of version {version}", hint="upgrade ankiforge")


def _placed(path: Path, found: dict[str, int], problem: Problem) -> Problem:
    """With its line."""
    identity = problem.where.removeprefix("journal line ")
    number = found.get(identity)
    return replace(problem, where=f"{path}:{number}" if number else problem.where)
