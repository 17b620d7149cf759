"""Texts as they are searched: without case, accents and typography; CJK character by character."""

from __future__ import annotations

import re
import unicodedata

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])"
)
"""Letters of scripts that put no blank between words (and Hangul, whose particles cling)."""
_CLOZE = re.compile(r"\{\{c\d+::|\}\}|::")
_NOT_WORDS = re.compile(r"[\W_]+")
_CHUNK = re.compile(r"[\"“„«](?P<phrase>[^\"“”„«»]+)[\"”“»]|(?P<word>[^\s\"“”„«»]+)")
_WORDY = re.compile(r"[^\W_]")

MOST_CHUNKS = 24
"""Words of a query that are looked for; of longer ones the first."""


def searched(text: str) -> str:
    """A text as it stands in the index; `unicode61` takes the accents off."""
    plain = unicodedata.normalize("NFKC", text.replace("\u00ad", "").replace("\0", " "))
    return _UNSPACED.sub(r" \1 ", plain.casefold())


def without_signs(markdown: str) -> str:
    """The words of a card, without the signs of its clozes."""
    return _CLOZE.sub(" ", markdown)


def loose(text: str) -> str:
    """Words alone, without case and accents, one blank between them: for titles."""
    apart = unicodedata.normalize("NFKD", text.casefold())
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
