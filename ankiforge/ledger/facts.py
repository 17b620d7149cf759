"""The facts of a passage and what was decided on them: pure functions of text and events.

A *fact* is one sentence of a passage. A sentence is decided only if its exact text was: a long
one (`is_long`) wherever it stands, a short one in its own passage (`sentences.py` looks up the
former). `read` says which sentences are decided, and which are offered; an offer may say that
nearly the same words were decided, which this passage had, and ask whether it is the new text of
their card. Likeness decides nothing, it only asks. A card is about one sentence, that of its
answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from ankiforge.ledger.events import PERSON, FactDecision, Passage, exact, is_open_again
from ankiforge.ledger.match import LONG
from ankiforge.model import (
    PROPOSE,
    WORD_AND_TRANSLATION,
    Card,
    Draft,
    Highlight,
    Strings,
    Value,
    Words,
    h16,
)
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED, for_comparing, for_finding, locate, locate_words
from ankiforge.text.sentences import sentences_by_part

NEARLY = 50
"""The words in common, of the shorter of two sentences, from which they are nearly the same, in
per cent."""
_LONG_UNSPACED = 8
"""Letters of a script without blanks from which an equal sentence elsewhere is no coincidence."""
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
    """Return the text of a passage whose sentences are its facts: of vocabulary, the word."""
    if highlight.written == WORD_AND_TRANSLATION:
        return highlight.exact
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


@lru_cache(maxsize=4096)
def is_long(sentence: str) -> bool:
    """Return whether an equal sentence elsewhere is no coincidence."""
    letters = for_finding(sentence)
    if len(letters) >= LONG or letters.isascii():  # no ASCII is written without blanks
        return len(letters) >= LONG
    return len(_SIGN.findall(letters)) >= _LONG_UNSPACED


def names_of_long(sentences: Iterable[str]) -> list[str]:
    """Return the names of the long ones of some sentences."""
    return [name_of(each) for each in sentences if is_long(each)]


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


def decided_by(draft: Words, text: str) -> Strings:
    """Return the sentences of a passage on which a decision on a draft decides."""
    return decided_of(covered(text, draft.quote), draft.origin.drafter)


def decided_of(quoted: Strings, drafter: str) -> Strings:
    """Return the sentences of a quote that a decision on its draft decides.

    A proposal may begin with the sentence on which its own leans.
    """
    return quoted[-1:] if drafter == PROPOSE else quoted


def fact_of(draft: Draft, text: str) -> str:
    """Return the sentence of a passage that a draft is about; "" if none is known.

    It is the first one of its quote that holds the answer, or else the first one.
    """
    return about_of(decided_by(draft, text), draft.answer)


def about_of(within: Strings, answer: str) -> str:
    """Return the sentence that a card with this answer is about; "" if there are none."""
    folded = for_comparing(answer)
    for sentence in within:
        if folded and folded in for_comparing(sentence):
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


def dropped(passage: Passage, draft: Draft, within: Strings) -> bool:
    """Return whether a person rejected, retired or deleted a card of nearly these sentences.

    Policy leaves them alone; all of the passage, if that is closed.

    Args:
        passage: the passage.
        draft: a draft of it.
        within: the sentences on which a decision on the draft decides.
    """
    card_in_slot = passage.card_in_slot(draft)
    ended = {}
    for card in passage.cards.values():
        if card.by == PERSON and not card.live and not is_open_again(card):
            ended[card.guid] = card
            if card is card_in_slot:
                return True
    of_ended = {each for card in ended.values() for each in sentences(card.quote)}
    for decision in passage.decisions:
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
    """Return the share of the shorter sentence's words that both have, in per cent."""
    ours, theirs = words(old), words(new)
    shorter = min(ours.total(), theirs.total())
    return 100 * (ours & theirs).total() / max(1, shorter)


# --- the sentences of a card ------------------------------------------------------------


def of_cards(decisions: Iterable[FactDecision]) -> dict[str, FactDecision]:
    """Return for each card, live or not, the decision that gave it the words that it got last.

    `decisions` are the oldest first.
    """
    cards: dict[str, FactDecision] = {}
    for decision in decisions:
        is_first = decision.guid not in cards
        if decision.guid and decision.sentences and (decision.revises or is_first):
            cards[decision.guid] = decision
    return cards


def name_of_card(card: Card, decision: FactDecision | None) -> str:
    """Return the name of the sentence where a card is at home; "" = only in its own passage.

    The person's own forms follow their marks, and a short sentence is a coincidence.

    `decision`: the one that gave it its words.
    """
    if decision is None or card.in_slot or not is_long(decision.about):
        return ""
    return name_of(decision.about)


# --- the reading ------------------------------------------------------------------------


def read(
    given: Strings,
    decisions: Sequence[FactDecision] = (),
    live: Collection[str] = (),
    *,
    standing: Collection[str] = (),
    drafted: Collection[str] = (),
    closed: bool = False,
) -> tuple[Fact, ...]:
    """Return the facts of a passage as a person sees them, in its order.

    Args:
        given: its sentences, as `sentences` returns them.
        decisions: those on sentences that it has, or had, wherever made; oldest first.
        live: the live cards about which an offer may ask.
        standing: those of these sentences that stand in other passages.
        drafted: those with a draft that only a decision closes.
        closed: whether a person wants nothing more of it: what comes later is not offered.
    """
    of_proposals = [event for event in decisions if event.of_proposal]
    rejected = {each for event in of_proposals for each in event.sentences}
    decisions = [event for event in decisions if not event.of_proposal]
    all_decided = {each for event in decisions if event.of for each in event.sentences}
    decided = all_decided.intersection(given)
    undecided = [each for each in given if each not in decided | rejected]
    near = _nearly_the_same(undecided, decisions, live, {*given, *standing})

    # the facts: decided, asked about, drafted
    asked = {sentence for sentence, gone in near.items() if gone.card}
    is_open = set() if closed else set(given)
    facts = decided | asked | is_open.intersection(drafted)

    shown = []
    for sentence in given:
        if sentence in facts:
            fact = near.get(sentence, Fact(sentence))
            shown.append(Fact(sentence, decided=True) if sentence in decided else fact)
    return tuple(shown)


def offered(shown: Iterable[Fact]) -> dict[str, Fact]:
    """Return the facts that are offered, by their names."""
    return {name_of(fact.sentence): fact for fact in shown if not fact.decided}


def _nearly_the_same(
    undecided: Collection[str],
    decisions: Sequence[FactDecision],
    live: Collection[str],
    standing: Collection[str],
) -> dict[str, Fact]:
    """Return the sentences that are nearly the same as a decided one that stands nowhere.

    Of several, a live card's goes first, then the most alike. What stood beside a sentence
    when that was first decided is another fact.
    """
    near: dict[str, Fact] = {}
    if not undecided:
        return near
    # by decided sentence that is gone: the card to ask about, and hashes of what stood beside it
    gone: dict[str, tuple[str, Strings]] = {}
    last = of_cards(decisions)
    for decision in decisions:
        now = last.get(decision.guid, decision)
        for sentence in decision.sentences:
            if sentence in standing:
                continue
            card, beside = gone.get(sentence, ("", ()))
            if name_of(sentence) in decision.passage:  # a card may end later
                beside = beside or decision.passage
            if sentence == now.about and now.guid in live:
                card = now.guid
            gone[sentence] = (card, beside)

    ranks: dict[str, tuple[bool, float]] = {}
    for old in sorted(gone):
        card, beside = gone[old]
        for sentence in undecided:
            score = likeness(old, sentence)
            rank = (bool(card), score)
            is_best = score >= NEARLY and rank > ranks.get(sentence, (False, 0.0))
            if is_best and name_of(sentence) not in beside:
                ranks[sentence] = rank
                near[sentence] = Fact(sentence, card=card, near=old)
    return near
