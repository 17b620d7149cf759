"""The page is open while an agent drafts: its cards appear, and wait for the person."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("mcp")

from tests.fakes.agent import client

CAFFEINE = "Caffeine keeps us awake by occupying the adenosine receptors of the brain."
BORE = "A tidal bore is a wave that travels up a river against its current."
PAIR = "What powers the cell?::The mitochondrion"
CARDS = {
    CAFFEINE: {
        "kind": "basic",
        "quote": "occupying the adenosine receptors",
        "front": "How does caffeine keep us awake?",
        "back": "by occupying the adenosine receptors of the brain",
    },
    BORE: {
        "kind": "basic",
        "quote": "a wave that travels up a river against its current",
        "front": "What is a tidal bore?",
        "back": "a wave that travels up a river against its current",
    },
}


LOOK = "window.dispatchEvent(new Event('focus'))"
"""The page asks what is new every three seconds, and when its window is looked at."""


def waiting(page: Any, count: int) -> None:
    """Wait until so many cards are to be decided."""
    page.evaluate(LOOK)
    found = page.locator("#views [data-view=decide] .count")
    found.filter(has_text=re.compile(f"^{count}$")).wait_for()


def test_what_an_agent_drafts_appears_on_the_open_page_and_is_left_to_the_person(
    forge: Any, review: Any, settled: Any
) -> None:
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
        "accept: {rules: clean, llm: clean}\n"
    )
    (forge.folder / "notes").mkdir()
    note = "\n\n".join((f"=={CAFFEINE}==", f"=={BORE}==", PAIR))
    (forge.folder / "notes" / "Facts.md").write_text(note)
    forge.ok("mcp", "--trust", forge.folder)
    forge.ok("run")
    before = {card["guid"]: card["verdict"] for card in forge.cards()}
    page = review()
    assert page.text_content("#title") == "Nothing waits for you."

    with client(forge) as agent:
        keys = agent.keys()
        # where nothing is left, the card appears by itself
        agent.propose(keys[CAFFEINE], **CARDS[CAFFEINE])
        page.evaluate(LOOK)
        page.wait_for_selector("body[data-item=yes]")
        settled(page)
        assert "Caffeine" in page.inner_text("#source")
        # where one is shown, it stays, and the count goes up
        shown = page.text_content("#title")
        agent.propose(keys[BORE], **CARDS[BORE])
        waiting(page, 2)
        assert page.text_content("#title") == shown
        assert "Caffeine" in page.inner_text("#source")
        # a person decides while the agent stays connected, and the agent cannot decide
        page.keyboard.press("a")
        settled(page)
        waiting(page, 1)
        agent.propose(keys[CAFFEINE], **CARDS[CAFFEINE])

    verdicts = {
        card["fields"]["Front"]: (card["verdict"], card["accepted_by"])
        for card in forge.cards()
        if card["guid"] not in before
    }
    assert verdicts == {
        CARDS[CAFFEINE]["front"]: ("accepted", "person"),
        CARDS[BORE]["front"]: ("pending", ""),
    }
    assert before.items() <= {card["guid"]: card["verdict"] for card in forge.cards()}.items()
    history = page.locator("#views [data-view=recent] .count")
    assert history.text_content() == "1"
