"""What is remembered of a history, to judge the program by."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .desks import Built, Clock, Desk
from .source import Shelf, Told

GUIDS = "select guid from notes where guid like 'af%' and length(guid) = 26 order by guid"
STEP_SECONDS = 60
RETIRED = "ankiforge::retired"
Field = tuple[str, str]
"""(guid, name of a field)"""


@dataclass
class Memory:
    """A reader with his sources, two computers, and Anki; and what he did there."""

    shelf: Shelf
    anki: Any
    clock: Clock
    desks: list[Desk]
    typed: dict[Field, str] = field(default_factory=dict)
    tagged: set[Field] = field(default_factory=set)
    untagged: set[Field] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    pinned: set[Field] = field(default_factory=set)
    """Fields of which he said that his words stay."""
    turned_down: set[str] = field(default_factory=set)
    """Cards that were rejected once: another answer of their passage makes another card."""
    first: dict[str, Built] = field(default_factory=dict)
    makers: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Which computers put a note into a package."""
    wordings: dict[Field, list[str]] = field(default_factory=lambda: defaultdict(list))
    mods: dict[str, int] = field(default_factory=dict)
    """The highest that any package or Anki had, of each note."""
    last: dict[str, Told] = field(default_factory=dict)
    inside: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    """What passages said when a package was imported."""
    elsewhere: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    """What was done to notes on the phone since the last sync: (what, field, words)."""

    def guids(self) -> list[str]:
        return list(self.anki.col.db.list(GUIDS))

    def notes(self) -> list[Any]:
        """All that a person sees of notes."""
        return list(self.anki.col.db.all("select guid, mod, tags, flds from notes order by id"))

    def forget(self, guid: str) -> None:
        """The note is gone, and with it what was typed there."""
        self.typed = {k: v for k, v in self.typed.items() if k[0] != guid}
        self.tagged = {k for k in self.tagged if k[0] != guid}
        self.untagged = {k for k in self.untagged if k[0] != guid}

    def remember_mods(self) -> None:
        for guid, mod in self.anki.col.db.all("select guid, mod from notes"):
            self.mods[guid] = max(self.mods.get(guid, 0), mod)

    def read(self, desk: Desk) -> None:
        """Note which passages nothing can recognise: too much was changed at once.

        A tag that was gone when it was last read is news, whoever took it away before.
        """
        tags = set(self.shelf.tags)
        news = tags - desk.tags if desk.read else set()
        self.untagged = {pair for pair in self.untagged if pair[1] not in news}
        desk.tags = tags
        for one in self.shelf.all:
            now = self.shelf.told(one)
            if not now:
                desk.away.add(one.animal)
                continue
            before = desk.read.get(one.animal, self.last.get(one.animal, now))
            was_away = one.animal in desk.away and before != now
            inside = self.inside[one.animal] if desk.life and one.animal not in desk.read else []
            if was_away or any(one.is_lost(then, now) for then in (before, *inside)):
                one.age += 1
            desk.away.discard(one.animal)
            desk.read[one.animal] = self.last[one.animal] = now
