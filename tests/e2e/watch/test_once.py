"""`ankiforge watch --once`: one pass, for scripts and timers."""

import json
from pathlib import Path
from typing import Any

import pytest

from ankiforge.cli import run as running

CELLS = "The ==mitochondrion== makes ATP.\n\nWhat is osmosis?::Movement of water\n"


@pytest.fixture(autouse=True)
def _note(vault: Path) -> None:
    (vault / "Cells.md").write_text(CELLS, "utf-8")


def pushed(forge) -> dict[str, Any]:
    """The object (the stand-in of Anki may print before it)."""
    out = forge.ok("watch", "--once", "--push", "--json").stdout
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def test_with_push_the_object_tells_what_anki_took(forge, settings, serving, tmp_path):
    with serving(tmp_path / "profile") as anki:
        settings(connect=anki.address)
        told = pushed(forge)
        assert (told["notes"]["added"], told["notes"]["updated"]) == (2, 0)
        assert told["cards"]["drafted"] == 2
        assert told["packages"] == [], "nothing is left to be imported by hand"
        with anki.collection() as col:
            assert col.note_count() == 2
        again = pushed(forge)
        assert (again["notes"]["added"], again["notes"]["updated"]) == (0, 0)
        assert again["problems"] == []
        assert "in Anki" not in forge.ok("watch", "--once", "--push").stdout


def test_with_push_and_anki_closed_the_package_lies_ready_and_it_ends_with_3(
    forge, settings, serving, tmp_path
):
    with serving(tmp_path / "profile") as anki:
        settings(connect=anki.address)
    told = forge("watch", "--once", "--push", "--json", code=3).data
    assert told["notes"]["added"] == 2
    assert [Path(one).exists() for one in told["packages"]] == [True]
    assert [one["where"] for one in told["problems"]] == ["Anki"]
    assert forge("watch", "--once", "--push", "-q", code=3).stdout == ""


def test_stopped_it_pushes_nothing(forge, settings, serving, tmp_path, monkeypatch):
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "follow", stopped)
    with serving(tmp_path / "profile") as anki:
        settings(connect=anki.address)
        forge("watch", "--once", "--push", code=130)
        assert anki.actions == []


def test_quiet_it_says_nothing_unless_something_is_wrong(forge, desk, vault):
    for _ in range(2):
        told = forge.ok("watch", "--once", "-q")
        assert (told.stdout, told.stderr) == ("", "")
    (vault / "Broken.md").write_bytes(b"Caf\xe9 ==x==")
    told = forge("watch", "--once", "-q", code=1)
    assert told.stdout == ""
    assert told.stderr.startswith("failed: Broken.md")


def test_where_nothing_has_changed_it_says_so_again(forge, desk):
    first = [forge.json("watch", "--once") for _ in range(2)][-1]
    assert forge.json("watch", "--once") == first
