"""Highlights as they are read from sources, and the documents that contain them.

The names of a mark's colour are those of Zotero's palette; see `find_colour_name`.
"""

from __future__ import annotations

import colorsys
import re
from enum import StrEnum

from ankiforge.model.hints import Hint, find_anki_note_id
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
    """The kinds of sources that highlights are read from, in their order of precedence.

    The text of a passage that occurs in several sources is taken from the kind listed first.
    """

    ZOTERO = "zotero"
    PDF = "pdf"
    VAULT = "vault"
    OTHER = "other"


_KIND_BY_SCHEME = {kind.value: kind for kind in SourceKind}


class HighlightKind(StrEnum):
    """The kinds of annotations and texts that become cards. `CARD` is a hand-written card."""

    HIGHLIGHT = "highlight"
    UNDERLINE = "underline"
    STRIKE = "strike"
    NOTE = "note"
    IMAGE = "image"
    INK = "ink"
    CARD = "card"


class HighlightForm(StrEnum):
    """The ways to write a highlight, which determine whether its drafts need a review."""

    MARK = "mark"
    """A mark over a passage of a PDF or of a document in Zotero."""
    PHRASE = "phrase"
    """Phrases marked in a sentence of a vault note, with `==…==`, `<mark>` or bold."""
    CALLOUT = "callout"
    """A callout in a vault note."""
    INLINE = "inline"
    """A card on one line, such as `question::answer` or `term:::definition`."""
    INLINE_FIELD = "inline-field"
    """A line such as `word:: value`, which may be a card or just metadata."""
    BLOCK = "block"
    """A question, followed by a line `?` or `??`, followed by the answer."""
    CLOZE = "cloze"
    """A text in which the user wrote gaps as `{{…}}`."""
    GLOSSARY = "glossary"
    """A line `Term: definition` in a list that is a glossary."""
    TERM = "term"
    """A line `Term: text` that isn't in a glossary list."""
    OTHER = "other"


LETTERED_QUESTION = "Q: … A: …"
"""`Highlight.line_syntax` of a card whose question and answer are marked by these letters."""
WORD_AND_TRANSLATION = "word = translation"
"""`Highlight.line_syntax` of a marked word whose comment is the translation."""
LOOKED_UP_WORD = "looked-up word"
"""`Highlight.line_syntax` of a word that was looked up in a dictionary; its comment is empty."""
# A number with this many digits isn't a year, or the title of a book like `1984`.
_MIN_FILE_NUMBER_DIGITS = 5


class Document(Value):
    """A document in a source, such as a paper, a book or a note in a vault."""

    key: DocumentKey
    """A provisional key, which the ledger replaces with a permanent one."""
    source: str
    """The name of the source in the settings."""
    title: str
    path: str = ""
    """The path relative to the root of the source, with `/` and in NFC, or "" if the document isn't
    a file."""
    creators: Strings = ()
    publication_date: str = ""
    """When the work was published, as a year or an ISO date."""
    identifiers: tuple[Pair, ...] = ()
    """The identifiers of the work, as (scheme, value). Schemes are doi, arxiv, isbn, url, citekey,
    zotero, pdf …"""
    uri: str = ""
    tags: Strings = ()
    collections: Strings = ()
    deck: str = ""
    """The deck named in the front matter of the document, or ""."""
    uses_dataview: bool = False
    """Whether the vault uses the plug-in Dataview, which reads `key::value` as a field."""
    privacy_reason: str | None = None
    """A reason other than a tag for keeping the document on this device, or None."""

    @property
    def directory(self) -> str:
        """The directory of the document within its source, or "" if it is in the root."""
        return self.path.rpartition("/")[0]

    @property
    def display_name(self) -> str:
        """The title, or the path if there is no title."""
        return self.title or self.path

    @property
    def meaningful_title(self) -> str:
        """The title, or "" if it is just a long number, such as a publisher's file number."""
        is_number = len(self.title) >= _MIN_FILE_NUMBER_DIGITS and self.title.isdecimal()
        return "" if is_number else self.title


class FigureLabel(Value, omit_defaults=True, repr_omit_defaults=True):
    """A piece of text in a figure, such as the name of a part.

    Its position (from the top left) and its size are fractions of the figure's width or height.
    """

    text: str
    left: float
    top: float
    width: float
    height: float


class Highlight(Value):
    """A passage that the user highlighted in a source, or a card that the user wrote there.

    `exact`, `prefix` and `suffix` are defined as in the W3C's TextQuoteSelector. Their hash is the
    highlight's *anchor*. It becomes part of the key if the source has no id for the highlight; see
    `tests/keys/keys.md`.
    """

    document: Document
    namespace: str
    """The part of the key before the slash, such as `zotero:user`, `pdf:<document>` or
    `vault:<name>`."""
    kind: HighlightKind
    exact: str
    """The marked text, verbatim and as plain text. If only phrases are marked, this is the whole
    sentence."""
    key: HighlightKey = NO_KEY
    """The permanent key, which the ledger issues when it first sees the highlight."""
    source_id: str = ""
    """The highlight's id in the source if it is stable enough for a key, or "" to make the key
    from the anchor."""
    occurrence: int = 1
    """The number, from 1, of this highlight among highlights with the same anchor in the note or
    page, in document order."""
    anchor_text: str = ""
    """The text to use instead of `exact` in the anchor, or "" to use `exact`. Needed if the mark
    has no text, or if its text differs from the text that tests/keys/keys.md specifies."""
    anchor_context: Pair | None = None
    """The texts to use instead of `prefix` and `suffix` in the anchor, or None to use these two."""
    hints: tuple[Hint, ...] = ()
    """Other ids of the mark, such as `zotero:ABCD2345` from `/Zotero:Key` in a PDF; see
    `model.hints`."""
    form: HighlightForm = HighlightForm.MARK
    gaps: tuple[Span, ...] = ()
    """The positions of the marked phrases in `exact`, in code points."""
    prefix: str = ""
    """Up to 80 characters of plain text before `exact`."""
    suffix: str = ""
    """Up to 80 characters of plain text after `exact`."""
    sentence: str = ""
    """The sentence or sentences that contain the mark, or "" if they are identical to `exact`."""
    markdown: Strings = ()
    """The text in our Markdown without the marks, or () if `exact` is literal text. For a passage
    it is (text,), and for a card (front, back) or (front, back, extra). The extra text is shown on
    the answer side."""
    markdown_gaps: tuple[Span, ...] = ()
    """The positions of the marked phrases in `markdown[0]`, in code points."""
    is_two_way: bool = False
    """Whether the user wants the card asked in both directions."""
    comment: str = ""
    """The user's comment on the mark."""
    comment_is_instruction: bool = True
    """Whether the comment may contain instructions, because the user wrote it (see the setting
    `me`)."""
    colour: str = ""
    """The colour as `#rrggbb`, or its name in the source."""
    author: str = ""
    created: str = ""
    """When the mark was created, in ISO 8601 with a time zone, or "" if unknown."""
    modified: str = ""
    tags: Strings = ()
    page_label: str = ""
    heading: str = ""
    """The headings above the passage, from the outermost, joined by ` › `."""
    parent_items: Strings = ()
    """The truncated texts of the list items that contain the passage, outermost first."""
    uri: str = ""
    """A link that opens the source at the mark."""
    links: Strings = ()
    block_id: str = ""
    """The block of the document that contains the passage, as a block id or a number."""
    skip_reason: str | None = None
    """Why the user or the source wants no card from the highlight, or None."""
    tool_schedule: str = ""
    """The schedule that obsidian-spaced-repetition wrote next to the card, unparsed."""
    tool_name: str = ""
    """The tool that wrote an id next to the passage, as a key of `hints.TOOL_NAMES`, or ""."""
    is_declared_card: bool = False
    """Whether the settings say that lines in the syntax of this highlight are cards, so the user
    isn't asked."""
    deck: str = ""
    """The deck that the vault note specifies for this card only, or ""."""
    line_syntax: str = ""
    """The form of a hand-written card in the source, as shown to the user, such as `a ::: b` or
    `#card`; "" for anything else."""
    may_continue: bool = False
    """Whether the lines next to a hand-written card may belong to it."""
    figure_hash: str = ""
    """A hash that identifies a marked picture, and changes only if the picture or its frame does.
    "" for other highlights."""
    figure_labels: tuple[FigureLabel, ...] = ()
    """The texts of the parts of a marked figure, from the text layer of the page, in reading
    order."""
    surrounding_text: str = ""
    """The paragraph that contains the passage and the adjacent paragraphs, or "" if unknown. It
    has up to 600 characters, or up to 1,500 if the comment asks something."""

    @property
    def other_tool_id(self) -> str | None:
        """The id that another tool wrote next to the passage, or None if there is none.

        It is either the id of an Anki note or one of the tool's own ids.
        """
        return find_anki_note_id(self.hints)

    @property
    def other_tool_note_id(self) -> int | None:
        """The id of the Anki note that another tool made from the passage, or None if unknown."""
        id = self.other_tool_id
        return int(id) if id is not None and id.isdecimal() else None

    @property
    def source_kind(self) -> SourceKind:
        """The kind of source that the highlight was read from, as its namespace shows."""
        scheme = self.namespace.partition(":")[0]
        return _KIND_BY_SCHEME.get(scheme, SourceKind.OTHER)

    @property
    def page_or_time(self) -> str | None:
        """The page ("p. 12") or time ("1:02:03") to display, or None if it is unknown."""
        if not self.page_label:
            return None
        if ":" in self.page_label:  # a time in captions
            return self.page_label
        return f"p. {self.page_label}"

    @property
    def has_formulas(self) -> bool:
        """Whether dollar signs in the text may delimit TeX. They may in notes, but not in PDFs."""
        return self.source_kind not in (SourceKind.PDF, SourceKind.ZOTERO)

    @property
    def context(self) -> str:
        """The passage with the text around it, which is all that a card may be based on.

        The words of a sentence that begins in the prefix, or ends in the suffix, are given once:
        with the sentence "The cell divides." around "cell", the prefix "It grows. The " adds only
        "It grows. ".
        """
        before, after = self.prefix, self.suffix
        if self.exact and self.exact in self.sentence:
            sentence_start, _, sentence_end = self.sentence.partition(self.exact)
            if sentence_start.endswith(self.prefix):
                before = ""
            if sentence_end.startswith(self.suffix):
                after = ""
            before = before.removesuffix(sentence_start)
            after = after.removeprefix(sentence_end)
        parts = (before, self.sentence or self.exact, after)
        return "\n".join(part for part in parts if part.strip())


# --- colours ----------------------------------------------------------------------------

# The hues, in degrees, of Zotero's palette and of the colours that PDF programs call the same.
_HUES = {
    "yellow": (50, 60),
    "red": (0,),
    "green": (100, 120),
    "blue": (200, 240, 180),
    "purple": (256, 270),
    "magenta": (296, 300, 330),
    "orange": (31, 30),
}
# A colour is gray if its largest and smallest channel (0 to 1) differ by less than this.
_MIN_SATURATION = 0.1


def find_colour_name(colour: str) -> str:
    """Return the name of the palette colour whose hue is closest to that of `colour`.

    Only hues are compared, because programs use paler or stronger shades of the same hue. A colour
    that isn't written as `#rrggbb` is assumed to be a name and is just lowercased.
    """
    name = colour.casefold()
    if not re.fullmatch(r"#[0-9a-f]{6}", name):
        return "gray" if name == "grey" else name
    red, green, blue = (channel / 255 for channel in bytes.fromhex(name[1:]))
    saturation = max(red, green, blue) - min(red, green, blue)
    if saturation < _MIN_SATURATION:
        return "gray"
    hue = 360 * colorsys.rgb_to_hsv(red, green, blue)[0]

    def hue_distance(name: str) -> float:
        # the distance on the hue circle, in degrees
        differences = [abs(hue - palette_hue) for palette_hue in _HUES[name]]
        return min(min(difference, 360 - difference) for difference in differences)

    return min(_HUES, key=hue_distance)
