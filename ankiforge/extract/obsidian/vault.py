"""A vault, read note by note."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ankiforge.domain import Extracted, Memory, Problem, Scan, Sighting, h16
from ankiforge.errors import ItemError
from ankiforge.extract._folder import PICTURE
from ankiforge.extract._kept import Kept
from ankiforge.extract._stamps import program, proves
from ankiforge.extract.obsidian.files import Files, NoteFile, find
from ankiforge.extract.obsidian.settled import settled
from ankiforge.text.anchors import percent

if TYPE_CHECKING:
    from ankiforge.extract.obsidian.reading import NoteReader, Wishes


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one note yields."""

    problems: tuple[Problem, ...] = ()
    extracted: Extracted | None = None
    pictures: tuple[tuple[str, str], ...] = ()
    """(what it calls a picture, which file that was): another file by that name may come."""

    def sightings(self) -> Iterator[Sighting]:
        """In the order in which a scan yields them."""
        yield from self.problems
        if self.extracted is not None:
            yield self.extracted


NOTHING = Said()


class Vault:
    """Reads the notes of one vault."""

    def __init__(
        self,
        name: str,
        root: Path,
        settings: Wishes,
        only: tuple[Path, ...],
        memory: Memory,
    ) -> None:
        self.name, self.root, self.settings, self.only = name, root, settings, only
        self.memory = memory

    @property
    def namespace(self) -> str:
        """What stands before the slash of its keys."""
        return f"vault:{percent(self.name)}"

    def scan(self) -> Iterator[Sighting]:
        """The notes that hold highlights, in the order of their paths; problems; one scan."""
        files = self._find()
        yield from files.problems
        kept = Kept.recalled(self.memory, self._context, at_once=True)
        read = lost = 0
        for note in files.notes:
            said = self._kept(kept, note, files)
            if said is None:
                try:
                    said = self._read(kept, note, files)
                except ItemError as error:
                    lost += isinstance(error.__cause__, OSError)
                    yield Problem(note.path, error.message, error.hint)
                    continue
            read += 1
            yield from said.sightings()
        kept.store(complete=files.complete)
        complete = files.complete and not lost and (read > 0 or not files.notes)
        yield Scan(self.name, self.container, complete)

    @cached_property
    def _reader(self) -> NoteReader:
        """Made when there is something to read: a parser takes a while to import."""
        from ankiforge.extract.obsidian.reading import NoteReader

        return NoteReader(
            self.name, self.namespace, self.container, self.root.resolve().name, self.settings
        )

    def _find(self) -> Files:
        return find(self.root, self.settings.include, self.settings.exclude, self.only)

    @property
    def container(self) -> str:
        """What a scan covers."""
        return f"vault:{self.name}"

    def stamp(self) -> str:
        """Changes whenever a scan may yield something else; "" if that cannot be told."""
        files = self._find()
        stamps = [(note.path, note.stamp) for note in files.notes]
        stamps += [found for found in files.stamps.items() if PICTURE.match(found[0])]
        if not files.complete or not all(proves(stamp) for _, stamp in stamps):
            return ""
        told = [(problem.where, problem.what) for problem in files.problems]
        return h16(self._context, repr(stamps), repr(told))

    @property
    def _context(self) -> str:
        """All that decides what a note says besides its own words."""
        return h16(program(), self.name, str(self.root.resolve()), repr(self.settings))

    def _kept(self, kept: Kept, note: NoteFile, files: Files) -> Said | None:
        """What a note that is as it was said, if its pictures are where they were."""
        body = kept.of(note.path, note.stamp)
        if not body:
            return None if body is None else NOTHING
        try:
            said = msgspec.json.decode(body, type=Said)
        except msgspec.MsgspecError:
            return None
        moved = any(_picture(name, note.path, files) != was for name, was in said.pictures)
        return None if moved else said

    def _read(self, kept: Kept, note: NoteFile, files: Files) -> Said:
        """Read a note.

        Raises:
            ItemError: it cannot be read, or is no text.
        """
        text, stamp = settled(note)
        pictures: dict[str, str] = {}

        def picture(target: str) -> str:
            return pictures.setdefault(target, _picture(target, note.path, files))

        problems, extracted = self._reader.read(note.path, text, picture)
        said = Said(problems, extracted, tuple(pictures.items())) if extracted else NOTHING
        kept.learn(note.path, stamp, b"" if said == NOTHING else msgspec.json.encode(said))
        return said


def _picture(target: str, note: str, files: Files) -> str:
    """The path below the vault of the picture that a note calls `target`, or ""."""
    if not PICTURE.match(target):
        return ""
    beside = f"{note.rpartition('/')[0]}/{target}".lstrip("/")
    for name in (beside, target.lstrip("/"), target.rpartition("/")[2]):
        if found := files.others.get(_normal(name)):
            return found
    return target


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts).casefold()
