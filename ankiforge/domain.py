"""What travels through the house: frozen values, decisions, keys.

A highlight is born in `extract`, becomes drafts in `draft`, gathers findings in `check`,
rests in the `ledger`, and leaves as a note through `anki`. Each stage returns new values.
Text that is absent is "", never None; sequences are tuples; keys have types of their own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

HighlightKey = NewType("HighlightKey", str)
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
DraftId = NewType("DraftId", str)
RunId = NewType("RunId", str)
Span = tuple[int, int]
"""[start, end) in code points."""
Fields = tuple[tuple[str, str], ...]
"""(content field name, Markdown), in note type order, empty ones left out."""


# --- hashes and ids: frozen for ever, see docs/keys.md --------------------------------------


def h16(*parts: str) -> str:
    """The first 16 hex digits of sha256 over the parts joined by U+001F."""
    return _digest(parts).hex()[:16]


def number_of(*parts: str) -> int:
    """The first 8 bytes, big-endian, of the same hash."""
    return int.from_bytes(_digest(parts)[:8], "big")


def _digest(parts: tuple[str, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()


ID_BASE = 1_400_000_000_000
"""Ids start in May 2014: in Anki's range of timestamps, and never in the future."""


def guid_for(key: HighlightKey, family: Family, slot: int) -> Guid:
    """The identity of a note, the same on every machine and for ever."""
    digest = _digest(("ankiforge/guid/1", key, family.value, str(slot)))[:15]
    return Guid("af" + base64.b32encode(digest).decode().lower())


def note_id(guid: Guid) -> int:
    """Anki's id of a note, in the range of milliseconds since 1970."""
    return ID_BASE + number_of("nid", guid) % 2**37


def card_id(guid: Guid, ordinal: int) -> int:
    """Anki's id of the card with this ordinal (from 0)."""
    return ID_BASE + number_of("cid", guid, str(ordinal)) % 2**37


def named_id(what: str, name: str) -> int:
    """Anki's id of a deck (`what` = "deck") or a note type ("notetype")."""
    return ID_BASE + number_of(what, name) % 2**37


# --- words ----------------------------------------------------------------------------------


class Route(StrEnum):
    """By which way a highlight was reached; the order is the order of trust."""

    ZOTERO = "zotero"
    PDF = "pdf"
    VAULT = "vault"
    OTHER = "other"


class HighlightKind(StrEnum):
    """What a person left on the page."""

    HIGHLIGHT = "highlight"
    UNDERLINE = "underline"
    STRIKE = "strike"
    NOTE = "note"
    IMAGE = "image"
    INK = "ink"
    CARD = "card"


class Form(StrEnum):
    """How it was written; decides what is unambiguous ("clean")."""

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
    """What a draft asks Anki to make of it."""

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
    """Axis highlight.presence."""

    PRESENT = "present"
    MISSING_ONCE = "missing-once"
    GONE = "gone"
    IGNORED = "ignored"


class CandidateState(StrEnum):
    """Axis candidate: only the picked one is a card."""

    OPEN = "open"
    PICKED = "picked"
    PASSED = "passed"


class Verdict(StrEnum):
    """Axis card.verdict."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Standing(StrEnum):
    """Axis card.standing."""

    LIVE = "live"
    RETIRED = "retired"
    SUPERSEDED = "superseded"


class AnkiState(StrEnum):
    """Axis card.anki: what we know of the note over there."""

    NONE = "none"
    WRITTEN = "written"
    SEEN = "seen"
    HELD = "held"
    MISSING = "missing"
    TOMBSTONE = "tombstone"


class AcceptedBy(StrEnum):
    """Who let a card through; a clean revision inherits it."""

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
    """Where a highlight ended; the first that holds, in this order."""

    IGNORED = "ignored"
    FAILED = "failed"
    CARDED = "carded"
    WAITING = "waiting"
    BLOCKED = "blocked"
    NO_CARD = "no_card"


# --- what a source yields -------------------------------------------------------------------


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
    key: HighlightKey = HighlightKey("")
    """Issued by the ledger, once."""
    own: str = ""
    """The source's own id for it, if that is fit to be a key; else the anchor serves."""
    nth: int = 1
    """Which one among equal anchors of its note or page, in document order."""
    anchor_text: str = ""
    """Stands in for `exact` in the anchor of a mark without text."""
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
    """As written, in our Markdown without mark signs: (text,), or (front, back) of a card;
    () where `exact` is literal text."""
    markdown_gaps: tuple[Span, ...] = ()
    """The phrases again, in code points of `markdown[0]`."""
    two_way: bool = False
    comment: str = ""
    instructs: bool = True
    """Whether the comment may instruct (it is by `me`)."""
    colour: str = ""
    """`#rrggbb`, or the name the source gives it."""
    author: str = ""
    tags: tuple[str, ...] = ()
    page_label: str = ""
    heading: str = ""
    """The headings above, joined by ` › `."""
    uri: str = ""
    """Opens the source at the mark."""
    links: tuple[str, ...] = ()
    block: str = ""
    """What tells its block apart within the document (block id, else the block's order)."""
    skip: str = ""
    """Why it must not become a card ("" = it may)."""

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
class Extracted:
    """One document with all its highlights, in reading order."""

    document: Document
    highlights: tuple[Highlight, ...]
    container: str = ""
    """The vault, folder or library, as in the `Scan` that follows."""
    pages: tuple[tuple[str, int], ...] = ()
    """Of a PDF: (h16 of the page's fold, its folded length) per page; tells copies of a work."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, page or reply that failed: it travels, it is named at the end."""

    where: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """The end of a source: what was looked at, and whether all of it was."""

    source: str
    container: str
    """What the scan covers: a vault, a PDF folder, a library; stable between runs."""
    complete: bool


Sighting = Extracted | Problem | Scan


class Source(Protocol):
    """A source yields documents and problems, and ends with one `Scan` per container."""

    def scan(self) -> Iterator[Sighting]:
        """Read everything anew, one document at a time."""
        ...


# --- what a drafter yields ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Who drew a draft, and from which words."""

    drafter: str
    """`rules:acronym`, `llm`, `person` …"""
    model: str = ""
    prompt: str = ""
    """`name@fingerprint`."""
    request: str = ""
    """The hash under which the ledger keeps the model's reply."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a drafter proposes: one Anki note to be, in Markdown."""

    highlight: HighlightKey
    kind: CardKind
    fields: Fields
    quote: str
    """The evidence, verbatim from the source."""
    answer: str
    """What is to be recalled, as plain text; tells cards of one highlight apart."""
    start: int
    """Where the evidence begins in `exact`; orders the intents of a highlight."""
    origin: Origin
    intent: int = 0
    """Drafts of one highlight with equal intent are candidates of one choice."""
    by_hand: bool = False
    """Written as a card by a person, in the source."""
    tags: tuple[str, ...] = ()

    def field(self, name: str) -> str:
        """The Markdown of one content field, "" if absent."""
        return dict(self.fields).get(name, "")


@dataclass(frozen=True, slots=True)
class NoCard:
    """A highlight that yields nothing, and why: an answer of full rank."""

    highlight: HighlightKey
    reason: str


@dataclass(frozen=True, slots=True)
class Task:
    """Highlights of one document that want drafts."""

    document: Document
    highlights: tuple[Highlight, ...]
    remark: str = ""
    """What a person asked for when asking again."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """A task's result: every highlight is in drafts, in no_cards, or under a problem."""

    task: Task
    drafts: tuple[Draft, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[HighlightKey, ...] = ()
    """Not answered this time (a fault of the service): drafted again on the next run."""
    problems: tuple[Problem, ...] = ()


class Drafter(Protocol):
    """Turns tasks into results, in order; pulls no faster than it works."""

    def draft(self, tasks: Iterator[Task]) -> Iterator[Drafted]:
        """Yield one result per task."""
        ...


# --- what a check yields --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    check: str
    severity: Severity
    message: str
    twin: str = ""
    """The guid or draft id it resembles."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft with what the checks said, and where it is to go."""

    draft: Draft
    findings: tuple[Finding, ...] = ()
    accept: bool = False
    """Whether policy lets it through."""
    repeats: str = ""
    """The guid of a card, or the label of a draft of this batch, that it repeats exactly."""
    label: str = ""
    """Names this draft within its batch."""
    deck: str = ""
    tags: tuple[str, ...] = ()
    """The reader's tags; ours are added on the way to Anki."""

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Batch:
    """All that became of one task: what the ledger records in one transaction."""

    task: Task
    drafter: str
    """Who drew it: `rules`, or the model's name; asked again when it is another."""
    checked: tuple[Checked, ...] = ()
    no_cards: tuple[NoCard, ...] = ()
    failed: tuple[tuple[HighlightKey, str], ...] = ()
    """(highlight, what went wrong)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One draft as the ledger keeps it."""

    id: DraftId
    state: CandidateState
    draft: Draft
    findings: tuple[Finding, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it."""
        return any(finding.severity is Severity.BLOCK for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Neither blocked nor in need of a look."""
        return all(finding.severity is Severity.INFO for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Card:
    """One note to be, with all that was decided about it."""

    guid: Guid
    key: HighlightKey
    slot: int
    kind: CardKind
    fields: Fields
    """As decided: the picked candidate's, or a person's edit."""
    verdict: Verdict
    standing: Standing
    anki: AnkiState
    highlight: Highlight
    candidates: tuple[Candidate, ...]
    standing_why: str = ""
    anki_why: str = ""
    accepted_by: AcceptedBy = AcceptedBy.NOBODY
    edited: bool = False
    """A person's words stand in `fields`."""
    forced: bool = False
    """Accepted over a block, by a person."""
    deck: str = ""
    tags: tuple[str, ...] = ()
    reason: str = ""
    """Why it was rejected."""

    @property
    def family(self) -> Family:
        """The note type it belongs to."""
        return self.kind.family

    @property
    def picked(self) -> Candidate | None:
        """The candidate that is the card; None while the choice is open."""
        chosen = [c for c in self.candidates if c.state is CandidateState.PICKED]
        return chosen[-1] if chosen else None

    @property
    def open(self) -> tuple[Candidate, ...]:
        """Candidates, or revisions, that wait for a person."""
        return tuple(c for c in self.candidates if c.state is CandidateState.OPEN)

    @property
    def leading(self) -> Candidate:
        """The candidate to show: the picked one, else the first open, else the first."""
        return self.picked or (self.open or self.candidates)[0]

    @property
    def blocked(self) -> bool:
        """Whether a check forbids it and no person has forced it."""
        return self.leading.blocked and not self.forced

    @property
    def ready(self) -> bool:
        """Accepted, live, and not blocked."""
        live = self.standing is Standing.LIVE
        return self.verdict is Verdict.ACCEPTED and live and not self.blocked


# --- what the way to Anki carries -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Media:
    """A picture a note shows: its content-addressed name and where its bytes lie."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Note:
    """An Anki note, ready to be written: HTML, all fields in note type order."""

    guid: Guid
    family: Family
    deck: str
    fields: tuple[str, ...]
    tags: tuple[str, ...]
    mod: int
    """The compare-and-swap number Anki compares; seconds by name only."""
    media: tuple[Media, ...] = ()
