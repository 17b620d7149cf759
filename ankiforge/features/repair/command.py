"""The command `repair`: cards that fail in Anki, and those of a deck that have plain faults."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from ankiforge.cli.output import (
    Call,
    Words,
    command,
    refuse_unknown_options,
    session,
    show_all,
)
from ankiforge.errors import UsageError, named_by_person
from ankiforge.text import counted


# -x is a word of the query, not an option
@command("""
  ankiforge repair                           the cards that fail
  ankiforge repair deck:Biology              those of a deck, and what is faulty there
  ankiforge repair nid:1700000000000         one of them
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
def repair(call: Call, query: Words) -> None:
    """List the cards that fail in Anki; of decks and notes that are named, also faulty ones.

    Nothing is changed. The page of ankiforge review rewords the cards: a model, your chat, or
    you.
    """
    refuse_unknown_options(query)
    if len(query) == 1 and Path(query[0]).expanduser().is_file():
        hint = "import the file into Anki, then: ankiforge repair deck:NAME"
        raise UsageError(f"{query[0]}: only the cards in Anki are listed", hint=hint)
    from ankiforge.features.repair.report import entry_json, entry_text
    from ankiforge.features.repair.work import listing

    with session(call, read_only=True) as workspace, named_by_person():
        found = listing(workspace, query, datetime.now().astimezone())
    failing = counted(len(found.failing), "card fails", "cards fail")
    told = f"{failing}; in 30 days they took {found.minutes:.0f} minutes"
    if found.faulty:
        told += f"; {len(found.faulty):,} more have faults"
    call.say(told)
    entries = (*found.failing, *found.faulty)
    shown = ((entry_json(entry), list(entry_text(entry))) for entry in entries)
    show_all(call, shown, apart=True)
    if found.failing:
        call.say("next: ankiforge review, and there the list Failing")
