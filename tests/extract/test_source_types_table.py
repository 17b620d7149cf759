"""Candidates, source types and their scans, and copies of databases of other programs: rows."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from ankiforge.errors import ItemError
from ankiforge.extract import sqlite as database_copies
from ankiforge.extract.base import (
    convert_errors_to_problems,
)
from ankiforge.extract.sqlite import (
    DatabaseOwner,
    open_database_copy,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
)

# --- scans -------------------------------------------------------------------------------------------

DOCUMENT = Document(DocumentKey("k:n/1"), "n", "A")
MARK = Highlight(DOCUMENT, "k:n", HighlightKind.HIGHLIGHT, "A cell divides.")
READ = ExtractedDocument(DOCUMENT, (MARK,), "k:n")


def source(*sightings, error: Exception | None = None, **fields):
    def scan(known):
        yield from sightings
        if error:
            raise error

    return SimpleNamespace(scan=scan, **fields)


def test_an_error_of_a_plug_in_names_it():
    def fail():
        yield READ
        raise ValueError("odd")

    _, problem = convert_errors_to_problems("a.md", fail(), "foliate")
    assert problem.location == "a.md"
    assert "foliate" in problem.message


# --- databases of other programs -------------------------------------------------------------------

OWNER = DatabaseOwner("Loom", "it is in the loom", "give loom.db")


def make_database(path: Path, *tables: str) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} (x)")
            database.execute(f"INSERT INTO {table} VALUES (?)", (table,))
    return path


@pytest.mark.parametrize(
    ("content", "tables", "message", "hint"),
    [
        (None, (), "there is no Loom database", "it is in the loom"),
        ("a pipe", (), "it is not a regular file", "pipes, devices and folders are not read"),
        (b"", (), "not a Loom database", "give loom.db"),
        (b"a text that is no database", (), "not a Loom database", "give loom.db"),
        (b"SQLite format 3\0" + b"x" * 100, (), "not a Loom database: file is not a database", "give loom.db"),
        ("marks", ("marks", "z", "books"), "not a Loom database: it has no table books", "give loom.db"),
    ],
)  # fmt: skip
def test_why_a_database_cannot_be_read(tmp_path, content, tables, message, hint):
    path = tmp_path / "loom.db"
    if content == "a pipe":
        os.mkfifo(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        make_database(path, content)
    with (
        pytest.raises(ItemError) as caught,
        open_database_copy(path, OWNER, tables),
    ):
        pass
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_database_that_is_too_large(tmp_path, monkeypatch):
    path = make_database(tmp_path / "loom.db", "marks")
    for limit, fits in ((path.stat().st_size, True), (path.stat().st_size - 1, False)):
        monkeypatch.setattr(database_copies, "MAX_DATABASE_BYTES", limit)
        if fits:
            with open_database_copy(path, OWNER, ("marks",)):
                continue
        with (
            pytest.raises(ItemError, match="larger than") as caught,
            open_database_copy(path, OWNER, ("marks",)),
        ):
            pass
        assert caught.value.hint == "make it smaller in Loom"


@pytest.mark.parametrize(("writes", "is_read"), [(0, True), (2, True), (3, False)])
def test_a_database_is_copied_until_it_stays_as_it_is(
    tmp_path, monkeypatch, writes, is_read
):
    path = make_database(tmp_path / "loom.db", "marks")
    journal = tmp_path / "loom.db-journal"
    copies = []
    copy_file = database_copies.shutil.copyfileobj

    def write_meanwhile(source, target, length):
        copy_file(source, target, length)
        copies.append(Path(target.name).name)
        if len(copies) <= writes:
            journal.unlink(missing_ok=True)
            os.utime(path, ns=(len(copies), len(copies)))

    monkeypatch.setattr(database_copies, "RETRY_SECONDS", 0)
    monkeypatch.setattr(database_copies.shutil, "copyfileobj", write_meanwhile)
    if is_read:
        with open_database_copy(path, OWNER, ("marks",)):
            pass
        assert copies == ["loom.db"] * (writes + 1)
    else:
        with (
            pytest.raises(ItemError, match="Loom keeps writing to it") as caught,
            open_database_copy(path, OWNER, ("marks",)),
        ):
            pass
        assert "close it, and run again" in caught.value.hint
        assert copies == ["loom.db"] * 3
