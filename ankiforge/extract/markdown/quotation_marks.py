"""Find quotation marks around a quote, and recognise the reader's remarks beside it."""

from __future__ import annotations

from ankiforge.extract.markdown.syntaxes import REMARK_WORD
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.private import remove_private_tag

OPENERS_BY_CLOSER = {
    "”": '“„"',
    "“": "„",
    "»": "«",
    "«": "»",
    "」": "「",
    "』": "『",
    "›": "‹",
    '"': '"',
}
"""Maps each closing quotation mark to its possible opening marks."""

_REMARK_EMOJI = r"[💬📝✏🗨🗒✍]\ufe0f?\s*"
REMARK_TEXT = regex(
    rf"(?is)\s*(?:{_REMARK_EMOJI}|(?:my\s+|own\s+)?(?:{REMARK_WORD})\s*[:：]\s*)"
    r"(?P<words>.*)\Z"
)
"""A reader's comment that begins with an emoji or a word such as `Note:`."""

_WORD = regex(r"\w")
# The punctuation between a quote, or its link, and the comment that follows.
_LEADING_PUNCTUATION = regex(r"\A[\s.,;:)\]–—\-·|@。，、；：）]+")
# Symbols that plug-ins and people put before a quote, such as 📌, 💬, ☐ or →. They don't
# include mathematical signs, such as ≤, which are part of the quote.
_PICTOGRAMS = regex(
    r"(?:[\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\u3030\ufe0f\u200d\U0001f000-\U0001faff]|\s)+"
)
# The characters that may follow a closing quotation mark.
_TRAILING_PUNCTUATION = " \n.,;:!?…。，、！？"


def has_words(text: str) -> bool:
    """Return whether the text contains at least one letter or digit."""
    return _WORD.search(text) is not None


def clean_comment(text: str) -> str:
    """Strip punctuation from the start of a comment, or return "" if it contains no words."""
    if not has_words(text):
        return ""
    return _LEADING_PUNCTUATION.sub("", text, count=1).strip()


def trim_quote(text: str, start: int, end: int) -> Span | None:
    """Shrink a span of `text` to exclude whitespace at both ends and emoji at its start.

    Returns None if no word remains.
    """
    pictograms = _PICTOGRAMS.match(text, start, end)
    if pictograms:
        start = pictograms.end()
    end = start + len(text[start:end].rstrip())
    return (start, end) if _WORD.search(text, start, end) else None


def find_quote_at_end(text: str, start: int, end: int) -> Span | None:
    """Return the span inside the quotation marks at the end of [start, end).

    Returns None if there is no closing quotation mark at the end, or no opening one for it.
    """
    end = start + len(text[start:end].rstrip(_TRAILING_PUNCTUATION))
    if end == start:
        return None
    closer = text[end - 1]
    openers = OPENERS_BY_CLOSER.get(closer)
    if openers is None:
        return None
    depth = 1
    for index in range(end - 2, start - 1, -1):
        character = text[index]
        if character in openers:
            depth -= 1
        elif character == closer:
            depth += 1
        if depth == 0:
            return trim_quote(text, index + 1, end - 1)
    return None


def is_remark(text: str) -> bool:
    """Return whether a text begins like a remark (`Note: …`) or ends with a question mark."""
    is_question = remove_private_tag(text).rstrip().endswith(("?", "？"))
    return is_question or REMARK_TEXT.match(text) is not None
