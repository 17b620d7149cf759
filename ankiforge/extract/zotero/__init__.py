"""Zotero: what was marked in papers, by three ways that give the same.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite
      - zotero: {name: zotero, api: local}         # a running Zotero, 8 or later
      - zotero: {name: zotero, api: web}           # zotero.org, with the key in ZOTERO_API_KEY

The database is read from a private copy, never opened with SQLite itself and never written to;
Zotero may run meanwhile. The words around a mark are in none of the three: they come from the PDF,
if `path` leads to it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.files import Stamp, program, proves, stamp_of
from ankiforge.extract.pdf.client import SECONDS
from ankiforge.extract.pdf.remembering import HelpedWorker
from ankiforge.extract.workers import WorkerPool, local_fallback
from ankiforge.extract.zotero.address import UntoldError
from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import Library
from ankiforge.extract.zotero.files import STORAGE, looked_for
from ankiforge.extract.zotero.local import BETTER_BIBTEX
from ankiforge.extract.zotero.profile import linked_folder
from ankiforge.extract.zotero.routes import APIS, Routes, Way, addresses
from ankiforge.extract.zotero.snapshot import companions
from ankiforge.extract.zotero.wanted import wanted
from ankiforge.extract.zotero.works import Works
from ankiforge.model import (
    Extracted,
    Known,
    Memory,
    NoMemory,
    NothingKnown,
    Problem,
    Scan,
    Sighting,
    Source,
    Unchanged,
    Unmarked,
    h16,
)

if TYPE_CHECKING:
    from ankiforge.extract.zotero.wire import Pace

DATABASE = "zotero.sqlite"
NOTHING_KNOWN = NothingKnown()
LIBRARY = "library "
"""Before the container of a library, among what a whole source depends on."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`path` is Zotero's data folder, or a `zotero.sqlite`; beside `api` it need not be given."""

    path: str = ""
    api: str = ""
    """`local`, `web`, or `auto`: the first that answers of local, path, web."""
    library: str | int | tuple[str | int, ...] = ""
    """Which libraries; "" = all."""
    key_env: str = ""
    url: str = ""


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    memory: Memory = NoMemory(),  # noqa: B008 - it holds nothing
    offline: bool = False,
    pool: WorkerPool | None = None,
    seconds: float = SECONDS,
    pace: Pace | None = None,
) -> Source:
    """Make a reader of the data folder (or database file) `root`, or of Zotero's API.

    `memory` keeps what the web API told; `offline` forbids any connection but to this machine;
    `pool` reads several PDFs at a time; `seconds` is the time that finding the words around the
    marks of one PDF may take; `pace` is how to wait for a server that asks for it.

    Raises:
        ConfigError: the settings cannot be meant, or name neither a path nor an API.
    """
    if settings.api not in APIS:
        raise ConfigError(f"api: {settings.api!r} is no way to Zotero", hint="auto, local or web")
    if not settings.path and settings.api in ("", "none"):
        raise ConfigError(
            "path is missing",
            hint="give the folder that holds zotero.sqlite, e.g. path: ~/Zotero, or an `api`",
        )
    database = (root / DATABASE if root.is_dir() else root) if settings.path else None
    local, web = addresses(settings.api, settings.url, settings.key_env)
    libraries = wanted(settings.library)
    routes = Routes(settings.api, database, libraries, local, web, memory, offline, pace)
    return ZoteroSource(name, routes, only, me, pool, seconds)


@dataclass(frozen=True, slots=True)
class ZoteroSource:
    """One Zotero: the user's own library and every group, or those that are wanted."""

    name: str
    routes: Routes
    only: tuple[Path, ...]
    me: tuple[str, ...]
    pool: WorkerPool | None
    seconds: float

    @property
    def folder(self) -> Path | None:
        """Zotero's data folder, where the PDFs and pictures are."""
        return self.routes.database.parent if self.routes.database else None

    def scan(self, known: Known = NOTHING_KNOWN) -> Iterator[Sighting]:
        """Yield library by library; each ends with its `Scan`.

        If neither the database nor a file that was looked for has changed, nothing is read. Else
        all is, and the ledger tells which papers have changed.
        """
        own, begun = f"zotero source {self.name}", time.time_ns()
        depends = known.depends(own, self.name)
        if known.is_unchanged(own, self.name, self._fingerprint(depends, begun)):
            containers = [one[len(LIBRARY) :] for one in depends if one.startswith(LIBRARY)]
            libraries = [(one, known.paths(one)) for one in containers]
            if all(paths is not None for _, paths in libraries):
                for container, paths in libraries:
                    yield from (Unchanged(container, path) for path in paths or ())
                    yield Scan(self.name, container, complete=True)
                return
        looked: set[str] = set()
        calm = True
        for sighting in self._read(looked):
            calm &= not isinstance(sighting, Problem)
            if isinstance(sighting, Scan):
                calm &= sighting.complete
                looked.add(f"{LIBRARY}{sighting.container}")
            yield sighting
        depends = tuple(sorted(looked))
        if (
            known is not NOTHING_KNOWN
            and calm
            and (fingerprint := self._fingerprint(depends, begun))
        ):
            yield Unmarked(own, self.name, fingerprint, depends)

    def _fingerprint(self, depends: tuple[str, ...], begun: int) -> str:
        """Return what decides what the database says; "" if only reading it can tell.

        `begun` is when reading began: what was written to since proves nothing.
        """
        files = tuple(one for one in depends if not one.startswith(LIBRARY))
        return self._stamp_with(files, begun) if depends else ""

    def _read(self, looked: set[str]) -> Iterator[Sighting]:
        """Read all libraries; note the files that were looked for."""
        try:
            ways = self.routes.taken()
        except ItemError as error:
            yield Problem(self.name, error.message, error.hint)
            yield Scan(self.name, Library.USER, complete=False)
            return
        if self.routes.api == "auto":
            yield Problem(self.name, f"read by {_in_words(ways)}", notice=True)
        with HelpedWorker(self.seconds) as worker:
            for way in ways:
                yield from self._way(way, worker, looked)
            yield from local_fallback(self.name, worker.lost, "files")

    def stamp(self) -> str:
        """Changes whenever a scan may yield something else; "" if only asking Zotero can tell."""
        return self._stamp_with(looked_for(self.routes.memory), time.time_ns())

    def _stamp_with(self, files: tuple[str, ...], now_ns: int) -> str:
        database = self.routes.database
        if self.routes.api not in ("", "none") or database is None or self.only:
            return ""
        folder = database.parent
        stamps = [
            _stamp(path) for path in (*companions(database), *_beside(folder), *map(Path, files))
        ]
        if stamps[0] is None or not all(stamp is None or proves(stamp, now_ns) for stamp in stamps):
            return ""
        asked = (self.routes.wanted, self.me, str(linked_folder(folder)), files, stamps)
        return h16(program(), self.name, str(database), repr(asked))

    def look(self) -> str:
        """What would be read, and by which way.

        Raises:
            ItemError: nothing, for there is none.
        """
        told = []
        for way in self.routes.taken():
            with way.opened() as catalog:
                found = [_sound(one) for one in way.libraries(catalog)]
            names = ", ".join(library.namespace.removeprefix("zotero:") for library in found)
            told.append(f"{names or 'no library'} by {way.says}")
        return "; ".join(told)

    def _way(self, way: Way, worker: HelpedWorker, looked: set[str]) -> Iterator[Sighting]:
        try:
            with way.opened() as catalog:
                for library in way.libraries(catalog):
                    if isinstance(library, Problem):
                        yield library
                    else:
                        yield from self._library(way, catalog, library, worker, looked)
        except ItemError as error:
            yield Problem(way.where, error.message, error.hint)
            if way.container:
                yield Scan(self.name, way.container, complete=False)

    def _library(
        self,
        way: Way,
        catalog: Catalog,
        library: Library,
        worker: HelpedWorker,
        looked: set[str],
    ) -> Iterator[Sighting]:
        chosen = _attachments(self.folder, self.only)
        complete = not self.only
        try:
            memory = self.routes.memory
            works = Works(self.name, catalog, worker, self.folder, self.me, memory, self.pool)
            found = 0
            for one in works.of(library, chosen):
                found += isinstance(one, Extracted)
                yield one
            looked |= works.looked(library)
            trashed = 0 if found or self.only else catalog.trashed(library)
            if trashed:
                marks = (
                    "the only annotation lies" if trashed == 1 else f"all {trashed} annotations lie"
                )
                what = f"{library.says}: {marks} in the trash of Zotero"
                yield Problem(
                    self.name, what, "restore in Zotero what you want to learn", notice=True
                )
        except ItemError as error:
            complete = False
            where = f"{way.where}: {library.says}"
            told = isinstance(error, UntoldError) and not self.routes.wanted.explicit
            yield Problem(where, error.message, error.hint, notice=told)
        yield Scan(self.name, library.namespace, complete)


def _sound(found: Library | Problem) -> Library:
    """What can be read.

    Raises:
        ItemError: a library that is wanted cannot be.
    """
    if isinstance(found, Problem):
        raise ItemError(found.what, hint=found.hint)
    return found


def _beside(folder: Path) -> Iterator[Path]:
    """What else is looked at: citation keys, and the folders that files and pictures come into."""
    yield folder / BETTER_BIBTEX
    yield folder / STORAGE
    yield from sorted(folder.glob("cache/*"))


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None


def _in_words(ways: tuple[Way, ...]) -> str:
    return ", and shared libraries by ".join(way.says for way in ways)


def _attachments(folder: Path | None, only: tuple[Path, ...]) -> frozenset[str] | None:
    """The attachments that `only` names by `storage/<KEY>/…`; None = all there are."""
    if folder is None:
        return None
    storage, keys = folder.resolve() / "storage", set()
    for path in only:
        if storage not in path.resolve().parents:
            return None
        keys.add(path.resolve().relative_to(storage).parts[0])
    return frozenset(keys) if keys else None
