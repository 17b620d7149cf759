"""From a vault to accepted cards, by keys alone."""

from __future__ import annotations

from pathlib import Path


def test_a_card_is_accepted_and_taken_back_by_keys(forge, vault: Path, review, settled) -> None:
    (vault / "a.md").write_text("The ==cell== divides.\n\nThe ==nucleus== holds the DNA.\n")
    forge.ok("run", vault, "--accept", "review")
    page = review(process=True)

    page.keyboard.press("a")
    settled(page)
    assert [card["verdict"] for card in forge.cards()] == ["accepted", "pending"]

    page.keyboard.press("u")
    settled(page)
    assert [card["verdict"] for card in forge.cards()] == ["pending", "pending"]
