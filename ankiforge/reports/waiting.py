"""Why cards wait for a person: the finding, or the policy, that keeps each from being accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ankiforge import check
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import AT_ONCE
from ankiforge.ledger.placing import FLOOD
from ankiforge.model import Card, HighlightKey, RunId, Severity, Standing, Verdict

CHOICE, FLOODED, MODEL, POLICY = "choice", "flood", "model", "policy"
"""Reasons other than a finding, as `--json` names them."""
LINES = 5
"""Reasons that a run tells one by one."""
_SAYS = {
    CHOICE: "several drafts to choose from",
    FLOODED: f"more than {FLOOD} clean cards at once",
    MODEL: "a model drafted them, and its cards wait for a person",
    POLICY: "clean, and not accepted without a person",
    "loose_term": "`Term: text` lines that may be prose",
    "inline_field": "`a:: b` lines that may be prose or fields",
    "phrase_gt5w": "long marked phrases that may be mere emphasis",
    "phrase_outside_vault": "words marked in a document that may be mere emphasis",
    "duplicate": "cards that ask what another card asks",
    "low_confidence": "guesses of the offline rules",
}
_RULES = {rule.id: rule.says.rstrip(":") for rule in check.RULES}


@dataclass(frozen=True, slots=True)
class Reason:
    """Cards that wait for the same reason."""

    name: str
    """The id of a finding, or `choice`, `flood`, `model`, `policy`."""
    cards: tuple[Card, ...]

    @property
    def says(self) -> str:
        """The reason in words."""
        return _SAYS.get(self.name) or f"{_RULES.get(self.name, 'a check warns')} ({self.name})"

    @property
    def command(self) -> tuple[str, str]:
        """What deals with all of them at once: (what it does, the command); of a flood a run tells."""
        match self.name:
            case "choice":
                return "choose", "review"
            case "flood":
                return "", ""
            case "policy":
                return "accept them all", 'accept --all --filter "drafter:rules"'
            case "model":
                return "accept them all", 'accept --all --filter "-drafter:rules"'
        return "reject them all", f'reject --all --filter "verdict:pending finding:{self.name}"'


def reasons(ledger: Ledger, run: RunId | None) -> tuple[Reason, ...]:
    """Return why the cards of a run (or all) wait, the commonest reason first."""
    guids = ledger.queries.waiting(run)
    cards = [
        card
        for start in range(0, len(guids), AT_ONCE)
        for card in ledger.cards.several(guids[start : start + AT_ONCE])
    ]
    common = Counter(name for card in cards for name in _warnings(card))
    groups: dict[str, list[Card]] = {}
    for card in cards:
        groups.setdefault(_reason(card, common), []).append(card)
    found = (Reason(name, tuple(members)) for name, members in groups.items())
    return tuple(sorted(found, key=lambda one: (-len(one.cards), one.name)))


def keys_of(found: Iterable[Reason]) -> dict[HighlightKey, Reason]:
    """Return the reason for each highlight whose card waits."""
    by_key: dict[HighlightKey, Reason] = {}
    for reason in found:
        for card in reason.cards:
            for highlight in (card.highlight, *card.also):
                by_key.setdefault(highlight.key, reason)
    return by_key


def why(card: Card) -> str:
    """Return why a card waits, in words; "" if it does not, or if its findings say it."""
    waits = card.verdict is Verdict.PENDING and card.standing is Standing.LIVE
    if not waits or card.blocked or _warnings(card):
        return ""
    return Reason(_reason(card, Counter()), (card,)).says


def _reason(card: Card, common: Counter[str]) -> str:
    if len(card.to_choose) > 1:
        return CHOICE
    if warnings := sorted(_warnings(card), key=lambda name: (-common[name], name)):
        return warnings[0]
    if card.waits:
        return card.waits
    return POLICY if card.leading.draft.origin.drafter.startswith("rules") else MODEL


def _warnings(card: Card) -> frozenset[str]:
    return frozenset(_warned(card))


def _warned(card: Card) -> Iterator[str]:
    return (one.check for one in card.leading.findings if one.severity is Severity.WARN)
