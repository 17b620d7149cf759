"""A passage that a note quotes from elsewhere: its text, where it is from, and the comment on it.

`cited_quotes` finds the quotes beside links to papers, and `exported_notes` those that reading apps
write into notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from ankiforge.extract.markdown.blocks import Block
from ankiforge.extract.markdown.citations import Citation, to_openable_url
from ankiforge.extract.markdown.inline import MarkedPhrase, MarkKind, select_outermost
from ankiforge.extract.markdown.markup import normalize_colour
from ankiforge.extract.markdown.quotation_marks import REMARK_TEXT, has_words
from ankiforge.model import Hint, Json, Span, hints
from ankiforge.text import regex

_HEX_COLOUR = regex("#.*")


class RenderedPart(NamedTuple):
    """The part of a quotation in one block, as a card shows it."""

    markdown: str
    gaps: Sequence[Span]
    """The spans of the marked words in the plain text of the part."""
    markdown_gaps: Sequence[Span]
    """The spans of the marked words in `markdown`."""


class QuotePart(NamedTuple):
    """The part of a quotation that is in one block."""

    block: Block
    start: int
    """[start, end) is the span in the block's plain text, without quotation marks."""
    end: int

    @property
    def text(self) -> str:
        """The plain text of this part."""
        return self.block.plain_text[self.start : self.end]

    def overlaps(self, span: Span) -> bool:
        """Return whether this part overlaps `span` in the block's plain text."""
        start, end = span
        return self.start < end and start < self.end

    def iter_colours(self) -> Iterator[str]:
        """Yield the colours of the marks that overlap this part."""
        for phrase in self.block.inline_text.marked_phrases:
            if phrase.colour and self.overlaps(phrase.span):
                yield phrase.colour

    def render(self, mark_kinds: frozenset[str]) -> RenderedPart:
        """Render this part as Markdown. Marks of the given kinds become gaps."""
        phrases = self._select_cloze_phrases(mark_kinds)
        gaps = _shift([phrase.span for phrase in phrases], -self.start)
        if not self.block.can_contain_highlights:
            return RenderedPart(f"```\n{self.text}\n```", gaps, ())
        markdown, spans = self.block.inline_text.render_range(
            self.start, self.end, phrases, keep_bold=MarkKind.BOLD not in mark_kinds
        )
        return RenderedPart(markdown, gaps, spans)

    def _select_cloze_phrases(self, mark_kinds: frozenset[str]) -> list[MarkedPhrase]:
        """Select the highlighted phrases that become cloze deletions of the card.

        Returns [] if a single phrase covers all words of this part. Otherwise, the card would
        consist of nothing but a cloze deletion.
        """
        plain = self.block.plain_text
        phrases = self.block.inline_text.marked_phrases
        overlapping = [each for each in phrases if self.overlaps(each.span)]
        gaps = []
        for phrase in select_outermost(overlapping):
            if phrase.mark_kind not in mark_kinds:
                continue
            before = plain[self.start : phrase.start]
            after = plain[max(phrase.end, self.start) : self.end]
            if not has_words(before + after):
                return []
            if self.start <= phrase.start and phrase.end <= self.end:
                gaps.append(phrase)
        return gaps


def _shift(spans: Iterable[Span], offset: int) -> list[Span]:
    return [(start + offset, end + offset) for start, end in spans]


class Quote(NamedTuple):
    """A passage quoted in a note, with its citation and the reader's comments."""

    parts: tuple[QuotePart, ...]
    """The parts of the passage in order, one for each block that it covers."""
    citation: Citation
    """The page or passage that is quoted, and the links to it."""
    comment: str = ""
    extra_blocks: tuple[Block, ...] = ()
    """Further blocks that belong to the quote, such as a title, comments and links."""

    @property
    def blocks(self) -> list[Block]:
        """All blocks that belong to the quote, in order."""
        blocks = {*(part.block for part in self.parts), *self.extra_blocks}
        return sorted(blocks, key=attrgetter("number"))

    @property
    def begins_like_remark(self) -> bool:
        """Whether the quote begins like a remark of the reader, such as `Note: …`."""
        first = self.parts[0]
        return REMARK_TEXT.match(first.block.plain_text[: first.end]) is not None

    @property
    def first_line(self) -> int:
        """The line in the note where the quote begins, counted from 0."""
        return self.blocks[0].lines[0]

    @property
    def end_line(self) -> int:
        """The first line below the quote, counted from 0."""
        return self.blocks[-1].lines[1]

    def add_comments(self, texts: Iterable[str], blocks: Iterable[Block] = ()) -> Quote:
        """Return a copy with further comments and their blocks. Labels like `Note:` are removed."""
        comments = [self.comment]
        for text in texts:
            remark = REMARK_TEXT.match(text)
            comments.append(remark["words"] if remark else text)
        return self._replace(
            comment="\n".join(dict.fromkeys(filter(has_words, comments))),
            extra_blocks=(*self.extra_blocks, *blocks),
        )

    def to_highlight_fields(self, mark_kinds: frozenset[str], note_url: str) -> Json:
        """Return the quote as keyword arguments of `Highlight`.

        Args:
            mark_kinds: The kinds of marks that become cloze deletions.
            note_url: The URL that opens the note in Obsidian.
        """
        gaps: list[Span] = []
        markdown_gaps: list[Span] = []
        exact = ""
        markdown = ""
        for part in self.parts:
            if exact:
                exact += "\n"
                markdown += "\n\n"
            # the gaps of a part are spans in this part alone
            rendered = part.render(mark_kinds)
            gaps += _shift(rendered.gaps, len(exact))
            markdown_gaps += _shift(rendered.markdown_gaps, len(markdown))
            exact += part.text
            markdown += rendered.markdown
        urls = [to_openable_url(link, note_url) for link in self.citation.links]
        return {
            "exact": exact,
            "markdown": (markdown,),
            "gaps": tuple(gaps),
            "markdown_gaps": tuple(markdown_gaps),
            "comment": self.comment,
            "colour": next(self._iter_colours(), ""),
            "page_label": self.citation.page_label or self.citation.page or "",
            "hints": self._get_annotation_hints(),
            "links": tuple(filter(None, urls)),
        }

    def _iter_colours(self) -> Iterator[str]:
        """Yield the colours of the marks, of the link and of the callout around the quote."""
        for part in self.parts:
            yield from part.iter_colours()
        if self.citation.colour:
            yield self.citation.colour
        # a callout type may contain a colour: `quote|#ffd400`
        _, _, option = self.parts[0].block.callout_type.partition("|")
        yield from _HEX_COLOUR.findall(normalize_colour(option.strip().lower()))

    def _get_annotation_hints(self) -> tuple[Hint, ...]:
        annotation = self.citation.annotation
        if annotation is None:
            return ()
        key = annotation.rpartition("/")[2]
        return (hints.make_zotero_hint(key), hints.make_zotero_hint(annotation))
