"""Print the edits that the user made in Anki as a patch of the notes that contain the cards."""

from __future__ import annotations

from collections.abc import Iterable

from ankiforge.hooks import CommandRow, Hooks


class PatchCommand(Hooks):
    """Adds the command `patch`."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the row for the command `patch`."""
        line = "Print your edits in Anki as a patch of your notes."
        return [CommandRow("patch", "Anki", line, f"{__name__}.command")]


feature = PatchCommand()
