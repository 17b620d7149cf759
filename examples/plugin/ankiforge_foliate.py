"""Foliate: the highlights of an e-book reader, which keeps one JSON file for each book.

They lie in `~/.local/share/com.github.johnfactotum.Foliate`; the name of a file is the
identifier of its book.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.base import Candidate, Confidence
from ankiforge.extract.file_source import File, FindPicture, TextFileSource
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Sighting,
    hash16,
)
from ankiforge.text.keys import number_highlights

FOLDER = Path("~/.local/share/com.github.johnfactotum.Foliate")


class Annotation(msgspec.Struct):
    """A highlight of Foliate. Its place is an EPUB CFI, which no edit of the note changes."""

    value: str
    text: str = ""
    note: str = ""
    created: str = ""


class Book(msgspec.Struct):
    """The content of one file."""

    annotations: tuple[Annotation, ...] = ()
    metadata: dict[str, object] = {}


class Foliate(TextFileSource):
    """The books of one folder of Foliate."""

    kind = "foliate"
    suffixes = (".json",)

    @classmethod
    def recognise(cls, candidate: Candidate) -> Confidence:
        """Return whether a JSON file has annotations at places in an e-book."""
        if '"annotations"' in candidate.head and '"epubcfi(' in candidate.head:
            return Confidence.CONTENT
        return Confidence.NO

    def read_document(
        self, file: File, text: str, find_picture: FindPicture
    ) -> Iterator[Sighting]:
        """Yield the book of a file, unless nothing is marked in it."""
        try:
            book = msgspec.json.decode(text, type=Book)
        except msgspec.DecodeError as error:
            hint = "open the book in Foliate again: it writes the file again"
            raise ItemError(f"no file of Foliate: {error}", hint=hint) from error
        identifier = str(book.metadata.get("identifier") or file.path)
        title = str(book.metadata.get("title") or Path(file.path).stem)
        key = DocumentKey(f"{self.listing.namespace}/{hash16(identifier)}")
        document = Document(key, self.listing.name, title=title, path=file.path)
        highlights = []
        for annotation in book.annotations:
            if annotation.text.strip():
                highlight = Highlight(
                    document,
                    self.listing.namespace,
                    HighlightKind.HIGHLIGHT,
                    exact=" ".join(annotation.text.split()),
                    source_id=hash16(identifier, annotation.value),
                    comment=annotation.note,
                    created=annotation.created,
                )
                highlights.append(highlight)
        if highlights:
            yield ExtractedDocument(
                document, tuple(number_highlights(highlights)), self.listing.container
            )


@click.command()
def foliate() -> None:
    """Print the folder in which Foliate keeps its highlights, for `ankiforge run`."""
    click.echo(FOLDER.expanduser())
