"""What the body of each kind of event holds: a line is read whole, or not at all.

Lines come from other machines, through programs that synchronise, and from strangers.
`fold` takes bodies as they are; what is not of its shape is a damaged line. Unknown keys
are let be: a newer version may have written them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ankiforge.ledger import events
from ankiforge.ledger.events import Event, Text, Wording
from ankiforge.model import Adopted, MappedType, Pair, Strings, Texts, Value, h16

MOST_N = 1 << 62
"""Larger numbers leave no room for later events in SQLite's integers."""


class _Key(Text):
    like: str = ""


class _Accept(Value, kw_only=True):
    guid: str
    draft: Wording
    slot: str = ""
    deck: str = ""
    tags: Strings = ()
    forced: bool = False
    passed: Strings = ()
    instead: str = ""
    found: bool = False


class _Adopt(_Accept, kw_only=True):
    note: Adopted | None = None
    schedule: tuple[tuple[str, int, int], ...] = ()


class _Revise(Value):
    guid: str
    draft: Wording


class _Edit(Value):
    guid: str
    fields: Texts
    kind: str = ""
    over: Mapping[str, Pair] = {}
    """By field, a person's words in Anki that these replace: hash of the HTML, and Markdown."""


class _Reject(Value):
    content: str
    slot: str = ""
    guid: str = ""
    why: str = ""
    passed: Strings = ()


class _Retire(Value):
    guid: str
    why: str = ""


class _Skip(Value):
    why: str = ""


class _Form(Value):
    choice: str


class _Dialects(Value):
    read: Strings
    declined: Strings = ()


class _Decline(Value):
    """Nothing: the key says which tool it is about."""


class _Undo(Value):
    event: str


class _Other(Value):
    old: str


class _Ask(Value):
    old: str
    beside: bool = False


class _Resolve(Value):
    guid: str
    field: str
    choice: str
    theirs: str
    ours: str
    was: str = ""


class _Shipped(Value):
    guid: str
    mod: int
    digest: str
    tags: Strings = ()
    deck: str = ""
    numbers: Texts = {}
    hashes: Texts = {}
    type: MappedType | None = None


class _Pictures(Value):
    guid: str
    names: Texts


class _Note(Value):
    guid: str


SHAPES: dict[str, type[Any]] = {
    "key": _Key,
    "text": Text,
    "accept": _Accept,
    "adopt": _Adopt,
    "revise": _Revise,
    "edit": _Edit,
    "reject": _Reject,
    "retire": _Retire,
    "skip": _Skip,
    "form": _Form,
    "private": _Form,
    "dialects": _Dialects,
    "decline": _Decline,
    "undo": _Undo,
    "ask": _Ask,
    "same": _Other,
    "different": _Other,
    "resolve": _Resolve,
    "shipped": _Shipped,
    "pictures": _Pictures,
    "seen": _Note,
    "unseen": _Note,
    "keep": _Note,
}
"""By kind of event, as `fold.KINDS`."""


_SOURCES = (events.__file__, __file__)
READER = h16(*[Path(module).read_text(encoding="utf-8") for module in _SOURCES])
"""Names the kinds and shapes of events that are known: by it, a version of the program reads
again what an older one could not read."""


def is_known(event: Event) -> bool:
    """Return whether this version of the program knows what an event means."""
    return event.what in SHAPES


def is_sound(event: Event) -> bool:
    """Return whether an event has the shape that its kind needs.

    Of kinds that are not known, any shape is sound.
    """
    if not 0 <= event.n < MOST_N:
        return False
    shape = SHAPES.get(event.what)
    if shape is None:
        return True
    try:
        msgspec.convert(event.body, shape)
    except msgspec.ValidationError:
        return False
    return True
