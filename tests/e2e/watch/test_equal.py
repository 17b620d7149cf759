"""The law of the watcher: whatever it saw, and however, the ledger is that of whole runs."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ankiforge.ledger import ingest as reading
from samples.zotero_writer import Annotation, Attachment, Library, Work, write_zotero

SENTENCES = [
    f"The =={what}== of the {whose} number {number} is what makes it work in the end."
    for number, (what, whose) in enumerate(
        (what, whose)
        for what in ("lens", "valve", "signal", "membrane")
        for whose in ("camera", "heart", "neuron")
    )
]
SHORT = ["A ==cell== divides.", "==Water== flows.", "The ==atom== decays."]
CARDS = [f"What is the {what}?::It is the {that}" for what in ("mass", "price") for that in "abcd"]
PAPER = "The aperture of this lens decides how much light may enter it at all."
QUOTES = [f"=={PAPER}==", f"A word before. =={PAPER}=="]
BLOCKS = ["A ==block== with a name. ^b1", "Another ==block== with a name. ^b1", "One ==more==. ^b2"]
ALL = (*SENTENCES, *SHORT, *CARDS, *BLOCKS, *QUOTES)


class Story:
    """Notes, and what people and programs do to them."""

    def __init__(self, folder: Path, second: Path, seed: int) -> None:
        self.folder, self.second = folder, second
        self.dice = random.Random(seed)
        for number in range(5):
            self._write(folder / f"n{number}.md", [self.dice.choice(ALL) for _ in range(4)])
        self._write(second / "s.md", [self.dice.choice(ALL) for _ in range(4)])
        self.changes: tuple[Callable[[], object], ...] = (
            self.add, self.add, self.add, self.reword, self.reword, self.remove, self.move, self.copy,
            self.rename, self.delete, self.folder_moves, self.atomic, self.empty, self.about,
            self.mark_more, self.conflict, self.skip,
        )  # fmt: skip

    def notes(self) -> list[Path]:
        return sorted((*self.folder.rglob("*.md"), *self.second.rglob("*.md")))

    def step(self) -> None:
        self.dice.choice(self.changes)()

    def _note(self) -> Path:
        return self.dice.choice(self.notes() or [self.folder / "n0.md"])

    def _lines(self, note: Path) -> list[str]:
        return note.read_text("utf-8").split("\n\n") if note.exists() else []

    def _write(self, note: Path, lines: list[str]) -> None:
        note.write_text("\n\n".join(lines), "utf-8")

    def add(self) -> None:
        note = self._note()
        lines = self._lines(note)
        lines.insert(self.dice.randint(0, len(lines)), self.dice.choice(ALL))
        self._write(note, lines)

    def reword(self) -> None:
        note = self._note()
        lines = self._lines(note)
        if lines:
            at = self.dice.randrange(len(lines))
            lines[at] = lines[at].replace(" is ", self.dice.choice([" was ", " is often "]), 1)
            self._write(note, lines)

    def mark_more(self) -> None:
        note = self._note()
        self._write(note, [line.replace("works", "==works==") for line in self._lines(note)])

    def remove(self) -> None:
        note = self._note()
        if lines := self._lines(note):
            lines.pop(self.dice.randrange(len(lines)))
            self._write(note, lines)

    def move(self) -> None:
        self._hand_over(keep=False)

    def copy(self) -> None:
        self._hand_over(keep=True)

    def _hand_over(self, *, keep: bool) -> None:
        one, other = self._note(), self._note()
        if lines := self._lines(one):
            line = lines[0] if keep else lines.pop(0)
            self._write(one, lines)
            self._write(other, [*self._lines(other), line])

    def rename(self) -> None:
        note = self._note()
        if note.exists():
            note.rename(note.with_name(f"r{self.dice.randrange(9)}.md"))

    def delete(self) -> None:
        if len(list(self.folder.rglob("*.md"))) > 3:
            self.dice.choice(sorted(self.folder.rglob("*.md"))).unlink()

    def folder_moves(self) -> None:
        deep = self.folder / "deep"
        if deep.is_dir():
            for note in deep.iterdir():
                note.rename(self.folder / f"up-{note.name}")
            deep.rmdir()
        else:
            deep.mkdir()
            note = self._note()
            if note.parent == self.folder:
                note.rename(deep / note.name)

    def atomic(self) -> None:
        note = self._note()
        beside = note.with_name(".saving.tmp")
        self._write(beside, [*self._lines(note), self.dice.choice(ALL)])
        beside.replace(note)

    def empty(self) -> None:
        self._note().write_text("", "utf-8")

    def about(self) -> None:
        note = self._note()
        self._write(note, ["---\ndoi: 10.1000/xyz\n---\n", *self._lines(note)])

    def conflict(self) -> None:
        note = self._note()
        if note.exists() and "sync-conflict" not in note.name:
            shutil.copy(
                note, note.with_name(f"{note.stem}.sync-conflict-20260101-120000-ABCDEFG.md")
            )

    def skip(self) -> None:
        note = self._note()
        lines = self._lines(note)
        out = "---\ncards: false\n---\n"
        self._write(note, lines[1:] if lines[:1] == [out] else [out, *lines])


def state(folder: Path) -> dict[str, Any]:
    """All that the promises are about: identities, cards, verdicts, where each highlight ended."""
    with closing(sqlite3.connect(folder / ".ankiforge" / "ledger.db")) as database:
        ask = lambda sql: sorted(map(tuple, database.execute(sql).fetchall()))  # noqa: E731
        return {
            "highlights": ask("SELECT key, place, text, content, presence, drafted, no_card FROM highlight"),
            "cards": ask("SELECT guid, key, kind, fields, verdict, standing, standing_why FROM card"),
            "homes": ask("SELECT guid, key, role FROM card_highlight"),
            "ways": ask("SELECT key, container, place FROM location"),
            "slots": ask("SELECT key, family, slot, answer FROM slot"),
            "findings": ask("SELECT guid, letter, body FROM finding"),
            "documents": ask("SELECT key, place, title FROM document d WHERE EXISTS"
                             " (SELECT 1 FROM highlight h WHERE h.document = d.key)"),
        }  # fmt: skip


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What only the watcher's ledger has, and what only the other has, by table."""
    return {
        name: (sorted(set(rows) - set(other[name])), sorted(set(other[name]) - set(rows)))
        for name, rows in one.items()
        if rows != other[name]
    }


def more_sources(desk: Path, second: Path) -> None:
    """A second vault, and Zotero with a paper that notes quote."""
    (second / ".obsidian").mkdir(parents=True)
    attachment = Attachment("ATTACH01", "a.pdf", (Annotation("MARKAAA2", PAPER),))
    work = Work("PAPER001", {"title": "Lenses", "DOI": "10.1000/xyz"}, attachments=(attachment,))
    (desk / "zotero").mkdir()
    write_zotero(desk / "zotero" / "zotero.sqlite", [Library((work,))])
    settings = desk / "ankiforge.yaml"
    more = (
        f"- obsidian: {{name: second, path: {second}}}\n"
        f"- zotero: {{name: zotero, path: {desk / 'zotero'}}}\n"
    )
    settings.write_text(settings.read_text("utf-8").replace("anki:", f"{more}anki:"), "utf-8")


@pytest.mark.parametrize("seed", [0])
def test_the_ledger_is_that_of_whole_runs_whatever_was_seen_together(
    seed, forge, watch, forge_in, desk, vault, tmp_path,
    monkeypatch):  # fmt: skip
    more_sources(desk, tmp_path / "second")
    story = Story(vault, tmp_path / "second", seed)
    other = forge_in(tmp_path / "other")
    shutil.copy(desk / "ankiforge.yaml", other.folder)
    for one in (forge, other):
        one.ok("init", "--trust", one.folder)
    watched = watch()
    other("run", "-q")
    monkeypatch.setattr(watched, "beside", lambda: other("run", "-q"))
    for _ in range(12):
        time_passes = story.dice.random() < 0.3
        monkeypatch.setattr(reading, "GONE_AFTER_SECONDS", 0.0 if time_passes else 1e9)
        if not time_passes:
            for _ in range(story.dice.choice((1, 1, 1, 2, 3))):
                story.step()
        watched.stirred = story.dice.random() < 0.9
        told = watched.later(330 if time_passes else 10)
        found = differences(state(desk), state(other.folder))
        assert not found, (found, told)


def test_a_quote_that_is_taken_out_leaves_nothing_behind(
    forge, watch, forge_in, desk, vault, tmp_path, no_waiting,
    monkeypatch):  # fmt: skip
    more_sources(desk, tmp_path / "second")
    (tmp_path / "second" / "s.md").write_text(f"{SENTENCES[0]}\n\n{SHORT[0]}\n", "utf-8")
    (vault / "a.md").write_text(f"---\ndoi: 10.1000/xyz\n---\n\n=={PAPER}==\n", "utf-8")
    other = forge_in(tmp_path / "other")
    shutil.copy(desk / "ankiforge.yaml", other.folder)
    for one in (forge, other):
        one.ok("init", "--trust", one.folder)
    watched = watch()
    other("run", "-q")
    monkeypatch.setattr(watched, "beside", lambda: other("run", "-q"))
    watched.later(30)
    assert state(desk)["ways"]
    (vault / "a.md").write_text("Nothing is quoted any more.\n", "utf-8")
    watched.turn()
    watched.later(330)
    assert state(desk)["ways"] == []
    assert not differences(state(desk), state(other.folder))
