"""What is changed in the text of a note when a person changes a card of it: rows."""

import pytest

from ankiforge.errors import ItemError
from ankiforge.features.patch.rewrite import rewrite_note


def rewritten(note: str, old: str, new: str) -> list[str]:
    """Return what is proposed; `|` ends a field."""
    return list(dict.fromkeys(rewrite_note(note, old.split("|"), new.split("|"))))


@pytest.mark.parametrize(
    ("note", "old", "new", "first"),
    [
        ("The ==cell== divides.", "The cell divides.", "The cells divide.", "The ==cells== divide."),
        ("> The cell\n> divides.", "The cell divides.", "The cell grows.", "> The cell\n> grows."),
        ("The cell divides.", "The cell divides.", "The cell soon divides.", "The cell soon divides."),
        ("The cell divides.", "The cell divides.", "The old cell divides.", "The old cell divides."),
        ("The big cell divides.", "The big cell divides.", "The cell divides.", "The cell divides."),
        ("The big\ncell divides.", "The big cell divides.", "The cell divides.", "The\ncell divides."),
        # what is removed may have a sign that the note writes otherwise
        ("It was 1939–45 in all.", "It was 1939-45 in all.", "It was in all.", "It was in all."),
        ("Q::A", "Q|A", "Q|B", "Q::B"),
        ("Q::A", "Q|A", "R|A", "R::A"),
        ("It is H<sub>2</sub>O here.", "It is H₂O here.", "It is H₂O there.", "It is H<sub>2</sub>O there."),
        ("The [cell](a.md) divides.", "The [cell](x) divides.", "The [cell](x) grows.", "The [cell](a.md) grows."),
        ("![[a.png]] A cell.", "![](a.png) A cell.", "![](a.png) A nerve.", "![[a.png]] A nerve."),
        ("The ==cell== divides.", "The {{c1::cell}} divides.", "The {{c1::nerve}} divides.", "The ==nerve== divides."),
        (r"5 \* 3 is fifteen", r"5 \* 3 is fifteen", r"5 \* 3 is 15", r"5 \* 3 is 15"),
        ("a cell. The cell", "The cell", "The nerve", "a cell. The nerve"),  # all of its words
        ("[Cell%% old %% wall]", "Cell wall", "Cell walls", "[Cell%% old %% walls]"),
    ],
)  # fmt: skip
def test_what_was_changed_is_changed_in_the_note_and_its_own_signs_stay(
    note, old, new, first
):
    assert rewritten(note, old, new)[0] == first


def test_what_is_added_between_two_signs_may_stand_on_either_side():
    proposed = rewritten("A ==cell==.", "A cell.", "A cell!.")
    assert proposed == ["A ==cell!==.", "A ==cell==!."]


def test_each_place_that_has_the_words_is_proposed():
    proposed = rewritten("The cell. The cell.", "The cell", "The nerve")
    assert proposed == ["The nerve. The cell.", "The cell. The nerve."]


def test_what_a_person_writes_is_first_taken_without_backslashes():
    assert rewritten("a cell", "a cell", r"a \* cell") == ["a * cell", r"a \* cell"]


@pytest.mark.parametrize(
    ("note", "old", "new", "says"),
    [
        ("The cell", "The nerve", "The nerves", "not in one place"),
        ("The cells", "The cell", "The nerve", "not in one place"),  # half a word is none
        ("…", "…", "a", "no words by which it could be found"),
        ("![[a.png]] A", "![](a.png) A", "A", "a picture was added, removed or changed"),
        ("[A](a)", "[A](a)", "[A](b)", "a link was added, removed or changed"),
        ("==A== b", "{{c1::A}} b", "A b", "gaps were added, removed or moved"),
    ],
)
def test_what_cannot_be_carried_over_is_refused_with_the_reason(note, old, new, says):
    with pytest.raises(ItemError, match=says):
        rewritten(note, old, new)
