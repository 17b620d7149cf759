"""A text read as the functions of the vault read a note; imported only where one is read."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from ankiforge.extract._folder import PICTURE, File, Folder
from ankiforge.extract.obsidian.blocks import Block, cut
from ankiforge.extract.obsidian.covers import Covered, cover
from ankiforge.extract.obsidian.dialects.page import Page
from ankiforge.extract.obsidian.dialects.placing import by_tools
from ankiforge.extract.obsidian.note import Wanted, highlights, plain_text
from ankiforge.extract.obsidian.pieces import Around
from ankiforge.extract.obsidian.rich import rich
from ankiforge.model import Document, Extracted, Highlight, HighlightKind
from ankiforge.text.anchors import CONTEXT, numbered


@dataclass(frozen=True, slots=True)
class Note:
    """A text that is Markdown, or was made so."""

    file: File
    markdown: str
    skip: str = ""
    """Why nothing of it becomes a card."""
    created: str = ""
    modified: str = ""
    quotes: bool = False
    """Whether what stands behind `> ` is a passage."""


def extracted(
    note: Note, folder: Folder, wanted: Wanted, document_of: Callable[[tuple[str, ...]], Document]
) -> Extracted | None:
    """Its highlights, None if there are none; `document_of` is told the tags in its text."""
    covered = cover(note.markdown)
    around = Around(picture=lambda target: picture(target, note.file, folder.root))
    blocks = cut(covered, around)
    document, space = document_of(blocks.tags), folder.namespace
    ids = by_tools(Page(note.file.path, note.markdown, covered, blocks), ())
    found = highlights(document, space, blocks, wanted, note.skip, ids)
    if note.quotes:
        words = plain_text(blocks.blocks)
        bare = Highlight(document, space, HighlightKind.HIGHLIGHT, "", skip=note.skip)
        kept = _placed(_quotes(around, covered, wanted, bare), words, blocks.blocks)
        found = _together(found, list(kept), words)
    dated = tuple(_at_home(one, note.created, note.modified) for one in found)
    return Extracted(document, dated, folder.container) if found else None


def _at_home(one: Highlight, created: str, modified: str) -> Highlight:
    """A highlight as the functions of the vault read it, without what opens Obsidian."""
    links = tuple(link for link in one.links if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", link))
    return replace(one, uri="", links=links, created=created, modified=modified)


# --- quotes ---------------------------------------------------------------------------------

_QUOTE = re.compile(r"[ ]{0,3}>[ ]?")
_CALLOUT = re.compile(r"[ \t]*\[![^\[\]\n]+\]")


def _quotes(
    around: Around, covered: Covered, wanted: Wanted, plain: Highlight
) -> Iterator[Highlight]:
    """The passages behind `> ` in which nothing is marked; `plain` has what all share."""
    for line, source in _runs(covered):
        blocks = cut(Covered(source, covered.held, "", ()), around)
        words = plain_text(blocks.blocks)
        if (
            words
            and not _CALLOUT.match(source)
            and not highlights(plain.document, "", blocks, wanted)
        ):
            shown = rich(source, around._replace(held=covered.held))
            yield replace(plain, exact=words, markdown=(shown,), block=f"quote {line}")


def _runs(covered: Covered) -> Iterator[tuple[int, str]]:
    """(its first line, its text without signs) of each run of quoted lines outside fences."""
    fenced = {line for first, last in covered.fences for line in range(first, last)}
    run: list[str] = []
    for number, line in enumerate([*covered.text.split("\n"), ""]):
        sign = _QUOTE.match(line) if number not in fenced else None
        if sign:
            run.append(line[sign.end() :])
        elif run:
            yield number - len(run) + 1, "\n".join(run)
            run = []


def _placed(
    quotes: Iterator[Highlight], text: str, blocks: tuple[Block, ...]
) -> Iterator[tuple[int, Highlight]]:
    """Each where it stands in the plain text, with what stands around it and above."""
    starts = list(accumulate((len(block.plain) + 1 for block in blocks), initial=0))
    at = 0
    for quote in quotes:
        start = text.find(quote.exact, at)
        if start < 0:
            continue
        at = start + len(quote.exact)
        yield (
            start,
            replace(
                quote,
                prefix=text[max(0, start - CONTEXT) : start],
                suffix=text[at : at + CONTEXT],
                heading=" › ".join(blocks[bisect_right(starts, start) - 1].headings),
            ),
        )


def _together(
    found: tuple[Highlight, ...], quotes: list[tuple[int, Highlight]], text: str
) -> tuple[Highlight, ...]:
    """Both in reading order."""
    placed, at = list(quotes), 0
    for one in found:
        at = max(at, text.find(one.prefix + one.exact, max(0, at - CONTEXT)) + len(one.prefix))
        placed.append((at, one))
    return tuple(numbered(one for _, one in sorted(placed, key=lambda pair: pair[0])))


# --- pictures -------------------------------------------------------------------------------

_RESOURCE = re.compile(r":/([0-9a-f]{32})$")
"""What Joplin calls a file in its own notes."""


def picture(target: str, file: File, root: Path) -> str:
    """The path below the root of the picture a text calls `target`, "" if it is none."""
    base, found = root if root.is_dir() else root.parent, _RESOURCE.match(target)
    if found:
        kept = sorted(path.name for path in (base / "_resources").glob(f"{found[1]}.*"))
        return f"_resources/{kept[0]}" if kept and PICTURE.match(kept[0]) else ""
    if not PICTURE.match(target):
        return ""
    beside = posixpath.join(posixpath.dirname(file.path), target)
    for path in (beside, target.lstrip("/"), f"_resources/{posixpath.basename(target)}"):
        normal = posixpath.normpath(path)
        if not normal.startswith(("/", "..")) and _is_file(base / normal):
            return normal
    return target


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
