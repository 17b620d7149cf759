r"""Writes small annotated PDFs whose every mark is exact by arithmetic, the same bytes each time.

    from tests.makers.pdf_writer import Page, formula, heading, mark, paragraph, write_pdf

    write_pdf(
        "paper.pdf",
        [
            Page(
                (
                    heading("The Spacing Effect", level=0),
                    paragraph("A. Reader", align="centre", style="italic"),
                    heading("1 Introduction"),
                    paragraph("Spacing im\u00adproves the reten\u00adtion of facts [*Cepeda 2006*]."),
                    formula("R = e^{−t/S}"),
                ),
                marks=(mark("Spacing improves", colour="#ffd400", comment="why?"),),
                label="117",
            )
        ],
        title="The Spacing Effect",
        author="A. Reader",
        outline=True,
    )

In a text, a soft hyphen (`\u00ad`) allows a break, `*…*` is italic, `**…**` bold, `^{…}` raised,
`_{…}` lowered; Greek letters and signs of maths come from the font Symbol. What a mark covers is
told in the words of the text without these signs and hyphens; a page that lacks them is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    Fit,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from tests.makers.font_widths import SYMBOL, width
from tests.makers.pdf_layout import (
    Block,
    Box,
    Glyph,
    Placed,
    formula,
    heading,
    paragraph,
    place,
)

__all__ = [
    "Block",
    "Mark",
    "Page",
    "formula",
    "heading",
    "mark",
    "paragraph",
    "write_pdf",
]

ASCENT, DESCENT = 0.75, 0.22
"""How far a mark reaches above and below the baseline, in font sizes."""

FONTS = {
    name: f"/F{number}"
    for number, name in enumerate(
        [
            "Courier",
            "Helvetica",
            "Helvetica-Bold",
            "Times-Roman",
            "Times-Bold",
            "Times-Italic",
        ],
        1,
    )
} | {"Symbol": "/F7"}


# --- what a page is made of -----------------------------------------------------------------


@dataclass(frozen=True)
class Mark:
    """An annotation over some words of the page's text."""

    words: str
    kind: str = "Highlight"
    """The PDF's name of it: Highlight, Underline, StrikeOut, Text, Square, Ink …"""
    colour: str = "#ffd400"
    comment: str = ""
    author: str = "Reader"
    date: str = "D:20260301120000Z"
    name: str = ""
    """/NM"""
    nth: int = 1
    """Which occurrence of the words on the page."""
    quads: bool = True
    """False: only /Rect, as some programs write it."""
    replies: tuple[tuple[str, str], ...] = ()
    """(author, words), in order."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further entries of the annotation, as PDF objects: {"/F": NumberObject(2)}."""


def mark(words: str, **settings: Any) -> Mark:
    """A highlight over these words; `settings` are fields of `MatchedHighlight`."""
    return Mark(words, **settings)


@dataclass(frozen=True)
class Page:
    """Blocks set from the top; whatever does not fit is an error."""

    blocks: Sequence[Block]
    marks: Sequence[Mark] = ()
    label: str = ""
    rotate: int = 0
    columns: int = 1
    margin: float = 72.0
    media: Box = (0.0, 0.0, 612.0, 792.0)
    drawing: str = ""
    """A figure under the text, in the page's own code: `1 0 0 rg 100 300 80 40 re f`."""


def write_pdf(
    path: Path | str,
    pages: Iterable[Page],
    *,
    title: str = "",
    author: str = "",
    fields: Mapping[str, str] | None = None,
    outline: bool = False,
) -> None:
    """Write the pages; `fields` are further entries of the information dictionary.

    Raises:
        ValueError: the words of a mark are not on its page, or its blocks do not fit.
    """
    writer = PdfWriter()
    fonts = _fonts(writer)
    made = list(pages)
    for number, page in enumerate(made):
        placed = place(page.blocks, page.media, page.margin, page.columns)
        _draw(writer, page, placed, fonts)
        for one in page.marks:
            _annotate(writer, number, one, placed)
        if outline:
            _outline(writer, number, page, placed)
    _label(writer, made)
    info = {"/Producer": "samples", "/Title": title, "/Author": author, **(fields or {})}
    writer.metadata = None
    writer.add_metadata({key: value for key, value in info.items() if value})
    writer.write(Path(path))


# --- drawing --------------------------------------------------------------------------------


def _fonts(writer: PdfWriter) -> DictionaryObject:
    return DictionaryObject(
        {NameObject(key): writer._add_object(_font(name)) for name, key in FONTS.items()}
    )


def _font(name: str) -> DictionaryObject:
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject(f"/{name}"),
            NameObject("/FirstChar"): NumberObject(32),
            NameObject("/LastChar"): NumberObject(255),
            NameObject("/Widths"): ArrayObject([NumberObject(w) for w in _widths(name)]),
        }
    )
    if name != "Symbol":
        font[NameObject("/Encoding")] = NameObject("/WinAnsiEncoding")
    return font


def _widths(name: str) -> list[int]:
    if name == "Symbol":
        wide = dict(SYMBOL.values())
        return [wide.get(code, 500) for code in range(32, 256)]
    return [
        width(name, bytes([code]).decode("cp1252", "replace")) for code in range(32, 256)
    ]


def _draw(writer: PdfWriter, page: Page, placed: Placed, fonts: DictionaryObject) -> None:
    left, bottom, right, top = page.media
    sheet = writer.add_blank_page(right - left, top - bottom)
    sheet[NameObject("/MediaBox")] = ArrayObject(
        [FloatObject(edge) for edge in page.media]
    )
    if page.rotate:
        sheet[NameObject("/Rotate")] = NumberObject(page.rotate)
    sheet[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = StreamObject()
    lines = zip(placed.lines, placed.spacing, strict=True)
    code = [f"q {page.drawing} Q".encode()] if page.drawing else []
    code += [_line_code(line, extra) for line, extra in lines if line]
    stream.set_data(b"\n".join(code))
    sheet[NameObject("/Contents")] = writer._add_object(stream)


def _line_code(line: tuple[Glyph, ...], extra: float) -> bytes:
    parts = [b"BT %.3f Tw 1 0 0 1 %.3f %.3f Tm" % (extra, line[0].x, line[0].y)]
    look, run = None, b""
    for glyph in line:
        now = (FONTS[glyph.font], glyph.size, glyph.rise)
        if now != look:
            parts += [b"(%s) Tj" % run] if run else []
            parts.append(b"%s %.3f Tf %.3f Ts" % (now[0].encode(), *now[1:]))
            look, run = now, b""
        run += _code(glyph)
    return b" ".join([*parts, b"(%s) Tj" % run, b"ET"])


def _code(glyph: Glyph) -> bytes:
    if glyph.font == "Symbol":
        raw = bytes([SYMBOL[glyph.character][0]])
    else:
        raw = glyph.character.encode("cp1252")
    return b"\\" + raw if raw in (b"(", b")", b"\\") else raw


# --- annotations, outline, labels -----------------------------------------------------------


def _boxes(placed: Placed, one: Mark) -> list[Box]:
    start = -1
    for _ in range(one.nth):
        start = placed.text.find(one.words, start + 1)
        if start < 0:
            raise ValueError(f"not on the page {one.nth} times: {one.words!r}")
    covered = range(start, start + len(one.words))
    boxes = []
    for line in placed.lines:
        hit = [glyph for glyph in line if glyph.index in covered]
        if hit:
            y, size, last = hit[0].y, hit[0].base, hit[-1]
            boxes.append(
                (hit[0].x, y - DESCENT * size, last.x + last.width, y + ASCENT * size)
            )
    return boxes


def _annotate(writer: PdfWriter, number: int, one: Mark, placed: Placed) -> None:
    boxes = _boxes(placed, one)
    rect = (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
    if one.kind == "Text":
        rect = (rect[0] - 20.0, rect[3] - 18.0, rect[0] - 2.0, rect[3])
    entry = _annotation(one.kind, rect, one.author, one.comment, one.date)
    colour = [int(one.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    entry[NameObject("/C")] = _numbers(colour)
    if one.kind in ("Highlight", "Underline", "StrikeOut", "Squiggly") and one.quads:
        entry[NameObject("/QuadPoints")] = _numbers(
            [v for box in boxes for v in _quad(box)]
        )
    if one.name:
        entry[NameObject("/NM")] = TextStringObject(one.name)
    for key, value in one.more.items():
        entry[NameObject(key)] = value
    parent = _attach(writer, number, entry)
    for author, words in one.replies:
        reply = _annotation("Text", rect, author, words, one.date)
        reply[NameObject("/IRT")] = parent
        _attach(writer, number, reply)


def _annotation(
    kind: str, rect: Box, author: str, comment: str, date: str
) -> DictionaryObject:
    entry = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject(f"/{kind}"),
            NameObject("/Rect"): _numbers(rect),
            NameObject("/F"): NumberObject(4),
        }
    )
    for key, value in (("/Contents", comment), ("/T", author), ("/M", date)):
        if value:
            entry[NameObject(key)] = TextStringObject(value)
    return entry


def _attach(writer: PdfWriter, number: int, entry: DictionaryObject) -> Any:
    sheet = writer.pages[number]
    if "/Annots" not in sheet:
        sheet[NameObject("/Annots")] = ArrayObject()
    reference = writer._add_object(entry)
    cast(ArrayObject, sheet["/Annots"]).append(reference)
    return reference


def _quad(box: Box) -> list[float]:
    """The four corners in the order that all programs write."""
    left, bottom, right, top = box
    return [left, top, right, top, left, bottom, right, bottom]


def _numbers(values: Iterable[float]) -> ArrayObject:
    return ArrayObject([FloatObject(f"{value:.3f}") for value in values])


def _outline(writer: PdfWriter, number: int, page: Page, placed: Placed) -> None:
    for at, block in enumerate(page.blocks):
        if block.level:
            top = (
                max(g.y for line in placed.lines for g in line if g.block == at)
                + block.size
            )
            writer.add_outline_item(
                title=block.text,
                page_number=number,
                fit=Fit.xyz(left=0, top=round(top, 3)),
            )


def _label(writer: PdfWriter, pages: list[Page]) -> None:
    if not any(page.label for page in pages):
        return
    entries = ArrayObject()
    for number, page in enumerate(pages):
        label = TextStringObject(page.label or str(number + 1))
        entries += [NumberObject(number), DictionaryObject({NameObject("/P"): label})]
    labels = DictionaryObject({NameObject("/Nums"): entries})
    writer.root_object[NameObject("/PageLabels")] = writer._add_object(labels)
