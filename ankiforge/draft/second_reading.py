"""Ask a model whether each new card agrees with its passage (the *second reading*).

A request covers at most `MAX_CARDS_PER_REQUEST` cards and is sent to a model or pasted into a
chat. If a passage contradicts its card, the card gets a remark for the user to review. No
card is blocked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ankiforge.draft.ask import Ask
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


Verdicts = dict[str, str | None]
"""Maps the label of a card to the passage's statement that contradicts it, or to None if the
passage supports the card.
"""


class SecondReading(Ask[Verdicts]):
    """A request to compare cards with their passages."""

    cards_by_label: Mapping[str, CardToCheck]

    @property
    def chat_text(self) -> str:
        """The request as text to paste into a chat."""
        count = format_item_count(len(self.cards_by_label), "card")
        return self.request.to_chat_text(f"answer for {count}")

    def parse_reply(self, reply: str) -> Verdicts:
        """Parse the verdicts in a reply. See `parse_verdicts`."""
        return parse_verdicts(reply)


def prepare_second_reading(
    cards_by_label: Mapping[str, CardToCheck], prompt: Prompt
) -> SecondReading:
    """Build the request to compare cards with their passages."""
    request = build_second_reading_request(cards_by_label, prompt)
    return SecondReading(request, cards_by_label)


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
    """Build the messages that ask to compare cards with their passages."""
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
    item_requests = []
    if len(cards_by_label) > 1:
        for card in cards_by_label.values():
            item_requests.append(build_second_reading_request({"1": card}, prompt))
    messages = prompt.render_messages(values)
    return ModelRequest(messages, _SCHEMA, prompt.fingerprint, tuple(item_requests))


def parse_verdicts(reply: str) -> Verdicts:
    """Parse the verdicts in a reply. Cards with an unknown or missing verdict are left out."""
    verdicts: Verdicts = {}
    for entry in iter_innermost_objects(parse_objects(reply), "h"):
        label = parse_label(entry)
        if label is None or entry.get("verdict") not in _VERDICTS:
            continue
        verdicts[label] = _parse_contradiction(entry)
    return verdicts


def _parse_contradiction(entry: Json) -> str | None:
    """Return what the passage says instead of the card, on one line, or None if both agree."""
    if entry["verdict"] == _SUPPORTED:
        return None
    statement = entry.get("says")
    if not isinstance(statement, str):
        return NO_STATEMENT
    return to_one_line(statement, _MAX_DOUBT_CHARS) or NO_STATEMENT
