"""Print the tables of `benchmarks/offers/README.md`: facts offered, and the best twenty cards.

python -m benchmarks.offers.measure
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VERDICTS = ("keep", "gap", "edit", "throw")
Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """Return the lines of a file."""
    text = (HERE / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def percent(count: int, total: int) -> str:
    """Return a share, rounded."""
    return f"{100 * count / max(1, total):.0f} %"


def facts(marks: list[Row]) -> None:
    """Print how many of the listed facts each program offers."""
    listed = sum(mark["listed"] for mark in marks)
    for program in marks[0]["offered"]:
        offered = sum(mark["offered"][program] for mark in marks)
        offers = sum(mark["offers"][program] for mark in marks)
        print(
            f"{program}: {offered} of {listed} listed facts offered"
            f" ({percent(offered, listed)}), {offers} offers on {len(marks)} marks"
        )


def verdicts(title: str, cards: list[Row], ratings: list[Row]) -> None:
    """Print the verdicts on some cards, a line for each rater."""
    ids = {card["card"] for card in cards}
    for rater in (1, 2):
        own = [row for row in ratings if row["rater"] == rater and row["card"] in ids]
        counts = Counter(row["verdict"] for row in own)
        shares = [f"{name} {percent(counts[name], len(own))}" for name in VERDICTS]
        fragments = sum(row["fragment"] for row in own)
        print(
            f"{title}, rater {rater}, n = {len(own)}: {', '.join(shares)};"
            f" fragments {percent(fragments, len(own))}"
        )


def by_sheet(cards: list[Row], ratings: list[Row]) -> None:
    """Print how many of the twenty are thrown away in each sheet: of each program, by rater."""
    thrown = {(row["rater"], row["card"]) for row in ratings if row["verdict"] == "throw"}
    sources = sorted({card["source"] for card in cards})
    for source in sources:
        parts = []
        for program in programs(cards):
            own = [card for card in cards if card["source"] == source]
            best = [card["card"] for card in own if card["twenty"].get(program)]
            counts = [sum((rater, card) in thrown for card in best) for rater in (1, 2)]
            parts.append(f"{program} {counts[0]}, {counts[1]} of {len(best)}")
        print(f"  {source}: thrown away {'; '.join(parts)}")


def choices(title: str, cards: list[Row]) -> None:
    """Print the verdicts on the best cards of other sources, a line for each maker and rater."""
    print(title)
    for maker in sorted({name for card in cards for name in card["by"]}):
        of_maker = [card for card in cards if maker in card["by"]]
        for rater in range(len(cards[0]["ratings"])):
            own = [card["ratings"][rater] for card in of_maker]
            counts = Counter(verdict for verdict, _, _ in own)
            whys = Counter(why for verdict, _, why in own if verdict != "keep")
            shares = [f"{name} {percent(counts[name], len(own))}" for name in VERDICTS]
            print(
                f"{maker}, rater {rater + 1}, n = {len(own)}: {', '.join(shares)};"
                f" fragments {percent(sum(one for _, one, _ in own), len(own))};"
                f" {', '.join(f'{why} {count}' for why, count in whys.most_common(4))}"
            )


def tens(title: str, cards: list[Row]) -> None:
    """Print the verdicts of one rater on the tens of documents, a line for each maker."""
    print(title)
    for maker in sorted({name for card in cards for name in card["by"]}):
        counts = Counter(card["rating"] for card in cards if maker in card["by"])
        shares = [f"{name} {percent(counts[name], counts.total())}" for name in VERDICTS]
        print(f"{maker}, n = {counts.total()}: {', '.join(shares)}")


def programs(cards: list[Row]) -> list[str]:
    """Return the programs whose best twenty were rated."""
    return sorted({program for card in cards for program in card["twenty"]})


def main() -> None:
    """Print all tables."""
    cards, ratings = rows("cards.jsonl"), rows("ratings.jsonl")
    facts(rows("marks.jsonl"))
    for program in sorted({name for card in cards for name in card["marks"]}):
        offers = [card for card in cards if program in card["marks"]]
        verdicts(f"{program}, offers on the marks", offers, ratings)
    for program in programs(cards):
        best = [card for card in cards if card["twenty"].get(program)]
        verdicts(f"{program}, best twenty", best, ratings)
    by_sheet(cards, ratings)
    choices("Best twenty of ten sources:", rows("choices.jsonl"))
    choices("Best fifteen of seven sources:", rows("choices-learned.jsonl"))
    choices("Best fifteen of eight more sources:", rows("choices-marked.jsonl"))
    choices("Offers on 200 highlights of 36 sources:", rows("highlights.jsonl"))
    by_part = {
        "best": "best fifteen",
        "highlights": "200 highlights",
        "textbooks": "textbooks",
    }
    for part, title in by_part.items():
        cards_of_part = [card for card in rows("one-model.jsonl") if card["part"] == part]
        choices(f"One model, {title}:", cards_of_part)
    choices("Few and sure, eight fresh sources:", rows("few-and-sure.jsonl"))
    choices("The same of papers, vaults, exports and books:", rows("mixed.jsonl"))
    choices("First tens, a card in one key for every fact:", rows("by-one-key.jsonl"))
    choices(
        "First tens, best means best, seventeen fresh sources:", rows("best-first.jsonl")
    )
    choices(
        "First tens, certain ones first, ten fresh sources:", rows("certain-first.jsonl")
    )
    tens("Tens of the first two documents, seven sources:", rows("how-built.jsonl"))


if __name__ == "__main__":
    main()
