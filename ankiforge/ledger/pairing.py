"""Match the highlights of one document with the stored ones of that document.

By own id, anchor, text and context; then edited ones by the spot; then those that were moved within the
document and edited. Nothing here reads or writes the ledger.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TypeVar

from rapidfuzz import fuzz

from ankiforge.model import Edit, EditKind, Highlight, HighlightKey, HighlightKind, Route
from ankiforge.model.highlights import NO_KEY, NOTHING_COMMON
from ankiforge.text.anchors import triple_of
from ankiforge.text.cloze import blanked
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.quotes import ASK, SAME, similarity
from ankiforge.text.quotes import likeness as likeness_of

Old = TypeVar("Old", int, str)
New = TypeVar("New", int, str)
MAX_TABLE = 250_000
"""Cells of the alignment table; larger tables are not aligned, and their highlights count as new."""


@dataclass(frozen=True, slots=True)
class Match:
    """The index of a found highlight, and the stored key that it continues."""

    found: int
    key: HighlightKey
    """Empty if it states another fact, and no id of its own gives it this key."""
    asked: str = ""
    """Why a person should confirm it; "" if there is no doubt."""
    replaces: HighlightKey = NO_KEY
    """The highlight in whose place it states another fact."""
    moved: bool = False
    """Whether it was moved within the document and edited: its new words wait."""


Judged = Callable[[Highlight, Highlight], Edit]
"""Returns what became of a passage."""


class _Pairing:
    """The highlights not yet paired on either side; every pair is made once."""

    def __init__(self, stored: Sequence[Highlight], found: Sequence[Highlight]) -> None:
        self.stored = dict(enumerate(stored))
        self.found = dict(enumerate(found))
        self.count = len(found)
        self.matches: list[Match] = []
        self.pairs: dict[int, int] = {}
        """Found highlights by the stored ones that they continue."""
        self.edited: dict[int, int] = {}
        """Those of them that were paired by their spot."""

    def pair(self, old: int, new: int, asked: str = "", *, moved: bool = False) -> None:
        key = self.stored.pop(old).key
        del self.found[new]
        self.matches.append(Match(new, key, asked, moved=moved))
        self.pairs[old] = new

    def part(self, old: int, stored: Highlight, found: Highlight) -> None:
        """Undo a pair."""
        new = self.pairs.pop(old)
        self.stored[old], self.found[new] = stored, found
        self.matches = [one for one in self.matches if one.found != new]

    def by(
        self,
        name: Callable[[Highlight], object],
        fits: Callable[[Highlight, Highlight], bool] = lambda old, new: True,
    ) -> None:
        """Pair highlights with equal, non-empty names in order; of several the best context first."""
        waiting: dict[object, list[int]] = defaultdict(list)
        for index, highlight in self.stored.items():
            waiting[name(highlight)].append(index)
        for new, highlight in list(self.found.items()):
            called = name(highlight)
            if called and waiting.get(called):
                old = self._nearest(waiting[called], highlight)
                if fits(self.stored[old], highlight):
                    waiting[called].remove(old)
                    self.pair(old, new)

    def _nearest(self, candidates: list[int], found: Highlight) -> int:
        if len(candidates) == 1:
            return candidates[0]
        nearest = max(likeness_around(self.stored[old], found) for old in candidates)
        best = [old for old in candidates if likeness_around(self.stored[old], found) == nearest]
        return min(best, key=lambda old: (self._twice(best) and self.stored[old].key, old))

    def _twice(self, candidates: list[int]) -> bool:
        """Return whether several machines gave several keys to one mark: the least one is kept."""
        return (
            len({(triple_of(one), one.nth) for one in map(self.stored.get, candidates) if one}) == 1
        )


def in_place(
    stored: Sequence[Highlight],
    found: Sequence[Highlight],
    judged: Judged,
    moved: frozenset[int] = frozenset(),
    stood: Collection[HighlightKey] = (),
    went: Collection[HighlightKey] = (),
) -> list[Match]:
    """Match the highlights of one document with the stored ones of that document.

    Both are in reading order. Stored ones without a match were moved or are gone; found ones without
    one were moved here or are new. Found ones (by index) in `moved` came from elsewhere word for word,
    so they are no edits of stored ones, however similar. Only the stored ones in `stood`, which were
    there when the document was last read, have a spot that another text may take. Those that `went`
    to another document word for word are paired after all others. `judged` tells what became of
    those that stand elsewhere in the document.
    """
    pairing = _Pairing(stored, found)
    pairing.by(lambda highlight: highlight.own, overlap)
    _equal_on_pages(pairing)
    pairing.by(mark_in)
    pairing.by(lambda highlight: (triple_of(highlight), highlight.kind))
    pairing.by(_whole_text)
    pairing.by(_picture)
    pairing.by(_annotation)
    pairing.by(lambda highlight: highlight.own)
    _marks_of_a_pdf(pairing)
    pairing.by(_front_under_heading)
    for index in moved & pairing.found.keys():
        del pairing.found[index]
    _same_back(pairing)
    present = frozenset(index for index, one in enumerate(stored) if one.key in stood)
    away = {index: one for index, one in pairing.stored.items() if one.key in went}
    for index in away:
        del pairing.stored[index]
    while _align(pairing, present, judged):
        pass
    pairing.stored.update(away)
    while away and _align(pairing, present, judged):
        pass
    for old in away.keys() & pairing.edited.keys():
        if _unlike(stored[old], found[pairing.edited[old]]):  # it went, and another took its spot
            pairing.part(old, stored[old], found[pairing.edited.pop(old)])
    _elsewhere(pairing, stored, found, judged)
    return pairing.matches


def _elsewhere(
    pairing: _Pairing, stored: Sequence[Highlight], found: Sequence[Highlight], judged: Judged
) -> None:
    """Pair highlights that were moved within the document and edited.

    What only took the spot of one that is elsewhere now is new. A heading that was changed above
    others, too, as when the note was renamed, is no other one.
    """
    above = {stored[old].heading: found[new].heading for old, new in pairing.pairs.items()}

    def judged_there(old: Highlight, new: Highlight) -> Edit:
        same = above.get(old.heading) == new.heading
        return judged(old, replace(new, heading=old.heading) if same else new)

    doubtful = {
        old: new
        for old, new in pairing.edited.items()
        if _unlike(stored[old], found[new])
        or judged(stored[old], found[new]).kind is EditKind.ANOTHER_FACT
    }
    olds = {**pairing.stored, **{old: stored[old] for old in doubtful}}
    news = {**pairing.found, **{new: found[new] for new in doubtful.values()}}
    spots = {new: old for old, new in doubtful.items()}
    pairs = _of_one_label(olds, news, judged)
    rest = (
        {at: one for at, one in olds.items() if at not in pairs},
        {at: one for at, one in news.items() if at not in pairs.values()},
    )
    for old, new in (pairs | likest(*rest, judged_there)).items():
        if doubtful.get(old) != new:
            for one in {old, spots.get(new, old)} & doubtful.keys():
                pairing.part(one, stored[one], found[doubtful[one]])
                del doubtful[one]
            # the order of those that only the journal knows is unknown
            stays = beside(stored[old], found[new])
            pairing.pair(old, new, "" if stays else "it was moved and edited", moved=not stays)


def _of_one_label(
    stored: Mapping[int, Highlight], found: Mapping[int, Highlight], judged: Judged
) -> dict[int, int]:
    """Pair bare numbers and names, as in cells of a table, of which one only is under its labels."""
    sides = []
    for side in (stored, found):
        labels: dict[object, list[int]] = defaultdict(list)
        for at, one in side.items():
            if one.heading and is_bare(one):
                labels[one.heading, one.above, one.kind].append(at)
        sides.append({label: each[0] for label, each in labels.items() if len(each) == 1})
    pairs = {sides[0][label]: sides[1][label] for label in sides[0].keys() & sides[1].keys()}
    return {
        old: new
        for old, new in sorted(pairs.items())
        if not _renumbered(stored[old], found[new])
        and judged(stored[old], found[new]).kind is not EditKind.ANOTHER_FACT
    }


def _unlike(old: Highlight, new: Highlight) -> bool:
    return fuzz.ratio(canonical(old.exact), canonical(new.exact)) < SAME


def likest(
    stored: Mapping[Old, Highlight],
    found: Mapping[New, Highlight],
    judged: Judged,
    least: float = SAME,
) -> dict[Old, New]:
    """Pair passages wherever they stand, the likest first; sentences about different things may be alike.

    An edit is a correction, or leaves names and numbers as they were.
    """
    if len(stored) * len(found) > MAX_TABLE:
        return {}
    texts = {new: canonical(one.exact) for new, one in found.items()}
    alike = []
    for old, before in stored.items():
        text = canonical(before.exact)
        for new, after in found.items():
            ratio = fuzz.ratio(text, texts[new], score_cutoff=least)
            if ratio and text and before.kind is after.kind and not _renumbered(before, after):
                alike.append((-ratio, old, new))
    pairs: dict[Old, New] = {}
    taken = set[New]()
    for _, old, new in sorted(alike):
        if old in pairs or new in taken:
            continue
        edit = judged(stored[old], found[new])
        same = edit.kind is EditKind.WAITS and edit.names_kept
        if same or edit.kind is EditKind.CORRECTION:
            pairs[old] = new
            taken.add(new)
    return pairs


def _renumbered(old: Highlight, new: Highlight) -> bool:
    """Return whether two highlights have ids of their own that differ."""
    names = ((name(old), name(new)) for name in (lambda one: one.own, name_of))
    return any(one and other and one != other for one, other in names)


def overlap(old: Highlight, new: Highlight) -> bool:
    """Return whether two texts are alike, or half of the shorter one stands in the other."""
    one, other = canonical(old.exact), canonical(new.exact)
    if not one or not other or fuzz.ratio(one, other) >= _LIKE:
        return True
    common = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return common.size * 2 >= min(len(one), len(other))


def mark_in(highlight: Highlight) -> object:
    """Return what tells a highlight from the others of its document."""
    return (triple_of(highlight), highlight.nth, highlight.kind)


def _equal_on_pages(pairing: _Pairing) -> None:
    """Pair equal marks on several pages of a PDF, which are counted page by page.

    By the names of their annotations; then in order if their number is unchanged, since pages may have
    been inserted before them; then by page.
    """
    pairing.by(lambda one: (mark_in(one), name) if (name := name_of(one)) else None)
    before, after = (_by_mark(side) for side in (pairing.stored, pairing.found))
    for mark in before.keys() & after.keys():
        if len(before[mark]) == len(after[mark]):
            for old, new in zip(before[mark], after[mark], strict=True):
                pairing.pair(old, new)
    pairing.by(lambda one: (mark_in(one), one.block) if one.route is Route.PDF else None)


def _marks_of_a_pdf(pairing: _Pairing) -> None:
    """Pair marks of a file whose text changed by the names of their annotations, then by page and rectangle."""
    for kind in ("nm:", "at:"):
        stored = {hint: old for old, one in pairing.stored.items() for hint in _hints(one, kind)}
        for new, found in list(pairing.found.items()):
            at = next((stored[hint] for hint in _hints(found, kind) if hint in stored), -1)
            old = pairing.stored.get(at)
            if old is None or old.namespace == found.namespace:
                continue
            if fuzz.ratio(canonical(old.exact), canonical(found.exact)) >= _LIKE:
                pairing.pair(at, new)


def _hints(highlight: Highlight, kind: str) -> list[tuple[str, HighlightKind]]:
    """Return the names of one kind that a mark of a PDF has."""
    if highlight.route is not Route.PDF:
        return []
    return [(hint, highlight.kind) for hint in highlight.hints if hint.startswith(kind)]


def name_of(highlight: Highlight) -> str:
    """Return the /NM of an annotation if it is unique."""
    return next((hint for hint in highlight.hints if hint.startswith("nm:")), "")


def _by_mark(side: dict[int, Highlight]) -> dict[object, list[int]]:
    """Group equal marks of PDFs by page; one that was gone has no position among the others."""
    marks: dict[object, list[int]] = defaultdict(list)
    for at, one in sorted(side.items(), key=lambda item: item[1].block.zfill(9)):
        if one.route is Route.PDF:
            marks[mark_in(one)].append(at)
    return marks


def _whole_text(highlight: Highlight) -> object:
    """Return the folded text; of a bare number or name, as in a cell of a table, with its labels."""
    text = canonical(highlight.exact)
    labels = (highlight.heading, highlight.above) if is_bare(highlight) else ()
    return (text, highlight.kind, labels) if text else None


def is_bare(highlight: Highlight) -> bool:
    """Return whether all of a passage is asked for, as in a cell of a table."""
    return highlight.gaps == ((0, len(highlight.exact)),)


def _picture(highlight: Highlight) -> object:
    """Return the picture of a figure or drawing: its name is made of its place."""
    shows = highlight.kind in (HighlightKind.IMAGE, HighlightKind.INK) and highlight.markdown
    return (highlight.markdown, highlight.kind) if shows else None


def _annotation(highlight: Highlight) -> object:
    """Return the Zotero annotation that a note quotes: the quote may be shortened."""
    hint = highlight.hints[0] if highlight.hints else ""
    quotes = highlight.route is Route.VAULT and hint.startswith("zotero:")
    return (hint, highlight.kind) if quotes else None


def front_of(highlight: Highlight) -> str:
    """Return the question of a hand-written card; of a cloze the text with blank gaps."""
    text = highlight.markdown[0] if highlight.markdown else highlight.exact
    return canonical(plain(blanked(text)))


def back_of(highlight: Highlight) -> str:
    """Return the answer of a hand-written card; of a cloze the hidden words."""
    if len(highlight.markdown) > 1:
        return canonical(plain(highlight.markdown[1]))
    text = highlight.markdown[0] if highlight.markdown else ""
    return canonical(cloze_answers(text))


def _front_under_heading(highlight: Highlight) -> object:
    if highlight.kind is not HighlightKind.CARD:
        return None
    return (front_of(highlight), highlight.heading)


def _same_back(pairing: _Pairing) -> None:
    """Pair cards with equal backs, unique before and after, and similar fronts (numbers may change)."""
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


def likeness_around(one: Highlight, other: Highlight) -> float:
    """Return the similarity (0 to 200) of prefix and suffix, as equal text may occur twice in a work."""
    before = fuzz.ratio(canonical(one.prefix)[-32:], canonical(other.prefix)[-32:])
    return before + fuzz.ratio(canonical(one.suffix)[:32], canonical(other.suffix)[:32])


_LIKE = 60
"""Likeness of two texts from which one may be the other, edited."""
_AROUND = 40
"""Unchanged characters on one side that show a spot to be the same."""
_LITTLE = 12
"""Characters around a passage of a short note from which another note is a copy of it."""


def _align(pairing: _Pairing, present: frozenset[int], judged: Judged) -> bool:
    """Pair similar highlights, and those of one spot, in order, for the greatest sum of likeness.

    Returns:
        Whether there was a pair: its highlights are the neighbours of others now.
    """
    old, new = sorted(pairing.stored), sorted(pairing.found)
    if not old or not new or len(old) * len(new) > MAX_TABLE:
        return False
    spots = _spots(pairing, present)
    table = [
        [_score(pairing, row, column, spots, present, judged) for column in new] for row in old
    ]
    paired = list(_best_path(table))
    for row, column in paired:
        score = table[row][column]
        asked = "" if score >= SAME else f"its source changed a lot ({score:.0f} % alike)"
        pairing.pair(old[row], new[column], asked)
        pairing.edited[old[row]] = new[column]
    return bool(paired)


def _score(
    pairing: _Pairing,
    row: int,
    column: int,
    spots: Mapping[tuple[int, int], bool],
    present: frozenset[int],
    judged: Judged,
) -> float:
    old, new = pairing.stored[row], pairing.found[column]
    if old.kind is not new.kind or not old.exact or not new.exact:
        return 0.0
    texts = (old.exact, old.prefix, old.suffix, new.exact, new.prefix, new.suffix)
    in_spot = spots.get((row, column)) or (row in present and beside(old, new))
    if _related(old, new):
        if in_spot:
            return max(likeness_of(*texts), 1.0)
        if (row, column) in spots and overlap(old, new):
            return likeness_of(*texts)
    elif in_spot and old.route is Route.VAULT and not _renumbered(old, new):
        edit = judged(old, new)
        if edit.kind is EditKind.ANOTHER_FACT and edit.why != NOTHING_COMMON:
            return 1.0
    return _likeness(old, new)


def _likeness(old: Highlight, new: Highlight) -> float:
    """Return the similarity of two highlights of one kind; 0 where it proves nothing."""
    if old.kind is not new.kind or not old.exact or not new.exact:
        return 0.0
    score = similarity(old.exact, old.prefix, old.suffix, new.exact, new.prefix, new.suffix)
    return score if score >= ASK else 0.0


_WORD = re.compile(r"[^\W\d_]{4,}|\d+")
_FEW_WORDS = 3
_TYPO = 70
"""Likeness of a few words from which they may be the others, spelled otherwise."""


def _related(old: Highlight, new: Highlight) -> bool:
    """Return whether a text that stands in the place of another one may be that one, edited.

    Marks over a text that nobody edits must overlap, and none has another id than before.
    """
    if _renumbered(old, new):
        return False
    if old.route is not Route.VAULT:
        return overlap(old, new)
    sides = zip(_sides(old), _sides(new), strict=False)
    return any(_share_a_word(one, other) for one, other in sides)


def _sides(highlight: Highlight) -> tuple[str, ...]:
    """Return the folded text; of a question the front and the back."""
    return tuple(map(canonical, highlight.markdown[:2] or (highlight.exact,)))


def _share_a_word(one: str, other: str) -> bool:
    """Return whether two texts share a word or a number, are numbers, or a few words spelled alike."""
    words, others = set(_WORD.findall(one)), set(_WORD.findall(other))
    if words & others or (all(word.isdigit() for word in words | others) and words and others):
        return True
    short = max(len(one.split()), len(other.split())) <= _FEW_WORDS
    return short and fuzz.ratio(one, other) >= _TYPO


def beside(old: Highlight, new: Highlight) -> bool:
    """Return whether what stands on one side is unchanged."""
    before, after = (
        (canonical(one.prefix)[-_AROUND:], canonical(one.suffix)[:_AROUND]) for one in (old, new)
    )
    return any(
        len(one) == _AROUND and one == other for one, other in zip(before, after, strict=True)
    )


def is_copy(one: Highlight, other: Highlight) -> bool:
    """Return whether the same stands beside two passages: all of it, in a short note."""
    whole = (canonical(one.prefix), canonical(one.suffix))
    in_short = sum(map(len, whole)) >= _LITTLE
    same = whole == (canonical(other.prefix), canonical(other.suffix))
    return beside(one, other) or (in_short and same)


def _spots(pairing: _Pairing, present: frozenset[int]) -> dict[tuple[int, int], bool]:
    """Return the pairs that stand, or may stand, in one spot: between the same neighbours.

    True where nothing else can be meant: as many stood there as stand there, and there is a
    neighbour, or the document has one mark only.
    """
    stood = sorted(present)
    ends = [at for at, old in enumerate(stood) if old in pairing.pairs]
    found: dict[tuple[int, int], bool] = {}
    for left, right in pairwise((-1, *ends, len(stood))):
        first = pairing.pairs[stood[left]] if left >= 0 else -1
        last = pairing.pairs[stood[right]] if right < len(stood) else pairing.count
        olds = [old for old in stood[left + 1 : right] if old in pairing.stored]
        news = [new for new in range(first + 1, last) if new in pairing.found]
        sure = len(olds) == len(news) and (right - left <= len(stood) or pairing.count == 1)
        for at, old in enumerate(olds):
            for place, new in enumerate(news):
                found[old, new] = sure and at == place
    return found


def _best_path(likeness: list[list[float]]) -> list[tuple[int, int]]:
    """Return pairs (row, column), ascending in both, with the highest sum of likeness."""
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
