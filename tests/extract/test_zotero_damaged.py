"""A damaged Zotero database is a clear problem, or its damaged values are left out."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ankiforge.errors import BUG_MESSAGE
from ankiforge.model import Problem, ScanEnd
from tests.makers.zotero_writer import (
    Annotation,
    Attachment,
    Library,
    Note,
    Work,
    quoted,
    write_zotero,
)
from tests.reading import opened

ODD = [
    b"\xff\xfe\xfa",
    "",
    None,
    2**62,
    float("inf"),
    "[" * 3000,
    '{"pageIndex": 99999999999999999999999}',
    "http://[::1",
    "storage:a\0b",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> bytes:
    """A database with a bit of everything."""
    marks = (
        Annotation(
            "MARK0001", "Spacing helps memory.", "? why", tags=("a", "b"), author=1
        ),
        Annotation("MARK0002", kind="image"),
        Annotation("MARK0003", "massed", "c", kind="underline", author=2),
    )
    paper = Work(
        "PAPER001",
        {"title": "On Spacing", "date": "2019-03-00 March 2019", "DOI": "10.5555/1",
         "extra": "Citation Key: doe", "url": "http://a.example/c", "ISBN": "123"},
        creators=(("author", "Jane", "Doe"), ("author", "", "The Snail Consortium")),
        tags=("t",),
        collections=("Memory/Spacing",),
        attachments=(Attachment("ATTACH01", "Doe.pdf", marks),),
        notes=(Note("NOTE0001", f"<p>Some <b>note</b></p>{quoted(marks[0])}"),),
    )  # fmt: skip
    libraries = [Library((paper,)), Library((paper,), group=77, name="Club")]
    path = tmp_path_factory.mktemp("whole") / "zotero.sqlite"
    users = {1: "Ada", 2: "Ben"}
    return write_zotero(path, libraries, account=(1, "ada"), users=users).read_bytes()


def read(path: Path) -> list[str]:
    """Read a database, and return its problems; none is a fault of this program."""
    found = list(opened("zotero", path, name="z").scan())
    assert isinstance(found[-1], ScanEnd)
    problems = [one for one in found if isinstance(one, Problem)]
    assert all(one.hint for one in problems)
    return [one.message for one in problems if BUG_MESSAGE in one.message]


@pytest.mark.parametrize("seed", range(3))
def test_bytes_changed_at_random_are_no_fault_of_ours(tmp_path, whole, seed):
    chance = random.Random(seed)
    path = tmp_path / "zotero.sqlite"
    for _ in range(30):
        changed = bytearray(whole)
        for _ in range(chance.choice([1, 3, 10, 100])):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        if chance.random() < 0.1:
            del changed[chance.randrange(len(changed)) :]
        path.write_bytes(changed)
        assert read(path) == []


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_odd_values_in_any_column_are_no_fault_of_ours(tmp_path, whole, odd):
    path = tmp_path / "zotero.sqlite"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as connection:
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        ]
        columns = [
            (table, row[1])
            for table in tables
            for row in connection.execute(f"PRAGMA table_info({table})")
        ]  # fmt: skip
    for table, column in columns:
        path.write_bytes(whole)
        value = "CAST(? AS TEXT)" if isinstance(odd, bytes) else "?"
        with closing(sqlite3.connect(path)) as connection:
            try:
                connection.execute(
                    f"UPDATE OR IGNORE {table} SET {column} = {value}", (odd,)
                )
            except sqlite3.Error:  # the column takes no such value
                continue
            connection.commit()
        assert read(path) == [], (table, column)


def test_a_name_of_a_table_that_is_no_text_is_a_damaged_database(tmp_path, whole):
    path = tmp_path / "zotero.sqlite"
    path.write_bytes(
        whole.replace(b"CREATE TABLE settings", b"CREATE TABLE s\xfft\xfeings")
    )
    [problem] = [
        one for one in opened("zotero", path, name="z").scan() if isinstance(one, Problem)
    ]
    assert "cannot be read" in problem.message
    assert "Check Database Integrity" in problem.hint


@pytest.mark.parametrize("keys", [[b""], [b"\xff", b"\xfe"]])
def test_a_library_in_which_an_item_lost_its_key_is_not_read(tmp_path, whole, keys):
    path = tmp_path / "zotero.sqlite"
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as connection:
        ids = connection.execute("SELECT itemID FROM itemAnnotations ORDER BY 1")
        for key, (id,) in zip(keys, ids.fetchall(), strict=False):
            query = "UPDATE items SET key = CAST(? AS TEXT) WHERE itemID = ?"
            connection.execute(query, (key, id))
        connection.commit()
    found = list(opened("zotero", path, name="z").scan())
    ends = [one.complete for one in found if isinstance(one, ScanEnd)]
    assert ends == [False, True], "of the group, nothing is damaged"
    problems = [one.message for one in found if isinstance(one, Problem)]
    assert "an item has no key of its own" in problems
