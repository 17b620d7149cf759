"""Questions from a chat window, on the page: copied, pasted, decided, in a real browser."""

import json
import re
import zipfile

import pytest

from tests.web.conftest import over, ready, settle, shown, until

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
    page = opened(wall, "shelf")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#shelf h2").first.wait_for()
    page.keyboard.press("m")  # copies at once
    page.locator("#chat-said", has_text="Copied").wait_for()
    assert "10 highlights for your chat" in page.locator("#chat-asks").inner_text()
    assert "1 withheld" in page.locator("#chat-asks").inner_text()
    prompt = page.evaluate("navigator.clipboard.readText()")
    assert "Zanzibar" not in prompt
    assert prompt == page.locator("#chat-text").input_value(), "it can be read before"

    page.evaluate("words => navigator.clipboard.writeText(words)", answered(prompt))
    page.keyboard.press("Control+v")  # pasting takes it
    told = page.locator("#chat-said", has_text="8 of 10 got a question; 1 not worth one")
    told.wait_for()
    assert "does not say “" in told.inner_text()
    page.locator("#chat-asks", has_text="1 highlight for your chat").wait_for()

    page.locator("#chat-second").press("Enter")  # a second text, about these cards
    page.locator("#chat-said", has_text="says what its passage says").wait_for()
    second = page.evaluate("navigator.clipboard.readText()")
    labels = re.findall(r'<highlight h="(\w{8})">', second)
    verdicts = [{"h": label, "verdict": "supported", "says": ""} for label in labels]
    verdicts[0] |= {"verdict": "changed", "says": "on other stones"}
    answer = json.dumps({"cards": verdicts})
    page.evaluate("words => navigator.clipboard.writeText(words)", answer)
    page.keyboard.press("Control+v")
    page.locator(
        "#chat-said", has_text="8 cards read a second time: 1 doubted"
    ).wait_for()
    assert page.locator("#chat-second").is_hidden()
    assert len(wall.cards("finding:doubted")) == 1

    page.keyboard.press("Escape")
    settle(page)
    until(page, "document.querySelector('#chat').open === false")
    drafts = [card for card in wall.cards() if card["origin"]["drafter"] == "llm"]
    assert len(drafts) == 8
    assert all(card["quote"] in MARKS.values() for card in drafts)
    page.locator("#shelf .over-documents", has_text="8 new cards waiting").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_selector("#margin > .card")
    settle(page)
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Accepted").wait_for()
    settle(page)
    assert any(card["verdict"] == "accepted" for card in wall.cards())


@pytest.mark.slow
def test_an_answer_of_megabytes_and_a_paste_that_is_none(wall, opened):
    page = opened(wall)
    page.keyboard.press("m")
    page.locator("#chat-asks", has_text="10 highlights").wait_for()
    prompt = page.locator("#chat-text").input_value()
    for answer, said in (
        ("I cannot help with that.", "Give me the same cards as JSON"),
        ("lorem {ipsum} dolor\n" * 60_000 + answered(prompt), "8 of 10"),
        (answered(prompt), "no card in it is about these highlights"),
    ):
        fill = "text => { document.querySelector('#chat-answer').value = text; }"
        page.evaluate(fill, answer)
        page.locator("#chat-take").click()
        page.locator("#chat-said", has_text=said).wait_for()


PLACES = "Aran Bute Coll Eigg Fair Gigha Hoy Iona Jura Lewis Muck Noss Oxna Pabay Rum Skye Tiree Unst".split()
DECISIONS = ["Enter" if key == "+" else "x" for key in "+++x++++x+"]
KEYS = ("m", "Control+v", "Escape", "Enter", *DECISIONS, "o")
"""Those of a person who copies, pastes, decides on ten, and opens Anki."""


def write_islands(forge):
    """Write eighteen marks, and settings that look for no Anki."""
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
    )
    (forge.folder / "notes").mkdir()
    marks = [
        f"=={place} has {n + 7} wells.=="
        if n == 0
        else f"=={place} was mapped in {n + 1801} by a crew from Oban.=="
        for n, place in enumerate(PLACES)
    ]
    (forge.folder / "notes" / "Islands.md").write_text("\n\n".join(marks), "utf-8")
    forge.ok("run")


def seventeen(prompt: str) -> str:
    """A chat's answer: seventeen questions, and one passage that is not worth one."""
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</', prompt, re.DOTALL)
    cards = []
    for label, text in found:
        place, year = text.split()[0], text.split()[4:5]
        if not year:
            cards.append({"h": label, "kind": "none", "why_none": "an aside"})
            continue
        front = f"When was {place} mapped by a crew from Oban?"
        cards.append(
            {"h": label, "kind": "basic", "front": front, "back": year[0], "quote": text}
        )
    return f"```json\n{json.dumps({'cards': cards})}\n```"


def play(page) -> None:
    """Copy, paste an answer, decide on ten and open Anki: `KEYS`, and no mouse."""
    keys = iter(KEYS)

    def press() -> None:
        page.keyboard.press(next(keys))

    press()
    page.locator("#chat-said", has_text="Copied").wait_for()
    assert "18 highlights for your chat" in page.locator("#chat-asks").inner_text()
    prompt = page.evaluate("navigator.clipboard.readText()")
    page.evaluate("words => navigator.clipboard.writeText(words)", seventeen(prompt))
    press()
    page.locator("#chat-said", has_text="17 of 18 got a question").wait_for()
    press()
    settle(page)
    press()
    page.locator("#margin > .card").wait_for()
    assert shown(page).startswith("When was")
    settle(page)
    for _ in range(10):
        press()
        settle(page)
    assert over(page).startswith("8 cards, ")
    ready(page)
    press()
    page.locator("#said", has_text="8 notes").wait_for()
    assert next(keys, None) is None


@pytest.mark.slow
def test_from_the_copied_prompt_to_a_package_without_a_mouse(forge, opened):
    write_islands(forge)
    page = opened(forge, "shelf")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    play(page)
    verdicts = [card["verdict"] for card in forge.cards()]
    assert verdicts.count("accepted") == 8
    with zipfile.ZipFile(forge.folder / "ankiforge.apkg") as package:
        assert "collection.anki2" in package.namelist()


OLD = "Iona has nine wells, and Rum has none."
NEW = OLD.replace("nine", "eleven")


def test_a_chat_is_asked_again_about_a_card_whose_passage_changed(forge, opened):
    """What it answers is new text of the same note."""
    forge.settings(
        "sources: [{obsidian: {name: notes, path: notes}}]\nanki: {collection: none}\n"
    )
    note = forge.folder / "notes" / "Islands.md"
    note.parent.mkdir()
    note.write_text(f"=={OLD}==\n", "utf-8")
    forge.ok("run")
    forge.ok("draft", "export", "ask.md")
    [label] = re.findall(
        r'<highlight h="(\w{8})">', (forge.folder / "ask.md").read_text()
    )
    card = {"h": label, "kind": "basic", "front": "How many wells has Iona?"}
    card |= {"back": "nine", "quote": OLD}
    (forge.folder / "answer.json").write_text(json.dumps({"cards": [card]}), "utf-8")
    forge.ok("draft", "import", "answer.json")
    forge.ok("accept", "--all")
    [accepted] = forge.cards()
    note.write_text(f"=={NEW}==\n", "utf-8")
    forge.ok("run")

    page = opened(forge, "you")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert "It says now" in page.locator("#margin > .card").inner_text()
    page.locator("#buttons .button", has_text="Ask again").click()
    page.locator("#chat-asks", has_text="1 highlight for your chat").wait_for()
    prompt = page.locator("#chat-text").input_value()
    assert NEW in prompt
    assert "How many wells has Iona?" in prompt
    assert OLD in prompt
    [label] = re.findall(r'<highlight h="(\w{8})">', prompt)
    card |= {"h": label, "back": "eleven", "quote": NEW}
    words = json.dumps({"cards": [card]})
    page.evaluate("words => navigator.clipboard.writeText(words)", words)
    page.keyboard.press("Control+v")
    page.locator("#chat-said", has_text="1 of 1 got a question").wait_for()
    page.locator("#chat-take:focus", has_text="See the cards").wait_for()
    page.keyboard.press("Enter")
    settle(page)
    until(page, "document.querySelector('#chat').open === false")
    [change] = forge.cards("verdict:waiting")
    assert change["changes"] == accepted["guid"]
    page.locator("#margin > .card").wait_for()
    settle(page)
    page.keyboard.press("Enter")
    page.locator("#said", has_text="Changed").wait_for()
    settle(page)
    [changed] = forge.cards()
    assert changed["guid"] == accepted["guid"]
    assert changed["fields"]["Back"] == "eleven"
