"""Write settings that the user chose on the command line into `ankiforge.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ankiforge.errors import wrap_write_errors

if TYPE_CHECKING:
    from ankiforge.cli.output import Call
    from ankiforge.config.workspace import WorkspaceDirectory
    from ankiforge.model import Strings


def write_settings(
    call: Call, folder: WorkspaceDirectory, settings: Mapping[Strings, object]
) -> str | None:
    """Update a workspace's `ankiforge.yaml` and return its path.

    If the file can't be updated automatically, print the lines for the user to add, and
    return None.

    Args:
        call: the command's options, for printing those lines.
        folder: the workspace's directory.
        settings: the new values, keyed by key path, e.g. `("llm", "model")`.
    """
    from ankiforge.config import SETTINGS_FILE_NAME
    from ankiforge.config.files import MAX_TEXT_FILE_BYTES, read_bounded, write_file
    from ankiforge.config.trust import explain_distrust, trust_workspace
    from ankiforge.config.workspace import find_user_directory
    from ankiforge.config.yamlfile import format_scalar, set_values

    file = folder.root / SETTINGS_FILE_NAME
    text = ""
    mode = 0o600
    if file.exists():
        text = read_bounded(file, MAX_TEXT_FILE_BYTES).decode("utf-8-sig")
        mode = file.stat().st_mode & 0o777
    new_text = set_values(text, settings)
    if new_text is None:
        call.say(f"write this into {file}:")
        for key_path, value in settings.items():
            call.say(f"  {'.'.join(key_path)}: {format_scalar(value)}")
        return None
    if new_text != text:
        with wrap_write_errors(file):
            write_file(file, new_text.encode(), mode=mode)
        if explain_distrust(
            folder, find_user_directory()
        ):  # don't ask about our own change
            trust_workspace(folder, find_user_directory())
    return str(file)
