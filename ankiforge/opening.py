"""Opening a source that the settings, or a PATH, name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ankiforge import extract
from ankiforge.config import Config, SourceEntry
from ankiforge.config.yamlfile import typed
from ankiforge.errors import ConfigError
from ankiforge.model import Memory, NoMemory, Source

if TYPE_CHECKING:
    from ankiforge.crew import Crew


def opened(
    config: Config,
    entry: SourceEntry,
    only: tuple[Path, ...] = (),
    *,
    memory: Memory | None = None,
    offline: bool = False,
    crew: Crew | None = None,
) -> Source:
    """The source of an entry.

    `memory`, `offline` and `crew` are for those sources that can do something with them.

    Raises:
        ConfigError: an unknown kind, or a mistake in its settings; with file, line, key.
    """
    try:
        module = extract.module(entry.kind)
    except ConfigError as error:
        raise entry.where.wrap(error) from error
    settings = typed(module.Settings, entry.options, entry.where)
    more = {"memory": memory or NoMemory(), "offline": offline, "crew": crew}
    more = {name: more[name] for name in _arguments(module.open_source) & more.keys()}
    try:
        return module.open_source(entry.name, entry.path, settings, only, config.me, **more)
    except ConfigError as error:
        raise _at_its_key(entry, error) from error


def _arguments(function: Callable[..., Any]) -> frozenset[str]:
    """The names of its arguments (`inspect` would take as long to import as all this takes)."""
    code = function.__code__
    return frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def _at_its_key(entry: SourceEntry, error: ConfigError) -> ConfigError:
    """The mistake with file and line; those of the key it begins with, if it names one."""
    key, colon, what = error.message.partition(": ")
    if colon and key in entry.options:
        return entry.where.at(key).error(what, error.hint)
    return entry.where.wrap(error)
