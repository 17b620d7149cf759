"""Books with highlights of calibre's viewer inside, without any, and a broken one."""

from pathlib import Path

from samples.ebook_writer import Book, Mark, write_epub

BOOK = Book(
    "The Loom of Memory",
    ("Ann Roe", "Ed Poe"),
    (
        (
            "Testing",
            "Memory is odd. Retrieval strengthens it, and so does spacing. It is cheap.",
        ),
        (
            "Spacing",
            "It is cheap.\nSpacing delays forgetting. It is cheap, and few use it.",
        ),
    ),
)
MARKS = (
    Mark("Retrieval strengthens it", "What strengthens memory?", offset=15, id="m1"),
    Mark("It is cheap", chapter=2, paragraph=2, offset=27, id="m2", colour="green"),
)


def make(folder: Path) -> None:
    """Write the books."""
    books = folder / "books"
    books.mkdir(exist_ok=True)
    write_epub(books / "Loom.epub", BOOK, MARKS)
    write_epub(books / "Unmarked.epub", BOOK)
    (books / "Broken.epub").write_bytes(b"PK\x03\x04")
