"""An open Zotero: its libraries, from the database or an API, and the files beside it."""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.config import (
    ZOTERO,
    ZOTERO_WEB,
    is_loopback,
    key_for,
    key_variable,
    origin,
)
from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract.base import Opening
from ankiforge.extract.discover import EMBEDDED, LibraryRest, UnreadFiles
from ankiforge.extract.files import program, proves, stamp_at
from ankiforge.extract.pdf.messages import Read
from ankiforge.extract.pdf.worker import SECONDS, PdfWorker
from ankiforge.extract.sqlite import companions
from ankiforge.extract.zotero.attachments import (
    STORAGE,
    is_in_reach,
    linked_folder,
    own_settings,
)
from ankiforge.extract.zotero.database import (
    Address,
    Wanted,
    ZoteroDatabase,
    local_database,
)
from ankiforge.extract.zotero.works import Works, file_name
from ankiforge.model import (
    Known,
    Memory,
    Problem,
    Scan,
    Sighting,
    Strings,
    Unchanged,
    Unmarked,
    h16,
)
from ankiforge.text import counted, regex

if TYPE_CHECKING:  # pyzotero is imported only if an API is used
    from ankiforge.extract.zotero.api import Online, Pace

_LIBRARY = "library "
"""The prefix of library containers among the dependencies of a whole source."""
_LOCAL = "http://127.0.0.1:23119/api"
_MOST_LOOKED_INTO = 100
"""Stored PDFs without annotations in Zotero that are looked into, the newest first."""
# Missing files that are named.
_MOST_NAMES = 3
_GROUP = regex(r"(?:groups?[./])?([1-9]\d{0,17})")
_HINT = "user, the number of a group, groups/<number>, or a list of these"


# --- the settings ---------------------------------------------------------------------


def open_reader(opening: Opening) -> ZoteroSource:
    """Return a reader for a data folder (or database file), or for Zotero's API.

    Raises:
        ConfigError: the settings are invalid, or name neither a path nor an API.
    """
    settings = opening.settings
    if not settings.path and not settings.api:
        hint = (
            "give the folder that holds zotero.sqlite, e.g. path: ~/Zotero, or an `api`"
        )
        raise ConfigError("path is missing", hint=hint)
    database = None
    if settings.path:
        root = opening.root
        database = root / "zotero.sqlite" if root.is_dir() else root
    address = address_of(settings.api, settings.url, settings.key_env)
    libraries = wanted(settings.library)
    reach = None
    if database:
        reach = reach_of(database.parent, opening.workspace, settings.linked)
    return ZoteroSource(
        name=opening.name,
        database=database,
        wanted=libraries,
        address=address,
        only=opening.only,
        me=opening.me,
        memory=opening.memory,
        offline=opening.offline,
        jobs=opening.jobs,
        executor=opening.executor,
        reach=reach,
        workspace=opening.workspace,
    )


def reach_of(
    data: Path,
    workspace: Path | None,
    linked: Strings,
) -> tuple[Path, ...] | None:
    """Return the only folders in which the files of a library are opened; None if it names them.

    A person who names a data folder, or confirms one outside the workspace, means its
    linked files, too. A database inside the workspace may have come with it from a
    stranger, and its paths may lead to any file. Then nothing outside is opened but in
    the folders that a person confirmed.
    """
    real_folder = Path(os.path.realpath(data))
    if workspace is None or not real_folder.is_relative_to(workspace):
        return None
    if own_settings(data) is not None:
        return None
    confirmed = [
        Path(os.path.normpath(workspace / Path(folder).expanduser())) for folder in linked
    ]
    return (data, workspace, *confirmed)


def wanted(setting: str | int | tuple[str | int, ...]) -> Wanted:
    """Parse the setting `library`.

    Raises:
        ConfigError: it does not name a library.
    """
    if setting == "":
        return None
    names = setting if isinstance(setting, tuple) else (setting,)
    libraries: set[int | None] = set()
    for name in map(str, names):
        group = _GROUP.fullmatch(name.strip())
        if group:
            libraries.add(int(group[1]))
        elif name.strip() == "user":
            libraries.add(None)
        else:
            raise ConfigError(f"library: {name!r} is not a library", hint=_HINT)
    return frozenset(libraries) or None


def address_of(api: str, url: str, key_env: str) -> Address | None:
    """Return the address of the local or of the web API. None if there is no `api`.

    Raises:
        ConfigError: the settings are invalid.
    """
    # nothing goes unencrypted to others
    if url and not (
        api and (is_loopback(url) or (api == "web" and origin(url)[0] == "https"))
    ):
        hint = (
            f"with api: web, https, such as {ZOTERO_WEB}; with api: local, this computer"
        )
        raise ConfigError(f"url: {url!r} is not an address of a Zotero API", hint=hint)
    if not api:
        return None
    if api == "local":
        return Address(url.rstrip("/") or _LOCAL, local=True)
    address = url.rstrip("/") or ZOTERO_WEB
    name = key_variable(ZOTERO, address, key_env)
    key = key_for(ZOTERO, address, key_env)
    if not key.isascii() or not key.isprintable():
        message = f"key_env: the key in {name} contains characters that no key has"
        raise ConfigError(message, hint="copy it again, without a line end")
    return Address(address, local=False, key_env=name, key=key)


# --- the source -------------------------------------------------------------------------


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
    """Caches the results of the web API, and of PDFs."""
    offline: bool
    """Whether other machines must not be contacted."""
    jobs: int
    """The number of PDFs to read at a time."""
    executor: str
    """The address of a Dask cluster that reads them, "" for this machine."""
    reach: tuple[Path, ...] | None = None
    """The only folders in which files are opened; None = wherever the library says."""
    workspace: Path | None = None
    """The folder of the workspace, whose files may come from somebody else."""
    seconds: float = SECONDS
    """The time limit for finding the text around the marks of one PDF."""
    pace: Pace | None = None
    """How to wait for a server that asks for it; None = as usual."""
    library_rest: LibraryRest = field(default_factory=LibraryRest)
    """The marks that the last scan left out."""

    @property
    def folder(self) -> Path | None:
        """Zotero's data folder, with the PDFs and pictures."""
        return self.database.parent if self.database else None

    # --- scanning

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield the content of each library, followed by its `Scan`.

        If neither the database nor any of the files that were used has changed, nothing
        is read. Otherwise everything is read, and the ledger finds out which papers have
        changed.
        """
        begun = time.time_ns()
        own_container = f"zotero source {self.name}"
        if known:
            unchanged = self._unchanged(known, own_container, begun)
            if unchanged is not None:
                yield from unchanged
                return
        looked: set[str] = set()
        is_clean = True
        for sighting in self._read(looked):
            if isinstance(sighting, Problem):
                is_clean = False
            if isinstance(sighting, Scan):
                looked.add(f"{_LIBRARY}{sighting.container}")
            yield sighting
        if known and is_clean:
            depends = tuple(sorted(looked))
            fingerprint = self._fingerprint(depends, begun)
            if fingerprint:
                yield Unmarked(own_container, self.name, fingerprint, depends)

    def _unchanged(
        self,
        known: Known,
        own_container: str,
        begun: int,
    ) -> list[Sighting] | None:
        """Return each document as unchanged; None if any may have changed.

        `begun` is when the scan began.
        """
        depends = known.depends(own_container, self.name) or ()
        fingerprint = self._fingerprint(depends, begun)
        if not known.is_unchanged(own_container, self.name, fingerprint):
            return None
        sightings: list[Sighting] = []
        for entry in depends:
            if not entry.startswith(_LIBRARY):
                continue
            container = entry.removeprefix(_LIBRARY)
            paths = known.paths(container)
            sightings += [Unchanged(container, path) for path in paths]
            sightings.append(Scan(self.name, container, complete=True))
        return sightings

    def _fingerprint(self, depends: Strings, begun: int) -> str:
        """Return a hash of everything that determines the results. "" if it is unknown.

        `begun` is when reading began. Files changed after that prove nothing.
        """
        database = self.database
        if not depends or self.address or database is None or self.only:
            return ""

        # all files that were read
        folder = database.parent
        files = tuple(entry for entry in depends if not entry.startswith(_LIBRARY))
        cached = sorted(folder.glob("cache/*"))
        paths = [*companions(database), folder / STORAGE, *cached]
        paths += map(Path, files)
        stamps = [stamp_at(path) for path in paths]
        if stamps[0] is None:  # no database
            return ""
        for stamp in stamps:
            if stamp is not None and not proves(stamp, begun):
                return ""

        # the settings with which they were read
        linked = (str(linked_folder(folder)), repr(self.reach))
        asked = (self.wanted, self.me, linked, files, stamps)
        return h16(program(), self.name, str(database), repr(asked))

    def look(self) -> str:
        """Return the libraries that would be read and through which access, for `doctor`.

        Raises:
            ItemError: there is no access, or a selected library cannot be read.
        """
        with self._opened() as access:
            names = [
                library.namespace.removeprefix("zotero:") for library in access.libraries
            ]
            for library in access.libraries:
                access.items(library)
        libraries = ", ".join(names) or "no library"
        if self.address is None:
            return f"{libraries} by {self.database}"
        api = "local" if self.address.local else "web"
        return f"{libraries} by Zotero's {api} API at {self.address.host}"

    def _read(self, looked: set[str]) -> Iterator[Sighting]:
        """Read all libraries, and add the files that were looked for to `looked`."""
        where = self.address.host if self.address else str(self.database)
        complete = True
        with PdfWorker(self.seconds, self.memory, self.jobs, self.executor) as worker:
            try:
                with self._opened() as access:
                    works = Works(
                        self.name,
                        access,
                        worker,
                        self.folder,
                        self.me,
                        self.reach,
                    )
                    for library in access.libraries:
                        is_whole = not self.only
                        try:
                            yield from works.read_library(library)
                            is_whole &= not works.failed
                        except ItemError as error:
                            is_whole = False
                            says = f"{where}: {library.says}"
                            yield Problem(says, error.message, error.hint)
                        yield Scan(self.name, library.namespace, is_whole)
                        looked |= works.files.looked
                        complete &= is_whole
                    yield from self._not_opened(works.files.refused)
                    if complete:
                        embedded = self._embedded(worker, works.marked_files())
                        rest = self._not_here(works.files.missing, embedded)
                        self.library_rest.left_out = rest
            except ItemError as error:
                complete = False
                yield Problem(where, error.message, error.hint)
                yield Scan(self.name, "zotero:user", complete=False)
            worker.store(complete=complete)

    def _not_opened(self, paths: Iterable[str]) -> Iterator[Problem]:
        """Yield a notice for each folder of linked files that nobody confirmed."""
        folders = Counter(os.path.dirname(path) for path in paths)  # noqa: PTH120 - of any system
        for folder, count in sorted(folders.items()):
            message = (
                f"linked files in {folder} were not opened ({count}):"
                " it is outside the workspace"
            )
            hint = (
                f"if these are yours, write linked: [{folder}] into this source in ankiforge.yaml,"
                f" then: ankiforge init --trust {self.workspace}"
            )
            yield Problem(self.name, message, hint, notice=True)

    def _not_here(self, missing: Counter[str], embedded: int) -> UnreadFiles:
        """Return the marks that are not read.

        Args:
            missing: the number of marks in each file that is not on this machine.
            embedded: the number of stored files with marks that Zotero does not know.
        """
        names = [file_name(path) for path in missing]
        kinds = dict(missing)
        texts = []
        if names:
            listed = ", ".join(names[:_MOST_NAMES])
            more = len(names) - _MOST_NAMES
            if more > 0:
                listed += f" and {more:,} more"
            marks = counted(missing.total(), "mark")
            texts.append(
                f"the text around {marks}, whose files are not on this machine: {listed}"
            )
        if embedded:
            kinds[EMBEDDED] = embedded
            files = counted(embedded, "stored file")
            command = f"ankiforge run {shlex.quote(str(self.folder))}/{STORAGE}"
            texts.append(f"marks of other programs in {files} (to read them: {command})")
        return UnreadFiles(
            str(self.folder or Path()), kinds, (), "; ".join(texts), are_elsewhere=True
        )

    def _embedded(self, worker: PdfWorker, marked: set[str]) -> int:
        """Return how many stored PDFs have marks that Zotero does not know.

        Programs other than Zotero write them into the file. Only the newest files are looked
        into. `marked` are the keys of files with annotations in Zotero.
        """
        if self.folder is None or self.address or self.only:
            return 0
        storage = self.folder / STORAGE
        unknown = [
            (stamp, path)
            for path in storage.glob("*/*.pdf")
            if path.parent.name not in marked and (stamp := stamp_at(path))
        ]
        unknown.sort(reverse=True)
        found = 0
        for _, path in unknown[:_MOST_LOOKED_INTO]:
            read = worker.read(path)
            found += isinstance(read, Read) and bool(read.marks)
        return found

    @contextmanager
    def _opened(self) -> Iterator[ZoteroDatabase | Online]:
        """Open the database, or an API.

        Raises:
            ItemError: nothing can be read.
        """
        if self.address is None:
            assert self.database
            for path in (self.database, *companions(self.database)):
                if not is_in_reach(path, self.reach):
                    hint = "give the folder that it leads to as path:"
                    raise ItemError(
                        "it is a link that leads out of the workspace", hint=hint
                    )
            with local_database(self.database, self.wanted) as database:
                yield database
            return
        if self.offline and not is_loopback(self.address.url):
            hint = "run it without --offline, or give `path:`, Zotero's data folder"
            message = f"--offline, and Zotero's web library is at {self.address.host}"
            raise ItemError(message, hint=hint)
        from ankiforge.extract.zotero import api

        with api.Connections(self.address, self.pace or api.Pace()) as client:
            yield api.Online(self.address, self.wanted, self.memory, client)
