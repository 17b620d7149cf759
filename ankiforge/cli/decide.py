"""The commands with which a person decides: accept, reject, edit, undo."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

from ankiforge.cli.output import (
    OVERRULE,
    REASON,
    Call,
    Words,
    command,
    exit_with,
    flag,
    number_option,
    session,
    text_option,
)
from ankiforge.errors import RefusedError, UsageError
from ankiforge.hooks import noticed

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger
    from ankiforge.model import Json

SHOWN = 5
"""The number of decisions that `undo` names."""


class DecisionOptions(TypedDict):
    """The cards, drafts and questions of a decision, as options name them."""

    ids: Words
    every: bool
    query: str


IDS = click.argument("ids", nargs=-1, metavar="[ID]...")
ALL = flag("--all", "every", help="Instead of ids: all but questions.")
FILTER = text_option(
    "--filter",
    "query",
    metavar="QUERY",
    help="With --all: only what the query matches.",
)

# --- accept, reject, undo -------------------------------------------------------------------


@command("""
  ankiforge accept dr5b9c0f1d            a draft, or a question: `show` says what yes means
  ankiforge accept vault:notes/90e45ebadf289dce --gap 2    a proposal, with its second gap
  ankiforge accept dr5b9c0f1d --another  another card, beside the one it asks about
  ankiforge accept --all --filter "deck:Biology -finding:*"
""")  # fmt: skip
@IDS
@ALL
@FILTER
@number_option(
    "--gap", most=4, help="For a proposal: hide its gap N, 1 to 4, instead of the first."
)
@flag("--another", help="Make another card of a draft that may be new words of one.")
@OVERRULE
def accept(
    call: Call,
    gap: int | None,
    another: bool,
    force: bool,
    **which: Unpack[DecisionOptions],
) -> None:
    """Accept drafts, or answer questions with yes.

    If a draft may be the new text of a card, that card gets its words; --another makes another
    card instead. The key of a highlight (`list --no-card`) makes the card of its proposal. --all
    leaves out figures, and drafts with a warning; -v says which.
    """
    from ankiforge.review.items import taken_together

    every = which["every"]
    if every and gap is not None:
        raise UsageError(
            "--gap needs the key of a highlight", hint="ankiforge accept KEY --gap 2"
        )
    if every and another:
        hint = "ankiforge accept ID --another"
        raise UsageError("--another needs the id of a draft", hint=hint)
    from ankiforge.ledger import overview
    from ankiforge.pipeline import proposals
    from ankiforge.pipeline.query import is_key
    from ankiforge.reports.summary import LISTS, next_line, next_step

    with session(call) as workspace:
        ledger = workspace.ledger

        def accept_one(id: str) -> str | None:
            if is_key(id):
                proposal = proposals.proposal_at(ledger, id)
                return proposals.accept(ledger, proposal, workspace.decks, gap=gap or 1)
            return ledger.accept(id, gap=gap or 1, forced=force, another=another)

        chosen = selected(ledger, **which)
        if every:
            # else each passage asks whether another program wrote
            with ledger.transaction():
                chosen, left = taken_together(ledger, chosen, which["query"])
            for reason, number in left.items() if call.verbose else ():
                call.say(f"not accepted: {number:>3} × {reason}")

        report(call, ledger, chosen, accept_one, "accepted")
        if every:
            counts = overview.counts(ledger)
            number = sum(counts["waiting"][name] for name in LISTS)
            if number:
                wait = "1 waits" if number == 1 else f"{number:,} wait"
                call.say(f"{wait} for you: ankiforge review")
            else:
                step = next_step(workspace.folder, counts, noticed(ledger))
                call.say(next_line(*step))


@command("""
  ankiforge reject dr5b9c0f1d --reason "too vague"
  ankiforge reject af53yatsl3            a card: it is not offered again
  ankiforge reject dr5b9c0f1d --passage  all that is undecided of its passage
  ankiforge reject vault:notes/90e45ebadf289dce    a highlight: no card is made of it
  ankiforge reject --no-card "advice or an aside"  all that have no card for this reason
  ankiforge reject --all --filter "verdict:waiting document:Memory"
""")  # fmt: skip
@click.argument("ids", nargs=-1, metavar="[ID|KEY]...")
@ALL
@FILTER
@REASON
@flag(
    "--passage",
    "passages",
    help="Reject all undecided facts of the passage; its cards stay.",
)
@text_option(
    "--no-card",
    "because",
    metavar="TEXT",
    help="Reject every highlight that has no card for this reason.",
)
def reject(
    call: Call,
    reason: str,
    passages: bool,
    because: str,
    **which: Unpack[DecisionOptions],
) -> None:
    """Reject drafts, cards and highlights, or answer questions with no."""
    from ankiforge.ledger import lists
    from ankiforge.model import CardHere, is_card_id
    from ankiforge.pipeline.query import is_key

    with session(call) as workspace:
        ledger = workspace.ledger

        def reject_one(id: str) -> str:
            ledger.reject(id, reason)
            return id if is_card_id(id) else ""

        ids = which["ids"]
        keys = [id for id in ids if is_key(id)]
        keys += _without_card(ledger, because)
        which["ids"] = tuple(id for id in ids if not is_key(id))
        chosen: list[str] = []
        if which["ids"] or which["every"] or which["query"] or not (ids or because):
            chosen = selected(ledger, **which)
        if which["every"]:
            lines = lists.lines(ledger, chosen)
            chosen = []
            for line in lines:
                if not isinstance(line, CardHere) or line.live:
                    chosen.append(line.id)
        if passages:
            keys += [line.highlight.key for line in lists.lines(ledger, chosen)]
            chosen = []
        if because and not keys:
            call.say(f"no highlight is without a card because of {because!r}")
            call.say("the reasons: ankiforge list --no-card")
        chosen += dict.fromkeys(keys)
        report(call, ledger, chosen, reject_one, "rejected")


def _without_card(ledger: Ledger, because: str) -> list[str]:
    """Return the keys of the highlights that have no card for a reason; "" = of none."""
    from ankiforge.ledger import WITHOUT, overview
    from ankiforge.pipeline.proposals import proposal_of

    words = because.strip().casefold()
    keys: list[str] = []
    for outcome in overview.fates(ledger) if words else ():
        if outcome.fate not in WITHOUT:
            continue
        found = proposal_of(ledger, outcome)
        if isinstance(found, str) and words in found.casefold():
            keys.append(outcome.highlight.key)
    return keys


@command("""
  ankiforge undo                    your last decision; repeat for the one before
  ankiforge undo af53yatsl3         the last decision about this card, or change by its source
  ankiforge undo af53yatsl3 --as-new    a card of its own for the new words
  ankiforge undo m1.42              a decision by its id, from list --view recent -v
""")  # fmt: skip
@click.argument("words", nargs=-1, metavar="[ID]...")
@flag("--as-new", help="The source states another fact: make it a new card.")
def undo(call: Call, words: Words, as_new: bool) -> None:
    """Take back your last decision, or the last one about a card or draft.

    Decisions made by one command are taken back together. If you undo a change by the source, the
    old words stay, and its next change is a question.
    """
    from ankiforge.ledger import lists
    from ankiforge.ledger.decide import undo as take_back
    from ankiforge.pipeline.query import find, is_id
    from ankiforge.reports.cards import done_words, question_of

    with session(call) as workspace:
        ledger = workspace.ledger

        def undo_one(id: str) -> None:
            entries = take_back(ledger, id, as_new=as_new).entries
            for entry in entries[:SHOWN]:
                line = next(lists.lines(ledger, [entry.guid]), None)
                about = question_of(line.fields) if line else done_words(entry)
                call.say(f"taken back: {entry.said}: {about}")
            if len(entries) > SHOWN:
                call.say("… and the others that the same command decided")
            if len(entries) > 1:
                call.say(f"{len(entries)} undone")

        ids = []
        for word in words:
            ids.append(find(ledger, word, decided=True) if is_id(word) else word)
        report(call, ledger, ids or [""], undo_one, "undone")


def report(
    call: Call,
    ledger: Ledger,
    ids: Iterable[str],
    decide: Callable[[str], str | None],
    done: str,
) -> None:
    """Decide on each of the ids as one action, and print the results.

    The exit code is 1 if any was refused. What is refused does not stop the rest.

    Args:
        call: shapes the output.
        ledger: records the decisions.
        ids: of the drafts, cards and passages.
        decide: decides on one, and returns its guid, if it has one.
        done: the participle, for messages.
    """
    from ankiforge.ledger.decide import can_undo, cards_made, read_ahead
    from ankiforge.model import is_question_id
    from ankiforge.text import counted

    results: list[Json] = []
    refusals: list[RefusedError] = []
    with ledger.action() as action:
        for id in read_ahead(ledger, ids):
            result: Json = {"id": id, "guid": None, "done": True, "refused": ""}
            try:
                result["guid"] = decide(id) or None
            except RefusedError as error:
                result |= {"done": False, "refused": error.message}
                refusals.append(error)
            results.append(result)
    nothing = f"nothing was {done}"
    nobody = {"id": None, "guid": None, "done": False, "refused": nothing}
    number = len(results) - len(refusals)
    if call.as_json:
        for result in results or [nobody]:
            call.data(result)
    elif not results:
        call.say(nothing)
    else:
        for refusal in refusals:
            call.warn(f"refused: {refusal.told}")
        if number and done != "undone":
            undo = "; to take it back: ankiforge undo" if can_undo(ledger, action) else ""
            if any(is_question_id(each["id"]) for each in results):
                answers = [each for each in ledger.history() if each.id == action]
                said = [each.said for each in answers if each.what != "accept"]
                done = "answered"
                if any(said):
                    done += f": {', '.join(filter(None, dict.fromkeys(said)))}"
                if len(said) < len(answers):
                    done += f"; {counted(cards_made(ledger, action), 'card')}"
            call.say(f"{number} {done}{undo}")
    if refusals:
        exit_with(1)


# --- which ones -----------------------------------------------------------------------------


def selected(ledger: Ledger, ids: Words, every: bool, query: str) -> list[str]:
    """Return the ids for a decision: those that are named, or all of a query.

    Ids may be those of questions, or keys of highlights; a query never matches one.

    Raises:
        UsageError: there are neither ids nor `--all`, or both; or an id is not one.
    """
    from ankiforge.pipeline.query import find, is_id, is_key, matching

    if bool(ids) == every or (query and not every):
        message = (
            "name cards, drafts or questions by id, or use --all, or --all --filter QUERY"
        )
        raise UsageError(message, hint="ankiforge list -v shows ids")
    for word in ids:
        if not (is_id(word) or is_key(word)):
            hint = "ankiforge list -v shows ids; for a query: --all --filter QUERY"
            raise UsageError(f"{word!r} is not an id", hint=hint)
    if ids:
        return [word if is_key(word) else find(ledger, word) for word in ids]
    return matching(ledger, query)


# --- edit -----------------------------------------------------------------------------------


@command("""
  ankiforge edit af53yatsl3 --field Back "the inner membrane"
  ankiforge edit af53yatsl3 --field Deck Biology::Cells --field Tags "cells exam"
  ankiforge edit vault:notes/90e45ebadf289dce --field Front "What is REM?" --field Back "a phase"
""")  # fmt: skip
@click.argument("word", metavar="ID|KEY")
@click.option(
    "--field",
    "changes",
    nargs=2,
    multiple=True,
    metavar="NAME TEXT",
    help="Set a field to this Markdown.",
)
@OVERRULE
def edit(
    call: Call,
    word: str,
    changes: tuple[tuple[str, str], ...],
    force: bool,
) -> None:
    """Reword a card or draft, or make a card from a highlight, given by its key.

    A draft is accepted in your words, which stay when the source changes. Deck and Tags are
    those of the note, tags with blanks between them; in Anki, you move it there.
    """
    from ankiforge.ledger import lists
    from ankiforge.pipeline.collection import lines_as_in_anki
    from ankiforge.pipeline.decks import DECK, TAGS, placement_of
    from ankiforge.pipeline.query import find, is_key
    from ankiforge.reports.cards import line_json

    if not changes:
        hint = f'ankiforge edit {word} --field NAME "TEXT", or ankiforge review'
        raise UsageError("no --field is given", hint=hint)
    fields = dict(changes)
    with session(call, writes="drafting") as workspace:
        ledger = workspace.ledger
        id = word
        if not is_key(word):
            id = find(ledger, word)
            [line] = lines_as_in_anki(ledger, lists.lines(ledger, [id]))
            now = placement_of(ledger, line, workspace.decks)
            placed = {DECK: now.deck, TAGS: " ".join(now.tags)}
            before = {**dict(line.fields), **placed}
            changed = [name for name in fields if fields[name] != before.get(name, "")]
            if not changed:
                call.say("nothing was changed")
                return
        guid, findings = workspace.edit(id, fields, force=force)
        if call.as_json:
            [line] = lists.lines(ledger, [guid])
            call.data(line_json(ledger, line, workspace.decks))
    for finding in findings:
        call.say(f"{finding.severity}: {finding.message}")
    call.say(f"edited: {guid[:10]}; to take it back: ankiforge undo")
