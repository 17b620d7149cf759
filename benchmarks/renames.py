"""How well renamed documents are recognised, over all pairs of notes of real vaults.

    python -m benchmarks.renames VAULT ...

*copies* and *false*: one note is deleted and another one, which was there all the time, counts as added,
for all pairs of notes of a vault. Only copies may be taken for the same document: half of the words of
the shorter note stand in the other, in order. *half*: how many more false ones there would be if half of
the share sufficed for all, not just with the same file name or a block id in common. *alone*: how many if the
vault had no other notes, which tell what is a template.

*10 %*, *20 %*: each note is renamed, one in ten (five) of its words is replaced, and it is recognised.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from rapidfuzz.distance import LCSseq

from ankiforge.text.renames import ENOUGH, WORDS, Sketch, pair, sketch

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
    sketches: list[Sketch], hint: frozenset[str], *, alone: bool
) -> Iterator[tuple[int, int]]:
    """Yield the pairs of notes that are taken for one."""
    count = Counter(each for one in sketches for each in one.hashes)
    owned = Counter(each for one in sketches for each in one.own)
    for a, b in candidates(sketches, WIDESPREAD if alone else 2):
        one, other = (replace(sketches[at], hints=sketches[at].hints | hint) for at in (a, b))
        own = {each for each in one.own & other.own if owned[each] > 2}
        if pair({a: one}, {b: other}, () if alone else Elsewhere(count, one, other), own):
            yield a, b


def recognised(text: str, before: Sketch, part: float, chance: random.Random) -> bool:
    """Return whether a note is recognised under another name with part of its words replaced."""
    edited = re.sub(r"\w+", lambda word: f"x{word[0]}" if chance.random() < part else word[0], text)
    return bool(pair({"a": before}, {"b": sketch(edited, ("b.md",))}))


def measure(root: Path) -> None:
    chance = random.Random(17)
    files = sorted(root.rglob("*.md"))
    texts = [file.read_text("utf-8", "replace") for file in files]
    begun = time.process_time()
    sketches = [sketch(text, (file.name,)) for file, text in zip(files, texts, strict=True)]
    each = (time.process_time() - begun) / max(1, len(texts)) * 1e6
    spoken = [words(text) for text in texts]

    def is_copy(a: int, b: int) -> bool:
        short = min(len(spoken[a]), len(spoken[b])) or 1
        return LCSseq.similarity(spoken[a], spoken[b]) / short >= COPY

    rule = set(merged(sketches, frozenset(), alone=False))
    false = {two for two in rule if not is_copy(*two)}
    half = {two for two in merged(sketches, frozenset({"*"}), alone=False) if not is_copy(*two)}
    alone = {two for two in merged(sketches, frozenset(), alone=True) if not is_copy(*two)}
    long = [at for at, one in enumerate(sketches) if one.words >= ENOUGH + WORDS - 1]
    rates = [
        sum(recognised(texts[at], sketches[at], part, chance) for at in long) / max(1, len(long))
        for part in (0.1, 0.2)
    ]
    n = len(files)
    print(
        f"{root.name[-36:]:38}{n:7,}{n * (n - 1) // 2:12,}{len(rule - false):8}{len(false):7}"
        f"{len(half - false):6}{len(alone - false):7}{rates[0]:8.1%}{rates[1]:8.1%}{each:7.0f}"
    )
    for a, b in sorted(false):
        print(f"    false: {files[a].relative_to(root)} | {files[b].relative_to(root)}")


def main() -> None:
    print(
        f"{'vault':38}{'notes':>7}{'pairs':>12}{'copies':>8}{'false':>7}{'half':>6}{'alone':>7}"
        f"{'10 %':>8}{'20 %':>8}{'µs':>7}"
    )
    for name in sys.argv[1:]:
        measure(Path(name))


if __name__ == "__main__":
    main()
