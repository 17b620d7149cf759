"""The highlights of one note."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from ankiforge.extract.markdown.blocks import Block, Blocks, Part
from ankiforge.extract.markdown.cards import Sides, bold_term, plain_term
from ankiforge.extract.markdown.citations import Citations, find_citations, opens
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.kept import kept
from ankiforge.extract.markdown.page import (
    AS_FIELD,
    QUOTED,
    Dialect,
    Page,
    ToolCard,
    between,
    written_on_line,
)
from ankiforge.extract.markdown.quotes import Quotes
from ankiforge.extract.markdown.tokens import Phrase
from ankiforge.model import NOTE, Document, Form, Highlight, HighlightKind, Span
from ankiforge.text import cloze
from ankiforge.text.markdown import plain
from ankiforge.text.passages import CONTEXT, numbered, paragraphs_around

_MARK_FORMS = (Form.PHRASE, Form.CALLOUT, Form.MARK)
_WRITTEN = {
    Form.INLINE_FIELD: AS_FIELD,
    Form.GLOSSARY: "Term: definition",
    Form.TERM: "**Term**: text",
}


class Wanted(NamedTuple):
    """Which marks and hand-written cards are read."""

    marks: frozenset[str]
    cards: frozenset[str]
    glossaries: frozenset[str]
    """The headings, casefolded, above a list of terms."""


_Fields = dict[str, Any]
"""Fields of a highlight."""


class _Found(NamedTuple):
    """A highlight whose context is still to be added."""

    block: int
    start: int
    """Offset in the plain text of the note."""
    fields: _Fields


def highlights(
    document: Document,
    namespace: str,
    page: Page,
    wanted: Wanted,
    skip: str = "",
    dialects: Sequence[Dialect] = (),
    cites: Citations | None = None,
) -> tuple[Highlight, ...]:
    """Return the highlights of a note, in reading order.

    Args:
        document: the note.
        namespace: the part of its keys before the slash.
        page: the note as read.
        wanted: which marks and cards are read.
        skip: the reason why no cards are made of it, "" if they are.
        dialects: the card syntaxes of other tools to read.
        cites: its citations, if they are already known.
    """
    blocks = page.blocks
    cites = find_citations(blocks.blocks) if cites is None else cites
    reader = _Reader(document, page, wanted, cites)
    found = sorted(
        reader.all(page.placed(dialects, with_blocks="block" in wanted.cards)),
        key=lambda one: one.start,
    )
    per_block = Counter(one.fields["block"] for one in found)
    lists, links, text = _Lists(blocks.blocks), _links(blocks, document.uri), blocks.plain
    made = []
    for one in found:
        block, fields = blocks.blocks[one.block], one.fields
        end = one.start + len(fields.get("anchor_text") or fields["exact"])
        low, high = (bisect_left(links, (at, at, "")) for at in (one.start, end))
        inside = (target for _, last, target in links[low:high] if last <= end)
        part = f"#^{block.id}" if block.id else ""  # as in Obsidian's links
        if block.headings and not part:
            part = f"#{_NOT_IN_LINKS.sub(' ', block.headings[-1]).strip()}"
        fields |= {
            "own": f"b.{block.id}" if block.id and per_block[fields["block"]] == 1 else "",
            "prefix": text[max(0, one.start - CONTEXT) : one.start],
            "suffix": text[end : end + CONTEXT],
            "heading": " › ".join((*block.headings, *block.heads)),
            "uri": document.uri + quote(part, safe=""),
            "skip": skip,
            "above": lists.above(one.block),
            "links": tuple(dict.fromkeys((*fields.get("links", ()), *filter(None, inside)))),
        }
        if fields["kind"] is not HighlightKind.CARD:
            asks = "?" in fields.get("comment", "")
            fields["nearby"] = paragraphs_around(text, one.start, end, asks=asks)
        made.append(Highlight(document, namespace, **fields))
    return tuple(numbered(made))


_NOT_IN_LINKS = re.compile(r"[#^|\[\]:%\\\s]+")


def _links(blocks: Blocks, note: str) -> list[tuple[int, int, str]]:
    """Return (start, end, address) of the links of a note, "" for those that cannot be opened."""
    return sorted(
        (block.start + first, block.start + last, opens(target, note))
        for block in blocks.blocks
        for (first, last), target in (block.inline.targets if block.inline else ())
    )


_LONGEST = 160
"""Characters shown of one list item."""


class _Lists:
    """The list items above each item of nested lists."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._words: dict[tuple[Span, ...], str] = {}
        self._intros: dict[int, str] = {}
        for at, block in enumerate(blocks):
            if not block.path:
                continue
            if block.path[0][0] not in self._intros:  # a colon right above introduces the list
                before = blocks[at - 1] if at else block
                leads = before.part is Part.TEXT and not before.path
                same = leads and before.quotes == block.quotes
                colon = same and before.plain.endswith((":", "："))
                self._intros[block.path[0][0]] = _shortened(before.plain) if colon else ""
            if block.part is Part.ITEM:
                self._words.setdefault(block.path, _shortened(block.plain))

    def above(self, at: int) -> tuple[str, ...]:
        """Return the texts of the items above a block, outermost first, after the introduction."""
        block = self._blocks[at]
        if not block.path:
            return ()
        depth = len(block.path) - (block.part is Part.ITEM)
        words = (self._words.get(block.path[:length], "") for length in range(1, depth + 1))
        return tuple(filter(None, (self._intros[block.path[0][0]], *words)))


def _shortened(text: str) -> str:
    """Return a text that is longer than `_LONGEST` cut between words."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rpartition(' ')[0] or text[:_LONGEST]}…"


class _Reader:
    def __init__(self, document: Document, page: Page, wanted: Wanted, cites: Citations) -> None:
        self.page, self.wanted = page, wanted
        self.blocks, self.callouts = page.blocks.blocks, page.blocks.callouts
        self.bold = "bold" not in wanted.marks
        """Whether to keep strong emphasis: only if it is not a mark."""
        self.terms = self._terms()
        self.kept = kept(self.blocks)
        self.quotes = Quotes(self.blocks, cites, wanted.marks, self._card, document.uri)

    def all(self, tools: list[tuple[Span, int, ToolCard]]) -> Iterator[_Found]:
        """Yield the cards of tools and our highlights, no passage twice, with their note ids."""
        spans = [span for span, _, _ in tools]
        for at, start, fields in self._own_highlights():
            whole = fields["kind"] is HighlightKind.CARD or not fields.get("gaps")
            parts = ((0, len(fields["exact"])),) if whole else fields["gaps"]
            if any(_overlap(spans, start + low, start + high) for low, high in parts):
                continue
            hints = self.page.hints(*self.blocks[at].lines)
            fields["hints"] = (*fields.get("hints", ()), *hints)
            yield _Found(at, start, fields)
        for (start, end), at, card in tools:
            yield _Found(at, start, self._tool_card(at, self.page.blocks.plain[start:end], card))

    def _tool_card(self, at: int, exact: str, card: ToolCard) -> _Fields:
        fields = self._fields(at, card.form, exact, card.sides)
        hints: tuple[str, ...] = (f"{NOTE}{card.id}",) if card.id else ()
        if not hints and "STARTI" not in card.written:
            hints = self.page.hints(card.first, card.last)
        fields |= {"two_way": card.two_way, "tags": tuple(dict.fromkeys(card.tags)), "hints": hints}
        fields |= {"declared": True, "written": card.written}
        if card.form is Form.CLOZE:
            fields["gaps"] = gaps = _hidden_words(card.sides[0], exact)
            shown = plain(cloze.reveal(card.sides[0]))
            revealed = _hidden_words(card.sides[0], shown)
            if len(revealed) > len(gaps):  # the tool's signs are in the plain text
                fields |= {"exact": shown, "gaps": revealed, "anchor_text": exact}
        elif card.written[:1] == "#" and (shown := _TAG.sub("", exact).strip()) not in ("", exact):
            fields |= {"exact": shown, "anchor_text": exact}
        return fields

    def _own_highlights(self) -> Iterator[tuple[int, int, _Fields]]:
        """Yield (index of the block, offset in the plain text, fields)."""
        marked: set[int] = set()
        taken: set[int] = set()
        inside: dict[int, list[int]] = {}
        for at, block in enumerate(self.blocks):
            inside.setdefault(block.callout, []).append(at)
            if at in self.quotes.covered:
                marked.add(block.callout)
            for offset, fields in self._in_block(at, block):
                marked.add(block.callout)
                taken.add(at)
                yield at, block.start + offset, fields
        for number, markdown in enumerate(self.callouts):
            if "callout" in self.wanted.marks and number in inside and number not in marked:
                yield self._whole(inside[number], Form.CALLOUT, markdown)
        if "quote" not in self.wanted.marks:
            return
        for quotes, group in groupby(
            range(len(self.blocks)), lambda at: self.blocks[at].quotes[:1]
        ):
            members = list(group)
            used = any(at in taken or at in self.quotes.covered for at in members)
            if quotes and not used and not self.blocks[members[0]].style:
                yield self._whole(members, Form.MARK, self.page.side(self._source(members)))

    def _source(self, members: Sequence[int]) -> str:
        first, last = self.blocks[members[0]].lines[0], self.blocks[members[-1]].lines[1]
        return QUOTED.sub("", self.page.text(first, last))

    def _whole(self, members: Sequence[int], form: Form, markdown: str) -> tuple[int, int, _Fields]:
        """Return the highlight of blocks in which nothing is marked."""
        first, last = self.blocks[members[0]], self.blocks[members[-1]]
        exact = self.page.blocks.plain[first.start : last.start + len(last.plain)]
        return members[0], first.start, self._fields(members[0], form, exact, (markdown,))

    def _in_block(self, at: int, block: Block) -> Iterator[tuple[int, _Fields]]:
        """Yield the card that a block is, or its quotes and marked sentences."""
        if card := self._card(at):
            yield 0, card
            return
        for offset, found in self.quotes.starts.get(at, {}).items():
            own = self.quotes.fields(found)
            form = Form.PHRASE if own["gaps"] else Form.MARK
            fields = self._fields(at, form, own["exact"], own["markdown"])
            yield offset, {**fields, **own}
        sentences = list(self._sentences(at, block))
        yield from sentences
        if not sentences and at in self.kept and at not in self.quotes.covered and block.inline:
            one, targets = self.kept[at], block.inline.targets
            exact = block.plain[slice(*one.span)]
            fields = self._fields(at, Form.MARK, exact, block.inline.markdown(*one.span)[:1])
            links = tuple(opens(target, "") for span, target in targets if span[0] >= one.span[1])
            yield 0, {**fields, "comment": one.comment, "page_label": one.label, "links": links}
            return
        if not sentences and at in self.terms and not self.quotes.hold(at, (0, len(block.plain))):
            yield 0, self._sided_card(at, block, self.terms[at])

    def _card(self, at: int) -> _Fields | None:
        """Return the card that a whole block is, None if it is not a card."""
        block, cards = self.blocks[at], self.wanted.cards
        if block.part is Part.CARD and all(block.sided) and "block" in cards:
            fields = self._fields(at, Form.BLOCK, block.plain, block.sided)
            written = between("??" if block.two_way else "?")
            return {**fields, "two_way": block.two_way, "written": written}
        if block.sides and "inline" in cards:
            return self._sided_card(at, block, block.sides)
        if block.inline and "cloze" in cards:
            gaps = tuple([p.span for p in block.inline.phrases if p.sign == "{{"])
            if gaps:
                fields = self._fields(at, Form.CLOZE, block.plain, (block.inline.cloze(),))
                return {**fields, "gaps": gaps, "written": "{{…}}"}
        term = self.terms.get(at)
        return self._sided_card(at, block, term) if term and term.form is Form.GLOSSARY else None

    def _sided_card(self, at: int, block: Block, sides: Sides) -> _Fields:
        assert block.inline is not None
        bold = sides.form not in (Form.GLOSSARY, Form.TERM)
        front = block.inline.markdown(*sides.front, bold=bold)[0]
        back = block.inline.markdown(*sides.back)[0]
        fields = self._fields(at, sides.form, block.plain, (front, back))
        written = _WRITTEN.get(sides.form) or written_on_line(two_way=sides.two_way)
        return {**fields, "two_way": sides.two_way, "written": written}

    def _fields(self, at: int, form: Form, exact: str, markdown: tuple[str, ...]) -> _Fields:
        block = self.blocks[at]
        return {
            "kind": HighlightKind.HIGHLIGHT if form in _MARK_FORMS else HighlightKind.CARD,
            "exact": exact,
            "form": form,
            "markdown": markdown,
            "tags": block.tags,
            "block": block.id or str(at + 1),
        }

    def _sentences(self, at: int, block: Block) -> Iterator[tuple[int, _Fields]]:
        """Yield the sentences with marked phrases; a phrase that spans sentences joins them."""
        inline, marks = block.inline, self.wanted.marks
        if inline is None or not inline.phrases:
            return
        found = (p for p in inline.phrases if p.sign in marks and not self.quotes.hold(at, p.span))
        phrases = outermost(found)
        if not phrases:
            return
        if len(phrases) == 1 and (term := plain_term(inline, phrases[0].span)):
            fields = self._sided_card(at, block, term)
            yield 0, {**fields, "colour": phrases[0].note, "written": ""}
            return
        sentences = inline.sentences()
        starts = [start for start, _ in sentences]
        marked: list[tuple[Span, list[Phrase]]] = []
        for phrase in phrases:  # sentences that share a phrase are joined
            start = starts[bisect_right(starts, phrase.span[0]) - 1]
            end = sentences[bisect_right(starts, phrase.span[1] - 1) - 1][1]
            if marked and start < marked[-1][0][1]:
                (first, last), inside = marked[-1]
                inside.append(phrase)
                marked[-1] = (first, max(last, end)), inside
            else:
                marked.append(((start, end), [phrase]))
        for (start, end), inside in marked:
            text, markdown_gaps = inline.markdown(start, end, inside, bold=self.bold)
            fields = self._fields(at, Form.PHRASE, block.plain[start:end], (text,))
            fields["gaps"] = tuple([(p.span[0] - start, p.span[1] - start) for p in inside])
            fields["markdown_gaps"] = markdown_gaps
            fields["colour"] = next((p.note for p in inside if p.sign == "mark" and p.note), "")
            yield start, fields

    def _terms(self) -> dict[int, Sides]:
        """Return the items `Term: definition`, by block index.

        They are a glossary if three stand in a row, directly under a heading that says so; a term
        that occurs twice there is left to a person. If `term` is wanted, items with the term in
        bold also count elsewhere.
        """
        cards = self.wanted.cards
        found: dict[int, Sides] = {}
        runs: list[list[int]] = [[]]
        for at, block in enumerate(self.blocks):
            if block.part is not Part.ITEM or block.inline is None:
                continue
            if "term" in cards and (term := bold_term(block.inline)):
                found[at] = term
            heading = block.headings[-1].strip(" :").casefold() if block.headings else ""
            listed = (
                "glossary" in cards and len(block.path) == 1 and heading in self.wanted.glossaries
            )
            if listed and (term := plain_term(block.inline)):
                found[at] = term
                number, item = block.path[-1]
                if not (runs[-1] and self.blocks[runs[-1][-1]].path[-1] == (number, item - 1)):
                    runs.append([])
                runs[-1].append(at)
        names = {at: self.blocks[at].plain[slice(*found[at].front)].casefold() for at in found}
        for run in runs:
            for at in run if len(run) > 2 else ():
                if sum(names[other] == names[at] for one in runs for other in one) == 1:
                    found[at] = found[at]._replace(form=Form.GLOSSARY)
        return found


_TAG = re.compile(r"\s*(?<!\S)#(?=[\w/-]*[^\W\d])[\w/-]+")
"""A tag, such as `#card/reverse`."""


def _overlap(spans: list[Span], start: int, end: int) -> bool:
    """Return whether one of these spans, which are in order, overlaps [start, end)."""
    before = bisect_left(spans, (end, 0))
    return before > 0 and spans[before - 1][1] > start


def _hidden_words(markdown: str, exact: str) -> tuple[Span, ...]:
    """Return the spans of a cloze's answers in its plain text, as far as they are found."""
    found: list[Span] = []
    at = 0
    for gap in cloze.gaps(markdown):
        words = plain(gap.answer)
        start = exact.find(words, at) if words else -1
        if start >= 0:
            at = start + len(words)
            found.append((start, at))
    return tuple(found)
