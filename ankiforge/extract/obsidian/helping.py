"""Reading notes for others: in a process beside the program's own, or on another machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec

import ankiforge
from ankiforge.errors import ItemError
from ankiforge.extract._stamps import Stamp, stamp_of
from ankiforge.extract.obsidian.files import NoteFile
from ankiforge.extract.obsidian.reading import NoteReader, Wishes
from ankiforge.extract.obsidian.said import NOTHING, Said, picture
from ankiforge.extract.obsidian.settled import settled
from ankiforge.extract.workers import Prefetch, WorkerPool, local_fallback
from ankiforge.model import Problem

AT_A_TIME = 100
"""Notes that are read in one piece of work: a note takes a millisecond, as does to send it."""


@dataclass(frozen=True)
class Manner:
    """How the notes of one vault are read; see `reading.NoteReader`."""

    name: str
    namespace: str
    container: str
    vault: str
    settings: Wishes
    version: str = ankiforge.__version__

    @cached_property
    def _reader(self) -> NoteReader:
        return NoteReader(self.name, self.namespace, self.container, self.vault, self.settings)

    def read(self, note: NoteFile, others: Mapping[str, str]) -> tuple[Said, Stamp]:
        """What a note says, and how it was then.

        Raises:
            ItemError: it cannot be read, or is no text.
        """
        text, stamp = settled(note)
        pictures: dict[str, str] = {}

        def found(target: str) -> str:
            return pictures.setdefault(target, picture(target, note.path, others))

        problems, extracted = self._reader.read(note.path, text, found)
        if not extracted and not problems:
            return NOTHING, stamp
        return Said(problems, extracted, tuple(pictures.items())), stamp


def read_notes(
    manner: Manner, notes: Sequence[NoteFile], others: Mapping[str, str]
) -> list[bytes | None] | None:
    """What each note says; None of one that cannot be read here, or of all by another program."""
    if manner.version != ankiforge.__version__:
        return None
    return [_line(manner, note, others) for note in notes]


def _line(manner: Manner, note: NoteFile, others: Mapping[str, str]) -> bytes | None:
    try:
        said, stamp = manner.read(note, others)
    except ItemError:
        return None  # whoever asked finds out, and says what is wrong
    same = stamp[2] == note.stamp[2]  # the asker's file, not another of that name
    return msgspec.json.encode(said) if same else None


class Helped:
    """Notes that others read ahead; what they cannot is left to the asker."""

    def __init__(
        self, pool: WorkerPool, manner: Manner, notes: Sequence[NoteFile], others: Mapping[str, str]
    ) -> None:
        """`notes` in the order of asking."""
        starts = range(0, len(notes), AT_A_TIME)
        self._parts = [tuple(notes[start : start + AT_A_TIME]) for start in starts]
        self._part = {note.path: at for at, part in enumerate(self._parts) for note in part}
        work = ((at, (manner, part, others)) for at, part in enumerate(self._parts))
        self._ahead: Prefetch[int, list[bytes | None]] = Prefetch(
            pool, read_notes, work, threads=False
        )
        self._remote = pool.remote
        self._lines: dict[str, bytes | None] = {}
        self.left = 0
        """Notes that the asker had to read himself."""

    def of(self, note: NoteFile) -> tuple[Said, Stamp] | None:
        """What a note says; None if it is to be read by the asker."""
        number = self._part.pop(note.path, None)
        if number is not None and note.path not in self._lines:
            part = self._parts[number]
            lines = self._ahead.take(number) or [None] * len(part)
            self._lines = {one.path: line for one, line in zip(part, lines, strict=True)}
        line = self._lines.pop(note.path, None)
        if line is None or not _as_found(note):
            return None
        return msgspec.json.decode(line, type=Said), note.stamp

    def told(self, where: str) -> Iterator[Problem]:
        """A word about the notes that other machines could not read."""
        return local_fallback(where, self.left if self._remote else 0, "notes")


def _as_found(note: NoteFile) -> bool:
    """Whether it is still what was handed out."""
    try:
        return stamp_of(os.stat(note.at)) == note.stamp  # noqa: PTH116 - of very many notes
    except OSError:
        return False
