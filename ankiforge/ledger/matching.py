"""Match the highlights that were read with the stored ones.

First in place: by own id, anchor, text and context, and by the spot (`in_place`, pure). A pair whose
words changed is judged: what states another fact there is no longer the same highlight. Then highlights
recovered from Anki, whose place is unknown; then those that were moved from elsewhere.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import pairwise

from rapidfuzz import fuzz

from ankiforge.ledger.db import Connection
from ankiforge.ledger.documents import LONG_PAGE
from ankiforge.ledger.highlights import NOT_SELECTED, decode_highlight, place_of, present, slug_of
from ankiforge.ledger.keys import KeyIssuer, content_of
from ankiforge.model import (
    Edit,
    EditKind,
    Highlight,
    HighlightKey,
    HighlightKind,
    Judge,
    Route,
    RunId,
    Scan,
)
from ankiforge.model.highlights import NO_KEY
from ankiforge.text.anchors import own_key, text_of, triple_of
from ankiforge.text.cloze import blanked
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.quotes import ASK, SAME, similarity
from ankiforge.text.quotes import likeness as likeness_of
from ankiforge.text.renames import Sketch, decode, pair, required, share

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


class _Pairing:
    """The highlights not yet paired on either side; every pair is made once."""

    def __init__(self, stored: Sequence[Highlight], found: Sequence[Highlight]) -> None:
        self.stored = dict(enumerate(stored))
        self.found = dict(enumerate(found))
        self.count = len(found)
        self.matches: list[Match] = []
        self.pairs: dict[int, int] = {}
        """Found highlights by the stored ones that they continue."""

    def pair(self, old: int, new: int, asked: str = "") -> None:
        key = self.stored.pop(old).key
        del self.found[new]
        self.matches.append(Match(new, key, asked))
        self.pairs[old] = new

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
        nearest = max(_context(self.stored[old], found) for old in candidates)
        best = [old for old in candidates if _context(self.stored[old], found) == nearest]
        return min(best, key=lambda old: (self._twice(best) and self.stored[old].key, old))

    def _twice(self, candidates: list[int]) -> bool:
        """Return whether several machines gave several keys to one mark: the least one is kept."""
        return (
            len({(triple_of(one), one.nth) for one in map(self.stored.get, candidates) if one}) == 1
        )


def in_place(
    stored: Sequence[Highlight],
    found: Sequence[Highlight],
    moved: frozenset[int] = frozenset(),
    stood: Collection[HighlightKey] = (),
) -> list[Match]:
    """Match the highlights of one document with the stored ones of that document.

    Both are in reading order. Stored ones without a match were moved or are gone; found ones without
    one were moved here or are new. Found ones (by index) in `moved` came from elsewhere word for word,
    so they are no edits of stored ones, however similar. Only the stored ones in `stood`, which were
    there when the document was last read, have a spot that another text may take.
    """
    pairing = _Pairing(stored, found)
    pairing.by(lambda highlight: highlight.own, _overlap)
    _equal_on_pages(pairing)
    pairing.by(_mark)
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
    while _align(pairing, present):
        pass
    return pairing.matches


def _overlap(old: Highlight, new: Highlight) -> bool:
    """Return whether two texts are alike, or half of the shorter one stands in the other."""
    one, other = canonical(old.exact), canonical(new.exact)
    if not one or not other or fuzz.ratio(one, other) >= _LIKE:
        return True
    common = SequenceMatcher(None, one, other, autojunk=False).find_longest_match()
    return common.size * 2 >= min(len(one), len(other))


def _mark(highlight: Highlight) -> object:
    return (triple_of(highlight), highlight.nth, highlight.kind)


def _equal_on_pages(pairing: _Pairing) -> None:
    """Pair equal marks on several pages of a PDF, which are counted page by page.

    By the names of their annotations; then in order if their number is unchanged, since pages may have
    been inserted before them; then by page.
    """
    pairing.by(lambda one: (_mark(one), name) if (name := _named(one)) else None)
    before, after = (_by_mark(side) for side in (pairing.stored, pairing.found))
    for mark in before.keys() & after.keys():
        if len(before[mark]) == len(after[mark]):
            for old, new in zip(before[mark], after[mark], strict=True):
                pairing.pair(old, new)
    pairing.by(lambda one: (_mark(one), one.block) if one.route is Route.PDF else None)


def _marks_of_a_pdf(pairing: _Pairing) -> None:
    """Pair marks of a file whose text changed by the names of their annotations, then by page and rectangle."""
    for kind in ("nm:", "at:"):
        stored = {hint: old for old, one in pairing.stored.items() for hint in _hints(one, kind)}
        for new, found in list(pairing.found.items()):
            at = next((stored[hint] for hint in _hints(found, kind) if hint in stored), -1)
            old = pairing.stored.get(at)
            if old is None or old.namespace == found.namespace:
                continue
            if fuzz.ratio(canonical(old.exact), canonical(found.exact)) >= MOVED_LIKENESS:
                pairing.pair(at, new)


def _hints(highlight: Highlight, kind: str) -> list[tuple[str, HighlightKind]]:
    """Return the names of one kind that a mark of a PDF has."""
    if highlight.route is not Route.PDF:
        return []
    return [(hint, highlight.kind) for hint in highlight.hints if hint.startswith(kind)]


def _named(highlight: Highlight) -> str:
    """Return the /NM of an annotation if it is unique."""
    return next((hint for hint in highlight.hints if hint.startswith("nm:")), "")


def _by_mark(side: dict[int, Highlight]) -> dict[object, list[int]]:
    """Group equal marks of PDFs by page; one that was gone has no position among the others."""
    marks: dict[object, list[int]] = defaultdict(list)
    for at, one in sorted(side.items(), key=lambda item: item[1].block.zfill(9)):
        if one.route is Route.PDF:
            marks[_mark(one)].append(at)
    return marks


def _whole_text(highlight: Highlight) -> object:
    text = canonical(highlight.exact)
    return (text, highlight.kind) if text else None


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


def _context(one: Highlight, other: Highlight) -> float:
    before = fuzz.ratio(canonical(one.prefix)[-32:], canonical(other.prefix)[-32:])
    return before + fuzz.ratio(canonical(one.suffix)[:32], canonical(other.suffix)[:32])


_LIKE = 60
"""Likeness of two texts from which one may be the other, edited."""
_AROUND = 40
"""Unchanged characters on one side that show a spot to be the same."""


def _align(pairing: _Pairing, present: frozenset[int]) -> bool:
    """Pair similar highlights, and those of one spot, in order, for the greatest sum of likeness.

    Returns:
        Whether there was a pair: its highlights are the neighbours of others now.
    """
    old, new = sorted(pairing.stored), sorted(pairing.found)
    if not old or not new or len(old) * len(new) > MAX_TABLE:
        return False
    spots = _spots(pairing, present)
    table = [[_score(pairing, row, column, spots, present) for column in new] for row in old]
    paired = list(_best_path(table))
    for row, column in paired:
        score = table[row][column]
        asked = "" if score >= SAME else f"its source changed a good deal ({score:.0f} % alike)"
        pairing.pair(old[row], new[column], asked)
    return bool(paired)


def _score(
    pairing: _Pairing,
    row: int,
    column: int,
    spots: Mapping[tuple[int, int], bool],
    present: frozenset[int],
) -> float:
    old, new = pairing.stored[row], pairing.found[column]
    if old.kind is not new.kind or not old.exact or not new.exact:
        return 0.0
    texts = (old.exact, old.prefix, old.suffix, new.exact, new.prefix, new.suffix)
    if _related(old, new):
        if spots.get((row, column)) or (row in present and _beside(old, new)):
            return max(likeness_of(*texts), 1.0)
        if (row, column) in spots and _overlap(old, new):
            return likeness_of(*texts)
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
    for name in (lambda one: one.own, _named):
        if name(old) and name(new) and name(old) != name(new):
            return False
    if old.route is not Route.VAULT:
        return _overlap(old, new)
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


def _beside(old: Highlight, new: Highlight) -> bool:
    """Return whether what stands on one side is unchanged."""
    before, after = (
        (canonical(one.prefix)[-_AROUND:], canonical(one.suffix)[:_AROUND]) for one in (old, new)
    )
    return any(
        len(one) == _AROUND and one == other for one, other in zip(before, after, strict=True)
    )


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


# --- renamed documents ------------------------------------------------------------------------


@dataclass(slots=True)
class Renames:
    """What became of the documents of a container, by their words."""

    found: dict[str, str] = field(default_factory=dict)
    """The new place of each document that was renamed, by its old place."""
    gone: dict[str, Sketch] = field(default_factory=dict)
    """All documents that went, by place."""
    new: dict[str, Sketch] = field(default_factory=dict)
    """Those that came and are none of them."""
    common: Collection[int] = ()
    """The hashes of third documents."""
    lost: dict[str, Highlight] | None = None
    """The highlights of documents that went which a new one may be; None = not looked for yet."""

    def may_be(self, old: str, new: str) -> bool:
        """Return whether a new document may hold passages of one that went.

        It is a part of it, or the two have too few words of their own to tell.
        """
        if old == new or old not in self.gone or new not in self.new:
            return False
        two = (self.gone[old], self.new[new])
        alike = share(*two, self.common)
        return alike is None or alike >= required(*two)


def renames(connection: Connection, container: str, is_lost: Callable[[str], bool]) -> Renames:
    """Recognise the documents of a container that were renamed.

    What was written over with other words counts as gone and as new. A document that went in an
    earlier run is looked for where no other one fits.

    Args:
        connection: to the ledger, between staging and matching.
        container: that was listed, whole or in part.
        is_lost: tells of a path that was not listed whether its document is gone.
    """
    new: dict[str, Sketch] = {}
    gone: dict[str, Sketch] = {}
    earlier: dict[str, Sketch] = {}
    known = connection.execute("SELECT 1 FROM sketch WHERE container = ? LIMIT 1", (container,))
    if known.fetchone() is None:  # a first run: do not hold the sketches of all documents
        return Renames()
    for row in connection.execute(
        "SELECT s.place, s.sketch, coalesce(k.words, '') AS words FROM scanned_document s"
        " LEFT JOIN sketch k USING (container, place, path) WHERE container = ? AND sketch <> ''",
        (container,),
    ):
        after = decode(row["sketch"])
        if not row["words"]:
            new[row["place"]] = after
        elif (share(before := decode(row["words"]), after) or 0.0) < required(before, after):
            new[row["place"]], gone[row["place"]] = after, before
    if not new:
        return Renames()
    for row in connection.execute(
        "SELECT k.place, k.path, k.words, EXISTS (SELECT 1 FROM ingested i WHERE i.container ="
        "  k.container AND i.place = k.place) AS just_now FROM sketch k WHERE k.container = ?"
        " AND NOT EXISTS (SELECT 1 FROM temp.listed l"
        "  WHERE l.container = k.container AND l.place = k.place)"
        " AND (EXISTS (SELECT 1 FROM highlight h WHERE h.container = k.container"
        "   AND h.place = k.place AND h.presence_why <> ?)"
        "  OR EXISTS (SELECT 1 FROM location w WHERE w.container = k.container"
        "   AND w.place = k.place AND w.missing_at <> ?)) ORDER BY k.place",
        (container, NOT_SELECTED, NOT_SELECTED),
    ).fetchall():
        if is_lost(row["path"]):
            (gone if row["just_now"] else earlier)[row["place"]] = decode(row["words"])
    if not gone and not earlier:
        return Renames()

    # what stands in a third document tells nothing
    wanted = {each for side in (gone, earlier, new) for one in side.values() for each in one.hashes}
    common: set[int] = set()
    own: set[str] = set()
    for row in connection.execute(
        "SELECT k.place, coalesce(nullif(s.sketch, ''), k.words) AS words FROM sketch k"
        " LEFT JOIN scanned_document s USING (container, place, path) WHERE container = ?",
        (container,),
    ):
        if not any(row["place"] in side for side in (new, gone, earlier)):
            one = decode(row["words"])
            common |= one.hashes & wanted
            own |= one.own
    found = pair(gone, new, common, own)
    followed = [new[place] for place in found.values()]
    rest = {place: one for place, one in new.items() if place not in found.values()}
    common = common.union(*(one.hashes for one in followed))
    found |= pair(earlier, rest, common, own.union(*(one.own for one in followed)))

    return Renames(
        {old: place for old, place in found.items() if old != place},
        {**earlier, **gone},
        {place: one for place, one in new.items() if place not in found.values()},
        common,
    )


def reworded_files(connection: Connection, container: str) -> dict[str, str]:
    """Return the new place of each PDF that is another document by its text, by its old place.

    A file at the same path, or with half of its longer pages, is the same one.
    """
    found: dict[str, str] = {}
    for row in connection.execute(
        "WITH came AS (SELECT DISTINCT s.place, s.path FROM scanned_document s WHERE s.container = :c"
        "  AND s.place <> '' AND NOT EXISTS (SELECT 1 FROM highlight h WHERE h.container = :c"
        "  AND h.place = s.place)), went AS (SELECT DISTINCT h.place FROM highlight h"
        "  WHERE h.container = :c AND h.presence_why <> :not_selected AND NOT EXISTS"
        "  (SELECT 1 FROM temp.listed l WHERE l.container = :c AND l.place = h.place)),"
        " long AS (SELECT document, fold FROM page_fold WHERE length >= :length)"
        " SELECT w.place AS old, c.place AS new, 1.0 AS share FROM came c JOIN ingested i"
        "  ON i.container = :c AND i.path = c.path JOIN went w ON w.place = i.place"
        " UNION ALL SELECT w.place, c.place, 1.0 * count(DISTINCT a.fold) / (SELECT min(n) FROM"
        "  (SELECT count(*) AS n FROM long WHERE document IN (w.place, c.place) GROUP BY document))"
        "  FROM came c JOIN long a ON a.document = c.place JOIN long b ON b.fold = a.fold"
        "  JOIN went w ON w.place = b.document GROUP BY w.place, c.place ORDER BY share DESC, old, new",
        {"c": container, "not_selected": NOT_SELECTED, "length": LONG_PAGE},
    ).fetchall():
        if row["share"] >= 0.5 and row["old"] not in found and row["new"] not in found.values():
            found[row["old"]] = row["new"]
    return found


MAY_BE = "moved from "
"""What `asked` of a highlight begins with that may be another one, whose key follows."""
MOVED_LIKENESS = 60
"""Likeness from which a passage of a short document may be one that went from another."""
MOVED_LENGTH = 40
"""Folded characters from which equal text moves a key from note to note."""

_ANCHOR = re.compile(r"/([0-9a-f]{16})(?:\.|$)")


_GROWN = 1.3
"""A mark that grew by more than inserted words is another one beside the old one."""


class Recognition:
    """Assigns stored keys to staged rows."""

    def __init__(self, connection: Connection, keys: KeyIssuer) -> None:
        self._db = connection
        self._keys = keys
        self.judge: Judge
        """Judges edits; set before matching."""
        self.issued_twice: dict[HighlightKey, HighlightKey] = {}
        """Highlights of this run that have a second key, of another machine, by the key not used."""

    def assign(
        self,
        run: RunId,
        sighting: int,
        key: HighlightKey,
        asked: str = "",
        replaces: str = "",
    ) -> None:
        """Match a staged row with a stored highlight, or note the one that it replaces."""
        self._db.execute(
            "UPDATE scanned SET key = ?, asked = ?, replaces = ? WHERE run = ? AND id = ?",
            (key, asked, replaces, run, sighting),
        )

    # --- in place ---------------------------------------------------------------------------

    def renamed(self, run: RunId, recognised: Mapping[tuple[str, str], str]) -> frozenset[str]:
        """Match the highlights of `recognised` documents as if they stood where they did.

        A highlight that stands word for word in another document went there.

        Args:
            run: whose highlights are staged.
            recognised: the old place of a document by its container and new place.

        Returns:
            The keys that were assigned.
        """
        taken: set[str] = set()
        moved_to = self._moved_to(run) if recognised else {}
        for (container, place), old in sorted(recognised.items()):
            stored = [
                one
                for one in self._stored(run, container, old, reselected=False)
                if (container, place) in moved_to.get(text_of(one), {(container, place)})
            ]
            staged = self._db.execute(
                "SELECT id, body FROM scanned INDEXED BY scanned_place"
                " WHERE run = ? AND container = ? AND place = ? ORDER BY id",
                (run, container, place),
            ).fetchall()
            taken |= self._match(run, stored, staged, (container, old))
        return frozenset(taken)

    def _moved_to(self, run: RunId) -> dict[str, set[tuple[str, str]]]:
        """Return, by the hash of its text, the documents in which a highlight did not stand before."""
        found: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for row in self._db.execute(
            "SELECT s.text, s.container, s.place FROM scanned s WHERE s.run = ? AND s.length > 0"
            " AND NOT EXISTS (SELECT 1 FROM highlight h WHERE h.container = s.container"
            "  AND h.place = s.place AND h.text = s.text)",
            (run,),
        ):
            found[row["text"]].add((row["container"], row["place"]))
        return found

    def in_place(
        self,
        run: RunId,
        reselected: Collection[str] = (),
        taken: Collection[str] = (),
    ) -> None:
        """Match highlights that are where they were, edited or not, but for keys already `taken`.

        What the settings left out matches only word for word, except in `reselected` containers.
        """
        groups = self._db.execute(
            "SELECT DISTINCT container, place, path FROM scanned WHERE run = ?"
            " ORDER BY route, container, place, path",
            (run,),
        ).fetchall()
        for container, place, path in groups:
            stored = self._stored(run, container, place, reselected=container in reselected)
            stored = [one for one in stored if one.key not in taken]
            if not stored:
                continue
            staged = self._db.execute(
                # without this hint SQLite scans the whole run for the sake of the order
                "SELECT id, body FROM scanned INDEXED BY scanned_place"
                " WHERE run = ? AND container = ? AND place = ? AND path = ? AND key = '' ORDER BY id",
                (run, container, place, path),
            ).fetchall()
            self._match(run, stored, staged, (container, place))

    def _match(
        self,
        run: RunId,
        stored: list[Highlight],
        staged: list[sqlite3.Row],
        place: tuple[str, str],
    ) -> set[str]:
        """Give staged highlights the keys of those stored at a place that they continue."""
        found = [decode_highlight(row["body"]) for row in staged]
        moved, stood = self._moved_here(run, *place, found), self._stood(*place, found)
        matches = self._judged_all(stored, found, in_place(stored, found, moved, stood))
        matches = [
            match
            for match in matches
            if not self._outgrew(run, match.key, found[match.found].exact, place)
        ]
        kept = [match for match in matches if match.key]
        matches += self._as_before(stored, found, kept)
        self._note_second_keys(stored, found, moved, matches, place)
        for match in matches:
            self.assign(run, staged[match.found]["id"], match.key, match.asked, match.replaces)
        return {match.key for match in matches}

    def _outgrew(self, run: RunId, key: HighlightKey, now: str, place: tuple[str, str]) -> bool:
        """Return whether a mark was drawn further here, while another place still marks the old words.

        As the same highlight, the words it gained would have no card: the other place may be the one
        that says what the highlight is.
        """
        for row in self._db.execute(
            "SELECT w.body, w.text FROM location w WHERE w.key = :key"
            " AND (w.container, w.place) <> (:container, :place) AND (NOT EXISTS (SELECT 1"
            "  FROM scanned s WHERE s.run = :run AND s.container = w.container AND s.place = w.place)"
            "  OR EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.container = w.container"
            "  AND s.place = w.place AND s.text = w.text))",
            {"key": key, "container": place[0], "place": place[1], "run": run},
        ):
            then = canonical(decode_highlight(row["body"]).exact)
            if then in canonical(now) and len(canonical(now)) > _GROWN * len(then):
                return True
        return False

    def _judged_all(
        self, stored: list[Highlight], found: list[Highlight], matches: list[Match]
    ) -> list[Match]:
        by_key = {one.key: one for one in stored}
        return [self._judged(by_key[one.key], found[one.found], one) for one in matches]

    def _judged(self, old: Highlight, new: Highlight, match: Match) -> Match:
        """Return what an edit makes of a match: a confirmation to ask for, or another highlight."""
        before = content_of(old)
        if before in (content_of(new), content_of(new.as_formerly)):
            return match
        own = own_key(new) == old.key
        edit = self.judge.of_highlights(old, new, _Words(self._db, old.key))
        if own and not _overlap(old, new):
            edit = Edit(EditKind.ANOTHER_FACT, "other words under the same id")
        if edit.kind is EditKind.ANOTHER_FACT:
            key = old.key if own else NO_KEY
            return replace(match, key=key, asked=edit.why, replaces=old.key)
        return replace(match, asked=edit.why if edit.kind is EditKind.WAITS else "")

    def _stood(self, container: str, place: str, found: list[Highlight]) -> frozenset[HighlightKey]:
        """Return the highlights that were at a place when it was last read.

        Those that an unchanged part of the same document has, or another file of it, a copy or another
        export, are not edited here.
        """
        rows = self._db.execute(
            "SELECT o.key FROM (SELECT key, run, body FROM highlight WHERE container = :container"
            " AND place = :place AND run <> '' AND presence IN ('present', 'ignored') UNION ALL"
            " SELECT key, run, body FROM location WHERE container = :container AND place = :place"
            " AND missing_at = '') o WHERE NOT EXISTS (SELECT 1 FROM temp.listed l"
            " WHERE l.container = :container AND l.place = :place AND (l.run = o.run"
            "  OR (l.path <> :path AND l.path = json_extract(o.body, '$.document.path'))))",
            {
                "container": container, "place": place,
                "path": found[0].document.path if found else "",
            },
        )  # fmt: skip
        return frozenset(row["key"] for row in rows)

    def _note_second_keys(
        self,
        stored: list[Highlight],
        found: list[Highlight],
        moved: frozenset[int],
        matches: list[Match],
        place: tuple[str, str],
    ) -> None:
        """Note which highlights read here got the key that another machine issued for the same place.

        They are those that would have been matched if the journal had not brought that key.
        """
        unread = {
            row["key"]
            for row in self._db.execute(
                "SELECT key FROM highlight WHERE container = ? AND place = ? AND run = ''", place
            ).fetchall()
        }
        used = {match.found: match.key for match in matches if match.key}
        if unread.intersection(used.values()):
            ours = [one for one in stored if one.key not in unread]
            stood = self._stood(*place, found)
            for match in self._judged_all(ours, found, in_place(ours, found, moved, stood)):
                key = used.get(match.found, NO_KEY)
                if key in unread and match.key not in (*used.values(), NO_KEY) and not match.asked:
                    self.issued_twice[match.key] = key
        for one in stored:
            if one.key in unread and one.key not in used.values():
                twice = [key for at, key in used.items() if _mark(found[at]) == _mark(one)]
                if len(twice) == 1 and twice[0] not in unread:
                    self.issued_twice[one.key] = twice[0]

    def _moved_here(
        self, run: RunId, container: str, place: str, found: list[Highlight]
    ) -> frozenset[int]:
        """Return the found ones that equal a highlight which has vanished from its own place."""
        return frozenset(
            at
            for at, one in enumerate(found)
            if one.exact
            and self._db.execute(
                "SELECT 1 FROM highlight h WHERE h.text = :text AND h.presence <> 'gone'"
                " AND (h.container, h.place) <> (:container, :place) AND h.container <> ''"
                " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run"
                "  AND s.container = h.container AND s.place = h.place AND s.text = h.text)"
                f" AND NOT {present('h')} LIMIT 1",
                {"text": text_of(one), "container": container, "place": place, "run": run},
            ).fetchone()
        )

    def _as_before(
        self, stored: list[Highlight], found: list[Highlight], matches: list[Match]
    ) -> list[Match]:
        """Match found ones with an earlier text of a stored one: an edit was undone, or arrives late."""
        keys = {one.key for one in stored} - {match.key for match in matches}
        said: dict[str, HighlightKey] = {}
        for key in sorted(keys):
            for row in self._db.execute(
                "SELECT body FROM past_content WHERE key = ?", (key,)
            ).fetchall():
                one = decode_highlight(row["body"])
                said.setdefault(f"{one.kind} {canonical(one.exact)}", key)
        taken, more = {match.found for match in matches}, []
        for at, one in enumerate(found):
            key = (
                said.get(f"{one.kind} {canonical(one.exact)}", NO_KEY)
                if at not in taken
                else NO_KEY
            )
            if key in keys and one.exact:
                keys.discard(key)
                more.append(Match(at, key))
        return more

    def _stored(
        self, run: RunId, container: str, place: str, *, reselected: bool
    ) -> list[Highlight]:
        rows = self._db.execute(
            "SELECT key, position, body FROM highlight h WHERE container = :container"
            " AND place = :place AND (:reselected OR presence_why <> :not_selected"
            "  OR EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.container ="
            "  h.container AND s.place = h.place AND s.text = h.text)) UNION ALL SELECT key, position, body FROM location w"
            " WHERE container = :container AND place = :place AND NOT EXISTS (SELECT 1"
            " FROM highlight h WHERE h.key = w.key AND h.container = w.container"
            " AND h.place = w.place) ORDER BY position, key",
            {
                "container": container, "place": place, "run": run, "reselected": reselected,
                "not_selected": NOT_SELECTED,
            },
        )  # fmt: skip
        return [replace(decode_highlight(row["body"]), key=row["key"]) for row in rows]

    # --- back from Anki ---------------------------------------------------------------------

    def placeless(self, run: RunId) -> None:
        """Match highlights that only Anki knew, wherever they are now.

        By the key they would get, by anchor, or by text if it is long or the whole of a card that a person
        wrote.
        """
        known = {row["key"]: decode_highlight(row["body"]) for row in self._placeless()}
        if not known:
            return
        rows = self._db.execute(
            "SELECT id, length, body FROM scanned WHERE run = ? AND key = '' ORDER BY route, id",
            (run,),
        ).fetchall()
        waiting = {row["id"]: (decode_highlight(row["body"]), row["length"]) for row in rows}
        familiar: set[str] = set()
        for names in (_by_key, _by_anchor, _by_words):
            called = {name: key for key, one in known.items() for name in names(key, one, None)}
            for number, (found, length) in list(waiting.items()):
                claimed = self._keys.claimed(found, run)
                key = next(filter(None, map(called.get, names(claimed, found, length))), "")
                if key in known:
                    self.assign(run, number, HighlightKey(key))
                    familiar.add(known[key].namespace)
                    del known[key], waiting[number]
        self._edited(run, set(known), waiting, familiar)

    def _edited(
        self,
        run: RunId,
        known: set[str],
        waiting: dict[int, tuple[Highlight, int]],
        familiar: set[str],
    ) -> None:
        """Match highlights that were edited since they went to Anki, within the work of that title.

        Another workspace may have a work of that title: where nothing of a vault, or of other
        sources, stands here word for word (`familiar`), only what is very similar matches.
        """
        stored: dict[str, list[Highlight]] = defaultdict(list)
        for row in self._placeless():
            if row["key"] in known and row["slug"]:
                one = decode_highlight(row["body"])
                stored[row["slug"]].append(replace(one, key=row["key"]))
        found: dict[str, list[tuple[int, Highlight]]] = defaultdict(list)
        for number, (one, _) in waiting.items():
            found[slug_of(one.document)].append((number, one))
        names = {_vault_of(one.namespace) for one, _ in waiting.values()}
        stored = {
            slug: [one for one in each if _vault_of(one.namespace) in names]
            for slug, each in stored.items()
        }
        for slug in sorted(stored.keys() & found.keys()):
            self._in_work(run, stored[slug], found[slug], _without_place, familiar)
            rest = [one for one in stored[slug] if not self._known(run, one.key)]
            left = [(n, one) for n, one in found[slug] if not self._named(run, n)]
            bare_rest = [_without_kind(one) for one in rest]
            self._in_work(run, bare_rest, left, _without_kind, familiar)

    def _in_work(
        self,
        run: RunId,
        stored: list[Highlight],
        found: list[tuple[int, Highlight]],
        bare: Callable[[Highlight], Highlight],
        familiar: set[str],
    ) -> None:
        for match in in_place(stored, [bare(one) for _, one in found]):
            if not match.asked or match.key.rpartition("/")[0] in familiar:
                self.assign(run, found[match.found][0], match.key, match.asked)

    def _known(self, run: RunId, key: HighlightKey) -> bool:
        row = self._db.execute("SELECT 1 FROM scanned WHERE run = ? AND key = ?", (run, key))
        return row.fetchone() is not None

    def _named(self, run: RunId, number: int) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM scanned WHERE run = ? AND id = ? AND key <> ''", (run, number)
        )
        return row.fetchone() is not None

    def _placeless(self) -> list[sqlite3.Row]:
        return self._db.execute(
            "SELECT h.key, h.body, d.slug FROM highlight h JOIN document d ON d.key = h.document"
            " WHERE h.container = '' AND h.run = '' ORDER BY h.key"
        ).fetchall()

    # --- moved ------------------------------------------------------------------------------

    def moved(self, run: RunId, scans: tuple[Scan, ...]) -> None:
        """Match highlights that vanished from their place with equal ones elsewhere."""
        self._keys.by_own_id(run)
        for column in ("mark", "text"):
            waiting = self._db.execute(
                f"SELECT id, {column} AS name, length, body FROM scanned"
                " WHERE run = ? AND key = '' ORDER BY id",
                (run,),
            ).fetchall()
            for row in waiting:
                if column == "mark" or _long_enough(row):
                    found = (self._lost(run, scan, column, row["name"]) for scan in scans)
                    if key := next(filter(None, found), None):
                        self.assign(run, row["id"], key)

    def moved_from(
        self, run: RunId, row: sqlite3.Row, found: Highlight, recognised: Renames
    ) -> HighlightKey | None:
        """Return the highlight that a new one may be, of a card that was decided on: a person decides."""
        words = canonical(found.exact)
        if row["place"] not in recognised.new or not recognised.gone or not words:
            return None
        if recognised.lost is None:
            stored = self._db.execute(
                "SELECT h.key, h.body FROM highlight h JOIN card_highlight l ON l.key = h.key"
                " JOIN card c ON c.guid = l.guid AND c.standing = 'live' AND c.verdict <> 'pending'"
                f" WHERE h.container = ? AND h.presence <> 'ignored' AND NOT {present('h')}"
                " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = ? AND s.key = h.key)"
                " GROUP BY h.key ORDER BY h.key",
                (row["container"], run),
            ).fetchall()
            recognised.lost = {one["key"]: decode_highlight(one["body"]) for one in stored}
        alike = (
            (fuzz.ratio(canonical(one.exact), words), key, place_of(one.document))
            for key, one in recognised.lost.items()
            if one.kind is found.kind
        )
        for likeness, key, place in sorted(alike, key=lambda one: -one[0]):
            if likeness >= MOVED_LIKENESS and recognised.may_be(place, row["place"]):
                del recognised.lost[key]
                return HighlightKey(key)
        return None

    def edited_elsewhere(self, run: RunId, scans: tuple[Scan, ...]) -> None:
        """Match highlights with those that the journal alone knows, of notes that are gone, by likeness.

        Names and numbers must be the same: sentences about different things may be alike. Only where
        a source is read for the first time: its ledger was lost, and with it the words by which
        renamed notes are recognised.
        """
        for scan in scans:
            read = self._db.execute(
                "SELECT 1 FROM highlight WHERE container = ? AND run <> '' LIMIT 1",
                (scan.container,),
            ).fetchone()
            if read or not scan.complete:
                continue
            old = self._db.execute(
                "SELECT key, body FROM highlight h WHERE container = :container AND NOT EXISTS (SELECT 1"
                " FROM temp.listed l WHERE l.container = h.container AND l.place = h.place)"
                " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.key = h.key)"
                " ORDER BY key",
                {"container": scan.container, "run": run},
            ).fetchall()
            new = self._db.execute(
                "SELECT id, body FROM scanned WHERE run = ? AND container = ? AND key = ''"
                " AND length >= ? ORDER BY id",
                (run, scan.container, MOVED_LENGTH),
            ).fetchall()
            if not old or not new or len(old) * len(new) > MAX_TABLE:
                continue
            stored = [(row["key"], decode_highlight(row["body"])) for row in old]
            found = [(row["id"], decode_highlight(row["body"])) for row in new]
            likest = sorted(
                (-_likeness(one, other), key, number)
                for key, one in stored
                for number, other in found
                if _named_in(one) == _named_in(other)
            )
            taken: set[str | int] = set()
            for unlike, key, number in likest:
                if -unlike >= SAME and not taken & {key, number}:
                    taken |= {key, number}
                    self.assign(run, number, HighlightKey(key))

    def _lost(self, run: RunId, scan: Scan, column: str, name: str) -> HighlightKey | None:
        """Return the first highlight of a container with this mark or text that is present nowhere.

        It does not matter when it vanished. In a partial scan its document must have been listed.
        """
        here = (
            ""
            if scan.complete
            else " AND h.place IN (SELECT place FROM temp.listed WHERE container = :container)"
        )
        row = self._db.execute(
            f"SELECT key FROM highlight h WHERE h.{column} = :name AND +h.container = :container"
            f"{here} AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.key = h.key)"
            f" AND NOT {present('h')} ORDER BY NOT EXISTS (SELECT 1 FROM card_highlight l"
            "  WHERE l.key = h.key AND l.role = 'origin'), h.place, h.position LIMIT 1",
            {"container": scan.container, "run": run, "name": name},
        ).fetchone()
        return HighlightKey(row["key"]) if row else None


class _Words:
    """The casefolded words of all highlights but one; looked up when asked."""

    def __init__(self, connection: Connection, but: HighlightKey) -> None:
        self._db = connection
        self._but = but

    def __contains__(self, word: object) -> bool:
        rows = self._db.execute(
            "SELECT json_extract(body, '$.exact') AS exact FROM highlight"
            " WHERE instr(lower(body), ?) AND key <> ?",
            (word, self._but),
        )
        return any(re.search(rf"\b{re.escape(str(word))}\b", row["exact"], re.I) for row in rows)


def _named_in(one: Highlight) -> list[str]:
    """Return the words of a passage with a capital letter or a digit, but for the first word."""
    words = one.exact.split()[1:]
    return sorted(word for word in words if any(c.isupper() or c.isdigit() for c in word))


def _vault_of(namespace: str) -> str:
    """Return the vault of keys; notes of another one are not edits of equally named ones."""
    return namespace if namespace.startswith("vault:") else ""


def _without_place(one: Highlight) -> Highlight:
    """Return a passage as Anki shows it: without context, of unknown kind."""
    kind = one.kind if one.kind is HighlightKind.CARD else HighlightKind.HIGHLIGHT
    return replace(one, heading="", prefix="", suffix="", kind=kind, own="")


def _without_kind(one: Highlight) -> Highlight:
    """Return its words alone: Anki does not tell a cloze of a marked sentence from a card."""
    return replace(_without_place(one), kind=HighlightKind.HIGHLIGHT, markdown=())


def _by_key(key: str, one: Highlight, length: int | None) -> list[str]:
    return [key]


def _by_anchor(key: str, one: Highlight, length: int | None) -> list[str]:
    """Return the part of a key that was made of its words and context, without its document."""
    found = _ANCHOR.search(key)
    return [found[1]] if found else []


def _by_words(key: str, one: Highlight, length: int | None) -> list[str]:
    """Return its whole text if that is long enough; of a stored one always."""
    by_hand = one.kind is HighlightKind.CARD
    enough = length is None or by_hand or length >= MOVED_LENGTH
    text = canonical(one.exact)
    return [text] if enough and text else []


def _long_enough(row: sqlite3.Row) -> bool:
    by_hand = decode_highlight(row["body"]).kind is HighlightKind.CARD
    return by_hand or row["length"] >= MOVED_LENGTH
