"""Obsidian vaults: marked phrases, callouts and hand-written cards of Markdown notes.

The notes are read by `markdown`; `dialects` tells how other tools' cards are written in them. Nothing
is written into a vault.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args
from urllib.parse import quote

import msgspec

from ankiforge.extract import SourceSettings
from ankiforge.extract.files import matcher
from ankiforge.extract.folder import File, Folder
from ankiforge.extract.markdown import CARDS, HandWritten, Note, NoteSource, Term
from ankiforge.extract.obsidian.dialects import Dialects, read_dialects, template_folders
from ankiforge.model import Document, DocumentKey, Problem, Sighting, h16

Mark = Literal["==", "mark", "bold", "callout"]
"""What may be read as a mark: `==x==`, `<mark>x</mark>`, `**x**`, `> [!note]`."""
OfTools = Literal["osr", "o2a", "flashcards"]
"""Dialects: obsidian-spaced-repetition, Obsidian_to_Anki, flashcards-obsidian."""
MARKS: tuple[Mark, ...] = get_args(Mark)
DIALECTS: tuple[OfTools, ...] = get_args(OfTools)


class Settings(SourceSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of an `obsidian:` source."""

    include: tuple[str, ...] = ("**/*.md",)
    """Glob patterns of notes; as in git, one without an inner slash matches at any depth."""
    exclude: tuple[str, ...] = ()
    """Glob patterns to leave out; one that ends in `/` is a folder with its content."""
    marks: tuple[Mark, ...] | None = None
    """None = `==` and `mark`, but not `==` in notes for which a dialect defines its meaning."""
    cards: tuple[HandWritten | Term | OfTools, ...] = CARDS
    glossary_headings: tuple[str, ...] = ()
    """Extra headings that mark a glossary section, beside glossary, definitions and key terms."""


_JUNK = re.compile(r"~\$|.*(?:~|\.tmp|\.swp)$", re.IGNORECASE)
"""Files that editors leave behind."""
_DRAWING = re.compile(r".*(?:\.excalidraw\.md|\.canvas)$", re.IGNORECASE)
"""Files that may contain marks and are not read."""
_BANNER = re.compile(r"^==⚠[^\n=]*EXCALIDRAW VIEW[^\n=]*==[^\n]*", re.MULTILINE)
"""A line that Excalidraw writes into a drawing; it is not a mark."""
_DATA = re.compile(r"^(?:#+ Drawing\s*$|%%\s*\n#+ Drawing|```(?:compressed-)?json)", re.MULTILINE)
"""Where the data of a drawing begin, after its text."""
_MARK = re.compile(r"(?<!=)==(?![=\s])[^\n=]+(?<!\s)==(?!=)")
_LARGEST_DRAWING = 2_000_000
_MOST_NAMED = 3
"""Drawings named in one message."""


@dataclass(frozen=True)
class Vault(NoteSource):
    """The notes of one vault."""

    dialects: Dialects = Dialects()  # noqa: RUF009 - frozen
    problems: tuple[Problem, ...] = ()
    """Settings of plugins that cannot be read."""

    kind = "vault"
    own_cards: ClassVar[tuple[str, ...]] = CARDS

    def notices(self) -> Iterator[Problem]:
        """Yield the plugins whose settings cannot be read, and the drawings that hold marks."""
        yield from self.problems
        drawings = {path for path in (self.folder.others or {}).values() if _DRAWING.match(path)}
        marked = [] if self.folder.only else sorted(filter(self._is_marked, drawings))
        if marked:
            names = ", ".join(marked[:_MOST_NAMED]) + (", …" if len(marked) > _MOST_NAMED else "")
            says = (
                "1 drawing or canvas holds" if len(marked) == 1 else f"{len(marked)} drawings hold"
            )
            what = f"{says} ==marks== that are not read: {names}"
            yield Problem(self.folder.root.name, what, "mark it in an ordinary note", notice=True)

    def document(self, file: File, text: str, picture: Callable[[str], str]) -> Iterator[Sighting]:
        """Yield the document of a note, unless it has no highlights, and problems."""
        vault = quote(Path(os.path.realpath(self.folder.root)).name, safe="")
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=file.path.rpartition("/")[2].rpartition(".")[0],
            path=file.path,
            uri=f"obsidian://open?vault={vault}&file={quote(file.path[:-3], safe='')}",
        )
        text = _BANNER.sub("", text, count=1) if "EXCALIDRAW VIEW" in text else text
        marks = ("==", "mark") if self.settings.marks is None else self.settings.marks
        note = Note(
            text,
            document,
            frozenset(marks),
            dialects=self.dialects if self.dialects.names else None,
        )
        yield from self.read_note(note, picture)

    @property
    def selection(self) -> str:
        """The settings that decide which passages are read."""
        return f"{super().selection}\n{msgspec.json.encode(self.dialects).decode()}"

    def _is_marked(self, path: str) -> bool:
        """Return whether a drawing contains marks."""
        try:
            with (self.folder.root / path).open("rb") as file:
                text = file.read(_LARGEST_DRAWING).decode("utf-8", "replace")
        except OSError:
            return False
        text = _BANNER.sub("", text.replace("\r\n", "\n"))
        data = _DATA.search(text)
        return _MARK.search(text[: data.start()] if data else text) is not None


def open_source(
    name: str,
    root: Path,
    settings: Any,
    only: tuple[Path, ...] = (),
    me: tuple[str, ...] = (),
) -> Vault:
    """Return a reader of the vault at `root`; `me` is ignored, because a vault has one author."""
    names = tuple(name for name in dict.fromkeys(settings.cards) if name in DIALECTS)
    dialects, problems = read_dialects(root, names)
    templates = [f"{folder}/" for folder in template_folders(root)]
    included = matcher(settings.include, git=True)
    excluded = matcher((*settings.exclude, *templates), git=True)

    def fits(path: str) -> bool:
        junk = _JUNK.match(path.rpartition("/")[2]) or _DRAWING.match(path)
        return included(path) and not junk and not excluded(path)

    context = repr((settings, dialects, templates))
    folder = Folder("vault", name, root, only, fits, context, others={})
    return Vault(folder, settings, me, dialects, tuple(problems))
