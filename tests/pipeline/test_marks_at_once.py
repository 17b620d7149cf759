"""A new card of a mark is accepted at once only if it stands alone; the others wait, with all their gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SURE = """
The division of a nucleus is called ==mitosis==.
==Aldosterone== is a hormone of the adrenal cortex that raises the reabsorption of sodium.
細胞の分裂を==有糸分裂==と呼ぶ。
An autoregressive model is a kind of ==linear autoregression== in which the variables are earlier values.
"""
UNSURE = """
She looked at the ==garden== for a long time and went home.
The first thing to see in the town was a ==house== by the river.
My friend gave me the ==book== on a rainy day.
"""
AT_ONCE = """
The ==mitochondrion== produces most of the ATP of a cell.
The ==pancreas== makes all the insulin of the body
Aldosterone raises the reabsorption of ==sodium== in the kidney.
The heart pumps blood into the <mark>aorta</mark> at each beat.
A folder of notes is called a ==vault==
Der ==Sinusknoten== gibt den Takt des Herzens vor.
Le foie produit la ==bile== qui aide à la digestion.
细胞核的分裂称为==有丝分裂==。
The mass of a body at rest is called ==$m = E/c^2$== in special relativity.
In Python, a key of a dictionary is removed with ==`del`==.
"""
WAITING = """
It is functionally connected to ==the thalamus== and the cortex.
^ This above knowledge describes the ==hippocampus== of mammals.
==Reason 1==: the membrane lets ions through in one direction only
==Reason 2:== the membrane lets water through in both directions at once
==Oss:== la funzione non dipende dalla scelta della base.
==Nota== la funzione dipende dalla scelta della base del piano.
==Motor (and other output) neurons==: Motor neurons contract the muscles of the body
==Motor neurons and other neurons of output== contract muscles.
Photosynthesis makes ==glucose and oxygen from carbon dioxide==.
==Length==: How much data is in one packet?
We solve these ==equations== by hand in the next lesson.
Improve the ==write== performance of a disk
==Osmosis==: movement of water across a membrane
==Diffusion:== spreading of particles through a fluid
Does the application support ==Flash==?
Used in the training of ==deep networks==.
The vena cava carries the blood of the body to the ==right atrium and also to all that lies behind it in the chest==.
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def verdicts(forge: Any, vault: Path, text: str) -> dict[str, str]:
    for number, line in enumerate(lines(text)):
        (vault / f"note {number}.md").write_text(line + "\n", encoding="utf-8")
    forge.ok("run", vault)
    return {card["fields"]["Text"]: card["verdict"] for card in forge.cards()}


def test_a_phrase_of_a_sentence_that_stands_alone_is_accepted(
    forge: Any, vault: Path
) -> None:
    found = verdicts(forge, vault, AT_ONCE)
    assert [text for text, verdict in found.items() if verdict != "accepted"] == []
    assert len(found) == len(lines(AT_ONCE))


def test_a_phrase_that_is_named_or_the_term_of_a_sure_fact_is_accepted(
    forge: Any, vault: Path
) -> None:
    found = verdicts(forge, vault, SURE + UNSURE.strip())
    sure = [
        text.replace("{{c1::", "==").replace("}}", "==")
        for text, verdict in found.items()
        if verdict == "accepted"
    ]
    assert sure == lines(SURE)
    assert len(found) == len(lines(SURE)) + len(lines(UNSURE))


def test_an_unfit_mark_waits_with_a_reason_and_all_its_gaps(
    forge: Any, vault: Path
) -> None:
    found = verdicts(forge, vault, WAITING)
    assert [text for text, verdict in found.items() if verdict != "waiting"] == []
    assert len(found) == len(lines(WAITING))
    for card in forge.cards():
        assert "{{c1::" in card["fields"]["Text"]
        assert [finding for finding in card["findings"] if finding["severity"] == "warn"]


def test_several_gaps_stay_and_a_card_that_was_accepted_follows_its_edits(
    forge: Any, vault: Path
) -> None:
    note = vault / "note.md"
    note.write_text(
        "The ==liver== makes ==bile== from the cholesterol of food.\n", encoding="utf-8"
    )
    forge.ok("run", vault)
    [card] = forge.cards()
    assert card["verdict"] == "accepted"
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
    asked = forge.ok("list", "--view", "new", "--json").lines
    assert len(asked) == 12
    assert "Osmosis" in [line["quote"].split()[0] for line in asked[:10]]
