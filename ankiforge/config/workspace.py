"""The user's own folders, and workspaces: folders with `ankiforge.yaml`.

ankiforge.yaml      the settings
decks/, prompts/    rules and prompts that a person edits
journal/            the decisions, a file for each machine; may be shared
.ankiforge/         the ledger and caches; never in version control
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ankiforge.config import FILE_NAME, Config, expanded, load, private
from ankiforge.config.yamlfile import read, typed
from ankiforge.errors import UsageError

_WORKSPACES, _REGISTERED = "workspaces", "registered"
JOURNAL = "journal"


def _write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner can read."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    private.make_file(part)
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _write_once(path: Path, text: str) -> None:
    if not path.exists():
        _write_private(path, text)


# --- what belongs to the person, not to a workspace -----------------------------------------


def user_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the user's folder: what was confirmed and registered, and the default workspace.

    `ANKIFORGE_HOME` names another one, so that tests and demonstrations leave no trace.
    """
    from platformdirs import user_data_path

    if home := environ.get("ANKIFORGE_HOME"):
        return Path(home).expanduser().absolute()
    return user_data_path("ankiforge", appauthor=False)


def load_values(folder: Path, name: str) -> dict[str, str]:
    """Return the values stored under a name. {} if there are none or the file is damaged."""
    try:
        raw = (folder / f"{name}.json").read_bytes()
        return msgspec.json.decode(raw, type=dict[str, str])
    except (OSError, ValueError):
        return {}


def store_values(folder: Path, name: str, values: Mapping[str, str]) -> None:
    """Store values under a name, in a file that only its owner can read.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(dict(sorted(values.items()))), indent=1)
        _write_private(folder / f"{name}.json", text.decode() + "\n")
    except OSError as error:
        what = f"{folder}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="ANKIFORGE_HOME names another folder") from error


# --- remembered PATHs -----------------------------------------------------------------------

REMEMBERED = "sources.yaml"
_REMEMBERED_HEAD = """\
# What `ankiforge run` reads besides the sources in ankiforge.yaml. Delete an entry to forget it: its
# cards stay, and nothing counts as deleted.
"""


class Remembered(msgspec.Struct, frozen=True):
    """One PATH that plain `ankiforge run` reads."""

    path: str
    """Absolute, symbolic links resolved."""
    names: dict[str, str] = {}
    """The name of each source found there, by kind: a part of the keys of its highlights."""


def load_remembered(folder: Path) -> tuple[Remembered, ...]:
    """Return the remembered PATHs in a workspace's `.ankiforge/`.

    Raises:
        ConfigError: a person edited the file, and it cannot be read; with file and line.
    """
    path = folder / REMEMBERED
    if not path.is_file():
        return ()
    data, where = read(path, f".ankiforge/{REMEMBERED}")
    items = data if isinstance(data, list) else []
    return tuple(typed(Remembered, item, where.at(number)) for number, item in enumerate(items))


def store_remembered(folder: Path, items: Iterable[Remembered]) -> None:
    """Replace the remembered PATHs in a workspace's `.ankiforge/`.

    Raises:
        UsageError: the folder cannot be written.
    """
    import yaml

    listed = [{"path": item.path, "names": dict(item.names)} for item in items]
    text = yaml.safe_dump(listed, allow_unicode=True, sort_keys=False) if listed else "[]\n"
    try:
        _write_private(folder / REMEMBERED, _REMEMBERED_HEAD + text)
    except OSError as error:
        what = f"{folder / REMEMBERED}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="free space there, or allow writing") from error


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
        """The folder of the journal: a file for each machine, one JSON object per line."""
        where = self.config.where.at("journal")
        return expanded(self.config.journal or JOURNAL, self.root, where)

    def machine(self, folder: Path) -> str:
        """Return the id of this machine for this workspace: made once, kept in the user's folder.

        A copied workspace gets another one, so two machines never write into one file.
        """
        known = load_values(folder, "machines")
        if str(self.root) not in known:
            known[str(self.root)] = uuid.uuid4().hex[:12]
            store_values(folder, "machines", known)
        return known[str(self.root)]

    @property
    def prompts(self) -> Path:
        """The prompts of this workspace, which take precedence over the shipped ones."""
        return self.root / "prompts"

    @property
    def remembered(self) -> tuple[Remembered, ...]:
        """The PATHs that plain `run` reads in addition to the configured sources."""
        return load_remembered(self.folder)

    def prepare(self) -> None:
        """Create `.ankiforge/`, hidden from version control, and `journal/`, whose lines git unites.

        Raises:
            UsageError: the folder cannot be written.
        """
        try:
            if self.is_default:
                private.make_folder(self.root)
            private.make_folder(self.folder)
            if not self.config.journal:
                private.make_folder(self.journal)
                _write_once(self.journal / ".gitattributes", "*.jsonl merge=union\n")
            _write_once(self.folder / ".gitignore", "*\n")
        except OSError as error:
            what = f"{self.folder}: cannot be written: {error.strerror}"
            raise UsageError(what, hint="another workspace: ankiforge -C DIR") from error
        if not self.journal.is_dir():
            what = f"{self.journal}: there is no such folder, so decisions could not be kept"
            raise UsageError(what, hint="mount it, or correct journal: in ankiforge.yaml")
        self.close_to_others()

    def close_to_others(self) -> None:
        """Close the program's own folders to others: a copy or a checkout may have opened them."""
        if self.is_default:
            private.restrict(self.root)
        private.restrict(self.folder)
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
    home = user_folder(environ)
    if directory is not None:
        folder = cwd / directory.expanduser()
        if not _is_workspace(folder):
            what = "holds no ankiforge.yaml" if folder.is_dir() else "there is no such folder"
            hint = f"make a workspace there: ankiforge init {folder}"
            raise UsageError(f"{folder}: {what}", hint=hint)
        return open_workspace(folder)
    if nearest := next(filter(_is_workspace, (cwd, *cwd.parents)), None):
        return open_workspace(nearest)
    root = registered(home)
    if root is None:
        return Workspace(home.resolve(), Config(), cwd.absolute(), is_default=True)
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


def registered(folder: Path) -> Path | None:
    """Return the workspace used outside of any other. None before the first `init`."""
    path = load_values(folder, _WORKSPACES).get(_REGISTERED)
    return Path(path) if path else None


def register(root: Path, folder: Path) -> bool:
    """Register this workspace unless another one is registered. Return whether it is now."""
    root, known = root.resolve(), registered(folder)
    if known is not None and known != root and _is_workspace(known):
        return False
    store_values(folder, _WORKSPACES, {_REGISTERED: str(root)})
    return True


def adopt_default(root: Path, folder: Path) -> tuple[Path, ...]:
    """Move the ledger and journal of the default workspace into a new one, and return their paths.

    Nothing is moved if the new workspace already has any of these files.

    Raises:
        UsageError: the disk is full or not writable.
    """
    names = [name for name in (JOURNAL, ".ankiforge") if (folder / name).exists()]
    if any((root / name).exists() for name in names):
        return ()
    try:
        return tuple(Path(shutil.move(folder / name, root / name)) for name in names)
    except OSError as error:
        what = f"{folder} could not be moved to {root}: {error}"
        raise UsageError(what, hint="free space there or allow writing, then try again") from error
