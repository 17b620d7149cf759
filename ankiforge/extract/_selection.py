"""What a source's settings select, and what else they could select.

A passage that is no longer read may have been deleted, or the settings may leave it out now. To
tell the two apart a source offers `unselected`: it reads some of its files once more as wider
settings would have them read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from ankiforge.model import Extracted, Highlight, Source

_Settings = TypeVar("_Settings", bound=msgspec.Struct)
_PLACE = ("path", "name")
"""Keys that say where a source is, not what is read of it."""


def told(settings: msgspec.Struct) -> str:
    """Return the settings as text: another one, and they may select something else."""
    values = msgspec.to_builtins(settings)
    return msgspec.json.encode(
        {key: value for key, value in values.items() if key not in _PLACE}, order="sorted"
    ).decode()


def recalled(text: str, settings: _Settings) -> _Settings | None:
    """Return earlier settings from their text, for the place of `settings`; None if unreadable."""
    place = {key: getattr(settings, key) for key in _PLACE}
    try:
        return msgspec.convert({**msgspec.json.decode(text), **place}, type(settings))
    except (msgspec.MsgspecError, TypeError):
        return None


def wider(
    settings: _Settings, before: str, marks: Iterable[str], cards: Iterable[str]
) -> Iterator[_Settings]:
    """Yield the settings of `before`, then all cards alone, then each mark alone.

    Alone, for where both are wanted a passage is read as one of them.
    """
    if (earlier := recalled(before, settings)) is not None:
        yield earlier
    yield msgspec.structs.replace(settings, marks=(), cards=tuple(cards))
    for mark in marks:
        yield msgspec.structs.replace(settings, marks=(mark,), cards=())


def highlights_of(sources: Iterable[Source]) -> Iterator[Highlight]:
    """Yield the highlights of sources, one source after another; problems are left out."""
    for source in sources:
        for sighting in source.scan():
            if isinstance(sighting, Extracted):
                yield from sighting.highlights


def forms(words: Iterable[str], default: Iterable[str]) -> frozenset[str]:
    """Return the forms that a `cards:` list selects.

    `-word` leaves a form out; a list of nothing else leaves it out of the default.
    """
    said = tuple(words)
    without = {word[1:] for word in said if word.startswith("-")}
    named = {word for word in said if not word.startswith("-")}
    return frozenset((named if named or not without else set(default)) - without)
