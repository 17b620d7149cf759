"""Find and load plug-ins, i.e. sources and commands of other installed distributions.

A distribution declares plug-ins as entry points in the groups `ankiforge.sources` and
`ankiforge.commands`; see https://packaging.python.org/specifications/entry-points/. As the
search takes longer than the rest of a short command, plug-ins are only searched for if a
path, setting or command is otherwise unknown. `examples/plugin/README.md` has an example.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ankiforge.errors import PLUG_IN_PREFIX, ForgeError, PlugInError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SOURCE_GROUP = "ankiforge.sources"
COMMAND_GROUP = "ankiforge.commands"

Kind = TypeVar("Kind")


@cache
def find_plugins(group: str) -> dict[str, EntryPoint]:
    """Find the installed plug-ins in an entry-point group, keyed by name.

    If two share a name, the first one found wins.
    """
    from importlib.metadata import entry_points

    by_name: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        by_name.setdefault(point.name, point)
    return by_name


def get_distribution_name(point: EntryPoint) -> str:
    """Return the name of the distribution that a plug-in is from or, if unknown, of its module."""
    return point.dist.name if point.dist else point.module


def load_plugin(point: EntryPoint, kind: type[Kind]) -> Kind:
    """Import the object that an entry point refers to.

    Raises:
        PlugInError: the object can't be imported or isn't an instance of `kind`.
    """
    with wrap_plugin_errors(get_distribution_name(point)):
        plugin = point.load()
        if not isinstance(plugin, kind):
            raise TypeError(f"{point.value} is no {kind.__name__}")
    return plugin


@contextmanager
def wrap_plugin_errors(distribution: str) -> Iterator[None]:
    """Context manager that re-raises any exception of a plug-in as a `PlugInError`.

    A `ForgeError` isn't converted. If `distribution`, the name of the plug-in's distribution,
    is "", the code is built in and nothing is converted.
    """
    try:
        yield
    except Exception as error:
        if not distribution or isinstance(error, ForgeError):
            raise
        summary = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"{PLUG_IN_PREFIX} {distribution} fails ({summary[:200]}{_find_location(error)})"
        hint = f"tell its authors; to go on without it: pip uninstall {distribution}"
        raise PlugInError(message, hint=hint) from error


def _find_location(error: Exception) -> str:
    """Return where in a plug-in an error was raised, e.g. `, foliate.py:31`, or "".

    Uses the innermost traceback frame outside ankiforge, click and the standard library.
    """
    from sysconfig import get_path
    from traceback import extract_tb

    import click

    skipped_directories = (Path(__file__).parent, Path(click.__file__).parent)
    location = ""
    for frame in extract_tb(error.__traceback__):
        file = Path(frame.filename)
        is_stdlib = Path(get_path("stdlib")) in file.parents
        if any(directory in file.parents for directory in skipped_directories):
            continue
        if frame.filename.startswith("<"):  # the import machinery
            continue
        if "site-packages" in file.parts or not is_stdlib:
            location = f", {file.name}:{frame.lineno}"
    return location
