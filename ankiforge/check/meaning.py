"""Check of turned meanings: negations, opposites and certainty that the source does not have."""

from __future__ import annotations

from collections.abc import Iterator

from ankiforge.check.findings import Context, Needs, make_finding, needs
from ankiforge.check.reading import (
    chosen_by_reader,
    clauses,
    evidence,
    is_choice,
    pictured,
    read,
)
from ankiforge.language.tables import listed
from ankiforge.language.words import FUNCTION, NEGATORS, contrary, stem, stems, tokens
from ankiforge.model import Card, Family, Finding, Pair
from ankiforge.text import regex

# Words with which a sentence can say the same with and without a negation.
_EXCUSED = listed("meaning", "excused")
# The share of words from which a card repeats its source.
_REPEATS = 0.8
_HEDGES = listed("meaning", "hedges")
_SOFT = _HEDGES | listed("meaning", "soft")
_ABSOLUTES = listed("meaning", "absolutes")
# The month, not the verb.
_MAY = regex(r"\bMay\b")
# Words within the reach of a hedge that a card must repeat.
_HEDGED_WORDS = 2
# The number of content words after a negation or hedge to which it applies.
_SCOPE = 3


@needs(Needs.COMPARISON)
def meaning(draft: Card, context: Context) -> Iterator[Finding]:
    """Find negations, opposites and certainty that the evidence does not have.

    Source of the limits: measured on planted lies and honest cards, docs/reference/checks.md.
    """
    highlight = context.highlight
    if chosen_by_reader(draft, highlight) or pictured(draft, highlight):
        return
    evident = evidence(draft, highlight)
    reading = read(draft)
    answers = " ".join(reading.answers)
    is_question = draft.kind.family is Family.BASIC
    offers_choice = is_question and is_choice(reading.asked)
    card = tokens(reading.whole)
    proof = tokens(evident)
    # the words that claim something: of a question, its answer
    stated = tokens(answers) if is_question else card

    if not offers_choice:
        # the clause with most words of the card: the others may deny something else
        card_stems = set(map(stem, card))
        answer_stems = stems(answers)
        clause: list[str] = []
        most_shared = -1
        for words in map(tokens, clauses(evident)):
            clause_stems = set(map(stem, words))
            if is_question and answer_stems.isdisjoint(clause_stems):
                continue
            shared = len(clause_stems & card_stems)
            if shared > most_shared:
                clause = words
                most_shared = shared
        denied = _negated(card, stated, proof, clause)
        if denied:
            yield make_finding("negation", f"“{' '.join(sorted(denied))}”")
            return
        turned = next(_turned(card, proof), None)
        if turned:
            word, opposite = turned
            detail = f"the card says “{word}”, the source “{opposite}”"
            yield make_finding("opposite", detail)
            return

    # a card that sounds more certain than its source: it adds `always`, or leaves out `may`
    if not _SOFT.isdisjoint(card):
        return
    proof_words = frozenset(proof)
    added = [word for word in stated if word in _ABSOLUTES - proof_words]
    if added:
        if not _SOFT.isdisjoint(proof):
            yield make_finding("certainty", f"“{added[0]}”")
    elif NEGATORS.isdisjoint(card):
        hedged = _scope(tokens(_MAY.sub(" ", evident)), _HEDGES)
        repeated = hedged.intersection(map(stem, card))
        least = min(_HEDGED_WORDS, len(hedged))
        if hedged and len(repeated) >= least:
            hedge = min(_HEDGES & proof_words)
            yield make_finding("certainty", f"without “{hedge}”")


def _negated(
    card: list[str], stated: list[str], proof: list[str], clause: list[str]
) -> frozenset[str]:
    """Return words that only one of card and source denies."""
    card_denies = not NEGATORS.isdisjoint(card)
    # a card that nearly repeats the words of its source, with a negation more or less
    claims = frozenset(map(stem, stated)) - FUNCTION - NEGATORS
    repeated = claims.intersection(map(stem, proof))
    if len(claims) > 1 and len(repeated) >= _REPEATS * len(claims):
        in_card = NEGATORS.intersection(stated)
        if in_card and NEGATORS.isdisjoint(proof):
            return in_card
        in_clause = NEGATORS.intersection(clause)
        if in_clause and stated == card and not card_denies:
            return in_clause
    # a negation whose words the other has without one
    if not _EXCUSED.isdisjoint((*card, *clause)):
        return frozenset()
    for denying, other in ((card, clause), (clause, card)):
        denied = _scope(denying, NEGATORS)
        affirms = NEGATORS.isdisjoint(other)
        if denied and affirms and denied.issubset(map(stem, other)):
            return denied
    return frozenset()


def _scope(words: list[str], signs: frozenset[str]) -> frozenset[str]:
    """Return the stems of the content words after the first of these signs."""
    places = (place for place, word in enumerate(words) if word in signs)
    first = next(places, len(words))
    passed_over = FUNCTION | signs
    after = [word for word in words[first + 1 :] if word not in passed_over]
    return frozenset(map(stem, after[:_SCOPE]))


def _turned(card: list[str], proof: list[str]) -> Iterator[Pair]:
    """Yield (word, opposite) if the source has the opposite of a word of the card instead of it."""
    card_forms = {*card, *map(stem, card)}
    proof_forms = {*proof, *map(stem, proof)}
    for place, word in enumerate(card):
        opposites = contrary(word)
        is_in_proof = not proof_forms.isdisjoint((word, stem(word)))
        has_both = not opposites.isdisjoint(card_forms)
        if is_in_proof or has_both or opposites.isdisjoint(proof_forms):
            continue
        opposite_place = 0
        while opposites.isdisjoint((proof[opposite_place], stem(proof[opposite_place]))):
            opposite_place += 1
        # both sides of a comparison may have changed places as well: A before B, B after A
        left = _content_stems(card[:place])
        right = _content_stems(card[place + 1 :])
        proof_left = _content_stems(proof[:opposite_place])
        proof_right = _content_stems(proof[opposite_place + 1 :])
        straight = len(left & proof_left) + len(right & proof_right)
        crossed = len(left & proof_right) + len(right & proof_left)
        if crossed <= straight:
            yield word, proof[opposite_place]


def _content_stems(words: list[str]) -> set[str]:
    """Return the stems of words that may be part of a subject or object."""
    return {stem(word) for word in words if word not in FUNCTION}
