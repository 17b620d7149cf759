"""Writes PDFs that are damaged, endless or meant to do harm.

python -m benchmarks.hostile_pdfs FOLDER
"""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from benchmarks.looks import BENCH, MORE
from benchmarks.marked_pdfs import FAMILY, write
from samples.pdf_writer import Mark, Page, mark, paragraph, write_pdf

FLIPPED, CUT, JUNK = 240, 60, 20
"""How many files have bytes changed, end early, or lie behind junk."""
MANY = 200_000
DEEP = 20_000
KINDS = ("Highlight", "Underline", "StrikeOut", "Text", "FreeText", "Square", "Circle", "Ink")


def write_all(folder: Path, seed: int = 0) -> None:
    """Write all of them, the same for the same seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in _files(folder, random.Random(seed)):
        (folder / f"{name}.pdf").write_bytes(data)


def _files(folder: Path, dice: random.Random) -> Iterator[tuple[str, bytes]]:
    good = list(_good(folder, dice))
    for number in range(FLIPPED):
        yield f"flipped-{number:03}", _flipped(dice.choice(good), dice)
    for number in range(CUT):
        data = dice.choice(good)
        yield f"cut-{number:03}", data[: dice.randrange(len(data))]
    for number in range(JUNK):
        yield f"junk-{number:03}", dice.randbytes(dice.randrange(70_000)) + dice.choice(good)
    for name, made in MEANT.items():
        yield f"meant-{name}", made()


def _good(folder: Path, dice: random.Random) -> Iterator[bytes]:
    path = folder / "good.pdf"
    for name in ("plain", "two_column", "form_xobj", "lig", "rot_text", "type3", "arabic_forms"):
        write(path, (BENCH | MORE)[name], dice, FAMILY)
        yield path.read_bytes()
    words = "Spacing improves the retention of facts, and massed practice does not improve it."
    marks = [_of_kind(kind) for kind in KINDS]
    write_pdf(path, [Page((paragraph(words),), marks), Page((paragraph(words),))], outline=True)
    yield path.read_bytes()
    path.unlink()


def _of_kind(kind: str) -> Mark:
    return mark("massed practice", kind=kind, comment=f"a {kind}", replies=(("B", "indeed"),))


def _flipped(data: bytes, dice: random.Random) -> bytes:
    """A copy with some bytes changed, lost or doubled; here and there digits, as these lead on."""
    raw = bytearray(data)
    for _ in range(dice.choice((1, 3, 10, 100))):
        at = dice.randrange(len(raw))
        match dice.randrange(5):
            case 0:
                raw[at] = dice.randrange(256)
            case 1:
                del raw[at : at + dice.randrange(40)]
            case 2:
                raw[at:at] = raw[at : at + dice.randrange(200)]
            case 3:
                raw[at : at + 4] = dice.choice((b"\0\0\0\0", b"9999", b"-1 0", b"<<[(", b"R>>]"))
            case _:
                digits = [n for n in range(at, min(at + 400, len(raw))) if chr(raw[n]).isdigit()]
                if digits:
                    raw[dice.choice(digits)] = ord(dice.choice("0123456789"))
    return bytes(raw)


# --- what is meant to do harm ---------------------------------------------------------------


def _pdf(*objects: bytes, root: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of these objects, numbered from 1."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d %s>>\n" % (len(objects) + 1, root)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d %s>>\nstream\n%s\nendstream" % (len(data), more, data)


MARK = (
    b"<</Type/Annot/Subtype/Highlight/Rect[70 690 300 715]/Contents(why)"
    b"/QuadPoints[70 715 300 715 70 690 300 690]>>"
)
TEXT = b"BT /F0 12 Tf 72 700 Td (Spacing improves the retention of facts.) Tj ET"
FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"


def _page(
    *,
    annots: bytes = b"[5 0 R]",
    content: bytes = _stream(TEXT),
    mark: bytes = MARK,
    page: bytes = b"",
    resources: bytes = b"",
    catalog: bytes = b"",
    more: Sequence[bytes] = (),
) -> bytes:
    """A page with a text (object 4) and a mark (5); `more` are the objects from 7 on."""
    return _pdf(
        b"<</Type/Catalog/Pages 2 0 R %s>>" % catalog,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Annots %s"
        b"/Resources<</Font<</F0 6 0 R>>%s>>%s>>" % (annots, resources, page),
        content,
        mark,
        FONT,
        *more,
    )


def _bomb(times: int = 1, filler: bytes = b" ") -> bytes:
    """640 MiB of blanks, packed `times` times."""
    packed = _packed(filler)
    for _ in range(times - 1):
        packed = zlib.compress(packed)
    return _stream(packed, b"/Filter[%s]" % (b"/FlateDecode" * times))


@cache
def _packed(filler: bytes) -> bytes:
    packer = zlib.compressobj(1)
    block = filler * (2**20 // len(filler))
    return b"".join(packer.compress(block) for _ in range(640)) + packer.flush()


def _nested(opened: bytes, closed: bytes) -> bytes:
    return opened * DEEP + closed * DEEP


def _tree(depth: int) -> bytes:
    """Pages below pages below pages."""
    first = 7
    nodes = [
        b"<</Type/Pages/Count 1/Parent %d 0 R/Kids[%d 0 R]>>"
        % (first + number - 1 if number else 2, first + number + 1 if number < depth - 1 else 3)
        for number in range(depth)
    ]
    made = _page(more=nodes)
    return made.replace(b"/Kids[3 0 R]/Count", b"/Kids[7 0 R]/Count", 1)


def _quads(numbers: bytes) -> bytes:
    return MARK.replace(b"[70 715 300 715 70 690 300 690]", numbers)


def _forms() -> bytes:
    """Forty forms, each of which draws the next one ten times."""
    forms = [
        _stream(
            b"/X Do " * 10,
            b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</X %d 0 R>>>>"
            % (number + 1),
        )
        for number in range(7, 47)
    ]
    last = _stream(TEXT, b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]")
    return _page(
        content=_stream(TEXT + b" /X Do"), resources=b"/XObject<</X 7 0 R>>", more=[*forms, last]
    )


def _prev() -> bytes:
    """A cross-reference table that comes before itself."""
    made = _page()
    start = made.rindex(b"xref\n0")
    return made.replace(b"/Root 1 0 R", b"/Root 1 0 R/Prev %d" % start)


def _image(more: bytes, data: bytes = b"\xff\xd8\xff\xe0") -> bytes:
    """A picture that is said to be huge, below a mark that wants it cut."""
    square = MARK.replace(b"/Highlight", b"/Square")
    shown = _stream(TEXT + b" q 500 0 0 500 50 250 cm /I Do Q")
    image = _stream(data, b"/Type/XObject/Subtype/Image/ColorSpace/DeviceRGB " + more)
    return _page(content=shown, resources=b"/XObject<</I 7 0 R>>", mark=square, more=[image])


def _letters(count: int, size: float = 0.01) -> bytes:
    """As many letters as there are, almost in one place."""
    rows = range(count // 1000)
    line = b"BT /F0 %f Tf 80 %f Td (%s) Tj ET\n"
    return _page(
        content=_stream(b"".join(line % (size, 700 + row * size, b"e" * 1000) for row in rows))
    )


BIG = b"/Width 60000/Height 60000/BitsPerComponent 8"
MEANT: dict[str, Callable[[], bytes]] = {
    "empty": bytes,
    "zeros": lambda: bytes(100_000),
    "html": lambda: b"<!doctype html><html>404</html>",
    "header": lambda: b"%PDF-1.7\n",
    "text-after-header": lambda: b"%PDF-1.7\n" + b"hello world\n" * 700_000,
    "bomb-content": lambda: _page(content=_bomb()),
    "bomb-twice": lambda: _page(content=_bomb(2)),
    "bomb-letters": lambda: _page(content=_bomb(2, b"BT /F0 1 Tf 9 9 Td (ee) Tj ET\n")),
    "bomb-xmp": lambda: _page(catalog=b"/Metadata 7 0 R", more=[_bomb(2)]),
    "bomb-image": lambda: _image(BIG + b"/Filter/FlateDecode", zlib.compress(bytes(2**24), 9)),
    "image-huge": lambda: _image(BIG + b"/Filter/DCTDecode"),
    "image-jpx": lambda: _image(BIG + b"/Filter/JPXDecode"),
    "image-jbig2": lambda: _image(BIG + b"/Filter/JBIG2Decode"),
    "xmp-laughs": lambda: _page(
        catalog=b"/Metadata 7 0 R",
        more=[
            _stream(
                b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
                + b"".join(
                    b'<!ENTITY %c "%s">' % (98 + n, (b"&%c;" % (97 + n)) * 20) for n in range(12)
                )
                + b"]><x>&m;</x>"
            )
        ],
    ),
    "kids-loop": lambda: _page().replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"),
    "parent-loop": lambda: _page().replace(b"/Parent 2 0 R", b"/Parent 3 0 R"),
    "prev-loop": _prev,
    "tree-3000": lambda: _tree(3000),
    "tree-60": lambda: _tree(60),
    "arrays": lambda: _page(mark=_quads(_nested(b"[", b"]"))),
    "dictionaries": lambda: _page(mark=b"<</A" + _nested(b"<</A", b">>") + b">>"),
    "content-arrays": lambda: _page(content=_stream(_nested(b"[", b"]") + TEXT)),
    "content-q": lambda: _page(content=_stream(b"q " * MANY + TEXT)),
    "content-bt": lambda: _page(content=_stream(b"BT " * MANY + TEXT)),
    "forms": _forms,
    "form-loop": lambda: _page(
        content=_stream(TEXT + b" /X Do"),
        resources=b"/XObject<</X 7 0 R>>",
        more=[
            _stream(
                b"/X Do " * 9,
                b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 7 0 R>>>>",
            )
        ],
    ),
    "annots-many": lambda: _page(annots=b"[" + b"5 0 R " * MANY + b"]"),
    "annots-loop": lambda: _page(annots=b"7 0 R", more=[b"[7 0 R 5 0 R]"]),
    "annots-junk": lambda: _page(annots=b"[null 1 (x) /N [5 0 R] <<>> 99 0 R 5 0 R true]"),
    "annots-page": lambda: _page(annots=b"[3 0 R 2 0 R 1 0 R 5 0 R]"),
    "replies-loop": lambda: _page(
        mark=MARK[:-2] + b"/IRT 5 0 R>>",
        annots=b"[5 0 R 7 0 R]",
        more=[MARK[:-2] + b"/IRT 5 0 R>>"],
    ),
    "quads-many": lambda: _page(
        mark=_quads(b"[" + b"70 715 300 715 70 690 300 690 " * MANY + b"]")
    ),
    "quads-huge": lambda: _page(
        mark=_quads(b"[" + b"1e30 -1e30 99999999999999999999 0 " * 8 + b"]")
    ),
    "quads-junk": lambda: _page(mark=_quads(b"[/A (b) null 3 [4] <<>> 7 8 9]")),
    "rect-huge": lambda: _page(
        mark=b"<</Type/Annot/Subtype/Square/Rect[-1e9 -1e9 1e9 1e9]/Contents(x)>>"
    ),
    "ink-many": lambda: _page(
        mark=b"<</Type/Annot/Subtype/Ink/Rect[0 0 600 700]/InkList[["
        + b"10 10 500 500 " * MANY
        + b"]]>>"
    ),
    "media-huge": lambda: _page(page=b"/UserUnit 1e9/Rotate 91").replace(
        b"[0 0 612 792]", b"[-1e9 -1e9 1e9 1e9]"
    ),
    "media-none": lambda: _page().replace(b"[0 0 612 792]", b"[0 0 0 0]"),
    "letters": lambda: _letters(200_000),
    "letters-large": lambda: _letters(100_000, 12),
    "letters-huge": lambda: _letters(20_000, 9e9),
    "outline-loop": lambda: _page(
        catalog=b"/Outlines 7 0 R",
        more=[
            b"<</First 8 0 R/Last 8 0 R/Count 1>>",
            b"<</Title(a)/Parent 7 0 R/Next 8 0 R/First 8 0 R/Dest[3 0 R/XYZ 0 700 0]>>",
        ],
    ),
    "outline-deep": lambda: _page(
        catalog=b"/Outlines 7 0 R",
        more=[
            b"<</First 8 0 R/Last 8 0 R/Count 1>>",
            *(
                b"<</Title(a)/Parent %d 0 R/First %d 0 R/Dest[3 0 R/XYZ 0 700 0]>>"
                % (number - 1, number + 1)
                for number in range(8, 4000)
            ),
        ],
    ),
    "outline-long": lambda: _page(
        catalog=b"/Outlines 7 0 R",
        more=[
            b"<</First 8 0 R/Last 8 0 R/Count 1>>",
            *(
                b"<</Title(a)/Parent 7 0 R/Next %d 0 R/Dest[3 0 R/XYZ 0 700 0]>>" % (number + 1)
                for number in range(8, 20_000)
            ),
        ],
    ),
    "labels-loop": lambda: _page(
        catalog=b"/PageLabels 7 0 R", more=[b"<</Kids[7 0 R]/Nums[0 <</S/D/St 99999999>>]>>"]
    ),
    "labels-roman": lambda: _page(
        catalog=b"/PageLabels 7 0 R", more=[b"<</Nums[0 <</S/r/St 2000000000>>]>>"]
    ),
    "unicode": lambda: _page(
        mark=MARK.replace(b"(why)", b"<FEFFD83DD83DDC00000000FFFE>"),
        content=_stream(TEXT.replace(b"(", b"(\\000\\001\\377\\376")),
    ),
    "fonts-loop": lambda: _page().replace(FONT, FONT[:-2] + b"/DescendantFonts[6 0 R]>>"),
    "type3-loop": lambda: _page(content=_stream(TEXT.replace(b"(", b"(a"))).replace(
        FONT,
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[1 0 0 1 0 0]/CharProcs<</a 4 0 R>>"
        b"/Encoding<</Differences[97/a]>>/FirstChar 97/LastChar 97/Widths[9]"
        b"/Resources<</Font<</F0 6 0 R>>>>>>",
    ),
    "encrypted-junk": lambda: _pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[]/Count 0>>",
        b"<</Filter/Standard/V 5/R 6/O(x)/U(y)/P -1/Length 999999>>",
        root=b"/Root 1 0 R/Encrypt 3 0 R/ID[(a)(b)]",
    ),
    "no-root": lambda: _page().replace(b"/Root 1 0 R", b""),
    "count-lies": lambda: _page().replace(b"/Count 1", b"/Count 2000000000"),
    "length-lies": lambda: _page().replace(b"/Length ", b"/Length 99999"),
    "name-long": lambda: _page(mark=MARK[:-2] + b"/NM(" + b"n" * 2_000_000 + b")>>"),
    "comment-long": lambda: _page(mark=MARK.replace(b"(why)", b"(" + b"why " * 500_000 + b")")),
}


def main() -> None:
    write_all(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
