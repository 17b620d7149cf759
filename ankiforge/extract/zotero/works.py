"""A library, work by work: each paper with its marks and notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from heapq import merge
from itertools import groupby
from pathlib import Path

from ankiforge.extract.pdf.worker import Passage, PdfWorker
from ankiforge.extract.workers import WorkerPool
from ankiforge.extract.zotero.catalog import Catalog
from ankiforge.extract.zotero.database import ChildNote, Library, Mark
from ankiforge.extract.zotero.files import Files
from ankiforge.extract.zotero.marks import KINDS, highlight_of
from ankiforge.extract.zotero.notes import Quotable, note_of
from ankiforge.extract.zotero.papers import document_of
from ankiforge.extract.zotero.people import People
from ankiforge.extract.zotero.positions import page_index
from ankiforge.model import Document, Extracted, Highlight, Memory, Problem

SPLIT = 60_000
"""Characters of a position from which Zotero may have cut one mark into several (at 65,000)."""


@dataclass(frozen=True)
class Works:
    """Reads libraries of one catalog."""

    source: str
    """The name of the source in the configuration."""
    catalog: Catalog
    worker: PdfWorker
    folder: Path | None
    """Zotero's data folder, if it is on this machine."""
    me: tuple[str, ...]
    memory: Memory
    pool: WorkerPool | None = None
    """Who reads files ahead."""

    @cached_property
    def _people(self) -> People:
        return People(self.catalog, self.me)

    @cached_property
    def _quotable(self) -> Quotable:
        return Quotable(self.catalog)

    def looked(self, library: Library) -> frozenset[str]:
        """Return the files that were looked for, whether they were there or not."""
        return self._files.looked(library)

    @cached_property
    def _files(self) -> Files:
        return Files(self.worker, self.folder, self.memory)

    def of(
        self, library: Library, chosen: frozenset[str] | None = None
    ) -> Iterator[Extracted | Problem]:
        """Each work with marks or notes, by its key; `chosen` attachments only, if given."""
        if self.pool is not None and chosen is None:
            self._files.foresee(self.pool, library, self.catalog.marks(library))
        marks_and_notes: tuple[Iterator[Mark | ChildNote], ...] = (
            self.catalog.marks(library),
            self.catalog.notes(library),
        )
        found = merge(*marks_and_notes, key=_work_key)
        for _, group in groupby(found, key=_work_key):
            both = tuple(group)
            marks = tuple(one for one in both if isinstance(one, Mark))
            notes = tuple(one for one in both if isinstance(one, ChildNote))
            if chosen is None or any(mark.attachment_key in chosen for mark in marks):
                yield from self._work(library, marks, notes)
        if chosen is None:
            self._files.settle(library)

    def _work(
        self, library: Library, marks: tuple[Mark, ...], notes: tuple[ChildNote, ...]
    ) -> Iterator[Extracted | Problem]:
        """One paper (or loose attachment) with the marks of all its attachments, then its notes."""
        first = marks[0] if marks else notes[0]
        paths = tuple(mark.attachment_path for mark in marks)
        document = document_of(
            self.catalog, self.source, library, first.work_item, first.work_key, paths
        )
        around, pictures = self._files.around(library, marks)
        read = []
        for mark in marks:
            if mark.kind in KINDS:
                near = around.get(mark.key, Passage())
                read.append((mark, self._highlight(library, document, mark, near)))
            else:
                yield _unknown(library, document, mark)
        highlights = (*_whole(read), *self._notes(library, document, notes))
        if highlights:
            yield Extracted(document, highlights, library.namespace, pictures=pictures)

    def _highlight(
        self, library: Library, document: Document, mark: Mark, near: Passage
    ) -> Highlight:
        return highlight_of(self.catalog, self._people, library, document, mark, near)

    def _notes(
        self, library: Library, document: Document, notes: tuple[ChildNote, ...]
    ) -> Iterator[Highlight]:
        for note in notes:
            one = note_of(self.catalog, self._people, library, document, note, self._quotable)
            if one is not None:
                yield one


def _work_key(one: Mark | ChildNote) -> str:
    return one.work_key


def _unknown(library: Library, document: Document, mark: Mark) -> Problem:
    return Problem(
        f"{document.title}: {library.namespace}/{mark.key}",
        f"an annotation of a kind this program does not know ({mark.kind})",
        hint="it was left out; a newer version of this program may know it",
    )


def _whole(read: list[tuple[Mark, Highlight]]) -> Iterator[Highlight]:
    """Of a mark that Zotero cut because it covers too much, the first part stands for all."""
    first: dict[tuple[object, ...], Mark] = {}
    for mark, highlight in read:
        page = page_index(mark.position)
        same = (mark.attachment_key, mark.kind, mark.text, mark.comment, page)
        before = first.setdefault(same, mark)
        large = max(len(before.position), len(mark.position)) > SPLIT
        if before is not mark and large and not highlight.skip:
            why = f"a part of {before.key}, which was too large for Zotero"
            yield replace(highlight, skip=why, instructs=False)
        else:
            yield highlight
