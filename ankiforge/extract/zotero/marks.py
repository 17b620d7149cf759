"""One annotation of Zotero, as a `Highlight`."""

from __future__ import annotations

import re

import msgspec

from ankiforge.domain import Document, Highlight, HighlightKind
from ankiforge.extract.zotero.database import Account, Database, Library, Mark
from ankiforge.text.anchors import percent
from ankiforge.text.fold import same

KINDS = {
    1: HighlightKind.HIGHLIGHT,
    2: HighlightKind.NOTE,
    3: HighlightKind.IMAGE,
    4: HighlightKind.INK,
    5: HighlightKind.UNDERLINE,
    6: HighlightKind.NOTE,  # text typed on the page: the words are in its comment
}
_MARKUP = re.compile(r"</?(?:b|i|sub|sup)>", re.IGNORECASE)
"""All that Zotero's editor writes; everything else in a comment is meant as it stands."""


class _Position(msgspec.Struct, frozen=True):
    """The one thing we want of it; absent in EPUBs and snapshots."""

    pageIndex: int | None = None


def highlight_of(
    database: Database, library: Library, document: Document, mark: Mark, me: tuple[str, ...]
) -> Highlight:
    """The mark; one by somebody else in a shared library neither instructs nor becomes a card."""
    author = _author(database, library, mark)
    mine = library.group is None or _is_mine(database.account(), mark, author, me)
    return Highlight(
        document=document,
        namespace=library.namespace,
        kind=KINDS[mark.kind],
        exact=mark.text,
        own=percent(mark.key),
        comment=_MARKUP.sub("", mark.comment).strip(),
        instructs=mine,
        colour=mark.colour.lower(),
        author=author,
        tags=database.tags(mark.item),
        page_label=mark.page_label,
        uri=_uri(library, mark),
        block=mark.attachment_key,
        skip="" if mine else f"marked by {author or 'somebody else'}",
    )


def _author(database: Database, library: Library, mark: Mark) -> str:
    """The name Zotero shows: the one that came along, else that of the account."""
    return mark.author_name or (database.user(mark.author) if library.group is not None else "")


def _is_mine(account: Account, mark: Mark, author: str, me: tuple[str, ...]) -> bool:
    """Whether one of `me`, or without `me` the account of this database, made it."""
    if not mark.author_name and mark.author is None:
        return True  # made on this computer and never synced
    by_owner = _named(author, account.names) if mark.author_name else mark.author == account.id
    names = (author, *account.names) if by_owner else (author,)
    return any(_named(name, me) for name in names) if me else by_owner


def _named(name: str, names: tuple[str, ...]) -> bool:
    return any(same(name, other) for other in names)


def _uri(library: Library, mark: Mark) -> str:
    """Opens the attachment at the mark; `page` counts from 1 and is no label."""
    page = _page_index(mark.position)
    at = "" if page is None else f"page={page + 1}&"
    address = f"{library.address}/items/{percent(mark.attachment_key)}"
    return f"zotero://open-pdf/{address}?{at}annotation={percent(mark.key)}"


def _page_index(position: str) -> int | None:
    try:
        found = msgspec.json.decode(position, type=_Position).pageIndex
    except (msgspec.MsgspecError, RecursionError):
        return None
    return found if found is not None and found >= 0 else None
