"""`ankiforge stats` on a large ledger: counting.

    python -m benchmarks.stats [CARDS ANSWERS]

The ledger is made of rows, 20,000 cards of 400 documents and 100,000 answers over two years unless told
otherwise. Seconds are processor time; beside them stands what a loop of five million sums takes here,
a quarter of a second on a free core of 2024.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from ankiforge.draft.budget import known_price
from ankiforge.ledger import ledger_in_memory, open_ledger
from ankiforge.ledger.db import connect
from ankiforge.reports.stats import Choice, statistics
from benchmarks.figures import a_loop

DOCUMENTS, DECKS, DAY = 400, 40, 86_400
NOW = time.time()


def origin(number: int) -> dict[str, str]:
    return {"drafter": "llm", "model": "gpt-5-mini", "prompt": "cards@1", "request": f"r{number}"}


def draft(key: str, number: int) -> str:
    words = {"kind": "cloze", "fields": [["Text", "y" * 200]], "quote": "q" * 200, "answer": "a"}
    rest = {"start": 0, "origin": origin(number // 5), "intent": 0}
    return json.dumps({"highlight": key, **words, **rest})


def scheduled(number: int, rng: random.Random) -> str:
    card = {"id": number, "ordinal": 0, "deck": "Reading", "queue": 2, "type": 2, "lapses": 1}
    when = {"due": 800 + rng.randrange(200), "interval": rng.randrange(1, 300), "factor": 500}
    memory = {"stability": 50.0, "difficulty": 5.0, "decay": 0.2}
    return json.dumps([{**card, **when, **memory, "reps": 5, "flag": 0}])


def fill(db: Any, cards: int, answers: int) -> None:
    rng = random.Random(1)
    db.execute("PRAGMA foreign_keys = OFF")
    for table, rows in tables(cards, answers, rng):
        with db.unit():
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                db.execute(
                    f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", (*row.values(),)
                )


def tables(cards: int, answers: int, rng: random.Random) -> Iterator[tuple[str, Any]]:
    guids, keys = [f"af{n:024}" for n in range(cards)], [f"vault:n/{n}" for n in range(cards)]
    yield "run", [{"id": "r", "at": "2026-01-01T00:00:00+00:00", "command": "run"}]
    yield "view", [{"id": "v", "kind": "collection", "path": "/c", "profile": "p", "complete": 1,
                    "taken_at": "2026-01-01T00:00:00+00:00", "newest_review": 1,
                    "created": int(NOW - 800 * DAY)}]  # fmt: skip
    yield "document", ({"key": f"d{n}", "source": "n", "place": f"{n}.md", "title": f"Document {n}",
                        "slug": f"d{n}", "body": "{}"} for n in range(DOCUMENTS))  # fmt: skip
    yield "highlight", ({"key": key, "document": f"d{n % DOCUMENTS}", "container": "c", "place": "p",
                         "position": n, "mark": "", "text": "", "content": "", "body": "{}",
                         "presence": "present", "run": "r"} for n, key in enumerate(keys))  # fmt: skip
    yield "card", ({"guid": guid, "key": key, "family": "cloze", "slot": 1, "kind": "cloze",
                    "fields": "[]", "verdict": "accepted", "anki": "seen", "deck": "Reading",
                    "run": "r"} for guid, key in zip(guids, keys, strict=True))  # fmt: skip
    yield "card_highlight", ({"guid": guid, "key": key, "role": "origin"}
                             for guid, key in zip(guids, keys, strict=True))  # fmt: skip
    yield "candidate", ({"guid": guid, "letter": letter, "state": "passed" if letter > "a" else "picked",
                         "draft": draft(keys[n], n)} for n, guid in enumerate(guids) for letter in "abc")  # fmt: skip
    finding = json.dumps({"check": "wordy", "severity": "info", "message": "m", "twin": ""})
    yield "finding", ({"guid": guid, "letter": "a", "n": 0, "body": finding} for guid in guids)
    yield "seen", ({"view": "v", "guid": guid, "mod": 1, "tags": '["a"]', "fields": '["x"]',
                    "content": "", "type_id": 1, "deck": f"Reading::{n % DECKS}",
                    "cards": scheduled(n, rng)} for n, guid in enumerate(guids))  # fmt: skip
    raw = json.dumps({"usage": {"prompt_tokens": 2000}, "x": "y" * 4000})
    yield "reply", ({"request": f"r{n}", "raw": raw, "model": "gpt-5-mini-2025-08-07",
                     "prompt": "cards@1", "tokens_in": 2000, "tokens_out": 800,
                     "at": "2026-01-01T00:00:00+00:00"} for n in range(cards // 5))  # fmt: skip
    yield "review", ({"id": int((NOW - rng.random() * 700 * DAY) * 1000), "guid": rng.choice(guids),
                      "ordinal": 0, "ease": rng.choice((1, 3, 3, 3, 3)), "interval": 30,
                      "last_interval": rng.randrange(1, 60), "factor": 500, "duration": 8000,
                      "type": 1} for _ in range(answers))  # fmt: skip


def main(cards: int = 20_000, answers: int = 100_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database, journal = Path(folder) / "ledger.db", Path(folder) / "journal.jsonl"
        open_ledger(database, journal).close()
        with closing(connect(database)) as db:
            fill(db, cards, answers)
        times = [time.process_time()]
        ledger = ledger_in_memory(database, journal)
        times.append(time.process_time())
        found = statistics(ledger, Choice(), known_price)
        times.append(time.process_time())
        ledger.close()
    assert found.total.counts["cards"] == cards
    for what, (begin, end) in zip(("opened", "counted"), pairwise(times), strict=True):
        print(f"{what:10} {end - begin:6.2f} s")
    print(f"{cards:,} cards, {found.total.answers.given:,} answers")
    print(f"{'a loop':10} {a_loop():6.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
