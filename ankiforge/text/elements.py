"""Convert HTML in the text of sources to our Markdown.

Converts blocks, emphasis, ruby (pronunciations above letters), subscripts and superscripts. Drops
other known elements and treats unknown tags as text.
"""

from __future__ import annotations

import re

from ankiforge.text import regex
from ankiforge.text.cloze import escape_markdown
from ankiforge.text.normalize import convert_to_dollar_math, map_outside_literal_spans

BLOCK_ELEMENTS = frozenset(
    (
        "address article aside blockquote body br caption center dd details dialog div dl dt"
        " fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr legend li"
        " main menu nav ol option p pre search section summary table tbody td tfoot th thead"
        " tr ul"
    ).split()
)
"""The HTML elements that are displayed on lines of their own."""
EMPHASIS_ELEMENTS = {
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
"""Maps HTML elements for emphasis to the elements used in our Markdown."""

# The value of an attribute: in single or double quotes, or unquoted.
_ATTRIBUTE = regex(
    r"""(?<![\w-])([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))"""
)


def parse_attributes(tag: str) -> dict[str, str]:
    """Parse the attributes of an HTML tag. Those without a value are skipped.

    Returns:
        The values, keyed by lower-case name.
    """
    from html import unescape

    attributes = dict[str, str]()
    for name, *values in _ATTRIBUTE.findall(tag):
        attributes.setdefault(name.lower(), unescape("".join(values)).strip())
    return attributes


# --- HTML in a text -------------------------------------------------------------------

RUBY_PATTERN = (
    r"(?i:<r(?P<what>t|p)\b[^<>]*>(?P<reading>[^<>\n]{0,80})(?:</r(?P=what)\s*>)?)"
)
"""Matches the pronunciation of the preceding letters (`<rt>`, ruby), or a bracket for programs
without ruby support (`<rp>`).
"""
_RUBY = regex(rf"{RUBY_PATTERN}|(?i:</?(?:ruby|rb|rtc)\b[^<>]*>)")


def ruby_to_text(match: re.Match[str]) -> str:
    """Convert a match of `RUBY_PATTERN` to its pronunciation in parentheses, or "" for `<rp>`."""
    is_reading = match["what"] in ("t", "T")
    if not is_reading or not match["reading"].strip():
        return ""
    return f"({match['reading'].strip()})"


NON_TEXT_ELEMENTS = ("script", "style", "iframe", "object", "svg")
"""The HTML elements whose content isn't text."""
_NON_TEXT = regex(rf"(?is)<({'|'.join(NON_TEXT_ELEMENTS)})\b[^<>]*>.*?</\1\s*>")
_SUB_OR_SUP = regex(r"(?i)<(?P<name>su[bp])>(?P<words>[^<>$\n]{1,40})</(?P=name)>")
# The Markdown for the opening and closing tags of an element.
_MARKDOWN_BY_TAG = {
    "b": "**",
    "strong": "**",
    "i": "*",
    "em": "*",
    "s": "~~",
    "del": "~~",
    "strike": "~~",
    "code": "`",
}
_DROPPED_TAGS = (
    "a audio base big button embed font head html iframe img input link meta object"
    " script small source span style sub sup svg u video"
).split()
_TAG_NAMES = "|".join(sorted((*_MARKDOWN_BY_TAG, *_DROPPED_TAGS, *BLOCK_ELEMENTS)))
_KNOWN_TAG = regex(rf"(?i)</?(?P<name>{_TAG_NAMES})\b(?:\s[^<>]*)?/?>")
_HTML = regex(r"<[A-Za-z/!]|&#?\w")
# Marks the edge of a block until all edges are known, because adjacent edges make one line break.
_BLOCK_EDGE = "\x00"
_BLOCK_EDGES = regex(rf"(?<!\s)\s*{_BLOCK_EDGE}[\s{_BLOCK_EDGE}]*")
_BETWEEN_CELLS = regex(r"(?i)</t[dh]\s*>\s*<t[dh]\b[^<>]*>")
_ENTITY = regex(r"&(?=#?\w{1,32};)")
_TAG_START = regex(r"(?<!\\)<(?=[A-Za-z/!?])")
# These enclose the name of an element whose tags are kept.
_KEPT_TAG_MARKS = ("\x01", "\x02")
_KEPT_TAG = regex(r"\x01(/?su[bp])\x02")

_COMMENT_START_TAG = regex(r"<([a-z]+)\s*/?>")
_COMMENT_END_TAG = regex(r"</([a-z]+)\s*/?>")
_COMMENT_TAG_START = regex(r"<(?=/?(?P<name>[A-Za-z]+)|[!?])")

_URL = regex(r"(?<![(<])\b[a-z][a-z0-9+.-]{1,31}://[^\s<>()\[\]]+")
_CONTROLS = regex(r"[\x00-\x08]")


def html_to_markdown(text: str) -> str:
    """Convert any HTML in a Markdown text to Markdown, leaving code and math untouched."""
    if not _HTML.search(text):
        return text.strip()
    return map_outside_literal_spans(
        _CONTROLS.sub("", text), convert_html_elements
    ).strip()


def comment_to_markdown(comment: str) -> str:
    """Convert a user's comment to Markdown.

    Only `<br>` and paired emphasis tags are converted. Other tags are kept as literal text,
    because users write about them, e.g. `What does <meta> do?`.
    """
    formatting_names = _find_formatting_names(comment)

    def escape_unless_formatting(tag: re.Match[str]) -> str:
        # a comment such as `<!--` has no name
        if tag["name"] and tag["name"].lower() in formatting_names:
            return "<"
        return r"\<"

    def escape_tags(text: str) -> str:
        text = _URL.sub(lambda match: escape_markdown(match[0]), text)
        return _COMMENT_TAG_START.sub(escape_unless_formatting, text)

    return html_to_markdown(
        map_outside_literal_spans(convert_to_dollar_math(comment), escape_tags)
    )


def _find_formatting_names(comment: str) -> set[str]:
    """Return the names of elements that format text, such as `br`, and `b` in `<b>a</b>`."""
    lower_comment = comment.lower()
    start_names = set(_COMMENT_START_TAG.findall(lower_comment))
    end_names = set(_COMMENT_END_TAG.findall(lower_comment))
    paired_names = start_names & end_names
    emphasis_names = {*EMPHASIS_ELEMENTS, *_MARKDOWN_BY_TAG}
    return {"br"} | (paired_names & emphasis_names)


def convert_html_elements(markdown: str) -> str:
    """Convert HTML in a Markdown text without code and math to Markdown.

    Entities are decoded once. Anything that still looks like an entity is escaped.
    """
    from html import unescape

    text = _NON_TEXT.sub("", markdown)
    text = _SUB_OR_SUP.sub(_convert_sub_or_sup, text)
    text = _RUBY.sub(ruby_to_text, text)
    text = _BETWEEN_CELLS.sub(" | ", text)
    text = _KNOWN_TAG.sub(_convert_tag, text)
    text = _BLOCK_EDGES.sub("\n", text)
    text = map_outside_literal_spans(
        unescape(text), lambda part: _ENTITY.sub(r"\\&", part)
    )
    text = _TAG_START.sub(r"\\<", text)
    return _KEPT_TAG.sub(r"<\1>", text)


def _convert_sub_or_sup(match: re.Match[str]) -> str:
    name = match["name"].lower()
    text = match["words"]
    if can_be_unicode_script(text, name):
        return to_unicode_script(text, name)
    opening, closing = _KEPT_TAG_MARKS
    return f"{opening}{name}{closing}{text}{opening}/{name}{closing}"


def _convert_tag(tag: re.Match[str]) -> str:
    name = tag["name"].lower()
    if name in BLOCK_ELEMENTS:
        return _BLOCK_EDGE
    return _MARKDOWN_BY_TAG.get(name, "")


# --- sub- and superscripts ------------------------------------------------------------

_SUPERSCRIPTS = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyz",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
)
_SUBSCRIPTS = str.maketrans(
    "0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"
)
_SCRIPT_BY_TAG = {"sup": ("^", _SUPERSCRIPTS), "sub": ("_", _SUBSCRIPTS)}


def can_be_unicode_script(text: str, element: str) -> bool:
    """Return whether Unicode has a superscript or subscript for each character of `text`.

    `element` is the HTML element to replace, `sup` or `sub`.
    """
    _, table = _SCRIPT_BY_TAG[element]
    return set(map(ord, text)) <= table.keys()


def to_unicode_script(text: str, element: str) -> str:
    """Convert the content of `<sup>` or `<sub>` to Unicode, so that 10⁵ doesn't become 105.

    If Unicode lacks a character, text with a digit is put in parentheses, e.g. `x^(1/2)`, so
    that it doesn't merge with a preceding number. Other text, as in `K<sub>M</sub>`, and
    citations in square brackets are left unchanged. This doesn't affect keys, because
    `fold_alphanumerics` reverses it.
    """
    marker, table = _SCRIPT_BY_TAG[element]
    if can_be_unicode_script(text, element):
        return text.translate(table)
    if text.startswith("["):
        return text
    if any(map(str.isdigit, text)):
        return f"{marker}({text})"
    return text
