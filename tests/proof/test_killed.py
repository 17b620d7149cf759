"""Killed at any commit, the program goes on with the next run as if nothing had happened."""

import signal
from collections import Counter
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from samples.pdf_writer import Page, heading, mark, paragraph, write_pdf

from .conftest import Desk

KILLED = -signal.SIGKILL
ABOUT_A = """\
Katze:::cat

The ==hippocampus binds== what belongs to one episode of our memory.

What is ATP?::an energy carrier
"""
ABOUT_B = """\
A ==glacier== moves downhill under its own weight.

The ==permafrost== of Siberia holds carbon of many centuries.
"""
SLEEP = "Slow waves during sleep replay what was learned on the day before"
SPACING = "Spacing improves the retention of facts over many weeks and months"
CLIPPING = (
    "\ufeffA Book (Roe, Ann)\n- Your Highlight at location 10-12 | Added on Thursday, January 1, 2015"
    " 10:00:00 AM\n\nRetrieval strengthens memory more than rereading does.\n==========\n"
    "A Book (Roe, Ann)\n- Your Note at location 12 | Added on Thursday, January 1, 2015 10:00:00 AM\n\n"
    "What does retrieval strengthen?\n==========\n"
)
VAULT = "obsidian: {name: notes, path: notes}"


def fill(desk: Desk) -> None:
    """A vault, a PDF and a Kindle."""
    desk.settings(VAULT, "pdf: {name: papers, path: papers}", "kindle: {path: kindle}")
    desk.write("notes/A.md", ABOUT_A)
    desk.write("notes/B.md", ABOUT_B)
    desk.write("kindle/My Clippings.txt", CLIPPING)
    write_paper(desk, SLEEP)


def write_paper(desk: Desk, *marked: str) -> None:
    path = desk.folder / "papers" / "Sleep.pdf"
    path.parent.mkdir(exist_ok=True)
    blocks = [heading("On Sleep", level=0), paragraph(f"{SLEEP}."), paragraph(f"{SPACING}.")]
    page = Page(blocks, [mark(words, comment="What is said here?") for words in marked])
    write_pdf(path, [page], title="On Sleep")
    desk.aged(path)


def change(desk: Desk) -> None:
    """An edit, a new mark, a cut and pasted card, a deleted note with its card, a new mark in the paper."""
    desk.write("notes/A.md", ABOUT_A.replace("an energy carrier", "a nucleotide"))
    desk.write("notes/C.md", "Hund:::dog\n\nA ==moraine== is what a glacier leaves behind.\n")
    (desk.folder / "notes" / "B.md").unlink()
    write_paper(desk, SLEEP, SPACING)


def every_kill(desk: Desk, moment: str, judge: Callable[[int], None]) -> None:
    """Kill `run` at each of its commits, each time in the workspace as it was kept."""
    for number in range(1, 500):
        desk.back()
        ended = desk("run", fault=f"{moment}:{number}")
        if ended.code != KILLED:
            assert ended.code == 0, ended
            assert number > 3
            return
        judge(number)
    raise AssertionError("it never ends")


def created(desk: Desk) -> None:
    """Nothing but one note: the first commits make the ledger."""
    desk.settings(VAULT)
    desk.write("notes/A.md", "Katze:::cat\n")


def filled(desk: Desk) -> None:
    """A ledger without highlights, and sources it has not read."""
    desk.settings(VAULT)
    (desk.folder / "notes").mkdir()
    desk.ok("run")
    fill(desk)


def changed(desk: Desk) -> None:
    """A ledger with highlights whose sources have changed."""
    fill(desk)
    desk.ok("run")
    change(desk)


CASES = [(created, "before"), (filled, "before"), (changed, "before"), (changed, "after")]
ids = [f"{make.__name__}-{moment}" for make, moment in CASES]


@pytest.mark.parametrize(("make", "moment"), CASES, ids=ids)
def test_a_run_killed_at_any_commit_is_made_good_by_the_next(desk, make, moment):
    make(desk)
    desk.keep()
    desk.ok("run")
    desk.ok("run")
    state, told = without_anki(desk.state()), desk.told()
    desk.lose("ledger.db")
    desk.ok("run")
    rebuilt = without_anki(desk.state())
    unwritten: list[int] = []

    def judge(number: int) -> None:
        noted = any(one["what"] == "shipped" for one in desk.entries()) and not desk.packages()
        desk.ok("run")
        if make is created and noted:  # killed before the package was there
            assert {card["anki"] for card in desk.cards().values()} == {"written"}, number
            unwritten.append(number)
        if make is changed:  # what is gone is missing twice first
            desk.ok("run")
        assert without_anki(desk.state()) == state, number
        assert desk.told() == told, number
        if number % 6 == 0:
            desk.lose("ledger.db")
            desk.ok("run")
            assert without_anki(desk.state()) == rebuilt, number

    every_kill(desk, moment, judge)
    assert bool(unwritten) == (make is created)


def without_anki(state: dict[str, Any]) -> dict[str, Any]:
    """Leave out whether a package holds a card: not every kill leaves that as it was."""
    cards = {guid: {**card, "anki": ""} for guid, card in state["cards"].items()}
    return {**state, "cards": cards}


# --- a model that is paid for ---------------------------------------------------------------

LLM = "drafter: llm\nllm: {{base_url: {url}, model: m, candidates: 1, concurrency: 1}}\n"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_killed_at_any_commit_asks_for_no_passage_twice(desk, fake, moment):
    """But for the reply whose own commit was not made: it was never stored."""
    lost: list[int] = []
    with fake.LlmServer() as server:
        more = LLM.format(url=server.base_url) + "accept: {rules: clean, llm: clean}\n"
        desk.settings(VAULT, more=more)
        desk.write("notes/A.md", "Hund:::dog\n")
        desk.ok("run")
        desk.write("notes/B.md", "A ==glacier== moves downhill under its own weight.\n")
        desk.keep()
        desk.ok("run")
        desk.ok("run")
        state = without_anki(desk.state())
        once = Counter(marked(fake, server))
        assert set(once.values()) == {1}
        server.asked.clear()

        def judge(number: int) -> None:
            desk.ok("run")
            desk.ok("run")
            assert without_anki(desk.state()) == state, number
            asked = Counter(marked(fake, server))
            assert asked.keys() == once.keys(), number
            if asked != once:
                lost.append(number)
            server.asked.clear()

        every_kill(desk, moment, judge)
    assert len(lost) <= (moment == "before"), lost


def marked(fake: ModuleType, server: Any) -> list[str]:
    return [words for request in server.asked for _, words in fake.marked(request)]
