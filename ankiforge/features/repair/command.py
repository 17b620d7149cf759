"""The command `repair`, which lists the cards that fail in Anki."""

from __future__ import annotations

from ankiforge.cli.output import (
    Call,
    command,
    open_workspace,
    print_items,
)
from ankiforge.errors import wrap_item_errors
from ankiforge.text import format_count


@command("""
  ankiforge repair                           the cards that fail
""")
def repair(call: Call) -> None:
    """List the cards that fail in Anki.

    Nothing is changed. The page of ankiforge review rewords the cards: a model, your chat, or
    you.
    """
    from ankiforge.features.repair.report import failing_note_to_json, format_failing_note
    from ankiforge.features.repair.work import list_failing_cards

    with open_workspace(call, read_only=True) as workspace, wrap_item_errors():
        repairs = list_failing_cards(workspace)
    failing = format_count(len(repairs.failing), "card fails", "cards fail")
    call.say(f"{failing}; in 30 days they took {repairs.minutes:.0f} minutes")
    rows = (
        (failing_note_to_json(entry), list(format_failing_note(entry)))
        for entry in repairs.failing
    )
    print_items(call, rows, blank_lines=True)
    if repairs.failing:
        call.say("  next  ankiforge review   there: Cards that fail")
