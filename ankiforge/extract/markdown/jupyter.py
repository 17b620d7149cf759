"""The source for Jupyter notebooks. The Markdown cells of a notebook are read as one note.

Code, raw cells and outputs aren't read. The format is described at
https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.file_source import File
from ankiforge.extract.markdown import (
    MarkdownNote,
    MarkdownSettings,
    NoteSource,
    parse_title,
)
from ankiforge.model import Document, DocumentKey, Strings, hash16
from ankiforge.text.private import (
    PRIVATE_DOCUMENT_REASON,
    contains_private_tag,
    contains_private_tag_name,
)


class JupyterSettings(MarkdownSettings, kw_only=True):
    """Settings for a `jupyter:` source."""

    include: Strings = ("**/*.ipynb",)


class _Cell(msgspec.Struct):
    cell_type: str
    source: str | list[str]
    metadata: Any = None

    @property
    def is_markdown(self) -> bool:
        """Whether the cell is read, unlike code and raw cells."""
        return self.cell_type == "markdown"

    @property
    def text(self) -> str:
        """The source of the cell, which may be stored as a list of lines."""
        return "".join(self.source)

    @property
    def has_private_tag(self) -> bool:
        """Whether the source contains the privacy tag."""
        if self.cell_type == "raw":  # front matter has the tag without its `#`
            return contains_private_tag_name(self.text)
        return contains_private_tag(self.text)


class _Notebook(msgspec.Struct):
    cells: list[_Cell]
    metadata: Any = None

    @property
    def is_private(self) -> bool:
        """Whether the privacy tag is in the metadata, or in a cell that isn't read."""
        metadata = [self.metadata, *(cell.metadata for cell in self.cells)]
        if contains_private_tag_name(msgspec.json.encode(metadata).decode()):
            return True
        other_cells = [cell for cell in self.cells if not cell.is_markdown]
        return any(cell.has_private_tag for cell in other_cells)


class Jupyter(NoteSource):
    """A directory of Jupyter notebooks."""

    kind = "jupyter"
    Settings = JupyterSettings
    suffixes = (".ipynb",)
    keeps_inner_sources = True

    def to_markdown_note(self, file: File, text: str) -> MarkdownNote:
        """Join the Markdown cells of a notebook into a single note.

        A privacy tag in the metadata, a code cell or a raw cell makes the whole note private.

        Raises:
            ItemError: The file is not a valid notebook.
        """
        try:
            notebook = msgspec.json.decode(text, type=_Notebook)
        except (ValueError, RecursionError) as error:
            hint = "open it in Jupyter and save it again, or leave it out with `exclude`"
            raise ItemError(f"it is not a notebook: {error}", hint=hint) from error
        privacy_reason = None
        if notebook.is_private:
            privacy_reason = PRIVATE_DOCUMENT_REASON
        document = Document(
            DocumentKey(f"{self.listing.namespace}/{hash16(file.path)}"),
            self.listing.name,
            title=parse_title(file.path),
            path=file.path,
            privacy_reason=privacy_reason,
        )
        markdown = [cell.text for cell in notebook.cells if cell.is_markdown]
        joined = "\n\n".join(markdown).replace("\r\n", "\n")
        return MarkdownNote(document, frozenset(self.settings.marks), joined)
