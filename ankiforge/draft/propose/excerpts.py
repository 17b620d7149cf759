"""Select the text of a proposal: the sentences of a highlight, completed from the source."""

from __future__ import annotations

from itertools import chain

from msgspec.structs import replace

from ankiforge.draft.propose.rejection import find_noise, has_end_punctuation
from ankiforge.language.lexicon import LanguageTables
from ankiforge.language.words import count_words
from ankiforge.model import Highlight, SourceKind, Span, Value
from ankiforge.text import regex
from ankiforge.text.located import extend_to_words, locate_text
from ankiforge.text.sentences import find_sentence_around, find_sentences_by_part

MAX_TERM_WORDS = 4
"""A highlight of at most this many words is a term, and gaps may be anywhere in its sentence."""
# A tidy phrase of at most this many words, highlighted within a sentence, becomes the gap.
_MAX_CHOSEN_WORDS = 9
_WHOLE_SENTENCE = regex(r"(?s)[\W_]*[A-ZÀ-ÞА-ЯЁ0-9\u3040-\u9fff].*[.!?…。！？][\W_]*")
# Abbreviations that seldom end a sentence, such as `v.` in `v. Chr.`. `text.sentences` splits after
# them, which can't be fixed there, because stored keys depend on how it splits text.
_ABBREVIATION_AT_END = regex(r"(?<!\w)(?:v|см|им|вв?|гг?|млн|млрд|тыс)\.\Z")
# Matches what separates a heading from its sentence in a clipping.
_SPACES_AFTER_HEADING = regex(r"(?<=[^\W_])[ \u00a0]{2,}(?=[A-ZÀ-ÞА-ЯЁ])")
# If the text before or after a highlight has at least this length, it was truncated, perhaps
# inside a sentence.
_MIN_TRUNCATED_CHARS = 32


class Excerpt(Value):
    """A piece of text to make a card from, usually one sentence."""

    text: str
    """One or more sentences, as our Markdown or as plain text."""
    is_markdown: bool = False
    offset: int = 0
    """Where the text begins in the highlight or its Markdown, or 0 if the text begins earlier."""
    gap_range: Span | None = None
    """The span in which gaps may be, or None for the whole text."""
    chosen_gap: Span | None = None
    """The span that the reader chose as the gap, if it is a tidy phrase."""
    is_truncated: bool = False
    """Whether the source contains only the beginning of the last sentence."""
    text_with_noise: str | None = None
    """The text as it is in the source, or None if `text` omits nothing."""


def make_excerpts(highlight: Highlight, tables: LanguageTables) -> list[Excerpt]:
    """Split a highlight into excerpts to make cards from, usually one per sentence.

    If the highlight cuts a sentence off, the sentence is completed. Citations and other noise are
    removed.
    """
    may_be_cut_off = _may_continue_on_next_page(highlight)
    excerpts = []
    for source_excerpt in _select_excerpts(highlight):
        excerpt = _remove_noise(source_excerpt, tables)
        if may_be_cut_off and _WHOLE_SENTENCE.fullmatch(excerpt.text) is None:
            excerpt = replace(excerpt, is_truncated=True)
        excerpts.append(excerpt)
    return excerpts


def _may_continue_on_next_page(highlight: Highlight) -> bool:
    """Return whether the sentence of a highlight is cut off at the end of a PDF page.

    The next page isn't known, because it may begin with a figure or table.
    """
    if highlight.source_kind not in (SourceKind.PDF, SourceKind.ZOTERO):
        return False
    sentence = highlight.sentence.strip()
    end_of_known_text = highlight.suffix.strip() or highlight.exact.strip()
    if not sentence.endswith(end_of_known_text):
        return False
    return _WHOLE_SENTENCE.fullmatch(sentence) is None


def _remove_noise(excerpt: Excerpt, language: LanguageTables) -> Excerpt:
    """Remove noise such as citations from the text of an excerpt."""
    removed = find_noise(excerpt.text, language, is_markdown=excerpt.is_markdown)
    if not removed:
        return excerpt
    text = excerpt.text
    for start, end in reversed(removed):
        text = text[:start] + text[end:]
    return replace(
        excerpt,
        text=text,
        text_with_noise=excerpt.text,
        gap_range=_shift_span(excerpt.gap_range, removed),
        chosen_gap=_shift_span(excerpt.chosen_gap, removed),
    )


def _shift_span(span: Span | None, removed: list[Span]) -> Span | None:
    """Return where a span is after other spans of the text have been removed."""
    if span is None:
        return None
    start, end = span
    return start - _count_removed(removed, start), end - _count_removed(removed, end)


def _count_removed(removed: list[Span], offset: int) -> int:
    """Return how many characters before an offset are removed."""
    count = 0
    for start, end in removed:
        if start < offset:
            count += min(end, offset) - start
    return count


def _select_excerpts(highlight: Highlight) -> list[Excerpt]:
    """Split a highlight into sentences. For a short highlight, use the sentence around it."""
    if highlight.markdown:
        text = highlight.markdown[0].strip()
        return _split_sentences(text, (0, len(text)), is_markdown=True)

    exact = highlight.exact.strip()
    text = get_complete_sentence(highlight)
    located = locate_text(exact, text)
    if located is None:
        text = exact
        located = (0, len(exact))
    mark = extend_to_words(text, located)

    mark_words = count_words(exact)
    is_whole_text = count_words(text) <= mark_words + 1
    if mark_words <= MAX_TERM_WORDS and not is_whole_text:
        return [Excerpt(text, chosen_gap=mark)]  # gaps may be anywhere in the sentence
    excerpts = _split_sentences(text, mark, is_markdown=False)
    if len(excerpts) == 1 and mark_words <= _MAX_CHOSEN_WORDS:
        [excerpt] = excerpts
        return [replace(excerpt, chosen_gap=excerpt.gap_range)]
    return excerpts


def get_complete_sentence(highlight: Highlight) -> str:
    """Return the complete sentences that contain a highlight, as far as the source has them."""
    if highlight.sentence:
        return highlight.sentence.strip()
    exact = highlight.exact.strip()
    if _WHOLE_SENTENCE.fullmatch(exact):
        return exact
    sentence = _find_sentence_in_paragraph(highlight, exact)
    if sentence is None:
        sentence = _find_sentence_beside_highlight(highlight, exact)
    return exact if sentence is None else sentence


def _find_sentence_in_paragraph(highlight: Highlight, exact: str) -> str | None:
    """Return the sentences around a highlight in its paragraph, or None if that is unknown."""
    paragraph = highlight.surrounding_text
    if not paragraph:
        return None
    span = locate_text(exact, paragraph)
    if span is None:
        return None
    start, end = find_sentence_around(paragraph, *span)
    return paragraph[start:end].strip()


def _find_sentence_beside_highlight(highlight: Highlight, exact: str) -> str | None:
    """Return the sentences around a highlight in the text just before and after it.

    A sentence that reaches to the edge of a truncated text may be cut off there, so it is only
    completed on the other side.
    """
    text = f"{highlight.prefix}{highlight.exact}{highlight.suffix}"
    if not text:
        return None
    span = locate_text(exact, text)
    if span is None:
        return None
    start, end = find_sentence_around(text, *span)
    if start == 0 and len(highlight.prefix) >= _MIN_TRUNCATED_CHARS:
        start = span[0]
    if end == len(text.rstrip()) and len(highlight.suffix) >= _MIN_TRUNCATED_CHARS:
        end = span[1]
    return text[start:end].strip()


def _find_sentences(text: str) -> list[Span]:
    """Return the spans of the sentences in a text, without splitting at abbreviations."""
    spans: list[Span] = []
    for start, end in chain.from_iterable(find_sentences_by_part(text)):
        if spans and _ABBREVIATION_AT_END.search(text, *spans[-1]):
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def _split_sentences(text: str, mark: Span, *, is_markdown: bool) -> list[Excerpt]:
    """Return the sentences of a text that are at least partly in the highlighted span `mark`.

    A heading without a full stop is split from its sentence.
    """
    mark_start, mark_end = mark
    excerpts = []
    for sentence_start, end in _find_sentences(text):
        start = sentence_start
        if not is_markdown:
            start = _skip_heading(text, sentence_start, end)
        marked = (max(mark_start, start), min(mark_end, end))
        if marked[0] >= marked[1]:
            continue
        gap_range = None
        if marked != (start, end):
            gap_range = (marked[0] - start, marked[1] - start)
        offset = max(0, start - mark_start)
        excerpts.append(Excerpt(text[start:end], is_markdown, offset, gap_range))
    return excerpts


def _skip_heading(text: str, start: int, end: int) -> int:
    """Return where the sentence in a span begins, after a heading such as `1 Basics  A bog is`."""
    if not has_end_punctuation(text[start:end]):
        return start
    for heading_end in _SPACES_AFTER_HEADING.finditer(text, start, end):
        start = heading_end.end()
    return start
