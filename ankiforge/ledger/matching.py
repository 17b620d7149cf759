"""Which known highlight each one that was read continues.

First in place: own id, anchor, then words and surroundings (`in_place`, pure). Then what came back
from Anki without a place, then what was lost elsewhere and stands here now.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from ankiforge.ledger.db import Connection
from ankiforge.ledger.highlights import NOT_SELECTED, decode_highlight, present, slug_of
from ankiforge.ledger.keys import KeyIssuer
from ankiforge.model import Highlight, HighlightKey, HighlightKind, Route, RunId, Scan
from ankiforge.model.highlights import NO_KEY
from ankiforge.text.anchors import text_of, triple_of
from ankiforge.text.cloze import gaps
from ankiforge.text.fold import canonical
from ankiforge.text.markdown import cloze_answers, plain
from ankiforge.text.quotes import ASK, SAME, similarity
from ankiforge.text.renames import Sketch, decode, pair, required, share

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


# --- renamed documents ------------------------------------------------------------------------

RECOGNISE_RENAMES = False
"""Whether a document that is not listed any more is recognised by its words under another name."""


def renames(
    connection: Connection, container: str, stands: Callable[[str], bool]
) -> dict[str, str]:
    """Return the new place of each document of a container that was renamed, by its old place.

    What was written over with other words counts as gone and as new. A document that went in an
    earlier run is looked for where no other one fits.

    Args:
        connection: to the ledger, between staging and matching.
        container: that was listed whole.
        stands: tells whether the file at a path is there all the same.
    """
    new: dict[str, Sketch] = {}
    gone: dict[str, Sketch] = {}
    earlier: dict[str, Sketch] = {}
    for row in connection.execute(
        "SELECT s.place, s.sketch, coalesce(k.words, '') AS words FROM scanned_document s"
        " LEFT JOIN sketch k USING (container, place, path) WHERE container = ? AND sketch <> ''",
        (container,),
    ).fetchall():
        after = decode(row["sketch"])
        if not row["words"]:
            new[row["place"]] = after
        elif share(before := decode(row["words"]), after) < required(before, after):
            new[row["place"]], gone[row["place"]] = after, before
    if not new:
        return {}
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
        if not stands(row["path"]):
            (gone if row["just_now"] else earlier)[row["place"]] = decode(row["words"])
    if not gone and not earlier:
        return {}

    # what stands in a third document tells nothing
    wanted = {each for side in (gone, earlier, new) for one in side.values() for each in one.hashes}
    common: set[int] = set()
    own: set[str] = set()
    for row in connection.execute(
        "SELECT k.place, coalesce(nullif(s.sketch, ''), k.words) AS words FROM sketch k"
        " LEFT JOIN scanned_document s USING (container, place, path) WHERE container = ?"
        " AND EXISTS (SELECT 1 FROM temp.listed l"
        "  WHERE l.container = k.container AND l.place = k.place)",
        (container,),
    ):
        if row["place"] not in new:
            one = decode(row["words"])
            common |= one.hashes & wanted
            own |= one.own
    found = pair(gone, new, common, own)
    followed = [new[place] for place in found.values()]
    rest = {place: one for place, one in new.items() if place not in found.values()}
    common = common.union(*(one.hashes for one in followed))
    found |= pair(earlier, rest, common, own.union(*(one.own for one in followed)))
    return {old: place for old, place in found.items() if old != place}


MOVED_LENGTH = 40
"""Equal text moves a key from note to note only from this length (canonical characters)."""

_ANCHOR = re.compile(r"/([0-9a-f]{16})(?:\.|$)")


class Recognising:
    """Gives sightings the keys that are known already."""

    def __init__(self, connection: Connection, keys: KeyIssuer) -> None:
        self._db = connection
        self._keys = keys

    def assign(self, run: RunId, sighting: int, key: HighlightKey, asked: str = "") -> None:
        """This sighting is that highlight."""
        self._db.execute(
            "UPDATE scanned SET key = ?, asked = ? WHERE run = ? AND id = ?",
            (key, asked, run, sighting),
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
        for (container, place), old in sorted(recognised.items()):
            stored = [
                one
                for one in self._stored(run, container, old, reselected=False)
                if not self._went_elsewhere(run, container, place, one)
            ]
            staged = self._db.execute(
                "SELECT id, body FROM scanned INDEXED BY scanned_place"
                " WHERE run = ? AND container = ? AND place = ? ORDER BY id",
                (run, container, place),
            ).fetchall()
            taken |= self._match(run, stored, staged, (container, old))
        return frozenset(taken)

    def _went_elsewhere(self, run: RunId, container: str, place: str, one: Highlight) -> bool:
        """Whether a highlight stands, word for word, in a document it was not in, and not here."""
        rows = self._db.execute(
            "SELECT s.container, s.place FROM scanned s WHERE s.run = :run AND s.text = :text"
            " AND NOT EXISTS (SELECT 1 FROM highlight h WHERE h.container = s.container"
            "  AND h.place = s.place AND h.text = s.text)",
            {"run": run, "text": text_of(one)},
        ).fetchall()
        places = {(row["container"], row["place"]) for row in rows}
        return bool(one.exact and places) and (container, place) not in places

    def in_place(
        self,
        run: RunId,
        reselected: Collection[str] = (),
        taken: Collection[str] = (),
    ) -> None:
        """What stands where it stood, edited or not; keys that are `taken` stand elsewhere.

        What the settings leave out comes back only word for word, but in `reselected` containers.
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
                # left alone, SQLite walks the whole run for the sake of the order
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
        matches = in_place(stored, found, self._moved_here(run, *place, found))
        matches += self._as_before(stored, found, matches)
        for match in matches:
            self.assign(run, staged[match.found]["id"], match.key, match.asked)
        return {match.key for match in matches}

    def _moved_here(
        self, run: RunId, container: str, place: str, found: list[Highlight]
    ) -> frozenset[int]:
        """Those that say, word for word, what a known one said that its own place has no more."""
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
        """Those that say what a known one has said before: an edit was taken back, or lags."""
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
        """What only Anki still knew, and no source has shown since, wherever it stands now.

        By the key it would be given, by its anchor, by its words if they are many or all of a
        card that a person wrote.
        """
        known = {row["key"]: decode_highlight(row["body"]) for row in self._placeless()}
        if not known:
            return
        rows = self._db.execute(
            "SELECT id, length, body FROM scanned WHERE run = ? AND key = '' ORDER BY route, id",
            (run,),
        ).fetchall()
        waiting = {row["id"]: (decode_highlight(row["body"]), row["length"]) for row in rows}
        for names in (_by_key, _by_anchor, _by_words):
            called = {name: key for key, one in known.items() for name in names(key, one, None)}
            for number, (found, length) in list(waiting.items()):
                claimed = self._keys.claimed(found, run)
                key = next(filter(None, map(called.get, names(claimed, found, length))), "")
                if key in known:
                    self.assign(run, number, HighlightKey(key))
                    del known[key], waiting[number]
        self._edited(run, set(known), waiting)

    def _edited(
        self, run: RunId, known: set[str], waiting: dict[int, tuple[Highlight, int]]
    ) -> None:
        """What was edited since it went to Anki: as in place, in the work of that title."""
        stored: dict[str, list[Highlight]] = defaultdict(list)
        for row in self._placeless():
            if row["key"] in known and row["slug"]:
                one = decode_highlight(row["body"])
                stored[row["slug"]].append(replace(one, key=row["key"]))
        found: dict[str, list[tuple[int, Highlight]]] = defaultdict(list)
        for number, (one, _) in waiting.items():
            found[slug_of(one.document)].append((number, one))
        for slug in sorted(stored.keys() & found.keys()):
            self._in_work(run, stored[slug], found[slug], _without_place)
            rest = [one for one in stored[slug] if not self._known(run, one.key)]
            left = [(n, one) for n, one in found[slug] if not self._named(run, n)]
            self._in_work(run, [_without_kind(one) for one in rest], left, _without_kind)

    def _in_work(
        self,
        run: RunId,
        stored: list[Highlight],
        found: list[tuple[int, Highlight]],
        bare: Callable[[Highlight], Highlight],
    ) -> None:
        for match in in_place(stored, [bare(one) for _, one in found]):
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
        """What lost its old place and stands, equal, in a new one, keeps its key."""
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

    def _lost(self, run: RunId, scan: Scan, column: str, name: str) -> HighlightKey | None:
        """The first highlight of a container of this mark or text that stands nowhere now.

        Whenever it went. Of a partial scan only one whose document was listed.
        """
        here = (
            ""
            if scan.complete
            else " AND h.place IN (SELECT place FROM temp.listed WHERE container = :container)"
        )
        row = self._db.execute(
            f"SELECT key FROM highlight h WHERE h.{column} = :name AND +h.container = :container"
            f"{here} AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.key = h.key)"
            f" AND NOT {present('h')} ORDER BY h.place, h.position LIMIT 1",
            {"container": scan.container, "run": run, "name": name},
        ).fetchone()
        return HighlightKey(row["key"]) if row else None


def _without_place(one: Highlight) -> Highlight:
    """As Anki shows it: a passage without what stands around it, a card or not."""
    kind = one.kind if one.kind is HighlightKind.CARD else HighlightKind.HIGHLIGHT
    return replace(one, heading="", prefix="", suffix="", kind=kind, own="")


def _without_kind(one: Highlight) -> Highlight:
    """Its words alone: Anki does not tell whether a cloze was a marked sentence or a card."""
    return replace(_without_place(one), kind=HighlightKind.HIGHLIGHT, markdown=())


def _by_key(key: str, one: Highlight, length: int | None) -> list[str]:
    return [key]


def _by_anchor(key: str, one: Highlight, length: int | None) -> list[str]:
    """The part of a key that its words and surroundings made, without what it lies in."""
    found = _ANCHOR.search(key)
    return [found[1]] if found else []


def _by_words(key: str, one: Highlight, length: int | None) -> list[str]:
    """All its words, if that is enough; of a known one it is always tried."""
    by_hand = one.kind is HighlightKind.CARD
    enough = length is None or by_hand or length >= MOVED_LENGTH
    text = canonical(one.exact)
    return [text] if enough and text else []


def _long_enough(row: sqlite3.Row) -> bool:
    by_hand = decode_highlight(row["body"]).kind is HighlightKind.CARD
    return by_hand or row["length"] >= MOVED_LENGTH
