"""How long `seen` looks for in a large ledger, and what its index costs.

    python -m benchmarks.seen [HIGHLIGHTS ...]

The ledger holds so many highlights in documents of a hundred, a card of each, seen in Anki and
answered. Told are medians in milliseconds of processor time of a whole search, ten works read with all that is
told of them; the first search, which makes the index; what a search costs after a run that
changed a hundred passages; and what the marking of changes adds to writing.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from ankiforge.ledger import Ledger, open_ledger
from ankiforge.model import Document, DocumentKey, Family, Highlight, HighlightKind, guid_for
from ankiforge.reports.seen import seen_json

RUNS = 7
WORKS = 10
NOW = 1_780_000_000.0
SYLLABLES = [
    "ba",
    "ce",
    "di",
    "fo",
    "gu",
    "ha",
    "je",
    "ki",
    "lo",
    "mu",
    "na",
    "pe",
    "qui",
    "ro",
    "su",
    "ta",
    "ve",
    "xi",
    "yo",
    "zu",
]
CARD = '[{{"id":{n},"ordinal":0,"deck":"D","queue":2,"type":2,"due":9,"interval":30,"factor":2500,"reps":4,"lapses":0,"flag":0}}]'


def words(chance: random.Random, count: int) -> str:
    """Words as they are spread in a language: few often, many seldom."""
    picked = (min(int(chance.paretovariate(0.6)), 200_000) for _ in range(count))
    return " ".join(_word(number) for number in picked)


def _word(number: int) -> str:
    made = ""
    while number or not made:
        number, rest = divmod(number, len(SYLLABLES))
        made += SYLLABLES[rest]
    return made


def fill(ledger: Ledger, size: int) -> None:
    """By its own tables: a reading of so much would take minutes."""
    chance, db = random.Random(1), ledger._db
    with db.unit():
        db.execute("INSERT INTO run (id, at, command) VALUES ('r', '2026-01-01T00:00:00', 'run')")
        db.execute(
            "INSERT INTO view (id, kind, path, profile, complete, taken_at, newest_review)"
            " VALUES ('v', 'collection', '', '', 1, '2026-01-02T00:00:00+00:00', 0)"
        )
        for number in range(size // 100):
            document = Document(
                DocumentKey(f"zotero:user/{number:08}"), "zotero", words(chance, 9).title(),
                creators=(words(chance, 2).title(), words(chance, 2).title()), issued="2020",
                identifiers=(("doi", f"10.1000/{number}"), ("isbn", "9780306406157")),
            )  # fmt: skip
            _add(db, chance, document, number)


def _add(db, chance: random.Random, document: Document, number: int) -> None:
    body = msgspec.json.encode(document).decode()
    db.execute(
        "INSERT INTO document (key, source, place, title, slug, body, since)"
        " VALUES (?, 'zotero', ?, ?, '', ?, '000000001')",
        (document.key, document.key, document.title, body),
    )
    db.executemany(
        "INSERT INTO identifier VALUES (?, ?, ?)",
        [(*one, document.key) for one in document.identifiers],
    )
    for nth in range(100):
        key = f"zotero:user/{number:06}{nth:02}"
        highlight = Highlight(
            document, "zotero:user", HighlightKind.HIGHLIGHT, words(chance, 25),
            prefix=words(chance, 12), suffix=words(chance, 12), created="2024-03-01T10:00:00Z",
            page_label=str(nth),
        )  # fmt: skip
        db.execute(
            "INSERT INTO highlight (key, document, container, place, position, mark, text,"
            " content, body, presence, run) VALUES (?, ?, 'zotero:user', ?, ?, '', '', '', ?,"
            " 'present', 'r')",
            (key, document.key, document.key, nth, msgspec.json.encode(highlight).decode()),
        )
        guid = guid_for(key, Family.BASIC, 1)
        fields = [("Front", words(chance, 10)), ("Back", words(chance, 6))]
        db.execute(
            "INSERT INTO card (guid, key, family, slot, kind, fields, verdict, anki)"
            " VALUES (?, ?, 'basic', 1, 'basic', ?, 'accepted', 'seen')",
            (guid, key, msgspec.json.encode(fields).decode()),
        )
        identity = number * 100 + nth
        db.execute(
            "INSERT INTO seen (view, guid, mod, tags, fields, content, cards)"
            " VALUES ('v', ?, 1, '[]', '[]', '', ?)",
            (guid, CARD.format(n=identity)),
        )
        db.execute(
            "INSERT INTO review (id, guid, ordinal, ease, interval, duration)"
            " VALUES (?, ?, 0, 3, 30, 9000)",
            (1_700_000_000_000 + identity, guid),
        )


def timed(does: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    start = time.process_time()
    does()
    return (time.process_time() - start) * 1000


def look(ledger: Ledger, query: str) -> int:
    """A whole search, as the command makes it."""
    found = islice(ledger.search.find(query), WORKS)
    return len([msgspec.json.encode(seen_json(one, NOW, "")) for one in found])


def queries(ledger: Ledger) -> Iterator[tuple[str, str]]:
    rows = ledger._db.execute("SELECT title FROM document ORDER BY key LIMIT 3").fetchall()
    title = rows[1]["title"]
    yield "a DOI", "https://doi.org/10.1000/7"
    yield "a title", title
    yield "a title with mistakes", title[:10] + title[12:].replace("a", "e", 1)
    yield "two words", "zuba fogu"
    yield "a frequent word", "ce"
    yield "two frequent words", "ce di"
    yield "the beginning of a word", "ve"
    yield "words in several passages", "zubafo cegudi hahaje"
    yield "nothing", "nowhere to be found at all"


def change(ledger: Ledger, many: int) -> None:
    with ledger._db.unit():
        ledger._db.execute(
            "UPDATE highlight SET body = json_set(body, '$.comment', ?) WHERE key IN"
            " (SELECT key FROM highlight ORDER BY key LIMIT ?)",
            (str(random.random()), many),
        )


def rewrite(ledger: Ledger) -> float:
    """Seconds of changing every highlight."""
    return timed(lambda: change(ledger, 1 << 40)) / 1000


def stored(ledger: Ledger) -> float:
    """Megabytes of the database."""
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    return pages * ledger._db.execute("PRAGMA page_size").fetchone()[0] / 1e6


def measure(ledger: Ledger, size: int) -> None:
    fill(ledger, size)
    before = stored(ledger)
    index = timed(lambda: look(ledger, "nothing"))
    disk = stored(ledger) - before
    print(f"{size:,} highlights; index made in {index / 1000:.1f} s, {disk:.0f} MB")
    slowest = 0.0
    for name, query in queries(ledger):
        took = statistics.median(timed(lambda q=query: look(ledger, q)) for _ in range(RUNS))
        print(f"{name:28} {took:7.1f} ms, {look(ledger, query)} works")
        slowest = max(slowest, took)
    print(f"{'the slowest of these':28} {slowest:7.1f} ms")
    change(ledger, 100)
    print(f"{'after 100 changes':28} {timed(lambda: look(ledger, 'zuba fogu')):7.1f} ms")
    marked = statistics.median(rewrite(ledger) for _ in range(3))
    for what in ("new", "changed", "moved", "deleted"):
        ledger._db.execute(f"DROP TRIGGER search_{what}_highlight")
    plain = statistics.median(rewrite(ledger) for _ in range(3))
    print(f"changing all highlights: {marked:.2f} s, unmarked {plain:.2f} s")


def main(sizes: Sequence[int]) -> None:
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ledger.db"
            with open_ledger(path, Path(folder) / "journal.jsonl") as ledger:
                measure(ledger, size)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100_000])
