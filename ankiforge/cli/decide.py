"""The commands with which a person decides: accept, reject, edit, skip, undo."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ankiforge.cli.output import OVERRULE, Call, command, exit_with
from ankiforge.cli.session import Session, session
from ankiforge.errors import ForgeError, UsageError
from ankiforge.text.display import counted

if TYPE_CHECKING:
    from ankiforge.ledger import Line
    from ankiforge.model import Fields
    from ankiforge.review import Result

SHOWN = 10
"""The number of lines that are shown when the user is asked to confirm a query."""


def selects(function: Callable[..., None]) -> Callable[..., None]:
    """Add the arguments ID or QUERY and the options `--all` and `--filter` to a command."""
    for decorate in (
        click.option("--filter", "query", default="", metavar="QUERY", help="With --all: only what the query matches."),
        click.option("--all", "every", is_flag=True, help="Apply to all (see --filter); questions are never included."),
        click.argument("words", nargs=-1, metavar="[ID|QUERY]..."),
    ):  # fmt: skip
        function = decorate(function)
    return function


# --- accept, reject, skip -------------------------------------------------------------------


@command("""
  ankiforge accept dr5b9c0f1d            a draft, or a question: list shows what yes means
  ankiforge accept deck:Biology          show the matching drafts and ask
  ankiforge accept --all --filter "deck:Biology -finding:*"
""", lines=True)  # fmt: skip
@selects
@OVERRULE
def accept(call: Call, words: tuple[str, ...], every: bool, query: str, force: bool) -> None:
    """Accept drafts, or answer questions with yes.

    A waiting correction replaces its card's text. With --all, drafts with warnings are left out.
    """
    from ankiforge import review

    def fits(line: Line) -> bool:
        draft = line.waiting
        return draft is not None and (not every or (draft.proposal.clean and not draft.remarks))

    with session(call) as now:
        ids = selected(now, words, every, query, fits)
        done = review.decide(now.ledger, ids, lambda id: now.ledger.accept(id, forced=force))
    report(call, done, "accepted")


@command("""
  ankiforge reject dr5b9c0f1d --reason "too vague"
  ankiforge reject af53yatsl3            a card: it is not offered again
  ankiforge reject --all --filter "verdict:pending finding:yes_no"
""", lines=True)  # fmt: skip
@selects
@click.option("--reason", default="", help="Record the reason.")
def reject(call: Call, words: tuple[str, ...], every: bool, query: str, reason: str) -> None:
    """Reject drafts and cards for good, or answer questions with no."""
    from ankiforge import review

    def act(id: str) -> str:
        now.ledger.reject(id, reason)
        return id if id.startswith("af") else ""

    with session(call) as now:
        ids = selected(
            now, words, every, query, lambda line: line.verdict in ("pending", "accepted")
        )
        done = review.decide(now.ledger, ids, act)
    report(call, done, "rejected")


@command("\n  ankiforge skip vault:notes/90e45ebadf289dce", lines=True)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--reason", default="", help="Record the reason.")
def skip(call: Call, keys: tuple[str, ...], reason: str) -> None:
    """Make no card from these highlights; `list --no-card` shows their keys."""
    from ankiforge import review

    with session(call) as now:
        done = review.decide(now.ledger, keys, lambda key: now.ledger.skip(key, reason))
    report(call, done, "skipped")


# --- undo -----------------------------------------------------------------------------------


@command("""
  ankiforge undo                    your last decision; repeat for the one before
  ankiforge undo af53yatsl3         the last decision about this card, or change by its source
  ankiforge undo af53yatsl3 --as-new    the source states another fact: it gets a card of its own
  ankiforge undo m1.42              a decision by its id, from list --view recent
""", lines=True)  # fmt: skip
@click.argument("words", nargs=-1, metavar="[ID]...")
@click.option(
    "--as-new", is_flag=True, help="A change by the source is another fact: give it its own card."
)
def undo(call: Call, words: tuple[str, ...], as_new: bool) -> None:
    """Take back your last decision, or the last one about a card.

    Decisions made by one command are taken back together. After a change by the source, the old
    words stay, and the source's next words are a question.
    """
    from ankiforge import review
    from ankiforge.review.select import is_id

    with session(call) as now:
        targets = [review.find(now.ledger, word) if is_id(word) else word for word in words] or [""]
        done = review.decide(now.ledger, targets, lambda id: now.ledger.undo(id, as_new=as_new))
    report(call, done, "undone")


# --- which ones -----------------------------------------------------------------------------


def selected(
    now: Session, words: tuple[str, ...], every: bool, query: str, fits: Callable[[Line], bool]
) -> list[str]:
    """Return the ids for a decision; of the lines that a query matches, only those that fit.

    Ids may be those of questions. A query never matches one, and without `--all --filter` its
    matches are shown, and the user has to confirm them.

    Raises:
        UsageError: there are neither words nor `--all`, or both; an id is not one; or a query cannot
            be confirmed without a terminal.
    """
    from ankiforge.review import find
    from ankiforge.review.query import joined, parse
    from ankiforge.review.select import is_id

    if bool(words) == every or (query and not every):
        what = "name cards, drafts or questions by id or query, or use --all --filter QUERY"
        raise UsageError(what, hint="ankiforge list shows ids")
    if words and all(map(is_id, words)):
        return [find(now.ledger, word) for word in words]
    query = query if every else joined(words)
    ids = now.ledger.find(parse(query).terms, everything=True)
    found = [line for line in now.ledger.lines(ids) if fits(line)]
    if every:
        return [line.id for line in found]
    if not found:
        todo, typed = click.get_current_context().info_name, " ".join(map(quote, words))
        what = f"nothing to {todo}: {typed} is not an id, and as a query it matches nothing that this applies to"
        raise UsageError(what, hint=f"ankiforge list --all {typed}")
    return [line.id for line in found] if _confirmed(now, query, found) else []


def _confirmed(now: Session, query: str, found: list[Line]) -> bool:
    """Ask the user to confirm the matches of a query.

    Raises:
        UsageError: there is no terminal; the hint is the same command with `--all --filter`.
    """
    from ankiforge.reports.cards import one_line

    context = click.get_current_context()
    if not now.out.interactive:
        typed = []
        for option in context.command.params:
            name = str(option.name)
            given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
            if isinstance(option, click.Option) and given and name != "workspace":
                value = () if option.is_flag else (str(context.params[name]),)
                typed += [max(option.opts, key=len), *value]
        words = (str(context.info_name), *typed, "--all", "--filter", query)
        what = f"{query!r} means {counted(len(found), 'line')}: nothing was changed, because there is no terminal to ask on"
        raise UsageError(what, hint=" ".join((now.call.program, *map(quote, words))))
    for line in found[:SHOWN]:
        now.out.warn(one_line(line))
    if len(found) > SHOWN:
        now.out.warn(f"… and {len(found) - SHOWN} more")
    return click.confirm(f"{context.info_name} {counted(len(found), 'line')}?", err=True)


def report(call: Call, done: list[Result], says: str) -> None:
    """Print the results of a decision; exit with 1 if any was refused."""
    for one in done:
        if call.out.as_json:
            call.out.data(
                {
                    "id": one.id,
                    "guid": one.guid or None,
                    "done": not one.refused,
                    "refused": one.refused,
                }
            )
        elif one.refused:
            call.out.refusal(one.refused, one.hint)
    changed = sum(not one.refused for one in done)
    if not call.out.as_json and (changed or not done):
        call.out.say(
            f"{changed} {says}"
            + (
                ""
                if says == "undone"
                else f"; to take it back: {call.program} undo"
                if changed
                else ""
            )
        )
    if any(one.refused for one in done):
        exit_with(1)


# --- edit -----------------------------------------------------------------------------------


@command("""
  ankiforge edit af53yatsl3                                   in $EDITOR
  ankiforge edit af53yatsl3 --field Back "the inner membrane"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
""", lines=True)  # fmt: skip
@click.argument("word", metavar="ID|KEY")
@click.option("--field", "changes", nargs=2, multiple=True, metavar="NAME TEXT", help="Set a field to this Markdown text, without an editor.")  # fmt: skip
@OVERRULE
def edit(call: Call, word: str, changes: tuple[tuple[str, str], ...], force: bool) -> None:
    """Reword a card or draft, or make a card from a highlight, given by its key.

    A draft is accepted with your words. They stay when the source changes.
    """
    from ankiforge import review
    from ankiforge.reports.cards import line_json

    with session(call, writes="drafting") as now:
        if review.is_key(word):
            guid, findings = _make(now, word, dict(changes), force)
        else:
            guid, findings = _reword(now, review.find(now.ledger, word), dict(changes), force)
        if not guid:
            call.out.say("nothing was changed")
            return
        if call.out.as_json:
            [line] = now.ledger.lines([guid])
            call.out.data(line_json(now.ledger, line, now.decks))
    for finding in findings:
        call.out.say(f"{finding.severity}: {finding.message}")
    call.out.say(f"edited: {guid}; to take it back: {call.program} undo")


def _reword(now: Session, id: str, changes: dict[str, str], force: bool) -> tuple[str, Any]:
    from ankiforge import review
    from ankiforge.review.select import changed_fields

    [line] = now.ledger.lines([id])
    family, before = line.family, dict(line.fields)
    entry: AbstractContextManager[dict[str, str] | None]
    if changes:
        entry = nullcontext(changed_fields(family, changes))
    else:
        _need_terminal(id)
        names = (name for name in family.content_fields if name != "Reverse")
        text = _comment(line.highlight.exact) + _comment(f"{id}: leave it unsaved to skip it")
        text += _form({name: before.get(name, "") for name in names})
        entry = _edit_in_editor(text, partial(changed_fields, family), now.workspace.folder)
    with entry as fields:
        if fields is None or all(before.get(name, "") == text for name, text in fields.items()):
            return "", ()
        return review.edit(now.ledger, id, fields, forced=force)


def _make(now: Session, key: str, words: dict[str, str], force: bool) -> tuple[str, Any]:
    """Make a card of a highlight from a person's text, in addition to its other cards."""
    from ankiforge import review
    from ankiforge.review.select import new_fields
    from ankiforge.run import deck_for

    highlight = now.ledger.highlight(key)
    entry: AbstractContextManager[Fields | None]
    if words:
        entry = nullcontext(new_fields(words))
    else:
        _need_terminal(key, "Front")
        how = "Front and Back make a question; Text with {{c1::…}} a cloze. Save to make the card."
        text = f"{_comment(highlight.exact)}{_comment(how)}Front: |-\n  \nBack: |-\n  \n"
        entry = _edit_in_editor(text, new_fields, now.workspace.folder)
    with entry as fields:
        if fields is None:
            return "", ()
        return review.make(
            now.ledger, highlight, fields, deck_for(now.decks, "", highlight), forced=force
        )


# --- $EDITOR --------------------------------------------------------------------------------


def _need_terminal(id: str, field: str = "NAME") -> None:
    """Raise a UsageError if there is no terminal for an editor."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = f'ankiforge edit {id} --field {field} "TEXT"'
        raise UsageError("an editor needs a terminal, and there is none", hint=hint)


@contextmanager
def _edit_in_editor(
    text: str, read: Callable[[dict[str, str]], Any], folder: Path
) -> Iterator[Any]:
    """Open a text in `$EDITOR` and yield the fields parsed from it; None if nothing was changed.

    An invalid text is opened once more, with a comment about the error. If the text cannot be used
    in the end, its file is kept and named in the error, so that nothing typed is lost.

    Raises:
        Abort: the text was deleted.
        UsageError: the text is still invalid the second time, or the editor failed.
    """
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix="typed-", suffix=".yaml", delete=False
    ) as opened:
        opened.write(text.encode())
    file = Path(opened.name)
    try:
        answer = _open_editor(file)
        if answer == text.encode():
            yield None
        elif not answer.strip():
            raise click.Abort
        else:
            try:
                fields = read(_parsed(answer))
            except UsageError as error:
                remark = f"{error.message} ({error.hint})" if error.hint else error.message
                file.write_bytes(_comment(remark).encode() + answer)
                fields = read(_parsed(_open_editor(file)))
            yield fields
    except click.Abort:
        file.unlink()
        raise
    except ForgeError as error:
        if file.read_bytes() != text.encode():
            hint = f"{error.hint}; " if error.hint else ""
            hint += f"what you typed is kept in {file}"
            raise type(error)(error.message, hint=hint) from error
        file.unlink()
        raise
    file.unlink()


def _open_editor(file: Path) -> bytes:
    """Open a file in the editor, and return its content afterwards."""
    try:
        click.edit(filename=str(file))
    except click.ClickException as error:
        raise UsageError(error.format_message()) from error
    return file.read_bytes()


def _parsed(answer: bytes) -> dict[str, str]:
    """Return the fields in a saved text.

    Raises:
        UsageError: the text is invalid or has no fields.
    """
    import yaml

    try:
        fields = yaml.safe_load(answer.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError("this is not UTF-8", hint="save it as such") from error
    except yaml.YAMLError as error:
        raise UsageError(f"this is not valid YAML: {error}") from error
    if not isinstance(fields, dict):
        raise UsageError(
            "the fields are missing", hint="write each field after its name, for example Front: |-"
        )
    return {str(name): str(value or "").rstrip("\n") for name, value in fields.items()}


def _form(fields: Mapping[str, str]) -> str:
    """Return fields as YAML for the editor, each as a literal block, which needs no quotes."""
    import yaml

    blocks = {
        name: yaml.safe_dump(text.rstrip("\n"), default_style="|", allow_unicode=True, width=2**20)
        for name, text in fields.items()
    }
    return "".join(f"{name}: {block}" for name, block in blocks.items())


def _comment(words: str) -> str:
    """Return a text as YAML comment lines."""
    lines = ("".join(filter(str.isprintable, line)) for line in words.splitlines())
    return "".join(f"# {line}\n" for line in lines)
