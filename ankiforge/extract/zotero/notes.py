"""A note on a paper, as a `Highlight`: what a person wrote there, not the annotations it quotes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property

from ankiforge.errors import ItemError
from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import ChildNote, Library
from ankiforge.extract.zotero.marks import comment_of
from ankiforge.extract.zotero.notetext import Block, blocks_of
from ankiforge.extract.zotero.people import People
from ankiforge.model import Document, Highlight, HighlightKind
from ankiforge.text.anchors import percent
from ankiforge.text.fold import fold

LARGEST = 4_000_000
"""Characters of HTML that are looked into: old notes hold whole pictures."""
_READ = 100_000
"""Characters of words that are read, those that only repeat a mark among them."""
LONGEST = 20_000
"""Characters a note may have to become a card."""
_WORDS = 7
"""Their level: below all headings."""
_TOO_LONG = f"a note of more than {LONGEST:,} characters: split it into shorter ones"
_GLIMPSE = 1_000
"""Characters of a longer one that are kept, to know it by."""


class Quotable:
    """The annotations there are, in all libraries: a note may quote any of them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @cached_property
    def _all(self) -> tuple[frozenset[str], frozenset[str]]:
        """Their keys; the folds of their comments, and of none."""
        keys, said = set(), {""}
        for library in self._catalog.libraries():
            with suppress(ItemError):  # told when that library is read
                for mark in self._catalog.marks(library):
                    keys.add(mark.key)
                    said.add(fold(comment_of(mark)))
        return frozenset(keys), frozenset(said)

    def own(self, html: str) -> tuple[Block, ...]:
        """The blocks of a note that say something else than its annotations say."""
        quotes = "data-annotation" in html or "data-citation" in html
        keys, said = self._all if quotes else (frozenset(), frozenset())
        blocks = blocks_of(html, keys, _READ)
        if not any(block.quotes for block in blocks):
            return blocks
        mine = (block for block in blocks if not (block.quotes and fold(block.bare) in said))
        return tuple(_with_something_below([block for block in mine if block.plain]))


def _with_something_below(blocks: list[Block]) -> list[Block]:
    """All but the headings under which nothing is left."""
    kept: list[Block] = []
    below = 0  # the level of what comes next
    for block in reversed(blocks):
        if (level := block.level or _WORDS) < below or level == _WORDS:
            kept.append(block)
            below = level
    return kept[::-1]


def note_of(
    catalog: Catalog,
    people: People,
    library: Library,
    document: Document,
    note: ChildNote,
    quotable: Quotable,
) -> Highlight | None:
    """The note; None if it is empty or only repeats annotations."""
    too_large = len(note.html) > LARGEST
    blocks = () if too_large else quotable.own(note.html)
    title, blocks = _titled(blocks)
    exact = "\n".join(block.plain for block in blocks)
    if not exact and not too_large:
        return None
    too_long = too_large or len(exact) > LONGEST
    foreign = people.reason(library, "", note.author)
    return Highlight(
        document=document,
        namespace=library.namespace,
        kind=HighlightKind.NOTE,
        exact=exact[:_GLIMPSE] if too_long else exact,
        own=percent(note.key),
        markdown=() if too_long else (_joined(blocks),),
        instructs=not foreign and not too_long,
        author=people.author(library, "", note.author),
        created=note.created,
        modified=note.modified,
        tags=catalog.tags(note.item),
        heading=title,
        uri=f"zotero://select/{library.address}/items/{percent(note.key)}",
        block=note.key,
        skip=foreign or (_TOO_LONG if too_long else ""),
    )


def _titled(blocks: tuple[Block, ...]) -> tuple[str, tuple[Block, ...]]:
    """The heading that stands above all the rest, "" if none does; the rest."""
    first, rest = blocks[:1], blocks[1:]
    above = all(first[0].level < (block.level or _WORDS) for block in rest) if rest else False
    if above and first[0].level and any(not block.level for block in rest):
        return " ".join(first[0].plain.split()), rest
    return "", blocks


def _joined(blocks: Iterable[Block]) -> str:
    """An empty line between blocks, none between the items of a list."""
    parts: list[str] = []
    before: Block | None = None
    for block in blocks:
        if before is not None:
            parts.append("\n" if block.item and before.item else "\n\n")
        parts.append(block.markdown)
        before = block
    return "".join(parts).strip("\n")
