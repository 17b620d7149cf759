"""Markdown and plain text outside Obsidian: folders of `.md`, `.markdown` and `.txt` files.

    sources:
      - markdown: {name: journal, path: ~/Documents/Journal}

The marks and hand-written cards are those of an Obsidian vault, and this package reads both:
`source` parses the front matter and hides comments and maths, `blocks` cuts a note into blocks,
`inline` parses the text of a block, `cards` recognises hand-written cards, `quotes` finds passages
pasted from papers, `page` locates the cards of other tools, `note` builds the highlights.

The front matter may be Joplin's. Plain text is read as Markdown in which indentation has no meaning
and text behind `> ` is a passage the reader kept. The plain text of a file, from which keys are
made, is computed as for a vault note (docs/keys.md).
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, get_args

from ankiforge.extract import SourceSettings
from ankiforge.extract.discover import kind_of
from ankiforge.extract.files import PICTURE
from ankiforge.extract.folder import TERM as TERM
from ankiforge.extract.folder import File, TextSource, iso_time, selected_forms
from ankiforge.model import (
    Document,
    DocumentKey,
    Extracted,
    Highlight,
    HighlightKind,
    Problem,
    Sighting,
    h16,
)
from ankiforge.text.anchors import CONTEXT, numbered

if TYPE_CHECKING:
    from ankiforge.extract.markdown.blocks import Blocks
    from ankiforge.extract.markdown.note import Wanted
    from ankiforge.extract.markdown.source import Source

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


class Texts(TextSource):
    """The Markdown and plain text files of one folder."""

    kind = "markdown"
    all_marks: ClassVar[tuple[str, ...]] = get_args(Mark)
    own_cards: ClassVar[tuple[str, ...]] = CARDS

    def document(self, file: File, text: str) -> Iterator[Sighting]:
        """Yield the document of a file, unless it has no highlights, and problems."""
        if file.path.endswith(".txt") and kind_of(file.at) == "kindle":
            return
        from ankiforge.extract.markdown.source import front_matter
        from ankiforge.text.renames import sketched

        front, lines = front_matter(text), text.split("\n")
        head = "\n".join(lines[: front.lines])
        body = "\n".join([*("" for _ in range(front.lines)), *lines[front.lines :]])
        path = PurePosixPath(file.path)
        is_plain = path.suffix.casefold() not in (".md", ".markdown")
        url, author = _value(head, "source"), _value(head, "author")
        web = (("url", url),) if re.match(r"https?://\S+$", url) else ()
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=front.title or path.stem,
            path=file.path,
            creators=(author,) if author else (),
            identifiers=tuple(dict.fromkeys((*front.identifiers, *web))),
            tags=front.tags,
            deck=front.deck,
        )
        note = TextNote(
            file,
            _without_indents(body) if is_plain else body,
            document,
            frozenset(self.settings.marks) - {"quote"},
            skip=front.skip,
            created=iso_time(_value(head, "created")),
            modified=iso_time(_value(head, "updated")),
            quotes=is_plain or "quote" in self.settings.marks,
        )
        found = extracted(note, self)
        if found and front.problem:
            hint = "until you correct it, its title, tags and deck are not known"
            yield Problem(file.path, front.problem, hint)
        if found:
            yield replace(found, sketch=sketched(text, file.path))


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


def _value(head: str, key: str) -> str:
    """Return the value of a top-level key of the front matter, "" if there is none."""
    found = re.search(rf"^{key}:[ \t]*(\S.*)$", head, re.MULTILINE)
    return found[1].strip().strip("\"'") if found else ""


# --- texts that are read like vault notes -----------------------------------------------------


class TextNote(NamedTuple):
    """A text in Markdown, or converted to it."""

    file: File
    markdown: str
    document: Document
    """The document, without the `#tags` that the text contains."""
    marks: frozenset[str]
    """The kinds of marks to read."""
    skip: str = ""
    """The reason why no cards are made of it, "" if they are."""
    created: str = ""
    modified: str = ""
    quotes: bool = False
    """Whether text behind `> ` is a passage."""


def plain_text(markdown: str) -> str:
    """Return the plain text of a note, from which prefix, suffix and anchors are made."""
    from ankiforge.extract.markdown.blocks import cut
    from ankiforge.extract.markdown.inline import NO_CONTEXT
    from ankiforge.extract.markdown.source import prepared

    return cut(prepared(markdown), NO_CONTEXT).plain


def extracted(note: TextNote, reader: TextSource) -> Extracted | None:
    """Return the document and highlights of a text; None if it has no highlights."""
    from ankiforge.extract.markdown.blocks import cut
    from ankiforge.extract.markdown.inline import Context
    from ankiforge.extract.markdown.note import Wanted, highlights
    from ankiforge.extract.markdown.page import Page
    from ankiforge.extract.markdown.source import prepared

    folder, settings = reader.folder, reader.settings
    source = prepared(note.markdown)
    context = Context(picture=lambda target: picture_path(target, note.file, folder.root))
    blocks = cut(source, context)
    document = replace(
        note.document, tags=tuple(dict.fromkeys([*note.document.tags, *blocks.tags]))
    )
    page = Page(note.markdown, source, blocks)
    cards = selected_forms(settings.cards, reader.own_cards)
    wanted = Wanted(note.marks, cards, settings.glossary_headings)
    found = highlights(document, folder.namespace, page, wanted, note.skip)
    if note.quotes:
        bare = Highlight(document, folder.namespace, HighlightKind.HIGHLIGHT, "", skip=note.skip)
        found = _with_quotes(found, bare, source, blocks, wanted)
    # addresses inside a vault cannot be opened here: keep only links with a scheme
    scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
    dated = (
        replace(
            one,
            uri="",
            links=tuple(link for link in one.links if scheme.match(link)),
            created=note.created,
            modified=note.modified,
        )
        for one in found
    )
    return Extracted(document, tuple(dated), folder.container) if found else None


_QUOTE = re.compile(r"[ ]{0,3}>[ ]?")
_CALLOUT = re.compile(r"[ \t]*\[![^\[\]\n]+\]")


def _with_quotes(
    found: tuple[Highlight, ...], bare: Highlight, source: Source, blocks: Blocks, wanted: Wanted
) -> tuple[Highlight, ...]:
    """Return the highlights, and the passages behind `> ` in which nothing is marked, in order.

    `bare` holds the fields that all passages share.
    """
    from ankiforge.extract.markdown.blocks import cut, rich
    from ankiforge.extract.markdown.note import highlights
    from ankiforge.extract.markdown.page import Page
    from ankiforge.extract.markdown.source import Source

    text = blocks.plain
    starts = [block.start for block in blocks.blocks]
    placed: list[tuple[int, Highlight]] = []
    end = 0
    for line, run in _quoted_runs(source):
        part = Source(run, source.maths)
        inner = cut(part, blocks.context)
        if not inner.blocks or _CALLOUT.match(run):
            continue
        exact = inner.plain
        start = text.find(exact, end)
        if highlights(bare.document, "", Page(run, part, inner), wanted) or start < 0:
            continue
        end = start + len(exact)
        block = blocks.blocks[bisect_right(starts, start) - 1]
        passage = replace(
            bare,
            exact=exact,
            markdown=(rich(run, blocks.context._replace(references={})),),
            block=f"quote {line}",
            prefix=text[max(0, start - CONTEXT) : start],
            suffix=text[end : end + CONTEXT],
            heading=" › ".join(block.headings),
        )
        placed.append((start, passage))
    at = 0
    for one in found:
        at = max(at, text.find(one.prefix + one.exact, max(0, at - CONTEXT)) + len(one.prefix))
        placed.append((at, one))
    return tuple(numbered(one for _, one in sorted(placed, key=lambda pair: pair[0])))


def _quoted_runs(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (first line from 1, text without `>`) of each run of quoted lines outside fences."""
    fenced = {line for first, last in source.fences for line in range(first, last)}
    run: list[str] = []
    for number, line in enumerate([*source.text.split("\n"), ""]):
        sign = _QUOTE.match(line) if number not in fenced else None
        if sign:
            run.append(line[sign.end() :])
        elif run:
            yield number - len(run) + 1, "\n".join(run)
            run = []


_RESOURCE = re.compile(r":/([0-9a-f]{32})$")
"""The address of a file in Joplin's notes."""


def picture_path(target: str, file: File, root: Path) -> str:
    """Return the path of a picture below the root, by its address in a text.

    Return the address itself if no such file is found, "" if it is not a picture.
    """
    base, found = root if root.is_dir() else root.parent, _RESOURCE.match(target)
    if found:
        names = sorted(path.name for path in (base / "_resources").glob(f"{found[1]}.*"))
        return f"_resources/{names[0]}" if names and PICTURE.match(names[0]) else ""
    if not PICTURE.match(target):
        return ""
    beside = posixpath.join(posixpath.dirname(file.path), target)
    for path in (beside, target.lstrip("/"), f"_resources/{posixpath.basename(target)}"):
        normal = posixpath.normpath(path)
        try:
            if not normal.startswith(("/", "..")) and (base / normal).is_file():
                return normal
        except (OSError, ValueError):
            continue
    return target
