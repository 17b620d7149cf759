"""`export`: everything, in files that other programs read; nobody's file is lost by it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

NOTE = """---
title: "Cells: a note"
---
The ==mitochondrion== makes ==ATP==.

Katze:::cat #animals

=SUM(A1) of the "sheet"::@home, of course

An ==odd *sign* [[Link]] `x::y`== of all kinds.
"""


@pytest.fixture
def read(forge: Any, vault: Path) -> Any:
    (vault / "Cells.md").write_text(NOTE, encoding="utf-8")
    (vault / "Dogs.md").write_text("Hund:::dog\n", encoding="utf-8")
    forge.ok("run", vault)
    return forge


def of_type(lines: list[Any], kind: str) -> list[Any]:
    return [one for one in lines if one["type"] == kind]


def test_json_lines_hold_all_there_is_and_say_what_they_are(read):
    read.ok("reject", read.cards("Katze")[0]["id"], "--reason", "dull")
    read.ok("export", "all.jsonl")
    written = (read.folder / "all.jsonl").read_text(encoding="utf-8")
    told = [json.loads(line) for line in written.splitlines()]
    assert told[0] == {"type": "ankiforge", "version": 1, "query": ""}
    assert told[-1] == {"type": "end", "lines": len(told) - 1}
    cards = {one["id"]: one for one in of_type(told, "card")}
    for card in read.cards():
        assert {name: cards[card["id"]][name] for name in card} == card
    marks = {one["key"] for one in of_type(told, "highlight")}
    assert marks == {card["highlight"] for card in cards.values()}
    assert {one["title"] for one in of_type(told, "document")} == {
        "Cells: a note",
        "Dogs",
    }

    assert read.json("export", "all.jsonl", "--force")["cards"] == len(cards)
    assert (read.folder / "all.jsonl").read_text(encoding="utf-8") == written


def test_a_query_chooses(read):
    read.ok("export", "dogs.jsonl", "document:Dogs")
    told = [
        json.loads(line) for line in (read.folder / "dogs.jsonl").read_text().splitlines()
    ]
    [card] = of_type(told, "card")
    assert (card["title"], len(of_type(told, "document"))) == ("Dogs", 1)


def test_csv_runs_nothing_in_a_spreadsheet_and_is_read_by_the_standard(read):
    read.ok("export", "cards.csv")
    raw = (read.folder / "cards.csv").read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8"), newline="")))
    assert {row["id"] for row in rows} == {card["id"] for card in read.cards()}
    [formula] = [row for row in rows if "SUM" in row["front"]]
    assert formula["front"] == '\'=SUM(A1) of the "sheet"'
    assert formula["back"] == "'@home, of course"
    assert not [
        one for row in rows for one in row.values() if one.startswith(tuple("=+-@"))
    ]


@pytest.mark.parametrize("target", ["mine.csv", "mine.jsonl"])
def test_a_file_that_is_no_export_is_replaced_only_by_force(read, target):
    mine = read.folder / target
    mine.write_text("mine\n")
    read("export", target, code=2)
    assert mine.read_text() == "mine\n"
    read.ok("export", target, "--force")
    assert mine.read_text() != "mine\n"


@pytest.mark.parametrize(
    "target", ["page.md", "pages", "what.xyz", "cards.csv/", "none/x.csv"]
)
def test_a_target_of_which_nobody_knows_what_it_is_to_be_is_named(read, target):
    (read.folder / "cards.csv").mkdir()
    assert read("export", target, code=2).stderr


def test_an_export_tells_what_the_file_has(read):
    cards = len([card for card in read.cards() if card["verdict"] == "accepted"])
    drafts = len(read.cards()) - cards
    told = read.ok("export", "cards.csv").stderr
    assert "highlight" not in told
    assert told.endswith(
        f": {cards} card{'s' * (cards != 1)}, {drafts} draft{'s' * (drafts != 1)}\n"
    )
    assert "highlights, " in read.ok("export", "all.jsonl").stderr
