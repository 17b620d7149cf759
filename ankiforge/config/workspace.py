"""A workspace: the folder with `ankiforge.yaml`, and what lies in it.

ankiforge.yaml      the settings                        decks/, prompts/   texts a person edits
journal.jsonl       what was decided, for other machines
.ankiforge/         the ledger and whatever can be made anew; never in version control
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ankiforge.config import FILE_NAME, Config, expanded, load, private
from ankiforge.config.remembered import Remembered
from ankiforge.config.remembered import load as load_remembered
from ankiforge.config.user import UserFolders, remember, remembered, user_folders
from ankiforge.errors import UsageError

_REGISTER = "workspaces"
_REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace, settings read."""

    root: Path
    """Absolute, links resolved."""
    config: Config
    output: Path
    """The folder for packages."""
    is_default: bool = False
    """The user's own, used where no other is named; has no `ankiforge.yaml`."""
    unconfirmed_output: Path | None = None
    """The folder for packages that the settings name, where nobody has confirmed it yet."""
    generation: int = 2
    """Of the defaults it goes by; its ledger knows, once it is open."""

    @property
    def settings(self) -> Path:
        """The file a person edits."""
        return self.root / FILE_NAME

    @property
    def folder(self) -> Path:
        """What the program keeps for itself."""
        return self.root / ".ankiforge"

    @property
    def ledger(self) -> Path:
        """The SQLite file."""
        return self.folder / "ledger.db"

    @property
    def journal(self) -> Path:
        """What was decided, a JSON object a line."""
        return self.root / "journal.jsonl"

    @property
    def prompts(self) -> Path:
        """Prompts of this workspace; they come before the shipped ones."""
        return self.root / "prompts"

    @property
    def remembered(self) -> tuple[Remembered, ...]:
        """The PATHs that plain `run` reads beside the configured sources."""
        return load_remembered(self.folder)

    def prepare(self) -> None:
        """Make `.ankiforge/`, hidden from version control.

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
        """Make private what an earlier version, a copy or a checkout left readable for others.

        That is what the program keeps for itself; never the settings, decks or packages.
        """
        if self.is_default:
            private.restrict(self.root)
        private.restrict_tree(self.folder)
        private.restrict(self.journal)


# --- which one ------------------------------------------------------------------------------


def resolve(
    directory: Path | None, cwd: Path, environ: Mapping[str, str] = os.environ
) -> Workspace:
    """The workspace a command works in.

    `directory` (`-C`), else the nearest folder from `cwd` upwards with an `ankiforge.yaml`,
    else the one the user registered, else the default one in the user's data folder.

    Raises:
        UsageError: `directory`, or the registered folder, is no workspace.
        ConfigError: its `ankiforge.yaml` holds a mistake.
    """
    folders = user_folders(environ)
    if directory is not None:
        return open_workspace(_named(cwd / directory.expanduser()))
    nearest = next((up for up in (cwd, *cwd.parents) if _is_workspace(up)), None)
    chosen = nearest or _registered_here(folders)
    return open_workspace(chosen) if chosen else _default(folders, cwd)


def open_workspace(root: Path) -> Workspace:
    """Read the settings of a folder that holds an `ankiforge.yaml`."""
    root = root.resolve()
    config = load(root / FILE_NAME)
    return Workspace(root, config, expanded(config.output, root, config.where.at("output")))


def _default(folders: UserFolders, cwd: Path) -> Workspace:
    return Workspace(folders.data.resolve(), Config.default(), cwd.absolute(), is_default=True)


def _is_workspace(folder: Path) -> bool:
    return (folder / FILE_NAME).is_file()


def _named(folder: Path) -> Path:
    if _is_workspace(folder):
        return folder
    what = "holds no ankiforge.yaml" if folder.is_dir() else "there is no such folder"
    raise UsageError(f"{folder}: {what}", hint=f"make a workspace there: ankiforge init {folder}")


# --- the registered one ---------------------------------------------------------------------


def registered(folders: UserFolders) -> Path | None:
    """The user's workspace for commands given anywhere; None before the first `init`."""
    path = remembered(folders, _REGISTER).get(_REGISTERED)
    return Path(path) if path else None


def _registered_here(folders: UserFolders) -> Path | None:
    root = registered(folders)
    if root is None or _is_workspace(root):
        return root
    # Falling back to the default workspace would draw every card a second time there.
    what = f"your workspace {root} is gone, or its disk is not mounted"
    raise UsageError(what, hint="name it with -C DIR, or make another: ankiforge init DIR")


def register(root: Path, folders: UserFolders) -> bool:
    """Make this the user's workspace, unless another one is; whether it is it now."""
    root, known = root.resolve(), registered(folders)
    if known is not None and known != root and _is_workspace(known):
        return False
    remember(folders, _REGISTER, {_REGISTERED: str(root)})
    return True


def adopt_default(root: Path, folders: UserFolders) -> tuple[Path, ...]:
    """Move the ledger and journal of the default workspace into a new one.

    Copies first and removes last: whatever breaks in between, nothing is lost. Does nothing
    where the new workspace has any of its own.

    Args:
        root: the new workspace, not yet in use.
        folders: the user's.

    Returns:
        What was moved, as it is called now.

    Raises:
        UsageError: the disk is full, or may not be written.
    """
    names = [name for name in ("journal.jsonl", ".ankiforge") if (folders.data / name).exists()]
    if not names or any((root / name).exists() for name in ("journal.jsonl", ".ankiforge")):
        return ()
    try:
        for name in names:
            _copy_whole(folders.data / name, root / name)
        for name in names:
            _remove(folders.data / name)
    except OSError as error:
        what = f"{folders.data} could not be moved to {root}: {error}"
        raise UsageError(what, hint="nothing is lost: make room or rights, then again") from error
    return tuple(root / name for name in names)


def _copy_whole(source: Path, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    _remove(part)
    if source.is_dir():
        private.make_folder(part)
        shutil.copytree(source, part, dirs_exist_ok=True)
    else:
        private.make_file(part)
        shutil.copy2(source, part)
    part.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
