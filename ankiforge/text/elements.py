"""What elements of HTML mean in a text: which ones part its lines, which emphasise words."""

from __future__ import annotations

from ankiforge.text import regex

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
TAG = regex(r"</?(?P<name>[A-Za-z][A-Za-z0-9]*)\b[^<>]*>")

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
