"""Which highlights a pass is to draft, and which of them must stay on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from ankiforge.config.deckfiles import DeckRule, deck_of
from ankiforge.draft import NO_LLM, for_rules, private, set_aside
from ankiforge.ledger import Ledger
from ankiforge.ledger.queries import BY_HAND
from ankiforge.model import (
    ELSEWHERE,
    Brief,
    Card,
    Document,
    Draft,
    Guid,
    Highlight,
    HighlightKey,
    RunId,
    Standing,
    Task,
    Verdict,
)
from ankiforge.text.fold import fold

LONG_ENOUGH = 20
"""Letters in which two passages do not agree by chance."""


def pending(ledger: Ledger, scope: RunId | None, drafter: str) -> Iterator[Task]:
    """What wants a draft; what another tool has put into Anki says so.

    Unless it has a card here: what was drafted before that was known stays.
    """
    ledger.foreign.free()
    for task in ledger.queries.to_draft(scope, drafter):
        yield replace(task, highlights=tuple(_elsewhere(ledger, one) for one in task.highlights))


def _elsewhere(ledger: Ledger, highlight: Highlight) -> Highlight:
    number = highlight.other_note
    if not number or not ledger.foreign.holds(number) or ledger.cards.of_highlight(highlight.key):
        return highlight
    return replace(highlight, skip=f"{ELSEWHERE} (note {number})")


def unwritten(
    ledger: Ledger,
    scope: RunId | None,
    drafter: str,
    limit: int | None = None,
    only: frozenset[HighlightKey] = frozenset(),
    decks: tuple[DeckRule, ...] = (),
    *,
    late: bool = False,
    once: bool = False,
) -> Iterator[Task]:
    """What is pending for a drafter, but for the cards people wrote by hand.

    At most `limit` highlights (None = all), and `only` these (none = all). Each task has the brief
    that `decks` (none = no wishes) give its highlights. Beyond what one run has read (`scope`),
    passages of sources that the workspace reads no more are left out, unless an answer to them may
    come `late`. `once`: of equal passages of one title only the first.
    """
    secrets = _Secrets(ledger)
    tasks = share(pending(ledger, scope, drafter), only, by_hand=False)
    if scope is None and not late:
        tasks = _in_use(ledger, tasks)
    if once:
        tasks = _each_once(ledger, tasks, drafter)
    if drafter != BY_HAND:
        tasks = _wanted(ledger, tasks)
    limited = _limited((secrets.kept(task) for task in tasks), limit)
    return (part for task in limited for part in briefed(task, decks))


def _in_use(ledger: Ledger, tasks: Iterable[Task]) -> Iterator[Task]:
    """Without the passages that stand only in sources that were once read and are no more."""
    dropped = ledger.roots.dropped()
    for task in tasks:
        left = task.highlights
        if dropped:
            left = tuple(h for h in left if not ledger.roots.is_dropped(h.key, dropped))
        if left:
            yield replace(task, highlights=left)


def _each_once(ledger: Ledger, tasks: Iterable[Task], drafter: str) -> Iterator[Task]:
    """Without passages that an earlier one of the same title equals, or that was answered so."""
    seen: set[tuple[str, ...]] = set()
    for task in tasks:
        left = []
        for highlight in task.highlights:
            same = _said(highlight)
            others = ledger.queries.answered_alike(highlight.key, drafter)
            if same not in seen and same not in map(_said, others):
                left.append(highlight)
            seen.add(same)
        if left:
            yield replace(task, highlights=tuple(left))


def _said(highlight: Highlight) -> tuple[str, ...]:
    """What a passage is asked by: equal passages get equal cards."""
    words = fold(highlight.exact) or highlight.key
    return (words, fold(highlight.comment), repr(highlight.gaps), fold(highlight.document.title))


def again(
    ledger: Ledger,
    keys: Iterable[HighlightKey],
    decks: tuple[DeckRule, ...],
    remark: str = "",
    limit: int | None = None,
) -> Iterator[Task]:
    """Passages for which a person asks again: what is drawn stands beside what there is."""
    secrets = _Secrets(ledger)
    tasks = (secrets.kept(task) for task in ledger.queries.to_redraft(keys))
    for task in _limited(tasks, limit):
        yield from briefed(replace(task, remark=remark, beside=True), decks)


def in_place_of(
    ledger: Ledger,
    cards: Iterable[tuple[Guid, str]],
    decks: tuple[DeckRule, ...],
    limit: int | None = None,
) -> Iterator[Task]:
    """The passages of cards that fail, each with what is told of that; at most `limit` (None = all)."""
    for guid, remark in islice(cards, limit):
        key = ledger.cards.get(guid).highlight.key
        for task in again(ledger, [key], decks, remark):
            yield replace(task, instead=guid)


def unmended(
    ledger: Ledger, model: str, decks: tuple[DeckRule, ...]
) -> Iterator[tuple[Task, tuple[Draft, ...]]]:
    """Highlights of which a check forbids a card that this model drew and was not asked to mend.

    A task each, with its drafts; none on whose cards a person has decided anything.
    """
    secrets = _Secrets(ledger)
    marked: dict[HighlightKey, list[Card]] = {}
    for card in ledger.cards.all():
        if card.standing is Standing.LIVE:
            marked.setdefault(card.highlight.key, []).append(card)
    for cards in marked.values():
        drafts = tuple(one.draft for card in cards for one in card.candidates)
        if all(_open(card, model) for card in cards) and any(card.blocked for card in cards):
            highlight = cards[0].highlight
            task = secrets.kept(Task(highlight.document, (highlight,)))
            yield from ((part, drafts) for part in briefed(task, decks))


def _open(card: Card, model: str) -> bool:
    """Whether a card waits as this model first drew it."""
    if card.verdict is not Verdict.PENDING or card.edited:
        return False
    origins = [(one.draft.origin, one.draft.attempts) for one in card.candidates]
    return all(origin.model == model and origin.request and not tried for origin, tried in origins)


def briefed(task: Task, decks: tuple[DeckRule, ...]) -> Iterator[Task]:
    """A task's highlights by what the deck files ask of them, in the order of the passages."""
    if not decks:
        yield task
        return
    discreet = task.discreet or any(private(highlight) for highlight in task.highlights)
    parts: dict[Brief, list[Highlight]] = {}
    for highlight in task.highlights:
        parts.setdefault(brief_of(decks, task.document, highlight), []).append(highlight)
    for brief, highlights in parts.items():
        yield replace(task, highlights=tuple(highlights), brief=brief, discreet=discreet)


def brief_of(decks: tuple[DeckRule, ...], document: Document, highlight: Highlight) -> Brief:
    """What the first deck file that fits asks of a highlight's cards."""
    choice = deck_of(decks, document, highlight)
    return Brief(choice.prompt, choice.kinds, choice.action.value)


def _wanted(ledger: Ledger, tasks: Iterable[Task]) -> Iterator[Task]:
    """Without the passages whose every card a person has rejected."""
    for task in tasks:
        left = tuple(h for h in task.highlights if not ledger.recorder.leave_rejected(h))
        if left:
            yield replace(task, highlights=left)


class _Secrets:
    """All that must stay on this machine, pending or not."""

    def __init__(self, ledger: Ledger) -> None:
        found = [one for one in ledger.highlights.mentioning(NO_LLM) if private(one)]
        words = (fold(one.exact) for one in found)
        self._words = frozenset(folded for folded in words if len(folded) >= LONG_ENOUGH)
        self._documents = frozenset(one.document.key for one in found)

    def kept(self, task: Task) -> Task:
        """What is private by one route is so by each; the text around others may hold it."""
        marks = tuple(self._marked(highlight) for highlight in task.highlights)
        return replace(task, highlights=marks, discreet=task.document.key in self._documents)

    def _marked(self, highlight: Highlight) -> Highlight:
        text = fold(highlight.exact)
        if text not in self._words and not any(word in text for word in self._words):
            return highlight
        return replace(highlight, tags=(*highlight.tags, NO_LLM))


def _limited(tasks: Iterator[Task], limit: int | None) -> Iterator[Task]:
    """Up to `limit` highlights that will be drafted; those set aside cost nothing."""
    left = limit
    for task in tasks if left != 0 else ():
        taken = []
        for highlight in task.highlights:
            if left == 0:
                break
            taken.append(highlight)
            if left is not None and not set_aside(highlight) and not private(highlight):
                left -= 1
        if taken:
            yield replace(task, highlights=tuple(taken))
        if left == 0:
            return


def share(tasks: Iterable[Task], only: frozenset[HighlightKey], *, by_hand: bool) -> Iterator[Task]:
    """What the rules draw in any case, or all the rest; `only` these (none = all)."""
    for task in tasks:
        wanted = (h for h in task.highlights if not only or h.key in only)
        mine = tuple(h for h in wanted if for_rules(h) is by_hand)
        if mine:
            yield replace(task, highlights=mine)
