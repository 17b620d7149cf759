"""What is read of the fields of strangers' notes, as a table: the template, a field, its Markdown."""

import pytest

from ankiforge.anki.reading import read_note, read_table
from ankiforge.model import NoteInAnki, SeenTemplate, SeenType
from ankiforge.pipeline.repair import Nearest

PLAIN = "{{Front}}"
TYPESET = "[latex]{{Front}}[/latex]"
ROWS = [
    (PLAIN, r"of \( x_1 \) and \(y\)", "of $x_1$ and $y$"),
    (PLAIN, r"[$]x_1[/$] and [$$]y[/$$]", "$x_1$ and $$y$$"),
    (PLAIN, r"[latex]It is $x_1$ or $$y$$.[/latex]", "It is $x_1$ or $$y$$."),
    (PLAIN, r"[latex]$x&gt;0$: it grows\\$x=0$: it stays[/latex]",
     r"$x>0$: it grows\\\\$x=0$: it stays"),
    (TYPESET, r"\emph{mass} $\newline{m}= 1$", "mass ${m}= 1$"),
    (PLAIN, r"for $5 and $6", r"for \$5 and \$6"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "front", "markdown"), ROWS)
def test_formulas_of_a_field(template, front, markdown):
    templates = (SeenTemplate("Card 1", None, template, "{{FrontSide}}<hr>{{Back}}"),)
    fields = (("Front", None), ("Back", None))
    note_type = SeenType(1, "Mine", 0, False, fields, templates, "")
    note = NoteInAnki("g", 1, 0, (front, "it"), (), "Deck", None, ordinals=(0,))
    read = read_note(note, note_type)
    assert read.draft is not None
    assert read.draft.field("Front") == markdown


def test_what_is_mixed_up_is_told_by_the_question_of_the_template():
    note_type = SeenType(
        1,
        "Numbered",
        0,
        False,
        (("Number", None), ("Question", None), ("Answer", None)),
        (SeenTemplate("Card 1", None, "{{Question}}", "{{FrontSide}}<hr>{{Answer}}"),),
        "",
    )
    rows = [
        (
            "1",
            "When do the spring tides of the Moon occur?",
            "at syzygy, when gravity pulls along one line and seas bulge twice as high",
        ),
        ("2", "When do the neap tides of the Moon occur?", "at the quarters"),
        ("3", "What is the capital of France?", "Paris"),
    ]
    notes = []
    for number, fields in enumerate(rows, 1):
        note = NoteInAnki(
            "g", number, 0, fields, (), "Deck", None, ordinals=(0,), type_id=1
        )
        notes.append(note)
    assert Nearest(notes, {1: note_type}, {1: 3, 2: 3, 3: 3}).to(1) == 2


def test_html_in_a_table_that_does_not_say_so_is_read(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("<b>Is</b> it?,it is<br>so\nWhat is List<T>?,a type\n")
    first, second = read_table(table)
    assert first.draft is not None
    assert second.draft is not None
    assert dict(first.draft.fields) == {"Front": "**Is** it?", "Back": "it is\nso"}
    assert second.draft.field("Front") == "What is List<T>?"


def test_a_table_in_the_letters_of_windows_is_read(tmp_path):
    table = tmp_path / "a.csv"
    table.write_bytes("Was ist müde?,schläfrig – sehr\n".encode("cp1252"))
    [row] = read_table(table)
    assert row.draft is not None
    assert row.draft.field("Back") == "schläfrig – sehr"


def test_a_cloze_whose_first_card_is_not_the_first_is_compared():
    templates = (SeenTemplate("Cloze", None, "{{cloze:Text}}", "{{cloze:Text}}"),)
    note_type = SeenType(2, "Gaps", 0, True, (("Text", None),), templates, "")
    text = "{{c2::Spring}} tides of the Moon occur at {{c3::new}} moon"
    notes = [
        NoteInAnki("a", 1, 0, (text,), (), "D", None, ordinals=(1, 2), type_id=2),
        NoteInAnki("b", 2, 0, (text,), (), "D", None, ordinals=(1, 2), type_id=2),
    ]
    assert Nearest(notes, {2: note_type}, {1: 3, 2: 3}).to(1) == 2


def test_a_field_that_its_type_lacks_has_a_number():
    template = SeenTemplate("Card 1", None, PLAIN, "{{FrontSide}}<hr>{{Back}}")
    fields = (("Front", None), ("Back", None))
    note_type = SeenType(1, "Mine", 0, False, fields, (template,), "")
    note = NoteInAnki("g", 1, 0, ("q", "a", "more"), (), "Deck", None, ordinals=(0,))
    names = [name for name, _ in read_note(note, note_type).fields]
    assert names == ["Front", "Back", "Field 3"]


@pytest.mark.parametrize(
    ("fields", "answer", "unread"),
    [
        (("q", "a"), "{{FrontSide}}<hr>{{Back}}", ""),
        (("q", "a"), None, "its note type is not there"),
        (("image-occlusion:rect:left=.1", "a"), "{{Back}}", "an image occlusion"),
        (("q", "a"), "{{FrontSide}}", "its note type has no answer"),
    ],
)
def test_why_a_note_is_not_read(fields, answer, unread):
    note = NoteInAnki("g", 1, 0, fields, (), "Deck", None, ordinals=(0,))
    note_type = None
    if answer is not None:
        template = SeenTemplate("Card 1", None, PLAIN, answer)
        names = (("Front", None), ("Back", None))
        note_type = SeenType(1, "Mine", 0, False, names, (template,), "")
    read = read_note(note, note_type)
    assert read.unread == unread
    assert (read.draft is None) is bool(unread)
