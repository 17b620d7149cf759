"""Mask private text before it leaves this computer.

Everything that sends text to a model, chat or agent accepts only `SendableHighlight` and
`SendableText`, which `PrivacyFilter` creates at the time of sending. The filter compares the text
with everything tagged `#no-llm`, so a tag also protects text that was read earlier.

Within its own document, private text is masked whatever its length, and so is any part of it. In
other documents, private sentences are masked (see `PrivateSentenceIndex`). A passage is withheld
altogether if any of it would be masked.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NewType

from msgspec.structs import replace

from ankiforge.draft.instructions import (
    find_reason_not_to_send,
    remove_comment_from_context,
)
from ankiforge.errors import UsageError
from ankiforge.language.detection import detect_language
from ankiforge.model import (
    LOOKED_UP_WORD,
    NO_KEY,
    Card,
    CardContent,
    Document,
    DocumentKey,
    DraftingResult,
    DraftingStatus,
    DraftingTask,
    Highlight,
    HighlightKey,
    Json,
    ListRow,
    PrivateText,
    Span,
    Value,
)
from ankiforge.text import regex
from ankiforge.text.located import Offsets, fold_alphanumerics_with_offsets
from ankiforge.text.normalize import UNSPACED_SCRIPTS
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    PRIVATE_PASSAGE_REASON,
    contains_private_tag,
    get_privacy_reason,
    has_private_tag,
    remove_private_tag,
)
from ankiforge.text.sentences import find_sentence_spans

# --- masks ----------------------------------------------------------------------------

MASK = "[…]"
"""Replaces private text."""
UNMASKED_KEYS = frozenset(
    "id card highlight kind state drafter check severity hits at".split()
)
"""The keys of a JSON entry whose values aren't masked, because they are ids or fixed names."""
MIN_CUT_OFF_CHARS = 3
"""A truncated private text is recognized by at least this many folded letters."""
# A text with at least this many folded letters is also found within words.
_MIN_PARTIAL_CHARS = 6
_UNSPACED = regex(f"[{UNSPACED_SCRIPTS}]")
# A private text is also searched for in other documents if it has at least this many folded
# letters in at least this many words, one word of at least this many letters, such as a key, or
# at least this many letters of a script without spaces.
_MIN_SENTENCE_LETTERS = 12
_MIN_SENTENCE_WORDS = 3
_MIN_LONG_WORD_LETTERS = 20
_MIN_UNSPACED_LETTERS = 6
# The number of folded letters at its beginning by which a sentence is looked up.
_PREFIX_LENGTH = 6
_QUOTATION = regex(r"[“„«「]([^“”„«»「」\n]+)[“”»」]")
# Matches a part that is compared separately: a line, heading or table cell, split at omissions.
_PART = regex(r"(?:(?!\[…\]|…| › | \| )[^\n])+")


class LettersWithOffsets(NamedTuple):
    """The casefolded letters and digits of a text, with their offsets in the original."""

    letters: str
    offsets: Offsets
    """The offset of each folded letter in the original text."""

    def get_original_span(self, span: Span) -> Span:
        """Return the span of the original text that has the letters in a nonempty span."""
        start, end = span
        return self.offsets[start], self.offsets[end - 1] + 1

    def get_letter_span(self, span: Span) -> Span:
        """Return the span of the letters that are in a span of the original text."""
        start, end = span
        return bisect_left(self.offsets, start), bisect_left(self.offsets, end)


def extract_folded_letters(text: str) -> LettersWithOffsets:
    """Extract the letters and digits of a text, casefolded, with their offsets in it."""
    return LettersWithOffsets(*fold_alphanumerics_with_offsets(text))


class HiddenTextIndex:
    """Index for finding texts that must not be shown.

    A lookup takes about the same time however many texts are hidden. All texts are folded, see
    `extract_folded_letters`.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = set[str]()
        self._words = set[str]()
        """All texts and all their words."""
        for text in texts:
            self._texts.add(extract_folded_letters(text).letters)
            for word in text.split():
                self._words.add(extract_folded_letters(word).letters)
        self._texts.discard("")
        self._words |= self._texts
        # indexes for `_find_whole_texts`, `_is_part_of_hidden_text` and `find_truncated_edges`
        self._texts_by_prefix = defaultdict[str, list[str]](list)
        """The texts, grouped by their first letters."""
        for text in self._texts:
            self._texts_by_prefix[text[:_MIN_PARTIAL_CHARS]].append(text)
        self._joined = "\n".join(self._texts)
        self._sorted_texts = sorted(self._texts)
        self._sorted_reversed_texts = sorted(text[::-1] for text in self._texts)

    def __bool__(self) -> bool:
        """Return whether there are any hidden texts."""
        return bool(self._texts)

    def find_hidden_spans(self, text: str, *, may_be_truncated: bool) -> Iterator[Span]:
        """Yield the spans of `text` that repeat a hidden text.

        If `may_be_truncated` is set, also find hidden texts that are cut off at the start or end
        of a line or table cell.
        """
        yield from self._find_whole_texts(text)
        for start, end in iter_part_spans(text):
            part = extract_folded_letters(text[start:end])
            if self._is_part_of_hidden_text(part.letters):
                yield start, end
            if not may_be_truncated:
                continue
            for edge in self.find_truncated_edges(part.letters):
                edge_start, edge_end = part.get_original_span(edge)
                yield start + edge_start, start + edge_end

    def _find_whole_texts(self, text: str) -> Iterator[Span]:
        """Yield the spans of hidden texts, but of short ones only if they are whole words."""
        folded = extract_folded_letters(text)
        for start in range(len(folded.letters)):
            for hidden in self._list_texts_beginning_like(folded.letters, start):
                span = folded.get_original_span((start, start + len(hidden)))
                if len(hidden) >= _MIN_PARTIAL_CHARS or _is_whole_words(text, *span):
                    yield span

    def _list_texts_beginning_like(self, letters: str, start: int) -> list[str]:
        """Return the hidden texts that `letters` has at an offset."""
        texts = []
        # a text that is shorter than a prefix is its own prefix
        for size in range(1, _MIN_PARTIAL_CHARS + 1):
            prefix = letters[start : start + size]
            for hidden in self._texts_by_prefix.get(prefix, ()):
                if letters.startswith(hidden, start):
                    texts.append(hidden)
        return texts

    def _is_part_of_hidden_text(self, letters: str) -> bool:
        """Return whether a hidden text contains these letters, if they are few as a whole word."""
        if not letters:
            return False
        if len(letters) < _MIN_PARTIAL_CHARS:
            return letters in self._words
        return letters in self._joined

    def find_truncated_edges(
        self, letters: str, min_letters: int = MIN_CUT_OFF_CHARS
    ) -> Iterator[Span]:
        """Yield the spans at the start and end of a text that are a truncated hidden text.

        `letters` is the text as folded by `extract_folded_letters`, and so are the spans. A span
        has at least `min_letters` letters.
        """
        # a hidden text may begin before this text
        reversed_letters = letters[::-1]
        length = _find_overlap_length(
            reversed_letters, self._sorted_reversed_texts, min_letters
        )
        if length:
            yield 0, length
        # a hidden text may continue after this text
        length = _find_overlap_length(letters, self._sorted_texts, min_letters)
        if length:
            yield len(letters) - length, len(letters)


def _find_overlap_length(letters: str, texts: list[str], min_letters: int) -> int:
    """Return the length of the longest end of `letters` with which a longer text begins.

    For `see the secr` and the text `secret`, that is 4. Return 0 if there is none of at least
    `min_letters`. `texts` must be sorted.
    """
    for start in range(len(letters) - min_letters + 1):
        end = letters[start:]
        # in a sorted list, the texts that begin with `end` and are longer follow it directly
        index = bisect_right(texts, end)
        if index < len(texts) and texts[index].startswith(end):
            return len(end)
    return 0


class PrivateSentenceIndex:
    """Index for finding private sentences in any document.

    A complete sentence is found everywhere. A part of a sentence is found only if it is a
    whole sentence, line, heading or table cell of the other document.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._sentences = set[str]()
        """The private sentences, folded."""
        for text in texts:
            for line in text.split("\n"):
                self._sentences.update(_list_distinctive_sentences(line))
        self._lengths_by_prefix = defaultdict[str, set[int]](set)
        """The lengths of the private sentences, grouped by the first letters of the sentences."""
        for sentence in self._sentences:
            self._lengths_by_prefix[sentence[:_PREFIX_LENGTH]].add(len(sentence))
        self._joined = "\n".join(self._sentences)
        """All private sentences, to find what is part of one."""

    def find_hidden_spans(self, text: str) -> Iterator[Span]:
        """Yield each span of `text` that is a private sentence or part of one."""
        if not self._sentences:
            return
        folded = extract_folded_letters(text)
        yield from self._find_complete_sentences(folded)
        for span in _list_separate_spans(text):
            letter_span = folded.get_letter_span(span)
            letters = folded.letters[slice(*letter_span)]
            if _is_distinctive(text[slice(*span)], letters) and letters in self._joined:
                yield folded.get_original_span(letter_span)

    def _find_complete_sentences(self, folded: LettersWithOffsets) -> Iterator[Span]:
        """Yield the spans of the original text that are private sentences."""
        letters = folded.letters
        for start in range(len(letters)):
            prefix = letters[start : start + _PREFIX_LENGTH]
            for length in self._lengths_by_prefix.get(prefix, ()):
                end = start + length
                if end <= len(letters) and letters[start:end] in self._sentences:
                    yield folded.get_original_span((start, end))


def _list_distinctive_sentences(line: str) -> list[str]:
    """Return the folded sentences of a line that aren't in another document by coincidence."""
    sentences = []
    for start, end in find_sentence_spans(line):
        letters = extract_folded_letters(line[start:end]).letters
        if _is_distinctive(line[start:end], letters):
            sentences.append(letters)
    return sentences


def _list_separate_spans(text: str) -> set[Span]:
    """Return the spans of a text that are compared as a whole: all of it, its parts, sentences."""
    spans = {(0, len(text))}
    for part_start, part_end in iter_part_spans(text):
        spans.add((part_start, part_end))
        for start, end in find_sentence_spans(text[part_start:part_end]):
            spans.add((part_start + start, part_start + end))
    return spans


def _is_distinctive(text: str, letters: str) -> bool:
    """Return whether a text is long enough not to be in another document by coincidence.

    `letters` is the text as folded by `extract_folded_letters`.
    """
    if len(_UNSPACED.findall(letters)) >= _MIN_UNSPACED_LETTERS:
        return True
    words = [word for word in text.split() if any(map(str.isalnum, word))]
    if len(words) >= _MIN_SENTENCE_WORDS:
        return len(letters) >= _MIN_SENTENCE_LETTERS
    for word in words:
        if len(extract_folded_letters(word).letters) >= _MIN_LONG_WORD_LETTERS:
            return True
    return False


def iter_part_spans(text: str) -> Iterator[Span]:
    """Yield the span of each line, heading and table cell in a text.

    An ellipsis that marks an omission also separates two parts.
    """
    for part in _PART.finditer(text):
        yield part.span()


def mask_spans(text: str, spans: Iterable[Span]) -> str:
    """Replace each span of a text with `[…]`, after extending the span to whole words.

    The spans may be unsorted and may overlap.
    """
    parts = list[str]()
    masked_until = 0
    for span_start, span_end in sorted(spans):
        start = max(span_start, masked_until)
        end = span_end
        while start > masked_until and _is_within_word(text, start):
            start -= 1
        while _is_within_word(text, end):
            end += 1
        if end <= masked_until:
            continue
        unmasked = text[masked_until:start]
        if not parts or any(map(str.isalnum, unmasked)):
            parts.append(unmasked)
            parts.append(MASK)
        masked_until = end
    parts.append(text[masked_until:])
    return "".join(parts)


def _is_whole_words(text: str, start: int, end: int) -> bool:
    """Return whether a span neither begins nor ends within a word."""
    return not any(_is_within_word(text, offset) for offset in (start, end))


def _is_within_word(text: str, offset: int) -> bool:
    if not 0 < offset < len(text):
        return False
    before, after = text[offset - 1], text[offset]
    if unicodedata.combining(after):
        return True
    if _UNSPACED.search(before + after):
        return False
    if not after.isalnum():
        return False
    return before.isalnum() or unicodedata.combining(before) > 0


# --- what may leave -------------------------------------------------------------------


SendableText = NewType("SendableText", str)
"""A text without anything private. Created only by `PrivacyFilter` and `mark_as_sendable`."""

# The minimum number of folded letters by which a private text must overlap a highlight.
_MIN_OVERLAP = 6


def mark_as_sendable(text: str) -> SendableText:
    """Mark a text of the program itself, such as the rules in a prompt, as safe to send."""
    return SendableText(text)


class SendableHighlight(Value):
    """The parts of a highlight that may be sent. See `PrivacyFilter.make_sendable_highlight`."""

    key: HighlightKey
    title: SendableText
    """The title of the document."""
    creators_and_year: SendableText
    """The authors of the document and its year, separated by commas."""
    heading: SendableText
    parent_items: tuple[SendableText, ...]
    """The list items that contain the highlight, outermost first."""
    context: SendableText
    """The paragraph, sentence or adjacent text, or "" if this adds nothing to `exact`."""
    exact: SendableText
    phrases: tuple[SendableText, ...]
    """The phrases within `exact` that the reader highlighted."""
    sentence: SendableText
    comment: SendableText
    """The user's comment, or "" if somebody else wrote the comment."""
    page: SendableText
    colour: SendableText
    is_looked_up: bool
    """Whether the highlight is a word that was looked up in a dictionary."""
    outdated_cards: tuple[tuple[SendableText, SendableText], ...] = ()
    """The cards to reword, each with the text of the passage from which it was made."""

    @property
    def language(self) -> str:
        """The code of the language detected in the highlight or its context, or "" if unknown."""
        return detect_language(self.exact, self.context)


class PrivacyFilter:
    """Finds and masks text that repeats a private text of the workspace."""

    def __init__(
        self,
        texts: Iterable[PrivateText],
        find_occurrences: Callable[[HighlightKey], Iterable[Highlight]] = lambda key: (),
    ) -> None:
        """Index the private texts.

        Args:
            texts: All private texts in the workspace.
            find_occurrences: Returns every occurrence of a passage. A passage is private if any
                of its occurrences is.
        """
        self._find_occurrences = find_occurrences
        self._private_documents = set[DocumentKey]()
        """The documents that are private as a whole."""
        by_document = defaultdict[DocumentKey, list[str]](list)
        anywhere = list[str]()
        for private in texts:
            if not private.text:
                self._private_documents.add(private.document)
                continue
            text = remove_private_tag(private.text)
            # the text may quote a passage that occurs elsewhere without quotation marks
            quotations = _QUOTATION.findall(text)
            if (
                not private.is_name
            ):  # a name, such as a title, is private only in its document
                anywhere += (text, *quotations)
            if private.document:
                by_document[private.document] += (text, *quotations)
                by_document[private.document] += _list_lines_and_sentences(text)
        self._sentences_anywhere = PrivateSentenceIndex(anywhere)
        self._texts_by_document = dict(by_document)
        self._hidden_by_document: dict[DocumentKey, HiddenTextIndex] = {}
        """The indexes that `_get_hidden_texts` has built so far."""
        self._has_private_texts = bool(anywhere or by_document or self._private_documents)

    # --- one highlight ----------------------------------------------------------------

    def find_private_reason(self, highlight: Highlight) -> str | None:
        """Return the reason why a highlight must not leave this computer, or None if it may."""
        reason = get_privacy_reason(highlight)
        if reason is not None:
            return reason
        if not self._has_private_texts:
            return None
        if highlight.document.key in self._private_documents:
            return PRIVATE_DOCUMENT_REASON
        if self._repeats_private_text(highlight):
            return PRIVATE_PASSAGE_REASON
        if highlight.key != NO_KEY:
            if any(map(get_privacy_reason, self._find_occurrences(highlight.key))):
                return PRIVATE_PASSAGE_REASON
        return None

    def _repeats_private_text(self, highlight: Highlight) -> bool:
        """Return whether a highlight repeats, contains or overlaps private text."""
        document = highlight.document.key
        exact = unicodedata.normalize("NFC", highlight.exact)
        if any(self._find_private_spans(exact, document, may_be_truncated=False)):
            return True
        letters = extract_folded_letters(exact).letters
        hidden_texts = self._get_hidden_texts(document)
        return any(hidden_texts.find_truncated_edges(letters, _MIN_OVERLAP))

    def is_private_passage(self, key: HighlightKey) -> bool:
        """Return whether any occurrence of a passage is private."""
        return any(
            self.find_private_reason(place) for place in self._find_occurrences(key)
        )

    def make_sendable_highlight(self, highlight: Highlight) -> SendableHighlight:
        """Extract the parts of a highlight that may be sent, with private text masked.

        Raises:
            UsageError: The highlight itself is private.
        """
        reason = self.find_private_reason(highlight)
        if reason is not None:
            raise UsageError(reason)
        document = highlight.document

        def text(words: str) -> SendableText:
            return self.mask_text(words, document.key)

        comment = ""
        if highlight.comment_is_instruction:
            comment = highlight.comment
        phrases = [highlight.exact[start:end] for start, end in highlight.gaps]
        return SendableHighlight(
            key=highlight.key,
            title=_discard_if_masked(text(document.meaningful_title)),
            creators_and_year=_discard_if_masked(text(_format_creators(document))),
            heading=_discard_if_masked(text(highlight.heading)),
            parent_items=tuple(map(text, highlight.parent_items)),
            context=text(_find_context(highlight)),
            exact=text(highlight.exact),
            phrases=tuple(map(text, phrases)),
            sentence=text(highlight.sentence),
            comment=text(comment),
            page=text(highlight.page_label),
            colour=text(highlight.colour),
            is_looked_up=highlight.line_syntax == LOOKED_UP_WORD,
        )

    def make_sendable_task(self, task: DraftingTask) -> SendableTask:
        """Decide which highlights of a task to send and which to withhold.

        In the highlights to send, private text is masked. A highlight is withheld if the card to
        reword is private.
        """
        passages = dict[HighlightKey, SendableHighlight]()
        withheld = dict[HighlightKey, DraftingResult]()
        for highlight in task.highlights:
            skip_reason = find_reason_not_to_send(highlight)
            if skip_reason is not None:
                withheld[highlight.key] = skip_reason.build_result(highlight)
                continue
            cards = [card for card in task.outdated_cards if card.key == highlight.key]
            private_reason = self.find_private_reason(highlight)
            if private_reason is None:
                private_reason = self._find_private_reason_of_cards(cards, task)
            if private_reason is not None:
                withheld[highlight.key] = DraftingResult(
                    highlight,
                    status=DraftingStatus.NO_CARD,
                    reason=private_reason,
                    should_retry=True,
                )
                continue
            masked_cards = tuple(self._mask_outdated_card(card, task) for card in cards)
            sendable = self.make_sendable_highlight(highlight)
            passages[highlight.key] = replace(sendable, outdated_cards=masked_cards)
        return SendableTask(task, passages, withheld, self)

    def _find_private_reason_of_cards(
        self, cards: Iterable[CardContent], task: DraftingTask
    ) -> str | None:
        """Return why the cards to reword must not leave this computer, or None if they may."""
        if any(self.is_private_card(card, task.document.key) for card in cards):
            return PRIVATE_PASSAGE_REASON
        return None

    def _mask_outdated_card(
        self, card: CardContent, task: DraftingTask
    ) -> tuple[SendableText, SendableText]:
        """Return the text of a card and its quote, with private text masked."""
        text = " » ".join(text for _, text in card.fields)
        document = task.document.key
        return self.mask_text(text, document), self.mask_text(card.quote, document)

    # --- any text ---------------------------------------------------------------------

    def mask_text(self, text: str, document: DocumentKey | None = None) -> SendableText:
        """Replace the private parts of a text with `[…]`.

        Args:
            text: The text, which may be truncated at either end or wherever it has "…".
            document: The document that the text is from, or None if it is from none.
        """
        text = unicodedata.normalize("NFC", text)
        spans = list(self._find_private_spans(text, document))
        if spans:
            text = mask_spans(text, spans)
        return SendableText(text)

    def contains_private_text(
        self, text: str, document: DocumentKey | None = None
    ) -> bool:
        """Return whether any part of a text is private.

        `document` is the document that the text is from, or None if it is from none.
        """
        text = unicodedata.normalize("NFC", text)
        return any(self._find_private_spans(text, document))

    def is_private_card(self, card: CardContent, document: DocumentKey) -> bool:
        """Return whether a card or draft from `document` has private text or the privacy tag."""
        if has_private_tag(card.tags):
            return True
        if isinstance(card, Card) and has_private_tag(card.added_tags):
            return True
        texts = [*dict(card.fields).values(), card.quote]
        return self.contains_private_text("\n".join(texts), document)

    def is_private_row(self, row: ListRow) -> bool:
        """Return whether a card or draft is private or is from a private passage."""
        if self.find_private_reason(row.highlight):
            return True
        return self.is_private_card(row, row.highlight.document.key)

    def mask_json_entry(self, entry: Json, highlight: Highlight | None = None) -> Json:
        """Mask private text in all values of a JSON entry for an agent.

        Findings, reasons, titles and headings may also repeat private text. Only the values
        under `UNMASKED_KEYS` are left as they are.
        """
        document = None
        if highlight is not None:
            document = highlight.document.key
        masked_entry: Json = self._mask_value(entry, document)
        return masked_entry

    def _mask_value(self, part: Any, document: DocumentKey | None) -> Any:
        if isinstance(part, str):
            return self.mask_text(part, document)
        if isinstance(part, list | tuple):
            return [self._mask_value(value, document) for value in part]
        if isinstance(part, dict):
            masked = {}
            for name, value in part.items():
                masked[name] = value
                if name not in UNMASKED_KEYS:
                    masked[name] = self._mask_value(value, document)
            return masked
        return part

    def _find_private_spans(
        self, text: str, document: DocumentKey | None, *, may_be_truncated: bool = True
    ) -> Iterator[Span]:
        """Yield the spans of a text that repeat private text, or are tagged as private.

        `document` is the document that the text is from, or None if it is from none. If
        `may_be_truncated` is set, private text is also found where it is cut off at the beginning
        or end of a line or table cell.
        """
        for start, end in iter_part_spans(text):
            if contains_private_tag(text[start:end]):
                yield start, end
        if self._has_private_texts:
            yield from self._sentences_anywhere.find_hidden_spans(text)
            hidden = self._get_hidden_texts(document)
            if hidden:
                yield from hidden.find_hidden_spans(
                    text, may_be_truncated=may_be_truncated
                )

    def _get_hidden_texts(self, document: DocumentKey | None) -> HiddenTextIndex:
        if document is None or document not in self._texts_by_document:
            return _NO_HIDDEN_TEXTS
        if document not in self._hidden_by_document:
            self._hidden_by_document[document] = HiddenTextIndex(
                self._texts_by_document[document]
            )
        return self._hidden_by_document[document]


@dataclass(frozen=True)
class SendableTask:
    """A drafting task, reduced to the text that may be sent to a model."""

    task: DraftingTask
    passages: dict[HighlightKey, SendableHighlight]
    """The highlights that may be sent, in the order of the task."""
    withheld: dict[HighlightKey, DraftingResult]
    """The result, with a reason, for each highlight that isn't sent."""
    privacy: PrivacyFilter

    @property
    def highlights(self) -> tuple[Highlight, ...]:
        """The highlights that may be sent, with nothing masked."""
        return tuple(
            highlight
            for highlight in self.task.highlights
            if highlight.key in self.passages
        )

    @property
    def title(self) -> SendableText:
        """The document's title, authors and year, with private text masked."""
        document = self.task.document
        creators = _format_creators(document)
        title = document.meaningful_title
        if creators:
            title = f"{title} ({creators})".strip()
        return self.mask_text(title)

    @property
    def user_request(self) -> SendableText | None:
        """The user's instructions when asking for another draft, with private text masked."""
        if self.task.user_request is None:
            return None
        return self.mask_text(self.task.user_request)

    def mask_text(self, text: str) -> SendableText:
        """Mask private text in a text about the document, e.g. in a complaint about a draft."""
        return self.privacy.mask_text(text, self.task.document.key)

    def select_highlights(self, *highlights: Highlight) -> SendableTask:
        """Return a copy of the task with only the given highlights."""
        keys = {highlight.key for highlight in highlights}
        return SendableTask(
            replace(self.task, highlights=highlights),
            {key: sendable for key, sendable in self.passages.items() if key in keys},
            {key: drafted for key, drafted in self.withheld.items() if key in keys},
            self.privacy,
        )


_NO_HIDDEN_TEXTS = HiddenTextIndex(())


def _list_lines_and_sentences(text: str) -> list[str]:
    """Return the lines of a private text and their sentences, which may occur separately."""
    parts = []
    for line in text.split("\n"):
        parts.append(line)
        for start, end in find_sentence_spans(line):
            parts.append(line[start:end])
    return parts


def _find_context(highlight: Highlight) -> str:
    """Return the paragraph, sentence or adjacent text, or "" if it is just the highlight."""
    uncommented = remove_comment_from_context(highlight)
    adjacent_text = f"{uncommented.prefix}{uncommented.exact}{uncommented.suffix}"
    context = adjacent_text
    for text in (uncommented.surrounding_text, uncommented.sentence):
        if uncommented.exact in text:
            context = text
            break
    if context.strip() == uncommented.exact.strip():
        return ""
    return context


def _format_creators(document: Document) -> str:
    parts = (*document.creators[:3], document.publication_date)
    return ", ".join(filter(None, parts))


def _discard_if_masked(text: SendableText) -> SendableText:
    if any(map(str.isalnum, text.replace(MASK, ""))):
        return text
    return mark_as_sendable("")
