"""The command `repair`: cards that fail, and the checks on any deck."""

from __future__ import annotations

from pathlib import Path

import click

from ankiforge.cli.output import DECK, FILE, Call, command, exit_with
from ankiforge.cli.progress import counting_bar
from ankiforge.errors import ItemError, UsageError


@command("""
  ankiforge repair deck.apkg                 check any deck, whoever made it
  ankiforge repair cards.csv                 the cards of a chat
  ankiforge repair deck.apkg --deck Biology -v
""")
@click.argument("file", type=FILE)
@DECK
def repair(call: Call, file: Path, deck: str) -> None:
    """Run the checks on the notes of FILE: .apkg, .colpkg, collection or CSV; change nothing.

    Exit code 1 if a card does not work in Anki.
    """
    _check_file(call, file.expanduser().absolute(), deck)


def _check_file(call: Call, path: Path, deck: str) -> None:
    """Print what is wrong with the notes of a file, and end with its exit code."""
    from ankiforge.anki.notes import in_deck
    from ankiforge.pipeline.repair import check_notes, notes_of
    from ankiforge.reports.repair import SHOWN, Counts, note_json

    counts = Counts(shown=call.shown(SHOWN))
    try:
        with notes_of(path) as (notes, count):
            call.say(f"the notes of {path}")
            with counting_bar(call, "checking", count) as show:
                for number, (note, findings) in enumerate(check_notes(notes), start=1):
                    show(number)
                    if not in_deck(note.deck, deck):
                        continue
                    counts.add(note, findings)
                    if call.as_json and findings:
                        call.data(note_json(note, findings, fields=call.verbose))
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if not call.as_json:
        for line in counts.as_text():
            call.print(line)
    exit_with(1 if counts.errors else 0)
