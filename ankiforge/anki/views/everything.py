"""All notes of a collection or an export, whoever made them: for looks at any deck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from ankiforge.anki.views.database import Database, numbers, texts
from ankiforge.anki.views.schema import note_types
from ankiforge.domain import SeenType

_TYPES = f"select distinct {numbers('mid')} from notes"
_NOTES = f"select {numbers('id')}, {texts('guid')}, {numbers('mid')}, {texts('tags', 'flds')} from notes order by id"
_CARDS = f"select {numbers('nid', 'ord', 'iif(odid, odid, did)')} from cards order by nid, ord, id"


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


@dataclass(frozen=True)
class Everything:
    """An open collection or export; read while it is, never kept."""

    database: Database
    decks: dict[int, str]

    @cached_property
    def types(self) -> dict[int, SeenType]:
        """The note types that notes have, by id."""
        wanted = frozenset(number for (number,) in self.database.rows(_TYPES))
        return {one.id: one for one in note_types(self.database, wanted)}

    def notes(self) -> Iterator[AnyNote]:
        """Every note, ascending by id; notes and cards are read side by side."""
        groups = groupby(self.database.rows(_CARDS), key=itemgetter(0))
        waiting = next(groups, None)
        for number, guid, kind, tags, fields in self.database.rows(_NOTES):
            while waiting and waiting[0] < number:  # cards whose note is gone
                waiting = next(groups, None)
            cards: list[tuple[int, int]] = []
            if waiting and waiting[0] == number:
                cards = [(ordinal, deck) for _, ordinal, deck in waiting[1]]
                waiting = next(groups, None)
            yield AnyNote(
                number,
                guid,
                kind,
                tuple(tags.split()),
                tuple(fields.split("\x1f")),
                self.decks.get(cards[0][1], "") if cards else "",
                tuple(dict.fromkeys(ordinal for ordinal, _ in cards)),
            )
