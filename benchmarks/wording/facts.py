"""Print how many facts of long marks get a card: `python -m benchmarks.wording.facts`."""

from __future__ import annotations

from benchmarks.wording.measure import HERE, interval, percent, rows


def main() -> None:
    """Print a line for each reader: facts with a card, the interval, not English, doubled."""
    folder = HERE / "facts"
    languages = {row["id"]: row["lang"] for row in rows(folder, "passages.jsonl")}
    cards = rows(folder, "cards.jsonl")
    facts = rows(folder, "facts.jsonl")
    for reader in sorted({row["reader"] for row in facts}):
        own = [row for row in facts if row["reader"] == reader]
        covered = {row["passage"]: [bool(ids) for ids in row["covered"]] for row in own}
        every = [has_card for each in covered.values() for has_card in each]
        foreign = []
        for passage, each in covered.items():
            if languages[passage] != "en":
                foreign += each
        doubled = sum(len(row["doubled"]) for row in own)
        print(
            f"reader {reader}: {len(every)} facts of {len(own)} marks,"
            f" {percent(every)} % have a card ({interval(list(covered.values()))}),"
            f" not English {percent(foreign)} %; {doubled} of {len(cards)} cards doubled"
        )


if __name__ == "__main__":
    main()
