"""Zotero: annotations of papers, from its database, its local API or its web API.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite
      - zotero: {name: zotero, api: local}         # the own library of a running Zotero 8 or later
      - zotero: {name: zotero, api: web}           # zotero.org, with the key in ZOTERO_API_KEY

The database is copied, and SQLite opens only the copy. So the original is never written to, and
Zotero may be running. None of the three sources has the text around a mark. It is read from the PDF
if `path` leads to it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ankiforge.config import ZOTERO, ZOTERO_WEB, is_loopback, key_for, key_variable, origin
from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.files import program, proves, stamp_at
from ankiforge.extract.pdf.worker import SECONDS, PdfWorker
from ankiforge.extract.zotero.database import Database, companions, local_database
from ankiforge.extract.zotero.files import STORAGE, is_in_reach, linked_folder, own_settings
from ankiforge.extract.zotero.items import Address, Wanted
from ankiforge.extract.zotero.works import Works
from ankiforge.model import (
    Known,
    Memory,
    NoMemory,
    Problem,
    Scan,
    Sighting,
    Source,
    Strings,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text import regex

if TYPE_CHECKING:  # pyzotero is imported only if an API is used
    from ankiforge.extract.zotero.api import Online, Pace

LIBRARY = "library "
"""The prefix of library containers among the dependencies of a whole source."""
LOCAL = "http://127.0.0.1:23119/api"
_GROUP = regex(r"(?:groups?[./])?([1-9]\d{0,17})")
_HINT = "user, the number of a group, groups/<number>, or a list of these"

Setting = str | int | tuple[str | int, ...]


class Settings(SourceSettings, kw_only=True):
    """`path` is Zotero's data folder or a `zotero.sqlite`. It is optional if `api` is given."""

    path: str = ""
    api: Literal["", "local", "web"] = ""
    """`local` or `web`. "" to read the database at `path`."""
    library: Setting = ""
    """The libraries to read. "" for all."""
    key_env: str = ""
    url: str = ""
    linked: Strings = ()
    """Folders outside the workspace in which linked files are read, though the database lies in it."""


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: Strings = (),
    *,
    memory: Memory = NoMemory(),  # noqa: B008 - it holds nothing
    offline: bool = False,
    jobs: int = 1,
    executor: str = "",
    seconds: float = SECONDS,
    pace: Pace | None = None,
    workspace: Path | None = None,
) -> Source:
    """Return a reader for the data folder (or database file) `root`, or for Zotero's API.

    `memory` caches the results of the web API. `offline` forbids connections to other machines.
    `jobs` is how many PDFs are read at a time, `executor` the address of a Dask cluster that reads
    them. `seconds` is the time limit for finding the text around
    the marks of one PDF. `pace` is how to wait for a server that asks for it. `workspace` is the
    folder of the workspace, links resolved; its files may come from somebody else.

    Raises:
        ConfigError: the settings are invalid, or name neither a path nor an API.
    """
    if not settings.path and not settings.api:
        hint = "give the folder that holds zotero.sqlite, e.g. path: ~/Zotero, or an `api`"
        raise ConfigError("path is missing", hint=hint)
    database = (root / "zotero.sqlite" if root.is_dir() else root) if settings.path else None
    address = address_of(settings.api, settings.url, settings.key_env)
    libraries = wanted(settings.library)
    worker = partial(PdfWorker, seconds, memory, jobs, executor)
    reach = reach_of(database.parent, workspace, settings.linked) if database else None
    return ZoteroSource(
        name,
        database,
        libraries,
        address,
        only,
        me,
        memory,
        offline,
        worker,
        pace,
        reach,
        workspace,
    )


def reach_of(data: Path, workspace: Path | None, linked: Strings) -> tuple[Path, ...] | None:
    """Return the only folders in which the files of a library are opened; None if it names them.

    A person who names a data folder, or confirms one outside the workspace, means its linked files,
    too. A database inside the workspace may have come with it from a stranger, and its paths may
    lead to any file. Then nothing outside is opened but in the folders that a person confirmed.
    """
    if workspace is None or not Path(os.path.realpath(data)).is_relative_to(workspace):
        return None
    if own_settings(data) is not None:
        return None
    folders = (Path(os.path.normpath(workspace / Path(one).expanduser())) for one in linked)
    return (data, workspace, *folders)


def wanted(setting: Setting) -> Wanted:
    """Parse the setting `library`.

    Raises:
        ConfigError: it does not name a library.
    """
    words = setting if isinstance(setting, tuple) else (setting,) if setting != "" else ()
    found = set()
    for word in map(str, words):
        group = _GROUP.fullmatch(word.strip())
        if not group and word.strip() != "user":
            raise ConfigError(f"library: {word!r} is no library", hint=_HINT)
        found.add(int(group[1]) if group else None)
    return frozenset(found) or None


def address_of(api: str, url: str, key_env: str) -> Address | None:
    """Return the address of the local or of the web API. None if there is no `api`.

    Raises:
        ConfigError: the settings are invalid.
    """
    here = is_loopback(url)
    if url and not (here if api == "local" else api and (here or origin(url)[0] == "https")):
        hint = f"beside api: web, https, such as {ZOTERO_WEB}; beside api: local, this computer"
        raise ConfigError(f"url: {url!r} cannot be asked", hint=hint)
    if not api:
        return None
    if api == "local":
        return Address(url.rstrip("/") or LOCAL, True)
    there = url.rstrip("/") or ZOTERO_WEB
    name, key = key_variable(ZOTERO, there, key_env), key_for(ZOTERO, there, key_env)
    if not key.isascii() or not key.isprintable():
        what = f"key_env: the key in {name} contains characters that are not allowed in a header"
        raise ConfigError(what)
    return Address(there, False, name, key)


@dataclass(frozen=True, slots=True)
class ZoteroSource:
    """One Zotero installation: the user's own library and all groups, or those selected."""

    name: str
    database: Path | None
    wanted: Wanted
    address: Address | None
    """The API. None to read the database."""
    only: tuple[Path, ...]
    me: Strings
    memory: Memory
    offline: bool
    worker: Callable[[], PdfWorker]
    pace: Pace | None
    reach: tuple[Path, ...] | None = None
    """The only folders in which files are opened; None = wherever the library says."""
    workspace: Path | None = None

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

    def _fingerprint(self, depends: Strings, begun: int) -> str:
        """Return a hash of everything that determines the results. "" if it is unknown.

        `begun` is when reading began. Files changed after that prove nothing.
        """
        database = self.database
        if not depends or self.address or database is None or self.only:
            return ""
        folder = database.parent
        files = tuple(entry for entry in depends if not entry.startswith(LIBRARY))
        beside = (folder / STORAGE, *sorted(folder.glob("cache/*")))
        stamps = [stamp_at(path) for path in (*companions(database), *beside, *map(Path, files))]
        if stamps[0] is None or not all(stamp is None or proves(stamp, begun) for stamp in stamps):
            return ""
        linked = (str(linked_folder(folder)), repr(self.reach))
        asked = (self.wanted, self.me, linked, files, stamps)
        return h16(program(), self.name, str(database), repr(asked))

    def look(self) -> str:
        """Return what would be read and through which access, for `doctor`.

        Raises:
            ItemError: there is no access, or a selected library cannot be read.
        """
        with self._opened() as access:
            names = [one.namespace.removeprefix("zotero:") for one in access.libraries]
            for library in access.libraries:
                access.items(library)
        said, at = ", ".join(names) or "no library", self.address
        api = at and f"Zotero's {'local' if at.local else 'web'} API at {at.host}"
        return f"{said} by {api or self.database}"

    def _read(self, looked: set[str]) -> Iterator[Sighting]:
        """Read all libraries, and add the files that were looked for to `looked`."""
        whole, where = True, self.address.host if self.address else str(self.database)
        with self.worker() as worker:
            try:
                with self._opened() as access:
                    works = Works(self.name, access, worker, self.folder, self.me, self.reach)
                    for library in access.libraries:
                        complete = not self.only
                        try:
                            yield from works.of(library)
                            complete &= not works.failed
                            looked |= works.files.looked
                        except ItemError as error:
                            complete = False
                            yield Problem(f"{where}: {library.says}", error.message, error.hint)
                        yield Scan(self.name, library.namespace, complete)
                        whole &= complete
                    yield from self._not_opened(works.files.refused)
            except ItemError as error:
                whole = False
                yield Problem(where, error.message, error.hint)
                yield Scan(self.name, "zotero:user", complete=False)
            worker.store(complete=whole)

    def _not_opened(self, paths: Iterable[str]) -> Iterator[Problem]:
        """Yield a notice for each folder of linked files that nobody confirmed."""
        folders = Counter(os.path.dirname(path) for path in paths)  # noqa: PTH120 - of any system
        for folder, count in sorted(folders.items()):
            what = (
                f"linked files in {folder} were not opened ({count}): it is outside the workspace"
            )
            hint = (
                f"if these are yours, write linked: [{folder}] into this source in ankiforge.yaml,"
                f" then: ankiforge init --trust {self.workspace}"
            )
            yield Problem(self.name, what, hint, notice=True)

    @contextmanager
    def _opened(self) -> Iterator[Database | Online]:
        """Open the database, or an API.

        Raises:
            ItemError: nothing can be read.
        """
        if self.address is None:
            assert self.database
            if not all(
                is_in_reach(path, self.reach)
                for path in (self.database, *companions(self.database))
            ):
                hint = "give the folder that it leads to as path:"
                raise ItemError("it is a link that leads out of the workspace", hint=hint)
            with local_database(self.database, self.wanted) as database:
                yield database
            return
        if self.offline and not is_loopback(self.address.url):
            hint = "run it without --offline, or give `path:`, Zotero's data folder"
            what = f"--offline, and Zotero's web library is at {self.address.host}"
            raise ItemError(what, hint=hint)
        from ankiforge.extract.zotero import api

        with api.Client(self.address, self.pace or api.Pace()) as client:
            yield api.Online(self.address, self.wanted, self.memory, client)
