"""Scan an open source, with what is known about it and whatever fails in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from ankiforge.errors import BugError, one_item
from ankiforge.model import Extracted, Highlight, Known, Problem, Sighting, Source
from ankiforge.text.passages import anchor_key, numbered, own_key


@dataclass(slots=True)
class Count:
    """The progress of a scan. A display may read it at any time."""

    done: int = 0
    total: int = 0
    """0 if unknown."""


def count_of(source: Source) -> Count:
    """Return the progress of a scan of this source. Zeros if the source does not count."""
    count = getattr(source, "count", None)
    if count is None:
        count = getattr(getattr(source, "folder", None), "count", None)
    return count if isinstance(count, Count) else Count()


def scanned(source: Source, known: Known | None) -> Iterator[Sighting]:
    """Scan a source. Without `known`, everything is read."""
    name = ""
    for place in (source, getattr(source, "folder", None)):
        name = name or getattr(place, "name", "")
    return of_one(name or type(source).__name__, source.scan(known))


def of_one(where: str, sightings: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield the sightings of one document, or the problem that this program fails on it."""
    try:
        with one_item():
            yield from sightings
    except BugError as error:
        yield Problem(where, error.message, error.hint)


def keyed(extracted: Extracted) -> Iterator[Highlight]:
    """Yield the highlights of a document with the keys that a first run would issue."""
    for highlight in numbered(extracted.highlights):
        key = own_key(highlight) or anchor_key(highlight, highlight.nth)
        yield replace(highlight, key=key)
