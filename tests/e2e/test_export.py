"""`export`: everything, in files that other programs read; nobody's file is lost by it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ankiforge.model import Document, DocumentKey, h16
from ankiforge.reports.export import name_of
from samples.pdf_writer import Page, mark, paragraph, write_pdf
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

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
    read.ok("reject", read.cards()[0]["guid"], "--reason", "dull")
    told = read.ok("export").lines
    assert told[0] == {"type": "ankiforge", "version": 1, "query": ""}
    assert told[-1] == {"type": "end", "lines": len(told) - 1}
    cards = {one["guid"]: one for one in of_type(told, "card")}
    for card in read.cards():
        assert {name: cards[card["guid"]][name] for name in card} == card
    marks = {one["key"] for one in of_type(told, "highlight")}
    assert marks == {card["highlight"] for card in cards.values()}
    assert {one["title"] for one in of_type(told, "document")} == {"Cells: a note", "Dogs"}
    said = [one["entry"] for one in of_type(told, "entry")]
    assert [one["what"] for one in said if one["by"] == "person"] == ["reject"]
    assert not [one for one in said if one["what"] == "bind"]

    read.ok("export", "all.jsonl")
    written = (read.folder / "all.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in written.splitlines()] == told
    assert read.json("export", "all.jsonl")["cards"] == len(cards)
    assert (read.folder / "all.jsonl").read_text(encoding="utf-8") == written


def test_a_query_chooses(read):
    told = read.ok("export", "-", "document:Dogs").lines
    [card] = of_type(told, "card")
    assert (card["title"], len(of_type(told, "document"))) == ("Dogs", 1)
    named = {one["entry"].get("guid") or one["entry"].get("key") for one in of_type(told, "entry")}
    assert named == {card["guid"], card["highlight"]}
    assert read.ok("export", "document:Dogs").lines == told


def test_csv_runs_nothing_in_a_spreadsheet_and_is_read_by_the_standard(read):
    read.ok("export", "cards.csv")
    raw = (read.folder / "cards.csv").read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8"), newline="")))
    assert {row["guid"] for row in rows} == {card["guid"] for card in read.cards()}
    [formula] = [row for row in rows if "SUM" in row["front"]]
    assert formula["front"] == '\'=SUM(A1) of the "sheet"'
    assert formula["back"] == "'@home, of course"
    assert not [one for row in rows for one in row.values() if one.startswith(tuple("=+-@"))]


def test_each_work_has_a_page_that_says_what_was_marked_and_made(read):
    read.ok("export", "pages")
    folder = read.folder / "pages"
    assert {path.name for path in folder.iterdir()} == {"Cells a note.md", "Dogs.md"}
    text = (folder / "Cells a note.md").read_text(encoding="utf-8")
    head = yaml.safe_load(text.split("---\n")[1])
    assert (head["title"], head["cards"], head["ankiforge"]) == ("Cells: a note", 4, False)
    assert "> The **mitochondrion** makes **ATP**." in text
    assert "- The **mitochondrion** makes **ATP**. (accepted)" in text
    assert "- Katze (accepted)\n    - cat" in text
    assert "==" not in text.partition("---\n")[2].replace("http", "")


def test_formulas_and_code_stay_what_they_are(forge, vault):
    note = (
        "Rest has ==$E = \\frac{m}{c^{-2}}$== of it, at ==1.5 $/kWh==.\n\n"
        "How does one print?\n?\n```python\nif x:\n    print('::')\n```\n"
    )
    (vault / "Sums.md").write_text(note, encoding="utf-8")
    forge.ok("run", vault)
    forge.ok("export", "pages")
    text = (forge.folder / "pages/Sums.md").read_text(encoding="utf-8")
    assert "- Rest has **$E = \\frac{m}{c^{-2}}$** of it, at **1.5 \\$/kWh**." in text
    code = "    - ```python\n      if x:\n          print('::')\n      ```\n"
    assert f"- How does one print? (accepted)\n{code}" in text


def test_a_paper_that_was_reached_by_two_ways_has_one_page(forge, tmp_path):
    marks = (Annotation("MARKAAA2", "Forgetting is fast at first.", page_label="1"),)
    fields = {"title": "On Forgetting", "DOI": "10.1037/h0061626"}
    work = Work("PAPER001", fields, attachments=(Attachment("ATTACH01", "a.pdf", marks),))
    write_zotero(tmp_path / "zotero.sqlite", [Library((work,))])
    (tmp_path / "papers").mkdir()
    page = Page((paragraph("Slow later on."),), (mark("Slow later on."),))
    write_pdf(tmp_path / "papers/b.pdf", [page], fields={"/doi": "10.1037/h0061626"})
    forge.ok("run", tmp_path / "papers")
    forge.ok("export", "pages")
    [first] = (forge.folder / "pages").iterdir()
    forge.ok("run", tmp_path / "papers", tmp_path / "zotero.sqlite")
    told = forge.json("export", "pages")
    assert (told["written"], told["left"]) == ([str(first)], [])
    text = first.read_text(encoding="utf-8")
    assert "> Forgetting is fast at first." in text
    assert "> Slow later on." in text


def test_pages_that_are_as_they_were_are_not_touched_and_others_find_their_place(read, vault):
    folder = read.folder / "pages"
    first = read.json("export", "pages")
    assert (len(first["written"]), first["unchanged"]) == (2, 0)
    moved = folder / "animals" / "My dogs.md"
    moved.parent.mkdir()
    (folder / "Dogs.md").rename(moved)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.md")}
    again = read.json("export", "pages")
    assert (again["written"], again["unchanged"]) == ([], 2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.md")} == times

    (vault / "Dogs.md").write_text("Hund:::dog\n\nPudel:::poodle\n", encoding="utf-8")
    read.ok("run", vault)
    assert read.json("export", "pages")["written"] == [str(moved)]
    assert "Pudel" in moved.read_text(encoding="utf-8")


def test_a_page_that_a_person_changed_or_wrote_is_never_replaced(read, vault):
    folder = read.folder / "pages"
    folder.mkdir()
    (folder / "dogs.md").write_text("my own\n")
    read.ok("export", "pages")
    cells = folder / "Cells a note.md"
    cells.write_text(cells.read_text(encoding="utf-8") + "\nMy own thoughts.\n", encoding="utf-8")
    with (vault / "Cells.md").open("a", encoding="utf-8") as note:
        note.write("\nMaus:::mouse\n")
    read.ok("run", vault)

    told = read("export", "pages", code=0)

    assert "you have changed this page" in told.stderr
    assert cells.read_text(encoding="utf-8").endswith("\nMy own thoughts.\n")
    assert (folder / "dogs.md").read_text() == "my own\n"
    [mine] = [path for path in folder.iterdir() if path.name.startswith("Dogs ")]

    mine.write_text("now it is mine\n")
    read.ok("export", "pages")
    assert mine.read_text() == "now it is mine\n"
    assert len([path for path in folder.iterdir() if path.name.startswith("Dogs ")]) == 2


def test_a_page_that_was_thrown_away_in_obsidian_is_written_anew(read):
    read.ok("export", "pages")
    folder = read.folder / "pages"
    (folder / ".trash").mkdir()
    (folder / "Dogs.md").rename(folder / ".trash/Dogs.md")
    assert read.json("export", "pages")["written"] == [str(folder / "Dogs.md")]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("CON", "CON 3fb6"), ("Con. Law: cases", "Con Law cases 3fb6"), ("Contract", "Contract"),
        ("a/b\\c: d?", "a b c d"), ("...", "3fb6"), ("abc\u202edm.exe", "abc dm.exe"),
        ("é" * 150, "é" * 100), ("語" * 300, "語" * 66),
    ],
)  # fmt: skip
def test_a_page_has_a_name_that_every_system_takes(title, name):
    document = Document(DocumentKey("vault:n/1"), "n", title)
    assert name_of(document).replace(h16(document.key)[:8], "3fb6") == name


@pytest.mark.parametrize(
    ("target", "words"), [("mine.csv", ()), ("mine.jsonl", ()), ("a.txt", ("--format", "csv"))]
)
def test_a_file_that_is_no_export_is_replaced_only_by_force(read, target, words):
    mine = read.folder / target
    mine.write_text("mine\n")
    read("export", target, *words, code=2)
    assert mine.read_text() == "mine\n"
    read.ok("export", target, *words, "--force")
    assert mine.read_text() != "mine\n"
    read.ok("export", target, *words)


@pytest.mark.parametrize("target", ["page.md", "what.xyz", "cards.csv/"])
def test_a_target_of_which_nobody_knows_what_it_is_to_be_is_named(read, target):
    (read.folder / "cards.csv").mkdir()
    assert read("export", target, "--format", "csv", code=2 if "/" in target else 0).stderr
    assert read("export", target, code=0 if "/" in target else 2).stderr


@pytest.mark.parametrize("kind", ["obsidian", "markdown"])
def test_an_export_within_a_source_is_not_read_back(forge, vault, kind):
    (vault / "Cells.md").write_text(NOTE, encoding="utf-8")
    forge.folder.joinpath("ankiforge.yaml").write_text(
        f"sources:\n  - {kind}: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n"
    )
    trust = {"ANKIFORGE_TRUST": str(forge.folder)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in trust.items():
            patch.setenv(name, value)
        before = forge.json("run")
        marks = forge.ok("extract", "--json").lines
        forge.ok("export", vault / "Exported")
        assert [path.name for path in (vault / "Exported").iterdir()] == ["Cells a note.md"]
        [page] = (vault / "Exported").iterdir()
        page.write_bytes(page.read_bytes() + b"\nA ==mark== in the echo, Frage:::Antwort\n")
        after = forge.json("run")
        assert forge.ok("extract", "--json").lines == marks
    assert after["highlights"]["seen"] == before["highlights"]["seen"]
    assert after["highlights"]["new"] == after["highlights"]["changed"] == 0
    assert after["fates"] == before["fates"]


def test_a_folder_in_which_a_source_would_read_it_is_refused(forge, tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    forge.folder.joinpath("ankiforge.yaml").write_text(
        f"sources:\n  - readwise: {{name: books, path: {books}}}\nanki: {{collection: none}}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANKIFORGE_TRUST", str(forge.folder))
        told = forge("export", books / "cards.csv", code=2)
    assert "would read itself" in told.stderr
    assert list(books.iterdir()) == []
