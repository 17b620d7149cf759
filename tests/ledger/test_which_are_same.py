"""Many passages that may be those of lost cards are one question, with a tick for each."""

import pytest

from ankiforge.ledger import questions
from ankiforge.model import PerhapsSame
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, Review

OLD = "What is the capital of {} in our days?::The city of {} is it"
NEW = "{} has which capital in our days?::{} is the city with the parliament"
CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Austria": "Vienna",
    "Hungary": "Budapest",
    "Iraq": "Baghdad",
    "Iran": "Tehran",
    "Spain": "Madrid",
    "Norway": "Oslo",
}
LATER = ("Norway", "Iran", "Italy", "Hungary", "Austria", "France", "Spain", "Iraq")
"""The order in which they stand in another note, in other words."""


def pair(new, old, alike):
    return PerhapsSame(f"qu{new}{old}", new, old, "", "", (), alike)


@pytest.mark.parametrize(
    ("pairs", "likely"),
    [
        ([("a", "A", 90), ("b", "B", 85), ("c", "C", 84.9)], ["aA", "bB"]),
        ([("a", "A", 86), ("a", "B", 97)], ["aB"]),  # a passage is one card's
        ([("a", "A", 86), ("b", "A", 97)], ["bA"]),
        ([("a", "A", 99), ("a", "B", 98), ("b", "B", 90)], ["aA", "bB"]),
        ([("a", "A", 60)], []),
    ],
)
def test_what_is_ticked(pairs, likely):
    found = questions.ticked(pair(*each) for each in pairs)
    assert [each.new + each.old for each in found if each.is_likely] == likely
    assert [each.alike for each in found] == sorted((p[2] for p in pairs), reverse=True)


@pytest.fixture
def asked(forge, vault):
    """Return the open question after all cards of a note went and others came."""
    lines = [OLD.format(*each) for each in CAPITALS.items()]
    (vault / "A.md").write_text("\n\n".join(lines) + "\n", "utf-8")
    forge.ok("run", vault)
    (vault / "A.md").unlink()
    others = [NEW.format(each, CAPITALS[each]) for each in LATER]
    text = "# Towns\n\nNotes of another course.\n\n" + "\n\n".join(others)
    (vault / "B.md").write_text(f"{text}\n", "utf-8")
    forge.ok("run", vault)
    return lambda: forge.ok("list", "--view", "questions", "--json").lines


def live(forge, verdict="accepted"):
    return {card["id"] for card in forge.cards() if card["verdict"] == verdict}


def test_one_question_asks_for_all(forge, asked):
    before = live(forge)
    [question] = asked()
    assert question["question"] == "same"
    assert {each for pair in question["pairs"] for each in pair["guids"]} == before
    assert len(question["pairs"]) >= len(CAPITALS)
    told = forge.ok("list", "--view", "questions", "-v").stdout
    assert all(f"[ ] {pair['id'][:10]}" in told for pair in question["pairs"])


@pytest.mark.parametrize("answer", ["accept", "reject"])  # nothing is ticked
def test_what_is_not_ticked_are_two_cards(forge, vault, asked, answer):
    before = live(forge)
    [question] = asked()
    forge.ok(answer, question["id"])
    forge.ok("run", vault)
    assert asked() == []
    assert live(forge) == before
    assert len(live(forge, "waiting")) == len(CAPITALS)
    forge.ok("undo")
    assert len(asked()) == 1


def test_what_is_ticked_is_one_card(forge, vault, asked, monkeypatch):
    before = live(forge)
    [question] = asked()
    same = [pair["id"] for pair in question["pairs"] if "Rome" in pair["gone"]]
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)
    with Workspace() as workspace:
        decision = Decision(question["id"], "", "accept", lines=tuple(same))
        Review(workspace).decide(decision)
    forge.ok("run", vault)
    assert live(forge) == before
    assert len(live(forge, "waiting")) == len(CAPITALS) - 1
    [rome] = [card for card in forge.cards() if "Rome is the city" in str(card["fields"])]
    assert rome["guid"] in before


def test_each_can_be_answered_alone(forge, asked):
    [question] = asked()
    first, *rest, last = question["pairs"]
    assert first["gone"] in forge.ok("show", first["id"]).stdout
    forge.ok("accept", first["id"])
    forge.ok("reject", last["id"])
    left = set()
    for question in asked():
        left.update(pair["id"] for pair in question["pairs"] or [question])
    assert left
    assert left <= {pair["id"] for pair in rest}
