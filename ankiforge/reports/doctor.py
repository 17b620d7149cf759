"""Check everything that a run needs, with advice, and find what is on this machine.

Only the places where vaults, Zotero, Anki and model servers keep files are read, and only
ports of this machine are asked. Whatever cannot be read is passed over: a guess is no
reason to fail.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import Any

from ankiforge import __version__, plugins
from ankiforge import config as settings
from ankiforge.anki.profiles import collections
from ankiforge.config import LLM, Config, SourceEntry, is_loopback
from ankiforge.config.deckfiles import load_decks
from ankiforge.config.trust import unconfirmed
from ankiforge.config.workspace import WorkspaceFolder, user_folder
from ankiforge.config.yamlfile import CONTROL
from ankiforge.draft.server import Unreachable, models
from ankiforge.errors import ConfigError, ForgeError, PlugInError
from ankiforge.ledger import readable_errors
from ankiforge.model import Texts, Value
from ankiforge.pipeline.models import model_in_use
from ankiforge.pipeline.opened import (
    NEWER_VERSION,
    open_ledger,
    unknown_lines,
)
from ankiforge.pipeline.sources import SelectedSource, open_source
from ankiforge.text import counted, first_of, regex, shown_path

# The interface of AnkiConnect that is used, and how long its answers may take.
_ADD_ON_VERSION = 6
_ADD_ON_SECONDS = 3.0


class CheckState(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARN = "warn"
    """It works, but needs attention."""
    FAIL = "fail"


class Check(Value):
    """The result for one part that a run needs, with the keys of `doctor --json`."""

    name: str
    state: CheckState
    says: str
    do: str = ""
    exit_code: int = 0
    """The exit code of a run that needs this part; 0 if it is ok."""


def _ok(name: str, message: str) -> Check:
    return Check(name, CheckState.OK, message)


def _warn(name: str, message: str, advice: str) -> Check:
    return Check(name, CheckState.WARN, message, advice, 1)


def _fail(name: str, message: str, advice: str, code: int) -> Check:
    return Check(name, CheckState.FAIL, message, advice, code)


def _failed(name: str, error: ForgeError) -> Check:
    return _fail(name, error.message, error.hint, error.exit_code)


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0 if all checks are ok, else the first of the codes 4, 2, 3, 1 that occurs."""
    codes = {check.exit_code for check in checks}
    for code in (4, 2, 3, 1):
        if code in codes:
            return code
    return 0


_GROUPS = {
    "workspace": ("program", "plug-in", "settings", "trust", "ledger", "journal"),
    "sources": ("source",),
    "cards": ("model", "Anki", "AnkiConnect", "note"),
}
"""The groups in which a person reads the results, by the first word of their names."""
_SIGNS = {CheckState.OK: "✓", CheckState.WARN: "!", CheckState.FAIL: "✗"}


def as_text(checks: Sequence[Check]) -> Iterator[str]:
    """Yield results as lines: the good ones of each group, then those that need attention."""
    for group, names in _GROUPS.items():
        head = f"{_SIGNS[CheckState.OK]} {group:10} "
        for check in checks:
            if check.state is CheckState.OK and check.name.split()[0] in names:
                name = check.name.removeprefix("source ")
                yield f"{head}{name}: {check.says}"
                head = " " * len(head)
    for check in checks:
        if check.state is not CheckState.OK:
            yield f"{_SIGNS[check.state]} {check.name}: {check.says}"
            if check.do:
                yield f"  do: {check.do}"


# The distribution of this program, and others in the package index that bring a package
# or a command of the same name: files of one overwrite those of the other.
_OURS = "ankiforge-cards"
_OTHERS = ("ankiforge", "ankiforgeai")


def examine(
    find: Callable[[], WorkspaceFolder], machine: Machine, *, offline: bool = False
) -> Iterator[Check]:
    """Check everything that a run needs, in the order in which it is needed.

    Args:
        find: returns the workspace, or raises a ForgeError.
        machine: has the user's folders, and the keys of servers.
        offline: whether to connect only to this machine.
    """
    from importlib.metadata import PackageNotFoundError, version

    yield _ok("program", f"ankiforge {__version__}, Python {platform.python_version()}")
    for other in _OTHERS:
        with suppress(PackageNotFoundError):
            found = f"another program, {other} {version(other)}, is installed here"
            message = f"{found} and overwrites files of this one"
            advice = f"pip uninstall {other} {_OURS}, then install {_OURS} again"
            yield _warn("program", message, advice)

    yield from _plug_ins()

    # the settings, and whether the person trusts them
    try:
        workspace = find()
        load_decks(workspace.root, workspace.config.decks)
    except ForgeError as error:
        yield _failed("settings", error)
        return
    file = workspace.root / settings.FILE_NAME
    count = len(workspace.config.sources)
    if count or workspace.remembered or workspace.is_default:
        where = shown_path(workspace.root if workspace.is_default else file)
        sources = counted(count, "source")
        if workspace.remembered:
            sources += f", {len(workspace.remembered)} remembered"
        yield _ok("settings", f"{where}: {sources}")
    else:
        advice = f"name a vault, a PDF folder or Zotero under sources: in {file}"
        yield _warn("settings", f"{file} names no source", advice)
    waiting = unconfirmed(workspace, user_folder(machine.environ))
    advice = f"read {settings.FILE_NAME}, then: ankiforge init --trust {workspace.root}"
    for concern in waiting:
        yield _fail("trust", f"not confirmed yet: {concern}", advice, 2)
    if waiting:
        return

    # the sources in the settings, and the PATHs remembered by `run`
    for source in workspace.config.sources:
        yield _source(source, workspace, offline=offline)
    for item in workspace.remembered:
        source_names = dict.fromkeys(item.names.values())
        name = f"source {', '.join(source_names)}"
        if os.access(item.path, os.R_OK):
            where = shown_path(item.path)
            yield _ok(name, f"{', '.join(item.names)} in {where}, remembered by run")
            continue
        advice = (
            f"if it moved, write its new place in its lines in"
            f" {workspace.folder / 'sources.yaml'};"
            f" to forget it: ankiforge forget {quote(item.path)}"
        )
        yield _warn(name, f"{item.path} is remembered but missing", advice)

    yield from _ledger(workspace)
    yield _model(workspace, machine, offline=offline)
    yield from _anki(workspace.config, machine)
    yield from _add_on(workspace.config, machine, offline=offline)


def _plug_ins() -> Iterator[Check]:
    """Check that each plug-in that is installed here can be loaded."""
    import click

    from ankiforge.extract.registry import source_type

    for kind, point in plugins.plug_ins(plugins.SOURCES).items():
        try:
            source_type(kind)
        except ConfigError as error:
            yield _failed("plug-in", error)
        else:
            yield _ok("plug-in", f"{plugins.distribution_of(point)}: source {kind}")
    for name, point in plugins.plug_ins(plugins.COMMANDS).items():
        try:
            plugins.loaded(point, click.Command)
        except PlugInError as error:
            yield _failed("plug-in", error)
        else:
            yield _ok("plug-in", f"{plugins.distribution_of(point)}: command {name}")


def _source(
    source: SourceEntry,
    workspace: WorkspaceFolder,
    *,
    offline: bool,
) -> Check:
    """Check that a source can be opened and read."""
    name = f"source {source.name}"
    try:
        opened = open_source(workspace, SelectedSource(source), offline=offline)
    except ForgeError as error:
        return _failed(name, error)
    look: Callable[[], str] | None = getattr(opened, "look", None)
    is_readable = os.access(source.path, os.R_OK)
    lacks_its_folder = source.has_folder and not is_readable
    by_api = look is not None and bool(source.options.get("api")) and not lacks_its_folder
    if not is_readable and not by_api:
        fault = "cannot be read" if source.path.exists() else "is not there"
        advice = f"correct path: in {source.where}, or mount its disk"
        return _fail(name, f"{source.path} {fault}", advice, 1)
    try:
        answer = look() if look else ""
    except ForgeError as error:
        return _failed(name, error)
    if by_api:
        return _ok(name, f"{source.kind}: {answer}")
    return _ok(name, f"{source.kind} in {shown_path(source.path)}")


def _ledger(workspace: WorkspaceFolder) -> Iterator[Check]:
    """Read journal and database in a copy in memory, so that nothing is changed."""
    try:
        workspace.check_journal()
        if not workspace.ledger.is_there():
            yield _ok("ledger", "none yet; the first run creates it")
            return
        with (
            readable_errors(workspace.ledger),
            open_ledger(workspace, read_only=True) as ledger,
        ):
            journal = ledger.journal_state
    except ForgeError as error:
        yield _failed("ledger", error)
        return
    if journal.unreadable:
        unreadable = counted(journal.unreadable, "line")
        message = f"{unreadable} of {workspace.journal} cannot be read"
        advice = "restore the file from git or a backup; the other lines are used"
        yield _warn("journal", message, advice)
    if journal.unknown:
        message = f"{workspace.journal}: {unknown_lines(journal.unknown)}"
        yield _warn("journal", message, NEWER_VERSION)
    if not (journal.unreadable or journal.unknown):
        yield _ok(
            "ledger",
            f"every line in {shown_path(str(workspace.journal))} can be read",
        )


def _model(workspace: WorkspaceFolder, machine: Machine, *, offline: bool) -> Check:
    """Check that the configured server answers and has the model; none is started."""
    llm = workspace.config.llm
    if workspace.config.drafter != "llm":
        return _ok("model", "none; to choose one: ankiforge model list")
    in_use = model_in_use(workspace)
    key_name = settings.key_variable(LLM, llm.base_url, llm.key_env)
    if not is_loopback(llm.base_url):
        if offline:
            message = f"{llm.base_url} was not contacted: --offline"
            return _warn("model", message, "run doctor without --offline")
        if key_name and not machine.environ.get(key_name):
            unset = f"the environment variable {key_name} is not set"
            message = f"{unset}, {llm.base_url} will need a key"
            return _fail("model", message, f"export {key_name}=…", 2)
    key = settings.key_for(LLM, llm.base_url, llm.key_env, machine.environ)
    try:
        offered = models(llm.base_url, key)
    except Unreachable as error:
        cannot_list = error.status in (404, 405, 501)
        if cannot_list:
            return _ok("model", f"{in_use}; its server lists no models")
        advice = "start it (ollama serve), or choose another: ankiforge model list"
        if error.status in (401, 403) and not key_name:
            advice = (
                "name the environment variable of its key as llm.key_env, then:"
                f" ankiforge init --trust {workspace.root}"
            )
        return _fail("model", f"{llm.base_url} {error}", advice, 3)
    # Ollama lists `qwen3:latest` for `qwen3`, Gemini `models/…`
    spellings = {llm.model, f"{llm.model}:latest", f"models/{llm.model}"}
    if offered and spellings.isdisjoint(offered):
        message = f"{llm.base_url} does not list {llm.model!r}"
        advice = f"set llm.model to one it has, such as {first_of(offered)}"
        return _warn("model", message, advice)
    return _ok("model", in_use)


def _anki(config: Config, machine: Machine) -> Iterator[Check]:
    """Check the collection that the settings name."""
    setting = config.anki.collection
    if setting == "none":
        yield _ok("Anki", "never read: anki.collection is none")
    elif setting == "auto":
        paths = ", ".join(map(str, anki_collections(machine)))
        nowhere = "no collection on this machine, so packages contain every card"
        yield _ok("Anki", f"collection {paths}" if paths else nowhere)
    elif os.access(Path(setting), os.R_OK):
        yield _ok("Anki", f"collection {setting}")
    else:
        advice = "correct anki.collection in ankiforge.yaml, or set it to auto"
        yield _fail("Anki", f"{setting} cannot be read", advice, 1)


def _add_on(config: Config, machine: Machine, *, offline: bool) -> Iterator[Check]:
    """Check the add-on by which `push` reaches Anki; nothing if Anki is closed, or has none."""
    from ankiforge.anki.connect import AnkiConnect

    address = config.anki.connect
    if offline and not is_loopback(address):
        return
    name = "AnkiConnect"
    key_name = settings.key_variable(settings.ANKI, address, config.anki.key_env)
    key = settings.key_for(settings.ANKI, address, config.anki.key_env, machine.environ)
    anki = AnkiConnect(address, key, timeout=_ADD_ON_SECONDS, key_env=key_name)
    try:
        version = anki.version()
    except ForgeError as error:
        yield _warn(name, error.message, error.hint)
        return
    if version and version < _ADD_ON_VERSION:
        message = f"version {version} at {address}: push cannot use it"
        yield _warn(name, message, "in Anki: Tools › Add-ons › Check for Updates")
    elif version:
        yield _ok(name, f"version {version} at {address}")


# --- what is on this machine ------------------------------------------------------------


class Machine(Value):
    """The surroundings of the workspace; tests provide their own."""

    home: Path
    """The user's home folder."""
    environ: Texts = {}
    """The environment variables."""

    @staticmethod
    def this() -> Machine:
        """Return the machine that runs this process."""
        return Machine(Path.home(), os.environ)

    def settings_of(self, *names: str) -> Iterator[Path]:
        """Yield the folders in which a program with these names may keep its settings."""
        bases: tuple[str | Path, ...] = (
            self.environ.get("XDG_CONFIG_HOME") or self.home / ".config",
            self.home / "Library" / "Application Support",
            self.environ.get("APPDATA") or self.home / "AppData" / "Roaming",
        )
        for base in bases:
            for name in names:
                yield Path(base, name)


# --- vaults -----------------------------------------------------------------------------

# Folders below the home folder in which vaults lie; "" is the home folder itself.
_NEAR = (
    "",
    "Documents",
    "Notes",
    "Obsidian",
    "Dropbox",
    "OneDrive",
    "iCloudDrive",
    "Library/Mobile Documents/iCloud~md~obsidian/Documents",
)


def vaults(machine: Machine, near: Path | None = None) -> tuple[Path, ...]:
    """Return Obsidian vaults: those in Obsidian's list, then folders with `.obsidian`.

    Args:
        machine: the places to search.
        near: one more folder to search.
    """
    paths = []
    for settings_folder in (
        *machine.settings_of("obsidian"),
        machine.home / ".var/app/md.obsidian.Obsidian/config/obsidian",
    ):
        listed = _parsed(_text(settings_folder / "obsidian.json"))
        with suppress(TypeError, LookupError, AttributeError):  # it is no such list
            paths += [Path(vault["path"]) for vault in listed["vaults"].values()]
    usual_folders = [machine.home / name for name in _NEAR]
    if near:
        usual_folders.append(near)
    for folder in usual_folders:
        for path in (folder, *_visible_in(folder)):
            if _exists(path / ".obsidian"):
                paths.append(path)
    return _real(paths)


def _visible_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


# --- Zotero and Anki --------------------------------------------------------------------

_PROFILE = regex(r"(?m)^Path=(.+)$")
_DATA_FOLDER = regex(r'(?m)^user_pref\("extensions\.zotero\.dataDir", ("[^\n]*")\);')


def zotero_folders(machine: Machine) -> tuple[Path, ...]:
    """Return Zotero's data folders: those named in its profiles, then the usual ones."""
    paths = []
    for home in (
        machine.home / ".zotero/zotero",
        machine.home / ".var/app/org.zotero.Zotero/.zotero/zotero",
        *machine.settings_of("Zotero", "Zotero/Zotero"),
    ):
        for profile in _PROFILE.findall(_text(home / "profiles.ini")):
            setting = _DATA_FOLDER.search(_text(home / profile.strip() / "prefs.js"))
            folder = _parsed(setting[1]) if setting else None
            if isinstance(folder, str):
                paths.append(Path(folder))
    paths.append(machine.home / "Zotero")
    return _real(folder for folder in paths if _exists(folder / "zotero.sqlite"))


MOUNTED = ("/media", "/run/media", "/Volumes")
"""Where devices that are plugged in appear."""


def book_sources(machine: Machine) -> tuple[tuple[str, Path], ...]:
    """Return the devices and programs for e-books, as (kind of source, path).

    These are e-readers that are plugged in, KOReader's own settings, calibre's library and the
    folder of Apple Books.
    """
    devices: list[Path] = []
    for folder in MOUNTED:
        for path in _visible_in(Path(folder)):
            devices += [path, *_visible_in(path)]
    sources: list[tuple[str, Path]] = []
    for device in devices:
        if _exists(device / ".kobo/KoboReader.sqlite"):
            sources.append(("kobo", device))
        if _exists(device / "koreader") or _exists(device / ".adds/koreader"):
            sources.append(("koreader", device))
    settings = machine.home / ".config/koreader/docsettings"
    if _exists(settings):
        sources.append(("koreader", settings))
    library = machine.home / "Calibre Library"
    if _exists(library / "metadata.db"):
        sources.append(("calibre", library))
    apple = machine.home / "Library/Containers/com.apple.iBooksX/Data/Documents"
    if _exists(apple / "AEAnnotation"):
        sources.append(("apple-books", apple))
    return tuple(sources)


def anki_collections(machine: Machine) -> tuple[Path, ...]:
    """Return the collections of Anki's profiles; () if Anki was never started here."""
    return _real(collections(machine.home, machine.environ))


# --- small readers ----------------------------------------------------------------------


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _exists(path: Path) -> bool:
    """Return whether a path exists; False if the name is invalid."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _real(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the existing paths, resolved and without duplicates.

    Names with control characters are left out.
    """
    existing = []
    for path in paths:
        if _exists(path):
            existing.append(path.resolve())
    printable = (path for path in existing if not CONTROL.search(str(path)))
    return tuple(dict.fromkeys(printable))
