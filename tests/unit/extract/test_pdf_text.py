"""Which words lie under a mark: every case is exact by the layout of the file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, StreamObject

from ankiforge.extract import pdf
from ankiforge.model import Extracted, Highlight, Problem
from ankiforge.text.fold import fold
from samples.pdf_writer import Mark, Page, formula, mark, paragraph, write_pdf

WORDS = (
    "The spacing effect improves the long-term reten\u00adtion of facts because each suc\u00adcess"
    "\u00adful recall strengthens the trace, and the non-linear curve of forget\u00adting flattens. "
)
PLAIN = WORDS.replace("\u00ad", "")


Quad = list[tuple[float, float]]
"""Upper left, upper right, lower left, lower right."""
Rewrite = Callable[[list[Quad]], list[Quad]]


def found(root: Path) -> list[Highlight]:
    source = pdf.open_source("papers", root, pdf.Settings(path=str(root)))
    return [one for got in source.scan() if isinstance(got, Extracted) for one in got.highlights]


def words(root: Path) -> list[str]:
    return [one.exact for one in found(root)]


def narrow(*marks: Mark, text: str = WORDS * 3, **page: object) -> Page:
    """A page so narrow that most long words are broken."""
    return Page((paragraph(text, family="Courier"),), marks, margin=200.0, **page)  # type: ignore[arg-type]


@pytest.mark.parametrize("family", ["Courier", "Times", "Helvetica"])
def test_words_over_many_lines_come_whole_hyphens_at_line_ends_gone(
    tmp_path: Path, family: str
) -> None:
    passage = PLAIN.strip()
    page = Page((paragraph(WORDS * 2, family=family),), (mark(passage),), margin=200.0)
    write_pdf(tmp_path / "a.pdf", [page])
    assert words(tmp_path) == [passage]


def test_a_word_keeps_its_own_hyphen_where_the_document_spells_it_so(tmp_path: Path) -> None:
    """Courier, 10.5 points: 33 letters a line, so that `anti-` ends the first."""
    text = "Aaaa bbbb cccc dddd gggg anti-viral memory."
    pages = [narrow(mark("gggg anti-viral memory"), text=text)]
    write_pdf(tmp_path / "alone.pdf", pages)
    write_pdf(tmp_path / "with.pdf", [*pages, Page((paragraph("An anti-viral plan."),))])
    assert words(tmp_path) == ["gggg antiviral memory", "gggg anti-viral memory"]


@pytest.mark.parametrize(
    ("broken", "read"),
    [
        ("cross-validated", "cross-validated"),
        ("model-based", "model-based"),
        ("end-to-end", "end-to-end"),
        ("out-of-sample", "out-of-sample"),
        ("high-way", "highway"),
        ("open-ing", "opening"),
        ("un-related", "unrelated"),
        ("cor-related", "correlated"),
    ],
)
def test_a_compound_keeps_its_hyphen_though_the_document_never_shows_it(
    tmp_path: Path, broken: str, read: str
) -> None:
    """Every word here is broken at its first hyphen, and stands nowhere else."""
    filler = "x" * (27 - len(broken.partition("-")[0]))
    text = f"Aa {filler} {broken} memory of a model."
    write_pdf(tmp_path / "a.pdf", [narrow(mark(f"{filler} {broken} memory"), text=text)])
    assert words(tmp_path) == [f"{filler} {read} memory"]


def test_a_capital_or_digit_after_the_break_keeps_the_hyphen(tmp_path: Path) -> None:
    text = "Aaaa bbbb cccc dddd eeee ffff Smith-Jones and so on COVID-19 came."
    write_pdf(tmp_path / "a.pdf", [narrow(mark("Smith-Jones and so on COVID-19"), text=text)])
    assert words(tmp_path) == ["Smith-Jones and so on COVID-19"]


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_rotated_page_reads_like_an_upright_one(tmp_path: Path, rotate: int) -> None:
    write_pdf(tmp_path / "a.pdf", [narrow(mark(PLAIN.strip()), rotate=rotate)])
    assert words(tmp_path) == [PLAIN.strip()]


@pytest.mark.parametrize(
    "matrix", ["0 1 -1 0 700 0", "-1 0 0 -1 612 792", "0 -1 1 0 0 700"], ids=["90", "180", "270"]
)
def test_a_page_printed_sideways_reads_from_its_first_line(tmp_path: Path, matrix: str) -> None:
    path = tmp_path / "a.pdf"
    write_pdf(path, [narrow(mark(PLAIN.split(" ")[0]))])
    writer = PdfWriter(clone_from=path)
    page = writer.pages[0]
    stream = StreamObject()
    code = page["/Contents"].get_data()  # type: ignore[attr-defined]
    stream.set_data(b"q %s cm\n%s\nQ" % (matrix.encode(), code))
    page[NameObject("/Contents")] = writer._add_object(stream)
    everything = ArrayObject([FloatObject(edge) for edge in (-2000, -2000, 2000, 2000)])
    entry = page["/Annots"][0].get_object()  # type: ignore[index]
    del entry["/QuadPoints"]
    entry[NameObject("/Rect")] = everything
    writer.write(path)
    assert words(tmp_path) == [(PLAIN * 3).strip()]


def test_a_page_whose_origin_is_elsewhere_reads_the_same(tmp_path: Path) -> None:
    page = narrow(mark(PLAIN.strip()), media=(-100.0, -50.0, 512.0, 742.0))
    write_pdf(tmp_path / "a.pdf", [page])
    assert words(tmp_path) == [PLAIN.strip()]


def test_a_mark_without_quads_covers_its_rectangle(tmp_path: Path) -> None:
    write_pdf(
        tmp_path / "a.pdf", [Page((paragraph(WORDS),), (mark("spacing effect", quads=False),))]
    )
    assert words(tmp_path) == ["spacing effect"]


def corners(*order: int) -> Rewrite:
    return lambda quads: [[quad[corner] for corner in order] for quad in quads]


PASSAGE = PLAIN.strip()
REWRITTEN: dict[str, tuple[str, str, Rewrite]] = {
    "as Adobe writes them": (PASSAGE, "Highlight", corners(0, 1, 2, 3)),
    "as the standard says": (PASSAGE, "Highlight", corners(2, 3, 1, 0)),
    "clockwise": (PASSAGE, "Highlight", corners(0, 1, 3, 2)),
    "lowest first": (PASSAGE, "Highlight", corners(2, 3, 0, 1)),
    "from the last line to the first": (PASSAGE, "Highlight", lambda quads: quads[::-1]),
    "so high that they touch the lines around": (
        PASSAGE, "Highlight", lambda quads: [grown(quad, 0.0, 3.0) for quad in quads]
    ),
    "strokes below the words": (PASSAGE, "Underline", lambda quads: [stroke(q) for q in quads]),
    "first letters covered in part": (
        "spacing effect", "Highlight", lambda quads: [grown(quad, -4.0, 0.0) for quad in quads]
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", REWRITTEN)
def test_quads_of_all_programs_mark_the_same_words(tmp_path: Path, how: str) -> None:
    passage, kind, rewrite = REWRITTEN[how]
    wide = passage == "spacing effect"
    page = Page((paragraph(WORDS, family="Courier"),), (mark(passage),))
    path = tmp_path / "a.pdf"
    write_pdf(path, [page if wide else narrow(mark(passage, kind=kind))])
    rewrite_quads(path, rewrite)
    assert words(tmp_path) == [passage]


def test_a_quad_that_stops_before_the_hyphen_still_joins_the_word(tmp_path: Path) -> None:
    text = "Aaaa bbbb cccc dddd eeee reten\u00adtion of facts."
    path = tmp_path / "a.pdf"
    write_pdf(path, [narrow(mark("retention of"), text=text)])
    rewrite_quads(path, lambda quads: [shortened(quads[0], 6.3), *quads[1:]])
    assert words(tmp_path) == ["retention of"]


def test_two_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    page = Page((paragraph(PLAIN * 14),), (mark(PLAIN.strip(), nth=7),), columns=2, margin=150.0)
    write_pdf(tmp_path / "a.pdf", [page])
    assert words(tmp_path) == [PLAIN.strip()]


def test_raised_and_lowered_numbers_are_written_so_that_no_number_changes(tmp_path: Path) -> None:
    text = (
        "A mole is 6.022·10^{23} particles of H_{2}O, ^{14}C has 10^{-5}, log_{2}10 is 3, and at the "
        "end of a line with so many of them a note^{1,2} is still raised.^{3} Next."
    )
    marked = "6.022·1023 particles of H2O, 14C has 10-5, log210"
    rest = "a note1,2 is still raised.3 Next."
    write_pdf(tmp_path / "a.pdf", [Page((paragraph(text),), (mark(marked), mark(rest)))])
    highlight, noted = found(tmp_path)
    assert highlight.exact == "6.022·10²³ particles of H₂O, ¹⁴C has 10⁻⁵, log₂10"
    assert fold(highlight.exact) == fold(marked)
    assert noted.exact == "a note¹,² is still raised.³ Next."


def test_other_raised_signs_stand_where_they_are_printed(tmp_path: Path) -> None:
    page = Page((formula("R = e^{−t/S}"), paragraph("The 1^{st} A^{*}.")), (mark("R = e−t/S"),))
    write_pdf(tmp_path / "a.pdf", [page])
    (highlight,) = found(tmp_path)
    assert (highlight.exact, highlight.suffix) == ("R = e−t/S", "\nThe 1st A*.")


def test_smaller_numbers_that_stand_on_the_line_are_not_raised(tmp_path: Path) -> None:
    """As old-style figures and small capitals do."""
    path = tmp_path / "a.pdf"
    write_pdf(path, [Page((paragraph("In the year 1066 it was so."),), (mark("the year"),))])
    writer = PdfWriter(clone_from=path)
    printed = writer.pages[0].get_contents().get_data()  # type: ignore[union-attr]
    size = re.search(rb"/F4 ([\d.]+) Tf", printed)[1]  # type: ignore[index]
    smaller = b") Tj /F4 8 Tf (1066) Tj /F4 %s Tf (" % size
    replace_contents(writer, printed.replace(b"1066", smaller))
    writer.write(path)
    (highlight,) = found(tmp_path)
    assert highlight.suffix == " 1066 it was so."


@pytest.mark.parametrize(
    "printed", [rb"(\264) Tj %s Tm (e is", rb"(e) Tj %s Tm (\264) Tj %s Tm ( is"]
)
def test_an_accent_printed_over_a_letter_makes_one_letter_with_it(
    tmp_path: Path, printed: bytes
) -> None:
    """As TeX prints them; in Courier both are equally wide, so they begin at one place."""
    path = tmp_path / "a.pdf"
    text = "Poincare is here, 5\u00b4 is not."
    write_pdf(path, [Page((paragraph(text, family="Courier"),), (mark(text),))])
    writer = PdfWriter(clone_from=path)
    page = writer.pages[0]
    code = page["/Contents"].get_data()  # type: ignore[attr-defined]
    left, y = map(float, re.search(rb"1 0 0 1 (\S+) (\S+) Tm", code).groups())  # type: ignore[union-attr]
    wide = 0.6 * float(re.search(rb"/F1 (\S+) Tf", code)[1])  # type: ignore[index]
    letter, after = (b"1 0 0 1 %f %f" % (left + n * wide, y) for n in (7, 8))
    moves = (letter, after)[: printed.count(b"%s")]
    drawn = b"(Poincar) Tj %s Tm " % letter + printed % moves
    stream = StreamObject()
    stream.set_data(code.replace(b"(Poincare is", drawn, 1))
    page[NameObject("/Contents")] = writer._add_object(stream)
    writer.write(path)
    assert words(tmp_path) == ["Poincaré is here, 5´ is not."]


def test_letters_printed_twice_to_look_bold_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    write_pdf(path, [narrow(mark(PLAIN.strip()))])
    writer = PdfWriter(clone_from=path)
    printed = writer.pages[0].get_contents().get_data()  # type: ignore[union-attr]
    replace_contents(writer, printed + b"\n1 0 0 1 0.3 0 cm\n" + printed)
    writer.write(path)
    assert words(tmp_path) == [PLAIN.strip()]


def test_invisible_text_over_a_scan_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    write_pdf(path, [narrow(mark(PLAIN.strip()))])
    writer = PdfWriter(clone_from=path)
    printed = writer.pages[0].get_contents().get_data()  # type: ignore[union-attr]
    replace_contents(writer, b"3 Tr\n" + printed)
    writer.write(path)
    assert words(tmp_path) == [PLAIN.strip()]


def test_a_scan_without_text_is_one_problem_and_its_marks_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    write_pdf(path, [Page((paragraph(WORDS),), (mark("effect"), mark("recall")), label="iv")])
    writer = PdfWriter(clone_from=path)
    replace_contents(writer, b"0 0 612 792 re f")
    writer.write(path)
    source = pdf.open_source("papers", tmp_path, pdf.Settings(path=str(tmp_path)))
    read, problem, _ = source.scan()
    assert isinstance(read, Extracted)
    assert [(one.exact, one.skip) for one in read.highlights] == [("", ""), ("", "")]
    assert problem == Problem(
        "a.pdf",
        "marks on pages without text, as scans are: iv",
        "add a text layer (OCR); the marks will then be read",
    )


def test_a_sentence_ends_where_its_paragraph_does(tmp_path: Path) -> None:
    blocks = (
        paragraph("Table 1: widths and heights", size=8.0),
        paragraph(WORDS, before=30.0),
        paragraph("Copyright of the journal", before=60.0),
    )
    write_pdf(tmp_path / "a.pdf", [Page(blocks, (mark("recall strengthens"),))])
    assert [one.sentence for one in found(tmp_path)] == [PLAIN.strip()]


def test_a_whole_sentence_needs_no_sentence_around_it(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", [Page((paragraph(WORDS),), (mark(PLAIN.strip()),))])
    assert [one.sentence for one in found(tmp_path)] == [""]


def test_the_context_has_no_hyphens_of_line_ends(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", [narrow(mark("recall", nth=2))])
    (one,) = found(tmp_path)
    before, _, after = (PLAIN * 3).rstrip().partition("recall")[2].partition("recall")
    assert one.prefix == (PLAIN.partition("recall")[0] + "recall" + before)[-80:]
    assert one.suffix == after[:80]


# --- letters that a program wrote down wrongly ------------------------------------------------


def called(path: Path, letter: str, unicode: str) -> None:
    """Let the fonts of a file say that one letter stands for these signs, as for a ligature."""
    code = f"<{ord(letter):02x}> <{unicode.encode('utf-16-be').hex()}>"
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"1 beginbfchar {code} endbfchar endcmap end end"
    )
    writer = PdfWriter(clone_from=path)
    stream = StreamObject()
    stream.set_data(cmap.encode())
    reference = writer._add_object(stream)
    for font in writer.pages[0]["/Resources"]["/Font"].values():  # type: ignore[index]
        font.get_object()[NameObject("/ToUnicode")] = reference
    writer.write(path)


@pytest.mark.parametrize(
    ("letter", "unicode", "exact"),
    [
        ("@", "ff", "affairs of state are trifles"),
        ("@", "\u6600\u6600", "affairs of state are trifles"),  # as Ghostscript 10.0 swaps it
        ("@", "\u6600", "a\u6600airs of state are trifles"),  # one sign may be meant
        ("@", "\u8a18\u61b6", "a\u8a18\u61b6airs of state are trifles"),
    ],
)
def test_ligatures_whose_bytes_were_swapped_are_their_letters(
    tmp_path: Path, letter: str, unicode: str, exact: str
) -> None:
    page = Page(
        (paragraph(f"The a{letter}airs of state are trifles."),),
        (mark(f"a{letter}airs of state are trifles"),),
    )
    write_pdf(tmp_path / "a.pdf", [page])
    called(tmp_path / "a.pdf", letter, unicode)
    assert words(tmp_path) == [exact]


# --- quads rewritten ------------------------------------------------------------------------


def rewrite_quads(path: Path, change: Rewrite) -> None:
    reader = PdfReader(path)
    values = [float(value) for value in reader.pages[0]["/Annots"][0].get_object()["/QuadPoints"]]  # type: ignore[index]
    corners = list(zip(values[0::2], values[1::2], strict=True))
    changed = change([corners[at : at + 4] for at in range(0, len(corners), 4)])
    writer = PdfWriter(clone_from=reader)
    numbers = [FloatObject(value) for quad in changed for corner in quad for value in corner]
    entry = writer.pages[0]["/Annots"][0].get_object()  # type: ignore[index]
    entry[NameObject("/QuadPoints")] = ArrayObject(numbers)
    writer.write(path)


def grown(quad: Quad, across: float, along: float) -> Quad:
    (left, top), (right, bottom) = quad[0], quad[3]
    left, right, top, bottom = left - across, right + across, top + along, bottom - along
    return [(left, top), (right, top), (left, bottom), (right, bottom)]


def shortened(quad: Quad, by: float) -> Quad:
    (left, top), (right, bottom) = quad[0], quad[3]
    return [(left, top), (right - by, top), (left, bottom), (right - by, bottom)]


def stroke(quad: Quad) -> Quad:
    (left, _), (right, bottom) = quad[0], quad[3]
    return [(left, bottom + 1), (right, bottom + 1), (left, bottom), (right, bottom)]


def replace_contents(writer: PdfWriter, code: bytes) -> None:
    stream = StreamObject()
    stream.set_data(code)
    page: DictionaryObject = writer.pages[0]
    page[NameObject("/Contents")] = writer._add_object(stream)
