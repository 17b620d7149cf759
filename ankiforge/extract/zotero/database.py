"""Zotero's database on this machine: a private copy, and all SQL on its tables.

Supports the schemas of Zotero 6 to 10. Columns, types and fields are addressed by name,
because their numbers differ between installations. Values are read as text, whatever type
SQLite stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.sqlite import Owner, as_item_error, opened_copy
from ankiforge.extract.zotero.library import (
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

# --- the tables -------------------------------------------------------------------------

_ZOTERO = Owner(
    name="Zotero",
    where="Zotero shows its data folder under Settings, Advanced, Files and Folders",
    give="give the zotero.sqlite of Zotero's data folder, or that folder",
    shrink="in Zotero, empty the trash and restart it",
    repair=(
        "check it in Zotero (Settings, Advanced, Files and Folders, Check Database Integrity)"
        "; an older copy lies beside it as zotero.sqlite.bak"
    ),
)
_NUMBER = regex(r"[1-9]\d{0,17}")
_TABLES = frozenset(
    (
        "collectionItems collections creators creatorTypes deletedCollections deletedItems"
        " fields groupItems groups itemAnnotations itemAttachments itemCreators itemData"
        " itemDataValues itemNotes itemTags items libraries settings tags users"
    ).split()
)


@contextmanager
def local_database(path: Path, wanted: Wanted) -> Iterator[Database]:
    """Open a private copy of a database, which SQLite may modify.

    Raises:
        ItemError: it is missing, keeps changing, is damaged, or is not Zotero's.
    """
    with opened_copy(path, _ZOTERO, _TABLES) as connection:
        connection.text_factory = lambda raw: plain(raw.decode("utf-8", "replace"))
        yield Database(connection, wanted)


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
            raise ItemError("it holds no library", hint=_ZOTERO.repair)
        return libraries

    def items(self, library: Library) -> list[Item]:
        """Return annotations, notes, and the items they belong to, the trash included."""
        if library.number is None:
            message = f"library: it has no group {library.group}"
            raise ItemError(message, hint="sync it in Zotero")
        return [self._item(row) for row in self._rows(_ITEMS, library.number)]

    @cached_property
    def _collections(self) -> Collections:
        collections: Collections = {}
        for number, name, parent, in_trash in self._rows(_ALL_COLLECTIONS):
            collections[number] = Collection(name, parent, in_trash)
        return collections

    def _item(self, row: sqlite3.Row) -> Item:
        """Return an item; of a work, also its fields, creators and collections."""
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
            message = f"the item {row['key']} cannot be read: {error}"
            raise ItemError(message, hint=_ZOTERO.repair) from error

    def _pairs(self, query: str, *values: Any) -> dict[str, str]:
        return dict(map(tuple, self._rows(query, *values)))

    def _dicts(self, query: str, item: int) -> list[Json]:
        return [dict(row) for row in self._rows(query, item)]

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with as_item_error(_ZOTERO):
            return self.connection.execute(query, values).fetchall()
