"""Too little memory is told, as any other lack."""

import os
import subprocess
import sys

import pytest

from tests.limits import PATIENCE

LIMITED = """
import resource, sys
from ankiforge.cli import main
import ankiforge.check, ankiforge.pipeline.workspace  # the linker says nothing of memory where a library has no room

with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
limit = used + int(sys.argv[1]) * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
main(sys.argv[2:])
"""
TOLD = "it needs more memory than there is"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_that_gets_too_little_memory_says_so(forge, vault):
    # a large piece of memory is missing at once, so that there is some left to say so
    (vault / "big.md").write_text("The ==lens== bends light.\n\n" + "word " * 1_600_000)
    (vault / "small.md").write_text("Katze:::cat\n")
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, "20", "run", str(vault)],
        env={**os.environ, **forge.environment},
        cwd=forge.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert TOLD in ended.stderr
    assert ended.returncode == 1

    (vault / "big.md").unlink()
    forge.ok("run", vault)  # nothing was lost
    assert len(forge.cards("Katze")) == 1
