"""Requests for another card in the place of one that were written into a file, until they are answered.

A batch's result names its request alone: here is what it was about, and in which words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from ankiforge.ledger.connection import Connection, to_json
from ankiforge.ledger.writing import Writer
from ankiforge.model import Guid

_NAMED = "instead:"
"""What begins the name under which one is kept."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One request."""

    request: str
    """Its hash."""
    guid: Guid
    """The card that fails."""
    remark: str
    """What the model is told of it."""


class Errands:
    """Remembers them."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._db = connection
        self._writer = writer

    def give(self, errands: Iterable[Errand]) -> None:
        """Remember what is asked."""
        with self._writer.unit():
            for one in errands:
                self._writer.meta(f"{_NAMED}{one.request}", to_json((one.guid, one.remark)))

    def open(self) -> tuple[Errand, ...]:
        """What no answer was taken in for."""
        rows = self._db.execute(
            "SELECT name, value FROM meta WHERE name GLOB ? ORDER BY name", (f"{_NAMED}*",)
        ).fetchall()
        return tuple(_errand(row["name"], row["value"]) for row in rows)

    def close(self, errands: Iterable[Errand]) -> None:
        """An answer was taken in."""
        with self._writer.unit():
            names = [(f"{_NAMED}{one.request}",) for one in errands]
            self._db.executemany("DELETE FROM meta WHERE name = ?", names)

    def replaceable(self) -> tuple[Guid, ...]:
        """The cards that another may take the place of."""
        rows = self._db.execute(
            "SELECT guid FROM card WHERE standing = 'live' AND verdict = 'accepted' ORDER BY guid"
        ).fetchall()
        return tuple(Guid(row["guid"]) for row in rows)


def _errand(name: str, value: str) -> Errand:
    guid, remark = msgspec.json.decode(value, type=tuple[str, str])
    return Errand(name.removeprefix(_NAMED), Guid(guid), remark)
