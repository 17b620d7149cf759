"""Check cards again after they were drafted, and store new findings for review.

`recheck_named` checks pairs of cards again after one of them was reworded. `propose` checks every
accepted card: a person may have added a note to Anki that repeats it, or edited it there. Its
findings are warnings at most: no verdict changes, accepted cards stay accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ankiforge import check
from ankiforge.anki.identity import content_hash
from ankiforge.anki.notetypes import note_type
from ankiforge.anki.unrender import unrender
from ankiforge.check import DuplicateIndex
from ankiforge.ledger import Ledger
from ankiforge.ledger.cards import NOTE, PAIRED, letter_of
from ankiforge.model import (
    Card,
    Draft,
    Finding,
    Guid,
    HighlightKey,
    Origin,
    Seen,
    Severity,
    Standing,
    Verdict,
)

_AT_ONCE = 200
"""Cards whose findings are stored in one transaction."""
_WORDING = check.ids("clozes", "questions", "filler", "unfinished")
"""Wording checks are left out: whoever accepted a card has seen its wording."""


# --- pairs of which one card was reworded -----------------------------------------------------


def recheck_named(ledger: Ledger) -> None:
    """Check again the pairs of which one card, or note of another tool, was reworded."""
    changed = ledger.duplicates.reworded()
    if not changed:
        return
    with ledger.unit():
        for id in changed:
            words = ledger.duplicates.draft(id)
            for guid, letter in ledger.duplicates.naming(id) if words else ():
                assert words is not None
                _recheck_pair(ledger, guid, letter, id, words)
            ledger.duplicates.rechecked(id)


def _recheck_pair(ledger: Ledger, guid: Guid, letter: str, id: str, words: Draft) -> None:
    candidates = ledger.cards.get(guid).candidates
    draft = next(one.draft for one in candidates if letter_of(one) == letter)
    index = DuplicateIndex()
    index.add(id, HighlightKey(""), words, ledger.duplicates.where(id))
    found = list(index.near(draft, HighlightKey("")))
    before = ledger.cards.findings(guid, letter)
    named = [one for one in before if one.twin == id and one.check in ("duplicate", "similar")]
    if found != named:
        kept = (one for one in before if one not in named)
        ledger.cards.set_findings(guid, letter, (*kept, *found))


# --- accepted cards ---------------------------------------------------------------------------


@dataclass(slots=True)
class Proposed:
    """What `propose` found."""

    pairs: int = 0
    """Pairs of similar cards, or of a card and a note of another tool."""
    findings: int = 0
    """Other findings, about a card's own text."""
    cards: int = 0
    """Cards with any of these."""


def propose(
    ledger: Ledger,
    limits: check.Limits,
    *,
    within: Callable[[str], bool] = lambda deck: True,
    step: Callable[[int], None] = lambda count: None,
) -> Proposed:
    """Check every accepted card that was seen in Anki, and store the findings that are new.

    Args:
        ledger: synced with Anki.
        limits: of the checks.
        within: whether to check the cards of a deck in Anki.
        step: called with the number of cards so far.
    """
    recheck_named(ledger)
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
    """The checks, without findings that are stored already and pairs on which a person has decided."""

    def __init__(self, ledger: Ledger, limits: check.Limits) -> None:
        self._ledger = ledger
        self._limits = limits
        self._known = DuplicateIndex(ledger.duplicates)
        self._known.refresh()
        self._pairs = {frozenset(pair) for pair in ledger.queries.duplicates()}
        self._pairs |= ledger.queries.not_duplicates()

    def news_of(self, card: Card, seen: Seen) -> tuple[Finding, ...]:
        """Return the findings about a card that are not stored yet."""
        draft = _as_in_anki(card, seen)
        context = check.Context(card.highlight, self._known, limits=self._limits)
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

    def _is_other(self, card: Card, id: str) -> bool:
        """Return whether a finding names a card of other passages."""
        if id.startswith(NOTE):
            return True
        other = self._ledger.cards.get(id.partition(".")[0])
        mine = {one.key for one in (card.highlight, *card.also)}
        return mine.isdisjoint(one.key for one in (other.highlight, *other.also))


def _as_in_anki(card: Card, seen: Seen) -> Draft:
    """Return the text that is studied: a person's edit in Anki, if there is one."""
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
    """Return whether a person edited the note: its text differs from any revision of ours it may hold."""
    return bool(seen.content) and content_hash(card.family, list(seen.fields)) != seen.content
