"""The command `repair`: cards that fail in Anki, and plain faults in any deck."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from ankiforge.cli.output import (
    DECK,
    Call,
    Words,
    command,
    exit_with,
    refuse_unknown_options,
    session,
    show_all,
)
from ankiforge.cli.progress import counting_bar
from ankiforge.errors import named_by_person
from ankiforge.text import counted


# -x is a word of the query, not an option
@command("""
  ankiforge repair                           the cards that fail
  ankiforge repair deck:Biology              those of a deck, and what is faulty there
  ankiforge repair nid:1700000000000         one of them
  ankiforge repair deck.apkg -v              the faults of any deck, whoever made it
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY|FILE]...")
@DECK
def repair(call: Call, query: Words, deck: str) -> None:
    """List the cards that fail in Anki, or the faults in a FILE: .apkg, collection, CSV.

    Nothing is changed. The page of ankiforge review rewords the cards: a model, your chat, or
    you. Of a FILE, exit code 1 if a card in it does not work in Anki.
    """
    from ankiforge.anki.reading import TABLES

    refuse_unknown_options(query)
    if len(query) == 1:
        path = Path(query[0]).expanduser()
        if (
            path.suffix.casefold() in (*TABLES, ".apkg", ".colpkg", ".anki2")
            or path.is_file()
        ):
            with named_by_person():
                _check_file(call, path.absolute(), deck)
            return
    words = (*query, f"deck:{deck}") if deck else query
    _list(call, words)


# --- a file -----------------------------------------------------------------------------------


def _check_file(call: Call, path: Path, deck: str) -> None:
    """Print the faults of the notes of a file, and end with its exit code."""
    from ankiforge.anki.notes import in_deck
    from ankiforge.pipeline.repair import check_deck, faults_of, notes_of
    from ankiforge.reports.repair import SHOWN, Counts, note_json

    counts = Counts(shown=call.shown(SHOWN))
    decks = set()
    with notes_of(path) as (notes, count):
        call.say(f"the notes of {path}")
        with counting_bar(call, "checking", count) as show:
            for number, note in enumerate(notes, start=1):
                show(number)
                decks.add(note.deck)
                if not in_deck(note.deck, deck):
                    continue
                findings = faults_of(note)
                counts.add(note, findings)
                if call.as_json and findings:
                    call.data(note_json(note, findings, fields=call.verbose))
    if deck:
        check_deck(deck, decks)
    if not call.as_json:
        call.show(None, counts.as_text())
    exit_with(1 if counts.errors else 0)


# --- the collection ---------------------------------------------------------------------------


def _list(call: Call, query: Words) -> None:
    """Print the cards that fail, and those of named decks that have faults."""
    from ankiforge.pipeline.repair import listing
    from ankiforge.reports.repair import entry_json, entry_text

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
