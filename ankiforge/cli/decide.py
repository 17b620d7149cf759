"""The commands for decisions: accept, reject, edit, undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

from ankiforge.cli import output as cli
from ankiforge.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from ankiforge.ledger import Ledger
    from ankiforge.model import Json

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
    help="Instead of ids: new and changed cards. It leaves suggested cards and questions.",
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
    from ankiforge.check import RULES, describe_rule
    from ankiforge.ledger.decide import DraftBatches
    from ankiforge.pipeline import proposals
    from ankiforge.pipeline.query import is_folder_term, join_arguments, looks_like_key
    from ankiforge.review.items import select_clean_drafts
    from ankiforge.text import join_columns

    if len(ids) == 1 and is_folder_term(ids[0]) and not (every or query):
        ids, every, query = (), True, join_arguments(ids)
    if every and gap is not None:
        hint = "ankiforge accept ID --gap 2"
        raise UsageError("--gap needs the id of a highlight", hint=hint)
    if every and another:
        hint = "ankiforge accept ID --another"
        raise UsageError("--another needs the id of a draft", hint=hint)
    with cli.open_workspace(call) as workspace:
        ledger = workspace.ledger
        batches: DraftBatches | None = None

        def accept_one(id: str) -> str | None:
            if looks_like_key(id):
                proposal = proposals.load_proposal(ledger, id)
                return proposals.accept_proposal(
                    ledger, proposal, workspace.decks, gap=gap or 1
                )
            return ledger.accept(
                id, gap=gap or 1, forced=force, another=another, batches=batches
            )

        chosen_ids = select_ids(ledger, ids, every, query)
        count_by_reason = Counter[str]()
        if every:
            # use a single transaction, so that the ledger doesn't check for other programs' changes
            # at each passage
            with ledger.transaction():
                chosen_ids, count_by_reason = select_clean_drafts(
                    ledger, chosen_ids, query or ""
                )
            batches = DraftBatches(ledger, chosen_ids)
            for reason, pending_count in count_by_reason.items() if call.verbose else ():
                call.say(f"not accepted: {pending_count:>3} × {reason}")
        decide_all(call, ledger, chosen_ids, accept_one, "accepted", every=every)
        if every:
            for rule in RULES:
                warned_count = count_by_reason[describe_rule(rule.id)]
                if warned_count and not call.verbose:
                    left = (
                        f"  {warned_count:,} left, with a warning: {rule.short_message}"
                    )
                    call.say(join_columns(left, f"ankiforge list finding:{rule.id}"))
            left_kinds = _describe_what_bulk_leaves(ledger)
            if left_kinds:
                call.say(f"  left, one by one: {left_kinds}")
            cli.print_next_command(call.say, workspace)


def _describe_what_bulk_leaves(ledger: Ledger) -> str:
    """Describe what waits, but is never accepted in bulk, or return ""."""
    from ankiforge.ledger import pending_items
    from ankiforge.text import format_count

    pending = pending_items.load_pending_items(ledger)
    waiting = pending_items.count_waiting(pending)
    suggested_count = waiting.new - len(pending.offered_drafts)
    parts = []
    if suggested_count:
        parts.append(format_count(suggested_count, "suggested card"))
    if waiting.changed:
        parts.append(format_count(waiting.changed, "changed card"))
    if waiting.questions:
        parts.append(format_count(waiting.questions, "question"))
    return ", ".join(parts)


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
    from ankiforge.model import LocalCard, is_card_id

    with cli.open_workspace(call) as workspace:
        ledger = workspace.ledger

        def reject_one(id: str) -> str:
            ledger.reject(id, reason)
            return id if is_card_id(id) else ""

        chosen_ids = select_ids(ledger, ids, every, query)
        if every:
            # cards whose passage changed are retired one by one
            chosen_ids = [
                list_row.id
                for list_row in item_lists.load_items(ledger, chosen_ids)
                if (
                    list_row.is_live
                    if isinstance(list_row, LocalCard)
                    else not list_row.keeps_text
                )
            ]
        chosen_ids = [*dict.fromkeys(chosen_ids)]
        decide_all(call, ledger, chosen_ids, reject_one, "rejected", every=every)


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
    from ankiforge.ledger import item_lists
    from ankiforge.ledger.decide import count_decisions_to_undo
    from ankiforge.ledger.decide import undo_decision as take_back
    from ankiforge.pipeline import query as queries
    from ankiforge.reports.cards import format_short_question
    from ankiforge.reports.history import (
        describe_decision,
        describe_draft,
        describe_event,
        format_draft_counts,
    )
    from ankiforge.text import format_count, format_truncated_list

    with cli.open_workspace(call) as workspace:
        ledger = workspace.ledger

        def undo_one(id: str) -> None:
            result = take_back(ledger, id)
            kinds = Counter(describe_event(entry).name for entry in result.entries)
            numbers = [f"{n:,} {kind}" if n > 1 else kind for kind, n in kinds.items()]
            drafts = result.drafts or ()
            if result.drafts is not None:
                asked = format_count(result.drafted_count, "highlight")
                new_count = len(drafts) - result.rewording_count
                counts = format_draft_counts(new_count, result.rewording_count)
                counts = counts if drafts else f"no card for {asked},"
                numbers = [f"{counts} by a model or chat"]
                if workspace.folder.config.drafter == "llm":
                    call.say(
                        "the next run drafts again; to stop that: ankiforge model off"
                    )
            lines = [*map(describe_draft, drafts[:MAX_SHOWN_DECISIONS])]
            for entry in result.entries[:MAX_SHOWN_DECISIONS]:
                list_row = next(item_lists.load_items(ledger, [entry.guid]), None)
                lines.append(
                    format_short_question(list_row)
                    if list_row
                    else describe_decision(entry)
                )
            if hidden_count := len(result.entries) + len(drafts) - len(lines):
                lines.append(f"… and {hidden_count:,} more")
            if numbers:
                undone = f"✓ undone: {', '.join(numbers)}"
                call.say("\n  ".join([undone, *lines]))

        is_older = not words and workspace.is_last_change_permanent()
        if is_older:
            call.warn("the notes that patch --apply wrote can no longer be restored")
        undone_change = None
        if not (words or is_older):
            undone_change = workspace.undo_outside_change()
        if undone_change is not None:
            command, names, problems = (
                undone_change.command,
                undone_change.names,
                undone_change.problems,
            )
            if names:
                call.say(f"✓ undone: {command} {format_truncated_list(names)}")
            call.print_problems(problems)
            undone_ids = [command] if names else []
            decide_all(call, ledger, undone_ids, lambda id: None, "undone")
            cli.exit_if_failed(problems)
            return
        ids = []
        for word in words:
            ids.append(
                queries.resolve_id(ledger, word, include_decided=True)
                if queries.looks_like_id(word)
                else word
            )
        ids = [*dict.fromkeys(ids)]
        count = sum(count_decisions_to_undo(ledger, id) for id in ids or [""])
        decisions = format_count(count, "older decision" if is_older else "decision")
        needs_answer = count > MAX_SHOWN_DECISIONS or (is_older and count > 0)
        if not call.confirm(f"Undo {decisions}?", yes=yes or not needs_answer):
            hint = " ".join(("ankiforge undo", *words, "--yes"))
            raise UsageError("nothing was undone", hint=hint)
        if is_older:
            workspace.undo_outside_change()  # so that it is said only once
        decide_all(call, ledger, ids or [""], undo_one, "undone")


def decide_all(
    call: cli.Call,
    ledger: Ledger,
    ids: Iterable[str],
    decide: Callable[[str], str | None],
    participle: str,
    *,
    every: bool = False,
) -> None:
    """Decide on each id as a single undoable action, and print the results.

    If a decision is refused, the others still go ahead, but the exit code is 1.

    Args:
        call: the command's options.
        ledger: where the decisions are recorded.
        ids: the ids of drafts, cards, questions and passages.
        decide: a function that decides on an id and returns the note's GUID, if any.
        participle: what was done, for messages, e.g. `accepted`.
        every: whether the ids come from a query. If so, drafts already resolved by an earlier
            decision in this action count as decided.
    """
    from ankiforge.ledger.decide import NotPendingError, can_undo
    from ankiforge.ledger.questions import find_open_questions
    from ankiforge.model import is_question_id

    results: list[Json] = []
    refusals: list[RefusedError] = []
    ids, is_yes = list(ids), participle == "accepted"
    questions = find_open_questions(ledger) if any(map(is_question_id, ids)) else []
    effects = [
        question.accept_effect if is_yes else question.reject_effect
        for question in questions
        if question.id in ids
    ]
    with ledger.action() as action:
        for id in ids:
            result: Json = {"id": id, "guid": None, "done": True, "refused": ""}
            try:
                result["guid"] = decide(id) or None
            except RefusedError as error:
                if every and isinstance(error, NotPendingError):
                    results.append(result)
                    continue
                result |= {"done": False, "refused": error.message}
                refusals.append(error)
            results.append(result)
    nothing_done = f"nothing was {participle}"
    empty_result = {"id": None, "guid": None, "done": False, "refused": nothing_done}
    done_count = len(results) - len(refusals)
    if call.as_json:
        for result in results or [empty_result]:
            call.print_json(result)
    elif not results:
        call.say(nothing_done)
    else:
        for refusal in refusals:
            call.warn(f"refused: {refusal.full_message}")
        if done_count and participle != "undone":
            undo = "; to undo it: ankiforge undo" if can_undo(ledger, action) else ""
            if effects:
                participle = (
                    f"answered: {', '.join(filter(None, dict.fromkeys(effects)))}"
                )
            call.say(f"✓ {done_count} {participle}{undo}")
    if refusals:
        cli.exit_with_code(1)


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

    if bool(ids) == every or (query and not every):
        message = "say which cards: ids, --all, or --all --filter QUERY"
        raise UsageError(message, hint="ankiforge list shows the ids")
    for id in ids:
        if not (queries.looks_like_id(id) or queries.looks_like_key(id)):
            hint = "ankiforge list shows ids; for a query: --all --filter QUERY"
            raise UsageError(f"{id!r} is not an id", hint=hint)
    if ids:
        return [queries.resolve_id(ledger, id) for id in ids]
    if query is None:
        return queries.find_matching_ids(ledger, "")
    if queries.is_folder_term(query) and not queries.uses_query_syntax(query):
        query = queries.join_arguments([query])  # its name may contain spaces
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
    from ankiforge.pipeline.collection import apply_anki_edits_to_rows
    from ankiforge.pipeline.decks import DECK, TAGS, find_deck_and_tags
    from ankiforge.reports.cards import format_short_question, list_row_to_json

    if not changes:
        hint = f'ankiforge edit {word} --field NAME "TEXT", or ankiforge review'
        raise UsageError("no --field is given", hint=hint)
    fields = dict(changes)
    with cli.open_workspace(call, writes="drafting") as workspace:
        ledger = workspace.ledger
        id = queries.resolve_id(ledger, word)
        if not queries.looks_like_key(id):
            [list_row] = apply_anki_edits_to_rows(
                ledger, item_lists.load_items(ledger, [id])
            )
            placement = find_deck_and_tags(ledger, list_row, workspace.decks)
            placement_fields = {DECK: placement.deck, TAGS: " ".join(placement.tags)}
            old_fields = {**dict(list_row.fields), **placement_fields}
            changed_names = [
                name for name in fields if fields[name] != old_fields.get(name, "")
            ]
            if not changed_names:
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
