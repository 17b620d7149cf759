"""`audit` of a large collection: seconds, beside `lint` of the same, and the most memory.

    python -m benchmarks.audit [NOTES]

The notes are those of `benchmarks.duplicates`, a quarter of them clozes, each with one card and twenty
answers. Needs the `anki` wheel. Seconds are processor time.
"""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.duplicates import deck

NOTES = 20_000
ANSWERS = 20
DECKS = 30
DAY = 86_400


def rows(
    size: int, basic: int, cloze: int, decks: list[int]
) -> Iterator[tuple[Any, Any, list[Any]]]:
    """Of each note its row, that of its card, and those of its answers."""
    now = int(time.time())
    first = (now - 500 * DAY) * 1000
    for n, draft in enumerate(deck(size, random.Random(1))):
        front, back = draft.field("Front"), draft.field("Back")
        note = first + n * 1000
        fields = f"<div>{front}</div>\x1f{back} &amp; <i>more</i>"
        if n % 4 == 0:
            fields = f"{front} is {{{{c1::{back}}}}} and <b>more</b>.\x1f"
        tags = " leech " if n % 97 == 0 else ""
        kind = cloze if n % 4 == 0 else basic
        yield (
            (note, f"guid {n}", kind, now, -1, tags, fields, front, 0, 0, ""),
            (note + 1, note, decks[n % DECKS], 0, now, -1, 2, 2, 100, 20, 2500, ANSWERS, n % 7,
             0, 0, 0, 0, '{"s":10.5,"d":5.1}'),
            [(note + at * 7 * DAY * 1000 + at, note + 1, -1, 3, 10, 7, 2500, 5000, 1)
             for at in range(ANSWERS)],
        )  # fmt: skip


def write(path: Path, size: int) -> None:
    from anki.collection import Collection

    col = Collection(str(path))
    kinds = [col.models.by_name(name)["id"] for name in ("Basic", "Cloze")]
    decks = [col.decks.id(f"Deck {n}") for n in range(DECKS)]
    col.close()
    with closing(sqlite3.connect(path)) as database:
        database.create_collation("unicase", lambda one, other: (one > other) - (one < other))
        for note, card, answers in rows(size, *kinds, decks):
            database.execute(f"insert into notes values ({','.join('?' * len(note))})", note)
            database.execute(f"insert into cards values ({','.join('?' * len(card))})", card)
            database.executemany("insert or ignore into revlog values (?,?,?,?,?,?,?,?,?)", answers)
        database.commit()


def seconds(*words: str) -> float:
    """Processor time of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "ankiforge", *words], stdout=subprocess.DEVNULL, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else NOTES
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "collection.anki2"
        write(path, size)
        lint = seconds("lint", str(path), "-q")
        audit = seconds("audit", str(path), "-q", "--html", str(Path(folder) / "audit.html"))
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{size:,} notes  lint {lint:.1f} s  audit {audit:.1f} s  most memory {most:.0f} MB")


if __name__ == "__main__":
    main()
