"""Snapshots of passages, with everything that the decision and drafting rules need.

The rules are functions of snapshots and never query the database: `tables.snapshots` loads many
passages at once, a rule returns the changes to make, and other functions of `tables` write them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ankiforge.ledger import facts
from ankiforge.ledger.events import FactDecision, Passage
from ankiforge.ledger.facts import Fact
from ankiforge.model import Card, CardKind, Guid, Highlight, StoredDraft, Strings, Value


class RelatedDecisions(Value):
    """Decisions and cards of other passages that concern the sentences a passage has or had."""

    decisions: tuple[FactDecision, ...] = ()
    """The decisions that were made on such sentences in other passages."""
    live_cards: Mapping[str, Card] = {}
    """The live cards of other passages that are about such sentences, by GUID."""
    present_sentences: frozenset[str] = frozenset()
    """The decided sentences that this passage no longer has, but another present passage has."""


def find_long_sentences(passage: Passage, sentences: Iterable[str]) -> set[str]:
    """Return the long sentences among `sentences` and all sentences that the passage ever had.

    Only long sentences are recognized in other passages.
    """
    all_sentences = set(sentences)
    for text in passage.texts:
        all_sentences.update(facts.split_sentences(text.exact))
    return set(filter(facts.is_long, all_sentences))


class PassageSnapshot(Value):
    """A passage with its current text and pending drafts, as the rules need it."""

    passage: Passage
    text: str = ""
    """The text whose sentences are the facts, or "" if the passage is no longer in any source."""
    pending_drafts: tuple[StoredDraft, ...] = ()
    """The pending drafts of the passage, under all of its keys."""
    related: RelatedDecisions = RelatedDecisions()
    """The decisions of other passages that concern sentences of this one."""

    @property
    def sentences(self) -> Strings:
        """The sentences of the current text, each once."""
        return facts.split_sentences(self.text)

    def get_decided_names(self, *, of_proposals: bool = False) -> set[str]:
        """Return the hashes of all sentences that were decided, in this or another passage.

        Args:
            of_proposals: whether to include the sentences of rejected proposals.
        """
        names: set[str] = set()
        for decision in (*self.passage.decisions, *self.related.decisions):
            if decision.of and (of_proposals or not decision.of_proposal):
                names.update(map(facts.hash_sentence, decision.sentences))
        return names

    def get_carded_names(self) -> set[str]:
        """Return the hashes of the sentences with a live card, of this or another passage."""
        live_guids = {
            card.guid for card in self.passage.live_cards
        } | self.related.live_cards.keys()
        names: set[str] = set()
        for decision in (*self.passage.decisions, *self.related.decisions):
            if decision.of and decision.guid in live_guids:
                names.update(map(facts.hash_sentence, decision.sentences))
        return names

    def get_rejected_names(self) -> set[str]:
        """Return the hashes of the sentences whose card, draft or proposal the user rejected."""
        names: set[str] = set()
        for decision in (*self.passage.decisions, *self.related.decisions):
            if decision.dropped or decision.of_proposal:
                names.update(map(facts.hash_sentence, decision.sentences))
        return names

    def find_card(self, guid: str) -> Card:
        """Return a card of the passage, or a live card of another one about its sentences."""
        return self.passage.cards.get(guid) or self.related.live_cards[guid]

    def compute_facts(
        self,
        decisions: Sequence[FactDecision] | None = None,
        *,
        live: str = "",
        ended: str = "",
        drafted: Iterable[str] = (),
    ) -> tuple[Fact, ...]:
        """Return the facts of the passage, as they are now or after one more decision.

        Args:
            decisions: the decisions of the passage including the new one, or None for those
                recorded so far.
            live: the GUID of a card that the new decision makes or keeps, or "".
            ended: the GUID of a card that the new decision rejects, or "".
            drafted: the hashes of sentences that have a draft besides the pending drafts.
        """
        decisions = self.passage.decisions if decisions is None else decisions
        all_decisions = [*decisions, *self.related.decisions]
        all_decisions.sort(key=lambda decision: decision.order)
        guids = {
            card.guid for card in self.passage.live_cards if not card.is_hand_written
        }
        sentences = self.sentences
        drafted_names = set(drafted)
        for draft in self.pending_drafts:
            if not draft.is_proposed:
                drafted_names.update(draft.about)
        return facts.compute_facts(
            sentences,
            all_decisions,
            (guids | self.related.live_cards.keys() | {live}) - {ended, ""},
            standing=self.related.present_sentences,
            drafted=[
                sentence
                for sentence in sentences
                if drafted_names and facts.hash_sentence(sentence) in drafted_names
            ],
            closed=self.passage.closed,
        )


class HighlightSnapshot(PassageSnapshot, kw_only=True):
    """A passage together with the highlight that is drafted for it."""

    highlight: Highlight
    content: str
    """A hash of everything that drafts of the highlight depend on."""
    is_declined: bool = False
    """Whether a model found the highlight, with its current content, not worth a card."""
    reason: str = ""
    """Why the highlight had no card when it was last drafted, or ""."""
    usefulness: float = 0.0
    """The probability, as last estimated, that the user would keep a card of the best sentence."""
    original_title: str = ""
    """The title of the document with the original if the highlight is an exact copy, else ""."""


# --- pending drafts ---------------------------------------------------------------------


class RevisionTarget(Value):
    """A pending draft, with the card or decided sentence that it is now compared with."""

    draft: StoredDraft
    revises: Guid | None
    """The card that the draft would revise, or None."""
    near: str
    """A similar decided sentence that was removed, or ""."""


class PendingDraftChanges(Value):
    """The changes to the pending drafts of a passage that follow from its facts."""

    removed_ids: Strings = ()
    """The ids of the drafts that are no longer pending."""
    revision_targets: tuple[RevisionTarget, ...] = ()
    """The drafts that now ask about another card or another decided sentence."""


def plan_pending_drafts(
    snapshot: PassageSnapshot,
    drafts: Iterable[StoredDraft],
    shown_facts: Sequence[Fact],
    decided_names: Collection[str],
) -> PendingDraftChanges:
    """Compute which pending drafts are no longer offered, and which now ask about another card.

    Args:
        snapshot: the passage.
        drafts: the pending drafts of the passage.
        shown_facts: the current facts of the passage.
        decided_names: the hashes of decided sentences whose drafts are removed, even if the user
            requested them.
    """
    removed_ids = []
    revisions = []
    for draft, fact in match_drafts_to_facts(drafts, shown_facts, decided_names):
        if fact is None:
            removed_ids.append(draft.id)
            continue
        guid = find_revised_card(snapshot, fact, draft.kind)
        if (guid, fact.near) != (draft.revises, draft.near):
            revisions.append(RevisionTarget(draft, guid, fact.near))
    return PendingDraftChanges(tuple(removed_ids), tuple(revisions))


def match_drafts_to_facts(
    drafts: Iterable[StoredDraft],
    shown_facts: Sequence[Fact],
    decided_names: Collection[str],
) -> Iterator[tuple[StoredDraft, Fact | None]]:
    """Yield the drafts of a passage, each with its fact, or with None if it is no longer offered.

    Drafts that stay pending whatever the facts are skipped: hand-written ones, those about no
    fact, and those that the user requested for a fact that had been decided before.

    Args:
        drafts: the pending drafts of the passage.
        shown_facts: the current facts of the passage.
        decided_names: the hashes of decided sentences whose drafts are no longer offered, even if
            the user requested them.
    """
    offered_facts = facts.get_offered_facts(shown_facts)
    decided_before = {
        facts.hash_sentence(fact.sentence) for fact in shown_facts if fact.decided
    }
    for draft in drafts:
        if draft.is_hand_written or not draft.about:
            continue
        [name] = draft.about
        fact = offered_facts.get(name)
        if fact is not None or name in decided_names or name not in decided_before:
            yield draft, fact


def find_revised_card(
    snapshot: PassageSnapshot, fact: Fact, kind: CardKind
) -> Guid | None:
    """Return the GUID of the card that a draft about a fact may revise, or None.

    A draft with another note type can't revise the card, so it would be another card.
    """
    if not fact.card:
        return None
    return (
        Guid(fact.card) if kind.family is snapshot.find_card(fact.card).family else None
    )
