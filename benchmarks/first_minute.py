"""The first minute of a newcomer: commands, seconds and keys to the first cards in Anki.

    python -m benchmarks.first_minute

A fresh home with one annotated paper and one `My Clippings.txt`. It types what README shows, at a
terminal of its own, accepts up to ten cards, and lets the real Anki import the package.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.makers.clippings import write_clippings
from tests.makers.keyboard import Keyboard
from tests.makers.papers import write_resistance

CARDS = 10
"""How many cards are accepted."""
PAPER, CLIPPINGS, PACKAGE = "paper.pdf", "My Clippings.txt", "ankiforge.apkg"
GOALS = {"commands": 3, "seconds": 60.0, "keys": 12}
_ENDS = "\x1b"


class Newcomer:
    """Somebody who has just installed the program, and types."""

    def __init__(self, home: Path) -> None:
        """Begin in an empty home."""
        self.home = home
        self.commands = 0
        self.seconds = 0.0
        # nothing of the person who runs this is found: neither Anki nor settings
        private = (
            "ANKI_BASE",
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "APPDATA",
            "ANKIFORGE_HOME",
        )
        self._environment = {**os.environ, **dict.fromkeys(private, str(home / ".data"))}
        self._environment |= {"HOME": str(home), "TERM": "xterm-256color"}

    def type(self, *words: str) -> Keyboard:
        """Type a command, which runs at a terminal."""
        self.commands += 1
        print("$ ankiforge", *(f"'{word}'" if " " in word else word for word in words))
        command = [sys.executable, "-m", "ankiforge", *words]

        def start(terminal: int) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                cwd=self.home,
                env=self._environment,
                stdin=terminal,
                stdout=terminal,
                stderr=terminal,
            )

        return Keyboard(start)

    def waits(self, *words: str) -> None:
        """Type a command, and wait for its end."""
        begun = time.perf_counter()
        with self.type(*words) as keyboard:
            said = keyboard.shown()
            code = keyboard.ended()
        self.seconds += time.perf_counter() - begun
        print(without_colours(said))
        assert code == 0, code

    def accepts(self, cards: int) -> int:
        """Review in the terminal, and accept cards as they come; return the keys it took."""
        begun = time.perf_counter()
        with self.type("review", "--terminal") as keyboard:
            shown = keyboard.shown()
            accepted = 0
            while accepted < cards and keyboard.process.poll() is None:
                print(without_colours(shown).rstrip())
                shown = keyboard.press("\r")
                accepted += "accepted" in shown
            print(without_colours(shown).rstrip())
            if keyboard.process.poll() is None:
                print(without_colours(keyboard.press(_ENDS)).rstrip())
            assert keyboard.ended() == 0
            self.seconds += time.perf_counter() - begun
            return keyboard.keys


def without_colours(text: str) -> str:
    """Return a text without colours."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text).replace("\r", "")


def notes_in_anki(package: Path, folder: Path) -> int:
    """Import a package into a new collection of the real Anki; return the number of its notes."""
    from anki.collection import Collection, ImportAnkiPackageRequest

    collection = Collection(str(folder / "collection.anki2"))
    try:
        collection.import_anki_package(
            ImportAnkiPackageRequest(package_path=str(package))
        )
        return int(collection.note_count())
    finally:
        collection.close()


def main() -> int:
    """Print each step and the figures; return 1 if a goal is missed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_resistance(home / PAPER)
        write_clippings(home / CLIPPINGS)
        newcomer = Newcomer(home)
        newcomer.waits("run", PAPER, CLIPPINGS)
        keys = newcomer.accepts(CARDS)
        newcomer.waits("build")
        in_anki = notes_in_anki(home / PACKAGE, home)
    figures = {"commands": newcomer.commands, "seconds": newcomer.seconds, "keys": keys}
    for name, figure in figures.items():
        print(f"{name:10} {figure:6.1f}   goal: at most {GOALS[name]}")
    print(f"{'in Anki':10} {in_anki:6.1f}   goal: at least {CARDS}")
    is_missed = any(figure > GOALS[name] for name, figure in figures.items())
    return int(is_missed or in_anki < CARDS)


if __name__ == "__main__":
    sys.exit(main())
