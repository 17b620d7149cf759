"""Zotero: annotations of papers, from its database, its local API or its web API.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite
      - zotero: {name: zotero, api: local}         # a running Zotero, 8 or later
      - zotero: {name: zotero, api: web}           # zotero.org, with the key in ZOTERO_API_KEY

The database is copied, and SQLite opens only the copy. So the original is never written to, and
Zotero may be running. None of the three sources has the text around a mark. It is read from the PDF
if `path` leads to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.files import program, proves, stamp_at
from ankiforge.extract.pdf.worker import SECONDS, PdfWorker
from ankiforge.extract.zotero.database import (
    BETTER_BIBTEX_FILE,
    Catalog,
    Database,
    Library,
    companions,
    local_database,
)
from ankiforge.extract.zotero.files import STORAGE, linked_folder
from ankiforge.extract.zotero.settings import Address, UntoldError, Wanted, address_of, wanted
from ankiforge.extract.zotero.works import Works
from ankiforge.model import (
    Extracted,
    Known,
    Memory,
    NoMemory,
    Problem,
    Scan,
    Sighting,
    Source,
    Unchanged,
    Unmarked,
    h16,
)

if TYPE_CHECKING:  # pyzotero is imported only if an API is used
    from ankiforge.extract.zotero.api import Pace
    from ankiforge.extract.zotero.sync import Remote

DATABASE = "zotero.sqlite"
APIS = ("", "local", "web")
KNOWN_SCHEMAS = range(119, 130)
"""The `userdata` versions that have all the columns we read: 119 (2022) to 129 (Zotero 10)."""
LIBRARY = "library "
"""The prefix of library containers among the dependencies of a whole source."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`path` is Zotero's data folder or a `zotero.sqlite`. It is optional if `api` is given."""

    path: str = ""
    api: str = ""
    """`local` or `web`. "" to read the database at `path`."""
    library: str | int | tuple[str | int, ...] = ""
    """The libraries to read. "" for all."""
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
    jobs: int = 1,
    executor: str = "",
    seconds: float = SECONDS,
    pace: Pace | None = None,
) -> Source:
    """Return a reader for the data folder (or database file) `root`, or for Zotero's API.

    `memory` caches the results of the web API. `offline` forbids connections to other machines.
    `jobs` is how many PDFs are read at a time, `executor` the address of a Dask cluster that reads
    them. `seconds` is the time limit for finding the text around
    the marks of one PDF. `pace` is how to wait for a server that asks for it.

    Raises:
        ConfigError: the settings are invalid, or name neither a path nor an API.
    """
    if settings.api not in APIS:
        raise ConfigError(f"api: {settings.api!r} is not a way to read Zotero", hint="local or web")
    if not settings.path and not settings.api:
        raise ConfigError(
            "path is missing",
            hint="give the folder that holds zotero.sqlite, e.g. path: ~/Zotero, or an `api`",
        )
    database = (root / DATABASE if root.is_dir() else root) if settings.path else None
    address = address_of(settings.api, settings.url, settings.key_env)
    libraries = wanted(settings.library)
    return ZoteroSource(
        name, database, libraries, address, only, me, memory, offline, jobs, executor, seconds, pace,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Access:
    """One way to read some of the libraries."""

    where: str
    says: str
    """A description for people."""
    opened: Callable[[], AbstractContextManager[Catalog]]
    groups: bool | None = None
    """True reads only the groups, False only the own library, None all."""


@dataclass(frozen=True, slots=True)
class ZoteroSource:
    """One Zotero installation: the user's own library and all groups, or those selected."""

    name: str
    database: Path | None
    wanted: Wanted
    address: Address | None
    """The API. None to read the database."""
    only: tuple[Path, ...]
    me: tuple[str, ...]
    memory: Memory
    offline: bool
    jobs: int
    executor: str
    seconds: float
    pace: Pace | None

    @property
    def folder(self) -> Path | None:
        """Zotero's data folder, with the PDFs and pictures."""
        return self.database.parent if self.database else None

    # --- scanning

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield the content of each library, followed by its `Scan`.

        If neither the database nor any of the files that were used has changed, nothing is read.
        Otherwise everything is read, and the ledger finds out which papers have changed.
        """
        own, begun = f"zotero source {self.name}", time.time_ns()
        depends = known.depends(own, self.name) if known else ()
        if known and known.is_unchanged(own, self.name, self._fingerprint(depends, begun)):
            containers = [entry[len(LIBRARY) :] for entry in depends if entry.startswith(LIBRARY)]
            libraries = [(container, known.paths(container)) for container in containers]
            if all(paths is not None for _, paths in libraries):
                for container, paths in libraries:
                    yield from (Unchanged(container, path) for path in paths or ())
                    yield Scan(self.name, container, complete=True)
                return
        looked: set[str] = set()
        is_clean = True
        for sighting in self._read(looked):
            is_clean &= not isinstance(sighting, Problem)
            if isinstance(sighting, Scan):
                is_clean &= sighting.complete
                looked.add(f"{LIBRARY}{sighting.container}")
            yield sighting
        depends = tuple(sorted(looked))
        if known and is_clean and (fingerprint := self._fingerprint(depends, begun)):
            yield Unmarked(own, self.name, fingerprint, depends)

    def _fingerprint(self, depends: tuple[str, ...], begun: int) -> str:
        """Return a hash of everything that determines the results. "" if it is unknown.

        `begun` is when reading began. Files changed after that prove nothing.
        """
        database = self.database
        if not depends or self.address or database is None or self.only:
            return ""
        files = tuple(entry for entry in depends if not entry.startswith(LIBRARY))
        folder = database.parent
        beside = (folder / BETTER_BIBTEX_FILE, folder / STORAGE, *sorted(folder.glob("cache/*")))
        stamps = [stamp_at(path) for path in (*companions(database), *beside, *map(Path, files))]
        if stamps[0] is None or not all(stamp is None or proves(stamp, begun) for stamp in stamps):
            return ""
        asked = (self.wanted, self.me, str(linked_folder(folder)), files, stamps)
        return h16(program(), self.name, str(database), repr(asked))

    def stamp(self) -> str:
        """Return a hash that changes with the database. "" if unknown. The watcher compares it."""
        return self._fingerprint((LIBRARY,), time.time_ns())

    def look(self) -> str:
        """Return what would be read and through which access, for `doctor`.

        Raises:
            ItemError: there is no access, or a selected library cannot be read.
        """
        descriptions = []
        for access in self._accesses():
            with access.opened() as catalog:
                names = []
                for library in self._libraries(access, catalog):
                    if isinstance(library, Problem):
                        raise ItemError(library.what, hint=library.hint)
                    names.append(library.namespace.removeprefix("zotero:"))
            descriptions.append(f"{', '.join(names) or 'no library'} by {access.says}")
        return "; ".join(descriptions)

    def _read(self, looked: set[str]) -> Iterator[Sighting]:
        """Read all libraries, and add the files that were looked for to `looked`."""
        try:
            accesses = self._accesses()
        except ItemError as error:
            yield Problem(self.name, error.message, error.hint)
            yield Scan(self.name, Library.USER, complete=False)
            return
        whole = not self.only
        with PdfWorker(self.seconds, self.memory, self.jobs, self.executor) as worker:
            for access in accesses:
                try:
                    with access.opened() as catalog:
                        works = Works(self.name, catalog, worker, self.folder, self.me)
                        for library in self._libraries(access, catalog):
                            if isinstance(library, Problem):
                                yield library
                            else:
                                for sighting in self._library(access, works, library, looked):
                                    whole &= not isinstance(sighting, Scan) or sighting.complete
                                    yield sighting
                except ItemError as error:
                    whole = False
                    yield Problem(access.where, error.message, error.hint)
                    if not access.groups:  # which groups exist is unknown
                        yield Scan(self.name, Library.USER, complete=False)
            worker.store(complete=whole)
            yield from worker.unhelped(self.name)

    def _library(
        self, access: _Access, works: Works, library: Library, looked: set[str]
    ) -> Iterator[Sighting]:
        complete = not self.only
        try:
            found = 0
            for sighting in works.of(library, self._attachments()):
                found += isinstance(sighting, Extracted)
                yield sighting
            complete &= not works.failed
            looked |= works.files.looked(library)
            trashed = 0 if found or self.only else works.catalog.trashed(library)
            if trashed:
                marks = (
                    "the only annotation lies" if trashed == 1 else f"all {trashed} annotations lie"
                )
                what = f"{library.says}: {marks} in the trash of Zotero"
                hint = "restore what you want to learn in Zotero"
                yield Problem(self.name, what, hint, notice=True)
        except ItemError as error:
            complete = False
            notice = isinstance(error, UntoldError) and not self.wanted.explicit
            where = f"{access.where}: {library.says}"
            yield Problem(where, error.message, error.hint, notice=notice)
        yield Scan(self.name, library.namespace, complete)

    def _attachments(self) -> frozenset[str] | None:
        """Return the attachments that `only` selects by `storage/<KEY>/…`. None for all."""
        if self.folder is None:
            return None
        storage, keys = self.folder.resolve() / STORAGE, set()
        for path in self.only:
            if storage not in path.resolve().parents:
                return None
            keys.add(path.resolve().relative_to(storage).parts[0])
        return frozenset(keys) if keys else None

    # --- by database, local API or web API

    def _accesses(self) -> tuple[_Access, ...]:
        """Return the accesses that together reach every selected library.

        Raises:
            ItemError: there is none.
        """
        path, address = self.database or Path(), self.address
        exists = self.database is not None and path.is_file()

        def database(groups: bool | None = None) -> _Access:
            return _Access(str(path), str(path), lambda: local_database(path), groups)

        def api(address: Address, says: str, groups: bool | None = None) -> _Access:
            says = f"Zotero's {says} API at {address.host}"
            return _Access(address.host, says, lambda: closing(self._remote(address)), groups)

        if address is None:
            return (database(),)
        if address.local:
            if not exists:
                return (api(address, "local"),)
            # groups come from the database, because it knows the authors of marks
            groups = self.wanted.needs_groups or self.wanted.named
            return (api(address, "local", False), *([database(True)] if groups else []))
        if self.offline and not address.loopback:
            raise ItemError(
                f"--offline, and Zotero's web library is at {address.host}",
                hint="run it without --offline, or give `path:`, Zotero's data folder",
            )
        return (api(address, "web"),)

    def _remote(self, address: Address) -> Remote:
        from ankiforge.extract.zotero.api import Pace
        from ankiforge.extract.zotero.sync import Remote

        return Remote(address, self.wanted, self.memory, self.pace or Pace())

    def _libraries(self, access: _Access, catalog: Catalog) -> Iterator[Library | Problem]:
        """Yield the libraries to read, and problems with the rest."""
        if isinstance(catalog, Database):
            found = _in_database(access.where, catalog, self.wanted)
        else:
            found = catalog.libraries_and_fault()
        for item in found:
            is_own = isinstance(item, Library) and item.group is None
            if access.groups is None or access.groups != is_own:
                yield item


def _in_database(where: str, catalog: Database, wanted: Wanted) -> Iterator[Library | Problem]:
    """Yield the selected libraries of a database, and a problem for each missing one."""
    version = catalog.version()
    if version not in KNOWN_SCHEMAS:
        age = "newer" if version >= KNOWN_SCHEMAS.stop else "older"
        yield Problem(
            where,
            f"it was written by a Zotero {age} than this program supports (schema {version})",
            hint="it was read anyway; if marks are missing, update the older program",
            notice=True,
        )
    by_group = {library.group: library for library in catalog.libraries()}
    known = {group for group in by_group if group is not None}
    user, own = wanted.user(known), catalog.account().id
    foreign = user is not None and own not in (None, user)
    if (wanted.own or (user is not None and not foreign)) and None in by_group:
        yield by_group[None]
    if foreign:
        yield Problem(where, f"library: {user} is neither its user nor one of its groups")
    for group in wanted.groups(known):
        if group in by_group:
            yield by_group[group]
        else:
            yield Problem(where, f"library: it has no group {group}", "sync it in Zotero")
