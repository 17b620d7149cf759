"""A ledger that was lost, and what a person had done before."""

import pytest

from tests.anki.stories import Desk, Step, do, list_cases

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\n"


CAT = (do.write("Katze:::cat\n"), do.go())


def no_change(desk: Desk) -> None:
    """A run tells of no change, for Anki makes none."""
    came = desk.run(written=0)
    assert came["changes"] == []
    assert came["cards"]["changed"] == 0
    assert desk.forge.ok("list", "--view", "changed", "--json").lines == []


def cites(place: str, words: str, tag: str) -> Step:
    """The one note in Anki has this passage and tag."""

    def look(desk: Desk) -> None:
        [note] = map(desk.col.get_note, desk.col.find_notes(""))
        assert place in note["Citation"]
        assert words in note["Source"]
        assert note.tags == [f"ankiforge::doc::{tag}"]

    return look


LONG = "What is the word for Katze?::{}\n"


STORIES: dict[str, tuple[Step, ...]] = {
    "a card whose passage went is as it was after a loss": (
        *CAT, do.write("Hund:::dog\n"), do.go(), do.lose(), do.run(written=0),
        do.say("reject", "CARD"), do.run(written=1), do.load(updated=1), do.tags("ankiforge::retired"),
        do.run(written=0), do.say("undo"), do.run(written=1), do.load(updated=1), do.run(written=0),
    ),
    "a note that was made of the journal alone gets its link when its passage is back": (
        do.write("Katze:::cat\n"), do.run(), do.write("Hund:::dog\n"), do.run(), do.lose(), do.ship(),
        do.write("Katze:::cat\n\nHund:::dog\n"), do.run(updated=1), do.load(), do.run(written=0),
        lambda desk: desk.in_anki()["Open"].index("file=A"),
    ),
    "a note deleted before the first look stays deleted": (
        do.write("Katze:::cat\n"), do.ship(), do.answer(), do.delete(), do.run(written=0, tombstones=1),
        do.run(written=0, tombstones=0), do.say("undo", "CARD"), do.run(written=1),
    ),
    "a card has its own passage again after another was said to be the same": (
        do.write("# Pets\n\nWhat do you call a Katze?::a cat in English\n"), do.go(),
        do.write("# Pets\n"), do.write("# Zoo\n\nWhat do we call a Katze?::cats in English\n", "B.md"),
        do.run(), do.answered("same", "accept"), do.ship(), cites("B › Zoo", "cats", "b"),
        do.say("undo"), do.run(updated=1), do.run(updated=1), do.load(updated=1), cites("A › Pets", "a cat", "a"),
        do.run(written=0), do.lose(), do.run(written=0), cites("A › Pets", "a cat", "a"),
    ),
    "a field emptied in Anki stays empty after a loss": (
        do.write("Katze:::cat\n"), do.go(), do.edit(Reverse=""), do.lose(),
        do.write("Katze:::the cat\n"), do.ship(), do.note(Reverse="", Back="the cat"),
    ),
    "a deletion nobody looked at outlives a lost database": (
        do.write("Katze:::cat\n\nHund:::dog\n"), do.go(), do.delete(), do.lose(), do.run(written=0),
        do.card(verdict="retired"),
    ),
    "a rejected card whose words were typed in Anki stays rejected after a loss": (
        *CAT, do.edit(Back="kitty"), do.say("reject", "CARD"), do.run(), do.lose(), do.run(),
        do.cards(verdict="rejected"),
    ),
    "words typed in Anki are merged with a correction of another field after a loss": (
        do.write(LONG.format("cat")), do.go(), do.edit(Back="kitty"), do.lose(), do.run(),
        do.card(fields={"Front": LONG.partition("::")[0], "Back": "kitty"}),
        do.write("What is a word for Katze?::cat\n"), do.ship(),
        do.note(Front="What is a word for Katze?", Back="kitty"),
    ),
    "a note is taken over after both were lost, and its words follow the source": (
        *CAT, do.answer(), do.lose(journal=True), do.run(written=0),
        do.card(verdict="accepted", kind="two-way", fields={"Front": "Katze", "Back": "cat", "Reverse": "y"}),
        do.say("undo", told="nothing to undo", code=1), do.card(verdict="accepted"),
        do.write("Katze:::a cat\n"), do.ship(), do.note(Back="a cat"), do.reviewed(1),
        do.notes_there(1),
    ),
    "words typed in Anki stay after both were lost": (
        *CAT, do.edit(Back="kitty"), do.lose(journal=True), no_change, do.note(Back="kitty"),
        do.write("Katze:::a cat\n"), do.run(), do.note(Back="kitty"), do.notes_there(1),
    ),
    "a card that was dropped stays dropped after both were lost": (
        *CAT, do.say("reject", "CARD"), do.ship(), do.run(), do.lose(journal=True), do.run(written=0),
        do.card(verdict="retired"), do.tags("ankiforge::retired"), do.say("undo", "CARD"),
        do.run(written=1, added=0), do.load(updated=1), do.tags(without=("ankiforge::retired",)),
    ),
    "a card that was dropped stays dropped after its line in the journal was torn": (
        *CAT, do.say("reject", "CARD"), do.ship(), do.run(), do.tear("reject"), do.lose(),
        do.run(written=0), do.card(verdict="retired"), do.tags("ankiforge::retired"), do.run(written=0),
        do.say("undo", "CARD"), do.run(written=1), do.load(updated=1), do.run(written=0),
        do.tags(without=("ankiforge::retired",)), do.card(verdict="accepted"),
    ),
    "a rejection that is known does not count twice": (
        *CAT, do.say("reject", "CARD"), do.ship(), do.run(), do.say("undo"), do.lose(),
        do.run(written=1), do.load(updated=1), do.card(verdict="accepted"),
    ),
    "a card accepted again after both were lost is made, though its grave is there": (
        *CAT, do.delete(), do.lose(journal=True), do.run(written=0, added=0), do.notes_there(0),
        do.say("list", "verdict:waiting", "-v", told="You deleted its note in Anki"), do.accepted(), do.run(written=1),
        do.run(written=1), do.load(new=1), do.run(written=0), do.card(verdict="accepted"),
    ),
    "a note whose passage changed before both were lost is listed, and no second one is made unasked": (
        do.write(LONG.format("cat")), do.go(), do.lose(journal=True),
        do.write(LONG.format("tomcat")), do.run(written=0),
        do.say("list", "--view", "unknown", told="Katze"), do.notes_there(1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", list_cases(STORIES))
def test_a_story(desk, steps):
    for step in steps:
        step(desk)


def told(desk: Desk, *steps: Step) -> None:
    for step in steps:
        step(desk)


def test_an_export_that_lay_about_does_not_undo_what_was_seen_since(
    desk, backend, tmp_path
):
    told(desk, *CAT)
    backend.export(desk.col, tmp_path / "old.apkg")
    told(desk, do.edit(Back="kitty"), do.run())
    desk.forge.ok("pull", tmp_path / "old.apkg")
    desk.write("Katze:::a cat\n")
    settings = f"{SETTINGS}anki: {{collection: none}}\n"
    desk.forge.settings(settings)
    desk.run(conflicts=1)
