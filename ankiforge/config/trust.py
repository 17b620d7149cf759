"""Record and check whether the user trusts a workspace.

The settings determine which files are read, and where passages, cards and keys are sent. Before any
command runs in a workspace that `ankiforge init` didn't create at this path, the user must confirm
the workspace, and again whenever its settings have changed. The confirmation is stored in the
user's directory, keyed by the path of the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ankiforge.config import SETTINGS_FILE_NAME
from ankiforge.config.files import MAX_TEXT_FILE_BYTES, read_bounded
from ankiforge.config.workspace import WorkspaceDirectory, load_values, store_values
from ankiforge.errors import UsageError
from ankiforge.model import hash16

_TRUSTED_FILE = "trusted"
AGENTS_PERMISSION = "agents may read"
"""The permission that lets agents read a workspace. It is granted separately from trust."""


_MADE_HERE = "made here"
"""The stored value for a workspace that `ankiforge init` created on this computer. For any other
workspace, a hash of its settings is stored."""


def has_permission(
    workspace: WorkspaceDirectory, user_directory: Path, permission: str
) -> bool:
    """Return whether the user granted a workspace a permission, e.g. `AGENTS_PERMISSION`."""
    return f"{workspace.root}: {permission}" in load_values(user_directory, _TRUSTED_FILE)


def grant_permission(
    workspace: WorkspaceDirectory, user_directory: Path, permission: str
) -> None:
    """Record that the user grants a workspace a permission, e.g. `AGENTS_PERMISSION`."""
    _store_confirmation(user_directory, f"{workspace.root}: {permission}", "confirmed")


def explain_distrust(workspace: WorkspaceDirectory, user_directory: Path) -> str | None:
    """Explain why the user must confirm a workspace, or return None if it is trusted.

    The default workspace and the workspace whose path is in the environment variable
    ANKIFORGE_TRUST are always trusted.
    """
    if workspace.is_default or _is_trusted_by_environment(workspace):
        return None
    confirmation = load_values(user_directory, _TRUSTED_FILE).get(str(workspace.root))
    if confirmation is None:
        return "is new to ankiforge"
    if confirmation in (_MADE_HERE, _hash_settings(workspace)):
        return None
    return f"has another {SETTINGS_FILE_NAME} than when you trusted it"


def _is_trusted_by_environment(workspace: WorkspaceDirectory) -> bool:
    trusted = os.environ.get("ANKIFORGE_TRUST")
    if not trusted:
        return False
    return Path(trusted).expanduser().resolve() == workspace.root


def trust_workspace(
    workspace: WorkspaceDirectory, user_directory: Path, *, made_here: bool = False
) -> None:
    """Record that the user trusts a workspace and its current settings.

    Args:
        workspace: The trusted workspace.
        user_directory: The directory for per-user data, see `find_user_directory`.
        made_here: Whether ankiforge created the workspace on this computer. If so, later changes
            to its settings are trusted, too.
    """
    root = str(workspace.root)
    if load_values(user_directory, _TRUSTED_FILE).get(root) != _MADE_HERE:
        _store_confirmation(
            user_directory, root, _MADE_HERE if made_here else _hash_settings(workspace)
        )


def _hash_settings(workspace: WorkspaceDirectory) -> str:
    file = workspace.root / SETTINGS_FILE_NAME
    return hash16(read_bounded(file, MAX_TEXT_FILE_BYTES).decode("utf-8", "replace"))


def _store_confirmation(user_directory: Path, key: str, value: str) -> None:
    values = load_values(user_directory, _TRUSTED_FILE)
    store_values(user_directory, _TRUSTED_FILE, {**values, key: value})


def require_trust(
    workspace: WorkspaceDirectory, ask: Callable[[str], bool] | None, user_directory: Path
) -> None:
    """Ask the user to trust a workspace, unless it's already trusted.

    Args:
        workspace: The workspace that a command is about to use.
        ask: A function that asks the user a yes-or-no question, or None without a terminal.
        user_directory: The directory for per-user data, see `find_user_directory`.

    Raises:
        UsageError: The user does not trust the workspace, or there is no terminal.
    """
    reason = explain_distrust(workspace, user_directory)
    if reason is None:
        return
    message = (
        f"{workspace.root} {reason}; its {SETTINGS_FILE_NAME} says what is read, and where"
        " passages and keys are sent"
    )
    if ask is None or not ask(
        f"{message}. If you wrote it yourself, or have read it, say yes. Trust it?"
    ):
        command = f"ankiforge init --trust {workspace.root}   or --yes with run or review"
        raise UsageError(
            message, hint=f"if you wrote it yourself, or have read it: {command}"
        )
    trust_workspace(workspace, user_directory)
