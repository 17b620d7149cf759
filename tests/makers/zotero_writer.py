"""Writes a small real `zotero.sqlite`: the tables in which marks and notes on papers live.

    from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

    paper = Work(
        "PAPER001",
        {"title": "On Spacing", "date": "2019-03-00 March 2019", "DOI": "10.5555/1"},
        creators=(("author", "Jane", "Doe"), ("author", "", "The Snail Consortium")),
        collections=("Memory/Spacing",),
        attachments=(
            Attachment("ATTACH01", "Doe 2019.pdf", (Annotation("MARK0001", "Spacing helps."),)),
        ),
    )
    write_zotero("zotero.sqlite", [Library((paper,))])

Tables and columns are called as Zotero calls them; the same input gives the same bytes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from html import escape
from itertools import count
from pathlib import Path
from urllib.parse import quote

KINDS = {"highlight": 1, "note": 2, "image": 3, "ink": 4, "underline": 5, "text": 6}
CONTENT_TYPES = {
    "pdf": "application/pdf",
    "epub": "application/epub+zip",
    "html": "text/html",
}
LONG_AGO = "2024-01-01 12:00:00"
SCHEMA = """
CREATE TABLE version (schema TEXT PRIMARY KEY, version INT NOT NULL);
CREATE TABLE settings (setting TEXT, key TEXT, value, PRIMARY KEY (setting, key));
CREATE TABLE users (userID INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE libraries (libraryID INTEGER PRIMARY KEY, type TEXT NOT NULL);
CREATE TABLE groups (groupID INTEGER PRIMARY KEY, libraryID INT UNIQUE, name TEXT NOT NULL);
CREATE TABLE itemTypes (itemTypeID INTEGER PRIMARY KEY, typeName TEXT);
CREATE TABLE items (itemID INTEGER PRIMARY KEY, itemTypeID INT, dateAdded TIMESTAMP,
    dateModified TIMESTAMP, libraryID INT NOT NULL, key TEXT NOT NULL, version INT NOT NULL,
    UNIQUE (libraryID, key));
CREATE TABLE groupItems (itemID INTEGER PRIMARY KEY, createdByUserID INT,
    lastModifiedByUserID INT);
CREATE TABLE itemAttachments (itemID INTEGER PRIMARY KEY, parentItemID INT, linkMode INT,
    contentType TEXT, path TEXT);
CREATE TABLE itemAnnotations (itemID INTEGER PRIMARY KEY, parentItemID INT NOT NULL,
    type INTEGER NOT NULL, authorName TEXT, text TEXT, comment TEXT, color TEXT,
    pageLabel TEXT, sortIndex TEXT NOT NULL, position TEXT NOT NULL, isExternal INT NOT NULL);
CREATE TABLE itemNotes (itemID INTEGER PRIMARY KEY, parentItemID INT, note TEXT, title TEXT);
CREATE TABLE fields (fieldID INTEGER PRIMARY KEY, fieldName TEXT UNIQUE);
CREATE TABLE itemDataValues (valueID INTEGER PRIMARY KEY, value UNIQUE);
CREATE TABLE itemData (itemID INT, fieldID INT, valueID, PRIMARY KEY (itemID, fieldID));
CREATE TABLE creatorTypes (creatorTypeID INTEGER PRIMARY KEY, creatorType TEXT UNIQUE);
CREATE TABLE creators (creatorID INTEGER PRIMARY KEY, firstName TEXT, lastName TEXT,
    fieldMode INT, UNIQUE (lastName, firstName, fieldMode));
CREATE TABLE itemCreators (itemID INT, creatorID INT, creatorTypeID INT, orderIndex INT,
    UNIQUE (itemID, orderIndex));
CREATE TABLE tags (tagID INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE itemTags (itemID INT, tagID INT, type INT NOT NULL, PRIMARY KEY (itemID, tagID));
CREATE TABLE collections (collectionID INTEGER PRIMARY KEY, collectionName TEXT NOT NULL,
    parentCollectionID INT, libraryID INT NOT NULL, key TEXT NOT NULL);
CREATE TABLE collectionItems (collectionID INT, itemID INT, orderIndex INT,
    PRIMARY KEY (collectionID, itemID));
CREATE TABLE deletedCollections (collectionID INTEGER PRIMARY KEY);
CREATE TABLE deletedItems (itemID INTEGER PRIMARY KEY);
"""


@dataclass(frozen=True)
class Annotation:
    """A mark. `position` is JSON; without it the mark lies on page `page` (from 0)."""

    key: str
    text: str | None = None
    comment: str | None = None
    kind: str = "highlight"
    colour: str = "#ffd400"
    page: int = 0
    page_label: str = ""
    top: int = 100
    """Orders the marks of one page."""
    tags: tuple[str, ...] = ()
    author_name: str | None = None
    author: int | None = None
    """The account that made it, in a group."""
    position: str = ""
    sort_index: str = ""
    trashed: bool = False
    external: bool = False
    """Another program wrote it into the file."""
    modified: str = LONG_AGO


@dataclass(frozen=True)
class Note:
    """A note on a paper, or on nothing; `html` as Zotero's editor keeps it."""

    key: str
    html: str
    tags: tuple[str, ...] = ()
    author: int | None = None
    """The account that made it, in a group."""
    added: str = LONG_AGO
    modified: str = LONG_AGO
    trashed: bool = False


@dataclass(frozen=True)
class Attachment:
    """A file with marks."""

    key: str
    file_name: str
    annotations: tuple[Annotation, ...] = ()
    path: str = ""
    """As Zotero stores it; by default `storage:<file name>`."""
    title: str = ""
    added: str = LONG_AGO
    collections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    trashed: bool = False


@dataclass(frozen=True)
class Work:
    """A paper. Creators are (role, first name, last name), an institution has no first name."""

    key: str
    fields: Mapping[str, str] = field(default_factory=dict)
    creators: tuple[tuple[str, str, str], ...] = ()
    tags: tuple[str, ...] = ()
    automatic_tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    notes: tuple[Note, ...] = ()
    kind: str = "journalArticle"
    trashed: bool = False


@dataclass(frozen=True)
class Library:
    """The user's own library, or with a `group` number a shared one."""

    works: tuple[Work, ...] = ()
    loose: tuple[Attachment, ...] = ()
    loose_notes: tuple[Note, ...] = ()
    group: int | None = None
    name: str = ""
    trashed_collections: tuple[str, ...] = ()
    feed: bool = False
    """A feed, which is no library of anybody's."""


def write_zotero(
    path: str | Path,
    libraries: Iterable[Library],
    *,
    account: tuple[int, str] | None = None,
    users: Mapping[int, str] | None = None,
    schema: int = 129,
) -> Path:
    """Write the database anew; returns its path."""
    path = Path(path)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        writer = _Writer(connection)
        writer.head(account, users or {}, schema)
        for library in libraries:
            writer.library(library)
        connection.commit()
    return path


def quoted(annotation: Annotation, library: str = "users/1", *, comment: str = "") -> str:
    """What Zotero writes into a note for an annotation: quotation, citation, comment."""
    told = json.dumps(
        {
            "attachmentURI": f"http://zotero.org/{library}/items/ATTACH01",
            "annotationKey": annotation.key,
            "color": annotation.colour,
            "pageLabel": annotation.page_label,
        }
    )
    cited = quote(json.dumps({"citationItems": [{"locator": annotation.page_label}]}))
    citation = (
        f'<span class="citation" data-citation="{cited}">'
        '(<span class="citation-item">Doe, 2019, p. 1</span>)</span>'
    )
    kind, words = annotation.kind, escape(annotation.text or "")
    mark = f'<span class="{kind}" data-annotation="{quote(told)}">“{words}”</span> '
    return f"<p>{mark if annotation.text else ''}{citation} {comment or annotation.comment or ''}</p>"


class _Writer:
    """Inserts rows; numbers count up from 1 in each table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.libraries = count(1)
        self.library_id = 0
        self.items = count(1)
        self.named: dict[tuple[str, object], int] = {}

    def insert(self, table: str, *values: object) -> None:
        holes = ", ".join("?" * len(values))
        self.connection.execute(f"INSERT INTO {table} VALUES ({holes})", values)

    def known(self, table: str, *values: object) -> int:
        """The number of these values in a table of names, inserted at first sight."""
        found = self.named.get((table, values))
        if found is None:
            found = 1 + sum(name == table for name, _ in self.named)
            self.named[table, values] = found
            self.insert(table, found, *values)
        return found

    def head(
        self, account: tuple[int, str] | None, users: Mapping[int, str], schema: int
    ) -> None:
        self.insert("version", "userdata", schema)
        if account:
            self.insert("settings", "account", "userID", account[0])
            self.insert("settings", "account", "username", account[1])
        for number, name in users.items():
            self.insert("users", number, name)

    def library(self, library: Library) -> None:
        self.library_id = next(self.libraries)
        shared = library.group is not None
        kind = "feed" if library.feed else "group" if shared else "user"
        self.insert("libraries", self.library_id, kind)
        if shared:
            self.insert("groups", library.group, self.library_id, library.name)
        for work in library.works:
            self.work(work)
        for attachment in library.loose:
            self.attachment(attachment, None)
        for note in library.loose_notes:
            self.note(note, None)
        for path in library.trashed_collections:
            self.insert("deletedCollections", self.collection(path))

    def item(
        self,
        kind: str,
        key: str,
        added: str = LONG_AGO,
        modified: str = LONG_AGO,
        trashed: bool = False,
    ) -> int:
        number = next(self.items)
        type_number = self.known("itemTypes", kind)
        self.insert(
            "items", number, type_number, added, modified, self.library_id, key, 0
        )
        if trashed:
            self.insert("deletedItems", number)
        return number

    def work(self, work: Work) -> None:
        item = self.item(work.kind, work.key, trashed=work.trashed)
        self.fields(item, work.fields)
        for order, (role, first, last) in enumerate(work.creators):
            creator = self.known("creators", first, last, int(not first))
            role_number = self.known("creatorTypes", role)
            self.insert("itemCreators", item, creator, role_number, order)
        self.tags(item, work.tags, 0)
        self.tags(item, work.automatic_tags, 1)
        self.collect(item, work.collections)
        for attachment in work.attachments:
            self.attachment(attachment, item)
        for note in work.notes:
            self.note(note, item)

    def fields(self, item: int, fields: Mapping[str, str]) -> None:
        for name, value in fields.items():
            numbers = self.known("fields", name), self.known("itemDataValues", value)
            self.insert("itemData", item, *numbers)

    def tags(self, item: int, names: tuple[str, ...], kind: int) -> None:
        for name in names:
            self.insert("itemTags", item, self.known("tags", name), kind)

    def collect(self, item: int, paths: tuple[str, ...]) -> None:
        for path in paths:
            self.insert("collectionItems", self.collection(path), item, 0)

    def collection(self, path: str) -> int:
        """The number of the collection `Outer/Inner`, made with all those around it."""
        outer, _, name = path.rpartition("/")
        parent = self.collection(outer) if outer else None
        key = f"COLL{len(path):04}"
        return self.known("collections", name, parent, self.library_id, key)

    def attachment(self, attachment: Attachment, parent: int | None) -> None:
        item = self.item(
            "attachment", attachment.key, attachment.added, trashed=attachment.trashed
        )
        path = attachment.path or f"storage:{attachment.file_name}"
        suffix = attachment.file_name.rpartition(".")[2]
        kind = CONTENT_TYPES.get(suffix, "application/octet-stream")
        self.insert("itemAttachments", item, parent, 0, kind, path)
        if attachment.title:
            self.fields(item, {"title": attachment.title})
        self.collect(item, attachment.collections)
        self.tags(item, attachment.tags, 0)
        for annotation in attachment.annotations:
            self.annotation(annotation, item)

    def annotation(self, mark: Annotation, parent: int) -> None:
        item = self.item(
            "annotation", mark.key, modified=mark.modified, trashed=mark.trashed
        )
        position = mark.position or json.dumps(
            {"pageIndex": mark.page, "rects": [[72, 700 - mark.top, 520, 712 - mark.top]]}
        )
        sort_index = mark.sort_index or f"{mark.page:05}|{mark.top:06}|{mark.top:05}"
        words = (mark.author_name, mark.text, mark.comment, mark.colour, mark.page_label)
        kind = KINDS.get(mark.kind, 99)
        place = (sort_index, position, int(mark.external))
        self.insert("itemAnnotations", item, parent, kind, *words, *place)
        self.tags(item, mark.tags, 0)
        self.maker(item, mark.author)

    def note(self, note: Note, parent: int | None) -> None:
        item = self.item("note", note.key, note.added, note.modified, note.trashed)
        self.insert("itemNotes", item, parent, note.html, "")
        self.tags(item, note.tags, 0)
        self.maker(item, note.author)

    def maker(self, item: int, number: int | None) -> None:
        if number is not None:
            self.insert("groupItems", item, number, number)
