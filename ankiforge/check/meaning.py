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
from ankiforge.model import Draft, Family, Finding, Pair, Value
from ankiforge.text import regex


class _Compared(Value):
    """The words of a card and of its evidence."""

    card: list[str]
    """All words of the card."""
    stated: list[str]
    """Those that claim something: for a question, its answer."""
    proof: list[str]
    """All words of the evidence."""
    clause: list[str]
    """Those of its clause with most words of the card: the others may deny something else."""


@needs(Needs.COMPARISON)
def meaning(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find negations, opposites and certainty that the evidence does not have.

    Source of the limits: measured on planted lies and honest cards, docs/checks.md.
    """
    highlight = context.highlight
    if chosen_by_reader(draft, highlight) or pictured(draft, highlight):
        return
    proof = evidence(draft, highlight)
    compared = _compared(draft, proof)
    is_question = draft.kind.family is Family.BASIC
    offers_choice = is_question and is_choice(read(draft).asked)
    if not offers_choice:
        denied = _negated(compared)
        if denied:
            yield make_finding("negation", f"“{denied}”")
            return
        turned = next(_turned(compared.card, compared.proof), None)
        if turned:
            word, opposite = turned
            yield make_finding(
                "opposite", f"the card says “{word}”, the source “{opposite}”"
            )
            return
    overstated = _overstated(compared, proof)
    if overstated:
        yield make_finding("certainty", overstated)


def _compared(draft: Draft, proof: str) -> _Compared:
    """Return a card and the clause of its proof that has most of its words."""
    reading = read(draft)
    card = tokens(reading.whole)
    answers = " ".join(reading.answers)
    is_question = draft.kind.family is Family.BASIC
    card_stems = set(map(stem, card))
    answer_stems = stems(answers)
    best: list[str] = []
    most_shared = -1
    for clause in map(tokens, clauses(proof)):
        clause_stems = set(map(stem, clause))
        if is_question and answer_stems.isdisjoint(clause_stems):
            continue
        shared = len(card_stems & clause_stems)
        if shared > most_shared:
            best, most_shared = clause, shared
    return _Compared(
        card=card,
        stated=tokens(answers) if is_question else card,
        proof=tokens(proof),
        clause=best,
    )


# --- negations ------------------------------------------------------------------------

# Words with which a sentence can say the same with and without a negation.
_EXCUSED = listed("meaning", "excused")
_TURNING = frozenset(("unlike", "lack", "lacks", "instead"))
# The share of words from which a card repeats its source.
_REPEATS = 0.8


def _negated(compared: _Compared) -> str:
    """Return what only one of card and source denies; "" if nothing."""
    card = compared.card
    clause = compared.clause
    is_turned = not _TURNING.isdisjoint((*card, *clause))
    if not is_turned and _repeats(compared):
        negators = _added_or_left_out(compared)
        if negators:
            return " ".join(sorted(negators))
    is_excused = not _EXCUSED.isdisjoint((*card, *clause))
    if is_excused:
        return ""
    for denying, other in ((card, clause), (clause, card)):
        scope = _scope(denying, NEGATORS)
        if scope and NEGATORS.isdisjoint(other) and scope.issubset(map(stem, other)):
            return " ".join(sorted(scope))
    return ""


def _added_or_left_out(compared: _Compared) -> frozenset[str]:
    """Return the negations of a card in the words of its source that only one of them has."""
    in_card = NEGATORS.intersection(compared.stated)
    if in_card and NEGATORS.isdisjoint(compared.proof):
        return in_card
    in_source = NEGATORS.intersection(compared.clause)
    claims_all = compared.stated == compared.card
    if claims_all and NEGATORS.isdisjoint(compared.card):
        return in_source
    return frozenset()


def _repeats(compared: _Compared) -> bool:
    """Return whether a card claims several things, and nearly all in the words of its source."""
    claims = frozenset(map(stem, compared.stated)) - FUNCTION - NEGATORS
    repeated = claims.intersection(map(stem, compared.proof))
    return len(claims) > 1 and len(repeated) >= _REPEATS * len(claims)


# The number of content words after a negation or hedge to which it applies.
_SCOPE = 3


def _scope(words: list[str], signs: frozenset[str]) -> frozenset[str]:
    """Return the stems of the content words after the first of these signs."""
    places = (place for place, word in enumerate(words) if word in signs)
    first = next(places, len(words))
    passed_over = FUNCTION | signs
    after = [word for word in words[first + 1 :] if word not in passed_over]
    return frozenset(map(stem, after[:_SCOPE]))


# --- opposites ------------------------------------------------------------------------

# Words on either side of a word where a negation turns it.
_REACH = 2


def _turned(card: list[str], proof: list[str]) -> Iterator[Pair]:
    """Yield (word, opposite) if the source has the opposite of a word of the card instead of it."""
    card_forms = {*card, *map(stem, card)}
    proof_forms = {*proof, *map(stem, proof)}
    for place, word in enumerate(card):
        opposites = contrary(word)
        if opposites.isdisjoint(proof_forms):
            continue
        if word in proof_forms or stem(word) in proof_forms:
            continue
        if not opposites.isdisjoint(card_forms):
            continue
        around = card[max(0, place - _REACH) : place + _REACH + 1]
        if not NEGATORS.isdisjoint(around):
            continue
        proof_place = _first_of(opposites, proof)
        if not _sides_swapped(card, place, proof, proof_place):
            yield word, proof[proof_place]


def _first_of(wanted: frozenset[str], words: list[str]) -> int:
    """Return the place of the first word that is wanted, or whose stem is."""
    for place, word in enumerate(words):
        if word in wanted or stem(word) in wanted:
            return place
    raise ValueError(wanted)


def _sides_swapped(
    card: list[str],
    place: int,
    proof: list[str],
    proof_place: int,
) -> bool:
    """Return whether both sides of a comparison changed places as well: A before B, B after A."""
    left = _subject_stems(card[:place])
    right = _subject_stems(card[place + 1 :])
    proof_left = _subject_stems(proof[:proof_place])
    proof_right = _subject_stems(proof[proof_place + 1 :])
    straight = len(left & proof_left) + len(right & proof_right)
    crossed = len(left & proof_right) + len(right & proof_left)
    return crossed > straight


def _subject_stems(words: list[str]) -> set[str]:
    """Return the stems of words that may be part of a subject or object."""
    return {stem(word) for word in words if word not in FUNCTION}


# --- certainty ------------------------------------------------------------------------

_HEDGES = listed("meaning", "hedges")
_SOFT = _HEDGES | listed("meaning", "soft")
_ABSOLUTES = listed("meaning", "absolutes")
# The month, not the verb.
_MAY = regex(r"\bMay\b")
# Words within the reach of a hedge that a card must repeat.
_HEDGED_WORDS = 2


def _overstated(compared: _Compared, proof: str) -> str:
    """Return what makes a card sound more certain than its source; "" if nothing does."""
    card = compared.card
    proof_words = set(compared.proof)
    absolutes = _ABSOLUTES - proof_words
    claimed = [word for word in compared.stated if word in absolutes]
    if claimed:
        is_softened = not _SOFT.isdisjoint(proof_words) and _SOFT.isdisjoint(card)
        return f"“{claimed[0]}”" if is_softened else ""
    if not (_SOFT.isdisjoint(card) and NEGATORS.isdisjoint(card)):
        return ""
    hedged = _scope(tokens(_MAY.sub(" ", proof)), _HEDGES)
    if not hedged:
        return ""
    repeated = hedged.intersection(map(stem, card))
    if len(repeated) < min(_HEDGED_WORDS, len(hedged)):
        return ""
    return f"without “{min(_HEDGES & proof_words)}”"
