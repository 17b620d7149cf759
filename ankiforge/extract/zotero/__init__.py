"""Zotero: what was marked in papers, read from a private copy of `zotero.sqlite`.

    sources:
      - zotero: {name: zotero, path: ~/Zotero}     # the data folder, or a zotero.sqlite

The database itself is never opened with SQLite and never written to. Zotero may run meanwhile.
The words around a mark are not in it: they come from the PDF, if that lies on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ankiforge.domain import Extracted, Problem, Scan, Sighting, Source
from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.pdf.client import SECONDS, PdfWorker
from ankiforge.extract.pdf.protocol import Passage
from ankiforge.extract.zotero.database import Database, Library, Mark, open_database
from ankiforge.extract.zotero.files import passages
from ankiforge.extract.zotero.marks import KINDS, highlight_of
from ankiforge.extract.zotero.papers import document_of
from ankiforge.extract.zotero.snapshot import snapshot

DATABASE = "zotero.sqlite"
KNOWN_SCHEMAS = range(119, 130)
"""`userdata` versions with all the columns we read: 119 (2022) to 129 (Zotero 10)."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`path` is Zotero's data folder, or a `zotero.sqlite`; the rest is refused for now."""

    path: str = ""
    api: str = ""
    library: str | int = ""
    key_env: str = ""


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
    *,
    seconds: float = SECONDS,
) -> Source:
    """Make a reader of the data folder (or database file) `root`.

    `seconds` is the time that finding the words around the marks of one PDF may take.

    Raises:
        ConfigError: the settings ask for Zotero's API, or name no path.
    """
    for key in ("api", "library", "key_env"):
        if getattr(settings, key):
            raise ConfigError(
                f"{key}: this version does not speak Zotero's API",
                hint="give the folder that holds zotero.sqlite instead, e.g. path: ~/Zotero",
            )
    if not settings.path:
        raise ConfigError(
            "path is missing",
            hint="give the folder that holds zotero.sqlite, e.g. path: ~/Zotero",
        )
    return ZoteroSource(name, root / DATABASE if root.is_dir() else root, only, me, seconds)


@dataclass(frozen=True, slots=True)
class ZoteroSource:
    """One Zotero database: the user's own library and every group."""

    name: str
    database: Path
    only: tuple[Path, ...]
    me: tuple[str, ...]
    seconds: float

    def scan(self) -> Iterator[Sighting]:
        """Copy, check, read library by library; each library ends with its `Scan`."""
        try:
            with (
                snapshot(self.database) as copy,
                open_database(copy) as database,
                PdfWorker(self.seconds) as worker,
            ):
                yield from self._notices(database)
                for library in database.libraries():
                    yield from self._library(database, library, worker)
        except ItemError as error:
            yield Problem(str(self.database), error.message, error.hint)
            yield Scan(self.name, Library.USER, complete=False)

    def _notices(self, database: Database) -> Iterator[Problem]:
        version = database.version()
        if version in KNOWN_SCHEMAS:
            return
        age = "newer" if version >= KNOWN_SCHEMAS.stop else "older"
        yield Problem(
            str(self.database),
            f"it was written by a Zotero {age} than this program knows (schema {version})",
            hint="it was read all the same; if marks are missing, bring the older program up to date",
        )

    def _library(
        self, database: Database, library: Library, worker: PdfWorker
    ) -> Iterator[Sighting]:
        chosen = _attachments(self.database.parent, self.only)
        complete = not self.only
        try:
            marks = database.marks(library)
            for _, group in groupby(marks, key=lambda mark: mark.work_key):
                work = tuple(group)
                if chosen is None or any(mark.attachment_key in chosen for mark in work):
                    around = passages(worker, self.database.parent, library, work)
                    yield from self._work(database, library, work, around)
        except ItemError as error:
            complete = False
            yield Problem(f"{self.database}: {library.namespace}", error.message, error.hint)
        yield Scan(self.name, library.namespace, complete)

    def _work(
        self,
        database: Database,
        library: Library,
        marks: tuple[Mark, ...],
        around: dict[str, Passage],
    ) -> Iterator[Sighting]:
        """One paper (or loose attachment) with the marks of all its attachments."""
        document = document_of(database, self.name, library, marks)
        highlights = []
        for mark in marks:
            if mark.kind in KINDS:
                near = around.get(mark.key, Passage())
                highlights.append(highlight_of(database, library, document, mark, near, self.me))
            else:
                yield Problem(
                    f"{document.title}: {library.namespace}/{mark.key}",
                    f"an annotation of a kind this program does not know ({mark.kind})",
                    hint="it was left out; a newer version of this program may know it",
                )
        yield Extracted(document, tuple(highlights), container=library.namespace)


def _attachments(folder: Path, only: tuple[Path, ...]) -> frozenset[str] | None:
    """The attachments that `only` names by `storage/<KEY>/…`; None = all there are."""
    keys = set()
    for path in only:
        storage = folder.resolve() / "storage"
        if storage not in path.resolve().parents:
            return None
        keys.add(path.resolve().relative_to(storage).parts[0])
    return frozenset(keys) if keys else None
