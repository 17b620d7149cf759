"""What was decided, carried to another ledger by a file: out of one, into another.

The lines are those of the journal, so that what is brought in counts as if the two journals had
been laid together; but what a person decided here later stays, and nothing here is given to
another card.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ankiforge.ledger import generation
from ankiforge.ledger.connection import Connection
from ankiforge.ledger.deciding.decisions import Decisions
from ankiforge.ledger.journal import VERSION, Entry, Journal
from ankiforge.ledger.returning.rebuild import Rebuild
from ankiforge.ledger.writing import PERSON, Writer
from ankiforge.model import Family, Guid, HighlightKey, Problem, guid_for, h16
from ankiforge.text.fold import same

_IDENTITIES = ("issued", "slot", "shipped")
_MOST_SLOTS = 1_000_000
_HERE = frozenset(("bind", generation.WHAT))
"""Lines that mean something on this machine only."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A card (or passage) of which what the file says was left out."""

    subject: str
    """A guid, or a highlight's key."""
    why: str


@dataclass(slots=True)
class Brought:
    """What bringing lines in came to."""

    decisions: int = 0
    """New here."""
    known: int = 0
    """Lines that were here already."""
    kept: list[Kept] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Carrying:
    """Takes decisions out and in."""

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        writer: Writer,
        decisions: Decisions,
        rebuild: Rebuild,
    ) -> None:
        self._db = connection
        self._journal = journal
        self._writer = writer
        self._decisions = decisions
        self._rebuild = rebuild

    # --- out --------------------------------------------------------------------------------

    def entries(self) -> Iterator[Entry]:
        """All that another ledger needs to know: identities first, then decisions, oldest first."""
        told: set[tuple[str, ...]] = set()
        for line in self._journal.read():
            if isinstance(line, Entry) and line.what in _IDENTITIES:
                told.add(_identity(line))
                yield line
        yield from (one for one in self._untold() if _identity(one) not in told)
        rows = self._db.execute("SELECT * FROM decision ORDER BY rank")
        for row in rows.fetchall():
            yield Entry(
                v=VERSION, id=row["id"], at=row["at"], by=row["by"], what=row["what"],
                undoes=row["undoes"], action=row["action"], subject=row["subject"], n=row["n"],
                body=msgspec.json.decode(row["body"]),
            )  # fmt: skip

    def _untold(self) -> Iterator[Entry]:
        """Slots as the ledger has them, should the journal have lost its lines."""
        for row in self._db.execute("SELECT * FROM slot ORDER BY key, family, slot").fetchall():
            body = {name: row[name] for name in ("family", "slot", "quote", "answer")}
            identity = h16("slot", row["key"], row["family"], str(row["slot"]), row["answer"])
            yield Entry(
                v=VERSION, id=identity, at="", by="", what="slot", subject=row["key"], body=body
            )

    # --- in ---------------------------------------------------------------------------------

    def bring(self, entries: Sequence[Entry]) -> Brought:
        """Take in what is new, as one unit; the journal has it from then on."""
        brought = Brought()
        with self._writer.unit():
            fit = [one for one in entries if _is_fit(one)]
            unfit = [Problem(one.id, "names no card") for one in entries if not _is_fit(one)]
            brought.problems += unfit
            new = [one for one in fit if self._is_new(one, brought)]
            own = self._own(fit)
            others = self._other_cards(new)
            newer = _decided_later(new, own)
            brought.kept += [Kept(one, "the card here is another one") for one in sorted(others)]
            brought.kept += [
                Kept(one, "you decided about it here since") for one in sorted(newer - others)
            ]
            left = others | newer
            wanted = [one for one in new if not (_subjects(one) & left or self._is_here(one))]
            for one in wanted:
                brought.problems += self._rebuild.bring(one)
                brought.decisions += one.what not in _IDENTITIES
            self._decisions.settle_received()
        return brought

    def _is_new(self, entry: Entry, brought: Brought) -> bool:
        if entry.what in _HERE:
            return False
        known = self._db.execute(
            "SELECT 1 FROM journal WHERE id = ?1 UNION ALL SELECT 1 FROM decision WHERE id = ?1",
            (entry.id,),
        ).fetchone()
        brought.known += known is not None
        return known is None

    def _is_here(self, entry: Entry) -> bool:
        """Whether what it names was found, or numbered, here already."""
        if entry.what == "issued":
            sql = "SELECT 1 FROM highlight WHERE key = ?"
            return self._db.execute(sql, (entry.subject,)).fetchone() is not None
        return entry.what == "slot" and self._slot(entry) is not None

    def _slot(self, entry: Entry) -> str | None:
        """The answer that was given the same slot here."""
        row = self._db.execute(
            "SELECT answer FROM slot WHERE key = ? AND family = ? AND slot = ?",
            (entry.subject, entry.body.get("family"), entry.body.get("slot")),
        ).fetchone()
        return None if row is None else str(row["answer"])

    def _other_cards(self, entries: Iterable[Entry]) -> frozenset[str]:
        """Guids that another answer has here: what the file says is not about these cards."""
        told = {_identity(one): one for one in entries if one.what == "slot"}
        found = set()
        for entry in told.values():  # of several the last
            here = self._slot(entry)
            if here is not None and not same(here, str(entry.body.get("answer", ""))):
                found.add(str(_guid_of(entry)))
        return frozenset(found)

    def _own(self, entries: Sequence[Entry]) -> dict[str, str]:
        """What a person decided about here, without the file knowing of it: subject, and when last."""
        ids = {one.id for one in entries}
        own: dict[str, str] = {}
        for subject in {one.subject for one in entries}:
            rows = self._db.execute(
                "SELECT id, at FROM decision WHERE subject = ? AND by = ?", (subject, PERSON)
            ).fetchall()
            at = max((row["at"] for row in rows if row["id"] not in ids), default="")
            own |= {subject: at} if at else {}
        return own


def _decided_later(new: Iterable[Entry], own: Mapping[str, str]) -> frozenset[str]:
    """Of these what was decided not before the newest that the file says of it."""
    newest: dict[str, str] = {}
    for entry in new:
        newest[entry.subject] = max(entry.at, newest.get(entry.subject, ""))
    return frozenset(one for one, at in newest.items() if own.get(one, "") >= at > "")


def _is_fit(entry: Entry) -> bool:
    """Whether a slot says which card it names."""
    if entry.what != "slot":
        return True
    family, slot = entry.body.get("family"), entry.body.get("slot")
    return family in list(Family) and type(slot) is int and 0 < slot <= _MOST_SLOTS


def _identity(entry: Entry) -> tuple[str, ...]:
    body: dict[str, Any] = entry.body
    return (entry.what, entry.subject, str(body.get("family")), str(body.get("slot")))


def _guid_of(entry: Entry) -> Guid:
    body = entry.body
    return guid_for(HighlightKey(entry.subject), Family(body["family"]), body["slot"])


def _subjects(entry: Entry) -> frozenset[str]:
    """What an entry is about: of a slot its card, of all else what it names."""
    if entry.what == "slot":
        return frozenset((str(_guid_of(entry)),))
    return frozenset((entry.subject,)) if entry.what != "issued" else frozenset()
