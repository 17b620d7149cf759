"""The golden corpus: each history that is kept gives what is recorded; see README.md."""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.golden import histories

HERE = Path(__file__).parent
RECORDED = HERE / "recorded"
RECORD = os.environ.get("ANKIFORGE_GOLDEN") == "record"
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


def recorded_at(name: str) -> Path:
    return RECORDED / f"{name.replace(',', '').replace(' ', '-')}.json"


def compact(steps: list[dict[str, Any]]) -> str:
    """JSON whose objects are broken down to the level of one card or note."""

    def dump(value: Any, depth: int) -> str:
        if not isinstance(value, dict) or not value or depth == 0:
            return json.dumps(value, ensure_ascii=False)
        pad = " " * (4 - depth)
        inner = [
            f"{pad}{json.dumps(key)}: {dump(one, depth - 1)}"
            for key, one in value.items()
        ]
        return "{\n" + ",\n".join(inner) + "}"

    return "[\n" + ",\n".join(dump(step, 3) for step in steps) + "\n]\n"


def marked(name: str) -> Any:
    """The name of a history, as a case: long ones, and those with a killed run, are slow."""
    steps = HISTORIES[name]["steps"]
    is_slow = len(steps) > 12 or any("kill" in step for step in steps)
    return pytest.param(name, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.parametrize("name", list(map(marked, HISTORIES)))
def test_a_history_gives_what_was_recorded(name, tmp_path, forge_in, fake):
    if histories.needs_anki(HISTORIES[name]) and not HAS_ANKI:
        pytest.skip("the anki wheel is not installed")
    came = json.loads(
        json.dumps(histories.play(HISTORIES[name], tmp_path, forge_in, fake))
    )
    if RECORD:
        recorded_at(name).write_text(compact(came), encoding="utf-8")
    steps = json.loads(recorded_at(name).read_text(encoding="utf-8"))
    assert [step["step"] for step in came] == [step["step"] for step in steps]
    for now, then in zip(came, steps, strict=True):
        assert now == then, f"{name}, {now['step']}"


def test_the_table_names_each_history_and_each_recording_once():
    assert {fate for fate, _ in TABLE.values()} <= {"kept", "changed", "dropped"}
    assert all(len(why.split()) >= 2 for _, why in TABLE.values())
    there = {name for name, (fate, _) in TABLE.items() if fate != "dropped"}
    assert there == set(HISTORIES)
    assert {recorded_at(name).name for name in there} == {
        path.name for path in RECORDED.iterdir()
    }
