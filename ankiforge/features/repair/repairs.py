"""Build the request for repairs of a card to a model or a chat, and parse the reply.

A repair rewords the card and may split it into several cards, but never adds facts. There are no
rule-based repairs, because in tests they made 12 to 17 of 100 cards worse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ankiforge.config import find_packaged_directory
from ankiforge.draft.privacy import SendableText, mark_as_sendable
from ankiforge.draft.prompt import (
    ModelRequest,
    fill_placeholders,
    make_message,
    make_object_schema,
)
from ankiforge.draft.reply import convert_to_cloze, convert_to_markdown, parse_objects
from ankiforge.model import Json, Strings, Texts, Value, hash16
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
    quote: str = ""
    """A quote from the source that supports the new text, or ""."""
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

    def to_sides(fields: Texts) -> Json:
        sides = {}
        for name, text in fields.items():
            if text and name != "Extra":
                sides[name.casefold()] = mask(text)
        return sides

    prompt_data: Json = {
        "card": to_sides(card.fields),
        "picked": [mask(reason) for reason in reasons],
        "history": history,
        "similar": [to_sides(card.confused_fields)] if card.confused_fields else [],
        "topic": mask(card.topic),
        "passage": mask(passage),
    }
    text = (find_packaged_directory("prompts") / f"{PROMPT_NAME}.md").read_text("utf-8")
    system, _, user = text.partition("\n---\n")
    json_text = json.dumps(prompt_data, ensure_ascii=False, indent=1)
    values = {
        "highlights": SendableText(json_text),
        "schema": mark_as_sendable(json.dumps(_EXAMPLE)),
    }
    name = f"{PROMPT_NAME}@{hash16(text)[:8]}"
    return ModelRequest(
        (
            make_message("system", fill_placeholders(system, values)),
            make_message("user", fill_placeholders(user, values)),
        ),
        _SCHEMA,
        name,
    )


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
    repairs: list[CardRepair] = []
    for value in parse_objects(reply):
        entries = value.get("repairs") if isinstance(value, dict) else None
        if not isinstance(entries, list):
            entries = [value]
        for entry in entries:
            if isinstance(entry, dict):
                repairs += _parse_repair(entry, card, passage)
    return repairs[:MAX_REPAIRS]


def _parse_repair(entry: Json, card: CardToRepair, passage: str) -> Iterator[CardRepair]:
    note = entry.get("note")
    fields_given = note if isinstance(note, dict) else entry
    front = _to_text(fields_given.get("front") or fields_given.get("text"))
    back = _to_text(fields_given.get("back"))
    fields = _parse_fields(card, front, back)
    if not fields:
        return
    # keep the old text of unchanged fields, because the reply lacks their pictures
    for name, text in fields.items():
        normalize = convert_to_cloze if card.is_cloze else convert_to_markdown
        if text == normalize(card.fields[name]):
            fields[name] = card.fields[name]
    new = tuple(_iter_new_cards(entry.get("new")))
    quote = _to_text(entry.get("quote"))
    if not (quote and passage and locate_text(quote, passage)):
        quote = ""
    summary = _to_text(entry.get("why")) or "in other words"
    if new or any(text != card.fields.get(name, "") for name, text in fields.items()):
        yield CardRepair(summary, fields, new, quote)


def _parse_fields(card: CardToRepair, front: str, back: str) -> dict[str, str]:
    """Return the new fields of a card, or {} if they lack a side or one of its cloze numbers."""
    if not card.is_cloze:
        has_both = front and back
        sides = {"Front": convert_to_markdown(front), "Back": convert_to_markdown(back)}
        return sides if has_both else {}
    numbers = set(cloze.find_cloze_numbers(card.fields["Text"]))
    has_all_gaps = numbers.issubset(cloze.find_cloze_numbers(front))
    return {"Text": convert_to_cloze(front)} if has_all_gaps else {}


def _iter_new_cards(entries: Any) -> Iterator[Texts]:
    """Yield the fields of each new card of a repair, skipping cards that lack a side."""
    for entry in entries[:_MAX_NEW_CARDS] if isinstance(entries, list) else ():
        sides = entry if isinstance(entry, dict) else {}
        front, back = (
            convert_to_markdown(_to_text(sides.get(side))) for side in ("front", "back")
        )
        if front and back:
            yield {"Front": front, "Back": back}


def _to_text(value: Any) -> str:
    return value.strip()[:2000] if isinstance(value, str) else ""
