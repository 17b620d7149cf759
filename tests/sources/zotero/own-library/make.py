"""Every kind of mark, on a paper, an EPUB, a snapshot and a loose file; and what is in the trash."""

import json
from pathlib import Path

from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

EPUB = json.dumps({"type": "FragmentSelector", "value": "epubcfi(/6/4!/4/2,/1:4,/1:11)"})
SNAPSHOT = json.dumps({"type": "CssSelector", "value": "#main > p:nth-child(3)"})


def make(folder: Path) -> None:
    works = (paper(), case_at_law(), trashed_paper())
    loose = Attachment(
        "LOOSE001",
        "scan.pdf",
        (Annotation("LOOSEM01", "A loose file has no paper."),),
        path="C:\\Users\\ada\\papers\\scan.pdf",
        collections=("To read",),
    )
    write_zotero(
        folder / "zotero.sqlite",
        [Library(works, (loose,), trashed_collections=("Old",))],
        account=(123456, "ada"),
    )


def paper() -> Work:
    return Work(
        "PAPER001",
        {
            "title": "Spacing in <i>Aplysia</i>: is <span class='nocase'>a < b</span>?",
            "date": "2019-03-00 March 2019",
            "DOI": "https://doi.org/10.5555/Spacing.2019",
            "ISBN": "978-0-00-000000-2 0-00-000000-x",
            "url": "https://arxiv.org/abs/2101.00001",
            "extra": "PMID: 1\nCitation Key: doeSpacing2019\ntex.ids: doe",
        },
        creators=(
            ("editor", "Eve", "Editor"),
            ("author", "Jane", "Doe"),
            ("author", "", "The Snail Consortium"),
        ),
        tags=("memory", "to cite"),
        automatic_tags=("Gastropoda",),
        collections=("Neuroscience/Memory", "To read", "Old/Pile"),
        attachments=(epub(), pdf(), trashed_file(), snapshot()),
    )


def pdf() -> Attachment:
    """The first file added; its marks are not in the order of the page."""
    marks = (
        Annotation("TYPEDTXT", None, "typed on the page", kind="text", page=5, top=1),
        Annotation("UNDERLIN", "H(t) = e^{-t/S}", kind="underline", page=2, top=700),
        Annotation(
            "STICKY01",
            None,
            "Ask: was it <b>blind</b>?\nH<sub>2</sub>O, a < b",
            kind="note",
        ),
        Annotation("FIGURE01", None, "Fig. 2", kind="image", page=3, page_label="iv"),
        Annotation("INKINK01", None, None, kind="ink", colour="#FF6666", page=3, top=900),
        Annotation("EMPTY001", "", "", page=5, top=300),
        Annotation(
            "VERBATIM",
            "the consoli-\ndation\xa0window soft\xadhyphen ﬁnal",
            tags=("card",),
        ),
        Annotation("INTRASH1", "I was moved to the trash", trashed=True),
        Annotation("NOPLACE1", "no position at all", position="{", page=9),
        Annotation("FUTURE01", "a kind of tomorrow", kind="of tomorrow", page=9),
    )
    return Attachment(
        "ATTPDF01", "Doe 2019 - Spacing.pdf", marks, added="2024-01-01 09:00:00"
    )


def epub() -> Attachment:
    mark = Annotation(
        "EPUBMARK", "An EPUB passage", position=EPUB, sort_index="00002|00013029"
    )
    return Attachment("ATTEPUB1", "Doe 2019.epub", (mark,), added="2024-02-01 09:00:00")


def snapshot() -> Attachment:
    mark = Annotation("HTMLMARK", "A sentence.", position=SNAPSHOT, sort_index="0001042")
    path = "attachments:web/page.html"
    return Attachment("ATTHTML1", "page.html", (mark,), path, added="2024-03-01 09:00:00")


def trashed_file() -> Attachment:
    mark = Annotation("INTRASH2", "My file is in the trash")
    return Attachment("ATTTRASH", "old.pdf", (mark,), trashed=True)


def case_at_law() -> Work:
    mark = Annotation("CASEMARK", "The neighbour principle.")
    return Work(
        "CASE0001",
        {"caseName": "Donoghue v Stevenson", "dateDecided": "1932-05-26 26 May 1932"},
        kind="case",
        attachments=(Attachment("CASEPDF1", "judgment.pdf", (mark,)),),
    )


def trashed_paper() -> Work:
    mark = Annotation("INTRASH3", "My paper is in the trash")
    return Work(
        "TRASHED1", trashed=True, attachments=(Attachment("TRASHPDF", "x.pdf", (mark,)),)
    )
