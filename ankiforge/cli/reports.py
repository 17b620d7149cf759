"""The commands that report: stats, lint, doctor, export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import DECK, FILE, Call, command, exit_with, refuse_unknown_options
from ankiforge.cli.session import Session, session
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.reports.export import Chosen

# --- stats ----------------------------------------------------------------------------------

WIDTH = 80
GROUPS = 8
"""The number of sources, documents and drafters that are shown."""


@command("""
  ankiforge stats
  ankiforge stats --json
""", shows="limit")  # fmt: skip
def stats(call: Call) -> None:
    """Show what became of highlights and drafts, and how the cards fare in Anki."""
    from ankiforge.reports.stats import as_text, statistics

    with session(call, read_only=True) as now:
        found = statistics(now.ledger, datetime.now())
    if call.out.as_json:
        call.out.data(found.as_json())
        return
    width = max(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    for line in as_text(found, call.shown(GROUPS), width):
        call.out.print(line)


# --- lint -----------------------------------------------------------------------------------

_SEVERITIES = ("error", "warn", "info")


@command("""
  ankiforge lint deck.apkg                 any deck, whoever made it
  ankiforge lint ~/.local/share/Anki2/"User 1"/collection.anki2 --severity error
  ankiforge lint deck.apkg --deck Biology -v
""", shows="limit")  # fmt: skip
@click.argument("file", type=FILE)
@DECK
@click.option("--severity", type=click.Choice(_SEVERITIES), default="warn", show_default=True, help="Show only what is at least this severe.")  # fmt: skip
def lint(call: Call, file: Path, deck: str, severity: str) -> None:
    """Run the checks on the notes of FILE, an .apkg, .colpkg or collection; change nothing.

    Exit code 1 if a note has an error.
    """
    from ankiforge.anki.collection import open_view
    from ankiforge.anki.notes import in_deck
    from ankiforge.deliver import previous
    from ankiforge.model import Severity
    from ankiforge.reports.lint import SHOWN, Counts, Linter, read_note

    order = list(Severity)
    least = order.index(Severity("block" if severity == "error" else severity))
    counts, path = Counts(shown=call.shown(SHOWN)), file.expanduser().absolute()
    try:
        with open_view(path, everyone=True) as opened:
            call.out.say(f"the notes of {path}")
            types = {kind.id: kind for kind in opened.types}
            notes = (read_note(one, types.get(one.type_id)) for one in opened.notes())
            for note, found in Linter().notes(notes):
                if not in_deck(note.deck, deck):
                    continue
                findings = [one for one in found if order.index(one.severity) >= least]
                counts.add(note, findings)
                if call.out.as_json and findings:
                    call.out.data(note.as_json(findings, fields=call.out.verbose))
    except ItemError as error:
        hint, kept = error.hint, previous(path)
        if not path.exists() and kept.is_file():
            hint = f"Anki has all its cards, so it was renamed: {kept}"
        raise UsageError(error.message, hint=hint) from error
    for line in () if call.out.as_json else counts.as_text():
        call.out.print(line)
    exit_with(1 if counts.errors else 0)


# --- doctor ---------------------------------------------------------------------------------


@command("""
  ankiforge doctor                  the current workspace
  ankiforge doctor --json           one line per check

Exit code: 0 if all is well, 1 for warnings that need action, else the failing part's code
(2 settings, 3 a service, 4 the ledger).
""")  # fmt: skip
def doctor(call: Call) -> None:
    """Check settings, sources, ledger, model and Anki, and say what to do."""
    from ankiforge.config.workspace import resolve, user_folder
    from ankiforge.reports.discover import Machine
    from ankiforge.reports.doctor import CheckState, Surroundings, examine, exit_code

    colours = {CheckState.OK: "green", CheckState.WARN: "yellow", CheckState.FAIL: "red"}
    around = Surroundings(user_folder(), Machine.this(), os.environ, call.offline)
    checks = []
    for check in examine(partial(resolve, call.workspace, Path.cwd(), os.environ), around):
        checks.append(check)
        if call.out.as_json:
            call.out.data(check)
            continue
        state = call.out.style(f"{check.state.value:4}", fg=colours[check.state])
        do = f"\n      do: {check.do}" if check.do else ""
        failed = call.out.quiet and check.state is CheckState.FAIL
        tell = call.out.warn if failed else call.out.print
        tell(f"{state}  {check.name}: {check.says}{do}")
    exit_with(exit_code(checks))


# --- export ---------------------------------------------------------------------------------

_STDOUT = "-"
_FORMATS = {".jsonl": "jsonl", ".csv": "csv"}


# -tag:x is a word of the query, not an option
@command("""
  ankiforge export all.jsonl                  everything
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
  ankiforge export - document:Lenses          to stdout
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("target", default=_STDOUT, metavar="[FILE]")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def export(call: Call, target: str, query: tuple[str, ...], force: bool) -> None:
    """Write highlights and cards to FILE.jsonl, or cards to FILE.csv; without FILE, JSON Lines to stdout."""
    refuse_unknown_options(query)
    path = Path(target).expanduser().absolute()
    form = "jsonl" if target == _STDOUT else _FORMATS.get(path.suffix.casefold(), "")
    if not form:
        raise UsageError(f"{target}: unknown format", hint="name a FILE.jsonl or FILE.csv")
    if target != _STDOUT and path.exists() and not force:
        raise UsageError(f"{path}: exists already", hint="another name, or --force to replace it")
    with session(call, read_only=True) as now:
        chosen = _chosen(now, query)
        text = _text(now, chosen, form)
        if target == _STDOUT:
            for line in text:
                if not call.out.write(line.rstrip("\r\n")):
                    break
            return
        beside = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", encoding="utf-8", newline="") as file:
                file.writelines(text)
            beside.replace(path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            what = f"{path}: cannot be written: {error.strerror or error}"
            raise ItemError(what, hint="free space there, or allow writing") from error
    counts = {
        "documents": len(chosen.documents),
        "highlights": len(chosen.highlights),
        "cards": len(chosen.lines),
    }
    if call.out.as_json:
        call.out.data({"format": form, "path": str(path), **counts, "written": [str(path)]})
        return
    call.out.say(f"{path}: {', '.join(f'{count} {name}' for name, count in counts.items())}")


def _chosen(now: Session, query: tuple[str, ...]) -> Chosen:
    """Return the cards and drafts, whatever was decided about them, and the highlights that a query matches."""
    from ankiforge.reports.export import Chosen
    from ankiforge.review.query import joined, parse

    terms = parse(joined(query)).terms
    lines = tuple(now.ledger.lines(now.ledger.find(terms, everything=True)))
    keys = {line.highlight.key for line in lines}
    highlights = (one.highlight for one in now.ledger.fates())
    kept = tuple(one for one in highlights if not terms or one.key in keys)
    return Chosen(kept, lines, joined(query))


def _text(now: Session, chosen: Chosen, form: str) -> Iterator[str]:
    from ankiforge.reports.cards import line_json, line_tags
    from ankiforge.reports.export import as_csv, as_lines

    if form == "csv":
        return iter([as_csv(chosen, lambda line: line_tags(line, now.decks))])
    return as_lines(chosen, lambda line: line_json(now.ledger, line, now.decks))
