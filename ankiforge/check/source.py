"""Check that a card claims nothing that its source doesn't say.

The checks compare the quote, the answer and the subject with the source; then numbers, fractions
and months; negations, opposites and certainty; formulas, code, names, links, markup and language.
They run on cards whose text was chosen by a program. If the question comes from a comment, only the
answer is compared; pictures aren't compared at all. The checks compare words and numbers, not
meanings, so a difference that could be a rewording is only a warning.

`check_highlight_suitability` looks at how a passage was highlighted, and `check_figure_labels` at
the labels of a figure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from ankiforge.check.rules_and_text import (
    CheckContext,
    are_gaps_highlighted,
    find_quoted_sentences,
    get_answer_source_text,
    get_sentence,
    get_subject_text,
    get_titles,
    has_picture_answer,
    is_chosen_by_reader,
    is_word_meaning_card,
    join_with_context,
    make_finding,
    offers_options,
    parse_draft,
    split_clauses,
    strip_markup,
)
from ankiforge.language.detection import detect_language_name, detect_script
from ankiforge.language.lexicon import build_section_pattern, read_word_set
from ankiforge.language.normalization import normalize_words, remove_tex
from ankiforge.language.quantities import (
    DIGIT_NUMBER,
    Quantity,
    find_fractions,
    find_months,
    find_number_values,
    find_numbers,
    find_sizes_in_base_units,
    map_numbers_to_notations,
    parse_quantities,
)
from ankiforge.language.words import (
    CONTENTLESS_WORDS,
    NEGATORS,
    ORDINALS,
    TERM_PATTERN,
    find_antonyms,
    find_content_words,
    find_stems,
    split_words,
    stem_word,
)
from ankiforge.model import (
    LONG_COMMENT_DRAFTER,
    OTHER_NOTE_CHECK,
    OTHER_SCHEDULE_CHECK,
    CardContent,
    Finding,
    Highlight,
    HighlightForm,
    NoteType,
    Pair,
    Severity,
    Strings,
)
from ankiforge.model.hints import parse_schedule
from ankiforge.text import occlusion, regex, truncate
from ankiforge.text.cloze import find_image_paths
from ankiforge.text.colons import explain_ambiguous_colons
from ankiforge.text.located import extend_to_words, find_whole_words, locate_text
from ankiforge.text.normalize import (
    blank_out_code_and_urls,
    contains_text,
    find_literal_spans,
    is_same_text,
    normalize_for_comparison,
)
from ankiforge.text.sentences import find_sentence_spans

# --- quote and answer -----------------------------------------------------------------


def check_quote(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a quote that doesn't occur verbatim in the passage or its context."""
    highlight = context.highlight
    if has_picture_answer(draft, highlight):
        return
    # the passage with its context, both joined directly and separated by a break
    source_texts = (
        highlight.exact,
        highlight.sentence,
        join_with_context(highlight),
        highlight.context,
        highlight.surrounding_text,
        *highlight.markdown,
    )
    if not normalize_for_comparison(draft.quote):
        yield make_finding("quote_not_in_source", "(there is none)")
    elif not any(contains_text(text, draft.quote) for text in source_texts):
        yield make_finding("quote_not_in_source")


# An answer is reported if the source has less than this fraction of its words.
_MIN_FOUND_FRACTION = 0.5
# Matches an article or pronoun elided before a word, as in `l'aggravait` and `dell'acqua`.
_ELISION = regex(
    r"(?i)\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|all|dall|dell|nell|sull|quell)['’](?=[^\W\d_]{2})"
)
# The number of initial letters that two forms of a word must share, as in `valid`, `validity`.
_PREFIX_CHARS = 5


def check_answers(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report an answer if the source has fewer than half of its words.

    An answer that starts or ends in the middle of a word of the source is reported as well.
    """
    highlight = context.highlight
    if (
        are_gaps_highlighted(draft, highlight)
        or has_picture_answer(draft, highlight)
        or is_word_meaning_card(draft, highlight)
    ):
        return
    reading = parse_draft(draft)
    source = get_answer_source_text(highlight)
    for answer_text in reading.answers:
        bare_answer = answer_text.strip(" .")
        if _is_in_title(bare_answer, highlight):
            continue
        if contains_text(reading.question, answer_text) and offers_options(
            reading.question
        ):
            continue
        missing_words, found_fraction = _find_missing_words(answer_text, source)
        if found_fraction == 0:
            yield make_finding("answer_not_in_source", f"“{truncate(answer_text, 60)}”")
        elif found_fraction < _MIN_FOUND_FRACTION:
            yield make_finding("answer_partly", ", ".join(missing_words[:5]))
        elif draft.kind.note_type is NoteType.BASIC:
            cut_words = _find_split_words(bare_answer, source)
            if cut_words:
                yield make_finding("gap_cuts", f"“{cut_words}”")


def _is_in_title(answer: str, highlight: Highlight) -> bool:
    """Return whether an answer occurs in the title or a heading, and contains no digits."""
    if any(map(str.isdecimal, answer)):
        return False
    return find_whole_words(answer, get_titles(highlight)) is not None


def _find_split_words(answer: str, source: str) -> str:
    """Return the source text of an answer that starts or ends within a word, or "" otherwise.

    The text is extended to whole words. An answer that only lacks an inflection is accepted, such
    as `cell` for `cells`.
    """
    answer_span = locate_text(answer, source)
    if answer_span is None or find_whole_words(answer, source):
        return ""
    start, end = extend_to_words(source, answer_span)
    if not source[
        answer_span[0]
    ].isalpha():  # a number before a unit, such as the 5 in `x5 mg`
        start = answer_span[0]
    if not source[answer_span[1] - 1].isalpha():
        end = answer_span[1]
    whole_words = source[start:end]
    stems, whole_stems = (
        [*map(stem_word, split_words(text))] for text in (answer, whole_words)
    )
    return "" if stems == whole_stems else whole_words


def _find_missing_words(answer: str, source: str) -> tuple[list[str], float]:
    """Return the words of an answer that aren't in the source, and the fraction that are."""
    if _contains_whole_answer(source, answer):
        return [], 1.0
    answer = _ELISION.sub(" ", remove_tex(answer))
    source = _ELISION.sub(" ", remove_tex(source))
    content_words = find_content_words(answer)
    main_words = [word for word in content_words if word not in CONTENTLESS_WORDS]
    searched_words = list(
        dict.fromkeys(main_words or content_words or split_words(answer))
    )
    if not searched_words:
        return [], 0.0
    prefixes = _find_word_prefixes(source)
    numbers = find_numbers(source)
    missing = []
    for word in searched_words:
        # short words such as `free` and `freed` don't share enough initial letters
        forms = (
            word,
            stem_word(word),
            _COMPARISON_ENDING.sub("", word),
            _SILENT_E.sub("ed", word),
        )
        if not prefixes.isdisjoint(form[:_PREFIX_CHARS] for form in forms):
            continue
        # wrong numbers and fractions are reported by `check_numbers`
        if (
            word.isdecimal()
            or word in ("one", "two")
            or find_fractions(word)
            or not numbers.isdisjoint(find_numbers(word))
        ):
            continue
        if word in NEGATORS and not prefixes.isdisjoint(NEGATORS):
            continue
        missing.append(word)
    return missing, 1 - len(missing) / len(searched_words)


def _contains_whole_answer(source: str, answer: str) -> bool:
    """Return whether the source contains the complete answer, possibly in a different notation."""
    if find_whole_words(answer.strip(" ."), source):
        return True
    if find_whole_words(normalize_words(answer).strip(" ."), normalize_words(source)):
        return True
    # a formula has an operator and at least two other symbols
    symbols = normalize_formula(answer)
    is_formula = len(symbols) > 2 and _OPERATOR.search(symbols) is not None
    return is_formula and symbols in normalize_formula(source)


_SILENT_E = regex(r"(?<=\w\w)e\Z")
# Matches the ending of a comparative or superlative, because the source may have `low` for the
# card's `lower`.
_COMPARISON_ENDING = regex(r"(?<=\w{3})(?:er|est)\Z")


@lru_cache(maxsize=256)
def _find_word_prefixes(source: str) -> frozenset[str]:
    words = split_words(source)
    forms = (*words, *map(stem_word, words))
    return frozenset(form[:_PREFIX_CHARS] for form in forms)


# --- subject --------------------------------------------------------------------------

# The minimum fraction of the words of an answer, and the minimum number of words of the
# question, that must be in the highlight. Words match if their first letters do, because a
# question in the reader's own words inflects them differently from the passage.
_MIN_MARKED_FRACTION = 0.5
_MIN_MARKED_WORDS = 2


def check_fact_is_highlighted(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a card about a fact that is outside the highlighted text.

    The text around a highlight may name the subject of a card, but must not provide the answer.
    """
    highlight = context.highlight
    if is_chosen_by_reader(draft, highlight):
        return
    if is_same_text(get_sentence(highlight), highlight.exact):
        return
    reading = parse_draft(draft)
    marked_stems = _find_stem_prefixes(highlight.exact)
    if not marked_stems:
        return
    for answer in reading.answers:
        answer_stems = _find_stem_prefixes(answer)
        if not answer_stems:
            return
        marked_fraction = len(answer_stems & marked_stems) / len(answer_stems)
        if marked_fraction >= _MIN_MARKED_FRACTION:
            return
    marked_word_count = len(_find_stem_prefixes(reading.question) & marked_stems)
    if marked_word_count < min(_MIN_MARKED_WORDS, len(marked_stems)):
        yield make_finding("beside_the_mark")


def _find_stem_prefixes(text: str) -> frozenset[str]:
    return frozenset(word[:_PREFIX_CHARS] for word in find_stems(text))


# === numbers ==========================================================================

# Smaller spelled-out numbers aren't compared, because `one` and `two` often don't state a
# number: “two threads” may be “both threads” in the source.
_MIN_SPELLED_NUMBER = 3


def check_numbers(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report numbers that aren't in the source, or have a different unit, sign or era there."""
    reading = parse_draft(draft)
    source = get_answer_source_text(context.highlight)
    source_and_title = f"{source}\n{get_subject_text(context.highlight)}"
    ungrounded_numbers: list[str] = []
    if not draft.origin.is_from_comment:
        ungrounded_numbers += _find_ungrounded_numbers(reading.question, source_and_title)
    answer_source = source
    if is_word_meaning_card(draft, context.highlight):
        answer_source = source_and_title
    for answer in reading.answers:
        ungrounded_numbers += _find_ungrounded_numbers(answer, answer_source)
    if ungrounded_numbers:
        yield make_finding(
            "ungrounded_number", ", ".join(dict.fromkeys(ungrounded_numbers))
        )
        return
    plain_source = blank_out_code_and_urls(source)
    for text in reading.answers if draft.origin.is_from_comment else (reading.full_text,):
        for quantity in parse_quantities(blank_out_code_and_urls(text)):
            stated_as = _find_conflicting_number(quantity, plain_source)
            # a formula of the card has lost its dollar signs, so the source's formulas count, too
            if stated_as and _find_conflicting_number(quantity, source):
                yield make_finding(
                    "number_altered", f"{quantity.text}; there: {stated_as}"
                )
                return


# --- numbers that the source lacks ----------------------------------------------------


def _find_ungrounded_numbers(text: str, source: str) -> Iterator[str]:
    yield from _find_ungrounded_digits(text, source)
    for quantity in parse_quantities(text):
        # only numbers with a unit and larger spelled-out numbers can be compared by size
        is_comparable = quantity.unit != ""
        if quantity.is_spelled:
            is_comparable = quantity.value >= _MIN_SPELLED_NUMBER
        if is_comparable and not _contains_equal_quantity(source, quantity):
            yield quantity.text
    for fraction_word, value in find_fractions(text).items():
        if fraction_word.rstrip("s") in source.casefold():
            continue
        if find_number_values(source).isdisjoint((value, value * 100)):
            yield fraction_word
    yield from _find_ungrounded_months(text, source)


def _find_ungrounded_months(text: str, source: str) -> Iterator[str]:
    """Yield the months in a text that aren't in its source.

    If the source names no month at all, nothing is yielded.
    """
    named_months = find_months(text)
    source_months = set(find_months(source).values()) if named_months else set()
    for name, month in named_months.items():
        if source_months and month not in source_months:
            yield name


def _find_ungrounded_digits(text: str, source: str) -> Iterator[str]:
    source_digits = set(DIGIT_NUMBER.findall(source)) if source.isascii() else set()
    for number, notations in map_numbers_to_notations(text).items():
        if not source_digits.isdisjoint(notations):  # a fast test that decides most cases
            continue
        if not find_numbers(source).isdisjoint(notations):
            continue
        # the source may write the card's `3 million` as `3,000,000`
        matching_quantities = [
            quantity for quantity in parse_quantities(text) if number in quantity.text
        ]
        if not any(
            _contains_equal_quantity(source, quantity) for quantity in matching_quantities
        ):
            yield number


def _contains_equal_quantity(source: str, quantity: Quantity) -> bool:
    return abs(quantity.value) in find_number_values(
        source
    ) or quantity.size_in_base_unit in find_sizes_in_base_units(source)


# --- numbers with another unit, sign or era -------------------------------------------


def _find_conflicting_number(quantity: Quantity, source: str) -> str:
    """Return the number as the source has it, if its unit, sign or era differs there.

    Return "" if there is no such conflict.
    """
    size = abs(quantity.value)
    same_size_quantities = [
        stated for stated in parse_quantities(source) if abs(stated.value) == size
    ]
    if not same_size_quantities:
        return ""
    first_shown = same_size_quantities[0].text
    source_units = {stated.unit for stated in same_size_quantities} - {""}
    if quantity.unit and source_units and quantity.unit not in source_units:
        # no conflict if it is the same quantity in another unit, such as 5 g and 5,000 mg
        dimension, base = quantity.size_in_base_unit
        return (
            ""
            if (dimension, abs(base)) in find_sizes_in_base_units(source)
            else first_shown
        )
    if not any(
        (stated.value < 0) == (quantity.value < 0) for stated in same_size_quantities
    ):
        return first_shown
    source_eras = {stated.era for stated in same_size_quantities}
    if quantity.era and "" not in source_eras and quantity.era not in source_eras:
        return first_shown
    return ""


# === meaning ==========================================================================

# If one of these words is present, a sentence may mean the same with and without a negation.
_NEGATION_NEUTRAL = read_word_set("meaning", "excused")
# A card repeats its source if the source has at least this fraction of the card's words.
_REPETITION_FRACTION = 0.8
_HEDGES = read_word_set("meaning", "hedges")
_SOFTENERS = _HEDGES | read_word_set("meaning", "soft")
_ABSOLUTES = read_word_set("meaning", "absolutes")
# Matches uses of hedging words that aren't hedges: the month of May, and `could` about the
# past, as in `until it could …`.
_NOT_A_HEDGE = regex(
    r"\bMay\b|(?i:\b(?:until|till|before|so that|that)\s+(?:[\w'’-]+\s+){1,5}?could\b)"
    r"|(?i:\bsuggest(?:s|ed)?\s+(?:you|we|they|i|he|she)\b)"  # advice
)
_ORDER_WORDS = read_word_set("meaning", "relations")
_COMPARISON_WORDS = read_word_set("meaning", "than")
_IDIOM = regex(rf"(?<= )(?:{build_section_pattern('meaning', 'idioms')})(?= )")
_FUNCTION_WORDS = (
    CONTENTLESS_WORDS
    | read_word_set("cues", "articles")
    | read_word_set("cues", "prepositions")
)
# The number of words in the scope of the source's hedge that a card has to repeat to be
# reported as more certain.
_MIN_HEDGED_WORDS = 2
# The number of content words after a negation or hedge that are in its scope.
_SCOPE_WORDS = 3


def check_meaning(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a card that may contradict its source or be more certain than its source.

    That is, the card adds or omits a negation, uses the opposite of a word in the source, or
    states without reserve what the source only suggests. The thresholds were chosen with correct
    cards and deliberately false ones (`benchmarks/lies.py`).
    """
    highlight = context.highlight
    if is_chosen_by_reader(draft, highlight):
        return
    evidence_text = find_quoted_sentences(draft, highlight)
    reading = parse_draft(draft)
    is_question = draft.kind.note_type is NoteType.BASIC
    card_words = split_words(reading.full_text)
    evidence_words = split_words(evidence_text)
    # the words that make a claim, which in a question card are only those of the answer
    answers = " ".join(reading.answers)
    claim_words = split_words(answers) if is_question else card_words

    if not (is_question and offers_options(reading.question)):
        # a negation at the end of a question doesn't negate the answer
        scope_words = card_words
        question_words = split_words(reading.question) if is_question else []
        if not NEGATORS.isdisjoint(question_words):
            scope_words = _find_scope_words(question_words, NEGATORS) and card_words
        negated_words = _find_negated_words(
            card_words,
            scope_words,
            claim_words,
            evidence_words,
            _find_closest_clause(
                evidence_text, card_words, answers if is_question else ""
            ),
        )
        if negated_words:
            yield make_finding("negation", f"“{' '.join(sorted(negated_words))}”")
            return
        for word, opposite in _find_opposites(card_words, evidence_words):
            detail = f"the card says “{word}”, the source “{opposite}”"
            yield make_finding("opposite", detail)
            return
    yield from _check_certainty(card_words, claim_words, evidence_text)


def _find_closest_clause(text: str, card_words: list[str], answers: str) -> list[str]:
    """Return the words of the clause in a text that shares the most stems with a card.

    Negations in other clauses may be about something else. If `answers` isn't "", the clause must
    also share a stem with the answers. Return [] if there is no such clause.
    """
    card_stems = set(map(stem_word, card_words))
    answer_stems = find_stems(answers)
    best_clause: list[str] = []
    max_shared = -1
    for clause_words in map(split_words, split_clauses(text)):
        clause_stems = set(map(stem_word, clause_words))
        if answers and answer_stems.isdisjoint(clause_stems):
            continue
        shared_count = len(clause_stems & card_stems)
        if shared_count > max_shared:
            best_clause = clause_words
            max_shared = shared_count
    return best_clause


def _check_certainty(
    card_words: list[str], claim_words: list[str], evidence_text: str
) -> Iterator[Finding]:
    """Report a card that is more certain than its source.

    For example, the card adds `always` or leaves out `may`.
    """
    if not _SOFTENERS.isdisjoint(card_words):
        return
    evidence_words = split_words(evidence_text)
    evidence_set = frozenset(evidence_words)
    added_absolutes = [word for word in claim_words if word in _ABSOLUTES - evidence_set]
    if added_absolutes:
        if not _SOFTENERS.isdisjoint(evidence_words):
            yield make_finding("certainty", f"“{added_absolutes[0]}”")
    elif NEGATORS.isdisjoint(card_words):
        words_without_false_hedges = split_words(_NOT_A_HEDGE.sub(" ", evidence_text))
        hedged_words = _find_scope_words(words_without_false_hedges, _HEDGES)
        hedged_stems = frozenset(map(stem_word, hedged_words))
        repeated_stems = hedged_stems.intersection(map(stem_word, card_words))
        min_repeated = min(_MIN_HEDGED_WORDS, len(hedged_stems))
        if hedged_stems and len(repeated_stems) >= min_repeated:
            hedge = min(_HEDGES.intersection(words_without_false_hedges))
            yield make_finding("certainty", f"without “{hedge}”")


def _find_negated_words(
    card_words: list[str],
    scope_words: list[str],
    claim_words: list[str],
    evidence_words: list[str],
    clause: list[str],
) -> frozenset[str]:
    """Return words showing that the card is negated but its source isn't, or vice versa.

    If the card nearly repeats its source, these are the negations, and otherwise the words that
    are negated. The result is empty if there is no such difference.
    """
    has_negation = not NEGATORS.isdisjoint(card_words)
    # the card may nearly repeat its source, but add or omit a negation
    claim_stems = frozenset(map(stem_word, claim_words)) - CONTENTLESS_WORDS - NEGATORS
    repeated_stems = claim_stems.intersection(map(stem_word, evidence_words))
    if len(claim_stems) > 1 and len(repeated_stems) >= _REPETITION_FRACTION * len(
        claim_stems
    ):
        card_negators = NEGATORS.intersection(claim_words)
        if card_negators and NEGATORS.isdisjoint(evidence_words):
            return card_negators
        clause_negators = NEGATORS.intersection(clause)
        if clause_negators and claim_words == card_words and not has_negation:
            return clause_negators
    # the words that one text negates may be in the other text without a negation
    if not _NEGATION_NEUTRAL.isdisjoint((*card_words, *clause)):
        return frozenset()
    for negating_words, other_words in ((scope_words, clause), (clause, card_words)):
        negated_words = _find_scope_words(negating_words, NEGATORS)
        is_affirmed = NEGATORS.isdisjoint(other_words)
        if (
            negated_words
            and is_affirmed
            and {*map(stem_word, negated_words)}.issubset(map(stem_word, other_words))
        ):
            return frozenset(negated_words)
    return frozenset()


def _find_scope_words(words: list[str], triggers: frozenset[str]) -> list[str]:
    """Return the words that a negation or hedge applies to.

    These are assumed to be the first few content words after the first of the `triggers`.
    """
    indexes = (index for index, word in enumerate(words) if word in triggers)
    first_index = next(indexes, len(words))
    skipped_words = CONTENTLESS_WORDS | triggers
    following_words = [
        word for word in words[first_index + 1 :] if word not in skipped_words
    ]
    return following_words[:_SCOPE_WORDS]


def _find_opposites(card_words: list[str], evidence_words: list[str]) -> Iterator[Pair]:
    """Yield (word, opposite) for each word of the card whose opposite is in the source."""
    card_words, evidence_words = (
        _IDIOM.sub(" ", f" {' '.join(words)} ").split()
        for words in (card_words, evidence_words)
    )
    card_forms = {*card_words, *map(stem_word, card_words)}
    evidence_forms = {*evidence_words, *map(stem_word, evidence_words)}
    for index, word in enumerate(card_words):
        opposites = find_antonyms(word)
        if (
            not evidence_forms.isdisjoint((word, stem_word(word)))
            or not opposites.isdisjoint(card_forms)
            or opposites.isdisjoint(evidence_forms)
        ):
            continue
        opposite_index = next(
            index
            for index, other in enumerate(evidence_words)
            if not opposites.isdisjoint((other, stem_word(other)))
        )
        # neither word is the opposite of the other in `have no chlorophyll` or `a second
        # page`
        if _is_next_to_negation(card_words, index) != _is_next_to_negation(
            evidence_words, opposite_index
        ) or (word in ORDINALS and card_words[:index][-1:] in (["a"], ["another"])):
            continue
        if not _is_comparison_restated(card_words, index, evidence_words, opposite_index):
            yield word, evidence_words[opposite_index]


def _is_comparison_restated(
    card_words: list[str], index: int, evidence_words: list[str], opposite_index: int
) -> bool:
    """Return whether two texts state the same comparison, but in the opposite direction.

    For example, “A before B” means the same as “B after A”. `index` and `opposite_index` are the
    positions of the opposite words, here `before` and `after`.
    """
    is_order_word = card_words[index] in _ORDER_WORDS
    all_words = (*card_words, *evidence_words)
    if not is_order_word and _COMPARISON_WORDS.isdisjoint(all_words):
        return False
    left, right = _split_stems_around(card_words, index)
    other_left, other_right = _split_stems_around(evidence_words, opposite_index)
    if is_order_word and not {*left}.isdisjoint(other_right[:1]):
        # in `after sleep, …`, the words that follow are the left side of `after`
        return True
    same_order_count = len({*left} & {*other_left}) + len({*right} & {*other_right})
    swapped_count = len({*left} & {*other_right}) + len({*right} & {*other_left})
    return bool(right) and swapped_count > same_order_count


def _is_next_to_negation(words: list[str], index: int) -> bool:
    return not NEGATORS.isdisjoint((*words[:index][-1:], *words[index + 1 :][:1]))


def _split_stems_around(words: list[str], index: int) -> tuple[list[str], list[str]]:
    """Return the stems of the content words before and after the word at `index`."""
    before, after = (
        [stem_word(word) for word in side if word not in _FUNCTION_WORDS]
        for side in (words[:index], words[index + 1 :])
    )
    return before, after


# === foreign ==========================================================================


def get_all_source_text(highlight: Highlight) -> str:
    """Return everything that is known of the source, both as plain text and as Markdown."""
    return "\n".join(
        (
            get_answer_source_text(highlight),
            get_subject_text(highlight),
            *highlight.markdown,
        )
    )


# --- formulae, code, names ------------------------------------------------------------

_SYMBOLS = regex(r"[\s{}^_()\[\]$*·×⋅`]|\\[,;:! ]")
_OPERATOR = regex(r"[=+\-*/<>≤≥≠√∑∫→·|]|\\[a-z]{3,}|[\^_]")
_MAX_FORMULA_CHARS = 8000


@lru_cache(maxsize=256)
def normalize_formula(text: str) -> str:
    r"""Reduce a formula to its symbols in a uniform notation, e.g. `\frac{a}{b}` to `a/b`."""
    plain = re.sub("[−–—]", "-", remove_tex(text[:_MAX_FORMULA_CHARS]))
    plain = unicodedata.normalize("NFKC", plain).replace("⁄", "/")
    plain = plain.replace("->", "→").replace("<=", "≤").replace(">=", "≥")
    return _SYMBOLS.sub("", plain)


# Matches a capitalised word that is within a sentence or before another capitalised word.
_NAME = regex(r"(?<=[^\s.!?:•*-][ ])[A-Z][^\W\d_]{2,}\b|^[A-Z][^\W\d_]{2,}(?=\s[A-Z])")


def check_formulas_code_and_names(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a formula, code or name in an answer that isn't in the source."""
    highlight = context.highlight
    if is_chosen_by_reader(draft, highlight) or is_word_meaning_card(draft, highlight):
        return
    reading = parse_draft(draft)
    source = get_all_source_text(highlight)
    if draft.kind.note_type is NoteType.BASIC:
        answers: Strings = (draft.get_field("Back"),)
    else:
        answers = tuple(gap.answer for gap in reading.gaps)
    for text in answers:
        for start, end, kind in find_literal_spans(text):
            shielded_text = text[start:end]
            if kind != "escape" and normalize_formula(
                shielded_text
            ) not in normalize_formula(source):
                code = shielded_text.strip("`$ ")[:60]
                yield make_finding("literal", f"“{code}”")
                return

    creators = " ".join(highlight.document.creators)
    for name in _find_unknown_names(reading.answers, source, creators):
        yield make_finding("name_in_answer", f"“{name}”")
        return


def _find_unknown_names(answers: Strings, source: str, creators: str) -> Iterator[str]:
    if detect_language_name(source) == "German":
        return  # every German noun begins with a capital
    known_text = normalize_for_comparison(f"{source}\n{creators}")
    known_text = f"{known_text}\n{known_text.replace('.', '')}"  # US matches U.S.
    for text in answers:
        for name in (*TERM_PATTERN.findall(text), *_NAME.findall(text)):
            if name.casefold() in _FUNCTION_WORDS:
                continue  # the first word of a sentence
            if normalize_for_comparison(name).removesuffix("s") not in known_text:
                yield name


# --- foreign links, active markup, phrases from model conversations -------------------


_URL_PATTERNS = (
    regex(r"(?i)((?:https?|ftp)://[^\s)>\]\"']+|\bwww\.[^\s)>\]\"']+|\bdoi:\s?10\.\S+)"),
    regex(r"!?\[[^\]\n]{0,300}\]\(([^)\s]{1,500})\)"),
    regex(r"!\[\[([^\]\n|]{1,300})"),
)
_ACTIVE_MARKUP = regex(
    r"(?i)<\s*+/?+\s*+(?:script|iframe|object|embed|style|form|svg|meta|link|base|img"
    r"|video|audio)\b"
    r"|\bon(?:error|load|click|mouseover)\s*=|javascript:|data:text/html|\[sound:"
    r"|\[latex\]"
)


_CHATBOT_PHRASE = regex(
    r"(?i)\b(?:as an ai|as a (?:large )?language model|i(?:'m| am) (?:sorry|unable)"
    r"|i cannot (?:help|create|assist)|(?:ignore|disregard|forget) (?:all |any |the "
    r"|your )*"
    r"(?:previous|prior|above|earlier) (?:instructions?|prompts?|messages?)|system prompt"
    r"|here (?:is|are) (?:the|your|a) (?:flash ?)?cards?|given (?:passage|highlight|text)"
    r"|(?:add|include|write|output|create) (?:a|the|this|one) (?:flash)?cards?)\b"
)
# A quick test for texts that can't match, because `_CHATBOT_PHRASE` is slow: it has to be tried at
# every letter.
_CHATBOT_WORDS = (
    *("as an ai", "language model", "sorry", "unable", "i cannot", "instruction"),
    *("prompt", "message", "card", "given passage", "given highlight", "given text"),
)


def _find_chatbot_phrase(text: str) -> re.Match[str] | None:
    folded = text.casefold()
    may_match = any(word in folded for word in _CHATBOT_WORDS)
    return _CHATBOT_PHRASE.search(text) if may_match else None


def check_links(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first URL that is in neither the passage nor the document's metadata."""
    highlight = context.highlight
    text = "\n".join(text for _, text in draft.fields)
    urls = [
        match[1].rstrip(".,;:!?)")
        for pattern in _URL_PATTERNS
        for match in pattern.finditer(text)
    ]
    if not urls:
        return
    document = highlight.document
    source_texts = [
        get_all_source_text(highlight),
        *highlight.links,
        highlight.uri,
        document.uri,
        *(value for _, value in document.identifiers),
    ]
    known_text = "\n".join(source_texts)
    for url in urls:
        if not contains_text(known_text, url):
            yield make_finding("foreign_link", url[:60])
            return


def check_active_markup(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report active markup, such as a script, that isn't in the source."""
    markup = _ACTIVE_MARKUP.search("\n".join(text for _, text in draft.fields))
    if markup:
        source = get_all_source_text(context.highlight)
        if not contains_text(source, markup[0]):
            yield make_finding("foreign_markup", markup[0])


def check_chatbot_phrases(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report phrases that a model says in a conversation, such as “as an AI”.

    If the source itself has such a phrase in the sentence with the answer, only warn.
    """
    if draft.origin.is_from_comment:
        return
    source = get_answer_source_text(context.highlight)
    text = "\n".join(text for _, text in draft.fields)
    card_talk = _find_chatbot_phrase(strip_markup(text))
    if card_talk and not contains_text(source, card_talk[0]):
        yield make_finding("model_talk", f"“{card_talk[0]}”")
        return
    if not _find_chatbot_phrase(source):
        return
    # the document contains such talk, perhaps because it is about models, so only warn
    answers = list(filter(None, parse_draft(draft).answers))
    for start, end in find_sentence_spans(source):
        sentence = source[start:end]
        source_talk = _CHATBOT_PHRASE.search(sentence)
        if source_talk and any(contains_text(sentence, answer) for answer in answers):
            detail = f"“{source_talk[0]}”"
            yield make_finding("model_talk", detail, severity=Severity.WARN)
            return


# --- language -------------------------------------------------------------------------


def check_language(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a card that is in another language or script than its highlight and comment."""
    highlight = context.highlight
    if is_chosen_by_reader(draft, highlight):
        return
    card = parse_draft(draft).full_text
    passage = get_sentence(highlight)
    other_texts = [
        highlight.exact,
        highlight.comment if highlight.comment_is_instruction else "",
    ]
    for detect in (detect_script, detect_language_name):
        card_language = detect(card)
        passage_language = detect(passage)
        if not card_language or not passage_language or card_language == passage_language:
            continue
        if card_language not in map(detect, other_texts):
            yield make_finding(
                "other_language", f"{card_language}, not {passage_language}"
            )
            return


# === marks ============================================================================

# --- lines with `::` ------------------------------------------------------------------


def check_highlight_suitability(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a highlight that may be incomplete, no card at all, or a card of another tool.

    For example, a line with `::` may be metadata or code. Images that can't be read are reported
    as well.
    """
    highlight = context.highlight
    if highlight.form is HighlightForm.INLINE_FIELD:
        yield make_finding("inline_field", explain_ambiguous_colons(highlight.exact))
    if draft.origin.drafter == LONG_COMMENT_DRAFTER:
        yield make_finding("says_more")
    if highlight.may_continue:
        yield make_finding("open_end")
    if highlight.other_tool_note_id:
        yield make_finding(OTHER_NOTE_CHECK, str(highlight.other_tool_note_id))
    if parse_schedule(highlight.tool_schedule):
        yield make_finding(OTHER_SCHEDULE_CHECK)
    yield from _check_pictures(draft, context)


def _check_pictures(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    all_text = "\n".join(text for _, text in draft.fields)
    for problem in map(context.find_picture_problem, find_image_paths(all_text)):
        if problem:
            yield make_finding("unreadable_picture", problem)


# --- figures --------------------------------------------------------------------------


NO_LABEL = "no_label"
"""The id of the rule about figures without a label to blank out."""
MANY_LABELS = "many_labels"
"""The id of the rule about figures with more labels than can be learned from one image."""
MAX_LABELS = 40
"""The maximum number of labels on a figure. A detailed textbook drawing has 40."""


def check_figure_labels(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a figure that has no labels, too many labels, or an image that can't be read."""
    masks = occlusion.get_masks(draft.fields)
    if not masks.active_masks:
        hint = "no label found; draw one: ankiforge review"
        yield Finding(NO_LABEL, Severity.BLOCK, hint)
    count = len(masks.active_masks)
    if count > MAX_LABELS:
        hint = f"{count} labels make {count} cards; switch off those you do not want to learn"
        yield Finding(MANY_LABELS, Severity.WARN, hint)
    yield from _check_pictures(draft, context)
