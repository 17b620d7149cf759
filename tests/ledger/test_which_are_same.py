"""Each of many passages that may be those of lost cards is asked about alone."""

import pytest

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


def test_each_passage_is_asked_about_alone(forge, vault, asked):
    before = live(forge)
    questions = asked()
    assert {one["question"] for one in questions} == {"same"}
    assert {guid for one in questions for guid in one["guids"]} == before
    rome = next(one for one in questions if "Rome" in one["examples"][0])
    assert "The city of Rome" in forge.ok("list", "-v", rome["id"]).stdout
    forge.ok("accept", rome["id"])
    for question in questions:
        if question is not rome:
            forge.ok("reject", question["id"])
    forge.ok("run", vault)
    assert asked() == []
    assert live(forge) == before
    assert len(live(forge, "waiting")) == len(CAPITALS) - 1
    [card] = [card for card in forge.cards() if "Rome is the city" in str(card["fields"])]
    assert card["guid"] in before
