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
from ankiforge.extract.markdown import CARDS, HandWritten, Mark, NoteSource, plain_text
from ankiforge.extract.markdown.parts import Part, Parts, read_parts
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
        """Yield what `document` does."""
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
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=PurePosixPath(file.path).stem,
            path=file.path,
            private=IN_ITS_NOTE if any(map(_is_about_all, cells)) else "",
        )
        marks = frozenset[str](self.settings.marks)
        yield from read_parts(
            self,
            Parts(document, _parts(cells), marks, apart=False, doubt=_doubt_in(cells)),
            picture,
        )

    def public_text(self, file: File) -> str:
        """Return the plain text of a notebook in which nothing is marked or private."""
        try:
            cells = _cells_of(file.text(LARGEST))
        except ItemError:  # it went away: what was private in it stays so
            return ""
        return plain_text("\n\n".join([part.text for part in _parts(cells)]))


# --- the file ---------------------------------------------------------------------------


class _Cell(msgspec.Struct):
    """One cell. What is not read, as what its code printed, is skipped."""

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
    """Return all cells of a notebook, and one for what it says about itself; [] of an empty file.

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
            parts.append(Part(cell.text, cell_id, private=_names_tag(cell.metadata)))
    return parts


def _doubt_in(cells: list[_Cell]) -> str:
    """Return what in code, or among the tags of a cell, looks like the tag, or ""."""
    for cell in cells:
        tags = ""
        if cell.metadata is not None:
            tags = msgspec.json.encode(cell.metadata).decode()
        spelling = spelling_like_name(tags) or spelling_like_tag(cell.text)
        if spelling:
            return spelling
    return ""


def _is_about_all(cell: _Cell) -> bool:
    """Return whether a cell makes the whole notebook private.

    Code may have the tag in a comment, and a raw cell in front matter. As nothing is read of
    them, it is not about them.
    """
    if cell.cell_type in _MARKDOWN:
        return False
    if cell.cell_type == "code":
        return has_tag(cell.text) or _names_tag(cell.metadata)
    return names_tag(cell.text) or _names_tag(cell.metadata)


def _names_tag(metadata: Any) -> bool:
    """Return whether the name of the tag occurs anywhere in the metadata of a cell."""
    if metadata is None:
        return False
    text = msgspec.json.encode(metadata).decode()
    return names_tag(text)
