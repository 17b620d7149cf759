"""Take over the notes that other tools made in Anki, with their review history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ankiforge.hooks import CommandRow, Hooks

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger
    from ankiforge.model import FeatureNotice


class Adopt(Hooks):
    """Adds the `adopt` command, and a notice about other tools' notes to take over."""

    def commands(self) -> Iterable[CommandRow]:
        """Return the entry for the `adopt` command."""
        line = "Take over another tool's notes with their history."
        return [CommandRow("adopt", "Anki", line, f"{__name__}.command")]

    def make_notice(self, ledger: Ledger) -> FeatureNotice:
        """Return a notice with the number of notes per tool that `adopt` might take over."""
        from ankiforge.ledger.foreign_history import count_foreign_passages
        from ankiforge.model import FeatureNotice, Suggestion
        from ankiforge.model.hints import TOOL_NAMES
        from ankiforge.text import format_count

        by_tool = count_foreign_passages(ledger)
        data = {"belonging": dict(by_tool)}
        if not by_tool:
            return FeatureNotice(data=data)
        # e.g. `3 notes belong to Obsidian_to_Anki and 2 to flashcards-obsidian`
        parts: list[str] = []
        for tool, number in sorted(by_tool.items()):
            count = f"{number:,}"
            if not parts:
                count = format_count(number, "note belongs", "notes belong")
            parts.append(f"{count} to {TOOL_NAMES[tool]}")
        return FeatureNotice(
            f"{' and '.join(parts)}. To keep their history, run first: ankiforge adopt",
            data,
            Suggestion("adopt", "keep their history; or: ankiforge adopt --decline"),
        )


feature = Adopt()
