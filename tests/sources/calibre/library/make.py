"""A library of calibre with its books, and an export of the same highlights and a broken one."""

import json
from pathlib import Path

from tests.makers.ebook_writer import calibre_highlight, write_calibre, write_epub
from tests.sources.loom import BOOK, MARKS


def make(folder: Path) -> None:
    """Write a library."""
    library = folder / "library"
    book = "Ann Roe/The Loom of Memory (1)"
    (library / book).mkdir(parents=True, exist_ok=True)
    write_epub(library / book / "The Loom of Memory - Ann Roe.epub", BOOK)
    write_calibre(
        library / "metadata.db",
        [(BOOK, f"{book}/The Loom of Memory - Ann Roe.epub", MARKS)],
    )
    export = {
        "annotations": [
            {**calibre_highlight(MARKS[0]), "uuid": "m5", "book_id": 7, "format": "EPUB"},
            {**calibre_highlight(MARKS[1]), "removed": True},
            {"highlighted_text": 5},
        ],
        "type": "calibre_annotation_collection",
        "version": 1,
    }
    text = json.dumps(export, indent=2)
    (library / "annotations.calibre_annotation_collection").write_text(text, "utf-8-sig")
