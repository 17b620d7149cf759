"""Twice as much of anything takes about twice the calls of functions, whatever it is made of.

A seed is repeated in a mark, a note, a card, an export, an answer of a model, or in cards that are
compared. Calls are counted, no time: a pattern is one call, and has its law in `test_pump_laws`.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ankiforge.check import duplicates
from ankiforge.draft.reply_cards import parse_cards
from ankiforge.model import NO_KEY, CardContent, CardKind, Origin
from tests.ledger.world import World
from tests.reading import opened

pytestmark = pytest.mark.slow

SEEDS = {
    "words": "a cell divides ",
    "sentences": "It is so. ",
    "marks": "a ==cell== so ",
    "openers": "{{",
    "brackets": "[[",
    "parentheses": "\\(",
    "tags": "<b>",
    "comments": "<!--",
    "dollars": "$a$ ",
    "backticks": "`",
    "bars": "| ",
    "quotes": "> ",
    "lines": "a\n",
    "questions": "a?\n",
    "signs of cards": "?\n",
    "items": "- a\n",
    "fields": "a::b\n",
    "footnotes": "a[^1] ",
    "citations": "(Doe, 2019) ",
    "Chinese": "细胞分裂。",
}
REPEATS = 100
GROWTH = 2.4


def calls(work: Callable[[], object]) -> int:
    """Count the calls of functions; the same for the same work, on any machine."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def read(kind: str, name: str, text: str, folder: Path) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    list(opened(kind, folder, name="n").scan())


def mark(text: str, folder: Path) -> None:
    on_a_line = text.replace("\n", " ").replace("==", "")
    read(
        "obsidian",
        "a.md",
        f"The cell ==divides {on_a_line} in two==. So it is.\n",
        folder,
    )


def note(text: str, folder: Path) -> None:
    read("obsidian", "a.md", f"{text}\n\nThe cell ==divides in two==.\n", folder)


def card(text: str, folder: Path) -> None:
    on_a_line = text.replace("\n", " ")
    read(
        "obsidian",
        "a.md",
        f"What {on_a_line} divides?::The cell {on_a_line} does\n",
        folder,
    )


def export(text: str, folder: Path) -> None:
    cell = text.replace('"', '""')
    rows = f'"The cell {cell} divides",A Book,"so {cell}"\n'
    rows += "".join(
        f'"{part} {number}",A Book,\n' for number, part in enumerate(text.split(" "))
    )
    read("readwise", "a.csv", f"Highlight,Book Title,Note\n{rows}", folder)


def answer(text: str, folder: Path) -> None:
    fields = {
        "h": "1",
        "kind": "basic",
        "front": f"What {text}?",
        "back": text,
        "quote": text,
    }
    cards = [fields, *({**fields, "front": part} for part in text.split(" "))]
    parse_cards(json.dumps({"cards": cards})[:-1], ("1",))
    parse_cards(text, ("1",))


PLACES = {"mark": mark, "note": note, "card": card, "export": export, "answer": answer}


def growth(costs: Iterator[int]) -> float:
    """Return how much more the second doubling adds than the first one."""
    one, two, four = costs
    return (four - two) / max(two - one, 1_000)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_text_twice_as_long_takes_about_twice_the_calls(seed, place, tmp_path):
    work = PLACES[place]
    work(SEEDS[seed], tmp_path)  # loads what is loaded once

    def cost(times: int) -> int:
        return calls(lambda: work(SEEDS[seed] * REPEATS * times, tmp_path))

    assert growth(cost(times) for times in (1, 2, 4)) <= GROWTH


COMPARED = {
    "alike": "What does the cell number {} divide in?::the part {} of it",
    "one question": "What divides in two?::the part number {}",
    "few words": "What is red{} and blue{}?::green",
    "own words": "Where is harbour{}?::in the river{}",
}
"""A card, with its number."""


@pytest.mark.parametrize("card", COMPARED)
def test_twice_the_cards_are_compared_in_about_twice_the_calls(card, monkeypatch):
    # a word in more cards than this is not looked up: a tenth of the usual limits
    for name, limit in {
        "_MAX_RARE_CARDS": 10,
        "_MAX_POSTING_CARDS": 50,
    }.items():
        monkeypatch.setattr(duplicates, name, limit)

    def cost(count: int) -> int:
        index = duplicates.DuplicateIndex()
        cards = []
        for number in range(1_000 * count, 1_001 * count):  # none is known from before
            front, _, back = COMPARED[card].replace("{}", str(number)).partition("::")
            fields = (("Front", front), ("Back", back))
            cards.append(
                (f"h{number}", CardContent(NO_KEY, CardKind.BASIC, fields, Origin("llm")))
            )

        def compare() -> None:
            for passage, made in cards:
                list(index.find_duplicates(made, passage))
                index.add(passage, passage, made)

        return calls(compare)

    cost(2)
    assert growth(cost(count) for count in (100, 200, 400)) <= GROWTH


def test_twice_the_notes_are_read_and_drafted_in_about_twice_the_calls(tmp_path):
    def cost(notes: int) -> int:
        folder = tmp_path / str(notes)
        folder.mkdir()
        world = World(folder)
        for number in range(1_000 * notes, 1_001 * notes):
            line = f"In {number} the ==river {number}== reached the harbour {number}."
            world.note(f"{number}.md", f"{line}\n\nThe cell ==divides==.\n")
        count = calls(lambda: world.run(ship=False, accepts=lambda draft: False))
        world.close()
        return count

    cost(2)
    assert growth(cost(notes) for notes in (30, 60, 120)) <= GROWTH
