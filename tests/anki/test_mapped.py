"""Notes of ours in note types of the user's: types and stories are data (`mapped.py`)."""

import pytest

from tests.anki.mapped import (
    MISFITS,
    PUSHES,
    STORIES,
    TYPES,
    MappedDesk,
    PushingDesk,
    TypeCase,
)

FOR_YEARS = (
    "the issue's own",
    "three templates with conditions",
    "the answer is the first field",
    "without ids",
    "named like one of ours",
    "cloze with fields of the person",
    "cloze without ids",
    "Anki's own Basic",
)
"""The note types that differ in more than their names."""


@pytest.fixture
def make_desk(forge, anki):
    def made(case: TypeCase) -> MappedDesk:
        return MappedDesk(forge, anki, case)

    return made


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.parametrize("name", FOR_YEARS)
def test_a_note_type_of_the_users_keeps_its_notes_for_years(make_desk, name):
    """Two imports, an edit of the source, edits in Anki, a deletion: one type, nothing lost."""
    desk = make_desk(TYPES[name])
    desk.live_for_years()


@pytest.mark.slow
@pytest.mark.core
@pytest.mark.parametrize("name", [name for name in TYPES if name not in FOR_YEARS])
def test_a_note_type_of_the_users_gets_notes_and_their_corrections(make_desk, name):
    desk = make_desk(TYPES[name])
    desk.begin()
    desk.write(desk.changed("black"))
    desk.run(updated=1, conflicts=0)
    desk.load(updated=1)
    desk.there(**{desk.changing: desk.words("black")})
    desk.reviewed(1)
    desk.same_types()


@pytest.mark.core
@pytest.mark.parametrize("name", STORIES)
def test_a_story_of_a_mapped_note_type(make_desk, name):
    case, steps = STORIES[name]
    desk = make_desk(TYPES[case])
    for step in steps:
        step(desk)


@pytest.mark.usefixtures("takes_marks")
@pytest.mark.parametrize("name", PUSHES)
def test_a_push_never_changes_a_note_type_of_the_users(
    forge, serving, backend, tmp_path, name
):
    case, steps = PUSHES[name]
    with serving(tmp_path / "anki") as server:
        desk = PushingDesk(forge, server, backend, TYPES[case])
        for step in steps:
            step(desk)


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_told_before_anything_ships(make_desk, name):
    case, mapped, told = MISFITS[name]
    desk = make_desk(TYPES[case])
    desk.add_empty_types()
    desk.named(**mapped)
    desk.write(desk.first)
    desk.stops(told)
    desk.same_types()


def test_without_anki_the_note_type_is_not_known(forge, make_desk):
    desk = make_desk(TYPES["two fields"])
    text = desk.case.settings()
    forge.settings(f"{text}anki: {{collection: none}}\n")
    desk.write(desk.first)
    desk.stops("Anki was not read yet, so the note type 'My own type' is not known")
    came = desk.forge("run", "--dry-run", code=2)
    assert "the note type 'My own type' is not known" in came.stderr
    forge.settings(text)
    desk.run(written=1)
