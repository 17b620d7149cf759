"""What a person did in Anki stands: words, tags, deletions; what is only absent is asked about."""

import pytest

from ankiforge.model import Seen
from tests.unit.ledger.world import OSMOSIS, RHINE, World


@pytest.fixture
def guid(world: World) -> str:
    world.note("a.md", RHINE, OSMOSIS)
    world.run()
    return world.only("Rhine").guid


def edited(text: str) -> tuple[str, str]:
    return RHINE.replace("1230 km", text), OSMOSIS


def test_words_changed_in_anki_stand_and_a_difference_is_asked(world: World, guid: str):
    world.edit_in_anki(guid, "Back", "1230 km, I think")
    world.run()
    assert world.in_anki()[guid][1] == "1230 km, I think"
    assert not world["a"].questions()
    world.note("a.md", *edited("1233 km"))
    for _ in range(2):
        world.run()
        assert world.in_anki()[guid][1] == "1230 km, I think"
        question = world.question("conflict")
    world["a"].accept(question.id)
    world.run()
    assert world.in_anki()[guid][1] == "1233 km"
    world["a"].undo()
    world.run()
    assert world.in_anki()[guid][1] == "1230 km, I think"


def test_a_correction_that_was_shipped_and_not_imported_is_a_conflict_with_an_edit(world, guid):
    """The base is what Anki got, not what was written last."""
    world.note("a.md", *edited("1233 km"))
    late = world.run(ship=False) and world.plan()
    world.record_shipped("a", late)  # written, never imported
    world.edit_in_anki(guid, "Back", "about 1230 km")
    world.run()
    assert world.in_anki()[guid][1] == "about 1230 km"
    assert world.question("conflict")


def test_old_words_put_back_in_anki_stand(world: World, guid: str):
    world.note("a.md", *edited("1233 km"))
    world.run()
    world.run()
    world.edit_in_anki(guid, "Back", "1230 km")
    for _ in range(2):
        world.run()
        assert world.in_anki()[guid][1] == "1230 km"


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "never seen"])
def test_a_deletion_is_undone_for_good(world: World, guid: str, seen: bool):
    if seen:
        world.run()
    world.delete_in_anki(guid)
    world.run()
    assert guid not in world.anki
    world["a"].undo(guid)
    for _ in range(3):
        world.run()
        assert guid in world.anki
        assert world.card(guid).live
    world.delete_in_anki(guid)
    world.run()
    assert guid not in world.anki
    assert not world.card(guid).live


def test_without_graves_a_note_is_deleted_if_it_is_absent_twice_ten_minutes_apart(world, guid):
    world.run()
    world.delete_in_anki(guid, grave=False)

    def look() -> list[str]:
        notes: list[Seen] = list(world.anki.values())
        return list(world["a"].see(notes, complete=True, graves=None).deleted)

    assert look() == []
    world.ahead += 300
    assert look() == []
    world.ahead += 400
    assert look() == [guid]
