"""Duplicate search: what it finds on labelled pairs, and how long it takes on a large deck.

    python -m benchmarks.duplicates [CARDS ...]

The pairs are ours, and those in the folder that `ANKIFORGE_FIXTURES` names, if any. The
deck is made of words with the frequencies of a natural text; one card in fifty repeats
another in other words. The
lists are what people write by hand: ten thousand cards of one pattern each, one of them said twice.
The peer is rapidfuzz over all pairs, on a thousand cards. Seconds are processor time.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from rapidfuzz import fuzz, process

from ankiforge.check import DuplicateIndex, compute_search_terms
from ankiforge.model import CardContent, CardKind, HighlightKey, Origin

HERE = Path(__file__).parents[1]
OURS = HERE / "tests" / "check"
FOREIGN = os.environ.get("ANKIFORGE_FIXTURES")
PAIRS = (
    *([Path(FOREIGN) / "dedup" / "dedup-pairs.jsonl"] if FOREIGN else []),
    OURS / "pairs.jsonl",
    OURS / "more_pairs.jsonl",
)
SIZES = (1_000, 10_000, 100_000)
VOCABULARY = 30_000
PEER_CARDS = 1_000
REPEATED = 0.02
LISTED = 10_000


def basic(front: str, back: str) -> CardContent:
    return drafted(CardKind.BASIC, (("Front", front), ("Back", back)))


def drafted(kind: CardKind, fields: tuple[tuple[str, str], ...]) -> CardContent:
    return CardContent(HighlightKey(""), kind, fields, Origin("benchmark"))


def drafted_from(side: dict[str, str]) -> CardContent:
    if "text" in side:
        return drafted(CardKind.CLOZE, (("Text", side["text"]),))
    return basic(side["front"], side["back"])


def judge(pair: dict[str, dict[str, str]]) -> tuple[bool, bool]:
    """(asked about, an exact repeat)."""
    twins, one, other = DuplicateIndex(), drafted_from(pair["a"]), drafted_from(pair["b"])
    twins.add("a", HighlightKey("a"), one)
    asked = any(
        found.check == "duplicate"
        for found in twins.find_duplicates(other, HighlightKey("b"))
    )
    return asked, compute_search_terms(one).text_hash == compute_search_terms(
        other
    ).text_hash


def print_quality(path: Path) -> None:
    pairs = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    verdicts = [(bool(pair["label"]), *judge(pair)) for pair in pairs]
    duplicates = sum(label for label, _, _ in verdicts)
    for name, place in (("asked about", 1), ("exact", 2)):
        named = [verdict[0] for verdict in verdicts if verdict[place]]
        precision = sum(named) / len(named) if named else 1.0
        print(
            f"{path.stem:12} {name:12} precision {precision:.2f}  recall {sum(named) / duplicates:.2f}"
        )


def deck(size: int, chance: random.Random) -> Iterator[CardContent]:
    words = [f"{a}{b}{c}" for a in SYLLABLES for b in SYLLABLES for c in SYLLABLES][
        :VOCABULARY
    ]
    chance.shuffle(words)
    weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
    front = back = ""
    for _ in range(size):
        if front and chance.random() < REPEATED:
            front = f"{front} {chance.choice(words)}"
        else:
            front = " ".join(
                chance.choices(words, cum_weights=weights, k=chance.randint(6, 12))
            )
            back = " ".join(chance.choices(words, cum_weights=weights, k=3))
        yield basic(f"What is {front}?", back)


SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u")]


def patterned(size: int, chance: random.Random) -> dict[str, list[CardContent]]:
    """Lists of one pattern by name; the last card of each says the first one's in other words."""
    names = sorted(
        {"".join(chance.choices(SYLLABLES, k=4)).title() for _ in range(2 * size)}
    )
    chance.shuffle(names)
    pairs = list(zip(names[:size], names[size : 2 * size], strict=False))
    return {
        "capitals": [
            *(basic(f"What is the capital of {one}?", other) for one, other in pairs),
            basic(f"Name the capital of {pairs[0][0]}", pairs[0][1]),
        ],
        "vocabulary": [
            *(basic(f"der {one}", other.lower()) for one, other in pairs),
            basic(pairs[0][0], f"the {pairs[0][1].lower()}"),
        ],
        "numbered": [
            *(
                basic(f"What is {n % 100} minus {n // 100}?", f"{n % 100 - n // 100}")
                for n in range(size)
            ),
            basic("How much is 0 minus 0?", "0"),
        ],
        "two words": [
            *(
                basic(f"{names[n % 90]} {names[90 + n // 112]}", names[n % 95])
                for n in range(size)
            ),
            basic(f"the {names[0]} {names[90]}", names[0]),
        ],
    }


def searched(cards: list[CardContent]) -> tuple[float, int, bool]:
    """(seconds, findings, whether the last card's twin is the first)."""
    twins, found, start, last = DuplicateIndex(), 0, time.process_time(), []
    for number, card in enumerate(cards):
        key = HighlightKey(f"vault:bench/{number:016x}")
        last = list(twins.find_duplicates(card, key))
        found += len(last)
        twins.add(f"af{number:024}", key, card)
    first = any(
        one.duplicate == f"af{0:024}" and one.check == "duplicate" for one in last
    )
    return time.process_time() - start, found, first


def print_speed(size: int) -> None:
    took, found, _ = searched(list(deck(size, random.Random(size))))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{size:>8,} cards: {took:6.2f} s, {memory:4.0f} MB at most, {found:,} findings"
    )


def print_lists() -> None:
    for name, cards in patterned(LISTED, random.Random(LISTED)).items():
        took, found, first = searched(cards)
        said = "the twin found" if first else "THE TWIN MISSED"
        print(
            f"{len(cards):>8,} cards: {took:6.2f} s, {name}: {said}, {found:,} findings"
        )


def print_peer() -> None:
    cards = [
        card.get_field("Front") for card in deck(PEER_CARDS, random.Random(PEER_CARDS))
    ]
    start = time.process_time()
    for card in cards:
        process.extract(card, cards, scorer=fuzz.token_set_ratio, score_cutoff=85)
    print(
        f"{PEER_CARDS:>8,} cards: {time.process_time() - start:6.2f} s, rapidfuzz over all pairs"
    )


def main(sizes: tuple[int, ...]) -> None:
    for path in filter(Path.exists, PAIRS):
        print_quality(path)
    print_peer()
    print_lists()
    for size in sizes:
        print_speed(size)


if __name__ == "__main__":
    main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES)
