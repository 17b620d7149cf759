"""Cards that fail in Anki, and their repairs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger
    from ankiforge.model import Noticed
    from ankiforge.pipeline.result import RunResult
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.faces import Faces
    from ankiforge.web.page_part import PagePart


class Repair(Hooks):
    """The command `repair`, a list of the page, and how many cards fail."""

    def commands(self) -> Iterable[CommandRow]:
        """Return `repair`, and what an agent calls for it."""
        line = "List cards that fail in Anki."
        command = CommandRow(
            "repair", "Cards", line, f"{__name__}.command", before="export"
        )
        return [command._replace(tools=f"{__name__}.tool")]

    def after_run(
        self, workspace: Workspace, result: RunResult, show: ShowProgress
    ) -> None:
        """Count the cards that fail. That a collection cannot be read was told before."""
        if result.collection is None:
            return
        from ankiforge.errors import ItemError
        from ankiforge.features.repair.count import count_failing

        with suppress(ItemError):
            count_failing(workspace.ledger, result.collection)

    def view(self, ledger: Ledger) -> Noticed | None:
        """Return how many cards fail, if that was counted today, after the last repair."""
        from ankiforge.features.repair.count import counted_today
        from ankiforge.model import Noticed

        count = counted_today(ledger)
        return Noticed(count.line) if count else None

    def page(self, workspace: Workspace, faces: Faces) -> PagePart:
        """Return the list of the cards that fail."""
        from ankiforge.features.repair.page import FailingCards
        from ankiforge.web.page_part import PagePart

        asks = workspace.folder.config.drafter == "llm"
        return PagePart([FailingCards(workspace, faces, asks=asks)])


feature = Repair()
