"""Record the drafts of highlights: read the passages, ask the rules, write what changes.

    here.highlights_here ─▶ record.recorded ─▶ cards that follow ─▶ once more ─▶ waiting.put …

A highlight that cannot be recorded is left as it is; all others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ankiforge.errors import BugError, one_item
from ankiforge.ledger import cards, desk
from ankiforge.ledger.events import content
from ankiforge.ledger.here import HighlightHere
from ankiforge.ledger.record import By, Outcome, Recorded, recorded
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import duplicates, waiting
from ankiforge.ledger.tables.here import highlights_here
from ankiforge.ledger.tables.originals import Originals
from ankiforge.model import Change, Draft, Drafted, Highlight, SearchTerms, Strings, Value


class RecordResult(Value):
    """The result of recording drafts."""

    changes: tuple[Change, ...] = ()
    """The cards that changed, and those that keep their words because a check blocks."""
    new: Strings = ()
    """The ids of the drafts for new cards: neither rejected nor a card already."""
    failed: tuple[tuple[Highlight, BugError], ...] = ()
    """The highlights that could not be recorded; all others were."""


def record(
    store: Store,
    results: Sequence[Drafted],
    terms_of: Callable[[Draft], SearchTerms],
    *,
    by_model: bool = False,
    beside: bool = False,
    originals: Originals | None = None,
    passages: Mapping[str, HighlightHere] | None = None,
) -> RecordResult:
    """Record the drafts of highlights, or the reasons why there are none.

    Args:
        store: the store.
        results: one for each highlight, with the findings of the checks.
        terms_of: returns the search terms of a draft: a card that is made of it is found by them.
        by_model: the drafts are a model's; those of the rules stay.
        beside: the drafts join those that wait.
        originals: those of copies, as far as they are read already.
        passages: those of the highlights, by their keys, if they are read already.
    """
    by = By(store.machine, model=by_model, beside=beside)
    drafted_by_key: dict[str, Drafted] = {}
    for drafted in results:
        drafted_by_key[drafted.highlight.key] = drafted
    failed: dict[str, BugError] = {}
    terms: dict[str, list[tuple[str, SearchTerms]]] = {}

    def asked(
        passages: Mapping[str, HighlightHere], *, has_followed: bool
    ) -> dict[str, Recorded]:
        """Ask the rule about each highlight that has not failed."""
        changes: dict[str, Recorded] = {}
        for key, drafted in drafted_by_key.items():
            if key in failed:
                continue
            try:
                with one_item():
                    here = passages[key]
                    changes[key] = recorded(here, drafted, by, has_followed=has_followed)
            except BugError as error:
                failed[key] = error
        return changes

    with store.transaction():
        for key, drafted in drafted_by_key.items():
            try:
                with one_item():
                    fit = [draft for draft in drafted.drafts if not draft.unfit]
                    terms[key] = [(_digest(draft), terms_of(draft)) for draft in fit]
            except BugError as error:
                failed[key] = error
        keys = list(drafted_by_key)
        if originals is None:
            originals = Originals(store)
        if passages is None:
            passages = highlights_here(store, keys, originals)
        changes = asked(passages, has_followed=False)

        # cards that follow their source first: their passages are other ones then
        following = {key: change for key, change in changes.items() if change.follows}
        followed: dict[str, list[Change]] = {}

        def follow(key: str) -> None:
            followed[key] = _follow(store, following[key])

        if following:
            failed |= store.attempt_each(following, follow)
            passages_then = highlights_here(store, keys, originals)
            changes = asked(passages_then, has_followed=True)

        def write(keys: Sequence[str]) -> None:
            _write(store, [changes[key] for key in keys], by)
            for key in keys:
                duplicates.keep_terms(store, terms[key])

        failed |= store.attempt_all(list(changes), write)
        left = []
        for key, fault in failed.items():
            worth = passages[key].worth if key in passages else 0.0
            outcome = Outcome(key, "", reason=fault.message, fate="failed", worth=worth)
            left.append(outcome)
        waiting.note_outcomes(store, left, by)

    new: list[str] = []
    told: list[Change] = []
    for key, change in changes.items():
        if key not in failed:
            new += change.new
            told += (*followed.get(key, ()), *change.changes)
    return RecordResult(
        tuple(told),
        tuple(new),
        tuple((drafted_by_key[key].highlight, fault) for key, fault in failed.items()),
    )


def _digest(draft: Draft) -> str:
    """Return the name under which the search terms of a card are stored."""
    return f"{draft.kind}{content(draft)}"


def _follow(store: Store, change: Recorded) -> list[Change]:
    """Give the cards of a passage the new words of their source; return what changed."""
    before = change.here.passage.cards
    guids = [desk.decide(store, each).body["guid"] for each in change.follows]
    now = store.passage(change.here.highlight.key).cards
    told = []
    for guid in guids:
        shown = cards.change_of(now[guid], before[guid])
        if shown is not None:
            told.append(shown)
    return told


def _write(store: Store, changes: Sequence[Recorded], by: By) -> None:
    """Write what changes, of many passages at once."""
    waiting.drop(store, [id for change in changes for id in change.gone])
    waiting.move(store, [draft for change in changes for draft in change.moved])
    waiting.ask(store, [asks for change in changes for asks in change.asks])
    waiting.put(store, [draft for change in changes for draft in change.waits])
    outcomes = [change.outcome for change in changes if change.outcome is not None]
    waiting.note_outcomes(store, outcomes, by)
