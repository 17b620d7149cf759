"""The log of a workspace: it says what became of a card, without any text, and never fails a run."""

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ankiforge.config import log
from ankiforge.config.log import (
    LOG_FILE,
    anonymize_key,
    describe_problem,
    log_lines,
    open_log,
)
from ankiforge.ledger import Ledger
from ankiforge.model import Problem, hash16
from tests.limits import PATIENCE


@pytest.fixture
def logged(tmp_path):
    """A folder with a log that is open, and closed again after the test."""
    open_log(tmp_path)
    yield tmp_path
    open_log(None)


def read_log(folder: Path) -> list[str]:
    """The lines of the log, without time and process."""
    lines = (folder / LOG_FILE).read_text("utf-8").splitlines()
    return [line.split(" ", 3)[3] for line in lines]


def lines_of(forge, guid: str) -> list[str]:
    """The first word of each line in which the id of a card occurs, as `grep` finds it."""
    lines = read_log(forge.folder / ".ankiforge")
    return [line.removeprefix("undone: ").split()[0] for line in lines if guid in line]


# --- what it contains -------------------------------------------------------------------


def test_the_log_answers_what_became_of_a_card(forge, no_waiting):
    forge.settings("sources: [{obsidian: {name: notes, path: notes}}]")
    note = forge.folder / "notes" / "Cells.md"
    (note.parent / ".obsidian").mkdir(parents=True)
    note.write_text("What is ATP?::The energy of cells.\n\nKatze:::cat\n", "utf-8")
    forge.ok("run")
    card = next(each for each in forge.cards() if each["fields"]["Back"] == "cat")
    guid = card["guid"]
    passage = card["highlight"].rpartition("/")[2]
    forge.ok("reject", guid, "--reason", "too easy")
    forge.ok("undo")
    note.write_text("What is ATP?::The energy of cells.\n", "utf-8")
    forge.ok("run")
    forge.ok("run")
    log_text = (forge.folder / ".ankiforge" / LOG_FILE).read_text("utf-8")
    # the card was accepted by the settings, packed, rejected, and that was undone; not by a note
    kinds = ["accept", "fact", "shipped", "reject", "fact", "reject"]
    assert lines_of(forge, guid) == kinds
    assert f"accept guid {guid} passage {passage} by policy on " in log_text
    assert f"reject guid {guid} passage {passage} by person on " in log_text
    # but its passage is gone since the third run
    assert f" gone: passage {passage}\n" in log_text
    assert log_text.index(" ankiforge undo, version ") < log_text.index(" gone: ")
    for text in ("ATP", "energy", "Katze", "cat\n", "easy", "Cells"):
        assert text not in log_text
    assert stat.S_IMODE((forge.folder / ".ankiforge" / LOG_FILE).stat().st_mode) == 0o600


def test_problems_and_errors_are_logged_by_their_place_and_words_of_ours(forge):
    folder = forge.folder / "papers"
    folder.mkdir()
    (folder / "My diary.pdf").write_text("no PDF")
    forge("run", folder, code=1)
    forge("edit", "af53yatsl3", "--field", "Back", "my secret", code=2)
    log_text = (forge.home / ".ankiforge" / LOG_FILE).read_text("utf-8")
    assert "passages read: 0, files: 0, unreadable: 1" in log_text
    assert f"problem at {hash16('My diary.pdf')}.pdf: it is not a PDF\n" in log_text
    assert " UsageError in query.py:" in log_text
    for text in ("diary", "secret", "53yatsl3"):
        assert text not in log_text


def test_with_v_the_log_is_printed_too(forge, vault):
    (vault / "a.md").write_text("Katze:::cat\n", "utf-8")
    assert "ankiforge run, version" not in forge.ok("run", vault).stderr
    lines = read_log(forge.home / ".ankiforge")
    said = forge.ok("run", "-v").stderr
    printed = read_log(forge.home / ".ankiforge")[len(lines) :]
    assert printed
    assert all(line in said for line in printed)
    assert "passages read" not in forge.ok("run").stderr  # the mirror is gone
    # a command that writes nothing writes no log
    before = (forge.home / ".ankiforge" / LOG_FILE).read_bytes()
    forge.ok("status", "-v")
    forge.ok("run", "--dry-run", "-v")
    assert (forge.home / ".ankiforge" / LOG_FILE).read_bytes() == before


def test_what_is_rolled_back_is_not_logged(forge, vault):
    (vault / "a.md").write_text("The ==lens== bends light in the eye.\n", "utf-8")
    forge.ok("run", vault)
    [card] = forge.cards()
    forge("accept", card["id"], "dr000000000000", code=2)
    lines = read_log(forge.home / ".ankiforge")
    assert not [line for line in lines if line.startswith(("accept guid", "draft dr0"))]


def test_what_fails_in_a_savepoint_is_not_logged(logged):
    with (
        Ledger(logged / "ledger.db", logged / "journal", "m1") as ledger,
        ledger.transaction(),
    ):
        ledger.log(["before"])
        with suppress(ValueError), ledger.savepoint():
            ledger.log(["within"])
            raise ValueError
        ledger.log(["after"])
    assert read_log(logged) == ["before", "after"]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("vault:notes/90e45ebadf289dce", "90e45ebadf289dce"),
        ("kindle:Mine/90e45ebadf289dce.0123456789abcdef", "90e45ebadf289dce.0123456789abcdef"),
        ("zotero:user/ABCD2345", "ABCD2345"),
        ("vault:notes/b.my-diary", hash16("vault:notes/b.my-diary")),
        ("vault:notes/DIARY", hash16("vault:notes/DIARY")),
        ("my diary", hash16("my diary")),
    ],
)  # fmt: skip
def test_a_key_is_shown_without_words(key, shown):
    assert anonymize_key(key) == shown


@pytest.mark.parametrize(
    ("location", "message", "is_notice", "shown"),
    [
        ("a/My diary.md", "cannot be read: No such file", False, "problem at {}.md: cannot be read"),
        ("My diary", "it quotes “my secret” here", False, "problem at {}: it quotes"),
        ("x.PDF", "12 marks of “me”", True, "note at {}: "),
        ("http://x.test/me", "it isn't there", False, "problem at {}.test/me: it isn"),
    ],
)  # fmt: skip
def test_a_problem_is_shown_without_what_it_quotes(location, message, is_notice, shown):
    shown = shown.replace(".test/me", "")
    problem = Problem(location, message, "my hint", is_notice)
    assert describe_problem(problem) == shown.format(hash16(location))


# --- the file ---------------------------------------------------------------------------


def test_at_a_megabyte_a_new_file_begins_and_two_old_ones_stay(logged, monkeypatch):
    monkeypatch.setattr(log, "MAX_LOG_BYTES", 1_000)
    for number in range(40):
        log_lines([f"line {number:03}", "x" * 100])
    names = sorted(path.name for path in logged.glob(f"{LOG_FILE}*"))
    assert names == [LOG_FILE, f"{LOG_FILE}.1", f"{LOG_FILE}.2"]
    text = "".join((logged / name).read_text("utf-8") for name in reversed(names))
    kept = [line.split()[-1] for line in text.splitlines() if " line " in line]
    assert kept == [f"{number:03}" for number in range(int(kept[0]), 40)]
    assert all((logged / name).stat().st_size < 1_500 for name in names)
    log._rotate(logged / LOG_FILE)  # another process was faster
    assert text.endswith((logged / LOG_FILE).read_text("utf-8"))


def test_another_workspace_has_a_log_of_its_own(logged):
    log_lines(["one"])
    other = logged / "other"
    other.mkdir()
    open_log(other)
    log_lines(["two", "three"])
    open_log(logged)
    log_lines(["four"])
    assert read_log(logged) == ["one", "four"]
    assert read_log(other) == ["two", "three"]


WRITER = """
import sys
from pathlib import Path
from ankiforge.config import log

log.MAX_LOG_BYTES = 40_000
log.open_log(Path(sys.argv[1]))
for number in range(300):
    log.log_lines([f"{sys.argv[2]} {number:03}", "x" * 100])
"""


def test_two_processes_at_once_lose_no_line(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name])
        for name in "AB"
    ]
    assert [writer.wait(PATIENCE) for writer in writers] == [0, 0]
    # the last line may have begun a new file, which is made by the next line
    names = (f"{LOG_FILE}.2", f"{LOG_FILE}.1", LOG_FILE)
    paths = [tmp_path / name for name in names if (tmp_path / name).exists()]
    lines = "".join(path.read_text("utf-8") for path in paths).splitlines()
    for name in "AB":
        numbers = [int(line.split()[-1]) for line in lines if f" {name} " in line]
        assert numbers == [*range(300)]
    # who finds the lock held leaves the file to grow until its next line
    assert all(path.stat().st_size < 80_000 for path in paths)


def test_a_log_that_cannot_be_written_fails_nothing(forge, vault):
    (vault / "a.md").write_text("Katze:::cat\n", "utf-8")
    path = forge.home / ".ankiforge" / LOG_FILE
    path.mkdir(parents=True)  # a folder is where it belongs
    assert "Katze" not in forge.ok("run", vault).stderr
    path.rmdir()
    if os.name != "nt":
        os.mkfifo(path)  # that nobody reads
        forge.ok("run")
        path.unlink()
    if Path("/dev/full").exists():
        path.symlink_to("/dev/full")
        forge.ok("run")
        path.unlink()
    forge.ok("run")
    assert "passages read: 1, files: 1, unreadable: 0" in read_log(path.parent)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setattr(log, "open_regular", lambda path, flags: open("/dev/full", "wb"))  # noqa: PTH123, SIM115
    open_log(tmp_path)
    log_lines(["a line"])
    open_log(None)
