"""Long histories of a vault: whatever its notes went through, the promises hold after each run."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

QUESTIONS = [f"What is the {what} of the lens?" for what in ("mass", "price", "colour", "shape")]
ANSWERS = ["glass", "a tube", "seven grams", "blue"]
SKIP = "---\ncards: false\n---\n"


class Vault:
    """Notes of hand-written cards, and what people do to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = Random(seed)
        self.notes = {f"n{number}": [self._pair(), self._pair()] for number in range(4)}
        self.skipped: set[str] = set()
        self.changes: tuple[Callable[[], object], ...] = (
            self.reword, self.swap, self.copy, self.rename, self.delete, self.skip, self.add,
        )  # fmt: skip

    def _pair(self) -> tuple[str, str]:
        return self.random.choice(QUESTIONS), self.random.choice(ANSWERS)

    def _name(self) -> str:
        return self.random.choice(sorted(self.notes))

    def reword(self) -> None:
        pairs = self.notes[self._name()]
        pairs[0] = (pairs[0][0], self.random.choice(ANSWERS))

    def swap(self) -> None:
        one, other = self._name(), self._name()
        self.notes[one], self.notes[other] = self.notes[other], self.notes[one]

    def copy(self) -> None:
        self.notes[f"copy{self.random.randrange(9)}"] = list(self.notes[self._name()])

    def rename(self) -> None:
        self.notes[f"moved{self.random.randrange(9)}"] = self.notes.pop(self._name())

    def delete(self) -> None:
        if len(self.notes) > 2:
            del self.notes[self._name()]

    def skip(self) -> None:
        self.skipped ^= {self._name()}

    def add(self) -> None:
        self.notes[self._name()].append(self._pair())

    def step(self) -> None:
        """One to three changes, written to the disk."""
        for _ in range(self.random.randint(1, 3)):
            self.random.choice(self.changes)()
        for path in self.folder.glob("*.md"):
            path.unlink()
        for name, pairs in self.notes.items():
            lines = "\n\n".join(f"{front}::{back}" for front, back in pairs)
            head = SKIP if name in self.skipped else ""
            (self.folder / f"{name}.md").write_text(f"{head}{lines}\n", encoding="utf-8")

    def wanted(self) -> set[tuple[str, str]]:
        """What stands in the notes that are not left out."""
        read = (pairs for name, pairs in self.notes.items() if name not in self.skipped)
        return {pair for pairs in read for pair in pairs}


def live(forge) -> list[dict]:
    return [card for card in forge.cards() if card["standing"] == "live"]


def words(card: dict) -> tuple[str, str]:
    return card["fields"]["Front"], card["fields"]["Back"]


def told(cards: list[dict]) -> set[tuple[str, str]]:
    """What cards say, and what they would say by a correction that waits."""
    corrections = [card["revision"] for card in cards if card["revision"]]
    return {words(one) for one in (*cards, *corrections)}


@pytest.mark.parametrize("seed", range(2))
def test_every_pair_in_the_notes_has_its_card_and_no_id_is_ever_lost(forge, vault, seed):
    story = Vault(vault, seed)
    known: set[str] = set()
    for _ in range(15):
        story.step()
        run = forge.json("run", vault)
        assert sum(run["fates"].values()) == run["highlights"]["seen"]
        assert story.wanted() <= told(live(forge))
        guids = {card["guid"] for card in forge.cards()}
        assert guids >= known
        known = guids
        once = [(card["highlight"], words(card)) for card in live(forge)]
        assert len(once) == len(set(once))


@pytest.mark.parametrize("seed", range(2))
def test_what_a_person_rejected_or_reworded_stays_so(forge, vault, seed):
    story = Vault(vault, seed)
    rejected, reworded = set(), {}
    for step in range(12):
        story.step()
        forge.ok("run", vault)
        open_to = [c for c in live(forge) if c["guid"] not in rejected | reworded.keys()]
        if open_to:
            guid = story.random.choice(open_to)["guid"]
            if step % 2:
                forge.ok("reject", guid)
                rejected.add(guid)
            else:
                forge.ok("edit", guid, "--field", "Back", f"mine {step}")
                reworded[guid] = f"mine {step}"
        cards = {card["guid"]: card for card in forge.cards()}
        assert {cards[guid]["verdict"] for guid in rejected} <= {"rejected"}
        assert {guid: cards[guid]["fields"]["Back"] for guid in reworded} == reworded


def test_a_run_without_a_change_writes_the_same_package(forge, vault):
    story = Vault(vault, 1)
    package = forge.folder / "ankiforge.apkg"
    for _ in range(8):
        story.step()
        forge.ok("run", vault)
        before = package.read_bytes()
        forge.ok("run", vault)
        assert package.read_bytes() == before
