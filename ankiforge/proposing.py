"""What is found on cards after they were drafted: told as findings, for a person to see in review.

A note that somebody adds to Anki may repeat a card of long ago; words may be changed there. What
the checks say of that is added to what is known of the card, as a warning at most: no verdict
changes by it, and what is accepted stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ankiforge import check
from ankiforge.anki.content import content_hash
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.unrender import unrender
from ankiforge.check import clozes, filler, unfinished, wording
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards.values import letter_of
from ankiforge.ledger.deciding.pairs import NOTE, PAIRED
from ankiforge.model import Card, Draft, Finding, Origin, Seen, Severity, Standing, Verdict
from ankiforge.resembling import judge_anew, twins_of

_AT_ONCE = 200
"""Cards whose findings are stored in one transaction."""
_WORDING = frozenset(
    rule.id for rule in (*clozes.RULES, *wording.RULES, *filler.RULES, *unfinished.RULES)
)
"""Whoever accepted a card has seen how it is worded."""


@dataclass(slots=True)
class Proposed:
    """What is new."""

    pairs: int = 0
    """Of cards, or of a card and a note of others, that are called alike."""
    findings: int = 0
    """Others, of what a card says."""
    cards: int = 0
    """That any of these are about."""


def propose(
    ledger: Ledger,
    limits: check.Limits,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Proposed:
    """Judge anew every accepted card that was seen in Anki, and keep what was not known.

    Args:
        ledger: that has taken in a look at Anki.
        limits: of the checks.
        within: whether a deck is meant, of those in which cards are in Anki.
        step: told of the number of cards so far.
    """
    judge_anew(ledger)
    judge = _Judge(ledger, limits)
    made, waiting = Proposed(), []
    for count, card in enumerate(ledger.cards.all(), start=1):
        step(count)
        seen = ledger.views.seen(card.guid) if _stands(card) else None
        new = judge.news_of(card, seen) if seen and within(seen.deck or card.deck) else ()
        if new:
            waiting.append((card, new))
            made.cards += 1
            made.pairs += sum(one.check in PAIRED for one in new)
            made.findings += sum(one.check not in PAIRED for one in new)
    _keep(ledger, waiting)
    return made


def _stands(card: Card) -> bool:
    return card.standing is Standing.LIVE and card.verdict is Verdict.ACCEPTED and card.anki.there


def _keep(ledger: Ledger, waiting: list[tuple[Card, tuple[Finding, ...]]]) -> None:
    for start in range(0, len(waiting), _AT_ONCE):
        with ledger.unit():
            for card, new in waiting[start : start + _AT_ONCE]:
                letter = letter_of(card.leading)
                before = ledger.cards.findings(card.guid, letter)
                ledger.cards.set_findings(card.guid, letter, (*before, *new))


class _Judge:
    """Knows what was said already, and what was settled."""

    def __init__(self, ledger: Ledger, limits: check.Limits) -> None:
        self._ledger = ledger
        self._limits = limits
        self._twins = twins_of(ledger)
        self._pairs = {frozenset(pair) for pair in ledger.queues.twins()}
        self._pairs |= ledger.accounts.distinct()

    def news_of(self, card: Card, seen: Seen) -> tuple[Finding, ...]:
        """What the checks say of a card today, and nobody has been told."""
        draft = _as_in_anki(card, seen)
        context = check.Context(card.highlight, self._twins, limits=self._limits)
        known = {one.check for one in card.leading.findings}
        return tuple(self._new(card, check.check(draft, context), known))

    def _new(self, card: Card, found: Iterable[Finding], known: set[str]) -> Iterator[Finding]:
        for one in found:
            mild = replace(one, severity=min(one.severity, Severity.WARN, key=_GRAVITY.index))
            if one.severity is Severity.INFO:
                continue
            if one.check in PAIRED:
                pair = frozenset((card.guid, one.twin.partition(".")[0]))
                if pair not in self._pairs and self._is_other(card, one.twin):
                    self._pairs.add(pair)
                    yield mild
            elif one.check not in known and one.check not in _WORDING:
                yield mild

    def _is_other(self, card: Card, twin: str) -> bool:
        """Whether a twin is no card of the same passages, nor one of the same choice."""
        if twin.startswith(NOTE):
            return True
        other = self._ledger.cards.get(twin.partition(".")[0])
        mine = {one.key for one in (card.highlight, *card.also)}
        return mine.isdisjoint(one.key for one in (other.highlight, *other.also))


def _as_in_anki(card: Card, seen: Seen) -> Draft:
    """The words that are studied: those a person typed there, where one did."""
    draft = replace(card.leading.draft, fields=card.fields)
    if seen.type_id and _is_edited(card, seen):
        names = dict(zip(note_type(card.family).fields, seen.fields, strict=False))
        shown = ((name, unrender(names.get(name, ""))) for name in card.family.content_fields)
        words = tuple((name, text) for name, text in shown if text)
        return replace(draft, fields=words, origin=_PERSON)
    return replace(draft, origin=_PERSON) if card.edited else draft


_GRAVITY = tuple(Severity)
_PERSON = Origin("person")


def _is_edited(card: Card, seen: Seen) -> bool:
    """Whether the note says other words than any revision of ours that it may carry."""
    return bool(seen.content) and content_hash(card.family, list(seen.fields)) != seen.content
