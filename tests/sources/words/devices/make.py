"""Looked-up words of a Kindle, one of them looked up twice, and of KOReader."""

from pathlib import Path

from tests.makers.ebook_writer import (
    Book,
    Lookup,
    write_kindle_words,
    write_koreader_words,
)

NOVEL = Book("The Mill", ("Roe, Ann", "Poe, Bob"))


def make(folder: Path) -> None:
    """Write both databases, where the devices have them."""
    write_kindle_words(
        folder / "Kindle/system/vocabulary/vocab.db",
        [
            Lookup("weir", "Below the ", " the eels waited.", NOVEL, 1_700_000_200),
            Lookup("weir", "He mended the ", " in May.", NOVEL, 1_700_000_100),
            Lookup("aleteaban", "Los gansos ", ".", Book("El río"), 1_700_000_300, "es"),
            Lookup("  ", "Nothing ", ".", NOVEL),
        ],
    )
    write_koreader_words(
        folder / "Kindle/koreader/settings/vocabulary_builder.sqlite3",
        [
            Lookup(
                "sluice", "left it open. Nobody shut the ", " again. The", form="sluices"
            ),
            Lookup("race", "   in the\nmill ", ", where it ran", Book("Water"), 5),
        ],
    )
