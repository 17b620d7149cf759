"""`ankiforge stats`: what is known, what is not, and how it is told."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest

CELLS = """# Cells

Katze:::cat

Hund:::dog

The ==mitochondrion== makes ==ATP== for the whole cell of an animal.

a rank:: third in the row

its worth:: two in the bush
"""


@pytest.fixture
def drafted(forge: Any, vault: Path) -> Any:
    """Three cards accepted, two that wait; Anki is nowhere."""
    (vault / "Cells.md").write_text(CELLS, encoding="utf-8")
    forge.ok("run", vault)
    return forge


# --- what became of drafts --------------------------------------------------------------------


def test_what_is_not_known_is_null_and_nothing_is_written(drafted, files):
    before = files(drafted.home)
    told = drafted.json("stats")
    assert told["funnel"]["drafts"] == 2
    assert (told["anki"]["notes"], told["anki"]["retention"]) == (0, None)
    drafted.ok("stats")
    assert files(drafted.home) == before


# --- how it is told ---------------------------------------------------------------------------


def test_a_terminal_of_eighty_columns_is_enough(forge, vault):
    long = "量子力学と一般相対性理論の長い長い長い長い題名の本" * 2
    for name in (
        long,
        "Short",
        "A title that goes on and on until nobody reads it any more, ever",
    ):
        (vault / f"{name}.md").write_text(
            f"# {name}\n\n{name[:5]} one:::two\n", encoding="utf-8"
        )
    forge.ok("run", vault)

    shown = forge.ok("stats").stdout

    assert max(map(_columns, shown.splitlines())) <= 80
    assert "\x1b" not in shown


def _columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)
