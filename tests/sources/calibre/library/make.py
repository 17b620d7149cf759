"""A library of calibre with its books."""

from pathlib import Path

from tests.makers.ebook_writer import write_calibre, write_epub
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
