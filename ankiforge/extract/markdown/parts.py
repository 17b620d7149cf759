"""Read a document of one or several texts in Markdown: a note, a canvas, a notebook.

Each part is cut into blocks by itself, so that a fence or a comment that one part leaves open
does not swallow the next one. Only its own text counts as what surrounds its highlights.

`mark_private` finds what must stay on this machine: the tag `#no-llm` is looked for in the source,
so that it counts in a comment, in code and in a formula too. A block with the tag is private. So
is everything under a heading, a callout's title or a list item with it, and in a table's row or
column whose head has it. If the tag is in no block, or in the front matter, the whole note is
private.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from urllib.parse import quote

from msgspec.structs import replace

from ankiforge.extract.folder import PictureAt
from ankiforge.extract.markdown import (
    MarkdownNote,
    NotePart,
    NoteSource,
    exported_notes,
)
from ankiforge.extract.markdown.blocks import (
    Block,
    BlockKind,
    Blocks,
    Headings,
    parse_blocks,
)
from ankiforge.extract.markdown.front_matter import (
    FrontMatter,
    front_matter,
    tags_name_it,
    texts_in_front_matter,
)
from ankiforge.extract.markdown.hand_written import Syntax, Written
from ankiforge.extract.markdown.note import NoteReader
from ankiforge.extract.markdown.overlooked import ANKIOPS, may_be_overlooked, overlooked
from ankiforge.extract.markdown.placeholders import may_quote, prepared, texts_in_comments
from ankiforge.extract.markdown.quotes import Citations, citations_in, papers
from ankiforge.extract.markdown.signs import InlineContext
from ankiforge.model import (
    Document,
    Extracted,
    Highlight,
    LateText,
    LeftOut,
    Paragraph,
    Problem,
    Sighting,
    Span,
    Strings,
    Unmarked,
    WholeText,
    hints,
)
from ankiforge.text import regex
from ankiforge.text.identifiers import sketch
from ankiforge.text.keys import numbered, percent
from ankiforge.text.private import (
    IN_ITS_NOTE,
    UNREADABLE,
    has_tag,
    is_name,
    is_tag,
    names_tag,
    why_document,
)

# Blocks that may be names, which other documents have as well.
_NAMING = (BlockKind.HEADING, BlockKind.TITLE, BlockKind.CELL)
# A line that begins with a comment of Obsidian or HTML, maybe in a quote or a list.
_COMMENT = regex(r"[ \t>*+-]*(?:%%|<!--)")
# Where a footnote is named, and where it begins.
_FOOTNOTE = regex(r"\[\^([^\]\s]{1,200})\]")
_FOOTNOTE_TEXT = regex(r"[ \t]{0,3}\[\^([^\]\s]{1,200})\]:")
# The sign of a list item in plain text.
_ITEM = regex(r"(?i)(?:[^\w\s]{1,3}|\(?(?:\d{1,9}|[a-z]|[ivxlc]{1,6})[.)])(?:\s|$)")
# Before the words of a line: blanks, and signs of quotes.
_BEFORE = " \t\u3000\xa0>"


def mark_private(
    blocks: Sequence[Block],
    body: str,
    nested: Iterable[int] = (),
) -> bool:
    """Set `Block.private` of the blocks that are under the tag.

    Args:
        blocks: the blocks of the note.
        body: the source that they were read from, with the same lines.
        nested: the numbers of further lines that are under the tag.

    Returns:
        Whether the whole note is private, because the tag is in no block.
    """
    lines = body.split("\n")
    tagged_lines = [number for number, line in enumerate(lines) if has_tag(line)]
    if not tagged_lines:
        return False
    blocks_at_line = defaultdict[int, list[Block]](list)
    for block in blocks:
        for number in range(*_own_lines(block)):
            blocks_at_line[number].append(block)

    tagged = set[Block]()
    for number in lines_below_tagged(body).union(nested):
        tagged.update(blocks_at_line[number])
    is_whole_note = False
    for number in tagged_lines:
        tagged_here = []
        for block in blocks_at_line[number]:
            # one that says no more than the tag is about the note
            if not is_tag(block.plain):
                tagged_here.append(block)
        if not tagged_here and _COMMENT.match(lines[number]):
            # a comment belongs to the block right above it
            tagged_here = blocks_at_line[number - 1]
        tagged.update(tagged_here)
        is_whole_note |= not tagged_here
    is_below = _below(tagged)
    for block in blocks:
        block.private = block.private or block in tagged or is_below(block)
    # the footnotes of what is private
    notes = set[str]()
    for block in tagged:
        notes.update(_FOOTNOTE.findall("\n".join(lines[slice(*_own_lines(block))])))
    if notes:
        for number, line in enumerate(lines):
            definition = _FOOTNOTE_TEXT.match(line)
            if definition and definition[1] in notes:
                for block in blocks_at_line[number]:
                    block.private = True
    return is_whole_note


def _below(tagged: Iterable[Block]) -> Callable[[Block], bool]:
    """Return a function: is a block below one of these headings, titles, heads or items?

    A heading or a title may be there as several objects with the same lines.
    """
    head_lines = {block.lines for block in tagged if block.part is not BlockKind.TEXT}
    items = {block.items[-1] for block in tagged if block.part is BlockKind.ITEM}

    def is_below(block: Block) -> bool:
        titles = [quote.title for quote in block.callouts]
        heads = filter(None, (*block.headings, *titles, *block.heads))
        if any(head.lines in head_lines for head in heads):
            return True
        return not items.isdisjoint(block.items)

    return is_below


def lines_below_tagged(text: str) -> frozenset[int]:
    """Return the numbers of the lines that are indented more than a line, or item, with the tag.

    In plain text indentation has no other meaning, and Markdown does not know `a)` as a list.
    """
    below = set[int]()
    item_indent: int | None = None  # of the item that is read
    tagged_indent: int | None = None  # of what has the tag
    quotes = 0  # around what has the tag
    for number, line in enumerate(text.split("\n")):
        words = line.lstrip(_BEFORE)
        before = line[: len(line) - len(words)]
        if not words:
            item_indent = None
            continue
        indent = len(before.expandtabs(4))
        if tagged_indent is not None and (
            indent <= tagged_indent or before.count(">") != quotes
        ):
            tagged_indent = None
        if tagged_indent is not None:
            below.add(number)
        if _ITEM.match(words):
            item_indent = indent
        if tagged_indent is None and has_tag(line):
            tagged_indent = indent if item_indent is None else item_indent
            quotes = before.count(">")
    return frozenset(below)


def _own_lines(block: Block) -> Span:
    """Return the lines of a block; of a callout's title, only its first."""
    first, last = block.lines
    return (first, first + 1) if block.part is BlockKind.TITLE else (first, last)


# --- the parts of a document -------------------------------------------------------------

# An id of a part that may be part of a key.
_ID = regex(r"[\x21-\x7e]{1,64}")
# The lines of a heading that is above another part, and not in that part.
_ELSEWHERE = (-1, -1)
# The end of a text that `draft export` wrote, and of a prompt: their examples are no
# cards.
_CHAT = ("with the JSON only, in one code block.\n", "{{ highlights }}\n")


def read_note(
    source: NoteSource, note: MarkdownNote, picture: PictureAt
) -> Iterator[Sighting]:
    """Yield a document, unless there is nothing to read in it, and problems.

    Args:
        source: the source that it is part of.
        note: the document.
        picture: returns the path of a picture by its name in the text.
    """
    text = note.text
    path = note.document.path
    if text.endswith(_CHAT):
        reason = "it is a prompt for a chat, whose examples are not cards"
        prompt = LeftOut("prompt", "", reason)
        yield Unmarked(source.folder.container, path, "", left_out=(prompt,))
        return
    may_be_private = bool(names_tag(text) or why_document(note.document))
    has_reason = source.may_hold(note) or may_be_private
    if not (has_reason or note.dialects or may_be_overlooked(text)):
        return

    reading = _NoteReading(source, note, picture, may_be_private=may_be_private)
    for number, part in enumerate(note.parts):
        front = front_matter(part.text) if note.is_whole else FrontMatter()
        dialect = None
        if note.dialects:
            dialect = note.dialects.syntax(part.text, front.tags, path)
        if has_reason or dialect:
            reading.add(number, part, front, dialect)
        else:
            wanted = source.wanted(note.marks)
            reading.left_out += overlooked(part.text, front.lines, wanted)
    yield from reading.sightings()


def whole_text(source: NoteSource, note: MarkdownNote, picture: PictureAt) -> WholeText:
    """Return the plain text of a document, each part a page of its own.

    Args:
        source: the source that it is part of.
        note: the document.
        picture: as for `read_note`.
    """
    may_be_private = bool(names_tag(note.text) or why_document(note.document))
    reading = _NoteReading(source, note, picture, may_be_private=may_be_private)
    for number, part in enumerate(note.parts):
        front = front_matter(part.text) if note.is_whole else FrontMatter()
        dialect = None
        if note.dialects:
            dialect = note.dialects.syntax(part.text, front.tags, note.document.path)
        reading.add(number, part, front, dialect)
    return reading.whole_text()


class _NoteReading:
    """A document, as far as its parts were read."""

    def __init__(
        self,
        source: NoteSource,
        note: MarkdownNote,
        picture: PictureAt,
        *,
        may_be_private: bool,
    ) -> None:
        self._source = source
        self._note = note
        self._picture = picture
        self._may_be_private = may_be_private
        self._document = note.document
        self._above: Headings = ()
        """The headings above the next part."""
        self._ids = Counter([part.id for part in note.parts])
        self._highlights: list[Highlight] = []
        self._blocks: list[Block] = []
        self._cuts: list[Blocks] = []
        """The blocks of each part."""
        self._skip = ""
        """Why its front matter wants no cards."""
        self._problem = ""
        """Of its front matter."""
        self._is_exported = False
        """Whether another program seems to have written highlights into it."""
        self.left_out: list[LeftOut] = []

    def add(
        self,
        number: int,
        part: NotePart,
        front: FrontMatter,
        dialect: Syntax | None,
    ) -> None:
        """Cut a part into blocks, and read its highlights."""
        is_declared = dialect is not None and dialect.declared
        marks = self._note.marks
        if is_declared and self._source.settings.marks is None:
            # a tool defines what `==x==` means, and the settings name no marks
            marks -= {"=="}
        wanted = self._source.wanted(marks)._replace(fields=not is_declared)

        # empty lines for the front matter, so that line numbers stay
        lines = part.text.split("\n")
        body = "\n" * front.lines + "\n".join(lines[front.lines :])
        # AnkiOps writes `Q: … A: …`, too, and keeps its cards in step with Anki itself
        letters = "block" in wanted.cards and not ANKIOPS.sign.search(part.text)
        cut = self._cut(body, (dialect or Syntax())._replace(letters=letters), dialect)
        why_private = self._why_private(part, front, body, cut)
        citations: Citations = {}
        for block in cut.blocks if may_quote(body) else ():
            in_block = citations_in(block)
            if in_block:
                citations[block] = in_block
        self._document = self._described(front, dialect, cut, citations, why_private)

        reader = NoteReader(
            self._document, self._source.folder.namespace, cut, wanted, citations, body
        )
        highlights = list(reader.highlights(body, front))
        left_out = list(reader.left_out(part.text, front.lines))
        if not self._note.is_whole:
            highlights = self._of_part(number, part, highlights, cut.tags)
            place = f"part {number + 1}"
            left_out = [replace(one, place=f"{place}, {one.place}") for one in left_out]
        self._highlights += highlights
        self.left_out += left_out
        self._blocks += cut.blocks
        self._cuts.append(cut)
        self._skip = self._skip or front.skip
        self._problem = front.problem
        self._is_exported |= exported_notes.is_of_book(body)

    def _cut(self, body: str, syntax: Syntax, dialect: Syntax | None) -> Blocks:
        """Cut a part into blocks, with the cards that plug-ins read, in comments, too."""
        written: Mapping[int, Written] = {}
        if dialect and self._note.written:
            written = self._note.written(body)

        def is_read(comment: str, place: int) -> bool:
            first = body.count("\n", 0, place)
            lines = range(first, first + comment.count("\n") + 1)
            return syntax.reads_comment(comment) or any(line in written for line in lines)

        return parse_blocks(
            prepared(
                body, fields=not syntax.declared, is_read=is_read if dialect else None
            ),
            InlineContext(picture=self._picture),
            syntax,
            written=written,
            above=self._above,
        )

    def _why_private(
        self, part: NotePart, front: FrontMatter, body: str, cut: Blocks
    ) -> str:
        """Return why all of a part is private, "" if it is not; mark its blocks that are."""
        why = UNREADABLE if front.problem else ""  # it may hide the tag
        if tags_name_it(part.text):
            why = IN_ITS_NOTE
        if self._may_be_private:
            if mark_private(cut.blocks, body, self._note.private_lines):
                why = why or IN_ITS_NOTE
        if part.private or (self._note.apart and why):
            for block in cut.blocks:
                block.private = True
        return why

    def _described(
        self,
        front: FrontMatter,
        dialect: Syntax | None,
        cut: Blocks,
        citations: Citations,
        why_private: str,
    ) -> Document:
        """Return the document, with the data of front matter, tags and links of a part."""
        document = self._document
        identifiers = (*document.identifiers, *front.identifiers, *papers(citations))
        document = replace(document, identifiers=tuple(dict.fromkeys(identifiers)))
        if self._note.apart:
            return document
        elsewhere = []
        for level, heading in cut.headings:
            elsewhere.append((level, dataclasses.replace(heading, lines=_ELSEWHERE)))
        self._above = tuple(elsewhere)
        tags = (*document.tags, *front.tags, *cut.tags)
        if dialect:
            tags = tuple(tag for tag in tags if not dialect.is_deck(tag))
        return replace(
            document,
            title=front.title or document.title,
            creators=document.creators or front.authors,
            issued=document.issued or front.published,
            tags=tuple(dict.fromkeys(tags)),
            deck=front.deck or document.deck,
            private=document.private or why_private,
        )

    def _of_part(
        self,
        number: int,
        part: NotePart,
        highlights: Sequence[Highlight],
        tags: Strings,
    ) -> list[Highlight]:
        """Return the highlights of a part as those of the document.

        The id of a part that holds one highlight is that of the highlight.
        """
        own_id = ""
        if len(highlights) == 1 and self._ids[part.id] == 1 and _ID.fullmatch(part.id):
            own_id = hints.block_id(percent(part.id))
        placed = []
        for highlight in highlights:
            all_tags = highlight.tags
            if self._note.apart:
                all_tags = tuple(dict.fromkeys((*all_tags, *tags)))
            in_document = replace(
                highlight,
                own=own_id or highlight.own,
                block=f"{number}.{highlight.block}",
                uri=self._document.uri,
                tags=all_tags,
            )
            placed.append(in_document)
        return placed

    def sightings(self) -> Iterator[Sighting]:
        """Yield the document; without highlights only if something in it is of interest."""
        document = self._document
        if any(highlight.declared for highlight in self._highlights):
            deck = document.deck or self._note.deck_of_cards
            document = replace(document, deck=deck)
        is_private = bool(why_document(document))
        private, names = self._private_texts(document, is_private)
        yield from self._problems(is_private or bool(private or names))
        container = self._source.folder.container
        late_text = None
        if self._cuts:
            late_text = LateText(partial(self._public_text, is_private))
        left_out = tuple(self.left_out)
        if self._highlights:
            highlights = [replace(each, document=document) for each in self._highlights]
            yield Extracted(
                document,
                tuple(numbered(highlights)),
                container,
                sketch=sketch(self._note.text, document.path),
                private=private,
                private_names=names,
                public_text=late_text,
                left_out=left_out,
            )
        elif private or names or left_out:
            yield Unmarked(
                container,
                document.path,
                "",
                private=private,
                private_names=names,
                public_text=late_text,
                left_out=left_out,
            )

    def whole_text(self) -> WholeText:
        """Return the plain text of the document, with its blocks as paragraphs."""
        document = self._document
        paragraphs = []
        for page, cut in enumerate(self._cuts):
            start = 0
            for block in cut.blocks:
                start += len(cut.gap_above(block))
                end = start + len(block.plain)
                level = 0
                titles = [head.plain for head in (*block.headings, *block.heads)]
                if block.part is BlockKind.HEADING:
                    level = len(block.headings) + 1
                    titles.append(block.plain)
                number = block.id or str(block.number)
                uri = document.uri
                if self._note.is_whole and uri:
                    uri += quote(block.anchor, safe="")
                if block.plain.strip():
                    paragraph = Paragraph(
                        page,
                        start,
                        end,
                        " › ".join(titles),
                        level,
                        private=block.private,
                        tags=tuple(dict.fromkeys((*block.tags, *block.tags_above))),
                        block=number if self._note.is_whole else f"{page}.{number}",
                        uri=uri,
                    )
                    paragraphs.append(paragraph)
                start = end
        return WholeText(
            document,
            tuple(cut.plain_text() for cut in self._cuts),
            tuple(paragraphs),
            namespace=self._source.folder.namespace,
            sketch=sketch(self._note.text, document.path),
            skip=self._skip,
        )

    def _problems(self, holds_private: bool) -> Iterator[Problem]:
        """Yield why a person may miss something of the document."""
        path = self._document.path
        if self._highlights and self._problem:
            hint = (
                "until you correct it, the note's title, tags and deck are unknown,"
                " and nothing of it is sent to a model"
            )
            yield Problem(path, self._problem, hint, notice=True)
        if self._is_exported and not (self._highlights or holds_private):
            message = "it looks like highlights that another program wrote, and none can be read"
            hint = "mark the passages, or export them again"
            yield Problem(path, message, hint, notice=True)

    def _private_texts(
        self, document: Document, is_private: bool
    ) -> tuple[Strings, Strings]:
        """Return the texts that must stay on this machine, and the names that are private here.

        Of a private note, its title and its front matter are, too. Comments are in no block:
        they are private as soon as anything is.
        """
        texts = list[str]()
        perhaps_names = list[str]()
        if is_private:
            perhaps_names = [document.title, *texts_in_front_matter(self._note.text)]
        for block in self._blocks:
            if is_private or block.private:
                of_kind = perhaps_names if block.part in _NAMING else texts
                of_kind.append(block.plain)
        texts += [text for text in perhaps_names if not is_name(text)]
        if texts or perhaps_names:
            texts += texts_in_comments(self._note.text)
        return tuple(texts), tuple(filter(is_name, perhaps_names))

    def _public_text(self, is_private: bool) -> str:
        """Return the words of the document that may leave this machine."""
        if is_private:
            return ""
        public = [block.plain for block in self._blocks if not block.private]
        is_all_public = len(public) == len(self._blocks)
        public += texts_in_front_matter(self._note.text)
        if is_all_public:
            public += texts_in_comments(self._note.text)
        return "\n".join(public)


def plain_text(markdown: str) -> str:
    """Return the plain text of a note, from which prefix, suffix and anchors are made."""
    return parse_blocks(prepared(markdown), InlineContext(), Syntax()).plain_text()


def public_text(texts: Strings) -> str:
    """Return the plain text of a document in which nothing is marked or private."""
    public = []
    for text in texts:
        public.append(plain_text(text))
        public += texts_in_front_matter(text)
        public += texts_in_comments(text)
    return "\n".join(public)
