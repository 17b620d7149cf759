"""Highlights as read from sources, their keys, documents and scans, and the enums of states.

Values are immutable, and sequences are tuples. Absent text is "", never None. Keys have types of
their own. Hashes and ids must never change (docs/keys.md).
"""

from __future__ import annotations

import base64
import colorsys
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, NewType, Protocol, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True):
    """A value: it never changes, and equal ones are the same."""


HighlightKey = NewType("HighlightKey", str)
NO_KEY = HighlightKey("")
"""The key of a highlight that was not issued one yet."""
DocumentKey = NewType("DocumentKey", str)
Guid = NewType("Guid", str)
Json = dict[str, Any]
"""A JSON object."""
Strings = tuple[str, ...]
"""Texts, names or ids in their order."""
Span = tuple[int, int]
"""[start, end) in code points."""
Pair = tuple[str, str]
"""Two texts that belong together."""
Texts = Mapping[str, str]
"""Texts by a name: of a field, a setting, an id."""
Fields = tuple[Pair, ...]
"""(content field name, Markdown), in note type order, without empty fields."""


class SourceKind(StrEnum):
    """The kind of source of a highlight, the most trusted first."""

    ZOTERO = "zotero"
    PDF = "pdf"
    VAULT = "vault"
    OTHER = "other"


class HighlightKind(StrEnum):
    """The kind of object that a person created in the source."""

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
    """The kind of a draft or card."""

    CLOZE = "cloze"
    BASIC = "basic"
    TWO_WAY = "two-way"

    @property
    def family(self) -> Family:
        """The note type for this kind."""
        return Family.CLOZE if self is CardKind.CLOZE else Family.BASIC


class Family(StrEnum):
    """One of the two note types. A two-way card is a basic one with the field Reverse filled."""

    BASIC = "basic"
    CLOZE = "cloze"

    @property
    def content_fields(self) -> Strings:
        """The fields that contain the text of the card, in note type order."""
        return ("Front", "Back", "Reverse", "Extra") if self is Family.BASIC else ("Text", "Extra")


class Verdict(StrEnum):
    """What became of an accepted card. Only live cards are shipped."""

    LIVE = "live"
    REJECTED = "rejected"
    RETIRED = "retired"
    """Deleted by the person in Anki, or replaced by another card."""
    TAKEN_BACK = "taken back"
    """Its acceptance was undone: the draft waits again, and policy leaves it to the person."""
    SUPERSEDED = "superseded"
    """Another card of the same passage stands: the passage had been given two keys."""


class Severity(StrEnum):
    """The severity of a finding: `block` prevents shipping, `warn` asks for review, `info` is counted."""

    INFO = "info"
    WARN = "warn"
    BLOCK = "block"


# --- hashes and ids, see docs/keys.md -------------------------------------------------------------


def h16(*parts: str) -> str:
    """Return the first 16 hex digits of sha256 over the parts joined by U+001F."""
    return _digest(parts).hex()[:16]


def number_of(*parts: str) -> int:
    """Return the first 8 bytes of the same hash as a big-endian integer."""
    return int.from_bytes(_digest(parts)[:8], "big")


def _digest(parts: Strings) -> bytes:
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()


ID_BASE = 1_400_000_000_000
"""Ids start in May 2014, so that they are in Anki's range of timestamps but never in the future."""


def guid_for(key: HighlightKey, family: Family, slot: str) -> Guid:
    """Return the guid of a note, which is the same on every machine."""
    digest = _digest(("ankiforge/guid/1", key, family.value, slot))[:15]
    return Guid("af" + base64.b32encode(digest).decode().lower())


def note_id(guid: Guid) -> int:
    """Return the id of a note in Anki, in the range of milliseconds since 1970."""
    return ID_BASE + number_of("nid", guid) % 2**37


def may_be_ours(id: int) -> bool:
    """Return whether the id of a note in Anki is in the range of those that we give."""
    return ID_BASE <= id < ID_BASE + 2**37


def card_id(guid: Guid, ordinal: int) -> int:
    """Return the id in Anki of the card with this ordinal (from 0)."""
    return ID_BASE + number_of("cid", guid, str(ordinal)) % 2**37


def named_id(what: str, name: str) -> int:
    """Return the id in Anki of a deck (`what` = "deck") or a note type ("notetype")."""
    return ID_BASE + number_of(what, name) % 2**37


# --- results of sources ---------------------------------------------------------------------------

NOTE = "anki:"
"""The prefix of the id of a note in Anki, among the hints of a highlight."""
ELSEWHERE = "already in Anki by another tool"
"""The reason why such a passage gets no card."""


class Document(Value):
    """A work that was read: a paper, a book, a vault note."""

    key: DocumentKey
    """A provisional key, which the ledger replaces with the issued one."""
    source: str
    """The name of the source in the settings."""
    title: str
    path: str = ""
    """Relative to the source root, with `/`, in NFC; "" if there is no file."""
    creators: Strings = ()
    issued: str = ""
    """A year or an ISO date."""
    identifiers: tuple[Pair, ...] = ()
    """(scheme, value): doi, arxiv, isbn, url, citekey, zotero, pdf …"""
    uri: str = ""
    tags: Strings = ()
    collections: Strings = ()
    deck: str = ""
    """The deck that the document's front matter asks for."""
    clipped: bool = False
    """Whether it is a page of the web that somebody else wrote, kept as a note."""
    private: str = ""
    """Why nothing of it may leave this machine, besides what its tags say; "" if it may."""


class Highlight(Value):
    """A passage that a person marked, or a card that a person wrote by hand.

    `exact`, `prefix` and `suffix` are terms of the W3C TextQuoteSelector.
    """

    document: Document
    namespace: str
    """The part of the key before the slash: `zotero:user`, `pdf:<document>`, `vault:<name>`."""
    kind: HighlightKind
    exact: str
    """Verbatim plain text. For marked phrases in a sentence, the whole sentence."""
    key: HighlightKey = NO_KEY
    """Issued by the ledger, once."""
    own: str = ""
    """The id in the source, if it is stable enough for a key; else the key uses the anchor."""
    nth: int = 1
    """The position among equal anchors of the note or page, in document order."""
    anchor_text: str = ""
    """Replaces `exact` in the anchor if the mark has no text, or if the reading that docs/keys.md fixes
    has another text.
    """
    anchor_around: Pair | None = None
    """Replaces `prefix` and `suffix` in the anchor."""
    hints: Strings = ()
    """Other ids of the same mark, e.g. `zotero:ABCD2345` from `/Zotero:Key` in a PDF."""
    form: Form = Form.MARK
    gaps: tuple[Span, ...] = ()
    """The marked phrases, in code points of `exact`."""
    prefix: str = ""
    suffix: str = ""
    """Like `prefix`, up to 80 characters of plain text next to `exact`."""
    sentence: str = ""
    """The sentence (or sentences) around the mark; "" if the same as `exact`."""
    markdown: Strings = ()
    """The text in our Markdown, without the signs of marks: (text,), or for a card (front, back) or
    (front, back, extra), where extra is shown with the answer; () if `exact` is literal text."""
    markdown_gaps: tuple[Span, ...] = ()
    """The marked phrases, in code points of `markdown[0]`."""
    two_way: bool = False
    comment: str = ""
    instructs: bool = True
    """Whether the comment may contain instructions, because its author is `me`."""
    colour: str = ""
    """`#rrggbb`, or the name of the colour in the source."""
    author: str = ""
    created: str = ""
    """ISO 8601 with a time zone; "" if unknown."""
    modified: str = ""
    tags: Strings = ()
    page_label: str = ""
    heading: str = ""
    """The headings above, joined by ` › `."""
    above: Strings = ()
    """The texts of the parent list items, outermost first, shortened."""
    uri: str = ""
    """Opens the source at the mark."""
    links: Strings = ()
    block: str = ""
    """Identifies the block within the document: the block id, else the number of the block."""
    skip: str = ""
    """Why the highlight must not become a card; "" if it may."""
    schedule: str = ""
    """As obsidian-spaced-repetition wrote it beside the card."""
    tool: str = ""
    """The tool that wrote the id beside the passage, a name in `text.tools.TITLES`; "" = none."""
    declared: bool = False
    """Whether a dialect in the settings declares it as a card."""
    written: str = ""
    """How a card is written in the source, as a person would say it: `a ::: b`, `#card`; "" = no card."""
    open_end: bool = False
    """Whether the answer of a hand-written card ends at an empty line behind which more text stands."""
    nearby: str = ""
    """The paragraph around it and its neighbours, up to 600 characters, or 1,500 if the comment asks
    something; "" if unknown."""

    @property
    def other_id(self) -> str:
        """The id that another tool wrote beside this passage: Anki's, or one of its own; "" = none."""
        named = (hint[len(NOTE) :] for hint in self.hints if hint.startswith(NOTE))
        return next(named, "")

    @property
    def other_note(self) -> int:
        """The id of the note that another tool made from this passage; 0 = none."""
        return int(self.other_id) if self.other_id.isdecimal() else 0

    @property
    def source_kind(self) -> SourceKind:
        """The kind of the highlight's source."""
        head = self.namespace.partition(":")[0]
        return SourceKind(head) if head in list(SourceKind) else SourceKind.OTHER

    @property
    def context(self) -> str:
        """All the text that may support a card, in reading order."""
        middle = self.sentence or self.exact
        return "\n".join(part for part in (self.prefix, middle, self.suffix) if part)


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


class Extracted(Value):
    """One document with all its highlights, in reading order."""

    document: Document
    highlights: tuple[Highlight, ...]
    container: str = ""
    """The vault, folder or library, as in the `Scan` that follows."""
    pages: tuple[tuple[str, int], ...] = ()
    """For each page of a PDF, (h16 of the folded text, its length), to recognise copies of a work."""
    pictures: tuple[Picture, ...] = ()
    """The pictures of the highlights that are not in a file of the source."""
    fingerprint: str = ""
    """Changes when reading the document may give another result; "" = unknown."""
    depends: Strings = ()
    """What the result depends on besides the document itself, in terms of the source."""
    sketch: str = ""
    """A sketch of the words, to recognise the document when it is renamed (`text.identifiers`)."""
    private: Strings = ()
    """The texts in it that must stay on this machine, besides those of private highlights."""
    public_text: LateText | None = None
    """The text that is not private. None: only that of the highlights is known."""


class PrivateText(Value):
    """A text that must stay on this machine."""

    text: str
    """Plain text; "" stands for all of the document."""
    document: DocumentKey
    """The document in which it stands, or stood; "" if that has no highlights."""


class Unmarked(Value):
    """A document that was read and has no highlights."""

    container: str
    path: str
    fingerprint: str
    depends: Strings = ()
    private: Strings = ()
    """As in `Extracted`."""
    public_text: LateText | None = None
    """As in `Extracted`."""


class Unchanged(Value):
    """A document that was not read, because the ledger has its fingerprint."""

    container: str
    path: str
    """The path, or if there is none, the key of the document."""


class Problem(Value):
    """A failure of a file, page or reply, reported at the end of the command."""

    where: str
    what: str
    hint: str = ""
    notice: bool = False
    """Whether this is only a remark for the user, not a failure."""
    once: bool = False
    """Whether only this run reports it; later, it is the reason why a highlight has no card."""


WENT_AWAY = "it disappeared while it was read"
"""The problem of a file that vanished between listing and reading."""


class Scan(Value):
    """The end of a listing: the container that was listed, and whether the list is complete."""

    source: str
    container: str
    """A vault, a PDF folder or a library; the name is stable between runs."""
    complete: bool


Sighting = Extracted | Unmarked | Unchanged | Problem | Scan


class Known(Protocol):
    """The ledger's records of documents that were read before."""

    def is_unchanged(self, container: str, path: str, fingerprint: str) -> bool:
        """Return whether a document was ingested with this fingerprint; always False for ""."""

    def depends(self, container: str, path: str) -> Strings:
        """Return `Extracted.depends` of the last reading of a document."""

    def paths(self, container: str) -> Strings | None:
        """Return the documents of a container; None if one of them must be read again."""


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

        A source may yield `Unchanged` for each document that is unchanged according to `known`.
        Without `known`, it reads everything.
        """


# --- colours --------------------------------------------------------------------------------

# In degrees, the hues of Zotero's palette and of the colours that PDF programs call so.
_HUES = {
    "yellow": (50, 60),
    "red": (0,),
    "green": (100, 120),
    "blue": (200, 240, 180),
    "purple": (256, 270),
    "magenta": (296, 300, 330),
    "orange": (31, 30),
}
# The difference between the largest and the smallest of red, green, blue (0 to 1).
_GRAY_BELOW = 0.1


def colour_name(colour: str) -> str:
    """Return the palette's name for a colour: `#rrggbb` gives the nearest hue, a name itself.

    Only the hue counts: programs differ in how pale their yellow is, but not in its hue.
    """
    name = colour.casefold()
    if not re.fullmatch(r"#[0-9a-f]{6}", name):
        return "gray" if name == "grey" else name
    red, green, blue = (part / 255 for part in bytes.fromhex(name[1:]))
    if max(red, green, blue) - min(red, green, blue) < _GRAY_BELOW:
        return "gray"
    hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]
    apart = {name: [abs(hue - one) for one in hues] for name, hues in _HUES.items()}
    return min(apart, key=lambda name: min(min(gap, 360 - gap) for gap in apart[name]))
