"""What the proposals know of a language: small words, cues, word classes and frequencies.

The tables are files in `data/`; its `README.md` says where they come from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from ankiforge.text import regex

DATA = Path(__file__).parent / "data"
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ru")
"""The languages with word lists."""
_LETTERS = regex(r"[^\W\d_]+['’]?")
_IDEOGRAPH = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# Letters of languages without tables.
_FOREIGN_LETTER = regex(r"[ěščřžůďťňąęłńśźżőűășțğıđåøæŐŰĄĘŁŚŻŹČŘŠŽ]")
# Characters of a text that are read to recognise its language.
_SAMPLE = 600
_CUES = (
    "called called_before means cause contrast rule leans advice announces hedges "
    "you i we he_she".split()
)
_LONGEST_ENDING = 5
BEGINNING = 5
"""The letters of a word by which its weight for a card is looked up."""
RAREST = 2.6
"""The frequency of a word that is in no table, on the Zipf scale (the logarithm of uses in
a billion words)."""


@cache
def _sections(name: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the words of `data/NAME.txt` by section and by the label of their line."""
    sections: dict[str, dict[str, tuple[str, ...]]] = {}
    lines: dict[str, tuple[str, ...]] = {}
    label = ""
    for line in (DATA / f"{name}.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            lines = sections.setdefault(line.strip("[]"), {})
            continue
        head, colon, words = line.partition(":")
        if colon and not line[0].isspace():
            label = head
            line = words
        lines[label] = (*lines.get(label, ()), *line.split())
    return sections


def read_weights(name: str) -> dict[str, float]:
    """Read the weights in `data/NAME.txt`: a feature and a number on each line."""
    weights = {}
    for line in (DATA / f"{name}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            feature, _, number = line.partition(" ")
            weights[feature] = float(number)
    return weights


@cache
def listed(section: str, language: str) -> frozenset[str]:
    """Return the words of a section of the cues, casefolded."""
    words = _sections("cues")[section].get(language, ())
    return frozenset(word.casefold() for word in words)


_COPULAS = {
    "en": "is are was were be been being as",
    "de": "ist sind war waren wird werden als",
    "fr": "est sont était étaient fut",
    "es": "es son era eran fue están está",
    "it": "è sono erano era",
    "pt": "é são foi foram era está estão",
    "ru": "был была было были",
}
_AUXILIARIES = {
    "en": "is are was were be has have had can could may might will would must should do "
    "does did cannot shall",
    "de": "ist sind war waren wird werden wurde wurden hat haben kann können muss müssen hatte "
    "hatten soll sollen darf dürfen",
    "fr": "est sont était étaient fut furent a ont avait avaient peut peuvent doit doivent "
    "sera seront",
    "es": "es son era eran fue fueron ha han había puede pueden debe deben está están tiene "
    "tienen",
    "it": "è sono erano era fu furono ha hanno aveva può possono deve devono",
    "pt": "é são foi foram era eram tem têm há pode podem deve devem está estão",
    "ru": "был была было были может могут есть",
}


class Cue(NamedTuple):
    """Words that show what a sentence does, at their place among its tokens."""

    section: str
    first: int
    last: int
    """The token after them."""


_Rest = tuple[str, tuple[str, ...]]
"""The section of a cue, and the words after its first one."""
_FIRST_LETTERS = 3
_ELISION = regex(r"(?<=\w)'(?=\w)")


class Cues:
    """Finds the cues of one language in a sentence."""

    def __init__(self, name: str) -> None:
        self._by_word: dict[str, list[_Rest]] = {}
        self._by_beginning: dict[str, list[tuple[str, _Rest]]] = {}
        self._begun_by: dict[str, tuple[_Rest, ...]] = {}
        """The cues that a word may begin, of the words looked up so far."""
        for section in _CUES:
            for words in _sections("cues")[section].get(name, ()):
                self._add(section, words, name)

    def _add(self, section: str, cue: str, name: str) -> None:
        if name in ("fr", "it"):
            cue = _ELISION.sub("'_", cue)
        first, *rest = cue.casefold().split("_")
        entry = (section, tuple(rest))
        if first.endswith("*"):
            beginning = first[:-1]
            key = beginning[:_FIRST_LETTERS]
            self._by_beginning.setdefault(key, []).append((beginning, entry))
        else:
            self._by_word.setdefault(first, []).append(entry)

    def find(self, words: Sequence[str]) -> list[Cue]:
        """Return the cues among casefolded words and signs, in order of their place."""
        cues = []
        begun_by = self._begun_by
        for place, word in enumerate(words):
            entries = begun_by.get(word)
            if entries is None:
                entries = begun_by[word] = self._entries(word)
            for section, rest in entries:
                if not rest or _follow(words, place + 1, rest):
                    cues.append(Cue(section, place, place + 1 + len(rest)))
        return cues

    def _entries(self, word: str) -> tuple[_Rest, ...]:
        """Return the cues that a word may begin."""
        entries = list(self._by_word.get(word, ()))
        for beginning, entry in self._by_beginning.get(word[:_FIRST_LETTERS], ()):
            if word.startswith(beginning):
                entries.append(entry)
        return tuple(entries)


def _follow(words: Sequence[str], place: int, rest: tuple[str, ...]) -> bool:
    """Return whether the other words of a cue begin at a place."""
    if place + len(rest) > len(words):
        return False
    for index, wanted in enumerate(rest):
        word = words[place + index]
        if wanted.endswith("*"):
            if not word.startswith(wanted[:-1]):
                return False
        elif word != wanted:
            return False
    return True


_INFLECTIONS = (("ing", ("", "e")), ("ed", ("", "e")), ("es", ("",)), ("s", ("",)))


class Language:
    """The tables of one language; without any for the name ""."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.small = small_words().get(name, frozenset())
        """Its function words."""
        self.determiners = listed("determiners", name)
        self.pronouns = listed("pronouns", name)
        self.before_verbs = listed("before_verbs", name)
        self.copulas = frozenset(_COPULAS.get(name, "").split())
        """Words after which a sentence says what its subject is."""
        self.auxiliaries = frozenset(_AUXILIARIES.get(name, "").split())
        """Words that are verbs by themselves, though most of them are small words."""
        self.participles = listed("called", name) - self.auxiliaries
        """Words that follow a thing and name it: `a system called …`."""
        self.joins = listed("join", name)
        self.numbers = listed("numbers", name)
        self.prepositions = listed("prepositions", name)
        self.verbs = self._cue_verbs()
        """Verbs of cues, even if they may be nouns elsewhere."""
        self.ranges = listed("ranges", name)
        self.vague = listed("vague", name)
        self.continues = listed("continues", name)
        """Words that go on with a sentence before them."""
        self.open_ends = listed("open_ends", name)
        """Words after which another one must come."""
        self.cues = Cues(name)
        self._known: dict[str, tuple[str, float]] = {}
        self._endings: dict[str, str] = {}
        if name in LANGUAGES:
            self._read()

    def _read(self) -> None:
        sections = _sections(f"words-{self.name}")
        for name, endings in sections["endings"].items():
            for ending in endings:
                self._endings[ending] = name
        for label, words in sections["words"].items():
            entry = (label[0], float(label[1:]))
            for word in words:
                self._known[word] = entry

    def _cue_verbs(self) -> frozenset[str]:
        words = listed("called", self.name) | listed("means", self.name)
        if self.name in ("en", "de"):
            words |= listed("cause", self.name)
        return frozenset(word for word in words if word.isalpha()) - self.small

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
            entry = (self._inflected(word) or self._by_ending(word), RAREST)
            self._known[word] = entry
        return entry

    def may_be_verb(self, word: str) -> bool:
        """Return whether a casefolded word may be a form of a verb."""
        if word in self.auxiliaries or self.look_up(word)[0] in "vbd":
            return True
        is_third_person = self.name == "en" and word.endswith("s")
        return is_third_person and self.look_up(word[:-1])[0] in "vb"

    def _inflected(self, word: str) -> str:
        """Return the class of an English word by its stem; "" if that is in no table."""
        if self.name != "en" or len(word) < 5:
            return ""
        for ending, stems in _INFLECTIONS:
            if not word.endswith(ending):
                continue
            for stem in stems:
                word_class, frequency = self._known.get(
                    word[: -len(ending)] + stem, ("", 0.0)
                )
                is_known_verb = word_class in ("v", "b") and frequency > RAREST
                if not is_known_verb:
                    continue
                if ending == "ed":
                    return "d"
                if ending == "s":
                    return word_class
                return "v"
        return ""

    def _by_ending(self, word: str) -> str:
        for length in range(min(_LONGEST_ENDING, len(word) - 2), 0, -1):
            name = self._endings.get(word[-length:])
            if name:
                return name
        return "n"


@cache
def word_weights(name: str) -> dict[str, float]:
    """Return by the beginning of a word how much it speaks for a card in a language."""
    if name not in LANGUAGES:
        return {}
    weights = {}
    for level, words in _sections(f"worth-words-{name}")["words"].items():
        weights.update(dict.fromkeys(words, float(level)))
    return weights


@cache
def language(name: str) -> Language:
    """Return the tables of a language."""
    return Language(name)


@cache
def small_words() -> dict[str, frozenset[str]]:
    """Return the function words of each language, casefolded."""
    lists = _sections("small_words")["small"]
    return {
        name: frozenset(word.casefold() for word in words)
        for name, words in lists.items()
    }


def language_of(*texts: str) -> str:
    """Return the language of the first text that shows it; "" if none does.

    `cjk` stands for Chinese and Japanese.
    """
    for text in texts:
        sample = text[:_SAMPLE]
        if not sample.isascii():
            if len(_IDEOGRAPH.findall(sample)) * 4 > len(sample):
                return "cjk"
            if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
                return "ru"
            if _FOREIGN_LETTER.search(sample):
                return ""
        name = _by_small_words(sample)
        if name:
            return name if name in LANGUAGES else ""
    return ""


@cache
def _languages_by_word() -> dict[str, tuple[str, ...]]:
    """Return for each function word the languages that have it, in their order."""
    languages: dict[str, tuple[str, ...]] = {}
    for name, words in small_words().items():
        for word in words:
            languages[word] = (*languages.get(word, ()), name)
    return languages


@lru_cache(maxsize=64)  # worth, the passage and its ranking ask for the same text
def _by_small_words(sample: str) -> str:
    """Return the language whose small words a text has most of; "" if that is unclear."""
    languages = _languages_by_word()
    counts = Counter[str]()
    for word in _LETTERS.findall(sample.replace("’", "'")):
        for name in languages.get(word.casefold(), ()):
            counts[name] += 1
    best = counts.most_common(2)
    is_clear = len(best) == 1 or (len(best) == 2 and best[0][1] > best[1][1])
    return best[0][0] if is_clear else ""
