"""What is read of a journal file that grew, was cut, replaced or torn, row by row."""

from pathlib import Path

import msgspec
import pytest

from ankiforge.errors import LedgerError
from ankiforge.ledger import journal
from ankiforge.ledger.events import Event
from ankiforge.ledger.journal import JournalFiles, is_valid_event


def event(number: int, kind: str = "skip") -> Event:
    return Event(number, "a", "2026-01-01", "person", kind, "v:v/p", {})


def line(number: int) -> bytes:
    return msgspec.json.encode(event(number)) + b"\n"


ONE, TWO, THREE = map(line, (1, 2, 3))
OTHER = b'{"n":1}\n'
LONG = b'"' + b"x" * 2000 + b'"\n'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JournalFiles:
    monkeypatch.setattr(journal, "MAX_LINE_BYTES", 1000)
    return JournalFiles(tmp_path, "a")


@pytest.mark.parametrize(
    ("before", "after", "numbers", "unreadable", "replaced"),
    [
        # for the first time
        (None, b"", [], 0, False),
        (None, ONE + TWO, [1, 2], 0, False),
        (None, ONE + b"\n" + TWO, [1, 2], 0, False),
        (None, ONE + b"no JSON\n" + OTHER + TWO, [1, 2], 2, False),
        (None, ONE + LONG + TWO, [1, 2], 1, False),
        (None, ONE + TWO[:-1], [1], 1, False),  # its end may still come
        (None, LONG[:-1], [], 1, False),
        # again
        (ONE, ONE, [], 0, False),
        (ONE, ONE + TWO, [2], 0, False),
        (ONE + TWO[:9], ONE + TWO, [2], 0, False),
        (ONE + OTHER, ONE + OTHER + TWO, [2], 1, False),
        (ONE + OTHER, ONE + OTHER, [], 1, False),
        (ONE + OTHER, ONE + OTHER + OTHER + TWO[:9], [], 3, False),
        # another file
        (ONE + TWO, ONE, [1], 0, True),
        (ONE + OTHER, THREE * 2 + b"\n" * 9, [3, 3], 0, True),
        (ONE, TWO + ONE, [2, 1], 0, True),
        (ONE, b"", [], 0, True),
    ],
)
def test_the_new_lines_of_a_file(files, before, after, numbers, unreadable, replaced):
    position = None
    if before is not None:
        files.own_path.write_bytes(before)
        position = files.read_new_lines("a.jsonl", None).position
        assert position is not None
        assert position.size == before.rfind(b"\n") + 1
    files.own_path.write_bytes(after)
    lines = files.read_new_lines("a.jsonl", position)
    assert [each.number for each in lines.events] == numbers
    assert (lines.unreadable, lines.was_replaced) == (unreadable, replaced)
    end = after.rfind(b"\n") + 1
    if lines.position is None:
        assert (before or b"")[:end] == after[:end]
        return
    assert (lines.position.size, lines.position.unreadable) == (
        end,
        after[:end].count(OTHER) + (b"no J" in after) + (LONG in after),
    )
    assert (
        files.compute_own_read_position(end, lines.position.unreadable) == lines.position
    )
    assert files.is_fully_read("a.jsonl", lines.position) is (end == len(after))
    assert not files.is_fully_read("a.jsonl", None)
    assert not files.is_fully_read("b.jsonl", lines.position)
    files.own_path.write_bytes(after + ONE)
    assert not files.is_fully_read("a.jsonl", lines.position)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ONE + TWO),
        (b"", ONE + TWO),
        (THREE, THREE + ONE + TWO),
        (THREE[:-1], THREE + ONE + TWO),  # a torn line is ended first
    ],
)
def test_events_are_appended_and_taken_back(files, before, after):
    if before is not None:
        files.own_path.write_bytes(before)
    sizes = files.append([event(1), event(2)])
    assert files.own_path.read_bytes() == after
    assert sizes == (len(before or b""), len(after))
    files.undo_append(*sizes)
    assert files.own_path.read_bytes() == (before or b"")
    # not if anything was appended since
    sizes = files.append([event(1)])
    files.append([event(2)])
    files.undo_append(*sizes)
    assert files.own_path.read_bytes() == after


def test_files_and_their_events(files, tmp_path):
    (tmp_path / "b.jsonl").write_bytes(TWO + b"no JSON\n" + THREE[:-1])
    (tmp_path / "a.jsonl").write_bytes(ONE)
    (tmp_path / "c.txt").write_bytes(THREE)
    assert files.list_names() == ["a.jsonl", "b.jsonl"]
    assert files.read_event_ids() == {event(1).id, event(2).id}
    with pytest.raises(LedgerError) as raised:
        files.read_new_lines("none.jsonl", None)
    assert raised.value.hint == "allow reading, or restore the file"
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(LedgerError, match="the decision was not recorded") as raised:
        files.append([event(1)])
    assert raised.value.hint == "free space there, or allow writing, and try again"


@pytest.mark.parametrize(
    ("number", "kind", "body", "valid"),
    [
        (0, "skip", {}, True),
        (-1, "skip", {}, False),
        (journal.MAX_EVENT_NUMBER - 1, "skip", {}, True),
        (journal.MAX_EVENT_NUMBER, "skip", {}, False),
        (1, "placed", {"guid": "af1"}, True),
        (1, "placed", {}, False),
        (1, "placed", {"guid": 1}, False),
        (1, "placed", {"guid": "af1", "later": 1}, True),
        (1, "unknown", {"guid": 1}, True),
        (1, "resolve", {"guid": "g", "field": "f", "choice": "c", "theirs": "t"}, False),
        (1, "keep", {}, True),
    ],
)
def test_which_events_are_valid(number, kind, body, valid):
    assert is_valid_event(Event(number, "a", "", "person", kind, "k", body)) is valid
