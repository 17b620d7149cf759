"""A model's text as our Markdown: HTML is converted or dropped, links become text."""

from __future__ import annotations

import re

from ankiforge.text import cloze, regex
from ankiforge.text.elements import without_html
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
    r"(?s)\\\[\s{0,99}(?P<display>.{1,4000}?)\s{0,99}\\\]"
    r"|\\\(\s{0,99}(?P<inline>.{1,4000}?)\s{0,99}\\\)"
)


def _our_markdown(text: str) -> str:
    text = _BRACKETED_MATHS.sub(_in_dollars, scrub(text))
    # commands of formulae have one backslash: `\\frac` ends no line
    parts = []
    place = 0
    for start, end, kind in shields(text):
        run = text[start:end]
        if kind in ("math", "display") and r"\begin" not in run:
            run = re.sub(r"\\\\(?=[A-Za-z]{2})", r"\\", run)
        parts += [text[place:start], run]
        place = end
    parts.append(text[place:])
    return outside("".join(parts), _with_words_alone).strip()


def _in_dollars(maths: re.Match[str]) -> str:
    if maths["display"]:
        return f"$${maths['display']}$$"
    return f"${maths['inline']}$"


# --- HTML and links -------------------------------------------------------------------

# A line end that was escaped once too often; not a command of TeX, and not in a path of Windows.
_TEX = "abla|atural|e|earrow|eg|eq|ewline|geq|i|leq|mid|olimits|onumber|ot|otin|parallel|u|warrow"
_ESCAPED_LINE_END = regex(
    rf"(?<!\\)(?<!\b[A-Za-z]:)(?:\\n)+(?!(?:{_TEX})(?![A-Za-z])|[^\s\\]*\\[^n])"
)
_IMAGE = regex(r"!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\)")
_LINK = regex(r"\[([^\]\n]{0,1000})\]\([^)\n]{0,2000}\)")
_AUTOLINK = regex(r"(?i)<((?:https?|ftp|mailto|javascript):[^<>\s]*)>")


def _with_words_alone(run: str) -> str:
    """Return a text without HTML, pictures and addresses of links."""
    run = _ESCAPED_LINE_END.sub("\n", _AUTOLINK.sub(r"\1", run))
    return _LINK.sub(r"\1", _IMAGE.sub("", without_html(run)))
