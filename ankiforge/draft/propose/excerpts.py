"""The sentence that a proposal is made of: that of the mark, completed from its source."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from msgspec.structs import replace

from ankiforge.draft.propose.refused import noise
from ankiforge.language.lexicon import Language
from ankiforge.language.lexicon import language as tables_of
from ankiforge.model import Highlight, SourceKind, Span, Value
from ankiforge.text import regex
from ankiforge.text.fold import locate
from ankiforge.text.sentences import sentence_around, sentences_by_part

SHORT_MARK = 4
"""The words of a mark up to which, inside a sentence, it is itself what is to be hidden."""
_WORD = regex(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]{1,2}|[^\W_]+(?:[-'’][^\W_]+)*")
_WHOLE = regex(r"(?s)[\W_]*[A-ZÀ-ÞА-ЯЁ0-9\u3040-\u9fff].*[.!?…。！？][\W_]*")
# Text beside a mark that has this length or more was cut off, perhaps within a sentence.
_CUT_OFF = 32


class Excerpt(Value):
    """A text of which cards are proposed."""

    text: str
    """One or more sentences, in our Markdown or as plain text."""
    is_markdown: bool = False
    start: int = 0
    """Where it begins in the highlight's `exact`; of a text around the mark, in that text."""
    mark: Span | None = None
    """Where the gaps may be; None = anywhere."""
    chosen: Span | None = None
    """The words that the reader chose to hide."""
    is_cut: bool = False
    """Whether its last sentence goes on where nobody knows it."""
    quote: str = ""
    """The text as its source has it, if something is left off the card."""


# A mark and its sentence are counted wherever their length matters.
@lru_cache(maxsize=64)
def word_count(text: str) -> int:
    """Return the number of words; two ideographs count as one."""
    return len(_WORD.findall(text))


def is_term_in(mark: str, sentence: str) -> bool:
    """Return whether a mark is a term inside its sentence, and not nearly all of it."""
    words_of_mark = word_count(mark)
    return words_of_mark <= SHORT_MARK and word_count(sentence) > words_of_mark + 1


def excerpts_of(highlight: Highlight, language: str) -> list[Excerpt]:
    """Return the texts that a card may be made of: the whole mark, or else its sentences."""
    tables = tables_of(language)
    ends_with_page = _ends_with_page(highlight)
    excerpts = []
    for part in _excerpts_of(highlight):
        excerpt = _on_card(part, tables)
        if ends_with_page and _WHOLE.fullmatch(excerpt.text) is None:
            excerpt = replace(excerpt, is_cut=True)
        excerpts.append(excerpt)
    return excerpts


def _ends_with_page(highlight: Highlight) -> bool:
    """Return whether the sentence of a mark in a PDF goes on after the end of its page.

    What comes first on the next page may be a figure or a table, so nobody knows the rest.
    """
    if highlight.source_kind not in (SourceKind.PDF, SourceKind.ZOTERO):
        return False
    sentence = highlight.sentence.strip()
    after = highlight.suffix.strip() or highlight.exact.strip()
    return sentence.endswith(after) and _WHOLE.fullmatch(sentence) is None


def _on_card(excerpt: Excerpt, language: Language) -> Excerpt:
    """Return an excerpt without the noise in it, which stays in its quote."""
    removed = noise(excerpt.text, language, is_markdown=excerpt.is_markdown)
    if not removed:
        return excerpt

    def moved(span: Span | None) -> Span | None:
        if span is None:
            return None
        lost = [
            sum(min(end, place) - start for start, end in removed if start < place)
            for place in span
        ]
        return span[0] - lost[0], span[1] - lost[1]

    text = ""
    done = 0
    for start, end in removed:
        text += excerpt.text[done:start]
        done = end
    text += excerpt.text[done:]
    mark = moved(excerpt.mark)
    chosen = moved(excerpt.chosen)
    return replace(excerpt, text=text, quote=excerpt.text, mark=mark, chosen=chosen)


def _excerpts_of(highlight: Highlight) -> list[Excerpt]:
    """Return the sentences of a mark, each alone; a few marked words with their sentence."""
    if highlight.markdown:
        text = highlight.markdown[0].strip()
        return _split(text, (0, len(text)), is_markdown=True)

    exact = highlight.exact.strip()
    text = completed(highlight)
    place = text.find(exact)
    mark = (place, place + len(exact)) if place >= 0 else locate(exact, text)
    if mark is None:
        text = exact
        mark = (0, len(exact))
    if is_term_in(exact, text):
        return [Excerpt(text, chosen=_whole_words(text, mark))]
    return _split(text, mark, is_markdown=False)


def _whole_words(text: str, span: Span) -> Span:
    """Return a span that cuts no word: a hand or a page break may have ended a mark within one.

    Chinese and Japanese have no blanks between words, so nothing is added there.
    """
    start, end = span
    while start > 0 and _is_letter(text[start - 1]) and _is_letter(text[start]):
        start -= 1
    while end < len(text) and _is_letter(text[end - 1]) and _is_letter(text[end]):
        end += 1
    return start, end


def _is_letter(character: str) -> bool:
    if unicodedata.east_asian_width(character) in ("W", "F"):
        return False
    return character.isalnum()


def completed(highlight: Highlight) -> str:
    """Return the sentence or sentences of a mark, as whole as its source gives them."""
    exact = highlight.exact.strip()
    if highlight.sentence:
        return highlight.sentence.strip()
    if _WHOLE.fullmatch(exact):
        return exact
    if not (highlight.nearby or highlight.prefix or highlight.suffix):
        return exact
    around = f"{highlight.prefix}{highlight.exact}{highlight.suffix}"
    for source, is_cut in ((highlight.nearby, False), (around, True)):
        span = locate(exact, source) if source else None
        if span is None:
            continue
        start, end = sentence_around(source, *span)
        if is_cut and start == 0 and len(highlight.prefix) >= _CUT_OFF:
            start = span[0]
        if is_cut and end == len(source.rstrip()) and len(highlight.suffix) >= _CUT_OFF:
            end = span[1]
        return source[start:end].strip()
    return exact


def _split(text: str, mark: Span, *, is_markdown: bool) -> list[Excerpt]:
    """Return the sentences and list items of a text that are in the mark."""
    excerpts = []
    for spans in sentences_by_part(text):
        for start, end in spans:
            asked_start = max(mark[0], start)
            asked_end = min(mark[1], end)
            if asked_start >= asked_end:
                continue
            asked = None
            if (start, end) != (asked_start, asked_end):
                asked = (asked_start - start, asked_end - start)
            offset = max(0, start - mark[0])
            excerpts.append(Excerpt(text[start:end], is_markdown, offset, asked))
    return excerpts
