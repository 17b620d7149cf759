"""Kindle: the passages a reader keeps, in `My Clippings.txt`, whatever its language and name.

    sources:
      - kindle: {path: ~/Kindle/My Clippings.txt}

The Kindle only ever adds to this file: a mark that is drawn anew stands there twice, an edited
note, too. Of marks at one place the newest counts if it holds the older one, or is held by it;
what the older one said beyond it stays as the text around (`sentence`). Marks that only overlap
both count. A note is the comment of the mark it stands at. A key is made of the passage alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract._clippings import Clip, clip_of, entries, work_of
from ankiforge.extract._folder import File, Folder
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    Source,
    Span,
    h16,
)
from ankiforge.text.anchors import numbered
from ankiforge.text.fold import fold

LARGEST = 64_000_000
"""Bytes of a file: a heavy reader's has two in ten years."""
HINT = "its My Clippings.txt lies on the Kindle, in documents/"
LONG = 20
"""Folded characters that do not stand at one place twice by chance."""
NEAR = 50
"""Marks at one place that are compared with a further one."""
AT_ONCE = 300
"""Seconds between a mark and the note that is typed to it."""


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A `kindle:` source: the file, or a folder with copies of it."""


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
) -> Source:
    """Make a reader of the clippings at `root`; `me` does not matter, a Kindle has one reader."""
    return Kindle(Folder("kindle", name, root, only, lambda at: at.casefold().endswith(".txt")))


# --- a book ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Mark:
    """A passage that counts, with what stood there before and what was noted at it."""

    clip: Clip
    since: str = ""
    wider: Clip | None = None
    """A longer passage that was marked there before."""
    notes: list[Clip] = field(default_factory=list)

    def redrawn(self, clip: Clip) -> Clip | None:
        """Take the newer clip; what was marked here before and stands in it no more is left."""
        if clip.added and clip.added < self.clip.added:  # from a copy made earlier
            self.wider = self.wider or (clip if _holds(clip, self.clip) else None)
            return None
        past, self.clip = [one for one in (self.clip, self.wider) if one], clip
        around = [one for one in past if _holds(one, clip) and not _holds(clip, one)]
        self.wider = max(around, key=lambda one: len(one.text), default=None)
        stay = [clip, *around]
        return next((one for one in past if not any(_holds(two, one) for two in stay)), None)


def marks_of(clips: Iterable[Clip]) -> list[Mark]:
    """The marks that stay, in the order in which they were first made."""
    kept: list[Mark] = []
    shelves: dict[tuple[bool, int], list[Mark]] = {}
    for clip in clips:
        paged, shelf = _shelf(clip)
        around = (shelves.get((paged, at), []) for at in (shelf - 1, shelf, shelf + 1))
        near = [one for some in around for one in some[-NEAR:]]
        before = next((one for one in reversed(near) if _is_edit(one.clip, clip)), None)
        new = before.redrawn(clip) if before else clip
        if new:
            kept.append(Mark(new, new.added))
            shelves.setdefault(_shelf(new), []).append(kept[-1])
    return kept


def _shelf(clip: Clip) -> tuple[bool, int]:
    """Where those lie that may stand at one place with it: pages hold more than locations."""
    return clip.is_paged, clip.span[0] // (1 if clip.is_paged else NEAR)


def _is_edit(old: Clip, new: Clip) -> bool:
    """Whether a mark was drawn anew: at one place, and one begins or ends with the other.

    So does, at any point, what is long enough not to stand there by chance; on a page nothing else.
    """
    short, long = sorted((old.folded, new.folded), key=len)
    is_long = len(short) >= LONG
    if old.is_paged and old.page:
        return _at_one_place(old, new) and (short == long or (is_long and short in long))
    edge = long.startswith(short) or long.endswith(short)
    return _at_one_place(old, new) and (edge or (is_long and short in long))


def _at_one_place(one: Clip, other: Clip) -> bool:
    if one.is_paged != other.is_paged:
        return False
    if one.span == other.span == (0, 0):
        return one.page == other.page
    return one.span[0] <= other.span[1] and other.span[0] <= one.span[1]


def _holds(one: Clip, other: Clip) -> bool:
    """Whether all that one says stands in another that says more, or the same."""
    return other.folded in one.folded


def noted(marks: list[Mark], notes: Iterable[Clip]) -> list[Clip]:
    """Give each note to the mark it stands at; those that stand alone are left.

    Of two notes at one location the newer is the older one, edited; a page has room for many.
    """
    ordered = sorted(marks, key=lambda mark: mark.clip.span)
    starts = [mark.clip.span[0] for mark in ordered]
    held: Held = {}
    for note in sorted(notes, key=lambda note: note.added):
        end = bisect_right(starts, note.span[0])
        fit = [mark for mark in ordered[max(0, end - NEAR) : end] if _stands_at(note, mark.clip)]
        mark = min(fit, key=lambda mark: _distance(note, mark, held), default=None)
        if mark and note.is_paged and len(fit) > 1 and _distance(note, mark, held)[1] > AT_ONCE:
            mark = None  # of several on its page it may be any
        there = held.setdefault(_spot(note, mark), [])
        there[-NEAR:] = [one for one in there[-NEAR:] if not _is_edited(one, note)]
        there.append(note)
    by_mark = {id(mark): mark.notes for mark in marks}
    alone: list[Clip] = []
    for (owner, *_), some in held.items():
        by_mark.get(owner, alone).extend(some)
    return alone


Held = dict[tuple[int, Span, str], list[Clip]]
"""Notes by the mark they are of, and their place."""


def _spot(note: Clip, mark: Mark | None) -> tuple[int, Span, str]:
    return (id(mark), note.place, note.page)


def _stands_at(note: Clip, mark: Clip) -> bool:
    if note.is_paged:
        return bool(note.page) and _at_one_place(note, mark)
    return mark.place[0] <= note.place[0] <= mark.place[1]


def _distance(note: Clip, mark: Mark, held: Held) -> tuple[bool, float, bool, int]:
    """Of marks at its place it is of one that ends there, was made with it, or has it already."""
    elsewhere = not note.is_paged and mark.clip.place[1] != note.place[0]
    passed = (note.after(mark.clip, since) for since in (mark.since, mark.clip.added))
    near = min((seconds for seconds in passed if 0 <= seconds <= AT_ONCE), default=inf)
    return elsewhere, near, _spot(note, mark) not in held, abs(mark.clip.at - note.at)


def _is_edited(old: Clip, new: Clip) -> bool:
    return not old.is_paged or new.folded.startswith(old.folded)


# --- the source -----------------------------------------------------------------------------

_LIMIT = re.compile(
    r"<[^<>]*(?:limit|límit|limiet|grenze|上限|限制|лимит|한도|sınır)[^<>]*>", re.IGNORECASE
)
MOST = 20
"""Broken entries of one file that are named."""


@dataclass(frozen=True)
class Kindle:
    """One reader's clippings."""

    folder: Folder

    def stamp(self) -> str:
        """Changes whenever a scan may yield something else."""
        return self.folder.stamp()

    def scan(self) -> Iterator[Sighting]:
        """One document per book, in the order in which they were begun; problems; one scan."""
        books: dict[str, list[Clip]] = {}
        paths: dict[str, str] = {}
        for file in self._files():
            if isinstance(file, Problem):
                yield file
                continue
            for found in self._clips(file):
                if isinstance(found, Problem):
                    yield found
                else:
                    books.setdefault(found.book, []).append(found)
                    paths[found.book] = file.path
        for book, clips in books.items():
            yield from self._book(book, paths[book], clips)
        yield self.folder.end()

    def _files(self) -> list[File | Problem]:
        """The clippings, the older first: a copy is older than what was copied anew."""
        found = list(self.folder.exports("no clippings of a Kindle", HINT))
        return sorted(found, key=lambda one: 0 if isinstance(one, Problem) else one.modified)

    def _clips(self, file: File) -> Iterator[Clip | Problem]:
        """The entries of one file; what is none may be one that is known, spoilt."""
        try:
            text = file.text(LARGEST)
        except ItemError as error:
            self.folder.missed = True
            yield self.folder.problem(file, error)
            return
        broken = 0
        for at, (line, lines) in enumerate(entries(text)):
            clip = clip_of(lines, at)
            if clip:
                yield clip
                continue
            self.folder.missed, broken = True, broken + 1
            if broken <= MOST:
                what = f"no entry of a Kindle: {' '.join(lines)[:60]!r}"
                yield Problem(
                    f"{file.path}:{line}",
                    what,
                    "it wants a title, a line that begins with `-`, its text",
                )
        if broken > MOST:
            yield Problem(f"{file.path}: the rest", f"{broken - MOST} more are no entries")

    def _book(self, book: str, path: str, clips: list[Clip]) -> Iterator[Extracted | Problem]:
        space = self.folder.namespace
        title, authors = work_of(book)
        key = DocumentKey(f"{space}/{h16(fold(book))}")
        document = Document(key, self.folder.name, title or "Untitled", path, authors)
        shown = [clip for clip in clips if _has_text(clip)]
        lost = [clip for clip in clips if clip.kind == "mark" and not _has_text(clip)]
        marks = marks_of(clip for clip in shown if clip.kind in ("mark", ""))
        alone = noted(marks, (clip for clip in shown if clip.kind == "note"))
        made = [(mark.clip, _highlight(document, space, mark)) for mark in marks]
        made += [(note, _remark(document, space, note)) for note in alone]
        if made:
            counted = zip((clip for clip, _ in made), numbered(one for _, one in made), strict=True)
            ordered = sorted(counted, key=lambda pair: _order(pair[0]))
            yield Extracted(document, tuple(one for _, one in ordered), self.folder.container)
        if lost:
            limit = "; the book's clipping limit was reached" if any(c.text for c in lost) else ""
            what, where = f"marks without text: {len(lost)}{limit}", f"{path}: {document.title}"
            hint = "what you marked stands at read.amazon.com/notebook"
            yield Problem(where, what, hint, notice=True)


def _has_text(clip: Clip) -> bool:
    return bool(clip.text) and not _LIMIT.fullmatch(clip.text)


def _highlight(document: Document, space: str, mark: Mark) -> Highlight:
    clip, notes = mark.clip, sorted(mark.notes, key=lambda note: note.at)
    return Highlight(
        document,
        space,
        HighlightKind.HIGHLIGHT,
        exact=clip.text,
        sentence=mark.wider.text if mark.wider else "",
        comment="\n".join(note.text for note in notes),
        created=mark.since or clip.made,
        modified=clip.added if clip.added != mark.since else "",
        page_label=clip.page,
        block=_block(clip),
    )


def _remark(document: Document, space: str, note: Clip) -> Highlight:
    return Highlight(
        document,
        space,
        HighlightKind.NOTE,
        exact="",
        anchor_text=note.text,
        comment=note.text,
        created=note.added or note.made,
        page_label=note.page,
        block=_block(note),
    )


def _block(clip: Clip) -> str:
    return str(clip.place[0] or clip.page)


def _order(clip: Clip) -> tuple[int, int, int]:
    """By location, else by page, else as they were made."""
    return (*clip.span, clip.at)
