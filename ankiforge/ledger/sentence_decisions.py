"""Pure functions that determine which sentences of a passage are decided and which are offered.

The unit of a decision is one sentence, also called a *fact*. A decision on a long sentence
(`is_distinctive_sentence`) applies to every passage that contains exactly this sentence. A
decision on a short one applies only to its own passage. `compute_sentence_states` returns the
decided and the offered sentences. If a decided sentence was removed, a draft about a similar
sentence may be offered as the new text of its card. A card is about the sentence that contains
its answer.

Events and tables identify a sentence by its hash (`hash_sentence`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ankiforge.ledger.events import (
    USER,
    Passage,
    Rejection,
    SentenceDecision,
    normalize_text,
    reopens_passage,
)
from ankiforge.ledger.match import MIN_DISTINCTIVE_CHARS
from ankiforge.model import (
    PROPOSAL_DRAFTER,
    WORD_AND_TRANSLATION,
    Card,
    CardContent,
    Draft,
    Highlight,
    Span,
    Strings,
    Value,
    hash16,
)
from ankiforge.text import regex
from ankiforge.text.located import find_whole_words, locate_text
from ankiforge.text.normalize import (
    UNSPACED_SCRIPTS,
    normalize_for_comparison,
    normalize_for_lookup,
)
from ankiforge.text.sentences import find_sentences_by_part

MIN_SENTENCE_SIMILARITY = 50
"""Two sentences are similar if at least this percentage of the words in the shorter sentence also
occur in the longer one."""
_MIN_LONG_UNSPACED = 8
"""The minimum length of a long sentence, in characters of a script without spaces."""
_LEADING_PUNCTUATION = regex(r"^[\"'“”‘’«»(\[,;:]+")
_TRAILING_PUNCTUATION = regex(r"[\"'“”‘’«»)\],;:.!?…]+$")
_UNSPACED_CHAR = regex(f"([{UNSPACED_SCRIPTS}])")


class SentenceState(Value):
    """A sentence of a passage that is decided or offered to the user."""

    sentence: str
    is_decided: bool = False
    revised_guid: str = ""
    """The GUID of a live card whose new text this sentence may be, or ""."""
    similar_removed: str = ""
    """A similar decided sentence that was removed, or ""."""


# --- sentences --------------------------------------------------------------------------


def get_sentence_text(highlight: Highlight) -> str:
    """Return the text whose sentences the user decides on for a highlight.

    It consists of the complete sentences that contain the highlight. For a word with a
    translation, it is only the word.
    """
    if highlight.line_syntax == WORD_AND_TRANSLATION:
        return highlight.exact
    return highlight.sentence or highlight.exact


@lru_cache(maxsize=4096)
def hash_sentence(sentence: str) -> str:
    """Hash a sentence. Events and tables identify sentences by this hash."""
    return hash16(sentence)


@lru_cache(maxsize=4096)
def split_sentences(text: str) -> Strings:
    """Split a text into sentences, normalized by `normalize_text` and without duplicates."""
    exact_sentences: dict[str, None] = {}
    for part in find_sentences_by_part(text):
        for start, end in part:
            exact_sentences[normalize_text(text[start:end])] = None
    return tuple(exact_sentences)


@lru_cache(maxsize=4096)
def is_distinctive_sentence(sentence: str) -> bool:
    """Return whether a sentence is too long to recur in another passage by coincidence."""
    folded = normalize_for_lookup(sentence)
    if len(folded) >= MIN_DISTINCTIVE_CHARS:
        return True
    # in scripts without spaces, a long sentence has fewer characters
    return len(_UNSPACED_CHAR.findall(folded)) >= _MIN_LONG_UNSPACED


def hash_distinctive_sentences(sentences: Iterable[str]) -> list[str]:
    """Hash the distinctive sentences (`is_distinctive_sentence`), and skip all other sentences."""
    return list(map(hash_sentence, filter(is_distinctive_sentence, sentences)))


def find_covered_sentences(text: str, quote: str) -> Strings:
    """Return the sentences of a text that overlap a quote, or () if the quote isn't in the text."""
    exact_quote = normalize_text(quote)
    if not exact_quote:
        return ()
    sentences = split_sentences(text)
    if exact_quote in sentences:  # it may also be the end of a longer sentence
        return (exact_quote,)
    exact_text = normalize_text(text)
    start = exact_text.find(exact_quote)
    if start >= 0:
        span = start, start + len(exact_quote)
        return _select_overlapping_sentences(sentences, exact_text, span)
    # the quote may contain further text
    quoted_sentences = tuple(filter(exact_quote.__contains__, sentences))
    if quoted_sentences:
        return quoted_sentences
    # or be spelled differently in the source
    located_span = locate_text(exact_quote, exact_text)
    if located_span is None:
        return ()
    return _select_overlapping_sentences(sentences, exact_text, located_span)


def _select_overlapping_sentences(
    sentences: Strings, exact_text: str, span: Span
) -> Strings:
    """Return the sentences that overlap with a span of their normalized text."""
    start, end = span
    covered_sentences = []
    position = 0
    for sentence in sentences:
        position = max(exact_text.find(sentence, position), 0)
        if position < end and start < position + len(sentence):
            covered_sentences.append(sentence)
        position += len(sentence)
    return tuple(covered_sentences)


def find_sentences_to_decide(draft: CardContent, text: str) -> Strings:
    """Find the sentences of a passage that are decided along with a draft."""
    return select_sentences_to_decide(
        find_covered_sentences(text, draft.quote), draft.origin.drafter
    )


def select_sentences_to_decide(quoted_sentences: Strings, drafter: str) -> Strings:
    """Select the sentences that are decided along with a draft from those in its quote.

    For a proposal, this is only the last sentence, because its quote may begin with context.
    """
    if drafter == PROPOSAL_DRAFTER:
        return quoted_sentences[-1:]
    return quoted_sentences


def find_draft_sentence(draft: Draft, text: str) -> str:
    """Find the sentence that a draft is about.

    This is the first sentence of its quote that contains the answer. If none does, it is the first
    sentence of the quote. Returns "" if the quote isn't in the passage.
    """
    return find_answer_sentence(find_sentences_to_decide(draft, text), draft.answer)


def find_answer_sentence(quoted_sentences: Strings, answer: str) -> str:
    """Return the first sentence that contains the answer, or the first sentence if none does.

    Returns "" if there aren't any sentences.
    """
    if not quoted_sentences:
        return ""
    folded_answer = normalize_for_comparison(answer)
    if folded_answer:
        for sentence in quoted_sentences:
            if folded_answer in normalize_for_comparison(sentence):
                return sentence
    return quoted_sentences[0]


def find_quote(cloze_text: str, answer: str, passage_text: str) -> str:
    """Find the part of a passage that a card in the user's own words is about.

    Args:
        cloze_text: The text of a cloze with its gaps filled in, or "" for a question.
        answer: The answer to a question, or "" for a cloze.
        passage_text: The text of the passage.

    Returns:
        The part, or "" if the card is about the whole passage.
    """
    quoted_sentences = find_covered_sentences(passage_text, cloze_text)
    if not quoted_sentences:
        return _find_sentence_with_words(passage_text, answer) or ""
    exact_text = normalize_text(passage_text)
    end = exact_text.rfind(quoted_sentences[-1]) + len(quoted_sentences[-1])
    return exact_text[exact_text.find(quoted_sentences[0]) : end]


def _find_sentence_with_words(text: str, words: str) -> str | None:
    """Return the first sentence of a text that contains whole words, or None."""
    if not words:
        return None
    for sentence in split_sentences(text):
        if find_whole_words(words, sentence):
            return sentence
    return None


def has_rejected_similar(
    passage: Passage, draft: Draft, decided_sentences: Strings
) -> bool:
    """Return whether the user has rejected or deleted a similar card or draft of the passage.

    The policy doesn't accept such a draft. Cards and drafts are similar if they are about similar
    sentences or have the same number. The result is also True if the passage is skipped, if a
    rejection doesn't name a sentence, or if the passage is closed and anything in it was rejected.
    `decided_sentences` are the sentences that would be decided along with the draft.
    """
    if passage.is_skipped:
        return True
    ended_cards = {card.guid: card for card in _iter_ended_cards(passage)}
    if passage.is_closed and (ended_cards or passage.rejected_hashes):
        return True
    card_in_slot = passage.find_card_by_number(draft)
    if card_in_slot is not None and card_in_slot.guid in ended_cards:
        return True

    dropped_sentences: set[str] = set()
    for card in ended_cards.values():
        dropped_sentences.update(split_sentences(card.quote))
    for decision in passage.decisions:
        if decision.rejects_card_or_draft or decision.guid in ended_cards:
            if not decision.sentences:
                return True
            dropped_sentences.update(decision.sentences)
    for sentence in decided_sentences:
        for dropped in dropped_sentences:
            if is_similar_sentence(dropped, sentence):
                return True
    return False


def _iter_ended_cards(passage: Passage) -> Iterator[Card]:
    """Yield the cards that the user rejected or deleted and doesn't want back."""
    for card in passage.cards.values():
        if card.is_live or card.decided_by != USER:
            continue
        if not reopens_passage(card):
            yield card


# --- similarity -------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def count_words(sentence: str) -> Counter[str]:
    """Count the words of a sentence, ignoring case and surrounding punctuation.

    Words such as `C++`, `-3` and `.5` stay whole. In scripts without spaces, each character
    counts as a word.
    """
    counts = Counter[str]()
    for part in _UNSPACED_CHAR.sub(r" \1 ", sentence).split():
        word = _TRAILING_PUNCTUATION.sub("", _LEADING_PUNCTUATION.sub("", part))
        if word:
            counts[word.casefold()] += 1
    return counts


def compute_sentence_similarity(old_sentence: str, new_sentence: str) -> float:
    """Return the percentage of the shorter sentence's words that the longer sentence contains."""
    old_words, new_words = count_words(old_sentence), count_words(new_sentence)
    shorter_length = min(old_words.total(), new_words.total())
    return 100 * (old_words & new_words).total() / max(1, shorter_length)


def is_similar_sentence(old_sentence: str, new_sentence: str) -> bool:
    """Return whether two sentences are so similar that one may be the other after a change."""
    similarity = compute_sentence_similarity(old_sentence, new_sentence)
    return similarity >= MIN_SENTENCE_SIMILARITY


def find_changed_sentence(
    old_sentences: Strings, sentences: Strings, neighbours: Strings
) -> str:
    """Find the sentence into which one of the old sentences was changed.

    Args:
        old_sentences: The sentences that were removed from a passage.
        sentences: The current sentences of the passage.
        neighbours: The hashes of the sentences that were in the passage together with the old
            sentences. They can't be the new text.

    Returns:
        The sentence that is most similar to an old sentence, or "" if none is similar enough.
    """
    best_sentence, best_similarity = "", float(MIN_SENTENCE_SIMILARITY)
    for sentence in sentences:
        if sentence in old_sentences or hash_sentence(sentence) in neighbours:
            continue
        for old_sentence in old_sentences:
            similarity = compute_sentence_similarity(old_sentence, sentence)
            if similarity >= best_similarity:
                best_sentence, best_similarity = sentence, similarity
    return best_sentence


# --- the sentences of a card ------------------------------------------------------------


def find_last_decision_by_card(
    decisions: Iterable[SentenceDecision],
) -> dict[str, SentenceDecision]:
    """Find the decision that gave each card its current text, keyed by the GUID of the card.

    `decisions` must be sorted from oldest to newest.
    """
    last_decisions: dict[str, SentenceDecision] = {}
    for decision in decisions:
        if not decision.guid or not decision.sentences:
            continue
        if decision.revises or decision.guid not in last_decisions:
            last_decisions[decision.guid] = decision
    return last_decisions


def hash_card_sentence(card: Card, decision: SentenceDecision | None) -> str:
    """Hash the sentence of a card, by which other passages of the card are found.

    Returns "" for a hand-written card, which stays with its highlight, and for a card about a
    short sentence, which may recur by coincidence. `decision` is the decision that gave the
    card its text, or None.
    """
    if decision is None or card.is_hand_written:
        return ""
    if not is_distinctive_sentence(decision.card_sentence):
        return ""
    return hash_sentence(decision.card_sentence)


# --- the sentence states of a passage ---------------------------------------------------


def compute_sentence_states(
    passage_sentences: Strings,
    decisions: Sequence[SentenceDecision] = (),
    live_guids: Collection[str] = (),
    *,
    present_elsewhere: Collection[str] = (),
    drafted: Collection[str] = (),
    closed: bool = False,
) -> tuple[SentenceState, ...]:
    """Compute which sentences of a passage are decided and which are offered to the user.

    Args:
        passage_sentences: The sentences of the passage, as returned by `split_sentences`.
        decisions: All decisions on sentences that the passage has or had, oldest first. They
            may have been made in other passages.
        live_guids: The live cards that may get the text of a changed sentence.
        present_elsewhere: The decided sentences that occur in other passages.
        drafted: The sentences with a pending draft that isn't a proposal. They are offered.
        closed: Whether the user wants no more cards from the passage. Only changes of existing
            cards are then offered.

    Returns:
        The states of the decided and the offered sentences, in reading order.
    """
    rejected_proposals: set[str] = set()
    decided_sentences: set[str] = set()
    lasting_decisions = []
    for decision in decisions:
        if decision.rejection is Rejection.PROPOSAL:
            rejected_proposals.update(decision.sentences)
            continue
        lasting_decisions.append(decision)
        if decision.event_id:
            decided_sentences.update(decision.sentences)
    undecided_sentences = []
    for sentence in passage_sentences:
        if sentence not in decided_sentences and sentence not in rejected_proposals:
            undecided_sentences.append(sentence)
    similar_states = _find_similar_states(
        undecided_sentences,
        lasting_decisions,
        live_guids,
        {*passage_sentences, *present_elsewhere},
    )

    states = []
    for sentence in passage_sentences:
        if sentence in decided_sentences:
            states.append(SentenceState(sentence, is_decided=True))
            continue
        state = similar_states.get(sentence, SentenceState(sentence))
        is_offered = sentence in drafted and not closed
        if state.revised_guid or is_offered:
            states.append(state)
    return tuple(states)


def get_undecided_sentences(states: Iterable[SentenceState]) -> dict[str, SentenceState]:
    """Return the states of the undecided sentences, keyed by the hash of the sentence."""
    return {
        hash_sentence(state.sentence): state for state in states if not state.is_decided
    }


def _find_similar_states(
    undecided_sentences: Collection[str],
    decisions: Sequence[SentenceDecision],
    live_guids: Collection[str],
    present_sentences: Collection[str],
) -> dict[str, SentenceState]:
    """Find undecided sentences that may be the new text of a removed, decided sentence.

    If a sentence is similar to several removed sentences, a removed sentence with a live card is
    preferred, and then the most similar one. A sentence that was in the passage together with a
    removed sentence can't be its new text. `present_sentences` are the sentences of this passage
    and the decided sentences of other passages.

    Returns:
        The states with `similar_removed` and `revised_guid`, keyed by sentence.
    """
    if not undecided_sentences:
        return {}
    removed_sentences = _find_removed_sentences(decisions, live_guids, present_sentences)
    states: dict[str, SentenceState] = {}
    for sentence in undecided_sentences:
        best_rank = (False, 0.0)
        for removed in removed_sentences:
            similarity = compute_sentence_similarity(removed.text, sentence)
            if similarity < MIN_SENTENCE_SIMILARITY or removed.was_beside(sentence):
                continue
            rank = (bool(removed.guid), similarity)
            if rank > best_rank:
                best_rank = rank
                states[sentence] = SentenceState(
                    sentence, revised_guid=removed.guid, similar_removed=removed.text
                )
    return states


class _RemovedSentence(NamedTuple):
    """A decided sentence that no passage contains any more."""

    text: str
    guid: str = ""
    """The live card to ask about, or ""."""
    neighbours: Strings = ()
    """The hashes of the sentences that were in the passage together with it."""

    def was_beside(self, sentence: str) -> bool:
        """Return whether a sentence was in the passage together with this one."""
        return hash_sentence(sentence) in self.neighbours


def _find_removed_sentences(
    decisions: Sequence[SentenceDecision],
    live_guids: Collection[str],
    present_sentences: Collection[str],
) -> list[_RemovedSentence]:
    """Find the decided sentences that no passage contains any more, in alphabetical order."""
    removed_sentences: dict[str, _RemovedSentence] = {}
    last_decisions = find_last_decision_by_card(decisions)
    for decision in decisions:
        last_decision = last_decisions.get(decision.guid, decision)
        for sentence in decision.sentences:
            if sentence in present_sentences:
                continue
            removed = removed_sentences.get(sentence, _RemovedSentence(sentence))
            # only a decision made while the passage had the sentence shows its neighbours
            passage_hashes = decision.passage_sentence_hashes
            if not removed.neighbours and hash_sentence(sentence) in passage_hashes:
                removed = removed._replace(neighbours=passage_hashes)
            is_about_sentence = sentence == last_decision.card_sentence
            if is_about_sentence and last_decision.guid in live_guids:
                removed = removed._replace(guid=last_decision.guid)
            removed_sentences[sentence] = removed
    return [removed_sentences[sentence] for sentence in sorted(removed_sentences)]
