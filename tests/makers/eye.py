"""A PDF with a labelled figure, the human eye, around which a reader has drawn a frame."""

from __future__ import annotations

from pathlib import Path

from pypdf.generic import ArrayObject, FloatObject

from tests.makers.pdf_writer import Page, heading, mark, paragraph, write_pdf

TITLE = "The Human Eye"
FRAME = (76.0, 352.0, 536.0, 612.0)
_LEFT = {
    "Cornea": (556, (230, 498)),
    "Iris": (518, (252, 508)),
    "Pupil": (480, (253, 478)),
    "Lens": (438, (274, 462)),
    "Ciliary body": (400, (265, 436)),
}
_RIGHT = {
    "Sclera": (580, (350, 572)),
    "Choroid": (548, (376, 553)),
    "Retina": (516, (391, 530)),
    "Fovea": (480, (402, 478)),
    "Optic nerve": (440, (424, 440)),
    "Vitreous body": (400, (330, 440)),
}
"""The labels on both sides: how high they stand, and where their lines end."""
_LEFT_EDGE, _RIGHT_EDGE = 100, 448
_SIZE = 12
_CURVE = 0.5523
"""How far the handles of a Bézier curve reach that is a quarter of a circle."""


def write_eye(path: Path) -> None:
    """Write the page with its figure and the frame."""
    blocks = (
        heading(TITLE, level=0),
        paragraph("Written for ankiforge", align="centre", style="italic"),
        paragraph(
            "The figure shows a right eye from above. Light enters through the cornea and the "
            "pupil; the lens throws a picture on the retina, and the optic nerve leads it to "
            "the brain."
        ),
    )
    rectangle = ArrayObject([FloatObject(edge) for edge in FRAME])
    frame = mark(TITLE, kind="Square", colour="#00aa55", more={"/Rect": rectangle})
    page = Page(blocks, (frame,), label="12", drawing=_drawing())
    write_pdf(path, [page], title=TITLE)


def _drawing() -> str:
    """Return the figure in the page's own code."""
    layers = [
        # the globe: sclera, choroid, retina
        "0.91 0.94 0.97 rg 0.25 0.3 0.38 RG 2.2 w",
        _ellipse(322, 478, 98, 98, "B"),
        "0.65 0.3 0.25 RG 1.6 w",
        _ellipse(322, 478, 91, 91, "S"),
        "0.85 0.6 0.2 RG 1.4 w",
        _ellipse(322, 478, 85, 85, "S"),
        # the optic nerve, over the wall of the globe
        "0.96 0.88 0.66 rg 0.25 0.3 0.38 RG 1.2 w",
        "408 452 m 440 440 l 434 424 l 400 434 l b",
        # the cornea in front, with the iris behind it
        "0.98 0.98 1 rg 0.25 0.3 0.38 RG 1.6 w",
        _ellipse(244, 478, 20, 44, "B"),
        "0.3 0.45 0.35 RG 4 w 254 494 m 254 522 l S 254 462 m 254 434 l S",
        "0.72 0.83 0.95 rg 0.25 0.3 0.38 RG 1.2 w",
        _ellipse(276, 478, 15, 34, "B"),
    ]
    labels = ["0 0 0 rg 0.35 0.35 0.35 RG 0.7 w"]
    for words, (height, target) in _LEFT.items():
        end = _LEFT_EDGE + 0.5 * _SIZE * len(words) + 6
        labels.append(_label(words, _LEFT_EDGE, height, end, target))
    for words, (height, target) in _RIGHT.items():
        labels.append(_label(words, _RIGHT_EDGE, height, _RIGHT_EDGE - 5, target))
    return " ".join(layers + labels)


def _label(
    words: str, left: float, height: float, line_from: float, target: tuple[int, int]
) -> str:
    """Return a label and the line that leads to its part."""
    to_x, to_y = target
    text = f"BT /F2 {_SIZE} Tf 1 0 0 1 {left} {height} Tm ({words}) Tj ET"
    return f"{text} {line_from:.1f} {height + 4} m {to_x} {to_y} l S"


def _ellipse(x: float, y: float, width: float, height: float, paint: str) -> str:
    """Return an ellipse around (x, y) of four Bézier curves; `paint` strokes or fills it."""
    a, b = _CURVE * width, _CURVE * height
    right, left, top, bottom = x + width, x - width, y + height, y - height
    return (
        f"{right} {y} m"
        f" {right} {y + b} {x + a} {top} {x} {top} c"
        f" {x - a} {top} {left} {y + b} {left} {y} c"
        f" {left} {y - b} {x - a} {bottom} {x} {bottom} c"
        f" {x + a} {bottom} {right} {y - b} {right} {y} c {paint}"
    )
