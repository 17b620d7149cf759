"""A damaged database, or one that came from somebody else, ends in an answer, never in a traceback."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

TABLES = "meta document highlight draft decided event alias passage card seen search search_data".split()
VALUES = {
    "passage.body": "'junk'",
    "event.line": "'{}'",
    "highlight.body": "x'ff00fe'",
    "draft.body": "'{}'",
    "alias.keys": "'junk'",
    "document.depends": "x'ff00fe'",
}
COMMANDS = ("list", "run", "undo")


@pytest.fixture(scope="module")
def sound(tmp_path_factory, forge_in):
    """A workspace with cards, drafts and decisions, whose database is in one file."""
    forge = forge_in(tmp_path_factory.mktemp("sound"))
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "a.md").write_text(
        "Katze:::cat\n\nHund:::dog\n\nThe ==lens== bends light onto the retina.\n"
    )
    (notes / "b.md").write_text("Katze:::cat\n\nA ==cell== has a wall of its own.\n")
    text = "sources: [obsidian: {name: notes, path: notes}]\naccept: {rules: clean}\n"
    forge.settings(text, trust=True)
    forge.ok("run")
    [first, second, *_] = [card["id"] for card in forge.cards("verdict:accepted")]
    forge.ok("reject", first)
    forge.ok("edit", second, "--field", "Extra", "words of mine")
    forge.ok("run")
    with closing(sqlite3.connect(forge.folder / ".ankiforge" / "ledger.db")) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return forge


@pytest.fixture
def damaged(sound, tmp_path, forge_in):
    """Makes a copy of it, changes the file of its database, and returns the program there."""

    def make(damage: Callable[[Path], None]):
        for folder in (sound.folder, sound.home):
            copy = tmp_path / folder.name
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
        forge = forge_in(tmp_path)
        forge.trust(forge.folder)
        damage(forge.folder / ".ankiforge" / "ledger.db")
        return forge

    return make


def changed(statement: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(statement)

    return change


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: (path.write_bytes(change(path.read_bytes())), None)[1]


def garbled(seed: int) -> Callable[[bytes], bytes]:
    """Overwrite some bytes, at places and in lengths of chance."""

    def garble(content: bytes) -> bytes:
        chance = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 3, 20))):
            size = chance.choice((1, 16, 512, 4096))
            start = chance.randrange(len(damaged) - size)
            damaged[start : start + size] = chance.randbytes(size)
        return bytes(damaged)

    return garble


DAMAGES = {
    **{f"no table {table}": changed(f"DROP TABLE IF EXISTS {table}") for table in TABLES},
    **{
        f"no column {column}": changed(
            "ALTER TABLE {} RENAME COLUMN {} TO lost".format(*column.split("."))
        )
        for column in ("passage.body", "event.line")
    },
    **{
        f"{value} in {column}": changed(
            "UPDATE {} SET {} = {}".format(*column.split("."), value)
        )
        for column, value in VALUES.items()
    },
    "no passages": changed("DELETE FROM passage"),
    "another version": changed("UPDATE meta SET value = '0' WHERE name = 'version'"),
    "no trigger": changed("DROP TRIGGER highlight_new"),
    "nothing": rewritten(lambda content: b""),
    "text": rewritten(lambda content: b"words " * 2000),
    **{
        f"the first {size} bytes": rewritten(lambda content, size=size: content[:size])
        for size in (50, 30_000)
    },
    **{f"garbled {seed}": rewritten(garbled(seed)) for seed in range(3)},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_database_is_told_or_rebuilt(sound, damaged, damage):
    for command in COMMANDS:
        forge = damaged(damage)
        result = forge(command)
        assert result.exit_code in (0, 1, 4), result
        assert "Traceback" not in result.stderr
        assert "ankiforge itself fails" not in result.stderr
        if result.exit_code == 4:
            assert "ledger.db" in result.stderr + result.stdout

    for path in (forge.folder / ".ankiforge").glob("ledger.db*"):
        path.unlink()
    forge.ok("run")
    assert words(forge) == words(sound)


@pytest.mark.parametrize("table", ["event", "passage", "card", "highlight", "meta"])
def test_a_missing_table_is_named_to_who_reads_and_made_again_by_a_run(
    sound, damaged, table
):
    forge = damaged(changed(f"DROP TABLE {table}"))
    if table != "meta":  # without that, the database counts as one that is being made
        told = forge("list", code=4).stderr
        assert "the database is damaged" in told
        assert f"delete {forge.folder / '.ankiforge' / 'ledger.db'}" in told
    forge.ok("run")
    assert words(forge) == words(sound)


def words(forge):
    return {card["id"]: (card["verdict"], card["fields"]) for card in forge.cards()}
