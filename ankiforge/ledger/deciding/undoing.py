"""What is taken back at once: an action, or what of it is about one card."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from ankiforge.errors import RefusedError, UsageError
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decided, Decisions, decided_in
from ankiforge.ledger.writing import ANKI, PERSON, Writer
from ankiforge.model import Guid, Standing

_STANDS = "NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.id)"
_BY_PERSON = f"d.by = '{PERSON}' AND d.what <> 'undo' AND {_STANDS}"


class Undoing:
    """Finds the decisions, and takes them back if nothing later hangs on them."""

    def __init__(self, connection: Connection, writer: Writer, decisions: Decisions) -> None:
        self._db = connection
        self._writer = writer
        self._decisions = decisions

    def undo(self, what: str = "") -> list[Decided]:
        """Take back one action.

        The given one (its id, or that of one of its decisions), else the last one of a person
        that still stands.

        Raises:
            UsageError: there is nothing of that id.
            RefusedError: something later was decided about the same card, or nothing is left.
        """
        with self._writer.unit():
            decisions = self._action(what) if what else self._last_action()
            self.take_back(decisions)
            return decisions

    def take_back(self, decisions: list[Decided]) -> None:
        """Take back these, all or none of them, within a unit.

        Raises:
            RefusedError: something later was decided about one of their cards.
        """
        for decided in decisions:
            self._refuse_if_later(decided)
        self._decisions.take_back(decisions)

    # --- about one card ---------------------------------------------------------------------

    def decided_about(self) -> frozenset[str]:
        """What a person has decided about, and not taken back: guids, and keys of passages."""
        rows = self._db.execute(f"SELECT DISTINCT subject FROM decision d WHERE {_BY_PERSON}")
        return frozenset(row["subject"] for row in rows.fetchall())

    def last_about(self, guids: Iterable[Guid]) -> dict[Guid, tuple[Decided, ...]]:
        """Of each card the last decision of a person, and what of its action hangs on it.

        That are its choice and its twin: other cards, decided in one go with it, are left alone.
        The latest comes first; a card that nothing was decided about is left out.
        """
        found = {guid: row for guid in guids if (row := self._last_row(guid))}
        latest = sorted(found, key=lambda guid: found[guid]["sequence"], reverse=True)
        shares = {action: self._shares(action) for action in {r["action"] for r in found.values()}}
        return {guid: shares[found[guid]["action"]][guid] for guid in latest}

    def _last_row(self, guid: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._db.execute(
            f"SELECT action, sequence FROM decision d WHERE subject = ? AND {_BY_PERSON}"
            " ORDER BY sequence DESC LIMIT 1",
            (guid,),
        ).fetchone()
        return found

    def _shares(self, action: str) -> dict[str, tuple[Decided, ...]]:
        """What of an action hangs together, by each card that it is about."""
        choices, decisions = self._choices(action), self._action(action)
        near: dict[str, frozenset[str]] = {}
        for decided in decisions:
            names = frozenset(_named(decided, choices))
            names = names.union(*(near[name] for name in names if name in near))
            near |= dict.fromkeys(names, names)
        shares: dict[frozenset[str], tuple[Decided, ...]] = {}
        for decided in decisions:
            together = near[decided.subject]
            shares[together] = (*shares.get(together, ()), decided)
        return {decided.subject: shares[near[decided.subject]] for decided in decisions}

    def _choices(self, action: str) -> dict[str, str]:
        """The choice that each card of an action is of, if it is of one of both note types."""
        rows = self._db.execute(
            "SELECT guid, choice FROM card WHERE choice <> ''"
            " AND guid IN (SELECT subject FROM decision WHERE action = ?)",
            (action,),
        ).fetchall()
        return {row["guid"]: row["choice"] for row in rows}

    # --- an action --------------------------------------------------------------------------

    def _action(self, what: str) -> list[Decided]:
        """What of an action still stands."""
        rows = self._db.execute(
            f"SELECT d.*, {_STANDS} AS stands FROM decision d WHERE action = ? OR action ="
            " (SELECT action FROM decision WHERE id = ?) ORDER BY sequence",
            (what, what),
        ).fetchall()
        if not rows:
            raise UsageError(f"no decision {what!r}", hint="ankiforge trace CARD shows their ids")
        standing = [decided_in(row) for row in rows if row["stands"]]
        if not standing:
            raise RefusedError(
                f"{what} was taken back already", hint="ankiforge trace CARD shows what stands"
            )
        return standing

    def _last_action(self) -> list[Decided]:
        row = self._db.execute(
            f"SELECT action FROM decision d WHERE {_BY_PERSON} ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise RefusedError(
                "there is nothing to undo", hint="only what you decided: ankiforge trace CARD"
            )
        return self._action(row["action"])

    def _refuse_if_later(self, decided: Decided) -> None:
        rows = self._db.execute(
            "SELECT d.* FROM decision d WHERE d.subject = :subject"
            " AND d.what NOT IN ('undo', 'move') AND d.action <> :action"
            " AND d.sequence > (SELECT sequence FROM decision WHERE id = :id)"
            " AND (d.by <> :anki OR :by = :anki)"  # what Anki has shown is no decision on this
            f" AND {_STANDS} ORDER BY d.sequence DESC",
            {"subject": decided.subject, "action": decided.action, "id": decided.id,
             "by": decided.by, "anki": ANKI},
        ).fetchall()  # fmt: skip
        touched = _touched(decided)
        later = next((row for row in rows if touched & _touched(decided_in(row))), None)
        if later is not None:
            raise RefusedError(
                f"{decided.subject} was changed since ({later['what']}, {later['at']})",
                hint=f"ankiforge undo {later['action']} first",
            )


def _touched(decided: Decided) -> set[str]:
    """What a decision was about: columns of a card, and its candidates as one."""
    columns = set(decided.body.get("after", {})) - {"anki", "anki_why"}
    return columns | ({"candidates"} if decided.body.get("candidates") else set())


def _named(decided: Decided, choices: dict[str, str]) -> Iterator[str]:
    """The cards, and the choice, that a decision is about or names."""
    body = decided.body
    yield decided.subject
    if decided.subject in choices:
        yield choices[decided.subject]
    after = body.get("after", {})
    by = after.get("standing_why") if after.get("standing") != Standing.RETIRED else ""
    told = (by, body.get("card"), body.get("twin"))
    yield from filter(None, told)
