"""One annotation of Zotero, as a `Highlight`."""

from __future__ import annotations

import re
from dataclasses import replace

from ankiforge.extract.pdf.worker import Passage
from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import Library, Mark
from ankiforge.extract.zotero.people import People
from ankiforge.extract.zotero.positions import page_index
from ankiforge.model import Document, Highlight, HighlightKind
from ankiforge.text.anchors import percent, without_bullets

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
    """A mark that is a picture: what that is called in our Markdown."""

    picture: str = ""


def highlight_of(
    catalog: Catalog,
    people: People,
    library: Library,
    document: Document,
    mark: Mark,
    around: Passage,
) -> Highlight:
    """The mark; one by somebody else in a shared library neither instructs nor becomes a card."""
    foreign = people.reason(library, mark.author_name, mark.author, external=mark.external)
    read = Highlight(
        document=document,
        namespace=library.namespace,
        kind=KINDS[mark.kind],
        exact=without_bullets(mark.text),
        own=percent(mark.key),
        prefix=around.prefix,
        suffix=around.suffix,
        sentence=around.sentence,
        markdown=(f"![]({around.picture})",) if isinstance(around, Shown) else (),
        comment=comment_of(mark),
        instructs=not foreign,
        colour=mark.colour.lower(),
        author=people.author(library, mark.author_name, mark.author),
        created=mark.created,
        modified=mark.modified,
        tags=catalog.tags(mark.item),
        page_label=mark.page_label,
        heading=around.heading,
        uri=_uri(library, mark),
        block=mark.attachment_key,
        skip=foreign,
    )
    was = around.sentence_formerly
    sentence = around.sentence if was is None else was
    return read.formerly_as(replace(read, exact=mark.text, sentence=sentence))


def comment_of(mark: Mark) -> str:
    """What was written beside it, as plain text."""
    return _MARKUP.sub("", mark.comment).strip()


def _uri(library: Library, mark: Mark) -> str:
    """Opens the attachment at the mark; `page` counts from 1 and is no label."""
    page = page_index(mark.position)
    at = "" if page is None else f"page={page + 1}&"
    address = f"{library.address}/items/{percent(mark.attachment_key)}"
    return f"zotero://open-pdf/{address}?{at}annotation={percent(mark.key)}"
