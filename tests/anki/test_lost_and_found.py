"""A ledger that was lost, or is older than the journal, and what a person had done before."""

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


def untold(desk: Desk) -> None:
    """After `recover`, every note in Anki has a card."""
    desk.forge.ok("recover", "--collection", desk.forge.profile / "collection.anki2")
    assert "neither the source nor the journal has" not in desk.forge("run").stderr


CAT = (do.write("Katze::cat\n"), do.go())
CAT_TWICE = (do.write("Katze:::cat\n"), do.write("Katze:::cat\n", "B.md"), do.go())
HUNT = "Who hunts the echidna when the nights are long and {}::wolves\n"
HELD = "In 1752 the valley of ==the {0} people== was known to hold salt.\n"
LONG = "What is the word for Katze?::{}\n"
ABOUT = "These are words of a course that we took last year in the old school by the lake.\n\n"
ADDED = waits("What is the word for Katze?", "cat Felidae")
LIGHT = "What is the speed of light?::{} km\n"

LEFT = "1 note from vault:notes whose passage neither the source nor the journal has"

STORIES: dict[str, tuple[Step, ...]] = {
    "a note whose passage went before both files were lost is told of until it is taken over": (
        *CAT, do.lose(journal=True), do.write("Hund::dog\n"), do.say("run", told=LEFT),
        do.say("run", told="ankiforge recover takes them over"), untold,
    ),
    "a vault that is not there leaves Anki with every card": (
        *CAT, do.leave(), do.say("run", code=1, told="no package was written: Anki has every accepted card"),
    ),
    "a note deleted before the first look stays deleted": (
        do.write("Katze::cat\n"), do.ship(), do.answer(), do.delete(), do.run(written=0, tombstones=1),
    ),
    "a note deleted between the loss of both files and that of the ledger stays deleted": (
        do.write("Katze::cat\n\nHund::dog\n"), do.go(), do.lose(journal=True), do.run(),
        lambda desk: desk.col.remove_notes(desk.col.find_notes("Katze")), do.lose(), do.run(added=0),
        do.card("Katze", anki="tombstone"),
    ),
    "one that was wanted back is not taken for deleted by its old grave": (
        *CAT, do.delete(), do.run(), do.say("restore", "CARD"), do.run(written=1), do.run(written=1),
        do.load(new=1), do.run(written=0),
    ),
    "a field emptied in Anki stays empty after a loss": (
        do.write("Katze:::cat\n"), do.go(), do.edit(Reverse=""), do.lose(),
        do.write("Katze:::the cat\n"), do.ship(), do.note(Reverse=""),
    ),
    "a two-way card is taken over with its reverse side": (
        do.write("Katze:::cat\n"), do.go(), do.lose(), do.run(),
        do.card(kind="two-way", fields={"Front": "Katze", "Back": "cat", "Reverse": "y"}),
    ),
    "a rejected card of two passages does not come back": (
        *CAT_TWICE, do.say("reject", "CARD"), do.go(), do.lose(), do.run(added=0),
        do.cards(verdict="rejected"),
    ),
    "a pin can be taken back though the source went on": (
        *CAT, do.edit(Back="kitty"), do.write("Katze::a cat\n"), do.run(),
        do.say("resolve", "CARD", "--mine", told="your words stay"), do.write("Katze::one cat\n"), do.run(), do.say("undo"),
        do.run(conflicts=1),
    ),
    "a deletion nobody looked at outlives a lost database": (
        do.write("Katze::cat\n\nHund::dog\n"), do.go(), do.delete(), do.lose(), do.run(written=0),
        do.card(anki="tombstone"),
    ),
    "a deletion in Anki before the note was taken over outlives the next loss": (
        *CAT, do.lose(journal=True), do.write("Hund::dog\n"), do.run(),
        lambda desk: desk.col.remove_notes(desk.col.find_notes("Katze")), do.run(),
        do.write("Katze::cat\n"), do.run(), do.lose(), do.run(added=0), do.card(anki="missing"),
    ),
    "a card of two passages whose words were typed in Anki serves both after a loss": (
        *CAT_TWICE, do.edit(Back="kitty"), do.run(), do.lose(), do.run(), one,
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
    "words typed in Anki stay after a loss, a new link that was shipped, and another loss": (
        do.write(LONG.format("cat")), do.go(), do.edit(Front="What is the word for Katze? (mine)"),
        do.lose(), do.run(),
        lambda desk: (desk.notes / "A.md").rename(desk.notes / "B.md"), do.go(), do.lose(), do.run(),
        do.write(LONG.format("cats"), "B.md"), do.ship(),
        do.note(Front="What is the word for Katze? (mine)"),
    ),
    "a card rejected while a correction of it waited stays rejected after a loss": (
        do.write(HELD.format("Zneraar")), do.go(), do.write(HELD.format("Zpibaar")), do.run(),
        do.say("reject", "CARD", card="salt"), do.lose(), do.run(), do.cards(verdict="rejected"),
    ),
    "words changed while the card was rejected wait when that is undone, and after a loss": (
        *CAT, do.say("reject", "CARD"), do.write("Kater::cat\n"), do.run(), do.say("undo"), do.run(),
        waits("Kater", "cat"), do.lose(), do.run(), waits("Kater", "cat"),
    ),
    "words of the source that wait for a person still wait after a loss": (
        *CAT, do.edit(Extra="my own"), do.write("Kater::cat\n"), do.run(), waits("Kater", "cat"), do.lose(),
        do.run(), waits("Kater", "cat"),
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
    "a person who accepts one opens a taken over document again": (
        *CAT, do.lose(journal=True), do.write("Katze::cat\n\nHund::dog\n"), do.run(),
        do.card("Hund", verdict="pending"), do.say("accept", "CARD", card="Hund"),
        do.write("Katze::cat\n\nHund::dog\n\nMaus::mouse\n"), do.run(),
        do.card("Maus", verdict="accepted"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_a_story(desk, steps):
    for step in steps:
        step(desk)


def told(desk: Desk, *steps: Step) -> None:
    for step in steps:
        step(desk)


def test_an_edited_card_of_two_passages_is_not_doubled(desk):
    told(desk, *CAT_TWICE)
    guid = desk.guid()
    edited = do.say("edit", "CARD", "--field", "Back", "a cat")
    told(desk, edited, do.go(), do.lose(), do.run())
    assert one(desk)["guid"] == guid


def test_a_ledger_older_than_its_journal_catches_up(desk):
    told(desk, do.write(LIGHT.format("300000")), do.go(), do.back_up())
    guid = one(desk)["guid"]
    told(desk, do.write(LIGHT.format("299792")), do.go())
    told(desk, do.write("What is the speed of light c?::299792 km\n"), do.go())
    assert one(desk)["guid"] == guid
    told(desk, do.bring_back(), do.run(added=0))
    assert one(desk)["guid"] == guid
    assert desk.col.note_count() == 1


def test_sources_that_lag_behind_the_journal_make_no_new_card(desk):
    told(desk, do.write(LIGHT.format("300000")), do.go(), do.back_up())
    guid = one(desk)["guid"]
    told(desk, do.write(LIGHT.format("299792")), do.go())
    told(desk, do.write("Which figure should one remember here?::299792 km\n"), do.go())
    told(desk, do.bring_back(), do.write(LIGHT.format("300000")), do.run())
    guids = {card["guid"] for card in desk.forge.cards()}
    assert guid in guids
    assert desk.col.note_count() == len(guids)


def test_an_answer_that_went_away_and_came_back_keeps_its_id_after_a_loss(desk):
    sentence = "The pupil is made {} by a ring of {}.\n"
    first, second = ("==smaller==", "muscle"), ("smaller", "==muscle==")
    for words in (first, second, first):
        told(desk, do.write(sentence.format(*words)), do.run())
    guids = {card["guid"] for card in desk.forge.cards()}
    told(desk, do.lose(), do.run())
    again = {card["guid"] for card in desk.forge.cards()}
    assert again
    assert again <= guids


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("The {{mitochondrion}} makes energy.", "The {{mitochondrion}} makes much energy."),
        ("What is $E$ of a mass?\n?\n$E = mc^2$", "What is $E$ of any mass?\n?\n$E = mc^2$"),
        ("What does `len` do::It counts `items`", "What does `len` do::It counts all `items`"),
    ],
    ids=["cloze", "maths", "code"],
)
def test_a_card_edited_after_all_was_lost_is_known_again(desk, before, after):
    told(desk, do.write(f"{before}\n"), do.go())
    guid = one(desk)["guid"]
    told(desk, do.lose(journal=True), do.write(f"{after}\n"), do.run())
    assert one(desk)["guid"] == guid
    assert one(desk)["revision"]


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
