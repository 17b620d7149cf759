"""Random lives of a deck of somebody else's: repairs on two computers, edits, flags and tags in Anki.

Whatever comes in which order: words that the person typed in Anki stand somewhere in Anki, old cards and
the log are as they were, and no note is doubled or gone.
"""

import json
import random
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ankiforge.errors import ForgeError
from ankiforge.features.repair import work as repair
from ankiforge.pipeline.workspace import Workspace

CARDS = "select id, nid, did, ord, type, queue, due, ivl, factor, reps, lapses, data from cards"
NOTES = (
    ("Basic", "What are the three metals?", "iron, zinc, gold"),
    ("Basic", "What is X and why is it used?", "A thing. It is good."),
    ("Basic", "When do the spring tides of the Moon occur?", "at new moon"),
    ("Basic", "When do the neap tides of the Moon occur?", "at the quarters"),
    ("Cloze", "{{c1::Iron}} rusts where it rains.", ""),
    ("Cloze", "{{c1::alpha}}, {{c1::beta}} and {{c1::gamma}} are letters here.", ""),
)
STEPS = ("take", "take", "undo", "edit", "edit", "build", "build", "flag", "tag", "sync")


@pytest.fixture
def nids(anki: Any) -> list[int]:
    """Notes of which each was forgotten four times."""
    now = int(time.time() * 1000)
    made = []
    for place, (kind, *sides) in enumerate(NOTES):
        note = anki.col.new_note(anki.col.models.by_name(kind))
        note.fields[:2] = sides
        anki.col.add_note(note, anki.col.decks.id("Theirs"))
        made.append(int(note.id))
        [card] = note.cards()
        for days in (9, 7, 5, 3):
            row = (now - days * 86_400_000 + place, card.id, -1, 1, 1, 2, 2500, 20_000, 1)
            anki.col.db.execute("insert into revlog values (?,?,?,?,?,?,?,?,?)", *row)
        values = "type = 2, queue = 2, ivl = 2, due = 5, lapses = 4"
        anki.col.db.execute(f"update cards set {values} where id = ?", card.id)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost(forge, anki, nids, monkeypatch, seed):
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)
    chance = random.Random(seed)
    computers = [forge.folder / "one", forge.folder / "two"]
    for folder in computers:
        folder.mkdir()
        (folder / "ankiforge.yaml").write_text("sources: []\n")
        forge.trust(folder)
    cards = dict.fromkeys(anki.col.db.list("select id from cards"))
    before = [row for row in anki.col.db.all(CARDS) if row[0] in cards]
    log = anki.col.db.all("select * from revlog order by id")
    typed: list[str] = []
    taken = 0

    for step in range(24):
        here, there = chance.sample(computers, 2)
        note = anki.col.get_note(chance.choice(nids))
        # an undo may have nothing to take back, and a card may be repaired elsewhere
        with suppress(ForgeError):
            match chance.choice(STEPS):
                case "take":
                    with Workspace(here) as workspace:
                        found = repair.list_failing_cards(workspace).failing
                        if found:
                            entry = chance.choice(found)
                            [offer] = repair.read_acceptable_repairs(entry, _reply(entry))
                            repair.accept_repair(workspace, entry, offer)
                            taken += 1
                case "undo":
                    with Workspace(here) as workspace:
                        workspace.undo()
                case "build":
                    with Workspace(here) as workspace:
                        workspace.build()
                    if (here / "ankiforge.apkg").exists():
                        anki.load(here / "ankiforge.apkg")
                case "edit":
                    typed.append(f"typed{seed}at{step}")
                    note.fields[chance.randrange(2)] += f" {typed[-1]}"
                    anki.col.update_note(note)
                case "flag":
                    [card, *_] = note.cards()
                    anki.col.set_user_flag_for_cards(chance.choice((0, 1)), [card.id])
                case "tag":
                    note.tags.append(chance.choice(("marked", "repair", "own")))
                    anki.col.update_note(note)
                case "sync":
                    _bring(here / "journal", there / "journal")
        assert [word for word in typed if not anki.col.find_notes(word)] == []
        assert [row for row in anki.col.db.all(CARDS) if row[0] in cards] == before
        assert anki.col.db.all("select * from revlog order by id") == log
        assert anki.col.db.scalar("select count() - count(distinct guid) from notes") == 0
        assert (
            anki.col.db.scalar(f"select count() from notes where id in {(*nids,)}") == 6
        )

    assert taken > 0


def _reply(entry: repair.FailingNote) -> str:
    """What a chat answers about a card: a few more words, and for a question one more card."""
    if entry.card.is_cloze:
        return json.dumps({"front": f"As said, {entry.card.fields['Text']}"})
    front, back = (entry.card.fields[name] for name in ("Front", "Back"))
    new = [{"front": f"Once more: {front}", "back": back}]
    return json.dumps({"front": f"As said: {front}", "back": back, "new": new})


def _bring(journal: Path, other: Path) -> None:
    """Copy what is new of a journal to another computer."""
    other.mkdir(exist_ok=True)
    for file in journal.glob("*.jsonl"):
        known = other / file.name
        if not known.exists() or known.stat().st_size < file.stat().st_size:
            shutil.copy(file, known)
