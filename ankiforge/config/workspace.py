"""The user's own folders, and workspaces: folders with `ankiforge.yaml`.

ankiforge.yaml      the settings
decks/, prompts/    rules and prompts that a person edits
journal.jsonl       the decisions, for synchronisation with other machines
.ankiforge/         the ledger and caches; never in version control
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ankiforge.config import FILE_NAME, Config, expanded, load, private
from ankiforge.errors import UsageError

_WORKSPACES, _REGISTERED = "workspaces", "registered"


def _store(path: Path, content: bytes) -> None:
    """Replace a file atomically. Only its owner can read it.

    Raises:
        OSError: the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# --- what belongs to the person, not to a workspace -----------------------------------------


@dataclass(frozen=True, slots=True)
class UserFolders:
    """The folders with a user's own files."""

    config: Path
    """What was confirmed and registered."""
    data: Path
    """The default workspace."""


def user_folders(environ: Mapping[str, str] = os.environ) -> UserFolders:
    """Return the user's folders according to the platform. Nothing is created.

    `ANKIFORGE_HOME` replaces both by one folder, so that tests and demonstrations leave no trace.
    """
    from platformdirs import user_config_path, user_data_path

    if home := environ.get("ANKIFORGE_HOME"):
        folder = Path(home).expanduser().absolute()
        return UserFolders(folder, folder)
    config = user_config_path("ankiforge", appauthor=False)
    return UserFolders(config, user_data_path("ankiforge", appauthor=False))


def load_values(folders: UserFolders, name: str) -> dict[str, str]:
    """Return the values stored under a name. {} if there are none or the file is damaged."""
    try:
        raw = (folders.config / f"{name}.json").read_bytes()
        return msgspec.json.decode(raw, type=dict[str, str])
    except (OSError, ValueError):
        return {}


def store_values(folders: UserFolders, name: str, values: Mapping[str, str]) -> None:
    """Store values under a name, in a file that only its owner can read.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folders.config.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = msgspec.json.format(msgspec.json.encode(dict(sorted(values.items()))))
        _store(folders.config / f"{name}.json", content + b"\n")
    except OSError as error:
        what = f"{folders.config}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="ANKIFORGE_HOME names another folder") from error


def home_of(folders: UserFolders) -> tuple[str, bool]:
    """Return the id of this user's home on this computer, and whether it is new.

    Raises:
        UsageError: the folder cannot be written.
    """
    if known := load_values(folders, "home").get("id"):
        return known, False
    made = uuid.uuid4().hex
    store_values(folders, "home", {"id": made})
    return made, True


# --- remembered PATHs -----------------------------------------------------------------------

REMEMBERED = "sources.yaml"
"""The file next to the ledger with the PATHs of `ankiforge run PATH`: a list with a line for each PATH.
Delete a line to forget it. `ankiforge.yaml` takes precedence."""
_HEAD = """\
# What `ankiforge run` reads besides the sources in ankiforge.yaml. To forget a path, delete its line;
# if it was moved, write its new place in that line: it keeps its names, and so its cards.
"""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """One source found for a PATH."""

    kind: str
    name: str
    """The name, which is part of its keys."""
    root: str
    only: tuple[str, ...] = ()
    """The files and folders below `root` that are read. () for all of it."""
    exclude: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[Path, ...]:
        """The files and folders that are read."""
        return tuple(map(Path, self.only or (self.root,)))

    def covers(self, other: Place) -> bool:
        """Return whether everything that `other` reads is read here as the same kind."""
        return self.kind == other.kind and all(
            any(target == mine or mine in target.parents for mine in self.targets)
            for target in other.targets
        )


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """One PATH that plain `ankiforge run` reads."""

    path: str
    """Absolute, symbolic links resolved."""
    places: tuple[Place, ...] = ()
    """In the file, `root` and `only` are relative to `path`, so that a person may change that."""

    def covers(self, places: Iterable[Place]) -> bool:
        """Return whether all of these places are read through this PATH."""
        return all(any(mine.covers(other) for mine in self.places) for other in places)


def load_remembered(folder: Path) -> tuple[Remembered, ...]:
    """Return the remembered PATHs in a workspace's `.ankiforge/`; lines that hold none are left out."""
    try:
        text = (folder / REMEMBERED).read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return ()
    found = []
    for line in text.split("\n"):
        if not line.startswith("- "):
            continue
        try:
            item = msgspec.json.decode(line[2:], type=Remembered)
        except msgspec.MsgspecError:
            continue
        if Path(item.path).is_absolute() and "\0" not in item.path:
            found.append(_based(item, lambda path, base: os.path.normpath(Path(base) / path)))
    return tuple(found)


def store_remembered(folder: Path, items: Iterable[Remembered]) -> None:
    """Replace the remembered PATHs in a workspace's `.ankiforge/`.

    Raises:
        UsageError: the folder cannot be written.
    """
    lines = (f"- {msgspec.json.encode(_based(one, os.path.relpath)).decode()}\n" for one in items)
    try:
        _store(folder / REMEMBERED, "".join((_HEAD, *lines)).encode())
    except OSError as error:
        what = f"{folder / REMEMBERED}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="allow writing there, or use --dry-run") from error


def _based(item: Remembered, turn: Callable[[str, str], str]) -> Remembered:
    """Return an item whose folders and files are turned into others by (path, base)."""
    places = tuple(
        msgspec.structs.replace(
            one, root=turn(one.root, item.path), only=tuple(turn(at, item.path) for at in one.only)
        )
        for one in item.places
    )
    return Remembered(item.path, places)


# --- a workspace ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace with its settings."""

    root: Path
    """Absolute, symbolic links resolved."""
    config: Config
    output: Path
    """The folder for packages."""
    is_default: bool = False
    """Whether it is the user's default workspace, which has no `ankiforge.yaml`."""
    unconfirmed_output: Path | None = None
    """The folder for packages in the settings, if nobody has confirmed it yet."""

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.root / FILE_NAME

    @property
    def folder(self) -> Path:
        """The folder for the program's own files."""
        return self.root / ".ankiforge"

    @property
    def ledger(self) -> Path:
        """The SQLite file."""
        return self.folder / "ledger.db"

    @property
    def journal(self) -> Path:
        """The decisions, one JSON object per line."""
        return self.root / "journal.jsonl"

    @property
    def prompts(self) -> Path:
        """The prompts of this workspace, which take precedence over the shipped ones."""
        return self.root / "prompts"

    @property
    def remembered_file(self) -> Path:
        """The list of the remembered PATHs."""
        return self.folder / REMEMBERED

    @property
    def remembered(self) -> tuple[Remembered, ...]:
        """The PATHs that plain `run` reads in addition to the configured sources."""
        return load_remembered(self.folder)

    def prepare(self) -> None:
        """Create `.ankiforge/`, hidden from version control.

        Raises:
            UsageError: the folder cannot be written.
        """
        try:
            if self.is_default:
                private.make_folder(self.root)
            private.make_folder(self.folder)
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                private.make_file(ignore)
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            what = f"{self.folder}: cannot be written: {error.strerror}"
            raise UsageError(what, hint="another workspace: ankiforge -C DIR") from error
        self.close_to_others()

    def close_to_others(self) -> None:
        """Make the program's own files private.

        An earlier version, a copy or a checkout may have made them readable for others. Settings,
        decks and packages are not changed.
        """
        if self.is_default:
            private.restrict(self.root)
        private.restrict_tree(self.folder)
        private.restrict(self.journal)


def resolve(
    directory: Path | None, cwd: Path, environ: Mapping[str, str] = os.environ
) -> Workspace:
    """Return the workspace for a command.

    It is `directory` (`-C`), otherwise the nearest folder from `cwd` upwards with an
    `ankiforge.yaml`, otherwise the registered one, otherwise the default one in the user's data
    folder.

    Raises:
        UsageError: `directory`, or the registered folder, is not a workspace.
        ConfigError: its `ankiforge.yaml` contains an error.
    """
    folders = user_folders(environ)
    if directory is not None:
        folder = cwd / directory.expanduser()
        if not _is_workspace(folder):
            what = "holds no ankiforge.yaml" if folder.is_dir() else "there is no such folder"
            hint = f"make a workspace there: ankiforge init {folder}"
            raise UsageError(f"{folder}: {what}", hint=hint)
        return open_workspace(folder)
    if nearest := next(filter(_is_workspace, (cwd, *cwd.parents)), None):
        return open_workspace(nearest)
    root = registered(folders)
    if root is None:
        return Workspace(folders.data.resolve(), Config.default(), cwd.absolute(), is_default=True)
    if not _is_workspace(root):
        # falling back to the default workspace would draft every card a second time there
        what = f"your workspace {root} is gone, or its disk is not mounted"
        raise UsageError(what, hint="name it with -C DIR, or make another: ankiforge init DIR")
    return open_workspace(root)


def open_workspace(root: Path) -> Workspace:
    """Read the settings of a folder that contains an `ankiforge.yaml`."""
    root = root.resolve()
    config = load(root / FILE_NAME)
    return Workspace(root, config, expanded(config.output, root, config.where.at("output")))


def _is_workspace(folder: Path) -> bool:
    return (folder / FILE_NAME).is_file()


# --- the registered one ---------------------------------------------------------------------


def registered(folders: UserFolders) -> Path | None:
    """Return the workspace used outside of any other. None before the first `init`."""
    path = load_values(folders, _WORKSPACES).get(_REGISTERED)
    return Path(path) if path else None


def register(root: Path, folders: UserFolders) -> bool:
    """Register this workspace unless another one is registered. Return whether it is now."""
    root, known = root.resolve(), registered(folders)
    if known is not None and known != root and _is_workspace(known):
        return False
    store_values(folders, _WORKSPACES, {_REGISTERED: str(root)})
    return True


def adopt_default(root: Path, folders: UserFolders) -> tuple[Path, ...]:
    """Move the ledger and journal of the default workspace into a new one.

    Everything is copied before anything is removed, so that a failure loses nothing. Nothing is
    moved if the new workspace already has any of these files.

    Args:
        root: the new workspace, not yet in use.
        folders: the user's folders.

    Returns:
        The new paths of what was moved.

    Raises:
        UsageError: the disk is full or not writable.
    """
    names = [name for name in ("journal.jsonl", ".ankiforge") if (folders.data / name).exists()]
    if not names or any((root / name).exists() for name in ("journal.jsonl", ".ankiforge")):
        return ()
    try:
        for name in names:
            source, part = folders.data / name, root / f"{name}.part"
            _remove(part)
            if source.is_dir():
                private.make_folder(part)
                shutil.copytree(source, part, dirs_exist_ok=True)
            else:
                private.make_file(part)
                shutil.copy2(source, part)
            part.rename(root / name)
        for name in names:
            _remove(folders.data / name)
    except OSError as error:
        what = f"{folders.data} could not be moved to {root}: {error}"
        raise UsageError(
            what, hint="nothing is lost: free space there or allow writing, then try again"
        ) from error
    return tuple(root / name for name in names)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
