"""A decision that is reported as failed, because the disk is full, is not taken later either."""

import os
import subprocess
import sys

import pytest

from tests.limits import PATIENCE

pytestmark = pytest.mark.slow

LIMITED = """
import resource, sys
from ankiforge.cli import main

limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
main(sys.argv[2:])
"""


@pytest.mark.skipif(os.name == "nt", reason="limits the size of files")
@pytest.mark.parametrize("command", ["edit", "reject", "accept", "undo"])
@pytest.mark.parametrize("limit", [20_000, 37_000, 45_000])
def test_a_decision_that_fails_for_lack_of_space_is_not_taken(
    forge, vault, command, limit
):
    (vault / "a.md").write_text(
        "Katze:::cat\n\nHund:::dog\n\nThe ==lens== bends light.\n"
    )
    forge.ok("run", vault, "--accept", "review")
    drafts = [card["id"] for card in forge.cards("verdict:waiting")]
    forge.ok("accept", drafts[0])
    arguments = {
        "edit": (
            "edit",
            forge.cards("verdict:accepted")[0]["id"],
            "--field",
            "Back",
            "x",
        ),
        "reject": ("reject", drafts[1]),
        "accept": ("accept", "--all"),
        "undo": ("undo",),
    }
    journal = forge.home / "journal"
    before = (forge.cards(), contents(journal))

    # the journal needs less than the database: its line is written, and then that fails
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *arguments[command]],
        env={**os.environ, **forge.environment},
        cwd=forge.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert ended.returncode in (0, 4), ended
    has_failed = ended.returncode == 4
    assert ((forge.cards(), contents(journal)) == before) is has_failed
    assert not has_failed or "free space" in ended.stderr


def contents(journal):
    return {path.name: path.read_bytes() for path in journal.glob("*.jsonl")}
