"""Notes on papers: what a person wrote there becomes a highlight, what only repeats marks does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ankiforge.draft import skip_reason
from ankiforge.extract import zotero
from ankiforge.model import Extracted, Highlight, HighlightKind, Problem, Scan
from ankiforge.text.markdown import plain
from samples.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    quoted,
    write_zotero,
)

MARK = Annotation("MARK0001", "Spacing helps.", "a comment\non two lines", page_label="3")
SILENT = Annotation("MARK0002", "Massing does not.", top=200)
STICKY = Annotation("MARK0003", None, "Was it blind?", kind="note", top=300)


def library(*notes: Note, group: int | None = None) -> Library:
    attachment = Attachment("ATTACH01", "paper.pdf", (MARK, SILENT, STICKY))
    work = Work("PAPER001", {"title": "A paper"}, attachments=(attachment,), notes=notes)
    return Library((work,), group=group)


def read(folder: Path, *libraries: Library) -> list[Highlight]:
    write_zotero(folder / "zotero.sqlite", libraries, account=(1, "ada"), users={1: "Ada"})
    source = zotero.open_source("zotero", folder, zotero.Settings(path=str(folder)))
    found = list(source.scan())
    assert not [one for one in found if isinstance(one, Problem)]
    assert all(one.complete for one in found if isinstance(one, Scan))
    documents = (one for one in found if isinstance(one, Extracted))
    return [mark for one in documents for mark in one.highlights]


def notes(folder: Path, *htmls: str) -> list[Highlight]:
    """The notes of a library with these, in this order."""
    given = [
        Note(f"NOTE{number:04}", html, added=f"2024-01-01 12:00:{number:02}")
        for number, html in enumerate(htmls)
    ]
    return [mark for mark in read(folder, library(*given)) if mark.own.startswith("NOTE")]


def note(folder: Path, html: str) -> Highlight:
    (one,) = notes(folder, html)
    return one


# --- what is a highlight --------------------------------------------------------------------


def test_a_note_is_a_highlight_of_its_paper_that_anybody_may_draft(tmp_path: Path) -> None:
    written = Note(
        "NOTE0001",
        "<h1>MIC</h1><p>The <b>lowest</b> dose.</p>",
        ("pharma",),
        added="2024-01-02 03:04:05",
        modified="2025-06-07 08:09:10",
    )
    *marks, one = read(tmp_path, library(written))
    assert [mark.own for mark in marks] == ["MARK0001", "MARK0002", "MARK0003"]
    assert one.kind is HighlightKind.NOTE
    assert one.document == marks[0].document
    assert (one.namespace, one.own) == ("zotero:user", "NOTE0001")
    assert (one.heading, one.exact) == ("MIC", "The lowest dose.")
    assert one.markdown == ("The **lowest** dose.",)
    assert (one.created, one.modified) == ("2024-01-02T03:04:05Z", "2025-06-07T08:09:10Z")
    assert one.tags == ("pharma",)
    assert one.comment == ""
    assert one.uri == "zotero://select/library/items/NOTE0001"
    assert skip_reason(one) == ""
    assert skip_reason(marks[2]) == "a remark, not a passage"


@pytest.mark.parametrize("html", ["", "<p></p>", "<div><p>&nbsp; </p>\n<hr></div>", "<!-- x -->"])
def test_an_empty_note_is_none(tmp_path: Path, html: str) -> None:
    assert notes(tmp_path, html) == []


def test_notes_in_the_trash_on_papers_in_the_trash_and_on_nothing_are_none(tmp_path: Path) -> None:
    trashed = Work("PAPER002", notes=(Note("NOTE0002", "x"),), trashed=True)
    own = Library(
        (*library(Note("NOTE0001", "x", trashed=True)).works, trashed),
        loose_notes=(Note("NOTE0003", "x"),),
    )
    assert [mark.own for mark in read(tmp_path, own)] == ["MARK0001", "MARK0002", "MARK0003"]


def test_a_paper_with_a_note_alone_is_read(tmp_path: Path) -> None:
    work = Work("PAPER007", {"title": "Unmarked"}, notes=(Note("NOTE0001", "<p>hm</p>"),))
    (one,) = read(tmp_path, Library((work,)))
    assert (one.document.title, one.exact) == ("Unmarked", "hm")


def test_a_note_by_somebody_else_does_not_count_in_a_shared_library(tmp_path: Path) -> None:
    shared = library(
        Note("NOTE0001", "mine", author=1),
        Note("NOTE0002", "hers", author=2),
        Note("NOTE0003", "never synced"),
        group=7,
    )
    told = {mark.own: mark.skip for mark in read(tmp_path, Library(), shared)}
    assert told["NOTE0001"] == told["NOTE0003"] == ""
    assert told["NOTE0002"] == "marked by somebody else"


# --- annotations in notes -------------------------------------------------------------------


def test_a_note_made_of_annotations_is_none(tmp_path: Path) -> None:
    title = "<h1>Annotations<br>(9/1/2026, 10:00:00 AM)</h1>"
    body = "\n".join(map(quoted, (MARK, SILENT, STICKY)))
    assert notes(tmp_path, f"<div>{title}{body}</div>", quoted(SILENT), body) == []


def test_words_beside_a_quotation_are_ones_own_if_the_mark_does_not_say_them(
    tmp_path: Path,
) -> None:
    changed = quoted(MARK, comment="my <i>second</i> thought")
    told = notes(tmp_path, f"{quoted(MARK)}{changed}<p>and a third</p>")
    assert [one.exact for one in told] == ["my second thought\nand a third"]


def test_a_quotation_of_a_mark_that_is_no_more_stays(tmp_path: Path) -> None:
    gone = Annotation("NOSUCHM1", "Words of old")
    assert note(tmp_path, quoted(gone)).exact == "“Words of old” (Doe, 2019, p. 1)"


def test_a_citation_of_ones_own_words_stays_and_one_of_a_quotation_goes(tmp_path: Path) -> None:
    cited = '<span class="citation" data-citation="%7B%7D">(Doe, 2019)</span>'
    quotation = quoted(MARK).removeprefix("<p>").removesuffix("</p>").replace(" a comment", "")
    told = note(tmp_path, f"<p>{cited} says so.</p><p>{quotation} and {cited} again</p>")
    assert told.exact.startswith("(Doe, 2019) says so.\n")
    assert told.exact.endswith("and (Doe, 2019) again")
    assert "Spacing" not in told.exact
    assert "p. 1" not in told.exact


def test_a_picture_of_a_figure_goes_with_its_citation_and_comment(tmp_path: Path) -> None:
    told = quoted(STICKY).removeprefix("<p>")
    shown = quoted(MARK).split('data-annotation="')[1].split('"')[0]
    picture = f'<p><img data-attachment-key="X" data-annotation="{shown}"><br>{told}'
    assert notes(tmp_path, picture) == []
    assert note(tmp_path, picture + "<p>tail</p>").exact == "tail"


def test_a_quotation_in_a_block_of_its_own_takes_the_citation_after_it_along(
    tmp_path: Path,
) -> None:
    words, citation = quoted(SILENT).removeprefix("<p>").split('<span class="citation"')
    html = f'<blockquote>{words}</blockquote><p><span class="citation"{citation}'
    assert notes(tmp_path, html) == []


def test_headings_with_nothing_left_below_go_too(tmp_path: Path) -> None:
    html = f"<h1>All</h1><h2>A</h2>{quoted(SILENT)}<h2>B</h2><p>mine</p><h2>C</h2>{quoted(MARK)}"
    told = note(tmp_path, html)
    assert (told.heading, told.exact) == ("All", "B\nmine")


def test_marks_of_another_library_are_known_too(tmp_path: Path) -> None:
    work = Work("PAPER001", notes=(Note("NOTE0001", quoted(MARK, "groups/7")),))
    shared = library(group=7)
    assert all(mark.own != "NOTE0001" for mark in read(tmp_path, Library((work,)), shared))


@pytest.mark.parametrize(
    "broken", ["%", "%7B", "[]", "null", '"x"', "%7B%22annotationKey%22%3A1%7D", "[" * 9000]
)
def test_a_quotation_that_cannot_be_read_is_words(tmp_path: Path, broken: str) -> None:
    html = f"<p><span class='highlight' data-annotation='{broken}'>“Said”</span></p>"
    assert note(tmp_path, html).exact == "“Said”"


# --- its words ------------------------------------------------------------------------------

DRESSES = {
    "<p>a<br>b</p><p>c\n d</p>": ("a\nb\nc d", "a\nb\n\nc d"),
    "<p>a <b> b </b>c</p>": ("a b c", "a **b** c"),
    "<p><b>a<i>b</i></b>c</p>": ("abc", "a*b*c"),
    "<p><b>a</b><i>b</i></p>": ("ab", "**a***b*"),
    "<p>x<b>(y)</b>z</p>": ("x(y)z", "x(y)z"),
    "<p><code>a</code> <code>`</code></p>": ("a `", "`a` `` ` ``"),
    '<p><span class="math">$ a+b $</span></p>': ("$a+b$", "$a+b$"),
    '<p><span class="math">$a$b$</span></p>': ("$a$b$", "\\$a\\$b\\$"),
    '<pre class="math">$$a\nb$$</pre>': ("$$a b$$", "$$a b$$"),
    "<pre>a\n\n  b</pre>": ("a\n\n  b", "```\na\n\n  b\n```"),
    "<pre>```</pre>": ("```", "````\n```\n````"),
    "<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>": ("a\nb\nc", "- a\n- b\n    1. c"),
    "<p>10<sup>5</sup> H<sub>2</sub>O x<sup>1/2</sup></p>": (
        "10⁵ H₂O x^(1/2)",
        "10⁵ H₂O x^(1/2)",
    ),
    "<table><tr><td>a</td><td>b</td></tr></table>": ("a | b", "a | b"),
    '<p><a href="javascript:x">a</a> <img src="b.png" alt="c"></p>': ("a", "a"),
    "<p>* [a](b) {{c1::d}} <!-- e -->&lt;f&gt; 1 < 2</p>": (
        "* [a](b) {{c1::d}} <f> 1 < 2",
        "\\* \\[a\\](b) {\\{c1:\\:d}\\} \\<f> 1 \\< 2",
    ),
    "<p>a</b></i></p></ul></li>b": ("a\nb", "a\n\nb"),
    "<script>x</script><style>y</style><p>a<script>": ("a", "a"),
    "plain\nwords of old": ("plain words of old", "plain words of old"),
    "<P>&eacute;&#x1F600;&#0;&#27;</P>": ("é😀\ufffd", "é😀\ufffd"),
}


@pytest.mark.parametrize("html", DRESSES)
def test_words_are_read_as_plain_text_and_as_markdown(tmp_path: Path, html: str) -> None:
    told = note(tmp_path, html)
    assert (told.exact, told.markdown[0]) == DRESSES[html]


def test_its_markdown_says_the_same_words(tmp_path: Path) -> None:
    html = "<p>un<b>believ</b>able *x* _y_ ==z== `w` $5 and 6$ # no heading</p><p># none</p>"
    told = note(tmp_path, html)
    assert plain(told.markdown[0]).split() == told.exact.split()


# --- hostile notes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    ["<b>", "<ul><li>", "</b>", "<span class='citation'>", "<a b='", "<", "<!--", "<p>", "&#"],
)
def test_a_note_of_signs_without_end_is_read_to_its_end(tmp_path: Path, unit: str) -> None:
    html = unit * (500_000 // len(unit))
    assert note(tmp_path, f"<p>words</p>{html}").exact.startswith("words")


def test_deep_nesting_keeps_the_words(tmp_path: Path) -> None:
    assert note(tmp_path, "<b>" * 500 + "a" + "<ul><li>" * 500 + "b").exact == "a\nb"


def test_a_number_without_end_is_no_character(tmp_path: Path) -> None:
    assert note(tmp_path, f"<p>a &#{'9' * 9000}; b</p>").exact.startswith("a &#999")


@pytest.mark.parametrize("html", ["<p>word " + "word " * 6000, "<p>x</p>" * 300_000])
def test_a_note_too_long_for_a_card_says_so(tmp_path: Path, html: str) -> None:
    told = note(tmp_path, html)
    assert skip_reason(told).endswith(
        "a note of more than 20,000 characters: split it into shorter ones"
    )
    assert len(told.exact) <= 1000
