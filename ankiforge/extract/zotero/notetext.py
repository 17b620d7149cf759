"""The blocks of a note, without the annotations that it only quotes.

Zotero puts an annotation into a note as a quotation, a citation after it, and its comment. The
annotation is a highlight of its own; so a quotation and its citation are left out, and each
block tells what else stands in it. A citation anywhere else is words like all others.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from ankiforge.extract.zotero.runs import CITATION, MATHS, Run, fenced, lines_of
from ankiforge.extract.zotero.tags import Tag, tokens

_DEEPEST = 100
"""Elements within one another; more are passed over, their words stay."""
_LEVELS = 8
"""Lists within one another that are told apart."""
_BLOCK = re.compile(
    r"address|article|aside|blockquote|body|caption|center|d[dlt]|details|div|figcaption|figure"
    r"|footer|form|h[1-6r]|header|html|li|main|nav|[ou]l|p|pre|section|summary|t(?:able|body|foot"
    r"|head|r)"
)
_STYLES = (
    dict.fromkeys(("b", "strong"), "**")
    | dict.fromkeys(("i", "em", "cite"), "*")
    | dict.fromkeys(("s", "strike", "del"), "~~")
    | dict.fromkeys(("code", "tt", "kbd"), "`")
    | {"sub": "sub", "sup": "sup"}
)
_QUOTATION = "quotation"


class Block(NamedTuple):
    """A paragraph, a heading, an item of a list, a row of a table, a piece of code."""

    plain: str
    markdown: str
    bare: str
    """`plain` without citations."""
    level: int = 0
    """Of a heading: 1 to 6."""
    item: bool = False
    """Of a list: it follows the one before without an empty line."""
    quotes: bool = False
    """An annotation was left out of it, or it begins with a citation."""


def blocks_of(html: str, known: Collection[str], most: int) -> tuple[Block, ...]:
    """What a note says, in order, up to the place where it has more than `most` characters.

    A block that only quoted stands there without words; `known` are the keys of annotations
    that are read themselves.
    """
    reader = _Reader(known)
    for token in tokens(html):
        if isinstance(token, Tag):
            reader.tag(token)
        else:
            reader.words(token)
        if reader.length > most:
            break
    reader.flush()
    return tuple(reader.blocks)


class _Quoted(msgspec.Struct, frozen=True):
    annotationKey: str = ""


def _annotation(tag: Tag) -> str:
    """The key of the annotation that a span or picture shows, "" if it shows none."""
    raw = tag.attributes.get("data-annotation", "")
    try:
        return msgspec.json.decode(unquote(raw), type=_Quoted).annotationKey if raw else ""
    except (msgspec.MsgspecError, RecursionError):
        return ""


@dataclass(slots=True)
class _Reader:
    """Walks through a note and gathers its blocks."""

    known: Collection[str]
    blocks: list[Block] = field(default_factory=list)
    length: int = 0
    """Characters that were taken in."""
    runs: list[Run] = field(default_factory=list)
    """The words of the block that is open."""
    open: list[tuple[str, str]] = field(default_factory=list)
    """(name, style) of the elements around the next words, within the block."""
    lists: list[int] = field(default_factory=list)
    """The lists that are open: the number of the last item, -1 without numbers."""
    marker: str = ""
    """What the next words of a list begin with."""
    level: int = 0
    verbatim: bool = False
    after: bool = False
    """Nothing but blanks came since a quotation."""
    quotes: bool = False

    # --- tags -------------------------------------------------------------------------------

    def tag(self, tag: Tag) -> None:
        """Take in a tag; one that ends what was never begun is nothing."""
        if _BLOCK.fullmatch(tag.name):
            self.flush()
            self._block(tag)
        elif tag.name == "br":
            self._add("\n")
        elif tag.name in ("td", "th"):
            self._add(" | " if self.runs and not tag.ends else "")
        elif tag.name == "img":
            self._picture(tag)
        elif tag.ends:
            self._end(tag.name)
        elif len(self.open) < _DEEPEST:
            self.open.append((tag.name, self._style(tag)))

    def _block(self, tag: Tag) -> None:
        self.level = int(tag.name[1]) if re.fullmatch("h[1-6]", tag.name) and not tag.ends else 0
        self.verbatim = tag.name == "pre" and not tag.ends
        if self.verbatim and "math" in tag.classes:
            self.open.append((tag.name, MATHS))
        elif tag.name in ("ul", "ol"):
            self._list(tag)
        elif tag.name == "li" and not tag.ends:
            self._item()

    def _list(self, tag: Tag) -> None:
        self.marker = ""
        if not tag.ends:
            self.lists.append(0 if tag.name == "ol" else -1)
        elif self.lists:
            self.lists.pop()

    def _item(self) -> None:
        if not self.lists:
            self.lists.append(-1)
        self.lists[-1] += self.lists[-1] >= 0
        self.marker = f"{self.lists[-1]}. " if self.lists[-1] >= 0 else "- "

    def _picture(self, tag: Tag) -> None:
        if _annotation(tag) in self.known:
            self.after = self.quotes = True

    def _style(self, tag: Tag) -> str:
        """How words within it are shown, "" if like those around."""
        if _annotation(tag) in self.known:
            self.quotes = True
            return _QUOTATION
        if CITATION in tag.classes:
            self.quotes |= not self._has_words()
            return _QUOTATION if self.after else CITATION
        return MATHS if "math" in tag.classes else _STYLES.get(tag.name, "")

    def _end(self, name: str) -> None:
        """Close the innermost element of this name, and those left open within it."""
        names = [one for one, _ in self.open]
        if name in names:
            at = len(names) - 1 - names[::-1].index(name)
            self.after |= any(style == _QUOTATION for _, style in self.open[at:])
            del self.open[at:]

    # --- words ------------------------------------------------------------------------------

    def words(self, text: str) -> None:
        """Take in what stands between two tags."""
        as_written = self.verbatim and not any(style == MATHS for _, style in self.open)
        self._add(text if as_written else re.sub(r"\s+", " ", text))

    def _add(self, text: str) -> None:
        styles = frozenset(style for _, style in self.open if style)
        if _QUOTATION not in styles and text:
            self.after &= not text.strip()
            self.length += len(text)
            self.runs.append(Run(text, styles))

    def _has_words(self) -> bool:
        return any(run.text.strip() for run in self.runs)

    # --- blocks -----------------------------------------------------------------------------

    def flush(self) -> None:
        """End the block that is open, with the elements in it."""
        if self._has_words():
            self._close()
        elif self.quotes:
            self.blocks.append(Block("", "", "", quotes=True))
        self.runs, self.quotes = [], False
        self.open.clear()

    def _close(self) -> None:
        if self.verbatim and MATHS not in self.runs[0].styles:
            plain, markdown = fenced("".join(run.text for run in self.runs))
            bare = plain
        else:
            plain, markdown = lines_of(self.runs)
            bare, _ = lines_of([run for run in self.runs if CITATION not in run.styles])
        if self.level and markdown:
            markdown = f"**{markdown.replace('**', '')}**"
        item, marked = bool(self.marker), self._indented(markdown)
        self.blocks.append(Block(plain, marked, bare, self.level, item, self.quotes))

    def _indented(self, markdown: str) -> str:
        """Of a list: behind its sign, or below the words that have it."""
        depth = min(len(self.lists), _LEVELS)
        if not depth:
            return markdown
        first = "    " * (depth - 1) + self.marker if self.marker else "    " * depth
        self.marker = ""
        return first + markdown.replace("\n", "\n" + "    " * depth)
