"""Meaning: check whether the source says with its words what the card says with them.

A card is compared with the whole sentences that its quote touches. A statement that is certainly wrong
blocks; one that another wording may explain is a warning. Only machine-made wording is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache, partial
from itertools import pairwise

from ankiforge.check.reading import (
    STOPS,
    Evidence,
    Row,
    about,
    around,
    chosen_by_reader,
    evidence,
    folded,
    is_choice,
    is_english,
    pictured,
    read,
    row,
    said,
    statement,
)
from ankiforge.check.rules import Context, found
from ankiforge.check.words import (
    NEGATORS,
    NUMBER_WORDS,
    QUESTION_WORDS,
    TURNED,
    UNITS,
    Quantity,
    Words,
    alike,
    by_word,
    has_word,
    listed,
    lists,
    quantities,
    stem,
)
from ankiforge.model import CardKind, Draft, Family, Finding

_words = partial(listed, "meaning")
_BACKWARDS = _words("backwards")
_MILD = _words("mild")
_CONTRASTS = _words("contrasts")
_HEDGES = _words("hedges")
_SOFT = _HEDGES | _words("soft")
_ABSOLUTES = _words("absolutes")
_QUANTITY = by_word("meaning", "quantities")

# --- negation ----------------------------------------------------------------------------------

_SCOPE = 3
"""The number of content words after a negation to which it applies."""
_SUPERLATIVES = _words("superlatives")
_WITHOUT = frozenset(("without", "ohne", "sans", "sin", "senza"))
_ONLY = frozenset(("only", "nur", "seulement", "solo", "sólo"))
_BREAK = STOPS | _CONTRASTS | {"and", "or", "und", "oder", "et", "ou", "y", "o"}
_EXCLUDING = {("if", "not"), ("wenn", "nicht"), ("sinon", "pas"), ("si", "no")}


def _taken(line: Row, places: range, most: int) -> tuple[str, ...]:
    """Return the next `most` stems in the part of the sentence."""
    taken: list[str] = []
    if places and line.words[places[0]] in ("aber", "however", "jedoch"):  # nicht aber
        places = places[1:]
    for at in places:
        if line.words[at] in _BREAK or len(taken) == most:
            break
        if line.stems[at] and line.words[at] not in NEGATORS:
            taken.append(line.stems[at])
    return tuple(taken)


def _behind(line: Row, at: int, most: int) -> tuple[str, ...]:
    return _taken(line, range(at + 1, len(line.words)), most)


def _scopes(line: Row) -> Iterator[tuple[str, ...]]:
    """Yield the stems that each negation in a text denies."""
    for at, word in enumerate(line.words):
        if word in NEGATORS:
            denied = _behind(line, at, 1 if word in _WITHOUT else _SCOPE)
            if word in _BACKWARDS:
                denied += _taken(line, range(at - 1, -1, -1), 2)
            if denied:
                yield denied


def negation(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find what the source denies and the card says, or the reverse."""
    proof, here = evidence(draft, context.highlight), statement(draft)
    is_cloze, front = draft.kind is CardKind.CLOZE, read(draft).asked
    repeats = is_cloze and same_words(here, proof.row)
    # for a question, only the parts of the sentence with its answer: others may deny something else
    there: Row | None = proof.row
    if not is_cloze and proof.clauses:
        wanted = row(read(draft).answers[0]).all_stems
        parts = [clause for clause in proof.clauses if wanted & row(clause).all_stems]
        there = row(" ; ".join(parts)) if parts else None
    asks_denied = not is_cloze and not NEGATORS.isdisjoint(row(front).words)
    chosen = draft.kind.family is Family.BASIC and is_choice(front)
    finding = None if chosen or there is None else _dropped(here, there, repeats)
    if finding := finding or _added(here, proof, repeats, asks_denied):
        yield finding
    elif piece := _denied_ideographs(read(draft).whole, proof.text):
        yield found("negation_changed", f"“{piece}”")


def denies(line: Row, there: Row) -> bool:
    """Return whether a text contains a negation, or another word with that effect."""
    return any(
        word in NEGATORS
        or (word in _MILD and word not in there.words)
        or (word.endswith("less") and len(word) > 5)
        or _prefixed(word, there.stems)
        for word in line.words
    )


def _prefixed(word: str, stems: tuple[str, ...]) -> bool:
    """Return whether a word is a word of the source with a negating prefix: unchanged."""
    prefix = next((p for p in ("un", "non-", "non", "in", "im") if word.startswith(p)), word)
    return len(word) - len(prefix) > 3 and stem(word[len(prefix) :]) in stems


def _unlike(line: Row) -> frozenset[str]:
    places = [at for at, word in enumerate(line.words) if word == "unlike"]
    return frozenset(each for at in places for each in _behind(line, at, 3))


def _dropped(here: Row, there: Row, repeats: bool) -> Finding | None:
    """Return the finding if the source denies something that the card says without a negation."""
    ours, theirs = _unlike(here), _unlike(there)
    # “unlike B, A” for “unlike A, B”
    if denies(here, there) or (ours and theirs and not ours & theirs):
        return None
    # a card without a negation may say the same: not A without B, none is higher
    twice = sum(word in NEGATORS for word in there.words) > 1
    highest = "than" in there.words and not _SUPERLATIVES.isdisjoint(here.words)
    if not repeats and (twice or highest):
        return None
    repeats_all, contrast = same_words(here, there), not _CONTRASTS.isdisjoint(there.words)
    # the card may be about the other side of a contrast: unlike B, A has none
    others = (
        _behind(there, at, 3)
        for at, word in enumerate(there.words)
        if word in ("unlike", "contrary") and "unlike" not in here.words
    )
    doubtful = not repeats_all or any(each in here.stems for other in others for each in other)
    free = _outside_scopes(there)
    for denied in _scopes(there):
        only = [word for word in denied if word not in free]
        kept = [word for word in only if word in here.stems]
        whole = len(kept) == len(only)
        if kept and (whole or (len(kept) > 1 and (repeats_all or not contrast))):
            rule = "negation_doubtful" if doubtful else "negation_changed"
            return found(rule, f"it denies “{' '.join(denied)}”")
    return None


def _added(here: Row, proof: Evidence, repeats: bool, asks_denied: bool) -> Finding | None:
    """Return the finding if the card denies something that the source says.

    `asks_denied`: the question contains a negation, often for another word of the source: which
    mosquitoes do *not* bite? So only what is certain counts.
    """
    there, asserted = proof.row, proof.row.all_stems
    in_denial = {word for denied in _scopes(there) for word in denied}
    # negations without a content word after them: without it; the other does not
    bare = {
        word
        for at, word in enumerate(there.words)
        if word in NEGATORS - _BACKWARDS - {"none"} and not _behind(there, at, 1)
    }
    if bare & _WITHOUT & set(here.words) or in_denial & here.all_stems:
        return None
    often = sum(word in NEGATORS for word in here.words) > 2
    # `if not the ash` asks for something else, and denies nothing
    pairs = enumerate(pairwise(here.words))
    end = next((at for at, pair in pairs if pair in _EXCLUDING), None)
    for denied in _scopes(here.cut(0, end)):
        kept = [word for word in denied if word in asserted and word not in in_denial]
        if not kept or (len(kept) < len(denied) and len(kept) < 2):
            continue
        if repeats:  # a part that says it of some only lets others be denied
            parts = [part for part in map(row, proof.clauses) if part.all_stems & set(kept)]
            mild = any(not _ONLY.isdisjoint(part.words) for part in parts)
        else:
            turned = {word for each in here.words for word in TURNED.get(each, ())}
            mild = not (_MILD | _CONTRASTS | turned).isdisjoint(there.words)
        doubtful = mild or often or bare - _WITHOUT
        if doubtful and asks_denied:
            return None
        rule = "negation_doubtful" if doubtful else "negation_changed"
        return found(rule, f"it says “{' '.join(kept)}”")
    return None


def _outside_scopes(line: Row) -> frozenset[str]:
    """Return the stems that also occur outside negations."""
    left = list(line.stems)
    for denied in _scopes(line):
        for each in denied:
            if each in left:
                left.remove(each)
    return frozenset(filter(None, left))


def same_words(here: Row, there: Row, but: str = "") -> bool:
    """Return whether nearly all words of the card, except `but`, are in the source."""
    ours = here.all_stems - {but}
    return bool(ours) and len(ours & there.all_stems) >= 0.8 * len(ours)


_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_DENYING = (
    re.compile(rf"(?:不|没有|沒有|没|沒|并非|非|未)([{_CJK}]{{2,4}})"),
    re.compile(rf"([{_CJK}]{{1,6}}[がはも])(?:ない|ありません|いない)"),
)


def _denied_ideographs(card: str, source: str) -> str:
    """Return Chinese or Japanese characters that only one of the texts denies; "" if there are none."""
    for denying, saying in ((source, card), (card, source)):
        if not re.search(f"[{_CJK}]", card) or re.search(
            "不|没|沒|非|未|無|无|ない|ません", saying
        ):
            continue
        for pattern in _DENYING:
            for match in pattern.finditer(denying):
                if match[1][-4:] in saying:
                    return match[1][-4:]
    return ""


# --- hedges, absolutes, quantities -------------------------------------------------------------

_STRONG = frozenset(("always", "proves", "proved", "guarantees", "certainly"))


def certainty(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find a dropped “may”, and “often” that became “always”."""
    proof, here = evidence(draft, context.highlight).row, statement(draft)
    there = set(proof.words)
    kept = _SOFT.intersection(here.words) - _ABSOLUTES
    meant_there = {_QUANTITY[word] for word in there if word in _QUANTITY}
    claimed = [
        word
        for word in here.words
        if word in _ABSOLUTES - there - {"any", "none"}
        and _QUANTITY.get(word) not in meant_there  # `every` for `all`
    ]
    front = set(row(read(draft).asked).words) if draft.kind.family is Family.BASIC else set()
    merely_asked = set(claimed) <= front and not set(claimed) & _STRONG
    if claimed and (_SOFT & there) and not kept - {"only"} and not merely_asked:
        yield found("made_absolute", f"“{claimed[0]}”")
    elif _HEDGES.isdisjoint(here.words) and not kept and not denies(here, proof):
        for at, word in enumerate(proof.words):
            scope = _behind(proof, at, _SCOPE) if word in _HEDGES else ()
            held = [each for each in scope if each in here.stems]
            if len(held) >= 2 or (held and len(held) == len(scope)):
                yield found("hedge_dropped", f"“{word}”")
                return


def quantity(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find another quantity of a noun: “some orchids” that became “all orchids”."""
    proof, here = evidence(draft, context.highlight).row, statement(draft)
    there = _quantified(proof)
    for noun, names in _quantified(here).items():
        known = there.get(noun)
        if known and not names & known:
            shown = f"“{min(names)}”, there “{min(known)}”"
            shown = shown.replace("atleast", "at least").replace("atmost", "at most")
            yield found("quantity_changed", shown)
            return
    # an answer “all of them” without a basis in the source
    if draft.kind.family is Family.BASIC:
        answer = row(read(draft).answers[0])
        ours, theirs = ({_QUANTITY.get(w) for w in line.words} for line in (answer, proof))
        if not answer.all_stems and "all" in ours - theirs:
            yield found("quantity_changed", "“all”")


@lru_cache(maxsize=128)
def _quantified(line: Row) -> dict[str, frozenset[str]]:
    """Return the nouns with the words of quantity before them."""
    nouns: dict[str, frozenset[str]] = {}
    for at, word in enumerate(line.words):
        if word in _QUANTITY:
            for noun in _taken(line, range(at + 1, min(at + 5, len(line.words))), 1):
                nouns[noun] = nouns.get(noun, frozenset()) | {_QUANTITY[word]}
    return nouns


# --- opposites -----------------------------------------------------------------------------------


def _with_stems(section: str) -> Words:
    return frozenset(form for word in _words(section) for form in (word, stem(word)))


_INVERTIBLE = _with_stems("invertible")
_SIDED = _with_stems("sided")
_SIGNS = tuple(zip("高升增多快强前長増", "低降减少慢弱后短減", strict=True))
_REACH = 8


def opposites(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find words whose opposite is in the source, unless the sides were swapped as well."""
    proof, whole = evidence(draft, context.highlight), read(draft).whole
    # an ideograph in place of its opposite
    for one, other in (*_SIGNS, *((other, one) for one, other in _SIGNS)):
        here_only = one in whole and one not in proof.text
        if here_only and other in proof.text and other not in whole:
            yield found("opposite", f"“{one}”, there “{other}”")
            return
    here, there = statement(draft), proof.row.forms
    for at, word in enumerate(here.words):
        contrary = _contrary(word) & there
        if not contrary or word in there or stem(word) in there:
            continue
        if not _contrary(word).isdisjoint(row(whole).forms):
            continue
        if not NEGATORS.isdisjoint(here.words[max(0, at - 2) : at + 3]):
            continue
        if rule := _weight(draft, here, at, proof.row, contrary):
            yield found(rule, f"“{word}”, there “{min(contrary, key=len)}”")
            return


@lru_cache(maxsize=4096)
def _contrary(word: str) -> Words:
    return TURNED.get(word, frozenset()) | TURNED.get(stem(word), frozenset())


def _weight(draft: Draft, here: Row, at: int, there: Row, contrary: Words) -> str:
    """Return the rule that a word breaks whose opposite is in the source; "" if none."""
    word, reading = here.words[at], read(draft)
    alone = any(
        [w for w, s in zip(line.words, line.stems, strict=True) if s or w in TURNED] == [word]
        for line in map(row, reading.answers)
    )
    if not alone and draft.kind.family is Family.BASIC and is_choice(reading.asked):
        return ""
    sure = alone
    if word in _INVERTIBLE or stem(word) in _INVERTIBLE:
        places = [i for i, w in enumerate(there.words) if w in contrary or stem(w) in contrary]
        # both bound the same number from two sides: under 40 kg, over 40 kg
        ours = _bounded(here, at)
        if ours[:1].isdecimal() and any(_bounded(there, i) == ours for i in places):
            return "opposite"
        # only one of them bounds a number: more than 69
        if places and all(_bounds(there, i) != _bounds(here, at) for i in places):
            return ""
        orders = {_order(here, at, there, i) for i in places}
        if "swapped" in orders:
            return ""
        sure = sure or "same" in orders
    else:
        sure = sure or (same_words(here, there, stem(word)) and not denies(here, there))
    return "opposite" if sure else "opposite_doubtful"


def _bounded(line: Row, at: int) -> str:
    behind = (word for word in line.words[at + 1 : at + 3] if word != "than")
    return next(behind, "")


def _bounds(line: Row, at: int) -> bool:
    behind = line.words[at + 1 : at + 3]
    return len(behind) == 2 and behind[0] == "than" and behind[1][0].isdecimal()


def _order(here: Row, at: int, there: Row, place: int) -> str:
    """Return whether the words on either side are the `same`, or were `swapped`; "" if unclear."""
    left, right = here.around(at, _REACH)
    left_there, right_there = there.around(place, _REACH)
    straight = len(left & left_there - right_there) + len(right & right_there - left_there)
    crossed = len(left & right_there - left_there) + len(right & left_there - right_there)
    if crossed > straight:
        return "swapped"
    return "same" if straight and not crossed else ""


def sides(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find an answer about one side of a pair in a question about the other: males and females."""
    if draft.kind.family is not Family.BASIC:
        return
    proof, reading = evidence(draft, context.highlight), read(draft)
    asked, answer = row(reading.asked), row(reading.answers[0]).all_stems
    for clause in map(row, proof.clauses):
        for word in asked.words if answer and answer <= clause.all_stems else ():
            if word in _SIDED and word not in clause.forms and stem(word) not in clause.forms:
                contrary = _contrary(word) & clause.forms
                if contrary and word in proof.row.forms and not contrary & asked.forms:
                    yield found("opposite", f"“{word}”, there “{min(contrary)}”")
                    return


# --- who does what to whom -----------------------------------------------------------------------

_BE = _words("be")
_PIVOTS = _words("pivots")
_RELATIONS = frozenset(map(stem, _words("relations")))
_MEASURES = frozenset(("bc", "ad", *map(stem, (*UNITS, *NUMBER_WORDS))))
_PARTICIPLE = ("ed", "en", "wn", "nt", "ght", "ne", "t", "é", "ée", "ido", "ada")


def roles(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find agents on the card that are objects in the source, in active or passive voice."""
    reading = read(draft)
    if draft.kind.family is Family.BASIC and not is_english(reading.asked):
        return  # in other languages, the order of words in a question does not show the agent
    proof, here = evidence(draft, context.highlight).row, statement(draft)
    answer = frozenset(each for answer in reading.answers for each in row(answer).all_stems)
    for at, (word, each) in enumerate(zip(here.words, here.stems, strict=True)):
        pivot = word if word in _PIVOTS else each
        if pivot in _PIVOTS or (pivot and pivot in _RELATIONS):
            places = [i for i, w in enumerate(proof.words) if pivot in (w, proof.stems[i])]
            if len(places) == 1 and _swapped(here, at, proof, places[0], answer):
                yield found("roles_swapped", f"around “{word}”")
                return


def _swapped(here: Row, at: int, there: Row, place: int, answer: Words) -> bool:
    left, right = map(_actors, here.around(at, _REACH))
    left_there, right_there = map(_actors, there.around(place, _REACH))
    before, before_there = here.words[max(0, at - 6) : at], there.words[max(0, place - 6) : place]
    less = any(not _contrary(word).isdisjoint(before_there) for word in before)  # for more
    if less != (_passive(here, at) != _passive(there, place)):
        left, right = right, left
    crossed = left & (right_there - left_there), right & (left_there - right_there)
    if not all(crossed) or (answer and not answer & (crossed[0] | crossed[1])):
        return False
    if here.words[at] in _PIVOTS:
        return not right & right_there
    return not left & left_there and not answer & (left & left_there | right & right_there)


def _actors(side: Iterable[str]) -> Words:
    """Return the words that may be an agent: neither numbers nor units."""
    return frozenset(word for word in side if not word[:1].isdecimal() and word not in _MEASURES)


def _passive(line: Row, at: int) -> bool:
    """Return whether a form of be precedes a participle: `is inhibited`, `was A defeated`."""
    before = line.words[max(0, at - 6) : at]
    return line.words[at].endswith(_PARTICIPLE) and not _BE.isdisjoint(before)


# --- the answer belongs to what the question asks for ---------------------------------------------

_PERSON = frozenset(
    ["he", "she", "him", "her", "his", "hers", "they", "them", "their", "who", "whose", "whom"]
)
_JOINTLY = re.compile(
    r"\b(?:respectively|beziehungsweise|bzw|respectivement|respectivamente|not only|nicht nur"
    r"|non seulement|no s[oó]lo)\b",
    re.I,
)
_MOST_PARTS = 40
"""The maximum number of parts of a sentence; a text with more is a list or a table."""
_SHORT = 3
"""The maximum number of words of an answer that is a name, not a statement."""
_CONTRAST = re.compile(
    r"\W*(?:while|whereas|but|unlike|während|wohingegen|tandis|mais|mientras|pero)\s(?!(?:it|they|he|she|may|can|does|do|is|are|was|were|will|not)\b)",
    re.I,
)
_SUBJECTLESS = re.compile(
    r"^(?:why|how|warum|wie|pourquoi|comment|cómo)\b|\b(?:not|nicht|pas|no|never|nobody|if|unless)\b",
    re.IGNORECASE,
)
_NEW_PART = re.compile(
    r"\s*(?:[;:.!?。；]|(?:while|whereas|but|although|though|während|aber|mais|mientras|pero)\b)",
    re.I,
)
_REFERS = re.compile(r"\W*(?:it|they|he|she|this|these|which|who|that)\b", re.IGNORECASE)
_CODE = re.compile(r"`([^`\n]+)`")
_GOES_ON = re.compile(r"\s*[,、，](?!\s*(?:and|but|or|und|aber|oder|et|mais|ou|y|pero|o)\b)", re.I)
_MEASURE_WORDS = frozenset(UNITS) | {"bc", "ad", "bce", "ce"}


def neighbour(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find answers from a part of the sentence that is about something else."""
    reading, is_question = read(draft), draft.kind.family is Family.BASIC
    proof = evidence(draft, context.highlight)
    if (
        not is_question and len(reading.answers) > 3
    ):  # the other question words ask for nothing specific
        return
    if not 2 <= len(proof.clauses) <= _MOST_PARTS or _JOINTLY.search(proof.text):
        return
    # the Markdown, because formulae and code keep their signs
    asked = draft.field("Front") if is_question else reading.asked
    for answer in (draft.field("Back"),) if is_question else reading.answers:
        if rule := _Asked(asked, answer, proof.clauses).broken():
            yield found(rule, f"“{answer[:60]}”")
            return


class _Asked:
    """A question with its answer, to be compared with the parts of a sentence."""

    def __init__(self, asked: str, answer: str, clauses: tuple[str, ...]) -> None:
        self.asked, self.answer = asked, answer
        self.meant = row(answer).all_stems
        self.kind = _kind(answer)
        self.clauses = _coarse(clauses) if self.kind == "name" else clauses
        self.rows = [row(clause) for clause in self.clauses]
        self.homes = [at for at, clause in enumerate(self.clauses) if self._stands_in(clause)]
        """The parts that contain the answer."""
        away = [at for at in range(len(self.clauses)) if at not in self.homes]
        self.like = [at for at in away if self._has_rival(self.clauses[at])]
        """The other parts that contain a possible answer."""
        self.subject = frozenset(
            word
            for word in row(asked).all_stems - self.meant
            if not word[:1].isdecimal() and len(word) > 1
        )
        """What the question is about."""

    def broken(self) -> str:
        """Return the rule that the answer breaks; "" if none."""
        if not self.homes or len(self.homes) == len(self.clauses):
            return ""
        # the question offers the answer as a choice
        if (
            self.meant <= row(self.asked).all_stems
            if self.meant
            else (folded(self.answer) in folded(self.asked))
        ):
            return ""
        if self._key_elsewhere():
            return "neighbours_answer"
        if self.kind == "figure":
            return self._unless_keyed() if self._told_of_other() else ""
        if self.kind == "name":
            return self._unless_keyed() if self._other_name() else ""
        if len(self.meant) > _SHORT or _SUBJECTLESS.search(self.asked):
            return ""
        # at the beginning, “But” contrasts the whole with the sentence before
        parts = (self.clauses[at] for at in (*self.homes, *self.like) if at)
        contrasted = any(map(_CONTRAST.match, parts))
        if contrasted and not self._known(self.homes) and self._known(self.like) >= 2:
            return "neighbours_words"
        return ""

    def _known(self, places: list[int]) -> int:
        """Return the maximum number of words of the subject in one of these parts."""
        return max((len(self.subject & self.rows[at].all_stems) for at in places), default=0)

    def _stands_in(self, clause: str) -> bool:
        wanted = folded(self.answer).strip(" .")
        if len(wanted) >= 2 and has_word(wanted, folded(clause)):
            return True
        if symbols := _formula(self.answer):
            return symbols in _formula(clause)
        if sizes := _sizes(self.answer):
            return sizes <= _sizes(clause)
        return bool(self.meant) and self.meant <= row(clause).all_stems

    def _has_rival(self, clause: str) -> bool:
        if self.kind == "name":
            return bool(re.search(r"(?<=[\w,] )[A-Z][\w’'-]+|^\W*[A-Z][\w’'-]+ [A-Z]", clause))
        if self.kind == "word":
            return True
        if _formula(self.answer):
            return "=" in _formula(clause)
        own = quantities(self.answer)
        dimensions, sizes = {one.dimension for one in own}, _values(own)
        there = quantities(clause)
        return any(q.dimension in dimensions and abs(q.value) not in sizes for q in there)

    def _told_of_other(self) -> bool:
        """Return whether the subject is next to another figure, and the answer next to another subject."""
        home = frozenset(word for at in self.homes for word in _things(self.clauses[at]))
        if not home - self.subject:
            return False  # it continues the part before it
        if not self._known(self.homes) and self._known(self.like):
            return True
        rivals = (_things(self.clauses[at]) for at in self.like)
        return any((each & self.subject) - home and not each - self.subject for each in rivals)

    def _other_name(self) -> bool:
        """Return whether what is asked about is next to another name; a pronoun may mean this one."""
        rivals = [at for at in self.like if not _begins_with_pronoun(self.clauses[at])]
        referring = any(_REFERS.match(self.clauses[at]) for at in self.homes)
        if not self._known(self.homes) and self._known(rivals) and not referring:
            return True
        # the verb is only next to another name
        done = next(filter(None, row(self.asked).stems), "")
        by_other = [done in self.rows[at].stems for at in rivals]
        at_home = [done in self.rows[at].stems for at in self.homes]
        asks_who = re.match(r"(?:by )?who\b", self.asked, re.I)
        return bool(done and asks_who and any(by_other) and not any(at_home))

    def _key_elsewhere(self) -> bool:
        """Return whether a figure or code of the question is only in another part.

        The part of the answer must have a similar one: 68 % within one, 95 % within two.
        """
        if any(_CODE.search(self.clauses[at]) for at in self.homes):
            for run in _CODE.findall(self.asked):
                codes = (_CODE.findall(clause) for clause in self.clauses)
                places = {at for at, code in enumerate(codes) if run in code}
                if places and places.isdisjoint(self.homes):
                    return True
        own = quantities(self.answer)
        measured = {one.dimension for one in own} - {""}
        theirs = {one.value for one in own}
        for one in quantities(self.asked):
            if not (measured if one.spelled else one.dimension):
                continue
            figures = [_values(quantities(clause)) for clause in self.clauses]
            places = {at for at, sizes in enumerate(figures) if abs(one.value) in sizes}
            own_key = any(
                q.unit == one.unit and q.spelled == one.spelled and q.value not in theirs
                for at in self.homes
                for q in quantities(self.clauses[at])
            )
            only_there = places.isdisjoint(self.homes) and not places.isdisjoint(self.like)
            if own_key and only_there:
                return True
        return False

    def _unless_keyed(self) -> str:
        """Return the rule, unless a figure of the question is only in the part of the answer.

        “2.5 magnitudes are a factor of 10, a 4-magnitude difference is one of 40”: 40 answers a
        question about 4 magnitudes, whatever other words the first part has. It is a warning if the
        part of the answer has a word of its own that the question does not contain.
        """
        # the parts of the answer, including those separated by commas only
        part = set(self.homes)
        for at in self.homes:
            while at > 0 and _GOES_ON.match(self.clauses[at]):
                at -= 1
                part.add(at)
        for at in range(min(self.homes) + 1, len(self.clauses)):
            if at - 1 in part and _GOES_ON.match(self.clauses[at]):
                part.add(at)
        others = [clause for at, clause in enumerate(self.clauses) if at not in part]
        answered = _values(_figures(self.answer))
        # figures of the question that the other parts lack, although they have similar ones
        there = [one for clause in others for one in _figures(clause)]
        dimensions = [one.dimension for one in there]
        given = {one.dimension for one in _figures(self.answer)}
        keys = {
            abs(one.value)
            for one in _figures(self.asked)
            if abs(one.value) not in _values(there)
            and dimensions.count(one.dimension) > (one.dimension in given)
        } - answered
        own = _values(one for at in part for one in _figures(self.clauses[at]))
        beside = any(keys & _values(_figures(self.clauses[at])) for at in self.homes)
        if not (beside or (keys & own and own <= keys | answered)):
            return "neighbours_answer"
        words = frozenset(word for at in part for word in _things(self.clauses[at]))
        shared = frozenset(word for clause in others for word in _things(clause))
        return "neighbours_words" if words - self.subject - shared - self.meant else ""


def _kind(answer: str) -> str:
    """Return the kind of an answer, `figure`, `name` or `word`, which other possible answers share."""
    others = [word for word in row(answer).all_stems if not word[:1].isdecimal()]
    counted = quantities(answer)
    measured = any(one.unit for one in counted) and len(others) <= 4
    names = re.findall(r"(?<!\w)[A-Z][\w’'-]+", answer)
    if _formula(answer) or measured or (counted and len(others) <= 1 and len(names) < 2):
        return "figure"
    words = re.findall(r"[^\W\d_][\w’'-]*", answer)
    capitals = sum(word[0].isupper() for word in words)
    return "name" if capitals > 1 and capitals >= 0.5 * len(words) else "word"


def _coarse(clauses: tuple[str, ...]) -> tuple[str, ...]:
    """Return the clauses, joined where only commas separate them: a name may have an apposition."""
    joined: list[str] = []
    for clause in clauses:
        if joined and not _NEW_PART.match(clause):
            joined[-1] += clause
        else:
            joined.append(clause)
    return tuple(joined)


@lru_cache(maxsize=512)
def _things(clause: str) -> Words:
    """Return the content words of a clause except numbers and units."""
    line = row(clause)
    things = set()
    for each, word, before in zip(line.stems, line.words, ("", *line.words), strict=False):
        counted = before in NUMBER_WORDS or before[-1:].isdecimal()
        is_number = each[:1].isdecimal() or word in NUMBER_WORDS
        if len(each) > 1 and not is_number and not (word in _MEASURE_WORDS and counted):
            things.add(each)
    return frozenset(things)


def _begins_with_pronoun(clause: str) -> bool:
    """Return whether a clause has a pronoun before any name; it may refer to a name elsewhere."""
    words = re.finditer(r"\w+", clause)
    at = next((word.start() for word in words if word[0].casefold() in _PERSON), -1)
    return at >= 0 and not re.search(r"[A-Z][\w’'-]+ [A-Z]", clause[:at])


def _formula(text: str) -> str:
    """Return the formulae of a text without blanks and braces."""
    runs = "".join(re.findall(r"\$[^$\n]+\$", text))
    return re.sub(r"[\s{}]", "", runs).replace("$", " ").strip()


@lru_cache(maxsize=512)
def _sizes(text: str) -> frozenset[tuple[str, Fraction]]:
    """Return (unit, size) of the numbers in digits; if there are none, of those with a unit."""
    found = quantities(text)
    chosen = [one for one in found if not one.spelled] or [one for one in found if one.unit]
    return frozenset((one.unit, abs(one.value)) for one in chosen)


def _figures(text: str) -> list[Quantity]:
    """Return the numbers of a text except the word “one”."""
    return [one for one in quantities(text) if not (one.spelled and one.value == 1)]


def _values(figures: Iterable[Quantity]) -> frozenset[Fraction]:
    return frozenset(abs(one.value) for one in figures)


_NAMED = 2
"""The number of marked words in a question that asks about the mark."""


def drift(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards about a fact outside the mark; the text around it may only name the subject."""
    highlight, reading = context.highlight, read(draft)
    exact, folded_exact = row(highlight.exact).all_stems, folded(highlight.exact)
    beside = highlight.prefix or highlight.suffix or highlight.sentence
    if not beside or not exact or folded(around(highlight)) == folded_exact:
        return
    for answer in reading.answers:
        words = row(answer).all_stems
        share = len(words & exact) / len(words) if words else 1.0
        if share >= 0.6 or folded(answer).strip(" .") in folded_exact:
            return
    asked = frozenset(map(stem, row(reading.asked).all_stems))
    if len(asked & exact) < min(_NAMED, len(exact)):
        yield found("beside_the_mark")


# --- small words and coordinated clauses ----------------------------------------------------------

_LINKS = lists("meaning", "links")
_PLACES = listed("meaning", "places")
_BESIDES = re.compile(r"\b(?:besides|apart from|other than|in addition to|as well as)\b", re.I)
_ALONE = re.compile(r"(?<!\bnot )\b(?:only|solely|alone|exclusively)\b", re.I)
_BEHIND = 4
"""The number of words after a preposition or conjunction in which its noun is searched for."""


def links(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find opposite prepositions and conjunctions (`into`, `out of`), and another place of the same verb."""
    proof, here = evidence(draft, context.highlight), statement(draft)
    asked = read(draft).asked
    beside, alone = _BESIDES.search(asked), _ALONE.search(proof.text)
    if beside and alone and not (_ALONE.search(asked) or _BESIDES.search(proof.text)):
        yield found("opposite_doubtful", f"“{beside[0]}”, there “{alone[0]}”")
        return
    theirs = _linked(proof.row)
    turned = NEGATORS.intersection(here.words) - NEGATORS.intersection(proof.row.words)
    for noun, ours in _linked(here).items():
        known = theirs.get(noun, frozenset())
        contrary = {one for word in ours for one in _LINKS[word]} & known
        if contrary and not ours & known and not turned:
            shown = f"“{min(ours)}”, there “{min(contrary)}”".replace("_", " ")
            yield found("opposite_doubtful", shown)
            return
    # the same verb and preposition with a noun that is not in the source
    source = row(f"{said(context.highlight)}\n{about(context.highlight)}").all_stems
    places = _placed(proof.row)
    for key, nouns in _placed(row(asked)).items():
        strange = {
            one for one in nouns if one not in source and source.isdisjoint(map(stem, alike(one)))
        }
        known = places.get(key, frozenset())
        if strange and known and not known & (here.all_stems | strange):
            yield found("neighbours_words", f"“{min(strange)}”, there “{min(known)}”")
            return


@lru_cache(maxsize=256)
def _linked(line: Row) -> dict[str, frozenset[str]]:
    """Return the first word after each preposition or conjunction, with these."""
    nouns: dict[str, frozenset[str]] = {}
    for at, word in enumerate(line.words):
        link = f"{line.words[at - 1]}_of" if at and word == "of" else word
        if link in _LINKS and not (link == "because" and line.words[at + 1 : at + 2] == ("of",)):
            for noun in _first(line, at):
                nouns[noun] = nouns.get(noun, frozenset()) | {link}
    return nouns


@lru_cache(maxsize=256)
def _placed(line: Row) -> dict[tuple[str, str], frozenset[str]]:
    """Return the nouns after each (verb, preposition)."""
    found_: dict[tuple[str, str], frozenset[str]] = {}
    for at, word in enumerate(line.words):
        if at and word in _PLACES and line.words[at - 1].isalpha():
            key = (stem(line.words[at - 1]), word)
            found_[key] = found_.get(key, frozenset()).union(_first(line, at))
    return found_


def _first(line: Row, at: int) -> tuple[str, ...]:
    """Return the first content word after a position, unless it is denied or asked for."""
    for place in range(at + 1, min(at + 1 + _BEHIND, len(line.words))):
        word = line.words[place]
        if word in NEGATORS or word in STOPS or word in QUESTION_WORDS:
            return ()
        if each := line.stems[place]:
            return () if each[:1].isdecimal() else (each,)
    return ()


_COORDINATED = re.compile(r"\s(?:and|while|whereas)\s")
_WHO = re.compile(r"who\b", re.IGNORECASE)
_PRONOUNS = frozenset(("it", "its", "them", "their", "him", "her", "his"))
_REFERRING = frozenset(("it", "they", "he", "she", "this", "that", "these", "each", "which", "who"))


def predicates(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find the object of one verb as the answer to a question with another: rises in, flows into."""
    if draft.kind.family is not Family.BASIC:
        return
    proof, reading = evidence(draft, context.highlight), read(draft)
    answer = row(reading.answers[0]).all_stems
    asked = row(reading.asked).all_stems - answer
    told = len(answer) > _SHORT or _kind(reading.answers[0]) == "figure"
    if not answer or told or is_choice(reading.asked) or _SUBJECTLESS.search(reading.asked):
        return
    parts = [row(part) for part in _COORDINATED.split(proof.text) if not _JOINTLY.search(part)]
    homes = [part for part in parts if answer <= part.all_stems]
    if len(homes) != 1 or len(parts) < 2:
        return
    [home] = homes
    if home.words[0] in _REFERRING:
        return  # the pronoun may mean what is asked about
    stems_ = [each for each in home.stems if each]
    start = next(at for at, each in enumerate(stems_) if each in answer)
    # the verb follows a subject and precedes an object
    own = [each for each in stems_[:start] if each not in asked]
    late = stems_[stems_.index(own[0]) :] if own else []
    verb = next(filter(None, row(reading.asked).stems), "") if _WHO.match(reading.asked) else ""
    behind = [each for each in stems_[start:] if each not in answer][:1]
    for part in parts:
        if part is home:
            continue
        there = (asked & part.all_stems) - home.all_stems
        rivals = part.all_stems - asked
        shared = asked.intersection(late) and _PRONOUNS.isdisjoint(part.words)
        other_object = own and rivals and not shared and _ends_in(reading.asked, there)
        other_subject = (
            not own
            and verb
            and verb in there
            and any(one in rivals for one in part.stems[: part.stems.index(verb)])
            and not asked.issuperset(behind)
        )
        if there and (other_object or other_subject):
            yield found("neighbours_words", f"“{reading.answers[0][:60]}”")
            return


def _ends_in(asked: str, words: Words) -> bool:
    """Return whether one of the last two content words of a question, its verb or object, is given."""
    return not words.isdisjoint([each for each in row(asked).stems if each][-2:])


_CHECKS = (
    negation, certainty, quantity, opposites, links, roles, sides, neighbour, predicates, drift,
)  # fmt: skip


def meaning(draft: Draft, context: Context) -> Iterator[Finding]:
    """Run all meaning checks on wording that no person chose."""
    if not (chosen_by_reader(draft, context.highlight) or pictured(draft, context.highlight)):
        for check in _CHECKS:
            yield from check(draft, context)
