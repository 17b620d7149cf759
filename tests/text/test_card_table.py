"""Tables of cards as chats, editors and Anki write them: what is a card, and what is named."""

import pytest

from ankiforge.text.card_table import (
    CardRow,
    is_card_table,
    parse_card_rows,
)
from ankiforge.text.decoding import decode_text

CELL = "x" * 140_000

TABLES = [
    # (the table, its cards, its rows that are none)
    ("Front,Back\nA?,b\n", ["A? → b"], []),
    ("**Front** | **Back**\nA?|b\n", ["A? → b"], []),
    ("Front,Back\n“A”?,b\nC?,d\n", ["“A”? → b", "C? → d"], []),
    ("```csv\nFront,Back\nA?,b\n```\n", ["A? → b"], []),
    ("Here they are:\n\n```\nFront,Back\nA?,b\n```\nGood luck, and more!\n", ["A? → b"], []),
    ("Front,Back\r\nA?,b\r\n", ["A? → b"], []),
    (
        "Front,Back\nWhat\x00 is it?,a cell\nD?,e\n",
        ["D? → e"],
        ["line 2: it contains an invisible character, U+0000"],
    ),
    ("#separator:comma\nA?,b\n#D?,e\n", ["A? → b", "#D? → e"], []),
    ('Front,Back\nA?,"b\nc"\nD?,e\n', ["A? → b\nc", "D? → e"], []),
    # a damaged row is named, and the rest goes on
    ("Front,Back\nA?,b,c\nD?,e\n", ["D? → e"], ["line 2: it has 3 columns, and its table 2"]),
    ("Front,Back\nA?\nD?,e\n", ["D? → e"], ["line 2: it has no answer"]),
    ("Front,Back\n,b\nD?,e\n", ["D? → e"], ["line 2: it has no question"]),
    (
        'Front,Back\n"A" b,c\nD?,e\n',
        ["D? → e"],
        ["line 2: its quotation marks are wrong (',' expected after '\"')"],
    ),
    (
        'Front,Back\n"A?","f("x")\nf("y", z)"\n"D?","e"\n',
        ["D? → e"],
        ["lines 2–3: its quotation marks are wrong (',' expected after '\"')"],
    ),
    ('Front,Back\nA?,"b\nD?,e\n', ["D? → e"], ["line 2: its quotation marks are wrong (unexpected end of data)"]),
    (
        f"Front,Back\nA?,{CELL}\nD?,e\n",
        ["D? → e"],
        ["line 2: its quotation marks are wrong (field larger than field limit (131072))"],
    ),
    (
        "Here they are:\n\n```\nFront,Back\nD?,e\nA?,b,c\n```\n",
        ["D? → e"],
        ["line 6: it has 3 columns, and its table 2"],
    ),
    # what Anki says at its beginning
    ("#separator:tab\n#tags column:3\nA?\tb\tc\n", ["A? → b"], []),
    ("#separator:Semicolon\n#columns:Tags;Back;Front\nx;b;A?\n", ["A? → b"], []),
    ("#separator:tab\n#columns:Text\tBack Extra\nA {{c1::b}}\tc\n", ["A {{c1::b}} → "], []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "cards", "faults"), TABLES)
def test_each_row_is_a_card_or_named(text, cards, faults):
    rows = list(parse_card_rows(text))
    assert is_card_table(text[:200])
    assert [
        f"{row.front} → {row.back}" for row in rows if not row.rejection_reason
    ] == cards
    assert [
        f"{row.location}: {row.rejection_reason}" for row in rows if row.rejection_reason
    ] == faults


def test_a_table_that_is_damaged_throughout_is_not_read_for_ever():
    rows = list(parse_card_rows("Front,Back\n" + 'p,q\na","b\n' * 400))
    assert rows[-1].rejection_reason == "200 rows before it are damaged"
    assert len(rows) == 401


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])  # fmt: skip
def test_a_table_is_read_in_the_encoding_of_its_program(encoding):
    text = "Frage;Antwort\nWie heißt Öl?;Oil\n"
    assert decode_text(text.encode(encoding), repairs=True) == text


@pytest.mark.parametrize(
    ("text", "deck", "is_cloze"),
    [
        ("#separator:tab\n#notetype column:1\n#deck column:2\nBasic\tD\tA?\tb\n", "D", False),
        ("#separator:tab\n#notetype column:1\n#deck column:2\nCloze\tD\tA b\t\n", "D", True),
        ("#separator:tab\n#notetype:Cloze\n#deck:D::E\nA b\t\n", "D::E", True),
        ("#separator:tab\nA {{c1::b}}\t\n", "", True),
        ("Front,Back,Deck\nA?,b,D\n", "D", False),
        ("#deck:D\n#columns:Front,Back,Deck\n#separator:comma\nA?,b,E\n", "E", False),
        ("#deck:D\n#columns:Front,Back,Deck\n#separator:comma\nA?,b,\n", "D", False),
    ],
)  # fmt: skip
def test_deck_and_note_type_of_a_row_are_those_that_anki_names(text, deck, is_cloze):
    [row] = parse_card_rows(text)
    assert (row.deck, row.is_cloze, row.rejection_reason) == (deck, is_cloze, "")


ANKI = "#separator:tab\n#html:true\n#deck:D\n#notetype:Basic\n#guid column:1\n#tags column:4\n"
HINT = "put texts with commas in quotes"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            f"{ANKI}g1\tA?\tb\tx #y, z;w\n",
            [CardRow(1, "line 7", "A?", "b", tags=("x", "y", "z", "w"), deck="D", notetype="Basic", guid="g1", is_html=True)],
        ),
        (
            "Question;Answer;Notes;Zitat;Tags;Deck;Other\nA?;b;e;q;#no-llm t;X;o\n",
            [CardRow(1, "line 2", "A?", "b", "e", "q", ("no-llm", "t"), "X")],
        ),
        # empty rows are no rows, and the tag counts in any cell
        (
            "Front,Back\nA?,b #no-llm\n\n  ,\nC?,d\n",
            [CardRow(1, "line 2", "A?", "b #no-llm", tags=("no-llm",)), CardRow(2, "line 5", "C?", "d")],
        ),
        # columns without a name are front, back and extra
        ("#separator:pipe\nA|b|c|d|e\n", [CardRow(1, "line 2", "A", "b", "c")]),
        ("#deck column:2\n#separator:comma\nA,D,b\n", [CardRow(1, "line 3", "A", "b", deck="D")]),
        ("#separator:comma\n#tags column:2000\nA,b\n", [CardRow(1, "line 3", "A", "b")]),
        ("#separator:tab\n#columns:Front\tBack\nA\tb\n", [CardRow(1, "line 3", "A", "b")]),
        # quotes that an editor made curly
        ("~~~\nFront,Back\nA,b\n~~~\n", [CardRow(1, "line 3", "A", "b")]),
        # a column too many may be empty; a note that Anki knows needs no answer
        ("Front,Back\nA,b, \n", [CardRow(1, "line 2", "A", "b")]),
        (
            "Front,Back\nA,b, ,x\n",
            [CardRow(1, "line 2", "A", "b", rejection_reason="it has 4 columns, and its table 2", hint=HINT)],
        ),
        ("#separator:tab\n#guid column:1\ng\tA\n", [CardRow(1, "line 3", "A", guid="g")]),
        ("#separator:tab\nA\n", [CardRow(1, "line 2", "A", rejection_reason="it has no answer", hint=HINT)]),
        (
            "Front,Back\nA\x7f?,b\n",
            [
                CardRow(
                    1, "line 2", "A\x7f?", "b",
                    rejection_reason="it contains an invisible character, U+007F", hint="remove the character",
                )
            ],
        ),
        (
            'Front,Back\n"A" b,c\n',
            [
                CardRow(
                    1, "line 2",
                    rejection_reason="its quotation marks are wrong (',' expected after '\"')",
                    hint="put texts with quotes in quotes, and write each quote in them twice",
                )
            ],
        ),
    ],
)  # fmt: skip
def test_all_that_is_known_of_a_row(text, rows):
    assert list(parse_card_rows(text)) == rows
