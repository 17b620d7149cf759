"""Markdown and plain text outside Obsidian: folders of `.md`, `.markdown` and `.txt` files.

    sources:
      - markdown: {name: journal, path: ~/Documents/Journal}

The marks and hand-written cards are those of an Obsidian vault, and this package reads both:
`source` parses the front matter and hides comments and maths, `blocks` cuts a note into blocks,
`tokens` and `inline` parse the text of a block, `cards` recognises hand-written cards, `citations` and
`quotes` find passages pasted from papers, `page` locates the cards of other tools, `note` builds the highlights.

The front matter may be Joplin's. Plain text is read as Markdown in which indentation has no meaning
and text behind `> ` is a passage the reader kept. The plain text of a file, from which keys are
made, is computed as for a vault note (docs/keys.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

from msgspec.structs import replace

from ankiforge.extract import SourceSettings
from ankiforge.extract.discover import kind_of
from ankiforge.extract.folder import File, TextSource, selected_forms
from ankiforge.model import Document, DocumentKey, Extracted, Problem, Sighting, h16

if TYPE_CHECKING:
    from ankiforge.extract.markdown.page import Dialect, Page

Mark = Literal["==", "mark", "bold", "callout", "quote"]
HandWritten = Literal["inline", "block", "cloze", "glossary"]
"""`front::back`; front, `?`, back; `{{answer}}`; `Term: definition` in lists."""
Term = Literal["term"]
"""`Term: text` list items outside a glossary. They are opt-in: most people write prose this way."""
CARDS: tuple[HandWritten, ...] = get_args(HandWritten)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a `markdown:` source."""

    include: tuple[str, ...] = ("**/*.md", "**/*.markdown", "**/*.txt")
    exclude: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ("==", "mark")
    """`quote`: text behind `> ` is a passage in Markdown, too; in plain text it always is."""
    cards: tuple[HandWritten | Term, ...] = CARDS
    glossary_headings: tuple[str, ...] = ()


class Note(NamedTuple):
    """A text in Markdown, or converted to it."""

    text: str
    document: Document
    """What is known of it besides its front matter and the `#tags` in it."""
    marks: frozenset[str]
    """The kinds of marks to read."""
    skip: str = ""
    """The reason why no cards are made of it, "" if they are."""
    created: str = ""
    modified: str = ""
    dialects: Sequence[Dialect] = ()


_SIGNS = {
    "==": "==", "mark": r"<mark|<span|~=\{", "bold": r"\*\*|__", "callout": r"\[!", "quote": r"^[ \t]*>",
    "inline": "::", "block": r"^[ \t>]*\?\??[ \t]*$", "cloze": r"\{\{",
    "term": r"^[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t].*[:：]",
}  # fmt: skip
"""Regular expressions for each kind of mark and card; a note without any match has none."""
GLOSSARIES = ("glossary", "definitions", "key terms")
"""Headings above a list of terms; the settings may add others."""
_KEPT = (
    r"^#+[ \t]+.*(?:highlight|annotation|clippings|markierungen|surlignements"
    r"|(?:page|loc|pos|seite|página|emplacement)\S*[ \t]+[\divxlc])"
)
"""A heading above passages that another program keeps in notes."""
_EXPORT = re.compile(r"^#+ Metadata[ \t]*$.*^#+ Highlights[ \t]*$.*^(?:[-*>] |\w)", re.M | re.S)
"""The headings of a note that a program wrote about a book, and a passage."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def plain_text(markdown: str) -> str:
    """Return the plain text of a note, from which prefix, suffix and anchors are made."""
    return _page(markdown).blocks.plain


def _page(markdown: str, picture: Callable[[str], str] = str, tags: tuple[str, ...] = ()) -> Page:
    from ankiforge.extract.markdown.blocks import cut
    from ankiforge.extract.markdown.page import Page
    from ankiforge.extract.markdown.source import prepared
    from ankiforge.extract.markdown.tokens import Context

    source = prepared(markdown)
    return Page(markdown, source, cut(source, Context(picture=picture)), tags)


class NoteSource(TextSource):
    """A source of Markdown notes, or of texts that are converted to Markdown."""

    def read_note(self, note: Note, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a note, unless it has no highlights, and problems."""
        from ankiforge.extract.markdown.citations import SIGNS

        cards = selected_forms(self.settings.cards, self.own_cards)
        signs = [_SIGNS[kind] for kind in sorted(_SIGNS.keys() & (note.marks | cards))]
        glossaries = {*GLOSSARIES, *map(str.casefold, self.settings.glossary_headings)}
        if "glossary" in cards:
            headings = "|".join(map(re.escape, sorted(glossaries)))
            signs.append(rf"^[ \t>]*(?:#+[ \t]+)?[*_]*(?:{headings})\b")
        signs += [_KEPT, *(dialect.signs for dialect in note.dialects)]
        has_signs = re.search("|".join(signs), note.text, re.MULTILINE | re.IGNORECASE)
        if not has_signs and not re.search("|".join(SIGNS), note.text):
            return
        from ankiforge.extract.markdown.citations import find_citations, papers
        from ankiforge.extract.markdown.note import Wanted, highlights
        from ankiforge.extract.markdown.source import front_matter
        from ankiforge.text.identifiers import sketch

        front, lines = front_matter(note.text), note.text.split("\n")
        # the front matter is blanked, so that line numbers stay
        body = "\n".join([*("" for _ in range(front.lines)), *lines[front.lines :]])
        page = _page(body, picture, front.tags)
        cites = find_citations(page.blocks.blocks)
        given, names = note.document, (*front.identifiers, *papers(cites))
        document = replace(
            given,
            title=front.title or given.title,
            creators=given.creators or ((front.author,) if front.author else ()),
            identifiers=tuple(dict.fromkeys((*given.identifiers, *names))),
            tags=tuple(dict.fromkeys((*given.tags, *front.tags, *page.blocks.tags))),
            deck=given.deck or front.deck,
        )
        marks = note.marks
        if self.settings.marks is None and any(one.defines_marks(page) for one in note.dialects):
            marks -= {"=="}  # a tool defines what `==x==` means, and the settings name no marks
        wanted = Wanted(marks, cards, frozenset(glossaries))
        space, skip = self.folder.namespace, note.skip or front.skip
        found = highlights(document, space, page, wanted, skip, note.dialects, cites)
        if not found:
            if _EXPORT.search(body):
                what = "it looks like the highlights of a book, and no passage in it has its place"
                yield Problem(
                    document.path, what, "mark the passages, or export them again", notice=True
                )
            return
        if front.problem:
            hint = "until you correct it, the note's title, tags and deck are not known"
            yield Problem(document.path, front.problem, hint)
        created, modified = note.created or front.created, note.modified or front.updated
        dated = (replace(one, created=created, modified=modified) for one in found)
        if not document.uri:  # addresses inside a vault cannot be opened here
            dated = (
                replace(one, uri="", links=tuple(filter(_ADDRESS.match, one.links)))
                for one in dated
            )
        yield Extracted(
            document, tuple(dated), self.folder.container, sketch=sketch(note.text, document.path)
        )


class Texts(NoteSource):
    """The Markdown and plain text files of one folder."""

    kind = "markdown"
    own_cards: ClassVar[tuple[str, ...]] = CARDS

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

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")


def _without_indents(text: str) -> str:
    """Return plain text without indentation, which Markdown reads as code; fences keep theirs."""
    lines, fence = [], ""
    for line in text.split("\n"):
        sign = _FENCE.match(line)
        lines.append(line if fence else line.lstrip(" \t\u3000"))
        if sign and (not fence or sign[1].startswith(fence)):
            fence = "" if fence else sign[1]
    return "\n".join(lines)
