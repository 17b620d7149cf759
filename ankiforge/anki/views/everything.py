"""All notes of a collection or an export, whoever made them: for looks at any deck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

from ankiforge.anki.views.database import Database, numbers, texts
from ankiforge.anki.views.reading import DatabaseView
from ankiforge.anki.views.schedule import HOME, SCHEDULE, seen_card
from ankiforge.anki.views.schema import note_types, type_names
from ankiforge.model import Guid, SeenCard, SeenReview, SeenType

_COUNT = "select count(*) from notes"
_TYPES = f"select distinct {numbers('mid')} from notes"
_NOTES = f"select {numbers('id')}, {texts('guid')}, {numbers('mid')}, {texts('tags', 'flds')} from notes order by id"
_CARDS = (
    f"select {numbers('c.nid', 'c.mod', 'c.id', 'c.ord', HOME, *SCHEDULE)}, {texts('c.data')}"
    " from cards c order by nid, ord, id"
)
_ANSWERS = f"""
select {numbers(HOME, "r.ease", "r.lastIvl", "r.factor <> 0", "avg(r.time)", "r.type", "count(*)")}
from revlog r join cards c on c.id = r.cid group by 1, 2, 3, 4, 6
"""
_LAST = f"select {numbers('cid', 'max(id)')} from revlog where ease > 0 group by cid"


@dataclass(frozen=True, slots=True)
class AnyNote:
    """One note as it stands in Anki."""

    id: int
    guid: str
    type_id: int
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    """As HTML, in the order of the note type."""
    deck: str
    """The home deck of its first card, `::` between the parts; "" if it has no card."""
    ordinals: tuple[int, ...]
    """Which cards it has, from 0."""
    cards: tuple[SeenCard, ...] = ()
    """The same with their schedules."""
    touched: int = 0
    """When one of its cards changed last, seconds since 1970."""


@dataclass(frozen=True)
class Everything:
    """An open collection or export; read while it is, never kept."""

    view: DatabaseView

    @property
    def _database(self) -> Database:
        return self.view.database

    @cached_property
    def types(self) -> dict[int, SeenType]:
        """The note types that notes have, by id."""
        wanted = frozenset(number for (number,) in self._database.rows(_TYPES))
        return {one.id: one for one in note_types(self._database, wanted)}

    @property
    def unused_types(self) -> tuple[str, ...]:
        """The names of note types that no note has."""
        there = type_names(self._database).items()
        return tuple(sorted(name for number, name in there if number not in self.types))

    @property
    def count(self) -> int:
        """How many notes there are."""
        return int(self._database.first(_COUNT)[0])

    def notes(self) -> Iterator[AnyNote]:
        """Every note, ascending by id; notes and cards are read side by side."""
        groups = groupby(self._database.rows(_CARDS), key=itemgetter(0))
        waiting = next(groups, None)
        for row in self._database.rows(_NOTES):
            number = row[0]
            while waiting and waiting[0] < number:  # cards whose note is gone
                waiting = next(groups, None)
            cards: list[tuple[Any, ...]] = []
            if waiting and waiting[0] == number:
                cards = list(waiting[1])
                waiting = next(groups, None)
            yield self._note(row, cards)

    def _note(self, row: tuple[Any, ...], rows: list[tuple[Any, ...]]) -> AnyNote:
        number, guid, kind, tags, fields = row
        cards = tuple(seen_card(one[2:], self.view.decks) for one in rows)
        return AnyNote(
            number,
            guid,
            kind,
            tuple(tags.split()),
            tuple(fields.split("\x1f")),
            cards[0].deck if cards else "",
            tuple(dict.fromkeys(card.ordinal for card in cards)),
            cards,
            max((one[1] for one in rows), default=0),
        )

    # --- the review log ---------------------------------------------------------------------

    def answers(self) -> Iterator[tuple[str, SeenReview, int]]:
        """(home deck, answer, how many alike) of the cards that are there.

        Alike are answers that tell the same of memory; the one has the mean of their times,
        and neither id nor guid.
        """
        for deck, ease, last, factor, time, kind, count in self._database.rows(_ANSWERS):
            one = SeenReview(0, _NO_GUID, 0, ease, 0, last, factor, time, kind)
            yield self.view.decks.get(deck, ""), one, count

    def last_answers(self) -> dict[int, float]:
        """When each card was answered last, seconds since 1970, by the card's id."""
        return {card: last / 1000 for card, last in self._database.rows(_LAST)}


_NO_GUID = Guid("")
