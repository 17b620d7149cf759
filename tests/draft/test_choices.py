"""Asked again, a model offers a question, a cloze with the same answer, and a question with another answer."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from ankiforge.config.workspace import find_workspace
from ankiforge.extract import registry
from ankiforge.pipeline.workspace import Workspace
from ankiforge.review import Review
from ankiforge.review.decisions import Accept

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
    lines = forge.ok("list", "verdict:waiting", "--json").lines
    return {next(iter(one["fields"].values())): one["id"] for one in lines}


OTHER = "What does the aperture of a lens let in?"


def test_the_same_answer_in_two_wordings_is_one_offer_and_another_answer_waits(drafted):
    assert drafted.run["state"]["highlights"]["waiting"] == 1
    assert drafted.run["cards"]["drafted"] == 2, "one of the three waits already"
    assert drafted.run["state"]["waiting"]["new"] == 2
    drafted.ok("accept", drafts(drafted)[FRONT])
    [card] = drafted.ok("list", "--json", "verdict:accepted").lines
    assert card["fields"]["Front"] == FRONT
    assert drafted.json("build")["notes"]["written"] == 1
    drafted.ok("run")
    assert list(drafts(drafted)) == [OTHER], "the cloze doesn't come back"
    drafted.ok("undo")
    drafted.ok("run")
    assert len(drafts(drafted)) == 3


def test_a_rejected_answer_is_rejected_in_each_wording_until_it_is_undone(drafted):
    drafted.ok("reject", "--all", "--filter", "kind:cloze", "--reason", "no gaps")
    assert list(drafts(drafted)) == [OTHER]
    drafted.ok("run")
    assert list(drafts(drafted)) == [OTHER]
    drafted.ok("undo")
    assert len(drafts(drafted)) == 3


def test_all_at_once_takes_the_first_wording_of_each_answer(drafted):
    said = drafted.ok("accept", "--all", "-v", "--filter", "Lens")
    cards = drafted.ok("list", "--json").lines
    assert {card["fields"]["Front"] for card in cards} == {FRONT, OTHER}
    assert "another draft of the same fact" in said.stderr


def test_all_at_once_takes_another_wording_if_only_that_matches(drafted):
    drafted.ok("accept", "--all", "--filter", "kind:cloze")
    [card] = drafted.ok("list", "--json", "verdict:accepted").lines
    assert card["kind"] == "cloze"


@pytest.mark.parametrize("choice", [0, 1])
def test_of_several_drafts_the_chosen_one_is_decided_on(drafted, choice):
    with Workspace(find_workspace(drafted.folder, drafted.folder, registry)) as workspace:
        review = Review(workspace)
        item = review.load_item(drafts(drafted)[FRONT])
        review.decide(Accept(item.id, choice=choice))
        [card] = workspace.cards()
    assert dict(card.fields).items() >= dict(item.drafts[choice].fields).items()
