"""Cards of ours that a person let us take out of study in Anki; the way back."""

from __future__ import annotations

import msgspec

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.writing import PERSON, SOURCE, Writer
from ankiforge.model import Guid


class Suspensions:
    """What was suspended, as decisions."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def remember(self, cards: dict[Guid, tuple[int, ...]]) -> None:
        """A person said that these cards (Anki's ids) are to be suspended; one action."""
        with self._writer.unit():
            action = self._writer.new_action()
            for guid, ids in cards.items():
                self._decisions.change(
                    guid, "suspend", {}, by=PERSON, action=action, extra={"cards": ids}
                )

    def taken_back(self) -> dict[Guid, tuple[int, ...]]:
        """Cards to be studied again: the suspension was undone, or the card lives again."""
        rows = self._db.execute(
            "SELECT d.subject, d.body FROM decision d JOIN card c ON c.guid = d.subject"
            " WHERE d.what = 'suspend'"
            " AND NOT EXISTS (SELECT 1 FROM decision l WHERE l.subject = d.subject"
            "  AND l.what IN ('suspend', 'unsuspend') AND (l.at, l.sequence) > (d.at, d.sequence))"
            " AND ((c.standing = 'live' AND c.verdict = 'accepted')"
            "  OR EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.id))"
        ).fetchall()
        return {Guid(r["subject"]): tuple(msgspec.json.decode(r["body"])["cards"]) for r in rows}

    def forget(self, guids: tuple[Guid, ...]) -> None:
        """These are studied again."""
        with self._writer.unit():
            action = self._writer.new_action()
            for guid in guids:
                self._decisions.change(guid, "unsuspend", {}, by=SOURCE, action=action)
