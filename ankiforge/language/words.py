"""Split text into words and reduce words to stems, for comparisons.

The stemming rules suit English and to some extent German. In Chinese and Japanese, each character
is a word. Stems are never shown or stored.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from ankiforge.language.lexicon import (
    DATA_DIRECTORY,
    WordSet,
    read_labels_by_word,
    read_section,
    read_word_set,
)
from ankiforge.text import regex

_FUNCTION_WORDS = {
    name: read_word_set("small_words", "small", name)
    for name in ("en", "de", "fr", "es", "it", "pt")
}
STOP_WORDS = (_FUNCTION_WORDS["en"] | _FUNCTION_WORDS["de"]) - read_word_set(
    "signs", "askable"
)
"""Function words that can't answer a question."""
QUESTION_WORDS = read_word_set("signs", "question")
_NON_CONTENT_WORDS = STOP_WORDS | QUESTION_WORDS
CONTENTLESS_WORDS = QUESTION_WORDS.union(
    read_word_set("signs", "adverbs"), *_FUNCTION_WORDS.values()
)
"""Words without content, such as function words and question words, which reveal neither the
subject nor the object of a sentence.
"""
NEGATIONS = read_word_set("meaning", "negations")
NEGATORS = read_word_set("meaning", "negators")
NUMBER_WORDS = read_labels_by_word("numbers", "number_words")
"""Maps number words to numbers in digits."""
ORDINALS = read_section("numbers", "ordinals")["en"]
"""The English ordinals in order, starting with `first`. The table has no others."""

# --- words ----------------------------------------------------------------------------

# Kana and ideographs. This is compiled only when it is needed, because that takes a millisecond.
_IDEOGRAPH = "([\u3040-\u30ff\u3400-\u9fff])"
_TOKEN = regex(r"[^\W_]+(?:['’][^\W_]+)?[+#]*")
# Equivalent to `_TOKEN` for ASCII, but twice as fast.
_ASCII_TOKEN = regex(r"[a-z0-9]+(?:'[a-z0-9]+)?[+#]*")
TERM_PATTERN = regex(r"\b(?:[A-Z]{2,}\w*|[A-Za-z]+\d\w*|[A-Z]*[a-z]+[A-Z]\w*)\b")
"""Matches an acronym, or a name with digits or inner capitals."""


def split_words(text: str) -> list[str]:
    """Split text into casefolded words.

    Each kana or ideograph counts as a word. Words like `C++` and `C#` keep their signs.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return _ASCII_TOKEN.findall(plain)
    return _TOKEN.findall(re.sub(_IDEOGRAPH, r" \1 ", plain))


def find_content_words(text: str) -> list[str]:
    """Return the casefolded words of a text without stop words and question words."""
    return [word for word in split_words(text) if word not in _NON_CONTENT_WORDS]


def find_stems(text: str) -> WordSet:
    """Return the stems of a text's content words."""
    return frozenset(map(stem_word, find_content_words(text)))


# Matches the number of a lead-in such as `Case 1` or `Example 2.3`.
_LEAD_IN_NUMBER = regex(r"\s+(?:\d+(?:\.\d+)*|[IVX]{1,4})\Z")


def is_lead_in(phrase: str) -> bool:
    """Return whether a phrase before a colon is a lead-in, such as `Case 1`, and not a term."""
    words = _LEAD_IN_NUMBER.sub("", phrase.strip(" :：.*_"))
    if words.casefold() in read_word_set("signs", "label"):
        return True
    return begins_like_clause(phrase)


_INTRODUCTION = regex(
    r"(?i)\W*(?:(?:as|for) (?:(?:an|another) )?(?:example|instance)|note that|in other words"
    r"|e\.g\.|(?:zum|als) beispiel|par exemple|por ejemplo)(?!\w)"
)


def begins_like_clause(phrase: str) -> bool:
    """Return whether a phrase begins like a clause, such as `As an example`, so it isn't a term."""
    return _INTRODUCTION.match(phrase) is not None


def contains_phrase(text: str, phrase: str, *, exact: bool = False) -> bool:
    """Return whether a text contains a phrase or its plural.

    Case is ignored unless `exact` is true.
    """
    # try a quick test first, because compiling a pattern is slow
    if phrase.casefold() not in text.casefold():
        return False
    flags = re.IGNORECASE
    if exact:
        flags = re.NOFLAG
    pattern = rf"(?<!\w){re.escape(phrase)}(?:e?s)?(?!\w)"
    return re.search(pattern, text, flags) is not None


def count_words(text: str) -> int:
    """Count the words in a text. Two ideographs count as one word."""
    if text.isascii():
        return len(text.split())
    rest, ideographs = re.subn(_IDEOGRAPH, " ", text)
    return len(rest.split()) + (ideographs + 1) // 2


# --- stems ----------------------------------------------------------------------------

# For each British spelling: substrings of which every such word contains one, a pattern that
# matches the spelling, and the American spelling.
_SPELLINGS = (
    (("our",), regex(r"(?<=[a-z]{3})our(?=$|s$|al$|ed$|ing$)"), "or"),
    (("ogue",), regex(r"(?<=[a-z]{2})ogue(?=s?$)"), "og"),
    (("re",), regex(r"(?<=[a-z][bcdfghjklmnpqtvw])re(?=s?$)"), "er"),
    (("ae", "oe"), regex(r"ae|oe"), "e"),
    (
        ("is", "ys"),
        regex(r"(?<=[a-z]{3})[iy]s(?=e$|ed$|es$|ing$|ation$|ations$|er$|ers$)"),
        "iz",
    ),
)
# Maps each replacement to the endings of inflected words that it replaces, in the order in which
# they are tried.
_ENDINGS_BY_REPLACEMENT = {
    "iz": "izations ization izing izers izer ized izes ize",
    "at": "ations ation ating ated ates ate",
    "y": "ies ied",
    "ss": "sses",
    "": "ings ing edly ed es s al",
}
_ENDINGS = tuple(
    (ending, replacement)
    for replacement, endings in _ENDINGS_BY_REPLACEMENT.items()
    for ending in endings.split()
)
# Words with these endings aren't inflected, so they are left unchanged.
_NOT_INFLECTED = ("ss", "us", "is", "ias")
_MIN_STEM_LENGTH = 3
_IRREGULAR = read_labels_by_word("numbers", "irregular")


@lru_cache(maxsize=65536)
def stem_word(token: str) -> str:
    """Reduce a casefolded word to its stem.

    Inflections are removed and British spellings become American, so that `centres` and `center`
    have the same stem.
    """
    token = _IRREGULAR.get(token, token)
    if len(token) <= _MIN_STEM_LENGTH or not token.isalpha():
        return token
    word = token
    for substrings, pattern, spelling in _SPELLINGS:
        if any(substring in word for substring in substrings):
            word = pattern.sub(spelling, word)
    if not word.endswith(_NOT_INFLECTED):
        for ending, replacement in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= _MIN_STEM_LENGTH:
                word = word[: -len(ending)] + replacement
                break
    word = word.removesuffix("e")
    if len(word) <= _MIN_STEM_LENGTH:
        return word
    last = word[-1]
    if last == word[-2] and last not in "aeios":
        return word[:-1]
    return word


_MAX_BEGINNING = 5


def get_word_prefix(word: str) -> str:
    """Return the first letters of a casefolded word, which are usually the same in all its forms.

    A number is returned as a whole.
    """
    word = word.removesuffix("'s").removesuffix("’s").rstrip("+#")
    if word[:1].isdigit():
        return word
    if len(word) > _MAX_BEGINNING:
        return word[:_MAX_BEGINNING]
    return word.removesuffix("s")


def find_word_prefixes(text: str) -> WordSet:
    """Return the prefixes of all words in a text, as `get_word_prefix` computes them."""
    return frozenset(map(get_word_prefix, split_words(text)))


# --- opposites and synonyms -----------------------------------------------------------


@cache  # loaded lazily, because a short run is mostly startup time
def load_opposites(*, stemmed: bool = True) -> dict[str, WordSet]:
    """Map each word in `data/opposites.txt` to its opposites.

    If `stemmed` is true, the map contains the stems of base forms. Otherwise, it contains the forms
    that occur in sentences, both unchanged and stemmed.
    """
    text = (DATA_DIRECTORY / "opposites.txt").read_text("utf-8")
    base_forms, _, sentence_forms = text.partition("\n--\n")
    opposites: dict[str, WordSet] = {}
    if not stemmed:
        for line in sentence_forms.splitlines():
            sides = [side.split() for side in line.split("/")]
            _add_opposites(
                opposites, [{*words, *map(stem_word, words)} for words in sides]
            )
        return opposites
    for line in base_forms.splitlines()[1:]:
        sides = [side.split() for side in line.split("/")]
        _add_opposites(opposites, [set(map(stem_word, words)) for words in sides])
    for ordinal in ORDINALS:  # each ordinal is the opposite of all others
        others = {stem_word(other) for other in ORDINALS if other != ordinal}
        _add_opposites(opposites, [{stem_word(ordinal)}, others])
    return opposites


def _add_opposites(opposites: dict[str, WordSet], sides: list[set[str]]) -> None:
    """Add to the opposites of each word the words on all other sides, as in `hot / cold cool`."""
    for index, words in enumerate(sides):
        other_words = frozenset[str]().union(*sides[:index], *sides[index + 1 :])
        for word in words:
            opposites[word] = opposites.get(word, frozenset()) | other_words


# Prepositions such as `in` and `out` don't count as opposites, because they say little about
# what a sentence means.
_PREPOSITIONS = read_word_set("meaning", "prepositions")


@lru_cache(maxsize=4096)
def find_antonyms(word: str) -> WordSet:
    """Return the antonyms of a word, each as a word and as a stem."""
    opposites: WordSet = frozenset()
    for word_form in {word, stem_word(word)} - _PREPOSITIONS:
        for table in (load_opposites(stemmed=False), load_opposites()):
            opposites |= table.get(word_form, frozenset())
    return opposites - _PREPOSITIONS


@cache
def load_synonyms() -> dict[str, WordSet]:
    """Map the stem of each word in `data/synonyms.txt` to the stems of its synonyms and itself."""
    groups: dict[str, WordSet] = {}
    for line in (DATA_DIRECTORY / "synonyms.txt").read_text("utf-8").splitlines()[1:]:
        group = frozenset(map(stem_word, line.split()))
        for word in group:
            groups[word] = groups.get(word, frozenset()) | group
    return groups
