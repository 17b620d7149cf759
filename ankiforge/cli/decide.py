"""The commands with which a person decides: accept, reject, edit, skip, undo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from ankiforge.cli.output import OVERRULE, REASON, Call, command, exit_with
from ankiforge.cli.session import Session, session
from ankiforge.errors import ForgeError, UsageError
from ankiforge.text.display import counted

if TYPE_CHECKING:
    from ankiforge.ledger import Line
    from ankiforge.model import Finding
    from ankiforge.review import Result

    Edited = tuple[str, tuple[Finding, ...]]

SHOWN = 10
"""The number of lines that are shown when the user is asked to confirm a query."""


def selects(function: Callable[..., None]) -> Callable[..., None]:
    """Add the arguments ID or QUERY and the options `--all` and `--filter` to a command."""
    for decorate in (
        click.option("--filter", "query", default="", metavar="QUERY", help="With --all: only what the query matches."),
        click.option("--all", "every", is_flag=True, help="Take all, but never a question."),
        click.argument("words", nargs=-1, metavar="[ID|QUERY]..."),
    ):  # fmt: skip
        function = decorate(function)
    return function


# --- accept, reject, skip, undo -------------------------------------------------------------


@command("""
  ankiforge accept dr5b9c0f1d            a draft, or a question: `show` tells what yes means
  ankiforge accept deck:Biology          show the matching drafts and ask
  ankiforge accept --all --filter "deck:Biology -finding:*"
""")  # fmt: skip
@selects
@OVERRULE
def accept(call: Call, words: tuple[str, ...], every: bool, query: str, force: bool) -> None:
    """Accept drafts, or answer questions with yes.

    A waiting correction replaces its card's text. With --all, drafts with warnings are left out.
    """
    facts: set[tuple[str, int]] = set()

    def fits(line: Line) -> bool:
        draft = line.waiting
        if draft is None or not every:
            return draft is not None
        # one of several drafts of a fact
        fact = (draft.highlight.key, draft.draft.intent)
        chosen = draft.proposal.clean and not draft.remarks and fact not in facts
        facts.update([fact] if chosen else [])
        return chosen

    with session(call) as now:
        ids = selected(now, words, every, query, fits)
        report(now, ids, lambda id: now.ledger.accept(id, forced=force), "accepted")


@command("""
  ankiforge reject dr5b9c0f1d --reason "too vague"
  ankiforge reject af53yatsl3            a card: it is not offered again
  ankiforge reject --all --filter "verdict:pending finding:yes_no"
""")  # fmt: skip
@selects
@REASON
def reject(call: Call, words: tuple[str, ...], every: bool, query: str, reason: str) -> None:
    """Reject drafts and cards for good, or answer questions with no."""

    def act(id: str) -> str:
        now.ledger.reject(id, reason)
        return id if id.startswith("af") else ""

    with session(call) as now:
        fits = ("pending", "accepted")
        ids = selected(now, words, every, query, lambda line: line.verdict in fits)
        report(now, ids, act, "rejected")


@command("\n  ankiforge skip vault:notes/90e45ebadf289dce")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@REASON
def skip(call: Call, keys: tuple[str, ...], reason: str) -> None:
    """Make no card from these highlights; `list --no-card` shows their keys."""
    with session(call) as now:
        report(now, keys, lambda key: now.ledger.skip(key, reason), "skipped")


@command("""
  ankiforge undo                    your last decision; repeat for the one before
  ankiforge undo af53yatsl3         the last decision about this card, or change by its source
  ankiforge undo af53yatsl3 --as-new    what the source says now gets a card of its own
  ankiforge undo m1.42              a decision by its id, from list --view recent
""")  # fmt: skip
@click.argument("words", nargs=-1, metavar="[ID]...")
@click.option("--as-new", is_flag=True, help="The source states another fact: make it a new card.")
def undo(call: Call, words: tuple[str, ...], as_new: bool) -> None:
    """Take back your last decision, or the last one about a card.

    Decisions made by one command are taken back together. After a change by the source, the old
    words stay, and the source's next words are a question.
    """
    from ankiforge import review
    from ankiforge.review.select import is_id

    with session(call) as now:
        ids = [review.find(now.ledger, word) if is_id(word) else word for word in words] or [""]
        report(now, ids, lambda id: now.ledger.undo(id, as_new=as_new), "undone")


def report(
    now: Session, ids: list[str] | tuple[str, ...], act: Callable[[str], str | None], says: str
) -> None:
    """Decide on each of the ids and print the results; exit with 1 if any was refused."""
    from ankiforge import review

    out, done = now.out, review.decide(now.ledger, ids, act)
    refused = [one for one in done if one.refused]
    if out.as_json:
        for one in done:
            out.data(_result_json(one))
    else:
        for one in refused:
            out.warn(f"refused: {one.refused}" + (f"\nhint: {one.hint}" if one.hint else ""))
        changed = len(done) - len(refused)
        undo = f"; to take it back: {now.call.program} undo" if changed and says != "undone" else ""
        if changed or not done:
            out.say(f"{changed} {says}{undo}")
    if refused:
        exit_with(1)


def _result_json(one: Result) -> dict[str, Any]:
    return {
        "id": one.id, "guid": one.guid or None, "done": not one.refused, "refused": one.refused,
    }  # fmt: skip


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
    from ankiforge.reports.cards import one_line
    from ankiforge.review import find
    from ankiforge.review.query import joined, parse
    from ankiforge.review.select import is_id

    if bool(words) == every or (query and not every):
        what = "name cards, drafts or questions by id or query, or use --all --filter QUERY"
        raise UsageError(what, hint=f"{now.call.program} list shows ids")
    if words and all(map(is_id, words)):
        return [find(now.ledger, word) for word in words]
    query, todo = query if every else joined(words), click.get_current_context().info_name
    ids = now.ledger.find(parse(query).terms, everything=True)
    found = [line for line in now.ledger.lines(ids) if fits(line)]
    if every:
        return [line.id for line in found]
    listed = f"{now.call.program} list --all {' '.join(map(quote, words))}"
    count = counted(len(found), "line")
    if not found:
        what = f"nothing to {todo}: {query} is not an id, and as a query it matches nothing that this applies to"  # fmt: skip
        raise UsageError(what, hint=listed)
    if not now.out.interactive:
        what = f"{query!r} means {count}: nothing was changed, because there is no terminal to ask on"  # fmt: skip
        raise UsageError(what, hint=f"{listed} -v shows them; {todo} takes their ids")
    for line in found[:SHOWN]:
        now.out.warn(one_line(line))
    if len(found) > SHOWN:
        now.out.warn(f"… and {len(found) - SHOWN} more")
    return [line.id for line in found] if click.confirm(f"{todo} {count}?", err=True) else []


# --- edit -----------------------------------------------------------------------------------


@command("""
  ankiforge edit af53yatsl3                                   in $EDITOR
  ankiforge edit af53yatsl3 --field Back "the inner membrane"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
""")  # fmt: skip
@click.argument("word", metavar="ID|KEY")
@click.option("--field", "changes", nargs=2, multiple=True, metavar="NAME TEXT", help="Set a field to this Markdown, without an editor.")  # fmt: skip
@OVERRULE
def edit(call: Call, word: str, changes: tuple[tuple[str, str], ...], force: bool) -> None:
    """Reword a card or draft, or make a card from a highlight, given by its key.

    A draft is accepted with your words. They stay when the source changes.
    """
    from ankiforge import review
    from ankiforge.reports.cards import line_json

    with session(call, writes="drafting") as now:
        make = review.is_key(word)
        text, act = _new(now, word, force) if make else _old(now, word, force)
        if not changes:
            _need_terminal(f'ankiforge edit {word} --field {"Front" if make else "NAME"} "TEXT"')
        done = act(dict(changes)) if changes else _in_editor(now, text, act)
        if done is None:
            call.out.say("nothing was changed")
            return
        guid, findings = done
        if call.out.as_json:
            [line] = now.ledger.lines([guid])
            call.out.data(line_json(now.ledger, line, now.decks))
    for finding in findings:
        call.out.say(f"{finding.severity}: {finding.message}")
    call.out.say(f"edited: {guid}; to take it back: {call.program} undo")


Act = Callable[[dict[str, str]], "Edited | None"]
"""Makes or rewords a card with a person's fields; None if nothing changes."""


def _old(now: Session, word: str, force: bool) -> tuple[str, Act]:
    """Return the fields of a card or draft as text to edit, and what rewords it."""
    from ankiforge import review
    from ankiforge.review.select import changed_fields

    id = review.find(now.ledger, word)
    [line] = now.ledger.lines([id])
    before = dict(line.fields)

    def act(changes: dict[str, str]) -> Edited | None:
        fields = changed_fields(line.family, changes)
        if all(before.get(name, "") == text for name, text in fields.items()):
            return None
        return review.edit(now.ledger, id, fields, forced=force)

    names = (name for name in line.family.content_fields if name != "Reverse")
    shown = {name: before.get(name, "") for name in names}
    return f"{_comment(line.highlight.exact)}{_form(shown)}", act


def _new(now: Session, key: str, force: bool) -> tuple[str, Act]:
    """Return an empty card of a highlight as text to edit, and what makes it."""
    from ankiforge import review
    from ankiforge.review.select import new_fields
    from ankiforge.run import deck_for

    highlight = now.ledger.highlight(key)

    def act(words: dict[str, str]) -> Edited:
        deck = deck_for(now.decks, "", highlight)
        return review.make(now.ledger, highlight, new_fields(words), deck, forced=force)

    how = "Front and Back make a question; Text with {{c1::…}} a cloze."
    form = "Front: |-\n  \nBack: |-\n  \n"
    return f"{_comment(highlight.exact)}{_comment(how)}{form}", act


def _need_terminal(hint: str) -> None:
    """Raise a UsageError if there is no terminal for an editor."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("an editor needs a terminal, and there is none", hint=hint)


def _in_editor(now: Session, text: str, act: Act) -> Edited | None:
    """Open a text in `$EDITOR` and act on its fields; what cannot be used is opened again.

    Text that is left as it was shown changes nothing; after an error it is printed, so that nothing
    typed is lost.
    """
    error: ForgeError | None = None
    while True:
        try:
            typed = click.edit(text, extension=".yaml")
        except (click.ClickException, UnicodeDecodeError) as broken:
            raise UsageError(f"the editor failed: {broken}") from broken
        if not (typed or "").strip() or typed == text:
            if error is None:
                return None
            now.out.warn(text)
            raise error
        try:
            return act(_parsed(str(typed)))
        except ForgeError as refused:
            remark = f"{refused.message} ({refused.hint})" if refused.hint else refused.message
            error, text = refused, _comment(f"NOT DONE: {remark}") + str(typed)


def _parsed(text: str) -> dict[str, str]:
    """Return the fields in a saved text.

    Raises:
        UsageError: the text is invalid or has no fields.
    """
    import yaml

    try:
        fields = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"this is not valid YAML: {error}") from error
    if not isinstance(fields, dict):
        hint = "write each field after its name, for example Front: |-"
        raise UsageError("the fields are missing", hint=hint)
    return {str(name): str(value or "").rstrip("\n") for name, value in fields.items()}


def _form(fields: Mapping[str, str]) -> str:
    """Return fields as YAML for the editor, each as a literal block, which needs no quotes."""
    import yaml

    dump = partial(yaml.safe_dump, default_style="|", allow_unicode=True, width=2**20)
    return "".join(f"{name}: {dump(text.rstrip())}" for name, text in fields.items())


def _comment(words: str) -> str:
    """Return a text as YAML comment lines."""
    lines = ("".join(filter(str.isprintable, line)) for line in words.splitlines())
    return "".join(f"# {line}\n" for line in lines)
