"""Registry of source types, each of which is imported on demand.

Plug-ins are only loaded for a path that no built-in source reads, or for a source type named in the
settings.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from ankiforge.config import make_default_source_name
from ankiforge.errors import ConfigError, PlugInError
from ankiforge.extract.base import SourceType
from ankiforge.model import Strings
from ankiforge.plugins import (
    SOURCE_GROUP,
    find_plugins,
    get_distribution_name,
    wrap_plugin_errors,
)
from ankiforge.plugins import load_plugin as load_plugin_class

SOURCE_CLASSES = {
    "pdf": ".pdf:PdfSource",
    "epub": ".web:EpubBooks",
    "obsidian": ".markdown.obsidian:Vault",
    "markdown": ".markdown:TextFiles",
    "jupyter": ".markdown.jupyter:Jupyter",
    "koreader": ".books.koreader:KOReader",
    "kobo": ".books.databases:Kobo",
    "calibre": ".books.calibre:Calibre",
    "apple-books": ".books.databases:AppleBooks",
    "words": ".books.databases:LookedUpWords",
    "kindle": ".exports.kindle:Kindle",
    "readwise": ".exports.readwise:Readwise",
    "hypothesis": ".exports.hypothesis:Hypothesis",
    "cards": ".exports.cards:CardTable",
    "zotero": ".zotero:Zotero",
    "web": ".web:SavedWebPages",
    "captions": ".captions:Captions",
}
"""The module and class of each source type, in the order of the help."""


def list_source_kinds() -> Strings:
    """Return the names of the built-in source types, without importing their classes."""
    return tuple(sorted(SOURCE_CLASSES))


@cache
def load_source_type(kind: str) -> type[SourceType]:
    """Load the class of a source type, which may come from a plug-in.

    Raises:
        ConfigError: There is no such source type, or its plug-in can't be loaded.
    """
    if kind not in SOURCE_CLASSES:
        return _load_plug_in(kind)
    module, _, name = SOURCE_CLASSES[kind].partition(":")
    source_class: type[SourceType] = getattr(import_module(module, __package__), name)
    return source_class


@cache
def load_source_types() -> tuple[type[SourceType], ...]:
    """Load the classes of all built-in source types."""
    return tuple(map(load_source_type, SOURCE_CLASSES))


def find_source_type(kind: str) -> type[SourceType] | None:
    """Return the class of a source type, or None if it can't be loaded.

    The error is ignored here, because it will be reported when the source is opened.
    """
    try:
        return load_source_type(kind)
    except ConfigError:
        return None


def _load_plug_in(kind: str) -> type[SourceType]:
    """Load the class of a source type from the plug-in that provides it."""
    installed = find_plugins(SOURCE_GROUP)
    if kind not in installed:
        known_kinds = ", ".join(sorted((*SOURCE_CLASSES, *installed)))
        raise ConfigError(
            f"there is no source called {kind!r}", hint=f"known: {known_kinds}"
        )
    distribution = get_distribution_name(installed[kind])
    try:
        source_class = load_plugin_class(installed[kind], type)
        with wrap_plugin_errors(distribution):
            if not issubclass(source_class, SourceType) or source_class.kind != kind:
                raise TypeError(
                    f"{source_class.__name__} is no source of the kind {kind!r}"
                )
    except PlugInError as error:
        raise ConfigError(error.message, hint=error.hint) from error
    source_class.distribution = distribution
    return source_class


@cache
def load_plug_in_source_types() -> tuple[tuple[type[SourceType], ...], Strings]:
    """Load the source types of all plug-ins.

    Returns:
        The loaded classes, and an error message for each plug-in that can't be loaded.
    """
    classes: list[type[SourceType]] = []
    failures: list[str] = []
    for kind in find_plugins(SOURCE_GROUP):
        if kind in SOURCE_CLASSES:
            continue
        try:
            classes.append(load_source_type(kind))
        except ConfigError as error:
            failures.append(error.message)
    return tuple(classes), tuple(failures)


@cache
def load_types_for_suffix(suffix: str) -> tuple[type[SourceType], ...]:
    """Load the built-in source types that may recognise files with a suffix."""
    return tuple(source for source in load_source_types() if suffix in source.suffixes)


# --- questions about all sources --------------------------------------------------------


def is_export_kind(kind: str) -> bool:
    """Return whether a source type reads files that the user exported from an account."""
    loaded_type = find_source_type(kind)
    return loaded_type is not None and loaded_type.is_export


def get_default_name(kind: str, path: Path) -> str:
    """Return the default name of a source.

    An export is named after its source type, and any other source after its directory.
    """
    if is_export_kind(kind):
        return kind
    return make_default_source_name(path)


def list_path_alternatives() -> frozenset[str]:
    """Return the settings that a source may have instead of `path`, such as `library`."""
    keys: set[str] = set()
    for source in load_source_types():
        keys.update(source.path_alternatives)
    return frozenset(keys)


def list_settings_examples() -> Strings:
    """Return the example settings of the source types that have one, sorted by type name."""
    sources = sorted(load_source_types(), key=lambda source: source.kind)
    return tuple(source.example for source in sources if source.example)


def list_kinds_without_example() -> Strings:
    """Return the names of the source types without example settings, unambiguous types first."""
    sources = [source for source in load_source_types() if not source.example]
    sources.sort(key=lambda source: not source.is_unambiguous)
    return tuple(source.kind for source in sources)
