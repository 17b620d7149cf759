"""Texts as they are searched: without case, accents and typography; CJK character by character."""

from __future__ import annotations

import re
import unicodedata

from ankiforge.text.cloze import gaps, reveal

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])"
)
"""Letters of scripts that put no blank between words (and Hangul, whose particles cling)."""
_ACCENTS = re.compile(
    "(?<=[A-Za-z\u0370-\u03ff])[\u0300-\u036f]+|(?<=[\u0400-\u04ff])[\u0300\u0301\u0308]+"
    "|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+"
)
"""Of Latin, Greek and Cyrillic letters (but й is a letter of its own), and what Hebrew and Arabic
leave out; elsewhere such signs make another letter."""
_LIKE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"})
_POWER = re.compile(r"(?<=\w)\^\{?(\d+)\}?")
_NOT_WORDS = re.compile(r"[\W_]+")
_CHUNK = re.compile(r"[\"“„«](?P<phrase>[^\"“”„«»]+)[\"”“»]|(?P<word>[^\s\"“”„«»]+)")
_WORDY = re.compile(r"[^\W_]")

MOST_CHUNKS = 24
"""Words of a query that are looked for; of longer ones the first."""


def searched(text: str) -> str:
    """A text as it stands in the index: without case, accents, and what a keyboard lacks."""
    text = _POWER.sub(r"\1", text.replace("\u00ad", "").replace("\0", " "))
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", apart)).translate(_LIKE)
    return _UNSPACED.sub(r" \1 ", plain)


def without_signs(markdown: str) -> str:
    """The words of a card, without the signs of its clozes."""
    return reveal(markdown)


def words_of(markdown: str) -> str:
    """The same with the hints, as it is searched."""
    hints = (gap.hint for gap in gaps(markdown))
    return " ".join(filter(None, (reveal(markdown), *hints)))


def loose(text: str) -> str:
    """Words alone, without case and accents, one blank between them: for titles."""
    apart = unicodedata.normalize("NFKD", text.casefold()).translate(_LIKE)
    letters = "".join(c for c in apart if not unicodedata.combining(c))
    return _NOT_WORDS.sub(" ", letters).strip()


def chunks(query: str) -> tuple[tuple[str, bool], ...]:
    """(what to look for as a phrase, whether its last word may go on) of a person's words.

    What stands in quotes is one phrase; signs alone are left out, none is an operator.
    """
    found = []
    for chunk in _CHUNK.finditer(query):
        words = " ".join(searched(chunk["phrase"] or chunk["word"]).split())
        if _WORDY.search(words):
            ends = chunk.end() == len(query)
            found.append((words, bool(chunk["word"]) and ends and _may_go_on(words)))
    return tuple(dict.fromkeys(found))[:MOST_CHUNKS]


def _may_go_on(words: str) -> bool:
    """One Latin letter would match half of all there is."""
    last = words.split()[-1]
    return len(_NOT_WORDS.sub("", last)) >= 2 or bool(_UNSPACED.match(last))
