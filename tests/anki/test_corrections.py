"""What an edit of the source brings to its note in Anki: words, link, citation, the number of a gap."""

import shutil

import pytest

from tests.anki.stories import Desk, Step, do
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
PAPERS = SETTINGS.replace(
    "obsidian: {name: notes, path: notes}", "zotero: {path: zotero.sqlite}"
)
RIVER = "The ==Rhine== is 1,320 km long and ends in the sea.\n"
RHINE = "The Rhine is 1,320 km long and ends in the sea."
WHO = "In which year was the WHO founded?::{}\n"
GAPS = "The ==amygdala== keeps ==glycogen== for the night.\n"
THREE = "The ==hippocampus==, the ==amygdala== and the ==cerebellum== are organs.\n"
ACCEPTED = (do.run(), do.say("accept", "--all"), do.go(), do.answer(), do.run())
"""A person accepts the card, imports and answers it."""


def moved(desk: Desk) -> None:
    (desk.notes / "A.md").rename(desk.notes / "B.md")


def renamed_vault(desk: Desk) -> None:
    desk.notes = desk.notes.rename(desk.notes.with_name(f"{desk.notes.name}-new"))
    desk.forge.settings(SETTINGS.replace("path: notes", f"path: {desk.notes.name}"))


def marked(text: str, key: str = "MARKAAA2", page: str = "3", **fields: str) -> Step:
    """The one source is a library that has one paper with this mark."""
    mark = Annotation(key, text, "? How long is it?", page_label=page)
    paper = Work(
        "PAPERAA2",
        {"title": "On Rivers", **fields},
        attachments=(Attachment("ATTACHA2", "Rivers.pdf", (mark,)),),
    )

    def write(desk: Desk) -> None:
        desk.forge.settings(PAPERS)
        write_zotero(desk.forge.folder / "zotero.sqlite", [Library((paper,))])

    return write


def block(year: int, *more: str) -> Step:
    """The one card is written as Obsidian_to_Anki reads it."""

    def write(desk: Desk) -> None:
        desk.forge.settings(
            SETTINGS.replace("path: notes", "path: notes, cards: [o2a, cloze]")
        )
        lines = (
            "START",
            "Cloze",
            f"Text: The {{{{c1::WHO}}}} dates from {year}.",
            *more,
            "END",
        )
        desk.write("\n".join(lines) + "\n")

    return write


def cites(**words: str) -> Step:
    return lambda desk: [desk.in_anki()[name].index(word) for name, word in words.items()]


def reviewed(desk: Desk) -> None:
    """The note of the card is the only one that Anki has, and it has its answer."""
    assert desk.col.note_count() == 1
    assert desk.col.db.scalar("select count() from revlog") == 1
    assert desk.in_anki()


def none_waits(desk: Desk) -> None:
    assert desk.questions() == []
    assert not desk.forge.ok("list", "verdict:waiting").stdout


def ships(text: str, **fields: str) -> tuple[Step, ...]:
    """The note says this, and the next package brings these fields to the same card."""
    return (do.write(text), do.ship(), do.note(**fields), reviewed)


STORIES: dict[str, tuple[str, tuple[Step, ...]]] = {
    "a number that is the answer, and the way back": ("WHO", (
        do.write(WHO.format(1946)), *ACCEPTED, *ships(WHO.format(1948), Back="1948"),
        do.say("undo", "CARD"), do.ship(), do.note(Back="1946"), do.run(written=0), none_waits,
    )),
    "a number that is the answer, which the person worded otherwise in Anki": ("WHO", (
        do.write(WHO.format(1946)), *ACCEPTED, do.edit(Back="in '46"), do.run(),
        do.write(WHO.format(1948)), do.run(conflicts=1, written=0), do.note(Back="in '46"), reviewed,
    )),
    "what a person adds in Anki where the source says nothing is theirs": ("WHO", (
        do.write(WHO.format(1946)), *ACCEPTED, do.edit(Extra="in Geneva"), do.run(),
        do.write(WHO.format(1948)), do.run(conflicts=0, written=1), do.load(),
        do.note(Back="1948", Extra="in Geneva"), reviewed, none_waits, do.run(written=0),
    )),
    "and stays when the source says nothing there any more": ("WHO", (
        block(1946, "Extra: a year"), *ACCEPTED, do.note(Extra="a year"), do.edit(Extra="in Geneva"),
        do.run(), block(1948), do.run(conflicts=0, written=1), do.load(),
        do.note(Text="The {{c1::WHO}} dates from 1948.", Extra="in Geneva"), none_waits, do.run(written=0),
    )),
    "words of a person are no conflict while the source says the same there": ("WHO", (
        do.write(WHO.format(1946)), *ACCEPTED, do.say("edit", "CARD", "--field", "Back", "in '46"),
        do.ship(), do.write(WHO.format(1946).replace("In which", "In what")),
        do.run(conflicts=0, written=1), do.load(),
        do.note(Front="In what year was the WHO founded?", Back="in '46"), none_waits,
    )),
    "a renamed note ships its link": ("Rhine", (
        do.write(RIVER), *ACCEPTED, do.run(written=0), moved, do.run(updated=1), do.load(),
        cites(Open="file=B", Citation="<cite>B</cite>"), reviewed, do.run(written=0),
    )),
    "a note with a title of its own ships its link, and nothing else": ("Rhine", (
        do.write(f"---\ntitle: Rivers\n---\n{RIVER}"), *ACCEPTED, do.edit(Extra="in Europe"), do.run(written=0),
        moved, do.run(updated=1), do.load(updated=1), do.load(duplicate=1),
        cites(Open="file=B", Citation="<cite>Rivers</cite>", Extra="in Europe"), reviewed, none_waits,
        do.run(written=0), renamed_vault, do.run(updated=1), renamed_vault, do.run(updated=1), do.load(updated=1),
        cites(Open="vault=notes-new-new&amp;file=B", Extra="in Europe"), reviewed, none_waits, do.run(written=0),
    )),
    "an annotation that is made again ships its link": ("1,320", (
        marked(RHINE), *ACCEPTED, marked(RHINE, "MARKBBB2"), do.run(updated=1), do.load(),
        cites(Links="annotation=MARKBBB2"), reviewed, do.run(written=0),
    )),
    "a paper whose title is corrected ships its citation": ("1,320", (
        marked(RHINE), *ACCEPTED, marked(RHINE, title="On Streams"), do.run(updated=1), do.load(),
        cites(Citation="<cite>On Streams, p. 3</cite>"), reviewed, do.run(written=0),
    )),
    "a page number that is corrected reaches the citation": ("1,320", (
        marked(RHINE), *ACCEPTED, marked(RHINE, page="117"), do.run(updated=1), do.load(),
        cites(Citation="p. 117</cite>"), reviewed, do.run(written=0),
    )),
    "a gap that goes and comes back keeps its card": ("glycogen", (
        do.write(GAPS), *ACCEPTED,
        *ships(GAPS.replace("==amygdala==", "amygdala"), Text="The amygdala keeps {{c2::glycogen}} for the night."),
        *ships(GAPS, Text="The {{c1::amygdala}} keeps {{c2::glycogen}} for the night."),
    )),
    "a gap before the others takes a number that none had": ("glycogen", (
        do.write(GAPS), *ACCEPTED,
        *ships("At noon the " + GAPS.replace("The", "==healthy=="),
               Text="At noon the {{c3::healthy}} {{c1::amygdala}} keeps {{c2::glycogen}} for the night."),
    )),
    "the number of a gap that went is not given to other words": ("cerebellum", (
        do.write(THREE), *ACCEPTED, *ships(THREE.replace("==amygdala== and the ", ""),
                                           Text="The {{c1::hippocampus}}, the {{c3::cerebellum}} are organs."),
        *ships("The ==hippocampus==, the ==cerebellum== are big ==organs==.\n",
               Text="The {{c1::hippocampus}}, the {{c3::cerebellum}} are big {{c4::organs}}."),
    )),
}  # fmt: skip


@pytest.mark.core
@pytest.mark.parametrize(("word", "steps"), STORIES.values(), ids=STORIES)
def test_a_story(desk, word, steps):
    desk.forge.settings(SETTINGS)
    desk.word = word
    for step in steps:
        step(desk)


def test_a_conflict_is_over_once_anki_has_the_note_of_the_package(desk):
    desk.word = "WHO"
    desk.forge.settings(f"{SETTINGS}anki: {{collection: none}}\n")
    desk.write(WHO.format(1946))
    desk.run()
    desk.say("accept", "--all")
    desk.ship()
    desk.edit(Back="in '46")
    desk.write(WHO.format(1948))
    desk.run(written=1)
    package = shutil.copy(desk.package, desk.forge.folder / "downloaded.apkg")
    desk.forge.settings(SETTINGS)
    desk.run(conflicts=1, written=0)
    desk.delete()
    desk.anki.load(package)
    desk.note(Back="1948")
    desk.run(conflicts=0, written=0)
    assert desk.questions("conflict") == []
