"""Load pending drafts with their remarks, and group them into offers.

A *remark* is a reason why the user must review a draft (see `model.RemarkKind`). The policy
accepts no draft with a remark.

An *offer* is a group of drafts that the user decides on together: all drafts about one
sentence of a passage, or those that change the same card (`waiting.group_into_offers`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

from msgspec.structs import asdict, replace

from ankiforge.ledger import cards, line_patterns, sentence_decisions
from ankiforge.ledger.database import iter_batches
from ankiforge.ledger.events import USER, Passage, hash_question_and_answer, make_guid
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import anki_notes, pending_drafts, sentences
from ankiforge.ledger.tables.highlights import decode_highlight
from ankiforge.ledger.tables.pending_drafts import decode_draft, row_to_draft
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    CardKind,
    Draft,
    Highlight,
    Pair,
    PendingDraft,
    Remark,
    RemarkKind,
    Severity,
    StoredDraft,
    Verdict,
)
from ankiforge.text import regex
from ankiforge.text.normalize import build_document_tag

_VAULT = regex(r"obsidian://open\?vault=([^&\"]+)")
NO_WARNING_REASON = "no_warning"
"""The reason why a draft without warnings is pending: the settings don't let the policy
accept it."""

Offer = tuple[PendingDraft, ...]
"""A group of drafts that the user decides on together, by accepting the first or selecting
another. Hand-written drafts come first, then drafts by a model, and then proposals. Blocked drafts
are last."""


def iter_pending_drafts(store: Store, ids: Iterable[str]) -> Iterator[PendingDraft]:
    """Yield pending drafts by id, in the same order and with their remarks.

    Obsolete drafts and unknown ids are skipped.
    """
    finder = RemarkFinder(store)
    for batch in iter_batches(ids):
        query = (
            "SELECT d.*, h.body AS highlight_body"
            " FROM draft d CROSS JOIN highlight h ON h.key = d.key"
            f" WHERE d.id IN {JSON_VALUES}"
        )
        row_by_id = {row["id"]: row for row in store.fetch_rows(query, to_json(batch))}
        rows = [row_by_id[id] for id in batch if id in row_by_id]
        drafts = list(map(row_to_draft, rows))
        store.preload_passages(draft.key for draft in drafts)
        finder.load(drafts)
        for draft, row in zip(drafts, rows, strict=True):
            highlight = decode_highlight(row["highlight_body"])
            remarks = tuple(finder.find_remarks(draft, highlight))
            yield _build_pending_draft(store, draft, highlight, remarks)


def _build_pending_draft(
    store: Store, draft: StoredDraft, highlight: Highlight, remarks: tuple[Remark, ...]
) -> PendingDraft:
    """Add to a draft what is shown with it. A draft that keeps the text of its card shows it."""
    old_quote = draft.drafted_quote
    if draft.revised_guid:
        card, _ = cards.load_card_and_passage(store, draft.revised_guid)
        old_quote = card.quote
        if draft.keeps_text:
            draft = replace(draft, fields=card.fields)
    return PendingDraft(
        **asdict(draft), passages=(highlight,), remarks=remarks, old_quote=old_quote
    )


def count_pending_reasons(store: Store, ids: Iterable[str]) -> Counter[str]:
    """Count drafts by the reason why they are pending.

    The reason is the first check that warns or blocks. If there is none, it is the first remark,
    or else `NO_WARNING_REASON`. Proposals always need a decision, so they are counted under
    `PROPOSAL_DRAFTER`.
    """
    counts = Counter[str]()
    clean_ids = []
    for draft_row in pending_drafts.load_draft_rows(store, ids):
        if draft_row["drafter"] == PROPOSAL_DRAFTER:
            counts[PROPOSAL_DRAFTER] += 1
            continue
        check = _find_first_warning(decode_draft(draft_row["body"]))
        if check is None:
            clean_ids.append(draft_row["id"])
        else:
            counts[check] += 1
    sorted_ids = pending_drafts.sort_by_reading_order(store, clean_ids)
    for draft in iter_pending_drafts(store, sorted_ids):
        if draft.remarks:
            counts[draft.remarks[0].kind.value] += 1
        else:
            counts[NO_WARNING_REASON] += 1
    return counts


def _find_first_warning(draft: Draft) -> str | None:
    """Return the first check that warns of a draft or blocks it, or None."""
    for finding in draft.findings:
        if finding.severity is not Severity.INFO:
            return finding.check
    return None


def iter_draft_groups(store: Store, ids: Iterable[str]) -> Iterator[Offer]:
    """Yield the groups of the given drafts, each group once and without obsolete drafts.

    `ids` may also contain the keys of highlights, which stand for all drafts of their passages.
    The drafts of a group are sorted by `get_draft_sort_key`.
    """
    yielded_offers = set[str]()
    for batch in iter_batches(ids):
        draft_keys = pending_drafts.load_draft_keys(store, batch).values()
        keys = store.get_all_keys([*draft_keys, *batch])  # ids may be keys

        # group the drafts by offer, and the offers by draft and key
        drafts_by_offer: dict[str, list[PendingDraft]] = defaultdict(list)
        offers_by_id: dict[str, list[str]] = defaultdict(list)
        for draft in iter_pending_drafts(
            store, pending_drafts.find_drafts_of_highlights(store, keys)
        ):
            drafts_by_offer[draft.offer_id].append(draft)
            offers_by_id[draft.id].append(draft.offer_id)
            for key in store.get_keys(draft.highlight.key):
                offers_by_id[key].append(draft.offer_id)

        for id in batch:
            for offer in offers_by_id[id]:
                if offer not in yielded_offers:
                    yielded_offers.add(offer)
                    yield tuple(sorted(drafts_by_offer[offer], key=get_draft_sort_key))


def filter_passages_with_several_draft_groups(
    store: Store, passage_keys: Iterable[str]
) -> list[str]:
    """Return the passages whose pending drafts form more than one group, in the same order."""
    query = "SELECT passage FROM draft GROUP BY passage HAVING min(offer) != max(offer)"
    passages_with_several = set(store.fetch_column(query))
    return [passage for passage in passage_keys if passage in passages_with_several]


def get_draft_sort_key(draft: Draft) -> tuple[bool, int]:
    """Return the sort key of a draft within its group.

    The user's own text comes first, followed by other drafts, and then by proposals with a choice
    of gaps. Blocked drafts come last.
    """
    if draft.is_user_text:
        drafter_rank = 0
    elif draft.gaps:
        drafter_rank = 2
    else:
        drafter_rank = 1
    return draft.is_blocked, drafter_rank


# --- remarks ----------------------------------------------------------------------------


class RemarkFinder:
    """Finds the remarks on drafts. Loads the necessary data for many drafts at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # loaded for the drafts passed to `load`
        self._decided: dict[str, set[str]] = {}
        """The passages with a decision on a sentence, by the hash of the sentence."""
        self._equal_rows: dict[str, list[Row]] = {}
        """The cards with a text, by the hash of the text."""
        self._cards_by_sentence: dict[str, list[Row]] = {}
        """The live cards about a sentence, by the hash of the sentence."""
        self._rejected: dict[str, set[str]] = {}
        """The passages in which a text was rejected, by the hash of the text."""
        self._deleted_guids: set[str] = set()
        """The GUIDs of the drafts' cards whose notes were deleted in Anki."""

        self._has_deleted_notes = anki_notes.has_deleted_notes(store)
        # the GUIDs, and the tags of the documents, of our notes in Anki that have no card
        self._unknown_notes = set(store.get_value("strangers", list[str]) or [])
        self._fields = line_patterns.FieldDetector(store)

    def load(self, drafts: Sequence[StoredDraft]) -> None:
        """Preload the data that `find_remarks` needs for these drafts."""
        self._equal_rows, self._decided, self._cards_by_sentence = {}, {}, {}
        self._rejected, self._deleted_guids = {}, set()
        self._load_more(drafts)

    def _load_more(self, drafts: Sequence[StoredDraft]) -> None:
        """Load or reload the data for these drafts. The data for all other drafts is kept."""
        self._load_equal_cards(drafts)
        self._load_sentences(drafts)
        if self._has_deleted_notes:
            guids = []
            for draft in drafts:
                guids.append(make_guid(self._store.get_first_key(draft.key), draft))
            self._deleted_guids |= anki_notes.filter_deleted_guids(self._store, guids)

    def _load_equal_cards(self, drafts: Iterable[StoredDraft]) -> None:
        """Load the cards and rejections with the text of these drafts."""
        store = self._store
        contents = [hash_question_and_answer(draft.fields) for draft in drafts]
        equal_rows = cards.load_cards_by_content_hash(store, contents)
        for content in contents:
            self._equal_rows[content] = equal_rows.get(content, [])
            self._rejected[content] = set()
        query = f"SELECT * FROM rejected WHERE content IN {JSON_VALUES}"
        for row in store.fetch_rows(query, to_json(contents)):
            self._rejected[row["content"]].add(row["passage"])
        store.preload_passages(
            row["passage"] for rows in equal_rows.values() for row in rows
        )

    def _load_sentences(self, drafts: Iterable[StoredDraft]) -> None:
        """Load the decisions and cards about the sentences of these drafts in any passage.

        Decisions are only needed for hand-written drafts, and cards for drafts of new cards.
        """
        store = self._store
        own_sentences: set[str] = set()
        new_sentences: set[str] = set()
        for draft in drafts:
            if draft.is_hand_written:
                own_sentences.update(draft.sentence_hashes)
            if not draft.revised_guid:
                new_sentences.update(draft.sentence_hashes)
        deciding = sentences.find_deciding_passages(store, own_sentences)
        for name in own_sentences:
            self._decided[name] = deciding.get(name, set())
        for name in new_sentences:
            self._cards_by_sentence[name] = []
        query = (
            f"SELECT * FROM card WHERE sentence != '' AND sentence IN {JSON_VALUES} AND live"
            " ORDER BY guid"
        )
        for row in store.fetch_rows(query, to_json(list(new_sentences))):
            self._cards_by_sentence[row["sentence"]].append(row)

    def find_remarks(self, draft: StoredDraft, highlight: Highlight) -> Iterator[Remark]:
        """Yield the remarks on a draft that was passed to `load`."""
        if draft.keeps_text:
            yield Remark(RemarkKind.PASSAGE)
            return
        store = self._store
        passage = store.get_passage(draft.key)
        content_hash = hash_question_and_answer(draft.fields)
        # reload if the text or a sentence was decided on since `load`, in the same transaction
        if not store.decided_hashes.isdisjoint((content_hash, *draft.sentence_hashes)):
            self._load_more([draft])
        # report a removed passage that may be the same
        for _, old in _find_possible_matches(store, passage):
            is_live = store.get_passage(old).live_cards
            yield Remark(RemarkKind.MOVED if is_live else RemarkKind.DECIDED_ON_LOST)
        decision_remark = self._find_decision_remark(passage, draft, highlight)
        if decision_remark is not None:
            yield Remark(decision_remark)
        elif draft.is_hand_written and self._is_decided_in_copy(passage, draft):
            yield Remark(RemarkKind.DECIDED_BEFORE)
        if draft.drafted_quote and not draft.revised_guid:
            yield Remark(RemarkKind.DRAFT_PASSAGE)
        yield from self._find_remarks_on_other_cards(passage, draft, content_hash)
        if line_patterns.has_unaccepted_pattern(store, highlight, self._fields):
            yield Remark(RemarkKind.FORM)
        if draft.kind is CardKind.OCCLUSION and not draft.revised_guid:
            yield Remark(RemarkKind.FIGURE)

    def _is_decided_in_copy(self, passage: Passage, draft: StoredDraft) -> bool:
        """Return whether a sentence of a hand-written draft was decided in another passage.

        Only decisions on drafts that aren't hand-written count, because
        `find_deciding_passages`, which loads them, leaves out the others.
        """
        deciding_keys: set[str] = set()
        for name in draft.sentence_hashes:
            deciding_keys.update(self._decided.get(name, ()))
        deciding_keys.discard(passage.key)
        return bool(deciding_keys)

    def _find_remarks_on_other_cards(
        self, passage: Passage, draft: StoredDraft, content_hash: str
    ) -> Iterator[Remark]:
        """Yield remarks on cards of other passages with the draft's text or sentence."""
        store = self._store
        equal_rows = self._equal_rows.get(content_hash, ())
        for row in _filter_other_passages(store, passage, equal_rows):
            suffix = "" if row["live"] else f", which is {row['verdict']}"
            yield Remark(RemarkKind.EQUAL_CARD, f"{row['guid'][:10]}{suffix}")
        if not draft.is_hand_written:
            for name in draft.sentence_hashes:
                same_rows = self._cards_by_sentence.get(name, ())
                others = list(_filter_other_passages(store, passage, same_rows))
                if others:
                    yield Remark(RemarkKind.SAME_SENTENCE, others[0]["guid"][:10])
        if self._rejected.get(content_hash, set()) - {passage.key}:
            yield Remark(RemarkKind.REJECTED_ELSEWHERE)

    def _find_decision_remark(
        self, passage: Passage, draft: StoredDraft, highlight: Highlight
    ) -> RemarkKind | None:
        """Return the first remark on an earlier card, sentence, decision or note of the draft."""
        if draft.revised_guid:
            return RemarkKind.REVISION
        if draft.replaced_guid:
            return RemarkKind.REPLACEMENT
        if draft.similar_removed_sentence:
            return RemarkKind.NEAR
        if passage.was_ever_decided:
            rejection_remark = self._find_rejection_remark(passage, draft, highlight)
            if rejection_remark is not None:
                return rejection_remark
        if self._has_deleted_notes or self._unknown_notes:
            return self._find_note_remark(passage, draft, highlight)
        return None

    def _find_note_remark(
        self, passage: Passage, draft: StoredDraft, highlight: Highlight
    ) -> RemarkKind | None:
        """Return a remark if Anki had, or has, a note of the draft that no card belongs to."""
        guid = make_guid(passage.key, draft)
        if guid in self._deleted_guids and guid not in passage.cards:
            return RemarkKind.NOTE_DELETED
        if guid in self._unknown_notes:
            return RemarkKind.UNKNOWN_NOTES
        # a note of another type may have no link that names its vault
        tag = build_document_tag(highlight.document.title)
        tags = (tag, add_vault_name(tag, highlight.uri))
        if not self._unknown_notes.isdisjoint(tags):
            return RemarkKind.UNKNOWN_NOTES
        return None

    def _find_rejection_remark(
        self, passage: Passage, draft: StoredDraft, highlight: Highlight
    ) -> RemarkKind | None:
        """Return a remark if the user has rejected something similar to the draft.

        If the draft is only similar to cards that the user accepted and undid, it is `TAKEN_BACK`.
        """
        decided_sentences = sentence_decisions.find_sentences_to_decide(
            draft, sentence_decisions.get_sentence_text(highlight)
        )
        if not sentence_decisions.has_rejected_similar(passage, draft, decided_sentences):
            return None
        # ignore cards that the user accepted and undid
        accepted_guids = set()
        for event in self._store.load_events(passage.keys):
            if event.kind == "accept" and event.author == USER:
                accepted_guids.add(event.body["guid"])
        other_cards = {}
        for guid, card in passage.cards.items():
            if card.verdict is Verdict.TAKEN_BACK and guid in accepted_guids:
                continue
            other_cards[guid] = card
        passage_before = replace(passage, cards=other_cards)
        if sentence_decisions.has_rejected_similar(
            passage_before, draft, decided_sentences
        ):
            return RemarkKind.DECIDED_BEFORE
        return RemarkKind.TAKEN_BACK


def add_vault_name(tag: str, link: str) -> str:
    """Append the name of the Obsidian vault to the tag of a document.

    This distinguishes documents with the same name, such as `Index.md`, in different vaults.
    `link` is a link to the document, or HTML that contains the link. If it doesn't name a vault,
    the tag is returned unchanged.
    """
    vault = _VAULT.search(link)
    if vault is None:
        return tag
    return f"{tag} {unquote(vault[1])}"


def find_equal_cards(store: Store, passage: Passage, content_hash: str) -> list[Row]:
    """Return the rows of the cards with this content hash in passages other than `passage`.

    Cards whose passage the user declared to be different from `passage` are left out. A card's
    current text and the text that its source or drafter last set are compared.
    """
    rows = cards.load_cards_by_content_hash(store, [content_hash]).get(content_hash, ())
    return list(_filter_other_passages(store, passage, rows))


def _filter_other_passages(
    store: Store, passage: Passage, rows: Iterable[Row]
) -> Iterator[Row]:
    for row in rows:
        if row["passage"] == passage.key:
            continue
        if not passage.is_distinct_from(store.get_passage(row["passage"])):
            yield row


def find_possible_matches_to_ask(store: Store, passage: Passage) -> list[Pair]:
    """Find the removed passages with live cards about which the user must be asked.

    The question is whether such a passage is the same as `passage`. Each result is a pair of a
    key of `passage` and the key of the removed passage.
    """
    doubts = _find_possible_matches(store, passage)
    return [(new, old) for new, old in doubts if store.get_passage(old).live_cards]


def _find_possible_matches(store: Store, passage: Passage) -> list[Pair]:
    """Find the removed passages that may be the same as `passage`.

    Each result is a pair of a key of `passage` and the key of the removed passage.
    """
    if not passage.possible_same_keys:
        return []
    if cards.load_current_highlight_row(store, passage.keys) is None:
        return []
    doubts = []
    for new, old in passage.possible_same_keys.items():
        other = store.get_passage(old)
        if cards.load_current_highlight_row(store, other.keys) is None:
            doubts.append((new, old))
    return doubts
