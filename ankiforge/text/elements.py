"""Elements of HTML by their meaning in a text: those that part lines, those that emphasise."""

from __future__ import annotations

import re

from ankiforge.text import regex
from ankiforge.text.cloze import literal
from ankiforge.text.fold import outside, with_dollars

BLOCKS = frozenset(
    (
        "address article aside blockquote body br caption center dd details dialog div dl dt"
        " fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li"
        " main menu nav ol option p pre search section summary table tbody td tfoot th thead"
        " tr ul"
    ).split()
)
"""The elements whose text stands on lines of its own."""
EMPHASIS = {
    "b": "b",
    "strong": "b",
    "i": "i",
    "em": "i",
    "u": "u",
    "ins": "u",
    "s": "s",
    "del": "s",
    "strike": "s",
    "sub": "sub",
    "sup": "sup",
}
"""By the name of an element, the one by which our Markdown writes its emphasis."""

# The value of an attribute, in quotes of either kind or bare.
_ATTRIBUTE = regex(
    r"""(?<![\w-])([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
)


def attributes_of(tag: str) -> dict[str, str]:
    """Return the attributes of a tag that have a value, by their names in lower case."""
    from html import unescape

    attributes = dict[str, str]()
    for name, *values in _ATTRIBUTE.findall(tag):
        attributes.setdefault(name.lower(), unescape("".join(values)).strip())
    return attributes


# --- HTML in a text -------------------------------------------------------------------

READING = r"(?i:<r(?P<what>t|p)\b[^<>]*>(?P<reading>[^<>\n]{0,80})(?:</r(?P=what)\s*>)?)"
"""The reading above some letters, or brackets for programs that do not know readings."""
_READING = regex(rf"{READING}|(?i:</?(?:ruby|rb|rtc)\b[^<>]*>)")


def reading_in_brackets(element: re.Match[str]) -> str:
    """Return a match of `READING` as text: the reading in brackets, behind its letters."""
    reading = (element["reading"] or "").strip()
    return f"({reading})" if reading and element["what"] in "tT" else ""


_LOUD = regex(r"(?is)<(script|style|iframe|object|svg)\b[^<>]*>.*?</\1\s*>")
_RAISED = regex(r"(?i)<(?P<name>su[bp])>(?P<words>[^<>$\n]{1,40})</(?P=name)>")
# Signs of our Markdown for tags, opening or closing.
_SIGNS = {
    "b": "**",
    "strong": "**",
    "i": "*",
    "em": "*",
    "s": "~~",
    "del": "~~",
    "strike": "~~",
    "code": "`",
}
_WITHOUT_SIGN = (
    "a audio base big button embed font head html iframe img input link meta object"
    " script small source span style sub sup svg u video"
).split()
_TAG_NAMES = "|".join(sorted((*_SIGNS, *_WITHOUT_SIGN, *BLOCKS)))
_KNOWN_TAG = regex(rf"(?i)</?(?P<name>{_TAG_NAMES})\b(?:\s[^<>]*)?/?>")
# Stands for the edge of a block until all are known: several of them make one line end.
_HTML = regex(r"<[A-Za-z/!]|&#?\w")
_EDGE = "\x00"
_EDGES = regex(rf"(?<!\s)\s*{_EDGE}[\s{_EDGE}]*")
_BETWEEN_CELLS = regex(r"(?i)</t[dh]\s*>\s*<t[dh]\b[^<>]*>")
_ENTITY = regex(r"&(?=#?\w{1,32};)")
_OPENS_A_TAG = regex(r"(?<!\\)<(?=[A-Za-z/!?])")
# They enclose the name of an element that stays a tag.
_KEPT = ("\x01", "\x02")
_KEPT_TAG = regex(r"\x01(/?su[bp])\x02")

_TAG_OF_COMMENT = regex(r"<(/?)([a-z]+)\s*/?>")
_OPENS_A_TAG_OF_COMMENT = regex(r"<(?=/?(?P<name>[A-Za-z]+)|[!?])")

_ADDRESS = regex(r"(?<![(<])\b[a-z][a-z0-9+.-]{1,31}://[^\s<>()\[\]]+")
_CONTROLS = regex(r"[\x00-\x08]")


def as_markdown(text: str) -> str:
    """Return a Markdown text that may contain HTML as our Markdown."""
    if not _HTML.search(text):
        return text.strip()
    return outside(_CONTROLS.sub("", text), without_html).strip()


def comment_as_markdown(comment: str) -> str:
    """Return a comment as our Markdown: `<b>…</b>` is emphasis, and `<br>` ends a line.

    A comment is typed as text: in `What does <meta> do?`, the tag is what it asks about.
    """
    tags = set(_TAG_OF_COMMENT.findall(comment.lower()))
    paired = {name for slash, name in tags if slash and ("", name) in tags}
    formatting = {"br"} | paired.intersection((*EMPHASIS, *_SIGNS))

    def literal_or_kept(tag: re.Match[str]) -> str:
        name = (tag["name"] or "").lower()
        return "<" if name in formatting else r"\<"

    def with_literal_tags(run: str) -> str:
        run = _ADDRESS.sub(lambda address: literal(address[0]), run)
        return _OPENS_A_TAG_OF_COMMENT.sub(literal_or_kept, run)

    return as_markdown(outside(with_dollars(comment), with_literal_tags))


def without_html(run: str) -> str:
    """Return Markdown without HTML: each tag is replaced by our sign for it.

    Entities are decoded once: what a text then says of an entity is literal.

    Args:
        run: Markdown outside of code and maths.
    """
    from html import unescape

    run = _LOUD.sub("", run)
    run = _RAISED.sub(_raised_or_kept, run)
    run = _READING.sub(reading_in_brackets, run)
    run = _BETWEEN_CELLS.sub(" | ", run)
    run = _KNOWN_TAG.sub(_sign, run)
    run = _EDGES.sub("\n", run)
    run = outside(unescape(run), lambda words: _ENTITY.sub(r"\\&", words))
    run = _OPENS_A_TAG.sub(r"\\<", run)
    return _KEPT_TAG.sub(r"<\1>", run)


def _raised_or_kept(element: re.Match[str]) -> str:
    """Return sub- or superscript in Unicode, or as the element if it cannot be written so."""
    name = element["name"].lower()
    words = element["words"]
    if is_written_raised(words, name):
        return raised(words, name)
    opening, closing = _KEPT
    return f"{opening}{name}{closing}{words}{opening}/{name}{closing}"


def _sign(tag: re.Match[str]) -> str:
    """Return our sign for a tag: of Markdown, the edge of a block, or ""."""
    name = tag["name"].lower()
    return _EDGE if name in BLOCKS else _SIGNS.get(name, "")


# --- sub- and superscripts ------------------------------------------------------------

_ABOVE = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyz",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
)
_BELOW = str.maketrans(
    "0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
)
_SCRIPTS = {"sup": ("^", _ABOVE), "sub": ("_", _BELOW)}


def is_written_raised(text: str, name: str) -> bool:
    """Return whether all of a `<sup>` or `<sub>` can be written in letters of Unicode."""
    _, table = _SCRIPTS[name]
    return all(ord(letter) in table for letter in text)


def raised(text: str, name: str) -> str:
    """Return the text of a `<sup>` or `<sub>` in Unicode: `10<sup>5</sup>` is 10⁵, not 105.

    `fold` treats both as the same text. Text that cannot be written so is put in brackets
    if it contains a digit (`x^(1/2)`), because it would join digits before it; other text
    is left as it is (`K<sub>M</sub>`, `[1]`).
    """
    sign, table = _SCRIPTS[name]
    if is_written_raised(text, name):
        return text.translate(table)
    if any(letter.isdigit() for letter in text) and text[:1] != "[":
        return f"{sign}({text})"
    return text
