"""A comment that asks something: the paragraphs around may answer it, and are sent for it alone."""

import json
from typing import Any

import pytest

from ankiforge.text.anchors import NEARBY, paragraphs_around
from samples.pdf_writer import Page, mark, paragraph, write_pdf

BEFORE = "Bread keeps best at room temperature, wrapped in a cloth of linen."
MARKED = "In a refrigerator bread goes stale six times as fast."
AFTER = "Starch crystallises fastest just above freezing, and that makes the crumb hard."


@pytest.fixture
def server(fake: Any) -> Any:
    with fake.LlmServer() as running:
        yield running


@pytest.fixture
def asked(forge: Any, server: Any) -> Any:
    """Write the paper with this comment on its mark, and settings."""

    def write(comment: str) -> None:
        (forge.folder / "papers").mkdir(exist_ok=True)
        blocks = tuple(map(paragraph, (BEFORE, MARKED, AFTER)))
        page = Page(blocks, (mark(MARKED, comment=comment),))
        write_pdf(forge.folder / "papers" / "bread.pdf", [page], title="Bread")
        llm = {"base_url": server.base_url, "model": "m-70b", "candidates": 1}
        forge.settings(
            "sources: [{pdf: {name: papers, path: papers}}]\ndrafter: llm\n"
            f"llm: {json.dumps(llm)}\nanki: {{collection: none}}\n"
        )

    return write


def test_a_question_is_answered_from_the_paragraph_beside_it(forge, server, fake, asked):
    asked("why is that so?")
    made = fake.card(
        "1", "Starch crystallises fastest just above freezing",
        "Why does bread go stale so fast in a refrigerator?",
        "Starch crystallises fastest just above freezing.",
    )  # fmt: skip
    server.queue.append(fake.cards(made))
    forge.ok("run")

    [card] = forge.cards()
    assert card["findings"] == []
    sent = server.asked[0]["messages"][-1]["content"]
    assert f"<nearby>{BEFORE} {MARKED} {AFTER}</nearby>" in sent


def test_without_a_question_no_more_is_sent_than_before(forge, server, asked):
    asked("good to know")
    forge.ok("run")

    assert "nearby" not in server.asked[0]["messages"][-1]["content"]


def test_a_question_that_is_not_answered_there_is_said_to_go_beyond(forge, server, fake, asked):
    asked("does this hold for cake?")
    none = {"h": "1", "kind": "none", "why_none": "nothing is said of cake"}
    server.queue.append(fake.cards(none))
    forge.ok("run")

    [left] = forge.ok("list", "--no-card", "--json").lines
    assert left["reason"] == "your question goes beyond the passage: nothing is said of cake"


def test_a_private_paragraph_is_masked_and_too_many_are_left_out():
    text = "\n".join(("far " * 400, "Anna is ill. #no-llm", "before", "the passage", "behind"))
    start = text.index("the passage")

    found = paragraphs_around(text, start, start + 11)

    assert found == "[…]\nbefore\nthe passage\nbehind"
    long = "word " * 600
    assert len(paragraphs_around(long, 1500, 1510)) <= NEARBY
