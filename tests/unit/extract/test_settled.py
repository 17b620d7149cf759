"""A note that its owner is writing at this moment is waited for."""

import threading
import time

import pytest

from ankiforge.errors import ItemError
from ankiforge.extract import files
from ankiforge.extract.files import proves, read_settled, stamp_of

SECOND = 1_000_000_000


@pytest.fixture(autouse=True)
def waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(files, "EMPTY_SECONDS", 1.2)


def test_half_of_a_note_is_never_read(tmp_path):
    """A program that empties a file and writes it piece by piece."""
    path = tmp_path / "a.md"
    path.write_text("")
    lines = [f"Line {number}.\n" for number in range(8)]

    def write() -> None:
        with path.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line)
                file.flush()
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    text, stamp = read_settled(str(path))
    writer.join()
    assert text == "".join(lines)
    assert stamp == stamp_of(path.stat())


def test_an_emptied_note_is_waited_for_longer(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("")
    writer = threading.Timer(0.6, path.write_text, ["All of it.\n"])
    writer.start()
    text, _ = read_settled(str(path))
    writer.join()
    assert text == "All of it.\n"


def test_a_note_that_never_holds_still_is_left_out(tmp_path, monkeypatch):
    path = tmp_path / "a.md"
    path.write_text("x")
    monkeypatch.setattr(files, "QUIET_SECONDS", 60.0)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    with pytest.raises(ItemError, match="keeps changing") as caught:
        read_settled(str(path))
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
    assert proves(stamp, now_ns=10 * SECOND) is proof
