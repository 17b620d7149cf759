"""Markdown and plain text outside Obsidian: folders of `.md`, `.markdown` and `.txt`.

    sources:
      - markdown: {name: journal, path: ~/Documents/Journal}

Marks and hand-written cards are those of a vault, and read by the same functions. The front
matter may be Joplin's. Plain text is read as Markdown whose indents mean nothing; what stands
there behind `> ` is a passage somebody kept. A file's plain text is made as that of a vault
note (docs/keys.md).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, get_args

from ankiforge.extract import SourceSettings
from ankiforge.extract._doors import kind_of
from ankiforge.extract._folder import File, Folder, chosen, moment
from ankiforge.extract._selection import forms, highlights_of, told, wider
from ankiforge.extract.obsidian import CARDS, TERM, HandWritten, Term
from ankiforge.model import Document, DocumentKey, Highlight, Problem, Sighting, Source, h16
from ankiforge.text.identifiers import is_export

if TYPE_CHECKING:
    from ankiforge.extract.obsidian.front import Front

Mark = Literal["==", "mark", "bold", "callout", "quote"]


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a `markdown:` source."""

    include: tuple[str, ...] = ("**/*.md", "**/*.markdown", "**/*.txt")
    exclude: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ("==", "mark")
    """`quote`: in Markdown, too, what stands behind `> ` is a passage; in plain text it always is."""
    cards: tuple[HandWritten | Term, ...] = CARDS
    glossary_headings: tuple[str, ...] = ()


def open_source(
    name: str,
    root: Path,
    settings: Settings,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
) -> Source:
    """Make a reader of the texts below `root`; `me` does not matter, they have one author."""
    fits = chosen(settings.include, settings.exclude)
    folder = Folder("markdown", name, root, only, fits, repr(settings))
    return Texts(folder, settings)


@dataclass(frozen=True)
class Texts:
    """The files of one folder."""

    folder: Folder
    settings: Settings

    def stamp(self) -> str:
        """Changes whenever a scan may yield something else."""
        return self.folder.stamp()

    def scan(self) -> Iterator[Sighting]:
        """One document per file with highlights, in the order of paths; problems; one scan."""
        for found in self.folder.texts():
            if isinstance(found, Problem):
                yield found
            elif is_export(found[1]):
                continue  # an echo of what other sources said
            elif not (found[0].path.endswith(".txt") and kind_of(found[0].at) == "kindle"):
                yield from self._sightings(*found)
        yield self.folder.end()

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        return told(self.settings)

    def unselected(self, paths: Collection[str], before: str) -> Iterator[Highlight]:
        """What some texts hold by other settings: those of `before`, and all that there are."""
        some = self.folder.named(paths)
        every = wider(self.settings, before, get_args(Mark), (*CARDS, TERM))
        return highlights_of(Texts(some, one) for one in (every if some.only else ()))

    def _sightings(self, file: File, text: str) -> Iterator[Sighting]:
        from ankiforge.extract import _notes
        from ankiforge.extract.obsidian.front import front_matter
        from ankiforge.extract.obsidian.note import Wanted

        is_plain = PurePosixPath(file.path).suffix.casefold() not in (".md", ".markdown")
        front, asked = front_matter(text), self.settings
        head, body = _parted(text, front.lines)
        created, modified = (moment(_value(head, key)) for key in ("created", "updated"))
        quotes = is_plain or "quote" in asked.marks
        body = _flush(body) if is_plain else body
        note = _notes.Note(file, body, front.skip, created, modified, quotes)
        marks = frozenset(asked.marks) - {"quote"}
        wanted = Wanted(marks, forms(asked.cards, CARDS), asked.glossary_headings)
        document_of = partial(self._document, file, front, head)
        found = _notes.extracted(note, self.folder, wanted, document_of)
        if found and front.problem:
            hint = "correct it, or the title, tags and deck are not known"
            yield Problem(file.path, front.problem, hint)
        yield from [found] if found else []

    def _document(self, file: File, front: Front, head: str, tags: tuple[str, ...]) -> Document:
        url, author = _value(head, "source"), _value(head, "author")
        web = (("url", url),) if re.match(r"https?://\S+$", url) else ()
        return Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=front.title or PurePosixPath(file.path).stem,
            path=file.path,
            creators=(author,) if author else (),
            identifiers=tuple(dict.fromkeys((*front.identifiers, *web))),
            tags=tuple(dict.fromkeys([*front.tags, *tags])),
            deck=front.deck,
        )


def _parted(text: str, lines: int) -> tuple[str, str]:
    """The front matter, and the text with as many empty lines in its place."""
    rows = text.split("\n")
    return "\n".join(rows[:lines]), "\n".join(["" for _ in rows[:lines]] + rows[lines:])


_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")


def _flush(text: str) -> str:
    """Plain text without its indents, which Markdown would take for code; fences keep theirs."""
    lines, fence = [], ""
    for line in text.split("\n"):
        sign = _FENCE.match(line)
        lines.append(line if fence else line.lstrip(" \t\u3000"))
        if sign and (not fence or sign[1].startswith(fence)):
            fence = "" if fence else sign[1]
    return "\n".join(lines)


# --- what the front matter says besides ------------------------------------------------------


def _value(head: str, key: str) -> str:
    """The plain text behind a key of the first level."""
    found = re.search(rf"^{key}:[ \t]*(\S.*)$", head, re.MULTILINE)
    return found[1].strip().strip("\"'") if found else ""
