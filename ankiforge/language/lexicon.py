"""The tables of one language: function words, cues, word classes and frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from ankiforge.language.tables import DATA, listed, read_table, section
from ankiforge.model import Strings
from ankiforge.text import regex

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ru")
"""The languages with word lists."""
_CUES = (
    "called called_before means cause contrast rule leans advice announces hedges "
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
                if not rest or _are(words[place + 1 : end], rest):
                    cues.append(Cue(name, place, end))
        return cues


def _are(words: Sequence[str], wanted: Strings) -> bool:
    """Return whether words are those of a cue, where `*` stands for the rest of a word."""
    if len(words) != len(wanted):
        return False
    for word, pattern in zip(words, wanted, strict=True):
        if pattern.endswith("*"):
            if not word.startswith(pattern[:-1]):
                return False
        elif word != pattern:
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
        naming = listed("cues", "called", name) | listed("cues", "means", name)
        if name in ("en", "de"):
            naming |= listed("cues", "cause", name)
        self.verbs = frozenset(filter(str.isalpha, naming)) - self.small
        """Verbs of cues, even if they may be nouns elsewhere."""
        self.ranges = listed("cues", "ranges", name)
        self.vague = listed("cues", "vague", name)
        self.continues = listed("cues", "continues", name)
        """Words that go on with a sentence before them."""
        self.open_ends = listed("cues", "open_ends", name)
        """Words after which another one must come."""
        self.cues = Cues(name)
        self._known: dict[str, tuple[str, float]] = {}
        self._endings: dict[str, str] = {}
        if name in LANGUAGES:
            table = read_table(DATA / f"words-{name}.txt")
            for word_class, endings in table["endings"].items():
                self._endings.update(dict.fromkeys(endings, word_class))
            for label, words in table["words"].items():
                entry = (label[0], float(label[1:]))
                self._known.update(dict.fromkeys(words, entry))

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
