"""Convert formulas to MathML, or show them as TeX code if that fails."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from html import escape, unescape
from typing import TYPE_CHECKING

from ankiforge.model import Pair, Span
from ankiforge.text import regex
from ankiforge.text.normalize import find_literal_spans

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MATHML_TAG_NAMES = (
    "math mrow mi mn mo ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover"
    " mtable mtr mtd mstyle mpadded mphantom menclose mmultiscripts mprescripts none"
)
_MATHML_ATTRIBUTE_NAMES = (
    "display displaystyle mathvariant stretchy fence separator form accent accentunder"
    " linethickness columnalign rowspacing columnspacing width height depth lspace rspace"
    " scriptlevel minsize maxsize notation movablelimits largeop symmetric"
)
_MATHML_TAGS = frozenset(_MATHML_TAG_NAMES.split())
_MATHML_ATTRIBUTES = frozenset(_MATHML_ATTRIBUTE_NAMES.split())
_FIELD_FORMULA = regex(
    r"""(?xs)
      \\\( (?P<inline> .*?) \\\) (?P<punctuation> [.,;!?)\]]*)   # \(x^2\),
    | \\\[ (?P<display> .*?) \\\]                              # \[x^2\]
    """
)
"""Matches a formula in the HTML of a field, with the punctuation after an inline formula."""
_MAX_TEX_CHARS = 4_000
_TAG = regex("<[^>]*>")


def render_formulas(html: str) -> str:
    """Replace the formulas in the HTML of a field by MathML."""
    return _FIELD_FORMULA.sub(_render_formula, html)


def _render_formula(match: re.Match[str]) -> str:
    """Render a formula with its TeX as `alttext`, which the page takes for a selected formula."""
    is_display = match["inline"] is None
    html = match["display"] if is_display else match["inline"]
    tex = unescape(_TAG.sub("", html)).strip()
    mathml = tex_to_mathml(tex, display=is_display)
    if mathml is None:
        rendered = f"<code>{escape(tex)}</code>"
    else:
        rendered = mathml.replace("<math", f'<math alttext="{escape(tex)}"', 1)
    if not match["punctuation"]:
        return rendered
    # prevent a line break before the punctuation that follows
    return f'<span class="unbroken">{rendered}{match["punctuation"]}</span>'


@lru_cache(maxsize=512)
def tex_to_mathml(tex: str, *, display: bool = False) -> str | None:
    """Convert TeX to MathML, or return None if it is invalid, too long or uses unknown commands.

    The result contains only allowed elements and attributes, and all text is escaped.
    """
    from xml.etree.ElementTree import tostring

    if len(tex) > _MAX_TEX_CHARS:
        return None
    try:
        from latex2mathml.converter import convert_to_element

        formula = convert_to_element(tex, display="block" if display else "inline")
        for element in formula.iter():
            element.attrib.pop("xmlns", None)
            if element.text:
                element.text = unescape(element.text)
            if not _is_allowed(element):
                return None
    except Exception:  # noqa: BLE001 - the converter may raise anything for user input
        return None
    return tostring(formula, encoding="unicode")


def _is_allowed(element: Element) -> bool:
    """Return whether a MathML element is safe and fully converted.

    The converter leaves TeX commands that it doesn't know as text. Elements with such text aren't
    allowed either.
    """
    if element.tag not in _MATHML_TAGS:
        return False
    if not _MATHML_ATTRIBUTES.issuperset(element.attrib):
        return False
    text = element.text or ""
    return element.tag == "mtext" or not (text.startswith("\\") or text == "&")


def split_at_formulas(text: str, formulas: Iterable[Span] | None = None) -> list[Pair]:
    """Split plain text at formulas, so that words between them can still be selected.

    `formulas` are the spans of TeX formulas, or None to detect formulas in dollar signs.

    Returns:
        (text, MathML) pairs, where the MathML is "" if the text isn't a formula.
    """
    if formulas is None:
        mathml_by_span = _convert_dollar_formulas(text)
    else:
        mathml_by_span = _convert_formulas(text, formulas)
    parts: list[Pair] = []
    position = 0
    for (start, end), mathml in sorted(mathml_by_span.items()):
        parts.append((text[position:start], ""))
        parts.append((text[start:end], mathml))
        position = end
    parts.append((text[position:], ""))
    return [(part, mathml) for part, mathml in parts if part]


def _convert_formulas(text: str, formulas: Iterable[Span]) -> dict[Span, str]:
    """Map the spans of TeX formulas to MathML. What can't be converted stays text."""
    mathml_by_span = {}
    for start, end in formulas:
        mathml = tex_to_mathml(text[start:end])
        if mathml is not None:
            mathml_by_span[start, end] = mathml
    return mathml_by_span


def _convert_dollar_formulas(text: str) -> dict[Span, str]:
    """Map the spans of formulas in dollar signs to MathML. What can't be converted stays text."""
    mathml_by_span = {}
    for start, end, kind in find_literal_spans(text):
        if kind == "math":
            mathml = tex_to_mathml(text[start + 1 : end - 1].strip())
        elif kind == "display":
            mathml = tex_to_mathml(text[start + 2 : end - 2].strip(), display=True)
        else:
            continue
        if mathml is not None:
            mathml_by_span[start, end] = mathml
    return mathml_by_span
