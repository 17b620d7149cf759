"""Edits in Anki that come back to notes as a patch: how many can be said, and what else they touch.

    python -m benchmarks.patches VAULT [VAULT ...] [--edits N] [--seed N]

Each vault is copied, its own cards are accepted and imported into the real Anki. There, N cards are
edited by a seeded random hand: a typo, a clause, a number, emphasis, the words of a gap, both fields.
Then the patch is made and applied with `git apply`, and a run reads the vault again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

Change = Callable[[str, random.Random], str]
_WORD = re.compile(r"(?<![\w&{<:/.-])[^\W\d_]{4,}(?![\w;:>/.-])")
_NUMBER = re.compile(r"(?<![\w&#{.])\d{1,4}(?![\w};.])")
_GAP = re.compile(r"(\{\{c\d+::)([^{}:<>]+)(\}\})")


def visible_words(text: str) -> list[re.Match[str]]:
    """Return the words of a field that stand in no tag, formula or sign of a gap."""
    hidden = [
        match.span()
        for match in re.finditer(r"<[^>]*>|\\\(.*?\\\)|\\\[.*?\\\]|\{\{c\d+::", text)
    ]
    return [
        match
        for match in _WORD.finditer(text)
        if not any(start < match.end() and match.start() < end for start, end in hidden)
    ]


def at_a_word(change: Callable[[str], str]) -> Change:
    """Return an edit that changes one word."""

    def edit(text: str, chance: random.Random) -> str:
        words = visible_words(text)
        if not words:
            return text
        word = chance.choice(words)
        return text[: word.start()] + change(word[0]) + text[word.end() :]

    return edit


def number(text: str, chance: random.Random) -> str:
    """Add one to a number."""
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return text
    found = chance.choice(numbers)
    return text[: found.start()] + str(int(found[0]) + 1) + text[found.end() :]


def gap(text: str, chance: random.Random) -> str:
    """Add a word to what a gap hides."""
    found = _GAP.search(text)
    if found is None:
        return text
    return f"{text[: found.start(2)]}so-called {text[found.start(2) :]}"


EDITS: dict[str, Change] = {
    "typo": at_a_word(lambda word: word[0] + word[2] + word[1] + word[3:]),
    "clause": at_a_word(lambda word: f"{word}, as far as is known,"),
    "word": at_a_word(lambda word: f"quite {word}"),
    "number": number,
    "emphasis": at_a_word(lambda word: f"<b>{word}</b>"),
    "code": at_a_word(lambda word: f"<code>{word}</code>"),
    "gap": gap,
}


class Vault:
    """A copy of a vault with its own workspace and collection."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.notes = folder / "notes"
        shutil.copytree(source, self.notes, ignore=shutil.ignore_patterns(".git"))
        self.folder = folder
        self.collection = folder / "collection.anki2"
        self._anki("pass")
        settings = (
            "sources:\n  - obsidian: {name: notes, path: notes}\nproposals: false\n"
            f"anki: {{collection: {self.collection}}}\n"
        )
        (folder / "ankiforge.yaml").write_text(settings, encoding="utf-8")

    def command(self, *words: str) -> list[Any]:
        """Run a command; its lines of JSON."""
        own = {"ANKIFORGE_HOME": str(self.folder / "home")}
        environment = {**os.environ, **own, "ANKIFORGE_TRUST": str(self.folder)}
        command = [sys.executable, "-m", "ankiforge", *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return [
            json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")
        ]

    def accept_all(self) -> None:
        """Accept every draft, also those with a warning."""
        ids = [line["id"] for line in self.command("list", "verdict:waiting", "--json")]
        for start in range(0, len(ids), 200):
            self.command("accept", *ids[start : start + 200], "--json")

    def import_package(self) -> None:
        """Import what the last run wrote."""
        package = self.folder / "ankiforge.apkg"
        if package.exists():
            self._anki(
                "from anki.collection import ImportAnkiPackageOptions as O\n"
                "from anki.collection import ImportAnkiPackageRequest as R\n"
                f"col.import_anki_package(R(package_path={str(package)!r}, options=O()))"
            )

    def edit(self, edits: int, seed: int) -> dict[str, str]:
        """Edit cards in Anki; {guid: kind of edit}."""
        from anki.collection import Collection

        chance = random.Random(seed)
        collection = Collection(str(self.collection))
        ids = sorted(collection.find_notes(""))
        chance.shuffle(ids)
        made: dict[str, str] = {}
        for note in map(collection.get_note, ids):
            if len(made) == edits:
                break
            kinds = [*EDITS, "both"]
            chance.shuffle(kinds)
            kind = next((kind for kind in kinds if self._change(note, kind, chance)), "")
            if kind:
                collection.update_note(note)
                made[note.guid] = kind
        collection.close()
        return made

    def _change(self, note: Any, kind: str, chance: random.Random) -> bool:
        """Change a note; False if this edit does not fit it."""
        is_basic = "Front" in note
        if kind == "both" and not is_basic:
            return False
        names = ["Front", "Back"] if is_basic else ["Text"]
        chosen = names if kind == "both" else [chance.choice(names)]
        before = list(note.fields)
        for name in chosen:
            edit = EDITS["word"] if kind == "both" else EDITS[kind]
            note[name] = edit(note[name], chance)
        return list(note.fields) != before

    def _anki(self, code: str) -> None:
        opened = f"from anki.collection import Collection\ncol = Collection({str(self.collection)!r})"
        subprocess.run(
            [sys.executable, "-c", f"{opened}\n{code}\ncol.close()"], check=True
        )


def measured(source: Path, edits: int, seed: int) -> Counter[str]:
    """Return the counts of one vault."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        vault = Vault(source, Path(temporary))
        vault.command("run", "--yes", "--json")
        vault.accept_all()
        vault.command("build", "--json")
        vault.import_package()
        vault.command("run", "--json")
        questions = len(vault.command("list", "--view", "questions", "--json"))
        made = vault.edit(edits, seed)
        counts["edits"] = len(made)
        lines = vault.command("patch", "--json")
        for line in lines:
            if line["refused"]:
                [guid] = line["cards"]
                counts["refused"] += 1
                counts[f"refused: {line['refused']} [{made.get(guid, '')}]"] += 1
            else:
                counts["patched"] += len(line["cards"])
        before = {
            path: path.read_bytes() for path in vault.notes.rglob("*") if path.is_file()
        }
        patch = "".join(line["patch"] for line in lines)
        if patch:
            file = Path(temporary) / "edits.patch"
            file.write_bytes(patch.encode())
            done = subprocess.run(
                ["git", "apply", str(file)],
                cwd=vault.notes,
                capture_output=True,
                check=False,
            )
            counts["not applied"] = int(done.returncode != 0)
        counts["foreign words"] = sum(
            foreign(old, path.read_bytes()) for path, old in before.items()
        )
        [run] = vault.command("run", "--json")
        counts["changes told"] = len(run["changes"])
        counts["conflicts"] = run["notes"]["conflicts"]
        after = len(vault.command("list", "--view", "questions", "--json"))
        counts["questions"] = after - questions
    return counts


def foreign(before: bytes, after: bytes) -> int:
    """Return how many words an applied patch took from a file beyond one in each place."""
    if before == after:
        return 0
    old = before.splitlines()
    new = after.splitlines()
    if len(old) != len(new):  # no edit adds or removes a line
        return abs(len(old) - len(new))
    return sum(map(_lost, old, new))


def _lost(old: bytes, new: bytes) -> int:
    """Return how many words a line lost beyond one in each place."""
    words = old.split(b" ")
    lost = 0
    matcher = SequenceMatcher(None, words, new.split(b" "), autojunk=False)
    for what, start, end, _, _ in matcher.get_opcodes():
        if what != "equal":
            lost += max(0, end - start - 2)
    return lost


def main(arguments: list[str]) -> None:
    """Print the counts of each vault, and of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vaults", nargs="+", type=Path)
    parser.add_argument("--edits", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    every: Counter[str] = Counter()
    for vault in options.vaults:
        counts = measured(vault, options.edits, options.seed)
        every.update(counts)
        print(vault.name, dict(counts), flush=True)
    print("all", dict(every))


if __name__ == "__main__":
    main(sys.argv[1:])
