"""Deck names and tags in the form Anki keeps, so that what we send is what it stores."""

from __future__ import annotations

import re
from functools import lru_cache

from ankiforge.text.fold import clean

DEFAULT_DECK = "ankiforge"
RETIRED = "ankiforge::retired"
"""The tag of a note in Anki that is no card any more: no import can delete it."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_UNFIT_IN_TAGS = re.compile(r"[\s\x00-\x1f\x7f]+")
_ANKIS_OWN = frozenset({"marked", "leech"})
"""Tags by which Anki remembers what a person or the scheduler did."""


@lru_cache(maxsize=4096)
def deck_name(name: str) -> str:
    """A deck name with no part empty, padded or ending in a colon; never empty itself."""
    parts = (_deck_part(part) for part in clean(name).split("::"))
    return "::".join(part for part in parts if part) or DEFAULT_DECK


def _deck_part(part: str) -> str:
    return _CONTROLS.sub(" ", part.replace('"', "")).strip().strip(":").strip()


@lru_cache(maxsize=4096)
def tag_names(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Tags without white space or empty parts, each once whatever its case, sorted."""
    found: dict[str, str] = {}
    for tag in sorted(map(_tag, tags)):
        if tag and tag.casefold() not in _ANKIS_OWN:
            found.setdefault(tag.casefold(), tag)
    return tuple(sorted(found.values()))


def _tag(tag: str) -> str:
    joined = _UNFIT_IN_TAGS.sub("-", clean(tag).strip())
    return "::".join(part for part in (run.strip(":-") for run in joined.split("::")) if part)
