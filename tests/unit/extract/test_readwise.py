"""Readwise's export: its columns, tags, headings, and tables that are none."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest

from ankiforge.extract import readwise
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem, Scan, Sighting

COLUMNS = (
    "Highlight", "Book Title", "Book Author", "Amazon Book ID", "Note", "Color", "Tags",
    "Location Type", "Location", "Highlighted at", "Document tags",
)  # fmt: skip


def table(*rows: dict[str, str], delimiter: str = ",", columns: tuple[str, ...] = COLUMNS) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {"Book Title": "A Book", "Book Author": "Roe, Ann"} | row
            if "Book Title" in columns
            else row
        )
    return out.getvalue()


def scan(folder: Path, text: str | bytes, name: str = "data.csv") -> list[Sighting]:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return again(folder)


def again(folder: Path) -> list[Sighting]:
    return list(readwise.open_source("r", folder, readwise.Settings(path=str(folder))).scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [one for each in found if isinstance(each, Extracted) for one in each.highlights]


def problems(found: list[Sighting]) -> list[Problem]:
    return [one for one in found if isinstance(one, Problem)]


# --- a row ----------------------------------------------------------------------------------


def test_tags_come_from_their_column_and_from_the_beginning_of_a_note(tmp_path: Path) -> None:
    note = ".concept .two-words What is it? .not a tag"
    [one] = highlights(
        scan(tmp_path, table({"Highlight": "x", "Note": note, "Tags": "a, b c, #d"}))
    )
    assert one.tags == ("a", "b-c", "d", "concept", "two-words")
    assert one.comment == "What is it? .not a tag"


@pytest.mark.parametrize("note", ["...", ". nothing", ".5 is a half", "e.g. this"])
def test_a_note_that_begins_with_a_dot_is_no_tag_for_that(tmp_path: Path, note: str) -> None:
    [one] = highlights(scan(tmp_path, table({"Highlight": "x", "Note": note})))
    assert (one.tags, one.comment) == ((), note)


def test_a_heading_stands_above_what_follows_it_and_is_no_card(tmp_path: Path) -> None:
    rows = [
        {"Highlight": "before", "Location": "1"},
        {"Highlight": "Part", "Location": "2", "Note": ".h1"},
        {"Highlight": "Chapter", "Location": "3", "Tags": "h2"},
        {"Highlight": "within", "Location": "4"},
        {"Highlight": "Next part", "Location": "5", "Note": ".h1"},
        {"Highlight": "after", "Location": "6"},
    ]
    rows = [row | {"Location Type": "location"} for row in rows]
    found = highlights(scan(tmp_path, table(*reversed(rows))))
    assert [(one.exact, one.heading) for one in found if not one.skip] == [
        ("before", ""),
        ("within", "Part › Chapter"),
        ("after", "Next part"),
    ]
    assert [one.skip for one in found if one.skip] == [
        "a heading (.h1)", "a heading (.h2)", "a heading (.h1)",
    ]  # fmt: skip
    assert all("h1" not in one.tags for one in found)


@pytest.mark.parametrize(
    ("row", "uri"),
    [
        ({"Amazon Book ID": "B000000001", "Location Type": "location", "Location": "5"},
         "kindle://book?action=open&asin=B000000001&location=5"),
        ({"Amazon Book ID": "B000000001", "Location Type": "page", "Location": "5"},
         "kindle://book?action=open&asin=B000000001"),
        ({"Amazon Book ID": "B000000001", "Location Type": "location", "Location": "5&x=javascript:"},
         "kindle://book?action=open&asin=B000000001"),
        ({"Amazon Book ID": "12345", "Location Type": "location", "Location": "5"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_book_of_amazons_opens_on_a_kindle(tmp_path: Path, row: dict[str, str], uri: str) -> None:
    [one] = highlights(scan(tmp_path, table({"Highlight": "x"} | row)))
    assert one.uri == uri


def test_a_remark_without_a_passage_and_what_was_discarded_are_no_passages(tmp_path: Path) -> None:
    text = table({"Note": "a remark"}, {"Highlight": "x", "Tags": "discard"}, {"Location": "5"})
    remark, dropped = highlights(scan(tmp_path, text))
    assert (remark.kind, remark.comment) == (HighlightKind.NOTE, "a remark")
    assert dropped.skip == "discarded in Readwise"


def test_the_columns_of_its_import_are_understood_as_well(tmp_path: Path) -> None:
    columns = ("Highlight", "Title", "Author", "URL", "Note", "Location", "Date")
    row = dict(
        zip(columns, ("x", "T", "A", "https://example.org/a", "n", "5", "2024-05-01"), strict=True)
    )
    [one] = highlights(scan(tmp_path, table(row, columns=columns)))
    assert (one.document.title, one.document.creators) == ("T", ("A",))
    assert (one.uri, one.created) == ("https://example.org/a", "2024-05-01T00:00:00+00:00")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_that_other_programs_saved_are_read(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    text = table({"Highlight": 'Größe,; "x"\nzwei'}, delimiter=delimiter)
    [one] = highlights(scan(tmp_path, text.encode(encoding)))
    assert one.exact == 'Größe,; "x"\nzwei'


# --- which rows count -----------------------------------------------------------------------


def test_equal_passages_are_two_unless_all_of_the_row_is_equal(tmp_path: Path) -> None:
    rows = [{"Highlight": "same", "Location": where} for where in ("1", "2", "2")]
    other = {"Highlight": "same", "Book Title": "Another"}
    found = highlights(scan(tmp_path, table(*rows, other)))
    assert [(one.document.title, one.nth) for one in found] == [
        ("A Book", 1), ("A Book", 2), ("Another", 1),
    ]  # fmt: skip


def test_rows_with_the_same_words_in_other_columns_are_two(tmp_path: Path) -> None:
    text = table({"Highlight": "one", "Note": "two"}, {"Highlight": "two", "Note": "one"})
    found = highlights(scan(tmp_path, text))
    assert [(one.exact, one.comment) for one in found] == [("one", "two"), ("two", "one")]


def test_of_two_exports_the_newer_one_holds(tmp_path: Path) -> None:
    rows = [{"Highlight": "one"}, {"Highlight": "two", "Note": "as it was"}]
    scan(tmp_path, table(*rows), "a.csv")
    newer = [*rows[:1], {"Highlight": "two", "Note": "as it is"}, {"Highlight": "three"}]
    scan(tmp_path, table(*newer), "b.csv")
    os.utime(tmp_path / "a.csv", (1, 1))
    found = again(tmp_path)
    assert {one.exact: one.comment for one in highlights(found)} == {
        "one": "", "two": "as it is", "three": "",
    }  # fmt: skip
    assert len(highlights(found)) == 3
    assert found[-1] == Scan("r", "readwise:r", True)


def test_rows_of_a_book_that_are_strewn_about_stay_one_document(tmp_path: Path) -> None:
    rows = [{"Highlight": f"{n}", "Book Title": f"Book {n % 2}"} for n in range(6)]
    found = highlights(scan(tmp_path, table(*rows)))
    assert len({one.document.key for one in found}) == 2
    assert len(found) == 6


# --- what goes wrong ------------------------------------------------------------------------


def test_a_row_with_too_many_columns_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    text = (
        table({"Highlight": "one"})
        + ",".join("x" * 20)
        + "\r\n"
        + table({"Highlight": "two"}).partition("\n")[2]
    )
    found = scan(tmp_path, text)
    assert [one.exact for one in highlights(found)] == ["one", "two"]
    [problem] = problems(found)
    assert problem.where == "data.csv:3"
    assert not found[-1].complete


def test_many_broken_rows_are_told_in_few_words(tmp_path: Path) -> None:
    found = problems(scan(tmp_path, table() + (",".join("x" * 20) + "\n") * 50))
    assert len(found) == 21
    assert "30 more" in found[-1].what


def test_a_short_row_counts_for_what_it_has(tmp_path: Path) -> None:
    [one] = highlights(scan(tmp_path, table() + "a passage,A Book\n"))
    assert (one.exact, one.document.title) == ("a passage", "A Book")


@pytest.mark.parametrize(
    ("rest", "what"),
    [(b"\xff\xfe,x\n", "not UTF-8"), (b'"' + b"a" * 200_000 + b"\n", "no table"),
     (b"a" * 1_100_000, "a line without an end")],
)  # fmt: skip
def test_a_table_that_breaks_off_is_told_and_what_stood_before_counts(
    tmp_path: Path, rest: bytes, what: str
) -> None:
    found = scan(
        tmp_path, table({"Highlight": "one"}, {"Highlight": "x", "Book Title": "y"}).encode() + rest
    )
    assert what in problems(found)[0].what
    assert not found[-1].complete


def test_a_quote_that_is_never_closed_makes_no_passage_of_the_rows_below_it(tmp_path: Path) -> None:
    text = table({"Highlight": "one"}) + '"two,Book\nthree,Book\n'
    found = scan(tmp_path, text)
    assert [one.exact for one in highlights(found)] == ["one"]
    [problem] = problems(found)
    assert (problem.where, problem.hint) == ("data.csv:3", "export it anew")
    assert "never closed" in problem.what
    assert not found[-1].complete


def test_another_table_is_named_and_a_problem_if_it_was_asked_for(tmp_path: Path) -> None:
    notice, end = scan(tmp_path, "a,b\n1,2\n")
    assert notice.notice
    assert notice.where == "data.csv"
    assert end == Scan("r", "readwise:r", True)
    path = tmp_path / "data.csv"
    problem, end = readwise.open_source("r", path, readwise.Settings(path=str(path))).scan()
    assert "no export of Readwise" in problem.what
    assert not end.complete


def test_a_large_table_is_read_row_by_row(tmp_path: Path) -> None:
    rows = ({"Highlight": f"passage {n}", "Book Title": f"{n // 100}"} for n in range(20_000))
    scan(tmp_path, table(*rows))
    source = readwise.open_source("r", tmp_path, readwise.Settings(path=str(tmp_path)))
    first = next(iter(source.scan()))
    assert isinstance(first, Extracted)
    assert len(first.highlights) == 100
