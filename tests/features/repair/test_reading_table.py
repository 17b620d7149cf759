"""What is read of the fields of strangers' notes, as a table: the template, a field, its Markdown."""

import pytest
from msgspec.structs import replace

from ankiforge.features.repair.reading import parse_note
from ankiforge.features.repair.work import check_parsed_note, find_most_similar_note
from ankiforge.model import AnkiNote, AnkiNoteType, AnkiTemplate

PLAIN = "{{Front}}"
ROWS = [
    (r"of \( x_1 \) and \(y\)", "of $x_1$ and $y$"),
    (r"of \( x<br>+ 1 \)", "of $x + 1$"),
    (r"[$]x_1[/$] and [$$]y[/$$]", "$x_1$ and $$y$$"),
    (r"[latex]It is $x_1$ or $$y$$.[/latex]", "It is $x_1$ or $$y$$."),
    (r"[latex]$x&gt;0$: it grows\\$x=0$: it stays[/latex]", r"$x>0$: it grows\\\\$x=0$: it stays"),
    (r"for $5 and $6", r"for \$5 and \$6"),
]  # fmt: skip


@pytest.mark.parametrize(("front", "markdown"), ROWS)
def test_formulas_of_a_field(front, markdown):
    templates = (AnkiTemplate("Card 1", None, PLAIN, "{{FrontSide}}<hr>{{Back}}"),)
    fields = (("Front", None), ("Back", None))
    note_type = AnkiNoteType(1, "Mine", 0, False, fields, templates, "")
    note = AnkiNote("g", 1, 0, (front, "it"), (), "Deck", None, ordinals=(0,))
    read = parse_note(note, note_type)
    assert read is not None
    assert read.draft.get_field("Front") == markdown


@pytest.mark.parametrize(
    ("others", "found"),
    [
        ({2: "neap tide moon occur", 3: "capital france"}, 2),
        ({2: "neap tide sun rise", 3: "capital france"}, None),
        ({2: "spring tide moon", 3: "spring tide moon occur"}, 3),
        ({}, None),
    ],
)
def test_what_is_mixed_up_asks_nearly_the_same(others, found):
    asked = {1: "spring tide moon occur", **others}
    words = {note: frozenset(text.split()) for note, text in asked.items()}
    assert find_most_similar_note(1, words) == found


def test_a_field_that_its_type_lacks_has_a_number():
    template = AnkiTemplate("Card 1", None, PLAIN, "{{FrontSide}}<hr>{{Back}}")
    fields = (("Front", None), ("Back", None))
    note_type = AnkiNoteType(1, "Mine", 0, False, fields, (template,), "")
    note = AnkiNote("g", 1, 0, ("q", "a", "more"), (), "Deck", None, ordinals=(0,))
    read = parse_note(note, note_type)
    assert read is not None
    names = [name for name, _ in read.fields]
    assert names == ["Front", "Back", "Field 3"]


LONG = "<span style='color: red'>a</span>" * 400


@pytest.mark.parametrize(
    ("fields", "answer", "is_read"),
    [
        (("q", "a"), "{{FrontSide}}<hr>{{Back}}", True),
        (("q", "a"), None, False),
        (("image-occlusion:rect:left=.1", "a"), "{{Back}}", False),
        (("q", "a"), "{{FrontSide}}", False),
        (("q", LONG), "{{FrontSide}}<hr>{{Back}}", False),
    ],
)
def test_which_notes_are_read(fields, answer, is_read):
    note = AnkiNote("g", 1, 0, fields, (), "Deck", None, ordinals=(0,))
    note_type = None
    if answer is not None:
        template = AnkiTemplate("Card 1", None, PLAIN, answer)
        names = (("Front", None), ("Back", None))
        note_type = AnkiNoteType(1, "Mine", 0, False, names, (template,), "")
    assert (parse_note(note, note_type) is not None) is is_read


# --- faults of strangers' notes ---------------------------------------------------------------

WORDS = AnkiNoteType(
    1,
    "Words",
    0,
    False,
    (("Word", None), ("Meaning", None), ("Note", None)),
    (
        AnkiTemplate(
            "There",
            None,
            "What does {{Word}} mean?",
            "{{FrontSide}}<hr id=answer>{{Meaning}}<br>{{Note}}",
        ),
    ),
    "",
)
GAPS = AnkiNoteType(
    2,
    "Gaps",
    0,
    True,
    (("Text", None), ("Extra", None)),
    (AnkiTemplate("Cloze", None, "{{cloze:Text}}", "{{cloze:Text}}<br>{{Extra}}"),),
    "",
)


def faults(note: tuple[str, ...] | str) -> set[tuple[str, str]]:
    """The severity and the rule of each fault; a single text is a cloze."""
    fields, note_type = ((note, ""), GAPS) if isinstance(note, str) else (note, WORDS)
    stored = AnkiNote("g", 1, 0, fields, (), "Deck", None, ordinals=(0,))
    read = parse_note(stored, note_type)
    assert read is not None
    found = check_parsed_note(read)
    return {(finding.severity.value, finding.check) for finding in found}


@pytest.mark.parametrize(
    ("note", "rule"),
    [
        (("osmosis", "<br>", ""), "empty_side"),
        (("osmosis", "&nbsp;", ""), "empty_side"),
        ((f'osmosis <img src="data:image/png;base64,{"A" * 20_000}">', "<br>", ""), "empty_side"),
        ((r"\(\frac{1}{2\)", "one half of it", ""), "maths"),
        ("Nothing is hidden in {{c0::here}}.", "malformed"),
        (r"One half is {{c1::\(\frac{1}{\sqrt{2}}\)}} of it all.", "malformed"),
        ("It is {{c1:: }} nothing at all.", "malformed"),
        ("{{c1::Everything}}", "gap_is_all"),
    ],
)  # fmt: skip
def test_what_is_broken_in_a_note_of_others_is_an_error(note, rule):
    assert ("block", rule) in faults(note)


def test_what_still_works_in_anki_is_a_warning():
    assert faults(("a caf\ufffd", "a place to drink coffee", "")) == {("warn", "damaged_text")}  # fmt: skip


@pytest.mark.parametrize(
    "note",
    [
        (r"the set \(\{1, 2\}\)", r"\[\begin{aligned}a &= b\end{aligned}\]", ""),
        ("<code>\\(</code> in a pattern", "an opening bracket, literally", ""),
        ("the picture", '<img src="x.png">', ""),
        ("the sound", "[sound:x.mp3]", ""),
        ("$5 to $10", "the price of a coffee", ""),
        r"Euler found \({{c1::e^{i\pi} }} = -1\) one day.",
        r"The mean is {{c1::\(\frac{a+b}{2}\)}} of the two.",
        "{{c1::Canberra::city}} is the capital of Australia.",
        "An outer {{c1::gap with {{c2::another}} inside}} is allowed here.",
        "A template {{word}} stands beside a {{c1::gap}} here.",
        # how others word their cards is theirs
        ("Is it one?", "yes", ""),
        ("What are the four noble metals?", "gold, silver, platinum, iridium", ""),
        ("What is osmosis in osmosis?", "osmosis", ""),
        ("x", " ".join(["word"] * 61), ""),
        "The capital is {{c1::Paris}}, Paris.",
        # what Anki shows otherwise than it may be meant
        ("What is lower?", "all i<j and j<n", ""),
        ("What is the mean?", r"it is $\bar{x}_{1}$", ""),
        ("the **call**", "<code>f(**x)</code>", ""),
        (r"the mean \(a<br>+ b\)", "of two", ""),
    ],
)
def test_what_is_no_plain_fault_is_not_told(note):
    assert faults(note) == set()


@pytest.mark.parametrize(
    "question",
    [
        "{{hint:Note}}{{Word}}",
        '<p style="display:none">{{Note}}</p>{{Word}}',
        "{{^Meaning}}{{Note}}{{/Meaning}}{{Word}}",
    ],
    ids=["behind a hint", "in a hidden element", "in a section that is off"],
)
def test_a_question_is_what_a_person_sees_of_it(question):
    templates = (AnkiTemplate("There", None, question, "{{FrontSide}}<hr>{{Meaning}}"),)
    seen = replace(WORDS, templates=templates)
    note = AnkiNote("g", 1, 0, ("café", "a place", "note " * 44), (), "D", None, ordinals=(0,))  # fmt: skip
    read = parse_note(note, seen)
    assert read is not None
    assert read.front == "café"
