"""Hypothesis' annotations: shapes of files, threads, whose they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ankiforge.extract import hypothesis
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem, Scan, Sighting


def note(name: str, exact: str = "", **more: Any) -> dict[str, Any]:
    selectors = [{"type": "TextQuoteSelector", "exact": exact}] if exact else []
    return {
        "id": name,
        "user": "acct:ada@hypothes.is",
        "uri": "https://example.org/a",
        "created": "2024-05-01T10:00:00Z",
        "updated": "2024-05-01T10:00:00Z",
        "target": [{"source": "https://example.org/a", "selector": selectors}],
    } | more


def scan(folder: Path, *texts: Any, me: tuple[str, ...] = ()) -> list[Sighting]:
    for number, text in enumerate(texts):
        words = text if isinstance(text, str) else json.dumps(text)
        (folder / f"{number}.json").write_text(words, encoding="utf-8")
    settings = hypothesis.Settings(path=str(folder))
    return list(hypothesis.open_source("h", folder, settings, me=me).scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [one for each in found if isinstance(each, Extracted) for one in each.highlights]


def problems(found: list[Sighting]) -> list[Problem]:
    return [one for one in found if isinstance(one, Problem)]


ROWS = [note("a", "one"), note("b", "two")]


@pytest.mark.parametrize(
    "text",
    [
        {"total": 2, "rows": ROWS},
        {"rows": ROWS[:1], "replies": ROWS[1:]},
        {"export_userid": "acct:ada@hypothes.is", "annotations": ROWS},
        ROWS,
        "\n".join(map(json.dumps, ROWS)) + "\n\n",
        "\ufeff" + json.dumps(ROWS, indent=2),
    ],
    ids=["API", "API with replies", "export", "list", "lines", "with a byte order mark"],
)
def test_annotations_are_found_in_files_of_several_shapes(tmp_path: Path, text: Any) -> None:
    found = scan(tmp_path, text)
    assert [(one.own, one.exact) for one in highlights(found)] == [("a", "one"), ("b", "two")]
    assert found[-1] == Scan("h", "hypothesis:h", True)


def test_one_annotation_alone_is_a_file_too(tmp_path: Path) -> None:
    assert [one.own for one in highlights(scan(tmp_path, note("a", "one")))] == ["a"]


def test_white_space_of_a_page_says_nothing(tmp_path: Path) -> None:
    quote = {"type": "TextQuoteSelector", "exact": " a\n\n  b ", "prefix": "x\n y ", "suffix": " z"}
    [one] = highlights(scan(tmp_path, [note("a", target=[{"selector": [quote]}])]))
    assert (one.prefix, one.exact, one.suffix) == ("x y ", "a b", " z")


def test_replies_follow_the_comment_they_belong_to(tmp_path: Path) -> None:
    rows = [
        note("r2", text="second", references=["a", "r1"], created="2024-05-03T10:00:00Z"),
        note("r1", text="first", references=["a"], user="acct:bob@hypothes.is"),
        note("a", "words", text="What is it?"),
        note("lost", text="to nobody here", references=["elsewhere"]),
        note("self", text="to itself", references=["self"]),
    ]
    found = {one.own: one for one in highlights(scan(tmp_path, rows))}
    assert found["a"].comment == "What is it?\n— bob: first\n— ada: second"
    assert found.keys() == {"a", "lost", "self"}
    assert found["lost"].kind is HighlightKind.NOTE


def test_replies_that_reply_to_one_another_are_not_lost(tmp_path: Path) -> None:
    rows = [note("x", text="x", references=["y"]), note("y", text="y", references=["x"])]
    assert highlights(scan(tmp_path, rows))


@pytest.mark.parametrize("me", [("ada",), ("Ada",), ("acct:ada@hypothes.is",), ("Ada L.",)])
def test_of_others_there_is_no_card_and_no_instruction(tmp_path: Path, me: tuple[str, ...]) -> None:
    shown = {"user_info": {"display_name": "Ada L."}}
    rows = [note("a", "mine", **shown), note("b", "theirs", user="acct:bob@hypothes.is")]
    mine, theirs = highlights(scan(tmp_path, rows, me=me))
    assert (mine.skip, mine.instructs, mine.author) == ("", True, "Ada L.")
    assert (theirs.skip, theirs.instructs) == ("marked by bob", False)


def test_without_me_an_export_says_whose_it_is_and_an_answer_of_the_api_does_not(
    tmp_path: Path,
) -> None:
    rows = [note("a", "mine"), note("b", "theirs", user="acct:bob@hypothes.is")]
    answer = scan(tmp_path, {"rows": rows})
    assert [one.skip for one in highlights(answer)] == ["", ""]
    [doubt] = problems(answer)
    assert doubt.notice
    assert "2 users" in doubt.what
    assert "`me:" in doubt.hint
    assert not problems(scan(tmp_path, {"rows": rows[:1]}))
    export = {"export_userid": "acct:ada@hypothes.is", "annotations": rows}
    exported = scan(tmp_path, export)
    assert [one.skip for one in highlights(exported)] == ["", "marked by bob"]
    assert not problems(exported)


def test_of_two_copies_the_one_updated_last_counts(tmp_path: Path) -> None:
    older, newer = (
        note("a", "x", text="older"),
        note("a", "x", text="newer", updated="2024-05-02T10:00:00Z"),
    )
    for files in ((older, newer), (newer, older)):
        [one] = highlights(scan(tmp_path, *([each] for each in files)))
        assert one.comment == "newer"
        assert one.modified == "2024-05-02T10:00:00+00:00"


def test_pages_of_pdfs_and_parts_of_addresses(tmp_path: Path) -> None:
    page = {"type": "PageSelector", "index": 3, "label": "iv"}
    quote = {"type": "TextQuoteSelector", "exact": "x"}
    rows = [
        note(
            "a", target=[{"selector": [quote, page]}], uri="urn:x-pdf:abc", document={"title": "P"}
        ),
        note("b", "y", uri="https://example.org/a#here"),
        note("c", "z", uri="https://example.org/a"),
    ]
    one, two, three = highlights(scan(tmp_path, rows))
    assert (one.page_label, one.document.uri, one.document.title) == ("iv", "", "P")
    assert two.document == three.document
    assert two.document.uri == "https://example.org/a"


def test_reading_order_is_that_of_the_page(tmp_path: Path) -> None:
    def at(start: Any) -> list[dict[str, Any]]:
        quote = {"type": "TextQuoteSelector", "exact": f"{start}"}
        return [{"selector": [quote, {"type": "TextPositionSelector", "start": start, "end": 9}]}]

    rows = [note(f"n{start}", target=at(start)) for start in (50, 5, 500)]
    assert [one.exact for one in highlights(scan(tmp_path, rows))] == ["5", "50", "500"]


def test_what_is_odd_about_an_annotation_does_not_stop_the_others(tmp_path: Path) -> None:
    media = {"type": "MediaTimeSelector", "start": 1.5, "end": "x"}
    rows: list[Any] = [
        note("a", target=[{"selector": None}], tags=None, text=None, references=None),
        note("b", target=[{"selector": [media, {"type": "TextQuoteSelector", "exact": "x"}]}]),
        note("c", "y", document="?", links=[], user_info=7, tags=["  "]),
        note("d", target="nothing"),
        {"no": "id"},
        5,
    ]
    found = scan(tmp_path, rows)
    assert [one.own for one in highlights(found)] == ["a", "b", "c"]
    assert [problem.where for problem in problems(found)] == [
        f"0.json: annotation {number}" for number in (4, 5, 6)
    ]
    assert not found[-1].complete


@pytest.mark.parametrize(
    "text",
    ['"TextQuoteSelector" {', '["TextQuoteSelector", ' + "[" * 100_000, '{"rows": "hypothes.is"}'],
)
def test_a_broken_file_is_one_problem(tmp_path: Path, text: str) -> None:
    found = scan(tmp_path, text, ROWS)
    assert [problem.where for problem in problems(found)] == ["0.json"]
    assert len(highlights(found)) == 2
    assert not found[-1].complete


def test_other_json_is_passed_over_unless_it_was_asked_for(tmp_path: Path) -> None:
    assert scan(tmp_path, {"a": 1}) == [Scan("h", "hypothesis:h", True)]
    path = tmp_path / "0.json"
    problem, end = hypothesis.open_source("h", path, hypothesis.Settings(path=str(path))).scan()
    assert "no annotations of Hypothesis" in problem.what
    assert not end.complete
