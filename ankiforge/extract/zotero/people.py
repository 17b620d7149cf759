"""Whose marks and notes these are: in a shared library only those of one person count."""

from __future__ import annotations

from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import Account, Library
from ankiforge.text.fold import same


class People:
    """Who made what, as far as the database knows."""

    def __init__(self, catalog: Catalog, me: tuple[str, ...]) -> None:
        """`me` are names; without any it is the account that the database is synced with."""
        self._catalog = catalog
        self._me = me

    def author(self, library: Library, name: str, number: int | None) -> str:
        """The name Zotero shows: the one that came along, else that of the account."""
        return name or (self._catalog.user(number) if library.group is not None else "")

    def reason(
        self, library: Library, name: str, number: int | None, *, external: bool = False
    ) -> str:
        """Why something in a library does not count, "" if it does: one's own counts.

        Args:
            library: where it is; in one's own library all is one's own.
            name: came along with it.
            number: of the account that made it, None if it was never synced.
            external: it is from the file itself, and nobody knows who made that.
        """
        if library.group is None or self._is_mine(library, name, number, external):
            return ""
        author = self.author(library, name, number)
        unknown = "another program in the file" if external else "somebody else"
        return f"marked by {author or unknown}"

    def _is_mine(self, library: Library, name: str, number: int | None, external: bool) -> bool:
        if not name and number is None:
            return not external  # made on this computer and never synced
        account = self._catalog.account()
        author = self.author(library, name, number)
        by_owner = _named(author, account.names) if name else self._is_owner(account, number)
        names = (author, *account.names) if by_owner else (author,)
        return any(_named(one, self._me) for one in names) if self._me else by_owner

    def _is_owner(self, account: Account, number: int | None) -> bool:
        return number is not None and number == account.id


def _named(name: str, names: tuple[str, ...]) -> bool:
    return any(same(name, other) for other in names)
