"""The words of a sentence with their class: noun, verb, adjective, number, small word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

from ankiforge.language.chinese import words_of_run
from ankiforge.language.lexicon import RAREST, Language
from ankiforge.text import regex
from ankiforge.text.fold import MATH


class Kind:
    """The kinds of tokens; plain numbers, because they are compared so often."""

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
    """A word or a sign of a text. Nobody changes one that `tokens` has returned."""

    __slots__ = ("end", "folded", "kind", "start", "word", "zipf")

    def __init__(
        self, start: int, end: int, word: str, kind: int = Kind.SIGN, zipf: float = 7.0
    ) -> None:
        self.start = start
        self.end = end
        self.word = word
        self.folded = word
        """The word casefolded, without a possessive."""
        self.kind = kind
        self.zipf = zipf
        """How frequent it is."""


# Letters may follow it where no blank does: `1869年`, `1443년`.
_NUMBER = r"""
    [$€£]?\d{1,3}(?:[\u00a0\u202f\ ]\d{3})+(?!\d)(?:[.,]\d+)?(?:\s?[%‰€£°]C?)?
    | [$€£]?\d+(?:[.,:/×^–-]\d+)*(?:st|nd|rd|th|e|er|re|[ºª°])?(?:-?[а-яё]{1,3}\b)?
      (?:\s?[%‰€£]|\s?°\s?[CFK]?)?(?![^\W_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])
    """
_ELIDED = r"(?:[ldnmtsjc]|qu|jusqu|lorsqu|puisqu)['’](?=\w)"
_ELIDED_ITALIAN = r"(?:l|un|d|c|s|dell|all|dall|nell|sull|quell|quest|dev)['’](?=\w)"
# `Node.js` and `U.S` are words, `revolution.9` is one with the number of a footnote.
_STOP_WITHIN = r"\.(?!\d)|(?<![^\W\d_]{4})\."
_JOINED = rf"(?:(?:[-'’‐‑·/]|{_STOP_WITHIN})[^\W_]+)*(?:(?<=s)’(?=\s\w)|[+#]+)?"
_WORD = rf"[^\W\d_][^\W_]*(?:(?:_[^\W_]+)+|{_JOINED})"
_WORD_WITH_DIGIT = rf"[^\W_]+{_JOINED}"
# `U.S. Food`, `Brent W. Roberts`: the stop belongs to the letters, and ends no sentence.
_INITIALS = (
    r"(?:[^\W\da-zß-ÿа-яё_]\.){2,}(?=\s+[^\W_])"
    r"|[^\W\da-zß-ÿа-яё_]\.(?=\s+[A-ZÀ-ÞА-ЯЁ](?:[^\W\d_]|\.))"
)
# Kana and ideographs: katakana and runs of ideographs are words, hiragana is what joins them.
_KANA = r"[ァ-ヺー]{2,}|[\u3400-\u9fff]+|[ぁ-ゖ]+"
_IDEOGRAPHS = r"[\u3400-\u9fff]+"
# `5000万人`, `20世纪60年代`, `90%以上`: what a Chinese number counts belongs to it.
_NUMBER_ZH = r"""
    \d+(?:[.,:/×^–-]\d+)*\s?(?:[百千万萬亿億]+|[%％‰])?\s?(?:
      (?:年代?|世[纪紀](?:\d+年代)?|个?月|個月|[日号號天岁歲度倍元人名位个個种種只隻条條颗顆次章元吨噸克升]
      |小[时時]|分[钟鐘]|秒|[千厘毫微纳公光英]?[米里克升年吨]|美元|平方公里|摄氏度|公[斤顷]|[℃Ω])
      (?:\d+[月日])?(?:\d+日)?
    )?(?![\d])
    """


@cache
def _pattern_of(name: str) -> re.Pattern[str]:
    """Return the pattern of the words and signs of a language."""
    elided = {"fr": _ELIDED, "it": _ELIDED_ITALIAN}.get(name, "")
    word = {
        "ja": f"{_KANA}|{_WORD}",
        "zh": f"{_IDEOGRAPHS}|[A-Za-z][A-Za-z0-9+#.-]*",
    }.get(name, f"{_INITIALS}|{_WORD}")
    number = _NUMBER_ZH if name == "zh" else _NUMBER
    before = rf"(?P<elided>(?i:(?<!\w){elided}))|" if elided else ""
    return re.compile(
        rf"""(?x)
          (?P<shield>https?://\S+|www\.\S+)
        | {before}(?P<word>{word})
        | (?P<span>\$\$[^$]+\$\$|{MATH}|`+[^`\n]+`+)
        | (?P<number>{number})
        | (?P<other>{_WORD_WITH_DIGIT})
        | (?P<sign>\n[ \t]*(?:\n|[-*+•][ \t]|\d+[.)][ \t])|\*\*|__|==|[^\w\s]|_)
        """
    )


_HIRAGANA = regex(r"[ぁ-ゖ]")
# A word beside one of these is a part of code, or of a formula.
_UNSAFE_SIGN = regex(r"[{}\\^$#@&|_]")
_UNSAFE_BEFORE = frozenset("{}\\^$#@&|")
_UNSAFE_AFTER = frozenset("{}\\^$|")
_BRACES = {"{": 1, "}": -1}
_MAY_BE_UNSAFE = frozenset((Kind.NOUN, Kind.NUMBER))
_IDENTIFIER = regex(r"[a-z]+(?:_[a-z0-9]+)+|[A-Z]+(?:_[A-Z0-9]+)+|\w*_\w*")
# A word with its auxiliary, `isn't`, `they're`, or a verb with its object, `apresentou-o`.
_WITH_VERB = {
    "en": regex(r"(?:n't|'(?:ll|re|ve|d|m))\Z"),
    "pt": regex(r"\w-(?:se|[oa]s?|l[oa]s?|n[oa]s?|lhes?|me|te)\Z"),
}
_SENTENCE_END = frozenset(".!?…:")
ADJECTIVE_AFTER_NOUN = frozenset(("fr", "es", "it", "pt"))
"""The languages in which most adjectives follow their noun."""
_ZIPF_OF_NUMBER = 3.5
_ZIPF_OF_SHIELD = 3.0
_ZIPF_OF_ACRONYM = 3.5
_ZIPF_OF_NUMERAL = 4.0
_ZIPF_OF_CONTRACTION = 6.0
# In Japanese, words of two ideographs are mostly everyday words: longer ones come first.
_ZIPF_OF_TWO_IDEOGRAPHS = 4.5
# The Zipf frequency below which two capitals that begin a sentence are a name.
_ZIPF_OF_NAME = 3.8


@lru_cache(maxsize=64)  # worth, ranking and the cues ask for the same text
def tokens(text: str, language: Language) -> tuple[Token, ...]:
    """Return the words and signs of a text in order."""
    words: list[Token] = []
    for match in _pattern_of(language.name).finditer(text):
        start, end = match.span()
        word = match[0]
        group = match.lastgroup
        if group == "sign":
            token = Token(start, end, word)
        elif group == "number":
            token = Token(start, end, word, Kind.NUMBER, _ZIPF_OF_NUMBER)
        elif group == "shield" or group == "span":
            token = Token(start, end, word, Kind.SHIELD, _ZIPF_OF_SHIELD)
        else:
            token = Token(start, end, word, Kind.NOUN)
            token.folded = language.casefolded(word.rstrip("."))
            if token.folded in language.small:
                token.kind = Kind.SMALL
        words.append(token)
    if language.name == "zh":
        return tuple(_classified_chinese(words, language))
    if language.name != "ja":
        _classify(words, text, language)
        return tuple(words)
    # runs of ideographs and katakana are terms
    for token in words:
        if token.kind != Kind.NOUN:
            continue
        token.zipf = 3.0
        if _HIRAGANA.match(token.word):
            token.kind = Kind.SMALL
        elif not token.word.isascii() and len(token.word) == 1:
            token.kind = Kind.ADVERB  # no word by itself
        else:
            token.kind = Kind.NAME
            if not token.word.isascii() and len(token.word) == 2:
                token.zipf = _ZIPF_OF_TWO_IDEOGRAPHS
    return tuple(words)


# --- Chinese --------------------------------------------------------------------------

_BEFORE_CHRIST = frozenset(("公元", "前", "公元前", "西元前", "西元"))
_NAME_DOTS = frozenset("·•・‧")
_KIND_BY_CLASS = {
    "n": Kind.NOUN,
    "N": Kind.NAME,
    "v": Kind.VERB,
    "a": Kind.ADJECTIVE,
    "c": Kind.ADJECTIVE,
    "d": Kind.VERB,
    "r": Kind.ADVERB,
    "s": Kind.SMALL,
}
_NOUN_LIKE = frozenset((Kind.NOUN, Kind.NAME, Kind.ADJECTIVE))
_CLAUSE_ENDS = frozenset("，。；：！？、,.;:!?")
_ASPECTS = frozenset("了着過过")
"""The characters that follow a verb only."""


def _classified_chinese(runs: list[Token], language: Language) -> list[Token]:
    """Return the words of Chinese, of which each run of ideographs is cut into words."""
    words: list[Token] = []
    for run in runs:
        if run.kind == Kind.NUMBER:
            while (
                words and words[-1].word in _BEFORE_CHRIST and words[-1].end == run.start
            ):
                era = words.pop()  # `公元前9500年`
                run = Token(era.start, run.end, era.word + run.word, run.kind, run.zipf)
            words.append(run)
        elif run.kind not in (Kind.NOUN, Kind.SMALL) or run.word.isascii():
            if run.kind == Kind.NOUN:
                run.kind = Kind.NAME
                run.zipf = _ZIPF_OF_ACRONYM
            words.append(run)
        else:
            for start, end in words_of_run(run.word, language):
                word = _chinese_word(run, start, end, language)
                if words and _goes_on(words[-1], word, language):
                    words[-1] = _joined(words[-1], word)
                else:
                    words.append(word)
    words = _with_dotted_names(words, language)
    clauses = [0]
    for word in words:
        clauses.append(clauses[-1] + (word.word in _CLAUSE_ENDS))
    verbs = Counter(
        clause
        for clause, word in zip(clauses, words, strict=False)
        if word.kind == Kind.VERB or word.folded in language.copulas
    )
    for clause, before, word, after in zip(
        clauses, [None, *words], words, [*words[1:], None], strict=False
    ):
        if word.kind != Kind.VERB:
            continue
        is_only_verb = verbs[clause] == 1
        if _may_be_noun(before, word, after, language, is_only_verb=is_only_verb):
            word.kind = Kind.NOUN
            verbs[clause] -= 1
    return words


def _chinese_word(run: Token, start: int, end: int, language: Language) -> Token:
    """Return the word between two places of a run of ideographs."""
    word = Token(run.start + start, run.start + end, run.word[start:end])
    word.folded = word.word.translate(language.simplified)
    letter, word.zipf = language.look_up(word.folded)
    if word.folded in language.small:
        word.kind = Kind.SMALL
    elif language.frequency(word.folded) is None and end > start + 1:
        word.kind = Kind.NAME  # the sounds of a foreign name
    else:
        word.kind = _KIND_BY_CLASS.get(letter, Kind.VERB)
    return word


def _goes_on(before: Token, word: Token, language: Language) -> bool:
    """Return whether one ideograph belongs to the word before it: `细胞核`, `弗莱明`."""
    if before.end != word.start or len(word.word) > 1 or before.word.isascii():
        return False
    if before.kind == Kind.NAME and word.folded in language.sounds:
        return language.sounds.issuperset(before.folded)
    if before.kind in (Kind.NOUN, Kind.NAME) and len(before.word) == 1:
        return word.kind in (Kind.NOUN, Kind.NAME) or word.folded in language.noun_endings
    is_noun = before.kind in (Kind.NOUN, Kind.NAME, Kind.ADJECTIVE, Kind.VERB)
    return is_noun and word.folded in language.noun_endings


def _joined(*words: Token) -> Token:
    """Return words that follow one another as one noun."""
    kind = Kind.NAME if words[0].kind == Kind.NAME else Kind.NOUN
    word = "".join(word.word for word in words)
    joined = Token(
        words[0].start, words[-1].end, word, kind, min(word.zipf for word in words)
    )
    joined.folded = "".join(word.folded for word in words)
    return joined


def _may_be_noun(
    before: Token | None,
    word: Token,
    after: Token | None,
    language: Language,
    *,
    is_only_verb: bool,
) -> bool:
    """Return whether a verb stands where a noun does: `工业革命`, `生物的进化过程`."""
    if before is None or len(word.word) == 1:
        return False
    if after is not None and after.folded in _ASPECTS:
        return False
    if before.folded in language.joins:
        return True
    if before.kind not in _NOUN_LIKE or after is None:
        return False
    if language.look_up(word.folded)[0] == "b" and after.kind in _NOUN_LIKE:
        return not is_only_verb
    return after.folded in language.joins or after.folded in language.copulas


def _with_dotted_names(words: list[Token], language: Language) -> list[Token]:
    """Return words, where those beside the dot of a foreign name are one: `亚历山大·弗莱明`."""
    names: list[Token] = []
    for word in words:
        if len(names) > 1 and names[-1].word in _NAME_DOTS and word.kind != Kind.SIGN:
            dot = names.pop()
            parts = [names.pop(), dot, word]
            while (
                names
                and names[-1].folded in language.sounds
                and names[-1].end == parts[0].start
            ):
                parts.insert(0, names.pop())
            word = _joined(*parts)
            word.kind = Kind.NAME
            word.zipf = RAREST
        elif (
            names
            and _NAME_DOTS.intersection(names[-1].word)
            and word.folded in language.sounds
        ):
            word = _joined(names.pop(), word)
        names.append(word)
    return names


def is_verb(token: Token, language: Language) -> bool:
    """Return whether a word is a verb, or an auxiliary."""
    return token.kind == Kind.VERB or token.folded in language.auxiliaries


# --- the kind of a word, by its neighbours where it may have two ----------------------


class _WordWithNeighbours(NamedTuple):
    """A word that is not a small word, with its neighbours."""

    token: Token
    previous: Token | None
    following: Token | None
    begins: bool
    """Whether it begins a sentence."""
    language: Language

    @property
    def before(self) -> str:
        """The casefolded word before it."""
        return self.previous.folded if self.previous is not None else ""

    @property
    def is_after_noun(self) -> bool:
        """Whether a noun or a name is before it."""
        return self.previous is not None and self.previous.kind in (Kind.NOUN, Kind.NAME)

    @property
    def is_after_determiner(self) -> bool:
        """Whether an article or the like is before it."""
        return self.before in self.language.determiners

    @property
    def is_before_noun(self) -> bool:
        """Whether a noun follows."""
        return self.following is not None and self.following.kind == Kind.NOUN

    @property
    def is_before_object(self) -> bool:
        """Whether the object of a verb follows, not a noun: `which amounts to`."""
        if self.following is None:
            return False
        folded = self.following.folded
        return (
            folded == "to"
            or folded in self.language.determiners
            or folded in self.language.pronouns
        )

    @property
    def is_behind_its_noun(self) -> bool:
        """Whether a noun is before it, in a language whose adjectives follow their noun."""
        return self.language.name in ADJECTIVE_AFTER_NOUN and self.is_after_noun


def _classify(words: list[Token], text: str, language: Language) -> None:
    """Give each word its kind."""
    may_be_unsafe = _UNSAFE_SIGN.search(text) is not None
    braces = 0
    begins = True
    previous: Token | None = None
    followings = [*words[1:], None]
    for token, following in zip(words, followings, strict=False):
        kind = token.kind
        if kind == Kind.SIGN:
            begins = begins or token.word in _SENTENCE_END
            braces += _BRACES.get(token.word, 0)
            previous = token
            continue
        if kind == Kind.NOUN:
            word_here = _WordWithNeighbours(token, previous, following, begins, language)
            token.kind, token.zipf = _kind(word_here)
        elif kind == Kind.SMALL:
            # written as an acronym: `IT`, `WHO`
            word = token.word
            if len(word) > 1 and word.isupper() and word.isalpha() and not text.isupper():
                token.kind = Kind.NAME
                token.zipf = _ZIPF_OF_ACRONYM
        if may_be_unsafe and kind in _MAY_BE_UNSAFE:
            # a part of code or a formula, or a placeholder
            sign_before = text[max(token.start - 1, 0) : token.start]
            sign_after = text[token.end : token.end + 1]
            if (
                braces > 0
                or sign_before in _UNSAFE_BEFORE
                or sign_after in _UNSAFE_AFTER
                or ("_" in token.word and _IDENTIFIER.fullmatch(token.word))
            ):
                token.kind = Kind.UNSAFE
        begins = False
        previous = token


def _kind(word: _WordWithNeighbours) -> tuple[int, float]:
    """Return the kind and the Zipf frequency of a word."""
    folded = word.token.folded
    language = word.language
    if folded in language.numbers:
        return Kind.NUMBER, _ZIPF_OF_NUMERAL
    with_verb = None if folded.isalpha() else _WITH_VERB.get(language.name)
    if with_verb is not None and with_verb.search(folded):
        return Kind.VERB, _ZIPF_OF_CONTRACTION
    letter, zipf = language.look_up(folded)
    if folded in language.verbs and not word.is_after_determiner:
        return Kind.VERB, zipf
    if word.token.word[0].isupper():
        if not word.begins:
            return (Kind.NOUN if language.name == "de" else Kind.NAME), zipf
        if _begins_with_name(word, zipf):
            return Kind.NAME, zipf
    elif language.name == "de":
        letter = _GERMAN_WITHOUT_CAPITAL.get(letter, letter)
    elif zipf == RAREST and word.before in language.copulas:
        if language.name in ADJECTIVE_AFTER_NOUN:
            return Kind.ADJECTIVE, zipf  # fue descubierta
    return _BY_CLASS.get(letter, _participle)(word), zipf


def _begins_with_name(word: _WordWithNeighbours, zipf: float) -> bool:
    """Return whether a sentence begins with a name: two capitals, of which the first is rare."""
    if word.language.name == "de" or zipf >= _ZIPF_OF_NAME or word.following is None:
        return False
    return word.is_before_noun and word.following.word[0].isupper()


# German nouns have a capital: what may be a noun or something else is something else.
_GERMAN_WITHOUT_CAPITAL = {"n": "a", "b": "v", "c": "a"}


# --- by the class of a word in the tables of its language ---


def _noun(word: _WordWithNeighbours) -> int:
    """Return the kind of a noun, whose plural may be a verb: `the team uses the`."""
    if word.language.name != "en" or not word.token.folded.endswith("s"):
        return Kind.NOUN
    is_subject = word.before == "which"
    if word.is_after_noun and not word.before.endswith("s"):
        is_subject = True
    if not is_subject or not word.is_before_object:
        return Kind.NOUN
    return Kind.VERB if word.language.may_be_verb(word.token.folded) else Kind.NOUN


def _verb(word: _WordWithNeighbours) -> int:
    """Return the kind of a verb, which may stand for an adjective or a noun."""
    previous = word.previous
    if word.language.name == "en" and previous is not None and not word.is_before_noun:
        if previous.kind == Kind.ADJECTIVE:
            return Kind.NOUN  # collective bargaining
    if word.is_after_determiner and word.before not in word.language.before_verbs:
        # the running water, the caused
        return Kind.ADJECTIVE if word.is_before_noun else Kind.NOUN
    return Kind.VERB


def _noun_or_verb(word: _WordWithNeighbours) -> int:
    """Return the kind of a word that is a noun or a verb: `the result`, `they result in`."""
    if word.before in word.language.before_verbs:
        return Kind.VERB
    if word.previous is None or word.is_after_determiner:
        return Kind.NOUN
    if word.is_before_object and (word.is_after_noun or word.before in ("and", "or")):
        return Kind.VERB
    return Kind.NOUN


def _participle(word: _WordWithNeighbours) -> int:
    """Return the kind of a participle: an adjective beside its noun, else a verb."""
    is_adjective = word.is_behind_its_noun
    if word.language.name not in ADJECTIVE_AFTER_NOUN:
        is_adjective = word.is_before_noun and not word.is_after_noun
    return Kind.ADJECTIVE if is_adjective else Kind.VERB


_BY_CLASS: dict[str, Callable[[_WordWithNeighbours], int]] = {
    "n": _noun,
    "v": _verb,
    "a": lambda word: Kind.ADJECTIVE,
    "r": lambda word: Kind.ADVERB,
    "b": _noun_or_verb,
    "c": lambda word: (
        Kind.ADJECTIVE if word.is_behind_its_noun or word.is_before_noun else Kind.NOUN
    ),
}
"""The rule for the kind of a word, by its class; a participle may have any other."""
