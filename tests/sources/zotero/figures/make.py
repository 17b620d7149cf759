"""Figures and drawings: with a picture from Zotero's cache, cut from the PDF, or without any."""

import json
from pathlib import Path

from tests.makers.pdf_writer import Page, heading, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

INK = json.dumps(
    {"pageIndex": 0, "width": 2, "paths": [[100, 600, 200, 650, 300, 600], [100]]}
)
BOX = json.dumps({"pageIndex": 0, "rects": [[72, 500, 400, 700]]})
FAR = json.dumps({"pageIndex": 7, "rects": [[72, 500, 400, 700]]})
HUGE = json.dumps({"pageIndex": 0, "rects": [[72, 500, 400, 512]] * 3000})
PNG = b"\x89PNG\r\n\x1a\n"


def make(folder: Path) -> None:
    path = folder / "storage" / "ATTPDF01" / "Doe.pdf"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_pdf(path, [Page((heading("1 Spikes"), paragraph("A spike has three phases.")))])
    for key in ("CACHED01", "CACHED02", "TEXTMARK"):
        picture = folder / "cache" / "library" / f"{key}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(PNG)
    here = Attachment("ATTPDF01", "Doe.pdf", marks("CACHED01", "CUTFIG01"))
    away = Attachment("ATTPDF02", "Roe.pdf", marks("CACHED02", "NOTHERE1"))
    works = (
        Work("PAPER001", {"title": "Spikes"}, attachments=(here,)),
        Work("PAPER002", {"title": "Not on this machine"}, attachments=(away,)),
    )
    write_zotero(folder / "zotero.sqlite", [Library(works)])


def marks(cached: str, other: str) -> tuple[Annotation, ...]:
    more = (
        Annotation(
            "INKINK01", None, "q: Which curve?", kind="ink", position=INK, top=300
        ),
        Annotation("FARAWAY1", None, kind="image", position=FAR, page=7),
        Annotation("TEXTMARK", "three phases", top=400),
        Annotation("SPLIT001", "a large mark", position=HUGE, top=500),
        Annotation("SPLIT002", "a large mark", position=HUGE[:-30] + "]]}", top=500),
        Annotation("TWICE001", "twice by a person", top=600),
        Annotation("TWICE002", "twice by a person", top=700),
    )
    return (
        Annotation(cached, None, "? What is it?", kind="image", position=BOX, top=100),
        Annotation(other, None, "? What else?", kind="image", position=BOX, top=200),
        *(more if cached == "CACHED01" else ()),
    )
