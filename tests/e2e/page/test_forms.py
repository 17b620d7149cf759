"""Consent on the page to a form in which cards are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NOTE = """\
The ==mitochondrion== makes most of the cell's ATP.

Capital of France ::: Paris

Capital of Italy ::: Rome

Capital of Spain ::: Madrid

Capital of Norway ::: Oslo
"""
LATER = "\nCapital of Greece ::: Athens\n"


@pytest.fixture
def page(forge: Any, vault: Path, review: Any) -> Any:
    (vault / "Capitals.md").write_text(NOTE, encoding="utf-8")
    settings = f"sources: [obsidian: {{path: '{vault}', name: notes}}]\naccept: {{rules: review}}\n"
    forge.settings(settings)
    forge.ok("init", "--trust", forge.folder)
    forge.ok("run")
    return review()


def pressed(page: Any, settled: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        settled(page)


def verdicts(forge: Any) -> list[str]:
    return sorted(card["verdict"] for card in forge.cards() if "Capital" in str(card["fields"]))


def test_all_cards_of_a_form_are_accepted_with_one_key_and_taken_back_with_one(
    forge: Any, vault: Path, page: Any, settled: Any
) -> None:
    assert page.text_content("#title").startswith("4 cards written as “a ::: b” in ")
    assert page.text_content("#kind") == "Cards you wrote"
    assert page.locator(".place").count() == 3
    pressed(page, settled, "A")
    assert verdicts(forge) == ["accepted"] * 4
    assert page.text_content("#kind") == "New cards"
    (vault / "Capitals.md").write_text(NOTE + LATER, encoding="utf-8")
    forge.ok("run")
    assert verdicts(forge) == ["accepted"] * 5
    pressed(page, settled, "u")
    assert verdicts(forge) == ["pending"] * 5
    assert page.text_content("#title").startswith("5 cards written as “a ::: b” in")


def test_a_form_is_asked_for_once(forge: Any, page: Any, settled: Any) -> None:
    pressed(page, settled, "l")
    assert page.text_content("#kind") == "New cards"
    assert verdicts(forge) == ["pending"] * 4
    pressed(page, settled, "a")
    assert page.text_content("#kind") == "New cards"
    page.click('#views a[data-view="recent"]')
    pressed(page, settled, "j")
    title = page.text_content("#title")
    assert title.startswith("Cards written as “a ::: b” in ")
    assert title.endswith(": you decide on each")
    pressed(page, settled, "z")
    page.click('#views a[data-view="decide"]')
    settled(page)
    assert page.text_content("#kind") == "Cards you wrote"


def test_a_form_that_is_never_wanted_leaves_the_list_and_rejects_nothing(
    forge: Any, page: Any, settled: Any
) -> None:
    pressed(page, settled, "N")
    assert {card["verdict"] for card in forge.cards()} == {"pending"}
    assert page.text_content('#views a[data-view="decide"] .count') == "1"
    assert page.text_content('#views a[data-view="passages"] .count') == "0"
