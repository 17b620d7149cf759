"""Keys with types of their own, and decisions as enums."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType

HighlightKey = NewType("HighlightKey", str)
NO_KEY = HighlightKey("")
"""Of a highlight that was not issued one yet."""
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
DraftId = NewType("DraftId", str)
RunId = NewType("RunId", str)
Span = tuple[int, int]
"""[start, end) in code points."""
Fields = tuple[tuple[str, str], ...]
"""(content field name, Markdown), in note type order, empty ones left out."""


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

    @property
    def there(self) -> bool:
        """Whether the note stands in Anki, as far as is known."""
        return self in (AnkiState.SEEN, AnkiState.HELD)


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
