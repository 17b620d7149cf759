"""A passage that was tagged since the last run is in no text that is made now."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ankiforge.draft.chat import make_label
from ankiforge.errors import ForgeError
from ankiforge.features.ask.page import AnswerRequest, SearchRenderer
from ankiforge.pipeline import chats, unmarked_documents
from ankiforge.pipeline.workspace import Workspace

SECRET = "The zebrafish regrows its heart within sixty days of an injury."
OTHER = "The axolotl regrows its limbs within seventy days of an injury."
Way = Callable[[Workspace, Callable[[], None], Any], str]


def read_again(workspace: Workspace, tag: Callable[[], None], server: Any) -> str:
    cards = []
    for outcome in workspace.highlights():
        highlight = outcome.highlight
        name, days = highlight.exact.split()[1], highlight.exact.split()[6]
        card = {
            "front": f"When does the {name} regrow it?",
            "back": f"within {days} days",
        }
        quote = {"h": make_label(highlight.key), "quote": highlight.exact}
        cards.append({"kind": "basic", **card, **quote})
    answer = json.dumps({"cards": cards})
    assert len(chats.record_chat_reply(workspace, answer).drafted) == 2
    tag()
    return chats.build_second_reading_text(workspace, answer)


def ask_for_passages(workspace: Workspace, tag: Callable[[], None], server: Any) -> str:
    path = workspace.folder.root / "notes" / "a.md"
    [request], _ = unmarked_documents.prepare_requests(workspace, path, 5)
    tag()
    return unmarked_documents.build_chat_text(workspace, request, request.parts[0])


def answer_on_the_page(workspace: Workspace, tag: Callable[[], None], server: Any) -> str:
    tag()
    page = SearchRenderer(workspace, None)  # type: ignore[arg-type]
    return json.dumps(
        page.answer(AnswerRequest("What regrows within days of an injury?"))
    )


def draft_another(workspace: Workspace, tag: Callable[[], None], server: Any) -> str:
    keys = [outcome.highlight.key for outcome in workspace.highlights()]
    tag()
    for key in keys:
        try:
            workspace.draft_alternatives(key)
        except ForgeError as error:
            server.asked.append(str(error))
    return json.dumps(server.asked)


@pytest.mark.parametrize(
    "way", [read_again, ask_for_passages, answer_on_the_page, draft_another]
)
def test_what_was_tagged_since_the_last_run_is_in_no_text(forge, server, way):
    note = forge.folder / "notes" / "a.md"
    note.parent.mkdir()
    note.write_text(f"=={OTHER}==\n\n=={SECRET}==\n")
    forge.drafting(server.base_url)
    forge.ok("run", "--drafter", "rules")
    if way is answer_on_the_page:
        forge.settings("sources: [{obsidian: {name: notes, path: notes}}]\n")

    def tag() -> None:
        note.write_text(f"=={OTHER}==\n\n=={SECRET}== #no-llm\n")

    with forge.here(), Workspace(forge.folder) as workspace:
        text = way(workspace, tag, server)
    assert "axolotl" in text
    assert "zebrafish" not in text
