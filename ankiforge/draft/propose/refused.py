"""Refuse what nobody keeps: noise within a sentence, sentences that make no card, empty answers.

Every proposer of gaps passes these rules. Each changes what is proposed of unseen sources: a text
that merely looks odd does not reach the floor of sureness. `tests/draft/cases/refused.jsonl` has a
case for each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from itertools import pairwise

from ankiforge.language.lexicon import Language, listed
from ankiforge.language.quantities import MONTHS
from ankiforge.language.tokens import ADJECTIVE_AFTER_NOUN, Kind, Token, is_verb
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.decoding import damage_in
from ankiforge.text.fold import shields, without_formulas
from ankiforge.text.passages import RAISED_NOTE


class Reason(Enum):
    """Why there is no card of a passage, in words for a person."""

    PROPOSED = "a proposal: ankiforge review"
    UNSURE = "perhaps not worth a card: choose the words to hide"
    NO_GAP = "no good gap found: choose the words to hide"
    NO_WORDS = "no words"
    LONG = "a long sentence: choose the words to hide"
    LEANS = "speaks to the reader, or needs the sentence before"
    ASIDE = "advice or an aside"
    QUESTION = "a question, which states nothing"
    HEADING = "a heading"
    CUT_OFF = "begins or ends within a sentence"
    WORD = "a word or name alone: note a question, or its translation"
    GARBLED = "letters or blanks were lost when it was copied"
    KINDS = "its deck takes no cards with gaps"


# --- what cannot be mended ------------------------------------------------------------

_LOWER = "a-zß-öø-ÿа-яё"
_JOINING_WORDS = "and|or|to|than|und|oder|bzw|sowie|bis|et|ou|y|e|o|u|i|en|of|и|или"
# `con- scious`, not `mid- to late`.
_HYPHEN = regex(rf"[-‐¬](?<=[{_LOWER}]{{2}}.) (?!(?:{_JOINING_WORDS})\b)[{_LOWER}]{{2}}")
# `law.Lex`, `it,or`, `it,7or`, `Logos”the`: a blank, a dash or a line end was lost.
_GLUED = regex(
    rf"\w”[{_LOWER}]{{2}}|[{_LOWER}]{{3}}[,;](?:\d{{1,3}})?[^\W\d_]{{2}}"
    rf"|(?<![\w.(])[{_LOWER}]{{3,}}[.!?][”\"»]?\d{{0,3}}[“\"«]?[A-ZÀ-ÞА-ЯЁ][{_LOWER}]{{2,}}(?![\w.(])"
)
# Without one of these, nothing is glued.
_CLOSE = regex(r"[”,;.!?][\w”\"»“«]")
# `!#"\$% \$ & '!#`: what a formula became.
_SIGNS = regex(r"[!#$%&<>@^|~\\\"](?:\s?[!#$%&<>@^|~\\\"']){3}")
# Letters of a font without a table, a role of reStructuredText, a line of a program. A search
# stops only at the first characters.
_FONT = r"\u0700-\u085f\u1200-\u139f\ue000-\uf8ff\ufffd"
_DEBRIS = regex(
    rf"[{_FONT}:SIC(=](?:(?<=[{_FONT}])|(?<=:)\w+:`|(?<=\bS)ELECT\b|(?<=\bI)NSERT INTO\b"
    r"|(?<=\bC)REATE TABLE\b|(?<=\w\()\);|(?<=\w =) \w+;)"
)
MOST_WORDS = 36
"""The words of a sentence, at most."""
# A text begins with a capital or a digit.
_BEGINS = regex(r"[\W_]*(?:[^\W\d_a-zß-ÿа-яё]|\d)")
# A heading without a sign behind it: `Foreign Keys A foreign key is`, `2.2 Weighted Graphs In the`.
_HEADING = regex(
    r"\A[A-ZÀ-Þ][\w-]+(?: [\w-]+){0,2} (?:An|The) [a-z]"
    r"|\A([A-ZÀ-Þ][^\W\d_]{3,})(?: [\w-]+){0,2} A (?i:\1)"
    r"|\A([A-ZÀ-Þ][^\W\d_]{3,}) \2e?s? [a-z]"
    r"|\A\d{1,2}(?:\.\d{1,2})*\.? (?:[A-ZÀ-Þ][\w-]* ){2,}"
)
_ENDS_WHOLE = regex(r"[.!?…。！？:;][\W\d_]*\Z")
_PAIRS = (("(", ")"), ("“", "”"), ("«", "»"), ("（", "）"), ("「", "」"), ("《", "》"))
_LONGEST_HEADING = 6
_BEGIN_CLAUSES = frozenset("when if while because although".split())
# What a sentence does of which nobody keeps a card: it needs another one, or speaks to the reader.
_NEVER = frozenset(("leans", "you"))


def refusal_of_form(
    text: str, words: Sequence[Token], language: Language, *, is_note: bool
) -> Reason | None:
    """Return why the form of a sentence makes no card, however likely it looks; None if it may.

    Args:
        text: the sentence.
        words: its words and signs.
        language: its language.
        is_note: it is in a person's own note, in which a line may begin without a capital.
    """
    count = sum(token.kind != Kind.SIGN for token in words)
    if count > MOST_WORDS and language.name != "ja":
        return Reason.LONG
    if text.endswith(":"):
        return Reason.CUT_OFF
    if language.small and not is_note and _DEBRIS.search(text):
        return Reason.GARBLED
    bare = without_formulas(text)
    if damage_in(bare) or _HYPHEN.search(bare):
        return Reason.GARBLED
    if _CLOSE.search(bare) and _GLUED.search(bare):
        return Reason.GARBLED
    if not is_note and _SIGNS.search(bare):
        return Reason.GARBLED
    if not is_note:
        is_code = bool(words) and words[0].kind in (Kind.SHIELD, Kind.UNSAFE)
        if not (is_code or _BEGINS.match(text)):
            return Reason.CUT_OFF
        if _HEADING.match(text) or _begins_with_heading(words, language):
            return Reason.HEADING
        if not (ends_whole(text) or ends_clause(words, language)):
            return Reason.CUT_OFF
    return None


def refusal_of_words(text: str, cues: Collection[str]) -> Reason | None:
    """Return why the aim of a sentence, by its features, makes no card; None if it may."""
    if not _NEVER.isdisjoint(cues) or _BEGINS_AT_PICTURE.match(text):
        return Reason.LEANS
    return Reason.QUESTION if is_question(text) else None


def is_question(text: str) -> bool:
    """Return whether a sentence ends with a question mark."""
    return text.rstrip(' ”"»)').endswith(("?", "？"))


def ends_whole(text: str) -> bool:
    """Return whether a sentence ends with its full stop."""
    return _ENDS_WHOLE.search(text[-8:]) is not None


def _begins_with_heading(words: Sequence[Token], language: Language) -> bool:
    """Return whether English begins anew behind capitals: `Calming Down Every strong emotion`."""
    if language.name != "en":
        return False
    for token in words[:_LONGEST_HEADING]:
        if not token.word[0].isupper():
            return False
        if token is not words[0] and len(token.word) > 1 and not token.word.isupper():
            if token.folded in language.determiners or token.folded in _BEGIN_CLAUSES:
                return True
    return False


def ends_clause(words: Sequence[Token], language: Language) -> bool:
    """Return whether a mark that ends without a full stop ends with a clause that is whole.

    Most such marks leave off the full stop alone. One that ends with a small word, a verb or an
    adjective before its noun goes on, and a title has no verb.
    """
    if not (language.small and words):
        return False
    last = words[-1]
    ends = last.kind in (Kind.NOUN, Kind.NAME, Kind.NUMBER)
    if last.kind == Kind.ADJECTIVE and language.name in ADJECTIVE_AFTER_NOUN:
        ends = words[-2:-1] != () and words[-2].kind == Kind.NOUN
    signs = [token.word for token in words if token.kind == Kind.SIGN]
    if any(after.start > before.end + 1 for before, after in pairwise(words)):
        return False  # several lines
    if not ends or any(signs.count(left) != signs.count(right) for left, right in _PAIRS):
        return False
    return any(is_verb(token, language) for token in words[1:-1])


# --- what is left off a card, though never off its quote ------------------------------

_LIST_SIGN = regex(
    r"\A\s*(?:(?:[•▪●◦■♦➢&@$^]|\(?\d{1,2}[.)]"
    r"|\(?(?:[a-zA-Z]|[ivx]{2,4})\)(?!\s+(?:and|or|und|oder|et|ou|y|o|e)\b))\s+)+"  # `b) Central`
)
# `[27]`, `\[87\]`, `[CG95, PM01+]`.
_CITED = r"(?:\d{1,3}|[A-Z][A-Za-z]{1,5}[+*∗]?\d\d[a-z]?)"
_CITATION = regex(rf"\s*\\?\[{_CITED}(?:\s?[,;–-]\s?{_CITED})*\\?\](?=[\s.,;:!?)”\"]|\Z)")
# `(Bornstein 1989)`, `(cf. Ericsson, 2008; Ophir & Wagner 2009a, 175)`, `(Basic Books, 2010)`.
_BRACKETED = regex(r"\s*[(（][^()（）]{6,200}[)）]")
_YEAR_OF_CITATION = regex(
    r"([A-ZÀ-Þ][\w’'-]*|et al|[\u4e00-\u9fff]{2,4})\.?[,，]? ?(?:1[6-9]|20)\d\d[a-z]?"
    r"(?=[,:;)，；）])"
)
_PICTURES = "tables?|fig(?:ure|ures|s)?|tabelle|abbildung|abb|tableau|tabla|figura|рис"
_PLACES = (
    f"{_PICTURES}|sections?|chapters?|appendix|eqs?|equation|kapitel|abschnitt|chapitre"
    "|capítulo|глава"
)
PLACE_WORD = regex(rf"(?i)(?:{_PLACES})\.?")
"""What is numbered in a text: `Section 2.2`, `Table 1`. Where something stands is no answer."""
# `(see Fig. 3a)`, `(Table 1)`, `（见图1-8）`.
_POINTER = regex(
    rf"(?i)\s*\((?:(?:see|cf\.|siehe|vgl\.|voir|ver) )?(?:{_PLACES})\.?\s?\d[^()]{{0,20}}\)"
    r"|[(（](?:参?[见見]|參見)?第?[图圖表][^()（）]{1,12}[)）]"
)
# `Figure 3 shows`: what a picture says.
_BEGINS_AT_PICTURE = regex(rf"(?i)\W*(?:{_PICTURES})\.?\s?\d")
_WORD_BEFORE = regex(r"[^\W_]{2,}[.,;:!?”\"»)]*\Z")
_DIGIT = regex(r"[\d¹²³⁰-⁹]")
_NOTE_NUMBER = regex(
    rf"{RAISED_NOTE.pattern}"
    r"|(?<=[^\W\d_A-ZÀ-Þ]{3}[.,;:!?”\"»)])(?!1[5-9]\d\d|20\d\d)\d{1,4}"
    r"(?=\s+[^\W\d_]|\s*\Z)"  # `days.65`
    r"|(?<=[.,!?][”\"’»)])\d{1,3}(?=\s+[^\W\d_]|\s*\Z)|(?<=\d{4}\.)\d{1,2}(?=\s*\Z)"
    r"|\A\d{1,3}(?=[A-ZÀ-ÞА-ЯЁ][a-zß-ÿа-яё]{2})"  # `10Quinta regra`
)
# `20 The climate crisis`: the number of a note or a line before a small word.
_NUMBER_BEFORE = regex(r"\A\d{1,3}\s+([A-ZÀ-ÞА-ЯЁ][^\W\d_]*)\b")
_ESCAPE = regex(r"\\(?=[!-/:-@\[\]^-`{-~])")
_COMMAS = (",", ";", "–", "—", "，", "；", "、")
_COMMA_AT_END = regex(r"\s*[,;–—，；、]\s*\Z")


def noise(text: str, language: Language, *, is_markdown: bool) -> list[Span]:
    """Return the spans of a sentence that are left off its card, in order.

    These are the sign or number of a list item, citations and the numbers of notes, a comma at
    the end and, except in Markdown, backslashes that escape a sign.
    """
    sign = _LIST_SIGN.match(text)
    spans = [sign.span()] if sign else []
    if text.rstrip().endswith(_COMMAS):
        spans += [match.span() for match in _COMMA_AT_END.finditer(text)]
    spans += [match.span() for match in _POINTER.finditer(text)]
    for match in _BRACKETED.finditer(text):
        names = _YEAR_OF_CITATION.findall(match[0])
        if any(name.casefold() not in MONTHS for name in names):
            spans.append(match.span())
    number = _NUMBER_BEFORE.match(text)
    if number and number[1].casefold() in language.small:
        spans.append((0, number.start(1)))
    if _DIGIT.search(text):
        spans += [match.span() for match in _NOTE_NUMBER.finditer(text)]
    for match in _CITATION.finditer(text) if "[" in text else ():
        before = _WORD_BEFORE.search(text, 0, match.start())
        # not `as in [27]`, which would break the sentence
        if before and before[0].casefold() not in language.prepositions:
            spans.append(match.span())
    if not is_markdown:
        spans += [match.span() for match in _ESCAPE.finditer(text)]

    # nothing within code or a formula, and each character once
    kept: list[Span] = []
    end_of_last = 0
    whole = [shield[:2] for shield in shields(text) if shield[2] != "escape"]
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < end_of_last:
            continue
        if not any(first < end and start < last for first, last in whole):
            kept.append((start, end))
            end_of_last = end
    return kept


# --- answers --------------------------------------------------------------------------

# The Zipf frequency from which a single noun is no answer: time, process, problem.
_TOO_COMMON = 4.0
# Letters of the end of a word that may be its ending.
_ENDING = 2
_LEAST_STEM = 4
# Words beside a member of a list, which could be any other.
_AND = listed("cues", "and")
_RELATIVE = frozenset(("that", "which", "who"))


def stem(word: str) -> str:
    """Return a word without its ending, so that a plural is its singular."""
    return word[: max(_LEAST_STEM, len(word) - _ENDING)]


def stems(words: Iterable[str]) -> frozenset[str]:
    """Return words without their endings."""
    return frozenset(map(stem, words))


def is_no_answer(words: Sequence[Token], span: Span, language: Language) -> bool:
    """Return whether nobody would keep a span of tokens as the answer of a card.

    Args:
        words: the tokens of a sentence.
        span: the first of them, and the one after the last.
        language: their language.
    """
    first, last = span
    inner = words[first:last]
    if len(inner) == 1:
        return _is_no_word(words, first, language)

    # `ER stores`, `that a cell needs`: a noun with its verb
    end = inner[-1].folded
    if language.name != "en" or not end.endswith("s") or not language.may_be_verb(end):
        return False
    has_verb_before = False
    for token in words[:first]:
        if token.folded in _RELATIVE:
            has_verb_before = False
        has_verb_before = has_verb_before or is_verb(token, language)
    return not has_verb_before


def _is_no_word(words: Sequence[Token], place: int, language: Language) -> bool:
    """Return whether nobody would keep one word as the answer of a card."""
    token = words[place]
    if len(token.word) == 1 and token.word.isalpha():
        return True
    before = words[place - 1 : place]
    after = words[place + 1 : place + 2]
    if token.kind == Kind.NUMBER:
        return token.word.isalpha()  # `two`
    if token.kind != Kind.NOUN:
        return False
    if token.zipf > _TOO_COMMON or not _AND.isdisjoint(
        word.folded for word in (*before, *after)
    ):
        return True
    return language.name == "en" and (
        token.folded.endswith("ing") or language.look_up(token.folded)[0] in "bv"
    )
