"""Draws the letters of a page by procedures, as old TeX and some drawing programs do."""

from __future__ import annotations

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
)

FIRST, LAST, WIDE = 32, 126, 600
"""Codes, and how wide Courier is."""


def as_type3(writer: PdfWriter) -> None:
    """Every font of the first page becomes one of Type 3 in which each letter is a box."""
    stream = StreamObject()
    stream.set_data(b"%d 0 0 -200 %d 700 d1 50 0 500 450 re f" % (WIDE, WIDE))
    drawn = writer._add_object(stream)
    names = [f"/u{code:04X}" for code in range(FIRST, LAST + 1)]
    fonts = writer.pages[0]["/Resources"]["/Font"]
    for key in list(fonts):
        fonts[key] = writer._add_object(
            DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Font"),
                    NameObject("/Subtype"): NameObject("/Type3"),
                    NameObject("/FontBBox"): ArrayObject(map(NumberObject, (0, 0, 0, 0))),
                    NameObject("/FontMatrix"): ArrayObject(
                        map(FloatObject, (0.001, 0, 0, 0.001, 0, 0))
                    ),
                    NameObject("/CharProcs"): DictionaryObject(
                        {NameObject(name): drawn for name in names}
                    ),
                    NameObject("/Encoding"): DictionaryObject(
                        {
                            NameObject("/Type"): NameObject("/Encoding"),
                            NameObject("/Differences"): ArrayObject(
                                [NumberObject(FIRST), *map(NameObject, names)]
                            ),
                        }
                    ),
                    NameObject("/FirstChar"): NumberObject(FIRST),
                    NameObject("/LastChar"): NumberObject(LAST),
                    NameObject("/Widths"): ArrayObject([NumberObject(WIDE)] * len(names)),
                    NameObject("/ToUnicode"): writer._add_object(_to_unicode()),
                }
            )
        )


def _to_unicode() -> StreamObject:
    stream = StreamObject()
    stream.set_data(
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        b"1 begincodespacerange <00> <FF> endcodespacerange\n"
        b"1 beginbfrange <%02X> <%02X> <%04X> endbfrange\n"
        b"endcmap end end" % (FIRST, LAST, FIRST)
    )
    return stream
