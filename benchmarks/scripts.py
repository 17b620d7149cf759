"""Words to set pages of, in several scripts; `dice` makes each page another one."""

from __future__ import annotations

import unicodedata
from random import Random

_PROSE = (
    "the of and a in to is that memory cell function protein learning network spacing effect"
    " retrieval practice improves long term retention compared with massed study because each"
    " successful recall strengthens underlying trace while difficulty remains desirable gradient"
    " descent converges slowly when curvature varies typical membrane potential depolarizes"
    " quickly jumping pygmy gypsy quay equilibrium oxidative phosphorylation yields triphosphate"
    " inside mitochondria efficient classification of difficult affine office workflow official"
    " findings reflect significant baffling shuffled hippocampus consolidation interference"
)
_COMPOUNDS = (
    "well-known",
    "state-of-the-art",
    "long-term",
    "non-linear",
    "cross-validation",
)
_HEBREW = "שלום עולם זיכרון למידה מוח תא חלבון רשת אפקט מרווח תרגול משפר טווח ארוך"
_ARABIC = (
    "الذاكرة تتحسن بالتكرار المتباعد عند كل استرجاع ناجح رغم صعوبة المهمة في دماغ الطالب"
)
_CHINESE = "记忆的间隔效应使长期保持得到改善每次成功回忆都会加强痕迹而困难仍然是可取的"
_JAPANESE = "間隔効果は長期記憶を改善する学習の成功は記憶の痕跡を強めるので困難は望ましい"


def prose(dice: Random, count: int) -> list[str]:
    """English, one word of twelve a compound."""
    words = _PROSE.split()
    return [
        dice.choice(_COMPOUNDS if dice.random() < 0.08 else words) for _ in range(count)
    ]


def hebrew(dice: Random, count: int) -> list[str]:
    return [dice.choice(_HEBREW.split()) for _ in range(count)]


def arabic(dice: Random, count: int) -> list[str]:
    return [dice.choice(_ARABIC.split()) for _ in range(count)]


def chinese(dice: Random, count: int) -> list[str]:
    """Every character is a word."""
    return [dice.choice(_CHINESE) for _ in range(count)]


def japanese(dice: Random, count: int) -> list[str]:
    return [dice.choice(_JAPANESE) for _ in range(count)]


def joined_up(word: str) -> str:
    """An Arabic word in the letters that are drawn, each by its neighbours (U+FE80 to U+FEFC)."""
    shaped = []
    for at, letter in enumerate(word):
        before = at > 0 and (word[at - 1], "initial") in _FORMS
        after = at + 1 < len(word) and (letter, "initial") in _FORMS
        form = (
            ("medial" if after else "final")
            if before
            else ("initial" if after else "isolated")
        )
        shaped.append(_FORMS.get((letter, form), letter))
    return "".join(shaped)


def _forms() -> dict[tuple[str, str], str]:
    found = {}
    for code in range(0xFE80, 0xFEFD):
        form, *letters = unicodedata.decomposition(chr(code)).split()
        if len(letters) == 1:
            found[chr(int(letters[0], 16)), form.strip("<>")] = chr(code)
    return found


_FORMS = _forms()
