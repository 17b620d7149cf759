"""The same highlight again: which stored highlight is the one that was found. Pure.

Within one note or PDF, after an edit: by its own id, by equal anchor, by equal text in the
best context, then by similarity, one-to-one and in order; the thresholds stand in
`text.quotes`. Across notes only exact matches count; the ledger does those by index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from ankiforge.model import Highlight, HighlightKey, HighlightKind, Route
from ankiforge.text.anchors import triple_of
from ankiforge.text.cloze import gaps
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.quotes import ASK, SAME, similarity

MAX_TABLE = 250_000
"""Cells of the alignment table; beyond, leftovers are new."""


@dataclass(frozen=True, slots=True)
class Match:
    """A found highlight (by its index) and the stored key it continues."""

    found: int
    key: HighlightKey
    asked: str = ""
    """Why a person should look at it."""


class _Pairing:
    """Who is still free on either side; every pair is made once."""

    def __init__(self, stored: Sequence[Highlight], found: Sequence[Highlight]) -> None:
        self.stored = dict(enumerate(stored))
        self.found = dict(enumerate(found))
        self.matches: list[Match] = []

    def pair(self, old: int, new: int, asked: str = "") -> None:
        key = self.stored.pop(old).key
        del self.found[new]
        self.matches.append(Match(new, key, asked))

    def by(self, name: Callable[[Highlight], object]) -> None:
        """Pair those of equal, unempty name, in order; the best context first."""
        waiting: dict[object, list[int]] = defaultdict(list)
        for index, highlight in self.stored.items():
            waiting[name(highlight)].append(index)
        for new, highlight in list(self.found.items()):
            called = name(highlight)
            if called and waiting.get(called):
                old = self._nearest(waiting[called], highlight)
                waiting[called].remove(old)
                self.pair(old, new)

    def _nearest(self, candidates: list[int], found: Highlight) -> int:
        if len(candidates) == 1:
            return candidates[0]
        nearest = max(_context(self.stored[old], found) for old in candidates)
        best = [old for old in candidates if _context(self.stored[old], found) == nearest]
        return min(best, key=lambda old: (self._twice(best) and self.stored[old].key, old))

    def _twice(self, candidates: list[int]) -> bool:
        """Whether one mark was given several keys, by several machines: the least is to stay."""
        return (
            len({(triple_of(one), one.nth) for one in map(self.stored.get, candidates) if one}) == 1
        )


def in_place(
    stored: Sequence[Highlight], found: Sequence[Highlight], moved: frozenset[int] = frozenset()
) -> list[Match]:
    """Match the highlights of one note or PDF with what the ledger has of it.

    Both in reading order. Stored ones that stay unmatched were moved or are gone; found
    ones are moved here or new. Those found (by index) that have `moved` here, word for word, are
    no edit of what stood here, however like it they are.
    """
    pairing = _Pairing(stored, found)
    pairing.by(lambda highlight: highlight.own)
    _equal_on_pages(pairing)
    pairing.by(_mark)
    pairing.by(lambda highlight: (triple_of(highlight), highlight.kind))
    pairing.by(_whole_text)
    pairing.by(_picture)
    pairing.by(_annotation)
    pairing.by(_front_under_heading)
    for index in moved & pairing.found.keys():
        del pairing.found[index]
    _same_back(pairing)
    _align(pairing)
    return pairing.matches


def _mark(highlight: Highlight) -> object:
    return (triple_of(highlight), highlight.nth, highlight.kind)


def _equal_on_pages(pairing: _Pairing) -> None:
    """Equal marks on several pages of a PDF, which are counted page by page.

    By the names their annotations have; then in order, if they are as many as before, since pages
    may have come before them; then by their pages.
    """
    pairing.by(lambda one: (_mark(one), name) if (name := _named(one)) else None)
    before, after = (_by_mark(side) for side in (pairing.stored, pairing.found))
    for mark in before.keys() & after.keys():
        if len(before[mark]) == len(after[mark]):
            for old, new in zip(before[mark], after[mark], strict=True):
                pairing.pair(old, new)
    pairing.by(lambda one: (_mark(one), one.block) if one.route is Route.PDF else None)


def _named(highlight: Highlight) -> str:
    """/NM of an annotation, where it can tell it from all others."""
    return next((hint for hint in highlight.hints if hint.startswith("nm:")), "")


def _by_mark(side: dict[int, Highlight]) -> dict[object, list[int]]:
    """Those of PDFs that are equal, page by page: one that was gone has no place among the others."""
    marks: dict[object, list[int]] = defaultdict(list)
    for at, one in sorted(side.items(), key=lambda item: item[1].block.zfill(9)):
        if one.route is Route.PDF:
            marks[_mark(one)].append(at)
    return marks


def _whole_text(highlight: Highlight) -> object:
    text = canonical(highlight.exact)
    return (text, highlight.kind) if text else None


def _picture(highlight: Highlight) -> object:
    """What a figure or drawing shows: a picture is named by its place."""
    shows = highlight.kind in (HighlightKind.IMAGE, HighlightKind.INK) and highlight.markdown
    return (highlight.markdown, highlight.kind) if shows else None


def _annotation(highlight: Highlight) -> object:
    """Which annotation of Zotero a quote in a note is of: its words may have been cut down."""
    hint = highlight.hints[0] if highlight.hints else ""
    quotes = highlight.route is Route.VAULT and hint.startswith("zotero:")
    return (hint, highlight.kind) if quotes else None


def front_of(highlight: Highlight) -> str:
    """What a hand-written card asks; of a cloze: the text with its gaps blank."""
    text = highlight.markdown[0] if highlight.markdown else highlight.exact
    for gap in sorted(gaps(text), key=lambda gap: -gap.start):
        text = f"{text[: gap.start]}[…]{text[gap.end :]}"
    return canonical(plain(text))


def back_of(highlight: Highlight) -> str:
    """What it answers; of a cloze: the answers."""
    if len(highlight.markdown) > 1:
        return canonical(plain(highlight.markdown[1]))
    text = highlight.markdown[0] if highlight.markdown else ""
    return canonical(cloze_answers(text))


def _front_under_heading(highlight: Highlight) -> object:
    if highlight.kind is not HighlightKind.CARD:
        return None
    return (front_of(highlight), highlight.heading)


def _same_back(pairing: _Pairing) -> None:
    """Equal backs, unique before and after, with similar fronts (numbers may change)."""
    before, after = _unique_backs(pairing.stored), _unique_backs(pairing.found)
    for back in before.keys() & after.keys():
        old, new = before[back], after[back]
        fronts = front_of(pairing.stored[old]), front_of(pairing.found[new])
        if fuzz.ratio(*fronts) >= ASK:
            pairing.pair(old, new)


def _unique_backs(side: dict[int, Highlight]) -> dict[str, int]:
    backs: dict[str, list[int]] = defaultdict(list)
    for index, highlight in side.items():
        if highlight.kind is HighlightKind.CARD and (back := back_of(highlight)):
            backs[back].append(index)
    return {back: places[0] for back, places in backs.items() if len(places) == 1}


def _context(one: Highlight, other: Highlight) -> float:
    before = fuzz.ratio(canonical(one.prefix)[-32:], canonical(other.prefix)[-32:])
    return before + fuzz.ratio(canonical(one.suffix)[:32], canonical(other.suffix)[:32])


def _align(pairing: _Pairing) -> None:
    """Pair what is similar, one-to-one and in order, for the greatest sum of likeness."""
    old, new = sorted(pairing.stored), sorted(pairing.found)
    if not old or not new or len(old) * len(new) > MAX_TABLE:
        return
    likeness = [
        [_likeness(pairing.stored[row], pairing.found[column]) for column in new] for row in old
    ]
    for row, column in _best_path(likeness):
        score = likeness[row][column]
        asked = "" if score >= SAME else f"its source changed a good deal ({score:.0f} % alike)"
        pairing.pair(old[row], new[column], asked)


def _likeness(old: Highlight, new: Highlight) -> float:
    if old.kind is not new.kind or not old.exact or not new.exact:
        return 0.0
    score = similarity(old.exact, old.prefix, old.suffix, new.exact, new.prefix, new.suffix)
    return score if score >= ASK else 0.0


def _best_path(likeness: list[list[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), ascending in both, whose likeness sums highest."""
    rows, columns = len(likeness), len(likeness[0])
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for row in reversed(range(rows)):
        for column in reversed(range(columns)):
            pair = likeness[row][column] and likeness[row][column] + best[row + 1][column + 1]
            best[row][column] = max(pair, best[row + 1][column], best[row][column + 1])
    return list(_walk(likeness, best))


def _walk(likeness: list[list[float]], best: list[list[float]]) -> Iterable[tuple[int, int]]:
    row = column = 0
    while row < len(likeness) and column < len(likeness[0]):
        here = best[row][column]
        if here == best[row + 1][column]:
            row += 1
        elif here == best[row][column + 1]:
            column += 1
        else:
            yield row, column
            row, column = row + 1, column + 1
