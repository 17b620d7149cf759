"""A model's words in our Markdown: nothing executable, nothing remote, maths between dollars."""

from __future__ import annotations

import html
import re

from ankiforge.text import cloze
from ankiforge.text.cloze import outside, shields

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


_LOOSE = re.compile(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_BARE = re.compile(r"\{\{(?!c\d)([^{}\n]+)\}\}")
_BLANK = re.compile(r"_{3,}|\[(?:…|\.{3}|_+|\?)?\]|\(\s*(?:…|\.{3}|_+)\s*\)")
_BRACKETS = re.compile(r"\[([^\[\]\n]{1,80})\](?![(\[])")


def cloze_text(text: str, answer: str = "") -> str:
    """The same for a cloze, however the gap is written; other braces are the checks'.

    `{{c1:x}}` and `{{x}}` are `{{c1::x}}`; `____`, `[…]`, or the only place where it stands, is
    the gap for an `answer` given beside the text; else words in square brackets are.
    """
    made = outside(_ours(text), lambda run: _LOOSE.sub(r"{{c\1::", run))
    if not made or cloze.gaps(made):
        return made
    count = iter(range(1, len(made) + 1))
    made = outside(made, lambda run: _BARE.sub(lambda f: cloze.make(next(count), f[1]), run))
    return made if cloze.gaps(made) else _filled(made, _ours(answer))


def _filled(text: str, answer: str) -> str:
    """A text without a gap: with one where a blank, the answer, or brackets show its place."""
    for blank in (_BLANK, re.compile(rf"(?<!\w){re.escape(answer)}(?!\w)")) if answer else ():
        if len(found := list(blank.finditer(text))) == 1:
            start, end = found[0].span()
            return f"{text[:start]}{cloze.make(1, answer)}{text[end:]}"
    found = list(_BRACKETS.finditer(text))
    if len(found) == 1 and not answer:
        return f"{text[: found[0].start()]}{cloze.make(1, found[0][1])}{text[found[0].end() :]}"
    return text


def _ours(text: str) -> str:
    clean = _DISPLAY.sub(lambda f: f"$${f[1]}$$", scrub(text))
    clean = _INLINE.sub(lambda f: f"${f[1]}$", clean)
    return outside(_single_escapes(clean), _without_html).strip()


_TWICE = re.compile(r"\\\\(?=(?:[dt]?frac|sqrt|sum|prod|int|cdot|times|bar|hat|vec|left|right|text"
    r"|math[a-z]+|partial|nabla|infty|[lg]eq?|neq|approx|in|to|log|ln|exp|sin|cos|tan|lim"
    r"|alpha|beta|gamma|delta|epsilon|theta|lambda|mu|pi|rho|sigma|tau|phi|omega|Delta|Sigma|Omega)"
    r"(?![A-Za-z]))")  # fmt: skip


def _single_escapes(text: str) -> str:
    r"""`\\frac` in a formula is `\frac` escaped once too often, unless lines end there."""
    parts, at = [], 0
    for start, end, kind in shields(text):
        formula = text[start:end]
        if kind in ("math", "display") and r"\begin" not in formula:
            formula = _TWICE.sub(r"\\", formula)
        parts += [text[at:start], formula]
        at = end
    return "".join([*parts, text[at:]])


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
