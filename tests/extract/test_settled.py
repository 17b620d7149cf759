"""A note that its owner is writing at this moment is waited for."""

import os

import pytest

from ankiforge.errors import ItemError
from ankiforge.extract import files
from ankiforge.extract.files import (
    build_stamp,
    is_stamp_reliable,
    read_when_unchanged,
)

SECOND = 1_000_000_000
BEGIN = 1_800_000_000.0


class Writer:
    """Another program that writes a note, on a clock that runs on only while the reader waits."""

    def __init__(self, path):
        self.path, self.now, self.later = path, BEGIN, []
        self.write("")

    def write(self, text):
        self.path.write_text(text, encoding="utf-8")
        os.utime(self.path, (self.now, self.now))

    def time(self):
        return self.now + 0.01  # a moment after what was written

    def sleep(self, seconds):
        until = self.now + seconds
        while self.later and self.later[0][0] <= until:
            self.now, text = self.later.pop(0)
            self.write(text)
        self.now = until


@pytest.fixture
def writer(tmp_path, monkeypatch):
    """A program that has just emptied a note."""
    monkeypatch.setattr(files, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(files, "EMPTY_QUIET_SECONDS", 1.2)
    found = Writer(tmp_path / "a.md")
    monkeypatch.setattr(files, "time", found)
    return found


def test_half_of_a_note_is_never_read(writer):
    """A program that empties a file and writes it piece by piece."""
    text = "".join(f"Line {number}.\n" for number in range(8))
    pieces = [text[:at] for at in range(8, len(text) + 1, 8)]
    writer.later = [
        (BEGIN + 0.2 * number, piece) for number, piece in enumerate(pieces, 1)
    ]
    found, stamp = read_when_unchanged(str(writer.path))
    assert found == text
    assert stamp == build_stamp(writer.path.stat())


def test_an_emptied_note_is_waited_for_longer(writer):
    writer.later = [(BEGIN + 0.6, "All of it.\n")]
    text, _ = read_when_unchanged(str(writer.path))
    assert text == "All of it.\n"


def test_a_note_that_never_holds_still_is_left_out(tmp_path, monkeypatch):
    path = tmp_path / "a.md"
    path.write_text("x")
    monkeypatch.setattr(files, "QUIET_SECONDS", 60.0)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    with pytest.raises(ItemError, match="keeps changing") as caught:
        read_when_unchanged(str(path))
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("stamp", "proof"),
    [
        ((5 * SECOND + 1, 5 * SECOND + 1, 1, 1), True),
        ((10 * SECOND - 50_000_000, 5 * SECOND + 1, 1, 1), False),
        ((5 * SECOND + 1, 10 * SECOND - 50_000_000, 1, 1), False),
        ((9 * SECOND, 5 * SECOND + 1, 1, 1), False),
        ((7 * SECOND, 7 * SECOND, 1, 1), True),
        ((99 * SECOND, 5 * SECOND + 1, 1, 1), False),
    ],
    ids=["old", "fresh", "set-back", "coarse", "coarse-and-old", "of-the-future"],
)
def test_a_stamp_proves_something_once_a_tick_is_over(stamp, proof):
    assert is_stamp_reliable(stamp, now_ns=10 * SECOND) is proof
