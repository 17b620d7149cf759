"""Who said what to a mark, and when: dates, comments, replies, groups, states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NullObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from ankiforge.extract import pdf
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem
from samples.pdf_writer import Mark, Page, mark, paragraph, write_pdf

TEXT = (
    "The spacing effect improves retention of facts. A second session on another day is worth two."
    " Difficulty of the right kind is desirable."
)
IRT, RT, GROUP, REPLY = (NameObject(name) for name in ("/IRT", "/RT", "/Group", "/R"))


def words(text: str) -> TextStringObject:
    return TextStringObject(text)


def write(folder: Path, *marks: Mark) -> Path:
    write_pdf(folder / "a.pdf", [Page((paragraph(TEXT),), marks)])
    return folder / "a.pdf"


def marks(folder: Path) -> tuple[Highlight, ...]:
    found = list(pdf.open_source("papers", folder, pdf.Settings(path=str(folder))).scan())
    assert [one for one in found if isinstance(one, Problem) and not one.notice] == []
    documents = [one for one in found if isinstance(one, Extracted)]
    return documents[0].highlights if documents else ()


def change(path: Path, how: Callable[[PdfWriter, list[Any]], None]) -> None:
    """Change the annotations of the first page by hand."""
    writer = PdfWriter(clone_from=path)
    how(writer, list(writer.pages[0]["/Annots"]))  # type: ignore[call-overload]
    writer.write(path)


def thread(folder: Path, *entries: dict[str, Any], kind: str = "Highlight") -> None:
    """A mark on `facts` that says `Why?`, and annotations that each answer the one they name.

    An entry `"to": n` names the one that is answered: 0 is the mark, 1 the first of the entries.
    """
    path = write(folder, mark("facts", kind=kind, comment="Why?"))

    def answers(writer: PdfWriter, annotations: list[Any]) -> None:
        for entry in entries:
            made = DictionaryObject({NameObject("/Subtype"): NameObject("/Text")})
            made[NameObject("/Rect")] = ArrayObject([NumberObject(n) for n in (9, 9, 29, 29)])
            made[IRT] = annotations[entry.pop("to", 0)]
            for key, value in entry.items():
                made[NameObject(f"/{key}")] = words(value) if isinstance(value, str) else value
            annotations.append(writer._add_object(made))
        writer.pages[0][NameObject("/Annots")] = ArrayObject(annotations)

    change(path, answers)


# --- dates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("D:20260301120000Z", "2026-03-01T12:00:00+00:00"),
        ("D:20260301120000+02'00'", "2026-03-01T12:00:00+02:00"),
        ("D:20260301120000-05'30", "2026-03-01T12:00:00-05:30"),
        ("D:20260301120000+05", "2026-03-01T12:00:00+05:00"),
        ("D:20260301120000", "2026-03-01T12:00:00+00:00"),
        ("20260301", "2026-03-01T00:00:00+00:00"),
        ("D:2026", "2026-01-01T00:00:00+00:00"),
        (" D:201706071721Z00'00'", "2017-06-07T17:21:00+00:00"),
        ("D:201502011005400", "2015-02-01T10:05:40+00:00"),
        ("D:-001-1-1-1-1-1-00'30'", ""),
        ("D:20261301120000Z", ""),
        ("D:20260230", ""),
        ("D:00000000000000", ""),
        ("D:00010101000000+23'00'", ""),
        ("D:20260301120000+99'99'", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_a_date_is_told_with_its_zone_or_not_at_all(tmp_path: Path, date: str, told: str) -> None:
    write(tmp_path, mark("facts", date=date, more={"/CreationDate": words(date)}))
    (found,) = marks(tmp_path)
    assert (found.created, found.modified) == (told, told)


def test_the_day_a_mark_was_made_and_the_day_it_was_changed_are_told_apart(tmp_path: Path) -> None:
    write(
        tmp_path,
        mark("facts", date="D:20260305", more={"/CreationDate": words("D:20260301")}),
        mark("day", date="D:20260305"),
    )
    made, unknown = marks(tmp_path)
    assert (made.created[:10], made.modified[:10]) == ("2026-03-01", "2026-03-05")
    assert (unknown.created, unknown.modified[:10]) == ("", "2026-03-05")


@pytest.mark.parametrize("junk", [NumberObject(2026), NullObject(), ArrayObject()])
def test_a_date_that_is_no_text_costs_no_mark(tmp_path: Path, junk: Any) -> None:
    write(tmp_path, mark("facts", date="", more={"/CreationDate": junk, "/M": junk}))
    (found,) = marks(tmp_path)
    assert (found.exact, found.created, found.modified) == ("facts", "", "")


# --- comments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "rich", "comment"),
    [
        ("plain", "<p>rich</p>", "plain"),
        ("", "<p>rich</p>", "rich"),
        (" \r\n", "<p>rich</p>", "rich"),
        ("", "<style>p {color: red}</style><p>one<br/>two &lt; three</p>", "one\ntwo < three"),
        ("", "<body><p>See <b>p.&#160;3</b></p><p>twice</p></body>", "See p. 3\ntwice"),
        ("", "", ""),
    ],
)
def test_a_rich_comment_is_read_only_where_there_is_no_plain_one(
    tmp_path: Path, contents: str, rich: str, comment: str
) -> None:
    write(tmp_path, mark("facts", comment=contents, more={"/RC": words(rich)} if rich else {}))
    assert [one.comment for one in marks(tmp_path)] == [comment]


def test_a_comment_may_be_a_stream_or_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, mark("facts"), mark("day"), mark("kind"))
    stream = StreamObject()
    stream.set_data(b"<p>from a stream</p>")

    def put(writer: PdfWriter, annotations: list[Any]) -> None:
        first, second, third = (one.get_object() for one in annotations)
        first[NameObject("/RC")] = writer._add_object(stream)
        second[NameObject("/Contents")] = ByteStringObject(b"\xe9t\xe9")
        third[NameObject("/Contents")] = ByteStringObject("漢 “q”".encode("utf-16"))

    change(path, put)
    assert [one.comment for one in marks(tmp_path)] == ["from a stream", "été", "漢 “q”"]


@pytest.mark.parametrize("kind", ["FreeText", "Text", "Caret"])
def test_a_note_has_the_words_of_the_nearest_line_around_it(tmp_path: Path, kind: str) -> None:
    write(tmp_path, mark("second session", kind=kind, comment="On Tuesday.", colour="#5fb236"))
    (found,) = marks(tmp_path)
    assert (found.kind, found.exact, found.comment) == (HighlightKind.NOTE, "", "On Tuesday.")
    assert (found.author, found.colour, found.page_label) == ("Reader", "#5fb236", "1")
    assert (found.prefix, found.suffix) == ("", "")
    assert found.sentence in TEXT
    assert found.sentence != ""
    assert found.modified


# --- replies --------------------------------------------------------------------------------


def test_answers_and_answers_to_them_are_one_thread_in_order_of_time(tmp_path: Path) -> None:
    thread(
        tmp_path,
        {"Contents": "third", "T": "Cy", "to": 0, "CreationDate": "D:20260304"},
        {"Contents": "second", "T": "Bo", "to": 1, "M": "D:20260303"},
        {"Contents": "first", "to": 0, "CreationDate": "junk", "M": "D:20260302", "RT": REPLY},
    )
    (found,) = marks(tmp_path)
    assert found.comment == "Why?\n— first\n— Bo: second\n— Cy: third"
    assert (found.exact, found.modified[:10]) == ("facts", "2026-03-01")


def test_a_state_is_no_comment_and_hides_no_answer_to_it(tmp_path: Path) -> None:
    thread(
        tmp_path,
        {"Contents": "Accepted set by Bo", "StateModel": "Review", "State": "Accepted"},
        {"Contents": "Because.", "T": "Bo", "to": 1},
    )
    assert [one.comment for one in marks(tmp_path)] == ["Why?\n— Bo: Because."]


def test_what_only_looks_like_a_state_is_a_comment(tmp_path: Path) -> None:
    thread(tmp_path, {"Contents": "Accepted", "T": "Bo"})
    assert [one.comment for one in marks(tmp_path)] == ["Why?\n— Bo: Accepted"]


def test_a_state_of_nothing_is_nobodys_mark(tmp_path: Path) -> None:
    write(tmp_path, mark("facts", kind="Text", comment="x", more={"/StateModel": words("Marked")}))
    assert marks(tmp_path) == ()


def test_an_answer_that_was_deleted_says_nothing_and_holds_the_thread_together(
    tmp_path: Path,
) -> None:
    thread(
        tmp_path,
        {"Contents": "deleted", "F": NumberObject(2)},
        {"Contents": "stays", "to": 1},
    )
    assert [one.comment for one in marks(tmp_path)] == ["Why?\n— stays"]


def test_an_answer_to_what_is_not_there_is_a_remark_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, mark("facts", comment="Why?"), mark("day", kind="Text", comment="Hm."))

    def point(writer: PdfWriter, annotations: list[Any]) -> None:
        annotations[1].get_object()[IRT] = writer._add_object(DictionaryObject())

    change(path, point)
    assert sorted(one.comment for one in marks(tmp_path)) == ["Hm.", "Why?"]


def test_a_marked_passage_that_answers_another_stays_a_passage(tmp_path: Path) -> None:
    path = write(tmp_path, mark("facts", comment="Why?"), mark("another day", comment="See."))
    change(path, lambda _, all_: all_[1].get_object().__setitem__(IRT, all_[0]))
    assert sorted((one.exact, one.comment) for one in marks(tmp_path)) == [
        ("another day", "See."),
        ("facts", "Why?"),
    ]


# --- groups ---------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["Caret", "StrikeOut"])
@pytest.mark.parametrize("grouped", [True, False])
def test_a_replacement_is_one_mark_only_if_it_is_a_group(
    tmp_path: Path, first: str, grouped: bool
) -> None:
    second = "StrikeOut" if first == "Caret" else "Caret"
    comments = {"Caret": "learning", "StrikeOut": ""}
    path = write(
        tmp_path,
        mark("retention", kind=first, comment=comments[first]),
        mark("retention", kind=second, comment=comments[second]),
    )

    def tie(_: PdfWriter, annotations: list[Any]) -> None:
        one = annotations[1].get_object()
        if grouped:
            one[IRT], one[RT] = annotations[0], GROUP

    change(path, tie)
    found = sorted((one.kind.value, one.exact, one.comment) for one in marks(tmp_path))
    together = [("strike", "retention", "learning")]
    apart = [("note", "", "learning"), ("strike", "retention", "")]
    assert found == (together if grouped else apart)


def test_answers_to_either_half_of_a_replacement_follow_it(tmp_path: Path) -> None:
    thread(
        tmp_path,
        {"Subtype": NameObject("/Caret"), "Contents": "evidence", "RT": GROUP},
        {"Contents": "Better.", "T": "Bo", "to": 1, "M": "D:20260302"},
        {"Contents": "Yes.", "T": "Cy", "to": 0, "M": "D:20260303"},
        kind="StrikeOut",
    )
    (found,) = marks(tmp_path)
    assert (found.kind, found.exact) == (HighlightKind.STRIKE, "facts")
    assert found.comment == "Why?\nevidence\n— Bo: Better.\n— Cy: Yes."


def test_a_figure_has_its_answers_and_only_its_own_words_ask(tmp_path: Path) -> None:
    thread(tmp_path, {"Contents": "A curve?", "T": "Bo", "M": "D:20260303"}, kind="Square")
    (found,) = marks(tmp_path)
    assert (found.kind, found.anchor_text) == (HighlightKind.IMAGE, "Why?")
    assert found.comment == "Why?\n— Bo: A curve?"


# --- colours --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "colour"),
    [
        ([], ""),
        ([0.5], "#808080"),
        ([1, 0.8, 0], "#ffcc00"),
        ([0, 0.2, 1, 0], "#ffcc00"),
        ([0, 0, 0, 1], "#000000"),
        ([0, 0, 1, 0], "#ffff00"),
        ([7, -1, 0], "#ff0000"),
        ([1, 1], ""),
        ([0.1, 0.2, 0.3, 0.4, 0.5], ""),
    ],
)
@pytest.mark.parametrize("kind", ["Highlight", "Text"])
def test_colours_have_no_one_three_or_four_parts(
    tmp_path: Path, kind: str, numbers: list[float], colour: str
) -> None:
    array = ArrayObject([FloatObject(number) for number in numbers])
    write(tmp_path, mark("facts", kind=kind, more={"/C": array}))
    assert [one.colour for one in marks(tmp_path)] == [colour]
