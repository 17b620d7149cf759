"""A `Catalog` over what Zotero's API tells, web or local."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.address import Address, RefusalError, UntoldError
from ankiforge.extract.zotero.database import Account, ChildNote, Creator, Library, Mark
from ankiforge.extract.zotero.holding import MARK, NOTE, Holding, Item, unpacked
from ankiforge.extract.zotero.service import Identity, Place, Service
from ankiforge.extract.zotero.sync import listed, synced
from ankiforge.extract.zotero.wanted import Wanted
from ankiforge.extract.zotero.wire import Pace
from ankiforge.model import Memory, Problem

_KINDS = {"highlight": 1, "note": 2, "image": 3, "ink": 4, "underline": 5, "text": 6}
_UNKNOWN = _NOBODY = 0


class Remote:
    """The libraries behind one address; each is fetched when it is first asked for."""

    def __init__(self, address: Address, wanted: Wanted, memory: Memory, pace: Pace) -> None:
        self._address = address
        self._wanted = wanted
        self._memory = memory
        self._service = Service(address, pace)
        self._who: Identity | None = None
        self._asked = address.local
        self._libraries: tuple[Library, ...] | None = None
        self._places: list[Place] = []
        self._held: dict[int, Holding | ItemError] = {}
        self._items: list[tuple[Item, Holding]] = []
        self._users: dict[int, str] = {}
        self._unlisted: ItemError | None = None

    def close(self) -> None:
        """Drop the connections."""
        self._service.close()

    @property
    def unlisted(self) -> Problem | None:
        """Why it is not known which shared libraries there are, if others can be read."""
        fault, held = self._unlisted, self._held.values()
        if fault is None or (held and all(isinstance(one, ItemError) for one in held)):
            return None
        return Problem(f"{self._address.host}: shared libraries", fault.message, fault.hint)

    # --- whose it is ------------------------------------------------------------------------

    def account(self) -> Account:
        """The account the key belongs to; nobody's on this machine, where none is needed."""
        who = self._identity()
        return Account(who.id, who.names) if who else Account(None, ())

    def user(self, number: int | None) -> str:
        """As the items of shared libraries name them."""
        return self._users.get(number, "") if number is not None else ""

    def libraries(self) -> tuple[Library, ...]:
        """Those that are wanted."""
        if self._libraries is None:
            chosen = list(self._chosen())
            self._places = [place for place, _ in chosen]
            self._libraries = tuple(
                Library(at, place.id if place.kind == "group" else None, name)
                for at, (place, name) in enumerate(chosen)
            )
        return self._libraries

    def _identity(self) -> Identity | None:
        """Asked for once."""
        if not self._asked:
            self._who, self._asked = self._told(), True
        return self._who

    def _told(self) -> Identity | None:
        """Whose key it is; where libraries are called by their numbers one may do without."""
        if not self._address.key:
            if self._wanted.own:
                raise self._address.no_key()
            return None
        try:
            return self._service.identity()
        except RefusalError as error:
            if error.status == 404 and not self._wanted.own:
                return None
            raise

    def _chosen(self) -> Iterator[tuple[Place, str]]:
        """The user's own library, then the groups by number."""
        who = self._identity()
        own = who.id if who else 0
        known = self._known_groups(own)
        number = self._wanted.user(known) or 0
        if self._wanted.own or number:
            yield Place("user", number or own), ""
        numbers = self._wanted.groups(known)
        yield from ((Place("group", group), known.get(group, "")) for group in numbers)

    def _known_groups(self, own: int) -> Mapping[int, str]:
        """Asked for only where the answer matters; a fault leaves one's own library be."""
        there = bool(own) or self._address.local
        try:
            return self._service.groups(own) if there and self._wanted.needs_groups else {}
        except RefusalError as error:
            if self._wanted.explicit:  # which library a number means is not known then
                raise
            self._unlisted = error
            return {}

    # --- what is in it ----------------------------------------------------------------------

    def marks(self, library: Library) -> Iterator[Mark]:
        """What is not in the trash: by work, attachment (oldest first), place, key."""
        held = self._holding(library)
        found = []
        for item in held.items.values():
            chain = _chain(held, item)
            if item.kind == MARK and len(chain) > 1 and not any(one.trashed for one in chain):
                found.append((_place_of(chain), self._mark(library, held, *chain)))
        yield from (mark for _, mark in sorted(found, key=lambda pair: pair[0]))

    def trashed(self, library: Library) -> int:
        """How many marks lie in the trash, themselves or with their file or paper."""
        held = self._holding(library)
        chains = (_chain(held, item) for item in held.items.values() if item.kind == MARK)
        return sum(any(one.trashed for one in chain) for chain in chains)

    def notes(self, library: Library) -> Iterator[ChildNote]:
        """Notes on papers that are not in the trash: by paper, oldest first."""
        held = self._holding(library)
        found = []
        for item in held.items.values():
            chain = _chain(held, item)
            if item.kind == NOTE and len(chain) > 1 and not any(one.trashed for one in chain):
                order = (chain[1].key, item.added, item.key)
                found.append((order, self._note(library, held, item, chain[1])))
        yield from (note for _, note in sorted(found, key=lambda pair: pair[0]))

    def fields(self, item: int) -> dict[str, str]:
        """The filled fields of a work by Zotero's names."""
        return dict(self._items[item][0].fields)

    def creators(self, item: int) -> list[Creator]:
        """Everybody who made a work, in its order."""
        return [Creator(one.role, one.first, one.last) for one in self._items[item][0].makers]

    def tags(self, item: int) -> tuple[str, ...]:
        """The tags a person gave."""
        return self._items[item][0].tags

    def collections(self, item: int) -> tuple[str, ...]:
        """The whole paths of the collections a work is in."""
        own, held = self._items[item]
        paths = (_path(held, key) for key in own.collections)
        return tuple(sorted({path for path in paths if path}))

    def _mark(
        self, library: Library, held: Holding, item: Item, file: Item, work: Item | None = None
    ) -> Mark:
        told, above = item.fields, work or file
        return Mark(
            item=self._handle(item, held),
            key=item.key,
            kind=_KINDS.get(told.get("annotationType", ""), _UNKNOWN),
            text=told.get("annotationText", ""),
            comment=told.get("annotationComment", ""),
            colour=told.get("annotationColor", ""),
            page_label=told.get("annotationPageLabel", ""),
            position=told.get("annotationPosition", ""),
            author_name=told.get("annotationAuthorName", ""),
            author=_author(library, item),
            attachment_key=file.key,
            attachment_path=_file_path(file),
            work_item=self._handle(above, held),
            work_key=above.key,
            created=item.added,
            modified=item.modified,
            external=False,
        )

    def _note(self, library: Library, held: Holding, item: Item, work: Item) -> ChildNote:
        return ChildNote(
            item=self._handle(item, held),
            key=item.key,
            html=item.fields.get("note", ""),
            created=item.added,
            modified=item.modified,
            author=_author(library, item),
            work_item=self._handle(work, held),
            work_key=work.key,
        )

    def _handle(self, item: Item, held: Holding) -> int:
        self._items.append((item, held))
        return len(self._items) - 1

    # --- fetching ---------------------------------------------------------------------------

    def _holding(self, library: Library) -> Holding:
        """Fetched once; a fault is told each time, and met once."""
        held = self._held.get(library.id)
        if held is None:
            try:
                held = self._fetched(library, self._places[library.id])
            except ItemError as error:
                held = error
            self._held[library.id] = held
        if isinstance(held, ItemError):
            raise held
        self._users |= {i.by: i.by_name for i in held.items.values() if i.by is not None}
        return held

    def _fetched(self, library: Library, place: Place) -> Holding:
        """The library as it is now; remembered once all of it is here."""
        origin = f"{self._address.url}/{place.kind}s/{place.id}"
        if self._address.local:
            return self._listed(library, place, origin)
        name = f"web/{library.namespace}"
        kept = unpacked(self._memory.recall(name), origin)
        # of a list that was empty it is never asked what changed since: it may have been a fault
        held = synced(self._service, place, kept if kept and kept.marks else Holding(origin))
        if held != kept:
            self._memory.keep({name: held.packed()})
        return held

    def _listed(self, library: Library, place: Place, origin: str) -> Holding:
        """The same from this machine; all that is remembered is how many marks there were."""
        held = listed(self._service, place, origin)
        name = f"local/{held.origin}/{library.namespace}"
        kept = self._memory.recall(name) or b""
        before = int(kept) if kept.isdigit() else 0
        if before and not held.marks:
            raise self._address.emptied(before)
        _whose_is_told(library, held)
        if held.marks != before:
            self._memory.keep({name: b"%d" % held.marks})
        return held


def _author(library: Library, item: Item) -> int | None:
    """The account that made it; one nobody knows is not one's own."""
    return item.by if library.group is None or item.by is not None else _NOBODY


def _whose_is_told(library: Library, held: Holding) -> None:
    """In a shared library comments instruct only if they are one's own: this must be known."""
    items = (item for item in held.items.values() if item.kind in (MARK, NOTE))
    if library.group is not None and any(item.by is None for item in items):
        raise UntoldError(
            "Zotero's local API does not tell who marked what in a shared library",
            hint="give `path:`, Zotero's data folder, or `api: web`; or leave it out: `library: user`",
        )


def _chain(held: Holding, item: Item) -> tuple[Item, ...]:
    """The item, what it lies on, and so on."""
    chain = [item]
    while (above := held.items.get(chain[-1].parent)) and len(chain) < 3:
        chain.append(above)
    return tuple(chain)


def _place_of(chain: tuple[Item, ...]) -> tuple[str, ...]:
    """What marks are ordered by."""
    mark, file = chain[:2]
    order = mark.fields.get("annotationSortIndex", "")
    return (chain[-1].key, file.added, file.key, order, mark.key)


def _file_path(file: Item) -> str:
    """As the database has it: `storage:name`, or the path of a linked file."""
    name = file.fields.get("filename", "")
    return f"storage:{name}" if name else file.fields.get("path", "")


def _path(held: Holding, key: str) -> str:
    """`Outer/Inner`, "" if it or one around it is in the trash."""
    names: list[str] = []
    while key:
        folder = held.collections.get(key)
        if folder is None or len(names) >= 100:
            return ""
        names.insert(0, folder.name)
        key = folder.parent
    return "/".join(names)
