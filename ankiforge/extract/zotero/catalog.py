"""What is asked of Zotero, whichever way leads to it: its database, its local or its web API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from ankiforge.extract.zotero.database import Account, ChildNote, Creator, Library, Mark


class Catalog(Protocol):
    """Libraries with what was marked and written in them.

    Every way gives the same values in the same order. The numbers of items and libraries are
    handles of one catalog, good for nothing but asking it. Its methods raise ItemError where an
    answer cannot be had, or cannot be believed.
    """

    def account(self) -> Account:
        """Whose Zotero it is."""
        ...

    def user(self, number: int | None) -> str:
        """The display name of an account, "" if it is not known here."""
        ...

    def libraries(self) -> Iterable[Library]:
        """The user's own library, then the groups by number."""
        ...

    def marks(self, library: Library) -> Iterator[Mark]:
        """What is not in the trash: by work, attachment (oldest first), place, key."""
        ...

    def trashed(self, library: Library) -> int:
        """How many marks lie in the trash, themselves or with their file or paper."""
        ...

    def notes(self, library: Library) -> Iterator[ChildNote]:
        """Notes on papers that are not in the trash: by paper, oldest first."""
        ...

    def fields(self, item: int) -> dict[str, str]:
        """The filled fields of a work by Zotero's names."""
        ...

    def creators(self, item: int) -> list[Creator]:
        """Everybody who made a work, in its order."""
        ...

    def tags(self, item: int) -> tuple[str, ...]:
        """The tags a person gave, not those a catalogue brought along."""
        ...

    def collections(self, item: int) -> tuple[str, ...]:
        """The collections a work is in, each as its whole path, `Outer/Inner`."""
        ...
