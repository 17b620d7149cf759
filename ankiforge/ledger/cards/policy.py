"""What is settled without a person: which clean cards go through, and into which deck."""

from __future__ import annotations

from collections import Counter

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.writing import POLICY
from ankiforge.model import AcceptedBy, Checked, Guid, Highlight, HighlightKey, RunId, Verdict

FLOOD = 300
"""Cards that policy accepts in one run; the rest waits for a person."""

_WORK = (
    "SELECT coalesce(nullif(d.work, ''), d.key) FROM card_highlight l"
    " JOIN highlight h ON h.key = l.key JOIN document d ON d.key = h.document"
    " WHERE l.guid = :guid AND l.role = 'origin'"
)
"""The first document of the work that a card is from."""


class Policy:
    """Decides in the name of the settings."""

    def __init__(self, connection: Connection, decisions: Decisions) -> None:
        self._db = connection
        self._decisions = decisions
        self._accepted: Counter[RunId] = Counter()
        """Cards that were let through, by run."""

    def accept(self, run: RunId, guid: Guid, key: HighlightKey, checked: Checked) -> bool:
        """Accept a clean draft where policy says so and no person has decided anything.

        False if it waits, as one of too many at once.
        """
        waits = self._db.execute("SELECT waits FROM card WHERE guid = ?", (guid,)).fetchone()[0]
        if not checked.accept or waits or self._decisions.person_decided(key) or self._taken(key):
            return True
        if self._accepted_in(run) >= FLOOD:
            self._decisions.change(guid, "wait", {"waits": "flood"}, by=POLICY)
            return False
        self._accepted[run] += 1
        how = AcceptedBy.AUTHOR if checked.draft.by_hand else AcceptedBy.POLICY
        after = {"verdict": Verdict.ACCEPTED.value, "accepted_by": how.value}
        self._decisions.change(guid, "accept", after, by=POLICY, action=f"policy-{run}")
        self.settle_deck(guid)
        return True

    def _taken(self, key: HighlightKey) -> bool:
        """Whether cards of its document came from Anki, and no person wanted more since."""
        if not self._db.execute("SELECT 1 FROM decision WHERE what = 'recover' LIMIT 1").fetchone():
            return False
        row = self._db.execute(
            # + keeps SQLite from walking all decisions for the highest
            "SELECT max(+d.sequence) AS last, m.key FROM highlight h JOIN document m"
            " ON m.key = h.document JOIN document a ON a.key IN (SELECT m.key UNION"
            "  SELECT s.key FROM document s WHERE s.key >= 'anki:' AND s.key < 'anki;'"
            "  AND m.slug <> '' AND s.slug = m.slug)"
            " JOIN highlight o ON o.document = a.key JOIN card c ON c.key = o.key"
            " JOIN decision d ON d.subject = c.guid AND d.what = 'recover' WHERE h.key = ?",
            (key,),
        ).fetchone()
        return row["last"] is not None and not self._wanted_since(row["key"], row["last"])

    def _wanted_since(self, document: str, sequence: int) -> bool:
        """Whether a person let a card of a document through after that decision."""
        row = self._db.execute(
            "SELECT 1 FROM highlight h JOIN card c ON c.key = h.key JOIN decision d"
            " ON d.subject = c.guid AND d.what IN ('accept', 'pick') AND d.by = 'person'"
            " WHERE h.document = ? AND d.sequence > ? LIMIT 1",
            (document, sequence),
        ).fetchone()
        return row is not None

    def _accepted_in(self, run: RunId) -> int:
        """In this run, and in those before it that were cut off; counted once, then kept."""
        if run not in self._accepted:
            row = self._db.execute(
                "SELECT count(*) FROM decision WHERE what = 'accept' AND action IN"
                " (SELECT 'policy-' || id FROM run WHERE finished = '' AND at >="
                " (SELECT coalesce(max(at), '') FROM run WHERE finished <> ''))",
            ).fetchone()
            self._accepted[run] = int(row[0])
        return self._accepted[run]

    def settle_deck(self, guid: Guid) -> None:
        """A document's deck is that of its first accepted card, from then on."""
        self._db.execute(
            "UPDATE document SET deck = (SELECT deck FROM card WHERE guid = :guid)"
            f" WHERE deck = '' AND (key = ({_WORK}) OR work = ({_WORK}))",
            {"guid": guid},
        )

    def deck_for(self, highlight: Highlight, guid: Guid, asked: str = "") -> str:
        """Where the card was shipped to before the ledger was lost, else its document's deck.

        `asked`: what the command names, before the document's.
        """
        row = self._db.execute(
            "SELECT deck FROM shipped WHERE guid = ? ORDER BY rev DESC LIMIT 1", (guid,)
        ).fetchone()
        if row is None and asked:
            return asked
        row = (
            row
            or self._db.execute(
                "SELECT deck FROM document WHERE key = ?", (highlight.document.key,)
            ).fetchone()
        )
        return str(row["deck"]) if row else ""
