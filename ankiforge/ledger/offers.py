"""Load pending drafts with their remarks, and group them into offers.

An *offer* is what the user decides on at once: one fact of a passage, with all drafts about it, or
the change of a card. The column `offer` of the view `offered` in `schema.sql` defines which drafts
belong to one offer. A draft whose column `fact` is "" is an offer of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from msgspec.structs import asdict

from ankiforge.ledger import cards, facts
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.draft_completion import should_offer
from ankiforge.ledger.events import Passage
from ankiforge.ledger.remarks import RemarkFinder
from ankiforge.ledger.settling import is_settled
from ankiforge.ledger.store import JSON_VALUES, Store, to_json
from ankiforge.ledger.tables import pending_drafts
from ankiforge.ledger.tables.highlights import decode_highlight_body
from ankiforge.ledger.tables.pending_drafts import decode_draft, row_to_draft
from ankiforge.ledger.tables.snapshots import load_snapshot
from ankiforge.model import PROPOSAL_DRAFTER, Draft, PendingDraft, Severity, StoredDraft

NO_WARNING_REASON = "no_warning"
"""The reason why a draft without warnings is pending: the settings don't let the policy
accept it."""


Offer = tuple[PendingDraft, ...]
"""The drafts of one offer, of which the user accepts the first or selects another. Hand-written
drafts come first, then drafts by a model, and then proposals. Blocked drafts are last."""


def iter_pending_drafts(store: Store, ids: Iterable[str]) -> Iterator[PendingDraft]:
    """Yield the given pending drafts with their remarks, in order, skipping obsolete ones."""
    remarks = RemarkFinder(store)
    for batch in iter_batches(ids):
        query = (
            "SELECT d.*, h.body AS highlight_body"
            " FROM offered d CROSS JOIN highlight h ON h.key = d.key"
            f" WHERE d.id IN {JSON_VALUES}"
        )
        row_by_id = {row["id"]: row for row in store.fetch_rows(query, to_json(batch))}
        rows = [row_by_id[id] for id in batch if id in row_by_id]
        drafts = list(map(row_to_draft, rows))
        store.preload_passages(draft.key for draft in drafts)
        remarks.load(drafts)
        for draft, draft_row in zip(drafts, rows, strict=True):
            passage = store.get_passage(draft.key)
            if is_obsolete(store, passage, draft):
                continue
            highlight = decode_highlight_body(draft_row["highlight_body"])
            draft_remarks = remarks.find_remarks(draft, highlight)
            yield PendingDraft(
                **asdict(draft), passages=(highlight,), remarks=tuple(draft_remarks)
            )


def is_obsolete(store: Store, passage: Passage, draft: StoredDraft) -> bool:
    """Return whether a stored draft should no longer be offered.

    A draft is obsolete if the next run will use its text to update an existing card, or if
    its passage turned out to be the same as another one whose decisions or drafts already
    cover it.
    """
    if draft.is_hand_written:
        if not draft.revises and not should_offer(passage, draft, store.device_id):
            return True
        return will_update_card(passage, draft)
    if len(passage.keys) == 1:
        return False
    if draft.is_proposed and not cards.is_leading_highlight(store, draft.key, passage):
        return True
    if not draft.about:
        return False
    snapshot = load_snapshot(store, passage)
    offered_facts = facts.get_offered_facts(snapshot.compute_facts())
    if not snapshot.sentence_names.issuperset(draft.about):
        return True
    return is_settled(snapshot, draft, offered_facts, store.device_id)


def will_update_card(passage: Passage, draft: StoredDraft) -> bool:
    """Return whether the next run will update a card with a hand-written draft's text.

    This happens when the draft and the card turn out to belong to the same passage only after
    the draft was created.
    """
    if draft.revises:
        return False
    card = passage.find_card_in_slot(draft)
    return card is not None and card.is_live and not draft.is_blocked


def find_obsolete_ids(store: Store) -> set[str]:
    """Return the ids of all obsolete drafts (see `is_obsolete`)."""
    # only hand-written drafts of decided passages, and drafts of passages with several keys, may be
    # obsolete; the query uses indexes, because thousands of drafts may be pending
    rows = store.fetch_rows(
        "SELECT * FROM offered WHERE id IN"
        " (SELECT d.id FROM passage p CROSS JOIN draft d ON d.key = p.key"
        "  WHERE p.decided AND d.slot != ''"
        "  UNION SELECT d.id FROM alias a CROSS JOIN draft d ON d.key = a.key)"
    )
    store.preload_passages(draft_row["key"] for draft_row in rows)
    ids = set()
    for draft_row in rows:
        passage = store.get_passage(draft_row["key"])
        if is_obsolete(store, passage, row_to_draft(draft_row)):
            ids.add(draft_row["id"])
    return ids


def count_reasons(store: Store, ids: Iterable[str]) -> Counter[str]:
    """Tally drafts by the reason they are pending.

    The reason is the first check that warns or blocks, falling back to the first remark and
    then to `NO_WARNING_REASON`. Proposals always need a decision, so they are counted under
    `PROPOSAL_DRAFTER`.
    """
    counts = Counter[str]()
    clean_ids = []
    for draft_row in pending_drafts.load_draft_rows(store, ids):
        if draft_row["drafter"] == PROPOSAL_DRAFTER:
            counts[PROPOSAL_DRAFTER] += 1
            continue
        for finding in decode_draft(draft_row["body"]).findings:
            if finding.severity is not Severity.INFO:
                counts[finding.check] += 1
                break
        else:
            clean_ids.append(draft_row["id"])
    for draft in iter_pending_drafts(
        store, pending_drafts.sort_by_reading_order(store, clean_ids)
    ):
        counts[draft.remarks[0].kind.value if draft.remarks else NO_WARNING_REASON] += 1
    return counts


def iter_offers(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield every offer that includes one of the given drafts, without its obsolete drafts.

    Each offer is yielded once. `ids` may mix draft ids and highlight keys; a key stands for
    all drafts of the highlight's passage.
    """
    yielded_offers = set[str]()
    for batch in iter_batches(ids):
        rows = pending_drafts.load_draft_rows(store, batch)
        keys = store.get_all_keys(
            [*(row["key"] for row in rows), *batch]
        )  # ids may be keys

        # group the drafts by offer, and the offers by draft and key
        drafts_by_offer: dict[str, list[PendingDraft]] = defaultdict(list)
        offers_by_id: dict[str, list[str]] = defaultdict(list)
        for draft in iter_pending_drafts(
            store, pending_drafts.find_drafts_of_highlights(store, keys)
        ):
            drafts_by_offer[draft.offer].append(draft)
            offers_by_id[draft.id].append(draft.offer)
            for key in store.get_keys(draft.highlight.key):
                offers_by_id[key].append(draft.offer)

        for id in batch:
            for offer in offers_by_id[id]:
                if offer not in yielded_offers:
                    yielded_offers.add(offer)
                    yield tuple(sorted(drafts_by_offer[offer], key=rank_draft))


def filter_with_several_offers(store: Store, passage_keys: Iterable[str]) -> list[str]:
    """Return the passages that have more than one offer, preserving their order."""
    query = "SELECT passage FROM offered GROUP BY passage HAVING min(offer) != max(offer)"
    passages_with_several = {row["passage"] for row in store.fetch_rows(query)}
    return [passage for passage in passage_keys if passage in passages_with_several]


def rank_draft(draft: Draft) -> tuple[bool, int]:
    """Return the sort key of a draft within its offer (see `Offer`).

    Blocked drafts come last. Otherwise the user's own text comes first and cloze deletions
    last.
    """
    if draft.is_user_text:
        drafter_rank = 0
    elif draft.gaps:
        drafter_rank = 2
    else:
        drafter_rank = 1
    return draft.is_blocked, drafter_rank
