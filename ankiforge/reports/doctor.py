"""Check everything that a run needs, with advice on how to fix each problem."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from ankiforge import __version__
from ankiforge import config as settings
from ankiforge.app import open_ledger, open_source
from ankiforge.config import LLM, Config, SourceEntry, is_loopback
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.workspace import Workspace, unconfirmed
from ankiforge.errors import ForgeError
from ankiforge.ledger import readable_errors
from ankiforge.reports.discover import Machine, Unreachable, anki_collections, models
from ankiforge.reports.status import first_of
from ankiforge.text import counted


class CheckState(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARN = "warn"
    """It works, but needs attention."""
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """The result for one part that a run needs, with the keys of `doctor --json`."""

    name: str
    state: CheckState
    says: str
    do: str = ""
    exit_code: int = 0
    """The exit code of a run that needs this part; 0 if it is ok."""


class Surroundings(msgspec.Struct, frozen=True):
    """Everything outside the workspace that is checked; tests provide their own."""

    folders: Path
    machine: Machine
    environ: Mapping[str, str] = {}
    offline: bool = False
    """Whether to connect only to this machine."""


def _ok(name: str, says: str, do: str = "") -> Check:
    return Check(name, CheckState.OK, says, do)


def _warn(name: str, says: str, do: str) -> Check:
    return Check(name, CheckState.WARN, says, do, 1)


def _fail(name: str, says: str, do: str, code: int) -> Check:
    return Check(name, CheckState.FAIL, says, do, code)


def _failed(name: str, error: ForgeError) -> Check:
    return _fail(name, error.message, error.hint, error.exit_code)


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 if all checks are ok, else the first of the codes 4, 2, 3, 1 that occurs."""
    codes = {check.exit_code for check in checks}
    return next((code for code in (4, 2, 3, 1) if code in codes), 0)


def examine(find: Callable[[], Workspace], around: Surroundings) -> Iterator[Check]:
    """Check everything that a run needs, in the order in which it is needed.

    `find` returns the workspace, or raises a ForgeError.
    """
    yield _ok("program", f"ankiforge {__version__}, Python {platform.python_version()}")
    try:
        workspace = find()
        load_decks(workspace.root)
    except ForgeError as error:
        yield _failed("settings", error)
        return
    yield _settings(workspace)
    waiting = unconfirmed(workspace, around.folders)
    do = f"read {settings.FILE_NAME}, then: ankiforge init --trust {workspace.root}"
    for one in waiting:
        yield _fail("trust", f"not confirmed yet: {one}", do, 2)
    if waiting:
        return
    for source in workspace.config.sources:
        yield _source(source, workspace.config, offline=around.offline)
    yield from _remembered(workspace)
    yield from _ledger(workspace)
    yield _model(workspace, around)
    yield _anki(workspace.config, around)


# --- the workspace --------------------------------------------------------------------------


def _settings(workspace: Workspace) -> Check:
    count, file = len(workspace.config.sources), workspace.root / settings.FILE_NAME
    if not (count or workspace.remembered or workspace.is_default):
        do = f"name a vault, a PDF folder or Zotero under sources: in {file}"
        return _warn("settings", f"{file} names no source", do)
    where = workspace.root if workspace.is_default else file
    return _ok("settings", f"{where}: {counted(count, 'source')}")


def _remembered(workspace: Workspace) -> Iterator[Check]:
    for item in workspace.remembered:
        name = f"source {', '.join(dict.fromkeys(item.names.values()))}"
        if os.access(item.path, os.R_OK):
            yield _ok(name, f"{', '.join(item.names)} in {item.path}, remembered by run")
        else:
            file = workspace.folder / "sources.yaml"
            do = f"if it moved, write its new place in its lines in {file}; to forget it, delete them"
            yield _warn(name, f"{item.path} is remembered but missing", do)


def _source(source: SourceEntry, config: Config, *, offline: bool) -> Check:
    name = f"source {source.name}"
    try:
        found = open_source(config, source, offline=offline)
    except ImportError as error:  # a source from another distribution
        says = f"{source.where}: the source {source.kind!r} cannot be loaded: {error}"
        return _fail(name, says, "install or update the package that provides it", 2)
    except ForgeError as error:
        return _failed(name, error)
    look: Callable[[], str] | None = getattr(found, "look", None)
    can_be_read = os.access(source.path, os.R_OK)
    # ask a source with an HTTP API, unless its own folder is missing
    by_api = bool(look and source.options.get("api")) and (can_be_read or not source.has_folder)
    if not can_be_read and not by_api:
        fault = "cannot be read" if source.path.exists() else "is not there"
        do = f"correct path: in {source.where}, or mount its disk"
        return _fail(name, f"{source.path} {fault}", do, 1)
    try:
        said = look() if look else ""
    except ForgeError as error:
        return _failed(name, error)
    return _ok(name, f"{source.kind}: {said}" if by_api else f"{source.kind} in {source.path}")


def _ledger(workspace: Workspace) -> Iterator[Check]:
    """Read journal and database in a copy in memory, so that nothing is changed."""
    try:
        workspace.check_journal()
        if not workspace.ledger.exists():
            yield _ok("ledger", "none yet; the first run creates it")
            return
        with readable_errors(), open_ledger(workspace, read_only=True) as ledger:
            unreadable = ledger.journal_state.unreadable
    except ForgeError as error:
        yield _failed("ledger", error)
        return
    if unreadable:
        says = f"{counted(unreadable, 'line')} of {workspace.journal} cannot be read"
        do = "restore the file from git or a backup; the other lines are used"
        yield _warn("journal", says, do)
    else:
        yield _ok("ledger", f"{workspace.ledger} and every line in {workspace.journal} can be read")


def _anki(config: Config, around: Surroundings) -> Check:
    setting = config.anki.collection
    if setting == "none":
        return _ok("Anki", "never read: anki.collection is none")
    if setting == "auto":
        found = ", ".join(map(str, anki_collections(around.machine)))
        none = "no collection on this machine, so packages contain every card"
        return _ok("Anki", f"collection {found}" if found else none)
    if not os.access(Path(setting), os.R_OK):
        do = "correct anki.collection in ankiforge.yaml, or set it to auto"
        return _fail("Anki", f"{setting} cannot be read", do, 1)
    return _ok("Anki", f"collection {setting}")


# --- the model ------------------------------------------------------------------------------


def _model(workspace: Workspace, around: Surroundings) -> Check:
    """Check that the configured server answers and has the model."""
    llm = workspace.config.llm
    if workspace.config.drafter != "llm":
        return _ok("model", "not needed: drafter is rules")
    key = settings.key_variable(LLM, llm.base_url, llm.key_env)
    if not is_loopback(llm.base_url):
        if around.offline:
            says = f"{llm.base_url} was not contacted: --offline"
            return _warn("model", says, "run doctor without --offline")
        if key and not around.environ.get(key):
            says = f"the environment variable {key} is not set, {llm.base_url} will need a key"
            return _fail("model", says, f"export {key}=…", 2)
    secret = settings.key_for(LLM, llm.base_url, llm.key_env, around.environ)
    try:
        offered = models(llm.base_url, secret)
    except Unreachable as error:
        if error.status in (404, 405, 501):  # it has models, but cannot list them
            return _ok("model", f"{llm.model} at {llm.base_url}, which lists no models")
        do = "start it (ollama serve), or correct llm.base_url in ankiforge.yaml"
        if error.status in (401, 403) and not key:
            do = f"name the environment variable of its key as llm.key_env, then: ankiforge init --trust {workspace.root}"  # fmt: skip
        return _fail("model", f"{llm.base_url} {error}", do, 3)
    # Ollama lists `qwen3:latest` for `qwen3`, Gemini `models/…`
    if offered and {llm.model, f"{llm.model}:latest", f"models/{llm.model}"}.isdisjoint(offered):
        says = f"{llm.base_url} does not list {llm.model!r}"
        return _warn("model", says, f"set llm.model to one it has, such as {first_of(offered)}")
    return _ok("model", f"{llm.model} at {llm.base_url}")
