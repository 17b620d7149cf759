"""A journal says the same in any order of its lines, with any clock, on any computer.

Each history is lived on two computers that unite their journals. Then both ledgers are lost and rebuilt
from the same lines, in orders of their own: the cards must be those of the order in which it all happened.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.cookiejar import CookieJar
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from .conftest import Desk

NOTES = {
    "notes/A.md": "# A\n\nKatze:::cat\n\nHund:::dog\n\nMaus:::mouse\n\nReh:::deer\n",
    "notes/B.md": "# B\n\nThe ==hippocampus binds== what belongs to one episode of our memory.\n",
}
TWINS = {
    "notes/A.md": "What enzyme unwinds DNA?::helicase\n",
    "notes/B.md": "Which enzyme is responsible for unwinding DNA?::Helicase\n",
    "notes/C.md": "Which enzyme unwinds the DNA?::the helicase\n",
}
LENS = {
    "notes/Lens.md": "# Lens\n\n==The aperture of a lens lets in the light that the film needs.==\n\n"
    "Katze:::cat\n"
}
CANDIDATES = (
    {"front": "What of a lens lets in the light that the film needs?", "back": "the aperture"},
    {"front": "What does the aperture of a lens let in?", "back": "the light"},
)
VAULT = "obsidian: {name: notes, path: notes}"
ONE_SECOND = "2026-05-01T12:00:00+00:00"

Line = dict[str, Any]


class Pair:
    """Two computers over copies of the same notes; each has a ledger of its own."""

    def __init__(self, here: Desk, there: Desk) -> None:
        self.here, self.there = here, there
        self.behind: set[str] = set()
        """The ids of the lines that the second computer wrote."""

    def begin(
        self, files: dict[str, str], more: str = "accept: {rules: review, llm: review}\n"
    ) -> None:
        for desk in self.both():
            desk.settings(VAULT, more=more)
            for name, text in files.items():
                desk.write(name, text)
            self.unite()
            desk.ok("run")
        self.unite()

    def both(self) -> Iterator[Desk]:
        """Each computer in turn; time passes for both."""
        for desk in (self.here, self.there):
            desk.ahead = max(self.here.ahead, self.there.ahead)
            yield desk

    def do(self, desk: Desk, verb: str, *words: str) -> None:
        """Decide: a word that is found on one card stands for its id."""
        desk.ahead = max(self.here.ahead, self.there.ahead)
        ended = desk(verb, *(named(desk, word) for word in words))
        assert ended.code == 0, ended

    def unite(self) -> None:
        """Give both journals the union of their lines, as git would."""
        lines = {desk.folder: desk.entries() for desk in (self.here, self.there)}
        known = {one["id"] for one in lines[self.here.folder]}
        new = [one for one in lines[self.there.folder] if one["id"] not in known]
        self.behind |= {one["id"] for one in new}
        for desk in (self.here, self.there):
            mine = {one["id"] for one in lines[desk.folder]}
            others = self.there if desk is self.here else self.here
            more = [one for one in lines[others.folder] if one["id"] not in mine]
            merge = [*lines[desk.folder], *(one for one in more if one["what"] != "bind")]
            write(desk, merge)


def write(desk: Desk, lines: list[Line]) -> None:
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines)
    desk.journal.write_text(text, encoding="utf-8")


def named(desk: Desk, word: str) -> str:
    """`@Katze` is the id of its card, `@Katze.b` one of its candidates."""
    if not word.startswith("@"):
        return word
    word = word[1:]
    word, _, letter = word.partition(".")
    found = [guid for guid, card in desk.cards().items() if word in json.dumps(card["fields"])]
    if len(found) != 1:
        found = [
            guid for guid, card in desk.cards().items()
            if word in json.dumps(card, ensure_ascii=False) and card["standing"] == "live"
        ]  # fmt: skip
    [guid] = found
    return f"{guid}.{letter}" if letter else guid


# --- the histories --------------------------------------------------------------------------


def accept_and_reject(pair: Pair) -> None:
    pair.begin(NOTES)
    here, there = pair.here, pair.there
    pair.do(here, "accept", "@Katze", "@Maus", "@hippocampus")
    pair.do(there, "reject", "@Katze")
    pair.do(there, "accept", "@Hund")
    pair.unite()
    pair.do(here, "reject", "@Hund", "@Reh")
    pair.do(there, "reject", "@Maus")
    pair.unite()
    pair.do(there, "restore", "@Maus")
    pair.unite()
    for desk in pair.both():
        desk.ok("run")
    pair.do(here, "accept", "@Maus")


def edit_and_undo(pair: Pair) -> None:
    pair.begin(NOTES)
    here, there = pair.here, pair.there
    pair.do(here, "edit", "@Katze", "--field", "Back", "a cat")
    pair.do(there, "edit", "@Katze", "--field", "Back", "the cat")
    pair.do(here, "edit", "@Hund", "--field", "Back", "a dog")
    pair.unite()
    for desk in pair.both():
        desk.ok("run")
    pair.do(there, "edit", "@Hund", "--field", "Back", "the dog")
    pair.unite()
    pair.do(there, "undo")
    pair.do(here, "accept", "@Maus")
    pair.do(here, "undo", "@Maus")
    pair.do(here, "edit", "@Reh", "--field", "Front", "das Reh")


def merge_and_distinct(pair: Pair) -> None:
    pair.begin(TWINS)
    here, there = pair.here, pair.there
    pair.do(here, "accept", "@What enzyme")
    pair.do(here, "merge", "@What enzyme", "@responsible")
    pair.do(there, "distinct", "@What enzyme", "@unwinds the")
    pair.unite()
    for desk in pair.both():
        desk.ok("run")
    pair.do(here, "undo")
    pair.unite()
    pair.do(there, "merge", "@unwinds the", "@responsible")


def restore_and_undo(pair: Pair) -> None:
    pair.begin(NOTES)
    here, there = pair.here, pair.there
    pair.do(here, "reject", "@Katze", "@Hund")
    pair.unite()
    pair.do(there, "restore", "@Katze")
    pair.do(here, "reject", "@Maus")
    pair.unite()
    pair.do(here, "reject", "@Katze")
    pair.do(here, "undo")
    pair.do(there, "restore", "@Hund")
    pair.do(there, "accept", "@Hund")
    pair.do(there, "undo")


def changing_source(pair: Pair) -> None:
    pair.begin(NOTES)
    here, there = pair.here, pair.there
    pair.do(here, "accept", "@Katze", "@hippocampus")
    pair.do(there, "accept", "@Hund")
    pair.unite()
    for desk in pair.both():
        desk.write("notes/B.md", NOTES["notes/B.md"].replace("one episode", "a single episode"))
        text = NOTES["notes/A.md"].replace(":::cat", ":::a cat").replace(":::dog", ":::a dog")
        desk.write("notes/A.md", text)
        desk.ok("run")
    pair.unite()
    pair.do(there, "reject", "@hippocampus")
    pair.do(here, "accept", "@Katze")


def skipped(pair: Pair) -> None:
    """A person says on the page that no card is wanted of a passage; one more mark is skipped by its note."""
    wanted = "==We should all sleep more.=="
    files = {"notes/A.md": f"Katze:::cat\n\n{wanted}\n\n==You should read a lot.==\n"}
    pair.begin(files)
    skip(pair.here)
    pair.unite()
    skip(pair.there)
    pair.unite()
    pair.do(pair.here, "accept", "@Katze")
    pair.do(pair.there, "undo")


def pick_and_pick(pair: Pair, url: str) -> None:
    llm = f"drafter: llm\nllm: {{base_url: '{url}', model: m, candidates: 2}}\n"
    pair.begin(LENS, f"{llm}accept: {{rules: clean, llm: review}}\n")
    here, there = pair.here, pair.there
    pair.do(here, "pick", "@aperture.a")
    pair.do(there, "pick", "@aperture.b")
    pair.unite()
    for desk in pair.both():
        desk.ok("run")
    pair.do(there, "undo")
    pair.unite()
    pair.do(here, "edit", "@Katze", "--field", "Back", "a cat")


def skip(desk: Desk) -> None:
    """Press `x` on the next passage of the page."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ankiforge", "review", "--no-open"],
        cwd=desk.folder, env={**os.environ, **desk.environment, "DISPLAY": ""}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            origin = address.partition("/?")[0]
            ask = build_opener(HTTPCookieProcessor(CookieJar())).open
            with ask(address, timeout=20), ask(f"{origin}/api/item?view=passages") as answer:
                found = json.load(answer)
            item = found["item"]
            body = {"what": "skip", "at": item["id"], "stamp": item["stamp"], "view": "passages"}
            headers = {"Origin": origin, "Content-Type": "application/json"}
            request = Request(f"{origin}/api/decide", json.dumps(body).encode(), headers)
            with ask(request, timeout=20) as answer:
                assert answer.status == 200
        finally:
            process.kill()


HISTORIES: dict[str, Callable[..., None]] = {
    one.__name__: one
    for one in (
        accept_and_reject, edit_and_undo, merge_and_distinct, restore_and_undo, changing_source,
        skipped, pick_and_pick,
    )
}  # fmt: skip


# --- what becomes of the journal ------------------------------------------------------------


def as_it_was(pair: Pair, lines: list[Line]) -> list[Line]:
    return lines


def one_second(pair: Pair, lines: list[Line]) -> list[Line]:
    """As if all was decided within a second."""
    return [{**one, "at": ONE_SECOND} for one in lines]


def day_behind(pair: Pair, lines: list[Line]) -> list[Line]:
    """As if the clock of the second computer were a day behind."""

    def earlier(at: str) -> str:
        return (datetime.fromisoformat(at) - timedelta(days=1)).isoformat(timespec="seconds")

    return [{**one, "at": earlier(one["at"])} if one["id"] in pair.behind else one for one in lines]


CLOCKS = {one.__name__: one for one in (as_it_was, one_second, day_behind)}


def rebuilt(desk: Desk, lines: list[Line]) -> dict[str, Any]:
    """The cards of a computer that has lost its ledger, and has these lines."""
    desk.back()
    write(desk, lines)
    desk.lose("ledger.db")
    desk.ok("run")
    return {"cards": desk.cards(), "fates": desk.fates()}


@pytest.fixture(scope="module")
def lived(
    tmp_path_factory: pytest.TempPathFactory, fake: ModuleType
) -> Iterator[Callable[[str], tuple[Pair, list[Line], dict[str, Any]]]]:
    """Live a history once: the computers, the lines, and what the lines say in their own order."""
    known: dict[str, tuple[Pair, list[Line], dict[str, Any]]] = {}
    with fake.LlmServer() as server:

        def answer(request: Any) -> Any:
            return fake.cards(
                *(
                    {"h": label, "kind": "basic", "quote": words, "fact": "1", **one}
                    for label, words in fake.marked(request)
                    for one in CANDIDATES
                )
            )

        server.otherwise = answer

        def live(name: str) -> tuple[Pair, list[Line], dict[str, Any]]:
            if name not in known:
                folder: Path = tmp_path_factory.mktemp(name)
                pair = Pair(*(Desk(folder / name) for name in ("here", "there")))
                more = (server.base_url,) if name == "pick_and_pick" else ()
                HISTORIES[name](pair, *more)
                pair.unite()
                for desk in pair.both():
                    desk.ok("run")
                pair.unite()
                lines = [one for one in pair.here.entries() if one["what"] != "bind"]
                for desk in pair.both():
                    desk.keep()
                known[name] = (pair, lines, rebuilt(pair.here, lines))
            return known[name]

        yield live


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", HISTORIES)
def test_any_order_of_the_journal_gives_the_same_cards_on_both_computers(lived, name, clock):
    pair, lines, as_lived = lived(name)
    lines = CLOCKS[clock](pair, lines)
    expected = as_lived if clock == "as_it_was" else rebuilt(pair.here, lines)
    dice = random.Random(f"{name} {clock}")
    for desk in (pair.here, pair.there, pair.here):
        mixed = list(lines)
        dice.shuffle(mixed)
        assert rebuilt(desk, mixed) == expected, [
            (one["what"], one["by"], one["undoes"]) for one in mixed
        ]
