"""Markdown and plain text outside Obsidian: folders of `.md`, `.markdown` and `.txt` files.

    sources:
      - markdown: {name: journal, path: ~/Documents/Journal}

The marks and hand-written cards are those of an Obsidian vault, and this package reads both:
`source` parses the front matter and hides comments and maths, `blocks` cuts a note into blocks,
`inline` parses the text of a block, `cards` recognises hand-written cards, `quotes` finds passages
pasted from papers, `note` builds the highlights.

The front matter may be Joplin's. Plain text is read as Markdown in which indentation has no meaning
and text behind `> ` is a passage the reader kept. The plain text of a file, from which keys are
made, is computed as for a vault note (docs/keys.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

from msgspec.structs import replace

from ankiforge.errors import ItemError
from ankiforge.extract import SourceSettings
from ankiforge.extract.discover import kind_of
from ankiforge.extract.folder import File, FileSource, selected_forms
from ankiforge.extract.markdown import exported_notes
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    LateText,
    Problem,
    Sighting,
    Strings,
    Unmarked,
    h16,
)
from ankiforge.text import regex
from ankiforge.text.private import IN_ITS_NOTE, names_tag, why_document

if TYPE_CHECKING:
    from ankiforge.extract.markdown.block_cards import Written
    from ankiforge.extract.markdown.blocks import Block
    from ankiforge.extract.markdown.obsidian import Dialects

Mark = Literal["==", "mark", "bold", "callout", "quote"]
HandWritten = Literal["inline", "block", "cloze", "glossary"]
"""`front::back`; front, `?`, back; `{{answer}}`; `Term: definition` in lists."""
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)


class Settings(SourceSettings, kw_only=True):
    """The keys of a `markdown:` source."""

    include: Strings = ("**/*.md", "**/*.markdown", "**/*.txt")
    exclude: Strings = ()
    marks: tuple[Mark, ...] = ("==", "mark")
    """`quote`: text behind `> ` is a passage in Markdown, too; in plain text it always is."""
    cards: tuple[HandWritten, ...] = CARDS
    glossary_headings: Strings = ()


class Note(NamedTuple):
    """A text in Markdown, or converted to it."""

    text: str
    document: Document
    """What is known of it besides its front matter and the `#tags` in it."""
    marks: frozenset[str]
    """The kinds of marks to read."""
    dialects: Dialects | None = None
    written: Callable[[str], Mapping[int, Written]] | None = None
    """Return the cards that expressions of a plugin find in a text, by the line at which they begin."""
    deck_of_cards: str = ""
    """The deck of the document if it has cards of a plugin, and says no other."""


# Signs of each kind of mark and card; a note without any of them has none.
_SIGNS = {
    "==": ("==",), "mark": ("<mark", "<span", "~={"), "bold": ("**", "__"), "callout": ("[!",),
    "quote": (">",), "inline": ("::",), "cloze": ("{{",),
}  # fmt: skip
_SEPARATOR = regex(r"\n[ \t>]*\?\??[ \t]*\n")
GLOSSARIES = ("glossary", "definitions", "key terms")
"""Headings above a list of terms; the settings may add others."""
# The end of a text that `draft export` wrote, and of a prompt: their examples are no cards of the note.
_CHAT = ("with the JSON only, in one code block.\n", "{{ highlights }}\n")


def plain_text(markdown: str) -> str:
    """Return the plain text of a note, from which prefix, suffix and anchors are made."""
    from ankiforge.extract.markdown.blocks import parse_blocks
    from ankiforge.extract.markdown.cards import Syntax
    from ankiforge.extract.markdown.source import prepared
    from ankiforge.extract.markdown.tokens import Context

    return parse_blocks(prepared(markdown), Context(), Syntax()).plain_text()


class NoteSource(FileSource):
    """A source of Markdown notes, or of texts that are converted to Markdown."""

    own_cards: ClassVar[Strings]
    """The forms of cards that are read by default."""

    def read_note(self, note: Note, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a note, unless it has no highlights, and problems."""
        cards = selected_forms(self.settings.cards, self.own_cards)
        glossaries = frozenset((*GLOSSARIES, *map(str.casefold, self.settings.glossary_headings)))
        may_hold = self._may_hold(note, cards, glossaries)
        may_be_private = names_tag(note.text) or bool(note.document.private)
        if note.text.endswith(_CHAT):
            return
        if not (note.dialects or may_hold or may_be_private):
            return
        from ankiforge.extract.markdown.blocks import parse_blocks
        from ankiforge.extract.markdown.cards import Syntax
        from ankiforge.extract.markdown.citations import citations_in, papers
        from ankiforge.extract.markdown.front_matter import front_matter
        from ankiforge.extract.markdown.note import Reader, Wanted
        from ankiforge.extract.markdown.private import mark_private, why_whole
        from ankiforge.extract.markdown.source import QUOTES, prepared
        from ankiforge.extract.markdown.tokens import Context
        from ankiforge.text.sketches import sketch

        front, given, marks = front_matter(note.text), note.document, note.marks
        dialect = None
        if note.dialects:
            dialect = note.dialects.syntax(note.text, front.tags, given.path)
        if not (dialect or may_hold or may_be_private):
            return
        # the front matter is blanked, so that line numbers stay
        body = "\n" * front.lines + "\n".join(note.text.split("\n")[front.lines :])
        source = prepared(body, fields=not (dialect and dialect.declared))
        written = note.written(body) if dialect and note.written else {}
        blocks = parse_blocks(
            source, Context(picture=picture), dialect or Syntax(), written=written
        )
        why_private = why_whole(note.text, front.problem)
        if may_be_private and mark_private(blocks.blocks, body):
            why_private = why_private or IN_ITS_NOTE
        quoting = enumerate(blocks.blocks if QUOTES.search(body) else ())
        cites = {at: cited for at, block in quoting if (cited := citations_in(block))}
        names = (*given.identifiers, *front.identifiers, *papers(cites))
        # as Obsidian's Web Clipper writes it
        on_web = any(scheme == "url" for scheme, _ in front.identifiers)
        clipped = on_web and bool(front.published or {"clipping", "clippings"} & {*front.tags})
        document = replace(
            given,
            title=front.title or given.title,
            creators=given.creators or ((front.author,) if front.author else ()),
            identifiers=tuple(dict.fromkeys(names)),
            issued=given.issued or front.published,
            tags=tuple(dict.fromkeys((*given.tags, *front.tags, *blocks.tags))),
            deck=front.deck or given.deck,
            clipped=clipped,
            private=given.private or why_private,
        )
        if dialect and dialect.declared and self.settings.marks is None:
            marks -= {"=="}  # a tool defines what `==x==` means, and the settings name no marks
        wanted = Wanted(marks, cards, glossaries)
        reader = Reader(document, self.folder.namespace, blocks, wanted, cites)
        found = reader.highlights(body, front)
        if note.deck_of_cards and not document.deck and any(one.declared for one in found):
            document = replace(document, deck=note.deck_of_cards)
            found = tuple(replace(one, document=document) for one in found)
        if found and front.problem:
            hint = (
                "until you correct it, the note's title, tags and deck are not known,"
                " and no model gets anything of it"
            )
            yield Problem(document.path, front.problem, hint, notice=True)
        private = _private_passages(document, blocks.blocks)
        public_text = LateText(partial(_public_text, document, blocks.blocks))
        if found:
            yield Extracted(
                document,
                found,
                self.folder.container,
                sketch=sketch(note.text, document.path),
                private=private,
                public_text=public_text,
            )
        elif private:
            container = self.folder.container
            yield Unmarked(container, document.path, "", private=private, public_text=public_text)
        elif exported_notes.WHOLE.search(body):
            what = "it looks like highlights that another program wrote, and none can be read"
            hint = "mark the passages, or export them again"
            yield Problem(document.path, what, hint, notice=True)

    def public_text(self, file: File) -> str:
        """Return the plain text of a note in which nothing is marked or private."""
        try:
            return plain_text(self.markdown(file.text()))
        except ItemError:  # it went away: what was private in it stays so
            return ""

    def markdown(self, text: str) -> str:
        """Return the text of a file as Markdown."""
        return text

    def _may_hold(self, note: Note, cards: frozenset[str], glossaries: frozenset[str]) -> bool:
        """Return whether a note may contain something to read; most notes of a vault do not."""
        from ankiforge.extract.markdown.source import QUOTES

        text, low = note.text, f"\n{note.text.casefold()}\n"
        kinds = _SIGNS.keys() & (note.marks | cards)
        return bool(
            any(sign in low for kind in kinds for sign in _SIGNS[kind])
            or ("block" in cards and "?" in text and _SEPARATOR.search(low))
            or ("glossary" in cards and any(one in low for one in glossaries))
            or exported_notes.SIGN.search(text)
            or QUOTES.search(text)
        )


class Texts(NoteSource):
    """The Markdown and plain text files of one folder."""

    kind = "markdown"
    own_cards: ClassVar[Strings] = CARDS

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no highlights, and problems."""
        if file.path.endswith(".txt") and kind_of(file.at) == "kindle":
            return
        path = PurePosixPath(file.path)
        marks = frozenset[str](self.settings.marks)
        if path.suffix.casefold() not in (".md", ".markdown"):
            text, marks = _without_indents(text), marks | {"quote"}
        key = DocumentKey(f"{self.folder.namespace}/{h16(file.path)}")
        document = Document(key, self.folder.name, title=path.stem, path=file.path)
        yield from self.read_note(Note(text, document, marks), picture)


open_source = Texts.open

# What stands before a line, and a whole fence.
_INDENT = regex(r"(?ms)^[ \t\u3000]*(?P<fence>(?P<sign>`{3,}|~{3,}).*?(?:^[ \t]*(?P=sign)|\Z))?")


def _private_passages(document: Document, blocks: Iterable[Block]) -> Strings:
    """Return the texts of a note that must stay on this machine; of a whole note, its title too."""
    if why_document(document):
        return (document.title, *[block.plain for block in blocks])
    return tuple([block.plain for block in blocks if block.private])


def _public_text(document: Document, blocks: Iterable[Block]) -> str:
    """Return the text of a note without what must stay on this machine."""
    if why_document(document):
        return ""
    return "\n".join([block.plain for block in blocks if not block.private])


def _without_indents(text: str) -> str:
    """Return plain text without indentation, which Markdown reads as code; fences keep theirs."""
    return _INDENT.sub(lambda found: found["fence"] or "", text)
