"""The whole way, by the command line and the real Anki: what a person does there stays."""

from collections.abc import Iterator
from typing import Any

import pytest

from ankiforge.pipeline.workspace import Workspace
from ankiforge.review.items import iter_changed_cards
from tests.anki.stories import Desk, Step, do, list_cases

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
    "everything again has what waits for an import, too": (
        do.go(), animal(), do.run(updated=1), do.say("build", "--full", told="3 notes"),
    ),
    "a package nobody imported is never lost": (
        do.go(), MOUSE, do.run(written=1),
        do.rewrite("Maus:::mouse", "Maus:::mouse\n\nPferd:::horse"),
        do.say("run", told="2 notes (1 new, 1 unchanged)"), do.run(written=2), do.load(new=2),
    ),
    "a deleted note stays deleted whatever its source says": (
        do.go(), do.delete(), do.run(tombstones=1, written=0), do.card(anki="deleted", verdict="retired"),
        animal(), do.run(written=0),
        do.say("build", "--full", told="2 notes (2 unchanged)"), do.load(duplicate=2),
    ),
    "the deletion is undone here, for good, and the next one stands": (
        do.go(), do.delete(), do.run(tombstones=1), do.say("undo", "CARD"), do.run(written=1), do.load(new=1),
        do.run(written=0), do.card(verdict="accepted", anki="seen"),
        do.delete(), do.run(tombstones=1, written=0), do.card(verdict="retired"),
    ),
    "words that a workspace of last week does not know stay in Anki": (
        do.go(), do.back_up(), do.say("edit", "CARD", "--field", "Back", "kitty"), do.ship(), do.restore(),
        do.say("run", "-v", told="1 note has text that was not written here, which is kept"), do.run(written=0, conflicts=0),
        do.note(Back="kitty"), animal(), do.run(conflicts=1, written=0), do.note(Back="kitty"),
    ),
    "a workspace of last week still brings what its source says": (
        do.go(), do.back_up(), animal(), do.ship(), do.restore(), do.run(conflicts=0),
        do.note(Back="cat (an animal)"), animal(" with fur"), do.ship(), do.note(Back="cat (an animal) with fur (an animal)"),
    ),
    "an import taken back is asked about once, and sent again when nothing happened": (
        do.go(), do.undo(), do.run(missing=3, written=0, tombstones=0), do.run(missing=3, written=0),
        do.answered("absent", "reject"), do.run(missing=0, written=3), do.load(new=3),
    ),
    "an import taken back was a deletion if a person says so": (
        do.go(), do.undo(), do.run(missing=3), do.answered("absent", "accept"),
        do.run(missing=0, written=0), do.cards(verdict="retired"),
        do.say("undo"), do.run(written=3),
    ),
    "a field of a person's own is kept and new notes fit in": (
        do.ship(), do.types(lambda models, basic: models.add_field(basic, models.new_field("Mine"))),
        do.edit(Mine="my own"), animal("\n\nMaus:::mouse"), do.run(written=2),
        do.load(new=1, updated=1), do.note(Back="cat (an animal)", Mine="my own"),
        do.our_types("ankiforge Basic", "ankiforge Cloze"),
    ),
    "an answer given before the next import is read": (
        do.go(), MOUSE, do.run(), do.answer(), do.load(), do.pulled(reviews=1),
    ),
    "everything again brings no retired tag to a live card, and keeps a person's words": (
        do.go(), do.edit(Back="kitty"), do.say("reject", "CARD"), do.run(), do.say("undo"),
        do.say("build", "--full"), do.load(), do.tags(without=(RETIRED,)), do.note(Back="kitty"),
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
    "undo brings the old words back, and the next edit of the source is one conflict": (
        do.go(), do.answer(), animal(), do.ship(), do.note(Back="cat (an animal)"), do.say("undo", "CARD"),
        do.ship(), do.note(Back="cat"), do.run(written=0),
        do.rewrite("cat (an animal)", "a purring cat"), do.run(conflicts=1), do.note(Back="cat"),
        do.answered("conflict", "accept"), do.ship(), do.note(Back="a purring cat"),
        do.reviewed(1),
    ),
    "words that lead nowhere are told": (
        do.go(), do.say("accept", "qu0000", code=2, told="no id begins with"),
        do.say("build", "--deck", "Nope", code=2, told="no note in a deck Nope"),
        do.say("build", "--deck", "::", code=2, told="no note in a deck"),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("steps", list_cases(STORIES))
def test_a_story(desk, steps):
    for step in steps:
        step(desk)


@pytest.mark.usefixtures("takes_marks")
def test_pull_says_what_it_saw(desk):
    desk.go()
    desk.edit(Back="kitty")
    desk.answer()
    desk.col.sched.suspend_notes([desk.in_anki("Hund").id])
    desk.col.decks.id("Mine")
    desk.col.decks.rename(desk.col.decks.id("Reading"), "Lesen")
    desk.delete_of("mitochondrion")
    seen = desk.forge.ok("pull")
    assert seen.stdout.splitlines()[0].partition(": ")[2] == (
        "2 notes, 1 new review, 1 edited, 1 suspended"
    )
    assert seen.stdout.splitlines()[1] == (
        "In Anki: 1 note deleted, not sent again; 1 note edited, your changes stay"
    )
    assert "ankiforge patch" in seen.stderr

    desk.edit(Back="pussycat")
    assert desk.forge.json("pull")["view"] == {
        "sight": "taken", "path": str(desk.col.path), "seen": 2, "first": 0, "back": 0,
        "reviews": 0, "edited": 1, "suspended": 0,
    }  # fmt: skip


def test_a_correction_that_was_imported_is_no_edit_of_a_person_s(desk):
    desk.go()
    animal()(desk)
    desk.ship()
    desk.pulled(edited=0)


@pytest.mark.usefixtures("takes_marks")
def test_what_anki_has_is_not_shipped_again(desk):
    desk.run(written=2)
    desk.load(new=3)
    desk.run(written=0, packages=0)
    previous = desk.package.with_name("ankiforge.previous.apkg")
    assert not desk.package.exists()
    assert previous.exists()
    desk.cards(anki="seen")


def test_the_choice_is_undone_and_a_person_s_words_come_back(desk):
    for step in (
        *OF_BOTH,
        do.run(conflicts=1),
        do.answered("conflict", "reject"),
        do.say("undo"),
    ):
        step(desk)
    desk.run(
        written=1
    )  # the person's words, which Anki has, and the question beside them
    desk.note(Back="kitty")
    desk.answered("conflict", "accept")
    desk.ship()
    desk.note(Back="cat (an animal)")
    desk.say("undo")
    desk.ship()
    desk.note(Back="kitty")
    desk.run(written=0)


@pytest.mark.parametrize(
    ("answer", "back"), [("reject", "kitty"), ("accept", "cat (an animal)")]
)
def test_the_end_of_a_sitting_shows_the_words_that_stay(desk, answer, back):
    for step in (*OF_BOTH, do.run(conflicts=1), do.answered("conflict", answer)):
        step(desk)
    with Workspace(desk.forge.home) as workspace:
        last, *_ = workspace.ledger.list_history()
        [card] = iter_changed_cards(workspace.ledger, [last.id])
    assert card.get_field("Back") == back


def test_the_review_history_is_read_and_never_changed(desk):
    desk.ship()
    guid = desk.guid()
    before = desk.answer()
    desk.pulled(reviews=1)
    desk.pulled(reviews=0)
    seen = desk.forge.ok("list", "-v", guid, "--json").lines[0]["seen"]
    assert (seen["reviews"], seen["leech"]) == (1, False)
    desk.say("list", "-v", guid, told="1 review")
    animal()(desk)
    desk.ship()
    desk.note(Back="cat (an animal)")
    assert desk.anki.schedule(guid) == before
