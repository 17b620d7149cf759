"""From settings and PATHs to a `Job`: which sources, which drafter, which policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ankiforge import extract
from ankiforge.config import (
    AcceptPolicy,
    Config,
    DrafterName,
    SourceEntry,
    is_loopback,
    source_name,
)
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.workspace import Workspace
from ankiforge.config.yamlfile import Location, typed
from ankiforge.domain import Draft, Drafter, Highlight, Memory, Problem, Source
from ankiforge.draft.rules import Rules
from ankiforge.errors import ConfigError, UsageError
from ankiforge.ledger import Ledger
from ankiforge.naming import named
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
    configured = [entry for entry in config.sources if _holds(entry.path, path)]
    if configured:
        return [Wanted(e, () if path == e.path.resolve() else (path,)) for e in configured]
    found = [_entry(kind, root, name, only) for kind, root, only in _kinds(path, ledger)]
    hint = "a PDF, a Markdown note, a folder with some, or a zotero.sqlite"
    return found or Problem(str(path), "nothing here that can be read", hint)


def _holds(root: Path, path: Path) -> bool:
    root = root.resolve()
    return path == root or root in path.parents


def _entry(kind: str, root: Path, name: str, only: tuple[Path, ...]) -> Wanted:
    options = {"path": str(root)} | ({"name": name} if name else {})
    entry = SourceEntry(kind, name or source_name(root), root, options, ON_THE_COMMAND_LINE)
    return Wanted(entry, only)


def _kinds(path: Path, ledger: Ledger) -> Iterator[tuple[str, Path, tuple[Path, ...]]]:
    """(kind, root, only) of each source a PATH is or holds; what it held before may be gone."""
    if path.is_file():
        suffix = path.suffix.casefold()
        if suffix == ".pdf":
            yield "pdf", path.parent, (path,)
        elif suffix == ".md":
            yield "obsidian", _vault_of(path.parent), (path,)
        elif suffix == ".sqlite":
            yield "zotero", path, ()
    elif (path / "zotero.sqlite").is_file():
        yield "zotero", path, ()
    else:
        vault = _vault_of(path)
        notes = (path / ".obsidian").is_dir() or _any_below(path, ".md")
        if notes or ledger.roots.name_of("obsidian", path):
            yield "obsidian", vault, () if vault == path else (path,)
        if _any_below(path, ".pdf") or ledger.roots.name_of("pdf", path):
            yield "pdf", path, ()


def _vault_of(folder: Path) -> Path:
    """The nearest folder upwards with `.obsidian/`, else the folder itself."""
    return next((up for up in (folder, *folder.parents) if (up / ".obsidian").is_dir()), folder)


def _any_below(folder: Path, suffix: str) -> bool:
    return any(found.suffix.casefold() == suffix for found in folder.rglob("*"))


def _together(wanted: list[Wanted]) -> Iterator[Wanted]:
    """One reading of each source, however many PATHs lead to it."""
    merged: dict[tuple[str, Path], Wanted] = {}
    for want in wanted:
        place = (want.entry.kind, want.entry.path)
        before = merged.get(place)
        whole = not want.only or (before is not None and not before.only)
        only = () if whole else (*(before.only if before else ()), *want.only)
        merged[place] = Wanted(want.entry, tuple(dict.fromkeys(only)))
    yield from merged.values()


_ORDER = ("zotero", "pdf", "obsidian")
"""In which keys are issued; all others after these."""


def open_sources(
    config: Config, wanted: list[Wanted], ledger: Ledger, say: Callable[[str], None]
) -> tuple[Source, ...]:
    """Open the sources, in the order in which keys are issued; `say` tells of a name kept.

    Raises:
        ConfigError: an unknown kind, a mistake in its settings, or a name that is another's.
    """
    opened = []
    for want in sorted(wanted, key=_rank):
        _open(config, want.entry)  # a mistake in its settings is told before its name is given
        entry = named(want.entry, ledger, partial(_open, config), say)
        opened.append(_open(config, entry, want.only))
    return tuple(opened)


def _rank(want: Wanted) -> int:
    return _ORDER.index(want.entry.kind) if want.entry.kind in _ORDER else len(_ORDER)


def _open(
    config: Config,
    entry: SourceEntry,
    only: tuple[Path, ...] = (),
    memory: Memory | None = None,
) -> Source:
    try:
        module = extract.module(entry.kind)
    except ConfigError as error:
        raise entry.where.wrap(error) from error
    settings = typed(module.Settings, entry.options, entry.where)
    remembers = "memory" in signature(module.open_source).parameters
    keeps = {"memory": memory} if remembers and memory is not None else {}
    try:
        return module.open_source(entry.name, entry.path, settings, only, config.me, **keeps)
    except ConfigError as error:
        raise _at_its_key(entry, error) from error


def _at_its_key(entry: SourceEntry, error: ConfigError) -> ConfigError:
    """The mistake with file and line; those of the key it begins with, if it names one."""
    key, colon, what = error.message.partition(": ")
    if colon and key in entry.options:
        return entry.where.at(key).error(what, error.hint)
    return entry.where.wrap(error)


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
