"""The view of one database: notes, cards and reviews as they stand in a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import msgspec

from ankiforge.anki.identity import parse_identity
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.views import foreign
from ankiforge.anki.views.database import Database, numbers, texts
from ankiforge.anki.views.schema import deck_names, note_types
from ankiforge.domain import (
    Family,
    ForeignNote,
    Guid,
    Identity,
    SeenCard,
    SeenNote,
    SeenReview,
    SeenType,
    ViewKind,
)

_BATCH = 500
_GRAVE_OF_NOTE = 1

_TYPES_OF_OURS = f"select distinct {numbers('n.mid')} from temp.ours o join notes n on n.id = o.nid"
_NOTES = f"""
select o.guid, o.nid, {numbers("n.mod", "n.mid")}, {texts("n.tags", "n.flds")}
from temp.ours o cross join notes n on n.id = o.nid
order by o.guid, o.nid
"""
_HOME = "iif(c.odid, c.odid, c.did)"
_DUE = "iif(c.odid and c.odue, c.odue, c.due)"
"""Of a card in a filtered deck: what it goes back to."""
_SCHEDULE = ("c.queue", "c.type", _DUE, "c.ivl", "c.factor", "c.reps", "c.lapses", "c.flags & 7")
_CARDS = f"""
select o.nid, {numbers("c.id", "c.ord", _HOME, *_SCHEDULE)}, {texts("c.data")}
from temp.ours o cross join cards c on c.nid = o.nid
order by o.guid, o.nid, c.ord, c.id
"""
_ANSWER = ("c.ord", "r.ease", "r.ivl", "r.lastIvl", "r.factor", "r.time", "r.type")
_REVIEWS = f"""
select r.id, o.guid, {numbers(*_ANSWER)}
from revlog r cross join cards c on c.id = r.cid cross join temp.ours o on o.nid = c.nid
where r.id > ?
order by r.id
"""


@dataclass(frozen=True, slots=True)
class DatabaseView:
    """One database, open; `domain.View` says what each means."""

    kind: ViewKind
    path: str
    profile: str
    complete: bool
    taken_at: float
    created: int
    newest_review: int
    types: tuple[SeenType, ...]
    database: Database
    decks: dict[int, str]

    def notes(self) -> Iterator[SeenNote]:
        """Notes and cards are read side by side, in the same order; few are held at a time."""
        groups = groupby(self.database.rows(_CARDS), key=itemgetter(0))
        waiting = next(groups, None)
        for guid, number, *rest in self.database.rows(_NOTES):
            cards: tuple[SeenCard, ...] = ()
            if waiting and waiting[0] == number:
                cards = tuple(self._card(row) for row in waiting[1])
                waiting = next(groups, None)
            yield _note(guid, number, rest, cards)

    def _card(self, row: tuple[Any, ...]) -> SeenCard:
        _, number, ordinal, deck, *schedule, data = row
        return SeenCard(number, ordinal, self.decks.get(deck, ""), *schedule, *_memory(data))

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """In the order of the log."""
        for number, guid, *rest in self.database.rows(_REVIEWS, after):
            yield SeenReview(number, Guid(guid), *rest)

    def graves(self) -> frozenset[int]:
        """Of notes; cards and decks have some too."""
        query = f"select {numbers('oid')} from graves where type = ?"
        return frozenset(number for (number,) in self.database.rows(query, _GRAVE_OF_NOTE))

    def note_ids(self) -> frozenset[int] | None:
        """Read only when asked for."""
        if self.kind is ViewKind.APKG:
            return None
        rows = self.database.rows(f"select {numbers('id')} from notes")
        return frozenset(number for (number,) in rows)

    def foreign(
        self, known: Mapping[int, int]
    ) -> tuple[frozenset[int], Iterator[ForeignNote]] | None:
        """Only what has changed is read."""
        if self.kind is ViewKind.APKG:
            return None
        all_of_them, new = foreign.changed(self.database, known)
        return all_of_them, foreign.read(self.database, self.decks, new)

    def reviewed(self, cards: Iterable[int]) -> frozenset[int]:
        """Asked for in batches: a statement takes so many numbers only."""
        left = iter(cards)
        found: set[int] = set()
        while batch := tuple(islice(left, _BATCH)):
            marks = ",".join("?" * len(batch))
            query = f"select distinct cid from revlog where cid in ({marks})"
            found.update(number for (number,) in self.database.rows(query, *batch))
        return frozenset(found)


def database_view(
    database: Database, kind: ViewKind, path: str, profile: str, taken_at: float
) -> DatabaseView:
    """The view of an open database."""
    of_ours = {number for (number,) in database.rows(_TYPES_OF_OURS)}
    wanted = of_ours | {note_type(family).id for family in Family}
    (newest,) = database.first(f"select {numbers('max(id)')} from revlog")
    return DatabaseView(
        kind,
        path,
        profile,
        kind is not ViewKind.APKG,
        taken_at,
        0 if kind is ViewKind.APKG else database.created,
        newest,
        note_types(database, frozenset(wanted)),
        database,
        deck_names(database),
    )


# --- rows -----------------------------------------------------------------------------------


def _note(guid: str, number: int, rest: list[Any], cards: tuple[SeenCard, ...]) -> SeenNote:
    mod, kind, tags, text = rest
    fields = tuple(text.split("\x1f"))
    own = Guid(guid)
    return SeenNote(own, number, mod, kind, _tags(tags), fields, cards, _identity(own, fields))


def _tags(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace("\u3000", " ").split(" ")))


def _identity(guid: Guid, fields: tuple[str, ...]) -> Identity | None:
    """In whichever field it stands: a person may have given the note another note type."""
    found = (parse_identity(field) for field in fields)
    return next((one for one in found if one and one.guid == guid), None)


class _Memory(msgspec.Struct):
    """What FSRS knows of a card."""

    s: float | None = None
    d: float | None = None
    decay: float | None = None


_decoder = msgspec.json.Decoder(_Memory)


def _memory(data: str) -> tuple[Any, ...]:
    """(stability, difficulty, decay), or () without FSRS."""
    if '"s"' not in data:
        return ()
    try:
        memory = _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    return memory.s, memory.d, memory.decay
