"""The commands that report: stats, lint, doctor, export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import DECK, FILE, Call, command, exit_with, refuse_unknown_options
from ankiforge.cli.session import Session, session
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.anki.collection import CollectionView
    from ankiforge.config.workspace import Workspace
    from ankiforge.reports.export import Chosen
    from ankiforge.reports.lint import Linted

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
    from ankiforge import app
    from ankiforge.ledger import REPLIES_FILE
    from ankiforge.reports.stats import as_json, as_text, prices_by, statistics

    with session(call, read_only=True) as now:
        paid = []
        if (now.workspace.folder / REPLIES_FILE).exists():
            replies = app.open_replies(now.workspace)
            paid = replies.paid()
            replies.close()
        prices = prices_by(now.workspace.config.llm, (one.model for one in paid))
        found = statistics(now.ledger, paid, prices, datetime.now())
    if call.out.as_json:
        call.out.data(as_json(found))
        return
    width = max(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)
    for line in as_text(found, call.shown(GROUPS), width):
        call.out.print(line)


# --- any deck -------------------------------------------------------------------------------


@contextmanager
def _opened_deck(call: Call, path: Path) -> Iterator[CollectionView]:
    """Open a copy of a collection or an export with all its notes.

    Raises:
        UsageError: the file is not one, or is damaged, which may be noticed only during reading.
    """
    from ankiforge.anki.collection import open_view

    try:
        with open_view(path, everyone=True) as deck:
            call.out.say(f"the notes of {path}")
            yield deck
    except ItemError as error:
        from ankiforge.deliver import previous

        hint, kept = error.hint, previous(path)
        if not path.exists() and kept.is_file():
            hint = f"Anki has all its cards, so it was renamed: {kept}"
        raise UsageError(error.message, hint=hint) from error


# --- lint -----------------------------------------------------------------------------------

_SEVERITIES = {"error": "block", "block": "block", "warn": "warn", "info": "info"}


@command("""
  ankiforge lint                           the cards of the workspace
  ankiforge lint deck.apkg                 any deck, whoever made it
  ankiforge lint ~/.local/share/Anki2/"User 1"/collection.anki2 --severity error
  ankiforge lint deck.apkg --check duplicate --deck Biology -v
""", shows="limit", lines=True)  # fmt: skip
@click.argument("file", required=False, type=FILE, metavar="[FILE]")
@DECK
@click.option(
    "--check", "checks", multiple=True, metavar="ID", help="Show only what this check finds."
)
@click.option(
    "--severity",
    type=click.Choice(list(_SEVERITIES)),
    default="warn",
    show_default=True,
    help="Show only findings that are at least this severe.",
)
def lint(call: Call, file: Path | None, deck: str, checks: tuple[str, ...], severity: str) -> None:
    """Run the checks on the notes of FILE, an .apkg, .colpkg or collection; change nothing.

    Without FILE, the cards of the workspace are checked. Exit code 1 if a note has an error.
    """
    from ankiforge.anki.notes import in_deck
    from ankiforge.check import RULES
    from ankiforge.model import Severity
    from ankiforge.reports.lint import SHOWN, FindingCounts, as_json

    known = {rule.id for rule in RULES}
    for name in checks:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "docs/checks.md names them"
            raise UsageError(f"there is no check {name!r}", hint=hint)
    order = list(Severity)
    least = order.index(Severity(_SEVERITIES[severity]))
    tally = FindingCounts(shown=call.shown(SHOWN))
    with _linted(call, file) as notes:
        for linted in notes:
            if not in_deck(linted.note.deck, deck):
                continue
            findings = tuple(
                one
                for one in linted.findings
                if (not checks or one.check in checks) and order.index(one.severity) >= least
            )
            kept = replace(linted, findings=findings)
            tally.add(kept)
            if call.out.as_json and findings:
                call.out.data(as_json(kept, fields=call.out.verbose))
    if not call.out.as_json:
        for line in tally.as_text():
            call.out.print(line)
    exit_with(1 if tally.errors else 0)


@contextmanager
def _linted(call: Call, file: Path | None) -> Iterator[Iterable[Linted]]:
    """Yield an iterator over the findings for all notes, which reads them one by one."""
    from ankiforge.reports.lint import Linter, read_note

    if file is None:
        with session(call, read_only=True) as now:
            call.out.say(f"the cards of the workspace {now.workspace.root}")
            yield Linter().cards(now.ledger.cards())
        return
    with _opened_deck(call, file.expanduser().absolute()) as deck:
        types = {kind.id: kind for kind in deck.types}
        notes = (read_note(note, types.get(note.type_id)) for note in deck.notes())
        yield Linter().notes(notes)


# --- doctor ---------------------------------------------------------------------------------


@command("""
  ankiforge doctor                  the current workspace
  ankiforge doctor --json           one line per check
  ankiforge doctor --draw           let a model on another machine draft a sample card

Exit code: 0 if all is well, 1 for warnings that need action, else the failing part's code
(2 settings, 3 a service, 4 the ledger).
""", lines=True)  # fmt: skip
@click.option("--draw", is_flag=True, help="Let a model on another machine draft a sample card; this may cost money.")  # fmt: skip
def doctor(call: Call, draw: bool) -> None:
    """Check settings, sources, ledger, model and Anki, and say what to do."""
    from ankiforge.config.workspace import resolve, user_folders
    from ankiforge.reports.discover import Machine
    from ankiforge.reports.doctor import CheckState, Surroundings, examine, exit_code

    def find() -> Workspace:
        return resolve(call.workspace, Path.cwd(), os.environ)

    colours = {CheckState.OK: "green", CheckState.WARN: "yellow", CheckState.FAIL: "red"}
    around = Surroundings(user_folders(), Machine.this(), os.environ, call.offline, draw)
    checks = []
    for check in examine(find, around):
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

_FORMATS = ("jsonl", "csv")
_STDOUT = "-"
_BY_ENDING = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}


# -tag:x is a word of the query, not an option
@command("""
  ankiforge export all.jsonl                  everything
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
  ankiforge export - --format csv document:Lenses
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("target", default=_STDOUT, metavar="[FILE]")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--format", "form", type=click.Choice(_FORMATS), help="Write this format, whatever the name says.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace an existing file.")
def export(call: Call, target: str, query: tuple[str, ...], form: str | None, force: bool) -> None:
    """Write highlights and cards as JSON Lines, or cards as CSV."""
    from ankiforge.reports.export import write

    refuse_unknown_options(query)
    form = form or _format_of(target)
    with session(call, read_only=True) as now:
        chosen = _chosen(now, query)
        if target == _STDOUT:
            for text in _text(now, chosen, form):
                if not call.out.write(text.rstrip("\r\n")):
                    return
            return
        path = Path(target).expanduser().absolute()
        if path.exists() and not force:
            raise UsageError(
                f"{path}: exists already", hint="another name, or --force to replace it"
            )
        try:
            write(path, _text(now, chosen, form))
        except OSError as error:
            what = f"{path}: cannot be written: {error.strerror or error}"
            raise ItemError(
                what, hint="free space there, or allow writing; nothing is lost"
            ) from error
    counts = {
        "documents": len(chosen.documents),
        "highlights": len(chosen.highlights),
        "cards": len(chosen.lines),
    }
    if call.out.as_json:
        call.out.data({"format": form, "path": str(path), **counts, "written": [str(path)]})
        return
    call.out.say(f"{path}: {', '.join(f'{count} {name}' for name, count in counts.items())}")


def _format_of(target: str) -> str:
    """Return the format for a target: JSON Lines for stdout, else by its ending."""
    ending = Path(target).suffix.casefold()
    if target == _STDOUT:
        return "jsonl"
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    raise UsageError(f"{target}: unknown format", hint=f"--format {'|'.join(_FORMATS)}")


def _chosen(now: Session, query: tuple[str, ...]) -> Chosen:
    """Return the cards and drafts, whatever was decided about them, and the highlights that a query matches."""
    from ankiforge.reports.cards import line_tags
    from ankiforge.reports.export import Chosen
    from ankiforge.review.query import joined, parse

    terms = parse(joined(query)).terms
    lines = tuple(now.ledger.lines(now.ledger.find(terms, everything=True)))
    keys = {line.highlight.key for line in lines}
    highlights = tuple(
        one.highlight for one in now.ledger.fates() if not terms or one.highlight.key in keys
    )
    return Chosen(highlights, lines, lambda line: line_tags(line, now.decks), joined(query))


def _text(now: Session, chosen: Chosen, form: str) -> Iterator[str]:
    import msgspec

    from ankiforge.reports.cards import line_json
    from ankiforge.reports.export import as_csv, lines

    if form == "csv":
        yield as_csv(chosen)
        return
    for line in lines(chosen, lambda one: line_json(now.ledger, one, now.decks)):
        yield msgspec.json.encode(line).decode() + "\n"
