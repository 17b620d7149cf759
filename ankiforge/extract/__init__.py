"""Sources: readers that yield what a person marked, and report whether they saw everything.

A source is one module (or package) in this folder, and its name is the one in `ankiforge.yaml`:

    sources:
      - obsidian: {name: notes, path: ~/Vault}

The module defines `Settings`, a frozen `msgspec.Struct` with its keys, and `open_source`. Other
distributions add sources through the entry-point group `ankiforge.sources`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from msgspec.structs import replace

from ankiforge.errors import ConfigError
from ankiforge.extract.files import Count, of_one
from ankiforge.extract.files import program as program
from ankiforge.model import Extracted, Highlight, Known, Sighting, Source, Strings, Value
from ankiforge.text.passages import anchor_key, numbered, own_key

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints


class SourceSettings(Value, forbid_unknown_fields=True, kw_only=True):
    """The settings that all sources have."""

    path: str
    name: str = ""


class SourceModule(Protocol):
    """The interface of a source module."""

    Settings: type[SourceSettings]

    @staticmethod
    def open_source(
        name: str, root: Path, settings: Any, only: tuple[Path, ...] = (), me: Strings = ()
    ) -> Source:
        """Return a reader for `root`.

        A source may accept further arguments: `memory: Memory = NoMemory()` if it benefits from
        cached results of earlier runs, `offline: bool = False` if it may contact other machines
        (which True forbids), `jobs: int = 1` if it can read several files at a time, and
        `executor: str = ""` if a Dask cluster at this address may read them.

        Args:
            name: the source's name, which may be part of keys.
            root: the vault, folder, or data folder.
            settings: an instance of the module's `Settings`.
            only: files and folders below root to read. () for everything. With `only`, scans are
                never complete.
            me: whose marks count in a shared library. () for the library's owner.
        """
        ...


def count_of(source: Source) -> Count:
    """Return the progress of a scan of this source. Zeros if the source does not count."""
    here = getattr(source, "count", None) or getattr(getattr(source, "folder", None), "count", None)
    return here if isinstance(here, Count) else Count()


def scanned(source: Source, known: Known | None) -> Iterator[Sighting]:
    """Scan a source, and pass `known` if its `scan` accepts it; None reads everything."""
    takes_known = "known" in signature(source.scan).parameters
    found = source.scan(known=known) if takes_known else source.scan()  # type: ignore[call-arg]
    named = (source, getattr(source, "folder", None))
    name = next(filter(None, (getattr(one, "name", "") for one in named)), type(source).__name__)
    return of_one(name, found)


def keyed(extracted: Extracted) -> Iterator[Highlight]:
    """Yield the highlights of a document with the keys that a first run would issue."""
    for one in numbered(extracted.highlights):
        yield replace(one, key=own_key(one) or anchor_key(one, one.nth))


def kinds() -> Strings:
    """Return the names of all available sources, without importing them."""
    return tuple(sorted({*_OWN, *_OF_TOOLS, *(point.name for point in _plugins())}))


# Sources that `pipeline.adopt` has, for who moves in.
_OF_TOOLS = frozenset(("yanki", "ankiops"))
_OWN = {
    "hypothesis": "exports.hypothesis",
    "kindle": "exports.kindle",
    "markdown": "markdown",
    "obsidian": "markdown.obsidian",
    "pdf": "pdf",
    "readwise": "exports.readwise",
    "tiddlywiki": "exports.tiddlywiki",
    "zotero": "zotero",
}


def _plugins() -> EntryPoints:
    """Return the sources of other distributions. Searching all installed packages is slow."""
    from importlib.metadata import entry_points

    return entry_points(group="ankiforge.sources")


def module(kind: str) -> SourceModule:
    """Import the source module of this kind.

    Raises:
        ConfigError: there is no such source.
    """
    if kind in _OWN:
        return cast(SourceModule, import_module(f"{__name__}.{_OWN[kind]}"))
    if kind in _OF_TOOLS:
        return cast(SourceModule, getattr(import_module("ankiforge.pipeline.adopt"), kind))
    for point in _plugins().select(name=kind):
        return cast(SourceModule, point.load())
    raise ConfigError(f"there is no source called {kind!r}", hint=f"known: {', '.join(kinds())}")
