"""A ledger that was lost, and what a person had done before."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.anki.stories import Desk, Step, do

SETTINGS = "sources:\n  - obsidian: {name: notes, path: notes}\n"


@pytest.fixture
def desk(forge: Any, backend: Any) -> Iterator[Desk]:
    forge.settings(SETTINGS)
    with backend.opened(forge.profile) as anki:
        yield Desk(forge, anki)


def one(desk: Desk) -> Any:
    [card] = desk.forge.cards()
    return card


def waits(front: str, back: str, word: str = "") -> Step:
    """The card with this word is accepted, and a revision with these words waits."""

    def check(desk: Desk) -> None:
        card = desk.card(word) if word else one(desk)
        assert card["verdict"] == "accepted"
        assert card["revision"]["fields"] == {"Front": front, "Back": back}

    return check


CAT = (do.write("Katze::cat\n"), do.go())
HUNT = "Who hunts the echidna when the nights are long and {}::wolves\n"
LONG = "What is the word for Katze?::{}\n"
ABOUT = "These are words of a course that we took last year in the old school by the lake.\n\n"
ADDED = waits("What is the word for Katze?", "cat Felidae")


STORIES: dict[str, tuple[Step, ...]] = {
    "a vault that is not there leaves Anki with every card": (
        *CAT, do.leave(), do.say("run", code=1, told="no package was written: Anki has every accepted card"),
    ),
    "a note deleted before the first look stays deleted": (
        do.write("Katze::cat\n"), do.ship(), do.answer(), do.delete(), do.run(written=0, tombstones=1),
    ),
    "a field emptied in Anki stays empty after a loss": (
        do.write("Katze:::cat\n"), do.go(), do.edit(Reverse=""), do.lose(),
        do.write("Katze:::the cat\n"), do.ship(), do.note(Reverse=""),
    ),
    "a two-way card is taken over with its reverse side": (
        do.write("Katze:::cat\n"), do.go(), do.lose(), do.run(),
        do.card(kind="two-way", fields={"Front": "Katze", "Back": "cat", "Reverse": "y"}),
    ),
    "a deletion nobody looked at outlives a lost database": (
        do.write("Katze::cat\n\nHund::dog\n"), do.go(), do.delete(), do.lose(), do.run(written=0),
        do.card(anki="tombstone"),
    ),
    "a rejected card whose words were typed in Anki stays rejected after a loss": (
        *CAT, do.edit(Back="kitty"), do.say("reject", "CARD"), do.run(), do.lose(), do.run(),
        do.cards(verdict="rejected"),
    ),
    "words typed in Anki are merged with a correction of another field after a loss": (
        do.write(LONG.format("cat")), do.go(), do.edit(Back="kitty"), do.lose(), do.run(),
        do.card(fields={"Front": LONG.partition("::")[0], "Back": "cat"}),
        do.write("What is a word for Katze?::cat\n"), do.ship(),
        do.note(Front="What is a word for Katze?", Back="kitty"),
    ),
    "words added to a card whose note was renamed still wait after a loss": (
        do.write(ABOUT + LONG.format("cat")), do.go(),
        lambda desk: (desk.notes / "A.md").rename(desk.notes / "B.md"),
        do.write(ABOUT + LONG.format("cat [[Felidae]]"), "B.md"), do.go(), ADDED, do.lose(), do.run(), ADDED,
    ),
    "words of the source wait after all was lost, and again after a loss": (
        *CAT, do.lose(journal=True), do.write("Katze::a cat\n"), do.run(),
        waits("Katze", "a cat"), do.lose(), do.run(), waits("Katze", "a cat"),
    ),
    "a passage reworded in a renamed note waits after all was lost, and again": (
        do.write(HUNT.format("cold"), "Lake.md"), do.go(), do.lose(journal=True),
        lambda desk: (desk.forge.folder / "notes/Lake.md").unlink(),
        do.write(HUNT.format("wable") + "\nKatze::cat\n", "Wacle.md"), do.run(), do.lose(),
        do.run(), do.card("wable", verdict="pending"), do.card("cold", verdict="accepted"),
        do.run(updated=0),
    ),
    "a note of another type is held after all was lost": (
        *CAT, do.to_basic(), do.lose(journal=True), do.run(written=0), do.card(anki="held"),
    ),
    "late reviews of a phone are read though newer ones are known": (
        *CAT, do.answer(), do.pulled(reviews=1),
        lambda desk: desk.col.db.execute(
            "insert into revlog select id - 86400000, cid, usn, ease, ivl, lastIvl, factor, time, type"
            " from revlog"
        ),
        do.pulled(reviews=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_a_story(desk, steps):
    for step in steps:
        step(desk)


def told(desk: Desk, *steps: Step) -> None:
    for step in steps:
        step(desk)


def test_a_new_gap_takes_no_number_that_a_person_uses_in_anki(desk):
    desk.word = "Alpha"
    told(desk, do.write("==Alpha== needs ==beta== always in plants.\n"), do.go())
    text = desk.in_anki()["Text"].replace("always", "{{c3::always}}")
    told(desk, do.edit(Text=text), do.run())
    told(desk, do.write("==Alpha== needs ==beta== always in ==plants==.\n"), do.run())
    assert "{{c4::plants}}" in str(one(desk)["fields"]) + str(one(desk)["revision"])


def test_an_export_that_lay_about_does_not_undo_what_was_seen_since(desk, backend, tmp_path):
    told(desk, *CAT)
    backend.export(desk.col, tmp_path / "old.apkg", legacy=False, scheduling=True)
    told(desk, do.edit(Back="kitty"), do.run())
    desk.forge.ok("pull", "--apkg", tmp_path / "old.apkg")
    desk.write("Katze::a cat\n")
    settings = f"{SETTINGS}anki: {{collection: none}}\n"
    desk.forge.settings(settings)
    desk.run(conflicts=1)
