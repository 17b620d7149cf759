"""Compare cards: the two sides of a card in normal form, and what makes similar cards different.

Each guard returns one difference, or "". Similarity scores only rank cards; the guards decide, because
no score distinguishes "L1"/"L2" or "2017/2018" from a paraphrase. Cards about the same fact from
another side, that is reverse cards and other gaps of a sentence, are not reported at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from msgspec.structs import replace

from ankiforge.check.reading import without_markup
from ankiforge.check.words import (
    DIGITS,
    NEGATIONS,
    ORDINALS,
    QUESTION_WORDS,
    STOP_WORDS,
    TERM,
    Words,
    listed,
    normal,
    opposed,
    stem,
    synonyms,
)
from ankiforge.model import Draft, Family, Strings, Texts, Value
from ankiforge.text import cloze, regex
from ankiforge.text.fold import canonical
from ankiforge.text.shields import shields

# --- the two sides of a card -------------------------------------------------------------------

MAX_LENGTH = 2000
"""The number of characters of a field that are compared; useful cards are not longer."""
_SIMPLE = regex(r"\{\{c\d+(?:,\d+)*::([^{}:]*)(?:::[^{}:]*)?\}\}")
_SHIELD_SIGN = regex(r"[`$\\]")
_AUTHOR = r"[A-Z][\w’'-]+(?:,? (?:et al\.?|and|&|und|y) ?(?:[A-Z][\w’'-]+)?)?"
CITED = regex(
    rf"\((?:see |cf\. |e\.g\.,? )?{_AUTHOR},? \d{{4}}[a-z]?(?:, ?(?:p|pp|S)\. ?\d+(?:[-–]\d+)?)?"
    rf"(?:; ?{_AUTHOR},? \d{{4}}[a-z]?)*\)"
    r"|(?:(?<=[a-z]{2})|(?<![\w]))\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\](?!\()"
)
"""Author and year, [12], [3, 4]. If it is replaced by another one, it may be an interval as [0, 1]."""


class ComparedSides(Value, gc=False):
    """A card as plain text: question, answer, and both together."""

    family: Family
    asked: str
    answered: str
    text: str = ""
    """The text of a cloze with its answers; "" for other cards."""

    @property
    def whole(self) -> str:
        """The whole text."""
        return self.text or f"{self.asked} {self.answered}"

    @property
    def shown(self) -> str:
        """The text that identifies the card to a reader."""
        return self.text or self.asked


@lru_cache(maxsize=64)
def sides(draft: Draft) -> ComparedSides:
    """Return the two sides of a draft."""
    if draft.kind.family is Family.BASIC:
        front, back = (without_markup(draft.field(name)[:MAX_LENGTH]) for name in ("Front", "Back"))
        return ComparedSides(Family.BASIC, front, back)
    text = draft.field("Text")[:MAX_LENGTH]
    answers = _SIMPLE.findall(text)
    if len(answers) == text.count("{{") and not _SHIELD_SIGN.search(text):
        question = _SIMPLE.sub(" ", text)  # faster, and sufficient for most clozes
    else:
        outer, at = [], 0
        for gap in cloze.gaps(text):
            if gap.start >= at:
                outer.append(text[at : gap.start])
                at = gap.end
        question = " ".join([*outer, text[at:]])
        answers = [gap.answer for gap in cloze.gaps(text)]
    return ComparedSides(
        Family.CLOZE,
        without_markup(question),
        without_markup(" ".join(answers)),
        without_markup(text),
    )


def exact_form(draft: Draft) -> Strings:
    """Return values that are equal for identical cards; () if a side is empty.

    Typography, emphasis, and the last stop or question mark are ignored; the gaps of a cloze, their
    grouping and Extra are not.
    """
    extra = _exact(draft.field("Extra")) if draft.field("Extra") else ""
    if draft.kind.family is Family.CLOZE:
        # cloze signs become brackets, numbered in order of appearance
        text, ranks = draft.field("Text"), dict[tuple[int, ...], int]()
        parts, at = "", 0
        for gap in cloze.gaps(text):
            rank = ranks.setdefault(gap.numbers, len(ranks) + 1)
            parts += f"{text[at : gap.start]}⟦{rank}⟧"
            at = gap.body
        ranked = _exact(parts + text[at:])
        return ("cloze", ranked, extra) if ranked else ()
    front, back = _exact(draft.field("Front")), _exact(draft.field("Back"))
    return (draft.kind.value, front, back, extra) if front and back else ()


def _exact(text: str) -> str:
    """Return the canonical text; maths and code keep their case, as `m` and `M` differ."""
    if _SHIELD_SIGN.search(text):
        runs, at = [], 0
        for start, end, _ in shields(text):
            runs += [canonical(without_markup(text[at:start])), text[start:end]]
            at = end
        text = " ".join([*runs, canonical(without_markup(text[at:]))]).strip()
    else:
        text = without_markup(text)
        text = " ".join(text.casefold().split()) if text.isascii() else canonical(text)
    return text.rstrip(".? \t\n\u00a0") or text


# --- the content words of a normal form ----------------------------------------------------------

_IDEOGRAPHS = "\u3400-\u9fff"
_ASCII = regex(r"\w+")
_WORD = rf"[{_IDEOGRAPHS}]|[\u3040-\u309f]+|[\u30a0-\u30ff]+|[^\W\u3040-\u30ff{_IDEOGRAPHS}]+"
# Words without meaning of their own, and without accents (`où` is `ou`, `で` is `て`).
_PASSED = STOP_WORDS | QUESTION_WORDS | listed("small_words", "unstemmed")


class _Stems(dict[str, str]):
    """A cache of stems; "" for words without meaning."""

    def __missing__(self, word: str) -> str:
        if len(self) > 300_000:
            self.clear()
        particle = len(word) == 1 and "\u3040" <= word <= "\u309f"
        result = "" if particle or word in _PASSED else stem(word)
        if len(result) > 6 and result.endswith("ly"):
            result = stem(result[:-2])
        self[word] = result
        return result


_STEMS = _Stems()


def stems_of(form: str) -> Iterator[str]:
    """Return the stems of the content words of a normal form, in order; ideographs one by one."""
    return filter(None, map(_STEMS.__getitem__, tokens_of(form)))


@lru_cache(maxsize=2048)
def _stem_set(text: str) -> Words:
    return frozenset(stems_of(form_of(text)))


def tokens_of(form: str) -> list[str]:
    """Return all words of a normal form, in order."""
    return _ASCII.findall(form) if form.isascii() else re.findall(_WORD, form)


def finders_of(form: str) -> Iterator[str]:
    """Yield further search terms: pairs of ideographs, because single ones are too common."""
    for run in re.findall(f"[{_IDEOGRAPHS}]{{2,}}", form):
        yield from (one + other for one, other in pairwise(run))


_PHRASE_SIGNS = (
    "-", " world war", " place", " weltkrieg", "due to", "because of", ".0", "usa", "united", "great b",
)  # fmt: skip
_PHRASE = regex(
    r"\b(?P<war>first|second|1st|2nd) world war\b|\b(?P<occur>takes?|took|taking) place\b"
    r"|\b(?P<weltkrieg>(?:erste|zweite)[rsn]?) weltkrieg\b|\b(?P<cause>due to|because of)\b"
    r"|(?<=\d)(?P<zero>\.0+)(?![\d.])|\b(?P<us>usa|united states(?: of america)?)\b"
    r"|\b(?P<uk>united kingdom|great britain)\b"
    r"|(?<!\d)(?P<century>\d\d)(?P<from>\d\d)-(?P<to>\d\d)(?!\d)"
)


@lru_cache(maxsize=1024)
def form_of(text: str) -> str:
    """Return the normal form, with phrases in one spelling: `World War 2`, `us`."""
    form = normal(text)
    return _PHRASE.sub(_word_for, form) if any(one in form for one in _PHRASE_SIGNS) else form


def _word_for(match: re.Match[str]) -> str:
    if war := match["war"]:
        return f"world war {ORDINALS.index(war) + 1 if war in ORDINALS else war[0]}"
    if war := match["weltkrieg"]:
        return f"{'1' if war.startswith('erste') else '2'} weltkrieg"
    if match["to"]:  # 1814–15
        century = match["century"]
        return f"{century}{match['from']}-{century}{match['to']}"
    return next((name for name in ("occur", "cause", "us", "uk") if match[name]), "")


# --- the features of a card ----------------------------------------------------------------------

_NAME = regex(r"(?<=[\w,;] )[A-Z][^\W\d_]{2,}\b")
_LABEL = regex(r"(?<=\w )[A-Z](?![\w'’.])")
_NOT = regex(r"n['’]t\b")
_MISSING = NEGATIONS | listed("meaning", "missing")
_MAX_INITIALS = 5


class Features(Value):
    """A card, prepared for the guards."""

    family: Family
    asked: str
    answered: str
    whole: str
    """Normal forms of the question, the answer, and both."""
    terms: Words
    """Acronyms, names with digits or inner capitals, capitalised words within a sentence."""
    labels: Words
    """Single capitals in the question: vitamin A, plan B."""
    negations: tuple[int, int]
    """The parity of the number of negations in question and answer."""
    sequence: Strings
    """Stems of the content words of the question, in order."""
    asked_stems: Words
    tokens: Words
    stems: Words
    """Stems of all content words."""
    answer_stems: Words
    """Stems of the answer; its normal form if it has no content words."""
    numbers: Words
    answer_numbers: Words


@lru_cache(maxsize=2048)
def features(sides: ComparedSides) -> Features:
    """Return the features of a card."""
    forms = (form_of(sides.asked), form_of(sides.answered), form_of(sides.whole))
    terms = (normal(term) for pattern in (TERM, _NAME) for term in pattern.findall(sides.whole))
    named = frozenset(term for term in terms if term in forms[2])  # the USA may be written as us
    labels = frozenset(_LABEL.findall(sides.asked))
    negations = (_parity(sides.asked), _parity(sides.answered))
    return _read(sides.family, forms, named, labels, negations)


def _read(
    family: Family,
    forms: tuple[str, str, str],
    terms: Words,
    labels: Words,
    negations: tuple[int, int],
) -> Features:
    asked, answered, whole = forms
    sequence = tuple(stems_of(asked))
    return Features(
        family, asked, answered, whole, terms, labels, negations, sequence, frozenset(sequence),
        frozenset(tokens_of(whole)), frozenset(stems_of(whole)),
        frozenset(stems_of(answered)) or frozenset({answered}),
        frozenset(DIGITS.findall(whole)), frozenset(DIGITS.findall(answered)),
    )  # fmt: skip


def _parity(text: str) -> int:
    words = tokens_of(text.casefold())
    return (sum(word in _MISSING for word in words) + len(_NOT.findall(text))) % 2


def aligned(one: Features, other: Features) -> Features:
    """Return `one` with adjacent words joined if `other` contains them as one word or as initials.

    For example, `p value` becomes `pvalue`, and `united states` becomes `us`.
    """
    missing = other.tokens - one.tokens
    runs = _runs(one.whole) if missing else {}
    joins = {runs[word]: word for word in missing if word in runs}
    if not joins:
        return one
    asked, answered, whole = (_joined(form, joins) for form in (one.asked, one.answered, one.whole))
    dropped = frozenset(word for pair in joins for word in pair.split())
    terms = (one.terms - dropped) | (frozenset(joins.values()) & other.terms)
    return _read(one.family, (asked, answered, whole), terms, one.labels, one.negations)


@lru_cache(maxsize=2048)
def _runs(form: str) -> Texts:
    """Return adjacent words by their other spellings: as one word, or as initials."""
    words, runs = tokens_of(form), {}
    for at, (word, after) in enumerate(pairwise(words)):
        for size in range(2, min(_MAX_INITIALS, len(words) - at) + 1):
            run = words[at : at + size]
            if STOP_WORDS.intersection(run):
                break
            runs["".join([each[0] for each in run])] = " ".join(run)
        runs[word + after] = f"{word} {after}"
    return runs


def _joined(form: str, joins: Texts) -> str:
    for run, word in joins.items():
        form = f" {form} ".replace(f" {run} ", f" {word} ").strip()
    return form


# --- equal words ----------------------------------------------------------------------------------

_LATIN = (("um", "a"), ("us", "i"), ("on", "a"), ("is", ""), ("ix", "ic"), ("ex", "ic"))
_PEOPLE = ("ian", "ean", "an", "ish", "ese", "ic")
# The minimum number of letters that a country and its people share.
_LAND = 3
# The minimum length of a common first part of two compounds.
_HEAD = 3


def same_word(word: str, counterpart: str) -> bool:
    """Return whether two stems are forms of one word, or synonyms."""
    if word == counterpart or counterpart in synonyms().get(word, ()):
        return True
    short, long = sorted((word, counterpart), key=len)
    if len(short) > 4 and long.startswith(short) and len(long) - len(short) <= 2:
        return True
    return _of_one_land(word, counterpart) or any(
        a.endswith(x) and b == a.removesuffix(x) + y
        for a, b in ((word, counterpart), (counterpart, word))
        for x, y in _LATIN
    )


def _of_one_land(word: str, counterpart: str) -> bool:
    """Return whether one is a country or city and the other its adjective: Rome and Roman."""
    short, long = sorted((word, counterpart), key=len)
    ending = next((each for each in _PEOPLE if long.endswith(each)), "")
    root, land = long.removesuffix(ending), short.rstrip("aeiouy")
    return bool(ending) and len(land) >= _LAND and land == root.rstrip("aeiouy")


def _lacks(words: Iterable[str], others: Words) -> list[str]:
    """Return the stems that have no form or synonym among the others."""
    return [word for word in words if not any(same_word(word, other) for other in others)]


def _versus(mine: Words | set[str], theirs: Words | set[str]) -> str:
    return f"{_words(mine)}/{_words(theirs)}" if mine or theirs else ""


def _words(words: Words | set[str]) -> str:
    return " ".join(sorted(words)[:3]) or "–"


# --- guards ------------------------------------------------------------------------------------

_FORMULA = regex(r"[=^λσμ/‖+<>≤≥·|()]|\d")
# The minimum number of equal words around a replaced one.
_FRAME = 2
_SWAPPED = 2
_ALIKE_FORMULA = 75
_SHARED = 2


def numbers_differ(one: Features, other: Features) -> str:
    """Compare numbers: 2017/2018, GPT-2/GPT-3, the first and the second World War.

    A number that one card only adds, as in `Westphalia (1648)`, is no difference.
    """
    mine, theirs = one.numbers - other.numbers, other.numbers - one.numbers
    if bool(mine) != bool(theirs):
        small, large = (other, one) if mine else (one, other)
        if _merely_adds(small, large, mine or theirs):
            return ""
    return _versus(mine, theirs)


def _merely_adds(small: Features, large: Features, more: Words) -> bool:
    """Return whether numbers are only added to an equal answer, or outside an equal gap."""
    asked, theirs = small.asked_stems, large.asked_stems
    if small.family is large.family is Family.CLOZE:
        beside = not more & large.answer_numbers and small.answer_stems == large.answer_stems
        return beside and asked <= theirs
    if 2 * len(asked & theirs) <= min(len(asked), len(theirs)):
        return False
    words, others = (
        {word for word in card.answer_stems if not word.isdigit()} for card in (small, large)
    )
    only_there = more <= large.answer_numbers and not more & theirs
    return only_there and bool(words) and (words <= others or others <= words)


def negation_differs(one: Features, other: Features) -> str:
    """Compare negations, separately for question and answer if both cards are of one family."""
    if one.family is other.family:
        return "not" if one.negations != other.negations else ""
    return "not" if sum(one.negations) % 2 != sum(other.negations) % 2 else ""


def opposites(one: Features, other: Features) -> str:
    """Find a word of one card whose opposite is in the other, if neither has a counterpart."""
    mine, theirs = _unmatched(one.tokens, other.tokens), _unmatched(other.tokens, one.tokens)
    for word in sorted(mine):
        for counterpart in sorted(theirs):
            # as a whole, or after the same first part: Gram-positive and Gram-negative
            pairs = enumerate(zip(word, counterpart, strict=False))
            head = next((at for at, (a, b) in pairs if a != b), 0)
            for at in (0, head) if head >= _HEAD else (0,):
                if stem(counterpart[at:]) in opposed().get(stem(word[at:]), ()):
                    return f"{word}/{counterpart}"
    return ""


def _unmatched(words: Words, others: Words) -> list[str]:
    rest = frozenset(map(stem, others - words))
    return [word for word in words - others if _lacks([stem(word)], rest)]


def terms_differ(one: Features, other: Features) -> str:
    """Find names in each card that the other lacks: L1 and L2, Austria and Australia."""
    mine, theirs = (
        {term for term in card.terms - there.terms if not _named_in(term, there)}
        for card, there in ((one, other), (other, one))
    )
    return _versus(mine, theirs) if mine and theirs else ""


def _named_in(term: str, card: Features) -> bool:
    if term in card.tokens or stem(term) in card.stems or f" {term} " in f" {card.whole} ":
        return True
    return any(_of_one_land(term, other) for other in card.tokens)


def labels_differ(one: Features, other: Features) -> str:
    """Compare labels: hepatitis A and hepatitis B."""
    mine, theirs = one.labels - other.labels, other.labels - one.labels
    return _versus(mine, theirs) if mine and theirs else ""


def swapped(one: Features, other: Features) -> str:
    """Find questions that differ by one or two words in one place that are not synonyms."""
    mine, theirs = list(one.sequence), list(other.sequence)
    equal = 0
    for end in (0, -1):  # the common head, then the common tail
        while mine and theirs and mine[end] == theirs[end]:
            del mine[end], theirs[end]
            equal += 1
    if equal < _FRAME or not 0 < len(mine) <= _SWAPPED or not 0 < len(theirs) <= _SWAPPED:
        return ""
    few, many = sorted((mine, theirs), key=len)
    return f"{' '.join(mine)}/{' '.join(theirs)}" if _lacks(few, frozenset(many)) else ""


def answers_differ(one: Features, other: Features) -> str:
    """Compare answers: they differ if they share less than half of their words."""
    return "" if _answers_meet(one, other) else "the answer"


def _answers_meet(one: Features, other: Features) -> bool:
    mine, theirs = one.answer_stems, other.answer_stems
    shared = len(mine) - len(_lacks(mine, theirs))
    if 2 * shared >= min(len(mine), len(theirs)):
        return True
    return _formulae(one, other) and _as_strings(one, other) >= _ALIKE_FORMULA


def _formulae(one: Features, other: Features) -> bool:
    return bool(_FORMULA.search(one.answered) and _FORMULA.search(other.answered))


def _as_strings(one: Features, other: Features) -> float:
    from rapidfuzz import fuzz  # seldom needed, and slow to load

    return fuzz.ratio(one.answered.replace(" ", ""), other.answered.replace(" ", ""))


GUARDS = (
    numbers_differ,
    negation_differs,
    opposites,
    terms_differ,
    labels_differ,
    swapped,
    answers_differ,
)


# --- the verdict -------------------------------------------------------------------------------


def judged(mine: ComparedSides, theirs: ComparedSides) -> str | None:
    """Return the difference between two cards, "" if there is none; None if they are not comparable.

    A citation that was added is no difference.
    """
    one, other = _aligned(*_without_citations(mine, theirs))
    # `What?` is clear only in its context
    both_ask = Family.CLOZE in (one.family, other.family) or one.asked == other.asked
    if not both_ask and not (one.sequence and other.sequence):
        return None
    # two sides of one fact: each answer is in the other question
    if not one.answer_stems & other.answer_stems and (
        one.answer_stems <= other.asked_stems and other.answer_stems <= one.asked_stems
    ):
        return None
    return next((said for guard in GUARDS if (said := guard(one, other))), "")


def _without_citations(
    mine: ComparedSides, theirs: ComparedSides
) -> tuple[ComparedSides, ComparedSides]:
    """Return two cards without the citations in their questions, if only one has some that the other lacks."""
    cited, others = ({match[0] for match in CITED.finditer(one.asked)} for one in (mine, theirs))
    if cited == others or not (cited <= others or others <= cited):
        return mine, theirs
    return _uncited(mine), _uncited(theirs)


def _uncited(one: ComparedSides) -> ComparedSides:
    return replace(one, asked=CITED.sub(" ", one.asked), text=CITED.sub(" ", one.text))


def _aligned(mine: ComparedSides, theirs: ComparedSides) -> tuple[Features, Features]:
    one, other = features(mine), features(theirs)
    return aligned(one, other), aligned(other, one)


def answers_alike(mine: ComparedSides, theirs: ComparedSides) -> bool:
    """Return whether two cards have equal answers and share half of the words of their questions."""
    if _stem_set(mine.answered) != _stem_set(theirs.answered):
        return False
    asked, there = _stem_set(mine.asked), _stem_set(theirs.asked)
    shared = len(asked & there)
    return shared >= _SHARED and 2 * shared >= min(len(asked), len(there))
