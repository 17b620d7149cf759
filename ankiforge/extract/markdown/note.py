"""The highlights of one note."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from ankiforge.extract.markdown.blocks import PRIVATE, Block, Blocks, Part
from ankiforge.extract.markdown.cards import Sides, bold_term, plain_term
from ankiforge.extract.markdown.inline import outermost, rich
from ankiforge.extract.markdown.kept import kept
from ankiforge.extract.markdown.quotes import Citations, Quotes, opens
from ankiforge.extract.markdown.tokens import Kind, Phrase
from ankiforge.model import NOTE, Document, Form, Highlight, HighlightKind, Span
from ankiforge.text import cloze
from ankiforge.text.cloze import plain
from ankiforge.text.passages import (
    CONTEXT,
    NEARBY,
    PARAGRAPH,
    numbered,
    paragraphs_around,
)

_MARK_FORMS = (Form.PHRASE, Form.CALLOUT, Form.MARK)
_SEVERAL = "it holds several lines with `?`; put an empty line between the cards"
_PLACEHOLDER = "`{{{{{word}}}}}` may be a placeholder of a template; a cloze is {{{{c1::{word}}}}}"
_LONE_WORD = re.compile(r"[a-z][a-z0-9]*")
"""What may be the name of a placeholder: `{{role}}`."""
_QUOTED = re.compile(r"^[ \t]*>(?:[ \t]*>)*[ \t]?", re.MULTILINE)


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

    first: int
    """The index of its first block, and its offset there."""
    start: int
    last: int
    end: int
    """The index of its last block, and the offset of its end there."""
    fields: _Fields


def highlights(
    document: Document,
    namespace: str,
    text: str,
    blocks: Blocks,
    wanted: Wanted,
    cites: Citations,
    skip: str = "",
) -> tuple[Highlight, ...]:
    """Return the highlights of a note, in reading order.

    Args:
        document: the note.
        namespace: the part of its keys before the slash.
        text: the note as written, without its front matter.
        blocks: the same, cut into blocks.
        wanted: which marks and cards are read.
        cites: its citations.
        skip: the reason why no cards are made of it, "" if they are.
    """
    reader = _Reader(document, blocks, wanted, cites)
    found = sorted(reader.all(), key=lambda one: one[:2])
    per_block = Counter(one.fields["block"] for one in found)
    ids, lists = _NoteIds(text, blocks) if found else None, _Lists(blocks.blocks)
    private = f"#{PRIVATE}" in text.casefold()
    heads = (at for at, one in enumerate(blocks.blocks) if one.part in (Part.HEADING, Part.TITLE))
    covered = private and any(blocks.words(at) == "[…]" for at in heads)
    made = []
    for one in found:
        block, fields = blocks.blocks[one.first], one.fields
        part = f"#^{block.id}" if block.id else ""  # as in Obsidian's links
        if block.headings and not part:
            part = f"#{_NOT_IN_LINKS.sub(' ', block.headings[-1].plain).strip()}"
        own_id = block.id and per_block[fields["block"]] == 1
        links = dict.fromkeys((*fields.get("links", ()), *_links_in(blocks, one, document.uri)))
        fields |= {
            "own": f"b.{block.id}" if own_id else "",
            "prefix": blocks.before(one.first, one.start, CONTEXT),
            "suffix": blocks.after(one.last, one.end, CONTEXT),
            "heading": " › ".join(above.plain for above in (*block.headings, *block.heads)),
            "uri": document.uri + quote(part, safe=""),
            "skip": skip or fields.get("skip", ""),
            "above": lists.above(one.first),
            "links": tuple(filter(None, links)),
            "schedule": ids.schedule(block.lines)
            if ids and fields["kind"] is HighlightKind.CARD
            else "",
            "hints": (*fields.get("hints", ()), *(ids.hints(block.lines) if ids else ())),
        }
        if private:
            around = fields["prefix"], fields["suffix"]
            fields["prefix"] = blocks.before(one.first, one.start, CONTEXT, public=True)
            fields["suffix"] = blocks.after(one.last, one.end, CONTEXT, public=True)
            fields["anchor_around"] = around
        if not covered and fields["kind"] is HighlightKind.HIGHLIGHT:
            asks = "?" in fields.get("comment", "")
            exact = fields["exact"]
            # a neighbour that is cut off here is too long to be taken
            most = max((NEARBY if asks else PARAGRAPH) - len(exact), 0) + 1
            before = blocks.before(one.first, one.start, most)
            after = blocks.after(one.last, one.end, most)
            span = len(before), len(before) + len(exact)
            fields["nearby"] = paragraphs_around(before + exact + after, *span, asks=asks)
        made.append(Highlight(document, namespace, **fields))
    return tuple(numbered(made))


_NOT_IN_LINKS = re.compile(r"[#^|\[\]:%\\\s]+")


def _links_in(blocks: Blocks, one: _Found, note: str) -> Iterator[str]:
    """Yield the addresses of the links in a highlight, "" for those that cannot be opened."""
    for at in range(one.first, one.last + 1):
        inline = blocks.blocks[at].inline
        low = one.start if at == one.first else 0
        high = one.end if at == one.last else len(blocks.blocks[at].plain)
        for (start, end), target in sorted(inline.targets) if inline else ():
            if low <= start and end <= high:
                yield opens(target, note)


_ID = re.compile(
    r"<!--[ \t]*ID:[ \t]*(\d{1,19})\b|(?:^|[ \t])\^(\d{13})[ \t]*$|^[ \t]*ID:[ \t]*(\d{10,19})[ \t]*$"
)
"""The id of the Anki note that a tool made, as a comment, a block id or a line."""


_SCHEDULE = re.compile(r"<!--SR:(.+?)-->")


class _NoteIds:
    """The ids of notes in Anki that other tools wrote into a note, by line."""

    def __init__(self, text: str, blocks: Blocks) -> None:
        told = any(sign in text for sign in ("ID:", "^", "<!--SR:"))
        self.lines = text.split("\n") if told else []
        code = (one.lines for one in blocks.blocks if self.lines and one.part is Part.CODE)
        self.code = {at for span in code for at in range(*span)}
        self.cards = Counter(one.lines for one in blocks.blocks if one.card)

    def schedule(self, lines: Span) -> str:
        """Return the schedule that stands in these lines or right below, if it is of one card."""
        for at in range(lines[0], min(lines[1] + 2, len(self.lines))):
            row = self.lines[at].lstrip("> \t")
            if found := _SCHEDULE.search(row):
                return found[1] if self.cards[lines] < 2 else ""
            if at >= lines[1] and not row.startswith("[!sr"):
                break
        return ""

    def hints(self, lines: Span) -> Iterator[str]:
        """Yield the id that a tool wrote into these lines or alone right below.

        Where several cards stand on the lines, it is not known whose it is.
        """
        if self.cards[lines] > 1:
            return
        for at in range(lines[0], min(lines[1] + 1, len(self.lines))):
            row = self.lines[at]
            found = (
                _ID.search(row) if at not in self.code and not row.rstrip().endswith("`") else None
            )
            if found and (at < lines[1] or row.strip(" \t>").startswith(("<!--", "^", "ID:"))):
                yield f"{NOTE}{found[1] or found[2] or found[3]}"
                return


_LONGEST = 160
"""Characters shown of one list item."""


class _Lists:
    """The list items above each item of nested lists."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._items: dict[tuple[Span, ...], int] = {}
        self._starts: dict[int, int] = {}
        for at, block in enumerate(blocks):
            if block.path:
                self._starts.setdefault(block.path[0][0], at)
                if block.part is Part.ITEM:
                    self._items.setdefault(block.path, at)

    def above(self, at: int) -> tuple[str, ...]:
        """Return the texts of the items above a block, outermost first, after the introduction."""
        block = self._blocks[at]
        depth = len(block.path) - (block.part is Part.ITEM)
        found = [self._items.get(block.path[:length], -1) for length in range(1, depth + 1)]
        start = self._starts[block.path[0][0]] if block.path else 0
        if start:  # a colon right above introduces the list
            before = self._blocks[start - 1]
            leads = before.part is Part.TEXT and not before.path
            same = leads and before.quotes == self._blocks[start].quotes
            if same and before.plain.endswith((":", "：")):
                found.insert(0, start - 1)
        return tuple(_shortened(self._blocks[one].plain) for one in found if one >= 0)


def _shortened(text: str) -> str:
    """Return a text that is longer than `_LONGEST` cut between words."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST].rpartition(' ')[0] or text[:_LONGEST]}…"


class _Reader:
    def __init__(
        self, document: Document, blocks: Blocks, wanted: Wanted, cites: Citations
    ) -> None:
        self.note, self.blocks, self.wanted = blocks, blocks.blocks, wanted
        self.bold = "bold" not in wanted.marks
        """Whether to keep strong emphasis: only if it is not a mark."""
        self.terms = self._terms()
        self.kept = kept(self.blocks)
        self.quotes = Quotes(self.blocks, cites, wanted.marks, self._card, document.uri)

    def all(self) -> Iterator[_Found]:
        """Yield the cards, quotes and marks of the note, no passage twice."""
        marked: set[int] = set()
        taken: set[int] = set()
        inside: dict[int, list[int]] = {}
        for at, block in enumerate(self.blocks):
            inside.setdefault(block.callout, []).append(at)
            if at in self.quotes.covered:
                marked.add(block.callout)
            for one in self._in_block(at, block):
                marked.add(block.callout)
                taken.add(at)
                yield one
        for number, source in enumerate(self.note.callouts):
            if "callout" in self.wanted.marks and number in inside and number not in marked:
                yield self._whole(inside[number], Form.CALLOUT, rich(source, self.note.context))
        if "quote" not in self.wanted.marks:
            return
        for quotes, group in groupby(
            range(len(self.blocks)), lambda at: self.blocks[at].quotes[:1]
        ):
            members = list(group)
            used = any(at in taken or at in self.quotes.covered for at in members)
            if quotes and not used and not self.blocks[members[0]].style:
                sources = dict.fromkeys(self.blocks[at].source for at in members)
                source = _QUOTED.sub("", "\n\n".join(sources))
                yield self._whole(members, Form.MARK, rich(source, self.note.context))

    def _whole(self, members: Sequence[int], form: Form, markdown: str) -> _Found:
        """Return the highlight of blocks in which nothing is marked."""
        first, last = members[0], members[-1]
        end = len(self.blocks[last].plain)
        rest = (self.note.gap(at) + self.blocks[at].plain for at in range(first + 1, last + 1))
        exact = "".join([self.blocks[first].plain, *rest])
        return _Found(first, 0, last, end, self._fields(first, form, exact, (markdown,)))

    def _in_block(self, at: int, block: Block) -> Iterator[_Found]:
        """Yield the card that a block is, or its quotes and marked sentences."""
        whole = (at, 0, at)
        if card := self._card(at):
            yield _Found(*whole, len(block.plain), card)
            return
        for offset, found in self.quotes.starts.get(at, {}).items():
            own = self.quotes.fields(found)
            form = Form.PHRASE if own["gaps"] else Form.MARK
            fields = self._fields(at, form, own["exact"], own["markdown"])
            last, (_, end) = found.parts[-1]
            yield _Found(at, offset, last, end, {**fields, **own})
        sentences = list(self._sentences(at, block))
        yield from sentences
        others = at in self.kept or at in self.terms
        if sentences or not others or self.quotes.hold(at, (0, 10**9)) or block.inline is None:
            return
        if at in self.kept and at not in self.quotes.covered:
            end, label, comment = self.kept[at]
            markdown = block.inline.markdown(0, end)[:1]
            fields = self._fields(at, Form.MARK, block.plain[:end], markdown)
            links = tuple(opens(to, "") for span, to in block.inline.targets if span[0] >= end)
            fields |= {"comment": comment, "page_label": label, "links": links}
            yield _Found(*whole, end, fields)
        elif at in self.terms:
            fields = self._sided_card(at, block, self.terms[at])
            yield _Found(*whole, len(block.plain), fields)

    def _card(self, at: int) -> _Fields | None:
        """Return the card that a whole block is, None if it is not a card."""
        block, cards = self.blocks[at], self.wanted.cards
        declared = block.syntax.declared
        if block.card and all(block.sided) and ("block" in cards or declared):
            form = Form.CLOZE if block.card.cloze else Form.BLOCK
            fields = self._fields(at, form, block.plain, block.sided)
            sign = block.card.sign
            between = sign in block.syntax.block
            fields["written"] = f"{sign} between question and answer" if between else sign
            fields["two_way"], fields["declared"] = block.card.two_way, declared
            fields["gaps"] = _hidden_words(block.sided[0], block.plain) if block.card.cloze else ()
            return {**fields, "skip": _SEVERAL if block.card.several else ""}
        if block.sides and ("inline" in cards or declared):
            return self._sided_card(at, block, block.sides)
        signs = block.syntax.gaps.signs
        may_hold = signs or ("cloze" in cards and "{{" in block.source)
        if may_hold and (card := self._cloze(at, block)):
            return card
        term = self.terms.get(at)
        return self._sided_card(at, block, term) if term and term.form is Form.GLOSSARY else None

    def _cloze(self, at: int, block: Block) -> _Fields | None:
        """Return the cloze card that a block is."""
        inline = block.inline
        gaps = [p for p in inline.phrases if p.sign == "{{"] if inline else []
        if inline is None or not gaps:
            return None
        ours = all(inline.tokens[one.opener].markdown.startswith("{{") for one in gaps)
        if ours and "cloze" not in self.wanted.cards and "{{" not in block.syntax.gaps.signs:
            return None
        skip = ""
        hinted = any(token.kind is Kind.HINT for token in inline.tokens)
        lone = [block.plain[slice(*one.span)] for one in gaps if not one.note]
        if len(lone) == len(gaps) and not hinted and all(map(_LONE_WORD.fullmatch, lone)):
            skip = _PLACEHOLDER.format(word=lone[0])
        fields = self._fields(at, Form.CLOZE, block.plain, (inline.cloze(),))
        fields |= {"gaps": tuple([one.span for one in gaps]), "written": "{{…}}", "skip": skip}
        return {**fields, "declared": block.syntax.declared}

    def _sided_card(self, at: int, block: Block, sides: Sides) -> _Fields:
        assert block.inline is not None
        bold = sides.form not in (Form.GLOSSARY, Form.TERM)
        front = block.inline.markdown(*sides.front, bold=bold)[0]
        back = block.inline.markdown(*sides.back)[0]
        fields = self._fields(at, sides.form, block.plain, (front, back))
        names = {Form.GLOSSARY: "Term: definition", Form.TERM: "**Term**: text"}
        written = names.get(sides.form, f"a {sides.sign.strip()} b")
        declared = bool(sides.sign) and block.syntax.declared
        return {**fields, "two_way": sides.two_way, "written": written, "declared": declared}

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

    def _sentences(self, at: int, block: Block) -> Iterator[_Found]:
        """Yield the sentences with marked phrases; a phrase that spans sentences joins them."""
        marks = self.wanted.marks
        if not any(
            sign in block.source for sign in ("==", "<", "~=", *(("**", "__") * (not self.bold)))
        ):
            return
        inline = block.inline
        if inline is None or not inline.phrases:
            return
        found = (p for p in inline.phrases if p.sign in marks and not self.quotes.hold(at, p.span))
        phrases = outermost(found)
        if not phrases:
            return
        if len(phrases) == 1 and (term := plain_term(inline, phrases[0].span)):
            fields = self._sided_card(at, block, term) | {"colour": phrases[0].note, "written": ""}
            yield _Found(at, 0, at, len(block.plain), fields)
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
            yield _Found(at, start, at, end, fields)

    def _terms(self) -> dict[int, Sides]:
        """Return the items `Term: definition`, by block index.

        They are a glossary if three stand in a row, directly under a heading that says so; a term
        that occurs twice there is left to a person. If `term` is wanted, items with the term in
        bold also count elsewhere.
        """
        cards, found, runs = self.wanted.cards, dict[int, Sides](), list[list[int]]([[]])
        for at, block in enumerate(self.blocks):
            if block.part is not Part.ITEM or block.inline is None:
                continue
            if "term" in cards and (term := bold_term(block.inline)):
                found[at] = term
            heading = block.headings[-1].plain.strip(" :").casefold() if block.headings else ""
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
