"""What a folder of annotated PDFs yields."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    IndirectObject,
    NameObject,
    StreamObject,
)

from ankiforge.model import ExtractedDocument, Highlight, ScanEnd, Sighting
from ankiforge.text.keys import build_anchor_key
from tests.makers.pdf_writer import Mark, Page, heading, mark, paragraph, write_pdf
from tests.reading import opened, settings_of, texts

SPACING = (
    "The spacing effect improves long-term retention of facts, and massing does not. "
    "A second session on another day is worth two on the same one. "
    "Each successful recall strengthens the trace that the memory has left behind, and "
    "difficulty of the right kind is desirable, as many experiments have shown."
)


def scan(
    root: Path, *only: Path, me: tuple[str, ...] = (), **settings: object
) -> list[Sighting]:
    made = settings_of("pdf", path=str(root), **settings)
    return list(opened("pdf", root, made, only, me, name="papers").scan())


def extracted(root: Path) -> ExtractedDocument:
    (found,) = [one for one in scan(root) if isinstance(one, ExtractedDocument)]
    return found


def marks(root: Path) -> tuple[Highlight, ...]:
    return extracted(root).highlights


def keys(root: Path) -> list[str]:
    return [build_anchor_key(one, one.occurrence) for one in marks(root)]


def one_page(path: Path, *annotations: Mark, text: str = SPACING, **page: object) -> Path:
    write_pdf(path, [Page((paragraph(text),), annotations, **page)])  # type: ignore[arg-type]
    return path


# --- which files ----------------------------------------------------------------------------


def paths(found: list[Sighting]) -> list[str]:
    return [one.document.path for one in found if isinstance(one, ExtractedDocument)]


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
    assert found[-1] == ScanEnd(
        "papers", "pdf:papers", complete=True, directory=str(tmp_path)
    )
    assert len(found) == 3
    some = scan(tmp_path, wanted)
    assert paths(some) == ["a.pdf"]
    assert some[-1] == ScanEnd(
        "papers", "pdf:papers", complete=False, directory=str(tmp_path)
    )
    assert paths(scan(wanted)) == ["a.pdf"]


# --- what a mark carries --------------------------------------------------------------------


def test_comments_of_others_do_not_instruct(tmp_path):
    path = tmp_path / "a.pdf"
    one_page(
        path,
        *(
            mark(word, author=name, comment="!")
            for word, name in (("facts", "Ann"), ("memory", "Bo"))
        ),
    )
    (found,) = [
        one for one in scan(tmp_path, me=("Ann",)) if isinstance(one, ExtractedDocument)
    ]
    assert [(one.author, one.comment_is_instruction) for one in found.highlights] == [
        ("Ann", True),
        ("Bo", False),
    ]


# --- names of marks -------------------------------------------------------------------------


def anew(writer: PdfWriter) -> None:
    writer.compress_identical_objects()


def turned(by: int) -> Callable[[PdfWriter], None]:
    return lambda writer: writer.pages[0].rotate(by) and None


def code_cut(writer: PdfWriter) -> None:
    page = writer.pages[0]
    parts = page["/Contents"].get_data().split(b" ")  # type: ignore[attr-defined]
    halves = [b"\r\n".join(parts[:5]) + b" ", b"\n" + b" ".join(parts[5:])]
    streams = [writer._add_object(drawing("", half)) for half in halves]
    page[NameObject("/Contents")] = ArrayObject(streams)


@pytest.mark.parametrize("text", [SPACING, "One short line of facts and memory."])
@pytest.mark.parametrize("change", [anew, code_cut, turned(90), turned(180), turned(270)])
def test_saving_a_file_anew_keeps_all_keys(tmp_path, text, change):
    original, copy = tmp_path / "one", tmp_path / "two"
    original.mkdir()
    copy.mkdir()
    path = one_page(
        original / "a.pdf", mark("facts"), mark("memory", kind="Square"), text=text
    )
    writer = PdfWriter(clone_from=path)
    change(writer)
    writer.write(copy / "renamed.pdf")
    assert keys(copy) == keys(original)
    assert extracted(copy).document.key == extracted(original).document.key
    assert extracted(copy).page_hashes == extracted(original).page_hashes


def test_a_cover_page_keeps_the_anchors_and_the_hashes_of_the_pages(tmp_path):
    page = Page((paragraph(SPACING),), (mark("facts"), mark("memory has left")))
    (tmp_path / "bare").mkdir()
    (tmp_path / "covered").mkdir()
    write_pdf(tmp_path / "bare" / "a.pdf", [page])
    write_pdf(tmp_path / "covered" / "a.pdf", [Page((heading("JSTOR"),)), page])
    bare, covered = extracted(tmp_path / "bare"), extracted(tmp_path / "covered")
    assert bare.document.key != covered.document.key
    assert covered.page_hashes[1:] == bare.page_hashes
    anchors = [
        [key.partition("/")[2] for key in keys(tmp_path / folder)]
        for folder in ("bare", "covered")
    ]
    assert anchors[0] == anchors[1]


def test_documents_with_little_text_are_told_apart_by_pictures_within_forms(tmp_path):
    """As LaTeX and stampers set scanned pages."""
    for name, pixel in (("a", b"\x00"), ("b", b"\xff"), ("c", b"\x00")):
        (tmp_path / name).mkdir()
        path = one_page(tmp_path / name / "x.pdf", mark("x", comment=name), text="x")
        writer = PdfWriter(clone_from=path)
        picture = drawing("Image", pixel)
        form = drawing(
            "Form", b"/Im0 Do", resources=names(Im0=writer._add_object(picture))
        )
        page = writer.pages[0]
        page[NameObject("/Contents")] = writer._add_object(drawing("", b"q /Fm0 Do Q"))
        page[NameObject("/Resources")] = names(Fm0=writer._add_object(form))
        writer.write(path)
    a, b, c = (extracted(tmp_path / name).document.key for name in "abc")
    assert a == c != b


def drawing(
    subtype: str, data: bytes, resources: DictionaryObject | None = None
) -> StreamObject:
    stream = StreamObject()
    stream.set_data(data)
    stream[NameObject("/Subtype")] = NameObject(f"/{subtype}")
    if resources is not None:
        stream[NameObject("/Resources")] = resources
    return stream


def names(**drawings: IndirectObject) -> DictionaryObject:
    entries = DictionaryObject(
        {NameObject(f"/{name}"): one for name, one in drawings.items()}
    )
    return DictionaryObject({NameObject("/XObject"): entries})


# --- tests/keys/keys.jsonl ------------------------------------------------------------------------


def vectors(name: str) -> list[dict[str, Any]]:
    file = Path(__file__).parents[2] / "tests/keys/keys.jsonl"
    found = [
        one
        for one in map(json.loads, file.read_text("utf-8").splitlines())
        if name in one
    ]
    assert found, f"tests/keys/keys.jsonl has no vector with {name}"
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
        assert (last.anchor_text, last.occurrence) == (vector["exact"], vector["n"])
        assert (
            build_anchor_key(last, last.occurrence)
            == f"{last.document.key}/{vector['mark']}"
        )


# --- the work -------------------------------------------------------------------------------


def test_without_any_title_the_file_name_is_it(tmp_path):
    one_page(tmp_path / "cepeda 2006.pdf", mark("facts"))
    assert extracted(tmp_path).document.title == "cepeda 2006"


def test_raised_text_is_measured_at_the_letter_beside_it(tmp_path):
    text = "^{3}The mass of it grows by 10^{5} in a day and more."
    page = Page((paragraph(text),), (mark("grows by 105 in a day"),))
    write_pdf(tmp_path / "a.pdf", [page])
    found = texts(opened("pdf", tmp_path, name="papers").scan())
    assert found == ["grows by 10⁵ in a day"]


def test_a_small_n_is_an_exponent_of_a_sign_and_a_letter_of_a_word(tmp_path):
    text = "A sum of x^{n} and 2^{n} and a^{n}b^{n} is the whole of Rubi^{n} 's model a^{n}d more."
    marks = (
        mark("sum of xn and 2n and anbn is the whole of Rubin"),
        mark("model and more"),
    )
    page = Page((paragraph(text),), marks)
    write_pdf(tmp_path / "a.pdf", [page])
    found = texts(opened("pdf", tmp_path, name="papers").scan())
    assert found == ["sum of xⁿ and 2ⁿ and aⁿbⁿ is the whole of Rubin", "model and more"]


@pytest.mark.parametrize(
    ("font", "code", "words"),
    [
        ("CMSY10", "21e5", "ten × smaller"),
        ("Times-Roman", "21e5", "ten ⇥ smaller"),
        ("CMSY10", "0030", "ten ′ smaller"),
        ("Times-Roman", "0030", "ten 0 smaller"),
    ],
)
def test_signs_of_tex_are_what_they_show(tmp_path, font, code, words):
    one_page(tmp_path / "a.pdf", mark("ten x smaller"), text="It is ten x smaller here.")
    writer = PdfWriter(clone_from=tmp_path / "a.pdf")
    to_unicode = StreamObject()
    to_unicode.set_data(
        b"1 begincodespacerange <00> <ff> endcodespacerange "
        b"1 beginbfchar <78> <%s> endbfchar" % code.encode()
    )
    for one in writer.pages[0]["/Resources"]["/Font"].values():
        one.get_object()[NameObject("/BaseFont")] = NameObject(f"/{font}")
        one.get_object()[NameObject("/ToUnicode")] = writer._add_object(to_unicode)
    writer.write(tmp_path / "a.pdf")
    assert texts(opened("pdf", tmp_path, name="papers").scan()) == [words]
