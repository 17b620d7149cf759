"""From settings and PATHs to sources: what is read, under which name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ankiforge.config import EXPORTS, Config, SourceEntry, source_name
from ankiforge.config.workspace import Workspace
from ankiforge.config.yamlfile import Location
from ankiforge.domain import Problem, Source
from ankiforge.errors import UsageError
from ankiforge.extract import kind_of, kinds_below, why_not
from ankiforge.ledger import Ledger
from ankiforge.naming import named
from ankiforge.opening import opened

if TYPE_CHECKING:
    from ankiforge.crew import Crew

ON_THE_COMMAND_LINE = Location("the command line")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One source to be opened: as configured, or found behind a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """Files and folders below its root to look at; () = everything."""


def wanted_sources(
    workspace: Workspace, ledger: Ledger, paths: tuple[Path, ...], name: str = ""
) -> Iterator[Wanted | Problem]:
    """The sources a run reads: those configured, or those behind PATHs.

    A PATH that cannot be read is a problem; the others go on.

    Raises:
        UsageError: the only PATH cannot be read.
    """
    if not paths:
        yield from (Wanted(entry) for entry in workspace.config.sources)
        return
    found = [_behind(workspace.config, ledger, path.absolute(), name) for path in paths]
    problems = [one for one in found if isinstance(one, Problem)]
    if len(paths) == 1 and problems:
        raise UsageError(f"{problems[0].where}: {problems[0].what}", hint=problems[0].hint)
    yield from problems
    yield from _together([want for one in found if not isinstance(one, Problem) for want in one])


def _behind(config: Config, ledger: Ledger, path: Path, name: str) -> list[Wanted] | Problem:
    if not path.exists():
        return Problem(str(path), "there is no such file or folder", "check the spelling")
    path = path.resolve()
    kind = kind_of(path) if path.is_file() else ""
    configured = [e for e in config.sources if e.has_folder and _holds(e.path, path)]
    if kind in _UNMISTAKABLE:  # in a folder of notes it is no note
        configured = [e for e in configured if e.kind == kind or e.kind not in _OF_FILES]
    if configured:
        return [Wanted(e, _below(e, path)) for e in configured]
    found = [_wanted(config, place, name) for place in _places(path, ledger)]
    hint = "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
    return found or Problem(str(path), _why_nothing(path), hint)


MOST_NAMED = 3
"""Files of a folder that are named when nothing in it can be read."""


def _why_nothing(path: Path) -> str:
    """What is wrong with a file, or with the exports of a folder in which nothing is read."""
    nothing = "nothing here that can be read"
    if path.is_file():
        return why_not(path) or nothing
    told: list[str] = []
    for within, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            why = why_not(Path(within, name))
            told += [f"{Path(within, name).relative_to(path)}: {why}"] if why else []
            if len(told) > MOST_NAMED:
                return "; ".join([nothing, *told[:MOST_NAMED], "…"])
    return "; ".join([nothing, *told])


def _below(entry: SourceEntry, *paths: Path) -> tuple[Path, ...]:
    """The parts of a source to look at, as the settings spell its root: that may be a link."""
    root = _real(entry.path)
    return tuple(entry.path / path.relative_to(root) for path in paths if path != root)


def _holds(root: Path, path: Path) -> bool:
    root = _real(root)
    return path == root or root in path.parents


def _real(path: Path) -> Path:
    """The path without links; of a link to itself the path."""
    return Path(os.path.realpath(path))


class _Place(NamedTuple):
    """What a PATH is, or holds."""

    kind: str
    root: Path
    only: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()


def _wanted(config: Config, place: _Place, name: str) -> Wanted:
    for entry in config.sources:
        if entry.kind == place.kind and entry.has_folder and _real(entry.path) == place.root:
            return Wanted(entry, _below(entry, *place.only))
    return _unconfigured(place, name or _account(config, place.kind))


def _unconfigured(place: _Place, name: str) -> Wanted:
    options: dict[str, Any] = {"path": str(place.root)}
    options |= {"name": name} if name else {}
    options |= {"exclude": place.exclude} if place.exclude else {}
    own = name or source_name(place.root, place.kind)
    entry = SourceEntry(place.kind, own, place.root, options, ON_THE_COMMAND_LINE)
    return Wanted(entry, place.only)


_UNMISTAKABLE = {"pdf", "zotero", "tiddlywiki", *EXPORTS}
"""Kinds whose files no other kind on board reads."""
_OF_FILES = {*_UNMISTAKABLE, "obsidian", "markdown"} - {"zotero"}
"""Kinds that look at what they are given file by file."""


def _account(config: Config, kind: str) -> str:
    """The configured source an export goes to: the only one of its kind."""
    names = [entry.name for entry in config.sources if entry.kind == kind in EXPORTS]
    return names[0] if len(names) == 1 else ""


def _places(path: Path, ledger: Ledger) -> Iterator[_Place]:
    """Each source a PATH is or holds; what it held before may be gone."""
    if path.is_file():
        yield from _of_file(path, ledger)
    elif (path / "zotero.sqlite").is_file():
        yield _Place("zotero", path)
    else:
        yield from _of_folder(path, ledger)


def _of_file(path: Path, ledger: Ledger) -> Iterator[_Place]:
    kind = kind_of(path)
    if kind == "obsidian" and _texts_of(path.parent, ledger):
        kind = "markdown"
    if kind == "zotero":
        yield _Place(kind, path)
    elif kind == "obsidian":
        yield _Place(kind, _vault_of(path.parent, ledger), (path,))
    elif kind in ("tiddlywiki", "markdown"):
        yield _Place(kind, _read_before(kind, path.parent, ledger) or path.parent, (path,))
    elif kind:
        yield _Place(kind, path.parent, (path,))


def _of_folder(path: Path, ledger: Ledger) -> Iterator[_Place]:
    here = kinds_below(path)
    vault = _vault_of(path, ledger)
    texts = _texts_of(path, ledger)
    found = [kind for kind in ("obsidian", "pdf") if kind in here or _known(kind, path, ledger)]
    if "obsidian" in found and not texts:
        yield from _notes(vault, path, ledger)
    if "pdf" in found:
        yield _Place("pdf", path)
    if (vault / ".obsidian").is_dir():
        return
    for kind in sorted(here & _UNMISTAKABLE - {"pdf", "zotero"}):
        found.append(kind)
        root = path if kind in EXPORTS else _read_before(kind, path, ledger) or path
        yield _Place(kind, root, () if root == path and kind not in EXPORTS else (path,))
    if texts or (not found and "markdown" in here):
        yield _Place("markdown", texts or path, () if texts in (None, path) else (path,))


def _known(kind: str, path: Path, ledger: Ledger) -> bool:
    return bool(ledger.roots.name_of(kind, path))


def _notes(vault: Path, path: Path, ledger: Ledger) -> Iterator[_Place]:
    """A folder of notes; what of it was read as a source of its own before stays one."""
    if vault != path:
        yield _Place("obsidian", vault, (path,))
        return
    roots = sorted(set(ledger.roots.known("obsidian").values()))
    below = [root for root in roots if vault in root.parents and root.is_dir()]
    exclude = tuple(f"{root.relative_to(vault).as_posix()}/" for root in below)
    yield _Place("obsidian", vault, exclude=exclude)
    for root in below:
        inner = (one for one in below if root in one.parents)
        inner_exclude = tuple(f"{one.relative_to(root).as_posix()}/" for one in inner)
        yield _Place("obsidian", root, exclude=inner_exclude)


def _read_before(kind: str, folder: Path, ledger: Ledger) -> Path | None:
    """The nearest folder upwards that was read as this kind before."""
    known = set(ledger.roots.known(kind).values())
    return next((up for up in (folder, *folder.parents) if up in known), None)


def _texts_of(folder: Path, ledger: Ledger) -> Path | None:
    """The nearest folder upwards that was read as plain texts; a vault's notes are never these."""
    return None if _vault(folder) else _read_before("markdown", folder, ledger)


def _vault_of(folder: Path, ledger: Ledger) -> Path:
    """The nearest folder upwards with `.obsidian/`, else that was read before, else the folder."""
    return _vault(folder) or _read_before("obsidian", folder, ledger) or folder


def _vault(folder: Path) -> Path | None:
    upwards = (folder, *folder.parents)
    return next((up for up in upwards if (up / ".obsidian").is_dir()), None)


def _together(wanted: list[Wanted]) -> Iterator[Wanted]:
    """One reading of each source, however many PATHs lead to it."""
    merged: dict[tuple[str, str | Path], Wanted] = {}
    for want in wanted:
        entry = want.entry
        place = (entry.kind, entry.name if entry.kind in EXPORTS else entry.path)
        merged[place] = _both(merged[place], want) if place in merged else want
    yield from merged.values()


def _both(one: Wanted, other: Wanted) -> Wanted:
    """Two PATHs of one source; of an account's exports they may lie in two folders."""
    entry, roots = one.entry, (one.entry.path, other.entry.path)
    if roots[0] == roots[1]:
        only = (*one.only, *other.only) if one.only and other.only else ()
        return Wanted(entry, tuple(dict.fromkeys(only)))
    only = (*(one.only or roots[:1]), *(other.only or roots[1:]))
    return Wanted(replace(entry, path=Path(os.path.commonpath(roots))), only)


_ORDER = ("zotero", "pdf", "obsidian")
"""In which keys are issued; all others after these."""


def with_names(
    config: Config,
    wanted: list[Wanted],
    ledger: Ledger,
    say: Callable[[str], None],
    *,
    offline: bool = False,
) -> list[Wanted]:
    """The same under the names they are to have, in the order in which keys are issued.

    `say` tells of a name kept; `offline`: no connection but to this machine.

    Raises:
        ConfigError: an unknown kind, a mistake in its settings, or a name that is another's.
    """
    found = []
    for want in sorted(wanted, key=_rank):
        opened(config, want.entry)  # a mistake in its settings is told before its name is given
        entry = named(want.entry, ledger, partial(opened, config, offline=offline), say)
        found.append(replace(want, entry=entry))
    return found


def open_sources(
    config: Config,
    wanted: list[Wanted],
    ledger: Ledger,
    *,
    offline: bool = False,
    crew: Crew | None = None,
) -> tuple[Source, ...]:
    """Open the sources that have their names; a crew helps to read them."""
    return tuple(
        opened(
            config,
            one.entry,
            one.only,
            memory=ledger.memories.of(f"{one.entry.kind}:{one.entry.name}"),
            offline=offline,
            crew=crew,
        )
        for one in wanted
    )


def _rank(want: Wanted) -> int:
    return _ORDER.index(want.entry.kind) if want.entry.kind in _ORDER else len(_ORDER)
