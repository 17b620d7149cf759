"""Quotation marks and remarks: what of a plain text is quoted, and what a reader says."""

from __future__ import annotations

from ankiforge.model import Span
from ankiforge.text import regex

OPENERS_OF = {
    "”": "“„",
    "“": "„",
    "»": "«",
    "«": "»",
    "」": "「",
    "』": "『",
    "›": "‹",
    '"': '"',
}
"""The closing quotation marks, each with those that open it."""

_REMARK_SIGN = r"[💬📝✏🗨🗒✍]\ufe0f?\s*"
_REMARK_WORD = (
    r"comments?|notes?|remarks?|kommentare?|anmerkung(?:en)?|notizen?"
    r"|commentaires?|comentarios?|notas?|commento|批注|评论|笔记"
)
REMARK = regex(
    rf"(?is)\s*(?:{_REMARK_SIGN}|(?:my\s+|own\s+)?(?:{_REMARK_WORD})\s*[:：]\s*)"
    r"(?P<words>.*)\Z"
)
"""A text that a sign or a word introduces as a comment."""

_WORD = regex(r"\w")
# Punctuation between a quote or its link and the comment after it.
_GLUE = regex(r"\A[\s.,;:)\]–—\-·|@。，、；：）]+")
# What plugins and people put before a quote: 📌, 💬, ☐, →. A sign of mathematics, as in "≤ 5 %",
# belongs to the words.
_PICTOGRAMS = regex(
    r"(?:[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\u3030\ufe0f\u200d\U0001f000-\U0001faff]|\s)+"
)
# What may follow the quotation mark that ends a text.
_ENDING = " \n.,;:!?…。，、！？"


def has_words(text: str) -> bool:
    """Return whether a text contains a letter or a digit."""
    return _WORD.search(text) is not None


def as_comment(text: str) -> str:
    """Return a text without leading punctuation, "" if it has no words."""
    return _GLUE.sub("", text, count=1).strip() if has_words(text) else ""


def trimmed_words(plain: str, start: int, end: int) -> Span | None:
    """Drop blanks at the ends and pictograms at the start; None if no words are left."""
    pictograms = _PICTOGRAMS.match(plain, start, end)
    if pictograms:
        start = pictograms.end()
    end = start + len(plain[start:end].rstrip())
    has_word = _WORD.search(plain, start, end) is not None
    return (start, end) if has_word else None


def quoted_at_end(plain: str, start: int, end: int) -> Span | None:
    """Return the text in quotation marks at the end of a span, None if there is none."""
    end = start + len(plain[start:end].rstrip(_ENDING))
    closer = plain[end - 1] if end > start else ""
    openers = OPENERS_OF.get(closer)
    if openers is None:
        return None
    depth = 1
    for index in range(end - 2, start - 1, -1):
        sign = plain[index]
        if sign in openers:
            depth -= 1
        elif sign == closer:
            depth += 1
        if depth == 0:
            return trimmed_words(plain, index + 1, end - 1)
    return None
