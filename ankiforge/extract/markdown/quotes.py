"""Passages that a note quotes from papers and books, with a link to their place.

In a paragraph or list item, the quote is in quotation marks, or marked, or all of the
text before the link to its annotation. In a block quote or callout, it is the text of
that. Other text beside it is the reader's comment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block, Part
from ankiforge.extract.markdown.citations import Citation, Citations
from ankiforge.extract.markdown.inline import outermost
from ankiforge.extract.markdown.quotation import (
    OPENERS_OF,
    OPENING,
    REMARK,
    as_comment,
    quoted_at_end,
    trimmed_words,
)
from ankiforge.model import Span
from ankiforge.text import regex

# Types of callouts that are used for quotes.
_QUOTING = regex(r"(?i)quote|cite|zitat|highlight|annotation|excerpt|pdf")
# Signs between the link at the start of a line and the quote after it.
_LEAD = regex(r"[\s:–—\-•·|@]+")
_SENTENCE_END = '.!?…”"»“«」。！？'
_CLOSING = '”"»“」』'
# Words of a text from which it is a quote, if its link leads to an annotation.
_FEWEST_WORDS = 3


class Piece(NamedTuple):
    """What a quote has of one block."""

    block: int
    """The index of the block."""
    start: int
    """[start, end) in its plain text, without quotation marks."""
    end: int

    @property
    def span(self) -> Span:
        """[start, end) in the plain text of the block."""
        return (self.start, self.end)


class Quote(NamedTuple):
    """One passage, from its first to its last block."""

    pieces: tuple[Piece, ...]
    """Of each of its blocks, in order."""
    citation: Citation
    comment: str = ""
    covers: tuple[int, ...] = ()
    """Indices of further blocks that belong to it: titles, comments, links."""

    def text(self, blocks: Sequence[Block]) -> str:
        """Return its plain text; `blocks` are those of the note."""
        texts = []
        for piece in self.pieces:
            plain = blocks[piece.block].plain
            texts.append(plain[piece.start : piece.end])
        return "\n".join(texts)


class Quotes:
    """The quotes of a note, by the block in which they start."""

    def __init__(
        self,
        blocks: Sequence[Block],
        citations: Citations,
        wanted_marks: frozenset[str],
        is_card: Callable[[int], object],
    ) -> None:
        """Find the quotes of a note.

        Args:
            blocks: the blocks of the note.
            citations: its citations.
            wanted_marks: the marks that make highlights.
            is_card: returns whether the block at an index is a card.
        """
        self._blocks = blocks
        self._wanted_marks = wanted_marks
        self.starts: dict[int, dict[int, Quote]] = {}
        """By block index and offset in the block."""
        self.covered: set[int] = set()
        """The indices of blocks that belong to a quote."""
        self._spans: dict[int, list[Span]] = {}
        """The quoted spans of each block, by its index."""
        if not citations:
            return
        self._cards = frozenset(filter(is_card, range(len(blocks))))
        self._citations = {
            index: cited for index, cited in citations.items() if index not in self._cards
        }
        self._link_only = set(filter(self._is_only_links, self._citations))
        for quote in self._find():
            # a citekey alone makes no quote of text that is a highlight anyway
            if _has_link(quote.citation) or not self._is_marked(quote):
                self._register(quote)

    def hold(self, index: int, span: Span) -> bool:
        """Return whether a quote overlaps a span of a block."""
        quoted = self._spans.get(index, ())
        first, last = span
        return any(first < end and start < last for start, end in quoted)

    def _is_marked(self, quote: Quote) -> bool:
        """Return whether a block of a quote makes a highlight without a citation too."""
        for piece in quote.pieces:
            block = self._blocks[piece.block]
            if block.callout and "callout" in self._wanted_marks:
                return True
            signs = {phrase.sign for phrase in block.inline.phrases}
            if not signs.isdisjoint(self._wanted_marks):
                return True
        return False

    def _register(self, quote: Quote) -> None:
        """Remember which blocks and spans a quote covers."""
        first = quote.pieces[0]
        last = quote.pieces[-1]
        self.starts.setdefault(first.block, {})[first.start] = quote
        self.covered.update(range(first.block, last.block + 1))
        self.covered.update(quote.covers)
        for piece in quote.pieces:
            self._spans.setdefault(piece.block, []).append(piece.span)

    # --- the quotes of a note ---------------------------------------------------------

    def _find(self) -> list[Quote]:
        """Return the quotes of outermost block quotes, and of the blocks outside them."""
        quotes: list[Quote] = []
        unused_links = set()
        for index in self._link_only:
            if not self._blocks[index].quotes:
                unused_links.add(index)
        groups = groupby(range(len(self._blocks)), key=self._group_of)
        for (in_block_quote, _), group in groups:
            members = list(group)
            in_group: list[Quote] = []
            if in_block_quote:
                link_beside = self._link_beside(members, unused_links)
                unused_links.difference_update(link_beside)
                in_group = self._in_group(members, link_beside)
            if not in_group:
                for index in members:
                    in_group.extend(self._in_block(index))
            for quote in in_group:
                self._add(quotes, quote)
        return quotes

    def _group_of(self, index: int) -> tuple[bool, int]:
        """Return what is read as a whole: the outermost block quote, else the block."""
        block_quotes = self._blocks[index].quotes
        return (True, block_quotes[0]) if block_quotes else (False, index)

    def _link_beside(self, members: Sequence[int], unused_links: set[int]) -> list[int]:
        """Return the line below or above a block quote that contains only its link.

        None is looked for if the block quote has a link of its own.
        """
        if not self._citations.keys().isdisjoint(members):
            return []
        for index in (members[-1] + 1, members[0] - 1):
            if index in unused_links:
                return [index]
        return []

    def _add(self, quotes: list[Quote], quote: Quote) -> None:
        """Add a quote, or add its text as a comment to the quote before."""
        text = quote.text(self._blocks)
        first = quote.pieces[0]
        text_before = self._blocks[first.block].plain[: first.start]
        remark = REMARK.match(text_before + text)
        previous = quotes[-1] if quotes else None
        if previous and _cite_same_annotation(previous, quote):
            # a second text for one annotation is the reader's, unless set off or repeated
            is_quoted = text_before.endswith(OPENING)
            is_set_off = is_quoted or first.span in self._marked_spans(first.block)
            is_repeated = text in previous.text(self._blocks)
            if remark or not (is_set_off or is_repeated):
                own_words = remark["words"].strip() if remark else text
                quotes[-1] = _with_comment(previous, quote, own_words)
                return
        if not remark:
            quotes.append(quote)

    # --- the parts of a block ---------------------------------------------------------

    def _marked_spans(self, index: int) -> list[Span]:
        """Return the outermost highlights of a block, whether wanted or not."""
        phrases = self._blocks[index].inline.phrases
        marks = [phrase for phrase in phrases if phrase.sign in ("==", "mark")]
        return [phrase.span for phrase in outermost(marks)]

    def _set_off(self, index: int, span: Span) -> Span | None:
        """Return the end of a span, if that is in quotation marks or alone marked."""
        quoted = quoted_at_end(self._blocks[index].plain, *span)
        if quoted:
            return quoted
        start, end = span
        marked = []
        for mark_start, mark_end in self._marked_spans(index):
            if start <= mark_start and mark_end <= end:
                marked.append((mark_start, mark_end))
        if len(marked) != 1:
            return None
        mark_start, mark_end = marked[0]
        return (mark_start, mark_end) if mark_end == end else None

    def _texts_between(self, index: int) -> list[Span]:
        """Return the texts before, between and after the citations of a block."""
        edges = [0]
        for citation in self._citations.get(index, ()):
            edges.extend(citation.span)
        edges.append(len(self._blocks[index].plain))
        return list(pairwise(edges))[::2]

    def _is_only_links(self, index: int) -> bool:
        """Return whether a block has no words besides those of its links."""
        block = self._blocks[index]
        if block.part is Part.HEADING or block.inline.is_footnote:
            return False
        if any(citation.words for citation in self._citations[index]):
            return False
        texts = []
        for start, end in self._texts_between(index):
            texts.append(block.plain[start:end])
        return not any(map(as_comment, texts))

    # --- paragraphs and list items ----------------------------------------------------

    def _in_block(self, index: int, *, in_block_quote: bool = False) -> list[Quote]:
        """Return the quotes of one block: before links, or after a link at its start."""
        block = self._blocks[index]
        if block.part is Part.HEADING or index in self._link_only:
            return []
        citations = self._citations.get(index, ())
        linked = [citation for citation in citations if _has_link(citation)]
        next_starts = [citation.start for citation in linked[1:]]
        next_starts.append(len(block.plain))
        quotes = []
        previous_end = 0
        for citation, next_start in zip(linked, next_starts, strict=False):
            start, end = citation.span
            text_before = trimmed_words(block.plain, previous_end, start)
            previous_end = end
            quoted = citation.words
            if quoted is None and text_before:
                is_listed = in_block_quote and bool(citation.label or citation.page)
                quoted = self._quoted_before(
                    index,
                    text_before,
                    citation,
                    is_alone=len(linked) == 1,
                    is_listed=is_listed,
                )
            elif quoted is None:
                quoted = self._quoted_after(index, end, next_start)
            if quoted:
                piece = Piece(index, *quoted)
                quotes.append(Quote((piece,), citation))
        if len(quotes) == 1:
            return [self._with_comment_after(quotes[0], linked)]
        return quotes

    def _quoted_before(
        self,
        index: int,
        text: Span,
        citation: Citation,
        *,
        is_alone: bool,
        is_listed: bool,
    ) -> Span | None:
        """Return what is quoted of the text before a link, None if nothing is.

        Args:
            index: the index of the block.
            text: the span of the text.
            citation: the link.
            is_alone: whether it is the only link of the block.
            is_listed: whether the block quotes one of several passages of a block quote.
        """
        set_off = self._set_off(index, text)
        if set_off or not is_alone:
            return set_off
        # all of the text may be the quote, if the block contains nothing else
        block = self._blocks[index]
        if block.part is Part.TITLE or self._marked_spans(index):
            return None
        if as_comment(block.plain[citation.end :]):
            return None
        start, end = text
        word_count = len(block.plain[start:end].split())
        if citation.annotation and word_count >= _FEWEST_WORDS:
            return text
        announces = block.plain[end - 1] in ":："
        return text if is_listed and not announces else None

    def _quoted_after(self, index: int, start: int, end: int) -> Span | None:
        """Return what is quoted right after a link that begins its line, or None."""
        plain = self._blocks[index].plain
        text = trimmed_words(plain, start, end)
        if text is None:
            return None
        start, end = text
        lead = _LEAD.match(plain, start, end)
        if lead:
            start = lead.end()
        quoted = self._set_off(index, (start, end))
        if quoted is None:
            return None
        # one sign more may be the opening quotation mark
        begins_there = quoted[0] <= start + 1
        return quoted if begins_there else None

    def _with_comment_after(self, quote: Quote, linked: Sequence[Citation]) -> Quote:
        """Add what the reader says about the only quote of a block that begins with it.

        Text after the quote is a comment, and so are the items below.
        """
        (piece,) = quote.pieces
        plain = self._blocks[piece.block].plain
        start = min(piece.start, linked[0].start)
        if as_comment(plain[:start]):
            return quote
        end = max(piece.end, linked[-1].end)
        below = self._items_below(piece.block)
        comments = [as_comment(plain[end:].lstrip(_CLOSING))]
        comments += [self._blocks[index].plain for index in below]
        return quote._replace(comment=_joined(comments), covers=tuple(below))

    def _items_below(self, index: int) -> list[int]:
        """Return the blocks under a list item, [] unless all of them are plain text."""
        path = self._blocks[index].path
        if not path:
            return []
        below: list[int] = []
        for other in range(index + 1, len(self._blocks)):
            if self._blocks[other].path[: len(path)] != path:
                break
            below.append(other)
        are_plain = all(map(self._is_plain_text, below))
        return below if are_plain else []

    def _is_plain_text(self, index: int) -> bool:
        """Return whether a block is neither a card nor code, and cites and marks nothing."""
        if index in self._cards or index in self._citations:
            return False
        block = self._blocks[index]
        return block.is_text and not block.sides and not self._marked_spans(index)

    # --- block quotes and callouts ----------------------------------------------------

    def _in_group(
        self,
        members: Sequence[int],
        link_beside: Sequence[int],
    ) -> list[Quote]:
        """Return the quotes of one block quote, [] if its blocks are read one by one.

        Args:
            members: the indices of its blocks.
            link_beside: that of the line beside it that contains only its link, if any.
        """
        citing = [index for index in members if self._cites_with_words(index)]
        first_links = set()
        for index in citing:
            first_citation = self._citations[index][0]
            first_links.add(first_citation.links)
        if len(first_links) > 1:
            quotes: list[Quote] = []
            for index in members:
                quotes.extend(self._in_block(index, in_block_quote=True))
            return quotes
        covered = (*members, *link_beside)
        citation = self._citation_of_group(covered)
        if citation is None:
            return []
        if not all(self._ends_a_quote(index) for index in citing):
            return []
        body = []
        for index in members:
            if self._blocks[index].part is not Part.TITLE:
                body.append(index)
        has_cards = not self._cards.isdisjoint(body)
        if has_cards or not self._may_quote(members[0], citation):
            return []
        pieces, comment = self._words_and_comment(body)
        if not pieces:
            return []
        quoted = self._without_quotation_marks(pieces)
        return [Quote(quoted, citation, comment, covered)]

    def _cites_with_words(self, index: int) -> bool:
        """Return whether a block has both citations and other words."""
        return index in self._citations and index not in self._link_only

    def _citation_of_group(self, indices: Iterable[int]) -> Citation | None:
        """Return all that some blocks cite as one, None if it is not a place in a paper."""
        citations: list[Citation] = []
        for index in indices:
            citations.extend(self._citations.get(index, ()))
        if not any(_has_link(citation) or citation.label for citation in citations):
            return None
        joined = citations[0]
        for citation in citations[1:]:
            joined = joined.joined(citation)
        return joined

    def _may_quote(self, first: int, citation: Citation) -> bool:
        """Return whether a block quote is one, or a callout that is used for quotes.

        Any callout may be, if its link leads to a page or a passage.
        """
        style = self._blocks[first].style
        has_place = bool(citation.exact or citation.label or citation.page)
        return not style or has_place or bool(_QUOTING.search(style))

    def _ends_a_quote(self, index: int) -> bool:
        """Return whether the links of a block are before or after its text."""
        block = self._blocks[index]
        citations = self._citations[index]
        if block.part is Part.TITLE:
            return any(citation.exact for citation in citations)
        for citation in citations:
            if not as_comment(block.plain[citation.end :]):
                continue
            if not citation.exact or not _is_apart(block, citation):
                return False
        return True

    def _without_quotation_marks(self, pieces: list[Piece]) -> tuple[Piece, ...]:
        """Return a quote without the quotation marks around the whole."""
        first = pieces[0]
        last = pieces[-1]
        first_plain = self._blocks[first.block].plain
        last_plain = self._blocks[last.block].plain
        if len(pieces) == 1:
            quoted = quoted_at_end(first_plain, first.start, first.end)
            if quoted:
                quoted_start, quoted_end = quoted
                text_before = first_plain[first.start : quoted_start]
                if not as_comment(text_before):
                    return (Piece(first.block, quoted_start, quoted_end),)
        opener = first_plain[first.start]
        closer = last_plain[last.end - 1]
        if opener not in OPENERS_OF.get(closer, ""):
            return tuple(pieces)
        # a single piece keeps its opening mark here
        pieces[0] = first._replace(start=first.start + 1)
        pieces[-1] = last._replace(end=last.end - 1)
        return tuple(pieces)

    def _words_and_comment(self, body: Sequence[int]) -> tuple[list[Piece], str]:
        """Return the quoted pieces of a block quote, and the reader's comment.

        What follows a link, is below a rule, or begins like a remark is a comment.
        """
        quoting, commenting = self._quoting_and_commenting(body)
        pieces: list[Piece] = []
        comments: list[str] = []
        # whether a link or a comment followed the words
        is_quote_over = False
        for index in quoting:
            block = self._blocks[index]
            first_block = self._blocks[quoting[0]]
            is_below_rule = block.rules > first_block.rules
            remark = REMARK.match(block.plain)
            link_count = len(self._citations.get(index, ()))
            for number, (start, end) in enumerate(self._texts_between(index)):
                span = trimmed_words(block.plain, start, end)
                if span is None:
                    continue
                words_start, words_end = span
                words = as_comment(block.plain[words_start:words_end])
                if not words:
                    continue
                may_comment = is_quote_over or remark or is_below_rule
                if pieces and may_comment:
                    comments.append(remark["words"] if remark else words)
                    is_quote_over = True
                else:
                    pieces.append(Piece(index, words_start, words_end))
                    is_link_next = number < link_count
                    is_quote_over = is_link_next
        for index in commenting:
            is_title = self._blocks[index].part is Part.TITLE
            if index not in self._link_only and not is_title:
                comments.append(self._blocks[index].plain)
        return pieces, _joined(comments)

    def _quoting_and_commenting(self, body: Sequence[int]) -> tuple[list[int], list[int]]:
        """Divide the blocks of a block quote into those of the quote and of a comment."""
        if not body:
            return [], []
        depths = {index: len(self._blocks[index].quotes) for index in body}
        outer_depth = min(depths.values())
        inner = [index for index in body if depths[index] > outer_depth]
        if not inner:
            return list(body), []

        # a callout within the quote is the reader's
        first_block = body[0]
        outer_style = self._blocks[first_block].style
        callouts = []
        for index in inner:
            if self._blocks[index].style != outer_style:
                callouts.append(index)
        if callouts and callouts[0] != first_block:
            quoting = [index for index in body if index not in callouts]
            return quoting, callouts

        # a quote within the quote is the quote, and what follows it is the reader's
        last_inner = inner[-1]
        commenting = [index for index in body if index > last_inner]
        return inner, commenting


def _has_link(citation: Citation) -> bool:
    """Return whether a citation is more than a citekey."""
    return bool(citation.links)


def _joined(texts: Iterable[str]) -> str:
    """Join the texts that are not empty, one per line."""
    return "\n".join(filter(None, texts))


def _cite_same_annotation(previous: Quote, quote: Quote) -> bool:
    """Return whether two quotes cite one annotation, not only one document."""
    annotation = quote.citation.annotation
    return bool(annotation) and previous.citation.annotation == annotation


def _with_comment(previous: Quote, quote: Quote, own_words: str) -> Quote:
    """Return a quote with the reader's words about it, taken for another quote before."""
    indices = [piece.block for piece in quote.pieces]
    return previous._replace(
        comment=_joined((previous.comment, own_words, quote.comment)),
        covers=(*previous.covers, *indices, *quote.covers),
    )


def _is_apart(block: Block, citation: Citation) -> bool:
    """Return whether a link is separate from the words after it.

    It is if it ends a line or a sentence, or is in brackets.
    """
    start, end = citation.span
    plain = block.plain
    is_announced = plain[end : end + 1] == ":"
    is_bracketed = plain[start] in "(（"
    if is_announced or block.inline.breaks(end) or is_bracketed:
        return True
    before = as_comment(plain[:start])
    return bool(before) and before[-1] in _SENTENCE_END
