"""Tables of cards as chats, editors and Anki write them: what is a card, and what is named."""

import pytest

from ankiforge.text.card_table import is_card_table, parse_card_rows
from ankiforge.text.decoding import decode_text

CELL = "x" * 140_000

TABLES = [
    # (the table, its cards, its rows that are none)
    ("Front,Back\nA?,b\n", ["A? → b"], []),
    ("**Front** | **Back**\nA?|b\n", ["A? → b"], []),
    ("sep=;\nFront;Back\nA?;b, c\n", ["A? → b, c"], []),
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
        ["line 2: a quotation mark is inside a text in quotes"],
    ),
    (
        'Front,Back\n"A?","f("x")\nf("y", z)"\n"D?","e"\n',
        ["D? → e"],
        ["lines 2–3: a quotation mark is inside a text in quotes"],
    ),
    ('Front,Back\nA?,"b\nD?,e\n', ["D? → e"], ["line 2: a quotation mark in it is never closed"]),
    (
        f"Front,Back\nA?,{CELL}\nD?,e\n",
        ["D? → e"],
        ["line 2: it has a cell of more than 131,072 letters"],
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


FRONTS = (
    "front question frage vorderseite text q recto pregunta term begriff terme término domanda"
    " pergunta вопрос 问题 問題 質問 질문"
).split()
BACKS = (
    "back answer antwort rückseite a verso réponse reponse respuesta definition definición"
    " définition risposta resposta ответ 答案 回答 解答 답"
).split()


@pytest.mark.parametrize(
    ("front", "back"),
    [*((front, "Back") for front in FRONTS), *(("Front", back) for back in BACKS)],
)
def test_a_column_is_known_by_its_header_in_any_order(front, back):
    [row] = parse_card_rows(f"{back.title()},{front}\nb,A?\n")
    assert (row.front, row.back) == ("A?", "b")


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
    ],
)  # fmt: skip
def test_deck_and_note_type_of_a_row_are_those_that_anki_names(text, deck, is_cloze):
    [row] = parse_card_rows(text)
    assert (row.deck, row.is_cloze, row.rejection_reason) == (deck, is_cloze, "")
