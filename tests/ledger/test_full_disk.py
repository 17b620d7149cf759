"""A decision that is reported as failed, because the disk is full, is not taken later either."""

import os
import subprocess
import sys

import pytest

from tests.limits import PATIENCE

pytestmark = pytest.mark.slow

LIMITED = """
import os, resource, sys
import ankiforge.cli.decide, ankiforge.pipeline.workspace
from ankiforge.cli import main

for line in sys.stdin:
    limit, *arguments = line.split()
    if not (child := os.fork()):
        os.dup2(1, 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        main(arguments)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(f"code {code}", flush=True)
"""
"""Forks the program for each line of a limit and arguments: forks import little anew."""


@pytest.mark.skipif(os.name == "nt", reason="limits the size of files")
def test_a_decision_that_fails_for_lack_of_space_is_not_taken(forge, vault):
    (vault / "a.md").write_text(
        "Katze:::cat\n\nHund:::dog\n\nThe ==lens== bends light.\n"
    )
    forge.ok("run", vault, "--accept", "review")
    drafts = [card["id"] for card in forge.cards("verdict:waiting")]
    forge.ok("accept", drafts[0])
    [card] = forge.cards("verdict:accepted")
    commands = (
        f"edit {card['id']} --field Back x",
        f"reject {drafts[1]}",
        "accept --all",
        "undo",
    )
    journal = forge.home / "journal"
    limited = subprocess.Popen(
        [sys.executable, "-c", LIMITED],
        env={**os.environ, **forge.environment},
        cwd=forge.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    codes = []
    # the journal needs less than the database: its line is written, and then that fails
    for limit in (20_000, 37_000, 45_000):
        for command in commands:
            before = (forge.cards(), contents(journal))
            limited.stdin.write(f"{limit} {command}\n")
            limited.stdin.flush()
            told = []
            while not told or not told[-1].startswith("code "):
                told.append(limited.stdout.readline())
            codes.append(int(told[-1].split()[1]))
            assert "Traceback" not in "".join(told)
            assert codes[-1] in (0, 4), told
            has_failed = codes[-1] == 4
            assert ((forge.cards(), contents(journal)) == before) is has_failed, command
            assert not has_failed or "free space" in "".join(told)
    limited.stdin.close()
    limited.wait(PATIENCE)
    limited.stdout.close()
    assert codes.count(4) >= 4, codes


def contents(journal):
    return {path.name: path.read_bytes() for path in journal.glob("*.jsonl")}
