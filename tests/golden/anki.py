"""The real Anki, for the histories: one collection in a file, opened for one step at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOUR = 3600


class Anki:
    """One open collection."""

    def __init__(self, col: Any, later: float) -> None:
        self.col = col
        self._moment = int(time.time() - HOUR + later)

    def load(self, package: Path) -> dict[str, int]:
        """Import a package, if it was written; how many notes went which way."""
        if not package.exists():
            return {}
        from anki.collection import ImportAnkiPackageOptions, ImportAnkiPackageRequest

        request = ImportAnkiPackageRequest(
            package_path=str(package), options=ImportAnkiPackageOptions()
        )
        log = self.col.import_anki_package(request).log
        ways = ("new", "updated", "duplicate", "conflicting")
        return {way: len(getattr(log, way)) for way in ways if len(getattr(log, way))}

    def note(self, guid: str) -> Any:
        return self.col.get_note(
            self.col.db.scalar("select id from notes where guid = ?", guid)
        )

    def _touched(self, guid: str) -> None:
        """Say when a note was changed: later with each step, and never just now."""
        self.col.db.execute("update notes set mod = ? where guid = ?", self._moment, guid)

    def edit(self, guid: str, field: str, text: str) -> None:
        note = self.note(guid)
        note[field] = text
        self.col.update_note(note)
        self._touched(guid)

    def tag(self, guid: str, *tags: str) -> None:
        note = self.note(guid)
        for tag in tags:
            note.remove_tag(tag[1:]) if tag.startswith("-") else note.add_tag(tag)
        self.col.update_note(note)
        self._touched(guid)

    def delete(self, guid: str) -> None:
        self.col.remove_notes([self.note(guid).id])

    def review(self, guid: str, answer: int = 3) -> None:
        """Answer the first card of the note, in a deck where it is alone."""
        card = self.note(guid).cards()[0]
        deck, alone = card.did, self.col.decks.id("Alone")
        self.col.set_deck([card.id], alone)
        self.col.decks.select(alone)
        [queued] = self.col.sched.get_queued_cards().cards
        card = self.col.get_card(queued.card.id)
        card.start_timer()
        self.col.sched.answerCard(card, answer)
        last = self.col.db.scalar("select max(id) from revlog")
        moment = self._moment * 1000 + self.col.db.scalar("select count() from revlog")
        self.col.db.execute("update revlog set id = ? where id = ?", moment, last)
        self.col.set_deck([card.id], deck)
        self.col.decks.remove([alone])

    def suspend(self, guid: str) -> None:
        self.col.sched.suspend_cards([card.id for card in self.note(guid).cards()])

    def move(self, guid: str, deck: str) -> None:
        cards = [card.id for card in self.note(guid).cards()]
        self.col.set_deck(cards, self.col.decks.id(deck))

    def rename_deck(self, guid: str, name: str) -> None:
        """Rename the deck where a note is."""
        self.col.decks.rename(self.note(guid).cards()[0].did, name)

    def delete_deck(self, guid: str) -> None:
        """Delete the deck where a note is, with all its notes."""
        self.col.decks.remove([self.note(guid).cards()[0].did])

    def delete_card(self, guid: str, ordinal: int) -> None:
        cards = [card.id for card in self.note(guid).cards() if card.ord == ordinal]
        self.col.remove_cards_and_orphaned_notes(cards)

    def add(self, front: str, back: str, deck: str = "Mine") -> None:
        """A note of the person's own, of Anki's own type."""
        note = self.col.new_note(self.col.models.by_name("Basic"))
        note["Front"], note["Back"] = front, back
        note.guid = f"own{sum(map(ord, front + back)):07}"
        self.col.add_note(note, self.col.decks.id(deck))

    def undo_import(self, guids: list[str]) -> None:
        """Take notes away so that no record is left, as undoing their import does."""
        for guid in guids:
            nid = self.note(guid).id
            self.col.db.execute("delete from cards where nid = ?", nid)
            self.col.db.execute("delete from notes where id = ?", nid)
        self.col.set_config("touched", self._moment)

    def state(self) -> dict[str, Any]:
        """{guid: what stands there}."""
        found = {}
        for nid in self.col.db.list("select id from notes"):
            note = self.col.get_note(nid)
            cards = note.cards()
            found[note.guid] = {
                "type": note.note_type()["name"],
                "tags": sorted(note.tags),
                "fields": {
                    name: text
                    for name, text in note.items()
                    if text and name != "AnkiforgeId"
                },
                "cards": [
                    [card.ord, self.col.decks.name(card.did), card.reps, card.queue == -1]
                    for card in sorted(cards, key=lambda card: card.ord)
                ],
            }
        return found


@contextmanager
def opened(path: Path, later: float = 0) -> Iterator[Anki]:
    """The collection in this file, made if it is not there; it is changed an hour ago, and `later`."""
    from anki.collection import Collection

    path.parent.mkdir(parents=True, exist_ok=True)
    col = Collection(str(path))
    try:
        yield Anki(col, later)
    finally:
        col.close()
