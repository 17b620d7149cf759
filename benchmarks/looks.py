"""The ways to set and to mark a page of the bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.scripts import arabic, chinese, hebrew, japanese, joined_up, prose


@dataclass(frozen=True)
class Look:
    """How a page is set, and how a program marks it; lengths in sizes of the font or points."""

    script: Callable[..., list[str]] = prose
    words: int = 170
    face: str = ""
    """A family other than the one the bench is made with."""
    size: float = 10.0
    lead: float = 1.25
    room: float = 430.0
    columns: int = 1
    row_by_row: bool = False
    """Columns are printed line beside line."""
    shuffled: bool = False
    way: str = "line"
    """See `Sheet.print`."""
    filled: bool = False
    spaced: float = 0.0
    """Points between letters."""
    blank: str = " "
    hyphen: str = "-"
    rtl: bool = False
    shape: Callable[[str], str] | None = None
    """Makes of a word what is drawn."""
    turn: float = 0.0
    code: str = ""
    """Comes before all text."""
    form: bool = False
    type3: bool = False
    glyphs: tuple[tuple[str, str], ...] = ()
    """What is drawn for some letters."""
    names: bool = False
    numbers: bool = False
    notes: bool = False
    heads: bool = False
    page: tuple[tuple[str, tuple[float, ...] | int], ...] = ()
    """Entries of the page."""

    marks: int = 4
    longest: int = 28
    """Words of a mark."""
    kind: str = "/Highlight"
    rise: float = 0.75
    drop: float = 0.22
    slack: float = 0.0
    """Points by which a quad is larger than the words, on every side."""
    edge: float = 0.0
    """So much wider, or (negative) later at its beginning, in halves of a letter's height."""
    corners: tuple[int, ...] = (0, 1, 2, 3)
    """The order of left top, right top, left bottom, right bottom."""
    cut: bool = False
    """It ends before the hyphen of the line."""
    per: str = "line"
    """A quad per line or per word, or each twice."""
    backwards: bool = False
    quads: bool = True
    colour: tuple[float, ...] = (1.0, 0.83, 0.0)


def _rtl(script: Callable[..., list[str]], **more: object) -> Look:
    return Look(
        script,
        60,
        "DejaVu Sans",
        hyphen="",
        rtl=True,
        marks=3,
        longest=12,
        room=330,
        **more,
    )  # type: ignore[arg-type]


def _cjk(script: Callable[..., list[str]], face: str) -> Look:
    return Look(
        script,
        240,
        face,
        12,
        1.5,
        360,
        hyphen="",
        blank="",
        marks=3,
        longest=50,
        rise=0.85,
    )


COLUMNS = Look(words=260, marks=5, columns=2, room=500)

BENCH = {
    "plain": Look(),
    "two_column": COLUMNS,
    "two_column_scrambled": Look(
        words=260, marks=5, columns=2, room=500, row_by_row=True
    ),
    "scrambled_lines": Look(shuffled=True),
    "hyphen_cut": Look(cut=True),
    "rot90": Look(page=(("/Rotate", 90),)),
    "rot180": Look(page=(("/Rotate", 180),)),
    "rot270": Look(page=(("/Rotate", 270),)),
    "cropbox": Look(page=(("/CropBox", (40, 40, 560, 760)),)),
    "mediabox_off": Look(page=(("/MediaBox", (-100, -50, 700, 900)),)),
    "userunit2": Look(page=(("/UserUnit", 2),)),
    "quad_spec": Look(corners=(2, 3, 1, 0)),
    "quad_cw": Look(corners=(0, 1, 3, 2)),
    "quad_botfirst": Look(corners=(2, 3, 0, 1)),
    "no_quads": Look(quads=False),
    "slack3": Look(slack=3.0),
    "slack1": Look(slack=1.0),
    "tightx": Look(rise=0.45, drop=0.0),
    "tight_in": Look(slack=-1.2),
    "tall_lead11": Look(rise=1.15, drop=0.35, lead=1.08),
    "just": Look(filled=True, way="word"),
    "tjgap": Look(filled=True, way="word", lead=1.15),
    "perchar": Look(way="letter"),
    "bold2": Look(way="twice"),
    "lig": Look(glyphs=(("ffi", "f\ufb01"), ("fi", "\ufb01"), ("fl", "\ufb02"))),
    "underline_low": Look(kind="/Underline"),
    "edge_m1": Look(edge=-0.35),
    "edge_p1": Look(edge=0.35),
    "rtl_hebrew": _rtl(hebrew),
    "cjk_zh": _cjk(chinese, "STSong-Light"),
    "cjk_ja": _cjk(japanese, "HeiseiMin-W3"),
    "rot_text": Look(room=300, turn=30),
    "invisible_ocr": Look(code="3 Tr"),
    "form_xobj": Look(form=True),
    "small6": Look(size=6),
    "superscript": Look(names=True),
    "quads_reversed": Look(backwards=True),
}
"""37 looks; with three seeds they make 444 marks."""

MORE = {
    "three_column": Look(words=260, marks=5, columns=3, room=500),
    "three_column_scrambled": Look(
        words=260, marks=5, columns=3, room=500, row_by_row=True
    ),
    "two_column_rot90": Look(
        words=260, marks=5, columns=2, room=500, page=(("/Rotate", 90),)
    ),
    "narrow": Look(room=110, words=120),
    "footnotes": Look(notes=True),
    "running_heads": Look(heads=True),
    "line_numbers": Look(numbers=True),
    "word_quads": Look(per="word"),
    "word_quads_back": Look(per="word", backwards=True),
    "double_quads": Look(per="twice"),
    "strike_thin": Look(kind="/StrikeOut", rise=0.27, drop=-0.22),
    "squiggly_low": Look(kind="/Squiggly", rise=-0.02, drop=0.12),
    "soft_hyphen": Look(hyphen="\u00ad", room=250),
    "unicode_hyphen": Look(hyphen="\u2010", room=250),
    "size_in_matrix": Look(way="scaled"),
    "letterspaced": Look(spaced=1.2, code="1.2 Tc", words=100),
    "sideways": Look(turn=90, room=400),
    "skewed": Look(turn=3, room=400),
    "type3": Look(face="Courier", type3=True),
    "helvetica": Look(face="Helvetica"),
    "times_filled": Look(face="Times-Roman", filled=True, way="word"),
    "big24": Look(size=24, words=80, marks=2),
    "wide_lead": Look(lead=2.2),
    "cmyk": Look(colour=(0.0, 0.1, 0.9, 0.0)),
    "arabic": _rtl(arabic),
    "arabic_forms": _rtl(arabic, shape=joined_up),
    "hebrew_slack": _rtl(hebrew, slack=2.0),
}
"""What the facts had not measured, and what else papers do."""
