"""The lines of a list of the cards and drafts that a query means.

A *line* is a card or a draft. Its *places* are the passages in the sources that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from ankiforge.ledger import cards, offers
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import lines as columns
from ankiforge.ledger.tables import waiting
from ankiforge.ledger.tables.lines import QueryTerm, pattern
from ankiforge.model import (
    CardRemark,
    Line,
    Waiting,
    is_highlight_key,
)


def find(
    store: Store,
    terms: Sequence[QueryTerm],
    *,
    everything: bool = False,
) -> list[str]:
    """Return the ids of the cards and drafts that fulfil all terms, in reading order.

    Without `everything`, only drafts that wait and live cards, unless a term names a
    verdict.
    """
    store.refold()
    # the live cards whose source says something else now: no column has that
    changed = set()
    check = CardRemark.SOURCE_CHANGED.check
    asked = [pattern(term) for term in terms if term.field == "finding"]
    if any(fnmatchcase(check, each) for each in asked):
        with_live = card_rows.passages(store, live=True)
        for card in cards.cards_of(store, with_live):
            if CardRemark.SOURCE_CHANGED in card.source:
                changed.add(card.guid)
    found = columns.find(store, terms, changed, everything=everything)
    not_waiting = offers.ids_waiting_no_longer(store)
    return [id for id in found if id not in not_waiting]


# --- lines ------------------------------------------------------------------------------


def lines(store: Store, ids: Iterable[str]) -> Iterator[Line]:
    """Yield cards and drafts; the key of a highlight stands for its drafts.

    An id that is no longer one is left out.
    """
    for batch in in_batches(ids):
        line_ids: list[str] = []
        for id in batch:
            if is_highlight_key(id):
                line_ids += waiting.of_key(store, id)
            else:
                line_ids.append(id)

        in_anki = columns.in_anki(store, line_ids)
        # the drafts themselves, and those that revise the cards
        draft_ids = (*line_ids, *waiting.of_cards(store, line_ids))
        drafts = {}
        revisions = {}
        in_order = waiting.in_reading_order(store, draft_ids)
        for draft in offers.each_waiting(store, in_order):
            drafts[draft.id] = draft
            if draft.revises:
                revisions[draft.revises] = draft
        for line_id in line_ids:
            if line_id in drafts:
                yield drafts[line_id]
            elif line_id in in_anki:
                card = cards.card_of(store, line_id)
                revision = revisions.get(card.guid)
                yield replace(card, anki=in_anki[line_id], revision=revision)


def waiting_among(store: Store, ids: Iterable[str]) -> Iterator[Waiting]:
    """Yield the drafts that wait among the lines of these ids."""
    return (line for line in lines(store, ids) if isinstance(line, Waiting))
