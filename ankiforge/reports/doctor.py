"""Check everything that a run needs, for `doctor`, and find sources on this computer, for `init`.

Sources are searched for only in the usual locations of vaults, Zotero, Anki and e-books. Unreadable
files are skipped, because a wrong guess isn't an error.
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
from ankiforge.anki.profiles import find_collections
from ankiforge.config import LLM_KEY, Config, SourceEntry, is_loopback
from ankiforge.config.trust import explain_distrust
from ankiforge.config.workspace import WorkspaceDirectory, find_user_directory
from ankiforge.config.yamlfile import CONTROL_CHARACTERS
from ankiforge.draft.server import NoModelListError, list_models
from ankiforge.errors import ConfigError, ForgeError, PlugInError
from ankiforge.ledger import wrap_database_errors
from ankiforge.model import Texts, Value
from ankiforge.pipeline.models import describe_model
from ankiforge.pipeline.open_workspace import (
    NEWER_VERSION_HINT,
    format_unknown_lines,
    open_ledger,
)
from ankiforge.pipeline.sources import SelectedSource, open_source
from ankiforge.text import format_count, format_first_names, regex, shorten_path

# The oldest version of AnkiConnect's API that can be used, and the timeout of a check in seconds.
_MIN_ANKI_CONNECT_VERSION = 6
_ANKI_CONNECT_TIMEOUT = 3.0


class CheckState(StrEnum):
    """The outcome of a `doctor` check."""

    OK = "ok"
    WARN = "warn"
    """Works, but needs the user's attention."""
    FAIL = "fail"


class Check(Value):
    """The result of one `doctor` check; the fields are those printed by `--json`."""

    name: str
    """The checked part, such as `ledger` or `source NAME`."""
    state: CheckState
    says: str
    """The result in words."""
    do: str = ""
    """What the user should do, or "" if nothing."""
    exit_code: int = 0
    """The exit code of a run that would fail for this reason, or 0 if the check passed."""


def _make_ok(name: str, message: str) -> Check:
    return Check(name, CheckState.OK, message)


def _make_warning(name: str, message: str, advice: str) -> Check:
    return Check(name, CheckState.WARN, message, advice, 1)


def _make_failure(name: str, message: str, advice: str, code: int) -> Check:
    return Check(name, CheckState.FAIL, message, advice, code)


def _make_failure_from_error(name: str, error: ForgeError) -> Check:
    return _make_failure(name, error.message, error.hint, error.exit_code)


def choose_exit_code(checks: Iterable[Check]) -> int:
    """Return the exit code of `doctor`, or 0 if all checks passed.

    If checks failed with different codes, the order of precedence is 4, 2, 3, 1.
    """
    codes = {check.exit_code for check in checks}
    for code in (4, 2, 3, 1):
        if code in codes:
            return code
    return 0


_NAMES_BY_GROUP = {
    "workspace": ("program", "plug-in", "settings", "trust", "ledger", "journal"),
    "sources": ("source",),
    "cards": ("model", "Anki", "AnkiConnect", "note"),
}
"""The groups under which passed checks are shown, with the first words of the checks' names."""
_STATE_SIGNS = {CheckState.OK: "✓", CheckState.WARN: "!", CheckState.FAIL: "✗"}


def format_checks(checks: Sequence[Check]) -> Iterator[str]:
    """Yield one line per passed check, by group, then the checks that need attention."""
    for group, names in _NAMES_BY_GROUP.items():
        line_start = f"{_STATE_SIGNS[CheckState.OK]} {group:10} "
        for check in checks:
            if check.state is CheckState.OK and check.name.split()[0] in names:
                name = check.name.removeprefix("source ")
                yield f"{line_start}{name}: {check.says}"
                line_start = " " * len(line_start)
    for check in checks:
        if check.state is not CheckState.OK:
            yield f"{_STATE_SIGNS[check.state]} {check.name}: {check.says}"
            if check.do:
                yield f"  do: {check.do}"


# The name of our distribution on the package index, and of others with a package or command of the
# same name, whose files would overwrite ours.
_OUR_DISTRIBUTION = "ankiforge-cards"
_CONFLICTING_DISTRIBUTIONS = ("ankiforge", "ankiforgeai")


def run_checks(
    find_workspace: Callable[[], WorkspaceDirectory],
    environment: Environment,
    *,
    offline: bool = False,
) -> Iterator[Check]:
    """Check everything a run depends on, in the order in which a run uses it.

    Args:
        find_workspace: returns the workspace, or raises `ForgeError` if the settings are
            invalid.
        environment: the user's home directory and environment variables.
        offline: whether to connect only to servers on this computer.
    """
    from importlib.metadata import PackageNotFoundError, version

    yield _make_ok(
        "program", f"ankiforge {__version__}, Python {platform.python_version()}"
    )
    for distribution in _CONFLICTING_DISTRIBUTIONS:
        with suppress(PackageNotFoundError):
            finding = f"another program, {distribution} {version(distribution)}, is installed here"
            message = f"{finding} and overwrites files of this one"
            uninstall = f"pip uninstall {distribution} {_OUR_DISTRIBUTION}"
            advice = f"{uninstall}, then install {_OUR_DISTRIBUTION} again"
            yield _make_warning("program", message, advice)

    yield from _check_plugins()

    # check the settings, and whether the user trusts them
    try:
        workspace = find_workspace()
        workspace.load_decks()
    except ForgeError as error:
        yield _make_failure_from_error("settings", error)
        return
    settings_file = workspace.root / settings.SETTINGS_FILE_NAME
    source_count = len(workspace.config.sources)
    if source_count or workspace.places or workspace.is_default:
        shown_root = shorten_path(
            workspace.root if workspace.is_default else settings_file
        )
        source_counts = format_count(source_count, "source")
        if workspace.places:
            source_counts += f", {len(workspace.places)} remembered"
        yield _make_ok("settings", f"{shown_root}: {source_counts}")
    else:
        advice = f"name a vault, a PDF folder or Zotero under sources: in {settings_file}"
        yield _make_warning("settings", f"{settings_file} names no source", advice)
    distrust = explain_distrust(workspace, find_user_directory(environment.environ))
    if distrust:
        command = f"ankiforge init --trust {workspace.root}"
        advice = f"read {settings.SETTINGS_FILE_NAME}, then: {command}"
        yield _make_failure("trust", f"it {distrust}", advice, 2)
        return

    # check the sources in the settings, and the paths that are remembered from earlier runs
    for source in workspace.config.sources:
        yield _check_source(source, workspace, offline=offline)
    for place in workspace.places:
        name = f"source {place.name}"
        if os.access(place.path, os.R_OK):
            shown_root = shorten_path(place.path)
            yield _make_ok(name, f"{place.kind} in {shown_root}, remembered by run")
            continue
        advice = (
            f"if it moved, write its new place in its lines in"
            f" {workspace.state_directory / 'sources.yaml'};"
            f" to forget it: ankiforge forget {quote(place.path)}"
        )
        yield _make_warning(name, f"{place.path} is remembered but missing", advice)

    yield from _check_ledger(workspace)
    yield _check_model(workspace, environment, offline=offline)
    yield from _check_collection(workspace.config, environment)
    yield from _check_anki_connect(workspace.config, environment, offline=offline)


def _check_plugins() -> Iterator[Check]:
    import click

    from ankiforge.extract.registry import load_source_type

    for kind, point in plugins.find_plugins(plugins.SOURCE_GROUP).items():
        try:
            load_source_type(kind)
        except ConfigError as error:
            yield _make_failure_from_error("plug-in", error)
        else:
            yield _make_ok(
                "plug-in", f"{plugins.get_distribution_name(point)}: source {kind}"
            )
    for name, point in plugins.find_plugins(plugins.COMMAND_GROUP).items():
        try:
            plugins.load_plugin(point, click.Command)
        except PlugInError as error:
            yield _make_failure_from_error("plug-in", error)
        else:
            yield _make_ok(
                "plug-in", f"{plugins.get_distribution_name(point)}: command {name}"
            )


def _check_source(
    source: SourceEntry,
    workspace: WorkspaceDirectory,
    *,
    offline: bool,
) -> Check:
    name = f"source {source.name}"
    try:
        opened_source = open_source(workspace, SelectedSource(source), offline=offline)
    except ForgeError as error:
        return _make_failure_from_error(name, error)
    summarize: Callable[[], str] | None = getattr(opened_source, "describe_access", None)
    is_readable = os.access(source.path, os.R_OK)
    lacks_folder = source.has_path and not is_readable
    uses_api = (
        summarize is not None and bool(source.options.get("api")) and not lacks_folder
    )
    if not is_readable and not uses_api:
        fault = "cannot be read" if source.path.exists() else "is not there"
        advice = f"correct path: in {source.location}, or mount its disk"
        return _make_failure(name, f"{source.path} {fault}", advice, 1)
    try:
        summary = summarize() if summarize else ""
    except ForgeError as error:
        return _make_failure_from_error(name, error)
    if uses_api:
        return _make_ok(name, f"{source.kind}: {summary}")
    return _make_ok(name, f"{source.kind} in {shorten_path(source.path)}")


def _check_ledger(workspace: WorkspaceDirectory) -> Iterator[Check]:
    try:
        workspace.check_journal()
        if not workspace.ledger.exists():
            yield _make_ok("ledger", "none yet; the first run creates it")
            return
        with (
            wrap_database_errors(workspace.ledger),
            open_ledger(workspace, read_only=True) as ledger,
        ):
            journal = ledger.journal_state
    except ForgeError as error:
        yield _make_failure_from_error("ledger", error)
        return
    if journal.unreadable:
        line_count = format_count(journal.unreadable, "line")
        message = f"{line_count} of {workspace.journal} cannot be read"
        advice = "restore the file from git or a backup; the other lines are used"
        yield _make_warning("journal", message, advice)
    if journal.unknown:
        message = f"{workspace.journal}: {format_unknown_lines(journal.unknown)}"
        yield _make_warning("journal", message, NEWER_VERSION_HINT)
    if not (journal.unreadable or journal.unknown):
        yield _make_ok(
            "ledger",
            f"every line in {shorten_path(str(workspace.journal))} can be read",
        )


def _check_model(
    workspace: WorkspaceDirectory, environment: Environment, *, offline: bool
) -> Check:
    llm = workspace.config.llm
    if workspace.config.drafter != "llm":
        return _make_ok("model", "none; to choose one: ankiforge model list")
    in_use = describe_model(workspace)
    key_name = settings.find_key_variable(LLM_KEY, llm.base_url, llm.key_env)
    if not is_loopback(llm.base_url):
        if offline:
            message = f"{llm.base_url} was not contacted: --offline"
            return _make_warning("model", message, "run doctor without --offline")
        if key_name and not environment.environ.get(key_name):
            missing_key = f"the environment variable {key_name} is not set"
            message = f"{missing_key}, {llm.base_url} will need a key"
            return _make_failure("model", message, f"export {key_name}=…", 2)
    key = settings.find_key(LLM_KEY, llm.base_url, llm.key_env, environment.environ)
    try:
        model_names = list_models(llm.base_url, key)
    except NoModelListError as error:
        cannot_list = error.status in (404, 405, 501)
        if cannot_list:
            return _make_ok("model", f"{in_use}; its server lists no models")
        advice = "start it (ollama serve), or choose another: ankiforge model list"
        if error.status in (401, 403) and not key_name:
            advice = "name the environment variable of its key as llm.key_env"
        return _make_failure("model", f"{llm.base_url} {error}", advice, 3)
    # Ollama lists a model such as `qwen3` as `qwen3:latest`, and Gemini lists it as `models/…`
    possible_names = {llm.model, f"{llm.model}:latest", f"models/{llm.model}"}
    if model_names and possible_names.isdisjoint(model_names):
        message = f"{llm.base_url} does not list {llm.model!r}"
        advice = f"set llm.model to one it has, such as {format_first_names(model_names)}"
        return _make_warning("model", message, advice)
    return _make_ok("model", in_use)


def _check_collection(config: Config, environment: Environment) -> Iterator[Check]:
    setting = config.anki.collection
    if setting == "none":
        yield _make_ok("Anki", "never read: anki.collection is none")
    elif setting == "auto":
        paths = ", ".join(map(str, find_anki_collections(environment)))
        nowhere = "no collection on this computer, so packages contain every card"
        yield _make_ok("Anki", f"collection {paths}" if paths else nowhere)
    elif os.access(Path(setting), os.R_OK):
        yield _make_ok("Anki", f"collection {setting}")
    else:
        advice = "correct anki.collection in ankiforge.yaml, or set it to auto"
        yield _make_failure("Anki", f"{setting} cannot be read", advice, 1)


def _check_anki_connect(
    config: Config, environment: Environment, *, offline: bool
) -> Iterator[Check]:
    """Check the AnkiConnect add-on; yield nothing if Anki isn't running or doesn't have it."""
    from ankiforge.anki.connect import AnkiConnect

    url = config.anki.connect
    if offline and not is_loopback(url):
        return
    name = "AnkiConnect"
    key_name = settings.find_key_variable(settings.ANKI_KEY, url, config.anki.key_env)
    key = settings.find_key(
        settings.ANKI_KEY, url, config.anki.key_env, environment.environ
    )
    anki = AnkiConnect(url, key, timeout=_ANKI_CONNECT_TIMEOUT, key_env=key_name)
    try:
        version = anki.get_api_version()
    except ForgeError as error:
        yield _make_warning(name, error.message, error.hint)
        return
    if version and version < _MIN_ANKI_CONNECT_VERSION:
        message = f"version {version} at {url}: push cannot use it"
        yield _make_warning(name, message, "in Anki: Tools › Add-ons › Check for Updates")
    elif version:
        yield _make_ok(name, f"version {version} at {url}")


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
        with suppress(
            TypeError, LookupError, AttributeError
        ):  # it isn't a list of vaults
            paths += [Path(vault["path"]) for vault in vault_list["vaults"].values()]
    parents = [environment.home / name for name in _VAULT_PARENTS]
    if extra_parent:
        parents.append(extra_parent)
    for parent in parents:
        for path in (parent, *_list_visible_entries(parent)):
            if _exists(path / ".obsidian"):
                paths.append(path)
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
    """Find Zotero's data directories, with those set in its profiles before the default."""
    paths = []
    for settings_folder in (
        environment.home / ".zotero/zotero",
        environment.home / ".var/app/org.zotero.Zotero/.zotero/zotero",
        *environment.iter_settings_folders("Zotero", "Zotero/Zotero"),
    ):
        for profile in _PROFILE_PATH.findall(
            _read_text(settings_folder / "profiles.ini")
        ):
            preference = _DATA_DIR_PREFERENCE.search(
                _read_text(settings_folder / profile.strip() / "prefs.js")
            )
            folder = _parse_json(preference[1]) if preference else None
            if isinstance(folder, str):
                paths.append(Path(folder))
    paths.append(environment.home / "Zotero")
    return _resolve_existing(
        folder for folder in paths if _exists(folder / "zotero.sqlite")
    )


MOUNT_FOLDERS = ("/media", "/run/media", "/Volumes")
"""The directories in which connected devices, such as e-readers, are mounted."""


def find_book_sources(environment: Environment) -> tuple[tuple[str, Path], ...]:
    """Find sources of e-book highlights, returning pairs of source kind and path.

    Looks for connected e-readers, KOReader's settings on this computer, the calibre
    library, and Apple Books data.
    """
    devices: list[Path] = []
    for folder in MOUNT_FOLDERS:
        for path in _list_visible_entries(Path(folder)):
            devices += [path, *_list_visible_entries(path)]
    sources: list[tuple[str, Path]] = []
    for device in devices:
        if _exists(device / ".kobo/KoboReader.sqlite"):
            sources.append(("kobo", device))
        if _exists(device / "koreader") or _exists(device / ".adds/koreader"):
            sources.append(("koreader", device))
    koreader_folder = environment.home / ".config/koreader/docsettings"
    if _exists(koreader_folder):
        sources.append(("koreader", koreader_folder))
    calibre_folder = environment.home / "Calibre Library"
    if _exists(calibre_folder / "metadata.db"):
        sources.append(("calibre", calibre_folder))
    apple_books_folder = (
        environment.home / "Library/Containers/com.apple.iBooksX/Data/Documents"
    )
    if _exists(apple_books_folder / "AEAnnotation"):
        sources.append(("apple-books", apple_books_folder))
    return tuple(sources)


def find_anki_collections(environment: Environment) -> tuple[Path, ...]:
    """Find the collections of all Anki profiles; empty if the user never started Anki."""
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
    existing = []
    for path in paths:
        if _exists(path):
            existing.append(path.resolve())
    printable = (path for path in existing if not CONTROL_CHARACTERS.search(str(path)))
    return tuple(dict.fromkeys(printable))
