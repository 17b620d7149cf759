"""E-readers, as a person meets them: a device, a copied database, a book that comes later."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ankiforge.extract.books.koreader import parse_lua
from tests.limits import no_hang
from tests.makers.ebook_writer import Book, Mark, write_epub, write_kobo, write_sidecar
from tests.reading import (
    documents,
    highlights,
    only_problem,
    opened,
    problems,
    scans,
    texts,
)

TEXT = "Memory is odd. In 1885 Ebbinghaus called the decline of memory the forgetting curve. It is steep."
BOOK = Book("On Memory", ("Ann Roe",), (("One", TEXT),))
WHOLE = Mark(
    "In 1885 Ebbinghaus called the decline of memory the forgetting curve.", offset=15
)
PART = Mark("the forgetting curve", offset=63)


def device(folder: Path, *marks: Mark) -> Path:
    """A folder of books of which one has marks, though it is not there."""
    write_sidecar(folder / "On Memory.sdr/metadata.epub.lua", BOOK, marks)
    return folder


def verdicts(forge: Any) -> list[tuple[str, str]]:
    """What there is, decided or not."""
    lines = forge.ok("list", "--json", "--all").lines
    return [(line["id"], line["verdict"]) for line in lines]


# --- a book that comes later ----------------------------------------------------------------


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_what_was_decided_is_not_drafted_again_because_its_book_appeared(
    forge, tmp_path, decision
):
    forge.settings("sources: []", proposals=True)
    root = device(tmp_path / "books", WHOLE)
    forge.ok("run", root)
    [before] = forge.ok("list", "--json", "--no-card").lines
    forge.ok(decision, before["key"])
    decided = verdicts(forge)

    write_epub(root / "On Memory.epub", BOOK)
    forge.ok("run")

    assert verdicts(forge) == decided
    assert forge.ok("list", "--view", "questions", "--json").lines == []


def test_the_sentence_comes_with_the_book_and_the_key_stays(forge, tmp_path):
    root = device(tmp_path / "books", PART)
    [alone] = highlights(opened("koreader", root, name="n").scan())
    write_epub(root / "On Memory.epub", BOOK)
    [whole] = highlights(opened("koreader", root, name="n").scan())
    assert (alone.sentence, whole.sentence) == ("", WHOLE.text)
    assert (whole.prefix, whole.suffix, whole.anchor_context) == ("", "", None)

    forge.settings("sources: []", proposals=True)
    (root / "On Memory.epub").unlink()
    forge.ok("run", root)
    [alone] = forge.ok("list", "--json", "--no-card").lines
    assert alone["suggestion"] is None
    write_epub(root / "On Memory.epub", BOOK)
    forge.ok("run")
    [whole] = forge.ok("list", "--json", "--no-card").lines
    assert "Ebbinghaus" in str(whole["suggestion"])


def test_a_book_elsewhere_is_found_in_the_folders_of_the_settings(forge, tmp_path):
    shelf = forge.folder / "shelf" / "Roe, Ann"
    shelf.mkdir(parents=True)
    write_epub(shelf / "On Memory - Ann Roe.epub", BOOK)
    write_kobo(
        forge.folder / "kobo.sqlite", [(BOOK, "On Memory - Ann Roe.kepub.epub", [PART])]
    )
    forge.settings("sources: [kobo: {path: kobo.sqlite, books: [shelf]}]", proposals=True)
    forge.ok("run")
    [listed] = forge.ok("list", "--json", "--no-card").lines
    assert "1885" in str(listed["suggestion"])


# --- where marks are ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        "Books/On Memory.sdr/metadata.epub.lua",
        "koreader/docsettings/mnt/us/Books/On Memory.sdr/metadata.epub.lua",
        ".adds/koreader/hashdocsettings/b3/b3fb8f4f.sdr/metadata.epub.lua",
    ],
)
def test_the_marks_on_a_device_are_found_wherever_koreader_keeps_them(
    forge, tmp_path, place
):
    root = tmp_path / "device"
    write_sidecar(root / place, BOOK, [PART], doc_path="/mnt/us/Books/On Memory.epub")
    (root / "Books").mkdir(exist_ok=True)
    write_epub(root / "Books/On Memory.epub", BOOK)
    for given in (root, (root / place).parent, root / place):
        shown = forge.json("run", "--dry-run", "-v", given)
        assert PART.text in str(shown), given
    [mark] = highlights(opened("koreader", root, name="n").scan())
    assert mark.sentence == WHOLE.text


def test_marks_that_are_still_in_the_journal_of_a_locked_database_are_read(tmp_path):
    database = tmp_path / ".kobo/KoboReader.sqlite"
    write_kobo(database, [(BOOK, "a.epub", [Mark("Old", id="1")])])
    with closing(sqlite3.connect(database, isolation_level=None)) as kobo:
        kobo.execute("PRAGMA journal_mode = WAL")
        kobo.execute("PRAGMA locking_mode = EXCLUSIVE")
        kobo.execute("UPDATE Bookmark SET Text = 'New'")
        found = list(opened("kobo", tmp_path, name="n").scan())
        assert texts(found) == ["New"]
        assert problems(found) == []
    assert scans(found) == {"kobo:n": True}


def test_a_second_export_keeps_keys_and_knows_what_is_gone(forge, tmp_path):
    facts = (
        "Mercury melts early.",
        "Iron rusts in rain.",
        "Gold stays bright.",
        "Tin cries.",
        "Lead is soft and heavy.",
        "Copper conducts heat well.",
    )
    marks = [Mark(fact) for fact in facts]
    root = device(tmp_path / "books", *marks[:4])
    first = highlights(opened("koreader", root, name="n").scan())
    forge.ok("run", root)
    device(root, *marks[1:], Mark("Another one is here as well."))
    second = highlights(opened("koreader", root, name="n").scan())
    assert [one.exact for one in second[:3]] == [one.exact for one in first[1:]]
    report = forge.json("run")
    assert report["highlights"]["new"] == 3


def test_numbers_of_notes_that_are_glued_to_words_are_cut_off(tmp_path):
    texts = (
        "Hormones are released25 at night.",
        "The muscles12 tire.",
        "It declines.118",
    )
    marks = [Mark(text, id=f"{number}") for number, text in enumerate(texts)]
    write_kobo(tmp_path / "KoboReader.sqlite", [(BOOK, "a.epub", marks)])
    found = highlights(opened("kobo", tmp_path / "KoboReader.sqlite", name="n").scan())
    assert [one.exact for one in found] == [
        "Hormones are released at night.",
        "The muscles tire.",
        "It declines.",
    ]
    assert [one.anchor_text for one in found] == list(texts)


def test_a_book_that_cannot_be_read_is_told_and_its_marks_are_read(tmp_path):
    root = device(tmp_path / "books", PART)
    (root / "On Memory.epub").write_bytes(b"PK\x03\x04 broken")
    found = list(opened("koreader", root, name="n").scan())
    assert texts(found) == [PART.text]
    problem = only_problem(found)
    assert (problem.location, problem.is_notice) == ("On Memory.epub", True)


# --- what cannot be read --------------------------------------------------------------------


@pytest.mark.parametrize(
    "lua",
    [
        "return os.execute('x')",
        "return { [1] = 1 + 1 }",
        "return { a = 1 }",
        "return { 1 }",
        "return { [1] = 0x1 }",
        "return { [1] = [[long]] }",
        "return " + "{" * 5_000,
        "return { [1] = ",
        "return {} os.exit()",
        "--[[\n" * 20_000,
        'return { ["annotations"] = "x" .. "y" }',
        "",
        "return { [nil] = 1 }",
    ],
)
def test_what_is_no_plain_table_is_named_and_nothing_is_run(tmp_path, lua):
    sidecar = tmp_path / "A.sdr/metadata.epub.lua"
    sidecar.parent.mkdir()
    sidecar.write_text(lua)
    with no_hang():
        found = list(opened("koreader", tmp_path, name="n").scan())
    assert documents(found) == []
    problem = only_problem(found)
    assert problem.location == "A.sdr/metadata.epub.lua"
    assert problem.message == "it is not a table of plain values, or is cut off"


@pytest.mark.parametrize(
    ("lua", "value"),
    [
        (rb'return "caf\195\169"', "café"),
        (b'return "two\\\nlines"', "two\nlines"),
        (rb'return "a\\b \"c\"\td"', 'a\\b "c"\td'),
        (b"-- we can read Lua syntax here!\nreturn {\n}\n", {}),
        (
            b'return { [1] = 12.0, [2.0] = -1e3, ["x"] = 0.5 }',
            {"1": 12, "2": -1000, "x": 0.5},
        ),
        (
            b"return { [1] = true, [2] = false, [3] = nil }",
            {"1": True, "2": False, "3": None},
        ),
        (b'"alone"', "alone"),
    ],
)
def test_a_value_as_koreader_writes_it(lua, value):
    assert parse_lua(lua) == value


def test_values_of_unexpected_types_are_left_out_and_the_marks_stay(tmp_path):
    odd = {"doc_props": 5, "stats": {"title": {}, "authors": False}, "doc_path": 7}
    write_sidecar(tmp_path / "A.sdr/metadata.epub.lua", BOOK, [PART], **odd)
    [mark] = highlights(opened("koreader", tmp_path, name="n").scan())
    assert mark.exact == PART.text
    assert mark.document.title == "A"


def test_an_epub_without_highlights_says_where_they_are(forge, tmp_path):
    write_epub(tmp_path / "a.epub", BOOK)
    said = forge("run", tmp_path / "a.epub", code=2).stderr
    assert "KoboReader.sqlite" in said


def test_a_database_of_another_program_is_named(forge, tmp_path):
    with closing(sqlite3.connect(tmp_path / "KoboReader.sqlite")) as other:
        other.execute("CREATE TABLE other (x)")
    shown = forge("run", "--dry-run", "-v", tmp_path / "KoboReader.sqlite")
    assert "not a Kobo database" in shown.stdout + shown.stderr


def test_a_device_is_not_changed(tmp_path, files):
    root = device(tmp_path / "device", PART)
    write_kobo(root / ".kobo/KoboReader.sqlite", [(BOOK, "On Memory.epub", [PART])])
    write_epub(root / "On Memory.epub", BOOK)
    before = files(root)
    for kind in ("koreader", "kobo"):
        assert len(highlights(opened(kind, root, name="n").scan())) == 1
    assert files(root) == before
