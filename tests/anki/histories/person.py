"""What a person does in Anki."""

from typing import Any

from ankiforge.anki.notetypes import note_type
from ankiforge.model import Family

from .memory import RETIRED, STEP_SECONDS, Memory

OWN = "Mine"
"""A field that he adds."""
SOURCE_TAGS = ("biology", "old", "exam")


class Person(Memory):
    """Each step takes two numbers, by which it chooses."""

    def _note(self, one: int) -> str:
        """One that nothing waits for on the phone; "" if there is none."""
        guids = [guid for guid in self.guids() if guid not in self.elsewhere]
        return guids[one % len(guids)] if guids else ""

    def _touch(self, anki: Any, guid: str, skew: int) -> None:
        """The note was changed now, by the clock of a device that may be ahead."""
        ahead = (0, 0, 0, STEP_SECONDS, 3600)[skew % 5]
        mod = max(int(self.clock.time()) + ahead, self.mods.get(guid, 0) + 50)
        anki.col.db.execute("update notes set mod = ? where guid = ?", mod, guid)

    def do_type(self, one: int, other: int) -> None:
        if guid := self._note(one):
            self._type(guid, *self._words(guid, other), other)

    def do_remark(self, one: int, other: int) -> None:
        """He writes into a field that is his."""
        if guid := self._note(one):
            own = other % 2 and OWN in self.anki.note(guid)
            self._type(guid, OWN if own else "Feedback", f"see {self.shelf.word()}", other)

    def _type(self, guid: str, name: str, text: str, other: int) -> None:
        self.remember_mods()
        self.anki.edit(guid, **{name: text})
        self._touch(self.anki, guid, other)
        self.typed[guid, name] = text

    def _words(self, guid: str, other: int) -> tuple[str, str]:
        """A field, and what is typed there: new words, or what stood there once."""
        note = self.anki.note(guid)
        names = [name for name in ("Text", "Front", "Back", "Extra") if name in note]
        name = names[(other // 5) % len(names)]
        word = self.shelf.word()
        text = f"typed {word} {{{{c1::answer {word}}}}}" if name == "Text" else f"typed {word}"
        older = [w for w in self.wordings[guid, name] if w != note[name]]
        if older and (other // 15) % 3 == 0:
            text = older[(other // 45) % len(older)]
        return name, text

    def do_tag(self, one: int, other: int) -> None:
        if guid := self._note(one):
            self._tag(guid, f"mine::{self.shelf.word()}", other)

    def do_star(self, one: int, other: int) -> None:
        """Tags that Anki itself writes."""
        if guid := self._note(one):
            self._tag(guid, ("marked", "leech")[other % 2], other)

    def _tag(self, guid: str, tag: str, other: int) -> None:
        self.remember_mods()
        note = self.anki.note(guid)
        note.tags.append(tag)
        self.anki.col.update_note(note)
        self._touch(self.anki, guid, other)
        self.tagged.add((guid, tag))
        self.untagged.discard((guid, tag))

    def do_untag(self, one: int, other: int) -> None:
        if not (guid := self._note(one)):
            return
        self.remember_mods()
        note = self.anki.note(guid)
        free = (*SOURCE_TAGS, "marked", "leech", RETIRED)
        own = [tag for tag in note.tags if tag in free or tag.startswith("mine::")]
        if own:
            tag = own[(other // 5) % len(own)]
            note.tags.remove(tag)
            self.anki.col.update_note(note)
            self._touch(self.anki, guid, other)
            self.tagged.discard((guid, tag))
            self.untagged.add((guid, tag))

    def do_delete(self, one: int, other: int) -> None:
        if guid := self._note(one):
            self.anki.col.remove_notes([self.anki.note(guid).id])
            self.forget(guid)
            self.deleted.add(guid)

    def do_deck(self, one: int, other: int) -> None:
        if guid := self._note(one):
            deck = self.anki.col.decks.id(f"Mine::{other % 3}")
            self.anki.col.set_deck([card.id for card in self.anki.cards(guid)], deck)

    def do_suspend(self, one: int, other: int) -> None:
        if guid := self._note(one):
            self.anki.col.sched.suspend_cards([card.id for card in self.anki.cards(guid)])

    def do_review(self, one: int, other: int) -> None:
        cards = self.anki.col.find_cards("is:new -is:suspended")
        if not cards:
            return
        card = self.anki.col.get_card(cards[one % len(cards)])
        self.anki.col.decks.select(card.did)
        queued = self.anki.col.sched.get_queued_cards().cards
        if queued:
            card = self.anki.col.get_card(queued[0].card.id)
            card.start_timer()
            self.anki.col.sched.answerCard(card, 3)

    def do_take_back(self, one: int, other: int) -> None:
        """Edit > Undo, right after an import."""
        if self.anki.col.undo_status().undo != "Import":
            return
        self.remember_mods()
        before = set(self.guids())
        self.anki.col.undo()
        for guid in before - set(self.guids()):
            self.forget(guid)

    # note types

    def do_other_type(self, one: int, other: int) -> None:
        """A note goes to a note type of his, a copy of ours; or comes back."""
        if not (guid := self._note(one)):
            return
        self.remember_mods()
        models, note = self.anki.col.models, self.anki.note(guid)
        family = Family.CLOZE if "Text" in note else Family.BASIC
        ours = models.get(note_type(family).id)
        if ours is None:
            return
        name = f"His {family.value}"
        copy = models.by_name(name)
        if copy is None:
            copy = models.copy({**ours, "name": name}, add=False)
            copy["name"] = name
            models.add_dict(copy)
            copy = models.by_name(name)
        target = ours if note.mid == copy["id"] else copy
        asked = models.change_notetype_info(old_notetype_id=note.mid, new_notetype_id=target["id"])
        change = asked.input
        change.note_ids.extend([note.id])
        models.change_notetype_of_notes(change)
        self._touch(self.anki, guid, 0)

    def do_own_field(self, one: int, other: int) -> None:
        """He adds a field of his to our note type, once."""
        models = self.anki.col.models
        ours = models.get(note_type((Family.BASIC, Family.CLOZE)[one % 2]).id)
        if ours and all(one["name"] != OWN for one in ours["flds"]):
            models.add_field(ours, models.new_field(OWN))
            models.update_dict(ours)
