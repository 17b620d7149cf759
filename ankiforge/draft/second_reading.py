"""Ask a model whether each new card agrees with its passage (the *second reading*).

A request covers at most `MAX_CARDS_PER_REQUEST` cards and is sent to a model or pasted into a
chat. If a passage contradicts its card, the card gets a remark for the user to review. No
card is blocked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ankiforge.draft.privacy import SendableText, mark_as_sendable
from ankiforge.draft.prompt import (
    ModelRequest,
    Prompt,
    format_item_count,
    format_tags,
    join_texts,
    make_object_schema,
)
from ankiforge.draft.reply_cards import parse_label, to_one_line
from ankiforge.draft.reply_json import iter_innermost_objects, parse_objects
from ankiforge.model import Json, Value

PROMPT_NAME = "second-reading"
MAX_CARDS_PER_REQUEST = 20
_SUPPORTED = "supported"
_VERDICTS = (_SUPPORTED, "changed", "absent")
_MAX_DOUBT_CHARS = 160
"""Doubts are shown truncated to this many characters."""
NO_STATEMENT = "nothing of this"


class CardToCheck(Value):
    """A card to check against its passage, with private text already masked."""

    source_title: SendableText
    """The document's title and the heading above the passage."""
    passage: SendableText
    context: SendableText
    """The text around the passage, or "" if it adds nothing."""
    question: SendableText
    """The question, or the text of a cloze with `[…]` in place of its gaps."""
    answer: SendableText


def build_second_reading_text(
    cards_by_label: Mapping[str, CardToCheck], prompt: Prompt
) -> str:
    """Build the text to paste into a chat, asking it to compare cards with their passages."""
    request = build_second_reading_request(cards_by_label, prompt)
    return request.to_chat_text(
        f"answer for {format_item_count(len(cards_by_label), 'card')}"
    )


_STRING_SCHEMA = {"type": "string"}
_VERDICT_SCHEMA = make_object_schema(
    {
        "h": _STRING_SCHEMA,
        "verdict": {"type": "string", "enum": [*_VERDICTS]},
        "says": _STRING_SCHEMA,
    }
)
_SCHEMA = make_object_schema({"cards": {"type": "array", "items": _VERDICT_SCHEMA}})
_EXAMPLE = {"cards": [{"h": "", "verdict": "|".join(_VERDICTS), "says": ""}]}


def build_second_reading_request(
    cards_by_label: Mapping[str, CardToCheck], prompt: Prompt
) -> ModelRequest:
    """Build the request that asks a model to compare cards with their passages."""
    formatted_cards = []
    for label, card in cards_by_label.items():
        parts = (
            ("heading", card.source_title),
            ("around", card.context),
            ("passage", card.passage),
            ("question", card.question),
            ("answer", card.answer),
        )
        formatted_cards.append(format_tags(label, parts))
    values = {
        "schema": mark_as_sendable(json.dumps(_EXAMPLE)),
        "highlights": join_texts(formatted_cards),
    }
    item_requests: tuple[ModelRequest, ...] = ()
    if len(cards_by_label) > 1:
        cards = cards_by_label.values()
        item_requests = tuple(
            build_second_reading_request({"1": card}, prompt) for card in cards
        )
    messages = prompt.render_messages(values)
    return ModelRequest(messages, _SCHEMA, prompt.fingerprint, item_requests)


def parse_verdicts(reply: str) -> dict[str, str]:
    """Parse the verdicts in a reply, and return them by the label of the card.

    A verdict is the passage's statement that contradicts the card, or "" if the passage supports
    the card. Cards with an unknown or missing verdict are left out.
    """
    verdicts = {}
    for entry in iter_innermost_objects(parse_objects(reply), "h"):
        label = parse_label(entry)
        if label is None or entry.get("verdict") not in _VERDICTS:
            continue
        is_supported = entry["verdict"] == _SUPPORTED
        verdicts[label] = "" if is_supported else _parse_doubt(entry)
    return verdicts


def _parse_doubt(entry: Json) -> str:
    """Return what the passage says instead of the card, on one line."""
    statement = entry.get("says")
    if not isinstance(statement, str):
        return NO_STATEMENT
    return to_one_line(statement, _MAX_DOUBT_CHARS) or NO_STATEMENT
