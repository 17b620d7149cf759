"""The highlights of one note."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple
from urllib.parse import quote

from ankiforge.extract.markdown.blocks import Block, Blocks, Part
from ankiforge.extract.markdown.cards import CardSides, plain_term
from ankiforge.extract.markdown.exported_notes import kept
from ankiforge.extract.markdown.front_matter import FrontMatter
from ankiforge.extract.markdown.inline import outermost, rich
from ankiforge.extract.markdown.quotes import Citations, Quotes, opens
from ankiforge.extract.markdown.tokens import Kind, Phrase
from ankiforge.model import (
    Document,
    Form,
    Highlight,
    HighlightKind,
    Hint,
    Json,
    Span,
    Strings,
    hints,
)
from ankiforge.text import regex, shortened
from ankiforge.text.passages import CONTEXT, NEARBY, PARAGRAPH, numbered, paragraphs_around
from ankiforge.text.private import TAG

_MARK_FORMS = (Form.PHRASE, Form.CALLOUT, Form.MARK)
_SEVERAL = "it holds several lines with `?`; put an empty line between the cards"
_PLACEHOLDER = "`{{{{{word}}}}}` may be a placeholder of a template; a cloze is {{{{c1::{word}}}}}"
# What may be the name of a placeholder, or a command: `{{role}}`, `{{< video x >}}`.
_LONE_WORD = regex(r"[a-z][a-z0-9]*|<\s.*|%.*%")
_NOT_IN_LINKS = regex(r"[#^|\[\]:%\\\s]+")
_QUOTED = regex(r"(?m)^[ \t]*(?:>[ \t]?)+")
# Characters shown of one list item.
_LONGEST = 160


class Wanted(NamedTuple):
    """Which marks and hand-written cards are read."""

    marks: frozenset[str]
    cards: frozenset[str]
    glossaries: frozenset[str]
    """The headings, casefolded, above a list of terms."""


_Found = tuple[int, int, int, int, Json]
"""A highlight whose context is still to be added: the index of its first block and its offset
there, the index of its last block and the offset of its end there, and its fields."""


# The id of the Anki note that a tool made, as a comment, a block id or a line.
_ID = regex(
    r"<!--[ \t]*ID:[ \t]*(\d{1,19})\b|(?:^|[ \t])\^(?P<block>\d{13})[ \t]*$"
    r"|^[ \t]*ID:[ \t]*(\d{10,19})[ \t]*$"
)
_SCHEDULE = regex(r"<!--SR:(.+?)-->")


class _Told(NamedTuple):
    """What other tools wrote in a card or right below it."""

    hints: tuple[Hint, ...] = ()
    """The id of its note, if any."""
    tool: str = ""
    """The tool that wrote the id."""
    schedule: str = ""


def _told(rows: Sequence[str], code: Container[int], lines: Span) -> _Told:
    """Return what other tools wrote in a card or right below it."""
    note_id, tool, schedule = tuple[Hint, ...](), "", ""
    for at in range(lines[0], min(lines[1] + 2, len(rows))):
        row, bare, inside = rows[at], rows[at].strip("> \t"), at < lines[1]
        is_told = inside or (at == lines[1] and bare.startswith(("<!--", "^", "ID:")))
        if is_told and not note_id and at not in code and bare[-1:] != "`":
            found = _ID.search(row)
            if found:
                note_id = (hints.anki_note(found[1] or found[2] or found[3]),)
                tool = "flashcards" if found["block"] else "o2a"
        told = _SCHEDULE.search(row)
        schedule = schedule or (told[1] if told else "")
        if not inside and not bare.startswith("[!sr"):
            break
    return _Told(note_id, tool, schedule)


# Names that two colons join.
_NAME = regex(r"(?a)(?<!\w)\w{3,}::\w{3,}")


class Reader:
    """Finds the highlights of a note that is cut into blocks; `cites` are its citations."""

    def __init__(
        self, document: Document, blocks: Blocks, wanted: Wanted, cites: Citations
    ) -> None:
        self.note, self.blocks, self.wanted = blocks, blocks.blocks, wanted
        self.document = document
        self.bold = "bold" not in wanted.marks
        """Whether to keep strong emphasis: only if it is not a mark."""
        self.signs = ("==", "<", "~=", *(("**", "__") * (not self.bold)))
        self.kept = kept(self.blocks)
        colons = {block.source for block in self.blocks if "::" in block.source}
        names = Counter(name for words in colons for name in {*_NAME.findall(words)})
        self.names = {name for name, times in names.items() if times > 1}
        """What two colons join in several lines: `BCR::ABL1` is a name, not a card."""
        self.quotes = Quotes(self.blocks, cites, wanted.marks, self._card, document.uri)

    def highlights(self, namespace: str, text: str, front: FrontMatter) -> tuple[Highlight, ...]:
        """Return the highlights of the note, in reading order.

        Args:
            namespace: the part of its keys before the slash.
            text: the note as written, without its front matter.
            front: what its front matter says.
        """
        found, rows = sorted(self._all(), key=itemgetter(0, 1)), text.split("\n")
        per_block = Counter(fields["block"] for *_, fields in found)
        code = set[int]()
        items = dict[tuple[Span, ...], int]()
        for at, block in enumerate(self.blocks):
            if block.part is Part.CODE:
                code.update(range(*block.lines))
            elif block.part is Part.ITEM:
                items.setdefault(block.path, at)
        # shorter ones may be words of the text
        said = (fields.get("comment", "") for *_, fields in found)
        remarks = [one for one in said if len(one.split()) > 2]
        made = []
        told_at = dict[Span, _Told]()
        for at, start, last, end, fields in found:
            block = self.blocks[at]
            part = f"#^{block.id}" if block.id else ""  # as in Obsidian's links
            if block.headings and not part:
                part = f"#{_NOT_IN_LINKS.sub(' ', block.headings[-1].plain).strip()}"
            links = [*fields.get("links", ())]
            for one in range(at, last + 1):
                for (low, high), target in self.blocks[one].inline.targets:
                    if (one > at or start <= low) and (one < last or high <= end):
                        links.append(opens(target, self.document.uri))
            if block.lines not in told_at:  # a block may hold thousands of highlights
                told_at[block.lines] = _told(rows, code, block.lines)
            told = told_at[block.lines]
            lists = range(1, len(block.path) + (block.part is not Part.ITEM))
            outer = (self.blocks[items.get(block.path[:length], at)] for length in lists)
            above = (shortened(one.plain, _LONGEST) for one in outer if one is not block)
            is_card = fields["kind"] is HighlightKind.CARD
            # a neighbour that is cut off here is too long to be taken
            asks = "?" in fields.get("comment", "")
            spare = (NEARBY if asks else PARAGRAPH) - len(fields["exact"]) + 1
            near = CONTEXT if is_card else max(CONTEXT, spare)
            before, after = self.note.around(at, start, last, end, near)
            fields |= {
                "own": hints.block_id(block.id)
                if block.id and per_block[fields["block"]] == 1
                else "",
                "prefix": before[-CONTEXT:],
                "suffix": after[:CONTEXT],
                "heading": " › ".join(one.plain for one in (*block.headings, *block.heads)),
                "uri": self.document.uri and self.document.uri + quote(part, safe=""),
                "skip": front.skip or fields.get("skip", ""),
                "created": front.created,
                "modified": front.updated,
                "above": tuple(above),
                "links": tuple(filter(None, dict.fromkeys(links))),
                "schedule": told.schedule if is_card else "",
                # a tool that wrote below the answer has said where it ends
                "open_end": fields.get("open_end", False) and not (told.schedule or told.hints),
                "tool": told.tool,
                "hints": (*fields.get("hints", ()), *told.hints),
            }
            parts = (*range(at, last + 1), *fields.pop("beside", ()))
            if any(self.blocks[part].private for part in parts):
                fields["tags"] = (*fields["tags"], *({TAG} - {*fields["tags"]}))
            if not is_card:
                span = len(before), len(before) + len(fields["exact"])
                around = f"{before}{fields['exact']}{after}"
                fields["nearby"] = paragraphs_around(around, *span, asks=asks)
                for one in remarks:
                    fields["nearby"] = fields["nearby"].replace(one, "[…]")
            made.append(Highlight(self.document, namespace, **fields))
        return tuple(numbered(made))

    def _all(self) -> Iterator[_Found]:
        """Yield the cards, quotes and marks of the note, no passage twice."""
        marks, taken = self.wanted.marks, set(self.quotes.covered)
        wholes: dict[tuple[Form, int], list[int]] = {}
        for at, block in enumerate(self.blocks):
            for one in self._in_block(at, block):
                taken.add(at)
                yield one
            if block.callout and "callout" in marks:
                wholes.setdefault((Form.CALLOUT, block.callout), []).append(at)
            elif block.quotes and "quote" in marks:
                wholes.setdefault((Form.MARK, block.quotes[0]), []).append(at)
        # block quotes in which nothing is marked
        for (form, number), members in wholes.items():
            if not taken.isdisjoint(members):
                continue
            first, last = members[0], members[-1]
            if form is Form.MARK and self.blocks[first].style:
                continue
            rest = (self.note.gap(at) + self.blocks[at].plain for at in range(first + 1, last + 1))
            exact = "".join([self.blocks[first].plain, *rest])
            body = self.note.bodies[number]
            body = _QUOTED.sub("", body) if form is Form.MARK else body
            fields = self._fields(first, form, exact, (rich(body, self.note.context),))
            yield (first, 0, last, len(self.blocks[last].plain), fields)

    def _in_block(self, at: int, block: Block) -> Iterator[_Found]:
        """Yield the card that a block is, or its quotes and marked sentences."""
        if card := self._card(at):
            yield (at, 0, at, len(block.plain), card)
            return
        for offset, quoted in self.quotes.starts.get(at, {}).items():
            own = self.quotes.fields(quoted)
            form = Form.PHRASE if own["gaps"] else Form.MARK
            last, (_, end) = quoted.parts[-1]
            yield (at, offset, last, end, self._fields(at, form, **own))
        sentences = list(self._sentences(at, block))
        yield from sentences
        if not sentences and (unanswered := self._unanswered(at, block)):
            yield unanswered
            return
        if at in self.kept and at not in self.quotes.covered and not sentences:
            end, label, comment = self.kept[at]
            markdown = block.inline.markdown(0, end)[:1]
            fields = self._fields(at, Form.MARK, block.plain[:end], markdown, comment=comment)
            links = [opens(to, "") for span, to in block.inline.targets if span[0] >= end]
            fields |= {"page_label": label, "links": links}
            yield (at, 0, at, end, fields)

    def _card(self, at: int) -> Json | None:
        """Return the card that a whole block is, None if it is not a card."""
        block, cards = self.blocks[at], self.wanted.cards
        declared = block.syntax.declared or bool(block.card and block.card.declared)
        if block.card and all(block.card_markdown) and ("block" in cards or declared):
            form, sign = Form.CLOZE if block.card.cloze else Form.BLOCK, block.card.sign
            fields = self._fields(
                at, form, block.plain, block.card_markdown, two_way=block.card.two_way
            )
            between = sign in block.syntax.block
            fields["written"] = f"{sign} between question and answer" if between else sign
            is_last = at + 1 == len(self.blocks) or self._card(at + 1) is not None
            fields["open_end"] = block.card.open_end and not is_last
            return {**fields, "declared": declared, "skip": block.card.several * _SEVERAL}
        if block.sides and at not in self.kept and ("inline" in cards or declared):
            names = self.names and self.names.intersection(_NAME.findall(block.source))
            form = Form.INLINE_FIELD if names else block.sides.form
            return self._sided(at, block.sides._replace(form=form))
        signs = block.syntax.gaps.signs
        if (signs or ("cloze" in cards and "{{" in block.source)) and (card := self._cloze(at)):
            return card
        if "glossary" in cards and block.part is Part.ITEM and len(block.path) == 1:
            heading = block.headings[-1].plain.strip(" :").casefold() if block.headings else ""
            if heading in self.wanted.glossaries and (term := plain_term(block.inline)):
                return self._sided(at, term._replace(form=Form.GLOSSARY))
        return None

    def _unanswered(self, at: int, block: Block) -> _Found | None:
        """Return the question of a card over several lines below which no answer stands, None if it is none.

        Its `?` is the last line of a paragraph, or stands alone right below a heading.
        """
        rows = block.source.strip().split("\n")
        if block.part not in (Part.TEXT, Part.ITEM) or rows[-1].strip() not in block.syntax.block:
            return None
        if "block" not in self.wanted.cards and not block.syntax.declared:
            return None
        first, exact = at, block.plain
        if len(rows) == 1:
            above = self.blocks[at - 1] if at else None
            if above is None or above.part is not Part.HEADING or above.lines[1] != block.lines[0]:
                return None
            first, exact = at - 1, f"{above.plain}\n{block.plain}"
        sign = rows[-1].strip()
        fields = self._fields(at, Form.BLOCK, exact, ())
        fields["written"] = f"{sign} between question and answer"
        return (first, 0, at, len(block.plain), fields)

    def _cloze(self, at: int) -> Json | None:
        """Return the cloze card that a block is."""
        block, inline = self.blocks[at], self.blocks[at].inline
        gaps = [one for one in inline.phrases if one.sign == "{{"]
        ours = all(inline.tokens[one.opener].markdown.startswith("{{") for one in gaps)
        reads = "cloze" in self.wanted.cards or "{{" in block.syntax.gaps.signs
        if not gaps or (ours and not reads):
            return None
        spans = tuple([one.span for one in gaps])
        words = ["" if one.note else block.plain[slice(*one.span)] for one in gaps]
        hinted = any(token.kind is Kind.HINT for token in inline.tokens)
        # other braces are of code: `{{1}, {2}}`
        code = "{" in inline.unmarked_text()
        lone = not hinted and ((code and any(words)) or all(map(_LONE_WORD.fullmatch, words)))
        fields = self._fields(at, Form.CLOZE, block.plain, (inline.cloze(),), gaps=spans)
        fields |= {"written": "{{…}}", "declared": block.syntax.declared}
        return {**fields, "skip": lone * _PLACEHOLDER.format(word=words[0])}

    def _sided(self, at: int, sides: CardSides) -> Json:
        """Return the card of a front and a back on one line."""
        block = self.blocks[at]
        names = {Form.GLOSSARY: "Term: definition", Form.TERM: "**Term**: text"}
        front = block.inline.markdown(*sides.front, bold=sides.form not in names)[0]
        back = block.inline.markdown(*sides.back)[0]
        fields = self._fields(at, sides.form, block.plain, (front, back), two_way=sides.two_way)
        fields["written"] = names.get(sides.form, f"a {sides.sign.strip()} b")
        return {**fields, "declared": bool(sides.sign) and block.syntax.declared}

    def _fields(self, at: int, form: Form, exact: str, markdown: Strings, **more: object) -> Json:
        block = self.blocks[at]
        return {
            "kind": HighlightKind.HIGHLIGHT if form in _MARK_FORMS else HighlightKind.CARD,
            "exact": exact,
            "form": form,
            "markdown": markdown,
            "tags": block.tags,
            "block": block.id or str(at + 1),
            **more,
        }

    def _sentences(self, at: int, block: Block) -> Iterator[_Found]:
        """Yield the sentences with marked phrases; a phrase that spans sentences joins them."""
        if not any(sign in block.source for sign in self.signs):
            return
        inline = block.inline
        wanted = (one for one in inline.phrases if one.sign in self.wanted.marks)
        phrases = outermost(one for one in wanted if not self.quotes.hold(at, one.span))
        if len(phrases) == 1 and (term := plain_term(inline, phrases[0].span)):
            fields = self._sided(at, term) | {"colour": phrases[0].note, "written": ""}
            yield (at, 0, at, len(block.plain), fields)
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
            gaps = tuple([(p.span[0] - start, p.span[1] - start) for p in inside])
            colour = next((p.note for p in inside if p.sign == "mark" and p.note), "")
            fields = self._fields(at, Form.PHRASE, block.plain[start:end], (text,), gaps=gaps)
            fields |= {"markdown_gaps": markdown_gaps, "colour": colour}
            yield (at, start, at, end, fields)
