"""Questions from a chat window, at a real terminal: copied, pasted, and joined to what waits."""

import json
import os
import re
from base64 import b64decode
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
TRIES = 4
CLIPBOARD = re.compile(r"\x1b\]52;c;([\w+/=]*)\x07")
ESCAPE = "\x1b"


@pytest.fixture
def row(forge, vault) -> Path:
    note = vault / "Row.md"
    note.write_text(
        f"=={ALPHA}==\n\n=={BETA}==\n\n=={GAMMA}==\n\n=={SECRET}== #no-llm\n", "utf-8"
    )
    forge.ok("run", vault, "--accept", "review")
    return note


@pytest.fixture
def at_terminal(forge):
    def started(
        *command: str,
        **variables: str,
    ) -> Keyboard:
        unwanted = "VISUAL EDITOR NO_COLOR DISPLAY WAYLAND_DISPLAY SSH_TTY SSH_CONNECTION".split()
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment = {**kept, **forge.environment, "TERM": "xterm-256color", **variables}
        return Keyboard(
            lambda terminal: AtTerminal(
                command or ("review", "--terminal"), forge.folder, environment, terminal
            ),
            PATIENCE,
        )

    return started


def answer_to(prompt: str) -> str:
    """An answer with two cards as a table, one of them of a passage that nobody marked."""
    found = re.findall(r'<highlight h="(\w{8})">.*?<marked>(.*?)</', prompt, re.DOTALL)
    label = {words: label for label, words in found}
    rows = [
        (label[ALPHA], "Which letter is the first?", "Alpha", ALPHA),
        (label[GAMMA], "Which letter comes second?", "Beta", BETA),
        (label[GAMMA], "Who threw it?", "a camel", "Nobody marked these words."),
    ]
    lines = ["| h | Question | Answer | Quote |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def test_run_offers_the_chat_only_for_highlights_that_it_may_ask_about(forge, vault):
    note = vault / "Row.md"
    note.write_text(f"=={ALPHA}==\n\n=={SECRET}== #no-llm\n\nLetter :: sign\n", "utf-8")
    said = forge.ok("run", vault, "--accept", "review").stdout
    assert "your chat asks about 1 highlight: copy, paste back" in said
    note.write_text("Letter :: sign\n\nVowel :: voice\n", "utf-8")
    assert "your chat" not in forge.ok("run", vault, "--accept", "review").stdout


def test_a_chat_asks_for_what_waits_at_the_terminal(forge, row, at_terminal):
    with at_terminal() as keyboard:
        assert "m chat" in keyboard.shown()
        told = keyboard.press("m")
        assert "3 highlights for your chat" in told
        assert "1 withheld" in told
        prompt = b64decode(CLIPBOARD.search(told)[1]).decode()
        assert "Zanzibar" not in prompt
        told = keyboard.paste(prompt)
        assert "this is the text for the chat, not its answer" in told
        assert not CLIPBOARD.search(told), "the text stays on the clipboard"
        assert "it has no card" in keyboard.paste("Sure! Here are your questions.")
        told = keyboard.paste(answer_to(prompt))
        assert "2 of 3 got a question; 1 not answered; 1 card not used" in told
        assert "“Gamma was" in told, "what was not used is named with its passage"
        assert "next: 1 highlight for your chat" in told, "the rest comes next"
        assert CLIPBOARD.search(keyboard.press("\r"))
        assert "nothing new" in keyboard.paste(answer_to(prompt))
        keyboard.press(ESCAPE)
    questions = {
        card["fields"]["Front"]: card["quote"]
        for card in forge.cards()
        if card["origin"]["drafter"] == "llm"
    }
    assert questions == {
        "Which letter is the first?": ALPHA,
        "Which letter comes second?": BETA,
    }


def test_a_key_puts_the_offer_of_the_chat_away(forge, row, at_terminal):
    with at_terminal() as keyboard:
        assert "Press m; M offers it no more" in keyboard.shown()
        assert "offered no more" in keyboard.press("M")
        keyboard.press(ESCAPE)
    with at_terminal() as keyboard:
        told = keyboard.shown()
        assert "Press m" not in told
        assert "m chat" in told


def test_a_program_of_the_clipboard_is_used_and_without_one_a_file(
    forge, row, at_terminal, tmp_path
):
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "xclip"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/clipboard"\n', "utf-8")
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    for _ in range(TRIES):
        with at_terminal(DISPLAY=":0", PATH=path) as keyboard:
            keyboard.shown()
            # on a busy machine it may not end in time, and the terminal is asked instead
            if not CLIPBOARD.search(keyboard.press("m")):
                break
    else:
        raise AssertionError("the program was never used")
    copied = (tmp_path / "clipboard").read_text("utf-8")
    assert BETA in copied
    with at_terminal(TERM="linux") as keyboard:
        keyboard.shown()
        told = keyboard.press("m")
        [written] = re.findall(r"written: (\S*ask\.md)", told.replace("\r\n", ""))
    assert Path(written).read_text("utf-8") == copied
    assert Path(written).stat().st_mode & 0o077 == 0
    assert json.dumps(SECRET) not in copied


def test_where_nothing_waits_the_chat_is_asked_for_what_has_no_card(forge, at_terminal):
    notes = forge.folder / "notes"
    notes.mkdir()
    (notes / "Row.md").write_text(f"=={ALPHA}==\n\n=={GAMMA}==\n", "utf-8")
    forge.settings(
        "proposals: false\nsources: [{obsidian: {name: notes, path: notes}}]\n"
    )
    forge.ok("run")
    with at_terminal() as keyboard:
        told = keyboard.shown()
        assert "nothing waits for you" in told
        assert "2 highlights for your chat" in told
        prompt = b64decode(CLIPBOARD.search(told)[1]).decode()
        assert "1 of 2 got a question" in keyboard.paste(answer_to(prompt))
        assert "Which letter" in keyboard.press(ESCAPE)


def test_draft_without_a_model_takes_an_answer_from_the_clipboard(
    forge, row, at_terminal, tmp_path
):
    """Two programs stand for the clipboard; what is no answer stays there unread."""
    programs = tmp_path / "bin"
    programs.mkdir()
    clipboard = tmp_path / "clipboard"
    program = programs / "xclip"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *-o*) cat "{clipboard}";; *) cat > "{clipboard}";; esac\n',
        "utf-8",
    )
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    with at_terminal("draft", DISPLAY=":0", PATH=path) as keyboard:
        told = keyboard.shown()
        assert "3 highlights for your chat" in told
        assert "the clipboard is compared with the form of an answer" in told
        prompt = clipboard.read_text("utf-8")
        clipboard.write_text("a password of mine", "utf-8")
        answer = answer_to(prompt)
        clipboard.write_text(answer, "utf-8")
        told = keyboard.shows("Enter copies the text")
        assert "2 of 3 got a question" in told
        assert "password" not in told
        keyboard.press(ESCAPE)
        assert keyboard.ended() == 0
    assert clipboard.read_text("utf-8") == answer
    kept = [file.read_bytes() for file in forge.home.rglob("*") if file.is_file()]
    assert not any(b"a password of mine" in data for data in kept)


def test_draft_without_a_terminal_says_how_it_goes_with_files(forge, row):
    assert "ankiforge draft export ask.md, then" in forge.ok("draft").stderr


def test_what_the_chat_judges_not_worth_a_card_is_no_proposal(forge, row, tmp_path):
    [proposal] = forge.ok("list", "drafter:propose", "--json").lines
    assert proposal["quote"] == ALPHA
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
        assert forge.ok("list", "drafter:propose", "--json").lines == []
        without = forge.ok("list", "--no-card", "--json").lines
        [reason] = [one["reason"] for one in without if one["exact"] == ALPHA]
        assert reason == "every child knows it"
