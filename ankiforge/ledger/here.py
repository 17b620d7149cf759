"""A passage as it is read here, with all of other passages that a rule about it may need.

Rules are functions of these values and never ask the database: `tables.here` reads the values of
many passages at once, a rule says what changes, and `tables` writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ankiforge.ledger import facts
from ankiforge.ledger.copies import Copy, FormerCopy
from ankiforge.ledger.events import FactDecision, Passage
from ankiforge.ledger.facts import Fact
from ankiforge.model import Card, CardKind, Guid, Highlight, StoredDraft, Strings, Value


class Elsewhere(Value):
    """The decisions and cards of other passages on the sentences that a passage has, or had."""

    decisions: tuple[FactDecision, ...] = ()
    """The decisions made there on these sentences."""
    live: Mapping[str, Card] = {}
    """By guid: the live cards there about one of these sentences."""
    standing: frozenset[str] = frozenset()
    """The decided sentences that this passage lost, and that stand elsewhere."""


def long_sentences(passage: Passage, given: Iterable[str]) -> set[str]:
    """Return the long sentences that a passage has, which are given, or had."""
    had = set(given)
    for text in passage.texts:
        had.update(facts.sentences(text.exact))
    return set(filter(facts.is_long, had))


class PassageHere(Value):
    """A passage as it is read here and now, with the drafts that wait."""

    passage: Passage
    text: str = ""
    """Its sentences are its facts; "" if it is nowhere."""
    waiting: tuple[StoredDraft, ...] = ()
    """Its drafts, over all its keys."""
    elsewhere: Elsewhere = Elsewhere()
    """The decisions of other passages on the sentences that it has, or had."""

    @property
    def sentences(self) -> Strings:
        """All its sentences."""
        return facts.sentences(self.text)

    def names_of_decided(self, *, of_proposals: bool = False) -> set[str]:
        """Return the names of all sentences of it that were decided, wherever they were.

        `of_proposals`: also those of which a proposal was rejected.
        """
        names: set[str] = set()
        for event in (*self.passage.decisions, *self.elsewhere.decisions):
            if event.of and (of_proposals or not event.of_proposal):
                names.update(map(facts.name_of, event.sentences))
        return names

    def names_with_card(self) -> set[str]:
        """Return the names of the sentences that have a live card, wherever they were decided."""
        live = {card.guid for card in self.passage.live} | self.elsewhere.live.keys()
        names: set[str] = set()
        for event in (*self.passage.decisions, *self.elsewhere.decisions):
            if event.of and event.guid in live:
                names.update(map(facts.name_of, event.sentences))
        return names

    def names_of_rejected(self) -> set[str]:
        """Return the names of the sentences whose card, draft or proposal a person rejected."""
        names: set[str] = set()
        for event in (*self.passage.decisions, *self.elsewhere.decisions):
            if event.dropped or event.of_proposal:
                names.update(map(facts.name_of, event.sentences))
        return names

    def card(self, guid: str) -> Card:
        """Return a card of it, or a live one elsewhere about one of its sentences."""
        return self.passage.cards.get(guid) or self.elsewhere.live[guid]

    def facts_now(
        self,
        decisions: Sequence[FactDecision] | None = None,
        *,
        live: str = "",
        ended: str = "",
        drafted: Iterable[str] = (),
    ) -> tuple[Fact, ...]:
        """Return its facts, as the journal has them or after one more decision.

        Args:
            decisions: those on its facts; None = those of the journal.
            live: a card that the last decision made.
            ended: a card that the last decision ended.
            drafted: hashes of sentences that have a draft besides those that wait.
        """
        decisions = self.passage.decisions if decisions is None else decisions
        all_decisions = [*decisions, *self.elsewhere.decisions]
        all_decisions.sort(key=lambda decision: decision.order)
        guids = {card.guid for card in self.passage.live if not card.in_slot}
        given = self.sentences
        names = set(drafted)
        for draft in self.waiting:
            if not draft.proposed:
                names.update(draft.about)
        return facts.read(
            given,
            all_decisions,
            (guids | self.elsewhere.live.keys() | {live}) - {ended, ""},
            standing=self.elsewhere.standing,
            drafted=[each for each in given if names and facts.name_of(each) in names],
            closed=self.passage.closed,
        )


class Ahead:
    """Passages that were read before they are decided on; each decision drops those it may change.

    A passage dropped, or asked for after another event was recorded, is read at its turn.
    """

    def __init__(
        self,
        passages: Iterable[PassageHere],
        names: Mapping[str, Collection[str]],
        unburied: Collection[str],
        recorded: int,
    ) -> None:
        """Index the passages by their ids, and by their long sentences.

        Args:
            passages: as they are here.
            names: those of the long sentences that each has or had, by the passage's key.
            unburied: the guids of the drafts whose notes were not deleted in Anki.
            recorded: the number of events that the transaction had recorded then.
        """
        self.unburied = unburied
        self._recorded = recorded
        self._passages = {here.passage.key: here for here in passages}
        self._passage_of: dict[str, str] = {}
        """By the ids of drafts and cards, and by keys."""
        self._with_sentence: dict[str, list[str]] = {}
        for first, here in self._passages.items():
            ids = (*here.passage.keys, *here.passage.cards)
            for id in (*ids, *(draft.id for draft in here.waiting)):
                self._passage_of[id] = first
            for name in names[first]:
                self._with_sentence.setdefault(name, []).append(first)

    def passage_of(self, id: str, recorded: int) -> PassageHere | None:
        """Return the passage of a draft, card or key as it is; None if it is to be read."""
        if recorded != self._recorded:
            return None
        return self._passages.get(self._passage_of.get(id, ""))

    def leave_out(
        self, keys: Iterable[str], names: Iterable[str], before: int, after: int
    ) -> None:
        """Drop the passages that events about some passages, or sentences, may have changed.

        Args:
            keys: those of the passages.
            names: those of the sentences.
            before: the number of events recorded before these.
            after: the same after them.
        """
        if before != self._recorded:
            return
        self._recorded = after
        for first in keys:
            self._passages.pop(first, None)
        for name in names:
            for first in self._with_sentence.pop(name, ()):
                self._passages.pop(first, None)


class HighlightHere(PassageHere, kw_only=True):
    """A passage by the one of its highlights that is drafted."""

    highlight: Highlight
    content: str
    """A hash of what its drafts depend on."""
    is_declined: bool = False
    """Whether a model judged that, as it is now, it deserves no card."""
    reason: str = ""
    """Why it has no card, as told last."""
    worth: float = 0.0
    """How likely a card of its best sentence is kept, as judged last."""
    issued: int = 0
    """The number of the event that issued its key; 0 = unknown."""
    copies: tuple[Copy, ...] = ()
    """The highlights that may be its original."""
    former_copies: tuple[FormerCopy, ...] = ()


# --- which drafts wait ------------------------------------------------------------------


class Asks(Value):
    """About which card, and which decided sentence, a draft that waits asks from now on."""

    draft: StoredDraft
    revises: Guid | None
    near: str


class Settled(Value):
    """The drafts of a passage that go, or ask about another card, after its facts changed."""

    gone: Strings = ()
    """The ids of the drafts that wait no longer."""
    asks: tuple[Asks, ...] = ()


def settled(
    here: PassageHere,
    waiting: Iterable[StoredDraft],
    shown: Sequence[Fact],
    decided: Collection[str],
) -> Settled:
    """Return the drafts whose facts are no longer offered, and those that ask about another card.

    Args:
        here: their passage.
        waiting: the drafts.
        shown: its facts.
        decided: hashes of the sentences that were decided on meanwhile.
    """
    gone = []
    asking = []
    for draft, fact in settled_by(waiting, shown, decided):
        if fact is None:
            gone.append(draft.id)
            continue
        asks = card_asked(here, fact, draft.kind)
        if (asks, fact.near) != (draft.revises, draft.near):
            asking.append(Asks(draft, asks, fact.near))
    return Settled(tuple(gone), tuple(asking))


def settled_by(
    waiting: Iterable[StoredDraft], shown: Sequence[Fact], decided: Collection[str]
) -> Iterator[tuple[StoredDraft, Fact | None]]:
    """Yield drafts of one passage, each with the fact that it is about; None = it waits no longer.

    The person's own forms and drafts about no fact are left out: they wait on. So does a
    draft that a person asked for on a fact decided before (`decided` has those of now).
    """
    offered = facts.offered(shown)
    standing = {facts.name_of(fact.sentence) for fact in shown if fact.decided}
    for draft in waiting:
        if draft.in_slot or not draft.about:
            continue
        [name] = draft.about
        fact = offered.get(name)
        if fact is not None or name in decided or name not in standing:
            yield draft, fact


def card_asked(here: PassageHere, fact: Fact, kind: CardKind) -> Guid | None:
    """Return the card about which a draft of a fact asks; None = about none.

    A draft of another note type is another card.
    """
    if not fact.card:
        return None
    return Guid(fact.card) if kind.family is here.card(fact.card).family else None
