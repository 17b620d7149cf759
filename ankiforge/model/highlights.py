"""Highlights, as sources yield them: keys, documents, scans, and the enums of states.

Values are frozen. Text that is absent is "", never None; sequences are tuples; keys have types of
their own. Hashes and ids must never change (docs/keys.md).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NewType, Protocol

HighlightKey = NewType("HighlightKey", str)
NO_KEY = HighlightKey("")
"""The key of a highlight to which none was issued yet."""
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
DraftId = NewType("DraftId", str)
RunId = NewType("RunId", str)
Span = tuple[int, int]
"""[start, end) in code points."""
Fields = tuple[tuple[str, str], ...]
"""(content field name, Markdown), in note type order, empty ones left out."""


class Route(StrEnum):
    """The kind of source of a highlight, the most trusted first."""

    ZOTERO = "zotero"
    PDF = "pdf"
    VAULT = "vault"
    OTHER = "other"


class HighlightKind(StrEnum):
    """What a person created in the source."""

    HIGHLIGHT = "highlight"
    UNDERLINE = "underline"
    STRIKE = "strike"
    NOTE = "note"
    IMAGE = "image"
    INK = "ink"
    CARD = "card"


class Form(StrEnum):
    """How a highlight was written; determines which drafts need no review."""

    MARK = "mark"
    """A mark over a passage of a PDF or a Zotero document."""
    PHRASE = "phrase"
    """Marked phrases in a sentence of a vault note: `==…==`, `<mark>`, bold."""
    CALLOUT = "callout"
    """A callout of a vault note."""
    INLINE = "inline"
    """`question::answer` or `term:::definition` on one line."""
    INLINE_FIELD = "inline-field"
    """`word:: value`: a card or mere metadata."""
    BLOCK = "block"
    """Question, a line `?` or `??`, answer."""
    CLOZE = "cloze"
    """`{{…}}` written by hand."""
    GLOSSARY = "glossary"
    """`Term: definition` in a glossary list."""
    TERM = "term"
    """`Term: text` outside a glossary list."""
    OTHER = "other"


class CardKind(StrEnum):
    """Which kind of card a draft is."""

    CLOZE = "cloze"
    BASIC = "basic"
    TWO_WAY = "two-way"

    @property
    def family(self) -> Family:
        """The note type that serves this kind."""
        return Family.CLOZE if self is CardKind.CLOZE else Family.BASIC


class Family(StrEnum):
    """Which of the two note types: two-way is basic with Reverse filled."""

    BASIC = "basic"
    CLOZE = "cloze"

    @property
    def content_fields(self) -> tuple[str, ...]:
        """The fields whose words are the card, in note type order."""
        return ("Front", "Back", "Reverse", "Extra") if self is Family.BASIC else ("Text", "Extra")


class Presence(StrEnum):
    """Whether a highlight is still in its source."""

    PRESENT = "present"
    MISSING_ONCE = "missing-once"
    GONE = "gone"
    IGNORED = "ignored"


class CandidateState(StrEnum):
    """The state of a candidate: the picked one is the card."""

    OPEN = "open"
    PICKED = "picked"
    PASSED = "passed"


class Verdict(StrEnum):
    """What was decided about a card."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Standing(StrEnum):
    """Whether a card is in use."""

    LIVE = "live"
    RETIRED = "retired"
    SUPERSEDED = "superseded"


class AnkiState(StrEnum):
    """What is known of a card's note in Anki."""

    NONE = "none"
    WRITTEN = "written"
    SEEN = "seen"
    HELD = "held"
    MISSING = "missing"
    TOMBSTONE = "tombstone"

    @property
    def there(self) -> bool:
        """Whether the note is in Anki, as far as is known."""
        return self in (AnkiState.SEEN, AnkiState.HELD)


class AcceptedBy(StrEnum):
    """Who accepted a card; a clean revision inherits it."""

    NOBODY = ""
    POLICY = "policy"
    AUTHOR = "author"
    """Hand-written in the source."""
    PERSON = "person"


class Severity(StrEnum):
    """block: never ready; warn: a person looks; info: counted."""

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


class Fate(StrEnum):
    """What became of a highlight: the first that applies, in this order."""

    IGNORED = "ignored"
    FAILED = "failed"
    CARDED = "carded"
    WAITING = "waiting"
    BLOCKED = "blocked"
    NO_CARD = "no_card"


class EditKind(StrEnum):
    """What an edit in place is."""

    ANOTHER_FACT = "another fact"
    """The passage states another fact: it gets another note."""
    WAITS = "waits"
    """The note stays, but a person decides on the new words."""
    CORRECTION = "correction"
    """The same fact: the new words may ship under the old note."""


NOTHING_COMMON = "no word in common"
"""Why two texts are no edit of one another: the later one is simply new."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The kind of an edit, and why, in a few words."""

    kind: EditKind
    why: str
    answer_changed: bool = False
    """Whether the answer is another, not only in spelling, form and small words."""
    asks_other: bool = False
    """Whether a card asks for other words of the same text."""
    names_kept: bool = False
    """Whether no name or number became another one, came or went."""


# --- hashes and ids, see docs/keys.md -------------------------------------------------------------


def h16(*parts: str) -> str:
    """Return the first 16 hex digits of sha256 over the parts joined by U+001F."""
    return _digest(parts).hex()[:16]


def number_of(*parts: str) -> int:
    """Return the first 8 bytes, big-endian, of the same hash."""
    return int.from_bytes(_digest(parts)[:8], "big")


def _digest(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()


ID_BASE = 1_400_000_000_000
"""Ids start in May 2014: in Anki's range of timestamps, and never in the future."""


def guid_for(key: HighlightKey, family: Family, slot: int) -> Guid:
    """Return the guid of a note, the same on every machine."""
    digest = _digest(("ankiforge/guid/1", key, family.value, str(slot)))[:15]
    return Guid("af" + base64.b32encode(digest).decode().lower())


MADE_FROM = 100_000_000
"""First slot of cards that a person made by hand; those of drafted cards count from 1."""
_MADE = 800_000_000


def made_slot(fields: Fields) -> int:
    """Return the slot of a card made by hand, computed from its text.

    So two machines that do not know of one another never give one slot to two such cards.
    """
    return MADE_FROM + number_of("made", *sides_of(fields)) % _MADE


def sides_of(fields: Fields) -> tuple[str, ...]:
    """Return question and answer with white space collapsed."""
    words = {name: " ".join(text.split()) for name, text in fields}
    return tuple(words.get(name, "") for name in ("Text", "Front", "Back"))


def note_id(guid: Guid) -> int:
    """Return Anki's id of a note, in the range of milliseconds since 1970."""
    return ID_BASE + number_of("nid", guid) % 2**37


def card_id(guid: Guid, ordinal: int) -> int:
    """Return Anki's id of the card with this ordinal (from 0)."""
    return ID_BASE + number_of("cid", guid, str(ordinal)) % 2**37


def named_id(what: str, name: str) -> int:
    """Return Anki's id of a deck (`what` = "deck") or a note type ("notetype")."""
    return ID_BASE + number_of(what, name) % 2**37


# --- what a source yields -------------------------------------------------------------------------

NOTE = "anki:"
"""Prefix of the id of a note in Anki, among the hints of a highlight."""
ELSEWHERE = "already in Anki by another tool"
"""Why a passage gets no card here."""


@dataclass(frozen=True, slots=True)
class Document:
    """A work that was read: a paper, a book, a vault note."""

    key: DocumentKey
    """The key of this reading; the ledger replaces it by the issued one."""
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
    """A highlight as versions up to eaf6667 read it: replies to that text are in the cache."""

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
    """The part of its key before the slash: `zotero:user`, `pdf:<document>`, `vault:<name>`."""
    kind: HighlightKind
    exact: str
    """Verbatim plain text. For marked phrases in a sentence, the whole sentence."""
    key: HighlightKey = NO_KEY
    """Issued by the ledger, once."""
    own: str = ""
    """The source's own id, if it is stable enough for a key; else the anchor is used."""
    nth: int = 1
    """The position among equal anchors of its note or page, in document order."""
    anchor_text: str = ""
    """Replaces `exact` in the anchor: for a mark without text, or where the frozen reading of docs/keys.md
    has other text than `exact`.
    """
    anchor_around: tuple[str, str] | None = None
    """Replaces `prefix` and `suffix` in the anchor."""
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
    """Identifies its block within the document (block id, else the block's order)."""
    skip: str = ""
    """Why it must not become a card ("" = it may)."""
    declared: bool = False
    """Whether a dialect named in the settings makes it a card."""
    formerly: Former | None = None
    """As older versions read it; None = as it is now."""

    @property
    def as_formerly(self) -> Highlight:
        """Return the highlight as older versions read it."""
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
        """Return the highlight with another as its older reading, if they differ."""
        former = Former(
            was.exact,
            was.prefix,
            was.suffix,
            was.sentence,
            was.gaps,
            was.markdown,
            was.markdown_gaps,
        )
        both = replace(self, formerly=former)
        return self if both.as_formerly == replace(self, formerly=None) else both

    @property
    def other_note(self) -> int:
        """The id of the note that another tool made of this passage; 0 = none."""
        named = (hint[len(NOTE) :] for hint in self.hints if hint.startswith(NOTE))
        return int(next(named, "0"))

    @property
    def route(self) -> Route:
        """The kind of its source."""
        head = self.namespace.partition(":")[0]
        return Route(head) if head in list(Route) else Route.OTHER

    @property
    def context(self) -> str:
        """All the text that may support a card, in reading order."""
        middle = self.sentence or self.exact
        return "\n".join(part for part in (self.prefix, middle, self.suffix) if part)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a person marked, cut from its page."""

    name: str
    """`cut/<16 hex digits>.png`, computed from its place: its name in Markdown."""
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
    """Differs once reading the document may give another result; "" = unknown."""
    depends: tuple[str, ...] = ()
    """What reading depended on besides the document itself, as the source calls it."""
    sketch: str = ""
    """Of its words, by which it is recognised when it is renamed (`text.renames`)."""


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
    """A file, page or reply that failed; reported at the end of the command."""

    where: str
    what: str
    hint: str = ""
    notice: bool = False
    """Nothing failed: a remark for the user."""
    once: bool = False
    """Reported by this run only; later ones have it as a reason for no card."""


WENT_AWAY = "it went away while it was read"
"""The problem of a file that vanished between listing and reading."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The end of a source's listing: what was listed, and whether it was complete."""

    source: str
    container: str
    """What the scan covers: a vault, a PDF folder, a library; stable between runs."""
    complete: bool


Sighting = Extracted | Unmarked | Unchanged | Problem | Scan


class Known(Protocol):
    """What the ledger knows of documents that were read before."""

    def is_unchanged(
        self, container: str, path: str, fingerprint: str, listed: Mapping[str, str] = ...
    ) -> bool:
        """Return whether a document was ingested with this fingerprint; never for "".

        A source whose files may be copies of one document gives the fingerprints of all that it
        has `listed`, by their paths.
        """
        ...

    def depends(self, container: str, path: str) -> tuple[str, ...]:
        """Return what reading the document depended on, as the source names it."""
        ...

    def paths(self, container: str) -> tuple[str, ...] | None:
        """Return the documents of a container; None if one of them must be read again."""
        ...


class NothingKnown:
    """For a scan that reads everything."""

    def is_unchanged(
        self, container: str, path: str, fingerprint: str, listed: Mapping[str, str] | None = None
    ) -> bool:
        """Return False."""
        return False

    def depends(self, container: str, path: str) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def paths(self, container: str) -> tuple[str, ...] | None:
        """Return None."""


class Memory(Protocol):
    """A cache of one source between runs.

    It may be lost at any time, which costs nothing but time.
    """

    def recall(self, name: str) -> bytes | None:
        """Return the entry of this name; None if there is none."""
        ...

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """Return all entries with this prefix."""
        ...

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Store entries and delete others, as one transaction."""
        ...


class NoMemory:
    """An empty cache: for commands that must write nothing, and for tests."""

    def recall(self, name: str) -> bytes | None:
        """Return None."""

    def recall_all(self, prefix: str) -> dict[str, bytes]:
        """Return nothing."""
        return {}

    def keep(self, bodies: Mapping[str, bytes], forget: Iterable[str] = ()) -> None:
        """Do nothing."""


class Source(Protocol):
    """A source yields documents and problems, and ends with one `Scan` per container.

    A source may take one argument, `known: Known`, and yield `Unchanged` in place of a document
    that `known` says is unchanged. Without it the source reads everything.
    """

    def scan(self) -> Iterator[Sighting]:
        """Yield the documents one at a time."""
        ...
