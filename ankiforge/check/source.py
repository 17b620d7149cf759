"""Checks against the source: no card says what its passage does not say.

They apply to cards whose words a program chose. A question from a comment needs only its answer from
the passage; pictures cannot be checked. Words and numbers are compared, not meanings: what a person
could word otherwise is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.reading import (
    Context,
    about,
    around,
    asked_by_reader,
    chosen_by_reader,
    clauses,
    evidence,
    folded,
    is_choice,
    language,
    make_finding,
    marked,
    naming,
    pictured,
    read,
    script,
    seamless,
    source_text,
    without_markup,
)
from ankiforge.check.words import (
    DIGITS,
    FUNCTION,
    NEGATORS,
    TERM,
    UNITS,
    Quantity,
    all_numbers,
    bases,
    content,
    contrary,
    fractions,
    has_word,
    listed,
    months,
    normal,
    quantities,
    stated_numbers,
    stem,
    stems,
    tokens,
    values,
    without_tex,
    written_fractions,
)
from ankiforge.model import Draft, Family, Finding, Highlight, Pair, Severity
from ankiforge.text import regex
from ankiforge.text.sentences import sentences
from ankiforge.text.shields import shields, without_formulas

# --- quote and answer ---------------------------------------------------------------------------


def quote(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find a quote that is not literally in the passage or the text around it."""
    highlight = context.highlight
    if pictured(draft, highlight):
        return
    words = folded(draft.quote)
    # the context both with and without a break around the mark
    places = (
        highlight.exact, highlight.sentence, seamless(highlight), highlight.context,
        highlight.nearby, *highlight.markdown,
    )  # fmt: skip
    if not words:
        yield make_finding("quote_not_in_source", "(there is none)")
    elif not any(words in folded(place) for place in places):
        yield make_finding("quote_not_in_source")


_LITTLE = 0.5
# The number of initial letters by which a word of the source is recognised: valid, validity.
_PREFIX = 5
# `B.C.` is the same as `BC`.
_INITIALS = regex(r"\b([A-Za-z])\.\s?([A-Za-z])\.")


def answer(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find answers of which the source has no word, or less than half."""
    highlight = context.highlight
    if marked(draft, highlight) or pictured(draft, highlight):
        return
    source = source_text(highlight)
    for wanted in read(draft).answers:
        # a name may come literally from the title or a heading, a number may not
        is_figure = any(map(str.isdecimal, wanted))
        if not is_figure and _as_words(folded(wanted), folded(naming(highlight))):
            continue
        offered = is_choice(read(draft).asked) and folded(wanted) in folded(read(draft).asked)
        missing, share = ([], 1.0) if offered else _missing(wanted, source)
        shown = f"“{wanted if len(wanted) <= 60 else f'{wanted[:59]}…'}”"
        if share == 0:
            yield make_finding("answer_not_in_source", shown)
        elif share < _LITTLE:
            yield make_finding("answer_partly", ", ".join(missing[:5]))


def _missing(wanted: str, source: str) -> tuple[list[str], float]:
    """Return the words of an answer that the source lacks, and the share that it has."""
    solid_answer = solid(wanted)
    if any(_as_words(form(wanted), form(source)) for form in (folded, normal)) or (
        len(solid_answer) > 2 and _OPERATOR.search(solid_answer) and solid_answer in solid(source)
    ):
        return [], 1.0
    wanted, source = (_INITIALS.sub(r"\1\2", without_tex(text)) for text in (wanted, source))
    named = [word for word in content(wanted) if word not in FUNCTION]
    words = list(dict.fromkeys(named or content(wanted) or tokens(wanted)))
    held, numbers = _beginnings(source), all_numbers(source)
    units = {one.dimension for one in quantities(source) if one.unit}
    missing = [
        word
        for word in words
        if not {word[:_PREFIX], stem(word)[:_PREFIX]} & held
        # `numbers` finds wrong ones
        and not (word.isdecimal() or word in ("one", "two") or all_numbers(word) & numbers)
        and not (word in UNITS and UNITS[word][1] in units)
        and not (word in NEGATORS and held & NEGATORS)
    ]
    return missing, 1 - len(missing) / len(words) if words else 0.0


@lru_cache(maxsize=256)
def _beginnings(source: str) -> frozenset[str]:
    return frozenset(form[:_PREFIX] for word in tokens(source) for form in (word, stem(word)))


def _as_words(wanted: str, source: str) -> bool:
    """Return whether the source contains the answer as whole words: `rat` is not in `generation`.

    Scripts without capitals join particles to words: 서울이다 contains 서울.
    """
    words = wanted.strip(" .")
    joined = (_joins(words[:1]), _joins(words[-1:]))
    return bool(words) and has_word(words, source, joined=joined)


def _joins(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


def beside(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards about a fact outside the mark; the text around it may only name the subject."""
    highlight, reading = context.highlight, read(draft)
    exact = stems(highlight.exact)
    if chosen_by_reader(draft, highlight) or not exact:
        return
    if folded(around(highlight)) == folded(highlight.exact):
        return
    for one in reading.answers:
        words = stems(one)
        share = len(words & exact) / len(words) if words else 1.0
        if share >= 0.6 or folded(one).strip(" .") in folded(highlight.exact):
            return
    if len(stems(reading.asked) & exact) < min(2, len(exact)):
        yield make_finding("beside_the_mark")


# --- numbers ------------------------------------------------------------------------------------

# `one` and `two` are often no numbers: both threads are two threads.
_LEAST_WORD = 3


def numbers(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find numbers that the source does not have, or has with another unit, sign or era."""
    sides, source = read(draft), source_text(context.highlight)
    strange: list[str] = []
    if not asked_by_reader(draft):
        strange += _foreign(sides.asked, f"{source}\n{about(context.highlight)}")
    for wanted in sides.answers:
        strange += _foreign(wanted, source)
    if strange:
        yield make_finding("ungrounded_number", ", ".join(dict.fromkeys(strange)))
        return
    plain = without_formulas(source)
    for text in sides.answers if asked_by_reader(draft) else (sides.whole,):
        for one in quantities(without_formulas(text)):
            if there := _otherwise(one, plain):
                yield make_finding("number_altered", f"{one.shown}; there: {there}")
                return


def _foreign(text: str, source: str) -> Iterator[str]:
    """Yield the numbers and months of a text that the source has in no notation."""
    there = quantities(text)
    digits = set(DIGITS.findall(source)) if source.isascii() else set()
    for number, forms in stated_numbers(text).items():
        # other notations: 3,000,000 for 3 million, ¾ for 3/4
        if (
            digits.isdisjoint(forms)
            and all_numbers(source).isdisjoint(forms)
            and not any(number in one.shown and _states(source, one) for one in there)
            and not any(
                number in parts and size in values(source)
                for *parts, size in written_fractions(text)
            )
        ):
            yield number
    for one in there:
        if (one.spelled and one.value >= _LEAST_WORD and not _states(source, one)) or (
            one.unit and not one.spelled and not _states(source, one)
        ):
            yield one.shown
    for word, value in fractions(text).items():
        if word.rstrip("s") not in source.casefold() and not {value, value * 100} & values(source):
            yield word
    if named := months(text):
        dated = set(months(source).values()) or set(named.values())
        yield from (name for name, month in named.items() if month not in dated)


def _states(source: str, one: Quantity) -> bool:
    """Return whether a source has a number of this size, whatever its notation and sign."""
    return abs(one.value) in values(source) or one.base in bases(source)


def _otherwise(one: Quantity, source: str) -> str:
    """Return how the source states a number; "" if the card agrees."""
    if not (one.unit or one.era or one.value < 0):
        return ""
    there = [each for each in quantities(source) if abs(each.value) == abs(one.value)]
    units = {each.unit for each in there} - {""}
    if one.unit and units and one.unit not in units:
        dimension, size = one.base
        return "" if (dimension, abs(size)) in bases(source) else there[0].shown
    signs, eras = {each.value < 0 for each in there}, {each.era for each in there}
    wrong_sign = bool(there) and one.value and one.value < 0 and True not in signs
    wrong_era = one.era and eras and "" not in eras and one.era not in eras
    return there[0].shown if wrong_sign or wrong_era else ""


# --- turned meanings ----------------------------------------------------------------------------

_HEDGES = listed("meaning", "hedges")
_SOFT = _HEDGES | listed("meaning", "soft")
_ABSOLUTES = listed("meaning", "absolutes")
# Words with which a sentence can say the same with and without a negation.
_EXCUSED = listed("meaning", "excused")
# The month, not the verb.
_MAY = regex(r"\bMay\b")
_TURNING = frozenset(("unlike", "lack", "lacks", "instead"))
# The share of words from which a card repeats its source.
_REPEATS = 0.8
# The number of content words after a negation or hedge to which it applies.
_SCOPE = 3


def meaning(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find negations, opposites and certainty that the evidence does not have.

    Source of the limits: measured on planted lies and honest cards, docs/checks.md.
    """
    highlight, reading = context.highlight, read(draft)
    if chosen_by_reader(draft, highlight) or pictured(draft, highlight):
        return
    proof = evidence(draft, highlight)
    is_question = draft.kind.family is Family.BASIC
    is_choice_of = is_question and is_choice(reading.asked)
    card, whole = tokens(reading.whole), set(tokens(proof))
    mine, answered = set(map(stem, card)), stems(" ".join(reading.answers))
    # the clause with most words of the card: the others may deny something else
    parts = [tokens(part) for part in clauses(proof)]
    parts = [part for part in parts if not is_question or answered & set(map(stem, part))]
    clause = max(parts, key=lambda part: len(mine & set(map(stem, part))), default=[])
    stated = tokens(" ".join(reading.answers)) if is_question else card
    if denied := "" if is_choice_of else _negated(stated, card, clause, tokens(proof)):
        yield make_finding("negation", f"“{denied}”")
        return
    turned = [] if is_choice_of else list(_turned(card, tokens(proof)))
    if turned:
        yield make_finding("opposite", f"“{turned[0][0]}”, there “{turned[0][1]}”")
        return
    if claimed := [word for word in stated if word in _ABSOLUTES - whole]:
        if _SOFT & whole and not _SOFT & set(card):
            yield make_finding("certainty", f"“{claimed[0]}”")
    elif not (_SOFT | NEGATORS) & set(card):
        hedged = _scope(tokens(_MAY.sub(" ", proof)), _HEDGES)
        if len(hedged & mine) >= min(2, len(hedged) or 1):
            yield make_finding("certainty", f"without “{min(_HEDGES & whole)}”")


def _negated(stated: list[str], card: list[str], clause: list[str], proof: list[str]) -> str:
    """Return what only one of card and source denies; "" if nothing.

    `stated`: the words of the card that claim something; `clause`: the part of the proof about it.
    """
    said_words = frozenset(map(stem, stated)) - FUNCTION - NEGATORS
    repeated = len(said_words & set(map(stem, proof))) >= _REPEATS * len(said_words)
    denies, denied = NEGATORS & set(stated), NEGATORS & set(clause)
    # the card has the words of the source, but for a negation
    if repeated and len(said_words) > 1 and not _TURNING & {*card, *clause}:
        if denies and not NEGATORS & set(proof):
            return " ".join(sorted(denies))
        if denied and not NEGATORS & set(card) and stated == card:
            return " ".join(sorted(denied))
    if _EXCUSED & {*card, *clause}:
        return ""
    for denying, other in ((card, clause), (clause, card)):
        scope = _scope(denying, NEGATORS)
        if scope and not NEGATORS & set(other) and scope <= set(map(stem, other)):
            return " ".join(sorted(scope))
    return ""


def _scope(words: list[str], signs: frozenset[str]) -> frozenset[str]:
    """Return the stems of the content words after the first of these signs."""
    at = next((at for at, word in enumerate(words) if word in signs), len(words))
    behind = [word for word in words[at + 1 :] if word not in FUNCTION and word not in signs]
    return frozenset(map(stem, behind[:_SCOPE]))


def _turned(card: list[str], proof: list[str]) -> Iterator[Pair]:
    """Yield (word, opposite) if the source has the opposite of a word of the card instead of it."""
    here, there = ({*words, *map(stem, words)} for words in (card, proof))
    for at, word in enumerate(card):
        opposites = contrary(word)
        if (
            not opposites & there
            or {word, stem(word)} & there
            or opposites & here
            or NEGATORS & set(card[max(0, at - 2) : at + 3])
        ):
            continue
        place = next(i for i, one in enumerate(proof) if {one, stem(one)} & opposites)
        if not _sides_swapped(card, at, proof, place):
            yield word, proof[place]


def _sides_swapped(card: list[str], at: int, proof: list[str], place: int) -> bool:
    """Return whether both sides of a comparison changed places as well: A before B, B after A."""
    left, right, left_there, right_there = (
        {stem(word) for word in words if word not in FUNCTION}
        for words in (card[:at], card[at + 1 :], proof[:place], proof[place + 1 :])
    )
    straight = len(left & left_there) + len(right & right_there)
    return len(left & right_there) + len(right & left_there) > straight


# --- formulae, code, names ----------------------------------------------------------------------

_SYMBOLS = regex(r"[\s{}^_()\[\]$*·×⋅`]|\\[,;:! ]")
_OPERATOR = regex(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")
# A capitalised word within a sentence, or before another one.
_NAME = regex(r"(?<=[^\s.!?:]\s)[A-Z][^\W\d_]{2,}\b|^[A-Z][^\W\d_]{2,}(?=\s[A-Z])")


@lru_cache(maxsize=256)
def solid(text: str) -> str:
    r"""Return formulae as a sequence of symbols in one notation: `\frac{a}{b}` is a/b."""
    plain = re.sub("[−–—]", "-", without_tex(text[:8000]))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    return _SYMBOLS.sub("", plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥"))


def as_written(highlight: Highlight) -> str:
    """Return the source as plain text and as Markdown."""
    return "\n".join((source_text(highlight), about(highlight), *highlight.markdown))


def literal(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find formulae, code and names in an answer that are not in the source."""
    highlight = context.highlight
    if asked_by_reader(draft) or marked(draft, highlight) or pictured(draft, highlight):
        return
    written = as_written(highlight)
    answers = (
        (draft.field("Back"),)
        if draft.kind.family is Family.BASIC
        else tuple(gap.answer for gap in read(draft).gaps)
    )
    for text in answers:
        for start, end, kind in shields(text):
            run = text[start:end]
            if kind != "escape" and solid(run) not in solid(written):
                yield make_finding("literal", f"“{run.strip('`$ ')[:60]}”")
                return
    if language(written) == "German":
        return  # every noun begins with a capital
    known = folded(f"{written}\n{' '.join(highlight.document.creators)}")
    known = f"{known}\n{known.replace('.', '')}"  # U.S. is US
    for text in read(draft).answers:
        for name in (*TERM.findall(text), *_NAME.findall(text)):
            if folded(name).removesuffix("s") not in known:
                yield make_finding("name_in_answer", f"“{name}”")
                return


# --- foreign links, active markup, talk to models -----------------------------------------------

_ADDRESS = (
    regex(r"(?i)((?:https?|ftp)://[^\s)>\]\"']+|\bwww\.[^\s)>\]\"']+|\bdoi:\s?10\.\S+)"),
    regex(r"!?\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)"),
    regex(r"!\[\[([^\]\n|]{1,300})"),
)
_RUNS = regex(
    r"(?i)<\s*/?\s*(?:script|iframe|object|embed|style|form|svg|meta|link|base|img|video|audio)\b"
    r"|\bon(?:error|load|click|mouseover)\s*=|javascript:|data:text/html|\[sound:|\[latex\]"
)
_TALK = regex(
    r"(?i)\b(?:as an ai|as a (?:large )?language model|i(?:'m| am) (?:sorry|unable)"
    r"|i cannot (?:help|create|assist)|(?:ignore|disregard|forget) (?:all |any |the |your )*"
    r"(?:previous|prior|above|earlier) (?:instructions?|prompts?|messages?)|system prompt"
    r"|here (?:is|are) (?:the|your|a) (?:flash ?)?cards?|given (?:passage|highlight|text)"
    r"|(?:add|include|write|output|create) (?:a|the|this|one) (?:flash)?cards?)\b"
)


def injected(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find addresses, active markup, and talk to or of a model that are not in the source."""
    highlight = context.highlight
    document, written = highlight.document, as_written(highlight)
    text = "\n".join(text for _, text in draft.fields)
    links = (*highlight.links, highlight.uri, document.uri)
    known = folded("\n".join((written, *links, *(value for _, value in document.identifiers))))
    addresses = (
        match[1].rstrip(".,;:!?)") for pattern in _ADDRESS for match in pattern.finditer(text)
    )
    if foreign := next((one for one in addresses if folded(one) not in known), ""):
        yield make_finding("foreign_link", foreign[:60])
    markup = _RUNS.search(text)
    if markup and folded(markup[0]) not in folded(written):
        yield make_finding("foreign_markup", markup[0])
    if asked_by_reader(draft):
        return
    source = source_text(highlight)
    talk = _TALK.search(without_markup(text))
    if talk and folded(talk[0]) not in folded(source):
        yield make_finding("model_talk", f"“{talk[0]}”")
        return
    # if the document addresses a model, that may be its subject: a person decides
    for start, end in sentences(source) if _TALK.search(source) else ():
        order = _TALK.search(source[start:end])
        sentence = folded(source[start:end])
        if order and any(folded(one) in sentence for one in read(draft).answers if one):
            yield make_finding("model_talk", f"“{order[0]}”", severity=Severity.WARN)
            return


# --- language -----------------------------------------------------------------------------------


def other_language(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards in another script or language than their passage and the reader's comment."""
    if chosen_by_reader(draft, context.highlight):
        return
    card, passage = read(draft).whole, around(context.highlight)
    comment = context.highlight.comment if context.highlight.instructs else ""
    for tell in (script, language):
        here, there = tell(card), tell(passage)
        if here and there and here != there and here != (comment and tell(comment)):
            yield make_finding("other_language", f"{here}, not {there}")
            return
