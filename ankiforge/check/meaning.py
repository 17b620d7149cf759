"""Check that a card neither contradicts its source nor is more certain than its source.

The checks compare words, not meanings, so a difference that could be a rewording is only a warning.
The thresholds were chosen with correct cards and deliberately false ones (`benchmarks/lies.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ankiforge.check.rules_and_text import (
    CheckContext,
    find_quoted_sentences,
    is_chosen_by_reader,
    make_finding,
    offers_options,
    parse_draft,
    split_clauses,
)
from ankiforge.language.lexicon import build_section_pattern, read_word_set
from ankiforge.language.words import (
    CONTENTLESS_WORDS,
    NEGATORS,
    ORDINALS,
    find_antonyms,
    find_stems,
    split_words,
    stem_word,
)
from ankiforge.model import CardContent, Finding, NoteType, Pair, Value
from ankiforge.text import regex


def check_meaning(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a card that may contradict its source or be more certain than its source.

    That is, the card adds or omits a negation, uses the opposite of a word in the source, or
    states without reserve what the source only suggests.
    """
    if is_chosen_by_reader(draft, context.highlight):
        return
    claim = _parse_claim(draft)
    evidence = find_quoted_sentences(draft, context.highlight)
    if not claim.offers_options:
        negated_words = _find_negated_words(claim, evidence)
        if negated_words:
            yield make_finding("negation", f"“{' '.join(sorted(negated_words))}”")
            return
        for word, opposite in _find_opposites(claim.words, split_words(evidence)):
            detail = f"the card says “{word}”, the source “{opposite}”"
            yield make_finding("opposite", detail)
            return
    overstatement = _find_overstatement(claim, evidence)
    if overstatement:
        yield make_finding("certainty", overstatement)


class _Claim(Value):
    """The words of a card that are compared with its source."""

    words: list[str]
    """All words of the card."""
    asserted_words: list[str]
    """The words that make a claim. In a question card, these are only those of the answer."""
    question_words: list[str] | None
    """The words of the front, or None for a cloze card."""
    offers_options: bool
    """Whether the front lists possible answers, so that the card also says what is wrong."""

    @property
    def is_cloze(self) -> bool:
        """Whether the card is a cloze card, all of whose words make a claim."""
        return self.question_words is None

    @property
    def is_negated(self) -> bool:
        """Whether any word of the card is a negation."""
        return not NEGATORS.isdisjoint(self.words)

    @property
    def ends_in_negation(self) -> bool:
        """Whether the front has a negation at its end, which doesn't negate the answer."""
        if self.question_words is None:
            return False
        if NEGATORS.isdisjoint(self.question_words):
            return False
        return not _find_scope(self.question_words, NEGATORS)


def _parse_claim(draft: CardContent) -> _Claim:
    reading = parse_draft(draft)
    words = split_words(reading.full_text)
    if draft.kind.note_type is NoteType.CLOZE:
        return _Claim(words, words, question_words=None, offers_options=False)
    return _Claim(
        words,
        asserted_words=split_words(" ".join(reading.answers)),
        question_words=split_words(reading.question),
        offers_options=offers_options(reading.question),
    )


# The number of content words after a negation or hedge that are in its scope.
_SCOPE_WORDS = 3


def _find_scope(words: Sequence[str], triggers: frozenset[str]) -> list[str]:
    """Return the words that a negation or hedge applies to.

    These are assumed to be the first few content words after the first of the `triggers`.
    """
    scope: list[str] = []
    has_trigger = False
    for word in words:
        if word in triggers:
            has_trigger = True
        elif has_trigger and word not in CONTENTLESS_WORDS:
            scope.append(word)
    return scope[:_SCOPE_WORDS]


def _stem_all(words: Iterable[str]) -> frozenset[str]:
    return frozenset(map(stem_word, words))


# --- negations ------------------------------------------------------------------------

# If one of these words is present, a sentence may mean the same with and without a negation.
_NEGATION_NEUTRAL = read_word_set("meaning", "excused")
# A card repeats its source if the source has at least this fraction of the card's words.
_REPETITION_FRACTION = 0.8


def _find_negated_words(claim: _Claim, evidence: str) -> frozenset[str]:
    """Return words showing that the card is negated but its source isn't, or vice versa.

    If the card nearly repeats its source, these are the negations, and otherwise the words that
    are negated. The result is empty if there is no such difference.
    """
    evidence_words = split_words(evidence)
    # negations in other clauses may be about something else
    clause = _find_closest_clause(claim, evidence)
    if _is_repetition(claim.asserted_words, evidence_words):
        negations = _find_unmatched_negations(claim, clause, evidence_words)
        if negations:
            return negations
    if not _NEGATION_NEUTRAL.isdisjoint((*claim.words, *clause)):
        return frozenset()
    if not claim.ends_in_negation:
        denied_by_card = _find_denied_words(denying=claim.words, affirming=clause)
        if denied_by_card:
            return denied_by_card
    return _find_denied_words(denying=clause, affirming=claim.words)


def _find_unmatched_negations(
    claim: _Claim, clause: list[str], evidence_words: list[str]
) -> frozenset[str]:
    """Return the negations that a card adds to the source that it repeats, or leaves out of it."""
    added_negations = NEGATORS.intersection(claim.asserted_words)
    if added_negations:
        if NEGATORS.isdisjoint(evidence_words):
            return added_negations
        return frozenset()
    if claim.is_cloze:
        return NEGATORS.intersection(clause)
    return frozenset()  # the question may ask about the negation


def _find_closest_clause(claim: _Claim, evidence: str) -> list[str]:
    """Return the words of the source's clause that shares the most stems with a card.

    Negations in other clauses may be about something else. For a question card, the clause must
    share a stem with the answer. Return [] if there is no such clause.
    """
    card_stems = _stem_all(claim.words)
    closest: list[str] = []
    max_shared = -1
    for clause in map(split_words, split_clauses(evidence)):
        clause_stems = _stem_all(clause)
        if not _may_contain_answer(clause_stems, claim):
            continue
        shared_count = len(clause_stems & card_stems)
        if shared_count > max_shared:
            closest = clause
            max_shared = shared_count
    return closest


def _may_contain_answer(clause_stems: frozenset[str], claim: _Claim) -> bool:
    """Return whether a clause shares a stem with the answer of a question card, if it has one."""
    if claim.is_cloze or not claim.asserted_words:
        return True
    answer_stems = find_stems(" ".join(claim.asserted_words))
    return not answer_stems.isdisjoint(clause_stems)


def _is_repetition(asserted_words: list[str], evidence_words: list[str]) -> bool:
    """Return whether a claim of at least two words, apart from negations, is from the source."""
    stems = _stem_all(asserted_words) - CONTENTLESS_WORDS - NEGATORS
    if len(stems) < 2:
        return False
    shared_stems = stems & _stem_all(evidence_words)
    return len(shared_stems) >= _REPETITION_FRACTION * len(stems)


def _find_denied_words(denying: list[str], affirming: list[str]) -> frozenset[str]:
    """Return the words that one text negates, if the other has all of them and no negation."""
    negated_words = _find_scope(denying, NEGATORS)
    if not NEGATORS.isdisjoint(affirming):
        return frozenset()
    if not _stem_all(negated_words) <= _stem_all(affirming):
        return frozenset()
    return frozenset(negated_words)


# --- certainty ------------------------------------------------------------------------

_HEDGES = read_word_set("meaning", "hedges")
_SOFTENERS = _HEDGES | read_word_set("meaning", "soft")
_ABSOLUTES = read_word_set("meaning", "absolutes")
# Matches uses of hedging words that aren't hedges: the month of May, and `could` about the
# past, as in `until it could …`.
_NOT_A_HEDGE = regex(
    r"\bMay\b|(?i:\b(?:until|till|before|so that|that)\s+(?:[\w'’-]+\s+){1,5}?could\b)"
    r"|(?i:\bsuggest(?:s|ed)?\s+(?:you|we|they|i|he|she)\b)"  # advice
)
# The number of words in the scope of the source's hedge that a card has to repeat to be
# reported as more certain.
_MIN_HEDGED_WORDS = 2


def _find_overstatement(claim: _Claim, evidence: str) -> str | None:
    """Return what makes a card more certain than its source, or None.

    For example, the card adds `always` to a hedged sentence, or leaves out its `may`.
    """
    if not _SOFTENERS.isdisjoint(claim.words):
        return None
    evidence_words = split_words(evidence)
    for word in claim.asserted_words:
        if word in _ABSOLUTES and word not in evidence_words:
            if _SOFTENERS.isdisjoint(evidence_words):
                return None
            return f"“{word}”"
    if claim.is_negated:
        return None
    hedge = _find_omitted_hedge(claim, evidence)
    if hedge is None:
        return None
    return f"without “{hedge}”"


def _find_omitted_hedge(claim: _Claim, evidence: str) -> str | None:
    """Return a hedge of the source if the card repeats the words that it applies to, or None."""
    evidence_words = split_words(_NOT_A_HEDGE.sub(" ", evidence))
    hedged_stems = _stem_all(_find_scope(evidence_words, _HEDGES))
    repeated_stems = hedged_stems & _stem_all(claim.words)
    if not hedged_stems:
        return None
    if len(repeated_stems) < min(_MIN_HEDGED_WORDS, len(hedged_stems)):
        return None
    return min(_HEDGES.intersection(evidence_words))


# --- opposites ------------------------------------------------------------------------

_ORDER_WORDS = read_word_set("meaning", "relations")
_COMPARISON_WORDS = read_word_set("meaning", "than")
_IDIOM = regex(rf"(?<= )(?:{build_section_pattern('meaning', 'idioms')})(?= )")


def _find_opposites(card_words: list[str], evidence_words: list[str]) -> Iterator[Pair]:
    """Yield (word, opposite) for each word of the card whose opposite is in the source.

    A word is skipped if the source has the word as well, or if the card has both opposites.
    """
    card_words = _remove_idioms(card_words)
    evidence_words = _remove_idioms(evidence_words)
    card_forms = _index_forms(card_words).keys()
    index_by_evidence_form = _index_forms(evidence_words)
    evidence_forms = index_by_evidence_form.keys()
    for index, word in enumerate(card_words):
        opposites = find_antonyms(word)
        opposites_in_source = opposites & evidence_forms
        is_in_source = word in evidence_forms or stem_word(word) in evidence_forms
        if not opposites_in_source or is_in_source:
            continue
        if not opposites.isdisjoint(card_forms):
            continue
        first_index = min(index_by_evidence_form[form] for form in opposites_in_source)
        stated = _Occurrence(card_words, index)
        opposite = _Occurrence(evidence_words, first_index)
        if not _mean_the_same(stated, opposite):
            yield stated.word, opposite.word


def _remove_idioms(words: list[str]) -> list[str]:
    return _IDIOM.sub(" ", f" {' '.join(words)} ").split()


def _index_forms(words: list[str]) -> dict[str, int]:
    """Map each word, and each stem of a word, to the index at which it first occurs."""
    index_by_form: dict[str, int] = {}
    for index, word in enumerate(words):
        index_by_form.setdefault(word, index)
        index_by_form.setdefault(stem_word(word), index)
    return index_by_form


class _Occurrence(Value):
    """One of two opposite words, in its text."""

    words: list[str]
    index: int

    @property
    def word(self) -> str:
        """The word itself."""
        return self.words[self.index]

    @property
    def previous_word(self) -> str | None:
        """The word before it, or None at the beginning."""
        return self.words[self.index - 1] if self.index else None

    @property
    def is_next_to_negation(self) -> bool:
        """Whether a negation is just before or after the word, as in `have no chlorophyll`."""
        neighbours = (self.previous_word, *self.words[self.index + 1 :][:1])
        return not NEGATORS.isdisjoint(neighbours)

    @property
    def stems_before(self) -> list[str]:
        """The stems of the content words before the word."""
        return _stem_content(self.words[: self.index])

    @property
    def stems_after(self) -> list[str]:
        """The stems of the content words after the word."""
        return _stem_content(self.words[self.index + 1 :])


def _stem_content(words: list[str]) -> list[str]:
    return [stem_word(word) for word in words if word not in CONTENTLESS_WORDS]


def _mean_the_same(stated: _Occurrence, opposite: _Occurrence) -> bool:
    """Return whether two texts agree in spite of their opposite words."""
    # `lack chlorophyll` is `have no chlorophyll`
    if stated.is_next_to_negation != opposite.is_next_to_negation:
        return True
    # `a second page` is any further page
    if stated.word in ORDINALS and stated.previous_word in ("a", "another"):
        return True
    return _is_comparison_restated(stated, opposite)


def _is_comparison_restated(stated: _Occurrence, opposite: _Occurrence) -> bool:
    """Return whether two texts state the same comparison, but in the opposite direction.

    For example, “A before B” means the same as “B after A”.
    """
    if stated.word in _ORDER_WORDS:
        # `after A, B` is “B after A”, so the first word that follows is the left side, too
        if any(stem in stated.stems_before for stem in opposite.stems_after[:1]):
            return True
    elif _COMPARISON_WORDS.isdisjoint((*stated.words, *opposite.words)):
        return False
    before = frozenset(stated.stems_before)
    after = frozenset(stated.stems_after)
    if not after:
        return False
    on_same_side = before.intersection(opposite.stems_before)
    also_on_same_side = after.intersection(opposite.stems_after)
    on_other_side = before.intersection(opposite.stems_after)
    also_on_other_side = after.intersection(opposite.stems_before)
    same_count = len(on_same_side) + len(also_on_same_side)
    swapped_count = len(on_other_side) + len(also_on_other_side)
    return swapped_count > same_count
