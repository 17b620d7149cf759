"""Books, their highlights, and the documents that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.extract.file_source import FileListing
from ankiforge.extract.files import remove_unknown_authors, title_from_file_name
from ankiforge.model import (
    Document,
    DocumentKey,
    ExtractedDocument,
    Highlight,
    HighlightKind,
    Pair,
    Problem,
    Strings,
    Value,
    hash16,
)
from ankiforge.text.comment_questions import has_question_mark
from ankiforge.text.keys import number_highlights, percent_encode
from ankiforge.text.normalize import normalize_for_lookup
from ankiforge.text.passages import remove_footnote_numbers
from ankiforge.text.private import find_private_tag

if TYPE_CHECKING:  # loaded when a book is read
    from ankiforge.extract.pdf.messages import StoredQuote
    from ankiforge.extract.pdf.worker import PdfWorkerPool


class BookHighlight(Value):
    """A highlight in a book, as stored by the reading app."""

    text: str
    """The highlighted text, or "" for a note without highlighted text."""
    id: str = ""
    """The id that the reading app gave the highlight, or ""."""
    comment: str = ""
    kind: HighlightKind = HighlightKind.HIGHLIGHT
    page: int = -1
    """The index of the page in a PDF or of the file in an EPUB's spine, counted from 0, or -1
    if unknown."""
    file: str = ""
    """The name of the file in the EPUB, or "" if unknown."""
    css_selector: str = ""
    """The CSS selector of the element in `file` where the highlight begins, or "" if unknown."""
    offset: int = 0
    """The offset, in the element that `css_selector` selects, where the highlight begins."""
    page_label: str = ""
    heading: str = ""
    sentence: str = ""
    """The sentence around the highlight, if the reading app stores it."""
    line_syntax: str = ""
    tags: Strings = ()
    colour: str = ""
    created: str = ""
    modified: str = ""

    def normalize(self) -> BookHighlight:
        """Return a copy with whitespace collapsed and empty lines removed.

        A highlight without text becomes a note (`HighlightKind.NOTE`).
        """
        lines = [" ".join(line.split()) for line in self.text.splitlines()]
        text = "\n".join(filter(None, lines))
        kind = self.kind if text else HighlightKind.NOTE
        return replace(self, text=text, kind=kind, comment=self.comment.strip())

    def to_quote(self) -> StoredQuote:
        """Convert the highlight to a quote to look up in the text of the book."""
        from ankiforge.extract.pdf.messages import StoredQuote

        return StoredQuote(
            page=self.page,
            text=self.text,
            asks=has_question_mark(self.comment),
            file=self.file,
            css_selector=self.css_selector,
            offset=self.offset,
        )


class Book(Value):
    """A book with highlights."""

    title: str
    authors: Strings = ()
    identifiers: tuple[Pair, ...] = ()
    file: str = ""
    """The path of the book on the device, with `/` separators, or "" if unknown."""
    path: str = ""
    """The path of the file that contains only this book's highlights, or "" if there is none."""
    subjects: Strings = ()
    """The subjects and tags of the book in its catalogue."""

    @property
    def display_name(self) -> str:
        """The book's title, falling back to its file name."""
        return self.title or PurePosixPath(self.file).name.partition(".")[0]


def create_document(book: Book, namespace: str, source: str) -> Document:
    """Create the document for a book. Its key is specified in `docs/reference/keys.md`."""
    name = hash16(
        normalize_for_lookup(book.display_name),
        normalize_for_lookup(" ".join(book.authors)),
    )
    return Document(
        DocumentKey(f"{namespace}/{name}"),
        source,
        title_from_file_name(book.display_name) or "Untitled",
        path=book.path,
        creators=remove_unknown_authors(book.authors),
        identifiers=book.identifiers,
        tags=find_private_tag(book.subjects),
    )


def build_book_results(
    document: Document,
    folder: FileListing,
    marks: Iterable[BookHighlight],
    file: Path | None,
    worker: PdfWorkerPool,
) -> Iterator[ExtractedDocument | Problem]:
    """Yield the document of a book, preceded by a notice if the book's text can't be read.

    Nothing is yielded for a book without highlights.

    Args:
        document: the book, without highlights.
        folder: the source's file listing, which provides the namespace for keys.
        marks: the highlights in the book, in reading order.
        file: the local copy of the book, to read the text around highlights, or None.
        worker: the subprocesses that read the book.
    """
    from ankiforge.extract.pdf.messages import QuoteContext

    normalized_marks = [mark.normalize() for mark in marks]
    contexts: Sequence[QuoteContext] = [QuoteContext()] * len(normalized_marks)
    if file is not None and normalized_marks:
        contexts, failure = worker.find_contexts(
            file, [mark.to_quote() for mark in normalized_marks]
        )
        if failure:  # this is reported so that the next run tries again
            message = f"the text around its highlights is not read: {failure.what}"
            yield Problem(file.name, message, failure.hint, is_notice=True)
    pairs = list(zip(normalized_marks, contexts, strict=True))
    passages = remove_footnote_numbers(
        [context.displayed_text or mark.text for mark, context in pairs]
    )
    sentences = remove_footnote_numbers([context.sentence for context in contexts])
    highlights: list[Highlight] = []
    for (mark, context), passage, sentence in zip(
        pairs, passages, sentences, strict=True
    ):
        highlight = Highlight(
            document,
            folder.namespace,
            mark.kind,
            exact=passage,
            source_id=percent_encode(mark.id),
            # the text with note numbers, which the key is computed from
            anchor_text=""
            if passage and passage == mark.text
            else mark.text or mark.comment,
            sentence=sentence or mark.sentence,
            line_syntax=mark.line_syntax,
            tags=mark.tags,
            surrounding_text=context.surrounding_text,
            comment=mark.comment,
            colour=mark.colour,
            created=mark.created,
            modified=mark.modified,
            page_label=mark.page_label,
            heading=mark.heading,
            block_id=mark.page_label or mark.file,
        )
        highlights.append(highlight)
    if highlights:
        yield ExtractedDocument(
            document, tuple(number_highlights(highlights)), folder.container
        )
