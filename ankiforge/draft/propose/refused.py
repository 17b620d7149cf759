"""Why a passage is not proposed, in words for a person.

Texts that read broken: cut off, glued together by a copy, a table, a list of references.

No card is proposed for them.

Refuse what nobody keeps: noise within a sentence, sentences that make no card, empty answers.

Every proposer of gaps passes these rules. On labelled passages each hits at least three times
as many sentences or gaps that nobody would keep as others, or what it hits is debris.
`tests/draft/cases/refused.jsonl` has a case from a real source for each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from ankiforge.language.lexicon import Language
from ankiforge.language.tables import listed
from ankiforge.language.tokens import Kind, Token, is_verb, tokens
from ankiforge.model import Span
from ankiforge.text import regex
from ankiforge.text.damage import damage_in
from ankiforge.text.fold import shields, without_formulas


class Reason(Enum):
    """Why a passage is not proposed; the value is what a person reads."""

    ASIDE = "advice or an aside"
    STORY = "part of a story"
    ANNOUNCEMENT = "announces what comes, or points at another place"
    QUESTION = "a question, which states nothing"
    FRAGMENT = "a fragment"
    HEADING = "a heading"
    SAYS_LITTLE = "says little to ask about"
    NO_GAP = "nothing in it stands out as the words to hide"
    CUT_OFF = "begins or ends within a sentence"
    GARBLED = "letters or blanks were lost when it was copied"
    TABLE = "part of a table or list, a caption or a reference"
    LONG = "its sentence is too long for a card"
    UNNAMED = "does not name its subject"
    FORM = "a card of your own"
    KINDS = "its deck takes no cards with gaps"


# === whole ============================================================================

_BEGINS = regex(r"[\W_]*(?:[^\W\d_a-zß-ÿа-яё]|\d)")
_OF_SUBJECT = frozenset((Kind.NOUN, Kind.NAME, Kind.ADJECTIVE, Kind.SHIELD))
# Words from which a text is a sentence, when others are left out beside it.
_LEAST_WORDS = 5
# Words from which a line of a note is a sentence by itself.
_LEAST_IN_LINE = 4


def _breaks_off(text: str, language: Language) -> bool:
    """Return whether words without a full stop are only the beginning of a sentence."""
    words = tokens(text, language)
    if _ends_open(words, language) or _BREAKS_OFF.search(text):
        return True
    return not any(language.may_be_verb(token.folded) for token in words)


def is_whole_clause(text: str, language: Language) -> bool:
    """Return whether words without a full stop begin a sentence, and could be all of it."""
    is_begun = _BEGINS.match(text) is not None and len(text.split()) >= _LEAST_WORDS
    words = tokens(text, language)
    return is_begun and _has_subject(words, language) and not _breaks_off(text, language)


def is_whole_line(text: str, language: Language) -> bool:
    """Return whether a line of a note without a full stop states something by itself."""
    words = tokens(text, language)
    goes_on = text.rstrip().endswith(":") or _breaks_off(text, language)
    if len(text.split()) < _LEAST_IN_LINE or goes_on or not _has_subject(words, language):
        return False
    verb = next(place for place, token in enumerate(words) if is_verb(token, language))
    if verb and words[verb - 1].folded in language.prepositions:  # `notes with marks`
        return False

    # `Boxes wrap across the edges`: what was taken for a verb may be a noun, perhaps in the plural
    is_bare = words[0].folded not in language.determiners
    after = words[verb + 1].folded if verb + 1 < len(words) else ""
    forms = {words[verb].folded, words[verb].folded.removesuffix("s")}
    may_be_noun = any(language.look_up(form)[0] in "bn" for form in forms)
    return not (is_bare and after in language.prepositions and may_be_noun)


def _has_subject(words: Sequence[Token], language: Language) -> bool:
    """Return whether words begin with a subject and its verb, though without a capital."""
    has_noun = False
    for token in words:
        if token.folded in language.participles:
            return False
        if is_verb(token, language):
            return has_noun
        if token.kind in _OF_SUBJECT or token.folded in language.pronouns:
            has_noun = has_noun or token.kind != Kind.ADJECTIVE
        elif has_noun and token.folded in language.prepositions:
            continue
        elif (
            token.folded not in language.determiners
            and token.folded not in language.joins
        ):
            return False
    return False


# --- what cannot be mended ------------------------------------------------------------

_LOWER = "a-zß-öø-ÿа-яё"
_JOINING_WORDS = "and|or|to|than|und|oder|bzw|sowie|bis|et|ou|y|e|o|u|i|en|of|и|или"
# `con- scious`, not `mid- to late`.
_HYPHEN = regex(rf"[{_LOWER}]{{2}}[-‐¬] (?!(?:{_JOINING_WORDS})\b)[{_LOWER}]{{2}}")
# `law.Lex`, `it,or`, `it,7or`, `Logos”the`: a blank, a dash or a line end was lost.
_GLUED = regex(
    rf"\w”[{_LOWER}]{{2}}|[{_LOWER}]{{3}}[,;](?:\d{{1,3}})?[^\W\d_]{{2}}"
    rf"|(?<![\w.(])[{_LOWER}]{{3,}}[.!?][”\"»]?\d{{0,3}}[“\"«]?[A-ZÀ-ÞА-ЯЁ][{_LOWER}]{{2,}}(?![\w.(])"
)
_CAPTION = regex(
    r"(?i)\W*(?:fig(?:ure|ura)?|table?|abb(?:ildung)?|tab(?:elle|la|ella|leau|ela)?|рис(?:унок)?|табл(?:ица)?)"
    r"\b\.?\s*[\dIVX]+(?:[.-]\d+)*\s*[.:–—|]"
)
# The words of a title, at least, and the share of them that have a capital.
_LEAST_IN_TITLE = 4
_CAPITALS_OF_TITLE = 0.7
# `Mitosis: the division of a nucleus`, `2 + 2 = 4`, `Mercury – the smallest planet`.
_STATES = regex(r"\S\s*[:=→⇒]\s|\s[–—-]\s|[–—]")
# `Wang, X., Li, Y. (2019).`, `12(3), 45–67`, `[12] K. He, X. Zhang`.
_REFERENCE = regex(
    r"\W*(?:\[\d+\]\s*)?[A-ZÀ-Þ][\w’'-]+, (?:[A-Z]\.[ -]?)+(?:,|&|\(|\Z| and)"
    r"|\W*\[\d+\] (?:[A-Z]\. ?)+[A-ZÀ-Þ]\w+,"
    r"|.*\bvol\. ?\d+, ?n(?:o|úm|r)?\. ?[oº]? ?\d"
    r"|.*\b\d{1,4} ?\(\d{1,3}\), ?(?:pp?\. ?)?\d+[-–]\d+|.*\bpp?\. \d+[-–]\d+\.?\Z"
)
_ENUMERATOR = regex(r"(?<![\w(])(?:\w{1,3}|[ivxIVX]+)\)|[:;]-?\)")
_BRACKETED = regex(r"\([^()]*\)|\[[^\[\]]*\]")
_ENDS = regex(r"[.!?…。！？:;][\W\d_]*\Z")
_BREAKS_OFF = regex(r"(?:[,(\[{–—“„«-]|,[”\"’»]|\w-)\s*\Z")
_DOTS_AT_END = regex(r"(?:…|\.\.\.)\W*\Z")
# Tokens from which a text is not a note of a few words.
_LONG_ENOUGH_TO_BE_CUT = 12
# Languages in which a sentence names its subject before the verb.
_WITH_SUBJECT = frozenset(("en", "de", "fr"))


def flaw(text: str, language: Language, *, is_note: bool = False) -> Reason | None:
    """Return why a text reads broken; None if it does not.

    Args:
        text: one or more sentences.
        language: their language.
        is_note: they are a person's own note, in which a line may begin without a capital,
            and what looks lost is a typo.
    """
    words = tokens(text, language)
    text = without_formulas(text)
    if _is_cut_off(text, words, language, is_note=is_note):
        return Reason.CUT_OFF
    if text.rstrip().endswith(":"):
        return Reason.ANNOUNCEMENT
    if damage_in(text) or _HYPHEN.search(text) or _GLUED.search(text):
        return Reason.GARBLED
    if not is_note:
        if _is_title(text, words, language):
            return Reason.HEADING
        has_verb = any(language.may_be_verb(token.folded) for token in words)
        # a sign may stand for the verb: `Mitosis: the division of a nucleus`
        if language.name == "en" and not has_verb and not _STATES.search(text):
            return Reason.FRAGMENT
    if _CAPTION.match(text) or is_reference(text):
        return Reason.TABLE
    return None


def is_reference(text: str) -> bool:
    """Return whether a text begins with an entry of a list of references."""
    return _REFERENCE.match(text) is not None


def _is_title(text: str, words: Sequence[Token], language: Language) -> bool:
    """Return whether a text without a full stop has the capitals of a title.

    Not in German, where every noun has one.
    """
    if language.name == "de" or not language.small or _ENDS.search(text):
        return False
    count = capitals = 0
    for token in words:
        if token.kind not in (Kind.SIGN, Kind.NUMBER):
            count += 1
            capitals += token.word[0].isupper()
    has_capitals = capitals >= _CAPITALS_OF_TITLE * count and not text.isupper()
    return count >= _LEAST_IN_TITLE and has_capitals


def _is_cut_off(
    text: str, words: Sequence[Token], language: Language, *, is_note: bool
) -> bool:
    """Return whether a text begins or ends within a sentence, so that it cannot be read."""
    if not words or not language.small:
        return False
    if not _BEGINS.match(text):
        is_code = words[0].kind in (Kind.SHIELD, Kind.UNSAFE)  # it keeps small letters
        if not is_note and not is_code:
            return True
        if _goes_on(words, language):
            return True
    is_ended = _ENDS.search(text) is not None
    if is_ended:
        return _DOTS_AT_END.search(text) is not None and _ends_open(words, language)
    if _ends_open(words, language):
        return True
    if len(words) < _LONG_ENOUGH_TO_BE_CUT:
        return False

    # a comma or a dash is last, or a bracket or quotation mark is not closed
    outside = _ENUMERATOR.sub(" ", _BRACKETED.sub(" ", text))
    pairs = [(outside, "(", ")"), (outside, "[", "]"), (text, "“", "”"), (text, "«", "»")]
    is_open = any(place.count(first) > place.count(last) for place, first, last in pairs)
    return is_open or _BREAKS_OFF.search(text) is not None


def _goes_on(words: Sequence[Token], language: Language) -> bool:
    """Return whether the first word goes on with a sentence: a verb, `of`, `than`, `which`."""
    first = next((token for token in words if token.kind != Kind.SIGN), None)
    if first is None or first.kind in (Kind.SHIELD, Kind.UNSAFE):
        return False
    if _has_subject(words, language):
        return False
    is_gerund = language.name == "en" and first.folded.endswith("ing")  # its own subject
    if is_verb(first, language) and not is_gerund and language.name in _WITH_SUBJECT:
        return True
    return first.folded in language.continues


def _ends_open(words: Sequence[Token], language: Language) -> bool:
    """Return whether the last word asks for another: an article, a preposition, `and`."""
    last = next((token for token in reversed(words) if token.kind != Kind.SIGN), None)
    if last is None or (last.word.isupper() and len(last.word) > 1):
        return False
    return last.folded in language.open_ends


# === refused ==========================================================================

# --- what is left off a card, though never off its quote ------------------------------

_LIST_SIGN = regex(r"\A\s*(?:(?:[•▪●◦■♦➢&@$^]|\(?\d{1,2}[.)])\s+)+")
_CITATION = regex(
    r"\s*\\?\[\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*\\?\](?=[\s.,;:!?)”\"]|\Z)"  # `[27]`, `\[87\]`
)
_WORD_BEFORE = regex(r"[^\W_]{2,}[.,;:!?”\"»)]*\Z")
_NOTE_NUMBER = regex(
    r"(?<=[^\W\d_A-ZÀ-Þ]{4})[¹²³⁰-⁹]+"
    r"|(?<=[^\W\d_A-ZÀ-Þ]{3}[.,;:!?”\"»)])(?!1[5-9]\d\d|20\d\d)\d{1,4}"
    r"(?=\s+[^\W\d_]|\s*\Z)"  # `days.65`
    r"|(?<=[.,!?][”\"’»)])\d{1,3}(?=\s+[^\W\d_]|\s*\Z)|(?<=\d{4}\.)\d{1,2}(?=\s*\Z)"
)
_ESCAPE = regex(r"\\(?=[!-/:-@\[\]^-`{-~])")
_COMMA_AT_END = regex(r"\s*[,;–—]\s*\Z")


def noise(text: str, language: Language, *, is_markdown: bool) -> list[Span]:
    """Return the spans of a sentence that are left off its card, in order.

    These are the sign or number of a list item, the numbers of citations and notes, a comma at
    the end and, except in Markdown, backslashes that escape a sign.
    """
    spans = []
    for pattern in (_LIST_SIGN, _NOTE_NUMBER, _COMMA_AT_END):
        spans += [match.span() for match in pattern.finditer(text)]
    for match in _CITATION.finditer(text):
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
        is_shielded = any(first < end and start < last for first, last in whole)
        if start >= end_of_last and not is_shielded:
            kept.append((start, end))
            end_of_last = end
    return kept


# --- sentences ------------------------------------------------------------------------

_MOST_WORDS = 45
_BEGINS_WITHIN = regex(r"\s*[;),\]}|=>/]|\s*\([^)]*\Z")
# Letters of a font without a table, as N'Ko or Ethiopic; roles of reStructuredText.
_LOST_LETTERS = regex(
    r"[\u0700-\u085f\u1200-\u139f\ue000-\uf8ff\ufffd]|:\w+:`|:\w+:(?=\w)|\w`_|\]\("
)
_QUESTION = regex(r"[?？](?=[\s\"”’»)]|\Z)")
_EXCLAMATION = regex(r"[!！](?=[\s\"”’»)]|\Z)")
_ELSEWHERE = regex(
    r"(?i)\b(?:the|as|shown|see) (?:following|above|below)\b|\b(?:below|above)[.:,]"
    r"|\b(?:this|next|previous) (?:section|chapter|paper|article|book|course|week|lesson"
    r"|tutorial|post|lecture)\b"
    r"|\b(?:folgende[mnrs]?|siguientes?|suivante?s?|seguintes?)\b"
)
# Lines of a program, counters beside a figure.
_PROGRAM = regex(
    r"\b(?:SELECT|INSERT INTO|CREATE TABLE|FROM \(VALUES)\b|\w\(\);|\w = \w+;|(?:\b\w+: \d+ ){2}"
)
# A heading without a sign behind it: `Foreign Keys A foreign key is`, `Controller Controllers are`.
_HEADING = regex(
    r"\A[A-ZÀ-Þ][\w-]+(?: [\w-]+){0,2} (?:An|The) [a-z]"
    r"|\A([A-ZÀ-Þ][^\W\d_]{3,})(?: [\w-]+){0,2} A (?i:\1)"
    r"|\A([A-ZÀ-Þ][^\W\d_]{3,}) \2e?s? [a-z]"
)
# Numbers in a sentence that is rather a table or a list of reigns.
_LEAST_IN_TABLE = 5


def refusal(
    text: str, words: Sequence[Token], language: Language, *, is_note: bool = False
) -> Reason | None:
    """Return why a sentence makes no card whatever its worth; None if it may.

    Args:
        text: the sentence.
        words: its words and signs.
        language: their language.
        is_note: it is in a person's own note, whose code has its signs.
    """
    kinds = [token.kind for token in words if token.kind != Kind.SIGN]
    numbers = kinds.count(Kind.NUMBER)
    if len(kinds) > _MOST_WORDS and language.name != "cjk":
        return Reason.LONG
    if _BEGINS_WITHIN.match(text):
        return Reason.CUT_OFF
    if language.small and _LOST_LETTERS.search(text):
        return Reason.GARBLED
    if numbers >= _LEAST_IN_TABLE and 3 * numbers > len(kinds):
        return Reason.TABLE
    if not is_note and _PROGRAM.search(text):
        return Reason.TABLE
    if language.name == "en" and not is_note and _HEADING.match(text):
        return Reason.GARBLED
    if _QUESTION.search(text):
        return Reason.QUESTION
    if _EXCLAMATION.search(text):
        return Reason.ASIDE
    return Reason.ANNOUNCEMENT if _ELSEWHERE.search(text) else None


# --- answers --------------------------------------------------------------------------

# The Zipf frequency from which a single noun is no answer: time, process, problem.
_TOO_COMMON = 4.0
# Letters of the end of a word that may be its ending.
_ENDING = 2
_LEAST_STEM = 4
# Words beside a member of a list, which could be any other.
_AND = listed("cues", "and")


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
    has_verb_before = any(is_verb(token, language) for token in words[:first])
    if len(inner) > 1:
        # `ER stores`: a noun with its verb
        end = inner[-1].folded
        may_be_verb = language.name == "en" and language.may_be_verb(end)
        return may_be_verb and end.endswith("s") and not has_verb_before

    [token] = inner
    if len(token.word) == 1 and token.word.isalpha():
        return True
    if token.kind == Kind.NUMBER:
        before = [other.word for other in words[:first]]
        is_point = last < len(words) and words[last].word == ")"  # `1) real, 2) useful`
        is_point = is_point and before.count("(") <= before.count(")")
        return is_point or token.word.isalpha()  # `two`
    if token.kind != Kind.NOUN:
        return False
    beside = {
        word.folded for word in (*words[first - 1 : first], *words[last : last + 1])
    }
    is_of_list = not beside.isdisjoint(_AND)
    may_be_verb = language.name == "en" and (
        token.folded.endswith("ing") or language.look_up(token.folded)[0] in "bv"
    )
    return token.zipf > _TOO_COMMON or may_be_verb or is_of_list
