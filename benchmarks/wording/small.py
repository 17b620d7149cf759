"""Print how many offers get a small model's question, and how many of these are usable.

python -m benchmarks.wording.small
"""

from __future__ import annotations

from benchmarks.wording.measure import HERE, interval, percent, rows


def main() -> None:
    """Print the share of the offers with a question, and a line for each rater."""
    folder = HERE / "small"
    offers = rows(folder, "offers.jsonl")
    foreign = [offer["asked"] for offer in offers if offer["lang"] != "en"]
    sources = {offer["source"] for offer in offers}
    asked = percent([offer["asked"] for offer in offers])
    print(
        f"{len(offers)} offers of {len(sources)} sources: {asked} % with a question,"
        f" not English {percent(foreign)} %"
    )
    cards = {card["id"]: card for card in rows(folder, "cards.jsonl")}
    ratings = rows(folder, "ratings.jsonl")
    for rater in sorted({rating["rater"] for rating in ratings}):
        own = [rating for rating in ratings if rating["rater"] == rater]
        usable = {rating["card"]: rating["usable"] for rating in own}
        gaps = [is_usable for card, is_usable in usable.items() if cards[card]["gap"]]
        print(
            f"rater {rater}: of {len(own)} questions {percent(list(usable.values()))} %"
            f" usable ({interval([[each] for each in usable.values()])}),"
            f" {percent([rating['asis'] for rating in own])} % as they are;"
            f" {percent(gaps)} % of the {len(gaps)} whose answer is the gap"
        )


if __name__ == "__main__":
    main()
