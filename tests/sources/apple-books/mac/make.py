"""Apple Books: its two databases, and a book where the library says that it is."""

from pathlib import Path

from samples.ebook_writer import Book, Mark, write_apple, write_epub

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
    """Write the folder of Apple Books."""
    documents = folder / "Documents"
    documents.mkdir(exist_ok=True)
    write_epub(documents / "Loom.epub", BOOK)
    write_apple(documents, [(BOOK, "/Users/ada/Books/Loom.epub", MARKS)])
