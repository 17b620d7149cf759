"""The whole way, by the command line and the real Anki: what a person does there stays."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.anki.stories import Desk, Step, do

CELLS = "# Cells\n\nKatze:::cat\n\nHund:::dog\n\nThe ==mitochondrion== makes ==ATP==.\n"


@pytest.fixture
def desk(forge: Any, backend: Any) -> Iterator[Desk]:
    with backend.opened(forge.profile) as anki:
        made = Desk(forge, anki, forge.folder / "notes")
        made.write(CELLS, "Cells.md")
        yield made


def animal(more: str = "") -> Step:
    """The source says more of the card."""
    return do.rewrite("Katze:::cat", f"Katze:::cat (an animal){more}")


MOUSE = do.rewrite("Hund:::dog", "Hund:::dog\n\nMaus:::mouse")
"""The source has a card more."""
BIOLOGY = do.rewrite("# Cells", "---\ntags: [biology]\n---\n# Cells")
RETIRED = "ankiforge::retired"
OF_BOTH = (do.ship(), do.edit(Back="kitty"), animal())
"""The source and the person change the same field."""

STORIES: dict[str, tuple[Step, ...]] = {
    "a package nobody imported is never lost": (
        do.go(), MOUSE, do.run(written=1),
        do.rewrite("Maus:::mouse", "Maus:::mouse\n\nPferd:::horse"), do.run(written=2),
        do.load(new=2),
    ),
    "a tag in a package that waits is not taken for removed": (
        do.go(), BIOLOGY, do.run(), do.edit(Front="die Katze"), do.run(written=3),
        do.load(updated=3), do.tags("biology"), do.note(Front="die Katze"),
        lambda desk: [desk.anki.note(card["guid"]).tags.index("biology") for card in desk.forge.cards()],
    ),
    "deletions can be confirmed by their number": (
        do.go(), do.undo(), do.run(),
        do.say("pull", "--confirm-deletions", "2", code=1, told="3 notes are missing"),
        do.say("pull", "--confirm-deletions", "3"), do.cards(anki="tombstone"),
        do.say("undo"), do.cards(anki="missing"),
    ),
    "a retired card gets its tag once": (
        do.go(), do.say("reject", "CARD"), do.run(written=1), do.load(updated=1), do.tags(RETIRED),
        do.note(Back="cat"), do.run(written=0), do.tag(removed=RETIRED), do.run(written=0),
        do.say("undo"), do.run(written=0),
    ),
    "a field of a person's own is kept and new notes fit in": (
        do.ship(), do.types(lambda models, basic: models.add_field(basic, models.new_field("Mine"))),
        do.edit(Mine="my own"), animal("\n\nMaus:::mouse"), do.run(written=2),
        do.load(new=1, updated=1), do.note(Back="cat (an animal)", Mine="my own"),
        do.our_types("ankiforge Basic", "ankiforge Cloze"),
    ),
    "a note that got another note type is held": (
        do.ship(),
        do.to_basic(), animal(), do.run(written=0, held=1), do.card(anki="held"),
    ),
    "a remark typed while studying is heard once": (
        do.ship(), do.edit(Feedback="too easy", now=True), do.pulled(feedback=1),
        do.edit(Back="cat!", now=True), do.pulled(feedback=0), do.finds("too easy"),
    ),
    "a remark outlives a change of the source and blocks no undo": (
        do.go(), do.say("reject", "CARD"), do.say("undo"), do.edit(Feedback="too easy"), animal(),
        do.say("reject", "CARD", card="Hund"), do.run(), do.finds("too easy"),
        do.say("undo"), do.card("Hund", verdict="accepted"),
        do.say("edit", "CARD", "--field", "Back", "cat, of course"), do.finds("too easy", present=False),
    ),
    "an answer given before the next import is read": (
        do.go(), MOUSE, do.run(), do.answer(), do.load(),
        do.pulled(reviews=1),
    ),
    "everything again brings no retired tag to a live card": (
        do.go(), do.edit(Back="kitty"), do.say("reject", "CARD"), do.run(), do.say("undo"),
        do.say("build", "--full"), do.load(), do.tags(without=(RETIRED,)), do.note(Back="kitty"),
    ),
    "new only leaves a package alone that nobody imported": (
        do.go(), MOUSE, do.run(), do.run("--new", packages=0), do.load(new=1),
    ),
    "a note that was edited this moment waits for the next look": (
        do.ship(), do.edit(Front="die Katze", now=True), animal(), do.run(held=1), do.settle(),
        do.run(updated=1),
    ),
    "CSS and templates of a person's own stay": (
        do.ship(),
        do.types(lambda _, basic: basic.update(css=basic["css"] + "\n.card { color: teal; }")),
        do.types(lambda _, basic: basic["tmpls"][0].update(qfmt=basic["tmpls"][0]["qfmt"] + "<hr>")),
        animal("\n\nMaus:::mouse"), do.run(), do.load(new=1, updated=1),
        do.types(lambda _, basic: basic["css"].index("teal")),
        do.types(lambda _, basic: basic["tmpls"][0]["qfmt"].rindex("<hr>")),
    ),
    "renamed fields and types are a person's affair": (
        do.ship(),
        do.types(lambda models, basic: models.rename_field(basic, basic["flds"][1], "Answer")),
        do.types(lambda _, basic: basic.update(name="My cards")), do.settle(),
        animal("\n\nMaus:::mouse"), do.run(), do.load(new=1, updated=1),
        do.note(Answer="cat (an animal)"), do.our_types("ankiforge Cloze"),
    ),
    "a tag of the source arrives though the note was touched before the import": (
        do.go(), BIOLOGY, do.run(), do.tag("mine"), do.load(updated=2, duplicate=1),
        do.run(written=1), do.load(updated=1), do.tags("mine", "biology"),
    ),
    "a tag that arrived and was taken away does not return": (
        do.go(), BIOLOGY, do.ship(), do.tag(removed="biology"), do.run(written=0),
    ),
    "what waits of a passage that is gone is in the package of its path": (
        do.go(), do.rewrite("Katze:::cat\n\n", ""), do.run(),
        do.say("edit", "CARD", "--field", "Back", "a cat"), do.run(written=1),
    ),
    "words that lead nowhere are told": (
        do.go(), do.say("resolve", "CARD", "--mine", "--field", "Nix", code=2, told="Front"),
        do.say("resolve", "CARD", "--mine", code=1, told="no conflict"),
        do.say("build", "--deck", "Nope", told="no card is in a deck Nope"),
        do.undo(), do.say("run", told="every accepted card but what is missing there"),
        do.say("show", "CARD", told="missing since"), do.say("show", "CARD", told="ankiforge restore "),
    ),
}  # fmt: skip


@pytest.mark.parametrize("steps", STORIES.values(), ids=STORIES)
def test_a_story(desk, steps):
    for step in steps:
        step(desk)


def test_what_anki_has_is_not_shipped_again(desk):
    desk.run(written=3)
    desk.load(new=3)
    desk.run(written=0, packages=0)
    previous = desk.package.with_name("ankiforge.previous.apkg")
    assert not desk.package.exists()
    assert previous.exists()
    told = desk.forge("lint", desk.package, code=2).stderr
    assert "no such file" in told
    assert f"renamed: {previous}" in told
    desk.cards(anki="seen")


def test_both_changed_waits_with_all_three_sides_until_a_person_says(desk):
    for step in OF_BOTH:
        step(desk)
    desk.run(written=0, conflicts=1)
    [conflict] = desk.forge.ok("show", desk.guid(), "--json").lines[0]["conflicts"]
    assert conflict == {
        "field": "Back", "base": "cat", "mine": "kitty", "source": "cat (an animal)",
    }  # fmt: skip
    assert [one["conflicts"] for one in desk.forge.cards("anki:held")] == [[conflict]]
    for command in (("show", "CARD"), ("list", "anki:held", "-v")):
        desk.say(*command, told=f"ankiforge resolve {desk.guid()} --mine · ")
    desk.run(conflicts=1)
    assert desk.forge.ok("seen", "Cells", "--json").lines[0]["counts"]["in_anki"] == 3
    desk.say("seen", "Cells", told=" · 3 in Anki")

    desk.say("resolve", "CARD", "--source")
    desk.say("undo")
    desk.run(conflicts=1)
    desk.say("resolve", "CARD", "--source")
    desk.run(updated=1)
    desk.load(updated=1)
    desk.note(Back="cat (an animal)")
    assert not any(desk.run()["notes"].values())


def test_the_review_history_is_read_and_never_changed(desk):
    desk.ship()
    guid = desk.guid()
    before = desk.answer()
    desk.pulled(reviews=1)
    seen = desk.forge.ok("show", guid, "--json").lines[0]["seen"]
    assert (seen["reviews"], seen["leech"]) == (1, False)
    assert [card["reps"] for card in seen["cards"]] == [1, 0]
    desk.say("show", guid, told="1 review")
    animal()(desk)
    desk.ship()
    assert desk.anki.schedule(guid) == before


def test_new_cards_go_where_the_others_of_the_document_are_now(desk):
    desk.ship()
    desk.col.set_deck(desk.col.find_cards(""), desk.col.decks.id("Mine::Biology"))
    MOUSE(desk)
    desk.ship()
    [card, _] = desk.anki.cards(desk.guid("Maus"))
    assert desk.col.decks.name(card.did) == "Mine::Biology"


@pytest.mark.parametrize(
    ("seconds", "held"), [(30, 0), (86_400 * 3, 1)], ids=["a little ahead", "days ahead"]
)
def test_a_note_changed_in_the_far_future_is_held(desk, seconds, held):
    desk.ship()
    desk.edit(Front="die Katze", now=True)
    change = "update notes set mod = mod + ? where guid = ?"
    desk.col.db.execute(change, seconds, desk.guid())
    animal()(desk)
    desk.run(held=held, updated=1 - held)
    assert not held or "clock" in desk.card()["anki_why"]


def test_suspended_moved_and_flagged_cards_stay_as_they_are(desk):
    desk.ship()
    col = desk.col
    ids = [card.id for card in desk.anki.cards(desk.guid())]
    col.sched.suspend_cards(ids)
    col.set_user_flag_for_cards(3, ids)
    col.set_deck(ids, col.decks.id("Elsewhere"))
    before = col.db.all("select id, did, queue, flags from cards order by id")
    animal()(desk)
    desk.run()
    desk.load(updated=1)
    assert col.db.all("select id, did, queue, flags from cards order by id") == before
    assert {"Elsewhere"} <= {deck.name for deck in col.decks.all_names_and_ids()}


def test_a_first_revision_says_six_words_and_a_later_one_its_number_too(desk):
    desk.go()
    first = desk.in_anki()["AnkiforgeId"].split()
    assert (first[0], first[1], len(first)) == ("af1", desk.guid(), 6)
    animal()(desk)
    desk.ship()
    note = desk.in_anki()
    assert note["AnkiforgeId"].split()[6:] == [str(note.mod)]


# --- time passes, and nothing else ----------------------------------------------------------


@dataclass
class Clock:
    """The time at which Anki is looked at."""

    now: float

    def time(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    from ankiforge.extract import files

    monkeypatch.setattr(files, "TICK_NS", 0)  # what was read may count as unchanged at once
    found = Clock(time.time())
    monkeypatch.setattr("ankiforge.anki.collection.time", found)
    return found


def test_a_note_that_was_being_edited_waits_for_the_next_look_and_no_longer(desk, clock):
    desk.go()
    desk.edit(Front="die Katze", now=True)
    clock.now = desk.in_anki().mod + 1
    animal()(desk)
    desk.run(written=0, held=1)
    clock.now += 60
    desk.run(written=1, held=0)


def test_what_is_missing_twice_is_deleted_though_nothing_else_has_changed(desk, clock):
    desk.go()
    number = desk.in_anki().id
    desk.col.db.execute("delete from cards where nid = ?", number)
    desk.col.db.execute("delete from notes where id = ?", number)
    desk.run(missing=1)
    clock.now += 3600
    desk.run(missing=0, tombstones=1)
