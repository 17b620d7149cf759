"""The available sources, each of which is imported when it is needed.

Those of plug-ins are asked about a path that none of ours reads, and about a kind in the settings.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from ankiforge.config import source_name
from ankiforge.errors import ConfigError, PlugInError
from ankiforge.extract.base import SourceType
from ankiforge.model import Strings
from ankiforge.plugins import SOURCES, distribution_of, named, plug_ins
from ankiforge.plugins import loaded as plug_in_loaded

KINDS = {
    "pdf": ".pdf:Pdf",
    "epub": ".books.calibre:Epub",
    "obsidian": ".markdown.obsidian:Vault",
    "markdown": ".markdown:Texts",
    "jupyter": ".markdown.jupyter:Jupyter",
    "koreader": ".books.koreader:KOReader",
    "kobo": ".books.databases:Kobo",
    "calibre": ".books.calibre:Calibre",
    "apple-books": ".books.databases:AppleBooks",
    "kindle": ".exports.kindle:Kindle",
    "readwise": ".exports.readwise:Readwise",
    "hypothesis": ".exports.hypothesis:Hypothesis",
    "cards": ".exports.cards:CardTable",
    "zotero": ".zotero:Zotero",
    "web": ".web:Web",
}
"""The module and the class of each kind, in the order of the help."""


def kinds() -> Strings:
    """Return the names of all our sources, without importing them."""
    return tuple(sorted(KINDS))


@cache
def source_type(kind: str) -> type[SourceType]:
    """Return the class of a kind of source, ours or that of a plug-in.

    Raises:
        ConfigError: there is none, or the plug-in cannot be loaded.
    """
    if kind not in KINDS:
        return _of_plug_in(kind)
    module, _, name = KINDS[kind].partition(":")
    found: type[SourceType] = getattr(import_module(module, __package__), name)
    return found


@cache
def source_types() -> tuple[type[SourceType], ...]:
    """Return the classes of all our sources."""
    return tuple(map(source_type, KINDS))


def loaded(kind: str) -> type[SourceType] | None:
    """Return the class of a kind of source, or None if there is no such kind.

    Whoever opens the source hears of it.
    """
    try:
        return source_type(kind)
    except ConfigError:
        return None


def _of_plug_in(kind: str) -> type[SourceType]:
    """Return the class of a plug-in, marked with the name of its distribution.

    Raises:
        ConfigError: there is none, or it cannot be loaded.
    """
    installed = plug_ins(SOURCES)
    if kind not in installed:
        known = ", ".join(sorted((*KINDS, *installed)))
        raise ConfigError(f"there is no source called {kind!r}", hint=f"known: {known}")
    distribution = distribution_of(installed[kind])
    try:
        found = plug_in_loaded(installed[kind], type)
        with named(distribution):
            if not issubclass(found, SourceType) or found.kind != kind:
                raise TypeError(f"{found.__name__} is no source of the kind {kind!r}")
    except PlugInError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    found.distribution = distribution
    return found


@cache
def plugged_in() -> tuple[tuple[type[SourceType], ...], Strings]:
    """Return the classes of all plug-ins that can be loaded, and why the others cannot."""
    classes: list[type[SourceType]] = []
    failures: list[str] = []
    for kind in plug_ins(SOURCES):
        if kind in KINDS:
            continue
        try:
            classes.append(source_type(kind))
        except ConfigError as error:
            failures.append(error.message)
    return tuple(classes), tuple(failures)


@cache
def by_ending() -> dict[str, tuple[type[SourceType], ...]]:
    """Return our sources that may recognise a file, by its ending."""
    types_by_ending: dict[str, tuple[type[SourceType], ...]] = {}
    for source in source_types():
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


def examples_for_settings() -> Strings:
    """Return an entry of `sources:` for each source that has an example."""
    sources = sorted(source_types(), key=lambda source: source.kind)
    return tuple(source.example for source in sources if source.example)


def kinds_without_example() -> Strings:
    """Return the other kinds of a PATH; first those whose files are nothing else."""
    others = [source for source in source_types() if not source.example]
    others.sort(key=lambda source: not source.is_unambiguous)
    return tuple(source.kind for source in others)
