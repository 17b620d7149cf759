"""A model's words in our Markdown: nothing executable, nothing remote, maths between dollars."""

from __future__ import annotations

import html
import re

from ankiforge.text import cloze
from ankiforge.text.shields import outside

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def scrub(text: str) -> str:
    """Text every encoder takes: no lone surrogates, no control characters but tab and newline."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", clean).strip()


_DISPLAY = re.compile(r"\\\[\s*(.+?)\s*\\\]", re.DOTALL)
_INLINE = re.compile(r"\\\(\s*(.+?)\s*\\\)", re.DOTALL)
_LOUD = re.compile(r"<(script|style|iframe|object|svg)\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.I)
_RAISED = re.compile(r"<(sub|sup)>([^<>$\n]{1,20})</\1>", re.IGNORECASE)
_SIGNS = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "br": "\n", "p": "\n"}
_TAG = re.compile(
    r"""</?(?P<name>b|strong|i|em|code|br|p|div|span|a|img|u|s|sub|sup|small|big|font|ul|ol|li
    |table|tr|td|th|thead|tbody|h[1-6]|pre|hr|center|form|input|button|video|audio|source|link
    |meta|base|script|style|iframe|object|svg|html|body|head|embed|details|summary)\b(?:\s[^<>]*)?/?>""",
    re.VERBOSE | re.IGNORECASE,
)
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)")
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto|javascript):[^<>\s]*)>", re.IGNORECASE)


def markdown(text: str) -> str:
    """A model's text in our Markdown: its HTML turned or dropped, its links made words."""
    return cloze.escape_signs(_ours(text))


def cloze_text(text: str) -> str:
    """The same for a cloze: `{{answer}}` gets the number it lacks; other braces are the checks'."""
    made = _ours(text)
    if made and not cloze.gaps(made):
        count = iter(range(1, len(made)))
        return re.sub(r"\{\{(?!c\d)([^{}\n]+)\}\}", lambda f: cloze.make(next(count), f[1]), made)
    return made


def _ours(text: str) -> str:
    clean = _DISPLAY.sub(lambda f: f"$${f[1]}$$", scrub(text))
    clean = _INLINE.sub(lambda f: f"${f[1]}$", clean)
    return outside(clean, _without_html).strip()


def _without_html(run: str) -> str:
    run = _RAISED.sub(_formula, _LOUD.sub("", run))
    run = _TAG.sub(_sign, run)
    run = html.unescape(_AUTOLINK.sub(r"\1", run))
    run = _LINK.sub(r"\1", _IMAGE.sub("", run))
    return re.sub(r"(?<!\\)<(?=[A-Za-z/!?])", r"\\<", run)


def _sign(tag: re.Match[str]) -> str:
    name = tag["name"].casefold()
    if name in {"br", "p"}:
        return "\n" if name == "br" or tag[0].startswith("</") else ""
    return _SIGNS.get(name, "")


def _formula(raised: re.Match[str]) -> str:
    sign = "_" if raised[1].casefold() == "sub" else "^"
    return f"${sign}{{{raised[2]}}}$"
