"""The figures as one JSON object; what is not known is null."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ankiforge.model.retention import Answers
from ankiforge.reports.stats.counting import Statistics, load_of
from ankiforge.reports.stats.drawing import Cost, Drawing, Outcome
from ankiforge.reports.stats.groups import FEW, Group
from ankiforge.reports.stats.hints import missing

_DIGITS = 4


def as_json(found: Statistics, program: str) -> dict[str, Any]:
    """The whole of it. Shares are from 0 to 1, times seconds, days as `2026-11-21`."""
    choice, look = found.choice, found.look
    return {
        "as_of": look.taken_at if look else None,
        "today": found.days.today.isoformat(),
        "choice": {
            "deck": choice.deck,
            "query": choice.query,
            "since": choice.since.isoformat() if choice.since else None,
        },
        "funnel": _way(found),
        "drafting": [_drawing(one) for one in found.drawings.sorted],
        "reasons": dict(found.drawings.reasons.most_common()),
        "cost": _all_cost(found),
        "anki": {
            **group_json(found.total),
            "first": found.first.isoformat() if found.first else None,
            "last": found.last.isoformat() if found.last else None,
            "days": {} if found.total.series is None else {
                day.isoformat(): many for day, many in sorted(found.total.series.days.items())
            },
        },
        "by": {
            name: [{"name": one.name, **group_json(one)} for one in groups]
            for name, groups in found.groups.items()
        },
        "load": _load(found),
        "few": FEW,
        "missing": missing(found, program),
    }  # fmt: skip


def _way(found: Statistics) -> dict[str, Any]:
    way = found.way
    return {
        "highlights": way.highlights,
        "fates": {fate.value: way.fates[fate] for fate in sorted(way.fates)},
        "drafts": way.drafts,
        "accepted": way.accepted,
        "in_anki": way.in_anki,
        "mature": way.mature,
    }


def _drawing(one: Drawing) -> dict[str, Any]:
    return {
        "drafter": one.drawn.drafter,
        "model": one.drawn.model,
        "prompt": one.drawn.prompt,
        "cards": one.cards,
        **{outcome.value: one.outcomes[outcome] for outcome in Outcome},
        "by_policy": one.by_policy,
        "edited": one.edited,
        "accepted_share": _rounded(one.share),
        "reasons": dict(one.reasons.most_common()),
        **_cost(one.cost),
        "cost_per_accepted_usd": _rounded(one.each_usd, 6),
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "requests": cost.requests,
        "tokens_in": cost.tokens_in,
        "tokens_out": cost.tokens_out,
        "cost_usd": _rounded(cost.usd, 6),
    }


def _all_cost(found: Statistics) -> dict[str, Any]:
    return {
        **_cost(found.drawings.cost),
        "unknown_prices": found.drawings.unpriced,
        "cost_per_accepted_usd": _rounded(found.drawings.each_usd, 6),
        "shared": found.choice.partly,
    }


def group_json(group: Group) -> dict[str, Any]:
    """Cards in Anki, and the answers to them."""
    answers = group.answers
    return {
        "label": group.label,
        "notes": group.counts.notes,
        "cards": group.counts.cards,
        "new": group.counts.new,
        "learning": group.counts.learning,
        "young": group.counts.young,
        "mature": group.counts.mature,
        "suspended": group.counts.suspended,
        "leeches": group.counts.leeches,
        "lapses": group.counts.lapses,
        "difficulty": _rounded(group.difficulty.value),
        "ease": _rounded(group.ease.value),
        "remembered_now": _rounded(group.recall.value),
        "answers": answers.given,
        "seconds": _rounded(answers.seconds, 1),
        "seconds_each": _rounded(answers.seconds_each, 1),
        **_retention(answers, group.few),
        "months": {
            month: {"answers": one.given, **_retention(one, one.tested < FEW)}
            for month, one in sorted(group.series.months.items())
        } if group.series else {},
        "load": load_of(group) if group.series and group.series.load else [],
    }  # fmt: skip


def _retention(answers: Answers, few: bool) -> dict[str, Any]:
    return {
        "retention": _rounded(answers.retention),
        "young_tested": answers.young,
        "young_remembered": answers.young_passed,
        "mature_tested": answers.mature,
        "mature_remembered": answers.mature_passed,
        "few": few,
    }


def _load(found: Statistics) -> dict[str, Any] | None:
    if not found.dated:
        return None
    today = found.days.today
    return {
        "overdue": found.overdue,
        "days": [
            {"day": (today + timedelta(days=n)).isoformat(), "cards": many}
            for n, many in enumerate(found.load)
        ],
    }


def _rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    return None if value is None else round(value, digits)
