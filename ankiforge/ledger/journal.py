"""`journal.jsonl`: what must outlive the database, one JSON object a line.

Append-only; two machines' files merge as the union of their lines, by id. Every line has
`v id at by what`, `undoes` where it takes something back, and its own keys. A line is
written before the transaction it tells of commits: after a crash the next open takes it in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import msgspec

from ankiforge.config import private
from ankiforge.errors import LedgerError
from ankiforge.model import Problem, h16

VERSION = 1
MOST = 10**11
"""No line has a greater number than this; one that says so is not of this program."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line; its own keys are `body`, and `subject` stands there as `key` or `guid`."""

    v: int
    id: str
    at: str
    by: str
    what: str
    undoes: str = ""
    action: str = ""
    subject: str = ""
    n: Annotated[int, msgspec.Meta(ge=0, le=MOST)] = 0
    """Of a decision: one above the greatest its ledger had seen; 0 = written before there were any."""
    body: dict[str, Any] = msgspec.field(default_factory=dict)

    def line(self) -> bytes:
        """As it stands in the file."""
        return msgspec.json.encode(self.as_json()) + b"\n"

    def as_json(self) -> dict[str, Any]:
        """Its keys: those of every line, what it is about, and its own."""
        head = {name: getattr(self, name) for name in _HEAD if name != "n" or self.n}
        return {**head, _subject(self.what): self.subject, **self.body}

    @classmethod
    def of(cls, line: bytes) -> Entry:
        """Read a line; `msgspec.DecodeError` or `msgspec.ValidationError` if it is none."""
        own = msgspec.json.decode(line, type=dict[str, Any])
        head = {name: own.pop(name) for name in _HEAD if name in own}
        subject = own.pop(_subject(head.get("what")), "")
        return msgspec.convert({**head, "subject": subject, "body": own}, cls)


_HEAD = ("v", "id", "at", "by", "what", "undoes", "action", "n")


def _subject(what: object) -> str:
    """What a line is about: a highlight's key, a source's kind and name, or a card's guid."""
    return {
        "issued": "key",
        "slot": "key",
        "skip": "key",
        "bind": "source",
        "union": "document",
    }.get(str(what), "guid")


class Journal:
    """The file beside `ankiforge.yaml`; without a path there is nothing to read.

    `forgetful`: read, but never write.
    """

    def __init__(self, path: Path | None, *, forgetful: bool = False) -> None:
        self._path = path
        self._forgetful = forgetful

    def append(self, entries: Iterable[Entry]) -> tuple[str, str]:
        """Write lines and see them safely on disk; the file's `state` before and after."""
        lines = b"".join(entry.line() for entry in entries)
        if not lines or self._path is None or self._forgetful:
            return self.state(), self.state()
        there = self._path.exists()
        with self._opened("a+b") as file:
            before, end = _state(file)
            file.write(b"\n" + lines if end not in (b"", b"\n") else lines)
            file.flush()
            os.fsync(file.fileno())
            return before if there else "", _state(file)[0]

    @contextmanager
    def _opened(self, mode: str) -> Iterator[IO[bytes]]:
        assert self._path is not None
        try:
            with open(self._path, mode, opener=private.opener) as file:
                yield file
        except OSError as error:
            raise LedgerError(
                f"{self._path}: cannot be used: {error.strerror or error}",
                hint="make room or rights there; nothing is lost",
            ) from error

    @property
    def is_empty(self) -> bool:
        """Whether there is no line yet."""
        try:
            return self._path is None or not self._path.stat().st_size
        except OSError:
            return True

    def state(self) -> str:
        """Changes whenever the file does, or "" without one."""
        if self._path is None or not self._path.exists():
            return ""
        with self._opened("rb") as file:
            return _state(file)[0]

    def read(self) -> Iterator[Entry | Problem]:
        """All lines in file order; a line that is no entry is a problem, not an end."""
        if self._path is None or not self._path.exists():
            return
        with self._opened("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield self._entry(number, line)

    def _entry(self, number: int, line: bytes) -> Entry | Problem:
        try:
            return Entry.of(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            where = f"{self._path}:{number}"
            return Problem(where, f"not a journal line: {error}", "the line is left as it is")


def _state(file: IO[bytes]) -> tuple[str, bytes]:
    """What changes whenever the file does, and its last byte."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 512))
    end = file.read()
    return f"{size}:{h16(end.decode('utf-8', 'replace'))}", end[-1:]
