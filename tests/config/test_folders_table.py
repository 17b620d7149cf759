"""The files of a workspace: where they are, who may read them, and what is cached: rows."""

import sqlite3
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from ankiforge.config import files
from ankiforge.config.caches import CACHE_FILE, Cache, ReplyStore
from ankiforge.config.files import (
    make_database,
    make_directory,
    make_private,
    open_regular,
    read_bounded,
    remove_database,
)
from ankiforge.config.workspace import (
    load_values,
    load_workspace,
    store_values,
)
from ankiforge.errors import (
    BusyError,
    LedgerError,
    OwnFileError,
    UsageError,
)
from ankiforge.extract import registry


@pytest.fixture
def workspace(tmp_path):
    """Make a workspace with some settings."""

    def made(text: str = "", name: str = "w"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "ankiforge.yaml").write_text(text)
        return load_workspace(tmp_path / name, registry)

    return made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "is not a folder"),
        (lambda path: path.write_text(""), "is not a folder"),
    ],
)
def test_a_journal_elsewhere_must_be_there(workspace, tmp_path, make, problem):
    make(tmp_path / "kept")
    with pytest.raises(UsageError, match=problem) as caught:
        workspace("journal: ../kept").create_directories()
    assert "correct journal: in" in caught.value.hint


@pytest.mark.parametrize(
    ("is_default", "words"),
    [
        (
            True,
            "ankiforge init ~/cards   then write `drafter: llm` into ~/cards/ankiforge.yaml",
        ),
        (False, "write `drafter: llm` into {root}/ankiforge.yaml"),
    ],
)
def test_it_is_said_where_to_write_a_setting(workspace, is_default, words):
    place = replace(workspace(), is_default=is_default)
    told = place.format_setting_instructions("drafter: llm")
    assert told == words.replace("{root}", str(place.root))


@pytest.mark.parametrize("is_default", [False, True])
def test_only_the_default_workspace_is_private_as_a_whole(workspace, is_default):
    place = replace(workspace(), is_default=is_default)
    place.root.chmod(0o755)
    place.create_directories()
    for folder in (place.state_directory, place.journal_directory):
        folder.chmod(0o755)
    place.make_private()
    assert mode(place.root) == (0o700 if is_default else 0o755)
    assert [mode(place.state_directory), mode(place.journal_directory)] == [0o700, 0o700]


def test_who_waits_for_a_lock_is_told_of_the_process_that_holds_it(workspace):
    place = workspace()
    place.create_directories()
    with place.acquire_lock("drafting"):
        with place.acquire_lock("publishing", timeout=0):
            pass
        with (
            pytest.raises(
                BusyError, match=r"another ankiforge \(process \d+\) is drafting"
            ),
            place.acquire_lock("drafting", timeout=0),
        ):
            pass
    with place.acquire_lock("drafting", timeout=0):
        assert (place.state_directory / "drafting.lock").read_text().isdigit()
    (place.state_directory / "watching.lock").mkdir()
    with (
        pytest.raises((UsageError, OwnFileError)),
        place.acquire_lock("watching", timeout=0),
    ):
        pass


def test_values_of_the_user_are_sorted_and_private(tmp_path):
    store_values(tmp_path / "user", "some", {"b": "2", "a": "é"})
    file = tmp_path / "user/some.json"
    assert file.read_text() == '{\n "a": "é",\n "b": "2"\n}\n'
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
    assert load_values(tmp_path / "user", "some") == {"a": "é", "b": "2"}


# --- files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "largest", "told"),
    [
        (1024, 1024, ""),
        (1025, 1024, "is larger than 1 KiB"),
        ((1 << 20) + 1, 1 << 20, "is larger than 1 MiB"),
        (0, 0, ""),
    ],
)
def test_a_file_is_read_up_to_a_size(tmp_path, size, largest, told):
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    if not told:
        assert read_bounded(path, largest) == b"x" * size
        return
    with pytest.raises(OwnFileError, match=told):
        read_bounded(path, largest)


def test_a_file_that_is_opened_to_write_is_made_private(tmp_path):
    path = tmp_path / "a"
    with open_regular(path, files.os.O_RDWR | files.os.O_CREAT) as file:
        file.write(b"1")
    with open_regular(path, files.os.O_WRONLY | files.os.O_APPEND) as file:
        file.write(b"2")
    with open_regular(path) as file:
        assert (file.read(), file.mode) == (b"12", "rb")
    assert mode(path) == 0o600


def test_folders_and_databases_are_private_and_may_be_there(tmp_path):
    folder = tmp_path / "a/b"
    for _ in range(2):
        make_directory(folder)
    assert mode(folder) == 0o700
    make_directory(tmp_path / "open", 0o755)
    assert mode(tmp_path / "open") == 0o755
    database = folder / "x.db"
    make_database(database)
    assert (database.read_bytes(), mode(database)) == (b"", 0o600)
    database.write_bytes(b"1")
    make_database(database)
    make_database(tmp_path / "no such folder/x.db")
    assert database.read_bytes() == b"1"
    for suffix in ("-wal", "-shm", "-journal"):
        (folder / f"x.db{suffix}").write_bytes(b"")
    (folder / "x.db-other").write_bytes(b"")
    remove_database(database)
    assert [file.name for file in folder.iterdir()] == ["x.db-other"]
    remove_database(database)


@pytest.mark.parametrize(
    ("before", "after"), [(0o755, 0o700), (0o640, 0o600), (0o500, 0o500)]
)
def test_nobody_else_may_read_what_is_made_private(tmp_path, before, after):
    path = tmp_path / "a"
    path.write_text("")
    path.chmod(before)
    make_private(path)
    assert mode(path) == after


# --- caches -----------------------------------------------------------------------------


def test_a_damaged_cache_is_deleted_by_the_next_write(tmp_path):
    file = tmp_path / CACHE_FILE
    file.write_bytes(b"no database" * 1000)
    cache = Cache(tmp_path, "pdf")
    assert cache.load("a") is None
    assert file.exists()
    cache.update({"a": b"1"})
    assert not file.exists()
    cache.update({"a": b"1"})
    assert cache.load("a") == b"1"


def test_a_busy_cache_is_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setattr("ankiforge.config.caches.CACHE_TIMEOUT", 0.01)
    cache = Cache(tmp_path, "pdf")
    cache.update({"a": b"1"})
    other = sqlite3.connect(tmp_path / CACHE_FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert cache.load("a") is None
    assert cache._timeout == 0
    cache.update({"a": b"2"})
    other.close()
    assert cache.load("a") == b"1"


def test_replies_are_kept_by_the_hash_of_their_request(tmp_path):
    path = tmp_path / "replies.db"
    store = ReplyStore(path)
    assert store.load_reply("a") is None
    said = {"model": "m", "prompt_fingerprint": "p"}
    store.store_reply("a", "1", **said, tokens=(5, 7))
    store.store_reply("b", "2", **said, tokens=(1, 2))
    store.store_reply("c", "3", model="n", prompt_fingerprint="p")
    store.store_reply("b", "4", **said, tokens=(2, 3))
    assert [store.load_reply(name) for name in "abc"] == ["1", "4", "3"]
    assert [store.count_tokens(name) for name in ("m", "n", "o")] == [
        (7, 10),
        (0, 0),
        (0, 0),
    ]
    store.close()
    with sqlite3.connect(path) as rows:
        columns = "request, raw, model, prompt, tokens_in, tokens_out"
        [row] = rows.execute(f"SELECT {columns} FROM reply WHERE request = 'b'")
        [at] = rows.execute("SELECT at FROM reply WHERE request = 'b'").fetchone()
    assert row == ("b", "4", "m", "p", 2, 3)
    assert len(at) == len("2027-03-01T08:00:00+00:00")
    assert mode(path) == 0o600
    assert ReplyStore(path).load_reply("a") == "1"


def test_paid_replies_in_a_damaged_file_are_never_deleted(tmp_path):
    path = tmp_path / "replies.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerError, match="cannot be read") as caught:
        ReplyStore(path)
    assert "move it away" in caught.value.hint
    assert path.read_bytes().startswith(b"no database")
