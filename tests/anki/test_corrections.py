"""What an edit of the source brings to its note in Anki: words, link, citation, the number of a gap."""

from collections.abc import Iterator
from typing import Any

import pytest

from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.anki.stories import Desk, Step, do

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
PAPERS = SETTINGS.replace("obsidian: {name: notes, path: notes}", "zotero: {path: zotero.sqlite}")
RIVER = "The ==Rhine== is 1,320 km long and ends in the sea.\n"
RHINE = "The Rhine is 1,320 km long and ends in the sea."
WAR = "World War 1 ended in ==1918== after four years.\n"
NEXT = "World War 2 ended in ==1945== after six years.\n"
GAP = "In its ==worst case== the search takes as long as the list is."
GAPS = "The ==liver== stores ==glycogen== for the night.\n"
ACCEPTED = (do.run(), do.say("accept", "--all"), do.go(), do.answer(), do.run())
"""A person accepts the card, imports and answers it."""


@pytest.fixture
def desk(forge: Any, backend: Any) -> Iterator[Desk]:
    forge.settings(SETTINGS)
    with backend.opened(forge.profile) as anki:
        yield Desk(forge, anki)


def moved(desk: Desk) -> None:
    (desk.notes / "A.md").rename(desk.notes / "B.md")


def marked(
    text: str, key: str = "MARKAAA2", comment: str = "? How long is it?", **fields: str
) -> Step:
    """The one source is a library that has one paper with this mark."""
    mark = Annotation(key, text, comment, page_label=fields.pop("page", "3"))
    paper = Work(
        "PAPERAA2",
        {"title": "On Rivers", **fields},
        attachments=(Attachment("ATTACHA2", "Rivers.pdf", (mark,)),),
    )

    def write(desk: Desk) -> None:
        desk.forge.settings(PAPERS)
        write_zotero(desk.forge.folder / "zotero.sqlite", [Library((paper,))])

    return write


def cites(**words: str) -> Step:
    return lambda desk: [desk.in_anki()[name].index(word) for name, word in words.items()]


def reviewed(desk: Desk) -> None:
    """The note of the card is the only one that Anki has, and it has its answer."""
    assert desk.col.note_count() == 1
    assert desk.col.db.scalar("select count() from revlog") == 1
    assert desk.in_anki()


def replaced_by_the_other(desk: Desk, by: str = "1945") -> None:
    new, old = desk.card(by), desk.card("1918")
    assert new["instead_of"] == [old["guid"]]
    assert (new["verdict"], old["standing"]) == ("pending", "live")


def links_to(desk: Desk, name: str) -> None:
    assert f"file={name}" in desk.in_anki()["Links"]
    assert f"<cite>{name}</cite>" in desk.in_anki()["Citation"]


def none_waits(desk: Desk) -> None:
    for query in (("--view", "revisions"), ("verdict:pending",)):
        assert not desk.forge.ok("list", *query).stdout
    assert "waits" not in desk.forge.ok("status").stdout


STORIES: dict[str, tuple[str, tuple[Step, ...]]] = {
    "a typo in what a person accepted": ("Rhine", (
        do.write("The ==Rhine== is definately long.\n"), *ACCEPTED,
        do.write("The ==Rhine== is definitely long.\n"), do.ship(),
        do.note(Text="The {{c1::Rhine}} is definitely long."), reviewed,
    )),
    "a number that is the answer": ("WHO", (
        do.write("In which year was the WHO founded?::1946\n"), *ACCEPTED,
        do.write("In which year was the WHO founded?::1948\n"), do.ship(), do.note(Back="1948"), reviewed,
        do.finds("answer_changed"), do.say("accept", "CARD"), do.finds("answer_changed", present=False),
    )),
    "a number that is the answer, which the person worded otherwise in Anki": ("WHO", (
        do.write("In which year was the WHO founded?::1946\n"), *ACCEPTED, do.edit(Back="in '46"), do.run(),
        do.write("In which year was the WHO founded?::1948\n"), do.run(conflicts=1), do.note(Back="in '46"),
        do.finds("answer_changed", present=False), reviewed,
    )),
    "a renamed note ships its link": ("Rhine", (
        do.write(RIVER), *ACCEPTED, do.run(written=0), moved, do.run(updated=1), do.run(packages=1),
        do.load(), lambda desk: links_to(desk, "B"), reviewed, do.run(written=0),
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
    "a gap keeps its number": ("search", (
        do.write(GAP), *ACCEPTED, do.write(GAP.replace("worst case", "least good case")), do.run(),
        do.say("show", "CARD", told="ankiforge accept "), do.say("accept", "CARD"), do.ship(),
        do.note(Text="In its {{c1::least good case}} the search takes as long as the list is."),
    )),
    "a gap that goes and comes back keeps its card": ("glycogen", (
        do.write(GAPS), *ACCEPTED, do.write(GAPS.replace("==liver==", "liver")), do.run(),
        do.say("accept", "CARD"), do.ship(),
        do.note(Text="The liver stores {{c2::glycogen}} for the night."),
        do.write(GAPS), do.run(), do.say("accept", "CARD"), do.ship(),
        do.note(Text="The {{c1::liver}} stores {{c2::glycogen}} for the night."), reviewed,
    )),
    "another fact takes the place of the old one": ("1918", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(updated=0), replaced_by_the_other,
        do.say("accept", "CARD", card="1945"), do.ship(), do.tags("ankiforge::retired"),
        do.say("undo"), replaced_by_the_other,
    )),
    "a card deleted in Anki asks nothing about later words": ("Rhine", (
        do.write(RIVER), *ACCEPTED, do.delete(), do.run(), do.write(RIVER.replace("ends", "never ends")),
        do.run(), do.say("list", told="deleted"), none_waits,
    )),
}  # fmt: skip


@pytest.mark.parametrize(("word", "steps"), STORIES.values(), ids=STORIES)
def test_a_story(desk, word, steps):
    desk.word = word
    for step in steps:
        step(desk)
