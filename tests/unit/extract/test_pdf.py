"""What a folder of annotated PDFs yields, through `open_source`."""

import json
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    StreamObject,
)

from ankiforge.extract import pdf
from ankiforge.model import Extracted, Highlight, Problem, Scan, Sighting
from ankiforge.text.passages import anchor_key
from samples.pdf_writer import Mark, Page, heading, mark, paragraph, write_pdf

SPACING = (
    "The spacing effect improves long-term retention of facts, and massing does not. "
    "A second session on another day is worth two on the same one. "
    "Each successful recall strengthens the trace that the memory has left behind, and "
    "difficulty of the right kind is desirable, as many experiments have shown."
)


def scan(root: Path, *only: Path, me: tuple[str, ...] = (), **settings: object) -> list[Sighting]:
    made = pdf.Settings(path=str(root), **settings)  # type: ignore[arg-type]
    return list(pdf.open_source("papers", root, made, only, me).scan())


def extracted(root: Path) -> Extracted:
    (found,) = [one for one in scan(root) if isinstance(one, Extracted)]
    return found


def marks(root: Path) -> tuple[Highlight, ...]:
    return extracted(root).highlights


def keys(root: Path) -> list[str]:
    return [anchor_key(one, one.nth) for one in marks(root)]


def one_page(path: Path, *annotations: Mark, text: str = SPACING, **page: object) -> Path:
    write_pdf(path, [Page((paragraph(text),), annotations, **page)])  # type: ignore[arg-type]
    return path


# --- which files ----------------------------------------------------------------------------


def paths(found: list[Sighting]) -> list[str]:
    return [one.document.path for one in found if isinstance(one, Extracted)]


def test_a_folder_yields_its_marked_files_in_order_and_ends_with_its_scan(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".trash").mkdir()
    one_page(tmp_path / "b" / "two.PDF", mark("facts"))
    wanted = one_page(tmp_path / "a.pdf", mark("facts"))
    one_page(tmp_path / ".trash" / "a.pdf", mark("facts"))
    one_page(tmp_path / "unmarked.pdf")
    (tmp_path / "link.pdf").symlink_to(wanted)
    (tmp_path / "notes.txt").write_text("no PDF")
    found = scan(tmp_path)
    assert paths(found) == ["a.pdf", "b/two.PDF"]
    assert found[-1] == Scan("papers", "pdf:papers", complete=True)
    assert len(found) == 3
    some = scan(tmp_path, wanted)
    assert paths(some) == ["a.pdf"]
    assert some[-1] == Scan("papers", "pdf:papers", complete=False)
    assert paths(scan(wanted)) == ["a.pdf"]
    problem, end = scan(tmp_path / "gone")
    assert isinstance(problem, Problem)
    assert problem.where.endswith("gone")
    assert end == Scan("papers", "pdf:papers", complete=False)


@pytest.mark.parametrize("pattern", ["drafts/", "drafts/**", "**/PAPER.pdf", "d*/?aper.pdf"])
def test_patterns_leave_files_out(tmp_path, pattern):
    for folder in ("drafts", "kept"):
        (tmp_path / folder).mkdir()
    one_page(tmp_path / "drafts" / "paper.pdf", mark("facts"))
    one_page(tmp_path / "kept" / "other.pdf", mark("facts"))
    assert paths(scan(tmp_path, exclude=(pattern,))) == ["kept/other.pdf"]


def test_a_file_that_a_person_points_at_says_that_it_has_no_annotations(tmp_path):
    path = one_page(tmp_path / "print.pdf")
    one_page(tmp_path / "marked.pdf", mark("facts"))
    notice, end = scan(tmp_path, path)
    assert isinstance(notice, Problem)
    assert isinstance(end, Scan)
    assert (notice.where, notice.what, notice.notice) == (
        "print.pdf",
        "no annotations in this file",
        True,
    )
    assert "export the file with its annotations" in notice.hint
    assert [one for one in scan(tmp_path) if isinstance(one, Problem)] == []


# --- what a mark carries --------------------------------------------------------------------


def test_comments_of_others_do_not_instruct(tmp_path):
    one_page(
        tmp_path / "a.pdf",
        mark("facts", author="Ann", comment="!"),
        mark("memory", author="Bo", comment="!"),
    )
    (found,) = [one for one in scan(tmp_path, me=("Ann",)) if isinstance(one, Extracted)]
    assert [(one.author, one.instructs) for one in found.highlights] == [
        ("Ann", True),
        ("Bo", False),
    ]


# --- names of marks -------------------------------------------------------------------------


def test_saving_a_file_anew_keeps_all_keys(tmp_path):
    original, copy = tmp_path / "one", tmp_path / "two"
    original.mkdir()
    copy.mkdir()
    path = one_page(original / "a.pdf", mark("facts"), mark("effect", kind="Square"))
    writer = PdfWriter()
    writer.append(PdfReader(path))
    writer.compress_identical_objects()
    writer.write(copy / "renamed.pdf")
    assert keys(copy) == keys(original)
    assert extracted(copy).document.key == extracted(original).document.key


def test_a_cover_page_keeps_the_anchors_and_the_hashes_of_the_pages(tmp_path):
    page = Page((paragraph(SPACING),), (mark("facts"), mark("memory has left")))
    (tmp_path / "bare").mkdir()
    (tmp_path / "covered").mkdir()
    write_pdf(tmp_path / "bare" / "a.pdf", [page])
    write_pdf(tmp_path / "covered" / "a.pdf", [Page((heading("JSTOR"),)), page])
    bare, covered = extracted(tmp_path / "bare"), extracted(tmp_path / "covered")
    assert bare.document.key != covered.document.key
    assert covered.pages[1:] == bare.pages
    anchors = [
        [key.partition("/")[2] for key in keys(tmp_path / folder)] for folder in ("bare", "covered")
    ]
    assert anchors[0] == anchors[1]


def test_documents_with_little_text_are_told_apart_by_their_page_contents(tmp_path):
    for name, text in (
        ("a", "One short line."),
        ("b", "One Short line."),
        ("c", "One short line."),
    ):
        (tmp_path / name).mkdir()
        one_page(tmp_path / name / "x.pdf", mark("line", comment=name), text=text)
    a, b, c = (extracted(tmp_path / name).document.key for name in "abc")
    assert a == c != b


def test_documents_of_pictures_within_forms_are_told_apart_by_the_pictures(tmp_path):
    """As LaTeX and stampers set scanned pages."""
    for name, pixel in (("a", b"\x00"), ("b", b"\xff"), ("c", b"\x00")):
        (tmp_path / name).mkdir()
        path = one_page(tmp_path / name / "x.pdf", mark("x", comment=name), text="x")
        writer = PdfWriter(clone_from=path)
        picture = drawing("Image", pixel)
        form = drawing("Form", b"/Im0 Do", resources=names(Im0=writer._add_object(picture)))
        page = writer.pages[0]
        page[NameObject("/Contents")] = writer._add_object(drawing("", b"q /Fm0 Do Q"))
        page[NameObject("/Resources")] = names(Fm0=writer._add_object(form))
        writer.write(path)
    a, b, c = (extracted(tmp_path / name).document.key for name in "abc")
    assert a == c != b


def drawing(subtype: str, data: bytes, resources: DictionaryObject | None = None) -> StreamObject:
    stream = StreamObject()
    stream.set_data(data)
    stream[NameObject("/Subtype")] = NameObject(f"/{subtype}")
    if resources is not None:
        stream[NameObject("/Resources")] = resources
    return stream


def names(**drawings: IndirectObject) -> DictionaryObject:
    entries = DictionaryObject({NameObject(f"/{name}"): one for name, one in drawings.items()})
    return DictionaryObject({NameObject("/XObject"): entries})


def test_saving_a_document_with_little_text_keeps_its_key_however_its_code_is_cut(tmp_path):
    for name in ("original", "cut"):
        (tmp_path / name).mkdir()
    path = one_page(tmp_path / "original" / "a.pdf", mark("short"), text="One short line.")
    writer = PdfWriter(clone_from=path)
    page = writer.pages[0]
    parts = page["/Contents"].get_data().split(b" ")  # type: ignore[attr-defined]
    halves = [b"\r\n".join(parts[:5]) + b" ", b"\n" + b" ".join(parts[5:])]
    page[NameObject("/Contents")] = ArrayObject(
        [writer._add_object(drawing("", half)) for half in halves]
    )
    page.rotate(90)
    writer.write(tmp_path / "cut" / "a.pdf")
    assert keys(tmp_path / "cut") == keys(tmp_path / "original")


# --- docs/keys.jsonl ------------------------------------------------------------------------


def vectors(name: str) -> list[dict[str, Any]]:
    file = Path(__file__).parents[3] / "docs" / "keys.jsonl"
    found = [one for one in map(json.loads, file.read_text("utf-8").splitlines()) if name in one]
    assert found, f"docs/keys.jsonl has no vector with {name}"
    return found


@pytest.mark.parametrize("vector", vectors("rect"))
def test_marks_without_words_have_the_anchors_of_the_page_of_keys(tmp_path, vector):
    rect = ArrayObject([FloatObject(edge) for edge in vector["rect"]])
    square = mark("memory", kind="Square", more={"/Rect": rect})
    for turn in (0, 90):
        one_page(
            tmp_path / "a.pdf",
            *[square] * vector["n"],
            text=vector["page"],
            media=tuple(map(float, vector["media"])),
            rotate=turn,
        )
        last = marks(tmp_path)[-1]
        assert (last.anchor_text, last.nth) == (vector["exact"], vector["n"])
        assert anchor_key(last, last.nth) == f"{last.document.key}/{vector['mark']}"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turning_the_pages_of_a_file_keeps_all_keys(tmp_path, turn):
    for name in ("original", "turned"):
        (tmp_path / name).mkdir()
    marked = (mark("facts"), mark("strengthens the trace"), mark("memory", kind="Square"))
    path = one_page(tmp_path / "original" / "a.pdf", *marked)
    writer = PdfWriter(clone_from=path)
    writer.pages[0].rotate(turn)
    writer.write(tmp_path / "turned" / "a.pdf")
    assert extracted(tmp_path / "turned").pages == extracted(tmp_path / "original").pages
    assert keys(tmp_path / "turned") == keys(tmp_path / "original")


# --- the work -------------------------------------------------------------------------------


def test_without_any_title_the_file_name_is_it(tmp_path):
    one_page(tmp_path / "cepeda 2006.pdf", mark("facts"))
    assert extracted(tmp_path).document.title == "cepeda 2006"
