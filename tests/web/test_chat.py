"""Questions from a chat window, on the page: copied, pasted, decided, in a real browser."""

import json
import re

import pytest

from tests.web.conftest import settle, until

WORDS = "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa".split()
MARKS = {
    word: f"{word} was carved on {n + 3} stones of the wall."
    for n, word in enumerate(WORDS)
}
SECRET = "Zanzibar keeps the key of my diary under the third stone."


@pytest.fixture
def wall(forge):
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    marks = [*(f"=={text}==" for text in MARKS.values()), f"=={SECRET}== #no-llm"]
    (forge.folder / "notes" / "Wall.md").write_text("\n\n".join(marks), "utf-8")
    forge.ok("run")
    return forge


def answered(prompt: str) -> str:
    """A chat's answer: a card for each passage but two, for one of these none, in prose."""
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</', prompt, re.DOTALL)
    cards = []
    for label, text in found:
        word, number = text.split()[0], text.split()[4]
        front = f"How many stones of the wall bore {word}?"
        cards.append(
            {"h": label, "kind": "basic", "front": front, "back": number, "quote": text}
        )
    cards[0]["quote"] = "Nobody carved these words."
    cards[1] = {"h": cards[1]["h"], "kind": "none", "why_none": "an aside"}
    return f"Sure!\n```json\n{json.dumps({'cards': cards})}\n```\nAnything else?"


def test_a_chat_is_asked_and_its_answer_decided_without_a_mouse(wall, opened):
    page = opened(wall)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("m")
    page.locator("#chat-asks", has_text="10 highlights for your chat").wait_for()
    assert "1 withheld" in page.locator("#chat-asks").inner_text()
    page.keyboard.press("Enter")  # Copy has the focus
    page.locator("#chat-said", has_text="Copied").wait_for()
    prompt = page.evaluate("navigator.clipboard.readText()")
    assert "Zanzibar" not in prompt
    assert prompt == page.locator("#chat-text").input_value(), "it can be read before"

    page.evaluate("words => navigator.clipboard.writeText(words)", answered(prompt))
    page.keyboard.press("Control+v")
    page.keyboard.press("Control+Enter")
    told = page.locator("#chat-said", has_text="8 of 10 got a question; 1 not worth one")
    told.wait_for()
    assert "does not have its quote" in told.inner_text()
    page.locator("#chat-asks", has_text="1 highlight for your chat").wait_for()

    page.keyboard.press("Escape")
    settle(page)
    until(page, "document.querySelector('#chat').open === false")
    drafts = [card for card in wall.cards() if card["origin"]["drafter"] == "llm"]
    assert len(drafts) == 8
    assert all(card["quote"] in MARKS.values() for card in drafts)
    page.keyboard.press("a")
    page.locator("#toast", has_text="Accepted").wait_for()
    settle(page)
    assert any(card["verdict"] == "accepted" for card in wall.cards())


def test_an_answer_of_megabytes_and_a_paste_that_is_none(wall, opened):
    page = opened(wall)
    page.keyboard.press("m")
    page.locator("#chat-asks", has_text="10 highlights").wait_for()
    prompt = page.locator("#chat-text").input_value()
    for answer, said in (
        ("I cannot help with that.", "0 of 10 got a question; 1 card not used"),
        ("lorem {ipsum} dolor\n" * 60_000 + answered(prompt), "8 of 10"),
        (answered(prompt), "0 of 1 got a question"),
    ):
        fill = "text => { document.querySelector('#chat-answer').value = text; }"
        page.evaluate(fill, answer)
        page.locator("#chat-take").click()
        page.locator("#chat-said", has_text=said).wait_for()
