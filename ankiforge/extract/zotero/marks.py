"""One annotation of Zotero, as a `Highlight`."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from ankiforge.domain import Document, Highlight, HighlightKind
from ankiforge.extract.pdf.protocol import Passage
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
PICTURES = frozenset((HighlightKind.IMAGE, HighlightKind.INK))
"""What Zotero keeps as a picture instead of words."""
_MARKUP = re.compile(r"</?(?:b|i|sub|sup)>", re.IGNORECASE)
"""All that Zotero's editor writes; everything else in a comment is meant as it stands."""


class Shown(Passage, frozen=True):
    """A mark that is a picture: where that lies, relative to the data folder."""

    picture: str = ""


def highlight_of(
    database: Database,
    library: Library,
    document: Document,
    mark: Mark,
    around: Passage,
    me: tuple[str, ...],
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
        prefix=around.prefix,
        suffix=around.suffix,
        sentence=around.sentence,
        markdown=(f"![]({around.picture})",) if isinstance(around, Shown) else (),
        comment=_MARKUP.sub("", mark.comment).strip(),
        instructs=mine,
        colour=mark.colour.lower(),
        author=author,
        tags=database.tags(mark.item),
        page_label=mark.page_label,
        heading=around.heading,
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
    page = page_index(mark.position)
    at = "" if page is None else f"page={page + 1}&"
    address = f"{library.address}/items/{percent(mark.attachment_key)}"
    return f"zotero://open-pdf/{address}?{at}annotation={percent(mark.key)}"


# --- the position ---------------------------------------------------------------------------


class _Page(msgspec.Struct, frozen=True):
    """Absent in EPUBs and snapshots."""

    pageIndex: int | None = None


class _Place(msgspec.Struct, frozen=True):
    """Where on the page, line by line."""

    rects: tuple[tuple[float, float, float, float], ...] = ()


_Part = TypeVar("_Part", _Page, _Place)


def page_index(position: str) -> int | None:
    """The page of a mark from 0, None if it has none."""
    found = _decoded(position, _Page).pageIndex
    return found if found is not None and found >= 0 else None


def first_box(position: str) -> tuple[float, float, float, float] | None:
    """left, bottom, right, top of a mark's first line in points, None if it has none."""
    return next(iter(_decoded(position, _Place).rects), None)


def _decoded(position: str, part: type[_Part]) -> _Part:
    try:
        return msgspec.json.decode(position, type=part)
    except (msgspec.MsgspecError, RecursionError):
        return part()
