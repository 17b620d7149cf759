"""Texts that read broken: cut off, glued together by a copy, a table, a list of references.

No card is proposed for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ankiforge.draft.propose.reasons import Reason
from ankiforge.language.lexicon import Language
from ankiforge.language.tokens import Kind, Token, is_verb, tokens
from ankiforge.text import regex
from ankiforge.text.damage import damage_in
from ankiforge.text.shields import without_formulas

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
_AND = "and|or|to|than|und|oder|bzw|sowie|bis|et|ou|y|e|o|u|i|en|of|и|или"
# `con- scious`, not `mid- to late`.
_HYPHEN = regex(rf"[{_LOWER}]{{2}}[-‐¬] (?!(?:{_AND})\b)[{_LOWER}]{{2}}")
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
