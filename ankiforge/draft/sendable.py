"""The texts that may leave this machine.

Every way out (a model, a chat, an agent) takes `Sendable` and `SendableText`, and only
`Privacy` makes them, at the moment of sending, from the stored text and from all texts
of the workspace that are under `#no-llm`:

- In the same document, a private text is masked at any length, even where it is cut
  off, and so is what is inside.
- Elsewhere, a private sentence is masked wherever it stands, and so is a passage that is a run of
  one (`Repeats`); two words are no sentence, nor is a title, a heading or a cell.
- A passage is withheld if any of its own words would be masked.

So a tag protects from now on what was read before it, and no key, match or check
depends on it.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, NewType

from msgspec.structs import replace

from ankiforge.draft.instructions import withheld, without_comment
from ankiforge.errors import UsageError
from ankiforge.language.detection import language_of
from ankiforge.model import (
    Document,
    DocumentKey,
    Drafted,
    Highlight,
    HighlightKey,
    Json,
    Line,
    PrivateText,
    Span,
    Task,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.fold import UNSPACED, Origins, letters_with_origins
from ankiforge.text.private import HERE, IN_ITS_NOTE, has_tag, why_private, without_tag
from ankiforge.text.sentences import sentences

# --- masks ----------------------------------------------------------------------------

MASK = "[…]"
"""Stands where something is not shown."""
CODES = frozenset(
    ("card", "highlight", "kind", "state", "drafter", "rule", "severity", "hits", "at")
)
"""The keys of an entry for an agent whose values are ids or names of the program."""
CUT_LEAST = 3
"""Folded characters of a text that was cut off, by which its beginning or end is
recognised."""
# Folded characters from which words are found within other words.
_WITHIN_WORDS = 6
_UNSPACED = regex(f"[{UNSPACED}]")
# What counts as a sentence in every document: so many folded letters in so many words, one word
# of so many letters, such as a key, or so many letters of a script without blanks.
_LETTERS = 12
_WORDS = 3
_LONG_WORD = 20
_UNSPACED_LETTERS = 6
# Folded letters by which a sentence is looked up: its first ones, and groups of those within it.
# Any run of six letters contains a whole group, wherever it begins.
_HEAD = 6
_GROUP = 3
_QUOTATION = regex(r"[“„«「]([^“”„«»「」\n]+)[“”»」]")
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
    """Return the length of the longest end of a text that another text begins with; 0 if none.

    A text that stands there as a whole does not count.

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


class Repeats:
    """Private sentences, which are recognised in every document.

    A whole one is found anywhere in a text, a run of one only where it is all that a sentence,
    line, heading or cell of the text says. A look-up hardly takes longer the more there are.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._sentences = set[str]()
        """The sentences, folded."""
        for text in texts:
            for line in text.split("\n"):
                for start, end in sentences(line):
                    letters = folded(line[start:end]).letters
                    if _is_telling(line[start:end], letters):
                        self._sentences.add(letters)
        self._lengths = defaultdict[str, set[int]](set)
        """The lengths of the sentences that begin with the same letters."""
        for sentence in self._sentences:
            self._lengths[sentence[:_HEAD]].add(len(sentence))
        self._joined = "\n".join(self._sentences)
        self._places = defaultdict[str, list[int]](list)
        """Where each group of letters is in all sentences, which are cut into groups."""
        for place in range(0, len(self._joined), _GROUP):
            self._places[self._joined[place : place + _GROUP]].append(place)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield the spans of a text that repeat a private sentence, or say only a run of one."""
        if not self._sentences:
            return
        letters, origins = folded(text)
        for start in range(len(letters)):
            for length in self._lengths.get(letters[start : start + _HEAD], ()):
                end = start + length
                if end <= len(letters) and letters[start:end] in self._sentences:
                    yield origins[start], origins[end - 1] + 1
        passages = {(0, len(text)), *parts_of(text)}
        for first, last in parts_of(text):
            passages.update(
                (first + start, first + end) for start, end in sentences(text[first:last])
            )
        for start, end in passages:
            first, last = bisect_left(origins, start), bisect_left(origins, end)
            run = letters[first:last]
            if _is_telling(text[start:end], run) and self._is_run(run):
                yield origins[first], origins[last - 1] + 1

    def _is_run(self, letters: str) -> bool:
        """Return whether folded letters, six at least, are a run of a private sentence."""

        def places(start: int) -> Sequence[int]:
            return self._places.get(letters[start : start + _GROUP], ())

        # its groups may begin at each of three letters; the rarest one of them is looked at
        for shift in range(_GROUP):
            starts = range(shift, len(letters) - _GROUP + 1, _GROUP)
            rarest = min(starts, key=lambda start: len(places(start)))
            for place in places(rarest):
                begin = place - rarest
                if begin >= 0 and self._joined.startswith(letters, begin):
                    return True
        return False


def _is_telling(text: str, letters: str) -> bool:
    """Return whether a text is more than a phrase that other documents may have as well.

    Args:
        text: the text.
        letters: the same, folded.
    """
    if len(_UNSPACED.findall(letters)) >= _UNSPACED_LETTERS:
        return True
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    if len(words) < _WORDS:
        return any(len(folded(word).letters) >= _LONG_WORD for word in words)
    return len(letters) >= _LETTERS


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
    """The comment of its reader; "" if somebody else wrote it."""
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
        self._whole = set[DocumentKey]()
        """The documents that are private as a whole."""
        by_document = defaultdict[DocumentKey, list[str]](list)
        every = list[str]()
        for private in texts:
            if not private.text:
                self._whole.add(private.document)
                continue
            words = without_tag(private.text)
            # a quotation is there as it was before it was quoted
            quotations = _QUOTATION.findall(words)
            if not private.is_name:
                every += (words, *quotations)
            if private.document:
                # its lines and its sentences may be repeated alone, too
                parts = by_document[private.document]
                parts += (words, *quotations)
                for line in words.split("\n"):
                    parts.append(line)
                    for start, end in sentences(line):
                        parts.append(line[start:end])
        self._everywhere = Repeats(every)
        self._texts_of = dict(by_document)
        self._hidden_in: dict[DocumentKey, Hidden] = {}
        self._any = bool(every or by_document or self._whole)

    # --- one highlight ----------------------------------------------------------------

    def why(self, highlight: Highlight) -> str:
        """Return why a highlight must stay on this machine; "" if it may leave."""
        reason = why_private(highlight)
        if reason or not self._any:
            return reason
        document = highlight.document.key
        if document in self._whole:
            return IN_ITS_NOTE
        # whether the words of the mark repeat, contain or overlap something private
        exact = unicodedata.normalize("NFC", highlight.exact)
        ends = self._hidden(document).ends(folded(exact).letters, _OVERLAP)
        if any(chain(self._private_spans(exact, document, cut=False), ends)):
            return HERE
        places = self._places(highlight.key) if highlight.key else ()
        return HERE if any(map(why_private, places)) else ""

    def hides_passage(self, key: HighlightKey) -> bool:
        """Return whether a passage is private at one of its places."""
        return any(self.why(place) for place in self._places(key))

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
            title=_unless_masked(text(document.subject)),
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

    def hides_line(self, line: Line) -> bool:
        """Return whether a card or draft is of a private passage, or contains private text."""
        if self.why(line.highlight):
            return True
        words = [text for _, text in line.fields]
        words.append(line.quote)
        return self.hides("\n".join(words), line.highlight.document.key)

    def entry(self, entry: Json, beside: Highlight | None = None) -> Json:
        """Return an entry of an answer without private text, as that of a highlight's document.

        Findings, reasons, titles and headings may repeat it. `CODES` are left as they are.
        """
        shown: Json = self._masked(entry, beside.document.key if beside else None)
        return shown

    def _masked(self, part: Any, document: DocumentKey | None) -> Any:
        """Return a part of an entry without private text."""
        if isinstance(part, str):
            return self.text(part, document)
        if isinstance(part, list):
            return [self._masked(value, document) for value in part]
        if isinstance(part, dict):
            shown = {}
            for name, value in part.items():
                shown[name] = value if name in CODES else self._masked(value, document)
            return shown
        return part

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
    """The passages that may be sent, in the order of the highlights."""
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
        title = document.subject
        if creators:
            title = f"{title} ({creators})".strip()
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
