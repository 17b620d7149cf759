"""Which passage is which: an edited, moved, copied or restored one keeps its card."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ankiforge.ledger.questions import find_open_questions
from tests.ledger.world import FAUST, OSMOSIS, RHINE, World, by_rules

LINES = {
    "osmosis": OSMOSIS,
    "rhine": RHINE,
    "faust": FAUST,
    "mitosis": "What divides in mitosis? :: the nucleus",
    "mitochondria": "The ==mitochondria== produce most of the chemical energy that a cell needs for its life.",
}
CASES = yaml.safe_load(Path(__file__).with_name("passages.yaml").read_text("utf-8"))


def notes(places: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {
        place: tuple(LINES.get(line, line) for line in lines)
        for place, lines in places.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_a_passage_keeps_its_card(world: World, name: str):
    case = CASES[name]
    before = play(world, case)
    check_live_cards(world, case, before)
    asked = tuple(question.kind for question in find_open_questions(world["a"]))
    assert asked == tuple(case.get("asked", ()))
    assert len(world.waiting()) == case.get("waits", 0)
    world.lose("a")
    world.run(accepts=accepting(case))
    check_live_cards(world, case, before)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "lost" in case])
def test_a_passage_keeps_its_card_when_the_database_is_lost_after_each_run(
    world: World, name: str
):
    before = play(world, CASES[name], lost=True)
    check_live_cards(world, CASES[name], before)


def accepting(case: dict[str, Any]) -> Any:
    if case.get("later") == "wait":
        return lambda draft: draft.is_user_card
    return by_rules


def play(world: World, case: dict[str, Any], *, lost: bool = False) -> dict[str, str]:
    """Play a case; return the guids of the cards that it began with, by their words."""
    world.notes(notes(case["first"]))
    world.run()
    before = {old: world.only(old).guid for old in case["now"]}
    for places in case["then"]:
        world.notes(notes(places))
        world.run(accepts=accepting(case))
        if lost:
            world.lose("a")
    if lost:
        world.run(accepts=accepting(case))
    return before


def check_live_cards(world: World, case: dict[str, Any], before: dict[str, str]) -> None:
    live = world.live()
    for old, new in case["now"].items():
        assert new in live.get(before[old], ""), old
    assert len(live) == case["live"]


@pytest.mark.parametrize(
    ("settings", "unselected"),
    [
        ({"exclude": ("a.md",)}, 1),
        ({"cards": ()}, 1),
        ({"exclude": ("a.md", "b.md")}, 2),
        ({"exclude": ("other.md",)}, 0),
    ],
)
def test_a_passage_that_the_settings_leave_out_is_not_gone(
    world: World, settings: dict[str, Any], unselected: int
):
    world.notes({"a.md": (RHINE,), "b.md": (OSMOSIS,)})
    world.run()
    card = world.only("Rhine")
    world.settings = settings
    reports = [world.run().report for _ in range(3)]
    assert [report.unselected for report in reports] == [unselected, 0, 0]
    assert not any(report.removed_keys for report in reports)
    assert world.card(card.guid).is_live
    assert world.card(card.guid).source_changes == ()
    world.settings = {}
    assert world.run().report.new == []
    assert world.only("Rhine").guid == card.guid


def test_a_passage_of_a_source_that_the_settings_no_longer_name_is_not_gone(world: World):
    world.note("a.md", RHINE)
    world.run()
    card = world.only("Rhine")
    first, world.vault = world.vault, world.root / "other"
    world.note("b.md", FAUST)
    world.in_use = frozenset({"w"})
    reports = [world.run(source="w").report for _ in range(3)]
    assert [report.unselected for report in reports] == [1, 0, 0]
    assert not any(report.removed_keys for report in reports)
    assert world.card(card.guid).is_live
    assert world.card(card.guid).source_changes == ()
    world.vault, world.in_use = first, None
    assert world.run().report.new == []
    assert world.only("Rhine").guid == card.guid


@pytest.mark.parametrize("changed", ["a.md", "b.md"])
def test_what_is_missing_twice_is_gone_in_a_document_that_did_not_change_too(
    world: World, changed: str
):
    world.notes({"a.md": (OSMOSIS, RHINE), "b.md": (FAUST, LINES["mitosis"])})
    world.run()
    world.notes({"a.md": (RHINE,), "b.md": (LINES["mitosis"],)})
    assert not world.run().report.removed_keys
    kept = (world.vault / changed).read_text("utf-8")
    (world.vault / changed).write_text(f"{kept}\nMore words.\n", "utf-8")
    assert len(world.run().report.removed_keys) == 2
