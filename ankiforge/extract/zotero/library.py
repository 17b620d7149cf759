"""The items of Zotero's libraries, however they are read: papers, files, notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from ankiforge.model import Json, Strings, Value
from ankiforge.text import regex
from ankiforge.text.private import is_tagged, spelling_like_name

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


class Item(Value, rename="camel"):
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
            if not tag.get("type") or is_tagged((name,)) or spelling_like_name(name):
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
MOST_LEVELS = 100
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
    while key in collections and len(names) < MOST_LEVELS:
        collection = collections[key]
        if collection.deleted:
            break
        names.insert(0, collection.name)
        key = collection.parent
    is_at_top = not key
    return "/".join(names) if is_at_top else None


class Mark(NamedTuple):
    """An annotation with its file."""

    item: Item
    file: Item


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

    def items(self, library: Library) -> list[Item]:
        """Return annotations, notes, and the items they belong to, the trash included.

        Raises:
            ItemError: the library cannot be read.
        """
        ...
