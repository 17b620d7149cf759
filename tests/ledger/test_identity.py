"""Words keep their card: what is read again, exchanged, joined or spelled otherwise is not lost or swapped."""

import unicodedata
from pathlib import Path

import pytest

COLUMNS = "Highlight,Book Title,Book Author,Location Type,Location\n"


def test_rows_of_a_readwise_book_belong_together_wherever_they_stand(
    forge, tmp_path: Path
):
    rows = [
        "Osmosis moves water across a membrane.,Cells,Roe,location,30",
        "The Rhine is 1230 km long.,Rivers,Poe,location,5",
        "Mitosis divides the nucleus.,Cells,Roe,location,10",
        "The Main joins the Rhine.,Rivers,Poe,location,3",
        "Ribosomes make proteins.,CELLS,Roe,location,20",
    ]
    export = tmp_path / "readwise-data.csv"
    export.write_text(COLUMNS + "\n".join(rows) + "\n", "utf-8")
    first = forge.json("run", export)["highlights"]
    assert (first["seen"], first["new"]) == (5, 5)
    for turned in (rows, rows[::-1], [*rows[2:], *rows[:2]]):
        export.write_text(COLUMNS + "\n".join(turned) + "\n", "utf-8")
        again = forge.json("run", export)["highlights"]
        assert {name: again[name] for name in ("seen", "new", "changed", "gone")} == {
            "seen": 5, "new": 0, "changed": 0, "gone": 0,
        }  # fmt: skip


@pytest.fixture
def notes(forge, tmp_path: Path) -> Path:
    """A vault that plain `run` reads."""
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    forge.settings(
        f"sources:\n- obsidian: {{name: notes, path: {folder}}}\nanki: {{collection: none}}\n",
        trust=True,
    )
    return folder


def live(forge) -> list[str]:
    """What the live cards ask and answer."""
    cards = [card for card in forge.cards() if card["verdict"] == "accepted"]
    return sorted(" / ".join(card["fields"].values()) for card in cards)


DAMAGED = [
    "der Schlafm\ufffdnch",
    "der SchlafmÃ¶nch",
    "it‚Äôs him",
    "der SchlafmÃ¶nch, itâ€™s him",
]


@pytest.mark.parametrize("words", DAMAGED)
def test_words_that_lost_letters_wait(forge, notes: Path, words: str):
    (notes / "A.md").write_text(f"Who sleeps here?::{words}\n", "utf-8")
    came = forge.json("run")
    assert (came["cards"]["accepted"], came["state"]["waiting"]["new"]) == (0, 1)


def test_words_that_lost_letters_do_not_reach_a_card(forge, notes: Path):
    words = DAMAGED[-1]
    text = "Who sleeps here?::der Schlafmönch\n"
    (notes / "A.md").write_text(text, "utf-8")
    forge.ok("run")
    before = live(forge)
    (notes / "A.md").write_text(f"Who sleeps here?::{words}\n", "utf-8")
    came = forge.json("run")
    assert live(forge) == before
    assert came["cards"]["changed"] == 0
    assert "damaged" in came["changes"][0]["why"]
    [revision] = forge.ok("list", "--view", "changed", "--json").lines
    (notes / "A.md").write_text(text, "utf-8")  # mended
    forge.ok("run")
    assert live(forge) == before
    assert forge.ok("list", "--view", "changed", "--json").lines == []
    (notes / "A.md").write_text(f"Who sleeps here?::{words}\n", "utf-8")
    forge.ok("run")
    forge.ok("accept", revision["id"])
    assert live(forge) == [f"Who sleeps here? / {words}"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_another_unicode_form_of_equal_words_is_no_change(forge, notes: Path, form: str):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    text = (
        "Wer schläft für Zürich?::der Mönch\n\nDer ==Mönch== schläft für Zürich.\n\n"
        "Was ist schön?\n?\nDie Tür\n\nEine Lücke für {{Zürich}} und Österreich.\n"
    )
    (notes / "A.md").write_text(unicodedata.normalize(form, text), "utf-8")
    forge.ok("run")
    before = live(forge)
    (notes / "A.md").write_text(unicodedata.normalize(other, text), "utf-8")
    came = forge.json("run")
    assert came["highlights"]["changed"] == 0
    assert came["changes"] == []
    assert live(forge) == before
    assert forge.ok("list", "--view", "changed", "--json").lines == []
