"""What other programs write, and no source reads, is named once with kind and count."""

import json
import sqlite3
from contextlib import closing

import pytest

HYPOTHESIS = {
    "rows": [
        {
            "id": "a1",
            "uri": "https://example.org/owls",
            "user": "acct:ada@hypothes.is",
            "text": "",
            "target": [
                {
                    "selector": [
                        {"type": "TextQuoteSelector", "exact": "Owls fly at night."}
                    ]
                }
            ],
        }
    ]
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    (folder / "pages").mkdir(parents=True)
    (folder / "note.md").write_text("Nothing is marked here.\n")
    return folder


def told(forge, folder):
    result = forge.ok("run", folder)
    return result.stdout + result.stderr


def left_out(forge):
    lines = forge.ok("list", "--no-card", "--all", "--json").lines
    return {(line["kind"], line["place"]) for line in lines}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("talk.vtt", ".vtt"),
        ("talk.srt", ".srt"),
        ("slides.pptx", ".pptx"),
        ("saved.html", ".html"),
        ("clipper.json", ".json"),
        ("table.csv", ".csv"),
    ],
)
def test_a_file_that_no_source_reads_is_named_with_its_count(forge, folder, name, kind):
    for number in range(2):
        (folder / f"{number} {name}").write_text("[]")
    assert f"2 {kind}" in told(forge, folder)
    assert kind in {kind for kind, _ in left_out(forge)}


def test_many_kinds_of_files_that_may_hold_marks_are_all_named(forge, folder):
    endings = ["vtt", "srt", "pptx", "docx", "rtf", "html", "json", "csv", "opml"]
    for ending in endings:
        (folder / f"a.{ending}").write_text("x")
    said = told(forge, folder)
    assert [ending for ending in endings if f"1 .{ending}" not in said] == []


def test_a_file_beside_an_export_that_is_none_is_named(forge, folder):
    (folder / "owls.json").write_text(json.dumps(HYPOTHESIS))
    (folder / "clipper.json").write_text('[{"highlights": []}]')
    assert "1 .json" in told(forge, folder)
    kinds = left_out(forge)
    assert ".json" in [kind for kind, _ in kinds]
    assert "1 .json" not in told(forge, folder)
    assert left_out(forge) == kinds


def test_cards_of_logseq_are_read_and_its_marks_are_named_by_line(forge, folder):
    card = "- What is moss? #card\n\t- A plant without roots.\n"
    mark = "- A mark\n  ls-type:: annotation\n  hl-page:: 3\n"
    (folder / "pages" / "moss.md").write_text(f"{card}- plain\n{card}")
    (folder / "pages" / "hls__paper.md").write_text(mark)
    said = told(forge, folder)
    assert "✓ 2 highlights" in said
    assert "1 text looks like a card, but was not read" in said
    places = left_out(forge)
    assert "card of Logseq" not in said
    assert ("mark that Logseq keeps of a PDF", "pages/hls__paper.md, line 2") in places


def test_a_damaged_database_of_words_is_named_and_another_vocab_db_is_not(forge, folder):
    with closing(sqlite3.connect(folder / "vocab.db")) as database, database:
        database.execute("CREATE TABLE words (id INTEGER, meaning TEXT)")
    assert "vocab.db" not in told(forge, folder)
    damaged = b"SQLite format 3\0" + b"\x55" * 5000
    (folder / "vocab.db").write_bytes(damaged)
    result = forge("run", folder / "vocab.db")
    assert "vocab.db: " in result.stdout + result.stderr
    assert "a Kindle has them in system/vocabulary" in result.stdout + result.stderr
    assert (folder / "vocab.db").read_bytes() == damaged
