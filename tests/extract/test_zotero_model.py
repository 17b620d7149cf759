"""What is read of a library: older schemas, whose marks count, figures, citation keys, parts."""

import json
import shutil
from pathlib import Path

import pytest

from ankiforge.draft import find_drafting_skip_reason
from ankiforge.extract.zotero.attachments import _build_areas
from ankiforge.extract.zotero.database import ZoteroAnnotation, ZoteroItem
from ankiforge.model import ExtractedDocument, Highlight, Problem, ScanEnd
from tests.makers.pdf_writer import Page, paragraph, write_pdf
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    write_zotero,
)
from tests.reading import opened

PNG = b"\x89PNG\r\n\x1a\n and more"
BOX = json.dumps({"pageIndex": 0, "rects": [[72, 600, 400, 720]]})


def paper(
    *marks: Annotation, file: str = "paper.pdf", path: str = "", **fields: str
) -> Work:
    attachment = Attachment("ATTACH01", file, marks, path)
    return Work("PAPER001", {"title": "A paper", **fields}, attachments=(attachment,))


def write(folder: Path, *libraries: Library, **head: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    told = {"account": (1, "ada"), "users": {1: "Ada Lovelace", 2: "Ben"}, **head}
    return write_zotero(folder / "zotero.sqlite", libraries, **told)  # type: ignore[arg-type]


def documents(folder: Path, *me: str) -> list[ExtractedDocument]:
    source = opened("zotero", folder, me=me)
    found = list(source.scan())
    assert not [one for one in found if isinstance(one, Problem)]
    assert all(one.complete for one in found if isinstance(one, ScanEnd))
    return [one for one in found if isinstance(one, ExtractedDocument)]


def marks(folder: Path, *me: str) -> list[Highlight]:
    return [mark for document in documents(folder, *me) for mark in document.highlights]


def only(folder: Path) -> Highlight:
    (mark,) = marks(folder)
    return mark


# --- schemas --------------------------------------------------------------------------------


def test_a_data_folder_of_any_name_can_be_moved(tmp_path):
    first, second = tmp_path / "Zotero Dätä", tmp_path / "новая папка" / "Zotero (2)"
    write(first, Library((paper(Annotation("MARK0001", "three phases")),)))
    file = first / "storage" / "ATTACH01" / "paper.pdf"
    file.parent.mkdir(parents=True)
    write_pdf(file, [Page((paragraph("A spike has three phases."),))])
    before = marks(first)
    second.parent.mkdir()
    shutil.move(first, second)
    assert marks(second) == before
    assert before[0].sentence == "A spike has three phases."


# --- kinds of marks -------------------------------------------------------------------------


# --- figures --------------------------------------------------------------------------------


def figure(
    folder: Path, **settings: str
) -> tuple[Highlight, tuple[tuple[str, bytes], ...]]:
    """The one figure of a paper, with the pictures that came along."""
    mark = Annotation(
        "FIGURE01", None, "? What?", kind="image", **{"position": BOX, **settings}
    )  # type: ignore[arg-type]
    write(folder, Library((paper(mark),)))
    (document,) = documents(folder)
    (highlight,) = document.highlights
    return highlight, tuple((one.name, one.data) for one in document.pictures)


def give_file(folder: Path) -> Path:
    file = folder / "storage" / "ATTACH01" / "paper.pdf"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_pdf(file, [Page((paragraph("A spike has three phases."),))])
    return file


def give_cached(folder: Path, data: bytes = PNG) -> Path:
    picture = folder / "cache" / "library" / "FIGURE01.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(data)
    return picture


def test_a_figure_is_called_alike_wherever_its_picture_comes_from(tmp_path):
    file = give_file(tmp_path)
    cut, ((name, data),) = figure(tmp_path)
    assert cut.markdown == (f"![]({name})",)
    assert data.startswith(b"\x89PNG")
    assert find_drafting_skip_reason(cut) is None
    cached = give_cached(tmp_path)
    assert figure(tmp_path)[0].markdown == cut.markdown
    for broken in (b"%PDF-1.7 broken", b""):
        file.write_bytes(broken) if broken else file.unlink()
        highlight, pictures = figure(tmp_path)
        assert highlight.markdown == ("![](cache/library/FIGURE01.png)",)
        assert pictures == ()
    cached.unlink()
    highlight, pictures = figure(tmp_path)
    assert (highlight.comment, pictures) == ("? What?", ())


NOWHERE = (
    "",
    "[",
    "{}",
    '{"pageIndex": 9, "rects": [[72, 600, 400, 720]]}',
    '{"pageIndex": 0, "rects": []}',
    '{"pageIndex": 0, "rects": [[1e999, 0, 1, 1]]}',
    '{"pageIndex": 0, "rects": [[9e9, 9e9, 9e9, 9e9]]}',
    '{"pageIndex": 0, "paths": [[1e999, 0, 1, 1]]}',
    '{"pageIndex": 0, "paths": [[]], "width": "x"}',
)


@pytest.mark.parametrize("position", NOWHERE)
def test_a_figure_that_is_nowhere_says_so_and_is_no_problem(tmp_path, position):
    give_file(tmp_path)
    highlight, pictures = figure(tmp_path, position=position or "null")
    assert (highlight.markdown, pictures) == ((), ())
    assert "picture" in find_drafting_skip_reason(highlight).text


def test_a_number_too_many_in_a_stroke_spoils_no_other_stroke(tmp_path):
    give_file(tmp_path)
    strokes = '{"pageIndex": 0, "paths": [[72, 600, 200%s], [300, 650, 400, 720]]}'
    _, whole = figure(tmp_path, position=strokes % ", 600")
    _, odd = figure(tmp_path, position=strokes % "")
    assert whole
    assert odd == whole


# --- papers ---------------------------------------------------------------------------------


def citekey(folder: Path, **fields: str) -> str:
    write(folder, Library((paper(Annotation("MARK0001", "Text"), **fields),)))
    return dict(only(folder).document.identifiers).get("citekey", "")


def test_a_citation_key_is_zoteros_own_else_typed(tmp_path):
    assert citekey(tmp_path) == ""
    assert citekey(tmp_path, extra="Citation Key: typed2019") == "typed2019"
    assert (
        citekey(tmp_path, extra="Citation Key: typed2019", citationKey="own2019")
        == "own2019"
    )


# --- notes of signs without end ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "begins"),
    [
        *((f"<p>words</p>{unit * (15_000 // len(unit))}", "words") for unit in (
            "<b>", "<ul><li>", "</b>", "<span class='citation'>", "<a b='", "<", "<!--", "<p>", "&#",
            "<![b", "</<a ")),
        *((f"words{unit * (15_000 // len(unit))}>", "words") for unit in ("<a b=", "<", "='", "<![")),
        ("<b>" * 500 + "a" + "<ul><li>" * 500 + "b", "a\nb"),
    ],
    ids=lambda value: value[-8:],
)  # fmt: skip
def test_a_hostile_note_is_read_to_its_end(tmp_path, html, begins):
    write(tmp_path, Library((Work("PAPER001", notes=(Note("NOTE0001", html),)),)))
    assert only(tmp_path).exact.startswith(begins)


@pytest.mark.parametrize(
    "html", ["<p>word " + "word " * 6000, "<p>x</p>" * 11_000], ids=len
)
def test_a_note_too_long_for_a_card_says_so(tmp_path, html):
    write(tmp_path, Library((Work("PAPER001", notes=(Note("NOTE0001", html),)),)))
    told = only(tmp_path)
    why = "a note of more than 20,000 characters: split it into shorter ones"
    assert find_drafting_skip_reason(told).text == why
    assert len(told.exact) <= 1000


@pytest.mark.parametrize(
    ("position", "box"),
    [
        ({"rects": [[72, 600, 400, 720]]}, (72, 600, 400, 720)),
        ({"rects": [[1, 2, 3, 4], [5, 6, 7, 8]]}, (1, 2, 3, 4)),
        ({"paths": [[10, 100, 50, 90, 30, 120]]}, (6, 86, 54, 124)),
        ({"paths": [[10, 100, 50, 90], [5, 95, 8, 130]]}, (1, 86, 54, 134)),
        ({"paths": [[]]}, None),
        ({}, None),
    ],
)
def test_what_is_cut_out_of_the_page_for_a_mark(position, box):
    raw = json.dumps({"pageIndex": 2, **position})
    mark = ZoteroAnnotation(ZoteroItem("A", annotation_position=raw), ZoteroItem("F"))
    areas = _build_areas([mark])
    assert {key: (area.page, area.box) for key, area in areas.items()} == (
        {"A": (2, box)} if box else {}
    )
