"""A second device of the person's, by Anki's own sync server."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.anki.scenarios.devices import PASSWORD, Device, server

from .person import Person

Opened = Callable[[Path], Any]


class Phone(Person):
    """Nothing of it exists before the first sync."""

    folder: Path
    stack: ExitStack
    opened: Opened
    laptop: Device | None = None
    phone: Device | None = None

    def do_sync(self, one: int, other: int) -> None:
        """Phone, laptop, phone; the first time, and after a change of note types, in full."""
        if self.laptop is None or self.phone is None:
            self._begin()
            return
        ways = [self.phone.sync(upload=False), self.laptop.sync(upload=True)]
        ways.append(self.phone.sync(upload=False))
        if ways != ["normal"] * 3:
            self.elsewhere.clear()  # the person kept the laptop's side
        self._arrive()

    def _begin(self) -> None:
        running = self.stack.enter_context(server(self.folder / "server"))
        person = next(running.people)
        (self.folder / "phone").mkdir()
        anki = self.stack.enter_context(self.opened(self.folder / "phone"))
        self.laptop, self.phone = (
            Device(one, one.col.sync_login(person, PASSWORD, running.address))
            for one in (self.anki, anki)
        )
        self.laptop.sync(upload=True)
        self.phone.sync(upload=False)

    def _arrive(self) -> None:
        """What was done on the phone is done."""
        for guid, done in self.elsewhere.items():
            for what, name, words in done:
                if what == "delete":
                    self.forget(guid)
                    self.deleted.add(guid)
                elif what == "tag":
                    self.tagged.add((guid, name))
                else:
                    self.typed[guid, name] = words
        self.elsewhere.clear()
        self.remember_mods()

    def do_phone(self, one: int, other: int) -> None:
        """A note that both devices have alike is typed into, tagged, or deleted there."""
        if self.phone is None or not (guid := self._alike(one)):
            return
        self.remember_mods()
        anki = self.phone.anki
        if other % 4 == 0:
            anki.col.remove_notes([anki.note(guid).id])
            self.elsewhere[guid] = [("delete", "", "")]
            return
        if other % 4 == 1:
            name, words = f"mine::{self.shelf.word()}", ""
            note = anki.note(guid)
            note.tags.append(name)
            anki.col.update_note(note)
        else:
            name, words = self._words(guid, other)
            anki.edit(guid, **{name: words})
        self._touch(anki, guid, other)
        self.elsewhere[guid] = [("tag" if other % 4 == 1 else "type", name, words)]

    def _alike(self, one: int) -> str:
        assert self.phone is not None
        sql = "select guid, mod, tags, flds from notes where guid like 'af%' order by guid"
        there = {tuple(row) for row in self.phone.anki.col.db.all(sql)}
        here = {tuple(row) for row in self.anki.col.db.all(sql)}
        both = sorted(row[0] for row in there & here if row[0] not in self.elsewhere)
        return both[one % len(both)] if both else ""
