"""Compare cards: what makes similar cards different.

Each guard returns one difference, or "". Similarity scores only rank cards; the guards
decide, because no score distinguishes "L1"/"L2" or "2017/2018" from a paraphrase. Cards
about the same fact from another side, that is reverse cards and other gaps of a
sentence, are not reported at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from ankiforge.check.features import Features, aligned, features
from ankiforge.check.sides import ComparedSides
from ankiforge.language.normal import stem_set
from ankiforge.language.tables import Words
from ankiforge.language.words import opposed, stem, synonyms
from ankiforge.model import Family
from ankiforge.text import regex

# --- equal words ----------------------------------------------------------------------

# Latin plurals and adjectives: an ending, and what the other form has instead.
_LATIN = (("um", "a"), ("us", "i"), ("on", "a"), ("is", ""), ("ix", "ic"), ("ex", "ic"))
_PEOPLE = ("ian", "ean", "an", "ish", "ese", "ic")
_VOWELS = "aeiouy"
# The minimum number of letters that a country and its people share.
_LAND = 3
# The minimum length of a word of which another one is a beginning, and the letters it
# may lack.
_MIN_BEGINNING = 5
_LACKING = 2


def same_word(word: str, counterpart: str) -> bool:
    """Return whether two stems are forms of one word, or synonyms."""
    if word == counterpart or counterpart in synonyms().get(word, ()):
        return True
    short, long = sorted((word, counterpart), key=len)
    is_beginning = len(short) >= _MIN_BEGINNING and long.startswith(short)
    if is_beginning and len(long) - len(short) <= _LACKING:
        return True
    if _of_one_land(word, counterpart):
        return True
    return _is_latin_form(word, counterpart) or _is_latin_form(counterpart, word)


def _is_latin_form(word: str, counterpart: str) -> bool:
    """Return whether a word becomes its counterpart by a Latin ending."""
    for ending, replacement in _LATIN:
        changed = word.removesuffix(ending) + replacement
        if word.endswith(ending) and counterpart == changed:
            return True
    return False


def _of_one_land(word: str, counterpart: str) -> bool:
    """Return whether one is a country or city and the other its adjective: Rome and Roman."""
    short, long = sorted((word, counterpart), key=len)
    ending = next((people for people in _PEOPLE if long.endswith(people)), "")
    if not ending:
        return False
    root = long.removesuffix(ending).rstrip(_VOWELS)
    land = short.rstrip(_VOWELS)
    return len(land) >= _LAND and land == root


def _lacking(words: Iterable[str], others: AbstractSet[str]) -> list[str]:
    """Return the stems that have no form or synonym among the others."""
    return [word for word in words if not any(same_word(word, other) for other in others)]


def _versus(mine: AbstractSet[str], theirs: AbstractSet[str]) -> str:
    """Return words of each of two cards, for messages; "" if there are none."""
    return f"{_few_of(mine)}/{_few_of(theirs)}" if mine or theirs else ""


def _few_of(words: AbstractSet[str]) -> str:
    return " ".join(sorted(words)[:3]) or "–"


# --- guards: numbers and negations ----------------------------------------------------


def numbers_differ(card: Features, other: Features) -> str:
    """Compare numbers: 2017/2018, GPT-2/GPT-3, the first and the second World War.

    A number that one card only adds, as in `Westphalia (1648)`, is not a difference.
    """
    mine = card.numbers - other.numbers
    theirs = other.numbers - card.numbers
    if mine and not theirs and _merely_adds(other, card, mine):
        return ""
    if theirs and not mine and _merely_adds(card, other, theirs):
        return ""
    return _versus(mine, theirs)


def _merely_adds(small: Features, large: Features, more: Words) -> bool:
    """Return whether numbers are only added to an equal answer, or outside an equal gap."""
    if small.family is large.family is Family.CLOZE:
        is_outside = more.isdisjoint(large.answer_numbers)
        has_equal_gap = small.answer_stems == large.answer_stems
        return is_outside and has_equal_gap and small.asked_stems <= large.asked_stems
    if not _questions_meet(small, large):
        return False
    is_in_answer = more <= large.answer_numbers and more.isdisjoint(large.asked_stems)
    words = _without_digits(small.answer_stems)
    others = _without_digits(large.answer_stems)
    if not words or not is_in_answer:
        return False
    return words <= others or others <= words


def _questions_meet(card: Features, other: Features) -> bool:
    """Return whether two questions share more than half of the words of the shorter one."""
    shared = len(card.asked_stems & other.asked_stems)
    return 2 * shared > min(len(card.asked_stems), len(other.asked_stems))


def _without_digits(stems: Words) -> set[str]:
    return {word for word in stems if not word.isdigit()}


def negation_differs(card: Features, other: Features) -> str:
    """Compare negations, separately for question and answer if both cards are of one family."""
    if card.family is other.family:
        differs = card.negations != other.negations
    else:
        differs = sum(card.negations) % 2 != sum(other.negations) % 2
    return "not" if differs else ""


# --- guards: words --------------------------------------------------------------------

# The minimum length of a common first part of two compounds.
_HEAD = 3


def opposites(card: Features, other: Features) -> str:
    """Find a word of one card whose opposite is in the other, if neither has a counterpart."""
    mine = sorted(_unmatched(card.tokens, other.tokens))
    theirs = sorted(_unmatched(other.tokens, card.tokens))
    for word in mine:
        for counterpart in theirs:
            if _are_opposed(word, counterpart):
                return f"{word}/{counterpart}"
    return ""


def _are_opposed(word: str, counterpart: str) -> bool:
    """Return whether words are opposed, as a whole or after the same first part.

    So are Gram-positive and Gram-negative.
    """
    starts = [0]
    head = _common_head(word, counterpart)
    if head >= _HEAD:
        starts.append(head)
    for start in starts:
        opposites = opposed().get(stem(word[start:]), ())
        if stem(counterpart[start:]) in opposites:
            return True
    return False


def _common_head(word: str, counterpart: str) -> int:
    """Return how many letters two words have in common before they differ; 0 if they never do."""
    pairs = zip(word, counterpart, strict=False)
    for place, (letter, other_letter) in enumerate(pairs):
        if letter != other_letter:
            return place
    return 0


def _unmatched(words: Words, others: Words) -> list[str]:
    """Return the words of one card that have no form or synonym in the other."""
    other_stems = frozenset(map(stem, others - words))
    return [word for word in words - others if _lacking([stem(word)], other_stems)]


def terms_differ(card: Features, other: Features) -> str:
    """Find names in each card that the other lacks: L1 and L2, Austria and Australia."""
    mine = _unnamed_terms(card, other)
    theirs = _unnamed_terms(other, card)
    return _versus(mine, theirs) if mine and theirs else ""


def _unnamed_terms(card: Features, other: Features) -> set[str]:
    """Return the names of a card that are in no form in the other."""
    return {term for term in card.terms - other.terms if not _is_named_in(term, other)}


def _is_named_in(term: str, card: Features) -> bool:
    if term in card.tokens or stem(term) in card.stems:
        return True
    if f" {term} " in f" {card.whole} ":
        return True
    return any(_of_one_land(term, other) for other in card.tokens)


def labels_differ(card: Features, other: Features) -> str:
    """Compare labels: hepatitis A and hepatitis B."""
    mine = card.labels - other.labels
    theirs = other.labels - card.labels
    return _versus(mine, theirs) if mine and theirs else ""


# The minimum number of equal words around a replaced one, and the words that are
# replaced, at most.
_FRAME = 2
_SWAPPED = 2


def swapped(card: Features, other: Features) -> str:
    """Find questions that differ by one or two words in one place that are not synonyms."""
    mine = list(card.sequence)
    theirs = list(other.sequence)
    equal_words = 0
    for end in (0, -1):  # the common head, then the common tail
        while mine and theirs and mine[end] == theirs[end]:
            del mine[end]
            del theirs[end]
            equal_words += 1
    if equal_words < _FRAME:
        return ""
    are_few = 0 < len(mine) <= _SWAPPED
    are_others_few = 0 < len(theirs) <= _SWAPPED
    if not (are_few and are_others_few):
        return ""
    few, many = sorted((mine, theirs), key=len)
    if not _lacking(few, frozenset(many)):
        return ""
    return f"{' '.join(mine)}/{' '.join(theirs)}"


# --- guards: answers ------------------------------------------------------------------

_FORMULA = regex(r"[=^λσμ/‖+<>≤≥·|()]|\d")
# The least similarity of formulae as strings, in per cent.
_ALIKE_FORMULA = 75


def answers_differ(card: Features, other: Features) -> str:
    """Compare answers: they differ if they share less than half of their words."""
    return "" if _answers_meet(card, other) else "the answer"


def _answers_meet(card: Features, other: Features) -> bool:
    """Return whether the answers share most of their words, or are similar formulas."""
    mine = card.answer_stems
    theirs = other.answer_stems
    shared = len(mine) - len(_lacking(mine, theirs))
    if 2 * shared >= min(len(mine), len(theirs)):
        return True
    if not (_FORMULA.search(card.answered) and _FORMULA.search(other.answered)):
        return False
    return _similarity(card.answered, other.answered) >= _ALIKE_FORMULA


def _similarity(formula: str, other: str) -> float:
    """Return the similarity of two formulae as strings, in per cent."""
    from rapidfuzz import fuzz  # seldom needed, and slow to load

    return fuzz.ratio(formula.replace(" ", ""), other.replace(" ", ""))


GUARDS = (
    numbers_differ,
    negation_differs,
    opposites,
    terms_differ,
    labels_differ,
    swapped,
    answers_differ,
)


# --- the verdict ----------------------------------------------------------------------


def judged(mine: ComparedSides, theirs: ComparedSides) -> str | None:
    """Return the difference between two cards.

    "" if there is none; None if they are not comparable. A citation that was added is no
    difference.
    """
    mine, theirs = _without_citations(mine, theirs)
    my_features = features(mine)
    their_features = features(theirs)
    card = aligned(my_features, their_features)
    other = aligned(their_features, my_features)
    if not _both_ask(card, other) or _are_two_sides(card, other):
        return None
    for guard in GUARDS:
        difference = guard(card, other)
        if difference:
            return difference
    return ""


def _both_ask(card: Features, other: Features) -> bool:
    """Return whether both questions say what they ask; `What?` is clear only in its context."""
    has_cloze = Family.CLOZE in (card.family, other.family)
    if has_cloze or card.asked == other.asked:
        return True
    return bool(card.sequence and other.sequence)


def _are_two_sides(card: Features, other: Features) -> bool:
    """Return whether two cards are about one fact: each answer is in the other question."""
    if not card.answer_stems.isdisjoint(other.answer_stems):
        return False
    is_first_asked = card.answer_stems <= other.asked_stems
    return is_first_asked and other.answer_stems <= card.asked_stems


# The minimum number of words that the questions of similar cards share.
_SHARED = 2


def answers_alike(mine: ComparedSides, theirs: ComparedSides) -> bool:
    """Return whether two cards have equal answers, and questions that are alike.

    These share half of the words of the shorter one.
    """
    if stem_set(mine.answered) != stem_set(theirs.answered):
        return False
    asked = stem_set(mine.asked)
    other_asked = stem_set(theirs.asked)
    shared = len(asked & other_asked)
    shorter = min(len(asked), len(other_asked))
    return shared >= _SHARED and 2 * shared >= shorter


# --- citations ------------------------------------------------------------------------

_AUTHOR = r"[A-Z][\w’'-]+(?:,? (?:et al\.?|and|&|und|y) ?(?:[A-Z][\w’'-]+)?)?"
CITED = regex(
    rf"\((?:see |cf\. |e\.g\.,? )?{_AUTHOR},? \d{{4}}[a-z]?(?:, ?(?:p|pp"
    rf"|S)\. ?\d+(?:[-–]\d+)?)?"
    rf"(?:; ?{_AUTHOR},? \d{{4}}[a-z]?)*\)"
    r"|(?:(?<=[a-z]{2})|(?<![\w]))\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\](?!\()"
)
"""Author and year, [12], [3, 4].

If it is replaced by another one, it may be an interval as [0, 1].
"""


def _without_citations(
    mine: ComparedSides,
    theirs: ComparedSides,
) -> tuple[ComparedSides, ComparedSides]:
    """Return two cards, without the citations in their questions if only one has added some."""
    cited = {match[0] for match in CITED.finditer(mine.asked)}
    other_cited = {match[0] for match in CITED.finditer(theirs.asked)}
    one_has_more = cited < other_cited or other_cited < cited
    if not one_has_more:
        return mine, theirs
    return _uncited(mine), _uncited(theirs)


def _uncited(card: ComparedSides) -> ComparedSides:
    return replace(
        card,
        asked=CITED.sub(" ", card.asked),
        text=CITED.sub(" ", card.text),
    )
