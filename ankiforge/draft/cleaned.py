"""A model's text as our Markdown: HTML is converted or dropped, links become text."""

from __future__ import annotations

import html
import re

from ankiforge.text import cloze, regex
from ankiforge.text.shields import outside, shields

_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def scrub(text: str) -> str:
    """Return text without lone surrogates and control characters except tab and newline."""
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", valid).strip()


def on_a_line(text: str, limit: int = 200) -> str:
    """Return the beginning of a text, scrubbed and on one line, of at most `limit` characters."""
    return " ".join(scrub(text).split())[:limit]


def markdown(text: str) -> str:
    """Return a model's text as our Markdown: HTML is converted or dropped, links become text."""
    return cloze.escape_signs(_our_markdown(text))


_LOOSE = regex(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_UNNUMBERED = regex(r"\{\{(?!c\d)([^{}\n]+)\}\}")


def cloze_text(text: str) -> str:
    """Return a cloze in our Markdown: `{{c1:x}}` and `{{x}}` become `{{c1::x}}`."""
    with_numbers = outside(_our_markdown(text), lambda run: _LOOSE.sub(r"{{c\1::", run))
    if not with_numbers or cloze.gaps(with_numbers):
        return with_numbers
    numbers = iter(range(1, len(with_numbers) + 1))

    def with_number(match: re.Match[str]) -> str:
        return cloze.make(next(numbers), match[1])

    return outside(with_numbers, lambda run: _UNNUMBERED.sub(with_number, run))


# --- formulae -------------------------------------------------------------------------

_BRACKETED_MATHS = regex(
    r"(?s)\\\[\s*(?P<display>.+?)\s*\\\]|\\\(\s*(?P<inline>.+?)\s*\\\)"
)


def _our_markdown(text: str) -> str:
    text = _BRACKETED_MATHS.sub(_in_dollars, scrub(text))
    return outside(_with_single_backslashes(text), _without_html).strip()


def _in_dollars(maths: re.Match[str]) -> str:
    if maths["display"]:
        return f"$${maths['display']}$$"
    return f"${maths['inline']}$"


def _with_single_backslashes(text: str) -> str:
    r"""Return a text in which commands of formulae have one backslash: `\\frac` ends no line."""
    parts = []
    place = 0
    for start, end, kind in shields(text):
        run = text[start:end]
        if kind in ("math", "display") and r"\begin" not in run:
            run = re.sub(r"\\\\(?=[A-Za-z]{2})", r"\\", run)
        parts += [text[place:start], run]
        place = end
    parts.append(text[place:])
    return "".join(parts)


# --- HTML -----------------------------------------------------------------------------

_LOUD = regex(r"(?is)<(script|style|iframe|object|svg)\b[^<>]*>.*?</\1\s*>")
_RAISED = regex(r"(?i)<su(?P<kind>[bp])>([^<>$\n]{1,20})</su(?P=kind)>")
# Signs of our Markdown for tags, opening or closing.
_SIGNS = {
    "b": "**",
    "strong": "**",
    "i": "*",
    "em": "*",
    "code": "`",
    "br": "\n",
    "/p": "\n",
}
_TAG = regex(
    r"""(?ix)<(?P<name>/?(?:b|strong|i|em|code|br|p|div|span|a|img|u|s|sub|sup|small|big
    |font|ul|ol|li|table|tr|td|th|thead|tbody|h[1-6]|pre|hr|center|form|input|button|video
    |audio|source|link|meta|base|script|style|iframe|object|svg|html|body
    |head|embed|details|summary))\b
    (?:\s[^<>]*)?/?>"""
)
_IMAGE = regex(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = regex(r"\[([^\]\n]*)\]\([^)\n]*\)")
_AUTOLINK = regex(r"(?i)<((?:https?|ftp|mailto|javascript):[^<>\s]*)>")
_OPENS_A_TAG = regex(r"(?<!\\)<(?=[A-Za-z/!?])")


def _without_html(run: str) -> str:
    """Return a text without HTML; tags that mean something become Markdown."""
    run = _LOUD.sub("", run)
    run = _RAISED.sub(_as_formula, run)
    run = _TAG.sub(lambda tag: _sign(tag["name"].casefold()), run)
    run = _AUTOLINK.sub(r"\1", run)
    run = html.unescape(run)
    run = _IMAGE.sub("", run)
    run = _LINK.sub(r"\1", run)
    return _OPENS_A_TAG.sub(r"\\<", run)


def _as_formula(raised: re.Match[str]) -> str:
    """Return sub- or superscript as a formula."""
    sign = "_" if raised["kind"] in "bB" else "^"
    return f"${sign}{{{raised[2]}}}$"


def _sign(name: str) -> str:
    """Return the sign of our Markdown for a tag; "" if it has none."""
    return _SIGNS.get(name) or _SIGNS.get(name.removeprefix("/"), "")
