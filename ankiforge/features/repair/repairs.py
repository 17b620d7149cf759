"""Build the request for repairs of a card to a model or a chat, and parse the reply.

A repair rewords the card and may split it into several cards, but never adds facts. There are no
rule-based repairs, because in tests they made 12 to 17 of 100 cards worse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ankiforge.draft.privacy import SendableText, mark_as_sendable
from ankiforge.draft.prompt import ModelRequest, load_prompt_file, make_object_schema
from ankiforge.draft.reply_cards import convert_to_cloze, convert_to_markdown
from ankiforge.draft.reply_json import parse_objects
from ankiforge.model import Json, Strings, Texts, Value
from ankiforge.text import cloze
from ankiforge.text.located import locate_text


class CardRepair(Value):
    """A proposed change to a card, which the user may accept."""

    summary: str
    """A description of the change, on one line."""
    fields: Texts
    """The new text of the changed fields, keyed by field name."""
    new_cards: tuple[Texts, ...] = ()
    """The fields of each new card that the repair adds."""
    quote: str | None = None
    """A quote from the source that supports the new text, or None if the reply has none."""
    warnings: Strings = ()
    """The warnings that the checks gave about the repair."""


class CardToRepair(Value):
    """The text of a card to repair, with the context that a model needs to reword it."""

    fields: Texts
    """The fields in Markdown, keyed by name: Front, Back and Extra, or Text and Extra."""
    topic: str = ""
    """The topic of the card, taken from the name of its deck, or ""."""
    confused_fields: Texts = {}
    """The fields of the card that the user may confuse with this one, or {}."""

    @property
    def is_cloze(self) -> bool:
        """Whether this is a cloze card."""
        return "Text" in self.fields


# --- the request --------------------------------------------------------------------------

PROMPT_NAME = "repair"
MAX_REPAIRS = 2
_MAX_NEW_CARDS = 4
_MAX_TEXT_CHARS = 2000
_EXAMPLE = {
    "repairs": [
        {
            "why": "…",
            "front": "…",
            "back": "…",
            "new": [{"front": "…", "back": "…"}],
            "quote": "…",
        }
    ],
    "suspend": False,
}


def build_request(
    card: CardToRepair,
    reasons: Iterable[str],
    history: str,
    passage: str,
    mask: Callable[[str], SendableText],
) -> ModelRequest:
    """Build a request that asks a model or chat for repairs of a card.

    Args:
        card: the card.
        reasons: the reasons why the card is listed.
        history: the card's review history, on one line.
        passage: the passage that the card was made from, or "" if unknown.
        mask: masks any text that must stay on this computer.
    """
    similar_cards = []
    if card.confused_fields:
        similar_cards.append(_mask_sides(card.confused_fields, mask))
    prompt_data: Json = {
        "card": _mask_sides(card.fields, mask),
        "picked": [mask(reason) for reason in reasons],
        "history": history,
        "similar": similar_cards,
        "topic": mask(card.topic),
        "passage": mask(passage),
    }
    prompt = load_prompt_file(PROMPT_NAME)
    json_text = json.dumps(prompt_data, ensure_ascii=False, indent=1)
    values = {
        "highlights": SendableText(json_text),
        "schema": mark_as_sendable(json.dumps(_EXAMPLE)),
    }
    return ModelRequest(prompt.render_messages(values), _SCHEMA, prompt.fingerprint)


def _mask_sides(fields: Texts, mask: Callable[[str], SendableText]) -> Json:
    """Return what a model may read of the sides of a card, by their names in the prompt."""
    sides = {}
    for name, text in fields.items():
        if name == "Extra":
            continue
        if text:
            sides[name.casefold()] = mask(text)
    return sides


_TEXT_SCHEMA = {"type": "string"}
_CARD_SCHEMA = {"front": _TEXT_SCHEMA, "back": _TEXT_SCHEMA}
_NEW_CARDS_SCHEMA = {"type": "array", "items": make_object_schema(_CARD_SCHEMA)}
_REPAIR_SCHEMA = make_object_schema(
    {"why": _TEXT_SCHEMA, **_CARD_SCHEMA, "new": _NEW_CARDS_SCHEMA, "quote": _TEXT_SCHEMA}
)
_REPAIRS_SCHEMA = {"type": "array", "items": _REPAIR_SCHEMA}
_SCHEMA = make_object_schema({"repairs": _REPAIRS_SCHEMA, "suspend": {"type": "boolean"}})


# --- the reply ----------------------------------------------------------------------------


def parse_repairs(reply: str, card: CardToRepair, passage: str) -> list[CardRepair]:
    """Parse the reply of a model or chat, and return at most `MAX_REPAIRS` repairs.

    A repair is skipped if it changes nothing, lacks a side, or lacks a cloze number of the card. A
    quote that isn't in `passage` is dropped.
    """
    repairs = []
    for entry in _iter_repair_entries(parse_objects(reply)):
        repair = _parse_repair(entry, card, passage)
        if repair is not None:
            repairs.append(repair)
    return repairs[:MAX_REPAIRS]


def _iter_repair_entries(values: list[Any]) -> Iterator[Json]:
    """Yield the objects in the list `repairs` of a reply, or the reply's own objects."""
    for value in values:
        if not isinstance(value, dict):
            continue
        entries = value.get("repairs")
        if not isinstance(entries, list):
            entries = [value]
        for entry in entries:
            if isinstance(entry, dict):
                yield entry


def _parse_repair(entry: Json, card: CardToRepair, passage: str) -> CardRepair | None:
    """Parse a repair, or return None if it can't be used or changes nothing."""
    sides = entry.get("note")  # some models put the sides into the note
    if not isinstance(sides, dict):
        sides = entry
    if card.is_cloze:
        fields = _parse_cloze(sides, card)
    else:
        fields = _parse_two_sides(sides)
    if fields is None:
        return None
    fields = _restore_unchanged_text(fields, card)
    new_cards = tuple(_iter_new_cards(entry.get("new")))
    if not new_cards and fields.items() <= card.fields.items():
        return None
    return CardRepair(
        summary=_to_text(entry.get("why")) or "in other words",
        fields=fields,
        new_cards=new_cards,
        quote=_parse_quote(entry, passage),
    )


def _parse_quote(entry: Json, passage: str) -> str | None:
    """Return the quote of a repair, or None if there is none or it isn't in the passage."""
    quote = _to_text(entry.get("quote"))
    if not quote or not passage:
        return None
    if not locate_text(quote, passage):
        return None
    return quote


def _parse_cloze(sides: Json, card: CardToRepair) -> dict[str, str] | None:
    """Return the new text of a cloze card, or None if it lacks one of its cloze numbers."""
    text = _parse_front(sides)
    numbers = set(cloze.find_cloze_numbers(card.fields["Text"]))
    if not numbers.issubset(cloze.find_cloze_numbers(text)):
        return None
    return {"Text": convert_to_cloze(text)}


def _parse_two_sides(sides: Json) -> dict[str, str] | None:
    """Return the front and back of a card, or None if one is missing."""
    front = _parse_front(sides)
    back = _to_text(sides.get("back"))
    if not front or not back:
        return None
    return {"Front": convert_to_markdown(front), "Back": convert_to_markdown(back)}


def _parse_front(sides: Json) -> str:
    """Return what a card asks, which some models call its text, or "" if it is missing."""
    return _to_text(sides.get("front") or sides.get("text"))


def _restore_unchanged_text(fields: Texts, card: CardToRepair) -> dict[str, str]:
    """Return the new fields, but with the card's own text, and its pictures, if it is the same."""
    convert = convert_to_markdown
    if card.is_cloze:
        convert = convert_to_cloze
    restored_fields = dict(fields)
    for name, text in fields.items():
        own_text = card.fields[name]
        if text == convert(own_text):
            restored_fields[name] = own_text
    return restored_fields


def _iter_new_cards(entries: Any) -> Iterator[Texts]:
    """Yield the fields of each new card of a repair, skipping cards that lack a side."""
    if not isinstance(entries, list):
        return
    for entry in entries[:_MAX_NEW_CARDS]:
        if not isinstance(entry, dict):
            continue
        fields = _parse_two_sides(entry)
        if fields is None:
            continue
        if all(fields.values()):  # Markdown has nothing of an HTML comment, for example
            yield fields


def _to_text(value: Any) -> str:
    """Return a value as text, or "" if it isn't a string."""
    if not isinstance(value, str):
        return ""
    return value.strip()[:_MAX_TEXT_CHARS]
