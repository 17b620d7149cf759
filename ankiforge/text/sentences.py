"""Where a sentence ends. Frozen: a vault highlight is a sentence (docs/keys.md)."""

from __future__ import annotations

import re
from bisect import bisect_right

from ankiforge.domain import Span

_ABBREVIATIONS = frozenset(
    "e.g i.e cf al etc vs viz ca approx resp esp incl no nos vol pp p ch sec eq eqs fig figs ref"
    " refs tab dr prof mr mrs ms st jr sr inc ltd dept univ ed eds rev trans z.b d.h u.a bzw vgl"
    " s abb nr bd usw".split()
)
"""Words before a full stop that end no sentence, casefolded, without their last stop."""

_END = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s)|[。！？]["”’」』）]*""")
_NEXT = re.compile(r"""\s*["'“‘«(\[]*[^\W_]""")
_WORD_BEFORE = re.compile(r"[\w.]+$")


def boundaries(text: str) -> list[int]:
    """Offsets at which a new sentence begins, without 0 and the end.

    A sentence ends at `. ! ? …` (closing quotes and brackets belong to it) followed by white
    space and, after optional opening quotes, anything but a lower-case letter; at `。！？`
    at once. Not after an abbreviation, a single capital ("J. Smith") or a list number.
    """
    return [match.end() for match in _END.finditer(text) if _ends(text, match)]


def _ends(text: str, match: re.Match[str]) -> bool:
    if match[0][0] in "。！？":
        return match.end() < len(text)
    follow = _NEXT.match(text, match.end())
    if follow is None:
        return bool(text[match.end() :].strip())
    return not follow[0][-1].islower() and not (
        match[0].startswith(".") and _abbreviated(text, match.start())
    )


def _abbreviated(text: str, stop: int) -> bool:
    found = _WORD_BEFORE.search(text, max(0, stop - 24), stop)
    if found is None:
        return False
    word = found[0].strip(".")
    alone = not text[: found.start()].strip() or text[found.start() - 1] == "\n"
    return (
        word.casefold() in _ABBREVIATIONS
        or (len(word) == 1 and word.isupper())
        or (word.isdigit() and alone)
    )


def sentences(text: str) -> list[Span]:
    """The spans of the sentences, white space at both ends cut off."""
    edges = [0, *boundaries(text), len(text)]
    spans = []
    for start, end in zip(edges, edges[1:], strict=False):
        run = text[start:end]
        if run.strip():
            spans.append((start + len(run) - len(run.lstrip()), start + len(run.rstrip())))
    return spans


def sentence_around(text: str, start: int, end: int) -> Span:
    """The span of the sentence (or sentences) that hold [start, end)."""
    spans = sentences(text)
    if not spans:
        return (start, end)
    starts = [span[0] for span in spans]
    first = max(bisect_right(starts, start) - 1, 0)
    last = max(bisect_right(starts, max(end - 1, start)) - 1, first)
    return (spans[first][0], spans[last][1])
