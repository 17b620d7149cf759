"""Jupyter notebooks: what is marked in their Markdown cells, and cards written there.

    sources:
      - jupyter: {name: lectures, path: ~/Lectures}

Format 4 of `.ipynb`, of 2015, is read (https://nbformat.readthedocs.io/en/latest/format_description.html).
What is in other cells, and what code printed, is never read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract import files as disk
from ankiforge.extract.base import SourceSettings
from ankiforge.extract.folder import File, PictureAt
from ankiforge.extract.markdown import (
    CARDS,
    HandWritten,
    Mark,
    MarkdownNote,
    NotePart,
    NoteSource,
)
from ankiforge.model import Document, DocumentKey, Sighting, Strings, h16
from ankiforge.text.private import (
    IN_ITS_NOTE,
    has_tag,
    names_tag,
)

LARGEST = 64_000_000
"""Bytes of the largest notebook: the pictures that its code drew are in it."""
_HINT = "open it in Jupyter and save it again, or leave it out with `exclude`"


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

    def contents(self, file: File, reader: Any, picture: PictureAt) -> Iterator[Sighting]:
        """Yield the document of a notebook and problems; see `document`."""
        text, _ = disk.read_settled(file.place, LARGEST)
        return self.document(file, text, picture)

    def note_of(self, file: File, text: str) -> MarkdownNote:
        """Return a notebook as a document in Markdown."""
        cells = _cells_of(text)
        private = ""
        for cell in cells:
            # the tag in code, or among the tags of a cell, has another spelling
            tags = msgspec.json.encode(cell.metadata).decode()
            # code may have the tag in a comment, and a raw cell in front matter: as nothing is
            # read of them, it is not about them
            is_named = (
                has_tag(cell.text) if cell.cell_type == "code" else names_tag(cell.text)
            )
            if cell.cell_type != "markdown" and (is_named or names_tag(tags)):
                private = IN_ITS_NOTE
        document = Document(
            DocumentKey(f"{self.folder.namespace}/{h16(file.path)}"),
            self.folder.name,
            title=PurePosixPath(file.path).stem,
            path=file.path,
            private=private,
        )
        marks = frozenset[str](self.settings.marks)
        return MarkdownNote(document, marks, _parts(cells), is_whole=False)

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
    def text(self) -> str:
        """Its source as one text with LF line ends."""
        lines = self.source if isinstance(self.source, list) else [self.source]
        text = "".join([line for line in lines if isinstance(line, str)])
        return text.replace("\r\n", "\n").replace("\r", "\n")


class _Notebook(msgspec.Struct):
    """A notebook."""

    cells: list[_Cell] | None = None
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
    if notebook.cells is None:
        message = "it is not a notebook, or one of before 2015: it has no `cells`"
        raise ItemError(message, hint=_HINT)
    return [_Cell(cell_type="metadata", metadata=notebook.metadata), *notebook.cells]


def _parts(cells: list[_Cell]) -> list[NotePart]:
    """Return the Markdown cells."""
    parts: list[NotePart] = []
    for cell in cells:
        if cell.cell_type == "markdown":
            cell_id = cell.id if isinstance(cell.id, str) else ""
            tags = msgspec.json.encode(cell.metadata).decode()
            parts.append(NotePart(cell.text, cell_id, private=names_tag(tags)))
    return parts
