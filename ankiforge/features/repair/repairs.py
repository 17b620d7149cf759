"""Repairs of a card: what a model or a chat is asked, and what its reply makes of the card.

A repair is data: what the words of the card become, and which cards are new. None adds a
fact. The program itself offers none: those that it made left 12 to 17 of 100 cards worse.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ankiforge.config import shipped
from ankiforge.draft.prompt import ModelRequest, exactly, filled, message
from ankiforge.draft.reply import cloze_text, markdown, objects
from ankiforge.draft.sendable import SendableText, ours
from ankiforge.model import Json, Strings, Texts, Value, h16
from ankiforge.text import cloze
from ankiforge.text.fold import locate


class CardRepair(Value):
    """A change of a card that a person may take."""

    says: str
    """In a line, what it does."""
    fields: Texts
    """The words of the card as they become, by field; a field that is not here stays."""
    new: tuple[Texts, ...] = ()
    """The words of cards that it adds."""
    quote: str = ""
    """The words of the source that prove it."""
    doubts: Strings = ()
    """What the checks say about it."""


class CardToRepair(Value):
    """All that a repair depends on."""

    fields: Texts
    """Markdown: Front, Back and Extra, or Text and Extra."""
    topic: str = ""
    """What its deck or heading says that it is about."""
    near: Texts = {}
    """The fields of the card that it is mixed up with."""

    @property
    def is_cloze(self) -> bool:
        """Whether its words stand in one text with gaps."""
        return "Text" in self.fields


# --- the request --------------------------------------------------------------------------

PROMPT = "repair"
MOST_OF_MODEL = 2
_MOST_NEW = 4
_SHAPE = {
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


def prompt_for(
    card: CardToRepair,
    picked: Iterable[str],
    history: str,
    passage: str,
    sendable: Callable[[str], SendableText],
) -> ModelRequest:
    """Return the prompt about a card for a model or a chat.

    Args:
        card: the card.
        picked: why it was picked.
        history: its answers in a line.
        passage: the passage that it is from; "" = not known.
        sendable: returns a text without what must stay on this machine.
    """

    def shown(fields: Texts) -> Json:
        sides = {}
        for name, text in fields.items():
            if text and name != "Extra":
                sides[name.casefold()] = sendable(text)
        return sides

    asked: Json = {
        "card": shown(card.fields),
        "picked": [sendable(reason) for reason in picked],
        "history": history,
        "similar": [shown(card.near)] if card.near else [],
        "topic": sendable(card.topic),
        "passage": sendable(passage),
    }
    text = (shipped("prompts") / f"{PROMPT}.md").read_text("utf-8")
    system, _, user = text.partition("\n---\n")
    in_json = json.dumps(asked, ensure_ascii=False, indent=1)
    values = {"highlights": SendableText(in_json), "schema": ours(json.dumps(_SHAPE))}
    name = f"{PROMPT}@{h16(text)[:8]}"
    return ModelRequest(
        (
            message("system", filled(system, values)),
            message("user", filled(user, values)),
        ),
        _SCHEMA,
        name,
    )


_TEXT = {"type": "string"}
_CARD = {"front": _TEXT, "back": _TEXT}
_NEW = {"type": "array", "items": exactly(_CARD)}
_REPAIR = exactly({"why": _TEXT, **_CARD, "new": _NEW, "quote": _TEXT})
_REPAIRS = {"type": "array", "items": _REPAIR}
_SCHEMA = exactly({"repairs": _REPAIRS, "suspend": {"type": "boolean"}})


# --- the reply ----------------------------------------------------------------------------


def read_repairs(reply: str, card: CardToRepair, passage: str) -> list[CardRepair]:
    """Return the repairs in the reply of a model or a chat; a quote is located, or dropped.

    What has no readable card, or changes the gap numbers of a cloze, is left out.
    """
    found: list[CardRepair] = []
    for value in objects(reply):
        entries = value.get("repairs") if isinstance(value, dict) else None
        if not isinstance(entries, list):
            entries = [value]
        for entry in entries:
            if isinstance(entry, dict):
                found += _read(entry, card, passage)
    return found[:MOST_OF_MODEL]


def _read(entry: Json, card: CardToRepair, passage: str) -> Iterator[CardRepair]:
    note = entry.get("note")
    words = note if isinstance(note, dict) else entry
    front = _said(words.get("front") or words.get("text"))
    back = _said(words.get("back"))
    if card.is_cloze:
        fields = {"Text": cloze_text(front)}
        is_fit = set(cloze.numbers(card.fields["Text"])) <= set(cloze.numbers(front))
    else:
        fields = {"Front": markdown(front), "Back": markdown(back)}
        is_fit = bool(front and back)
    if not is_fit:
        return
    # what says the same stays as it is, with the pictures that a reply cannot show
    for name, text in fields.items():
        read = cloze_text if card.is_cloze else markdown
        if text == read(card.fields[name]):
            fields[name] = card.fields[name]
    new = []
    added = entry.get("new")
    for other in added[:_MOST_NEW] if isinstance(added, list) else ():
        sides = other if isinstance(other, dict) else {}
        front, back = (markdown(_said(sides.get(side))) for side in ("front", "back"))
        if front and back:
            new.append({"Front": front, "Back": back})
    quote = _said(entry.get("quote"))
    if not (quote and passage and locate(quote, passage)):
        quote = ""
    says = _said(entry.get("why")) or "in other words"
    same = all(text == card.fields.get(name, "") for name, text in fields.items())
    if not same or new:
        yield CardRepair(says, fields, tuple(new), quote)


def _said(value: Any) -> str:
    return value.strip()[:2000] if isinstance(value, str) else ""
