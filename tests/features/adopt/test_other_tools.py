"""What belongs to another tool gets no card before its history was taken over or declined."""

from pathlib import Path
from typing import Any

import pytest

from tests.features.adopt.vaults import VAULT

SCHEDULED = """---
tags: [flashcards]
---

What does insulin lower?::The sugar in the blood. <!--SR:!2027-03-01,150,270-->

What does glucagon raise?::The sugar in the blood too.
<!--SR:!fsrs,2027-04-01T09:30:00.000Z,90,90.2,5.1,2,9,1,0,2026-01-01T09:30:00.000Z-->

What makes hungry?::Ghrelin, a hormone. <!--SR:!2000-01-01,1,250-->
"""


def verdicts(forge: Any) -> dict[str, str]:
    return {card["fields"]["Front"]: card["verdict"] for card in forge.cards()}


@pytest.fixture
def scheduled(forge: Any) -> Path:
    """A vault with the schedules of obsidian-spaced-repetition."""
    vault: Path = forge.folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    (vault / "a.md").write_text(SCHEDULED, encoding="utf-8")
    forge.settings(VAULT.format("osr"))
    return vault


def test_cards_with_a_schedule_wait_for_adopt(forge, scheduled) -> None:
    told = forge.ok("run").stdout.splitlines()
    assert (
        "  2 notes belong to obsidian-spaced-repetition."
        " To keep their history, run first: ankiforge adopt"
    ) in told
    assert (
        "  next  ankiforge adopt   keep their history; or: ankiforge adopt --decline"
        in told
    )
    assert forge.json("run")["belonging"] == {"osr": 2}
    assert forge.json("status")["next"] == "adopt"
    forge.ok("accept", "--all")
    assert verdicts(forge) == {
        "What does insulin lower?": "waiting",
        "What does glucagon raise?": "waiting",
        "What makes hungry?": "accepted",
    }
    assert forge.json("adopt", "--from", "sr", "--yes")["scheduled"] == 2
    assert set(verdicts(forge).values()) == {"accepted"}
    assert "belong" not in forge.ok("run").stdout


def test_without_the_plugin_the_schedules_count_as_well(forge, scheduled) -> None:
    forge.settings(VAULT.format("inline"))
    forge.ok("run")
    assert forge.json("run")["belonging"] == {"osr": 2}
    assert forge.json("adopt", "--from", "sr", "--yes")["scheduled"] == 2


def test_declined_they_are_cards_like_others_until_that_is_undone(
    forge, scheduled
) -> None:
    forge.ok("run")
    act = forge.json("adopt", "--decline")["undo"]
    assert "belong" not in forge.ok("run", "--dry-run").stdout
    assert "undone: history declined\n  of obsidian-spaced-repetition" in forge.ok("undo", act).stderr  # fmt: skip
    assert "2 notes belong to" in forge.ok("run").stdout
    assert verdicts(forge)["What does insulin lower?"] == "waiting"

    forge.ok("adopt", "--decline", "--from", "sr")
    assert forge.json("run")["cards"]["accepted"] == 2
    assert set(verdicts(forge).values()) == {"accepted"}
    later = "What does the kidney filter?::Blood. <!--SR:!2027-03-01,150,270-->\n"
    (scheduled / "b.md").write_text(f"#flashcards\n\n{later}", encoding="utf-8")
    forge.ok("run")
    assert verdicts(forge)["What does the kidney filter?"] == "accepted"


def test_drafts_that_a_declined_history_freed_are_held_back_again(
    forge, scheduled
) -> None:
    forge.ok("run")
    before = verdicts(forge)
    act = forge.json("adopt", "--decline")["undo"]
    forge.ok("run", "--accept", "review")
    forge.ok("undo", act)
    forge.ok("run")
    assert verdicts(forge) == before


def test_nothing_to_decline_is_said(forge, scheduled) -> None:
    (scheduled / "a.md").write_text("What makes hungry?::Ghrelin.\n", encoding="utf-8")
    forge.ok("run")
    told = forge.ok("adopt", "--decline")
    assert "nothing here belongs to another tool" in told.stderr
    found = forge.ok("adopt", "--from", "sr").stdout
    assert found == "no notes or schedules of another tool were found\n"
    assert forge.json("adopt", "--decline") == {"undo": ""}


def test_a_schedule_is_taken_over_by_a_card_that_was_accepted(forge, scheduled) -> None:
    forge.ok("run")
    ids = [card["id"] for card in forge.cards() if card["verdict"] == "waiting"]
    forge.ok("accept", *ids)
    forge.ok("run")
    package = forge.folder / "ankiforge.apkg"
    before = package.read_bytes()

    told = forge.json("adopt", "--from", "sr", "--yes")
    assert told["scheduled"] == 2
    forge.ok("run")
    assert package.read_bytes() != before
    assert forge.json("adopt", "--from", "sr", "--yes")["scheduled"] == 0
    forge.ok("undo", told["undo"])
    forge.ok("run")
    assert package.read_bytes() == before
    assert set(verdicts(forge).values()) == {"accepted"}


def test_words_that_a_person_edited_stay_theirs(forge, scheduled) -> None:
    forge.ok("run")
    [draft] = [
        card["id"] for card in forge.cards() if "insulin" in card["fields"]["Front"]
    ]
    forge.ok("edit", draft, "--field", "Back", "Blood sugar.")
    assert forge.json("adopt", "--from", "sr", "--yes")["scheduled"] == 2
    forge.ok("run")
    [card] = [card for card in forge.cards() if "insulin" in card["fields"]["Front"]]
    assert card["fields"]["Back"] == "Blood sugar."
    assert forge.ok("list", "--view", "changed", "--json").lines == []


TAG_LINES = """---
tags: [flashcards/general, biology/human]
---

What is life?::a process

#flashcards/anatomy/heart

What pumps blood?::the heart

What has valves?
?
the heart, too

#flashcards/anatomy/lung #breath
What breathes?::the lung

#flashcards/other What is other?::this

What takes up oxygen?::the alveoli
"""


def test_a_line_of_tags_is_the_deck_of_the_cards_below_it(forge, scheduled) -> None:
    (scheduled / "a.md").write_text(TAG_LINES, encoding="utf-8")
    forge.ok("run")
    heart = "flashcards::anatomy::heart"
    lung = "flashcards::anatomy::lung"
    cards = {card["fields"]["Front"]: card for card in forge.cards()}
    assert {front: card["deck"] for front, card in cards.items()} == {
        "What is life?": "flashcards::general",
        "What pumps blood?": heart,
        "What has valves?": heart,
        "What breathes?": lung,
        "What is other?": "flashcards::other",
        "What takes up oxygen?": lung,
    }
    tags = {
        front: {*card["tags"]} - {"ankiforge::doc::a"} for front, card in cards.items()
    }
    assert tags["What pumps blood?"] == {"biology::human"}
    assert tags["What breathes?"] == {"biology::human", "breath"}


@pytest.mark.parametrize("options", [(), ("--from", "sr")])
def test_schedules_are_taken_over_without_a_collection(forge, scheduled, options) -> None:
    forge.ok("run")
    assert forge.json("adopt", *options, "--yes")["scheduled"] == 2
    assert set(verdicts(forge).values()) == {"accepted"}


def test_without_a_collection_ids_of_another_tool_say_how_to_go_on(
    forge, scheduled
) -> None:
    note = (
        "START\nBasic\nWhat is ATP?\nBack: an energy carrier\n"
        "<!--ID: 1566052191670-->\nEND\n"
    )
    (scheduled / "a.md").write_text(note, encoding="utf-8")
    forge.settings(VAULT.format("o2a"))
    told = forge.ok("run").stdout.splitlines()
    assert any("1 note belongs to Obsidian_to_Anki" in line for line in told)
    assert (
        "  next  ankiforge adopt   keep their history; or: ankiforge adopt --decline"
        in told
    )
    refused = forge("adopt", "--yes")
    assert "without their history: ankiforge adopt --decline" in refused.stderr
    forge.ok("adopt", "--decline")
    forge.ok("run")
    assert verdicts(forge) == {"What is ATP?": "accepted"}
