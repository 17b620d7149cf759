"""Find the passages that a note quotes beside links to papers and books.

In a paragraph or list item, a quotation is either text in quotation marks, or all text before a
link to an annotation. A block quote or callout with links to one place is a quotation as a whole.
What follows on a new line or begins like a remark (`Note: …`) is the reader's comment.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence, Set
from functools import reduce
from itertools import groupby

from ankiforge.extract.markdown.blocks import Block, BlockKind, NoteBlocks
from ankiforge.extract.markdown.citations import Citation, CitationsByBlock
from ankiforge.extract.markdown.inline import MarkKind
from ankiforge.extract.markdown.quotation_marks import (
    OPENERS_BY_CLOSER,
    REMARK_TEXT,
    clean_comment,
    find_quote_at_end,
    has_words,
    is_remark,
    trim_quote,
)
from ankiforge.extract.markdown.quotes import Quote, QuotePart
from ankiforge.model import Span

# The minimum number of words before a link to an annotation that count as a quote without
# quotation marks.
_MIN_QUOTE_WORDS = 3
_CLOSING_MARKS = '”"»“」』'
# The maximum number of blocks below a quote that may be comments on it.
_MAX_COMMENT_BLOCKS = 20


class QuoteIndex:
    """Index of the quotations in a note, by the block in which they begin."""

    def __init__(
        self,
        note: NoteBlocks,
        citations: CitationsByBlock,
        is_card: Callable[[Block], object],
    ) -> None:
        """Find the quotes in a note.

        Args:
            note: The blocks of the note.
            citations: The citations in the note, by block.
            is_card: Returns whether a block is a card.
        """
        self._note = note
        self._cards: Set[Block] = frozenset()
        self._citations: CitationsByBlock = {}
        """The citations outside cards."""
        self._link_only_blocks: set[Block] = set()
        """The blocks that contain no words except in citations."""

        # the result
        self._quotes_by_start: dict[Block, dict[int, Quote]] = {}
        """Maps each block to the quotes that start in it, keyed by start offset."""
        self.covered_blocks: set[Block] = set()
        """The blocks that belong to a quote."""
        self._parts: dict[Block, list[QuotePart]] = {}
        """Maps each block to its quoted parts."""
        if citations:
            self._cards = frozenset(filter(is_card, note.blocks))
            for block, block_citations in citations.items():
                if block not in self._cards:
                    self._citations[block] = block_citations
            self._link_only_blocks.update(filter(self._has_only_links, self._citations))
            for cited in self._add_hidden_remarks(self._read_quotes()):
                self._add_to_index(cited)

    def _add_to_index(self, cited: Quote) -> None:
        first, last = cited.parts[0], cited.parts[-1]
        self._quotes_by_start.setdefault(first.block, {})[first.start] = cited
        self.covered_blocks.update(self._note.get_block_range(first.block, last.block))
        self.covered_blocks.update(cited.extra_blocks)
        for part in cited.parts:
            self._parts.setdefault(part.block, []).append(part)

    def _read_quotes(self) -> list[Quote]:
        """Return the quotes in the note with the comments on them.

        A quote that begins like a remark (`Note: …`) is a comment on the previous quote if both
        have the same links. Otherwise, it is no quote.
        """
        quotes: list[Quote] = []
        for _, blocks in groupby(self._note.blocks, _get_group_key):
            for cited in self._find_quotes_in_group(list(blocks)):
                if not cited.begins_like_remark:
                    quotes.append(self._add_comments_below(cited))
                elif quotes and quotes[-1].citation.links == cited.citation.links:
                    previous = quotes.pop()
                    texts = [part.text for part in cited.parts]
                    quotes.append(previous.add_comments(texts, cited.blocks))
        return quotes

    def _add_comments_below(self, quote: Quote) -> Quote:
        comments = self._find_comments(quote)
        texts = [block.plain_text for block in comments]
        return quote.add_comments(texts, comments)

    def _find_quotes_in_group(self, group: Sequence[Block]) -> list[Quote]:
        """Find the quotes in a block quote, or in a block outside block quotes."""
        if group[0].quotes:
            whole = self._read_block_quote(group)
            if whole:
                return [whole]
        quotes = []
        for block in group:
            quotes += self._find_quotes_in_block(block)
        return quotes

    def _add_hidden_remarks(self, quotes: Sequence[Quote]) -> list[Quote]:
        """Return quotes, in order, with the comments such as `%%…%%` beside them.

        The quote is directly below the comment, or above it without text in between.
        """
        commented = list(quotes)
        lines = self._note.source.split("\n")
        first_lines = [quote.first_line for quote in quotes]
        for (comment_start, comment_end), text in self._note.remarks:
            # the quote above begins at or above the comment, and may contain it
            index_above = bisect_right(first_lines, comment_start) - 1
            above = quotes[index_above] if index_above >= 0 else None
            touches_above = above is not None and comment_start <= above.end_line
            if comment_end in first_lines and not touches_above:
                index = index_above + 1
            elif above and not has_words("".join(lines[above.end_line : comment_start])):
                index = index_above
            else:
                continue
            commented[index] = commented[index].add_comments([text])
        return commented

    def get_quotes(self, block: Block) -> Iterable[Quote]:
        """Return the quotes that start in a block."""
        return self._quotes_by_start.get(block, {}).values()

    def is_in_quote(self, block: Block, span: Span) -> bool:
        """Return whether any quote overlaps `span` in the block's plain text."""
        return any(part.overlaps(span) for part in self._parts.get(block, ()))

    def _has_only_links(self, block: Block) -> bool:
        if block.kind is BlockKind.HEADING or block.inline_text.is_footnote:
            return False
        if any(citation.quote_span for citation in self._citations[block]):
            return False
        for start, end in self._split_at_citations(block):
            if has_words(block.plain_text[start:end]):
                return False
        return True

    def _split_at_citations(self, block: Block) -> list[Span]:
        """Return the spans of text before, between and after the citations of a block.

        A citation within a sentence doesn't split it.
        """
        plain = block.plain_text
        spans: list[Span] = []
        text_start = 0
        for citation in self._citations.get(block, ()):
            before = clean_comment(plain[text_start : citation.start])
            if not before or self._ends_text(block, citation):
                spans.append((text_start, citation.start))
                text_start = citation.end
        spans.append((text_start, len(plain)))
        return spans

    def _ends_text(self, block: Block, citation: Citation) -> bool:
        """Return whether a citation is at the end of a line, or only a remark follows."""
        after = clean_comment(block.plain_text[citation.end :])
        if not after or block.inline_text.is_line_end(citation.end):
            return True
        return is_remark(after)

    def _find_comments(self, quote: Quote) -> list[Block]:
        """Return the blocks below a quote in which the reader comments on it.

        These are the list items nested below the quote, or else the next block if it is a question
        or a remark such as `Note: …`.
        """
        first, last = quote.blocks[0], quote.blocks[-1]
        # a block's number is the index of the block below it
        below = self._note.blocks[last.number : last.number + _MAX_COMMENT_BLOCKS]
        comments: list[Block] = []
        for block in below:
            is_nested = bool(first.items) and first.items[-1] in block.items
            is_first_remark = not comments and is_remark(block.plain_text)
            if not is_nested and not is_first_remark:
                break
            if not self._is_ordinary_text(block):
                break
            comments.append(block)
        return comments

    def _is_ordinary_text(self, block: Block) -> bool:
        """Return whether a block is neither card nor heading, without citations or highlights."""
        if block in self._citations or block in self._cards:
            return False
        if block.kind is BlockKind.HEADING:
            return False
        return not _has_marks(block)

    def _find_quotes_in_block(self, block: Block) -> list[Quote]:
        """Find the quotes in a paragraph, list item or cell, which is read by itself."""
        if block.kind is BlockKind.HEADING or block in self._link_only_blocks:
            return []
        quotes = []
        text_start = 0
        for citation in self._citations.get(block, ()):
            span = citation.quote_span or self._find_quote_before(
                block, citation, text_start
            )
            if span:
                quotes.append(Quote((QuotePart(block, *span),), citation))
            text_start = citation.end
        if len(quotes) == 1:
            return [self._add_comment_after(quotes[0])]
        return quotes

    def _find_quote_before(
        self, block: Block, citation: Citation, text_start: int
    ) -> Span | None:
        """Find the quote that ends at a citation, in the text from `text_start`."""
        before = trim_quote(block.plain_text, text_start, citation.start)
        if before is None:
            return None
        quoted = find_quote_at_end(block.plain_text, *before)
        if quoted is None and self._is_bare_quote(block, before):
            return before
        return quoted

    def _add_comment_after(self, quote: Quote) -> Quote:
        """Add the text after the only quote of a block as a comment, unless it is in a sentence."""
        [part] = quote.parts
        plain = part.block.plain_text
        citations = self._citations[part.block]
        if has_words(plain[: min(part.start, citations[0].start)]):
            return quote
        text_after = plain[max(part.end, citations[-1].end) :]
        return quote.add_comments([clean_comment(text_after.lstrip(_CLOSING_MARKS))])

    def _is_bare_quote(self, block: Block, span: Span) -> bool:
        """Return whether text before a block's only link is a quote without quotation marks."""
        citations = self._citations[block]
        if len(citations) > 1 or not citations[0].annotation:
            return False
        if block.kind is BlockKind.TITLE or _has_marks(block):
            return False
        words = block.plain_text[slice(*span)].split()
        return len(words) >= _MIN_QUOTE_WORDS and self._ends_text(block, citations[0])

    def _read_block_quote(self, group: Sequence[Block]) -> Quote | None:
        """Read a block quote as one quotation, or return None if its links cite several places.

        `group` has all blocks of the block quote, `body` those without the title of a callout.
        """
        body = [block for block in group if block.kind is not BlockKind.TITLE]
        if not body or not self._cards.isdisjoint(body):
            return None
        if REMARK_TEXT.match(body[0].plain_text):
            return None  # the quotation is in the title
        linked = [*group, *self._find_link_beside(group)]
        citation = self._find_common_citation(linked)
        if citation is None:
            return None
        if not citation.has_location:
            # a link to a whole paper may be part of the reader's own words
            is_callout = bool(body[0].callout_type)
            if is_callout or not self._are_citations_at_ends(group):
                return None
        parts, comments = self._split_quote_and_comment(body)
        if not parts:
            return None
        quote = Quote(_strip_quotation_marks(parts), citation)
        return quote.add_comments(comments, linked)

    def _find_common_citation(self, blocks: Iterable[Block]) -> Citation | None:
        """Return the citation of some blocks if all their links cite one place for all the text."""
        citations: list[Citation] = []
        for block in blocks:
            citations += self._citations.get(block, ())
        places = {each.annotation or each.links for each in citations}
        if len(places) != 1:
            return None
        for citation in citations:
            if citation.quote_span and citation.cites_passage:
                return (
                    None  # the text of the link is the quotation, whatever is around it
                )
        return reduce(Citation.merge, citations)

    def _find_link_beside(self, group: Sequence[Block]) -> list[Block]:
        """Return the block with only a link below a block quote without links, or else above it."""
        if not self._citations.keys().isdisjoint(group):
            return []
        below = self._note.find_next(group[-1])
        above = self._note.find_previous(group[0])
        for block in (below, above):
            if block in self._link_only_blocks and not block.quotes:
                return [block]
        return []

    def _are_citations_at_ends(self, blocks: Iterable[Block]) -> bool:
        """Return whether every citation is at the end of a text. See `_ends_text`."""
        for block in blocks:
            for citation in self._citations.get(block, ()):
                if not self._ends_text(block, citation):
                    return False
        return True

    def _split_quote_and_comment(
        self, body: Sequence[Block]
    ) -> tuple[list[QuotePart], list[str]]:
        """Split the blocks of a block quote into quoted parts and the texts of the comments.

        Text after the link, below a rule or after `Note:` is a comment, but not the first text.
        """
        quoting, own_blocks = self._split_nested(body)
        parts: list[QuotePart] = []
        comments: list[str] = []
        is_over = False
        """Whether the quotation has ended, so that further text is a comment."""
        for block in quoting:
            if block.rule_count > quoting[0].rule_count:
                is_over = True
            for number, whole_span in enumerate(self._split_at_citations(block)):
                if number > 0 and parts:
                    is_over = True  # a link is between the texts
                span = trim_quote(block.plain_text, *whole_span)
                if span is None:
                    continue
                part = QuotePart(block, *span)
                if not parts:
                    parts.append(part)
                    continue
                text = clean_comment(part.text)
                if REMARK_TEXT.match(text):
                    is_over = True
                if is_over:
                    comments.append(text)
                else:
                    parts.append(part)
        for block in own_blocks:
            if block not in self._link_only_blocks:
                comments.append(block.plain_text)
        return parts, comments

    def _split_nested(
        self, body: Sequence[Block]
    ) -> tuple[Sequence[Block], Sequence[Block]]:
        """Split a block quote into the blocks with the quoted text, and those of the reader.

        The quoted text is in the block quote nested inside, if that has the link or begins the
        whole block quote. Otherwise, it is the text around the nested one.
        """
        depth = min(len(block.quotes) for block in body)
        nested = [block for block in body if len(block.quotes) > depth]
        if not nested:
            return body, ()
        outside = [block for block in body if block not in nested]
        nested_begins_quote = body[0] is nested[0]
        nested_has_link = not self._citations.keys().isdisjoint(nested)
        if nested_begins_quote or nested_has_link:
            below = [block for block in outside if block.number > nested[-1].number]
            return nested, below
        return outside, nested


def _get_group_key(block: Block) -> object:
    """Return a key for `groupby`: the outermost block quote around a block, or else the block."""
    return block.quotes[0] if block.quotes else block


def _has_marks(block: Block) -> bool:
    for phrase in block.inline_text.marked_phrases:
        if phrase.mark_kind in (MarkKind.HIGHLIGHT, MarkKind.ELEMENT):
            return True
    return False


def _strip_quotation_marks(parts: Sequence[QuotePart]) -> tuple[QuotePart, ...]:
    """Remove the quotation marks around a quote, if they enclose all its parts.

    For example, `“First paragraph.` and `Last paragraph.”` are two parts of one quote.
    """
    if len(parts) == 1:
        return (_strip_marks_of_part(parts[0]),)
    first, *middle, last = parts
    openers = OPENERS_BY_CLOSER.get(last.text[-1])
    if openers is None or first.text[0] not in openers:
        return tuple(parts)
    first = first._replace(start=first.start + 1)
    last = last._replace(end=last.end - 1)
    return (first, *middle, last)


def _strip_marks_of_part(part: QuotePart) -> QuotePart:
    """Remove the quotation marks around a part, unless there are words before them."""
    plain = part.block.plain_text
    quoted = find_quote_at_end(plain, part.start, part.end)
    if quoted is None or clean_comment(plain[part.start : quoted[0]]):
        return part
    return QuotePart(part.block, *quoted)
