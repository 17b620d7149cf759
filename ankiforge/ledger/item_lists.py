"""Find cards and drafts by query, and load them for lists.

A *line* of a list is a card or a draft.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from ankiforge.ledger import cards, offers
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import items as columns
from ankiforge.ledger.tables import pending_drafts
from ankiforge.ledger.tables.items import QueryTerm, to_glob
from ankiforge.model import (
    ListRow,
    PendingDraft,
    SourceRemark,
    is_highlight_key,
)


def find_items(
    store: Store,
    terms: Sequence[QueryTerm],
    *,
    everything: bool = False,
) -> list[str]:
    """Find the ids of the cards and drafts that match all terms, in reading order.

    Cards that aren't live are included if `everything` is True or a term names a verdict.
    """
    store.recompute_passages()
    # find the live cards whose source has changed, because no column shows it
    changed_guids = set()
    check = SourceRemark.SOURCE_CHANGED.finding_id
    patterns = [to_glob(term) for term in terms if term.field == "finding"]
    if any(fnmatchcase(check, finding_pattern) for finding_pattern in patterns):
        passage_keys = card_rows.load_passage_keys(store, live=True)
        for card in cards.iter_cards(store, passage_keys):
            if SourceRemark.SOURCE_CHANGED in card.source:
                changed_guids.add(card.guid)
    ids = columns.find_items(store, terms, changed_guids, everything=everything)
    obsolete_ids = offers.find_obsolete_ids(store)
    return [id for id in ids if id not in obsolete_ids]


# --- lines ------------------------------------------------------------------------------


def load_items(store: Store, ids: Iterable[str]) -> Iterator[ListRow]:
    """Yield cards and drafts as list rows, skipping unknown ids and obsolete drafts.

    `ids` may contain draft ids, card GUIDs and highlight keys. A highlight key stands for all
    of the highlight's drafts.
    """
    for batch in iter_batches(ids):
        line_ids: list[str] = []
        for id in batch:
            if is_highlight_key(id):
                line_ids += pending_drafts.find_drafts_of_highlight(store, id)
            else:
                line_ids.append(id)

        anki_states = columns.load_anki_states(store, line_ids)
        # load the drafts, and the revisions of the cards
        draft_ids = (*line_ids, *pending_drafts.find_revisions(store, line_ids))
        drafts = {}
        revisions = {}
        sorted_ids = pending_drafts.sort_by_reading_order(store, draft_ids)
        for draft in offers.iter_pending_drafts(store, sorted_ids):
            drafts[draft.id] = draft
            if draft.revises:
                revisions[draft.revises] = draft
        for line_id in line_ids:
            if line_id in drafts:
                yield drafts[line_id]
            elif line_id in anki_states:
                card = cards.load_card(store, line_id)
                revision = revisions.get(card.guid)
                yield replace(card, anki=anki_states[line_id], revision=revision)


def load_pending_drafts(store: Store, ids: Iterable[str]) -> Iterator[PendingDraft]:
    """Yield the pending drafts among the given ids, as in `load_items`."""
    return (line for line in load_items(store, ids) if isinstance(line, PendingDraft))
