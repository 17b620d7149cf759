"""Apple Books: its two databases, and a book where the library says that it is."""

from pathlib import Path

from tests.makers.ebook_writer import write_apple, write_epub
from tests.sources.loom import BOOK, MARKS


def make(folder: Path) -> None:
    """Write the folder of Apple Books."""
    documents = folder / "Documents"
    documents.mkdir(exist_ok=True)
    write_epub(documents / "Loom.epub", BOOK)
    write_apple(documents, [(BOOK, "/Users/ada/Books/Loom.epub", MARKS)])
