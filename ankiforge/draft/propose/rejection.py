"""Rules that reject noise in sentences, unsuitable sentences, and poor answers.

All code that proposes gaps applies these rules. A rule exists only if it changes the
proposals from sources that weren't used in its design. Text that merely looks odd needs no
rule, because its confidence is low anyway. Each rule has a case in
`tests/draft/cases/refused.jsonl`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum
from itertools import pairwise

from ankiforge.language.lexicon import UNKNOWN_WORD_ZIPF, LanguageTables, read_word_set
from ankiforge.language.quantities import MONTHS
from ankiforge.language.tokens import Token, TokenKind, is_verb
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.decoding import find_garbled_word
from ankiforge.text.normalize import (
    UNSPACED_SCRIPTS,
    blank_out_code_and_urls,
    find_literal_spans,
)
from ankiforge.text.passages import SUPERSCRIPT_NOTE


class RejectionReason(Enum):
    """Why a passage has no card. Values are messages for the user."""

    PROPOSED = "a proposal: ankiforge review"
    LESS_CERTAIN = "less certain: list --no-card -v shows its proposal"
    UNCERTAIN = "may not be worth a card: choose the words to blank out"
    NO_GAP = "no good gap found: choose the words to blank out"
    NO_WORDS = "no words"
    LONG = "a long sentence: choose the words to blank out"
    DEPENDENT = "speaks to the reader, or needs the sentence before"
    ASIDE = "advice or an aside"
    QUESTION = "a question, which states nothing"
    HEADING = "a heading or a label"
    CUT_OFF = "begins or ends within a sentence"
    SINGLE_WORD = "only a word or name: comment it with a question, or its translation"
    LOOKED_UP = "a word that you looked up: your chat or a model writes its meaning"
    GARBLED = "letters or spaces were lost when it was copied"
    PROGRAM_TEXT = "program text, console output or a table"
    KIND_NOT_ALLOWED = "its deck takes no cards with gaps"


# --- unsuitable sentences -------------------------------------------------------------

MAX_SENTENCE_WORDS = 36
"""The maximum number of words in a sentence."""
# Matches the beginning of a sentence, which is a capital or a digit.
_SENTENCE_START = regex(r"[\W_]*(?:[^\W\d_a-zß-ÿа-яё]|\d)")
_SENTENCE_END = regex(r"[.!?…。！？:;।॥۔؟][\W\d_]*\Z")
_BRACKET_PAIRS = (
    ("(", ")"),
    ("“", "”"),
    ("«", "»"),
    ("（", "）"),
    ("「", "」"),
    ("《", "》"),
)
_TYPES = "boolean|bool|byte|char|double|float|int|long|short|size_t|string|String|unsigned|void"
# Matches what no sentence contains: a prompt or command at the beginning, an SQL query, the
# signature of a function, YAML keys, the headers of console output, the cells of a table, and the
# numbers of callouts. For speed, most alternatives are tried only where a word may begin.
_PROGRAM_TEXT = regex(
    r"\A(?:\W{0,4}?(?:\$ [a-z]|>>> |PS> |[\w.-]+@[\w.-]+[:~$#])"
    r"|(?:sudo|git|docker|kubectl|pip3?|npm|curl) [a-z-]+ (?:.* )?(?:--?[a-z]|&& )"
    r"|SELECT [^.]+ FROM \w"
    rf"|\W{{0,4}}(?:\w+ )*(?:{_TYPES})(?:\[\])* ?[*&]? ?\w+\("
    rf"|\W{{0,4}}[\w.<>\[\]]+ \w+\((?:(?:{_TYPES})\b|[^()]*\w[>*&\]])[^()]*\))"
    r"|(?<!\w)(?:(?:(?<!\S)[a-z][\w.-]*:\s(?:[^:]*\s)?){3}"
    r"|(?:\b[A-Z][A-Z-]+(?:\([A-Z]\))?\s+){3,}[A-Z]{2}(?=.*[a-z])"
    r"|(?<!\S)\|\s.*\s\|(?:\s|\Z))"
    r"|[❶-❿]"
)
# Matches the second option of a multiple choice, whose first letter was dropped or is at the start.
_OPTIONS = regex(r"\A\W*(?:\(?a\)\s)?[^()]*?(?<=\s)b\)\s")
# Matches a sign that may stand for a verb in notes, as in `Ribosome: the site of translation`.
DEFINITION_SIGN = regex(r"[:=→⇒]|\s[–—-]+>?\s")
# Matches a sentence that needs no verb, such as `The higher the heat, the faster the reaction`.
_COMPARISON = regex(r"(?i)\W*the (?:more|less|\w+er)\b.*, the (?:more|less|\w+er)\b")
# Scripts without spaces, and those from Hebrew to Khmer, whose verbs are unknown.
_WITHOUT_KNOWN_VERBS = regex(f"[{UNSPACED_SCRIPTS}\u0590-\u109f\u1780-\u17ff]")
# A label has at most this many words, as has each item of a list.
_MAX_LABEL_WORDS = 3
_LINK = regex(r"!?\[[^\]\n]*\]\([^)\n]*\)|https?://\S+|www\.\S+")
# The minimum fraction of a sentence that isn't a link.
_MIN_TEXT_OUTSIDE_LINKS = 0.4
# Nobody keeps sentences with these features, which need another sentence or address the reader.
_REJECTED_CUES = frozenset(("leans", "you"))


def find_syntax_rejection(
    text: str, words: Sequence[Token], language: LanguageTables, *, is_note: bool
) -> RejectionReason | None:
    """Return the reason why the form of a sentence rules out a card, or None.

    Args:
        text: the sentence.
        words: the tokens of the sentence.
        language: the word tables for the sentence's language.
        is_note: whether the sentence is from the user's own notes, in which it may begin in
            lower case.
    """
    word_count = sum(token.kind != TokenKind.SIGN for token in words)
    if word_count > MAX_SENTENCE_WORDS and language.name != "ja":
        return RejectionReason.LONG
    if text.endswith(":"):
        return RejectionReason.CUT_OFF
    prose = blank_out_code_and_urls(text)
    if find_garbled_word(prose):
        return RejectionReason.GARBLED
    if _PROGRAM_TEXT.search(prose):
        return RejectionReason.PROGRAM_TEXT
    if "](" in text or "/" in text:
        if len(_LINK.sub("", text)) < _MIN_TEXT_OUTSIDE_LINKS * len(text):
            return RejectionReason.HEADING
    if _OPTIONS.match(text):
        return RejectionReason.HEADING
    if not is_note:
        is_code = bool(words) and words[0].kind >= TokenKind.CODE_OR_FORMULA
        if not (is_code or _SENTENCE_START.match(text)):
            return RejectionReason.CUT_OFF
        if not (has_end_punctuation(text) or _is_complete_clause(words, language)):
            return RejectionReason.CUT_OFF
    if DEFINITION_SIGN.search(text) or _WITHOUT_KNOWN_VERBS.search(text):
        return None
    if _COMPARISON.match(text):
        return None
    return None if has_verb(words, language) else RejectionReason.HEADING


def find_cue_rejection(text: str, cues: Collection[str]) -> RejectionReason | None:
    """Return the reason why the cues in a sentence rule out a card, or None.

    For example, the sentence addresses the reader, depends on the sentence before, or is a
    question.
    """
    if not _REJECTED_CUES.isdisjoint(cues) or _STARTS_WITH_FIGURE.match(text):
        return RejectionReason.DEPENDENT
    return RejectionReason.QUESTION if is_question(text) else None


def is_question(text: str) -> bool:
    """Return whether a sentence ends with a question mark."""
    return text.rstrip(' ”"»)*_').endswith(("?", "？"))


def has_verb(words: Sequence[Token], language: LanguageTables) -> bool:
    """Return whether a sentence may have a finite verb, unlike a label or a list of nouns.

    Words that are only possibly verbs count unless each item of the list is a short label.
    """
    label_words = longest_label = 0
    has_possible_verb = False
    for index, token in enumerate(words):
        label_words = 0 if token.kind == TokenKind.SIGN else label_words + 1
        longest_label = max(longest_label, label_words)
        if language.name == "en" and token.folded.endswith("ing"):
            continue
        if _is_naming_participle(words, index, language):
            continue
        if is_verb(token, language):
            return True
        if 0 < index < len(words) - 1 and token.text.islower():
            has_possible_verb = has_possible_verb or _is_possible_verb(
                words[index - 1], token, words[index + 1], language
            )
    is_label = longest_label <= _MAX_LABEL_WORDS
    return not is_label and (has_possible_verb or not language.function_words)


_NAMING_PARTICIPLES = frozenset("called named termed dubbed entitled titled".split())


def _is_naming_participle(
    words: Sequence[Token], index: int, language: LanguageTables
) -> bool:
    """Return whether a word such as `called` only names a noun: `an extension called Unhook`."""
    if words[index].folded not in _NAMING_PARTICIPLES or language.name != "en":
        return False
    if not 0 < index < len(words) - 1 or words[index - 1].kind != TokenKind.NOUN:
        return False
    return words[index + 1].folded not in language.words_before_objects


_NOUNS = (TokenKind.NOUN, TokenKind.NAME)
_PHRASE_SIGNS = frozenset(",.;")


def _is_possible_verb(
    before: Token, token: Token, after: Token, language: LanguageTables
) -> bool:
    """Return whether a lowercase word may be a verb, judging by the words next to it."""
    if token.kind in (TokenKind.FUNCTION_WORD, TokenKind.NUMBER):
        return False
    if before.text in _PHRASE_SIGNS or after.text in _PHRASE_SIGNS:
        return False
    if before.folded in language.determiners or before.folded in language.prepositions:
        return False
    if (
        language.name == "de"
    ):  # lowercase words are adjectives before their nouns, or verbs
        return before.kind in _NOUNS or after.kind not in _NOUNS
    if before.kind in _NOUNS and after.folded in language.determiners:
        return True
    return language.may_be_verb(token.folded) or token.zipf == UNKNOWN_WORD_ZIPF


def has_end_punctuation(text: str) -> bool:
    """Return whether a sentence ends with punctuation."""
    return _SENTENCE_END.search(text[-8:]) is not None


def _is_complete_clause(words: Sequence[Token], language: LanguageTables) -> bool:
    """Return whether a highlight without a final full stop seems to end where its clause does.

    It must end with a noun, name or number, be on one line with all brackets closed, and
    contain a verb, unlike a title.
    """
    if not (language.function_words and words):
        return False
    if words[-1].kind not in (TokenKind.NOUN, TokenKind.NAME, TokenKind.NUMBER):
        return False
    if any(after.start > before.end + 1 for before, after in pairwise(words)):
        return False  # the highlight has several lines
    signs = [token.text for token in words if token.kind == TokenKind.SIGN]
    if any(signs.count(left) != signs.count(right) for left, right in _BRACKET_PAIRS):
        return False
    return any(is_verb(token, language) for token in words[1:-1])


# --- noise, which is kept only in quotes ----------------------------------------------

_LIST_SIGN = regex(
    r"\A\s*(?:(?:[•▪●◦■♦➢&@$^]|\(?\d{1,2}[.)]"
    r"|\(?(?:[a-zA-Z]|[ivx]{2,4})\)(?!\s+(?:and|or|und|oder|et|ou|y|o|e)\b))\s+)+"  # `b) Central`
)
# Matches the key in a citation such as `[27]`, `\[87\]` or `[CG95, PM01+]`.
_CITATION_KEY = r"(?:\d{1,3}|[A-Z][A-Za-z]{1,5}[+*∗]?\d\d[a-z]?)"
_CITATION = regex(
    rf"\s*\\?\[{_CITATION_KEY}(?:\s?[,;–-]\s?{_CITATION_KEY})*\\?\](?=[\s.,;:!?)”\"]|\Z)"
)
# Matches text in brackets, which is a citation if it contains a year: `(Bornstein 1989)`,
# `(cf. Ericsson, 2008; Ophir & Wagner 2009a, 175)`, `(Basic Books, 2010)`.
_TEXT_IN_BRACKETS = regex(r"\s*[(（][^()（）]{6,200}[)）]")
_YEAR_OF_CITATION = regex(
    r"([A-ZÀ-Þ][\w’'-]*|et al|[\u4e00-\u9fff]{2,4})\.?[,，]? ?(?:1[6-9]|20)\d\d[a-z]?"
    r"(?=[,:;)，；）])"
)
_FIGURE_WORDS = (
    "tables?|fig(?:ure|ures|s)?|tabelle|abbildung|abb|tableau|tabla|figura|рис"
)
_PLACE_WORDS = (
    f"{_FIGURE_WORDS}|sections?|chapters?|appendix|eqs?|equation|kapitel|abschnitt|chapitre"
    "|capítulo|глава"
)
# Matches a reference such as `(see Fig. 3a)`, `(Table 1)` or `（见图1-8）`.
_REFERENCE = regex(
    rf"(?i)\s*\((?:(?:see|cf\.|siehe|vgl\.|voir|ver) )?(?:{_PLACE_WORDS})\.?\s?\d[^()]{{0,20}}\)"
    r"|[(（](?:参?[见見]|參見)?第?[图圖表][^()（）]{1,12}[)）]"
)
# Matches the beginning of a sentence about a figure, such as `Figure 3 shows`.
_STARTS_WITH_FIGURE = regex(rf"(?i)\W*(?:{_FIGURE_WORDS})\.?\s?\d")
_WORD_BEFORE = regex(r"[^\W_]{2,}[.,;:!?”\"»)]*\Z")
_DIGIT = regex(r"[\d¹²³⁰-⁹]")
_NOTE_NUMBER = regex(
    rf"(?=[\d¹²³⁰-⁹])(?:{SUPERSCRIPT_NOTE.pattern}"
    r"|(?<=[^\W\d_A-ZÀ-Þ]{3}[.,;:!?”\"»)])(?!1[5-9]\d\d|20\d\d)\d{1,4}"
    r"(?=\s+[^\W\d_]|\s*\Z)"  # `days.65`
    r"|(?<=[.,!?][”\"’»)])\d{1,3}(?=\s+[^\W\d_]|\s*\Z)|(?<=\d{4}\.)\d{1,2}(?=\s*\Z)"
    r"|\A\d{1,3}(?=[A-ZÀ-ÞА-ЯЁ][a-zß-ÿа-яё]{2}))"  # `10Quinta regra`
)
_ESCAPE = regex(r"\\(?=[!-/:-@\[\]^-`{-~])")
_COMMAS = (",", ";", "–", "—", "，", "；", "、")
_COMMA_AT_END = regex(r"\s*[,;–—，；、]\s*\Z")


def find_noise(text: str, language: LanguageTables, *, is_markdown: bool) -> list[Span]:
    """Return the spans of a sentence to leave out of its card, in order.

    These are bullets and list numbers, citations, note numbers, a trailing comma and, outside
    Markdown, backslash escapes.
    """
    patterns = [_LIST_SIGN, _REFERENCE]
    if text.rstrip().endswith(_COMMAS):
        patterns.append(_COMMA_AT_END)
    if not is_markdown:
        patterns.append(_ESCAPE)
    spans = [match.span() for pattern in patterns for match in pattern.finditer(text)]
    spans += _iter_citations(text, language)

    # drop spans in code or formulas, and overlaps
    noise_spans: list[Span] = []
    end_of_last = 0
    shield_spans = [
        shield[:2] for shield in find_literal_spans(text) if shield[2] != "escape"
    ]
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < end_of_last:
            continue
        if not any(first < end and start < last for first, last in shield_spans):
            noise_spans.append((start, end))
            end_of_last = end
    return noise_spans


def _iter_citations(text: str, language: LanguageTables) -> Iterator[Span]:
    """Yield the spans of citations and note numbers."""
    if _DIGIT.search(text):
        for match in _TEXT_IN_BRACKETS.finditer(text):
            names = _YEAR_OF_CITATION.findall(match[0])
            if any(name.casefold() not in MONTHS for name in names):
                yield match.span()
        for match in _NOTE_NUMBER.finditer(text):
            yield match.span()
    for match in _CITATION.finditer(text) if "[" in text else ():
        preceding_word = _WORD_BEFORE.search(text, 0, match.start())
        # keep the citation in `as in [27]`, because the sentence needs it
        if preceding_word and preceding_word[0].casefold() not in language.prepositions:
            yield match.span()


# --- answers --------------------------------------------------------------------------

# A single noun with a higher Zipf frequency, such as `time` or `process`, is a poor answer.
_MAX_ANSWER_ZIPF = 4.0
# The number of letters of a word's ending.
_ENDING_LENGTH = 2
_MIN_STEM_LENGTH = 4
# The conjunctions of lists, whose items are poor answers because they are interchangeable.
_LIST_CONJUNCTIONS = read_word_set("cues", "and")


def strip_ending(word: str) -> str:
    """Remove the last letters of a word, so that singular and plural usually compare equal."""
    return word[: max(_MIN_STEM_LENGTH, len(word) - _ENDING_LENGTH)]


def strip_endings(words: Iterable[str]) -> frozenset[str]:
    """Strip the endings of words, and return them as a set."""
    return frozenset(map(strip_ending, words))


def is_poor_answer(words: Sequence[Token], span: Span, language: LanguageTables) -> bool:
    """Return whether a run of tokens is such a poor answer that nobody would keep the card.

    Args:
        words: the tokens of a sentence.
        span: the index of the first token, and the index after the last.
        language: the word tables for the sentence's language.
    """
    first, last = span
    token = words[last - 1]
    if last > first + 1:
        # a noun with its verb is a poor answer: `ER stores`
        may_be_verb = token.folded.endswith("s") and language.may_be_verb(token.folded)
        if language.name != "en" or not may_be_verb:
            return False
        return not any(is_verb(token, language) for token in words[:first])
    if len(token.text) == 1 and token.text.isalpha():
        return True
    if token.kind == TokenKind.NUMBER:
        return token.text.isalpha()  # such as `two`
    if token.kind != TokenKind.NOUN:
        return False
    beside = (*words[first - 1 : first], *words[last : last + 1])
    if token.zipf > _MAX_ANSWER_ZIPF or any(
        word.folded in _LIST_CONJUNCTIONS for word in beside
    ):
        return True
    return language.name == "en" and (
        token.folded.endswith("ing") or language.look_up_word(token.folded)[0] in "bv"
    )
