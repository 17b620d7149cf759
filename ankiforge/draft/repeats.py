"""Find where a text repeats a private sentence, or half of one.

Repeated is half of the words of a sentence, in its order, with at most two others between
them, if two of them are no function words. Of a sentence with one such word all words are
needed, side by side. In scripts without blanks, two characters in a row stand for a word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from ankiforge.language.recognition import language_of
from ankiforge.language.tables import listed
from ankiforge.model import Span, Strings
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED, letters_of
from ankiforge.text.sentences import sentences

# The words of a repetition that are no function words, at least.
_ENOUGH = 2.0
# Four characters in a row are three pairs, and enough.
_WEIGHT_OF_PAIR = _ENOUGH / 3
_OTHERS_BETWEEN = 2
# Words by which two of them are apart in a text, and telling words that may be left out
# between them, if the sentence is to be found.
_MOST_APART = 24
_MOST_SKIPPED = 8
# A longer sentence is cut: half of it would be a sentence by itself.
_MOST_WORDS = 40
# Letters of a lone word, such as a key, that is private wherever it stands.
_LONG_WORD = 20

_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"
_WORD = regex(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+(?:[{_INVISIBLE}]+[^\W_{UNSPACED}]+)*")
_IS_UNSPACED = regex(f"[{UNSPACED}]")
_folded = lru_cache(maxsize=65536)(letters_of)


class _Word(NamedTuple):
    """A word of a text, folded, and its span."""

    folded: str
    start: int
    end: int


class _Sentence(NamedTuple):
    """A private sentence."""

    words: Strings
    weights: tuple[float, ...]
    """Of a function word or a single letter 0, of any other 1."""
    is_half_enough: bool
    """Whether half of its words repeat it, because they tell something; else all must be there."""


class Repeats:
    """Private sentences of a workspace.

    They are looked up by two of their words that are no function words: so few share such
    a pair with a text that it hardly matters how many they are.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._sentences = list(dict.fromkeys(_sentences_of(texts)))
        self._by_pair: dict[str, dict[str, list[int]]] = {}
        """The numbers of the sentences by two words of them, in their order."""
        self._by_word: dict[str, list[int]] = {}
        """The same for those of which all words are needed, by the only word that tells."""
        for number, sentence in enumerate(self._sentences):
            if not sentence.is_half_enough:
                _, word = max(zip(sentence.weights, sentence.words, strict=True))
                self._by_word.setdefault(word, []).append(number)
                continue
            # any repetition of half of it has one of these pairs
            pairs = zip(sentence.words, sentence.weights, strict=True)
            telling = [word for word, weight in pairs if weight]
            for place, first in enumerate(telling):
                seconds = self._by_pair.setdefault(first, {})
                for second in telling[place + 1 : place + 1 + _MOST_SKIPPED]:
                    seconds.setdefault(second, []).append(number)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the spans of a text that repeat a private sentence."""
        if not self._sentences:
            return
        words = _words_of(text)
        places = defaultdict[str, list[int]](list)
        for place, word in enumerate(words):
            places[word.folded].append(place)

        candidates = set[int]()
        for place, word in enumerate(words):
            candidates.update(self._by_word.get(word.folded, ()))
            seconds = self._by_pair.get(word.folded)
            if seconds is None:
                continue
            for other in words[place + 1 : place + 1 + _MOST_APART]:
                numbers = seconds.get(other.folded)
                if numbers is not None:
                    candidates.update(numbers)
        for number in sorted(candidates):
            for first, last in _repetitions(self._sentences[number], places):
                yield words[first].start, words[last].end


class _Chain(NamedTuple):
    """Words of a sentence that a text has in their order.

    The greatest has the most words, then the most weight, then begins first.
    """

    words: int
    """How many they are."""
    weight: float
    minus_start: int
    """The place of the first word in the text, negated."""
    end: int
    """The place of the last word in the text."""
    number: int
    """The place of the last word in the sentence."""


def _repetitions(sentence: _Sentence, places: dict[str, list[int]]) -> Iterator[Span]:
    """Yield the first and last word of each place of a text that repeats a sentence.

    Args:
        sentence: the sentence.
        places: the places of each word of the text.
    """
    least_words = len(sentence.words)
    most_others = 0
    if sentence.is_half_enough:
        least_words //= 2
        most_others = _OTHERS_BETWEEN
    needed_weight = min(_ENOUGH, sum(sentence.weights))
    if sum(word in places for word in sentence.words) < least_words:
        return
    pairs = []
    for number, word in enumerate(sentence.words):
        for place in places.get(word, ()):
            pairs.append((place, number))
    pairs.sort()
    chains: list[_Chain] = []  # those that end at one of the last places
    for place, number in pairs:
        chains = [chain for chain in chains if place - chain.end <= most_others + 1]
        weight = sentence.weights[number]
        best = _Chain(1, weight, -place, place, number)
        for chain in chains:
            if chain.end < place and chain.number < number:
                longer = _Chain(
                    words=chain.words + 1,
                    weight=chain.weight + weight,
                    minus_start=chain.minus_start,
                    end=place,
                    number=number,
                )
                best = max(best, longer)
        chains.append(best)
        if best.words >= least_words and best.weight >= needed_weight - 0.01:
            yield -best.minus_start, place


def _sentences_of(texts: Iterable[str]) -> Iterator[_Sentence]:
    """Yield the sentences of private texts that may be recognised elsewhere."""
    all_small = listed("small_words", "small")
    for text in texts:
        small = listed("small_words", "small", language_of(text)) or all_small
        for line in text.split("\n"):
            for start, end in sentences(line):
                words = [word.folded for word in _words_of(line[start:end])]
                for first in range(0, len(words), _MOST_WORDS):
                    part = tuple(words[first : first + _MOST_WORDS])
                    weights = []
                    for word in part:
                        is_small = len(word) == 1 or word in small
                        weight = 0.0 if is_small else 1.0
                        if _IS_UNSPACED.match(word):
                            weight = _WEIGHT_OF_PAIR if len(word) > 1 else 0.0
                        weights.append(weight)
                    is_half_enough = sum(weights) >= _ENOUGH
                    is_long_word = len(part) == 1 and len(part[0]) >= _LONG_WORD
                    is_whole = len(part) > 1 and 1 in weights
                    if is_half_enough or is_whole or is_long_word:
                        yield _Sentence(part, tuple(weights), is_half_enough)


def _words_of(text: str) -> list[_Word]:
    """Return the words of a text, and of a script without blanks each pair of characters."""
    words = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        if not _IS_UNSPACED.match(match[0]):
            words.append(_Word(_folded(match[0]), start, end))
            continue
        for place in range(start, max(end - 1, start + 1)):
            pair = text[place : min(place + 2, end)]
            words.append(_Word(_folded(pair), place, place + len(pair)))
    return words
