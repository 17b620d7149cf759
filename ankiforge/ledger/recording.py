"""Tell which highlights are to be drafted, and record their drafts.

    here.highlights_here ─▶ draft_changes ─▶ cards that follow ─▶ once more ─▶ waiting.put …

A highlight that cannot be recorded is left as it is; all others go on. `highlight.drafted` and
`modelled` hold the content that was drafted last; "" asks for drafts again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from ankiforge.errors import BugError, one_item
from ankiforge.ledger import belonging, cards, forms, settling
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.draft_changes import (
    SAME_WORDS,
    By,
    DraftChanges,
    Outcome,
    draft_changes,
)
from ankiforge.ledger.events import Passage, content, stands_in
from ankiforge.ledger.here import HighlightHere
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import duplicates, highlights, waiting
from ankiforge.ledger.tables.anki import foreign_among
from ankiforge.ledger.tables.here import highlights_here
from ankiforge.ledger.tables.highlights import decode_highlight, decode_highlight_body
from ankiforge.ledger.tables.originals import Originals
from ankiforge.ledger.tables.waiting import decode_draft
from ankiforge.model import (
    FOREIGN_PREFIX,
    Change,
    DocumentId,
    Draft,
    Drafted,
    Finding,
    Highlight,
    SearchTerms,
    Strings,
    Value,
    is_card_id,
)

# --- what is to be drafted --------------------------------------------------------------


def to_draft(
    store: Store,
    *,
    by_model: bool = False,
    within: frozenset[DocumentId] | None = None,
    in_progress: Callable[[str], bool] = lambda place: False,
) -> Iterator[Highlight]:
    """Yield the highlights that are new or changed since they were drafted last.

    Args:
        store: the store.
        by_model: those that no model drafted yet and that are undecided, or have an open
            fact; or whose words a model's card no longer quotes; instead of those that the
            rules did not draft yet.
        within: the documents whose highlights are drafted; None = all.
        in_progress: whether a person is still writing the note at a place: what has a
            card there waits.
    """
    column = "modelled" if by_model else "drafted"
    keys = highlights.unmodelled(store) if by_model else highlights.undrafted(store)
    for highlight_row in chain.from_iterable(_in_parts(store, keys)):
        if highlight_row["state"] != "present":
            continue
        if highlight_row[column] == highlight_row["content"]:
            continue
        if within is not None and highlight_row["document"] not in within:
            continue
        passage = store.passage(highlight_row["key"])
        if passage.skipped and not passage.live:
            continue
        if not cards.leads(store, highlight_row["key"], passage):
            continue
        highlight = decode_highlight(highlight_row)
        if by_model and not _is_for_model(store, highlight_row, highlight, passage):
            continue
        if passage.live and in_progress(highlight.document.path):
            continue
        if not passage.live and forms.form_choice(store, highlight) == forms.NEVER:
            highlight = replace(highlight, skip=f"skip: {forms.why_left_out(highlight)}")
        yield highlight


def _is_for_model(
    store: Store, highlight_row: Row, highlight: Highlight, passage: Passage
) -> bool:
    """Return whether a model that did not draft a highlight yet is to.

    Neither what is left out, nor a copy. A passage that was decided on is sent again if a model's
    card quotes words that are no longer in it.
    """
    if highlight_row["fate"] == "left_out":
        return False
    if highlight_row["reason"].startswith(SAME_WORDS):
        return False
    if not passage.done:
        return True
    for card in passage.cards.values():
        if card.origin.drafter != "llm":
            continue
        if card.live and card.quote and not stands_in(card.quote, highlight):
            return True
    return False


def _in_parts(store: Store, keys: Iterable[str]) -> Iterator[list[Row]]:
    """Yield highlights by their keys, in lists, when their passages are read."""
    for part in in_batches(keys):
        rows = highlights.of(store, part)
        store.load(part)
        yield rows


def use_offline_drafts(store: Store, version: str) -> None:
    """Draft undecided passages again if they are judged otherwise, or figures are drafted."""
    if store.meta("proposals") == version:
        return
    with store.transaction():
        store.set_meta("proposals", version)
        highlights.draft_undecided_again(store)


# --- what is recorded -------------------------------------------------------------------


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
    ) -> dict[str, DraftChanges]:
        """Ask the rule about each highlight that has not failed."""
        changes: dict[str, DraftChanges] = {}
        for key, drafted in drafted_by_key.items():
            if key in failed:
                continue
            try:
                with one_item():
                    here = passages[key]
                    changes[key] = draft_changes(
                        here, drafted, by, has_followed=has_followed
                    )
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
            duplicates.keep_terms(store, [each for key in keys for each in terms[key]])

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


def _follow(store: Store, change: DraftChanges) -> list[Change]:
    """Give the cards of a passage the new words of their source; return the changes of words."""
    before = change.here.passage.cards
    guids = [settling.write(store, each).body["guid"] for each in change.follows]
    now = store.passage(change.here.highlight.key).cards
    told = []
    for guid in guids:
        shown = cards.change_of(now[guid], before[guid])
        if shown is not None:
            told.append(shown)
    return told


def _write(store: Store, changes: Sequence[DraftChanges], by: By) -> None:
    """Write the changes of many passages at once."""
    waiting.drop(store, [id for change in changes for id in change.gone])
    waiting.move(store, [draft for change in changes for draft in change.moved])
    waiting.ask(store, [asks for change in changes for asks in change.asks])
    waiting.put(store, [draft for change in changes for draft in change.waits])
    outcomes = [change.outcome for change in changes if change.outcome is not None]
    waiting.note_outcomes(store, outcomes, by)


# --- what changes on drafts that wait ---------------------------------------------------


def give_decks(store: Store, deck_for: Callable[[Highlight, str], str]) -> None:
    """Give drafts that wait other decks.

    Args:
        store: the store.
        deck_for: returns the deck for the cards of a highlight whose draft has the given one.
    """
    with store.transaction():
        for row in waiting.with_marks(store):
            deck = deck_for(decode_highlight_body(row["highlight_body"]), row["deck"])
            if deck != row["deck"]:
                draft = decode_draft(row["body"])
                waiting.put_deck(store, row["id"], draft, deck)


def drop_resolved(store: Store) -> None:
    """Drop the findings of waiting drafts that do not count any more.

    They name a card or note which is no longer in use, or a tool whose history was
    declined.
    """
    rows = waiting.naming_another(store)
    drafts = {row["id"]: decode_draft(row["body"]) for row in rows}
    named = {each.duplicate for draft in drafts.values() for each in draft.findings}
    guids = set(filter(is_card_id, named))
    notes = {
        id.removeprefix(FOREIGN_PREFIX) for id in named if id.startswith(FOREIGN_PREFIX)
    }
    out_of_use = guids - card_rows.live_among(store, guids)
    for note in notes - foreign_among(store, notes):
        out_of_use.add(f"{FOREIGN_PREFIX}{note}")
    for id, draft in drafts.items():
        standing = [each for each in draft.findings if each.duplicate not in out_of_use]
        waiting.put_findings(store, id, draft, standing)

    declined = belonging.declined(store)
    for draft_row in waiting.of_other_tools(store) if declined else ():
        draft = decode_draft(draft_row["body"])
        highlight = decode_highlight_body(draft_row["highlight_body"])
        standing = []
        for finding in draft.findings:
            if not belonging.is_declined(highlight, finding.check, declined):
                standing.append(finding)
        waiting.put_findings(store, draft_row["id"], draft, standing)


def give_findings(
    store: Store, check: str, findings: Mapping[str, Finding | None]
) -> None:
    """Give waiting drafts the later findings of a check, instead of its earlier ones.

    `findings`: by id of the draft; None = the check finds nothing.
    """
    with store.transaction():
        for draft_row in waiting.with_ids(store, findings):
            draft = decode_draft(draft_row["body"])
            standing = [each for each in draft.findings if each.check != check]
            found = findings[draft_row["id"]]
            if found is not None:
                standing.append(found)
            waiting.put_findings(store, draft_row["id"], draft, standing)
