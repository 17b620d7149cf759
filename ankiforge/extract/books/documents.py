"""Books, their highlights, and the documents that are made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge.extract.file_source import FileListing
from ankiforge.extract.files import remove_unknown_authors, title_from_file_name
from ankiforge.extract.passage_context import PassageContext
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
from ankiforge.text import regex
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
    position: tuple[int, ...] = ()
    """The numbers of its position in the page or file, which increase in reading order."""
    page_label: str = ""
    heading: str = ""
    sentence: str = ""
    """The sentence around the highlight, if the reading app stores it."""
    line_syntax: str = ""
    tags: Strings = ()
    colour: str = ""
    created: str = ""
    modified: str = ""

    def normalize_text(self) -> BookHighlight:
        """Return a copy whose text has single spaces and no empty lines.

        If there is no text, the copy is a note (`HighlightKind.NOTE`).
        """
        lines = (" ".join(line.split()) for line in self.text.splitlines())
        text = "\n".join(filter(None, lines))
        comment = self.comment.strip()
        if not text:
            return replace(self, text="", kind=HighlightKind.NOTE, comment=comment)
        return replace(self, text=text, comment=comment)

    def to_quote(self) -> StoredQuote:
        """Convert the highlight to a quote that can be looked up in the text of the book."""
        from ankiforge.extract.pdf.messages import StoredQuote

        return StoredQuote(
            page=self.page,
            text=self.text,
            asks=has_question_mark(self.comment),
            file=self.file,
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
        """The title of the book or, if it is unknown, the file name."""
        return self.title or PurePosixPath(self.file).name.partition(".")[0]


# Matches an element's ID in a position. Special characters are escaped with a circumflex.
_CFI_ASSERTION = regex(r"\[(?:[^\]^]|\^.)*\]")
_NUMBER = regex(r"\d{1,9}")


def parse_position(path: str) -> tuple[int, ...]:
    """Return the numbers in a position (canonical fragment identifier) such as `/4/2/1:388`."""
    return tuple(map(int, _NUMBER.findall(_CFI_ASSERTION.sub("", path))))


def sort_by_position(marks: Iterable[BookHighlight]) -> list[BookHighlight]:
    """Sort highlights into reading order: by file, then by position in the file."""
    return sorted(marks, key=lambda mark: (mark.page, mark.position))


def create_document(book: Book, namespace: str, source_name: str) -> Document:
    """Create the document for a book, with a key as specified in `tests/keys/keys.md`."""
    name = hash16(
        normalize_for_lookup(book.display_name),
        normalize_for_lookup(" ".join(book.authors)),
    )
    return Document(
        DocumentKey(f"{namespace}/{name}"),
        source_name,
        title_from_file_name(book.display_name) or "Untitled",
        path=book.path,
        creators=remove_unknown_authors(book.authors),
        identifiers=book.identifiers,
        tags=find_private_tag(book.subjects),
    )


def build_book_results(
    document: Document,
    listing: FileListing,
    marks: Iterable[BookHighlight],
    book_file: Path | None,
    worker: PdfWorkerPool,
) -> Iterator[ExtractedDocument | Problem]:
    """Yield the document of a book with its highlights, or nothing if there are no highlights.

    If the text around the highlights can't be read from the book, a notice is yielded first.

    Args:
        document: The book, without highlights.
        listing: The file listing of the source, which provides the namespace for keys.
        marks: The highlights in the book, in reading order.
        book_file: The local copy of the book, in which to look up the text around highlights, or
            None if there is none.
        worker: The subprocesses that read the book.
    """
    normalized_marks = [mark.normalize_text() for mark in marks]
    if not normalized_marks:
        return
    contexts: Sequence[PassageContext] = [PassageContext()] * len(normalized_marks)
    if book_file is not None:
        contexts, failure = worker.find_contexts(
            book_file, [mark.to_quote() for mark in normalized_marks]
        )
        if failure is not None:  # this is reported so that the next run tries again
            message = f"the text around its highlights is not read: {failure.what}"
            yield Problem(book_file.name, message, failure.hint, is_notice=True)
    highlights = _build_highlights(
        document, listing.namespace, normalized_marks, contexts
    )
    yield ExtractedDocument(
        document, tuple(number_highlights(highlights)), listing.container
    )


def _build_highlights(
    document: Document,
    namespace: str,
    marks: Sequence[BookHighlight],
    contexts: Sequence[PassageContext],
) -> Iterator[Highlight]:
    """Build a highlight for each mark and its context, without the numbers of footnotes."""
    shown_texts = []
    for mark, context in zip(marks, contexts, strict=True):
        shown_texts.append(context.displayed_text or mark.text)
    passages = remove_footnote_numbers(shown_texts)
    sentences = remove_footnote_numbers([context.sentence for context in contexts])
    for mark, context, passage, sentence in zip(
        marks, contexts, passages, sentences, strict=True
    ):
        yield Highlight(
            document,
            namespace,
            mark.kind,
            exact=passage,
            source_id=percent_encode(mark.id),
            anchor_text=_choose_anchor_text(mark, passage),
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


def _choose_anchor_text(mark: BookHighlight, passage: str) -> str:
    """Return the text with note numbers, which the key is built from, or "" for the passage."""
    if passage and passage == mark.text:
        return ""
    return mark.text or mark.comment
