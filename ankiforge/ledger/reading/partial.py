"""What has changed of late: whether others have run or decided, and which cards are in the making."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.writing import PERSON
from ankiforge.model import Guid, HighlightKey

_HARMLESS = ("accept", "reject", "edit", "pick")
"""Decisions that only matter to the cards they are about."""


class Partial:
    """Looks at runs and decisions; changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

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
