"""Notes that other tools made in Anki, with their history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger
    from ankiforge.model import Noticed


class Adopt(Hooks):
    """The command `adopt`, and how many notes wait for it."""

    def commands(self) -> Iterable[CommandRow]:
        """Return `adopt`."""
        line = "Take over another tool's notes with their history."
        return [CommandRow("adopt", "Anki", line, f"{__name__}.command")]

    def view(self, ledger: Ledger) -> Noticed:
        """Return how many notes belong to other tools, by tool."""
        from ankiforge.ledger.belonging import belonging
        from ankiforge.model import Noticed
        from ankiforge.model.hints import TITLES
        from ankiforge.text import counted

        by_tool = belonging(ledger)
        if not by_tool:
            return Noticed(data={"belonging": {}})
        (tool, number), *others = sorted(by_tool.items())
        parts = [f"{counted(number, 'note belongs', 'notes belong')} to {TITLES[tool]}"]
        parts += [f"{number:,} to {TITLES[tool]}" for tool, number in others]
        return Noticed(
            f"{' and '.join(parts)}. To keep their history, run first: ankiforge adopt",
            {"belonging": dict(by_tool)},
            step="adopt",
            why="keep the history that other tools have",
            instead="ankiforge adopt --decline",
        )


feature = Adopt()
