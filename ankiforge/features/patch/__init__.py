"""Edits that were made in Anki, as a patch of the notes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ankiforge.hooks import Command, Feature


def _patch() -> Any:
    from ankiforge.features.patch.command import patch

    return patch


class Patch(Feature):
    """The command `patch`."""

    def commands(self) -> Iterable[Command]:
        """Return `patch`."""
        line = "Print your edits in Anki as a patch of your notes."
        return [Command("patch", "Anki", line, _patch)]


feature = Patch()
