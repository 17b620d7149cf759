"""A report as one page."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ankiforge.errors import UsageError
from ankiforge.reports.html import (
    Column,
    Html,
    element,
    is_ours,
    joined,
    note,
    page,
    section,
    table,
    words,
    write_page,
)


class Read(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text())
def test_text_is_never_markup(text: str) -> None:
    plain = Read(page("Report", section("Part", note("words"), table("T", ["a"], [["b"]]))))
    whole = Read(page(text, section(text, note(text), table(text, [text], [[text]])), below=text))
    assert whole.open == []
    assert [tag for tag in whole.tags if tag not in plain.tags] == []


def test_what_is_no_sign_is_left_out() -> None:
    assert words("a\x00b\x1b[1mc\ud800d\u0085e\tf") == "ab[1mcde\tf"
    page("\ud83d", "\x00").encode("utf-8")


def test_text_with_bidirectional_controls_reorders_nothing_beside_it() -> None:
    shown = element("p", "a \u202eb", " · c", title="d \u202ee")
    assert shown == '<p title="d \u202ee">\u2068a \u202eb\u2069 · c</p>'


def test_markup_stays_and_text_beside_it_is_escaped() -> None:
    assert (
        element("p", "<", element("b", "&"), class_='x"y')
        == '<p class="x&quot;y">&lt;<b>&amp;</b></p>'
    )
    assert joined(("<", Html("<br>")), ", ") == "&lt;, <br>"
    assert element("input", checked=True, name=None, hidden=False) == "<input checked></input>"


def test_a_table_says_what_its_rows_and_columns_are() -> None:
    made = table("By deck", ("deck", Column("cards", number=True)), [("Reading", 3)])
    assert "<caption>By deck</caption>" in made
    assert '<th scope="col">deck</th>' in made
    assert '<th scope="row"><bdi>Reading</bdi></th>' in made
    assert '<td class="number">3</td>' in made


def test_a_page_needs_nothing_from_elsewhere() -> None:
    made = page("Report", note("words"))
    assert "default-src 'none'" in made
    assert not {"script", "img", "iframe"} & set(Read(made).tags)
    assert "http" not in made.replace("http-equiv", "")


def test_only_pages_of_ours_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(path, page("One"))
    assert is_ours(path)
    write_page(path, page("Two"))
    assert "<title>Two</title>" in path.read_text()
    path.write_text("<!doctype html>\n<title>a letter of mine</title>" + "x" * 5_000)
    with pytest.raises(UsageError, match="no page of ankiforge"):
        write_page(path, page("Three"))
    assert "a letter of mine" in path.read_text()
    write_page(path, page("Three"), force=True)
    assert is_ours(path)
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("place", [".", "nowhere/report.html"])
def test_a_page_is_a_file_in_a_folder_that_is_there(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError):
        write_page(tmp_path / place, page("One"))
