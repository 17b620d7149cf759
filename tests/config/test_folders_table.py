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
    write_file,
)
from ankiforge.config.workspace import (
    RememberedPath,
    get_registered_workspace,
    has_registered_workspace,
    load_values,
    load_workspace,
    move_default_workspace,
    register_workspace,
    store_remembered_paths,
    store_values,
)
from ankiforge.errors import (
    BusyError,
    ConfigError,
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
    ("settings", "journal", "output"),
    [("", "journal", "."), ("journal: ../kept\noutput: packages", "../kept", "packages")],
)
def test_the_places_of_a_workspace(workspace, tmp_path, settings, journal, output):
    (tmp_path / "kept").mkdir()
    place = workspace(settings)
    root = tmp_path / "w"
    assert (place.root, place.output) == (root, (root / output).resolve())
    assert place.state_directory == root / ".ankiforge"
    assert place.ledger_path == root / ".ankiforge/ledger.db"
    assert place.pictures_directory == root / ".ankiforge/pictures"
    assert place.journal_directory == (root / journal).resolve()
    place.create_directories()
    assert (root / ".ankiforge/.gitignore").read_text() == "*\n"
    own = root / "journal/.gitattributes"
    assert own.exists() is (journal == "journal")
    if own.exists():
        assert own.read_text() == "*.jsonl merge=union\n"
    assert [mode(place.state_directory), mode(place.journal_directory)] == [0o700, 0o700]
    (root / ".ankiforge/.gitignore").write_text("mine")
    place.create_directories()
    assert (root / ".ankiforge/.gitignore").read_text() == "mine"


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


def test_a_device_has_one_id_in_a_workspace(workspace, tmp_path):
    place, user = workspace(), tmp_path / "user"
    assert place.get_device_id(user, create=False) == "reader"
    assert load_values(user, "machines") == {}
    id = place.get_device_id(user)
    assert len(id) == 12
    assert place.get_device_id(user) == place.get_device_id(user, create=False) == id
    assert workspace(name="other").get_device_id(user) != id
    assert set(load_values(user, "machines")) == {
        str(place.root),
        str(tmp_path / "other"),
    }


REMEMBERED = (
    RememberedPath("/notes", "obsidian", "notes", deck="Notes"),
    RememberedPath("/notes/bio", "obsidian", "notes", root="/notes", marks=("bold",)),
)


def test_remembered_paths_are_read_again(workspace):
    place = workspace()
    assert place.remembered_paths == ()
    store_remembered_paths(place.state_directory, REMEMBERED)
    assert place.remembered_paths == REMEMBERED
    file = place.state_directory / "sources.yaml"
    assert file.read_text().startswith("# What `ankiforge run` reads, too.")
    assert mode(file) == 0o600
    store_remembered_paths(place.state_directory, [])
    assert place.remembered_paths == ()
    file.write_text("- {path: /x}")
    with pytest.raises(ConfigError, match=r"\.ankiforge/sources\.yaml:2?1?: "):
        place.remembered_paths  # noqa: B018


def test_a_remembered_path_knows_its_source():
    assert [path.source_key for path in REMEMBERED] == [("obsidian", "notes")] * 2
    assert [path.directory for path in REMEMBERED] == [Path("/notes")] * 2


def test_a_path_inside_another_names_its_deck_first(workspace):
    place = workspace()
    inner = replace(REMEMBERED[1], deck="Bio")
    without = RememberedPath("/other", "pdf", "other")
    decks = place.load_decks([*REMEMBERED[:1], inner, without])
    assert [rule.deck for rule in decks[:-1]] == ["Bio", "Notes"]
    assert decks[0].select.path == ("bio", "bio/*")
    assert (decks[1].select.source, decks[1].select.path) == ("notes", ())
    store_remembered_paths(place.state_directory, REMEMBERED)
    assert [rule.deck for rule in place.load_decks()[:-1]] == ["Notes"]


def test_a_name_with_signs_of_patterns_is_a_name(workspace):
    rule = workspace().load_decks([RememberedPath("/n", "pdf", "a*[b]", deck="D")])[0]
    assert rule.select.source == "a[*][[]b]"


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


def test_a_workspace_is_registered_until_it_is_gone(workspace, tmp_path):
    user = tmp_path / "user"
    assert get_registered_workspace(user) is None
    assert not has_registered_workspace(user)
    first, second = workspace(name="a").root, workspace(name="b").root
    assert register_workspace(first, user)
    assert register_workspace(first, user)  # again
    assert not register_workspace(second, user)
    assert (get_registered_workspace(user), has_registered_workspace(user)) == (
        first,
        True,
    )
    (first / "ankiforge.yaml").unlink()
    assert not has_registered_workspace(user)
    assert register_workspace(second, user)
    assert get_registered_workspace(user) == second


def test_the_default_workspace_moves_with_all_it_has(workspace, tmp_path):
    old, new = tmp_path / "user", workspace().root
    assert move_default_workspace(new, old) == ()
    (old / "journal").mkdir(parents=True)
    (old / "journal/a.jsonl").write_text("{}\n")
    (old / "trusted.json").write_text("{}")
    assert move_default_workspace(new, old) == (new / "journal",)
    assert (new / "journal/a.jsonl").read_text() == "{}\n"
    assert (old / "trusted.json").exists()


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


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OwnFileError, match="is not a file") as caught:
        read_bounded(tmp_path, 9)
    assert caught.value.hint == "move it away"


def test_a_file_that_is_opened_to_write_is_made_private(tmp_path):
    path = tmp_path / "a"
    with open_regular(path, files.os.O_RDWR | files.os.O_CREAT) as file:
        file.write(b"1")
    with open_regular(path, files.os.O_WRONLY | files.os.O_APPEND) as file:
        file.write(b"2")
    with open_regular(path) as file:
        assert (file.read(), file.mode) == (b"12", "rb")
    assert mode(path) == 0o600


def test_a_file_is_replaced_as_a_whole_through_its_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    (tmp_path / ".target.part").write_text("of a run that broke off")
    write_file(link, b"new")
    assert link.is_symlink()
    assert (target.read_text(), mode(target)) == ("new", 0o600)
    write_file(link, b"newer", mode=0o644)
    assert (target.read_text(), mode(target)) == ("newer", 0o644)
    assert sorted(tmp_path.iterdir()) == [link, target]


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


def test_what_a_link_leads_to_keeps_its_permissions(tmp_path):
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(0o644)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    make_private(tmp_path / "link")
    make_private(tmp_path / "no such file")
    assert mode(tmp_path / "a") == 0o644


# --- caches -----------------------------------------------------------------------------


def test_a_cache_is_made_by_the_first_write(tmp_path):
    cache = Cache(tmp_path, "pdf")
    assert (cache.load("a"), cache.load_all()) == (None, {})
    assert not (tmp_path / CACHE_FILE).exists()
    cache.update({"a": b"1", "b": b"2"})
    assert mode(tmp_path / CACHE_FILE) == 0o600
    cache.update({"a": b"3"}, ["b", "c"])
    assert Cache(tmp_path, "pdf").load_all() == {"a": b"3"}
    cache.update({"b": b"4"}, ["b"])  # deleted first
    assert cache.load("b") == b"4"


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


def test_windows_has_no_such_permissions(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(0o644)
    monkeypatch.setattr(files.os, "name", "nt")
    make_private(tmp_path / "a")
    monkeypatch.undo()
    assert mode(tmp_path / "a") == 0o644
