"""The commands that show and report: status, list, show, seen, stats, lint, doctor, export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import (
    DECK,
    FILE,
    Call,
    Session,
    Shown,
    Words,
    command,
    exit_with,
    flag,
    refuse_unknown_options,
    session,
    show_all,
    show_in_pager,
    workspace_of,
)
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.ledger import Line, Match
    from ankiforge.model import Question

VIEWS = ("new", "changed", "questions", "recent", "unknown")
"""The lists of things that wait or are to be known."""

# --- status ---------------------------------------------------------------------------------


@command("""
  ankiforge status           what waits, and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: Call) -> None:
    """Show what waits for you, and what to run next."""
    from ankiforge.reports.summary import status_of, status_text

    with session(call, read_only=True) as now:
        found = status_of(now.workspace, now.ledger)
    call.show(found, status_text(found))


# --- list, show -----------------------------------------------------------------------------


# -finding:* is a word of the query, not an option
@command("""
  ankiforge list                        drafts and cards
  ankiforge list --view new -v          waiting drafts in full, those without warnings first
  ankiforge list --view questions       what only you can tell
  ankiforge list --no-card              highlights with neither card nor draft, each with its reason
  ankiforge list deck:Biology "cell membrane" --json
Fields: deck document source tag colour kind verdict anki finding drafter key
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag("--all", "everything", help="Include rejected and retired cards, and highlights left out.")
@flag("--no-card", help="List highlights with neither a card nor a draft, and why.")
@click.option("--view", type=click.Choice(VIEWS), help="List only what is in this list.")
def list_(call: Call, query: Words, everything: bool, no_card: bool, view: str | None) -> None:
    """List drafts and cards. Words match text and title; `field:value` matches that field."""
    refuse_unknown_options(query)
    if view and no_card:
        raise UsageError("--view and --no-card are two lists: use one of them")
    with session(call, read_only=True) as now:
        if no_card:
            found = _without_card(now, query, everything=everything)
        else:
            found = _listed(now, query, view or "", everything=everything)
        if not show_in_pager(call, found, apart=call.verbose) and call.limit != 0:
            call.say("nothing here; see also: ankiforge list --all, or list --no-card")


def _listed(now: Session, words: Words, view: str, *, everything: bool) -> Shown:
    """Yield what a list shows, of what a query matches."""
    from ankiforge.reports import cards

    if view in ("recent", "unknown", "questions") and words:
        raise UsageError(f"--view {view} takes no query", hint="ankiforge list QUERY")
    match view:
        case "questions":
            asked = (one for one in now.ledger.questions() if one.kind != "conflict")
            return (_question(one, whole=now.call.verbose) for one in asked)
        case "recent":
            return ((cards.done_json(one), (cards.done_line(one),)) for one in now.ledger.history())
        case "unknown":
            return _unknown(now)
        case "changed":
            return _changed(now, words)
    ids = _ids(now, words, everything=everything)
    return _lines(now, _new(now, ids) if view == "new" else now.ledger.lines(ids))


def _ids(now: Session, words: Words, *, everything: bool = False) -> list[str]:
    """Return the cards and drafts that the words of a query match."""
    from ankiforge.pipeline.query import joined, parse

    return now.ledger.find(parse(joined(words)), everything=everything)


def _lines(now: Session, lines: Iterable[Line], *, whole: bool = False) -> Shown:
    """Yield cards and drafts, in full if `whole` or verbose."""
    from ankiforge.pipeline.deliver import lines_as_in_anki
    from ankiforge.reports import cards

    history, full = whole and now.call.verbose, whole or now.call.verbose
    questions = now.ledger.questions() if full else []
    for line in lines_as_in_anki(now.ledger, lines):
        told = now.ledger.history(line.id if line.card else line.highlight.key) if history else ()
        if now.call.as_json:
            data = cards.line_json(now.ledger, line, now.decks)
            if whole:
                data["questions"] = [
                    cards.question_json(one) for one in questions if line.id in one.guids
                ]
            if history:
                data["decisions"] = [cards.done_json(one) for one in told]
            yield data, ()
        elif full:
            text = cards.line_text(now.ledger, line, questions)
            yield None, (*text, *map(cards.done_line, told))
        else:
            yield None, (cards.one_line(line),)


def _new(now: Session, ids: list[str]) -> Iterator[Line]:
    """Yield the new drafts that the review page has, in its order, each with its alternatives."""
    chosen = set(ids)
    first = [id for id in now.ledger.order().new if id in chosen]
    drafts = now.ledger.lines(first)
    for line in drafts:
        yield line
        yield from _alternatives(now, line, chosen)


def _alternatives(now: Session, line: Line, chosen: set[str]) -> Iterator[Line]:
    """Yield the other drafts of the same fact."""
    origin, intent = line.words.origin, line.waiting.draft.intent if line.waiting else ""
    if not origin.request:
        return
    for other in now.ledger.lines([line.highlight.key]):
        if other.id == line.id or other.id not in chosen or other.waiting is None:
            continue
        same = (other.words.origin.request, other.waiting.draft.intent) == (origin.request, intent)
        if same and not other.waiting.revises and not other.waiting.replaces:
            yield other


def _changed(now: Session, words: Words) -> Shown:
    """Yield revisions and conflicts; then what changed with its source lately, and what is gone there."""
    from ankiforge.ledger import QueryTerm
    from ankiforge.pipeline.query import lately
    from ankiforge.reports.cards import change_lines, done_json

    chosen = _ids(now, words)
    yield from _lines(
        now, now.ledger.lines(id for id in now.ledger.order().revisions if id in chosen)
    )
    for question in now.ledger.questions():
        if question.kind == "conflict" and set(chosen).intersection(question.guids):
            yield _question(question)
    for done in now.ledger.history(changes_since=lately()):
        if done.guid in chosen:
            yield done_json(done), change_lines(done)
    gone = set(now.ledger.find([QueryTerm("finding", "source_gone")]))
    yield from _lines(now, now.ledger.lines(one for one in chosen if one in gone))


def _question(question: Question, *, whole: bool = True) -> tuple[Any, Iterable[str]]:
    from ankiforge.reports.cards import question_json, question_line, question_text

    text = question_text(question) if whole else (question_line(question),)
    return question_json(question), text


def _unknown(now: Session) -> Shown:
    """Yield notes of ours in Anki that the journal does not know, and whose passage was not found."""
    from ankiforge.anki.render import unrender
    from ankiforge.text import on_one_line, shortened

    for note in now.ledger.notes(known=False):
        fields = [unrender(html) for html in note.fields[:2]]
        data = {"id": None, "guid": note.guid, "deck": note.deck, "tags": note.tags}
        words = shortened(on_one_line(fields[0] if fields else ""), 72)
        yield {**data, "fields": fields}, (f"{note.guid[:10]}  {note.deck}  {words}",)


def _without_card(now: Session, query: Words, *, everything: bool) -> Shown:
    """Yield the highlights with neither a card nor a draft, each with its reason.

    `everything`: those that a person, a colour or a setting left out, too.
    """
    from ankiforge.ledger import WITHOUT
    from ankiforge.reports.cards import fate_lines, highlight_json

    wanted = (*WITHOUT, "ignored") if everything else WITHOUT
    for one in now.ledger.fates():
        highlight = one.highlight
        words = f"{highlight.exact} {highlight.document.title}".casefold()
        if one.fate in wanted and all(word.casefold() in words for word in query):
            data = {**highlight_json(highlight), "fate": one.fate, "reason": one.reason}
            yield data, fate_lines(one)


@command("""
  ankiforge show afpl5zre
  ankiforge show afpl5zre -v                with its history
  ankiforge show deck:Biology membrane      all cards that a query matches
""")
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
def show(call: Call, words: Words) -> None:
    """Show cards, drafts and questions in full, with the commands that settle them."""
    with session(call, read_only=True) as now:
        show_all(call, _shown(now, words), apart=True)


def _shown(now: Session, words: Words) -> Shown:
    """Yield what ids name, or what a query matches.

    Raises:
        UsageError: there is none.
    """
    from ankiforge.ledger import QueryTerm
    from ankiforge.pipeline.query import find, is_id, is_key

    if all(map(is_id, words)):
        ids = [find(now.ledger, word) for word in words]
    elif len(words) == 1 and is_key(words[0]):
        ids = now.ledger.find([QueryTerm("key", words[0])], everything=True)
    else:
        ids = _ids(now, words)
    if not ids:
        typed = " ".join(words)
        what = f"nothing to show: {typed} is not an id, and as a query it matches no card"
        raise UsageError(what, hint=f"ankiforge list --all {typed}")
    if any(one.startswith("qu") for one in ids):
        yield from (_question(one) for one in now.ledger.questions() if one.id in ids)
    yield from _lines(now, now.ledger.lines(ids), whole=True)


# --- seen -----------------------------------------------------------------------------------

# The default number of works that are shown.
_WORKS = 10


# -x is a word of the query, not an option
@command("""
  ankiforge search forgetting curve       words from titles, names, highlights or cards
  ankiforge search 10.1037/h0061626       a DOI, arXiv id, ISBN, PMID or @citekey
  ankiforge search https://arxiv.org/abs/1706.03762v5
  ankiforge search ~/Downloads/paper.pdf  a PDF, by its identifiers or title
  ankiforge search "Attention is al you need"  a title, even misspelt
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, required=True, metavar="QUERY|FILE.pdf")
def search(call: Call, query: Words) -> None:
    """Search your works, highlights and cards, and show how well you remember them."""
    from ankiforge.reports.cards import seen_json, seen_text
    from ankiforge.text import shortened

    refuse_unknown_options(query)
    words = " ".join(query)
    ledger = workspace_of(call).ledger.path
    keeps = os.access(ledger, os.W_OK) and os.access(ledger.parent, os.W_OK)
    with session(call, read_only=not keeps) as now:  # the index is kept if it can be
        most = _WORKS if call.limit is None else call.limit
        looked = now.ledger.get_setting("looked")
        told = (seen_json(one, looked) for one in islice(_works(now, words), most))
        shown = ((one, seen_text(one, whole=call.verbose)) for one in told)
        if not show_all(call, shown, apart=True) and call.limit != 0:
            call.say(f"nothing you have read matches {shortened(words, 100)!r}")


def _works(now: Session, words: str) -> Iterator[Match]:
    """Return the works that match words or a PDF.

    Raises:
        ItemError: the PDF cannot be read.
    """
    path = Path(words).expanduser()
    if path.suffix.casefold() != ".pdf" or not path.is_file():
        return now.ledger.search(words)
    from ankiforge.extract.pdf import identify
    from ankiforge.model import Problem

    document = identify(path)
    if isinstance(document, Problem):
        raise ItemError(f"{document.where}: {document.what}", hint=document.hint)
    return now.ledger.search("", [document.document])


# --- stats ----------------------------------------------------------------------------------

GROUPS = 8
"""The number of sources, documents and drafters that are shown."""


@command("""
  ankiforge stats
  ankiforge stats --json
""")
def stats(call: Call) -> None:
    """Show what became of highlights and drafts, and how the cards fare in Anki."""
    from ankiforge.reports.summary import statistics, stats_text

    with session(call, read_only=True) as now:
        found = statistics(now.ledger, datetime.now())
    width = shutil.get_terminal_size().columns
    call.show(found.as_json(), stats_text(found, call.shown(GROUPS), width))


# --- lint -----------------------------------------------------------------------------------


@command("""
  ankiforge lint deck.apkg                 any deck, whoever made it
  ankiforge lint ~/.local/share/Anki2/"User 1"/collection.anki2
  ankiforge lint deck.apkg --deck Biology -v
""")
@click.argument("file", type=FILE)
@DECK
def lint(call: Call, file: Path, deck: str) -> None:
    """Run the checks on the notes of FILE, an .apkg, .colpkg or collection; change nothing.

    Exit code 1 if a note has an error.
    """
    from ankiforge.anki.collection import open_view
    from ankiforge.anki.notes import in_deck
    from ankiforge.reports.lint import SHOWN, Counts, check_notes, read_note

    counts, path = Counts(shown=call.shown(SHOWN)), file.expanduser().absolute()
    try:
        with open_view(path, None) as opened:
            call.say(f"the notes of {path}")
            types = {kind.id: kind for kind in opened.types}
            notes = (read_note(one, types.get(one.type_id)) for one in opened.notes())
            for note, findings in check_notes(notes):
                if not in_deck(note.deck, deck):
                    continue
                counts.add(note, findings)
                if call.as_json and findings:
                    call.data(note.as_json(findings, fields=call.verbose))
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error
    for line in () if call.as_json else counts.as_text():
        call.print(line)
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
    from ankiforge.extract import registry
    from ankiforge.reports.doctor import Machine, Surroundings, examine, exit_code

    around = Surroundings(user_folder(), Machine.this(), os.environ, call.offline)
    checks = []
    for check in examine(partial(resolve, call.folder, Path.cwd(), registry, os.environ), around):
        checks.append(check)
        do = [f"      do: {check.do}"] if check.do else []
        call.show(check, [f"{check.state.value:4}  {check.name}: {check.says}", *do])
    exit_with(exit_code(checks))


# --- export ---------------------------------------------------------------------------------


# -tag:x is a word of the query, not an option
@command("""
  ankiforge export all.jsonl                  everything
  ankiforge export cards.csv deck:Biology     the cards of a deck, for a spreadsheet
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("path", type=FILE, metavar="FILE")
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag("--force", help="Replace an existing file.")
def export(call: Call, path: Path, query: Words, force: bool) -> None:
    """Write highlights and cards to FILE.jsonl, or cards to FILE.csv."""
    from ankiforge.pipeline.deliver import lines_as_in_anki
    from ankiforge.pipeline.query import joined, parse
    from ankiforge.reports.cards import as_csv, as_lines, line_json, line_tags

    refuse_unknown_options(query)
    path = path.expanduser().absolute()
    form = path.suffix.casefold().lstrip(".")
    if form not in ("jsonl", "csv"):
        raise UsageError(f"{path}: unknown format", hint="name a FILE.jsonl or FILE.csv")
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}", hint="make it, or name another one")
    if path.exists() and not force:
        raise UsageError(f"{path}: exists already", hint="another name, or --force to replace it")
    with session(call, read_only=True) as now:
        terms = parse(joined(query))
        found = now.ledger.lines(now.ledger.find(terms, everything=True))
        lines = list(lines_as_in_anki(now.ledger, found))
        keys = {line.highlight.key for line in lines}
        every = (one.highlight for one in now.ledger.fates())
        highlights = [one for one in every if not terms or one.key in keys]
        if form == "csv":
            text = iter([as_csv(lines, lambda line: line_tags(line, now.decks))])
        else:
            told = partial(line_json, now.ledger, decks=now.decks)
            text = as_lines(highlights, lines, joined(query), told)
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(text)
        except OSError as error:
            what = f"{path}: cannot be written: {error.strerror or error}"
            raise ItemError(what, hint="free space there, or allow writing") from error
    counts = {"highlights": len(highlights), "cards": len(lines)}
    if call.as_json:
        call.data({"path": str(path), **counts})
    else:
        call.say(f"{path}: {', '.join(f'{count} {name}' for name, count in counts.items())}")
