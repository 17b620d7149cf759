"""The words of a sentence with their class: noun, verb, adjective, number, small word."""

from __future__ import annotations

import re
from enum import IntEnum

from ankiforge.draft.propose.words import Language
from ankiforge.text import regex


class Kind(IntEnum):
    """What a token is."""

    SIGN = 0
    SMALL = 1
    NOUN = 2
    VERB = 3
    ADJECTIVE = 4
    ADVERB = 5
    NAME = 6
    NUMBER = 7
    SHIELD = 8
    """Code, a formula or an address."""
    UNSAFE = 9
    """A word at a brace or backslash, or a placeholder: never hidden."""


class Token:
    """A word or a sign of a text."""

    __slots__ = ("end", "kind", "low", "start", "word", "zipf")

    def __init__(self, start: int, end: int, word: str) -> None:
        self.start = start
        self.end = end
        self.word = word
        self.low = word
        """The word casefolded, without a possessive."""
        self.kind = Kind.SIGN
        self.zipf = 7.0
        """How frequent it is."""


_NUMBER = r"""
    [$€£]?\d{1,3}(?:[\u00a0\u202f\ ]\d{3})+(?!\d)(?:[.,]\d+)?(?:\s?[%‰€£°]C?)?
    | [$€£]?\d+(?:[.,:/×^–-]\d+)*(?:st|nd|rd|th|e|er|re|[ºª°])?(?:-?[а-яё]{1,3}\b)?
      (?:\s?[%‰€£]|\s?°\s?[CFK]?)?(?![^\W\d_])
    """
_ELIDED = r"(?:[ldnmtsjc]|qu|jusqu|lorsqu|puisqu)['’](?=\w)"
_ELIDED_ITALIAN = r"(?:l|un|d|c|s|dell|all|dall|nell|sull|quell|quest|dev)['’](?=\w)"
_WORD = r"[^\W_]+(?:[-'’‐‑·/.][^\W_]+)*[+#]*|[^\W_]+(?:_[^\W_]+)+"


def _pattern(elided: str) -> re.Pattern[str]:
    before = rf"(?P<elided>(?i:(?<!\w){elided}))|" if elided else ""
    return re.compile(
        rf"""(?x)
          (?P<shield>\$\$[^$]+\$\$|\$(?=\S)[^$\n]*[^\s$]\$(?!\d)|`+[^`\n]+`+|https?://\S+|www\.\S+)
        | (?P<number>{_NUMBER})
        | {before}(?P<word>{_WORD})
        | (?P<sign>\*\*|__|==|[^\w\s]|_)
        """
    )


_PATTERN = regex("")
_PATTERNS: dict[str, re.Pattern[str]] = {}
_UNSAFE_BEFORE = frozenset("{}\\^$#@&|")
_UNSAFE_BEHIND = frozenset("{}\\^$|")
_IDENTIFIER = regex(r"[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|\w*_\w*")
_SENTENCE_END = frozenset(".!?…:")
_CLASSES = {"n": Kind.NOUN, "v": Kind.VERB, "a": Kind.ADJECTIVE, "r": Kind.ADVERB}
_ADJECTIVE_BEHIND = frozenset(("fr", "es", "it", "pt"))


def tokens(text: str, language: Language) -> list[Token]:
    """Return the words and signs of a text in order."""
    name = language.name
    pattern = _PATTERNS.get(name)
    if pattern is None:
        elided = {"fr": _ELIDED, "it": _ELIDED_ITALIAN}.get(name, "")
        pattern = _PATTERNS.setdefault(name, _pattern(elided))
    found: list[Token] = []
    for match in pattern.finditer(text):
        group = match.lastgroup
        token = Token(match.start(), match.end(), match[0])
        if group in ("word", "elided"):
            low = token.word.casefold().replace("’", "'")
            if low.endswith("'s") and name in ("en", "de"):
                low = low[:-2]
            token.low = low
            token.kind = Kind.SMALL if low in language.small else Kind.NOUN
        elif group == "number":
            token.kind = Kind.NUMBER
            token.zipf = 3.5
        elif group == "shield":
            token.kind = Kind.SHIELD
            token.zipf = 3.0
        found.append(token)
    _classify(found, text, language)
    return found


def _classify(found: list[Token], text: str, language: Language) -> None:
    """Give each word its kind, with what stands beside it where it has two."""
    begins = True
    previous: Token | None = None
    for place, token in enumerate(found):
        if token.kind is Kind.SIGN:
            if token.word in _SENTENCE_END:
                begins = True
            previous = token
            continue
        if token.kind is Kind.NOUN:
            following = found[place + 1] if place + 1 < len(found) else None
            token.kind, token.zipf = _kind(token, previous, following, language, begins=begins)
            if text[token.start - 1 : token.start] in _UNSAFE_BEFORE and token.start:
                token.kind = Kind.UNSAFE
            elif text[token.end : token.end + 1] in _UNSAFE_BEHIND and token.end < len(text):
                token.kind = Kind.UNSAFE
            elif "_" in token.word and _IDENTIFIER.fullmatch(token.word):
                token.kind = Kind.UNSAFE
        elif token.kind is Kind.SMALL and token.word.isupper() and len(token.word) > 1:
            if token.word.isalpha() and not text.isupper():
                token.kind = Kind.NAME
                token.zipf = 3.5
        begins = False
        previous = token


def _kind(
    token: Token,
    previous: Token | None,
    following: Token | None,
    language: Language,
    *,
    begins: bool,
) -> tuple[Kind, float]:
    """Return the kind and the frequency of a word that is no small word."""
    name = language.name
    if token.low in language.numbers:
        return Kind.NUMBER, 4.0
    letter, zipf = language.look_up(token.low)
    before = previous.low if previous is not None else ""
    is_after_determiner = before in language.determiners
    if token.low in language.verbs and not is_after_determiner:
        return Kind.VERB, zipf
    is_capital = token.word[0].isupper()
    if is_capital and not begins:
        if name == "de":
            return Kind.NOUN, zipf
        return Kind.NAME, zipf
    if name == "de" and not is_capital and letter in "nbc":
        letter = "a" if letter != "b" else "v"
    kind = _CLASSES.get(letter)
    is_before_noun = following is not None and following.kind is Kind.NOUN
    if kind is Kind.VERB and name == "en" and previous is not None:
        if previous.kind is Kind.ADJECTIVE and not is_before_noun:
            return Kind.NOUN, zipf  # collective bargaining
    if kind is Kind.VERB and is_after_determiner and before not in language.before_verbs:
        # the running water, the caused
        return (Kind.ADJECTIVE if is_before_noun else Kind.NOUN), zipf
    if kind is not None:
        return kind, zipf
    if letter == "b":
        is_verb = before in language.before_verbs
        if not is_verb and previous is not None and not is_after_determiner:
            is_after_noun = previous.kind in (Kind.NOUN, Kind.NAME)
            is_verb = is_after_noun and following is not None and following.kind is Kind.SMALL
        return (Kind.VERB if is_verb else Kind.NOUN), zipf
    after_noun = previous is not None and previous.kind in (Kind.NOUN, Kind.NAME)
    if letter == "c":
        if name in _ADJECTIVE_BEHIND:
            return (Kind.ADJECTIVE if after_noun or is_before_noun else Kind.NOUN), zipf
        return (Kind.ADJECTIVE if is_before_noun else Kind.NOUN), zipf
    if name in _ADJECTIVE_BEHIND:
        return (Kind.ADJECTIVE if after_noun else Kind.VERB), zipf
    follows_small = following is not None and following.kind is Kind.SMALL
    return (
        Kind.VERB if after_noun or follows_small or not is_before_noun else Kind.ADJECTIVE
    ), zipf
