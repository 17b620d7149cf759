"""Drafts that wait for a decision, with the reasons why, and the offers that they make.

An *offer* is what a person decides on: one fact of one passage, over all its keys, or the change
of a card. Drafts are grouped by the column `offer` of the view `offered` in `schema.sql`, and
nowhere else. The column `draft.fact` names the fact of a draft; "" is a fact of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import asdict

from ankiforge.ledger import cards, facts
from ankiforge.ledger.database import in_batches
from ankiforge.ledger.drafts import is_new
from ankiforge.ledger.events import Passage
from ankiforge.ledger.remarks import Remarks
from ankiforge.ledger.store import Store
from ankiforge.ledger.tables import waiting
from ankiforge.ledger.tables.here import passage_here
from ankiforge.ledger.tables.highlights import decode_highlight_body
from ankiforge.ledger.tables.waiting import decode_draft, draft_of
from ankiforge.model import PROPOSE, Draft, Severity, StoredDraft, Waiting

NO_WARNING = "no_warning"
"""The reason of drafts that no check warns of: the settings, or the limit of a run, make
them wait. That of proposals is `PROPOSE`."""


Offer = tuple[Waiting, ...]
"""One fact of one passage, or the change of a card: the drafts to choose from, of which the first
is accepted unless the person chooses another one. Their own form comes first, then a model's, and
proposals; those that a check blocks are last."""


def each_waiting(store: Store, ids: Iterable[str]) -> Iterator[Waiting]:
    """Yield drafts that wait, with remarks on each, in the order of their ids."""
    remarks = Remarks(store)
    for part in in_batches(ids):
        found = waiting.with_places(store, part)
        drafts = [draft for draft, _ in found]
        store.load(draft.key for draft in drafts)
        remarks.read(drafts)
        for draft, draft_row in found:
            passage = store.passage(draft.key)
            if waits_no_longer(store, passage, draft):
                continue
            place = decode_highlight_body(draft_row["highlight_body"])
            on_draft = remarks.on(draft, place, draft_row["content"])
            yield Waiting(**asdict(draft), passages=(place,), remarks=tuple(on_draft))


def waits_no_longer(store: Store, passage: Passage, draft: StoredDraft) -> bool:
    """Return whether a stored draft no longer waits.

    The next run gives its words to a card; or its passage was found to be another one, too,
    which was decided on, or has a proposal.
    """
    if draft.in_slot:
        if not draft.revises and not is_new(passage, draft, store.machine):
            return True
        return follows(passage, draft)
    if len(passage.keys) == 1:
        return False
    if draft.proposed and not cards.leads(store, draft.key, passage):
        return True
    shown = passage_here(store, passage).facts_now() if draft.about else ()
    return bool(draft.about) and not set(draft.about) <= facts.offered(shown).keys()


def follows(passage: Passage, draft: StoredDraft) -> bool:
    """Return whether the next run gives the words of a draft to their card.

    The passage was found to be that of the card after it was drafted.
    """
    if draft.revises:
        return False
    card = passage.card_in_slot(draft)
    return card is not None and card.live and not draft.blocked


def ids_waiting_no_longer(store: Store) -> set[str]:
    """Return the ids of stored drafts that `each_waiting` leaves out."""
    rows = waiting.perhaps_waiting_no_longer(store)
    store.load(draft_row["key"] for draft_row in rows)
    ids = set()
    for draft_row in rows:
        passage = store.passage(draft_row["key"])
        if waits_no_longer(store, passage, draft_of(draft_row)):
            ids.add(draft_row["id"])
    return ids


def reasons(store: Store, ids: Iterable[str]) -> Counter[str]:
    """Count drafts by why each waits: the first check that warns or blocks, or remark.

    Proposals are `PROPOSE`, whatever is said about them: they wait in any case.
    """
    counts = Counter[str]()
    clean = []
    for draft_row in waiting.with_ids(store, ids):
        if draft_row["drafter"] == PROPOSE:
            counts[PROPOSE] += 1
            continue
        for finding in decode_draft(draft_row["body"]).findings:
            if finding.severity is not Severity.INFO:
                counts[finding.check] += 1
                break
        else:
            clean.append(draft_row["id"])
    for draft in each_waiting(store, waiting.in_reading_order(store, clean)):
        counts[draft.remarks[0].kind.value if draft.remarks else NO_WARNING] += 1
    return counts


def offers(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield the offers of drafts, each once; the key of a highlight stands for all of its passage.

    Drafts that no longer wait are left out.
    """
    yielded = set[str]()
    for batch in in_batches(ids):
        rows = waiting.with_ids(store, batch)
        keys = store.keys_of([*(row["key"] for row in rows), *batch])  # ids may be keys

        # the drafts of each offer; and the offers of each draft and key
        drafts_of: dict[str, list[Waiting]] = defaultdict(list)
        offers_of: dict[str, list[str]] = defaultdict(list)
        for draft in each_waiting(store, waiting.of_highlights(store, keys)):
            drafts_of[draft.offer].append(draft)
            offers_of[draft.id].append(draft.offer)
            for key in store.keys(draft.highlight.key):
                offers_of[key].append(draft.offer)

        for id in batch:
            for offer in offers_of[id]:
                if offer not in yielded:
                    yielded.add(offer)
                    yield tuple(sorted(drafts_of[offer], key=rank))


def several_offers(store: Store, passages: Iterable[str]) -> list[str]:
    """Return the passages with several offers, in the order given."""
    several = waiting.with_several_offers(store)
    return [passage for passage in passages if passage in several]


def rank(draft: Draft) -> tuple[bool, int]:
    """Return the sort key of a draft among the drafts of its passage."""
    if draft.own:
        place = 0
    elif draft.gaps:
        place = 2
    else:
        place = 1
    return draft.blocked, place
