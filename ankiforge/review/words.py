"""What a person typed, as the fields of a card: the same for the terminal and the page."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ankiforge.check.structure import MAX_LENGTH
from ankiforge.errors import UsageError
from ankiforge.model import Card, Family, Fields

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def changed(card: Card, changes: Mapping[str, str]) -> Fields:
    """The fields of a card with these in place of its own; emptied ones are gone.

    Raises:
        UsageError: it has no such field, or these are no words.
    """
    names = card.family.content_fields
    if wrong := [name for name in changes if name not in names]:
        raise UsageError(f"no field {wrong[0]!r} on this card", hint=f"it has: {', '.join(names)}")
    words = {**dict(card.fields), **_typed(changes)}
    return tuple((name, words[name]) for name in names if words.get(name))


def fields_of(words: Mapping[str, str]) -> Fields:
    """The fields of a new card of either family, whichever their names say.

    Raises:
        UsageError: a field is missing, or is of another family, or these are no words.
    """
    given = {name: text for name, text in _typed(words).items() if text.strip()}
    family = Family.CLOZE if "Text" in given else Family.BASIC
    names = family.content_fields
    if wrong := [name for name in given if name not in names]:
        what = f"no field {wrong[0]!r} beside {names[0]}"
        raise UsageError(what, hint="Front, Back and Extra, or Text with {{c1::…}} and Extra")
    needed = ("Text",) if family is Family.CLOZE else ("Front", "Back")
    if missing := [name for name in needed if name not in given]:
        raise UsageError(f"the card has no {missing[0]}", hint=f'--field {missing[0]} "TEXT"')
    return tuple((name, given[name]) for name in names if name in given)


def _typed(words: Mapping[str, str]) -> dict[str, str]:
    """With the line ends of everywhere; what no keyboard types is refused."""
    clean = {name: text.replace("\r\n", "\n").replace("\r", "\n") for name, text in words.items()}
    for name, text in clean.items():
        if found := _CONTROLS.search(text):
            what = f"{name} holds a control character ({ord(found[0]):#04x})"
            raise UsageError(what, hint="type it anew")
    if sum(map(len, clean.values())) > MAX_LENGTH:
        raise UsageError(f"more than {MAX_LENGTH} characters", hint="a card of pages is a document")
    return clean
