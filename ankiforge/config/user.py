"""What belongs to the person, not to a workspace: two folders, and small private JSON files.

`ANKIFORGE_HOME` names one folder for both; tests and demonstrations leave no trace with it.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ankiforge.errors import UsageError

_HOME = "home"


@dataclass(frozen=True, slots=True)
class UserFolders:
    """Where a person's own files lie."""

    config: Path
    """What was confirmed and registered."""
    data: Path
    """The default workspace."""


def user_folders(environ: Mapping[str, str] = os.environ) -> UserFolders:
    """The user's folders, as the platform has them; nothing is created."""
    from platformdirs import user_config_path, user_data_path

    if home := environ.get("ANKIFORGE_HOME"):
        folder = Path(home).expanduser().absolute()
        return UserFolders(folder, folder)
    return UserFolders(
        user_config_path("ankiforge", appauthor=False), user_data_path("ankiforge", appauthor=False)
    )


def remembered(folders: UserFolders, name: str) -> dict[str, str]:
    """The text values kept under a name; {} if there are none, or the file is no good."""
    try:
        raw = (folders.config / f"{name}.json").read_bytes()
        return msgspec.json.decode(raw, type=dict[str, str])
    except (OSError, ValueError):
        return {}


def remember(folders: UserFolders, name: str, values: Mapping[str, str]) -> None:
    """Keep text values under a name, in a file that only its owner can read.

    Raises:
        UsageError: the folder cannot be written.
    """
    encoded = msgspec.json.format(msgspec.json.encode(dict(sorted(values.items()))))
    try:
        folders.config.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(folders.config / f"{name}.json", encoded + b"\n")
    except OSError as error:
        what = f"{folders.config}: cannot be written: {error.strerror}"
        raise UsageError(what, hint="ANKIFORGE_HOME names another folder") from error


def home_of(folders: UserFolders) -> tuple[str, bool]:
    """The name of this person's home on this computer, and whether it was made just now.

    Raises:
        UsageError: the folder cannot be written.
    """
    known = remembered(folders, _HOME).get("id")
    if known:
        return known, False
    made = uuid.uuid4().hex
    remember(folders, _HOME, {"id": made})
    return made, True


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; 0600, as `mkstemp` makes it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)  # noqa: PTH105  (its twin in pathlib is the same call)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
