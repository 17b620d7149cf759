"""Sidecars beside the book, in `docsettings`, by hash, and of the older form; one is broken."""

from pathlib import Path

from tests.makers.ebook_writer import Book, lua, write_epub, write_sidecar
from tests.sources.loom import BOOK, MARKS

OLDER = {
    "bookmarks": {
        1: {
            "datetime": "2020-11-16 18:51:04",
            "highlighted": True,
            "notes": "It is cheap",
            "page": "/body/DocFragment[2]/body/p[2]/text().27",
            "pos0": "/body/DocFragment[2]/body/p[2]/text().27",
            "text": "Seite 2 It is cheap @ 2020-11-16 18:51:04",
        },
        2: {"datetime": "2020-11-16 18:50:00", "notes": "in Testing", "page": "/body"},
        3: {
            "datetime": "2020-11-16 18:49:00",
            "highlighted": True,
            "notes": "Retrieval strengthens it",
            "pos0": "/body/DocFragment[1]/body/p/text().15",
            "text": "What strengthens memory?",
        },
    },
    "highlight": {
        1: {
            1: {
                "datetime": "2020-11-16 18:49:00",
                "drawer": "underscore",
                "text": "Retrieval strengthens it",
            }
        },
        2: {
            1: {
                "datetime": "2020-11-16 18:51:04",
                "drawer": "lighten",
                "text": "It is cheap",
            }
        },
        3: {
            1: {
                "datetime": "2013-01-01 10:00:00",
                "drawer": "lighten",
                "text": "Memory is odd.",
            }
        },
    },
    "stats": {"authors": "N/A", "title": ""},
}


def make(folder: Path) -> None:
    """Write a device."""
    device = folder / "device"
    books = device / "Books"
    books.mkdir(parents=True, exist_ok=True)
    for name in ("Loom", "Elsewhere", "Older"):
        write_epub(books / f"{name}.epub", BOOK)
    write_sidecar(books / "Loom.sdr/metadata.epub.lua", BOOK, MARKS)
    (books / "Loom.sdr/metadata.epub.lua.old").write_text("return {")
    own = device / ".adds/koreader"
    path = "/mnt/onboard/Books/Elsewhere.epub"
    sidecar = own / "docsettings/mnt/onboard/Books/Elsewhere.sdr/metadata.epub.lua"
    write_sidecar(sidecar, BOOK, MARKS[:1], doc_path=path)
    by_hash = (
        own / "hashdocsettings/b3/b3fb8f4f8448160365087d6ca05c7fa2.sdr/metadata.epub.lua"
    )
    write_sidecar(
        by_hash, Book("Lost"), MARKS[1:], doc_path="/mnt/onboard/Books/Lost.epub"
    )
    older = books / "Older.sdr"
    older.mkdir(exist_ok=True)
    (older / "metadata.epub.lua").write_text(f"return {lua(OLDER)}")
    (older / "custom_metadata.lua").write_text("return {}")
    (older / "metadata.pdf.lua").write_text('return { ["annotations"] = os.exit() }')
