"""What was decided about cards: applied, remembered, taken back.

A decision holds the columns it changed, before and after; that is how undo restores them and
how a fresh ledger replays the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.pairs import Pairs, link_again
from ankiforge.ledger.deciding.troubles import DEALT, LAPSES, lapses_of
from ankiforge.ledger.writing import PERSON, SOURCE, Writer
from ankiforge.model import Guid, HighlightKey, Standing

COLUMNS = frozenset(
    ("kind", "fields", "deck", "verdict", "reason", "standing", "standing_why", "accepted_by",
     "edited", "forced", "waits", "anki", "anki_why", "resolved", "choice")
)  # fmt: skip
"""The columns of a card that decisions may change."""

Change = dict[str, Any]
MADE = "made"
"""What a decision keeps by which a person made a card of a passage: the words it was made of."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, as it is told."""

    id: str
    at: str
    by: str
    what: str
    subject: str
    undoes: str
    action: str
    body: dict[str, Any]


class Decisions:
    """The append-only list of decisions, and their effect on cards."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer
        self.changed: Callable[[Guid], None] = lambda guid: None
        """Told of every card that a decision changed, within the same unit."""
        self.heard: Callable[[Decided], None] = lambda decided: None
        """Told of every decision that the journal brought or that was taken back."""
        self.undone: Callable[[str], None] = lambda subject: None
        """Told of what an action was about that was taken back, when all of it is."""

    # --- deciding ---------------------------------------------------------------------------

    def change(
        self,
        guid: Guid,
        what: str,
        after: Change,
        *,
        by: str = PERSON,
        action: str = "",
        candidates: dict[str, str] | None = None,
        extra: Change | None = None,
    ) -> str:
        """Change columns of a card (and states of its candidates) as one decision."""
        own = self._columns(guid, (*after, "key"))
        body: Change = {"key": own.pop("key"), "before": own, "after": after, **(extra or {})}
        if by == PERSON and what in DEALT and (lapses := lapses_of(self._db, guid)) is not None:
            body[LAPSES] = lapses
        if candidates:
            body["candidates_before"] = self._candidates(guid, candidates)
            body["candidates"] = candidates
        self._apply(guid, after, candidates or {})
        action = action or self._writer.new_action()
        identity = self._writer.decide(what, guid, body, by=by, action=action)
        self.changed(guid)
        return identity

    def retire(self, key: HighlightKey, why: str) -> None:
        """A highlight that must not be a card, or is gone, takes its cards along.

        One that serves another highlight, still read, stays: it goes with the last of them.
        Cards that were accepted outlive a highlight that is gone: what a person let through
        is not taken away because a note was cleaned up (docs/states.md).
        """
        accepted_stay = why == "gone"
        for guid in self._live_cards(key, accepted_stay):
            after = {"standing": Standing.RETIRED.value, "standing_why": why}
            self.change(guid, "retire", after, by=SOURCE)

    def revive(self, key: HighlightKey) -> None:
        """The mark is back, or skip was taken back: what was retired for that lives again."""
        rows = self._db.execute(
            "SELECT c.guid FROM card_highlight l JOIN card c ON c.guid = l.guid WHERE l.key = ?"
            " AND c.standing = 'retired' AND c.standing_why IN ('skip', 'gone')",
            (key,),
        ).fetchall()
        for row in rows:
            after = {"standing": Standing.LIVE.value, "standing_why": ""}
            self.change(Guid(row["guid"]), "revive", after, by=SOURCE)

    def _live_cards(self, key: HighlightKey, accepted_stay: bool) -> list[Guid]:
        rows = self._db.execute(
            "SELECT c.guid FROM card_highlight l JOIN card c ON c.guid = l.guid WHERE l.key = ?"
            " AND c.standing = 'live' AND (NOT ? OR c.verdict = 'pending')"
            " AND NOT EXISTS (SELECT 1 FROM card_highlight o JOIN highlight h ON h.key = o.key"
            " WHERE o.guid = l.guid AND o.key <> l.key"
            " AND h.presence IN ('present', 'missing-once'))",
            (key, int(accepted_stay)),
        ).fetchall()
        return [Guid(row["guid"]) for row in rows]

    def _columns(self, guid: Guid, names: Iterable[str]) -> Change:
        row = self._db.execute("SELECT * FROM card WHERE guid = ?", (guid,)).fetchone()
        return {name: row[name] for name in names}

    def _candidates(self, guid: Guid, letters: Iterable[str]) -> dict[str, str]:
        rows = self._db.execute(
            "SELECT letter, state FROM candidate WHERE guid = ?", (guid,)
        ).fetchall()
        states = {row["letter"]: row["state"] for row in rows}
        return {letter: states[letter] for letter in letters if letter in states}

    def _apply(self, guid: Guid, after: Change, candidates: dict[str, str]) -> None:
        columns = {name: value for name, value in after.items() if name in COLUMNS}
        if columns:
            names = ", ".join(f"{name} = ?" for name in columns)
            self._db.execute(f"UPDATE card SET {names} WHERE guid = ?", (*columns.values(), guid))
        for letter, state in candidates.items():
            self._db.execute(
                "UPDATE candidate SET state = ? WHERE guid = ? AND letter = ?",
                (state, guid, letter),
            )

    def put(self, guid: Guid, after: Change, candidates: dict[str, str]) -> None:
        """Apply what decisions of several machines come to, which is no decision of its own."""
        self._apply(guid, after, candidates)
        self.changed(guid)

    # --- taking back ------------------------------------------------------------------------

    def take_back(self, decisions: list[Decided]) -> None:
        """Go back to what was before these, within a unit, as one action."""
        action = self._writer.new_action()
        for decided in reversed(decisions):
            self._undo_one(decided, action)
        for decided in decisions:
            self.undone(decided.subject)

    def _undo_one(self, decided: Decided, action: str) -> None:
        before = self._still(decided)
        states = decided.body.get("candidates_before", {})
        now = self._candidates(Guid(decided.subject), states)
        self._apply(Guid(decided.subject), before, states)
        if decided.what == "merge" and "card" not in decided.body:
            self._part(decided.subject, decided.body["key"])
        body = {"before": decided.body.get("after", {}), "after": before}
        body |= {"key": decided.body.get("key", "")}
        if states:
            body |= {"candidates": states, "candidates_before": now}
        self._writer.decide(
            "undo", decided.subject, body, by=PERSON, action=action, undoes=decided.id
        )
        if decided.what == "merge" and "card" in decided.body:
            Pairs(self._db).part(decided.subject, decided.body["key"])
        self.changed(Guid(decided.subject))
        self.heard(decided)

    def _still(self, decided: Decided) -> Change:
        """What to go back to; of Anki only if nothing else was seen there since."""
        before = dict(decided.body.get("before", {}))
        set_then = decided.body.get("after", {}).get("anki")
        if set_then and self._columns(Guid(decided.subject), ["anki"])["anki"] != set_then:
            before = {n: v for n, v in before.items() if n not in ("anki", "anki_why")}
        return before

    def part_others(self, guid: Guid) -> list[HighlightKey]:
        """The card is about to say something else: who was merged into it; each is drafted anew."""
        rows = self._db.execute(
            "SELECT key FROM card_highlight WHERE guid = ? AND role = 'also' ORDER BY key", (guid,)
        ).fetchall()
        for row in rows:
            self._part(guid, row["key"])
        return [HighlightKey(row["key"]) for row in rows]

    def _part(self, guid: str, key: str) -> None:
        """A highlight that was merged into another's card is drafted for itself."""
        self._unlink(guid, key)
        self._db.execute("UPDATE highlight SET drafted = '', no_card = '' WHERE key = ?", (key,))

    def _unlink(self, guid: str, key: str) -> None:
        self._db.execute(
            "DELETE FROM card_highlight WHERE guid = ? AND key = ? AND role = 'also'", (guid, key)
        )

    def merged_into(self, key: HighlightKey, answer: str) -> str:
        """The card that this answer of a highlight was merged into; "" if there is none.

        Whatever became of that card since: a ledger that was lost must not draw it anew.
        """
        row = self._db.execute(
            "SELECT d.subject FROM decision d JOIN card c ON c.guid = d.subject"
            " WHERE d.what = 'merge' AND json_extract(d.body, '$.key') = ?"
            " AND json_extract(d.body, '$.answer') = ? AND json_extract(d.body, '$.card') IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.id)"
            " AND NOT EXISTS (SELECT 1 FROM decision l WHERE l.subject = d.subject"  # then it parted
            "  AND l.what IN ('revise', 'accept', 'pick')"
            "  AND json_extract(l.body, '$.after.fields') IS NOT NULL"
            "  AND (l.at, l.sequence) > (d.at, d.sequence))"
            " ORDER BY d.at DESC, d.sequence DESC LIMIT 1",
            (key, answer),
        ).fetchone()
        return str(row["subject"]) if row else ""

    def kept_apart(self, guid: str, key: HighlightKey) -> bool:
        """Whether a merge of this highlight into this card was taken back."""
        row = self._db.execute(
            "SELECT 1 FROM decision d JOIN decision u ON u.undoes = d.id WHERE d.subject = ?"
            " AND d.what = 'merge' AND json_extract(d.body, '$.key') = ?",
            (guid, key),
        ).fetchone()
        return row is not None

    # --- looking ----------------------------------------------------------------------------

    def of(self, subject: str) -> list[Decided]:
        """All decisions about a card, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM decision WHERE subject = ? ORDER BY at, sequence", (subject,)
        ).fetchall()
        return [decided_in(row) for row in rows]

    def was_merged(self, key: HighlightKey) -> bool:
        """Whether policy let the card of another highlight stand for this one."""
        row = self._db.execute(
            "SELECT 1 FROM decision d WHERE d.what = 'merge' AND json_extract(d.body, '$.key') = ?"
            " AND json_extract(d.body, '$.card') IS NULL LIMIT 1",
            (key,),
        ).fetchone()
        return row is not None

    def person_decided(self, key: HighlightKey) -> bool:
        """Whether a person ever decided anything on a highlight: there policy is silent.

        To delete a note in Anki is a decision.
        """
        row = self._db.execute(
            "SELECT 1 FROM decision WHERE json_extract(body, '$.key') = ?"
            " AND (by = ? OR what = 'tombstone') LIMIT 1",
            (key, PERSON),
        ).fetchone()
        return row is not None

    def replay(self, history: list[Decided]) -> None:
        """Apply what the journal knows of a card (`of`) that was drafted anew.

        What stands in the source now is the draft; of the words only a person's come back.
        """
        for decided in history:
            self._replay_one(decided)

    def take_in(self, identity: str) -> None:
        """Apply one decision that came by the journal, if its card is here."""
        row = self._db.execute("SELECT * FROM decision WHERE id = ?", (identity,)).fetchone()
        if row is not None:
            self._replay_one(decided_in(row))

    def _replay_one(self, decided: Decided) -> None:
        guid, after = Guid(decided.subject), dict(decided.body.get("after", {}))
        if decided.by != PERSON:
            theirs = {"verdict"} if self._judged(guid) else set()
            after = {n: v for n, v in after.items() if n not in {"fields", "kind"} | theirs}
        states = decided.body.get("candidates", {})
        known = self._candidates(guid, states).keys() == states.keys() and decided.what != "revise"
        self._apply(guid, after, states if known else {})
        if decided.what == "merge" and "card" in decided.body:
            link_again(self._db, decided.id, guid, decided.body["key"])
        self.changed(guid)
        self.heard(self._undone_by(decided) if decided.undoes else decided)

    def _undone_by(self, decided: Decided) -> Decided:
        row = self._db.execute("SELECT * FROM decision WHERE id = ?", (decided.undoes,)).fetchone()
        return decided_in(row) if row else decided

    def _judged(self, guid: Guid) -> bool:
        """Whether a person ever said yes or no to a card: no policy says otherwise after that."""
        row = self._db.execute(
            "SELECT 1 FROM decision WHERE subject = ? AND by = ?"
            " AND json_extract(body, '$.after.verdict') IS NOT NULL LIMIT 1",
            (guid, PERSON),
        ).fetchone()
        return row is not None


def decided_in(row: Any) -> Decided:
    """A decision as a row of the table holds it."""
    return Decided(
        row["id"],
        row["at"],
        row["by"],
        row["what"],
        row["subject"],
        row["undoes"],
        row["action"],
        msgspec.json.decode(row["body"]),
    )


def standing(history: list[Decided]) -> list[Decided]:
    """Decisions that were not taken back, oldest first."""
    undone: set[str] = set()
    for decided in reversed(history):
        if decided.undoes and decided.id not in undone:
            undone.add(decided.undoes)
    return [decided for decided in history if decided.id not in undone]
