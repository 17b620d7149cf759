"""From settings and PATHs to a `Job`: which sources, which drafter, which policy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge.config import (
    EXPORTS,
    AcceptPolicy,
    Config,
    DrafterName,
    SourceEntry,
    is_loopback,
    source_name,
)
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.workspace import Workspace
from ankiforge.config.yamlfile import Location
from ankiforge.domain import Draft, Drafter, Highlight, Problem, Source
from ankiforge.draft.rules import Rules
from ankiforge.errors import ConfigError, UsageError
from ankiforge.extract import kind_of, kinds_below
from ankiforge.ledger import Ledger
from ankiforge.naming import named
from ankiforge.opening import opened
from ankiforge.pipeline import Job
from ankiforge.shipped import shipped

if TYPE_CHECKING:
    from ankiforge.draft.llm import Model
    from ankiforge.draft.prompt import Prompt
    from ankiforge.draft.settings import ServerSettings

ON_THE_COMMAND_LINE = Location("the command line")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One source to be opened: as configured, or found behind a PATH."""

    entry: SourceEntry
    only: tuple[Path, ...] = ()
    """Files and folders below its root to look at; () = everything."""


# --- sources --------------------------------------------------------------------------------


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
        configured = [e for e in configured if e.kind == kind]
    if configured:
        return [Wanted(e, () if path == e.path.resolve() else (path,)) for e in configured]
    found = [
        _entry(kind, root, name or _account(config, kind), only)
        for kind, root, only in _kinds(path, ledger)
    ]
    hint = "a PDF, a note, clippings, an export, a folder with some, or a zotero.sqlite"
    return found or Problem(str(path), "nothing here that can be read", hint)


def _holds(root: Path, path: Path) -> bool:
    root = root.resolve()
    return path == root or root in path.parents


def _entry(kind: str, root: Path, name: str, only: tuple[Path, ...]) -> Wanted:
    options = {"path": str(root)} | ({"name": name} if name else {})
    own = name or source_name(root, kind)
    return Wanted(SourceEntry(kind, own, root, options, ON_THE_COMMAND_LINE), only)


_UNMISTAKABLE = {"pdf", "zotero", "tiddlywiki", *EXPORTS}
"""Kinds whose files no other kind reads."""


def _account(config: Config, kind: str) -> str:
    """The configured source an export goes to: the only one of its kind."""
    names = [entry.name for entry in config.sources if entry.kind == kind in EXPORTS]
    return names[0] if len(names) == 1 else ""


def _kinds(path: Path, ledger: Ledger) -> Iterator[tuple[str, Path, tuple[Path, ...]]]:
    """(kind, root, only) of each source a PATH is or holds; what it held before may be gone."""
    if path.is_file():
        kind = kind_of(path)
        if kind == "obsidian" and _read_before("markdown", path.parent, ledger):
            kind = "markdown"
        if kind == "zotero":
            yield kind, path, ()
        elif kind == "obsidian":
            yield kind, _vault_of(path.parent), (path,)
        elif kind in ("tiddlywiki", "markdown"):
            yield kind, _read_before(kind, path.parent, ledger) or path.parent, (path,)
        elif kind:
            yield kind, path.parent, (path,)
    elif (path / "zotero.sqlite").is_file():
        yield "zotero", path, ()
    else:
        yield from _kinds_below(path, ledger)


def _kinds_below(path: Path, ledger: Ledger) -> Iterator[tuple[str, Path, tuple[Path, ...]]]:
    vault = _vault_of(path)
    found = set[str]()
    notes = (path / ".obsidian").is_dir() or _any_below(path, ".md")
    texts = _read_before("markdown", path, ledger)
    if not texts and (notes or ledger.roots.name_of("obsidian", path)):
        found.add("obsidian")
        yield "obsidian", vault, () if vault == path else (path,)
    if _any_below(path, ".pdf") or ledger.roots.name_of("pdf", path):
        found.add("pdf")
        yield "pdf", path, ()
    if (vault / ".obsidian").is_dir():
        return
    others = kinds_below(path)
    for kind in sorted(others & _UNMISTAKABLE - {"pdf", "zotero"}):
        found.add(kind)
        root = path if kind in EXPORTS else _read_before(kind, path, ledger) or path
        yield kind, root, () if root == path and kind not in EXPORTS else (path,)
    if texts or (not found and "markdown" in others):
        yield "markdown", texts or path, () if texts in (None, path) else (path,)


def _read_before(kind: str, folder: Path, ledger: Ledger) -> Path | None:
    """The nearest folder upwards that was read as this kind before."""
    known = set(ledger.roots.known(kind).values())
    return next((up for up in (folder, *folder.parents) if up in known), None)


def _vault_of(folder: Path) -> Path:
    """The nearest folder upwards with `.obsidian/`, else the folder itself."""
    return next((up for up in (folder, *folder.parents) if (up / ".obsidian").is_dir()), folder)


def _any_below(folder: Path, suffix: str) -> bool:
    return any(found.suffix.casefold() == suffix for found in folder.rglob("*"))


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


def open_sources(
    config: Config,
    wanted: list[Wanted],
    ledger: Ledger,
    say: Callable[[str], None],
    *,
    offline: bool = False,
) -> tuple[Source, ...]:
    """Open the sources, in the order in which keys are issued; `say` tells of a name kept.

    `offline`: no connection but to this machine.

    Raises:
        ConfigError: an unknown kind, a mistake in its settings, or a name that is another's.
    """
    found = []
    for want in sorted(wanted, key=_rank):
        opened(config, want.entry)  # a mistake in its settings is told before its name is given
        entry = named(want.entry, ledger, partial(opened, config, offline=offline), say)
        memory = ledger.memories.of(f"{entry.kind}:{entry.name}")
        found.append(opened(config, entry, want.only, memory=memory, offline=offline))
    return tuple(found)


def _rank(want: Wanted) -> int:
    return _ORDER.index(want.entry.kind) if want.entry.kind in _ORDER else len(_ORDER)


# --- the drafter ----------------------------------------------------------------------------


def model_of(
    workspace: Workspace,
    ledger: Ledger,
    notice: Callable[[str], None],
    *,
    offline: bool = False,
    jobs: int = 0,
    fresh: bool = False,
    repair: Callable[[Draft, Highlight], tuple[str, ...]] | None = None,
) -> Model:
    """The language model that the settings name, its replies remembered by the ledger."""
    from ankiforge.draft.llm import Model

    return Model(
        llm_settings(workspace, jobs),
        ledger.replies,
        prompt_of(workspace, small=is_loopback(workspace.config.llm.base_url)),
        repair=repair,
        notice=notice,
        offline=offline,
        fresh=fresh,
    )


def llm_settings(workspace: Workspace, jobs: int = 0) -> ServerSettings:
    """The server and its limits, as the settings have them; `jobs` requests at a time."""
    from ankiforge.draft.settings import ServerSettings

    given = msgspec.structs.asdict(workspace.config.llm)
    given["concurrency"] = jobs or given["concurrency"]
    try:
        return ServerSettings(**{name: value for name, value in given.items() if value is not None})
    except ConfigError as error:
        key, _, what = error.message.removeprefix("llm.").partition(": ")
        raise workspace.config.where.at("llm", key).error(what, error.hint) from error


def prompt_of(workspace: Workspace, *, small: bool = False) -> Prompt:
    """The prompt, the workspace's own before the shipped one.

    `small`: the short one, for a model on this machine: it follows few rules better than many,
    and reads them with every passage anew.
    """
    from ankiforge.draft.prompt import load

    return load("cards-small" if small else "cards", (workspace.prompts, shipped("prompts")))


def accepts_by(config: Config, override: str = "") -> Callable[[Draft], bool]:
    """Which clean drafts policy lets through; `override` (--accept) is for either drafter."""
    rules = AcceptPolicy(override) if override else config.accept.rules
    llm = AcceptPolicy(override) if override else config.accept.llm

    def accepts(draft: Draft) -> bool:
        policy = rules if draft.origin.drafter.startswith("rules") else llm
        return policy is AcceptPolicy.CLEAN

    return accepts


def job_of(
    workspace: Workspace,
    sources: tuple[Source, ...],
    drafter: Drafter | None,
    **options: Any,
) -> Job:
    """A job as the settings have it; `options` are fields of `Job`.

    `drafter` None = the offline rules.
    """
    config = workspace.config
    name = config.llm.model if drafter is not None else DrafterName.RULES.value
    decks = load_decks(workspace.root, config.decks)
    accept = options.pop("accept", "")
    return Job(sources, drafter or Rules(), name, accepts_by(config, accept), decks, **options)
