"""The first week: what README and tutorials print, typed in this order at a terminal, with the real page and the real Anki."""

import os
import pty
import shlex
import shutil
from contextlib import suppress
from typing import Any

import pytest

from tests.limits import PATIENCE
from tests.makers.build import build
from tests.test_docs import (
    PAPER_PAGE,
    README,
    TUTORIAL,
    note_of_the_tutorial,
    session,
)
from tests.web.conftest import CARD, ready, settle, shown

PAPER = "papers/Judging a diagnostic test.pdf"
TAUGHT = "What does the testing effect say?"
MAX_DECISIONS = 20


def at_terminal(forge: Any, line: str) -> str:
    """Type a command, which must end with 0, and return what stands on the terminal then."""
    program, *arguments = shlex.split(line, comments=True)
    assert program == "ankiforge", line
    ours, theirs = pty.openpty()
    running = forge.at_terminal(*arguments, terminal=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    assert running.wait(timeout=PATIENCE) == 0, shown.decode()
    return shown.decode()


def accept_all(page: Any) -> int:
    """Open the first row of the shelf and press Enter until nothing waits; return how often."""
    if page.locator("body[data-view=shelf]").count():
        page.keyboard.press("Enter")
        page.wait_for_selector(CARD)
        settle(page)
    accepted = 0
    while shown(page) and accepted < MAX_DECISIONS:
        page.keyboard.press("Enter")
        settle(page)
        accepted += 1
    ready(page)
    return accepted


@pytest.mark.slow
def test_what_the_readme_and_the_tutorials_print_works_in_this_order(
    forge, opened, anki, tmp_path
):
    samples = tmp_path / "samples"
    build(samples)
    shutil.copyfile(samples / PAPER, forge.folder / "paper.pdf")
    note = forge.folder / "notes/Memory.md"
    note.parent.mkdir()
    note.write_text(note_of_the_tutorial(), encoding="utf-8")
    package = forge.folder / "ankiforge.apkg"
    pages = [README, PAPER_PAGE, TUTORIAL]
    accepted = imports = 0
    reviewed: list[Any] = []
    for text in pages:
        for typed in session(text):
            if typed.line.startswith("cat "):
                continue
            if typed.line.startswith("ankiforge review"):
                accepted += accept_all(opened(forge, "shelf"))
                continue
            if (
                typed.line == "ankiforge run" and reviewed
            ):  # the tutorial changes a word first
                changed = note.read_text(encoding="utf-8").replace(
                    "reading it", "rereading"
                )
                note.write_text(changed, encoding="utf-8")
            at_terminal(forge, typed.line)
            if typed.line.startswith("ankiforge build"):
                imports += bool(anki.load(package))
                taught = anki.col.find_notes(f'"{TAUGHT}"')
                if taught and not reviewed:
                    guid = anki.col.get_note(taught[0]).guid
                    reviewed = anki.answer_first_card(guid)
    assert accepted >= 2
    assert imports >= 2
    at_terminal(forge, "ankiforge build")
    anki.load(package)
    notes = [anki.col.get_note(id) for id in anki.col.find_notes("")]
    fronts = [each.fields[0] for each in notes]
    assert len(set(fronts)) == len(fronts)
    accepted_cards = forge.ok("list", "verdict:accepted", "--json").lines
    assert {each.guid for each in notes} == {card["guid"] for card in accepted_cards}
    [taught] = [each for each in notes if TAUGHT in each.fields[0]]
    assert "rereading" in taught["Back"]
    assert anki.schedule(taught.guid) == reviewed
