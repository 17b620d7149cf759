"""Ctrl-C while a file is opened is no other error."""

import signal
import sys

import pytest

from ankiforge.config.files import open_regular


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
