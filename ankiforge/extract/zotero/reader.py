"""The Zotero source, which checks the settings, and scans libraries in the database or an API.

`open_source` creates a `ZoteroSource`. Unless nothing has changed since the last run, its `scan`
reads each library with `works.WorkReader`.
"""

from __future__ import annotations

import os
import shlex
import time
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.config import (
    ZOTERO_KEY,
    ZOTERO_WEB_URL,
    find_api_key,
    find_api_key_variable,
    is_loopback,
    parse_origin,
)
from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract.base import SourceOpenParameters
from ankiforge.extract.files import (
    Stamp,
    fingerprint_program,
    is_stamp_reliable,
    read_stamp,
)
from ankiforge.extract.pdf.messages import Failure, ReadMarksReply
from ankiforge.extract.pdf.worker import REQUEST_TIMEOUT, PdfWorkerPool
from ankiforge.extract.sqlite import list_database_files
from ankiforge.extract.unread_files import UnreadFiles, UnreadKind
from ankiforge.extract.zotero.attachments import (
    STORAGE_DIRECTORY,
    ZoteroFiles,
    find_linked_directory,
    is_in_directories,
    read_preferences,
)
from ankiforge.extract.zotero.database import (
    ApiAddress,
    Library,
    SelectedGroups,
    ZoteroDatabase,
    open_database,
)
from ankiforge.extract.zotero.works import WorkReader, get_file_name
from ankiforge.model import (
    DocumentLookup,
    Problem,
    ScanEnd,
    Sighting,
    Strings,
    UnchangedDocument,
    UnmarkedDocument,
    hash16,
)
from ankiforge.text import format_truncated_list, regex

if TYPE_CHECKING:  # pyzotero is imported only if an API is used
    from ankiforge.extract.zotero.api import ApiLibraries, RequestTiming

_LIBRARY_PREFIX = "library "
"""Marks dependencies that are containers of libraries rather than files."""
_LOCAL_API_URL = "http://127.0.0.1:23119/api"
_MAX_PDFS_SEARCHED = 100
"""The maximum number of stored PDFs to search for embedded annotations, newest first."""
_GROUP_PATTERN = regex(r"(?:groups?[./])?([1-9]\d{0,17})")
_LIBRARY_HINT = "user, the number of a group, groups/<number>, or a list of these"


# --- the settings ---------------------------------------------------------------------


def open_source(opening: SourceOpenParameters) -> ZoteroSource:
    """Create the source for a data directory, a database file or an API.

    Raises:
        ConfigError: The settings are invalid, or contain neither a path nor an API.
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
    address = parse_api_address(settings.api, settings.url, settings.key_env)
    libraries = parse_libraries(settings.library)
    allowed_directories = None
    if database:
        allowed_directories = find_allowed_directories(
            database.parent, opening.workspace, settings.linked
        )
    return ZoteroSource(opening, database, libraries, address, allowed_directories)


def find_allowed_directories(
    data_directory: Path,
    workspace: Path | None,
    confirmed_directories: Strings,
) -> tuple[Path, ...] | None:
    """Return the directories in which the files of libraries may be opened, or None for any.

    Any directory is allowed if the data directory is outside the workspace, or if the user's Zotero
    uses it. Otherwise, the database may come from a stranger and link to arbitrary files. Only the
    data directory, the workspace and directories that the user confirmed are then allowed.

    Args:
        data_directory: Zotero's data directory.
        workspace: The workspace directory, or None for the default workspace.
        confirmed_directories: The directories that the user confirmed in the setting `linked`.
    """
    real_data_folder = Path(os.path.realpath(data_directory))
    if workspace is None or not real_data_folder.is_relative_to(workspace):
        return None
    if read_preferences(data_directory) is not None:
        return None
    confirmed_folders = [
        Path(os.path.normpath(workspace / Path(folder).expanduser()))
        for folder in confirmed_directories
    ]
    return (data_directory, workspace, *confirmed_folders)


def parse_libraries(setting: str | int | tuple[str | int, ...]) -> SelectedGroups:
    """Parse the setting `library`, which selects the libraries to read.

    Returns None if all libraries are selected.

    Raises:
        ConfigError: A value is not a valid library.
    """
    if setting == "":
        return None
    names = setting if isinstance(setting, tuple) else (setting,)
    libraries: set[int | None] = set()
    for name in map(str, names):
        group_match = _GROUP_PATTERN.fullmatch(name.strip())
        if group_match:
            libraries.add(int(group_match[1]))
        elif name.strip() == "user":
            libraries.add(None)
        else:
            raise ConfigError(f"library: {name!r} is not a library", hint=_LIBRARY_HINT)
    return frozenset(libraries) or None


def parse_api_address(api: str, url: str, key_env: str) -> ApiAddress | None:
    """Return the URL and key of the API in the settings, or None if no API is used.

    Raises:
        ConfigError: The setting `url` or the key is invalid.
    """
    if url and not _is_allowed_api_url(api, url):
        hint = f"with api: web, https, such as {ZOTERO_WEB_URL}; with api: local, this computer"
        raise ConfigError(f"url: {url!r} is not the URL of a Zotero API", hint=hint)
    if not api:
        return None
    if api == "local":
        return ApiAddress(url.rstrip("/") or _LOCAL_API_URL, is_local=True)
    api_url = url.rstrip("/") or ZOTERO_WEB_URL
    key_name = find_api_key_variable(ZOTERO_KEY, api_url, key_env)
    key = find_api_key(ZOTERO_KEY, api_url, key_env)
    if not key.isascii() or not key.isprintable():
        message = f"key_env: the key in {key_name} contains characters that no key has"
        raise ConfigError(message, hint="copy it again, without a line end")
    return ApiAddress(api_url, is_local=False, key_env=key_name, key=key)


def _is_allowed_api_url(api: str, url: str) -> bool:
    """Return whether the API may have this URL.

    The local API must be on this computer, and a web API on another computer must use https.
    """
    if api and is_loopback(url):
        return True
    return api == "web" and parse_origin(url)[0] == "https"


def _has_marks(reply: ReadMarksReply | Failure) -> bool:
    return isinstance(reply, ReadMarksReply) and len(reply.marks) > 0


# --- the source -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ZoteroSource:
    """Reads the selected libraries of a Zotero installation or account."""

    opening: SourceOpenParameters
    database: Path | None
    selected_groups: SelectedGroups
    address: ApiAddress | None
    """The API to read from, or None to read the database."""
    allowed_directories: tuple[Path, ...] | None = None
    """The directories in which files may be opened, or None for no restriction."""
    timeout: float = REQUEST_TIMEOUT
    """The timeout for reading the context of the annotations in a PDF, in seconds."""
    timing: RequestTiming | None = None
    """Delays and timeouts for API requests, or None for the defaults."""
    unread_files: list[UnreadFiles] = field(default_factory=list)
    """The files and marks that the last scan skipped, such as marks embedded in PDFs by other
    programs.
    """

    @property
    def name(self) -> str:
        """The name of the source in the settings."""
        return self.opening.name

    @property
    def data_directory(self) -> Path | None:
        """Zotero's data directory, or None if there is no database."""
        return self.database.parent if self.database else None

    # --- scanning

    def scan(self, known: DocumentLookup | None = None) -> Iterator[Sighting]:
        """Yield the documents and problems of each library, followed by the library's `ScanEnd`.

        Nothing is read if the database and all files that the last run used are unchanged.
        """
        started_at = time.time_ns()
        if known:
            last_dependencies = self._find_unchanged_dependencies(known, started_at)
            if last_dependencies is not None:
                yield from self._iter_unchanged(known, last_dependencies)
                return
        dependencies: set[str] = set()
        has_problems = False
        for sighting in self._read_libraries(dependencies):
            if isinstance(sighting, Problem):
                has_problems = True
            if isinstance(sighting, ScanEnd):
                dependencies.add(f"{_LIBRARY_PREFIX}{sighting.container}")
            yield sighting
        if known and not has_problems:
            depends = tuple(sorted(dependencies))
            fingerprint = self._compute_fingerprint(depends, started_at)
            if fingerprint is not None:
                # the fingerprint of the whole source is stored like that of a document
                yield UnmarkedDocument(
                    self._own_container, self.name, fingerprint, depends
                )

    @property
    def _own_container(self) -> str:
        """The container that the fingerprint of the whole source is stored under."""
        return f"zotero source {self.name}"

    def _find_unchanged_dependencies(
        self, known: DocumentLookup, started_at: int
    ) -> Strings | None:
        """Return what the last run depended on, or None if any of it may have changed since."""
        depends = known.find_dependencies(self._own_container, self.name) or ()
        fingerprint = self._compute_fingerprint(depends, started_at)
        if fingerprint is None:
            return None
        if not known.is_unchanged(self._own_container, self.name, fingerprint):
            return None
        return depends

    def _iter_unchanged(
        self, known: DocumentLookup, dependencies: Strings
    ) -> Iterator[Sighting]:
        """Yield the scan results of the last run. `dependencies` include the libraries it read."""
        for entry in dependencies:
            if entry.startswith(_LIBRARY_PREFIX):
                container = entry.removeprefix(_LIBRARY_PREFIX)
                for path in known.list_paths(container):
                    yield UnchangedDocument(container, path)
                yield ScanEnd(self.name, container, complete=True)

    def _compute_fingerprint(self, dependencies: Strings, started_at: int) -> str | None:
        """Return a hash of everything that the scan results depend on.

        Returns None for an API, for a partial scan, or if a file was modified after `started_at` or
        just before it. A further change of such a file might go unnoticed.
        """
        database = self.database
        if database is None or self.address is not None:
            return None
        if self.opening.only or not dependencies:
            return None
        files = [each for each in dependencies if not each.startswith(_LIBRARY_PREFIX)]
        stamps = self._read_stamps(database, files)
        if stamps is None:
            return None
        for stamp in stamps:
            if stamp is not None and not is_stamp_reliable(stamp, started_at):
                return None

        # the settings that affect the results
        linked_directory = str(find_linked_directory(database.parent))
        linked = (linked_directory, repr(self.allowed_directories))
        settings = (
            self.selected_groups,
            self.opening.me,
            linked,
            tuple(files),
            stamps,
        )
        return hash16(fingerprint_program(), self.name, str(database), repr(settings))

    def _read_stamps(
        self, database: Path, files: Iterable[str]
    ) -> list[Stamp | None] | None:
        """Return the stamps of the database and of all files that the scan results depend on.

        A missing file has the stamp None. Returns None if there is no database.
        """
        folder = database.parent
        paths = [*list_database_files(database), folder / STORAGE_DIRECTORY]
        paths += sorted(folder.glob("cache/*"))
        paths += map(Path, files)
        stamps = [read_stamp(path) for path in paths]
        return None if stamps[0] is None else stamps

    def describe_access(self) -> str:
        """Describe which libraries are read and where they are, for the command `doctor`.

        Raises:
            ItemError: A selected library cannot be accessed.
        """
        with self._open_access() as access:
            names = []
            for library in access.libraries:
                names.append(library.namespace.removeprefix("zotero:"))
                access.read_items(library)
        libraries = ", ".join(names) or "no library"
        if self.address is None:
            return f"{libraries} by {self.database}"
        api = "local" if self.address.is_local else "web"
        return f"{libraries} by Zotero's {api} API at {self.address.host}"

    def _read_libraries(self, dependencies: set[str]) -> Iterator[Sighting]:
        """Yield the scan results of all libraries.

        Also add the paths of all files that were looked up to `dependencies`.
        """
        location = self.address.host if self.address else str(self.database)
        opening = self.opening
        with PdfWorkerPool(
            self.timeout, opening.cache, opening.jobs, opening.executor
        ) as worker:
            files = ZoteroFiles(worker, self.data_directory, self.allowed_directories)
            is_complete = False
            try:
                with self._open_access() as access:
                    works = WorkReader(self.name, access, files, opening.me)
                    is_complete = yield from self._read_works(
                        works, location, dependencies
                    )
                    yield from self._report_unopened_directories(files.refused_paths)
                    if is_complete:
                        self.unread_files[:] = [self._find_unread(worker, works)]
            except ItemError as error:
                is_complete = False
                yield Problem(location, error.message, error.hint)
                yield ScanEnd(self.name, "zotero:user", complete=False)
            worker.save_cache(complete=is_complete)

    def _read_works(
        self, works: WorkReader, location: str, dependencies: set[str]
    ) -> Generator[Sighting, None, bool]:
        """Yield the scan results of all libraries, and return whether all were read completely."""
        is_complete = True
        for library in works.access.libraries:
            is_read = yield from self._read_library(works, library, location)
            dependencies |= works.files.dependencies
            is_complete = is_complete and is_read
        return is_complete

    def _read_library(
        self, works: WorkReader, library: Library, location: str
    ) -> Generator[Sighting, None, bool]:
        """Yield the scan results of a library, and return whether it was read completely."""
        is_complete = not self.opening.only
        try:
            yield from works.read_library(library)
        except ItemError as error:
            is_complete = False
            library_name = f"{location}: {library.display_name}"
            yield Problem(library_name, error.message, error.hint)
        if works.failed_keys:
            is_complete = False
        yield ScanEnd(self.name, library.namespace, is_complete)
        return is_complete

    def _report_unopened_directories(self, paths: Iterable[str]) -> Iterator[Problem]:
        folders = Counter(os.path.dirname(path) for path in paths)  # noqa: PTH120 - of any system
        for folder, count in sorted(folders.items()):
            message = (
                f"linked files in {folder} were not opened ({count}):"
                " it is outside the workspace"
            )
            hint = f"if these are yours, write linked: [{folder}] into this source's settings"
            yield Problem(self.name, message, hint, is_notice=True)

    def _find_unread(self, worker: PdfWorkerPool, works: WorkReader) -> UnreadFiles:
        """Count the marks and files that aren't read."""
        counts: dict[str, int] = {}
        details: dict[str, str] = {}
        missing = works.files.missing_counts
        if missing:
            counts[UnreadKind.MISSING_ATTACHMENT] = missing.total()
            names = format_truncated_list([*map(get_file_name, missing)])
            details[UnreadKind.MISSING_ATTACHMENT] = names
        annotated = works.find_annotated_files()
        embedded = self._count_pdfs_with_unknown_annotations(worker, annotated)
        if embedded:
            counts[UnreadKind.MARKED_ATTACHMENT] = embedded
            storage = f"{shlex.quote(str(self.data_directory))}/{STORAGE_DIRECTORY}"
            details[UnreadKind.MARKED_ATTACHMENT] = f"to read: ankiforge run {storage}"
        if works.trashed_keys:
            counts[UnreadKind.TRASHED_MARK] = len(works.trashed_keys)
        return UnreadFiles(str(self.data_directory or Path()), counts, details)

    def _count_pdfs_with_unknown_annotations(
        self, worker: PdfWorkerPool, annotated_keys: set[str]
    ) -> int:
        """Count the stored PDFs that contain annotations which Zotero doesn't know about.

        Only the newest PDFs are searched. Files with annotations in Zotero, whose keys are
        `annotated_keys`, are skipped.
        """
        if self.data_directory is None or self.address or self.opening.only:
            return 0
        files: list[tuple[Stamp, Path]] = []
        for path in self.data_directory.glob(f"{STORAGE_DIRECTORY}/*/*.pdf"):
            stamp = read_stamp(path)
            if stamp is not None and path.parent.name not in annotated_keys:
                files.append((stamp, path))
        files.sort(reverse=True)
        marked_count = 0
        for _, path in files[:_MAX_PDFS_SEARCHED]:
            marked_count += _has_marks(worker.read_marks(path))
        return marked_count

    @contextmanager
    def _open_access(self) -> Iterator[ZoteroDatabase | ApiLibraries]:
        """Context manager that opens the database or the API, whichever the source reads.

        Raises:
            ItemError: The database cannot be read, or the API must not be used.
        """
        if self.address is not None:
            with self._open_api(self.address) as libraries:
                yield libraries
            return
        assert self.database
        self._check_database_allowed(self.database)
        with open_database(self.database, self.selected_groups) as database:
            yield database

    @contextmanager
    def _open_api(self, address: ApiAddress) -> Iterator[ApiLibraries]:
        if self.opening.offline and not is_loopback(address.url):
            hint = "run it without --offline, or give `path:`, Zotero's data folder"
            message = f"--offline, and Zotero's web library is at {address.host}"
            raise ItemError(message, hint=hint)
        from ankiforge.extract.zotero import api

        timing = self.timing or api.RequestTiming()
        with api.ZoteroHttpClient(address, timing) as client:
            yield api.ApiLibraries(
                address, self.selected_groups, self.opening.cache, client
            )

    def _check_database_allowed(self, database: Path) -> None:
        for path in (database, *list_database_files(database)):
            if not is_in_directories(path, self.allowed_directories):
                hint = "give the folder that it leads to as path:"
                message = "it is a link that points outside the workspace"
                raise ItemError(message, hint=hint)
