"""Marks whose PDFs lie in the storage, beside some whose words or file are not there."""

from pathlib import Path

from tests.makers.pdf_writer import Page, heading, paragraph, write_pdf
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

FIRST = (
    "The spacing effect im\u00adproves long-term reten\u00adtion of facts, and massing does not. A second "
    "session on another day is worth two on the same one. What is recalled with effort is kept for"
)
SECOND = "longer than what is read again."
THIRD = "The rule by which memories fade is called the forgetting curve. Each recall flattens it."


def make(folder: Path) -> None:
    spacing = folder / "storage" / "ATTPDF01" / "Doe 2019 - Spacing.pdf"
    spacing.parent.mkdir(parents=True, exist_ok=True)
    write_pdf(
        spacing,
        [
            Page((heading("1 Introduction"), paragraph(FIRST))),
            Page((paragraph(SECOND), heading("2 Forgetting"), paragraph(THIRD))),
        ],
        title="Spacing makes memories last",
    )
    write_zotero(folder / "zotero.sqlite", [Library((paper(), elsewhere()))])


def paper() -> Work:
    marks = (
        Annotation("SHORT001", "spacing effect", "define", top=1),
        Annotation(
            "HYPHEN01", "improves long-term retention of\nfacts, and massing", top=2
        ),
        Annotation(
            "WHOLE001",
            "A second session on another day is worth two on the same one.",
            top=3,
        ),
        Annotation("ACROSS01", "What is recalled with effort is kept for longer", top=4),
        Annotation("NOTHERE1", "words that I changed in Zotero", top=5),
        Annotation("STICKY01", None, "a note in the margin", kind="note", top=6),
        Annotation("SECOND01", "forgetting curve", page=1, top=700),
        Annotation("NOPAGE01", "spacing effect", page=9),
    )
    return Work(
        "PAPER001",
        {"title": "Spacing makes memories last"},
        attachments=(Attachment("ATTPDF01", "Doe 2019 - Spacing.pdf", marks),),
    )


def elsewhere() -> Work:
    """Files that are not on this computer, or that nobody knows the folder of."""
    attachments = (
        Attachment("ATTPDF02", "a.pdf", (Annotation("GONE0001", "spacing effect"),)),
        Attachment(
            "ATTPDF03", "b.pdf", (Annotation("BASE0001", "spacing"),), "attachments:b.pdf"
        ),
        Attachment(
            "ATTPDF04", "c.pdf", (Annotation("WINDOWS1", "spacing"),), "C:\\papers\\c.pdf"
        ),
    )
    return Work("PAPER002", {"title": "Elsewhere"}, attachments=attachments)
