"""Parse hand-written cards on one line, in the syntaxes of common note-taking plug-ins.

`CardSyntax` holds the syntaxes that a note uses. One-line cards are written as `front::back`
(`find_card_sides`) or `Term: definition`. `block_cards` parses cards that cover several lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from ankiforge.extract.markdown.inline import InlineText
from ankiforge.extract.markdown.syntaxes import FieldKeywords
from ankiforge.model import HighlightForm, Span, Strings
from ankiforge.text import regex
from ankiforge.text.colons import ColonMeaning, classify_colons
from ankiforge.text.sentences import trim_span


class CardSyntax(NamedTuple):
    """The syntaxes of cards that a note may use, from the settings of its plug-ins."""

    line_separators: Mapping[str, bool] = {":::": True, "::": False}
    """Maps each separator between the sides of a one-line card to whether the card is two-way."""
    block_separators: Mapping[str, bool] = {
        "?": False,
        "？": False,
        "??": True,
        "？？": True,
    }
    """Maps each line that may separate question and answer to whether the card is two-way."""
    answer_end_line: str = ""
    """The line that ends an answer, or "" if an empty line does."""
    cloze_markers: frozenset[str] = frozenset()
    """The markup of cloze deletions, as in `InlineContext.cloze_markers`."""
    field_words: FieldKeywords | None = None
    """The keywords around Obsidian_to_Anki cards, or None if such cards aren't read."""
    field_cloze_markers: frozenset[str] | None = None
    """The markup of cloze deletions in Obsidian_to_Anki cards, or None to use `cloze_markers`."""
    is_declared: bool = False
    """Whether the settings declare that the note contains a plug-in's cards."""
    reads_labels: bool = True
    """Whether to read cards labelled `Q:` and `A:`, and questions tagged `#card`."""
    deck_tags: Strings = ()
    """Casefolded tags that name the deck of the cards below, as do their subtags such as
    `flashcards/anatomy`."""
    default_deck: str = ""
    """The deck of cards above the first deck tag, or ""."""

    def find_deck(self, tags: Iterable[str]) -> str:
        """Return the deck that the first deck tag names, e.g. `a::b` for `#a/b`, or ""."""
        for tag in filter(self.is_deck_tag, tags):
            return "::".join(filter(None, tag.strip("#").split("/")))
        return ""

    def is_deck_tag(self, tag: str) -> bool:
        """Return whether `tag` sets the deck for the cards below it."""
        path = tag.strip("#/").casefold()
        if path in self.deck_tags:
            # a single deck tag only marks the note as containing cards
            return len(self.deck_tags) > 1
        return any(path.startswith(f"{deck}/") for deck in self.deck_tags)


class CardSides(NamedTuple):
    """The two sides of a one-line card, as spans in the plain text of its block."""

    front: Span
    back: Span
    form: HighlightForm
    separator: str = ""
    """The separator between the sides, or "" for a definition."""
    two_way: bool = False

    @property
    def is_certain(self) -> bool:
        """Whether colons certainly separate the sides, being three or next to a space."""
        separator_length = self.back[0] - self.front[1]
        return self.separator == ":::" or separator_length > len("::")


# --- front::back ----------------------------------------------------------------------

_COLON_SEPARATOR = regex(r"(?<!:):{2,3}(?!:)")
FIELD_OR_TEMPLATE = regex(
    r"[\[(][^\[\]():\n]{1,80}::[^\[\]()\n]{0,400}[\])]"
    r"|\{\{[^{}:\n]{1,80}::[^{}\n]{0,400}\}\}|｛｛[^｛｝\n]{0,400}｝｝"
)
"""Text with `::` that isn't a card: bracketed Dataview fields, such as `[due:: 2026-01-01]`,
and template variables in double braces."""
# The most separators to try on a line.
_MAX_SEPARATORS = 20
# Takes the place of a picture, which has no plain text, so that the colons in
# `What is this? ![[a.png]]::a node` don't seem to follow a space. Also takes the place
# of the edge of an HTML block, which would otherwise count as whitespace.
_PICTURE_PLACEHOLDER = "\N{OBJECT REPLACEMENT CHARACTER}"


def find_card_sides(inline: InlineText, syntax: CardSyntax) -> CardSides | None:
    """Find the sides of a one-line card such as `front::back`, or return None.

    Colons don't count as a separator in code, maths, links and bracketed fields, between
    identifiers (`std::vector`, `Foo::bar()`, `a::b::c`), after an unclosed `{{`, before an
    unopened `}}`, or in a Dataview field (`key:: value`). If there are several possible
    separators, the form is `INLINE_FIELD`, which lets the user decide.
    """
    text = inline.mask_markup().replace("：：", "::")
    if not any(separator in text for separator in syntax.line_separators):
        return None
    text = FIELD_OR_TEMPLATE.sub(lambda field: "…" * len(field[0]), text)
    cards = list(_iter_colon_cards(inline, text, syntax))
    if cards:
        return _choose_card(cards)
    return _find_sides_at_own_separator(inline, text, syntax)


def _choose_card(cards: Sequence[CardSides]) -> CardSides:
    """Choose one of the possible cards of a line. If several are left, the user decides."""
    certain = [card for card in cards if card.is_certain]
    candidates = certain or cards
    if len(candidates) == 1:
        return candidates[0]
    return candidates[0]._replace(form=HighlightForm.INLINE_FIELD)


def _find_sides_at_own_separator(
    inline: InlineText, text: str, syntax: CardSyntax
) -> CardSides | None:
    """Split a line at the first of the separators that only the plug-in's settings name."""
    own_separators = syntax.line_separators.keys() - {"::", ":::"}
    for separator in sorted(own_separators, key=len, reverse=True):
        start = text.find(separator)
        if start < 0:
            continue
        sides = _split_at_separator(inline, text, (start, start + len(separator)))
        if sides:
            two_way = syntax.line_separators[separator]
            return CardSides(*sides, HighlightForm.INLINE, separator, two_way)
    return None


def _iter_colon_cards(
    inline: InlineText, text: str, syntax: CardSyntax
) -> Iterator[CardSides]:
    """Yield the card that each `::` or `:::` in a masked text makes, if it may be a separator."""
    for colons in islice(_COLON_SEPARATOR.finditer(text), _MAX_SEPARATORS):
        if colons[0] not in syntax.line_separators:
            continue
        if _is_in_template(text, colons.span()) or _is_in_link(inline, colons.start()):
            continue
        sides = _split_at_separator(inline, text, colons.span())
        if sides is None:
            continue
        meaning = _classify_colons_of(inline, text, colons, syntax)
        if meaning is ColonMeaning.NO_CARD:
            continue
        form = HighlightForm.INLINE
        if meaning is ColonMeaning.DOUBTFUL:
            form = HighlightForm.INLINE_FIELD
        yield CardSides(*sides, form, colons[0], syntax.line_separators[colons[0]])


def _is_in_template(text: str, span: Span) -> bool:
    """Return whether braces of a template are around colons, or one half of them."""
    start, end = span
    if text.rfind("{{", 0, start) > text.rfind("}}", 0, start):
        return True
    closer = text.find("}}", end)
    return closer >= 0 and "{{" not in text[end:closer]


def _is_in_link(inline: InlineText, offset: int) -> bool:
    return any(start <= offset < end for (start, end), _ in inline.link_targets)


def _classify_colons_of(
    inline: InlineText, text: str, colons: re.Match[str], syntax: CardSyntax
) -> ColonMeaning:
    start, end = colons.span()
    front = text[:start]
    back = text[end:]
    if inline.has_picture_or_edge_at(start):
        front += _PICTURE_PLACEHOLDER
    if inline.has_picture_or_edge_at(end):
        back = _PICTURE_PLACEHOLDER + back
    return classify_colons(front, colons[0], back, declared=syntax.is_declared)


def _split_at_separator(
    inline: InlineText, text: str, separator: Span
) -> tuple[Span, Span] | None:
    """Return the spans before and after a separator, or None if a side is empty."""
    front = trim_span(text, 0, separator[0])
    back = trim_span(text, separator[1], len(text))
    for start, end in (front, back):
        # a side may be just a picture, which has no plain text
        if start == end and not inline.render_range(start, end)[0]:
            return None
    return front, back


# --- Term: definition -----------------------------------------------------------------

_TERM_COLON = regex(r":(?=\s+\S)|：(?=\s*\S)")
_TERM_COLON_OR_DASH = regex(rf"{_TERM_COLON.pattern}|(?<=\s)[–—-](?=\s)")
# A bullet character that the writer typed on a line outside a Markdown list.
_TERM_BULLET = regex(r"\s*[•‣◦·▪●■–—]\s*")
_WORD_CHARACTER = regex(r"\w")
# The most words in a term.
_MAX_TERM_WORDS = 5


def parse_marked_definition(inline: InlineText, mark: Span) -> CardSides | None:
    """Parse text that is marked as a whole and has the form `Term: definition`, or return None.

    A dash may replace the colon. `mark` is the span of the only mark in the text.
    """
    text = inline.plain
    unmarked_text = text[: mark[0]] + text[mark[1] :]
    separator = _TERM_COLON_OR_DASH.search(text)
    if separator is None or _WORD_CHARACTER.search(unmarked_text):
        return None
    front = trim_span(text, 0, separator.start())
    back = trim_span(text, separator.end(), len(text))
    if not _is_term(text[slice(*front)]):
        return None
    return CardSides(front, back, HighlightForm.TERM)


class Definition(NamedTuple):
    """Text of the form `Term: meaning`, by its span in the plain text of a block."""

    span: Span
    sides: CardSides


def parse_definition(inline: InlineText) -> Definition | None:
    """Parse a list item of the form `Term: meaning`, or return None."""
    return _parse_definition_in(inline, 0, len(inline.plain))


def parse_definition_lines(inline: InlineText) -> list[Definition]:
    """Return the lines of a paragraph that are definitions.

    Each line needs a bullet or a bold term, because it could be dialogue otherwise.
    """
    definitions = []
    for start, end in inline.find_lines():
        bullet = _TERM_BULLET.match(inline.plain, start, end)
        text_start = bullet.end() if bullet else start
        definition = _parse_definition_in(inline, text_start, end)
        if definition and (bullet or inline.is_bold(*definition.sides.front)):
            definitions.append(definition._replace(span=(start, end)))
    return definitions


def _parse_definition_in(inline: InlineText, start: int, end: int) -> Definition | None:
    text = inline.mask_markup()
    colon = _TERM_COLON.search(text, start, end)
    if colon is None:
        return None
    front = trim_span(text, start, colon.start())
    back = trim_span(text, colon.end(), end)
    if not _is_term(text[slice(*front)]):
        return None
    sides = CardSides(front, back, HighlightForm.GLOSSARY)
    return Definition((start, end), sides)


def _is_term(text: str) -> bool:
    """Return whether a text may be a term: a few words, not just a time of day or a URL."""
    if not 1 <= len(text.split()) <= _MAX_TERM_WORDS:
        return False
    return "://" not in text and any(map(str.isalpha, text))
