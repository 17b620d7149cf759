"""The highlights of one note."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from ankiforge.extract.obsidian.blocks import Block, Blocks, Part
from ankiforge.extract.obsidian.cards import Sides, bold_term, plain_term, runs_of_three
from ankiforge.extract.obsidian.dialects.placing import (
    NOTHING,
    ByTools,
    Placed,
    found_gaps,
    gaps_of,
)
from ankiforge.extract.obsidian.inline import Phrase, outermost
from ankiforge.extract.obsidian.lists import Lists
from ankiforge.extract.obsidian.pasted import Pasted
from ankiforge.extract.obsidian.targets import Targets
from ankiforge.model import Document, Form, Highlight, HighlightKind, Span
from ankiforge.text import cloze
from ankiforge.text.anchors import CONTEXT, numbered
from ankiforge.text.markdown import plain

_GLOSSARY = ("glossary", "definitions", "terms")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What counts as a highlight."""

    marks: frozenset[str]
    cards: frozenset[str]
    glossary_headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A highlight as it is shown where that is more than what it is known by."""

    exact: str
    offset: int
    """Where it begins, from where the other begins."""
    gaps: tuple[Span, ...]
    markdown: tuple[str, ...]
    markdown_gaps: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """A highlight before it knows its neighbours."""

    block: int
    start: int
    """In the plain text of the note."""
    highlight: Highlight
    """By the frozen reading of docs/keys.md."""
    shown: Shown | None = None
    """Another reading of it, to be shown."""

    @property
    def span(self) -> Span:
        """All of it in the plain text."""
        return self.start, self.start + len(self.highlight.exact)


def plain_text(blocks: tuple[Block, ...]) -> str:
    """The note's plain text: what prefix, suffix and anchors are made of."""
    return "\n".join(block.plain for block in blocks)


def highlights(
    document: Document,
    namespace: str,
    cut: Blocks,
    wanted: Wanted,
    skip: str = "",
    tools: ByTools = NOTHING,
) -> tuple[Highlight, ...]:
    """The highlights of a note, in reading order; `tools` is what the dialects found in it."""
    reader = _Reader(document, namespace, cut, wanted)
    text = plain_text(cut.blocks)
    found = sorted(_with_tools(reader, tools), key=lambda one: one.start)
    per_id = Counter(one.highlight.block for one in found)
    lists, targets = Lists(cut.blocks), Targets(cut.blocks, document.uri)
    whole = (_placed(one, text, cut.blocks[one.block], per_id, skip) for one in found)
    return tuple(
        numbered(
            replace(
                highlight,
                above=lists.above(one.block),
                links=tuple(dict.fromkeys((*highlight.links, *targets.within(*one.span)))),
            )
            for one, highlight in zip(found, whole, strict=True)
        )
    )


def _with_tools(reader: _Reader, tools: ByTools) -> Iterator[_Found]:
    """Ours and those of other tools, no passage twice; with the ids of notes in Anki."""
    for one in reader.all():
        if tools.clear_of(one.highlight, one.start):
            hints = (*one.highlight.hints, *tools.note_at(one.block))
            yield replace(one, highlight=replace(tools.sure(one.highlight), hints=hints))
    for placed in tools.cards:
        found = reader.by_tool(placed, tools)
        yield _Found(placed.block, placed.start, found, _revealed(found))


def _revealed(highlight: Highlight) -> Shown | None:
    """A cloze of another tool whose answers its plain text lacks: the tool's signs are its own."""
    if highlight.form is not Form.CLOZE or not highlight.markdown:
        return None
    if len(highlight.gaps) >= len(cloze.gaps(highlight.markdown[0])):
        return None
    exact = plain(cloze.reveal(highlight.markdown[0]))
    gaps = found_gaps(highlight.markdown[0], exact)
    if len(gaps) <= len(highlight.gaps):
        return None
    return Shown(exact, 0, gaps, highlight.markdown, highlight.markdown_gaps)


def _placed(one: _Found, text: str, block: Block, per_id: Counter[str], skip: str) -> Highlight:
    """The highlight with all that its place in the note says of it."""
    end = one.start + len(one.highlight.exact)
    alone = block.id and per_id[one.highlight.block] == 1
    placed = replace(
        one.highlight,
        own=f"b.{block.id}" if alone else "",
        prefix=text[max(0, one.start - CONTEXT) : one.start],
        suffix=text[end : end + CONTEXT],
        heading=" › ".join((*block.headings, *block.heads)),
        uri=one.highlight.document.uri + _fragment(block),
        skip=skip,
    )
    shown = placed if one.shown is None else _as_shown(placed, one.start, one.shown, text)
    return _without_signs(shown).formerly_as(placed)


_SIGNS = re.compile(r"={4}")
"""The end of one mark and the beginning of the next: `==so====.==`."""


def _without_signs(highlight: Highlight) -> Highlight:
    """The highlight without signs of marks within its phrases, known by the frozen reading."""
    if highlight.form is not Form.PHRASE or not highlight.markdown:
        return highlight
    if not any(_SIGNS.search(highlight.exact[start:end]) for start, end in highlight.gaps):
        return highlight
    exact, gaps = _dropped(highlight.exact, highlight.gaps)
    text, markdown_gaps = _dropped(highlight.markdown[0], highlight.markdown_gaps)
    return replace(
        highlight,
        exact=exact,
        gaps=gaps,
        markdown=(text, *highlight.markdown[1:]),
        markdown_gaps=markdown_gaps,
        anchor_text=highlight.anchor_text or highlight.exact,
        anchor_around=highlight.anchor_around or (highlight.prefix, highlight.suffix),
    )


def _dropped(text: str, gaps: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
    """A text without these signs within its gaps, and where the gaps are then."""
    parts: list[str] = []
    spans: list[Span] = []
    at = length = 0
    for start, end in gaps:
        inside = _SIGNS.sub("", text[start:end])
        parts += [text[at:start], inside]
        length += start - at
        spans.append((length, length + len(inside)))
        at, length = end, length + len(inside)
    return "".join([*parts, text[at:]]), tuple(spans)


def _as_shown(highlight: Highlight, start: int, shown: Shown, text: str) -> Highlight:
    """The highlight with its other reading, known by the frozen one."""
    start += shown.offset
    end = start + len(shown.exact)
    prefix, suffix = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    if text[start:end] != shown.exact:  # words of a cloze with own signs, which the text has not
        prefix, suffix = highlight.prefix, highlight.suffix
    return replace(
        highlight,
        exact=shown.exact,
        gaps=shown.gaps,
        markdown=shown.markdown,
        markdown_gaps=shown.markdown_gaps,
        prefix=prefix,
        suffix=suffix,
        anchor_text=highlight.exact,
        anchor_around=(highlight.prefix, highlight.suffix),
    )


_NOT_IN_LINKS = re.compile(r"[#^|\[\]:%\\\s]+")


def _fragment(block: Block) -> str:
    """`#^block` or `#Heading` as Obsidian's links have it, percent-encoded."""
    if block.id:
        return quote(f"#^{block.id}", safe="")
    if not block.headings:
        return ""
    return quote(f"#{_NOT_IN_LINKS.sub(' ', block.headings[-1]).strip()}", safe="")


class _Reader:
    def __init__(self, document: Document, namespace: str, cut: Blocks, wanted: Wanted) -> None:
        self.document, self.namespace, self.cut, self.wanted = document, namespace, cut, wanted
        self.terms = dict(self._terms())
        self.pasted = Pasted(cut.blocks, wanted.marks, self._is_card)

    def _is_card(self, at: int) -> bool:
        return self._card(at, self.cut.blocks[at]) is not None

    def all(self) -> Iterator[_Found]:
        start, marked = 0, set()
        starts: list[int] = []
        for at, block in enumerate(self.cut.blocks):
            starts.append(start)
            if at in self.pasted.told:
                marked.add(block.callout)
            for offset, highlight, *shown in self._of_block(at, block):
                marked.add(block.callout)
                yield _Found(at, start + offset, highlight, *shown)
            start += len(block.plain) + 1
        if "callout" in self.wanted.marks:
            yield from self._callouts(starts, marked)

    def _of_block(
        self, at: int, block: Block
    ) -> Iterator[tuple[int, Highlight] | tuple[int, Highlight, Shown | None]]:
        """(offset in the block, highlight): a card by hand, or the marked sentences."""
        card = self._card(at, block)
        if card:
            yield 0, card
            return
        quotes = [(offset, self._pasted(at, offset)) for offset in self.pasted.begin_at(at)]
        yield from quotes
        sentences = list(self._sentences(at, block))
        yield from sentences
        quoted = self.pasted.holds(at, (0, len(block.plain)))
        if not sentences and not quoted and at in self.terms:
            yield 0, self._sided(at, block, self.terms[at])

    def _card(self, at: int, block: Block) -> Highlight | None:
        if block.region and "block" in self.wanted.cards:
            highlight = self._highlight(at, block, Form.BLOCK, block.plain, block.sided)
            return replace(highlight, two_way=block.region.two_way)
        if block.sides and "inline" in self.wanted.cards:
            return self._sided(at, block, block.sides)
        if block.inline and "cloze" in self.wanted.cards:
            gaps = tuple(p.span for p in block.inline.phrases() if p.sign == "{{")
            if gaps:
                text = block.inline.cloze()
                highlight = self._highlight(at, block, Form.CLOZE, block.plain, (text,))
                return replace(highlight, gaps=gaps)
        term = self.terms.get(at)
        return self._sided(at, block, term) if term and term.form is Form.GLOSSARY else None

    def _sided(self, at: int, block: Block, sides: Sides) -> Highlight:
        assert block.inline is not None
        bold = sides.form not in (Form.GLOSSARY, Form.TERM)
        front = block.inline.markdown(*sides.front, bold=bold)[0]
        back = block.inline.markdown(*sides.back)[0]
        highlight = self._highlight(at, block, sides.form, block.plain, (front, back))
        return replace(highlight, two_way=sides.two_way)

    def _pasted(self, at: int, offset: int) -> Highlight:
        """A passage of a paper that was pasted with its link."""
        said = self.pasted.said(at, offset)
        form = Form.PHRASE if said.gaps else Form.MARK
        return replace(
            self._highlight(at, self.cut.blocks[at], form, said.exact, (said.markdown,)),
            gaps=said.gaps,
            markdown_gaps=said.markdown_gaps,
            comment=said.comment,
            colour=said.colour,
            page_label=said.page_label,
            hints=said.hints,
            links=said.links(self.document.uri),
        )

    def _highlight(
        self, at: int, block: Block, form: Form, exact: str, markdown: tuple[str, ...]
    ) -> Highlight:
        by_mark = form in (Form.PHRASE, Form.CALLOUT, Form.MARK)
        return Highlight(
            document=self.document,
            namespace=self.namespace,
            kind=HighlightKind.HIGHLIGHT if by_mark else HighlightKind.CARD,
            exact=exact,
            form=form,
            markdown=markdown,
            tags=block.tags,
            block=block.id or str(at + 1),
        )

    def by_tool(self, placed: Placed, tools: ByTools) -> Highlight:
        """A card as another tool writes it."""
        card, block = placed.written, self.cut.blocks[placed.block]
        highlight = self._highlight(placed.block, block, card.form, placed.exact, card.sides)
        return replace(
            highlight,
            gaps=gaps_of(placed) if card.form is Form.CLOZE else (),
            two_way=card.two_way,
            tags=tuple(dict.fromkeys(card.tags)),
            hints=tools.note_of(placed),
            declared=True,
        )

    def _sentences(self, at: int, block: Block) -> Iterator[tuple[int, Highlight, Shown | None]]:
        """The sentences of a block that hold marked phrases; one that spans two joins them."""
        inline = block.inline
        if inline is None:
            return
        wanted = (p for p in inline.phrases() if p.sign in self.wanted.marks)
        phrases = outermost(p for p in wanted if not self.pasted.holds(at, p.span))
        whole = inline.sentences() if phrases else []
        for span, inside in _by_sentence(phrases, inline.sentences(frozen=True) if phrases else []):
            exact = block.plain[slice(*span)]
            text, gaps = inline.markdown(*span, inside, bold="bold" not in self.wanted.marks)
            highlight = self._highlight(at, block, Form.PHRASE, exact, (text,))
            yield (
                span[0],
                replace(
                    highlight,
                    gaps=tuple((p.span[0] - span[0], p.span[1] - span[0]) for p in inside),
                    markdown_gaps=gaps,
                    colour=next((p.note for p in inside if p.sign == "mark" and p.note), ""),
                ),
                self._shown(block, span, inside, whole),
            )

    def _shown(
        self, block: Block, span: Span, inside: tuple[Phrase, ...], whole: list[Span]
    ) -> Shown | None:
        """The phrases in the whole of their sentence; None if `span` is that already."""
        starts = [start for start, _ in whole]
        start = starts[bisect_right(starts, span[0]) - 1]
        end = whole[bisect_right(starts, span[1] - 1) - 1][1]
        if (start, end) == span or block.inline is None:
            return None
        bold = "bold" not in self.wanted.marks
        text, gaps = block.inline.markdown(start, end, inside, bold=bold)
        places = tuple((p.span[0] - start, p.span[1] - start) for p in inside)
        return Shown(block.plain[start:end], start - span[0], places, (text,), gaps)

    def _terms(self) -> Iterator[tuple[int, Sides]]:
        """Items `Term: definition`, by the index of their block; three in a row are a glossary.

        In bold they count outside a glossary, too, if `term` is wanted.
        """
        cards = self.wanted.cards
        if cards.isdisjoint(("glossary", "term")):
            return
        listed: dict[int, Sides] = {}
        places: list[tuple[int, int, int]] = []
        for at, block in enumerate(self.cut.blocks):
            if block.part is not Part.ITEM or block.inline is None:
                continue
            if "term" in cards and (bold := bold_term(block.inline)):
                yield at, bold
            in_glossary = "glossary" in cards and self._in_glossary(block)
            sides = plain_term(block.inline) if in_glossary else None
            if sides:
                listed[at] = sides
                places.append((*block.item, at))
        for at in runs_of_three(places):
            listed[at] = replace(listed[at], form=Form.GLOSSARY)
        yield from listed.items()

    def _in_glossary(self, block: Block) -> bool:
        words = (*_GLOSSARY, *(word.casefold() for word in self.wanted.glossary_headings))
        above = " ".join(block.headings).casefold()
        return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", above) for word in words)

    def _callouts(self, starts: list[int], marked: set[int]) -> Iterator[_Found]:
        """The callouts in which nothing is marked."""
        inside: dict[int, list[int]] = {}
        for at, block in enumerate(self.cut.blocks):
            inside.setdefault(block.callout, []).append(at)
        for number, markdown in enumerate(self.cut.callouts):
            if number in inside and number not in marked:
                first, last = inside[number][0], inside[number][-1]
                exact = plain_text(self.cut.blocks[first : last + 1])
                block = self.cut.blocks[first]
                highlight = self._highlight(first, block, Form.CALLOUT, exact, (markdown,))
                yield _Found(first, starts[first], highlight)


def _by_sentence(
    phrases: tuple[Phrase, ...], sentences: list[Span]
) -> Iterator[tuple[Span, tuple[Phrase, ...]]]:
    """The sentences with their phrases; sentences that one phrase spans are one."""
    starts = [start for start, _ in sentences]
    joined: list[tuple[int, int, list[Phrase]]] = []
    for phrase in phrases:
        first = bisect_right(starts, phrase.span[0]) - 1
        last = bisect_right(starts, phrase.span[1] - 1) - 1
        start, end = starts[first], sentences[last][1]
        if joined and start < joined[-1][1]:
            before = joined.pop()
            joined.append((before[0], max(before[1], end), before[2]))
        else:
            joined.append((start, end, []))
        joined[-1][2].append(phrase)
    yield from (((start, end), tuple(inside)) for start, end, inside in joined)
