"""Match the highlights that were read with the stored ones.

First in their document, renamed or not (`pairing`). A pair whose words changed is judged: what states
another fact there is no longer the same highlight. Then highlights recovered from Anki, whose place is
unknown; then those that were moved from elsewhere.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from ankiforge.ledger.cards import MOVED_FROM
from ankiforge.ledger.db import Connection
from ankiforge.ledger.documents import LONG_PAGE
from ankiforge.ledger.events import POLICY
from ankiforge.ledger.highlights import (
    NOT_SELECTED,
    RESEMBLED,
    TAKEN,
    decode_highlight,
    place_of,
    present,
    slug_of,
)
from ankiforge.ledger.keys import KeyIssuer, content_of
from ankiforge.ledger.pairing import Judged, Match, in_place, is_bare, likest, name_of, overlap
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
from ankiforge.text.fold import canonical
from ankiforge.text.quotes import ASK, SAME
from ankiforge.text.renames import Sketch, decode, pair, required, share

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

    A file at the same path, or with half of its longer pages or of its marks, is the same one.
    """
    found: dict[str, str] = {}
    for row in connection.execute(
        "WITH came AS (SELECT DISTINCT s.place, s.path FROM scanned_document s WHERE s.container = :c"
        "  AND s.place <> '' AND NOT EXISTS (SELECT 1 FROM highlight h WHERE h.container = :c"
        "  AND h.place = s.place AND h.run <> '')), went AS (SELECT DISTINCT h.place FROM highlight h"
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
    return by_marks(connection, container, found)


def by_marks(
    connection: Connection, container: str, known: dict[str, str], *, unread: bool = False
) -> dict[str, str]:
    """Add to the `known` documents those that have half of the marks: of equal text, or of one name and alike.

    With `unread`, only documents that the journal alone knows: their ledger, and with it their words, is
    lost.
    """
    sides: list[dict[str, list[Highlight]]] = []
    only = " AND h.run = '' AND h.presence = 'present'" if unread else ""
    read = "" if unread else " AND h.run <> ''"
    for sql in (
        "SELECT h.place, h.body FROM highlight h WHERE h.container = :c AND h.presence_why <> :left"
        " AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.container = :c AND l.place = h.place)"
        f"{only}"
        " ORDER BY h.place, h.position, h.key",
        "SELECT s.place, s.body FROM scanned s WHERE s.container = :c AND NOT EXISTS"
        f" (SELECT 1 FROM highlight h WHERE h.container = :c AND h.place = s.place{read}) ORDER BY s.id",
    ):
        side = defaultdict(list)
        for row in connection.execute(sql, {"c": container, "left": NOT_SELECTED}):
            if row["place"] not in known and row["place"] not in known.values():
                side[row["place"]].append(decode_highlight(row["body"]))
        if not side:
            return known
        sides.append(side)
    went, came = sides
    shares = []
    for old, before in went.items():
        texts = {text_of(one) for one in before if len(canonical(one.exact)) >= MOVED_LENGTH}
        names = {name: canonical(one.exact) for one in before if (name := name_of(one))}
        for new, after in came.items():
            common = sum(
                text_of(one) in texts
                or fuzz.ratio(names.get(name_of(one), ""), canonical(one.exact)) >= MOVED_LIKENESS
                for one in after
            )
            if 2 * common >= (few := min(len(before), len(after))):
                # a note left with one passage is not a note that has it and others
                shares.append((-common / few, -common, old, new))
    for _, _, old, new in sorted(shares):
        if old not in known and new not in known.values():
            known[old] = new
    return known


MAY_BE = "moved from "
"""What `asked` of a highlight begins with that may be another one, whose key follows."""
MOVED_LIKENESS = 60
"""Likeness from which a passage of a short document may be one that went from another."""
MOVED_LENGTH = 40
"""Folded characters from which equal text moves a key from note to note."""

_Passages = Mapping[str, Highlight]
"""Highlights by key."""
_Vault = tuple[str, str]
"""A namespace, and the name that Obsidian has for the vault, or "" if that is unknown."""
_ANCHOR = re.compile(r"/([0-9a-f]{16})(?:\.|$)")
_VAULT_NAME = re.compile(r"obsidian://open\?vault=([^&]*)")
_AROUND = 24
"""Folded characters of the text around a passage from which it tells a spot of its note."""
_GROWN = 1.3
"""Growth in length from which an extended mark is another highlight, not one with inserted words."""


class Recognition:
    """Assigns stored keys to staged rows."""

    def __init__(self, connection: Connection, keys: KeyIssuer) -> None:
        self._db = connection
        self._keys = keys
        self.judge: Judge
        """Judges edits; set before matching."""
        self.issued_twice: dict[HighlightKey, HighlightKey] = {}
        """Highlights of this run that have a second key, of another machine, by the key not used."""
        self._unread: dict[str, dict[str, Highlight]] = {}
        """By container that was read whole, the highlights that only the journal knows and that were not found."""
        self._familiar: set[_Vault] = set()
        """The vaults and other namespaces that stand here, of highlights that only Anki knew until this run."""
        self.copied: set[HighlightKey] = set()
        """Such highlights of this run that stand here word for word, but whose vault is another one."""

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

    def renamed(
        self, run: RunId, recognised: Mapping[tuple[str, str], str]
    ) -> frozenset[tuple[str, str, str]]:
        """Match the highlights of `recognised` documents as if they stood where they did.

        A highlight that stands word for word in another document went there.

        Args:
            run: whose highlights are staged.
            recognised: the old place of a document by its container and new place.

        Returns:
            The containers and old places of the keys that were assigned, and these.
        """
        taken: set[tuple[str, str, str]] = set()
        moved_to = self._moved_to(run) if recognised else {}
        for (container, place), old in sorted(recognised.items()):
            stored = [
                one
                for one in self._stored(run, container, old, reselected=False)
                if (container, place) in moved_to.get(text_of(one), {(container, place)})
            ]
            staged = self._db.execute(
                # if the ledger was lost, without those that its journal knows here, and not there
                "SELECT id, body FROM scanned s INDEXED BY scanned_place"
                " WHERE run = ?1 AND container = ?2 AND place = ?3 AND (EXISTS (SELECT 1 FROM highlight h"
                "   WHERE h.container = ?2 AND h.place = ?4 AND (h.run <> '' OR h.text = s.text))"
                "  OR NOT EXISTS (SELECT 1 FROM highlight h"
                "   WHERE h.container = ?2 AND h.place = ?3 AND h.text = s.text)) ORDER BY id",
                (run, container, place, old),
            ).fetchall()
            matched = self._match(run, stored, staged, (container, old), {})
            taken |= {(container, old, key) for key in matched}
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
        taken: Collection[tuple[str, str, str]] = (),
    ) -> None:
        """Match highlights that are where they were, edited or not, but for keys `taken` from there.

        What the settings left out matches only word for word, except in `reselected` containers.
        """
        groups = self._db.execute(
            "SELECT DISTINCT container, place, path FROM scanned s WHERE run = ? AND (EXISTS (SELECT 1"
            "  FROM highlight h WHERE h.container = s.container AND h.place = s.place) OR EXISTS (SELECT 1"
            "  FROM location w WHERE w.container = s.container AND w.place = s.place))"
            " ORDER BY route, container, place, path",
            (run,),
        ).fetchall()
        moved_to = self._moved_to(run) if groups else {}
        for container, place, path in groups:
            stored = self._stored(run, container, place, reselected=container in reselected)
            stored = [one for one in stored if (container, place, one.key) not in taken]
            if not stored:
                continue
            staged = self._db.execute(
                # without this hint SQLite scans the whole run for the sake of the order
                "SELECT id, body FROM scanned INDEXED BY scanned_place"
                " WHERE run = ? AND container = ? AND place = ? AND path = ? AND key = '' ORDER BY id",
                (run, container, place, path),
            ).fetchall()
            self._match(run, stored, staged, (container, place), moved_to)

    def _match(
        self,
        run: RunId,
        stored: list[Highlight],
        staged: list[sqlite3.Row],
        place: tuple[str, str],
        moved_to: Mapping[str, set[tuple[str, str]]],
    ) -> set[str]:
        """Give staged highlights the keys of those stored at a place that they continue."""
        found = [decode_highlight(row["body"]) for row in staged]
        moved = self._moved_here(run, *place, found)
        stood = self._stood_when_last_read(*place, found)
        went = {one.key for one in stored if moved_to.get(text_of(one), set()) - {place}}
        pairs = in_place(stored, found, self.edit, moved, stood, went)
        matches = self._judged_all(stored, found, pairs)
        matches = [
            match
            for match in matches
            if not self._outgrew(run, match.key, found[match.found].exact, place)
        ]
        kept = [match for match in matches if match.key]
        matches += self._as_before(stored, found, kept)
        for match in matches:
            self.assign(run, staged[match.found]["id"], match.key, match.asked, match.replaces)
        return {match.key for match in matches}

    def _outgrew(self, run: RunId, key: HighlightKey, now: str, place: tuple[str, str]) -> bool:
        """Return whether a mark was extended here while another place still has the old words.

        Kept as one highlight, the added words would get no card: the content of a highlight comes from
        its primary place, which may be the other one.
        """
        words = canonical(now)
        for row in self._db.execute(
            "SELECT w.body, w.text FROM location w WHERE w.key = :key"
            " AND (w.container, w.place) <> (:container, :place) AND (NOT EXISTS (SELECT 1"
            "  FROM scanned s WHERE s.run = :run AND s.container = w.container AND s.place = w.place)"
            "  OR EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.container = w.container"
            "  AND s.place = w.place AND s.text = w.text))",
            {"key": key, "container": place[0], "place": place[1], "run": run},
        ):
            then = canonical(decode_highlight(row["body"]).exact)
            if then in words and len(words) > _GROWN * len(then):
                return True
        return False

    def _judged_all(
        self, stored: list[Highlight], found: list[Highlight], matches: list[Match]
    ) -> list[Match]:
        by_key = {one.key: one for one in stored}
        return [self._judged(by_key[one.key], found[one.found], one) for one in matches]

    def _judged(self, old: Highlight, new: Highlight, match: Match) -> Match:
        """Return what an edit makes of a match: a confirmation to ask for, or another highlight."""
        if content_of(old) == content_of(new):
            return match
        own = own_key(new) == old.key
        edit = self.edit(old, new)
        if own and not overlap(old, new):
            edit = Edit(EditKind.ANOTHER_FACT, "other words under the same id")
        unread = (
            "SELECT 1 FROM highlight h WHERE key = ? AND run = '' AND NOT EXISTS"
            " (SELECT 1 FROM card_highlight l WHERE l.key = h.key AND l.role = 'origin')"
        )
        if _is_other_name(edit) and self._db.execute(unread, (old.key,)).fetchone():
            # nothing here has the old words, so the new ones cannot wait beside them
            edit = replace(edit, kind=EditKind.ANOTHER_FACT)
        if edit.kind is EditKind.ANOTHER_FACT:
            key = old.key if own else NO_KEY
            return replace(match, key=key, asked=edit.why, replaces=old.key)
        asked = edit.why if edit.kind is EditKind.WAITS else ""
        return replace(match, asked=asked or (match.asked if match.moved else ""))

    def edit(self, old: Highlight, new: Highlight) -> Edit:
        """Classify the edit of a stored passage."""
        return self.judge.of_highlights(old, new, _Words(self._db, old.key))

    def _edit_of_same_names(self, old: Highlight, new: Highlight) -> Edit:
        """Judge an edit of a passage that may be long gone: one with another name or answer is another fact."""
        edit = self.edit(old, new)
        same = edit.names_kept and not edit.answer_changed
        return edit if same else replace(edit, kind=EditKind.ANOTHER_FACT)

    def _stood_when_last_read(
        self, container: str, place: str, found: list[Highlight]
    ) -> frozenset[HighlightKey]:
        """Return the highlights that were at a place when it was last read here.

        Those known only from Anki or a journal have no run. Those that an unchanged part of the same
        document has, or another file of it, a copy or another export, are not edited here.
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

    def match_placeless(self, run: RunId) -> None:
        """Match highlights that only Anki knew, wherever they are now.

        By the key they would get, by anchor, or by text if it is long or the whole of a card that a person
        wrote.
        """
        self._familiar.clear()
        self.copied.clear()
        known = self._bodies(
            "SELECT key, body FROM highlight WHERE container = '' AND run = '' ORDER BY key", {}
        )
        if not known:
            return
        rows = self._db.execute(
            "SELECT id, length, body, EXISTS (SELECT 1 FROM highlight h WHERE h.container = s.container)"
            " AS known FROM scanned s WHERE run = ? AND key = '' ORDER BY route, id",
            (run,),
        ).fetchall()
        in_known = {row["id"] for row in rows if row["known"]}
        waiting = {row["id"]: (decode_highlight(row["body"]), row["length"]) for row in rows}
        all_known = Counter(map(_home_of, known.values()))
        elsewhere: dict[_Vault, set[HighlightKey]] = defaultdict(set)
        for names in (_by_key, _by_anchor, _by_words):
            called = {name: key for key, one in known.items() for name in names(key, one, None)}
            for number, (found, length) in list(waiting.items()):
                claimed = self._keys.claimed(found, run)
                key = next(filter(None, map(called.get, names(claimed, found, length))), "")
                if key in known:
                    self.assign(run, number, HighlightKey(key))
                    home = _home_of(known[key])
                    if _may_be_same(_vault_of(known[key]), _vault_of(found)):
                        self._familiar.add(home)
                    elif number in in_known:
                        self.copied.add(HighlightKey(key))
                    else:
                        elsewhere[home].add(HighlightKey(key))
                    del known[key], waiting[number]
        for home, keys in elsewhere.items():
            if 2 * len(keys) >= all_known[home]:  # the vault or its source was renamed
                self._familiar.add(home)
            elif home not in self._familiar:
                self.copied |= keys
        self._edited(run, set(known), waiting)

    def _edited(
        self,
        run: RunId,
        known: set[str],
        waiting: dict[int, tuple[Highlight, int]],
    ) -> None:
        """Match highlights that were edited since they went to Anki, within the work of that title.

        Another workspace may have a work of that title: where nothing of a vault, or of other
        sources, stands here word for word, only what is very similar matches. A vault of which
        neither ledger nor journal knows anything is the one of which half does, whatever its name.
        """
        stored: dict[str, list[Highlight]] = defaultdict(list)
        for row in self._rows_from_anki():
            if row["key"] in known and row["slug"]:
                one = decode_highlight(row["body"])
                stored[row["slug"]].append(replace(one, key=row["key"]))
        found: dict[str, list[tuple[int, Highlight]]] = defaultdict(list)
        for number, (one, _) in waiting.items():
            found[slug_of(one.document)].append((number, one))
        vaults = {_vault_of(one) for one, _ in waiting.values()} | self._familiar
        stored = {
            slug: [one for one in each if any(_may_be_same(_vault_of(one), v) for v in vaults)]
            for slug, each in stored.items()
        }
        for slug in sorted(stored.keys() & found.keys()):
            assigned = self._in_work(run, stored[slug], found[slug], _without_place)
            bare_rest = [
                _without_kind(one) for one in stored[slug] if one.key not in assigned.values()
            ]
            left = [(n, one) for n, one in found[slug] if n not in assigned]
            self._in_work(run, bare_rest, left, _without_kind)

    def _in_work(
        self,
        run: RunId,
        stored: list[Highlight],
        found: list[tuple[int, Highlight]],
        bare: Callable[[Highlight], Highlight],
    ) -> dict[int, HighlightKey]:
        """Match highlights found in one work with stored ones, and assign their keys.

        Args:
            run: the run that found them.
            stored: the highlights that only Anki knew.
            found: the staged ids and the highlights.
            bare: removes from a found highlight what Anki does not keep.

        Returns:
            The assigned keys, by staged id.
        """
        assigned: dict[int, HighlightKey] = {}
        familiar = {one.key for one in stored if _home_of(one) in self._familiar}
        for match in in_place(stored, [bare(one) for _, one in found], self.edit):
            if not match.asked or match.key in familiar:
                assigned[found[match.found][0]] = match.key
                self.assign(run, found[match.found][0], match.key, match.asked)
        return assigned

    def _rows_from_anki(self) -> list[sqlite3.Row]:
        return self._db.execute(
            "SELECT h.key, h.body, d.slug FROM highlight h JOIN document d ON d.key = h.document"
            " WHERE h.container = '' AND h.run = '' ORDER BY h.key"
        ).fetchall()

    # --- moved ------------------------------------------------------------------------------

    def moved(self, run: RunId, scans: tuple[Scan, ...]) -> None:
        """Match highlights that vanished from their place with equal ones elsewhere.

        What stands elsewhere now was not replaced by what stands where it stood.
        """
        self._keys.by_own_id(run)
        for column in ("mark", "text"):
            waiting = self._db.execute(
                f"SELECT id, {column} AS name, body FROM scanned s WHERE run = ? AND key = ''"
                f" AND EXISTS (SELECT 1 FROM highlight h WHERE h.{column} = s.{column}) ORDER BY id",
                (run,),
            ).fetchall()
            for row in waiting:
                if column == "mark" or _is_long(decode_highlight(row["body"])):
                    found = (self._lost(run, scan, column, row["name"]) for scan in scans)
                    if key := next(filter(None, found), None):
                        self.assign(run, row["id"], key)
        self._db.execute(
            "UPDATE scanned SET replaces = '', asked = '' WHERE run = :run AND replaces NOT IN ('', key)"
            " AND replaces IN (SELECT key FROM scanned WHERE run = :run)",
            {"run": run},
        )

    def moved_from(
        self, run: RunId, row: sqlite3.Row, found: Highlight, recognised: Renames
    ) -> HighlightKey | None:
        """Return the highlight that a new one may be, of a card that was decided on: a person decides.

        It went from its place, here or elsewhere, and the new one is an edit of it; or their two short
        documents are alike.
        """
        words = canonical(found.exact)
        if not words:
            return None
        if recognised.lost is None:
            recognised.lost = self._bodies(
                "SELECT h.key, h.body FROM highlight h JOIN card_highlight l ON l.key = h.key"
                " JOIN card c ON c.guid = l.guid AND c.standing = 'live' AND c.verdict <> 'pending'"
                f" WHERE h.container = :container AND h.presence <> 'ignored' AND NOT {present('h')}"
                " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.key = h.key)"
                " GROUP BY h.key ORDER BY h.key",
                {"container": row["container"], "run": run},
            )
        lost = {key: one for key, one in recognised.lost.items() if one.kind is found.kind}
        texts = {key: canonical(one.exact) for key, one in lost.items()}
        alike = process.extract(
            words, texts, scorer=fuzz.ratio, score_cutoff=MOVED_LIKENESS, limit=None
        )
        for _, likeness, key in alike:
            place = place_of(lost[key].document)
            edited = likeness >= SAME and not row["replaces"]
            if edited:
                edit = self.edit(_of_any_place(lost[key]), _of_any_place(found))
                edited = edit.kind is not EditKind.ANOTHER_FACT
            if edited or recognised.may_be(place, row["place"]):
                del recognised.lost[key]
                return HighlightKey(key)
        return None

    def edited_elsewhere(self, run: RunId, scans: tuple[Scan, ...]) -> None:
        """Match highlights with those that the journal alone knows, of notes that are gone, by likeness.

        Only where a source is read for the first time: its ledger was lost, and with it the words by
        which renamed notes are recognised.
        """
        for scan in scans:
            read = self._db.execute(
                "SELECT 1 FROM highlight WHERE container = ? AND run <> '' LIMIT 1",
                (scan.container,),
            ).fetchone()
            if read or not scan.complete:
                continue
            stored = self._bodies(
                "SELECT key, body FROM highlight h WHERE container = :container AND NOT EXISTS (SELECT 1"
                " FROM temp.listed l WHERE l.container = h.container AND l.place = h.place)"
                " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.key = h.key)"
                " ORDER BY key",
                {"container": scan.container, "run": run},
            )
            if not stored:
                continue
            found = self._bodies(
                "SELECT id AS key, body FROM scanned WHERE run = :run AND container = :container"
                " AND key = '' AND length >= :length ORDER BY id",
                {"container": scan.container, "run": run, "length": MOVED_LENGTH},
            )
            for key, number in likest(stored, found, self.edit).items():
                self.assign(run, number, HighlightKey(key))

    def issued_elsewhere(
        self, run: RunId, scans: tuple[Scan, ...], recognised: Mapping[str, Renames]
    ) -> None:
        """Note the second keys, one issued here and one on another machine, of passages that were moved.

        One of the two stands nowhere, so its place does not tell. Exactly one other passage, first of those
        that stand here, has its words, or is likest to it and an edit of it.
        """
        self._unread.clear()
        for scan in scans:
            where = {"container": scan.container, "run": run}
            brought = self._bodies(
                "SELECT key, body FROM highlight h WHERE container = :container AND run = ''"
                " AND presence = 'present' AND NOT EXISTS (SELECT 1 FROM scanned s"
                "  WHERE s.run = :run AND s.key = h.key) ORDER BY key",
                where,
            )
            if not scan.complete:
                continue
            self._unread[scan.container] = brought
            unread = "FROM scanned s JOIN highlight h USING (key) WHERE s.run = :run AND h.run = ''"
            new = self._db.execute(f"SELECT 1 {unread} LIMIT 1", where).fetchone()
            read = "SELECT 1 FROM highlight WHERE container = :container AND run <> '' LIMIT 1"
            renamed = recognised[scan.container].found

            def page(one: Highlight, renamed: Mapping[str, str] = renamed) -> object:
                return renamed.get(place := place_of(one.document), place), one.page_label

            both = f"SELECT h.key, s.body {unread} AND s.container = :container ORDER BY h.key"
            if not (brought or new) or not self._db.execute(read, where).fetchone():
                if brought and new:  # the ledger was lost
                    theirs = self._bodies(both, where)
                    self._pair_keys(brought, theirs)
                    self._pair_in_note(brought, theirs, page, self._edit_of_same_question)
                continue
            stands = f"EXISTS (SELECT 1 FROM scanned s WHERE s.run = :run AND s.key = h.key) OR {present('h')}"
            ours = "SELECT key, body FROM highlight h WHERE container = :container AND run <> ''"
            # with the words that were found now, which may be those that the other machine read
            now = ours.replace(
                "body",
                "coalesce((SELECT s.body FROM scanned s WHERE s.run = :run AND s.key = h.key), body) AS body",
                1,
            )
            here = self._bodies(f"{now} AND ({stands}) ORDER BY key", where)
            lost = self._bodies(
                f"{ours} AND NOT ({stands}) AND EXISTS (SELECT 1 FROM card_highlight l JOIN card c"
                " ON c.guid = l.guid AND c.standing = 'live' WHERE l.key = h.key"
                "  AND l.role = 'origin') ORDER BY key",
                where,
            )
            theirs = self._bodies(both, where) if lost else {}
            for loose, others in ((brought, here), (lost, theirs), (brought, lost)):
                self._pair_keys(loose, others, self.edit)
            as_issued = self._bodies(both.replace("s.body", "h.body"), where) if lost else {}
            for came in (theirs, as_issued):
                self._pair_in_note(lost, came, page, self._edit_in_note)
            if scan.container.startswith("zotero:"):  # the file may belong to another item now
                self._pair_in_note(
                    lost, theirs, lambda one: (one.block, one.page_label), self._edit_in_note
                )

    def accepted_elsewhere(self, run: RunId) -> None:
        """Note the second keys of passages whose card waits here as moved, and was accepted elsewhere.

        The policy of a machine that does not know the card of the first passage accepted it.
        """
        card = (
            "JOIN card_highlight l ON l.key = h.key AND l.role = 'origin' JOIN card c USING (guid)"
        )
        accepted = self._bodies(
            f"SELECT h.key, h.body FROM highlight h {card} JOIN finding f USING (guid) WHERE"
            " c.standing = 'live' AND c.verdict = 'pending' AND json_extract(f.body, '$.check') = :check"
            " AND EXISTS (SELECT 1 FROM event e WHERE e.subject = c.guid AND NOT e.undone"
            "  AND e.what = 'accept' AND json_extract(e.body, '$.after.accepted_by') = :policy)",
            {"check": MOVED_FROM, "policy": POLICY},
        )
        lost = (
            f"SELECT h.key, h.body FROM highlight h {card} WHERE c.standing = 'live'"
            " AND (h.run = '' OR h.presence <> 'present') AND NOT EXISTS (SELECT 1 FROM scanned s"
            "  WHERE s.run = :run AND s.key = h.key) ORDER BY h.key"
        )
        loose = self._bodies(lost, {"run": run}) if accepted else {}
        loose, accepted = (
            {key: _without_place(one) for key, one in side.items()} for side in (loose, accepted)
        )
        self._pair_keys(loose, accepted, self.edit)

    def waits(self, one: HighlightKey, other: HighlightKey) -> bool:
        """Return whether the words of two keys of one passage differ by more than a correction.

        Or whether a person is asked about those of one of them.
        """
        asked = "SELECT 1 FROM highlight WHERE key IN (?, ?) AND asked <> '' LIMIT 1"
        if self._db.execute(asked, (one, other)).fetchone():
            return True
        two = self._bodies(
            "SELECT key, body FROM highlight WHERE key IN (:one, :other)",
            {"one": one, "other": other},
        )
        return self.edit(two[one], two[other]).kind is not EditKind.CORRECTION

    def _bodies(self, sql: str, values: Mapping[str, str | int]) -> dict[Any, Highlight]:
        return {row["key"]: decode_highlight(row["body"]) for row in self._db.execute(sql, values)}

    def _pair_keys(self, loose: _Passages, others: _Passages, judged: Judged | None = None) -> None:
        """Note which keys that stand nowhere are second keys of the `others`.

        Two keys of one passage have, or once had, the same words or the same spot, or `judged` finds
        one to be an edit of the other.
        """
        twice = self.issued_twice
        known = {*twice, *twice.values()}
        left = {key: one for key, one in loose.items() if key not in known}
        for texts in (_texts, self._earlier_texts):
            said: dict[str, set[str]] = defaultdict(set)
            for key, one in others.items() if left else ():
                for text in texts(key, one):
                    said[text].add(key)
            for key, one in list(left.items()):
                equal = set[str]().union(*(said[text] for text in texts(key, one)))
                if len(equal) == 1:
                    twice[HighlightKey(key)] = HighlightKey(equal.pop())
                    del left[key]
        self._pair_spots(left, others)
        left = {key: one for key, one in left.items() if key not in twice}
        for key, used in likest(left, others, judged).items() if judged else ():
            twice.setdefault(HighlightKey(key), HighlightKey(used))

    def _pair_in_note(
        self, lost: _Passages, came: _Passages, note: Callable[[Highlight], object], judged: Judged
    ) -> None:
        """Note which passages that came into a note or page are edits, though less alike, of those that went."""
        known = {*self.issued_twice, *self.issued_twice.values()}
        pages: dict[object, tuple[dict[str, Highlight], ...]] = defaultdict(lambda: ({}, {}))
        for at, side in enumerate((lost, came)):
            for key, one in side.items():
                if key not in known:
                    if one.route is Route.ZOTERO:  # made again, it has another id
                        one = _of_any_place(replace(one, own="", hints=()))
                    pages[note(one)][at][key] = one
        for left, others in pages.values():
            for key, used in likest(left, others, judged, ASK).items():
                self.issued_twice[HighlightKey(key)] = HighlightKey(used)

    def _edit_in_note(self, old: Highlight, new: Highlight) -> Edit:
        """Classify an edit; in one note, a slight edit counts as one that keeps the names."""
        edit = self.edit(old, new)
        return replace(edit, names_kept=edit.names_kept or _is_slight(old, new))

    def _edit_of_same_question(self, old: Highlight, new: Highlight) -> Edit:
        """Classify an edit in a note that may have had both: with another question or answer, it is another fact."""
        edit = self._edit_in_note(old, new)
        answer = edit.kind is EditKind.CORRECTION or not edit.answer_changed or _is_slight(old, new)
        same = answer and not edit.renamed and not is_bare(new)
        return edit if same else replace(edit, kind=EditKind.ANOTHER_FACT)

    def _earlier(self, key: str, one: Highlight) -> list[Highlight]:
        """Return a passage with each of the words that it had, as far as a card or a run here tells."""
        rows = self._db.execute(
            "SELECT quote AS exact FROM slot WHERE key = :key UNION"
            " SELECT json_extract(body, '$.exact') FROM past_content WHERE key = :key",
            {"key": key},
        ).fetchall()
        return [replace(one, exact=row["exact"]) for row in rows]

    def _earlier_texts(self, key: str, one: Highlight) -> set[str]:
        return _texts(key, one).union(*(_texts(key, each) for each in self._earlier(key, one)))

    def _pair_spots(self, loose: _Passages, others: _Passages) -> None:
        """Note which of the `others` is an edit of one that had the same annotation or the same spot."""
        for spot in (_spot, _surroundings):
            spots: dict[object, list[str]] = defaultdict(list)
            for key, one in others.items():
                spots[spot(one)].append(key)
            for key, one in loose.items():
                found = spots.get(spot(one), []) if spot(one) else []
                if len(found) != 1 or not overlap(one, other := others[found[0]]):
                    continue
                edit = self.edit(one, other)
                other_fact = edit.kind is EditKind.ANOTHER_FACT or _is_other_name(edit)
                # it may have become another one since
                earlier = self._earlier(found[0], other) if other_fact else ()
                words, *before = (replace(_without_kind(each), gaps=()) for each in (one, *earlier))
                was_one = any(self.edit(words, each).kind is EditKind.CORRECTION for each in before)
                if name_of(one) or was_one or not other_fact:
                    self.issued_twice.setdefault(HighlightKey(key), HighlightKey(found[0]))

    # --- known from the journal or Anki alone -------------------------------------------------

    def resembling(self, run: RunId) -> dict[int, HighlightKey]:
        """Return the unread highlight that each staged row without a key resembles most, by row.

        Unread are highlights that only the journal or Anki knows. What became of them cannot be told if
        they were moved and edited, but a card of such a row may be a second one.

        A highlight that only Anki knows is noted as the second key of one that the journal names or that
        was read, if their words are equal, if one is an edit of the other in the same vault, or if they
        resemble each other and the other has no note in Anki. Another workspace may have put its notes
        into this collection.
        """
        journal = {
            container: {key: canonical(one.exact) for key, one in unread.items()}
            for container, unread in self._unread.items()
        }
        in_anki: dict[_Vault, dict[str, str]] = defaultdict(dict)
        bodies: dict[str, Highlight] = {}
        for row in self._db.execute(
            "SELECT key, body, replaces FROM highlight h WHERE container = '' AND run = ''"
            " AND NOT EXISTS (SELECT 1 FROM scanned s WHERE s.run = ? AND s.key = h.key)"
            " ORDER BY key",
            (run,),
        ):
            if row["replaces"]:  # noted in an earlier run
                self.issued_twice.setdefault(row["key"], row["replaces"])
            else:
                one = bodies[row["key"]] = _without_place(decode_highlight(row["body"]))
                in_anki[_vault_of(one)][row["key"]] = canonical(one.exact)
        named = (
            "SELECT h.key, coalesce(s.body, h.body) AS body FROM highlight h LEFT JOIN scanned s"
            "  ON s.run = :run AND s.key = h.key WHERE h.run = '' AND (h.container <> '' OR s.id IS NOT NULL)"
        )
        others = self._bodies(named, {"run": run}) if bodies else {}
        rows = self._db.execute("SELECT key, slug FROM document").fetchall() if bodies else ()
        slugs = {row["key"]: row["slug"] for row in rows}
        seconds: list[tuple[str, str, str]] = []
        for vault, there in in_anki.items():
            near = {
                k: _without_place(o) for k, o in others.items() if _may_be_same(_vault_of(o), vault)
            }
            loose = {key: bodies[key] for key in there}
            self._pair_keys(loose, near, self._edit_of_same_names if vault[0] else None)
            copies = Counter(text_of(one) for one in near.values())
            alone = {key: one for key, one in near.items() if copies[text_of(one)] == 1}
            question = self._edit_of_same_question
            self._pair_in_note(loose, alone, lambda one: slugs.get(one.document.key), question)
            for key in sorted(there.keys() & self.issued_twice.keys()):
                seconds.append((RESEMBLED, self.issued_twice[HighlightKey(key)], key))
                del there[key]
        renamed = [vault for vault in in_anki if vault in self._familiar]
        alike: dict[_Vault, dict[str, str]] = {}
        found: dict[int, HighlightKey] = {}
        for row in self._db.execute(
            "SELECT s.id, s.key, s.replaces, s.container, s.body FROM scanned s LEFT JOIN highlight h"
            " USING (key) WHERE s.run = ? AND (s.key = '' OR (s.replaces = '' AND h.run = ''"
            "  AND h.drafter <> ? AND ?)) ORDER BY s.id",
            (run, TAKEN, bool(in_anki)),
        ):
            if not in_anki and not journal.get(row["container"]):
                continue
            one = decode_highlight(row["body"])
            words, vault = canonical(one.exact), _vault_of(one)
            if vault not in alike:
                each = [*(other for other in in_anki if _may_be_same(other, vault)), *renamed]
                alike[vault] = {k: text for other in each for k, text in in_anki[other].items()}
            there = alike[vault]
            placed = row["key"] or row["replaces"]
            key = "" if placed else _likest(words, journal.get(row["container"], {}))
            if not key and (key := _likest(words, there, ASK)):
                # another workspace may have put a similar one into this collection
                edit = self.edit(bodies[key], _without_place(one))
                other_fact = edit.kind is EditKind.ANOTHER_FACT
                if row["key"] and not _is_other_name(edit) and not other_fact:
                    seconds.append((RESEMBLED, row["key"], key))
                other_fact = other_fact and (placed or not _likest(words, there, SAME))
                key = "" if row["key"] or other_fact else key
            if key:
                self.assign(run, row["id"], NO_KEY)  # it replaces nothing
                found[row["id"]] = HighlightKey(key)
        resembled = "UPDATE highlight SET presence_why = ?, replaces = ? WHERE key = ?"
        self._db.executemany(resembled, seconds)
        for _, used, key in seconds:
            self.issued_twice.setdefault(HighlightKey(key), HighlightKey(used))
        return found

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
    """The casefolded words of all highlights but one and its copies; looked up when asked."""

    def __init__(self, connection: Connection, but: HighlightKey) -> None:
        self._db = connection
        self._but = but

    def __contains__(self, word: object) -> bool:
        rows = self._db.execute(
            "SELECT json_extract(body, '$.exact') AS exact FROM highlight"
            " WHERE instr(lower(body), ?1) AND key <> ?2 AND key NOT IN (SELECT o.key FROM card_highlight l"
            "  JOIN card_highlight o ON o.guid = l.guid WHERE l.key = ?2)",
            (word, self._but),
        )
        return any(re.search(rf"\b{re.escape(str(word))}\b", row["exact"], re.I) for row in rows)


def _spot(one: Highlight) -> object:
    """Return the name of an annotation, or the words around a passage of a note; None if there are too few."""
    if name := name_of(one):
        return (name, one.kind)
    around = _surroundings(one, _AROUND)
    return (place_of(one.document), *around) if around else None


def _surroundings(
    one: Highlight, least: int = MOVED_LENGTH
) -> tuple[str, str, HighlightKind] | None:
    """Return the words around a passage of a note, in whatever document; None if there are fewer than `least`."""
    _, before, after = triple_of(one)
    enough = one.route is Route.VAULT and len(before) + len(after) >= least
    return (before, after, one.kind) if enough else None


def _texts(key: str, one: Highlight) -> set[str]:
    """Return the hash of the words of a passage, if no other passage has them by coincidence."""
    return {text_of(one)} if _is_long(one) else set()


def _home_of(one: Highlight) -> _Vault:
    """Return the namespace of a passage, and the name of its vault if that is known."""
    found = _VAULT_NAME.match(one.document.uri)
    return one.namespace, found[1] if found else ""


def _vault_of(one: Highlight) -> _Vault:
    """Return the vault of a passage; notes of another one are not edits of equally named ones."""
    return _home_of(one) if one.namespace.startswith("vault:") else ("", "")


def _may_be_same(vault: _Vault, other: _Vault) -> bool:
    """Return whether two vaults, which may be of two workspaces, are not known to be different."""
    return vault[0] == other[0] and (vault[1] == other[1] or "" in (vault[1], other[1]))


def _is_other_name(edit: Edit) -> bool:
    """Return whether an edit puts another name in the place of one: a card of each may be in Anki."""
    return edit.kind is EditKind.WAITS and edit.renamed


def _is_slight(old: Highlight, new: Highlight) -> bool:
    """Return whether an edit changed one letter, or only added or removed words at an end."""
    one, other = canonical(old.exact), canonical(new.exact)
    return one in other or other in one or OSA.distance(one, other, score_cutoff=1) <= 1


def _likest(words: str, texts: dict[str, str], least: int = MOVED_LIKENESS) -> str:
    """Return the key of the text that is most like these words; "" if none is."""
    found = process.extractOne(words, texts, scorer=fuzz.ratio, score_cutoff=least)
    return found[2] if found and words else ""


def _without_place(one: Highlight) -> Highlight:
    """Return a passage as Anki shows it: without context, of unknown kind."""
    kind = one.kind if one.kind is HighlightKind.CARD else HighlightKind.HIGHLIGHT
    return replace(one, heading="", prefix="", suffix="", kind=kind, own="")


def _of_any_place(one: Highlight) -> Highlight:
    """Return a passage without its context, but for a bare number or name, which says nothing alone."""
    return one if is_bare(one) else replace(one, heading="", above=())


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
    text = canonical(one.exact)
    return [text] if text and (length is None or _is_long(one)) else []


def _is_long(one: Highlight) -> bool:
    """Return whether equal words elsewhere are the same passage."""
    return one.kind is HighlightKind.CARD or len(canonical(one.exact)) >= MOVED_LENGTH
