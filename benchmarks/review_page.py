"""How long the review page makes one wait, with very many cards pending.

    python -m benchmarks.review_page [CARDS [FOLDER]]

The ledger is made by the program itself from a vault, which takes longer than all the rest: in a
FOLDER it is kept, and a copy of it is asked the next time. The server is asked without a browser.
Told are medians and 95th percentiles, milliseconds; decisions are real ones.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from ankiforge.config.workspace import resolve
from ankiforge.ledger import open_ledger
from ankiforge.review.page.guard import Guard
from ankiforge.review.page.server import make_app
from ankiforge.review.service import Service

CARDS = 10_000
A_NOTE = 20
"""Marks of one note."""
DECISIONS = 100
HOST = "127.0.0.1:7777"


def make(folder: Path, cards: int) -> None:
    """A workspace in which so many cards wait."""
    vault = folder / "vault"
    (vault / ".obsidian").mkdir(parents=True)
    for note in range(0, cards, A_NOTE):
        lines = (_line(number) for number in range(note, min(note + A_NOTE, cards)))
        (vault / f"Topic {note // A_NOTE}.md").write_text("\n\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "ankiforge", "run", str(vault), "--accept", "review", "-q"]
    subprocess.run(command, check=True, cwd=folder)


def _line(number: int) -> str:
    return f"Body {number} of the survey was named =={_name(number)}== in {1700 + number % 300}."


def _name(number: int) -> str:
    """A word of its own for each."""
    parts = ("ba", "co", "du", "fe", "gi", "ka", "lo", "mu", "ne", "pi")
    return "".join(parts[int(digit)] for digit in f"{number:06}").capitalize()


class Page:
    """The page's server, asked as the browser asks it."""

    def __init__(self, desk: Service) -> None:
        guard = Guard(7777)
        self.http = make_app(lambda: desk, guard).test_client()
        self.get("/", token=guard.token)

    def get(self, path: str, **asked: str) -> Any:
        return self.http.get(path, query_string=asked, headers={"Host": HOST}).json

    def accept(self, found: Any, query: str) -> Any:
        item = found["item"]
        said = {"what": "accept", "at": item["id"], "stamp": item["stamp"], "next": found["next"]}
        said |= {"view": found["view"], "query": query, "args": {}}
        headers = {"Host": HOST, "Origin": f"http://{HOST}"}
        return self.http.post("/api/decide", json=said, headers=headers).json


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """(milliseconds, what came of it)."""
    start = time.perf_counter()
    found = work()
    return (time.perf_counter() - start) * 1000, found


def tell(what: str, took: list[float]) -> None:
    worst = statistics.quantiles(took, n=20)[-1] if len(took) > 1 else took[0]
    print(f"{what:<34} median {statistics.median(took):8.1f} ms   p95 {worst:8.1f} ms")


def decide(page: Page, query: str) -> list[float]:
    """Card after card is accepted; the next one is in the answer."""
    found, took = page.get("/api/item", view="pending", query=query), []
    for _ in range(DECISIONS):
        milliseconds, found = timed(lambda now=found: page.accept(now, query))  # type: ignore[misc]
        took.append(milliseconds)
    return took


def step(page: Page) -> list[float]:
    found, took = page.get("/api/item", view="pending"), []
    for _ in range(DECISIONS):
        at = found["item"]["id"]
        milliseconds, found = timed(
            lambda at=at: page.get("/api/item", view="pending", at=at, step="1")  # type: ignore[misc]
        )
        took.append(milliseconds)
    return took


def main(cards: int, kept: Path | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        place = kept or Path(name) / "made"
        if not (place / "vault").exists():
            milliseconds, _ = timed(lambda: made(place, cards))
            print(f"{cards:,} cards pending; made in {milliseconds / 1000:.0f} s")
        folder = Path(name) / "asked"
        shutil.copytree(place, folder)
        home(folder)
        workspace = resolve(None, folder)
        with closing(open_ledger(workspace.ledger, workspace.journal)) as ledger:
            measure(Page(Service(workspace, ledger)))


def made(place: Path, cards: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    home(place)
    make(place, cards)


def home(folder: Path) -> None:
    """From now on the user's files lie there."""
    os.environ["ANKIFORGE_HOME"] = os.environ["HOME"] = str(folder)
    os.environ["XDG_DATA_HOME"] = os.environ["XDG_CONFIG_HOME"] = str(folder)
    os.environ["ANKI_BASE"] = str(folder)


def measure(page: Page) -> None:
    tell("first look", [timed(lambda: page.get("/api/item", view="pending"))[0]])
    numbers = timed(lambda: page.get("/api/views", view="pending", facets="no"))[0]
    tell("counts alone, first", [numbers])
    tell("counts and facets, first", [timed(lambda: page.get("/api/views", view="pending"))[0]])
    unchanged = [timed(lambda: page.get("/api/views", view="pending"))[0] for _ in range(20)]
    tell("counts and facets, unchanged", unchanged)
    tell("next card", step(page))
    tell("next card, after a decision", decide(page, ""))
    queries = [f'document:"Topic {number}"' for number in range(1, 8)]
    changes = [
        timed(lambda q=q: page.get("/api/item", view="pending", query=q))[0] for q in queries
    ]  # type: ignore[misc]
    tell("another filter", changes)
    tell("next card, in a filter", decide(page, "survey"))
    tell("counts after a decision", [timed(lambda: page.get("/api/views", view="pending"))[0]])


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else CARDS,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
    )
