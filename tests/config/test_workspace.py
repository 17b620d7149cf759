"""Which workspace a command works in, and what moves when the first one is made."""

import shutil
from pathlib import Path
from threading import Timer

import pytest

from ankiforge.config.files import lock_file
from ankiforge.config.workspace import (
    find_user_directory,
    find_workspace,
    load_values,
    load_workspace,
    move_default_workspace,
    record_hint_shown,
    register_workspace,
    store_values,
    was_hint_shown,
)
from ankiforge.errors import ConfigError, UsageError
from ankiforge.extract import registry


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user of our own."""
    return {"ANKIFORGE_HOME": str(tmp_path / "user")}


def workspace(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ankiforge.yaml").write_text(text)
    return folder


def test_a_named_workspace_comes_first_then_the_nearest_the_registered_the_default(
    tmp_path, environ
):
    got = find_workspace(None, tmp_path, registry, environ)
    assert (got.root, got.output, got.is_default) == (tmp_path / "user", tmp_path, True)
    assert not (tmp_path / "user").exists()
    mine = workspace(tmp_path / "mine", "output: packages")
    assert register_workspace(mine, find_user_directory(environ))
    assert not register_workspace(
        workspace(tmp_path / "second"), find_user_directory(environ)
    )
    got = find_workspace(None, tmp_path, registry, environ)
    assert (got.root, got.output, got.is_default) == (mine, mine / "packages", False)
    outer, inner = workspace(tmp_path / "a"), workspace(tmp_path / "a/b")
    (inner / "c/d").mkdir(parents=True)
    assert find_workspace(None, inner / "c/d", registry, environ).root == inner
    assert find_workspace(None, outer, registry, environ).root == outer
    assert find_workspace(mine, inner, registry, environ).root == mine
    assert find_workspace(Path("../mine"), outer, registry, environ).root == mine
    with pytest.raises(ConfigError, match=r"ankiforge\.yaml:1: oops: unknown key"):
        find_workspace(workspace(tmp_path / "w", "oops: 1"), tmp_path, registry, environ)
    (mine / "ankiforge.yaml").unlink()
    with pytest.raises(UsageError, match="is missing, or its disk is not mounted"):
        find_workspace(None, tmp_path, registry, environ)


@pytest.mark.parametrize("exists", [True, False])
def test_a_named_folder_that_is_no_workspace_is_wrong_usage(tmp_path, environ, exists):
    if exists:
        (tmp_path / "plain").mkdir()

    with pytest.raises(UsageError) as caught:
        find_workspace(tmp_path / "plain", tmp_path, registry, environ)

    assert caught.value.exit_code == 2
    assert (
        caught.value.hint
        == f"make a workspace there: ankiforge init {tmp_path / 'plain'}"
    )


# --- the default workspace moves ------------------------------------------------------------


def default_with_work(environ) -> Path:
    data = find_user_directory(environ)
    (data / ".ankiforge").mkdir(parents=True)
    (data / ".ankiforge/ledger.db").write_bytes(b"ledger")
    (data / ".ankiforge/ledger.db-wal").write_bytes(b"wal")
    (data / "journal").mkdir()
    (data / "journal/0a1b.jsonl").write_text("{}\n")
    return data


def test_nothing_is_lost_by_a_move_that_fails_or_finds_work(tmp_path, environ):
    data = default_with_work(environ)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="could not be moved"):
        move_default_workspace(tmp_path / "file/mine", find_user_directory(environ))
    for own in ("journal", ".ankiforge"):
        (workspace(tmp_path / f"with {own}") / own).mkdir()
        assert (
            move_default_workspace(tmp_path / f"with {own}", find_user_directory(environ))
            == ()
        )
    assert (data / ".ankiforge/ledger.db").read_bytes() == b"ledger"
    assert (data / "journal/0a1b.jsonl").read_text() == "{}\n"


# --- the user's own files -------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\xff"])
def test_a_broken_file_of_the_user_counts_as_none(environ, text):
    folder = find_user_directory(environ)
    folder.mkdir()
    (folder / "some.json").write_text(text, encoding="latin-1")

    assert load_values(folder, "some") == {}


def test_each_hint_is_given_once(environ, monkeypatch):
    monkeypatch.setenv("ANKIFORGE_HOME", environ["ANKIFORGE_HOME"])
    assert (was_hint_shown("a"), record_hint_shown("a")) == (False, True)
    assert (was_hint_shown("a"), record_hint_shown("a")) == (True, False)
    assert (was_hint_shown("b"), record_hint_shown("b")) == (False, True)


def test_a_folder_that_cannot_be_written_is_wrong_usage_not_a_traceback(tmp_path):
    (tmp_path / "file").write_text("")
    folder = find_user_directory({"ANKIFORGE_HOME": str(tmp_path / "file")})

    with pytest.raises(UsageError, match="cannot be written"):
        store_values(folder, "some", {})


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {}, "~/.local/share/ankiforge"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/ankiforge"),
        ("linux", {"XDG_DATA_HOME": " "}, "~/.local/share/ankiforge"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "~/Library/Application Support/ankiforge"),
        ("win32", {}, "~/AppData/Local/ankiforge"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/ankiforge"),
        ("win32", {"LOCALAPPDATA": "/local", "ANKIFORGE_HOME": "/mine"}, "/mine"),
    ],
)
def test_the_data_of_a_user_are_where_their_system_keeps_such(
    monkeypatch, platform, environ, folder
):
    monkeypatch.setattr("sys.platform", platform)
    assert find_user_directory(environ) == Path(folder).expanduser()


def test_a_lock_is_waited_for_until_its_file_is_closed(tmp_path):
    path = tmp_path / "a.lock"
    lock = lock_file(path, 0)
    assert lock is not None
    assert lock_file(path, 0.1) is None
    Timer(0.1, lock.close).start()
    second = lock_file(path, 30)
    assert second is not None
    second.close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("left", "keeps"),
    [
        ("nothing", True),
        (
            "the folder without .ankiforge",
            True,
        ),  # `init` takes over the default workspace
        ("the workspace", False),  # a copy
    ],
)
def test_a_workspace_that_was_moved_is_the_same_device_and_a_copy_is_another(
    tmp_path, left, keeps
):
    old, user = workspace(tmp_path / "old"), tmp_path / "user"
    (old / ".ankiforge").mkdir()
    (old / "journal").mkdir()
    device = load_workspace(old, registry).get_device_id(user)
    (old / f"journal/{device}.jsonl").write_text("{}\n")
    new = tmp_path / "new"
    shutil.copytree(old, new)
    if left != "the workspace":
        shutil.rmtree(old / ".ankiforge")
    if left == "nothing":
        shutil.rmtree(old)

    assert (load_workspace(new, registry).get_device_id(user) == device) is keeps
    if left == "the workspace":
        assert load_workspace(old, registry).get_device_id(user) == device
