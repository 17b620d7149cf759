"""Asked again, a model offers a question, its turned form and a cloze for one fact; a person accepts one."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Decision, Review

ALPHA = "The aperture of a lens lets in the light that the film needs."
FRONT = "What of a lens lets in the light that the film needs?"


@pytest.fixture
def server(fake: ModuleType) -> Iterator[Any]:
    def offers(request: dict[str, Any]) -> Any:
        most = 3 if "quite different cards" in str(request["messages"]) else 1
        return fake.cards(
            *(one for h, _ in fake.marked(request) for one in offered(fake, h)[:most])
        )

    with fake.LlmServer() as running:
        running.otherwise = offers
        yield running


def offered(fake: ModuleType, h: str) -> list[dict[str, Any]]:
    gap = {
        "text": "The {{c1::aperture}} of a lens lets in the light that the film needs."
    }
    return [
        fake.card(h, ALPHA, FRONT, "the aperture"),
        fake.card(h, ALPHA, "What does the aperture of a lens let in?", "the light"),
        {"h": h, "kind": "cloze", "quote": ALPHA, **gap},
    ]


@pytest.fixture
def drafted(forge: Any, server: Any) -> Any:
    forge.drafting(server.base_url)
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Lens.md").write_text(f"=={ALPHA}==\n", encoding="utf-8")
    assert forge.json("run")["cards"]["drafted"] == 1, "one best card"
    forge.run = forge.json("draft", "--again", "drafter:llm")
    return forge


def drafts(forge: Any) -> dict[str, str]:
    """{front or text of what waits: its id}."""
    lines = forge.ok("list", "--view", "new", "--json").lines
    return {next(iter(one["fields"].values())): one["id"] for one in lines}


def test_three_ways_to_ask_one_fact_wait_and_accepting_one_drops_the_others(drafted):
    assert drafted.run["fates"]["waiting"] == 1
    assert drafted.run["cards"]["drafted"] == 3
    assert drafted.run["cards"]["waiting"] == 1, "one fact to decide on"
    drafted.ok("accept", drafts(drafted)[FRONT])
    [card] = drafted.ok("list", "--json").lines
    assert (card["fields"]["Front"], card["verdict"]) == (FRONT, "accepted")
    assert drafted.json("build")["notes"]["written"] == 1
    drafted.ok("run")
    assert len(drafted.ok("list", "--json").lines) == 1, "nor do they come back"
    drafted.ok("undo")
    drafted.ok("run")
    assert FRONT in drafts(drafted)


def test_turning_one_down_is_no_to_the_fact_until_it_is_undone(drafted):
    drafted.ok("reject", "--all", "--filter", "kind:cloze", "--reason", "no gaps")
    assert not drafts(drafted)
    drafted.ok("run")
    assert not drafts(drafted)
    drafted.ok("undo")
    assert len(drafts(drafted)) == 3


def test_all_at_once_takes_the_first_way_that_matches(drafted):
    said = drafted.ok("accept", "--all", "-v", "--filter", "Lens")
    [card] = drafted.ok("list", "--json").lines
    assert card["fields"]["Front"] == FRONT
    assert "2 × another draft of the same fact" in said.stderr


def test_all_at_once_takes_another_way_if_only_that_matches(drafted):
    drafted.ok("accept", "--all", "--filter", "kind:cloze")
    [card] = drafted.ok("list", "--json").lines
    assert card["kind"] == "cloze"


@pytest.mark.parametrize("choice", [0, 1, 2])
def test_of_several_drafts_the_chosen_one_is_decided_on(drafted, choice):
    with Workspace(find_workspace(drafted.folder, drafted.folder, registry)) as workspace:
        review = Review(workspace)
        item = review.load_item(drafts(drafted)[FRONT])
        review.decide(Decision(item.id, "", "accept", choice=choice))
        [card] = workspace.cards()
    assert dict(card.fields).items() >= dict(item.drafts[choice].fields).items()
