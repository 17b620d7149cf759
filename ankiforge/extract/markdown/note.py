"""The highlights of one note."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

from ankiforge.extract.exported_notes import kept
from ankiforge.extract.markdown.blocks import PRIVATE, Block, Blocks, Part
from ankiforge.extract.markdown.cards import Sides, plain_term
from ankiforge.extract.markdown.inline import outermost, rich
from ankiforge.extract.markdown.quotes import Citations, Quotes, opens
from ankiforge.extract.markdown.tokens import Kind, Phrase
from ankiforge.model import NOTE, Document, Form, Highlight, HighlightKind, Json, Span, Strings
from ankiforge.text import regex, shortened
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
# What may be the name of a placeholder: `{{role}}`.
_LONE_WORD = regex(r"[a-z][a-z0-9]*")
_QUOTED = regex(r"(?m)^[ \t]*>(?:[ \t]*>)*[ \t]?")
_NOT_IN_LINKS = regex(r"[#^|\[\]:%\\\s]+")
# Characters shown of one list item.
_LONGEST = 160


class Wanted(NamedTuple):
    """Which marks and hand-written cards are read."""

    marks: frozenset[str]
    cards: frozenset[str]
    glossaries: frozenset[str]
    """The headings, casefolded, above a list of terms."""


# Fields of a highlight.
_Fields = Json


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
    found = sorted(_Reader(document, blocks, wanted, cites).all(), key=lambda one: one[:2])
    if not found:
        return ()
    per_block = Counter(one.fields["block"] for one in found)
    ids, items = _Tools(text, blocks), _items(blocks.blocks)
    private = f"#{PRIVATE}" in text.casefold()
    heads = (at for at, one in enumerate(blocks.blocks) if one.part in (Part.HEADING, Part.TITLE))
    covered = private and any(blocks.words(at) == "[…]" for at in heads)
    said = [fields.get("comment", "") for *_, fields in found]
    remarks = [one for one in said if len(one.split()) > 2]  # shorter ones may be words of the text
    made = []
    for at, start, last, end, fields in found:
        block = blocks.blocks[at]
        part = f"#^{block.id}" if block.id else ""  # as in Obsidian's links
        if block.headings and not part:
            part = f"#{_NOT_IN_LINKS.sub(' ', block.headings[-1].plain).strip()}"
        links = [*fields.get("links", ()), *_links_in(blocks, at, start, last, end, document.uri)]
        note_id, schedule = ids.of(block.lines)
        is_card = fields["kind"] is HighlightKind.CARD
        # a neighbour that is cut off here is too long to be taken
        asks = "?" in fields.get("comment", "")
        spare = (NEARBY if asks else PARAGRAPH) - len(fields["exact"]) + 1
        near = CONTEXT if is_card or covered else max(CONTEXT, spare)
        before, after = blocks.before(at, start, near), blocks.after(last, end, near)
        fields |= {
            "own": f"b.{block.id}" if block.id and per_block[fields["block"]] == 1 else "",
            "prefix": before[-CONTEXT:],
            "suffix": after[:CONTEXT],
            "heading": " › ".join(above.plain for above in (*block.headings, *block.heads)),
            "uri": document.uri + quote(part, safe=""),
            "skip": skip or fields.get("skip", ""),
            "above": tuple(_above(blocks.blocks, items, at)),
            "links": tuple(filter(None, dict.fromkeys(links))),
            "schedule": schedule if is_card else "",
            "hints": (*fields.get("hints", ()), *note_id),
        }
        if private:
            fields["anchor_around"] = fields["prefix"], fields["suffix"]
            fields["prefix"] = blocks.before(at, start, CONTEXT, public=True)
            fields["suffix"] = blocks.after(last, end, CONTEXT, public=True)
        if not covered and not is_card:
            span = len(before), len(before) + len(fields["exact"])
            around = f"{before}{fields['exact']}{after}"
            fields["nearby"] = paragraphs_around(around, *span, asks=asks)
            for one in remarks:
                fields["nearby"] = fields["nearby"].replace(one, "[…]")
        made.append(Highlight(document, namespace, **fields))
    return tuple(numbered(made))


def _links_in(
    blocks: Blocks, first: int, start: int, last: int, end: int, note: str
) -> Iterator[str]:
    """Yield the addresses of the links in a highlight, "" for those that cannot be opened."""
    for at in range(first, last + 1):
        inline = blocks.blocks[at].inline
        for (low, high), target in inline.targets if inline else ():
            if (at > first or start <= low) and (at < last or high <= end):
                yield opens(target, note)


# The id of the Anki note that a tool made, as a comment, a block id or a line.
_ID = regex(
    r"<!--[ \t]*ID:[ \t]*(\d{1,19})\b|(?:^|[ \t])\^(\d{13})[ \t]*$|^[ \t]*ID:[ \t]*(\d{10,19})[ \t]*$"
)
_SCHEDULE = regex(r"<!--SR:(.+?)-->")


class _Tools:
    """What other tools wrote into a note about its cards in Anki."""

    def __init__(self, text: str, blocks: Blocks) -> None:
        told = any(sign in text for sign in ("ID:", "^", "<!--SR:"))
        self.rows = text.split("\n") if told else []
        code = (one.lines for one in blocks.blocks if self.rows and one.part is Part.CODE)
        self.code = {at for span in code for at in range(*span)}

    def of(self, lines: Span) -> tuple[Strings, str]:
        """Return the id of a card's note, if told, and its schedule, from its lines or right below."""
        note_id, schedule = Strings(), ""
        for at in range(lines[0], min(lines[1] + 2, len(self.rows))):
            row, bare, inside = self.rows[at], self.rows[at].strip("> \t"), at < lines[1]
            is_told = inside or (at == lines[1] and bare.startswith(("<!--", "^", "ID:")))
            if is_told and not note_id and at not in self.code and bare[-1:] != "`":
                found = _ID.search(row)
                note_id = (f"{NOTE}{found[1] or found[2] or found[3]}",) if found else ()
            told = _SCHEDULE.search(row)
            schedule = schedule or (told[1] if told else "")
            if not inside and not bare.startswith("[!sr"):
                break
        return note_id, schedule


def _items(blocks: Sequence[Block]) -> dict[tuple[Span, ...], int]:
    """Return the index of each list item by its path."""
    paths = ((block.path, at) for at, block in enumerate(blocks) if block.part is Part.ITEM)
    return dict(reversed([*paths]))  # the first block of an item counts


def _above(blocks: Sequence[Block], items: dict[tuple[Span, ...], int], at: int) -> Iterator[str]:
    """Yield the texts of the list items above a block, outermost first."""
    path, is_item = blocks[at].path, blocks[at].part is Part.ITEM
    for length in range(1, len(path) + (not is_item)):
        if (above := items.get(path[:length], at)) != at:
            yield shortened(blocks[above].plain, _LONGEST)


class _Reader:
    def __init__(
        self, document: Document, blocks: Blocks, wanted: Wanted, cites: Citations
    ) -> None:
        self.note, self.blocks, self.wanted = blocks, blocks.blocks, wanted
        self.bold = "bold" not in wanted.marks
        """Whether to keep strong emphasis: only if it is not a mark."""
        self.signs = ("==", "<", "~=", *(("**", "__") * (not self.bold)))
        self.kept = kept(self.blocks)
        self.quotes = Quotes(self.blocks, cites, wanted.marks, self._card, document.uri)

    def all(self) -> Iterator[_Found]:
        """Yield the cards, quotes and marks of the note, no passage twice."""
        marks, taken = self.wanted.marks, set(self.quotes.covered)
        wholes: dict[tuple[Form, int], list[int]] = {}
        for at, block in enumerate(self.blocks):
            for one in self._in_block(at, block):
                taken.add(at)
                yield one
            if block.callout >= 0 and "callout" in marks:
                wholes.setdefault((Form.CALLOUT, block.callout), []).append(at)
            elif block.quotes and "quote" in marks:
                wholes.setdefault((Form.MARK, block.quotes[0]), []).append(at)
        # block quotes in which nothing is marked
        for (form, number), members in wholes.items():
            if not taken.isdisjoint(members):
                continue
            if form is Form.CALLOUT:
                source = self.note.callouts[number]
            elif self.blocks[members[0]].style:
                continue
            else:
                sources = dict.fromkeys(self.blocks[at].source for at in members)
                source = _QUOTED.sub("", "\n\n".join(sources))
            first, last = members[0], members[-1]
            rest = (self.note.gap(at) + self.blocks[at].plain for at in range(first + 1, last + 1))
            exact = "".join([self.blocks[first].plain, *rest])
            fields = self._fields(first, form, exact, (rich(source, self.note.context),))
            yield _Found(first, 0, last, len(self.blocks[last].plain), fields)

    def _in_block(self, at: int, block: Block) -> Iterator[_Found]:
        """Yield the card that a block is, or its quotes and marked sentences."""
        if card := self._card(at):
            yield _Found(at, 0, at, len(block.plain), card)
            return
        for offset, quoted in self.quotes.starts.get(at, {}).items():
            own = self.quotes.fields(quoted)
            form = Form.PHRASE if own["gaps"] else Form.MARK
            fields = self._fields(at, form, own["exact"], own["markdown"])
            last, (_, end) = quoted.parts[-1]
            yield _Found(at, offset, last, end, {**fields, **own})
        sentences = list(self._sentences(at, block))
        yield from sentences
        inline = block.inline if at in self.kept and at not in self.quotes.covered else None
        if inline and not sentences and not self.quotes.hold(at, (0, 10**9)):
            end, label, comment = self.kept[at]
            fields = self._fields(at, Form.MARK, block.plain[:end], inline.markdown(0, end)[:1])
            links = tuple(opens(to, "") for span, to in inline.targets if span[0] >= end)
            fields |= {"comment": comment, "page_label": label, "links": links}
            yield _Found(at, 0, at, end, fields)

    def _card(self, at: int) -> _Fields | None:
        """Return the card that a whole block is, None if it is not a card."""
        block, cards = self.blocks[at], self.wanted.cards
        declared = block.syntax.declared
        if block.card and all(block.sided) and ("block" in cards or declared):
            form, sign = Form.CLOZE if block.card.cloze else Form.BLOCK, block.card.sign
            fields = self._fields(at, form, block.plain, block.sided)
            between = sign in block.syntax.block
            fields["written"] = f"{sign} between question and answer" if between else sign
            fields["two_way"], fields["declared"] = block.card.two_way, declared
            return {**fields, "skip": _SEVERAL if block.card.several else ""}
        if block.sides and at not in self.kept and ("inline" in cards or declared):
            return self._sided(at, block.sides)
        signs = block.syntax.gaps.signs
        if (signs or ("cloze" in cards and "{{" in block.source)) and (card := self._cloze(at)):
            return card
        if "glossary" in cards and block.part is Part.ITEM and len(block.path) == 1:
            heading = block.headings[-1].plain.strip(" :").casefold() if block.headings else ""
            term = plain_term(block.inline) if block.inline else None
            if term and heading in self.wanted.glossaries:
                return self._sided(at, term._replace(form=Form.GLOSSARY))
        return None

    def _cloze(self, at: int) -> _Fields | None:
        """Return the cloze card that a block is."""
        block, inline = self.blocks[at], self.blocks[at].inline
        gaps = [one for one in inline.phrases if one.sign == "{{"] if inline else []
        if inline is None or not gaps:
            return None
        ours = all(inline.tokens[one.opener].markdown.startswith("{{") for one in gaps)
        if ours and "cloze" not in self.wanted.cards and "{{" not in block.syntax.gaps.signs:
            return None
        fields = self._fields(at, Form.CLOZE, block.plain, (inline.cloze(),))
        fields |= {"gaps": tuple([one.span for one in gaps]), "written": "{{…}}"}
        words = ["" if one.note else block.plain[slice(*one.span)] for one in gaps]
        hinted = any(token.kind is Kind.HINT for token in inline.tokens)
        if not hinted and all(map(_LONE_WORD.fullmatch, words)):
            fields["skip"] = _PLACEHOLDER.format(word=words[0])
        return {**fields, "declared": block.syntax.declared}

    def _sided(self, at: int, sides: Sides) -> _Fields:
        """Return the card of a front and a back on one line."""
        block = self.blocks[at]
        assert block.inline is not None
        names = {Form.GLOSSARY: "Term: definition", Form.TERM: "**Term**: text"}
        front = block.inline.markdown(*sides.front, bold=sides.form not in names)[0]
        back = block.inline.markdown(*sides.back)[0]
        return {
            **self._fields(at, sides.form, block.plain, (front, back)),
            "two_way": sides.two_way,
            "written": names.get(sides.form, f"a {sides.sign.strip()} b"),
            "declared": bool(sides.sign) and block.syntax.declared,
        }

    def _fields(self, at: int, form: Form, exact: str, markdown: Strings) -> _Fields:
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
        inline = block.inline if any(sign in block.source for sign in self.signs) else None
        if inline is None:
            return
        wanted = (one for one in inline.phrases if one.sign in self.wanted.marks)
        phrases = outermost(one for one in wanted if not self.quotes.hold(at, one.span))
        if len(phrases) == 1 and (term := plain_term(inline, phrases[0].span)):
            fields = self._sided(at, term) | {"colour": phrases[0].note, "written": ""}
            yield _Found(at, 0, at, len(block.plain), fields)
            return
        sentences = inline.sentences() if phrases else []
        starts = [start for start, _ in sentences]
        marked: list[tuple[int, int, list[Phrase]]] = []
        for phrase in phrases:  # sentences that share a phrase are joined
            start = starts[bisect_right(starts, phrase.span[0]) - 1]
            end = sentences[bisect_right(starts, phrase.span[1] - 1) - 1][1]
            inside = [phrase]
            if marked and start < marked[-1][1]:
                start, before, others = marked.pop()
                end, inside = max(before, end), [*others, phrase]
            marked.append((start, end, inside))
        for start, end, inside in marked:
            text, markdown_gaps = inline.markdown(start, end, inside, bold=self.bold)
            fields = self._fields(at, Form.PHRASE, block.plain[start:end], (text,))
            fields["gaps"] = tuple([(p.span[0] - start, p.span[1] - start) for p in inside])
            fields["markdown_gaps"] = markdown_gaps
            fields["colour"] = next((p.note for p in inside if p.sign == "mark" and p.note), "")
            yield _Found(at, start, at, end, fields)
