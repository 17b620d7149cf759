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
from ankiforge.model import Draft, Family, Finding, Pair
from ankiforge.text import regex

# Words with which a sentence can say the same with and without a negation.
_EXCUSED = listed("meaning", "excused")
_TURNING = frozenset(("unlike", "lack", "lacks", "instead"))
# The share of words from which a card repeats its source.
_REPEATS = 0.8
# Words on either side of a word where a negation turns it.
_REACH = 2
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
def meaning(draft: Draft, context: Context) -> Iterator[Finding]:
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
    card = tokens(reading.whole)
    proof = tokens(evident)
    # the words that claim something: of a question, its answer
    stated = tokens(answers) if is_question else card
    if not (is_question and is_choice(reading.asked)):
        # the clause with most words of the card: the others may deny something else
        clause: list[str] = []
        most_shared = -1
        for words in map(tokens, clauses(evident)):
            clause_stems = set(map(stem, words))
            if is_question and stems(answers).isdisjoint(clause_stems):
                continue
            shared = len(clause_stems.intersection(map(stem, card)))
            if shared > most_shared:
                clause, most_shared = words, shared
        denied = _negated(card, stated, proof, clause)
        if denied:
            yield make_finding("negation", f"“{' '.join(sorted(denied))}”")
            return
        turned = next(_turned(card, proof), None)
        if turned:
            word, opposite = turned
            yield make_finding(
                "opposite", f"the card says “{word}”, the source “{opposite}”"
            )
            return

    # a card that sounds more certain than its source
    proof_words = frozenset(proof)
    claimed = [word for word in stated if word in _ABSOLUTES - proof_words]
    if claimed:
        if not _SOFT.isdisjoint(proof) and _SOFT.isdisjoint(card):
            yield make_finding("certainty", f"“{claimed[0]}”")
    elif _SOFT.isdisjoint(card) and NEGATORS.isdisjoint(card):
        hedged = _scope(tokens(_MAY.sub(" ", evident)), _HEDGES)
        repeated = hedged.intersection(map(stem, card))
        if hedged and len(repeated) >= min(_HEDGED_WORDS, len(hedged)):
            hedge = min(_HEDGES & proof_words)
            yield make_finding("certainty", f"without “{hedge}”")


def _negated(
    card: list[str], stated: list[str], proof: list[str], clause: list[str]
) -> frozenset[str]:
    """Return words that only one of card and source denies."""
    # a card that nearly repeats the words of its source, with a negation more or less
    claims = frozenset(map(stem, stated)) - FUNCTION - NEGATORS
    repeated = claims.intersection(map(stem, proof))
    is_repetition = len(claims) > 1 and len(repeated) >= _REPEATS * len(claims)
    if is_repetition and _TURNING.isdisjoint((*card, *clause)):
        in_card = NEGATORS.intersection(stated)
        if in_card and NEGATORS.isdisjoint(proof):
            return in_card
        in_clause = NEGATORS.intersection(clause)
        if in_clause and stated == card and NEGATORS.isdisjoint(card):
            return in_clause
    # a negation whose words the other has without one
    if not _EXCUSED.isdisjoint((*card, *clause)):
        return frozenset()
    for denying, other in ((card, clause), (clause, card)):
        scope = _scope(denying, NEGATORS)
        if scope and NEGATORS.isdisjoint(other) and scope.issubset(map(stem, other)):
            return scope
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
        if opposites.isdisjoint(proof_forms) or not opposites.isdisjoint(card_forms):
            continue
        if word in proof_forms or stem(word) in proof_forms:
            continue
        around = card[max(0, place - _REACH) : place + _REACH + 1]
        if not NEGATORS.isdisjoint(around):
            continue
        proof_place = 0
        while opposites.isdisjoint((proof[proof_place], stem(proof[proof_place]))):
            proof_place += 1
        # both sides of a comparison may have changed places as well: A before B, B after A
        left = _content_stems(card[:place])
        right = _content_stems(card[place + 1 :])
        proof_left = _content_stems(proof[:proof_place])
        proof_right = _content_stems(proof[proof_place + 1 :])
        straight = len(left & proof_left) + len(right & proof_right)
        crossed = len(left & proof_right) + len(right & proof_left)
        if crossed <= straight:
            yield word, proof[proof_place]


def _content_stems(words: list[str]) -> set[str]:
    """Return the stems of words that may be part of a subject or object."""
    return {stem(word) for word in words if word not in FUNCTION}
