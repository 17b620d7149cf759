"""The golden corpus: each history that is kept gives what is recorded; see README.md.

Those whose journal is compared, too, are in `test_journal.py`.
"""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.golden import histories
from tests.golden.histories import RECORDED, recorded_at
from tests.golden.test_journal import WHOLE

HERE = Path(__file__).parent
HISTORIES = histories.read_histories()
HAS_ANKI = importlib.util.find_spec("anki") is not None


def read_table() -> dict[str, tuple[str, str]]:
    """{name: (kept or changed or dropped, why)} of `table.md`."""
    lines = (HERE / "table.md").read_text(encoding="utf-8").splitlines()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if "|" in line
    ]
    assert len({row[0] for row in rows}) == len(rows), "a name stands twice"
    return {name: (fate, why) for name, fate, why in rows[2:]}


TABLE = read_table()


def marked(name: str) -> Any:
    """The name of a history, as a case: long ones, and those with a killed run, are slow."""
    steps = HISTORIES[name]["steps"]
    is_slow = len(steps) > 10 or any("kill" in step for step in steps)
    return pytest.param(name, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.parametrize(
    "name", [marked(name) for name in HISTORIES if name not in WHOLE]
)
def test_a_history_gives_what_was_recorded(name, tmp_path, forge_in, fake):
    if histories.needs_anki(HISTORIES[name]) and not HAS_ANKI:
        pytest.skip("the anki wheel is not installed")
    came = histories.play(HISTORIES[name], tmp_path, forge_in, fake)
    histories.assert_recorded(name, came)


def test_the_table_names_each_history_and_each_recording_once():
    assert {fate for fate, _ in TABLE.values()} <= {"kept", "changed", "dropped"}
    assert all(len(why.split()) >= 2 for _, why in TABLE.values())
    there = {name for name, (fate, _) in TABLE.items() if fate != "dropped"}
    assert there == set(HISTORIES)
    assert {recorded_at(name).name for name in there} == {
        path.name for path in RECORDED.iterdir()
    }
