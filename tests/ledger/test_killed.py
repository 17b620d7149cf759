"""Killed at any commit, the program goes on with the next run as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

ABOUT = "Katze:::cat\n\nWhat is ATP?::an energy carrier\n\nThe ==hippocampus== binds an episode.\n"
CHANGED = ABOUT.replace("energy carrier", "carrier of energy")
SETTINGS = "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
COMMITS = 13
KILLER = """
import json, os, signal, sqlite3, sys
from ankiforge.cli import main
import ankiforge.cli.run, ankiforge.ledger, ankiforge.pipeline.deliver, ankiforge.pipeline.draft, ankiforge.pipeline.workspace
class Killed(sqlite3.Connection):
    def execute(self, query, *values):
        if query == "COMMIT":
            self.commits = getattr(self, "commits", 0) + 1
            if self.commits == FAULT[0]:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(query, *values)
FAULT, connect = [0], sqlite3.connect
sqlite3.connect = lambda *values, **named: connect(*values, **{"factory": Killed, **named})
for number, (folder, environment) in enumerate(json.load(sys.stdin), 1):
    if not (child := os.fork()):
        os.chdir(folder)
        os.environ |= environment
        FAULT[0] = number
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            main(["run"])
        except SystemExit as ended:
            os._exit(int(str(ended.code)))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code == 0:
        break
"""
"""Forks a `run` for each workspace, killed at its first commit, its second, and so on: forks import little anew."""


def shown(forge):
    """All that a person can see, without whether a package holds a card: a kill may come in between."""
    cards = {card["guid"]: {**card, "anki": ""} for card in forge.cards()}
    return cards, forge.ok("list", "--no-card", "--all", "--json").stdout


def begun(forge, *, empty):
    """A workspace with two notes that `run` has not read yet, or has read before they changed."""
    forge.settings(SETTINGS, trust=True)
    (forge.folder / "notes").mkdir()
    if not empty:
        (forge.folder / "notes" / "A.md").write_text(ABOUT)
        forge.ok("run")
    (forge.folder / "notes" / "A.md").write_text(CHANGED)
    (forge.folder / "notes" / "B.md").write_text(
        "A ==moraine== is what a glacier leaves behind.\n"
    )
    return forge


@pytest.mark.parametrize("empty", [True, False])
def test_a_run_killed_at_any_commit_is_made_good_by_the_next(forge_in, tmp_path, empty):
    whole = begun(forge_in(tmp_path / "whole"), empty=empty)
    whole.ok("run")
    expected = shown(whole)
    forges = [begun(forge_in(tmp_path / str(at)), empty=empty) for at in range(COMMITS)]
    told = subprocess.run(
        [sys.executable, "-c", KILLER],
        input=json.dumps([[str(forge.folder), forge.environment] for forge in forges]),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    *killed, ended = map(int, told.stdout.split())
    assert ended == 0, told
    assert set(killed) == {-signal.SIGKILL}
    assert len(killed) > 3, killed
    for forge in forges[: len(killed)]:
        forge.ok("run")
        assert shown(forge) == expected, forge.folder
