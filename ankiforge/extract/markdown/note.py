"""The highlights of one note."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import quote

from ankiforge.extract.markdown.blocks import Block, Blocks, Part
from ankiforge.extract.markdown.cards import Sides, bold_term, plain_term
from ankiforge.extract.markdown.inline import Phrase, outermost
from ankiforge.extract.markdown.page import (
    AS_FIELD,
    ToolCards,
    between,
    hidden_words,
    written_on_line,
)
from ankiforge.extract.markdown.quotes import Citations, Quotes, find_citations, opens
from ankiforge.model import Document, Form, Highlight, HighlightKind, Span
from ankiforge.text import cloze
from ankiforge.text.anchors import CONTEXT, numbered, paragraphs_around
from ankiforge.text.markdown import plain

_GLOSSARY = ("glossary", "definitions", "terms")
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
    glossary_headings: tuple[str, ...] = ()


_Fields = dict[str, Any]
"""Fields of a highlight."""


class _Found(NamedTuple):
    """A highlight whose context is still to be added."""

    block: int
    start: int
    """Offset in the plain text of the note."""
    fields: _Fields
    """With the plain text of docs/keys.md, from which the anchor is made."""
    shown: _Fields | None = None
    """The fields to show if they differ: `exact`, `gaps`, `markdown`, `markdown_gaps`."""


def highlights(
    document: Document,
    namespace: str,
    blocks: Blocks,
    wanted: Wanted,
    skip: str = "",
    tools: ToolCards | None = None,
    cites: Citations | None = None,
) -> tuple[Highlight, ...]:
    """Return the highlights of a note, in reading order.

    Args:
        document: the note.
        namespace: the part of its keys before the slash.
        blocks: the blocks of the note.
        wanted: which marks and cards are read.
        skip: the reason why no cards are made of it, "" if they are.
        tools: the cards of other tools in it.
        cites: its citations, if they are already known.
    """
    cites = find_citations(blocks.blocks) if cites is None else cites
    reader = _Reader(document, blocks, wanted, tools or ToolCards(), cites)
    found = sorted(reader.all(), key=lambda one: one.start)
    if not found:
        return ()
    per_block = Counter(one.fields["block"] for one in found)
    lists, links, text = _Lists(blocks.blocks), _links(blocks, document.uri), blocks.plain
    boundaries: list[int] = []
    start = 0
    for block in blocks.blocks if "====" in text else ():
        spans = [p.span for p in (block.inline.phrases if block.inline else ()) if p.sign == "=="]
        boundaries += _find_boundaries(text, [(start + low, start + high) for low, high in spans])
        start += len(block.plain) + 1
    rows = _with_rows(text, blocks.blocks)
    whole = _without_boundaries(boundaries, rows)
    made = []
    for one in found:
        block, fields = blocks.blocks[one.block], one.fields
        end = one.start + len(fields["exact"])
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
        if "?" in fields.get("comment", ""):
            nearby = paragraphs_around(rows, one.start, end)
            fields["nearby"] = nearby.replace(_NEXT_CELL, " | ")
        highlight = Highlight(document, namespace, **fields)
        made.append(_as_shown(highlight, one, text, boundaries, whole))
    return tuple(numbered(made))


_NOT_IN_LINKS = re.compile(r"[#^|\[\]:%\\\s]+")
_BOUNDARY = re.compile(r"(`+)[^`]+\1|(?<=[^\s=])(?P<signs>={4})(?=[^\s=])")
"""The end of one mark and the start of the next, `==so====.==`; not in code."""


def _find_boundaries(text: str, spans: Iterable[Span]) -> list[int]:
    """Return the offsets of the signs between two adjacent marks, within spans of a text."""
    found = (match for span in spans for match in _BOUNDARY.finditer(text, *span))
    return [match.start() for match in found if match["signs"]]


_NEXT_CELL = "\x1f"
"""Stands for the line end between two cells of a row, until it is shown as ` | `."""


def _with_rows(text: str, blocks: Sequence[Block]) -> str:
    """Return the plain text of a note, in which `_NEXT_CELL` joins the cells of a row."""
    if all(block.part is not Part.CELL for block in blocks):
        return text
    parts = []
    for block, after in pairwise(blocks):
        in_row = block.part is after.part is Part.CELL and block.lines == after.lines
        parts += [block.plain, _NEXT_CELL if in_row else "\n"]
    return "".join([*parts, blocks[-1].plain])


def _without_boundaries(boundaries: list[int], text: str) -> str:
    """Return a text without the signs between two adjacent marks."""
    edges = zip([0, *(at + 4 for at in boundaries)], [*boundaries, len(text)], strict=True)
    return "".join([text[start:end] for start, end in edges])


def _moved_spans(boundaries: list[int], spans: Iterable[Span], by: int = 0) -> tuple[Span, ...]:
    """Return spans, moved by `by`, as offsets in a text without these signs."""

    def moved(at: int) -> int:
        return at + by - 4 * bisect_left(boundaries, at + by)

    return tuple([(moved(low), moved(high)) for low, high in spans])


def _as_shown(
    highlight: Highlight, found: _Found, text: str, boundaries: list[int], whole: str
) -> Highlight:
    """Return the highlight by the reading to show, without the signs between adjacent marks.

    The plain text gives the anchor. `whole` is the text without these signs, with rows of tables.
    """
    window = slice(max(0, found.start - CONTEXT), found.start + len(highlight.exact) + CONTEXT)
    if not found.shown and not boundaries and _NEXT_CELL not in whole[window]:
        return highlight
    names = ("exact", "gaps", "markdown", "markdown_gaps")
    shown = {name: getattr(highlight, name) for name in names} | (found.shown or {})
    start = found.start
    end = start + len(shown["exact"])
    if text[start:end] == shown["exact"]:  # false for a cloze whose signs are in the text
        (low, high), *gaps = _moved_spans(boundaries, [(0, end - start), *shown["gaps"]], start)
        shown["exact"] = whole[low:high]
        shown["gaps"] = tuple([(first - low, last - low) for first, last in gaps])
        before, after = whole[max(0, low - CONTEXT) : low], whole[high : high + CONTEXT]
        shown["prefix"] = before.replace(_NEXT_CELL, " | ")[-CONTEXT:]
        shown["suffix"] = after.replace(_NEXT_CELL, " | ")[:CONTEXT]
        if boundaries and highlight.form is Form.PHRASE:
            (written, *rest), written_gaps = shown["markdown"], shown["markdown_gaps"]
            inside = _find_boundaries(written, written_gaps)
            shown["markdown"] = (_without_boundaries(inside, written), *rest)
            shown["markdown_gaps"] = _moved_spans(inside, written_gaps)
    around = (highlight.prefix, highlight.suffix)
    return replace(highlight, **shown, anchor_text=highlight.exact, anchor_around=around)


def _links(blocks: Blocks, note: str) -> list[tuple[int, int, str]]:
    """Return (start, end, address) of the links of a note, "" for those that cannot be opened."""
    found: list[tuple[int, int, str]] = []
    start = 0
    for block in blocks.blocks:
        for (first, last), target in block.inline.targets if block.inline else ():
            found.append((start + first, start + last, opens(target, note)))
        start += len(block.plain) + 1
    return sorted(found)


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
    def __init__(
        self,
        document: Document,
        blocks: Blocks,
        wanted: Wanted,
        tools: ToolCards,
        cites: Citations,
    ) -> None:
        self.tools, self.wanted = tools, wanted
        self.blocks, self.callouts = blocks.blocks, blocks.callouts
        self.bold = "bold" not in wanted.marks
        """Whether to keep strong emphasis: only if it is not a mark."""
        self.terms = self._terms()
        self.quotes = Quotes(self.blocks, cites, wanted.marks, self._card, document.uri)

    def all(self) -> Iterator[_Found]:
        """Yield our highlights and the cards of tools, no passage twice, with their note ids."""
        for one in self._own_highlights():
            fields = one.fields
            whole = fields["kind"] is HighlightKind.CARD or not fields.get("gaps")
            spans = ((0, len(fields["exact"])),) if whole else fields["gaps"]
            if self.tools.hold(one.start, spans):
                continue
            if "inline" in self.tools.own_forms and fields["form"] in (
                Form.INLINE,
                Form.INLINE_FIELD,
            ):  # the tool makes a card of each line `word:: value`, so it is not just a field
                fields["declared"] = True
                if fields["exact"].count("::") <= 1:
                    fields["form"] = Form.INLINE
                    fields["written"] = written_on_line(two_way=fields["two_way"])
            fields["hints"] = (*fields.get("hints", ()), *self.tools.hint_at(one.block))
            yield one
        for placed in self.tools.cards:
            card, shown = placed.card, None
            fields = self._fields(placed.block, card.form, placed.exact, card.sides)
            fields |= {
                "gaps": (),
                "two_way": card.two_way,
                "tags": tuple(dict.fromkeys(card.tags)),
                "hints": self.tools.hint_of(placed),
                "declared": True,
                "written": card.written,
            }
            if card.form is Form.CLOZE:
                markdown = card.sides[0]
                fields["gaps"] = gaps = hidden_words(markdown, placed.exact)
                if len(gaps) < len(cloze.gaps(markdown)):
                    # the plain text contains the tool's signs: the revealed text is shown
                    exact = plain(cloze.reveal(markdown))
                    found = hidden_words(markdown, exact)
                    if len(found) > len(gaps):
                        shown = {"exact": exact, "gaps": found}
                        shown |= {"markdown": card.sides, "markdown_gaps": ()}
            yield _Found(placed.block, placed.start, fields, shown)

    def _own_highlights(self) -> Iterator[_Found]:
        start, marked, starts = 0, set[int](), list[int]()
        for at, block in enumerate(self.blocks):
            starts.append(start)
            if at in self.quotes.covered:
                marked.add(block.callout)
            for offset, fields in self._in_block(at, block):
                marked.add(block.callout)
                yield _Found(at, start + offset, fields)
            start += len(block.plain) + 1
        if "callout" not in self.wanted.marks or not self.callouts:
            return
        inside: dict[int, list[int]] = {}
        for at, block in enumerate(self.blocks):
            inside.setdefault(block.callout, []).append(at)
        for number, markdown in enumerate(self.callouts):  # yield those without marks
            if number in inside and number not in marked:
                first, last = inside[number][0], inside[number][-1]
                exact = "\n".join(block.plain for block in self.blocks[first : last + 1])
                fields = self._fields(first, Form.CALLOUT, exact, (markdown,))
                yield _Found(first, starts[first], fields)

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
        if not sentences and at in self.terms and not self.quotes.hold(at, (0, len(block.plain))):
            yield 0, self._sided_card(at, block, self.terms[at])

    def _card(self, at: int) -> _Fields | None:
        """Return the card that a whole block is, None if it is not a card."""
        block, cards = self.blocks[at], self.wanted.cards
        if block.region and "block" in cards:
            fields = self._fields(at, Form.BLOCK, block.plain, block.sided)
            two_way = block.region.two_way
            return {**fields, "two_way": two_way, "written": between("??" if two_way else "?")}
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
        """Return the items `Term: definition`, by block index; three in a row are a glossary.

        If `term` is wanted, items with the term in bold also count outside a glossary.
        """
        cards = self.wanted.cards
        bold: dict[int, Sides] = {}
        listed: dict[int, Sides] = {}
        if cards.isdisjoint(("glossary", "term")):
            return bold
        words = map(re.escape, (*_GLOSSARY, *map(str.casefold, self.wanted.glossary_headings)))
        glossary = re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")
        run: list[int] = []
        for at, block in enumerate(self.blocks):
            if block.part is not Part.ITEM or block.inline is None:
                continue
            if "term" in cards and (term := bold_term(block.inline)):
                bold[at] = term
            if "glossary" not in cards or not block.headings:
                continue
            if glossary.search(" ".join(block.headings).casefold()) and (
                term := plain_term(block.inline)
            ):
                listed[at] = term
                number, item = block.path[-1]
                follows = run and self.blocks[run[-1]].path[-1] == (number, item - 1)
                run = run if follows else []
                run.append(at)
                for one in run[-1:] if len(run) > 3 else run if len(run) == 3 else ():
                    listed[one] = listed[one]._replace(form=Form.GLOSSARY)
        return bold | listed
