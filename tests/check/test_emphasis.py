"""Marks that are accepted at once, and those that wait, through the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

BESIDE = "\n\nThe rest of the note is about other things.\n"


def states(forge: Any) -> dict[str, str]:
    return {card["fields"]["Text"]: card["verdict"] for card in forge.cards()}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("Osmosis.md", "==Osmosis==: movement of water across a membrane"),
        ("Cells.md", "# Osmotic pressure\n\nA pump builds up ==osmotic pressures==."),
        ("Testing.md", "# Verification, validation\n\nTests serve ==V&V== of all parts."),
        ("Sleep.md", "Sleep proceeds ==in phases== that alternate through the night."),
    ],
)
def test_a_mark_waits_if_it_is_shown_beside_its_card_or_says_only_how(
    forge, vault, place, line
) -> None:
    (vault / place).write_text(line + BESIDE, encoding="utf-8")
    forge.ok("run", vault)
    assert set(states(forge).values()) == {"waiting"}


@pytest.mark.parametrize("second", ["Muscles.md", "Nerves.md"])
def test_a_phrase_that_is_marked_before_several_texts_is_their_label(
    forge, vault: Path, second
) -> None:
    (vault / "Muscles.md").write_text(
        "==Origin==: the front of the first cartilage\n\n"
        "==Tendon==: joins a muscle to the bone that it moves\n\n",
        encoding="utf-8",
    )
    with (vault / second).open("a", encoding="utf-8") as note:
        note.write("==Origin==: the upper half of the shoulder blade\n")
    forge.ok("run", vault)
    labels = set()
    for card in forge.cards():
        if any(finding["check"] == "label" for finding in card["findings"]):
            labels.add(card["fields"]["Text"].partition("}}")[0])
    assert labels == {"{{c1::Origin"}


def test_a_colon_that_is_marked_with_its_term_is_not_hidden(forge, vault) -> None:
    note = vault / "Networks.md"
    note.write_text(
        "==1000Base-T (copper):== 1 Gbps over four pairs of wires.\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    text = "{{c1::1000Base-T (copper)}}: 1 Gbps over four pairs of wires."
    assert states(forge) == {text: "waiting"}  # as it begins its sentence
