"""`search --answer`: sentences over located quotes, from a model, a chat or an agent."""

import json
from typing import Any

import pytest

from ankiforge.draft.chat import make_label
from ankiforge.features.agents.agent import AgentSession
from ankiforge.features.ask.tools import ask
from ankiforge.pipeline.workspace import Workspace
from tests.fakes.llm_server import says

NOTE = """# Cells

==The mitochondrion makes most of the ATP of a cell.==

==Ribosomes make chains of amino acids.==

==My neighbour makes ATP at home, he told me in confidence.== #no-llm
"""
QUESTION = "What makes ATP?"
QUOTE = "The mitochondrion makes most of the ATP"


@pytest.fixture
def asked(forge: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    (forge.folder / "notes").mkdir()
    (forge.folder / "notes" / "cells.md").write_text(NOTE)
    forge.settings("sources: [{markdown: {path: notes, marks: ['==']}}]\n", trust=True)
    forge.ok("run")
    for name, value in forge.environment.items():
        monkeypatch.setenv(name, value)
    return forge


def reply_of(forge: Any) -> str:
    """A right sentence, a lie, and one without a quote."""
    [row] = [
        row
        for row in forge.ok("search", "mitochondrion", "--json").lines
        if "mitochondrion" in row["highlight"]["exact"]
    ]
    label = make_label(row["highlight"]["key"])
    answer = [
        {"says": "Mitochondria do.", "passage": label, "quote": QUOTE},
        {"says": "They make 38 ATP.", "passage": label, "quote": QUOTE},
        {"says": "Plants do, too.", "passage": label, "quote": "chloroplasts make ATP"},
    ]
    return json.dumps({"answer": answer})


def test_a_chat_gets_public_passages_and_its_sentences_are_shown_over_their_quotes(asked):
    text = asked.ok("search", "--answer", QUESTION)
    assert "The mitochondrion makes most of the ATP of a cell." in text.stdout
    assert "neighbour" not in text.stdout
    assert "--reply FILE" in text.stderr
    (asked.folder / "reply.txt").write_text(f"Here it is:\n\n{reply_of(asked)}")
    shown = asked.ok("search", "--reply", "reply.txt", QUESTION).stdout
    assert shown.startswith(f"Mitochondria do.\n    “{QUOTE}”\n    ")
    assert "2 sentences dropped" in shown
    assert "38" not in shown
    rows = asked.json("search", "--reply", "reply.txt", QUESTION)["answer"]
    assert [bool(row["dropped"]) for row in rows] == [False, True, True]


def test_what_was_tagged_since_the_last_run_is_in_no_question(asked):
    tagged = NOTE.replace("of a cell.==", "of a cell.== #no-llm")
    (asked.folder / "notes" / "cells.md").write_text(tagged)
    agent = AgentSession(lambda lock: Workspace(asked.folder))
    told = json.dumps(agent.call_tool(ask, {"question": QUESTION, "answer": []}))
    assert "mitochondrion" not in told
    (asked.folder / "notes" / "cells.md").write_text(NOTE)
    assert "mitochondrion" in asked.ok("search", "--answer", QUESTION).stdout
    (asked.folder / "notes" / "cells.md").write_text(tagged)
    assert "mitochondrion" not in asked.ok("search", "--answer", QUESTION).stdout


def test_the_model_of_the_settings_answers(asked, server):
    reply = reply_of(asked)
    asked.drafting(server.base_url, "{markdown: {path: notes, marks: ['==']}}")
    server.queue.append(says(reply))
    shown = asked.ok("search", "--answer", QUESTION).stdout
    assert shown.startswith(f"Mitochondria do.\n    “{QUOTE}”\n    ")
    sent = json.dumps(server.asked)
    assert "mitochondrion" in sent
    assert "neighbour" not in sent


def test_where_nothing_was_found_or_no_sentence_stands_it_says_so(asked):
    nothing = "nothing you have read answers this\n"
    assert asked.ok("search", "--answer", "Who painted it?").stdout == nothing
    (asked.folder / "reply.txt").write_text("I do not know.")
    assert asked.ok("search", "--reply", "reply.txt", QUESTION).stdout == nothing


def test_an_agent_gets_passages_and_then_the_sentences_that_stand(asked):
    agent = AgentSession(lambda lock: Workspace(asked.folder))
    told = agent.call_tool(ask, {"question": QUESTION, "answer": []})
    assert "Answer the question from the passages alone" in told["rules"]
    assert "neighbour" not in json.dumps(told)
    given = json.loads(reply_of(asked))["answer"]
    answered = agent.call_tool(ask, {"question": QUESTION, "answer": given})
    assert [each["quote"] for each in answered["answer"]] == [QUOTE]
    assert len(answered["dropped"]) == 2
