"""Parse the cards in the reply of a model or chat, and clean up their text.

Replies aren't trusted: a card that can't be used doesn't affect the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from itertools import count, islice
from typing import Any, NamedTuple

from msgspec.structs import replace

from ankiforge.draft.instructions import make_two_sided_fields
from ankiforge.draft.reply_json import (
    MAX_REPLY_CHARS,
    iter_innermost_objects,
    normalize_key,
    parse_objects,
)
from ankiforge.model import CardKind, Fields, Json, Pair, Strings, Value
from ankiforge.text import cloze, regex, truncate
from ankiforge.text.cloze import format_cloze_answers, to_plain_text
from ankiforge.text.elements import convert_html_elements
from ankiforge.text.normalize import (
    convert_to_dollar_math,
    find_literal_spans,
    fold_alphanumerics,
    map_outside_literal_spans,
    normalize_for_lookup,
)

# --- texts ----------------------------------------------------------------------------

_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ue000\ue001]")


def clean_text(text: str) -> str:
    """Replace lone surrogates and drop control characters, except tab and newline."""
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    return _CONTROL.sub("", valid).strip()


def to_one_line(text: str, limit: int = 200) -> str:
    """Clean a text, join its lines and truncate it to `limit` characters."""
    return truncate(" ".join(clean_text(text).split()), limit)


def convert_to_markdown(text: str) -> str:
    """Convert a text written by a model to our Markdown, without HTML and links."""
    return cloze.escape_cloze_braces(_convert_to_markdown(text))


_SLOPPY_GAP = regex(r"\{\{[cC](\d+)\s*(?:::?|\|)\s*")
_UNNUMBERED_GAP = regex(r"\{\{(?!c\d)([^{}\n]+)\}\}")


def convert_to_cloze(text: str) -> str:
    """Convert a model's cloze to our Markdown.

    Both `{{c1:x}}` and `{{x}}` become `{{c1::x}}`.
    """
    with_numbers = map_outside_literal_spans(
        _convert_to_markdown(text), lambda run: _SLOPPY_GAP.sub(r"{{c\1::", run)
    )
    if cloze.find_clozes(with_numbers):
        return with_numbers
    numbers = count(1)
    return map_outside_literal_spans(
        with_numbers,
        lambda run: _UNNUMBERED_GAP.sub(
            lambda gap: cloze.format_cloze(next(numbers), gap[1]), run
        ),
    )


# --- formulae -------------------------------------------------------------------------


def _convert_to_markdown(text: str) -> str:
    text = convert_to_dollar_math(clean_text(text))
    parts = []
    copied_until = 0
    for start, end, kind in find_literal_spans(text):
        literal = text[start:end]
        if kind in ("math", "display"):
            literal = _remove_doubled_backslashes(literal)
        parts += [text[copied_until:start], literal]
        copied_until = end
    parts.append(text[copied_until:])
    return map_outside_literal_spans("".join(parts), _strip_markup).strip()


def _remove_doubled_backslashes(formula: str) -> str:
    r"""Return a formula in which `\\frac` is `\frac`, unless it may be a line break and a word."""
    if r"\begin" in formula:
        return formula
    return re.sub(r"\\\\(?=[A-Za-z]{2})", r"\\", formula)


# --- HTML and links -------------------------------------------------------------------

# The rest of TeX commands that begin with `\n`, and a pattern for line ends that were escaped
# twice. It matches neither these commands nor part of a Windows path.
_TEX = "abla|atural|e|earrow|eg|eq|ewline|geq|i|leq|mid|olimits|onumber|ot|otin|parallel|u|warrow"
_ESCAPED_LINE_END = regex(
    rf"(?<!\\)(?<!\b[A-Za-z]:)(?:\\n)+(?!(?:{_TEX})(?![A-Za-z])|[^\s\\]*\\[^n])"
)
_IMAGE = regex(r"!\[[^\]\n]{0,1000}\]\([^)\n]{0,2000}\)")
_LINK = regex(r"\[([^\]\n]{0,1000})\]\([^)\n]{0,2000}\)")
_AUTOLINK = regex(r"(?i)<((?:https?|ftp|mailto|javascript):[^<>\s]*)>")


def _strip_markup(run: str) -> str:
    run = _ESCAPED_LINE_END.sub("\n", _AUTOLINK.sub(r"\1", run))
    return _LINK.sub(r"\1", _IMAGE.sub("", convert_html_elements(run)))


# --- one card -----------------------------------------------------------------------


class DeclinedCard(Value):
    """The decision of a model to draft no card for a passage."""

    label: str | None
    """The label of the passage, or None if the reply has none."""
    reason: str | None = None

    @property
    def title(self) -> str:
        """The text by which the user recognizes the card in a message."""
        return self.reason or "none"


class ClozeCard(Value):
    """A cloze card from a reply."""

    label: str | None
    """The label of the passage, or None if the reply has none."""
    quote: str
    """The quote from the passage, or "" if the model quotes nothing."""
    text: str

    @property
    def kind(self) -> CardKind:
        """The kind of card."""
        return CardKind.CLOZE

    @property
    def title(self) -> str:
        """The text by which the user recognizes the card in a message."""
        return self.text

    @property
    def fields(self) -> Fields:
        """The fields of the card."""
        return (("Text", self.text),)

    @property
    def answer_texts(self) -> Strings:
        """The text of each gap, as plain text."""
        return tuple(to_plain_text(gap.answer) for gap in cloze.find_clozes(self.text))

    @property
    def answer(self) -> str:
        """The answers of all gaps, as plain text."""
        return format_cloze_answers(self.text)

    @property
    def comparison_key(self) -> Pair:
        """The question and the answer, which are equal for cards that ask the same."""
        question = cloze.reveal_answers(self.text)
        return normalize_for_lookup(question), normalize_for_lookup(self.answer)


class TwoSidedCard(Value):
    """A card from a reply with a question and an answer."""

    label: str | None
    """The label of the passage, or None if the reply has none."""
    quote: str
    """The quote from the passage, or "" if the model quotes nothing."""
    front: str
    back: str
    kind: CardKind = CardKind.BASIC

    @property
    def title(self) -> str:
        """The text by which the user recognizes the card in a message."""
        return self.front

    @property
    def fields(self) -> Fields:
        """The fields of the card."""
        return make_two_sided_fields(self.kind, self.front, self.back)

    @property
    def answer_texts(self) -> Strings:
        """The answer as plain text, or () if nothing of it is left in Markdown."""
        if not self.back:
            return ()
        return (self.answer,)

    @property
    def answer(self) -> str:
        """The answer as plain text."""
        return to_plain_text(self.back)

    @property
    def comparison_key(self) -> Pair:
        """The question and the answer, which are equal for cards that ask the same."""
        return normalize_for_lookup(self.front), normalize_for_lookup(self.answer)


DraftedCard = ClozeCard | TwoSidedCard
ReplyCard = DraftedCard | DeclinedCard
"""What a reply says about a passage, with its text cleaned up."""


# Matches the markers of a quote, or the number of a line of JSON.
_LINE_PREFIX = regex(
    r"""(?m)^[ \t]*(?:(?:>[ \t]?)+|\d{1,4}[.:|)]?[ \t]*(?=[{}\[\]"]|$))"""
)
MAX_OBJECTS = 10_000
"""The maximum number of objects to read from a reply."""


def parse_cards(content: str, labels: Strings) -> list[ReplyCard]:
    """Parse the cards in a reply that are about the highlights with these labels.

    If there is only one label and the reply doesn't mention it, all cards are about that
    highlight.
    """
    cards, _ = parse_all_cards(content)
    labelled_cards = [card for card in cards if card.label in labels]
    if len(labels) == 1 and not labelled_cards:
        return [replace(card, label=labels[0]) for card in cards]
    return labelled_cards


def parse_all_cards(content: str) -> tuple[list[ReplyCard], list[str]]:
    """Return the distinct cards in a reply, and the JSON of each object that isn't a card."""
    objects = _parse_copied_objects(content[:MAX_REPLY_CHARS])
    entries = list(islice(iter_innermost_objects(objects, "h"), MAX_OBJECTS))
    # drop repeated objects, because a reply may be pasted several times
    distinct = {json.dumps(entry, default=str): entry for entry in entries}
    usable: dict[ReplyCard, None] = {}
    unusable: dict[str, None] = {}
    for entry in distinct.values():
        card = _parse_card(_rename_parts(entry))
        if card is not None:
            usable[card] = None
        elif not _is_from_our_prompt(entry):
            unusable[json.dumps(entry, ensure_ascii=False, default=str)] = None
    return list(usable), list(unusable)


def _parse_copied_objects(text: str) -> list[Any]:
    """Parse the objects in a reply that may have been copied from a web page, email or editor.

    If no object is readable, the reply is parsed again with its HTML entities decoded, and then
    without the `>` or number at the beginning of each line.
    """
    objects = parse_objects(text)
    if not objects:
        objects = parse_objects(unescape(text))
    if not objects:
        objects = parse_objects(_LINE_PREFIX.sub("", text))
    return objects


def list_quotes(cards: Iterable[ReplyCard]) -> list[str]:
    """Return the quotes of the cards that have one."""
    quotes = []
    for card in cards:
        if isinstance(card, DeclinedCard):
            continue
        if card.quote:
            quotes.append(card.quote)
    return quotes


def _is_from_our_prompt(entry: Json) -> bool:
    """Return whether an object is the schema in our prompt, which was copied with the answer."""
    return "verdict" in entry or "|" in str(entry.get("kind"))


_ALIASES = {
    "h": "h highlight highlightid label id passage",
    "kind": "kind type cardtype",
    "quote": "quote evidence sourcequote",
    "front": "front question q term prompt",
    "back": "back answer a definition",
    "text": "text cloze clozetext",
    "why_none": "whynone why reason",
}
_NAME_BY_ALIAS: dict[str, str] = {}
"""Maps the keys that models use for the parts of a card to our own."""
for _name, _aliases in _ALIASES.items():
    _NAME_BY_ALIAS.update(dict.fromkeys(_aliases.split(), _name))

_KINDS = {
    "cloze": CardKind.CLOZE,
    "twoway": CardKind.TWO_WAY,
    "reversed": CardKind.TWO_WAY,
}
_NO_CARD = "none"


def _rename_parts(entry: Json) -> Json:
    """Return the parts of a card under our own names, which precede aliases if both are present."""
    card: Json = {}
    for key, value in entry.items():
        name = _NAME_BY_ALIAS.get(normalize_key(str(key)))
        if name is None:
            continue
        if key == name:
            card[name] = value
        else:
            card.setdefault(name, value)
    return card


def _parse_card(entry: Json) -> ReplyCard | None:
    """Parse an object of a reply as a card, or return None if the object is incomplete.

    The card has the kind that the object names if the object has the fields of this kind.
    """
    named_kind = normalize_key(_get_string(entry, "kind"))
    parts = _CardParts(
        label=parse_label(entry),
        quote=_parse_quote(entry),
        front=_get_string(entry, "front"),
        back=_get_string(entry, "back"),
        text=_get_string(entry, "text"),
    )
    if named_kind == _NO_CARD:
        return DeclinedCard(parts.label, _parse_reason(entry))
    if parts.is_empty:
        reason = _parse_reason(entry)
        if reason is None:
            return None
        return DeclinedCard(parts.label, reason)
    return _make_drafted_card(parts, _KINDS.get(named_kind, CardKind.BASIC))


def _make_drafted_card(parts: _CardParts, named_kind: CardKind) -> DraftedCard | None:
    """Make a card of the named kind or, if the parts don't fit this kind, of another.

    A cloze without gaps becomes a question if the back has an answer.
    """
    two_sided_kind = named_kind
    if named_kind is CardKind.CLOZE:
        two_sided_kind = CardKind.BASIC
    elif parts.has_both_sides:
        return _parse_two_sides(parts, named_kind)
    card: DraftedCard | None = _parse_cloze(parts)
    if card is None:
        card = _parse_two_sides(parts, two_sided_kind)
    if card is None:
        card = _parse_broken_cloze(parts)
    return card


class _CardParts(NamedTuple):
    """The parts of a card as they are in a reply, each "" if it is missing."""

    label: str | None
    quote: str
    front: str
    back: str
    text: str

    @property
    def is_empty(self) -> bool:
        return not (self.front or self.back or self.text)

    @property
    def has_both_sides(self) -> bool:
        return bool(self.front and self.back)


def _parse_cloze(parts: _CardParts) -> ClozeCard | None:
    """Return the cloze card in a text or, where some models put it, in a front."""
    for text in (parts.text, parts.front):
        cloze_text = convert_to_cloze(text)
        if cloze.find_clozes(cloze_text):
            return ClozeCard(parts.label, parts.quote, cloze_text)
    return None


def _parse_two_sides(parts: _CardParts, kind: CardKind) -> TwoSidedCard | None:
    question = parts.front or parts.text
    if not question or not parts.back:
        return None
    front, back = convert_to_markdown(question), convert_to_markdown(parts.back)
    return TwoSidedCard(parts.label, parts.quote, front, back, kind)


def _parse_broken_cloze(parts: _CardParts) -> ClozeCard | None:
    """Return a cloze card without gaps, which a check will block, or None without a text."""
    if not parts.text:
        return None
    return ClozeCard(parts.label, parts.quote, convert_to_cloze(parts.text))


def _parse_reason(entry: Json) -> str | None:
    """Return the reason why the model drafts no card, or None if it gives none."""
    return to_one_line(_get_string(entry, "why_none")) or None


def _parse_quote(entry: Json) -> str:
    """Return the quote of a card, or "" for one or two letters, which every passage contains."""
    quote = clean_text(_get_string(entry, "quote"))
    letters = fold_alphanumerics(quote)
    is_short = len(letters.encode()) < _MIN_QUOTE_BYTES
    if letters.isalpha() and is_short:
        return ""
    return quote


def parse_label(entry: Json) -> str | None:
    """Return the normalized label of an object, in which `1`, `"1"` and `"h1"` are equal.

    Return None if there is none.
    """
    if not isinstance(entry.get("h"), str | int):
        return None
    label = str(entry["h"])[:40].casefold()
    return _AROUND_LABEL.sub("", label) or None


_AROUND_LABEL = regex(r"^\W*(?:h(?:ighlight)?[\W_]*(?=[^\W_]))?|\W+$")
_MAX_STRING_CHARS = 20_000
_MIN_QUOTE_BYTES = 3
"""The minimum length of a quote's letters in UTF-8. A single Chinese character is enough."""
_MAX_LIST_PARTS = 100


def _get_string(entry: Json, key: str) -> str:
    """Return the value of a key as text. The parts of a list are joined with commas."""
    value = entry.get(key)
    if isinstance(value, list):
        parts = value[:_MAX_LIST_PARTS]
        strings = [str(part) for part in parts if isinstance(part, str | int)]
        value = ", ".join(strings)
    if isinstance(value, bool):
        return ""
    if isinstance(value, str | int | float):
        return str(value)[:_MAX_STRING_CHARS]
    return ""


_EMPTY_LIST = regex(r'(?i)\W*(?:json\s*)?(?:\{\s*"cards"\s*:\s*)?\[\s*\][\s}`]*')


def is_empty_card_list(text: str) -> bool:
    """Return whether a reply is explicitly an empty list of cards, e.g. `{"cards": []}`."""
    return _EMPTY_LIST.fullmatch(text) is not None
