"""Markdown and plain text outside Obsidian: folders of `.md`, `.markdown` and `.txt` files.

    sources:
      - markdown: {name: journal, path: ~/Documents/Journal}

The marks and hand-written cards are those of an Obsidian vault, and this package reads
both: `source` parses the front matter and hides comments and maths, `blocks` cuts a note
into blocks, `inline` parses the text of a block, `cards` recognises hand-written cards,
`quotes` finds passages pasted from papers, `note` builds the highlights.

The front matter may be Joplin's. Plain text is read as Markdown in which indentation has
no meaning and text after `> ` is a passage the reader kept. The plain text of a file,
from which keys are made, is computed as for a vault note (docs/reference/keys.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence, Recognition, SourceSettings
from ankiforge.extract.discover import kind_of
from ankiforge.extract.folder import File, FileSource, selected_forms
from ankiforge.extract.left_out import PICTURES, SOUNDS
from ankiforge.extract.markdown import exported_notes
from ankiforge.extract.markdown.doubts import doubt_in, texts_in_front_matter
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    LateText,
    LeftOut,
    Problem,
    Sighting,
    Strings,
    Unmarked,
    h16,
)
from ankiforge.text import regex
from ankiforge.text.private import (
    IN_ITS_NOTE,
    names_tag,
    spelling_like_tag,
    why_document,
)

if TYPE_CHECKING:  # the reader of Markdown is loaded when a note is read
    from ankiforge.extract.markdown.block_cards import Written
    from ankiforge.extract.markdown.blocks import Block, Blocks, Headings
    from ankiforge.extract.markdown.cards import Syntax
    from ankiforge.extract.markdown.citations import Citations
    from ankiforge.extract.markdown.dialects import Dialects
    from ankiforge.extract.markdown.front_matter import FrontMatter
    from ankiforge.extract.markdown.note import Reader
    from ankiforge.extract.markdown.overlooked import Wanted

Mark = Literal["==", "mark", "bold", "callout", "quote"]
HandWritten = Literal["inline", "block", "cloze", "glossary"]
"""`front::back`; front, `?`, back; `{{answer}}`; `Term: definition` in lists."""
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)


class MarkdownSettings(SourceSettings, kw_only=True):
    """The keys of a `markdown:` source."""

    include: Strings = ("**/*.md", "**/*.markdown", "**/*.txt")
    exclude: Strings = ()
    marks: tuple[Mark, ...] = ("==", "mark")
    """`quote`: text after `> ` is a passage in Markdown, too; in plain text it always is."""
    cards: tuple[HandWritten, ...] = CARDS
    glossary_headings: Strings = ()


class Note(NamedTuple):
    """A text in Markdown, or converted to it."""

    text: str
    document: Document
    """What is known about it besides its front matter and the `#tags` in it."""
    marks: frozenset[str]
    """The kinds of marks to read."""
    dialects: Dialects | None = None
    written: Callable[[str], Mapping[int, Written]] | None = None
    """Return the cards that expressions of a plugin find in a text, by the line of their start."""
    deck_of_cards: str = ""
    """The deck of the document if it has cards of a plugin, and says no other."""
    above: Headings | None = None
    """Of a part of a document, which has no front matter, the headings above it; else None."""
    private_lines: frozenset[int] = frozenset()
    """The numbers of the lines that are private by their indentation, which `text` has lost."""
    doubt: str = ""
    """What in the file looks like the tag, if that is not in `text`."""


class Parsed(NamedTuple):
    """A note that was cut into blocks."""

    front: FrontMatter
    body: str
    """The text with an empty line for each line of the front matter, so that numbers stay."""
    blocks: Blocks
    dialect: Syntax | None
    """How a plugin writes cards in this note; None if no plugin reads it."""
    citations: Citations
    """The papers that are cited, by the index of the block."""
    reads_fields: bool
    """Whether `key:: value` on a line is a field and no card."""
    why_private: str
    """Why all of it must stay on this machine, "" if that is not so."""


# Signs of each kind of mark and card; a note without any of them has none.
_SIGNS = {
    "==": ("==",),
    "mark": ("<mark", "<span", "~={"),
    "bold": ("**", "__"),
    "callout": ("[!",),
    "quote": (">",),
    "inline": ("::",),
    "cloze": ("{{",),
}
_SEPARATOR = regex(r"\n[ \t>]*\?\??[ \t]*\n")
GLOSSARIES = ("glossary", "definitions", "key terms")
"""Headings above a list of terms; the settings may add others."""
# The end of a text that `draft export` wrote, and of a prompt: their examples are no
# cards.
_CHAT = ("with the JSON only, in one code block.\n", "{{ highlights }}\n")
# Tags of notes that Obsidian's Web Clipper writes.
_CLIPPED = {"clipping", "clippings"}


def plain_text(markdown: str) -> str:
    """Return the plain text of a note, from which prefix, suffix and anchors are made."""
    from ankiforge.extract.markdown.blocks import parse_blocks
    from ankiforge.extract.markdown.cards import Syntax
    from ankiforge.extract.markdown.source import prepared
    from ankiforge.extract.markdown.tokens import Context

    return parse_blocks(prepared(markdown), Context(), Syntax()).plain_text()


# When bold phrases are counted, and reported: of so many notes, from so many phrases, and if there
# are so many times more of them than marks.
_MOST_COUNTED = 2_000
_MANY_BOLD = 20
_TIMES_MARKED = 2
_BOLD = regex(r"(?<![*\\])\*\*(?=[^\s*])[^*\n]{2,80}(?<=\S)\*\*(?!\*)")


class NoteSource(FileSource):
    """A source of Markdown notes, or of texts that are converted to Markdown."""

    uses = tuple(sorted(PICTURES | SOUNDS))  # notes show and play them
    own_cards: ClassVar[Strings]
    """The forms of cards that are read by default."""

    def read_note(self, note: Note, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a note, unless it has no highlights, and problems."""
        if note.text.endswith(_CHAT):
            reason = "it is a prompt for a chat, whose examples are no cards"
            yield from self._unread(note, (LeftOut("prompt", "", reason),))
            return
        may_hold = self.may_hold(note)
        doubt = note.doubt or doubt_in(note.text) or spelling_like_tag(note.document.path)
        may_be_private = bool(
            names_tag(note.text) or why_document(note.document) or doubt
        )
        parsed = None
        if note.dialects or may_hold or may_be_private:
            parsed = parsed_note(
                note,
                picture,
                may_hold=may_hold,
                may_be_private=may_be_private,
            )
        if parsed is None:
            yield from self._unread(note, self._overlooked_in(note))
            return
        document = document_of(note, parsed)
        reader = self.reader_of(parsed, document, note.marks)
        highlights = reader.highlights(parsed.body, parsed.front)
        if (
            note.deck_of_cards
            and not document.deck
            and any(highlight.declared for highlight in highlights)
        ):
            document = replace(document, deck=note.deck_of_cards)
            highlights = tuple(
                replace(highlight, document=document) for highlight in highlights
            )
        if highlights and parsed.front.problem:
            hint = (
                "until you correct it, the note's title, tags and deck are unknown,"
                " and nothing of it is sent to a model"
            )
            yield Problem(document.path, parsed.front.problem, hint, notice=True)
        blocks = parsed.blocks.blocks
        is_private = why_document(document) or any(block.private for block in blocks)
        if not (highlights or is_private) and exported_notes.WHOLE.search(parsed.body):
            message = "it looks like highlights that another program wrote, and none can be read"
            hint = "mark the passages, or export them again"
            yield Problem(document.path, message, hint, notice=True)
        left_out = reader.left_out(note.text, parsed.front.lines)
        yield from self.sightings(
            document, highlights, blocks, note.text, left_out, doubt
        )

    def _unread(self, note: Note, left_out: tuple[LeftOut, ...]) -> Iterator[Sighting]:
        """Yield what is left out of a note in which nothing is read, if there is anything."""
        if left_out:
            container = self.folder.container
            yield Unmarked(container, note.document.path, "", left_out=left_out)

    def _overlooked_in(self, note: Note) -> tuple[LeftOut, ...]:
        """Return what looks like a mark or a card in a note that was not cut into blocks."""
        from ankiforge.extract.markdown.front_matter import front_matter
        from ankiforge.extract.markdown.overlooked import may_be_overlooked, overlooked

        if not may_be_overlooked(note.text):
            return ()
        lines = front_matter(note.text).lines
        return overlooked(note.text, lines, self._wanted(note.marks))

    def _wanted(self, marks: frozenset[str]) -> Wanted:
        """Return which marks and hand-written cards are read."""
        from ankiforge.extract.markdown.overlooked import Wanted

        return Wanted(marks, self._cards(), self._glossaries())

    def reader_of(
        self,
        parsed: Parsed,
        document: Document,
        marks: frozenset[str],
    ) -> Reader:
        """Return what reads the highlights of a note that was cut into blocks.

        Args:
            parsed: the note.
            document: what it is.
            marks: the kinds of marks to read.
        """
        from ankiforge.extract.markdown.note import Reader

        if parsed.dialect and parsed.dialect.declared and self.settings.marks is None:
            # a tool defines what `==x==` means, and the settings name no marks
            marks -= {"=="}
        return Reader(
            document,
            self.folder.namespace,
            parsed.blocks,
            self._wanted(marks)._replace(fields=parsed.reads_fields),
            parsed.citations,
        )

    def sightings(
        self,
        document: Document,
        highlights: tuple[Highlight, ...],
        blocks: Sequence[Block],
        text: str,
        left_out: tuple[LeftOut, ...],
        doubt: str,
    ) -> Iterator[Sighting]:
        """Yield a document; one without highlights only if something in it is of interest.

        Args:
            document: what it is.
            highlights: all its highlights.
            blocks: its blocks.
            text: its text, by which it is recognised when it is renamed.
            left_out: what looks like something in it, and is in no highlight.
            doubt: what in it looks like the tag `#no-llm`, or "".
        """
        container = self.folder.container
        private = _private_passages(document, blocks, text)
        public_text = LateText(partial(_public_text, document, blocks, text))
        if highlights:
            from ankiforge.text.sketches import sketch

            yield Extracted(
                document,
                highlights,
                container,
                sketch=sketch(text, document.path),
                private=private,
                public_text=public_text,
                left_out=left_out,
                doubt=doubt,
            )
        elif private or left_out or doubt:
            yield Unmarked(
                container,
                document.path,
                "",
                private=private,
                public_text=public_text,
                left_out=left_out,
                doubt=doubt,
            )

    def first_notices(self, files: Sequence[File]) -> Iterator[Problem]:
        """Yield how many phrases are bold and no marks, if it seems that a person marks so."""
        if getattr(self.settings, "marks", ()) is not None or self.folder.only:
            return
        bold = 0
        marked = 0
        for file in files[:_MOST_COUNTED]:
            with suppress(ItemError):
                text = file.text()
                bold += len(_BOLD.findall(text))
                marked += text.count("==") // 2
        if bold >= _MANY_BOLD and bold > _TIMES_MARKED * marked:
            message = f"phrases in bold are not read as marks: {bold:,}"
            path = quote(str(self.folder.root))
            hint = f"to read them, too: ankiforge run {path} --marks bold"
            yield Problem(self.folder.root.name, message, hint, notice=True)

    def public_text(self, file: File) -> str:
        """Return the plain text of a note in which nothing is marked or private."""
        from ankiforge.extract.markdown.source import texts_in_comments

        try:
            text = self.markdown(file.text())
            hidden = (*texts_in_front_matter(text), *texts_in_comments(text))
            return "\n".join((plain_text(text), *hidden))
        except ItemError:  # it went away: what was private in it stays so
            return ""

    def markdown(self, text: str) -> str:
        """Return the text of a file as Markdown."""
        return text

    def _cards(self) -> frozenset[str]:
        """Return the forms of cards to read."""
        return selected_forms(self.settings.cards, self.own_cards)

    def _glossaries(self) -> frozenset[str]:
        """Return the headings, casefolded, above a list of terms."""
        return frozenset(
            (*GLOSSARIES, *map(str.casefold, self.settings.glossary_headings))
        )

    def may_hold(self, note: Note) -> bool:
        """Return whether a note may contain something to read; most notes of a vault do not."""
        from ankiforge.extract.markdown.source import QUOTES

        cards = self._cards()
        text = note.text
        folded = f"\n{text.casefold()}\n"
        for kind in _SIGNS.keys() & (note.marks | cards):
            if any(sign in folded for sign in _SIGNS[kind]):
                return True
        if "block" in cards and "?" in text and _SEPARATOR.search(folded):
            return True
        if "glossary" in cards:
            if any(heading in folded for heading in self._glossaries()):
                return True
        return bool(exported_notes.SIGN.search(text) or QUOTES.search(text))


def parsed_note(
    note: Note,
    picture: Callable[[str], str],
    *,
    may_hold: bool,
    may_be_private: bool,
) -> Parsed | None:
    """Cut a note into blocks.

    Args:
        note: the note.
        picture: returns the path of a picture by its name in the text.
        may_hold: whether something may be marked in it.
        may_be_private: whether something in it may have to stay on this machine.

    Returns:
        None if neither is so, and no plugin reads cards in it.
    """
    from ankiforge.extract.markdown.blocks import parse_blocks
    from ankiforge.extract.markdown.cards import Syntax
    from ankiforge.extract.markdown.citations import citations_in
    from ankiforge.extract.markdown.front_matter import FrontMatter, front_matter
    from ankiforge.extract.markdown.private import mark_private, why_whole
    from ankiforge.extract.markdown.source import QUOTES, prepared
    from ankiforge.extract.markdown.tokens import Context

    front = front_matter(note.text) if note.above is None else FrontMatter()
    dialect = None
    if note.dialects:
        dialect = note.dialects.syntax(note.text, front.tags, note.document.path)
    if not (dialect or may_hold or may_be_private):
        return None

    lines = note.text.split("\n")
    # empty lines for the front matter, so that line numbers stay
    body = "\n" * front.lines + "\n".join(lines[front.lines :])
    is_declared = dialect is not None and dialect.declared
    source = prepared(body, fields=not is_declared)
    written = note.written(body) if dialect and note.written else {}
    blocks = parse_blocks(
        source,
        Context(picture=picture),
        dialect or Syntax(),
        written=written,
        above=note.above or (),
    )

    why_private = why_whole(note.text, front.problem)
    if may_be_private and mark_private(blocks.blocks, body, note.private_lines):
        why_private = why_private or IN_ITS_NOTE
    cited_in: Citations = {}
    if QUOTES.search(body):
        for index, block in enumerate(blocks.blocks):
            cited = citations_in(block)
            if cited:
                cited_in[index] = cited
    return Parsed(front, body, blocks, dialect, cited_in, not is_declared, why_private)


def document_of(note: Note, parsed: Parsed) -> Document:
    """Return what is known about a note, with what its front matter and its tags say."""
    from ankiforge.extract.markdown.citations import papers

    given = note.document
    front = parsed.front
    creators = given.creators
    if not creators and front.author:
        creators = (front.author,)
    identifiers = (*given.identifiers, *front.identifiers, *papers(parsed.citations))
    tags = (*given.tags, *front.tags, *parsed.blocks.tags)
    if parsed.dialect is not None:
        tags = tuple(tag for tag in tags if not parsed.dialect.is_deck(tag))
    has_web_address = any(scheme == "url" for scheme, _ in front.identifiers)
    has_clipping_tag = not _CLIPPED.isdisjoint(front.tags)
    return replace(
        given,
        title=front.title or given.title,
        creators=creators,
        identifiers=tuple(dict.fromkeys(identifiers)),
        issued=given.issued or front.published,
        tags=tuple(dict.fromkeys(tags)),
        deck=front.deck or given.deck,
        clipped=has_web_address and (bool(front.published) or has_clipping_tag),
        private=given.private or parsed.why_private,
    )


def _private_passages(document: Document, blocks: Sequence[Block], text: str) -> Strings:
    """Return the texts of a note that must stay on this machine.

    Of a whole note, its title and its front matter are among them. Comments are in no block:
    they are private as soon as anything is.

    Args:
        document: the note.
        blocks: its blocks.
        text: the note as written.
    """
    from ankiforge.extract.markdown.source import texts_in_comments

    if why_document(document):
        plain = (block.plain for block in blocks)
        return (
            document.title,
            *plain,
            *texts_in_front_matter(text),
            *texts_in_comments(text),
        )
    private = [block.plain for block in blocks if block.private]
    return (*private, *texts_in_comments(text)) if private else ()


def _public_text(document: Document, blocks: Sequence[Block], text: str) -> str:
    """Return the text of a note without what must stay on this machine.

    The arguments are those of `_private_passages`.
    """
    from ankiforge.extract.markdown.source import texts_in_comments

    if why_document(document):
        return ""
    public = [block.plain for block in blocks if not block.private]
    public += texts_in_front_matter(text)
    if not any(block.private for block in blocks):
        public += texts_in_comments(text)
    return "\n".join(public)


# --- files of Markdown and plain text ---------------------------------------------------


class Texts(NoteSource):
    """The Markdown and plain text files of one folder."""

    kind = "markdown"
    Settings = MarkdownSettings
    endings = (
        ".markdown",
        ".txt",
    )  # a note that ends in .md is one of a vault, if nothing is known
    is_unambiguous = False
    noun = "a text file"
    own_cards: ClassVar[Strings] = CARDS

    @classmethod
    def recognise(cls, candidate: Candidate) -> Recognition:
        """Return that plain text may be read, and Markdown is."""
        if candidate.ending == ".txt":
            return Recognition(Confidence.POSSIBLE)
        return super().recognise(candidate)

    def document(
        self,
        file: File,
        text: str,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no highlights, and problems."""
        if file.path.endswith(".txt") and kind_of(file.at) != self.kind:
            return  # another source reads it: clippings, for example
        path = PurePosixPath(file.path)
        marks = frozenset[str](self.settings.marks)
        private_lines = frozenset[int]()
        if path.suffix.casefold() not in (".md", ".markdown"):
            if names_tag(text):
                from ankiforge.extract.markdown.private import lines_below_tagged

                private_lines = lines_below_tagged(text)
            text = _without_indents(text)
            marks |= {"quote"}
        folder = self.folder
        key = DocumentKey(f"{folder.namespace}/{h16(file.path)}")
        document = Document(key, folder.name, title=path.stem, path=file.path)
        note = Note(text, document, marks, private_lines=private_lines)
        yield from self.read_note(note, picture)


# What is before a line, and a whole fence.
_INDENT = regex(
    r"(?ms)^[ \t\u3000]*(?P<fence>(?P<sign>`{3,}|~{3,}).*?(?:^[ \t]*(?P=sign)|\Z))?"
)


def _without_indents(text: str) -> str:
    """Return plain text without indentation, which Markdown reads as code; fences keep theirs."""
    return _INDENT.sub(lambda match: match["fence"] or "", text)
