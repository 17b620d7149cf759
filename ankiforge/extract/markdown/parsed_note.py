"""Read the front matter and highlights of a note, and find its private parts.

`mark_private_blocks` finds the blocks that must stay on this computer because of the tag `#no-
llm`. It searches the source, so the tag also counts in comments, code and formulas. The tag makes
its own block private, and in a table its whole row. In a heading, callout title, list item or
header row, it also makes everything below private. Outside all blocks, it makes the whole note
private.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple
from urllib.parse import quote

from msgspec.structs import replace

from ankiforge.extract.file_source import FindPicture
from ankiforge.extract.markdown import (
    KindsToRead,
    MarkdownNote,
    NoteSource,
)
from ankiforge.extract.markdown.blocks import (
    Block,
    BlockKind,
    ListItem,
    Table,
    parse_blocks,
)
from ankiforge.extract.markdown.citations import (
    CitationsByBlock,
    find_citations,
    iter_paper_identifiers,
)
from ankiforge.extract.markdown.front_matter import (
    FrontMatter,
    find_front_matter_sentences,
    is_whole_note_private,
    parse_front_matter,
)
from ankiforge.extract.markdown.hand_written import CardSyntax
from ankiforge.extract.markdown.markup import InlineContext
from ankiforge.extract.markdown.note_reader import NoteReader
from ankiforge.extract.markdown.placeholders import (
    find_comment_sentences,
    mask_comments_and_maths,
)
from ankiforge.extract.markdown.skipped_texts import (
    find_unread_cards,
    is_note_of_other_tool,
)
from ankiforge.extract.markdown.syntaxes import may_contain_citations
from ankiforge.extract.markdown.transcripts import remove_transcript_times
from ankiforge.model import (
    Document,
    DocumentText,
    ExtractedDocument,
    LazyText,
    Paragraph,
    Problem,
    Sighting,
    SkippedText,
    Span,
    Strings,
    UnmarkedDocument,
    hash16,
)
from ankiforge.text import contains_chat_prompt, regex
from ankiforge.text.keys import number_highlights
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    UNREADABLE_TAGS_REASON,
    contains_private_tag,
    get_document_privacy_reason,
    is_name,
    is_only_private_tag,
)

# Kinds of blocks whose text may be just a name, which other documents may contain too.
_NAME_KINDS = (BlockKind.HEADING, BlockKind.TITLE, BlockKind.CELL)
# A line that begins with an Obsidian or HTML comment, possibly in a quote or list.
_COMMENT_LINE = regex(r"[ \t>*+-]*(?:%%|<!--)")
# A reference to a footnote, and the label with which the footnote itself begins.
_FOOTNOTE_REFERENCE = regex(r"\[\^([^\]\s]{1,200})\]")
_FOOTNOTE_DEFINITION = regex(r"[ \t]{0,3}\[\^([^\]\s]{1,200})\]:")
# The marker of a list item in plain text, which has more forms than in Markdown.
_LIST_MARKER = regex(
    r"(?i)(?:[^\w\s]{1,3}|\(?(?:\d{1,9}|[a-z]|[ivxlc]{1,6})[.)])(?:\s|$)"
)
# The whitespace and quote markers that may precede the text of a line.
_LINE_PREFIX_CHARACTERS = " \t\u3000\xa0>"


def mark_private_blocks(
    blocks: Sequence[Block],
    body: str,
    nested_lines: Iterable[int] = (),
) -> bool:
    """Set `is_private` on all blocks to which the privacy tag applies.

    Args:
        blocks: The blocks of the note.
        body: The source of the note, with the same line numbers as `blocks`.
        nested_lines: Further lines that are known to be nested below a tagged line.

    Returns:
        Whether the whole note is private because a tag is outside all blocks.
    """
    lines = body.split("\n")
    tagged_lines = [
        number for number, line in enumerate(lines) if contains_private_tag(line)
    ]
    if not tagged_lines:
        return False
    blocks_at_line = defaultdict[int, list[Block]](list)
    for block in blocks:
        for number in range(*_get_own_lines(block)):
            blocks_at_line[number].append(block)

    # the blocks with the tag, or indented below it
    tagged_blocks = set[Block]()
    is_whole_note = False
    for number in tagged_lines:
        blocks_of_tag = _find_blocks_of_tag(number, lines[number], blocks_at_line)
        tagged_blocks.update(blocks_of_tag)
        if not blocks_of_tag:
            is_whole_note = True
    for number in find_lines_below_private_tag(body).union(nested_lines):
        tagged_blocks.update(blocks_at_line[number])

    # these, all that they contain, and their footnotes
    private_blocks = set(tagged_blocks)
    containers = _TaggedContainers(tagged_blocks)
    private_blocks.update(filter(containers.contain, blocks))
    for number in _find_footnotes_of(tagged_blocks, lines):
        private_blocks.update(blocks_at_line[number])
    for block in private_blocks:
        block.is_private = True
    return is_whole_note


def _find_blocks_of_tag(
    number: int, line: str, blocks_at_line: Mapping[int, Sequence[Block]]
) -> Sequence[Block]:
    """Return the blocks to which a privacy tag in a line applies, or none if to the whole note."""
    blocks = []
    for block in blocks_at_line[number]:
        # a block with nothing but the tag makes the whole note private
        if not is_only_private_tag(block.plain_text):
            blocks.append(block)
    if not blocks and _COMMENT_LINE.match(line):
        # a comment belongs to the block directly above
        return blocks_at_line[number - 1]
    return blocks


def _find_footnotes_of(blocks: Iterable[Block], lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the lines with the footnotes that blocks refer to."""
    labels = set[str]()
    for block in blocks:
        source = "\n".join(lines[slice(*_get_own_lines(block))])
        labels.update(_FOOTNOTE_REFERENCE.findall(source))
    if not labels:
        return
    for number, line in enumerate(lines):
        definition = _FOOTNOTE_DEFINITION.match(line)
        if definition and definition[1] in labels:
            yield number


class _TaggedContainers:
    """The headings, callout titles, list items and header rows among the tagged blocks.

    They contain the blocks below them. Headings and titles are compared by line, because several
    `Block` objects may represent the same heading or title.
    """

    def __init__(self, tagged_blocks: Iterable[Block]) -> None:
        self._lines: set[Span] = set()
        self._items: set[ListItem] = set()
        self._tables: set[Table] = set()
        for block in tagged_blocks:
            if block.kind is BlockKind.TEXT:
                continue
            self._lines.add(block.lines)
            if block.kind is BlockKind.ITEM:
                self._items.add(block.items[-1])
            # `Block.headers` lacks a header cell with nothing but the tag
            if block.row and block.row.is_header:
                self._tables.add(block.row.table)

    def contain(self, block: Block) -> bool:
        """Return whether a block is inside any of the containers."""
        if not self._items.isdisjoint(block.items):
            return True
        if block.row and block.row.table in self._tables:
            return True
        titles = [quote.title_block for quote in block.callouts if quote.title_block]
        containers = (*block.headings, *titles, *block.headers)
        return any(container.lines in self._lines for container in containers)


class _LinePosition(NamedTuple):
    """Where the text of a line begins."""

    indent: int
    """The columns before the text, including quote markers."""
    quote_depth: int
    """The number of quote markers before the text."""


def find_lines_below_private_tag(text: str) -> frozenset[int]:
    """Return the numbers of the lines that are indented below a line with the privacy tag.

    Lines of a list item are indented like its marker. This is needed because indentation is the
    only structure of plain text, and because Markdown doesn't recognize some list items, such as
    those with `a)`.
    """
    below = set[int]()
    item: _LinePosition | None = None  # the list item that contains the line
    tagged: _LinePosition | None = None  # the tagged line or item above
    for number, line in enumerate(text.split("\n")):
        content = line.lstrip(_LINE_PREFIX_CHARACTERS)
        if not content:
            item = None
            continue
        prefix = line[: len(line) - len(content)]
        position = _LinePosition(len(prefix.expandtabs(4)), prefix.count(">"))
        if _LIST_MARKER.match(content):
            item = position
        if tagged and position.quote_depth == tagged.quote_depth:
            if position.indent > tagged.indent:
                below.add(number)
                continue
        tagged = None
        if contains_private_tag(line):
            tagged = position
            if item:
                tagged = position._replace(indent=item.indent)
    return frozenset(below)


def _get_own_lines(block: Block) -> Span:
    """Return the line range of a block as [first, end).

    Of a callout title, only the first line counts. Its `lines` also include the paragraph below.
    """
    first, _ = block.lines
    if block.kind is BlockKind.TITLE:
        return (first, first + 1)
    return block.lines


# --- a note -----------------------------------------------------------------------------

_PROMPT_TEMPLATE_END = "{{ highlights }}\n"


def read_note(
    source: NoteSource, note: MarkdownNote, find_picture: FindPicture, *, must_parse: bool
) -> Iterator[Sighting]:
    """Yield any problems with a note, then its document if there is anything to report about it.

    Args:
        source: The source of the note.
        note: The note.
        find_picture: Maps the name of a picture in the text to its path.
        must_parse: Whether to parse the note in any case. If false, it is only parsed if a plug-in
            reads it, and otherwise just searched for cards of other tools.
    """
    text = note.text
    path = note.document.path
    if contains_chat_prompt(text) or text.endswith(_PROMPT_TEMPLATE_END):
        reason = "it is a prompt for a chat, whose examples are not cards"
        prompt = SkippedText("prompt", "", reason)
        yield UnmarkedDocument(
            source.listing.container, path, "", skipped_texts=(prompt,)
        )
        return
    front_matter = parse_front_matter(text)
    if must_parse or _build_syntax(note, front_matter):
        yield from _ParsedNote(source, note, front_matter, find_picture).iter_results()
        return
    skipped = find_unread_cards(text)
    if skipped:
        yield UnmarkedDocument(
            source.listing.container, path, "", skipped_texts=tuple(skipped)
        )


def read_whole_text(
    source: NoteSource, note: MarkdownNote, find_picture: FindPicture
) -> DocumentText:
    """Return the complete plain text of a note as a single page.

    `find_picture` maps the name of a picture in the text to its path.
    """
    front_matter = parse_front_matter(note.text)
    return _ParsedNote(
        source, note, front_matter, find_picture, keeps_definitions=True
    ).build_whole_text()


def _build_syntax(note: MarkdownNote, front_matter: FrontMatter) -> CardSyntax | None:
    if note.dialects is None:
        return None
    return note.dialects.build_syntax(note.text, front_matter.tags, note.document.path)


def _blank_out_first_lines(text: str, count: int) -> str:
    """Replace the first lines of a text by empty ones, so that line numbers stay the same."""
    lines = text.split("\n")
    return "\n" * count + "\n".join(lines[count:])


def _find_citations_by_block(blocks: Iterable[Block]) -> CitationsByBlock:
    citations: CitationsByBlock = {}
    for block in blocks:
        block_citations = find_citations(block)
        if block_citations:
            citations[block] = block_citations
    return citations


class _PrivateTexts(NamedTuple):
    """The texts of a note that must not leave this computer."""

    texts: Strings
    names: Strings
    """The private texts that are just a name, which may occur in public documents too."""


class _ParsedNote:
    def __init__(
        self,
        source: NoteSource,
        note: MarkdownNote,
        front_matter: FrontMatter,
        find_picture: FindPicture,
        *,
        keeps_definitions: bool = False,
    ) -> None:
        """Parse a note.

        If `keeps_definitions` is true, the plain text includes fields that define a term
        (`term:: definition`), but not the timestamps of a transcript.
        """
        self._source = source
        self._note = note
        self._front_matter = front_matter
        self._body = _blank_out_first_lines(note.text, front_matter.line_count)
        if keeps_definitions:
            self._body = remove_transcript_times(self._body)
        plugin_syntax = _build_syntax(note, front_matter)
        kinds = self._choose_kinds_to_read(plugin_syntax)
        masked_source = mask_comments_and_maths(
            self._body,
            mask_fields=kinds.reads_fields,
            keep_field_cards=bool(plugin_syntax and plugin_syntax.field_words),
            mask_definitions=not keeps_definitions,
        )
        syntax = plugin_syntax or CardSyntax()
        self._blocks = parse_blocks(
            masked_source,
            InlineContext(find_media_path=find_picture),
            syntax._replace(reads_labels="block" in kinds.cards),
        )
        privacy_reason = self._mark_private_blocks()
        citations: CitationsByBlock = {}
        if may_contain_citations(self._body):
            citations = _find_citations_by_block(self._blocks.blocks)
        self._document = self._complete_document(plugin_syntax, citations, privacy_reason)
        reader = NoteReader(
            self._document, source.listing.namespace, self._blocks, kinds, citations
        )
        self._highlights = reader.read_highlights(self._body, front_matter)
        self._skipped_texts = reader.find_skipped_texts(note.text)

    def _choose_kinds_to_read(self, plugin_syntax: CardSyntax | None) -> KindsToRead:
        marks = self._note.marks
        declares_cards = plugin_syntax is not None and plugin_syntax.is_declared
        if declares_cards and self._source.settings.marks is None:
            # a plug-in decides what `==x==` means, and the settings don't say otherwise
            marks -= {"=="}
        kinds = self._source.combine_kinds_to_read(marks)
        if is_note_of_other_tool(self._note.text):
            kinds = kinds._replace(marks=frozenset(), cards=frozenset())
        return kinds._replace(reads_fields=not declares_cards)

    def _mark_private_blocks(self) -> str | None:
        """Mark the private blocks, and return why the whole note is private, if it is."""
        if self._note.may_be_private:
            has_tag_outside_blocks = mark_private_blocks(
                self._blocks.blocks, self._body, self._note.private_lines
            )
            if is_whole_note_private(self._note.text):
                return PRIVATE_DOCUMENT_REASON
            if has_tag_outside_blocks and not self._front_matter.problem:
                return PRIVATE_DOCUMENT_REASON
        if self._front_matter.problem:
            return UNREADABLE_TAGS_REASON  # it may contain the tag
        return None

    def _complete_document(
        self,
        plugin_syntax: CardSyntax | None,
        citations: CitationsByBlock,
        privacy_reason: str | None,
    ) -> Document:
        document, front_matter = self._note.document, self._front_matter
        identifiers = (
            *document.identifiers,
            *front_matter.identifiers,
            *iter_paper_identifiers(citations),
        )
        tags = [*document.tags, *front_matter.tags, *self._blocks.tags]
        if plugin_syntax:
            tags = [tag for tag in tags if not plugin_syntax.is_deck_tag(tag)]
        return replace(
            document,
            identifiers=tuple(dict.fromkeys(identifiers)),
            title=front_matter.title or document.title,
            creators=document.creators or front_matter.authors,
            publication_date=document.publication_date or front_matter.published,
            tags=tuple(dict.fromkeys(tags)),
            deck=front_matter.deck or document.deck,
            privacy_reason=document.privacy_reason or privacy_reason,
        )

    def iter_results(self) -> Iterator[Sighting]:
        """Yield the problems of the note, then its document.

        A document without highlights is only yielded if the note has private text or text that
        resembles a highlight.
        """
        document = self._document
        container = self._source.listing.container
        is_private = bool(get_document_privacy_reason(document))
        private = self._collect_private_texts(is_private)
        public_text = LazyText(partial(self._collect_public_text, is_private))
        if not self._highlights:
            if private.texts or private.names or self._skipped_texts:
                yield UnmarkedDocument(
                    container,
                    document.path,
                    "",
                    private_texts=private.texts,
                    private_names=private.names,
                    public_text=public_text,
                    skipped_texts=self._skipped_texts,
                )
            return
        if self._front_matter.problem:
            hint = (
                "until you correct it, the note's title, tags and deck are unknown,"
                " and nothing of it is sent to a model"
            )
            yield Problem(document.path, self._front_matter.problem, hint, is_notice=True)
        if any(highlight.is_declared_card for highlight in self._highlights):
            deck = document.deck or self._note.plugin_deck
            document = replace(document, deck=deck)
        highlights = [replace(each, document=document) for each in self._highlights]
        yield ExtractedDocument(
            document,
            tuple(number_highlights(highlights)),
            container,
            text_hash=hash16(self._note.text),
            private_texts=private.texts,
            private_names=private.names,
            public_text=public_text,
            skipped_texts=self._skipped_texts,
        )

    def build_whole_text(self) -> DocumentText:
        """Build the complete plain text of the note, with metadata for each paragraph."""
        text = self._blocks.get_plain_text()
        block_spans = self._find_block_spans()
        paragraphs: list[Paragraph] = []
        for block, span in zip(self._blocks.blocks, block_spans, strict=True):
            if block.kind is BlockKind.CELL:  # a table row, a line, is one paragraph
                span = _find_line_around(text, span)
                if paragraphs and paragraphs[-1].start == span[0]:
                    continue
            if block.plain_text.strip():
                paragraphs.append(self._create_paragraph(block, span))
        return DocumentText(
            self._document,
            (text,),
            tuple(paragraphs),
            namespace=self._source.listing.namespace,
            text_hash=hash16(self._note.text),
            skip_reason=self._front_matter.skip_reason,
            render_markdown=partial(self._render_markdown, block_spans),
        )

    def _find_block_spans(self) -> list[Span]:
        """Return the span of each block in the plain text of the note."""
        spans: list[Span] = []
        end = 0
        for block in self._blocks.blocks:
            start = end + len(self._blocks.get_separator_above(block))
            end = start + len(block.plain_text)
            spans.append((start, end))
        return spans

    def _create_paragraph(self, block: Block, span: Span) -> Paragraph:
        headings = block.headings
        level = 0
        if block.kind is BlockKind.HEADING:
            headings = (*headings, block)
            level = len(headings)
        note_url = self._document.uri
        return Paragraph(
            0,
            *span,
            " › ".join([heading.plain_text for heading in headings]),
            level,
            is_private=block.is_private,
            tags=tuple(dict.fromkeys((*block.tags, *block.tags_above))),
            block_id=block.id or str(block.number),
            uri=note_url and note_url + quote(block.url_fragment, safe=""),
        )

    def _render_markdown(self, block_spans: Sequence[Span], start: int, end: int) -> str:
        """Render the plain text in [start, end) as Markdown.

        `block_spans` has the span of each block in the plain text. Returns "" if the range
        includes code or a multi-line card.
        """
        text = ""
        for block, span in zip(self._blocks.blocks, block_spans, strict=True):
            block_start, block_end = span
            if block_end <= start or end <= block_start:
                continue
            if block.plain_text != block.inline_text.plain:
                return ""  # code, or a card over several lines
            markdown, _ = block.inline_text.render_range(
                max(start, block_start) - block_start, min(end, block_end) - block_start
            )
            if text:
                text += self._blocks.get_separator_above(block).replace("\n", " ")
            text += markdown
        return text

    def _collect_private_texts(self, is_private: bool) -> _PrivateTexts:
        """Collect the texts that must not leave this computer.

        If the whole note is private, they include its title and front matter. Comments don't
        belong to any block, so they're private if anything in the note is.
        """
        texts = list[str]()
        titles = list[str]()  # each is a sentence or just a name
        if is_private:
            titles.append(self._document.title)
            titles += find_front_matter_sentences(self._note.text)
        for block in self._blocks.blocks:
            if not is_private and not block.is_private:
                continue
            if block.kind in _NAME_KINDS:
                titles.append(block.plain_text)
            else:
                texts.append(block.plain_text)
        texts += [title for title in titles if not is_name(title)]
        if texts or titles:
            texts += find_comment_sentences(self._note.text)
        return _PrivateTexts(tuple(texts), tuple(filter(is_name, titles)))

    def _collect_public_text(self, is_private: bool) -> str:
        if is_private:
            return ""
        blocks = self._blocks.blocks
        texts = [block.plain_text for block in blocks if not block.is_private]
        texts += find_front_matter_sentences(self._note.text)
        if not any(block.is_private for block in blocks):
            texts += find_comment_sentences(self._note.text)
        return "\n".join(texts)


def _find_line_around(text: str, span: Span) -> Span:
    """Return the span of the line of a text that contains `span`."""
    start = text.rfind("\n", 0, span[0]) + 1
    end = text.find("\n", span[1])
    if end < 0:
        end = len(text)
    return (start, end)


def extract_plain_text(markdown: str) -> str:
    """Convert a note to plain text.

    The anchors and the surrounding text of highlights come from this text.
    """
    return parse_blocks(
        mask_comments_and_maths(markdown), InlineContext(), CardSyntax()
    ).get_plain_text()


def extract_public_text(text: str) -> str:
    """Convert a note that has neither marks nor private text to plain text.

    The result includes sentences from the front matter and from comments.
    """
    other_texts = (*find_front_matter_sentences(text), *find_comment_sentences(text))
    return "\n".join([extract_plain_text(text), *other_texts])
