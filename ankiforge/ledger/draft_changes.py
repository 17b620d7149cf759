"""The changes to record for the drafts of a passage: which wait, which go, which cards follow.

`draft_changes` is handed the passage as it is here, and its checked drafts; it returns what
changes, and changes nothing. Only the source's own words change a card unasked, and not words that
a check blocks. Where cards follow, that is recorded first, and the rest is asked for again, of the
passage as it is then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ankiforge.ledger import facts
from ankiforge.ledger.copies import FormerCopy
from ankiforge.ledger.decided import Decided, decided, revised
from ankiforge.ledger.drafts import (
    draft_id,
    has_news,
    is_known,
    is_new,
    nearest_gap,
    proposed_card,
    texts_of,
    with_first_gap,
)
from ankiforge.ledger.events import SOURCE, stands_in, wording_of, words_read
from ankiforge.ledger.facts import Fact
from ankiforge.ledger.here import Asks, HighlightHere, PassageHere, card_asked, settled
from ankiforge.ledger.match import LONG, is_perhaps
from ankiforge.model import (
    Card,
    CardKind,
    Change,
    Draft,
    Drafted,
    Guid,
    Highlight,
    HighlightKind,
    SourceKind,
    StoredDraft,
    Strings,
    Value,
)
from ankiforge.text import occlusion
from ankiforge.text.decoding import damage_in
from ankiforge.text.fold import for_finding

SAME_WORDS = "same words as in "
"""How the reason of a copy begins, before the title of the document that has the
original."""
DERIVED_ALIKE = 85
"""How much alike words that a reader derived must be to ship unasked, in per
cent."""


class By(Value):
    """Who drafts, and how the drafts join those that wait."""

    machine: str
    """The machine that reads."""
    model: bool = False
    """The drafts are a model's; those of the rules stay."""
    beside: bool = False
    """The drafts join those that wait."""

    @property
    def rules(self) -> bool:
        """Whether the rules draft a passage that changed."""
        return not (self.model or self.beside)


class Waits(Value):
    """A draft that waits from now on, as it is stored; see `StoredDraft`."""

    draft: Draft
    id: str
    position: int
    """Its place among the drafts of its highlight."""
    about: Strings
    revises: Guid | None
    replaces: Guid | None
    near: str = ""


class Outcome(Value):
    """The result of drafting a highlight, as it is noted in the highlight's row."""

    key: str
    drafted: str
    """The content that was drafted; "" = it is to be drafted again."""
    reason: str = ""
    fate: str = ""
    worth: float = 0.0
    worth_by_name: Mapping[str, float] | None = None
    """How likely a card of each sentence is kept, by the sentence's name; None = not judged."""
    declined: str = ""
    """The content that a model judged not worth a card."""


class DraftChanges(Value):
    """The changes to record for the drafts of a passage."""

    here: HighlightHere
    """The passage, with the drafts that wait on."""
    follows: tuple[Decided, ...] = ()
    """The cards that get the new words of their source: recorded before all else, after which the
    rest is asked for again."""
    waits: tuple[Waits, ...] = ()
    gone: Strings = ()
    """The ids of drafts that wait no longer."""
    moved: tuple[StoredDraft, ...] = ()
    """The drafts that wait on, and are about another sentence now."""
    asks: tuple[Asks, ...] = ()
    outcome: Outcome | None = None
    changes: tuple[Change, ...] = ()
    """The cards that keep their words because a check blocks the new ones."""

    @property
    def new(self) -> list[str]:
        """The ids of the drafts for new cards: neither rejected nor a card already."""
        return [each.id for each in self.waits if not each.revises]


def draft_changes(
    here: HighlightHere, drafted: Drafted, by: By, *, has_followed: bool = False
) -> DraftChanges:
    """Return the changes to record for the checked drafts of a passage.

    The source's own words change its accepted card at once. Of other drafts those wait whose
    facts are offered (`facts.read`).

    Args:
        here: the passage.
        drafted: its drafts, as `drafts.completed` returns them, with the findings of the checks.
        by: who drafted them.
        has_followed: whether the cards that follow their source were recorded already.
    """
    # an exact copy of another passage gets no draft
    original = original_of(here)
    if original:
        drafted = Drafted(drafted.highlight, reason=f"{SAME_WORDS}{original}")

    # nothing is proposed of what a model judged not worth a card
    is_declined = drafted.declined and not by.beside
    if by.rules:
        is_declined = here.is_declined

    # the person's own form, earlier drafts, and the others, each about a sentence
    made = Made.of(drafted.drafts, here.text, is_declined)
    earlier = _earlier(here, by)
    here = replace(here, waiting=earlier.wait_on)

    # the cards that get the new words of their source unasked come first, alone
    if not has_followed:
        follows = []
        for draft in made.own:
            card = _card_with_news(here, draft, by)
            if card and not is_held(card, draft, here.highlight):
                event = revised(here.highlight.key, card.guid, draft, SOURCE)
                covered = facts.covered(here.text, draft.quote)
                follows.append(decided(here, event, covered))
        if follows:
            return DraftChanges(here, follows=tuple(follows))

    # the drafts that wait now, and those whose facts are no longer offered
    own = list(_own_waiting(here, made.own, by))
    waiting_facts = [name for each in own for name in each.about]
    shown = here.facts_now(drafted=[*waiting_facts, *made.drafted_facts])
    others = _others_waiting(here, made.others, shown, by)
    there = settled(here, here.waiting, shown, ())
    return DraftChanges(
        here,
        waits=(*own, *others),
        gone=(*earlier.gone, *there.gone),
        moved=earlier.moved,
        asks=there.asks,
        outcome=_outcome(drafted, here, by, is_declined=is_declined),
        changes=tuple(_held_back(here, made.own, by)),
    )


def _outcome(
    drafted: Drafted, here: HighlightHere, by: By, *, is_declined: bool
) -> Outcome:
    """Return the result of drafting a highlight."""
    reason, fate = drafted.reason.removeprefix("skip: "), drafted.fate
    if is_declined and not by.model:  # the model's reason stands
        reason, fate = here.reason, "no_card"
    worth = drafted.worth if by.rules else here.worth
    if is_declined and worth > 0:  # nothing is proposed of it
        worth -= 1.0

    # the worth of each sentence, which is the last one of its words: it may lean on others
    worth_by_name: dict[str, float] = {}
    text = facts.text_of(drafted.highlight)
    for quote, worth_of_quote in drafted.worths:
        for sentence in facts.covered(text, quote)[-1:]:
            worth_by_name.setdefault(facts.name_of(sentence), worth_of_quote)
    return Outcome(
        key=here.highlight.key,
        # what failed counts as not drafted, and is drafted again
        drafted="" if drafted.failed else here.content,
        reason=reason,
        fate=fate,
        worth=worth,
        worth_by_name=worth_by_name if by.rules else None,
        declined=here.content if is_declined else "",
    )


# --- the drafts of a passage ------------------------------------------------------------


class Made(NamedTuple):
    """The drafts that were made of a highlight."""

    own: list[Draft]
    """The person's own form."""
    others: list[tuple[Draft, str]]
    """Each with its sentence; "" if none is known."""

    @classmethod
    def of(cls, drafts: Iterable[Draft], text: str, is_declined: bool) -> Made:
        """Return the drafts of a text; if that is declined, without new words of cards."""
        made = cls([], [])
        for draft in drafts:
            if draft.unfit:
                continue
            if draft.own:
                made.own.append(draft)
            elif not (is_declined and draft.proposed):
                made.others.append((draft, facts.fact_of(draft, text)))
        return made

    @property
    def drafted_facts(self) -> list[str]:
        """The names of the sentences that have a draft of their own, not new words of a card."""
        return [facts.name_of(each) for draft, each in self.others if not draft.proposed]


class _Earlier(NamedTuple):
    """The drafts of a passage that waited before: which stay, go, or get another sentence."""

    wait_on: tuple[StoredDraft, ...]
    gone: Strings
    moved: tuple[StoredDraft, ...]
    """The drafts that wait on and are about another sentence now."""


def _earlier(here: HighlightHere, by: By) -> _Earlier:
    """Return the drafts that wait on, go, or move, under all keys of the passage.

    A model's stay while their quote is there, perhaps in another sentence now.
    """
    wait_on, gone, moved = [], [], []
    for draft in here.waiting:
        if is_replaced(draft, here.highlight, by):
            gone.append(draft.id)
            continue
        if draft.about and not draft.in_slot and not draft.proposed:
            sentence = facts.fact_of(draft, here.text)
            if sentence and (facts.name_of(sentence),) != draft.about:
                draft = replace(draft, about=(facts.name_of(sentence),))
                moved.append(draft)
        wait_on.append(draft)
    return _Earlier(tuple(wait_on), tuple(gone), tuple(moved))


def is_replaced(draft: StoredDraft, highlight: Highlight, by: By) -> bool:
    """Return whether the new drafts replace a draft that waits."""
    if by.beside:
        return False
    if draft.key != highlight.key:
        return draft.proposed and not by.model
    is_of_rules = draft.proposed or draft.origin.drafter.startswith("rules")
    if by.model:
        return not is_of_rules
    return is_of_rules or not stands_in(draft.quote, highlight)


# --- which drafts wait ------------------------------------------------------------------


def _own_waiting(here: HighlightHere, own: Iterable[Draft], by: By) -> Iterator[Waits]:
    """Yield the person's own forms that are new, or whose words are held back from their cards."""
    position = 0
    for draft in own:
        if not is_new(here.passage, draft, by.machine):
            continue
        covered = facts.covered(here.text, draft.quote)
        about = tuple(facts.name_of(each) for each in covered)
        card = _card_with_news(here, draft, by)
        held = card.guid if card and is_held(card, draft, here.highlight) else None
        yield Waits(
            draft,
            draft_id(draft),
            position,
            about,
            revises=held,
            replaces=_card_replaced(here, draft),
        )
        position += 1


def _others_waiting(
    here: HighlightHere,
    others: Sequence[tuple[Draft, str]],
    shown: Sequence[Fact],
    by: By,
) -> Iterator[Waits]:
    """Yield the drafts about an offered fact, or that a person asked for.

    Args:
        here: the passage.
        others: its drafts, each with its sentence; "" if none is known.
        shown: its facts.
        by: who drafts.
    """
    offered = facts.offered(shown)
    # the sentences with a draft of the note type of the card about which they ask: the
    # drafts of the other type are left out
    asking = set()
    for draft, sentence in others:
        fact = offered.get(facts.name_of(sentence))
        if fact and card_asked(here, fact, draft.kind):
            asking.add(sentence)
    for position, (draft, sentence) in enumerate(others):
        name = facts.name_of(sentence) if sentence else ""
        fact = offered.get(name)
        if fact is None:
            if not by.beside and (sentence or here.passage.closed):
                continue
            if is_known(here.passage, draft):
                continue
            fact = Fact(sentence)
        asks = card_asked(here, fact, draft.kind)
        if fact.card and not asks and sentence in asking:
            continue
        if draft.proposed and not asks:  # it is stored only as new words of a card
            continue
        if asks and draft.gaps:
            # the gap that is the most like the card comes first
            nearest = nearest_gap(draft, here.card(asks).field("Text"))
            draft = with_first_gap(draft, nearest)
        about = (name,) if name else ()
        yield Waits(
            draft,
            draft_id(draft),
            position,
            about,
            revises=asks,
            replaces=None,
            near=fact.near,
        )


def _card_replaced(here: HighlightHere, draft: Draft) -> Guid | None:
    """Return the card that the source's own words would replace; None if there is none.

    It is the one with the same number, of another note type, or one that was a proposal.
    """
    if not draft.in_slot:
        return None
    for card in here.passage.live:
        if card.number == draft.number and card.family is not draft.family:
            return card.guid
    card_in_slot = here.passage.card_in_slot(draft)
    proposed = proposed_card(here.passage)
    if proposed is not None and (card_in_slot is None or not card_in_slot.live):
        return proposed.guid
    return None


# --- drafts and cards -------------------------------------------------------------------


def _card_with_news(here: PassageHere, draft: Draft, by: By) -> Card | None:
    """Return the live card of a draft's slot, if the source's text changed; else None."""
    card = here.passage.card_in_slot(draft)
    return card if card and has_news(card, draft, by.machine) else None


def _held_back(here: HighlightHere, own: Iterable[Draft], by: By) -> Iterator[Change]:
    """Yield the cards whose new words are held back for a reason that a person is to know."""
    for draft in own:
        card = _card_with_news(here, draft, by)
        why = why_held(card, draft) if card else ""
        if card and why:
            after = tuple(wording_of(draft).fields.items())
            yield Change(card.guid, card.fields, after, why)


def is_held(card: Card, draft: Draft, highlight: Highlight) -> bool:
    """Return whether the new words of a card are held back, to wait as a revision."""
    if why_held(card, draft):
        return True
    if not is_derived(draft, highlight):
        return False
    from rapidfuzz import fuzz

    alike = fuzz.ratio(" ".join(texts_of(card)), " ".join(texts_of(draft)))
    return alike < DERIVED_ALIKE


def why_held(card: Card, draft: Draft) -> str:
    """Return why a card does not get the new words of its source unasked; "" if it does."""
    if draft.blocked:
        return "a check blocks the new words"
    if draft.kind is CardKind.OCCLUSION:
        old, new = occlusion.masks_in(card.fields), occlusion.masks_in(draft.fields)
        is_sure = occlusion.follow(old, new, card.note.numbers).sure
        return "" if is_sure else "its figure has changed too much"
    if any(map(damage_in, texts_of(card))):
        return ""
    damage = next(filter(None, map(damage_in, texts_of(draft))), "")
    return f"the new words are damaged: “{damage}”" if damage else ""


def is_derived(draft: Draft, highlight: Highlight) -> bool:
    """Return whether the words of a draft were read from the page of a PDF."""
    if draft.kind is CardKind.OCCLUSION or highlight.kind is HighlightKind.CARD:
        return False
    return highlight.source_kind is SourceKind.PDF


# --- copies -----------------------------------------------------------------------------


def original_of(here: HighlightHere) -> str:
    """Return the title of the document that has the original, if this is a copy; else ""."""
    if here.passage.decided:
        return ""
    for copy in here.copies:
        if copy.key in here.passage.keys:
            continue
        if copy.is_decided or copy.issued < here.issued:
            return copy.title
    for former in here.former_copies:
        if _had_these_words(former, here):
            return f"{former.title}, before they changed"
    return ""


def _had_these_words(former: FormerCopy, here: HighlightHere) -> bool:
    """Return whether a decided passage had the words of this one before they changed.

    This one is a copy of it that stayed as it was, and is no other fact, whatever became of
    the cards of the other.
    """
    highlight, other = here.highlight, former.passage
    is_short = len(for_finding(highlight.exact)) < LONG
    if is_short and highlight.kind is not HighlightKind.CARD:
        return False
    if other.key == here.passage.key or here.passage.told_apart_from(other):
        return False
    folded = for_finding(words_read(highlight))
    if not other.decided or former.folded == folded:
        return False
    return is_perhaps(former.folded, folded)
