"""Read the word lists in `data/`.

A file consists of sections of lines, each with a label (a language or a meaning) and words.
`LanguageTables` holds the lists of one language: function words, word classes, frequencies, and
cues, which are words that reveal the purpose of a sentence, such as a definition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ankiforge.model import Strings
from ankiforge.text import regex

DATA_DIRECTORY = Path(__file__).parent / "data"
WordSet = frozenset[str]
WordTable = dict[str, dict[str, tuple[str, ...]]]
"""Maps sections to labels to words."""


@cache
def read_table(path: Path) -> WordTable:
    """Parse a word list, which consists of `[section]` and `label: words` lines.

    A line without a label continues the previous line.
    """
    table: WordTable = {}
    lines: dict[str, tuple[str, ...]] = {}
    label = ""
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            lines = table.setdefault(line.strip("[]"), {})
            continue
        line_label, colon, words = line.partition(":")
        if colon and not line[0].isspace():
            label = line_label
        else:
            words = line
        lines[label] = (*lines.get(label, ()), *words.split())
    return table


@cache
def read_weights(path: Path) -> dict[str, float]:
    """Read a file of feature weights. Each line has the name of a feature and its weight."""
    weights = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            feature, _, number = line.partition(" ")
            weights[feature] = float(number)
    return weights


def read_section(file: str, section: str) -> dict[str, tuple[str, ...]]:
    """Return the words of a section of `data/FILE.txt`, keyed by their label."""
    return read_table(DATA_DIRECTORY / f"{file}.txt")[section]


@cache
def read_word_set(file: str, section: str, label: str | None = None) -> WordSet:
    """Return the casefolded words of a section, or only the words under `label` if given."""
    lines = read_section(file, section)
    word_lists: Iterable[Strings] = lines.values()
    if label is not None:
        word_lists = [lines.get(label, ())]
    return frozenset(map(str.casefold, chain.from_iterable(word_lists)))


def read_labels_by_word(file: str, section: str) -> dict[str, str]:
    """Map each word of a section to its label."""
    labels = {}
    for label, words in read_section(file, section).items():
        labels.update(dict.fromkeys(words, label))
    return labels


def build_section_pattern(file: str, section: str) -> str:
    """Build a regular expression that matches any word or phrase of a section.

    Underscores in the file stand for spaces.
    """
    lines = read_section(file, section).values()
    return "|".join("|".join(words) for words in lines).replace("_", " ")


# --- the tables of a language ---------------------------------------------------------

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ru")
"""The codes of the languages that have word lists and put spaces between words."""
_CUE_SECTIONS = ("called", "means", "cause", "leans", "this", "somebody", "you")
_MAX_ENDING_LENGTH = 5
UNKNOWN_WORD_ZIPF = 2.6
"""The Zipf frequency assumed for a word that isn't in any table.

A Zipf frequency is the base-10 logarithm of the number of occurrences per billion words.
"""


class Cue(NamedTuple):
    """A sequence of words that reveals the purpose of a sentence.

    For example, `is called` introduces a term.
    """

    section: str
    """The section of `data/cues.txt` that lists the cue and thus defines its meaning."""
    first: int
    """The index of the first word."""
    end: int
    """The index after the last word."""


_CueTail = tuple[str, Strings]
"""The section of a cue, and all its words except the first."""
_PREFIX_LENGTH = 3
_ELISION = regex(r"(?<=\w)'(?=\w)")


class CueFinder:
    """Finds the cues of one language in sentences."""

    def __init__(self, name: str) -> None:
        """Read the cues of the language with the code `name`.

        In the file, the words of a cue are joined by `_`, and `*` stands for any ending, as in
        `conocid*_como`. They are indexed by their first word or, before a `*`, its first letters.
        """
        self._tails_by_word: dict[str, list[_CueTail]] = {}
        self._tails_by_prefix: dict[str, list[tuple[str, _CueTail]]] = {}
        """Maps the first letters of a first word to its part before the `*`, and the tail."""
        self._tail_cache: dict[str, list[_CueTail]] = {}
        """Caches, for each word that was looked up, the cues that may begin with it."""
        for section_name in _CUE_SECTIONS:
            for cue in read_section("cues", section_name).get(name, ()):
                if name in ("fr", "it"):  # `l'on` is two tokens, `l'` and `on`
                    cue = _ELISION.sub("'_", cue)
                first, *tail = cue.casefold().split("_")
                entry = (section_name, tuple(tail))
                if first.endswith("*"):
                    key = first[:_PREFIX_LENGTH]
                    self._tails_by_prefix.setdefault(key, []).append((first[:-1], entry))
                else:
                    self._tails_by_word.setdefault(first, []).append(entry)

    def find_cues(self, words: Sequence[str]) -> list[Cue]:
        """Find all cues in a sentence, in order. `words` are its casefolded tokens."""
        cues = []
        for index, word in enumerate(words):
            for section_name, tail in self._list_cues_beginning_with(word):
                end = index + 1 + len(tail)
                if _match_cue_words(words[index + 1 : end], tail):
                    cues.append(Cue(section_name, index, end))
        return cues

    def _list_cues_beginning_with(self, word: str) -> list[_CueTail]:
        if word not in self._tail_cache:
            tails = list(self._tails_by_word.get(word, ()))
            for prefix, tail in self._tails_by_prefix.get(word[:_PREFIX_LENGTH], ()):
                if word.startswith(prefix):
                    tails.append(tail)
            self._tail_cache[word] = tails
        return self._tail_cache[word]


def _match_cue_words(words: Sequence[str], tail: Strings) -> bool:
    """Return whether words match those of a cue. A `*` at the end of the latter is any ending."""
    if len(words) != len(tail):
        return False
    return all(map(_matches_cue_word, words, tail))


def _matches_cue_word(word: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return word.startswith(pattern[:-1])
    return word == pattern


class WordClass(StrEnum):
    """What a word may be in a sentence. The values are the labels in the tables."""

    NOUN = "n"
    NAME = "N"
    """A Chinese name. Other languages write names with a capital."""
    VERB = "v"
    ADJECTIVE = "a"
    ADVERB = "r"
    FUNCTION_WORD = "s"
    NOUN_OR_VERB = "b"
    NOUN_OR_ADJECTIVE = "c"
    PARTICIPLE = "d"
    """A verb or adjective."""


# The endings of inflected English verbs, with the endings of the base form that they replace and
# the class of the inflected word, or None if it is the class of the base form.
_INFLECTIONS: tuple[tuple[str, Strings, WordClass | None], ...] = (
    ("ing", ("", "e"), WordClass.VERB),
    ("ed", ("", "e"), WordClass.PARTICIPLE),
    ("ies", ("y",), None),
    ("es", ("",), WordClass.VERB),
    ("s", ("",), None),
)
_MIN_INFLECTED_LENGTH = 5


class LanguageTables:
    """The word lists of one language. They are empty if the language is unknown ("")."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.function_words = read_word_set("small_words", "small", name)
        """Words such as articles and prepositions, which have no meaning by themselves."""
        self.determiners = read_word_set("cues", "determiners", name)
        self.pronouns = read_word_set("cues", "pronouns", name)
        self.words_before_verbs = read_word_set("cues", "before_verbs", name)
        """Words such as `to`, after which a word is a verb if it can be one."""
        self.copulas = read_word_set("cues", "copulas", name)
        """Verbs, such as `is`, that link the subject of a sentence to its definition."""
        self.auxiliaries = read_word_set("cues", "auxiliaries", name)
        """Words that count as verbs although most of them are function words."""
        self.genitive_prepositions = read_word_set("cues", "join", name)
        self.number_words = read_word_set("cues", "numbers", name)
        self.prepositions = read_word_set("cues", "prepositions", name)
        if name == "zh":  # whose list of function words doesn't include these
            self.function_words = self.function_words.union(
                self.determiners,
                self.pronouns,
                self.prepositions,
                self.copulas,
                self.genitive_prepositions,
                self.auxiliaries,
            )
        self.cue_verbs = _read_cue_verbs(name) - self.function_words
        """Words of cues that count as verbs even if they may also be nouns."""
        self.vague_nouns = read_word_set("cues", "vague", name)
        self.cues = CueFinder(name)
        self._entries: dict[str, tuple[WordClass, float]] = {}
        """The class and Zipf frequency of each word."""
        self._endings: dict[str, WordClass] = {}
        """The class of most words with an ending."""
        self.simplified_by_code: dict[int, str] = {}
        """Maps the code of each traditional Chinese character to the simplified one."""
        if name in (*LANGUAGES, "zh"):
            self._read_words(read_table(DATA_DIRECTORY / f"words-{name}.txt"))
        self.known_words = self.function_words.union(self._entries)
        """All casefolded words in the tables of this language."""

    def _read_words(self, table: WordTable) -> None:
        """Read the classes of words and endings. The label `n3.5` is a noun of that frequency."""
        for label, endings in table["endings"].items():
            self._endings.update(dict.fromkeys(endings, WordClass(label)))
        for label, words in table["words"].items():
            word_class, zipf = WordClass(label[0]), float(label[1:])
            self._entries.update(dict.fromkeys(words, (word_class, zipf)))
            if word_class is WordClass.FUNCTION_WORD:
                self.function_words |= frozenset(words)
        for simplified, traditional in table.get("traditional", {}).items():
            codes = map(ord, traditional)
            self.simplified_by_code.update(dict.fromkeys(codes, simplified))

    def casefold_word(self, word: str) -> str:
        """Casefold a word and, in English and German, remove the possessive ending `'s`."""
        folded = word.casefold()
        if folded.isalpha():
            return folded
        folded = folded.replace("’", "'")
        if self.name in ("en", "de"):
            return folded.removesuffix("'s")
        return folded

    def look_up_word(self, word: str) -> tuple[WordClass, float]:
        """Return the class and Zipf frequency of a casefolded word.

        If a word isn't listed, its class is guessed from its ending.
        """
        if word not in self._entries:
            self._entries[word] = (self._guess_class(word), UNKNOWN_WORD_ZIPF)
        return self._entries[word]

    def get_frequency(self, word: str) -> float | None:
        """Return the Zipf frequency of a casefolded word, or None if no word list contains it."""
        if word not in self._entries:
            return None
        _, zipf = self._entries[word]
        return zipf

    def _guess_class(self, word: str) -> WordClass:
        """Return the class of a word that no table contains. A noun is the most likely."""
        if self.name == "en":
            verb_class = self._find_class_of_inflected_verb(word)
            if verb_class is not None:
                return verb_class
        for length in range(min(_MAX_ENDING_LENGTH, len(word) - 2), 0, -1):
            ending = word[-length:]
            if ending in self._endings:
                return self._endings[ending]
        return WordClass.NOUN

    def _find_class_of_inflected_verb(self, word: str) -> WordClass | None:
        """Return the class of an inflected English verb, or None if the word isn't one."""
        if len(word) < _MIN_INFLECTED_LENGTH:
            return None
        for ending, base_endings, inflected_class in _INFLECTIONS:
            if not word.endswith(ending):
                continue
            for base_ending in base_endings:
                base_form = word.removesuffix(ending) + base_ending
                if base_form not in self._entries:
                    continue
                base_class, zipf = self._entries[base_form]
                if base_class not in (WordClass.VERB, WordClass.NOUN_OR_VERB):
                    continue
                if zipf > UNKNOWN_WORD_ZIPF:
                    return inflected_class or base_class
        return None


def _read_cue_verbs(name: str) -> WordSet:
    """Read the words of the cues that name or define something or, in two languages, are causes."""
    sections = ["called", "means"]
    if name in ("en", "de"):
        sections.append("cause")
    words = frozenset[str]().union(
        *(read_word_set("cues", section, name) for section in sections)
    )
    return frozenset(filter(str.isalpha, words))  # no words with `_` or `*`


@cache
def load_language(name: str) -> LanguageTables:
    """Load the word lists of the language with the code `name`."""
    return LanguageTables(name)
