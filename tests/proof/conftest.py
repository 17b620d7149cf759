"""A workspace that is driven from outside: commands, files, packages, loopback."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ankiforge.cli import main
from ankiforge.extract.pdf.worker import PdfWorker
from tests.golden import clock
from tests.golden.histories import notes_in

from .spawner import read_here

TICK = 20.0
"""Seconds between two commands: more than those after which a highlight can be gone."""
LONG_AGO = 1_700_000_000


@dataclass(frozen=True)
class Ended:
    """How a command ended; `code` is negative for a signal."""

    code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        return json.loads(self.stdout.splitlines()[-1])


def run_here(argv: list[str], cwd: Path, env: dict[str, str], ahead: float) -> Ended:
    """Run a command in this process, at a clock that is ahead of the real one."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, clock.ahead(ahead):
        patch.setattr(PdfWorker, "ask", read_here)
        for name, value in env.items():
            patch.setenv(name, value)
        with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
            try:
                main(argv)
            except SystemExit as ended:
                return Ended(int(str(ended.code)), out.getvalue(), err.getvalue())
    raise AssertionError(argv)


class Spawner:
    """Forks a process for each command that is to be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.spawner"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, argv: list[str], cwd: Path, env: dict[str, str], ahead: float) -> Ended:
        files = {name: str(self.folder / name) for name in ("stdout", "stderr")}
        command = {"argv": argv, "cwd": str(cwd), "env": env, "ahead": ahead, **files}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        out, err = (Path(path).read_text("utf-8") for path in files.values())
        return Ended(os.waitstatus_to_exitcode(status), out, err)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Desk:
    """One workspace of one computer, whose clock is `ahead` seconds of the real one."""

    def __init__(self, folder: Path, spawner: Spawner | None = None) -> None:
        self.folder, self.spawner, self.ahead = folder, spawner, 7200.0
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, *words: str, fault: str = "") -> Ended:
        """Run a command; `fault` is where it kills itself."""
        self.ahead += TICK
        env = {**self.environment, "ANKIFORGE_FAULT": fault}
        run = self.spawner.run if fault and self.spawner else run_here
        return run(list(words), self.folder, env, self.ahead)

    @property
    def environment(self) -> dict[str, str]:
        """A home and an Anki of this computer's own."""
        home = str(self.folder / "home")
        names = ("HOME", "ANKIFORGE_HOME", "ANKI_BASE", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        return {**dict.fromkeys(names, home), "ANKIFORGE_TRUST": str(self.folder)}

    def ok(self, *words: str) -> Ended:
        ended = self(*words)
        assert ended.code == 0, ended
        return ended

    def json(self, *words: str) -> Any:
        return self.ok(*words, "--json").data

    def write(self, name: str, text: str) -> Path:
        """Write a file of the workspace; each is older than the tick of any clock."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return self.aged(path)

    def aged(self, path: Path) -> Path:
        """Give a file a date of its own, long ago."""
        self.ahead += 1.0
        os.utime(path, (LONG_AGO, LONG_AGO + self.ahead))
        return path

    def settings(self, *sources: str, more: str = "") -> None:
        lines = "".join(f"- {source}\n" for source in sources)
        self.write("ankiforge.yaml", f"sources:\n{lines}anki: {{collection: none}}\n{more}")

    def keep(self) -> None:
        """Remember the whole workspace for `back`: a copy of it elsewhere would be another computer's."""
        shutil.rmtree(self.backup, ignore_errors=True)
        shutil.copytree(self.folder, self.backup)

    def back(self) -> None:
        """Make the workspace what it was at `keep`."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.backup, self.folder)

    @property
    def backup(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-kept")

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def lose(self, name: str) -> None:
        """Delete a database of the hidden folder with what SQLite keeps beside it."""
        for path in (self.folder / ".ankiforge").glob(f"{name}*"):
            path.unlink()

    def cards(self) -> dict[str, Any]:
        """{guid: card} as `list --json --all` gives them."""
        lines = self.plain(self.ok("list", "--all", "--json").stdout).splitlines()
        return {card["guid"]: card for card in map(json.loads, lines)}

    def fates(self) -> dict[str, Any]:
        """{key: highlight} of those without a card."""
        lines = self.plain(self.ok("list", "--no-card", "--json").stdout).splitlines()
        return {one["key"]: one for one in map(json.loads, lines)}

    def plain(self, text: str) -> str:
        return text.replace(str(self.folder), "HERE")

    def packages(self) -> dict[str, Any]:
        return {
            path.name: json.loads(self.plain(json.dumps(notes_in(path))))
            for path in sorted(self.folder.rglob("*.apkg"))
        }

    def entries(self) -> list[dict[str, Any]]:
        """The lines of the journal, none without one."""
        lines = self.journal.read_text("utf-8").splitlines() if self.journal.exists() else []
        return [json.loads(line) for line in lines]

    def told(self) -> set[tuple[str, ...]]:
        """What the journal says, without ids and times."""
        names = ("what", "key", "guid", "source", "by")
        return {tuple(str(one.get(name, "")) for name in names) for one in self.entries()}

    def state(self) -> dict[str, Any]:
        """All that a person can see."""
        return {"cards": self.cards(), "fates": self.fates(), "packages": self.packages()}


@pytest.fixture(scope="session")
def spawner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spawner]:
    one = Spawner(tmp_path_factory.mktemp("spawner"))
    yield one
    one.close()


@pytest.fixture
def desk(tmp_path: Path, spawner: Spawner) -> Desk:
    return Desk(tmp_path / "desk", spawner)
