"""Ctrl-C ends the program with 130 at whatever moment it comes."""

import os
import signal
import subprocess
import sys

import pytest

from ankiforge.config.ownfiles import open_regular
from tests.limits import PATIENCE

IN_A_CALLBACK = """
import signal, sys
from ankiforge.cli import main

def interrupt_in_callback(frame, event, argument):
    is_callback = frame.f_code.co_filename.startswith("<frozen importlib")
    if is_callback and frame.f_code.co_name == "cb":
        sys.setprofile(None)
        signal.raise_signal(signal.SIGINT)

sys.setprofile(interrupt_in_callback)
main(["status"])
"""


def test_an_interrupt_that_python_would_only_print_ends_the_program(forge):
    ended = subprocess.run(
        [sys.executable, "-c", IN_A_CALLBACK],
        env={**os.environ, **forge.environment},
        cwd=forge.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr
    assert "stopped; nothing is lost" in ended.stderr


# a file that nobody got is closed when it is forgotten
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_while_a_file_is_opened_is_no_other_error(tmp_path):
    path = tmp_path / "ankiforge.yaml"
    path.write_text("sources: []\n")

    def opened(interrupted_at: int) -> int:
        """Open the file, with an interrupt at one of the calls and returns; return their number."""
        count = 0

        def interrupt(frame, event, argument):
            nonlocal count
            count += 1
            if count == interrupted_at:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.setprofile(interrupt)
        try:
            open_regular(path).close()
        finally:
            sys.setprofile(None)
            signal.signal(signal.SIGINT, before)
        return count

    for number in range(1, opened(0)):
        with pytest.raises(KeyboardInterrupt):
            opened(number)
