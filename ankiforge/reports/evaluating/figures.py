"""What filled sheets come to: tiers, criteria, coverage, agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from ankiforge.reports.evaluating import CRITERIA, NUMBERS, Tier, tier_of
from ankiforge.reports.evaluating.drawing import origin_name
from ankiforge.reports.evaluating.ratings import KeyCard, Rated, Row

PUBLISHED = {
    "name": "Memory Machines",
    "by": "Kirkby & Matuschak, 2026, memory-machines.com",
    "what": "1,499 cards of models for 475 highlights of readers",
    "ready": 0.378,
    "usable": 0.466,
}
"""The figures on this very task that were published."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A card, and what one rater said of it when it came first."""

    card: str
    row: Row
    tier: Tier
    of: KeyCard | None


def figures(sheets: Sequence[Rated]) -> dict[str, Any]:
    """All there is to say, as `--json` tells it."""
    judged = [one for sheet in sheets for one in _judged(sheet)]
    shown = [one for one in judged if one.of is None or not one.of.blocked]
    return {
        "sheets": [_sheet(sheet) for sheet in sheets],
        "cards": tiers(one.tier for one in shown),
        "failures": _failures(shown),
        "by": {
            "origin": _grouped(shown, lambda of: [origin_name(of.origin)]),
            "drafter": _grouped(shown, lambda of: [of.origin.get("drafter", "")]),
            "kind": _grouped(shown, lambda of: [of.kind]),
            "found": _grouped(shown, _found),
        },
        "blocked": tiers(one.tier for one in judged if one.of is not None and one.of.blocked),
        "coverage": [_coverage(sheet) for sheet in sheets if sheet.key is not None],
        "agreement": {
            "with_oneself": agreement(pair for sheet in sheets for pair in _twice(sheet)),
            "between_raters": agreement(
                pair for one, other in combinations(sheets, 2) for pair in _both(one, other)
            ),
        },
        "published": PUBLISHED,
    }


# --- tiers ----------------------------------------------------------------------------------


def _judged(sheet: Rated) -> Iterator[_Judged]:
    """The cards whose rating tells their tier; of a card that came twice the first rating."""
    for card, rows in sheet.by_card.items():
        found = next(((row, tier) for row in rows if (tier := tier_of(row.answers))), None)
        if found:
            of = sheet.key.cards.get(card) if sheet.key else None
            yield _Judged(card, found[0], found[1], of)


def tiers(found: Iterable[Tier]) -> dict[str, Any]:
    """Counts, and the shares that matter; the shares are None of nothing."""
    counts = Counter(found)
    total = counts.total()
    ready, polish = counts[Tier.READY], counts[Tier.POLISH]
    return {
        "rated": total,
        **{tier.value: counts[tier] for tier in Tier},
        "ready": share(ready, total),
        "usable": share(ready + polish, total),
    }


def share(part: int, whole: int) -> float | None:
    """To four digits; None of nothing."""
    return round(part / whole, 4) if whole else None


def _failures(judged: Sequence[_Judged]) -> dict[str, Any]:
    """Of each criterion: on how many cards it fails, of how many that say."""
    found = {}
    for criterion in sorted(CRITERIA, key=lambda one: one.number):
        said = [one.row.answers[criterion.number] for one in judged
                if criterion.number in one.row.answers]  # fmt: skip
        failed = said.count(False)
        found[criterion.column] = {
            "failed": failed, "rated": len(said), "share": share(failed, len(said)),
        }  # fmt: skip
    return found


def _grouped(
    judged: Iterable[_Judged], names: Callable[[KeyCard], Iterable[str]]
) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Tier]] = {}
    for one in judged:
        for name in names(one.of) if one.of else ():
            groups.setdefault(name, []).append(one.tier)
    ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))
    return {name: tiers(found) for name, found in ordered}


def _found(of: KeyCard) -> Iterable[str]:
    """The checks that said something aloud of a card; what they missed is under "nothing"."""
    aloud = {one["check"] for one in of.findings if one.get("severity") != "info"}
    return aloud or ("nothing",)


# --- one sheet ------------------------------------------------------------------------------


def _sheet(sheet: Rated) -> dict[str, Any]:
    whole = sum(tier_of(row.answers) is not None for row in sheet.rows)
    begun = sum(bool(row.answers) and tier_of(row.answers) is None for row in sheet.rows)
    alone = sum(row.wanted is not None for row in sheet.rows)
    return {
        "file": sheet.path.name,
        "key": sheet.key is not None,
        "items": len(sheet.rows),
        "rated": whole + alone,
        "partly": begun,
        "blank": len(sheet.rows) - whole - begun - alone,
        "cards": tiers(
            one.tier for one in _judged(sheet) if one.of is None or not one.of.blocked
        ),
    }  # fmt: skip


def _coverage(sheet: Rated) -> dict[str, Any]:
    """Of the passages that deserve a card, how many have a ready one; the others left alone.

    Whether one deserves a card the set says; where it does not, the rater's word on passages
    without a card, and on the cards of the others (7, worth keeping).
    """
    assert sheet.key is not None
    ready = {one.of.passage for one in _judged(sheet)
             if one.of and one.tier is Tier.READY and not one.of.blocked}  # fmt: skip
    carded = {card.passage for card in sheet.key.cards.values() if not card.blocked}
    answered = {name: one for name, one in sheet.key.passages.items() if one.fate != "failed"}
    said = _rater_says(sheet)
    deserves = {
        name: said.get(name) if one.deserves is None else one.deserves
        for name, one in answered.items()
    }
    deserving = [name for name, worth in deserves.items() if worth]
    others = [name for name, worth in deserves.items() if worth is False]
    covered, alone = len(ready & set(deserving)), len(set(others) - carded)
    return {
        "file": sheet.path.name,
        "deserving": len(deserving),
        "with_ready_card": covered,
        "coverage": share(covered, len(deserving)),
        "with_any_card": len(carded & set(deserving)),
        "undeserving": len(others),
        "left_alone": alone,
        "left_alone_share": share(alone, len(others)),
        "unknown": len(answered) - len(deserving) - len(others),
        "missed_says_rater": sum(row.wanted is True for row in sheet.rows),
    }


def _rater_says(sheet: Rated) -> dict[str, bool]:
    """Whether a passage deserves a card, in the eyes of the rater."""
    assert sheet.key is not None
    said: dict[str, bool] = {}
    for one in _judged(sheet):
        if one.of is not None and 7 in one.row.answers:
            worth = one.row.answers[7]
            said[one.of.passage] = said.get(one.of.passage, False) or worth
    for row in sheet.rows:
        if row.wanted is not None:
            said[sheet.key.items[row.item].passage] = row.wanted
    return said


# --- agreement ------------------------------------------------------------------------------

_Pair = tuple[Row, Row]


def _twice(sheet: Rated) -> Iterator[_Pair]:
    """Two ratings of a card by the same rater."""
    for rows in sheet.by_card.values():
        if len(rows) > 1:
            yield rows[0], rows[1]


def _both(one: Rated, other: Rated) -> Iterator[_Pair]:
    """Ratings of the same card in two sheets."""
    if one.key is None and other.key is None:
        shared = one.by_card.keys() & other.by_card.keys()
    else:
        shared = one.by_card.keys() & other.by_card.keys() if one.key and other.key else set()
    for card in sorted(shared):
        yield one.by_card[card][0], other.by_card[card][0]


def agreement(pairs: Iterable[_Pair]) -> dict[str, Any]:
    """How far two ratings of the same cards agree: over all answers, and on which are ready."""
    both = list(pairs)
    answers = {n: [(a.answers[n], b.answers[n]) for a, b in both
                   if n in a.answers and n in b.answers] for n in NUMBERS}  # fmt: skip
    ready = [
        (one is Tier.READY, other is Tier.READY)
        for a, b in both
        if (one := tier_of(a.answers)) and (other := tier_of(b.answers))
    ]
    return {
        "cards": len(both),
        "answers": _kappa([pair for pairs in answers.values() for pair in pairs]),
        "ready": _kappa(ready),
        "criteria": {str(number): _kappa(pairs) for number, pairs in answers.items()},
    }


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """The share of equal answers, and Cohen's κ: what is left of it without chance.

    κ is None where it says nothing: no pairs, or the same answer throughout.
    """
    total = len(pairs)
    same = sum(one == other for one, other in pairs)
    kappa = None
    if total:
        first, second = (sum(pair[at] for pair in pairs) / total for at in (0, 1))
        chance = first * second + (1 - first) * (1 - second)
        kappa = round((same / total - chance) / (1 - chance), 4) if chance < 1 else None
    return {"pairs": total, "same": share(same, total), "kappa": kappa}
