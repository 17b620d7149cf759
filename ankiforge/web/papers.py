"""The PDFs that the page opens and shows: where they are, and pictures of their pages.

A picture is drawn by the guarded process that reads PDFs (`extract.pdf.worker`), beside
the thread that answers the page, one at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.extract.files import stamp_at
from ankiforge.ledger import Ledger
from ankiforge.model import Highlight, Json, SourceKind, Value, h16, hints
from ankiforge.pipeline.pictures import roots
from ankiforge.text import regex

if TYPE_CHECKING:
    from ankiforge.extract.pdf.messages import Viewed

SECONDS = 20.0
"""The time limit for one picture of a page."""
KEPT = 24
"""Pictures that are kept in memory."""
MOST_WAITING = 4
"""Pictures that wait to be drawn; of more, the oldest is given up."""

_PAGE = regex(r"[?&]page=(\d{1,6})(?!\d)")
_STORAGE = "storage"


class PaperPage(Value):
    """The page of a PDF on which a passage is marked."""

    path: Path
    page: int
    """From 0."""
    words: str
    box: tuple[float, float, float, float] | None

    @property
    def name(self) -> str:
        """A name that changes with the file and the mark."""
        return h16("page", str(self.path), repr(stamp_at(self.path)), repr(self))


def paper_of(ledger: Ledger, highlight: Highlight) -> Path | None:
    """Return the PDF in which a passage is marked, if it is on this machine.

    Zotero's own files are found, files that Zotero only links to are not.
    """
    document = highlight.document
    kind = highlight.source_kind
    if kind not in (SourceKind.PDF, SourceKind.ZOTERO):
        return None
    known = roots(ledger).get(f"{kind}:{document.source}")
    if known is None:
        return None
    root = Path(known)
    if kind is SourceKind.ZOTERO:
        # the only PDF that Zotero stores under the key of the file
        file_key = highlight.block
        if not (file_key.isascii() and file_key.isalnum()):
            return None
        base = root.parent if root.is_file() else root
        try:
            stored = [*(base / _STORAGE / file_key).iterdir()]
        except OSError:
            return None
        papers = [path for path in stored if path.suffix.lower() == ".pdf"]
        return _below(base, papers[0]) if len(papers) == 1 else None
    return _below(root, root if root.is_file() else root / document.path)


def page_of(ledger: Ledger, highlight: Highlight) -> PaperPage | None:
    """Return the page on which a passage is marked, if it can be shown here."""
    path = paper_of(ledger, highlight)
    if path is None:
        return None
    page, box = hints.position_in(highlight.hints) or (None, None)
    if highlight.source_kind is SourceKind.PDF and highlight.block.isdecimal():
        page = int(highlight.block)
    match = _PAGE.search(highlight.uri)
    if page is None and match:
        page = int(match[1]) - 1
    if page is None or not (highlight.exact or box):
        return None
    return PaperPage(path, page, highlight.exact, box)


def _below(root: Path, path: Path) -> Path | None:
    """Return a path if it is a PDF in the folder of its source."""
    try:
        is_inside = path.is_file() and path.resolve().is_relative_to(root.resolve())
    except OSError:
        is_inside = False
    if not is_inside or path.suffix.lower() != ".pdf":
        return None
    return path


# --- pictures ---------------------------------------------------------------------------


class PagePictures:
    """Pictures of pages by their names; they are drawn one after another."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._pages: dict[str, PaperPage] = {}
        self._drawn: OrderedDict[str, Future[Viewed]] = OrderedDict()
        self._threads: ThreadPoolExecutor | None = None
        self._draw: Callable[[PaperPage], Viewed]

    def offer(self, page: PaperPage | None) -> str:
        """Return the name under which the browser may ask for a page; "" if there is none."""
        if page is None:
            return ""
        name = page.name
        self._pages[name] = page
        return name

    def state(self, name: str) -> Json | None:
        """Begin to draw a page, or return its picture or failure.

        Returns:
            {} while it is being drawn; then `src`, `width`, `height`, `marks` and `column`, with an
            empty `src` if the page cannot be shown. None if no such page was offered.
        """
        if name not in self._pages:
            return None
        if self._threads is None:
            from ankiforge.extract.pdf.worker import PdfWorker

            worker = PdfWorker(SECONDS)
            self._draw = lambda page: worker.view(
                page.path, page.page, page.words, page.box
            )
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="page")
        drawing = self._drawn.get(name)
        if drawing is None:
            # it is drawn as soon as those before it are drawn
            waiting = [each for each in self._drawn.values() if not each.done()]
            if len(waiting) > MOST_WAITING:
                waiting[1].cancel()  # the first one is being drawn
            while len(self._drawn) >= KEPT:
                self._drawn.popitem(last=False)
            drawing = self._threads.submit(self._draw, self._pages[name])
            self._drawn[name] = drawing
        if not drawing.done():
            return {}
        viewed = _result(drawing)
        if viewed is None or not viewed.picture or not viewed.marks:
            return {"src": ""}
        return {
            "src": f"/page/{name}.png",
            "width": viewed.width,
            "height": viewed.height,
            "marks": viewed.marks,
            "column": viewed.column,
        }

    def picture(self, name: str) -> bytes:
        """Return the PNG of a page that was drawn; b"" if there is none."""
        drawing = self._drawn.get(name)
        viewed = _result(drawing) if drawing and drawing.done() else None
        return viewed.picture if viewed else b""


def _result(drawing: Future[Viewed]) -> Viewed | None:
    """Return the drawn picture; None if that failed or was given up."""
    if drawing.cancelled() or drawing.exception() is not None:
        return None
    return drawing.result()
