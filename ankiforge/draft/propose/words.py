"""What the proposals know of a language: small words, cues, word classes and frequencies.

The tables are files in `data/`; its `README.md` says where they come from.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from ankiforge.text import regex

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "ru")
"""The languages with word lists."""
_DATA = Path(__file__).parent / "data"
_LETTERS = regex(r"[^\W\d_]+['’]?")
_IDEOGRAPH = regex(r"[\u3040-\u30ff\u3400-\u9fff]")
_CYRILLIC = regex(r"[\u0400-\u04ff]")
# Characters of a text that are read to tell its language.
_SAMPLE = 600
_LONGEST_ENDING = 5
RAREST = 2.6
"""The frequency of a word that is in no table, on the Zipf scale (the logarithm of uses in
a billion words)."""


@cache
def _sections(name: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the words of `data/NAME.txt` by section and by the label of their line."""
    sections: dict[str, dict[str, tuple[str, ...]]] = {}
    lines: dict[str, tuple[str, ...]] = {}
    label = ""
    for line in (_DATA / f"{name}.txt").read_text("utf-8").splitlines():
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


@cache
def listed(section: str, language: str) -> frozenset[str]:
    """Return the words of a section of the cues, casefolded."""
    words = _sections("cues")[section].get(language, ())
    return frozenset(word.casefold() for word in words)


@cache
def cue(section: str, language: str) -> re.Pattern[str] | None:
    """Return a pattern of the cues of a section; None if the language has none."""
    words = _sections("cues")[section].get(language, ())
    if not words:
        return None
    parts = []
    for word in sorted(words, key=len, reverse=True):
        pattern = re.escape(word).replace("_", r"\s+").replace(r"\*", r"\w*").replace("'", "['’]")
        if word[-1].isalnum():
            pattern += r"(?!\w)"
        parts.append(pattern)
    is_beginning = section == "leans"
    start = r"[\W_]*" if is_beginning else r"(?<!\w)"
    return re.compile(f"{start}(?:{'|'.join(parts)})", re.NOFLAG if is_beginning else re.IGNORECASE)


_INFLECTIONS = (("ing", ("", "e")), ("ed", ("", "e")), ("es", ("",)), ("s", ("",)))


class Language:
    """The tables of one language; without any for the name ""."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.small = small_words().get(name, frozenset())
        """Its function words."""
        self.determiners = listed("determiners", name)
        self.before_verbs = listed("before_verbs", name)
        self.joins = listed("join", name)
        self.numbers = listed("numbers", name)
        self.prepositions = listed("prepositions", name)
        self.verbs = self._cue_verbs()
        """Verbs of cues, even if they may be nouns elsewhere."""
        self.vague = listed("vague", name)
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

    def _inflected(self, word: str) -> str:
        """Return the class of an English word by its stem; "" if that is in no table."""
        if self.name != "en" or len(word) < 5:
            return ""
        for ending, stems in _INFLECTIONS:
            if not word.endswith(ending):
                continue
            for stem in stems:
                entry = self._known.get(word[: -len(ending)] + stem)
                if entry is not None and entry[0] in "vb" and entry[1] > RAREST:
                    return "d" if ending == "ed" else entry[0] if ending == "s" else "v"
        return ""

    def _by_ending(self, word: str) -> str:
        for length in range(min(_LONGEST_ENDING, len(word) - 2), 0, -1):
            name = self._endings.get(word[-length:])
            if name:
                return name
        return "n"


@cache
def language(name: str) -> Language:
    """Return the tables of a language."""
    return Language(name)


@cache
def small_words() -> dict[str, frozenset[str]]:
    """Return the function words of each language, casefolded."""
    lists = _sections("small_words")["small"]
    return {name: frozenset(word.casefold() for word in words) for name, words in lists.items()}


def language_of(*texts: str) -> str:
    """Return the language of the first text that tells it; "" if none does.

    `cjk` stands for Chinese and Japanese.
    """
    for text in texts:
        sample = text[:_SAMPLE]
        if not sample.isascii():
            if len(_IDEOGRAPH.findall(sample)) * 4 > len(sample):
                return "cjk"
            if len(_CYRILLIC.findall(sample)) * 2 > len(sample):
                return "ru"
        name = _by_small_words(sample)
        if name:
            return name
    return ""


def _by_small_words(sample: str) -> str:
    """Return the language whose small words a text has most of; "" if that is unclear."""
    words = [word.casefold().replace("’", "'") for word in _LETTERS.findall(sample)]
    best = ""
    most = 0
    is_clear = False
    for name, small in small_words().items():
        count = sum(map(small.__contains__, words))
        if count > most:
            is_clear = True
            best = name
            most = count
        elif count == most:
            is_clear = False
    return best if is_clear else ""
