"""Sources: each yields what a person marked, and says whether it saw all of it.

A source is one module (or folder) here; its name is its name in `ankiforge.yaml`:

    sources:
      - obsidian: {name: notes, path: ~/Vault}

The module holds `Settings`, a frozen `msgspec.Struct` of its keys, and `open_source`. Sources
of other distributions come by the entry-point group `ankiforge.sources`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from ankiforge.errors import ConfigError
from ankiforge.extract.files import AHEAD as AHEAD
from ankiforge.extract.files import Count as Count
from ankiforge.extract.files import Look as Look
from ankiforge.extract.files import Stamp as Stamp
from ankiforge.extract.files import changed_at as changed_at
from ankiforge.extract.files import program as program
from ankiforge.extract.files import proves as proves
from ankiforge.extract.files import relative as relative
from ankiforge.extract.files import stamp_of as stamp_of
from ankiforge.extract.files import walk as walk
from ankiforge.model import Known, Sighting, Source

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

    from ankiforge.extract.discover import kind_of as kind_of
    from ankiforge.extract.discover import kinds_below as kinds_below
    from ankiforge.extract.discover import why_not as why_not
    from ankiforge.extract.folder import File as File
    from ankiforge.extract.folder import Folder as Folder

_LATER = {
    "kind_of": "discover", "kinds_below": "discover", "why_not": "discover",
    "File": "folder", "Folder": "folder",
}  # fmt: skip
"""Names of this package's interface, by the module that is imported when they are first used."""


def __getattr__(name: str) -> Any:
    """Import a name of the interface: a process that reads PDFs starts faster without them."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every source may say in the configuration."""

    path: str
    name: str = ""


class SourceModule(Protocol):
    """What a module in this folder offers."""

    Settings: type[SourceSettings]

    @staticmethod
    def open_source(
        name: str,
        root: Path,
        settings: Any,
        only: tuple[Path, ...] = (),
        me: tuple[str, ...] = (),
    ) -> Source:
        """Make a reader of `root`.

        A source that is quicker, or cheaper, for knowing what it read the last time may have one
        more argument, `memory: Memory = NoMemory()`; one that may ask other machines has
        `offline: bool = False`, and leaves it when that is set; one whose files others may read
        ahead has `pool: WorkerPool | None = None`.

        Args:
            name: the source's name, which may be part of keys.
            root: the vault, folder, or data folder.
            settings: an instance of the module's `Settings`.
            only: files and folders below root to look at; () = everything. With `only`, scans
                are never complete.
            me: whose marks count in a shared library; () = the library's owner.
        """
        ...


def count_of(source: Source) -> Count:
    """Return how far a scan of this source is; zeros of a source that does not count."""
    here = getattr(source, "count", None) or getattr(getattr(source, "folder", None), "count", None)
    return here if isinstance(here, Count) else Count()


def scanned(source: Source, known: Known) -> Iterator[Sighting]:
    """Scan a source, telling it what is known if it asks for that."""
    takes_known = "known" in signature(source.scan).parameters
    return source.scan(known=known) if takes_known else source.scan()  # type: ignore[call-arg]


def kinds() -> tuple[str, ...]:
    """The names of the sources on board, nothing imported."""
    return tuple(sorted({*_own_kinds(), *(point.name for point in _guests())}))


_SHARED = frozenset(("discover", "files", "folder", "workers"))
"""Modules here that are no source."""


def _own_kinds() -> set[str]:
    """Return the names of the source modules in this folder."""
    names = {module.name for module in iter_modules(__path__)} - _SHARED
    return {name for name in names if not name.startswith("_")}


def _guests() -> EntryPoints:
    """Sources of other distributions; looking through all that is installed takes its time."""
    from importlib.metadata import entry_points

    return entry_points(group="ankiforge.sources")


def module(kind: str) -> SourceModule:
    """Import the source module of this kind.

    Raises:
        ConfigError: there is none.
    """
    return next(_found(kind))


def _found(kind: str) -> Iterator[SourceModule]:
    if kind in _own_kinds():
        yield cast(SourceModule, import_module(f"{__name__}.{kind}"))
    for point in _guests().select(name=kind):
        yield point.load()
    raise ConfigError(f"there is no source called {kind!r}", hint=f"known: {', '.join(kinds())}")
