"""A reading of some notes only: whether it comes to the same as a reading of all sources.

Which highlight a passage is may hang on notes that were not read: it was moved from there, it is
quoted there, its block id stands there, too. Whatever may hang on another note is a doubt, and
then all is read; one doubt too many costs seconds, one too few would give a second card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.passages.highlights import NOT_SELECTED
from ankiforge.ledger.reading.works import ALONE
from ankiforge.ledger.writing import PERSON
from ankiforge.model import Guid, HighlightKey, Route, RunId

_HERE = "place IN (SELECT value FROM json_each(:places))"
_CONTINUES = "SELECT 1 FROM highlight k WHERE k.key = s.key AND k.text = s.text"
_ELSEWHERE = (
    "SELECT 1 FROM highlight h WHERE {} AND NOT EXISTS (SELECT 1 FROM sighting o"
    " WHERE o.run = :run AND o.container = h.container AND o.place = h.place)"
)
_DOUBTS = {
    "something is missing elsewhere that may be gone now": (
        "SELECT EXISTS (SELECT 1 FROM highlight WHERE presence = 'missing-once'"
        "  AND container <> :container)"
        f" OR EXISTS (SELECT 1 FROM way WHERE missing_at NOT IN ('', '{NOT_SELECTED}'))"
    ),
    "something is not where it was": (
        f"SELECT EXISTS (SELECT 1 FROM highlight h WHERE h.container = :container AND h.{_HERE}"
        f" AND h.presence <> 'gone' AND h.presence_why <> '{NOT_SELECTED}' AND NOT EXISTS (SELECT 1 FROM sighting s WHERE s.run = :run"
        "  AND s.key = h.key))"
    ),
    "a passage is reached by several ways": (
        f"SELECT EXISTS (SELECT 1 FROM way w WHERE w.container = :container AND w.{_HERE})"
    ),
    "a note quotes, or is about, something else": (
        "SELECT EXISTS (SELECT 1 FROM sighting s WHERE s.run = :run AND (s.route <> :vault"
        " OR json_array_length(s.body, '$.hints') > 0"
        " OR EXISTS (SELECT 1 FROM json_each(s.body, '$.document.identifiers') i"
        f"  WHERE json_extract(i.value, '$[0]') NOT IN {ALONE})))"
    ),
    "a new passage has a block id": (
        "SELECT EXISTS (SELECT 1 FROM sighting s WHERE s.run = :run AND s.own <> '' AND s.key = '')"
    ),
    "something new here stands elsewhere, or did": (
        f"SELECT EXISTS (SELECT 1 FROM sighting s WHERE s.run = :run AND NOT EXISTS ({_CONTINUES})"
        f" AND (EXISTS ({_ELSEWHERE.format('h.text = s.text')})"
        f" OR EXISTS ({_ELSEWHERE.format('h.mark = s.mark')})))"
    ),
}
"""What may hang on what was not read, and how it shows; asked when all that was read has been
matched in its place."""

_HARMLESS = ("accept", "reject", "edit", "pick")
"""Decisions that only matter to the cards they are about."""


class Partial:
    """Looks at the sightings of a run; changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def doubt(self, run: RunId, container: str, places: Iterable[str]) -> str:
        """Why all must be read, "" if these places are enough.

        Args:
            run: whose sightings are staged, and matched in place.
            container: the vault.
            places: the notes of it that were to be read.
        """
        values: Mapping[str, object] = {
            "run": run,
            "container": container,
            "places": to_json(sorted(places)),
            "vault": tuple(Route).index(Route.VAULT),
        }
        found = (why for why, sql in _DOUBTS.items() if self._db.execute(sql, values).fetchone()[0])
        return next(found, "")

    def state(self) -> tuple[int, int]:
        """(runs, last decision): what others have done since shows by it."""
        [runs] = self._db.execute("SELECT count(*) FROM run").fetchone()
        [last] = self._db.execute("SELECT coalesce(max(sequence), 0) FROM decision").fetchone()
        return int(runs), int(last)

    def decided_since(self, number: int, by: str = "") -> bool:
        """Whether something was decided since (`by` whom) that may matter to what is read next."""
        marks = ", ".join(map(repr, _HARMLESS))
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM decision WHERE sequence > :number"
            f" AND what NOT IN ({marks}) AND :by IN ('', by))",
            {"number": number, "by": by},
        ).fetchone()
        return bool(row[0])

    def failed(self) -> frozenset[HighlightKey]:
        """The highlights that were to be drafted, in vain."""
        rows = self._db.execute("SELECT key FROM highlight WHERE failed <> ''").fetchall()
        return frozenset(HighlightKey(row[0]) for row in rows)

    def disturbed(self, before: tuple[int, int]) -> bool:
        """Whether others have run or decided something during one run of ours.

        Args:
            before: the state when it began.
        """
        return self.state()[0] != before[0] + 1 or self.decided_since(before[1], by=PERSON)

    def unquiet(
        self, files: Mapping[str, Iterable[str]], since: str, until: str
    ) -> frozenset[Guid]:
        """The cards whose words may still be in the making.

        Args:
            files: the paths of what was changed a moment ago, by the name of the source.
            since: ISO text in UTC; what was drawn or revised since is so, too.
            until: the same; what was drawn later, by a clock that was wrong, is not.
        """
        rows = self._db.execute(
            "SELECT c.guid FROM card c JOIN run r ON r.id = c.run"
            "  WHERE r.at BETWEEN :since AND :until"
            " UNION SELECT subject FROM decision WHERE what = 'revise'"
            "  AND at BETWEEN :since AND :until",
            {"since": since, "until": until},
        ).fetchall()
        found = {row[0] for row in rows}
        for source, paths in files.items():
            found |= set(self._of_files(source, paths))
        return frozenset(map(Guid, found))

    def _of_files(self, source: str, paths: Iterable[str]) -> Iterator[str]:
        rows = self._db.execute(
            "SELECT DISTINCT l.guid FROM document d JOIN highlight h ON h.document = d.key"
            " JOIN card_highlight l ON l.key = h.key WHERE d.source = ?"
            " AND json_extract(d.body, '$.path') IN (SELECT value FROM json_each(?))",
            (source, to_json(sorted(paths))),
        )
        return (row[0] for row in rows)
