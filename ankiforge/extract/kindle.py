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
from pathlib import Path

from ankiforge.domain import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    Source,
    h16,
)
from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract._clippings import Clip, clip_of, entries, work_of
from ankiforge.extract._folder import File, Folder
from ankiforge.text.anchors import numbered
from ankiforge.text.fold import fold

LARGEST = 64_000_000
"""Bytes of a file: a heavy reader's has two in ten years."""
HINT = "its My Clippings.txt lies on the Kindle, in documents/"
LONG = 20
"""Folded characters that do not stand at one place twice by chance."""
NEAR = 50
"""Marks at one place that are compared with a further one."""


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
    shelves: dict[int, list[Mark]] = {}
    for clip in clips:
        shelf = clip.place[0] // NEAR
        near = [one for at in (shelf - 1, shelf, shelf + 1) for one in shelves.get(at, [])[-NEAR:]]
        before = next((one for one in reversed(near) if _is_edit(one.clip, clip)), None)
        new = before.redrawn(clip) if before else clip
        if new:
            kept.append(Mark(new, new.added))
            shelves.setdefault(new.place[0] // NEAR, []).append(kept[-1])
    return kept


def _is_edit(old: Clip, new: Clip) -> bool:
    """Whether a mark was drawn anew: at one place, and one begins or ends with the other.

    So does, at any point, what is long enough not to stand there by chance.
    """
    if old.place == new.place == (0, 0):
        at_one_place = old.page == new.page
    else:
        at_one_place = old.place[0] <= new.place[1] and new.place[0] <= old.place[1]
    short, long = sorted((old.folded, new.folded), key=len)
    edge = long.startswith(short) or long.endswith(short)
    return at_one_place and (edge or (len(short) >= LONG and short in long))


def _holds(one: Clip, other: Clip) -> bool:
    """Whether all that one says stands in another that says more, or the same."""
    return other.folded in one.folded


def noted(marks: list[Mark], notes: Iterable[Clip]) -> list[Clip]:
    """Give each note to the mark it stands at; those that stand alone are left.

    Of two notes at one place the newer is the older one, edited.
    """
    by_time = sorted(notes, key=lambda note: note.added)
    newest = {(note.place, note.page): note for note in by_time}
    ordered = sorted(marks, key=lambda mark: mark.clip.place)
    starts = [mark.clip.place[0] for mark in ordered]
    alone: list[Clip] = []
    for note in newest.values():
        end = bisect_right(starts, note.place[0])
        fit = [mark for mark in ordered[max(0, end - NEAR) : end] if _stands_at(note, mark.clip)]
        if fit:
            min(fit, key=lambda mark: _distance(note, mark.clip)).notes.append(note)
        else:
            alone.append(note)
    return alone


def _stands_at(note: Clip, mark: Clip) -> bool:
    if note.place == (0, 0):
        return mark.place == note.place and bool(note.page) and mark.page == note.page
    return mark.place[0] <= note.place[0] <= mark.place[1]


def _distance(note: Clip, mark: Clip) -> tuple[bool, int]:
    return (mark.place[1] != note.place[0], abs(mark.at - note.at))


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
        shown = [clip for clip in clips if clip.text and not _LIMIT.fullmatch(clip.text)]
        lost = sum(clip.kind == "mark" for clip in clips) - sum(
            clip.kind == "mark" for clip in shown
        )
        marks = marks_of(clip for clip in shown if clip.kind in ("mark", ""))
        alone = noted(marks, (clip for clip in shown if clip.kind == "note"))
        made = [(mark.clip, _highlight(document, space, mark)) for mark in marks]
        made += [(note, _remark(document, space, note)) for note in alone]
        if made:
            counted = zip((clip for clip, _ in made), numbered(one for _, one in made), strict=True)
            ordered = sorted(counted, key=lambda pair: _order(pair[0]))
            yield Extracted(document, tuple(one for _, one in ordered), self.folder.container)
        if lost:
            what = f"marks without text: {lost}; the book's clipping limit was reached"
            hint = "what you marked stands at read.amazon.com/notebook"
            yield Problem(f"{path}: {document.title}", what, hint, notice=True)


def _highlight(document: Document, space: str, mark: Mark) -> Highlight:
    clip, notes = mark.clip, sorted(mark.notes, key=lambda note: note.at)
    return Highlight(
        document,
        space,
        HighlightKind.HIGHLIGHT,
        exact=clip.text,
        sentence=mark.wider.text if mark.wider else "",
        comment="\n".join(note.text for note in notes),
        created=mark.since,
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
        created=note.added,
        page_label=note.page,
        block=_block(note),
    )


def _block(clip: Clip) -> str:
    return str(clip.place[0] or clip.page)


def _order(clip: Clip) -> tuple[int, int, int]:
    """By location, else by page, else as they were made."""
    page = int(clip.page) if re.fullmatch(r"\d{1,9}", clip.page) else 0
    return (clip.place[0] or page, clip.place[1], clip.at)
