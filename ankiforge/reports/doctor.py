"""Is all well? One `Check` for each thing a run needs, with what to do where it is not."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from shlex import quote

from ankiforge import __version__, extract
from ankiforge.app import check_limits, open_source
from ankiforge.config import EXPORTS, Config, SourceEntry, load_prices
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.trust import restricted, unconfirmed
from ankiforge.config.workspace import Workspace
from ankiforge.errors import ConfigError, ForgeError
from ankiforge.model import Problem
from ankiforge.reports.discover import anki_collections
from ankiforge.reports.health import Check, State, Surroundings, failed
from ankiforge.reports.model_health import model_checks


def exit_code(checks: Iterable[Check]) -> int:
    """0 if all is well, else of the codes found the first of 4, 2, 3, 1."""
    codes = {check.exit_code for check in checks}
    return next((code for code in (4, 2, 3, 1) if code in codes), 0)


def examine(
    find: Callable[[], Workspace],
    ledger_check: Callable[[Workspace], str],
    unread: Callable[[Workspace], Iterable[Problem]],
    around: Surroundings,
) -> Iterator[Check]:
    """Look at everything a run needs, in the order in which a run meets it.

    Args:
        find: gives the workspace, or raises a ForgeError.
        ledger_check: opens the ledger, says what it found, or raises a ForgeError.
        unread: gives what is wrong with the journal's lines, or raises a ForgeError.
        around: the surroundings.
    """
    yield from _program()
    try:
        workspace = find()
        load_decks(workspace.root, workspace.config.decks)
        check_limits(workspace.config)
        load_prices(workspace.root)
    except ForgeError as error:
        yield failed("settings", error)
        return
    yield _settings(workspace)
    yield from _trust(workspace, around)
    waiting = unconfirmed(workspace, around.folders, around.environ)
    workspace, trusted = restricted(workspace, waiting), not any(one.stops for one in waiting)
    for source in workspace.config.sources:
        yield _source(source, workspace.config, offline=around.offline, trusted=trusted)
    yield from _remembered(workspace)
    yield _ledger(workspace, ledger_check)
    yield from _journal(workspace, unread)
    yield from model_checks(workspace, around)
    yield _anki(workspace.config, around)


# --- the program itself ---------------------------------------------------------------------


def _program() -> Iterator[Check]:
    python = f"Python {platform.python_version()} on {platform.system() or 'an unknown system'}"
    yield Check("program", State.OK, f"ankiforge {__version__}, {python}")


# --- the workspace --------------------------------------------------------------------------


def _settings(workspace: Workspace) -> Check:
    if workspace.is_default:
        own = "no settings of its own" if workspace.remembered else "no sources of its own"
        says = f"the default workspace {workspace.root}: {own}"
        return Check("settings", State.OK, says)
    count = len(workspace.config.sources)
    if not count and not workspace.remembered:
        do = f"name a vault, a PDF folder or Zotero under sources: in {workspace.settings}"
        return Check("settings", State.WARN, f"{workspace.settings} names no source", do, 1)
    says = f"{workspace.settings}: {count} source{'s' if count > 1 else ''}"
    return Check("settings", State.OK, says)


def _remembered(workspace: Workspace) -> Iterator[Check]:
    """The PATHs that `run` has remembered."""
    for item in workspace.remembered:
        name = f"source {item.places[0].name if item.places else item.name}"
        if os.access(item.path, os.R_OK):
            kinds = ", ".join(place.kind for place in item.places)
            yield Check(name, State.OK, f"{kinds} in {item.path}, remembered by run")
        else:
            do = f"bring it back, or: ankiforge run --forget {quote(item.path)}"
            yield Check(name, State.WARN, f"{item.path} is remembered and is not there", do, 1)


def _trust(workspace: Workspace, around: Surroundings) -> Iterator[Check]:
    do = f"read {workspace.settings.name}, then: ankiforge init --trust {workspace.root}"
    for concern in unconfirmed(workspace, around.folders, around.environ):
        says = f"not confirmed yet: {concern.says}"
        if concern.stops:
            yield Check("trust", State.FAIL, says, do, 2)
        elif concern.is_key:
            says = f"no key is sent to a server on this machine: {concern.says}"
            yield Check("trust", State.OK, says, f"if that server wants it: {do}")
        else:
            yield Check("trust", State.WARN, f"{says}; until then they stay in it", do, 1)


def _source(source: SourceEntry, config: Config, *, offline: bool, trusted: bool) -> Check:
    name = f"source {source.name}"
    try:
        extract.module(source.kind)
    except ConfigError as error:
        return failed(name, source.where.wrap(error))
    except ImportError as error:  # a source of another distribution
        says = f"{source.where}: the source {source.kind!r} cannot be loaded: {error}"
        return Check(name, State.FAIL, says, "install or update what brings it", 2)
    try:
        found = open_source(config, source, offline=offline)
    except ForgeError as error:
        return failed(name, error)
    look = getattr(found, "look", None)
    asks = bool(source.options.get("api"))
    if look and asks and not (source.has_folder and not os.access(source.path, os.R_OK)):
        return _answering(name, source, look, trusted)
    readable = _readable(name, source)
    if look and trusted and readable.state is State.OK:
        answer = _answering(name, source, look, trusted)
        return readable if answer.state is State.OK else answer
    return readable


def _answering(name: str, source: SourceEntry, look: Callable[[], str], trusted: bool) -> Check:
    """Of a source that is asked for what it has."""
    if not trusted:
        says = "it was not asked: the workspace is not trusted yet"
        return Check(name, State.WARN, says, "see trust above", 1)
    try:
        return Check(name, State.OK, f"{source.kind}: {look()}")
    except ForgeError as error:
        return failed(name, error)


def _readable(name: str, source: SourceEntry) -> Check:
    fault = "cannot be read" if source.path.exists() else "is not there"
    if not os.access(source.path, os.R_OK):
        do = f"mend path: in {source.where}, or mount its disk"
        return Check(name, State.FAIL, f"{source.path} {fault}", do, 1)
    has_text = source.path.is_file() and source.path.stat().st_size
    if source.kind in EXPORTS and has_text and extract.kind_of(source.path) != source.kind:
        says, do = f"{source.path} is no {source.kind} file", f"mend path: in {source.where}"
        return Check(name, State.FAIL, says, do, 1)
    return Check(name, State.OK, f"{source.kind} in {source.path}")


def _ledger(workspace: Workspace, ledger_check: Callable[[Workspace], str]) -> Check:
    if not workspace.ledger.exists():
        return Check("ledger", State.OK, "none yet: the first run makes it")
    try:
        return Check("ledger", State.OK, ledger_check(workspace))
    except ForgeError as error:
        return failed("ledger", error)


def _journal(
    workspace: Workspace, unread: Callable[[Workspace], Iterable[Problem]]
) -> Iterator[Check]:
    try:
        lines = tuple(unread(workspace))
    except ForgeError as error:
        yield failed("journal", error)
        return
    if not lines and not workspace.journal.exists():
        return
    if not lines:
        yield Check("journal", State.OK, f"every line of {workspace.journal} can be read")
        return
    first, others = lines[0], len(lines) - 1
    more = f" (and {others} more)" if others else ""
    lost = first.where == str(workspace.journal)  # else it is about one line
    says = f"{first.where}: {first.what}{more}" + ("" if lost else "; the other lines are taken in")
    yield Check("journal", State.WARN, says, first.hint, 1)


# --- services -------------------------------------------------------------------------------


def _anki(config: Config, around: Surroundings) -> Check:
    setting = config.anki.collection
    if setting == "none":
        return Check("Anki", State.OK, "never looked at: anki.collection is none")
    if setting == "auto":
        return _found_anki(anki_collections(around.machine))
    if not os.access(Path(setting), os.R_OK):
        do = "mend anki.collection in ankiforge.yaml, or set it to auto"
        return Check("Anki", State.FAIL, f"{setting} cannot be read", do, 1)
    return Check("Anki", State.OK, f"collection {setting}")


def _found_anki(found: tuple[Path, ...]) -> Check:
    if not found:
        says = "no collection on this machine: packages hold everything, each time"
        return Check("Anki", State.OK, says)
    noun = "collection" if len(found) == 1 else "collections"
    return Check("Anki", State.OK, f"{noun} {', '.join(map(str, found))}")
