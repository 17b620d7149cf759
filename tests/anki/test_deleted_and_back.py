"""A note that a person deletes in Anki: no package brings it back, or else it is told."""

from pathlib import Path

import pytest

from ankiforge.pipeline import ingest as reading
from tests.anki.stories import Desk, do

TWO = "Katze:::cat\n\nHund:::dog\n"


def told(desk: Desk) -> str:
    """What a run says, beside its data."""
    return str(desk.forge.ok("run").stderr)


def test_what_is_deleted_while_the_sources_are_read_is_not_in_the_package(
    desk, monkeypatch: pytest.MonkeyPatch
):
    desk.write(TWO)
    desk.go()
    desk.write(TWO.replace("cat", "a cat"))
    ingest = reading.ingest

    def read(*args, **options):
        desk.delete()
        return ingest(*args, **options)

    monkeypatch.setattr(reading, "ingest", read)
    desk.run(written=0, tombstones=1)
    assert desk.card()["verdict"] == "retired"
    assert desk.card("Hund")["verdict"] == "accepted"


def test_what_a_package_brings_back_is_told_once(desk, backend, tmp_path: Path):
    desk.write(TWO)
    desk.go()
    desk.write(TWO.replace("cat", "a cat"))
    desk.run(written=1)
    desk.delete()
    desk.load(new=1)
    said = told(desk)
    assert "you had deleted is back" in said
    assert f"ankiforge reject {desk.guid()[:10]}" in said
    assert "deleted" not in told(desk)
    backend.export(desk.col, tmp_path / "export.apkg")
    desk.forge.ok("pull", "--apkg", tmp_path / "export.apkg")
    desk.settle()
    assert "deleted" not in told(desk)
    desk.forge.ok("reject", desk.guid()[:10])
    desk.run(written=1)
    desk.load(updated=1)
    desk.tags("ankiforge::retired")
    assert "deleted" not in told(desk)


def test_what_was_never_seen_and_came_back_is_told(desk):
    desk.write(TWO)
    desk.run(written=2)
    desk.load(new=2)
    desk.delete()
    desk.load()
    assert "you had deleted is back" in told(desk)


def test_a_deletion_that_was_undone_here_or_there_is_not_told(desk):
    for undo in (do.undo(), do.say("undo")):
        desk.write(TWO)
        desk.go()
        desk.delete()
        desk.run()
        undo(desk)
        desk.ship()
        assert "you had deleted" not in told(desk)
        desk.notes_there(2)


def test_an_old_package_is_told_too(desk, tmp_path: Path):
    desk.write(TWO)
    desk.run(written=2)
    old = tmp_path / "old.apkg"
    old.write_bytes(desk.package.read_bytes())
    desk.load(new=2)
    desk.run()
    desk.delete()
    desk.run(tombstones=1)
    desk.anki.load(old)
    assert "you had deleted is back" in told(desk)
    assert desk.card()["verdict"] == "accepted"
