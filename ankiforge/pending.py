"""Select the highlights to draft, and mark those that must not be sent to a model."""

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
"""Folded characters from which two passages are not equal by chance."""


def pending(ledger: Ledger, scope: RunId | None, drafter: str) -> Iterator[Task]:
    """Return the highlights that need a draft; those with another tool's note in Anki are marked skipped.

    A highlight that has a card here is not skipped: it was drafted before that note was known.
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
    """Return what is pending for a drafter, without cards that people wrote by hand.

    Args:
        ledger: to query.
        scope: the run whose highlights to draft; None = all, without passages of sources that the
            workspace no longer reads.
        drafter: its name.
        limit: how many highlights to return; None = all.
        only: return only these; empty = all.
        decks: the deck files, which give each task its brief.
        late: include passages of sources no longer read, because answers to them may still arrive.
        once: of equal passages with the same title, return only the first.
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
    """Drop passages that stand only in sources which the workspace no longer reads."""
    dropped = ledger.roots.dropped()
    for task in tasks:
        left = task.highlights
        if dropped:
            left = tuple(h for h in left if not ledger.roots.is_dropped(h.key, dropped))
        if left:
            yield replace(task, highlights=left)


def _each_once(ledger: Ledger, tasks: Iterable[Task], drafter: str) -> Iterator[Task]:
    """Drop passages that equal an earlier one of the same title, or for which one has an answer."""
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
    """Return what identifies the request for a passage: equal passages get equal cards."""
    words = fold(highlight.exact) or highlight.key
    return (words, fold(highlight.comment), repr(highlight.gaps), fold(highlight.document.title))


def again(
    ledger: Ledger,
    keys: Iterable[HighlightKey],
    decks: tuple[DeckRule, ...],
    remark: str = "",
    limit: int | None = None,
) -> Iterator[Task]:
    """Return tasks for passages that a person wants redrafted; the drafts are added to their cards."""
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
    """Return tasks that draft replacements of problem cards, each (guid, remark)."""
    for guid, remark in islice(cards, limit):
        key = ledger.cards.get(guid).highlight.key
        for task in again(ledger, [key], decks, remark):
            yield replace(task, instead=guid)


def unmended(
    ledger: Ledger, model: str, decks: tuple[DeckRule, ...]
) -> Iterator[tuple[Task, tuple[Draft, ...]]]:
    """Return tasks with their drafts where a check blocks a draft that the model never had to repair.

    Highlights about whose cards a person has decided are left out.
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
    """Return whether a card is pending as this model first drafted it."""
    if card.verdict is not Verdict.PENDING or card.edited:
        return False
    origins = [(one.draft.origin, one.draft.attempts) for one in card.candidates]
    return all(origin.model == model and origin.request and not tried for origin, tried in origins)


def briefed(task: Task, decks: tuple[DeckRule, ...]) -> Iterator[Task]:
    """Split a task by the briefs that the deck files give its highlights, in reading order."""
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
    """Return what the first matching deck file asks for."""
    choice = deck_of(decks, document, highlight)
    return Brief(choice.prompt, choice.kinds, choice.action.value)


def _wanted(ledger: Ledger, tasks: Iterable[Task]) -> Iterator[Task]:
    """Drop passages whose every card a person rejected."""
    for task in tasks:
        left = tuple(h for h in task.highlights if not ledger.recorder.leave_rejected(h))
        if left:
            yield replace(task, highlights=left)


class _Secrets:
    """The passages that must stay on this machine, whether or not they are pending."""

    def __init__(self, ledger: Ledger) -> None:
        found = [one for one in ledger.highlights.mentioning(NO_LLM) if private(one)]
        words = (fold(one.exact) for one in found)
        self._words = frozenset(folded for folded in words if len(folded) >= LONG_ENOUGH)
        self._documents = frozenset(one.document.key for one in found)

    def kept(self, task: Task) -> Task:
        """Mark a task's passages private if any location is; the text around others may contain them."""
        marks = tuple(self._marked(highlight) for highlight in task.highlights)
        return replace(task, highlights=marks, discreet=task.document.key in self._documents)

    def _marked(self, highlight: Highlight) -> Highlight:
        text = fold(highlight.exact)
        if text not in self._words and not any(word in text for word in self._words):
            return highlight
        return replace(highlight, tags=(*highlight.tags, NO_LLM))


def _limited(tasks: Iterator[Task], limit: int | None) -> Iterator[Task]:
    """Yield at most `limit` highlights to be drafted; skipped ones and those not sent do not count."""
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
    """Return the highlights that the rules draft in any case (`by_hand`), or all others."""
    for task in tasks:
        wanted = (h for h in task.highlights if not only or h.key in only)
        mine = tuple(h for h in wanted if for_rules(h) is by_hand)
        if mine:
            yield replace(task, highlights=mine)
