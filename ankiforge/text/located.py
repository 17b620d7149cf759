"""Find quotes, selections and previously chosen passages in a text.

`locate_text` and `find_whole_words` ignore the same differences as `is_same_text`. All other
functions compare only letters and digits, even across pages. `find_quote` and `locate_quote` find a
quote by a model or chat, even if it is incomplete or was copied badly. `locate_selection` finds
what the user selects on the web page. `relocate_passage` finds a passage that the user chose in an
unmarked document, even if the document has changed since. tests/keys/keys.md describes the keys
of such passages.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from html import unescape
from itertools import accumulate, compress, count
from typing import NamedTuple

from ankiforge.model import QuoteReading, Span
from ankiforge.text import regex
from ankiforge.text.elements import convert_html_elements
from ankiforge.text.normalize import (
    UNEVEN_WHITESPACE,
    fold_alphanumerics,
    normalize_for_comparison,
    normalize_for_lookup,
    normalize_keeping_outer_spaces,
)
from ankiforge.text.passages import SUPERSCRIPT_NOTE
from ankiforge.text.sentences import find_sentence_around

# --- offsets of the letters of a normal form ------------------------------------------

Offsets = Sequence[int]
"""Maps each character of a normalized text to its offset in the original."""


def fold_alphanumerics_with_offsets(text: str) -> tuple[str, Offsets]:
    """Reduce text to case-folded letters and digits, and return the original offset of each."""
    if text.isascii():
        return fold_alphanumerics(text), tuple(compress(count(), map(str.isalnum, text)))
    return _fold_with_offsets(text, _fold_cluster)


@lru_cache(maxsize=64)
def _normalize_with_offsets(text: str) -> tuple[str, Offsets]:
    if text.isascii() and not UNEVEN_WHITESPACE.search(text):
        return text.lower(), range(len(text))
    return _fold_with_offsets(text, _normalize_cluster)


_fold_cluster = lru_cache(maxsize=4096)(fold_alphanumerics)
_normalize_cluster = lru_cache(maxsize=4096)(normalize_keeping_outer_spaces)


def _fold_with_offsets(text: str, fold: Callable[[str], str]) -> tuple[str, Offsets]:
    """Apply `fold` to text, and return the result with the original offset of each character.

    Each character is folded together with its combining marks, because NFKC may compose them.
    """
    folded_chars = list[str]()
    offsets = list[int]()
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and unicodedata.combining(text[end]):
            end += 1
        for char in fold(text[start:end]):
            if char == " " and folded_chars[-1:] == [" "]:
                continue
            folded_chars.append(char)
            offsets.append(start)
        start = end
    return "".join(folded_chars), tuple(offsets)


def locate_text(quote: str, source: str, near: int = 0) -> Span | None:
    """Find `quote` in `source`, ignoring case, whitespace and typography.

    Of several matches, the one that starts nearest to the offset `near` wins.

    Returns:
        The span of the match, or None if there is none.
    """
    nearest = None
    for span in _iter_matching_spans(quote, source):
        if nearest is None or abs(span[0] - near) < abs(nearest[0] - near):
            nearest = span
        if span[0] >= near:  # all later spans are farther away
            break
    return nearest


def find_whole_words(words: str, source: str) -> Span | None:
    """Find the first span of `source` that matches `words` as whole words, or return None.

    For example, `two` doesn't match in `networks`. In scripts without capitals, `words` may
    match in the middle of a run of letters.
    """
    for start, end in _iter_matching_spans(words, source):
        before = source[max(start - 1, 0) : start]
        after = source[end : end + 1]
        if belong_to_same_word(before, source[start]):
            continue
        if not belong_to_same_word(after, source[end - 1]):
            return start, end
    return None


def belong_to_same_word(adjacent: str, letter: str) -> bool:
    """Return whether a letter and the character next to it belong to the same word.

    `adjacent` is "" at the edge of the text. Letters of scripts without capitals don't count,
    because such scripts may not separate words: `三五ｇで` is a quantity and a particle.
    """
    if not letter.isalnum() or _is_caseless(letter):
        return False
    if adjacent == "_":
        return True
    return adjacent.isalnum() and not _is_caseless(adjacent)


def extend_to_words(text: str, span: Span) -> Span:
    """Extend a span of `text` at both ends so that it covers whole words."""
    start, end = span
    while start and belong_to_same_word(text[start - 1], text[start]):
        start -= 1
    while end < len(text) and belong_to_same_word(text[end], text[end - 1]):
        end += 1
    return start, end


def _is_caseless(letter: str) -> bool:
    """Return whether the letter's script has no capitals, and so may not separate words."""
    return letter.isalpha() and letter.lower() == letter.upper()


def _iter_matching_spans(quote: str, source: str) -> Iterator[Span]:
    """Yield each span of `source` that equals `quote` except for case, whitespace and typography.

    The combining marks and soft hyphens after the last letter are included.
    """
    needle = normalize_for_comparison(quote)
    if not needle:
        return
    haystack, offsets = _normalize_with_offsets(source)
    position = haystack.find(needle)
    while position >= 0:
        last_position = position + len(needle) - 1
        end = offsets[last_position] + 1
        while end < len(source) and _is_part_of_previous_letter(source[end]):
            end += 1
        yield offsets[position], end
        position = haystack.find(needle, position + 1)


def _is_part_of_previous_letter(char: str) -> bool:
    is_soft_hyphen = char == "\u00ad"
    return is_soft_hyphen or bool(unicodedata.combining(char))


# --- in a document -------------------------------------------------------------------

MIN_SIMILARITY = 85
"""The minimum similarity, in per cent, between a quote and the text that it may have meant."""
_MIN_RELOCATED_SIMILARITY = 60
"""The minimum similarity, in per cent, between a chosen passage and the text now found between the
same neighbours. The user is asked whether its card still fits."""
_MAX_GROWTH = 1.5
"""The factor by which the text between the neighbours of a passage may have grown."""
_MAX_OMITTED_LETTERS = 1_000
"""The maximum number of letters that a quote may omit between two parts."""
_MAX_SHOWN_WORDS = 8


class PassageMatch(NamedTuple):
    """A passage found in a document."""

    page: int
    """The index of the page on which the passage begins."""
    span: Span
    """The span of the passage in `text`."""
    text: str
    """The text of that page, joined with any further pages that the passage reaches."""
    letter_span: Span
    """The span of the passage in the letters of the document."""

    @property
    def quote(self) -> str:
        """The matched text on one line."""
        start, end = self.span
        return " ".join(self.text[start:end].split())


class DocumentLetters:
    """Index of a document's letters and digits, joined across pages."""

    def __init__(
        self, pages: Sequence[str], replace_non_text: Callable[[str], str] = str
    ) -> None:
        """Index the letters and digits of all pages.

        `replace_non_text` replaces markup and anything else that isn't displayed as text with
        spaces.
        """
        self.replace_non_text = replace_non_text
        self.pages = pages
        folded = [
            fold_alphanumerics_with_offsets(replace_non_text(page)) for page in pages
        ]
        self.text = "".join(letters for letters, _ in folded)
        self._origins = [origins for _, origins in folded]
        lengths = [len(letters) for letters, _ in folded]
        self._page_starts = list(accumulate(lengths, initial=0))

    def fold(self, text: str) -> str:
        """Reduce `text` to letters and digits, in the same way as the document."""
        return fold_alphanumerics(self.replace_non_text(text))

    def get_letter_index(self, page: int, offset: int) -> int:
        """Return the index of the first letter at or after `offset` on `page`."""
        return self._page_starts[page] + bisect_left(self._origins[page], offset)

    def get_page_span(self, page: int) -> Span:
        """Return the range of letter indexes on a page."""
        return self._page_starts[page], self._page_starts[page + 1]

    def find_occurrences(self, letters: str, start: int = 0) -> Iterator[int]:
        """Yield the letter index of each occurrence of `letters` at or after `start`."""
        if not letters:
            return
        index = self.text.find(letters, start)
        while index >= 0:
            yield index
            index = self.text.find(letters, index + 1)

    def find_spans_of_parts(
        self, parts: Sequence[str], start: int = 0, end: int | None = None
    ) -> Iterator[Span]:
        """Yield each span between `start` and `end` that contains all `parts` in order.

        All positions are letter indexes. Up to `_MAX_OMITTED_LETTERS` other letters may separate
        consecutive parts.
        """
        if not parts:
            return
        limit = len(self.text) if end is None else end
        first_part, *other_parts = parts
        for index in self.find_occurrences(first_part, start):
            span_end = self._find_end_of_parts(other_parts, index + len(first_part))
            if span_end is None or span_end > limit:
                return
            yield index, span_end

    def _find_end_of_parts(self, parts: Iterable[str], start: int) -> int | None:
        """Return the end of the last of several parts in order, or None if one is missing."""
        end = start
        for part in parts:
            part_start = self.text.find(part, end, end + _MAX_OMITTED_LETTERS)
            if part_start < 0:
                return None
            end = part_start + len(part)
        return end

    def get_passage(self, start: int, end: int, earlier_text: str = "") -> PassageMatch:
        """Return the passage that consists of the letters with indexes from `start` up to `end`.

        Punctuation at the beginning or end of `earlier_text`, an earlier text of the passage, is
        included if the document still has it.
        """
        page, first = self._find_page_and_offset(start)
        last_page, last = self._find_page_and_offset(end - 1)
        text, last_page_start = self._join_pages(page, last_page)
        span = (first, last_page_start + last + 1)
        return PassageMatch(
            page, _add_punctuation(text, span, earlier_text), text, (start, end)
        )

    def _join_pages(self, first: int, last: int) -> tuple[str, int]:
        """Return the text of consecutive pages, and where the last of them starts in it.

        A word that is hyphenated at the end of a page is joined.
        """
        text = ""
        page_start = 0
        for number in range(first, last + 1):
            if text.endswith("-"):
                text = text[:-1]
            elif number > first:
                text += " "
            page_start = len(text)
            text += self.pages[number]
        return text, page_start

    def explain_missing_quote(self, quote: str, name: str) -> str:
        """Return a sentence that says which words of a quote are not in the document.

        All words shown are from the quote. The user may paste the sentence into a chat, and the
        document's own words could be private.

        Args:
            quote: The quote, which `find_quote` or `locate_quote` did not find.
            name: What to call the document, such as "the document".
        """
        part = self._find_missing_part(quote)
        words = [*filter(self.fold, self.replace_non_text(part).split())]
        known_count = self._count_known_words(words)
        known = " ".join(words[:known_count][-_MAX_SHOWN_WORDS:])
        missing = " ".join(words[known_count:][:_MAX_SHOWN_WORDS])
        if not missing:
            return f"its quote “{known}” is too short: quote the whole sentence"
        if not known:
            return f"{name} does not say “{missing}”"
        return f"{name} does not say “{missing}” after “{known}”"

    def _count_known_words(self, words: Sequence[str]) -> int:
        """Return how many words from the first on the document has in one piece."""
        known_count = 0
        for end in range(1, len(words) + 1):
            if self.fold("".join(words[:end])) not in self.text:
                break
            known_count = end
        return known_count

    def _find_missing_part(self, quote: str) -> str:
        """Return the first part of a quote with omissions that is missing, or the whole quote."""
        for part in _OMISSION.split(unescape(quote)):
            if self.fold(part) not in self.text:
                return part
        return quote

    def _find_page_and_offset(self, index: int) -> tuple[int, int]:
        page = bisect_right(self._page_starts, index) - 1
        return page, self._origins[page][index - self._page_starts[page]]


def _add_punctuation(text: str, span: Span, earlier_text: str) -> Span:
    """Extend the span of a passage to the punctuation around it that `earlier_text` has, too.

    If `earlier_text` is `“Yes.”`, the span of `Yes` in `He said “Yes.” twice` becomes `“Yes.”`.
    """
    start, end = span
    before, after = _split_off_punctuation(earlier_text)
    for char in after:
        if text[end : end + 1] == char:
            end += 1
    for char in reversed(before):
        if text[start - 1 : start] == char:
            start -= 1
    return start, end


def _split_off_punctuation(text: str) -> tuple[str, str]:
    """Return the characters before the first letter or digit of a text, and after the last."""
    text = text.rstrip()
    alphanumerics = [index for index, char in enumerate(text) if char.isalnum()]
    if not alphanumerics:
        return "", ""
    return text[: alphanumerics[0]], text[alphanumerics[-1] + 1 :]


# --- quotes of chats and models -------------------------------------------------------

_OMISSION = regex(r"\[(?:…|\.\.\.)\]|…|\.\.\.")
_MIN_QUOTE_LETTERS = 4


def split_quote_letters(quote: str) -> list[str]:
    """Split a quote at its omissions, and fold each part to letters and digits."""
    parts = map(fold_alphanumerics, _OMISSION.split(unescape(quote)))
    return [part for part in parts if part]


def find_quote(quote: str, text: str) -> Span | None:
    """Find a chat model's quote in `text`, and return its span, or None if it isn't there.

    The model may have added emphasis or omitted words, or it may have left out footnote numbers.
    """
    if SUPERSCRIPT_NOTE.search(text) and not SUPERSCRIPT_NOTE.search(quote):
        text = SUPERSCRIPT_NOTE.sub(lambda note: " " * len(note[0]), text)
    exact_span = locate_text(quote, text)
    if exact_span:
        return exact_span
    # compare only letters, and allow omissions between the parts of the quote
    parts = split_quote_letters(quote)
    if sum(map(len, parts)) < _MIN_QUOTE_LETTERS:
        return None
    letters = DocumentLetters([text])
    letter_span = next(letters.find_spans_of_parts(parts), None)
    if letter_span is None:
        return None
    return letters.get_passage(*letter_span).span


_MIN_EXACT_LETTERS = 12
"""A quote with fewer letters than this must occur only once in the document."""
_MIN_FUZZY_LETTERS = 24
"""Text similar to a quote is searched for only if the quote has at least this many letters."""
_FULL_STOPS = ".!?。！？"
_MAX_SENTENCE_CHARS = 600
"""If a sentence that resembles a quote is longer, only the similar words become the passage."""


def locate_quote(
    quote: str, letters: DocumentLetters, pages: Collection[int]
) -> tuple[PassageMatch | None, bool]:
    """Find a quote in the document.

    Args:
        quote: A quote by the chat, possibly with an ellipsis for omitted text.
        letters: The document to search.
        pages: The pages that the chat was asked about. They are searched first.

    Returns:
        (passage, is_exact). The passage is None if the quote is not in the document.
    """
    # the passage includes a full stop that the quote lacks
    sentence = quote.strip()
    if not sentence.endswith(tuple(_FULL_STOPS)):
        sentence += "."
    parts = split_quote_letters(letters.replace_non_text(quote))
    quote_letters = "".join(parts)

    exact_spans = list(letters.find_spans_of_parts(parts))
    is_ambiguous = len(exact_spans) > 1 and len(quote_letters) < _MIN_EXACT_LETTERS
    if exact_spans and not is_ambiguous:
        span = _choose_span(exact_spans, letters, pages)
        return letters.get_passage(*span, sentence), True

    if len(quote_letters) < _MIN_FUZZY_LETTERS:
        return None, False
    other_pages = [page for page in range(len(letters.pages)) if page not in pages]
    similar = _find_similar(quote_letters, letters, (*sorted(pages), *other_pages))
    if similar is None:
        return None, False
    return letters.get_passage(*similar, sentence), False


def _choose_span(
    spans: Sequence[Span], letters: DocumentLetters, pages: Iterable[int]
) -> Span:
    """Return the first span that begins on one of the pages, or else the first span."""
    page_spans = [letters.get_page_span(page) for page in pages]
    for span in spans:
        for start, end in page_spans:
            if start <= span[0] < end:
                return span
    return spans[0]


def _find_similar(
    quote: str, letters: DocumentLetters, pages: Iterable[int]
) -> Span | None:
    """Return the span most similar to a quote, or None if nothing is similar enough.

    The span is extended to whole sentences, or to whole words if those would be too long.
    """
    best = _find_most_similar(quote, letters, pages)
    if best is None:
        return None
    hit = letters.get_passage(*best)
    start, end = _find_sentence_in_line(hit.text, hit.span)
    if end - start > _MAX_SENTENCE_CHARS:  # a text without full stops
        start, end = extend_to_words(hit.text, hit.span)
    return (
        letters.get_letter_index(hit.page, start),
        letters.get_letter_index(hit.page, end),
    )


def _find_sentence_in_line(text: str, span: Span) -> Span:
    """Return the span of the sentences around a part of a text, which end with its line."""
    start, end = span
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    if line_end < 0:
        line_end = len(text)
    line = text[line_start:line_end]
    first, last = find_sentence_around(line, start - line_start, end - line_start)
    return line_start + first, line_start + last


def _find_most_similar(
    quote: str, letters: DocumentLetters, pages: Iterable[int]
) -> Span | None:
    """Return the letters most similar to a quote, or None if nothing is similar enough.

    If both ends of the quote are on a page, with not too many letters between them, the quote may
    have an omission. Then these letters are returned.
    """
    from rapidfuzz import fuzz

    best: Span | None = None
    best_score = float(MIN_SIMILARITY)
    third = len(quote) // 3
    quote_ends = quote[:third], quote[-third:]
    for page in pages:
        page_start, page_end = letters.get_page_span(page)
        spans = letters.find_spans_of_parts(quote_ends, page_start, page_end)
        between_ends = next(spans, None)
        if between_ends and between_ends[1] - between_ends[0] < 2 * len(quote):
            return between_ends
        alignment = fuzz.partial_ratio_alignment(
            quote, letters.text[page_start:page_end], score_cutoff=best_score
        )
        if alignment is None or alignment.dest_end <= alignment.dest_start:
            continue
        if best is None or alignment.score > best_score:
            best = page_start + alignment.dest_start, page_start + alignment.dest_end
            best_score = alignment.score
    return best


# --- selections on the web page --------------------------------------------------------

_LEAD_LETTERS = 40
"""The number of letters before selected text to compare, to tell identical passages apart."""


def locate_selection(
    letters: DocumentLetters, text: str, before: str = "", page: int = -1
) -> PassageMatch | None:
    """Find text that the user selected on the web page, and extend it to whole words.

    Returns None if the text isn't in the document.

    Args:
        letters: The document to search.
        text: The selected text.
        before: The text before the selection, to tell identical passages apart.
        page: The zero-based page index, or -1 if unknown.
    """
    from rapidfuzz.distance import Postfix

    # the web page shows the HTML tags of a note as text, but the document's text lacks them
    folded = letters.fold(text)
    if folded not in letters.text:
        folded = letters.fold(convert_html_elements(text))
    positions = list(letters.find_occurrences(folded))
    if 0 <= page < len(letters.pages):
        start, end = letters.get_page_span(page)
        positions = [position for position in positions if start <= position < end]
    if not positions:
        return None
    folded_before = letters.fold(before)[-_LEAD_LETTERS:]

    def count_common_letters(position: int) -> int:
        return Postfix.similarity(
            folded_before, letters.text[max(position - _LEAD_LETTERS, 0) : position]
        )

    position = max(positions, key=count_common_letters)
    located = letters.get_passage(position, position + len(folded), text)
    return located._replace(span=extend_to_words(located.text, located.span))


# --- passages chosen earlier ----------------------------------------------------------


def relocate_passage(
    letters: DocumentLetters, readings: Sequence[QuoteReading], near: int
) -> PassageMatch | None:
    """Find a passage that the user chose earlier, or return None.

    These rules are tried in order:

    1. The text occurs with the same letters on either side. If there are several such
       occurrences, the one nearest to `near` wins.
    2. The text occurs exactly once.
    3. Similar text, at least `_MIN_RELOCATED_SIMILARITY` per cent, occurs between the same letters.

    Args:
        letters: The document to search.
        readings: Earlier texts of the passage and the letters around them, latest first.
        near: The letter index where the passage started when it was chosen.
    """
    for reading in readings:
        folded_text = normalize_for_lookup(reading.exact)
        indexes = _find_exact(letters, folded_text, reading)
        if indexes:
            index = min(indexes, key=lambda index: abs(index - near))
            return letters.get_passage(index, index + len(folded_text), reading.exact)
    for exact, before, after in readings:
        span = _find_between(letters, normalize_for_lookup(exact), before, after)
        if span:
            return letters.get_passage(*span, exact)
    return None


def _find_exact(
    letters: DocumentLetters, folded_text: str, reading: QuoteReading
) -> list[int]:
    """Find where a text occurs between the same letters, or else its only occurrence."""
    _, before, after = reading
    indexes = list(letters.find_occurrences(folded_text))
    between = []
    for index in indexes:
        is_after = letters.text.endswith(before, 0, index)
        if is_after and letters.text.startswith(after, index + len(folded_text)):
            between.append(index)
    if not between and len(indexes) == 1:
        return indexes
    return between


def _find_between(
    letters: DocumentLetters, expected: str, before: str, after: str
) -> Span | None:
    """Find similar text between the same letters, or return None."""
    from rapidfuzz import fuzz

    max_length = int(_MAX_GROWTH * len(expected))
    starts = [index + len(before) for index in letters.find_occurrences(before)]
    if after and not before:
        starts = [0]
    for start in starts:
        if after:
            end = letters.text.find(after, start, start + max_length + len(after))
        else:
            end = len(letters.text)
        if start < end <= start + max_length:
            similarity = fuzz.ratio(letters.text[start:end], expected)
            if similarity >= _MIN_RELOCATED_SIMILARITY:
                return start, end
    return None
