"""How well renamed documents are recognised, over all pairs of notes of real vaults.

    python -m benchmarks.renames VAULT ...

*False*: one note is deleted and another one, which was there all the time, is added in its place, for
all pairs of notes. Only copies may be taken for the same document. A pair is a copy if half of the words
of the longer note stand in the other, in order. It is tried as the rule says, with an inode in common
(a file system may give that of a deleted file to the next), and with the rest of the vault unknown.

*Found*: each note is renamed, and of its words one in ten, or one in five, is replaced.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from rapidfuzz.distance import LCSseq

from ankiforge.text.renames import ENOUGH, LONGER, WORDS, Sketch, pair, sketch

COPY = 0.5
WIDESPREAD = 40
"""A hash in more notes than this brings no pair to be tried where the rest is unknown."""


class Elsewhere:
    """The hashes that stand in a note of the vault other than two."""

    def __init__(self, count: Counter[int], one: Sketch, other: Sketch) -> None:
        self.count, self.one, self.other = count, one.hashes, other.hashes

    def __contains__(self, each: object) -> bool:
        return self.count[each] > (each in self.one) + (each in self.other)  # type: ignore[index]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", re.sub(r"\A---\n.*?^---$", "", text, flags=re.S | re.M).casefold())


def candidates(sketches: list[Sketch], most: int) -> Iterator[tuple[int, int]]:
    holders: dict[int, list[int]] = defaultdict(list)
    for at, one in enumerate(sketches):
        for each in one.hashes:
            holders[each].append(at)
    yield from sorted(
        {two for at in holders.values() if len(at) <= most for two in combinations(at, 2)}
    )


def merged(
    sketches: list[Sketch], hint: tuple[str, ...], *, alone: bool
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of notes that are taken for one."""
    count = Counter(each for one in sketches for each in one.hashes)
    owned = Counter(each for one in sketches for each in one.own)
    for a, b in candidates(sketches, WIDESPREAD if alone else 2):
        one, other = (
            Sketch(s.hashes, s.words, s.own, s.hints | frozenset(hint))
            for s in (sketches[a], sketches[b])
        )
        elsewhere = () if alone else Elsewhere(count, one, other)
        own = {each for each in one.own & other.own if owned[each] > 2}
        if pair({"a": one}, {"b": other}, elsewhere, own):
            yield a, b


def edited(text: str, part: float, chance: random.Random) -> str:
    return re.sub(r"\w+", lambda word: f"x{word[0]}" if chance.random() < part else word[0], text)


def main() -> None:
    chance = random.Random(17)
    print(f"{'vault':42}{'notes':>7}{'pairs':>11}{'copies':>8}{'false':>7}{'+inode':>8}{'alone':>7}"
          f"{'10 %':>8}{'20 %':>8}{'µs':>6}")  # fmt: skip
    for name in sys.argv[1:]:
        root = Path(name)
        files = sorted(root.rglob("*.md"))
        texts = [file.read_text("utf-8", "replace") for file in files]
        begun = time.process_time()
        sketches = [sketch(text) for text in texts]
        each = (time.process_time() - begun) / max(1, len(texts))
        spoken = [words(text) for text in texts]
        false = []
        for hint, alone in (((), False), (("inode",), False), ((), True)):
            rows = list(merged(sketches, hint, alone=alone))
            alike = {
                (a, b): LCSseq.similarity(spoken[a], spoken[b])
                / max(len(spoken[a]), len(spoken[b]), 1)
                for a, b in rows
            }
            false.append(wrong := [two for two in rows if alike[two] < COPY])
            copies = len(rows) - len(wrong) if not hint and not alone else copies
            for a, b in wrong:
                print(
                    f"  {'inode' if hint else 'alone' if alone else 'FALSE'} {alike[a, b]:.2f}"
                    f" {len(spoken[a])}/{len(spoken[b])} words:"
                    f" {files[a].relative_to(root)} | {files[b].relative_to(root)}"
                )
        count = Counter(each for one in sketches for each in one.hashes)
        tried: Counter[float] = Counter()
        found: Counter[float] = Counter()
        for text, before in zip(texts, sketches, strict=True):
            if before.words < ENOUGH + WORDS - 1:
                continue
            for part in (0.1, 0.2):
                after = sketch(edited(text, part, chance))
                rest = Elsewhere(count, before, Sketch())
                tried[part] += 1
                found[part] += bool(pair({"a": before}, {"b": after}, rest))
        n = len(files)
        rates = "".join(f"{found[part] / max(1, tried[part]):8.1%}" for part in (0.1, 0.2))
        print(f"{root.name[-40:]:42}{n:7,}{n * (n - 1) // 2:11,}{copies:8}"
              f"{len(false[0]):7}{len(false[1]):8}{len(false[2]):7}{rates}{each * 1e6:6.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
