"""Read the highlights of a note from its blocks.

A highlight is a hand-written card, a quote from a paper, a marked phrase or picture, or a passage
that another program exported into the note. `HighlightCompleter` then adds the text around each.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote

from msgspec.structs import replace

from ankiforge.extract.foreign_formats import PICTURE_SUFFIXES
from ankiforge.extract.markdown import KindsToRead
from ankiforge.extract.markdown.block_cards import BlockCard
from ankiforge.extract.markdown.blocks import Block, BlockKind, BlockQuote, NoteBlocks
from ankiforge.extract.markdown.citations import CitationsByBlock
from ankiforge.extract.markdown.cited_quotes import QuoteIndex
from ankiforge.extract.markdown.exported_notes import find_exported_passages
from ankiforge.extract.markdown.front_matter import FrontMatter
from ankiforge.extract.markdown.glossaries import find_glossaries
from ankiforge.extract.markdown.hand_written import (
    CardSides,
    Definition,
    parse_marked_definition,
)
from ankiforge.extract.markdown.inline import (
    InlineText,
    MarkedPhrase,
    MarkKind,
    select_outermost,
)
from ankiforge.extract.markdown.inline_parser import (
    render_blocks,
    strip_tags,
)
from ankiforge.extract.markdown.quotes import Quote
from ankiforge.extract.markdown.skipped_texts import find_skipped_texts
from ankiforge.extract.markdown.surroundings import HighlightCompleter, PlacedHighlight
from ankiforge.extract.markdown.table_rows import TableRow
from ankiforge.model import (
    Document,
    Highlight,
    HighlightForm,
    HighlightKind,
    SkippedText,
    Strings,
)
from ankiforge.text import contains_any, regex
from ankiforge.text.cloze import find_image_paths

_MARK_FORMS = (HighlightForm.PHRASE, HighlightForm.CALLOUT, HighlightForm.MARK)
_SEVERAL_SEPARATORS_REASON = (
    "it holds several lines with `?`; put an empty line between the cards"
)
# The markers of a block quote at the start of a line.
_QUOTE_MARKERS = regex(r"(?m)^[ \t]*(?:>[ \t]?)+")
_SEPARATOR_FORM = "{} between question and answer"
_MARK_DELIMITERS = ("==", "＝＝", "<")
_BOLD_DELIMITERS = ("**", "__")
# The markup with which an embedded picture begins.
_PICTURE_STARTS = ("![", "<")
_DEFINITION_FORM = "Term: definition"
_NO_SYNC_TAG = "no-anki-sync"
"""The tag with which users of Logseq plug-ins exclude a block from Anki."""
# The kinds of blocks in which an answer may continue.
_ANSWER_KINDS = (BlockKind.TEXT, BlockKind.ITEM, BlockKind.CODE)
_TERM_FORMS = (HighlightForm.GLOSSARY, HighlightForm.TERM)


class NoteReader:
    """Creates the highlights of a note from its blocks."""

    def __init__(
        self,
        document: Document,
        namespace: str,
        note: NoteBlocks,
        kinds: KindsToRead,
        citations: CitationsByBlock,
    ) -> None:
        """Find the exported passages, footnotes, quotations and glossaries of a note.

        Args:
            document: The note's document.
            namespace: The part of highlight keys before the slash.
            note: The blocks of the note.
            kinds: The kinds of highlights and cards to read.
            citations: The citations in the note, by block.
        """
        self._document = document
        self._namespace = namespace
        self._note = note
        self._lines = note.source.split("\n")
        self._kinds = kinds
        self._keeps_bold = "bold" not in kinds.marks
        """Whether Markdown keeps strong emphasis, because bold text isn't a mark."""
        bold_delimiters = () if self._keeps_bold else _BOLD_DELIMITERS
        self._mark_delimiters = (*_MARK_DELIMITERS, *bold_delimiters)
        """The strings of which every block with a mark contains one."""
        self._exported_passages = find_exported_passages(note.blocks, note.source)
        self._footnote_texts = _render_public_footnotes(note)
        self._quotes = QuoteIndex(note, citations, self._read_card)
        self._placed: list[PlacedHighlight] = []
        """The highlights of the note, in reading order."""
        self._glossaries: dict[Block, list[Definition]] = {}
        if "glossary" in kinds.cards:
            self._glossaries = find_glossaries(note, kinds.glossary_headings)

    def read_highlights(
        self, text: str, front_matter: FrontMatter
    ) -> tuple[Highlight, ...]:
        """Return the highlights of the note, in reading order.

        `text` is the source of the note with empty lines in place of the front matter.
        """
        placed: list[PlacedHighlight] = []
        for block in self._note.blocks:
            placed += self._read_block(block)
        if not self._kinds.marks.isdisjoint(("callout", "quote")):
            used_blocks = {each.last_block for each in placed}
            placed += self._iter_marked_quotes(used_blocks | self._quotes.covered_blocks)
        self._placed = sorted(placed, key=attrgetter("sort_key"))
        surroundings = HighlightCompleter(self._note, text, front_matter, self._placed)
        return tuple(map(surroundings.complete_highlight, self._placed))

    def _iter_marked_quotes(self, used_blocks: Set[Block]) -> Iterator[PlacedHighlight]:
        """Yield a highlight for each callout or block quote that counts as a mark.

        `used_blocks` are the blocks that are already part of other highlights. A callout or block
        quote that contains any of them is skipped.
        """
        callouts = defaultdict[BlockQuote, list[Block]](list)
        quotes = defaultdict[BlockQuote, list[Block]](list)
        for block in self._note.blocks:
            if "callout" in self._kinds.marks and block.callouts:
                callouts[block.callouts[0]].append(block)
            elif "quote" in self._kinds.marks and block.quotes:
                quotes[block.quotes[0]].append(block)
        for callout, blocks in callouts.items():
            if used_blocks.isdisjoint(blocks):
                yield self._create_marked_quote(
                    HighlightForm.CALLOUT, blocks, callout.body
                )
        for quote, blocks in quotes.items():
            # a callout isn't read as a plain block quote
            if not blocks[0].callout_type and used_blocks.isdisjoint(blocks):
                body = _QUOTE_MARKERS.sub("", quote.body)
                yield self._create_marked_quote(HighlightForm.MARK, blocks, body)

    def _create_marked_quote(
        self, form: HighlightForm, blocks: Sequence[Block], body: str
    ) -> PlacedHighlight:
        """Create the highlight for a callout or block quote, given its blocks and its source."""
        first, last = blocks[0], blocks[-1]
        text = self._note.join_plain_text(self._note.get_block_range(first, last))
        markdown = (render_blocks(body, self._note.context),)
        highlight = self._create_highlight(first, form, text, markdown)
        return PlacedHighlight(first, 0, last, len(last.plain_text), highlight)

    def find_skipped_texts(self, text: str) -> tuple[SkippedText, ...]:
        """Find text that resembles a highlight or card but became neither, with the reasons.

        `text` is the note including its front matter.
        """
        return tuple(find_skipped_texts(text, self._note, self._placed, self._kinds))

    def _read_block(self, block: Block) -> Iterator[PlacedHighlight]:
        """Yield the highlights that begin in a block.

        If the block is a card, the card is its only highlight. Otherwise, the block may have
        quotations, highlighted pictures and sentences with highlighted phrases. A block without
        such sentences may instead be an exported passage or part of a glossary.
        """
        card = self._read_card(block)
        if card:
            yield PlacedHighlight(block, 0, block, len(block.plain_text), card)
            return

        for quote in self._quotes.get_quotes(block):
            yield self._create_quote(quote, self._kinds.marks)

        if contains_any(block.source, _PICTURE_STARTS):
            yield from self._read_marked_pictures(block)
        passage = self._exported_passages.get(block)
        sentences = list(self._read_marked_sentences(block))
        if sentences:
            if passage is None:
                yield from sentences
                return
            if not self._is_fully_marked(passage):
                yield from self._add_comment_and_page(sentences, passage)
                return
        if block in self._quotes.covered_blocks:
            return
        if passage:
            # its program may have marked it as a whole
            yield self._create_quote(passage, mark_kinds=frozenset())
        elif block in self._glossaries:
            yield from self._read_glossary(block, self._glossaries[block])

    def _read_glossary(
        self, block: Block, definitions: Sequence[Definition]
    ) -> Iterator[PlacedHighlight]:
        """Yield a card for each definition in a block of a glossary."""
        for (start, end), sides in definitions:
            card = self._create_two_sided_card(block, sides)
            exact = block.plain_text[start:end].strip()
            card = replace(card, exact=exact, line_syntax=_DEFINITION_FORM)
            yield PlacedHighlight(block, start, block, end, card)

    def _is_fully_marked(self, passage: Quote) -> bool:
        """Return whether an exported passage is highlighted from beginning to end.

        KOReader highlights all passages in this way, so such highlighting is ignored.
        """
        [part] = passage.parts
        marks = self._find_outermost_marks(part.block)
        length = sum(phrase.end - phrase.start for phrase in marks)
        return length == len(part.text.strip())

    def _add_comment_and_page(
        self, sentences: Sequence[PlacedHighlight], passage: Quote
    ) -> Iterator[PlacedHighlight]:
        """Add the comment and page of an exported passage to the first highlight inside it.

        The blocks of the comment are added to every highlight, so that a highlight is private
        if any of these blocks is.
        """
        for placed in sentences:
            highlight = placed.highlight
            if placed.start == sentences[0].start:
                highlight = replace(
                    highlight,
                    page_label=passage.citation.page_label or "",
                    comment=passage.comment,
                )
            notes = (*placed.extra_blocks, *passage.extra_blocks)
            yield placed._replace(highlight=highlight, extra_blocks=notes)

    def _read_marked_pictures(self, block: Block) -> Iterator[PlacedHighlight]:
        for picture in block.inline_text.marked_pictures:
            name = _get_media_name(picture.markdown)
            is_picture = PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES
            if not is_picture or picture.mark_kind not in self._kinds.marks:
                continue
            figure = self._create_highlight(
                block,
                HighlightForm.MARK,
                "",
                (picture.markdown,),
                anchor_text=name,
                colour=picture.colour or "",
            )
            figure = replace(figure, kind=HighlightKind.IMAGE)
            yield PlacedHighlight(block, picture.start, block, picture.start, figure)

    def _create_quote(self, quote: Quote, mark_kinds: frozenset[str]) -> PlacedHighlight:
        """Create the highlight for a quote. Marks of the given kinds become its gaps."""
        first, last = quote.parts[0], quote.parts[-1]
        fields = quote.to_highlight_fields(mark_kinds, self._document.uri)
        form = HighlightForm.PHRASE if fields["gaps"] else HighlightForm.MARK
        highlight = self._create_highlight(first.block, form, **fields)
        return PlacedHighlight(
            first.block, first.start, last.block, last.end, highlight, quote.extra_blocks
        )

    def _create_highlight(
        self,
        block: Block,
        form: HighlightForm,
        exact: str,
        markdown: Strings,
        **other_fields: Any,
    ) -> Highlight:
        """Create a highlight that starts in `block`, without its surrounding text.

        `markdown` has one element per side of the card. Unless the form is that of a mark, the
        highlight is a hand-written card, in the deck that a tag names.
        """
        tags = dict.fromkeys((*block.tags, *block.tags_above))
        kind = HighlightKind.HIGHLIGHT
        deck = ""
        if form not in _MARK_FORMS:
            kind = HighlightKind.CARD
            deck = block.syntax.find_deck(block.tags) or block.deck
            if _NO_SYNC_TAG in tags:
                other_fields["skip_reason"] = f"#{_NO_SYNC_TAG} says that it is no card"
        return Highlight(
            self._document,
            self._namespace,
            kind=kind,
            exact=exact,
            form=form,
            markdown=markdown,
            tags=tuple(tag for tag in tags if not block.syntax.is_deck_tag(tag)),
            block_id=block.id or str(block.number),
            deck=deck,
            **other_fields,
        )

    # --- hand-written cards -----------------------------------------------------------

    def _read_card(self, block: Block) -> Highlight | None:
        """Read a block as a hand-written card, or return None if it is none."""
        if block.block_card and self._is_block_card(block):
            return self._read_block_card(block, block.block_card)
        return self._read_line_card(block) or self._read_cloze(block)

    def _is_block_card(self, block: Block) -> bool:
        is_selected = "block" in self._kinds.cards or block.is_declared_card
        return is_selected and all(block.card_markdown)

    def _read_block_card(self, block: Block, card: BlockCard) -> Highlight:
        """Create the highlight for a card over several lines."""
        form_description = card.form_description
        may_continue = False
        if card.form_description in block.syntax.block_separators:
            form_description = _SEPARATOR_FORM.format(card.form_description)
            may_continue = self._may_continue(block)
        skip_reason = None
        if card.has_further_separators:
            skip_reason = _SEVERAL_SEPARATORS_REASON
        return self._create_highlight(
            block,
            HighlightForm.CLOZE if card.is_cloze else HighlightForm.BLOCK,
            block.plain_text,
            (*block.card_markdown, *self._render_footnotes(block.footnotes)),
            is_two_way=card.two_way,
            line_syntax=form_description,
            may_continue=may_continue,
            is_declared_card=block.is_declared_card,
            skip_reason=skip_reason,
        )

    def _may_continue(self, block: Block) -> bool:
        """Return whether the answer of a card may continue in the paragraph below it.

        Plug-ins end an answer at the first empty line, but people write answers of several
        paragraphs.
        """
        if block.is_declared_card:
            return False
        below = self._note.find_next(block)
        if below is None or below.kind not in _ANSWER_KINDS:
            return False
        if below.card_sides or "{{" in below.source:
            return False  # it is a card of its own
        if below.items[: len(block.items)] != block.items:
            return False
        if below.rule_count > block.rule_count:
            return False  # a rule is between them
        return below.quotes == block.quotes

    def _read_line_card(self, block: Block) -> Highlight | None:
        """Read a card on one line, such as `front::back`, or return None if the block is none."""
        sides = block.card_sides
        if sides is None or block in self._exported_passages:
            return None
        if "inline" not in self._kinds.cards and not block.syntax.is_declared:
            return None
        # colons inside a highlight, as in `==a::b==`, are part of the highlighted text
        _, front_end = sides.front
        for phrase in block.inline_text.marked_phrases:
            is_mark = phrase.mark_kind in self._kinds.marks
            if is_mark and phrase.start < front_end < phrase.end:
                return None
        return self._create_two_sided_card(block, sides)

    def _create_two_sided_card(self, block: Block, sides: CardSides) -> Highlight:
        is_term = sides.form in _TERM_FORMS
        render = block.inline_text.render_range
        front, _ = render(*sides.front, keep_bold=not is_term, is_side=True)
        back, _ = render(*sides.back, is_side=True)
        texts = [strip_tags(side) or side for side in (front, back)]
        form_description = ""
        if not is_term:
            form_description = f"a {sides.separator.strip()} b"
        return self._create_highlight(
            block,
            sides.form,
            block.plain_text,
            (*texts, *self._render_footnotes(block.footnotes)),
            is_two_way=sides.two_way,
            line_syntax=form_description,
            is_declared_card=bool(sides.separator) and block.syntax.is_declared,
        )

    def _read_cloze(self, block: Block) -> Highlight | None:
        cloze_markers = block.syntax.cloze_markers
        if not cloze_markers and "{{" not in block.source:
            return None
        inline = block.inline_text
        gaps = inline.gaps_with_content
        reads_braces = "cloze" in self._kinds.cards or "{{" in cloze_markers
        if not reads_braces:
            gaps = [gap for gap in gaps if not gap.has_double_braces]
        if not gaps:
            return None
        table = TableRow(block)
        markdown = cloze = inline.render_cloze().strip()
        if table.text:
            markdown, _ = table.render_table({block.column: (cloze, ())})
        anchor_text = ""
        if not block.plain_text:  # the cloze is a picture
            anchor_text = _get_media_name(cloze)
        return self._create_highlight(
            block,
            HighlightForm.CLOZE,
            block.plain_text or table.text,
            (markdown, *self._render_footnotes(block.footnotes)),
            anchor_text=anchor_text,
            sentence=table.text,
            gaps=tuple([phrase.span for phrase in inline.clozes]),
            line_syntax="{{…}}",
            is_declared_card=block.syntax.is_declared,
        )

    def _render_footnotes(self, footnotes: Sequence[str]) -> Strings:
        """Render footnotes for a card's Extra field. Returns a tuple of at most one string."""
        texts = []
        for label in dict.fromkeys(footnotes):
            if self._footnote_texts.get(label):
                texts.append(self._footnote_texts[label])
        if not texts:
            return ()
        return ("\n\n".join(texts),)

    # --- marked sentences -------------------------------------------------------------

    def _read_marked_sentences(self, block: Block) -> Iterator[PlacedHighlight]:
        """Yield a highlight for each sentence with highlighted phrases.

        If the only highlighted phrase is an entire `Term: definition`, yields a card instead.
        Bold labels of table rows don't count as highlighted.
        """
        phrases = self._find_marks(block)
        if not phrases:
            return
        marks_by_cell = self._find_marks_of_row(block)
        if len(marks_by_cell) > 1:
            yield from self._read_marked_row(block, marks_by_cell)
            return
        if len(phrases) == 1:
            term = parse_marked_definition(block.inline_text, phrases[0].span)
            if term:
                card = self._create_two_sided_card(block, term)
                card = replace(card, colour=phrases[0].colour or "")
                yield PlacedHighlight(block, 0, block, len(block.plain_text), card)
                return
        for group in _group_by_sentence(phrases, block.inline_text):
            highlight = self._create_marked_sentence(block, group, {block: group.phrases})
            yield PlacedHighlight(block, group.start, block, group.end, highlight)

    def _read_marked_row(
        self, block: Block, marks_by_cell: Mapping[Block, Sequence[MarkedPhrase]]
    ) -> Iterator[PlacedHighlight]:
        """Yield one highlight for the marks in several cells of a table row.

        It is in the first of these cells, and nothing is yielded for the others.
        """
        first, *others = marks_by_cell
        if block is not first:
            return
        group = _group_by_sentence(marks_by_cell[first], block.inline_text)[0]
        highlight = self._create_marked_sentence(block, group, marks_by_cell)
        yield PlacedHighlight(
            block, group.start, block, group.end, highlight, tuple(others)
        )

    def _create_marked_sentence(
        self,
        block: Block,
        sentence: _SentenceGroup,
        marks_by_cell: Mapping[Block, Sequence[MarkedPhrase]],
    ) -> Highlight:
        """Create the highlight of a sentence with highlighted phrases.

        Args:
            block: The block of the sentence.
            sentence: The sentence, or several that share a phrase.
            marks_by_cell: The phrases to blank out in a table row, by cell. If the block is in no
                table, they are ignored.
        """
        start, end, phrases = sentence
        inline = block.inline_text
        table = TableRow(block)
        if table.text:
            rendered_cells = {}
            for cell, marks in marks_by_cell.items():
                rendered_cells[cell.column] = cell.inline_text.render_range(
                    0, len(cell.plain_text), marks, keep_bold=self._keeps_bold
                )
            markdown, markdown_gaps = table.render_table(rendered_cells)
        else:
            markdown, markdown_gaps = inline.render_range(
                start, end, phrases, keep_bold=self._keeps_bold
            )
        footnotes = self._render_footnotes(inline.find_footnotes(start, end))
        gaps = [(phrase.start - start, phrase.end - start) for phrase in phrases]
        colours = filter(None, [phrase.colour for phrase in phrases])
        form_description = ""
        if any(phrase.mark_kind is MarkKind.BOLD for phrase in phrases):
            form_description = "**"
        return self._create_highlight(
            block,
            HighlightForm.PHRASE,
            block.plain_text[start:end],
            (markdown, *footnotes),
            sentence=table.text,
            gaps=tuple(gaps),
            markdown_gaps=tuple(markdown_gaps),
            colour=next(colours, ""),
            line_syntax=form_description,
        )

    def _find_marks_of_row(self, block: Block) -> dict[Block, Sequence[MarkedPhrase]]:
        """Find the highlighted phrases in the cells of a block's table row, if it is a cell."""
        marks_by_cell = {}
        if block.row is None:
            return {}
        for cell in filter(None, block.row.blocks):
            marks = self._find_marks(cell)
            if marks:
                marks_by_cell[cell] = marks
        return marks_by_cell

    def _find_marks(self, block: Block) -> Sequence[MarkedPhrase]:
        """Find the highlighted phrases of a block that aren't inside another one."""
        if not contains_any(block.source, self._mark_delimiters):
            return ()
        marks = self._find_outermost_marks(block)
        if _is_row_label(block, marks):
            return ()
        return marks

    def _find_outermost_marks(self, block: Block) -> Sequence[MarkedPhrase]:
        marks = []
        for phrase in block.inline_text.marked_phrases:
            is_mark = phrase.mark_kind in self._kinds.marks
            if is_mark and not self._quotes.is_in_quote(block, phrase.span):
                marks.append(phrase)
        return select_outermost(marks)


def _render_public_footnotes(note: NoteBlocks) -> dict[str, str]:
    """Return the Markdown of each footnote outside private blocks, keyed by label."""
    texts: dict[str, str] = {}
    if "[^" not in note.source:
        return texts
    for block in note.blocks:
        if block.can_contain_highlights and not block.is_private:
            texts |= block.inline_text.render_footnotes()
    return texts


# Matches a table cell that is bold as a whole.
_BOLD_CELL = regex(r"\s*(\*\*|__)(?=\S).+(?<=\S)\1\s*")
_MIN_LABELS = 2


def _is_row_label(block: Block, phrases: Iterable[MarkedPhrase]) -> bool:
    """Return whether a table cell is bold only because it is the label of its row.

    This is assumed if the whole first column below the header row is bold.
    """
    if block.row is None or block.column > 0 or block.is_header_cell:
        return False
    if any(phrase.mark_kind is not MarkKind.BOLD for phrase in phrases):
        return False
    labels = block.row.table.label_sources
    return len(labels) >= _MIN_LABELS and all(map(_BOLD_CELL.fullmatch, labels))


class _SentenceGroup(NamedTuple):
    """Consecutive sentences with highlighted phrases, which become one highlight."""

    start: int
    end: int
    phrases: list[MarkedPhrase]


def _group_by_sentence(
    phrases: Sequence[MarkedPhrase], inline: InlineText
) -> list[_SentenceGroup]:
    """Group highlighted phrases by sentence. Sentences that share a phrase form one group."""
    sentences = inline.find_sentences()
    starts = [start for start, _ in sentences]
    groups: list[_SentenceGroup] = []
    for phrase in phrases:
        # a phrase may extend over several sentences
        first = bisect_right(starts, phrase.start) - 1
        last = bisect_right(starts, phrase.end - 1) - 1
        group = _SentenceGroup(sentences[first][0], sentences[last][1], [phrase])
        if groups and group.start < groups[-1].end:
            previous = groups.pop()
            group = _SentenceGroup(
                previous.start,
                max(previous.end, group.end),
                [*previous.phrases, phrase],
            )
        groups.append(group)
    return groups


def _get_media_name(markdown: str) -> str:
    """Return the file name of the first picture in some Markdown, or "" if there is none."""
    paths = find_image_paths(markdown)
    if not paths:
        return ""
    return unquote(paths[0]).rpartition("/")[2]
