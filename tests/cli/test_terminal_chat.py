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
    def started(**variables: str) -> Keyboard:
        unwanted = "VISUAL EDITOR NO_COLOR DISPLAY WAYLAND_DISPLAY SSH_TTY SSH_CONNECTION".split()
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment = {**kept, **forge.environment, "TERM": "xterm-256color", **variables}
        return Keyboard(
            lambda terminal: AtTerminal(
                ("review", "--terminal"), forge.folder, environment, terminal
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


def test_a_chat_asks_for_what_waits_at_the_terminal(forge, row, at_terminal):
    with at_terminal() as keyboard:
        assert "m ask your chat" in keyboard.shown()
        told = keyboard.press("m")
        assert "3 highlights for your chat" in told
        assert "1 withheld" in told
        copied = keyboard.press("c")
        prompt = b64decode(CLIPBOARD.search(copied)[1]).decode()
        assert "Zanzibar" not in prompt
        keyboard.press("p")
        told = keyboard.paste(answer_to(prompt))
        assert "2 of 3 got a question; 1 card not used" in told
        assert "“Gamma was" in told, "what was not used is named with its passage"
        assert "1 highlight for your chat" in told, "the rest comes next"
        keyboard.press("p")
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


def test_a_program_of_the_clipboard_is_used_and_without_one_a_file(
    forge, row, at_terminal, tmp_path
):
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "xclip"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/clipboard"\n', "utf-8")
    program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    with at_terminal(DISPLAY=":0", PATH=path) as keyboard:
        keyboard.shown()
        keyboard.press("m")
        assert not CLIPBOARD.search(keyboard.press("c"))
    copied = (tmp_path / "clipboard").read_text("utf-8")
    assert BETA in copied
    with at_terminal(TERM="linux") as keyboard:
        keyboard.shown()
        keyboard.press("m")
        told = keyboard.press("c")
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
        prompt = b64decode(CLIPBOARD.search(keyboard.press("c"))[1]).decode()
        keyboard.press("p")
        assert "1 of 2 got a question" in keyboard.paste(answer_to(prompt))
        assert "Which letter" in keyboard.press(ESCAPE)
