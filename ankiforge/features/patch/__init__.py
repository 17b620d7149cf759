"""Print the edits that the user made in Anki as a patch of the notes that contain the cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from pathlib import Path

    from ankiforge.model import Problem
    from ankiforge.pipeline.workspace import ShowProgress, Workspace


class PatchCommand(Hooks):
    """Adds the command `patch`."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the row for the command `patch`."""
        line = "Print your edits in Anki as a patch of your notes, or apply it."
        return [CommandRow("patch", "Anki", line, f"{__name__}.command")]

    def after_run(
        self, workspace: Workspace, collection: Path | None, show: ShowProgress
    ) -> list[Problem]:
        """Delete the backups of notes that `ankiforge patch --apply` has made."""
        workspace.delete_backups()
        return []


feature = PatchCommand()
