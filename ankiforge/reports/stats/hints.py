"""What is not known, and how to get it."""

from __future__ import annotations

from datetime import datetime

from ankiforge.reports.stats.counting import Statistics

_OLD_DAYS = 7


def missing(found: Statistics, program: str) -> list[str]:
    """In words, each with the command that helps; [] if all is known."""
    if found.choice.partly and not found.way.drafts and not found.total.known:
        return [f"no card is meant by that: {program} stats tells of all"]
    return [*_of_anki(found, program), *_of_drafting(found)]


def _of_anki(found: Statistics, program: str) -> list[str]:
    if found.look is None:
        return [f"Anki was never looked at: how cards fare there is not known. {program} pull"]
    told = []
    age = found.days.now - datetime.fromisoformat(found.look.taken_at).timestamp()
    if age > _OLD_DAYS * 86_400:
        told.append(f"the last look at Anki was {age / 86_400:.0f} days ago: {program} pull")
    if not found.total.counts.cards:
        told.append(f"none of these cards is in Anki yet: import the package, then {program} pull")
    elif not found.total.answers.given:
        told.append(f"no answers are known: study in Anki, then {program} pull")
    if found.total.counts.cards and not found.dated:
        told.append(
            "when cards come is not known: the last look did not tell how Anki counts days."
            f" {program} pull --collection FILE"
        )
    return told


def _of_drafting(found: Statistics) -> list[str]:
    told = []
    if found.drawings.unpriced:
        names = ", ".join(found.drawings.unpriced)
        told.append(f"the price of {names} is not known: prices.yaml or llm.price_usd may name it")
    if found.choice.partly:
        told.append("highlights are told of all cards only")
    return told
