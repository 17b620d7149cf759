"""A model offers a question, its turned form and a cloze for one fact; a person picks one."""

import json
import zipfile
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

ALPHA = "The aperture of a lens lets in the light that the film needs."
FRONT = "What of a lens lets in the light that the film needs?"


@pytest.fixture
def server(fake: ModuleType) -> Iterator[Any]:
    def offers(request: dict[str, Any]) -> Any:
        return fake.cards(*(one for h, _ in fake.marked(request) for one in offered(fake, h)))

    with fake.LlmServer() as running:
        running.otherwise = offers
        yield running


def offered(fake: ModuleType, h: str) -> list[dict[str, Any]]:
    gap = {"text": "The {{c1::aperture}} of a lens lets in the light that the film needs."}
    return [
        fake.card(h, ALPHA, FRONT, "the aperture", fact="1"),
        fake.card(h, ALPHA, "What does the aperture of a lens let in?", "the light", fact="1"),
        {"h": h, "kind": "cloze", "quote": ALPHA, "fact": "1", **gap},
    ]


@pytest.fixture
def drafted(forge: Any, server: Any) -> Any:
    llm = {"base_url": server.base_url, "model": "m", "candidates": 3}
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\ndrafter: llm\n"
        f"llm: {json.dumps(llm)}\nanki: {{collection: none}}\naccept: {{llm: clean}}\n"
    )
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "Lens.md").write_text(f"=={ALPHA}==\n", encoding="utf-8")
    forge.run = forge.json("run")
    return forge


def ids(forge: Any) -> tuple[str, str, str]:
    [card] = forge.cards()
    first, second, cloze = card["choice"]
    return first, second, cloze


def test_a_choice_of_both_note_types_is_one_card_that_waits(drafted):
    assert drafted.run["fates"]["waiting"] == 1
    assert drafted.run["cards"]["waiting"] == drafted.run["cards"]["drafted"] == 1
    [line] = drafted.ok("list").stdout.splitlines()
    assert line.endswith("(3 to choose from)")
    [of_a_cloze] = drafted.ok("list", "film", "kind:cloze", "--json").lines
    assert of_a_cloze["choice"] == list(ids(drafted))
    shown = drafted.ok("show", ids(drafted)[0].split(".")[0]).stdout
    assert [f"{one}  " in shown for one in ids(drafted)] == [True] * 3
    [as_json] = drafted.ok("show", of_a_cloze["guid"], "--json").lines
    assert [one["kind"] for one in as_json["candidates"]] == ["basic", "basic", "cloze"]


def test_what_waits_is_left_alone_in_bulk_and_a_refusal_tells_the_pick(drafted):
    first, _, cloze = ids(drafted)
    drafted.ok("accept", "--all")
    assert len(ids(drafted)) == 3
    refused = drafted("accept", cloze.split(".")[0], code=1)
    assert f"ankiforge pick {first}" in refused.stderr
    both = drafted("pick", first, cloze, code=1)
    assert "pick one of them" in both.stderr
    assert len(ids(drafted)) == 3
    assert drafted("edit", first.split(".")[0], "--field", "Back", "x", code=1)


def test_a_pick_ships_one_note_and_is_taken_back(drafted):
    _, _, cloze = ids(drafted)
    drafted.ok("pick", cloze)
    [card] = drafted.ok("list", "--json").lines
    assert (card["kind"], card["verdict"], card["choice"]) == ("cloze", "accepted", [])
    built = drafted.json("build")
    assert built["notes"]["written"] == 1
    assert zipfile.is_zipfile(built["packages"][0])
    drafted.ok("undo")
    assert len(ids(drafted)) == 3


def test_a_query_turns_down_the_candidates_it_means_and_the_choice_stays_open(drafted):
    first, second, cloze = ids(drafted)
    drafted.ok("reject", "--all", "--filter", "kind:cloze", "--reason", "no gaps")
    [card] = drafted.ok("list", "--json").lines
    assert (card["verdict"], card["choice"]) == ("pending", [first, second])
    drafted.ok("undo", cloze.partition(".")[0])
    assert len(ids(drafted)) == 3
    drafted.ok("reject", "--all", "--filter", "-verdict:accepted")
    assert drafted.ok("list").stdout == ""
    drafted.ok("undo", first.partition(".")[0])
    assert len(ids(drafted)) == 3
