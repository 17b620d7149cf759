"""The page of `ankiforge audit`, opened from its file in a real browser without a network."""

from pathlib import Path
from typing import Any

import genanki
import pytest


@pytest.fixture
def written(forge: Any, tmp_path: Path) -> Path:
    """The page of a deck with a broken note and many that are alike."""
    made = genanki.Deck(2059400114, "Biology::Cells")
    words = [("What is lysis?", ""), *((f"Is word{n} one?", "yes") for n in range(15))]
    for front, back in words:
        made.add_note(genanki.Note(model=genanki.BASIC_MODEL, fields=[front, back]))
    genanki.Package(made).write_to_file(tmp_path / "deck.apkg")
    forge("audit", tmp_path / "deck.apkg", "--html", "audit.html", code=1)
    page: Path = forge.folder / "audit.html"
    return page


@pytest.mark.parametrize(
    ("width", "scheme"), [(1200, "light"), (1200, "dark"), (360, "light")], ids=str
)
def test_it_needs_nothing_and_fits(opened_alone, written, width, scheme):
    with opened_alone(written, width, scheme) as page:
        page.get_by_role("link", name="yes_no_answer").click()  # opens the list it leads to
        rows = page.locator("details", has_text="yes_no_answer").locator("tbody tr")

        assert rows.count() == 15
        assert rows.first.inner_text().startswith("Is word")
        assert "empty_side · error · 1 note" in page.inner_text("main")


def test_a_deck_with_an_endless_name_hides_nothing(forge, opened_alone, tmp_path):
    made = genanki.Deck(2059400115, "N" * 300)
    made.add_note(genanki.Note(model=genanki.BASIC_MODEL, fields=["What is lysis?", ""]))
    genanki.Package(made).write_to_file(tmp_path / "deck.apkg")
    forge("audit", tmp_path / "deck.apkg", "--html", "audit.html", code=1)

    with opened_alone(forge.folder / "audit.html", 1200, "light") as page:
        place = page.locator("td code", has_text="nid:").bounding_box()
        note = page.get_by_text("What is lysis?").bounding_box()

    assert place["x"] + place["width"] < 1200
    assert (place["height"] < 30, note["height"] < 30) == (True, True)  # a line each
