"""The user's own folders, and workspaces: folders with `ankiforge.yaml`.

ankiforge.yaml      the settings
decks/, prompts/    rules and prompts that a person edits
journal/            the decisions, a file for each machine; may be shared
.ankiforge/         the ledger and caches; never in version control
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ankiforge import config as settings
from ankiforge.config import FILE_NAME, Config, SourceKinds, expanded
from ankiforge.config.ownfiles import OwnPath
from ankiforge.config.yamlfile import read, typed
from ankiforge.errors import UsageError, writing
from ankiforge.model import Strings, Texts, Value

JOURNAL = "journal"
HINTS = "hints"
"""The name under which the hints that were given are stored, each with its time."""
VALUES_BYTES = 16 << 20
"""The largest file of confirmations and the like that is read."""

# --- private files ----------------------------------------------------------------------
# Mode 0600, folders 0700, regardless of the umask.


def _write_private(path: OwnPath, text: str) -> None:
    """Replace a file that only its owner can read.

    Raises:
        UsageError: the folder cannot be written, or something else is in the place of the
            file.
    """
    with writing(path.path, hint="free space there, or allow writing"):
        OwnPath(path.root, path.steps[:-1]).make_folder()
        path.write(text.encode())


def _write_once(path: OwnPath, text: str) -> None:
    if not path.is_there():
        _write_private(path, text)


# --- what belongs to the person, not to a workspace -------------------------------------


def user_folder(environ: Texts = os.environ) -> Path:
    """Return the user's folder, with confirmations, registrations and the default workspace.

    `ANKIFORGE_HOME` names another one, so that tests and demonstrations leave no trace.
    """
    home = environ.get("ANKIFORGE_HOME")
    if home:
        return Path(home).expanduser().absolute()
    from platformdirs import user_data_path

    return user_data_path("ankiforge", appauthor=False)


def load_values(folder: Path, name: str) -> dict[str, str]:
    """Return the values stored under a name. {} if there are none or the file is damaged."""
    try:
        data = (OwnPath(folder) / f"{name}.json").read(VALUES_BYTES)
        return msgspec.json.decode(data, type=dict[str, str])
    except (OSError, ValueError):
        return {}


def store_values(folder: Path, name: str, values: Texts) -> None:
    """Store values under a name, in a file that only its owner can read.

    Raises:
        UsageError: the folder cannot be written.
    """
    ordered = dict(sorted(values.items()))
    encoded = msgspec.json.encode(ordered)
    text = msgspec.json.format(encoded, indent=1).decode()
    _write_private(OwnPath(folder) / f"{name}.json", f"{text}\n")


def was_told(hint: str) -> bool:
    """Return whether a hint was given to this person, on this computer."""
    return hint in load_values(user_folder(), HINTS)


def first_time(hint: str) -> bool:
    """Return whether a hint was never given before, and remember that it is given now."""
    hints = load_values(user_folder(), HINTS)
    if hint in hints:
        return False
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with suppress(UsageError):  # where nothing can be stored, it is given again
        store_values(user_folder(), HINTS, {**hints, hint: now})
    return True


# --- remembered PATHs -------------------------------------------------------------------

REMEMBERED = "sources.yaml"
_HEAD = (
    "# What `ankiforge run` reads, too. Delete an entry to forget it; its cards stay.\n"
)


class Remembered(Value, omit_defaults=True):
    """One PATH that plain `ankiforge run` reads."""

    path: str
    """Absolute, symbolic links resolved."""
    names: dict[str, str] = {}
    """The name of each source found there, by kind: a part of the keys of its highlights."""
    marks: Strings = ()
    """The marks that the sources there read besides those of their settings: `bold`."""


def store_remembered(folder: OwnPath, items: Iterable[Remembered]) -> None:
    """Replace the remembered PATHs in a workspace's `.ankiforge/`.

    Raises:
        UsageError: the folder cannot be written.
    """
    import yaml

    listed = msgspec.to_builtins(list(items))
    text = (
        yaml.safe_dump(listed, allow_unicode=True, sort_keys=False) if listed else "[]\n"
    )
    _write_private(folder / REMEMBERED, _HEAD + text)


# --- a workspace ------------------------------------------------------------------------


class WorkspaceFolder(Value):
    """One workspace with its settings."""

    root: Path
    """Absolute, symbolic links resolved."""
    config: Config
    output: Path
    """The folder for packages."""
    is_default: bool = False
    """Whether it is the user's default workspace, which needs no `ankiforge.yaml`."""
    instead_of: Path | None = None
    """The registered workspace that is gone, for which the default one stands in."""

    def how_to_set(self, setting: str) -> str:
        """Return the instruction to give a setting a value."""
        if self.is_default:
            return (
                f"ankiforge init ~/cards, then write `{setting}` into ~/cards/{FILE_NAME}"
            )
        return f"write `{setting}` into {self.root / FILE_NAME}"

    @property
    def folder(self) -> OwnPath:
        """The folder for the program's own files."""
        return OwnPath(self.root) / ".ankiforge"

    @property
    def ledger(self) -> OwnPath:
        """The SQLite file."""
        return self.folder / "ledger.db"

    @property
    def pictures(self) -> OwnPath:
        """The folder with pictures cut from pages."""
        return self.folder / "pictures"

    @property
    def journal(self) -> OwnPath:
        """The folder of the journal: a file for each machine, one JSON object per line.

        The setting may name a folder elsewhere, also through links. A person confirms
        where it is.
        """
        if not self.config.journal:
            return OwnPath(self.root) / JOURNAL
        where = self.config.where.at("journal")
        path = expanded(self.config.journal, self.root, where)
        real = Path(os.path.realpath(path))  # unlike `resolve`, accepts a circular link
        if real.is_relative_to(self.root):
            return OwnPath(self.root, real.relative_to(self.root).parts)
        return OwnPath(real)

    def machine(self, folder: Path, *, make: bool = True) -> str:
        """Return the id of this machine for this workspace: made once, kept in the user's folder.

        A copied workspace gets another one, so two machines never write into one file.
        Without
        `make`, return "reader" if there is none yet.
        """
        machines = load_values(folder, "machines")
        root = str(self.root)
        if root in machines:
            return machines[root]
        if not make:
            return "reader"
        machines[root] = uuid.uuid4().hex[:12]
        store_values(folder, "machines", machines)
        return machines[root]

    @property
    def remembered(self) -> tuple[Remembered, ...]:
        """The PATHs that plain `run` reads in addition to the configured sources.

        Raises:
            ConfigError: a person edited the file, and it cannot be read; with file and
                line.
        """
        path = self.folder / REMEMBERED
        if not path.is_there():
            return ()
        data, where = read(path, f".ankiforge/{REMEMBERED}")
        return typed(tuple[Remembered, ...], data or [], where)

    def prepare(self) -> None:
        """Create `.ankiforge/`, which git ignores, and `journal/`, whose lines git unites.

        Raises:
            UsageError: a folder is missing, or cannot be written.
        """
        _write_once(self.folder / ".gitignore", "*\n")
        if not self.config.journal:
            _write_once(self.journal / ".gitattributes", "*.jsonl merge=union\n")
        self.check_journal()
        self.close_to_others()

    def check_journal(self) -> None:
        """Check that decisions can be kept in the folder that `journal:` names.

        Raises:
            UsageError: it is not there, or cannot be written.
        """
        if not self.config.journal:
            return
        folder = self.journal.path
        if not os.access(folder, os.W_OK | os.X_OK):
            fault = "cannot be written" if folder.is_dir() else "is not a folder"
            message = f"{folder} {fault}, so decisions could not be kept"
            raise UsageError(
                message,
                hint=f"mount it, or correct journal: in {self.root / FILE_NAME}",
            )

    def close_to_others(self) -> None:
        """Close the program's own folders to others: a copy or a checkout may have opened them."""
        if self.is_default:
            OwnPath(self.root).restrict()
        self.folder.restrict()
        self.journal.restrict()


def resolve(
    directory: Path | None,
    cwd: Path,
    kinds: SourceKinds,
    environ: Texts = os.environ,
    *,
    goes_on: bool = False,
) -> WorkspaceFolder:
    """Return the workspace for a command.

    It is `directory` (`-C`), otherwise the nearest folder from `cwd` upwards with an
    `ankiforge.yaml`, otherwise the registered one, otherwise the default one in the
    user's data folder.

    Args:
        directory: the folder that the person named, if any.
        cwd: where the command was called.
        kinds: the kinds of sources.
        environ: may name another folder for the user's own files.
        goes_on: whether the default workspace is used where the registered one is gone. From
            then on it is used there until that is back, or another one is registered.

    Raises:
        UsageError: `directory`, or the registered folder, is not a workspace.
        ConfigError: its `ankiforge.yaml` contains an error.
    """
    home = user_folder(environ).resolve()

    def default(instead_of: Path | None = None) -> WorkspaceFolder:
        config = Config()
        if _is_workspace(home):
            config = load(home, kinds).config
        output = expanded(config.output, cwd.absolute(), config.where.at("output"))
        return WorkspaceFolder(home, config, output, True, instead_of)

    folder = next(filter(_is_workspace, (cwd, *cwd.parents)), None)
    if directory is not None:
        folder = cwd / directory.expanduser()
    if folder and folder.resolve() == home:  # which needs no settings of its own
        return default()
    if folder and _is_workspace(folder):
        return load(folder, kinds)
    if folder:
        hint = f"make a workspace there: ankiforge init {folder}"
        fault = "there is no such folder"
        if folder.is_dir():
            cards = registered(home) or (home if (home / ".ankiforge").is_dir() else None)
            if cards:
                message = f"{folder} is no workspace; your cards are in {cards}"
                raise UsageError(message, hint=f"leave out -C {directory}; or {hint}")
            fault = f"there is no {FILE_NAME} in it"
        raise UsageError(f"{folder}: {fault}", hint=hint)
    root = registered(home)
    if root is None:
        return default()
    if _is_workspace(root):
        return load(root, kinds)
    if goes_on or (home / ".ankiforge").is_dir():
        return default(root)
    # falling back unasked would draft every card a second time in the default workspace
    message = f"your workspace {root} is gone, or its disk is not mounted"
    hint = "mount it; if it moved: ankiforge init DIR; to go on without it: ankiforge run PATH"
    raise UsageError(message, hint=hint)


def load(folder: Path, kinds: SourceKinds) -> WorkspaceFolder:
    """Read the settings of a folder that contains an `ankiforge.yaml`.

    Raises:
        ConfigError: they contain an error.
    """
    root = folder.resolve()
    config = settings.read_settings(root / FILE_NAME, kinds)
    output = expanded(config.output, root, config.where.at("output"))
    return WorkspaceFolder(root, config, output)


def _is_workspace(folder: Path) -> bool:
    """Return whether a folder has an `ankiforge.yaml`; `load` refuses one that is a link."""
    file = folder / FILE_NAME
    return os.path.lexists(file) and not file.is_dir()


# --- the registered one -----------------------------------------------------------------


def registered(folder: Path) -> Path | None:
    """Return the workspace used outside of any other. None before the first `init`."""
    path = load_values(folder, "workspaces").get("registered")
    return Path(path) if path else None


def has_workspace(folder: Path) -> bool:
    """Return whether a workspace is registered, and there."""
    root = registered(folder)
    return root is not None and _is_workspace(root)


def register(root: Path, folder: Path) -> bool:
    """Register this workspace unless another one is registered. Return whether it is now."""
    root = root.resolve()
    other = registered(folder)
    if other is not None and other != root and _is_workspace(other):
        return False
    store_values(folder, "workspaces", {"registered": str(root)})
    return True


def adopt_default(root: Path, folder: Path) -> tuple[Path, ...]:
    """Move the ledger and journal of the default workspace into a new one, and return their paths.

    Nothing is moved if the new workspace already has any of these files.

    Raises:
        UsageError: the disk is full or not writable.
    """
    import shutil

    own = OwnPath(folder)
    names = [name for name in (JOURNAL, ".ankiforge") if (own / name).state()]
    if any(os.path.lexists(root / name) for name in names):
        return ()
    try:
        moved = []
        for name in names:
            moved.append(Path(shutil.move(folder / name, root / name)))
        return tuple(moved)
    except OSError as error:
        message = f"{folder} could not be moved to {root}: {error}"
        raise UsageError(
            message,
            hint="free space there or allow writing, then try again",
        ) from error
