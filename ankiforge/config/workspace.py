"""Find workspaces, and store data that belongs to the user rather than to a workspace.

A workspace is a directory with

    ankiforge.yaml      the settings
    decks/, prompts/    deck files and prompts, which the user edits
    journal/            the user's decisions, in one file per device; may be shared
    .ankiforge/         the ledger and caches, which don't belong in version control
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from shlex import quote
from typing import Literal

import msgspec
import yaml
from msgspec.structs import replace

from ankiforge import config as settings
from ankiforge.config import SETTINGS_FILE_NAME, Config, SourceKinds, expand_path
from ankiforge.config.deckfiles import DeckConditions, DeckRule, PathDeck, load_decks
from ankiforge.config.files import (
    lock_file,
    make_directory,
    make_private,
    read_bounded,
    write_file,
)
from ankiforge.config.yamlfile import convert_to_type, read_yaml
from ankiforge.errors import BusyError, UsageError, wrap_write_errors
from ankiforge.model import Strings, Texts, Value

JOURNAL_DIRECTORY = "journal"
HINTS_FILE = "hints"
"""The name under which `store_values` saves the shown hints, with the times when they were shown.
"""
MAX_VALUES_BYTES = 16 << 20
"""The maximum size of a file that `load_values` reads."""
Activity = Literal["drafting", "publishing", "watching"]
"""What only one process at a time does in a workspace. Each activity has a lock."""
LOCK_TIMEOUT = 60.0
"""The default time to wait for another process to release a lock, in seconds."""

# Files have the mode 0600, and directories 0700, regardless of the umask.


def _write_private(path: Path, text: str) -> None:
    with wrap_write_errors(path, hint="free space there, or allow writing"):
        make_directory(path.parent)
        write_file(path, text.encode())


def _write_if_missing(path: Path, text: str) -> None:
    if not path.exists():
        _write_private(path, text)


# --- the user's data, outside of workspaces ---------------------------------------------


def find_user_directory(environ: Texts = os.environ) -> Path:
    """Return the directory for per-user data, which is also the default workspace.

    Per-user data comprises the trusted workspaces, the registered workspace, device ids and the
    hints already shown. `ANKIFORGE_HOME` overrides the directory, so that tests and demos don't
    affect the user's own data.
    """
    home = environ.get("ANKIFORGE_HOME")
    if home:
        return Path(home).expanduser().absolute()
    if sys.platform == "win32":
        parent = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        parent = Path.home() / "Library" / "Application Support"
    else:
        data = environ.get("XDG_DATA_HOME", "").strip()
        parent = Path(data or Path.home() / ".local" / "share")
    return parent / "ankiforge"


def load_values(folder: Path, name: str) -> dict[str, str]:
    """Load the values that `store_values` saved, or return {} if they are missing or damaged."""
    try:
        data = read_bounded(folder / f"{name}.json", MAX_VALUES_BYTES)
        return msgspec.json.decode(data, type=dict[str, str])
    except (OSError, ValueError):
        return {}


def store_values(folder: Path, name: str, values: Texts) -> None:
    """Save values in a private JSON file called `name` in `folder`.

    Raises:
        UsageError: The file cannot be written.
    """
    sorted_values = dict(sorted(values.items()))
    encoded = msgspec.json.encode(sorted_values)
    text = msgspec.json.format(encoded, indent=1).decode()
    _write_private(folder / f"{name}.json", f"{text}\n")


CHAT_USED_HINT = "chat: used or put away"
"""The hint that is recorded once the user has used a chat or dismissed the offer of a chat."""


def was_hint_shown(hint: str) -> bool:
    """Return whether a hint has already been shown to this user on this computer."""
    return hint in load_values(find_user_directory(), HINTS_FILE)


def record_hint_shown(hint: str) -> bool:
    """Record that a hint is being shown, and return whether this is the first time."""
    hints = load_values(find_user_directory(), HINTS_FILE)
    if hint in hints:
        return False
    timestamp = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(UsageError):  # if it can't be stored, the hint is shown again next time
        store_values(find_user_directory(), HINTS_FILE, {**hints, hint: timestamp})
    return True


# --- remembered places ------------------------------------------------------------------

REMEMBERED_FILE = "sources.yaml"
_REMEMBERED_HEADER = (
    "# What `ankiforge run` reads, too. Delete an entry to forget it; its cards stay.\n"
)


class RememberedPath(Value, omit_defaults=True):
    """A path from an earlier `ankiforge run PATH`, which all later runs read as well.

    A directory with several kinds of sources has an entry for each kind. If an account has
    several exports, each has an entry, all with the same source name.
    """

    path: str
    """The absolute path of the file or directory, with symbolic links resolved."""
    kind: str
    name: str
    """The source's name. It must not change, because it is part of the highlights' keys."""
    root: str = ""
    """The directory of the source if `path` is only a part of it, or "" if `path` is all of it."""
    marks: Strings = ()
    """Further kinds of marks to read, such as `bold`, in addition to those in the settings."""
    deck: str = ""
    """The deck for new cards from documents at `path`, or "" to use the deck files."""
    given: str = ""
    """The parent directory of `path` that the user named, or "" if the user named `path` itself."""

    @property
    def source_key(self) -> tuple[str, str]:
        """The source's kind and name, which together identify the source."""
        return self.kind, self.name

    @property
    def directory(self) -> Path:
        """The directory or file that makes up the whole source."""
        return Path(self.root or self.path)


def store_remembered_paths(
    state_directory: Path, paths: Iterable[RememberedPath]
) -> None:
    """Save the remembered paths in a workspace's state directory, `.ankiforge/`.

    Raises:
        UsageError: The file cannot be written.
    """
    entries = msgspec.to_builtins(list(paths))
    text = (
        yaml.safe_dump(entries, allow_unicode=True, sort_keys=False)
        if entries
        else "[]\n"
    )
    _write_private(state_directory / REMEMBERED_FILE, _REMEMBERED_HEADER + text)


# --- a workspace ------------------------------------------------------------------------


_READER_ID = "reader"
"""The id of a device that only reads a workspace."""


class WorkspaceDirectory(Value):
    """A workspace's directory, with its settings and the locations of its files."""

    root: Path
    """The absolute path of the directory, with symbolic links resolved."""
    config: Config
    output: Path
    """The directory that Anki packages are written to."""
    is_default: bool = False
    """Whether this is the user's default workspace, which needs no `ankiforge.yaml`."""

    def format_setting_instructions(self, setting: str) -> str:
        """Tell the user which file to write a setting such as `drafter: llm` into."""
        if self.is_default:
            path = f"~/cards/{SETTINGS_FILE_NAME}"
            return f"ankiforge init ~/cards   then write `{setting}` into {path}"
        return f"write `{setting}` into {self.root / SETTINGS_FILE_NAME}"

    @property
    def state_directory(self) -> Path:
        """The directory for ankiforge's own files, such as the ledger and the caches."""
        return self.root / ".ankiforge"

    @property
    def ledger_path(self) -> Path:
        """The path of the ledger's SQLite file."""
        return self.state_directory / "ledger.db"

    @property
    def pictures_directory(self) -> Path:
        """The directory for pictures that were cut out of pages."""
        return self.state_directory / "pictures"

    @property
    def journal_directory(self) -> Path:
        """The journal's directory, which the setting `journal` can move.

        It contains one file per device, with one JSON object per line.
        """
        if not self.config.journal:
            return self.root / JOURNAL_DIRECTORY
        location = self.config.location.locate_nested("journal")
        return expand_path(self.config.journal, self.root, location)

    def get_device_id(self, user_directory: Path, *, create: bool = True) -> str:
        """Return this device's id in this workspace, creating it on first use.

        Ids are stored in the user's directory, keyed by the workspace path. This way, a copy of
        the workspace gets a new id, and no two devices write to the same journal file. A
        workspace that was moved keeps its id, so that `undo` still works for earlier decisions.

        Args:
            user_directory: The directory for per-user data.
            create: Whether to create a missing id. Otherwise, `_READER_ID` is returned, which names
                no journal file, because such a caller writes nothing.
        """
        id_by_root = load_values(user_directory, "machines")
        root = str(self.root)
        if root in id_by_root:
            return id_by_root[root]
        if not create:
            return _READER_ID
        old_root = self._find_old_root(id_by_root)
        if old_root is None:
            id = uuid.uuid4().hex[:12]
        else:
            id = id_by_root.pop(old_root)
        id_by_root[root] = id
        store_values(user_directory, "machines", id_by_root)
        return id

    def _find_old_root(self, id_by_root: Texts) -> str | None:
        """Return the path from which this workspace was moved, or None if it wasn't.

        There, no workspace is left, and the journal here has the file of that path's id.
        """
        for old_root, id in id_by_root.items():
            is_left = not (Path(old_root) / ".ankiforge").exists()
            if is_left and (self.journal_directory / f"{id}.jsonl").exists():
                return old_root
        return None

    @property
    def remembered_paths(self) -> tuple[RememberedPath, ...]:
        """The paths that `ankiforge run` remembers and reads in addition to the configured sources.

        Raises:
            ConfigError: The file is invalid, for example because the user edited it.
        """
        path = self.state_directory / REMEMBERED_FILE
        if not path.is_file():
            return ()
        data, location = read_yaml(path, f".ankiforge/{REMEMBERED_FILE}")
        return convert_to_type(tuple[RememberedPath, ...], data or [], location)

    def load_decks(
        self, places: Iterable[RememberedPath] | None = None
    ) -> tuple[DeckRule, ...]:
        """Load the rules for choosing decks from remembered paths, deck files and settings.

        Args:
            places: The remembered paths, or None for those stored in the workspace.

        Raises:
            ConfigError: A deck file is invalid.
        """
        if places is None:
            places = self.remembered_paths
        path_decks: list[PathDeck] = []
        # a path inside another path takes precedence, so the longest comes first
        for place in sorted(places, key=lambda place: len(place.path), reverse=True):
            if place.deck:
                path_decks.append(_make_path_deck(place))
        return load_decks(self.root, self.config.decks, path_decks)

    def create_directories(self) -> None:
        """Create the `.ankiforge/` and `journal/` directories, unless they exist.

        Also write files that make git ignore `.ankiforge/` and merge journals line by line.

        Raises:
            UsageError: A directory cannot be written, or the configured journal is missing.
        """
        _write_if_missing(self.state_directory / ".gitignore", "*\n")
        if not self.config.journal:
            _write_if_missing(
                self.journal_directory / ".gitattributes", "*.jsonl merge=union\n"
            )
        self.check_journal_directory()
        self.make_private()

    def check_journal_directory(self) -> None:
        """Check that the directory in the setting `journal`, if any, is writable.

        Raises:
            UsageError: The directory is missing or not writable.
        """
        if not self.config.journal:
            return
        folder = self.journal_directory
        if not os.access(folder, os.W_OK | os.X_OK):
            problem = "cannot be written" if folder.is_dir() else "is not a folder"
            message = f"{folder} {problem}, so decisions could not be kept"
            raise UsageError(
                message,
                hint=f"mount it, or correct journal: in {self.root / SETTINGS_FILE_NAME}",
            )

    def make_private(self) -> None:
        """Revoke other users' access to the directories, which a checkout may have granted."""
        if self.is_default:
            make_private(self.root)
        make_private(self.state_directory)
        make_private(self.journal_directory)

    @contextmanager
    def acquire_lock(
        self, activity: Activity, timeout: float | None = None
    ) -> Iterator[None]:
        """Context manager that waits for the lock of an activity, then holds it.

        Args:
            activity: What the lock is for.
            timeout: How many seconds to wait, or None for `LOCK_TIMEOUT`.

        Raises:
            BusyError: Another process still holds the lock.
            UsageError: The lock file is not writable.
        """
        path = self.state_directory / f"{activity}.lock"
        try:
            lock = lock_file(path, LOCK_TIMEOUT if timeout is None else timeout)
        except OSError as error:
            message = f"{path}: cannot be written: {error.strerror or error}"
            raise UsageError(message, hint="allow writing there") from error
        if lock is None:
            message = f"another ankiforge{_describe_holder(path)} is {activity} here"
            raise BusyError(message, hint="wait for it, or stop it: nothing is lost")
        with lock:
            # the process id is only for the message above; the operating system holds the lock
            with suppress(OSError):
                path.write_text(str(os.getpid()))
            yield


def _describe_holder(lock_path: Path) -> str:
    """Return the id of the process that holds a lock, for a message, if it can be read."""
    with suppress(OSError, UnicodeDecodeError):
        process = lock_path.read_text().strip()
        if process.isdigit():
            return f" (process {process})"
    return ""


def _make_path_deck(place: RememberedPath) -> PathDeck:
    """Make the deck rule of a remembered path: its deck is for the source or, in it, the path.

    The names are escaped, because conditions are patterns such as `notes/*`.
    """
    select = DeckConditions(source=escape(place.name))
    if place.root:
        path = escape(Path(place.path).relative_to(place.root).as_posix())
        select = replace(select, path=(path, f"{path}/*"))
    return PathDeck(deck=place.deck, select=select)


def find_workspace(
    directory: Path | None, cwd: Path, kinds: SourceKinds, environ: Texts = os.environ
) -> WorkspaceDirectory:
    """Find the workspace that a command should use.

    This is `directory`, if given. Otherwise, it is the nearest directory with an `ankiforge.yaml`
    from `cwd` upwards, then the registered workspace, then the user's default workspace.

    Args:
        directory: The directory that the user passed with `-C`, if any.
        cwd: The current directory.
        kinds: Information about the kinds of sources.
        environ: The environment variables, which may override the directory for per-user data.

    Raises:
        UsageError: `directory` is not a workspace, or the registered workspace is missing.
        ConfigError: The workspace's `ankiforge.yaml` is invalid.
    """
    home = find_user_directory(environ).resolve()
    if directory is None:
        folder = next(filter(_is_workspace, (cwd, *cwd.parents)), None)
    else:
        folder = cwd / directory.expanduser()
    if folder is None:
        return _load_registered_workspace(home, cwd, kinds)
    if folder.resolve() == home:
        return _load_default_workspace(home, cwd, kinds)
    if not _is_workspace(folder):
        raise _make_no_workspace_error(folder, directory, home)
    return load_workspace(folder, kinds)


def _load_registered_workspace(
    home: Path, cwd: Path, kinds: SourceKinds
) -> WorkspaceDirectory:
    """Load the registered workspace or, if there is none, the user's default workspace.

    Raises:
        UsageError: The registered workspace is missing.
    """
    root = get_registered_workspace(home)
    if root is None:
        return _load_default_workspace(home, cwd, kinds)
    if _is_workspace(root):
        return load_workspace(root, kinds)
    # falling back silently would draft every card again in the default workspace
    message = f"your workspace {root} is missing, or its disk is not mounted"
    hint = "mount it; if it moved, or to continue without it: ankiforge init DIR"
    raise UsageError(message, hint=hint)


def _load_default_workspace(
    home: Path, cwd: Path, kinds: SourceKinds
) -> WorkspaceDirectory:
    """Load the user's default workspace, which needs no settings.

    Its package is written to the current directory.
    """
    config = Config()
    if _is_workspace(home):
        config = load_workspace(home, kinds).config
    location = config.location.locate_nested("output")
    output = expand_path(config.output, cwd.absolute(), location)
    return WorkspaceDirectory(home, config, output, True)


def _make_no_workspace_error(
    folder: Path, directory: Path | None, home: Path
) -> UsageError:
    """Make the error for a `-C` that names no workspace.

    It says where the user's cards are, in the registered or the default workspace, if anywhere.
    """
    hint = f"make a workspace there: ankiforge init {quote(str(folder))}"
    if not folder.is_dir():
        return UsageError(f"{folder}: there is no such folder", hint=hint)
    used_workspace = get_registered_workspace(home)
    if used_workspace is None and (home / ".ankiforge").is_dir():
        used_workspace = home
    if used_workspace is None:
        message = f"{folder}: there is no {SETTINGS_FILE_NAME} in it"
        return UsageError(message, hint=hint)
    message = f"{folder} is not a workspace; your cards are in {used_workspace}"
    return UsageError(message, hint=f"leave out -C {directory}; or {hint}")


def load_workspace(folder: Path, kinds: SourceKinds) -> WorkspaceDirectory:
    """Load a workspace directory and its settings.

    Raises:
        ConfigError: The settings are invalid, or cannot be read.
    """
    root = folder.resolve()
    config = settings.read_settings(root / SETTINGS_FILE_NAME, kinds)
    output = expand_path(config.output, root, config.location.locate_nested("output"))
    return WorkspaceDirectory(root, config, output)


def _is_workspace(folder: Path) -> bool:
    """Return whether `folder` contains an `ankiforge.yaml`.

    Special files and broken links count, too. They are rejected when the settings are read.
    """
    file = folder / SETTINGS_FILE_NAME
    return os.path.lexists(file) and not file.is_dir()


# --- the registered workspace -----------------------------------------------------------


def get_registered_workspace(user_directory: Path) -> Path | None:
    """Return the workspace that `ankiforge init` registered, or None if there is none.

    Commands that are run outside of any workspace use the registered workspace.
    """
    path = load_values(user_directory, "workspaces").get("registered")
    return Path(path) if path else None


def has_registered_workspace(user_directory: Path) -> bool:
    """Return whether a workspace is registered and still exists."""
    root = get_registered_workspace(user_directory)
    return root is not None and _is_workspace(root)


def register_workspace(root: Path, user_directory: Path) -> bool:
    """Register a workspace, unless another existing workspace is already registered.

    Returns whether `root` is now the registered workspace.
    """
    root = root.resolve()
    registered_root = get_registered_workspace(user_directory)
    if (
        registered_root is not None
        and registered_root != root
        and _is_workspace(registered_root)
    ):
        return False
    store_values(user_directory, "workspaces", {"registered": str(root)})
    return True


def move_default_workspace(root: Path, default_root: Path) -> tuple[Path, ...]:
    """Move the ledger and journal of the default workspace to a new workspace.

    Nothing is moved if the new workspace already has a ledger or journal.

    Args:
        root: The directory of the new workspace.
        default_root: The directory of the default workspace.

    Returns:
        The new paths of the moved directories, or () if nothing was moved.

    Raises:
        UsageError: A directory cannot be moved, for example because the disk is full.
    """
    import shutil

    names = [
        name
        for name in (JOURNAL_DIRECTORY, ".ankiforge")
        if (default_root / name).exists()
    ]
    if any(os.path.lexists(root / name) for name in names):
        return ()
    try:
        return tuple(
            Path(shutil.move(default_root / name, root / name)) for name in names
        )
    except OSError as error:
        message = f"{default_root} could not be moved to {root}: {error}"
        raise UsageError(
            message, hint="free space there or allow writing, then try again"
        ) from error
