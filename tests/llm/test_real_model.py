"""What a real, very small model says: spoken to rightly, believed in nothing.

Run by `pytest -m llm`; each request takes it seconds to a minute.
"""

import pytest

from ankiforge.text.fold import locate

pytestmark = pytest.mark.llm

DROPOUT = "Dropout sets each unit to zero with probability p, which keeps units from co-adapting."
ADENOSINE = "Adenosine builds up in the brain while we are awake and makes us sleepy."
BY_HAND = "The capital of Peru::Lima"


def marked(*passages):
    return [f"=={passage}==" for passage in passages]


def test_doctor_finds_the_server_and_its_model(forge, workspace, served):
    workspace(*marked(DROPOUT))

    told = forge("doctor")

    assert told.exit_code in (0, 1), told  # whether so small a model draws a card is chance
    assert "smollm2" in told.stdout
    assert "json_object with a schema" in told.stdout, "the rung that this server holds"


def test_its_rubbish_is_never_ready_and_nothing_is_asked_twice(forge, workspace, served):
    workspace(*marked(DROPOUT, ADENOSINE), BY_HAND)
    before = len(served.statuses())

    first = forge.json("run")
    asked = served.statuses()[before:]

    assert sum(first["fates"].values()) == first["highlights"]["seen"] == 3
    assert first["fates"]["failed"] == 0
    assert asked[0] == 500, "this server refuses json_schema, with this very status"
    assert set(asked[1:]) == {200}, "the next rung holds, and is remembered"
    assert first["llm"]["requests"] == len(asked) - 1
    assert first["llm"]["tokens_in"] > 0
    assert first["llm"]["tokens_out"] > 0
    for card in forge.cards():
        assert honest(card, DROPOUT, ADENOSINE) or card["origin"]["drafter"] == "rules:inline", card

    again = forge.json("run")

    assert again["llm"]["requests"] == 0
    assert len(served.statuses()) == before + len(asked)
    assert again["fates"] == first["fates"]


def honest(card, *passages):
    """Whether a card says what one of these passages says, or is none that Anki would get."""
    blocked = any(found["severity"] == "block" for found in card["findings"])
    if card["verdict"] != "accepted" or blocked:
        return True
    answer = card["fields"].get("Back") or card["quote"]
    return any(locate(card["quote"], one) and locate(answer, one) for one in passages)


def test_a_reply_that_is_cut_off_costs_nothing_else(forge, workspace, served):
    workspace(*marked(DROPOUT), BY_HAND, extra_body={"max_tokens": 8})

    told = forge("run", "--json")

    assert told.exit_code in (0, 1), told
    assert told.data["fates"]["carded"] == 1, "the card written by hand"
    assert [
        card["origin"]["drafter"] for card in forge.cards() if card["verdict"] == "accepted"
    ] == ["rules:inline"]
    (without,) = forge.ok("list", "--no-card", "--json").lines
    assert without["reason"]


def test_a_passage_beyond_the_context_is_named_and_the_others_are_drafted(forge, workspace, served):
    endless = " ".join(f"word{number}" for number in range(1500))
    workspace(*marked(f"The list is {endless}.", ADENOSINE), BY_HAND)

    told = forge("run", "--json")

    assert told.exit_code in (0, 1), told
    assert "Traceback" not in told.stderr
    assert sum(told.data["fates"].values()) == 3
    reasons = {
        line["exact"][:11]: line["reason"] for line in forge.ok("list", "--no-card", "--json").lines
    }
    assert reasons["The list is"]
    drawn = [card for card in forge.cards() if card["origin"]["drafter"] == "llm"]
    assert all(honest(card, ADENOSINE) for card in drawn)
