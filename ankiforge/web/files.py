"""The pictures and PDFs that the page has shown, by their names in URLs."""

from __future__ import annotations

from pathlib import Path

from ankiforge.config.workspace import WorkspaceDirectory
from ankiforge.ledger import Ledger
from ankiforge.model import Highlight, Media, SourceKind, Texts, hash16
from ankiforge.pipeline.media import load_highlight_media
from ankiforge.web.documents import find_file


class ShownFiles:
    """The files that the browser may request, because an item on the page shows them."""

    def __init__(self, ledger: Ledger, folder: WorkspaceDirectory) -> None:
        """Begin without any file."""
        self._ledger = ledger
        self._folder = folder
        self._path_by_name: dict[str, Path] = {}

    def find_path(self, name: str) -> Path | None:
        """Return the path of a file by its name in URLs, or None unless the page has shown it."""
        return self._path_by_name.get(name)

    def find_picture(self, highlight: Highlight, path: str) -> Media | None:
        """Return a picture that a highlight shows, or None if it can't be read."""
        media = load_highlight_media(
            self._ledger, highlight, path, self._folder.pictures_directory
        )
        if not isinstance(media, Media):
            return None
        self._path_by_name[media.name] = Path(media.path)
        return media

    def find_pdf_link(self, highlight: Highlight) -> list[Texts]:
        """Return the link to the page of a highlight in a local PDF, or [] if there is none."""
        if highlight.source_kind is not SourceKind.PDF:  # Zotero opens its own PDFs
            return []
        path = find_file(self._ledger, highlight)
        if path is None:
            return []
        name = f"{hash16('paper', str(path))}.pdf"
        self._path_by_name[name] = path
        if not highlight.block_id.isdecimal():
            return [{"label": "Open the PDF", "href": f"/paper/{name}"}]
        label = "Open the PDF"
        if highlight.page_label:
            label = f"Open page {highlight.page_label}"
        page_number = int(highlight.block_id) + 1  # blocks are counted from 0
        return [{"label": label, "href": f"/paper/{name}#page={page_number}"}]
