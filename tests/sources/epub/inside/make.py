"""Books with highlights of calibre's viewer inside, without any, and a broken one."""

from pathlib import Path

from tests.makers.ebook_writer import write_epub
from tests.sources.loom import BOOK, MARKS


def make(folder: Path) -> None:
    """Write the books."""
    books = folder / "books"
    books.mkdir(exist_ok=True)
    write_epub(books / "Loom.epub", BOOK, MARKS)
    write_epub(books / "Unmarked.epub", BOOK)
    (books / "Broken.epub").write_bytes(b"PK\x03\x04")
