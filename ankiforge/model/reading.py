"""What a source yields: documents, highlights, problems, scans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ankiforge.model.words import (
    NO_KEY,
    DocumentKey,
    Form,
    HighlightKey,
    HighlightKind,
    Route,
    Span,
)

NOTE = "anki:"
"""Before the id of a note in Anki, among the other names of a highlight."""
ELSEWHERE = "already in Anki by another tool"
"""Why a passage gets no card here."""


@dataclass(frozen=True, slots=True)
class Document:
    """A work that was read: a paper, a book, a vault note."""

    key: DocumentKey
    """The key it would be given; the ledger puts the issued one here."""
    source: str
    """The name of the source in the configuration."""
    title: str
    path: str = ""
    """Relative to the source root, `/`, NFC; "" where there is no file."""
    creators: tuple[str, ...] = ()
    issued: str = ""
    """A year or an ISO date."""
    identifiers: tuple[tuple[str, str], ...] = ()
    """(scheme, value): doi, arxiv, isbn, url, citekey, zotero, pdf …"""
    uri: str = ""
    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    deck: str = ""
    """The deck the document itself asks for (front matter)."""


@dataclass(frozen=True, slots=True)
class Former:
    """How versions up to eaf6667 read a highlight: replies to its words of then are paid for."""

    exact: str
    prefix: str = ""
    suffix: str = ""
    sentence: str = ""
    gaps: tuple[Span, ...] = ()
    markdown: tuple[str, ...] = ()
    markdown_gaps: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Highlight:
    """One passage a person marked, or one card a person wrote by hand.

    `exact`, `prefix` and `suffix` are the words of the W3C TextQuoteSelector.
    """

    document: Document
    namespace: str
    """What stands before the slash of its key: `zotero:user`, `pdf:<document>`, `vault:<name>`."""
    kind: HighlightKind
    exact: str
    """Verbatim plain text. Of a sentence with marked phrases: the whole sentence."""
    key: HighlightKey = NO_KEY
    """Issued by the ledger, once."""
    own: str = ""
    """The source's own id for it, if that is fit to be a key; else the anchor serves."""
    nth: int = 1
    """Which one among equal anchors of its note or page, in document order."""
    anchor_text: str = ""
    """Stands in for `exact` in the anchor: of a mark without text, or if the frozen reading of
    docs/keys.md has other words than `exact`."""
    anchor_around: tuple[str, str] | None = None
    """Stand in for `prefix` and `suffix` there."""
    hints: tuple[str, ...] = ()
    """Other names of the same mark, e.g. `zotero:ABCD2345` from `/Zotero:Key` in a PDF."""
    form: Form = Form.MARK
    gaps: tuple[Span, ...] = ()
    """The marked phrases, in code points of `exact`."""
    prefix: str = ""
    suffix: str = ""
    """Up to 80 characters of plain text before and after."""
    sentence: str = ""
    """The sentence (or sentences) around the mark; "" if the same as `exact`."""
    markdown: tuple[str, ...] = ()
    """As written, in our Markdown without mark signs: (text,), or (front, back) of a card, after
    which may stand what is shown with the answer; () where `exact` is literal text."""
    markdown_gaps: tuple[Span, ...] = ()
    """The phrases again, in code points of `markdown[0]`."""
    two_way: bool = False
    comment: str = ""
    instructs: bool = True
    """Whether the comment may instruct (it is by `me`)."""
    colour: str = ""
    """`#rrggbb`, or the name the source gives it."""
    author: str = ""
    created: str = ""
    """When it was made, ISO 8601 with its zone; "" where nobody knows."""
    modified: str = ""
    tags: tuple[str, ...] = ()
    page_label: str = ""
    heading: str = ""
    """The headings above, joined by ` › `."""
    above: tuple[str, ...] = ()
    """What the items of the list above it say, outermost first, shortened: its context."""
    uri: str = ""
    """Opens the source at the mark."""
    links: tuple[str, ...] = ()
    block: str = ""
    """What tells its block apart within the document (block id, else the block's order)."""
    skip: str = ""
    """Why it must not become a card ("" = it may)."""
    declared: bool = False
    """Whether the settings say that what is written so is a card: by a dialect named in them."""
    formerly: Former | None = None
    """How it was read before the reading became better; None = as it is now."""

    @property
    def as_formerly(self) -> Highlight:
        """The highlight as it was read before the reading became better."""
        was = self.formerly
        if was is None:
            return self
        return replace(
            self,
            exact=was.exact,
            prefix=was.prefix,
            suffix=was.suffix,
            sentence=was.sentence,
            gaps=was.gaps,
            markdown=was.markdown,
            markdown_gaps=was.markdown_gaps,
            formerly=None,
        )

    def formerly_as(self, was: Highlight) -> Highlight:
        """The highlight that knows it was formerly read as another, if that is not the same."""
        former = Former(
            was.exact,
            was.prefix,
            was.suffix,
            was.sentence,
            was.gaps,
            was.markdown,
            was.markdown_gaps,
        )
        told = replace(self, formerly=former)
        return self if told.as_formerly == replace(self, formerly=None) else told

    @property
    def other_note(self) -> int:
        """The note in Anki that another tool says it made of this passage; 0 = none does."""
        named = (hint[len(NOTE) :] for hint in self.hints if hint.startswith(NOTE))
        return int(next(named, "0"))

    @property
    def route(self) -> Route:
        """The kind of source it came by."""
        head = self.namespace.partition(":")[0]
        return Route(head) if head in list(Route) else Route.OTHER

    @property
    def context(self) -> str:
        """All the text a card may lean on, in reading order."""
        middle = self.sentence or self.exact
        return "\n".join(part for part in (self.prefix, middle, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a person marked as a picture, cut from its page."""

    name: str
    """`cut/<16 hex digits>.png`, made of its place, not of its bytes: what Markdown calls it."""
    data: bytes
    """PNG."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """One document with all its highlights, in reading order."""

    document: Document
    highlights: tuple[Highlight, ...]
    container: str = ""
    """The vault, folder or library, as in the `Scan` that follows."""
    pages: tuple[tuple[str, int], ...] = ()
    """Of a PDF: (h16 of the page's fold, its folded length) per page; tells copies of a work."""
    pictures: tuple[Picture, ...] = ()
    """Those its highlights show that lie in no file of the source."""
    fingerprint: str = ""
    """Differs once reading the document may give something else; "" = nobody can tell."""
    depends: tuple[str, ...] = ()
    """What reading depended on besides the document itself, as the source calls it."""


@dataclass(frozen=True, slots=True)
class Unmarked:
    """A document that was read and holds no highlight."""

    container: str
    path: str
    fingerprint: str
    depends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A document that was not read, since its fingerprint is the one that the ledger knows."""

    container: str
    path: str
    """Its path, or the key of its document where there is none."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, page or reply that failed: it travels, it is named at the end."""

    where: str
    what: str
    hint: str = ""
    notice: bool = False
    """Nothing failed: it is told, and that is all."""
    once: bool = False
    """Told by this run alone: the next one has it as a reason."""


WENT_AWAY = "it went away while it was read"
"""What is wrong with a file that was listed, and is not there any more."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The end of a source: what was looked at, and whether all of it was."""

    source: str
    container: str
    """What the scan covers: a vault, a PDF folder, a library; stable between runs."""
    complete: bool


Sighting = Extracted | Unmarked | Unchanged | Problem | Scan


class Known(Protocol):
    """What the ledger knows of the documents that were read before."""

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document was taken in with this fingerprint; never for ""."""
        ...

    def depends(self, container: str, path: str) -> tuple[str, ...]:
        """Return what reading the document depended on, as the source called it."""
        ...

    def paths(self, container: str) -> tuple[str, ...] | None:
        """Return the documents of a container; None if one of them must be read again."""
        ...


class NothingKnown:
    """For a scan that reads everything."""

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return False."""
        return False

    def depends(self, container: str, path: str) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def paths(self, container: str) -> tuple[str, ...] | None:
        """Return None."""


class Memory(Protocol):
    """What one source keeps between runs to be quicker or cheaper.

    It may be empty at any time: nothing may be lost by that but time.
    """

    def recall(self, name: str) -> bytes | None:
        """What was kept under this name, None if nothing is."""
        ...

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """All that was kept under names that begin so."""
        ...

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Keep these, and forget those names: all of it or, if the power fails, nothing."""
        ...


class NoMemory:
    """For a look that must leave no trace, and for tests."""

    def recall(self, name: str) -> bytes | None:
        """Nothing."""

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """Nothing."""
        return {}

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Forget it at once."""


class Source(Protocol):
    """A source yields documents and problems, and ends with one `Scan` per container.

    A source may take one argument, `known: Known`, and yield `Unchanged` in place of a document
    that `known` says is unchanged. Without it the source reads everything.
    """

    def scan(self) -> Iterator[Sighting]:
        """Yield the documents one at a time."""
        ...
