"""One random history from its first run to its end."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.life.anki import Real, Shelf
from tests.life.judge import Judge
from tests.life.person import Person
from tests.life.program import Card, FailedError, Program, Question, share, without_waits
from tests.life.world import (
    FORMS,
    FORMS_OF_PLUGIN,
    PLUGIN,
    TAG_OF_PLUGIN,
    Note,
    Vault,
    World,
    passages,
)

AWAY = {"a": 0.1, "b": 0.4}
"""How likely a machine does not have the pictures in one run."""
LOST = 0.04
"""How likely a machine loses its database in one step: in every other history."""
UNREAD = 0.2
"""How likely a note cannot be read in one run: in conflict, evicted, or in another encoding."""
NEWER = 0.05
"""How likely a newer version elsewhere decides what this one does not know, in one step."""
START = 7200.0


@dataclass
class Machine:
    name: str
    program: Program
    vault: str
    """What it calls the folder of the notes."""
    notes: dict[str, Note] = field(default_factory=dict)
    """The notes as it read them last."""
    has_read: bool = False
    """Whether its database has these notes."""


class History:
    """One life.

    `machines`: `1`; `2` share their journals before every run; `stale`: before half of them.
    `plugin`: whether all notes are written in the forms of a flash-card plug-in that is on.
    """

    def __init__(
        self, seed: int, folder: Path, machines: str, *, anki: bool, plugin: bool
    ) -> None:
        self.folder, self.mode = folder, machines
        self.world = World(seed, FORMS_OF_PLUGIN if plugin else FORMS)
        self.dice = self.world.dice
        self.fate = random.Random(seed + 1)
        """Of what is no doing of the person's."""
        self.judge = Judge(self.world)
        path = folder / "anki" / "collection.anki2"
        self.anki: Real | Shelf = Real(path) if anki else Shelf()
        self.proposes = seed % 2 == 0
        """Whether cards of marked sentences are proposed; else a person writes them all."""
        self.vault = Vault(
            folder / "notes", head=f"{TAG_OF_PLUGIN}\n\n" if plugin else ""
        )
        settings = self.vault.folder / ".obsidian"
        settings.mkdir(parents=True)
        if plugin:
            (settings / "community-plugins.json").write_text(json.dumps([PLUGIN]))
        self.machines = [self.machine("a")]
        self.person = Person(self)
        self.runs = self.steps = 0
        self.time = START

    def machine(self, name: str) -> Machine:
        is_called_otherwise = name != "a" and self.world.luck.random() < 0.5
        vault = "Vault" if is_called_otherwise else "notes"
        program = Program(
            self.folder / name,
            self.folder / vault,
            self.anki.collection,
            proposals=self.proposes,
        )
        return Machine(name, program, vault)

    @property
    def later(self) -> float:
        """How far Anki's clock is ahead: each thing happens after the one before."""
        self.time = max([self.time, *(one.program.ahead for one in self.machines)]) + 10
        for one in self.machines:
            one.program.ahead = self.time
        return self.time - START

    def share(self) -> None:
        if len(self.machines) > 1:
            share([one.program for one in self.machines])
            self.judge.shared([one.name for one in self.machines])
            self.judge.unshared.clear()

    # --- the steps

    def play(self, steps: int = 0) -> None:
        """Live so many steps, or 8 to 20, and then come to rest."""
        for _ in range(steps or self.dice.randint(8, 20)):
            self.steps += 1
            self.step()
        self.world.say("--- end")
        self.end()

    def step(self) -> None:
        dice = self.dice
        self.world.say("--- step", self.steps)
        if self.steps > 1:
            self.world.paste()
            for _ in range(dice.choice([0, 1, 1, 2, 3])):
                self.world.change()
        if (
            self.mode != "1"
            and len(self.machines) == 1
            and self.steps > 2
            and dice.random() < 0.4
        ):
            self.world.say("a second machine")
            self.machines.append(self.machine("b"))
            self.share()
        for one in self.machines:
            if self.steps > 1 and dice.random() < LOST:
                self.world.say(one.name, "loses its database")
                one.program.lose_database()
                one.has_read = False
            if self.fate.random() < NEWER:
                self.world.say("a newer version decides something on", one.name)
                self.meet_newer_version(one.program)
            if self.mode == "2" or dice.random() < 0.5:
                self.share()
            if dice.random() < (0.85 if one.name == "a" else 0.6):
                late = self.mode == "stale" and one.name == "b" and dice.random() < 0.25
                self.run(one, late=late and bool(one.notes))
        if isinstance(self.anki, Real):
            for _ in range(dice.choice([0, 1, 2])):
                self.person.work_in_anki(self.anki)

    def run(self, one: Machine, *, late: bool = False, quiet: bool = False) -> int:
        """Let a machine read, a person decide, and Anki import; return how many notes were written."""
        later = self.later
        before = one.notes if one.has_read else {}
        if not late:
            one.notes = self.world.copy()
        is_away = self.world.luck.random() < AWAY[one.name]
        self.vault.has_pictures = quiet or not is_away
        self.vault.move(one.vault)
        self.vault.write(one.notes)
        here = "" if self.vault.has_pictures else "without pictures"
        self.world.say(one.name, "runs", "on old files" if late else "", here)
        if not quiet:
            self.make_unread(one, before)
        written = one.program.run()
        one.has_read = True
        self.runs += 1
        self.judge.unshared.add(one.name)
        open_ = self.look(one)
        if not quiet:
            for _ in range(self.dice.choice([0, 1, 2, 4])):
                self.person.decide(one)
        if quiet or self.dice.random() < 0.85:
            self.world.say("import")
            self.anki.load(one.program.package, later)
            self.judge.see_anki(one.name, self.anki.state(), one.program.cards(), open_)
        return written

    def make_unread(self, one: Machine, before: dict[str, Note]) -> None:
        """Let a note that is as it was read before be one that cannot be read now."""
        unchanged = []
        for name, note in one.notes.items():
            if name in before and before[name].text() == note.text():
                unchanged.append(name)
        if unchanged and self.fate.random() < UNREAD:
            name = self.fate.choice(unchanged)
            way = self.fate.choice(self.vault.WAYS)
            self.world.say(name, "cannot be read:", way)
            self.vault.spoil(name, way)

    def meet_newer_version(self, program: Program) -> None:
        """Bring a line of the journal of another computer, of a kind that nobody knows here."""
        event = {
            "n": self.fate.randrange(2_000),
            "machine": "newer",
            "at": "",
            "by": "person",
        }
        event |= {
            "what": "postpone",
            "key": "vault:notes/1",
            "body": {"days": self.steps},
        }
        program.journal.mkdir(exist_ok=True)
        with (program.journal / "newer.jsonl").open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(event)}\n")

    def look(self, one: Machine) -> list[Question]:
        open_ = one.program.questions()
        self.judge.see_program(one.name, one.program.cards(), passages(one.notes), open_)
        self.judge.ask(open_, self.judge.typed)
        return open_

    # --- the end

    def end(self) -> None:
        """Answer all, let all come to rest, and compare."""
        for answers in (False, False, False, True, True, False, False):
            written = 0
            for one in self.machines:
                self.share()
                if answers:
                    for question in one.program.questions():
                        self.person.answer(one, question)
                written += self.run(one, quiet=True)
        if isinstance(self.anki, Real) and written:
            self.judge.wrong("not settled", "end", written)
        self.share()
        for one in self.machines:
            self.look(one)
        shown = [one.program.cards() for one in self.machines]
        bare = {each.text for each in self.machines[0].program.without_card()}
        self.judge.see_end(shown[0], bare, self.anki.state())
        if len(shown) > 1:
            self.judge.compare("machines disagree", *shown)
        self.judge.compare("other cards after a lost database", shown[0], self.rebuilt())

    def rebuilt(self) -> dict[str, Card]:
        first = self.machines[0]
        self.vault.move(first.vault)
        first.program.lose_database()
        first.program.run()
        return first.program.cards()


def lived(
    seed: int,
    machines: str = "1",
    *,
    anki: bool = False,
    plugin: bool = False,
    steps: int = 0,
) -> dict[str, Any]:
    """Play one history, and report it."""
    folder = Path(tempfile.mkdtemp(prefix="life")).resolve()
    history = None
    try:
        with without_waits():
            history = History(seed, folder, machines, anki=anki, plugin=plugin)
            judge = history.judge
            try:
                history.play(steps)
            except FailedError as failed:
                judge.wrong("failed", str(failed))
            except Exception as error:  # noqa: BLE001 - one history must not end all
                judge.wrong(
                    f"error {type(error).__name__}", traceback.format_exc(limit=-4)
                )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = {"seed": seed, "machines": machines, "anki": anki, "steps": history.steps}
    told |= {"runs": history.runs, "edits": history.world.edits, **judge.counted()}
    told |= {"questions": dict(judge.questions), "told": dict(judge.told)}
    return {**told, "wrong": judge.wrongs, "log": history.world.log}
