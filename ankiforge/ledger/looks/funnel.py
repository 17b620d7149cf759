"""What is pending, and where every highlight of a run ended."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from ankiforge.ledger.cards.values import TAGGED
from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.passages.highlights import NOT_SELECTED, Highlights, in_scope
from ankiforge.ledger.reading.ways import NO_LLM, private_elsewhere
from ankiforge.model import Fate, Highlight, HighlightKey, RunId, Task

BY_HAND = "rules"
"""Cards people wrote by hand go through the rules, whatever the drafter."""


STANDS_BEHIND = (
    "CASE WHEN c.choice = '' THEN 0"
    " WHEN c.standing = 'superseded' AND c.anki = 'none' THEN 1"
    " WHEN c.verdict = 'pending' THEN EXISTS (SELECT 1 FROM card o WHERE o.choice = c.choice"
    "  AND o.choice <> '' AND o.standing = 'live' AND o.verdict = 'pending'"
    "  AND (o.blocked, o.guid) < (c.blocked, c.guid)) ELSE 0 END"
)
"""Whether the other card of a choice stands for this one: a choice is one card, to count."""


_UNREAD = ("the reply could not be read", "the reply was cut off before the first card")
"""What earlier versions said of replies that they paid for anew in every run."""


@dataclass(frozen=True, slots=True)
class Without:
    """A highlight that is no card (yet), and why."""

    key: HighlightKey
    fate: Fate
    reason: str


@dataclass(slots=True)
class Funnel:
    """How many highlights ended where; the fates sum to `seen`."""

    seen: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    without: list[Without] = field(default_factory=list)
    """Those without a ready card, in the order of reading."""


class FunnelView:
    """Looks at highlights and their cards together."""

    def __init__(self, connection: Connection, highlights: Highlights) -> None:
        self._db = connection
        self._highlights = highlights

    def pending(self, run: RunId | None, drafter: str) -> Iterator[Task]:
        """Highlights that want a draft, a task per document, in the order of reading.

        Zotero's first: of a passage marked there and elsewhere, that card has the citation.
        Last what was ever merged into another's card: that one is to be there before it.

        New ones, those whose content changed, those that failed; for a model also those
        without a card that it has not seen. `run` restricts to what that run read.
        """
        rows = self._db.execute(
            "SELECT h.key, h.document, h.failed FROM highlight h WHERE h.presence = 'present'"
            f" AND h.presence_why <> :unselected AND h.run <> '' AND (:run IS NULL OR {in_scope('h')}) AND (h.drafted <> h.content"
            " OR h.failed <> '' OR (:drafter NOT IN (:rules, h.drafter)"
            " AND json_extract(h.body, '$.kind') <> 'card' AND NOT EXISTS"
            " (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid WHERE l.key = h.key"
            " AND (c.standing = 'live' OR c.verdict = 'rejected' OR c.standing_why = :tagged))))"
            " ORDER BY h.key IN (SELECT json_extract(m.body, '$.key') FROM decision m"
            " WHERE m.what = 'merge'), h.container NOT LIKE 'zotero:%', h.container, h.place, h.position",
            {
                "run": run, "drafter": drafter, "rules": BY_HAND, "tagged": TAGGED,
                "unselected": NOT_SELECTED,
            },
        ).fetchall()  # fmt: skip
        return self._tasks(rows)

    def answered_alike(self, key: HighlightKey, drafter: str) -> list[Highlight]:
        """Return the highlights of the same words that have a card, or this drafter's answer."""
        rows = self._db.execute(
            "SELECT o.key FROM highlight h JOIN highlight o ON o.text = h.text AND o.key <> h.key"
            " WHERE h.key = :key AND ((o.drafter = :drafter AND o.drafted = o.content)"
            " OR EXISTS (SELECT 1 FROM card_highlight l JOIN card c ON c.guid = l.guid"
            " WHERE l.key = o.key AND c.standing = 'live'))",
            {"key": key, "drafter": drafter},
        ).fetchall()
        found = (self._highlights.get(HighlightKey(row["key"])) for row in rows)
        return [one for one in found if one is not None]

    def asked_again(self, keys: Iterable[HighlightKey]) -> Iterator[Task]:
        """Of these highlights those that are there, in the same way."""
        rows = self._db.execute(
            "SELECT h.key, h.document, '' AS failed FROM highlight h"
            " WHERE h.presence = 'present' AND h.run <> ''"
            " AND h.key IN (SELECT value FROM json_each(?))"
            " ORDER BY h.container, h.place, h.position",
            (to_json(sorted(keys)),),
        ).fetchall()
        return self._tasks(rows)

    def _tasks(self, rows: list[sqlite3.Row]) -> Iterator[Task]:
        for _, group in groupby(rows, key=lambda row: str(row["document"])):
            members = list(group)
            found = [self._with_secrecy(HighlightKey(row["key"])) for row in members]
            highlights = tuple(highlight for highlight in found if highlight is not None)
            unread = (row["key"] for row in members if row["failed"].startswith(_UNREAD))
            yield Task(highlights[0].document, highlights, unread=frozenset(unread))

    def _with_secrecy(self, key: HighlightKey) -> Highlight | None:
        """What is to stay on this machine by one of its ways is so by each."""
        highlight = self._highlights.get(key)
        ways = self._db.execute("SELECT body FROM way WHERE key = ?", (key,)).fetchall()
        if highlight is None or not private_elsewhere([row["body"] for row in ways]):
            return highlight
        return replace(highlight, tags=(*highlight.tags, NO_LLM))

    def funnel(self, run: RunId | None = None) -> Funnel:
        """Where the highlights of a run (or all that are known) ended."""
        funnel = Funnel()
        for row in self._rows(run):
            fate, reason = _fate(row)
            funnel.seen += 1
            funnel.fates[fate] += 1
            if fate is Fate.NO_CARD:
                funnel.reasons[reason] += 1
            if fate is not Fate.CARDED:
                funnel.without.append(Without(HighlightKey(row["key"]), fate, reason))
        return funnel

    def _rows(self, run: RunId | None) -> Iterable[sqlite3.Row]:
        return self._db.execute(
            "SELECT h.key, h.presence, h.presence_why, h.failed, h.no_card,"
            " max(c.standing = 'live' AND c.verdict = 'accepted'"
            "     AND (c.forced OR NOT c.blocked) AND c.anki <> 'tombstone') AS carded,"
            " max(c.anki = 'tombstone') AS deleted,"
            " max(c.standing = 'live' AND c.verdict = 'pending' AND NOT c.blocked) AS waiting,"
            " max(c.standing = 'live' AND c.verdict <> 'rejected' AND c.blocked) AS blocked,"
            " max(c.verdict = 'rejected') AS rejected, max(c.reason) AS rejection,"
            " max(CASE WHEN c.standing <> 'live' THEN c.standing_why ELSE '' END) AS retired"
            " FROM highlight h LEFT JOIN card_highlight l ON l.key = h.key"
            " LEFT JOIN card c ON c.guid = l.guid"
            f" WHERE h.run <> '' AND ({in_scope('h')} OR (:run IS NULL"
            " AND h.presence IN ('present', 'ignored')))"
            " GROUP BY h.key ORDER BY h.container, h.place, h.position",
            {"run": run},
        ).fetchall()

    def cards(self, run: RunId | None = None) -> dict[str, int]:
        """Cards of a run's highlights (or all): ready, waiting, blocked, retired; a choice is one.

        And of these and others: `revisions`, accepted cards with a correction that waits, and
        `sourceless`, accepted cards whose passage is gone from what the run read.
        """
        row = self._db.execute(
            "SELECT"
            " coalesce(sum(live AND accepted AND passable AND anki <> 'tombstone'), 0) AS ready,"
            " coalesce(sum(live AND verdict = 'pending' AND passable AND NOT told), 0) AS waiting,"
            " coalesce(sum(live AND verdict <> 'rejected' AND NOT passable AND NOT told), 0)"
            " AS blocked,"
            " coalesce(sum(NOT live AND NOT told), 0) AS retired,"
            " coalesce(sum(live AND accepted AND revised), 0) AS revisions"
            " FROM (SELECT c.standing = 'live' AS live, c.verdict = 'accepted' AS accepted,"
            " c.verdict, c.anki, (c.forced OR NOT c.blocked) AS passable,"
            " EXISTS (SELECT 1 FROM candidate o WHERE o.guid = c.guid AND o.state = 'open')"
            f" AS revised, {STANDS_BEHIND} AS told"
            " FROM card c WHERE :run IS NULL OR EXISTS (SELECT 1 FROM card_highlight l"
            f" JOIN highlight h ON h.key = l.key WHERE l.guid = c.guid AND {in_scope('h')}))",
            {"run": run},
        ).fetchone()
        return {**dict(row), "sourceless": self._sourceless(run)}

    def waiting(self, run: RunId | None = None) -> list[str]:
        """Return the guids of the cards that `cards` counts as waiting."""
        rows = self._db.execute(
            "SELECT c.guid FROM card c JOIN highlight h ON h.key = c.key"
            " WHERE c.standing = 'live' AND c.verdict = 'pending' AND (c.forced OR NOT c.blocked)"
            f" AND NOT ({STANDS_BEHIND}) AND (:run IS NULL OR EXISTS (SELECT 1"
            " FROM card_highlight l JOIN highlight o ON o.key = l.key"
            f" WHERE l.guid = c.guid AND {in_scope('o')}))"
            " ORDER BY h.container, h.place, h.position",
            {"run": run},
        ).fetchall()
        return [str(row["guid"]) for row in rows]

    def _sourceless(self, run: RunId | None) -> int:
        """Accepted cards all of whose passages are gone."""
        count = self._db.execute(
            "SELECT count(*) FROM card c JOIN highlight h ON h.key = c.key"
            " WHERE c.standing = 'live' AND c.verdict = 'accepted' AND h.presence = 'gone'"
            " AND NOT EXISTS (SELECT 1 FROM card_highlight l JOIN highlight o ON o.key = l.key"
            " WHERE l.guid = c.guid AND o.presence <> 'gone')"
            " AND (:run IS NULL OR h.container IN (SELECT container FROM scan WHERE run = :run))",
            {"run": run},
        ).fetchone()
        return int(count[0])


def _fate(row: sqlite3.Row) -> tuple[Fate, str]:
    """The first that holds, in the order of `Fate`."""
    if row["presence"] == "ignored":
        return Fate.IGNORED, row["presence_why"]
    if row["failed"]:
        return Fate.FAILED, row["failed"]
    if row["carded"]:
        return Fate.CARDED, ""
    if row["waiting"]:
        return Fate.WAITING, "needs your decision"
    if row["blocked"]:
        return Fate.BLOCKED, "a check forbids its card"
    return Fate.NO_CARD, _no_card(row)


def _no_card(row: sqlite3.Row) -> str:
    if row["deleted"]:
        return "deleted in Anki"
    if row["rejected"]:
        return f"rejected: {row['rejection']}" if row["rejection"] else "rejected"
    if row["retired"]:
        return f"retired: {row['retired']}"
    return row["no_card"] or row["presence_why"] or "not drafted yet"
