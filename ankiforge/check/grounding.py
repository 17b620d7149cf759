"""Grounding: no card says what its source does not say. These checks apply to machine-made drafts.

A card that the reader wrote is its own source. For a question in a comment, only the answer must come
from the passage. Pictures cannot be checked. Numbers must have the unit, sign and noun that they have
in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from ankiforge.check.literal import solid
from ankiforge.check.reading import (
    about,
    around,
    asked_by_reader,
    evidence,
    folded,
    language,
    marked,
    naming,
    pictured,
    read,
    row,
    said,
    script,
    seamless,
)
from ankiforge.check.rules import Context, counted, exceeded, found, limit_of
from ankiforge.check.words import (
    COUNTING_WORDS,
    FUNCTION,
    NEGATORS,
    NUMBER_WORDS,
    QUESTION_WORDS,
    STOP_WORDS,
    UNITS,
    Quantity,
    alike,
    all_numbers,
    bases,
    content,
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
from ankiforge.model import CardKind, Draft, Finding, Highlight

_LONG_WORD = 4
_HALF = 0.5
"""One of two words is not enough: a standard error is not a standard deviation."""
_ENOUGH_WORDS = 12
"""The minimum number of words of a passage; any question about a shorter one repeats it."""
_FEW = 3
"""The minimum number of words to compare; of shorter cards only the answer is compared."""
_PREFIX = 5
"""The number of initial letters by which a word of the source is recognised."""


def quote(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find a quote that is not literally in the passage or the text around it."""
    highlight = context.highlight
    if pictured(draft, highlight):
        return
    words = folded(draft.quote)
    # the context both with and without a break around the mark
    places = (
        highlight.exact, highlight.sentence, seamless(highlight), highlight.context, highlight.nearby,
    )  # fmt: skip
    if not words:
        yield found("quote_not_in_source", "(there is none)")
    elif not any(words in folded(place) for place in (*places, *highlight.markdown)):
        yield found("quote_not_in_source")
    elif words != folded(highlight.exact):
        # an ideograph counts as three letters
        weight = sum(3 if _joins(letter) else 1 for letter in words)
        if max(len(words), weight) < limit_of("quote_too_short"):
            yield exceeded("quote_too_short", len(words))


def answer(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find answers that are not in the passage, and most of whose words are not either."""
    highlight = context.highlight
    if marked(draft, highlight) or pictured(draft, highlight):
        return
    source = said(highlight)
    least = limit_of("answer_not_in_source")
    for wanted in read(draft).answers:
        # a name may come literally from the title or a heading, a number may not
        is_figure = any(map(str.isdecimal, wanted))
        if not is_figure and _as_words(folded(wanted), folded(naming(highlight))):
            continue
        # a formula may be in another notation
        symbols = solid(wanted)
        if len(symbols) >= _FEW and _OPERATOR.search(symbols) and symbols in solid(source):
            continue
        missing, share = _missing(wanted, source)
        shown = f"“{wanted if len(wanted) <= 60 else f'{wanted[:59]}…'}”"
        if 100 * share < least or (share < 1 and len(missing) == 1 and share <= _HALF):
            yield found("answer_not_in_source", shown)
        elif 100 * share < limit_of("answer_partly"):
            yield found("answer_partly", ", ".join(missing[:5]))
        elif _elsewhere(wanted, draft, highlight, least):
            yield found("quote_lacks_answer", shown)


_OPERATOR = re.compile(r"[=+*/<>≤≥√∑∫→-]")
_INITIALS = re.compile(r"\b([A-Za-z])\.\s?([A-Za-z])\.")
"""`B.C.` is the same as `BC`."""
_OWNED = re.compile(r"(?<=\w)['’]s\b")
_GERMAN_ENDING = re.compile(r"(?<=\w{4})(?:en|em|er|es|e|n|s)$")


def _elsewhere(wanted: str, draft: Draft, highlight: Highlight, least: int) -> bool:
    """Return whether the answer is outside the sentences that the quote touches."""
    if not draft.quote.strip() or 100 * _missing(wanted, draft.quote)[1] >= least:
        return False
    answered, quoted = values(wanted), values(draft.quote)
    if answered and quoted and not answered & quoted:
        return True
    return 100 * _missing(wanted, evidence(draft, highlight).text)[1] < least


def _missing(wanted: str, source: str) -> tuple[list[str], float]:
    """Return the words of the answer that the source lacks, and the share that it contains."""
    if any(_as_words(form(wanted), form(source)) for form in (folded, normal)):
        return [], 1.0
    wanted, source = (
        _OWNED.sub("", _INITIALS.sub(r"\1\2", without_tex(text))) for text in (wanted, source)
    )
    named = [word for word in content(wanted) if word not in FUNCTION]
    words = list(dict.fromkeys(named or content(wanted) or tokens(wanted)))
    held, numbers = _roots(source), all_numbers(source)
    counted = not any(foreign(wanted, source))
    missing = [
        word
        for word in words
        if _root(word) not in held
        and not all_numbers(word) & numbers
        and not (counted and word.isdecimal())
        # `altered` finds wrong units
        and not (word in UNITS and UNITS[word][1] in _dimensions(source))
        and not (word in NEGATORS and held & NEGATORS)
        and not held & alike(word)
        and _GERMAN_ENDING.sub("", word) not in _german_roots(source)
    ]
    return missing, 1 - len(missing) / len(words) if words else 0.0


def _root(word: str) -> str:
    return stem(f"{word[:-3]}y" if word.endswith("ied") and len(word) > 5 else word)


@lru_cache(maxsize=256)
def _roots(source: str) -> frozenset[str]:
    return frozenset(map(_root, tokens(source)))


@lru_cache(maxsize=256)
def _german_roots(source: str) -> frozenset[str]:
    words = tokens(source) if language(source) == "German" else ()
    return frozenset(_GERMAN_ENDING.sub("", word) for word in words)


@lru_cache(maxsize=256)
def _dimensions(source: str) -> frozenset[str]:
    return frozenset(one.dimension for one in quantities(source) if one.unit)


def _as_words(wanted: str, source: str) -> bool:
    """Return whether the source contains the answer as whole words: `rat` is not in `generation`.

    Scripts without capitals join particles to words: 서울이다 contains 서울.
    """
    words = wanted.strip(" .")
    joined = (_joins(words[:1]), _joins(words[-1:]))
    return bool(words) and has_word(words, source, joined=joined)


def _joins(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()


_ANSWER_KINDS = frozenset(UNITS) | listed("small_words", "answer_kinds")


def card(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards of whose longer words fewer than two in five come from the passage or its subject."""
    sides = read(draft)
    text = " ".join(sides.answers) if asked_by_reader(draft) else sides.whole
    long = {word for word in content(text) if len(word) >= _LONG_WORD} - _ANSWER_KINDS - FUNCTION
    held = _prefixes(f"{said(context.highlight)}\n{about(context.highlight)}")
    known = sum(word[:_PREFIX] in held or _root(word)[:_PREFIX] in held for word in long)
    share = 100 * known // len(long) if len(long) >= _FEW else 100
    yield from counted(share, "ungrounded_card")


@lru_cache(maxsize=256)
def _prefixes(text: str) -> frozenset[str]:
    words = set(tokens(text)) - STOP_WORDS - QUESTION_WORDS
    return frozenset(form[:_PREFIX] for word in words for form in (word, _root(word)))


def copied(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find fronts that repeat the whole passage."""
    if asked_by_reader(draft) or draft.kind is CardKind.CLOZE:
        return
    passage = {stem(word) for word in content(context.highlight.exact) if len(word) > 1}
    if len(passage) >= _ENOUGH_WORDS:
        share = 100 * len(passage & stems(read(draft).asked)) / len(passage)
        if share >= limit_of("front_copies_source"):
            yield found("front_copies_source", f"{share:.0f}% of its words")


def other_language(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find cards in another script or language than their passage and the reader's comment."""
    if asked_by_reader(draft):
        return
    card, passage = read(draft).whole, around(context.highlight)
    comment = context.highlight.comment if context.highlight.instructs else ""
    for tell in (script, language):
        here, there = tell(card), tell(passage)
        if here and there and here != there and here != (comment and tell(comment)):
            yield found("other_language", f"{here.capitalize()}, not {there.capitalize()}")
            return


# --- figures -----------------------------------------------------------------------------------

_SHIELDED = re.compile(r"`[^`\n]*`|\$(?=[^\s\d])[^$\n]*\$")


@lru_cache(maxsize=512)
def _unshielded(text: str) -> str:
    return _SHIELDED.sub(" ", text)


def numbers(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find numbers that are not in the passage, or for a front, not in the title and headings either."""
    sides = read(draft)
    source = said(context.highlight)
    strange: list[str] = []
    if not asked_by_reader(draft):
        strange += foreign(sides.asked, f"{source}\n{about(context.highlight)}")
    for wanted in sides.answers:
        strange += foreign(wanted, source)
        # numbers and fractions in words
        for one in quantities(wanted):
            if one.spelled and one.value >= 2 and abs(one.value) not in values(source):
                strange.append(one.shown)
        for word, value in fractions(wanted).items():
            sizes = {value, value * 100}
            if word.rstrip("s") not in source.casefold() and not sizes & values(source):
                strange.append(word)
    if strange:
        yield found("ungrounded_number", ", ".join(dict.fromkeys(strange)))


def foreign(text: str, source: str) -> Iterator[str]:
    """Yield numbers in digits that the source has in no notation, and months that it does not name."""
    if stated := stated_numbers(text):
        known = all_numbers(source)
        for number, forms in stated.items():
            # other notations: 3,000,000 for 3 million, ¾ for 3/4
            if (
                known.isdisjoint(forms)
                and not any(
                    number in one.shown and _states(source, one) for one in quantities(text)
                )
                and not any(
                    number in parts and size in values(source)
                    for *parts, size in written_fractions(text)
                )
            ):
                yield number
        for one in quantities(_unshielded(text)):
            scaled = one.unit or (one.value >= 1000 and not re.search(r"\d{3}", one.shown))
            if scaled and not one.spelled and not _states(source, one):
                yield one.shown
    if named := months(text):
        dated = set(months(source).values()) or set(named.values())
        yield from (name for name, month in named.items() if month not in dated)


def _states(source: str, one: Quantity) -> bool:
    """Return whether a source has a number of this size, whatever its notation and sign."""
    return abs(one.value) in values(source) or one.base in bases(source)


_BELOW = re.compile(
    r"\b(?:minus|below|negative|under|loss|lose|loses|drop|drops|fall|falls|decrease\w*|less|lower\w*"
    r"|reduc\w*|unter|moins|menos|bajo)\b",
    re.IGNORECASE,
)


def altered(draft: Draft, context: Context) -> Iterator[Finding]:
    """Find numbers with another unit, sign, era or noun than in the source."""
    sides = read(draft)
    source = _unshielded(said(context.highlight))
    for text in sides.answers if asked_by_reader(draft) else (sides.whole,):
        for one in quantities(_unshielded(text)):
            if wrong := _wrong(one, text, source):
                yield found("number_altered", f"{one.shown}; there: {wrong}")
                return
        if mislaid := _mislaid(text, source):
            yield found("number_altered", mislaid)
            return


def _wrong(one: Quantity, text: str, source: str) -> str:
    """Return how the source states the number; "" if the card agrees."""
    there = [each for each in quantities(source) if abs(each.value) == abs(one.value)]
    if not there:
        return ""
    units = {each.unit for each in there} - {""}
    if one.unit and units and one.unit not in units:
        dimension, size = one.base
        return "" if (dimension, abs(size)) in bases(source) else there[0].shown
    signs, eras = {each.value < 0 for each in there}, {each.era for each in there}
    lowered = signs == {True} and _BELOW.search(text)
    wrong_sign = one.value and (one.value < 0) not in signs and not lowered
    wrong_era = one.era and "" not in eras and one.era not in eras
    return there[0].shown if wrong_sign or wrong_era else ""


_JOINING = listed("small_words", "joining_numbers")
_PLAIN_DIGITS = 12
"""Numbers of up to this many digits are not parsed as a quantity."""


@lru_cache(maxsize=256)
def _labels(text: str) -> dict[tuple[str, int], frozenset[Fraction]]:
    """Return the numbers of each noun by (noun, side): 1 = the noun follows, -1 = it precedes."""
    line = row(text)
    found = ((at, _number(word)) for at, word in enumerate(line.words))
    numbers = {at: value for at, value in found if value is not None}
    labels: dict[tuple[str, int], set[Fraction]] = {}
    for at, value in numbers.items():
        if line.words[at + 1 : at + 2] and line.words[at + 1] in UNITS:
            continue
        for step in (-1, 1):
            # the noun next to a number, or to the list of numbers that contains it
            places = range(at + step, at + 9 * step, step)
            for beside in places if step > 0 else (place for place in places if place >= 0):
                if beside >= len(line.words):
                    break
                if beside not in numbers and line.words[beside] not in _JOINING:
                    if line.stems[beside].isalpha():
                        labels.setdefault((line.stems[beside], step), set()).add(value)
                    break
    return {key: frozenset(sizes) for key, sizes in labels.items()}


def _number(word: str) -> Fraction | None:
    if word[:1].isdecimal():
        if word.isascii() and word.isdigit() and len(word) <= _PLAIN_DIGITS:
            return Fraction(int(word))
        if word.replace(".", "").replace(",", "").isdecimal():
            return next((one.value for one in quantities(word)), None)
    return Fraction(NUMBER_WORDS[word]) if word in COUNTING_WORDS else None


def _mislaid(text: str, source: str) -> str:
    """Return a noun with another number than in the source, which belongs to another noun there."""
    if not re.search(r"\d", text):
        return ""
    for key, held in _labels(text).items():
        there = _labels(source)
        known = there.get(key, frozenset())
        if known and not held & known and held <= frozenset().union(*there.values()):
            return f"“{key[0]}” with {min(held)}; there: {min(known)}"
    return ""
