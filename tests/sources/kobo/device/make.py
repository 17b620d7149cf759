"""A Kobo: its database in a hidden folder, the books beside it; one mark was deleted."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.makers.ebook_writer import Book, Mark, write_epub, write_kobo
from tests.sources.loom import BOOK, MARKS


def make(folder: Path) -> None:
    """Write a device."""
    device = folder / "device"
    (device / "Roe, Ann").mkdir(parents=True, exist_ok=True)
    write_epub(device / "Roe, Ann" / "Loom.epub", BOOK)
    deleted = Mark("Memory is odd", id="m3")
    marked = (BOOK, "Roe, Ann/Loom.kepub.epub", (*MARKS, deleted))
    database = device / ".kobo/KoboReader.sqlite"
    write_kobo(
        database, [marked, (Book("Lost"), "Lost.epub", [Mark("A fact.", id="m4")])]
    )
    with closing(sqlite3.connect(database)) as kobo, kobo:
        kobo.execute("UPDATE Bookmark SET Hidden = 'true' WHERE BookmarkID = 'm3'")
