"""Cards that break off, or show Markdown that nothing made of them: whoever wrote them, a person looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ankiforge.check.context import Context
from ankiforge.check.lexical.reading import read
from ankiforge.check.lexical.words import listed
from ankiforge.check.rule import Rule
from ankiforge.model import Draft, Family, Finding, Severity
from ankiforge.text.cloze import shields

BREAKS_OFF = Rule("breaks_off", Severity.WARN, "breaks off:")
STRAY_MARKUP = Rule("stray_markup", Severity.WARN, "shows a sign of Markdown:")
RULES = (BREAKS_OFF, STRAY_MARKUP)

_COMMA = re.compile(r"[,،、，][\s*_=~>\"”’»)]*$")
_JOINING = frozenset(
    listed("""and or but because although whereas und oder aber sondern weil dass obwohl et ou mais parce car y
    pero porque aunque ma oppure perché dunque quindi poiché mas porém i lub ale ponieważ oraz en maar
    omdat и или но потому что""")
)
_WORDS = 4
"""Of a shorter text the last word may be what is asked: `und` means `and`."""


def breaks_off(draft: Draft, context: Context) -> Iterator[Finding]:
    """No side ends in a comma, nor a sentence in a word that joins it to the next one."""
    cloze = draft.kind.family is Family.CLOZE
    for name in ("Text",) if cloze else ("Front", "Back"):
        text = draft.field(name).rstrip()
        if not any(map(str.isalnum, text)):
            continue
        comma = _COMMA.search(text.replace("}}", "") if cloze else text)
        last = text.split()[-1].strip("*_")
        joins = last.casefold() in _JOINING and len(text.split()) >= _WORDS and name != "Front"
        if comma or joins:
            yield BREAKS_OFF.found(f"“…{' '.join(text.split()[-3:])}”")


_PAIRED = re.compile(
    r"(?<!\\)\*\*(?=[^\s*])((?:(?!\n\n)[^*]|(?<!\*)\*(?!\*))+?)(?<=[^\s\\])\*\*(?!\*)"
    r"|(?<!\\)\*\*\*(?=[^\s*])([^*\n]+)(?<=[^\s\\])\*\*\*(?!\*)"
)
_STARS = re.compile(
    r"(?<![\w*])\*\*(?=[^\W\d_])(?!(?:kw|kwargs|args|opts|options|params)\b)"
    r"|(?<=[^\W_])\*\*(?![\w*(])|(?<=[.!?,;:)])\*\*(?!\w)|(?<=[^\W\d_])\*\*(?=[^\W\d_])"
    r"|(?:^|\s)\*\*\s*$"
)
_EQUALS = re.compile(
    r"(?<![\w=<>!:+*/\-.])={2,}(?=[^\W\d_])|(?<=[^\W\d_])={2,}(?![\w=<>\"'(\[])|(?<=[.!?,;:)])={2,}(?!\w)"
)
_EDGE = re.compile(r"^\s*=+(?=[^\W_])|(?<=[^\W_])=+[.\s]*$")
_CODE = ("code", "fence", "display", "math")
_CLOZE_SIGN = re.compile(r"\{\{c\d+(?:,\d+)*::|\}\}")


def stray_markup(draft: Draft, context: Context) -> Iterator[Finding]:
    """No `**` or `==` that was to make words bold or marked is left in what is shown."""
    for name in ("Text", "Front", "Back"):
        text = draft.field(name)
        if "*" not in text and "=" not in text:
            continue
        shown = _CLOZE_SIGN.sub("", _without_code(text))
        shown = _PAIRED.sub(lambda pair: pair[1] or pair[2], shown).replace("\\", "")
        if found := _STARS.search(shown) or _EQUALS.search(shown):
            yield STRAY_MARKUP.found(f"“{found[0].strip()}”")
            return
    for gap in read(draft).gaps:
        if "=" in gap.answer and _EDGE.search(_without_code(gap.answer)):
            yield STRAY_MARKUP.found("“=” at the edge of a gap")
            return


def _without_code(text: str) -> str:
    """The text with a letter in the place of code and formulae."""
    parts, at = [], 0
    for start, end, kind in shields(text):
        if kind in _CODE:
            parts += [text[at:start], "x"]
            at = end
    return "".join([*parts, text[at:]])


CHECKS = (breaks_off, stray_markup)
