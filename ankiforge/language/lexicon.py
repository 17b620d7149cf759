"""The word lists in `data/`, by language.

A list has sections of words, each line labelled with a language or a meaning. `Language` has the
tables of one: function words, cues, word classes and frequencies.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ankiforge.model import Strings
from ankiforge.text import regex

DATA = Path(__file__).parent / "data"
WordSet = frozenset[str]
Table = dict[str, dict[str, tuple[str, ...]]]
"""The words by section, and by the label of their line."""


@cache
def read_table(path: Path) -> Table:
    """Read a table: `[section]`, `label: words`; lines without a label continue the one before."""
    table: Table = {}
    lines: dict[str, tuple[str, ...]] = {}
    label = ""
    for line in path.read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            lines = table.setdefault(line.strip("[]"), {})
            continue
        head, colon, words = line.partition(":")
        if colon and not line[0].isspace():
            label = head
        else:
            words = line
        lines[label] = (*lines.get(label, ()), *words.split())
    return table


def read_weights(path: Path) -> dict[str, float]:
    """Read weights: a feature and a number on each line."""
    weights = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            feature, _, number = line.partition(" ")
            weights[feature] = float(number)
    return weights


def section(file: str, name: str) -> dict[str, tuple[str, ...]]:
    """Return the words of a section of `data/FILE.txt` by label."""
    return read_table(DATA / f"{file}.txt")[name]


@cache
def listed(file: str, name: str, label: str | None = None) -> WordSet:
    """Return the words of a section, casefolded: all, or those of one label."""
    lines = section(file, name)
    lists = lines.values() if label is None else [lines.get(label, ())]
    return frozenset(word.casefold() for words in lists for word in words)


def by_word(file: str, name: str) -> dict[str, str]:
    """Return the label of each word of a section."""
    labels = {}
    for label, words in section(file, name).items():
        labels.update(dict.fromkeys(words, label))
    return labels


def alternatives(file: str, name: str) -> str:
    """Return the words of a section as alternatives of a pattern; `_` stands for a blank."""
    lines = section(file, name).values()
    return "|".join("|".join(words) for words in lines).replace("_", " ")


# --- the tables of a language ---------------------------------------------------------

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ru")
"""The languages with word lists."""
_CUES = (
    "called called_before means cause contrast rule leans this somebody advice announces hedges "
    "you i we he_she".split()
)
_LONGEST_ENDING = 5
RAREST = 2.6
"""The frequency of a word that is in no table, on the Zipf scale (the logarithm of uses in
a billion words)."""


class Cue(NamedTuple):
    """Words that show the aim of a sentence, at their place among its tokens."""

    section: str
    first: int
    last: int
    """The token after them."""


_Rest = tuple[str, Strings]
"""The section of a cue, and the words after its first one."""
_FIRST_LETTERS = 3
_ELISION = regex(r"(?<=\w)'(?=\w)")


class Cues:
    """Finds the cues of one language in a sentence."""

    def __init__(self, name: str) -> None:
        self._by_word: dict[str, list[_Rest]] = {}
        self._by_beginning: dict[str, list[tuple[str, _Rest]]] = {}
        self._begun_by: dict[str, list[_Rest]] = {}
        """The cues that a word may begin, of the words looked up so far."""
        for cues in _CUES:
            for cue in section("cues", cues).get(name, ()):
                if name in ("fr", "it"):
                    cue = _ELISION.sub("'_", cue)
                first, *rest = cue.casefold().split("_")
                entry = (cues, tuple(rest))
                if first.endswith("*"):
                    key = first[:_FIRST_LETTERS]
                    self._by_beginning.setdefault(key, []).append((first[:-1], entry))
                else:
                    self._by_word.setdefault(first, []).append(entry)

    def find(self, words: Sequence[str]) -> list[Cue]:
        """Return the cues among casefolded words and signs, in order of their place."""
        cues = []
        for place, word in enumerate(words):
            entries = self._begun_by.get(word)
            if entries is None:
                entries = list(self._by_word.get(word, ()))
                for beginning, entry in self._by_beginning.get(word[:_FIRST_LETTERS], ()):
                    if word.startswith(beginning):
                        entries.append(entry)
                self._begun_by[word] = entries
            for name, rest in entries:
                end = place + 1 + len(rest)
                if not rest or _are(words, place + 1, rest):
                    cues.append(Cue(name, place, end))
        return cues


def _are(words: Sequence[str], place: int, wanted: Strings) -> bool:
    """Return whether the words from a place on are those of a cue; `*` is the rest of a word."""
    for number, pattern in enumerate(wanted, place):
        if number == len(words):
            return False
        word = words[number]
        if word != pattern and not (pattern[-1] == "*" and word.startswith(pattern[:-1])):
            return False
    return True


_INFLECTIONS = (
    ("ing", ("", "e")),
    ("ed", ("", "e")),
    ("ies", ("y",)),
    ("es", ("",)),
    ("s", ("",)),
)


class Language:
    """The tables of one language; without any for the name ""."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.small = listed("small_words", "small", name)
        """Its function words."""
        self.determiners = listed("cues", "determiners", name)
        self.pronouns = listed("cues", "pronouns", name)
        self.before_verbs = listed("cues", "before_verbs", name)
        self.copulas = listed("cues", "copulas", name)
        """Words after which a sentence defines its subject."""
        self.auxiliaries = listed("cues", "auxiliaries", name)
        """Words that are verbs by themselves, though most of them are small words."""
        self.participles = listed("cues", "called", name) - self.auxiliaries
        """Words that follow a thing and name it: `a system called …`."""
        self.joins = listed("cues", "join", name)
        self.numbers = listed("cues", "numbers", name)
        self.prepositions = listed("cues", "prepositions", name)
        if name == "zh":  # there, what precedes is not repeated among the small words
            self.small |= self.determiners | self.pronouns | self.prepositions
            self.small |= self.copulas | self.joins | self.auxiliaries
        naming = listed("cues", "called", name) | listed("cues", "means", name)
        if name in ("en", "de"):
            naming |= listed("cues", "cause", name)
        self.verbs = frozenset(filter(str.isalpha, naming)) - self.small
        """Verbs of cues, even if they may be nouns elsewhere."""
        self.vague = listed("cues", "vague", name)
        self.cues = Cues(name)
        self._known: dict[str, tuple[str, float]] = {}
        self._endings: dict[str, str] = {}
        self.simplified: dict[int, str] = {}
        """By the code of a traditional Chinese character, the simplified one."""
        self.sounds = listed("small_words", "sounds", name)
        """The Chinese characters with which foreign names are written."""
        self.noun_endings = listed("small_words", "endings", name)
        """The Chinese characters that end a noun."""
        if name in (*LANGUAGES, "zh"):
            table = read_table(DATA / f"words-{name}.txt")
            for word_class, endings in table["endings"].items():
                self._endings.update(dict.fromkeys(endings, word_class))
            for label, words in table["words"].items():
                entry = (label[0], float(label[1:]))
                self._known.update(dict.fromkeys(words, entry))
                if label[0] == "s":
                    self.small |= frozenset(words)
            for character, others in table.get("traditional", {}).items():
                self.simplified.update(dict.fromkeys(map(ord, others), character))
        self.words = self.small.union(self._known)
        """The words in its tables, casefolded."""

    def casefolded(self, word: str) -> str:
        """Return a word casefolded, without an English or German possessive."""
        folded = word.casefold()
        if folded.isalpha():
            return folded
        folded = folded.replace("’", "'")
        return folded.removesuffix("'s") if self.name in ("en", "de") else folded

    def look_up(self, word: str) -> tuple[str, float]:
        """Return the class and the Zipf frequency of a casefolded word.

        The classes are `n` noun, `v` verb, `a` adjective, `r` adverb, `b` noun or verb, `c`
        adjective or noun, `d` participle: adjective or verb.
        """
        entry = self._known.get(word)
        if entry is None:
            word_class = self._inflected(word)
            for length in range(min(_LONGEST_ENDING, len(word) - 2), 0, -1):
                word_class = word_class or self._endings.get(word[-length:], "")
            entry = self._known[word] = (word_class or "n", RAREST)
        return entry

    def may_be_verb(self, word: str) -> bool:
        """Return whether a casefolded word may be a form of a verb."""
        if word in self.auxiliaries or self.look_up(word)[0] in "vbd":
            return True
        if self.name != "en" or not word.endswith("s"):
            return False
        base = f"{word[:-3]}y" if word.endswith("ies") else word[:-1]
        return self.look_up(base)[0] in "vb"

    def frequency(self, word: str) -> float | None:
        """Return the Zipf frequency of a word of the table; None of any other."""
        entry = self._known.get(word)
        return None if entry is None else entry[1]

    def _inflected(self, word: str) -> str:
        """Return the class of an English word by its stem; "" if that is in no table."""
        if self.name != "en" or len(word) < 5:
            return ""
        for ending, stems in _INFLECTIONS:
            for stem in stems if word.endswith(ending) else ():
                base = word[: -len(ending)] + stem
                word_class, frequency = self._known.get(base, ("", 0.0))
                if word_class in ("v", "b") and frequency > RAREST:
                    kinds = {"ed": "d", "ies": word_class, "s": word_class}
                    return kinds.get(ending, "v")
        return ""


@cache
def language(name: str) -> Language:
    """Return the tables of a language."""
    return Language(name)
