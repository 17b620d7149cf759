"""A person's desk, with the program and the real Anki; and stories of it, told as data.

A story is a list of steps; `do.edit(Back="kitty")` is a call of `Desk.edit`, made when it is told.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ankiforge.anki.notetypes import get_our_note_type
from ankiforge.model import NoteType


class Desk:
    """A workspace with one vault, and the person's own collection, open.

    The card that is meant is the one with `word` in it.
    """

    word = "Katze"

    def __init__(self, forge: Any, anki: Any, *paths: Path) -> None:
        self.forge = forge
        self.anki = anki
        self.col = anki.col
        self.paths = paths
        self.notes = forge.folder / "notes"
        (self.notes / ".obsidian").mkdir(parents=True)
        self.package = forge.folder / "ankiforge.apkg"
        self.hidden = forge.folder / ".ankiforge"

    # --- the source

    def write(self, text: str, name: str = "A.md") -> None:
        (self.notes / name).write_text(text, encoding="utf-8")

    def rewrite(self, old: str, new: str, name: str = "Cells.md") -> None:
        text = (self.notes / name).read_text(encoding="utf-8")
        assert old in text
        self.write(text.replace(old, new), name)

    def leave(self) -> None:
        """The vault is not mounted."""
        self.notes.rename(self.forge.folder / "away")

    # --- the program

    def run(self, *arguments: str, packages: int | None = None, **notes: int) -> Any:
        """Run; `notes` must be among the numbers of notes that it reports."""
        came = self.forge("run", *self.paths, *arguments, "--json", code=0).data
        assert {name: came["notes"][name] for name in notes} == notes, came
        assert packages is None or len(came["packages"]) == packages
        return came

    def load(self, **counts: int) -> None:
        """Import the package; which notes went which way, if given."""
        loaded = self.anki.load(self.package)
        assert not counts or loaded == counts

    def ship(self) -> None:
        """Run, and import what there is to import."""
        if self.run()["packages"]:
            self.load()

    def go(self) -> None:
        """Run, import, and let the program see it."""
        self.ship()
        self.run()

    def card(self, word: str = "", **values: str) -> Any:
        [found] = [
            one for one in self.forge.cards() if (word or self.word) in str(one["fields"])
        ]
        assert {name: found[name] for name in values} == values
        return found

    def guid(self, word: str = "") -> str:
        return str(self.card(word)["guid"])

    def cards(self, **values: str) -> None:
        """Every card has these values, and there is one."""
        cards = self.forge.cards()
        assert cards
        assert all(
            card[name] == value for card in cards for name, value in values.items()
        )

    def say(self, *words: str, code: int = 0, told: str = "", card: str = "") -> None:
        """Call the program; `CARD` is the guid of a card; `told` stands in what it prints."""
        called = (self.guid(card) if word == "CARD" else word for word in words)
        came = self.forge(*called, code=code)
        assert told in came.stdout + came.stderr, came

    def pulled(self, **view: int) -> None:
        seen = self.forge.json("pull")["view"]
        assert {name: seen[name] for name in view} == view

    def questions(self, kind: str = "") -> list[Any]:
        """The open questions, of one kind if it is given."""
        found = self.forge.ok("list", "--view", "questions", "--json").lines
        return [one for one in found if kind in ("", one["question"])]

    def answered(self, kind: str, answer: str) -> None:
        """The one question of a kind is answered with `accept` or `reject`."""
        [question] = self.questions(kind)
        self.forge.ok(answer, question["id"])

    def lose(self, *, journal: bool = False) -> None:
        """The database is lost, and maybe the journal."""
        shutil.rmtree(self.hidden)
        if journal:
            shutil.rmtree(self.forge.folder / "journal")

    def back_up(self) -> None:
        """Database and journal are copied elsewhere."""
        for kept in self._workspace():
            shutil.copytree(kept, self.forge.folder / "backup" / kept.name)

    def restore(self) -> None:
        """Database and journal are as they were when they were copied."""
        for kept in self._workspace():
            shutil.rmtree(kept)
            shutil.copytree(self.forge.folder / "backup" / kept.name, kept)

    def _workspace(self) -> list[Path]:
        backup = self.forge.folder / "backup"
        found = self.forge.folder.parent.glob("**/ledger.db")
        [database] = [path for path in found if backup not in path.parents]
        return [database.parent, database.parent.parent / "journal"]

    def tear(self, word: str) -> None:
        """The journal ends within the first line with a word."""
        [file] = (self.forge.folder / "journal").glob("*.jsonl")
        lines = file.read_text("utf-8").splitlines(keepends=True)
        at = next(number for number, line in enumerate(lines) if f'"{word}"' in line)
        file.write_text("".join([*lines[:at], lines[at][:40]]), "utf-8")

    def accepted(self) -> None:
        """A person accepts the one draft that waits."""
        [draft] = self.forge.ok("list", "verdict:waiting", "--json").lines
        self.forge.ok("accept", draft["id"])

    # --- the person in Anki

    def settle(self) -> None:
        """Time passes: what was changed in Anki is not of this very moment."""
        self.col.db.execute("update notes set mod = mod - 60 where mod > 1600000000")

    def edit(self, *, now: bool = False, **fields: str) -> None:
        self.anki.edit(self.guid(), **fields)
        if not now:
            self.settle()

    def tag(self, added: str = "", removed: str = "") -> None:
        note = self.in_anki()
        note.tags = [tag for tag in (*note.tags, added) if tag and tag != removed]
        self.col.update_note(note)
        self.settle()

    def answer(self) -> Any:
        return self.anki.answer_first_card(self.guid())

    def notes_there(self, count: int) -> None:
        """Anki has so many notes of ours."""
        there = self.col.db.scalar("select count(*) from notes where guid like 'af%'")
        assert there == count

    def reviewed(self, times: int) -> None:
        """The cards of the note have so many reviews."""
        assert sum(row[6] for row in self.anki.schedule(self.guid())) == times

    def delete(self) -> None:
        self.col.remove_notes([self.in_anki().id])

    def delete_of(self, word: str) -> None:
        self.col.remove_notes([self.in_anki(word).id])

    def undo(self) -> None:
        self.col.undo()

    def in_anki(self, word: str = "") -> Any:
        return self.anki.note(self.guid(word))

    def note(self, **fields: str) -> None:
        """The note has these fields in Anki."""
        note = self.in_anki()
        there = {name: note[name] for name in fields}
        assert there == fields

    def tags(self, *there: str, without: tuple[str, ...] = ()) -> None:
        found = set(self.in_anki().tags)
        assert set(there) <= found
        assert found.isdisjoint(without)

    def types(self, change: Callable[[Any, Any], object]) -> None:
        """The person changes our Basic note type."""
        basic = self.col.models.get(get_our_note_type(NoteType.BASIC).id)
        change(self.col.models, basic)
        self.col.models.update_dict(basic)

    def our_types(self, *names: str) -> None:
        found = [one.name for one in self.col.models.all_names_and_ids()]
        assert tuple(name for name in found if "ankiforge" in name) == names

    def to_basic(self) -> None:
        """The person gives the note the type Basic."""
        models, note = self.col.models, self.in_anki()
        kept = {0: 0, 1: 1, 7: None}
        models.change(
            models.get(note.mid), [note.id], models.by_name("Basic"), kept, None
        )


class _Steps:
    def __getattr__(self, name: str) -> Callable[..., Callable[[Desk], Any]]:
        return lambda *args, **values: lambda desk: getattr(desk, name)(*args, **values)


do: Any = _Steps()
Step = Callable[[Any], Any]


def list_cases(stories: dict[str, Any]) -> list[Any]:
    """Return each story as a case; long ones are slow."""
    cases = []
    for name, story in stories.items():
        steps = story if callable(story[0]) else story[1]
        marks = [pytest.mark.slow] if len(steps) > 10 else []
        cases.append(pytest.param(story, id=name, marks=marks))
    return cases
