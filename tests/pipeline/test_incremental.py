"""A run on unchanged sources leaves journal and packages as they are: histories of the golden corpus, with one more run at their end."""

from typing import Any

import pytest

from tests.golden import histories
from tests.golden.test_golden import HISTORIES

EACH_SOURCE = (
    "pictures that move",
    "a PDF with marks",
    "a Zotero library",
    "exports of Kindle, Readwise and Hypothesis",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            "a note in another encoding for a while",
            "a paper in Zotero and as a file",
            "plain texts outside a vault",
        )
    ),
)


@pytest.mark.parametrize("name", EACH_SOURCE)
def test_a_run_on_unchanged_sources_decides_and_ships_nothing(
    name, tmp_path, forge_in, fake, monkeypatch
):
    played: list[histories.Player] = []

    class Kept(histories.Player):
        def play(self) -> list[dict[str, Any]]:
            played.append(self)
            return super().play()

    monkeypatch.setattr(histories, "Player", Kept)
    histories.play(HISTORIES[name], tmp_path, forge_in, fake)
    [player] = played
    machine = player.machine("laptop")
    player.call(machine, "run")
    files = [*machine.state_folder.glob("journal/*"), *machine.desk.rglob("*.apkg")]
    assert len(files) > 1
    before = [path.read_bytes() for path in files]
    counts = player.call(machine, "run").data
    assert [path.read_bytes() for path in files] == before
    assert not any(counts["highlights"][name] for name in ("new", "changed", "gone"))
    assert not any(counts["notes"][name] for name in ("added", "updated"))
