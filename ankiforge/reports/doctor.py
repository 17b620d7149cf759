"""Check everything that a run needs (`doctor`), and find sources on this computer (`init`).

Only the usual locations of vaults, Zotero, Anki and e-books are searched. A file that can't
be read is skipped, because it may belong to another program.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ankiforge import __version__, plugins
from ankiforge import config as settings
from ankiforge.anki.profiles import find_collections
from ankiforge.config import SourceEntry, is_loopback
from ankiforge.config.trust import require_trust
from ankiforge.config.workspace import WorkspaceDirectory, find_user_directory
from ankiforge.config.yamlfile import CONTROL_CHARACTERS
from ankiforge.errors import ForgeError
from ankiforge.model import Problem, Texts, Value
from ankiforge.pipeline import models
from ankiforge.pipeline.reading_list import SelectedSource
from ankiforge.pipeline.selection import select_sources
from ankiforge.pipeline.sources import open_source
from ankiforge.pipeline.workspace import Workspace
from ankiforge.text import format_count, format_truncated_list, regex, shorten_path

_ANKI_CONNECT_TIMEOUT = 3.0


class CheckState(StrEnum):
    """The possible results of a check of `doctor`."""

    OK = "ok"
    WARN = "warn"
    """Works, but needs the user's attention."""
    FAIL = "fail"


class DoctorCheck(Value, rename={"message": "says", "advice": "do"}):
    """The result of a check of `doctor`, with the fields that `--json` prints."""

    name: str
    """The checked part, such as `ledger` or `source NAME`."""
    state: CheckState
    message: str
    """The result in words."""
    advice: str = ""
    """What the user should do, or "" if nothing."""
    exit_code: int = 0
    """The exit code of a run that would fail for this reason, or 0 if the check passed."""


PartCheck = Callable[[], Iterator[str | Problem]]
"""Checks one part of a run, yielding messages about its state, and problems.

Raises the `ForgeError` that a run would fail with.
"""


def run_part_checks(name: str, check: PartCheck) -> Iterator[DoctorCheck]:
    """Run the checks of one part of the program, and yield their results."""
    try:
        for result in check():
            yield _make_check(name, result)
    except ForgeError as error:
        yield _make_failed_check(name, error)


def _make_check(name: str, result: str | Problem) -> DoctorCheck:
    """Convert what a check yielded: a message about a part that works, or a problem."""
    if isinstance(result, str):
        return DoctorCheck(name, CheckState.OK, result)
    state = CheckState.WARN if result.is_notice else CheckState.FAIL
    message = result.message
    if result.location:
        message = f"{result.location}: {message}"
    return DoctorCheck(name, state, message, result.hint, 1)


def _make_failed_check(name: str, error: ForgeError) -> DoctorCheck:
    return DoctorCheck(name, CheckState.FAIL, error.message, error.hint, error.exit_code)


def _make_warning(message: str, advice: str) -> Problem:
    return Problem("", message, advice, is_notice=True)


def choose_exit_code(checks: Iterable[DoctorCheck]) -> int:
    """Return the exit code of `doctor`, or 0 if all checks passed.

    If checks failed with different codes, the first one counts.
    """
    return next((check.exit_code for check in checks if check.exit_code), 0)


_STATE_SIGNS = {CheckState.OK: "✓", CheckState.WARN: "!", CheckState.FAIL: "✗"}


def format_checks(checks: Sequence[DoctorCheck]) -> Iterator[str]:
    """Yield a line for each check, and what to do if it didn't pass."""
    for check in checks:
        yield f"{_STATE_SIGNS[check.state]} {check.name:11}  {check.message}"
        if check.advice:
            yield f"  do: {check.advice}"


def run_checks(
    find_workspace: Callable[[], WorkspaceDirectory],
    environment: Environment,
    *,
    offline: bool = False,
) -> Iterator[DoctorCheck]:
    """Check everything a run depends on, in the order in which a run uses it.

    The other checks are skipped if the settings are invalid, or not trusted.

    Args:
        find_workspace: returns the workspace, or raises `ForgeError` if the settings are
            invalid.
        environment: the user's home directory and environment variables.
        offline: whether to connect only to servers on this computer.
    """
    yield from run_part_checks("program", _check_program)
    yield from run_part_checks("plug-in", _check_plugins)
    try:
        workspace = find_workspace()
        workspace.load_decks()
        settings_result = _describe_settings(workspace)
    except ForgeError as error:
        yield _make_failed_check("settings", error)
        return
    yield _make_check("settings", settings_result)
    try:
        require_trust(workspace, None, find_user_directory(environment.environ))
    except ForgeError as error:
        yield _make_failed_check("trust", error)
        return
    yield from _check_workspace(workspace, environment, offline=offline)


def _describe_settings(workspace: WorkspaceDirectory) -> str | Problem:
    """Describe how many sources a workspace has, or warn that it has none."""
    file = workspace.root / settings.SETTINGS_FILE_NAME
    source_count = len(workspace.config.sources)
    remembered_count = len(workspace.remembered_paths)
    sources = format_count(source_count, "source")
    if remembered_count > 0:
        sources += f", {remembered_count} remembered"
    if workspace.is_default:
        return f"{shorten_path(workspace.root)}: {sources}"
    if source_count + remembered_count > 0:
        return f"{shorten_path(file)}: {sources}"
    advice = f"name a vault, a PDF folder or Zotero under sources: in {file}"
    return _make_warning(f"{file} names no source", advice)


def _check_workspace(
    workspace: WorkspaceDirectory, environment: Environment, *, offline: bool
) -> Iterator[DoctorCheck]:
    """Check the sources of a workspace, and what its cards go through."""
    selection = select_sources(workspace)
    for source in selection.sources:
        check_source = partial(_check_source, workspace, source, offline)
        yield from run_part_checks(f"source {source.entry.name}", check_source)
    yield from run_part_checks("source", partial(iter, selection.problems))
    for name, check in (
        ("ledger", _check_ledger),
        ("model", partial(_check_model, offline=offline)),
        ("Anki", partial(_check_collection, environment)),
        ("AnkiConnect", partial(_check_anki_connect, offline=offline)),
    ):
        yield from run_part_checks(name, partial(check, workspace))


def _check_program() -> Iterator[str | Problem]:
    yield f"ankiforge {__version__}, Python {platform.python_version()}"


def _check_plugins() -> Iterator[str | Problem]:
    import click

    from ankiforge.extract.registry import load_source_type

    groups = {"source": plugins.SOURCE_GROUP, "command": plugins.COMMAND_GROUP}
    for noun, group in groups.items():
        for name, point in plugins.find_plugins(group).items():
            try:
                if noun == "source":
                    load_source_type(name)
                else:
                    plugins.load_plugin(point, click.Command)
            except ForgeError as error:
                yield Problem("", error.message, error.hint)
            else:
                yield f"{plugins.get_distribution_name(point)}: {noun} {name}"


def _check_source(
    workspace: WorkspaceDirectory, selected: SelectedSource, offline: bool
) -> Iterator[str | Problem]:
    """Check that a source can be read, and yield how it is, or what is wrong."""
    entry = selected.entry
    source = open_source(workspace, selected, offline=offline)
    # only Zotero, which may be read through its API, says itself how it is accessed
    describe: Callable[[], str] | None = getattr(source, "describe_access", None)
    if describe is not None:
        yield _check_access(entry, describe)
        return
    files = getattr(source, "listing", None)
    first = next(files.list_files(), None) if files is not None else None
    if isinstance(first, Problem):
        advice = f"{first.hint} ({entry.location})"
        yield Problem(str(entry.path), first.message, advice, first.is_notice)
        return
    places = [shorten_path(path) for path in selected.paths or (entry.path,)]
    access = f"{entry.kind} in {format_truncated_list(places)}"
    if entry not in workspace.config.sources:
        access += ", remembered by run"
    yield access


def _check_access(entry: SourceEntry, describe: Callable[[], str]) -> str | Problem:
    """Return how a source is accessed, or that its folder is missing.

    An API can be read without the folder, but a run then lacks the files.
    """
    if entry.has_path and not entry.path.exists():
        advice = "correct path: in ankiforge.yaml"
        return Problem(str(entry.path), "it is not there", advice)
    return f"{entry.kind}: {describe()}"


def _check_ledger(workspace: WorkspaceDirectory) -> Iterator[str | Problem]:
    workspace.check_journal_directory()
    if not workspace.ledger_path.exists():
        yield "none yet; the first run creates it"
        return
    with Workspace(workspace, read_only=True) as opened:
        problems = list(opened.iter_journal_problems())
    yield from problems
    if not problems:
        yield f"every line in {shorten_path(str(workspace.journal_directory))} can be read"


def _check_model(
    workspace: WorkspaceDirectory, *, offline: bool
) -> Iterator[str | Problem]:
    llm = workspace.config.llm
    if workspace.config.drafter != "llm":
        yield "none; to choose one: ankiforge model list"
        return
    server = models.load_server_settings(workspace)
    if offline and not server.is_local:
        message = f"{llm.base_url} was not contacted: --offline"
        yield _make_warning(message, "run doctor without --offline")
        return
    server.require_key()
    names, _ = models.list_server_models(llm.base_url, llm.model, server.key_name)
    # Ollama lists a model such as `qwen3` as `qwen3:latest`, and Gemini lists it as `models/…`
    possible_names = {llm.model, f"{llm.model}:latest", f"models/{llm.model}"}
    if names and possible_names.isdisjoint(names):
        yield _make_warning(
            f"{llm.base_url} does not list {llm.model!r}",
            f"set llm.model to one it has, such as {format_truncated_list(names)}",
        )
        return
    yield models.describe_model(workspace)


def _check_collection(
    environment: Environment, workspace: WorkspaceDirectory
) -> Iterator[str | Problem]:
    setting = workspace.config.anki.collection
    if setting == "none":
        yield "never read: anki.collection is none"
    elif setting == "auto":
        paths = find_anki_collections(environment)
        if paths:
            yield f"collection {', '.join(map(str, paths))}"
        else:
            yield "no collection on this computer, so packages contain every card"
    elif os.access(Path(setting), os.R_OK):
        yield f"collection {setting}"
    else:
        advice = "correct anki.collection in ankiforge.yaml, or set it to auto"
        yield Problem("", f"{setting} cannot be read", advice)


def _check_anki_connect(
    workspace: WorkspaceDirectory, *, offline: bool
) -> Iterator[str | Problem]:
    """Yield AnkiConnect's version, or nothing if Anki isn't running or lacks the add-on."""
    from ankiforge.anki.connect import AnkiConnect

    anki = workspace.config.anki
    if offline and not is_loopback(anki.connect):
        return
    names = (settings.ANKI_KEY, anki.connect, anki.key_env)
    key, variable = settings.find_api_key(*names), settings.find_api_key_variable(*names)
    timeout = _ANKI_CONNECT_TIMEOUT
    add_on = AnkiConnect(anki.connect, key, timeout=timeout, key_env=variable)
    try:
        version = add_on.get_api_version()
    except ForgeError as error:
        yield _make_warning(error.message, error.hint)
        return
    if version:
        yield f"version {version} at {anki.connect}"


# --- sources on this computer -----------------------------------------------------------


class Environment(Value):
    """The home directory and environment variables used to find other programs' files.

    Tests pass in their own.
    """

    home: Path
    environ: Texts = {}

    @staticmethod
    def current() -> Environment:
        """Return the environment of the current process."""
        return Environment(Path.home(), os.environ)

    def iter_settings_folders(self, *names: str) -> Iterator[Path]:
        """Yield the platform-specific directories where a program may keep its settings.

        `names` are the possible names of the program's directory.
        """
        bases: tuple[str | Path, ...] = (
            self.environ.get("XDG_CONFIG_HOME") or self.home / ".config",
            self.home / "Library" / "Application Support",
            self.environ.get("APPDATA") or self.home / "AppData" / "Roaming",
        )
        for base in bases:
            for name in names:
                yield Path(base, name)


# --- vaults -----------------------------------------------------------------------------

# The directories in which vaults usually are, relative to the home directory ("").
_VAULT_PARENTS = (
    "",
    "Documents",
    "Notes",
    "Obsidian",
    "Dropbox",
    "OneDrive",
    "iCloudDrive",
    "Library/Mobile Documents/iCloud~md~obsidian/Documents",
)


def find_vaults(
    environment: Environment, extra_parent: Path | None = None
) -> tuple[Path, ...]:
    """Find the Obsidian vaults on this computer.

    Vaults listed in Obsidian's own settings come first, followed by other directories that
    contain `.obsidian`. `extra_parent` is an additional directory to search.
    """
    paths = []
    for settings_folder in (
        *environment.iter_settings_folders("obsidian"),
        environment.home / ".var/app/md.obsidian.Obsidian/config/obsidian",
    ):
        vault_list = _parse_json(_read_text(settings_folder / "obsidian.json"))
        # it may not be a list of vaults
        with suppress(TypeError, LookupError, AttributeError):
            paths += [Path(vault["path"]) for vault in vault_list["vaults"].values()]
    parents = [environment.home / name for name in _VAULT_PARENTS]
    if extra_parent:
        parents.append(extra_parent)
    for parent in parents:
        folders = (parent, *_list_visible_entries(parent))
        paths += [folder for folder in folders if _exists(folder / ".obsidian")]
    return _resolve_existing(paths)


def _list_visible_entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


# --- Zotero and Anki --------------------------------------------------------------------

_PROFILE_PATH = regex(r"(?m)^Path=(.+)$")
_DATA_DIR_PREFERENCE = regex(
    r'(?m)^user_pref\("extensions\.zotero\.dataDir", ("[^\n]*")\);'
)


def find_zotero_folders(environment: Environment) -> tuple[Path, ...]:
    """Find Zotero's data directories: first the ones set in its profiles, then the default."""
    paths = []
    for settings_folder in (
        environment.home / ".zotero/zotero",
        environment.home / ".var/app/org.zotero.Zotero/.zotero/zotero",
        *environment.iter_settings_folders("Zotero", "Zotero/Zotero"),
    ):
        profiles = _read_text(settings_folder / "profiles.ini")
        for profile in _PROFILE_PATH.findall(profiles):
            preferences = _read_text(settings_folder / profile.strip() / "prefs.js")
            preference = _DATA_DIR_PREFERENCE.search(preferences)
            folder = _parse_json(preference[1]) if preference else None
            if isinstance(folder, str):
                paths.append(Path(folder))
    paths.append(environment.home / "Zotero")
    return _resolve_existing(path for path in paths if _exists(path / "zotero.sqlite"))


MOUNT_FOLDERS = ("/media", "/run/media", "/Volumes")
"""The directories in which connected devices, such as e-readers, are mounted."""


_DEVICE_SOURCES = (
    ("kobo", ".kobo/KoboReader.sqlite"),
    ("koreader", "koreader"),
    ("koreader", ".adds/koreader"),
    ("words", "system/vocabulary/vocab.db"),
    ("words", "koreader/settings/vocabulary_builder.sqlite3"),
    ("words", ".adds/koreader/settings/vocabulary_builder.sqlite3"),
)
"""The kinds of sources on e-readers, and the path on the device by which each is recognized."""


class _BookPlace(NamedTuple):
    """A directory that is a source of e-book highlights if it has a certain content."""

    kind: str
    """The kind of the source, such as `kobo`."""
    directory: Path
    content: str = ""
    """The name of a file or directory in it, or "" if the directory itself is enough."""


def find_book_sources(environment: Environment) -> tuple[tuple[str, Path], ...]:
    """Find sources of e-book highlights, and return the kind and path of each.

    Looks for connected e-readers, KOReader's settings on this computer, the calibre
    library, and Apple Books data.
    """
    places = []
    for device in _list_mounted_devices():
        for kind, content in _DEVICE_SOURCES:
            places.append(_BookPlace(kind, device, content))
    home = environment.home
    apple_books = home / "Library/Containers/com.apple.iBooksX/Data/Documents"
    places += [
        _BookPlace("koreader", home / ".config/koreader/docsettings"),
        _BookPlace("calibre", home / "Calibre Library", "metadata.db"),
        _BookPlace("apple-books", apple_books, "AEAnnotation"),
    ]
    found = []
    for place in places:
        if _exists(place.directory / place.content):
            found.append((place.kind, place.directory))
    return tuple(dict.fromkeys(found))


def _list_mounted_devices() -> list[Path]:
    """Return the directories at which a device may be mounted.

    They are one level below a mount folder, such as `/Volumes/KOBOeReader`, or two, such as
    `/media/ana/KOBOeReader`.
    """
    devices: list[Path] = []
    for folder in MOUNT_FOLDERS:
        for path in _list_visible_entries(Path(folder)):
            devices += [path, *_list_visible_entries(path)]
    return devices


def find_anki_collections(environment: Environment) -> tuple[Path, ...]:
    """Find the collections of all Anki profiles. There are none if Anki was never started."""
    return _resolve_existing(find_collections(environment.home, environment.environ))


# --- helpers ----------------------------------------------------------------------------


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _resolve_existing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Resolve paths, dropping duplicates and paths that don't exist.

    Paths with control characters are dropped too, because the settings can't contain them.
    """
    existing = [path.resolve() for path in paths if _exists(path)]
    printable = (path for path in existing if not CONTROL_CHARACTERS.search(str(path)))
    return tuple(dict.fromkeys(printable))
