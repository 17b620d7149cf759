"""The book that every program for e-books has, and what is marked in it."""

from tests.makers.ebook_writer import Book, Mark

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
