"""Zotero's data model (papers, attachments, annotations, notes), and access to its database.

Only a private copy of the database is opened, and all SQL is in this module. It supports the
schemas of Zotero 6 to 10. Columns, types and fields are looked up by name, because their numbers
differ between installations, and values are cast to text, because SQLite may store any type.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.sqlite import DatabaseOwner, open_database_copy, wrap_sqlite_errors
from ankiforge.model import Json, Strings, Value
from ankiforge.text import regex
from ankiforge.text.private import has_private_tag

SelectedGroups = frozenset[int | None] | None
"""The libraries to read: group numbers, and None for the user's own library.

None in place of the set means all libraries.
"""
_CONTROL_CHARS = regex(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def remove_control_chars(text: str) -> str:
    """Remove control characters other than tabs and line feeds, and normalize line breaks.

    Control characters may come from broken fonts. In a shared library, they may also be escape
    sequences that control the terminal.
    """
    text = text.encode("utf-8", "replace").decode()  # replace lone surrogates
    return _CONTROL_CHARS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


class Library(NamedTuple):
    """A Zotero library. It belongs to the user or to a group."""

    group: int | None
    """The group number on zotero.org, or None for the user's own library."""
    name: str = ""
    """The name of the group, or "" if it is unknown."""
    database_id: int | None = None
    """The id in the database, or None if the library isn't in the database."""

    @property
    def namespace(self) -> str:
        """The prefix of all keys of the library. It never contains the user's account number."""
        return "zotero:user" if self.group is None else f"zotero:group.{self.group}"

    @property
    def display_name(self) -> str:
        """The library's name in messages: its namespace, and the group's name if known."""
        if self.name:
            return f"{self.namespace} ({self.name})"
        return self.namespace

    @property
    def link_path(self) -> str:
        """The part that identifies the library in a `zotero://` link."""
        return "library" if self.group is None else f"groups/{self.group}"


class ZoteroItem(Value, rename="camel"):
    """A paper, attachment, annotation or note. Its fields are named as in Zotero's API."""

    key: str
    item_type: str = ""
    parent_item: str = ""
    deleted: bool = False
    """Whether the item is in the trash."""
    date_added: str = ""
    date_modified: str = ""
    annotation_type: str = ""
    annotation_author_name: str = ""
    """The author of an annotation that was made in another program or library."""
    annotation_text: str = ""
    annotation_comment: str = ""
    annotation_color: str = ""
    annotation_page_label: str = ""
    annotation_sort_index: str = ""
    annotation_position: str = ""
    """The page and the rectangles or pen strokes, as JSON."""
    external: bool = False
    """Whether another program wrote the annotation into the file, so that its author is unknown."""
    note: str = ""
    """The HTML of a note. Older notes may contain arbitrary HTML."""
    path: str = ""
    """The path of an attachment: `storage:name`, `attachments:folder/name`, or a path in the format
    of any operating system.
    """
    author: int | None = None
    """The account id of the item's creator. 0 if it is unknown, None if the item was never synced.
    """
    maker: str = ""
    """The account name of the item's creator."""
    fields: Json = {}
    creators: tuple[Json, ...] = ()
    tags: tuple[Json, ...] = ()
    collections: Strings = ()
    """The full paths of the item's collections, such as `Outer/Inner`."""

    @property
    def user_tags(self) -> Strings:
        """The tags that the user added (type 0).

        Automatic tags (type 1) are left out, except for the privacy tag.
        """
        own_tags = [
            tag["tag"]
            for tag in self.tags
            if not tag.get("type") or has_private_tag((tag["tag"],))
        ]
        return tuple(sorted(own_tags))


class Account(NamedTuple):
    """The account that owns the libraries.

    Until the first sync, the id is None and there are no names.
    """

    id: int | None
    names: Strings
    """The user name and the display name."""


class Collection(NamedTuple):
    """A collection, which is a named folder of items in a library."""

    name: str
    parent: Any
    """The key of the parent collection, or a false value at the top level."""
    deleted: bool
    """Whether the collection is in the trash."""


Collections = dict[Any, Collection]
"""Maps keys to the collections of a library."""
_MAX_DEPTH = 100
"""The maximum nesting depth of collections, because damaged data may contain a cycle."""


def find_collection_paths(keys: Iterable[Any], collections: Collections) -> Strings:
    """Return the full paths of the collections with these keys. Skip those in the trash."""
    paths = []
    for key in keys:
        names: list[str] = []
        while key in collections and len(names) < _MAX_DEPTH:
            collection = collections[key]
            if collection.deleted:
                break
            names.insert(0, collection.name)
            key = collection.parent
        if not key:
            paths.append("/".join(names))
    return tuple(paths)


class ZoteroAnnotation(NamedTuple):
    """An annotation, and the attachment in which the user made it."""

    item: ZoteroItem
    file: ZoteroItem


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """The URL of Zotero's local or web API, and the key that the web API requires."""

    url: str
    is_local: bool
    """Whether this is the API of a Zotero program on this computer, which has a single user and
    requires no key.
    """
    key_env: str = ""
    key: str = field(default="", repr=False)
    """The API key, which is sent only to this URL and never displayed."""

    @property
    def host(self) -> str:
        """The API's host, for messages."""
        return urlsplit(self.url).netloc


class LibraryAccess(Protocol):
    """Access to the libraries of an account, either through the database or through an API."""

    @property
    def account(self) -> Account:
        """The account that owns the libraries."""
        ...

    @property
    def libraries(self) -> list[Library]:
        """The selected libraries, including those that don't exist."""
        ...

    def read_items(self, library: Library) -> list[ZoteroItem]:
        """Return all annotations and notes with their parents, including items in the trash.

        Raises:
            ItemError: The library cannot be read.
        """
        ...


# --- the database -----------------------------------------------------------------------

_ZOTERO_OWNER = DatabaseOwner(
    name="Zotero",
    location_hint="Zotero shows its data folder under Settings, Advanced, Files and Folders",
    choose_hint="give the zotero.sqlite of Zotero's data folder, or that folder",
    repair_hint=(
        "check it in Zotero (Settings, Advanced, Files and Folders, Check Database Integrity)"
        "; an older copy lies beside it as zotero.sqlite.bak"
    ),
)
_USER_ID = regex(r"[1-9]\d{0,17}")
_TABLES = frozenset(
    (
        "collectionItems collections creators creatorTypes deletedCollections deletedItems"
        " fields groupItems groups itemAnnotations itemAttachments itemCreators itemData"
        " itemDataValues itemNotes itemTags items libraries settings tags users"
    ).split()
)


@contextmanager
def open_database(
    path: Path, selected_groups: SelectedGroups
) -> Iterator[ZoteroDatabase]:
    """Context manager that opens a private copy of a Zotero database.

    Raises:
        ItemError: The database is missing, damaged, not Zotero's, or keeps changing.
    """
    with open_database_copy(path, _ZOTERO_OWNER, _TABLES) as connection:
        connection.text_factory = lambda raw: remove_control_chars(
            raw.decode("utf-8", "replace")
        )
        yield ZoteroDatabase(connection, selected_groups)


_ACCOUNT_QUERY = """
SELECT CAST(key AS TEXT), CAST(value AS TEXT) FROM settings WHERE setting = 'account'
UNION ALL SELECT 'name', CAST(name AS TEXT) FROM users WHERE userID =
    (SELECT value FROM settings WHERE setting = 'account' AND key = 'userID')
"""
_LIBRARIES_QUERY = """
SELECT libraryID, groupID, CAST(ifnull(groups.name, '') AS TEXT)
FROM libraries LEFT JOIN groups USING (libraryID)
WHERE type = 'user' OR (type = 'group' AND groupID IS NOT NULL)
ORDER BY type = 'user' DESC, groupID
"""
_ITEMS_QUERY = """
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
_FILE_AND_WORK_QUERY = f"""{_ITEMS_QUERY.partition("WHERE items.libraryID")[0]}
WHERE items.libraryID = ?1 AND (items.key = ?2 OR items.itemID IN (
    SELECT parentItemID FROM itemAttachments JOIN items AS of USING (itemID)
    WHERE of.key = ?2 AND of.libraryID = ?1))
"""
# The ids of the items are given as a JSON array, so that the number of queries is constant.
_ITEM_IDS = "itemID IN (SELECT value FROM json_each(?))"
_FIELDS_QUERY = f"""
SELECT itemID, CAST(fieldName AS TEXT) AS name, CAST(value AS TEXT) AS value
FROM itemData JOIN fields USING (fieldID) JOIN itemDataValues USING (valueID)
WHERE {_ITEM_IDS} AND fieldName IS NOT NULL AND value IS NOT NULL
"""
_CREATORS_QUERY = f"""
SELECT itemID, CAST(creatorType AS TEXT) AS creatorType, CAST(firstName AS TEXT) AS firstName,
    CAST(lastName AS TEXT) AS lastName
FROM itemCreators JOIN creators USING (creatorID) JOIN creatorTypes USING (creatorTypeID)
WHERE {_ITEM_IDS} ORDER BY itemID, orderIndex
"""
_TAGS_QUERY = f"""
SELECT itemID, CAST(name AS TEXT) AS tag, type FROM itemTags JOIN tags USING (tagID)
WHERE {_ITEM_IDS} AND name IS NOT NULL
"""
_ALL_COLLECTIONS_QUERY = """
SELECT collectionID, CAST(ifnull(collectionName, '') AS TEXT), parentCollectionID,
    collectionID IN (SELECT collectionID FROM deletedCollections)
FROM collections
"""
_COLLECTIONS_QUERY = f"""
SELECT itemID, collectionID FROM collectionItems WHERE {_ITEM_IDS}
"""


@dataclass(frozen=True)
class ZoteroDatabase:
    """An open copy of a Zotero database.

    All methods raise `ItemError` if the database is damaged.
    """

    connection: sqlite3.Connection
    selected_groups: SelectedGroups

    @cached_property
    def account(self) -> Account:
        """The account that the database is synced with."""
        settings = self._fetch_pairs(_ACCOUNT_QUERY)
        names = (settings.get("username"), settings.get("name"))
        number = settings.get("userID") or ""
        account_id = int(number) if _USER_ID.fullmatch(number) else None
        return Account(account_id, tuple(filter(None, names)))

    @cached_property
    def libraries(self) -> list[Library]:
        """The selected libraries. The user's own library comes first, then groups by number.

        If a selected group isn't in the database, its `database_id` is None.
        """
        rows = self._fetch_rows(_LIBRARIES_QUERY)
        libraries = [Library(group, name, number) for number, group, name in rows]
        if self.selected_groups is not None:
            missing = self.selected_groups - {library.group for library in libraries}
            libraries = [
                library for library in libraries if library.group in self.selected_groups
            ]
            libraries += map(Library, sorted(filter(None, missing)))
        if not libraries:
            raise ItemError("it contains no library", hint=_ZOTERO_OWNER.repair_hint)
        return libraries

    def read_items(self, library: Library) -> list[ZoteroItem]:
        """Return all annotations and notes with their parents, including items in the trash."""
        if library.database_id is None:
            message = f"library: it has no group {library.group}"
            raise ItemError(message, hint="sync it in Zotero")
        return self._build_items(self._fetch_rows(_ITEMS_QUERY, library.database_id))

    def find_file_and_work(self, library: Library, key: str) -> list[ZoteroItem]:
        """Return the attachment with this key, followed by the work it belongs to, if any.

        Returns [] if the library has no such attachment.
        """
        rows = self._fetch_rows(_FILE_AND_WORK_QUERY, library.database_id, key)
        return sorted(self._build_items(rows), key=lambda item: item.key != key)

    @cached_property
    def _collections(self) -> Collections:
        collections: Collections = {}
        for number, name, parent, in_trash in self._fetch_rows(_ALL_COLLECTIONS_QUERY):
            collections[number] = Collection(name, parent, in_trash)
        return collections

    def _build_items(self, rows: Sequence[sqlite3.Row]) -> list[ZoteroItem]:
        """Convert rows of the database to items.

        Fields, creators and collections are only read for items without a parent.
        """
        ids = []
        ids_without_parent = []
        for row in rows:
            ids.append(row["id"])
            if not row["parentItem"]:
                ids_without_parent.append(row["id"])
        tags = self._fetch_by_item(_TAGS_QUERY, ids)
        details = self._read_details(ids_without_parent)
        items: dict[str, ZoteroItem] = {}
        for row in rows:
            data: Json = {name: row[name] for name in row.keys() if row[name] is not None}  # noqa: SIM118
            data["tags"] = tags[row["id"]]
            data |= details.get(row["id"], {})
            try:
                item = msgspec.convert(data, ZoteroItem, strict=False)
            except msgspec.ValidationError as error:
                message = f"the item {row['key']} cannot be read: {error}"
                raise ItemError(message, hint=_ZOTERO_OWNER.repair_hint) from error
            if not item.key or item.key in items:  # in a damaged database
                message = "an item has no key of its own"
                raise ItemError(message, hint=_ZOTERO_OWNER.repair_hint)
            items[item.key] = item
        return list(items.values())

    def _read_details(self, ids: Sequence[int]) -> dict[int, Json]:
        """Read the fields, creators and collections of papers and lone files, by item id."""
        fields = self._fetch_by_item(_FIELDS_QUERY, ids)
        creators = self._fetch_by_item(_CREATORS_QUERY, ids)
        collections = self._fetch_by_item(_COLLECTIONS_QUERY, ids)
        details: dict[int, Json] = {}
        for item_id in ids:
            collection_ids = [each["collectionID"] for each in collections[item_id]]
            details[item_id] = {
                "fields": {pair["name"]: pair["value"] for pair in fields[item_id]},
                "creators": creators[item_id],
                "collections": find_collection_paths(collection_ids, self._collections),
            }
        return details

    def _fetch_by_item(
        self, query: str, ids: Sequence[int]
    ) -> defaultdict[int, list[Json]]:
        """Run a query for several items, and group the rows by the id of their item."""
        rows_by_item = defaultdict[int, list[Json]](list)
        for row in self._fetch_rows(query, msgspec.json.encode(ids).decode()):
            columns = dict(row)
            rows_by_item[columns.pop("itemID")].append(columns)
        return rows_by_item

    def _fetch_pairs(self, query: str, *values: Any) -> dict[str, str]:
        return dict(map(tuple, self._fetch_rows(query, *values)))

    def _fetch_rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with wrap_sqlite_errors(_ZOTERO_OWNER):
            return self.connection.execute(query, values).fetchall()
