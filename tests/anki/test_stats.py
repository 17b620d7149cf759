"""`ankiforge stats` counts what became of highlights, from real reviews in Anki's own collection."""

import re
import time
from datetime import date
from typing import Any

import pytest

from tests.anki.stories import Desk

DAY_MS = 86_400_000
CELLS = "# Cells\n\nKatze:::cat\n\nHund:::dog\n\nThe ==mitochondrion== makes ==ATP==.\n\na rank:: third\n"
BIRDS = "# Birds\n\nAmsel:::blackbird\n"
ANSWERS = ((400, 3), (3, 3), (3, 1), (1, 3))
"""Of one card: how many days ago, and 1 (again) to 4 (easy)."""


@pytest.fixture
def studied(desk: Desk) -> Any:
    """Two notes with cards in Anki, one of which was answered four times."""
    desk.write(CELLS, "Cells.md")
    desk.write(BIRDS, "Birds.md")
    desk.go()
    card = desk.anki.cards(desk.guid("Katze"))[0].id
    now = int(time.time() * 1000)
    for number, (days_ago, ease) in enumerate(ANSWERS):
        row = (now - days_ago * DAY_MS + number, card, ease, 30, 10, 2500, 8000, 1)
        desk.col.db.execute(
            "insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, ?)", *row
        )
    desk.forge.ok("pull")
    return desk.forge


def test_each_source_and_document_has_its_highlights_cards_and_reviews(studied):
    told = studied.json("stats")

    assert told["funnel"]["reviewed"] == 1
    assert told["funnel"]["highlights"] == 5
    assert sum(told["made"].values()) == told["funnel"]["accepted"]
    cells, birds = told["by"]["document"]
    assert (cells["name"], cells["highlights"], cells["waiting"]) == ("Cells", 4, 1)
    assert (cells["reviews"], cells["retention"]) == (4, 0.75)
    assert (birds["name"], birds["highlights"], birds["reviews"]) == ("Birds", 1, 0)
    (source,) = told["by"]["source"]
    for name in ("highlights", "cards", "waiting", "no_card", "reviews"):
        assert source[name] == cells[name] + birds[name]
    for day, count in told["days"].items():
        days_ago = (date.today() - date.fromisoformat(day)).days
        assert sum(days_ago == ago for ago, _ in ANSWERS) == count


def test_the_figures_are_lines_of_text(studied):
    shown = studied.ok("stats").stdout

    assert re.search(r"^highlights +5$", shown, re.MULTILINE)
    assert re.search(r"^cards reviewed +1$", shown, re.MULTILINE)
    assert "4 reviews, retention 75 %, 0 leeches" in shown
    assert re.search(r"^Cells +4 +\d+ +1 +0 +4 +75 %$", shown, re.MULTILINE)
