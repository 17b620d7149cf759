"""The content words of a normal form, stemmed: what the duplicate search counts.

Chinese and Japanese are read ideograph by ideograph, without particles. Everything here serves
comparison only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from ankiforge.check.lexical.words import ORDINALS, QUESTION_WORDS, STOP_WORDS, listed, stem

_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HIRAGANA, _KATAKANA = "\u3040-\u309f", "\u30a0-\u30ff"
_ASCII = re.compile(r"\w+")
_WORD = re.compile(
    rf"[{_IDEOGRAPHS}]|[{_HIRAGANA}]+|[{_KATAKANA}]+|[^\W{_IDEOGRAPHS}{_HIRAGANA}{_KATAKANA}]+"
)
_PAIRS = re.compile(rf"[{_IDEOGRAPHS}]{{2,}}")

_PASSED = (
    STOP_WORDS
    | QUESTION_WORDS
    | frozenset(
        listed(
            """heisst nennt genannt bedeutet bedeutung wofur steht beschreibe erklare definiere
            le la les un une des du de et ou est sont qui que quoi quel quelle quels quelles ou
            quand comment combien pourquoi dans en sur par pour avec au aux ce cette ces il elle
            appelle nomme definissez signifie
            el los las una unos unas del y o es son fue era quien quienes cual cuales donde cuando
            como cuanto cuantos cuantas porque por para con al en se llama significa define
            il lo gli uno della dello dei delle di e che chi cosa quale quali dove perche quanto
            quanti come si chiama nel nella sono"""
        )
    )
    | frozenset("的是了在有和与及个哪条什么几吗呢谁为这那請请问問何誰")
    | frozenset(
        listed(
            """てす てすか ます ますか てある という とこ なに なん いつ たれ とれ とう いくつ
            から まて には ては との した して する され される"""
        )
    )
)
"""Words that carry no meaning of their own, without accents (`où` is `ou`, `で` is `て`)."""


class _Memory(dict[str, str]):
    """The stem of every word met so far; "" for one that carries no meaning."""

    def __missing__(self, word: str) -> str:
        if len(self) > 300_000:
            self.clear()
        found = self[word] = "" if _is_passed(word) else _stemmed(word)
        return found


def _is_passed(word: str) -> bool:
    single = len(word) == 1 and "\u3040" <= word <= "\u309f"
    return single or word in _PASSED


def _stemmed(word: str) -> str:
    found = stem(word)
    if len(found) > 6 and found.endswith("ly"):
        return stem(found[:-2])
    return found


_STEMS = _Memory()


def stems_of(form: str) -> Iterator[str]:
    """The stems of the content words of a normal form, in order."""
    words = _ASCII if form.isascii() else _WORD
    return filter(None, map(_STEMS.__getitem__, words.findall(form)))


def tokens_of(form: str) -> list[str]:
    """All words of a normal form, in order."""
    return (_ASCII if form.isascii() else _WORD).findall(form)


def finders_of(form: str) -> Iterator[str]:
    """More by which a card is found: ideographs alone are too common, two in a row are not."""
    for run in _PAIRS.findall(form):
        yield from (one + other for one, other in pairwise(run))


# --- the same said in other words -------------------------------------------------------------

_RANK = {word: str(at) for at, word in enumerate(ORDINALS, start=1)}
_PHRASE = re.compile(
    r"\b(?P<war>first|second|1st|2nd) world war\b|\b(?P<occur>takes?|took|taking) place\b"
    r"|\b(?P<weltkrieg>(?:erste|zweite)[rsn]?) weltkrieg\b|\b(?P<due>due to|because of)\b"
    r"|(?<=\d)(?P<zero>\.0+)(?![\d.])|\b(?P<us>usa|united states(?: of america)?)\b"
    r"|\b(?P<uk>united kingdom|great britain)\b"
    r"|(?<!\d)(?P<century>\d\d)(?P<from>\d\d)-(?P<to>\d\d)(?!\d)"
)


_SIGN = re.compile(r"-| world war| place| weltkrieg|due to|because of|\.0|usa|united|great b")


def rephrased(form: str) -> str:
    """A normal form with phrases as the word that says the same: `World War 2` for the Second."""
    if not _SIGN.search(form):
        return form
    return _PHRASE.sub(_word_for, form)


def _word_for(match: re.Match[str]) -> str:
    if said := match["war"]:
        return f"world war {_RANK.get(said, said[0])}"
    if said := match["weltkrieg"]:
        return f"{'1' if said.startswith('erste') else '2'} weltkrieg"
    if match["to"]:  # 1814–15
        century = match["century"]
        return f"{century}{match['from']}-{century}{match['to']}"
    words = {"occur": "occur", "due": "cause", "us": "us", "uk": "uk", "zero": ""}
    return next(word for name, word in words.items() if match[name])
