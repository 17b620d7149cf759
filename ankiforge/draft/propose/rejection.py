"""Rules that reject noise in sentences, and sentences that can't become a card.

A rule exists only if it changes the proposals from sources that weren't used in its design. Text
that merely looks odd needs no rule, because its confidence is low anyway. Each rule has a case in
`tests/draft/cases/refused.jsonl`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from ankiforge.language.lexicon import Cue, LanguageTables
from ankiforge.language.quantities import MONTHS
from ankiforge.language.tokens import Token, TokenKind, is_verb
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.citations import AMBIGUOUS_RAISED_NUMBER
from ankiforge.text.decoding import find_garbled_word
from ankiforge.text.normalize import (
    UNSPACED_SCRIPTS,
    blank_out_code_and_urls,
    find_literal_spans,
)
from ankiforge.text.passages import SUPERSCRIPT_NOTE


class RejectionReason(Enum):
    """Why a passage has no card. Values are messages for the user."""

    PROPOSED = "a card is suggested: ankiforge review"
    LESS_CERTAIN = "a possible card: ankiforge list --more shows it"
    UNCERTAIN = "may not be worth a card: choose the words to blank out"
    NO_GAP = "no good gap found: choose the words to blank out"
    NO_WORDS = "no words"
    LONG = "a long sentence: choose the words to blank out"
    DEPENDENT = "speaks to the reader, or needs the sentence before"
    QUESTION = "a question, which states nothing"
    HEADING = "a heading or a label"
    CUT_OFF = "begins or ends within a sentence"
    SINGLE_WORD = "only a word or name: comment it with a question, or its translation"
    LOOKED_UP = "a word that you looked up: your chat or a model writes its meaning"
    GARBLED = "letters or spaces were lost when it was copied"
    PROGRAM_TEXT = "program text, console output or a table"
    AMBIGUOUS_NUMBER = (
        "a raised number follows a number: it is unclear whether it is a power"
    )
    KIND_NOT_ALLOWED = "its deck takes no cards with gaps"


# --- unsuitable sentences -------------------------------------------------------------

MAX_SENTENCE_WORDS = 36
"""The maximum number of words in a sentence."""
# Matches the beginning of a sentence, which is a capital or a digit.
_SENTENCE_START = regex(r"[\W_]*(?:[^\W\d_a-zß-ÿа-яё]|\d)")
_SENTENCE_END = regex(r"[.!?…。！？:;।॥۔؟][\W\d_]*\Z")
_TYPES = "boolean|bool|byte|char|double|float|int|long|short|size_t|string|String|unsigned|void"
# Matches what no sentence contains: a prompt or command at the beginning, an SQL query, the
# signature of a function, the cells of a table, and the numbers of callouts.
_PROGRAM_TEXT = regex(
    r"\A(?:\W{0,4}?(?:\$ [a-z]|>>> |PS> |[\w.-]+@[\w.-]+[:~$#])"
    r"|(?:sudo|git|docker|kubectl|pip3?|npm|curl) [a-z-]+ (?:.* )?(?:--?[a-z]|&& )"
    r"|SELECT [^.]+ FROM \w"
    rf"|\W{{0,4}}(?:\w+ )*(?:{_TYPES})(?:\[\])* ?[*&]? ?\w+\()"
    r"|(?<!\S)\|\s.*\s\|(?:\s|\Z)|[❶-❿]"
)
# Matches a sign that may stand for a verb in notes, as in `Ribosome: the site of translation`, and
# scripts without spaces, and those from Hebrew to Khmer, whose verbs are unknown.
_NEEDS_NO_VERB = regex(
    rf"[:=→⇒]|\s[–—-]+>?\s|[{UNSPACED_SCRIPTS}\u0590-\u109f\u1780-\u17ff]"
)
# A label has at most this many words.
_MAX_LABEL_WORDS = 4
# Matches words that a PDF has run together. No word of a language with spaces is that long, except
# a few names of chemicals and laws.
_WORDS_WITHOUT_SPACES = regex(r"[A-Za-zÀ-ÖØ-öø-ſ]{30,}")
_LINK = regex(r"!?\[[^\]\n]*\]\([^)\n]*\)|https?://\S+|www\.\S+")
_POSSIBLE_LAST_KINDS = (TokenKind.NOUN, TokenKind.NAME, TokenKind.NUMBER)
# The minimum fraction of a sentence that isn't a link.
_MIN_TEXT_OUTSIDE_LINKS = 0.4


def find_rejection(
    text: str,
    words: Sequence[Token],
    cues: Iterable[Cue],
    language: LanguageTables,
    *,
    is_note: bool,
) -> RejectionReason | None:
    """Return the reason why no card can be made from a sentence, or None.

    Args:
        text: The sentence.
        words: The tokens of the sentence.
        cues: The cues in the sentence.
        language: The word tables for the sentence's language.
        is_note: Whether the sentence is from the user's own notes. It may begin in lower case
            then.
    """
    word_count = sum(token.kind != TokenKind.SIGN for token in words)
    if word_count > MAX_SENTENCE_WORDS and language.name != "ja":
        return RejectionReason.LONG
    if text.endswith(":"):
        return RejectionReason.CUT_OFF
    prose = blank_out_code_and_urls(text)
    if find_garbled_word(prose) or _WORDS_WITHOUT_SPACES.search(prose):
        return RejectionReason.GARBLED
    if _PROGRAM_TEXT.search(prose):
        return RejectionReason.PROGRAM_TEXT
    if AMBIGUOUS_RAISED_NUMBER.search(prose):
        return RejectionReason.AMBIGUOUS_NUMBER
    if len(_LINK.sub("", text)) < _MIN_TEXT_OUTSIDE_LINKS * len(text):
        return RejectionReason.HEADING
    if not is_note and not _is_whole(text, words):
        return RejectionReason.CUT_OFF
    if _is_label(text, words, word_count, language):
        return RejectionReason.HEADING
    if _STARTS_WITH_FIGURE.match(text) or _STARTS_WITH_UNNAMED.match(text):
        return RejectionReason.DEPENDENT
    if any(_depends_on_context(cue, words) for cue in cues):
        return RejectionReason.DEPENDENT
    if _QUESTION_END.search(text):
        return RejectionReason.QUESTION
    return None


def _is_whole(text: str, words: Sequence[Token]) -> bool:
    """Return whether a text begins and ends like a sentence. Readers often omit the full stop."""
    if not words:
        return _SENTENCE_START.match(text) is not None and has_end_punctuation(text)
    starts_with_code = words[0].kind >= TokenKind.CODE_OR_FORMULA
    if not starts_with_code and not _SENTENCE_START.match(text):
        return False
    return words[-1].kind in _POSSIBLE_LAST_KINDS or has_end_punctuation(text)


def _is_label(
    text: str, words: Sequence[Token], word_count: int, language: LanguageTables
) -> bool:
    """Return whether a text is a heading or label, because it states nothing.

    A text of several words that ends like a sentence states something, even if its verb is
    unknown.
    """
    if any(is_verb(token, language) for token in words):
        return False
    if word_count > _MAX_LABEL_WORDS and has_end_punctuation(text):
        return False
    return _NEEDS_NO_VERB.search(text) is None


_QUESTION_END = regex(r"[?？][\s”\"»)*_]*\Z")


def has_end_punctuation(text: str) -> bool:
    """Return whether a sentence ends with punctuation."""
    return _SENTENCE_END.search(text[-8:]) is not None


def _depends_on_context(cue: Cue, words: Sequence[Token]) -> bool:
    """Return whether a cue addresses the reader or refers to the previous sentence."""
    match cue.section:
        case "you":
            return True
        case "leans":
            return cue.first <= 1 and not words[cue.first].text[0].islower()
        case "this":
            return cue.first == 1 and words[0].kind == TokenKind.FUNCTION_WORD
        case "somebody":
            return not _is_pronoun_explained(cue, words)
    return False


def _is_pronoun_explained(cue: Cue, words: Sequence[Token]) -> bool:
    """Return whether the sentence has a name, or a noun before the pronoun."""
    if any(token.kind == TokenKind.NOUN for token in words[: cue.first]):
        return True
    return any(token.kind == TokenKind.NAME for token in words)


# --- noise, which is kept only in quotes ----------------------------------------------

_LIST_SIGN = regex(
    r"\A\s*(?:(?:[•▪●◦■♦➢&@$^]|\(?\d{1,2}[.)]"
    r"|\(?(?:[a-zA-Z]|[ivx]{2,4})\)(?!\s+(?:and|or|und|oder|et|ou|y|o|e)\b))\s+)+"  # `b) Central`
)
# Matches the key in a citation such as `[27]`, `\[87\]` or `[CG95, PM01+]`.
_CITATION_KEY = r"(?:\d{1,3}|[A-Z][A-Za-z]{1,5}[+*∗]?\d\d[a-z]?)"
_CITATION = regex(
    r"\s*\(\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\)(?=[.,;:!?]|\s+(?:and|but|while|or)\b|\Z)"
    rf"|\s*\\?\[{_CITATION_KEY}(?:\s?[,;–-]\s?{_CITATION_KEY})*\\?\](?=[\s.,;:!?)”\"]|\Z)"
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
# Matches a reference such as `(see Fig. 3a)`, `(Table 1)` or `（见图1-8）`.
_REFERENCE = regex(
    rf"(?i)\s*\((?:(?:see|cf\.|siehe|vgl\.|voir|ver) )?(?:{_FIGURE_WORDS}|sections?|chapters?"
    r"|appendix|eqs?|equation|kapitel|abschnitt|chapitre|capítulo|глава)\.?\s?\d[^()]{0,20}\)"
    r"|[(（](?:参?[见見]|參見)?第?[图圖表][^()（）]{1,12}[)）]"
)
# Matches the beginning of a sentence about a figure, such as `Figure 3 shows`.
_STARTS_WITH_FIGURE = regex(rf"(?i)\W*(?:{_FIGURE_WORDS})\.?\s?\d")
_PAPER_NOUNS = (
    "algorithm|analysis|approach|article|assay|authors?|cohort|curves?|data|dataset|effects?"
    "|experiments?|findings?|framework|groups?|images?|method|model|paper|participants|patients"
    "|procedure|protocol|results?|samples?|simulations?|study|subjects|survey|system|technique"
    "|test|trial"
)
# Matches the beginning of a sentence whose subject only the text before it names, such as `Group 2
# had`, `In this model`, `The authors found`, `The proposed method` or `Participants were`.
_STARTS_WITH_UNNAMED = regex(
    r"\W*(?:(?:Group|Method|Experiment|Study|Condition|Sample|Scenario|Model|Cluster|Panel|Case"
    r"|Aim"
    r"|Hypothesis) (?:\d+|[A-Z]|I{2,3})\b(?!-)"
    r"|The (?:present|current|proposed|aforementioned|above|following|resulting|corresponding"
    r"|respective"
    r"|remaining) \w"
    rf"|The (?:{_PAPER_NOUNS}) (?:(?:\w+ly|also|then) )?(?:is|are|was|were|has|have|had|can"
    rf"|could|may|does"
    r"|did|will|would|should|must|\w{3,}ed|\w{3,}s)\b"
    r"|(?:Participants|Respondents|Subjects|Findings|Results|Data) (?:\w+ly |also |then )?(?:is"
    r"|are|was"
    r"|were|has|have|had|\w{3,}ed)\b"
    r"|(?:In|For|From|With|Using|By|Under|To|On|At|Of|Among|Within|After|Through|During"
    r"|By means of"
    r"|Based on|Due to|Because of|Unlike|Despite) (?:all |each of |both of )?(?:this|these|such"
    r"|our)\b)"
)
_WORD_BEFORE = regex(r"[^\W_]{2,}[.,;:!?”\"»)]*\Z")
_NOTE_NUMBER = regex(
    rf"(?=[\d¹²³⁰-⁹])(?:{SUPERSCRIPT_NOTE.pattern}"
    r"|(?<=[^\W\d_A-ZÀ-Þ]{3}[.,;:!?”\"»)])(?!1[5-9]\d\d|20\d\d)\d{1,4}"
    r"(?=\s+[^\W\d_]|\s*\Z))"  # `days.65`
)
_ESCAPE = regex(r"\\(?=[!-/:-@\[\]^-`{-~])")
_COMMA_AT_END = regex(r"\s*[,;–—，；、]\s*\Z")


def find_noise(text: str, language: LanguageTables, *, is_markdown: bool) -> list[Span]:
    """Return the spans of a sentence to leave out of its card, in order.

    These are bullets and list numbers, citations, note numbers, a trailing comma and, outside
    Markdown, backslash escapes.
    """
    patterns = [_LIST_SIGN, _REFERENCE, _COMMA_AT_END, _NOTE_NUMBER]
    if not is_markdown:
        patterns.append(_ESCAPE)
    spans = list(_iter_citations(text, language))
    for pattern in patterns:
        spans += [match.span() for match in pattern.finditer(text)]
    if not spans:
        return spans

    # drop spans in code or formulas, and overlaps
    literal_spans = []
    for start, end, kind in find_literal_spans(text):
        if kind != "escape":
            literal_spans.append((start, end))
    noise_spans: list[Span] = []
    end_of_last = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < end_of_last:
            continue
        if not any(first < end and start < last for first, last in literal_spans):
            noise_spans.append((start, end))
            end_of_last = end
    return noise_spans


def _iter_citations(text: str, language: LanguageTables) -> Iterator[Span]:
    for match in _TEXT_IN_BRACKETS.finditer(text):
        names = _YEAR_OF_CITATION.findall(match[0])
        if any(name.casefold() not in MONTHS for name in names):
            yield match.span()
    for match in _CITATION.finditer(text):
        preceding_word = _WORD_BEFORE.search(text, 0, match.start())
        # keep the citation in `as in [27]`, because the sentence needs it
        if preceding_word and preceding_word[0].casefold() not in language.prepositions:
            yield match.span()


# --- stems ----------------------------------------------------------------------------

# The number of letters of a word's ending.
_ENDING_LENGTH = 2
_MIN_STEM_LENGTH = 4


def strip_ending(word: str) -> str:
    """Remove the last letters of a word, so that singular and plural usually compare equal."""
    return word[: max(_MIN_STEM_LENGTH, len(word) - _ENDING_LENGTH)]
