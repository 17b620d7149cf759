"""The figures as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ankiforge.reports.evaluating import Tier
from ankiforge.reports.summary import dollars

_SHOWN = 12
"""Rows of a table that are shown."""


def told(came: dict[str, Any]) -> Iterator[str]:
    """What an evaluation came to, before anybody rates it."""
    seen, cards, llm = came["highlights"], came["cards"], came["llm"]
    yield (
        f"highlights {seen['seen']}: {seen['carded']} with a card, {seen['no_card']} without, "
        f"{seen['blocked']} blocked, {seen['failed']} not answered"
    )
    kinds = ", ".join(f"{count} {kind}" for kind, count in came["kinds"].items() if count)
    yield (
        f"cards {cards['drawn']}: {cards['clean']} clean, {cards['warned']} with warnings, "
        f"{cards['blocked']} blocked" + (f" ({kinds})" if kinds else "")
    )
    for name, count in came["origins"].items():
        yield f"  {count:4}  {name}"
    for severity, counts in came["findings"].items():
        if counts and severity != "info":
            yield f"{'blocked by' if severity == 'block' else 'warned by'}:"
            yield from (f"  {count:4}  {check}" for check, count in _top(counts))
    if came["no_card"]:
        yield "no card, because:"
        yield from (f"  {count:4}  {reason}" for reason, count in _top(came["no_card"]))
    yield from _labels(came["labelled"])
    if llm["requests"] or llm["cached"]:
        cost = "price unknown" if llm["cost_usd"] is None else dollars(llm["cost_usd"])
        yield (
            f"requests {llm['requests']}, {llm['cached']} remembered; "
            f"tokens {llm['tokens_in']:,} in, {llm['tokens_out']:,} out; {cost}"
        )


def _top(counts: dict[str, int]) -> list[tuple[str, int]]:
    return list(counts.items())[:_SHOWN]


def _labels(labelled: dict[str, int]) -> Iterator[str]:
    if labelled["deserving"]:
        yield f"deserve a card: {labelled['deserving']}, have one: {labelled['deserving_carded']}"
    if labelled["undeserving"]:
        yield f"deserve none: {labelled['undeserving']}, left alone: {labelled['left_alone']}"


# --- rated ----------------------------------------------------------------------------------


def rated(found: dict[str, Any]) -> Iterator[str]:
    """What filled sheets come to."""
    for sheet in found["sheets"]:
        yield _sheet(sheet)
    yield ""
    yield from _tiers(found["cards"])
    if len(found["sheets"]) > 1:
        for sheet in found["sheets"]:
            yield f"  {sheet['file']}: {_shares(sheet['cards'])}"
    yield _published(found["published"])
    yield "\nfailures:"
    for name, one in found["failures"].items():
        yield f"  {name.replace('_', ' '):20} {one['failed']:4} of {one['rated']:4} {_percent(one['share']):>8}"
    for title, groups in found["by"].items():
        if title != "drafter" or groups != found["by"]["origin"]:
            yield from _groups(title, groups)
    if found["blocked"]["rated"]:
        yield f"\nwhat the checks blocked: {_shares(found['blocked'])}"
    yield from _coverages(found["coverage"])
    yield from _agreements(found["agreement"])


def _sheet(sheet: dict[str, Any]) -> str:
    words = f"{sheet['file']}: {sheet['items']} items, {sheet['rated']} rated"
    if sheet["partly"]:
        words += f", {sheet['partly']} in part (not counted)"
    if sheet["blank"]:
        words += f", {sheet['blank']} not at all"
    return words if sheet["key"] else f"{words}; no key was found: nothing is known of origins"


_MEANS = {
    Tier.READY: "ready: all eight hold",
    Tier.POLISH: "needs polish: only 5 or 8 fail",
    Tier.REWRITE: "needs rewriting: 1, 3, 4 or 7 fails",
    Tier.OFF: "off: not on target or not correct",
}


def _tiers(cards: dict[str, Any]) -> Iterator[str]:
    total = cards["rated"]
    for tier, means in _MEANS.items():
        part = cards[tier.value] / total if total else None
        yield f"{tier.value}  {cards[tier.value]:4} {_percent(part):>8}  {means}"
    yield f"ready {_percent(cards['ready'])}, usable (T2 + T3) {_percent(cards['usable'])} of {total}"


def _published(known: dict[str, Any]) -> str:
    return (
        f"  to compare: {known['name']} ({known['by']}): ready {_percent(known['ready'])}, "
        f"usable {_percent(known['usable'])}; {known['what']}, other raters"
    )


def _shares(cards: dict[str, Any]) -> str:
    return (
        f"ready {_percent(cards['ready'])}, usable {_percent(cards['usable'])} of {cards['rated']}"
    )


def _groups(title: str, groups: dict[str, dict[str, Any]]) -> Iterator[str]:
    if not groups:
        return
    yield f"\nby {title}:" if title != "found" else "\nby what the checks had found:"
    for name, cards in list(groups.items())[:_SHOWN]:
        yield f"  {name[:44]:44} {_shares(cards)}"


def _coverages(coverage: list[dict[str, Any]]) -> Iterator[str]:
    for one in coverage:
        yield f"\ncoverage ({one['file']}):"
        yield (
            f"  deserve a card: {one['deserving']}, have a ready one: {one['with_ready_card']} "
            f"({_percent(one['coverage'])}), have any: {one['with_any_card']}"
        )
        yield (
            f"  deserve none: {one['undeserving']}, left alone: {one['left_alone']} "
            f"({_percent(one['left_alone_share'])})"
        )
        if one["missed_says_rater"]:
            yield f"  left alone, but the rater wants a card: {one['missed_says_rater']}"


_BETWEEN = {"with_oneself": "of raters with themselves", "between_raters": "between raters"}


def _agreements(agreement: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name, found in agreement.items():
        if found["cards"]:
            yield f"\nagreement {_BETWEEN[name]}, {found['cards']} cards:"
            for what in ("answers", "ready"):
                one = found[what]
                kappa = "says nothing" if one["kappa"] is None else f"{one['kappa']:.2f}"
                yield f"  {what:8} {_percent(one['same'])} alike, κ {kappa} ({one['pairs']} pairs)"


def _percent(part: float | None) -> str:
    return "–" if part is None else f"{100 * part:.1f} %"
