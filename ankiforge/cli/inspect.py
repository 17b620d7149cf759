"""The commands that show and report: status, list, show, seen, stats, lint, doctor, export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.commands import PlainOption
from ankiforge.cli.output import (
    DECK,
    FILE,
    Call,
    Shown,
    Words,
    command,
    exit_with,
    flag,
    no_collection,
    refuse_unknown_options,
    session,
    show_all,
    show_in_pager,
    workspace_of,
)
from ankiforge.errors import ItemError, UsageError

if TYPE_CHECKING:
    from ankiforge.ledger import HighlightOutcome, HistoryEntry, Ledger, Line, Match
    from ankiforge.model import Highlight, Json, Question
    from ankiforge.pipeline.workspace import Workspace

VIEWS = ("new", "changed", "questions", "recent", "unknown")
"""The lists of things that wait or are to be known."""

# --- status ---------------------------------------------------------------------------------


@command("""
  ankiforge status           what waits, and the next command
  ankiforge status --json    the same, as JSON
""")
def status(call: Call) -> None:
    """Show what waits for you, and what to run next."""
    from ankiforge.reports.status import status_of, status_text

    with session(call, read_only=True) as workspace:
        state = status_of(workspace.folder, workspace.ledger)
    call.show(state, status_text(state))


# --- list, show -----------------------------------------------------------------------------


# -finding:* is a word of the query, not an option
@command("""
  ankiforge list                        drafts and cards
  ankiforge list --view new -v          waiting drafts in full, those without warnings first
  ankiforge list --view questions       what only you can answer
  ankiforge list --no-card              highlights with neither card nor draft, each with its reason
  ankiforge list deck:Biology "cell membrane" --json
Fields: deck document source tag colour kind verdict anki finding drafter key
""", context_settings={"ignore_unknown_options": True})  # fmt: skip
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@flag(
    "--all",
    "everything",
    help="Include rejected and retired cards, and highlights left out.",
)
@flag("--no-card", help="List highlights with neither a card nor a draft, and why.")
@click.option("--view", type=click.Choice(VIEWS), help="List only what is in this list.")
def list_(
    call: Call,
    query: Words,
    everything: bool,
    no_card: bool,
    view: str | None,
) -> None:
    """List drafts and cards. Words match text and title; `field:value` matches that field."""
    refuse_unknown_options(query)
    if view and no_card:
        raise UsageError("--view and --no-card are two lists: use one of them")
    with session(call, read_only=True) as workspace:
        listing = Listing(call, workspace)
        if no_card:
            shown = listing.without_card(query, everything=everything)
        else:
            shown = listing.listed(query, view or "", everything=everything)
        if not show_in_pager(call, shown, apart=call.verbose) and call.limit != 0:
            others = _other_lists(everything=everything, no_card=no_card)
            commands = [f"ankiforge {other}" for other in others]
            call.say(f"nothing here; see also: {', '.join(commands)}")


def _other_lists(*, everything: bool, no_card: bool) -> list[str]:
    """Return the commands whose lists may have what this one has not."""
    if no_card:
        others = ["list"]
        return others if everything else ["list --no-card --all", *others]
    others = ["list --no-card"]
    return others if everything else ["list --all", *others]


class Listing:
    """What `list` and `show` print.

    Cards, drafts, questions and highlights, as JSON and as lines.
    """

    def __init__(self, call: Call, workspace: Workspace) -> None:
        self._call = call
        self._ledger = workspace.ledger
        self._workspace = workspace

    def listed(self, words: Words, view: str, *, everything: bool) -> Shown:
        """Yield what a list shows, of what a query matches.

        Raises:
            UsageError: the list takes no query, or the query cannot be read.
        """
        from ankiforge.model import QuestionKind
        from ankiforge.reports.cards import done_json, done_line

        if view in ("recent", "unknown", "questions") and words:
            raise UsageError(f"--view {view} takes no query", hint="ankiforge list QUERY")
        match view:
            case "questions":
                questions = self._ledger.questions()
                asked = (
                    question
                    for question in questions
                    if question.kind is not QuestionKind.CONFLICT
                )
                return (
                    _question(question, whole=self._call.verbose) for question in asked
                )
            case "recent":
                history = self._ledger.history()
                return ((done_json(entry), (done_line(entry),)) for entry in history)
            case "unknown":
                return self._unknown()
            case "changed":
                return self._changed(words)
        ids = self.matching(words, everything=everything)
        if view == "new":
            return self.lines(self._new(ids))
        return self.lines(self._ledger.lines(ids))

    def matching(self, words: Words, *, everything: bool = False) -> list[str]:
        """Return the cards and drafts that the words of a query match."""
        from ankiforge.pipeline.query import joined, parse

        return self._ledger.find(parse(joined(words)), everything=everything)

    def lines(self, lines: Iterable[Line], *, whole: bool = False) -> Shown:
        """Yield cards and drafts, in full if `whole` or verbose."""
        from ankiforge.pipeline.collection import lines_as_in_anki

        in_full = whole or self._call.verbose
        questions = self._ledger.questions() if in_full else []
        for line in lines_as_in_anki(self._ledger, lines):
            decisions: list[HistoryEntry] = []
            if whole and self._call.verbose:
                about = line.id if line.card else line.highlight.key
                decisions = self._ledger.history(about)
            if self._call.as_json:
                yield self._as_json(line, questions, decisions, whole=whole), ()
            else:
                yield None, self._as_text(line, questions, decisions, whole=whole)

    def _as_json(
        self,
        line: Line,
        questions: list[Question],
        decisions: list[HistoryEntry],
        *,
        whole: bool,
    ) -> Json:
        """Return a line as JSON; the whole has its questions, and with -v how it was made."""
        from ankiforge.reports.cards import (
            done_json,
            dropped_questions,
            how_made,
            line_json,
            question_json,
            why_model_made_none,
        )

        data = line_json(self._ledger, line, self._workspace.decks)
        if whole:
            about = [question for question in questions if line.id in question.guids]
            data["questions"] = [question_json(question) for question in about]
            if self._call.verbose:
                data["decisions"] = [done_json(entry) for entry in decisions]
                data["made"] = how_made(line.words, self._workspace.kept_reply)
                data["why_none"] = why_model_made_none(self._ledger, line)
                kept = self._workspace.kept_reply
                data["dropped"] = dropped_questions(line.highlight, kept)
        return data

    def _as_text(
        self,
        line: Line,
        questions: list[Question],
        decisions: list[HistoryEntry],
        *,
        whole: bool,
    ) -> Iterable[str]:
        """Return the text of a line: one line, or in full; with -v also how it was made.

        The whole has the questions about its passage that a model asked in vain, too.
        """
        from ankiforge.reports.cards import (
            done_line,
            dropped_questions,
            dropped_text,
            how_made,
            how_made_text,
            line_text,
            one_line,
            why_model_made_none,
        )

        if not (whole or self._call.verbose):
            return (one_line(line),)
        text = line_text(self._ledger, line, questions)
        if not self._call.verbose:
            return text
        made = how_made(line.words, self._workspace.kept_reply)
        text = chain(text, how_made_text(made))
        if whole:
            why_none = why_model_made_none(self._ledger, line)
            dropped = dropped_questions(line.highlight, self._workspace.kept_reply)
            text = chain(text, dropped_text(dropped, why_none))
        return chain(text, map(done_line, decisions))

    def _new(self, ids: list[str]) -> Iterator[Line]:
        """Yield the new drafts that the review page has, in its order.

        Each is followed by its alternatives.
        """
        chosen = set(ids)
        in_order = [id for id in self._ledger.order().new if id in chosen]
        for line in self._ledger.lines(in_order):
            yield line
            yield from self._alternatives(line, chosen)

    def _alternatives(self, line: Line, chosen: set[str]) -> Iterator[Line]:
        """Yield the other drafts of the same fact."""
        request = line.words.origin.request
        if not request or line.waiting is None:
            return
        fact = (request, line.waiting.draft.intent)
        for other in self._ledger.lines([line.highlight.key]):
            waiting = other.waiting
            if other.id == line.id or other.id not in chosen or waiting is None:
                continue
            other_fact = (other.words.origin.request, waiting.draft.intent)
            is_same_fact = other_fact == fact
            if is_same_fact and not waiting.revises and not waiting.replaces:
                yield other

    def _changed(self, words: Words) -> Shown:
        """Yield revisions and conflicts.

        Then follow what changed with its source lately, and what is gone there.
        """
        from ankiforge.ledger import QueryTerm
        from ankiforge.model import QuestionKind
        from ankiforge.pipeline.query import lately
        from ankiforge.reports.cards import change_lines, done_json

        ledger = self._ledger
        chosen = self.matching(words)
        revisions = [id for id in ledger.order().revisions if id in chosen]
        yield from self.lines(ledger.lines(revisions))
        for question in ledger.questions():
            if question.kind is QuestionKind.CONFLICT and set(chosen).intersection(
                question.guids
            ):
                yield _question(question)
        for entry in ledger.history(changes_since=lately()):
            if entry.guid in chosen:
                yield done_json(entry), change_lines(entry)
        without_source = set(ledger.find([QueryTerm("finding", "source_gone")]))
        chosen_without_source = [id for id in chosen if id in without_source]
        yield from self.lines(ledger.lines(chosen_without_source))

    def _unknown(self) -> Shown:
        """Yield notes of ours in Anki that the journal does not know.

        Their passages were not found.
        """
        from ankiforge.anki.render import unrender
        from ankiforge.ledger.views import unknown
        from ankiforge.text import on_one_line, shortened

        for note in unknown(self._ledger):
            fields = [unrender(html) for html in note.fields[:2]]
            words = shortened(on_one_line(fields[0] if fields else ""), 72)
            data = {
                "id": None,
                "guid": note.guid,
                "deck": note.deck,
                "tags": note.tags,
                "fields": fields,
            }
            yield data, (f"{note.guid[:10]}  {note.deck}  {words}",)

    def without_card(self, query: Words, *, everything: bool) -> Shown:
        """Yield the highlights with neither a card nor a draft, each with its reason.

        Args:
            query: words that the highlight, the title of its document or the reason contains.
            everything: those that a person, a colour or a setting left out, too, and what
                looks like a highlight and is none.
        """
        from ankiforge.ledger import WITHOUT
        from ankiforge.reports.cards import (
            highlight_json,
            left_out,
            left_out_json,
            left_out_lines,
            place_of,
        )

        wanted = (*WITHOUT, "left_out") if everything else WITHOUT
        folded_query = [word.casefold() for word in query]
        for outcome in self._ledger.fates():
            highlight = outcome.highlight
            title = highlight.document.title
            words = f"{highlight.exact} {title} {outcome.reason}".casefold()
            says_all = all(word in words for word in folded_query)
            if outcome.fate in wanted and says_all:
                data = {
                    **highlight_json(highlight),
                    "place": place_of(highlight),
                    "fate": outcome.fate,
                    "reason": outcome.reason,
                }
                yield data, self._fate_text(outcome)
        if everything:
            for entry in left_out(self._ledger):
                words = f"{entry.left_out.kind} {entry.place} {entry.left_out.reason}"
                says_all = all(word in words.casefold() for word in folded_query)
                if says_all:
                    yield left_out_json(entry), left_out_lines(entry)

    def _fate_text(self, outcome: HighlightOutcome) -> Iterable[str]:
        """Return the text of a highlight without a card; with -v a model's dropped questions."""
        from ankiforge.reports.cards import dropped_questions, dropped_text, fate_lines

        lines = fate_lines(outcome)
        if not self._call.verbose:
            return lines
        dropped = dropped_questions(outcome.highlight, self._workspace.kept_reply)
        return chain(lines, dropped_text(dropped, ""))

    def named(self, words: Words) -> Shown:
        """Yield what ids name, or what a query matches, in full.

        Raises:
            UsageError: there is none.
        """
        from ankiforge.model import is_question_id

        ids = self._named_ids(words)
        if not ids:
            typed = " ".join(words)
            message = f"nothing to show: {typed} is not an id, and as a query it matches no card"
            raise UsageError(message, hint=f"ankiforge list --all {typed}")
        if any(map(is_question_id, ids)):
            for question in self._ledger.questions():
                if question.id in ids:
                    yield _question(question)
        yield from self.lines(self._ledger.lines(ids), whole=True)

    def _named_ids(self, words: Words) -> list[str]:
        """Return the ids that words name: ids, the key of a highlight, or a query."""
        from ankiforge.ledger import QueryTerm
        from ankiforge.pipeline.query import find, is_id, is_key

        if all(map(is_id, words)):
            return [find(self._ledger, word) for word in words]
        if len(words) == 1 and is_key(words[0]):
            return self._ledger.find([QueryTerm("key", words[0])], everything=True)
        return self.matching(words)


def _question(question: Question, *, whole: bool = True) -> tuple[Any, Iterable[str]]:
    from ankiforge.reports.cards import question_json, question_line, question_text

    text = question_text(question) if whole else (question_line(question),)
    return question_json(question), text


@command("""
  ankiforge show afpl5zre
  ankiforge show afpl5zre -v                with its history
  ankiforge show deck:Biology membrane      all cards that a query matches
""")
@click.argument("words", nargs=-1, required=True, metavar="ID|QUERY...")
def show(call: Call, words: Words) -> None:
    """Show cards, drafts and questions in full, with the commands that settle them."""
    with session(call, read_only=True) as workspace:
        show_all(call, Listing(call, workspace).named(words), apart=True)


# --- search ---------------------------------------------------------------------------------

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
    from ankiforge.reports.cards import work_json, work_text
    from ankiforge.text import shortened

    refuse_unknown_options(query)
    words = " ".join(query)
    limit = _WORKS if call.limit is None else call.limit
    # searching stores its index, if that is possible
    ledger_path = workspace_of(call).ledger.path
    is_writable = all(
        os.access(path, os.W_OK) for path in (ledger_path, ledger_path.parent)
    )
    with session(call, read_only=not is_writable) as workspace:
        ledger = workspace.ledger
        last_read = ledger.get_setting("looked")

        def entries() -> Iterator[tuple[Json, Iterator[str]]]:
            for work in islice(_works(ledger, words), limit):
                entry = work_json(work, last_read)
                yield entry, work_text(entry, whole=call.verbose)

        was_anything_shown = show_all(call, entries(), apart=True)
        if not was_anything_shown and call.limit != 0:
            call.say(f"nothing you have read matches {shortened(words, 100)!r}")


def _works(ledger: Ledger, words: str) -> Iterator[Match]:
    """Return the works that match words or a PDF.

    Raises:
        ItemError: the PDF cannot be read.
    """
    from ankiforge.ledger.search import find

    path = Path(words).expanduser()
    if path.suffix.casefold() != ".pdf" or not path.is_file():
        return find(ledger, words)
    from ankiforge.extract.pdf import identify
    from ankiforge.model import Problem

    identified = identify(path)
    if isinstance(identified, Problem):
        raise ItemError(f"{identified.where}: {identified.what}", hint=identified.hint)
    return find(ledger, "", [identified.document])


# --- stats ----------------------------------------------------------------------------------

MOST_MINUTES = 600
GROUPS = 8
"""The number of sources, documents and drafters that are shown."""


@command("""
  ankiforge stats
  ankiforge stats --minutes 20    how many new cards a day fit into 20 minutes of Anki
  ankiforge stats --json
""")
@click.option(
    "--minutes",
    cls=PlainOption,
    type=click.IntRange(1, MOST_MINUTES),
    metavar="N",
    help="Foresee Anki: how many new cards fit into N minutes a day.",
)
def stats(call: Call, minutes: int | None) -> None:
    """Show what became of highlights and drafts, and how the cards fare in Anki.

    With --minutes, or the setting `minutes`, show how many new cards a day fit, and the
    minutes of the coming year.
    """
    from ankiforge.reports.intake import intake_json, intake_text
    from ankiforge.reports.statistics import statistics, statistics_text

    with session(call, read_only=True) as workspace:
        figures = statistics(workspace.ledger, datetime.now())
        forecast = workspace.forecast(minutes)
        accepted = workspace.accepted_today()
    if minutes and forecast is None:
        raise no_collection(workspace.folder)

    intake: Json | None = None
    minutes_lines: list[str] = []
    if forecast is not None:
        intake = intake_json(forecast)
        minutes_lines = [*intake_text(forecast, accepted)]
    data = {**figures.as_json(), "intake": intake}
    if minutes:
        call.show(data, minutes_lines)
        return
    width = shutil.get_terminal_size().columns
    lines = [*statistics_text(figures, call.shown(GROUPS), width)]
    if minutes_lines:
        lines += ["", *minutes_lines]
    call.show(data, lines)


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

    counts = Counts(shown=call.shown(SHOWN))
    path = file.expanduser().absolute()
    try:
        with open_view(path, None) as view:
            call.say(f"the notes of {path}")
            types = {note_type.id: note_type for note_type in view.types}
            notes = (read_note(note, types.get(note.type_id)) for note in view.notes())
            for note, findings in check_notes(notes):
                if not in_deck(note.deck, deck):
                    continue
                counts.add(note, findings)
                if call.as_json and findings:
                    call.data(note.as_json(findings, fields=call.verbose))
    except ItemError as error:
        raise UsageError(error.message, hint=error.hint) from error
    if not call.as_json:
        for line in counts.as_text():
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
    find_workspace = partial(resolve, call.folder, Path.cwd(), registry, os.environ)
    checks = []
    for check in examine(find_workspace, around):
        checks.append(check)
        lines = [f"{check.state.value:4}  {check.name}: {check.says}"]
        if check.do:
            lines.append(f"      do: {check.do}")
        call.show(check, lines)
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
    from ankiforge.pipeline.collection import lines_as_in_anki
    from ankiforge.pipeline.query import joined, parse
    from ankiforge.reports.cards import as_csv, as_lines, line_json, line_tags
    from ankiforge.text import counted

    refuse_unknown_options(query)
    path = path.expanduser().absolute()
    form = _form_of_export(path, force=force)
    query_text = joined(query)
    terms = parse(query_text)
    with session(call, read_only=True) as workspace:
        ledger = workspace.ledger
        decks = workspace.decks
        matching = ledger.lines(ledger.find(terms, everything=True))
        lines = list(lines_as_in_anki(ledger, matching))
        highlights = [outcome.highlight for outcome in ledger.fates()]
        if terms:
            highlights = _highlights_of(lines, highlights)
        if form == "csv":
            table = as_csv(lines, lambda line: line_tags(line, decks))
            _write_export(path, [table])
        else:
            line_as_json = partial(line_json, ledger, decks=decks)
            _write_export(path, as_lines(highlights, lines, query_text, line_as_json))

    if call.as_json:
        call.data({"path": str(path), "highlights": len(highlights), "cards": len(lines)})
        return
    card_count = sum(line.card is not None for line in lines)
    draft_count = len(lines) - card_count
    written = [counted(card_count, "card"), counted(draft_count, "draft")]
    if form == "jsonl":  # a table has no rows for highlights
        written.insert(0, counted(len(highlights), "highlight"))
    call.say(f"{path}: {', '.join(written)}")


def _highlights_of(
    lines: Iterable[Line], all_of_them: list[Highlight]
) -> list[Highlight]:
    """Return the highlights, in order, that have one of some cards or drafts."""
    keys = {line.highlight.key for line in lines}
    return [highlight for highlight in all_of_them if highlight.key in keys]


def _form_of_export(path: Path, *, force: bool) -> str:
    """Return the format of a file to write: `jsonl` or `csv`.

    Raises:
        UsageError: it cannot or must not be written.
    """
    form = path.suffix.casefold().lstrip(".")
    if form not in ("jsonl", "csv"):
        raise UsageError(f"{path}: unknown format", hint="name a FILE.jsonl or FILE.csv")
    if not path.parent.is_dir():
        raise UsageError(
            f"there is no folder {path.parent}",
            hint="make it, or name another one",
        )
    if path.exists() and not force:
        raise UsageError(
            f"{path}: exists already",
            hint="another name, or --force to replace it",
        )
    return form


def _write_export(path: Path, text: Iterable[str]) -> None:
    """Write the parts of a text into a file.

    Raises:
        ItemError: it cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(text)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}"
        raise ItemError(message, hint="free space there, or allow writing") from error
