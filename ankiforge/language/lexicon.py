"""Read the word lists in `data/`.

A file consists of sections of lines, each with a label (a language or a meaning) and words.
`LanguageTables` holds the lists of one language: function words, word classes, frequencies, and
cues, which are words that reveal the purpose of a sentence, such as a definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
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
    lists = lines.values() if label is None else [lines.get(label, ())]
    return frozenset(word.casefold() for words in lists for word in words)


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
        self._tails_by_word: dict[str, list[_CueTail]] = {}
        self._tails_by_prefix: dict[str, list[tuple[str, _CueTail]]] = {}
        self._tail_cache: dict[str, list[_CueTail]] = {}
        """Caches, for each word that was looked up, the cues that may begin with it."""
        for section_name in _CUE_SECTIONS:
            for cue in read_section("cues", section_name).get(name, ()):
                if name in ("fr", "it"):
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
            entries = self._tail_cache.get(word)
            if entries is None:
                entries = list(self._tails_by_word.get(word, ()))
                for prefix, entry in self._tails_by_prefix.get(word[:_PREFIX_LENGTH], ()):
                    if word.startswith(prefix):
                        entries.append(entry)
                self._tail_cache[word] = entries
            for section_name, tail in entries:
                end = index + 1 + len(tail)
                if end <= len(words) and all(
                    map(_matches_cue_word, words[index + 1 : end], tail)
                ):
                    cues.append(Cue(section_name, index, end))
        return cues


def _matches_cue_word(word: str, pattern: str) -> bool:
    """Return whether a word matches a word of a cue. A final `*` in the cue matches any ending."""
    return word == pattern or (pattern[-1] == "*" and word.startswith(pattern[:-1]))


_INFLECTIONS = (
    ("ing", ("", "e")),
    ("ed", ("", "e")),
    ("ies", ("y",)),
    ("es", ("",)),
    ("s", ("",)),
)


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
        if name == "zh":
            # the list of Chinese function words doesn't include these
            self.function_words |= self.determiners | self.pronouns | self.prepositions
            self.function_words |= (
                self.copulas | self.genitive_prepositions | self.auxiliaries
            )
        naming = read_word_set("cues", "called", name) | read_word_set(
            "cues", "means", name
        )
        if name in ("en", "de"):
            naming |= read_word_set("cues", "cause", name)
        self.cue_verbs = frozenset(filter(str.isalpha, naming)) - self.function_words
        """Words of cues that count as verbs even if they may also be nouns."""
        self.vague_nouns = read_word_set("cues", "vague", name)
        self.cues = CueFinder(name)
        self._entries: dict[str, tuple[str, float]] = {}
        self._endings: dict[str, str] = {}
        self.simplified_by_code: dict[int, str] = {}
        """Maps the code of each traditional Chinese character to the simplified one."""
        if name in (*LANGUAGES, "zh"):
            table = read_table(DATA_DIRECTORY / f"words-{name}.txt")
            for word_class, endings in table["endings"].items():
                self._endings.update(dict.fromkeys(endings, word_class))
            for label, words in table["words"].items():
                entry = (label[0], float(label[1:]))
                self._entries.update(dict.fromkeys(words, entry))
                if label[0] == "s":
                    self.function_words |= frozenset(words)
            for character, others in table.get("traditional", {}).items():
                self.simplified_by_code.update(dict.fromkeys(map(ord, others), character))
        self.known_words = self.function_words.union(self._entries)
        """All casefolded words in the tables of this language."""

    def casefold_word(self, word: str) -> str:
        """Casefold a word and, in English and German, remove the possessive ending `'s`."""
        folded = word.casefold()
        if folded.isalpha():
            return folded
        folded = folded.replace("’", "'")
        return folded.removesuffix("'s") if self.name in ("en", "de") else folded

    def look_up_word(self, word: str) -> tuple[str, float]:
        """Return the word class and Zipf frequency of a casefolded word.

        The classes are `n` (noun), `v` (verb), `a` (adjective), `r` (adverb), `b` (noun or verb),
        `c` (adjective or noun), `d` (participle, i.e. adjective or verb), `s` (function word)
        and, in Chinese, `N` (name). If a word isn't listed, its class is guessed from its ending.
        """
        entry = self._entries.get(word)
        if entry is None:
            word_class = self._find_inflected_class(word)
            for length in range(min(_MAX_ENDING_LENGTH, len(word) - 2), 0, -1):
                word_class = word_class or self._endings.get(word[-length:], "")
            entry = self._entries[word] = (word_class or "n", UNKNOWN_WORD_ZIPF)
        return entry

    def get_frequency(self, word: str) -> float | None:
        """Return the Zipf frequency of a casefolded word, or None if no word list contains it."""
        entry = self._entries.get(word)
        return None if entry is None else entry[1]

    def _find_inflected_class(self, word: str) -> str:
        """Return the word class of an inflected English verb, or "" if the word isn't one."""
        if self.name != "en" or len(word) < 5:
            return ""
        for ending, stems in _INFLECTIONS:
            for stem in stems if word.endswith(ending) else ():
                base_form = word[: -len(ending)] + stem
                word_class, frequency = self._entries.get(base_form, ("", 0.0))
                if word_class in ("v", "b") and frequency > UNKNOWN_WORD_ZIPF:
                    kinds = {"ed": "d", "ies": word_class, "s": word_class}
                    return kinds.get(ending, "v")
        return ""


@cache
def load_language(name: str) -> LanguageTables:
    """Load the word lists of the language with the code `name`."""
    return LanguageTables(name)
