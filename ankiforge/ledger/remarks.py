"""Find the remarks on a draft, which are the reasons why the user must review it.

The policy accepts no draft with a remark. `model.RemarkKind` lists the kinds of remarks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import unquote

from msgspec.structs import replace

from ankiforge.ledger import cards, facts, forms
from ankiforge.ledger.events import USER, Passage, hash_content, make_guid
from ankiforge.ledger.store import JSON_VALUES, Row, Store, to_json
from ankiforge.ledger.tables import cards as card_rows
from ankiforge.ledger.tables import sentences
from ankiforge.ledger.tables.anki_notes import filter_deleted
from ankiforge.model import (
    CardKind,
    Highlight,
    Pair,
    Remark,
    RemarkKind,
    StoredDraft,
    Verdict,
)
from ankiforge.text import regex
from ankiforge.text.normalize import build_document_tag

_VAULT = regex(r"obsidian://open\?vault=([^&\"]+)")


class RemarkFinder:
    """Finds the remarks on drafts, loading the data they need in bulk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decided: dict[str, set[str]] = {}
        self._equal_rows: dict[str, list[Row]] = {}
        self._cards_by_sentence: dict[str, list[Row]] = {}
        self._rejected: dict[str, set[str]] = {}
        self._deleted_guids: set[str] = set()
        # the GUIDs, and the tags of the documents, of our notes in Anki that have no card
        self._unknown_notes = set(store.get_value("strangers", list[str]) or [])
        self._any_deleted = store.fetch_first_row("SELECT 1 FROM grave") is not None
        self._fields = forms.FieldDetector(store)

    def load(self, drafts: Sequence[StoredDraft]) -> None:
        """Preload the data that `find_remarks` needs for these drafts."""
        store = self._store
        contents = list(map(hash_content, drafts))
        self._equal_rows = card_rows.load_cards_by_content(store, contents)
        self._rejected = defaultdict(set)
        query = f"SELECT * FROM rejected WHERE content IN {JSON_VALUES}"
        for row in store.fetch_rows(query, to_json(contents)):
            self._rejected[row["content"]].add(row["passage"])
        store.preload_passages(
            row["passage"] for rows in self._equal_rows.values() for row in rows
        )
        names = {
            name for draft in drafts if draft.is_hand_written for name in draft.about
        }
        self._decided = sentences.find_deciding_passages(store, names)
        names = {name for draft in drafts if not draft.revises for name in draft.about}
        self._cards_by_sentence = defaultdict(list)
        query = (
            f"SELECT * FROM card WHERE sentence != '' AND sentence IN {JSON_VALUES} AND live"
            " ORDER BY guid"
        )
        for row in store.fetch_rows(query, to_json(list(names))):
            self._cards_by_sentence[row["sentence"]].append(row)
        self._deleted_guids = set()
        if self._any_deleted:
            guids = {
                str(make_guid(store.get_first_key(draft.key), draft)) for draft in drafts
            }
            self._deleted_guids = filter_deleted(store, guids)

    def find_remarks(self, draft: StoredDraft, highlight: Highlight) -> Iterator[Remark]:
        """Yield the remarks on a draft previously passed to `load`."""
        store = self._store
        passage = store.get_passage(draft.key)
        draft_content = hash_content(draft)
        if not store.decided.isdisjoint((draft_content, *draft.about)):
            self.load([draft])  # a decision since may have been about the same
        # report a removed passage that may be the same
        for _, old in _find_doubts(store, passage):
            is_live = store.get_passage(old).live_cards
            yield Remark(RemarkKind.MOVED if is_live else RemarkKind.DECIDED_ON_LOST)
        decision_remark = self._find_decision_remark(passage, draft, highlight)
        if decision_remark is None and draft.is_hand_written:
            # decisions on hand-written drafts of other copies don't count, those on other drafts do
            decided = (self._decided.get(name, set()) for name in draft.about)
            if any(passages - {passage.key} for passages in decided):
                decision_remark = RemarkKind.DECIDED_BEFORE
        if decision_remark:
            yield Remark(decision_remark)

        # report equal cards elsewhere
        for row in _filter_other_passages(
            store, passage, self._equal_rows.get(draft_content, ())
        ):
            suffix = "" if row["live"] else f", which is {row['verdict']}"
            yield Remark(RemarkKind.EQUAL_CARD, f"{row['guid'][:10]}{suffix}")
        if not draft.is_hand_written:
            for name in draft.about:
                same_rows = self._cards_by_sentence.get(name, ())
                for row in list(_filter_other_passages(store, passage, same_rows))[:1]:
                    yield Remark(RemarkKind.SAME_SENTENCE, row["guid"][:10])
        if self._rejected.get(draft_content, set()) - {passage.key}:
            yield Remark(RemarkKind.REJECTED_ELSEWHERE)

        if forms.needs_form_answer(store, highlight, self._fields):
            yield Remark(RemarkKind.FORM)
        if draft.kind is CardKind.OCCLUSION and not draft.revises:
            yield Remark(RemarkKind.FIGURE)

    def _find_decision_remark(
        self, passage: Passage, draft: StoredDraft, highlight: Highlight
    ) -> RemarkKind | None:
        if draft.revises:
            return RemarkKind.REVISION
        if draft.replaces:
            return RemarkKind.REPLACEMENT
        if draft.near:
            return RemarkKind.NEAR
        if _was_similar_card_dropped(passage, draft, highlight):
            # ignore cards that the user accepted and undid
            accepted_guids = set()
            for event in self._store.load_events(passage.keys):
                if event.what == "accept" and event.by == USER:
                    accepted_guids.add(event.body["guid"])
            kept_cards = {}
            for id, card in passage.cards.items():
                if card.verdict is not Verdict.TAKEN_BACK or id not in accepted_guids:
                    kept_cards[id] = card
            passage_before = replace(passage, cards=kept_cards)
            is_dropped = _was_similar_card_dropped(passage_before, draft, highlight)
            return RemarkKind.DECIDED_BEFORE if is_dropped else RemarkKind.TAKEN_BACK
        if not (self._any_deleted or self._unknown_notes):
            return None
        guid = make_guid(passage.key, draft)
        if guid in self._deleted_guids and guid not in passage.cards:
            return (
                RemarkKind.NOTE_DELETED
            )  # the note was deleted before the journal was lost
        tag = build_document_tag(highlight.document.title)
        # a note of another type may have no link that names its vault
        names = (add_vault_name(tag, highlight.uri), tag, guid)
        if not self._unknown_notes.isdisjoint(names):
            return RemarkKind.UNKNOWN_NOTES
        return None


def _was_similar_card_dropped(
    passage: Passage, draft: StoredDraft, highlight: Highlight
) -> bool:
    if not passage.is_decided:
        return False
    about = facts.find_decided_sentences(draft, facts.get_fact_text(highlight))
    return facts.has_dropped_similar(passage, draft, about)


def add_vault_name(tag: str, link: str) -> str:
    """Append the name of an Obsidian vault to a document's tag.

    This tells apart documents with the same name in different vaults, e.g. `Index.md`. `link`
    is a link to the document, or HTML that contains one. If it doesn't name a vault, the tag
    is returned unchanged.
    """
    vault = _VAULT.search(link)
    return f"{tag} {unquote(vault[1])}" if vault else tag


def find_equal_cards(store: Store, passage: Passage, words: str) -> list[Row]:
    """Return the rows of cards in other passages that have the same content.

    Cards that the user declared to be different are left out. `words` is the hash of a card's
    content, either now or when it was drafted.
    """
    rows = card_rows.load_cards_by_content(store, [words]).get(words, ())
    return list(_filter_other_passages(store, passage, rows))


def _filter_other_passages(
    store: Store, passage: Passage, rows: Iterable[Row]
) -> Iterator[Row]:
    for row in rows:
        if row["passage"] != passage.key:
            if not passage.is_distinct_from(store.get_passage(row["passage"])):
                yield row


def find_doubts_to_ask(store: Store, passage: Passage) -> list[Pair]:
    """Return possible matches with removed passages that the user should confirm.

    Only removed passages with live cards are included. Each match is a pair of a key of this
    passage and the key of the removed one.
    """
    doubts = _find_doubts(store, passage)
    return [(new, old) for new, old in doubts if store.get_passage(old).live_cards]


def _find_doubts(store: Store, passage: Passage) -> list[Pair]:
    """Return all possible matches with removed passages, as (new key, old key) pairs."""
    if not passage.asked or not cards.load_present_row(store, passage):
        return []
    doubts = []
    for new, old in passage.asked.items():
        other = store.get_passage(old)
        if not cards.load_present_row(store, other):
            doubts.append((new, old))
    return doubts
