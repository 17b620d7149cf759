"""Whole ways through the page, in a real Chromium: what a person does in ten minutes a day."""

from pathlib import Path
from typing import Any

import pytest

CELLS = """\
# Cells

The ==mitochondrion== makes most of the cell's ATP.

What does a ribosome read?::Messenger RNA

The ==nucleus== holds the DNA.

What bounds the cell?::A membrane
"""


@pytest.fixture
def note(forge: Any, vault: Path) -> Path:
    path = vault / "Cells.md"
    path.write_text(CELLS, encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    return path


@pytest.fixture
def press(settled: Any) -> Any:
    """Press keys one after the other, each when the page has settled."""

    def press(page: Any, *keys: str) -> None:
        for key in keys:
            page.keyboard.press(key)
            settled(page)

    return press


def verdicts(forge: Any) -> list[str]:
    return [card["verdict"] for card in forge.cards()]


def test_from_a_vault_to_anki_by_keys_alone(forge, note, review, press, anki):
    page = review()
    press(page, "a", " ", "x", "u", "j", "a")
    assert verdicts(forge) == ["accepted", "accepted", "pending", "pending"]
    press(page, "a", "a")
    page.wait_for_function(
        """() => document.querySelector('#views a[data-view="decide"] .count').innerText == '0'"""
    )
    forge.ok("build")
    anki.load(forge.folder / "ankiforge.apkg")
    for card in forge.cards():
        assert anki.note(card["guid"])["Source"]


def test_what_was_decided_is_taken_back_after_a_restart(forge, note, review, press):
    page = review()
    press(page, "a", "x", "a")
    page.close()
    page = review(process=True)
    press(page, "u", "u")
    assert sorted(verdicts(forge)) == ["accepted", "pending", "pending", "pending"]
    press(page, "u")
    assert set(verdicts(forge)) == {"pending"}


def test_two_tabs_a_terminal_and_a_run_never_overwrite_one_another(
    forge, note, review, press, settled
):
    page = review()
    other = page.context.new_page()
    other.goto(page.url.partition("#")[0])
    settled(other)
    guid = page.url.rpartition("%2F")[2]

    forge.ok("edit", guid, "--field", "Back", "Messenger RNA, mostly")
    press(page, "x")
    assert "changed in the meantime" in page.inner_text("#told")
    assert set(verdicts(forge)) == {"pending"}
    press(page, "a")
    press(other, "x")
    assert "changed in the meantime" in other.inner_text("#told")
    assert verdicts(forge).count("accepted") == 1

    note.write_text(CELLS + "\nWhat moves a sperm cell?::Its flagellum\n", encoding="utf-8")
    running = forge.started("run", note.parent, "--accept", "review")
    press(page, "a", "a", "a")
    assert running.wait(timeout=60) == 0
    running.communicate()
    assert verdicts(forge).count("accepted") == 4
    press(page, "j", "a")
    assert verdicts(forge) == ["accepted"] * 5


def test_after_ten_decisions_ten_more_or_to_anki(forge, vault, review, press, settled):
    lines = (f"What is number {at}?::Answer {at}\n" for at in range(12))
    (vault / "a.md").write_text("\n".join(lines), encoding="utf-8")
    forge.ok("run", vault, "--accept", "review")
    page = review()
    press(page, *"aaaaaaaaaa")
    page.locator("#round-title", has_text="10 decided, 2 left").wait_for()
    press(page, "a")  # decides nothing while it is asked
    page.click("#round-more")
    page.locator("#round").wait_for(state="hidden")
    press(page, "a")
    assert verdicts(forge).count("accepted") == 11
    page.locator("#send .count", has_text="11").wait_for()
