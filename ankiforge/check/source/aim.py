"""Aim: the answer is the one the question asks for, and the one the reader marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache

from ankiforge.check.context import Context
from ankiforge.check.lexical.quantities import UNITS, Quantity, quantities
from ankiforge.check.lexical.reading import asked_by_reader, authored, marked, pictured, read
from ankiforge.check.lexical.words import NUMBER_WORDS, has_word, stem
from ankiforge.check.rule import Rule
from ankiforge.check.source.claims import row
from ankiforge.check.source.evidence import around, evidence, folded
from ankiforge.model import Draft, Family, Finding, Severity

NEIGHBOUR = Rule(
    "neighbours_answer", Severity.BLOCK, "the source says this of something else:", firm=True
)
NEIGHBOUR_DOUBTFUL = Rule(
    "neighbours_words", Severity.WARN, "the source may say this of something else:", firm=True
)
BESIDE_THE_MARK = Rule(
    "beside_the_mark", Severity.WARN, "asks for a fact beside the marked words", firm=False
)
RULES = (NEIGHBOUR, NEIGHBOUR_DOUBTFUL, BESIDE_THE_MARK)

_PERSON = frozenset(
    ["he", "she", "him", "her", "his", "hers", "they", "them", "their", "who", "whose", "whom"]
)
_JOINTLY = re.compile(
    r"\b(?:respectively|beziehungsweise|bzw|respectivement|respectivamente)\b", re.I
)


def neighbour(draft: Draft, context: Context) -> Iterator[Finding]:
    """The answer stands in the part of the sentence that speaks of what is asked."""
    if _spared(draft, context) or (draft.kind.family is Family.CLOZE and _hides_much(draft)):
        return
    proof = evidence(draft, context.highlight)
    if not 2 <= len(proof.clauses) <= _MOST_PARTS or _JOINTLY.search(proof.text):
        return
    asked, answers = _as_written(draft)
    for answer in answers:
        rule = _rule_for(asked, answer, proof.clauses)
        if rule:
            yield rule.found(f"“{answer[:60]}”")
            return


_MOST_PARTS = 40
"""Parts of a sentence; what has more is a list or a table."""


def _as_written(draft: Draft) -> tuple[str, tuple[str, ...]]:
    """What is asked and answered, formulae and code with their signs."""
    if draft.kind.family is Family.BASIC:
        return draft.field("Front"), (draft.field("Back"),)
    return read(draft).asked, read(draft).answers


def _spared(draft: Draft, context: Context) -> bool:
    chosen = authored(draft) or asked_by_reader(draft) or marked(draft, context.highlight)
    return chosen or pictured(draft, context.highlight)


def _hides_much(draft: Draft) -> bool:
    """Whether so many gaps are hidden that the rest asks for nothing certain."""
    return len(read(draft).answers) > 3


def _rule_for(asked: str, answer: str, clauses: tuple[str, ...]) -> Rule | None:
    kind = _kind(answer)
    clauses = _coarse(clauses) if kind == "name" else clauses
    homes = [at for at, clause in enumerate(clauses) if _stands_in(answer, clause)]
    if not homes or len(homes) == len(clauses) or _named(answer, asked):
        return None
    away = [at for at in range(len(clauses)) if at not in homes]
    like = [at for at in away if _has(kind, clauses[at], answer)]
    if _key_elsewhere(asked, answer, clauses, homes, like):
        return NEIGHBOUR
    subject = _subject(asked, answer)
    if kind == "figure":
        other = NEIGHBOUR if _told_of_other(subject, clauses, homes, like) else None
        return _unless_keyed(other, asked, answer, clauses, homes)
    if kind == "name":
        other = _other_name(asked, subject, clauses, homes, like)
        return _unless_keyed(other, asked, answer, clauses, homes)
    if len(row(answer).all_stems) > _SHORT:
        return None
    contrasted = any(_CONTRAST.match(clauses[at]) for at in (*homes, *like))
    if not contrasted or _SUBJECTLESS.search(asked) or _at_most(subject, clauses, homes):
        return None
    return NEIGHBOUR_DOUBTFUL if _at_most(subject, clauses, like) >= 2 else None


_SHORT = 3
"""Words of an answer that names a thing; more of them tell something."""
_CONTRAST = re.compile(
    r"\W*(?:while|whereas|but|unlike|während|wohingegen|tandis|mais|mientras|pero)\s(?!(?:it|they|he|she|may|can|does|do|is|are|was|were|will|not)\b)",
    re.I,
)
_SUBJECTLESS = re.compile(
    r"^(?:why|how|warum|wie|pourquoi|comment|cómo)\b|\b(?:not|nicht|pas|no|never|nobody|if|unless)\b",
    re.IGNORECASE,
)


def _coarse(clauses: tuple[str, ...]) -> tuple[str, ...]:
    """The clauses without the cuts at commas: a name may stand before an apposition."""
    joined: list[str] = []
    for clause in clauses:
        if joined and not _NEW_PART.match(clause):
            joined[-1] += clause
        else:
            joined.append(clause)
    return tuple(joined)


_NEW_PART = re.compile(
    r"\s*(?:[;:.!?。；]|(?:while|whereas|but|although|though|während|aber|mais|mientras|pero)\b)",
    re.I,
)


def _named(answer: str, asked: str) -> bool:
    """Whether the question offers the answer itself, to be chosen."""
    words = row(answer).all_stems
    if not words:
        return folded(answer) in folded(asked)
    return words <= row(asked).all_stems


def _at_most(subject: frozenset[str], clauses: tuple[str, ...], places: list[int]) -> int:
    return max((len(subject & row(clauses[at]).all_stems) for at in places), default=0)


def _told_of_other(
    subject: frozenset[str], clauses: tuple[str, ...], homes: list[int], like: list[int]
) -> bool:
    """Whether the subject stands with another figure, and this one with another subject."""
    home = frozenset(word for at in homes for word in _things(clauses[at]))
    if not home - subject:
        return False  # it goes on from the part before it
    if not _at_most(subject, clauses, homes) and _at_most(subject, clauses, like):
        return True
    for at in like:
        rival = _things(clauses[at])
        if (rival & subject) - home and not rival - subject:
            return True
    return False


def _things(clause: str) -> frozenset[str]:
    """The words of a clause but its numbers and units."""
    line = row(clause)
    found = set()
    for at, each in enumerate(line.stems):
        number = line.words[at - 1] if at else ""
        measure = line.words[at] in _MEASURES and (
            number in NUMBER_WORDS or number[-1:].isdecimal()
        )
        if (
            len(each) > 1
            and not each[:1].isdecimal()
            and not measure
            and line.words[at] not in NUMBER_WORDS
        ):
            found.add(each)
    return frozenset(found)


_MEASURES = frozenset(UNITS) | {"bc", "ad", "bce", "ce"}


_REFERS = re.compile(r"\W*(?:it|they|he|she|this|these|which|who|that)\b", re.IGNORECASE)


def _begins_with_pronoun(clause: str) -> bool:
    """Whether a pronoun stands there before any name: it may mean one named elsewhere."""
    pronoun = next(
        (m.start() for m in re.finditer(r"\w+", clause) if m[0].casefold() in _PERSON), -1
    )
    return pronoun >= 0 and not re.search(r"[A-Z][\w’'-]+ [A-Z]", clause[:pronoun])


def _other_name(
    asked: str, subject: frozenset[str], clauses: tuple[str, ...], homes: list[int], like: list[int]
) -> Rule | None:
    """Whether what is asked stands with another name; a pronoun there may mean this one."""
    rivals = [at for at in like if not _begins_with_pronoun(clauses[at])]
    referring = any(_REFERS.match(clauses[at]) for at in homes)
    away = _at_most(subject, clauses, rivals)
    if not _at_most(subject, clauses, homes) and away and not referring:
        return NEIGHBOUR
    done_by_other = _verb_elsewhere(asked, clauses, homes, rivals)
    return NEIGHBOUR if done_by_other and re.match(r"(?:by )?who\b", asked, re.I) else None


def _subject(asked: str, answer: str) -> frozenset[str]:
    """The words of the question that tell what it is about."""
    theirs = row(answer).all_stems
    return frozenset(
        word for word in row(asked).all_stems - theirs if not word[:1].isdecimal() and len(word) > 1
    )


def _stands_in(answer: str, clause: str) -> bool:
    wanted = folded(answer).strip(" .")
    if len(wanted) >= 2 and has_word(wanted, folded(clause)):
        return True
    if answer_symbols := _formula(answer):
        return answer_symbols in _formula(clause)
    sizes = _sizes(answer)
    if sizes:
        return sizes <= _sizes(clause)
    meant = row(answer).all_stems
    return bool(meant) and meant <= row(clause).all_stems


def _formula(text: str) -> str:
    """The formulae of a text, without blanks and braces."""
    return (
        re.sub(r"[\s{}]", "", "".join(re.findall(r"\$[^$\n]+\$", text))).replace("$", " ").strip()
    )


@lru_cache(maxsize=512)
def _sizes(text: str) -> frozenset[tuple[str, Fraction]]:
    return frozenset((one.unit, abs(one.value)) for one in quantities(text) if not one.spelled) or (
        frozenset((one.unit, abs(one.value)) for one in quantities(text) if one.unit)
    )


def _kind(answer: str) -> str:
    """`figure`, `name` or `word`: what a rival must be like."""
    capitals = re.findall(r"(?<!\w)[A-Z][\w’'-]+", answer)
    others = [word for word in row(answer).all_stems if not word[:1].isdecimal()]
    counted = quantities(answer)
    measured = any(one.unit for one in counted) and len(others) <= 4
    if _formula(answer) or measured or (counted and len(others) <= 1 and len(capitals) < 2):
        return "figure"
    words = re.findall(r"[^\W\d_][\w’'-]*", answer)
    capitals = [word for word in words if word[0].isupper()]
    return "name" if len(capitals) > 1 and len(capitals) >= 0.5 * len(words) else "word"


def _has(kind: str, clause: str, answer: str) -> bool:
    """Whether a clause holds something that could be the answer instead."""
    if kind == "figure" and _formula(answer):
        return "=" in _formula(clause)
    if kind == "figure":
        wanted = {one.dimension for one in quantities(answer)}
        own = {abs(one.value) for one in quantities(answer)}
        return any(
            one.dimension in wanted and abs(one.value) not in own for one in quantities(clause)
        )
    if kind == "name":
        return len(re.findall(r"(?<=[\w,] )[A-Z][\w’'-]+|^\W*[A-Z][\w’'-]+ [A-Z]", clause)) > 0
    return True


_CODE = re.compile(r"`([^`\n]+)`")


def _key_elsewhere(
    asked: str, answer: str, clauses: tuple[str, ...], homes: list[int], like: list[int]
) -> bool:
    """Whether a figure of the question stands only in another part, beside an answer of its own.

    The part of the answer has such a figure, too: 68 % within one, 95 % within two.
    """
    own_code = any(_CODE.search(clauses[at]) for at in homes)
    for run in _CODE.findall(asked) if own_code else ():
        places = [at for at, clause in enumerate(clauses) if run in _CODE.findall(clause)]
        if places and not set(places) & set(homes):
            return True
    dimensions = {q.dimension for q in quantities(answer)} - {""}
    for one in quantities(asked):
        if not (dimensions if one.spelled else one.dimension):
            continue
        places = [at for at, clause in enumerate(clauses) if _held(one.value, clause)]
        if places and not set(places) & set(homes):
            theirs = {q.value for q in quantities(answer)}
            own = any(
                q.unit == one.unit and q.spelled == one.spelled and q.value not in theirs
                for at in homes
                for q in quantities(clauses[at])
            )
            if own and set(places) & set(like):
                return True
    return False


def _held(value: Fraction, clause: str) -> bool:
    return any(abs(one.value) == abs(value) for one in quantities(clause))


def _unless_keyed(
    rule: Rule | None, asked: str, answer: str, clauses: tuple[str, ...], homes: list[int]
) -> Rule | None:
    """The rule, unless a figure of the question stands beside the answer and nowhere else.

    “2.5 magnitudes are a factor of 10, a 4-magnitude difference is one of 40”: to the question
    for 4 magnitudes 40 is the answer, whichever words the first part alone has. If the answer's
    part has a word of its own that is not asked for, a person is warned.
    """
    if rule is None:
        return None
    part = _part_of(homes, clauses)
    others = [clause for at, clause in enumerate(clauses) if at not in part]
    answered = _figures(answer)
    keys = _paired(asked, answer, others) - _values(answered)
    own = _values(one for at in part for one in _figures(clauses[at]))
    beside = any(keys & _values(_figures(clauses[at])) for at in homes)
    alone = keys & own and own <= keys | _values(answered)
    if not (beside or alone):
        return rule
    words = frozenset(word for at in part for word in _things(clauses[at]))
    shared = frozenset(word for clause in others for word in _things(clause))
    foreign = words - _subject(asked, answer) - shared - row(answer).all_stems
    return NEIGHBOUR_DOUBTFUL if foreign else None


def _paired(asked: str, answer: str, others: list[str]) -> frozenset[Fraction]:
    """The figures asked for that the other parts have not, but have one like it each."""
    told = [one for clause in others for one in _figures(clause)]
    answers = {one.dimension for one in _figures(answer)}
    return frozenset(
        abs(one.value)
        for one in _figures(asked)
        if abs(one.value) not in _values(told)
        and sum(1 for other in told if other.dimension == one.dimension)
        > (one.dimension in answers)
    )


def _figures(text: str) -> list[Quantity]:
    """The numbers of a text; the word “one” is none."""
    return [one for one in quantities(text) if not (one.spelled and one.value == 1)]


def _values(figures: Iterable[Quantity]) -> frozenset[Fraction]:
    return frozenset(abs(one.value) for one in figures)


_GOES_ON = re.compile(r"\s*[,、，](?!\s*(?:and|but|or|und|aber|oder|et|mais|ou|y|pero|o)\b)", re.I)


def _part_of(homes: list[int], clauses: tuple[str, ...]) -> frozenset[int]:
    """The clauses of the answer, with those that mere commas part from them."""
    part = set(homes)
    for at in homes:
        while _GOES_ON.match(clauses[at]) and at > 0:
            at -= 1
            part.add(at)
    for at in range(min(homes) + 1, len(clauses)):
        if at - 1 in part and _GOES_ON.match(clauses[at]):
            part.add(at)
    return frozenset(part)


def _verb_elsewhere(
    asked: str, clauses: tuple[str, ...], homes: list[int], like: list[int]
) -> bool:
    """Whether what was done stands only with another name."""
    subject = [word for word in row(asked).stems if word]
    if not subject:
        return False
    done = subject[0]
    at_home = any(done in row(clauses[at]).stems for at in homes)
    return not at_home and any(done in row(clauses[at]).stems for at in like)


# --- the marked words ---------------------------------------------------------------------------

_NAMED = 2
"""So many marked words in a question, and it is asked what was marked, or why."""


def drift(draft: Draft, context: Context) -> Iterator[Finding]:
    """A card is about what was marked; the text around it only names the subject."""
    highlight = context.highlight
    if _spared(draft, context) or not (highlight.prefix or highlight.suffix or highlight.sentence):
        return
    exact = row(highlight.exact).all_stems
    if not exact or folded(around(highlight)) == folded(highlight.exact):
        return
    reading = read(draft)
    answers = [row(answer).all_stems for answer in reading.answers]
    told = [len(words & exact) / len(words) if words else 1.0 for words in answers]
    inside = any(
        share >= 0.6 or folded(answer).strip(" .") in folded(highlight.exact)
        for share, answer in zip(told, reading.answers, strict=True)
    )
    if inside:
        return
    asked = {stem(word) for word in row(reading.asked).all_stems}
    if len(asked & exact) < min(_NAMED, len(exact)):
        yield BESIDE_THE_MARK.found()


CHECKS = (neighbour, drift)
