"""The commands that report on cards and decks: stats, lint, doctor, export."""

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

from ankiforge.cli.output import (
    DECK,
    FILE,
    Call,
    command,
    exit_with,
    refuse_unknown_options,
)
from ankiforge.cli.session import Session, session
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.anki.collection import Everything
    from ankiforge.config.workspace import Workspace
    from ankiforge.reports.export import Chosen
    from ankiforge.reports.lint import Linted

# --- stats ----------------------------------------------------------------------------------


@command("""
  ankiforge stats                               everything, on one screen
  ankiforge stats --deck Reading --since 2026-09-01
  ankiforge stats drafter:llm                   only cards that a query matches
""", shows="limit")  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@DECK
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Count only answers, drafts and replies from this day on, such as 2026-11-21.",
)
def stats(call: Call, query: tuple[str, ...], deck: str, since: datetime | None) -> None:
    """Show how far highlights have come, which drafts you keep, and how cards fare in Anki."""
    from ankiforge.anki.notes import deck_name
    from ankiforge.cli.selection import joined
    from ankiforge.model import Guid
    from ankiforge.reports.stats import (
        SHOWN,
        WIDTH,
        Choice,
        as_json,
        as_text,
        prices_by,
        statistics,
    )

    with session(call, read_only=True) as now:
        words, cards = joined(query), None
        if words:
            matching = now.review.matching(words, everything=True)
            cards = frozenset(Guid(card.guid) for card in matching)
        day = since.date() if since else None
        choice = Choice(deck_name(deck) if deck else "", words, cards, day)
        prices = prices_by(now.workspace.config.llm)
        found = statistics(now.ledger, choice, prices)
    out = call.out
    if out.as_json:
        out.data(as_json(found, call.program))
    else:
        shown = call.shown(SHOWN) if call.limit is None else call.limit
        width = min(max(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH), 2 * WIDTH)
        for line, heading in as_text(found, call.program, shown, width):
            if not out.print(out.style(line, bold=True) if heading else line):
                return


# --- any deck -------------------------------------------------------------------------------


@contextmanager
def _opened_deck(call: Call, path: Path) -> Iterator[Everything]:
    """Open a copy of a collection or an export with all its notes.

    Raises:
        UsageError: the file is not one, or is damaged, which may be noticed only during reading.
    """
    from ankiforge.anki.collection import open_everything

    try:
        with open_everything(path) as deck:
            call.out.say(f"the notes of {path}")
            yield deck
    except ItemError as error:
        from ankiforge.cli.delivery import previous

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
            yield Linter().cards(now.ledger.cards.all())
        return
    with _opened_deck(call, file.expanduser().absolute()) as deck:
        notes = (read_note(note, deck.types.get(note.type_id)) for note in deck.notes())
        yield Linter().notes(notes)


# --- doctor ---------------------------------------------------------------------------------


@command("""
  ankiforge doctor                  the current workspace
  ankiforge doctor -C ~/cards       another one
  ankiforge doctor --json           one line per check
  ankiforge doctor --draw           let a model on another machine draft a sample card
  ankiforge doctor --take-over      use a copied ledger from now on

Exit code: 0 if all is well, 1 for warnings that need action, else the failing part's code
(2 settings, 3 a service, 4 the ledger).
""", lines=True)  # fmt: skip
@click.option(
    "--take-over", is_flag=True, help="Use this ledger from now on, although it was copied."
)
@click.option(
    "--draw",
    is_flag=True,
    help="Let a model on another machine draft a sample card; this may cost money.",
)
def doctor(call: Call, take_over: bool, draw: bool) -> None:
    """Check settings, sources, ledger, model and Anki, and say what to do."""
    from ankiforge.config.workspace import home_of, resolve, user_folders
    from ankiforge.reports.discover import Machine
    from ankiforge.reports.doctor import CheckState, Surroundings, examine, exit_code

    def find() -> Workspace:
        return resolve(call.workspace, Path.cwd(), os.environ)

    if take_over:
        import uuid

        from ankiforge.ledger import open_ledger

        workspace = find()
        with open_ledger(workspace.ledger, workspace.journal) as ledger:
            home, _ = home_of(user_folders())
            ledger.ownership.take_over(home, workspace.ledger, uuid.uuid4().hex)
        call.out.say(f"{workspace.ledger} is the ledger from now on")
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
        tell = (
            call.out.warn if call.out.quiet and check.state is CheckState.FAIL else call.out.print
        )
        tell(f"{state}  {check.name}: {check.says}{do}")
    exit_with(exit_code(checks))


# --- export ---------------------------------------------------------------------------------

_FORMATS = ("jsonl", "csv")
_STDOUT = "-"
_BY_ENDING = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
_READ_NO_EXPORT = frozenset(("obsidian", "markdown", "pdf", "zotero"))
"""Kinds of sources that ignore exports among their files."""


# -tag:x is a word of the query, not an option
@command("""
  ankiforge export all.jsonl                  everything
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
  ankiforge export - --format csv document:Lenses
  ankiforge export cards.csv --force          replace a file that is not an export
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("target", required=False, metavar="[FILE]")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Write this format, whatever the name says.",
)
@click.option("--force", is_flag=True, help="Replace a file that is not an export.")
def export(
    call: Call, target: str | None, query: tuple[str, ...], form: str | None, force: bool
) -> None:
    """Write highlights and cards as JSON Lines, or cards as CSV."""
    from ankiforge.cli.selection import joined
    from ankiforge.review.query import FIELDS

    refuse_unknown_options(query)
    if target and target.lstrip("-").partition(":")[0] in FIELDS and ":" in target:
        target, query = _STDOUT, (target, *query)
    target = target or _STDOUT
    form = form or _format_of(target)
    with session(call, read_only=True) as now:
        chosen = _chosen(now, joined(query))
        if target == _STDOUT:
            _print_export(now, chosen, form)
            return
        path = Path(target).expanduser().absolute()
        _check_target(now, path, form, force=force)
        try:
            _write_export(now, chosen, path, form)
        except OSError as error:
            what = f"{path}: cannot be written: {error.strerror or error}"
            raise ItemError(
                what, hint="free space there, or allow writing; nothing is lost"
            ) from error
    counts = {
        "documents": len(chosen.documents),
        "highlights": len(chosen.highlights),
        "cards": len(chosen.cards),
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


def _chosen(now: Session, query: str) -> Chosen:
    """Return the cards, including rejected and retired ones, and the highlights that a query matches."""
    from ankiforge.reports.export import Chosen
    from ankiforge.review.query import parse

    cards = tuple(now.review.matching(query))
    found = {one.key: one for one in now.ledger.highlights.all()}
    keys = now.review.queries.filtered(found, parse(query).terms)
    keys |= {one.key for card in cards for one in (card.highlight, *card.also)}
    highlights = tuple(one for key, one in found.items() if key in keys)
    tags = {str(card.guid): now.review.tags(card) for card in cards}
    documents = {one.document.key for one in highlights}
    documents |= {card.highlight.document.key for card in cards}
    works = now.ledger.search.works_of(sorted(documents))
    return Chosen(highlights, cards, tags, query, works)


def _check_target(now: Session, path: Path, form: str, *, force: bool) -> None:
    """Check that an export may be written to a path.

    Raises:
        UsageError: a source would read it, or the path has a file that is not an export.
    """
    from ankiforge.reports.export import COLUMNS

    read = [
        (source.kind, f"{source.path}, which {source.kind} reads", source.path.resolve())
        for source in now.workspace.config.sources
        if source.has_folder
    ]
    places = (place for item in now.workspace.remembered for place in item.places)
    read += [
        (place.kind, f"what {place.kind} reads of {place.root}", target)
        for place in places
        for target in place.targets
    ]
    for kind, where, folder in read:
        if kind not in _READ_NO_EXPORT and path.resolve().is_relative_to(folder):
            what = f"{path} is in {where}: it would read itself"
            raise UsageError(what, hint="export to another folder")
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint=f"name a file: {path.name}/all.{form}")
    if path.exists() and not force:
        begins = b'{"type":"ankiforge"' if form == "jsonl" else ",".join(COLUMNS).encode()
        with path.open("rb") as file:
            if file.read(len(begins)) not in (begins, b""):
                raise UsageError(
                    f"{path} is not an export of ankiforge", hint="use another name, or --force"
                )


def _print_export(now: Session, chosen: Chosen, form: str) -> None:
    from ankiforge.reports.export import as_csv, lines

    if now.out.as_json and form != "jsonl":
        raise UsageError("--json prints JSON Lines", hint=f"name a file for {form}")
    if form == "csv":
        now.out.write(as_csv(chosen).replace("\r\n", "\n").rstrip("\n"))
    else:
        for line in lines(chosen, now.card_data):
            if not now.out.data(line):
                return


def _write_export(now: Session, chosen: Chosen, path: Path, form: str) -> None:
    import msgspec

    from ankiforge.reports.export import as_csv, lines, write

    if form == "csv":
        write(path, [as_csv(chosen)])
    else:
        encoded = map(msgspec.json.encode, lines(chosen, now.card_data))
        write(path, (f"{line.decode()}\n" for line in encoded))
