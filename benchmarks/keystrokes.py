"""Whether half a sentence ever reaches the package while a person types, for real.

    python -m benchmarks.keystrokes [SECONDS]

A watcher is started as a process of its own. Five characters a second are typed into a note, with a
pause of five seconds within some sentences, for three minutes; the package is read every second. Then
the note is left alone, and the package must hold one card for each sentence, in its final words. It
takes two minutes and a half more than the typing; exit code 1 if anything else was seen.
"""

from __future__ import annotations

import signal
import sqlite3
import sys
import tempfile
import time
import zipfile
from contextlib import closing
from pathlib import Path

from benchmarks.watch import started

PER_SECOND = 5
SECONDS = 180.0
PAUSE = 5.0
PAUSE_EVERY = 70
"""Characters between two pauses: they fall into the middle of sentences."""
QUIET = 155.0
"""The two minutes until cards are delivered, and the half minute until they are looked at again."""
SENTENCES = (
    "What does the iris do?::It narrows the pupil when the light is bright",
    "Why do leaves turn yellow?::Chlorophyll breaks down and carotene remains visible",
    "How do whales sleep?::One half of their brain rests while the other half swims",
    "Which metal melts in a hand?::Gallium, whose melting point lies below thirty degrees",
    "What is a sonnet?::A poem of fourteen lines with a turn before its end",
    "Why is the sea salty?::Rivers carry minerals there, and only vapour leaves",
    "What feeds a glacier?::Snow that was pressed into ice above its firn line",
    "Where do eels spawn?::Far out in the Sargasso, where nobody saw them do it",
)


def answers(package: Path) -> list[str]:
    """The answers of all notes of a package."""
    if not package.exists():
        return []
    with zipfile.ZipFile(package) as archive, closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(archive.read("collection.anki2"))
        rows = database.execute("SELECT flds FROM notes").fetchall()
    return [row[0].split("\x1f")[1] for row in rows]


def type_and_look(folder: Path, seconds: float) -> list[str]:
    """Type, then wait; return what should not have been."""
    vault, desk = folder / "vault", folder / "desk"
    (vault / ".obsidian").mkdir(parents=True)
    desk.mkdir()
    settings = f"sources:\n- obsidian: {{name: notes, path: {vault}}}\nanki: {{collection: none}}\n"
    (desk / "ankiforge.yaml").write_text(settings, "utf-8")
    note, package = vault / "Typed.md", desk / "ankiforge.apkg"
    whole = {line.partition("::")[2] for line in SENTENCES}
    text, typed, wrong = "\n\n".join(SENTENCES), 0, []
    process = started(desk)
    try:
        begun = time.monotonic()
        while typed < len(text) and time.monotonic() < begun + seconds:
            time.sleep(1 / PER_SECOND)
            typed += 1
            note.write_text(text[:typed], "utf-8")
            if typed % PAUSE_EVERY == 0:
                time.sleep(PAUSE)
            if typed % PER_SECOND == 0:
                wrong += [one for one in answers(package) if one not in whole]
        note.write_text(text, "utf-8")
        print(f"typed {typed} characters in {time.monotonic() - begun:.0f} s", flush=True)
        quiet = time.monotonic() + QUIET
        while time.monotonic() < quiet and len(answers(package)) < len(SENTENCES):
            time.sleep(1)
            wrong += [one for one in answers(package) if one not in whole]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    found = answers(package)
    wrong += [f"missing: {one}" for one in sorted(whole - set(found))]
    wrong += [f"twice: {one}" for one in sorted(set(found)) if found.count(one) > 1]
    return wrong


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        found = type_and_look(Path(name), float(sys.argv[1]) if sys.argv[1:] else SECONDS)
    print("\n".join(dict.fromkeys(found)) or "every card went out whole, once")
    sys.exit(1 if found else 0)
