"""Libraries from Zotero's API: incremental from the web, complete from the local API.

Each response has a library version. Whatever is newer than the first response is fetched again the
next time. An item is removed from a copy only if the list of erased items names it, and never
because a response lacks it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.api import TRIES, Pace, Place, Service
from ankiforge.extract.zotero.database import (
    Account,
    ChildNote,
    Creator,
    Library,
    Mark,
    plain,
)
from ankiforge.extract.zotero.settings import (
    TOO_OLD,
    TOO_OLD_HINT,
    Address,
    RefusalError,
    UntoldError,
    Wanted,
)
from ankiforge.model import Memory, Problem

MARK, NOTE = "annotation", "note"
KINDS = f"{MARK} || {NOTE}"
LEVELS = 4
"""Paper, attachment, annotation. Libraries are not nested deeper."""
_MARK_KINDS = {"highlight": 1, "note": 2, "image": 3, "ink": 4, "underline": 5, "text": 6}
_UNKNOWN = _NOBODY = 0

# --- a copy of a library --------------------------------------------------------------------


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """An annotation, note, attachment or paper."""

    key: str
    kind: str
    parent: str = ""
    trashed: bool = False
    added: str = ""
    modified: str = ""
    by: int | None = None
    """The account that made it and its name, if the library is shared and they are known."""
    by_name: str = ""
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    fields: dict[str, str] = {}
    makers: tuple[tuple[str, str, str], ...] = ()
    """Role, first name, last name (or the whole name of an institution)."""


class Collection(msgspec.Struct, frozen=True, omit_defaults=True):
    """A folder of works."""

    name: str
    parent: str = ""


class Copy(msgspec.Struct, frozen=True):
    """The annotations and notes of a library at one version, with the items they belong to."""

    origin: str
    """The address it was fetched from. Versions of another address cannot be compared."""
    version: int = 0
    items: dict[str, Item] = {}
    collections: dict[str, Collection] = {}
    format: int = 1

    @property
    def marks(self) -> int:
        """The number of annotations and notes."""
        return sum(item.kind in (MARK, NOTE) for item in self.items.values())


# --- from a response ------------------------------------------------------------------------

_NO_FIELDS = frozenset(
    {"key", "version", "itemType", "parentItem", "deleted", "tags", "collections", "creators"}
    | {"relations", "dateAdded", "dateModified"}
)
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")


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


class _Folder(msgspec.Struct):
    name: str = ""
    parentCollection: str | bool = False
    deleted: int | bool = 0


class _FolderRow(msgspec.Struct):
    key: str
    data: _Folder


def _without_nulls(value: Any) -> Any:
    """Drop the fields without a value."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def items_of(rows: Iterable[dict[str, Any]]) -> Iterator[Item]:
    """Yield the items of a response.

    Raises:
        ItemError: one of them is malformed.
    """
    for row in rows:
        try:
            whole = _without_nulls(row)
            yield _item(msgspec.convert(whole, _Row), whole["data"])
        except (msgspec.ValidationError, RecursionError) as error:
            raise ItemError(
                f"an item of Zotero's API has an unexpected form: {error}",
                hint="a newer version of this program may know it",
            ) from error


def _item(row: _Row, raw: dict[str, Any]) -> Item:
    data, user = row.data, row.meta.createdByUser
    fields = {
        name: plain(value)
        for name, value in raw.items()
        if isinstance(value, str) and value and name not in _NO_FIELDS
    }
    # dates as in the database: the sortable form comes first
    date = row.meta.parsedDate or fields.get("date", "")
    if not date[:4].isdecimal() and (year := _YEAR.search(date)):
        date = year[0]
    return Item(
        key=plain(row.key),
        kind=data.itemType,
        parent=data.parentItem if isinstance(data.parentItem, str) else "",
        trashed=bool(data.deleted),
        added=data.dateAdded,
        modified=data.dateModified,
        by=user.id,
        by_name=plain(user.name or user.username),
        tags=tuple(sorted(plain(tag.tag) for tag in data.tags if tag.tag and tag.type == 0)),
        collections=data.collections or (),
        fields=fields | ({"date": date} if date else {}),
        makers=tuple(
            (creator.creatorType, plain(creator.firstName), plain(creator.lastName or creator.name))
            for creator in data.creators
        ),
    )


def collections_of(rows: list[dict[str, Any]]) -> dict[str, Collection]:
    """Return the collections of a response that are not in the trash.

    Raises:
        ItemError: one of them is malformed.
    """
    try:
        found = msgspec.convert(_without_nulls(rows), list[_FolderRow])
    except (msgspec.ValidationError, RecursionError) as error:
        raise ItemError(f"a collection of Zotero's API has an unexpected form: {error}") from error
    return {
        row.key: Collection(plain(row.data.name), parent if isinstance(parent, str) else "")
        for row in found
        if not row.data.deleted
        for parent in (row.data.parentCollection,)
    }


# --- fetching -------------------------------------------------------------------------------


class _ChangedError(Exception):
    """The library changed while it was read, and a requested item is gone."""


class Fetch:
    """Fetches one library."""

    def __init__(self, service: Service, place: Place) -> None:
        self._service = service
        self._place = place
        self._address = service.address

    def current(self, before: Copy) -> Copy:
        """Return the library as it is now. `before` itself if nothing changed on the web.

        Of `before`, a running Zotero needs only the origin.

        Raises:
            ItemError: it cannot be fetched completely, or this Zotero does not list annotations.
        """
        fetch = self._whole if self._address.local else self._changed_since
        for _ in range(TRIES):
            try:
                return fetch(before)
            except _ChangedError:  # items are erased meanwhile
                continue
        raise self._address.fault("restless")

    def _changed_since(self, before: Copy) -> Copy:
        service, place, known = self._service, self._place, before.version > 0
        changed = service.versions(place, before.version, "" if known else KINDS)
        if known and changed.version < before.version:  # another or a restored server
            anew = self._changed_since(Copy(before.origin))
            if before.marks and not anew.marks:
                raise self._address.fault("emptied", before.marks, "marks and notes")
            return anew
        if not changed.found and known and changed.version == before.version:
            return before
        if not changed.found and not known:
            return Copy(before.origin, changed.version)
        items, erased = dict(before.items), frozenset[str]()
        wanted = set(changed.found)
        if known:
            marks = service.versions(place, before.version, KINDS)
            self._check_age(marks.version, changed.version)
            wanted = {*marks.found, *(wanted & items.keys())}
            erased = service.deleted(place, before.version) - changed.found.keys()
        items = {key: item for key, item in items.items() if key not in erased}
        self._fetch(items, wanted, changed.version)
        # drop the children of erased items that were not moved elsewhere
        while orphans := {key for key, item in items.items() if item.parent in erased}:
            items = {key: item for key, item in items.items() if key not in orphans}
            erased = frozenset(orphans)
        return self._copy(before, changed.version, items)

    def _whole(self, before: Copy) -> Copy:
        answer = self._service.all_of(self._place, KINDS)
        items = {item.key: item for item in items_of(answer.found)}
        if not any(item.kind == MARK for item in items.values()):
            self._check_empty(answer.headers)
        server = answer.headers.get("zotero-server-id", "")
        return self._copy(Copy(f"{before.origin}#{server}"), answer.version, items)

    def _copy(self, before: Copy, version: int, items: dict[str, Item]) -> Copy:
        """Return the marks and notes that have a parent, their ancestors, and the collections."""
        for _ in range(LEVELS):
            parents = {item.parent for item in items.values() if item.parent} - items.keys()
            if not parents:
                break
            self._fetch(items, parents, version)
        else:
            raise self._address.broken("items lie on items without end")
        answer = self._service.collections(self._place)
        if answer is None and before.collections:  # a server that had collections still has them
            raise self._address.fault("emptied", len(before.collections), "collections")
        if answer is not None:
            self._check_age(answer.version, version)
        folders = collections_of(answer.found) if answer else {}
        kept = {k: item for k, item in items.items() if item.kind in (MARK, NOTE) and item.parent}
        for _ in range(LEVELS):
            parents = {item.parent for item in kept.values() if item.parent}
            kept |= {key: items[key] for key in parents if key in items}
        return Copy(before.origin, version, kept, folders)

    def _fetch(self, items: dict[str, Item], keys: Iterable[str], version: int) -> None:
        """Update these items."""
        wanted = sorted(keys)
        answers = list(self._service.items(self._place, wanted))
        for answer in answers:
            self._check_age(answer.version, version)
        found = {item.key: item for answer in answers for item in items_of(answer.found)}
        if lost := [key for key in wanted if key not in found]:
            if any(answer.version != version for answer in answers):
                raise _ChangedError
            raise self._address.fault("short", len(wanted) - len(lost), len(wanted))
        items |= {key: found[key] for key in wanted}

    def _check_age(self, version: int, first: int) -> None:
        """Refuse a response older than the first one. It comes from a cache in between."""
        if version < first:
            raise self._address.broken("an answer is older than the one before")

    def _check_empty(self, headers: Mapping[str, str]) -> None:
        """Refuse Zotero 7, which answers 200 and an empty list however many annotations exist."""
        major = headers.get("x-zotero-version", "").partition(".")[0]
        number = int(major) if major.isdecimal() else 0
        if number >= 8 or headers.get("zotero-server-id"):
            return
        if number or self._service.versions(self._place, 0, "attachment").found:
            raise ItemError(TOO_OLD, hint=TOO_OLD_HINT)


# --- the catalog ----------------------------------------------------------------------------


class Remote:
    """The libraries at one address. Each is fetched on first use."""

    def __init__(self, address: Address, wanted: Wanted, memory: Memory, pace: Pace) -> None:
        self._address = address
        self._wanted = wanted
        self._memory = memory
        self._service = Service(address, pace)
        self._places: list[Place] = []
        self._copies: dict[int, Copy | ItemError] = {}
        self._items: list[tuple[Item, Copy]] = []
        self._users: dict[int, str] = {}
        self._groups_error: ItemError | None = None

    def close(self) -> None:
        """Close the connections."""
        self._service.close()

    def libraries_and_fault(self) -> Iterator[Library | Problem]:
        """Yield the libraries, then the reason if shared ones could not be listed.

        The reason is left out if no other library could be read either.
        """
        yield from self._libraries
        fault, copies = self._groups_error, self._copies.values()
        if fault and not (copies and all(isinstance(copy, ItemError) for copy in copies)):
            yield Problem(f"{self._address.host}: shared libraries", fault.message, fault.hint)

    # --- accounts and libraries

    def account(self) -> Account:
        """Return the account of the key. Empty for the local API, which needs no key."""
        return self._account

    def user(self, number: int | None) -> str:
        """Return an account's name, as given by the items of shared libraries."""
        return self._users.get(number, "") if number is not None else ""

    @cached_property
    def _account(self) -> Account:
        """The owner of the key. Libraries selected by number do not need one."""
        nobody = Account(None, ())
        if self._address.local:
            return nobody
        if not self._address.key:
            if self._wanted.own:
                raise self._address.no_key()
            return nobody
        try:
            return self._service.account()
        except RefusalError as error:
            if error.status == 404 and not self._wanted.own:
                return nobody
            raise

    def libraries(self) -> tuple[Library, ...]:
        """Return the selected libraries: the user's own, then the groups by number."""
        return self._libraries

    @cached_property
    def _libraries(self) -> tuple[Library, ...]:
        own, known = self._account.id or 0, dict[int, str]()
        if (own or self._address.local) and self._wanted.needs_groups:
            try:
                known = self._service.groups(own)
            except RefusalError as error:
                if self._wanted.explicit:  # whether a number means a group is then unknown
                    raise
                self._groups_error = error  # the own library can still be read
        number = self._wanted.user(known) or 0
        chosen = [(Place("user", number or own), "")] if self._wanted.own or number else []
        chosen += [(Place("group", one), known.get(one, "")) for one in self._wanted.groups(known)]
        self._places = [place for place, _ in chosen]
        return tuple(
            Library(at, place.id if place.kind == "group" else None, name)
            for at, (place, name) in enumerate(chosen)
        )

    # --- what is in them: see `Catalog`

    def marks(self, library: Library) -> Iterator[Mark]:
        """Yield annotations not in the trash, by work, attachment (oldest first), position, key."""
        copy = self._copy(library)

        def order(chain: tuple[Item, ...]) -> tuple[str, ...]:
            mark, file = chain[:2]
            index = mark.fields.get("annotationSortIndex", "")
            return (chain[-1].key, file.added, file.key, index, mark.key)

        for item, file, *above in sorted(_not_trashed(copy, MARK), key=order):
            fields, work = item.fields, above[0] if above else file
            name = file.fields.get("filename", "")
            yield Mark(
                item=self._handle(item, copy),
                key=item.key,
                kind=_MARK_KINDS.get(fields.get("annotationType", ""), _UNKNOWN),
                text=fields.get("annotationText", ""),
                comment=fields.get("annotationComment", ""),
                colour=fields.get("annotationColor", ""),
                page_label=fields.get("annotationPageLabel", ""),
                position=fields.get("annotationPosition", ""),
                author_name=fields.get("annotationAuthorName", ""),
                author=_author(library, item),
                attachment_key=file.key,
                attachment_path=f"storage:{name}" if name else file.fields.get("path", ""),
                work_item=self._handle(work, copy),
                work_key=work.key,
                created=item.added,
                modified=item.modified,
                external=False,
            )

    def trashed(self, library: Library) -> int:
        """Return how many annotations are in the trash, themselves or with their file or paper."""
        chains = _chains(self._copy(library), MARK)
        return sum(any(item.trashed for item in chain) for chain in chains)

    def notes(self, library: Library) -> Iterator[ChildNote]:
        """Yield notes on papers that are not in the trash, by paper, oldest first."""
        copy = self._copy(library)
        for item, work, *_ in sorted(
            _not_trashed(copy, NOTE), key=lambda chain: (chain[1].key, chain[0].added, chain[0].key)
        ):
            yield ChildNote(
                item=self._handle(item, copy),
                key=item.key,
                html=item.fields.get("note", ""),
                created=item.added,
                modified=item.modified,
                author=_author(library, item),
                work_item=self._handle(work, copy),
                work_key=work.key,
            )

    def fields(self, item: int) -> dict[str, str]:
        """Return the non-empty fields of a work by Zotero's field names."""
        return dict(self._items[item][0].fields)

    def creators(self, item: int) -> list[Creator]:
        """Return the creators of a work in its order."""
        return [Creator(*maker) for maker in self._items[item][0].makers]

    def tags(self, item: int) -> tuple[str, ...]:
        """Return the tags added by a person."""
        return self._items[item][0].tags

    def collections(self, item: int) -> tuple[str, ...]:
        """Return the full paths of the collections of a work, without those in the trash."""
        own, copy = self._items[item]
        paths = set()
        for key in own.collections:
            names: list[str] = []
            while key and (folder := copy.collections.get(key)) and len(names) < 100:
                names.insert(0, folder.name)
                key = folder.parent
            if not key:
                paths.add("/".join(names))
        return tuple(sorted(paths - {""}))

    def _handle(self, item: Item, copy: Copy) -> int:
        self._items.append((item, copy))
        return len(self._items) - 1

    # --- fetching

    def _copy(self, library: Library) -> Copy:
        """Return the library. It is fetched once, and an error is raised again on each call."""
        copy = self._copies.get(library.id)
        if copy is None:
            place = self._places[library.id]
            origin = f"{self._address.url}/{place.kind}s/{place.id}"
            try:
                fetched = self._fetch_local if self._address.local else self._fetch_web
                copy = fetched(library, Fetch(self._service, place), origin)
            except ItemError as error:
                copy = error
            self._copies[library.id] = copy
        if isinstance(copy, ItemError):
            raise copy
        self._users |= {i.by: i.by_name for i in copy.items.values() if i.by is not None}
        return copy

    def _fetch_web(self, library: Library, fetch: Fetch, origin: str) -> Copy:
        """Return the current library from the web. A complete copy is cached."""
        name = f"web/{library.namespace}"
        try:
            body = zlib.decompress(self._memory.recall(name) or b"")
            cached = msgspec.json.decode(body, type=Copy)
        except (zlib.error, msgspec.MsgspecError, RecursionError):
            cached = Copy("")
        if (cached.origin, cached.format) != (origin, 1):
            cached = Copy(origin)
        # an empty cached copy is not updated but fetched anew: it may have come from an error
        copy = fetch.current(cached if cached.marks else Copy(origin))
        if copy != cached:
            self._memory.keep({name: zlib.compress(msgspec.json.encode(copy), 1)})
        return copy

    def _fetch_local(self, library: Library, fetch: Fetch, origin: str) -> Copy:
        """Return the library from this machine. Only the number of annotations is cached."""
        copy = fetch.current(Copy(origin))
        name = f"local/{copy.origin}/{library.namespace}"
        cached = self._memory.recall(name) or b""
        before = int(cached) if cached.isdigit() else 0
        if before and not copy.marks:
            raise self._address.fault("emptied", before, "marks and notes")
        # in a shared library only one's own comments are instructions, so authors must be known
        items = (item for item in copy.items.values() if item.kind in (MARK, NOTE))
        if library.group is not None and any(item.by is None for item in items):
            raise UntoldError(
                "Zotero's local API does not say who marked what in a shared library",
                hint="give `path:`, Zotero's data folder, or `api: web`; "
                "or leave it out: `library: user`",
            )
        if copy.marks != before:
            self._memory.keep({name: b"%d" % copy.marks})
        return copy


def _author(library: Library, item: Item) -> int | None:
    """Return the account that made an item. An unknown one in a group is not the user's."""
    return item.by if library.group is None or item.by is not None else _NOBODY


def _chains(copy: Copy, kind: str) -> Iterator[tuple[Item, ...]]:
    """Yield each item of a kind, followed by its ancestors."""
    for item in copy.items.values():
        if item.kind == kind:
            chain = [item]
            while (above := copy.items.get(chain[-1].parent)) and len(chain) < 3:
                chain.append(above)
            yield tuple(chain)


def _not_trashed(copy: Copy, kind: str) -> Iterator[tuple[Item, ...]]:
    """Yield the chains that have a parent and are not in the trash."""
    for chain in _chains(copy, kind):
        if len(chain) > 1 and not any(item.trashed for item in chain):
            yield chain
