"""What stays in a note whatever its type is: a person's words, pictures, other fields.

Each rule in one of our note types, in a figure, or in a note of another tool.
"""

import re
import shutil
from collections.abc import Callable, Iterator

import pytest

from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.model import RETIRED_TAG, NoteType
from tests.anki.figures import FigureDesk
from tests.anki.stories import Desk
from tests.extract.test_zotero_pictures import png
from tests.features.adopt.vaults import World

KATZE = "What is a Katze?::{}\n"


@pytest.fixture
def katze(desk: Desk) -> Desk:
    """One reviewed note of our type Basic."""
    desk.write(KATZE.format("cat"))
    desk.go()
    desk.answer()
    desk.run()
    return desk


@pytest.fixture
def world(forge, anki) -> World:
    """Notes of another tool that were taken over."""
    world = World(forge, anki, "o2a")
    world.adopt()
    world.ship()
    return world


# --- our note types -------------------------------------------------------------------------


def test_words_in_a_spare_field_stay(katze):
    katze.edit(Spare1="my own words")
    katze.run(written=0)
    katze.write(KATZE.format("a cat"))
    katze.ship()
    katze.note(Back="a cat", Spare1="my own words")


def test_a_note_that_got_our_other_type_is_held(katze):
    katze.write(KATZE.format("cat") + "\nThe {{c1::mitochondrion}} makes {{c2::ATP}}.\n")
    katze.go()
    models = katze.col.models
    note = katze.in_anki()
    change = models.change_notetype_info(
        old_notetype_id=note.mid,
        new_notetype_id=get_our_note_type(NoteType.CLOZE).id,
    ).input
    change.note_ids.append(note.id)
    models.change_notetype_of_notes(change)
    katze.settle()
    models._clear_cache()
    outcome = katze.run(written=0)
    assert outcome["notes"]["withheld"] == 1


def test_undo_takes_the_tag_of_dropped_cards_away_in_any_letters(katze):
    katze.say("reject", "CARD")
    katze.run(written=1)
    katze.load(updated=1)
    katze.col.tags.rename("ankiforge", "Ankiforge")
    katze.settle()
    assert "Ankiforge::retired" in katze.in_anki().tags
    katze.run(written=0)
    katze.say("undo", "CARD")
    katze.ship()
    assert RETIRED_TAG not in [tag.casefold() for tag in katze.in_anki().tags]


def test_a_dropped_note_that_is_tagged_asks_nothing_more(katze):
    katze.say("reject", "CARD")
    katze.ship()
    katze.run(written=0)
    katze.to_basic()
    katze.settle()
    assert katze.run(written=0)["notes"]["withheld"] == 0


def test_a_type_without_a_field_that_no_card_needs_goes_on(katze):
    katze.types(
        lambda models, basic: models.remove_field(basic, basic["flds"][3])  # Extra
    )
    katze.settle()
    katze.write(KATZE.format("a cat"))
    katze.ship()
    katze.note(Back="a cat")
    katze.our_types("ankiforge Basic")
    katze.reviewed(1)
    katze.run(written=0)


def test_a_type_without_a_template_goes_on(katze):
    katze.types(lambda models, basic: models.remove_template(basic, basic["tmpls"][1]))
    katze.settle()
    katze.write(KATZE.format("a cat"))
    katze.ship()
    katze.note(Back="a cat")
    katze.our_types("ankiforge Basic")
    katze.run(written=0)


def test_a_new_note_has_the_card_of_a_template_of_the_persons(katze):
    def add(models, basic):
        template = models.new_template("Added")
        template.update(qfmt="{{Front}}!", afmt="{{Back}}")
        models.add_template(basic, template)

    katze.types(add)
    katze.settle()
    katze.write(KATZE.format("cat") + "\nWhat is a Hund?::dog\n")
    katze.ship()
    assert [card.ord for card in katze.in_anki("Hund").cards()] == [0, 2]
    assert [card.ord for card in katze.in_anki("Katze?").cards()] == [0, 2]
    katze.our_types("ankiforge Basic")


# --- pictures -------------------------------------------------------------------------------


@pytest.fixture
def pictured(desk: Desk) -> Desk:
    """A reviewed note whose answer has words and a picture."""
    (desk.notes / "img").mkdir(parents=True)
    (desk.notes / "img" / "p.png").write_bytes(png(10))
    desk.write("What is a Katze?::a cat ![[p.png]]\n")
    desk.go()
    desk.answer()
    desk.run()
    return desk


def picture_in(desk: Desk, field: str) -> str:
    [picture] = re.findall("<img[^>]*>", desk.in_anki()[field])
    return picture


def test_a_picture_that_is_away_stays_while_the_words_beside_it_go_on(pictured):
    picture = picture_in(pictured, "Back")
    (pictured.notes / "img" / "p.png").unlink()
    pictured.write("What is a big Katze?::a big cat ![[p.png]]\n")
    told = pictured.forge("run", "--json", code=1).lines[-1]["problems"]
    assert any("p.png" in problem["where"] for problem in told)
    pictured.load(updated=1)
    pictured.note(Front="What is a big Katze?", Back=f"a big cat {picture}")
    (pictured.notes / "img" / "p.png").write_bytes(png(10))
    pictured.run(written=0)


def test_a_picture_that_was_taken_out_of_the_source_goes(pictured):
    (pictured.notes / "img" / "p.png").unlink()
    pictured.write("What is a Katze?::a cat\n")
    pictured.ship()
    pictured.note(Back="a cat")


def test_a_passage_that_is_not_read_here_keeps_picture_links_and_citation(pictured):
    before = dict(pictured.in_anki().items())
    assert before["Open"]
    assert before["Citation"]
    pictured.write("Another note.\n")
    pictured.run(written=0)
    pictured.lose()
    pictured.run(written=0)
    pictured.say("edit", "CARD", "--field", "Front", "What is a Katze, really?")
    pictured.ship()
    after = dict(pictured.in_anki().items())
    assert after["Front"] == "What is a Katze, really?"
    for name in ("Back", "Source", "Citation", "Links", "Open"):
        assert after[name] == before[name]


Other = Callable[..., Desk]


@pytest.fixture
def other(forge_in, tmp_path) -> Other:
    """A second computer with the notes of a first one, and the same collection of Anki."""

    def make(first: Desk, source: str = "{name: notes, path: notes}") -> Desk:
        desk = Desk(forge_in(tmp_path / "second"), first.anki)
        desk.forge.settings(
            f"sources:\n  - obsidian: {source}\n"
            f"anki: {{collection: '{first.col.path}'}}\n",
            trust=True,
        )
        desk.write((first.notes / "A.md").read_text())
        return desk

    return make


def take_turns(first: Desk, second: Desk) -> Iterator[Desk]:
    """Each computer in turn, after it got the other's journal."""
    for _ in range(2):
        for writer, reader in ((first, second), (second, first)):
            journals = [desk.forge.folder / "journal" for desk in (writer, reader)]
            shutil.copytree(*journals, dirs_exist_ok=True)
            yield reader


def test_a_computer_without_the_pictures_writes_no_note_again(pictured, other):
    for desk in take_turns(pictured, other(pictured)):
        outcome = desk.forge("run", "--json").lines[-1]
        assert outcome["highlights"]["seen"] == 1
        assert outcome["notes"]["written"] == 0


@pytest.mark.parametrize("source", ["{name: notes, path: Vault}", "{path: Vault}"])
def test_a_vault_whose_folder_is_called_otherwise_writes_no_note_again(
    katze, other, source
):
    second = other(katze, source)
    second.notes = second.notes.rename(second.forge.folder / "Vault")
    before = dict(katze.in_anki().items())
    for desk in take_turns(katze, second):
        assert desk.run(written=0)["highlights"]["seen"] == 1
    assert dict(katze.in_anki().items()) == before


def test_a_link_into_the_vault_is_written_with_the_next_change(katze, other):
    second = other(katze, "{name: notes, path: Vault}")
    second.notes = second.notes.rename(second.forge.folder / "Vault")
    for desk in take_turns(katze, second):
        desk.run(written=0)
    for desk in (katze, second):
        desk.write(KATZE.format("a cat"))
    katze.run(written=1)
    katze.load(updated=1)
    for desk in take_turns(katze, second):
        desk.run(written=0)
    second.write(KATZE.format("the cat"))
    second.run(written=1)
    second.load(updated=1)
    assert "vault=Vault" in katze.in_anki()["Open"]


def test_a_figure_never_loses_its_picture(forge, anki):
    desk = FigureDesk(forge, anki)
    desk.begin()
    note = anki.note(desk.guid())
    image = note["Image"]
    assert "<img" in image
    shutil.rmtree(desk.hidden)
    desk.paper.rename(forge.folder / "away.pdf")
    desk.forge("run")
    desk.forge("build", "--full")
    if desk.package.exists():
        desk.anki.load(desk.package)
    assert anki.note(note.guid)["Image"] == image


# --- notes of another tool ------------------------------------------------------------------


def rewrite(world: World, back: str) -> None:
    """The person writes another answer into the first note in Anki."""
    note = world.col.get_note(int(world.made[0].id))
    note.fields[1] = back
    world.col.update_note(note)
    world.col.db.execute("update notes set mod = mod - 60 where mod > 1700000000")


def correct(world: World, back: str) -> None:
    """The source says another answer."""
    world.made[0].back = back
    world.write()


def is_asked(world: World) -> bool:
    changed = world.forge.ok("list", "--view", "changed", "--json").lines
    return any("question" in line for line in changed)


def test_old_words_that_a_person_puts_back_stand(world):
    correct(world, "second word")
    assert world.ship() == {"updated": 1}
    world.ship()
    rewrite(world, "osmosis number 0")
    world.ship()
    assert world.fields(0)[1] == "osmosis number 0"


def test_a_correction_that_never_arrived_is_asked_about(world):
    correct(world, "second word")
    world.forge.ok("run")  # and nobody imports it
    rewrite(world, "as I say it")
    world.ship()
    assert is_asked(world)


def test_a_source_that_went_back_to_its_words_asks_nothing(world):
    correct(world, "second word")
    world.forge.ok("run")  # and nobody imports it
    rewrite(world, "as I say it")
    correct(world, "osmosis number 0")
    world.ship()
    assert world.fields(0)[1] == "as I say it"
    assert not is_asked(world)


def test_everything_again_has_the_notes_of_another_tool(world):
    world.forge.ok("build", "--full")
    assert (world.forge.folder / "ankiforge.apkg").exists()


def test_a_list_shows_what_a_person_wrote_into_the_note_of_another_tool(world):
    rewrite(world, "as I say it")
    world.forge.ok("run")
    backs = [card["fields"].get("Back") for card in world.forge.cards()]
    assert "as I say it" in backs


def test_a_field_that_no_card_needs_may_go_from_the_type_of_another_tool(forge, anki):
    world = World(forge, anki, "o2a")
    models = world.col.models
    note_type = models.by_name("Basic")
    models.add_field(note_type, models.new_field("Extra"))
    models.update_dict(note_type)
    world.adopt()
    world.ship()
    note_type = models.by_name("Basic")
    models.remove_field(note_type, note_type["flds"][2])  # Extra
    models.update_dict(note_type)
    world.col.db.execute("update notes set mod = mod - 60 where mod > 1700000000")
    correct(world, "another word")
    world.ship()
    assert world.fields(0)[1] == "another word"
