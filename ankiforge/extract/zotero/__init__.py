"""Zotero: what was marked in papers, by its database, its local or its web API.

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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.files import Stamp, program, proves, stamp_of
from ankiforge.extract.pdf.worker import SECONDS, PdfWorker
from ankiforge.extract.workers import WorkerPool, local_fallback
from ankiforge.extract.zotero.database import (
    BETTER_BIBTEX_FILE,
    Catalog,
    Database,
    Library,
    companions,
    local_database,
)
from ankiforge.extract.zotero.files import STORAGE, linked_folder
from ankiforge.extract.zotero.settings import Address, UntoldError, Wanted, addresses, wanted
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

if TYPE_CHECKING:  # pyzotero is imported only where an API is asked
    from ankiforge.extract.zotero.api import Pace
    from ankiforge.extract.zotero.sync import Remote

DATABASE = "zotero.sqlite"
APIS = ("", "none", "auto", "local", "web")
KNOWN_SCHEMAS = range(119, 130)
"""`userdata` versions with all the columns we read: 119 (2022) to 129 (Zotero 10)."""
NOTHING_KNOWN = NothingKnown()
LIBRARY = "library "
"""Precedes the container of a library among what a whole source depends on."""


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

    `memory` caches what the web API said; `offline` forbids any connection but to this machine;
    `pool` reads several PDFs at a time; `seconds` is the time that finding the words around the
    marks of one PDF may take; `pace` is how to wait for a server that asks for it.

    Raises:
        ConfigError: the settings cannot be meant, or name neither a path nor an API.
    """
    if settings.api not in APIS:
        raise ConfigError(
            f"api: {settings.api!r} is not a way to read Zotero", hint="auto, local or web"
        )
    if not settings.path and settings.api in ("", "none"):
        raise ConfigError(
            "path is missing",
            hint="give the folder that holds zotero.sqlite, e.g. path: ~/Zotero, or an `api`",
        )
    database = (root / DATABASE if root.is_dir() else root) if settings.path else None
    local, web = addresses(settings.api, settings.url, settings.key_env)
    libraries = wanted(settings.library)
    return ZoteroSource(
        name, settings.api, database, libraries, local, web, only, me, memory, offline, pool,
        seconds, pace,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Access:
    """One way to some of the libraries."""

    where: str
    says: str
    """What it is, in words."""
    opened: Callable[[], AbstractContextManager[Catalog]]
    groups: bool | None = None
    """Whether to read the groups only (True), the own library only (False), or all."""


@dataclass(frozen=True, slots=True)
class ZoteroSource:
    """One Zotero: the user's own library and every group, or those that are wanted."""

    name: str
    api: str
    database: Path | None
    wanted: Wanted
    local: Address
    web: Address
    only: tuple[Path, ...]
    me: tuple[str, ...]
    memory: Memory
    offline: bool
    pool: WorkerPool | None
    seconds: float
    pace: Pace | None

    @property
    def folder(self) -> Path | None:
        """Zotero's data folder, where the PDFs and pictures are."""
        return self.database.parent if self.database else None

    # --- scanning

    def scan(self, known: Known = NOTHING_KNOWN) -> Iterator[Sighting]:
        """Yield library by library; each ends with its `Scan`.

        If neither the database nor a file that was looked for has changed, nothing is read.
        Otherwise everything is, and the ledger finds which papers have changed.
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
        asked = known is not NOTHING_KNOWN and calm
        if asked and (fingerprint := self._fingerprint(depends, begun)):
            yield Unmarked(own, self.name, fingerprint, depends)

    def _fingerprint(self, depends: tuple[str, ...], begun: int) -> str:
        """Return a hash of all that decides what the database says; "" if only reading it can tell.

        `begun` is when reading began: a later change of a file proves nothing.
        """
        database = self.database
        if not depends or self.api not in ("", "none") or database is None or self.only:
            return ""
        files = tuple(one for one in depends if not one.startswith(LIBRARY))
        folder = database.parent
        beside = (folder / BETTER_BIBTEX_FILE, folder / STORAGE, *sorted(folder.glob("cache/*")))
        stamps = [_stamp(path) for path in (*companions(database), *beside, *map(Path, files))]
        if stamps[0] is None or not all(stamp is None or proves(stamp, begun) for stamp in stamps):
            return ""
        asked = (self.wanted, self.me, str(linked_folder(folder)), files, stamps)
        return h16(program(), self.name, str(database), repr(asked))

    def stamp(self) -> str:
        """Return what changes with the database; "" if only reading tells. The watcher compares it."""
        return self._fingerprint((LIBRARY,), time.time_ns())

    def look(self) -> str:
        """Return what would be read, and by which access; `doctor` asks.

        Raises:
            ItemError: there is none, or a wanted library cannot be read.
        """
        said = []
        for access in self._accesses():
            with access.opened() as catalog:
                names = []
                for library in self._libraries(access, catalog):
                    if isinstance(library, Problem):
                        raise ItemError(library.what, hint=library.hint)
                    names.append(library.namespace.removeprefix("zotero:"))
            said.append(f"{', '.join(names) or 'no library'} by {access.says}")
        return "; ".join(said)

    def _read(self, looked: set[str]) -> Iterator[Sighting]:
        """Read all libraries; note the files that were looked for."""
        try:
            accesses = self._accesses()
        except ItemError as error:
            yield Problem(self.name, error.message, error.hint)
            yield Scan(self.name, Library.USER, complete=False)
            return
        if self.api == "auto":
            says = ", and shared libraries by ".join(access.says for access in accesses)
            yield Problem(self.name, f"read by {says}", notice=True)
        whole = not self.only
        with PdfWorker(self.seconds, self.memory) as worker:
            for access in accesses:
                try:
                    with access.opened() as catalog:
                        works = Works(self.name, catalog, worker, self.folder, self.me, self.pool)
                        for library in self._libraries(access, catalog):
                            if isinstance(library, Problem):
                                yield library
                            else:
                                for one in self._library(access, works, library, looked):
                                    whole &= not isinstance(one, Scan) or one.complete
                                    yield one
                except ItemError as error:
                    whole = False
                    yield Problem(access.where, error.message, error.hint)
                    if not access.groups:  # which groups there are is unknown
                        yield Scan(self.name, Library.USER, complete=False)
            worker.store(complete=whole)
            yield from local_fallback(self.name, worker.lost, "files")

    def _library(
        self, access: _Access, works: Works, library: Library, looked: set[str]
    ) -> Iterator[Sighting]:
        complete = not self.only
        try:
            found = 0
            for one in works.of(library, self._attachments()):
                found += isinstance(one, Extracted)
                yield one
            looked |= works.files.looked(library)
            trashed = 0 if found or self.only else works.catalog.trashed(library)
            if trashed:
                marks = (
                    "the only annotation lies" if trashed == 1 else f"all {trashed} annotations lie"
                )
                what = f"{library.says}: {marks} in the trash of Zotero"
                hint = "restore in Zotero what you want to learn"
                yield Problem(self.name, what, hint, notice=True)
        except ItemError as error:
            complete = False
            notice = isinstance(error, UntoldError) and not self.wanted.explicit
            where = f"{access.where}: {library.says}"
            yield Problem(where, error.message, error.hint, notice=notice)
        yield Scan(self.name, library.namespace, complete)

    def _attachments(self) -> frozenset[str] | None:
        """Return the attachments that `only` names by `storage/<KEY>/…`; None = all there are."""
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
        """Return how to read now; together they lead to every library that is wanted.

        Raises:
            ItemError: there is none.
        """
        if self.api == "local":
            return self._by_local()
        if self.api == "web":
            return (self._by_web(),)
        if self.api != "auto":
            return (self._by_database(),)
        # the running Zotero, else its database, else the web
        try:
            with closing(self._remote(self.local)) as remote:
                remote.check_local()
        except ItemError as error:
            if self._has_database:
                return (self._by_database(),)
            if self.web.key and not (self.offline and not self.web.loopback):
                return (self._by_web(),)
            name = self.web.key_env
            key = f"export {name}=…" if name else "name the key's variable: `key_env: NAME`"
            raise ItemError(
                f"Zotero cannot be reached: {error.message}; no data folder; no key for the web",
                hint=f"{error.hint}; or {key}",
            ) from error
        return self._by_local()

    @property
    def _has_database(self) -> bool:
        return self.database is not None and self.database.is_file()

    def _by_local(self) -> tuple[_Access, ...]:
        """Read shared libraries from the database, where there is one: it knows whose a mark is."""
        says = f"Zotero's local API at {self.local.host}"
        if not self._has_database:
            return (self._by_api(self.local, says),)
        own = self._by_api(self.local, says, groups=False)
        needs = self.wanted.needs_groups or self.wanted.named
        return (own, self._by_database(groups=True)) if needs else (own,)

    def _by_web(self) -> _Access:
        if self.offline and not self.web.loopback:
            raise ItemError(
                f"--offline, and Zotero's web library is at {self.web.host}",
                hint="run it without --offline, or give `path:`, Zotero's data folder",
            )
        return self._by_api(self.web, f"Zotero's web API at {self.web.host}")

    def _remote(self, address: Address) -> Remote:
        from ankiforge.extract.zotero.api import Pace
        from ankiforge.extract.zotero.sync import Remote

        return Remote(address, self.wanted, self.memory, self.pace or Pace())

    def _by_api(self, address: Address, says: str, groups: bool | None = None) -> _Access:
        return _Access(address.host, says, lambda: closing(self._remote(address)), groups)

    def _by_database(self, groups: bool | None = None) -> _Access:
        path = self.database or Path()
        return _Access(str(path), str(path), lambda: local_database(path), groups)

    def _libraries(self, access: _Access, catalog: Catalog) -> Iterator[Library | Problem]:
        """Yield the libraries to read, and what to report about the rest."""
        found: Iterator[Library | Problem]
        if isinstance(catalog, Database):
            found = chain(_age(access.where, catalog), _chosen(access.where, catalog, self.wanted))
        else:
            found = catalog.libraries_and_fault()
        for one in found:
            is_own = isinstance(one, Library) and one.group is None
            if access.groups is None or access.groups != is_own:
                yield one


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp_of(path.stat())
    except OSError:
        return None


def _age(where: str, database: Database) -> Iterator[Problem]:
    version = database.version()
    if version in KNOWN_SCHEMAS:
        return
    age = "newer" if version >= KNOWN_SCHEMAS.stop else "older"
    yield Problem(
        where,
        f"it was written by a Zotero {age} than this program supports (schema {version})",
        hint="it was read anyway; if marks are missing, bring the older program up to date",
        notice=True,
    )


def _chosen(where: str, catalog: Database, wanted: Wanted) -> Iterator[Library | Problem]:
    """Yield the libraries of a database that are wanted, and a problem for those it lacks."""
    there = {library.group: library for library in catalog.libraries()}
    known = {group for group in there if group is not None}
    user, own = wanted.user(known), catalog.account().id
    foreign = user is not None and own not in (None, user)
    if (wanted.own or (user is not None and not foreign)) and None in there:
        yield there[None]
    if foreign:
        yield Problem(where, f"library: {user} is neither its user nor one of its groups")
    for group in wanted.groups(known):
        if group in there:
            yield there[group]
        else:
            yield Problem(where, f"library: it has no group {group}", "sync it in Zotero")
