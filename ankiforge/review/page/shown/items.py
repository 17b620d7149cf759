"""What the page shows: one thing at a time, and what may be done with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ankiforge.model import Card, Media, h16
from ankiforge.text.fold import isolated

Face = tuple[str, str]
"""(question, answer) of one card of a note, as Anki shows its two sides: HTML without the style."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A card to look at: it has its place beside the source, and a frame of its own."""

    id: str
    """A draft id (`guid.letter`); what decisions about this slot name."""
    label: str
    """Its heading, as text: `1`, `now`, `proposed`, `in Anki` …"""
    faces: tuple[Face, ...] = ()
    head: str = ""
    """HTML of ours above the frame: kind, who drew it."""
    foot: str = ""
    """HTML of ours below it: what the checks say."""
    fields: tuple[tuple[str, str], ...] = ()
    """All its content fields as Markdown, to be edited; () = it cannot be."""
    pictures: tuple[Media, ...] = ()
    """What its faces show; the browser is told the names only."""
    tone: str = ""
    """`warn` or `block`, as its worst finding is; never told by colour alone."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be done with an item: a button, and the key that presses it."""

    key: str
    """As `KeyboardEvent.key` has it: `a`, `1`, `ArrowDown` …"""
    label: str
    what: str
    """The decision's name in `deciding.DECISIONS`; or, after a colon, what the script does itself:
    `:edit`, `:skip`."""
    args: tuple[tuple[str, str], ...] = ()
    asks: str = ""
    """What a person types first; it comes as `args["words"]`. "" = nothing."""
    needs: bool = False
    """Whether nothing typed means nothing is done."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to decide."""

    id: str
    title: str
    """What it is, as text: a screen reader says it first."""
    stamp: str
    """Names all that was shown; a decision that brings another is stale."""
    source: str = ""
    """HTML of ours: the passage in its context, the mark in it, where it stands."""
    slots: tuple[Slot, ...] = ()
    body: str = ""
    """HTML of ours below the cards: differences, sides of a conflict."""
    acts: tuple[Act, ...] = ()
    group: str = ""
    """Its highlight: `g` goes to the first item of the next one."""
    passage: str = ""
    """The text in which words may be selected to make a card of; "" = none is made here."""
    compared: bool = False
    """Whether its slots are two versions of one thing: then the answers are shown first."""


def title_of(card: Card) -> str:
    """Where a card comes from, to stand beside other words."""
    return isolated(card.highlight.document.title)


def stamp_of(*shown: object) -> str:
    """A name for the state of what was shown."""
    return h16(*(msgspec.json.encode(one).decode() for one in shown))


def as_json(item: Item) -> dict[str, Any]:
    """An item as the script reads it."""
    found: dict[str, Any] = msgspec.to_builtins(item)
    for act in found["acts"]:
        act["args"] = dict(act["args"])
    for slot in found["slots"]:
        slot["fields"] = dict(slot["fields"])
        del slot["pictures"]  # paths of this machine
    return found


def tone_of(severities: Iterable[str]) -> str:
    """The worst of some severities, "" where nobody need look."""
    told = set(severities)
    return next((one for one in ("block", "warn") if one in told), "")
