"""Find where a text repeats a private sentence, or half of one.

Repeated is half of the words of a sentence, in its order, with at most two others between
them, if two of them are no function words. Of a sentence with one such word all words are
needed, side by side. In scripts without blanks, two characters in a row stand for a word.

What may leave this machine.

Every way out (a model, a chat, an agent) takes `Sendable` and `SendableText`, and only
`Privacy` makes them, at the moment of sending, from the stored text and from all texts
of the workspace that are under `#no-llm`:

- In the same document, a private text is masked at any length, even where it is cut
  off, and so is what is inside.
- Elsewhere, a private sentence is masked, and half of its words in order (`repeats`).
- A passage is withheld if any of its own words would be masked.

So a tag protects from now on what was read before it, and no key, match or check
depends on it.

Tested by `tests/draft/test_sendable.py` and `tests/draft/test_llm.py`.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import NamedTuple, NewType

from msgspec.structs import replace

from ankiforge.draft.instructions import withheld, without_comment
from ankiforge.errors import UsageError
from ankiforge.language.lexicon import language_of, listed
from ankiforge.model import (
    Document,
    DocumentKey,
    Drafted,
    Highlight,
    HighlightKey,
    PrivateText,
    Span,
    Strings,
    Task,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED, Origins, letters_of, letters_with_origins
from ankiforge.text.private import HERE, IN_ITS_NOTE, LOOKS_SO, has_tag, why_private
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


class _PrivateSentence(NamedTuple):
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


def _repetitions(
    sentence: _PrivateSentence, places: dict[str, list[int]]
) -> Iterator[Span]:
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
        chains = [known for known in chains if place - known.end <= most_others + 1]
        weight = sentence.weights[number]
        best = _Chain(1, weight, -place, place, number)
        for shorter in chains:
            if shorter.end < place and shorter.number < number:
                longer = _Chain(
                    words=shorter.words + 1,
                    weight=shorter.weight + weight,
                    minus_start=shorter.minus_start,
                    end=place,
                    number=number,
                )
                best = max(best, longer)
        chains.append(best)
        if best.words >= least_words and best.weight >= needed_weight - 0.01:
            yield -best.minus_start, place


def _sentences_of(texts: Iterable[str]) -> Iterator[_PrivateSentence]:
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
                        weight = 0.0 if (len(word) == 1 or word in small) else 1.0
                        if _IS_UNSPACED.match(word):
                            weight = _WEIGHT_OF_PAIR if len(word) > 1 else 0.0
                        weights.append(weight)
                    is_half_enough = sum(weights) >= _ENOUGH
                    is_long_word = len(part) == 1 and len(part[0]) >= _LONG_WORD
                    is_whole = len(part) > 1 and 1 in weights
                    if is_half_enough or is_whole or is_long_word:
                        yield _PrivateSentence(part, tuple(weights), is_half_enough)


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


# === sendable =========================================================================

# --- masks ----------------------------------------------------------------------------

MASK = "[…]"
"""Stands where something is not shown."""
CUT_LEAST = 3
"""Folded characters of a text that was cut off, by which its beginning or end is
recognised."""
# Folded characters from which words are found within other words.
_WITHIN_WORDS = 6
_UNSPACED = regex(f"[{UNSPACED}]")
# Between the parts of a text that are compared one by one: lines, headings, cells, and
# cuts.
_PART = regex(r"(?:(?!\[…\]|…| › | \| )[^\n])+")


class Folded(NamedTuple):
    """A folded text."""

    letters: str
    origins: Origins
    """The offset of each letter in the original."""


def folded(text: str) -> Folded:
    """Fold a text, and say where each letter comes from."""
    return Folded(*letters_with_origins(text))


class Hidden:
    """Texts that must not be shown.

    A look-up hardly takes longer the more of them there are.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._words = set[str]()
        """All texts and their words."""
        self._texts = set[str]()
        for text in texts:
            self._texts.add(folded(text).letters)
            self._words.update(folded(word).letters for word in text.split())
        self._texts.discard("")
        self._words |= self._texts
        self._joined = "\n".join(self._texts)
        self._by_head = defaultdict[str, list[str]](list)
        """The texts that begin with the same few letters."""
        for text in self._texts:
            self._by_head[text[:_WITHIN_WORDS]].append(text)
        self._forwards = sorted(self._texts)
        self._backwards = sorted(text[::-1] for text in self._texts)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._texts)

    def spans(self, text: str, *, cut: bool) -> Iterator[Span]:
        """Yield the spans of a text that are hidden.

        Args:
            text: the text.
            cut: whether its lines and cells may begin or end within a hidden text.
        """
        # a hidden text as a whole; a short one only as whole words
        letters, origins = folded(text)
        for start in range(len(letters)):
            for size in range(1, _WITHIN_WORDS + 1):
                for hidden in self._by_head.get(letters[start : start + size], ()):
                    if not letters.startswith(hidden, start):
                        continue
                    first = origins[start]
                    end = origins[start + len(hidden) - 1] + 1
                    is_within = _in_one_word(text, first) or _in_one_word(text, end)
                    if len(hidden) >= _WITHIN_WORDS or not is_within:
                        yield first, end
        for start, end in parts_of(text):
            letters, origins = folded(text[start:end])
            # a part of a hidden text; a short one only as a whole word
            private = self._words if len(letters) < _WITHIN_WORDS else self._joined
            if letters and letters in private:
                yield start, end
            if not cut:
                continue
            for first, last in self.ends(letters):
                yield start + origins[first], start + origins[last - 1] + 1

    def ends(self, letters: str, least: int = CUT_LEAST) -> Iterator[Span]:
        """Yield the ends of a text at which a hidden text is cut off.

        Args:
            letters: the folded text.
            least: the number of letters that must be the same, `CUT_LEAST` or more.
        """
        # it began before the text does
        length = _length_at_end(letters[::-1], self._backwards, least)
        if length:
            yield 0, length
        # it goes on after the text
        length = _length_at_end(letters, self._forwards, least)
        if length:
            yield len(letters) - length, len(letters)


def _length_at_end(letters: str, texts: list[str], least: int) -> int:
    """Return the length of the longest end of a text with which one of these begins, 0 if none.

    One that is there as a whole does not count.

    Args:
        letters: the text.
        texts: the others, in order.
        least: the least length.
    """
    for start in range(len(letters) - least + 1):
        end = letters[start:]
        place = bisect_right(texts, end)
        if place < len(texts) and texts[place].startswith(end):
            return len(end)
    return 0


def parts_of(text: str) -> Iterator[Span]:
    """Yield the spans of lines, headings and cells of a text, cut at omissions."""
    for part in _PART.finditer(text):
        yield part.span()


def masked(text: str, spans: Iterable[Span]) -> str:
    """Return a text with `[…]` instead of some spans.

    What is left of a word goes with it.

    Args:
        text: the text.
        spans: what to mask, in code points; they may overlap.
    """
    shown = list[str]()
    done = 0
    for first, last in sorted(spans):
        start = max(first, done)
        end = last
        while start > done and _in_one_word(text, start):
            start -= 1
        while _in_one_word(text, end):
            end += 1
        if end <= done:
            continue
        between = text[done:start]
        if not shown or any(map(str.isalnum, between)):
            shown.append(between)
            shown.append(MASK)
        done = end
    shown.append(text[done:])
    return "".join(shown)


def _in_one_word(text: str, offset: int) -> bool:
    """Return whether the characters before and at an offset belong to one word."""
    if not 0 < offset < len(text):
        return False
    if unicodedata.combining(text[offset]):
        return True
    both = text[offset - 1 : offset + 1]
    return both.isalnum() and not _UNSPACED.search(both)


# --- what may leave -------------------------------------------------------------------


SendableText = NewType("SendableText", str)
"""A text without private words. Only `Privacy` and `ours` make it."""

# The least number of folded characters by which the words of a mark overlap a private
# text.
_OVERLAP = 6


def ours(text: str) -> SendableText:
    """Return a text of the program, such as the rules of a prompt, or a number."""
    return SendableText(text)


class Sendable(Value):
    """A highlight as it may leave this machine; see `Privacy.passage`."""

    key: HighlightKey
    title: SendableText
    """The title of its document."""
    by: SendableText
    """Authors and year of its document, separated by commas."""
    heading: SendableText
    under: tuple[SendableText, ...]
    """The parent list items, outermost first."""
    around: SendableText
    """The paragraph, else the sentence and the text beside it; "" if no more than `marked`."""
    marked: SendableText
    phrases: tuple[SendableText, ...]
    """The marked phrases in `marked`."""
    sentence: SendableText
    comment: SendableText
    """What its reader wrote; "" if somebody else did."""
    page: SendableText
    colour: SendableText

    @property
    def language(self) -> str:
        """The language of the marked words, else of those around them; see `language_of`."""
        return language_of(self.marked, self.around)


class Privacy:
    """The private texts of a workspace, at one moment."""

    def __init__(
        self,
        texts: Iterable[PrivateText],
        places: Callable[[HighlightKey], Iterable[Highlight]] = lambda key: (),
    ) -> None:
        """Take the private texts.

        Args:
            texts: all texts of the workspace that must stay on this machine.
            places: returns all places of a passage; it is private if one of them is.
        """
        self._places = places
        self._whole: dict[DocumentKey, str] = {}
        """Why a document is private as a whole."""
        by_document = defaultdict[DocumentKey, list[str]](list)
        every = list[str]()
        for private in texts:
            if not private.text:
                reason = IN_ITS_NOTE
                if private.doubt:
                    reason = LOOKS_SO.format(private.doubt)
                self._whole.setdefault(private.document, reason)
                continue
            every.append(private.text)
            if private.document:
                # its lines and its sentences may be repeated alone, too
                parts = by_document[private.document]
                parts.append(private.text)
                for line in private.text.split("\n"):
                    parts.append(line)
                    for start, end in sentences(line):
                        parts.append(line[start:end])
        self._everywhere = Repeats(every)
        self._texts_of = dict(by_document)
        self._hidden_in: dict[DocumentKey, Hidden] = {}
        self._any = bool(every or self._whole)

    # --- one highlight ----------------------------------------------------------------

    def why(self, highlight: Highlight) -> str:
        """Return why a highlight must stay on this machine; "" if it may leave."""
        reason = why_private(highlight)
        if reason or not self._any:
            return reason
        document = highlight.document.key
        if document in self._whole:
            return self._whole[document]
        # whether the words of the mark repeat, contain or overlap something private
        exact = unicodedata.normalize("NFC", highlight.exact)
        ends = self._hidden(document).ends(folded(exact).letters, _OVERLAP)
        if any(chain(self._private_spans(exact, document, cut=False), ends)):
            return HERE
        places = self._places(highlight.key) if highlight.key else ()
        return HERE if any(map(why_private, places)) else ""

    def passage(self, highlight: Highlight) -> Sendable:
        """Return the parts of a highlight that may leave this machine.

        Raises:
            UsageError: nothing may.
        """
        reason = self.why(highlight)
        if reason:
            raise UsageError(reason)
        document = highlight.document

        def text(words: str) -> SendableText:
            return self.text(words, document.key)

        # the paragraph, else the sentence and the text beside it; "" if no more than the mark
        bare = without_comment(highlight)
        around = bare.nearby
        if bare.exact not in around:
            around = bare.sentence
        if bare.exact not in around:
            around = "".join((bare.prefix, bare.exact, bare.suffix))
        if around.strip() == bare.exact.strip():
            around = ""
        comment = highlight.comment if highlight.instructs else ""
        phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
        return Sendable(
            key=highlight.key,
            title=_unless_masked(text(document.title)),
            by=_unless_masked(text(_creators_and_year(document))),
            heading=_unless_masked(text(highlight.heading)),
            under=tuple(map(text, highlight.above)),
            around=text(around),
            marked=text(highlight.exact),
            phrases=tuple(map(text, phrases)),
            sentence=text(highlight.sentence),
            comment=text(comment),
            page=text(highlight.page_label),
            colour=text(highlight.colour),
        )

    def task(self, task: Task) -> SendableTask:
        """Return a task with the parts of its highlights that may be sent to a model."""
        passages = dict[HighlightKey, Sendable]()
        not_sent = dict[HighlightKey, Drafted]()
        for highlight in task.highlights:
            key = highlight.key
            unsuited = withheld(highlight)
            if unsuited:
                not_sent[key] = Drafted(highlight, reason=unsuited)
                continue
            private = self.why(highlight)
            if private:
                not_sent[key] = Drafted(highlight, reason=private, passing=True)
                continue
            passages[key] = self.passage(highlight)
        return SendableTask(task, passages, not_sent, self)

    # --- any text ---------------------------------------------------------------------

    def text(self, words: str, document: DocumentKey | None = None) -> SendableText:
        """Return a text with `[…]` instead of its private parts.

        Args:
            words: the text; where it was cut off, it has "…" or an end.
            document: the document in which it is; None = no document.
        """
        words = unicodedata.normalize("NFC", words)
        spans = list(self._private_spans(words, document))
        return SendableText(masked(words, spans) if spans else words)

    def hides(self, words: str, document: DocumentKey | None = None) -> bool:
        """Return whether a text contains something private."""
        words = unicodedata.normalize("NFC", words)
        return any(self._private_spans(words, document))

    def _private_spans(
        self,
        words: str,
        document: DocumentKey | None,
        *,
        cut: bool = True,
    ) -> Iterator[Span]:
        """Yield the private spans of a text; with `cut`, its ends may be within a private text."""
        for start, end in parts_of(words):
            if has_tag(words[start:end]):
                yield start, end
        if self._any:
            yield from self._everywhere.spans(words)
            hidden = self._hidden(document)
            if hidden:
                yield from hidden.spans(words, cut=cut)

    def _hidden(self, document: DocumentKey | None) -> Hidden:
        """Return the private texts of a document."""
        if document is None or document not in self._texts_of:
            return _NOTHING
        if document not in self._hidden_in:
            self._hidden_in[document] = Hidden(self._texts_of[document])
        return self._hidden_in[document]


@dataclass(frozen=True)
class SendableTask:
    """A task, and its passages that may be sent."""

    task: Task
    passages: dict[HighlightKey, Sendable]
    """What may be sent, in the order of the highlights."""
    withheld: dict[HighlightKey, Drafted]
    """Why the other highlights are not sent."""
    privacy: Privacy

    @property
    def highlights(self) -> tuple[Highlight, ...]:
        """The highlights that may be sent."""
        return tuple(
            highlight
            for highlight in self.task.highlights
            if highlight.key in self.passages
        )

    @property
    def title(self) -> SendableText:
        """Title, authors and year of the document; "" if none of that may be sent."""
        document = self.task.document
        creators = _creators_and_year(document)
        title = document.title
        if creators:
            title = f"{title} ({creators})"
        return self.text(title)

    @property
    def remark(self) -> SendableText:
        """A person's instructions for another draft."""
        return self.text(self.task.remark)

    def text(self, words: str) -> SendableText:
        """Return a text about the document, such as a complaint, without private parts."""
        return self.privacy.text(words, self.task.document.key)

    def only(self, *highlights: Highlight) -> SendableTask:
        """Return a task with only these highlights."""
        keys = {highlight.key for highlight in highlights}
        return SendableTask(
            replace(self.task, highlights=highlights),
            {key: shown for key, shown in self.passages.items() if key in keys},
            {key: why for key, why in self.withheld.items() if key in keys},
            self.privacy,
        )


_NOTHING = Hidden(())


def _creators_and_year(document: Document) -> str:
    """Return the first authors and the year of a document."""
    parts = (*document.creators[:3], document.issued)
    return ", ".join(filter(None, parts))


def _unless_masked(text: SendableText) -> SendableText:
    """Return a text, "" if nothing of it is left."""
    return text if any(map(str.isalnum, text.replace(MASK, ""))) else ours("")
