"""Questions from a chat window, at a real terminal: copied, pasted, and joined to what waits."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.forked import AtTerminal
from tests.limits import PATIENCE

pytest.importorskip("pty", reason="a terminal of its own")

from tests.makers.keyboard import Keyboard

ALPHA = "Alpha is the first of the letters that form the Greek alphabet."
BETA = "Beta comes second in the long row of 24 letters."
GAMMA = "Gamma was a camel's throwing stick in the script of Phoenicia."
SECRET = "Zanzibar keeps the key of my diary under the third stone."


@pytest.fixture
def row(forge, vault) -> Path:
    note = vault / "Row.md"
    note.write_text(
        f"=={ALPHA}==\n\n=={BETA}==\n\n=={GAMMA}==\n\n=={SECRET}== #no-llm\n", "utf-8"
    )
    forge.ok("run", vault, "--accept", "review")
    return note


@pytest.fixture
def clipboard(tmp_path, monkeypatch) -> Path:
    """The file that a program of the clipboard writes what is copied to."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "xclip"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/clipboard"\n', "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "clipboard"


@pytest.fixture
def at_terminal(forge, clipboard):
    def started(*command: str, **variables: str) -> Keyboard:
        unwanted = "VISUAL EDITOR NO_COLOR WAYLAND_DISPLAY SSH_TTY SSH_CONNECTION".split()
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment = {
            **kept,
            **forge.environment,
            "TERM": "xterm-256color",
            "DISPLAY": ":0",
            **variables,
        }
        return Keyboard(
            lambda terminal: AtTerminal(
                [*command] or ["draft"], forge.folder, environment, terminal
            ),
            PATIENCE,
        )

    return started


def answer_to(prompt: str) -> str:
    """An answer with three cards, one of them of a passage that nobody marked."""
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</', prompt, re.DOTALL)
    label = {words: label for label, words in found}
    rows = [
        (label[ALPHA], "Which letter is the first?", "Alpha", ALPHA),
        (label[GAMMA], "Which letter comes second?", "Beta", BETA),
        (label[GAMMA], "Who threw it?", "a camel", "Nobody marked these words."),
    ]
    cards = [
        {"h": h, "kind": "basic", "front": front, "back": back, "quote": quote}
        for h, front, back, quote in rows
    ]
    return json.dumps({"cards": cards})


def doubts_of(second: str) -> str:
    """An answer that doubts the first of the cards that a second text asks about."""
    first, *others = re.findall(r'<highlight h="(\w{8})">', second)
    doubt = {"h": first, "verdict": "changed", "says": "Alpha is the first"}
    fine = [{"h": label, "verdict": "supported", "says": ""} for label in others]
    return json.dumps({"cards": [doubt, *fine]})


def test_run_offers_the_chat_only_for_highlights_that_it_may_ask_about(forge, vault):
    note = vault / "Row.md"
    note.write_text(f"=={ALPHA}==\n\n=={SECRET}== #no-llm\n\nLetter :: sign\n", "utf-8")
    said = forge.ok("run", vault, "--accept", "review").stdout
    assert "your chat writes the questions: copy, paste back" in said
    note.write_text("Letter :: sign\n\nVowel :: voice\n", "utf-8")
    assert "your chat" not in forge.ok("run", vault, "--accept", "review").stdout


def test_what_was_tagged_since_the_last_run_is_in_no_text_for_a_chat(forge, row):
    assert ALPHA in forge.ok("draft", "export", "-").stdout
    note = row.read_text("utf-8")
    row.write_text(note.replace(f"=={ALPHA}==", f"=={ALPHA}== #no-llm"), "utf-8")
    text = forge.ok("draft", "export", "-").stdout
    assert GAMMA in text
    assert ALPHA not in text


def test_draft_copies_the_text_and_takes_the_answer_that_is_pasted(
    forge, row, at_terminal, clipboard
):
    with at_terminal() as keyboard:
        told = keyboard.shown()
        assert "3 highlights for your chat" in told
        assert "0 new drafts" not in told
        assert "1 withheld" in told
        assert "copied: paste it into any chat" in " ".join(told.split())
        prompt = clipboard.read_text("utf-8")
        assert "Zanzibar" not in prompt
        assert "this is the text for the chat, not its answer" in keyboard.paste(prompt)
        assert "it contains no card" in keyboard.paste("Sure! Here are your questions.")
        refused = json.loads(answer_to(prompt))["cards"][2:]
        told = " ".join(keyboard.paste(json.dumps({"cards": refused})).split())
        assert "no card in it can be used: ask the chat for others" in told
        assert "does not say “Nobody marked these words.”" in told
        told = keyboard.paste(answer_to(prompt))
        assert (
            "2 of 3 got a question; 1 still without a question; 1 card not used" in told
        )
        assert "“Gamma was" in told, "what was not used is named with its passage"

        assert "a second text was copied" in " ".join(told.split())
        second = clipboard.read_text("utf-8")
        assert ALPHA in second
        told = keyboard.paste(doubts_of(second))
        assert "2 cards read a second time: 1 doubted" in told
        assert "ankiforge review\x1b[0m\r\n" in told, "no text is left to ask about"
        assert keyboard.ended() == 0
    [doubted] = forge.cards("finding:doubted")
    assert doubted["findings"][0]["message"] == "the quote says: Alpha is the first"
    questions = {
        card["fields"]["Front"]: card["quote"]
        for card in forge.cards()
        if card["origin"]["drafter"] == "llm"
    }
    assert questions == {
        "Which letter is the first?": ALPHA,
        "Which letter comes second?": BETA,
    }


def test_cards_of_an_imported_file_are_checked_by_the_chat_too(
    forge, row, at_terminal, clipboard
):
    forge.ok("draft", "export", "ask.md")
    prompt = (forge.folder / "ask.md").read_text("utf-8")
    (forge.folder / "answer.md").write_text(answer_to(prompt), "utf-8")
    with at_terminal("draft", "import", "answer.md") as keyboard:
        assert "a second text was copied" in " ".join(keyboard.shown().split())
        told = keyboard.paste(doubts_of(clipboard.read_text("utf-8")))
        assert "2 cards read a second time: 1 doubted" in told
        assert keyboard.ended() == 1  # a card was not used
    [doubted] = forge.cards("finding:doubted")
    assert doubted["quote"] == ALPHA


def test_a_text_is_copied_and_without_a_program_for_it_in_a_file(
    forge, row, at_terminal, clipboard
):
    with at_terminal() as keyboard:
        assert "copied: paste it into any chat" in keyboard.shown()
        assert keyboard.press("\r") is not None
        assert keyboard.ended() == 0
    copied = clipboard.read_text("utf-8")
    assert BETA in copied
    with at_terminal(DISPLAY="") as keyboard:
        assert "the text is in ask.md" in keyboard.shown()
    assert (forge.folder / "ask.md").read_text("utf-8") == copied
    assert json.dumps(SECRET) not in copied


def test_draft_without_a_terminal_says_how_it_goes_with_files(forge, row):
    assert "ankiforge draft export ask.md   then: " in forge.ok("draft").stderr


def test_what_the_chat_judges_not_worth_a_card_is_no_proposal(forge, row, tmp_path):
    listed = forge.ok("list", "--no-card", "--json").lines
    assert ALPHA in [each["exact"] for each in listed if each["suggestion"]]
    forge.ok("draft", "export", "ask.md")
    prompt = (forge.folder / "ask.md").read_text("utf-8")
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</', prompt, re.DOTALL)
    [label] = [label for label, words in found if words == ALPHA]
    none = {"h": label, "kind": "none", "why_none": "every child knows it"}
    (tmp_path / "answer.md").write_text(json.dumps({"cards": [none]}), "utf-8")
    told = forge.ok("draft", "import", tmp_path / "answer.md").stderr
    assert "every child knows it" in told
    for again in (False, True):
        if again:
            forge.ok("run")
        listed = forge.ok("list", "--no-card", "--json").lines
        assert ALPHA not in [each["exact"] for each in listed if each["suggestion"]]
        without = forge.ok("list", "--no-card", "--json").lines
        [reason] = [one["reason"] for one in without if one["exact"] == ALPHA]
        assert reason == "every child knows it"


def test_an_answer_whose_document_is_missing_is_kept(forge, row, at_terminal):
    lecture = forge.folder / "lecture.md"
    lecture.write_text(f"{BETA} {GAMMA}\n", "utf-8")
    forge.ok("draft", "export", "ask.md", "--from", lecture)
    [label] = re.findall(r'<text h="(\w{8})">', (forge.folder / "ask.md").read_text())
    front, back = "Which letter comes second?", "Beta"
    card = {"h": label, "kind": "basic", "front": front, "back": back, "quote": BETA}
    lecture.unlink()
    with at_terminal() as keyboard:
        keyboard.shown()
        told = " ".join(keyboard.paste(json.dumps({"cards": [card]})).split())
        assert "lecture.md: the answer is about this document, which is not there" in told
        assert keyboard.ended() != 0
    [command] = re.findall(r"ankiforge (draft import \S+)", told)
    lecture.write_text(f"{BETA} {GAMMA}\n", "utf-8")
    forge.ok(*command.split())
    assert [each["front"] for each in forge.cards("verdict:waiting")].count(front) == 1


def test_after_an_answer_it_names_what_is_left(forge, vault, at_terminal, clipboard):
    marks = [
        f"==The moon number {number} goes round its planet.==" for number in range(23)
    ]
    (vault / "Moons.md").write_text("\n\n".join(marks), "utf-8")
    forge.ok("run", vault, "--accept", "review")
    with at_terminal() as keyboard:
        keyboard.shown()
        prompt = clipboard.read_text("utf-8")
        labels = re.findall(r'<highlight h="(\w{8})">', prompt)
        none = [{"h": label, "kind": "none", "why_none": "no"} for label in labels]
        told = keyboard.paste(json.dumps({"cards": none}))
        assert keyboard.ended() == 0
    assert "0 of 20 got a question; 20 not worth one" in told
    assert "asks about the next 3" in told


def test_draft_of_a_document_copies_its_text_and_takes_what_the_chat_chose(
    forge, at_terminal, clipboard
):
    (forge.folder / "Plain.md").write_text(f"# Letters\n\n{ALPHA}\n\n{BETA}\n", "utf-8")
    with at_terminal("draft", "Plain.md") as keyboard:
        told = keyboard.shown()
        assert "ankiforge draft import ANSWER.md" in told
        prompt = clipboard.read_text("utf-8")
        assert ALPHA in prompt
        assert "this is the text for the chat, not its answer" in keyboard.paste(prompt)
        assert "it contains no card" in keyboard.paste("Sure! Here are your questions.")
        [label] = re.findall(r'<text h="(\w{8})">', prompt)
        card = {"h": label, "kind": "basic", "front": "Which letter is the first?",
                "back": "Alpha", "quote": ALPHA}  # fmt: skip
        told = keyboard.paste(json.dumps({"cards": [card]}))
        assert "1 passage chosen, of 1 in the answer" in told
        second = clipboard.read_text("utf-8")
        assert ALPHA in second
        told = keyboard.paste(doubts_of(second))
        assert "1 card read a second time: 1 doubted" in told
        assert "ankiforge review" in told
    [made] = forge.cards()
    assert made["quote"] == ALPHA
