"""The commands with which a person decides: accept, reject, edit, skip, undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

import click

from ankiforge.cli.output import (
    OVERRULE,
    REASON,
    Call,
    Session,
    Words,
    command,
    exit_with,
    flag,
    session,
)
from ankiforge.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from ankiforge.ledger import Line

SHOWN = 5
"""The number of decisions that `undo` names."""


IDS = click.argument("ids", nargs=-1, metavar="[ID]...")
ALL = flag("--all", "every", help="Take all, but never a question.")
FILTER = click.option("--filter", "query", default="", metavar="QUERY", help="With --all: only what the query matches.")  # fmt: skip

# --- accept, reject, skip, undo -------------------------------------------------------------


@command("""
  ankiforge accept dr5b9c0f1d            a draft, or a question: `show` tells what yes means
  ankiforge accept --all --filter "deck:Biology -finding:*"
  ankiforge accept --all --filter finding:fragment    these warnings do not count
""")  # fmt: skip
@IDS
@ALL
@FILTER
@OVERRULE
def accept(call: Call, ids: Words, every: bool, query: str, force: bool) -> None:
    """Accept drafts, or answer questions with yes.

    A waiting correction replaces its card's text. With --all, drafts with warnings are left out, unless
    the query names each of them.
    """
    from ankiforge.model import Severity

    facts, named = set(), {*query.split()}

    def fits(line: Line) -> bool:
        if (draft := line.waiting) is None:
            return False
        # one of several drafts of a fact
        fact = (draft.highlight.key, draft.draft.intent)
        found = draft.proposal.findings
        warns = {f"finding:{one.check}" for one in found if one.severity is not Severity.INFO}
        chosen = warns <= named and not draft.remarks and fact not in facts
        facts.update([fact] if chosen else [])
        return chosen

    with session(call) as now:
        chosen = selected(now, ids, every, query, fits)
        report(now, chosen, lambda id: now.ledger.accept(id, forced=force), "accepted")


@command("""
  ankiforge reject dr5b9c0f1d --reason "too vague"
  ankiforge reject af53yatsl3            a card: it is not offered again
  ankiforge reject --all --filter "verdict:pending finding:yes_no"
""")  # fmt: skip
@IDS
@ALL
@FILTER
@REASON
def reject(call: Call, ids: Words, every: bool, query: str, reason: str) -> None:
    """Reject drafts and cards for good, or answer questions with no."""

    def act(id: str) -> str:
        now.ledger.reject(id, reason)
        return id if id.startswith("af") else ""

    with session(call) as now:
        fits = ("pending", "accepted")
        chosen = selected(now, ids, every, query, lambda line: line.verdict in fits)
        report(now, chosen, act, "rejected")


@command("\n  ankiforge skip vault:notes/90e45ebadf289dce")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@REASON
def skip(call: Call, keys: Words, reason: str) -> None:
    """Make no card from these highlights; `list --no-card` shows their keys."""
    with session(call) as now:
        report(now, keys, lambda key: now.ledger.reject(key, reason), "skipped")


@command("""
  ankiforge undo                    your last decision; repeat for the one before
  ankiforge undo af53yatsl3         the last decision about this card, or change by its source
  ankiforge undo af53yatsl3 --as-new    what the source says now gets a card of its own
  ankiforge undo m1.42              a decision by its id, from list --view recent
""")  # fmt: skip
@click.argument("words", nargs=-1, metavar="[ID]...")
@flag("--as-new", help="The source states another fact: make it a new card.")
def undo(call: Call, words: Words, as_new: bool) -> None:
    """Take back your last decision, or the last one about a card.

    Decisions made by one command are taken back together. After a change by the source, the old
    words stay, and the source's next words are a question.
    """
    from ankiforge.pipeline import decide as review
    from ankiforge.pipeline.query import is_id
    from ankiforge.reports.cards import question_of

    def act(id: str) -> None:
        before = now.ledger.history()
        action = now.ledger.undo(id, as_new=as_new)
        for one in islice((one for one in before if one.id == action), SHOWN):
            fronts = [question_of(line.fields) for line in now.ledger.lines([one.guid])]
            call.say(f"taken back: {one.said}: {fronts[0] if fronts else one.text or one.key}")

    with session(call) as now:
        ids = [review.find(now.ledger, word) if is_id(word) else word for word in words] or [""]
        report(now, ids, act, "undone")


def report(now: Session, ids: Iterable[str], act: Callable[[str], str | None], says: str) -> None:
    """Decide on each of the ids as one action, and print the results; exit with 1 if any was refused.

    What is refused does not stop the rest. `act` decides on one and returns its guid, if it has one.
    """
    call, told, refused = now.call, [], []
    with now.ledger.action():
        for id in ids:
            one = {"id": id, "guid": None, "done": True, "refused": ""}
            try:
                one["guid"] = act(id) or None
            except RefusedError as error:
                one |= {"done": False, "refused": error.message}
                refused.append(error)
            told.append(one)
    if call.as_json:
        for one in told:
            call.data(one)
    else:
        for why in refused:
            call.warn(f"refused: {why.message}" + (f"\nhint: {why.hint}" if why.hint else ""))
        changed = len(told) - len(refused)
        undo = "; to take it back: ankiforge undo" if changed and says != "undone" else ""
        if changed or not told:
            call.say(f"{changed} {says}{undo}" if told else f"nothing to be {says}")
    if refused:
        exit_with(1)


# --- which ones -----------------------------------------------------------------------------


def selected(
    now: Session, ids: Words, every: bool, query: str, fits: Callable[[Line], bool]
) -> list[str]:
    """Return the ids for a decision: those that are named, or all lines of a query that fit.

    Ids may be those of questions; a query never matches one.

    Raises:
        UsageError: there are neither ids nor `--all`, or both; or an id is not one.
    """
    from ankiforge.pipeline.decide import find
    from ankiforge.pipeline.query import is_id, parse

    if bool(ids) == every or (query and not every):
        what = "name cards, drafts or questions by id, or use --all, or --all --filter QUERY"
        raise UsageError(what, hint="ankiforge list shows ids")
    if no_id := next((word for word in ids if not is_id(word)), ""):
        hint = "ankiforge list shows ids; a query is taken with --all --filter"
        raise UsageError(f"{no_id!r} is not an id", hint=hint)
    if ids:
        return [find(now.ledger, word) for word in ids]
    lines = now.ledger.lines(now.ledger.find(parse(query), everything=True))
    return [line.id for line in lines if fits(line)]


# --- edit -----------------------------------------------------------------------------------


@command("""
  ankiforge edit af53yatsl3 --field Back "the inner membrane"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
""")  # fmt: skip
@click.argument("word", metavar="ID|KEY")
@click.option("--field", "changes", nargs=2, multiple=True, metavar="NAME TEXT", help="Set a field to this Markdown.")  # fmt: skip
@OVERRULE
def edit(call: Call, word: str, changes: tuple[tuple[str, str], ...], force: bool) -> None:
    """Reword a card or draft, or make a card from a highlight, given by its key.

    A draft is accepted with your words. They stay when the source changes.
    """
    from ankiforge.pipeline import decide as review
    from ankiforge.pipeline.query import new_fields
    from ankiforge.pipeline.run import deck_for
    from ankiforge.reports.cards import line_json

    if not changes:
        hint = f'ankiforge edit {word} --field NAME "TEXT", or ankiforge review'
        raise UsageError("no field is named", hint=hint)
    with session(call, writes="drafting") as now:
        if review.is_key(word):
            highlight, fields = now.ledger.highlight(word), new_fields(dict(changes))
            deck = deck_for(now.decks, "", highlight)
            guid, findings = review.make(now.ledger, highlight, fields, deck, forced=force)
        else:
            [line] = now.ledger.lines([review.find(now.ledger, word)])
            words, before = dict(changes), dict(line.fields)
            if all(before.get(name, "") == text for name, text in words.items()):
                call.say("nothing was changed")
                return
            guid, findings = review.edit(now.ledger, line.id, words, forced=force)
        if call.as_json:
            [line] = now.ledger.lines([guid])
            call.data(line_json(now.ledger, line, now.decks))
    for finding in findings:
        call.say(f"{finding.severity}: {finding.message}")
    call.say(f"edited: {guid}; to take it back: ankiforge undo")
