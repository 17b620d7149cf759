"""The vault of a history: notes with hand-written cards and marked sentences that change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

ANIMALS = ("axolotl", "badger", "caiman", "dormouse", "echidna", "fulmar")
HEAD = "---\ntags: [biology, old]\n---\n\n# {title}\n\n"


@dataclass
class Passage:
    """One passage of the reader's, told from all others by the animal in it."""

    animal: str
    form: str
    """`card`, `two-way` or `sentence`."""
    file: str
    adjective: str = "cold"
    answer: str = "wolves"
    marks: frozenset[int] = frozenset({0, 1})
    split: bool = False
    loose: bool = False
    """Nothing could tell that it is the same passage still."""

    @property
    def text(self) -> str:
        """As it stands in the note."""
        if self.form == "sentence":
            return self._sentence()
        sign = "::" if self.form == "card" else ":::"
        front = f"Who hunts the {self.animal} when the nights are long and {self.adjective}"
        return f"{front}{sign}{self.answer} of the {self.animal}"

    def _sentence(self) -> str:
        first, second, third = (
            f"=={word}==" if at in self.marks else word
            for at, word in enumerate(("mitochondrion", "energy", f"{self.animal}s"))
        )
        middle = f". It gives {second}" if self.split else f" and it gives {second}"
        return (
            f"The {first} of the {self.animal} is never at rest{middle}"
            f" to all {self.adjective} {third} of the {self.answer}."
        )


@dataclass
class Vault:
    """The notes, written anew after each change."""

    root: Path
    passages: list[Passage] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=lambda: {"a": "Forest", "b": "Lake"})
    words: int = 0

    def __post_init__(self) -> None:
        (self.root / ".obsidian").mkdir(parents=True)
        forms = ("card", "two-way", "sentence", "sentence", "two-way", "card")
        self.passages = [
            Passage(animal, form, "ab"[at // 4])
            for at, (animal, form) in enumerate(zip(ANIMALS, forms, strict=True))
        ]
        self.write()

    def word(self) -> str:
        """A word that was never used."""
        self.words += 1
        return f"w{chr(97 + self.words // 26)}{chr(97 + self.words % 26)}le"

    def write(self) -> None:
        for path in self.root.glob("*.md"):
            path.unlink()
        for key, name in self.names.items():
            texts = [one.text for one in self.passages if one.file == key]
            body = HEAD.format(title="Animals") + "".join(f"{text}\n\n" for text in texts)
            (self.root / f"{name}.md").write_text(body, encoding="utf-8")

    def told(self, passage: Passage) -> tuple[str, str, str]:
        """What it can be known by: its note, and its words; of cards both sides."""
        front, _, back = passage.text.rpartition("::")
        return self.names[passage.file], front.rstrip(":"), back

    def state(self) -> str:
        """Every file with its bytes and time."""
        parts = [
            (str(path), path.read_bytes(), path.stat().st_mtime_ns)
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        ]
        return hashlib.sha256(repr(parts).encode()).hexdigest()
