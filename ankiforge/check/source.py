"""Checks of a card against its source: no card says what its passage does not say.

They compare quote, answer and subject; numbers, fractions and months; negations, opposites and
certainty; formulae, code, names, links, markup, language; and how the passage was marked. They
apply to cards whose words a program chose. A question from a comment needs only its answer from
the passage; pictures cannot be checked. Words and numbers are compared, not meanings: what a
person could word otherwise is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.reading import (
    Context,
    Needs,
    about,
    around,
    asked_by_reader,
    chosen_by_reader,
    clauses,
    evidence,
    glossed,
    is_choice,
    make_finding,
    marked,
    naming,
    needs,
    pictured,
    read,
    seamless,
    source_text,
    without_markup,
)
from ankiforge.language.detection import script, sure_language
from ankiforge.language.lexicon import alternatives, listed
from ankiforge.language.normal import for_comparing_words, without_tex
from ankiforge.language.quantities import (
    DIGITS,
    Quantity,
    all_numbers,
    bases,
    fractions,
    months,
    quantities,
    stated_numbers,
    values,
)
from ankiforge.language.words import (
    FUNCTION,
    NEGATORS,
    ORDINALS,
    TERM,
    content,
    contrary,
    stem,
    stems,
    tokens,
)
from ankiforge.model import (
    COMMENT_AND_MORE,
    OTHER_NOTE,
    OTHER_SCHEDULE,
    Family,
    Finding,
    Form,
    Highlight,
    Pair,
    Severity,
    Strings,
    Words,
)
from ankiforge.model.hints import schedule_of
from ankiforge.text import AnyOf, occlusion, regex
from ankiforge.text.cloze import image_paths
from ankiforge.text.fold import (
    for_comparing,
    is_joined,
    locate,
    locate_words,
    shields,
    without_formulas,
)
from ankiforge.text.sentences import sentences

# --- quote and answer -----------------------------------------------------------------


@needs(Needs.SOURCE)
def quote(draft: Words, context: Context) -> Iterator[Finding]:
    """Find a quote that is not literally in the passage or the text around it."""
    highlight = context.highlight
    if pictured(draft, highlight):
        return
    words = for_comparing(draft.quote)
    # the context both with and without a break around the mark
    places = (
        highlight.exact,
        highlight.sentence,
        seamless(highlight),
        highlight.context,
        highlight.nearby,
        *highlight.markdown,
    )
    if not words:
        yield make_finding("quote_not_in_source", "(there is none)")
    elif not any(words in for_comparing(place) for place in places):
        yield make_finding("quote_not_in_source")


# The share of an answer's words below which the source gives little of it.
_LITTLE = 0.5
# `B.C.` is the same as `BC`.
_INITIALS = regex(r"\b([A-Za-z])\.\s?([A-Za-z])\.")
# What is elided before a word of its own: `l'aggravait`, `dell'acqua`.
_ELIDED = regex(
    r"(?i)\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|all|dall|dell|nell|sull|quell)['’](?=[^\W\d_]{2})"
)
# The number of initial letters by which a word of the source is recognised: valid,
# validity.
_PREFIX = 5


@needs(Needs.COMPARISON)
def answer(draft: Words, context: Context) -> Iterator[Finding]:
    """Find answers of which the source has no word, less than half, or a part of a word."""
    highlight = context.highlight
    if (
        marked(draft, highlight)
        or pictured(draft, highlight)
        or glossed(draft, highlight)
    ):
        return
    reading = read(draft)
    source = source_text(highlight)
    for wanted in reading.answers:
        # a name may come literally from the title or a heading, a number may not
        is_number = any(map(str.isdecimal, wanted))
        if not is_number and locate_words(wanted.strip(" ."), naming(highlight)):
            continue
        offered = for_comparing(wanted) in for_comparing(reading.asked)
        if offered and is_choice(reading.asked):
            continue
        missing, share = _missing_words(wanted, source)
        if share == 0:
            shown = wanted if len(wanted) <= 60 else f"{wanted[:59]}…"
            yield make_finding("answer_not_in_source", f"“{shown}”")
        elif share < _LITTLE:
            yield make_finding("answer_partly", ", ".join(missing[:5]))
        elif draft.kind.family is Family.BASIC:
            cut = _cut_words(wanted.strip(" ."), source)
            if cut:
                yield make_finding("gap_cuts", f"“{cut}”")


def _cut_words(wanted: str, source: str) -> str:
    """Return the words of the source of which an answer is a part, "" if it cuts none.

    A word without its inflection is not cut: `cell`, of `cells`.
    """
    place = locate(wanted, source)
    if place is None or locate_words(wanted, source):
        return ""
    first, last = place
    start, end = place
    while source[first].isalpha() and is_joined(source[:start][-1:], source[start]):
        start -= 1
    while source[last - 1].isalpha() and is_joined(source[end:][:1], source[end - 1]):
        end += 1
    whole = source[start:end]
    is_inflected = [*map(stem, tokens(wanted))] == [*map(stem, tokens(whole))]
    return "" if is_inflected else whole


def _missing_words(wanted: str, source: str) -> tuple[list[str], float]:
    """Return the words of an answer that the source lacks, and the share that it has."""
    # all of it, maybe in another notation
    if locate_words(wanted.strip(" ."), source):
        return [], 1.0
    if locate_words(for_comparing_words(wanted).strip(" ."), for_comparing_words(source)):
        return [], 1.0
    if is_formula(wanted) and solid(wanted) in solid(source):
        return [], 1.0

    wanted = _ELIDED.sub(" ", _INITIALS.sub(r"\1\2", without_tex(wanted)))
    source = _ELIDED.sub(" ", _INITIALS.sub(r"\1\2", without_tex(source)))
    content_words = content(wanted)
    names = [word for word in content_words if word not in FUNCTION]
    words = list(dict.fromkeys(names or content_words or tokens(wanted)))
    if not words:
        return [], 0.0
    beginnings = _beginnings(source)
    numbers = all_numbers(source)
    missing = []
    for word in words:
        # `free`, of `freed`, is too short to be told by its beginning
        forms = (word, stem(word), _COMPARED.sub("", word), _SILENT_E.sub("ed", word))
        if not beginnings.isdisjoint(form[:_PREFIX] for form in forms):
            continue
        # wrong numbers are found by the check `numbers`
        if (
            word.isdecimal()
            or word in ("one", "two")
            or not numbers.isdisjoint(all_numbers(word))
        ):
            continue
        if word in NEGATORS and not beginnings.isdisjoint(NEGATORS):
            continue
        missing.append(word)
    return missing, 1 - len(missing) / len(words)


_SILENT_E = regex(r"(?<=\w\w)e\Z")
# `lower`, `latest`: their source may say `low`, `late`.
_COMPARED = regex(r"(?<=\w{3})(?:er|est)\Z")


@lru_cache(maxsize=256)
def _beginnings(source: str) -> frozenset[str]:
    """Return the first letters of the words of a source, and of their stems."""
    words = tokens(source)
    forms = (*words, *map(stem, words))
    return frozenset(form[:_PREFIX] for form in forms)


# --- subject --------------------------------------------------------------------------

# The share of an answer's words that must be in the mark, and the number of those of
# the question. Words are equal if they begin alike: a question in the reader's own words
# has other endings than the passage.
_MARKED_SHARE = 0.5
_MARKED_WORDS = 2


@needs(Needs.SOURCE)
def beside(draft: Words, context: Context) -> Iterator[Finding]:
    """Find cards about a fact outside the mark; the text around it may only name the subject."""
    highlight = context.highlight
    if chosen_by_reader(draft, highlight):
        return
    if for_comparing(around(highlight)) == for_comparing(highlight.exact):
        return
    reading = read(draft)
    marked_stems = _stem_beginnings(highlight.exact)
    if not marked_stems:
        return
    for answer in reading.answers:
        answer_stems = _stem_beginnings(answer)
        if not answer_stems:
            return
        share = len(answer_stems & marked_stems) / len(answer_stems)
        if share >= _MARKED_SHARE:
            return
    asked_words = len(_stem_beginnings(reading.asked) & marked_stems)
    if asked_words < min(_MARKED_WORDS, len(marked_stems)):
        yield make_finding("beside_the_mark")


def _stem_beginnings(text: str) -> frozenset[str]:
    """Return the first letters of the stems of a text."""
    return frozenset(word[:_PREFIX] for word in stems(text))


# === numbers ==========================================================================

# `one` and `two` are often no numbers: both threads are two threads.
_LEAST_WORD = 3


@needs(Needs.COMPARISON)
def numbers(draft: Words, context: Context) -> Iterator[Finding]:
    """Find numbers that the source does not have, or has with another unit, sign or era."""
    reading = read(draft)
    source = source_text(context.highlight)
    source_and_title = f"{source}\n{about(context.highlight)}"
    foreign: list[str] = []
    if not asked_by_reader(draft):
        foreign += _foreign(reading.asked, source_and_title)
    is_gloss = glossed(draft, context.highlight)
    for answer in reading.answers:
        foreign += _foreign(answer, source_and_title if is_gloss else source)
    if foreign:
        yield make_finding("ungrounded_number", ", ".join(dict.fromkeys(foreign)))
        return
    plain_source = without_formulas(source)
    for text in reading.answers if asked_by_reader(draft) else (reading.whole,):
        for quantity in quantities(without_formulas(text)):
            stated = _stated_otherwise(quantity, plain_source)
            if stated:
                yield make_finding("number_altered", f"{quantity.shown}; there: {stated}")
                return


# --- numbers that the source lacks ----------------------------------------------------


def _foreign(text: str, source: str) -> Iterator[str]:
    """Yield the numbers and months of a text that the source has in no notation."""
    source_digits = set(DIGITS.findall(source)) if source.isascii() else set()
    for number, notations in stated_numbers(text).items():
        if not source_digits.isdisjoint(notations):  # fast, and sufficient for most
            continue
        if not all_numbers(source).isdisjoint(notations):
            continue
        # 3,000,000 for 3 million
        of_number = [each for each in quantities(text) if number in each.shown]
        if not any(_has_size(source, quantity) for quantity in of_number):
            yield number
    for quantity in quantities(text):
        # what says more than its digits, and can be compared by its size
        says_more = quantity.unit != ""
        if quantity.spelled:
            says_more = quantity.value >= _LEAST_WORD
        if says_more and not _has_size(source, quantity):
            yield quantity.shown
    for word, value in fractions(text).items():
        if word.rstrip("s") in source.casefold():
            continue
        if values(source).isdisjoint((value, value * 100)):
            yield word
    # months, if the source names only others
    named = months(text)
    source_months = set(months(source).values()) if named else set()
    for name, month in named.items():
        if source_months and month not in source_months:
            yield name


def _has_size(source: str, quantity: Quantity) -> bool:
    """Return whether a source has a number of this size, in any notation and with any sign."""
    return abs(quantity.value) in values(source) or quantity.base in bases(source)


# --- numbers with another unit, sign or era -------------------------------------------


def _stated_otherwise(quantity: Quantity, source: str) -> str:
    """Return how the source states a number; "" if the card agrees."""
    size = abs(quantity.value)
    same_size = [stated for stated in quantities(source) if abs(stated.value) == size]
    if not same_size:
        return ""
    first = same_size[0].shown
    units = {stated.unit for stated in same_size} - {""}
    if quantity.unit and units and quantity.unit not in units:
        # the same in another unit: 5 g and 5,000 mg
        dimension, base = quantity.base
        return "" if (dimension, abs(base)) in bases(source) else first
    if not any((stated.value < 0) == (quantity.value < 0) for stated in same_size):
        return first
    eras = {stated.era for stated in same_size}
    if quantity.era and "" not in eras and quantity.era not in eras:
        return first
    return ""


# === meaning ==========================================================================

# Words with which a sentence can say the same with and without a negation.
_EXCUSED = listed("meaning", "excused")
# The share of words from which a card repeats its source.
_REPEATS = 0.8
_HEDGES = listed("meaning", "hedges")
_SOFT = _HEDGES | listed("meaning", "soft")
_ABSOLUTES = listed("meaning", "absolutes")
# The month, not the verb; and what was possible once something had been done, not what may be.
_NO_HEDGE = regex(
    r"\bMay\b|(?i:\b(?:until|till|before|so that|that)\s+(?:[\w'’-]+\s+){1,5}?could\b)"
    r"|(?i:\bsuggest(?:s|ed)?\s+(?:you|we|they|i|he|she)\b)"  # advice
)
_RELATIONS = listed("meaning", "relations")
_THAN = listed("meaning", "than")
_IDIOM = regex(rf"(?<= )(?:{alternatives('meaning', 'idioms')})(?= )")
_SMALL = FUNCTION | listed("cues", "articles") | listed("cues", "prepositions")
# Words within the reach of a hedge that a card must repeat.
_HEDGED_WORDS = 2
# The number of content words after a negation or hedge to which it applies.
_SCOPE = 3


@needs(Needs.COMPARISON)
def meaning(draft: Words, context: Context) -> Iterator[Finding]:
    """Find negations, opposites and certainty that the evidence does not have.

    The limits were measured on planted lies and honest cards (`benchmarks/lies.py`).
    """
    highlight = context.highlight
    if chosen_by_reader(draft, highlight):
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
        doubtful = tokens(_NO_HEDGE.sub(" ", evident))
        hedged = _scope(doubtful, _HEDGES)
        repeated = hedged.intersection(map(stem, card))
        least = min(_HEDGED_WORDS, len(hedged))
        if hedged and len(repeated) >= least:
            hedge = min(_HEDGES.intersection(doubtful))
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
    card = _without_idioms(card)
    proof = _without_idioms(proof)
    card_forms = {*card, *map(stem, card)}
    proof_forms = {*proof, *map(stem, proof)}
    for place, word in enumerate(card):
        opposites = contrary(word)
        if (
            not proof_forms.isdisjoint((word, stem(word)))
            or not opposites.isdisjoint(card_forms)
            or opposites.isdisjoint(proof_forms)
        ):
            continue
        opposite_place = 0
        while opposites.isdisjoint((proof[opposite_place], stem(proof[opposite_place]))):
            opposite_place += 1
        opposite = proof[opposite_place]
        said = _Around(card, place)
        proven = _Around(proof, opposite_place)
        # `have no chlorophyll`, `a second page`: neither is the other's opposite here
        if said.is_denied != proven.is_denied or (word in ORDINALS and said.is_another):
            continue
        # `lacks` denies by itself what `without … having` does
        if word in NEGATORS and not NEGATORS.isdisjoint(proven.before):
            continue
        if opposite in NEGATORS and not NEGATORS.isdisjoint(said.before):
            continue
        is_order = word in _RELATIONS
        is_relation = is_order or not _THAN.isdisjoint((*card, *proof))
        if not (is_relation and said.is_turned_in(proven, is_order=is_order)):
            yield word, opposite


class _Around:
    """The words around one word of a text."""

    def __init__(self, words: list[str], place: int) -> None:
        self.before = words[:place]
        self.after = words[place + 1 :]

    @property
    def is_denied(self) -> bool:
        """Whether a negation stands beside the word."""
        return not NEGATORS.isdisjoint((*self.before[-1:], *self.after[:1]))

    @property
    def is_another(self) -> bool:
        """Whether the word says that there is one more: `a second`."""
        return self.before[-1:] in (["a"], ["another"])

    def is_turned_in(self, proof: _Around, *, is_order: bool) -> bool:
        """Return whether both sides have changed places: A before B, B after A."""
        left, right = _sides(self.before), _sides(self.after)
        proof_left, proof_right = _sides(proof.before), _sides(proof.after)
        if is_order and not {*left}.isdisjoint(proof_right[:1]):
            return True  # `after sleep, …`: what follows at once is the other side
        if not right:
            return False
        straight = len({*left} & {*proof_left}) + len({*right} & {*proof_right})
        crossed = len({*left} & {*proof_right}) + len({*right} & {*proof_left})
        return crossed > straight


def _sides(words: list[str]) -> list[str]:
    """Return the stems of words that may be part of a subject or object."""
    return [stem(word) for word in words if word not in _SMALL]


def _without_idioms(words: list[str]) -> list[str]:
    """Return words without those of idioms: `vor allem` says nothing of before and after."""
    text = _IDIOM.sub(" ", f" {' '.join(words)} ")
    return text.split()


# === foreign ==========================================================================


def as_written(highlight: Highlight) -> str:
    """Return the source as plain text and as Markdown."""
    return "\n".join((source_text(highlight), about(highlight), *highlight.markdown))


# --- formulae, code, names ------------------------------------------------------------

_SYMBOLS = regex(r"[\s{}^_()\[\]$*·×⋅`]|\\[,;:! ]")
_OPERATOR = regex(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")
_LONGEST = 8000


@lru_cache(maxsize=256)
def solid(text: str) -> str:
    r"""Return formulae as a sequence of symbols in one notation: `\frac{a}{b}` is a/b."""
    plain = re.sub("[−–—]", "-", without_tex(text[:_LONGEST]))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    plain = plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥")
    return _SYMBOLS.sub("", plain)


def is_formula(text: str) -> bool:
    """Return whether a text is at least an operator with its operands."""
    symbols = solid(text)
    return len(symbols) > 2 and _OPERATOR.search(symbols) is not None


# A capitalised word within a sentence, or before another one.
_NAME = regex(r"(?<=[^\s.!?:]\s)[A-Z][^\W\d_]{2,}\b|^[A-Z][^\W\d_]{2,}(?=\s[A-Z])")


@needs(Needs.COMPARISON)
def literal(draft: Words, context: Context) -> Iterator[Finding]:
    """Find formulae, code and names in an answer that are not in the source."""
    highlight = context.highlight
    if chosen_by_reader(draft, highlight) or glossed(draft, highlight):
        return
    reading = read(draft)
    source = as_written(highlight)
    if draft.kind.family is Family.BASIC:
        answers: Strings = (draft.field("Back"),)
    else:
        answers = tuple(gap.answer for gap in reading.gaps)
    for text in answers:
        for start, end, kind in shields(text):
            run = text[start:end]
            if kind != "escape" and solid(run) not in solid(source):
                code = run.strip("`$ ")[:60]
                yield make_finding("literal", f"“{code}”")
                return

    if sure_language(source) == "German":
        return  # every noun begins with a capital
    creators = " ".join(highlight.document.creators)
    known = for_comparing(f"{source}\n{creators}")
    known = f"{known}\n{known.replace('.', '')}"  # U.S. is US
    for text in reading.answers:
        for name in (*TERM.findall(text), *_NAME.findall(text)):
            if for_comparing(name).removesuffix("s") not in known:
                yield make_finding("name_in_answer", f"“{name}”")
                return


# --- foreign links, active markup, talk to models -------------------------------------

_ADDRESS = (
    regex(r"(?i)((?:https?|ftp)://[^\s)>\]\"']+|\bwww\.[^\s)>\]\"']+|\bdoi:\s?10\.\S+)"),
    regex(r"!?\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)"),
    regex(r"!\[\[([^\]\n|]{1,300})"),
)
_RUNS = regex(
    r"(?i)<\s*+/?+\s*+(?:script|iframe|object|embed|style|form|svg|meta|link|base|img"
    r"|video|audio)\b"
    r"|\bon(?:error|load|click|mouseover)\s*=|javascript:|data:text/html|\[sound:"
    r"|\[latex\]"
)


_TALK = regex(
    r"(?i)\b(?:as an ai|as a (?:large )?language model|i(?:'m| am) (?:sorry|unable)"
    r"|i cannot (?:help|create|assist)|(?:ignore|disregard|forget) (?:all |any |the "
    r"|your )*"
    r"(?:previous|prior|above|earlier) (?:instructions?|prompts?|messages?)|system prompt"
    r"|here (?:is|are) (?:the|your|a) (?:flash ?)?cards?|given (?:passage|highlight|text)"
    r"|(?:add|include|write|output|create) (?:a|the|this|one) (?:flash)?cards?)\b"
)
# A text without any of these is no such talk, which is searched for letter by letter.
_OF_TALK = AnyOf(
    *("as an ai", "language model", "sorry", "unable", "i cannot", "instruction"),
    *("prompt", "message", "card", "given passage", "given highlight", "given text"),
)


def _talk_in(text: str) -> re.Match[str] | None:
    """Return the first words of a text that speak to a language model, or about one."""
    return _TALK.search(text) if _OF_TALK.is_in(text.casefold()) else None


@needs(Needs.SOURCE)
def injected(draft: Words, context: Context) -> Iterator[Finding]:
    """Find addresses, active markup, and talk to or of a model that are not in the source."""
    highlight = context.highlight
    text = "\n".join(text for _, text in draft.fields)

    # the first address that neither passage nor document has
    addresses = []
    for pattern in _ADDRESS:
        for match in pattern.finditer(text):
            addresses.append(match[1].rstrip(".,;:!?)"))
    if addresses:
        document = highlight.document
        identifiers = [value for _, value in document.identifiers]
        places = [as_written(highlight), *highlight.links, highlight.uri, document.uri]
        known = for_comparing("\n".join(places + identifiers))
        foreign = [each for each in addresses if for_comparing(each) not in known]
        if foreign:
            yield make_finding("foreign_link", foreign[0][:60])
    markup = _RUNS.search(text)
    if markup and for_comparing(markup[0]) not in for_comparing(as_written(highlight)):
        yield make_finding("foreign_markup", markup[0])

    # talk to or of a model: in the card, or in the sentence that the answer is from
    if asked_by_reader(draft):
        return
    source = source_text(highlight)
    talk = _talk_in(without_markup(text))
    if talk and for_comparing(talk[0]) not in for_comparing(source):
        yield make_finding("model_talk", f"“{talk[0]}”")
        return
    if not _talk_in(source):
        return
    # the document addresses a model, which may be its subject: a person decides
    answers = [for_comparing(answer) for answer in read(draft).answers if answer]
    for start, end in sentences(source):
        order = _TALK.search(source[start:end])
        sentence = for_comparing(source[start:end])
        if order and any(answer in sentence for answer in answers):
            detail = f"“{order[0]}”"
            yield make_finding("model_talk", detail, severity=Severity.WARN)
            return


# --- language -------------------------------------------------------------------------


@needs(Needs.COMPARISON)
def other_language(draft: Words, context: Context) -> Iterator[Finding]:
    """Find cards in the script or language of neither marked words, passage nor comment."""
    highlight = context.highlight
    if chosen_by_reader(draft, highlight):
        return
    card = read(draft).whole
    passage = around(highlight)
    others = [highlight.exact, highlight.comment if highlight.instructs else ""]
    for recognise in (script, sure_language):
        card_is = recognise(card)
        passage_is = recognise(passage)
        if not card_is or not passage_is or card_is == passage_is:
            continue
        if card_is not in map(recognise, others):
            yield make_finding("other_language", f"{card_is}, not {passage_is}")
            return


# === marks ============================================================================

# --- lines with `::` ------------------------------------------------------------------

# The deck or tags of a note, as a tool reads them, and a number or letter of a list:
# `1)`.
_DECLARATION = regex(r"(?i)(?:TARGET[ _]DECK|FILE[ _]TAGS)\b|\W*\w{1,2}[.)）]\Z")
_CODE_LINE = regex(
    r"\w(?<!:)::~?[\w.]+(?:\(|<|;|::)"  # std::vector<int>, Foo::bar()
    # an address: fe80::1, 2001::1:2, but not the year in `1989::9 November`
    r"|(?<![\w:])(?=\w*\d)(?=\d*[A-Fa-f]|\w+::[0-9A-Fa-f]*[:/])"
    r"[0-9A-Fa-f]{3,4}::[0-9A-Fa-f:]*(?:/\d+)?(?!\w)"
    r"|::=|^\S+\s+::\s+\S+(?:\s+\S+){0,3}\s*(?:->|=>|→|⇒)"  # a grammar, a type
    # a member of a class, but not `JavaScript::a language`
    r"|(?<=\s)[A-Z]\w*[a-z][A-Z]\w*::\w|^[A-Z]\w*[a-z][A-Z]\w*::\w+\W*$"
    r"|\b(?:SELECT|UPDATE|DELETE|WHERE)\b.*\w::\w|\[\w+::"  # a query
)
# A value that is typical of a Dataview field.
_VALUE = regex(
    r"(?i)(?:https?://|www\.)\S+|\d{4}-\d\d-\d\d.*|\d\d?:\d\d|\d/\d+|\[[ xX]?\]"
    r"|(?:true|false|yes|no)"
    r"|(?:#[^\s,#]+[\s,]*)+|(?:\[\[[^\]]*\]\][\s,]*)+"
)


@needs(Needs.REST)
def form(draft: Words, context: Context) -> Iterator[Finding]:
    """Find cards of doubtful lines, of other tools, and with unreadable pictures."""
    highlight = context.highlight
    if highlight.form is Form.INLINE_FIELD:
        several = highlight.exact.count("::") > 1
        yield make_finding(
            "inline_field", "it contains several" if several else "it may be metadata"
        )
    elif highlight.form is Form.INLINE:
        front = draft.field("Front")
        back = draft.field("Back").strip("*_= ")
        is_question = highlight.declared or front.endswith("?")
        is_call = _open_brackets(front) > 0 > _open_brackets(back)
        if is_call or _CODE_LINE.search(highlight.exact):
            yield make_finding("inline_field", "it may be code")
        elif (not is_question and _VALUE.fullmatch(back)) or _DECLARATION.match(front):
            yield make_finding("inline_field", "it may be metadata")

    if draft.origin.drafter == COMMENT_AND_MORE:
        yield make_finding("says_more")
    if highlight.open_end:
        yield make_finding("open_end")
    if highlight.other_note:
        yield make_finding(OTHER_NOTE, str(highlight.other_note))
    if schedule_of(highlight.schedule):
        yield make_finding(OTHER_SCHEDULE)
    every_field = "\n".join(text for _, text in draft.fields)
    for path in image_paths(every_field):
        fault = context.picture_fault(path)
        if fault:
            yield make_finding("unreadable_picture", fault)


def _open_brackets(text: str) -> int:
    """Return how many brackets of a text are not closed; less than 0 if they close others."""
    return len(re.findall(r"[(（\[]", text)) - len(re.findall(r"[)）\]]", text))


# --- figures --------------------------------------------------------------------------


NO_LABEL = "no_label"
"""The check that finds a figure with nothing to hide."""
MANY_LABELS = "many_labels"
"""The check that finds a figure with more labels than a person learns of one picture."""
MOST_LEARNT = 40
"""Labels that are not yet many: all of a detailed drawing in a textbook."""


def look(draft: Words, context: Context) -> Iterator[Finding]:
    """Find figures that leave nothing to ask or nothing to see."""
    masks = occlusion.masks_in(draft.fields)
    if not masks.shown:
        hint = "no label found; draw one: ankiforge review"
        yield Finding(NO_LABEL, Severity.BLOCK, hint)
    count = len(masks.shown)
    if count > MOST_LEARNT:
        hint = (
            f"{count} labels are {count} cards; switch off what you do not want to learn"
        )
        yield Finding(MANY_LABELS, Severity.WARN, hint)
    for path in image_paths(draft.field("Image")):
        fault = context.picture_fault(path)
        if fault:
            yield make_finding("unreadable_picture", fault)
