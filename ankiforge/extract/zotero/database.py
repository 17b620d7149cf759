"""Zotero's database on this machine: a private copy, and all SQL on its tables.

Supports the schemas of Zotero 6 to 10. Columns, types and fields are addressed by name,
because their numbers differ between installations. Values are read as text, whatever type
SQLite stored.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.files import SpecialFileError, open_regular, stamp_at, unreadable
from ankiforge.extract.zotero.items import (
    Account,
    Collection,
    Collections,
    Item,
    Library,
    Wanted,
    paths_of,
    plain,
)
from ankiforge.model import Json
from ankiforge.text import regex

# --- a private copy ---------------------------------------------------------------------
# Zotero holds an exclusive lock, so its database cannot be opened in place. Opening it
# could also roll back its journal. A copy without the `-wal` file is silently out of date.
# A copy is good if nothing changed while it was made (measured: none of these copies was
# torn. Of the others 2 in 100 were, and SQLite's own check did not notice).

_NUMBER = regex(r"[1-9]\d{0,17}")
COMPANIONS = ("", "-wal", "-journal")
"""The suffixes of the copied files. Never `-shm`, an index in the running program's
memory."""
TRIES = 3
PAUSE = 0.2
"""Seconds before another try: Zotero writes in bursts."""
LARGEST = 2_000_000_000
"""The maximum size in bytes of a database, and of a journal."""
_HEAD = b"SQLite format 3\0"
_WAIT = "wait until Zotero has finished syncing, or close it, and run again"
_WHERE = "Zotero shows its data folder under Settings, Advanced, Files and Folders"
_COPYING = "copying needs permission to read it, and as much free space in folder TMPDIR"


def companions(database: Path) -> tuple[Path, ...]:
    """Return the real file of a database, and the journals that may lie beside it."""
    real = os.path.realpath(database)
    return tuple(Path(f"{real}{suffix}") for suffix in COMPANIONS)


@contextmanager
def snapshot(database: Path) -> Iterator[Path]:
    """Copy the database into a temporary folder that only this user can enter.

    Raises:
        ItemError: there is no such file, it is unreadable, or it keeps changing.
    """
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="ankiforge-")))
            for attempt in range(TRIES):
                if attempt:
                    time.sleep(PAUSE)
                if _copy_all(database, folder):
                    break
            else:
                raise ItemError("Zotero keeps writing to it", hint=_WAIT)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ItemError("there is no Zotero database", hint=_WHERE) from error
        except SpecialFileError as error:
            raise unreadable(error) from error
        except OSError as error:
            what = f"it could not be copied: {error.strerror or error}"
            raise ItemError(what, hint=_COPYING) from error
        yield folder / database.name


def _copy_all(database: Path, folder: Path) -> bool:
    """Copy the database and its journals; return whether nothing changed meanwhile.

    Raises:
        ItemError: it is no database, or too large.
        OSError: it cannot be read, or the copy cannot be written.
    """
    files = companions(database)
    before = [stamp_at(path) for path in files]
    for path, suffix in zip(files, COMPANIONS, strict=True):
        target = folder / f"{database.name}{suffix}"
        target.unlink(missing_ok=True)
        if suffix:
            with suppress(FileNotFoundError):
                _copy(path, target, head=b"")
        else:
            _copy(path, target, head=_HEAD)
    return [stamp_at(path) for path in files] == before


def _copy(path: Path, target: Path, head: bytes) -> None:
    """Copy a file that begins with these bytes.

    Raises:
        ItemError: it begins with others, or is too large.
        OSError: it cannot be read, or the copy cannot be written.
    """
    with (
        open(path, "rb", opener=open_regular) as file,
        target.open("wb") as copy,
    ):
        if os.fstat(file.fileno()).st_size > LARGEST:
            what = f"it is larger than {LARGEST // 1_000_000_000} GB"
            raise ItemError(what, hint="in Zotero, empty the trash and restart it")
        if file.read(len(head)) != head:
            raise ItemError("not a Zotero database", hint=_GIVE)
        file.seek(0)
        shutil.copyfileobj(file, copy, 1 << 20)


# --- the tables -------------------------------------------------------------------------

_GIVE = "give the zotero.sqlite of Zotero's data folder, or that folder"
_REPAIR = (
    "check it in Zotero (Settings, Advanced, Files and Folders, Check Database Integrity)"
    "; an older copy lies beside it as zotero.sqlite.bak"
)


@contextmanager
def local_database(path: Path, wanted: Wanted) -> Iterator[Database]:
    """Open a private copy of a database, which SQLite may modify.

    Raises:
        ItemError: it is missing, keeps changing, is damaged, or is not Zotero's.
    """
    with (
        snapshot(path) as copy,
        _as_item_error(),
        closing(sqlite3.connect(copy)) as connection,
    ):
        connection.text_factory = lambda raw: plain(raw.decode("utf-8", "replace"))
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        views = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'view'")
        if views.fetchone():  # they may be endless
            raise ItemError("not a Zotero database: it has views", hint=_GIVE)
        yield Database(connection, wanted)


@contextmanager
def _as_item_error() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        # sqlite3 fails to quote a damaged name in its message
        what = "the database cannot be read: it is damaged"
        raise ItemError(what, hint=_REPAIR) from error
    except sqlite3.Error as error:
        is_foreign = "no such table" in str(error) or "not a database" in str(error)
        if is_foreign:
            raise ItemError(f"not a Zotero database: {error}", hint=_GIVE) from error
        raise ItemError(f"the database cannot be read: {error}", hint=_REPAIR) from error


_ACCOUNT = """
SELECT CAST(key AS TEXT), CAST(value AS TEXT) FROM settings WHERE setting = 'account'
UNION ALL SELECT 'name', CAST(name AS TEXT) FROM users WHERE userID =
    (SELECT value FROM settings WHERE setting = 'account' AND key = 'userID')
"""
_LIBRARIES = """
SELECT libraryID, groupID, CAST(ifnull(groups.name, '') AS TEXT)
FROM libraries LEFT JOIN groups USING (libraryID)
WHERE type = 'user' OR (type = 'group' AND groupID IS NOT NULL)
ORDER BY type = 'user' DESC, groupID
"""
_ITEMS = """
SELECT items.itemID AS id, CAST(items.key AS TEXT) AS key,
    CAST(parent.key AS TEXT) AS parentItem,
    items.itemID IN (SELECT itemID FROM deletedItems) AS deleted,
    strftime('%Y-%m-%dT%H:%M:%SZ', items.dateAdded) AS dateAdded,
    strftime('%Y-%m-%dT%H:%M:%SZ', items.dateModified) AS dateModified,
    CASE WHEN mark.itemID THEN 'annotation' WHEN file.itemID THEN 'attachment'
         WHEN itemNotes.itemID THEN 'note' ELSE '' END AS itemType,
    CASE mark.type WHEN 1 THEN 'highlight' WHEN 2 THEN 'note' WHEN 3 THEN 'image'
         WHEN 4 THEN 'ink' WHEN 5 THEN 'underline' WHEN 6 THEN 'text'
         ELSE CAST(mark.type AS TEXT) END AS annotationType,
    CAST(mark.authorName AS TEXT) AS annotationAuthorName,
    CAST(mark.text AS TEXT) AS annotationText,
    CAST(mark.comment AS TEXT) AS annotationComment,
    CAST(mark.color AS TEXT) AS annotationColor,
    CAST(mark.pageLabel AS TEXT) AS annotationPageLabel,
    CAST(mark.sortIndex AS TEXT) AS annotationSortIndex,
    CAST(mark.position AS TEXT) AS annotationPosition,
    mark.isExternal <> 0 AS external,
    CAST(itemNotes.note AS TEXT) AS note,
    CAST(file.path AS TEXT) AS path,
    CAST(ifnull(createdByUserID, CASE WHEN items.version > 0 THEN 0 END) AS INTEGER)
        AS author,
    (SELECT CAST(name AS TEXT) FROM users WHERE userID = createdByUserID) AS maker
FROM items
LEFT JOIN itemAnnotations AS mark USING (itemID)
LEFT JOIN itemAttachments AS file USING (itemID)
LEFT JOIN itemNotes USING (itemID)
LEFT JOIN groupItems USING (itemID)
LEFT JOIN items AS parent ON parent.itemID =
    coalesce(mark.parentItemID, file.parentItemID, itemNotes.parentItemID)
WHERE items.libraryID = ? AND items.itemID IN (
    SELECT itemID FROM itemAnnotations UNION SELECT parentItemID FROM itemAnnotations
    UNION SELECT itemID FROM itemNotes UNION SELECT parentItemID FROM itemNotes
    UNION SELECT parentItemID FROM itemAttachments
          WHERE itemID IN (SELECT parentItemID FROM itemAnnotations))
"""
_FIELDS = """
SELECT CAST(fieldName AS TEXT), CAST(value AS TEXT)
FROM itemData JOIN fields USING (fieldID) JOIN itemDataValues USING (valueID)
WHERE itemID = ? AND fieldName IS NOT NULL AND value IS NOT NULL
"""
_CREATORS = """
SELECT CAST(creatorType AS TEXT) AS creatorType, CAST(firstName AS TEXT) AS firstName,
    CAST(lastName AS TEXT) AS lastName
FROM itemCreators JOIN creators USING (creatorID) JOIN creatorTypes USING (creatorTypeID)
WHERE itemID = ? ORDER BY orderIndex
"""
_TAGS = """
SELECT CAST(name AS TEXT) AS tag, type FROM itemTags JOIN tags USING (tagID)
WHERE itemID = ? AND name IS NOT NULL
"""
_ALL_COLLECTIONS = """
SELECT collectionID, CAST(ifnull(collectionName, '') AS TEXT), parentCollectionID,
    collectionID IN (SELECT collectionID FROM deletedCollections)
FROM collections
"""
_COLLECTIONS = "SELECT collectionID FROM collectionItems WHERE itemID = ?"


@dataclass(frozen=True)
class Database:
    """An open copy. Its methods raise ItemError if the file turns out to be damaged."""

    connection: sqlite3.Connection
    wanted: Wanted

    @cached_property
    def account(self) -> Account:
        """The account that syncs this database."""
        settings = self._pairs(_ACCOUNT)
        names = (settings.get("username"), settings.get("name"))
        number = settings.get("userID") or ""
        account_id = int(number) if _NUMBER.fullmatch(number) else None
        return Account(account_id, tuple(filter(None, names)))

    @cached_property
    def libraries(self) -> list[Library]:
        """The wanted libraries: the user's own, then the groups by number."""
        rows = self._rows(_LIBRARIES)
        libraries = [Library(group, name, number) for number, group, name in rows]
        if self.wanted is not None:
            present = {library.group for library in libraries}
            missing = [group for group in self.wanted - present if group is not None]
            libraries = [library for library in libraries if library.group in self.wanted]
            libraries += [Library(group) for group in sorted(missing)]
        if not libraries:
            raise ItemError("it holds no library", hint=_REPAIR)
        return libraries

    def items(self, library: Library) -> list[Item]:
        """Return annotations, notes, and what they belong to, the trash included."""
        if library.number is None:
            what = f"library: it has no group {library.group}"
            raise ItemError(what, hint="sync it in Zotero")
        return [self._item(row) for row in self._rows(_ITEMS, library.number)]

    @cached_property
    def _collections(self) -> Collections:
        collections: Collections = {}
        for number, name, parent, in_trash in self._rows(_ALL_COLLECTIONS):
            collections[number] = Collection(name, parent, in_trash)
        return collections

    def _item(self, row: sqlite3.Row) -> Item:
        number = row["id"]
        columns = dict(row).items()
        data: Json = {name: value for name, value in columns if value is not None}
        data["tags"] = self._dicts(_TAGS, number)
        is_child = bool(row["parentItem"])
        if not is_child:  # a paper, or a file alone
            data["fields"] = self._pairs(_FIELDS, number)
            data["creators"] = self._dicts(_CREATORS, number)
            inside = [collection for (collection,) in self._rows(_COLLECTIONS, number)]
            data["collections"] = paths_of(inside, self._collections)
        try:
            return msgspec.convert(data, Item, strict=False)
        except msgspec.ValidationError as error:
            what = f"the item {row['key']} cannot be read: {error}"
            raise ItemError(what, hint=_REPAIR) from error

    def _pairs(self, query: str, *values: Any) -> dict[str, str]:
        return dict(map(tuple, self._rows(query, *values)))

    def _dicts(self, query: str, item: int) -> list[Json]:
        return [dict(row) for row in self._rows(query, item)]

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with _as_item_error():
            return self.connection.execute(query, values).fetchall()
