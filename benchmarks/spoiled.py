"""Honest cards, and the same cards spoiled by a machine: false alarms and what is caught.

    python -m benchmarks.spoiled [--alarms]

`honest.jsonl` holds the 93 cards that a strong model drew from the passages of
`passages.jsonl`, as it answered; people who rated them blind found nothing in them that their
passages do not say. Each is drawn as the drafter does. Spoiled: a figure changed, the
answer of another passage, a word of the quote cut or changed, an address added, a “not”
added or taken away.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ankiforge.check import CheckContext, DuplicateIndex, check_draft
from ankiforge.draft.prompt import ReplyShape
from ankiforge.draft.reply import build_drafts
from ankiforge.draft.reply_cards import ClozeCard, DraftedCard, TwoSidedCard
from ankiforge.model import CardKind, Draft, Finding, Highlight, Origin, Severity

SET = Path(__file__).with_name("honest.jsonl")
PASSAGES = Path(__file__).parents[1] / "tests" / "data" / "passages.jsonl"
Pair = tuple[DraftedCard, Highlight]


def honest(path: Path = SET) -> list[Pair]:
    """The cards as the model answered, each with its passage."""
    known = {one.key: one for one in map(_passage, _lines(PASSAGES))}
    return [(_item(row), known[row["highlight"]]) for row in _lines(path)]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _passage(row: dict[str, Any]) -> Highlight:
    document = row["document"]
    named = tuple(document["identifiers"].items())
    document = {**document, "source": row["source"], "identifiers": named}
    namespace = row["key"].rpartition("/")[0]
    return msgspec.convert(
        {**row, "namespace": namespace, "document": document}, Highlight
    )


def _item(row: dict[str, str]) -> DraftedCard:
    quote = row.get("quote", "")
    kind = CardKind(row["kind"])
    if kind is CardKind.CLOZE:
        return ClozeCard("1", quote, row["text"])
    return TwoSidedCard("1", quote, row["front"], row["back"], kind)


def findings(item: DraftedCard, highlight: Highlight) -> tuple[Finding, ...]:
    """What the checks say of a card once it is drawn."""
    return check_draft(
        draft_of(item, highlight), CheckContext(highlight, DuplicateIndex())
    )


def draft_of(item: DraftedCard, highlight: Highlight) -> Draft:
    return build_drafts([item], highlight, Origin("llm"), ReplyShape(tuple(CardKind)))[0]


def weight(found: Iterable[Finding]) -> Severity:
    """The heaviest severity of some findings."""
    named = {finding.severity for finding in found}
    return next(
        (each for each in (Severity.BLOCK, Severity.WARN) if each in named), Severity.INFO
    )


# --- spoiling --------------------------------------------------------------------------------

_FIGURE = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)?(?!\w)")


def _figure(
    item: DraftedCard, highlight: Highlight, others: list[Pair]
) -> DraftedCard | None:
    if isinstance(item, ClozeCard):
        return None
    found = _FIGURE.search(item.back)
    if not found:
        return None
    source = f"{highlight.prefix}{highlight.exact}{highlight.suffix}{highlight.sentence}"
    for more in (1, 3, 7):
        last = int(found[0][-1])
        wrong = f"{found[0][:-1]}{(last + more) % 10}"
        if wrong not in source:
            return replace(item, back=_FIGURE.sub(wrong, item.back, count=1))
    return None


def _answer(
    item: DraftedCard, highlight: Highlight, others: list[Pair]
) -> DraftedCard | None:
    if isinstance(item, ClozeCard):
        return None
    words = _words(f"{highlight.context} {item.back} {item.front}")
    for other, its in others:
        if isinstance(other, ClozeCard) or its.document.key == highlight.document.key:
            continue
        if _words(other.back) and not _words(other.back) & words:
            return replace(item, back=other.back)
    return None


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{4,}", text.casefold()))


def _quote_cut(
    item: DraftedCard, highlight: Highlight, others: list[Pair]
) -> DraftedCard | None:
    words = item.quote.split()
    half = len(words) // 2
    return (
        replace(item, quote=" ".join(words[:half] + words[half + 1 :]))
        if half > 1
        else None
    )


def _quote_changed(
    item: DraftedCard, highlight: Highlight, others: list[Pair]
) -> DraftedCard | None:
    words = item.quote.split()
    words[len(words) // 2] = "however"
    return replace(item, quote=" ".join(words)) if len(words) > 2 else None


def _link(
    item: DraftedCard, highlight: Highlight, others: list[Pair]
) -> DraftedCard | None:
    if isinstance(item, ClozeCard):
        return None
    return replace(item, back=f"{item.back} https://elsewhere.example/")


_HELPER = re.compile(r"\b(?:is|are|was|were|can|may|will|has|have)\b(?! not)")


def _negation(
    item: DraftedCard, highlight: Highlight, others: list[Pair]
) -> DraftedCard | None:
    names = ("text",) if isinstance(item, ClozeCard) else ("front", "back")
    for name in names:
        words = getattr(item, name)
        if " not " in words:
            return replace(item, **{name: words.replace(" not ", " ", 1)})
        if name != "front" and (found := _HELPER.search(words)):
            wrong = f"{words[: found.end()]} not{words[found.end() :]}"
            return replace(item, **{name: wrong})
    return None


Spoiler = Callable[[DraftedCard, Highlight, list[Pair]], DraftedCard | None]
SPOILERS: dict[str, Spoiler] = {
    "figure": _figure,
    "answer": _answer,
    "quote cut": _quote_cut,
    "quote changed": _quote_changed,
    "link": _link,
    "negation": _negation,
}
"""How a card is spoiled: None where there is nothing of the kind to spoil."""


def spoiled(kind: str) -> Iterator[Pair]:
    """The honest cards, spoiled in one way, but for those that the reader of replies mends.

    It finds the sentence of a quote in which a word is missing.
    """
    cards = honest()
    for at, (item, highlight) in enumerate(cards):
        wrong = SPOILERS[kind](item, highlight, cards[at + 1 :] + cards[:at])
        if wrong is None:
            continue
        is_mended = draft_of(wrong, highlight).quote in highlight.exact
        if not (kind.startswith("quote") and is_mended):
            yield wrong, highlight


def main() -> None:
    """Print how often honest cards are held back, and how often spoiled ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alarms", action="store_true", help="tell each false alarm")
    told = parser.parse_args().alarms
    sets = {"honest": honest(), **{kind: list(spoiled(kind)) for kind in SPOILERS}}
    print(f"{'':<15}{'cards':>6}{'blocked':>9}{'warned':>8}")
    for name, cards in sets.items():
        weights = [weight(findings(*card)) for card in cards]
        shares = [
            weights.count(each) / len(cards) for each in (Severity.BLOCK, Severity.WARN)
        ]
        print(f"{name:<15}{len(cards):>6}{shares[0]:>9.0%}{shares[1]:>8.0%}")
    for item, highlight in sets["honest"] if told else ():
        for finding in findings(item, highlight):
            if finding.severity is not Severity.INFO:
                print(f"{item.front or item.text} » {item.back}\n    {finding}")


if __name__ == "__main__":
    main()
