"""Cards that fail in Anki, and their repairs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ankiforge.hooks import Command, Feature, Noticed, PageList, Tool

if TYPE_CHECKING:
    from pathlib import Path

    from ankiforge.ledger import Ledger
    from ankiforge.pipeline.workspace import Workspace
    from ankiforge.web.faces import Faces


def _failing() -> Tool:
    from ankiforge.features.repair.tool import FAILING

    return FAILING


class Repair(Feature):
    """The command `repair`, a list of the page, and how many cards fail."""

    def commands(self) -> Iterable[Command]:
        """Return `repair`, and what an agent calls for it."""
        line = "List cards that fail in Anki."
        command = Command("repair", "Cards", line, f"{__name__}.command", before="export")
        return [command._replace(tool=_failing)]

    def view(self, ledger: Ledger, collection: Path | None) -> Noticed:
        """Count the cards that fail. That a collection cannot be read was told before."""
        if collection is None:
            return Noticed()
        from datetime import datetime

        from ankiforge.errors import ItemError
        from ankiforge.features.repair.count import count_failing

        with suppress(ItemError):
            now = datetime.now().astimezone()
            return Noticed(count_failing(ledger, collection, now).line)
        return Noticed()

    def page(self, workspace: Workspace, faces: Faces) -> Iterable[PageList]:
        """Return the list of the cards that fail."""
        from ankiforge.features.repair.page import FailingCards

        asks = workspace.folder.config.drafter == "llm"
        return [FailingCards(workspace, faces, asks=asks)]


feature = Repair()
