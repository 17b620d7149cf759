"""The items of Zotero's libraries (papers, files, notes), and its database, which has them.

The database is read as a private copy, and all SQL on its tables is here. The schemas of
Zotero 6 to 10 are supported. Columns, types and fields are addressed by name, because their
numbers differ between installations. Values are read as text, whatever type SQLite stored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.sqlite import Owner, as_item_error, opened_copy
from ankiforge.model import Json, Strings, Value
from ankiforge.text import regex
from ankiforge.text.private import is_tagged

Wanted = frozenset[int | None] | None
"""The selected groups by number, None for the user's own library.

None instead of the set for all libraries.
"""
_CONTROLS = regex(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Remove control characters except tab and line feed.

    Broken fonts cause some. In a shared library they could be terminal escapes.
    """
    text = text.encode("utf-8", "replace").decode()  # replace lone surrogates
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


class Library(NamedTuple):
    """The user's own library, or that of a group."""

    group: int | None
    """The group's number on zotero.org. None for the user's own library."""
    name: str = ""
    """The name of the group."""
    number: int | None = None
    """Its number in a database. None if it is not there."""

    @property
    def namespace(self) -> str:
        """The prefix of its keys. It never contains the user's number."""
        return "zotero:user" if self.group is None else f"zotero:group.{self.group}"

    @property
    def says(self) -> str:
        """The namespace with the name, for people."""
        if self.name:
            return f"{self.namespace} ({self.name})"
        return self.namespace

    @property
    def address(self) -> str:
        """Its part of a zotero:// link."""
        return "library" if self.group is None else f"groups/{self.group}"


class ZoteroItem(Value, rename="camel"):
    """A paper, file, annotation or note, with the names of Zotero's API."""

    key: str
    item_type: str = ""
    parent_item: str = ""
    deleted: bool = False
    """Whether it is in the trash."""
    date_added: str = ""
    date_modified: str = ""
    annotation_type: str = ""
    annotation_author_name: str = ""
    """A name stored in the annotation, if it comes from another program or library."""
    annotation_text: str = ""
    annotation_comment: str = ""
    annotation_color: str = ""
    annotation_page_label: str = ""
    annotation_sort_index: str = ""
    annotation_position: str = ""
    """JSON."""
    external: bool = False
    """Whether another program wrote it into the file, so that its author is unknown."""
    note: str = ""
    """HTML from Zotero's editor. Older notes may contain any HTML."""
    path: str = ""
    """Of a file: `storage:name`, `attachments:folder/name`, or a path of any system."""
    author: int | None = None
    """The account that made it, 0 if unknown. None if it was never synced."""
    maker: str = ""
    """The name of that account."""
    fields: Json = {}
    creators: tuple[Json, ...] = ()
    tags: tuple[Json, ...] = ()
    collections: Strings = ()
    """The full paths, as in `Outer/Inner`."""

    @property
    def own_tags(self) -> Strings:
        """The tags that a person added (type 0).

        Of automatic ones (type 1) only the one that keeps text on this machine counts.
        """
        own_tags = []
        for tag in self.tags:
            name = tag["tag"]
            if not tag.get("type") or is_tagged((name,)):
                own_tags.append(tag["tag"])
        return tuple(sorted(own_tags))


class Account(NamedTuple):
    """The owner of the libraries. (None, ()) before the first sync."""

    id: int | None
    names: Strings
    """The login name and the display name."""


class Collection(NamedTuple):
    """A folder of a library."""

    name: str
    parent: Any
    """The key of the collection around it, as the library gives it. Nothing for one at
    the top."""
    deleted: bool
    """Whether it is in the trash."""


Collections = dict[Any, Collection]
"""The collections of a library by key."""
_MOST_LEVELS = 100
"""Collections around one another, at most: damaged ones may be in a circle."""


def paths_of(keys: Iterable[Any], collections: Collections) -> Strings:
    """Return the full paths of collections, without those that are in the trash."""
    paths = []
    for key in keys:
        path = _path_of(key, collections)
        if path is not None:
            paths.append(path)
    return tuple(paths)


def _path_of(key: Any, collections: Collections) -> str | None:
    """Return the full path of a collection, None if part of it is missing or trash."""
    names: list[str] = []
    while key in collections and len(names) < _MOST_LEVELS:
        collection = collections[key]
        if collection.deleted:
            break
        names.insert(0, collection.name)
        key = collection.parent
    return None if key else "/".join(names)


class ZoteroMark(NamedTuple):
    """An annotation with its file."""

    item: ZoteroItem
    file: ZoteroItem


@dataclass(frozen=True, slots=True)
class Address:
    """One of Zotero's two APIs."""

    url: str
    local: bool
    """Whether it is the API of a Zotero on this machine, which knows one user and needs
    no key."""
    key_env: str = ""
    key: str = field(default="", repr=False)
    """The key. It is sent to this address, and never shown."""

    @property
    def host(self) -> str:
        """The host, for messages."""
        return urlsplit(self.url).netloc


class Access(Protocol):
    """A way to read the libraries of an account: Zotero's database, or an API."""

    @property
    def account(self) -> Account:
        """The owner of the libraries."""
        ...

    @property
    def libraries(self) -> list[Library]:
        """The wanted libraries, also those that are not there."""
        ...

    def items(self, library: Library) -> list[ZoteroItem]:
        """Return annotations, notes, and the items they belong to, the trash included.

        Raises:
            ItemError: the library cannot be read.
        """
        ...


# --- the database ---------------------------------------------------------------------

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
def local_database(path: Path, wanted: Wanted) -> Iterator[ZoteroDatabase]:
    """Open a private copy of a database, which SQLite may modify.

    Raises:
        ItemError: it is missing, keeps changing, is damaged, or is not Zotero's.
    """
    with opened_copy(path, _ZOTERO, _TABLES) as connection:
        connection.text_factory = lambda raw: plain(raw.decode("utf-8", "replace"))
        yield ZoteroDatabase(connection, wanted)


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
_FILE_AND_WORK = f"""{_ITEMS.partition("WHERE items.libraryID")[0]}
WHERE items.libraryID = ?1 AND (items.key = ?2 OR items.itemID IN (
    SELECT parentItemID FROM itemAttachments JOIN items AS of USING (itemID)
    WHERE of.key = ?2 AND of.libraryID = ?1))
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
class ZoteroDatabase:
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

    def items(self, library: Library) -> list[ZoteroItem]:
        """Return annotations, notes, and the items they belong to, the trash included."""
        if library.number is None:
            message = f"library: it has no group {library.group}"
            raise ItemError(message, hint="sync it in Zotero")
        return [self._item(row) for row in self._rows(_ITEMS, library.number)]

    def with_work(self, library: Library, key: str) -> list[ZoteroItem]:
        """Return the attachment with a key, and the work that it belongs to, if any."""
        rows = self._rows(_FILE_AND_WORK, library.number, key)
        return sorted(map(self._item, rows), key=lambda item: item.key != key)

    @cached_property
    def _collections(self) -> Collections:
        collections: Collections = {}
        for number, name, parent, in_trash in self._rows(_ALL_COLLECTIONS):
            collections[number] = Collection(name, parent, in_trash)
        return collections

    def _item(self, row: sqlite3.Row) -> ZoteroItem:
        """Return an item; of a work, also its fields, creators and collections."""
        number = row["id"]
        columns = dict(row).items()
        data: Json = {name: value for name, value in columns if value is not None}
        data["tags"] = self._dicts(_TAGS, number)
        if not row["parentItem"]:  # a paper, or a file alone
            data["fields"] = self._pairs(_FIELDS, number)
            data["creators"] = self._dicts(_CREATORS, number)
            inside = [collection for (collection,) in self._rows(_COLLECTIONS, number)]
            data["collections"] = paths_of(inside, self._collections)
        try:
            return msgspec.convert(data, ZoteroItem, strict=False)
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
