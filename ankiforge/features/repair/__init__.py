"""Find the cards that fail in Anki, and let a model, a chat or the user repair them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from pathlib import Path

    from ankiforge.ledger import Ledger
    from ankiforge.model import FeatureNotice, Problem
    from ankiforge.pipeline.workspace import ShowProgress, Workspace
    from ankiforge.web.items import ItemRenderer
    from ankiforge.web.page_part import PagePart


class Repair(Hooks):
    """Adds the command `repair`, a list on the web page, and a count of failing cards."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the row for the command `repair`, with its tool for agents."""
        line = "List cards that fail in Anki."
        command = CommandRow("repair", "Cards", line, f"{__name__}.command")
        return [command._replace(tools_module=f"{__name__}.report")]

    def after_run(
        self, workspace: Workspace, collection: Path | None, show: ShowProgress
    ) -> list[Problem]:
        """Count the failing cards after a run that has read Anki's collection.

        If the collection can't be read, do nothing, because the run has already reported this.
        """
        if collection is None:
            return []
        from ankiforge.errors import ItemError
        from ankiforge.features.repair.count import count_failing

        with suppress(ItemError):
            count_failing(workspace.ledger, collection)
        return []

    def make_notice(self, ledger: Ledger) -> FeatureNotice | None:
        """Return a notice with today's number of failing cards.

        Returns None if the cards weren't counted today or a card was repaired since.
        """
        from ankiforge.features.repair.count import get_todays_count
        from ankiforge.model import FeatureNotice

        count = get_todays_count(ledger)
        return FeatureNotice(count.line) if count else None

    def make_page_part(self, workspace: Workspace, renderer: ItemRenderer) -> PagePart:
        """Create the list of failing cards for the web page."""
        from ankiforge.features.repair.page import FailingCards
        from ankiforge.web.page_part import PagePart

        uses_model = workspace.folder.config.drafter == "llm"
        return PagePart([FailingCards(workspace, renderer, uses_model=uses_model)])


feature = Repair()
