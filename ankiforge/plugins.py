"""Plug-ins: sources and commands of other distributions that are installed here.

A distribution declares them as entry points of the groups `ankiforge.sources` and
`ankiforge.commands`: https://packaging.python.org/specifications/entry-points/. They are looked up
only when a path that no source of ours reads, a setting or a command asks for them, because the
search takes longer than the rest of a short command. `docs/internals/plug-ins.md` shows one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ankiforge.errors import PLUG_IN, ForgeError, PlugInError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SOURCES = "ankiforge.sources"
COMMANDS = "ankiforge.commands"

Kind = TypeVar("Kind")


@cache
def plug_ins(group: str) -> dict[str, EntryPoint]:
    """Return the installed plug-ins of a group by name; of two with one name the first found."""
    from importlib.metadata import entry_points

    by_name: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        by_name.setdefault(point.name, point)
    return by_name


def distribution_of(point: EntryPoint) -> str:
    """Return the name under which a plug-in was installed."""
    return point.dist.name if point.dist else point.module


def loaded(point: EntryPoint, kind: type[Kind]) -> Kind:
    """Return the object that a plug-in declares.

    Raises:
        PlugInError: it cannot be imported, or is of another type than `kind`.
    """
    with named(distribution_of(point)):
        found = point.load()
        if not isinstance(found, kind):
            raise TypeError(f"{point.value} is no {kind.__name__}")
    return found


@contextmanager
def named(distribution: str) -> Iterator[None]:
    """Raise whatever a plug-in fails on as a `PlugInError` with its name; "" is no plug-in."""
    try:
        yield
    except Exception as error:
        if not distribution or isinstance(error, ForgeError):
            raise
        summary = " ".join(f"{type(error).__name__}: {error}".split())
        message = f"{PLUG_IN} {distribution} fails ({summary[:200]}{_place_of(error)})"
        hint = f"tell its authors; to go on without it: pip uninstall {distribution}"
        raise PlugInError(message, hint=hint) from error


def _place_of(error: Exception) -> str:
    """Return the last line that is neither ours nor Python's, as `, foliate.py:31`; "" if none."""
    from sysconfig import get_path
    from traceback import extract_tb

    import click

    callers = (Path(__file__).parent, Path(click.__file__).parent)
    place = ""
    for frame in extract_tb(error.__traceback__):
        file = Path(frame.filename)
        of_python = Path(get_path("stdlib")) in file.parents
        if any(caller in file.parents for caller in callers):
            continue
        if frame.filename.startswith("<"):  # of an import
            continue
        if "site-packages" in file.parts or not of_python:
            place = f", {file.name}:{frame.lineno}"
    return place
