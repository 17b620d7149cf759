"""Contraries: no word's opposite, no two sides that have changed places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.lexical.quantities import UNITS
from ankiforge.check.lexical.reading import read
from ankiforge.check.lexical.tongue import INVERTIBLE, NEGATORS, PIVOTS, RELATIONS, SIDED, TURNED
from ankiforge.check.lexical.words import NUMBER_WORDS, listed, stem
from ankiforge.check.rule import Rule
from ankiforge.check.source.claims import Row, is_choice, is_english, row, statement
from ankiforge.check.source.evidence import Evidence, evidence
from ankiforge.check.source.relations import denies, firm, same_words, spared
from ankiforge.model import Draft, Family, Finding, Severity

OPPOSITE = firm("opposite", Severity.BLOCK, "says the contrary of the source:")
OPPOSITE_DOUBTFUL = firm("opposite_doubtful", Severity.WARN, "may say the contrary of the source:")
ROLES_SWAPPED = firm(
    "roles_swapped", Severity.BLOCK, "the source has the two sides the other way round:"
)
RULES = (OPPOSITE, OPPOSITE_DOUBTFUL, ROLES_SWAPPED)

# --- opposites -----------------------------------------------------------------------------------


def opposites(draft: Draft, context: Context) -> Iterator[Finding]:
    """No word stands where the source has its contrary, unless the two sides changed places too."""
    proof = evidence(draft, context.highlight)
    if sign := _opposed_signs(read(draft).whole, proof.text):
        yield OPPOSITE.found(sign)
        return
    here = statement(draft)
    there = _forms(proof.row)
    card = _forms(row(read(draft).whole))
    for at, word in enumerate(here.words):
        contrary = _contrary(word) & there
        if not contrary or word in there or stem(word) in there or _contrary(word) & card:
            continue
        if any(near in NEGATORS for near in here.words[max(0, at - 2) : at + 3]):
            continue
        rule = _weight(draft, here, at, proof, contrary)
        if rule:
            yield rule.found(f"“{word}”, there “{min(contrary, key=len)}”")
            return


_SIGNS = tuple(zip("高升增多快强前長増", "低降减少慢弱后短減", strict=True))


def _opposed_signs(card: str, source: str) -> str:
    """An ideograph for whose contrary the source has none."""
    for one, other in (*_SIGNS, *((other, one) for one, other in _SIGNS)):
        if one in card and one not in source and other in source and other not in card:
            return f"“{one}”, there “{other}”"
    return ""


def _forms(line: Row) -> frozenset[str]:
    return frozenset(line.words) | line.all_stems


@lru_cache(maxsize=4096)
def _contrary(word: str) -> frozenset[str]:
    return TURNED.get(word, frozenset()) | TURNED.get(stem(word), frozenset())


def _weight(
    draft: Draft, here: Row, at: int, proof: Evidence, contrary: frozenset[str]
) -> Rule | None:
    """How surely it is a lie: an inverted pair is none, an answer that is only this word is."""
    word = here.words[at]
    alone = any(_only_word(answer, word) for answer in read(draft).answers)
    if not alone and draft.kind.family is Family.BASIC and is_choice(read(draft).asked):
        return None
    repeats = same_words(here, proof.row, stem(word)) and not denies(here, proof.row)
    if word in INVERTIBLE or stem(word) in INVERTIBLE:
        turned = [i for i, w in enumerate(proof.row.words) if w in contrary or stem(w) in contrary]
        if any(_same_bound(here, at, proof.row, i) for i in turned):
            return OPPOSITE
        if turned and all(_bounds(proof.row, i) != _bounds(here, at) for i in turned):
            return None
        orders = {_order(here, at, proof.row, i) for i in turned}
        if "swapped" in orders:
            return None
        return OPPOSITE if alone or "same" in orders else OPPOSITE_DOUBTFUL
    return OPPOSITE if alone or repeats else OPPOSITE_DOUBTFUL


def _same_bound(here: Row, at: int, there: Row, turned: int) -> bool:
    """Whether both bound the same number, from two sides: under 40 kg, over 40 kg."""
    ours, theirs = (
        [word for word in line.words[place + 1 : place + 3] if word != "than"][:1]
        for line, place in ((here, at), (there, turned))
    )
    return bool(ours) and ours == theirs and ours[0][0].isdecimal()


def _bounds(line: Row, at: int) -> bool:
    """Whether it bounds a number: more than 69."""
    behind = line.words[at + 1 : at + 3]
    return len(behind) == 2 and behind[0] == "than" and behind[1][0].isdecimal()


def _only_word(answer: str, word: str) -> bool:
    line = row(answer)
    meant = [w for w, s in zip(line.words, line.stems, strict=True) if s or w in TURNED]
    return meant == [word]


_REACH = 8


def _order(here: Row, at: int, there: Row, turned: int) -> str:
    """Whether what stands on either side is the same, or has changed places."""
    left, right = here.around(at, _REACH)
    left_there, right_there = there.around(turned, _REACH)
    straight = len(left & left_there - right_there) + len(right & right_there - left_there)
    crossed = len(left & right_there - left_there) + len(right & left_there - right_there)
    if crossed > straight:
        return "swapped"
    return "same" if straight and not crossed else ""


# --- who does what to whom -----------------------------------------------------------------------

_BE = frozenset(
    listed(
        """is are was were be been being am get gets got become becomes wird wurde werden wurden est
    sont été es son fue fueron sido"""
    )
)


def roles(draft: Draft, context: Context) -> Iterator[Finding]:
    """Who acts in the source acts on the card, whichever way it is put."""
    if draft.kind.family is Family.BASIC and not is_english(read(draft).asked):
        return  # elsewhere the order of a question tells nothing of who acts
    proof, here = evidence(draft, context.highlight).row, statement(draft)
    answer = frozenset(s for a in read(draft).answers for s in row(a).all_stems)
    for at, each in enumerate(here.stems):
        pivot = here.words[at] if here.words[at] in PIVOTS else each
        if not pivot or (pivot not in PIVOTS and pivot not in RELATIONS):
            continue
        places = [i for i, w in enumerate(proof.words) if pivot in (w, proof.stems[i])]
        if len(places) == 1 and _swapped(here, at, proof, places[0], answer):
            yield ROLES_SWAPPED.found(f"around “{here.words[at]}”")
            return


def _swapped(here: Row, at: int, there: Row, place: int, answer: frozenset[str]) -> bool:
    left, right = (_names(side) for side in here.around(at, _REACH))
    left_there, right_there = (_names(side) for side in there.around(place, _REACH))
    if _passive(here, at) != _passive(there, place):
        left, right = right, left
    crossed = left & (right_there - left_there), right & (left_there - right_there)
    if not all(crossed) or (answer and not answer & (crossed[0] | crossed[1])):
        return False
    if here.words[at] in PIVOTS:
        return not right & right_there
    return not left & left_there and not answer & (left & left_there | right & right_there)


def _names(side: Iterable[str]) -> frozenset[str]:
    """The words that may be one who acts: no numbers, no units."""
    return frozenset(word for word in side if not word[:1].isdecimal() and word not in _MEASURES)


_MEASURES = frozenset(("bc", "ad", *(stem(name) for name in (*UNITS, *NUMBER_WORDS))))


def _passive(line: Row, at: int) -> bool:
    """`is inhibited`, `was A defeated`: a form of be before a participle."""
    word = line.words[at]
    if not word.endswith(("ed", "en", "wn", "nt", "ght", "ne", "t", "é", "ée", "ido", "ada")):
        return False
    return any(before in _BE for before in line.words[max(0, at - 5) : at])


# --- one thing's words at another ----------------------------------------------------------------


def sides(draft: Draft, context: Context) -> Iterator[Finding]:
    """What is said of the males is not asked of the females."""
    if draft.kind.family is not Family.BASIC:
        return
    proof = evidence(draft, context.highlight)
    reading = read(draft)
    asked = row(reading.asked)
    answer = row(reading.answers[0]).all_stems
    for clause in map(row, proof.clauses):
        if not answer or not answer <= clause.all_stems:
            continue
        forms = _forms(clause)
        for word in asked.words:
            if word in SIDED and word not in forms and stem(word) not in forms:
                contrary = _contrary(word) & forms
                if contrary and word in _forms(proof.row) and not contrary & _forms(asked):
                    yield OPPOSITE.found(f"“{word}”, there “{min(contrary)}”")
                    return


def _on_machines(draft: Draft, context: Context) -> Iterator[Finding]:
    """All of them, on what a machine has worded."""
    if not spared(draft, context):
        for each in (opposites, roles, sides):
            yield from each(draft, context)


CHECKS = (_on_machines,)
