"""Every mark waits for a person, with all its gaps; what a person wrote as a card is one at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

MARKS = """
The division of a nucleus is called ==mitosis==.
==Aldosterone== is a hormone of the adrenal cortex that raises the reabsorption of sodium.
The heart pumps blood into the <mark>aorta</mark> at each beat.
细胞核的分裂称为==有丝分裂==。
==Reason 1==: the membrane lets ions through in one direction only
Photosynthesis makes ==glucose and oxygen from carbon dioxide==.
She looked at the ==garden== for a long time and went home.
"""
OWN = """
What does the pancreas make?::insulin
The liver stores {{c1::glycogen}} for the night.
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def verdicts(forge: Any, vault: Path, text: str) -> dict[str, str]:
    for number, line in enumerate(lines(text)):
        (vault / f"note {number}.md").write_text(line + "\n", encoding="utf-8")
    forge.ok("run", vault)
    return {card["fields"]["Text"]: card["verdict"] for card in forge.cards()}


def test_marks_wait_and_cards_of_ones_own_do_not(forge: Any, vault: Path) -> None:
    for number, line in enumerate(lines(MARKS)):
        (vault / f"note {number}.md").write_text(line + "\n", encoding="utf-8")
    (vault / "own.md").write_text("\n\n".join(lines(OWN)) + "\n", encoding="utf-8")
    forge.ok("run", vault)
    cards = forge.cards()
    waiting = [card for card in cards if card["verdict"] == "waiting"]
    assert len(waiting) == len(lines(MARKS))
    assert all("{{c1::" in card["fields"]["Text"] for card in waiting)
    assert len(cards) == len(lines(MARKS)) + len(lines(OWN))


IN_A_NOTE_OF_CARDS = "The {{c1::mitochondrion}} makes energy."
IN_ANOTHER_NOTE = "The {{c1::ribosome}} makes proteins."


@pytest.mark.parametrize(
    ("plugin", "settings", "cards", "verdict"),
    [
        ("obsidian-spaced-repetition", {}, "", "accepted"),
        ("obsidian-spaced-repetition", {}, "cards: [inline]", "waiting"),
        ("obsidian-to-anki-plugin", {"Defaults": {"CurlyCloze": True}}, "", "waiting"),
        ("none", {}, "cards: [inline, osr]", "accepted"),
        ("none", {}, "", "waiting"),
    ],
)
def test_a_mark_that_a_plug_in_reads_as_a_gap_is_a_card_of_ones_own(
    forge: Any, vault: Path, plugin: str, settings: Any, cards: str, verdict: str
) -> None:
    obsidian = vault / ".obsidian"
    (obsidian / "plugins" / plugin).mkdir(parents=True)
    (obsidian / "plugins" / plugin / "data.json").write_text(json.dumps(settings))
    (obsidian / "community-plugins.json").write_text(json.dumps([plugin]))
    (vault / "Cell.md").write_text("#flashcards\n\nThe ==mitochondrion== makes energy.\n")
    (vault / "Other.md").write_text("The ==ribosome== makes proteins.\n")
    where = f"{{name: notes, path: {vault}{', ' * bool(cards)}{cards}}}"
    forge.settings(f"sources: [{{obsidian: {where}}}]", trust=True)
    forge.ok("run")
    found = {card["fields"]["Text"]: card["verdict"] for card in forge.cards()}
    assert found == {IN_A_NOTE_OF_CARDS: verdict, IN_ANOTHER_NOTE: "waiting"}


def test_several_gaps_stay_and_a_card_that_was_accepted_follows_its_edits(
    forge: Any, vault: Path
) -> None:
    note = vault / "note.md"
    note.write_text(
        "The ==liver== makes ==bile== from the cholesterol of food.\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    forge.ok("accept", "--all")
    note.write_text(
        "It makes ==bile== in the ==liver== from the cholesterol of food.\n",
        encoding="utf-8",
    )
    forge.ok("run")
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
    assert card["fields"]["Text"].startswith("It makes {{c")
    other = vault / "other.md"
    other.write_text("It keeps ==iron== and ==vitamins== for weeks.\n", encoding="utf-8")
    forge.ok("run")
    waiting = [card for card in forge.cards() if card["verdict"] == "waiting"]
    assert [card["fields"]["Text"] for card in waiting] == [
        "It keeps {{c1::iron}} and {{c2::vitamins}} for weeks."
    ]


def test_the_surest_of_the_marks_that_wait_are_asked_first(
    forge: Any, vault: Path
) -> None:
    places = (f"Town {number}" for number in range(11))
    unsure = [
        f"She looked at the ==house== in {place} and went home." for place in places
    ]
    sure = "==Osmosis== moves water through a membrane because salt is on one side."
    (vault / "note.md").write_text("\n\n".join([*unsure, sure]), encoding="utf-8")
    forge.ok("run", vault)
    asked = forge.ok("list", "verdict:waiting", "--json").lines
    assert len(asked) == 12
    assert "Osmosis" in [line["quote"].split()[0] for line in asked[:10]]
