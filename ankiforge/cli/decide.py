"""The commands for decisions: accept, reject, edit, undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

from ankiforge.cli import output as cli
from ankiforge.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from ankiforge.ledger import HistoryEntry, Ledger
    from ankiforge.ledger.decide import UndoResult
    from ankiforge.model import Json, ListRow, Texts
    from ankiforge.pipeline.outside_changes import UndoneChange
    from ankiforge.pipeline.workspace import Workspace

MAX_SHOWN_DECISIONS = 5
"""The maximum number of undone decisions that `undo` lists. It asks before it undoes more."""


ALL_ACCEPTED_OPTION = cli.flag_option(
    "--all",
    "every",
    help="Instead of ids: new cards without a warning. It leaves figures, changed and suggested"
    " cards, and questions.",
)
ALL_REJECTED_OPTION = cli.flag_option(
    "--all",
    "every",
    help="Instead of ids: new cards; with --filter, accepted ones, too. It leaves suggested and"
    " changed cards, and questions.",
)
FILTER_OPTION = cli.text_option(
    "--filter",
    "query",
    metavar="QUERY",
    help="With --all: only what the query matches.",
)

# --- accept, reject, undo -------------------------------------------------------------------


@cli.command("""
  ankiforge accept dr5b9c             a card that waits, or yes to a question
  ankiforge accept hl90e4 --gap 2     a suggested card, with its second gap
  ankiforge accept Networking/        new cards of a folder without a warning
  ankiforge accept dr5b9c --another   another card, beside the one it asks about
  ankiforge accept --all --filter "deck:Biology -finding:*"
""")  # fmt: skip
@click.argument("ids", nargs=-1, metavar="[ID|FOLDER/]...")
@ALL_ACCEPTED_OPTION
@FILTER_OPTION
@click.option(
    "--gap",
    type=click.IntRange(1, 4),
    metavar="N",
    help="For a suggested card: blank out gap N, 1 to 4, instead of the first.",
)
@cli.flag_option(
    "--another",
    help="Make another card, beside the one that would change.",
)
@cli.OVERRULE_OPTION
def accept(
    call: cli.Call,
    ids: cli.Words,
    every: bool,
    query: str | None,
    gap: int | None,
    another: bool,
    force: bool,
) -> None:
    """Accept new and changed cards, or answer questions with yes.

    A changed card takes its new text; --another makes a new card instead. FOLDER/ and --all take
    the new cards that you, a chat or a model wrote, except figures and cards with a warning; they
    leave changed cards, suggested cards and questions, and say how many.
    """
    from ankiforge.pipeline.query import is_folder_term, join_arguments

    names_folder = len(ids) == 1 and is_folder_term(ids[0])
    if names_folder and not every and query is None:
        # FOLDER/ is short for --all --filter FOLDER/
        ids, every, query = (), True, join_arguments(ids)
    if every and gap is not None:
        hint = "ankiforge accept ID --gap 2"
        raise UsageError("--gap needs the id of a highlight", hint=hint)
    if every and another:
        hint = "ankiforge accept ID --another"
        raise UsageError("--another needs the id of a draft", hint=hint)
    with cli.open_workspace(call) as workspace:
        selected_ids = select_ids(workspace.ledger, ids, every, query)
        if every:
            _accept_in_bulk(call, workspace, selected_ids, query or "", forced=force)
            return
        accept_one = partial(
            _accept_one, workspace, gap=gap or 1, another=another, forced=force
        )
        decide_all(call, workspace.ledger, selected_ids, accept_one, DecideCommand.ACCEPT)


def _accept_one(
    workspace: Workspace, id: str, *, gap: int, another: bool, forced: bool
) -> str | None:
    """Accept a draft, a question or the suggested card of a highlight.

    Returns the GUID of the card, if there is one.
    """
    from ankiforge.pipeline import proposals
    from ankiforge.pipeline.query import looks_like_key

    ledger = workspace.ledger
    if looks_like_key(id):
        proposal = proposals.load_proposal(ledger, id)
        return proposals.accept_proposal(ledger, proposal, workspace.decks, gap=gap)
    return ledger.accept(id, gap=gap, forced=forced, another=another)


def _accept_in_bulk(
    call: cli.Call, workspace: Workspace, ids: list[str], query: str, *, forced: bool
) -> None:
    """Accept the new cards without a warning among the selected ones, and print what is left."""
    from ankiforge.ledger.decide import DraftBatches
    from ankiforge.review.items import select_clean_drafts

    ledger = workspace.ledger
    # use a single transaction, so that the ledger doesn't check for other programs' changes at
    # each passage
    with ledger.transaction():
        clean_ids, count_by_reason = select_clean_drafts(ledger, ids, query)
    batches = DraftBatches(ledger, clean_ids)
    if call.verbose:
        for reason, count in count_by_reason.items():
            call.say(f"not accepted: {count:>3} × {reason}")
    accept_one = partial(ledger.accept, forced=forced, batches=batches)
    decide_all(call, ledger, clean_ids, accept_one, DecideCommand.ACCEPT, in_bulk=True)
    if not call.verbose:
        for line in _describe_warned_drafts(count_by_reason):
            call.say(line)
    left_kinds = _list_kinds_left_by_bulk(ledger)
    if left_kinds:
        call.say(f"  left, one by one: {', '.join(left_kinds)}")
    cli.print_next_command(call.say, workspace)


def _describe_warned_drafts(count_by_reason: Mapping[str, int]) -> Iterator[str]:
    """Yield a line for each check that kept new cards from being accepted in bulk."""
    from ankiforge.check import RULES, describe_rule
    from ankiforge.text import join_columns

    for rule in RULES:
        count = count_by_reason.get(describe_rule(rule.id), 0)
        if count:
            left = f"  {count:,} left, with a warning: {rule.short_message}"
            yield join_columns(left, f"ankiforge list finding:{rule.id}")


def _list_kinds_left_by_bulk(ledger: Ledger) -> list[str]:
    """Return how many items wait of each kind that is never accepted in bulk."""
    from ankiforge.ledger import pending_items
    from ankiforge.text.lines import format_lines, make_noun_line

    pending = pending_items.load_pending_items(ledger)
    waiting = pending_items.count_waiting(pending)
    suggested_count = waiting.new - len(pending.offered_drafts)
    kinds = [
        make_noun_line("suggested", suggested_count, "suggested card"),
        make_noun_line("changed", waiting.changed, "changed card"),
        make_noun_line("questions", waiting.questions, "question"),
    ]
    return format_lines(kinds)


@cli.command("""
  ankiforge reject dr5b9c --reason "too vague"
  ankiforge reject af53ya   a card: it is not offered again
  ankiforge reject hl90e4   a highlight: nothing more of it is offered
  ankiforge reject --all --filter "verdict:waiting Networking/"
""")  # fmt: skip
@click.argument("ids", nargs=-1, metavar="[ID]...")
@ALL_REJECTED_OPTION
@FILTER_OPTION
@cli.REASON_OPTION
def reject(
    call: cli.Call,
    ids: cli.Words,
    every: bool,
    query: str | None,
    reason: str | None,
) -> None:
    """Reject what waits, cards and highlights, or answer questions with no."""
    from ankiforge.ledger import item_lists
    from ankiforge.model import is_card_id

    with cli.open_workspace(call) as workspace:
        ledger = workspace.ledger

        def reject_one(id: str) -> str | None:
            ledger.reject(id, reason)
            return id if is_card_id(id) else None

        chosen_ids = select_ids(ledger, ids, every, query)
        if every:
            list_rows = item_lists.load_items(ledger, chosen_ids)
            chosen_ids = [
                row.id
                for row in list_rows
                if _is_rejected_in_bulk(row, is_filtered=query is not None)
            ]
        chosen_ids = [*dict.fromkeys(chosen_ids)]
        decide_all(
            call, ledger, chosen_ids, reject_one, DecideCommand.REJECT, in_bulk=every
        )


def _is_rejected_in_bulk(list_row: ListRow, *, is_filtered: bool) -> bool:
    """Return whether `--all` rejects a card or draft.

    Accepted cards are only rejected if a filter selects them. Cards whose passage has changed are
    retired one by one.
    """
    from ankiforge.model import LocalCard

    if isinstance(list_row, LocalCard):
        return is_filtered and list_row.is_live
    return not list_row.keeps_text


@cli.command("""
  ankiforge undo          your last decision; repeat for the one before
  ankiforge undo af53ya   the last change of this card
  ankiforge undo m1.42    a decision by its id, from list --view recent -v
""")  # fmt: skip
@click.argument("words", nargs=-1, metavar="[ID]...")
@cli.flag_option("--yes", help="Do not ask, even if many decisions are undone.")
def undo(call: cli.Call, words: cli.Words, yes: bool) -> None:
    """Undo your last decision, or the last one about a card or draft.

    Decisions made by one command are undone together; for more than five, you are asked first. If
    you undo a change by the source, the card keeps its old text, and you are asked about the next
    change. What a model or chat drafted since your last decision is undone first, all of one
    command or import together.
    """
    with cli.open_workspace(call) as workspace:
        ledger = workspace.ledger
        if words:
            ids = _resolve_ids_to_undo(ledger, words)
            _confirm_undo(call, ledger, ids, words, yes=yes)
        elif workspace.is_last_change_permanent():
            ids = [_LAST_DECISION]
            call.warn("the notes that patch --apply wrote can no longer be restored")
            _confirm_undo(call, ledger, ids, words, yes=yes, is_older=True)
            workspace.undo_outside_change()  # so that it is said only once
        else:
            undone_change = workspace.undo_outside_change()
            if undone_change is not None:
                _report_outside_change(call, undone_change)
                return
            ids = [_LAST_DECISION]
            _confirm_undo(call, ledger, ids, words, yes=yes)
        decide_all(
            call, ledger, ids, partial(_undo_one, call, workspace), DecideCommand.UNDO
        )


_LAST_DECISION = ""
"""Stands for the user's last decision where `undo_decision` expects an id."""


def _resolve_ids_to_undo(ledger: Ledger, words: cli.Words) -> list[str]:
    """Return the ids of the decisions, cards and drafts that the user has named, each once."""
    from ankiforge.pipeline import query as queries

    ids = []
    for word in words:
        if queries.looks_like_id(word):
            ids.append(queries.resolve_id(ledger, word, include_decided=True))
        else:
            ids.append(word)
    return [*dict.fromkeys(ids)]


def _confirm_undo(
    call: cli.Call,
    ledger: Ledger,
    ids: Iterable[str],
    words: cli.Words,
    *,
    yes: bool,
    is_older: bool = False,
) -> None:
    """Ask before more than `MAX_SHOWN_DECISIONS` decisions are undone, or any if `is_older`.

    Args:
        call: the command's options.
        ledger: where the decisions are recorded.
        ids: what to undo: decisions, cards and drafts, or `_LAST_DECISION`.
        words: the arguments of the command, for the hint.
        yes: whether the user has agreed already.
        is_older: whether the decisions were made before a change that stays, such as notes that
            `patch --apply` wrote. The user may think that `undo` reverts that change.

    Raises:
        UsageError: the user said no, or can't be asked.
    """
    from ankiforge.ledger.decide import count_decisions_to_undo
    from ankiforge.text import format_count

    count = sum(count_decisions_to_undo(ledger, id) for id in ids)
    if count == 0 or (count <= MAX_SHOWN_DECISIONS and not is_older):
        return
    decisions = format_count(count, "older decision" if is_older else "decision")
    if not call.confirm(f"Undo {decisions}?", yes=yes):
        hint = " ".join(("ankiforge undo", *words, "--yes"))
        raise UsageError("nothing was undone", hint=hint)


def _report_outside_change(call: cli.Call, change: UndoneChange) -> None:
    """Print what was undone of `forget` or `patch --apply`, and exit with 1 if anything failed."""
    from ankiforge.text import format_truncated_list

    if change.names:
        call.say(f"✓ undone: {change.command} {format_truncated_list(change.names)}")
    call.print_problems(change.problems)
    results = [ItemResult(change.command)] if change.names else []
    _print_results(call, results, DecideCommand.UNDO)
    cli.exit_if_failed(change.problems)


def _undo_one(call: cli.Call, workspace: Workspace, id: str) -> None:
    """Undo a decision or a drafting, and print what was undone.

    Raises:
        RefusedError: it can't be undone.
    """
    from ankiforge.ledger.decide import undo_decision
    from ankiforge.reports.history import describe_draft

    result = undo_decision(workspace.ledger, id)
    if result.drafts is not None and workspace.folder.config.drafter == "llm":
        call.say("the next run drafts again; to stop that: ankiforge model off")
    drafts = result.drafts or ()
    shown_drafts = drafts[:MAX_SHOWN_DECISIONS]
    shown_entries = result.entries[:MAX_SHOWN_DECISIONS]
    lines = [describe_draft(draft) for draft in shown_drafts]
    lines += [_describe_entry(workspace.ledger, entry) for entry in shown_entries]
    hidden_count = len(drafts) + len(result.entries) - len(lines)
    if hidden_count > 0:
        lines.append(f"… and {hidden_count:,} more")
    counts = _format_undone_counts(result)
    if counts is not None:
        call.say("\n  ".join([f"✓ undone: {counts}", *lines]))


def _describe_entry(ledger: Ledger, entry: HistoryEntry) -> str:
    """Return the question of the card or draft that was decided on, or else the decision."""
    from ankiforge.ledger import item_lists
    from ankiforge.reports.cards import format_short_question
    from ankiforge.reports.history import describe_decision

    list_row = next(item_lists.load_items(ledger, [entry.guid]), None)
    if list_row is None:
        return describe_decision(entry)
    return format_short_question(list_row)


def _format_undone_counts(result: UndoResult) -> str | None:
    """Return what was undone, such as "2 accepted, edited", or None if nothing was.

    A drafting is undone as a whole, even if it made no card.
    """
    from ankiforge.reports.history import describe_event, format_draft_counts
    from ankiforge.text import format_count

    if result.drafts is None:  # decisions were undone
        count_by_kind = Counter(describe_event(entry).name for entry in result.entries)
        kinds = []
        for kind, count in count_by_kind.items():
            kinds.append(f"{count:,} {kind}" if count > 1 else kind)
        return ", ".join(kinds) or None
    if not result.drafts:
        asked = format_count(result.drafted_count, "highlight")
        return f"no card for {asked}, by a model or chat"
    new_count = len(result.drafts) - result.rewording_count
    counts = format_draft_counts(new_count, result.rewording_count)
    return f"{counts} by a model or chat"


# --- decisions on several items --------------------------------------------------------------


class DecideCommand(StrEnum):
    """What is done with several items, as a participle for messages."""

    ACCEPT = "accepted"
    REJECT = "rejected"
    UNDO = "undone"


class ItemResult(NamedTuple):
    """What became of a decision on one item."""

    id: str | None
    """The id of the item, or None if there was nothing to decide on."""
    guid: str | None = None
    """The GUID of the item's note, if it has one."""
    refusal: RefusedError | None = None
    """Why the decision was refused, or None if it was made."""

    def to_json(self) -> Json:
        """Convert the result to the JSON that `accept`, `reject` and `undo` print."""
        return {
            "id": self.id,
            "guid": self.guid,
            "done": self.refusal is None,
            "refused": "" if self.refusal is None else self.refusal.message,
        }


def decide_all(
    call: cli.Call,
    ledger: Ledger,
    ids: Iterable[str],
    decide: Callable[[str], str | None],
    verb: DecideCommand,
    *,
    in_bulk: bool = False,
) -> None:
    """Decide on each id as a single undoable action, and print the results.

    If a decision is refused, the others still go ahead, but the exit code is 1.

    Args:
        call: the command's options.
        ledger: where the decisions are recorded.
        ids: the ids of drafts, cards, questions and passages.
        decide: a function that decides on an id and returns the note's GUID, if any.
        verb: what is done.
        in_bulk: whether the ids come from a query. If so, drafts already resolved by an earlier
            decision in this action count as decided.
    """
    ids = [*ids]
    effects = _load_effects(ledger, ids, verb)
    with ledger.action() as action:
        results = [_try_to_decide(decide, id, in_bulk=in_bulk) for id in ids]
    _print_results(call, results, verb)
    refused_count = sum(result.refusal is not None for result in results)
    done_count = len(results) - refused_count
    # what is undone, `decide` has printed
    if done_count > 0 and verb is not DecideCommand.UNDO and not call.as_json:
        done = f"answered: {', '.join(effects)}" if effects else verb
        call.say(f"✓ {done_count} {done}{_format_undo_hint(ledger, action)}")
    if refused_count > 0:
        cli.exit_with_code(1)


def _print_results(
    call: cli.Call, results: Sequence[ItemResult], verb: DecideCommand
) -> None:
    """Print all results as JSON; or, as text, the refusals, or that nothing was done."""
    if not results:
        nothing_done = RefusedError(f"nothing was {verb}")
        if call.as_json:
            call.print_json(ItemResult(None, refusal=nothing_done).to_json())
        else:
            call.say(nothing_done.message)
        return
    for result in results:
        if call.as_json:
            call.print_json(result.to_json())
        elif result.refusal is not None:
            call.warn(f"refused: {result.refusal.full_message}")


def _try_to_decide(
    decide: Callable[[str], str | None], id: str, *, in_bulk: bool
) -> ItemResult:
    """Decide on an item, and return the result, or why the decision is refused."""
    from ankiforge.ledger.decide import NotPendingError

    try:
        return ItemResult(id, guid=decide(id))
    except RefusedError as error:
        if in_bulk and isinstance(error, NotPendingError):
            return ItemResult(id)
        return ItemResult(id, refusal=error)


def _format_undo_hint(ledger: Ledger, action: str) -> str:
    """Return how to undo an action, to be added to a line, unless it can't be undone."""
    from ankiforge.ledger.decide import can_undo

    return "; to undo it: ankiforge undo" if can_undo(ledger, action) else ""


def _load_effects(ledger: Ledger, ids: Collection[str], verb: DecideCommand) -> list[str]:
    """Return what the answers to the questions among the ids do, each once."""
    from ankiforge.ledger.questions import find_open_questions
    from ankiforge.model import is_question_id

    if not any(map(is_question_id, ids)):
        return []
    effects = []
    for question in find_open_questions(ledger):
        if question.id not in ids:
            continue
        if verb is DecideCommand.ACCEPT:
            effects.append(question.accept_effect)
        else:
            effects.append(question.reject_effect)
    return [*dict.fromkeys(effects)]


# --- the items to decide on -----------------------------------------------------------------


def select_ids(
    ledger: Ledger, ids: cli.Words, every: bool, query: str | None
) -> list[str]:
    """Return the full ids of the items selected by `ids`, or by `every` and `query`.

    Questions and highlights can only be selected through `ids`; queries never match them.

    Raises:
        UsageError: neither or both of ids and `--all` were given, or an id is invalid.
    """
    from ankiforge.pipeline import query as queries

    selects_by_id = bool(ids) and not every and query is None
    selects_by_query = every and not ids
    if not (selects_by_id or selects_by_query):
        message = "say which cards: ids, --all, or --all --filter QUERY"
        raise UsageError(message, hint="ankiforge list shows the ids")
    if selects_by_query:
        return _find_ids_by_query(ledger, query)
    for id in ids:
        if not (queries.looks_like_id(id) or queries.looks_like_key(id)):
            hint = (
                "ankiforge list shows ids, of which the first six characters are enough;"
                " for a query: --all --filter QUERY"
            )
            raise UsageError(f"{id!r} is not an id", hint=hint)
    return [queries.resolve_id(ledger, id) for id in ids]


def _find_ids_by_query(ledger: Ledger, query: str | None) -> list[str]:
    """Return the ids of the cards and drafts that match a query, or of all without one.

    The query may be a folder as it is typed, such as `My Notes/`, although it contains spaces.
    """
    from ankiforge.pipeline import query as queries

    if query is None:
        return queries.find_matching_ids(ledger, "")
    if queries.is_folder_term(query) and not queries.uses_query_syntax(query):
        query = queries.join_arguments([query])
    return queries.find_matching_ids(ledger, query)


# --- edit -----------------------------------------------------------------------------------


@cli.command("""
  ankiforge edit af53ya --field Back "the inner membrane"
  ankiforge edit af53ya --field Deck Biology::Cells --field Tags "cells exam"
  ankiforge edit hl90e4 --field Front "What is REM?" --field Back "a phase"
""")  # fmt: skip
@click.argument("word", metavar="ID")
@click.option(
    "--field",
    "changes",
    nargs=2,
    multiple=True,
    metavar="NAME TEXT",
    help="Set a field to this Markdown.",
)
@cli.OVERRULE_OPTION
def edit(
    call: cli.Call,
    word: str,
    changes: tuple[tuple[str, str], ...],
    force: bool,
) -> None:
    """Reword a card or draft, or make a card from a highlight.

    A draft is accepted with your text, which stays when the source changes. Deck and Tags are
    fields, too; separate tags with spaces. If Anki has the note already, change its deck there.
    """
    from ankiforge.ledger import item_lists
    from ankiforge.pipeline import query as queries
    from ankiforge.reports.cards import format_short_question, list_row_to_json

    if not changes:
        hint = f'ankiforge edit {word} --field NAME "TEXT", or ankiforge review'
        raise UsageError("no --field is given", hint=hint)
    fields = dict(changes)
    with cli.open_workspace(call, writes="drafting") as workspace:
        ledger = workspace.ledger
        id = queries.resolve_id(ledger, word)
        # a key is that of a highlight, from which a new card is made
        makes_card = queries.looks_like_key(id)
        if not makes_card and not _has_changes(workspace, id, fields):
            call.say("nothing was changed")
            return
        guid, findings = workspace.edit(id, fields, force=force)
        [list_row] = item_lists.load_items(ledger, [guid])
        if call.as_json:
            call.print_json(list_row_to_json(ledger, list_row, workspace.decks))
    for finding in findings:
        call.say(f"{finding.severity}: {finding.message}")
    call.say(f"✓ edited: {format_short_question(list_row)}")
    call.say("  to undo it: ankiforge undo")


def _has_changes(workspace: Workspace, id: str, fields: Texts) -> bool:
    """Return whether any field of a card or draft, its deck or its tags would change."""
    from ankiforge.ledger import item_lists
    from ankiforge.pipeline.collection import apply_anki_edits_to_rows
    from ankiforge.pipeline.decks import DECK, TAGS, find_deck_and_tags

    ledger = workspace.ledger
    [list_row] = apply_anki_edits_to_rows(ledger, item_lists.load_items(ledger, [id]))
    placement = find_deck_and_tags(ledger, list_row, workspace.decks)
    old_fields = {
        **dict(list_row.fields),
        DECK: placement.deck,
        TAGS: " ".join(placement.tags),
    }
    return any(text != old_fields.get(name, "") for name, text in fields.items())
