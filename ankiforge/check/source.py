"""Check that a card takes its words from its source.

The checks compare the quote, the answer and the subject with the source, and then formulas, code,
names, links, markup and language. `numbers` and `meaning` compare the rest. They run on cards whose
text was chosen by a program. If the question comes from a comment, only the answer is compared;
pictures aren't compared at all.

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
    strip_markup,
)
from ankiforge.language.detection import (
    UNKNOWN,
    detect_language_name,
    detect_script,
)
from ankiforge.language.normalization import normalize_words, remove_tex
from ankiforge.language.quantities import (
    find_fractions,
    find_numbers,
)
from ankiforge.language.words import (
    CONTENTLESS_WORDS,
    NEGATORS,
    TERM_PATTERN,
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
    Severity,
    Strings,
)
from ankiforge.model.hints import parse_schedule
from ankiforge.text import occlusion, regex, truncate
from ankiforge.text.cloze import find_image_paths
from ankiforge.text.colons import explain_ambiguous_colons
from ankiforge.text.located import extend_to_words, find_whole_words, locate_text
from ankiforge.text.normalize import (
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


# An answer is reported if the source lacks more than this fraction of its words.
_MAX_MISSING_FRACTION = 0.5
# Matches an article or pronoun elided before a word, as in `l'aggravait` and `dell'acqua`.
_ELISION = regex(
    r"(?i)\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|un|all|dall|dell|nell|sull|quell)['’](?=[^\W\d_]{2})"
)
# The number of initial letters that two forms of a word must share, as in `valid`, `validity`.
_PREFIX_CHARS = 5
_SILENT_E = regex(r"(?<=\w\w)e\Z")
# Matches the ending of a comparative or superlative, because the source may have `low` for the
# card's `lower`.
_COMPARISON_ENDING = regex(r"(?<=\w{3})(?:er|est)\Z")


def check_answers(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report an answer if the source lacks most of its words.

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
    for answer in reading.answers:
        if _is_in_title(answer, highlight) or _is_option(answer, reading.question):
            continue
        finding = _compare_answer(answer, source)
        if finding is not None:
            yield finding
        elif draft.kind.note_type is NoteType.BASIC:
            yield from _find_cut_word(answer, source)


def _is_in_title(answer: str, highlight: Highlight) -> bool:
    """Return whether an answer occurs in the title or a heading, and contains no digits."""
    if any(map(str.isdecimal, answer)):
        return False
    return find_whole_words(answer.strip(" ."), get_titles(highlight)) is not None


def _is_option(answer: str, question: str) -> bool:
    """Return whether an answer is one of the possible answers that a question lists."""
    return contains_text(question, answer) and offers_options(question)


def _compare_answer(answer: str, source: str) -> Finding | None:
    """Return a finding if the source lacks most words of an answer, or None."""
    if _contains_whole_answer(source, answer):
        return None
    words = _list_main_words(_remove_elisions(answer))
    plain_source = _remove_elisions(source)
    missing = [word for word in words if not _has_form_of(plain_source, word)]
    if len(missing) == len(words):
        return make_finding("answer_not_in_source", f"“{truncate(answer, 60)}”")
    if len(missing) > len(words) * _MAX_MISSING_FRACTION:
        return make_finding("answer_partly", ", ".join(missing[:5]))
    return None


def _contains_whole_answer(source: str, answer: str) -> bool:
    """Return whether the source contains the complete answer, possibly in a different notation."""
    if find_whole_words(answer.strip(" ."), source):
        return True
    if find_whole_words(normalize_words(answer).strip(" ."), normalize_words(source)):
        return True
    return _contains_formula(source, answer)


def _contains_formula(source: str, answer: str) -> bool:
    """Return whether an answer is a formula that the source contains.

    A formula has an operator and at least two other symbols.
    """
    symbols = normalize_formula(answer)
    if len(symbols) <= 2 or not _OPERATOR.search(symbols):
        return False
    return symbols in normalize_formula(source)


def _remove_elisions(text: str) -> str:
    return _ELISION.sub(" ", remove_tex(text))


def _list_main_words(answer: str) -> list[str]:
    """Return the distinct content words of an answer, or all its words if it has none."""
    content_words = find_content_words(answer)
    main_words = [word for word in content_words if word not in CONTENTLESS_WORDS]
    for words in (main_words, content_words):
        if words:
            return list(dict.fromkeys(words))
    return list(dict.fromkeys(split_words(answer)))


def _has_form_of(source: str, word: str) -> bool:
    """Return whether a source has a word in some inflection.

    A negation matches any other, and a number any number of the same value. A number in digits, a
    fraction, and `one` and `two`, which often state no number, are assumed to be in the source,
    because `check_numbers` compares values.
    """
    source_prefixes = _find_word_prefixes(source)
    if any(form[:_PREFIX_CHARS] in source_prefixes for form in _list_forms(word)):
        return True
    if word in NEGATORS:
        return not source_prefixes.isdisjoint(NEGATORS)
    if word.isdecimal() or word in ("one", "two") or find_fractions(word):
        return True
    return not find_numbers(word).isdisjoint(find_numbers(source))


def _list_forms(word: str) -> Strings:
    """Return a word, its stem, and how it may be in the source if it is short.

    Short words don't share enough initial letters: `free` may be `freed`, and `lower` may be `low`.
    """
    past_form = _SILENT_E.sub("ed", word)
    positive_form = _COMPARISON_ENDING.sub("", word)
    return word, stem_word(word), past_form, positive_form


@lru_cache(maxsize=256)
def _find_word_prefixes(source: str) -> frozenset[str]:
    words = split_words(source)
    forms = (*words, *map(stem_word, words))
    return frozenset(form[:_PREFIX_CHARS] for form in forms)


def _find_cut_word(answer: str, source: str) -> Iterator[Finding]:
    """Report an answer that starts or ends within a word of the source.

    An answer that only lacks an inflection is accepted, such as `cell` for `cells`.
    """
    bare_answer = answer.strip(" .")
    if find_whole_words(bare_answer, source):
        return
    span = locate_text(bare_answer, source)
    if span is None:
        return
    start, end = span
    word_start, word_end = extend_to_words(source, span)
    # a digit may follow or precede a letter, as in `x5 mg`
    if source[start].isalpha():
        start = word_start
    if source[end - 1].isalpha():
        end = word_end
    whole_words = source[start:end]
    if _stem_words(bare_answer) != _stem_words(whole_words):
        yield make_finding("gap_cuts", f"“{whole_words}”")


def _stem_words(text: str) -> list[str]:
    return [stem_word(word) for word in split_words(text)]


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
    marked_stems = _find_stem_prefixes(highlight.exact)
    if not marked_stems:
        return
    reading = parse_draft(draft)
    if any(_may_be_marked(answer, marked_stems) for answer in reading.answers):
        return
    shared_stems = _find_stem_prefixes(reading.question) & marked_stems
    if len(shared_stems) < min(_MIN_MARKED_WORDS, len(marked_stems)):
        yield make_finding("beside_the_mark")


def _may_be_marked(answer: str, marked_stems: frozenset[str]) -> bool:
    """Return whether at least half of an answer's content words, if any, are highlighted."""
    stems = _find_stem_prefixes(answer)
    return len(stems & marked_stems) >= len(stems) * _MIN_MARKED_FRACTION


def _find_stem_prefixes(text: str) -> frozenset[str]:
    return frozenset(word[:_PREFIX_CHARS] for word in find_stems(text))


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
    """Report a formula or code in an answer, and a name, that isn't in the source."""
    highlight = context.highlight
    if is_chosen_by_reader(draft, highlight) or is_word_meaning_card(draft, highlight):
        return
    reading = parse_draft(draft)
    source = get_all_source_text(highlight)
    if draft.kind.note_type is NoteType.BASIC:
        answers: Strings = (draft.get_field("Back"),)
    else:
        answers = tuple(gap.answer for gap in reading.gaps)
    for literal in _find_unknown_literals(answers, source):
        yield make_finding("literal", f"“{literal.strip('`$ ')[:60]}”")
        return
    creators = " ".join(highlight.document.creators)
    for name in _find_unknown_names(reading.answers, source, creators):
        yield make_finding("name_in_answer", f"“{name}”")
        return


def _find_unknown_literals(answers: Strings, source: str) -> Iterator[str]:
    """Yield the formulas and code of some answers in Markdown that a source lacks."""
    for answer in answers:
        for start, end, kind in find_literal_spans(answer):
            if kind == "escape":
                continue
            literal = answer[start:end]
            if normalize_formula(literal) not in normalize_formula(source):
                yield literal


def _find_unknown_names(answers: Strings, source: str, creators: str) -> Iterator[str]:
    if detect_language_name(source) == "German":
        return  # every German noun begins with a capital
    known_text = normalize_for_comparison(f"{source}\n{creators}")
    known_text = f"{known_text}\n{known_text.replace('.', '')}"  # US matches U.S.
    for text in answers:
        for name in (*TERM_PATTERN.findall(text), *_NAME.findall(text)):
            if name.casefold() in CONTENTLESS_WORDS:
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


def _find_chatbot_phrase(text: str) -> str | None:
    folded = text.casefold()
    if not any(word in folded for word in _CHATBOT_WORDS):
        return None
    phrase = _CHATBOT_PHRASE.search(text)
    if phrase is None:
        return None
    return phrase[0]


def check_links(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report the first URL that is in neither the passage nor the document's metadata."""
    urls = _find_urls(_join_fields(draft))
    if not urls:
        return
    highlight = context.highlight
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


def _find_urls(text: str) -> list[str]:
    urls = []
    for pattern in _URL_PATTERNS:
        urls += [match[1].rstrip(".,;:!?)") for match in pattern.finditer(text)]
    return urls


def _join_fields(draft: CardContent) -> str:
    return "\n".join(text for _, text in draft.fields)


def check_active_markup(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report active markup, such as a script, that isn't in the source."""
    markup = _ACTIVE_MARKUP.search(_join_fields(draft))
    if markup is None:
        return
    if not contains_text(get_all_source_text(context.highlight), markup[0]):
        yield make_finding("foreign_markup", markup[0])


def check_chatbot_phrases(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report phrases that a model says in a conversation, such as “as an AI”.

    If the source itself has such a phrase in the sentence with the answer, only warn.
    """
    if draft.origin.is_from_comment:
        return
    source = get_answer_source_text(context.highlight)
    phrase = _find_chatbot_phrase(strip_markup(_join_fields(draft)))
    if phrase is not None and not contains_text(source, phrase):
        yield make_finding("model_talk", f"“{phrase}”")
        return
    # the document contains such talk, perhaps because it is about models, so only warn
    phrase = _find_chatbot_phrase_beside(parse_draft(draft).answers, source)
    if phrase is not None:
        yield make_finding("model_talk", f"“{phrase}”", severity=Severity.WARN)


def _find_chatbot_phrase_beside(answers: Strings, source: str) -> str | None:
    """Return the first phrase of a model in a sentence of the source that has an answer."""
    if _find_chatbot_phrase(source) is None:
        return None
    for start, end in find_sentence_spans(source):
        sentence = source[start:end]
        phrase = _find_chatbot_phrase(sentence)
        if phrase is None:
            continue
        if any(contains_text(sentence, answer) for answer in filter(None, answers)):
            return phrase
    return None


# --- language -------------------------------------------------------------------------


def check_language(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report a card that is in another language or script than its highlight and comment."""
    highlight = context.highlight
    if is_chosen_by_reader(draft, highlight):
        return
    card = parse_draft(draft).full_text
    passage = get_sentence(highlight)
    other_texts = [highlight.exact]
    if highlight.comment_is_instruction:
        other_texts.append(highlight.comment)
    for detect in (detect_script, detect_language_name):
        language = detect(card)
        passage_language = detect(passage)
        if UNKNOWN in (language, passage_language):
            continue
        if language not in map(detect, (passage, *other_texts)):
            yield make_finding("other_language", f"{language}, not {passage_language}")
            return


# === marks ============================================================================

# --- lines with `::` ------------------------------------------------------------------


def check_highlight_suitability(
    draft: CardContent, context: CheckContext
) -> Iterator[Finding]:
    """Report a highlight that may be incomplete, no card at all, or a card of another tool.

    For example, a line with `::` may be metadata or code.
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


def check_pictures(draft: CardContent, context: CheckContext) -> Iterator[Finding]:
    """Report images that can't be read."""
    for path in find_image_paths(_join_fields(draft)):
        problem = context.find_picture_problem(path)
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
        hint = "no label is chosen; choose or draw some: ankiforge review"
        yield Finding(NO_LABEL, Severity.BLOCK, hint)
    count = len(masks.active_masks)
    if count > MAX_LABELS:
        hint = f"{count} labels make {count} cards; switch off those you do not want to learn"
        yield Finding(MANY_LABELS, Severity.WARN, hint)
    yield from check_pictures(draft, context)
