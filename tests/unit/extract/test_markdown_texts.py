"""Markdown and plain text outside Obsidian."""

from __future__ import annotations

from pathlib import Path

import pytest

from ankiforge.extract import markdown
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem, Scan, Sighting


def scan(folder: Path, text: str, name: str = "a.txt", **settings: object) -> list[Sighting]:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    wanted = markdown.Settings(path=str(folder), **settings)  # type: ignore[arg-type]
    return list(markdown.open_source("m", folder, wanted).scan())


def highlights(found: list[Sighting]) -> list[Highlight]:
    return [one for each in found if isinstance(each, Extracted) for one in each.highlights]


def said(found: list[Sighting]) -> list[str]:
    return [one.exact for one in highlights(found)]


# --- plain text -----------------------------------------------------------------------------


def test_indents_of_plain_text_mean_nothing_and_those_of_fences_stay(tmp_path: Path) -> None:
    text = "\tA ==mark== here.\n\n        Another ==mark== here.\n\n```\n    ==code==\n```\n"
    assert said(scan(tmp_path, text)) == ["A mark here.", "Another mark here."]
    assert highlights(scan(tmp_path, text))[1].suffix == "\n    ==code=="


def test_quotes_are_passages_with_what_stands_around_them(tmp_path: Path) -> None:
    text = "Head\n----\n\nBefore.\n\n> One that goes\n> over lines.\n>\n> And on.\n\nAfter.\n"
    [one] = highlights(scan(tmp_path, text))
    assert one.kind is HighlightKind.HIGHLIGHT
    assert one.exact == "One that goes over lines.\nAnd on."
    assert (one.prefix, one.suffix, one.heading) == ("Head\nBefore.\n", "\nAfter.", "Head")


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("> a ==mark== in it\n", ["a mark in it"]),
        ("> what?::that\n", ["what?::that"]),
        ("> [!note] A callout\n> is none\n", []),
        ("```\n> code\n```\n", []),
        ("> \n>\n", []),
        ("a > b\n", []),
        (">tight\n\n   > three blanks\n", ["tight", "three blanks"]),
        ("> one\n\n> one\n", ["one", "one"]),
        ("> first\nlazily goes on\n", ["first"]),
    ],
)
def test_what_is_a_quote_and_what_is_none(tmp_path: Path, text: str, passages: list[str]) -> None:
    assert said(scan(tmp_path, text)) == passages


def test_equal_quotes_have_keys_of_their_own(tmp_path: Path) -> None:
    near = "x " * 100
    first, second = highlights(scan(tmp_path, f"{near}\n\n> one\n\n{near}\n\n> one\n\n{near}\n"))
    assert (first.nth, second.nth) == (1, 2)


def test_quotes_and_marks_come_in_reading_order(tmp_path: Path) -> None:
    text = "> one\n\nThe ==two== here.\n\n> three\n\nfour?::yes\n\n> one\n"
    assert said(scan(tmp_path, text)) == ["one", "The two here.", "three", "four?::yes", "one"]


def test_quotes_in_markdown_count_by_wish(tmp_path: Path) -> None:
    text = "> one\n\nThe ==two== here.\n"
    assert said(scan(tmp_path, text, "a.md")) == ["The two here."]
    wished = ("==", "quote")
    assert said(scan(tmp_path, text, "a.md", marks=wished)) == ["one", "The two here."]


# --- which files ----------------------------------------------------------------------------


def test_markdown_and_text_are_read_and_clippings_are_not(tmp_path: Path) -> None:
    for name in ("a.md", "b.markdown", "c/d.txt", "e.org"):
        scan(tmp_path, f"What is {name}?::it\n", name)
    clippings = "A (B)\n- Your Highlight on page 1 | Added on May 1, 2015\n\nx::y\n==========\n"
    found = scan(tmp_path, clippings, "My Clippings.txt")
    assert [one.document.path for one in found if isinstance(one, Extracted)] == [
        "a.md", "b.markdown", "c/d.txt",
    ]  # fmt: skip
    assert found[-1] == Scan("m", "markdown:m", True)


def test_patterns_choose_files(tmp_path: Path) -> None:
    for name in ("a.md", "b.txt", "old/c.txt"):
        scan(tmp_path, f"What is {name}?::it\n", name)
    found = scan(tmp_path, "", "x.txt", include=("**/*.txt",), exclude=("old/",))
    assert [one.document.path for one in found if isinstance(one, Extracted)] == ["b.txt"]


# --- front matter ---------------------------------------------------------------------------

JOPLIN = """\
---
title: "Of lenses: a note"
updated: 2024-05-02 10:00:00Z
created: not a date
source: {source}
author: 'Ada'
tags:
  - a b
---

The ==lens== bends light.
"""


def test_what_joplin_says_of_a_note_is_kept(tmp_path: Path) -> None:
    [one] = highlights(scan(tmp_path, JOPLIN.format(source="https://example.org/a"), "a.md"))
    document = one.document
    assert (document.title, document.creators) == ("Of lenses: a note", ("Ada",))
    assert document.identifiers == (("url", "https://example.org/a"),)
    assert document.tags == ("a-b",)
    assert (one.created, one.modified) == ("", "2024-05-02T10:00:00+00:00")
    assert one.uri == ""


@pytest.mark.parametrize("source", ["joplin-desktop", "javascript:alert(1)", "https://a b"])
def test_a_source_that_is_no_address_is_none(tmp_path: Path, source: str) -> None:
    [one] = highlights(scan(tmp_path, JOPLIN.format(source=source), "a.md"))
    assert one.document.identifiers == ()


def test_broken_front_matter_is_told_and_the_note_read(tmp_path: Path) -> None:
    problem, extracted, _ = scan(tmp_path, "---\ntitle: [\n---\n\nThe ==lens==.\n", "a.md")
    assert isinstance(problem, Problem)
    assert problem.where == "a.md"
    assert said([extracted]) == ["The lens."]


def test_a_note_that_wants_no_cards_has_none_for_its_quotes_either(tmp_path: Path) -> None:
    text = "---\ncards: false\n---\n\n> one\n\nThe ==two== here.\n"
    assert all(one.skip for one in highlights(scan(tmp_path, text)))


# --- pictures -------------------------------------------------------------------------------

ID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("called", "path"),
    [
        (f":/{ID}", f"_resources/{ID}.png"),
        (f"../_resources/{ID}.png", f"_resources/{ID}.png"),
        (f"{ID}.png", f"_resources/{ID}.png"),
        ("beside.png", "notes/beside.png"),
        ("/root.png", "root.png"),
        ("missing.png", "missing.png"),
    ],
)
def test_pictures_are_found_where_joplin_and_others_put_them(
    tmp_path: Path, called: str, path: str
) -> None:
    for name in (f"_resources/{ID}.png", "notes/beside.png", "root.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"PNG")
    [one] = highlights(scan(tmp_path, f"What is it?::![]({called})\n", "notes/a.md"))
    assert one.markdown[1] == f"![]({path})"


def test_a_picture_outside_the_folder_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"PNG")
    [one] = highlights(scan(tmp_path / "in", "What is it?::![](../secret.png)\n", "a.md"))
    assert one.markdown[1] == "![](../secret.png)"


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_the_id_of_a_note_in_anki_is_kept_with_the_passage(tmp_path: Path, name: str) -> None:
    text = "a::b\n<!--ID: 1566052191670-->\n\nA ==mark== here. ^1619873212345\n\nc::d\n"
    found = highlights(scan(tmp_path, text, name))
    assert [one.other_note for one in found] == [1566052191670, 1619873212345, 0]
