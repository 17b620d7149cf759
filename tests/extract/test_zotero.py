"""The database itself: locked, changing, damaged, foreign, absent. What is read stands golden."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ankiforge.errors import ConfigError
from ankiforge.extract.zotero.database import open_database
from ankiforge.model import HighlightKind, ScanEnd, Sighting, UnmarkedDocument
from tests.foreign import needed
from tests.makers.zotero_writer import Annotation, Attachment, Library, Work, write_zotero
from tests.reading import highlights, only_problem, opened, settings_of, texts

WHOLE = ScanEnd("zotero", "zotero:user", complete=True)
PART = ScanEnd("zotero", "zotero:user", complete=False)

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA locking_mode = EXCLUSIVE")
connection.execute(f"PRAGMA journal_mode = {sys.argv[2]}")
connection.execute("PRAGMA wal_autocheckpoint = 0")
connection.execute("BEGIN EXCLUSIVE")
connection.execute("UPDATE itemAnnotations SET text = 'fresh'")
connection.execute("COMMIT")
if len(sys.argv) > 3:
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("UPDATE itemAnnotations SET text = 'half done'")
    connection.execute("PRAGMA cache_spill = 1")
    connection.execute("CREATE TABLE bulk AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                       "SELECT i + 1 FROM n WHERE i < 2000) SELECT i, hex(randomblob(400)) FROM n")
print("held", flush=True)
sys.stdin.read()
"""
"""Another program that holds the database as Zotero does, perhaps amid a transaction."""


@contextmanager
def held(database: Path, journal: str, *amid: str) -> Iterator[None]:
    command = [sys.executable, "-c", HOLDER, str(database), journal, *amid]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()


def scanned(path: Path, *only: Path, me: tuple[str, ...] = ()) -> list[Sighting]:
    return list(opened("zotero", path, only=only, me=me).scan())


def library(*marks: str) -> Library:
    annotations = tuple(
        Annotation(f"MARK{order:04}", text, top=order) for order, text in enumerate(marks)
    )
    attachment = Attachment("ATTACH01", "paper.pdf", annotations)
    return Library((Work("PAPER001", {"title": "A paper"}, attachments=(attachment,)),))


def state(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.name: (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in folder.iterdir()
    }


@pytest.fixture
def database(tmp_path: Path) -> Path:
    folder = tmp_path / "Zotero"
    folder.mkdir()
    return write_zotero(folder / "zotero.sqlite", [library("stale")])


# --- while Zotero runs ----------------------------------------------------------------------


@pytest.mark.parametrize("journal", ["DELETE", "PERSIST", "TRUNCATE", "WAL"])
def test_a_database_held_by_zotero_is_read_with_what_it_committed_last(
    database, tmp_path, monkeypatch, journal
):
    link = tmp_path / "elsewhere" / "zotero.sqlite"
    link.parent.mkdir()
    link.symlink_to(database)
    (copies := tmp_path / "copies").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(copies))
    with held(database, journal):
        beside = sqlite3.connect(database, timeout=0)
        with closing(beside), pytest.raises(sqlite3.OperationalError, match="locked"):
            beside.execute("SELECT count(*) FROM items")
        before = state(database.parent)
        assert scanned(database)[1:] == [WHOLE]
        assert texts(scanned(database)) == texts(scanned(link)) == ["fresh"]
        assert state(database.parent) == before
    assert list(copies.iterdir()) == []


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_half_a_transaction_is_never_seen(database, journal):
    with held(database, journal, "amid a transaction"):
        suffix = "-wal" if journal == "WAL" else "-journal"
        assert database.with_name(f"zotero.sqlite{suffix}").stat().st_size > 0
        assert texts(scanned(database)) == ["fresh"]


def test_only_the_user_can_enter_the_folder_of_the_copy(database, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sightings = opened("zotero", database).scan()
    next(sightings)
    [copy] = tmp_path.glob("ankiforge-*")
    assert copy.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in copy.iterdir()} == {"zotero.sqlite"}
    sightings.close()  # type: ignore[attr-defined]
    assert not copy.exists()


def test_a_database_that_never_holds_still_is_a_problem_and_no_complete_scan(
    database, monkeypatch
):
    journal = database.with_name("zotero.sqlite-journal")
    copy = shutil.copyfileobj

    def copied_while_it_is_written(*given: Any) -> None:
        copy(*given)
        with journal.open("ab") as file:
            file.write(b"x")

    monkeypatch.setattr(shutil, "copyfileobj", copied_while_it_is_written)
    found = scanned(database)
    assert "keeps writing to it" in only_problem(found).message
    assert found[-1] == PART


# --- damaged, foreign, absent ---------------------------------------------------------------


def of_another_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, flds TEXT)")


def damaged(path: Path) -> None:
    write_zotero(path, [library(*("some text " * 50,) * 60)])
    raw = bytearray(path.read_bytes())
    raw[8192:] = b"\xa5" * (len(raw) - 8192)
    path.write_bytes(raw)


def truncated(path: Path) -> None:
    write_zotero(path, [library("stale")])
    path.write_bytes(path.read_bytes()[: -4096 * 3])


FAULTS = {
    "absent": (lambda path: None, "there is no Zotero database", "data folder"),
    "no folder": (lambda path: path.parent.rmdir(), "there is no Zotero database", "data folder"),
    "a folder": (Path.mkdir, "not a regular file", ""),
    "a pipe": (os.mkfifo, "not a regular file", ""),
    "empty": (Path.touch, "not a Zotero database", "zotero.sqlite"),
    "a head": (lambda path: path.write_bytes(b"SQLite format 3\0"), "not a Zotero database", "zotero.sqlite"),
    "a text": (lambda path: path.write_bytes(b"no database at all" * 500), "not a Zotero database", "zotero.sqlite"),
    "of another program": (of_another_program, "not a Zotero database: it has no table ", ""),
    "damaged": (damaged, "database", "Check Database Integrity"),
    "truncated": (truncated, "database", "Check Database Integrity"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_sound_database_is_a_problem_that_says_what_to_do(tmp_path, name):
    make, what, hint = FAULTS[name]
    (tmp_path / "data").mkdir()
    make(path := tmp_path / "data" / "zotero.sqlite")
    for named in [path.parent] if path.is_dir() else [path, path.parent]:
        found = scanned(named)
        assert texts(found) == []
        assert what in only_problem(found).message
        assert hint in only_problem(found).hint
        assert found[-1] == PART


# --- versions, selections, settings ---------------------------------------------------------


def test_the_database_as_a_path_selects_everything_and_the_scan_is_partial(database):
    for only in (database, database.parent, database.parent / "storage"):
        found = scanned(database.parent, only)
        assert texts(found) == ["stale"]
        assert found[-1] == PART


def test_only_a_whole_scan_without_problems_is_stored_as_unchanged(database, monkeypatch):
    monkeypatch.setattr("ankiforge.extract.files.TICK_NS", 0)
    known = SimpleNamespace(
        is_unchanged=lambda *_: False, find_dependencies=lambda *_: ()
    )

    def stored(*only: Path) -> bool:
        found = opened("zotero", database, only=only, name="z").scan(known)
        return "zotero source z" in [one.container for one in found if isinstance(one, UnmarkedDocument)]  # fmt: skip

    assert stored()
    assert not stored(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE itemAnnotations SET type = 99")
        connection.commit()
    assert not stored()


def test_an_empty_library_is_a_complete_scan_of_nothing_and_no_path_is_refused(tmp_path):
    write_zotero(tmp_path / "zotero.sqlite", [Library()])
    assert scanned(tmp_path) == [WHOLE]
    with pytest.raises(ConfigError, match="path is missing"):
        opened("zotero", tmp_path, settings_of("zotero"))


# --- databases Zotero itself would know -----------------------------------------------------


@pytest.fixture(scope="module")
def fixtures() -> Path:
    return needed("zotero")


def test_three_generations_of_schema_yield_the_same(fixtures):
    seven, nine, ten = (
        scanned(fixtures / f"zotero-{version}.sqlite")
        for version in ("7.0.32", "9.0.6", "main")
    )
    assert seven == nine == ten
    assert [scan for scan in seven if isinstance(scan, ScanEnd)] == [
        WHOLE,
        ScanEnd("zotero", "zotero:group.4567890", complete=True),
    ]


def test_what_zotero_wrote_is_read_whole(fixtures):
    found = highlights(scanned(fixtures / "zotero-main.sqlite"))
    marks = [mark for mark in found if mark.source_id.startswith("ANNOT")]
    assert len(marks) == 23
    assert (
        len({(mark.namespace, mark.source_id) for mark in found}) == 25
    )  # and two notes
    assert len([mark for mark in marks if mark.kind is HighlightKind.NOTE]) == 3
    assert max(len(mark.exact) for mark in marks) == 7500
    assert {mark.skip_reason for mark in marks if mark.namespace != "zotero:user"} == {
        "marked by B. Colleague"
    }
    assert not any(mark.skip_reason for mark in found if mark.namespace == "zotero:user")
    assert {mark.created for mark in found} == {"2026-09-01T08:00:00Z"}
    assert all("2026-10-01T09:00:00Z" < mark.modified < "2026-10-01T10" for mark in found)


def test_of_a_note_zotero_wrote_only_ones_own_words_are_read(fixtures):
    found = highlights(scanned(fixtures / "zotero-main.sqlite"))
    [note] = [mark for mark in found if mark.source_id == "NOTECHI1"]
    assert note.kind is HighlightKind.NOTE
    assert (note.heading, note.exact) == ("Annotations", "My own words: E=mc^2")
    assert note.markdown == ("My **own** words: $E=mc^2$",)


@pytest.mark.parametrize("count", [1, 30])
def test_the_number_of_queries_is_the_same_for_one_item_and_for_many(tmp_path, count):
    works = []
    for number in range(count):
        mark = Annotation(f"MARK{number:04}", "A passage.")
        file = Attachment(f"FILE{number:04}", "a.pdf", (mark,))
        works.append(Work(f"WORK{number:04}", attachments=(file,)))
    write_zotero(tmp_path / "zotero.sqlite", [Library(tuple(works))])
    ran: list[str] = []
    with open_database(tmp_path / "zotero.sqlite", None) as database:
        [library] = database.libraries
        database.connection.set_trace_callback(ran.append)
        items = database.read_items(library)
    assert len(items) == 3 * count
    assert len(ran) == 6
