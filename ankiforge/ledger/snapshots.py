"""Snapshots of passages, with everything that the decision and drafting rules need.

The rules are functions of snapshots and never query the database: `tables.snapshots` loads many
passages at once, a rule returns the changes to apply, and other functions of `tables` write them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec.structs import replace

from ankiforge.ledger import sentence_decisions
from ankiforge.ledger.events import USER, Passage, SentenceDecision, normalize_text
from ankiforge.ledger.sentence_decisions import SentenceState
from ankiforge.model import (
    Card,
    Draft,
    DraftingStatus,
    Guid,
    Highlight,
    StoredDraft,
    Strings,
    Value,
)

D = TypeVar("D", bound=Draft)


class RelatedDecisions(Value):
    """Decisions and cards from other passages about sentences that this passage has or had."""

    decisions: tuple[SentenceDecision, ...] = ()
    """The decisions on such sentences in other passages."""
    live_cards: Mapping[str, Card] = {}
    """The live cards of other passages that are about such sentences, by GUID."""
    present_sentences: frozenset[str] = frozenset()
    """The decided sentences that this passage no longer has but another passage still has."""


def find_distinctive_sentences(passage: Passage, sentences: Iterable[str]) -> set[str]:
    """Find the long sentences among `sentences` and in all earlier readings of a passage.

    Only long sentences are recognized in other passages.
    """
    all_sentences = set(sentences)
    for text in passage.readings:
        all_sentences.update(sentence_decisions.split_sentences(text.exact))
    return set(filter(sentence_decisions.is_distinctive_sentence, all_sentences))


class PassageSnapshot(Value):
    """A passage with its text, pending drafts and related decisions. The input of the rules."""

    passage: Passage
    text: str = ""
    """The text whose sentences are decided on, or "" if no source contains the passage any more."""
    pending_drafts: tuple[StoredDraft, ...] = ()
    """The pending drafts of the passage, under any of its keys."""
    related: RelatedDecisions = RelatedDecisions()
    """The decisions of other passages about sentences of this passage."""
    made: tuple[StoredDraft, ...] = ()
    """The drafts that were made of the passage, under any of its keys, whatever was decided."""
    highlight: Highlight | None = None
    """The highlight that the text is from, or None if there is none."""
    is_refused_line: bool = False
    """Whether the user answered that such lines are no cards."""

    @property
    def leading_key(self) -> str:
        """The key of the highlight that the text is from, or "" if there is none."""
        return "" if self.highlight is None else self.highlight.key

    @property
    def sentences(self) -> Strings:
        """The distinct sentences of the current text."""
        return sentence_decisions.split_sentences(self.text)

    @property
    def sentence_hashes(self) -> set[str]:
        """The hashes of the current text's sentences."""
        return set(map(sentence_decisions.hash_sentence, self.sentences))

    @property
    def all_decisions(self) -> list[SentenceDecision]:
        """The decisions on sentences of this passage, made in any passage, oldest first."""
        decisions = [*self.passage.decisions, *self.related.decisions]
        return sorted(decisions, key=lambda decision: decision.order)

    def get_decided_sentence_hashes(self) -> set[str]:
        """Return the hashes of the decided sentences, for which no more proposals are made.

        Sentences for which the user has only rejected a model's draft, or the question in a
        comment, aren't included.
        """
        return _collect_sentence_hashes(
            decision
            for decision in self.all_decisions
            if decision.event_id and decision.ends_proposals
        )

    def get_carded_sentence_hashes(self) -> set[str]:
        """Return the hashes of the sentences that have a live card in any passage."""
        live_guids: set[str] = {card.guid for card in self.passage.live_cards}
        live_guids.update(self.related.live_cards)
        return _collect_sentence_hashes(
            decision
            for decision in self.all_decisions
            if decision.event_id and decision.guid in live_guids
        )

    def get_rejected_sentence_hashes(self) -> set[str]:
        """Return the hashes of the sentences whose card, draft or proposal the user rejected."""
        return _collect_sentence_hashes(
            decision for decision in self.all_decisions if decision.rejection is not None
        )

    def find_outdated_cards(self) -> dict[Guid, str]:
        """Find the live cards whose quote is no longer in the passage.

        Hand-written cards are left out, because they get the new text of their source. Cards whose
        sentence is still in another passage are left out as well.

        Returns:
            For each card's GUID, the text that the card is about now. This is the new version of
            its sentence or, if no sentence is similar enough, the whole passage.
        """
        cards = self._find_unquoted_cards()
        if not cards:
            return {}
        last_decisions = sentence_decisions.find_last_decision_by_card(self.all_decisions)
        outdated_cards: dict[Guid, str] = {}
        for card in cards:
            decision = last_decisions.get(card.guid)
            if self._is_sentence_present(card, decision):
                continue
            new_sentence = self._find_new_sentence(card, decision)
            if not self._is_decided_since(new_sentence, decision):
                outdated_cards[card.guid] = new_sentence or normalize_text(self.text)
        return outdated_cards

    def _find_unquoted_cards(self) -> list[Card]:
        """Return the live cards whose quote isn't in the text, without hand-written cards."""
        text = normalize_text(self.text)
        if not text:
            return []
        cards = []
        for card in (*self.passage.live_cards, *self.related.live_cards.values()):
            if not card.is_hand_written and normalize_text(card.quote) not in text:
                cards.append(card)
        return cards

    def _is_sentence_present(self, card: Card, decision: SentenceDecision | None) -> bool:
        """Return whether the sentence of a card is still in this passage or in another.

        Of a card in the user's own words, one of the sentences is enough.

        Args:
            card: A card whose quote isn't in the passage any more.
            decision: The last decision on the card, or None if there is none.
        """
        sentences = _find_sentences_of_card(card, decision)
        if decision and decision.card_sentence and card.origin.drafter != USER:
            sentences = (decision.card_sentence,)
        present_sentences = {*self.sentences, *self.related.present_sentences}
        return not present_sentences.isdisjoint(sentences)

    def _find_new_sentence(self, card: Card, decision: SentenceDecision | None) -> str:
        """Return the new version of a card's sentence, or "" if no sentence is similar enough."""
        neighbours: Strings = ()
        if decision:
            neighbours = decision.passage_sentence_hashes
        old_sentences = _find_sentences_of_card(card, decision)
        return sentence_decisions.find_changed_sentence(
            old_sentences, self.sentences, neighbours
        )

    def update_quote(self, draft: D) -> D:
        """Return a copy of a draft with its quote updated to the current text of the passage.

        If the passage no longer contains the quote, it is replaced by the most similar sentence or,
        if no sentence is similar enough, by the whole passage. The original quote is kept in
        `drafted_quote` until the passage contains it again. The fields of the draft stay the same.
        """
        text = normalize_text(self.text)
        is_quoted = normalize_text(draft.quote) in text
        drafted_quote = draft.drafted_quote or draft.quote
        if normalize_text(drafted_quote) in text:
            # the original quote is in the text (again); a shorter quote within it is kept
            if is_quoted and draft.quote in drafted_quote:
                return replace(draft, drafted_quote="")
            return replace(draft, quote=drafted_quote, drafted_quote="")
        if is_quoted:
            return draft
        old_sentences = sentence_decisions.split_sentences(normalize_text(drafted_quote))
        sentence = sentence_decisions.find_changed_sentence(
            old_sentences, self.sentences, ()
        )
        return replace(draft, quote=sentence or self.text, drafted_quote=drafted_quote)

    def find_removed_sentence(self, draft: StoredDraft) -> str:
        """Return the sentence of a draft if it was removed from the passage, otherwise ""."""
        removed_hashes = set(draft.sentence_hashes) - self.sentence_hashes
        if not removed_hashes:
            return ""
        for reading in self.passage.readings:
            for sentence in sentence_decisions.split_sentences(reading.exact):
                if sentence_decisions.hash_sentence(sentence) in removed_hashes:
                    return sentence
        return ""

    def _is_decided_since(self, sentence: str, decision: SentenceDecision | None) -> bool:
        """Return whether the user has decided on the new sentence of a card since `decision`.

        They may have rejected it as the new text of the card, or accepted it as a new card.
        Revisions and rejections of other cards, the user's own cards, and rejected proposals don't
        count.
        """
        for later in self.all_decisions:
            if decision is not None and later.order <= decision.order:
                continue
            if sentence in later.sentences and self._may_decide_new_text(later):
                return True
        return False

    def _may_decide_new_text(self, decision: SentenceDecision) -> bool:
        if not decision.event_id or not decision.ends_drafting:
            return False
        if decision.revises:
            return False
        if decision.guid and decision.rejects_card_or_draft:
            return False  # about another card
        card = self.passage.cards.get(decision.guid)
        return card is None or card.origin.drafter != USER

    def find_card(self, guid: str) -> Card:
        """Return the card with this GUID. It is from this passage or a related one."""
        return self.passage.cards.get(guid) or self.related.live_cards[guid]

    def compute_sentence_states(
        self, drafted: Iterable[str] = ()
    ) -> tuple[SentenceState, ...]:
        """Return the states of the sentences that are decided or offered to the user.

        `drafted` are the hashes of the sentences with new drafts, which aren't pending yet.
        """
        live_guids: set[str] = set(self.related.live_cards)
        for card in self.passage.live_cards:
            if not card.is_hand_written:
                live_guids.add(card.guid)
        drafted_hashes = set(drafted)
        for draft in self.pending_drafts:
            if not draft.is_proposed:
                drafted_hashes.update(draft.sentence_hashes)
        drafted_sentences = []
        if drafted_hashes:  # hashing takes time
            for sentence in self.sentences:
                if sentence_decisions.hash_sentence(sentence) in drafted_hashes:
                    drafted_sentences.append(sentence)
        return sentence_decisions.compute_sentence_states(
            self.sentences,
            self.all_decisions,
            live_guids,
            present_elsewhere=self.related.present_sentences,
            drafted=drafted_sentences,
            closed=self.passage.is_closed,
        )


def _collect_sentence_hashes(decisions: Iterable[SentenceDecision]) -> set[str]:
    """Return the hashes of all sentences that the decisions are about."""
    hashes: set[str] = set()
    for decision in decisions:
        hashes.update(map(sentence_decisions.hash_sentence, decision.sentences))
    return hashes


def _find_sentences_of_card(card: Card, decision: SentenceDecision | None) -> Strings:
    """Return the sentences that a card was made from, as of the last decision on it."""
    if decision:
        return decision.sentences
    return sentence_decisions.split_sentences(normalize_text(card.quote))


class DraftingState(Value):
    """What drafting a highlight has found so far."""

    modelled_hash: str = ""
    """The hash of the content that a model drafted last, or ""."""
    declined_hash: str = ""
    """The hash of the content that a model found not worth a card, or ""."""
    status: DraftingStatus = DraftingStatus.DRAFTED
    reason: str = ""
    """Why there is no card, or ""."""
    usefulness: float = 0.0
    """The probability that the user would keep a card of the best sentence."""


class HighlightSnapshot(PassageSnapshot, kw_only=True):
    """A passage, and the highlight from which its cards are drafted."""

    highlight: Highlight
    content_hash: str
    """A hash of everything that drafts of the highlight depend on."""
    drafting: DraftingState = DraftingState()
    primary_copy_title: str | None = None
    """If the highlight is a copy, the title of the document that contains the primary copy."""

    @property
    def has_model_result(self) -> bool:
        """Whether a model has drafted the highlight with its current content."""
        return self.drafting.modelled_hash == self.content_hash

    @property
    def is_declined(self) -> bool:
        """Whether a model found the highlight, with its current content, not worth a card."""
        return self.drafting.declined_hash == self.content_hash
