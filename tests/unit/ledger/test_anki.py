"""What a person did in Anki stands: words, tags, deletions; what is only absent is asked about."""

import pytest
from msgspec.structs import replace

from ankiforge.model import Seen
from tests.unit.ledger.world import FAUST, OSMOSIS, RHINE, World


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


def test_a_conflict_answered_with_mine_is_not_asked_again(world: World, guid: str):
    world.edit_in_anki(guid, "Back", "mine")
    world.run()
    world.note("a.md", *edited("1233 km"))
    world.run()
    world["a"].reject(world.question("conflict").id)
    for _ in range(2):
        world.run()
        assert world.in_anki()[guid][1] == "mine"
        assert not world["a"].questions()
    world.lose("a")
    world.run()
    assert world.in_anki()[guid][1] == "mine"
    assert not world["a"].questions()
    world.note("a.md", *edited("1239 km"))
    world.run()
    assert world.question("conflict")


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


def test_a_tag_in_a_package_that_nobody_imported_arrives_with_the_next_one(world, guid):
    world.note("a.md", RHINE.replace("Rhine", "river Rhine"), OSMOSIS, "#europe")
    late = world.run(ship=False) and world.plan()
    world.record_shipped("a", late)
    world.run()
    assert any("europe" in tag for tag in world.anki[guid].tags)
    world.anki[guid] = replace(world.anki[guid], tags=("mine",), mod=world.anki[guid].mod + 10**9)
    world.run()
    assert world.anki[guid].tags == ("mine",)


def test_a_note_in_the_graves_was_deleted_and_stays_so(world: World, guid: str):
    world.run()
    world.delete_in_anki(guid)
    assert world.run().viewed.deleted == [guid]
    assert world.card(guid).verdict == "retired"
    world.note("a.md", *edited("1231 km"))
    for _ in range(2):
        world.run()
        world.lose("a")
    world.run()
    assert guid not in world.anki
    assert not world.waiting()


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


def test_absent_without_a_grave_is_asked_and_neither_shipped_nor_retired(world: World, guid: str):
    world.run()
    world.delete_in_anki(guid, grave=False)
    for _ in range(3):
        outcome = world.run()
        assert outcome.viewed.missing == [guid]
        assert world.card(guid).live
        assert guid not in world.anki
    question = world.question("absent")
    assert question.guids == (guid,)


@pytest.mark.parametrize("deleted", [True, False])
def test_the_answer_about_absent_notes(world: World, guid: str, deleted: bool):
    world.run()
    world.delete_in_anki(guid, grave=False)
    world.run()
    question = world.question("absent")
    (world["a"].accept if deleted else world["a"].reject)(question.id)
    for _ in range(2):
        world.run()
        assert (guid in world.anki) is not deleted
        assert not world["a"].questions()
    world.lose("a")
    world.run()
    assert (guid in world.anki) is not deleted


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


def test_a_note_that_is_back_is_live_again(world: World, guid: str):
    world.run()
    note = world.anki[guid]
    world.delete_in_anki(guid)
    world.run()
    world.anki[guid] = note
    world.graves.clear()
    assert world.run().viewed.returned == [guid]
    assert world.card(guid).live


@pytest.mark.parametrize("tag", ["marked", "Leech"])
def test_a_marked_note_is_not_updated_by_a_file(world: World, guid: str, tag: str):
    was = world.anki[guid]
    world.anki[guid] = replace(was, tags=(*was.tags, tag), mod=was.mod + 10**9)
    world.note("a.md", *edited("1233 km"))
    outcome = world.run()
    assert [one.held != "" for one in outcome.planned if one.guid == guid] == [True]
    assert tag in world.anki[guid].tags
    world.anki[guid] = replace(world.anki[guid], tags=was.tags)
    world.run()
    assert world.in_anki()[guid][1] == "1233 km"


def test_gaps_keep_their_numbers_and_a_number_of_other_words_is_not_free(world: World):
    line = "{}The capital of Lithuania is ==Vilnius==, and the city was founded {}."
    texts = []
    for before, after in [
        ("", "in ==1323=="),
        ("In ==Europe==: ", "in ==1323=="),
        ("In ==Europe==: ", "long ago"),
        ("", "by ==Gediminas=="),
        ("", "by ==Gedyminas=="),
    ]:
        world.note("a.md", line.format(before, after), FAUST)
        world.run()
        [text] = [words for words in world.words() if "Vilnius" in words]
        texts.append(text)
    assert all("{{c1::Vilnius}}" in text for text in texts)
    assert "{{c2::1323}}" in texts[0]
    assert "{{c3::Europe}}" in texts[1]
    assert "{{c2::1323}}" in texts[1]
    assert "{{c4::Gediminas}}" in texts[3]
    assert "{{c4::Gedyminas}}" in texts[4]
