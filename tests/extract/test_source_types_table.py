"""Candidates, source types and their scans, and copies of databases of other programs: rows."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from ankiforge.errors import ConfigError, ItemError
from ankiforge.extract import sqlite as database_copies
from ankiforge.extract.base import (
    Candidate,
    Confidence,
    ScanProgress,
    SourceType,
    assign_initial_keys,
    convert_errors_to_problems,
    get_scan_progress,
    get_source_name,
    scan_source,
)
from ankiforge.extract.registry import (
    find_source_type,
    get_default_name,
    is_export_kind,
    list_kinds_without_example,
    list_path_alternatives,
    list_settings_examples,
    list_source_kinds,
    load_source_type,
    load_source_types,
)
from ankiforge.extract.sqlite import (
    DatabaseOwner,
    list_database_files,
    open_database_copy,
)
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Problem,
    ScanEnd,
)

# --- one file ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("a.PDF", ".pdf"), ("a.b.md", ".md"), ("a", ""), ("a.srt.txt", ".srt"),
        ("A.VTT.TXT", ".vtt"), ("a.md.txt", ".txt"), (".md", ""),
    ],
)  # fmt: skip
def test_the_suffix_of_a_candidate(name, suffix):
    assert Candidate(Path("d.x", name)).suffix == suffix


@pytest.mark.parametrize(
    ("raw", "head"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ufeffä".encode(), "ä"),
        ("ä\r\n".encode("utf-16"), "ä\n"),
        (b"a\xff", "a\ufffd"),
        (b"", ""),
        (b"x" * 65_537, "x" * 65_536),
    ],
)
def test_the_head_of_a_candidate(tmp_path, raw, head):
    (tmp_path / "a").write_bytes(raw)
    candidate = Candidate(tmp_path / "a")
    assert candidate.head == head
    assert candidate.read_error is None


def test_a_candidate_that_cannot_be_read_has_no_head(tmp_path):
    candidate = Candidate(tmp_path)
    assert candidate.head == ""
    assert candidate.read_error.message == "it is not a regular file"


class Texts(SourceType):
    kind = "texts"
    suffixes = (".a", ".b")

    @classmethod
    def open(cls, opening):
        raise NotImplementedError


class Library(Texts):
    suffixes = (".a",)
    marker_file = "library.db"


class Account(Texts):
    suffixes = ()


def test_by_default_the_suffix_decides():
    assert Texts.recognise(Candidate(Path("x.B"))) is Confidence.SUFFIX
    assert Texts.recognise(Candidate(Path("x.c"))) is Confidence.NO
    assert Texts.explain_rejection(Candidate(Path("x.c"))) == ""
    read = [kind.reads_single_files() for kind in (Texts, Library, Account)]
    assert read == [True, False, False]


# --- the registry --------------------------------------------------------------------------------


def test_what_the_registry_lists():
    kinds = list_source_kinds()
    assert list(kinds) == sorted(kinds)
    assert set(kinds) == {source.kind for source in load_source_types()}
    with_example = sorted(each.kind for each in load_source_types() if each.example)
    examples = list_settings_examples()
    assert [each.split(":")[0].removeprefix("- ") for each in examples] == with_example
    others = list_kinds_without_example()
    assert {*others, *with_example} == set(kinds)
    unambiguous = [load_source_type(kind).is_unambiguous for kind in others]
    assert unambiguous == sorted(unambiguous, reverse=True)
    assert list_path_alternatives() == {"api", "library"}


@pytest.mark.parametrize(
    ("kind", "is_export", "name"),
    [("kindle", True, "kindle"), ("koreader", True, "koreader"), ("pdf", False, "papers"), ("none", False, "papers")],
)  # fmt: skip
def test_an_export_is_named_after_its_kind(kind, is_export, name):
    assert is_export_kind(kind) is is_export
    assert get_default_name(kind, Path("/home/ada/papers")) == name


def test_a_source_type_that_does_not_exist():
    assert find_source_type("none") is None
    assert find_source_type("pdf") is load_source_type("pdf")
    with pytest.raises(ConfigError, match="no source called 'none'") as caught:
        load_source_type("none")
    assert "kindle" in caught.value.hint


# --- scans -------------------------------------------------------------------------------------------

DOCUMENT = Document(DocumentKey("k:n/1"), "n", "A")
MARK = Highlight(DOCUMENT, "k:n", HighlightKind.HIGHLIGHT, "A cell divides.")
READ = ExtractedDocument(DOCUMENT, (MARK,), "k:n")
END = ScanEnd("n", "k:n", complete=True)


def source(*sightings, error: Exception | None = None, **fields):
    def scan(known):
        yield from sightings
        if error:
            raise error

    return SimpleNamespace(scan=scan, **fields)


@pytest.mark.parametrize(
    ("fields", "name", "location"),
    [
        ({}, "", "SimpleNamespace"),
        ({"name": "a"}, "a", "a"),
        ({"listing": SimpleNamespace(name="b")}, "b", "b"),
        ({"name": "a", "listing": SimpleNamespace(name="b")}, "a", "a"),
    ],
)
def test_an_unexpected_error_is_the_last_problem_of_a_scan(fields, name, location):
    failing = source(READ, error=KeyError("x"), **fields)
    assert get_source_name(failing) == name
    first, last = scan_source(failing, None)
    assert first == READ
    assert isinstance(last, Problem)
    assert last.location == location
    assert list(scan_source(source(READ, END, **fields), None)) == [READ, END]


LISTING = SimpleNamespace(name="n", container="k:n", namespace="k:n")


def test_an_error_of_a_plug_in_names_it():
    def fail():
        yield READ
        raise ValueError("odd")

    _, problem = convert_errors_to_problems("a.md", fail(), "foliate")
    assert problem.location == "a.md"
    assert "foliate" in problem.message


def test_the_progress_of_a_scan():
    steps = []
    progress = ScanProgress(total=2, on_step=lambda: steps.append(1))
    progress.count_document()
    progress.count_document()
    assert (progress.done, steps) == (2, [1, 1])
    listing = SimpleNamespace(progress=progress)
    assert get_scan_progress(SimpleNamespace(progress=progress)) is progress
    assert get_scan_progress(SimpleNamespace(listing=listing)) is progress
    assert get_scan_progress(SimpleNamespace()) == ScanProgress()
    assert get_scan_progress(SimpleNamespace(progress=5)) == ScanProgress()


def test_the_keys_of_a_new_workspace():
    twice = ExtractedDocument(DOCUMENT, (MARK, MARK), "k:n")
    first, second = assign_initial_keys(twice)
    assert first.key.startswith("k:n/")
    assert first.key != second.key
    assert (first.exact, second.exact) == (MARK.exact, MARK.exact)
    assert list(assign_initial_keys(READ)) == [first]


# --- databases of other programs -------------------------------------------------------------------

OWNER = DatabaseOwner("Loom", "it is in the loom", "give loom.db")


def make_database(path: Path, *tables: str) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} (x)")
            database.execute(f"INSERT INTO {table} VALUES (?)", (table,))
    return path


def test_a_copy_is_opened_and_removed(tmp_path):
    path = make_database(tmp_path / "loom.db", "marks")
    before = path.read_bytes(), path.stat().st_mtime_ns
    with open_database_copy(path, OWNER, ("marks",)) as copy:
        [row] = copy.execute("SELECT x FROM marks")
        assert row["x"] == "marks"
        [[_, _, file]] = copy.execute("PRAGMA database_list")
        assert Path(file).name == "loom.db"
        assert Path(file) != path
        copy.execute("DELETE FROM marks")
    assert not Path(file).parent.exists()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


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


@pytest.mark.parametrize(
    ("repair_hint", "hint"),
    [("", "copy it from Loom again"), ("mend it in Loom", "mend it in Loom")],
)
def test_an_error_in_a_query_says_how_to_repair_the_database(tmp_path, repair_hint, hint):
    owner = DatabaseOwner("Loom", "", "", repair_hint)
    path = make_database(tmp_path / "loom.db", "marks")
    with (
        pytest.raises(ItemError, match="the database cannot be read: no such table") as caught,
        open_database_copy(path, owner, ()) as copy,
    ):  # fmt: skip
        copy.execute("SELECT * FROM books")
    assert caught.value.hint == hint


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


def test_the_files_of_a_database_behind_a_link(tmp_path):
    (tmp_path / "link.db").symlink_to(tmp_path / "loom.db")
    names = [path.name for path in list_database_files(tmp_path / "link.db")]
    assert names == ["loom.db", "loom.db-wal", "loom.db-journal"]
