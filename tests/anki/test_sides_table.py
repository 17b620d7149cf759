"""Which fields of a stranger's note are its question and its answer, and which of ours they are."""

import pytest

from ankiforge.anki.notetypes import find_question_and_answer_fields, map_to_our_fields
from ankiforge.model import AnkiNoteType, AnkiTemplate

BASIC = ("{{Front}}", "{{FrontSide}}<hr id=answer>{{Back}}")


def sides(
    fields: dict[str, str],
    *templates: tuple[str, str],
    cloze: bool = False,
    ordinals: tuple[int, ...] = (0,),
):
    note_type = AnkiNoteType(
        7,
        "Theirs",
        mod=0,
        cloze=cloze,
        fields=tuple((name, None) for name in fields),
        templates=tuple(AnkiTemplate("", None, *sides) for sides in templates),
        css="",
    )
    question, answer = find_question_and_answer_fields(note_type, ordinals, fields)
    return question, answer, map_to_our_fields(note_type, question, answer)


@pytest.mark.parametrize(
    ("fields", "templates", "question", "answer", "names"),
    [
        ({"Front": "Hund", "Back": "dog"}, [BASIC], ["Front"], "Back", {"Front": "Front", "Back": "Back"}),
        # the names say nothing: the template does
        (
            {"Front": "1", "Word": "Hund", "Sound": "", "Notes": "x", "Meaning": "dog"},
            [("{{Word}}", "{{Sound}}{{Word}}{{Meaning}}{{Notes}}")],
            ["Word"], "Meaning", {"Front": "Word", "Back": "Meaning", "Extra": "Notes"},
        ),
        # only the second card is there
        ({"Front": "Hund", "Back": "dog"}, [BASIC, ("{{Back}}", "{{Front}}")], ["Back"], "Front", {"Front": "Back", "Back": "Front"}),
        # what is hidden until it is asked for is no question
        ({"Front": "Hund", "Back": "dog"}, [("{{Front}}{{type:Back}}", "{{Back}}")], ["Front"], "Back", {"Front": "Front", "Back": "Back"}),
        ({"Front": "Hund", "Back": "dog"}, [("{{Front}}<i style='display: none'>{{Back}}</i>", "{{Back}}")], ["Front"], "Back", {"Front": "Front", "Back": "Back"}),
        # what Anki fills in is no answer
        ({"Front": "Hund", "Back": "dog"}, [("{{Front}}", "{{Deck}}{{Back}}")], ["Front"], "Back", {"Front": "Front", "Back": "Back"}),
        # sections of fields that are empty
        ({"Front": "Hund", "Hint": "", "Back": "dog"}, [("{{Front}}{{#Hint}}{{Hint}}{{/Hint}}", "{{Back}}")], ["Front"], "Back", {"Front": "Front", "Back": "Back"}),
        # a side of several fields, or of none, is none of ours
        ({"Front": "Hund", "Hint": "a pet", "Back": "dog"}, [("{{Front}}{{Hint}}", "{{Back}}")], ["Front", "Hint"], "Back", {}),
        ({"Front": "Hund", "Back": "<br>"}, [BASIC], ["Front"], None, {}),
        ({"Front": "Hund", "Back": "dog"}, [], ["Front"], None, {}),
    ],
)  # fmt: skip
def test_the_sides_of_a_note(fields, templates, question, answer, names):
    ordinals = (1,) if len(templates) > 1 else (0,)
    found = sides(fields, *templates, ordinals=ordinals)
    assert found == (tuple(question), answer, names)
