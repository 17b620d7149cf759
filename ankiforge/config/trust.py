"""Record and check whether the user trusts a workspace.

The settings decide what is read, and where passages, cards and keys are sent. So a workspace that
wasn't made on this computer must be confirmed once by the user, as a whole, before any command
runs in it. The confirmation is stored in the user's directory, by the path of the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ankiforge.config import SETTINGS_FILE_NAME
from ankiforge.config.workspace import WorkspaceDirectory, load_values, store_values
from ankiforge.errors import UsageError

_TRUSTED_FILE = "trusted"
AGENTS_PERMISSION = "agents may read"
"""The permission that agents may read the workspace, which is given in addition to trust in it."""


def is_trusted(workspace: WorkspaceDirectory, folder: Path, more: str = "") -> bool:
    """Return whether the user trusts a workspace, or has given a further permission in it.

    The default workspace is always trusted, and so is the one whose path is in the environment
    variable ANKIFORGE_TRUST. Further permissions must be given explicitly.

    Args:
        workspace: the workspace.
        folder: the user's directory.
        more: the further permission to check, such as `AGENTS_PERMISSION`, or "" to check trust.
    """
    trusted_by_environ = os.environ.get("ANKIFORGE_TRUST", "")
    if not more and workspace.is_default:
        return True
    if (
        not more
        and trusted_by_environ
        and Path(trusted_by_environ).expanduser().resolve() == workspace.root
    ):
        return True
    return _trust_key(workspace, more) in load_values(folder, _TRUSTED_FILE)


def trust_workspace(workspace: WorkspaceDirectory, folder: Path, more: str = "") -> None:
    """Record that the user trusts a workspace, or gives a further permission in it.

    The arguments are those of `is_trusted`.
    """
    values = load_values(folder, _TRUSTED_FILE)
    store_values(
        folder, _TRUSTED_FILE, {**values, _trust_key(workspace, more): "confirmed"}
    )


def _trust_key(workspace: WorkspaceDirectory, more: str) -> str:
    return f"{workspace.root}: {more}" if more else str(workspace.root)


def require_trust(
    workspace: WorkspaceDirectory, ask: Callable[[str], bool] | None, folder: Path
) -> None:
    """Make sure that the user trusts a workspace, by asking if necessary.

    Args:
        workspace: the workspace in which a command is to run.
        ask: a function that asks the user a yes-or-no question, or None if there is no terminal.
        folder: the user's directory.

    Raises:
        UsageError: the user doesn't trust the workspace, or can't be asked.
    """
    if is_trusted(workspace, folder):
        return
    reason = (
        f"{workspace.root} was not made on this computer; its {SETTINGS_FILE_NAME} says"
        " what is read, and where passages and keys are sent"
    )
    if ask is None or not ask(f"{reason}. Trust it?"):
        commands = f"ankiforge init --trust {workspace.root}, or --yes with run or review"
        raise UsageError(reason, hint=f"read it; to trust it: {commands}")
    trust_workspace(workspace, folder)
