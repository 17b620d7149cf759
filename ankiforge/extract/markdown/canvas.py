"""The text cards of an Obsidian canvas, a file in JSON Canvas 1.0 (https://jsoncanvas.org/spec/1.0).

A canvas shows cards of four types. Those of type `text` hold Markdown; `file` shows a note or
another file, which is read for itself, `link` a page of the web, `group` a frame with a label.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from ankiforge.errors import ItemError
from ankiforge.extract.markdown import Part
from ankiforge.model import Json
from ankiforge.text.private import IN_ITS_NOTE, has_tag

ENDING = ".canvas"
_NOT_A_CANVAS = "open it in Obsidian to see what is wrong, or leave it out with `exclude`"


class Canvas(NamedTuple):
    """The cards of a canvas that are read."""

    parts: list[Part]
    """Its text cards from top to bottom, those at one height from left to right."""
    private: str
    """Why nothing in it may leave this machine, "" if that is not so."""


def read_canvas(text: str) -> Canvas:
    """Return the text cards of a canvas; Obsidian writes an empty file for an empty one.

    A group whose label has the tag `#no-llm` may hold any of the cards: all are private.

    Raises:
        ItemError: it is not a canvas.
    """
    if not text.strip():
        return Canvas([], "")
    try:
        canvas = msgspec.json.decode(text, type=Json)
    except (ValueError, RecursionError) as error:
        raise ItemError(f"it is not a canvas: {error}", hint=_NOT_A_CANVAS) from error
    nodes = canvas.get("nodes") or []
    if not isinstance(nodes, list):
        raise ItemError(
            "it is not a canvas: its `nodes` are not a list", hint=_NOT_A_CANVAS
        )
    cards: list[Json] = []
    private = ""
    for node in nodes:
        if not isinstance(node, dict):
            continue
        if node.get("type") == "text" and isinstance(node.get("text"), str):
            cards.append(node)
        elif has_tag(str(node.get("label", ""))):
            private = IN_ITS_NOTE
    # by place: the order in the file changes with every click on a card
    cards.sort(
        key=lambda card: (_number(card.get("y")), _number(card.get("x")), _id_of(card))
    )
    parts = []
    for card in cards:
        text = card["text"].replace("\r\n", "\n").replace("\r", "\n")
        parts.append(Part(text, _id_of(card)))
    return Canvas(parts, private)


# No card is as far away as that: numbers of a damaged file may be of any size.
_FAR = 1e12


def _number(value: Any) -> float:
    is_bool = isinstance(value, bool)  # which is an int, too
    is_number = isinstance(value, int | float) and not is_bool
    return float(value) if is_number and abs(value) < _FAR else 0.0


def _id_of(node: Json) -> str:
    value = node.get("id")
    return value if isinstance(value, str) else ""
