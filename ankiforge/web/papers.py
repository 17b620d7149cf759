"""The PDFs that the page opens and shows: where they are, and pictures of their pages.

Pages are measured and drawn by the guarded process that reads PDFs (`extract.pdf.worker`),
beside the thread that answers the page, one at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ankiforge.extract.files import stamp_at
from ankiforge.extract.pdf.messages import Marked, Measured, Searched, Viewed
from ankiforge.extract.pdf.worker import PdfWorker
from ankiforge.ledger import Ledger
from ankiforge.model import Highlight, SourceKind, Value, h16, hints
from ankiforge.pipeline.pictures import file_in, roots
from ankiforge.text import regex

SECONDS = 20.0
"""The time limit for one picture of a page."""
KEPT = 24
"""Pictures that are kept in memory."""
MOST_WAITING = 4
"""Pictures that wait to be drawn; of more, the oldest is given up."""

T = TypeVar("T")

_PAGE = regex(r"[?&]page=(\d{1,6})(?!\d)")
_STORAGE = "storage"
_KINDS = {SourceKind.PDF, SourceKind.ZOTERO}


def paper_of(ledger: Ledger, highlight: Highlight) -> Path | None:
    """Return the PDF in which a passage is marked, if it is on this machine.

    Zotero's own files are found, files that Zotero only links to are not.
    """
    document = highlight.document
    kind = highlight.source_kind
    if kind not in _KINDS:
        return None
    root = roots(ledger).get(f"{kind}:{document.source}")
    if root is None:
        return None
    path = document.path
    if kind is SourceKind.ZOTERO:
        # the only PDF that Zotero stores under the key of the file
        file_key = highlight.block
        if not (file_key.isascii() and file_key.isalnum()):
            return None
        folder = Path(root)
        if folder.is_file():
            folder = folder.parent
        root = str(folder)
        try:
            stored = [*(folder / _STORAGE / file_key).iterdir()]
        except OSError:
            return None
        names = [each.name for each in stored if each.suffix.lower() == ".pdf"]
        if len(names) != 1:
            return None
        path = f"{_STORAGE}/{file_key}/{names[0]}"
    file = file_in(root, path)
    return file if file and file.suffix.lower() == ".pdf" else None


def place_of(highlight: Highlight) -> tuple[int, Marked] | None:
    """Return the page of a PDF on which a passage is marked, from 0, and its marks."""
    page, box = hints.position_in(highlight.hints) or (None, None)
    if highlight.source_kind is SourceKind.PDF and highlight.block.isdecimal():
        page = int(highlight.block)
    match = _PAGE.search(highlight.uri)
    if page is None and match:
        page = int(match[1]) - 1
    if page is None or not (highlight.exact or box):
        return None
    return page, Marked(highlight.exact, box)


# --- pages ------------------------------------------------------------------------------


class Sheet(Value):
    """A page as it is drawn: of a file, in a width, with its marks."""

    path: Path
    page: int
    """From 0."""
    marks: tuple[Marked, ...]
    width: int
    """In pixels."""

    @property
    def name(self) -> str:
        """A name that changes with the file and the marks."""
        return h16("page", str(self.path), repr(stamp_at(self.path)), repr(self))


class Pages:
    """The pages of PDFs, measured and drawn beside the thread that answers."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._drawn: OrderedDict[str, Future[Viewed]] = OrderedDict()
        self._of_files: dict[str, Future[Any]] = {}
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="page")
        self._worker = PdfWorker(SECONDS)

    def start(self, ledger: Ledger) -> None:
        """Start the process that reads PDFs, if there may be some, before other threads."""
        kinds = {name.partition(":")[0] for name in roots(ledger)}
        if kinds & _KINDS:
            self._worker.start()

    def sizes(self, path: Path) -> Measured | None:
        """Return the sizes of all pages; none if it cannot be read, None until they are known."""
        return self._read("sizes", path, lambda: self._worker.measure(path))

    def texts(self, path: Path) -> Searched | None:
        """Return the texts of all pages; None until they are known."""
        return self._read("texts", path, lambda: self._worker.texts(path))

    def _read(self, what: str, path: Path, read: Callable[[], T]) -> T | None:
        """Begin to read something of a whole file, or return it."""
        name = h16(what, str(path), repr(stamp_at(path)))
        if name not in self._of_files:
            self._of_files[name] = self._threads.submit(read)
        reading = self._of_files[name]
        return reading.result() if reading.done() else None

    def drawn(self, sheet: Sheet) -> Viewed | None:
        """Return a page; None while it is being drawn."""
        drawing = self._drawn.get(sheet.name)
        if drawing is None or drawing.cancelled():
            # of those that wait, the first of them are no longer looked at
            waiting = [each for each in self._drawn.values() if not each.done()]
            if len(waiting) > MOST_WAITING:
                waiting[1].cancel()  # the first one is being drawn
            while len(self._drawn) >= KEPT:
                self._drawn.popitem(last=False)
            drawing = self._threads.submit(
                lambda: self._worker.view(
                    sheet.path, sheet.page, sheet.marks, sheet.width
                )
            )
            self._drawn[sheet.name] = drawing
        self._drawn.move_to_end(sheet.name)
        return drawing.result() if drawing.done() else None

    def picture(self, name: str) -> bytes:
        """Return the PNG of a page that was drawn; b"" if there is none."""
        drawing = self._drawn.get(name)
        if drawing is None or drawing.cancelled() or not drawing.done():
            return b""
        return drawing.result().picture
