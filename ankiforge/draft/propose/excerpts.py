"""Select the text of a proposal: the sentences of a highlight, completed from the source."""

from __future__ import annotations

import re

from msgspec.structs import replace

from ankiforge.draft.propose.rejection import (
    find_noise,
    has_end_punctuation,
    has_verb,
)
from ankiforge.language.lexicon import LanguageTables
from ankiforge.language.tokens import tokenize
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
# Abbreviations that never end a sentence, such as `v.` in `v. Chr.`, and Russian units that may.
_ABBREVIATION_AT_END = regex(r"(?<!\w)(?:v|см|им|(?P<unit>[вг]{1,2}|млн|млрд|тыс))\.\Z")
# Matches a spaced ellipsis, `. . .`, at the end of a text.
_ELLIPSIS_AT_END = regex(r"\.\s\.\s*\Z")
# Matches what separates a heading from its sentence in a clipping, and the items of a numbered list
# within a sentence. The number 1 is the first item, so it separates nothing.
_SPACES_AFTER_HEADING = regex(r"(?<=[^\W_])[ \u00a0]{2,}(?=[A-ZÀ-ÞА-ЯЁ])")
_ITEM_NUMBER = regex(r"[;,.]\s+(?:and\s+)?\(?(?:[2-9]|1\d)\)\s+(?=[^\W\d_])")
_FIRST_ITEM_NUMBER = regex(r"(?<!\w)1\)\s")
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
    quote: str = ""
    """The text as it is in the source, or "" if `text` omits nothing."""


def make_excerpts(highlight: Highlight, tables: LanguageTables) -> list[Excerpt]:
    """Split a highlight into excerpts to make cards from, usually one per sentence.

    Sentences that the highlight cuts off are completed, and citations and other noise are
    removed.
    """
    # a sentence in a PDF may continue on the next page, which may begin with a figure or table
    sentence = highlight.sentence.strip()
    ends_with_page = (
        highlight.source_kind in (SourceKind.PDF, SourceKind.ZOTERO)
        and sentence.endswith(highlight.suffix.strip() or highlight.exact.strip())
        and _WHOLE_SENTENCE.fullmatch(sentence) is None
    )
    excerpts = []
    for source_excerpt in _select_excerpts(highlight, tables):
        excerpt = _remove_noise(source_excerpt, tables)
        if ends_with_page and _WHOLE_SENTENCE.fullmatch(excerpt.text) is None:
            excerpt = replace(excerpt, is_truncated=True)
        excerpts.append(excerpt)
    return excerpts


def _remove_noise(excerpt: Excerpt, language: LanguageTables) -> Excerpt:
    """Remove noise such as citations from an excerpt, keeping the original as its `quote`."""
    removed = find_noise(excerpt.text, language, is_markdown=excerpt.is_markdown)
    if not removed:
        return excerpt

    def shift(span: Span | None) -> Span | None:
        if span is None:
            return None
        start, end = (
            offset
            - sum(min(last, offset) - first for first, last in removed if first < offset)
            for offset in span
        )
        return start, end

    text = ""
    copied_until = 0
    for start, end in removed:
        text += excerpt.text[copied_until:start]
        copied_until = end
    text += excerpt.text[copied_until:]
    mark = shift(excerpt.gap_range)
    chosen = shift(excerpt.chosen_gap)
    return replace(
        excerpt, text=text, quote=excerpt.text, gap_range=mark, chosen_gap=chosen
    )


def _select_excerpts(highlight: Highlight, tables: LanguageTables) -> list[Excerpt]:
    """Return the sentences of a highlight. A short highlight gets the sentence around it."""
    if highlight.markdown:
        text = highlight.markdown[0].strip()
        return _split_sentences(text, (0, len(text)), tables, is_markdown=True)

    exact = highlight.exact.strip()
    text = complete_sentence(highlight)
    offset = text.find(exact)
    mark = (offset, offset + len(exact)) if offset >= 0 else locate_text(exact, text)
    if mark is None:
        text = exact
        mark = (0, len(exact))
    mark = extend_to_words(text, mark)
    words = count_words(exact)
    if words <= MAX_TERM_WORDS and count_words(text) > words + 1:
        return [Excerpt(text, chosen_gap=mark)]
    excerpts = _split_sentences(text, mark, tables, is_markdown=False)
    if len(excerpts) == 1 and words <= _MAX_CHOSEN_WORDS:
        excerpts = [replace(excerpts[0], chosen_gap=excerpts[0].gap_range)]
    return excerpts


def complete_sentence(highlight: Highlight) -> str:
    """Return the sentences that contain a highlight, as complete as the source allows."""
    exact = highlight.exact.strip()
    if highlight.sentence:
        return highlight.sentence.strip()
    if _WHOLE_SENTENCE.fullmatch(exact):
        return exact
    if not (highlight.surrounding_text or highlight.prefix or highlight.suffix):
        return exact
    surrounding_text = f"{highlight.prefix}{highlight.exact}{highlight.suffix}"
    for source, is_cut in ((highlight.surrounding_text, False), (surrounding_text, True)):
        span = locate_text(exact, source) if source else None
        if span is None:
            continue
        start, end = find_sentence_around(source, *span)
        if is_cut and start == 0 and len(highlight.prefix) >= _MIN_TRUNCATED_CHARS:
            start = span[0]
        if (
            is_cut
            and end == len(source.rstrip())
            and len(highlight.suffix) >= _MIN_TRUNCATED_CHARS
        ):
            end = span[1]
        return source[start:end].strip()
    return exact


def _split_sentences(
    text: str, mark: Span, tables: LanguageTables, *, is_markdown: bool
) -> list[Excerpt]:
    excerpts = []
    for spans in find_sentences_by_part(text):
        sentences = _join_fragments(text, spans, tables)
        for start, end in _split_at_inner_breaks(text, sentences, is_markdown):
            mark_start = max(mark[0], start)
            mark_end = min(mark[1], end)
            if mark_start >= mark_end:
                continue
            mark_in_sentence = None
            if (start, end) != (mark_start, mark_end):
                mark_in_sentence = (mark_start - start, mark_end - start)
            offset = max(0, start - mark[0])
            excerpts.append(
                Excerpt(text[start:end], is_markdown, offset, mark_in_sentence)
            )
    return excerpts


def _join_fragments(text: str, spans: list[Span], tables: LanguageTables) -> list[Span]:
    """Join sentences that were split after an abbreviation or inside a spaced ellipsis.

    For example `В 1861 г. Александр II отменил` and `a positive attitude . . . toward others`.
    This isn't fixed in `text.sentences`, because stored keys depend on how it splits text.
    """
    joined: list[Span] = []
    for start, end in spans:
        last = text[slice(*joined[-1])] if joined else ""
        if last and _continues_sentence(last, text[start:end], tables):
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _continues_sentence(last: str, sentence: str, tables: LanguageTables) -> bool:
    """Return whether `sentence` was split off by mistake and continues the sentence `last`."""
    if sentence.startswith(".") or (
        _ELLIPSIS_AT_END.search(last) and sentence[:1].islower()
    ):
        return True
    abbreviation = _ABBREVIATION_AT_END.search(last)
    return abbreviation is not None and not (
        abbreviation["unit"]
        and has_verb(tokenize(last, tables), tables)
        and has_verb(tokenize(sentence, tables), tables)
    )


def _split_at_inner_breaks(text: str, spans: list[Span], is_markdown: bool) -> list[Span]:
    """Split sentences at the numbers of list items and after headings without a full stop.

    A list whose first number is in the sentence stays whole, as do lines without a full stop.
    """
    pieces: list[Span] = []
    for start, end in spans:
        breaks: list[re.Match[str]] = []
        if not is_markdown and has_end_punctuation(text[start:end]):
            breaks += _SPACES_AFTER_HEADING.finditer(text, start, end)
        if not _FIRST_ITEM_NUMBER.search(text, start, end):
            breaks += _ITEM_NUMBER.finditer(text, start, end)
        for inner_break in sorted(breaks, key=lambda match: match.start()):
            pieces.append((start, inner_break.start()))
            start = inner_break.end()
        pieces.append((start, end))
    return pieces
