"""Repair cards in the terminal, with single keys.

Tested by `tests/cli/test_terminal_repair.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.text import Text

from ankiforge.cli.chat import copy, pasted
from ankiforge.cli.output import Call, for_terminal
from ankiforge.cli.terminal import CUT, TerminalReview, on_both_ends
from ankiforge.errors import ForgeError
from ankiforge.ledger.decide import undo
from ankiforge.pipeline import repair as mending
from ankiforge.reports.repair import entry_text, repair_text
from ankiforge.text import counted, on_one_line, shortened

if TYPE_CHECKING:
    from ankiforge.draft.repairs import CardRepair
    from ankiforge.pipeline.repair import RepairEntry, RepairList
    from ankiforge.pipeline.workspace import Workspace

_END = "\x1b"
HELP = """\
1 2 3   take this repair
e       edit the card
m       ask a model or your chat for repairs
x       suspend it in Anki; it is asked no more
s       leave it as it is for 30 days
w       in Anki: ask a suspended card again
f       in Anki: clear the flag
n       in Anki: start again, as new; the log stays
u       take back the last decision
v       view all of a long card
Enter   the next card
Esc     end; everything is stored already
"""
_MOST_OFFERS = 9
"""The number of repairs that a key can take."""
_IN_ANKI = {"w": "unsuspend", "f": "unflag", "n": "forget"}


class TerminalRepair(TerminalReview):
    """One person's repairs in a terminal: the same keys, editor and clipboard as a review."""

    def __init__(self, call: Call, workspace: Workspace, found: RepairList) -> None:
        """Prepare the list; nothing is shown yet."""
        super().__init__(call, workspace)
        self._entries = [*found.failing, *found.badly_made]
        self._minutes = found.minutes
        self._taken: list[str] = []
        """The ids of the decisions, for `u`."""
        self._suspended: dict[str, RepairEntry] = {}
        """By the id of a decision: what it suspended."""

    def run(self) -> None:
        """Show card after card, until none is left or the person ends."""
        place = 0
        with self._screen.opened():
            while 0 <= place < len(self._entries):
                step = self._at(place)
                if step is None:
                    break
                place += step
        self._call.print(counted(len(self._taken), "decision"))
        if self._taken:
            self._call.print(
                "next: ankiforge push, or ankiforge build and import the package"
            )

    def _at(self, place: int) -> int | None:
        """Show a card until a key decides on it; return the step to the next, None to end."""
        offers = list(self._entries[place].offers)
        self._show_entry(place, offers)
        while True:
            key = self._key()
            if key == _END:
                return None
            try:
                if key == "u" and self._taken:
                    self._undo_last()
                    return -1 if place else 0
                if self._pressed(key, place, offers):
                    return 1
            except ForgeError as error:
                self._print(error.message, "yellow")
                if error.hint:
                    self._print(error.hint, "dim")

    def _pressed(self, key: str, place: int, offers: list[CardRepair]) -> bool:
        """Act on a key; return whether the next card comes."""
        entry = self._entries[place]
        by_key = {str(number): offer for number, offer in enumerate(offers, 1)}
        if key in by_key and not self._screen.is_whole:
            self._print("v shows the rest first")
            return False
        if key in by_key:
            self._decided(mending.take(self._workspace, entry, by_key[key]))
            return not self._waits_for_anki(entry)
        if key in _IN_ANKI:
            self._print(
                mending.do_in_anki(self._workspace, _IN_ANKI[key], entry.cards_asked)
            )
            return False
        match key:
            case "\r" | "\n":
                return True
            case "s":
                self._decided(mending.leave(self._workspace, entry))
                return True
            case "x":
                action, said = mending.suspend(self._workspace, entry)
                self._print(f"{said}; w asks it again")
                self._decided(action)
                self._suspended[action] = entry
                return False
            case "e":
                fields = self._edited(tuple(entry.card.fields.items()))
                if not fields:
                    self._print("nothing changed")
                self._show_entry(place, offers)
                if not fields:
                    return False
                self._decided(mending.edited(self._workspace, entry, dict(fields)))
                return not self._waits_for_anki(entry)
            case "m":
                offers += self._from_model(entry)
                del offers[:-_MOST_OFFERS]
            case "v":
                self._view()
            case "?":
                self._help(HELP)
            case _:
                if key:
                    self._print(f"{key} is no key here; ? lists them")
                return False
        self._show_entry(place, offers)
        return False

    def _undo_last(self) -> None:
        """Undo the last decision, and unsuspend the cards that it suspended."""
        action = self._taken.pop()
        undone = undo(self._ledger, action)
        entry = undone.entries[0]
        self._print(
            f"taken back: {entry.said}: {shortened(on_one_line(entry.text), CUT)}"
        )
        suspended = self._suspended.pop(action, None)
        if suspended:
            cards = suspended.cards_asked
            self._print(mending.do_in_anki(self._workspace, "unsuspend", cards))

    def _waits_for_anki(self, entry: RepairEntry) -> bool:
        """Name the properties that only Anki can change; return whether a card has one."""
        left = []
        if entry.history.suspended:
            left.append("it is suspended: w asks it again")
        if entry.history.flagged:
            left.append("it has a red flag: f clears it")
        if left:
            self._print(f"{'; '.join(left)}; Enter goes on", "bold")
        return bool(left)

    def _decided(self, action: str) -> None:
        self._taken.append(action)
        self._print("done", "green")

    def _from_model(self, entry: RepairEntry) -> list[CardRepair]:
        """Return the repairs of the model, or of the person's chat if none is set."""
        if self._workspace.model() is not None:
            found = mending.asked(self._workspace, entry)
        else:
            text = mending.question_about(self._workspace, entry)
            with self._screen.left():
                if copy(text):
                    said = "copied: paste it into your chat, and copy its answer"
                    self._screen.print(said, "bold")
                else:
                    click.echo(text)
                said = "paste the answer now; Ctrl-D if nothing happens then"
                self._screen.print(said)
                found = mending.answered(entry, pasted())
        if not found:
            self._print("no repair that the checks let pass", "yellow")
        return list(found)

    def _show_entry(self, place: int, offers: list[CardRepair]) -> None:
        """Show a card, why it is here, and the repairs with their changes."""
        entry = self._entries[place]
        head = Text(" ")
        if entry.fails:
            head.append(f"They took {self._minutes:.0f} minutes in 30 days", "bold")
        of_all = f"{place + 1} of {len(self._entries)}"
        lines = []
        for number, line in enumerate(entry_text(entry)):
            lines.append(Text(for_terminal(line), "" if number else "dim"))
        for number, repair in enumerate(offers, 1):
            lines.append(Text())
            for position, line in enumerate(repair_text(number, repair)):
                lines.append(Text(for_terminal(line), "" if position else "bold"))
        keys = ["Enter next"]
        if offers:
            digits = f"1-{len(offers)}" if len(offers) > 1 else "1"
            keys.append(f"{digits} take")
        keys += ["e edit", "m model or chat", "x suspend", "s leave", "u undo"]
        head = on_both_ends(head, of_all, self._screen.width)
        self._screen.show(head, lines, (*keys, "? more", "Esc end"))
