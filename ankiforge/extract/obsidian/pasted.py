"""The quotes of a note as highlights of it: their words, Markdown, marked phrases, links."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ankiforge.extract.obsidian.block import Block
from ankiforge.extract.obsidian.cites import opens
from ankiforge.extract.obsidian.inline import Phrase, outermost
from ankiforge.extract.obsidian.quoted import Stretch
from ankiforge.extract.obsidian.quotes import Quote, quotes
from ankiforge.model import Span

_RGB = re.compile(r"(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\Z")
_HEX = re.compile(r"#(?:[0-9a-f]{3}){1,2}\Z", re.IGNORECASE)
_COLOUR_WORDS = "yellow red green blue purple magenta orange gray grey pink cyan teal violet brown"
_COLOURS = frozenset(_COLOUR_WORDS.split())


@dataclass(frozen=True, slots=True)
class Said:
    """What a quote gives to its highlight."""

    exact: str
    markdown: str
    gaps: tuple[Span, ...]
    markdown_gaps: tuple[Span, ...]
    quote: Quote
    colour: str

    @property
    def comment(self) -> str:
        """The reader's words beside it."""
        return self.quote.comment

    @property
    def page_label(self) -> str:
        """Of the page it is quoted from."""
        return self.quote.citation.page_label

    @property
    def hints(self) -> tuple[str, ...]:
        """The names of the annotation in Zotero."""
        return next((one.hints for one in self.quote.cited if one.hints), ())

    def links(self, note: str) -> tuple[str, ...]:
        """What opens the paper, from the note at that address."""
        found = (opens(one.target, note) for one in self.quote.cited)
        return tuple(dict.fromkeys(filter(None, found)))


class Pasted:
    """The quotes of a note, by the blocks in which they begin."""

    def __init__(
        self, blocks: Sequence[Block], marks: frozenset[str], is_card: Callable[[int], bool]
    ) -> None:
        self._blocks, self._marks = blocks, marks
        self._at: dict[int, dict[int, Quote]] = {}
        self._spans: dict[int, list[Span]] = {}
        self._found: dict[
            tuple[int, frozenset[str]], tuple[tuple[Phrase, ...], tuple[int, ...]]
        ] = {}
        self.told: set[int] = set()
        """The blocks that belong to a quote."""
        for quote in quotes(blocks, is_card):
            if quote.citation.is_link or not self._has_own(quote):
                self._take(quote)

    def begin_at(self, at: int) -> Iterator[int]:
        """Where in a block quotes begin."""
        yield from self._at.get(at, ())

    def holds(self, at: int, span: Span) -> bool:
        """Whether a quote holds some of that stretch of a block."""
        spans = self._spans.get(at, [])
        before = bisect_left(spans, (span[1], 0))
        return before > 0 and span[0] < spans[before - 1][1]

    def said(self, at: int, offset: int) -> Said:
        """The quote that begins there."""
        quote = self._at[at][offset]
        texts: list[str] = []
        written: list[str] = []
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        for stretch in quote.stretches:
            inside = self._phrases(stretch)
            text, places = self._markdown(stretch, inside)
            before, above = len("\n".join([*texts, ""])), len("\n\n".join([*written, ""]))
            shift = before - stretch.span[0]
            gaps.extend((p.span[0] + shift, p.span[1] + shift) for p in inside)
            markdown_gaps.extend((start + above, end + above) for start, end in places)
            texts.append(stretch.text)
            written.append(text)
        return Said(
            "\n".join(texts),
            "\n\n".join(written),
            tuple(gaps),
            tuple(markdown_gaps),
            quote,
            self._colour(quote),
        )

    def _take(self, quote: Quote) -> None:
        first = quote.stretches[0]
        self._at.setdefault(first.at, {})[first.span[0]] = quote
        self.told |= {*quote.blocks, *quote.covers}
        for stretch in quote.stretches:
            self._spans.setdefault(stretch.at, []).append(stretch.span)

    def _has_own(self, quote: Quote) -> bool:
        """Whether something in it is a highlight without it: a key alone changes nothing then."""
        if "callout" in self._marks and any(self._blocks[at].callout >= 0 for at in quote.blocks):
            return True
        return any(
            phrase.sign in self._marks
            for at in quote.blocks
            if (inline := self._blocks[at].inline)
            for phrase in inline.phrases()
        )

    def _markdown(
        self, stretch: Stretch, phrases: tuple[Phrase, ...]
    ) -> tuple[str, tuple[Span, ...]]:
        inline = self._blocks[stretch.at].inline
        if inline is None:
            return f"```\n{stretch.text}\n```", ()
        return inline.markdown(*stretch.span, phrases, bold="bold" not in self._marks)

    def _phrases(self, stretch: Stretch) -> tuple[Phrase, ...]:
        """What is marked within the quote; a mark over all of it is none."""
        found = self._all_phrases(stretch, self._marks)
        return () if any(_covers(phrase, stretch) for phrase in found) else found

    def _all_phrases(self, stretch: Stretch, signs: frozenset[str]) -> tuple[Phrase, ...]:
        start, end = stretch.span
        found, starts = self._outermost(stretch.at, signs)
        low, high = bisect_right(starts, start) - 1, bisect_left(starts, end)
        near = tuple(p for p in found[max(0, low) : high] if start < p.span[1])
        whole = tuple(p for p in near if _covers(p, stretch))
        return whole or tuple(p for p in near if start <= p.span[0] and p.span[1] <= end)

    def _outermost(
        self, at: int, signs: frozenset[str]
    ) -> tuple[tuple[Phrase, ...], tuple[int, ...]]:
        """The phrases of a block that count, and where they begin."""
        if (at, signs) not in self._found:
            inline = self._blocks[at].inline
            phrases = outermost(p for p in (inline.phrases() if inline else ()) if p.sign in signs)
            self._found[at, signs] = phrases, tuple(p.span[0] for p in phrases)
        return self._found[at, signs]

    def _colour(self, quote: Quote) -> str:
        """That of its marks, of its callout, or of its link."""
        for stretch in quote.stretches:
            for phrase in self._all_phrases(stretch, frozenset(("mark",))):
                if phrase.note:
                    return phrase.note
        style = self._blocks[quote.stretches[0].at].style.partition("|")
        named = style[0].rpartition("-")[2].lower()
        links = (colour(one.colour) for one in quote.cited)
        return colour(style[2]) or (named if named in _COLOURS else "") or next(links, "")


def colour(word: str) -> str:
    """`#rrggbb` or the name of a colour; "" of what is neither."""
    word = word.strip().lower()
    if found := _RGB.match(word):
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in found.groups())
    return word if _HEX.match(word) or word in _COLOURS else ""


def _covers(phrase: Phrase, stretch: Stretch) -> bool:
    """Whether all words of a quote are marked; its quotation marks need not be."""
    start, end = stretch.span
    before = stretch.plain[start : phrase.span[0]]
    return not re.search(r"\w", before + stretch.plain[max(phrase.span[1], start) : end])
