"""The same kind of group, read with `me: [Ben Reader]`: his marks count, the owner's do not."""

from pathlib import Path

from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

ADA, BEN = 123456, 222333


def make(folder: Path) -> None:
    marks = (
        Annotation("ADAMARK1", "hers", author=ADA, top=1),
        Annotation("BENMARK1", "his", "q: Whose?", author=BEN, top=2),
        Annotation("UNSYNCED", "made on this computer", top=3),
    )
    attachment = Attachment("ATTACH01", "nothing.pdf", marks)
    work = Work("PAPER001", {"title": "A page about nothing"}, attachments=(attachment,))
    write_zotero(
        folder / "zotero.sqlite",
        [Library(), Library((work,), group=4567890, name="Reading group")],
        account=(ADA, "ada"),
        users={ADA: "Ada Lovelace", BEN: "Ben Reader"},
    )
