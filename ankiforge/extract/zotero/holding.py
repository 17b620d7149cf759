"""What is kept of a library that was fetched: its marks, their files and papers, no more."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ankiforge.errors import ItemError

MARK, NOTE = "annotation", "note"
_APART = frozenset(
    {"key", "version", "itemType", "parentItem", "deleted", "tags", "collections", "creators"}
    | {"relations", "dateAdded", "dateModified"}
)
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")


class Maker(msgspec.Struct, frozen=True, array_like=True):
    """Who made a work: role, first name, last name or the whole name of an institution."""

    role: str
    first: str
    last: str


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """An annotation, note, attachment or paper."""

    key: str
    kind: str
    parent: str = ""
    trashed: bool = False
    added: str = ""
    modified: str = ""
    by: int | None = None
    """The account that made it, and its name, where the library is shared and this is told."""
    by_name: str = ""
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    makers: tuple[Maker, ...] = ()


class Collection(msgspec.Struct, frozen=True, omit_defaults=True):
    """A folder of works."""

    name: str
    parent: str = ""


class Holding(msgspec.Struct, frozen=True):
    """A library as it was at one version."""

    origin: str
    """The address it is from: another one's versions mean nothing here."""
    version: int = 0
    items: dict[str, Item] = {}
    collections: dict[str, Collection] = {}
    format: int = 1

    @property
    def marks(self) -> int:
        """How many marks and notes there are."""
        return sum(item.kind in (MARK, NOTE) for item in self.items.values())

    def packed(self) -> bytes:
        """For a memory."""
        return zlib.compress(msgspec.json.encode(self), 1)


def unpacked(kept: bytes | None, origin: str) -> Holding | None:
    """What a memory kept, if it is of this origin and can be read."""
    try:
        held = msgspec.json.decode(zlib.decompress(kept or b""), type=Holding)
    except (zlib.error, msgspec.MsgspecError, RecursionError):
        return None
    return held if (held.origin, held.format) == (origin, 1) else None


# --- from an answer -------------------------------------------------------------------------


def _told(value: Any) -> Any:
    """What is told: a field without a value is none."""
    if isinstance(value, dict):
        return {name: _told(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_told(one) for one in value if one is not None]
    return value


class _User(msgspec.Struct):
    id: int | None = None
    name: str = ""
    username: str = ""


class _Meta(msgspec.Struct):
    createdByUser: _User = msgspec.field(default_factory=_User)
    parsedDate: str = ""


class _Tag(msgspec.Struct):
    tag: str = ""
    type: int = 0


class _Creator(msgspec.Struct):
    creatorType: str = ""
    firstName: str = ""
    lastName: str = ""
    name: str = ""


class _Data(msgspec.Struct):
    itemType: str
    parentItem: str | bool = False
    deleted: int | bool = 0
    dateAdded: str = ""
    dateModified: str = ""
    tags: tuple[_Tag, ...] = ()
    collections: tuple[str, ...] | None = ()
    creators: tuple[_Creator, ...] = ()


class _Row(msgspec.Struct):
    key: str
    data: _Data
    meta: _Meta = msgspec.field(default_factory=_Meta)


def items_of(rows: Iterable[dict[str, Any]]) -> Iterator[Item]:
    """The items of an answer.

    Raises:
        ItemError: one of them is none.
    """
    for row in map(_told, rows):
        try:
            yield _item(msgspec.convert(row, _Row), row["data"])
        except (msgspec.ValidationError, RecursionError) as error:
            raise ItemError(
                f"an item of Zotero's API is not as it should be: {error}",
                hint="a newer version of this program may know it",
            ) from error


def _item(row: _Row, raw: dict[str, Any]) -> Item:
    data, user = row.data, row.meta.createdByUser
    return Item(
        key=plain(row.key),
        kind=data.itemType,
        parent=data.parentItem if isinstance(data.parentItem, str) else "",
        trashed=bool(data.deleted),
        added=data.dateAdded,
        modified=data.dateModified,
        by=user.id,
        by_name=plain(user.name or user.username),
        tags=tuple(sorted(plain(one.tag) for one in data.tags if one.tag and one.type == 0)),
        collections=data.collections or (),
        fields=_fields(raw, row.meta.parsedDate),
        makers=tuple(
            Maker(one.creatorType, plain(one.firstName), plain(one.lastName or one.name))
            for one in data.creators
        ),
    )


def _fields(raw: dict[str, Any], parsed: str) -> dict[str, str]:
    """The filled fields; the date as the database has it: what can be sorted comes first."""
    found = {
        name: plain(value)
        for name, value in raw.items()
        if isinstance(value, str) and value and name not in _APART
    }
    date = parsed or found.get("date", "")
    if not date[:4].isdecimal() and (year := _YEAR.search(date)):
        date = year[0]
    return found | ({"date": date} if date else {})


class _Folder(msgspec.Struct):
    name: str = ""
    parentCollection: str | bool = False
    deleted: int | bool = 0


class _FolderRow(msgspec.Struct):
    key: str
    data: _Folder


def collections_of(rows: list[dict[str, Any]]) -> dict[str, Collection]:
    """The collections of an answer that are not in the trash.

    Raises:
        ItemError: one of them is none.
    """
    try:
        found = msgspec.convert(_told(rows), list[_FolderRow])
    except (msgspec.ValidationError, RecursionError) as error:
        raise ItemError(f"a collection of Zotero's API is not as it should be: {error}") from error
    return {
        row.key: Collection(
            plain(row.data.name),
            row.data.parentCollection if isinstance(row.data.parentCollection, str) else "",
        )
        for row in found
        if not row.data.deleted
    }


_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """A text of Zotero's without control characters but tab and line feed."""
    text = text.encode("utf-8", "replace").decode()  # half a pair of surrogates is no sign
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
