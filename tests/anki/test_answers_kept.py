"""Every answer given in Anki reaches the ledger, whenever and by whatever way it comes to light."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

DAY_MS = 86_400_000
WORDS = "Katze:::cat\n\nHund:::dog\n\nThe ==mitochondrion== makes ==ATP==.\n"


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    (folder / ".obsidian").mkdir(parents=True)
    (folder / "Cells.md").write_text(f"# Cells\n\n{WORDS}", encoding="utf-8")
    return folder


@pytest.fixture
def anki(forge: Any, backend: Any, vault: Path) -> Iterator[Any]:
    """The person's collection with the three notes in it, seen by the program."""
    forge.ok("run", vault)
    with backend.opened(forge.profile) as opened:
        opened.load(forge.folder / "ankiforge.apkg")
        forge.ok("pull")
        yield opened


def guid_of(forge: Any, word: str) -> str:
    return str(next(one["guid"] for one in forge.cards() if word in str(one["fields"])))


def answer(anki: Any, card: int, days_ago: float, *, kind: int = 1, ease: int = 3) -> None:
    """A line of the review log, as a device may bring it by a sync."""
    at = int(time.time() * 1000 - days_ago * DAY_MS)
    row = (at, card, ease, 30, 10, 2500, 8000, kind)
    anki.col.db.execute("insert into revlog values (?, ?, -1, ?, ?, ?, ?, ?, ?)", *row)


def touch(anki: Any) -> None:
    anki.col.db.execute("update col set mod = mod + 1000")


def given(forge: Any) -> int:
    forge.ok("pull")
    return int(forge.json("stats")["anki"]["reviews"])


def test_a_device_that_syncs_a_year_late_brings_its_answers_once(forge, anki):
    card = anki.cards(guid_of(forge, "Katze"))[0].id
    answer(anki, card, 1)
    assert given(forge) == 1
    touch(anki)
    assert given(forge) == 1
    answer(anki, card, 400)
    assert given(forge) == 2


def test_answers_that_a_first_look_at_a_part_did_not_show_are_read(forge, backend, anki, tmp_path):
    cat, dog = (anki.cards(guid_of(forge, word))[0] for word in ("Katze", "Hund"))
    answer(anki, cat.id, 1)
    answer(anki, dog.id, 500)
    cat.did = anki.col.decks.id("Apart")
    anki.col.update_card(cat)
    part = tmp_path / "part.apkg"
    _export_deck(anki.col, cat.did, part)
    forge.ok("pull", "--apkg", part)
    assert forge.json("stats")["anki"]["reviews"] == 1

    assert given(forge) == 2


def _export_deck(col: Any, deck: int, path: Path) -> None:
    from anki.collection import DeckIdLimit, ExportAnkiPackageOptions

    options = ExportAnkiPackageOptions(
        with_scheduling=True, with_deck_configs=False, with_media=False, legacy=False
    )
    col.export_anki_package(out_path=str(path), options=options, limit=DeckIdLimit(deck))


def test_answers_in_a_filtered_deck_count_but_cramming_tells_nothing_of_retention(forge, anki):
    card = anki.cards(guid_of(forge, "Katze"))[0].id
    answer(anki, card, 3, kind=3, ease=1)
    answer(anki, card, 2, kind=1)
    anki.col.db.execute("update revlog set factor = 0 where type = 3")

    assert given(forge) == 2
    told = forge.json("stats")["anki"]
    assert (told["retention"], told["tested"]) == (1.0, 1)


def test_an_answer_that_only_a_phone_has_yet_is_not_taken_for_undone(
    forge, backend, anki, tmp_path
):
    """It came by an export, and is kept when the laptop is looked at, which does not know it."""
    card = anki.cards(guid_of(forge, "Katze"))[0].id
    answer(anki, card, 2)
    backend.export(anki.col, tmp_path / "phone.apkg", legacy=False, scheduling=True)
    anki.col.db.execute("delete from revlog")
    forge.ok("pull", "--apkg", tmp_path / "phone.apkg")

    assert given(forge) == 1
