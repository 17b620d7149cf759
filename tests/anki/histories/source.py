"""What is read: notes with hand-written cards and marked sentences, and a paper with marks."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from .paper import Beast, Paper

ANIMALS = ("axolotl", "badger", "caiman", "dormouse", "echidna", "fulmar")
HEAD = "---\ntags: [{tags}]\n---\n\n# {title}\n\n"

Told = tuple[str, ...]
"""What a passage can be known by: its note, and its words; of cards both sides."""


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
    there: bool = True
    age: int = 0
    """Counts how often nothing could tell any more that it is the same passage."""

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

    def told(self, names: dict[str, str]) -> Told:
        """What it can be known by now; () if it is not there."""
        front, _, back = self.text.rpartition("::")
        return (names[self.file], front.rstrip(":"), back, str(self.split)) if self.there else ()

    @staticmethod
    def is_lost(before: Told, now: Told) -> bool:
        """Whether nothing can tell that it is the same: another place and other words at once."""
        return differ(before[:3], now[:3]) > 1 or before[3] != now[3]


def differ(one: Told, other: Told) -> int:
    """In how much of what a passage is known by."""
    return sum(left != right for left, right in zip(one, other, strict=True))


@dataclass
class Shelf:
    """The vault and the paper, written anew after each change."""

    root: Path
    papers: Path
    passages: list[Passage] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=lambda: {"a": "Forest", "b": "Lake"})
    tags: list[str] = field(default_factory=lambda: ["biology", "old"])
    words: int = 0

    def __post_init__(self) -> None:
        (self.root / ".obsidian").mkdir(parents=True)
        self.papers.mkdir()
        forms = ("card", "two-way", "sentence", "sentence", "two-way", "card")
        self.passages = [
            Passage(animal, form, "ab"[at // 4])
            for at, (animal, form) in enumerate(zip(ANIMALS, forms, strict=True))
        ]
        self.paper = Paper(self.papers / "beasts.pdf")
        self.write()

    @property
    def all(self) -> list[Passage | Beast]:
        return [*self.passages, *self.paper.beasts]

    @property
    def paths(self) -> list[Path]:
        """What is to be read; the paper is there once it was saved."""
        return [self.root, *([self.paper.path] if self.paper.saved else [])]

    def told(self, one: Passage | Beast) -> Told:
        """What a passage can be known by now; () if it is not there."""
        return one.told(self.names) if isinstance(one, Passage) else self.paper.told(one)

    def of(self, animal: str) -> Passage | Beast:
        return next(one for one in self.all if one.animal == animal)

    def word(self) -> str:
        """A word that was never used."""
        self.words += 1
        return f"w{chr(97 + self.words // 26)}{chr(97 + self.words % 26)}le"

    def write(self) -> None:
        for path in self.root.glob("*.md"):
            path.unlink()
        head = HEAD.format(title="Animals", tags=", ".join(self.tags))
        for key, name in self.names.items():
            texts = [one.text for one in self.passages if one.file == key and one.there]
            body = head + "".join(f"{text}\n\n" for text in texts)
            (self.root / f"{name}.md").write_text(body, encoding="utf-8")

    def move(self, name: str) -> None:
        """The vault's folder takes another name."""
        self.root = self.root.rename(self.root.with_name(name))

    def state(self) -> str:
        """Every file with its bytes and time."""
        parts = [
            (str(path), path.read_bytes(), path.stat().st_mtime_ns)
            for folder in (self.root, self.papers)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        return hashlib.sha256(repr(parts).encode()).hexdigest()
