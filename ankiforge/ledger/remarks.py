"""Why a draft needs a person: policy accepts no draft with a remark (`model.RemarkKind`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from msgspec.structs import replace

from ankiforge.ledger import cards, facts, forms
from ankiforge.ledger.events import PERSON, Passage, content, guid_of
from ankiforge.ledger.store import Row, Store
from ankiforge.ledger.tables import sentences
from ankiforge.ledger.tables.anki import any_buried, buried, is_buried
from ankiforge.model import (
    Card,
    CardKind,
    Highlight,
    Pair,
    Remark,
    RemarkKind,
    StoredDraft,
    Verdict,
)
from ankiforge.text import regex
from ankiforge.text.fold import document_tag

_VAULT = regex(r"obsidian://open\?vault=([^&\"]+)")


class Remarks:
    """Why drafts need a person, with all that is read once for many of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decided: dict[str, set[str]] = {}
        self._unburied: set[str] = set()
        self._as_of = -1
        """The number of events recorded then; -1 = nothing was read ahead."""
        # the guids and the documents of notes in Anki that no card here has
        self._unknown_notes = set(store.get_value("strangers", list[str]) or [])
        # whether notes were deleted in Anki that may have been ours
        self._any_buried = any_buried(store)
        self._fields = forms.Fields(store)

    def read(self, drafts: Sequence[StoredDraft]) -> None:
        """Read ahead from the database all that `on` needs for some drafts."""
        store = self._store
        contents = list(map(content, drafts))
        store.read_same_words(contents)
        equal = [card for words in contents for card in store.same_words(words).cards]
        store.load(card["passage"] for card in equal)
        names = {name for draft in drafts if draft.in_slot for name in draft.about}
        self._decided = sentences.deciding(store, names)
        self._as_of = store.events_recorded
        self._unburied = set()
        if self._any_buried:
            guids = {str(guid_of(store.first(draft.key), draft)) for draft in drafts}
            self._unburied = guids - buried(store, guids)

    def are_decided_elsewhere(self, passage: Passage, names: Sequence[str]) -> bool:
        """Return whether another passage decided one of these sentences, and not by its own form.

        Copies of a form follow each its own passage. `names`: of the sentences.
        """
        decided = self._decided
        if (
            self._as_of != self._store.events_recorded
        ):  # another draft was decided on since
            decided = sentences.deciding(self._store, names)
        return any(decided.get(name, set()) - {passage.key} for name in names)

    def on(self, draft: StoredDraft, place: Highlight, words: str) -> Iterator[Remark]:
        """Yield why a draft with these words, at its place, needs a person."""
        store = self._store
        passage = store.passage(draft.key)
        # a passage that is gone, and that it may be
        for _, old in _doubts(store, passage):
            is_live = store.passage(old).live
            yield Remark(RemarkKind.MOVED if is_live else RemarkKind.DECIDED_ON_LOST)
        before = self._before(passage, draft, place)
        if before is None and draft.in_slot:
            if self.are_decided_elsewhere(passage, draft.about):
                before = RemarkKind.DECIDED_BEFORE
        if before:
            yield Remark(before)

        # the same words elsewhere
        for card in equal_cards(store, passage, words):
            no_longer = "" if card["live"] else f", which is {card['verdict']}"
            yield Remark(RemarkKind.EQUAL_CARD, f"{card['guid'][:10]}{no_longer}")
        if any(other != passage.key for other in store.same_words(words).rejected):
            yield Remark(RemarkKind.REJECTED_ELSEWHERE)

        if forms.asks_form(store, place, self._fields):
            yield Remark(RemarkKind.FORM)
        if draft.kind is CardKind.OCCLUSION and not draft.revises:
            yield Remark(RemarkKind.FIGURE)

    def _before(
        self, passage: Passage, draft: StoredDraft, place: Highlight
    ) -> RemarkKind | None:
        """Return the remark that earlier decisions, or the notes of its document, call for."""
        if draft.revises:
            return RemarkKind.REVISION
        if draft.replaces:
            return RemarkKind.REPLACEMENT
        if draft.near:
            return RemarkKind.NEAR
        if _was_dropped(passage, draft, place):
            # as if the person had not accepted what they took back
            as_before = replace(passage, cards=self._cards_kept(passage))
            is_dropped = _was_dropped(as_before, draft, place)
            return RemarkKind.DECIDED_BEFORE if is_dropped else RemarkKind.TAKEN_BACK
        if not (self._any_buried or self._unknown_notes):
            return None
        guid = guid_of(passage.key, draft)
        if guid not in passage.cards and guid not in self._unburied:
            if is_buried(self._store, guid):
                return RemarkKind.NOTE_DELETED  # before the journal was lost
        tag = document_tag(place.document.title)
        # a note of another type may have no link that names its vault
        names = (in_vault(tag, place.uri), tag, guid)
        if not self._unknown_notes.isdisjoint(names):
            return RemarkKind.UNKNOWN_NOTES
        return None

    def _cards_kept(self, passage: Passage) -> dict[str, Card]:
        """Return the cards of a passage but for those that a person accepted and took back."""
        accepted = set()
        for event in self._store.events(passage.keys):
            if event.what == "accept" and event.by == PERSON:
                accepted.add(event.body["guid"])
        kept = {}
        for id, card in passage.cards.items():
            if card.verdict is not Verdict.TAKEN_BACK or id not in accepted:
                kept[id] = card
        return kept


def _was_dropped(passage: Passage, draft: StoredDraft, place: Highlight) -> bool:
    """Return whether a person dropped nearly the same."""
    if not passage.decided:
        return False
    about = facts.decided_by(draft, facts.text_of(place))
    return facts.dropped(passage, draft, about)


def in_vault(tag: str, link: str) -> str:
    """Return the tag of a document with its vault, if a link, or HTML, names a vault.

    Two vaults may each have a note `Index.md`.
    """
    vault = _VAULT.search(link)
    return f"{tag} {unquote(vault[1])}" if vault else tag


def equal_cards(store: Store, passage: Passage, content: str) -> list[Row]:
    """Return the cards of other passages that ask and answer the same, or did as drafted.

    Passages that a person said to be different are left out.
    """
    equal = []
    for card_row in store.same_words(content).cards:
        if card_row["passage"] == passage.key:
            continue
        if not passage.told_apart_from(store.passage(card_row["passage"])):
            equal.append(card_row)
    return equal


def asked(store: Store, passage: Passage) -> list[Pair]:
    """Return the pairs of `_doubts` to ask about: the lost passage has a live card."""
    doubts = _doubts(store, passage)
    return [(new, old) for new, old in doubts if store.passage(old).live]


def _doubts(store: Store, passage: Passage) -> list[Pair]:
    """Return the lost passages that a passage may be, as (its key, key of the lost one)."""
    if not passage.asked or not cards.present_row(store, passage):
        return []
    doubts = []
    for new, old in passage.asked.items():
        other = store.passage(old)
        if new in passage.beside or not cards.present_row(store, other):
            doubts.append((new, old))
    return doubts
