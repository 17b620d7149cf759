"""What stands in the place of a passage now: what reaches its note in Anki, and what waits."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.anki.stories import Desk, Step, do

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\naccept: {rules: review}\n"
RIVER = "The ==Rhine== is 1,320 km long and ends in the sea.\n"
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


def reviewed(desk: Desk) -> None:
    """The note of the card is the only one that Anki has, and it has its answer."""
    assert desk.col.note_count() == 1
    assert desk.col.db.scalar("select count() from revlog") == 1
    assert desk.in_anki()


def replaced_by_the_other(desk: Desk) -> None:
    new, old = desk.card("1945"), desk.card("1918")
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
    "a renamed note ships its link": ("Rhine", (
        do.write(RIVER), *ACCEPTED, do.run(written=0), moved, do.run(updated=1), do.run(packages=1),
        do.load(), lambda desk: links_to(desk, "B"), reviewed, do.run(written=0),
    )),
    "a gap keeps its number": ("search", (
        do.write(GAP), *ACCEPTED, do.write(GAP.replace("worst case", "least good case")), do.run(),
        do.say("accept", "CARD"), do.ship(),
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
    "another fact is merged into the note that has reviews": ("World War", (
        do.write(WAR), *ACCEPTED, do.write(NEXT), do.run(), replaced_by_the_other, merged,
        do.ship(), do.note(Text="World War 2 ended in {{c1::1945}} after six years."), reviewed,
        do.write(NEXT.replace("six", "nearly six")), do.ship(),
        do.note(Text="World War 2 ended in {{c1::1945}} after nearly six years."), reviewed,
    )),
}  # fmt: skip


@pytest.mark.parametrize(("word", "steps"), STORIES.values(), ids=STORIES)
def test_a_story(desk, word, steps):
    desk.word = word
    for step in steps:
        step(desk)
