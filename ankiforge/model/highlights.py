"""Highlights as read from sources, and the documents that contain them."""

from __future__ import annotations

import colorsys
import re
from enum import StrEnum

from ankiforge.model.hints import Hint, anki_note_in
from ankiforge.model.values import (
    NO_KEY,
    DocumentKey,
    HighlightKey,
    Pair,
    Span,
    Strings,
    Value,
)


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


IN_LETTERS = "Q: … A: …"
"""How a question and its answer in letters are `written`."""
WORD_AND_TRANSLATION = "word = translation"
"""How a marked word is written (`Highlight.written`) whose comment is its translation."""
# The digits from which a title is no year or name: `1984`.
_NUMBER_OF_FILE = 5
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
    dataview: bool = False
    """Whether Dataview, for which `key::value` is a field, is switched on in its vault."""
    private: str = ""
    """Why nothing of it may leave this machine, besides what its tags say; "" if it may."""

    @property
    def name(self) -> str:
        """The title; the path of a work without one."""
        return self.title or self.path

    @property
    def subject(self) -> str:
        """The title, if it names the subject of the work, unlike the number of a file in a shop."""
        is_number = len(self.title) >= _NUMBER_OF_FILE and self.title.isdecimal()
        return "" if is_number else self.title


class Label(Value, omit_defaults=True, repr_omit_defaults=True):
    """Words in a figure; lengths in parts of its width and height, from the top left."""

    text: str
    left: float
    top: float
    width: float
    height: float


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
    """Replaces `exact` in the anchor if the mark has no text, or if the reading that
    docs/reference/keys.md fixes has another text.
    """
    anchor_around: Pair | None = None
    """Replaces `prefix` and `suffix` in the anchor."""
    hints: tuple[Hint, ...] = ()
    """Other ids of the same mark, e.g. `zotero:ABCD2345` from `/Zotero:Key` in a PDF
    (`model.hints`)."""
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
    """The tool that wrote the id beside the passage, a name in `hints.TITLES`; "" = none."""
    declared: bool = False
    """Whether a dialect in the settings declares it as a card."""
    deck: str = ""
    """The deck that the note names for this card, and not for all its cards."""
    written: str = ""
    """How a card is written in the source, as a person would say it: `a ::: b`, `#card`.

    "" = no card.
    """
    open_end: bool = False
    """Whether text that may belong to the answer follows a hand-written card."""
    figure: str = ""
    """Of a marked picture: what changes only when the figure or its frame does; "" = no picture."""
    labels: tuple[Label, ...] = ()
    """The labels in a marked figure, from its text layer, in reading order."""
    nearby: str = ""
    """The paragraph around it and its neighbours, up to 600 characters, or 1,500 if the comment
    asks something; "" if unknown."""

    @property
    def other_id(self) -> str:
        """The id that another tool wrote beside this passage: Anki's, or its own; "" = none."""
        return anki_note_in(self.hints)

    @property
    def other_note(self) -> int:
        """The id of the note that another tool made from this passage; 0 = none."""
        return int(self.other_id) if self.other_id.isdecimal() else 0

    @property
    def source_kind(self) -> SourceKind:
        """The kind of the highlight's source."""
        scheme = self.namespace.partition(":")[0]
        return SourceKind(scheme) if scheme in list(SourceKind) else SourceKind.OTHER

    @property
    def page(self) -> str:
        """The printed page, as it is shown; "" if there is none."""
        return f"p. {self.page_label}" if self.page_label else ""

    @property
    def has_formulas(self) -> bool:
        """Whether dollars may enclose TeX; in a PDF a dollar is a dollar."""
        return self.source_kind not in (SourceKind.PDF, SourceKind.ZOTERO)

    @property
    def context(self) -> str:
        """All the text that may support a card, in reading order."""
        middle = self.sentence or self.exact
        parts = (self.prefix, middle, self.suffix)
        return "\n".join(part for part in parts if part)


# --- colours ----------------------------------------------------------------------------

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
    red, green, blue = (channel / 255 for channel in bytes.fromhex(name[1:]))
    saturation = max(red, green, blue) - min(red, green, blue)
    if saturation < _GRAY_BELOW:
        return "gray"
    hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]

    def distance(name: str) -> float:
        # on the circle of hues, in degrees
        differences = [abs(hue - other) for other in _HUES[name]]
        return min(min(difference, 360 - difference) for difference in differences)

    return min(_HUES, key=distance)
