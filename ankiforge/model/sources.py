"""What a source yields during a scan, and what a source may look up in the ledger.

A scan yields one value per document, problems, and a `ScanEnd` after each container. All of
these are called *sightings*. A container is a vault, a directory of PDFs or a library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple, Protocol

from ankiforge.model.highlights import Document, Highlight
from ankiforge.model.values import DocumentKey, Json, Strings, Value


class Picture(Value):
    """A picture that the user highlighted, cut out of its page."""

    name: str
    """The name in Markdown, `cut/<16 hex digits>.png`, computed from the picture's position."""
    data: bytes
    """The picture as a PNG file."""


class LazyText:
    """A text that is only computed when it is needed."""

    def __init__(self, compute: Callable[[], str]) -> None:
        self._compute = compute

    def compute(self) -> str:
        """Compute the text. The result is not cached."""
        return self._compute()

    def __eq__(self, other: object) -> bool:
        """Return whether `other` is a `LazyText` that computes the same text."""
        return isinstance(other, LazyText) and self.compute() == other.compute()

    __hash__ = None  # type: ignore[assignment]


CODE_AND_MATHS = "code and maths"
"""`SkippedText.apparent_syntax` for everything in a note that was skipped because it is code or
maths. Each note has at most one such entry, which isn't counted."""


OTHER_TOOL_NOTE_PREFIX = "note of "
"""Prefix of `SkippedText.apparent_syntax` for another tool's card. The name of the tool follows."""
TAGGED_CARD = "question #card"
"""`SkippedText.apparent_syntax` for a line with the tag of a question, whose answer is below."""
CARD_IN_HEADING = "question::answer in a heading"
"""`SkippedText.apparent_syntax` for a card in the line of a heading, where cards aren't read."""
LOGSEQ_MARK = "mark that Logseq keeps of a PDF"
"""`SkippedText.apparent_syntax` for a block on a page named `hls__…`, where Logseq keeps the marks
of a PDF."""


class SkippedText(Value):
    """Text that looks like a highlight or card, and the reason why it isn't one."""

    apparent_syntax: str
    """What the text looks like, such as `==mark==`, `picture` or `.epub`."""
    location: str
    """The location in the document, such as `line 12`, `page 3` or `row 7`, or "" for the whole
    document."""
    reason: str


class ExtractedDocument(Value):
    """A document that was read from a source, with all its highlights in reading order."""

    document: Document
    highlights: tuple[Highlight, ...]
    container: str = ""
    """The vault, directory or library, as in the `ScanEnd` that follows."""
    page_hashes: tuple[tuple[str, int], ...] = ()
    """For each page of a PDF, a `hash16` of the normalized text and its length, which identify
    copies of the PDF."""
    pictures: tuple[Picture, ...] = ()
    """The pictures of highlights that aren't files in the source."""
    fingerprint: str = ""
    """A value that changes whenever reading the document may give another result, or "" if unknown.
    """
    dependencies: Strings = ()
    """What else the result depends on, in a format private to the source."""
    text_hash: str = ""
    """A hash of the text. Before a note is patched, the hash shows whether the note has changed.
    """
    private_texts: Strings = ()
    """Texts that must stay on this device, in addition to those of private highlights."""
    private_names: Strings = ()
    """Titles, headings, cells and fields that are private in this document, but not elsewhere."""
    public_text: LazyText | None = None
    """All text that isn't private, or None if only the text of the highlights is known."""
    skipped_texts: tuple[SkippedText, ...] = ()
    """Text that looks like a mark or card, but was not made a highlight."""
    is_fully_read: bool = True
    """Whether the whole document could be read, so that a missing highlight must have been removed.
    """


class PrivateText(Value):
    """A text that must stay on this device."""

    text: str
    """The text as plain text, or "" if the whole document is private."""
    document: DocumentKey
    """The key of the document that contains or contained the text, or "" if the document has no
    highlights."""
    is_name: bool = False
    """Whether the text is a name, such as a title or heading, which is private in this document
    but not elsewhere."""


class UnmarkedDocument(Value):
    """A document that was read and contains no highlights.

    The fields have the same meaning as in `ExtractedDocument`.
    """

    highlights: ClassVar[tuple[Highlight, ...]] = ()
    is_fully_read: ClassVar[bool] = True
    container: str
    path: str
    fingerprint: str
    dependencies: Strings = ()
    private_texts: Strings = ()
    private_names: Strings = ()
    public_text: LazyText | None = None
    skipped_texts: tuple[SkippedText, ...] = ()
    source: str = ""
    """The name of the source in the settings, or "" if nothing of the document is shown."""


class UnchangedDocument(Value):
    """A document that wasn't read again, because its fingerprint is already in the ledger."""

    container: str
    path: str
    """The path of the document, or its key in the source if it has no path."""


class UnreadDocument(Value):
    """A document that exists but can't be read at present. The ledger keeps its highlights."""

    container: str
    path: str
    """The path of the document, or of a directory whose documents can't be read."""


class Problem(
    Value,
    rename={
        "location": "where",
        "message": "what",
        "is_notice": "notice",
        "is_reported_once": "once",
    },
):
    """A failure in a file, page or reply that is reported at the end of the command."""

    location: str
    """The file, page or service that the problem is about."""
    message: str
    """What happened."""
    hint: str = ""
    """What the user can do about the problem, or ""."""
    is_notice: bool = False
    """Whether this is only a remark for the user and not a failure."""
    is_reported_once: bool = False
    """Whether only this run reports the problem. Later runs show it only in a list or in `status`.
    """

    def summarize(self, other_count: int = 0) -> str:
        """Describe the problem in a single line.

        `other_count` is how many other files, pages or services have the same problem.
        """
        kind = "note" if self.is_notice else "failed"
        more = f" and {other_count:,} more" if other_count else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{kind}: {self.location}{more}: {self.message}{hint}"


class Suggestion(Value):
    """A command that a feature suggests as the next step."""

    command: str
    """The command, without `ankiforge`."""
    reason: str
    """What the command is for."""


class FeatureNotice(Value):
    """A message from a feature for the report of a run and for `status`."""

    line: str | None = None
    """A line of text to show below the summary, or None."""
    data: Json = {}
    """Keys and values to add to the JSON output of the run."""
    suggestion: Suggestion | None = None
    """The step to suggest instead of the usual next one, or None."""


VANISHED = "it disappeared while it was read"
"""`Problem.message` for a file that was listed, but disappeared before it was read."""


class ScanEnd(Value):
    """The end of the scan of a container, after all of its documents have been yielded."""

    source: str
    """The name of the source in the settings."""
    container: str
    """The name of the vault, directory of PDFs or library. It is the same in every run."""
    complete: bool
    """Whether the list is complete, so that documents missing from it must have been removed."""
    directory: str = ""
    """The path of the directory or file that was listed, or "" if the container is neither."""


Sighting = (
    ExtractedDocument
    | UnmarkedDocument
    | UnchangedDocument
    | UnreadDocument
    | Problem
    | ScanEnd
)
"""Anything that a source yields during a scan."""


class Paragraph(Value):
    """A paragraph of a document, which is a span of text on one of its pages."""

    page: int
    """The index of the page in `DocumentText.pages`."""
    start: int
    """Where the paragraph starts in the text of the page."""
    end: int
    """Where the paragraph ends in the text of the page, exclusive."""
    heading: str = ""
    """The headings above the paragraph, joined by ` › `. For a heading, its own text comes last."""
    level: int = 0
    """The level of the heading, from 1, or 0 if the paragraph isn't a heading."""
    is_private: bool = False
    """Whether the paragraph must stay on this device."""
    is_note: bool = False
    """Whether the paragraph is among the footnotes or endnotes of a web page or book."""
    skip_reason: str | None = None
    """Why no card may be made of the paragraph, as in `Highlight.skip_reason`."""
    tags: Strings = ()
    block_id: str = ""
    """The block of the document that contains the paragraph, as in `Highlight.block_id`."""
    uri: str = ""
    """A link that opens the document at the paragraph, or ""."""
    page_label: str = ""
    """The place of the paragraph if it isn't a page, such as a time in a video, or ""."""


class DocumentText(Value):
    """The full text of a document, in the form in which its reader locates highlights."""

    document: Document
    pages: Strings
    """The text of each page of a PDF, each file of a book, or each part of a note."""
    paragraphs: tuple[Paragraph, ...]
    """All paragraphs of the document, in reading order."""
    namespace: str = ""
    """The namespace for the keys of highlights in the document, as in `Highlight.namespace`."""
    page_labels: Strings = ()
    """The printed page numbers, or () if there are none."""
    page_hashes: tuple[tuple[str, int], ...] = ()
    """The hashes of the pages, as in `ExtractedDocument.page_hashes`."""
    text_hash: str = ""
    """The hash of the text, as in `ExtractedDocument.text_hash`."""
    skip_reason: str | None = None
    """The reason for making no cards from the document, as in `Highlight.skip_reason`."""
    render_markdown: Callable[[int, int], str] | None = None
    """For a note, which has one page, a function that returns the Markdown of a span of its text,
    or "" if the text is literal."""

    def get_paragraph_text(self, paragraph: Paragraph) -> str:
        """Return the text of a paragraph of this document."""
        return self.pages[paragraph.page][paragraph.start : paragraph.end]

    def get_page_label(self, page: int) -> str:
        """Return the number that is printed on the page at index `page`, or "" if there is none."""
        return self.page_labels[page] if page < len(self.page_labels) else ""

    def list_private_texts(self) -> list[PrivateText]:
        """Return the texts of all private paragraphs. Headings are marked as names (`is_name`)."""
        return [
            PrivateText(
                self.get_paragraph_text(paragraph),
                self.document.key,
                is_name=paragraph.level > 0,
            )
            for paragraph in self.paragraphs
            if paragraph.is_private
        ]


class QuoteReading(NamedTuple):
    """The text of a chosen passage and of its context, as they were read at one time."""

    exact: str
    before: str
    """The text before the passage, normalized as in an anchor."""
    after: str
    """The text after the passage, normalized as in an anchor."""


class PassageChoice(Value):
    """A passage that was chosen by the user or in a chat, but isn't marked in its document."""

    id: str
    """The id of the event in the journal that records the choice."""
    path: str
    """The path of the document in its container."""
    readings: tuple[QuoteReading, ...]
    """The text of the passage at each reading, latest first."""
    page: int
    """The page of the passage when it was chosen."""
    start: int
    """The position of the passage in the text of the page when it was chosen."""
    created: str = ""


class DocumentLookup(Protocol):
    """Looks up documents that the ledger stored in earlier runs.

    Sources use it to skip unchanged documents and to find the passages chosen in a document.
    """

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether the document had this fingerprint when it was last read.

        The fingerprint "" is unknown, so the result is False.
        """

    def find_dependencies(self, container: str, path: str) -> Strings | None:
        """Return the stored `dependencies` of a document, or None if it was never read."""

    def list_paths(self, container: str) -> Strings:
        """Return the paths of all documents of a container that are in the ledger."""

    def find_choices(self, container: str) -> tuple[PassageChoice, ...]:
        """Return the passages chosen in this container or in containers that are no longer read."""


class SourceCache(Protocol):
    """A cache that a source keeps between runs. It can safely be deleted."""

    def load(self, name: str) -> bytes | None:
        """Return the content of the entry `name`, or None if there is no such entry."""

    def update(
        self, entries: Mapping[str, bytes], deleted_names: Iterable[str] = ()
    ) -> None:
        """Store the contents in `entries` and delete the entries in `deleted_names`.

        Both happen in a single transaction.
        """


class EmptySourceCache:
    """A cache that is always empty, for tests and for commands that must not write anything."""

    def load(self, name: str) -> bytes | None:
        """Return None, because there are no entries."""

    def update(
        self, entries: Mapping[str, bytes], deleted_names: Iterable[str] = ()
    ) -> None:
        """Do nothing."""


class Source(Protocol):
    """A collection of documents with highlights, such as a vault or a library."""

    def scan(self, known: DocumentLookup | None = None) -> Iterator[Sighting]:
        """Yield documents and problems one at a time, and a `ScanEnd` after each container.

        A document that `known` reports as unchanged may be yielded as an `UnchangedDocument`. If
        `known` is None, every document is read.
        """
