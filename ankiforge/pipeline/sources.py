"""Which sources a run reads: those of the settings, the remembered PATHs, and PATHs of the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ankiforge import extract
from ankiforge.config import (
    EXPORTS,
    Config,
    SourceEntry,
    is_loopback,
    source_name,
)
from ankiforge.config.workspace import Remembered
from ankiforge.config.yamlfile import Location, typed
from ankiforge.errors import ConfigError, UsageError
from ankiforge.extract.discover import (
    FILE_BASED,
    UNAMBIGUOUS,
    FoundSource,
    discover,
    kind_of,
    resolve,
    why_nothing,
)
from ankiforge.model import (
    Json,
    Memory,
    NoMemory,
    Problem,
    Source,
    Value,
)

if TYPE_CHECKING:
    from ankiforge.config.workspace import WorkspaceFolder
    from ankiforge.ledger import Ledger

COMMAND_LINE = Location("the command line")


class SelectedSource(Value):
    """A source to open, from the settings or found at a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """The files and folders below its root to read; () = everything."""


def select_sources(
    workspace: WorkspaceFolder, paths: tuple[Path, ...] = ()
) -> tuple[list[SelectedSource], list[Problem], tuple[Remembered, ...]]:
    """Return the sources at the PATHs, or without PATHs all configured and remembered ones.

    Args:
        workspace: provides the settings and the remembered PATHs.
        paths: the arguments of the command line.

    Returns:
        The sources; a problem for each PATH that cannot be read; and all PATHs to remember from now on.

    Raises:
        UsageError: there is only one PATH, and it cannot be read.
    """
    known = list(workspace.remembered)
    selected = {}
    problems = []
    if not paths:
        for entry in workspace.config.sources:
            selected[entry.kind, entry.name] = SelectedSource(entry)
    for path in paths or tuple(Path(item.path) for item in known):
        found = _behind(workspace.config, known, path.absolute())
        if isinstance(found, Problem):
            if not paths:
                if _gave_way(path, known):
                    continue
                what = "this remembered source is missing; nothing counts as deleted"
                file = workspace.folder / "sources.yaml"
                hint = f"if it moved, write its new place in its lines in {file}; to forget it, delete them"
                found = Problem(found.where, what, hint, notice=True)
            elif len(paths) == 1:
                raise UsageError(f"{found.where}: {found.what}", hint=found.hint)
            problems.append(found)
            continue
        names: dict[str, str] = {}
        for one in found:
            key = (one.entry.kind, one.entry.name)
            selected[key] = _union(selected[key], one) if key in selected else one
            if one.entry not in workspace.config.sources:
                names.setdefault(one.entry.kind, one.entry.name)  # folders within come later
        where = str(resolve(path.absolute()))
        if names and not any(_remembers(item, where, names) for item in known):
            known.append(Remembered(where, names))
    return list(selected.values()), problems, tuple(known)


def _gave_way(path: Path, known: Iterable[Remembered]) -> bool:
    """Return whether another PATH has the names of a missing one, like the next export of an account."""
    names = [item.names for item in known if item.path == str(path)]
    return any(item.names in names and Path(item.path).exists() for item in known)


def _remembers(item: Remembered, where: str, names: dict[str, str]) -> bool:
    """Return whether plain `run` reads a place already: the remembered PATH or a part of it."""
    return _contains(Path(item.path), Path(where)) and names.items() <= item.names.items()


def names_in_use(config: Config, remembered: Iterable[Remembered]) -> frozenset[str]:
    """Return the names of all sources that plain `run` reads."""
    names = {entry.name for entry in config.sources}
    return frozenset(names | {name for item in remembered for name in item.names.values()})


def _behind(config: Config, known: list[Remembered], path: Path) -> list[SelectedSource] | Problem:
    """Return the sources at one PATH: the configured ones, else those discovered in it."""
    if not path.exists():
        if path.is_symlink():
            what = "a link to a missing file, or to itself"
            return Problem(str(path), what, "name the file or folder itself")
        return Problem(str(path), "there is no such file or folder", "check the spelling")
    path = resolve(path)
    kind = kind_of(path) if path.is_file() else ""
    configured = [e for e in config.sources if e.has_folder and _contains(e.path, path)]
    if kind in UNAMBIGUOUS:  # for example, an attachment in a folder of notes is not a note
        configured = [e for e in configured if e.kind == kind or e.kind not in FILE_BASED]
    if configured:
        return [SelectedSource(entry, _below(entry, path)) for entry in configured]
    before = {item.path: item for item in known}

    def roots(kind: str) -> Mapping[str, Path]:
        """Return the folders that are read as a kind of source, by name."""
        found = {
            entry.name: entry.path
            for entry in config.sources
            if entry.kind == kind and entry.has_folder
        }
        kept = {item.names[kind]: _root_of(item) for item in known if kind in item.names}
        return {**kept, **found}

    selected = []
    for found in discover(path, lambda kind: set(roots(kind).values())):
        same = [
            entry
            for entry in config.sources
            if entry.kind == found.kind and entry.has_folder and resolve(entry.path) == found.root
        ]
        if same:
            selected.append(SelectedSource(same[0], _below(same[0], *found.only)))
            continue
        name = next((one for one, root in roots(found.kind).items() if root == found.root), "")
        if not name and str(path) in before and (found.root == path or found.only):
            name = before[str(path)].names.get(found.kind, "")
        if not name and (own := source_name(found.root, found.kind)) in {
            item.names.get(found.kind) for item in known if _contains(found.root, Path(item.path))
        }:
            name = own  # a part of it is remembered
        selected.append(_unconfigured(found, name or _free_name(config, known, found)))
    hint = "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
    return selected or Problem(str(path), why_nothing(path), hint)


def _root_of(item: Remembered) -> Path:
    """Return the folder that a remembered PATH is read from: of a file, the one it is in."""
    path = Path(item.path)
    return path if path.is_dir() else path.parent


def _free_name(config: Config, known: Iterable[Remembered], found: FoundSource) -> str:
    """Return the name of a new source: that of its folder, with a number if it is taken."""
    if found.kind in EXPORTS:
        return next((e.name for e in config.sources if e.kind == found.kind), found.kind)
    name = source_name(found.root, found.kind)
    taken = {entry.name for entry in config.sources if entry.kind == found.kind}
    taken |= {item.names[found.kind] for item in known if found.kind in item.names}
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _unconfigured(found: FoundSource, name: str) -> SelectedSource:
    """Return a source that is not in the settings."""
    options: Json = {"path": str(found.root), "name": name}
    options |= {"exclude": found.exclude} if found.exclude else {}
    entry = SourceEntry(found.kind, name, found.root, options, COMMAND_LINE)
    return SelectedSource(entry, found.only)


def _below(entry: SourceEntry, *paths: Path) -> tuple[Path, ...]:
    """Rebase resolved paths onto the source's root as the settings spell it; omit the root itself."""
    root = resolve(entry.path)
    return tuple(entry.path / path.relative_to(root) for path in paths if path != root)


def _contains(root: Path, path: Path) -> bool:
    root = resolve(root)
    return path == root or root in path.parents


def _union(one: SelectedSource, other: SelectedSource) -> SelectedSource:
    """Join two selections of one source. The exports of one account may be in two folders."""
    roots = (one.entry.path, other.entry.path)
    if roots[0] == roots[1]:
        only = (*one.only, *other.only) if one.only and other.only else ()
        return SelectedSource(one.entry, tuple(dict.fromkeys(only)))
    only = (*(one.only or roots[:1]), *(other.only or roots[1:]))
    return SelectedSource(replace(one.entry, path=Path(os.path.commonpath(roots))), only)


def open_sources(
    workspace: WorkspaceFolder,
    ledger: Ledger,
    selected: Iterable[SelectedSource],
    *,
    offline: bool = False,
    jobs: int = 0,
) -> tuple[Source, ...]:
    """Open sources, and remember their folders, from which pictures are read.

    Raises:
        ConfigError: a kind is unknown, or its settings are invalid; with file, line and key.
    """
    from ankiforge.ledger import CACHE_FILE, CacheFile
    from ankiforge.pipeline.pictures import remember_roots

    selected = list(selected)
    folders = {
        f"{one.entry.kind}:{one.entry.name}": str(one.entry.path)
        for one in selected
        if one.entry.has_folder
    }
    remember_roots(ledger, folders)
    caches = CacheFile(workspace.folder / CACHE_FILE)
    return tuple(
        open_source(
            workspace, one.entry, one.only,
            memory=caches.of(f"{one.entry.kind}:{one.entry.name}"), offline=offline,
            jobs=jobs or os.cpu_count() or 1,
        )
        for one in selected
    )  # fmt: skip


def open_source(
    workspace: WorkspaceFolder,
    entry: SourceEntry,
    only: tuple[Path, ...] = (),
    *,
    memory: Memory | None = None,
    offline: bool = False,
    jobs: int = 1,
) -> Source:
    """Open a source, passing only those of the other arguments that its kind accepts.

    Raises:
        ConfigError: the kind is unknown, or its settings are invalid; with file, line and key.
    """
    config = workspace.config
    try:
        module = extract.module(entry.kind)
    except ConfigError as error:
        raise entry.where.error(error.message, error.hint) from error
    settings = typed(module.Settings, entry.options, entry.where)
    # Not `inspect.signature`: importing `inspect` takes as long as this whole function.
    code = module.open_source.__code__
    accepted = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    optional = {"memory": memory or NoMemory(), "offline": offline, "jobs": jobs}
    if not workspace.is_default:
        optional["workspace"] = workspace.root
    if not offline or is_loopback(config.executor):
        optional["executor"] = config.executor
    optional = {name: value for name, value in optional.items() if name in accepted}
    try:
        return module.open_source(entry.name, entry.path, settings, only, config.me, **optional)
    except ConfigError as error:
        key, colon, what = error.message.partition(": ")
        if (
            colon and key in entry.options
        ):  # the message begins with the key: report the line of that key
            raise entry.where.at(key).error(what, error.hint) from error
        raise entry.where.error(error.message, error.hint) from error
