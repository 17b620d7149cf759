"""A vault, read note by note."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract._folder import PICTURE, Count
from ankiforge.extract._kept import Kept
from ankiforge.extract._selection import highlights_of, told, wider
from ankiforge.extract._stamps import Look, program, proves
from ankiforge.extract.obsidian.files import Files, NoteFile, find, marked_drawings
from ankiforge.extract.obsidian.said import NOTHING, Said, picture
from ankiforge.model import (
    Highlight,
    Known,
    Memory,
    NoMemory,
    NothingKnown,
    Problem,
    Scan,
    Sighting,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text.anchors import percent

if TYPE_CHECKING:
    from ankiforge.extract.obsidian.helping import Helped, Manner
    from ankiforge.extract.obsidian.reading import Wishes
    from ankiforge.extract.workers import WorkerPool

NOTHING_KNOWN = NothingKnown()
MANY = 400
"""From so many unread notes on others help: it takes them a while to begin."""


class Vault:
    """Reads the notes of one vault."""

    def __init__(
        self,
        name: str,
        root: Path,
        settings: Wishes,
        only: tuple[Path, ...],
        memory: Memory,
        pool: WorkerPool | None = None,
    ) -> None:
        self.name, self.root, self.settings, self.only = name, root, settings, only
        self.memory, self.pool = memory, pool
        self.count = Count()
        self._looked: Files | None = None
        self._wanted: Files | None = None

    @property
    def namespace(self) -> str:
        """What stands before the slash of its keys."""
        return f"vault:{percent(self.name)}"

    def scan(self, known: Known = NOTHING_KNOWN) -> Iterator[Sighting]:
        """Yield the notes in the order of their paths, with problems; then one scan."""
        files = self._find()
        yield from files.problems
        prints = {note.path: self._fingerprint(note, files, known) for note in files.notes}
        unread = [
            note
            for note in files.notes
            if not known.is_unchanged(self.container, note.path, prints[note.path])
        ]
        unread_paths = {note.path for note in unread}
        kept = Kept.recalled(self.memory, self._context, at_once=True) if unread else None
        helped = self._helped(kept, unread, files) if kept else None
        read = lost = 0
        self.count.total = len(files.notes)
        for self.count.done, note in enumerate(files.notes):
            if kept is None or note.path not in unread_paths:
                read += 1
                if kept:
                    kept.retain(note.path)
                yield Unchanged(self.container, note.path)
                continue
            said = self._kept(kept, note, files)
            if said is None:
                try:
                    said = self._read(kept, note, files, helped)
                except ItemError as error:
                    lost += isinstance(error.__cause__, OSError)
                    yield Problem(note.path, error.message, error.hint)
                    continue
            read += 1
            yield from self._sightings(note, said, files, known)
        if kept:
            kept.store(complete=files.complete)
        yield from helped.told(self.root.name) if helped else ()
        yield from marked_drawings(files, self.root.name) if not self.only else ()
        complete = files.complete and not lost and (read > 0 or not files.notes)
        yield Scan(self.name, self.container, complete)

    def _fingerprint(self, note: NoteFile, files: Files, known: Known) -> str:
        """Return what decides what a note says; "" if its stamp proves nothing."""
        if not proves(note.stamp):
            return ""
        depends = known.depends(self.container, note.path)
        found = [(name, picture(name, note.path, files.others)) for name in depends]
        return h16(self._context, repr(note.stamp), repr(found))

    def _sightings(
        self, note: NoteFile, said: Said, files: Files, known: Known
    ) -> Iterator[Sighting]:
        """Yield what a note says; one with problems is read, and they are told, in every run."""
        depends = tuple(name for name, _ in said.pictures)
        found = [(name, picture(name, note.path, files.others)) for name in depends]
        calm = known is not NOTHING_KNOWN and proves(note.stamp) and not said.problems
        fingerprint = h16(self._context, repr(note.stamp), repr(found)) if calm else ""
        yield from said.problems
        if said.extracted is not None:
            yield replace(said.extracted, fingerprint=fingerprint, depends=depends)
        elif fingerprint:
            yield Unmarked(self.container, note.path, fingerprint, depends)

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        settings: Any = self.settings
        return told(settings)

    def unselected(self, paths: Collection[str], before: str) -> Iterator[Highlight]:
        """What some notes hold by other settings: those of `before`, and all that there are."""
        from ankiforge.extract.obsidian import CARDS, DIALECTS, MARKS, TERM

        now: Any = self.settings
        every = [*wider(now, before, MARKS, (*CARDS, TERM))]
        every += [msgspec.structs.replace(now, marks=(), cards=(one,)) for one in DIALECTS]
        only = tuple(at for path in paths if (at := self.root / path).is_file())
        vaults = (Vault(self.name, self.root, one, only, NoMemory()) for one in every)
        return highlights_of(vaults if only else ())

    @cached_property
    def _manner(self) -> Manner:
        """Made when there is something to read: a parser takes a while to import."""
        from ankiforge.extract.obsidian.helping import Manner

        vault = Path(os.path.realpath(self.root)).name
        return Manner(self.name, self.namespace, self.container, vault, self.settings)

    def _helped(self, kept: Kept, notes: list[NoteFile], files: Files) -> Helped | None:
        """Others who have begun with what must be read, if it is much."""
        unread = [note for note in notes if not kept.knows(note.path, note.stamp)]
        if self.pool is None or len(unread) < MANY:
            return None
        from ankiforge.extract.obsidian.helping import Helped

        pictures = {name: at for name, at in files.others.items() if PICTURE.match(at)}
        return Helped(self.pool, self._manner, unread, pictures)

    def part(self, paths: Collection[str]) -> Vault:
        """A reader of these notes, as the last look found them."""
        found = self._looked or self._find()
        notes = [note for note in found.notes if note.path in paths]
        some = Vault(self.name, self.root, self.settings, self.only, self.memory, self.pool)
        some._wanted = replace(found, notes=notes, drawings=[], problems=[], complete=False)
        return some

    def _find(self) -> Files:
        if self._wanted is not None:
            return self._wanted
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

    def look(self) -> Look:
        """Which notes there are, as they are now."""
        files = self._looked = self._find()
        pictures = sorted(path for path in files.stamps if PICTURE.match(path))
        told = [(problem.where, problem.what) for problem in files.problems]
        rest = h16(self._context, repr(pictures), repr(told))
        notes = {note.path: (note.at, note.stamp) for note in files.notes}
        return Look(notes, rest, files.complete)

    @cached_property
    def _context(self) -> str:
        """All that decides what a note says besides its own words."""
        return h16(program(), self.name, os.path.realpath(self.root), repr(self.settings))

    def _kept(self, kept: Kept, note: NoteFile, files: Files) -> Said | None:
        """What a note that is as it was said, if its pictures are where they were."""
        body = kept.of(note.path, note.stamp)
        if not body:
            return None if body is None else NOTHING
        try:
            said = msgspec.json.decode(body, type=Said)
        except msgspec.MsgspecError:
            return None
        moved = any(picture(name, note.path, files.others) != at for name, at in said.pictures)
        return None if moved else said

    def _read(self, kept: Kept, note: NoteFile, files: Files, helped: Helped | None) -> Said:
        """Read a note, or hear what another has read in it.

        Raises:
            ItemError: it cannot be read, or is no text.
        """
        told = helped.of(note) if helped else None
        said, stamp = told or self._manner.read(note, files.others)
        if helped and told is None:
            helped.left += 1
        kept.learn(note.path, stamp, b"" if said == NOTHING else msgspec.json.encode(said))
        return said
