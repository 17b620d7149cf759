"""The highlights of one note: hand-written cards, quotes from papers, marked text."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from itertools import accumulate, groupby, pairwise
from operator import attrgetter
from pathlib import PurePosixPath
from urllib.parse import unquote

from msgspec.structs import replace

from ankiforge.extract.discover import PICTURES
from ankiforge.extract.markdown import WantedMarks
from ankiforge.extract.markdown.blocks import Block, BlockKind, BlockQuote, Blocks
from ankiforge.extract.markdown.exported_notes import KeptPassage, kept
from ankiforge.extract.markdown.front_matter import FrontMatter
from ankiforge.extract.markdown.hand_written import (
    CardSides,
    plain_term,
    terms_on_lines,
)
from ankiforge.extract.markdown.inline import (
    Inline,
    outermost,
    read,
    rich,
    without_outer_tags,
)
from ankiforge.extract.markdown.overlooked import overlooked
from ankiforge.extract.markdown.patterns import FEWEST_TERMS
from ankiforge.extract.markdown.quotes import Citations, Quotes, address_of
from ankiforge.extract.markdown.signs import Phrase, SignKind
from ankiforge.extract.markdown.surroundings import PlacedHighlight, Surroundings
from ankiforge.model import (
    Document,
    Form,
    Highlight,
    HighlightKind,
    LeftOut,
    Span,
    Strings,
)
from ankiforge.text import AnyOf, regex
from ankiforge.text.cloze import image_paths
from ankiforge.text.fold import outside

_MARK_FORMS = (Form.PHRASE, Form.CALLOUT, Form.MARK)
_SEVERAL = "it holds several lines with `?`; put an empty line between the cards"
_PLACEHOLDER = (
    "`{{{{{word}}}}}` may be a placeholder of a template; a cloze is {{{{c1::{word}}}}}"
)
# What may be the name of a placeholder, or a command: `{{role}}`, `{{< video x >}}`.
_LONE_WORD = regex(r"[a-z][a-z0-9]*|<\s.*|%.*%")
# The signs of a block quote before its lines.
_QUOTE_SIGNS = regex(r"(?m)^[ \t]*(?:>[ \t]?)+")
_LINE_END = regex(r"(?P<hard>[ ]{2})?[ ]*\n[ ]*")
_UNCLEAR_QUOTE = (
    "which words its links are about is not clear: put each passage in quotation marks before"
    " its link, or into a block quote of its own"
)
_BETWEEN_SIDES = "{} between question and answer"
_MARK_SIGNS = ("==", "＝＝", "<", "~=")
_BOLD_SIGNS = ("**", "__")
# A block without any of these shows no picture.
_PICTURES = AnyOf("![", "<")
# Names that two colons join.
_COLON_NAME = regex(r"(?a)(?<!\w)\w{3,}::\w{3,}")
_TERM = "Term: meaning"
_NO_CARD = "no-anki-sync"
"""The tag of a block that no plug-in of Logseq is to bring to Anki."""
# How a card of these forms is written; others have a sign.
_WRITTEN_TERMS = {Form.GLOSSARY: "Term: definition", Form.TERM: "**Term**: text"}


class NoteReader:
    """Finds the highlights of a note that is cut into blocks."""

    def __init__(
        self,
        document: Document,
        namespace: str,
        note: Blocks,
        wanted: WantedMarks,
        citations: Citations,
        body: str,
    ) -> None:
        """Prepare to read a note.

        Args:
            document: what the note is.
            namespace: the part of the keys of its highlights before the slash.
            note: its blocks.
            wanted: what to read.
            citations: what the note cites.
            body: its source as written, without front matter.
        """
        self._document = document
        self._namespace = namespace
        self._note = note
        self._lines = note.source.split("\n")
        self._wanted = wanted
        self._keeps_bold = "bold" not in wanted.marks
        """Whether to keep strong emphasis: only if it is not a mark."""
        bold_signs = () if self._keeps_bold else _BOLD_SIGNS
        self._mark_signs = AnyOf(*_MARK_SIGNS, *bold_signs)
        """A block without any of these has no marks."""
        self._kept = kept(note.blocks, note.source)
        self._footnote_texts: dict[str, str] = {}
        """The footnotes in Markdown, by their labels; private ones stay where they are."""
        for block in note.blocks if "[^" in note.source else ():
            if block.is_text and not block.private:
                self._footnote_texts |= block.inline.footnote_texts()
        # what two colons join in several texts is a name, no card: `BCR::ABL1`
        sources = {block.source for block in note.blocks if "::" in block.source}
        uses: Counter[str] = Counter()
        for source in sources:
            uses.update(set(_COLON_NAME.findall(source)))
        self._colon_names = {name for name, times in uses.items() if times > 1}
        self._quotes = Quotes(note, citations, wanted.marks, self._card, body)
        self._placed: list[PlacedHighlight] = []
        """The highlights that were read."""
        self._terms = self._lists_of_terms() if "glossary" in wanted.cards else {}
        """The lines of lists that look like a glossary, by their block."""

    def highlights(self, text: str, front: FrontMatter) -> tuple[Highlight, ...]:
        """Return the highlights of the note, in reading order.

        Args:
            text: the note as written, without its front matter.
            front: what its front matter says.
        """
        placed: list[PlacedHighlight] = []
        used = set(self._quotes.covered)
        for block in self._note.blocks:
            in_block = list(self._in_block(block))
            placed += in_block
            if in_block:
                used.add(block)
        placed += self._whole_quotes(used)
        self._placed = sorted(placed, key=attrgetter("place"))
        surroundings = Surroundings(self._note, text, front, self._placed)
        return tuple(map(surroundings.added_to, self._placed))

    def _whole_quotes(self, used: Set[Block]) -> Iterator[PlacedHighlight]:
        """Yield the callouts and block quotes that are marks, if none of their blocks is used."""
        members_of = defaultdict[tuple[Form, BlockQuote], list[Block]](list)
        for block in self._note.blocks:
            if "callout" in self._wanted.marks and block.callouts:
                members_of[Form.CALLOUT, block.callouts[0]].append(block)
            elif "quote" in self._wanted.marks and block.quotes:
                members_of[Form.MARK, block.quotes[0]].append(block)
        for (form, quote), members in members_of.items():
            first, last = members[0], members[-1]
            if form is Form.MARK and first.style:  # a callout as a quote
                continue
            if not used.isdisjoint(members):
                continue
            words = self._note.text_of(self._note.up_to(first, last))
            body = quote.body
            if form is Form.MARK:
                body = _QUOTE_SIGNS.sub("", body)
            markdown = (rich(body, self._note.context),)
            highlight = self._highlight(first, form, words, markdown)
            yield PlacedHighlight(first, 0, last, len(last.plain), highlight)

    def left_out(self, text: str, front_lines: int) -> tuple[LeftOut, ...]:
        """Return the signs that are in no highlight that was read; see `overlooked`."""
        signs = overlooked(
            text, front_lines, self._wanted, self._note.blocks, self._placed
        )
        used = set[Block]()
        for placed in self._placed if self._quotes.unclear else ():
            used.update(self._note.up_to(placed.first, placed.last), placed.beside)
        unclear = []
        for block in self._quotes.unclear:
            if block not in used:
                place = f"line {block.lines[0] + 1}"
                unclear.append(LeftOut("quote with links", place, _UNCLEAR_QUOTE))
        return (*signs, *unclear)

    def _in_block(self, block: Block) -> Iterator[PlacedHighlight]:
        """Yield the card that a block is, or its quotes and marked sentences."""
        card = self._card(block)
        if card:
            yield PlacedHighlight(block, 0, block, len(block.plain), card)
            return

        # the quotes that start in it
        for start, quote in self._quotes.starts.get(block, {}).items():
            fields = quote.fields(self._wanted.marks, self._document.uri)
            form = Form.PHRASE if fields["gaps"] else Form.MARK
            highlight = self._highlight(block, form, **fields)
            last = quote.pieces[-1]
            yield PlacedHighlight(
                block, start, last.block, last.end, highlight, quote.covers
            )

        yield from self._marked_pictures(block)
        sentences = list(self._sentences(block))
        if sentences and block in self._kept:
            sentences = self._with_kept(block, sentences)
        yield from sentences or self._without_mark(block)

    def _with_kept(
        self, block: Block, sentences: Sequence[PlacedHighlight]
    ) -> list[PlacedHighlight]:
        """Return the marked sentences of a passage of another program, with its page and its note.

        KOReader may write all of a passage as a mark: then it is as if it had none.
        """
        [passage, *others] = self._kept[block]
        marked = "".join([block.plain[slice(*one.span)] for one in self._marks_in(block)])
        if len(marked) == len(block.plain[: passage.end].strip()) and not others:
            return []
        first = sentences[0]
        highlight = replace(
            first.highlight, comment=passage.comment, page_label=passage.label
        )
        placed = [first._replace(highlight=highlight), *sentences[1:]]
        return [one._replace(beside=(*one.beside, *passage.about)) for one in placed]

    def _marked_pictures(self, block: Block) -> Iterator[PlacedHighlight]:
        """Yield the pictures that are alone in a mark."""
        may_hold_picture = _PICTURES.is_in(block.source)
        for picture in block.inline.marked_pictures if may_hold_picture else ():
            name = _shown_name(picture.markdown)
            if PurePosixPath(name).suffix.lower() not in PICTURES:
                continue
            if picture.sign not in self._wanted.marks:
                continue
            figure = self._highlight(
                block,
                Form.MARK,
                "",
                (picture.markdown,),
                anchor_text=name,
                colour=picture.colour,
            )
            figure = replace(figure, kind=HighlightKind.IMAGE)
            yield PlacedHighlight(block, picture.start, block, picture.start, figure)

    def _without_mark(self, block: Block) -> Iterator[PlacedHighlight]:
        """Yield the highlights of a block without marks: an open question, a passage, terms."""
        unanswered = self._unanswered(block)
        if unanswered:
            yield unanswered
        elif block in self._quotes.covered:
            return
        elif block in self._kept:
            yield from map(self._kept_by_another_program, self._kept[block])
        else:
            for (start, end), sides in self._terms.get(block, ()):
                card = self._two_sides(block, sides)
                exact = block.plain[start:end].strip()
                card = replace(card, exact=exact, written=_TERM)
                yield PlacedHighlight(block, start, block, end, card)

    def _kept_by_another_program(self, passage: KeptPassage) -> PlacedHighlight:
        """Return a passage that another program keeps in a note, with the links behind it."""
        block, start, end = passage.block, passage.start, passage.end
        markdown, _ = block.inline.markdown(start, end)
        links = []
        for (link_start, _), target in block.inline.targets:
            if link_start >= end and len(self._kept[block]) == 1:
                links.append(address_of(target, ""))
        highlight = self._highlight(
            block,
            Form.MARK,
            block.plain[start:end],
            (markdown,),
            comment=passage.comment,
            page_label=passage.label,
            links=tuple(links),
        )
        return PlacedHighlight(block, start, block, end, highlight, tuple(passage.about))

    def _lists_of_terms(self) -> dict[Block, list[tuple[Span, CardSides]]]:
        """Return the lines `Term: meaning` that stand below one another, at least six of them."""
        lists: dict[Block, list[tuple[Span, CardSides]]] = {}
        if sum(map(self._note.source.count, ":：")) < FEWEST_TERMS:
            return lists
        for _, run in groupby(self._note.blocks, _list_of):
            terms: dict[Block, list[tuple[Span, CardSides]]] = {}
            fronts = list[str]()
            for block in run:
                lines = terms_on_lines(block.inline, is_item=block.part is BlockKind.ITEM)
                if lines is None:
                    break
                terms[block] = lines
                fronts += [
                    block.plain[slice(*sides.front)].casefold() for _, sides in lines
                ]
            if len(fronts) >= FEWEST_TERMS and len(set(fronts)) == len(fronts):
                lists |= terms
        return lists

    def _highlight(
        self,
        block: Block,
        form: Form,
        exact: str,
        markdown: Strings,
        **more: object,
    ) -> Highlight:
        """Return the highlight that starts in a block, without its surroundings."""
        is_mark = form in _MARK_FORMS
        syntax = block.syntax
        deck = "" if is_mark else syntax.deck_of(block.tags) or block.deck
        tags = dict.fromkeys((*block.tags, *block.tags_above))
        if not is_mark and _NO_CARD in tags:
            more["skip"] = f"#{_NO_CARD} says that it is no card"
        return Highlight(
            self._document,
            self._namespace,
            kind=HighlightKind.HIGHLIGHT if is_mark else HighlightKind.CARD,
            exact=exact,
            form=form,
            markdown=markdown,
            tags=tuple(tag for tag in tags if not syntax.is_deck(tag)),
            deck=deck,
            block=block.id or str(block.number),
            **more,  # type: ignore[arg-type]
        )

    # --- cards written by hand --------------------------------------------------------

    def _card(self, block: Block) -> Highlight | None:
        """Return the card that a whole block is, None if it is not a card."""
        card = block.card
        if card is None or not self._is_card_over_lines(block):
            on_a_line = self._card_on_a_line(block) or self._cloze(block)
            return on_a_line or self._defined_term(block)
        written = card.sign
        if card.sign in block.syntax.block:
            written = _BETWEEN_SIDES.format(card.sign)
        # a card over several lines would ask the same of the next block, and so on
        below = self._note.below(block)
        goes_on = below and not (self._is_card_over_lines(below) or self._card(below))
        return self._highlight(
            block,
            Form.CLOZE if card.cloze else Form.BLOCK,
            block.plain,
            (*block.card_markdown, *self._footnotes(block.footnotes)),
            two_way=card.two_way,
            written=written,
            open_end=bool(card.open_end and goes_on),
            declared=block.is_declared,
            skip=_SEVERAL if card.several else "",
        )

    def _defined_term(self, block: Block) -> Highlight | None:
        """Return the card of a list item `Term: definition` below the heading of a glossary."""
        if block.part is not BlockKind.ITEM or len(block.items) > 1:
            return None
        if "glossary" not in self._wanted.cards or not block.headings:
            return None
        heading = block.headings[-1].plain.strip(" :").casefold()
        term = plain_term(block.inline) if heading in self._wanted.glossaries else None
        if term is None:
            return None
        defined = self._two_sides(block, term._replace(form=Form.GLOSSARY))
        # a line that is not indented may be a text of its own
        indent, *others = map(_indent_of, self._lines[slice(*block.lines)])
        return replace(defined, open_end=min(others, default=99) <= indent)

    def _is_card_over_lines(self, block: Block) -> bool:
        card = block.card
        if card is None or not all(block.card_markdown):
            return False
        return "block" in self._wanted.cards or block.is_declared

    def _card_on_a_line(self, block: Block) -> Highlight | None:
        """Return the card of a `front::back` line; None if the block is none."""
        sides = block.sides
        if sides is None or block in self._kept:
            return None
        if "inline" not in self._wanted.cards and not block.syntax.declared:
            return None
        _, front_end = sides.front
        for phrase in block.inline.phrases:
            if phrase.sign not in self._wanted.marks:
                continue
            if phrase.start < front_end < phrase.end:
                return None
        form = sides.form
        if self._colon_names.intersection(_COLON_NAME.findall(block.source)):
            form = Form.INLINE_FIELD
        return self._two_sides(block, sides._replace(form=form))

    def _two_sides(self, block: Block, sides: CardSides) -> Highlight:
        """Return the card of a front and a back on one line."""
        front, _ = block.inline.markdown(
            *sides.front,
            bold=sides.form not in _WRITTEN_TERMS,
            is_side=True,
        )
        back, _ = block.inline.markdown(*sides.back, is_side=True)
        front = without_outer_tags(front) or front
        back = without_outer_tags(back) or back
        return self._highlight(
            block,
            sides.form,
            block.plain,
            (front, back, *self._footnotes(block.footnotes)),
            two_way=sides.two_way,
            written=_WRITTEN_TERMS.get(sides.form, f"a {sides.sign.strip()} b"),
            declared=bool(sides.sign) and block.syntax.declared,
        )

    def _cloze(self, block: Block) -> Highlight | None:
        """Return the cloze card that a block is."""
        signs = block.syntax.gaps.signs
        if not signs and "{{" not in block.source:
            return None
        takes_ours = "cloze" in self._wanted.cards or "{{" in signs
        inline = block.inline
        gaps = inline.gaps
        openers = [gap.opener for gap in gaps] + inline.hidden_pictures
        if not any(takes_ours or not one.markdown.startswith("{{") for one in openers):
            return None
        table = _TableRow(block)
        markdown, _ = table.around(inline.cloze(), ())
        return self._highlight(
            block,
            Form.CLOZE,
            block.plain or table.text,
            (markdown, *self._footnotes(block.footnotes)),
            anchor_text="" if block.plain else _shown_name(inline.cloze()),
            sentence=table.text,
            gaps=tuple([gap.span for gap in gaps]),
            written="{{…}}",
            declared=block.syntax.declared,
            skip=_why_no_gaps(inline, gaps),
        )

    def _unanswered(self, block: Block) -> PlacedHighlight | None:
        """Return the question of a card over several lines without an answer below it.

        Its `?` is the last line of a paragraph, or is alone right below a heading.
        None if the block is no such question.
        """
        lines = block.source.strip().split("\n")
        sign = lines[-1].strip()
        if block.part not in (BlockKind.TEXT, BlockKind.ITEM):
            return None
        if sign not in block.syntax.block:
            return None
        if "block" not in self._wanted.cards and not block.syntax.declared:
            return None
        first = block
        question = block.plain
        if len(lines) == 1:
            heading = self._note.above(block)
            if heading is None or heading.part is not BlockKind.HEADING:
                return None
            if heading.lines[1] != block.lines[0]:
                return None
            first = heading
            question = f"{heading.plain}\n{block.plain}"
        written = _BETWEEN_SIDES.format(sign)
        highlight = self._highlight(block, Form.BLOCK, question, (), written=written)
        return PlacedHighlight(first, 0, block, len(block.plain), highlight)

    def _footnotes(self, names: Sequence[str]) -> Strings:
        """Return the text of footnotes as the Extra of a card; () if there is none to show."""
        texts = []
        for name in dict.fromkeys(names):
            if name.startswith("["):
                texts.append(rich(name[1:-1], self._note.context))
            else:
                texts.append(self._footnote_texts.get(name, ""))
        text = "\n\n".join(filter(None, texts))
        return (text,) if text else ()

    # --- marked sentences -------------------------------------------------------------

    def _sentences(self, block: Block) -> Iterator[PlacedHighlight]:
        """Yield the sentences with marked phrases, or the term that one mark makes."""
        if not self._mark_signs.is_in(block.source):
            return
        phrases = self._marks_in(block)
        term = plain_term(block.inline, phrases[0].span) if len(phrases) == 1 else None
        if term:
            card = self._two_sides(block, term)
            card = replace(card, colour=phrases[0].note, written="")
            yield PlacedHighlight(block, 0, block, len(block.plain), card)
            return

        table = _TableRow(block)
        for (start, end), inside in _sentences_of(phrases, block.inline):
            shown = (0, len(block.plain)) if table.text else (start, end)
            in_sentence = block.inline.markdown(*shown, inside, bold=self._keeps_bold)
            markdown, markdown_gaps = table.around(*in_sentence)
            colours = [phrase.note for phrase in inside if phrase.sign == "mark"]
            gaps = [(phrase.start - start, phrase.end - start) for phrase in inside]
            highlight = self._highlight(
                block,
                Form.PHRASE,
                block.plain[start:end],
                (markdown, *self._footnotes(block.inline.footnotes(start, end))),
                sentence=table.text,
                gaps=tuple(gaps),
                markdown_gaps=markdown_gaps,
                colour=next(filter(None, colours), ""),
                written="**" if any(phrase.sign == "bold" for phrase in inside) else "",
            )
            yield PlacedHighlight(block, start, block, end, highlight)

    def _marks_in(self, block: Block) -> Sequence[Phrase]:
        """Return the outermost wanted marks of a block that are in no quote."""
        marks = []
        for phrase in block.inline.phrases:
            if phrase.sign in self._wanted.marks:
                if not self._quotes.hold(block, phrase.span):
                    marks.append(phrase)
        return outermost(marks)


def _why_no_gaps(inline: Inline, gaps: Sequence[Phrase]) -> str:
    """Return why gaps may be placeholders of a template, "" if they are none.

    A lone word in each may be one, or if other braces show that the block is code: `{{1}, {2}}`.
    Those with a number or a hint are clozes.
    """
    words = ["" if gap.note else inline.plain[gap.start : gap.end] for gap in gaps]
    for token in inline.tokens:
        if token.kind is SignKind.HINT or token.markdown.startswith("{{cloze"):
            return ""
    is_code = "{" in inline.unmarked_text() and any(words)
    if is_code or (words and all(map(_LONE_WORD.fullmatch, words))):
        return _PLACEHOLDER.format(word=words[0])
    return ""


def _list_of(block: Block) -> object:
    """Return the list that a block belongs to, or the paragraphs with colons around it."""
    if ":" not in block.source and "：" not in block.source:
        return block
    if block.part not in (BlockKind.TEXT, BlockKind.ITEM):
        return block
    return (block.headings, block.items[0].list if block.part is BlockKind.ITEM else 0)


def _sentences_of(
    phrases: Sequence[Phrase],
    inline: Inline,
) -> list[tuple[Span, list[Phrase]]]:
    """Return the sentences that contain phrases; those that share a phrase are one."""
    sentences = inline.sentences()
    starts = [start for start, _ in sentences]
    marked: list[tuple[Span, list[Phrase]]] = []
    for phrase in phrases:
        start, _ = sentences[bisect_right(starts, phrase.start) - 1]
        _, end = sentences[bisect_right(starts, phrase.end - 1) - 1]
        inside = [phrase]
        if marked:
            (previous_start, previous_end), previous = marked[-1]
            if start < previous_end:
                marked.pop()
                start = previous_start
                end = max(previous_end, end)
                inside = [*previous, phrase]
        marked.append(((start, end), inside))
    return marked


def _indent_of(line: str) -> int:
    """Return how many columns are before the words of a line, or before the sign of an item."""
    words = line.lstrip(" \t>")
    return len(line[: len(line) - len(words)].expandtabs(4))


class _TableRow:
    """The row of a cell, with the header above it, in which a card shows the cell.

    A block that is no cell, or alone in its row, is shown as it is.
    """

    def __init__(self, block: Block) -> None:
        self._column = block.column
        self._rows: list[list[Inline]] = []
        if len([source for source in block.row if source.strip()]) > 1:
            rows = [block.header, block.row]
            if block.row is block.header:
                rows.pop()
            for sources in rows:
                self._rows.append([read(source, block.context) for source in sources])
        texts = [" | ".join([cell.plain for cell in row]) for row in self._rows]
        self.text = "\n".join(texts)
        """The plain text of header and row; "" if the block is shown as it is."""

    def around(
        self, markdown: str, gaps: tuple[Span, ...]
    ) -> tuple[str, tuple[Span, ...]]:
        """Return the table in which the cell is this text, and where the gaps of it are then."""
        if not self._rows:
            return markdown, gaps
        edges = [0, *[edge for gap in gaps for edge in gap], len(markdown)]
        pieces = [_as_cell(markdown[start:end]) for start, end in pairwise(edges)]
        table = ""
        start_of_cell = 0
        for row in self._rows:
            for column, cell in enumerate(row):
                table += "| "
                if row is self._rows[-1] and column == self._column:
                    start_of_cell = len(table)
                    table += "".join(pieces)
                else:
                    table += _as_cell(cell.source().strip())
                table += " "
            table += "|\n"
            if row is self._rows[0]:
                table += "|---" * len(row) + "|\n"
        offsets = list(accumulate(map(len, pieces), initial=start_of_cell))
        starts_and_ends = offsets[1:-1]
        spans = zip(starts_and_ends[::2], starts_and_ends[1::2], strict=True)
        return table.rstrip("\n"), tuple(spans)


def _as_cell(markdown: str) -> str:
    """Return a text as a table has it: with `<br>` at the ends of lines, and its bars escaped."""
    on_one_line = _LINE_END.sub(lambda end: "<br>" if end["hard"] else " ", markdown)
    return outside(on_one_line, lambda words: words.replace("|", "\\|"))


def _shown_name(markdown: str) -> str:
    """Return the name of the first file that a text shows, "" if it shows none."""
    paths = image_paths(markdown)
    return unquote(paths[0]).rpartition("/")[2] if paths else ""
