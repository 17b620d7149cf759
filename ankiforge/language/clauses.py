"""Whether words are a sentence by themselves, what it is about, and whether a phrase is one thing.

The tables of `lexicon` know seven languages; of any other nothing is said here, and whoever asks
looks at `Language.small` first.

Tested by `tests/language/test_clauses_table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from ankiforge.language.lexicon import Language
from ankiforge.language.tokens import Kind, Token, is_verb, tokens
from ankiforge.text import regex

_BEGINS = regex(r"[\W_]*(?:[^\W\d_a-zß-ÿа-яё]|\d)")
_BREAKS_OFF = regex(r"(?:[,(\[{–—“„«-]|,[”\"’»]|\w-)\s*\Z")
_OF_SUBJECT = frozenset((Kind.NOUN, Kind.NAME, Kind.ADJECTIVE, Kind.SHIELD))
_THINGS = frozenset((Kind.NOUN, Kind.NAME, Kind.SHIELD))
_LAST_OF_PHRASE = _THINGS | {Kind.NUMBER}
# Words behind which a verb belongs to a clause that only describes a noun.
_RELATIVE = frozenset(
    (
        "that",
        "which",
        "who",
        "whose",
        "where",
        "che",
        "cui",
        "que",
        "qui",
        "dont",
        "quien",
    )
)
# Words from which a line of a note is a sentence by itself.
_LEAST_IN_LINE = 4


def begins_whole(text: str) -> bool:
    """Return whether a text begins with a capital or a digit."""
    return _BEGINS.match(text) is not None


def is_whole_line(text: str, language: Language) -> bool:
    """Return whether a line of a note without a full stop states something by itself."""
    words = tokens(text, language)
    goes_on = text.rstrip().endswith(":") or _breaks_off(text, language)
    if (
        len(text.split()) < _LEAST_IN_LINE
        or goes_on
        or not _begins_clause(words, language)
    ):
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


def _breaks_off(text: str, language: Language) -> bool:
    """Return whether words without a full stop are only the beginning of a sentence."""
    words = tokens(text, language)
    if _ends_open(words, language) or _BREAKS_OFF.search(text):
        return True
    return not any(language.may_be_verb(token.folded) for token in words)


def _ends_open(words: Sequence[Token], language: Language) -> bool:
    """Return whether the last word asks for another: an article, a preposition, `and`."""
    last = next((token for token in reversed(words) if token.kind != Kind.SIGN), None)
    if last is None or (last.word.isupper() and len(last.word) > 1):
        return False
    return last.folded in language.open_ends


def _begins_clause(words: Sequence[Token], language: Language) -> bool:
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


def names_subject(words: Sequence[Token], language: Language) -> bool:
    """Return whether a sentence names something before its verb."""
    names_something = False
    for token, behind in zip_longest(words, words[1:]):
        names_behind = behind is not None and behind.kind in _THINGS
        if token.kind in _THINGS:
            names_something = True
        elif is_verb(token, language) and not (token is words[0] and names_behind):
            return names_something  # `Working memory` is named by its first two words
    return names_something


def has_main_verb(words: Sequence[Token], language: Language) -> bool:
    """Return whether a verb says something, not only `that uses` or `required by` of a noun."""
    describes = False
    before: Token | None = None
    for token, behind in zip_longest(words, words[1:]):
        if token.folded in _RELATIVE:
            describes = True
        elif is_verb(token, language) or _is_plural_or_verb(
            before, token, behind, language
        ):
            begins_predicate = token.folded in language.auxiliaries  # `that cells use is`
            is_free = before is None or not (
                before.folded in language.auxiliaries  # `that can use`
                or (is_verb(before, language) and not begins_predicate)
                or before.folded in language.prepositions  # `for running`, `to represent`
            )
            if is_free and not (describes or _may_describe(token, behind, language)):
                return True
            describes = False
        before = token
    return False


def _is_plural_or_verb(
    before: Token | None, token: Token, behind: Token | None, language: Language
) -> bool:
    """Return whether a plural is a verb with its object instead: `the heart pumps blood`."""
    if language.name != "en" or before is None or behind is None:
        return False
    has_subject = before.kind in _THINGS or before.folded in _RELATIVE
    is_plural = token.kind == Kind.NOUN and token.folded.endswith("s")
    has_object = behind.kind in _THINGS or behind.folded in language.determiners
    return has_subject and is_plural and has_object


def _may_describe(verb: Token, behind: Token | None, language: Language) -> bool:
    """Return whether a verb may belong to the noun before it: `called`, `units required for`."""
    if verb.folded in language.participles:
        return True
    is_participle = language.look_up(verb.folded)[0] == "d"
    if language.name == "en":
        is_participle = verb.folded.endswith("ed")
    return is_participle and (behind is None or behind.folded in language.prepositions)


def is_noun_phrase(words: Sequence[Token], language: Language) -> bool:
    """Return whether words are a noun, name, number, code or formula with what is before it."""
    spoken = [token for token in words if token.kind != Kind.SIGN]
    if not spoken or spoken[-1].kind not in _LAST_OF_PHRASE:
        return False
    first = spoken[0]
    if first.kind == Kind.ADVERB:
        return False
    if first.kind == Kind.SMALL and first.folded not in language.determiners:
        return False  # `in phases`, `to a cell`, `both of them`
    return not any(is_verb(token, language) for token in spoken)
