"""The view of one database: notes, cards and reviews as they stand in a copy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from ankiforge.anki.identity import parse_identity
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.views import foreign
from ankiforge.anki.views.calendar import calendar_of
from ankiforge.anki.views.database import Database, numbers, texts
from ankiforge.anki.views.schedule import ANSWER, HOME, SCHEDULE, seen_card
from ankiforge.anki.views.schema import deck_names, note_types
from ankiforge.model import (
    Calendar,
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
_CARDS = f"""
select o.nid, {numbers("c.id", "c.ord", HOME, *SCHEDULE)}, {texts("c.data")}
from temp.ours o cross join cards c on c.nid = o.nid
order by o.guid, o.nid, c.ord, c.id
"""
_REVIEWS = f"""
select r.id, o.guid, {numbers(*ANSWER)}
from revlog r cross join cards c on c.id = r.cid cross join temp.ours o on o.nid = c.nid
where r.id > ?
order by r.id
"""
_REVIEW_IDS = """
select r.id from revlog r cross join cards c on c.id = r.cid cross join temp.ours o on o.nid = c.nid
where r.id <= ?
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
                cards = tuple(seen_card(row[1:], self.decks) for row in waiting[1])
                waiting = next(groups, None)
            yield _note(guid, number, rest, cards)

    @property
    def calendar(self) -> Calendar:
        """As its settings have it."""
        return calendar_of(self.database)

    def reviews(self, after: int = 0) -> Iterator[SeenReview]:
        """In the order of the log."""
        for number, guid, *rest in self.database.rows(_REVIEWS, after):
            yield SeenReview(number, Guid(guid), *rest)

    def review_ids(self, until: int) -> Iterator[int]:
        """Each once."""
        return (number for (number,) in self.database.rows(_REVIEW_IDS, until))

    def answers_to(self, cards: Iterable[int]) -> Iterator[tuple[int, SeenReview]]:
        """Asked for in batches: a statement takes so many numbers only."""
        columns = numbers("r.cid", "r.id", "0", *ANSWER[1:])
        for marks, batch in _batches(cards):
            query = (
                f"select {columns} from revlog r where r.cid in ({marks})"
                " and not exists (select 1 from cards c where c.id = r.cid)"
            )
            for card, number, *rest in self.database.rows(query, *batch):
                yield card, SeenReview(number, Guid(""), *rest)

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
        found: set[int] = set()
        for marks, batch in _batches(cards):
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


def _batches(numbers: Iterable[int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """(marks for a statement, so many numbers)."""
    left = iter(numbers)
    while batch := tuple(islice(left, _BATCH)):
        yield ",".join("?" * len(batch)), batch


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
