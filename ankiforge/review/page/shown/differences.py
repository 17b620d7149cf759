"""What differs between two texts, word by word: for a person who reads both.

Formulas, code, clozes and escapes are never torn apart; writing without blanks between its words
is compared sign by sign.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from rapidfuzz.distance import Indel

from ankiforge.text.cloze import gaps, shields

SAME, GONE, NEW = "", "del", "ins"
Run = tuple[str, str]
"""(`SAME` | `GONE` | `NEW`, text)"""

_ALONE = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Signs that are a word each: kana, Chinese characters."""
_TOKEN = re.compile(
    rf"\d+(?:[.,]\d+)+ | (?:(?![{_ALONE}_])\w)+(?:['’](?:(?![{_ALONE}_])\w)+)* | \s+ | .",
    re.VERBOSE | re.DOTALL,
)
_JOINER = "\u200d"


def runs(old: str, new: str) -> tuple[Run, ...]:
    """The two texts as one: what both have, what only the old one has, what only the new one has.

    All but `NEW` joined is the old text, all but `GONE` the new one.
    """
    before, after = tokens(old), tokens(new)
    found: list[Run] = []
    for step in Indel.opcodes(before, after):
        if step.tag == "equal":
            found.append((SAME, "".join(before[step.src_start : step.src_end])))
        else:
            found.append((GONE, "".join(before[step.src_start : step.src_end])))
            found.append((NEW, "".join(after[step.dest_start : step.dest_end])))
    return tuple(_gathered(found))


def only(what: str, found: Iterable[Run]) -> tuple[Run, ...]:
    """One side of a comparison: what both have, and what this one has alone."""
    return tuple(run for run in found if run[0] in (SAME, what))


# --- words ----------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """A text in the pieces that are compared; joined they are the text."""
    found: list[str] = []
    at = 0
    for start, end in _atoms(text):
        found += _words(text[at:start])
        found.append(text[start:end])
        at = end
    return found + _words(text[at:])


def _atoms(text: str) -> Iterator[tuple[int, int]]:
    """What stays whole, the outermost only."""
    whole = [(start, end) for start, end, _ in shields(text)]
    whole += [(gap.start, gap.end) for gap in gaps(text)]
    reached = 0
    for start, end in sorted(whole, key=lambda span: (span[0], -span[1])):
        if start >= reached:
            yield start, end
            reached = end


def _words(text: str) -> list[str]:
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        if found and _belongs(found[-1], match[0]):
            found[-1] += match[0]
        else:
            found.append(match[0])
    return found


def _belongs(before: str, token: str) -> bool:
    """Whether a token is no sign of its own: an accent, the next part of one picture."""
    if before.endswith(_JOINER) or token[0] == _JOINER:
        return True
    return unicodedata.category(token[0]) in ("Mn", "Mc", "Me", "Sk")


# --- runs -----------------------------------------------------------------------------------


def _gathered(found: list[Run]) -> Iterator[Run]:
    """One change where only blanks lie between two: words apart are hard to read."""
    gone = new = blank = ""
    for what, text in found:
        if what == SAME and text.strip():
            yield from _told(gone, new, blank)
            gone = new = blank = ""
            yield what, text
        elif what == SAME:
            blank += text
        elif text:
            if gone or new:
                gone, new = gone + blank, new + blank
            elif blank:
                yield SAME, blank
            blank = ""
            gone, new = gone + (text if what == GONE else ""), new + (text if what == NEW else "")
    yield from _told(gone, new, blank)


def _told(gone: str, new: str, blank: str) -> Iterator[Run]:
    return (run for run in ((GONE, gone), (NEW, new), (SAME, blank)) if run[1])
