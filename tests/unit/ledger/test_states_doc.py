"""docs/states.md and the tables in code say the same."""

from pathlib import Path

import pytest

from ankiforge.ledger.states import AXES, Event, set_by

DOC = (Path(__file__).parents[3] / "docs" / "states.md").read_text(encoding="utf-8")


def table_of(axis: str) -> dict[str, dict[str, str]]:
    section = DOC.split(f"\n## {axis}\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    columns = rows[0][1:]
    told = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows[2:]}
    assert set(told) <= {event.value for event in Event}
    unchanged = dict.fromkeys(columns, "·")
    return {event.value: told.get(event.value, unchanged) for event in Event}


@pytest.mark.parametrize("axis", AXES)
def test_document_and_code_agree_cell_by_cell(axis):
    expected = {
        event.value: {str(state): AXES[axis][state].get(event, "·") for state in AXES[axis]}
        | {"set by": set_by(axis, event)}
        for event in Event
    }
    assert table_of(axis) == expected
