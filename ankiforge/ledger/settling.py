"""Write the changes of a decision, and settle the drafts about the same sentences.

A decision is two events: itself, and `fact` with the sentences that it decides. The drafts of its
own passage go at once (`Decided.gone`); those of other passages with its sentences when they are
read next (`Ledger.settle`), once for all decisions of an action.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from ankiforge.ledger import belonging, facts
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.decided import Decided, settled_again
from ankiforge.ledger.events import PERSON, PROPOSAL, Event, decides_own
from ankiforge.ledger.here import PassageHere
from ankiforge.ledger.store import Store, Unsettled
from ankiforge.ledger.tables import highlights, sentences, waiting
from ankiforge.ledger.tables.here import passages_here


def write(store: Store, changes: Decided) -> Event:
    """Record a decision with its changes; return its event."""
    before = store.events_recorded
    here, event = changes.here, changes.event
    recorded = store.add(event.what, event.key, event.by, event.body)
    store.add("fact", event.key, event.by, {"of": recorded.id, **changes.fact})
    is_own = decides_own(event) or bool(event.body.get(PROPOSAL))
    sentences.note_decided(store, event.key, changes.sentences, own=is_own)
    if event.by == PERSON:  # `undo` lets them wait again
        waiting.put_away(store, changes.gone, recorded)
    else:
        waiting.drop(store, changes.gone)
    waiting.ask(store, changes.asks)
    if changes.lacks_drafts:
        highlights.ask_rules_again(store, here.passage.keys)

    decided_now = facts.names_of_long(changes.sentences)
    store.unsettle(here.passage.key, decided_now)
    if store.first(event.key) == here.passage.key:
        _leave_out(store, here, before, names=decided_now)
    return recorded


def record_event(store: Store, event: Event, here: PassageHere | None = None) -> None:
    """Record an event of a person about a card or a passage that decides no fact.

    `here`: the passage, if it was read ahead.
    """
    before = store.events_recorded
    store.add(event.what, event.key, event.by, event.body)
    if here is not None:
        _leave_out(store, here, before, also=event.body.get("old", ""))


def _leave_out(
    store: Store,
    here: PassageHere,
    before: int,
    *,
    names: Iterable[str] = (),
    also: str = "",
) -> None:
    """Drop passages read ahead that events about a passage may have changed.

    Args:
        store: the store.
        here: the passage before them.
        before: the number of events recorded before them.
        names: of the long sentences that these events decided.
        also: the key of another passage that they are about.
    """
    if store.ahead is None:
        return
    decided_before = [each for fact in here.passage.decisions for each in fact.sentences]
    all_names = {*names, *facts.names_of_long(decided_before)}
    keys = [store.first(key) for key in (here.passage.key, also) if key]
    store.ahead.leave_out(keys, all_names, before, store.events_recorded)


def requeue(store: Store, events: Sequence[Event]) -> None:
    """Draft passages again on which another machine decided; drop the drafts it settled."""
    decisions = ("accept", "adopt", "reject", "skip", "undo", "different", "retire")
    with store.transaction():
        decided_on = sorted({event.key for event in events if event.what in decisions})
        for key in decided_on:
            highlights.draft_again(store, store.keys(key))
            if key.startswith("tool:"):
                belonging.draft_again(store, key)
        # what fails is settled when it is drafted
        store.attempt_all(decided_on, lambda keys: unsettle(store, keys))


def unsettle(store: Store, keys: Iterable[str]) -> None:
    """Have passages settled whose decisions changed, and those that share their sentences."""
    changed = list(keys)
    for key in changed:
        store.unsettle(key, itself=True)
    for event in store.events(store.keys_of(changed)):
        if event.what == "fact":
            names = facts.names_of_long(event.body["sentences"])
            store.unsettle(event.key, names)


def settle(store: Store, unsettled: Unsettled) -> None:
    """Drop the drafts that no longer wait after decisions on other passages, or as undone.

    The rules are asked again if a fact is offered that has no draft.
    """
    firsts = dict(unsettled.passages)
    for first, names in sentences.standing_in(store, unsettled.deciding).items():
        # a decision settled its own passage itself
        if any(unsettled.deciding[name] - {first} for name in names):
            firsts[first] = None
    for part in in_batches(firsts):
        store.load(part)
        passages = [store.passage(first) for first in part]
        changes = [
            settled_again(here, store.machine) for here in passages_here(store, passages)
        ]
        gone = [id for change in changes for id in change.gone]
        waiting.drop(store, gone)
        waiting.ask(store, [asks for change in changes for asks in change.asks])
        lacking = [each.here.passage.keys for each in changes if each.lacks_drafts]
        highlights.ask_rules_again(store, chain.from_iterable(lacking))
