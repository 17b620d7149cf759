"""Every answer given in Anki reaches the ledger, whenever and by whatever way it comes to light."""

import time
from typing import Any

import pytest

from tests.anki.stories import Desk

DAY_MS = 86_400_000
WORDS = "Katze:::cat\n\nHund:::dog\n\nThe ==mitochondrion== makes ==ATP==.\n"


@pytest.fixture
def studied(desk: Desk) -> Desk:
    """The person's collection has the three notes, and the program has seen it."""
    desk.write(WORDS)
    desk.go()
    return desk


def answer(
    anki: Any, card: int, days_ago: float, *, kind: int = 1, ease: int = 3
) -> None:
    """A line of the review log, as a device may bring it by a sync."""
    at = int(time.time() * 1000 - days_ago * DAY_MS)
    row = (at, card, ease, 30, 10, 2500, 8000, kind)
    anki.col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, ?)", *row)


def given(forge: Any) -> int:
    forge.ok("pull")
    return int(forge.json("status")["answers"]["reviews"])


def test_a_device_that_syncs_a_year_late_brings_its_answers_once(studied, forge, anki):
    card = anki.cards(studied.guid())[0].id
    answer(anki, card, 1)
    assert given(forge) == 1
    anki.col.db.execute("update col set mod = mod + 1000")
    assert given(forge) == 1
    answer(anki, card, 400)
    assert given(forge) == 2


def test_answers_that_a_first_look_at_a_part_did_not_show_are_read(
    studied, forge, backend, anki, tmp_path
):
    cat, dog = (anki.cards(studied.guid(word))[0] for word in ("Katze", "Hund"))
    answer(anki, cat.id, 1)
    answer(anki, dog.id, 500)
    cat.did = anki.col.decks.id("Apart")
    anki.col.update_card(cat)
    part = tmp_path / "part.apkg"
    backend.export(anki.col, part, deck="Apart")
    forge.ok("pull", part)
    assert forge.json("status")["answers"]["reviews"] == 1

    assert given(forge) == 2


def test_answers_in_a_filtered_deck_count_but_cramming_tells_nothing_of_retention(
    studied, forge, anki
):
    card = anki.cards(studied.guid())[0].id
    answer(anki, card, 3, kind=3, ease=1)
    answer(anki, card, 2, kind=1)
    anki.col.db.execute("update revlog set factor = 0 where type = 3")

    assert given(forge) == 2
    told = forge.json("status")["answers"]
    assert (told["remembered"], told["tested"]) == (1, 1)
    assert "2 reviews   retention 100 %" in forge.ok("status").stdout


def test_an_answer_that_only_a_phone_has_yet_is_not_taken_for_undone(
    studied, forge, backend, anki, tmp_path
):
    """It came by an export, and is kept when the laptop is looked at, which does not know it."""
    card = anki.cards(studied.guid())[0].id
    answer(anki, card, 2)
    backend.export(anki.col, tmp_path / "phone.apkg")
    anki.col.db.execute("delete from revlog")
    forge.ok("pull", tmp_path / "phone.apkg")

    assert given(forge) == 1
