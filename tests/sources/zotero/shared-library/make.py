"""A group of two people beside an empty library of one's own; keys are unique per library only."""

from pathlib import Path

from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

ADA, BEN, GONE = 123456, 222333, 444555


def make(folder: Path) -> None:
    write_zotero(
        folder / "zotero.sqlite",
        [
            Library(
                (work(Annotation("SAMEKEY1", "in my own library", author_name="Viewer")),)
            ),
            Library((work(*shared_marks()),), group=4567890, name="Reading group"),
            Library(group=99, name="A group without marks"),
        ],
        account=(ADA, "ada"),
        users={ADA: "Ada Lovelace", BEN: "Ben Reader"},
    )


def work(*marks: Annotation) -> Work:
    attachment = Attachment("ATTACH01", "nothing.pdf", marks)
    return Work("PAPER001", {"title": "A page about nothing"}, attachments=(attachment,))


def shared_marks() -> tuple[Annotation, ...]:
    return (
        Annotation("SAMEKEY1", "mine, synced", "c: mine", author=ADA, top=1),
        Annotation("UNSYNCED", "mine, never synced", top=2),
        Annotation(
            "BYNAME01", "mine by name", author_name="ADA  LOVELACE", author=BEN, top=3
        ),
        Annotation("BENMARK1", "his", "skip", author=BEN, top=4),
        Annotation(
            "BENMARK2", "his by name", author_name="Ben Reader", author=ADA, top=5
        ),
        Annotation("LEFTONE1", "of one who left", author=GONE, top=6),
    )
