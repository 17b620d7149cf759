"""All ways by which text may leave the machine: a model, a chat, an agent, a server of vectors, the log."""

import json
from contextlib import nullcontext
from typing import Any

import pytest

from ankiforge.config.log import LOG_FILE
from ankiforge.errors import UsageError
from ankiforge.features.agents.agent import (
    AgentSession,
    get_context,
    list_cards,
    list_highlights,
)
from ankiforge.features.ask import embedder
from ankiforge.features.ask.answering import prepare_question
from ankiforge.features.ask.tools import ask, search_library
from ankiforge.pipeline.ask import load_current_privacy_filter
from ankiforge.pipeline.chats import export_chats
from ankiforge.pipeline.workspace import Workspace
from tests.fakes.embedding_server import embedding_server

QUESTIONS = ("diary", "peace", "zanzi", "On my", "When did the peace end every war?")


def all_that_leaves(forge: Any, server: Any, *sources: str) -> str:
    """Run every way out over a workspace; return all that was sent, or written to be sent."""
    with embedding_server() as vectors, pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "is_local_server", lambda settings: False)
        meaning = f"meaning: {{base_url: '{vectors.base_url}', model: e5}}\n"
        asked = {"concurrency": 1, "second_reading": True}
        forge.drafting(server.base_url, *sources, more=meaning, **asked)
        forge("run", "--drafter", "rules")
        forge("draft", "export", "ask.md", "--limit", "100")
        asked = agent_sees(forge)
        forge.ok("draft", "--estimate")
        forge("run")
        forge("draft", "export", "again.md")
        asked += agent_sees(forge, contexts=True)  # a draft changes none
        with forge.here(), Workspace(forge.folder) as workspace:
            chat = export_chats(workspace)  # of the page and the terminal
            asked += [chat.summary, *chat.texts]
        for question in QUESTIONS:
            forge("search", question)
            forge("search", "--answer", question)
        with forge.here(), Workspace(forge.folder) as workspace:
            privacy = load_current_privacy_filter(workspace)
            for each in QUESTIONS:
                asked.append(prepare_question(workspace, privacy, each).chat_text)
        asked.append("\n".join(vectors.texts))
        written = [path.read_text("utf-8") for path in forge.folder.glob("*.md")]
        logs = forge.folder.glob(f".ankiforge/{LOG_FILE}*")  # for a bug report
        written += [path.read_text("utf-8") for path in logs]
        assert "draft export" in written[-1]
        requests = json.dumps(server.asked, ensure_ascii=False)
        for record in (server.asked, server.headers, server.paths):
            record.clear()  # Hypothesis prints the server if the law is broken
        return "\n".join([requests, *asked, *written])


def agent_sees(forge: Any, *, contexts: bool = False) -> list[str]:
    """All that an agent gets: every list and a search, and the context of each passage."""
    with forge.here(), Workspace(forge.folder, offline=True) as workspace:
        agent = AgentSession(lambda _: nullcontext(workspace))
        told = [agent.call_tool(list_highlights, {"limit": 50})]
        for state in ("", "waiting", "needs_work", "rejected"):
            told.append(agent.call_tool(list_cards, {"state": state, "limit": 50}))
        for question in QUESTIONS:
            query = {"query": question, "limit": 20}
            told.append(agent.call_tool(search_library, query))
            told.append(agent.call_tool(ask, {"question": question, "answer": []}))
        keys = {outcome.highlight.key for outcome in workspace.highlights()}
        # the calls above have read the files; `call_tool` would read all of them for each context
        for key in sorted(keys if contexts else ()):
            try:
                told.append(get_context.function(agent, highlight=key))
            except UsageError as error:
                told.append({"refused": error.message})
        return [json.dumps(answer, ensure_ascii=False) for answer in told]
