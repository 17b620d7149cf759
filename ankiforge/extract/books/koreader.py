"""KOReader: the marks that it keeps beside each book, in `<book>.sdr/metadata.<ending>.lua`.

    sources:
      - koreader: {path: /media/me/Kindle}     # or a folder of books

The folder may be that of the books, KOReader's own with `docsettings` or `hashdocsettings`,
or a whole device. Since version 2024.07 a file has a list `annotations`; before, the marks
are in `highlight` and the notes in `bookmarks`. A bookmark without a note is not a mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ankiforge.extract.base import NOT_MINE, Candidate, Confidence, Recognition
from ankiforge.extract.books import (
    ENDINGS,
    BookFileSource,
    BookSettings,
    document_of,
    extracted,
)
from ankiforge.extract.books.lua import value_of
from ankiforge.extract.books.sidecar import SIDECAR, book_of, marks_of
from ankiforge.extract.files import LARGEST, read_file, stamp_at
from ankiforge.extract.folder import File
from ankiforge.model import Problem, Sighting, Strings

if TYPE_CHECKING:  # loaded when a book is read
    from ankiforge.extract.pdf.worker import PdfWorker


class KOReaderSettings(BookSettings, kw_only=True):
    """The keys of a `koreader:` source."""

    include: Strings = ("**/metadata.*.lua", "**/*.epub.lua", "**/*.pdf.lua")
    exclude: Strings = ()


@dataclass(frozen=True)
class KOReader(BookFileSource):
    """The marks of one reader, on one device or several. `me` does not matter."""

    kind = "koreader"
    Settings = KOReaderSettings
    endings = (".lua",)
    uses = ENDINGS
    is_export = True
    is_whole = True
    noun = "KOReader"
    example = "- koreader: {path: /media/me/Kindle}     # a device, or a folder of books"

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return whether a file has the name of a sidecar."""
        if SIDECAR.fullmatch(candidate.path.name):
            return Recognition(Confidence.CONTENT)
        return NOT_MINE

    def state_of(self, name: str, file: File) -> str:
        """Return where the book with this path on the device is here, and its stamp."""
        path = self.shelf.find(name)
        return f"{path} {stamp_at(path)}" if path else ""

    def contents(
        self,
        file: File,
        reader: PdfWorker,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield the book of a sidecar with its marks, and a notice of marks without words."""
        raw, _ = read_file(file.place, LARGEST)
        settings = value_of(raw)
        if not isinstance(settings, dict):
            yield Problem(file.path, "it has no settings of KOReader", "leave it out")
            return
        book = book_of(settings, file.path)
        marks = list(marks_of(settings))
        with_words = []
        for mark in marks:
            if mark.text or mark.comment:
                with_words.append(mark)
        path = None
        if with_words:
            picture(book.file)  # with another book, or none, it is read again
            path = self.shelf.find(book.file)
        folder = self.folder
        document = document_of(book, folder.namespace, folder.name)
        yield from extracted(document, folder, with_words, path, reader)
        without = len(marks) - len(with_words)
        if without:
            message = (
                f"marks without words: {without}; they are pictures of a scanned page"
            )
            yield Problem(
                file.path,
                message,
                "give the page a text layer (OCR)",
                notice=True,
            )
