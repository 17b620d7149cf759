"""What stands in the place of a passage now: what reaches its note in Anki, and what waits."""

from collections.abc import Iterator
from typing import Any

import pytest

from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.anki.stories import Desk, Step, do

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
PAPERS = SETTINGS.replace("obsidian: {name: notes, path: notes}", "zotero: {path: zotero.sqlite}")
CLEAN = SETTINGS.replace("review", "clean")
RIVER = "The ==Rhine== is 1,320 km long and ends in the sea.\n"
RHINE = "The Rhine is 1,320 km long and ends in the sea."
WAR = "World War 1 ended in ==1918== after four years.\n"
NEXT = "World War 2 ended in ==1945== after six years.\n"
THIRD = "The Korean War ended in ==1953== after three years.\n"
GAP = "In its ==worst case== the search takes as long as the list is."
GAPS = "The ==liver== stores ==glycogen== for the night.\n"
ACCEPTED = (do.run(), do.say("accept", "--all"), do.go(), do.answer(), do.run())
"""A person accepts the card, imports and answers it."""
SEEN = (do.go(), do.answer(), do.run())
"""The policy accepts the card, and the person imports and answers it."""
BOARD = (
    "On Go: a full game takes a ==wide wooden board== that is marked by nineteen lines each way.\n"
)
HORSES = "".join(
    f"Horse number {n} is ridden in the race of the town on day {n}.\n\n" for n in range(9)
)
HOUNDS = HORSES.replace("Horse", "Hound").replace("ridden", "let loose")
DIE = "A common die for games of chance has ==six sides== with one to six dots on them.\n\n"
TYPO = BOARD.replace("marked", "makred")
SAILED = (
    "In 1492 ==Columbus== reached America, and in 1498 ==Vasco da Gama== reached India by sea.\n"
)
FLOWS = "Rivers of the low lands\n\n- The Rhine flows into ==the North Sea==.\n"


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


def asked_as(word: str, desk: Desk) -> None:
    """The card waits with this question."""
    assert word in desk.card()["revision"]["fields"]["Front"]


def reviewed(desk: Desk) -> None:
    """The note of the card is the only one that Anki has, and it has its answer."""
    assert desk.col.note_count() == 1
    assert desk.col.db.scalar("select count() from revlog") == 1
    assert desk.in_anki()


def replaced_by_the_other(desk: Desk, by: str = "1945") -> None:
    new, old = desk.card(by), desk.card("1918")
    assert new["instead_of"] == [old["guid"]]
    assert (new["verdict"], old["standing"]) == ("pending", "live")


def merged(desk: Desk) -> None:
    """The new card is merged into the old one; from now on that is the one with the word."""
    desk.forge.ok("merge", desk.guid("1945"), desk.guid("1918"))
    [live] = [card for card in desk.forge.cards() if card["standing"] == "live"]
    assert "1945" in str(live["fields"])
    desk.guid = lambda word="": live["guid"]  # type: ignore[method-assign]


def links_to(desk: Desk, name: str) -> None:
    assert f"file={name}" in desk.in_anki()["Links"]
    assert f"<cite>{name}</cite>" in desk.in_anki()["Citation"]


def links_only(desk: Desk, name: str) -> None:
    links_to(desk, name)
    assert desk.in_anki()["Links"].count("href") == desk.in_anki()["Citation"].count("<cite>") == 1


def none_waits(desk: Desk) -> None:
    for query in (("--view", "revisions"), ("verdict:pending",)):
        assert not desk.forge.ok("list", *query).stdout
    assert "waits" not in desk.forge.ok("status").stdout


def rejected_elsewhere(desk: Desk, word: str) -> None:
    found = desk.card(word)["findings"]
    assert "rejected_elsewhere" in [one["check"] for one in found]


def seen_as(word: str) -> tuple[Step, ...]:
    """The person imports and answers the card with this word, which the source changes later."""
    return (do.go(), lambda desk: desk.anki.answer_first_card(desk.guid(word)), do.run())


STORIES: dict[str, tuple[str, tuple[Step, ...]]] = {
    "a question that was reworded in a comment still waits when the ledger was lost": ("Rhine", (
        marked(RHINE), *ACCEPTED, marked(RHINE, comment="? Where does it come to its end?"),
        do.run(), lambda desk: asked_as("Where", desk), do.lose(), do.run(),
        lambda desk: asked_as("Where", desk), reviewed,
    )),
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
    "a third fact, before the second was decided on, takes the place of the first": ("1918", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(), do.write(THIRD), do.run(updated=0), do.run(added=0),
        lambda desk: replaced_by_the_other(desk, "1953"), do.lose(), do.run(updated=0, added=0),
        lambda desk: replaced_by_the_other(desk, "1953"),
    )),
    "another fact waits for what a person decided on the first, not for the settings": ("1918", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(), do.say("reject", "CARD"), do.run(),
        do.card("1945", verdict="pending", waits="you have already decided on a card of their passage"),
    )),
    "another fact still asks after the ledger was lost": ("1918", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(), do.lose(), do.run(updated=0),
        replaced_by_the_other, do.say("show", "CARD", told="replaced? "),
        do.say("show", "CARD", told="replaces? ", card="1945"),
        do.say("accept", "CARD", card="1945"), do.ship(), do.tags("ankiforge::retired"),
    )),
    "a card that was restored does not blame the settings": ("Rhine", (
        do.write(RIVER), do.run(), do.say("reject", "CARD"), do.say("restore", "CARD"), do.run(),
        do.card(waits="you have already decided on a card of their passage"),
    )),
    "another fact is merged into the note that has reviews": ("World War", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(), replaced_by_the_other, merged,
        do.ship(), do.note(Text="World War 2 ended in {{c1::1945}} after six years."), reviewed,
        do.write(NEXT.replace("six", "nearly six")), do.ship(),
        do.note(Text="World War 2 ended in {{c1::1945}} after nearly six years."), reviewed,
    )),
    "a card deleted in Anki asks nothing about later words": ("Rhine", (
        do.write(RIVER), *ACCEPTED, do.delete(), do.run(), do.write(RIVER.replace("ends", "never ends")),
        do.run(), do.say("list", told="deleted"), none_waits,
    )),
    "a merge with another fact that is undone leaves no words that wait": ("1918", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(), merged, do.say("undo"), do.run(),
        do.card("1918", revision=None), replaced_by_the_other,
    )),
}  # fmt: skip

COPIES: dict[str, tuple[str, tuple[Step, ...]]] = {
    "a short passage that was cut and pasted later keeps its link": ("Rhine", (
        do.write(FLOWS), *SEEN, do.write("Rivers\n"), do.run(), do.run(), do.finds("source_gone"),
        do.say("show", "CARD", told="keep it?  ankiforge accept "), do.say("accept", "CARD"),
        do.write("Of rivers\n"), do.run(), do.finds("source_gone", present=False),
        lambda desk: [desk.run()["cards"]["sourceless"]].index(0),
        do.write("Streams\n\n- The Rhine flows into ==the North Sea==.\n\nMore.\n", "B.md"), do.ship(),
        lambda desk: links_to(desk, "B"), do.finds("source_gone", present=False), reviewed,
    )),
    "a copy of which a word is changed waits": ("marked", (
        do.write(BOARD), *SEEN, do.write(BOARD, "B.md"), do.run(),
        do.write(BOARD.replace("marked", "ruled"), "B.md"), do.run(),
        do.card("ruled", verdict="pending"), reviewed,
    )),
    "a copy that was edited before it was read waits": ("marked", (
        do.write(HORSES + BOARD), *SEEN, do.write(HORSES + TYPO, "B.md"), do.ship(),
        do.card("makred", verdict="pending"), lambda desk: links_only(desk, "A"), reviewed,
    )),
    "the copy waits if a word is changed in the original": ("marked", (
        do.write(TYPO), *seen_as("makred"), do.write(TYPO, "B.md"), do.run(),
        do.write(BOARD), do.ship(), do.card("makred", verdict="pending"), reviewed,
    )),
    "a passage that is pasted later and changed waits": ("marked", (
        do.write(HOUNDS + BOARD), do.write(HORSES, "B.md"), *SEEN, do.write(HOUNDS), do.run(), do.run(),
        do.finds("source_gone"), do.write(HORSES + TYPO, "B.md"), do.run(),
        do.card("makred", verdict="pending"), reviewed,
    )),
    "a copy in which a number is corrected waits": ("nineteen", (
        do.write(BOARD), *SEEN, do.write(BOARD, "B.md"), do.run(),
        do.write(BOARD.replace("nineteen", "18"), "B.md"), do.run(),
        do.card("by 18", verdict="pending"), do.card("by nineteen", verdict="accepted"), reviewed,
    )),
    "a copy waits however often it is edited": ("nineteen", (
        do.write(BOARD), *SEEN, do.write(BOARD, "B.md"), do.run(),
        do.write(BOARD.replace("nineteen", "18"), "B.md"), do.run(),
        do.write(BOARD.replace("nineteen", "18").replace("wide", "small"), "B.md"), do.run(),
        do.card("by 18", verdict="pending"), reviewed,
    )),
    "a copy of a short note with another number waits": ("nineteen", (
        do.write("# The game of Go\n\n" + BOARD), *SEEN,
        do.write("# The game of Go\n\n" + BOARD.replace("nineteen", "18"), "B.md"), do.run(),
        do.card("by 18", verdict="pending"), do.card("by nineteen", verdict="accepted"), reviewed,
    )),
    "a copy waits as long as the new words of the passage do": ("game", (
        do.write(BOARD), *SEEN, do.write(BOARD.replace("marked", "ruled")), do.run(),
        do.write(HORSES + BOARD.replace("marked", "ruled"), "B.md"), do.run(),
        do.card("ruled by", verdict="pending", title="B"),
    )),
    "a passage that is moved to another note and corrected waits": ("nineteen", (
        do.write(HORSES + BOARD), do.write(HOUNDS, "B.md"), *SEEN,
        do.write(HORSES), do.write(HOUNDS + BOARD.replace("nineteen", "18"), "B.md"), do.run(),
        do.card("by 18", verdict="pending"), reviewed,
    )),
    "a passage that is moved and corrected in a note that is renamed keeps its card": ("nineteen", (
        do.write("# Games\n\n" + BOARD + "\n" + HORSES + DIE + HOUNDS), do.go(),
        lambda desk: (desk.notes / "A.md").unlink(),
        do.write("# Play\n\n" + DIE + HORSES + BOARD.replace("nineteen", "18") + "\n" + HOUNDS, "B.md"), do.run(),
        do.card("nineteen", verdict="accepted"), do.finds("source_gone", present=False),
        do.say("accept", "CARD"), do.card("by 18", verdict="accepted", title="B"),
    )),
    "a short passage that went to another note is not the one that stands there": ("Rhine", (
        do.write(FLOWS), do.write(HORSES, "B.md"), *SEEN,
        do.write("Rivers of the low lands\n\n- Rivers in the north and in the south carry ==grey sand== into lakes\n"),
        do.write(HORSES + "\n- The Rhine flows into ==the North Sea==.\n", "B.md"), do.run(), do.run(), do.ship(),
        do.card("Rhine", revision=None, title="B"), do.card("grey", verdict="accepted"),
        lambda desk: links_to(desk, "B"),
    )),
    "what went to another note was not replaced by what stands there": ("nineteen", (
        do.write(HORSES + BOARD), do.write(HOUNDS, "B.md"), *SEEN,
        do.write(HORSES + "On Chess: a full game takes a ==square board== of 64 fields.\n"),
        do.write(HOUNDS + BOARD, "B.md"), do.run(),
        do.say("accept", "--all"), do.card("Chess", verdict="accepted"),
        do.card("nineteen", standing="live", title="B"), reviewed,
    )),
    "a part that is split off waits as long as the card of the whole has its words": ("Vasco", (
        do.write(SAILED), *SEEN, do.write(SAILED.replace(", and in", ". In")), do.ship(), do.run(),
        do.card("America.", verdict="pending"), do.card(verdict="accepted"), reviewed,
        do.say("show", "CARD", card="America.", told="split off from “"),
    )),
    "the link to a copy goes with it": ("Go", (
        do.write(BOARD), do.write(BOARD, "B.md"), *SEEN, lambda desk: links_to(desk, "B"),
        lambda desk: (desk.notes / "B.md").unlink(), do.run(), do.run(), do.load(),
        lambda desk: links_only(desk, "A"), reviewed, do.run(written=0),
    )),
    "a copy of what was rejected waits after a change, too": ("marked", (
        do.write(BOARD), *SEEN, do.say("reject", "CARD"), do.write(BOARD, "B.md"), do.run(),
        do.write(BOARD.replace("marked", "often marked"), "B.md"), do.run(),
        do.card("often", verdict="pending"), lambda desk: rejected_elsewhere(desk, "often"),
    )),
    "a copy has the card that a person worded": ("Mine", (
        do.write(HORSES + BOARD), *seen_as("marked"),
        do.say("edit", "CARD", "--field", "Text", "Mine: {{c1::a board}} for Go", card="marked"), do.ship(),
        do.write(HORSES + BOARD, "B.md"), do.ship(), do.cards(verdict="accepted"), reviewed,
        lambda desk: (desk.notes / "A.md").unlink(), do.run(), do.ship(),
        lambda desk: links_only(desk, "B"), do.finds("source_gone", present=False), reviewed,
        do.note(Text="Mine: {{c1::a board}} for Go"), do.lose(), do.run(), do.cards(verdict="accepted"),
        do.ship(), reviewed, do.run(written=0),
    )),
    "a renamed note is itself after the ledger was lost, not one whose passage it has": ("Rhine", (
        do.write(BOARD), do.write(RIVER, "B.md"), *SEEN, do.write(RIVER + "\n" + BOARD, "B.md"), do.run(),
        do.write("Go\n"), do.run(), do.run(), lambda desk: (desk.notes / "B.md").rename(desk.notes / "C.md"),
        do.ship(), do.run(), do.lose(), do.run(), do.cards(title="C", tags=["ankiforge::doc::b"]),
    )),
    "a person's words follow the passage they are merged with": ("Mine", (
        do.write(BOARD), do.write(HORSES, "B.md"), *seen_as("marked"),
        do.say("edit", "CARD", "--field", "Text", "Mine: {{c1::a board}} for Go", card="marked"), do.ship(),
        do.write("Go\n"), do.run(), do.run(), do.finds("source_gone"),
        do.write(HORSES + "\n" + BOARD.replace("marked", "ruled"), "B.md"), do.run(),
        lambda desk: desk.forge.ok("merge", desk.guid("ruled"), desk.guid()), do.ship(),
        do.finds("source_gone", present=False), lambda desk: links_to(desk, "B"),
        do.note(Text="Mine: {{c1::a board}} for Go"),
    )),
}  # fmt: skip


@pytest.mark.parametrize(("word", "steps"), COPIES.values(), ids=COPIES)
def test_a_story_of_copies(desk, word, steps, monkeypatch):
    monkeypatch.setattr("ankiforge.ledger.ingest.GONE_AFTER_SECONDS", 0.0)
    desk.forge.settings(CLEAN)
    desk.word = word
    for step in steps:
        step(desk)


@pytest.mark.parametrize(("word", "steps"), STORIES.values(), ids=STORIES)
def test_a_story(desk, word, steps):
    desk.word = word
    for step in steps:
        step(desk)
