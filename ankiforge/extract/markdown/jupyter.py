"""Jupyter notebooks: what is marked in their Markdown cells, and cards written there.

    sources:
      - jupyter: {name: lectures, path: ~/Lectures}

Formats 2 to 4 of `.ipynb` are read (https://nbformat.readthedocs.io/en/latest/format_description.html).
What is in other cells, and what code printed, is never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any, ClassVar

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract import files as disk
from ankiforge.extract.base import SourceSettings
from ankiforge.extract.folder import File
from ankiforge.extract.markdown import CARDS, HandWritten, Mark, Note, NoteSource, Part
from ankiforge.model import Document, DocumentKey, Sighting, Strings, h16
from ankiforge.text.private import (
    IN_ITS_NOTE,
    has_tag,
    names_tag,
    spelling_like_name,
    spelling_like_tag,
)

LARGEST = 64_000_000
"""Bytes of the largest notebook: the pictures that its code drew are in it."""
_HINT = "open it in Jupyter and save it again, or leave it out with `exclude`"
_MARKDOWN = ("markdown", "heading")
_DEEPEST_HEADING = 6


class JupyterSettings(SourceSettings, kw_only=True):
    """The keys of a `jupyter:` source."""

    include: Strings = ("**/*.ipynb",)
    exclude: Strings = ()
    marks: tuple[Mark, ...] = ("==", "mark")
    cards: tuple[HandWritten, ...] = CARDS
    glossary_headings: Strings = ()


class Jupyter(NoteSource):
    """The notebooks of one folder. A notebook has one author, so `me` does not matter."""

    kind = "jupyter"
    Settings = JupyterSettings
    endings = (".ipynb",)
    keeps_inner = True
    noun = "a notebook"
    own_cards: ClassVar[Strings] = CARDS

    def contents(
        self,
        file: File,
        reader: Any,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield the document of a notebook and problems; see `document`."""
        text, _ = disk.read_settled(file.place, LARGEST)
        return self.document(file, text, picture)

    def document(
        self,
        file: File,
        text: str,
        picture: Callable[[str], str],
    ) -> Iterator[Sighting]:
        """Yield the document of a notebook, unless it has no highlights."""
        cells = _cells_of(text)
        doubts = []
        private = ""
        for cell in cells:
            # the tag in code, or among the tags of a cell, has another spelling
            tags = msgspec.json.encode(cell.metadata).decode()
            doubts.append(spelling_like_name(tags) or spelling_like_tag(cell.text))
            # code may have the tag in a comment, and a raw cell in front matter: as nothing is
            # read of them, it is not about them
            is_named = (
                has_tag(cell.text) if cell.cell_type == "code" else names_tag(cell.text)
            )
            if cell.cell_type not in _MARKDOWN and (is_named or names_tag(tags)):
                private = IN_ITS_NOTE
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=PurePosixPath(file.path).stem,
            path=file.path,
            private=private,
        )
        marks = frozenset[str](self.settings.marks)
        note = Note(
            document,
            marks,
            _parts(cells),
            is_whole=False,
            doubt=next(filter(None, doubts), ""),
        )
        yield from self.read_note(note, picture)

    def texts(self, file: File) -> Strings:
        """Return the Markdown cells of a notebook."""
        cells = _cells_of(file.text(LARGEST))
        return tuple(part.text for part in _parts(cells))


# --- the file ---------------------------------------------------------------------------


class _Cell(msgspec.Struct):
    """One cell, without the output of its code."""

    cell_type: Any = ""
    source: Any = ""
    """A text, or the list of its lines with their ends."""
    id: Any = ""
    """Since format 4.5."""
    metadata: Any = None

    @property
    def lines(self) -> list[str]:
        """The lines of its source."""
        lines = self.source if isinstance(self.source, list) else [self.source]
        return [line for line in lines if isinstance(line, str)]

    @property
    def text(self) -> str:
        """Its source as one text with LF line ends."""
        return "".join(self.lines).replace("\r\n", "\n").replace("\r", "\n")


class _OldCell(_Cell):
    """A cell of format 2 or 3, where a heading is a cell of its own."""

    level: Any = 1
    """Of a heading."""

    @property
    def text(self) -> str:
        """Its source as one text; a list of lines may have lost their ends (format 2)."""
        has_ends = any(line.endswith("\n") for line in self.lines)
        text = ("" if has_ends else "\n").join(self.lines)
        if self.cell_type != "heading":
            return text
        is_heading = 1 <= self.level <= _DEEPEST_HEADING
        level = self.level if is_heading else 1
        return f"{'#' * level} {' '.join(text.split())}"


class _Worksheet(msgspec.Struct):
    """A sheet of a notebook in format 2 or 3, which has one."""

    cells: list[_OldCell] = []


class _Notebook(msgspec.Struct):
    """A notebook."""

    nbformat: Any = None
    cells: list[_Cell] | None = None
    worksheets: list[_Worksheet] | None = None
    metadata: Any = None


def _cells_of(text: str) -> list[_Cell]:
    """Return all cells of a notebook, and one for its own metadata; [] of an empty file.

    Raises:
        ItemError: it is not a notebook.
    """
    if not text.strip():
        return []
    try:
        notebook = msgspec.json.decode(text, type=_Notebook)
    except (ValueError, RecursionError) as error:
        raise ItemError(f"it is not a notebook: {error}", hint=_HINT) from error
    cells = [_Cell(cell_type="metadata", metadata=notebook.metadata)]
    if notebook.cells is not None:
        return cells + notebook.cells
    if notebook.nbformat is None:
        raise ItemError("it is not a notebook: it names no format", hint=_HINT)
    for sheet in notebook.worksheets or []:
        cells += sheet.cells
    return cells


def _parts(cells: list[_Cell]) -> list[Part]:
    """Return the Markdown cells."""
    parts: list[Part] = []
    for cell in cells:
        if cell.cell_type in _MARKDOWN:
            cell_id = cell.id if isinstance(cell.id, str) else ""
            tags = msgspec.json.encode(cell.metadata).decode()
            parts.append(Part(cell.text, cell_id, private=names_tag(tags)))
    return parts
