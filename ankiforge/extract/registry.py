"""The available sources: ours, and those of other distributions.

Another distribution adds sources by the entry-point group `ankiforge.sources`; their
classes have the same rights as ours. A class is imported when it is needed.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ankiforge.config import source_name
from ankiforge.errors import ConfigError
from ankiforge.extract.base import SourceType
from ankiforge.model import Strings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

GROUP = "ankiforge.sources"
"""The entry-point group of sources."""
# By kind, in the order of the help: the class, below this package.
_OURS = {
    "pdf": "pdf:Pdf",
    "epub": "books.epub:Epub",
    "obsidian": "markdown.obsidian:Vault",
    "markdown": "markdown:Texts",
    "jupyter": "markdown.jupyter:Jupyter",
    "koreader": "books.koreader:KOReader",
    "kobo": "books.kobo:Kobo",
    "calibre": "books.calibre:Calibre",
    "apple-books": "books.apple:AppleBooks",
    "kindle": "exports.kindle:Kindle",
    "readwise": "exports.readwise:Readwise",
    "hypothesis": "exports.hypothesis:Hypothesis",
    "tiddlywiki": "exports.tiddlywiki:Wiki",
    "zotero": "zotero:Zotero",
}


def kinds() -> Strings:
    """Return the names of all sources, without importing them."""
    return tuple(sorted({*_OURS, *_plugins().names}))


@cache
def source_type(kind: str) -> type[SourceType]:
    """Return the class of a kind of source.

    Raises:
        ConfigError: there is none, or it is not what it should be.
        ImportError: another distribution has it, and it cannot be loaded.
    """
    if kind in _OURS:
        module, _, name = _OURS[kind].partition(":")
        ours: type[SourceType] = getattr(
            import_module(f"ankiforge.extract.{module}"),
            name,
        )
        return ours
    for entry_point in _plugins().select(name=kind):
        plugin = entry_point.load()
        if (
            isinstance(plugin, type)
            and issubclass(plugin, SourceType)
            and plugin.kind == kind
        ):
            return plugin
        message = (
            f"the source {kind!r} is not a SourceType of this kind: {entry_point.value}"
        )
        raise ConfigError(message, hint="update the package that provides it")
    raise ConfigError(
        f"there is no source called {kind!r}",
        hint=f"known: {', '.join(kinds())}",
    )


def source_types() -> tuple[type[SourceType], ...]:
    """Return the classes of all sources: ours, then those of others that can be loaded."""
    return _source_types(tuple(sys.path))


@cache
def _source_types(folders: Strings) -> tuple[type[SourceType], ...]:
    """Return the classes of all sources, where distributions are looked for in these folders."""
    types = [source_type(kind) for kind in _OURS]
    if _may_have_plugins(folders):
        names = sorted(_plugins().names - _OURS.keys())
        types += filter(None, map(loaded, names))
    return tuple(types)


def loaded(kind: str) -> type[SourceType] | None:
    """Return the class of a kind of source; None if there is none, or it cannot be loaded.

    Whoever opens the source hears why.
    """
    try:
        return source_type(kind)
    except Exception:  # noqa: BLE001 - a broken plugin must not stop what it has no part in
        return None


def by_ending() -> dict[str, tuple[type[SourceType], ...]]:
    """Return the sources that may recognise a file, by its ending."""
    return _by_ending(source_types())


@cache
def _by_ending(
    sources: tuple[type[SourceType], ...],
) -> dict[str, tuple[type[SourceType], ...]]:
    """Return the types of sources that read files with each ending."""
    types_by_ending: dict[str, tuple[type[SourceType], ...]] = {}
    for source in sources:
        for ending in source.endings:
            types_by_ending[ending] = (*types_by_ending.get(ending, ()), source)
    return types_by_ending


# --- what others ask about all sources --------------------------------------------------


def is_export(kind: str) -> bool:
    """Return whether the files of a kind are exported from an account."""
    loaded_type = loaded(kind)
    return loaded_type is not None and loaded_type.is_export


def default_name(kind: str, path: Path) -> str:
    """Return the name of a source without one: its folded folder name, or an export's kind."""
    return kind if is_export(kind) else source_name(path)


def keys_instead_of_path() -> frozenset[str]:
    """Return the keys of settings with which some source needs no `path`."""
    keys: set[str] = set()
    for source in source_types():
        keys.update(source.instead_of_path)
    return frozenset(keys)


def paths_in_words() -> str:
    """Return what a PATH may be, as in “a PDF, a note, a folder of these, or …”."""
    with_noun = [source for source in source_types() if source.noun]
    accounts = [source.noun for source in with_noun if source.is_export]
    first_accounts = ", ".join(accounts[:-1])
    exports = f"highlights from {first_accounts} or {accounts[-1]}"
    files: list[str] = []
    libraries: list[str] = []
    for source in with_noun:
        if source.marker:
            libraries.append(source.noun)
        elif not source.is_export:
            files.append(source.noun)
        elif exports not in files:  # all accounts in one phrase
            files.append(exports)
    words = [*files, "a folder of these", *libraries]
    first_words = ", ".join(words[:-1])
    return f"{first_words}, or {words[-1]}"


def examples_for_settings() -> Strings:
    """Return an entry of `sources:` for each source that has an example."""
    sources = sorted(source_types(), key=lambda source: source.kind)
    return tuple(source.example for source in sources if source.example)


def kinds_without_example() -> Strings:
    """Return the other kinds of a PATH; first those whose files are nothing else."""
    others = []
    for source in source_types():
        if source.noun and not source.example:
            others.append(source)
    others.sort(key=lambda source: not source.is_unambiguous)
    return tuple(source.kind for source in others)


# --- the sources of other distributions -------------------------------------------------


def _plugins() -> EntryPoints:
    """Return the sources of other distributions. To import what finds them takes a while."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _may_have_plugins(folders: Strings) -> bool:
    """Return whether a distribution names our group, in a fiftieth of the time of `_plugins`.

    Every `run` asks for it that looks at a remembered folder.
    """
    wanted = f"[{GROUP}]".encode()
    for folder in folders:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - of very many
        except OSError:
            continue
        for name in names:
            if not name.endswith((".dist-info", ".egg-info")):
                continue
            try:
                text = Path(folder, name, "entry_points.txt").read_bytes()
            except OSError:
                continue
            if wanted in text:
                return True
    return False
