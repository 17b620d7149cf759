"""The command `repair`: cards that fail, and the checks on any deck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    DECK,
    Call,
    Words,
    command,
    exit_with,
    number_option,
    refuse_unknown_options,
    session,
    show_all,
)
from ankiforge.cli.progress import counting_bar
from ankiforge.errors import UsageError, named_by_person
from ankiforge.text import counted

if TYPE_CHECKING:
    from ankiforge.pipeline.repair import RepairEntry
    from ankiforge.pipeline.workspace import Workspace


# -x is a word of the query, not an option
@command("""
  ankiforge repair                           the cards that fail
  ankiforge repair deck:Biology              those of a deck, and what is badly made there
  ankiforge repair nid:1700000000000 --take 1
  ankiforge repair deck.apkg -v              check any deck, whoever made it
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY|FILE]...")
@number_option(
    "--take", most=9, help="Take the repair N of the one card that QUERY names."
)
@DECK
def repair(call: Call, query: Words, take: int | None, deck: str) -> None:
    """Mend the cards that fail in Anki, or check the notes of a FILE: .apkg, collection, CSV.

    A note keeps its id, its schedule and its log. Of a FILE nothing is changed; exit code 1 if
    a card in it does not work in Anki.
    """
    from ankiforge.anki.reading import TABLES

    refuse_unknown_options(query)
    if len(query) == 1:
        path = Path(query[0]).expanduser()
        if (
            path.suffix.casefold() in (*TABLES, ".apkg", ".colpkg", ".anki2")
            or path.is_file()
        ):
            if take:
                message = (
                    "--take is for cards in your collection, and a file is not changed"
                )
                raise UsageError(message, hint="import it into Anki first")
            with named_by_person():
                _check_file(call, path.absolute(), deck)
            return
    words = (*query, f"deck:{deck}") if deck else query
    _mend(call, words, take)


# --- a file -----------------------------------------------------------------------------------


def _check_file(call: Call, path: Path, deck: str) -> None:
    """Print the faults of the notes of a file, and end with its exit code."""
    from ankiforge.anki.notes import in_deck
    from ankiforge.pipeline.repair import check_deck, check_notes, notes_of
    from ankiforge.reports.repair import SHOWN, Counts, note_json

    counts = Counts(shown=call.shown(SHOWN))
    decks = set()
    with notes_of(path) as (notes, count):
        call.say(f"the notes of {path}")
        with counting_bar(call, "checking", count) as show:
            for number, (note, findings) in enumerate(check_notes(notes), start=1):
                show(number)
                decks.add(note.deck)
                if not in_deck(note.deck, deck):
                    continue
                counts.add(note, findings)
                if call.as_json and findings:
                    call.data(note_json(note, findings, fields=call.verbose))
    if deck:
        check_deck(deck, decks)
    if not call.as_json:
        for line in counts.as_text():
            call.print(line)
    exit_with(1 if counts.errors else 0)


# --- the collection ---------------------------------------------------------------------------


def _mend(call: Call, query: Sequence[str], choice: int | None) -> None:
    """Show the cards that fail, and take repairs of them."""
    from ankiforge.pipeline.repair import listing
    from ankiforge.reports.repair import entry_json, entry_text, repair_text

    with session(call, read_only=choice is None) as workspace:
        with named_by_person():
            found = listing(workspace, query, datetime.now().astimezone())
        entries = [*found.failing, *found.badly_made]
        if choice is not None:
            _take(call, workspace, entries, choice)
            return
        failing = counted(len(found.failing), "card fails", "cards fail")
        told = f"{failing}; in 30 days they took {found.minutes:.0f} minutes"
        if found.badly_made:
            told += f"; {len(found.badly_made):,} more are badly made"
        call.say(told)
        shown = []
        for entry in entries:
            lines = list(entry_text(entry))
            for number, offered in enumerate(entry.offers, 1):
                lines += [f"  {line}" for line in repair_text(number, offered)]
            shown.append((entry_json(entry), lines))
        show_all(call, iter(shown), apart=True)
        if entries:
            one = f"ankiforge repair nid:{entries[0].note.nid} --take 1"
            call.say(f"nothing was changed; {one} takes one")


def _take(
    call: Call, workspace: Workspace, entries: Sequence[RepairEntry], choice: int
) -> None:
    """Take a repair of the one card that a query names."""
    from ankiforge.pipeline.repair import take

    if len(entries) != 1:
        count = counted(len(entries), "card")
        message = f"--take needs one card, and the query names {count}"
        raise UsageError(message, hint="ankiforge repair nid:ID --take N")
    [entry] = entries
    if choice > len(entry.offers):
        count = counted(len(entry.offers), "repair")
        hint = f"ankiforge repair nid:{entry.note.nid}"
        raise UsageError(f"there is no repair {choice}, but {count}", hint=hint)
    chosen = entry.offers[choice - 1]
    action = take(workspace, entry, chosen)
    told = {"id": action, "nid": entry.note.nid, "name": chosen.name}
    call.show(told, [f"taken: {chosen.says}", _NEXT])


_NEXT = "next: ankiforge push, or ankiforge build and import the package"
