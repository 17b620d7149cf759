"""The facts of a passage and what was decided on them: pure functions of text and events.

A *fact* is one sentence of a passage. Passages between which sentences moved are a *family*
(`ledger/families.py`): a sentence is decided wherever it stands in the family. `read` says
which sentences are decided, and which are offered; an offer may say that nearly the same words
were decided, and ask whether it is the new text of their card. Nothing else is remembered: a
lost database and a second computer read the same from the same events.

A sentence is decided only if its exact text was; likeness decides nothing, it only asks. A card
all of whose sentences stand is not asked about.

Tested by `tests/facts` and `tests/ledger/test_families_table.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from ankiforge.ledger.events import (
    PERSON,
    FactDecision,
    Passage,
    exact,
    is_open_again,
)
from ankiforge.model import PROPOSE, Card, Highlight, Strings, Value, h16
from ankiforge.text import regex
from ankiforge.text.fold import (
    UNSPACED,
    for_comparing,
    for_finding,
    locate,
    locate_words,
)
from ankiforge.text.sentences import sentences_by_part

MOST = 4
"""The facts of a passage."""
NEARLY = 50
"""The words in common, of the shorter of two sentences, from which they are nearly the same, in
per cent."""
_BEFORE_WORD = regex(r"^[\"'“”‘’«»(\[,;:]+")
_AFTER_WORD = regex(r"[\"'“”‘’«»)\],;:.!?…]+$")
_SIGN = regex(f"([{UNSPACED}])")


class Fact(Value):
    """A fact as a person sees it."""

    sentence: str
    decided: bool = False
    card: str = ""
    """The live card of which these may be the new words: the offer asks."""
    near: str = ""
    """The decided sentence that is nearly the same, and gone."""


# --- sentences --------------------------------------------------------------------------


def text_of(highlight: Highlight) -> str:
    """Return the text of a passage whose sentences are its facts."""
    return highlight.sentence or highlight.exact


@lru_cache(maxsize=4096)
def name_of(sentence: str) -> str:
    """Return the name of a fact in events and rows: a hash of its sentence."""
    return h16(sentence)


@lru_cache(maxsize=4096)
def sentences(text: str) -> Strings:
    """Return the exact sentences of a text, each once."""
    found: dict[str, None] = {}
    for part in sentences_by_part(text):
        for start, end in part:
            found[exact(text[start:end])] = None
    return tuple(found)


def covered(text: str, quote: str) -> Strings:
    """Return the sentences of a text that a quote covers, wholly or in part."""
    words = exact(quote)
    if not words:
        return ()
    if words in sentences(text):  # it may also end a longer one
        return (words,)
    whole = exact(text)
    start = whole.find(words)
    end = start + len(words)
    if start < 0:
        # what was completed from its source, or spelt otherwise there
        within = tuple(sentence for sentence in sentences(text) if sentence in words)
        span = None if within else locate(words, whole)
        if span is None:
            return within
        start, end = span
    touched = []
    place = 0
    for sentence in sentences(text):
        place = max(whole.find(sentence, place), 0)
        if place < end and start < place + len(sentence):
            touched.append(sentence)
        place += len(sentence)
    return tuple(touched)


def decided_by(draft: Card, text: str) -> Strings:
    """Return the sentences of a passage on which a decision on a draft decides."""
    return decided_of(covered(text, draft.quote), draft.origin.drafter)


def decided_of(quoted: Strings, drafter: str) -> Strings:
    """Return those of the sentences of a quote on which a decision on its draft decides.

    A proposal may begin with the sentence on which its own leans.
    """
    return quoted[-1:] if drafter == PROPOSE else quoted


def fact_of(draft: Card, text: str) -> str:
    """Return the sentence of a passage that a draft is about; "" if none is known.

    It is the first one of its quote that holds the answer, or else the first one.
    """
    within = decided_by(draft, text)
    answer = for_comparing(draft.answer)
    for sentence in within:
        if answer and answer in for_comparing(sentence):
            return sentence
    return within[0] if within else ""


def quoted_by(words: str, answer: str, text: str) -> str:
    """Return the part of a passage that a card in a person's words quotes; "" = all of it.

    Args:
        words: those of a cloze without its gaps, or "".
        answer: the answer of a question, or "".
        text: the passage.
    """
    within = covered(text, words)
    if not within and answer:
        within = tuple(each for each in sentences(text) if locate_words(answer, each))[:1]
    if not within:
        return ""
    whole = exact(text)
    end = whole.rfind(within[-1]) + len(within[-1])
    return whole[whole.find(within[0]) : end]


def dropped(passage: Passage, draft: Card, within: Strings) -> bool:
    """Return whether a person rejected, retired or deleted a card of nearly these sentences.

    Policy leaves them alone; all of the passage, if that is closed.

    Args:
        passage: the passage.
        draft: a draft of it.
        within: the sentences on which a decision on the draft decides.
    """
    card_in_slot = passage.card_in_slot(draft) if draft.in_slot else None
    ended = {}
    for card in passage.cards.values():
        if card.by == PERSON and not card.live and not is_open_again(card):
            ended[card.id] = card
            if card is card_in_slot:
                return True
    of_ended = {each for card in ended.values() for each in sentences(card.quote)}
    for decision in passage.facts:
        if decision.dropped or decision.guid in ended:
            of_ended.update(decision.sentences)
            if not decision.sentences:
                return True
    for gone in of_ended:
        if any(likeness(gone, sentence) >= NEARLY for sentence in within):
            return True
    return passage.skipped or bool(passage.closed and (ended or passage.rejected))


# --- likeness ---------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def words(sentence: str) -> Counter[str]:
    """Return the words of a sentence, without case and the punctuation around them.

    `C++`, `-3` and `.5` stay whole; of scripts without blanks, each sign is a word.
    """
    parts = _SIGN.sub(r" \1 ", sentence).split()
    bare = (_AFTER_WORD.sub("", _BEFORE_WORD.sub("", part)) for part in parts)
    return Counter(word.casefold() for word in bare if word)


def likeness(old: str, new: str) -> float:
    """Return the words in common, in any order, of those of the shorter, in per cent."""
    ours, theirs = words(old), words(new)
    shorter = min(ours.total(), theirs.total())
    return 100 * (ours & theirs).total() / max(1, shorter)


def alike(old: str, new: str) -> float:
    """Return how much of the letters, or of the words of the longer one, is in common.

    The higher of the two, in per cent.
    """
    from rapidfuzz import fuzz

    ours, theirs = words(old), words(new)
    longer = max(ours.total(), theirs.total(), 1)
    letters: float = fuzz.ratio(for_finding(old), for_finding(new))
    return max(letters, 100 * (ours & theirs).total() / longer)


# --- the sentences of a card ------------------------------------------------------------


class CardSentences(Value):
    """The sentences that a card is about, as the decisions on it say."""

    now: Strings
    later: dict[str, str] = {}
    """By an earlier sentence of it: the one that it has in its place."""
    left: Strings = ()
    """The sentences that it had before all of its words changed, as the source's did."""

    def in_place_of(self, sentence: str) -> str:
        """Return the sentence that the card has now for one that it has, or had; or ""."""
        return self.later.get(sentence, sentence if sentence in self.now else "")

    def after(self, decision: FactDecision) -> CardSentences:
        """Return its sentences after a further decision on the card."""
        if not decision.revises:
            return self
        if not decision.instead:
            left = tuple(dict.fromkeys((*self.left, *self.now)))
            return CardSentences(decision.sentences, left=left)
        [new, *_] = decision.sentences
        gone = self.in_place_of(decision.instead) or decision.instead
        now = dict.fromkeys(new if each == gone else each for each in self.now)
        later = {old: new if of == gone else of for old, of in self.later.items()}
        later[gone] = new
        later.pop(new, None)
        return CardSentences(tuple(now), later, self.left)


def of_cards(decisions: Iterable[FactDecision]) -> dict[str, CardSentences]:
    """Return the sentences of each card, live or not; `decisions` are the oldest first."""
    cards: dict[str, CardSentences] = {}
    for decision in decisions:
        if decision.guid and decision.sentences:
            card = cards.get(decision.guid)
            first = CardSentences(decision.sentences)
            cards[decision.guid] = card.after(decision) if card else first
    return cards


def has_left(
    about: Mapping[str, CardSentences], decision: FactDecision, sentence: str
) -> bool:
    """Return whether a card follows its source, and has other words than these by now."""
    card = about.get(decision.guid)
    return card is not None and sentence in card.left and sentence not in card.now


def home(
    sentences: Iterable[str],
    own: str,
    given: Mapping[str, Collection[str]],
    had: Mapping[str, Collection[str]],
) -> str:
    """Return the passage where a card is at home; "" = none that is here.

    Most of its sentences stand there: in its own passage, if in several, else in the oldest.
    If they stand nowhere, it is its own, or the one that had most of them.

    Args:
        sentences: those of the card.
        own: the passage under whose key it was accepted.
        given: by passage of its family that is here, the oldest first: its sentences.
        had: the same: the sentences that it ever had.
    """
    about = set(sentences)
    for stood in (given, had):
        count = {key: len(about.intersection(stood[key])) for key in given}
        most = max(count.values(), default=0)
        best = [key for key in given if most and count[key] == most]
        if best:
            return own if own in best else best[0]
        if own in given:
            return own
    return ""


# --- the reading ------------------------------------------------------------------------


def read(
    given: Strings,
    decisions: Sequence[FactDecision] = (),
    live: Collection[str] = (),
    *,
    worthy: Iterable[str] = (),
    drafted: Collection[str] = (),
    elsewhere: Collection[str] = (),
    had: Collection[str] = (),
    closed: bool = False,
    brought: Collection[str] = (),
) -> tuple[Fact, ...]:
    """Return the facts of a passage as a person sees them, in its order.

    Args:
        given: its sentences, as `sentences` returns them.
        decisions: those of its family that stand, oldest first.
        live: the live cards about which an offer may ask.
        worthy: the sentences that are worth a card, best first.
        drafted: those with a draft that only a decision closes.
        elsewhere: the sentences of the other passages of its family that are here.
        had: the sentences that it had before.
        closed: whether a person wants nothing more of it: what comes later is not offered.
        brought: the sentences that came from a passage that is not closed.
    """
    family = _Family(decisions, live, {*given, *elsewhere})
    decided = family.decided.intersection(given)
    near = _nearly_the_same(given, family, had)

    # the facts: decided, asked about, drafted, then the best others up to four
    asked = {sentence for sentence, gone in near.items() if gone.card}
    is_open = set(given).intersection(brought) if closed else set(given)
    facts = decided | asked | is_open.intersection(drafted)
    others = [each for each in worthy if each in is_open and each not in facts]
    # what was no fact of a passage when its last fact was decided is none
    ended: set[str] = set()
    names_of_decided = {name_of(sentence) for sentence in family.decided}
    for event in decisions:
        if event.facts and names_of_decided.issuperset(event.facts):
            ended.update(set(event.passage) - set(event.facts))
    open_others = [each for each in others if name_of(each) not in ended]
    facts.update(open_others[: max(0, MOST - len(facts))])

    shown = []
    for sentence in given:
        if sentence in facts:
            fact = near.get(sentence, Fact(sentence))
            shown.append(Fact(sentence, decided=True) if sentence in decided else fact)
    return tuple(shown)


def offered(shown: Iterable[Fact]) -> dict[str, Fact]:
    """Return the facts that are offered, by their names."""
    return {name_of(fact.sentence): fact for fact in shown if not fact.decided}


class _Family:
    """The decisions of a family, and where the decided sentences are now."""

    def __init__(
        self,
        decisions: Sequence[FactDecision],
        live: Collection[str],
        standing: Collection[str],
    ) -> None:
        self.decided: set[str] = set()
        self.stand: dict[str, Strings] = {}
        """By decided sentence that stands: hashes of what stood beside it then."""
        self.gone: dict[str, Strings] = {}
        """The same of those that stand nowhere."""
        self.card_of: dict[str, str] = {}
        """By decided sentence that stands nowhere: the live card that an offer asks about."""

        about = of_cards(decisions)
        may_be_asked = set()
        for guid, card in about.items():
            if guid in live and not all(each in standing for each in card.now):
                may_be_asked.add(guid)
        for decision in decisions:
            if decision.of:
                self.decided.update(decision.sentences)
            also = (decision.instead,) if decision.instead else ()
            for sentence in (*decision.sentences, *also):
                if has_left(about, decision, sentence):
                    continue
                where = self.stand if sentence in standing else self.gone
                stood = name_of(sentence) in decision.passage  # a card may end later
                if not where.get(sentence):
                    where[sentence] = decision.passage if stood else ()
                if decision.guid in may_be_asked and sentence not in standing:
                    self.card_of[sentence] = decision.guid


def _nearly_the_same(
    given: Strings, family: _Family, had: Collection[str]
) -> dict[str, Fact]:
    """Return the undecided sentences that are nearly the same as a decided one that is gone.

    Of several, a live card's goes first, then the most alike. What stood beside a sentence
    when that was first decided is another fact. A decided sentence that only this passage
    lost is a remark.
    """
    # to save time: what is decided is shown as that anyway
    undecided = {each: name_of(each) for each in given if each not in family.decided}
    near: dict[str, Fact] = {}
    if not undecided:
        return near
    ranks: dict[str, tuple[bool, float]] = {}
    for gone in sorted(family.gone):
        card = family.card_of.get(gone, "")
        for sentence, name in undecided.items():
            if name in family.gone[gone]:  # the two stood side by side
                continue
            score = likeness(gone, sentence)
            rank = (bool(card), score)
            if score >= NEARLY and rank > ranks.get(sentence, (False, 0.0)):
                ranks[sentence] = rank
                near[sentence] = Fact(sentence, card=card, near=gone)
    for lost in sorted(set(had).intersection(family.stand).difference(given)):
        for sentence, name in undecided.items():
            if sentence in near or name in family.stand[lost]:
                continue
            if likeness(lost, sentence) >= NEARLY:
                near[sentence] = Fact(sentence, near=lost)
    return near
