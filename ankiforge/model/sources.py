"""The values that sources yield, and the questions that they may ask of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple, Protocol

from ankiforge.model.highlights import Document, Highlight
from ankiforge.model.values import DocumentKey, Json, Strings, Value


class Picture(Value):
    """A picture that a person marked, cut from the page."""

    name: str
    """The name in Markdown, `cut/<16 hex digits>.png`, computed from the place of the picture."""
    data: bytes
    """PNG."""


class LateText:
    """A text that is computed when somebody asks for it."""

    def __init__(self, compute: Callable[[], str]) -> None:
        self._compute = compute

    def read(self) -> str:
        """Return the text."""
        return self._compute()

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same text."""
        return isinstance(other, LateText) and self.read() == other.read()

    __hash__ = None  # type: ignore[assignment]


CODE_AND_MATHS = "code and maths"
"""The kind of all that is left out of a note because it is code or maths: it is one entry a
note, and is in no count."""


DRAWN = "mark drawn into a page"
"""The kind of a mark that is no annotation of its PDF: one entry a page."""
NOTE_OF = "note of "
"""How the kind of a card that another tool keeps in a note begins; the tool's name follows."""
LOGSEQ_CARD = "card of Logseq (#card)"
"""The kind of a block that Logseq shows as a card, with the answer in the blocks below it."""
HEADED_CARD = "question::answer in a heading"
"""The kind of a card on a line that is a heading, which is not read."""
NO_EXPORT = "that is no known export"
"""The end of the kind of a file beside exports that no source reads; its ending comes before it."""
LOGSEQ_MARK = "mark that Logseq keeps of a PDF"
"""The kind of a block on a page `hls__…` of Logseq."""


class LeftOut(Value):
    """Something that looks like a mark or a card, and why a reader made no highlight of it."""

    kind: str
    """Its look, in a few words: `==mark==`, `picture`, `.epub`."""
    place: str
    """Where in its document: `line 12`, `page 3`, `row 7`; "" = all of it."""
    reason: str


class Extracted(Value):
    """One document with all its highlights, in reading order."""

    document: Document
    highlights: tuple[Highlight, ...]
    container: str = ""
    """The vault, folder or library, as in the `Scan` that follows."""
    pages: tuple[tuple[str, int], ...] = ()
    """For each page of a PDF, (h16 of the folded text, its length), to recognise copies."""
    pictures: tuple[Picture, ...] = ()
    """The pictures of the highlights that are not in a file of the source."""
    fingerprint: str = ""
    """Changes when reading the document may give another result; "" = unknown."""
    depends: Strings = ()
    """The things on which the result depends besides the document, in terms of the source."""
    sketch: str = ""
    """A sketch of the words, to recognise the document when it is renamed (`text.identifiers`)."""
    private: Strings = ()
    """The texts in it that must stay on this machine, besides those of private highlights."""
    private_names: Strings = ()
    """Private titles, headings, cells and fields, which are private in this document alone."""
    public_text: LateText | None = None
    """The text that is not private. None: only that of the highlights is known."""
    left_out: tuple[LeftOut, ...] = ()
    """The marks and cards in it that are in no highlight."""
    is_whole: bool = True
    """Whether all of it could be read, so that a highlight that is missing was taken out."""


class PrivateText(Value):
    """A text that must stay on this machine."""

    text: str
    """Plain text; "" stands for all of the document."""
    document: DocumentKey
    """The document in which it is, or was; "" if that has no highlights."""
    is_name: bool = False
    """Whether it is private in that document alone, as a title, a heading or a phrase is."""


class Unmarked(Value):
    """A document that was read and has no highlights."""

    highlights: ClassVar[tuple[Highlight, ...]] = ()
    is_whole: ClassVar[bool] = True
    container: str
    path: str
    fingerprint: str
    depends: Strings = ()
    private: Strings = ()
    """As in `Extracted`."""
    private_names: Strings = ()
    """As in `Extracted`."""
    public_text: LateText | None = None
    """As in `Extracted`."""
    left_out: tuple[LeftOut, ...] = ()
    """As in `Extracted`."""
    source: str = ""
    """The name of the source in the settings; "" if it lists nothing that is shown."""


class Unchanged(Value):
    """A document that was not read, because the ledger has its fingerprint."""

    container: str
    path: str
    """The path, or if there is none, the key of the document."""


class Unread(Value):
    """A document that is there and cannot be read now: its highlights stay as they are."""

    container: str
    path: str
    """The path of the document, or of a folder that holds documents."""


class Problem(Value):
    """A failure of a file, page or reply, reported at the end of the command."""

    where: str
    what: str
    hint: str = ""
    notice: bool = False
    """Whether this is only a remark for the user, not a failure."""
    once: bool = False
    """Whether only this run reports it; later, it is in a list or in `status`."""

    def told(self, others: int = 0) -> str:
        """Return the problem in a line; `others`: the number of other places that have it, too."""
        kind = "note" if self.notice else "failed"
        more = f" and {others:,} more" if others else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{kind}: {self.where}{more}: {self.what}{hint}"


class Noticed(Value):
    """A notice of a feature about the ledger or Anki, for the summary of a run and `status`."""

    line: str = ""
    """A line below the summary; "" = there is nothing to say."""
    data: Json = {}
    """The keys that it adds to the JSON of the run."""
    step: str = ""
    """The command to type next, before any of the program; "" = the feature needs none."""
    why: str = ""
    instead: str = ""
    """The command that does without `step`, in full."""


WENT_AWAY = "it disappeared while it was read"
"""The problem of a file that vanished between listing and reading."""


class Scan(Value):
    """The end of a listing: the container that was listed, and whether the list is complete."""

    source: str
    container: str
    """A vault, a PDF folder or a library; the name is stable between runs."""
    complete: bool
    folder: str = ""
    """The folder or file that was listed; "" if it is neither."""


Sighting = Extracted | Unmarked | Unchanged | Unread | Problem | Scan


class Paragraph(Value):
    """A paragraph of a document: a stretch of the text of one of its pages."""

    page: int
    start: int
    end: int
    heading: str = ""
    """The headings above, joined by ` › `; of a heading, with itself."""
    level: int = 0
    """Of a heading, from 1; 0 = it is none."""
    private: bool = False
    """Whether it must stay on this machine."""
    tags: Strings = ()
    block: str = ""
    """As in `Highlight`."""
    uri: str = ""
    """Opens the document there; "" = nothing does."""


class WholeText(Value):
    """The whole text of a document, as its reader finds marks in it."""

    document: Document
    pages: Strings
    """The text of each page of a PDF, file of a book, or part of a note."""
    paragraphs: tuple[Paragraph, ...]
    """All of them, in reading order."""
    namespace: str = ""
    """Of the keys of its highlights."""
    labels: Strings = ()
    """The printed numbers of the pages; () = they have none."""
    prints: tuple[tuple[str, int], ...] = ()
    """As `Extracted.pages`."""
    sketch: str = ""
    """As in `Extracted`."""
    skip: str = ""
    """As in `Highlight`."""

    def text_of(self, paragraph: Paragraph) -> str:
        """Return the words of a paragraph."""
        return self.pages[paragraph.page][paragraph.start : paragraph.end]

    def label(self, page: int) -> str:
        """Return the printed number of a page; "" if there is none."""
        return self.labels[page] if page < len(self.labels) else ""


class Side(NamedTuple):
    """The words of a chosen passage at one reading."""

    exact: str
    before: str
    after: str
    """Both folded, as in an anchor."""


class Chosen(Value):
    """A passage that a chat, or a person on the page, chose in a document without marking it."""

    id: str
    """That of its event in the journal."""
    path: str
    """Its document in the container."""
    readings: tuple[Side, ...]
    """The last first."""
    page: int
    start: int
    """Where it was when it was chosen."""
    created: str = ""


class Known(Protocol):
    """The ledger's records of documents that were read before."""

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document was ingested with this fingerprint; always False for ""."""

    def depends(self, container: str, path: str) -> Strings | None:
        """Return `Extracted.depends` of the last reading of a document; None if it is new."""

    def paths(self, container: str) -> Strings:
        """Return the documents of a container."""

    def chosen(self, container: str) -> tuple[Chosen, ...]:
        """Return the passages that were chosen in documents of a container."""


class Memory(Protocol):
    """A cache that a source keeps between runs. Losing it costs only time."""

    def recall(self, name: str) -> bytes | None:
        """Return the entry with this name; None if there is none."""

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Store entries and delete others, in one transaction."""


class NoMemory:
    """An empty cache, for tests and for commands that must not write anything."""

    def recall(self, name: str) -> bytes | None:
        """Return None."""

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Do nothing."""


class Source(Protocol):
    """Yields documents and problems, and at the end of each container a `Scan`."""

    def scan(self, known: Known | None = None) -> Iterator[Sighting]:
        """Yield the documents one at a time.

        A source may yield `Unchanged` for each document that is unchanged according to
        `known`. Without `known`, it reads everything.
        """
