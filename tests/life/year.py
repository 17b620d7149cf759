"""A year of notes on two computers, week by week, with a person who decides, and studies in Anki.

How much changes in a week is measured in the history of a vault: `WEEKS`, or `measure` of a Git
repository. What is written is made up, as in every `History`, so that it is known which card
belongs to which passage. Each week both computers share their journals and read the notes. One of
them loses its database in summer.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.life.history import History
from tests.life.program import without_waits
from tests.life.world import CONTEXT, Note, Passage

WEEK = 7 * 24 * 60 * 60
WEEKS_OF_YEAR = 52
MOST = 4
"""How many changes of each kind are played in a week, at most: a note is renamed 33 times in one."""
SUMMER = 26


class Week(NamedTuple):
    """How many notes were added, deleted, renamed and changed in a week."""

    added: int = 0
    deleted: int = 0
    renamed: int = 0
    changed: int = 0


QUIET = Week()
# fmt: off
WEEKS = (
    Week(0, 0, 1, 2), Week(0, 0, 0, 2), QUIET, QUIET, QUIET, Week(4, 17, 1, 1),
    Week(18, 0, 0, 6), Week(0, 0, 0, 6), Week(1, 0, 0, 21), Week(2, 0, 0, 2),
    Week(2, 1, 1, 11), Week(5, 0, 0, 23), Week(1, 0, 33, 1), Week(1, 0, 0, 2),
    Week(0, 0, 0, 3), Week(0, 0, 0, 6), Week(2, 0, 0, 1), Week(0, 0, 0, 2),
    Week(1, 0, 0, 3), Week(1, 0, 0, 1), Week(0, 0, 0, 2), Week(0, 0, 0, 1),
    Week(0, 0, 0, 2), Week(0, 0, 0, 4), Week(0, 0, 0, 2), Week(0, 0, 0, 1),
    Week(0, 0, 0, 1), Week(1, 0, 0, 2), QUIET, Week(0, 0, 0, 6), QUIET, Week(0, 0, 0, 2),
    Week(0, 0, 0, 1), Week(0, 0, 0, 5), Week(0, 0, 0, 5), Week(0, 0, 0, 5),
    Week(1, 0, 0, 5), Week(0, 0, 0, 3), Week(0, 0, 0, 3), Week(25, 0, 0, 17),
    Week(0, 0, 0, 4), Week(0, 0, 0, 1), Week(0, 0, 0, 1), Week(0, 0, 0, 2),
    Week(0, 0, 0, 23), Week(0, 0, 0, 1), QUIET, QUIET, Week(0, 0, 0, 1), Week(0, 0, 0, 1),
    Week(0, 0, 0, 1), Week(0, 0, 0, 1),
)
# fmt: on
"""The busiest year in a public vault of a student, with 1,528 commits in four years."""


def git(repository: Path, *words: str) -> list[str]:
    command = ["git", "-C", str(repository), *words]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode(errors="replace").splitlines()


def measure(repository: Path) -> tuple[Week, ...]:
    """Count what changed in each week of the year in which most weeks have a change."""
    commits = {}
    for line in git(repository, "log", "--first-parent", "--reverse", "--format=%ct %H"):
        seconds, commit = line.split()
        commits[int(seconds) // WEEK] = commit
    weeks = []
    first, last = min(commits), max(commits)
    before = commits[first]
    for number in range(first + 1, max(last, first + WEEKS_OF_YEAR) + 1):
        after = commits.get(number, before)
        weeks.append(compare(repository, before, after) if after != before else QUIET)
        before = after
    starts = range(len(weeks) - WEEKS_OF_YEAR + 1)
    years = [tuple(weeks[start : start + WEEKS_OF_YEAR]) for start in starts]
    return max(years, key=lambda year: sum(week != QUIET for week in year))


def compare(repository: Path, before: str, after: str) -> Week:
    command = ("diff", "-M", "--name-status", before, after, "--", "*.md")
    states = [line[0] for line in git(repository, *command)]
    return Week(*map(states.count, "ADRM"))


class Year(History):
    """A history whose steps are the weeks of a year."""

    def __init__(self, seed: int, folder: Path, weeks: Sequence[Week]) -> None:
        super().__init__(seed, folder, "2", anki=True, plugin=False)
        self.machines.append(self.machine("b"))
        self.weeks = weeks

    def step(self) -> None:
        week = self.weeks[self.steps - 1]
        self.world.say("--- week", self.steps, week)
        self.world.paste()
        for count, change in zip(
            week,
            (self.add_note, self.delete_note, self.rename_note, self.world.change),
            strict=True,
        ):
            for _ in range(min(count, MOST)):
                change()
        if self.steps == SUMMER:
            self.machines[1].program.lose_database()
            self.machines[1].has_read = False
        if week == QUIET and self.steps > 1:  # nobody sits down to study
            return
        for one in self.machines:
            self.share()
            self.run(one)
        self.person.work_in_anki(self.anki)

    def add_note(self) -> None:
        name = f"note {self.world.next()}"
        lines: list[Passage | str] = [self.dice.choice(CONTEXT), self.world.fresh()]
        self.world.notes[name] = Note(name, lines)

    def delete_note(self) -> None:
        self.world.do_delete_note(self.dice.choice(sorted(self.world.notes)), 0)

    def rename_note(self) -> None:
        self.world.do_rename(self.dice.choice(sorted(self.world.notes)), 0)


def live(weeks: Sequence[Week] = WEEKS, seed: int = 1) -> dict[str, Any]:
    """Play a year, and report it."""
    folder = Path(tempfile.mkdtemp(prefix="year")).resolve()
    start = time.process_time()
    try:
        with without_waits():
            year = Year(seed, folder, weeks)
            year.play(len(weeks))
            notes = year.anki.state()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    judge, world = year.judge, year.world
    return {
        "weeks": year.steps,
        "runs": year.runs,
        "edits": world.edits,
        "notes": len(world.notes),
        "passages": len(world.present()),
        "notes in Anki": len(notes),
        "decisions": len(judge.decisions),
        "questions": judge.questions.total(),
        "CPU s": round(time.process_time() - start, 1),
        "wrong": judge.wrongs,
        "log": world.log,
    }
