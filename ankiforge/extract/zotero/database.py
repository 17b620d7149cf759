"""Zotero's database on this machine: a private copy, and all SQL on its tables.

Supports the schemas of Zotero 6 to 10. Columns, types and fields are addressed by name, because
their numbers differ between installations. Values are read as text, whatever type SQLite stored.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NamedTuple

from ankiforge.errors import ItemError
from ankiforge.extract.files import stamp_at
from ankiforge.model import HighlightKind

# --- what libraries hold, whichever way they are read ---------------------------------------

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Remove control characters except tab and line feed.

    Broken fonts cause some. In a shared library they could be terminal escapes.
    """
    text = text.encode("utf-8", "replace").decode()  # replace lone surrogates
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


BETTER_BIBTEX = "citation key of Better BibTeX"
"""A field name that Zotero itself does not use."""


@dataclass(frozen=True, slots=True)
class Library:
    """The user's own library, or that of a group."""

    id: int
    group: int | None
    """The group's number on zotero.org. None for the user's own library."""
    name: str = ""
    """The name of the group."""

    USER: ClassVar[str] = "zotero:user"

    @property
    def namespace(self) -> str:
        """The prefix of its keys. It never contains the user's number."""
        return self.USER if self.group is None else f"zotero:group.{self.group}"

    @property
    def says(self) -> str:
        """The namespace with the name, for people."""
        return f"{self.namespace} ({self.name})" if self.name else self.namespace

    @property
    def address(self) -> str:
        """Its part of a zotero:// link."""
        return "library" if self.group is None else f"groups/{self.group}"


class Mark(NamedTuple):
    """One annotation with its attachment and work."""

    item: int
    key: str
    kind: int
    """Zotero's number: 1 highlight, 2 note, 3 image, 4 ink, 5 underline, 6 text."""
    text: str
    comment: str
    colour: str
    page_label: str
    position: str
    """JSON."""
    author_name: str
    """An author name stored in the annotation, if it comes from another program or library."""
    author: int | None
    """The account that made it, in a group library."""
    attachment_key: str
    attachment_path: str
    work_item: int
    """The paper, or the attachment itself if it has none."""
    work_key: str
    created: str
    """Creation and modification time, ISO 8601 in UTC. "" if unknown."""
    modified: str
    external: bool
    """Whether another program wrote it into the file, so that its author is unknown."""


KINDS = {
    1: HighlightKind.HIGHLIGHT,
    2: HighlightKind.NOTE,
    3: HighlightKind.IMAGE,
    4: HighlightKind.INK,
    5: HighlightKind.UNDERLINE,
    6: HighlightKind.NOTE,  # text typed on the page, stored in the comment
}
FIGURES = frozenset((3, 4))
"""Kinds that Zotero stores as a picture instead of text."""
_MARKUP = re.compile(r"</?(?:b|i|sub|sup)>", re.IGNORECASE)
"""All markup that Zotero's editor writes in comments. Everything else is literal."""


def comment_of(mark: Mark) -> str:
    """Return the comment as plain text."""
    return _MARKUP.sub("", mark.comment).strip()


class ChildNote(NamedTuple):
    """A note that a person wrote on a paper."""

    item: int
    key: str
    html: str
    """HTML from Zotero's editor. Older notes may contain any HTML."""
    created: str
    """As in `Mark`."""
    modified: str
    author: int | None
    """The account that made it, in a group library."""
    work_item: int
    work_key: str


class Creator(NamedTuple):
    """A person or an institution, in the order of the paper."""

    role: str
    first: str
    last: str
    """Or the whole name of an institution."""


class Account(NamedTuple):
    """The owner of a database. (None, ()) before the first sync."""

    id: int | None
    names: tuple[str, ...]
    """The login name and the display name."""


# --- a private copy -------------------------------------------------------------------------
# Zotero holds an exclusive lock, so its database cannot be opened in place. Opening it could also
# roll back its journal. A copy without the `-wal` file is silently out of date. A copy is good if
# nothing changed while it was made (measured: none of these copies was torn. Of the others 2 in 100
# were, and SQLite's own check did not notice).

COMPANIONS = ("", "-wal", "-journal")
"""The suffixes of the copied files. Never `-shm`, an index in the running program's memory."""
TRIES = 3
PAUSE = 0.2
"""Seconds between tries. Zotero writes in bursts."""


def companions(database: Path) -> tuple[Path, ...]:
    """Return the database, and the journals that SQLite may keep next to the real file of a link."""
    real = os.path.realpath(database)
    return tuple(Path(f"{real}{suffix}") for suffix in COMPANIONS)


@contextmanager
def snapshot(database: Path) -> Iterator[Path]:
    """Copy the database into a temporary folder that only this user can enter.

    Raises:
        ItemError: there is no such file, it is unreadable, or it keeps changing.
    """
    files = companions(database)
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="ankiforge-")))
            for attempt in range(TRIES):
                time.sleep(PAUSE if attempt else 0)
                before = [stamp_at(path) for path in files]
                for path, suffix in zip(files, COMPANIONS, strict=True):
                    target = folder / f"{database.name}{suffix}"
                    target.unlink(missing_ok=True)
                    with suppress(FileNotFoundError) if suffix else nullcontext():
                        shutil.copyfile(path, target)
                if [stamp_at(path) for path in files] == before:
                    break
            else:
                raise ItemError(
                    "Zotero keeps writing to it",
                    hint="wait until Zotero has finished syncing, or close it, and run again",
                )
        except (FileNotFoundError, NotADirectoryError) as error:
            hint = "Zotero shows its data folder under Settings, Advanced, Files and Folders"
            raise ItemError("there is no Zotero database", hint=hint) from error
        except OSError as error:
            raise ItemError(
                f"it could not be copied: {error.strerror or error}",
                hint="copying needs permission to read the file, and as much free space in the folder TMPDIR",
            ) from error
        yield folder / database.name


# --- the tables -----------------------------------------------------------------------------

COLUMNS = {
    "version": ("schema", "version"),
    "settings": ("setting", "key", "value"),
    "users": ("userID", "name"),
    "libraries": ("libraryID", "type"),
    "groups": ("groupID", "libraryID", "name"),
    "items": ("itemID", "libraryID", "key", "dateAdded", "dateModified", "version"),
    "groupItems": ("itemID", "createdByUserID"),
    "itemAttachments": ("itemID", "parentItemID", "path"),
    "itemAnnotations": (
        *("itemID", "parentItemID", "type", "authorName", "text", "comment"),
        *("color", "pageLabel", "sortIndex", "position", "isExternal"),
    ),
    "itemNotes": ("itemID", "parentItemID", "note"),
    "itemData": ("itemID", "fieldID", "valueID"),
    "itemDataValues": ("valueID", "value"),
    "fields": ("fieldID", "fieldName"),
    "itemCreators": ("itemID", "creatorID", "creatorTypeID", "orderIndex"),
    "creators": ("creatorID", "firstName", "lastName"),
    "creatorTypes": ("creatorTypeID", "creatorType"),
    "itemTags": ("itemID", "tagID", "type"),
    "tags": ("tagID", "name"),
    "collectionItems": ("itemID", "collectionID"),
    "collections": ("collectionID", "collectionName", "parentCollectionID"),
    "deletedItems": ("itemID",),
    "deletedCollections": ("collectionID",),
}
"""The tables and columns that are read."""
LATER = frozenset(
    {"settings", "users", "groupItems", "itemNotes", "deletedCollections"}
    | {"dateAdded", "dateModified", "version", "authorName", "isExternal"}
)
"""Tables and columns that older schemas lack."""
_NOT_ZOTERO = "not a Zotero database"
_GIVE_ZOTERO = "give the zotero.sqlite of Zotero's data folder, or that folder"
_REPAIR = (
    "check it in Zotero (Settings, Advanced, Files and Folders, Check Database Integrity); "
    "an older copy lies beside it as zotero.sqlite.bak"
)


BETTER_BIBTEX_FILE = "better-bibtex.sqlite"
"""The database of the add-on Better BibTeX. Later versions store citation keys in Zotero's own."""
_CITEKEYS = """
SELECT CAST(libraryID AS INTEGER), CAST(itemKey AS TEXT), CAST(citationKey AS TEXT)
FROM citationkey WHERE ifnull(citationKey, '') <> ''
"""


def add_missing(connection: sqlite3.Connection) -> None:
    """Add the tables that a schema lacks, and the columns that older ones lack, empty."""
    for table, columns in COLUMNS.items():
        known = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
        if not known:
            connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            connection.execute(f"CREATE INDEX by_{table} ON {table} ({columns[0]})")
            continue
        for column in columns:
            if column in LATER - known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")


@contextmanager
def local_database(path: Path) -> Iterator[Database]:
    """Open a private copy of the database `path`, which SQLite may modify, e.g. by a journal.

    Raises:
        ItemError: it is missing, keeps changing, is damaged, or is not Zotero's.
    """
    with snapshot(path) as copy, _as_item_error(), closing(sqlite3.connect(copy)) as connection:
        connection.text_factory = lambda raw: plain(raw.decode("utf-8", "replace"))
        connection.execute("PRAGMA trusted_schema = OFF")
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise ItemError("the database is damaged", hint=_REPAIR)
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if missing := COLUMNS.keys() - LATER - {name for (name,) in found}:
            raise ItemError(f"{_NOT_ZOTERO}: no table {min(missing)}", hint=_GIVE_ZOTERO)
        add_missing(connection)
        yield Database(connection, _citekeys(path.with_name(BETTER_BIBTEX_FILE)))


def _citekeys(path: Path) -> dict[tuple[int, str], str]:
    """Return citation keys by library and item. {} without the add-on."""
    if path.is_file():
        with suppress(ItemError, sqlite3.Error), snapshot(path) as copy:
            with closing(sqlite3.connect(copy)) as connection:
                connection.execute("PRAGMA trusted_schema = OFF")
                rows = connection.execute(_CITEKEYS).fetchall()
            return {(library, item): citekey.strip() for library, item, citekey in rows}
    return {}


@contextmanager
def _as_item_error() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_NOTADB:
            raise ItemError(_NOT_ZOTERO, hint=_GIVE_ZOTERO) from error
        raise ItemError(f"the database cannot be read: {error}", hint=_REPAIR) from error


_ACCOUNT = "SELECT key, CAST(value AS TEXT) FROM settings WHERE setting = 'account'"
_USER = "SELECT CAST(name AS TEXT) FROM users WHERE userID = ?"
_LIBRARIES = """
SELECT libraryID, groupID, CAST(ifnull(groups.name, '') AS TEXT)
FROM libraries LEFT JOIN groups USING (libraryID)
WHERE type = 'user' OR (type = 'group' AND groupID IS NOT NULL)
ORDER BY type = 'user' DESC, groupID
"""
_MARKS = """
SELECT mark.itemID, CAST(mark.key AS TEXT), annotation.type,
       CAST(ifnull(annotation.text, '') AS TEXT), CAST(ifnull(annotation.comment, '') AS TEXT),
       CAST(ifnull(annotation.color, '') AS TEXT), CAST(ifnull(annotation.pageLabel, '') AS TEXT),
       CAST(ifnull(annotation.position, '') AS TEXT),
       CAST(ifnull(annotation.authorName, '') AS TEXT),
       ifnull(groupItems.createdByUserID, CASE WHEN mark.version > 0 THEN 0 END),
       CAST(file.key AS TEXT), CAST(ifnull(itemAttachments.path, '') AS TEXT),
       ifnull(paper.itemID, file.itemID), CAST(ifnull(paper.key, file.key) AS TEXT),
       ifnull(strftime('%Y-%m-%dT%H:%M:%SZ', mark.dateAdded), ''),
       ifnull(strftime('%Y-%m-%dT%H:%M:%SZ', mark.dateModified), ''),
       CAST(ifnull(annotation.isExternal, 0) AS INTEGER) <> 0
FROM itemAnnotations AS annotation
JOIN items AS mark ON mark.itemID = annotation.itemID
JOIN itemAttachments ON itemAttachments.itemID = annotation.parentItemID
JOIN items AS file ON file.itemID = itemAttachments.itemID
LEFT JOIN items AS paper ON paper.itemID = itemAttachments.parentItemID
LEFT JOIN groupItems ON groupItems.itemID = mark.itemID
WHERE mark.libraryID = ? AND NOT EXISTS (
    SELECT 1 FROM deletedItems
    WHERE deletedItems.itemID IN (mark.itemID, file.itemID, paper.itemID)
)
ORDER BY ifnull(paper.key, file.key), file.dateAdded, file.key, annotation.sortIndex, mark.key
"""
_NOTES = """
SELECT note.itemID, CAST(note.key AS TEXT), CAST(ifnull(itemNotes.note, '') AS TEXT),
       ifnull(strftime('%Y-%m-%dT%H:%M:%SZ', note.dateAdded), ''),
       ifnull(strftime('%Y-%m-%dT%H:%M:%SZ', note.dateModified), ''),
       ifnull(groupItems.createdByUserID, CASE WHEN note.version > 0 THEN 0 END),
       paper.itemID, CAST(paper.key AS TEXT)
FROM itemNotes
JOIN items AS note ON note.itemID = itemNotes.itemID
JOIN items AS paper ON paper.itemID = itemNotes.parentItemID
LEFT JOIN groupItems ON groupItems.itemID = note.itemID
WHERE note.libraryID = ? AND NOT EXISTS (
    SELECT 1 FROM deletedItems WHERE deletedItems.itemID IN (note.itemID, paper.itemID)
)
ORDER BY paper.key, note.dateAdded, note.key
"""
_PLACE = "SELECT libraryID, CAST(key AS TEXT) FROM items WHERE itemID = ?"
_FIELDS = """
SELECT fieldName, CAST(value AS TEXT)
FROM itemData JOIN fields USING (fieldID) JOIN itemDataValues USING (valueID)
WHERE itemID = ? AND value IS NOT NULL
"""
_CREATORS = """
SELECT creatorType, CAST(ifnull(firstName, '') AS TEXT), CAST(ifnull(lastName, '') AS TEXT)
FROM itemCreators JOIN creators USING (creatorID) JOIN creatorTypes USING (creatorTypeID)
WHERE itemID = ? ORDER BY orderIndex
"""
_TAGS = """
SELECT CAST(name AS TEXT), type FROM itemTags JOIN tags USING (tagID)
WHERE itemID = ? ORDER BY name
"""
_COLLECTIONS = """
WITH RECURSIVE upward (path, parent, depth) AS (
    SELECT CAST(collectionName AS TEXT), parentCollectionID, 1
    FROM collectionItems JOIN collections USING (collectionID)
    WHERE itemID = ? AND collectionID NOT IN (SELECT collectionID FROM deletedCollections)
    UNION ALL
    SELECT collectionName || '/' || path, parentCollectionID, depth + 1
    FROM upward JOIN collections ON collectionID = parent
    WHERE depth < 100 AND collectionID NOT IN (SELECT collectionID FROM deletedCollections)
)
SELECT DISTINCT path FROM upward WHERE parent IS NULL ORDER BY path
"""


@dataclass(frozen=True, slots=True)
class Database:
    """An open copy. Its methods raise ItemError if the file turns out to be damaged."""

    connection: sqlite3.Connection
    citekeys: dict[tuple[int, str], str]
    """Citation keys stored by an add-on, by library and item."""

    def account(self) -> Account:
        """Return the account that syncs this database."""
        found = dict(self._rows(_ACCOUNT))
        number = int(found.get("userID") or 0) or None
        return Account(number, tuple(filter(None, (found.get("username"), self.user(number)))))

    def user(self, number: int | None) -> str:
        """Return the display name of an account, "" if unknown."""
        return self._value(_USER, number) or ""

    def libraries(self) -> list[Library]:
        """Return the user's own library, then the groups by number."""
        return [Library(*row) for row in self._rows(_LIBRARIES)]

    def marks(self, library: Library) -> Iterator[Mark]:
        """Yield annotations not in the trash, by work, attachment (oldest first), position, key."""
        return map(Mark._make, self._rows(_MARKS, library.id))

    def notes(self, library: Library) -> Iterator[ChildNote]:
        """Yield notes on papers that are not in the trash, by paper, oldest first."""
        return map(ChildNote._make, self._rows(_NOTES, library.id))

    def fields(self, item: int) -> dict[str, str]:
        """Return the non-empty fields of a work by Zotero's field names."""
        found = dict(self._rows(_FIELDS, item))
        for library, key in self._rows(_PLACE, item) if self.citekeys else ():
            if citekey := self.citekeys.get((library, key)):
                found[BETTER_BIBTEX] = citekey
        return found

    def creators(self, item: int) -> list[Creator]:
        """Return the creators of a work in its order."""
        return [Creator(*row) for row in self._rows(_CREATORS, item)]

    def tags(self, item: int) -> tuple[str, ...]:
        """Return the tags added by a person (type 0), not those imported automatically (type 1)."""
        return tuple(name for name, kind in self._rows(_TAGS, item) if kind == 0)

    def collections(self, item: int) -> tuple[str, ...]:
        """Return the full paths of the collections of a work, as in `Outer/Inner`."""
        return tuple(path for (path,) in self._rows(_COLLECTIONS, item))

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        with _as_item_error():
            rows = self.connection.execute(query, values).fetchall()
        yield from rows

    def _value(self, query: str, *values: Any) -> Any:
        """Return a single value, or None if there is no row."""
        return next((row[0] for row in self._rows(query, *values)), None)
